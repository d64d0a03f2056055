//===- ProductPatterns.cpp - Products of fragments and slots --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "sparsek/Dialect/Frag/IR/Frag.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

/// The low descriptor word of a slot from byte `offset` on; `leading` bytes
/// between panels where the operand is read across rows.
static Value getDescriptor(FragmentBuilder &b, const KernelFrame &frame,
                           RingOp ring, Value position, Value offset,
                           int64_t leading) {
  Value base = b.add({frame.sharedAddress, b.i32(*ring.getOffset())});
  if (offset)
    base = b.add({base, offset});
  Value address = b.shr({b.bitAnd({base, b.i32(0x3FFFF)}), b.i32(4)});
  Value word = b.bitOr({address, b.i32((leading >> 4) << 16)});
  Value number = KernelFrame::getSlotNumber(b, ring, position);
  return b.add(
      {word, b.mul({number, b.i32(KernelFrame::getSlotBytes(ring) >> 4)})});
}

namespace {
struct LowerMmaNT : TilePattern<MmaNTOp> {
  using TilePattern::TilePattern;
  void lower(MmaNTOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    RingType lhsType = op.getLhs().getType(), rhsType = op.getRhs().getType();
    Value rows = b.mul({frame.getConsumer(b), b.i32(64 * 128)});
    // Along a row the panel is part of the step, so nothing is leading.
    Value lhs = getDescriptor(b, frame, ringOf(op.getLhs()),
                              adaptor.getLhsPosition(), rows, 16);
    Value rhs = getDescriptor(b, frame, ringOf(op.getRhs()),
                              adaptor.getRhsPosition(), Value(), 16);
    int64_t depth = llvm::divideCeil(lhsType.getColumns(), 16) * 16;
    Type type = getTypeConverter()->convertType(op.getResult().getType());
    Value product = frag::WgmmaSSOp::create(
        b, type, lhs, rhs, depth, TypeAttr::get(lhsType.getElementType()),
        lhsType.getPanelBytes(), rhsType.getPanelBytes());
    if (isa<FragType>(op.getResult().getType()))
      product = frag::WgmmaWaitOp::create(b, type, product, 0);
    rewriter.replaceOp(op, product);
  }
};

struct LowerMmaNN : TilePattern<MmaNNOp> {
  using TilePattern::TilePattern;
  void lower(MmaNNOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    RingType rhsType = op.getRhs().getType();
    Value rhs =
        getDescriptor(b, frame, ringOf(op.getRhs()), adaptor.getRhsPosition(),
                      Value(), rhsType.getPanelBytes());
    Type type = adaptor.getAccumulator().getType();
    Value product = frag::WgmmaRSOp::create(
        b, type, adaptor.getAccumulator(), adaptor.getLhs(), rhs,
        TypeAttr::get(rhsType.getElementType()));
    if (isa<FragType>(op.getResult().getType()))
      product = frag::WgmmaWaitOp::create(b, type, product, 0);
    rewriter.replaceOp(op, product);
  }
};

struct LowerWait : TilePattern<WaitOp> {
  using TilePattern::TilePattern;
  void lower(WaitOp op, OpAdaptor adaptor, FragmentBuilder &,
             ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<frag::WgmmaWaitOp>(
        op, adaptor.getProduct().getType(), adaptor.getProduct(),
        op.getOutstanding());
  }
};
} // namespace

void sparsek::populateProductPatterns(RewritePatternSet &patterns,
                                      const TypeConverter &converter,
                                      const KernelFrame &frame) {
  patterns.add<LowerMmaNN, LowerMmaNT, LowerWait>(converter,
                                                  patterns.getContext(), frame);
}
