//===- Pipelines.cpp - From tensors to the LLVM dialect ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Pipelines/Pipelines.h"

#include "Internal.h"

#include "sparsek/Conversion/Passes.h"
#include "sparsek/Dialect/SparseK/Transforms/Passes.h"
#include "sparsek/Transforms/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/Transforms/RequestCWrappers.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace sparsek;

//===----------------------------------------------------------------------===//
// Stages
//===----------------------------------------------------------------------===//

void sparsek::buildBufferizationPipeline(OpPassManager &pm) {
  // Arithmetic on whole tensors has no bufferization of its own.
  pm.addNestedPass<func::FuncOp>(createConvertElementwiseToLinalgPass());
  pm.addPass(createSparsekDecomposeAggregatesPass());
  pm.addPass(createSparsekProtectArgumentsPass());
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  pm.addPass(bufferization::createEmptyTensorToAllocTensorPass());

  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  bufferize.unknownTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());

  bufferization::buildBufferDeallocationPipeline(
      pm, bufferization::BufferDeallocationPipelineOptions());
  pm.addPass(createConvertBufferizationToMemRefPass());
}

void sparsek::addFloatLegalization(OpPassManager &pm) {
  // bf16 is computed in f32 and converted by integer instructions. LLVM knows
  // how to compute in f16.
  math::MathExtendToSupportedTypesOptions extend;
  extend.extraTypeStrs = {"f16"};
  extend.targetTypeStr = "f32";
  pm.addPass(math::createMathExtendToSupportedTypes(extend));
  arith::ArithEmulateUnsupportedFloatsOptions emulate;
  emulate.sourceTypeStrs = {"bf16"};
  emulate.targetTypeStr = "f32";
  pm.addPass(arith::createArithEmulateUnsupportedFloats(emulate));
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  // An integer power as multiplications.
  math::MathExpandOpsPassOptions powers;
  powers.opMnemonics = {"fpowi"};
  pm.addPass(math::createMathExpandOpsPass(powers));
}

void sparsek::buildLowerToLLVMPipeline(
    OpPassManager &pm, const LowerToLLVMPipelineOptions &options) {
  pm.addPass(createSparsekExpandCopiesPass());
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  pm.addNestedPass<func::FuncOp>(createConvertVectorToSCFPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  addFloatLegalization(pm);
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());

  if (options.parallel) {
    pm.addPass(createConvertSCFToOpenMPPass());
    // Dissolves the memref.alloca_scope around the bodies, which may not hold
    // the blocks that the next pass makes.
    pm.addPass(createCanonicalizerPass());
  }
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createSparsekLowerRuntimeChecksPass());
  if (options.cWrappers)
    pm.addNestedPass<func::FuncOp>(LLVM::createLLVMRequestCWrappersPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertComplexToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  if (options.parallel)
    pm.addPass(createConvertOpenMPToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createSparsekVerifyLoweredPass());
}

//===----------------------------------------------------------------------===//
// Whole pipelines
//===----------------------------------------------------------------------===//

void sparsek::buildReferencePipeline(OpPassManager &pm,
                                     const ReferencePipelineOptions &options) {
  pm.addPass(createSparsekInsertRuntimeChecksPass());
  pm.addPass(createSparsekDecomposeAttentionPass());
  pm.addPass(createConvertSparseKToLinalgPass());
  buildBufferizationPipeline(pm);
  LowerToLLVMPipelineOptions lower;
  lower.cWrappers = options.cWrappers;
  buildLowerToLLVMPipeline(pm, lower);
}

