//===- SoftmaxPatterns.cpp - Rows, gates, masks and softmax ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <limits>
#include <numbers>

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

SmallVector<int64_t> sparsek::getRowSlots(int64_t elements, int64_t slots) {
  SmallVector<int64_t> numbers;
  // Two slots for each 64 rows.
  int64_t perTile = elements / (slots / 2);
  for (int64_t i = 0; i < elements; ++i)
    numbers.push_back(((i >> 1) & 1) + i / perTile * 2);
  return numbers;
}

static int64_t getSize(Value vector) {
  return cast<VectorType>(vector.getType()).getNumElements();
}

/// One number for each row, as one for each element of a fragment.
static Value spreadRows(FragmentBuilder &b, Value rows, Value fragment) {
  return b.pick(rows, getRowSlots(getSize(fragment), getSize(rows)));
}

using Combine = function_ref<Value(Value, Value)>;

/// Combines the elements of each row slot of 64 rows; by halves, so that the
/// operations of a level do not wait for each other.
static Value reduceTile(FragmentBuilder &b, Value fragment, Combine combine) {
  int64_t size = getSize(fragment);
  auto half = [&](Value value, int64_t first, int64_t count) {
    return b.pick(value, llvm::to_vector(llvm::seq(first, first + count)));
  };
  // An odd number of column pairs is folded into the first ones.
  while (size > 4) {
    int64_t pairs = size / 4, lower = (pairs + 1) / 2 * 4, upper = size - lower;
    Value low = half(fragment, 0, lower), high = half(fragment, lower, upper);
    if (lower == upper) {
      fragment = combine(low, high);
    } else {
      Value combined = combine(half(fragment, 0, upper), high);
      FragmentBuilder::Values all = b.elements(combined);
      llvm::append_range(all, b.elements(half(fragment, upper, lower - upper)));
      fragment = b.vector(all);
    }
    size = lower;
  }
  Value even = b.pick(fragment, {0, 2}), odd = b.pick(fragment, {1, 3});
  return combine(even, odd);
}

/// Combines the elements of each of `slots` row slots.
static Value reduceFragment(FragmentBuilder &b, Value fragment, int64_t slots,
                            Combine combine) {
  if (slots == 2)
    return reduceTile(b, fragment, combine);
  int64_t perTile = getSize(fragment) / (slots / 2);
  FragmentBuilder::Values reduced;
  for (int64_t tile = 0; tile < slots / 2; ++tile) {
    auto numbers = llvm::seq(tile * perTile, (tile + 1) * perTile);
    Value part = b.pick(fragment, llvm::to_vector(numbers));
    llvm::append_range(reduced, b.elements(reduceTile(b, part, combine)));
  }
  return b.vector(reduced);
}

/// Combines the numbers of the four threads that share each row.
static Value reduceQuad(FragmentBuilder &b, Value rows, Combine combine) {
  for (int64_t distance : {1, 2}) {
    FragmentBuilder::Values others;
    for (Value row : b.elements(rows))
      others.push_back(b.butterfly(row, distance));
    rows = combine(rows, b.vector(others));
  }
  return rows;
}

