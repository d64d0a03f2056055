//===- Patterns.h - Lowerings of tile ops -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_TILETOFRAGMENTS_PATTERNS_H
#define SPARSEK_LIB_CONVERSION_TILETOFRAGMENTS_PATTERNS_H

#include "KernelFrame.h"

#include "mlir/Transforms/DialectConversion.h"

namespace sparsek {

/// A pattern that knows the kernel around the op.
template <typename OpTy>
class TilePattern : public mlir::OpConversionPattern<OpTy> {
public:
  TilePattern(const mlir::TypeConverter &converter, mlir::MLIRContext *context,
              const KernelFrame &frame)
      : mlir::OpConversionPattern<OpTy>(converter, context), frame(frame) {}

  mlir::LogicalResult
  matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                  mlir::ConversionPatternRewriter &rewriter) const final {
    FragmentBuilder b(op.getLoc(), rewriter);
    lower(op, adaptor, b, rewriter);
    return mlir::success();
  }

protected:
  /// Replaces or erases the op.
  virtual void lower(OpTy op, typename OpTy::Adaptor adaptor,
                     FragmentBuilder &b,
                     mlir::ConversionPatternRewriter &rewriter) const = 0;

  /// The ring that a ring operand is.
  static tile::RingOp ringOf(mlir::Value ring) {
    return ring.getDefiningOp<tile::RingOp>();
  }

  const KernelFrame &frame;
};

/// The row slot of every accumulator element of a thread that has so many.
llvm::SmallVector<int64_t> getRowSlots(int64_t elements, int64_t slots);

void populateCopyPatterns(mlir::RewritePatternSet &patterns,
                          const mlir::TypeConverter &converter,
                          const KernelFrame &frame);
void populateKeyListPatterns(mlir::RewritePatternSet &patterns,
                             const mlir::TypeConverter &converter,
                             const KernelFrame &frame);
void populatePanelPatterns(mlir::RewritePatternSet &patterns,
                           const mlir::TypeConverter &converter,
                           const KernelFrame &frame);
void populateProductPatterns(mlir::RewritePatternSet &patterns,
                             const mlir::TypeConverter &converter,
                             const KernelFrame &frame);
void populateRingPatterns(mlir::RewritePatternSet &patterns,
                          const mlir::TypeConverter &converter,
                          const KernelFrame &frame);
void populateSoftmaxPatterns(mlir::RewritePatternSet &patterns,
                             const mlir::TypeConverter &converter,
                             const KernelFrame &frame);
void populateStorePatterns(mlir::RewritePatternSet &patterns,
                           const mlir::TypeConverter &converter,
                           const KernelFrame &frame);
void populateSurvivorPatterns(mlir::RewritePatternSet &patterns,
                              const mlir::TypeConverter &converter,
                              const KernelFrame &frame);
void populateThreadPatterns(mlir::RewritePatternSet &patterns,
                            const mlir::TypeConverter &converter,
                            const KernelFrame &frame);
/// In place of `populateProductPatterns` where a product belongs to one warp.
void populateWarpProductPatterns(mlir::RewritePatternSet &patterns,
                                 const mlir::TypeConverter &converter,
                                 const KernelFrame &frame);

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_TILETOFRAGMENTS_PATTERNS_H
