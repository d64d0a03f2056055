//===- KeyListPatterns.cpp - The keys of a work item ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// One warp lists the keys of a tile with the positions first..last:
//
//   1. the window keys that every position sees, [last-window+1, first];
//   2. the survivors that every position sees, 128 (a slot's) candidates at a
//      time: their expiries and scores are loaded two steps ahead; survivors
//      that only some positions see are put aside;
//   3. the rest of the window, [first-window+1, last-window] and
//      [first+1, last], and what was put aside: masked slots;
//   4. padding.
//
// With edges the first and the last window keys of the item come before all
// that, in masked slots of their own: keys first-window+1.. and first..last, as
// many of each as the tile has positions. What is left of the window is then
// seen by every position.
//
// Where a document ends inside the tile every key may be seen by some positions
// only, and nothing is put aside: all slots are masked.
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cfloat>
#include <cstdint>
#include <limits>

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

static int64_t getBit(Flag flag) { return 1 << static_cast<int64_t>(flag); }

namespace {
/// The slots while they are filled.
struct Fill {
  /// Position of the slot in the ring, entries in it, its flags: masked (equal
  /// in all lanes) and gated (of this lane's entries).
  Value position, entries, masked, gated;

  SmallVector<Value> values() const {
    return {position, entries, masked, gated};
  }
  static Fill of(ValueRange values) {
    return {values[0], values[1], values[2], values[3]};
  }
};

/// An entry of the list.
struct Entry {
  Value index, birth, length, score;
  /// Whether some gate may be below 1, as i32 0 or 1.
  Value gated;
};

/// Emits the program of the warp.
class KeyLister {
public:
  KeyLister(FragmentBuilder &b, const KernelFrame &frame, ListKeysOp op,
            ListKeysOp::Adaptor adaptor);
  /// Returns the position after the last slot.
  Value build();

private:
  void readBounds();
  Value lowerLanes(Value votes);
  Value add(Value value, int64_t number);

  // Slots.
  void write(Value position, Value at, const Entry &entry);
  void publish(const Fill &fill, Value extraFlags);
  Fill takeNext(const Fill &fill);
  Fill append(Fill fill, Value count, bool masked,
              function_ref<Entry(Value)> entry);

  // Candidates for survivors.
  SmallVector<Value> fetchIndices(Value base);
  SmallVector<Value> fetchLives(ArrayRef<Value> indices);
  struct Document {
    Value start, end;
  };
  Document documentOf(Value position);
  Value isUngated(Value score);

  // Steps.
  struct Range {
    Value begin, count;
  };
  Fill appendWindow(Fill fill, Range old, Range recent);
  Fill listEdges(Fill fill);
  Fill listFullWindow(Fill fill);
  Fill listSurvivors(Fill fill, Value &asideCount);
  SmallVector<Value> listCandidates(ValueRange state);
  Value putAside(Value count, ArrayRef<Value> part, ArrayRef<Value> indices,
                 ArrayRef<Value> expiries, ArrayRef<Value> scores);
  Fill listRestOfWindow(Fill fill);
  Fill listAside(Fill fill, Value asideCount);
  Value pad(const Fill &fill);

  FragmentBuilder &b;
  const KernelFrame &frame;
  ListKeysOp op;
  ListKeysOp::Adaptor adaptor;
  RingOp ring;
  KeyListType type;
  /// Entries of a slot; of a lane in a slot.
  int64_t keys, perLane;
  bool gated, packed;
  int64_t asideKeys;
  Value zero, all, lane, lower;
  Value first, last, window;
  /// Global memory of this batch and score head.
  Value expiry, scores, table, minusThreshold;
  Value documents;
  GlobalArray expiryArray, scoreArray;
  /// Candidates: `count` of the table, then the keys born since; `total` in
  /// all. `shift` takes a candidate's number to the index of a born key.
  Value count, total, shift, lastInTable;
  /// Windows start here at the earliest (packed: where the document does); the
  /// part of the window that all positions see.
  Value windowBegin, fullBegin, fullCount;
  /// Whether a document ends inside the tile (packed).
  Value direct;
  /// Whether the edges of the window come first; null: never.
  Value edges;
};
} // namespace

