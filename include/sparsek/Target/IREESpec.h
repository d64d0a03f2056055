//===- IREESpec.h - Transform specs for iree-compile ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TARGET_IREESPEC_H
#define SPARSEK_TARGET_IREESPEC_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace sparsek {

/// From what `sparsek-emit-iree` leaves of a module with one public function,
/// of q[B,M,D], k[B,N,D] and v[B,N,Dv] with the result o[B,M,Dv], a spec for
/// `iree-compile --iree-preprocessing-transform-spec-filename`: it puts this
/// function in the place of every iree_linalg_ext.attention of such types.
/// Other modules are errors, which are reported.
mlir::LogicalResult emitIREESpec(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace sparsek

#endif // SPARSEK_TARGET_IREESPEC_H
