//===- Overlap.cpp - Products of the next slot under the softmax ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/Tile/Transforms/Passes.h"

#include "sparsek/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

namespace sparsek {
#define GEN_PASS_DEF_TILEOVERLAPPASS
#include "sparsek/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

namespace {

/// The loop over the slots of a work item. Its second part is the product of
/// weights and values and what belongs to it; all other ops are the first part.
class SlotLoop {
public:
  explicit SlotLoop(scf::WhileOp loop) : loop(loop) {}

  /// Recognises the loop; otherwise `reason` says what was not found.
  LogicalResult match(StringRef &reason);
  /// Runs the first part one slot ahead of the second.
  void overlap(IRRewriter &b);

private:
  LogicalResult matchProducts(StringRef &reason);
  LogicalResult matchAccumulator(StringRef &reason);
  LogicalResult matchValueSlot(StringRef &reason);
  void findCarried();
  void releaseQueries(IRRewriter &b);

  bool isSecondPart(Operation *op) const {
    return op == acquire || op == output || op == release || op == decay;
  }
  Block &body() { return loop.getBefore().front(); }
  scf::ConditionOp condition() { return loop.getConditionOp(); }

  /// The second part of the slot before.
  struct Second {
    IRMapping values;
    Value pending;
  };
  void issue(IRRewriter &b, Second &second, Value accumulator);
  Value finish(IRRewriter &b, Second &second);
  /// Emits the first part with `values` and returns the decayed accumulator.
  /// Without a `second` there is no slot before.
  Value emitFirstPart(IRRewriter &b, IRMapping &values, Value accumulator,
                      Second *second);
  /// What the loop carries after the first part of a slot.
  SmallVector<Value> getState(const IRMapping &values, Value accumulator);

