//===- SoftFloat.h - f64 arithmetic by integer instructions -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TRANSFORMS_SOFTFLOAT_H
#define SPARSEK_TRANSFORMS_SOFTFLOAT_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace sparsek {

/// Emits IEEE-754 binary64 arithmetic on values of type i64, or vectors of
/// them, that hold the bits of f64. Results are those of instructions for f64
/// bit for bit (rounded to nearest, ties to even, with subnormal numbers), but
/// that a NaN is always 0x7FF8000000000000. There are no branches; a square
/// root is a loop.
class SoftFloatBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Value = mlir::Value;
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  Value add(Value lhs, Value rhs);
  Value sub(Value lhs, Value rhs) { return add(lhs, negate(rhs)); }
  Value mul(Value lhs, Value rhs);
  Value div(Value lhs, Value rhs);
  Value sqrt(Value value);
  Value negate(Value value);
  Value abs(Value value);
  /// i1, or a vector of them.
  Value compare(mlir::arith::CmpFPredicate predicate, Value lhs, Value rhs);

  /// From a signed integer of 64 bits.
  Value fromInteger(Value value);
  /// From and to the bits of f32, values of type i32.
  Value fromF32(Value value);
  Value toF32(Value value);

private:
  /// A finite number but zero: `significand * 2^(exponent - 1023 - 62)`, where
  /// bit 62 of the significand is its first. The last of them may stand for
  /// any bits after it.
  struct Parts {
    Value exponent, significand;
  };

  Value constant(mlir::Type type, uint64_t value);
  /// Of the type of `like`.
  Value constant(Value like, uint64_t value) {
    return constant(like.getType(), value);
  }
  Value bitAnd(Value value, uint64_t mask);
  Value shiftLeft(Value value, uint64_t count);
  Value shiftRight(Value value, uint64_t count);
  /// The last bit says whether any was lost. Shifts by 63 at most.
  Value shiftRightSticky(Value value, Value count);
  Value offset(Value value, int64_t by);
  Value is(mlir::arith::CmpIPredicate predicate, Value lhs, uint64_t rhs);
  Value either(Value lhs, Value rhs);
  Value both(Value lhs, Value rhs);
  Value select(Value condition, Value yes, Value no);
  /// A bit of 64 from one of i1.
  Value widen(Value condition, Value like);

  /// `significand` is any but zero, `exponent` that of its bit 62.
  Parts normalize(Value exponent, Value significand);
  /// The exponent, and the significand where the number has it, with the bit
  /// that is implicit.
  Parts split(Value magnitude);
  /// Of an absolute value, any numbers where that is zero or not finite.
  Parts unpack(Value magnitude);
  /// Rounded, infinity where it is too large. `mantissaBits` and
  /// `exponentBits` are those of the type whose bits the result holds, in 64.
  Value pack(Parts parts, unsigned mantissaBits, unsigned exponentBits);
  Value packF64(Parts parts) { return pack(parts, 52, 11); }
  /// A product or quotient of the absolute values `lhs` and `rhs`, with its
  /// sign, or the zero, infinity or NaN that it is.
  Value finish(Value result, Value lhs, Value rhs, Value isZero,
               Value isInfinite, Value sign);
};

} // namespace sparsek

#endif // SPARSEK_TRANSFORMS_SOFTFLOAT_H
