//===- Progress.h - What a long compilation is at ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TOOLS_SPARSEK_COMPILE_PROGRESS_H
#define SPARSEK_TOOLS_SPARSEK_COMPILE_PROGRESS_H

#include "llvm/ADT/StringRef.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace sparsek {

/// Writes to standard error what is being done once that takes two seconds, and
/// again every ten seconds. Nothing is written for what is quick.
class Progress {
public:
  /// Writes nothing with `quiet`.
  explicit Progress(bool quiet);
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  /// From now on this is being done.
  void enter(llvm::StringRef stage);

private:
  using Clock = std::chrono::steady_clock;

  void watch();

  std::mutex mutex;
  std::condition_variable changed;
  std::string stage;
  Clock::time_point begin;
  bool done = false;
  std::thread watcher;
};

} // namespace sparsek

#endif // SPARSEK_TOOLS_SPARSEK_COMPILE_PROGRESS_H
