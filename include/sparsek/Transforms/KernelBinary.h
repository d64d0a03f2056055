//===- KernelBinary.h - Kernels with launch records -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TRANSFORMS_KERNELBINARY_H
#define SPARSEK_TRANSFORMS_KERNELBINARY_H

#include "sparsek/Transforms/KernelNames.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/Support/Error.h"

namespace sparsek {

/// The kernels of a `gpu.binary` and their launch record.
struct KernelBinary {
  /// Assembly (PTX), Binary (a cubin) or Fatbin.
  mlir::gpu::CompilationTarget format;
  /// PTX without a null at its end, or machine code.
  llvm::StringRef image;
  /// JSON.
  std::string record;
  /// The operation that the record names; empty where it names none.
  llvm::StringRef op;
};

/// A launch record in JSON. What is no dictionary, array, string, boolean or
/// integer becomes null, which readers of records refuse.
std::string getRecordText(mlir::DictionaryAttr record);

/// The binaries with launch records in `root`, in order.
llvm::SmallVector<mlir::gpu::BinaryOp>
findKernelBinaries(mlir::Operation *root);

/// The only object of a binary, PTX or machine code. The error says what there
/// must be.
llvm::Expected<mlir::gpu::ObjectAttr> getObject(mlir::gpu::BinaryOp binary);
/// The image in an object, without the null at the end of PTX.
llvm::StringRef getImage(mlir::gpu::ObjectAttr object);

/// What is in a binary with a launch record. The error says what there must be.
llvm::Expected<KernelBinary> getKernelBinary(mlir::gpu::BinaryOp binary);

} // namespace sparsek

#endif // SPARSEK_TRANSFORMS_KERNELBINARY_H
