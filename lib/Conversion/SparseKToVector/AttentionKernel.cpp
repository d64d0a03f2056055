//===- AttentionKernel.cpp - Attention over lists of keys -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Rows in lanes. A tile holds T consecutive positions times the G query heads
// of one KV head; row r of the tile is position r/G and head r%G, and a vector
// holds one number for each of its rows. Running maxima, sums, thresholds and
// positions are then plain vectors, and the softmax needs no reduction across
// lanes. The rows are cut into panels of a few vectors, which is what a
// register tile covers.
//
// A tile walks one list of keys: first its window (contiguous), then its
// survivors, the keys that `expiry` keeps alive (by index). An entry is visible
// to the positions [begin, end). A key that leaves the window inside the tile
// is in both parts, with intervals that do not overlap. Keys are copied to
// scratch in blocks; for each block and panel:
//
//   S[key][row] = K Q^T      register tiles, one broadcast and FMAs per element
//   P = exp2(S - max)        masked and gated only where an entry requires it
//   O[column][row] += V^T P  register tiles, rescaled while they are loaded
//
// Work items are runs of tiles of one KV head. Inside a run the survivors pass
// from tile to tile: the dead are dropped and the newly born are appended. A
// run starts with one pass over the keys before it; the number of runs is
// bounded, so that these passes stay linear in N.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"
#include "Kernels.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cfloat>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace sparsek;

/// The most runs of tiles that one KV head is cut into.
static constexpr int64_t kMaxRuns = 64;

namespace {

/// Emits the body of one attention kernel.
class AttentionEmitter {
public:
  AttentionEmitter(func::FuncOp function, const AttentionKernel &kernel,
                   const KernelShape &shape)
      : kernel(kernel), shape(shape),
        b(function.getLoc(), function.getContext()) {
    Block *entry = function.addEntryBlock();
    b.setInsertionPointToStart(entry);
    auto next = entry->args_begin();
    query = *next++;
    key = *next++;
    value = *next++;
    if (kernel.isSparse()) {
      scores = *next++;
      threshold = *next++;
      expiry = *next++;
    }
    if (kernel.sink)
      sink = *next++;
    if (kernel.packed)
      cuSeqlens = *next++;
    output = *next++;
    lse = *next++;
    scale = *next++;
    if (kernel.isSparse()) {
      topk = *next++;
      window = *next++;
    }
    group = kernel.group;
    positions = std::max<int64_t>(shape.tileRows / group, 1);
    panels = llvm::divideCeil(positions * group, shape.panelRows());
    valueStrips = llvm::divideCeil(kernel.valueSize, shape.microRows);
  }

  void emit();

private:
  /// One value per vector of a panel.
  using PanelValue = SmallVector<Value>;

  void allocateScratch();
  std::pair<Value, Value> emitDocumentOf(Value position);
  Value emitSurvivors(Value begin, Value end, Value document, Value count,
                      Value next);
  void emitTile(Value begin, Value end, Value document, Value survivors);
  void emitLoadQueries(Value begin, Value rows);
  void emitBlockEntries(Value first, Value size, Value windowStart,
                        Value windowSize, Value document);
  void emitCopyKeyRow(Value position, Value slot);
  void emitCopyValueRow(Value position, Value slot);
  void emitPanel(Value panel, Value begin, Value rows, Value size);
  void emitScores(Value panel, Value lo, Value hi);
  PanelValue emitSoftmax(Value panel, Value lo, Value hi, bool general);
  void emitAccumulate(Value panel, Value lo, Value hi, const PanelValue &alpha);
  void emitStoreRows(Value begin, Value rows);
  Value emitExp2(Value x);

  /// The lanes [v * lanes, ...) of a panel as an index.
  Value lane(int64_t v) { return b.index(v * shape.lanes); }
  bool gatesValues() const {
    return kernel.gate == Gate::KeyValue || kernel.gate == Gate::Value;
  }
  bool gatesKeys() const { return kernel.gate == Gate::KeyValue; }

  const AttentionKernel &kernel;
  const KernelShape &shape;
  KernelBuilder b;
  int64_t group, positions, panels, valueStrips;

