//===- FunctionArguments.h - New arguments of functions ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CONVERSION_RAISEATTENTION_FUNCTIONARGUMENTS_H
#define SPARSEK_CONVERSION_RAISEATTENTION_FUNCTIONARGUMENTS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

namespace sparsek::raise {

/// A function whose arguments can be extended: one of the func dialect's kind,
/// an op of an unknown dialect that looks like one, or an export of IREE, which
/// takes buffer views and fences.
class Function {
public:
  /// The function around an op, or one without an op.
  static Function around(mlir::Operation *op);

  explicit operator bool() const { return op; }

  /// Whether arguments can be added: nothing uses the function, or it is the
  /// asynchronous form of an export, which only the blocking form calls.
  bool canChange(mlir::Operation *module) const;

  /// Adds an argument, after the others but before fences, and to the callers.
  /// The tensor that it is inside, or null if the function does not allow it.
  mlir::Value addArgument(mlir::RankedTensorType type, llvm::StringRef role,
                          mlir::Location loc, mlir::Operation *module);

private:
  bool isExport() const;
  /// The number of fences at the end of the arguments.
  unsigned countFences() const;
  llvm::SmallVector<mlir::Operation *> findUsers(mlir::Operation *module) const;
  mlir::Value insertUnknown(unsigned index, mlir::Type type,
                            mlir::Location loc);
  mlir::Value addBufferView(mlir::RankedTensorType type, mlir::Location loc,
                            mlir::Operation *module);

  mlir::Operation *op = nullptr;
};

} // namespace sparsek::raise

#endif // SPARSEK_CONVERSION_RAISEATTENTION_FUNCTIONARGUMENTS_H
