//===- IREESpec.h - Transform specs for iree-compile ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TARGET_IREESPEC_H
#define SPARSEK_TARGET_IREESPEC_H

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

#include <functional>
#include <string>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace sparsek {

/// From what `sparsek-emit-iree` leaves of a module with one public function,
/// of q[B,M,D], k[B,N,D] and v[B,N,Dv] with the result o[B,M,Dv], a spec for
/// `iree-compile --iree-preprocessing-transform-spec-filename`: it puts this
/// function in the place of every iree_linalg_ext.attention of such types.
/// Other modules are errors, which are reported.
mlir::LogicalResult emitIREESpec(mlir::ModuleOp module, llvm::raw_ostream &os);

/// What the attention of a model becomes.
struct IREEModelSpecOptions {
  /// W[Hs, D] of f32: row h scores the keys of KV head h, a single row those of
  /// all heads.
  mlir::DenseFPElementsAttr weights;
  int64_t topk = 256, window = 256;
  Gate gate = Gate::KeyValue;
  Norm norm = Norm::None;
  double slope = 0;
  /// Replaces attention whatever its mask; otherwise only causal attention.
  bool anyMask = false;
  /// Adds the passes that make of sparsek ops what iree-compile takes.
  std::function<void(mlir::OpPassManager &)> emit;
};

/// From a model as iree-compile has it before it runs a spec, a spec that
/// replaces its iree_linalg_ext.attention by sparse attention with the scale of
/// the op and scores from its keys. The spec matches the op together with the
/// reshapes and broadcasts of its operands and the constant scale. Remarks say
/// what is replaced, and what is not and why; an error if nothing is.
mlir::LogicalResult emitIREEModelSpec(mlir::ModuleOp model,
                                      const IREEModelSpecOptions &options,
                                      llvm::raw_ostream &os);

} // namespace sparsek

#endif // SPARSEK_TARGET_IREESPEC_H
