//===- Driver.h - The CUDA driver, loaded when needed -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The few entry points of libcuda.so.1 that running kernels takes, declared
// here: neither building nor running needs a CUDA toolkit.

#ifndef SPARSEK_CUDARUNTIME_DRIVER_H
#define SPARSEK_CUDARUNTIME_DRIVER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace sparsek::cuda {

/// Types of the driver's binary interface.
using Result = int;
using Device = int;
using Context = struct ContextObject *;
using Module = struct ModuleObject *;
using Function = struct FunctionObject *;
using Stream = struct StreamObject *;

/// Values of enumerations of the driver that are used here.
enum : int {
  kSuccess = 0,
  kAttributeMultiprocessorCount = 16,
  kAttributeComputeCapabilityMajor = 75,
  kAttributeComputeCapabilityMinor = 76,
  kAttributeMaxSharedMemoryPerBlockOptin = 97,
  kFunctionMaxDynamicSharedSize = 8,
  kJitInfoLogBuffer = 3,
  kJitInfoLogBufferSize = 4,
  kJitErrorLogBuffer = 5,
  kJitErrorLogBufferSize = 6,
  kCaptureModeRelaxed = 2,
  kStreamNonBlocking = 1,
  kLaunchProgrammaticSerialization = 6,
};

/// One attribute of a launch: its number, and a value of 64 bytes.
struct LaunchAttribute {
  int id;
  char padding[4];
  union {
    char bytes[64];
    int number;
  } value;
};

/// Grid, block and attributes of a launch.
struct LaunchConfig {
  unsigned grid[3];
  unsigned block[3];
  unsigned sharedBytes;
  Stream stream;
  const LaunchAttribute *attributes;
  unsigned numAttributes;
};

