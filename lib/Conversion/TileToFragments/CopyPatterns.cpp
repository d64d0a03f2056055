//===- CopyPatterns.cpp - Global memory to matrix rings -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A warp copies a slot, or its share of one, 16 bytes a lane. A row of a matrix
// takes as many lanes as it has 16-byte chunks (rounded up to a power of two);
// the lanes of a row are a group, and each group copies a contiguous block of
// rows.
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "sparsek/Dialect/Frag/IR/Frag.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

namespace {
/// What a lane copies of the rows of a slot.
struct CopyLanes {
  /// Each lane group copies `granule` rows or a multiple of them.
  CopyLanes(FragmentBuilder &b, const KernelFrame &frame, RingType type,
            int64_t granule, Value share = Value(), int64_t shares = 1);

  /// Rows of a lane group.
  int64_t block;
  /// Lane group, counted over all shares; chunk in the row.
  Value group, chunk;
  /// Not null where some lanes have nothing to copy.
  Value active;
  /// Not null where a lane may be beyond the columns that exist (its chunk is
  /// needed, as zeros, because products take 16 columns at a time): 16 or 0.
  Value size;
  /// Bytes in the slot of the lane's chunk in row 0 of its block.
  Value target;
  /// Byte offset of the lane's chunk in a row of global memory.
  Value source;

  /// Runs `body` on the lanes that copy.
  void onActive(FragmentBuilder &b, function_ref<void()> body) const {
    if (active)
      b.ifThen(active, body);
    else
      body();
  }

  /// The address of the chunk in row `row` of 8: the 128-byte swizzle.
  Value swizzle(FragmentBuilder &b, int64_t row) const {
    return row == 0 ? target : b.bitXor({target, b.i32(row << 4)});
  }
};
} // namespace

CopyLanes::CopyLanes(FragmentBuilder &b, const KernelFrame &frame,
                     RingType type, int64_t granule, Value share,
                     int64_t shares) {
  int64_t existing = type.getColumns() / 8;
  int64_t needed = llvm::divideCeil(type.getColumns(), 16) * 2;
  // Where a row has fewer chunks than that, some lanes have nothing to copy.
  int64_t perRow = llvm::PowerOf2Ceil(std::max<int64_t>(
      needed, llvm::divideCeil(32 * granule * shares, type.getRows())));
  int64_t groups = 32 / perRow;
  block = type.getRows() / (groups * shares);
  group = b.shr({frame.lane, b.i32(llvm::Log2_64(perRow))});
  if (share)
    group = b.add({group, b.mul({share, b.i32(groups)})});
  chunk = b.bitAnd({frame.lane, b.i32(perRow - 1)});
  if (needed < perRow)
    active = b.slt({chunk, b.i32(needed)});
  Value inRow = chunk;
  if (existing < needed) {
    Value exists = b.slt({chunk, b.i32(existing)});
    size = b.select({exists, b.i32(16), b.i32(0)});
    inRow = b.select({exists, chunk, b.i32(0)});
  }
  Value panel = b.mul({b.shr({chunk, b.i32(3)}), b.i32(type.getPanelBytes())});
  Value rows = b.mul({group, b.i32(block * 128)});
  Value inPanel = b.shl({b.bitAnd({chunk, b.i32(7)}), b.i32(4)});
  target = b.add({b.add({panel, rows}), inPanel});
  source = b.zext(b.shl({inRow, b.i32(4)}));
}

/// 16 bytes past L1; with `size` only its first bytes, the rest zeros.
static void copyChunk(FragmentBuilder &b, Value to, Value from, Value size) {
  NVVM::CpAsyncOp::create(b, to, from, 16, NVVM::LoadCacheModifierKind::CG,
                          size);
}

namespace {
struct LowerGather : TilePattern<GatherOp> {
  using TilePattern::TilePattern;

  void lower(GatherOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    KeyListType listType = op.getList().getType();
    RingOp ring = ringOf(op.getRing()), list = ringOf(op.getList());
    CopyLanes lanes(b, frame, op.getRing().getType(), /*granule=*/8,
                    adaptor.getShare(), op.getShares());
    GlobalArray source = GlobalArray::get(op.getSource());
    Value rows = b.offset(source.at(b, {adaptor.getBatch(), adaptor.getHead()}),
                          lanes.source);
    // Rows are less than 2^31 bytes apart: one 32 x 32 -> 64 bit product each.
    Value stride = arith::TruncIOp::create(b, b.getI32Type(),
                                           source.scale(b, b.i32(1), 2));
    Value indices = frame.getSlotPointer(
        b, list, frame.getSlotNumber(b, list, adaptor.getListPosition()));
    indices = b.offset(indices, listType.getIndexOffset());
    indices = b.offset(indices, getFirstEntry(b, lanes));
    Value slot = frame.getSlotPointer(
        b, ring, frame.getSlotNumber(b, ring, adaptor.getPosition()));

    // Unpadded slots, nearly all of them, need no sizes.
    Value padded = FlagOp::create(b, b.getI1Type(), Flag::Padded, op.getList(),
                                  adaptor.getListPosition());
    lanes.onActive(b, [&] {
      auto copy = [&](bool checked) {
        copyRows(b, lanes, rows, stride, indices, slot, checked);
        return FragmentBuilder::Values();
      };
      b.ifElse(
          padded, {}, [&] { return copy(true); }, [&] { return copy(false); });
    });
    rewriter.eraseOp(op);
  }

private:
  // The entries of a list are permuted in groups of 16: entries 4q + 2h + i
  // are rows 8h + 2q + i.

