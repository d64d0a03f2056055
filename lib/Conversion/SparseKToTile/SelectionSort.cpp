//===- SelectionSort.cpp - Keys by descending score -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// By digits of 8 bits from the lowest on, each pass stable. In a block the
// warps have their items in the order of their places; lanes with one digit
// find each other by ballots. Short rows are sorted in tiles of shared memory,
// whose sorted lists are merged; long rows in passes over all tiles.

#include "SelectionKernels.h"

#include <limits>

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

static constexpr int64_t kSortTile = int64_t(1) << kSortTileLog2;
static constexpr int64_t kRadixThreads = 512;
static constexpr int64_t kRadixTile = int64_t(1) << kRadixTileLog2;

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
    // The warp counts one item after the other.
    if (!ranks.empty())
      b.warpBarrier();
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
                      Scalar digit = digitOf(current[i], first + place, shift);
                      digits.push_back(select(current[items + i] < count, digit,
                                              b.number(255)));
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
  return {inRow("codes_from")[place], loadPosition("order_from", place)};
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
  Scalars tileSums =
      b.loop(from, end, b.number(unroll), {zero, zero},
             [&](Scalar other, Scalars sum) -> Scalars {
               Scalars parts;
               for (int64_t i = 0; i < unroll; ++i)
                 parts.push_back(counts[smaller(other + i, tiles - 1) << 8]);
               for (int64_t i = 0; i < unroll; ++i) {
                 sum[0] = sum[0] + select(other + i < end, parts[i], zero);
                 sum[1] = sum[1] + select(other + i < smaller(tile, end),
                                          parts[i], zero);
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
  Scalar base = b.broadcast(before, warp & 7) - sort.getStart(thread & 255);
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
    Scalar position = loadPosition("order_from", place);
    Document document = documentAt(position);
    Scalar list = place >> listLog2;
    Scalar firstList = list & ~b.number(lists - 1);

    // The range in each other list where this document's keys are.
    Scalars starts, lows, highs, bounds;
    for (int64_t i = 1; i < lists; ++i) {
      Scalar other = firstList + ((list + i) & (lists - 1));
      Scalar begin = smaller(other << listLog2, keys);
      Scalar end = smaller((other + 1) << listLog2, keys);
      auto fromEnd = [&](Scalar x) {
        return begin + (end - larger(smaller(x, end), begin));
      };
      lows.push_back(packed ? fromEnd(document.end) : begin);
      highs.push_back(packed ? fromEnd(document.start) : end);
      // Of equal scores the earlier one comes first.
      bounds.push_back(code + (other < list).toI32());
      starts.push_back(begin);
    }
    Scalars places = b.partition(lows, highs, [&](unsigned i, Scalar at) {
      return codes[at] < bounds[i];
    });
    Scalar rank = place - (list << listLog2);
    for (int64_t i = 0; i < lists - 1; ++i)
      rank = rank + (places[i] - starts[i]);
    Scalar to = (firstList << listLog2) + rank;
    inRow("codes_to").set(to, code);
    inRow("order_to").set(to, position);
  });
}
