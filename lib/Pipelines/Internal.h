//===- Internal.h - What several pipelines share ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_PIPELINES_INTERNAL_H
#define SPARSEK_LIB_PIPELINES_INTERNAL_H

#include "sparsek/Conversion/Passes.h"

#include <string>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace sparsek {

/// Arithmetic that a code generator would turn into calls to support routines
/// that not every runtime has.
void addFloatLegalization(mlir::OpPassManager &pm);

/// The options of kernels for the CPU of this host, or for one with that many
/// lanes.
ConvertSparseKToVectorPassOptions getVectorKernelOptions(int64_t vectorLanes,
                                                         int64_t microRows);

/// As in NVVMPipelineOptions.
struct KernelOptions {
  std::string chip;
  std::string schedule;
  bool remarks = false;
};

/// Ops that tile programs compute to kernels in gpu.modules, ready for the code
/// generator.
void addKernelCompilation(mlir::OpPassManager &pm,
                          const KernelOptions &options);

} // namespace sparsek

#endif // SPARSEK_LIB_PIPELINES_INTERNAL_H
