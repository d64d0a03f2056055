//===- VerifyLowered.cpp - Nothing but the LLVM dialect is left -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKVERIFYLOWEREDPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

namespace {
struct VerifyLowered
    : public sparsek::impl::SparsekVerifyLoweredPassBase<VerifyLowered> {
  void runOnOperation() override {
    WalkResult result = getOperation()->walk([](Operation *op) {
      // OpenMP ops, compiled kernels and their launches go to LLVM IR as they
      // are.
      if (isa<ModuleOp, gpu::BinaryOp, gpu::LaunchFuncOp>(op) ||
          isa_and_nonnull<LLVM::LLVMDialect, omp::OpenMPDialect>(
              op->getDialect()))
        return WalkResult::advance();
      op->emitOpError("has no lowering to LLVM in this pipeline");
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
