//===- ThresholdSearch.cpp - The root of C4 -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ThresholdSearch.h"

using namespace mlir;
using namespace sparsek;

/// Every so many turns the bracket is halved, from some turn on that few
/// searches reach.
static constexpr int64_t kHalving = 4, kFirstHalving = 8;
/// More turns than halving needs. What no bracket holds, from documents that
/// overlap, ends here.
static constexpr int64_t kMaxTurns = 255;

Scalar sparsek::choosePoint(Scalar wish, Scalar low, Scalar high) {
  return roundToCode(larger(smaller(wish, high - 1), low), /*up=*/false);
}

Scalar sparsek::divideExactly(Scalar numerator, Scalar denominator) {
  Scalar quotient = (numerator.toF64() / denominator.toF64()).truncatedToI64();
  // The quotient of floats may have been rounded up to a whole number.
  return quotient - (quotient * denominator > numerator).toI64();
}

Step sparsek::advance(ScalarBuilder &b, const Bracket &bracket,
                      const Left &left, Scalar wanted, Elements codes,
                      Scalar firstRank, Scalar endRank) {
  Scalar point = left.point;
  Scalar more = left.total > wanted;
  Scalar difference = left.total - wanted;
  difference = select(more, difference, 0 - difference);
  Scalar slope = larger(left.interior, b.number(1)).toI64();
  Scalar quotient = divideExactly(difference, slope);
  // Where the line through the point has come down to what is wanted, rounded
  // up to whole quanta: to the right of the point, and to the left.
  Scalar up = point + quotient + (quotient * slope != difference).toI64();
  Scalar back = point - quotient;
  Scalar down = back - 1;

  // The next threshold: quanta are closer than steps of f32 up to 1.
  Scalar isFine = (point < kOne) & (point > -kOne);
  Scalar next = select(isFine, point + 1, quantaOfCode(bracket.code - 1));
  Scalar low = select(more, next, bracket.low);
  Scalar high = select(more, bracket.high, point);
  Scalar isLate = bracket.turn >= kFirstHalving;
  Scalar bisect =
      (isLate & ((bracket.turn & (kHalving - 1)) == 0)) | (left.interior == 0);
  Scalar isNewton = !bisect;
  Scalar goUp = more & isNewton;
  Scalar wish =
      select(bisect, low + ((high - low) >> 1), select(more, up, down));
  Scalar last = high - select(goUp, b.wide(0), b.wide(1));
  Scalar candidate = roundToCode(larger(smaller(wish, last), low), goUp);

  // Whether the keys above a threshold are the same here and at the candidate,
  // which is at the root or beyond it: the next one in that direction says so.
  auto stays = [&](Scalar rank, function_ref<Scalar(Scalar)> holds) {
    Scalar none = select(more, rank <= firstRank, rank >= endRank);
    Scalar code = codes[select(none, firstRank, rank - more.toI32())];
    return none | (holds(code) == more);
  };
  Scalar threshold = scoreOf(candidate);
  Scalar linear =
      isNewton & select(more, up <= high, down >= low) &
      stays(left.rank0, [&](Scalar code) { return code < candidate; }) &
      stays(left.rank1,
            [&](Scalar code) { return isSaturated(code, threshold); });
  Scalar root = roundToCode(select(more, up, back), /*up=*/true);
  Scalar found =
      linear | ((!more) & (bracket.low == point)) | (bracket.turn >= kMaxTurns);
  return {{low, high, candidate, bracket.turn + 1},
          more,
          found,
          select(linear, root, bracket.code)};
}
