//===- DeviceBuffers.cpp - Buffers in the memory of the device ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/DeviceMemory.h"
#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/MapVector.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKDEVICEBUFFERSPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

static Value allocate(OpBuilder &b, Location loc, MemRefType type,
                      ValueRange sizes) {
  return gpu::AllocOp::create(b, loc, type, /*asyncToken=*/Type(),
                              /*asyncDependencies=*/ValueRange(), sizes,
                              /*symbolOperands=*/ValueRange())
      .getMemref();
}

static void copy(OpBuilder &b, Location loc, Value target, Value source) {
  gpu::MemcpyOp::create(b, loc, /*asyncToken=*/Type(),
                        /*asyncDependencies=*/ValueRange(), target, source);
}

static void release(OpBuilder &b, Location loc, Value buffer) {
  gpu::DeallocOp::create(b, loc, /*asyncToken=*/Type(),
                         /*asyncDependencies=*/ValueRange(), buffer);
}

namespace {
struct DeviceBuffers
    : public sparsek::impl::SparsekDeviceBuffersPassBase<DeviceBuffers> {
  void runOnOperation() override {
    getOperation()->setAttr(kDeviceMemoryAttr, UnitAttr::get(&getContext()));
    if (getOperation().isExternal())
      return;
    copyGlobals();
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<memref::AllocOp, memref::DeallocOp, memref::CopyOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(convert(op)))
        return signalPassFailure();
  }

private:
  /// Constants lie in host memory. The function copies each of them when it
  /// starts and frees the copy when it returns.
  void copyGlobals() {
    func::FuncOp function = getOperation();
    llvm::MapVector<StringRef, SmallVector<memref::GetGlobalOp>> reads;
    function->walk(
        [&](memref::GetGlobalOp op) { reads[op.getName()].push_back(op); });
    for (auto &[name, ops] : reads) {
      memref::GetGlobalOp first = ops.front();
      Location loc = first.getLoc();
      OpBuilder b = OpBuilder::atBlockBegin(&function.getBody().front());
      auto global = memref::GetGlobalOp::create(b, loc, first.getType(), name);
      Value buffer = allocate(b, loc, first.getType(), {});
      copy(b, loc, buffer, global);
      for (memref::GetGlobalOp op : ops) {
        op.replaceAllUsesWith(buffer);
        op->erase();
      }
      for (auto end : function.getOps<func::ReturnOp>()) {
        b.setInsertionPoint(end);
        release(b, loc, buffer);
      }
    }
  }

  static LogicalResult convert(Operation *op) {
    bool inKernel = op->getParentOfType<scf::ParallelOp>() != nullptr;
    OpBuilder b(op);
    Location loc = op->getLoc();
    if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
      if (inKernel || !alloc.getSymbolOperands().empty())
        return op->emitOpError(
            "cannot be placed on the device; accepted are allocations outside "
            "of parallel loops, of buffers without layout symbols");
      op->getResult(0).replaceAllUsesWith(
          allocate(b, loc, alloc.getType(), alloc.getDynamicSizes()));
      op->erase();
      return success();
    }
    // In a kernel a copy is a loop over bytes.
    if (inKernel)
      return success();
    if (auto copied = dyn_cast<memref::CopyOp>(op))
      copy(b, loc, copied.getTarget(), copied.getSource());
    else
      release(b, loc, cast<memref::DeallocOp>(op).getMemref());
    op->erase();
    return success();
  }
};
} // namespace
