//===- GatheredAttention.h - Launch gathered attention ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CUDARUNTIME_GATHEREDATTENTION_H
#define SPARSEK_CUDARUNTIME_GATHEREDATTENTION_H

#include "sparsek-c/CUDA.h"
#include "sparsek/CUDARuntime/Launch.h"

namespace sparsek::cuda {

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
