//===- Kernel.h - Compiled kernels, loaded on devices -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CUDARUNTIME_KERNEL_H
#define SPARSEK_CUDARUNTIME_KERNEL_H

#include "sparsek/CUDARuntime/Driver.h"
#include "sparsek/CUDARuntime/LaunchRecord.h"

#include <memory>
#include <mutex>

namespace sparsek::cuda {

/// An image (PTX text or a cubin) and its record, loaded once in each context
/// that it is launched in. Thread-safe.
class Kernel {
public:
  /// The functions of a kernel in one context, in the order of the record.
  struct Loaded {
    Context context;
    /// Whether this library keeps the context alive.
    bool isPrimary;
    int multiprocessors;
    Module module;
    llvm::SmallVector<Function, 4> functions;
  };

  static llvm::Expected<std::unique_ptr<Kernel>> create(std::string image,
                                                        std::string record);
  /// Unloads it from primary contexts; in others it ends with the context.
  ~Kernel();
  Kernel(const Kernel &) = delete;
  Kernel &operator=(const Kernel &) = delete;

  llvm::StringRef getImage() const { return image; }
  llvm::StringRef getRecordText() const { return recordText; }
  const LaunchRecord &getRecord() const { return record; }

  /// The kernel in the current context. The first call in a context loads it,
  /// which also works while a stream is being captured.
  llvm::Expected<const Loaded *> load(const Driver &driver);

private:
  Kernel() = default;
  llvm::Expected<std::unique_ptr<Loaded>> loadNow(const Driver &driver,
                                                  Context context);

  std::string image;
  std::string recordText;
  LaunchRecord record;
  /// Held while loading, so that only one thread does it. Elements stay where
  /// they are.
  std::mutex mutex;
  std::vector<std::unique_ptr<Loaded>> loaded;
};

} // namespace sparsek::cuda

#endif // SPARSEK_CUDARUNTIME_KERNEL_H
