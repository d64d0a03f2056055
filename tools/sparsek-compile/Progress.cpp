//===- Progress.cpp - What a long compilation is at -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Progress.h"

#include "llvm/Support/raw_ostream.h"

using namespace sparsek;

static constexpr std::chrono::seconds kFirst(2), kNext(10);

Progress::Progress(bool quiet) : begin(Clock::now()) {
  if (!quiet)
    watcher = std::thread([this] { watch(); });
}

Progress::~Progress() {
  {
    std::lock_guard lock(mutex);
    done = true;
  }
  changed.notify_one();
  if (watcher.joinable())
    watcher.join();
}

void Progress::enter(llvm::StringRef next) {
  {
    std::lock_guard lock(mutex);
    stage = next.str();
    begin = Clock::now();
  }
  changed.notify_one();
}

void Progress::watch() {
  std::unique_lock lock(mutex);
  while (!done) {
    Clock::time_point watched = begin;
    auto isOver = [&] { return done || begin != watched; };
    for (auto pause = kFirst; !changed.wait_for(lock, pause, isOver);
         pause = kNext) {
      std::chrono::duration<double> taken = Clock::now() - begin;
      llvm::errs() << "sparsek-compile: " << stage << " ("
                   << int64_t(taken.count()) << " s)\n";
    }
  }
}
