//===- Score.cpp - Launch the scores --------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/Score.h"

#include "Arrays.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>

using namespace sparsek::cuda;
using llvm::divideCeil;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

/// Count, mean and sum of squared deviations.
static constexpr int64_t kStateFields = 3;
static constexpr int64_t kStateBytes = kStateFields * sizeof(double);

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

static SparsekDtype getDtype(StringRef name) {
  if (name == "f32")
    return SPARSEK_F32;
  return name == "f16" ? SPARSEK_F16 : SPARSEK_BF16;
}

/// Shapes and element types of all arrays, and numbers.
static Error checkArguments(const ScoreRecord &record,
                            const SparsekScoreArguments &args) {
  if (Error error = checkRank("x", args.x, 3))
    return error;
  Size batch{"B", args.x.shape[0]}, rows{"N", args.x.shape[1]};
  Size features{"C", record.features}, heads{"Hs", record.scoreHeads};
  Size fields{"", kStateFields};
  if (Error error = checkShape("x", args.x, getDtype(record.dtype),
                               {batch, rows, features}))
    return error;
  if (Error error = checkShape("weight", args.weight,
                               getDtype(record.weightDtype), {features, heads}))
    return error;
  if (Error error =
          checkShape("scores", args.scores, SPARSEK_F32, {batch, heads, rows}))
    return error;
  for (auto [name, array, taken] :
       {std::tuple("statistics", &args.statistics, record.statistics),
        std::tuple("carried", &args.carried, record.carry)}) {
    if (!taken && array->rank != 0)
      return llvm::createStringError(Twine("this kernel is compiled without ") +
                                     name + ", got " + describe(*array));
    if (taken)
      if (Error error =
              checkShape(name, *array, SPARSEK_F64, {batch, heads, fields}))
        return error;
  }
  if (args.offset < 0 ||
      args.offset > std::numeric_limits<int64_t>::max() - rows.value)
    return llvm::createStringError("offset must be 0 or more, and offset + N "
                                   "below 2^63, got " +
                                   Twine(args.offset));
  if (!std::isfinite(args.slope))
    return llvm::createStringError("slope must be finite, got " +
                                   std::to_string(args.slope));
  // Grids along y are of norm<timestep> only.
  return record.timestep ? checkScoreRows(batch.value * heads.value)
                         : Error::success();
}

/// Sets the sizes and strides, and lays out the workspace.
static Error fillPlan(const ScoreRecord &record,
                      const SparsekScoreArguments &args, LaunchPlan &plan) {
  // A block computes the number of its next item before it knows whether there
  // is one, which must not overflow.
  constexpr int64_t mostItems = int64_t(1) << 30;
  int64_t batch = args.x.shape[0], rows = args.x.shape[1];
  int64_t heads = record.scoreHeads;
  int64_t rowTiles = divideCeil(rows, record.rowsPerItem);
  int64_t items = batch * rowTiles;
  if (items > mostItems)
    return llvm::createStringError(
        "too much work for one launch: B * ceil(N / " +
        Twine(record.rowsPerItem) + ") must be at most 2^30, got " +
        Twine(items));
  // Blocks of statistics begin at multiples of absolute positions.
  int64_t blocks = divideCeil(args.offset % record.statisticPositions + rows,
                              record.statisticPositions);
  plan.getFactor(GridFactor::Persistent) = items;
  plan.getFactor(GridFactor::Items) = items;
  if (record.timestep) {
    plan.getFactor(GridFactor::StatisticBlocks) = blocks;
    plan.getFactor(GridFactor::BatchScoreHeads) = batch * heads;
    for (Argument argument : {Argument::BlockStatistics, Argument::States})
      plan.place(argument, batch * heads * blocks * kStateBytes);
  }

  ArgumentValues &values = plan.values;
  // The strides of an array follow one another.
  const std::pair<Argument, const SparsekDeviceArray &> strides[] = {
      {Argument::XB, args.x},
      {Argument::WeightC, args.weight},
      {Argument::UB, args.scores},
      {Argument::StatisticsB, args.statistics},
      {Argument::CarriedB, args.carried}};
  for (auto [first, array] : strides)
    for (unsigned i = 0; i < 2; ++i)
      values.set(Argument(unsigned(first) + i), array.strides[i]);
  const std::pair<Argument, int64_t> sizes[] = {
      {Argument::ScoreHeads, heads},
      {Argument::Rows, rows},
      {Argument::RowTiles, rowTiles},
      {Argument::Items, items},
      {Argument::StatisticBlocks, blocks}};
  for (auto [argument, value] : sizes)
    values.set(argument, int32_t(value));
  values.set(Argument::Offset, args.offset);
  values.set(Argument::Slope, args.slope);
  return Error::success();
}

