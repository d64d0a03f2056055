//===- Scalar.h - Expressions on scalars of a kernel ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The kernels of scores and selection compute with numbers of single threads.
// Written with operators, their programs read like the formulas they come from:
//
//   Scalar middle = (low + high) >> 1;
//   Scalar above = codes[middle] < code;
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SCALAR_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SCALAR_H

#include "TileBuilder.h"

namespace sparsek {

/// A value of the kernel that a builder is in; operators are for i1, i32, i64,
/// f32 and f64, conversions for what they name. The other operand of an
/// operator may be an integer literal. Division, remainder and right shifts of
/// integers are unsigned, comparisons signed.
class Scalar {
public:
  Scalar() = default;
  Scalar(TileBuilder &builder, mlir::Value value)
      : builder(&builder), value(value) {}

  operator mlir::Value() const { return value; }
  explicit operator bool() const { return static_cast<bool>(value); }
  mlir::Type getType() const { return value.getType(); }
  TileBuilder &getBuilder() const { return *builder; }

  /// A constant of this type.
  Scalar constant(int64_t number) const;

  Scalar toI32() const; // of i1 and i16, by zeros, and i64
  Scalar toI64() const; // of i1 and i32, by zeros
  Scalar signedToI64() const;
  Scalar toF32() const;          // of integers and f64, rounded to nearest
  Scalar toF64() const;          // of f32 and integers
  Scalar truncatedToI64() const; // of f32 and f64, toward zero
  Scalar bitsToF32() const;      // of i32
  Scalar bitsToI32() const;      // of f32
  Scalar shiftRightSigned(int64_t amount) const;
  Scalar countBits() const;
  Scalar countLeadingZeros() const;
  Scalar squareRoot() const; // of f32

  Scalar operator~() const;
  Scalar operator!() const;

private:
  TileBuilder *builder = nullptr;
  mlir::Value value;
};

Scalar operator+(Scalar lhs, Scalar rhs);
Scalar operator-(Scalar lhs, Scalar rhs);
Scalar operator*(Scalar lhs, Scalar rhs);
Scalar operator/(Scalar lhs, Scalar rhs);
Scalar operator%(Scalar lhs, Scalar rhs);
Scalar operator&(Scalar lhs, Scalar rhs);
Scalar operator|(Scalar lhs, Scalar rhs);
Scalar operator^(Scalar lhs, Scalar rhs);
Scalar operator<<(Scalar lhs, Scalar rhs);
Scalar operator>>(Scalar lhs, Scalar rhs);
Scalar operator<(Scalar lhs, Scalar rhs);
Scalar operator<=(Scalar lhs, Scalar rhs);
Scalar operator>(Scalar lhs, Scalar rhs);
Scalar operator>=(Scalar lhs, Scalar rhs);
Scalar operator==(Scalar lhs, Scalar rhs);
Scalar operator!=(Scalar lhs, Scalar rhs);

#define SPARSEK_SCALAR_LITERAL(op)                                             \
  inline Scalar operator op(Scalar lhs, int64_t rhs) {                         \
    return lhs op lhs.constant(rhs);                                           \
  }                                                                            \
  inline Scalar operator op(int64_t lhs, Scalar rhs) {                         \
    return rhs.constant(lhs) op rhs;                                           \
  }
SPARSEK_SCALAR_LITERAL(+)
SPARSEK_SCALAR_LITERAL(-)
SPARSEK_SCALAR_LITERAL(*)
SPARSEK_SCALAR_LITERAL(/)
SPARSEK_SCALAR_LITERAL(%)
SPARSEK_SCALAR_LITERAL(&)
SPARSEK_SCALAR_LITERAL(|)
SPARSEK_SCALAR_LITERAL(^)
SPARSEK_SCALAR_LITERAL(<<)
SPARSEK_SCALAR_LITERAL(>>)
SPARSEK_SCALAR_LITERAL(<)
SPARSEK_SCALAR_LITERAL(<=)
SPARSEK_SCALAR_LITERAL(>)
SPARSEK_SCALAR_LITERAL(>=)
SPARSEK_SCALAR_LITERAL(==)
SPARSEK_SCALAR_LITERAL(!=)
#undef SPARSEK_SCALAR_LITERAL

Scalar select(Scalar condition, Scalar yes, Scalar no);
Scalar smaller(Scalar lhs, Scalar rhs);
Scalar larger(Scalar lhs, Scalar rhs);

using Scalars = llvm::SmallVector<Scalar>;

/// A part of a kernel argument or of an array in shared memory: elements from
/// `start` (i32 or i64) on.
class Elements {
public:
  Elements() = default;
  Elements(Scalar start, mlir::Value memref) : start(start), memref(memref) {}

