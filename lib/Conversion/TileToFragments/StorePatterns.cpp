//===- StorePatterns.cpp - Fragments and rows to global memory ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

namespace {
struct LowerStoreTile : TilePattern<StoreTileOp> {
  using TilePattern::TilePattern;

  void lower(StoreTileOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    GlobalArray target = GlobalArray::get(op.getTarget());
    int64_t elements =
        cast<VectorType>(adaptor.getValue().getType()).getNumElements();
    Value rounded = arith::TruncFOp::create(
        b, VectorType::get(elements, target.elementType), adaptor.getValue());
    Value words = vector::BitCastOp::create(
        b, VectorType::get(elements / 2, b.getI32Type()), rounded);
    FragmentBuilder::Values word = b.elements(words);

    int64_t rows = cast<FragType>(op.getValue().getType()).getRows();
    Value quad = frame.getQuadLane(b), first = frame.getFirstRow(b, rows);
    Value odd =
        b.cmp(arith::CmpIPredicate::ne, {b.bitAnd({quad, b.i32(1)}), b.i32(0)});
    // Byte 0, 16, 8 or 24 of 32 by the lane. From a table: the formula
    // becomes a bit reversal.
    Value table = b.i32(0x18081000);
    Value pairByte =
        b.bitAnd({b.shr({table, b.shl({quad, b.i32(3)})}), b.i32(0xFF)});
    int64_t blocks = elements / 4 / (rows / 64);
    for (int64_t slot = 0; slot < rows / 32; ++slot) {
      // The slot's word of the first block.
      int64_t start = slot / 2 * 2 * blocks + slot % 2;
      Value distance = b.i32(KernelFrame::getSlotDistance(slot));
      auto place = frame.getRowPlace(b, b.add({first, distance}),
                                     adaptor.getHead(), adaptor.getHeadBlock(),
                                     adaptor.getRow(), adaptor.getLimit());
      Value head = place.head, position = place.position;
      Value row = target.at(b, {adaptor.getBatch(), head, position});
      // Lanes q and q^1 swap a word of two column blocks: then a lane holds
      // four consecutive columns.
      SmallVector<Value> pairs;
      for (int64_t block = 0; block + 1 < blocks; block += 2) {
        Value low = word[start + 2 * block];
        Value high = word[start + 2 * block + 2];
        Value keep = b.select({odd, high, low});
        Value give = b.select({odd, low, high});
        Value got = b.butterfly(give, 1);
        Value left = b.select({odd, got, keep});
        Value right = b.select({odd, keep, got});
        pairs.push_back(b.vector({left, right}));
      }
      b.ifThen(place.live, [&] {
        Value mine = b.offset(row, b.zext(pairByte));
        for (auto [i, pair] : llvm::enumerate(pairs))
          b.store(pair, b.offset(mine, 32 * i));
        if (blocks % 2 == 1) {
          Value last = b.offset(row, b.zext(b.shl({quad, b.i32(2)})));
          b.store(word[start + 2 * (blocks - 1)],
                  b.offset(last, 16 * (blocks - 1)));
        }
      });
    }
    rewriter.eraseOp(op);
  }
};

struct LowerStoreRows : TilePattern<StoreRowsOp> {
  using TilePattern::TilePattern;
  void lower(StoreRowsOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    GlobalArray target = GlobalArray::get(op.getTarget());
    int64_t rows = cast<RowsType>(op.getValue().getType()).getRows();
    Value first = frame.getFirstRow(b, rows);
    Value leader = b.eq({frame.getQuadLane(b), b.i32(0)});
    for (auto [slot, value] : llvm::enumerate(b.elements(adaptor.getValue()))) {
      Value distance = b.i32(KernelFrame::getSlotDistance(slot));
      auto place = frame.getRowPlace(b, b.add({first, distance}),
                                     adaptor.getHead(), adaptor.getHeadBlock(),
                                     adaptor.getRow(), adaptor.getLimit());
      Value row = value;
      b.ifThen(b.bitAnd({place.live, leader}), [&] {
        b.store(row,
                target.at(b, {adaptor.getBatch(), place.head, place.position}));
      });
    }
    rewriter.eraseOp(op);
  }
};
} // namespace

void sparsek::populateStorePatterns(RewritePatternSet &patterns,
                                    const TypeConverter &converter,
                                    const KernelFrame &frame) {
  patterns.add<LowerStoreRows, LowerStoreTile>(converter, patterns.getContext(),
                                               frame);
}
