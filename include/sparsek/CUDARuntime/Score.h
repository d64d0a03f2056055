//===- Score.h - Launch the scores ------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CUDARUNTIME_SCORE_H
#define SPARSEK_CUDARUNTIME_SCORE_H

#include "sparsek-c/CUDA.h"
#include "sparsek/CUDARuntime/Launch.h"

namespace sparsek::cuda {

/// Checks shapes, element types and limits. Errors name the argument and what
/// is accepted.
llvm::Expected<LaunchPlan> planScore(const LaunchRecord &record,
                                     const SparsekScoreArguments &arguments);

/// Launches the kernels one after the other; see `sparsekLaunchScore`.
llvm::Error launchScore(Kernel &kernel, const SparsekScoreArguments &arguments,
                        uint64_t workspace, size_t workspaceBytes,
                        Device device, Stream stream);

} // namespace sparsek::cuda

#endif // SPARSEK_CUDARUNTIME_SCORE_H
