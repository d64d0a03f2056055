//===- CUDA.cpp - C API for kernels on NVIDIA GPUs ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek-c/CUDA.h"

#include "Internal.h"

#include "sparsek/CUDARuntime/GatheredAttention.h"
#include "sparsek/CUDARuntime/Kernel.h"
#include "sparsek/CUDARuntime/KernelCache.h"
#include "sparsek/ExecutionEngine/AttentionKernel.h"

using namespace mlir;
using namespace sparsek;
using capi::setError;

struct SparsekKernel {
  std::unique_ptr<cuda::Kernel> kernel;
  std::string cacheProblem;
};

/// 0, or 1 with the error kept.
static int32_t getStatus(llvm::Error error) {
  if (!error)
    return 0;
  setError(std::move(error));
  return 1;
}

static std::unique_ptr<SparsekKernel> makeKernel(cuda::CompiledKernel parts) {
  auto kernel =
      cuda::Kernel::create(std::move(parts.image), std::move(parts.record));
  if (!kernel) {
    setError(kernel.takeError());
    return nullptr;
  }
  auto result = std::make_unique<SparsekKernel>();
  result->kernel = std::move(*kernel);
  return result;
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

extern "C" SparsekAttentionConfig sparsekDefaultAttentionConfig(void) {
  return {SPARSEK_BF16, 128, 128, 1, "key_value", 0, 0, "sm_90a", "ptx", ""};
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
  options.chip = config->chip ? config->chip : "";
  options.format = config->format ? config->format : "";
  options.pipelineOptions = config->options ? config->options : "";
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
  auto compiled = compileAttentionKernel(scratch.context, options);
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

extern "C" SparsekKernel *sparsekKernelFromModule(const SparsekModule *module) {
  auto compiled = extractKernel(module->op.get());
  if (!compiled) {
    setError(compiled.takeError());
    return nullptr;
  }
  return makeKernel(std::move(*compiled)).release();
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

extern "C" SparsekKernel *sparsekCreateKernel(const void *image,
                                              size_t imageSize,
                                              const char *record,
                                              size_t recordSize) {
  return makeKernel({std::string(static_cast<const char *>(image), imageSize),
                     std::string(record, recordSize)})
      .release();
}

extern "C" const void *sparsekKernelImage(const SparsekKernel *kernel,
                                          size_t *size) {
  *size = kernel->kernel->getImage().size();
  return kernel->kernel->getImage().data();
}

extern "C" const char *sparsekKernelRecord(const SparsekKernel *kernel,
                                           size_t *size) {
  *size = kernel->kernel->getRecordText().size();
  return kernel->kernel->getRecordText().data();
}

extern "C" const char *sparsekKernelCacheProblem(const SparsekKernel *kernel) {
  return kernel->cacheProblem.c_str();
}

extern "C" void sparsekReleaseKernel(SparsekKernel *kernel) { delete kernel; }

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

extern "C" const char *sparsekDeviceChip(int32_t device) {
  llvm::Expected<const cuda::Driver *> driver = cuda::Driver::get();
  if (!driver) {
    setError(driver.takeError());
    return nullptr;
  }
  auto properties = cuda::getDeviceProperties(**driver, device);
  if (!properties) {
    setError(properties.takeError());
    return nullptr;
  }
  llvm::Expected<StringRef> chip = cuda::chooseChip(*properties);
  if (!chip) {
    setError(chip.takeError());
    return nullptr;
  }
  return chip->data(); // A literal.
}

static llvm::Error prepare(cuda::Kernel &kernel, int32_t device) {
  llvm::Expected<const cuda::Driver *> driver = cuda::Driver::get();
  if (!driver)
    return driver.takeError();
  auto context = cuda::getPrimaryContext(**driver, device);
  if (!context)
    return context.takeError();
  auto guard = cuda::ContextGuard::enter(**driver, *context);
  if (!guard)
    return guard.takeError();
  return kernel.load(**driver).takeError();
}

extern "C" int32_t sparsekPrepareKernel(SparsekKernel *kernel, int32_t device) {
  return getStatus(prepare(*kernel->kernel, device));
}

extern "C" int32_t
sparsekAttentionWorkspace(const SparsekKernel *kernel,
                          const SparsekAttentionArguments *arguments,
                          size_t *size) {
  auto plan =
      cuda::planGatheredAttention(kernel->kernel->getRecord(), *arguments);
  if (!plan)
    return getStatus(plan.takeError());
  *size = plan->workspaceBytes;
  return 0;
}

extern "C" int32_t sparsekLaunchAttention(
    SparsekKernel *kernel, const SparsekAttentionArguments *arguments,
    uint64_t workspace, size_t workspaceSize, int32_t device, void *stream) {
  return getStatus(cuda::launchGatheredAttention(
      *kernel->kernel, *arguments, workspace, workspaceSize, device,
      static_cast<cuda::Stream>(stream)));
}
