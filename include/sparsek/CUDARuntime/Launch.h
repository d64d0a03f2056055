//===- Launch.h - What all launches share -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CUDARUNTIME_LAUNCH_H
#define SPARSEK_CUDARUNTIME_LAUNCH_H

#include "sparsek/CUDARuntime/Kernel.h"

#include <array>
#include <bitset>
#include <cstring>

namespace sparsek::cuda {

/// The values of arguments that kernels name, each in 8 bytes of which narrow
/// ones use the first four.
class ArgumentValues {
public:
  template <typename T> void set(Argument argument, T value) {
    static_assert(sizeof(T) <= sizeof(uint64_t));
    std::memcpy(&slots[size_t(argument)], &value, sizeof(T));
    given.set(size_t(argument));
  }
  bool has(Argument argument) const { return given.test(size_t(argument)); }
  void *getAddress(Argument argument) { return &slots[size_t(argument)]; }

private:
  std::array<uint64_t, kNumArguments> slots = {};
  std::bitset<kNumArguments> given;
};

/// Alignment of a workspace and of its parts, in bytes.
constexpr int64_t kWorkspaceAlignment = 256;

/// What the launches of one call share, derived from the record and the
/// arguments.
struct LaunchPlan {
  LaunchPlan() { factors.fill(kNoFactor); }

  ArgumentValues values;
  /// What grids are counted by. KeyBlocks counts keys, BoundaryBlocks
  /// boundaries, and Persistent items: the kernel says how many a block has.
  static constexpr int64_t kNoFactor = -1;
  std::array<int64_t, kNumGridFactors> factors;
  int64_t workspaceBytes = 0;
  /// Arguments that point into the workspace, and where.
  llvm::SmallVector<std::pair<Argument, int64_t>, 16> parts;

  int64_t &getFactor(GridFactor factor) { return factors[size_t(factor)]; }

  /// Makes a part of the workspace. Returns where it begins.
  int64_t allocate(int64_t bytes);
  /// The same for an argument.
  void place(Argument argument, int64_t bytes);
  /// Sets the addresses of the parts.
  void setWorkspace(uint64_t address);

  /// Fails where the workspace is too small or begins anywhere.
  llvm::Error checkWorkspace(uint64_t address, size_t bytes) const;
};

/// Launches of a kernel on a stream, with its context current and the kernel
/// loaded there.
class Launcher {
public:
  /// The stream's own context where `device` is negative, or the current one
  /// for a default stream.
  static llvm::Expected<Launcher> start(Kernel &kernel, Device device,
                                        Stream stream);

  /// Launches one kernel of the record. From the second launch on kernels that
  /// wait begin while the ones before them end, where the driver can do it.
  llvm::Error launch(size_t index, LaunchPlan &plan);
  /// Launches all of them in their order.
  llvm::Error launchAll(LaunchPlan &plan);
  /// Copies memory of the device, or sets it to 0.
  llvm::Error copy(uint64_t to, uint64_t from, size_t bytes);
  llvm::Error clear(uint64_t to, size_t bytes);

private:
  Launcher(const Driver &driver, const LaunchRecord &record,
           const Kernel::Loaded &loaded, ContextGuard guard, Stream stream)
      : driver(driver), record(record), loaded(loaded), guard(std::move(guard)),
        stream(stream) {}

  const Driver &driver;
  const LaunchRecord &record;
  const Kernel::Loaded &loaded;
  ContextGuard guard;
  Stream stream;
  bool isFirst = true;
};

} // namespace sparsek::cuda

#endif // SPARSEK_CUDARUNTIME_LAUNCH_H
