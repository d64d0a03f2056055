//===- IREEPipeline.cpp - From tensors to what IREE takes -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Pipelines/Pipelines.h"

#include "Internal.h"

#include "sparsek/Conversion/Passes.h"
#include "sparsek/Dialect/SparseK/Transforms/Passes.h"
#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace sparsek;

namespace {
/// Says what a pipeline cannot do with its options.
struct Refuse : public PassWrapper<Refuse, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Refuse)

  explicit Refuse(std::string reason) : reason(std::move(reason)) {}
  void runOnOperation() override {
    emitError(getOperation()->getLoc()) << "sparsek-emit-iree: " << reason;
    signalPassFailure();
  }

  std::string reason;
};
} // namespace

/// What is wrong with the options. Empty where nothing is.
static std::string check(const EmitIREEOptions &options) {
  if (options.cuda == options.llvmCPU)
    return "name one target, cuda or llvm-cpu";
  struct Use {
    const llvm::cl::Option &option;
    bool isForCUDA;
  } uses[] = {{options.chip, true},      {options.format, true},
              {options.toolkit, true},   {options.schedule, true},
              {options.fallback, true},  {options.vectorLanes, false},
              {options.nativeF64, false}};
  for (const Use &use : uses)
    if (use.option.getNumOccurrences() != 0 && use.isForCUDA != options.cuda)
      return (use.option.ArgStr + " is an option of " +
              (use.isForCUDA ? "cuda" : "llvm-cpu"))
          .str();
  return "";
}

static void addCUDA(OpPassManager &pm, const EmitIREEOptions &options) {
  pm.addPass(createSparsekGatherCausalAttentionPass());
  addKernelCompilation(pm, {options.chip, options.schedule});
  pm.addPass(createConvertNVVMToIREEPass());
  SparsekSerializeKernelsPassOptions serialize;
  serialize.format = options.format;
  serialize.toolkit = options.toolkit;
  pm.addPass(createSparsekSerializeKernelsPass(serialize));
  ConvertSparseKToIREEPassOptions dispatches;
  dispatches.fallback = options.fallback;
  pm.addPass(createConvertSparseKToIREEPass(dispatches));
  if (options.fallback)
    pm.addPass(createConvertSparseKToLinalgPass());
}

static void addCPU(OpPassManager &pm, const EmitIREEOptions &options) {
  pm.addPass(createSparsekDecomposeAttentionPass());
  SparsekInsertRuntimeChecksPassOptions checks;
  checks.sizesOnly = true;
  pm.addPass(createSparsekInsertRuntimeChecksPass(checks));
  ConvertSparseKToVectorPassOptions kernels =
      getVectorKernelOptions(options.vectorLanes, /*microRows=*/0);
  kernels.parallel = true;
  pm.addPass(createConvertSparseKToVectorPass(kernels));
  // iree-compile makes f64 f32 unless it is told not to.
  if (!options.nativeF64)
    pm.addNestedPass<func::FuncOp>(createSparsekExpandF64Pass());
  ConvertVectorToIREEPassOptions dispatches;
  dispatches.keepsF64 = options.nativeF64;
  pm.addPass(createConvertVectorToIREEPass(dispatches));
}

void sparsek::buildEmitIREEPipeline(OpPassManager &pm,
                                    const EmitIREEOptions &options) {
  if (std::string reason = check(options); !reason.empty()) {
    pm.addPass(std::make_unique<Refuse>(std::move(reason)));
    return;
  }
  pm.addPass(createConvertUtilToFuncPass());
  if (options.cuda)
    addCUDA(pm, options);
  else
    addCPU(pm, options);
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createConvertFuncToUtilPass());
  if (options.verify)
    pm.addPass(createVerifyIREEInputPass());
}
