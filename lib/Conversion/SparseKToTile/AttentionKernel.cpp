//===- AttentionKernel.cpp - Gathered attention as a tile program ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Every slot is used in sequence here: product, softmax, product. The passes
// on the tile dialect make the schedule out of it.
//
//===----------------------------------------------------------------------===//

#include "Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

namespace {

/// They share every slot: consumers then wait half as long for the next one as
/// with one warp for the keys and one for the values.
constexpr int64_t kGatherWarps = 2;

/// One kernel while it is being built.
class AttentionBuilder {
public:
  AttentionBuilder(TileBuilder &b, const AttentionVariant &variant,
                   ScheduleAttr schedule, RowMapAttr rowMap)
      : b(b), variant(variant), schedule(schedule), rowMap(rowMap) {}

  void build();

private:
  using Values = TileBuilder::Values;

  struct Item {
    Value batch, head, headBlock, row;
  };

  SmallVector<TileBuilder::Argument> getArguments();
  void makeRings();
  /// A ring that every warp of the consumers drains.
  Value makeRing(int64_t slots, int64_t rows, int64_t columns, int64_t fills);
  Values forItems(ValueRange state,
                  function_ref<Values(Item, ValueRange)> body);
  Value getScoreHead(const Item &item);
  Value hasEdges(const Item &item);

  // Roles.
  void listKeys();
  void gatherRows();
  void loadQueries();
  void attend();

  /// What `attend` carries from slot to slot.
  struct Softmax {
    Value maximum, shift, sum, output;
  };
  /// Attends to the slot at `position`; returns whether it is the last one.
  Value attendToSlot(Value position, Value query, Softmax &softmax,
                     Value positions, Value threshold);
  /// The edges of the window that this consumer does not see: `first` is where
  /// it begins, `last` the edge after which it skips `rest` slots.
  struct Edges {
    Value first, last, rest;
  };
  Edges skipFirstEdges(const Item &item, Value begin);
  Value skipLastEdges(const Edges &edges, Value position);
  void skip(Value begin, Value end);
  void storeItem(const Item &item, const Softmax &softmax);

  FragType getFragment(int64_t columns, Type element) {
    return FragType::get(b.getContext(), {schedule.getConsumerRows(), columns},
                         element);
  }
  RowsType getRows(Type element) {
    return RowsType::get(b.getContext(), {schedule.getConsumerRows()}, element);
  }

  TileBuilder &b;
  const AttentionVariant &variant;
  ScheduleAttr schedule;
  RowMapAttr rowMap;
  // In front of the roles.
  Value list, keys, values, queries;
  Value rounds;
  Value offset; // position of query row 0
  Value zero, one;
};

} // namespace

//===----------------------------------------------------------------------===//
// Arguments, rings and items
//===----------------------------------------------------------------------===//

SmallVector<TileBuilder::Argument> AttentionBuilder::getArguments() {
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  SmallVector<TileBuilder::Argument> arguments{
      b.memref("q", "bhmd", variant.element, variant.headSize),
      b.memref("k", "bhnd", variant.element, variant.headSize),
      b.memref("v", "bhnd", variant.element, variant.valueSize),
      b.memref("u", "bhn", f32),
      b.memref("tau", "bhn", f32),
      b.memref("expiry", "bhn", i32)};
  if (variant.sink)
    arguments.push_back(b.vector("sink", f32));
  arguments.push_back(
      b.memref("o", "bhmd", variant.element, variant.valueSize));
  arguments.push_back(b.memref("lse", "bhm", f32));
  if (variant.packed)
    arguments.push_back(b.vector("documents", i32));
  arguments.push_back(b.vector("table", i32));
  arguments.push_back(b.vector("counts", i32));
  for (StringRef name :
       {"batch", "heads_kv", "score_heads", "rows", "keys", "window",
        "chunk_log2", "chunks", "capacity", "tiles", "items", "together"})
    arguments.push_back(b.scalar(name));
  arguments.push_back({"scale_log2", f32});
  return arguments;
}

