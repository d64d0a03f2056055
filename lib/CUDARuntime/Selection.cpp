//===- Selection.cpp - Launch the selection -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/Selection.h"

#include "Arrays.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

using namespace sparsek::cuda;
using llvm::divideCeil;
using llvm::Error;
using llvm::Expected;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

/// Shapes and element types of all arrays, and numbers.
static Error checkArguments(const SelectionRecord &record,
                            const SparsekSelectionArguments &args) {
  if (Error error = checkRank("scores", args.scores, 3))
    return error;
  Size batch{"B", args.scores.shape[0]}, heads{"Hs", args.scores.shape[1]};
  Size keys{"N", args.scores.shape[2]};
  struct Entry {
    const char *name;
    const SparsekDeviceArray &array;
    SparsekDtype dtype;
  };
  const Entry entries[] = {{"scores", args.scores, SPARSEK_F32},
                           {"tau", args.tau, SPARSEK_F32},
                           {"expiry", args.expiry, SPARSEK_I32},
                           {"interior", args.interior, SPARSEK_I32}};
  for (const Entry &entry : entries)
    if (&entry.array != &args.interior || entry.array.rank != 0)
      if (Error error = checkShape(entry.name, entry.array, entry.dtype,
                                   {batch, heads, keys}))
        return error;
  if (record.packed) {
    if (Error error = checkDocuments(args.cuSeqlens))
      return error;
    if (batch.value != 1)
      return llvm::createStringError("packed documents need B = 1, got B = " +
                                     Twine(batch.value));
  } else if (args.cuSeqlens.rank != 0) {
    return llvm::createStringError(
        "this kernel is compiled without cu_seqlens, got " +
        describe(args.cuSeqlens));
  }
  if (keys.value > record.sizes.back().maxKeys)
    return llvm::createStringError("this kernel selects from at most N = " +
                                   Twine(record.sizes.back().maxKeys) +
                                   " keys, got " + Twine(keys.value));
  if (Error error = checkScoreRows(batch.value * heads.value))
    return error;
  if (Error error = checkNumber("topk", args.topk, 1))
    return error;
  return checkNumber("window", args.window, 0);
}

