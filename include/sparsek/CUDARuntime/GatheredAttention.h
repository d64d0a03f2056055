//===- GatheredAttention.h - Launch gathered attention ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CUDARUNTIME_GATHEREDATTENTION_H
#define SPARSEK_CUDARUNTIME_GATHEREDATTENTION_H

#include "sparsek-c/CUDA.h"
#include "sparsek/CUDARuntime/Kernel.h"

#include <array>
#include <cstring>

namespace sparsek::cuda {

/// The value of every argument that a kernel can name, each in 8 bytes of which
/// narrow ones use the first four.
class ArgumentValues {
public:
  template <typename T> void set(Argument argument, T value) {
    static_assert(sizeof(T) <= sizeof(uint64_t));
    std::memcpy(&slots[size_t(argument)], &value, sizeof(T));
  }
  void *getAddress(Argument argument) { return &slots[size_t(argument)]; }

private:
  std::array<uint64_t, kNumArguments> slots = {};
};

/// What one launch does, derived from the record and the arguments.
struct LaunchPlan {
  ArgumentValues values;
  int64_t items = 0;
  int64_t chunks = 0;
  int64_t batchScoreHeads = 0;
  int64_t keys = 0;
  /// Bytes of the workspace, and where its parts begin.
  int64_t workspaceBytes = 0;
  int64_t tableOffset = 0;
  int64_t countsOffset = 0;
  int64_t documentsOffset = 0;
};

/// Alignment of a workspace and of its parts, in bytes.
constexpr int64_t kWorkspaceAlignment = 256;

/// Checks shapes, element types, strides and limits. Errors name the argument
/// and what is accepted.
llvm::Expected<LaunchPlan>
planGatheredAttention(const LaunchRecord &record,
                      const SparsekAttentionArguments &arguments);

/// Launches the kernels one after the other; see `sparsekLaunchAttention`.
llvm::Error launchGatheredAttention(Kernel &kernel,
                                    const SparsekAttentionArguments &arguments,
                                    uint64_t workspace, size_t workspaceBytes,
                                    Device device, Stream stream);

} // namespace sparsek::cuda

#endif // SPARSEK_CUDARUNTIME_GATHEREDATTENTION_H
