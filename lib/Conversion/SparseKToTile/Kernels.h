//===- Kernels.h - The kernels that ops become ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Names and order of the kernels' arguments are part of the launch contract:
// a launcher passes them by the names in the launch record.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_KERNELS_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_KERNELS_H

#include "TileBuilder.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include <iterator>

namespace sparsek {

/// What is compiled into the kernels; lengths, strides, window, number of
/// selected keys and scale are arguments.
struct AttentionVariant {
  mlir::Type element;
  int64_t headSize;
  int64_t valueSize;
  int64_t group; // query heads of a key-value head
  Gate gate;     // not straight_through, which computes what none does
  bool sink;
  bool packed;
};

/// `documents`: the end of every position's document. One thread for each
/// position.
void buildDocumentsKernel(TileBuilder &b);

/// `survivors`: the keys that are selected at the first position of every
/// chunk. One block for each chunk of each score head.
void buildSurvivorsKernel(TileBuilder &b, bool packed);

/// `attention`: one block walks over work items of one tile of rows each, with
/// one role for each thing that is copied and one that computes.
void buildAttentionKernel(TileBuilder &b, const AttentionVariant &variant,
                          tile::ScheduleAttr schedule, tile::RowMapAttr rowMap);

/// The kernels of the selection, for `topk_mask`: see SelectionKernels.h.
/// With `packed`, `documents` too.
void buildSelectionKernels(mlir::Location loc, mlir::OpBuilder &at,
                           bool packed);

/// Two of the kernels come in sizes: chunks of positions that are solved
/// together, and up to how many buckets the ranks are counted in.
struct SelectionSize {
  int64_t maxKeys;
  int64_t chunk;
  llvm::StringLiteral thresholds;
  int64_t maxBuckets;
  llvm::StringLiteral boundaries;
};
inline constexpr SelectionSize kSelectionSizes[] = {
    {int64_t(1) << 13, 32, "thresholds_32", 128, "boundaries_128"},
    {int64_t(1) << 17, 128, "thresholds_128", 256, "boundaries_256"},
    {int64_t(1) << 20, 512, "thresholds_512", 1024, "boundaries_1024"}};
inline constexpr int64_t kMaxSelectionKeys =
    std::end(kSelectionSizes)[-1].maxKeys;
/// Chunk boundaries of a row, at most.
inline constexpr int64_t kMaxBoundaries =
    kMaxSelectionKeys / std::end(kSelectionSizes)[-1].chunk + 1;
/// Positions that one block sorts, in rows that are merged from sorted tiles
/// and in others; up to which length rows are merged; ranks that one block sums
/// up.
inline constexpr int64_t kSortTileLog2 = 10;
inline constexpr int64_t kRadixTileLog2 = 12;
inline constexpr int64_t kMaxMergedKeys = int64_t(1) << 14;
inline constexpr int64_t kScanTileLog2 = 10;
/// Boundaries that one block solves.
inline constexpr int64_t kBoundaryWarpsLog2 = 3;
/// Words of shared memory in which a block counts: four for each boundary and
/// bucket.
inline constexpr int64_t kTableWords = 4 * kMaxBoundaries;

/// Threads of a block of the kernels without roles.
inline constexpr int64_t kTableThreads = 256;

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_KERNELS_H