/// Sets the sizes and strides, and lays out the workspace.
static void fillPlan(const SelectionRecord &record,
                     const SparsekSelectionArguments &args,
                     SelectionPlan &plan) {
  int64_t batch = args.scores.shape[0], heads = args.scores.shape[1];
  int64_t keys = args.scores.shape[2], rows = batch * heads;
  // From chunk to chunk the state of the selection is solved anew: 0, the
  // chunks' begins and N are the boundaries. Counts of keys by boundary and
  // bucket of ranks say where to look.
  plan.size = *llvm::find_if(
      record.sizes, [&](const auto &size) { return keys <= size.maxKeys; });
  int64_t chunks = divideCeil(keys, plan.size.chunk), boundaries = chunks + 1;
  int64_t bucketLog2 = 5;
  while (keys > plan.size.buckets << bucketLog2)
    ++bucketLog2;
  int64_t buckets = divideCeil(keys, int64_t(1) << bucketLog2);
  // A block counts as many buckets as have room.
  int64_t tableLog2 = 0;
  while (tableLog2 < kMaxTableLog2 &&
         boundaries << (tableLog2 + 3) <= record.tableWords)
    ++tableLog2;
  int64_t sortTiles = divideCeil(keys, int64_t(1) << record.sortTileLog2);
  int64_t radixTiles = divideCeil(keys, int64_t(1) << record.radixTileLog2);
  if (keys <= record.maxMergedKeys) {
    while (sortTiles > int64_t(1) << (kMergedLog2 * plan.merges))
      ++plan.merges;
  } else {
    int32_t end = 32;
    if (record.packed)
      end += llvm::Log2_64(keys - 1) + 1;
    for (int32_t shift = 0; shift < end; shift += kDigitBits)
      plan.shifts.push_back(shift);
  }
  int64_t scanTiles = (keys >> record.scanTileLog2) + 1;
  // Sums along ranks have one more entry than there are keys. Rows begin at
  // multiples of 32 bytes.
  int64_t stride = llvm::alignTo(keys + 1, 8);

  const std::pair<GridFactor, int64_t> factors[] = {
      {GridFactor::BatchScoreHeads, rows},
      {GridFactor::KeyBlocks, keys},
      {GridFactor::SortTiles, sortTiles},
      {GridFactor::RadixTiles, radixTiles},
      {GridFactor::TableBlocks, divideCeil(buckets, int64_t(1) << tableLog2)},
      {GridFactor::BoundaryBlocks, boundaries},
      {GridFactor::ScanTiles, scanTiles},
      {GridFactor::Chunks, chunks}};
  for (auto [factor, count] : factors)
    plan.getFactor(factor) = count;

  for (int64_t &offset : plan.codes)
    offset = plan.allocate(4 * rows * stride);
  for (int64_t &offset : plan.order)
    offset = plan.allocate(4 * rows * stride);
  using Parts = std::initializer_list<std::pair<Argument, int64_t>>;
  auto place = [&](Parts parts) {
    for (auto [argument, bytes] : parts)
      plan.place(argument, bytes);
  };
  // Of each boundary there are six narrow and two wide fields, of each tile
  // three counts and two sums.
  place({{Argument::Ranks, 4 * rows * stride},
         {Argument::DigitCounts,
          plan.shifts.empty() ? 0 : 4 * 256 * rows * radixTiles},
         {Argument::Bounds, 4 * 6 * rows * boundaries},
         {Argument::BoundSums, 8 * 2 * rows * boundaries},
         {Argument::TileCounts, 4 * 3 * rows * scanTiles},
         {Argument::TileSums, 8 * 2 * rows * scanTiles}});
  // The boundaries are the last to read the table; what later kernels write
  // takes its place.
  int64_t tableBegin = plan.workspaceBytes;
  place({{Argument::BucketCounts, 4 * rows * boundaries * buckets},
         {Argument::BucketSums, 8 * rows * boundaries * buckets}});
  int64_t tableEnd = std::exchange(plan.workspaceBytes, tableBegin);
  place({{Argument::ThetaCounts, 4 * rows * stride},
         {Argument::Counts0, 4 * rows * stride},
         {Argument::Counts1, 4 * rows * stride},
         {Argument::Sums0, 8 * rows * stride},
         {Argument::Sums1, 8 * rows * stride},
         {Argument::Thetas, 4 * rows * stride}});
  plan.workspaceBytes = std::max(plan.workspaceBytes, tableEnd);
  if (record.packed)
    plan.place(Argument::Documents, 4 * 2 * keys);
  bool hasInterior = args.interior.rank != 0;
  if (!hasInterior)
    plan.place(Argument::Interior, 4 * rows * keys);

  ArgumentValues &values = plan.values;
  const std::pair<Argument, const SparsekDeviceArray &> strides[] = {
      {Argument::UB, args.scores},
      {Argument::TauB, args.tau},
      {Argument::ExpiryB, args.expiry},
      {Argument::InteriorB, args.interior}};
  for (auto [first, array] : strides)
    for (unsigned i = 0; i < 2; ++i)
      values.set(Argument(unsigned(first) + i), array.strides[i]);
  if (!hasInterior) {
    values.set(Argument::InteriorB, heads * keys);
    values.set(Argument::InteriorH, keys);
  }
  const std::pair<Argument, int64_t> sizes[] = {
      {Argument::ScoreHeads, heads},
      {Argument::ScoreRows, rows},
      {Argument::Keys, keys},
      {Argument::RowStride, stride},
      {Argument::ChunkLog2, llvm::Log2_64(plan.size.chunk)},
      {Argument::BucketLog2, bucketLog2},
      {Argument::Boundaries, boundaries},
      {Argument::Buckets, buckets},
      {Argument::TableLog2, tableLog2},
      {Argument::Topk, std::min(args.topk, keys)},
      {Argument::Window, std::min(args.window, keys)},
      {Argument::Sequences, args.cuSeqlens.shape[0] - 1}};
  for (auto [argument, value] : sizes)
    values.set(argument, int32_t(value));
}

