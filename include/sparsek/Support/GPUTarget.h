//===- GPUTarget.h - What kernels need to know about a GPU ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The only place with facts about chips; free of MLIR.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_SUPPORT_GPUTARGET_H
#define SPARSEK_SUPPORT_GPUTARGET_H

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace sparsek {

/// A chip that tile programs are compiled for.
struct GPUTarget {
  /// As in "sm_90a".
  std::string chip;
  /// Bytes of shared memory that a block may use.
  int64_t sharedBytes;
  /// Multiprocessors of the largest device, for launchers that cannot ask.
  int64_t multiprocessors;
  /// wgmma and setmaxnreg: products of a warpgroup that run on while it
  /// computes, and registers that move between warpgroups. Without them a
  /// product belongs to one warp (mma.sync), which waits for it.
  bool warpgroups;
  /// mbarrier.try_wait, which suspends the thread; otherwise it polls.
  bool suspendsWaits;
  /// griddepcontrol: a kernel may be launched before those that it depends on
  /// have ended.
  bool dependentLaunches;
  /// Version of the PTX ISA to write, 80 for 8.0.
  int ptxVersion;

  /// Of "sm_" and the number of a chip in the table, with or without the suffix
  /// a (or f) of later ones.
  static std::optional<GPUTarget> get(llvm::StringRef chip);
  /// The chips of the table, as in "sm_80, sm_86".
  static std::string getAccepted();
  /// The chip whose code runs on, and suits best, a device of that compute
  /// capability: a literal, empty below 8.0.
  static llvm::StringRef choose(int major, int minor);
};

} // namespace sparsek

#endif // SPARSEK_SUPPORT_GPUTARGET_H
