//===- AttentionBuilder.h - Builds sparsek ops for a match ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CONVERSION_RAISEATTENTION_ATTENTIONBUILDER_H
#define SPARSEK_CONVERSION_RAISEATTENTION_ATTENTIONBUILDER_H

#include "AttentionMatcher.h"

#include "mlir/IR/Builders.h"

namespace sparsek::raise {

/// One tensor dimension as a mixed-radix number of digits, outermost first; no
/// digit where the size is 1.
using DigitGroup = llvm::SmallVector<ExprRef>;
using DigitGroups = llvm::SmallVector<DigitGroup>;

/// How the dimensions of a tensor, or of a slice of it, are made of digits.
struct Layout {
  DigitGroups dims;
  /// The slice, where it is not the whole dimension.
  struct Range {
    int64_t offset = 0;
    bool whole = true;
  };
  llvm::SmallVector<Range> ranges;
  /// The sizes that each dimension of the tensor is split into first, or none
  /// where the dimensions are those of the tensor: heads of a fused projection
  /// are apart by more than their size.
  llvm::SmallVector<llvm::SmallVector<int64_t>> splits;
};

/// Builds the operands of sparsek ops from the tensors of a match by reshapes
/// and transposes, and the matched result from theirs.
class AttentionBuilder {
public:
  AttentionBuilder(mlir::OpBuilder &builder, mlir::Location loc,
                   ExprContext &ctx, ElementEvaluator &eval)
      : builder(builder), loc(loc), ctx(ctx), eval(eval) {}

  /// Nothing if an index is not a mixed-radix number of digits.
  std::optional<Layout> getLayout(const Access &access);
  /// Whether the layout has exactly the digits of the groups.
  static bool covers(const Layout &layout, const DigitGroups &groups);

  /// The tensor with one dimension per group.
  mlir::Value arrange(mlir::Value tensor, const Layout &layout,
                      const DigitGroups &groups);
  /// A tensor with one dimension per group, laid out as `layout` and of the
  /// given type.
  mlir::Value restore(mlir::Value tensor, const DigitGroups &groups,
                      const Layout &layout, mlir::RankedTensorType type);
  mlir::Value convert(mlir::Value tensor, mlir::Type elementType);
  /// A size as an SSA value of type index.
  mlir::Value size(ExprRef extent);

  /// The number of values that the digits of a group take.
  ExprRef extentOf(const DigitGroup &group);
  int64_t staticExtentOf(const DigitGroup &group);

private:
  bool addSplitDimension(Layout &layout, ExprRef index, ExprRef size);
  mlir::Value split(mlir::Value tensor, const Layout &layout);
  mlir::Value reorder(mlir::Value tensor, const DigitGroups &from,
                      const DigitGroups &to);
  mlir::Value reshape(mlir::Value tensor, const DigitGroups &from,
                      const DigitGroups &to);
  mlir::Value collapse(mlir::Value tensor, const DigitGroups &from,
                       const DigitGroups &to);
  mlir::Value expand(mlir::Value tensor, const DigitGroups &from,
                     const DigitGroups &to);
  llvm::SmallVector<mlir::OpFoldResult> sizesOf(const DigitGroups &groups);
  mlir::RankedTensorType typeOf(const DigitGroups &groups, mlir::Type element);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  ExprContext &ctx;
  ElementEvaluator &eval;
  llvm::DenseMap<ExprRef, mlir::Value> sizes;
};

} // namespace sparsek::raise

#endif // SPARSEK_CONVERSION_RAISEATTENTION_ATTENTIONBUILDER_H
