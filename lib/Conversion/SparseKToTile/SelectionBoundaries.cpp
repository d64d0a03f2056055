//===- SelectionBoundaries.cpp - Selections at chunk boundaries -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SelectionKernels.h"
#include "ThresholdSearch.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

static constexpr int64_t kBoundaryWarps = 1 << kBoundaryWarpsLog2;

// A warp for each boundary of chunks: the keys before it, as the table counts
// them by buckets. Where a threshold lies follows from the first codes of the
// buckets, and inside one bucket from all of its codes.

void SelectionKernels::buildBoundaries(StringRef name, int64_t maxBuckets) {
  TileBuilder::InsertionGuard guard(b);
  start(name,
        {numbers("codes"), numbers("order"), numbers("bucket_counts"),
         wideNumbers("bucket_sums"), numbers("bounds"),
         wideNumbers("bound_sums"), b.scalar("chunk_log2"),
         b.scalar("bucket_log2"), b.scalar("boundaries"), b.scalar("buckets"),
         b.scalar("topk")},
        kBoundaryWarps * 32);
  Elements allCounts =
      b.array(kBoundaryWarps * (maxBuckets + 1), b.getI32Type());
  Elements allSums = b.array(kBoundaryWarps * (maxBuckets + 1), b.getI64Type());
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
    Scalars all =
        b.loop(zero, buckets, step, {zero, b.wide(0)},
               [&](Scalar first, Scalars before) -> Scalars {
                 Scalar bucket = first + lane;
                 Scalar inside = bucket < buckets;
                 Scalar place = select(inside, bucket, zero) * boundaries;
                 Scalar count = select(inside, tableCounts[place], zero);
                 Scalar sum = select(inside, tableSums[place], b.wide(0));
                 Scalar countScan = b.warpScan(count),
                        sumScan = b.warpScan(sum);
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
      Scalar bucket = b.partition(firstBucket + 1, endBucket, [&](Scalar at) {
        return passes(heads[at]);
      }) - 1;
      Scalar from = bucket << bucketLog2;
      Scalar first = larger(from, firstRank);
      Scalar past = smaller((bucket + 1) << bucketLog2, endRank);
      constexpr int64_t unroll = 4;
      Scalars rest =
          b.loop(first, past, b.number(32 * unroll), {zero, zero, b.wide(0)},
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
      return {first + b.warpSum(rest[0]), counts[bucket] + b.warpSum(rest[1]),
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
        Scalar full = b.partition(firstBucket + 1, bucket, [&](Scalar at) {
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
          {begin, endBucket - begin}, [](const Scalars &v) { return v[1] > 0; },
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
                Scalar total = above[2] - full[2] - point * interior.toI64() +
                               full[1].toI64() * kOne;
                auto [bracket, more, found, root] =
                    advance(b, {v[0], v[1], v[2], v[3]},
                            {point, above[0], full[0], total, interior}, wanted,
                            codes, firstRank);
                return {bracket.low, bracket.high, bracket.code, bracket.turn,
                        !found,      root,         above[0],     full[0],
                        above[1],    full[1],      above[2],     full[2]};
              });
          return Scalars(state.begin() + 5, state.end());
        },
        [&]() -> Scalars {
          Scalars whole = split([&](Scalar) { return b.flag(true); });
          return {b.number(kInvalid), endRank,  endRank, whole[1],
                  whole[1],           whole[2], whole[2]};
        });
    store("bounds", kTheta, theta);
    store("bounds", kCode, result[0]);
    store("bounds", kRank0, result[1]);
    store("bounds", kRank1, result[2]);
    store("bounds", kCount0, result[3]);
    store("bounds", kCount1, result[4]);
    store("bound_sums", kSum0, result[5]);
    store("bound_sums", kSum1, result[6]);
  });
}
