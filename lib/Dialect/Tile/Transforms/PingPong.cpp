//===- PingPong.cpp - Turns at the tensor cores ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/Tile/Transforms/Passes.h"

#include "sparsek/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/Builders.h"

namespace sparsek {
#define GEN_PASS_DEF_TILEPINGPONGPASS
#include "sparsek/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

static bool isAsynchronousProduct(Operation *op) {
  return isa<MmaNTOp, MmaNNOp>(op) &&
         isa<PendingType>(op->getResult(0).getType());
}

namespace {
/// Products of one block that are issued together, before any is waited for.
struct Batch {
  Operation *first = nullptr;
  Operation *last = nullptr;
  bool keys = false; // with a product of keys
};
} // namespace

static SmallVector<Batch> findBatches(Block &block) {
  SmallVector<Batch> batches;
  Batch batch;
  auto close = [&] {
    if (batch.keys)
      batches.push_back(batch);
    batch = Batch();
  };
  for (Operation &op : block) {
    if (isAsynchronousProduct(&op)) {
      if (!batch.first)
        batch.first = &op;
      batch.last = &op;
      batch.keys |= isa<MmaNTOp>(op);
    } else if (isa<WaitOp>(op) || op.getNumRegions() != 0) {
      close();
    }
  }
  close();
  return batches;
}

/// Returns whether there was something to take turns at.
static bool takeTurns(RoleOp role) {
  SmallVector<Batch> batches;
  role.walk(
      [&](Block *block) { llvm::append_range(batches, findBatches(*block)); });
  if (batches.empty())
    return false;
  OpBuilder b(role.getContext());
  for (const Batch &batch : batches) {
    b.setInsertionPoint(batch.first);
    TurnOp::create(b, batch.first->getLoc(), Turn::Take);
    b.setInsertionPointAfter(batch.last);
    TurnOp::create(b, batch.last->getLoc(), Turn::Pass);
  }
  b.setInsertionPointToStart(&role.getBody().front());
  TurnOp::create(b, role.getLoc(), Turn::Start);
  return true;
}

namespace {
struct PingPong : public sparsek::impl::TilePingPongPassBase<PingPong> {
  void runOnOperation() override {
    constexpr uint64_t twoWarpgroups = 8;
    getOperation()->walk([&](KernelOp kernel) {
      if (!kernel.getScheduleAttr() || !kernel.getScheduleAttr().getPingPong())
        return;
      bool found = false;
      for (RoleOp role : kernel.getBody().getOps<RoleOp>())
        if (role.getWarps() >= twoWarpgroups)
          found |= !role.getBody().front().getOps<TurnOp>().empty() ||
                   takeTurns(role);
      if (!found)
        kernel.emitRemark()
            << "left as it is: no role of several warpgroups has "
               "asynchronous products (see tile-overlap)";
    });
  }
};
} // namespace
