//===- ThreadPatterns.cpp - Threads, warps and shared arrays --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

//===----------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------===//

/// Applies `move` to 32 bits at a time.
static Value moveWords(FragmentBuilder &b, Value value,
                       function_ref<Value(Value)> move) {
  Type type = value.getType();
  if (type.getIntOrFloatBitWidth() == 32)
    return move(value);
  Type i64 = b.getI64Type(), i32 = b.getI32Type();
  Value bits = type == i64 ? value : arith::BitcastOp::create(b, i64, value);
  Value low = move(arith::TruncIOp::create(b, i32, bits));
  Value high = move(arith::TruncIOp::create(b, i32, b.shr({bits, b.i64(32)})));
  Value moved = b.bitOr({b.zext(low), b.shl({b.zext(high), b.i64(32)})});
  return type == i64 ? moved : arith::BitcastOp::create(b, type, moved);
}

namespace {
struct LowerLane : TilePattern<LaneOp> {
  using TilePattern::TilePattern;
  void lower(LaneOp op, OpAdaptor, FragmentBuilder &,
             ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, frame.lane);
  }
};

/// In roles, `tile.warp` is replaced with the role.
struct LowerWarp : TilePattern<WarpOp> {
  using TilePattern::TilePattern;
  void lower(WarpOp op, OpAdaptor, FragmentBuilder &,
             ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, frame.warp);
  }
};

struct LowerBarrier : TilePattern<BarrierOp> {
  using TilePattern::TilePattern;
  void lower(BarrierOp op, OpAdaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    NVVM::BarrierOp::create(b, TypeRange(), Value(), Value(),
                            NVVM::BarrierReductionAttr(), Value());
    rewriter.eraseOp(op);
  }
};

struct LowerWaitPrevious : TilePattern<WaitPreviousOp> {
  using TilePattern::TilePattern;
  void lower(WaitPreviousOp op, OpAdaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    // No griddepcontrol.launch_dependents: blocks of the next kernel that wait
    // where these run are spread unevenly, which costs more than it hides.
    if (frame.target.dependentLaunches)
      NVVM::GriddepcontrolOp::create(b, NVVM::GridDepActionKind::wait);
    rewriter.eraseOp(op);
  }
};

struct LowerWarpBarrier : TilePattern<WarpBarrierOp> {
  using TilePattern::TilePattern;
  void lower(WarpBarrierOp op, OpAdaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    b.syncWarp();
    rewriter.eraseOp(op);
  }
};

struct LowerBallot : TilePattern<BallotOp> {
  using TilePattern::TilePattern;
  void lower(BallotOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, b.ballot(adaptor.getCondition()));
  }
};

struct LowerBroadcast : TilePattern<BroadcastOp> {
  using TilePattern::TilePattern;
  void lower(BroadcastOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, moveWords(b, adaptor.getInput(), [&](Value word) {
                         return b.shuffle(NVVM::ShflKind::idx, word,
                                          adaptor.getLane());
                       }));
  }
};

struct LowerWarpScan : TilePattern<WarpScanOp> {
  using TilePattern::TilePattern;
  void lower(WarpScanOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Value sum = adaptor.getInput();
    for (int64_t distance = 1; distance < 32; distance *= 2) {
      Value below = moveWords(b, sum, [&](Value word) {
        return b.shuffle(NVVM::ShflKind::up, word, b.i32(distance));
      });
      Value isFirst = b.slt({frame.lane, b.i32(distance)});
      sum = b.select({isFirst, sum, b.add({sum, below})});
    }
    rewriter.replaceOp(op, sum);
  }
};

struct LowerWarpSum : TilePattern<WarpSumOp> {
  using TilePattern::TilePattern;
  void lower(WarpSumOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Value sum = adaptor.getInput();
    auto addWords = [&](Value word) -> Value {
      return NVVM::ReduxOp::create(b, word.getType(), word,
                                   NVVM::ReduxKind::ADD, b.i32(-1));
    };
    if (sum.getType().isInteger(32)) {
      rewriter.replaceOp(op, addWords(sum));
      return;
    }
    if (sum.getType().isInteger(64)) {
      // 32 lanes of 27 bits are a sum of 32.
      constexpr int64_t bits = 27;
      Value result;
      for (int64_t first = 0; first < 64; first += bits) {
        Value shift = b.i64(first);
        Value part =
            arith::TruncIOp::create(b, b.getI32Type(), b.shr({sum, shift}));
        part = b.bitAnd({part, b.i32((1 << bits) - 1)});
        part = b.shl({b.zext(addWords(part)), shift});
        result = result ? b.add({result, part}) : part;
      }
      rewriter.replaceOp(op, result);
      return;
    }
    for (int64_t distance = 16; distance > 0; distance /= 2)
      sum = b.add({sum, moveWords(b, sum, [&](Value word) {
                     return b.butterfly(word, distance);
                   })});
    rewriter.replaceOp(op, sum);
  }
};

//===----------------------------------------------------------------------===//
// Elements of memrefs
//===----------------------------------------------------------------------===//

/// The address of one element, by indices cast from integers to index.
Value getElementAddress(FragmentBuilder &b, Value memref, ValueRange indices) {
  GlobalArray array = GlobalArray::get(memref);
  // An i64 sum is added part by part, so that what is the same for all
  // iterations of a loop is computed once.
  if (indices.size() == 1)
    if (auto cast = indices[0].getDefiningOp<arith::IndexCastUIOp>())
      if (auto sum = cast.getIn().getDefiningOp<arith::AddIOp>())
        if (sum.getType().isInteger(64))
          return b.offset(array.at(b, sum.getLhs()),
                          array.scale(b, sum.getRhs(), 0));
  SmallVector<Value> wide;
  for (Value index : indices)
    wide.push_back(arith::IndexCastOp::create(b, b.getI64Type(), index));
  return array.at(b, wide);
}

struct LowerLoad : TilePattern<memref::LoadOp> {
  using TilePattern::TilePattern;
  void lower(memref::LoadOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Value address = getElementAddress(b, op.getMemref(), adaptor.getIndices());
    rewriter.replaceOp(op, b.load(address, op.getType()));
  }
};

struct LowerStore : TilePattern<memref::StoreOp> {
  using TilePattern::TilePattern;
  void lower(memref::StoreOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    b.store(adaptor.getValue(),
            getElementAddress(b, op.getMemref(), adaptor.getIndices()));
    rewriter.eraseOp(op);
  }
};

/// Additions only, by threads of one block.
struct LowerAtomic : TilePattern<memref::AtomicRMWOp> {
  using TilePattern::TilePattern;
  void lower(memref::AtomicRMWOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Value address = getElementAddress(b, op.getMemref(), adaptor.getIndices());
    auto atomic = LLVM::AtomicRMWOp::create(
        b, LLVM::AtomicBinOp::add, address, adaptor.getValue(),
        LLVM::AtomicOrdering::monotonic, "block");
    rewriter.replaceOp(op, atomic.getRes());
  }
};
} // namespace

void sparsek::populateThreadPatterns(RewritePatternSet &patterns,
                                     const TypeConverter &converter,
                                     const KernelFrame &frame) {
  patterns.add<LowerAtomic, LowerBallot, LowerBarrier, LowerBroadcast,
               LowerLane, LowerLoad, LowerStore, LowerWaitPrevious, LowerWarp,
               LowerWarpBarrier, LowerWarpScan, LowerWarpSum>(
      converter, patterns.getContext(), frame);
}
