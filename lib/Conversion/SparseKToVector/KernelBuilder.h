//===- KernelBuilder.h - Short names for building kernels
//---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOVECTOR_KERNELBUILDER_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOVECTOR_KERNELBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Builders.h"

namespace sparsek {

/// A builder at one location whose methods read like the kernel they emit.
/// Arithmetic picks the integer or the float op from the operand's type and
/// takes scalars and vectors.
class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  // Constants.
  Value index(int64_t value);
  Value i32(int32_t value);
  Value f32(double value);
  Value f64(double value);
  Value boolean(bool value);
  /// `value` in the float or integer type `type`; splat for a vector type.
  Value constant(Type type, double value);

  // Arithmetic.
  Value add(Value lhs, Value rhs);
  Value sub(Value lhs, Value rhs);
  Value mul(Value lhs, Value rhs);
  /// Unsigned for indices, which are never negative where this is used.
  Value div(Value lhs, Value rhs);
  Value rem(Value lhs, Value rhs);
  Value ceilDiv(Value lhs, Value rhs);
  /// Smaller and larger value; for floats the left operand where the
  /// comparison involves a NaN on the right.
  Value min(Value lhs, Value rhs);
  Value max(Value lhs, Value rhs);
  Value select(Value condition, Value yes, Value no);
  Value both(Value lhs, Value rhs);
  Value either(Value lhs, Value rhs);
  /// Signed or ordered comparisons.
  Value lt(Value lhs, Value rhs);
  Value le(Value lhs, Value rhs);
  Value gt(Value lhs, Value rhs) { return lt(rhs, lhs); }
  Value ge(Value lhs, Value rhs) { return le(rhs, lhs); }
  Value eq(Value lhs, Value rhs);
  Value ne(Value lhs, Value rhs);
  Value toIndex(Value value);
  Value toI32(Value value);
  /// A float in f32, whatever its width; scalars and vectors.
  Value toF32(Value value);
  /// An f32 rounded to the element type `type`; scalars and vectors.
  Value fromF32(Value value, Type type);

  // Memory.
  Value dim(Value memref, int64_t index);
  Value load(Value memref, mlir::ValueRange indices);
  void store(Value value, Value memref, mlir::ValueRange indices);
  Value loadVector(Value memref, mlir::ValueRange indices, int64_t lanes);
  void storeVector(Value value, Value memref, mlir::ValueRange indices);
  Value splat(Value scalar, int64_t lanes);
  /// Runs `body` and frees the scratch memory that it allocates. Deallocation
  /// passes leave that memory alone: its life is that of one work item.
  void withScratch(llvm::function_ref<void()> body);
  /// Uninitialised memory until the end of the enclosing `withScratch`.
  Value scratch(Type element, llvm::ArrayRef<int64_t> shape,
                mlir::ValueRange dynamicSizes = {});

  // Control flow. Bodies emit at the builder's insertion point.
  using Values = llvm::SmallVector<Value>;
  void loop(Value begin, Value end, Value step,
            llvm::function_ref<void(Value)> body);
  Values loop(Value begin, Value end, Value step, mlir::ValueRange inits,
              llvm::function_ref<Values(Value, mlir::ValueRange)> body);
  /// A parallel loop from 0 to `end`, or a sequential one.
  void parallelLoop(Value end, bool parallel,
                    llvm::function_ref<void(Value)> body);
  void ifThen(Value condition, llvm::function_ref<void()> body);
  Values ifElse(Value condition, mlir::TypeRange types,
                llvm::function_ref<Values()> yes,
                llvm::function_ref<Values()> no);
  /// while (condition(values)) values = body(values)
  Values whileLoop(mlir::ValueRange inits,
                   llvm::function_ref<Value(mlir::ValueRange)> condition,
                   llvm::function_ref<Values(mlir::ValueRange)> body);

private:
  llvm::SmallVector<Value> scratchMemory;
};

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOVECTOR_KERNELBUILDER_H
