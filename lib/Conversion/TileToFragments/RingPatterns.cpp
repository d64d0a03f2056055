//===- RingPatterns.cpp - Work items, rings, turns and flags --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

namespace {
//===----------------------------------------------------------------------===//
// Work items
//===----------------------------------------------------------------------===//

struct LowerBlock : TilePattern<BlockOp> {
  using TilePattern::TilePattern;
  void lower(BlockOp op, OpAdaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Type type = b.getI32Type();
    Value x = NVVM::BlockIdXOp::create(b, type);
    Value y = NVVM::BlockIdYOp::create(b, type);
    Value columns = NVVM::GridDimXOp::create(b, type);
    Value rows = NVVM::GridDimYOp::create(b, type);
    rewriter.replaceOp(
        op, {b.add({x, b.mul({y, columns})}), b.mul({columns, rows})});
  }
};

struct LowerThread : TilePattern<ThreadOp> {
  using TilePattern::TilePattern;
  void lower(ThreadOp op, OpAdaptor, FragmentBuilder &,
             ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, frame.thread);
  }
};

struct LowerWarpgroup : TilePattern<WarpgroupOp> {
  using TilePattern::TilePattern;
  void lower(WarpgroupOp op, OpAdaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, frame.getConsumer(b));
  }
};

/// Blocks of a grid in one dimension.
struct Grid {
  explicit Grid(FragmentBuilder &b)
      : id(NVVM::BlockIdXOp::create(b, b.getI32Type())),
        count(NVVM::GridDimXOp::create(b, b.getI32Type())) {}

  /// The place of this block in a round: every other round goes backwards.
  Value getPlace(FragmentBuilder &b, Value round) const {
    Value odd = b.eq({b.bitAnd({round, b.i32(1)}), b.i32(1)});
    Value back = b.sub({b.sub({count, b.i32(1)}), id});
    return b.select({odd, back, id});
  }

  Value id, count;
};

struct LowerRounds : TilePattern<RoundsOp> {
  using TilePattern::TilePattern;
  void lower(RoundsOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Grid grid(b);
    Value whole = b.div({adaptor.getItems(), grid.count});
    Value rest = b.sub({adaptor.getItems(), b.mul({whole, grid.count})});
    Value one = b.add({whole, b.i32(1)});
    Value hasLast = b.slt({grid.getPlace(b, whole), rest});
    rewriter.replaceOp(op, b.select({hasLast, one, whole}));
  }
};

struct LowerItem : TilePattern<ItemOp> {
  using TilePattern::TilePattern;
  void lower(ItemOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Grid grid(b);
    Value round = adaptor.getRound();
    Value number = b.add({b.mul({round, grid.count}), grid.getPlace(b, round)});
    int64_t headBlocks = frame.rowMap.getHeadBlocks();
    Value perBatch = b.mul({adaptor.getHeads(), b.i32(headBlocks)});
    Value columns = b.mul({adaptor.getBatches(), perBatch});
    // Of the columns that are worked on together the last ones may be fewer.
    Value together = adaptor.getTogether(), tiles = adaptor.getTiles();
    Value size = b.mul({together, tiles});
    Value part = b.div({number, size});
    Value inPart = b.sub({number, b.mul({part, size})});
    Value firstColumn = b.mul({part, together});
    Value width = b.smin({together, b.sub({columns, firstColumn})});
    Value rank = b.div({inPart, width});
    Value inRank = b.sub({inPart, b.mul({rank, width})});
    // The last tiles have the longest lists: they come first.
    Value tile = b.sub({b.sub({tiles, b.i32(1)}), rank});
    Value column = b.add({firstColumn, inRank});
    Value batch = b.div({column, perBatch});
    Value inBatch = b.sub({column, b.mul({batch, perBatch})});
    Value head = b.div({inBatch, b.i32(headBlocks)});
    Value headBlock = b.rem({inBatch, b.i32(headBlocks)});
    Value row = b.mul({tile, b.i32(frame.rowMap.getPositions())});
    rewriter.replaceOp(op, {batch, head, headBlock, row});
  }
};

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

struct LowerReserve : TilePattern<ReserveOp> {
  using TilePattern::TilePattern;
  void lower(ReserveOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    RingOp ring = ringOf(op.getRing());
    auto slot = frame.getSlot(b, ring, adaptor.getPosition());
    // The opposite parity: the first use of every slot passes.
    Value parity = b.bitXor({slot.parity, b.i32(1)});
    frame.waitBarrier(b, frame.getFreeBarrier(b, ring, slot.number), parity);
    rewriter.eraseOp(op);
  }
};

struct LowerCommit : TilePattern<CommitOp> {
  using TilePattern::TilePattern;
  void lower(CommitOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    RingOp ring = ringOf(op.getRing());
    Value number = frame.getSlotNumber(b, ring, adaptor.getPosition());
    Value barrier = frame.getFullBarrier(b, ring, number);
    if (isa<RingType>(ring.getType()))
      NVVM::CpAsyncMBarrierArriveOp::create(b, barrier, /*noinc=*/true);
    else
      frame.arriveWarp(b, barrier);
    // Arrivals of copies release the copies alone. The list is another warp's:
    // any lane that has acquired it can hand it on.
    if (op.getList())
      frame.arriveLane(b, barrier);
    rewriter.eraseOp(op);
  }
};

