//===- Allocate.cpp - Places in shared memory -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/Tile/Transforms/Passes.h"

#include "sparsek/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

namespace sparsek {
#define GEN_PASS_DEF_TILEALLOCATEPASS
#include "sparsek/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

namespace {
/// Hands out shared memory from the start.
class Arena {
public:
  int64_t take(int64_t bytes, int64_t alignment) {
    int64_t offset = llvm::alignTo(end, alignment);
    end = offset + bytes;
    return offset;
  }
  int64_t size() const { return end; }

private:
  int64_t end = 0;
};
} // namespace

static int64_t getSlots(RingOp ring) {
  if (auto type = dyn_cast<RingType>(ring.getType()))
    return type.getSlots();
  return cast<KeyListType>(ring.getType()).getSlots();
}

static int64_t getBytes(RingOp ring) {
  if (auto type = dyn_cast<RingType>(ring.getType()))
    return type.getSlots() * type.getSlotBytes();
  auto type = cast<KeyListType>(ring.getType());
  return type.getSlots() * type.getSlotBytes();
}

static LogicalResult allocate(KernelOp kernel, int64_t limit) {
  // The rows of a swizzle repeat every 1024 bytes; a barrier has 8.
  constexpr int64_t swizzle = 1024, line = 16, barrier = 8;
  Builder b(kernel.getContext());
  SmallVector<RingOp> rings(kernel.getBody().getOps<RingOp>());
  Arena arena;
  for (RingOp ring : rings)
    if (isa<RingType>(ring.getType()))
      ring.setOffset(arena.take(getBytes(ring), swizzle));
  for (RingOp ring : rings)
    if (isa<KeyListType>(ring.getType()))
      ring.setOffset(arena.take(getBytes(ring), line));
  SmallVector<ArrayOp> arrays(kernel.getBody().getOps<ArrayOp>());
  for (ArrayOp array : arrays)
    array.setOffset(arena.take(array.getBytes(), line));
  int64_t scratch = 0;
  kernel.walk([&](ListKeysOp list) {
    scratch += list.getScratchBytes();
    list.setScratch(arena.take(list.getScratchBytes(), line));
  });
  for (RingOp ring : rings)
    ring.setBarriers(arena.take(2 * barrier * getSlots(ring), barrier));
  kernel.setSharedBytes(arena.size());
  if (arena.size() <= limit)
    return success();

  InFlightDiagnostic error =
      kernel.emitOpError() << "needs " << arena.size()
                           << " bytes of shared memory; a block has " << limit;
  for (RingOp ring : rings)
    error.attachNote(ring.getLoc())
        << ring.getType() << " takes " << getBytes(ring) << " bytes";
  for (ArrayOp array : arrays)
    error.attachNote(array.getLoc())
        << array.getType() << " takes " << array.getBytes() << " bytes";
  if (scratch)
    error.attachNote() << "listing keys takes " << scratch << " bytes";
  return error;
}

namespace {
struct Allocate : public sparsek::impl::TileAllocatePassBase<Allocate> {
  using TileAllocatePassBase::TileAllocatePassBase;

  void runOnOperation() override {
    WalkResult result = getOperation()->walk(
        [&](KernelOp kernel) { return WalkResult(allocate(kernel, limit)); });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
