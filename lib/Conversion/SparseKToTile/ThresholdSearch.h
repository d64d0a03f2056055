//===- ThresholdSearch.h - The root of C4 -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_THRESHOLDSEARCH_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_THRESHOLDSEARCH_H

#include "ScoreCodes.h"

namespace sparsek {

/// What is left of the keys of a prefix at a threshold.
struct Left {
  Scalar point;        // the quanta of the threshold
  Scalar rank0, rank1; // first keys not above it, not 1 above it
  Scalar total;        // sum of clamp(u - threshold, 0, 1), in quanta
  Scalar interior;     // how many are strictly between
};

/// The quanta between which the threshold is, both ends included, and the code
/// of the next one to look at.
struct Bracket {
  Scalar low, high, code, turn;
};

struct Step {
  Bracket bracket;
  Scalar more;  // whether more than topk was left
  Scalar found; // whether `code` is the threshold
  Scalar code;
};

/// `wish`, or the nearest threshold below it that is in the bracket.
Scalar choosePoint(Scalar wish, Scalar low, Scalar high);

/// numerator / denominator, rounded down; both below 2^53.
Scalar divideExactly(Scalar numerator, Scalar denominator);

/// One step of a safeguarded Newton iteration in the quanta of thresholds. The
/// result is the smallest threshold at which no more than `wanted` is left. The
/// sum is linear as long as no key enters or leaves the interior: where none
/// does up to the root, this step is the last, and has counted right. `codes`
/// are those of the row by rank; the document's are those from `firstRank` to
/// `endRank`.
Step advance(ScalarBuilder &b, const Bracket &bracket, const Left &left,
             Scalar wanted, Elements codes, Scalar firstRank, Scalar endRank);

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_THRESHOLDSEARCH_H
