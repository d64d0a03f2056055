//===- DecomposeAttention.cpp - Selection and attention as two ops --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/SparseK/Transforms/Passes.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/IR/PatternMatch.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKDECOMPOSEATTENTIONPASS
#include "sparsek/Dialect/SparseK/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

namespace {
struct DecomposeAttention
    : public sparsek::impl::SparsekDecomposeAttentionPassBase<
          DecomposeAttention> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](AttentionOp op) {
      rewriter.setInsertionPoint(op);
      auto mask = TopkMaskOp::create(
          rewriter, op.getLoc(), op.getScores(), op.getCuSeqlens(),
          op.getTopkAttr(), op.getWindowAttr(), /*interior=*/UnitAttr());
      rewriter.replaceOpWithNewOp<GatheredAttentionOp>(
          op, op.getQuery(), op.getKey(), op.getValue(), op.getScores(),
          mask.getThreshold(), mask.getExpiry(), op.getSink(),
          op.getCuSeqlens(), op.getTopkAttr(), op.getWindowAttr(),
          op.getGateAttr(), op.getScaleAttr());
    });
  }
};
} // namespace
