//===- KernelHandle.h - What a SparsekKernel is -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CAPI_KERNELHANDLE_H
#define SPARSEK_LIB_CAPI_KERNELHANDLE_H

#include "sparsek-c/CUDA.h"
#include "sparsek/CUDARuntime/Kernel.h"
#include "sparsek/CUDARuntime/KernelCache.h"

struct SparsekKernel {
  std::unique_ptr<sparsek::cuda::Kernel> kernel;
  std::string cacheProblem;
};

namespace sparsek::capi {

/// Null, with the error kept, where the parts are wrong.
std::unique_ptr<SparsekKernel> makeKernel(cuda::CompiledKernel parts);

} // namespace sparsek::capi

#endif // SPARSEK_LIB_CAPI_KERNELHANDLE_H