Expected<SelectionPlan>
sparsek::cuda::planSelection(const LaunchRecord &record,
                             const SparsekSelectionArguments &args) {
  Expected<const SelectionRecord *> selection = record.getAs<SelectionRecord>();
  if (!selection)
    return selection.takeError();
  if (Error error = checkArguments(**selection, args))
    return std::move(error);
  SelectionPlan plan;
  fillPlan(**selection, args, plan);
  return plan;
}

//===----------------------------------------------------------------------===//
// Launch
//===----------------------------------------------------------------------===//

static void setAddresses(const SparsekSelectionArguments &args,
                         ArgumentValues &values) {
  const std::pair<Argument, uint64_t> addresses[] = {
      {Argument::U, args.scores.data},
      {Argument::CuSeqlens, args.cuSeqlens.data},
      {Argument::Tau, args.tau.data},
      {Argument::Expiry, args.expiry.data},
      {Argument::Interior, args.interior.data}};
  for (auto [argument, address] : addresses)
    values.set(argument, address);
}

static Error launchKernels(Launcher &launcher, const SelectionRecord &record,
                           SelectionPlan &plan, uint64_t workspace) {
  ArgumentValues &values = plan.values;
  if (record.packed)
    if (Error error = launcher.launch(record.documents, plan))
      return error;
  // The keys go from one pair of buffers to the other and back.
  int64_t sorted = 1;
  auto swap = [&] {
    values.set(Argument::CodesFrom, workspace + plan.codes[sorted]);
    values.set(Argument::OrderFrom, workspace + plan.order[sorted]);
    sorted = 1 - sorted;
    values.set(Argument::CodesTo, workspace + plan.codes[sorted]);
    values.set(Argument::OrderTo, workspace + plan.order[sorted]);
  };
  for (int32_t shift : plan.shifts) {
    swap();
    values.set(Argument::Shift, shift);
    for (size_t kernel : {record.count[shift != 0], record.scatter[shift != 0]})
      if (Error error = launcher.launch(kernel, plan))
        return error;
  }
  if (plan.shifts.empty()) {
    swap();
    if (Error error = launcher.launch(record.sortTiles, plan))
      return error;
  }
  for (int64_t number = 0; number < plan.merges; ++number) {
    swap();
    values.set(Argument::ListLog2,
               int32_t(record.sortTileLog2 + kMergedLog2 * number));
    if (Error error = launcher.launch(record.mergeLists, plan))
      return error;
  }
  values.set(Argument::Codes, workspace + plan.codes[sorted]);
  values.set(Argument::Order, workspace + plan.order[sorted]);
  for (size_t kernel : {record.rankTable, plan.size.boundaries, record.rankScan,
                        plan.size.thresholds, record.expiries})
    if (Error error = launcher.launch(kernel, plan))
      return error;
  return Error::success();
}

Error sparsek::cuda::launchSelection(Kernel &kernel,
                                     const SparsekSelectionArguments &args,
                                     uint64_t workspace, size_t workspaceBytes,
                                     Device device, Stream stream) {
  const LaunchRecord &record = kernel.getRecord();
  Expected<SelectionPlan> plan = planSelection(record, args);
  if (!plan)
    return plan.takeError();
  if (Error error = checkLayout({{"scores", args.scores, 4, false},
                                 {"cu_seqlens", args.cuSeqlens, 4, false},
                                 {"tau", args.tau, 4, true},
                                 {"expiry", args.expiry, 4, true},
                                 {"interior", args.interior, 4, true}}))
    return error;
  if (Error error = plan->checkWorkspace(workspace, workspaceBytes))
    return error;
  if (plan->getFactor(GridFactor::BatchScoreHeads) == 0 ||
      plan->getFactor(GridFactor::KeyBlocks) == 0)
    return Error::success(); // Nothing is to be written.
  setAddresses(args, plan->values);
  plan->setWorkspace(workspace);
  Expected<Launcher> launcher = Launcher::start(kernel, device, stream);
  if (!launcher)
    return launcher.takeError();
  return launchKernels(*launcher,
                       *llvm::cantFail(record.getAs<SelectionRecord>()), *plan,
                       workspace);
}
