//===- Passes.h - Passes on the sparsek dialect -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_SPARSEK_TRANSFORMS_PASSES_H
#define SPARSEK_DIALECT_SPARSEK_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace sparsek {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "sparsek/Dialect/SparseK/Transforms/Passes.h.inc"

/// Inserts the checks of `sparsek-insert-runtime-checks` in front of one op;
/// without `readsTensors` only those of sizes.
void insertRuntimeChecks(mlir::Operation *op, bool readsTensors = true);

} // namespace sparsek

#endif // SPARSEK_DIALECT_SPARSEK_TRANSFORMS_PASSES_H
