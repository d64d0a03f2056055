//===- GPUPipeline.cpp - Every op on a GPU, by definition -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Internal.h"
#include "sparsek/Pipelines/Pipelines.h"

#include "sparsek/Conversion/Passes.h"
#include "sparsek/Dialect/SparseK/Transforms/Passes.h"
#include "sparsek/Transforms/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/Transforms/RequestCWrappers.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace sparsek;

/// linalg and scalar code on buffers to launches of kernels.
static void addKernelFormation(OpPassManager &pm) {
  pm.addPass(createSparsekExpandCopiesPass());
  OpPassManager &loops = pm.nest<func::FuncOp>();
  loops.addPass(createLinalgGeneralizeNamedOpsPass());
  loops.addPass(createSparsekReductionsInnermostPass());
  loops.addPass(createConvertLinalgToParallelLoopsPass());
  loops.addPass(createForallToParallelLoopPass());
  // Shapes in buffers are read by loads, which move to the device.
  pm.addPass(memref::createExpandOpsPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createSparsekFlattenParallelLoopsPass());

  OpPassManager &launches = pm.nest<func::FuncOp>();
  launches.addPass(createSparsekOffloadScalarCodePass());
  launches.addPass(createSparsekDeviceBuffersPass());
  // Blocks of 128 threads: four warps, and several blocks fit on a
  // multiprocessor. The last block tests its bounds.
  launches.addPass(createParallelLoopTilingPass(/*tileSize=*/{128},
                                                /*noMinMaxBounds=*/true));
  launches.addPass(createGpuMapParallelLoopsPass());
  launches.addPass(createConvertParallelLoopToGpuPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createGpuLaunchSinkIndexComputationsPass());
  pm.addPass(createGpuKernelOutliningPass());
  pm.addNestedPass<func::FuncOp>(createGpuAsyncRegionPass());
}

void sparsek::buildLowerToGPUPipeline(
    OpPassManager &pm, const LowerToGPUPipelineOptions &options) {
  addKernelFormation(pm);
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  addFloatLegalization(pm);

  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  math::MathExpandOpsPassOptions expand;
  for (const char *name : {"sinh", "cosh", "tan", "asinh", "acosh", "atanh",
                           "exp2", "powf", "round", "rsqrt"})
    expand.opMnemonics.push_back(name);
  kernels.addPass(math::createMathExpandOpsPass(expand));
  kernels.addPass(createSparsekExpandDeviceMathPass());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createSCFToControlFlowPass());
  ConvertGpuOpsToNVVMOpsOptions nvvm;
  nvvm.indexBitwidth = 64;
  kernels.addPass(createConvertGpuOpsToNVVMOps(nvvm));
  kernels.addPass(createUBToLLVMConversionPass());
  kernels.addPass(createReconcileUnrealizedCastsPass());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());

  GpuNVVMAttachTargetOptions target;
  target.chip = options.chip;
  pm.addPass(createGpuNVVMAttachTarget(target));
  SparsekSerializeKernelsPassOptions serialize;
  serialize.format = options.format;
  serialize.toolkit = options.toolkit;
  pm.addPass(createSparsekSerializeKernelsPass(serialize));
}

void sparsek::buildLowerGPUHostPipeline(
    OpPassManager &pm, const LowerGPUHostPipelineOptions &options) {
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createSparsekLowerRuntimeChecksPass());
  if (options.cWrappers)
    pm.addNestedPass<func::FuncOp>(LLVM::createLLVMRequestCWrappersPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createGpuToLLVMConversionPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createSparsekVerifyLoweredPass());
}

void sparsek::buildGPUPlainPipeline(OpPassManager &pm,
                                    const GPUPlainPipelineOptions &options) {
  pm.addPass(createSparsekInsertRuntimeChecksPass());
  pm.addPass(createSparsekDecomposeAttentionPass());
  pm.addPass(createConvertSparseKToLinalgPass());
  buildBufferizationPipeline(pm);
  LowerToGPUPipelineOptions device;
  device.chip = options.chip;
  device.format = options.format;
  device.toolkit = options.toolkit;
  buildLowerToGPUPipeline(pm, device);
  LowerGPUHostPipelineOptions host;
  host.cWrappers = options.cWrappers;
  buildLowerGPUHostPipeline(pm, host);
}
