//===- GatheredAttention.cpp - Launch gathered attention ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/GatheredAttention.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

using namespace sparsek::cuda;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

static constexpr int64_t kMaxI32 = std::numeric_limits<int32_t>::max();
/// The most blocks in the second dimension of a grid.
static constexpr int64_t kMaxGridY = 65535;

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

static StringRef getName(SparsekDtype dtype) {
  switch (dtype) {
  case SPARSEK_F32:
    return "f32";
  case SPARSEK_F16:
    return "f16";
  case SPARSEK_BF16:
    return "bf16";
  case SPARSEK_F64:
    return "f64";
  case SPARSEK_BOOL:
    return "i1";
  case SPARSEK_I8:
    return "i8";
  case SPARSEK_I16:
    return "i16";
  case SPARSEK_I32:
    return "i32";
  case SPARSEK_I64:
    return "i64";
  }
  return "an unknown type"; // The value comes from a C caller.
}

static int64_t getByteSize(SparsekDtype dtype) {
  return dtype == SPARSEK_F32 || dtype == SPARSEK_I32 ? 4 : 2;
}

namespace {
/// One size that an array must have, and what it is called.
struct Size {
  StringRef name;
  int64_t value;
};
} // namespace

static std::string describe(SparsekDtype dtype, ArrayRef<Size> sizes) {
  std::string text = (getName(dtype) + "[").str();
  for (const Size &size : sizes) {
    if (&size != sizes.begin())
      text += ", ";
    if (!size.name.empty())
      text += (size.name + " = ").str();
    text += std::to_string(size.value);
  }
  return text + "]";
}

static std::string describe(const SparsekDeviceArray &array) {
  llvm::SmallVector<Size> sizes;
  for (int64_t size : ArrayRef(array.shape, std::clamp(array.rank, 0, 4)))
    sizes.push_back({"", size});
  return describe(array.dtype, sizes);
}

/// Checks element type and shape.
static Error checkShape(StringRef name, const SparsekDeviceArray &array,
                        SparsekDtype dtype, ArrayRef<Size> sizes) {
  bool fits = array.dtype == dtype && array.rank == int32_t(sizes.size());
  for (size_t i = 0; fits && i < sizes.size(); ++i)
    fits = array.shape[i] == sizes[i].value;
  if (fits)
    return Error::success();
  return llvm::createStringError(name + " must be " + describe(dtype, sizes) +
                                 ", got " +
                                 (array.rank == 0 ? "none" : describe(array)));
}