  // Arguments.
  Value query, key, value, scores, threshold, expiry, sink, cuSeqlens;
  Value output, lse, scale, topk, window;
  // Sizes, and the coordinates of the work item.
  Value queries, keys, firstPosition, reach;
  Value batch, keyHead, scoreHead;
  // Position of the first key of the block, were it all window.
  Value blockStart;
  // Scratch of a work item.
  Value packedQuery;  // [panels][D][panel rows], scaled
  Value accumulator;  // [panels][Dv, padded][panel rows]
  Value keyBlock;     // [keys][D]
  Value valueBlock;   // [strips of Dv][keys][microRows]
  Value probability;  // [keys][panel rows]
  Value rowPosition;  // [rows] i32
  Value rowThreshold; // [rows] f32
  Value rowMax;       // [rows] f32, base 2
  Value rowSum;       // [rows] f32
  Value entryBegin;   // [keys] i32
  Value entryEnd;     // [keys] i32
  Value entryScore;   // [keys] f32
  Value survivorList; // [topk + positions] i32
};

} // namespace

//===----------------------------------------------------------------------===//
// Work items
//===----------------------------------------------------------------------===//

void AttentionEmitter::emit() {
  Value batches = b.dim(query, 0);
  Value keyHeads = b.dim(key, 1);
  queries = b.dim(query, 2);
  keys = b.dim(key, 2);
  firstPosition = b.sub({keys, queries});
  reach = kernel.isSparse() ? b.min({window, keys}) : keys;

  // Runs of tiles: bounded in number when a run starts with a pass over the
  // keys, single tiles otherwise.
  Value tile = b.index(positions), one = b.index(1);
  Value runLength = tile;
  if (kernel.isSparse()) {
    Value tiles = b.ceilDiv({queries, tile});
    runLength =
        b.mul({b.max({b.ceilDiv({tiles, b.index(kMaxRuns)}), one}), tile});
  }
  Value runs = b.ceilDiv({queries, runLength});
  Value items = b.mul({b.mul({batches, keyHeads}), runs});

  b.parallelLoop(items, shape.parallel, [&](Value item) {
    Value run = b.rem({item, runs});
    Value head = b.div({item, runs});
    keyHead = b.rem({head, keyHeads});
    batch = b.div({head, keyHeads});
    if (kernel.isSparse()) {
      scoreHead = b.div({b.mul({keyHead, b.dim(scores, 1)}), keyHeads});
    } else {
      // Dense tiles cost as much as their position: take them alternately from
      // both ends, so that every contiguous share of them costs the same.
      Value half = b.div({run, b.index(2)});
      run = b.select({b.eq({b.rem({run, b.index(2)}), b.index(0)}), half,
                      b.sub({b.sub({runs, one}), half})});
    }
    Value first = b.mul({run, runLength});
    Value last = b.min({b.add({first, runLength}), queries});

    // while (begin < stop) one tile, cut at the end of its document.
    Value begin = b.add({firstPosition, first});
    Value stop = b.add({firstPosition, last});
    // State: position, document start, survivors, next key to consider.
    SmallVector<Value> inits{begin};
    if (kernel.isSparse())
      inits.append({b.index(-1), b.index(0), b.index(0)});
    b.withScratch([&] {
      allocateScratch();
      b.whileLoop(
          inits, [&](ValueRange state) { return b.lt({state[0], stop}); },
          [&](ValueRange state) -> SmallVector<Value> {
            auto [document, documentEnd] = emitDocumentOf(state[0]);
            Value end =
                b.min({b.min({b.add({state[0], tile}), stop}), documentEnd});
            if (!kernel.isSparse()) {
              emitTile(state[0], end, document, Value());
              return {end};
            }
            Value same = b.eq({document, state[1]});
            Value count = b.select({same, state[2], b.index(0)});
            Value next = b.select({same, state[3], document});
            count = emitSurvivors(state[0], end, document, count, next);
            next = b.max({next, b.sub({end, reach})});
            emitTile(state[0], end, document, count);
            return {end, document, count, next};
          });
    });
  });
}

