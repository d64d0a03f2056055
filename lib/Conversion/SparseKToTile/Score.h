//===- Score.h - The kernels of scores --------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SCORE_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SCORE_H

#include "Scalar.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

namespace sparsek {

/// What is compiled into the kernels; lengths, strides, slope and offset are
/// arguments.
struct ScoreVariant {
  mlir::Type element; // of x
  mlir::Type weight;  // `element` or f32
  int64_t features;
  int64_t heads;
  Norm norm;
  bool statistics; // takes those of the positions before
  bool carry;      // returns those of all positions
};

/// How a block of `score` shares out its work: warps of one row group take
/// slices of the features of its 16 rows, group by group of 32.
struct ScorePlan {
  int64_t parts;       // 16-bit matrices that W is the sum of
  int64_t blocks;      // of eight score heads
  int64_t warps;       // power of two
  int64_t slices;      // power of two up to `warps`
  int64_t sliceGroups; // groups of a slice
  int64_t panelGroups; // groups that a warp loads at a time
  /// How often W is staged: each time as much as shared memory holds.
  int64_t segments;

  static ScorePlan get(const ScoreVariant &variant, int64_t sharedBytes);
  int64_t getSegmentGroups() const { return slices * sliceGroups; }
  int64_t getRowsPerItem() const;
  int64_t getThreads() const { return 32 * warps; }
};

/// Positions that get statistics of their own.
inline constexpr int64_t kStatisticPositions = 256;
inline constexpr int64_t kMaxScoreHeads = 64;

/// `score`: `x W`, and the slope where there is no norm.
void buildScoreKernel(ScalarBuilder &b, const ScoreVariant &variant,
                      const ScorePlan &plan);
/// `score_statistics`, `score_scan` and `score_normalise`: norm<timestep> and
/// the slope, in place.
void buildTimestepKernels(ScalarBuilder &b, const ScoreVariant &variant);

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SCORE_H