namespace {
//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

struct LowerPositions : TilePattern<PositionsOp> {
  using TilePattern::TilePattern;
  void lower(PositionsOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Value first = b.add({adaptor.getRow(), adaptor.getOffset()});
    int64_t rows = op.getResult().getType().getRows();
    Value row = frame.getFirstRow(b, rows);
    Value heads = b.i32(frame.rowMap.getHeads());
    FragmentBuilder::Values positions;
    for (int64_t slot = 0; slot < rows / 32; ++slot) {
      int64_t distance = KernelFrame::getSlotDistance(slot);
      Value slotRow = distance ? b.add({row, b.i32(distance)}) : row;
      positions.push_back(b.add({first, b.div({slotRow, heads})}));
    }
    rewriter.replaceOp(op, b.vector(positions));
  }
};

struct LowerLoadRows : TilePattern<LoadRowsOp> {
  using TilePattern::TilePattern;
  void lower(LoadRowsOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    GlobalArray source = GlobalArray::get(op.getSource());
    Value base = source.at(b, {adaptor.getBatch(), adaptor.getHead()});
    FragmentBuilder::Values rows;
    for (Value position : b.elements(adaptor.getPositions())) {
      Value inside = b.slt({position, adaptor.getLimit()});
      Value index = b.select({inside, position, b.i32(0)});
      Value number =
          b.load(b.offset(base, source.scale(b, index, 2)), b.getF32Type());
      rows.push_back(b.select({inside, number, b.f32(0)}));
    }
    rewriter.replaceOp(op, b.vector(rows));
  }
};

struct LowerFill : TilePattern<FillOp> {
  using TilePattern::TilePattern;
  void lower(FillOp op, OpAdaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    auto type = cast<VectorType>(getTypeConverter()->convertType(op.getType()));
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(
        op, DenseElementsAttr::get(
                type, b.getF32FloatAttr(op.getValue().convertToFloat())));
  }
};

//===----------------------------------------------------------------------===//
// Gates and masks
//===----------------------------------------------------------------------===//

struct LowerGate : TilePattern<GateOp> {
  using TilePattern::TilePattern;
  void lower(GateOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    KeyListType type = op.getList().getType();
    RingOp list = ringOf(op.getList());
    Value slot = frame.getSlotPointer(
        b, list, frame.getSlotNumber(b, list, adaptor.getPosition()));
    Value scores = b.offset(b.offset(slot, type.getScoreOffset()),
                            b.shl({frame.getQuadLane(b), b.i32(4)}));
    FragmentBuilder::Values minus;
    for (Value threshold : b.elements(adaptor.getThreshold()))
      minus.push_back(b.neg(threshold));
    SmallVector<FragmentBuilder::Values> gates(minus.size() / 2);
    for (int64_t group = 0; group < type.getKeys() / 16; ++group) {
      // Volatile: the second use of the scores must not be merged with the
      // first, which would keep them in registers.
      Value four = b.load(b.offset(scores, 64 * group),
                          VectorType::get(4, b.getF32Type()),
                          /*isVolatile=*/true);
      FragmentBuilder::Values score = b.elements(four);
      for (auto [tile, tileGates] : llvm::enumerate(gates))
        for (int64_t i = 0; i < 8; ++i)
          tileGates.push_back(
              b.addSaturated({score[2 * (i >> 2) + (i & 1)],
                              minus[2 * tile + ((i >> 1) & 1)]}));
    }
    FragmentBuilder::Values all;
    for (const FragmentBuilder::Values &tileGates : gates)
      llvm::append_range(all, tileGates);
    rewriter.replaceOp(op, b.mul({adaptor.getInput(), b.vector(all)}));
  }
};

struct LowerMask : TilePattern<MaskOp> {
  using TilePattern::TilePattern;
  void lower(MaskOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    KeyListType type = op.getList().getType();
    RingOp list = ringOf(op.getList());
    Value slot = frame.getSlotPointer(
        b, list, frame.getSlotNumber(b, list, adaptor.getPosition()));
    Value lives = b.offset(b.offset(slot, type.getLifeOffset()),
                           b.shl({frame.getQuadLane(b), b.i32(5)}));
    // Birth and length of two columns at a time; all row slots see the same.
    FragmentBuilder::Values births, lengths;
    for (int64_t pair = 0; pair < type.getKeys() / 8; ++pair) {
      int64_t at = 128 * (pair >> 1) + 16 * (pair & 1);
      FragmentBuilder::Values life = b.elements(
          b.load(b.offset(lives, at), VectorType::get(4, b.getI32Type())));
      for (int64_t i = 0; i < 4; ++i) {
        births.push_back(life[2 * (i & 1)]);
        lengths.push_back(life[2 * (i & 1) + 1]);
      }
    }
    FragmentBuilder::Values tileBirths = births, tileLengths = lengths;
    for (int64_t tile = 1; tile < getSize(adaptor.getPositions()) / 2; ++tile) {
      llvm::append_range(births, tileBirths);
      llvm::append_range(lengths, tileLengths);
    }
    Value positions = spreadRows(b, adaptor.getPositions(), adaptor.getInput());
    // birth <= t < birth + length as one unsigned comparison.
    Value age = b.sub({positions, b.vector(births)});
    Value visible = b.cmp(arith::CmpIPredicate::ult, {age, b.vector(lengths)});
    Value hidden = b.constantLike(adaptor.getInput(),
                                  -std::numeric_limits<double>::infinity());
    rewriter.replaceOp(op, b.select({visible, adaptor.getInput(), hidden}));
  }
};

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

/// How far, in powers of two, a weight may rise above 1 before the maximum that
/// weights are relative to is replaced.
constexpr double kLazyRise = 8;

/// Whether one of the rows of a thread of the warp is marked: uniform.
Value anyThread(FragmentBuilder &b, Value marks) {
  FragmentBuilder::Values each = b.elements(marks);
  Value mark = each[0];
  for (Value other : llvm::drop_begin(each))
    mark = b.bitOr({mark, other});
  Value votes = b.ballot(mark);
  return b.cmp(arith::CmpIPredicate::ne, {votes, b.i32(0)});
}

/// `maximum`, or 0 where there is no visible key: -inf would make NaN of the
/// differences.
Value getFiniteMaximum(FragmentBuilder &b, Value maximum) {
  Value none =
      b.constantLike(maximum, -std::numeric_limits<double>::infinity());
  Value zero = b.constantLike(maximum, 0);
  Value empty = b.cmp(arith::CmpFPredicate::OEQ, {maximum, none});
  return b.select({empty, zero, maximum});
}

struct LowerRaiseMaximum : TilePattern<RaiseMaximumOp> {
  using TilePattern::TilePattern;
  void lower(RaiseMaximumOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    auto larger = [&](Value x, Value y) { return b.fmax({x, y}); };
    Value old = adaptor.getMaximum();
    Value scales = b.splat(adaptor.getScale(), getSize(old));
    Value largest =
        reduceFragment(b, adaptor.getLogits(), getSize(old), larger);
    // The old maximum stays while the weights are at most 2^8: most slots then
    // neither ask the threads of a row for their maxima nor scale the output.
    // From -inf the rise is infinite, and -inf to -inf is NaN, which is not
    // above 8.
    auto findRises = [&](Value maximum) {
      Value rise = b.mul({b.sub({maximum, old}), scales});
      return b.cmp(arith::CmpFPredicate::OGT,
                   {rise, b.constantLike(rise, kLazyRise)});
    };
    auto raise = [&]() -> FragmentBuilder::Values {
      Value whole = reduceQuad(b, largest, larger);
      Value maximum = b.select({findRises(whole), whole, old});
      Value shift = b.neg(b.mul({getFiniteMaximum(b, maximum), scales}));
      // Exactly 1 where the maximum stays. Above 1 only from -inf, where there
      // is nothing but zeros to scale.
      Value change = b.sub({shift, adaptor.getShift()});
      Value decay = b.exp2(b.fmin({change, b.constantLike(change, 0)}));
      return {maximum, shift, b.mul({adaptor.getSum(), decay}), decay};
    };
    FragmentBuilder::Values state{old, adaptor.getShift(), adaptor.getSum(),
                                  b.constantLike(old, 1)};
    rewriter.replaceOp(op, b.ifElse(anyThread(b, findRises(largest)),
                                    ValueRange(state).getTypes(), raise,
                                    [&] { return state; }));
  }
};

struct LowerExponentials : TilePattern<ExponentialsOp> {
  using TilePattern::TilePattern;
  void lower(ExponentialsOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Value logits = adaptor.getLogits();
    int64_t elements = getSize(logits);
    Value shifts = spreadRows(b, adaptor.getShift(), logits);
    Value weights =
        b.exp2(b.fma(logits, b.splat(adaptor.getScale(), elements), shifts));
    Value sums =
        reduceFragment(b, weights, getSize(adaptor.getShift()),
                       [&](Value x, Value y) { return b.add({x, y}); });
    rewriter.replaceOp(op, {weights, b.add({adaptor.getSum(), sums})});
  }
};

struct LowerScaleRows : TilePattern<ScaleRowsOp> {
  using TilePattern::TilePattern;
  void lower(ScaleRowsOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Value input = adaptor.getInput(), factor = adaptor.getFactor();
    auto scale = [&]() -> FragmentBuilder::Values {
      return {b.mul({input, spreadRows(b, factor, input)})};
    };
    // Decays are 1 where the warp has not raised a maximum: nearly always.
    auto raise = factor.getDefiningOp<scf::IfOp>();
    if (!raise || !op.getFactor().getDefiningOp<RaiseMaximumOp>()) {
      rewriter.replaceOp(op, scale());
      return;
    }
    // Without something in it that cannot be predicated, ptxas would make the
    // branch into predicated products, which take their time when they are off.
    auto scaleApart = [&] {
      b.syncWarp();
      return scale();
    };
    rewriter.replaceOp(
        op, b.ifElse(raise.getCondition(), input.getType(), scaleApart,
                     [&]() -> FragmentBuilder::Values { return {input}; }));
  }
};

struct LowerTruncate : TilePattern<TruncateOp> {
  using TilePattern::TilePattern;
  void lower(TruncateOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    int64_t elements = getSize(adaptor.getInput());
    Type element = op.getResult().getType().getElementType();
    Value rounded = arith::TruncFOp::create(
        b, VectorType::get(elements, element), adaptor.getInput());
    rewriter.replaceOpWithNewOp<vector::BitCastOp>(
        op, getTypeConverter()->convertType(op.getResult().getType()), rounded);
  }
};

struct LowerNormalise : TilePattern<NormaliseOp> {
  using TilePattern::TilePattern;
  void lower(NormaliseOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    constexpr double inf = std::numeric_limits<double>::infinity();
    Value sums = reduceQuad(b, adaptor.getSum(),
                            [&](Value x, Value y) { return b.add({x, y}); });
    int64_t rows = cast<RowsType>(op.getMaximum().getType()).getRows();
    Value row = frame.getFirstRow(b, rows), scale = adaptor.getScale();
    FragmentBuilder::Values factors, logs;
    for (auto [slot, maximum, sum] :
         llvm::enumerate(b.elements(adaptor.getMaximum()), b.elements(sums))) {
      Value logit = b.mul({maximum, scale});
      Value denominator = sum;
      if (op.getSink()) {
        Value sink =
            loadSink(op, adaptor, b,
                     b.add({row, b.i32(KernelFrame::getSlotDistance(slot))}));
        Value exponent = b.fma(sink, b.f32(std::numbers::log2e), b.neg(logit));
        denominator = b.add({sum, b.exp2(exponent)});
      }
      Value empty = b.cmp(arith::CmpFPredicate::OEQ, {maximum, b.f32(-inf)});
      Value factor = b.reciprocal(denominator);
      Value log = b.mul(
          {b.add({logit, b.log2(denominator)}), b.f32(std::numbers::ln2)});
      factors.push_back(b.select({empty, b.f32(0), factor}));
      logs.push_back(b.select({empty, b.f32(-inf), log}));
    }
    rewriter.replaceOp(op, {b.vector(factors), b.vector(logs)});
  }

private:
  Value loadSink(NormaliseOp op, OpAdaptor adaptor, FragmentBuilder &b,
                 Value tileRow) const {
    Value zero = b.i32(0);
    auto place =
        frame.getRowPlace(b, tileRow, adaptor.getHead(), adaptor.getHeadBlock(),
                          zero, b.i32(1 << 20));
    GlobalArray sink = GlobalArray::get(op.getSink());
    Value head = b.select({place.live, place.head, zero});
    return b.load(sink.at(b, {head}), b.getF32Type());
  }
};
} // namespace

void sparsek::populateSoftmaxPatterns(RewritePatternSet &patterns,
                                      const TypeConverter &converter,
                                      const KernelFrame &frame) {
  patterns.add<LowerExponentials, LowerFill, LowerGate, LowerLoadRows,
               LowerMask, LowerNormalise, LowerPositions, LowerRaiseMaximum,
               LowerScaleRows, LowerTruncate>(converter, patterns.getContext(),
                                              frame);
}