struct LowerAcquire : TilePattern<AcquireOp> {
  using TilePattern::TilePattern;
  void lower(AcquireOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    RingOp ring = ringOf(op.getRing());
    frame.waitFull(b, ring, adaptor.getPosition());
    // Copies write through the generic proxy, products of a warpgroup read
    // through the asynchronous one. Of slots acquired together the last one
    // fences.
    auto next = dyn_cast_or_null<AcquireOp>(op->getNextNode());
    bool together = next && isa<RingType>(next.getRing().getType());
    if (frame.target.warpgroups && isa<RingType>(ring.getType()) && !together)
      NVVM::FenceProxyOp::create(
          b, NVVM::ProxyKind::async_shared,
          NVVM::SharedSpaceAttr::get(b.getContext(),
                                     NVVM::SharedSpace::shared_cta));
    rewriter.eraseOp(op);
  }
};

struct LowerRelease : TilePattern<ReleaseOp> {
  using TilePattern::TilePattern;
  void lower(ReleaseOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    RingOp ring = ringOf(op.getRing());
    frame.arriveWarp(b, frame.getRelease(b, ring, adaptor.getPosition()));
    rewriter.eraseOp(op);
  }
};

struct LowerSkip : TilePattern<SkipOp> {
  using TilePattern::TilePattern;
  void lower(SkipOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    RingOp keys = ringOf(op.getKeys()), list = ringOf(op.getList());
    RingOp values = ringOf(op.getValues());
    FragmentBuilder::Range range = {adaptor.getBegin(), adaptor.getEnd(),
                                    b.i32(1)};
    b.loop(range, {}, [&](Value position, ValueRange) {
      // An arrival that came before the slot is filled could count for the use
      // before this one, and none may come before all lanes have waited.
      frame.waitFull(b, keys, position);
      frame.arriveWarp(b, frame.getRelease(b, keys, position));
      frame.arriveLane(b, frame.getRelease(b, list, position));
      frame.waitFull(b, values, position);
      frame.arriveWarp(b, frame.getRelease(b, values, position));
      return FragmentBuilder::Values();
    });
    rewriter.eraseOp(op);
  }
};

//===----------------------------------------------------------------------===//
// Turns
//===----------------------------------------------------------------------===//

/// Named barrier of the first consumer; 0 is the block's. The one whose turn is
/// over arrives at the barrier at which the next one waits.
constexpr int64_t kFirstTurnBarrier = 1;

struct LowerTurn : TilePattern<TurnOp> {
  using TilePattern::TilePattern;
  void lower(TurnOp op, OpAdaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Value consumer = frame.getConsumer(b), threads = b.i32(256);
    Value first = b.i32(kFirstTurnBarrier);
    Value isLast = b.eq({consumer, b.i32(frame.consumerWarps / 4 - 1)});
    switch (op.getTurn()) {
    case Turn::Start:
      b.ifThen(isLast,
               [&] { NVVM::BarrierArriveOp::create(b, first, threads); });
      break;
    case Turn::Take:
      NVVM::BarrierOp::create(b, TypeRange(), b.add({consumer, first}), threads,
                              NVVM::BarrierReductionAttr(), Value());
      break;
    case Turn::Pass: {
      Value following = b.add({consumer, b.i32(kFirstTurnBarrier + 1)});
      NVVM::BarrierArriveOp::create(b, b.select({isLast, first, following}),
                                    threads);
      break;
    }
    }
    rewriter.eraseOp(op);
  }
};

//===----------------------------------------------------------------------===//
// Flags
//===----------------------------------------------------------------------===//

struct LowerFlags : TilePattern<FlagsOp> {
  using TilePattern::TilePattern;
  void lower(FlagsOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    RingOp ring = ringOf(op.getList());
    Value number = frame.getSlotNumber(b, ring, adaptor.getPosition());
    Value slot = frame.getSlotPointer(b, ring, number);
    Value word = b.load(b.offset(slot, op.getList().getType().getFlagOffset()),
                        b.getI32Type());
    // From lane 0, so that branches on it are uniform.
    rewriter.replaceOp(op, b.shuffle(NVVM::ShflKind::idx, word, b.i32(0)));
  }
};

struct LowerFlag : TilePattern<FlagOp> {
  using TilePattern::TilePattern;
  void lower(FlagOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Value word =
        FlagsOp::create(b, b.getI32Type(), op.getList(), adaptor.getPosition());
    Value bit =
        b.bitAnd({word, b.i32(1 << static_cast<int64_t>(op.getFlag()))});
    rewriter.replaceOp(op, b.cmp(arith::CmpIPredicate::ne, {bit, b.i32(0)}));
  }
};
} // namespace

void sparsek::populateRingPatterns(RewritePatternSet &patterns,
                                   const TypeConverter &converter,
                                   const KernelFrame &frame) {
  patterns.add<LowerAcquire, LowerBlock, LowerCommit, LowerFlag, LowerFlags,
               LowerItem, LowerRelease, LowerReserve, LowerRounds, LowerSkip,
               LowerThread, LowerTurn, LowerWarpgroup>(
      converter, patterns.getContext(), frame);
}