Value AttentionBuilder::makeRing(int64_t slots, int64_t rows, int64_t columns,
                                 int64_t fills) {
  return RingOp::create(
      b, RingType::get(b.getContext(), {slots, rows, columns}, variant.element),
      fills, /*drains=*/4 * schedule.getConsumers(), IntegerAttr(),
      IntegerAttr());
}

void AttentionBuilder::makeRings() {
  // The warps that gather drain the list, too.
  list =
      RingOp::create(b,
                     KeyListType::get(b.getContext(), schedule.getListSlots(),
                                      schedule.getKeys()),
                     /*fills=*/1,
                     /*drains=*/kGatherWarps + 4 * schedule.getConsumers(),
                     IntegerAttr(), IntegerAttr());
  // One arrival for each lane of the filling warps; keys are committed with
  // the list, which takes one more for each warp.
  keys = makeRing(schedule.getKeySlots(), schedule.getKeys(), variant.headSize,
                  /*fills=*/33 * kGatherWarps);
  values = makeRing(schedule.getValueSlots(), schedule.getKeys(),
                    variant.valueSize, /*fills=*/32 * kGatherWarps);
  queries = makeRing(schedule.getQuerySlots(), schedule.getRows(),
                     variant.headSize, /*fills=*/32);
}

TileBuilder::Values
AttentionBuilder::forItems(ValueRange state,
                           function_ref<Values(Item, ValueRange)> body) {
  return b.forEach(
      zero, rounds, one, state, [&](Value round, ValueRange current) {
        auto item = ItemOp::create(b, round, b.arg("batch"), b.arg("heads_kv"),
                                   b.arg("tiles"), b.arg("together"));
        return body({item.getBatch(), item.getHead(), item.getHeadBlock(),
                     item.getRow()},
                    current);
      });
}

/// Score head of a key-value head: one for all of them, or one each.
Value AttentionBuilder::getScoreHead(const Item &item) {
  Value scaled = b.mul(item.head, b.arg("score_heads"));
  return b.div(scaled, b.arg("heads_kv"));
}

/// Whether the edges of the window come first in the item's list (see
/// tile.list_keys), which consumers that do not see them skip; null where none
/// ever does. Then all consumers skip as many, so that their turns add up. The
/// last slot is never an edge: some of the window is left.
Value AttentionBuilder::hasEdges(const Item &item) {
  if (!schedule.getSkipEdges())
    return Value();
  Value positions = b.i32(rowMap.getPositions());
  Value isWhole = b.negate(b.less(b.arg("rows"), b.add(item.row, positions)));
  Value isLong = b.less(b.i32(rowMap.getPositions() + 1), b.arg("window"));
  // The oldest key is the one behind `before`.
  Value before = b.sub(b.add(item.row, offset), b.arg("window"));
  Value isInside = b.less(b.i32(-2), before);
  return b.both(b.both(isWhole, isLong), isInside);
}

//===----------------------------------------------------------------------===//
// Roles that fill the rings
//===----------------------------------------------------------------------===//

void AttentionBuilder::listKeys() {
  forItems(zero, [&](Item item, ValueRange state) -> Values {
    Value scoreHead = getScoreHead(item);
    Value first = b.add(item.row, offset);
    Value end =
        b.min(b.add(item.row, b.i32(rowMap.getPositions())), b.arg("rows"));
    Value last = b.sub(b.add(end, offset), one);
    Value chunk = b.shiftRight(item.row, b.arg("chunk_log2"));
    Value chunkStart = b.add(b.shiftLeft(chunk, b.arg("chunk_log2")), offset);

    Value headRow = b.add(b.mul(item.batch, b.arg("score_heads")), scoreHead);
    Value chunkRow = b.add(b.mul(headRow, b.arg("chunks")), chunk);
    Value capacity = b.toI64(b.arg("capacity"));
    Value tableRow = b.mul(b.toI64(chunkRow), capacity);
    Value count = b.load(b.arg("counts"), chunkRow);
    Value documents = variant.packed ? b.arg("documents") : Value();
    return {ListKeysOp::create(
        b, b.getI32Type(), list, state[0], first, last, b.arg("window"),
        chunkStart, b.arg("expiry"), b.arg("u"), b.arg("tau"), item.batch,
        scoreHead, b.arg("table"), tableRow, count, documents, hasEdges(item),
        /*gated=*/variant.gate != Gate::None, IntegerAttr())};
  });
}

