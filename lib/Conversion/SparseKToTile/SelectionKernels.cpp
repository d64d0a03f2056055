//===- SelectionKernels.cpp - Thresholds and lives on a GPU ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// docs/Selection.md explains the method: sort the scores of a row (one score
// head of one batch), count them by chunks of positions and buckets of ranks,
// solve C3 and C4 at the chunk boundaries, then for every position between.
//
// Scores are compared as *codes*: i32, ascending as scores descend, NaN as
// -inf. Ties are left to the order of the sort, which is stable. Documents are
// part of one order: the later document comes first, so that a threshold still
// only ever moves to better ranks, and nothing of another document ever counts.
//
// Sums are i64 counts of *quanta* of 2^-24, modulo 2^64, so that they depend on
// no order and one huge score spoils no other. A threshold is a score whose
// quanta are whole, and the smallest such one at which no more than topk is
// left: within one step of f32 (and 2^-24) of the root of C4, and monotone.

#include "Kernels.h"
#include "Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

static constexpr int64_t kSortTile = int64_t(1) << kSortTileLog2;
static constexpr int64_t kRadixThreads = 512;
static constexpr int64_t kRadixTile = int64_t(1) << kRadixTileLog2;
static constexpr int64_t kScanTile = int64_t(1) << kScanTileLog2;
static constexpr int64_t kScanPerThread = kScanTile / 256;
static constexpr int64_t kMaxScanTiles = kMaxSelectionKeys / kScanTile + 1;
static constexpr int64_t kBoundaryWarps = 1 << kBoundaryWarpsLog2;

//===----------------------------------------------------------------------===//
// Codes and quanta
//===----------------------------------------------------------------------===//

/// The code of -inf and NaN, larger than that of any number.
static constexpr int64_t kInvalid = 0x7f800000;
/// Larger than the code of any score.
static constexpr int64_t kPadding = std::numeric_limits<int32_t>::max();
/// The quanta of 1.
static constexpr int64_t kOne = int64_t(1) << 24;
/// The bits of 2^24, from which on f32 has no two numbers less than 2 apart.
/// There a step of f32 counts as 2 quanta of 1, so that any f32 has its quanta.
static constexpr int64_t kLargeBits = 0x4b800000;
static constexpr int64_t kLargeQuanta = int64_t(1) << 48;
static constexpr int64_t kLargeStepLog2 = 25;

static Scalar flipNegative(Scalar bits) {
  return bits ^ (bits.shiftRightSigned(31) & 0x7fffffff);
}

static Scalar codeOf(Scalar score) {
  Scalar bits = score.bitsToI32();
  Scalar magnitude = bits & 0x7fffffff;
  Scalar zero = bits.constant(0);
  // -0 is 0, +inf the largest finite number.
  Scalar number = select(magnitude == 0, zero, bits);
  number = select(number == 0x7f800000, bits.constant(0x7f7fffff), number);
  Scalar code = ~flipNegative(number);
  return select(magnitude > 0x7f800000, bits.constant(kInvalid), code);
}

static Scalar scoreOf(Scalar code) { return flipNegative(~code).bitsToF32(); }

/// Whole quanta toward zero.
static Scalar quantaOf(Scalar score) {
  Scalar bits = score.bitsToI32();
  Scalar magnitude = bits & 0x7fffffff;
  Scalar small = (score * score.constant(kOne)).truncatedToI64();
  Scalar steps = (magnitude - kLargeBits).signedToI64();
  Scalar large = (steps << kLargeStepLog2) + kLargeQuanta;
  large = select(bits < 0, 0 - large, large);
  return select(magnitude < kLargeBits, small, large);
}

static Scalar quantaOfCode(Scalar code) { return quantaOf(scoreOf(code)); }

/// The code of the nearest score whose quanta are not below or, rounding down,
/// not above `quanta`.
static Scalar roundToCode(Scalar quanta, Scalar up) {
  TileBuilder &b = quanta.getBuilder();
  Value scale = arith::ConstantOp::create(b, b.getF32FloatAttr(1.0 / kOne));
  Scalar small = quanta.toF32() * Scalar(b, scale);
  Scalar magnitude = select(quanta < 0, 0 - quanta, quanta);
  Scalar steps = ((magnitude - kLargeQuanta) >> kLargeStepLog2).toI32();
  Scalar bits = steps + kLargeBits;
  bits = select(quanta < 0, bits | int64_t(0x80000000), bits);
  Scalar isSmall = magnitude <= kLargeQuanta;
  Scalar code = ~flipNegative(select(isSmall, small.bitsToI32(), bits));
  Scalar rounded = quantaOfCode(code);
  Scalar below = (up & (rounded < quanta)).toI32();
  Scalar above = ((!up) & (rounded > quanta)).toI32();
  return code - below + above;
}

static Scalar roundToCode(Scalar quanta, bool up) {
  TileBuilder &b = quanta.getBuilder();
  Value flag = arith::ConstantOp::create(b, b.getBoolAttr(up));
  return roundToCode(quanta, Scalar(b, flag));
}

/// Whether a key of this code counts 1 at a threshold, by one subtraction (C5).
static Scalar isSaturated(Scalar code, Scalar threshold) {
  return scoreOf(code) - threshold >= 1;
}

//===----------------------------------------------------------------------===//
// What the kernels share
//===----------------------------------------------------------------------===//

namespace {
/// The fields of a boundary, in the vectors `bounds` and `bound_sums`: rank of
/// the best key that is not selected or, before there are topk keys, of the
/// first one of the next document; code of the threshold; ranks of the first
/// key not above the threshold and of the first one less than 1 above it, and
/// how many keys come before each, with the sums of their quanta.
enum BoundField { Theta, Code, Rank0, Rank1, Count0, Count1, NumFields };
enum SumField { Sum0, Sum1, NumSums };

struct Boundary {
  Scalar theta, code, rank0, rank1, count0, count1, sum0, sum1;
};

struct Document {
  Scalar start, end;
};

class SelectionKernels {
public:
  SelectionKernels(ScalarBuilder &b, bool packed) : b(b), packed(packed) {}

  void buildSort();
  void buildMerge();
  void buildCount(StringRef name, bool isFirst);
  void buildScatter(StringRef name, bool isFirst);
  void buildTable();
  void buildBoundaries(StringRef name, int64_t maxBuckets);
  void buildScan();
  void buildThresholds(StringRef name, int64_t chunk);
  void buildExpiries();

private:
  using Argument = TileBuilder::Argument;

  Argument numbers(StringRef name) { return b.vector(name, b.getI32Type()); }
  Argument wideNumbers(StringRef name) {
    return b.vector(name, b.getI64Type());
  }
  void start(StringRef name, SmallVector<Argument> arguments, int64_t threads);
  /// Splits the number of the block into one in its row and the row.
  Scalar enterRow(Scalar blocks);
  Elements inRow(StringRef name) { return b.elements(name, rowBase); }
  Scalar loadScore(Scalar position);
  void storeInRow(StringRef name, Scalar position, Scalar value);
  Document documentAt(Scalar position);
  /// Element `index` of a field of all boundaries.
  Elements boundField(StringRef name, int64_t field, Scalar boundaries);
  Boundary loadBoundary(Scalar number, Scalar boundaries);
  Scalar ceilShift(Scalar value, Scalar shift) {
    return (value + ((value.constant(1) << shift) - 1)) >> shift;
  }

  /// The digit by which a pass sorts.
  Scalar digitOf(Scalar code, Scalar position, Scalar shift);
  Scalar documentShiftEnd();
  /// Code and position of a key of the row before a pass.
  Scalars loadItem(Scalar place, bool isFirst);
  SmallVector<Argument> itemArguments(bool isFirst);

  ScalarBuilder &b;
  bool packed;

  // Of the kernel under construction.
  Scalar keys, row, rowBase, batch, head;
};
} // namespace

void SelectionKernels::start(StringRef name, SmallVector<Argument> arguments,
                             int64_t threads) {
  if (packed)
    arguments.push_back(numbers("documents"));
  arguments.append({b.scalar("keys"), b.scalar("row_stride"),
                    b.scalar("score_heads"), b.scalar("score_rows")});
  b.startKernel(name, arguments, ScheduleAttr(), RowMapAttr(), threads);
  keys = b("keys");
}

Scalar SelectionKernels::enterRow(Scalar blocks) {
  Scalar block = b.block();
  row = block / blocks;
  rowBase = row.toI64() * b("row_stride").toI64();
  batch = row / b("score_heads");
  head = row % b("score_heads");
  return block % blocks;
}

static Value castToIndex(ScalarBuilder &b, Scalar value) {
  return arith::IndexCastUIOp::create(b, b.getIndexType(), value);
}

Scalar SelectionKernels::loadScore(Scalar position) {
  SmallVector<Value> indices{castToIndex(b, batch), castToIndex(b, head),
                             castToIndex(b, position)};
  return Scalar(b, memref::LoadOp::create(b, b.arg("u"), indices));
}

void SelectionKernels::storeInRow(StringRef name, Scalar position,
                                  Scalar value) {
  SmallVector<Value> indices{castToIndex(b, batch), castToIndex(b, head),
                             castToIndex(b, position)};
  memref::StoreOp::create(b, value, b.arg(name), indices);
}

