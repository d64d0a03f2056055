//===- Driver.cpp - The CUDA driver, loaded when needed -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/Driver.h"

#include "sparsek/Support/GPUTarget.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

#include <array>
#include <cstdlib>
#include <dlfcn.h>
#include <mutex>
#include <string>
#include <vector>

using namespace sparsek::cuda;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

static Expected<Driver> loadDriver() {
  const char *named = std::getenv("SPARSEK_LIBCUDA");
  const char *path = named && *named ? named : "libcuda.so.1";
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    std::string reason = dlerror();
    return llvm::createStringError(
        "no NVIDIA driver: cannot load " + reason +
        ". Running kernels needs a GPU with its driver installed; compiling "
        "them does not");
  }
  Driver driver;
#define SPARSEK_CUDA_LOAD(field, symbol, parameters)                           \
  driver.field =                                                               \
      reinterpret_cast<Result(*) parameters>(dlsym(library, symbol));          \
  if (!driver.field)                                                           \
    return llvm::createStringError(Twine("the NVIDIA driver ") + path +        \
                                   " has no " symbol ": it is too old, a "     \
                                   "driver for CUDA 11.4 or later is needed");
  SPARSEK_CUDA_ENTRY_POINTS(SPARSEK_CUDA_LOAD)
#undef SPARSEK_CUDA_LOAD
#define SPARSEK_CUDA_LOAD(field, symbol, parameters)                           \
  driver.field = reinterpret_cast<Result(*) parameters>(dlsym(library, symbol));
  SPARSEK_CUDA_OPTIONAL_ENTRY_POINTS(SPARSEK_CUDA_LOAD)
#undef SPARSEK_CUDA_LOAD
  if (Error error = driver.check(driver.init(0), "cuInit"))
    return std::move(error);
  return driver;
}

Expected<const Driver *> Driver::get() {
  // Never destroyed: kernels may be released while the process ends.
  static std::mutex *mutex = new std::mutex;
  static Driver *driver = nullptr;
  std::lock_guard<std::mutex> lock(*mutex);
  if (!driver) {
    Expected<Driver> loaded = loadDriver();
    if (!loaded)
      return loaded.takeError();
    driver = new Driver(*loaded);
  }
  return driver;
}

