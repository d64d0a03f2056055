//===- SparseKOps.cpp - Type inference and verification -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Diagnostics start with the label of the constraint in docs/Semantics.md that
// the input violates: S1-S4 for operands and attributes, C1-C9 for semantics.
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace sparsek;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

namespace {
/// One dimension of one operand, named as in the documentation: "k[2]".
struct Dim {
  StringRef operand;
  Value value;
  unsigned index;

  int64_t size() const {
    return cast<RankedTensorType>(value.getType()).getDimSize(index);
  }
  bool isStatic() const { return !ShapedType::isDynamic(size()); }
};
} // namespace

/// Sizes that are equal by definition must agree where both are known (S1).
static LogicalResult verifyEqual(Operation *op, StringRef what,
                                 ArrayRef<Dim> dims) {
  const Dim *known = nullptr;
  for (const Dim &dim : dims) {
    if (!dim.isStatic())
      continue;
    if (known && known->size() != dim.size())
      return op->emitOpError("S1: ")
             << what << " must agree, got " << known->operand << "["
             << known->index << "] = " << known->size() << " and "
             << dim.operand << "[" << dim.index << "] = " << dim.size();
    known = &dim;
  }
  return success();
}

/// Whether all of `dims` are known: then the verifier has compared them.
static bool allStatic(ArrayRef<Dim> dims) {
  return llvm::all_of(dims, [](const Dim &dim) { return dim.isStatic(); });
}

/// Head counts and head sizes are compiled in, so they are never dynamic (S2).
static LogicalResult verifyStatic(Operation *op, StringRef what,
                                  const Dim &dim) {
  if (!dim.isStatic())
    return op->emitOpError("S2: ") << what << " must be static, got a dynamic "
                                   << dim.operand << "[" << dim.index << "]";
  if (dim.size() == 0)
    return op->emitOpError("S2: ")
           << what << " must be at least 1, got " << dim.operand << "["
           << dim.index << "] = 0";
  return success();
}

static LogicalResult verifyTopkAndWindow(Operation *op, int64_t topk,
                                         int64_t window) {
  if (topk < 1)
    return op->emitOpError("C3: topk must be at least 1, got ") << topk;
  if (window < 0)
    return op->emitOpError("C2: window must be at least 0, got ") << window;
  return success();
}

static LogicalResult verifyCuSeqlens(Operation *op, Value cuSeqlens,
                                     ArrayRef<Dim> batches) {
  if (!cuSeqlens)
    return success();
  for (const Dim &batch : batches)
    if (batch.isStatic() && batch.size() != 1)
      return op->emitOpError("S4: cu_seqlens packs documents into a batch of "
                             "1, got ")
             << batch.operand << "[" << batch.index << "] = " << batch.size();
  Dim length{"cu_seqlens", cuSeqlens, 0};
  if (length.isStatic() && length.size() < 2)
    return op->emitOpError("S4: cu_seqlens must have S+1 >= 2 elements, got ")
           << length.size();
  return success();
}

static LogicalResult verifyScale(Operation *op, FloatAttr scale) {
  if (!scale)
    return success();
  // Logits are f32: a scale that f32 cannot hold is none.
  double value = scale.getValueAsDouble();
  float stored = static_cast<float>(value);
  if (!std::isfinite(stored) || stored <= 0)
    return op->emitOpError("C6: scale must be finite and above 0 in f32, got ")
           << value;
  return success();
}

/// The 1/sqrt(D) that `scale` defaults to (C6).
static double scaleOrDefault(FloatAttr scale, Value query) {
  if (scale)
    return scale.getValueAsDouble();
  int64_t headSize = cast<RankedTensorType>(query.getType()).getDimSize(3);
  return 1.0 / std::sqrt(static_cast<double>(headSize));
}

namespace {
/// The operands that all attention ops share.
struct AttentionOperands {
  Value query, key, value, sink, cuSeqlens;
  SmallVector<std::pair<StringRef, Value>> perKey; // [B, Hs, N]