Document SelectionKernels::documentAt(Scalar position) {
  if (!packed)
    return {b.number(0), keys};
  Elements documents = b.elements("documents", position << 1);
  return {documents[int64_t(0)], documents[1]};
}

Elements SelectionKernels::boundField(StringRef name, int64_t field,
                                      Scalar boundaries) {
  Scalar fieldStart = b("score_rows").toI64() * field + row.toI64();
  return b.elements(name, fieldStart * boundaries.toI64());
}

Boundary SelectionKernels::loadBoundary(Scalar number, Scalar boundaries) {
  auto load = [&](StringRef name, int64_t field) {
    return boundField(name, field, boundaries)[number];
  };
  return {load("bounds", Theta),    load("bounds", Code),
          load("bounds", Rank0),    load("bounds", Rank1),
          load("bounds", Count0),   load("bounds", Count1),
          load("bound_sums", Sum0), load("bound_sums", Sum1)};
}

//===----------------------------------------------------------------------===//
// Sorting
//===----------------------------------------------------------------------===//

// By digits of 8 bits from the lowest on, each pass stable. In a block the warps
// have their items in the order of their places; lanes with one digit find each
// other by ballots. Short rows are sorted in tiles of shared memory, whose
// sorted lists are merged; long rows in passes over all tiles.

namespace {
/// The block of a sorting kernel: `items` keys for each thread.
class DigitSort {
public:
  DigitSort(ScalarBuilder &b, int64_t threads, int64_t items)
      : b(b), threads(threads), items(items), warps(threads / 32) {
    counts = b.array(warps * 256, b.getI32Type());
    starts = b.array(256, b.getI32Type());
    sums = b.array(8, b.getI32Type());
  }

  /// Where item `number` of this thread is in the tile before the sort.
  Scalar getPlace(int64_t number) {
    return b.warp() * (32 * items) + number * 32 + b.lane();
  }

  /// Where it is after it. `onDigit` is called with each thread below 256, for
  /// the digit of its number, before a barrier.
  Scalars rank(const Scalars &digits, function_ref<void()> onDigit);
  /// After `rank`, by all threads: the first place of a digit.
  Scalar getStart(Scalar digit) {
    return starts[digit] + b.broadcast(sumsBefore, digit >> 5);
  }

private:
  ScalarBuilder &b;
  int64_t threads, items, warps;
  Elements counts, starts, sums;
  Scalar sumsBefore;
};
} // namespace

/// Over eight warps of digits: the sums before each warp, in its lane.
static Scalar scanWarpSums(ScalarBuilder &b, const Elements &sums) {
  Scalar lane = b.lane(), zero = b.number(0);
  Scalar isSum = lane < 8;
  Scalar sum = select(isSum, sums[select(isSum, lane, zero)], zero);
  return b.warpScan(sum) - sum;
}

Scalars DigitSort::rank(const Scalars &digits, function_ref<void()> onDigit) {
  Scalar thread = b.thread(), lane = b.lane(), warp = b.warp();
  Scalar lower = (b.number(1) << lane) - 1;
  for (int64_t i = 0; i < warps * 256 / threads; ++i)
    counts.set(thread + i * threads, b.number(0));
  b.barrier();

  Scalars ranks;
  for (Scalar digit : digits) {
    Scalar peers = b.number(-1);
    for (int64_t bit = 0; bit < 8; ++bit) {
      Scalar set = (digit >> bit) & 1;
      peers = peers & (b.ballot(set != 0) ^ (set - 1));
    }
    Scalar slot = warp * 256 + digit;
    Scalar before = counts[slot];
    Scalar below = (peers & lower).countBits();
    b.warpBarrier();
    b.ifThen(below == 0, [&] { counts.set(slot, before + peers.countBits()); });
    b.warpBarrier();
    ranks.push_back(before + below);
  }
  b.barrier();

  // Where each digit of each warp begins: digits first, then warps.
  b.ifThen(thread < 256, [&] {
    Scalar total = b.number(0);
    for (int64_t other = 0; other < warps; ++other) {
      Scalar slot = thread + other * 256;
      Scalar count = counts[slot];
      counts.set(slot, total);
      total = total + count;
    }
    Scalar sum = b.warpScan(total);
    starts.set(thread, sum - total);
    b.ifThen(lane == 31, [&] { sums.set(warp, sum); });
    onDigit();
  });
  b.barrier();
  sumsBefore = scanWarpSums(b, sums);
  for (auto [digit, rank] : llvm::zip_equal(digits, ranks))
    rank = rank + counts[warp * 256 + digit] + getStart(digit);
  return ranks;
}

/// Codes as unsigned numbers.
static constexpr int64_t kSign = std::numeric_limits<int32_t>::min();

Scalar SelectionKernels::digitOf(Scalar code, Scalar position, Scalar shift) {
  Scalar digit = ((code ^ kSign) >> (shift & 31)) & 255;
  if (!packed)
    return digit;
  // After the codes, documents: the last one first.
  return b.ifElse(
      shift >= 32,
      [&]() -> Scalars {
        Scalar key = keys - 1 - documentAt(position).start;
        return {(key >> (shift - 32)) & 255};
      },
      [&]() -> Scalars { return {digit}; })[0];
}

//===----------------------------------------------------------------------===//
// sort_tiles
//===----------------------------------------------------------------------===//

void SelectionKernels::buildSort() {
  TileBuilder::InsertionGuard guard(b);
  constexpr int64_t items = 4, threads = kSortTile / items;
  start("sort_tiles",
        {b.memref("u", "bhn", b.getF32Type()), numbers("codes_to"),
         numbers("order_to")},
        threads);
  Type i32 = b.getI32Type();
  Elements sortedCodes = b.array(kSortTile, i32);
  Elements sortedPlaces = b.array(kSortTile, i32);
  DigitSort sort(b, threads, items);

  Scalar tileLog2 = b.number(kSortTileLog2);
  Scalar tile = enterRow(ceilShift(keys, tileLog2));
  Scalar first = tile << tileLog2;
  Scalar count = smaller(keys - first, b.number(kSortTile));
  // Codes of the items, then their places in the tile. Padding comes last.
  Scalars state(2 * items), places;
  for (int64_t i = 0; i < items; ++i) {
    Scalar place = sort.getPlace(i);
    Scalar inside = place < count;
    Scalar score = loadScore(first + select(inside, place, b.number(0)));
    state[i] = select(inside, codeOf(score), b.number(kPadding));
    state[items + i] = place;
    places.push_back(place);
  }
  auto sortBy = [&](Scalars from, Scalar begin, Scalar end) {
    return b.loop(begin, end, b.number(8), from,
                  [&](Scalar shift, Scalars current) -> Scalars {
                    Scalars digits;
                    for (int64_t i = 0; i < items; ++i) {
                      Scalar place = smaller(current[items + i], count - 1);
                      Scalar digit =
                          digitOf(current[i], first + place, shift);
                      digits.push_back(select(current[items + i] < count,
                                              digit, b.number(255)));
                    }
                    Scalars ranks = sort.rank(digits, [] {});
                    for (int64_t i = 0; i < items; ++i) {
                      sortedCodes.set(ranks[i], current[i]);
                      sortedPlaces.set(ranks[i], current[items + i]);
                    }
                    b.barrier();
                    for (int64_t i = 0; i < items; ++i) {
                      current[i] = sortedCodes[places[i]];
                      current[items + i] = sortedPlaces[places[i]];
                    }
                    return current;
                  });
  };
  state = sortBy(state, b.number(0), b.number(32));
  if (packed) {
    Scalar last = first + count - 1;
    Scalar several = documentAt(first).start != documentAt(last).start;
    state = b.ifElse(
        several,
        [&] { return sortBy(state, b.number(32), documentShiftEnd()); },
        [&] { return state; });
  }
  Elements codes = inRow("codes_to").from(first);
  Elements order = inRow("order_to").from(first);
  for (int64_t i = 0; i < items; ++i)
    b.ifThen(places[i] < count, [&] {
      codes.set(places[i], state[i]);
      order.set(places[i], first + state[items + i]);
    });
}

/// 32 and 8 for every digit that keys - 1 has.
Scalar SelectionKernels::documentShiftEnd() {
  Scalar end = b.number(40);
  for (int64_t digits = 1; digits < 4; ++digits)
    end = select(keys - 1 >= int64_t(1) << (8 * digits),
                 b.number(40 + 8 * digits), end);
  return end;
}

//===----------------------------------------------------------------------===//
// count_digits, scatter_digits
//===----------------------------------------------------------------------===//

// One pass over all tiles of a row. The first one takes the scores themselves.

static constexpr int64_t kRadixItems = kRadixTile / kRadixThreads;

Scalars SelectionKernels::loadItem(Scalar place, bool isFirst) {
  if (isFirst)
    return {codeOf(loadScore(place)), place};
  return {inRow("codes_from")[place], inRow("order_from")[place]};
}

SmallVector<TileBuilder::Argument>
SelectionKernels::itemArguments(bool isFirst) {
  if (isFirst)
    return {b.memref("u", "bhn", b.getF32Type())};
  return {numbers("codes_from"), numbers("order_from")};
}

