//===- TimestepKernels.cpp - norm<timestep> on a GPU ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Mean and variance up to every position, in f64, from those of blocks of
// positions:
//
//   score_statistics  count, mean and sum of squared deviations of each block
//   score_scan        the same of everything before each block
//   score_normalise   each position, from what is before its block and in it
//
// Blocks begin at multiples of 256 of the absolute position, and the state
// before a block follows from that before the last one and that block alone. So
// chunks that begin at such multiples get the scores of the whole sequence bit
// for bit. Others get them up to the rounding of f64 before the one to f32. No
// score depends on a later one.
//
//===----------------------------------------------------------------------===//

#include "Score.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

static constexpr int64_t kPositions = kStatisticPositions;
static constexpr int64_t kWarps = kPositions / 32;
/// Fields of a state.
static constexpr int64_t kFields = 3;
enum Field : int64_t { Count, Mean, Squares };
/// Steps of a recurrence whose loads are made together.
static constexpr int64_t kUnrolled = 4;

namespace {
class TimestepKernels {
public:
  TimestepKernels(ScalarBuilder &b, const ScoreVariant &variant)
      : b(b), variant(variant) {}

  void buildStatistics();
  void buildScan();
  void buildNormalise();

private:
  /// A score of this thread's position.
  struct Score {
    Scalar exists, raw, finite;
  };

  Scalar scalar(Value value) { return Scalar(b, value); }
  Scalar real(double value) {
    return scalar(arith::ConstantOp::create(b, b.getF64FloatAttr(value)));
  }
  Scalar power2(Scalar x) { return x * x; }
  void enter();
  Scalar load(StringRef name, Scalar last) {
    return b.load(name, {batch, head, last});
  }
  void store(Scalar value, StringRef name, Scalar last) {
    b.store(value, name, {batch, head, last});
  }
  Elements stateAt(StringRef name, Scalar block) {
    Scalar number = row.toI64() * b("statistic_blocks").toI64() + block.toI64();
    return b.elements(name, number * kFields);
  }
  Score loadScore();
  /// Sums over the threads up to this one, and over all of them.
  std::pair<Scalar, Scalar> scanBlock(Scalar value, Elements totals);
  std::pair<Scalar, Scalar> scanBlock(Scalar value) {
    return scanBlock(value, b.array(kWarps, value.getType()));
  }
  void recur(Elements before, Scalar state, ArrayRef<Elements> inputs,
             function_ref<Scalar(Scalar, const Scalars &)> step);

  ScalarBuilder &b;
  const ScoreVariant &variant;
  Scalar row, batch, head, block, position; // position of the chunk
};
} // namespace

/// Blocks of a grid count positions fastest, then heads, then batches.
void TimestepKernels::enter() {
  Scalar id = b.block(), blocks = b("statistic_blocks");
  block = id % blocks;
  row = id / blocks;
  batch = row / b("score_heads");
  head = row % b("score_heads");
  Scalar lead = b("offset").toI32() & (kPositions - 1);
  position = block * kPositions + b.thread() - lead;
}

TimestepKernels::Score TimestepKernels::loadScore() {
  Scalar zero = b.number(0);
  Scalar exists = (position >= zero) & (position < b("rows"));
  Scalar raw = load("u", select(exists, position, zero));
  Scalar magnitude = (raw.bitsToI32() & 0x7fffffff);
  return {exists, raw.toF64(), exists & (magnitude < 0x7f800000)};
}

std::pair<Scalar, Scalar> TimestepKernels::scanBlock(Scalar value,
                                                     Elements totals) {
  Scalar sum = b.warpScan(value), warp = b.warp();
  b.ifThen(b.lane() == 31, [&] { totals.set(warp, sum); });
  b.barrier();
  Scalar before = value.constant(0), all = before;
  for (int64_t i = 0; i < kWarps; ++i) {
    before = select(warp == i, all, before);
    all = all + totals[b.number(i)];
  }
  return {before + sum, all};
}

//===----------------------------------------------------------------------===//
// score_statistics
//===----------------------------------------------------------------------===//