  template <typename OpTy> static AttentionOperands of(OpTy op) {
    AttentionOperands result{op.getQuery(), op.getKey(),       op.getValue(),
                             op.getSink(),  op.getCuSeqlens(), {}};
    if constexpr (!std::is_same_v<OpTy, CausalAttentionOp>)
      result.perKey.push_back({"scores", op.getScores()});
    if constexpr (std::is_same_v<OpTy, GatheredAttentionOp>) {
      result.perKey.push_back({"threshold", op.getThreshold()});
      result.perKey.push_back({"expiry", op.getExpiry()});
    }
    return result;
  }

  SmallVector<Dim> batches() const {
    SmallVector<Dim> dims{{"q", query, 0}, {"k", key, 0}, {"v", value, 0}};
    for (auto [name, operand] : perKey)
      dims.push_back({name, operand, 0});
    return dims;
  }
  SmallVector<Dim> lengths() const {
    SmallVector<Dim> dims{{"k", key, 2}, {"v", value, 2}};
    for (auto [name, operand] : perKey)
      dims.push_back({name, operand, 2});
    return dims;
  }
};
} // namespace

static LogicalResult verifyAttention(Operation *op,
                                     const AttentionOperands &operands,
                                     FloatAttr scale) {
  auto [query, key, value, sink, cuSeqlens, perKey] = operands;
  Type element = getElementTypeOrSelf(query.getType());
  for (auto [name, operand] :
       {std::pair<StringRef, Value>{"k", key}, {"v", value}})
    if (getElementTypeOrSelf(operand.getType()) != element)
      return op->emitOpError("S3: q, k and v must have one element type, got ")
             << element << " for q and "
             << getElementTypeOrSelf(operand.getType()) << " for " << name;

  if (failed(verifyEqual(op, "batch sizes", operands.batches())) ||
      failed(verifyEqual(op, "numbers of keys", operands.lengths())) ||
      failed(verifyEqual(op, "head sizes", {{"q", query, 3}, {"k", key, 3}})) ||
      failed(verifyEqual(op, "numbers of KV heads",
                         {{"k", key, 1}, {"v", value, 1}})) ||
      failed(verifyStatic(op, "the head size D", {"q", query, 3})) ||
      failed(verifyStatic(op, "the head size D", {"k", key, 3})) ||
      failed(verifyStatic(op, "the value size Dv", {"v", value, 3})) ||
      failed(verifyStatic(op, "the number of query heads", {"q", query, 1})) ||
      failed(verifyStatic(op, "the number of KV heads", {"k", key, 1})) ||
      failed(verifyStatic(op, "the number of KV heads", {"v", value, 1})))
    return failure();

  int64_t queryHeads = Dim{"q", query, 1}.size();
  int64_t keyHeads = Dim{"k", key, 1}.size();
  if (queryHeads % keyHeads != 0)
    return op->emitOpError("S2: the number of KV heads must divide the number "
                           "of query heads, got Hq = ")
           << queryHeads << " and Hkv = " << keyHeads;
  for (auto [name, operand] : perKey) {
    Dim heads{name, operand, 1};
    if (failed(verifyStatic(op, "the number of score heads", heads)))
      return failure();
    if (heads.size() != 1 && heads.size() != keyHeads)
      return op->emitOpError(
                 "S2: the number of score heads must be 1 or Hkv = ")
             << keyHeads << ", got " << name << "[1] = " << heads.size();
    if (heads.size() !=
        Dim{perKey.front().first, perKey.front().second, 1}.size())
      return op->emitOpError("S2: scores, threshold and expiry must have the "
                             "same number of heads, got ")
             << name << "[1] = " << heads.size();
  }

  Dim queries{"q", query, 2}, keys{"k", key, 2};
  if (queries.isStatic() && keys.isStatic()) {
    if (queries.size() > keys.size())
      return op->emitOpError("S1: q holds the last M <= N positions, got M = ")
             << queries.size() << " and N = " << keys.size();
    if (cuSeqlens && queries.size() != keys.size())
      return op->emitOpError("S4: packed documents need M = N, got M = ")
             << queries.size() << " and N = " << keys.size();
  }
  if (sink) {
    Dim heads{"sink", sink, 0};
    if (failed(verifyStatic(op, "the size of sink", heads)))
      return failure();
    if (heads.size() != queryHeads)
      return op->emitOpError("S2: sink must have one logit per query head, "
                             "got ")
             << heads.size() << " for Hq = " << queryHeads;
  }
  if (failed(verifyCuSeqlens(op, cuSeqlens, operands.batches())))
    return failure();
  return verifyScale(op, scale);
}

