//===- CUDA.cpp - C API of compiling kernels for NVIDIA GPUs --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek-c/CUDA.h"

#include "Internal.h"
#include "KernelHandle.h"

#include "sparsek/ExecutionEngine/Executable.h"
#include "sparsek/ExecutionEngine/GPUKernel.h"

using namespace mlir;
using namespace sparsek;
using capi::makeKernel;
using capi::setError;

extern "C" SparsekAttentionConfig sparsekDefaultAttentionConfig(void) {
  return {SPARSEK_BF16, 128, 128, 1, "key_value", 0, 0, "sm_90a", "ptx", ""};
}

extern "C" SparsekSelectionConfig sparsekDefaultSelectionConfig(void) {
  return {0, "sm_90a", "ptx", ""};
}

extern "C" SparsekScoreConfig sparsekDefaultScoreConfig(void) {
  return {SPARSEK_BF16, SPARSEK_BF16, 4096, 1, "none", 0, 0,
          "sm_90a",     "ptx",        ""};
}

/// The fields that every configuration has.
template <typename Config>
static void setTarget(const Config &config, KernelOptions &options) {
  options.chip = config.chip ? config.chip : "";
  options.format = config.format ? config.format : "";
  options.pipelineOptions = config.options ? config.options : "";
}

/// From the cache, or compiled now.
static SparsekKernel *getKernel(const KernelOptions &options) {
  if (llvm::Error error = options.verify()) {
    setError(std::move(error));
    return nullptr;
  }

  // Without a build id kernels of different compilers could not be told apart.
  std::optional<cuda::KernelCache> cache;
  if (!cuda::getBuildId().empty())
    cache = cuda::KernelCache::getDefault();
  std::string key = options.getCacheKey();
  if (cache)
    if (std::optional<cuda::CompiledKernel> cached = cache->load(key))
      return makeKernel(std::move(*cached)).release();

  SparsekModule scratch; // For its context.
  auto compiled = compileKernel(scratch.context, options);
  if (!compiled) {
    setError(compiled.takeError());
    return nullptr;
  }
  std::string problem;
  if (cache)
    if (llvm::Error error = cache->store(key, *compiled))
      problem = llvm::toString(std::move(error));
  std::unique_ptr<SparsekKernel> kernel = makeKernel(std::move(*compiled));
  if (kernel)
    kernel->cacheProblem = std::move(problem);
  return kernel.release();
}

extern "C" SparsekKernel *
sparsekAttentionKernel(const SparsekAttentionConfig *config) {
  AttentionKernelOptions options;
  switch (config->dtype) {
  case SPARSEK_BF16:
    options.type = ElementType::BF16;
    break;
  case SPARSEK_F16:
    options.type = ElementType::F16;
    break;
  default:
    setError("attention on a GPU is compiled for bf16 or f16");
    return nullptr;
  }
  options.headDim = config->headDim;
  options.valueDim = config->valueDim;
  options.group = config->group;
  options.gate = config->gate ? config->gate : "";
  options.sink = config->sink != 0;
  options.packed = config->packed != 0;
  setTarget(*config, options);
  return getKernel(options);
}

extern "C" SparsekKernel *
sparsekSelectionKernel(const SparsekSelectionConfig *config) {
  SelectionKernelOptions options;
  options.packed = config->packed != 0;
  setTarget(*config, options);
  return getKernel(options);
}

extern "C" SparsekKernel *sparsekScoreKernel(const SparsekScoreConfig *config) {
  auto getType = [](SparsekDtype dtype) -> std::optional<ElementType> {
    switch (dtype) {
    case SPARSEK_BF16:
      return ElementType::BF16;
    case SPARSEK_F16:
      return ElementType::F16;
    case SPARSEK_F32:
      return ElementType::F32;
    default:
      return std::nullopt;
    }
  };
  std::optional<ElementType> type = getType(config->dtype);
  std::optional<ElementType> weightType = getType(config->weightDtype);
  if (!type || type == ElementType::F32 || !weightType) {
    setError("scores on a GPU are compiled for features of bf16 or f16 and "
             "weights of the same type or f32");
    return nullptr;
  }
  ScoreKernelOptions options;
  options.type = *type;
  options.weightType = *weightType;
  options.features = config->features;
  options.scoreHeads = config->scoreHeads;
  options.norm = config->norm ? config->norm : "";
  options.statistics = config->statistics != 0;
  options.carry = config->carry != 0;
  setTarget(*config, options);
  return getKernel(options);
}

extern "C" SparsekKernel *sparsekKernelFromModule(const SparsekModule *module) {
  if (!module->verified)
    if (llvm::Error error = sparsek::verifyBefore(module->op.get(), "")) {
      setError(std::move(error));
      return nullptr;
    }
  auto compiled = extractKernel(module->op.get());
  if (!compiled) {
    setError(compiled.takeError());
    return nullptr;
  }
  return makeKernel(std::move(*compiled)).release();
}
