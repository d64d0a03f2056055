//===- ElementEvaluator.h - Tensor elements as expressions ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Writes the element of a tensor at symbolic indices as a scalar expression, by
// reading the ops that compute the tensor.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CONVERSION_RAISEATTENTION_ELEMENTEVALUATOR_H
#define SPARSEK_CONVERSION_RAISEATTENTION_ELEMENTEVALUATOR_H

#include "ScalarExpr.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace sparsek::raise {

/// A sum over products of the elements of two tensors.
struct Contraction {
  mlir::OpOperand *lhs;
  mlir::OpOperand *rhs;
  /// The product has no further factor.
  bool plain;
};

/// Recognises contractions by their body and iterators.
std::optional<Contraction> matchContraction(mlir::Operation *op);

/// The operands of an op and the values that its regions read.
void forEachUsedValue(mlir::Operation *op,
                      llvm::function_ref<void(mlir::Value)> visit);

class ElementEvaluator {
public:
  enum class Mode {
    /// Through everything that can be written as an expression. The operands of
    /// contractions are read in the mode Scaled.
    Full,
    /// Through data movement, widening casts and multiplication by constants.
    Scaled,
    /// Through data movement and widening casts.
    View,
    /// The last op in full, its operands in the mode View.
    Once,
  };

  ElementEvaluator(ExprContext &ctx, mlir::Block *block)
      : ctx(ctx), block(block) {}

  /// Never null: what cannot be read is an element of the tensor itself.
  ExprRef element(mlir::Value tensor, llvm::ArrayRef<ExprRef> indices,
                  Mode mode);
  /// An integer, boolean or float SSA value.
  ExprRef scalar(mlir::Value value);
  ExprRef dimOf(mlir::Value tensor, int64_t index);
  /// What a scalar, or the one element of a tensor, is.
  void bind(mlir::Value value, ExprRef known) { bound[value] = known; }
  llvm::SmallVector<ExprRef> shapeOf(mlir::Value tensor);

  /// Notes which sizes the ops that `root` depends on force to be equal.
  void learnSizes(mlir::Operation *root);
  void unifySizes(ExprRef a, ExprRef b);
  /// Forgets what was read, for another try with more equal sizes.
  void reset();

  /// The sizes of the loops of a linalg op.
  llvm::SmallVector<ExprRef> loopExtents(mlir::linalg::LinalgOp op);
  /// The indices of an operand at a point of the loops; fails on maps that are
  /// not quasi-affine in the loops.
  bool operandIndices(mlir::linalg::LinalgOp op, mlir::OpOperand *operand,
                      llvm::ArrayRef<ExprRef> loops,
                      llvm::SmallVectorImpl<ExprRef> &indices);

private:
  /// What a region's values stand for while one point of it is read.
  struct Env {
    llvm::DenseMap<mlir::Value, ExprRef> values;
    llvm::SmallVector<ExprRef> loops;
    mlir::linalg::LinalgOp op;
    /// The region's block, where it is not that of `op`.
    mlir::Block *body = nullptr;
    /// How the operands are read.
    Mode mode = Mode::Full;
    /// Whether rounding to a narrower type may be ignored.
    bool narrowing = true;
  };

  ExprRef readElement(mlir::Value tensor, llvm::ArrayRef<ExprRef> indices,
                      Mode mode);
  ExprRef readLinalg(mlir::OpResult result, llvm::ArrayRef<ExprRef> indices,
                     Mode mode);
  ExprRef readReduction(mlir::OpResult result, Env &env,
                        llvm::ArrayRef<ExprRef> reductions,
                        llvm::ArrayRef<ExprRef> indices);
  ExprRef readConstant(mlir::DenseElementsAttr attr,
                       llvm::ArrayRef<ExprRef> indices);
  ExprRef readPositions(mlir::DenseElementsAttr attr,
                        llvm::ArrayRef<ExprRef> indices);
  ExprRef readSoftmax(mlir::linalg::SoftmaxOp op,
                      llvm::ArrayRef<ExprRef> indices, Mode mode);
  ExprRef readReshape(mlir::Value source, llvm::ArrayRef<ExprRef> sourceShape,
                      llvm::ArrayRef<ExprRef> resultShape,
                      llvm::ArrayRef<ExprRef> indices, Mode mode);
  /// Null where the value cannot be read.
  ExprRef evaluate(mlir::Value value, Env *env);
  ExprRef evaluateOp(mlir::Operation *op, mlir::Value result, Env *env);
  ExprRef apply(mlir::Operation *op, llvm::ArrayRef<ExprRef> operands,
                mlir::Type resultType, bool narrowing);
  ExprRef onlyMoved(ExprRef value, Mode mode);
  ExprRef affine(mlir::AffineExpr expr, llvm::ArrayRef<ExprRef> dims,
                 llvm::ArrayRef<ExprRef> symbols = {});
  ExprRef rawDimOf(mlir::Value tensor, int64_t index);
  ExprRef sizeOr(mlir::OpFoldResult size, mlir::Value tensor, int64_t index);
  ExprRef canonical(ExprRef size);

  ExprContext &ctx;
  mlir::Block *block;
  llvm::DenseMap<std::pair<ExprRef, int>, ExprRef> elementMemo;
  llvm::DenseMap<mlir::Value, ExprRef> scalarMemo;
  /// The sizes by which values that are sizes go.
  llvm::DenseMap<ExprRef, ExprRef> sizeNames;
  llvm::DenseMap<mlir::Value, ExprRef> bound;
  SymbolMap equalSizes;
  unsigned depth = 0;
};

/// The element of a constant tensor as a number; booleans are 0 and 1.
std::optional<double> readConstantElement(mlir::Value tensor,
                                          llvm::ArrayRef<int64_t> indices);

} // namespace sparsek::raise

#endif // SPARSEK_CONVERSION_RAISEATTENTION_ELEMENTEVALUATOR_H
