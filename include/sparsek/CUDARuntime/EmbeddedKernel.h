//===- EmbeddedKernel.h - Kernels in the data of a program ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CUDARUNTIME_EMBEDDEDKERNEL_H
#define SPARSEK_CUDARUNTIME_EMBEDDEDKERNEL_H

#include "sparsek-c/CUDA.h"
#include "sparsek/CUDARuntime/Kernel.h"

namespace sparsek::cuda {

/// The kernel of embedded data, made at the first call. Thread-safe.
llvm::Expected<Kernel *> getKernel(SparsekEmbeddedKernel &embedded);

/// Unloads it everywhere; a later use makes it again. No launch may be running.
void releaseKernel(SparsekEmbeddedKernel &embedded);

} // namespace sparsek::cuda

#endif // SPARSEK_CUDARUNTIME_EMBEDDEDKERNEL_H
