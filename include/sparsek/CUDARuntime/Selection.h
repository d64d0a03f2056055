//===- Selection.h - Launch the selection -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Kernels in the order of their launches:
//
//   documents (packed), the sort, rank_table, boundaries_*, rank_scan,
//   thresholds_*, expiries
//
// The sort of short rows is sort_tiles, and merge_lists as often as four lists
// become one until one is left; that of longer ones count_* and scatter_* for
// every digit of 8 bits, first of scores, then with packed documents of those.
// boundaries_* and thresholds_* are those of the first size of the
// record that holds N keys. The sort goes from one pair of buffers (codes,
// order) to the other and back.

#ifndef SPARSEK_CUDARUNTIME_SELECTION_H
#define SPARSEK_CUDARUNTIME_SELECTION_H

#include "sparsek-c/CUDA.h"
#include "sparsek/CUDARuntime/Launch.h"

namespace sparsek::cuda {

/// Lists that `merge_lists` makes one of, as a power of two.
constexpr int64_t kMergedLog2 = 2;
/// Bits of a digit of the sort.
constexpr int64_t kDigitBits = 8;
/// Most buckets that a block of `rank_table` counts: one for each of its warps.
constexpr int64_t kMaxTableLog2 = 3;

/// What the launches of one selection do.
struct SelectionPlan : LaunchPlan {
  /// Those of this many keys.
  SelectionRecord::Size size;
  int64_t merges = 0;
  /// Instead of merges, the first bit of every digit. From 32 on they are those
  /// of documents.
  llvm::SmallVector<int32_t> shifts;
  /// Where the two buffers of the sort begin in the workspace.
  std::array<int64_t, 2> codes = {};
  std::array<int64_t, 2> order = {};
};

/// Checks shapes, element types and limits. Errors name the argument and what
/// is accepted.
llvm::Expected<SelectionPlan>
planSelection(const LaunchRecord &record,
              const SparsekSelectionArguments &arguments);

/// Launches the kernels one after the other; see `sparsekLaunchSelection`.
llvm::Error launchSelection(Kernel &kernel,
                            const SparsekSelectionArguments &arguments,
                            uint64_t workspace, size_t workspaceBytes,
                            Device device, Stream stream);

} // namespace sparsek::cuda

#endif // SPARSEK_CUDARUNTIME_SELECTION_H
