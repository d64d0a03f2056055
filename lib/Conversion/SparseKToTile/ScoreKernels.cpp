//===- ScoreKernels.cpp - Scores of keys on a GPU -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// x is read once, and it is all that matters: W is small. A block has W in
// shared memory and walks over items of a few rows. Its 8 or 16 warps share an
// item: each takes a slice of the features of 16 rows, straight from global
// memory into registers as the tensor cores take them, and has the next panel
// of them on the way while it multiplies one. So every SM has 32 to 128 KiB in
// flight, and even a single row is spread over a whole SM. The slices are added
// up in order.
//
// Which warp and which step adds which features depends on the types alone: a
// token's score is the same bit for bit wherever it stands (C1).
//
// W of f32 is the sum of three 16-bit matrices. Where W does not fit into
// shared memory, a block walks over its items once for every segment of the
// features, and keeps the sums so far in u: each element is read and written by
// one thread.
//
//===----------------------------------------------------------------------===//

#include "Score.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

/// Rows of a panel, features of a group.
static constexpr int64_t kRows = 16;
static constexpr int64_t kGroup = 32;
/// Sums of a head that a warp hands over, with gaps against bank conflicts.
static constexpr int64_t kSumStride = 20;
/// Weights that a thread has under way: 16-bit ones, f32 ones.
static constexpr int64_t kStaged = 32, kStagedWide = 16;

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

ScorePlan ScorePlan::get(const ScoreVariant &variant, int64_t sharedBytes) {
  // A slice of less than eight groups is not worth a warp.
  constexpr int64_t minSliceGroups = 8;
  ScorePlan plan;
  plan.parts = variant.weight == variant.element ? 1 : 3;
  plan.blocks = llvm::divideCeil(variant.heads, 8);
  // Two panels and the sums are in the registers of a thread, 128 or 255.
  plan.warps = plan.blocks <= 2 ? 16 : 8;
  plan.panelGroups = plan.parts == 1 ? 4 : plan.blocks <= 2 ? 2 : 1;
  int64_t groups = llvm::divideCeil(variant.features, kGroup);
  int64_t sums = plan.warps * plan.blocks * 8 * kSumStride * 4;
  int64_t groupBytes = plan.parts * plan.blocks * 32 * 16;
  int64_t maxGroups = (sharedBytes - sums) / groupBytes;
  plan.segments = 0;
  do {
    int64_t segment = llvm::divideCeil(groups, ++plan.segments);
    plan.slices = 1;
    while (plan.slices < plan.warps &&
           segment / plan.slices >= 2 * minSliceGroups)
      plan.slices *= 2;
    plan.sliceGroups = llvm::divideCeil(segment, plan.slices);
  } while (plan.getSegmentGroups() > maxGroups);
  return plan;
}

int64_t ScorePlan::getRowsPerItem() const { return warps / slices * kRows; }

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

namespace {
/// Splits f32 weights into parts of 16 bits whose sum they are.
class WeightParts {
public:
  WeightParts(ScalarBuilder &b, Type element) : b(b), element(element) {}

  /// The bits of the next part in the upper half of an i32; `rest` becomes what
  /// is left, scaled as the part after this one is.
  Scalar takeUpper(Scalar &rest) {
    if (element.isBF16()) {
      // The upper half: eight bits of the 24.
      Scalar upper = rest.bitsToI32() & ~int64_t(0xffff);
      rest = rest - upper.bitsToF32();
      return upper;
    }
    Type f32 = b.getF32Type(), i16 = b.getI16Type();
    Value part = arith::TruncFOp::create(b, element, rest);
    Value wide = arith::ExtFOp::create(b, f32, part);
    unsigned bits = cast<FloatType>(element).getFPMantissaWidth();
    rest = (rest - Scalar(b, wide)) * (1 << bits);
    return Scalar(b, arith::BitcastOp::create(b, i16, part)).toI32() << 16;
  }

private:
  ScalarBuilder &b;
  Type element;
};

class ScoreKernelBuilder {
public:
  ScoreKernelBuilder(ScalarBuilder &b, const ScoreVariant &variant,
                     const ScorePlan &plan)
      : b(b), variant(variant), plan(plan) {}

  void build();

private:
  void buildSegment(Scalar segment);
  void stageWeights();
  Scalar loadWeight(Scalar feature, Scalar head);
  void storeWeights(Scalar unit, const SmallVector<Scalar> &weights);
  int64_t getPanelGroups(int64_t panel) const;
  Scalar loadPanel(Scalar item, int64_t panel);
  Scalar multiply(Scalar panel, int64_t number, Scalar sum);
  void storeSums(Scalar sum);
  void finish(Scalar item);

  Scalar scalar(Value value) { return Scalar(b, value); }
  /// Whether some features of the last group, slice or segment do not exist.
  bool isMasked() const {
    return plan.segments * plan.getSegmentGroups() * kGroup != variant.features;
  }

  ScalarBuilder &b;
  const ScoreVariant &variant;
  const ScorePlan &plan;

  Elements packed, sums;
  Value packedArray;
  Scalar thread, lane, slice, rowGroup, segment, firstFeature;
};
} // namespace

