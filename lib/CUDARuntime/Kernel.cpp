//===- Kernel.cpp - Compiled kernels, loaded on devices -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/Kernel.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

using namespace sparsek::cuda;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

/// PTX is text; cubins and fatbins begin with bytes that no text has.
static bool isPTX(StringRef image) {
  return llvm::isPrint(image.front()) || llvm::isSpace(image.front());
}

Expected<std::unique_ptr<Kernel>> Kernel::create(std::string image,
                                                 std::string recordText) {
  if (image.empty())
    return llvm::createStringError("the kernel image is empty");
  Expected<LaunchRecord> record = LaunchRecord::parse(recordText);
  if (!record)
    return record.takeError();
  std::unique_ptr<Kernel> kernel(new Kernel);
  kernel->image = std::move(image);
  kernel->recordText = std::move(recordText);
  kernel->record = std::move(*record);
  return kernel;
}

Kernel::~Kernel() {
  if (loaded.empty())
    return;
  Expected<const Driver *> driver = Driver::get();
  if (!driver) {
    llvm::consumeError(driver.takeError());
    return;
  }
  // Nobody can act on a failure here; while the process ends the driver may
  // have gone already.
  for (const std::unique_ptr<Loaded> &entry : loaded) {
    if (!entry->isPrimary)
      continue;
    Expected<ContextGuard> guard =
        ContextGuard::enter(**driver, entry->context);
    if (guard)
      (*driver)->moduleUnload(entry->module);
    else
      llvm::consumeError(guard.takeError());
  }
}

Expected<const Kernel::Loaded *> Kernel::load(const Driver &driver) {
  Context context = nullptr;
  if (Error error =
          driver.check(driver.ctxGetCurrent(&context), "cuCtxGetCurrent"))
    return std::move(error);
  if (!context)
    return llvm::createStringError(
        "no CUDA context is current in this thread; name a device, or make a "
        "context current");
  std::lock_guard<std::mutex> lock(mutex);
  for (const std::unique_ptr<Loaded> &entry : loaded)
    if (entry->context == context)
      return entry.get();
  Expected<std::unique_ptr<Loaded>> entry = loadNow(driver, context);
  if (!entry)
    return entry.takeError();
  return loaded.emplace_back(std::move(*entry)).get();
}

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Expected<std::unique_ptr<Kernel::Loaded>> Kernel::loadNow(const Driver &driver,
                                                          Context context) {
  Device device = 0;
  if (Error error =
          driver.check(driver.ctxGetDevice(&device), "cuCtxGetDevice"))
    return std::move(error);
  Expected<DeviceProperties> properties = getDeviceProperties(driver, device);
  if (!properties)
    return properties.takeError();
  if (Error error = checkChip(record.chip, isPTX(image), *properties))
    return std::move(error);
  for (const KernelRecord &kernel : record.kernels)
    if (kernel.sharedBytes > properties->maxSharedBytes)
      return llvm::createStringError("kernel '" + Twine(kernel.name) +
                                     "' needs " + Twine(kernel.sharedBytes) +
                                     " bytes of shared memory for a block, "
                                     "the device (" +
                                     properties->name + ") has " +
                                     Twine(properties->maxSharedBytes));

  // Retained, a primary context outlives the kernel.
  Expected<Context> primary = getPrimaryContext(driver, device);
  if (!primary)
    return primary.takeError();

  RelaxedCapture relaxed(driver);
  auto entry = std::make_unique<Loaded>();
  entry->context = context;
  entry->isPrimary = context == *primary;
  entry->multiprocessors = properties->multiprocessors;
  Expected<Module> module = loadModule(driver, image.data());
  if (!module)
    return module.takeError();
  entry->module = *module;

  auto loadFunction = [&](const KernelRecord &kernel) -> Error {
    Function function = nullptr;
    std::string of = " for '" + kernel.name + "'";
    if (Error error = driver.check(
            driver.moduleGetFunction(&function, *module, kernel.name.c_str()),
            ("cuModuleGetFunction" + of).c_str()))
      return error;
    entry->functions.push_back(function);
    return driver.check(driver.funcSetAttribute(function,
                                                kFunctionMaxDynamicSharedSize,
                                                int(kernel.sharedBytes)),
                        ("cuFuncSetAttribute" + of).c_str());
  };
  for (const KernelRecord &kernel : record.kernels)
    if (Error error = loadFunction(kernel)) {
      driver.moduleUnload(*module);
      return std::move(error);
    }
  return entry;
}
