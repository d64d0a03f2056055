//===- Executable.h - Compile a module and call it --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_EXECUTIONENGINE_EXECUTABLE_H
#define SPARSEK_EXECUTIONENGINE_EXECUTABLE_H

#include "sparsek/ExecutionEngine/Tensor.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mlir {
class Diagnostic;
class OpPassManager;
class PassManager;
} // namespace mlir

namespace sparsek {

/// The type of one argument or result before lowering.
struct ValueSignature {
  /// The name in the source text without '%', empty where none is known.
  std::string name;
  ElementType type = ElementType::F32;
  /// False for a scalar, which is passed and returned as a rank-0 tensor.
  bool isTensor = true;
  /// mlir::ShapedType::kDynamic stands for a size that is known at run time.
  llvm::SmallVector<int64_t, 4> shape;

  /// "tensor<1x?x64xf32>", or "f32" for a scalar.
  std::string getTypeString() const;
};

/// What a public function takes and returns.
struct Signature {
  std::string name;
  std::vector<ValueSignature> arguments;
  std::vector<ValueSignature> results;

  /// "f(%q: tensor<4xf32>, ...) -> (tensor<4xf32>, ...)".
  std::string getString() const;
  /// Checks element types, ranks and static sizes of the arguments of a call.
  llvm::Error checkArguments(llvm::ArrayRef<TensorRef> arguments) const;
};

struct CompileOptions {
  /// The passes from tensors to the LLVM dialect, in the syntax of
  /// `--pass-pipeline`; the outer `builtin.module(...)` may be left out. This
  /// one by its name alone makes vectors as long as those of the processor.
  std::string pipeline = "sparsek-cpu-pipeline";
  /// Fills in the passes instead of `pipeline`.
  std::function<mlir::LogicalResult(mlir::OpPassManager &)> buildPipeline;
  /// Called before the passes run, for example to print IR between them.
  std::function<mlir::LogicalResult(mlir::PassManager &)> configure;
  /// 0 to 3, for LLVM's passes and for code generation.
  unsigned optLevel = 3;
  /// The processor to compile for; empty means this one with all its features.
  std::string cpu;
  std::string features;
  /// Threads of a parallel loop; 0 leaves it to the OpenMP library
  /// (OMP_NUM_THREADS, or one per processor).
  unsigned threads = 0;
  /// The GPU for functions that run on one, in the driver's order.
  int device = 0;
  /// Further shared libraries with functions that the module calls.
  std::vector<std::string> sharedLibraries;
  /// Where to write the optimised LLVM IR and the object code; empty: nowhere.
  std::string llvmIRFile;
  std::string objectFile;
};

/// A module compiled for the host, ready to be called. Functions that a
/// pipeline has put on a GPU (`sparsek.device_memory`) are called in the same
/// way: a call copies its arguments to the device and its results back.
///
/// Calls are thread-safe. A check in compiled code that fails makes the call
/// return an error. Buffers in host memory that the function had allocated by
/// then are not freed. A check that fails inside a parallel loop prints its
/// message and aborts the process, since the other threads cannot be unwound.
class Executable {
public:
  ~Executable();
  Executable(const Executable &) = delete;
  Executable &operator=(const Executable &) = delete;

  /// Compiles a copy of `module`. The error holds all diagnostics.
  static llvm::Expected<std::unique_ptr<Executable>>
  compile(mlir::ModuleOp module, const CompileOptions &options = {});

  /// Parses and compiles `text`; `name` stands for the file in diagnostics.
  static llvm::Expected<std::unique_ptr<Executable>>
  compile(mlir::MLIRContext &context, llvm::StringRef text,
          llvm::StringRef name, const CompileOptions &options = {});

  /// The functions that can be called, in the order of the module.
  llvm::ArrayRef<Signature> getSignatures() const;

  /// The signature of `entry`. An empty name means the only function. The error
  /// lists the functions that there are.
  llvm::Expected<const Signature *> getSignature(llvm::StringRef entry) const;

  /// Calls `entry`. The inputs are never written to, and the outputs share no
  /// memory with them. `seconds` gets the time of the function itself, without
  /// copies to and from a device.
  llvm::Error call(llvm::StringRef entry, llvm::ArrayRef<TensorRef> inputs,
                   std::vector<Tensor> &outputs,
                   double *seconds = nullptr) const;

private:
  struct Impl;
  explicit Executable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

/// A diagnostic with its notes, one a line: "file:line:column: remark: ...".
std::string formatDiagnostic(mlir::Diagnostic &diagnostic);

/// Parses `text` into a module whose function arguments carry their names as
/// locations. The error holds the diagnostics.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
parseModule(mlir::MLIRContext &context, llvm::StringRef text,
            llvm::StringRef name, bool verify = true);

/// The same for text in which ops of IREE may be: an error about ops that are
/// not known says in which form those are read.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
parseIREEModule(mlir::MLIRContext &context, llvm::StringRef text,
                llvm::StringRef name, bool verify = true);

/// Verifies a module that was parsed without, before `pipeline` runs: unless
/// that begins with `sparsek-import`, which verifies what it has read.
llvm::Error verifyBefore(mlir::ModuleOp module, llvm::StringRef pipeline);

/// Runs passes on `module`, written as for `CompileOptions::pipeline`. The
/// error holds the diagnostics; remarks and warnings go to standard error.
llvm::Error runPasses(mlir::ModuleOp module, llvm::StringRef pipeline);

/// The same for the passes that `add` adds.
llvm::Error runPasses(mlir::ModuleOp module,
                      llvm::function_ref<void(mlir::OpPassManager &)> add);

} // namespace sparsek

#endif // SPARSEK_EXECUTIONENGINE_EXECUTABLE_H
