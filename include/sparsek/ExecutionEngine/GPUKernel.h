//===- GPUKernel.h - Compile an operation for a GPU -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_EXECUTIONENGINE_GPUKERNEL_H
#define SPARSEK_EXECUTIONENGINE_GPUKERNEL_H

#include "sparsek/CUDARuntime/KernelCache.h"
#include "sparsek/ExecutionEngine/Tensor.h"

#include "mlir/IR/BuiltinOps.h"

namespace sparsek {

/// What is compiled into the kernels of one operation.
struct KernelOptions {
  virtual ~KernelOptions() = default;

  std::string chip = "sm_90a";
  /// "ptx" or "cubin".
  std::string format = "ptx";
  /// Further options of `sparsek-nvvm-pipeline`.
  std::string pipelineOptions;

  /// Checks what the text below does not make the compiler check.
  virtual llvm::Error verify() const;
  /// The module to compile: one function around one op.
  virtual std::string getModuleText() const = 0;
  /// The pipeline that lowers it.
  std::string getPipeline() const;
  /// All that the result depends on, the version of the compiler included.
  std::string getCacheKey() const;
};

/// Gathered attention. Batch, lengths, topk, window, scale and strides are
/// arguments of its launch.
struct AttentionKernelOptions : KernelOptions {
  ElementType type = ElementType::BF16;
  int64_t headDim = 128;
  int64_t valueDim = 128;
  /// Query heads per KV head.
  int64_t group = 1;
  std::string gate = "key_value";
  bool sink = false;
  bool packed = false;

  llvm::Error verify() const override;
  std::string getModuleText() const override;
};

/// The selection. All sizes, topk and window are arguments of its launch.
struct SelectionKernelOptions : KernelOptions {
  bool packed = false;

  std::string getModuleText() const override;
};

/// Scores. Batch, length, offset, slope and strides are arguments of their
/// launch.
struct ScoreKernelOptions : KernelOptions {
  ElementType type = ElementType::BF16;
  /// The same, or f32.
  ElementType weightType = ElementType::BF16;
  int64_t features = 4096;
  int64_t scoreHeads = 1;
  std::string norm = "none";
  bool statistics = false;
  bool carry = false;

  llvm::Error verify() const override;
  std::string getModuleText() const override;
};

/// The kernel in a lowered module: the object of its one `gpu.binary` with a
/// dictionary `sparsek.launch_record`, which becomes JSON.
llvm::Expected<cuda::CompiledKernel> extractKernel(mlir::ModuleOp module);

/// Compiles a kernel. The error holds all diagnostics.
llvm::Expected<cuda::CompiledKernel>
compileKernel(mlir::MLIRContext &context, const KernelOptions &options);

} // namespace sparsek

#endif // SPARSEK_EXECUTIONENGINE_GPUKERNEL_H