  /// Byte offset of the index of a lane group's first row.
  Value getFirstEntry(FragmentBuilder &b, const CopyLanes &lanes) const {
    if (lanes.block % 16 == 0)
      return b.mul({lanes.group, b.i32(lanes.block * 4)});
    Value half = b.shl({b.bitAnd({lanes.group, b.i32(1)}), b.i32(3)});
    Value sixteen = b.shl({b.shr({lanes.group, b.i32(1)}), b.i32(6)});
    return b.add({sixteen, half});
  }

  /// 16 rows a step, or a lane group's only 8.
  void copyRows(FragmentBuilder &b, const CopyLanes &lanes, Value rows,
                Value stride, Value indices, Value slot, bool checked) const {
    int64_t perQuad = lanes.block % 16 == 0 ? 4 : 2;
    Type entryType = VectorType::get(perQuad, b.getI32Type());
    Value begin = b.i32(0), end = b.i32(llvm::divideCeil(lanes.block, 16)),
          step = b.i32(1);
    b.loop({begin, end, step}, {}, [&](Value i, ValueRange) {
      Value from = b.offset(indices, b.shl({i, b.i32(6)}));
      Value to = b.offset(slot, b.shl({i, b.i32(11)}));
      SmallVector<Value> targets;
      for (int64_t row = 0; row < 8; ++row)
        targets.push_back(b.offset(to, lanes.swizzle(b, row)));
      for (int64_t quad = 0; quad < 4; ++quad) {
        Value entries = b.load(b.offset(from, 16 * quad), entryType);
        for (auto [entry, index] : llvm::enumerate(b.elements(entries))) {
          int64_t row = 2 * quad + (entry & 1) + 8 * (entry >> 1);
          Value size = lanes.size, key = index;
          if (checked) {
            Value exists = b.cmp(arith::CmpIPredicate::sge, {index, b.i32(0)});
            size = b.select({exists, size ? size : b.i32(16), b.i32(0)});
            key = b.smax({index, b.i32(0)});
          }
          Value address =
              frag::RowAddressOp::create(b, rows.getType(), rows, key, stride);
          copyChunk(b, b.offset(targets[row & 7], row * 128), address, size);
        }
      }
      return FragmentBuilder::Values();
    });
  }
};

struct LowerLoadTile : TilePattern<LoadTileOp> {
  using TilePattern::TilePattern;

  void lower(LoadTileOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    RingOp ring = ringOf(op.getRing());
    // 192 rows are 8 blocks of 24: in granules of 8 they would be 16 of 12.
    CopyLanes lanes(b, frame, op.getRing().getType(), /*granule=*/16);
    GlobalArray source = GlobalArray::get(op.getSource());
    Value rows = b.offset(source.at(b, {adaptor.getBatch()}), lanes.source);
    Value slot = frame.getSlotPointer(
        b, ring, frame.getSlotNumber(b, ring, adaptor.getPosition()));
    lanes.onActive(b, [&] {
      // Four rows a step: eight would not fit into the registers of a producer.
      Value begin = b.i32(0), end = b.i32(lanes.block / 4), step = b.i32(1);
      b.loop({begin, end, step}, {}, [&](Value i, ValueRange) {
        Value half = b.shl({b.bitAnd({i, b.i32(1)}), b.i32(6)});
        Value to = b.offset(slot, b.shl({i, b.i32(9)}));
        Value first = b.add(
            {b.mul({lanes.group, b.i32(lanes.block)}), b.shl({i, b.i32(2)})});
        for (int64_t row = 0; row < 4; ++row) {
          auto place = frame.getRowPlace(
              b, b.add({first, b.i32(row)}), adaptor.getHead(),
              adaptor.getHeadBlock(), adaptor.getRow(), adaptor.getLimit());
          Value zero = b.i32(0);
          Value head = b.select({place.live, place.head, zero});
          Value position = b.select({place.live, place.position, zero});
          Value offset =
              b.add({source.scale(b, head, 1), source.scale(b, position, 2)});
          Value size =
              b.select({place.live, lanes.size ? lanes.size : b.i32(16), zero});
          Value chunk = b.bitXor({lanes.swizzle(b, row), half});
          Value target = b.offset(b.offset(to, chunk), row * 128);
          copyChunk(b, target, b.offset(rows, offset), size);
        }
        return FragmentBuilder::Values();
      });
    });
    rewriter.eraseOp(op);
  }
};
} // namespace

void sparsek::populateCopyPatterns(RewritePatternSet &patterns,
                                   const TypeConverter &converter,
                                   const KernelFrame &frame) {
  patterns.add<LowerGather, LowerLoadTile>(converter, patterns.getContext(),
                                           frame);
}
