//===- TorchSDPA.cpp - Reads torch.aten.scaled_dot_product_attention ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NamedAttention.h"

using namespace mlir;
using namespace sparsek::importer;

/// The name of the torch.constant that a value is: none, bool, int, float.
static StringRef constantKind(Value value) {
  Operation *op = value.getDefiningOp();
  StringRef name = op ? op->getName().getStringRef() : "";
  return name.consume_front("torch.constant.") ? name : "";
}

static std::optional<double> constantNumber(Value value) {
  Operation *op = value.getDefiningOp();
  Attribute attribute = op ? op->getAttr("value") : Attribute();
  StringRef kind = constantKind(value);
  if (auto number = dyn_cast_or_null<FloatAttr>(attribute);
      number && kind == "float")
    return number.getValueAsDouble();
  auto number = dyn_cast_or_null<IntegerAttr>(attribute);
  if (!number || number.getValue().getSignificantBits() > 64)
    return std::nullopt;
  if (kind == "bool")
    return number.getValue().isZero() ? 0 : 1;
  if (kind == "int")
    return static_cast<double>(number.getValue().getSExtValue());
  return std::nullopt;
}

ReadAttention sparsek::importer::readTorchSDPA(Operation *op) {
  if (op->getNumOperands() != 8 || op->getNumResults() != 1)
    return "takes eight operands and has one result";
  auto dropout = constantNumber(op->getOperand(4));
  auto causal = constantNumber(op->getOperand(5));
  auto groups = constantNumber(op->getOperand(7));
  if (!dropout || !causal || !groups)
    return "dropout_p, is_causal or enable_gqa is not a constant";
  if (*dropout != 0)
    return "dropout_p is not 0";
  NamedAttention a;
  a.causal = *causal != 0;
  if (constantKind(op->getOperand(6)) != "none") {
    a.scale = constantNumber(op->getOperand(6));
    if (!a.scale)
      return "the scale is not a constant";
  }
  a.query = NamedOperand::getTorch(op, 0);
  a.key = NamedOperand::getTorch(op, 1);
  a.value = NamedOperand::getTorch(op, 2);
  a.result.type = getTensorType(op->getResult(0).getType());
  if (!a.query || !a.key || !a.value || !a.result)
    return "query, key, value and result are not tensors of known rank and "
           "float type";
  std::string reason = a.useHeads(*groups != 0);
  if (reason.empty() && constantKind(op->getOperand(3)) != "none") {
    NamedOperand mask = NamedOperand::getTorch(op, 3);
    if (!mask)
      return "unknown mask: its type is not a ranked tensor";
    if (a.causal)
      return "a mask and is_causal exclude each other";
    reason = a.useMask(std::move(mask));
  }
  if (reason.empty())
    reason = a.checkSizes();
  if (!reason.empty())
    return reason;
  return a;
}