void SelectionKernels::buildCount(StringRef name, bool isFirst) {
  TileBuilder::InsertionGuard guard(b);
  SmallVector<Argument> arguments = itemArguments(isFirst);
  arguments.append({numbers("digit_counts"), b.scalar("shift")});
  start(name, arguments, kRadixThreads);
  Elements counts = b.array(256, b.getI32Type());
  Scalar tileLog2 = b.number(kRadixTileLog2);
  Scalar tiles = ceilShift(keys, tileLog2);
  Scalar tile = enterRow(tiles);
  Scalar thread = b.thread(), lane = b.lane(), zero = b.number(0);
  Scalar isDigit = thread < 256;
  b.ifThen(isDigit, [&] { counts.set(thread, zero); });
  b.barrier();
  for (int64_t i = 0; i < kRadixItems; ++i) {
    Scalar place = (tile << tileLog2) + i * kRadixThreads + thread;
    Scalar inside = place < keys;
    Scalars item = loadItem(smaller(place, keys - 1), isFirst);
    Scalar digit = digitOf(item[0], item[1], b("shift"));
    // Digits are often the same.
    Scalar together =
        b.ballot(inside & (digit == b.broadcast(digit, zero))) == -1;
    b.ifThen(inside & ((!together) | (lane == 0)), [&] {
      counts.add(digit, select(together, b.number(32), b.number(1)));
    });
  }
  b.barrier();
  Scalar entry = ((row * tiles + tile) << 8) + thread;
  b.ifThen(isDigit, [&] {
    b.elements("digit_counts", entry).set(zero, counts[thread]);
  });
}

void SelectionKernels::buildScatter(StringRef name, bool isFirst) {
  TileBuilder::InsertionGuard guard(b);
  SmallVector<Argument> arguments = itemArguments(isFirst);
  arguments.append({numbers("codes_to"), numbers("order_to"),
                    numbers("digit_counts"), b.scalar("shift")});
  start(name, arguments, kRadixThreads);
  Type i32 = b.getI32Type();
  Elements sortedCodes = b.array(kRadixTile, i32);
  Elements sortedOrder = b.array(kRadixTile, i32);
  Elements bases = b.array(256, i32), baseSums = b.array(8, i32);
  DigitSort sort(b, kRadixThreads, kRadixItems);
  Scalar tileLog2 = b.number(kRadixTileLog2);
  Scalar tiles = ceilShift(keys, tileLog2);
  Scalar tile = enterRow(tiles);
  Scalar first = tile << tileLog2;
  Scalar count = smaller(keys - first, b.number(kRadixTile));
  Scalar thread = b.thread(), lane = b.lane(), warp = b.warp();
  Scalar zero = b.number(0), shift = b("shift");

  Scalars codes, order, digits;
  for (int64_t i = 0; i < kRadixItems; ++i) {
    Scalar place = sort.getPlace(i);
    Scalars item = loadItem(first + smaller(place, count - 1), isFirst);
    codes.push_back(item[0]);
    order.push_back(item[1]);
    Scalar digit = digitOf(item[0], item[1], shift);
    digits.push_back(select(place < count, digit, b.number(255)));
  }
  // Where the digits of the row begin, and those of this tile among them. Two
  // threads for each digit, with half of the tiles each.
  Elements partSums = b.array(2 * 256, i32);
  Scalar digit = thread & 255, isSecond = thread >> 8;
  Elements counts = b.elements("digit_counts", ((row * tiles) << 8) + digit);
  Scalar half = (tiles + 1) >> 1;
  Scalar from = isSecond * half;
  Scalar end = smaller(from + half, tiles);
  constexpr int64_t unroll = 8;
  Scalars tileSums = b.loop(
      from, end, b.number(unroll), {zero, zero},
      [&](Scalar other, Scalars sum) -> Scalars {
        Scalars parts;
        for (int64_t i = 0; i < unroll; ++i)
          parts.push_back(counts[smaller(other + i, tiles - 1) << 8]);
        for (int64_t i = 0; i < unroll; ++i) {
          sum[0] = sum[0] + select(other + i < end, parts[i], zero);
          sum[1] = sum[1] + select(other + i < smaller(tile, end), parts[i],
                                   zero);
        }
        return sum;
      });
  b.ifThen(isSecond == 1, [&] {
    partSums.set(digit, tileSums[0]);
    partSums.set(digit + 256, tileSums[1]);
  });
  auto onDigit = [&] {
    Scalar total = tileSums[0] + partSums[thread];
    Scalar before = tileSums[1] + partSums[thread + 256];
    Scalar scan = b.warpScan(total);
    bases.set(thread, scan - total + before);
    b.ifThen(lane == 31, [&] { baseSums.set(warp, scan); });
  };
  Scalars ranks = sort.rank(digits, onDigit);
  for (int64_t i = 0; i < kRadixItems; ++i) {
    sortedCodes.set(ranks[i], codes[i]);
    sortedOrder.set(ranks[i], order[i]);
  }
  Scalar before = scanWarpSums(b, baseSums);
  Scalar base = b.broadcast(before, warp & 7) -
                sort.getStart(thread & 255);
  b.ifThen(thread < 256, [&] { bases.set(thread, bases[thread] + base); });
  b.barrier();
  Elements codesTo = inRow("codes_to"), orderTo = inRow("order_to");
  for (int64_t i = 0; i < kRadixItems; ++i) {
    Scalar place = thread + i * kRadixThreads;
    b.ifThen(place < count, [&] {
      Scalar code = sortedCodes[place], position = sortedOrder[place];
      Scalar to = bases[digitOf(code, position, shift)] + place;
      codesTo.set(to, code);
      orderTo.set(to, position);
    });
  }
}

//===----------------------------------------------------------------------===//
// merge_lists
//===----------------------------------------------------------------------===//

// Four neighbouring lists become one. A key's place is the sum of how many keys
// of each list come before it, found by binary search.

void SelectionKernels::buildMerge() {
  TileBuilder::InsertionGuard guard(b);
  start("merge_lists",
        {numbers("codes_from"), numbers("order_from"), numbers("codes_to"),
         numbers("order_to"), b.scalar("list_log2")},
        kTableThreads);
  constexpr int64_t lists = 4;
  Scalar eight = b.number(8);
  static_assert(kTableThreads == 1 << 8);
  Scalar block = enterRow(ceilShift(keys, eight));
  Scalar place = (block << eight) + b.thread();
  Scalar listLog2 = b("list_log2");
  b.ifThen(place < keys, [&] {
    Elements codes = inRow("codes_from");
    Scalar code = codes[place];
    Scalar position = inRow("order_from")[place];
    Document document = documentAt(position);
    Scalar list = place >> listLog2;
    Scalar firstList = list & ~b.number(lists - 1);

    // The range in each other list that is left to search.
    Scalars state, starts, bounds;
    for (int64_t i = 1; i < lists; ++i) {
      Scalar other = firstList + ((list + i) & (lists - 1));
      Scalar begin = smaller(other << listLog2, keys);
      Scalar end = smaller((other + 1) << listLog2, keys);
      auto clamp = [&](Scalar x) { return larger(smaller(x, end), begin); };
      state.push_back(packed ? end - clamp(document.end) : b.number(0));
      state.push_back(packed ? end - clamp(document.start) : end - begin);
      starts.push_back(begin);
      // Of equal scores the earlier one comes first.
      bounds.push_back(code + (other < list).toI32());
    }
    state = b.loop(b.number(0), listLog2 + 1, b.number(1), state,
                   [&](Scalar, Scalars range) {
                     Scalars next;
                     for (int64_t i = 0; i < lists - 1; ++i) {
                       Scalar low = range[2 * i], high = range[2 * i + 1];
                       Scalar open = low < high;
                       Scalar middle = (low + high) >> 1;
                       Scalar at = smaller(starts[i] + middle, keys - 1);
                       Scalar passed = codes[at] < bounds[i];
                       next.push_back(select(open & passed, middle + 1, low));
                       next.push_back(select(open & (!passed), middle, high));
                     }
                     return next;
                   });
    Scalar rank = place - (list << listLog2);
    for (int64_t i = 0; i < lists - 1; ++i)
      rank = rank + state[2 * i];
    Scalar to = (firstList << listLog2) + rank;
    inRow("codes_to").set(to, code);
    inRow("order_to").set(to, position);
  });
}

//===----------------------------------------------------------------------===//
// rank_table
//===----------------------------------------------------------------------===//

// For every bucket of ranks and every boundary of chunks: how many keys of the
// bucket lie before the boundary, and the sum of their quanta. A sum of a chunk
// is added up in three parts of 22 bits, for which 32-bit atomics do.