/// Every entry point: field, exported symbol, parameters.
// clang-format off
#define SPARSEK_CUDA_ENTRY_POINTS(X)                                           \
  X(init, "cuInit", (unsigned flags))                                          \
  X(getErrorName, "cuGetErrorName", (Result error, const char **text))         \
  X(getErrorString, "cuGetErrorString", (Result error, const char **text))     \
  X(deviceGetCount, "cuDeviceGetCount", (int *count))                          \
  X(deviceGetName, "cuDeviceGetName", (char *name, int size, Device device))   \
  X(deviceGetAttribute, "cuDeviceGetAttribute",                                \
    (int *value, int attribute, Device device))                                \
  X(devicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain",                        \
    (Context *context, Device device))                                         \
  X(ctxGetCurrent, "cuCtxGetCurrent", (Context *context))                      \
  X(ctxGetDevice, "cuCtxGetDevice", (Device *device))                          \
  X(ctxPushCurrent, "cuCtxPushCurrent_v2", (Context context))                  \
  X(ctxPopCurrent, "cuCtxPopCurrent_v2", (Context *context))                   \
  X(streamCreate, "cuStreamCreate", (Stream *stream, unsigned flags))          \
  X(streamDestroy, "cuStreamDestroy_v2", (Stream stream))                      \
  X(streamSynchronize, "cuStreamSynchronize", (Stream stream))                 \
  X(streamGetCtx, "cuStreamGetCtx", (Stream stream, Context *context))         \
  X(memAlloc, "cuMemAlloc_v2", (uint64_t *address, size_t bytes))              \
  X(memFree, "cuMemFree_v2", (uint64_t address))                               \
  X(memcpyAsync, "cuMemcpyAsync",                                              \
    (uint64_t to, uint64_t from, size_t bytes, Stream stream))                 \
  X(memsetAsync, "cuMemsetD8Async",                                            \
    (uint64_t to, unsigned char value, size_t bytes, Stream stream))           \
  X(threadExchangeStreamCaptureMode, "cuThreadExchangeStreamCaptureMode",      \
    (int *mode))                                                               \
  X(moduleLoadDataEx, "cuModuleLoadDataEx",                                    \
    (Module *module, const void *image, unsigned numOptions, int *options,     \
     void **values))                                                           \
  X(moduleUnload, "cuModuleUnload", (Module module))                           \
  X(moduleGetFunction, "cuModuleGetFunction",                                  \
    (Function *function, Module module, const char *name))                     \
  X(funcSetAttribute, "cuFuncSetAttribute",                                    \
    (Function function, int attribute, int value))                             \
  X(launchKernel, "cuLaunchKernel",                                            \
    (Function function, unsigned gridX, unsigned gridY, unsigned gridZ,        \
     unsigned blockX, unsigned blockY, unsigned blockZ, unsigned sharedBytes,  \
     Stream stream, void **parameters, void **extra))
// clang-format on

/// Entry points that older drivers do not have; null there.
#define SPARSEK_CUDA_OPTIONAL_ENTRY_POINTS(X)                                  \
  X(launchKernelEx, "cuLaunchKernelEx",                                        \
    (const LaunchConfig *config, Function function, void **parameters,         \
     void **extra))

/// The loaded driver. Its functions may be called from any thread.
struct Driver {
#define SPARSEK_CUDA_FIELD(field, symbol, parameters)                          \
  Result(*field) parameters = nullptr;
  SPARSEK_CUDA_ENTRY_POINTS(SPARSEK_CUDA_FIELD)
  SPARSEK_CUDA_OPTIONAL_ENTRY_POINTS(SPARSEK_CUDA_FIELD)
#undef SPARSEK_CUDA_FIELD

  /// Loads libcuda.so.1, or the file that SPARSEK_LIBCUDA names, and
  /// initialises it, once per process; after an error the next call tries
  /// again. The error says that there is no NVIDIA driver, or what is wrong
  /// with it.
  static llvm::Expected<const Driver *> get();

  /// The error of a failed call: its name, and the driver's name and text of
  /// the code. Success for `kSuccess`.
  llvm::Error check(Result result, const char *call) const;
};

/// What kernels are compiled for and how many blocks fit.
struct DeviceProperties {
  std::string name;
  int major = 0;
  int minor = 0;
  int multiprocessors = 0;
  int maxSharedBytes = 0;
};

/// Properties of a device by its number, in the driver's order (that of
/// CUDA_VISIBLE_DEVICES).
llvm::Expected<DeviceProperties> getDeviceProperties(const Driver &driver,
                                                     Device device);

/// The chip to compile for (a literal): "sm_90a" for compute capability 9.0,
/// for the others the latest known one whose code runs there. Fails below 8.0.
llvm::Expected<llvm::StringRef> chooseChip(const DeviceProperties &device);

/// Fails where a kernel compiled for `chip` ("sm_80", "sm_90a", ...) cannot run
/// on the device: `a` chips run on exactly one compute capability, cubins
/// within a major one, PTX on it and all later ones.
llvm::Error checkChip(llvm::StringRef chip, bool isPTX,
                      const DeviceProperties &device);

/// Makes a context current for the life of this object. No call to the driver
/// but a look at the current one where it is current already.
class ContextGuard {
public:
  static llvm::Expected<ContextGuard> enter(const Driver &driver,
                                            Context context);
  ~ContextGuard();
  ContextGuard(ContextGuard &&other);
  ContextGuard &operator=(ContextGuard &&) = delete;

private:
  explicit ContextGuard(const Driver *pushed) : pushed(pushed) {}
  const Driver *pushed; // Null where there is nothing to pop.
};

/// The primary context of a device, retained until the process ends.
llvm::Expected<Context> getPrimaryContext(const Driver &driver, Device device);

/// Lets this thread load modules while it captures a stream, which is otherwise
/// only allowed where its capture mode is relaxed. Loading does not touch the
/// stream.
class RelaxedCapture {
public:
  explicit RelaxedCapture(const Driver &driver);
  ~RelaxedCapture();
  RelaxedCapture(const RelaxedCapture &) = delete;
  RelaxedCapture &operator=(const RelaxedCapture &) = delete;

private:
  const Driver &driver;
  int mode;
  bool changed;
};

/// Loads PTX (which ends in a null), a cubin or a fatbin in the current
/// context. The error holds the log of the driver's compiler.
llvm::Expected<Module> loadModule(const Driver &driver, const void *image);

} // namespace sparsek::cuda

#endif // SPARSEK_CUDARUNTIME_DRIVER_H
