//===- Kernel.cpp - C API of kernels that are there -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Free of MLIR: this part is also in libSparsekRuntime.so, which has no
// compiler.
//
//===----------------------------------------------------------------------===//

#include "Error.h"
#include "KernelHandle.h"

#include "sparsek/CUDARuntime/EmbeddedKernel.h"
#include "sparsek/CUDARuntime/GatheredAttention.h"
#include "sparsek/CUDARuntime/Score.h"
#include "sparsek/CUDARuntime/Selection.h"

using namespace sparsek;
using capi::getStatus;
using capi::makeKernel;
using capi::setError;

std::unique_ptr<SparsekKernel> capi::makeKernel(cuda::CompiledKernel parts) {
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
  llvm::Expected<llvm::StringRef> chip = cuda::chooseChip(*properties);
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

/// The overloads let what is below be the same for every operation.
static auto plan(const cuda::Kernel &kernel,
                 const SparsekAttentionArguments &arguments) {
  return cuda::planGatheredAttention(kernel.getRecord(), arguments);
}
static auto plan(const cuda::Kernel &kernel,
                 const SparsekSelectionArguments &arguments) {
  return cuda::planSelection(kernel.getRecord(), arguments);
}
static auto plan(const cuda::Kernel &kernel,
                 const SparsekScoreArguments &arguments) {
  return cuda::planScore(kernel.getRecord(), arguments);
}

template <typename Arguments>
static llvm::Error getWorkspace(const cuda::Kernel &kernel,
                                const Arguments &arguments, size_t &size) {
  auto made = plan(kernel, arguments);
  if (!made)
    return made.takeError();
  size = made->workspaceBytes;
  return llvm::Error::success();
}

extern "C" int32_t
sparsekAttentionWorkspace(const SparsekKernel *kernel,
                          const SparsekAttentionArguments *arguments,
                          size_t *size) {
  return getStatus(getWorkspace(*kernel->kernel, *arguments, *size));
}

extern "C" int32_t sparsekLaunchAttention(
    SparsekKernel *kernel, const SparsekAttentionArguments *arguments,
    uint64_t workspace, size_t workspaceSize, int32_t device, void *stream) {
  return getStatus(cuda::launchGatheredAttention(
      *kernel->kernel, *arguments, workspace, workspaceSize, device,
      static_cast<cuda::Stream>(stream)));
}

extern "C" int32_t
sparsekSelectionWorkspace(const SparsekKernel *kernel,
                          const SparsekSelectionArguments *arguments,
                          size_t *size) {
  return getStatus(getWorkspace(*kernel->kernel, *arguments, *size));
}

extern "C" int32_t sparsekLaunchSelection(
    SparsekKernel *kernel, const SparsekSelectionArguments *arguments,
    uint64_t workspace, size_t workspaceSize, int32_t device, void *stream) {
  return getStatus(cuda::launchSelection(*kernel->kernel, *arguments, workspace,
                                         workspaceSize, device,
                                         static_cast<cuda::Stream>(stream)));
}

extern "C" int32_t sparsekScoreWorkspace(const SparsekKernel *kernel,
                                         const SparsekScoreArguments *arguments,
                                         size_t *size) {
  return getStatus(getWorkspace(*kernel->kernel, *arguments, *size));
}

extern "C" int32_t sparsekLaunchScore(SparsekKernel *kernel,
                                      const SparsekScoreArguments *arguments,
                                      uint64_t workspace, size_t workspaceSize,
                                      int32_t device, void *stream) {
  return getStatus(cuda::launchScore(*kernel->kernel, *arguments, workspace,
                                     workspaceSize, device,
                                     static_cast<cuda::Stream>(stream)));
}

//===----------------------------------------------------------------------===//
// Embedded kernels
//===----------------------------------------------------------------------===//

/// Calls `work` with the kernel of embedded data.
template <typename Work>
static int32_t withKernel(SparsekEmbeddedKernel *embedded, Work work) {
  llvm::Expected<cuda::Kernel *> kernel = cuda::getKernel(*embedded);
  return getStatus(kernel ? work(**kernel) : kernel.takeError());
}

extern "C" int32_t sparsekPrepareEmbeddedKernel(SparsekEmbeddedKernel *kernel,
                                                int32_t device) {
  return withKernel(kernel,
                    [&](cuda::Kernel &made) { return prepare(made, device); });
}

extern "C" int32_t
sparsekEmbeddedAttentionWorkspace(SparsekEmbeddedKernel *kernel,
                                  const SparsekAttentionArguments *arguments,
                                  size_t *size) {
  return withKernel(kernel, [&](cuda::Kernel &made) {
    return getWorkspace(made, *arguments, *size);
  });
}

extern "C" int32_t sparsekLaunchEmbeddedAttention(
    SparsekEmbeddedKernel *kernel, const SparsekAttentionArguments *arguments,
    uint64_t workspace, size_t workspaceSize, int32_t device, void *stream) {
  return withKernel(kernel, [&](cuda::Kernel &made) {
    return cuda::launchGatheredAttention(made, *arguments, workspace,
                                         workspaceSize, device,
                                         static_cast<cuda::Stream>(stream));
  });
}

extern "C" int32_t
sparsekEmbeddedSelectionWorkspace(SparsekEmbeddedKernel *kernel,
                                  const SparsekSelectionArguments *arguments,
                                  size_t *size) {
  return withKernel(kernel, [&](cuda::Kernel &made) {
    return getWorkspace(made, *arguments, *size);
  });
}

extern "C" int32_t sparsekLaunchEmbeddedSelection(
    SparsekEmbeddedKernel *kernel, const SparsekSelectionArguments *arguments,
    uint64_t workspace, size_t workspaceSize, int32_t device, void *stream) {
  return withKernel(kernel, [&](cuda::Kernel &made) {
    return cuda::launchSelection(made, *arguments, workspace, workspaceSize,
                                 device, static_cast<cuda::Stream>(stream));
  });
}

extern "C" int32_t
sparsekEmbeddedScoreWorkspace(SparsekEmbeddedKernel *kernel,
                              const SparsekScoreArguments *arguments,
                              size_t *size) {
  return withKernel(kernel, [&](cuda::Kernel &made) {
    return getWorkspace(made, *arguments, *size);
  });
}

extern "C" int32_t sparsekLaunchEmbeddedScore(
    SparsekEmbeddedKernel *kernel, const SparsekScoreArguments *arguments,
    uint64_t workspace, size_t workspaceSize, int32_t device, void *stream) {
  return withKernel(kernel, [&](cuda::Kernel &made) {
    return cuda::launchScore(made, *arguments, workspace, workspaceSize, device,
                             static_cast<cuda::Stream>(stream));
  });
}

extern "C" void sparsekReleaseEmbeddedKernel(SparsekEmbeddedKernel *kernel) {
  cuda::releaseKernel(*kernel);
}
