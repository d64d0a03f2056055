//===- DecomposeAggregates.cpp - linalg.softmax and its like as generics --===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKDECOMPOSEAGGREGATESPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

namespace {
struct DecomposeAggregates
    : public sparsek::impl::SparsekDecomposeAggregatesPassBase<
          DecomposeAggregates> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    WalkResult result =
        getOperation()->walk([&](linalg::AggregatedOpInterface op) {
          rewriter.setInsertionPoint(op);
          FailureOr<SmallVector<Value>> values =
              op.decomposeOperation(rewriter);
          if (failed(values)) {
            op.emitOpError("cannot be split into structured ops");
            return WalkResult::interrupt();
          }
          rewriter.replaceOp(op, *values);
          return WalkResult::advance();
        });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