void TimestepKernels::buildStatistics() {
  TileBuilder::InsertionGuard guard(b);
  b.startKernel("score_statistics",
                {b.memref("u", "bhn", b.getF32Type()),
                 b.vector("block_statistics", b.getF64Type()),
                 {"offset", b.getI64Type()},
                 b.scalar("rows"),
                 b.scalar("statistic_blocks"),
                 b.scalar("score_heads")},
                ScheduleAttr(), RowMapAttr(), kPositions);
  enter();
  Score score = loadScore();
  Scalar none = real(0);
  Scalar count = scanBlock(score.finite.toI32()).second.toF64();
  Scalar sum = scanBlock(select(score.finite, score.raw, none)).second;
  Scalar mean = sum / larger(count, real(1));
  Scalar deviation = select(score.finite, score.raw - mean, none);
  Scalar squares = scanBlock(power2(deviation)).second;
  b.ifThen(b.thread() == 0, [&] {
    Elements state = stateAt("block_statistics", block);
    state.set(b.number(Count), count);
    state.set(b.number(Mean), mean);
    state.set(b.number(Squares), squares);
  });
}

//===----------------------------------------------------------------------===//
// score_scan
//===----------------------------------------------------------------------===//

// For a block of n' scores after n others
//
//   mean    = mean n/(n + n') + mean' n'/(n + n')
//   squares = squares + (squares' + (mean' - mean)^2 n n'/(n + n'))
//
// Counts are whole numbers, which can be added up in any order. So all factors
// are computed at once, and one thread does what is left: an fma or a sum for
// each block.

/// before[i] = state; state = step(state, inputs[...][i]), for i up to 255;
/// then before[256].
void TimestepKernels::recur(
    Elements before, Scalar state, ArrayRef<Elements> inputs,
    function_ref<Scalar(Scalar, const Scalars &)> step) {
  auto steps = [&](Scalar first, Scalars v) -> Scalars {
    SmallVector<Scalars> loaded(kUnrolled);
    for (int64_t i = 0; i < kUnrolled; ++i)
      for (const Elements &input : inputs)
        loaded[i].push_back(input[first + i]);
    Scalar current = v[0];
    for (int64_t i = 0; i < kUnrolled; ++i) {
      before.set(first + i, current);
      current = step(current, loaded[i]);
    }
    return {current};
  };
  b.ifThen(b.thread() == 0, [&] {
    Scalar end = b.number(kPositions);
    Scalars last =
        b.loop(b.number(0), end, b.number(kUnrolled), {state}, steps);
    before.set(end, last[0]);
  });
  b.barrier();
}

void TimestepKernels::buildScan() {
  TileBuilder::InsertionGuard guard(b);
  Type f64 = b.getF64Type();
  SmallVector<TileBuilder::Argument> arguments{
      b.vector("block_statistics", f64), b.vector("states", f64)};
  if (variant.statistics)
    arguments.push_back(b.memref("statistics", "bhs", f64, kFields));
  if (variant.carry)
    arguments.push_back(b.memref("carried", "bhs", f64, kFields));
  arguments.append({b.scalar("statistic_blocks"), b.scalar("score_heads")});
  b.startKernel("score_scan", arguments, ScheduleAttr(), RowMapAttr(),
                kPositions);
  row = b.block();
  batch = row / b("score_heads");
  head = row % b("score_heads");
  Scalar thread = b.thread(), none = real(0), blocks = b("statistic_blocks");
  Elements keep = b.array(kPositions, f64), give = b.array(kPositions, f64);
  Elements gain = b.array(kPositions, f64);
  Elements means = b.array(kPositions + 1, f64);
  Elements squares = b.array(kPositions + 1, f64);
  Scalars state(kFields, none);
  if (variant.statistics)
    for (int64_t i = 0; i < kFields; ++i)
      state[i] = load("statistics", b.number(i));
  Elements totals = b.array(kWarps, f64);
  auto step = [&](Scalar first, Scalars before) -> Scalars {
    Scalar mine = first + thread;
    Scalar exists = mine < blocks;
    Elements own = stateAt("block_statistics", select(exists, mine, first));
    Scalar count = select(exists, own[b.number(Count)], none);
    Scalar mean = own[b.number(Mean)];

    auto [upToHere, all] = scanBlock(count, totals);
    Scalar after = before[Count] + upToHere;
    Scalar here = after - count;
    Scalar some = count > none;
    Scalar divisor = larger(after, real(1));
    Scalar share = count / divisor;
    keep.set(thread, select(some, here / divisor, real(1)));
    give.set(thread, select(some, share * mean, none));
    b.barrier();
    recur(means, before[Mean], {keep, give},
          [&](Scalar mean, const Scalars &v) {
            return scalar(math::FmaOp::create(b, v[0], mean, v[1]));
          });
    Scalar meanHere = means[thread];
    Scalar added =
        own[b.number(Squares)] + power2(mean - meanHere) * (here * share);
    gain.set(thread, select(some, added, none));
    b.barrier();
    recur(squares, before[Squares], {gain},
          [&](Scalar sum, const Scalars &v) { return sum + v[0]; });
    b.ifThen(exists, [&] {
      Elements target = stateAt("states", mine);
      target.set(b.number(Count), here);
      target.set(b.number(Mean), meanHere);
      target.set(b.number(Squares), squares[thread]);
    });
    Scalar last = b.number(kPositions);
    return {before[Count] + all, means[last], squares[last]};
  };
  state = b.loop(b.number(0), blocks, b.number(kPositions), state, step);
  if (variant.carry)
    b.ifThen(thread == 0, [&] {
      for (int64_t i = 0; i < kFields; ++i)
        store(state[i], "carried", b.number(i));
    });
}