void SelectionKernels::buildTable() {
  TileBuilder::InsertionGuard guard(b);
  start("rank_table",
        {numbers("codes"), numbers("order"), numbers("ranks"),
         numbers("bucket_counts"), wideNumbers("bucket_sums"),
         b.scalar("chunk_log2"), b.scalar("bucket_log2"),
         b.scalar("boundaries"), b.scalar("buckets"), b.scalar("table_log2")},
        kTableThreads);
  Elements bins = b.array(kTableWords, b.getI32Type());
  Scalar boundaries = b("boundaries"), buckets = b("buckets");
  Scalar bucketLog2 = b("bucket_log2"), tableLog2 = b("table_log2");
  Scalar block = enterRow(ceilShift(buckets, tableLog2));
  Scalar firstBucket = block << tableLog2;
  Scalar size = boundaries << tableLog2;
  Scalar thread = b.thread(), lane = b.lane(), warp = b.warp();
  Scalar zero = b.number(0), threads = b.number(kTableThreads);
  b.loop(thread, size << 2, threads, [&](Scalar i) { bins.set(i, zero); });
  b.barrier();

  Elements codes = inRow("codes"), order = inRow("order");
  Elements ranks = inRow("ranks");
  Scalar endBucket = (firstBucket + (b.number(1) << tableLog2)) << bucketLog2;
  Scalar end = smaller(keys, endBucket);
  Scalar begin = (firstBucket << bucketLog2) + (warp << 5);
  b.loop(begin, end, threads, [&](Scalar first) {
    Scalar rank = first + lane;
    Scalar inside = rank < end;
    Scalar safe = select(inside, rank, first);
    Scalar code = codes[safe], position = order[safe];
    b.ifThen(inside, [&] { ranks.set(position, rank); });
    Scalar quanta = quantaOfCode(code);
    Scalar bin = ((rank >> bucketLog2) - firstBucket) * boundaries +
                 (position >> b("chunk_log2"));
    Scalar parts[] = {b.number(1), quanta.toI32() & 0x3fffff,
                      (quanta >> 22).toI32() & 0x3fffff,
                      (quanta >> 44).toI32()};
    auto add = [&](Scalar part, int64_t number) {
      bins.add(bin + size * number, part);
    };
    // Ordered scores fall into one bin: one addition for the warp.
    Scalar together = b.ballot(inside & (bin == b.broadcast(bin, zero))) == -1;
    b.ifElse(
        together,
        [&] {
          for (int64_t i = 0; i < 4; ++i) {
            Scalar sum = i == 0 ? b.number(32) : b.warpSum(parts[i]);
            b.ifThen(lane == 0, [&] { add(sum, i); });
          }
          return Scalars();
        },
        [&] {
          b.ifThen(inside, [&] {
            for (int64_t i = 0; i < 4; ++i)
              add(parts[i], i);
          });
          return Scalars();
        });
  });
  b.barrier();

  // Running sums over the boundaries. Several warps share a bucket, each with
  // a segment of the boundaries; first they add up what comes before theirs.
  Scalar step = b.number(32), last = b.number(31);
  constexpr int64_t warpsLog2 = 3;
  static_assert(kTableThreads == 32 << warpsLog2);
  Scalar segmentsLog2 = b.number(warpsLog2) - tableLog2;
  Scalar bucket = warp >> segmentsLog2;
  Scalar segment = warp & ((b.number(1) << segmentsLog2) - 1);
  Scalar length = ceilShift(boundaries, segmentsLog2);
  Scalar from = smaller(segment * length, boundaries);
  Scalar to = smaller(from + length, boundaries);
  Scalar bucketBins = bucket * boundaries;
  auto readBin = [&](Scalar chunk, Scalar inside) -> Scalars {
    Scalar bin = bucketBins + select(inside, chunk, zero);
    auto part = [&](int64_t number) {
      return select(inside, bins[bin + size * number], zero);
    };
    return {part(0), part(1).toI64() + (part(2).toI64() << 22) +
                         (part(3).toI64() << 44)};
  };
  Scalars before = b.loop(lane, from, step, {zero, b.wide(0)},
                          [&](Scalar chunk, Scalars sum) -> Scalars {
                            Scalars bin = readBin(chunk, b.flag(true));
                            return {sum[0] + bin[0], sum[1] + bin[1]};
                          });
  Scalar number = firstBucket + bucket;
  Scalar tableRow =
      (row * buckets + number).toI64() * boundaries.toI64();
  Elements tableCounts = b.elements("bucket_counts", tableRow);
  Elements tableSums = b.elements("bucket_sums", tableRow);
  Scalar exists = number < buckets;
  b.loop(from, to, step, {b.warpSum(before[0]), b.warpSum(before[1])},
         [&](Scalar first, Scalars running) -> Scalars {
           Scalar chunk = first + lane;
           Scalar inside = chunk < to;
           Scalars bin = readBin(chunk, inside);
           Scalar counts = b.warpScan(bin[0]), sums = b.warpScan(bin[1]);
           b.ifThen(inside & exists, [&] {
             tableCounts.set(chunk, running[0] + counts - bin[0]);
             tableSums.set(chunk, running[1] + sums - bin[1]);
           });
           return {running[0] + b.broadcast(counts, last),
                   running[1] + b.broadcast(sums, last)};
         });
}

//===----------------------------------------------------------------------===//
// The root of C4
//===----------------------------------------------------------------------===//

namespace {
/// What is left of the keys of a prefix at a threshold.
struct Left {
  Scalar point;        // the quanta of the threshold
  Scalar rank0, rank1; // first keys not above it, not 1 above it
  Scalar total;        // sum of clamp(u - threshold, 0, 1), in quanta
  Scalar interior;     // how many are strictly between
};

/// The quanta between which the threshold is, both ends included, and the code
/// of the next one to look at.
struct Bracket {
  Scalar low, high, code, turn;
};

struct Step {
  Bracket bracket;
  Scalar more;  // whether more than topk was left
  Scalar found; // whether `code` is the threshold
  Scalar code;
};
} // namespace

/// `wish`, or the nearest threshold below it that is in the bracket.
static Scalar choosePoint(Scalar wish, Scalar low, Scalar high) {
  return roundToCode(larger(smaller(wish, high - 1), low), /*up=*/false);
}

/// numerator / denominator, rounded down; both below 2^53.
static Scalar divideExactly(Scalar numerator, Scalar denominator) {
  Scalar quotient =
      (numerator.toF64() / denominator.toF64()).truncatedToI64();
  // The quotient of floats may have been rounded up to a whole number.
  return quotient - (quotient * denominator > numerator).toI64();
}

/// One step of a safeguarded Newton iteration in the quanta of thresholds. The
/// result is the smallest threshold at which no more than `topk` is left. The
/// sum is linear as long as no key enters or leaves the interior: where none
/// does up to the root, this step is the last, and has counted right.
static Step advance(ScalarBuilder &b, const Bracket &bracket, const Left &left,
                    Scalar wanted, Elements codes, Scalar firstRank) {
  Scalar point = left.point;
  Scalar more = left.total > wanted;
  Scalar difference = left.total - wanted;
  difference = select(more, difference, 0 - difference);
  Scalar slope = larger(left.interior, b.number(1)).toI64();
  Scalar quotient = divideExactly(difference, slope);
  Scalar up = point + quotient + (quotient * slope != difference).toI64();
  // Left of the root by a little, from where the last step goes right.
  Scalar down = point - quotient - 1;

  // The next threshold: quanta are closer than steps of f32 up to 1.
  Scalar isFine = (point < kOne) & (point > -kOne);
  Scalar next = select(isFine, point + 1, quantaOfCode(bracket.code - 1));
  Scalar low = select(more, next, bracket.low);
  Scalar high = select(more, bracket.high, point);
  Scalar bisect = ((bracket.turn & 3) == 3) | (left.interior == 0);
  Scalar goUp = more & (!bisect);
  Scalar wish = select(bisect, low + ((high - low) >> 1),
                       select(more, up, down));
  Scalar last = high - select(goUp, b.wide(0), b.wide(1));
  Scalar candidate =
      roundToCode(larger(smaller(wish, last), low), goUp);

  auto stays = [&](Scalar rank, function_ref<Scalar(Scalar)> holds) {
    Scalar none = rank <= firstRank;
    Scalar code = codes[select(none, firstRank, rank - 1)];
    return none | holds(code);
  };
  Scalar threshold = scoreOf(candidate);
  Scalar linear =
      goUp & (up <= high) &
      stays(left.rank0, [&](Scalar code) { return code < candidate; }) &
      stays(left.rank1,
            [&](Scalar code) { return isSaturated(code, threshold); });
  Scalar found = linear | ((!more) & (bracket.low == point));
  return {{low, high, candidate, bracket.turn + 1},
          more,
          found,
          select(linear, candidate, bracket.code)};
}

//===----------------------------------------------------------------------===//
// boundaries
//===----------------------------------------------------------------------===//

// A warp for each boundary of chunks: the keys before it, as the table counts
// them by buckets. Where a threshold lies follows from the first codes of the
// buckets, and inside one bucket from all of its codes.