KeyLister::KeyLister(FragmentBuilder &b, const KernelFrame &frame,
                     ListKeysOp op, ListKeysOp::Adaptor adaptor)
    : b(b), frame(frame), op(op), adaptor(adaptor),
      ring(op.getList().getDefiningOp<RingOp>()), type(op.getList().getType()),
      keys(type.getKeys()), perLane(keys / 32), gated(op.getGated()),
      packed(op.getDocuments() != nullptr),
      asideKeys(getScratchKeys(frame.rowMap.getPositions())) {}

Value KeyLister::add(Value value, int64_t number) {
  return number == 0 ? value : b.add({value, b.i32(number)});
}

/// How many lanes below this one have voted.
Value KeyLister::lowerLanes(Value votes) {
  return math::CtPopOp::create(b, b.bitAnd({votes, lower}));
}

void KeyLister::readBounds() {
  zero = b.i32(0);
  all = b.i32(-1);
  lane = frame.lane;
  lower = b.sub({b.shl({b.i32(1), lane}), b.i32(1)});
  first = adaptor.getFirst();
  last = adaptor.getLast();
  window = adaptor.getWindow();
  edges = adaptor.getEdges();

  Value batch = adaptor.getBatch(), head = adaptor.getScoreHead();
  expiryArray = GlobalArray::get(op.getExpiry());
  expiry = expiryArray.at(b, {batch, head});
  GlobalArray tableArray = GlobalArray::get(op.getTable());
  table = tableArray.at(b, {adaptor.getTableRow()});
  if (gated) {
    scoreArray = GlobalArray::get(op.getScores());
    scores = scoreArray.at(b, {batch, head});
    GlobalArray threshold = GlobalArray::get(op.getThreshold());
    // Thresholds never decrease: that of the last position is the largest.
    minusThreshold =
        b.neg(b.load(threshold.at(b, {batch, head, last}), b.getF32Type()));
  }

  count = adaptor.getCount();
  lastInTable = b.smax({b.sub({count, b.i32(1)}), zero});
  Value bornBegin = b.smax({add(b.sub({adaptor.getChunk(), window}), 1), zero});
  Value bornEnd = add(b.sub({last, window}), 1);
  Value born = b.smax({b.sub({bornEnd, bornBegin}), zero});
  total = b.add({count, born});
  shift = b.sub({bornBegin, count});

  windowBegin = zero;
  if (packed) {
    documents = GlobalArray::get(op.getDocuments()).pointer;
    Document document = documentOf(first);
    windowBegin = document.start;
    direct = b.cmp(arith::CmpIPredicate::sle, {document.end, last});
  }
  fullBegin = b.smax({add(b.sub({last, window}), 1), windowBegin});
  fullCount = b.smax({add(b.sub({first, fullBegin}), 1), zero});
  if (packed)
    fullCount = b.select({direct, zero, fullCount});
  // Of what all positions see the edges have the first key and the last.
  if (edges) {
    fullBegin = b.select({edges, add(fullBegin, 1), fullBegin});
    fullCount = b.select({edges, add(fullCount, -2), fullCount});
  }
}

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

void KeyLister::write(Value position, Value at, const Entry &entry) {
  Value slot =
      frame.getSlotPointer(b, ring, frame.getSlotNumber(b, ring, position));
  Value word = b.offset(slot, b.shl({at, b.i32(2)}));
  b.store(entry.index, b.offset(word, type.getIndexOffset()));
  Value life = b.offset(slot, b.shl({at, b.i32(3)}));
  b.store(b.vector({entry.birth, entry.length}),
          b.offset(life, type.getLifeOffset()));
  if (gated)
    b.store(entry.score, b.offset(word, type.getScoreOffset()));
}

