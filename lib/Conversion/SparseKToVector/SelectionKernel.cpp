//===- SelectionKernel.cpp - Thresholds and lives ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// One pass over the keys of a document in the order in which they enter the
// pool, O(log N) for each. Three heaps:
//
//   ranks      the best topk keys so far by (score, lower index); a key that
//              enters a full heap evicts the worst and so ends its life (C3)
//   saturated  scores of at least tau + 1
//   interior   scores between tau and tau + 1
//
// The threshold (C4) never decreases, so a score only ever moves from saturated
// to interior to dead. With s the sum of the interior scores, the root of the
// current linear piece is c = (s + |saturated| - topk) / |interior|; it holds
// as long as no score has to move, that is up to min(min interior, min
// saturated - 1). Otherwise that score moves, and the next piece is tried. Each
// score moves at most twice.
//
// Sums are f64. Interior scores lie within 1 of each other, so a sum mixes no
// magnitudes; it restarts whenever the interior is empty. The interior count
// (C7) is defined by the rounded threshold and has two heaps of its own.
//
//===----------------------------------------------------------------------===//

#include "Heap.h"
#include "Kernels.h"

#include "llvm/ADT/STLExtras.h"

#include <cfloat>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace sparsek;

static constexpr int64_t kNever = std::numeric_limits<int32_t>::max();

namespace {

/// Emits the body of one selection kernel.
class SelectionEmitter {
public:
  SelectionEmitter(func::FuncOp function, const SelectionKernel &kernel,
                   const KernelShape &shape)
      : kernel(kernel), shape(shape),
        b(function.getLoc(), function.getContext()) {
    Block *entry = function.addEntryBlock();
    b.setInsertionPointToStart(entry);
    auto next = entry->args_begin();
    scores = *next++;
    if (kernel.packed)
      cuSeqlens = *next++;
    threshold = *next++;
    expiry = *next++;
    if (kernel.interior)
      interiorCount = *next++;
    topk = *next++;
    window = *next++;
  }

  void emit();

private:
  /// What the pass over a document carries from key to key.
  struct State {
    Value ranked;     // keys in the heap of ranks
    Value interior;   // size of the interior
    Value saturated;  // size of the saturated part
    Value sum;        // f64, of the interior
    Value tau;        // f64
    Value stored;     // f32, what queries see
    Value interior32; // the parts as `stored` cuts them
    Value saturated32;

    explicit State(ValueRange values)
        : ranked(values[0]), interior(values[1]), saturated(values[2]),
          sum(values[3]), tau(values[4]), stored(values[5]) {
      if (values.size() > 6) {
        interior32 = values[6];
        saturated32 = values[7];
      }
    }
    SmallVector<Value> values() const {
      SmallVector<Value> result{ranked, interior, saturated, sum, tau, stored};
      if (interior32)
        llvm::append_values(result, interior32, saturated32);
      return result;
    }
  };

  void emitDocument(Value start, Value end);
  State emitKey(State state, Value score, Value position, Value birth,
                Value start);
  void emitRank(State &state, Value score, Value position, Value birth,
                Value start);
  void emitInsert(State &state, Value score);
  void emitSettle(State &state);
  void emitCount(State &state, Value score);

  const SelectionKernel &kernel;
  const KernelShape &shape;
  KernelBuilder b;
  Value scores, cuSeqlens, threshold, expiry, interiorCount, topk, window;
  Value batch, head, reach;
  Heap ranks, saturated, interior, saturated32, interior32;
};

} // namespace

void SelectionEmitter::emit() {
  Value batches = b.dim(scores, 0), heads = b.dim(scores, 1);
  Value length = b.dim(scores, 2);
  Value zero = b.index(0), one = b.index(1);
  reach = b.min({window, length});
  b.parallelLoop(b.mul({batches, heads}), shape.parallel, [&](Value item) {
    batch = b.div({item, heads});
    head = b.rem({item, heads});
    b.withScratch([&] {
      Type f32 = b.getF32Type();
      ranks = Heap(b, b.getI64Type(), b.min({topk, length}));
      saturated = Heap(b, f32, length);
      interior = Heap(b, f32, length);
      if (kernel.interior) {
        saturated32 = Heap(b, f32, length);
        interior32 = Heap(b, f32, length);
      }
      if (!kernel.packed)
        return emitDocument(zero, length);
      Value documents = b.sub({b.dim(cuSeqlens, 0), one});
      b.loop({zero, documents, one}, [&](Value i) {
        Value start = b.toIndex(b.load(cuSeqlens, {i}));
        Value end = b.toIndex(b.load(cuSeqlens, {b.add({i, one})}));
        emitDocument(start, end);
      });
    });
  });
}

