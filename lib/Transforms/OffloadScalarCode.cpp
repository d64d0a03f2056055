//===- OffloadScalarCode.cpp - Loads and stores outside of parallel loops -===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Runs of ops are collected block by block. What an op of a run gives to later
// code travels through a buffer of one element: the device writes it, the host
// reads a copy.
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKOFFLOADSCALARCODEPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

/// Whether the op or one inside of it loads or stores.
static bool accessesMemory(Operation *op) {
  return op
      ->walk([](Operation *nested) {
        return isa<memref::LoadOp, memref::StoreOp>(nested)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Whether one thread can execute the op and all inside of it.
static bool canMove(Operation *op) {
  return !op->walk([](Operation *nested) {
              bool simple =
                  isa<memref::LoadOp, memref::StoreOp>(nested) ||
                  (!isa<scf::ParallelOp>(nested) &&
                   nested->hasTrait<OpTrait::HasRecursiveMemoryEffects>()) ||
                  isMemoryEffectFree(nested);
              return simple ? WalkResult::advance() : WalkResult::interrupt();
            }).wasInterrupted();
}

/// Whether a value can travel through a buffer.
static bool isScalar(Type type) { return type.isIntOrIndexOrFloat(); }

namespace {
/// Ops of one block that move to the device together.
class Run {
public:
  explicit Run(Block *entry) : entry(entry) {}

  bool empty() const { return ops.empty(); }
  void add(Operation *op) { ops.insert(op); }
  Operation *front() const { return ops.front(); }

  /// Whether the op, or one inside of it, uses a result of the run.
  bool isUsedBy(Operation *op) const {
    return op
        ->walk([&](Operation *nested) {
          for (Value operand : nested->getOperands())
            if (ops.contains(operand.getDefiningOp()))
              return WalkResult::interrupt();
          return WalkResult::advance();
        })
        .wasInterrupted();
  }

  /// Moves the ops into a parallel loop of one iteration. The run is empty
  /// afterwards.
  void close();

private:
  Block *entry;
  llvm::SetVector<Operation *> ops;
};
} // namespace

void Run::close() {
  if (ops.empty())
    return;
  auto isOutside = [&](Operation *user) {
    return llvm::none_of(ops,
                         [&](Operation *op) { return op->isAncestor(user); });
  };
  SmallVector<Value> results;
  for (Operation *op : ops)
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), isOutside))
        results.push_back(result);

  Operation *after = ops.back()->getNextNode();
  Location loc = ops.front()->getLoc();
  OpBuilder b(ops.front());
  SmallVector<Value> buffers;
  for (Value result : results) {
    auto type = MemRefType::get({1}, result.getType());
    buffers.push_back(gpu::AllocOp::create(b, loc, type, /*asyncToken=*/Type(),
                                           /*asyncDependencies=*/ValueRange(),
                                           /*dynamicSizes=*/ValueRange(),
                                           /*symbolOperands=*/ValueRange())
                          .getMemref());
  }
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  auto loop = scf::ParallelOp::create(b, loc, zero, one, one);
  for (Operation *op : ops)
    op->moveBefore(loop.getBody()->getTerminator());
  b.setInsertionPoint(loop.getBody()->getTerminator());
  for (auto [result, buffer] : llvm::zip_equal(results, buffers))
    memref::StoreOp::create(b, loc, result, buffer, zero);

  // Host memory lies at the start of the function, not to grow the stack in
  // loops.
  b.setInsertionPoint(after);
  for (auto [result, buffer] : llvm::zip_equal(results, buffers)) {
    OpBuilder atEntry = OpBuilder::atBlockBegin(entry);
    Value copy = memref::AllocaOp::create(atEntry, loc,
                                          cast<MemRefType>(buffer.getType()));
    gpu::MemcpyOp::create(b, loc, /*asyncToken=*/Type(),
                          /*asyncDependencies=*/ValueRange(), copy, buffer);
    gpu::DeallocOp::create(b, loc, /*asyncToken=*/Type(),
                           /*asyncDependencies=*/ValueRange(), buffer);
    Value read = memref::LoadOp::create(b, loc, copy, zero);
    result.replaceUsesWithIf(read, [&](OpOperand &use) {
      return !loop->isAncestor(use.getOwner());
    });
  }
  ops.clear();
}

namespace {
struct OffloadScalarCode
    : public sparsek::impl::SparsekOffloadScalarCodePassBase<
          OffloadScalarCode> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    for (Block &block : llvm::make_early_inc_range(function.getBody()))
      if (failed(offload(block, &function.getBody().front())))
        return signalPassFailure();
  }

private:
  LogicalResult offload(Block &block, Block *entry) {
    Run run(entry);
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (accessesMemory(&op) && canMove(&op)) {
        run.add(&op);
        continue;
      }
      if (isMemoryEffectFree(&op) && !op.hasTrait<OpTrait::IsTerminator>()) {
        if (run.empty())
          continue;
        if (!run.isUsedBy(&op)) {
          op.moveBefore(run.front());
          continue;
        }
        if (llvm::all_of(op.getResultTypes(), isScalar)) {
          run.add(&op);
          continue;
        }
      }
      run.close();
      if (failed(visit(op, entry)))
        return failure();
    }
    return success();
  }

  /// An op that stays on the host.
  LogicalResult visit(Operation &op, Block *entry) {
    if (isa<scf::ParallelOp>(op))
      return success();
    if (op.hasTrait<OpTrait::HasRecursiveMemoryEffects>()) {
      for (Region &region : op.getRegions())
        for (Block &block : region)
          if (failed(offload(block, entry)))
            return failure();
      return success();
    }
    if (isMemoryEffectFree(&op) || op.hasTrait<OpTrait::IsTerminator>() ||
        isa<memref::AllocOp, memref::DeallocOp, memref::CopyOp, cf::AssertOp,
            CallOpInterface>(op))
      return success();
    return op.emitOpError("is not supported outside of a parallel loop, where "
                          "the host executes it");
  }
};
} // namespace