void AttentionEmitter::allocateScratch() {
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  int64_t panelRows = shape.panelRows();
  packedQuery = b.scratch(f32, {panels, kernel.headSize, panelRows});
  accumulator =
      b.scratch(f32, {panels, valueStrips * shape.microRows, panelRows});
  keyBlock = b.scratch(f32, {shape.keyBlock, kernel.headSize});
  valueBlock = b.scratch(f32, {valueStrips, shape.keyBlock, shape.microRows});
  probability = b.scratch(f32, {shape.keyBlock, panelRows});
  rowPosition = b.scratch(i32, {panels * panelRows});
  rowMax = b.scratch(f32, {panels * panelRows});
  rowSum = b.scratch(f32, {panels * panelRows});
  if (!kernel.isSparse())
    return;
  rowThreshold = b.scratch(f32, {panels * panelRows});
  entryBegin = b.scratch(i32, {shape.keyBlock});
  entryEnd = b.scratch(i32, {shape.keyBlock});
  entryScore = b.scratch(f32, {shape.keyBlock});
  // At most topk keys are alive at a position, and each further position of a
  // tile adds at most one.
  survivorList = b.scratch(i32, {ShapedType::kDynamic},
                           {b.add({b.min({topk, keys}), b.index(positions)})});
}

/// First position and end of the document that holds `position`: the last one
/// that starts at or before it, since empty documents share their start with
/// the next.
std::pair<Value, Value> AttentionEmitter::emitDocumentOf(Value position) {
  if (!kernel.packed)
    return {b.index(0), keys};
  Value one = b.index(1);
  auto boundary = [&](Value i) { return b.toIndex(b.load(cuSeqlens, {i})); };
  Value documents = b.sub({b.dim(cuSeqlens, 0), one});
  // Invariant: boundary(low) <= position < boundary(high).
  auto found = b.whileLoop(
      {b.index(0), documents},
      [&](ValueRange range) {
        return b.lt({b.add({range[0], one}), range[1]});
      },
      [&](ValueRange range) -> SmallVector<Value> {
        Value middle = b.div({b.add({range[0], range[1]}), b.index(2)});
        Value below = b.le({boundary(middle), position});
        return {b.select({below, middle, range[0]}),
                b.select({below, range[1], middle})};
      });
  return {boundary(found[0]), boundary(found[1])};
}