/// Out of range weights are 0.
Scalar ScoreKernelBuilder::loadWeight(Scalar feature, Scalar head) {
  Scalar exists = b.flag(true);
  Scalar zero = b.number(0);
  if (isMasked())
    exists = exists & (feature < variant.features);
  if (variant.heads % 8 != 0)
    exists = exists & (head < variant.heads);
  Scalar row = select(exists, feature, zero);
  Scalar weight = b.load("weight", {row, select(exists, head, zero), zero});
  return select(exists, weight, weight.constant(0));
}

void ScoreKernelBuilder::storeWeights(Scalar unit,
                                      const SmallVector<Scalar> &weights) {
  // Unit: (group * blocks + block) * 32 + lane.
  Scalar ofBlock = unit & 31, number = unit >> 5;
  Scalar group = number / b.number(plan.blocks);
  Scalar block = number % b.number(plan.blocks);
  WeightParts splitter(b, variant.element);
  SmallVector<Scalar> rest(weights);
  for (int64_t part = 0; part < plan.parts; ++part) {
    SmallVector<Value> words;
    for (int64_t i = 0; i < 8; i += 2) {
      if (plan.parts == 1) {
        words.push_back(weights[i].toI32() | (weights[i + 1].toI32() << 16));
        continue;
      }
      Scalar low = splitter.takeUpper(rest[i]) >> 16;
      words.push_back(low | splitter.takeUpper(rest[i + 1]));
    }
    auto type = VectorType::get(4, b.getI32Type());
    Scalar vector = scalar(vector::FromElementsOp::create(b, type, words));
    Scalar place = (group * plan.parts + part) * plan.blocks + block;
    packed.set((place << 5) + ofBlock, vector);
  }
}

