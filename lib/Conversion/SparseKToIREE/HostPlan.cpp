//===- HostPlan.cpp - What launches pass, from the shapes -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HostPlan.h"

#include "sparsek/CUDARuntime/Selection.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <limits>
#include <numbers>

using namespace mlir;
using namespace sparsek;
using cuda::Argument;
using cuda::GridFactor;

static constexpr int64_t kMaxI32 = std::numeric_limits<int32_t>::max();
/// Of the second dimension of a grid.
static constexpr int64_t kMaxScoreRows = 65535;

namespace {
/// Fills a plan.
class Planner {
public:
  Planner(HostBuilder &b, HostPlan &plan) : b(b), plan(plan) {
    plan.workspaceBytes = b.index(0);
    plan.runs = b.boolean(true);
  }

  /// Makes a part of the workspace. Returns where it begins.
  Value allocate(Value bytes) {
    Value begin = b.div({plan.workspaceBytes, unit()});
    plan.workspaceBytes =
        b.add({plan.workspaceBytes, b.alignTo(bytes, alignment)});
    return begin;
  }
  void place(Argument argument, ArrayRef<Value> factors) {
    plan[argument] = allocate(b.mul(factors));
  }
  /// Strides of contiguous rows: all but the last, which is 1, from `first` on.
  void setStrides(Argument first, ArrayRef<Value> shape) {
    Value stride = b.index(1);
    for (size_t i = shape.size() - 1; i > 0; --i) {
      stride = b.mul({stride, shape[i]});
      plan[Argument(unsigned(first) + i - 1)] = stride;
    }
  }
  void require(Value condition, const Twine &text) {
    plan.conditions.push_back({condition, text.str()});
  }
  void requireScoreRows(Value rows) {
    require(b.atMost({rows, b.index(kMaxScoreRows)}),
            "B * Hs must be at most " + Twine(kMaxScoreRows));
  }
  /// There is nothing to compute where `size` is 0.
  void runIf(Value size) {
    plan.runs = b.both({plan.runs, b.atMost({b.index(1), size})});
  }
  /// An attribute that is at least 0, or what it is limited to.
  Value limited(int64_t attribute, Value limit) {
    return b.min({b.index(std::min(attribute, kMaxI32)), limit});
  }
  Value unit() { return b.index(alignment); }

  static constexpr int64_t alignment = cuda::kWorkspaceAlignment;

private:
  HostBuilder &b;
  HostPlan &plan;
};
} // namespace

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// How many columns, head blocks of KV heads, are worked on at a time: see
/// lib/CUDARuntime/GatheredAttention.cpp, which decides alike.
static Value getTogether(HostBuilder &b, const cuda::AttentionRecord &record,
                         Value columns, int64_t headBlocks, Value tiles,
                         Value listedKeys) {
  constexpr int64_t cacheBytes = 8 << 20;
  constexpr int64_t leastItems = 1024;
  constexpr int64_t elementBytes = 2;
  Value one = b.index(1);
  Value headBytes =
      b.mul({b.max({listedKeys, one}),
             b.index(elementBytes * (record.headDim + record.valueDim))});
  Value cached = b.max({b.div({b.index(cacheBytes), headBytes}), one});
  Value most = b.max({b.mul({cached, b.index(headBlocks)}),
                      b.ceilDiv({b.index(leastItems), b.max({tiles, one})})});
  Value parts = b.max({b.ceilDiv({columns, most}), one});
  return b.max({b.ceilDiv({columns, parts}), one});
}

