//===- TensorBuilder.h - Tensor code that reads like its formula ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOLINALG_TENSORBUILDER_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOLINALG_TENSORBUILDER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace sparsek {

/// Builds linalg, scf and arith ops with one location, in few words.
class TensorBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Value = mlir::Value;
  using Values = mlir::SmallVector<Value>;
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  //===--------------------------------------------------------------------===//
  // Scalars: index, signed integers and floats
  //===--------------------------------------------------------------------===//

  Value index(int64_t value);
  Value integer(int64_t value, unsigned width);
  Value real(double value, mlir::Type type);
  /// -inf for a minimum, +inf with `negative` unset.
  Value infinity(mlir::Type type, bool negative = true);

  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value div(Value a, Value b);
  /// The larger one; NaN where a float is NaN.
  Value max(Value a, Value b);
  /// Comparisons are false where a float is NaN.
  Value equal(Value a, Value b);
  Value less(Value a, Value b);
  Value lessOrEqual(Value a, Value b);
  Value both(Value a, Value b);
  Value either(Value a, Value b);
  Value select(Value condition, Value yes, Value no);
  /// Conversions; nothing happens where the type is right already.
  Value toFloat(Value value, mlir::Type type);
  Value toIndex(Value value);
  Value toI32(Value value);
  Value toF64(Value value);

  //===--------------------------------------------------------------------===//
  // Tensors
  //===--------------------------------------------------------------------===//

  mlir::OpFoldResult size(Value tensor, unsigned dim);
  Value sizeValue(Value tensor, unsigned dim);
  Value empty(mlir::ArrayRef<mlir::OpFoldResult> sizes, mlir::Type element);
  Value filled(mlir::ArrayRef<mlir::OpFoldResult> sizes, Value element);
  Value at(Value tensor, mlir::ValueRange indices);
  /// The slice of `tensor` at `position` in `dim`, without that dimension.
  Value slice(Value tensor, unsigned dim, mlir::OpFoldResult position);
  /// `tensor` with `value` as its slice at `position` in `dim`.
  Value withSlice(Value tensor, unsigned dim, mlir::OpFoldResult position,
                  Value value);
  /// Dimension `dim` of static size n as two dimensions, n / inner and inner.
  Value split(Value tensor, unsigned dim, int64_t inner);
  /// Dimensions `dim` and `dim + 1`, both static, as one.
  Value merge(Value tensor, unsigned dim);

  //===--------------------------------------------------------------------===//
  // Loops
  //===--------------------------------------------------------------------===//

  using GenericBody = llvm::function_ref<Values(TensorBuilder &b, Values args)>;
  using LoopBody =
      llvm::function_ref<Values(TensorBuilder &b, Value i, Values state)>;

  /// An operand of `generic`: a tensor with a letter per dimension, the loop
  /// that indexes it, or 0 for a dimension of size 1.
  struct Operand {
    Value tensor;
    llvm::StringRef dims;
  };

  /// linalg.generic with a letter per loop, outermost first. The loops that do
  /// not index the results are reductions. `body` gets the elements of the
  /// inputs and of the results, and returns the new elements of the results.
  Values generic(llvm::StringRef loops, mlir::ArrayRef<Operand> inputs,
                 mlir::ArrayRef<Operand> results, GenericBody body);

  /// scf.for over [lower, upper) in steps of one.
  Values loop(Value lower, Value upper, mlir::ValueRange init, LoopBody body);

  /// The number of the iteration within `generic`, counted from the outermost
  /// loop.
  Value iteration(unsigned loop);
};

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOLINALG_TENSORBUILDER_H
