//===- Kernels.h - The kernels of gathered attention ------------*- C++ -*-===//
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

/// Threads of a block of the kernels without roles.
inline constexpr int64_t kTableThreads = 256;

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_KERNELS_H
