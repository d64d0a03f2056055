//===- EntryPoint.h - Kernels as IREE launches them -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// IREE's CUDA driver passes a pointer for every binding and then constants of
// 32 bits, and nothing else. An entry point takes, in this order,
//
//   pointers   the arrays of the operation that the kernel names, and the
//              workspace where it names parts of it
//   words      where parts of the workspace begin, in kWorkspaceAlignment
//   bytes;
//              other arguments, 64 bits as two words, the low one first; and
//              whether the kernel has anything to do
//
// The last word stands for an empty grid, which no launch may have.

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOIREE_ENTRYPOINT_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOIREE_ENTRYPOINT_H

#include "sparsek/CUDARuntime/LaunchRecord.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace sparsek {

/// On a gpu.module or gpu.binary with one entry point: `kernels`, the module
/// that an op names, `name`, the kernel, and `record`, the launch record of all
/// kernels of that module.
constexpr llvm::StringLiteral kEntryPointAttr = "sparsek.iree_entry_point";

struct EntryPoint {
  explicit EntryPoint(llvm::ArrayRef<cuda::Argument> arguments);

  llvm::SmallVector<cuda::Argument> arrays;
  llvm::SmallVector<cuda::Argument> parts;
  llvm::SmallVector<cuda::Argument> scalars;

  bool hasWorkspace() const { return !parts.empty(); }
  unsigned getNumPointers() const { return arrays.size() + hasWorkspace(); }
  unsigned getNumWords() const;
};

/// How many 32-bit words an argument takes.
unsigned getNumWords(cuda::Argument argument);

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOIREE_ENTRYPOINT_H