ConvertSparseKToVectorPassOptions
sparsek::getVectorKernelOptions(int64_t vectorLanes, int64_t microRows) {
  ConvertSparseKToVectorPassOptions kernels;
  kernels.vectorLanes = vectorLanes;
  if (kernels.vectorLanes == 0) {
    llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
    kernels.vectorLanes = features.lookup("avx512f") ? 16
                          : features.lookup("avx")   ? 8
                                                     : 4;
  }
  // AVX2 has 16 registers: 4 x 2 sums leave room for the operands. AVX-512 and
  // others have 32.
  kernels.microRows = microRows;
  if (kernels.microRows == 0)
    kernels.microRows = kernels.vectorLanes == 8 ? 4 : 8;
  return kernels;
}

void sparsek::buildCPUPipeline(OpPassManager &pm,
                               const CPUPipelineOptions &options) {
  ConvertSparseKToVectorPassOptions kernels =
      getVectorKernelOptions(options.vectorLanes, options.microRows);
  kernels.parallel = options.parallel;
  kernels.keyBlock = options.keyBlock;
  kernels.tileRows = options.tileRows;
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createSparsekDecomposeAttentionPass());
  pm.addPass(createSparsekInsertRuntimeChecksPass());
  pm.addPass(createConvertSparseKToVectorPass(kernels));
  pm.addPass(createSparsekFuseLinalgPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  buildBufferizationPipeline(pm);
  // Frees buffers after their last use instead of at the end of the function.
  pm.addNestedPass<func::FuncOp>(
      bufferization::createOptimizeAllocationLivenessPass());
  SparsekLowerContractionsPassOptions contractions;
  contractions.parallel = options.parallel;
  contractions.vectorLanes = kernels.vectorLanes;
  // 6 x 2 sums of the 16 registers of AVX2, or 12 x 2 of 32.
  contractions.tileRows = kernels.vectorLanes == 8 ? 6 : 12;
  pm.addPass(createSparsekLowerContractionsPass(contractions));
  if (options.parallel)
    pm.addPass(createSparsekParallelizeLinalgPass());
  LowerToLLVMPipelineOptions lower;
  lower.cWrappers = options.cWrappers;
  lower.parallel = options.parallel;
  buildLowerToLLVMPipeline(pm, lower);
}

void sparsek::registerPipelines() {
  PassPipelineRegistration<>(
      "sparsek-bufferization-pipeline",
      "Tensors to buffers; functions take and return memrefs",
      buildBufferizationPipeline);
  PassPipelineRegistration<LowerToLLVMPipelineOptions>(
      "sparsek-lower-to-llvm-pipeline", "Code on buffers to the LLVM dialect",
      buildLowerToLLVMPipeline);
  PassPipelineRegistration<ReferencePipelineOptions>(
      "sparsek-reference-pipeline",
      "sparsek and linalg on tensors to the LLVM dialect, by definition",
      buildReferencePipeline);
  PassPipelineRegistration<CPUPipelineOptions>(
      "sparsek-cpu-pipeline",
      "sparsek and linalg on tensors to the LLVM dialect, for speed on the "
      "host",
      buildCPUPipeline);
  PassPipelineRegistration<NVVMPipelineOptions>(
      "sparsek-nvvm-pipeline",
      "sparsek and linalg on tensors to kernels for an NVIDIA GPU, for speed",
      buildNVVMPipeline);
  PassPipelineRegistration<EmitIREEOptions>(
      "sparsek-emit-iree",
      "sparsek, among any other ops, to what iree-compile takes",
      buildEmitIREEPipeline);
  PassPipelineRegistration<LowerToGPUPipelineOptions>(
      "sparsek-lower-to-gpu-pipeline",
      "Code on buffers to NVIDIA kernels and a host that launches them",
      buildLowerToGPUPipeline);
  PassPipelineRegistration<LowerGPUHostPipelineOptions>(
      "sparsek-lower-gpu-host-pipeline",
      "A host that launches kernels to the LLVM dialect",
      buildLowerGPUHostPipeline);
  PassPipelineRegistration<GPUPlainPipelineOptions>(
      "sparsek-gpu-plain-pipeline",
      "sparsek and linalg on tensors to NVIDIA kernels, by definition",
      buildGPUPlainPipeline);
}