/// An attention op can only fail at run time, so it may be hoisted or executed
/// speculatively where the verifier has compared all sizes. `cu_seqlens` is
/// checked by value.
static Speculation::Speculatability
attentionSpeculatability(const AttentionOperands &operands) {
  bool checked = allStatic(operands.batches()) &&
                 allStatic(operands.lengths()) &&
                 Dim{"q", operands.query, 2}.isStatic() && !operands.cuSeqlens;
  return checked ? Speculation::Speculatable : Speculation::NotSpeculatable;
}

/// Output [B,Hq,M,Dv] and lse [B,Hq,M] (C6).
static LogicalResult inferAttention(std::optional<Location> location,
                                    Value query, Value value,
                                    SmallVectorImpl<Type> &types) {
  auto queryType = dyn_cast<RankedTensorType>(query.getType());
  auto valueType = dyn_cast<RankedTensorType>(value.getType());
  if (!queryType || !valueType || queryType.getRank() != 4 ||
      valueType.getRank() != 4)
    return emitOptionalError(location,
                             "S1: query and value must be tensors of "
                             "rank 4, got ",
                             query.getType(), " and ", value.getType());
  ArrayRef<int64_t> shape = queryType.getShape();
  types.push_back(RankedTensorType::get(
      {shape[0], shape[1], shape[2], valueType.getDimSize(3)},
      queryType.getElementType()));
  types.push_back(RankedTensorType::get(shape.take_front(3),
                                        Float32Type::get(query.getContext())));
  return success();
}

//===----------------------------------------------------------------------===//
// ScoreOp
//===----------------------------------------------------------------------===//

LogicalResult ScoreOp::inferReturnTypes(MLIRContext *context,
                                        std::optional<Location> location,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  auto features = dyn_cast<RankedTensorType>(adaptor.getFeatures().getType());
  auto weight = dyn_cast<RankedTensorType>(adaptor.getWeight().getType());
  if (!features || !weight || features.getRank() != 3 || weight.getRank() != 2)
    return emitOptionalError(
        location,
        "S1: features must be a tensor of rank 3 and weight one of "
        "rank 2, got ",
        adaptor.getFeatures().getType(), " and ",
        adaptor.getWeight().getType());
  int64_t batch = features.getDimSize(0), heads = weight.getDimSize(1);
  types.push_back(RankedTensorType::get({batch, heads, features.getDimSize(1)},
                                        Float32Type::get(context)));
  if (adaptor.getCarry())
    types.push_back(
        RankedTensorType::get({batch, heads, 3}, Float64Type::get(context)));
  return success();
}

LogicalResult ScoreOp::verify() {
  Type weightElement = getElementTypeOrSelf(getWeight().getType());
  if (getElementTypeOrSelf(getFeatures().getType()) != weightElement &&
      !weightElement.isF32())
    return emitOpError("S3: weight must be f32 or have the element type of the "
                       "features, got ")
           << getElementTypeOrSelf(getFeatures().getType()) << " and "
           << getElementTypeOrSelf(getWeight().getType());
  if (failed(verifyEqual(*this, "feature sizes",
                         {{"x", getFeatures(), 2}, {"W", getWeight(), 0}})) ||
      failed(
          verifyStatic(*this, "the feature size C", {"x", getFeatures(), 2})) ||
      failed(
          verifyStatic(*this, "the feature size C", {"W", getWeight(), 0})) ||
      failed(verifyStatic(*this, "the number of score heads",
                          {"W", getWeight(), 1})))
    return failure();
  if (!std::isfinite(getSlope().convertToDouble()))
    return emitOpError("C1: slope must be finite, got ")
           << getSlope().convertToDouble();
  bool timestep = getNorm() == Norm::Timestep;
  if (!timestep && (getStatistics() || getCarry()))
    return emitOpError("C1: only norm<timestep> has statistics to take or to "
                       "carry");
  if (Value statistics = getStatistics()) {
    if (failed(verifyEqual(
            *this, "batch sizes",
            {{"x", getFeatures(), 0}, {"statistics", statistics, 0}})) ||
        failed(verifyEqual(
            *this, "numbers of score heads",
            {{"W", getWeight(), 1}, {"statistics", statistics, 1}})))
      return failure();
    if (Dim{"statistics", statistics, 2}.size() != 3)
      return emitOpError("C1: statistics must be [B,Hs,3] (count, mean, sum of "
                         "squared deviations), got ")
             << statistics.getType();
  }
  return success();
}

