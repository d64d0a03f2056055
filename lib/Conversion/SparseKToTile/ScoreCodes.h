//===- ScoreCodes.h - Scores as ordered integers ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Scores are compared as *codes*: i32, ascending as scores descend, NaN as
// -inf. Sums are i64 counts of *quanta* of 2^-24, modulo 2^64, so that they
// depend on no order and one huge score spoils no other.

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SCORECODES_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SCORECODES_H

#include "Scalar.h"

#include <limits>

namespace sparsek {

/// The code of -inf and NaN, larger than that of any number.
inline constexpr int64_t kInvalid = 0x7f800000;
/// Larger than the code of any score.
inline constexpr int64_t kPadding = std::numeric_limits<int32_t>::max();
/// The quanta of 1.
inline constexpr int64_t kOne = int64_t(1) << 24;

/// The code of an f32 score: -0 as 0, +inf as the largest number.
Scalar codeOf(Scalar score);
Scalar scoreOf(Scalar code);
/// Whole quanta of an f32 toward zero.
Scalar quantaOf(Scalar score);
Scalar quantaOfCode(Scalar code);
/// The code of the nearest score whose quanta are not below or, rounding down,
/// not above `quanta`.
Scalar roundToCode(Scalar quanta, Scalar up);
Scalar roundToCode(Scalar quanta, bool up);
/// Whether a key of this code counts 1 at a threshold, by one subtraction (C5).
Scalar isSaturated(Scalar code, Scalar threshold);

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SCORECODES_H
