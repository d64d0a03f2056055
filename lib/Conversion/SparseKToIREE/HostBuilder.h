//===- HostBuilder.h - Arithmetic on sizes, folded --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOIREE_HOSTBUILDER_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOIREE_HOSTBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

#include <optional>

namespace sparsek {

/// Computes with sizes, of type index and never negative. What follows from
/// constants is a constant. Operands come in braces, which are evaluated in
/// their order.
class HostBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Value = mlir::Value;
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  struct Operands {
    Value left, right;
  };
  struct Choice {
    Value condition, yes, no;
  };

  Value index(int64_t value);
  Value i32(int32_t value);
  Value boolean(bool value);
  Value add(Operands operands);
  Value sub(Operands operands);
  Value mul(llvm::ArrayRef<Value> factors);
  /// The divisor is above 0.
  Value div(Operands operands);
  Value ceilDiv(Operands operands);
  Value alignTo(Value value, int64_t alignment);
  Value min(Operands operands);
  Value max(Operands operands);
  Value atMost(Operands operands);
  Value both(Operands operands);
  Value negate(Value condition);
  Value select(Choice choice);
  /// How many of the conditions hold.
  Value count(llvm::ArrayRef<Value> conditions);
  /// The size of a tensor.
  Value dim(Value tensor, int64_t index);

  /// Words of 32 bits of an index, an i64 or a constant; the low one first.
  Value word(Value value);
  llvm::SmallVector<Value, 2> words(Value value);

  /// The value of a constant.
  static std::optional<int64_t> getConstant(Value value);
};

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOIREE_HOSTBUILDER_H