/// Brings the survivor list from one tile to the tile [begin, end) and returns
/// its length: keys alive at some position of the tile, in ascending order.
Value AttentionEmitter::emitSurvivors(Value begin, Value end, Value document,
                                      Value count, Value next) {
  Value zero = b.index(0), one = b.index(1);
  // `expiry` counts from the start of the document.
  Value now = b.sub({begin, document});
  Value now32 = b.toI32(now);
  auto expiryOf = [&](Value position) {
    return b.load(expiry, {batch, scoreHead, position});
  };
  Value capacity = b.dim(survivorList, 0);
  auto append = [&](Value alive, Value length, Value position) {
    Value fits = b.both({alive, b.lt({length, capacity})});
    b.ifThen(fits,
             [&] { b.store({b.toI32(position), survivorList, {length}}); });
    return b.select({fits, b.add({length, one}), length});
  };
  Value kept = b.loop({zero, count, one}, {zero},
                      [&](Value i, ValueRange length) -> SmallVector<Value> {
                        Value position = b.toIndex(b.load(survivorList, {i}));
                        Value alive = b.gt({expiryOf(position), now32});
                        return {append(alive, length[0], position)};
                      })[0];
  // Born before the end of the tile: position + window < end.
  return b.loop({next, b.sub({end, reach}), one}, {kept},
                [&](Value position, ValueRange length) -> SmallVector<Value> {
                  Value birth = b.sub({b.add({position, reach}), document});
                  Value from = b.toI32(b.max({birth, now}));
                  Value alive = b.gt({expiryOf(position), from});
                  return {append(alive, length[0], position)};
                })[0];
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// The queries at positions [begin, end), all of one document.
void AttentionEmitter::emitTile(Value begin, Value end, Value document,
                                Value survivors) {
  Value zero = b.index(0), one = b.index(1);
  Value rows = b.mul({b.sub({end, begin}), b.index(group)});
  emitLoadQueries(begin, rows);

  // Keys of the window of some position of the tile.
  Value windowStart, windowSize, total;
  if (kernel.isSparse()) {
    windowStart = b.max({document, b.sub({b.add({begin, one}), reach})});
    windowSize =
        b.select({b.gt({reach, zero}), b.sub({end, windowStart}), zero});
    total = b.add({windowSize, survivors});
  } else {
    windowStart = document;
    total = windowSize = b.sub({end, document});
  }

  Value blockSize = b.index(shape.keyBlock);
  Value usedPanels = b.ceilDiv({rows, b.index(shape.panelRows())});
  b.loop({zero, total, blockSize}, [&](Value first) {
    Value size = b.min({blockSize, b.sub({total, first})});
    emitBlockEntries(first, size, windowStart, windowSize, document);
    b.loop({zero, usedPanels, one},
           [&](Value panel) { emitPanel(panel, begin, rows, size); });
  });
  emitStoreRows(begin, rows);
}

/// Packs the tile's rows and resets their state. Rows beyond the last repeat
/// it: they are computed and never stored.
void AttentionEmitter::emitLoadQueries(Value begin, Value rows) {
  Value zero = b.index(0), one = b.index(1);
  Value panelRows = b.index(shape.panelRows());
  Value used = b.mul({b.ceilDiv({rows, panelRows}), panelRows});
  Value last = b.sub({rows, one});
  Value heads = b.index(group);
  Value firstHead = b.mul({keyHead, heads});
  // exp2 takes the place of exp.
  Value factor = b.mul({scale, b.f32(1.0 / std::log(2.0))});
  b.loop({zero, used, one}, [&](Value row) {
    Value source = b.min({row, last});
    Value position = b.add({begin, b.div({source, heads})});
    Value head = b.add({firstHead, b.rem({source, heads})});
    Value queryRow = b.sub({position, firstPosition});
    Value panel = b.div({row, panelRows}), laneIndex = b.rem({row, panelRows});
    b.loop({zero, b.index(kernel.headSize), one}, [&](Value d) {
      Value element = b.toF32(b.load(query, {batch, head, queryRow, d}));
      b.store({b.mul({element, factor}), packedQuery, {panel, d, laneIndex}});
    });
    b.store({b.toI32(position), rowPosition, {row}});
    b.store({b.f32(-INFINITY), rowMax, {row}});
    b.store({b.f32(0), rowSum, {row}});
    if (kernel.isSparse())
      b.store({b.load(threshold, {batch, scoreHead, position}),
               rowThreshold,
               {row}});
  });
  Value zeros = b.constant(VectorType::get(shape.lanes, b.getF32Type()), 0);
  b.loop({zero, b.div({used, panelRows}), one}, [&](Value panel) {
    b.loop({zero, b.index(valueStrips * shape.microRows), one},
           [&](Value column) {
             for (int64_t v = 0; v < shape.panelVectors; ++v)
               b.storeVector({zeros, accumulator, {panel, column, lane(v)}});
           });
  });
}

/// Copies the keys and values of the entries [first, first + size) of the
/// tile's list and notes their lives.
void AttentionEmitter::emitBlockEntries(Value first, Value size,
                                        Value windowStart, Value windowSize,
                                        Value document) {
  Value zero = b.index(0), one = b.index(1);
  blockStart = b.add({windowStart, first});
  b.loop({zero, size, one}, [&](Value slot) {
    Value position = b.add({blockStart, slot});
    if (kernel.isSparse()) {
      Type i32 = b.getI32Type(), f32 = b.getF32Type();
      Value entry = b.add({first, slot});
      auto chosen = b.ifElse(
          b.lt({entry, windowSize}), {b.getIndexType(), i32, i32, f32},
          [&]() -> SmallVector<Value> {
            // A window key counts in full: no threshold is above its score.
            return {position, b.toI32(position),
                    b.toI32(b.add({position, reach})), b.f32(INFINITY)};
          },
          [&]() -> SmallVector<Value> {
            Value survivor =
                b.toIndex(b.load(survivorList, {b.sub({entry, windowSize})}));
            // From positions in the document to absolute ones; the document
            // ends all lives, and `begin` and `end` stay in i32.
            Value life =
                b.toIndex(b.load(expiry, {batch, scoreHead, survivor}));
            life = b.min({b.add({life, document}),
                          b.index(std::numeric_limits<int32_t>::max())});
            Value score = b.load(scores, {batch, scoreHead, survivor});
            return {survivor, b.toI32(b.add({survivor, reach})), b.toI32(life),
                    b.min({b.f32(FLT_MAX), score})};
          });
      position = chosen[0];
      b.store({chosen[1], entryBegin, {slot}});
      b.store({chosen[2], entryEnd, {slot}});
      b.store({chosen[3], entryScore, {slot}});
    }
    emitCopyKeyRow(position, slot);
    emitCopyValueRow(position, slot);
  });
}

/// Copies one row of K, converted to f32.
void AttentionEmitter::emitCopyKeyRow(Value position, Value slot) {
  int64_t whole = kernel.headSize / shape.lanes * shape.lanes;
  auto copy = [&](Value d, int64_t lanes) {
    Value row = b.loadVector(key, {batch, keyHead, position, d}, lanes);
    b.storeVector({b.toF32(row), keyBlock, {slot, d}});
  };
  if (whole > 0)
    b.loop({b.index(0), b.index(whole), b.index(shape.lanes)},
           [&](Value d) { copy(d, shape.lanes); });
  if (whole < kernel.headSize)
    copy(b.index(whole), kernel.headSize - whole);
}

/// Copies one row of V, converted to f32, into strips of `microRows` columns,
/// so that a register tile reads them in one go. The last strip is padded by
/// zeros.
void AttentionEmitter::emitCopyValueRow(Value position, Value slot) {
  int64_t strip = shape.microRows;
  int64_t whole = kernel.valueSize / strip;
  if (whole > 0)
    b.loop({b.index(0), b.index(whole), b.index(1)}, [&](Value s) {
      Value column = b.mul({s, b.index(strip)});
      Value row =
          b.loadVector(value, {batch, keyHead, position, column}, strip);
      b.storeVector({b.toF32(row), valueBlock, {s, slot, b.index(0)}});
    });
  int64_t rest = kernel.valueSize - whole * strip;
  if (rest == 0)
    return;
  for (int64_t i = 0; i < strip; ++i) {
    Value element = b.f32(0);
    if (i < rest)
      element = b.toF32(b.load(
          value, {batch, keyHead, position, b.index(whole * strip + i)}));
    b.store({element, valueBlock, {b.index(whole), slot, b.index(i)}});
  }
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

/// One block of keys for one panel of rows.
void AttentionEmitter::emitPanel(Value panel, Value begin, Value rows,
                                 Value size) {
  Value zero = b.index(0), one = b.index(1), heads = b.index(group);
  // The panel's first and last position.
  Value panelRows = b.index(shape.panelRows());
  Value firstRow = b.mul({panel, panelRows});
  Value lastRow = b.sub({b.min({b.add({firstRow, panelRows}), rows}), one});
  Value low = b.add({begin, b.div({firstRow, heads})});
  Value high = b.add({begin, b.div({lastRow, heads})});

  // The range [lo, hi) of entries that any of its rows sees, and whether some
  // row misses one of them or weighs it by a gate below 1.
  Value lo, hi, general;
  if (kernel.isSparse()) {
    Value low32 = b.toI32(low), high32 = b.toI32(high);
    Value highThreshold = b.load(rowThreshold, {lastRow});
    auto seen = b.loop(
        {zero, size, one}, {size, zero, b.boolean(false)},
        [&](Value slot, ValueRange state) -> SmallVector<Value> {
          Value from = b.load(entryBegin, {slot});
          Value to = b.load(entryEnd, {slot});
          Value visible = b.both({b.le({from, high32}), b.gt({to, low32})});
          Value partial = b.either({b.gt({from, low32}), b.le({to, high32})});
          if (gatesValues()) {
            Value score = b.load(entryScore, {slot});
            partial = b.either(
                {partial, b.lt({b.sub({score, highThreshold}), b.f32(1)})});
          }
          return {b.select({visible, b.min({state[0], slot}), state[0]}),
                  b.select({visible, b.add({slot, one}), state[1]}),
                  b.either({state[2], partial})};
        });
    lo = seen[0];
    hi = seen[1];
    general = seen[2];
  } else {
    lo = zero;
    hi = b.min({size, b.sub({b.add({high, one}), blockStart})});
    general = b.gt({b.add({blockStart, b.sub({hi, one})}), low});
  }

  b.ifThen(b.lt({lo, hi}), [&] {
    emitScores(panel, lo, hi);
    Type vector = VectorType::get(shape.lanes, b.getF32Type());
    SmallVector<Type> types(shape.panelVectors, vector);
    PanelValue alpha = b.ifElse(
        general, types,
        [&] { return emitSoftmax(panel, lo, hi, /*general=*/true); },
        [&] { return emitSoftmax(panel, lo, hi, /*general=*/false); });
    emitAccumulate(panel, lo, hi, alpha);
  });
}

/// probability[key][row] = K Q^T for the keys [lo, hi), rounded outwards to
/// whole register tiles.
void AttentionEmitter::emitScores(Value panel, Value lo, Value hi) {
  int64_t micro = shape.microRows, vectors = shape.panelVectors;
  Value zero = b.index(0), one = b.index(1), step = b.index(micro);
  Value start = b.mul({b.div({lo, step}), step});
  Value zeros = b.constant(VectorType::get(shape.lanes, b.getF32Type()), 0);
  b.loop({start, hi, step}, [&](Value slot) {
    SmallVector<Value> slots;
    for (int64_t m = 0; m < micro; ++m)
      slots.push_back(b.add({slot, b.index(m)}));
    SmallVector<Value> inits(micro * vectors, zeros);
    auto sums =
        b.loop({zero, b.index(kernel.headSize), one}, inits,
               [&](Value d, ValueRange acc) -> SmallVector<Value> {
                 SmallVector<Value> next(acc);
                 PanelValue rows;
                 for (int64_t v = 0; v < vectors; ++v)
                   rows.push_back(b.loadVector(packedQuery, {panel, d, lane(v)},
                                               shape.lanes));
                 for (int64_t m = 0; m < micro; ++m) {
                   Value element =
                       b.splat(b.load(keyBlock, {slots[m], d}), shape.lanes);
                   for (int64_t v = 0; v < vectors; ++v) {
                     Value &sum = next[m * vectors + v];
                     sum = vector::FMAOp::create(b, element, rows[v], sum);
                   }
                 }
                 return next;
               });
    for (int64_t m = 0; m < micro; ++m)
      for (int64_t v = 0; v < vectors; ++v)
        b.storeVector(
            {sums[m * vectors + v], probability, {slots[m], lane(v)}});
  });
}

/// Online softmax over the logits of the keys [lo, hi). `general` applies the
/// entries' lives and gates; otherwise every row sees every key in full.
/// Returns what the sums so far have to be multiplied by.
AttentionEmitter::PanelValue
AttentionEmitter::emitSoftmax(Value panel, Value lo, Value hi, bool general) {
  int64_t vectors = shape.panelVectors, lanes = shape.lanes;
  Value one = b.index(1);
  auto f32Vector = VectorType::get(lanes, b.getF32Type());
  Value minusInf = b.constant(f32Vector, -INFINITY);
  Value zeros = b.constant(f32Vector, 0), ones = b.constant(f32Vector, 1);
  Value firstRow = b.mul({panel, b.index(shape.panelRows())});
  PanelValue rowIndex, position, tau, oldMax, oldSum;
  for (int64_t v = 0; v < vectors; ++v) {
    rowIndex.push_back(b.add({firstRow, lane(v)}));
    oldMax.push_back(b.loadVector(rowMax, {rowIndex[v]}, lanes));
    oldSum.push_back(b.loadVector(rowSum, {rowIndex[v]}, lanes));
    if (!general)
      continue;
    position.push_back(b.loadVector(rowPosition, {rowIndex[v]}, lanes));
    if (gatesValues())
      tau.push_back(b.loadVector(rowThreshold, {rowIndex[v]}, lanes));
  }
  auto gate = [&](Value score, int64_t v) {
    return b.min({ones, b.max({zeros, b.sub({score, tau[v]})})});
  };

  PanelValue newMax =
      b.loop({lo, hi, one}, oldMax,
             [&](Value slot, ValueRange maxima) -> SmallVector<Value> {
               SmallVector<Value> next;
               Value from, to, score;
               if (general && kernel.isSparse()) {
                 from = b.splat(b.load(entryBegin, {slot}), lanes);
                 to = b.splat(b.load(entryEnd, {slot}), lanes);
                 if (gatesKeys())
                   score = b.splat(b.load(entryScore, {slot}), lanes);
               } else if (general) {
                 from = b.splat(b.toI32(b.add({blockStart, slot})), lanes);
               }
               for (int64_t v = 0; v < vectors; ++v) {
                 Value logit =
                     b.loadVector(probability, {slot, lane(v)}, lanes);
                 if (general) {
                   if (gatesKeys())
                     logit = b.mul({logit, gate(score, v)});
                   Value visible = b.le({from, position[v]});
                   if (to)
                     visible = b.both({visible, b.gt({to, position[v]})});
                   logit = b.select({visible, logit, minusInf});
                   b.storeVector({logit, probability, {slot, lane(v)}});
                 }
                 next.push_back(b.max({maxima[v], logit}));
               }
               return next;
             });

  // A row that has seen no key yet has a maximum of -inf, from which nothing
  // may be subtracted.
  PanelValue shift, rescale;
  for (int64_t v = 0; v < vectors; ++v) {
    shift.push_back(b.select({b.eq({newMax[v], minusInf}), zeros, newMax[v]}));
    rescale.push_back(emitExp2(b.sub({oldMax[v], shift[v]})));
    b.storeVector({newMax[v], rowMax, {rowIndex[v]}});
  }

  PanelValue inits;
  for (int64_t v = 0; v < vectors; ++v)
    inits.push_back(b.mul({oldSum[v], rescale[v]}));
  PanelValue sums =
      b.loop({lo, hi, one}, inits,
             [&](Value slot, ValueRange totals) -> SmallVector<Value> {
               SmallVector<Value> next;
               Value score;
               if (general && gatesValues())
                 score = b.splat(b.load(entryScore, {slot}), lanes);
               for (int64_t v = 0; v < vectors; ++v) {
                 Value logit =
                     b.loadVector(probability, {slot, lane(v)}, lanes);
                 Value p = emitExp2(b.sub({logit, shift[v]}));
                 next.push_back(b.add({totals[v], p}));
                 if (general && gatesValues())
                   p = b.mul({p, gate(score, v)});
                 b.storeVector({p, probability, {slot, lane(v)}});
               }
               return next;
             });
  for (int64_t v = 0; v < vectors; ++v)
    b.storeVector({sums[v], rowSum, {rowIndex[v]}});
  return rescale;
}

/// accumulator = alpha * accumulator + V^T P over the keys [lo, hi).
void AttentionEmitter::emitAccumulate(Value panel, Value lo, Value hi,
                                      const PanelValue &alpha) {
  int64_t micro = shape.microRows, vectors = shape.panelVectors;
  Value zero = b.index(0), one = b.index(1);
  b.loop({zero, b.index(valueStrips), one}, [&](Value strip) {
    Value firstColumn = b.mul({strip, b.index(micro)});
    SmallVector<Value> columns, inits;
    for (int64_t m = 0; m < micro; ++m) {
      columns.push_back(b.add({firstColumn, b.index(m)}));
      for (int64_t v = 0; v < vectors; ++v) {
        Value old = b.loadVector(accumulator, {panel, columns[m], lane(v)},
                                 shape.lanes);
        inits.push_back(b.mul({old, alpha[v]}));
      }
    }
    auto sums =
        b.loop({lo, hi, one}, inits,
               [&](Value slot, ValueRange acc) -> SmallVector<Value> {
                 SmallVector<Value> next(acc);
                 PanelValue p;
                 for (int64_t v = 0; v < vectors; ++v)
                   p.push_back(
                       b.loadVector(probability, {slot, lane(v)}, shape.lanes));
                 for (int64_t m = 0; m < micro; ++m) {
                   Value element =
                       b.splat(b.load(valueBlock, {strip, slot, b.index(m)}),
                               shape.lanes);
                   for (int64_t v = 0; v < vectors; ++v) {
                     Value &sum = next[m * vectors + v];
                     sum = vector::FMAOp::create(b, element, p[v], sum);
                   }
                 }
                 return next;
               });
    for (int64_t m = 0; m < micro; ++m)
      for (int64_t v = 0; v < vectors; ++v)
        b.storeVector(
            {sums[m * vectors + v], accumulator, {panel, columns[m], lane(v)}});
  });
}

/// 2^x for x <= 0, vectors of f32, within 2 ulp; 0 below 2^-126, NaN for NaN.
Value AttentionEmitter::emitExp2(Value x) {
  auto type = cast<VectorType>(x.getType());
  Type bits = type.clone(b.getI32Type());
  // Adding 1.5 * 2^23 leaves round(x) in the low bits of the sum; 127 more
  // makes it the exponent field of 2^round(x).
  Value magic = b.constant(type, 12582912.0 + 127.0);
  Value rounded = b.add({x, magic});
  Value fraction = b.sub({x, b.sub({rounded, magic})});
  // Minimax on [-1/2, 1/2], degree 6, relative error 2e-9.
  static constexpr double coefficients[] = {1.534581205706663e-4,
                                            1.339993121945326e-3,
                                            9.618488956942187e-3,
                                            5.550328776964431e-2,
                                            2.402264689063591e-1,
                                            6.931472057372674e-1,
                                            1.0};
  Value power = b.constant(type, coefficients[0]);
  for (double c : llvm::drop_begin(coefficients))
    power = vector::FMAOp::create(b, power, fraction, b.constant(type, c));
  Value field = arith::BitcastOp::create(b, bits, rounded);
  Value exponent = arith::ShLIOp::create(b, field, b.constant(bits, 23));
  Value result = b.mul({power, arith::BitcastOp::create(b, type, exponent)});
  return b.select(
      {b.lt({x, b.constant(type, -126)}), b.constant(type, 0), result});
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// Normalises and stores the rows of a tile.
void AttentionEmitter::emitStoreRows(Value begin, Value rows) {
  Value zero = b.index(0), one = b.index(1), heads = b.index(group);
  Value panelRows = b.index(shape.panelRows());
  Value firstHead = b.mul({keyHead, heads});
  b.loop({zero, rows, one}, [&](Value row) {
    Value head = b.add({firstHead, b.rem({row, heads})});
    Value queryRow =
        b.sub({b.add({begin, b.div({row, heads})}), firstPosition});
    Value maximum = b.load(rowMax, {row}), sum = b.load(rowSum, {row});
    Value minusInf = b.f32(-INFINITY), none = b.f32(0);
    Value empty = b.eq({maximum, minusInf});
    Value factor = b.f32(1);
    if (kernel.sink) {
      // One more logit in the denominator.
      Value logit = b.mul({b.load(sink, {head}), b.f32(1.0 / std::log(2.0))});
      Value top = b.max({maximum, logit});
      Value shift = b.select({b.eq({top, minusInf}), none, top});
      factor = math::Exp2Op::create(b, b.sub({maximum, shift}));
      Value extra = math::Exp2Op::create(b, b.sub({logit, shift}));
      sum = b.add({b.mul({sum, factor}), extra});
      maximum = top;
    }
    Value log = b.mul(
        {b.add({maximum, math::Log2Op::create(b, sum)}), b.f32(std::log(2.0))});
    b.store({b.select({empty, minusInf, log}), lse, {batch, head, queryRow}});
    Value weight = b.select({empty, none, b.div({factor, sum})});
    Value panel = b.div({row, panelRows}), laneIndex = b.rem({row, panelRows});
    b.loop({zero, b.index(kernel.valueSize), one}, [&](Value column) {
      Value element =
          b.mul({b.load(accumulator, {panel, column, laneIndex}), weight});
      b.store({b.fromF32(element, kernel.element),
               output,
               {batch, head, queryRow, column}});
    });
  });
}

//===----------------------------------------------------------------------===//
// AttentionKernel
//===----------------------------------------------------------------------===//

std::string AttentionKernel::name() const {
  std::string result =
      isSparse() ? "sparsek_gathered_attention" : "sparsek_causal_attention";
  llvm::raw_string_ostream os(result);
  os << '_' << element << "_d" << headSize << 'x' << valueSize << "_g" << group;
  if (isSparse())
    os << "_gate_" << stringifyGate(*gate);
  if (sink)
    os << "_sink";
  if (packed)
    os << "_packed";
  return result;
}

SmallVector<Type> AttentionKernel::argumentTypes() const {
  MLIRContext *context = element.getContext();
  Type f32 = Float32Type::get(context), i32 = IntegerType::get(context, 32);
  Type index = IndexType::get(context);
  Type rows = getStridedType(element, 4, /*unitInner=*/true);
  SmallVector<Type> types{rows, rows, rows};
  if (isSparse())
    llvm::append_values(types, getStridedType(f32, 3), getStridedType(f32, 3),
                        getStridedType(i32, 3));
  if (sink)
    types.push_back(getStridedType(f32, 1));
  if (packed)
    types.push_back(getStridedType(i32, 1));
  llvm::append_values(types, rows, getStridedType(f32, 3), f32);
  if (isSparse())
    llvm::append_values(types, index, index);
  return types;
}

void AttentionKernel::buildBody(func::FuncOp function,
                                const KernelShape &shape) const {
  AttentionEmitter(function, *this, shape).emit();
}
