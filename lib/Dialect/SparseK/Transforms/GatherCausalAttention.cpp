//===- GatherCausalAttention.cpp - Dense attention as a window of all keys ===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/SparseK/Transforms/Passes.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKGATHERCAUSALATTENTIONPASS
#include "sparsek/Dialect/SparseK/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

static void gather(IRRewriter &rewriter, CausalAttentionOp op) {
  Location loc = op.getLoc();
  rewriter.setInsertionPoint(op);
  auto key = cast<RankedTensorType>(op.getKey().getType());
  const int64_t shape[] = {key.getDimSize(0), 1, key.getDimSize(2)};
  SmallVector<Value> sizes;
  for (int64_t dim : {0, 2})
    if (key.isDynamicDim(dim))
      sizes.push_back(tensor::DimOp::create(rewriter, loc, op.getKey(), dim));
  // All keys are in the window: no score is looked at.
  auto fill = [&](TypedAttr element) -> Value {
    Value scalar = arith::ConstantOp::create(rewriter, loc, element);
    Value empty =
        tensor::EmptyOp::create(rewriter, loc, shape, element.getType(), sizes);
    return linalg::FillOp::create(rewriter, loc, scalar, empty).getResult(0);
  };
  Value scores = fill(rewriter.getF32FloatAttr(0));
  Value expiry = fill(rewriter.getI32IntegerAttr(0));
  // Positions are i32.
  int64_t window = ShapedType::isDynamic(shape[2])
                       ? std::numeric_limits<int32_t>::max()
                       : std::max<int64_t>(shape[2], 1);
  rewriter.replaceOpWithNewOp<GatheredAttentionOp>(
      op, op.getQuery(), op.getKey(), op.getValue(), scores, scores, expiry,
      op.getSink(), op.getCuSeqlens(), rewriter.getI64IntegerAttr(1),
      rewriter.getI64IntegerAttr(window),
      GateAttr::get(op.getContext(), Gate::None), op.getScaleAttr());
}

namespace {
struct GatherCausalAttention
    : public sparsek::impl::SparsekGatherCausalAttentionPassBase<
          GatherCausalAttention> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](CausalAttentionOp op) {
      // The kernels take no other types, and a definition is shorter as it is.
      Type element = getElementTypeOrSelf(op.getQuery().getType());
      if (element.isF16() || element.isBF16())
        gather(rewriter, op);
    });
  }
};
} // namespace
