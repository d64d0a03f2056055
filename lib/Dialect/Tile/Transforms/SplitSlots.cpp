//===- SplitSlots.cpp - Mask and gate only the slots that need it ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/Tile/Transforms/Passes.h"

#include "sparsek/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

namespace sparsek {
#define GEN_PASS_DEF_TILESPLITSLOTSPASS
#include "sparsek/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

/// Whether `op` runs only where `flag` of its slot is set.
template <typename OpTy> static bool isConditional(OpTy op, Flag flag) {
  auto branch = dyn_cast<scf::IfOp>(op->getParentOp());
  if (!branch || op->getBlock() != branch.thenBlock())
    return false;
  auto condition = branch.getCondition().template getDefiningOp<FlagOp>();
  return condition && condition.getFlag() == flag &&
         condition.getList() == op.getList() &&
         condition.getPosition() == op.getPosition();
}

/// The flag of the slot of `op`. It does not change while the slot is acquired,
/// so an earlier one in the block serves as well.
template <typename OpTy>
static Value getFlag(OpBuilder &b, OpTy op, Flag flag) {
  for (Operation *other = op->getPrevNode(); other;
       other = other->getPrevNode()) {
    if (auto known = dyn_cast<FlagOp>(other);
        known && known.getFlag() == flag && known.getList() == op.getList() &&
        known.getPosition() == op.getPosition())
      return known;
    if (auto acquire = dyn_cast<AcquireOp>(other);
        acquire && llvm::is_contained(acquire->getOperands(), op.getList()))
      break;
  }
  return FlagOp::create(b, op.getLoc(), flag, op.getList(), op.getPosition());
}

template <typename OpTy>
static void split(IRRewriter &b, OpTy op, Flag flag, When when) {
  if (when == When::Always || isConditional(op, flag))
    return;
  if (when == When::Never)
    return b.replaceOp(op, op.getInput());
  b.setInsertionPoint(op);
  Value condition = getFlag(b, op, flag);
  auto branch = scf::IfOp::create(b, op.getLoc(), op.getType(), condition,
                                  /*withElseRegion=*/true);
  b.replaceAllUsesWith(op.getResult(), branch.getResult(0));
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, op.getLoc(), op.getResult());
  b.moveOpBefore(op, branch.thenBlock(), branch.thenBlock()->begin());
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, op.getLoc(), op.getInput());
}

namespace {
struct SplitSlots : public sparsek::impl::TileSplitSlotsPassBase<SplitSlots> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation()->walk([&](KernelOp kernel) {
      ScheduleAttr schedule = kernel.getScheduleAttr();
      if (!schedule)
        return;
      SmallVector<MaskOp> masks;
      SmallVector<GateOp> gates;
      kernel.walk([&](MaskOp op) { masks.push_back(op); });
      kernel.walk([&](GateOp op) { gates.push_back(op); });
      for (MaskOp op : masks)
        split(rewriter, op, Flag::Masked, schedule.getMasks());
      for (GateOp op : gates)
        split(rewriter, op, Flag::Gated, schedule.getGates());
    });
  }
};
} // namespace
