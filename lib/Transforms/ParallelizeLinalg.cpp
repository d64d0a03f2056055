//===- ParallelizeLinalg.cpp - linalg on buffers in parallel tiles --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKPARALLELIZELINALGPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

namespace {
struct ParallelizeLinalg
    : public sparsek::impl::SparsekParallelizeLinalgPassBase<
          ParallelizeLinalg> {
  using SparsekParallelizeLinalgPassBase::SparsekParallelizeLinalgPassBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> ops;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureBufferSemantics() &&
          !op->getParentOfType<scf::ParallelOp>() &&
          !op->getParentOfType<scf::ForallOp>())
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops) {
      SmallVector<int64_t> tileSizes = getTileSizes(op);
      if (tileSizes.empty())
        continue;
      linalg::LinalgTilingOptions options;
      options.setTileSizes(tileSizes);
      options.setLoopType(linalg::LinalgTilingLoopType::ParallelLoops);
      rewriter.setInsertionPoint(op);
      if (succeeded(linalg::tileLinalgOp(rewriter, op, options)))
        rewriter.eraseOp(op);
    }
  }

private:
  /// One size per loop, or none where the op should stay as it is.
  SmallVector<int64_t> getTileSizes(linalg::LinalgOp op) {
    SmallVector<int64_t> sizes = op.getStaticLoopRanges();
    SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
    int64_t work = 1;
    for (int64_t size : sizes)
      if (llvm::MulOverflow(
              work, ShapedType::isDynamic(size) ? minWork.getValue() : size,
              work))
        work = minWork;
    if (work < minWork)
      return {};

    // Leading parallel loops. The last loop is left whole, for vectors, unless
    // there is no other.
    SmallVector<int64_t> tiles(sizes.size(), 0);
    unsigned chosen = 0;
    for (unsigned i = 0, e = sizes.size(); i != e && chosen < 2; ++i) {
      if (kinds[i] != utils::IteratorType::parallel)
        break;
      if (sizes[i] == 1)
        continue;
      bool last = i + 1 == e;
      if (last && chosen != 0)
        break;
      tiles[i] = last ? minWork : 1;
      ++chosen;
    }
    return chosen == 0 ? SmallVector<int64_t>() : tiles;
  }
};
} // namespace
