//===- EmbeddedKernel.cpp - Kernels in the data of a program --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/EmbeddedKernel.h"

#include <atomic>

using namespace sparsek::cuda;
using llvm::Expected;

Expected<Kernel *> sparsek::cuda::getKernel(SparsekEmbeddedKernel &embedded) {
  std::atomic_ref<void *> slot(embedded.kernel);
  if (void *kernel = slot.load(std::memory_order_acquire))
    return static_cast<Kernel *>(kernel);
  Expected<std::unique_ptr<Kernel>> made =
      Kernel::create(std::string(static_cast<const char *>(embedded.image),
                                 embedded.imageSize),
                     std::string(embedded.record, embedded.recordSize));
  if (!made)
    return made.takeError();
  void *expected = nullptr;
  // Where another thread was faster, its kernel is the one.
  if (slot.compare_exchange_strong(expected, made->get(),
                                   std::memory_order_acq_rel))
    return made->release();
  return static_cast<Kernel *>(expected);
}

void sparsek::cuda::releaseKernel(SparsekEmbeddedKernel &embedded) {
  std::atomic_ref<void *> slot(embedded.kernel);
  delete static_cast<Kernel *>(slot.exchange(nullptr));
}
