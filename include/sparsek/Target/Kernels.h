//===- Kernels.h - Kernels as files -----------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// What `sparsek-nvvm-pipeline=host=false` leaves, in forms that other programs
// take. All functions fail where the module holds no kernels with launch
// records, and say so.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TARGET_KERNELS_H
#define SPARSEK_TARGET_KERNELS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace sparsek {

/// Checks the GPU of an option --chip.
llvm::Error checkChip(llvm::StringRef chip);

/// Checks the form of kernels of an option --format: one that a driver loads,
/// or one of `more`.
llvm::Error checkImageFormat(llvm::StringRef format,
                             llvm::ArrayRef<llvm::StringRef> more = {});

/// For every binary NAME of the module NAME.ptx, NAME.cubin or NAME.fatbin, and
/// its launch record, NAME.json, in `folder`, which is made if need be.
llvm::Error writeKernelFiles(mlir::ModuleOp module, llvm::StringRef folder);

/// An object file for this machine's kind of processor, with the data of all
/// kernels and, for each NAME, the functions that the header below declares.
/// They call libSparsekRuntime. `name` replaces the name of the only binary.
llvm::Error emitKernelObject(mlir::ModuleOp module, llvm::StringRef name,
                             llvm::raw_pwrite_stream &os);

/// The C header of that object.
llvm::Error emitKernelHeader(mlir::ModuleOp module, llvm::StringRef name,
                             llvm::raw_ostream &os);

} // namespace sparsek

#endif // SPARSEK_TARGET_KERNELS_H