/// The keys and queries at positions [start, end).
void SelectionEmitter::emitDocument(Value start, Value end) {
  Value zero = b.index(0), one = b.index(1);
  Value minusInf = b.f32(-INFINITY);
  // Queries whose pool is empty.
  b.loop({start, b.min({b.add({start, reach}), end}), one}, [&](Value query) {
    b.store({minusInf, threshold, {batch, head, query}});
    if (kernel.interior)
      b.store({b.i32(0), interiorCount, {batch, head, query}});
  });

  SmallVector<Value> inits{zero,    zero, zero, b.f64(0), b.f64(-INFINITY),
                           minusInf};
  if (kernel.interior)
    inits.append({zero, zero});
  b.loop({start, end, one}, inits,
         [&](Value position, ValueRange values) -> SmallVector<Value> {
           State state(values);
           Value score = b.load(scores, {batch, head, position});
           Value query = b.add({position, reach});
           Value birth =
               b.toI32(b.min({b.sub({query, start}), b.index(kNever)}));
           // NaN fails this comparison, too (C8).
           auto next = b.ifElse(
               b.gt({score, minusInf}), values.getTypes(),
               [&] {
                 return emitKey(state, score, position, birth, start).values();
               },
               [&] {
                 b.store({birth, expiry, {batch, head, position}});
                 return state.values();
               });
           state = State(next);
           b.ifThen(b.lt({query, end}), [&] {
             b.store({state.stored, threshold, {batch, head, query}});
             if (kernel.interior)
               b.store({b.toI32(state.interior32),
                        interiorCount,
                        {batch, head, query}});
           });
           return next;
         });
}

/// One key with a score above -inf.
SelectionEmitter::State SelectionEmitter::emitKey(State state, Value score,
                                                  Value position, Value birth,
                                                  Value start) {
  // +inf is the largest finite number; adding 0 makes -0 and +0 one number.
  score = b.add({b.min({score, b.f32(FLT_MAX)}), b.f32(0)});
  emitRank(state, score, position, birth, start);
  emitInsert(state, score);
  emitSettle(state);
  if (kernel.interior)
    emitCount(state, score);
  return state;
}

void SelectionEmitter::emitRank(State &state, Value score, Value position,
                                Value birth, Value start) {
  Value never = b.i32(kNever);
  // One integer that orders like (score, lower index): the bits of a float
  // order like an integer once those of negative ones are flipped.
  Type i64 = b.getI64Type();
  auto i64Constant = [&](int64_t value) {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  };
  Value lowMask = i64Constant(0xffffffff), shift = i64Constant(32);
  Value bits = arith::BitcastOp::create(b, b.getI32Type(), score);
  Value sign = arith::ShRSIOp::create(b, bits, b.i32(31));
  Value flip = b.both({sign, b.i32(std::numeric_limits<int32_t>::max())});
  Value order =
      arith::ExtSIOp::create(b, i64, arith::XOrIOp::create(b, bits, flip));
  Value offset = arith::IndexCastOp::create(b, i64, b.sub({position, start}));
  Value rank = b.either({arith::ShLIOp::create(b, order, shift),
                         arith::XOrIOp::create(b, offset, lowMask)});

  state.ranked = b.ifElse(
      b.lt({state.ranked, topk}), {b.getIndexType()},
      [&]() -> SmallVector<Value> {
        b.store({never, expiry, {batch, head, position}});
        return {ranks.push(state.ranked, rank)};
      },
      [&]() -> SmallVector<Value> {
        Value worst = ranks.top();
        Value better = b.gt({rank, worst});
        b.store({b.select({better, never, birth}),
                 expiry,
                 {batch, head, position}});
        b.ifThen(better, [&] {
          Value evicted = b.toIndex(
              b.both({arith::XOrIOp::create(b, worst, lowMask), lowMask}));
          b.store({birth, expiry, {batch, head, b.add({start, evicted})}});
          ranks.replaceTop(state.ranked, rank);
        });
        return {state.ranked};
      })[0];
}

/// Puts a new score where the current threshold has it.
void SelectionEmitter::emitInsert(State &state, Value score) {
  Type index = b.getIndexType(), f64 = b.getF64Type();
  Value wide = arith::ExtFOp::create(b, f64, score);
  auto parts = b.ifElse(
      b.ge({wide, b.add({state.tau, b.f64(1)})}), {index, index, f64},
      [&]() -> SmallVector<Value> {
        return {state.interior, saturated.push(state.saturated, score),
                state.sum};
      },
      [&]() -> SmallVector<Value> {
        auto inside = b.ifElse(
            b.gt({wide, state.tau}), {index, f64},
            [&]() -> SmallVector<Value> {
              return {interior.push(state.interior, score),
                      b.add({state.sum, wide})};
            },
            [&]() -> SmallVector<Value> {
              return {state.interior, state.sum};
            });
        return {inside[0], state.saturated, inside[1]};
      });
  state.interior = parts[0];
  state.saturated = parts[1];
  state.sum = parts[2];
}

