//===- ReductionsInnermost.cpp - Parallel loops of linalg outermost -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/PatternMatch.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKREDUCTIONSINNERMOSTPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

namespace {
struct ReductionsInnermost
    : public sparsek::impl::SparsekReductionsInnermostPassBase<
          ReductionsInnermost> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> ops;
    getOperation()->walk([&](linalg::GenericOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp op : ops) {
      SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
      SmallVector<unsigned> order;
      for (bool parallel : {true, false})
        for (auto [i, kind] : llvm::enumerate(kinds))
          if ((kind == utils::IteratorType::parallel) == parallel)
            order.push_back(i);
      if (llvm::is_sorted(order))
        continue;
      rewriter.setInsertionPoint(op);
      if (failed(linalg::interchangeGenericOp(rewriter, op, order))) {
        op.emitOpError("has loops whose order cannot be changed");
        return signalPassFailure();
      }
    }
  }
};
} // namespace
