//===- GatheredAttention.cpp - Launch gathered attention ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/GatheredAttention.h"

#include "Arrays.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

using namespace sparsek::cuda;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

/// Shapes and element types of all arrays.
static Error checkShapes(const AttentionRecord &record,
                         const SparsekAttentionArguments &args) {
  SparsekDtype dtype = llvm::StringSwitch<SparsekDtype>(record.dtype)
                           .Case("bf16", SPARSEK_BF16)
                           .Case("f16", SPARSEK_F16)
                           .Default(SPARSEK_F32);
  // q, k and expiry give the sizes; whatever disagrees with them is named.
  const std::tuple<const char *, const SparsekDeviceArray *, int32_t> given[] =
      {{"q", &args.q, 4}, {"k", &args.k, 4}, {"expiry", &args.expiry, 3}};
  for (auto [name, array, rank] : given)
    if (Error error = checkRank(name, *array, rank))
      return error;
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
  if (Error error = checkDocuments(args.cuSeqlens))
    return error;
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
static int64_t getTogether(const AttentionRecord &record, int64_t columns,
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
static Error fillPlan(const LaunchRecord &kernels,
                      const AttentionRecord &record,
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
  int64_t batchScoreHeads = batch * scoreHeads;
  // Two products of i32 are exact in i64; four may not be.
  if (batch * headsKV > kMaxI32 || headBlocks * tiles > kMaxI32 ||
      batch * headsKV * headBlocks * tiles > kMaxI32)
    return llvm::createStringError(
        "too much work for one launch: B * Hkv * tiles must be below 2^31, got "
        "B = " +
        Twine(batch) + ", Hkv = " + Twine(headsKV) +
        ", tiles = " + Twine(headBlocks * tiles));
  int64_t items = batch * headsKV * headBlocks * tiles;
  if (Error error = checkScoreRows(batchScoreHeads))
    return error;
  const std::pair<GridFactor, int64_t> factors[] = {
      {GridFactor::Persistent, items},
      {GridFactor::Items, items},
      {GridFactor::Chunks, chunks},
      {GridFactor::BatchScoreHeads, batchScoreHeads},
      {GridFactor::KeyBlocks, keys}};
  for (auto [factor, count] : factors)
    plan.getFactor(factor) = count;

  const std::pair<Argument, int64_t> parts[] = {
      {Argument::Table, batchScoreHeads * chunks * capacity},
      {Argument::Counts, batchScoreHeads * chunks},
      {Argument::Documents, 2 * keys}};
  for (auto [argument, elements] : parts)
    if (kernels.uses(argument))
      plan.place(argument, elements * 4);

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
      {Argument::Items, items},
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
  Expected<const AttentionRecord *> attention = record.getAs<AttentionRecord>();
  if (!attention)
    return attention.takeError();
  if (Error error = checkShapes(**attention, args))
    return std::move(error);
  if (Error error = checkNumber("topk", args.topk, 1))
    return std::move(error);
  if (Error error = checkNumber("window", args.window, 0))
    return std::move(error);
  if (!(args.scale >= 0) ||
      args.scale > double(std::numeric_limits<float>::max()))
    return llvm::createStringError(
        "scale must be above 0 and finite in f32 (0 for 1/sqrt(D)), got " +
        std::to_string(args.scale));
  LaunchPlan plan;
  if (Error error = fillPlan(record, **attention, args, plan))
    return std::move(error);
  return plan;
}

//===----------------------------------------------------------------------===//
// Launch
//===----------------------------------------------------------------------===//

static Error checkLayouts(const SparsekAttentionArguments &args) {
  return checkLayout({{"q", args.q, 16, false},
                      {"k", args.k, 16, false},
                      {"v", args.v, 16, false},
                      {"scores", args.scores, 4, false},
                      {"tau", args.tau, 4, false},
                      {"expiry", args.expiry, 4, false},
                      {"sink", args.sink, 4, false},
                      {"cu_seqlens", args.cuSeqlens, 4, false},
                      {"o", args.o, 16, true},
                      {"lse", args.lse, 4, true}});
}

static void setAddresses(const SparsekAttentionArguments &args,
                         ArgumentValues &values) {
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
      {Argument::CuSeqlens, args.cuSeqlens.data}};
  for (auto [argument, address] : addresses)
    values.set(argument, address);
}

Error sparsek::cuda::launchGatheredAttention(
    Kernel &kernel, const SparsekAttentionArguments &args, uint64_t workspace,
    size_t workspaceBytes, Device device, Stream stream) {
  Expected<LaunchPlan> plan = planGatheredAttention(kernel.getRecord(), args);
  if (!plan)
    return plan.takeError();
  if (Error error = checkLayouts(args))
    return error;
  if (Error error = plan->checkWorkspace(workspace, workspaceBytes))
    return error;
  if (plan->getFactor(GridFactor::Items) == 0)
    return Error::success(); // B = 0 or M = 0: nothing is to be written.
  setAddresses(args, plan->values);
  plan->setWorkspace(workspace);
  Expected<Launcher> launcher = Launcher::start(kernel, device, stream);
  if (!launcher)
    return launcher.takeError();
  return launcher->launchAll(*plan);
}
