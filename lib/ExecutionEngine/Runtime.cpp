//===- Runtime.cpp - What compiled code finds in the process --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include "sparsek/CUDARuntime/Session.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <atomic>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

using namespace sparsek;
using namespace sparsek::detail;

//===----------------------------------------------------------------------===//
// OpenMP
//===----------------------------------------------------------------------===//

static std::atomic<int (*)()> ompInParallel = nullptr;

/// Where the library may lie, best first: beside this code, with LLVM, and
/// wherever the loader looks.
static llvm::SmallVector<std::string> getOpenMPCandidates() {
  llvm::SmallVector<std::string> candidates;
  auto add = [&](llvm::StringRef directory) {
    for (llvm::StringRef name : {"libomp.so.5", "libomp.so"}) {
      llvm::SmallString<128> path(directory);
      llvm::sys::path::append(path, name);
      if (llvm::sys::fs::exists(path))
        candidates.push_back(path.str().str());
    }
  };
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&getOpenMPCandidates), &info) &&
      info.dli_fname) {
    llvm::SmallString<128> directory(info.dli_fname);
    llvm::sys::fs::make_absolute(directory);
    llvm::sys::path::remove_filename(directory);
    add(directory);
    llvm::sys::path::append(directory, "..", "lib");
    add(directory);
  }
  add(SPARSEK_LLVM_LIBRARY_DIR);
  candidates.push_back("libomp.so.5");
  candidates.push_back("libomp.so");
  return candidates;
}

static llvm::Expected<OpenMPLibrary> loadOpenMP() {
  std::string tried;
  for (const std::string &path : getOpenMPCandidates()) {
    // Local: a process may hold another OpenMP library, and neither may catch
    // the calls of the other.
    void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      const char *reason = dlerror();
      tried += std::string("\n  ") + (reason ? reason : path.c_str());
      continue;
    }
    OpenMPLibrary library;
    library.handle = handle;
    library.setNumThreads =
        reinterpret_cast<void (*)(int)>(dlsym(handle, "omp_set_num_threads"));
    library.getMaxThreads =
        reinterpret_cast<int (*)()>(dlsym(handle, "omp_get_max_threads"));
    auto inParallel =
        reinterpret_cast<int (*)()>(dlsym(handle, "omp_in_parallel"));
    if (library.setNumThreads && library.getMaxThreads && inParallel &&
        dlsym(handle, "__kmpc_fork_call")) {
      ompInParallel = inParallel;
      return library;
    }
    tried += "\n  " + path + ": not LLVM's OpenMP library";
    dlclose(handle);
  }
  return llvm::createStringError(
      "the compiled module runs in parallel and needs LLVM's OpenMP library, "
      "libomp.so.5, which was not found; install it with: sudo apt-get install "
      "libomp5-" SPARSEK_LLVM_MAJOR "\ntried:" +
      tried);
}

llvm::Expected<const OpenMPLibrary *> OpenMPLibrary::get() {
  // A failure is kept as text: every later call reports it again.
  static std::string failure;
  static OpenMPLibrary library = [] {
    llvm::Expected<OpenMPLibrary> loaded = loadOpenMP();
    if (loaded)
      return *loaded;
    failure = llvm::toString(loaded.takeError());
    return OpenMPLibrary();
  }();
  if (!library.handle)
    return llvm::createStringError(failure);
  return &library;
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

namespace {
/// One call into compiled code, on the stack of the thread that makes it.
struct GuardedCall {
  jmp_buf target;
  const char *message = nullptr;
};
} // namespace

static thread_local GuardedCall *currentCall = nullptr;

void sparsek::detail::checkFailed(const char *message) {
  int (*inParallel)() = ompInParallel;
  // Within a parallel loop the other threads wait for this one: there is no way
  // out of it.
  if (currentCall && !(inParallel && inParallel())) {
    currentCall->message = message;
    longjmp(currentCall->target, 1);
  }
  std::fprintf(stderr, "sparsek: check failed in a parallel loop: %s\n",
               message);
  std::abort();
}

bool sparsek::detail::callGuarded(PackedFunction function, void **arguments,
                                  std::string &message) {
  GuardedCall call;
  GuardedCall *previous = currentCall;
  currentCall = &call;
  // Nothing with a destructor lives between this point and the jump: compiled
  // code is C-like, and this frame holds only plain data.
  bool completed = setjmp(call.target) == 0;
  if (completed)
    function(arguments);
  currentCall = previous;
  if (!completed)
    message = call.message;
  return completed;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

// Compiled code does not look at what malloc returns.
static void *checkedMalloc(size_t size) {
  void *data = std::malloc(size);
  if (!data && size != 0)
    checkFailed("out of memory");
  return data;
}
// Of the same allocator, whatever a lookup in the process would find first.
static void release(void *data) { std::free(data); }
// LLVM turns a malloc that is cleared into a calloc.
static void *checkedCalloc(size_t count, size_t size) {
  void *data = std::calloc(count, size);
  if (!data && count != 0 && size != 0)
    checkFailed("out of memory");
  return data;
}

//===----------------------------------------------------------------------===//
// Conversions of narrow floats
//===----------------------------------------------------------------------===//

// LLVM calls these where the processor has no instruction. Both f16 and bf16
// travel in the low 16 bits of a vector register, as a float does in 32.
static float packBits(uint16_t bits) {
  return llvm::bit_cast<float>(static_cast<uint32_t>(bits));
}
static uint16_t unpackBits(float packed) {
  return static_cast<uint16_t>(llvm::bit_cast<uint32_t>(packed));
}

/// Rounds to odd, so that a second rounding to 16 bits is as good as one.
static float narrowToOdd(double value) {
  float narrow = static_cast<float>(value);
  if (static_cast<double>(narrow) == value || narrow != narrow)
    return narrow;
  uint32_t bits = llvm::bit_cast<uint32_t>(narrow);
  bool tooLarge = std::abs(static_cast<double>(narrow)) > std::abs(value);
  if (tooLarge)
    --bits;
  return llvm::bit_cast<float>(bits | 1);
}

static float truncFloatToBfloat(float value) {
  return packBits(floatToBfloat16(value));
}
static float truncDoubleToBfloat(double value) {
  return packBits(floatToBfloat16(narrowToOdd(value)));
}
static float truncFloatToHalf(float value) {
  return packBits(floatToHalf(value));
}
static float truncDoubleToHalf(double value) {
  return packBits(floatToHalf(narrowToOdd(value)));
}
static float extendHalf(float packed) {
  return halfToFloat(unpackBits(packed));
}

llvm::orc::SymbolMap sparsek::detail::getRuntimeSymbols(llvm::orc::LLJIT &jit) {
  llvm::orc::SymbolMap symbols;
  auto add = [&](llvm::StringRef name, auto *function) {
    symbols[jit.mangleAndIntern(name)] = {
        llvm::orc::ExecutorAddr::fromPtr(function),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  };
  add("sparsek_runtime_check_failed", &checkFailed);
  add("malloc", &checkedMalloc);
  add("calloc", &checkedCalloc);
  add("free", &release);
  add("__truncsfbf2", &truncFloatToBfloat);
  add("__truncdfbf2", &truncDoubleToBfloat);
  add("__truncsfhf2", &truncFloatToHalf);
  add("__truncdfhf2", &truncDoubleToHalf);
  add("__extendhfsf2", &extendHalf);
  for (const cuda::HostFunction &function : cuda::getHostFunctions())
    symbols[jit.mangleAndIntern(function.name)] = {
        llvm::orc::ExecutorAddr::fromPtr(function.address),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  return symbols;
}
