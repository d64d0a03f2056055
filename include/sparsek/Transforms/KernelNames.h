//===- KernelNames.h - Names of what goes with kernels ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TRANSFORMS_KERNELNAMES_H
#define SPARSEK_TRANSFORMS_KERNELNAMES_H

#include "llvm/ADT/StringRef.h"

namespace sparsek {

/// On a module of kernels, and on the `gpu.binary` that becomes of it: a
/// dictionary that says how they are launched.
constexpr llvm::StringLiteral kLaunchRecordAttr = "sparsek.launch_record";

/// On an op: the module with the kernels that compute it.
constexpr llvm::StringLiteral kKernelsAttr = "tile.kernels";

} // namespace sparsek

#endif // SPARSEK_TRANSFORMS_KERNELNAMES_H