HostPlan sparsek::planAttention(HostBuilder &b,
                                const cuda::LaunchRecord &kernels,
                                GatheredAttentionOp op) {
  const auto &record = std::get<cuda::AttentionRecord>(kernels.operation);
  HostPlan plan;
  Planner planner(b, plan);
  Value query = op.getQuery(), key = op.getKey(), expiry = op.getExpiry();
  Value batch = b.dim(query, 0), rows = b.dim(query, 2);
  Value headsKV = b.dim(key, 1), keys = b.dim(key, 2);
  Value scoreHeads = b.dim(expiry, 1);
  Value queryHeads = b.dim(query, 1);
  Value headDim = b.index(record.headDim), valueDim = b.index(record.valueDim);
  Value topk = planner.limited(op.getTopk(), keys);
  Value window = planner.limited(op.getWindow(), keys);
  planner.require(b.atMost({b.add({keys, window}), b.index(kMaxI32)}),
                  "N + window must be below 2^31");

  // Chunks have 2 * topk positions or more, and 512. Where N is known only
  // later, topk alone decides: keys that are not there take no room.
  int64_t mostKeys = HostBuilder::getConstant(keys).value_or(kMaxI32);
  int64_t mostTopk = std::min<int64_t>(op.getTopk(), mostKeys);
  int64_t chunkLog2 = std::clamp<int64_t>(
      llvm::Log2_64_Ceil(std::max<int64_t>(2 * mostTopk, 1)), 9, 30);
  Value chunks = b.ceilDiv({rows, b.index(int64_t(1) << chunkLog2)});
  Value capacity = b.alignTo(topk, 4);
  Value tiles = b.ceilDiv({rows, b.index(record.tilePositions)});
  int64_t headBlocks = llvm::divideCeil(record.group, record.tileHeads);
  Value columns = b.mul({batch, headsKV, b.index(headBlocks)});
  Value items = b.mul({columns, tiles});
  planner.require(b.atMost({items, b.index(kMaxI32)}),
                  "too much work for one launch: B * Hkv * tiles must be below "
                  "2^31");
  Value scoreRows = b.mul({batch, scoreHeads});
  planner.requireScoreRows(scoreRows);
  planner.runIf(items);
  plan[GridFactor::Persistent] = items;
  plan[GridFactor::Items] = items;
  plan[GridFactor::Chunks] = chunks;
  plan[GridFactor::BatchScoreHeads] = scoreRows;
  plan[GridFactor::KeyBlocks] = keys;

  Value four = b.index(4);
  planner.place(Argument::Table, {four, scoreRows, chunks, capacity});
  planner.place(Argument::Counts, {four, scoreRows, chunks});
  if (record.packed)
    planner.place(Argument::Documents, {b.index(8), keys});

  SmallVector<Value> perKey{batch, scoreHeads, keys};
  planner.setStrides(Argument::QB, {batch, queryHeads, rows, headDim});
  planner.setStrides(Argument::KB, {batch, headsKV, keys, headDim});
  planner.setStrides(Argument::VB, {batch, headsKV, keys, valueDim});
  for (Argument first : {Argument::UB, Argument::TauB, Argument::ExpiryB})
    planner.setStrides(first, perKey);
  planner.setStrides(Argument::OB, {batch, queryHeads, rows, valueDim});
  planner.setStrides(Argument::LseB, {batch, queryHeads, rows});
  plan.sizes = {{batch, queryHeads, rows, valueDim}, {batch, queryHeads, rows}};

  plan[Argument::Batch] = batch;
  plan[Argument::HeadsKV] = headsKV;
  plan[Argument::ScoreHeads] = scoreHeads;
  plan[Argument::Rows] = rows;
  plan[Argument::Keys] = keys;
  plan[Argument::Window] = window;
  plan[Argument::ChunkLog2] = b.index(chunkLog2);
  plan[Argument::Chunks] = chunks;
  plan[Argument::Capacity] = capacity;
  plan[Argument::Tiles] = tiles;
  plan[Argument::Items] = items;
  plan[Argument::Together] = getTogether(b, record, columns, headBlocks, tiles,
                                         b.min({b.add({topk, window}), keys}));
  if (Value documents = op.getCuSeqlens())
    plan[Argument::Sequences] = b.sub({b.dim(documents, 0), b.index(1)});
  auto scale = float(op.getScaleValue() * std::numbers::log2e);
  plan[Argument::ScaleLog2] = b.i32(llvm::bit_cast<int32_t>(scale));
  return plan;
}

//===----------------------------------------------------------------------===//
// Selection
//===----------------------------------------------------------------------===//