Error Driver::check(Result result, const char *call) const {
  if (result == kSuccess)
    return Error::success();
  const char *name = nullptr, *text = nullptr;
  std::string message = (Twine(call) + " failed with ").str();
  if (getErrorName(result, &name) == kSuccess && name)
    message += name;
  else
    message += "code " + std::to_string(result);
  if (getErrorString(result, &text) == kSuccess && text)
    message += (Twine(" (") + text + ")").str();
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

Expected<DeviceProperties>
sparsek::cuda::getDeviceProperties(const Driver &driver, Device device) {
  int count = 0;
  if (Error error =
          driver.check(driver.deviceGetCount(&count), "cuDeviceGetCount"))
    return std::move(error);
  if (device < 0 || device >= count)
    return llvm::createStringError("there is no CUDA device " + Twine(device) +
                                   ", the driver shows " + Twine(count));
  DeviceProperties properties;
  char name[256] = {};
  if (Error error =
          driver.check(driver.deviceGetName(name, sizeof(name) - 1, device),
                       "cuDeviceGetName"))
    return std::move(error);
  properties.name = name;
  const std::pair<int, int *> attributes[] = {
      {kAttributeComputeCapabilityMajor, &properties.major},
      {kAttributeComputeCapabilityMinor, &properties.minor},
      {kAttributeMultiprocessorCount, &properties.multiprocessors},
      {kAttributeMaxSharedMemoryPerBlockOptin, &properties.maxSharedBytes}};
  for (auto [attribute, value] : attributes)
    if (Error error =
            driver.check(driver.deviceGetAttribute(value, attribute, device),
                         "cuDeviceGetAttribute"))
      return std::move(error);
  return properties;
}

static std::string describe(const DeviceProperties &device) {
  return (Twine("the device (") + device.name + ") has compute capability " +
          Twine(device.major) + "." + Twine(device.minor))
      .str();
}

Expected<StringRef> sparsek::cuda::chooseChip(const DeviceProperties &device) {
  StringRef chip = GPUTarget::choose(device.major, device.minor);
  if (!chip.empty())
    return chip;
  return llvm::createStringError(
      "kernels need compute capability 8.0 or later, " + describe(device));
}

Error sparsek::cuda::checkChip(StringRef chip, bool isPTX,
                               const DeviceProperties &device) {
  StringRef digits = chip;
  int number = 0;
  bool isChip = digits.consume_front("sm_");
  bool exact = digits.consume_back("a");
  bool family = !exact && digits.consume_back("f");
  if (!isChip || digits.getAsInteger(10, number) || number < 10)
    return llvm::createStringError("'" + chip +
                                   "' is no chip, one is written like sm_90a");
  int major = number / 10, minor = number % 10;
  bool same = device.major == major && device.minor == minor;
  bool within = device.major == major && device.minor >= minor;
  bool runs = exact              ? same
              : family || !isPTX ? within
                                 : within || device.major > major;
  if (runs)
    return Error::success();
  return llvm::createStringError(
      "this kernel is compiled for " + chip +
      ", which needs compute capability " + Twine(major) + "." + Twine(minor) +
      (exact              ? ""
       : family || !isPTX ? " or a later one of the same generation"
                          : " or later") +
      "; " + describe(device));
}

//===----------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------===//

Expected<ContextGuard> ContextGuard::enter(const Driver &driver,
                                           Context context) {
  Context current = nullptr;
  if (Error error =
          driver.check(driver.ctxGetCurrent(&current), "cuCtxGetCurrent"))
    return std::move(error);
  if (current == context)
    return ContextGuard(nullptr);
  if (Error error =
          driver.check(driver.ctxPushCurrent(context), "cuCtxPushCurrent"))
    return std::move(error);
  return ContextGuard(&driver);
}

ContextGuard::ContextGuard(ContextGuard &&other) : pushed(other.pushed) {
  other.pushed = nullptr;
}

ContextGuard::~ContextGuard() {
  Context popped;
  if (pushed)
    pushed->ctxPopCurrent(&popped);
}

Expected<Context> sparsek::cuda::getPrimaryContext(const Driver &driver,
                                                   Device device) {
  static std::mutex *mutex = new std::mutex;
  static auto *contexts = new std::vector<Context>;
  std::lock_guard<std::mutex> lock(*mutex);
  if (device >= 0 && size_t(device) < contexts->size() && (*contexts)[device])
    return (*contexts)[device];
  Expected<DeviceProperties> properties = getDeviceProperties(driver, device);
  if (!properties)
    return properties.takeError();
  Context context = nullptr;
  if (Error error =
          driver.check(driver.devicePrimaryCtxRetain(&context, device),
                       "cuDevicePrimaryCtxRetain"))
    return std::move(error);
  if (contexts->size() <= size_t(device))
    contexts->resize(device + 1);
  return (*contexts)[device] = context;
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

RelaxedCapture::RelaxedCapture(const Driver &driver) : driver(driver) {
  mode = kCaptureModeRelaxed;
  changed = driver.threadExchangeStreamCaptureMode(&mode) == kSuccess;
}

RelaxedCapture::~RelaxedCapture() {
  if (changed)
    driver.threadExchangeStreamCaptureMode(&mode);
}

Expected<Module> sparsek::cuda::loadModule(const Driver &driver,
                                           const void *image) {
  std::array<char, 8192> info = {}, errors = {};
  int options[] = {kJitInfoLogBuffer, kJitInfoLogBufferSize, kJitErrorLogBuffer,
                   kJitErrorLogBufferSize};
  // Sizes are passed in the place of the pointers.
  void *values[] = {info.data(), reinterpret_cast<void *>(info.size() - 1),
                    errors.data(), reinterpret_cast<void *>(errors.size() - 1)};
  Module module = nullptr;
  Error error =
      driver.check(driver.moduleLoadDataEx(&module, image, 4, options, values),
                   "cuModuleLoadDataEx");
  if (!error)
    return module;
  std::string message = llvm::toString(std::move(error));
  StringRef log = StringRef(errors.data()).trim();
  if (!log.empty())
    message += (Twine(":\n") + log).str();
  return llvm::createStringError(message);
}