  Scalar operator[](Scalar index) const;
  void set(Scalar index, Scalar value) const;
  /// Adds to an element of shared memory, atomically.
  void add(Scalar index, Scalar value) const;
  Elements from(Scalar index) const;

private:
  mlir::Value getPlace(Scalar index) const;

  Scalar start;
  mlir::Value memref;
};

/// A builder of kernels whose threads each have numbers of their own.
class ScalarBuilder : public TileBuilder {
public:
  using TileBuilder::TileBuilder;

  Scalar number(int64_t value) { return Scalar(*this, i32(value)); }
  Scalar wide(int64_t value);
  Scalar flag(bool value);
  /// The scalar argument of that name.
  Scalar operator()(llvm::StringRef name) { return Scalar(*this, arg(name)); }
  /// The vector argument of that name, from `start` on.
  Elements elements(llvm::StringRef name, Scalar start) {
    return Elements(start, arg(name));
  }
  /// The element of the array argument of that name; indices are i32.
  Scalar load(llvm::StringRef name, llvm::ArrayRef<Scalar> indices);
  void store(Scalar value, llvm::StringRef name,
             llvm::ArrayRef<Scalar> indices);
  llvm::SmallVector<mlir::Value> toIndices(llvm::ArrayRef<Scalar> numbers);
  /// An array of the block in shared memory.
  Elements array(int64_t size, mlir::Type type);

  // Threads.
  Scalar block();
  Scalar thread();
  Scalar lane();
  Scalar warp();
  void barrier();
  void warpBarrier();
  Scalar ballot(Scalar condition);
  Scalar broadcast(Scalar value, Scalar lane);
  Scalar warpScan(Scalar value); // inclusive
  Scalar warpSum(Scalar value);

  // Control flow.
  void ifThen(Scalar condition, llvm::function_ref<void()> body) {
    TileBuilder::ifThen(condition, body);
  }
  Scalars ifElse(Scalar condition, llvm::function_ref<Scalars()> yes,
                 llvm::function_ref<Scalars()> no);
  Scalars loop(Scalar first, Scalar end, Scalar step, Scalars state,
               llvm::function_ref<Scalars(Scalar, Scalars)> body);
  void loop(Scalar first, Scalar end, Scalar step,
            llvm::function_ref<void(Scalar)> body);
  /// while (condition(state)) state = body(state)
  Scalars whileLoop(Scalars state,
                    llvm::function_ref<Scalar(const Scalars &)> condition,
                    llvm::function_ref<Scalars(const Scalars &)> body);
  /// The first number in [low, high) for which `holds` is false, high if there
  /// is none: those for which it holds come first.
  Scalar partition(Scalar low, Scalar high,
                   llvm::function_ref<Scalar(Scalar)> holds);
  /// The same for several ranges in step, so that loads of the conditions
  /// overlap. `holds` gets the number of the range; where a range is empty or
  /// its search is over it may get the number before its end, or 0.
  Scalars partition(llvm::ArrayRef<Scalar> lows, llvm::ArrayRef<Scalar> highs,
                    llvm::function_ref<Scalar(unsigned, Scalar)> holds);
  /// The same by all lanes of a warp together, for `count` conditions at once:
  /// 32 numbers are asked at a time. All lanes have the same `low` and `high`.
  /// `holds` gets the number of the condition.
  Scalars warpPartition(unsigned count, Scalar low, Scalar high,
                        llvm::function_ref<Scalar(unsigned, Scalar)> holds);

  Scalars wrap(mlir::ValueRange values);
};

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SCALAR_H
