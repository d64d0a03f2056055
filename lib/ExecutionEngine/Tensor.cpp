//===- Tensor.cpp - Arrays that enter and leave compiled code -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/ExecutionEngine/Tensor.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace sparsek;

namespace {
struct ElementTypeInfo {
  ElementType type;
  StringRef name;
  unsigned bytes;
};
} // namespace

static constexpr ElementTypeInfo kElementTypes[] = {
    {ElementType::I1, "i1", 1},   {ElementType::I8, "i8", 1},
    {ElementType::I16, "i16", 2}, {ElementType::I32, "i32", 4},
    {ElementType::I64, "i64", 8}, {ElementType::Index, "index", 8},
    {ElementType::F16, "f16", 2}, {ElementType::BF16, "bf16", 2},
    {ElementType::F32, "f32", 4}, {ElementType::F64, "f64", 8},
};

static const ElementTypeInfo &getInfo(ElementType type) {
  return kElementTypes[static_cast<size_t>(type)];
}

StringRef sparsek::getName(ElementType type) { return getInfo(type).name; }

unsigned sparsek::getByteSize(ElementType type) { return getInfo(type).bytes; }

std::string sparsek::getElementTypeNames() {
  std::string names;
  for (const ElementTypeInfo &info : kElementTypes)
    names += (llvm::Twine(names.empty() ? "" : ", ") + info.name).str();
  return names;
}

std::optional<ElementType> sparsek::parseElementType(StringRef name) {
  for (const ElementTypeInfo &info : kElementTypes)
    if (info.name == name)
      return info.type;
  return std::nullopt;
}

std::optional<ElementType> sparsek::getElementType(Type type) {
  if (type.isIndex())
    return ElementType::Index;
  if (auto intType = dyn_cast<IntegerType>(type)) {
    if (!intType.isSignless())
      return std::nullopt;
    return parseElementType(
        (llvm::Twine("i") + llvm::Twine(intType.getWidth())).str());
  }
  if (type.isF16())
    return ElementType::F16;
  if (type.isBF16())
    return ElementType::BF16;
  if (type.isF32())
    return ElementType::F32;
  if (type.isF64())
    return ElementType::F64;
  return std::nullopt;
}

std::optional<int64_t> sparsek::getNumElements(ArrayRef<int64_t> shape) {
  // A zero makes the whole size 0, whatever the product of the others.
  if (llvm::any_of(shape, [](int64_t size) { return size < 0; }))
    return std::nullopt;
  if (llvm::is_contained(shape, 0))
    return 0;
  int64_t count = 1;
  for (int64_t size : shape)
    if (llvm::MulOverflow(count, size, count))
      return std::nullopt;
  return count;
}

std::string sparsek::getTypeString(ElementType type, ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "tensor<";
  for (int64_t size : shape) {
    if (ShapedType::isDynamic(size))
      os << "?x";
    else
      os << size << "x";
  }
  os << getName(type) << ">";
  return text;
}

llvm::Expected<Tensor> Tensor::create(ElementType type,
                                      ArrayRef<int64_t> shape) {
  std::optional<int64_t> count = sparsek::getNumElements(shape);
  int64_t bytes = 0;
  if (!count || llvm::MulOverflow<int64_t>(*count, getByteSize(type), bytes))
    return llvm::createStringError(llvm::Twine("impossible size: ") +
                                   sparsek::getTypeString(type, shape));
  // One element at least: an empty tensor has a valid address too.
  void *data = std::calloc(std::max<int64_t>(bytes, 8), 1);
  if (!data)
    return llvm::createStringError(llvm::Twine("out of memory: ") +
                                   sparsek::getTypeString(type, shape));
  return Tensor(type, shape, data, std::shared_ptr<void>(data, std::free));
}

int64_t Tensor::getNumElements() const {
  return sparsek::getNumElements(shape).value_or(0);
}

//===----------------------------------------------------------------------===//
// Narrow floats
//===----------------------------------------------------------------------===//

float sparsek::bfloat16ToFloat(uint16_t bits) {
  return llvm::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t sparsek::floatToBfloat16(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  if (std::isnan(value))
    return static_cast<uint16_t>((bits >> 16) | 0x40);
  bits += 0x7fff + ((bits >> 16) & 1);
  return static_cast<uint16_t>(bits >> 16);
}

float sparsek::halfToFloat(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 0x1f;
  uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0x1f)
    return llvm::bit_cast<float>(sign | 0x7f800000 | (mantissa << 13));
  if (exponent != 0)
    return llvm::bit_cast<float>(sign | ((exponent + 112) << 23) |
                                 (mantissa << 13));
  float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
  return sign ? -magnitude : magnitude;
}

uint16_t sparsek::floatToHalf(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  if (std::isnan(value))
    return sign | 0x7e00 | static_cast<uint16_t>((bits >> 13) & 0x1ff);
  float magnitude = std::fabs(value);
  // Halfway between the largest half and the next power of two.
  if (magnitude >= 65520.0f)
    return sign | 0x7c00;
  if (magnitude < 0x1p-14f) {
    // Subnormal halves are multiples of 2^-24.
    float scaled = std::nearbyint(magnitude * 0x1p24f);
    return sign | static_cast<uint16_t>(scaled);
  }
  uint32_t rounded = (bits & 0x7fffffff) + 0xfff + ((bits >> 13) & 1);
  return sign | static_cast<uint16_t>((rounded >> 13) - (112 << 10));
}