void SelectionKernels::buildBoundaries(StringRef name, int64_t maxBuckets) {
  TileBuilder::InsertionGuard guard(b);
  start(name,
        {numbers("codes"), numbers("order"), numbers("bucket_counts"),
         wideNumbers("bucket_sums"), numbers("bounds"),
         wideNumbers("bound_sums"), b.scalar("chunk_log2"),
         b.scalar("bucket_log2"), b.scalar("boundaries"),
         b.scalar("buckets"), b.scalar("topk")},
        kBoundaryWarps * 32);
  Elements allCounts =
      b.array(kBoundaryWarps * (maxBuckets + 1), b.getI32Type());
  Elements allSums =
      b.array(kBoundaryWarps * (maxBuckets + 1), b.getI64Type());
  Elements heads = b.array(maxBuckets, b.getI32Type());
  Scalar boundaries = b("boundaries"), buckets = b("buckets");
  Scalar bucketLog2 = b("bucket_log2"), topk = b("topk");
  Scalar block = enterRow(ceilShift(boundaries, b.number(kBoundaryWarpsLog2)));
  Scalar warp = b.warp(), lane = b.lane();
  Scalar number = (block << kBoundaryWarpsLog2) + warp;
  Scalar zero = b.number(0), step = b.number(32), last = b.number(31);
  Elements codes = inRow("codes"), order = inRow("order");
  b.loop(b.thread(), buckets, b.number(kBoundaryWarps * 32),
         [&](Scalar i) { heads.set(i, codes[i << bucketLog2]); });
  b.barrier();
  b.ifThen(number < boundaries, [&] {
    Elements counts = allCounts.from(warp * (maxBuckets + 1));
    Elements sums = allSums.from(warp * (maxBuckets + 1));
    Scalar tableRow = row.toI64() * buckets.toI64();
    tableRow = tableRow * boundaries.toI64() + number.toI64();
    Elements tableCounts = b.elements("bucket_counts", tableRow);
    Elements tableSums = b.elements("bucket_sums", tableRow);
    Scalars all = b.loop(
        zero, buckets, step, {zero, b.wide(0)},
        [&](Scalar first, Scalars before) -> Scalars {
          Scalar bucket = first + lane;
          Scalar inside = bucket < buckets;
          Scalar place = select(inside, bucket, zero) * boundaries;
          Scalar count = select(inside, tableCounts[place], zero);
          Scalar sum = select(inside, tableSums[place], b.wide(0));
          Scalar countScan = b.warpScan(count), sumScan = b.warpScan(sum);
          b.ifThen(inside, [&] {
            counts.set(bucket, before[0] + countScan - count);
            sums.set(bucket, before[1] + sumScan - sum);
          });
          return {before[0] + b.broadcast(countScan, last),
                  before[1] + b.broadcast(sumScan, last)};
        });
    b.ifThen(lane == 0, [&] {
      counts.set(buckets, all[0]);
      sums.set(buckets, all[1]);
    });
    b.warpBarrier();

    Scalar end = smaller(number << b("chunk_log2"), keys);
    Document document = documentAt(smaller(end, keys - 1));
    Scalar firstRank = keys - document.end, endRank = keys - document.start;
    Scalar present = end - document.start;

    // The first rank of the document whose code does not pass; how many keys of
    // the prefix come before it, and their sum. Keys of later documents are not
    // in the prefix, those of earlier ones come later.
    Scalar firstBucket = firstRank >> bucketLog2;
    Scalar endBucket = ((endRank - 1) >> bucketLog2) + 1;
    auto split = [&](function_ref<Scalar(Scalar)> passes) -> Scalars {
      // Later buckets of the document begin in it.
      Scalar bucket = b.partition(firstBucket + 1, endBucket,
                                  [&](Scalar at) {
                                    return passes(heads[at]);
                                  }) -
                      1;
      Scalar from = bucket << bucketLog2;
      Scalar first = larger(from, firstRank);
      Scalar past = smaller((bucket + 1) << bucketLog2, endRank);
      constexpr int64_t unroll = 4;
      Scalars rest = b.loop(
          first, past, b.number(32 * unroll), {zero, zero, b.wide(0)},
          [&](Scalar start, Scalars sum) -> Scalars {
            for (int64_t i = 0; i < unroll; ++i) {
              Scalar at = start + i * 32 + lane;
              Scalar safe = smaller(at, keys - 1);
              Scalar code = codes[safe];
              Scalar passed = (at < past) & passes(code);
              Scalar counted = passed & (order[safe] < end);
              Scalar quanta = quantaOfCode(code);
              sum[0] = sum[0] + passed.toI32();
              sum[1] = sum[1] + counted.toI32();
              sum[2] = sum[2] + select(counted, quanta, b.wide(0));
            }
            return sum;
          });
      return {first + b.warpSum(rest[0]),
              counts[bucket] + b.warpSum(rest[1]),
              sums[bucket] + b.warpSum(rest[2])};
    };
    // The rank of the key of the prefix with `count` better ones.
    auto selectRank = [&](Scalar count) -> Scalar {
      Scalar bucket = b.whileLoop(
          {zero, zero},
          [&](const Scalars &v) { return (v[0] < buckets) & (v[1] == 0); },
          [&](const Scalars &v) -> Scalars {
            Scalar at = smaller(v[0] + lane + 1, buckets);
            Scalar below =
                b.ballot((counts[at] <= count) & (v[0] + lane < buckets));
            Scalar found = below.countBits();
            return {v[0] + found, (found < 32).toI32()};
          })[0];
      Scalar missing = count - counts[bucket];
      Scalars place = b.whileLoop(
          {bucket << bucketLog2, missing, b.number(0)},
          [&](const Scalars &v) { return v[1] >= 0; },
          [&](const Scalars &v) -> Scalars {
            Scalar at = v[0] + lane;
            Scalar safe = smaller(at, keys - 1);
            Scalar here = b.ballot((at < keys) & (order[safe] < end));
            Scalar found = here.countBits();
            // The lane before whose key so many are.
            Scalar below = (here & ((b.number(1) << lane) - 1)).countBits();
            Scalar mine = (here >> lane) & 1;
            Scalar hit = b.ballot((mine != 0) & (below == v[1]));
            Scalar hitLane = ((hit - 1) & ~hit).countBits();
            // Past the last key there is nothing to wait for.
            Scalar over = (hit != 0) | (v[0] + 32 >= keys);
            return {v[0] + 32, select(over, b.number(-1), v[1] - found),
                    select(hit != 0, v[0] + hitLane, v[2])};
          });
      return place[2];
    };
    // Where nearly topk is left, by whole buckets: the sum at the first code of
    // every bucket, a lane for each.
    auto guess = [&](Scalar wanted) -> Scalar {
      auto leftAt = [&](Scalar bucket) -> std::pair<Scalar, Scalar> {
        Scalar code = heads[bucket];
        Scalar threshold = scoreOf(code);
        Scalar full =
            b.partition(firstBucket + 1, bucket, [&](Scalar at) {
              return isSaturated(heads[at], threshold);
            });
        Scalar interior = counts[bucket] - counts[full];
        Scalar total = sums[bucket] - sums[full] -
                       quantaOfCode(code) * interior.toI64() +
                       counts[full].toI64() * kOne;
        return {total, interior};
      };
      Scalar begin = firstBucket + 1;
      Scalars search = b.whileLoop(
          {begin, endBucket - begin},
          [](const Scalars &v) { return v[1] > 0; },
          [&](const Scalars &v) -> Scalars {
            Scalar stride = (v[1] + 31) >> 5;
            Scalar offset = (lane + 1) * stride;
            Scalar inside = offset <= v[1];
            Scalar at = v[0] + select(inside, offset, b.number(1)) - 1;
            Scalar enough = inside & (leftAt(at).first <= wanted);
            Scalar passed = b.ballot(enough).countBits() * stride;
            Scalar rest = smaller(stride, v[1] - passed);
            return {v[0] + passed, select(stride == 1, zero, rest)};
          });
      Scalar bucket = smaller(search[0], endBucket - 1);
      auto [total, interior] = leftAt(bucket);
      Scalar difference = larger(total - wanted, b.wide(0));
      Scalar slope = larger(interior, b.number(1)).toI64();
      return quantaOfCode(heads[bucket]) + divideExactly(difference, slope);
    };

    auto store = [&](StringRef vector, int64_t field, Scalar value) {
      b.ifThen(lane == 0, [&] {
        boundField(vector, field, boundaries).set(number, value);
      });
    };
    Scalar enough = present >= topk;
    Scalar theta = b.ifElse(
        enough, [&]() -> Scalars { return {selectRank(topk - 1)}; },
        [&]() -> Scalars { return {endRank}; })[0];
    // The best key that is not selected.
    Scalar nextCode = b.ifElse(
        present > topk, [&]() -> Scalars { return {codes[selectRank(topk)]}; },
        [&]() -> Scalars { return {b.number(kInvalid)}; })[0];
    Scalars result = b.ifElse(
        nextCode < kInvalid,
        [&]() -> Scalars {
          Scalar high = quantaOfCode(nextCode);
          Scalar kth = scoreOf(codes[theta]);
          Scalar below = quantaOf(kth) - (kOne + 2);
          below = quantaOfCode(roundToCode(below, /*up=*/false));
          Scalar low =
              select(kth - scoreOf(nextCode) >= 1, high, smaller(below, high));
          Scalar wanted = topk.toI64() << 24;
          Scalar first = choosePoint(guess(wanted), low, high);
          // Bracket, then whether more turns are to come, then the result.
          Scalars state = b.whileLoop(
              {low, high, first, zero, b.flag(true), zero, zero, zero, zero,
               zero, b.wide(0), b.wide(0)},
              [](const Scalars &v) { return v[4]; },
              [&](const Scalars &v) -> Scalars {
                Scalar code = v[2], threshold = scoreOf(code);
                Scalars above =
                    split([&](Scalar other) { return other < code; });
                Scalars full = split([&](Scalar other) {
                  return isSaturated(other, threshold);
                });
                Scalar point = quantaOfCode(code);
                Scalar interior = above[1] - full[1];
                Scalar total = above[2] - full[2] -
                               point * interior.toI64() +
                               full[1].toI64() * kOne;
                auto [bracket, more, found, root] =
                    advance(b, {v[0], v[1], v[2], v[3]},
                            {point, above[0], full[0], total, interior},
                            wanted, codes, firstRank);
                return {bracket.low, bracket.high, bracket.code,
                        bracket.turn, !found,      root,
                        above[0],     full[0],     above[1],
                        full[1],      above[2],    full[2]};
              });
          return Scalars(state.begin() + 5, state.end());
        },
        [&]() -> Scalars {
          Scalars whole = split([&](Scalar) { return b.flag(true); });
          return {b.number(kInvalid), endRank,  endRank, whole[1],
                  whole[1],           whole[2], whole[2]};
        });
    store("bounds", Theta, theta);
    store("bounds", Code, result[0]);
    store("bounds", Rank0, result[1]);
    store("bounds", Rank1, result[2]);
    store("bounds", Count0, result[3]);
    store("bounds", Count1, result[4]);
    store("bound_sums", Sum0, result[5]);
    store("bound_sums", Sum1, result[6]);
  });
}

