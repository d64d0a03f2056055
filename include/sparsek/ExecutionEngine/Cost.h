//===- Cost.h - How much a function computes --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_EXECUTIONENGINE_COST_H
#define SPARSEK_EXECUTIONENGINE_COST_H

#include "sparsek/ExecutionEngine/Tensor.h"

#include "mlir/IR/BuiltinOps.h"

namespace sparsek {

struct Cost {
  /// Floating-point operations of contractions and attention; elementwise work
  /// is not counted.
  double flops = 0.0;
  /// Contractions and attention ops whose sizes could not be found.
  unsigned unknownOps = 0;
};

/// Counts what one call of `entry` has to compute, from the ops on tensors and
/// the shapes of the arguments:
/// - a linalg op with a reduction over a product: 2 * product of its loop
/// sizes;
/// - attention: 4 operations (2 for the logits, 2 for the values) per head, per
///   query t and per key that it may see: `min(t + 1, topk + window)`, or t + 1
///   for dense attention. For packed documents it is counted as one document,
///   an upper bound.
/// - score: 2 * B * N * C * Hs.
/// An op in a loop counts once.
Cost estimateCost(mlir::ModuleOp module, llvm::StringRef entry,
                  llvm::ArrayRef<TensorRef> arguments);

} // namespace sparsek

#endif // SPARSEK_EXECUTIONENGINE_COST_H
