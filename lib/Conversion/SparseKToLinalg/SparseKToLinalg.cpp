//===- SparseKToLinalg.cpp - sparsek ops by definition ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/SparseKToLinalg.h"

#include "Patterns.h"

#include "sparsek/Conversion/Passes.h"
#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace sparsek {
#define GEN_PASS_DEF_CONVERTSPARSEKTOLINALGPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

void sparsek::populateSparseKToLinalgPatterns(RewritePatternSet &patterns) {
  populateScoreToLinalgPatterns(patterns);
  populateTopkMaskToLinalgPatterns(patterns);
  populateAttentionToLinalgPatterns(patterns);
}

namespace {
struct ConvertSparseKToLinalg
    : public sparsek::impl::ConvertSparseKToLinalgPassBase<
          ConvertSparseKToLinalg> {
  void runOnOperation() override {
    WalkResult refused = getOperation()->walk([](Operation *op) {
      if (!isa_and_present<SparseKDialect>(op->getDialect()))
        return WalkResult::advance();
      if (!op->isRegistered())
        return WalkResult(emitUnknownOpError(op));
      if (isa<AttentionOp>(op))
        return WalkResult(
            op->emitOpError("is not lowered as a whole: run "
                            "--sparsek-decompose-attention first"));
      return WalkResult::advance();
    });
    if (refused.wasInterrupted())
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    populateSparseKToLinalgPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