/// Checks strides and address. Rows (the next to last dimension) begin at
/// multiples of `alignment` bytes.
static Error checkLayout(StringRef name, const SparsekDeviceArray &array,
                         int64_t alignment, bool isOutput) {
  int64_t bytes = getByteSize(array.dtype), last = array.rank - 1;
  for (int64_t i = 0; i <= last; ++i)
    if (array.shape[i] == 0)
      return Error::success();
  if (array.shape[last] > 1 && array.strides[last] != 1)
    return llvm::createStringError(
        name + " must be contiguous in its last dimension, got stride " +
        Twine(array.strides[last]));
  for (int64_t i = 0; i < last; ++i) {
    int64_t stride = array.strides[i];
    if (array.shape[i] == 1)
      continue;
    if (stride < 0 || (isOutput && stride == 0))
      return llvm::createStringError(
          "strides of " + name + " must " +
          (isOutput ? "be above 0" : "not be negative") + ", got " +
          Twine(stride) + " in dimension " + Twine(i));
    if (stride > std::numeric_limits<int64_t>::max() / bytes ||
        stride * bytes % alignment != 0)
      return llvm::createStringError(
          "strides of " + name + " must be multiples of " +
          Twine(alignment / bytes) + " elements (" + Twine(alignment) +
          " bytes), got " + Twine(stride) + " in dimension " + Twine(i));
    if (alignment > bytes && i == last - 1 && stride * bytes > kMaxI32)
      return llvm::createStringError("the rows of " + name +
                                     " must be less than 2^31 bytes apart, "
                                     "got a stride of " +
                                     Twine(stride) + " elements");
  }
  if (array.data == 0 || array.data % alignment != 0)
    return llvm::createStringError(
        name + " must be at a device address that is a multiple of " +
        Twine(alignment) + ", got 0x" + Twine::utohexstr(array.data));
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

static Error checkArgument(StringRef name, int64_t value, int64_t least) {
  if (value >= least && value <= kMaxI32)
    return Error::success();
  return llvm::createStringError(name + " must be from " + Twine(least) +
                                 " to " + Twine(kMaxI32) + ", got " +
                                 Twine(value));
}

/// Shapes and element types of all arrays.
static Error checkShapes(const LaunchRecord &record,
                         const SparsekAttentionArguments &args) {
  SparsekDtype dtype = llvm::StringSwitch<SparsekDtype>(record.dtype)
                           .Case("bf16", SPARSEK_BF16)
                           .Case("f16", SPARSEK_F16)
                           .Default(SPARSEK_F32);
  // q, k and expiry give the sizes; whatever disagrees with them is named.
  const std::tuple<const char *, const SparsekDeviceArray *, int32_t> given[] =
      {{"q", &args.q, 4}, {"k", &args.k, 4}, {"expiry", &args.expiry, 3}};
  for (auto [name, array, rank] : given) {
    if (array->rank != rank)
      return llvm::createStringError(
          Twine(name) + " must have " + Twine(rank) + " dimensions, got " +
          (array->rank == 0 ? "none" : describe(*array)));
    for (int64_t size : ArrayRef(array->shape, rank))
      if (size < 0 || size > kMaxI32)
        return llvm::createStringError("sizes of " + Twine(name) +
                                       " must be from 0 to 2^31 - 1, got " +
                                       describe(*array));
  }
  Size batch{"B", args.q.shape[0]}, queryHeads{"Hq", args.q.shape[1]};
  Size queries{"M", args.q.shape[2]}, keyHeads{"Hkv", args.k.shape[1]};
  Size keys{"N", args.k.shape[2]}, scoreHeads{"Hs", args.expiry.shape[1]};
  Size headDim{"D", record.headDim}, valueDim{"Dv", record.valueDim};

  if (Error error =
          checkShape("q", args.q, dtype, {batch, queryHeads, queries, headDim}))
    return error;
  if (Error error =
          checkShape("k", args.k, dtype, {batch, keyHeads, keys, headDim}))
    return error;
  if (queryHeads.value != keyHeads.value * record.group || !keyHeads.value)
    return llvm::createStringError(
        "this kernel is compiled for " + Twine(record.group) +
        " query heads per KV head, got Hq = " + Twine(queryHeads.value) +
        " and Hkv = " + Twine(keyHeads.value));
  if (queries.value > keys.value)
    return llvm::createStringError(
        "q holds the last M <= N positions, got M = " + Twine(queries.value) +
        " and N = " + Twine(keys.value));
  if (scoreHeads.value != 1 && scoreHeads.value != keyHeads.value)
    return llvm::createStringError(
        "the score heads must be 1 or Hkv = " + Twine(keyHeads.value) +
        ", got " + Twine(scoreHeads.value));
  if (Error error =
          checkShape("v", args.v, dtype, {batch, keyHeads, keys, valueDim}))
    return error;
  if (Error error = checkShape("expiry", args.expiry, SPARSEK_I32,
                               {batch, scoreHeads, keys}))
    return error;
  bool gated = record.gate == "key_value" || record.gate == "value";
  using Named = std::pair<const char *, const SparsekDeviceArray *>;
  for (auto [name, array] :
       {Named("scores", &args.scores), Named("tau", &args.tau)})
    if (gated || array->rank != 0)
      if (Error error =
              checkShape(name, *array, SPARSEK_F32, {batch, scoreHeads, keys}))
        return error;
  if (Error error = checkShape("o", args.o, dtype,
                               {batch, queryHeads, queries, valueDim}))
    return error;
  if (Error error = checkShape("lse", args.lse, SPARSEK_F32,
                               {batch, queryHeads, queries}))
    return error;
  for (auto [name, array, taken] :
       {std::tuple("sink", &args.sink, record.sink),
        std::tuple("cu_seqlens", &args.cuSeqlens, record.packed)})
    if (!taken && array->rank != 0)
      return llvm::createStringError(Twine("this kernel is compiled without ") +
                                     name + ", got " + describe(*array));
  if (record.sink)
    if (Error error = checkShape("sink", args.sink, SPARSEK_F32, {queryHeads}))
      return error;
  if (!record.packed)
    return Error::success();
  if (args.cuSeqlens.rank != 1 || args.cuSeqlens.dtype != SPARSEK_I32 ||
      args.cuSeqlens.shape[0] < 2 || args.cuSeqlens.shape[0] > kMaxI32)
    return llvm::createStringError(
        Twine("cu_seqlens must be i32[S + 1] with S >= 1, got ") +
        (args.cuSeqlens.rank == 0 ? "none" : describe(args.cuSeqlens)));
  if (batch.value != 1 || queries.value != keys.value)
    return llvm::createStringError(
        "packed documents need B = 1 and M = N, got B = " + Twine(batch.value) +
        ", M = " + Twine(queries.value) + " and N = " + Twine(keys.value));
  return Error::success();
}

/// How many columns, head blocks of KV heads, are worked on at a time. Blocks
/// that run together share the keys of these columns through the L2 cache: not
/// more than fit into a part of it, but so many that no block is without work
/// for long where a part of the columns ends.
static int64_t getTogether(const LaunchRecord &record, int64_t columns,
                           int64_t headBlocks, int64_t tiles,
                           int64_t listedKeys) {
  constexpr int64_t cacheBytes = 8 << 20; // a sixth of an H100's
  constexpr int64_t leastItems = 1024;    // eight for each multiprocessor
  constexpr int64_t elementBytes = 2;
  if (tiles == 0)
    return 1; // There is no work.
  // Of K and V, for one work item.
  int64_t headBytes =
      listedKeys * elementBytes * (record.headDim + record.valueDim);
  int64_t most = std::max(cacheBytes / headBytes, int64_t(1)) * headBlocks;
  most = std::max(most, int64_t(llvm::divideCeil(leastItems, tiles)));
  if (columns <= most)
    return columns;
  // Parts of one size, nearly.
  return llvm::divideCeil(columns, llvm::divideCeil(columns, most));
}

/// Sets the sizes and strides, and lays out the workspace.
static Error fillPlan(const LaunchRecord &record,
                      const SparsekAttentionArguments &args, LaunchPlan &plan) {
  int64_t batch = args.q.shape[0], rows = args.q.shape[2];
  int64_t headsKV = args.k.shape[1], keys = args.k.shape[2];
  int64_t scoreHeads = args.expiry.shape[1];
  int64_t topk = std::min(args.topk, keys);
  int64_t window = std::min(args.window, keys);
  if (keys + window > kMaxI32)
    return llvm::createStringError("N + window must be below 2^31, got " +
                                   Twine(keys) + " + " + Twine(window));

  // Of the survivors a table holds those alive at the begin of each chunk. With
  // chunks of about 2 * topk positions half of a tile's candidates are born
  // since, and the table takes 2 bytes per key and score head.
  int64_t chunkLog2 =
      std::max<int64_t>(9, llvm::Log2_64_Ceil(std::max<int64_t>(2 * topk, 1)));
  int64_t chunks = llvm::divideCeil(rows, int64_t(1) << chunkLog2);
  int64_t capacity = llvm::alignTo(topk, 4);
  int64_t tiles = llvm::divideCeil(rows, record.tilePositions);
  int64_t headBlocks = llvm::divideCeil(record.group, record.tileHeads);
  plan.batchScoreHeads = batch * scoreHeads;
  plan.chunks = chunks;
  plan.keys = keys;
  // Two products of i32 are exact in i64; four may not be.
  if (batch * headsKV > kMaxI32 || headBlocks * tiles > kMaxI32 ||
      batch * headsKV * headBlocks * tiles > kMaxI32)
    return llvm::createStringError(
        "too much work for one launch: B * Hkv * tiles must be below 2^31, got "
        "B = " +
        Twine(batch) + ", Hkv = " + Twine(headsKV) +
        ", tiles = " + Twine(headBlocks * tiles));
  plan.items = batch * headsKV * headBlocks * tiles;
  if (plan.batchScoreHeads > kMaxGridY)
    return llvm::createStringError("B * Hs must be at most " +
                                   Twine(kMaxGridY) + ", got " +
                                   Twine(plan.batchScoreHeads));

  auto place = [&](Argument argument, int64_t elements, int64_t &offset) {
    offset = plan.workspaceBytes;
    if (record.uses(argument))
      plan.workspaceBytes += llvm::alignTo(elements * 4, kWorkspaceAlignment);
  };
  place(Argument::Table, plan.batchScoreHeads * chunks * capacity,
        plan.tableOffset);
  place(Argument::Counts, plan.batchScoreHeads * chunks, plan.countsOffset);
  place(Argument::Documents, 2 * keys, plan.documentsOffset);

  ArgumentValues &values = plan.values;
  // The strides of an array follow one another.
  struct Strides {
    Argument first;
    const SparsekDeviceArray &array;
    unsigned count;
  };
  const Strides strides[] = {
      {Argument::QB, args.q, 3},     {Argument::KB, args.k, 3},
      {Argument::VB, args.v, 3},     {Argument::UB, args.scores, 2},
      {Argument::TauB, args.tau, 2}, {Argument::ExpiryB, args.expiry, 2},
      {Argument::OB, args.o, 3},     {Argument::LseB, args.lse, 2}};
  for (const Strides &entry : strides)
    for (unsigned i = 0; i < entry.count; ++i)
      values.set(Argument(unsigned(entry.first) + i), entry.array.strides[i]);
  const std::pair<Argument, int64_t> sizes[] = {
      {Argument::Batch, batch},
      {Argument::HeadsKV, headsKV},
      {Argument::ScoreHeads, scoreHeads},
      {Argument::Rows, rows},
      {Argument::Keys, keys},
      {Argument::Window, window},
      {Argument::ChunkLog2, chunkLog2},
      {Argument::Chunks, chunks},
      {Argument::Capacity, capacity},
      {Argument::Tiles, tiles},
      {Argument::Items, plan.items},
      {Argument::Together,
       getTogether(record, batch * headsKV * headBlocks, headBlocks, tiles,
                   std::min(topk + window, keys))},
      {Argument::Sequences, args.cuSeqlens.shape[0] - 1}};
  for (auto [argument, value] : sizes)
    values.set(argument, int32_t(value));
  double scale =
      args.scale == 0 ? 1 / std::sqrt(double(record.headDim)) : args.scale;
  values.set(Argument::ScaleLog2, float(scale * std::numbers::log2e));
  return Error::success();
}

Expected<LaunchPlan>
sparsek::cuda::planGatheredAttention(const LaunchRecord &record,
                                     const SparsekAttentionArguments &args) {
  if (Error error = checkShapes(record, args))
    return std::move(error);
  if (Error error = checkArgument("topk", args.topk, 1))
    return std::move(error);
  if (Error error = checkArgument("window", args.window, 0))
    return std::move(error);
  if (!(args.scale >= 0) ||
      args.scale > double(std::numeric_limits<float>::max()))
    return llvm::createStringError(
        "scale must be above 0 and finite in f32 (0 for 1/sqrt(D)), got " +
        std::to_string(args.scale));
  LaunchPlan plan;
  if (Error error = fillPlan(record, args, plan))
    return std::move(error);
  return plan;
}

//===----------------------------------------------------------------------===//
// Launch
//===----------------------------------------------------------------------===//

static Error checkLayouts(const LaunchRecord &record,
                          const SparsekAttentionArguments &args) {
  struct Entry {
    StringRef name;
    const SparsekDeviceArray &array;
    int64_t alignment;
    bool isOutput;
  };
  const Entry entries[] = {
      {"q", args.q, 16, false},      {"k", args.k, 16, false},
      {"v", args.v, 16, false},      {"scores", args.scores, 4, false},
      {"tau", args.tau, 4, false},   {"expiry", args.expiry, 4, false},
      {"sink", args.sink, 4, false}, {"cu_seqlens", args.cuSeqlens, 4, false},
      {"o", args.o, 16, true},       {"lse", args.lse, 4, true}};
  for (const Entry &entry : entries)
    if (entry.array.rank != 0)
      if (Error error = checkLayout(entry.name, entry.array, entry.alignment,
                                    entry.isOutput))
        return error;
  return Error::success();
}

static void setAddresses(const SparsekAttentionArguments &args,
                         uint64_t workspace, LaunchPlan &plan) {
  const std::pair<Argument, uint64_t> addresses[] = {
      {Argument::Q, args.q.data},
      {Argument::K, args.k.data},
      {Argument::V, args.v.data},
      {Argument::U, args.scores.data},
      {Argument::Tau, args.tau.data},
      {Argument::Expiry, args.expiry.data},
      {Argument::Sink, args.sink.data},
      {Argument::O, args.o.data},
      {Argument::Lse, args.lse.data},
      {Argument::CuSeqlens, args.cuSeqlens.data},
      {Argument::Documents, workspace + plan.documentsOffset},
      {Argument::Table, workspace + plan.tableOffset},
      {Argument::Counts, workspace + plan.countsOffset}};
  for (auto [argument, address] : addresses)
    plan.values.set(argument, address);
}

static Error launchKernel(const Driver &driver, const KernelRecord &kernel,
                          Function function, int multiprocessors,
                          LaunchPlan &plan, Stream stream) {
  int64_t gridX = 0, gridY = 1;
  switch (kernel.grid) {
  case Grid::Persistent:
    gridX = std::min(multiprocessors * kernel.blocksPerSM, plan.items);
    break;
  case Grid::Items:
    gridX = plan.items;
    break;
  case Grid::Chunks:
    gridX = plan.chunks;
    gridY = plan.batchScoreHeads;
    break;
  case Grid::KeyBlocks:
    gridX = llvm::divideCeil(plan.keys, kernel.threads);
    break;
  }
  std::array<void *, kNumArguments> parameters;
  for (auto [index, argument] : llvm::enumerate(kernel.arguments))
    parameters[index] = plan.values.getAddress(argument);
  Result result = driver.launchKernel(
      function, unsigned(gridX), unsigned(gridY), 1, unsigned(kernel.threads),
      1, 1, unsigned(kernel.sharedBytes), stream, parameters.data(), nullptr);
  if (result == kSuccess)
    return Error::success();
  return driver.check(result,
                      ("cuLaunchKernel for '" + kernel.name + "'").c_str());
}

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

Error sparsek::cuda::launchGatheredAttention(
    Kernel &kernel, const SparsekAttentionArguments &args, uint64_t workspace,
    size_t workspaceBytes, Device device, Stream stream) {
  const LaunchRecord &record = kernel.getRecord();
  Expected<LaunchPlan> plan = planGatheredAttention(record, args);
  if (!plan)
    return plan.takeError();
  if (Error error = checkLayouts(record, args))
    return error;
  if (workspaceBytes < size_t(plan->workspaceBytes))
    return llvm::createStringError(
        "the workspace must have " + Twine(plan->workspaceBytes) +
        " bytes for these arguments, got " + Twine(workspaceBytes));
  if (plan->workspaceBytes &&
      (workspace == 0 || workspace % kWorkspaceAlignment != 0))
    return llvm::createStringError(
        "the workspace must be at a device address that is a multiple of " +
        Twine(kWorkspaceAlignment) + ", got 0x" + Twine::utohexstr(workspace));
  if (plan->items == 0)
    return Error::success(); // B = 0 or M = 0: nothing is to be written.

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

  setAddresses(args, workspace, *plan);
  for (auto [index, entry] : llvm::enumerate(record.kernels))
    if (Error error = launchKernel(**driver, entry, (*loaded)->functions[index],
                                   (*loaded)->multiprocessors, *plan, stream))
      return error;
  return Error::success();
}
