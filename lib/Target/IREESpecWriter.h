//===- IREESpecWriter.h - The text of a transform spec ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_TARGET_IREESPECWRITER_H
#define SPARSEK_LIB_TARGET_IREESPECWRITER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

namespace sparsek {

/// A function and the ops that it replaces.
struct IREEReplacement {
  mlir::func::FuncOp function;
  /// Ops of a sequence that fail where %op is none of them, and else define
  /// %in: the arguments of the function. One sequence each.
  std::vector<std::string> matchers;
};

/// Prints the spec, with the functions, private ones inlined, as util.func and
/// the executables of `module`. `module` is used up. What the spec puts into a
/// model has names that are not in `model`; where that is null, names that are
/// in no other model, by a hash of the contents.
mlir::LogicalResult writeIREESpec(mlir::ModuleOp module,
                                  llvm::ArrayRef<IREEReplacement> replacements,
                                  mlir::ModuleOp model, llvm::raw_ostream &os);

} // namespace sparsek

#endif // SPARSEK_LIB_TARGET_IREESPECWRITER_H
