//===- ConstantElements.cpp - Elements of constant tensors ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ElementEvaluator.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace sparsek::raise;

static std::optional<double> toDouble(const APInt &value) {
  // Beyond 2^53 a double no longer tells integers apart.
  if (value.getSignificantBits() > 53)
    return std::nullopt;
  return static_cast<double>(value.getSExtValue());
}

static double toDouble(APFloat value) {
  bool inexact;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
  return value.convertToDouble();
}

/// Elements of resources are stored little-endian, booleans in one byte each.
static std::optional<double> readResourceElement(DenseResourceElementsAttr attr,
                                                 ArrayRef<int64_t> indices) {
  Type element = attr.getElementType();
  AsmResourceBlob *blob = attr.getRawHandle().getBlob();
  if (!blob || !element.isIntOrFloat() || element.getIntOrFloatBitWidth() > 64)
    return std::nullopt;
  const bool boolean = element.isInteger(1);
  const unsigned bits = boolean ? 8 : element.getIntOrFloatBitWidth();
  ArrayRef<char> data = blob->getData();
  if (bits % 8 != 0 ||
      data.size() != static_cast<size_t>(attr.getNumElements()) * (bits / 8))
    return std::nullopt;
  int64_t at = 0;
  for (auto [index, size] : llvm::zip(indices, attr.getType().getShape())) {
    if (index < 0 || index >= size)
      return std::nullopt;
    at = at * size + index;
  }
  uint64_t raw = 0;
  for (unsigned byte : llvm::seq(bits / 8))
    raw |= uint64_t(static_cast<unsigned char>(data[at * (bits / 8) + byte]))
           << (8 * byte);
  APInt value(bits, raw, /*isSigned=*/false, /*implicitTrunc=*/true);
  if (auto type = dyn_cast<FloatType>(element))
    return toDouble(APFloat(type.getFloatSemantics(), value));
  if (boolean)
    return value.isZero() ? 0.0 : 1.0;
  return toDouble(value);
}

std::optional<double>
sparsek::raise::readConstantElement(Value tensor, ArrayRef<int64_t> indices) {
  ElementsAttr constant;
  if (!matchPattern(tensor, m_Constant(&constant)))
    return std::nullopt;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant))
    return readResourceElement(resource, indices);
  auto attr = dyn_cast<DenseElementsAttr>(constant);
  if (!attr)
    return std::nullopt;
  SmallVector<uint64_t> at;
  for (auto [index, size] : llvm::zip(indices, attr.getType().getShape())) {
    if (index < 0 || index >= size)
      return std::nullopt;
    at.push_back(index);
  }
  Type element = attr.getElementType();
  if (isa<FloatType>(element))
    return toDouble(attr.getValues<APFloat>()[at]);
  if (!isa<IntegerType, IndexType>(element))
    return std::nullopt;
  APInt value = attr.getValues<APInt>()[at];
  if (element.isInteger(1))
    return value.isZero() ? 0.0 : 1.0;
  return toDouble(value);
}
