//===- Onnx.cpp - Reads onnx.Attention ------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NamedAttention.h"

using namespace mlir;
using namespace sparsek::importer;

/// Absent operands are values of a type without data: none or !torch.none.
static bool isAbsent(Value value) {
  if (isa<NoneType>(value.getType()))
    return true;
  auto opaque = dyn_cast<OpaqueType>(value.getType());
  return opaque && opaque.getDialectNamespace() == "torch" &&
         opaque.getTypeData() == "none";
}

ReadAttention sparsek::importer::readOnnx(Operation *op, StringRef prefix) {
  NamedAttributes attributes(op, prefix);
  // The name of the op and of its node in the model.
  attributes.ignore("name");
  attributes.ignore("onnx_node_name");
  bool causal = attributes.getInt("is_causal", 0) != 0;
  int64_t queryHeads = attributes.getInt("q_num_heads", 0);
  int64_t keyHeads = attributes.getInt("kv_num_heads", 0);
  double softcap = attributes.getFloat("softcap", 0);
  // TensorProto::DataType: float, float16 and bfloat16; softmax is in f32.
  int64_t precision = attributes.getInt("softmax_precision", 1);
  // Which values the fourth result has.
  attributes.getInt("qk_matmul_output_mode", 0);
  // How many positions are seen to either side; -1 is all of them.
  int64_t before = attributes.getInt("left_window_size", -1);
  int64_t after = attributes.getInt("right_window_size", -1);
  NamedAttention a;
  a.causal = causal;
  if (before >= 0)
    a.before = before;
  if (after >= 0)
    a.after = after;
  if (attributes.has("scale"))
    a.scale = attributes.getFloat("scale", 0);
  if (std::string error = attributes.takeError(); !error.empty())
    return error;
  if (softcap != 0)
    return "softcap changes the logits";
  if (precision != 1 && precision != 10 && precision != 16)
    return "softmax_precision is wider than f32";

  unsigned operands = op->getNumOperands();
  if (operands < 3 || operands > 7)
    return "takes Q, K, V and up to four optional operands";
  auto isGiven = [&](unsigned i) {
    return i < operands && !isAbsent(op->getOperand(i));
  };
  auto isUsed = [&](unsigned i) {
    return i < op->getNumResults() && !op->getResult(i).use_empty();
  };
  enum { Mask = 3, PastKey, PastValue, Lengths };
  enum { PresentKey = 1, PresentValue, Logits };
  if (isGiven(Lengths))
    return "nonpad_kv_seqlen is not supported";
  if (isGiven(PastKey) != isGiven(PastValue))
    return "past_key and past_value are not given together";
  if (op->getNumResults() < 1)
    return "has no result";
  if (isUsed(Logits))
    return "the fourth result, qk_matmul_output, is used";
  a.query = NamedOperand::getTorch(op, 0);
  a.key = NamedOperand::getTorch(op, 1);
  a.value = NamedOperand::getTorch(op, 2);
  a.result.type = getTensorType(op->getResult(0).getType());
  if (!a.query || !a.key || !a.value || !a.result)
    return "Q, K, V and Y are not ranked tensors of floats";
  std::string reason;
  if (a.query.type.getRank() == 3) {
    if (queryHeads <= 0 || keyHeads <= 0)
      return "operands of rank 3 need q_num_heads and kv_num_heads";
    reason = a.usePacked(queryHeads, keyHeads);
  } else if (a.query.type.getRank() == 4) {
    reason = a.useHeads(/*groups=*/true);
    if (reason.empty() &&
        ((queryHeads != 0 && queryHeads != a.query.type.getDimSize(1)) ||
         (keyHeads != 0 && keyHeads != a.key.type.getDimSize(1))))
      return "q_num_heads or kv_num_heads is not the size of the operand";
  } else {
    return "rank of Q, K and V is neither 3 nor 4";
  }
  if (reason.empty() &&
      (isGiven(PastKey) || isUsed(PresentKey) || isUsed(PresentValue))) {
    KeyValueCache cache{{}, {}, a.key, a.value, PresentKey, PresentValue};
    if (isGiven(PastKey)) {
      cache.pastKey = NamedOperand::getTorch(op, PastKey);
      cache.pastValue = NamedOperand::getTorch(op, PastValue);
      if (!cache.pastKey || !cache.pastValue)
        return "past_key and past_value are not tensors of rank 4 like K and V";
    }
    for (unsigned i : {PresentKey, PresentValue})
      if (isUsed(i) && !getTensorType(op->getResult(i).getType()))
        return "present_key or present_value is not a ranked tensor of floats";
    reason = a.useCache(std::move(cache));
  }
  if (reason.empty() && isGiven(Mask)) {
    NamedOperand mask = NamedOperand::getTorch(op, Mask);
    if (!mask)
      return "unknown mask: its type is not a ranked tensor";
    // Later versions hide the keys that a shorter mask does not name.
    if (mask.type.getRank() > 0 && mask.type.getShape().back() == 1 &&
        a.loops[a.column] != 1)
      return "unknown mask: it is broadcast to all keys or hides all but one, "
             "by the version of the op";
    reason = a.useMask(std::move(mask));
  }
  if (reason.empty())
    reason = a.checkSizes();
  if (!reason.empty())
    return reason;
  return a;
}
