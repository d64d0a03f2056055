//===- Session.h - What compiled host code finds on a GPU -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Host code that `sparsek-lower-gpu-host-pipeline` makes allocates, copies and
// launches by calls of functions with C names: those that MLIR gives to its own
// CUDA wrappers (mgpu...), and those for kernels with launch records. They work
// on the session of the calling thread.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CUDARUNTIME_SESSION_H
#define SPARSEK_CUDARUNTIME_SESSION_H

#include "sparsek/CUDARuntime/Driver.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseSet.h"

#include <memory>
#include <optional>

namespace sparsek::cuda {

/// A stream of a device's primary context, and the device memory that was
/// allocated through it: what one call of compiled host code works on. Belongs
/// to one thread, in which it makes the context and itself current.
class Session {
public:
  /// `fail` gets the text of what goes wrong in compiled code and never
  /// returns.
  using FailureHandler = void (*)(const char *message);

  static llvm::Expected<std::unique_ptr<Session>> open(Device device,
                                                       FailureHandler fail);
  /// Waits for the stream and frees all memory that is left.
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  /// The session of this thread, or null.
  static Session *getCurrent();

  const Driver &getDriver() const { return driver; }
  Device getDevice() const { return device; }
  Stream getStream() const { return stream; }
  FailureHandler getFailureHandler() const { return fail; }

  /// Memory of the device; a size of 0 gives an address of its own as well.
  llvm::Expected<uint64_t> allocate(size_t bytes);
  /// Memory that any launch on the stream may use until the next one.
  llvm::Expected<uint64_t> getWorkspace(size_t bytes);
  /// Frees what `allocate` gave. Waits for work that uses it.
  llvm::Error release(uint64_t address);
  /// Copies in the order of the stream, from and to either memory.
  llvm::Error copy(uint64_t to, uint64_t from, size_t bytes);
  /// Waits for all work.
  llvm::Error synchronize();

private:
  Session(const Driver &driver, Device device, FailureHandler fail)
      : driver(driver), device(device), fail(fail) {}

  const Driver &driver;
  Device device;
  FailureHandler fail;
  std::optional<ContextGuard> guard;
  Stream stream = nullptr;
  Session *previous = nullptr;
  llvm::DenseSet<uint64_t> allocations;
  uint64_t workspace = 0;
  size_t workspaceBytes = 0;
};

/// A function that compiled host code calls.
struct HostFunction {
  const char *name;
  void *address;
};

/// All of them.
llvm::ArrayRef<HostFunction> getHostFunctions();

} // namespace sparsek::cuda

#endif // SPARSEK_CUDARUNTIME_SESSION_H
