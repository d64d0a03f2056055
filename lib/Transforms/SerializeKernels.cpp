//===- SerializeKernels.cpp - gpu.modules to binaries ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/GPU/IR/CompilationInterfaces.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "llvm/ADT/StringSwitch.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKSERIALIZEKERNELSPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;

namespace {
struct SerializeKernels
    : sparsek::impl::SparsekSerializeKernelsPassBase<SerializeKernels> {
  using Base::Base;

  void runOnOperation() override {
    auto target =
        llvm::StringSwitch<std::optional<gpu::CompilationTarget>>(format)
            .Case("ptx", gpu::CompilationTarget::Assembly)
            .Case("cubin", gpu::CompilationTarget::Binary)
            .Case("fatbin", gpu::CompilationTarget::Fatbin)
            .Case("llvm", gpu::CompilationTarget::Offload)
            .Default(std::nullopt);
    if (!target) {
      emitError(UnknownLoc::get(&getContext()))
          << "unknown format '" << format
          << "'; accepted are ptx, cubin, fatbin and llvm";
      return signalPassFailure();
    }
    // What says how the kernels are launched.
    llvm::StringMap<SmallVector<NamedAttribute>> attributes;
    for (auto module : getOperation().getOps<gpu::GPUModuleOp>())
      for (NamedAttribute attribute : module->getDiscardableAttrs())
        if (attribute.getName().getValue().starts_with("sparsek."))
          attributes[module.getName()].push_back(attribute);
    // Without a CUDA toolkit MLIR reports an error for its missing libdevice,
    // which these kernels do not use, and goes on.
    ScopedDiagnosticHandler handler(&getContext(), [](Diagnostic &diagnostic) {
      return success(StringRef(diagnostic.str()).starts_with("CUDA path: "));
    });
    gpu::TargetOptions options(toolkit, {}, ptxasOptions, "", *target);
    if (failed(gpu::transformGpuModulesToBinaries(getOperation(), nullptr,
                                                  options)))
      return signalPassFailure();
    for (auto binary : getOperation().getOps<gpu::BinaryOp>())
      for (NamedAttribute attribute : attributes.lookup(binary.getName()))
        binary->setAttr(attribute.getName(), attribute.getValue());
  }
};
} // namespace
