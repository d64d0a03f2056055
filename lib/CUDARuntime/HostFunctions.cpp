//===- HostFunctions.cpp - What compiled host code calls ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A failure leaves compiled code by the handler of the session, which may jump
// over the frames between: it is called from functions without destructors,
// once the work that failed has returned.
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/EmbeddedKernel.h"
#include "sparsek/CUDARuntime/GatheredAttention.h"
#include "sparsek/CUDARuntime/Score.h"
#include "sparsek/CUDARuntime/Selection.h"
#include "sparsek/CUDARuntime/Session.h"

#include "llvm/ADT/StringRef.h"

#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

using namespace sparsek::cuda;
using llvm::Error;
using llvm::Expected;

//===----------------------------------------------------------------------===//
// Failures
//===----------------------------------------------------------------------===//

static thread_local std::string failure;

/// Whether `error` is success; otherwise its text is kept for `fail`.
static bool succeeded(Error error) {
  if (!error)
    return true;
  failure = llvm::toString(std::move(error));
  return false;
}

/// Leaves compiled code.
[[noreturn]] static void fail() {
  if (Session *session = Session::getCurrent())
    session->getFailureHandler()(failure.c_str());
  // Only a caller that runs compiled code without a session comes here.
  std::abort();
}

/// Calls `work` with the session of this thread.
template <typename Work> static bool attempt(Work work) {
  if (Session *session = Session::getCurrent())
    return succeeded(work(*session));
  return succeeded(
      llvm::createStringError("compiled code runs without a GPU session"));
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

namespace {
/// The image of a gpu.binary, loaded in a context when a kernel of it is first
/// needed there: compiled code registers its modules before there is a device.
class LazyModule {
public:
  explicit LazyModule(const void *image) : image(image) {}

  Expected<Function> getFunction(const Driver &driver, const char *name) {
    Expected<Module> module = load(driver);
    if (!module)
      return module.takeError();
    Function function = nullptr;
    std::string call = std::string("cuModuleGetFunction for '") + name + "'";
    if (Error error = driver.check(
            driver.moduleGetFunction(&function, *module, name), call.c_str()))
      return std::move(error);
    return function;
  }

  void unload() {
    Expected<const Driver *> driver = Driver::get();
    if (!driver) {
      llvm::consumeError(driver.takeError());
      return;
    }
    for (auto [context, module] : loaded) {
      Expected<ContextGuard> guard = ContextGuard::enter(**driver, context);
      if (guard)
        (*driver)->moduleUnload(module);
      else
        llvm::consumeError(guard.takeError());
    }
  }

private:
  Expected<Module> load(const Driver &driver) {
    Context context = nullptr;
    if (Error error =
            driver.check(driver.ctxGetCurrent(&context), "cuCtxGetCurrent"))
      return std::move(error);
    std::lock_guard<std::mutex> lock(mutex);
    for (auto [known, module] : loaded)
      if (known == context)
        return module;
    Expected<Module> module = loadModule(driver, image);
    if (module)
      loaded.push_back({context, *module});
    return module;
  }

  const void *image;
  std::mutex mutex;
  std::vector<std::pair<Context, Module>> loaded;
};
} // namespace

static LazyModule *registerModule(const void *image, size_t) {
  return new LazyModule(image);
}

static LazyModule *registerText(const void *image, int) {
  return new LazyModule(image);
}

static void unregisterModule(LazyModule *module) {
  module->unload();
  delete module;
}

static Function getFunction(LazyModule *module, const char *name) {
  Function function = nullptr;
  bool done = attempt([&](Session &session) -> Error {
    Expected<Function> found = module->getFunction(session.getDriver(), name);
    if (!found)
      return found.takeError();
    function = *found;
    return Error::success();
  });
  if (!done)
    fail();
  return function;
}

static void launchKernel(Function function, int64_t gridX, int64_t gridY,
                         int64_t gridZ, int64_t blockX, int64_t blockY,
                         int64_t blockZ, int32_t sharedBytes, Stream stream,
                         void **parameters, void **extra, size_t) {
  bool done = attempt([&](Session &session) {
    const Driver &driver = session.getDriver();
    return driver.check(driver.launchKernel(function, gridX, gridY, gridZ,
                                            blockX, blockY, blockZ, sharedBytes,
                                            stream, parameters, extra),
                        "cuLaunchKernel");
  });
  if (!done)
    fail();
}

//===----------------------------------------------------------------------===//
// Streams and memory
//===----------------------------------------------------------------------===//

// Compiled code asks for a stream for every piece of work. It gets the one of
// the session: all work is in order.
static Stream createStream() {
  Session *session = Session::getCurrent();
  return session ? session->getStream() : nullptr;
}

static void destroyStream(Stream) {}

static void synchronizeStream(Stream) {
  if (!attempt([](Session &session) { return session.synchronize(); }))
    fail();
}

static void *allocate(uint64_t bytes, Stream, bool) {
  uint64_t address = 0;
  bool done = attempt([&](Session &session) -> Error {
    Expected<uint64_t> allocated = session.allocate(bytes);
    if (!allocated)
      return allocated.takeError();
    address = *allocated;
    return Error::success();
  });
  if (!done)
    fail();
  return reinterpret_cast<void *>(address);
}

static void release(void *address, Stream) {
  if (!attempt([&](Session &session) {
        return session.release(reinterpret_cast<uint64_t>(address));
      }))
    fail();
}

static void copy(void *to, void *from, size_t bytes, Stream) {
  if (!attempt([&](Session &session) {
        return session.copy(reinterpret_cast<uint64_t>(to),
                            reinterpret_cast<uint64_t>(from), bytes);
      }))
    fail();
}

//===----------------------------------------------------------------------===//
// Kernels with launch records
//===----------------------------------------------------------------------===//

namespace {
/// A buffer of any rank as compiled code passes it to C functions.
struct UnrankedMemRef {
  int64_t rank;
  /// The descriptor: allocated pointer, aligned pointer, offset, sizes,
  /// strides.
  const int64_t *words;

  SparsekDeviceArray getArray(SparsekDtype dtype) const {
    SparsekDeviceArray array = {};
    int64_t bytes = dtype == SPARSEK_F64                           ? 8
                    : dtype == SPARSEK_F32 || dtype == SPARSEK_I32 ? 4
                                                                   : 2;
    array.data = words[1] + words[2] * bytes;
    array.dtype = dtype;
    array.rank = int32_t(rank);
    for (int64_t i = 0; i < rank; ++i) {
      array.shape[i] = words[3 + i];
      array.strides[i] = words[3 + rank + i];
    }
    return array;
  }
};
} // namespace

/// Launches a kernel of gathered attention with a workspace of the session.
/// Compiled code passes any buffer for a sink or documents that the kernel does
/// not take.
static void
launchAttention(SparsekEmbeddedKernel *embedded, const UnrankedMemRef *q,
                const UnrankedMemRef *k, const UnrankedMemRef *v,
                const UnrankedMemRef *scores, const UnrankedMemRef *tau,
                const UnrankedMemRef *expiry, const UnrankedMemRef *sink,
                const UnrankedMemRef *cuSeqlens, const UnrankedMemRef *o,
                const UnrankedMemRef *lse, int64_t topk, int64_t window,
                double scale) {
  bool done = attempt([&](Session &session) -> Error {
    Expected<Kernel *> kernel = getKernel(*embedded);
    if (!kernel)
      return kernel.takeError();
    const LaunchRecord &record = (*kernel)->getRecord();
    Expected<const AttentionRecord *> attention =
        record.getAs<AttentionRecord>();
    if (!attention)
      return attention.takeError();
    SparsekDtype dtype =
        (*attention)->dtype == "f16" ? SPARSEK_F16 : SPARSEK_BF16;
    SparsekAttentionArguments args = {};
    args.q = q->getArray(dtype);
    args.k = k->getArray(dtype);
    args.v = v->getArray(dtype);
    args.scores = scores->getArray(SPARSEK_F32);
    args.tau = tau->getArray(SPARSEK_F32);
    args.expiry = expiry->getArray(SPARSEK_I32);
    if ((*attention)->sink)
      args.sink = sink->getArray(SPARSEK_F32);
    if ((*attention)->packed)
      args.cuSeqlens = cuSeqlens->getArray(SPARSEK_I32);
    args.o = o->getArray(dtype);
    args.lse = lse->getArray(SPARSEK_F32);
    args.topk = topk;
    args.window = window;
    args.scale = scale;
    Expected<LaunchPlan> plan = planGatheredAttention(record, args);
    if (!plan)
      return plan.takeError();
    Expected<uint64_t> workspace = session.getWorkspace(plan->workspaceBytes);
    if (!workspace)
      return workspace.takeError();
    return launchGatheredAttention(**kernel, args, *workspace,
                                   plan->workspaceBytes, session.getDevice(),
                                   session.getStream());
  });
  if (!done)
    fail();
}

/// Launches a kernel of the selection with a workspace of the session. Compiled
/// code passes any buffers for documents that the kernel does not take, and for
/// interior counts that it does not want.
static void
launchSelectionOf(SparsekEmbeddedKernel *embedded, const UnrankedMemRef *scores,
                  const UnrankedMemRef *tau, const UnrankedMemRef *expiry,
                  const UnrankedMemRef *cuSeqlens,
                  const UnrankedMemRef *interior, int64_t wantsInterior,
                  int64_t topk, int64_t window) {
  bool done = attempt([&](Session &session) -> Error {
    Expected<Kernel *> kernel = getKernel(*embedded);
    if (!kernel)
      return kernel.takeError();
    const LaunchRecord &record = (*kernel)->getRecord();
    Expected<const SelectionRecord *> selection =
        record.getAs<SelectionRecord>();
    if (!selection)
      return selection.takeError();
    SparsekSelectionArguments args = {};
    args.scores = scores->getArray(SPARSEK_F32);
    if ((*selection)->packed)
      args.cuSeqlens = cuSeqlens->getArray(SPARSEK_I32);
    args.tau = tau->getArray(SPARSEK_F32);
    args.expiry = expiry->getArray(SPARSEK_I32);
    if (wantsInterior)
      args.interior = interior->getArray(SPARSEK_I32);
    args.topk = topk;
    args.window = window;
    Expected<SelectionPlan> plan = planSelection(record, args);
    if (!plan)
      return plan.takeError();
    Expected<uint64_t> workspace = session.getWorkspace(plan->workspaceBytes);
    if (!workspace)
      return workspace.takeError();
    return launchSelection(**kernel, args, *workspace, plan->workspaceBytes,
                           session.getDevice(), session.getStream());
  });
  if (!done)
    fail();
}

/// Launches a kernel of scores with a workspace of the session.
static void launchScoreOf(SparsekEmbeddedKernel *embedded,
                          const UnrankedMemRef *x, const UnrankedMemRef *weight,
                          const UnrankedMemRef *statistics,
                          const UnrankedMemRef *scores,
                          const UnrankedMemRef *carried, int64_t offset,
                          double slope) {
  bool done = attempt([&](Session &session) -> Error {
    Expected<Kernel *> kernel = getKernel(*embedded);
    if (!kernel)
      return kernel.takeError();
    const LaunchRecord &record = (*kernel)->getRecord();
    Expected<const ScoreRecord *> score = record.getAs<ScoreRecord>();
    if (!score)
      return score.takeError();
    SparsekDtype dtype = (*score)->dtype == "f16" ? SPARSEK_F16 : SPARSEK_BF16;
    SparsekScoreArguments args = {};
    args.x = x->getArray(dtype);
    args.weight =
        weight->getArray((*score)->weightDtype == "f32" ? SPARSEK_F32 : dtype);
    if (statistics && (*score)->statistics)
      args.statistics = statistics->getArray(SPARSEK_F64);
    args.scores = scores->getArray(SPARSEK_F32);
    if (carried && (*score)->carry)
      args.carried = carried->getArray(SPARSEK_F64);
    args.offset = offset;
    args.slope = slope;
    Expected<LaunchPlan> plan = planScore(record, args);
    if (!plan)
      return plan.takeError();
    Expected<uint64_t> workspace = session.getWorkspace(plan->workspaceBytes);
    if (!workspace)
      return workspace.takeError();
    return launchScore(**kernel, args, *workspace, plan->workspaceBytes,
                       session.getDevice(), session.getStream());
  });
  if (!done)
    fail();
}

static void launchWholeScore(SparsekEmbeddedKernel *embedded,
                             const UnrankedMemRef *x,
                             const UnrankedMemRef *weight,
                             const UnrankedMemRef *scores, int64_t offset,
                             double slope) {
  launchScoreOf(embedded, x, weight, nullptr, scores, nullptr, offset, slope);
}

static void releaseEmbedded(SparsekEmbeddedKernel *embedded) {
  releaseKernel(*embedded);
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

llvm::ArrayRef<HostFunction> sparsek::cuda::getHostFunctions() {
  static const HostFunction functions[] = {
      {"mgpuModuleLoad", reinterpret_cast<void *>(&registerModule)},
      {"mgpuModuleLoadJIT", reinterpret_cast<void *>(&registerText)},
      {"mgpuModuleUnload", reinterpret_cast<void *>(&unregisterModule)},
      {"mgpuModuleGetFunction", reinterpret_cast<void *>(&getFunction)},
      {"mgpuLaunchKernel", reinterpret_cast<void *>(&launchKernel)},
      {"mgpuStreamCreate", reinterpret_cast<void *>(&createStream)},
      {"mgpuStreamDestroy", reinterpret_cast<void *>(&destroyStream)},
      {"mgpuStreamSynchronize", reinterpret_cast<void *>(&synchronizeStream)},
      {"mgpuMemAlloc", reinterpret_cast<void *>(&allocate)},
      {"mgpuMemFree", reinterpret_cast<void *>(&release)},
      {"mgpuMemcpy", reinterpret_cast<void *>(&copy)},
      // One for each element type, as the dialects have no untyped buffers.
      {"_mlir_ciface_sparsek_launch_attention_bf16",
       reinterpret_cast<void *>(&launchAttention)},
      {"_mlir_ciface_sparsek_launch_attention_f16",
       reinterpret_cast<void *>(&launchAttention)},
      {"_mlir_ciface_sparsek_launch_selection",
       reinterpret_cast<void *>(&launchSelectionOf)},
      {"_mlir_ciface_sparsek_launch_score_bf16",
       reinterpret_cast<void *>(&launchWholeScore)},
      {"_mlir_ciface_sparsek_launch_score_f16",
       reinterpret_cast<void *>(&launchWholeScore)},
      {"_mlir_ciface_sparsek_launch_score_bf16_f32",
       reinterpret_cast<void *>(&launchWholeScore)},
      {"_mlir_ciface_sparsek_launch_score_f16_f32",
       reinterpret_cast<void *>(&launchWholeScore)},
      // With statistics.
      {"_mlir_ciface_sparsek_launch_score_chunk_bf16",
       reinterpret_cast<void *>(&launchScoreOf)},
      {"_mlir_ciface_sparsek_launch_score_chunk_f16",
       reinterpret_cast<void *>(&launchScoreOf)},
      {"_mlir_ciface_sparsek_launch_score_chunk_bf16_f32",
       reinterpret_cast<void *>(&launchScoreOf)},
      {"_mlir_ciface_sparsek_launch_score_chunk_f16_f32",
       reinterpret_cast<void *>(&launchScoreOf)},
      {"sparsek_release_kernel", reinterpret_cast<void *>(&releaseEmbedded)}};
  return functions;
}
