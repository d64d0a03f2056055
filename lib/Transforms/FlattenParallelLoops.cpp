//===- FlattenParallelLoops.cpp - One dimension of parallelism ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"

#include <numeric>

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKFLATTENPARALLELLOOPSPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

namespace {
struct FlattenParallelLoops
    : public sparsek::impl::SparsekFlattenParallelLoopsPassBase<
          FlattenParallelLoops> {
  void runOnOperation() override {
    SmallVector<scf::ParallelOp> outer, inner;
    getOperation()->walk([&](scf::ParallelOp op) {
      bool nested = op->getParentOfType<scf::ParallelOp>() != nullptr;
      (nested ? inner : outer).push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (scf::ParallelOp op : inner) {
      rewriter.setInsertionPoint(op);
      if (failed(scf::parallelForToNestedFors(rewriter, op))) {
        op.emitOpError("cannot be made sequential inside of another one");
        return signalPassFailure();
      }
    }
    for (scf::ParallelOp op : outer) {
      if (op.getNumResults() != 0) {
        op.emitOpError("with a reduction across its iterations is not "
                       "supported; accepted are loops without results");
        return signalPassFailure();
      }
      flatten(rewriter, op);
    }
  }

private:
  static void flatten(RewriterBase &rewriter, scf::ParallelOp op) {
    rewriter.setInsertionPoint(op);
    Location loc = op.getLoc();
    // A launch of no blocks is an error: skip loops without iterations.
    Value some;
    for (auto [lower, upper] :
         llvm::zip_equal(op.getLowerBound(), op.getUpperBound())) {
      std::optional<int64_t> first = getConstantIntValue(lower);
      std::optional<int64_t> end = getConstantIntValue(upper);
      if (first && end && *first < *end)
        continue;
      Value more = arith::CmpIOp::create(
          rewriter, loc, arith::CmpIPredicate::slt, lower, upper);
      some = some ? arith::AndIOp::create(rewriter, loc, some, more) : more;
    }
    if (some) {
      auto guard = scf::IfOp::create(rewriter, loc, some,
                                     /*withElseRegion=*/false);
      rewriter.moveOpBefore(op, guard.thenYield());
      rewriter.setInsertionPoint(op);
    }
    std::vector<unsigned> all(op.getNumLoops());
    std::iota(all.begin(), all.end(), 0);
    collapseParallelLoops(rewriter, op, all);
  }
};
} // namespace