void AttentionBuilder::gatherRows() {
  Value warp = WarpOp::create(b);
  auto gather = [&](Value source, Value ring, const Item &item,
                    Value position) {
    ReserveOp::create(b, ring, position);
    GatherOp::create(b, source, item.batch, item.head, list, position, ring,
                     position, warp, kGatherWarps);
  };
  forItems(zero, [&](Item item, ValueRange state) {
    return b.doWhile(state, [&](ValueRange current, Values &next) {
      Value position = current[0];
      AcquireOp::create(b, list, position);
      gather(b.arg("k"), keys, item, position);
      CommitOp::create(b, keys, position, list, position);
      gather(b.arg("v"), values, item, position);
      CommitOp::create(b, values, position);
      Value last = FlagOp::create(b, Flag::Last, list, position);
      ReleaseOp::create(b, list, position);
      next.push_back(b.add(position, one));
      return b.negate(last);
    });
  });
}

void AttentionBuilder::loadQueries() {
  forItems(zero, [&](Item item, ValueRange state) -> Values {
    ReserveOp::create(b, queries, state[0]);
    LoadTileOp::create(b, b.arg("q"), item.batch, item.head, item.headBlock,
                       item.row, b.arg("rows"), queries, state[0]);
    CommitOp::create(b, queries, state[0]);
    return {b.add(state[0], one)};
  });
}

//===----------------------------------------------------------------------===//
// The role that computes
//===----------------------------------------------------------------------===//

Value AttentionBuilder::attendToSlot(Value position, Value query,
                                     Softmax &softmax, Value positions,
                                     Value threshold) {
  AcquireOp::create(b, keys, position, list, position);
  Value scores =
      MmaNTOp::create(b, getFragment(schedule.getKeys(), b.getF32Type()),
                      queries, query, keys, position);
  ReleaseOp::create(b, keys, position);
  if (variant.gate == Gate::KeyValue)
    scores = GateOp::create(b, scores, list, position, threshold);
  scores = MaskOp::create(b, scores, list, position, positions);
  Value scale = b.arg("scale_log2");
  auto raise = RaiseMaximumOp::create(b, scores, softmax.maximum, softmax.shift,
                                      softmax.sum, scale);
  auto step = ExponentialsOp::create(b, scores, raise.getNewShift(),
                                     raise.getNewSum(), scale);
  Value weights = step.getWeights();
  if (variant.gate != Gate::None)
    weights = GateOp::create(b, weights, list, position, threshold);
  Value last = FlagOp::create(b, Flag::Last, list, position);
  ReleaseOp::create(b, list, position);
  Value rounded = TruncateOp::create(
      b, getFragment(schedule.getKeys(), variant.element), weights);
  AcquireOp::create(b, values, position);
  Value decayed = ScaleRowsOp::create(b, softmax.output, raise.getDecay());
  Value output =
      MmaNNOp::create(b, decayed.getType(), rounded, values, position, decayed);
  ReleaseOp::create(b, values, position);
  softmax = {raise.getNewMaximum(), raise.getNewShift(), step.getNewSum(),
             output};
  return last;
}

void AttentionBuilder::skip(Value begin, Value end) {
  SkipOp::create(b, keys, list, values, begin, end);
}

/// The n-th consumer sees none of the first n slots, which are keys that have
/// left its windows; the last edge that it sees is its own positions.
AttentionBuilder::Edges AttentionBuilder::skipFirstEdges(const Item &item,
                                                         Value begin) {
  Value exist = hasEdges(item);
  if (!exist)
    return {begin, Value(), Value()};
  int64_t consumers = schedule.getConsumers();
  Value number = WarpgroupOp::create(b);
  Value first = b.add(begin, b.select(exist, number, zero));
  skip(begin, first);
  Value none = b.i32(-1);
  Value last = b.add(b.add(begin, number), b.i32(consumers));
  return {first, b.select(exist, last, none),
          b.sub(b.i32(consumers - 1), number)};
}

