//===- Session.cpp - What compiled host code finds on a GPU ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/Session.h"

#include "llvm/ADT/Twine.h"

#include <algorithm>

using namespace sparsek::cuda;
using llvm::Error;
using llvm::Expected;
using llvm::Twine;

static thread_local Session *current = nullptr;

Session *Session::getCurrent() { return current; }

Expected<std::unique_ptr<Session>> Session::open(Device device,
                                                 FailureHandler fail) {
  Expected<const Driver *> driver = Driver::get();
  if (!driver)
    return driver.takeError();
  Expected<Context> context = getPrimaryContext(**driver, device);
  if (!context)
    return context.takeError();
  Expected<ContextGuard> guard = ContextGuard::enter(**driver, *context);
  if (!guard)
    return guard.takeError();
  std::unique_ptr<Session> session(new Session(**driver, device, fail));
  session->guard.emplace(std::move(*guard));
  session->previous = current;
  current = session.get();
  if (Error error = (*driver)->check(
          (*driver)->streamCreate(&session->stream, kStreamNonBlocking),
          "cuStreamCreate"))
    return std::move(error);
  return session;
}

Session::~Session() {
  // Nobody can act on a failure here. After an error of a kernel every call
  // fails, and the driver frees what is left with the context.
  if (stream) {
    driver.streamSynchronize(stream);
    driver.streamDestroy(stream);
  }
  for (uint64_t address : allocations)
    driver.memFree(address);
  current = previous;
}

Expected<uint64_t> Session::allocate(size_t bytes) {
  uint64_t address = 0;
  std::string call = "cuMemAlloc of " + std::to_string(bytes) + " bytes";
  if (Error error = driver.check(
          driver.memAlloc(&address, std::max<size_t>(bytes, 1)), call.c_str()))
    return std::move(error);
  allocations.insert(address);
  return address;
}

Expected<uint64_t> Session::getWorkspace(size_t bytes) {
  if (workspace && workspaceBytes >= bytes)
    return workspace;
  // A smaller one may be in use still: it is freed with the session.
  Expected<uint64_t> address = allocate(bytes);
  if (!address)
    return address.takeError();
  workspace = *address;
  workspaceBytes = bytes;
  return workspace;
}

Error Session::release(uint64_t address) {
  if (!address)
    return Error::success();
  if (!allocations.erase(address))
    return llvm::createStringError("0x" + Twine::utohexstr(address) +
                                   " is not allocated on the device");
  // The driver does not promise to wait for kernels that use the memory.
  if (Error error = synchronize())
    return error;
  return driver.check(driver.memFree(address), "cuMemFree");
}

Error Session::copy(uint64_t to, uint64_t from, size_t bytes) {
  if (bytes == 0)
    return Error::success();
  return driver.check(driver.memcpyAsync(to, from, bytes, stream),
                      "cuMemcpyAsync");
}

Error Session::synchronize() {
  return driver.check(driver.streamSynchronize(stream), "cuStreamSynchronize");
}