Speculation::Speculatability ScoreOp::getSpeculatability() {
  if (Value statistics = getStatistics())
    if (!allStatic({{"x", getFeatures(), 0},
                    {"statistics", statistics, 0},
                    {"statistics", statistics, 1}}))
      return Speculation::NotSpeculatable;
  return Speculation::Speculatable;
}

//===----------------------------------------------------------------------===//
// TopkMaskOp
//===----------------------------------------------------------------------===//

LogicalResult TopkMaskOp::inferReturnTypes(MLIRContext *context,
                                           std::optional<Location> location,
                                           Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  auto scores = dyn_cast<RankedTensorType>(adaptor.getScores().getType());
  if (!scores)
    return emitOptionalError(location,
                             "S1: scores must be a ranked tensor, "
                             "got ",
                             adaptor.getScores().getType());
  ArrayRef<int64_t> shape = scores.getShape();
  Type positions = RankedTensorType::get(shape, IntegerType::get(context, 32));
  types.push_back(RankedTensorType::get(shape, Float32Type::get(context)));
  types.push_back(positions);
  if (adaptor.getInterior())
    types.push_back(positions);
  return success();
}

LogicalResult TopkMaskOp::verify() {
  if (failed(verifyTopkAndWindow(*this, getTopk(), getWindow())) ||
      failed(verifyStatic(*this, "the number of score heads",
                          {"scores", getScores(), 1})))
    return failure();
  return verifyCuSeqlens(*this, getCuSeqlens(), {{"scores", getScores(), 0}});
}

Speculation::Speculatability TopkMaskOp::getSpeculatability() {
  return getCuSeqlens() ? Speculation::NotSpeculatable
                        : Speculation::Speculatable;
}

//===----------------------------------------------------------------------===//
// GatheredAttentionOp
//===----------------------------------------------------------------------===//

LogicalResult GatheredAttentionOp::inferReturnTypes(
    MLIRContext *, std::optional<Location> location, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  return inferAttention(location, adaptor.getQuery(), adaptor.getValue(),
                        types);
}

LogicalResult GatheredAttentionOp::verify() {
  if (failed(verifyTopkAndWindow(*this, getTopk(), getWindow())))
    return failure();
  return verifyAttention(*this, AttentionOperands::of(*this), getScaleAttr());
}

Speculation::Speculatability GatheredAttentionOp::getSpeculatability() {
  return attentionSpeculatability(AttentionOperands::of(*this));
}

double GatheredAttentionOp::getScaleValue() {
  return scaleOrDefault(getScaleAttr(), getQuery());
}

//===----------------------------------------------------------------------===//
// AttentionOp
//===----------------------------------------------------------------------===//

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> location,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  return inferAttention(location, adaptor.getQuery(), adaptor.getValue(),
                        types);
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyTopkAndWindow(*this, getTopk(), getWindow())))
    return failure();
  return verifyAttention(*this, AttentionOperands::of(*this), getScaleAttr());
}

Speculation::Speculatability AttentionOp::getSpeculatability() {
  return attentionSpeculatability(AttentionOperands::of(*this));
}

double AttentionOp::getScaleValue() {
  return scaleOrDefault(getScaleAttr(), getQuery());
}

//===----------------------------------------------------------------------===//
// CausalAttentionOp
//===----------------------------------------------------------------------===//

LogicalResult CausalAttentionOp::inferReturnTypes(
    MLIRContext *, std::optional<Location> location, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  return inferAttention(location, adaptor.getQuery(), adaptor.getValue(),
                        types);
}

LogicalResult CausalAttentionOp::verify() {
  return verifyAttention(*this, AttentionOperands::of(*this), getScaleAttr());
}

Speculation::Speculatability CausalAttentionOp::getSpeculatability() {
  return attentionSpeculatability(AttentionOperands::of(*this));
}

double CausalAttentionOp::getScaleValue() {
  return scaleOrDefault(getScaleAttr(), getQuery());
}

#define GET_OP_CLASSES
#include "sparsek/Dialect/SparseK/IR/SparseKOps.cpp.inc"