/// Returns the position after the slot at `position` and what is skipped.
Value AttentionBuilder::skipLastEdges(const Edges &edges, Value position) {
  Value next = b.add(position, one);
  if (!edges.last)
    return next;
  Value isLast = b.equal(position, edges.last);
  Value end = b.add(next, b.select(isLast, edges.rest, zero));
  b.ifThen(isLast, [&] { skip(next, end); });
  return end;
}

void AttentionBuilder::storeItem(const Item &item, const Softmax &softmax) {
  bool sink = variant.sink;
  auto norm = NormaliseOp::create(
      b, softmax.maximum, softmax.sum, b.arg("scale_log2"),
      sink ? b.arg("sink") : Value(), sink ? item.head : Value(),
      sink ? item.headBlock : Value());
  Value output = ScaleRowsOp::create(b, softmax.output, norm.getFactor());
  StoreTileOp::create(b, output, b.arg("o"), item.batch, item.head,
                      item.headBlock, item.row, b.arg("rows"));
  StoreRowsOp::create(b, norm.getLse(), b.arg("lse"), item.batch, item.head,
                      item.headBlock, item.row, b.arg("rows"));
}

void AttentionBuilder::attend() {
  forItems({zero, zero}, [&](Item item, ValueRange state) -> Values {
    Value query = state[1];
    Type f32 = b.getF32Type();
    Value positions =
        PositionsOp::create(b, getRows(b.getI32Type()), item.row, offset);
    Value threshold;
    if (variant.gate != Gate::None)
      threshold =
          LoadRowsOp::create(b, getRows(f32), b.arg("tau"), item.batch,
                             getScoreHead(item), positions, b.arg("keys"));
    Value maximum = FillOp::create(
        b, getRows(f32),
        b.getF32FloatAttr(-std::numeric_limits<float>::infinity()));
    Value none = FillOp::create(b, getRows(f32), b.getF32FloatAttr(0));
    Value output = FillOp::create(b, getFragment(variant.valueSize, f32),
                                  b.getF32FloatAttr(0));

    AcquireOp::create(b, queries, query);
    Edges edges = skipFirstEdges(item, state[0]);
    Values result = b.doWhile(
        {edges.first, maximum, none, none, output},
        [&](ValueRange current, Values &next) {
          Value position = current[0];
          Softmax softmax{current[1], current[2], current[3], current[4]};
          Value last =
              attendToSlot(position, query, softmax, positions, threshold);
          next = {skipLastEdges(edges, position), softmax.maximum,
                  softmax.shift, softmax.sum, softmax.output};
          return b.negate(last);
        });
    ReleaseOp::create(b, queries, query);
    storeItem(item, {result[1], result[2], result[3], result[4]});
    return {result[0], b.add(query, one)};
  });
}

void AttentionBuilder::build() {
  TileBuilder::InsertionGuard guard(b);
  b.startKernel("attention", getArguments(), schedule, rowMap, std::nullopt);
  makeRings();
  rounds = RoundsOp::create(b, b.arg("items"));
  offset = b.sub(b.arg("keys"), b.arg("rows"));
  zero = b.i32(0);
  one = b.i32(1);
  int64_t producer = schedule.getProducerRegisters();
  b.role("list", 1, producer, [&] { listKeys(); });
  b.role("gather", kGatherWarps, producer, [&] { gatherRows(); });
  b.role("queries", 1, producer, [&] { loadQueries(); });
  b.role("attend", 4 * schedule.getConsumers(), schedule.getConsumerRegisters(),
         [&] { attend(); });
}

void sparsek::buildAttentionKernel(TileBuilder &b,
                                   const AttentionVariant &variant,
                                   ScheduleAttr schedule, RowMapAttr rowMap) {
  AttentionBuilder(b, variant, schedule, rowMap).build();
}