/// Every thread packs the weights of some lanes of a product.
void ScoreKernelBuilder::stageWeights() {
  int64_t units = plan.getSegmentGroups() * plan.blocks * 32;
  int64_t staged = plan.parts > 1 ? kStagedWide : kStaged;
  int64_t atOnce =
      std::min<int64_t>(staged / 8, llvm::divideCeil(units, plan.getThreads()));
  Scalar end = b.number(units), step = b.number(plan.getThreads() * atOnce);
  b.loop(thread, end, step, [&](Scalar first) {
    SmallVector<SmallVector<Scalar>> weights(atOnce);
    Scalars places;
    for (int64_t i = 0; i < atOnce; ++i) {
      Scalar unit = first + i * plan.getThreads();
      places.push_back(unit);
      Scalar inside = unit < end;
      Scalar safe = select(inside, unit, first);
      Scalar ofBlock = safe & 31, number = safe >> 5;
      Scalar group = number / b.number(plan.blocks);
      Scalar block = number % b.number(plan.blocks);
      Scalar feature = firstFeature + (group << 5) + ((ofBlock & 3) << 3);
      Scalar head = (block << 3) + (ofBlock >> 2);
      for (int64_t j = 0; j < 8; ++j)
        weights[i].push_back(loadWeight(feature + j, head));
    }
    for (int64_t i = 0; i < atOnce; ++i)
      b.ifThen(places[i] < end, [&] { storeWeights(places[i], weights[i]); });
  });
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

int64_t ScoreKernelBuilder::getPanelGroups(int64_t panel) const {
  return std::min(plan.panelGroups,
                  plan.sliceGroups - panel * plan.panelGroups);
}

Scalar ScoreKernelBuilder::loadPanel(Scalar item, int64_t panel) {
  Scalar tiles = b("row_tiles");
  Scalar row = (item % tiles) * plan.getRowsPerItem() + rowGroup * kRows;
  Scalar inSlice = slice * (plan.sliceGroups * kGroup);
  Scalar column = firstFeature + inSlice + panel * plan.panelGroups * kGroup;
  auto type = VectorType::get(getPanelGroups(panel) * 8, b.getI32Type());
  return scalar(LoadPanelOp::create(b, type, b.arg("x"), item / tiles, row,
                                    column, b("rows"), isMasked()));
}

Scalar ScoreKernelBuilder::multiply(Scalar panel, int64_t number, Scalar sum) {
  Scalar group = slice * plan.sliceGroups + number * plan.panelGroups;
  return scalar(MmaPanelOp::create(b, sum.getType(), panel, packedArray, group,
                                   sum, TypeAttr::get(variant.element),
                                   b.getI64IntegerAttr(plan.parts)));
}

/// sums[(warp * heads + head) * stride + row]
void ScoreKernelBuilder::storeSums(Scalar sum) {
  auto elements = vector::ToElementsOp::create(b, sum);
  Scalar row = lane >> 2, column = (lane & 3) << 1;
  Scalar ofWarp = b.warp() * (plan.blocks * 8 * kSumStride);
  Scalar first = ofWarp + column * kSumStride + row;
  for (int64_t i = 0; i < plan.blocks * 4; ++i) {
    int64_t head = i / 4 * 8 + i % 2, lower = i / 2 % 2 * 8;
    sums.set(first + (head * kSumStride + lower),
             scalar(elements.getResult(i)));
  }
}

/// Adds up the slices of an item's rows and heads.
void ScoreKernelBuilder::finish(Scalar item) {
  int64_t rowsPerItem = plan.getRowsPerItem();
  Scalar tiles = b("row_tiles");
  Scalar batch = item / tiles;
  Scalar firstRow = (item % tiles) * rowsPerItem;
  Scalar end = b.number(rowsPerItem * variant.heads);
  b.loop(thread, end, b.number(plan.getThreads()), [&](Scalar number) {
    Scalar inItem = number % b.number(rowsPerItem);
    Scalar head = number / b.number(rowsPerItem);
    Scalar row = firstRow + inItem;
    Scalar ofWarp = (inItem >> 4) * (plan.slices * plan.blocks * 8) + head;
    Elements slices = sums.from(ofWarp * kSumStride + (inItem & 15));
    Scalar sum = slices[b.number(0)];
    for (int64_t i = 1; i < plan.slices; ++i)
      sum = sum + slices[b.number(i * plan.blocks * 8 * kSumStride)];
    b.ifThen(row < b("rows"), [&] {
      SmallVector<Value> indices = b.toIndices({batch, head, row});
      Value u = b.arg("u");
      if (plan.segments > 1)
        sum = b.ifElse(
            segment > 0,
            [&]() -> Scalars {
              return {scalar(memref::LoadOp::create(b, u, indices)) + sum};
            },
            [&]() -> Scalars { return {sum}; })[0];
      if (variant.norm == Norm::None) {
        Scalar position = b("offset") + row.toI64();
        Scalar scored = (sum.toF64() + b("slope") * position.toF64()).toF32();
        if (plan.segments > 1)
          scored = select(segment == plan.segments - 1, scored, sum);
        sum = scored;
      }
      memref::StoreOp::create(b, sum, u, indices);
    });
  });
}

void ScoreKernelBuilder::buildSegment(Scalar number) {
  segment = number;
  firstFeature = segment * (plan.getSegmentGroups() * kGroup);
  int64_t panels = llvm::divideCeil(plan.sliceGroups, plan.panelGroups);
  auto block = BlockOp::create(b);
  Scalar first = scalar(block.getId()), count = scalar(block.getCount());
  Scalar items = b("items");
  auto zeros = [&](Type type) {
    return scalar(arith::ConstantOp::create(b, b.getZeroAttr(type)));
  };
  Scalar none = zeros(VectorType::get(plan.blocks * 4, b.getF32Type()));
  // Under way while the weights are packed.
  Scalar firstPanel = loadPanel(first, 0);
  stageWeights();
  b.barrier();
  b.loop(first, items, count, {firstPanel},
         [&](Scalar item, Scalars state) -> Scalars {
           Scalar panel = state[0], sum = none;
           for (int64_t i = 0; i < panels; ++i) {
             Scalar next;
             if (i + 1 < panels) {
               next = loadPanel(item, i + 1);
             } else {
               Scalar later = item + count;
               next = b.ifElse(
                   later < items,
                   [&]() -> Scalars { return {loadPanel(later, 0)}; },
                   [&]() -> Scalars { return {zeros(state[0].getType())}; })[0];
             }
             sum = multiply(panel, i, sum);
             panel = next;
           }
           // The products are done, and the sums of the item before are read.
           b.barrier();
           storeSums(sum);
           b.barrier();
           finish(item);
           return {panel};
         });
}

void ScoreKernelBuilder::build() {
  Type weight = variant.weight.isF32() ? variant.weight : b.getI16Type();
  SmallVector<TileBuilder::Argument> arguments{
      b.memref("x", "bnc", variant.element, variant.features),
      b.memref("weight", "chi", weight, 1),
      b.memref("u", "bhn", b.getF32Type())};
  if (variant.norm == Norm::None)
    arguments.append({{"offset", b.getI64Type()}, {"slope", b.getF64Type()}});
  arguments.append(
      {b.scalar("rows"), b.scalar("row_tiles"), b.scalar("items")});
  b.startKernel("score", arguments, ScheduleAttr(), RowMapAttr(),
                plan.getThreads());
  int64_t units = plan.getSegmentGroups() * plan.parts * plan.blocks * 32;
  packedArray = ArrayOp::create(
      b, MemRefType::get({units}, VectorType::get(4, b.getI32Type())),
      IntegerAttr());
  packed = Elements(Scalar(), packedArray);
  sums = b.array(plan.warps * plan.blocks * 8 * kSumStride, b.getF32Type());
  thread = b.thread();
  lane = b.lane();
  Scalar warp = b.warp();
  slice = warp & (plan.slices - 1);
  rowGroup = warp / b.number(plan.slices);
  if (plan.segments == 1)
    return buildSegment(b.number(0));
  b.loop(b.number(0), b.number(plan.segments), b.number(1),
         [&](Scalar number) { buildSegment(number); });
}

void sparsek::buildScoreKernel(ScalarBuilder &b, const ScoreVariant &variant,
                               const ScorePlan &plan) {
  TileBuilder::InsertionGuard guard(b);
  ScoreKernelBuilder(b, variant, plan).build();
}
