//===- SelectionThresholds.cpp - Thresholds and lives of all keys ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SelectionKernels.h"
#include "ThresholdSearch.h"

#include <limits>

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

//===----------------------------------------------------------------------===//
// thresholds
//===----------------------------------------------------------------------===//

// A block for each chunk, a thread for each prefix that ends in it. The keys
// before the chunk enter by their sums along the ranks. Of the chunk's own keys
// those that stay saturated or interior in the whole chunk enter by counts; the
// rest is walked over.

void SelectionKernels::buildThresholds(const SelectionSize &size) {
  TileBuilder::InsertionGuard guard(b);
  int64_t chunk = size.chunk;
  Type i32 = b.getI32Type(), i64 = b.getI64Type(), f32 = b.getF32Type();
  start(size.thresholds,
        {b.memref("u", "bhn", f32), numbers("codes"), numbers("ranks"),
         numbers("bounds"), wideNumbers("bound_sums"), numbers("theta_counts"),
         numbers("counts0"), numbers("counts1"), wideNumbers("sums0"),
         wideNumbers("sums1"), numbers("tile_counts"), wideNumbers("tile_sums"),
         numbers("thetas"), b.memref("tau", "bhn", f32),
         b.memref("interior", "bhn", i32), b.scalar("boundaries"),
         b.scalar("topk"), b.scalar("window")},
        chunk);
  int64_t warps = chunk / 32;
  // Walks go four at a time, over own keys that a threshold passes in this
  // chunk and over ranks that the k-th best key passes.
  constexpr int64_t unroll = 4;
  Elements openCodes = b.array(chunk + unroll, i32);
  Elements openQuanta = b.array(chunk + unroll, i64);
  Elements openRanks = b.array(chunk + unroll, i32);
  int64_t maxTiles = (size.maxKeys >> kScanTileLog2) + 1;
  Elements tileCounts[3], tileSums[3], warpTotals[2];
  for (int64_t i = 0; i < 3; ++i)
    tileCounts[i] = b.array(maxTiles, i32);
  for (int64_t i = 1; i < 3; ++i)
    tileSums[i] = b.array(maxTiles, i64);
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
  Scalar tiles = (keys >> kScanTileLog2) + 1;
  Scalar rowTiles = row * tiles;
  Scalar firstTiles[] = {right.theta >> kScanTileLog2,
                         right.rank0 >> kScanTileLog2,
                         right.rank1 >> kScanTileLog2};
  Scalar endTiles[] = {(left.theta >> kScanTileLog2) + 1,
                       (left.rank0 >> kScanTileLog2) + 1,
                       (left.rank1 >> kScanTileLog2) + 1};
  // Of some of the thresholds, in step.
  auto sumTiles = [&](ArrayRef<int64_t> thresholds) {
    Scalar most = zero;
    Scalars before;
    for (int64_t which : thresholds) {
      most = larger(most, endTiles[which] - firstTiles[which]);
      before.append({zero, none});
    }
    b.loop(zero, most, b.number(32), before, [&](Scalar start, Scalars sums) {
      Scalar last = b.number(31);
      for (auto [i, which] : llvm::enumerate(thresholds)) {
        Scalar tile = firstTiles[which] + start + lane;
        Scalar inside = tile < endTiles[which];
        Scalar entry = rowTiles + select(inside, tile, firstTiles[which]);
        auto add = [&](StringRef vector, int64_t fields, int64_t field,
                       Scalar &sum, const Elements &offsets) {
          Scalar part = b.elements(vector, entry * fields)[b.number(field)];
          part = select(inside, part, part.constant(0));
          Scalar scan = b.warpScan(part);
          b.ifThen(inside, [&] { offsets.set(tile, sum + scan - part); });
          sum = sum + b.broadcast(scan, last);
        };
        add("tile_counts", 3, which, sums[2 * i], tileCounts[which]);
        if (which > 0)
          add("tile_sums", 2, which - 1, sums[2 * i + 1], tileSums[which]);
      }
      return sums;
    });
  };
  assert((warps == 1 || warps >= 3) && "two warps would share a part");
  if (warps == 1)
    sumTiles({0, 1, 2});
  else
    for (int64_t which = 0; which < 3; ++which)
      b.ifThen(warp == which, [&] { sumTiles(which); });
  b.barrier();

  if (warps > 1) {
    Scalar earlier = lane < warp;
    auto addEarlier = [&](Scalar &sum, const Elements &totals) {
      Scalar total = totals[select(earlier, lane, zero)];
      sum = sum + b.warpSum(select(earlier, total, total.constant(0)));
    };
    addEarlier(counts, warpTotals[0]);
    addEarlier(rankCounts, warpTotals[1]);
    addEarlier(innerSum, warpSums);
  }
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

    //===--- The k-th best key --------------------------------------------===//
    Scalar leftPresent = begin - leftDocument.start;
    Scalar beforeTheta = select(leftPresent >= topk, topk - 1, leftPresent);
    Scalar ownBetter = rankCounts & 1023, ownPassed = rankCounts >> 10;
    Scalar offset = beforeTheta + ownBetter -
                    along("theta_counts", tileCounts[0], left.theta);
    Scalar theta = b.partition(
        larger(right.theta, firstRank), smaller(left.theta, endRank),
        [&](Scalar at) {
          Scalar count = offset + along("theta_counts", tileCounts[0], at + 1);
          Scalars own = b.loop(zero, ownPassed, step, {count, zero, zero, zero},
                               [&](Scalar i, Scalars v) -> Scalars {
                                 for (int64_t j = 0; j < unroll; ++j) {
                                   Scalar counted = (i + j < ownPassed) &
                                                    (openRanks[i + j] <= at);
                                   v[j] = v[j] + counted.toI32();
                                 }
                                 return v;
                               });
          return own[0] + own[1] + own[2] + own[3] < topk;
        });
    inRow("thetas").set(position, theta);

    //===--- The threshold ------------------------------------------------===//
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
          auto evaluate = [&](Scalar at, const Scalars &ranks) -> Left {
            Scalar threshold = scoreOf(at), point = quantaOfCode(at);
            Scalars found =
                b.partition({ranks[0], ranks[2]}, {ranks[1], ranks[3]},
                            [&](unsigned which, Scalar i) {
                              Scalar other = codes[i];
                              return which == 0 ? other < at
                                                : isSaturated(other, threshold);
                            });
            Scalar rank0 = found[0], rank1 = found[1];
            Scalar count0 = count0At + along("counts0", tileCounts[1], rank0);
            Scalar count1 = count1At + along("counts1", tileCounts[2], rank1);
            Scalar sum0 = sum0At + along("sums0", tileSums[1], rank0);
            Scalar sum1 = sum1At + along("sums1", tileSums[2], rank1);
            Scalar interior = count0 - count1 + ownInner;
            Scalar full = count1 + ownSaturated;
            Scalar total = sum0 - sum1 + ownSum - point * interior.toI64() +
                           full.toI64() * kOne;
            Scalars v =
                b.loop(firstOpen, endOpen, step,
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
          // As if the threshold rose evenly from the left end, or from the
          // first prefix that has one, to the right end.
          Scalar rightPresent =
              smaller(begin + chunk, keys) - rightDocument.start;
          Scalar steps = select(hasLeft, thread + 1, present - topk);
          Scalar allSteps =
              select(hasLeft, b.number(chunk), rightPresent - topk);
          Scalar part = steps.toF32() / allSteps.toF32();
          // The first thresholds rise faster: with the power 3/8 of the part,
          // which suits short tails of scores as well as long ones.
          part = b.ifElse(
              hasLeft, [&]() -> Scalars { return {part}; },
              [&]() -> Scalars {
                Scalar root = part.squareRoot();
                return {(root * root.squareRoot()).squareRoot()};
              })[0];
          Scalar rise = ((high - low).toF32() * part).truncatedToI64();
          Scalar wish = select(hasRight, low + rise, high - 1);
          Scalar wanted = topk.toI64() << 24;
          // Bracket, whether the low end comes from the k-th best key, whether
          // more turns are to come, code and interior of the result, and
          // between which ranks the threshold is.
          Scalars state = b.whileLoop(
              {low, high, choosePoint(wish, low, high), zero, fromKth,
               b.flag(true), zero, zero, low0, high0, low1, high1},
              [](const Scalars &v) { return v[5]; },
              [&](const Scalars &v) -> Scalars {
                Left left = evaluate(v[2], Scalars(v.begin() + 8, v.end()));
                auto [bracket, more, found, code] =
                    advance(b, {v[0], v[1], v[2], v[3]}, left, wanted, codes,
                            firstRank, endRank);
                // An interior that adds nothing has the quanta of the point:
                // this is the root.
                Scalar isFlat = found & v[4] & (v[0] == left.point) & (!more) &
                                (left.interior == 0);
                Scalar root = b.ifElse(
                    isFlat,
                    [&]() -> Scalars { return {bestBelow(v[2], left.rank0)}; },
                    [&, code = code]() -> Scalars { return {code}; })[0];
                // Its interior is still to be counted.
                Scalar again = isFlat & (root < kInvalid);
                Scalar rootQuanta = quantaOfCode(root);
                return {
                    select(again, rootQuanta, bracket.low),
                    select(again, rootQuanta, bracket.high),
                    select(again,
                           choosePoint(rootQuanta, rootQuanta, rootQuanta + 1),
                           bracket.code),
                    bracket.turn,
                    // Where more is left, the low end moves.
                    v[4] & (!again) & (!more), (!found) | again, root,
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
    Scalar code = inRow("codes")[rank], position = loadPosition("order", rank);
    Document document = documentAt(position);
    Elements thetas = inRow("thetas");
    Elements bounds = boundField("bounds", kTheta, boundaries);
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