HostSelectionPlan sparsek::planSelection(HostBuilder &b,
                                         const cuda::SelectionRecord &record,
                                         TopkMaskOp op) {
  HostSelectionPlan plan;
  Planner planner(b, plan);
  Value scores = op.getScores();
  Value batch = b.dim(scores, 0), heads = b.dim(scores, 1);
  Value keys = b.dim(scores, 2), rows = b.mul({batch, heads});
  int64_t maxKeys = record.sizes.back().maxKeys;
  planner.require(b.atMost({keys, b.index(maxKeys)}),
                  "kernels select from at most N = " + Twine(maxKeys) +
                      " keys");
  planner.requireScoreRows(rows);
  planner.runIf(rows);
  planner.runIf(keys);

  // The first size that has room for the keys.
  Value chunk, chunkLog2, mostBuckets;
  Value isLarger = b.boolean(true);
  for (const cuda::SelectionRecord::Size &size : record.sizes) {
    Value fits = b.atMost({keys, b.index(size.maxKeys)});
    plan.isSize.push_back(b.both({isLarger, fits}));
    isLarger = b.both({isLarger, b.negate(fits)});
  }
  for (auto [size, isSize] : llvm::zip_equal(record.sizes, plan.isSize)) {
    auto choose = [&](Value &chosen, int64_t value) {
      Value next = b.index(value);
      chosen = chosen ? b.select({isSize, next, chosen}) : next;
    };
    choose(chunk, size.chunk);
    choose(chunkLog2, llvm::Log2_64(size.chunk));
    choose(mostBuckets, size.buckets);
  }
  Value one = b.index(1);
  Value chunks = b.ceilDiv({keys, chunk}), boundaries = b.add({chunks, one});
  // Buckets have 2^bucketLog2 ranks, the least such that there are not too
  // many.
  constexpr int64_t leastBucketLog2 = 5;
  SmallVector<Value> isMore;
  Value bucketRanks = b.index(int64_t(1) << leastBucketLog2);
  for (int64_t log2 = leastBucketLog2; int64_t(1) << log2 < maxKeys; ++log2) {
    Value room = b.mul({mostBuckets, b.index(int64_t(1) << log2)});
    isMore.push_back(b.negate(b.atMost({keys, room})));
    bucketRanks = b.select(
        {isMore.back(), b.index(int64_t(1) << (log2 + 1)), bucketRanks});
  }
  Value bucketLog2 = b.add({b.index(leastBucketLog2), b.count(isMore)});
  Value buckets = b.ceilDiv({keys, bucketRanks});
  SmallVector<Value> hasRoom;
  Value tableBuckets = one;
  for (int64_t log2 = 0; log2 < cuda::kMaxTableLog2; ++log2) {
    Value words = b.mul({boundaries, b.index(int64_t(1) << (log2 + 3))});
    hasRoom.push_back(b.atMost({words, b.index(record.tableWords)}));
    tableBuckets = b.select(
        {hasRoom.back(), b.index(int64_t(1) << (log2 + 1)), tableBuckets});
  }

  Value sortTiles =
      b.ceilDiv({keys, b.index(int64_t(1) << record.sortTileLog2)});
  Value radixTiles =
      b.ceilDiv({keys, b.index(int64_t(1) << record.radixTileLog2)});
  plan.isMerged = b.atMost({keys, b.index(record.maxMergedKeys)});
  int64_t mostTiles =
      llvm::divideCeil(record.maxMergedKeys, int64_t(1) << record.sortTileLog2);
  for (int64_t lists = 1; lists < mostTiles; lists <<= cuda::kMergedLog2)
    plan.merges.push_back(b.both(
        {plan.isMerged, b.negate(b.atMost({sortTiles, b.index(lists)}))}));
  // Of codes; with packed documents then of positions, which are below N.
  int32_t end = 32 + (record.packed ? llvm::Log2_64_Ceil(maxKeys) : 0);
  Value isDigits = b.negate(plan.isMerged);
  for (int32_t shift = 0; shift < end; shift += cuda::kDigitBits) {
    Value needed = isDigits;
    if (shift > 32)
      needed = b.both(
          {needed,
           b.negate(b.atMost({keys, b.index(int64_t(1) << (shift - 32))}))});
    plan.digits.push_back({shift, needed});
  }
  int64_t scanTile = int64_t(1) << record.scanTileLog2;
  Value scanTiles = b.add({b.div({keys, b.index(scanTile)}), one});
  Value stride = b.alignTo(b.add({keys, one}), 8);

  plan[GridFactor::BatchScoreHeads] = rows;
  plan[GridFactor::KeyBlocks] = keys;
  plan[GridFactor::SortTiles] = sortTiles;
  plan[GridFactor::RadixTiles] = radixTiles;
  plan[GridFactor::TableBlocks] = b.ceilDiv({buckets, tableBuckets});
  plan[GridFactor::BoundaryBlocks] = boundaries;
  plan[GridFactor::ScanTiles] = scanTiles;
  plan[GridFactor::Chunks] = chunks;

  Value four = b.index(4), eight = b.index(8);
  Value narrow = b.mul({four, rows, stride});
  for (Value &offset : plan.codes)
    offset = planner.allocate(narrow);
  for (Value &offset : plan.order)
    offset = planner.allocate(narrow);
  planner.place(Argument::Ranks, narrow);
  Value digitBytes = b.mul({b.index(4 << cuda::kDigitBits), rows, radixTiles});
  planner.place(Argument::DigitCounts,
                b.select({isDigits, digitBytes, b.index(0)}));
  planner.place(Argument::Bounds, {b.index(4 * 6), rows, boundaries});
  planner.place(Argument::BoundSums, {b.index(8 * 2), rows, boundaries});
  planner.place(Argument::TileCounts, {b.index(4 * 3), rows, scanTiles});
  planner.place(Argument::TileSums, {b.index(8 * 2), rows, scanTiles});
  // The boundaries are the last to read the table; what later kernels write
  // takes its place.
  Value tableBegin = plan.workspaceBytes;
  planner.place(Argument::BucketCounts, {four, rows, boundaries, buckets});
  planner.place(Argument::BucketSums, {eight, rows, boundaries, buckets});
  Value tableEnd = std::exchange(plan.workspaceBytes, tableBegin);
  for (Argument argument :
       {Argument::ThetaCounts, Argument::Counts0, Argument::Counts1})
    planner.place(argument, narrow);
  planner.place(Argument::Sums0, {eight, rows, stride});
  planner.place(Argument::Sums1, {eight, rows, stride});
  planner.place(Argument::Thetas, narrow);
  plan.workspaceBytes = b.max({plan.workspaceBytes, tableEnd});
  if (record.packed)
    planner.place(Argument::Documents, {eight, keys});

  for (Argument first :
       {Argument::UB, Argument::TauB, Argument::ExpiryB, Argument::InteriorB})
    planner.setStrides(first, {batch, heads, keys});
  plan.sizes.assign(3, {batch, heads, keys});
  plan[Argument::ScoreHeads] = heads;
  plan[Argument::ScoreRows] = rows;
  plan[Argument::Keys] = keys;
  plan[Argument::RowStride] = stride;
  plan[Argument::ChunkLog2] = chunkLog2;
  plan[Argument::BucketLog2] = bucketLog2;
  plan[Argument::Boundaries] = boundaries;
  plan[Argument::Buckets] = buckets;
  plan[Argument::TableLog2] = b.count(hasRoom);
  plan[Argument::Topk] = planner.limited(op.getTopk(), keys);
  plan[Argument::Window] = planner.limited(op.getWindow(), keys);
  if (Value documents = op.getCuSeqlens())
    plan[Argument::Sequences] = b.sub({b.dim(documents, 0), one});
  return plan;
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Count, mean and sum of squared deviations, in f64.
static constexpr int64_t kStateBytes = 3 * 8;

HostPlan sparsek::planScore(HostBuilder &b, const cuda::ScoreRecord &record,
                            ScoreOp op) {
  HostPlan plan;
  Planner planner(b, plan);
  Value batch = b.dim(op.getFeatures(), 0), rows = b.dim(op.getFeatures(), 1);
  Value features = b.index(record.features), heads = b.index(record.scoreHeads);
  Value rowTiles = b.ceilDiv({rows, b.index(record.rowsPerItem)});
  Value items = b.mul({batch, rowTiles});
  planner.require(b.atMost({items, b.index(int64_t(1) << 30)}),
                  "too much work for one launch: B * ceil(N / " +
                      Twine(record.rowsPerItem) + ") must be at most 2^30");
  planner.runIf(items);
  Value zero = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
  Value offset = op.getOffset() ? op.getOffset() : zero;
  plan[GridFactor::Persistent] = items;
  plan[GridFactor::Items] = items;
  if (record.timestep) {
    // Blocks of statistics begin at multiples of absolute positions.
    Value block = b.index(record.statisticPositions);
    Value first = b.createOrFold<arith::IndexCastOp>(b.getIndexType(), offset);
    first = b.createOrFold<arith::RemUIOp>(first, block);
    Value blocks = b.ceilDiv({b.add({first, rows}), block});
    Value scoreRows = b.mul({batch, heads});
    planner.requireScoreRows(scoreRows);
    plan[GridFactor::StatisticBlocks] = blocks;
    plan[GridFactor::BatchScoreHeads] = scoreRows;
    for (Argument argument : {Argument::BlockStatistics, Argument::States})
      planner.place(argument, {b.index(kStateBytes), scoreRows, blocks});
    plan[Argument::StatisticBlocks] = blocks;
  }
  planner.setStrides(Argument::XB, {batch, rows, features});
  plan[Argument::WeightC] = heads;
  plan[Argument::WeightH] = b.index(1);
  planner.setStrides(Argument::UB, {batch, heads, rows});
  plan.sizes = {{batch, heads, rows}};
  plan[Argument::ScoreHeads] = heads;
  plan[Argument::Rows] = rows;
  plan[Argument::RowTiles] = rowTiles;
  plan[Argument::Items] = items;
  plan[Argument::Offset] = offset;
  auto slope = llvm::bit_cast<int64_t>(op.getSlope().convertToDouble());
  plan[Argument::Slope] =
      arith::ConstantOp::create(b, b.getI64IntegerAttr(slope));
  return plan;
}
