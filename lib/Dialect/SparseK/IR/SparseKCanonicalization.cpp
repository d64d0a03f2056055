//===- SparseKCanonicalization.cpp - Rewrites that are always right -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Only rewrites that are exact under C8 for every score live here. In
// particular `topk >= N` is not dense attention: a key scored -inf is never
// selected.
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace sparsek;

namespace {
/// A window that covers the whole sequence leaves no pool: dense causal
/// attention, whatever the scores are.
template <typename OpTy>
struct FullWindowIsCausal : public OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    int64_t keys = cast<RankedTensorType>(op.getKey().getType()).getDimSize(2);
    if (ShapedType::isDynamic(keys) ||
        static_cast<int64_t>(op.getWindow()) < keys)
      return rewriter.notifyMatchFailure(op, "the window may leave a pool");
    rewriter.replaceOpWithNewOp<CausalAttentionOp>(
        op, op.getQuery(), op.getKey(), op.getValue(), op.getSink(),
        op.getCuSeqlens(), op.getScaleAttr());
    return success();
  }
};

/// Nobody counts the interior: do not compute it.
struct DropUnusedInterior : public OpRewritePattern<TopkMaskOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TopkMaskOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getInterior() || !op.getInteriorCount().use_empty())
      return rewriter.notifyMatchFailure(op, "the interior count is used");
    auto narrow = TopkMaskOp::create(
        rewriter, op.getLoc(), op.getScores(), op.getCuSeqlens(),
        op.getTopkAttr(), op.getWindowAttr(), /*interior=*/UnitAttr());
    rewriter.replaceAllUsesWith(op.getThreshold(), narrow.getThreshold());
    rewriter.replaceAllUsesWith(op.getExpiry(), narrow.getExpiry());
    rewriter.eraseOp(op);
    return success();
  }
};

/// Nobody continues the sequence: do not return its statistics.
struct DropUnusedStatistics : public OpRewritePattern<ScoreOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScoreOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getCarry() || !op.getCarried().use_empty())
      return rewriter.notifyMatchFailure(op, "the statistics are used");
    auto narrow = ScoreOp::create(
        rewriter, op.getLoc(), op.getFeatures(), op.getWeight(), op.getOffset(),
        op.getStatistics(), op.getSlopeAttr(), op.getNormAttr(),
        /*carry=*/UnitAttr());
    rewriter.replaceAllUsesWith(op.getScores(), narrow.getScores());
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void ScoreOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                          MLIRContext *context) {
  patterns.add<DropUnusedStatistics>(context);
}

void TopkMaskOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                             MLIRContext *context) {
  patterns.add<DropUnusedInterior>(context);
}

void GatheredAttentionOp::getCanonicalizationPatterns(
    RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<FullWindowIsCausal<GatheredAttentionOp>>(context);
}

void AttentionOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                              MLIRContext *context) {
  patterns.add<FullWindowIsCausal<AttentionOp>>(context);
}