/// Raises the threshold to the root.
void SelectionEmitter::emitSettle(State &state) {
  Type index = b.getIndexType(), f64 = b.getF64Type();
  Value zero = b.index(0);
  Value infinity = b.f64(INFINITY);
  auto toF64 = [&](Value count) -> Value {
    Value wide = arith::IndexCastOp::create(b, b.getI64Type(), count);
    return arith::SIToFPOp::create(b, f64, wide);
  };
  Value budget = toF64(topk);
  auto settled = b.whileLoop(
      {state.tau, state.interior, state.saturated, state.sum, b.boolean(true)},
      [&](ValueRange values) { return values[4]; },
      [&](ValueRange values) -> SmallVector<Value> {
        Value tau = values[0], inside = values[1], full = values[2],
              sum = values[3];
        Value some = b.gt({inside, zero});
        Value lowest = interior.top(), lowestFull = saturated.top();
        auto widen = [&](Value score) -> Value {
          return arith::ExtFOp::create(b, f64, score);
        };
        // Where the next score has to move.
        Value death = b.select({some, widen(lowest), infinity});
        Value entry =
            b.select({b.gt({full, zero}), b.sub({widen(lowestFull), b.f64(1)}),
                      infinity});
        Value bound = b.min({death, entry});
        Value root =
            b.div({b.sub({b.add({sum, toF64(full)}), budget}), toF64(inside)});
        // With more than topk saturated scores no piece holds, which the
        // rounding of huge sums may hide.
        Value few = b.le({full, topk});
        Value holds = b.both({b.both({some, few}), b.le({root, bound})});
        Value fits = b.both({b.eq({inside, zero}), few});
        Value done = b.either({holds, fits});
        Value next =
            b.select({holds, b.max({tau, root}), b.select({fits, tau, bound})});
        auto moved = b.ifElse(
            done, {index, index, f64},
            [&]() -> SmallVector<Value> { return {inside, full, sum}; },
            [&]() -> SmallVector<Value> {
              return b.ifElse(
                  b.le({death, entry}), {index, index, f64},
                  [&]() -> SmallVector<Value> {
                    Value left = interior.pop(inside);
                    Value rest = b.select(
                        {b.eq({left, zero}), b.f64(0), b.sub({sum, death})});
                    return {left, full, rest};
                  },
                  [&]() -> SmallVector<Value> {
                    Value left = saturated.pop(full);
                    Value more = interior.push(inside, lowestFull);
                    return {more, left, b.add({sum, widen(lowestFull)})};
                  });
            });
        Value again = b.eq({done, b.boolean(false)});
        return {next, moved[0], moved[1], moved[2], again};
      });
  state.tau = settled[0];
  state.interior = settled[1];
  state.saturated = settled[2];
  state.sum = settled[3];
  // Rounding is monotone; the maximum guards against an error in the sum.
  Value rounded = arith::TruncFOp::create(b, b.getF32Type(), state.tau);
  state.stored = b.max({state.stored, rounded});
}

/// Counts the gates that the stored threshold leaves strictly between 0 and 1.
void SelectionEmitter::emitCount(State &state, Value score) {
  Value zero = b.index(0), one = b.f32(1);
  auto gate = [&](Value score) { return b.sub({score, state.stored}); };
  // All scores start as saturated and move on at once where they have to.
  state.saturated32 = saturated32.push(state.saturated32, score);
  auto moved = b.whileLoop(
      {state.interior32, state.saturated32},
      [&](ValueRange sizes) {
        return b.both(
            {b.gt({sizes[1], zero}), b.lt({gate(saturated32.top()), one})});
      },
      [&](ValueRange sizes) -> SmallVector<Value> {
        Value moving = saturated32.top();
        Value left = saturated32.pop(sizes[1]);
        return {interior32.push(sizes[0], moving), left};
      });
  state.saturated32 = moved[1];
  state.interior32 = b.whileLoop(
      {moved[0]},
      [&](ValueRange sizes) {
        return b.both(
            {b.gt({sizes[0], zero}), b.le({gate(interior32.top()), b.f32(0)})});
      },
      [&](ValueRange sizes) -> SmallVector<Value> {
        return {interior32.pop(sizes[0])};
      })[0];
}

//===----------------------------------------------------------------------===//
// SelectionKernel
//===----------------------------------------------------------------------===//

std::string SelectionKernel::name() const {
  std::string result = "sparsek_topk_mask";
  if (interior)
    result += "_interior";
  if (packed)
    result += "_packed";
  return result;
}

SmallVector<Type> SelectionKernel::argumentTypes(MLIRContext *context) const {
  Type f32 = Float32Type::get(context), i32 = IntegerType::get(context, 32);
  Type index = IndexType::get(context);
  SmallVector<Type> types{getStridedType(f32, 3)};
  if (packed)
    types.push_back(getStridedType(i32, 1));
  llvm::append_values(types, getStridedType(f32, 3), getStridedType(i32, 3));
  if (interior)
    types.push_back(getStridedType(i32, 3));
  llvm::append_values(types, index, index);
  return types;
}

void SelectionKernel::buildBody(func::FuncOp function,
                                const KernelShape &shape) const {
  SelectionEmitter(function, *this, shape).emit();
}
