//===- WarpProductPatterns.cpp - Products, warp by warp -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// For targets whose warpgroups have no products of their own: every warp
// multiplies its 16 rows of each 64, or 32 of 128, which share what is loaded
// of the right operand.
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "sparsek/Dialect/Frag/IR/Frag.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

/// The i32 address of a slot in shared memory.
static Value getSlotAddress(FragmentBuilder &b, const KernelFrame &frame,
                            RingOp ring, Value position) {
  Value number = KernelFrame::getSlotNumber(b, ring, position);
  Value slots = b.add({frame.sharedAddress, b.i32(*ring.getOffset())});
  Value bytes = b.mul({number, b.i32(KernelFrame::getSlotBytes(ring))});
  return b.add({slots, bytes});
}

namespace {
struct LowerWarpMmaNT : TilePattern<MmaNTOp> {
  using TilePattern::TilePattern;
  void lower(MmaNTOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    RingType lhsType = op.getLhs().getType(), rhsType = op.getRhs().getType();
    Value slot =
        getSlotAddress(b, frame, ringOf(op.getLhs()), adaptor.getLhsPosition());
    int64_t rows = cast<FragType>(op.getResult().getType()).getRows();
    Value first = b.mul({frame.getWarpRow(b, rows), b.i32(128)});
    Value lhs = b.add({slot, first});
    Value rhs =
        getSlotAddress(b, frame, ringOf(op.getRhs()), adaptor.getRhsPosition());
    int64_t depth = llvm::divideCeil(lhsType.getColumns(), 16) * 16;
    Type type = getTypeConverter()->convertType(op.getResult().getType());
    rewriter.replaceOpWithNewOp<frag::MmaSSOp>(
        op, type, lhs, rhs, depth, TypeAttr::get(lhsType.getElementType()),
        lhsType.getPanelBytes(), rhsType.getPanelBytes(), rows / 64);
  }
};

struct LowerWarpMmaNN : TilePattern<MmaNNOp> {
  using TilePattern::TilePattern;
  void lower(MmaNNOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    RingType rhsType = op.getRhs().getType();
    Value rhs =
        getSlotAddress(b, frame, ringOf(op.getRhs()), adaptor.getRhsPosition());
    int64_t rows = op.getLhs().getType().getRows();
    rewriter.replaceOpWithNewOp<frag::MmaRSOp>(
        op, adaptor.getAccumulator().getType(), adaptor.getAccumulator(),
        adaptor.getLhs(), rhs, TypeAttr::get(rhsType.getElementType()),
        rhsType.getPanelBytes(), rows / 64);
  }
};
} // namespace

void sparsek::populateWarpProductPatterns(RewritePatternSet &patterns,
                                          const TypeConverter &converter,
                                          const KernelFrame &frame) {
  patterns.add<LowerWarpMmaNN, LowerWarpMmaNT>(converter, patterns.getContext(),
                                               frame);
}
