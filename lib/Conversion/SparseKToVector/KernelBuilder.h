//===- KernelBuilder.h - Short names for building kernels -------*- C++ -*-===//
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
///
/// Operands come in braces, `b.add({x, b.mul({y, z})})`: unlike arguments, they
/// are evaluated from left to right, so that the ops are emitted in one order
/// with every compiler.
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
  struct Operands {
    Value lhs, rhs;
  };
  struct Choice {
    Value condition, yes, no;
  };
  Value add(Operands operands);
  Value sub(Operands operands);
  Value mul(Operands operands);
  /// Unsigned for indices, which are never negative where this is used.
  Value div(Operands operands);
  Value rem(Operands operands);
  Value ceilDiv(Operands operands);
  /// Smaller and larger value; for floats `lhs` where one of them is a NaN.
  Value min(Operands operands);
  Value max(Operands operands);
  Value select(Choice choice);
  Value both(Operands operands);
  Value either(Operands operands);
  /// Signed or ordered comparisons.
  Value lt(Operands operands);
  Value le(Operands operands);
  Value gt(Operands operands) { return lt({operands.rhs, operands.lhs}); }
  Value ge(Operands operands) { return le({operands.rhs, operands.lhs}); }
  Value eq(Operands operands);
  Value toIndex(Value value);
  Value toI32(Value value);
  /// A float in f32, whatever its width; scalars and vectors.
  Value toF32(Value value);
  /// An f32 rounded to the element type `type`; scalars and vectors.
  Value fromF32(Value value, Type type);

  // Memory.
  Value dim(Value memref, int64_t index);
  Value load(Value memref, mlir::ValueRange indices);
  struct Store {
    Value value, memref;
    llvm::SmallVector<Value, 4> indices;
  };
  void store(const Store &store);
  Value loadVector(Value memref, mlir::ValueRange indices, int64_t lanes);
  void storeVector(const Store &store);
  Value splat(Value scalar, int64_t lanes);
  /// Runs `body` and frees the scratch memory that it allocates. Deallocation
  /// passes leave that memory alone: its life is that of one work item.
  void withScratch(llvm::function_ref<void()> body);
  /// Uninitialised memory until the end of the enclosing `withScratch`.
  Value scratch(Type element, llvm::ArrayRef<int64_t> shape,
                mlir::ValueRange dynamicSizes = {});

  // Control flow. Bodies emit at the builder's insertion point.
  using Values = llvm::SmallVector<Value>;
  struct Range {
    Value begin, end, step;
  };
  void loop(Range range, llvm::function_ref<void(Value)> body);
  Values loop(Range range, mlir::ValueRange inits,
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

/// memref<?x..?xT> of `rank` dimensions and arbitrary strides, or, with
/// `unitInner`, with contiguous innermost rows.
mlir::MemRefType getStridedType(mlir::Type element, int64_t rank,
                                bool unitInner = false);

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOVECTOR_KERNELBUILDER_H
