//===- SurvivorPatterns.cpp - Selection tables and documents --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cstdint>

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

/// Keys that a thread looks at in one step.
static constexpr int64_t kPerThread = 4;

namespace {
/// The whole block walks over the keys; in a step every warp counts its own
/// survivors and adds up the counts of the warps before it.
struct LowerCollectSurvivors : TilePattern<CollectSurvivorsOp> {
  using TilePattern::TilePattern;

  void lower(CollectSurvivorsOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    GlobalArray expiryArray = GlobalArray::get(op.getExpiry());
    Value expiry =
        expiryArray.at(b, {adaptor.getBatch(), adaptor.getScoreHead()});
    Value table =
        GlobalArray::get(op.getTable()).at(b, {adaptor.getTableRow()});
    Value zero = b.i32(0), position = adaptor.getPosition();
    // Keys that are born at `position` or before.
    Value born = b.add({b.sub({position, adaptor.getWindow()}), b.i32(1)});
    Value end = b.smax({born, zero});
    Value lower = b.sub({b.shl({b.i32(1), frame.lane}), b.i32(1)});
    int64_t warps = frame.threads / 32;
    Value inStep =
        b.add({b.mul({frame.warp, b.i32(32 * kPerThread)}), frame.lane});

    // Packed: keys of the position's document, with expiries from its start.
    Value begin = zero;
    if (op.getDocuments()) {
      Value documents = GlobalArray::get(op.getDocuments()).pointer;
      Value pair = b.shl({b.zext(position), b.i64(3)});
      begin = b.load(b.offset(documents, pair), b.getI32Type());
    }
    Value latest = b.sub({b.i32(INT32_MAX), begin});

    auto isSurvivor = [&](Value index) -> Value {
      Value inside = b.slt({index, end});
      Value safe = b.select({inside, index, zero});
      Value life = b.load(b.offset(expiry, expiryArray.scale(b, safe, 2)),
                          b.getI32Type());
      if (op.getDocuments())
        life = b.add({b.smin({life, latest}), begin});
      Value alive = b.cmp(arith::CmpIPredicate::sgt, {life, position});
      return b.bitAnd({inside, alive});
    };

    // State: first key of the step, survivors so far, which half of the
    // shared counts is written (the other one may still be read).
    auto unfinished = [&](ValueRange v) { return b.slt({v[0], end}); };
    auto step = [&](ValueRange v) {
      Value base = v[0], found = v[1], half = v[2];
      SmallVector<Value> indices, survives, votes;
      Value mine = zero;
      for (int64_t i = 0; i < kPerThread; ++i) {
        indices.push_back(b.add({base, b.add({inStep, b.i32(32 * i)})}));
        survives.push_back(isSurvivor(indices.back()));
        votes.push_back(b.ballot(survives.back()));
        mine = b.add({mine, math::CtPopOp::create(b, votes.back())});
      }
      Value counts = b.offset(frame.shared, b.mul({half, b.i32(4 * warps)}));
      b.ifThen(b.eq({frame.lane, zero}), [&] {
        b.store(mine, b.offset(counts, b.shl({frame.warp, b.i32(2)})));
      });
      NVVM::BarrierOp::create(b, TypeRange(), Value(), Value(),
                              NVVM::BarrierReductionAttr(), Value());
      Value isWarp = b.slt({frame.lane, b.i32(warps)});
      Value other = b.select({isWarp, frame.lane, zero});
      Value theirs =
          b.load(b.offset(counts, b.shl({other, b.i32(2)})), b.getI32Type());
      theirs = b.select({isWarp, theirs, zero});
      Value before = b.select({b.slt({frame.lane, frame.warp}), theirs, zero});
      Value at = b.add({found, sumWarp(b, before)});
      for (auto [index, alive, vote] :
           llvm::zip_equal(indices, survives, votes)) {
        Value place =
            b.add({at, math::CtPopOp::create(b, b.bitAnd({vote, lower}))});
        Value fits = b.slt({place, adaptor.getCapacity()});
        Value key = index;
        b.ifThen(b.bitAnd({alive, fits}), [&] {
          Value offset = b.zext(b.shl({place, b.i32(2)}));
          b.store(key, b.offset(table, offset));
        });
        at = b.add({at, math::CtPopOp::create(b, vote)});
      }
      return FragmentBuilder::Values{
          b.add({base, b.i32(frame.threads * kPerThread)}),
          b.add({found, sumWarp(b, theirs)}), b.bitXor({half, b.i32(1)})};
    };
    FragmentBuilder::Values result =
        b.whileLoop({begin, zero, zero}, unfinished, step);
    rewriter.replaceOp(op, b.smin({result[1], adaptor.getCapacity()}));
  }

private:
  static Value sumWarp(FragmentBuilder &b, Value value) {
    return NVVM::ReduxOp::create(b, b.getI32Type(), value, NVVM::ReduxKind::ADD,
                                 b.i32(-1));
  }
};

struct LowerDocument : TilePattern<DocumentOp> {
  using TilePattern::TilePattern;

  void lower(DocumentOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    GlobalArray array = GlobalArray::get(op.getCuSeqlens());
    auto load = [&](Value index) {
      return b.load(array.at(b, {index}), b.getI32Type());
    };
    // The last document that starts at or before the position: empty
    // documents start where the next one does.
    auto unfinished = [&](ValueRange v) {
      return b.slt({b.add({v[0], b.i32(1)}), v[1]});
    };
    auto step = [&](ValueRange v) {
      Value middle = b.shr({b.add({v[0], v[1]}), b.i32(1)});
      Value below = b.cmp(arith::CmpIPredicate::sle,
                          {load(middle), adaptor.getPosition()});
      return FragmentBuilder::Values{b.select({below, middle, v[0]}),
                                     b.select({below, v[1], middle})};
    };
    FragmentBuilder::Values result =
        b.whileLoop({b.i32(0), adaptor.getSequences()}, unfinished, step);
    Value start = load(result[0]);
    Value end = load(b.add({result[0], b.i32(1)}));
    rewriter.replaceOp(op, {start, end});
  }
};
} // namespace

void sparsek::populateSurvivorPatterns(RewritePatternSet &patterns,
                                       const TypeConverter &converter,
                                       const KernelFrame &frame) {
  patterns.add<LowerCollectSurvivors, LowerDocument>(
      converter, patterns.getContext(), frame);
}
