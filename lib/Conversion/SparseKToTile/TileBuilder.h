//===- TileBuilder.h - Short names for building tile kernels ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_TILEBUILDER_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_TILEBUILDER_H

#include "sparsek/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"

namespace sparsek {

/// A builder of one tile.kernel at a time. Scalars are i32 unless they say
/// otherwise.
class TileBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<mlir::Value>;
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  //===--------------------------------------------------------------------===//
  // Kernels and their arguments
  //===--------------------------------------------------------------------===//

  struct Argument {
    llvm::StringRef name;
    mlir::Type type;
    llvm::StringRef dims = "";
  };
  /// An argument `memref<?x?x?x[columns]xelement>` with one letter in `dims`
  /// for each dimension, of which the last is contiguous.
  Argument memref(llvm::StringRef name, llvm::StringRef dims,
                  mlir::Type element,
                  int64_t columns = mlir::ShapedType::kDynamic);
  /// A vector.
  Argument vector(llvm::StringRef name, mlir::Type element);
  Argument scalar(llvm::StringRef name) { return {name, getI32Type()}; }

  /// Creates an empty kernel and builds into it from here on.
  tile::KernelOp startKernel(llvm::StringRef name,
                             llvm::ArrayRef<Argument> arguments,
                             tile::ScheduleAttr schedule,
                             tile::RowMapAttr rowMap,
                             std::optional<int64_t> threads);
  /// The argument of that name of the kernel started last.
  Value arg(llvm::StringRef name) const { return arguments.at(name); }

  /// A role with the ops that `body` creates.
  void role(llvm::StringRef name, int64_t warps, int64_t registers,
            llvm::function_ref<void()> body);

  //===--------------------------------------------------------------------===//
  // Control flow
  //===--------------------------------------------------------------------===//

  /// A loop over `number` from `first` to `end` by `step`; `body` returns the
  /// next values of `state`.
  Values forEach(Value first, Value end, Value step, mlir::ValueRange state,
                 llvm::function_ref<Values(Value, mlir::ValueRange)> body);
  /// A loop that runs once or more; `body` sets the next values and returns
  /// whether there is another turn.
  Values
  doWhile(mlir::ValueRange state,
          llvm::function_ref<Value(mlir::ValueRange, Values &next)> body);
  void ifThen(Value condition, llvm::function_ref<void()> body);

  //===--------------------------------------------------------------------===//
  // Arithmetic
  //===--------------------------------------------------------------------===//

  Value i32(int64_t value);
  Value add(Value lhs, Value rhs);
  Value sub(Value lhs, Value rhs);
  Value mul(Value lhs, Value rhs);
  Value div(Value lhs, Value rhs); // unsigned
  Value rem(Value lhs, Value rhs); // unsigned
  Value min(Value lhs, Value rhs);
  Value max(Value lhs, Value rhs);
  Value shiftLeft(Value lhs, Value rhs);
  Value shiftRight(Value lhs, Value rhs);
  Value less(Value lhs, Value rhs);
  Value equal(Value lhs, Value rhs);
  Value negate(Value condition); // of an i1
  Value both(Value lhs, Value rhs);
  Value select(Value condition, Value yes, Value no);
  Value toI64(Value value);
  Value load(Value vector, Value position);
  void store(Value value, Value vector, Value position);

private:
  llvm::StringMap<Value> arguments;
};

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_TILEBUILDER_H