  scf::WhileOp loop;
  MmaNTOp scores;
  TruncateOp weights;
  RaiseMaximumOp raise;
  ScaleRowsOp decay;
  AcquireOp acquire;
  MmaNNOp output;
  ReleaseOp release;
  unsigned index = 0; // of the accumulator
  /// What the second part uses of the first.
  llvm::SetVector<Value> carried;
};

} // namespace

//===----------------------------------------------------------------------===//
// Recognition
//===----------------------------------------------------------------------===//

/// The only op of a type in `block`, null where there are others or none.
template <typename OpTy> static OpTy getOnly(Block &block) {
  auto ops = block.getOps<OpTy>();
  return llvm::hasSingleElement(ops) ? *ops.begin() : OpTy();
}

LogicalResult SlotLoop::matchProducts(StringRef &reason) {
  scores = getOnly<MmaNTOp>(body());
  output = getOnly<MmaNNOp>(body());
  if (!scores || !output) {
    reason = "expected one tile.mma_nt and one tile.mma_nn at the top level of "
             "the first region";
    return failure();
  }
  if (!isa<FragType>(scores.getType()) || !isa<FragType>(output.getType())) {
    reason = "the products are asynchronous already";
    return failure();
  }
  weights = output.getLhs().getDefiningOp<TruncateOp>();
  if (!weights || weights->getBlock() != &body() ||
      !scores->isBeforeInBlock(weights)) {
    reason = "expected a tile.truncate between the products as the left "
             "operand of tile.mma_nn";
    return failure();
  }
  return success();
}

LogicalResult SlotLoop::matchAccumulator(StringRef &reason) {
  reason = "expected the accumulator of tile.mma_nn to be carried by the loop "
           "and to be scaled by the decay of a tile.raise_maximum between the "
           "products";
  decay = output.getAccumulator().getDefiningOp<ScaleRowsOp>();
  if (!decay || decay->getBlock() != &body() || !decay->hasOneUse())
    return failure();
  raise = decay.getFactor().getDefiningOp<RaiseMaximumOp>();
  if (!raise || raise->getBlock() != &body() ||
      !scores->isBeforeInBlock(raise) || !raise->isBeforeInBlock(weights))
    return failure();
  auto argument = dyn_cast<BlockArgument>(decay.getInput());
  if (!argument || argument.getOwner() != &body() || !argument.hasOneUse() ||
      !output->hasOneUse())
    return failure();
  index = argument.getArgNumber();
  return success(condition().getArgs()[index] == output.getResult());
}

LogicalResult SlotLoop::matchValueSlot(StringRef &reason) {
  reason =
      "expected the right operand of tile.mma_nn to be acquired, without a "
      "list, read and released once, and else only skipped";
  Value ring = output.getRhs(), position = output.getRhsPosition();
  SmallVector<Operation *> users;
  for (Operation &op : body())
    op.walk([&](Operation *nested) {
      if (llvm::is_contained(nested->getOperands(), ring) &&
          !isa<SkipOp>(nested))
        users.push_back(nested);
    });
  if (users.size() != 3)
    return failure();
  acquire = dyn_cast<AcquireOp>(users[0]);
  release = dyn_cast<ReleaseOp>(users[2]);
  return success(
      acquire && !acquire.getList() && users[1] == output && release &&
      acquire->getBlock() == &body() && release->getBlock() == &body() &&
      acquire.getPosition() == position && release.getPosition() == position);
}

void SlotLoop::findCarried() {
  for (Operation *op :
       {acquire.getOperation(), output.getOperation(), release.getOperation()})
    for (Value operand : op->getOperands())
      if (operand.getParentBlock() == &body() && operand != decay.getResult())
        carried.insert(operand);
}

LogicalResult SlotLoop::match(StringRef &reason) {
  scf::YieldOp yield = loop.getYieldOp();
  if (!llvm::equal(yield.getOperands(), loop.getAfterArguments()) ||
      ValueRange(loop.getBeforeArguments()).getTypes() !=
          loop.getResultTypes() ||
      !llvm::hasSingleElement(yield->getBlock()->getOperations())) {
    reason = "expected the second region to pass on what the first yields";
    return failure();
  }
  if (failed(matchProducts(reason)) || failed(matchAccumulator(reason)) ||
      failed(matchValueSlot(reason)))
    return failure();
  findCarried();
  return success();
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

void SlotLoop::issue(IRRewriter &b, Second &second, Value accumulator) {
  auto type = cast<FragType>(output.getType());
  second.pending = MmaNNOp::create(
      b, output.getLoc(),
      PendingType::get(b.getContext(), type.getShape(), type.getElementType()),
      second.values.lookupOrDefault(output.getLhs()), output.getRhs(),
      second.values.lookupOrDefault(output.getRhsPosition()), accumulator);
}

Value SlotLoop::finish(IRRewriter &b, Second &second) {
  Value result =
      WaitOp::create(b, output.getLoc(), output.getType(), second.pending);
  b.clone(*release, second.values);
  return result;
}

/// Whether there is nothing to rescale in `accumulator`.
static bool isZero(Value accumulator) {
  auto fill = accumulator.getDefiningOp<FillOp>();
  return fill && fill.getValue().isZero();
}

Value SlotLoop::emitFirstPart(IRRewriter &b, IRMapping &values,
                              Value accumulator, Second *second) {
  for (Operation &op : body().without_terminator()) {
    if (&op == scores) {
      // Nothing is waited for between products that are issued together.
      if (second)
        b.clone(*acquire, second->values);
      auto type = cast<FragType>(scores.getType());
      Value pending = MmaNTOp::create(
          b, op.getLoc(),
          PendingType::get(b.getContext(), type.getShape(),
                           type.getElementType()),
          scores.getLhs(), values.lookupOrDefault(scores.getLhsPosition()),
          scores.getRhs(), values.lookupOrDefault(scores.getRhsPosition()));
      if (second)
        issue(b, *second, accumulator);
      values.map(scores.getResult(),
                 WaitOp::create(b, op.getLoc(), type, pending,
                                /*outstanding=*/second ? 1 : 0)
                     .getResult());
    } else if (&op == decay) {
      if (second || !isZero(accumulator))
        accumulator =
            ScaleRowsOp::create(b, op.getLoc(), accumulator,
                                values.lookupOrDefault(decay.getFactor()));
    } else if (!isSecondPart(&op)) {
      b.clone(op, values);
    }
    // The weights of the slot before are in use until its product ends. It has
    // had the time of the maxima; the exponentials can begin beside the wait.
    if (&op == raise && second)
      accumulator = finish(b, *second);
  }
  return accumulator;
}

SmallVector<Value> SlotLoop::getState(const IRMapping &values,
                                      Value accumulator) {
  SmallVector<Value> state;
  for (auto [i, value] : llvm::enumerate(condition().getArgs()))
    state.push_back(i == index ? accumulator : values.lookupOrDefault(value));
  for (Value value : carried)
    state.push_back(values.lookupOrDefault(value));
  state.push_back(values.lookupOrDefault(condition().getCondition()));
  return state;
}

/// The left slot of the first product is read no more: gives it back before the
/// last product instead of after it.
void SlotLoop::releaseQueries(IRRewriter &b) {
  for (Operation *op = loop->getNextNode(); op; op = op->getNextNode()) {
    auto candidate = dyn_cast<ReleaseOp>(op);
    if (!candidate || candidate.getRing() != scores.getLhs() ||
        candidate.getPosition() != scores.getLhsPosition())
      continue;
    b.moveOpBefore(candidate, loop);
    return;
  }
}

void SlotLoop::overlap(IRRewriter &b) {
  b.setInsertionPoint(loop);
  IRMapping first;
  first.map(loop.getBeforeArguments(), loop.getInits());
  Value accumulator =
      emitFirstPart(b, first, loop.getInits()[index], /*second=*/nullptr);
  SmallVector<Value> state = getState(first, accumulator);

  // The carried values behind those of the original loop.
  unsigned count = loop.getNumResults();
  auto mapCarried = [&](IRMapping &values, ValueRange range) {
    for (auto [from, to] : llvm::zip(carried, range.drop_front(count)))
      values.map(from, to);
  };
  auto rotated = scf::WhileOp::create(
      b, loop.getLoc(), ValueRange(state).getTypes(), state,
      [](OpBuilder &builder, Location loc, ValueRange values) {
        scf::ConditionOp::create(builder, loc, values.back(), values);
      },
      [](OpBuilder &, Location, ValueRange) {});

  b.setInsertionPointToEnd(rotated.getAfterBody());
  ValueRange arguments = rotated.getAfterArguments();
  IRMapping values;
  values.map(loop.getBeforeArguments(), arguments.take_front(count));
  Second second;
  mapCarried(second.values, arguments);
  accumulator = emitFirstPart(b, values, arguments[index], &second);
  scf::YieldOp::create(b, loop.getLoc(), getState(values, accumulator));

  b.setInsertionPoint(loop);
  releaseQueries(b);
  Second last;
  mapCarried(last.values, rotated.getResults());
  b.clone(*acquire, last.values);
  issue(b, last, rotated.getResult(index));
  accumulator = finish(b, last);

  SmallVector<Value> results(rotated.getResults().take_front(count));
  results[index] = accumulator;
  b.replaceOp(loop, results);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct Overlap : public sparsek::impl::TileOverlapPassBase<Overlap> {
  void runOnOperation() override {
    SmallVector<scf::WhileOp> loops;
    getOperation()->walk([&](KernelOp kernel) {
      if (!kernel.getScheduleAttr() || !kernel.getScheduleAttr().getOverlap())
        return;
      kernel.walk([&](scf::WhileOp loop) {
        if (!loop.getBefore().getOps<MmaNTOp>().empty() ||
            !loop.getBefore().getOps<MmaNNOp>().empty())
          loops.push_back(loop);
      });
    });
    IRRewriter rewriter(&getContext());
    for (scf::WhileOp loop : loops) {
      SlotLoop slots(loop);
      StringRef reason;
      if (succeeded(slots.match(reason)))
        slots.overlap(rewriter);
      else
        loop.emitRemark() << "not overlapped: " << reason;
    }
  }
};
} // namespace
