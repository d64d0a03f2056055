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

void SelectionKernels::buildBoundaries(const SelectionSize &size) {
  TileBuilder::InsertionGuard guard(b);
  int64_t maxBuckets = size.maxBuckets;
  start(size.boundaries,
        {numbers("codes"), numbers("order"), numbers("bucket_counts"),
         wideNumbers("bucket_sums"), numbers("bounds"),
         wideNumbers("bound_sums"), b.scalar("chunk_log2"),
         b.scalar("bucket_log2"), b.scalar("boundaries"), b.scalar("buckets"),
         b.scalar("topk")},
        kBoundaryWarps * 32);
  Elements allCounts =
      b.array(kBoundaryWarps * (maxBuckets + 1), b.getI32Type());
  Elements allSums = b.array(kBoundaryWarps * (maxBuckets + 1), b.getI64Type());
  constexpr int64_t threads = kBoundaryWarps * 32;
  int64_t headsPerThread = llvm::divideCeil(maxBuckets, threads);
  Elements heads = b.array(headsPerThread * threads, b.getI32Type());
  Scalar boundaries = b("boundaries"), buckets = b("buckets");
  Scalar bucketLog2 = b("bucket_log2"), topk = b("topk");
  // Ranks of a bucket that a lane loads at once: short rows have small buckets.
  int64_t unroll = maxBuckets > 128 ? 4 : 1;
  Scalar block = enterRow(ceilShift(boundaries, b.number(kBoundaryWarpsLog2)));
  Scalar warp = b.warp(), lane = b.lane();
  Scalar number = (block << kBoundaryWarpsLog2) + warp;
  Scalar zero = b.number(0), last = b.number(31);
  Elements codes = inRow("codes"), order = inRow("order");
  // The first codes of buckets, under way while the table is summed up.
  Scalars firstCodes;
  for (int64_t i = 0; i < headsPerThread; ++i) {
    Scalar rank = (b.thread() + i * threads) << bucketLog2;
    firstCodes.push_back(codes[smaller(rank, keys - 1)]);
  }
  Elements counts = allCounts.from(warp * (maxBuckets + 1));
  Elements sums = allSums.from(warp * (maxBuckets + 1));
  Scalar column = smaller(number, boundaries - 1).toI64();
  Scalar tableStart =
      row.toI64() * buckets.toI64() * boundaries.toI64() + column;
  Elements tableCounts = b.elements("bucket_counts", tableStart);
  Elements tableSums = b.elements("bucket_sums", tableStart);
  // Four buckets for each lane at a time.
  constexpr int64_t perLane = 4;
  Scalars all = b.loop(
      zero, buckets, b.number(32 * perLane), {zero, b.wide(0)},
      [&](Scalar start, Scalars before) -> Scalars {
        Scalar first = start + lane * perLane;
        Scalars ofBucket, sumOfBucket;
        for (int64_t i = 0; i < perLane; ++i) {
          Scalar inside = first + i < buckets;
          Scalar place = select(inside, first + i, zero) * boundaries;
          ofBucket.push_back(select(inside, tableCounts[place], zero));
          sumOfBucket.push_back(select(inside, tableSums[place], b.wide(0)));
        }
        Scalar count = zero, sum = b.wide(0);
        for (int64_t i = 0; i < perLane; ++i) {
          count = count + ofBucket[i];
          sum = sum + sumOfBucket[i];
        }
        Scalar countScan = b.warpScan(count), sumScan = b.warpScan(sum);
        count = before[0] + countScan - count;
        sum = before[1] + sumScan - sum;
        for (int64_t i = 0; i < perLane; ++i) {
          b.ifThen(first + i < buckets, [&] {
            counts.set(first + i, count);
            sums.set(first + i, sum);
          });
          count = count + ofBucket[i];
          sum = sum + sumOfBucket[i];
        }
        return {before[0] + b.broadcast(countScan, last),
                before[1] + b.broadcast(sumScan, last)};
      });
  b.ifThen(lane == 0, [&] {
    counts.set(buckets, all[0]);
    sums.set(buckets, all[1]);
  });
  for (int64_t i = 0; i < headsPerThread; ++i)
    heads.set(b.thread() + i * threads, firstCodes[i]);
  b.barrier();
  b.ifThen(number < boundaries, [&] {
    Scalar end = smaller(number << b("chunk_log2"), keys);
    Document document = documentAt(smaller(end, keys - 1));
    Scalar firstRank = keys - document.end, endRank = keys - document.start;
    Scalar present = end - document.start;

    // For conditions that the codes of the document pass up to some rank: that
    // rank, how many keys of the prefix come before it, and their sum. Keys of
    // later documents are not in the prefix, those of earlier ones come later.
    Scalar firstBucket = firstRank >> bucketLog2;
    Scalar endBucket = ((endRank - 1) >> bucketLog2) + 1;
    Scalar bucketSize = b.number(1) << bucketLog2;
    auto split = [&](unsigned conditions,
                     function_ref<Scalar(unsigned, Scalar)> passes) {
      // Later buckets of the document begin in it.
      Scalars nextBuckets = b.warpPartition(
          conditions, firstBucket + 1, endBucket,
          [&](unsigned i, Scalar at) { return passes(i, heads[at]); });
      // How many pass, how many of these count (from bit 16 on), their sum.
      Scalars rest;
      for (unsigned i = 0; i < conditions; ++i)
        rest.append({zero, b.wide(0)});
      rest = b.loop(zero, bucketSize, b.number(32 * unroll), rest,
                    [&](Scalar start, Scalars sum) -> Scalars {
                      for (int64_t j = 0; j < unroll; ++j) {
                        Scalar offset = start + j * 32 + lane;
                        for (unsigned i = 0; i < conditions; ++i) {
                          Scalar at =
                              ((nextBuckets[i] - 1) << bucketLog2) + offset;
                          Scalar inside = (at >= firstRank) & (at < endRank);
                          if (unroll > 1)
                            inside = inside & (offset < bucketSize);
                          Scalar safe = select(inside, at, zero);
                          Scalar code = codes[safe];
                          Scalar passed = inside & passes(i, code);
                          Scalar counted = passed & (order[safe] < end);
                          Scalar quanta = quantaOfCode(code);
                          sum[2 * i] = sum[2 * i] + passed.toI32() +
                                       (counted.toI32() << 16);
                          sum[2 * i + 1] = sum[2 * i + 1] +
                                           select(counted, quanta, b.wide(0));
                        }
                      }
                      return sum;
                    });
      SmallVector<Scalars> result;
      for (unsigned i = 0; i < conditions; ++i) {
        Scalar bucket = nextBuckets[i] - 1;
        Scalar first = larger(bucket << bucketLog2, firstRank);
        Scalar found = b.warpSum(rest[2 * i]);
        result.push_back({first + (found & 0xffff),
                          counts[bucket] + (found >> 16),
                          sums[bucket] + b.warpSum(rest[2 * i + 1])});
      }
      return result;
    };
    // The ranks of the keys of the prefix with topk - 1 and topk better ones.
    auto selectRanks = [&]() -> Scalars {
      Scalars wanted{topk - 1, topk};
      Scalars nextBuckets =
          b.warpPartition(2, b.number(1), buckets, [&](unsigned i, Scalar at) {
            return counts[at] <= wanted[i];
          });
      Scalars state{zero};
      for (unsigned i = 0; i < 2; ++i)
        state.append({wanted[i] - counts[nextBuckets[i] - 1], zero});
      state = b.whileLoop(
          state,
          [&](const Scalars &v) {
            return (v[0] < bucketSize) & ((v[1] >= 0) | (v[3] >= 0));
          },
          [&](const Scalars &v) {
            Scalars next{v[0] + 32};
            for (unsigned i = 0; i < 2; ++i) {
              Scalar missing = v[1 + 2 * i], place = v[2 + 2 * i];
              Scalar start = ((nextBuckets[i] - 1) << bucketLog2) + v[0];
              Scalar at = start + lane;
              Scalar there = (at < keys) & (order[smaller(at, keys - 1)] < end);
              Scalar here = b.ballot(there);
              // The lane before whose key so many are.
              Scalar below = (here & ((b.number(1) << lane) - 1)).countBits();
              Scalar hit = b.ballot(there & (below == missing));
              Scalar hitLane = ((hit - 1) & ~hit).countBits();
              next.push_back(
                  select(hit != 0, b.number(-1), missing - here.countBits()));
              next.push_back(select(hit != 0, start + hitLane, place));
            }
            return next;
          });
      return {state[2], state[4]};
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
      Scalar bucket = b.warpPartition(
          1, firstBucket + 1, endBucket,
          [&](unsigned, Scalar at) { return leftAt(at).first <= wanted; })[0];
      bucket = smaller(bucket, endBucket - 1);
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
    Scalars selected = b.ifElse(enough, selectRanks,
                                [&]() -> Scalars { return {endRank, zero}; });
    Scalar theta = selected[0];
    // The best key that is not selected.
    Scalar nextCode =
        select(present > topk, codes[selected[1]], b.number(kInvalid));
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
                SmallVector<Scalars> parts =
                    split(2, [&](unsigned i, Scalar other) {
                      return i == 0 ? other < code
                                    : isSaturated(other, threshold);
                    });
                const Scalars &above = parts[0], &full = parts[1];
                Scalar point = quantaOfCode(code);
                Scalar interior = above[1] - full[1];
                Scalar total = above[2] - full[2] - point * interior.toI64() +
                               full[1].toI64() * kOne;
                auto [bracket, more, found, root] =
                    advance(b, {v[0], v[1], v[2], v[3]},
                            {point, above[0], full[0], total, interior}, wanted,
                            codes, firstRank, endRank);
                return {bracket.low, bracket.high, bracket.code, bracket.turn,
                        !found,      root,         above[0],     full[0],
                        above[1],    full[1],      above[2],     full[2]};
              });
          return Scalars(state.begin() + 5, state.end());
        },
        [&]() -> Scalars {
          Scalars whole =
              split(1, [&](unsigned, Scalar) { return b.flag(true); })[0];
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
