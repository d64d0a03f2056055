//===- SelectionSums.cpp - Counts and sums of keys by rank ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SelectionKernels.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

static constexpr int64_t kScanTile = int64_t(1) << kScanTileLog2;
static constexpr int64_t kScanThreads = 256;
static constexpr int64_t kScanPerThread = kScanTile / kScanThreads;

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

  Elements codes = inRow("codes"), ranks = inRow("ranks");
  Scalar endBucket = (firstBucket + (b.number(1) << tableLog2)) << bucketLog2;
  Scalar end = smaller(keys, endBucket);
  Scalar begin = (firstBucket << bucketLog2) + (warp << 5);
  b.loop(begin, end, threads, [&](Scalar first) {
    Scalar rank = first + lane;
    Scalar inside = rank < end;
    Scalar safe = select(inside, rank, first);
    Scalar code = codes[safe], position = loadPosition("order", safe);
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
  Scalar tableRow = (row * buckets + number).toI64() * boundaries.toI64();
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
        kScanThreads);
  Elements thresholds[3], totals[3];
  for (Elements &threshold : thresholds)
    threshold = b.array(kMaxBoundaries, i32);
  for (Elements &total : totals)
    total = b.array(kScanThreads / 32, i64);
  Scalar boundaries = b("boundaries");
  Scalar tiles = (keys >> kScanTileLog2) + 1;
  Scalar tile = enterRow(tiles);
  Scalar thread = b.thread(), lane = b.lane(), warp = b.warp();
  Elements codes = inRow("codes"), order = inRow("order");
  Scalar first = (tile << kScanTileLog2) + thread * kScanPerThread;
  Scalars positions, quanta;
  for (int64_t i = 0; i < kScanPerThread; ++i) {
    Scalar safe = smaller(first + i, keys - 1);
    positions.push_back(order[safe]);
    quanta.push_back(quantaOfCode(codes[safe]));
  }
  constexpr int64_t fields[] = {kTheta, kRank0, kRank1};
  b.loop(thread, boundaries, b.number(kScanThreads), [&](Scalar i) {
    for (int64_t which = 0; which < 3; ++which)
      thresholds[which].set(i,
                            boundField("bounds", fields[which], boundaries)[i]);
  });
  b.barrier();

  // The first boundary at which a threshold is no longer beyond the thread's
  // first and last ranks, by six searches in step.
  constexpr int64_t searches = 6;
  Scalar ends[] = {first, first + (kScanPerThread - 1)};
  Scalars pasts =
      b.partition(Scalars(searches, b.number(1)), Scalars(searches, boundaries),
                  [&](unsigned i, Scalar at) {
                    return thresholds[i / 2][at] > ends[i % 2];
                  });
  Scalars chunks;
  for (int64_t which = 0; which < 3; ++which)
    chunks.push_back(pasts[2 * which] - 1);
  SmallVector<Scalars> flags(3);
  Scalar counts = b.wide(0);
  Scalars sums{b.wide(0), b.wide(0)};
  for (int64_t i = 0; i < kScanPerThread; ++i) {
    Scalar rank = first + i;
    Scalar inside = rank < keys;
    for (int64_t which = 0; which < 3; ++which) {
      // Mostly the one of the rank before.
      Scalar chunk = chunks[which];
      Scalar holds = (chunk == 0) | (thresholds[which][chunk] > rank);
      chunks[which] = b.ifElse(
          holds, [&]() -> Scalars { return {chunk}; },
          [&]() -> Scalars {
            Scalar past =
                b.partition(pasts[2 * which + 1], chunk, [&](Scalar at) {
                  return thresholds[which][at] > rank;
                });
            return {past - 1};
          })[0];
      Scalar begin = chunks[which] << b("chunk_log2");
      Scalar there = inside & (positions[i] < begin);
      flags[which].push_back(there);
      counts = counts + (there.toI64() << (20 * which));
      if (which > 0)
        sums[which - 1] = sums[which - 1] + select(there, quanta[i], b.wide(0));
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
  constexpr int64_t warps = kScanThreads / 32;
  Scalar isWarp = lane < warps;
  Scalar other = select(isWarp, lane, b.number(0));
  for (int64_t i = 0; i < 3; ++i) {
    Scalar part = select(isWarp, totals[i][other], b.wide(0));
    Scalar sums = b.warpScan(part);
    total[i] = b.broadcast(sums, b.number(warps - 1));
    before[i] = b.broadcast(sums - part, warp) + scans[i] - mine[i];
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
