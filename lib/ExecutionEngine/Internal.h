//===- Internal.h - Parts of the execution engine ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_EXECUTIONENGINE_INTERNAL_H
#define SPARSEK_LIB_EXECUTIONENGINE_INTERNAL_H

#include "sparsek/ExecutionEngine/Executable.h"

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"

#include <string>

namespace llvm {
class Module;
} // namespace llvm

namespace sparsek::detail {

/// The signature of a function on tensors, or why it cannot be called.
llvm::Expected<Signature> getSignature(mlir::FunctionOpInterface function);

/// Collects the errors (with their notes) that are reported in a context during
/// the life of this object. Other diagnostics go to the handlers below.
class DiagnosticCollector {
public:
  explicit DiagnosticCollector(mlir::MLIRContext &context);
  /// All errors, or `fallback` where none was reported.
  llvm::Error takeError(llvm::StringRef fallback);

private:
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

/// Records what can be called, and in `refused` why the other public functions
/// cannot be; asks for C interfaces that leave the caller's arrays as they are.
/// An error where there is nothing to call.
llvm::Expected<std::vector<Signature>>
prepareEntries(mlir::ModuleOp module, llvm::StringMap<std::string> &refused);

/// Runs the pipeline of `options` on `module`.
llvm::Error runPipeline(mlir::ModuleOp module, const CompileOptions &options,
                        DiagnosticCollector &diagnostics);

/// Machine code and the libraries that it needs.
struct CompiledCode {
  std::unique_ptr<llvm::orc::LLJIT> jit;
  bool usesOpenMP = false;
};

/// A function that takes one pointer per argument and per result: to the
/// descriptor of a tensor, or to the value of a scalar.
using PackedFunction = void (*)(void **);

/// The name of the packed form of `entry`.
std::string getPackedName(llvm::StringRef entry);

/// Optimises and compiles an LLVM module in which every entry has a C interface
/// (`_mlir_ciface_<entry>`).
llvm::Expected<CompiledCode>
compileLLVM(std::unique_ptr<llvm::Module> module,
            std::unique_ptr<llvm::LLVMContext> context,
            llvm::ArrayRef<Signature> entries, const CompileOptions &options);

/// The processor that code is made for.
struct HostMachine {
  llvm::orc::JITTargetMachineBuilder builder;
  std::unique_ptr<llvm::TargetMachine> machine;

  /// The one that `options` name; `module` becomes one for it.
  static llvm::Expected<HostMachine> create(const CompileOptions &options,
                                            llvm::Module &module);

  /// One processor for all functions, only those in `kept` visible, so that
  /// everything else can be inlined and dropped, and LLVM's passes of a level
  /// from 0 to 3.
  void optimize(llvm::Module &module, const llvm::StringSet<> &kept,
                unsigned level) const;
};

/// Whether code calls LLVM's OpenMP library.
bool callsOpenMP(const llvm::Module &module);

/// The OpenMP library, loaded at the first use.
struct OpenMPLibrary {
  void *handle = nullptr;
  void (*setNumThreads)(int) = nullptr;
  int (*getMaxThreads)() = nullptr;

  static llvm::Expected<const OpenMPLibrary *> get();
};

/// What compiled code calls when a check fails. Leaves the guarded call.
[[noreturn]] void checkFailed(const char *message);

/// The functions that compiled code may call in this library.
llvm::orc::SymbolMap getRuntimeSymbols(llvm::orc::LLJIT &jit);

/// Calls `function`. False where a check in it failed; `message` says which.
bool callGuarded(PackedFunction function, void **arguments,
                 std::string &message);

} // namespace sparsek::detail

#endif // SPARSEK_LIB_EXECUTIONENGINE_INTERNAL_H