//===----------------------------------------------------------------------===//
// score_normalise
//===----------------------------------------------------------------------===//

// With the sums S and Q of s - p and (s - p)^2 over the block up to a position,
// p being the mean before the block,
//
//   mean = p + S/n,  squares = squares + Q - S^2/n.
//
// That p is the mean of some of the n scores, or one of them, and that keeps
// the difference from cancelling: where p is far off, the squares are large.

void TimestepKernels::buildNormalise() {
  TileBuilder::InsertionGuard guard(b);
  b.startKernel("score_normalise",
                {b.vector("states", b.getF64Type()),
                 b.memref("u", "bhn", b.getF32Type()),
                 {"offset", b.getI64Type()},
                 {"slope", b.getF64Type()},
                 b.scalar("rows"),
                 b.scalar("statistic_blocks"),
                 b.scalar("score_heads")},
                ScheduleAttr(), RowMapAttr(), kPositions);
  enter();
  Score score = loadScore();
  Elements state = stateAt("states", block);
  Scalar count = state[b.number(Count)], none = real(0), one = real(1);
  // The first score of the block that is a number, or 0; the barrier of the
  // scan comes between the two stores.
  Elements firsts = b.array(1, b.getF64Type());
  b.ifThen(b.thread() == 0, [&] { firsts.set(b.number(0), none); });
  Scalar finiteSoFar = scanBlock(score.finite.toI32()).first;
  b.ifThen(score.finite & (finiteSoFar == 1),
           [&] { firsts.set(b.number(0), score.raw); });
  b.barrier();
  Scalar pivot =
      select(count > none, state[b.number(Mean)], firsts[b.number(0)]);
  Scalar deviation = select(score.finite, score.raw - pivot, none);
  Scalar sum = scanBlock(deviation).first;
  Scalar squares = scanBlock(power2(deviation)).first;
  Scalar divisor = larger(count + finiteSoFar.toF64(), one);
  Scalar shift = sum / divisor;
  Scalar total = larger(state[b.number(Squares)] + squares - sum * shift, none);
  Scalar variance = total / divisor;
  Value bounded = Scalar(
      variance + scalar(arith::ConstantOp::create(b, b.getF64FloatAttr(1e-5))));
  Scalar spread = scalar(math::SqrtOp::create(b, bounded));
  Scalar norm = (score.raw - (pivot + shift)) / spread;
  Scalar place = b("offset") + position.signedToI64();
  b.ifThen(score.exists, [&] {
    store((norm + b("slope") * place.toF64()).toF32(), "u", position);
  });
}

void sparsek::buildTimestepKernels(ScalarBuilder &b,
                                   const ScoreVariant &variant) {
  TimestepKernels kernels(b, variant);
  kernels.buildStatistics();
  kernels.buildScan();
  kernels.buildNormalise();
}