//===----------------------------------------------------------------------===//
// rank_scan
//===----------------------------------------------------------------------===//

// As the prefix grows each of the three thresholds passes every rank once, in
// one chunk. Sums along the ranks over the keys that were there when that chunk
// began answer how many keys lie between any two ranks that the threshold
// passes in one chunk. So all work is linear, whatever the scores.

void SelectionKernels::buildScan() {
  TileBuilder::InsertionGuard guard(b);
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  Type fours = VectorType::get(4, i32), twos = VectorType::get(2, i64);
  start("rank_scan",
        {numbers("codes"), numbers("order"), numbers("bounds"),
         b.vector("theta_counts", fours), b.vector("counts0", fours),
         b.vector("counts1", fours), b.vector("sums0", twos),
         b.vector("sums1", twos), numbers("tile_counts"),
         wideNumbers("tile_sums"), b.scalar("chunk_log2"),
         b.scalar("boundaries")},
        kTableThreads);
  Elements thresholds[3], totals[3];
  for (Elements &threshold : thresholds)
    threshold = b.array(kMaxBoundaries, i32);
  for (Elements &total : totals)
    total = b.array(kTableThreads / 32, i64);
  Scalar boundaries = b("boundaries");
  Scalar tiles = (keys >> kScanTileLog2) + 1;
  Scalar tile = enterRow(tiles);
  Scalar thread = b.thread(), lane = b.lane(), warp = b.warp();
  constexpr int64_t fields[] = {Theta, Rank0, Rank1};
  b.loop(thread, boundaries, b.number(kTableThreads), [&](Scalar i) {
    for (int64_t which = 0; which < 3; ++which)
      thresholds[which].set(i,
                            boundField("bounds", fields[which], boundaries)[i]);
  });
  b.barrier();

  Elements codes = inRow("codes"), order = inRow("order");
  Scalar first = (tile << kScanTileLog2) + thread * kScanPerThread;
  // The last boundary at which a threshold was still beyond a rank.
  Scalars chunks;
  for (const Elements &threshold : thresholds) {
    Scalar past = b.partition(b.number(1), boundaries,
                              [&](Scalar i) { return threshold[i] > first; });
    chunks.push_back(past - 1);
  }
  Scalars quanta;
  SmallVector<Scalars> flags(3);
  Scalar counts = b.wide(0);
  Scalars sums{b.wide(0), b.wide(0)};
  for (int64_t i = 0; i < kScanPerThread; ++i) {
    Scalar rank = first + i;
    Scalar inside = rank < keys;
    Scalar safe = smaller(rank, keys - 1);
    Scalar position = order[safe];
    quanta.push_back(quantaOfCode(codes[safe]));
    for (int64_t which = 0; which < 3; ++which) {
      // Mostly the one of the rank before.
      Scalar chunk = chunks[which];
      Scalar holds = (chunk == 0) | (thresholds[which][chunk] > rank);
      chunks[which] = b.ifElse(
          holds, [&]() -> Scalars { return {chunk}; },
          [&]() -> Scalars {
            Scalar past = b.partition(b.number(1), chunk, [&](Scalar at) {
              return thresholds[which][at] > rank;
            });
            return {past - 1};
          })[0];
      Scalar begin = chunks[which] << b("chunk_log2");
      Scalar there = inside & (position < begin);
      flags[which].push_back(there);
      counts = counts + (there.toI64() << (20 * which));
      if (which > 0)
        sums[which - 1] =
            sums[which - 1] + select(there, quanta.back(), b.wide(0));
    }
  }
  // Over the block: counts in fields of 20 bits, then the two sums.
  Scalar mine[] = {counts, sums[0], sums[1]};
  Scalar scans[3];
  for (int64_t i = 0; i < 3; ++i) {
    scans[i] = b.warpScan(mine[i]);
    b.ifThen(lane == 31, [&] { totals[i].set(warp, scans[i]); });
  }
  b.barrier();
  Scalar before[3], total[3];
  for (int64_t i = 0; i < 3; ++i) {
    before[i] = scans[i] - mine[i];
    total[i] = b.wide(0);
    for (int64_t other = 0; other < kTableThreads / 32; ++other) {
      Scalar part = totals[i][b.number(other)];
      before[i] = before[i] + select(warp > other, part, b.wide(0));
      total[i] = total[i] + part;
    }
  }
  auto countOf = [&](Scalar packedCounts, int64_t which) {
    return (packedCounts >> (20 * which)).toI32() & 0xfffff;
  };

  Scalar stride = b("row_stride");
  b.ifThen(first < stride, [&] {
    Scalar place = rowBase + first.toI64();
    constexpr StringRef countNames[] = {"theta_counts", "counts0", "counts1"};
    constexpr StringRef sumNames[] = {"", "sums0", "sums1"};
    for (int64_t which = 0; which < 3; ++which) {
      Scalar count = countOf(before[0], which);
      Scalar sum = before[which];
      SmallVector<Value> countValues, sumValues;
      for (int64_t i = 0; i < kScanPerThread; ++i) {
        countValues.push_back(count);
        sumValues.push_back(sum);
        count = count + flags[which][i].toI32();
        if (which > 0)
          sum = sum + select(flags[which][i], quanta[i], b.wide(0));
      }
      auto storeParts = [&](StringRef name, VectorType type,
                            ArrayRef<Value> values, int64_t sizeLog2) {
        int64_t size = int64_t(1) << sizeLog2;
        for (int64_t i = 0; i < kScanPerThread; i += size) {
          Value part =
              vector::FromElementsOp::create(b, type, values.slice(i, size));
          b.elements(name, (place >> sizeLog2) + i / size)
              .set(b.number(0), Scalar(b, part));
        }
      };
      storeParts(countNames[which], cast<VectorType>(fours), countValues, 2);
      if (which > 0)
        storeParts(sumNames[which], cast<VectorType>(twos), sumValues, 1);
    }
  });
  b.ifThen(thread == 0, [&] {
    Scalar entry = row * tiles + tile;
    for (int64_t which = 0; which < 3; ++which)
      b.elements("tile_counts", entry * 3)
          .set(b.number(which), countOf(total[0], which));
    for (int64_t which = 1; which < 3; ++which)
      b.elements("tile_sums", entry * 2).set(b.number(which - 1), total[which]);
  });
}

//===----------------------------------------------------------------------===//
// thresholds
//===----------------------------------------------------------------------===//

// A block for each chunk, a thread for each prefix that ends in it. The keys
// before the chunk enter by their sums along the ranks. Of the chunk's own keys
// those that stay saturated or interior in the whole chunk enter by counts; the
// rest is walked over.

