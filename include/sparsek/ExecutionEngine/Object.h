//===- Object.h - Compile a module for other programs -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_EXECUTIONENGINE_OBJECT_H
#define SPARSEK_EXECUTIONENGINE_OBJECT_H

#include "sparsek/ExecutionEngine/Executable.h"

namespace sparsek {

/// How many f32 lanes the vectors of a processor have, to which the code for it
/// is to be fitted; of this one, if `cpu` is empty or "host". An error where
/// there is no such processor or feature.
llvm::Expected<int64_t> getVectorLanes(llvm::StringRef cpu,
                                       llvm::StringRef features);

/// What a module for the CPU is made into.
enum class ObjectForm { Object, LLVMIR };

/// A module compiled for other programs, and what they have to know.
struct ObjectCode {
  std::string code;
  /// The public functions, in the order of the module.
  std::vector<Signature> entries;
  /// Whether it calls LLVM's OpenMP library.
  bool usesOpenMP = false;
};

/// Compiles a copy of `module` with `options`: its pipeline, optimisation level
/// and processor. Every public function NAME of ranked tensors and scalars
/// becomes `_mlir_ciface_NAME`, which the header below declares. A run-time
/// check that fails calls `sparsek_runtime_check_failed(const char *)`: a weak
/// function in the object prints its message and aborts, and a program may have
/// its own, which must not return. The error holds all diagnostics.
llvm::Expected<ObjectCode> compileObject(mlir::ModuleOp module,
                                         const CompileOptions &options,
                                         ObjectForm form);

/// The C header of that object; `name` is for its include guard. An error for
/// a function whose name C does not accept.
llvm::Expected<std::string> makeObjectHeader(llvm::ArrayRef<Signature> entries,
                                             llvm::StringRef name);

} // namespace sparsek

#endif // SPARSEK_EXECUTIONENGINE_OBJECT_H
