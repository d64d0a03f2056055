//===- NVVMPipeline.cpp - From tensors to GPU kernels ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Pipelines/Pipelines.h"

#include "Internal.h"

#include "sparsek/Conversion/Passes.h"
#include "sparsek/Dialect/SparseK/Transforms/Passes.h"
#include "sparsek/Dialect/Tile/IR/Tile.h"
#include "sparsek/Dialect/Tile/Transforms/Passes.h"
#include "sparsek/Support/GPUTarget.h"
#include "sparsek/Transforms/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace sparsek;

void sparsek::addKernelCompilation(OpPassManager &pm,
                                   const KernelOptions &options) {
  pm.addNestedPass<func::FuncOp>(createSparsekDecomposeAttentionPass());
  ConvertSparseKToTilePassOptions program;
  program.chip = options.chip;
  program.schedule = options.schedule;
  program.remarks = options.remarks;
  pm.addPass(createConvertSparseKToTilePass(program));

  // The speed decisions of the schedule, one pass each.
  OpPassManager &kernels = pm.nest<ModuleOp>().nest<tile::KernelOp>();
  kernels.addPass(createTileSplitSlotsPass());
  kernels.addPass(createTileOverlapPass());
  kernels.addPass(createTilePingPongPass());
  kernels.addPass(createCSEPass());
  std::optional<GPUTarget> known = GPUTarget::get(options.chip);
  TileAllocatePassOptions memory;
  if (known)
    memory.limit = known->sharedBytes;
  kernels.addPass(createTileAllocatePass(memory));

  ConvertTileToFragmentsPassOptions fragments;
  fragments.chip = options.chip;
  pm.addPass(createConvertTileToFragmentsPass(fragments));
  OpPassManager &gpu = pm.nest<gpu::GPUModuleOp>();
  gpu.addPass(createCanonicalizerPass());
  gpu.addPass(createCSEPass());
  gpu.addPass(createConvertFragmentsToNVVMPass());
  gpu.addPass(createSCFToControlFlowPass());
  gpu.addPass(createConvertNVVMToLLVMPass());
  gpu.addPass(createConvertMathToLLVMPass());
  gpu.addPass(createConvertVectorToLLVMPass());
  gpu.addPass(createArithToLLVMConversionPass());
  // The pass for control flow alone would convert the host's, too.
  ConvertToLLVMPassOptions controlFlow;
  controlFlow.filterDialects = {
      cf::ControlFlowDialect::getDialectNamespace().str()};
  gpu.addPass(createConvertToLLVMPass(controlFlow));
  gpu.addPass(createCanonicalizerPass());
  gpu.addPass(createCSEPass());
  gpu.addPass(createReconcileUnrealizedCastsPass());

  GpuNVVMAttachTargetOptions target;
  target.chip = options.chip;
  if (known)
    target.features = "+ptx" + std::to_string(known->ptxVersion);
  target.optLevel = 3;
  pm.addPass(createGpuNVVMAttachTarget(target));
}

void sparsek::buildNVVMPipeline(OpPassManager &pm,
                                const NVVMPipelineOptions &options) {
  addKernelCompilation(pm, {options.chip, options.schedule, options.remarks});
  if (options.format == "nvvm")
    return;
  SparsekSerializeKernelsPassOptions serialize;
  serialize.format = options.format;
  serialize.toolkit = options.toolkit;
  pm.addPass(createSparsekSerializeKernelsPass(serialize));
  if (!options.host || options.format == "llvm")
    return;

  pm.addPass(createConvertSparseKToLaunchPass());
  GPUPlainPipelineOptions rest;
  rest.chip = options.chip;
  rest.format = options.format;
  rest.toolkit = options.toolkit;
  rest.cWrappers = options.cWrappers;
  buildGPUPlainPipeline(pm, rest);
}