void SelectionKernels::buildThresholds(StringRef name, int64_t chunk) {
  TileBuilder::InsertionGuard guard(b);
  Type i32 = b.getI32Type(), i64 = b.getI64Type(), f32 = b.getF32Type();
  start(name,
        {b.memref("u", "bhn", f32), numbers("codes"), numbers("ranks"),
         numbers("bounds"), wideNumbers("bound_sums"), numbers("theta_counts"),
         numbers("counts0"), numbers("counts1"), wideNumbers("sums0"),
         wideNumbers("sums1"), numbers("tile_counts"), wideNumbers("tile_sums"),
         numbers("thetas"), b.memref("tau", "bhn", f32),
         b.memref("interior", "bhn", i32), b.scalar("boundaries"),
         b.scalar("topk"), b.scalar("window")},
        chunk);
  int64_t warps = chunk / 32;
  // Own keys that a threshold passes in this chunk, and ranks that the k-th
  // best key passes.
  // Walks over them go four at a time.
  constexpr int64_t unroll = 4;
  Elements openCodes = b.array(chunk + unroll, i32);
  Elements openQuanta = b.array(chunk + unroll, i64);
  Elements openRanks = b.array(chunk + unroll, i32);
  Elements tileCounts[3], tileSums[3], warpTotals[2];
  for (int64_t i = 0; i < 3; ++i)
    tileCounts[i] = b.array(kMaxScanTiles, i32);
  for (int64_t i = 1; i < 3; ++i)
    tileSums[i] = b.array(kMaxScanTiles, i64);
  for (Elements &total : warpTotals)
    total = b.array(warps, i32);
  Elements warpSums = b.array(warps, i64);
  Elements countsAt, sumsAt;
  if (packed) {
    countsAt = b.array(chunk, i32);
    sumsAt = b.array(chunk, i64);
  }

  Scalar boundaries = b("boundaries"), topk = b("topk"), window = b("window");
  Scalar number = enterRow(boundaries - 1);
  Scalar thread = b.thread(), lane = b.lane(), warp = b.warp();
  Scalar zero = b.number(0), none = b.wide(0);
  Scalar begin = number * chunk;
  Boundary left = loadBoundary(number, boundaries);
  Boundary right = loadBoundary(number + 1, boundaries);
  Document leftDocument = documentAt(begin);
  Document rightDocument = documentAt(smaller(begin + chunk, keys - 1));
  Elements codes = inRow("codes");

  //===--- Own keys -------------------------------------------------------===//
  Scalar position = begin + thread;
  Scalar exists = position < keys;
  Scalar safePosition = smaller(position, keys - 1);
  Document document = documentAt(safePosition);
  Scalar code = codeOf(loadScore(safePosition));
  Scalar rank = inRow("ranks")[safePosition];
  Scalar sameLeft = document.start == leftDocument.start;
  Scalar sameRight = document.start == rightDocument.start;
  Scalar hasLeft = sameLeft & (left.code < kInvalid);
  Scalar hasRight = sameRight & (right.code < kInvalid);
  Scalar leftScore = scoreOf(left.code), rightScore = scoreOf(right.code);
  Scalar valid = exists & (code < kInvalid);
  Scalar saturated = valid & hasRight & isSaturated(code, rightScore);
  Scalar inner = valid & (!saturated) & hasRight & (code < right.code) &
                 hasLeft & (!isSaturated(code, leftScore));
  Scalar open =
      valid & (!saturated) & (!inner) & ((!hasLeft) | (code < left.code));
  Scalar better = exists & (rank < right.theta);
  Scalar passed = exists & (!better) & (rank < left.theta);

  // Inclusive sums over the block, counts in fields of 10 bits.
  Scalar quanta = quantaOfCode(code);
  Scalar classes =
      saturated.toI32() | (inner.toI32() << 10) | (open.toI32() << 20);
  Scalar rankClasses = better.toI32() | (passed.toI32() << 10);
  Scalar innerQuanta = select(inner, quanta, none);
  Scalar counts = b.warpScan(classes), rankCounts = b.warpScan(rankClasses);
  Scalar innerSum = b.warpScan(innerQuanta);
  b.ifThen(lane == 31, [&] {
    warpTotals[0].set(warp, counts);
    warpTotals[1].set(warp, rankCounts);
    warpSums.set(warp, innerSum);
  });

  openCodes.set(thread, b.number(kPadding));
  openQuanta.set(thread, none);
  openRanks.set(thread, b.number(kPadding));
  b.ifThen(thread < unroll, [&] {
    openCodes.set(thread + chunk, b.number(kPadding));
    openQuanta.set(thread + chunk, none);
    openRanks.set(thread + chunk, b.number(kPadding));
  });

  //===--- Offsets of the tiles of sums along the ranks -------------------===//
  // One warp for each threshold.
  Scalar tiles = (keys >> kScanTileLog2) + 1;
  Scalar rowTiles = row * tiles;
  auto offsets = [&](int64_t which, Scalar low, Scalar high) {
    b.ifThen(warp == which, [&] {
      Scalar firstTile = low >> kScanTileLog2;
      Scalar endTile = (high >> kScanTileLog2) + 1;
      b.loop(firstTile, endTile, b.number(32), {zero, none},
             [&](Scalar first, Scalars before) -> Scalars {
               Scalar tile = first + lane;
               Scalar inside = tile < endTile;
               Scalar entry = rowTiles + select(inside, tile, firstTile);
               Elements ofCounts = b.elements("tile_counts", entry * 3);
               Scalar count = select(inside, ofCounts[b.number(which)], zero);
               Scalar countScan = b.warpScan(count);
               Scalar last = b.number(31);
               b.ifThen(inside, [&] {
                 tileCounts[which].set(tile, before[0] + countScan - count);
               });
               Scalar sums = before[1];
               if (which > 0) {
                 Elements ofSums = b.elements("tile_sums", entry * 2);
                 Scalar sum = select(inside, ofSums[b.number(which - 1)], none);
                 Scalar sumScan = b.warpScan(sum);
                 b.ifThen(inside, [&] {
                   tileSums[which].set(tile, before[1] + sumScan - sum);
                 });
                 sums = sums + b.broadcast(sumScan, last);
               }
               return {before[0] + b.broadcast(countScan, last), sums};
             });
    });
  };
  offsets(0, right.theta, left.theta);
  offsets(1, right.rank0, left.rank0);
  offsets(2, right.rank1, left.rank1);
  b.barrier();

  Scalar isWarp = lane < warps;
  Scalar otherWarp = select(isWarp, lane, zero);
  Scalar earlier = isWarp & (lane < warp);
  counts = counts + b.warpSum(select(earlier, warpTotals[0][otherWarp], zero));
  rankCounts =
      rankCounts + b.warpSum(select(earlier, warpTotals[1][otherWarp], zero));
  innerSum = innerSum + b.warpSum(select(earlier, warpSums[otherWarp], none));
  b.ifThen(open, [&] {
    Scalar place = (counts >> 20) - 1;
    openCodes.set(place, code);
    openQuanta.set(place, quanta);
  });
  b.ifThen(passed, [&] { openRanks.set((rankCounts >> 10) - 1, rank); });
  if (packed) {
    countsAt.set(thread, counts - classes);
    sumsAt.set(thread, innerSum - innerQuanta);
  }
  b.barrier();

  b.ifThen(exists, [&] {
    Scalar firstRank = keys - document.end, endRank = keys - document.start;
    auto along = [&](StringRef vector, const Elements &tileOffsets, Scalar at) {
      return tileOffsets[at >> kScanTileLog2] + inRow(vector)[at];
    };
    Scalar one = b.number(1), step = b.number(unroll);

    //===--- The k-th best key
    //----------------------------------------------===//
    Scalar leftPresent = begin - leftDocument.start;
    Scalar beforeTheta = select(leftPresent >= topk, topk - 1, leftPresent);
    Scalar ownBetter = rankCounts & 1023, ownPassed = rankCounts >> 10;
    Scalar offset = beforeTheta + ownBetter -
                    along("theta_counts", tileCounts[0], left.theta);
    Scalar theta = b.partition(
        larger(right.theta, firstRank), smaller(left.theta, endRank),
        [&](Scalar at) {
          Scalar count = offset + along("theta_counts", tileCounts[0], at + 1);
          Scalars own = b.loop(
              zero, ownPassed, step, {count, zero, zero, zero},
              [&](Scalar i, Scalars v) -> Scalars {
                for (int64_t j = 0; j < unroll; ++j) {
                  Scalar counted = (i + j < ownPassed) & (openRanks[i + j] <= at);
                  v[j] = v[j] + counted.toI32();
                }
                return v;
              });
          return own[0] + own[1] + own[2] + own[3] < topk;
        });
    inRow("thetas").set(position, theta);

    //===--- The threshold
    //--------------------------------------------------===//
    Scalar present = position - document.start + 1;
    Scalar kthCode = codes[smaller(theta, keys - 1)];
    Scalar bounded = (present > topk) & (kthCode < kInvalid) &
                     !(sameRight & (right.code >= kInvalid));
    Scalars result = b.ifElse(
        bounded,
        [&]() -> Scalars {
          Scalar ownCounts = counts, ownSum = innerSum, firstOpen = zero;
          if (packed) {
            // Own keys of earlier documents are none of this one's.
            Scalar first = larger(document.start - begin, zero);
            Scalar base = countsAt[first];
            ownCounts = counts - base;
            ownSum = innerSum - sumsAt[first];
            firstOpen = base >> 20;
          }
          Scalar ownSaturated = ownCounts & 1023;
          Scalar ownInner = (ownCounts >> 10) & 1023;
          Scalar endOpen = counts >> 20;
          Scalar low0 = larger(right.rank0, firstRank);
          Scalar high0 = smaller(left.rank0, endRank);
          Scalar low1 = larger(right.rank1, firstRank);
          Scalar high1 = smaller(left.rank1, endRank);
          // What the keys before the chunk add to at rank 0.
          Scalar count0At =
              left.count0 - along("counts0", tileCounts[1], left.rank0);
          Scalar count1At =
              left.count1 - along("counts1", tileCounts[2], left.rank1);
          Scalar sum0At = left.sum0 - along("sums0", tileSums[1], left.rank0);
          Scalar sum1At = left.sum1 - along("sums1", tileSums[2], left.rank1);

          // `ranks`: between which the two ranks are.
          auto evaluate = [&](Scalar at, Scalars ranks) -> Left {
            Scalar threshold = scoreOf(at), point = quantaOfCode(at);
            // Both searches in step, so that their loads overlap.
            ranks = b.whileLoop(
                ranks,
                [](const Scalars &v) { return (v[0] < v[1]) | (v[2] < v[3]); },
                [&](const Scalars &v) -> Scalars {
                  Scalar open0 = v[0] < v[1], open1 = v[2] < v[3];
                  Scalar middle0 = (v[0] + v[1]) >> 1;
                  Scalar middle1 = (v[2] + v[3]) >> 1;
                  Scalar passed0 = codes[smaller(middle0, keys - 1)] < at;
                  Scalar passed1 =
                      isSaturated(codes[smaller(middle1, keys - 1)], threshold);
                  return {select(open0 & passed0, middle0 + 1, v[0]),
                          select(open0 & (!passed0), middle0, v[1]),
                          select(open1 & passed1, middle1 + 1, v[2]),
                          select(open1 & (!passed1), middle1, v[3])};
                });
            Scalar rank0 = ranks[0], rank1 = ranks[2];
            Scalar count0 = count0At + along("counts0", tileCounts[1], rank0);
            Scalar count1 = count1At + along("counts1", tileCounts[2], rank1);
            Scalar sum0 = sum0At + along("sums0", tileSums[1], rank0);
            Scalar sum1 = sum1At + along("sums1", tileSums[2], rank1);
            Scalar interior = count0 - count1 + ownInner;
            Scalar full = count1 + ownSaturated;
            Scalar total = sum0 - sum1 + ownSum - point * interior.toI64() +
                           full.toI64() * kOne;
            Scalars v = b.loop(
                firstOpen, endOpen, step,
                {total, none, none, none, interior, zero, zero, zero},
                [&](Scalar i, Scalars sums) -> Scalars {
                  for (int64_t j = 0; j < unroll; ++j) {
                    Scalar other = openCodes[i + j];
                    Scalar above = (i + j < endOpen) & (other < at);
                    Scalar isFull = isSaturated(other, threshold);
                    Scalar part = select(isFull, b.wide(kOne),
                                         openQuanta[i + j] - point);
                    sums[j] = sums[j] + select(above, part, none);
                    sums[unroll + j] =
                        sums[unroll + j] + (above & (!isFull)).toI32();
                  }
                  return sums;
                });
            total = v[0] + v[1] + (v[2] + v[3]);
            interior = v[4] + v[5] + (v[6] + v[7]);
            return {point, rank0, rank1, total, interior};
          };
          // Where topk keys are all at least 1 above the others the sum is flat
          // below the k-th best one; the root is the best of the others.
          auto bestBelow = [&](Scalar at, Scalar rank0) -> Scalar {
            Scalar already = along("counts0", tileCounts[1], rank0);
            Scalar next = b.partition(rank0, high0, [&](Scalar i) {
              return along("counts0", tileCounts[1], i + 1) <= already;
            });
            Scalar there = next < high0;
            Scalar best = codes[select(there, next, firstRank)];
            Scalar atLeft = select(hasLeft, left.code, b.number(kInvalid));
            best = select(there, best, atLeft);
            return b.loop(firstOpen, endOpen, one, {best},
                          [&](Scalar i, Scalars v) -> Scalars {
                            Scalar other = openCodes[i];
                            Scalar below = other >= at;
                            return {
                                select(below & (other < v[0]), other, v[0])};
                          })[0];
          };

          Scalar kthQuanta = quantaOfCode(kthCode);
          Scalar high =
              select(hasRight, smaller(kthQuanta, quantaOfCode(right.code)),
                     kthQuanta);
          Scalar lowest =
              quantaOfCode(roundToCode(kthQuanta - (kOne + 2), /*up=*/false));
          Scalar leftQuanta = quantaOfCode(left.code);
          Scalar fromKth = (!hasLeft) | (lowest > leftQuanta);
          Scalar low = smaller(select(fromKth, lowest, leftQuanta), high);
          Scalar part = (high - low) * (thread + 1).toI64() / b.wide(chunk);
          Scalar wish = select(hasLeft & hasRight, low + part, high - 1);
          Scalar wanted = topk.toI64() << 24;
          // Bracket, whether the low end comes from the k-th best key, whether
          // more turns are to come, code and interior of the result, and between
          // which ranks the threshold is.
          Scalars state = b.whileLoop(
              {low, high, choosePoint(wish, low, high), zero, fromKth,
               b.flag(true), zero, zero, low0, high0, low1, high1},
              [](const Scalars &v) { return v[5]; },
              [&](const Scalars &v) -> Scalars {
                Left left = evaluate(v[2], Scalars(v.begin() + 8, v.end()));
                auto [bracket, more, found, code] =
                    advance(b, {v[0], v[1], v[2], v[3]}, left, wanted, codes,
                            firstRank);
                Scalar isFlat =
                    found & v[4] & (v[0] == left.point) & (!more);
                Scalar root = b.ifElse(
                    isFlat,
                    [&]() -> Scalars { return {bestBelow(v[2], left.rank0)}; },
                    [&, code = code]() -> Scalars { return {code}; })[0];
                // Its interior is still to be counted.
                Scalar again = isFlat & (root < kInvalid);
                Scalar rootQuanta = quantaOfCode(root);
                return {select(again, rootQuanta, bracket.low),
                        select(again, rootQuanta, bracket.high),
                        select(again, choosePoint(rootQuanta, rootQuanta,
                                                  rootQuanta + 1),
                               bracket.code),
                        bracket.turn,
                        // Where more is left, the low end moves.
                        v[4] & (!again) & (!more),
                        (!found) | again,
                        root,
                        select(isFlat, zero, left.interior),
                        select(more | again, v[8], left.rank0),
                        select(more & (!again), left.rank0,
                               select(again, high0, v[9])),
                        select(more | again, v[10], left.rank1),
                        select(more & (!again), left.rank1,
                               select(again, high1, v[11]))};
              });
          return {state[6], state[7]};
        },
        [&]() -> Scalars { return {b.number(kInvalid), zero}; });
    Scalar query = position + window;
    Scalar tau = scoreOf(result[0]);
    b.ifThen(query < document.end, [&] {
      storeInRow("tau", query, tau);
      storeInRow("interior", query, result[1]);
    });
    // Queries before the first key enters the pool.
    b.ifThen(position - document.start < window, [&] {
      storeInRow("tau", position, scoreOf(b.number(kInvalid)));
      storeInRow("interior", position, zero);
    });
  });
}

