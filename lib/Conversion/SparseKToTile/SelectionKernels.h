//===- SelectionKernels.h - Thresholds and lives on a GPU -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// docs/Selection.md explains the method: sort the scores of a row (one score
// head of one batch), count them by chunks of positions and buckets of ranks,
// solve C3 and C4 at the chunk boundaries, then for every position between.
//
// Ties are left to the order of the sort, which is stable. Documents are part
// of one order: the later document comes first, so that a threshold still only
// ever moves to better ranks, and nothing of another document ever counts.
//
// A threshold is a score whose quanta are whole, and the smallest such one at
// which no more than topk is left: within one step of f32 (and 2^-24) of the
// root of C4, and monotone.

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SELECTIONKERNELS_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SELECTIONKERNELS_H

#include "Kernels.h"
#include "ScoreCodes.h"

namespace sparsek {

/// The fields of a boundary, in the vectors `bounds` and `bound_sums`: rank of
/// the topk-th best key or, where there are fewer, the one after the document's
/// last; code of the threshold; ranks of the first key not above the threshold
/// and of the first one less than 1 above it, and how many keys come before
/// each, with the sums of their quanta.
enum BoundField { kTheta, kCode, kRank0, kRank1, kCount0, kCount1 };
enum SumField { kSum0, kSum1 };

struct Boundary {
  Scalar theta, code, rank0, rank1, count0, count1, sum0, sum1;
};

struct Document {
  Scalar start, end;
};

class SelectionKernels {
public:
  SelectionKernels(ScalarBuilder &b, bool packed) : b(b), packed(packed) {}

  void buildSort();
  void buildMerge();
  void buildCount(llvm::StringRef name, bool isFirst);
  void buildScatter(llvm::StringRef name, bool isFirst);
  void buildTable();
  void buildBoundaries(const SelectionSize &size);
  void buildScan();
  void buildThresholds(const SelectionSize &size);
  void buildExpiries();

private:
  using Argument = TileBuilder::Argument;

  Argument numbers(llvm::StringRef name) {
    return b.vector(name, b.getI32Type());
  }
  Argument wideNumbers(llvm::StringRef name) {
    return b.vector(name, b.getI64Type());
  }
  void start(llvm::StringRef name, llvm::SmallVector<Argument> arguments,
             int64_t threads);
  /// Splits the number of the block into one in its row and the row.
  Scalar enterRow(Scalar blocks);
  Elements inRow(llvm::StringRef name) { return b.elements(name, rowBase); }
  Scalar loadScore(Scalar position);
  /// The position of the key of a rank, by `order` or a list before it.
  Scalar loadPosition(llvm::StringRef order, Scalar rank);
  void storeInRow(llvm::StringRef name, Scalar position, Scalar value);
  Document documentAt(Scalar position);
  /// Element `index` of a field of all boundaries.
  Elements boundField(llvm::StringRef name, int64_t field, Scalar boundaries);
  Boundary loadBoundary(Scalar number, Scalar boundaries);
  Scalar ceilShift(Scalar value, Scalar shift) {
    return (value + ((value.constant(1) << shift) - 1)) >> shift;
  }

  /// The digit by which a pass sorts.
  Scalar digitOf(Scalar code, Scalar position, Scalar shift);
  Scalar documentShiftEnd();
  /// Code and position of a key of the row before a pass.
  Scalars loadItem(Scalar place, bool isFirst);
  llvm::SmallVector<Argument> itemArguments(bool isFirst);

  ScalarBuilder &b;
  bool packed;

  // Of the kernel under construction.
  Scalar keys, row, rowBase, batch, head;
};

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SELECTIONKERNELS_H