Expected<LaunchPlan>
sparsek::cuda::planScore(const LaunchRecord &record,
                         const SparsekScoreArguments &args) {
  Expected<const ScoreRecord *> score = record.getAs<ScoreRecord>();
  if (!score)
    return score.takeError();
  if (Error error = checkArguments(**score, args))
    return std::move(error);
  LaunchPlan plan;
  if (Error error = fillPlan(**score, args, plan))
    return std::move(error);
  return plan;
}

//===----------------------------------------------------------------------===//
// Launch
//===----------------------------------------------------------------------===//

static Error checkLayouts(const SparsekScoreArguments &args) {
  if (Error error = checkLayout({{"x", args.x, 16, false},
                                 {"statistics", args.statistics, 8, false},
                                 {"scores", args.scores, 4, true},
                                 {"carried", args.carried, 8, true}}))
    return error;
  // Weights may lie in any way.
  uint64_t alignment = args.weight.dtype == SPARSEK_F32 ? 4 : 2;
  if (args.weight.data == 0 || args.weight.data % alignment != 0)
    return llvm::createStringError(
        "weight must be at a device address that is a multiple of " +
        Twine(alignment) + ", got 0x" + Twine::utohexstr(args.weight.data));
  return Error::success();
}

static void setAddresses(const SparsekScoreArguments &args,
                         ArgumentValues &values) {
  const std::pair<Argument, uint64_t> addresses[] = {
      {Argument::Features, args.x.data},
      {Argument::Weight, args.weight.data},
      {Argument::Statistics, args.statistics.data},
      {Argument::U, args.scores.data},
      {Argument::Carried, args.carried.data}};
  for (auto [argument, address] : addresses)
    values.set(argument, address);
}

/// What is carried over no rows: the statistics, or zeros.
static Error carryOver(Launcher &launcher, const SparsekScoreArguments &args) {
  auto getAddress = [](const SparsekDeviceArray &array, int64_t b, int64_t h) {
    return array.data +
           sizeof(double) * (b * array.strides[0] + h * array.strides[1]);
  };
  for (int64_t b = 0; b < args.carried.shape[0]; ++b)
    for (int64_t h = 0; h < args.carried.shape[1]; ++h) {
      uint64_t to = getAddress(args.carried, b, h);
      Error error = args.statistics.rank == 0
                        ? launcher.clear(to, kStateBytes)
                        : launcher.copy(to, getAddress(args.statistics, b, h),
                                        kStateBytes);
      if (error)
        return error;
    }
  return Error::success();
}

Error sparsek::cuda::launchScore(Kernel &kernel,
                                 const SparsekScoreArguments &args,
                                 uint64_t workspace, size_t workspaceBytes,
                                 Device device, Stream stream) {
  Expected<LaunchPlan> plan = planScore(kernel.getRecord(), args);
  if (!plan)
    return plan.takeError();
  if (Error error = checkLayouts(args))
    return error;
  if (Error error = plan->checkWorkspace(workspace, workspaceBytes))
    return error;
  bool hasRows = plan->getFactor(GridFactor::Items) != 0;
  if (!hasRows && args.carried.rank == 0)
    return Error::success(); // B = 0 or N = 0: nothing is to be written.
  setAddresses(args, plan->values);
  plan->setWorkspace(workspace);
  Expected<Launcher> launcher = Launcher::start(kernel, device, stream);
  if (!launcher)
    return launcher.takeError();
  return hasRows ? launcher->launchAll(*plan) : carryOver(*launcher, args);
}