//===----------------------------------------------------------------------===//
// expiries
//===----------------------------------------------------------------------===//

// A key is evicted by the first prefix whose k-th best key is better than it.

void SelectionKernels::buildExpiries() {
  TileBuilder::InsertionGuard guard(b);
  start("expiries",
        {numbers("codes"), numbers("order"), numbers("bounds"),
         numbers("thetas"), b.memref("expiry", "bhn", b.getI32Type()),
         b.scalar("chunk_log2"), b.scalar("boundaries"), b.scalar("window")},
        kTableThreads);
  Scalar boundaries = b("boundaries"), chunkLog2 = b("chunk_log2");
  Scalar eight = b.number(8);
  Scalar block = enterRow(ceilShift(keys, eight));
  Scalar rank = (block << eight) + b.thread();
  b.ifThen(rank < keys, [&] {
    Scalar code = inRow("codes")[rank], position = inRow("order")[rank];
    Document document = documentAt(position);
    Elements thetas = inRow("thetas");
    Elements bounds = boundField("bounds", Theta, boundaries);
    // The chunk in which the k-th best key passes this one.
    Scalar past = b.partition(b.number(1), boundaries,
                              [&](Scalar i) { return bounds[i] >= rank; });
    Scalar first = smaller((past - 1) << chunkLog2, keys);
    Scalar end = smaller(past << chunkLog2, keys);
    Scalar evicted =
        b.partition(first, end, [&](Scalar at) { return thetas[at] >= rank; });
    Scalar window = b("window");
    Scalar last = larger(evicted, position);
    Scalar expiry =
        select(evicted < document.end, window + last - document.start,
               b.number(std::numeric_limits<int32_t>::max()));
    Scalar birth = window + position - document.start;
    storeInRow("expiry", position, select(code < kInvalid, expiry, birth));
  });
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

void sparsek::buildSelectionKernels(Location loc, OpBuilder &at, bool packed) {
  ScalarBuilder b(loc, at.getContext());
  b.restoreInsertionPoint(at.saveInsertionPoint());
  if (packed)
    buildDocumentsKernel(b);
  SelectionKernels kernels(b, packed);
  kernels.buildSort();
  kernels.buildMerge();
  kernels.buildCount("count_scores", /*isFirst=*/true);
  kernels.buildScatter("scatter_scores", /*isFirst=*/true);
  kernels.buildCount("count_digits", /*isFirst=*/false);
  kernels.buildScatter("scatter_digits", /*isFirst=*/false);
  kernels.buildTable();
  for (const SelectionSize &size : kSelectionSizes)
    kernels.buildBoundaries(size.boundaries, size.maxBuckets);
  kernels.buildScan();
  for (const SelectionSize &size : kSelectionSizes)
    kernels.buildThresholds(size.thresholds, size.chunk);
  kernels.buildExpiries();
}
