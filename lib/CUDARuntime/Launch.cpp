//===- Launch.cpp - What all launches share -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/Launch.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace sparsek::cuda;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Workspace
//===----------------------------------------------------------------------===//

int64_t LaunchPlan::allocate(int64_t bytes) {
  int64_t begin = workspaceBytes;
  workspaceBytes += llvm::alignTo(bytes, kWorkspaceAlignment);
  return begin;
}

void LaunchPlan::place(Argument argument, int64_t bytes) {
  parts.push_back({argument, allocate(bytes)});
}

void LaunchPlan::setWorkspace(uint64_t address) {
  for (auto [argument, offset] : parts)
    values.set(argument, address + offset);
}

Error LaunchPlan::checkWorkspace(uint64_t address, size_t bytes) const {
  if (bytes < size_t(workspaceBytes))
    return llvm::createStringError(
        "the workspace must have " + Twine(workspaceBytes) +
        " bytes for these arguments, got " + Twine(bytes));
  if (workspaceBytes && (address == 0 || address % kWorkspaceAlignment != 0))
    return llvm::createStringError(
        "the workspace must be at a device address that is a multiple of " +
        Twine(kWorkspaceAlignment) + ", got 0x" + Twine::utohexstr(address));
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

/// The context to launch in.
static Expected<Context> getContext(const Driver &driver, Device device,
                                    Stream stream) {
  if (device >= 0)
    return getPrimaryContext(driver, device);
  Context context = nullptr;
  // The default streams, 0 to 2, belong to whatever context is current.
  bool isDefault = reinterpret_cast<uintptr_t>(stream) <= 2;
  if (Error error =
          isDefault
              ? driver.check(driver.ctxGetCurrent(&context), "cuCtxGetCurrent")
              : driver.check(driver.streamGetCtx(stream, &context),
                             "cuStreamGetCtx"))
    return std::move(error);
  if (!context)
    return llvm::createStringError(
        "no CUDA context is current in this thread; name a device, or make a "
        "context current");
  return context;
}

Expected<Launcher> Launcher::start(Kernel &kernel, Device device,
                                   Stream stream) {
  Expected<const Driver *> driver = Driver::get();
  if (!driver)
    return driver.takeError();
  Expected<Context> context = getContext(**driver, device, stream);
  if (!context)
    return context.takeError();
  Expected<ContextGuard> guard = ContextGuard::enter(**driver, *context);
  if (!guard)
    return guard.takeError();
  Expected<const Kernel::Loaded *> loaded = kernel.load(**driver);
  if (!loaded)
    return loaded.takeError();
  return Launcher(**driver, kernel.getRecord(), **loaded, std::move(*guard),
                  stream);
}

/// How many blocks a factor stands for.
static int64_t countBlocks(GridFactor factor, const KernelRecord &kernel,
                           int multiprocessors, LaunchPlan &plan) {
  constexpr int64_t warpSize = 32;
  int64_t count = plan.getFactor(factor);
  switch (factor) {
  case GridFactor::Persistent:
    return std::min(multiprocessors * kernel.blocksPerSM, count);
  case GridFactor::KeyBlocks:
    return llvm::divideCeil(count, kernel.threads);
  case GridFactor::BoundaryBlocks:
    return llvm::divideCeil(count,
                            std::max<int64_t>(kernel.threads / warpSize, 1));
  default:
    return count;
  }
}

/// A kernel asks for what plans of its operation do not have.
static Error makeMissing(const LaunchRecord &record, const KernelRecord &kernel,
                         StringRef verb, StringRef name) {
  return llvm::createStringError("kernel '" + Twine(kernel.name) + "' " + verb +
                                 " '" + name + "', which '" + record.getOp() +
                                 "' does not have");
}

Error Launcher::launch(size_t index, LaunchPlan &plan) {
  const KernelRecord &kernel = record.kernels[index];
  unsigned grid[2] = {1, 1};
  for (auto [axis, factor] : llvm::enumerate(kernel.grid)) {
    if (plan.getFactor(factor) == LaunchPlan::kNoFactor)
      return makeMissing(record, kernel, "has a grid of", getName(factor));
    grid[axis] = countBlocks(factor, kernel, loaded.multiprocessors, plan);
  }
  std::array<void *, kNumArguments> parameters;
  for (auto [position, argument] : llvm::enumerate(kernel.arguments)) {
    if (!plan.values.has(argument))
      return makeMissing(record, kernel, "takes", getName(argument));
    parameters[position] = plan.values.getAddress(argument);
  }
  unsigned threads = kernel.threads, sharedBytes = kernel.sharedBytes;
  Function function = loaded.functions[index];
  bool isDependent = kernel.waits && !isFirst && driver.launchKernelEx;
  isFirst = false;
  Result result;
  if (isDependent) {
    LaunchAttribute attribute = {};
    attribute.id = kLaunchProgrammaticSerialization;
    attribute.value.number = 1;
    LaunchConfig config = {{grid[0], grid[1], 1},
                           {threads, 1, 1},
                           sharedBytes,
                           stream,
                           &attribute,
                           1};
    result =
        driver.launchKernelEx(&config, function, parameters.data(), nullptr);
  } else {
    result =
        driver.launchKernel(function, grid[0], grid[1], 1, threads, 1, 1,
                            sharedBytes, stream, parameters.data(), nullptr);
  }
  if (result == kSuccess)
    return Error::success();
  std::string call = isDependent ? "cuLaunchKernelEx" : "cuLaunchKernel";
  return driver.check(result, (call + " for '" + kernel.name + "'").c_str());
}

Error Launcher::launchAll(LaunchPlan &plan) {
  for (size_t index = 0; index < record.kernels.size(); ++index)
    if (Error error = launch(index, plan))
      return error;
  return Error::success();
}

Error Launcher::copy(uint64_t to, uint64_t from, size_t bytes) {
  return driver.check(driver.memcpyAsync(to, from, bytes, stream),
                      "cuMemcpyAsync");
}

Error Launcher::clear(uint64_t to, size_t bytes) {
  return driver.check(driver.memsetAsync(to, 0, bytes, stream),
                      "cuMemsetD8Async");
}
