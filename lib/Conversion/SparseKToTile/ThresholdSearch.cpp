//===- ThresholdSearch.cpp - The root of C4 -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ThresholdSearch.h"

using namespace mlir;
using namespace sparsek;

/// More than halving every fourth turn needs. What no bracket holds, from
/// documents that overlap, ends here.
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
                      Scalar firstRank) {
  Scalar point = left.point;
  Scalar more = left.total > wanted;
  Scalar difference = left.total - wanted;
  difference = select(more, difference, 0 - difference);
  Scalar slope = larger(left.interior, b.number(1)).toI64();
  Scalar quotient = divideExactly(difference, slope);
  Scalar up = point + quotient + (quotient * slope != difference).toI64();
  // Left of the root by a little, from where the last step goes right.
  Scalar down = point - quotient - 1;

  // The next threshold: quanta are closer than steps of f32 up to 1.
  Scalar isFine = (point < kOne) & (point > -kOne);
  Scalar next = select(isFine, point + 1, quantaOfCode(bracket.code - 1));
  Scalar low = select(more, next, bracket.low);
  Scalar high = select(more, bracket.high, point);
  Scalar bisect = ((bracket.turn & 3) == 3) | (left.interior == 0);
  Scalar goUp = more & (!bisect);
  Scalar wish =
      select(bisect, low + ((high - low) >> 1), select(more, up, down));
  Scalar last = high - select(goUp, b.wide(0), b.wide(1));
  Scalar candidate = roundToCode(larger(smaller(wish, last), low), goUp);

  auto stays = [&](Scalar rank, function_ref<Scalar(Scalar)> holds) {
    Scalar none = rank <= firstRank;
    Scalar code = codes[select(none, firstRank, rank - 1)];
    return none | holds(code);
  };
  Scalar threshold = scoreOf(candidate);
  Scalar linear =
      goUp & (up <= high) &
      stays(left.rank0, [&](Scalar code) { return code < candidate; }) &
      stays(left.rank1,
            [&](Scalar code) { return isSaturated(code, threshold); });
  Scalar found =
      linear | ((!more) & (bracket.low == point)) | (bracket.turn >= kMaxTurns);
  return {{low, high, candidate, bracket.turn + 1},
          more,
          found,
          select(linear, candidate, bracket.code)};
}