void KeyLister::publish(const Fill &fill, Value extraFlags) {
  Value flags = b.bitOr({fill.masked, extraFlags});
  if (gated) {
    Value any = b.ballot(b.cmp(arith::CmpIPredicate::ne, {fill.gated, zero}));
    Value bit = b.select({b.cmp(arith::CmpIPredicate::ne, {any, zero}),
                          b.i32(getBit(Flag::Gated)), zero});
    flags = b.bitOr({flags, bit});
  }
  Value number = frame.getSlotNumber(b, ring, fill.position);
  Value slot = frame.getSlotPointer(b, ring, number);
  b.ifThen(b.eq({lane, zero}),
           [&] { b.store(flags, b.offset(slot, type.getFlagOffset())); });
  frame.arriveWarp(b, frame.getFullBarrier(b, ring, number));
}

/// Hands a full slot over and waits for the next one.
Fill KeyLister::takeNext(const Fill &fill) {
  publish(fill, zero);
  Value position = add(fill.position, 1);
  ReserveOp::create(b, op.getList(), position);
  return {position, zero, zero, zero};
}

/// Appends `count` entries, a slot at a time.
Fill KeyLister::append(Fill fill, Value count, bool masked,
                       function_ref<Entry(Value)> entry) {
  SmallVector<Value> state = fill.values();
  state.push_back(zero);
  auto unfinished = [&](ValueRange v) { return b.slt({v[4], count}); };
  auto step = [&](ValueRange v) {
    Value done = v[4];
    Value full = b.eq({v[1], b.i32(keys)});
    SmallVector<Type> types(4, b.getI32Type());
    Fill now = Fill::of(b.ifElse(
        full, types, [&] { return takeNext(Fill::of(v)).values(); },
        [&] { return Fill::of(v).values(); }));
    Value take =
        b.smin({b.sub({count, done}), b.sub({b.i32(keys), now.entries})});
    for (int64_t i = 0; i < perLane; ++i) {
      Value number = add(lane, 32 * i);
      Value gate = b.ifElse(
          b.slt({number, take}), b.getI32Type(),
          [&]() -> FragmentBuilder::Values {
            Entry it = entry(b.add({done, number}));
            write(now.position, b.add({now.entries, number}), it);
            return {gated ? it.gated : zero};
          },
          [&]() -> FragmentBuilder::Values { return {zero}; })[0];
      now.gated = b.bitOr({now.gated, gate});
    }
    now.entries = b.add({now.entries, take});
    if (masked)
      now.masked = b.i32(getBit(Flag::Masked));
    FragmentBuilder::Values next = now.values();
    next.push_back(b.add({done, take}));
    return next;
  };
  return Fill::of(b.whileLoop(state, unfinished, step));
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

/// Of the lane's candidates from number `base` on; 0 beyond the last one.
SmallVector<Value> KeyLister::fetchIndices(Value base) {
  SmallVector<Value> indices;
  for (int64_t i = 0; i < perLane; ++i) {
    Value number = b.add({base, add(lane, 32 * i)});
    Value entry = b.smin({number, lastInTable});
    Value listed = b.load(b.offset(table, b.zext(b.shl({entry, b.i32(2)}))),
                          b.getI32Type());
    Value index =
        b.select({b.slt({number, count}), listed, b.add({number, shift})});
    indices.push_back(b.select({b.slt({number, total}), index, zero}));
  }
  return indices;
}

/// Expiries, then scores, of the keys.
SmallVector<Value> KeyLister::fetchLives(ArrayRef<Value> indices) {
  SmallVector<Value> lives;
  for (Value index : indices) {
    Value life = b.load(b.offset(expiry, expiryArray.scale(b, index, 2)),
                        b.getI32Type());
    if (packed) {
      // Expiries count from the document's start; the last i32 is forever.
      Document document = documentOf(index);
      Value latest = b.sub({b.i32(INT32_MAX), document.start});
      life = b.add({b.smin({life, latest}), document.start});
      life = b.smin({life, document.end});
    }
    lives.push_back(life);
  }
  if (gated)
    for (Value index : indices)
      lives.push_back(b.load(b.offset(scores, scoreArray.scale(b, index, 2)),
                             b.getF32Type()));
  return lives;
}

KeyLister::Document KeyLister::documentOf(Value position) {
  Value pair = b.shl({b.zext(position), b.i64(3)});
  FragmentBuilder::Values span = b.elements(
      b.load(b.offset(documents, pair), VectorType::get(2, b.getI32Type())));
  return {span[0], span[1]};
}

/// Whether every position has the gate 1; not so for a NaN. Thresholds start
/// anew with a document: that of the last position says nothing of another's.
Value KeyLister::isUngated(Value score) {
  Value ungated = b.cmp(arith::CmpFPredicate::OGE,
                        {b.add({score, minusThreshold}), b.f32(1)});
  if (packed)
    ungated = b.bitAnd({ungated, b.bitXor({direct, b.i1(true)})});
  return ungated;
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

/// Keys of the window that some positions may not see.
Fill KeyLister::appendWindow(Fill fill, Range old, Range recent) {
  Value shift = b.sub({recent.begin, old.count});
  Value score =
      gated ? b.f32(std::numeric_limits<double>::infinity()) : Value();
  Value count = b.add({old.count, recent.count});
  return append(fill, count, /*masked=*/true, [&](Value number) {
    Value isOld = b.slt({number, old.count});
    Value index =
        b.select({isOld, b.add({old.begin, number}), b.add({shift, number})});
    Value length = window;
    if (packed)
      length = b.smin({window, b.sub({documentOf(index).end, index})});
    return Entry{index, index, length, score, zero};
  });
}

Fill KeyLister::listEdges(Fill fill) {
  if (!edges)
    return fill;
  Value size = b.i32(frame.rowMap.getPositions());
  Value count = b.select({edges, size, zero});
  return appendWindow(fill, {add(b.sub({first, window}), 1), count},
                      {first, count});
}

Fill KeyLister::listFullWindow(Fill fill) {
  Value score =
      gated ? b.f32(std::numeric_limits<double>::infinity()) : Value();
  return append(fill, fullCount, /*masked=*/false, [&](Value number) {
    return Entry{b.add({fullBegin, number}), zero, all, score, zero};
  });
}

/// Index, expiry and score of the keys that some positions see, to scratch.
Value KeyLister::putAside(Value count, ArrayRef<Value> part,
                          ArrayRef<Value> indices, ArrayRef<Value> expiries,
                          ArrayRef<Value> scoreValues) {
  Value scratch =
      b.offset(frame.shared, static_cast<int64_t>(*op.getScratch()));
  for (int64_t i = 0; i < perLane; ++i) {
    Value votes = b.ballot(part[i]);
    Value at = b.add({count, lowerLanes(votes)});
    // Expiries that no selection made could put more aside than fits.
    b.ifThen(b.bitAnd({part[i], b.slt({at, b.i32(asideKeys)})}), [&] {
      Value place = b.offset(scratch, b.shl({at, b.i32(3)}));
      b.store(b.vector({indices[i], expiries[i]}), place);
      if (gated) {
        Value score = b.offset(scratch, b.shl({at, b.i32(2)}));
        b.store(scoreValues[i], b.offset(score, 8 * asideKeys));
      }
    });
    count = b.add({count, math::CtPopOp::create(b, votes)});
  }
  return count;
}

/// One step of the survivors. The state: number of the first candidate, the
/// fill, keys aside, then indices, lives and the next indices of the lane.
SmallVector<Value> KeyLister::listCandidates(ValueRange state) {
  Value base = state[0], aside = state[5];
  Fill fill = Fill::of(state.slice(1, 4));
  SmallVector<Value> indices(state.slice(6, perLane));
  int64_t lives = gated ? 2 * perLane : perLane;
  SmallVector<Value> expiries(state.slice(6 + perLane, perLane));
  SmallVector<Value> scoreValues;
  if (gated)
    scoreValues.assign(state.begin() + 6 + 2 * perLane,
                       state.begin() + 6 + 3 * perLane);
  SmallVector<Value> nextIndices(state.slice(6 + perLane + lives, perLane));

  // Loads for the next steps first.
  SmallVector<Value> nextLives = fetchLives(nextIndices);
  SmallVector<Value> laterIndices = fetchIndices(add(base, 2 * keys));

  SmallVector<Value> listed, part, births, lengths, gates;
  for (int64_t i = 0; i < perLane; ++i) {
    Value birth = b.add({indices[i], window});
    auto le = arith::CmpIPredicate::sle, gt = arith::CmpIPredicate::sgt;
    Value alive = b.slt({b.add({base, add(lane, 32 * i)}), total});
    alive = b.bitAnd({alive, b.cmp(le, {birth, last})});
    alive = b.bitAnd({alive, b.cmp(gt, {expiries[i], b.smax({first, birth})})});
    Value whole = b.bitAnd({alive, b.cmp(le, {birth, first})});
    whole = b.bitAnd({whole, b.cmp(gt, {expiries[i], last})});
    Value now = packed ? b.select({direct, alive, whole}) : whole;
    listed.push_back(now);
    part.push_back(b.bitAnd({alive, b.bitXor({now, b.i1(true)})}));
    births.push_back(packed ? b.select({whole, zero, birth}) : zero);
    lengths.push_back(
        packed ? b.select({whole, all, b.sub({expiries[i], birth})}) : all);
    if (gated) {
      // +inf is the largest finite number (C8), for the test below, too. A NaN
      // becomes it as well: such a key is never selected.
      scoreValues[i] =
          arith::MinNumFOp::create(b, scoreValues[i], b.f32(FLT_MAX));
      gates.push_back(b.select({isUngated(scoreValues[i]), zero, b.i32(1)}));
    }
  }
  if (packed)
    fill.masked = b.bitOr(
        {fill.masked, b.select({direct, b.i32(getBit(Flag::Masked)), zero})});

  // Where the entries of the lane go; from `keys` on, into the next slot.
  SmallVector<Value> places;
  Value end = fill.entries;
  for (Value vote : listed) {
    Value votes = b.ballot(vote);
    places.push_back(b.add({end, lowerLanes(votes)}));
    end = b.add({end, math::CtPopOp::create(b, votes)});
  }
  auto writePart = [&](Value position, int64_t begin) {
    Value any = zero;
    for (int64_t i = 0; i < perLane; ++i) {
      Value at = begin ? b.sub({places[i], b.i32(begin)}) : places[i];
      Value inside = b.cmp(arith::CmpIPredicate::ult, {at, b.i32(keys)});
      Value gate = b.ifElse(
          b.bitAnd({listed[i], inside}), b.getI32Type(),
          [&]() -> FragmentBuilder::Values {
            write(position, at,
                  {indices[i], births[i], lengths[i],
                   gated ? scoreValues[i] : Value(), Value()});
            return {gated ? gates[i] : zero};
          },
          [&]() -> FragmentBuilder::Values { return {zero}; })[0];
      any = b.bitOr({any, gate});
    }
    return any;
  };
  fill.gated = b.bitOr({fill.gated, writePart(fill.position, 0)});
  SmallVector<Type> types(4, b.getI32Type());
  Value over = b.cmp(arith::CmpIPredicate::sgt, {end, b.i32(keys)});
  Value masked = fill.masked;
  fill = Fill::of(b.ifElse(
      over, types,
      [&] {
        Fill next = takeNext(fill);
        next.entries = b.sub({end, b.i32(keys)});
        if (packed)
          next.masked = masked;
        next.gated = writePart(next.position, keys);
        return next.values();
      },
      [&]() -> FragmentBuilder::Values {
        return {fill.position, end, fill.masked, fill.gated};
      }));

  Value some = part[0];
  for (Value more : ArrayRef(part).drop_front())
    some = b.bitOr({some, more});
  Value anyPart = b.cmp(arith::CmpIPredicate::ne, {b.ballot(some), zero});
  aside = b.ifElse(
      anyPart, b.getI32Type(),
      [&]() -> FragmentBuilder::Values {
        return {putAside(aside, part, indices, expiries, scoreValues)};
      },
      [&]() -> FragmentBuilder::Values { return {aside}; })[0];

  SmallVector<Value> next = {add(base, keys)};
  llvm::append_range(next, fill.values());
  next.push_back(aside);
  llvm::append_range(next, nextIndices);
  llvm::append_range(next, nextLives);
  llvm::append_range(next, laterIndices);
  return next;
}

Fill KeyLister::listSurvivors(Fill fill, Value &asideCount) {
  SmallVector<Value> indices = fetchIndices(zero);
  SmallVector<Value> state = {zero};
  llvm::append_range(state, fill.values());
  state.push_back(zero);
  llvm::append_range(state, indices);
  llvm::append_range(state, fetchLives(indices));
  llvm::append_range(state, fetchIndices(b.i32(keys)));
  FragmentBuilder::Values result = b.whileLoop(
      state, [&](ValueRange v) { return b.slt({v[0], total}); },
      [&](ValueRange v) { return listCandidates(v); });
  asideCount = result[5];
  // What was put aside is read by other lanes.
  b.syncWarp();
  return Fill::of(ArrayRef(result).slice(1, 4));
}

Fill KeyLister::listRestOfWindow(Fill fill) {
  Value begin = b.smax({add(b.sub({first, window}), 1), windowBegin});
  // Up to the part that was listed; all of it where that was empty.
  Value end = b.smin({fullBegin, add(first, 1)});
  if (packed)
    end = b.select({direct, add(first, 1), end});
  Value head = b.smax({b.sub({end, begin}), zero});
  Value tail = b.select({b.cmp(arith::CmpIPredicate::sgt, {window, zero}),
                         b.sub({last, first}), zero});
  if (edges) {
    head = b.select({edges, zero, head});
    tail = b.select({edges, zero, tail});
  }
  return appendWindow(fill, {begin, head}, {add(first, 1), tail});
}

Fill KeyLister::listAside(Fill fill, Value asideCount) {
  Value scratch =
      b.offset(frame.shared, static_cast<int64_t>(*op.getScratch()));
  Value number = b.smin({asideCount, b.i32(asideKeys)});
  return append(fill, number, /*masked=*/true, [&](Value at) {
    Value place = b.offset(scratch, b.shl({at, b.i32(3)}));
    FragmentBuilder::Values pair =
        b.elements(b.load(place, VectorType::get(2, b.getI32Type())));
    Value birth = b.add({pair[0], window});
    Entry entry{pair[0], birth, b.sub({pair[1], birth}), Value(), zero};
    if (gated) {
      Value score = b.offset(scratch, b.shl({at, b.i32(2)}));
      entry.score = b.load(b.offset(score, 8 * asideKeys), b.getF32Type());
      entry.gated = b.select({isUngated(entry.score), zero, b.i32(1)});
    }
    return entry;
  });
}

/// Entries without a key; the slot is the last one.
Value KeyLister::pad(const Fill &fill) {
  Value score =
      gated ? b.f32(std::numeric_limits<double>::infinity()) : Value();
  for (int64_t i = 0; i < perLane; ++i) {
    Value at = add(lane, 32 * i);
    b.ifThen(b.cmp(arith::CmpIPredicate::sge, {at, fill.entries}),
             [&] { write(fill.position, at, {all, zero, zero, score, zero}); });
  }
  Value isPadded = b.slt({fill.entries, b.i32(keys)});
  int64_t last = getBit(Flag::Last);
  int64_t padded = last | getBit(Flag::Padded) | getBit(Flag::Masked);
  publish(fill, b.select({isPadded, b.i32(padded), b.i32(last)}));
  return add(fill.position, 1);
}

Value KeyLister::build() {
  readBounds();
  ReserveOp::create(b, op.getList(), adaptor.getPosition());
  Fill fill = {adaptor.getPosition(), zero, zero, zero};
  Value asideCount;
  fill = listEdges(fill);
  fill = listFullWindow(fill);
  fill = listSurvivors(fill, asideCount);
  fill = listRestOfWindow(fill);
  fill = listAside(fill, asideCount);
  return pad(fill);
}

namespace {
struct LowerListKeys : TilePattern<ListKeysOp> {
  using TilePattern::TilePattern;
  void lower(ListKeysOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, KeyLister(b, frame, op, adaptor).build());
  }
};
} // namespace

void sparsek::populateKeyListPatterns(RewritePatternSet &patterns,
                                      const TypeConverter &converter,
                                      const KernelFrame &frame) {
  patterns.add<LowerListKeys>(converter, patterns.getContext(), frame);
}
