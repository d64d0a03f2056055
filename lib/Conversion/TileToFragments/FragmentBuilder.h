//===- FragmentBuilder.h - Short names for thread programs ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_TILETOFRAGMENTS_FRAGMENTBUILDER_H
#define SPARSEK_LIB_CONVERSION_TILETOFRAGMENTS_FRAGMENTBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace sparsek {

/// A builder at one location whose methods read like the PTX they become.
/// Arithmetic takes scalars and vectors, and picks the integer or the float op
/// from the operands' type.
///
/// Operands come in braces, `b.add({x, b.mul({y, z})})`: unlike arguments, they
/// are evaluated from left to right, so that the ops are emitted in one order
/// with every compiler.
class FragmentBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;
  using Values = llvm::SmallVector<Value>;
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  struct Operands {
    Value lhs, rhs;
  };
  struct Choice {
    Value condition, yes, no;
  };

  // Constants; of the type of `like`, splat for vectors.
  Value i1(bool value);
  Value i32(int64_t value);
  Value i64(int64_t value);
  Value f32(double value);
  Value constantLike(Value like, double value);

  // Arithmetic. Shifts right and division are unsigned.
  Value add(Operands operands);
  Value sub(Operands operands);
  Value mul(Operands operands);
  Value div(Operands operands);
  Value rem(Operands operands);
  Value bitAnd(Operands operands);
  Value bitOr(Operands operands);
  Value bitXor(Operands operands);
  Value shl(Operands operands);
  Value shr(Operands operands);
  Value smin(Operands operands);
  Value smax(Operands operands);
  /// The larger number; the other one where one is a NaN.
  Value fmax(Operands operands);
  Value fmin(Operands operands);
  Value neg(Value value);
  Value fma(Value a, Value b, Value c);
  Value cmp(mlir::arith::CmpIPredicate predicate, Operands operands);
  Value cmp(mlir::arith::CmpFPredicate predicate, Operands operands);
  Value eq(Operands operands);
  Value slt(Operands operands);
  Value select(Choice choice);
  /// An i32 as an i64, by zeros or by the sign.
  Value zext(Value value);
  Value sext(Value value);
  /// 2^x and log2(x), approximate, subnormals as 0; 1/x, approximate.
  Value exp2(Value value);
  Value log2(Value value);
  Value reciprocal(Value value);
  /// clamp(a + b, 0, 1); NaN becomes 0.
  Value addSaturated(Operands operands);

  // Vectors.
  Values elements(Value vector);
  Value vector(mlir::ValueRange elements);
  Value splat(Value scalar, int64_t count);
  /// The elements of `vector` with the given numbers.
  Value pick(Value vector, llvm::ArrayRef<int64_t> numbers);

  // Memory: byte offsets are i32 or i64 values, or constants.
  Value offset(Value pointer, Value bytes);
  Value offset(Value pointer, int64_t bytes);
  Value load(Value pointer, Type type, bool isVolatile = false);
  void store(Value value, Value pointer);

  // Threads.
  Value shuffle(mlir::NVVM::ShflKind kind, Value value, Value lane);
  Value butterfly(Value value, int64_t distance);
  /// Bit l: `predicate` of lane l.
  Value ballot(Value predicate);
  void syncWarp();

  // Control flow. Bodies emit at the builder's insertion point.
  void ifThen(Value condition, llvm::function_ref<void()> body);
  Values ifElse(Value condition, mlir::TypeRange types,
                llvm::function_ref<Values()> yes,
                llvm::function_ref<Values()> no);
  struct Range {
    Value begin, end, step;
  };
  Values loop(Range range, mlir::ValueRange inits,
              llvm::function_ref<Values(Value, mlir::ValueRange)> body);
  /// while (condition(values)) values = body(values)
  Values whileLoop(mlir::ValueRange inits,
                   llvm::function_ref<Value(mlir::ValueRange)> condition,
                   llvm::function_ref<Values(mlir::ValueRange)> body);
};

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_TILETOFRAGMENTS_FRAGMENTBUILDER_H
