//===- FuseLinalg.cpp - Fewer passes over large tensors -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKFUSELINALGPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

/// Whether an element costs so little that it may be computed more than once.
static bool isCheap(Operation *producer) {
  for (Operation &op : producer->getRegion(0).front())
    if (isa<arith::DivFOp>(op) || isa<math::MathDialect>(op.getDialect()))
      return false;
  return true;
}

/// Fuses a producer into its only user, unless that repeats costly work or
/// hides a contraction.
static bool shouldFuse(OpOperand *operand) {
  Operation *producer = operand->get().getDefiningOp();
  auto consumer = dyn_cast<linalg::LinalgOp>(operand->getOwner());
  if (!producer || !consumer || !producer->hasOneUse() ||
      linalg::isaContractionOpInterface(consumer))
    return false;
  return consumer.getMatchingIndexingMap(operand).isPermutation() ||
         isCheap(producer);
}

namespace {
/// Reads a transposed operand of a contraction in its original order.
struct FoldTransposeIntoContraction
    : public OpInterfaceRewritePattern<linalg::LinalgOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(linalg::LinalgOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasPureTensorSemantics() || !linalg::isaContractionOpInterface(op))
      return failure();
    for (OpOperand *operand : op.getDpsInputOperands()) {
      auto transpose = operand->get().getDefiningOp<linalg::TransposeOp>();
      if (!transpose || !transpose.hasPureTensorSemantics())
        continue;
      // transposed[i] = input[permutation[i]], so the input is indexed by the
      // results of the map in the inverse order.
      AffineMap map = op.getMatchingIndexingMap(operand);
      SmallVector<AffineExpr> results(map.getNumResults());
      for (auto [index, source] : llvm::enumerate(transpose.getPermutation()))
        results[source] = map.getResult(index);
      SmallVector<AffineMap> maps = op.getIndexingMapsArray();
      maps[operand->getOperandNumber()] = AffineMap::get(
          map.getNumDims(), map.getNumSymbols(), results, op.getContext());

      SmallVector<Value> inputs = op.getDpsInputs();
      inputs[operand->getOperandNumber()] = transpose.getInput();
      auto generic = linalg::GenericOp::create(
          rewriter, op.getLoc(), op->getResultTypes(), inputs, op.getDpsInits(),
          maps, op.getIteratorTypesArray());
      rewriter.cloneRegionBefore(op->getRegion(0), generic.getRegion(),
                                 generic.getRegion().end());
      rewriter.replaceOp(op, generic);
      return success();
    }
    return failure();
  }
};

struct FuseLinalg
    : public sparsek::impl::SparsekFuseLinalgPassBase<FuseLinalg> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns.add<FoldTransposeIntoContraction>(context);
    linalg::populateElementwiseOpsFusionPatterns(patterns, shouldFuse);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
