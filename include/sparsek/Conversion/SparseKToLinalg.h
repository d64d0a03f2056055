//===- SparseKToLinalg.h - sparsek ops by definition ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CONVERSION_SPARSEKTOLINALG_H
#define SPARSEK_CONVERSION_SPARSEKTOLINALG_H

namespace mlir {
class RewritePatternSet;
} // namespace mlir

namespace sparsek {

/// Rewrites every sparsek op but the composite `sparsek.attention` to linalg,
/// tensor, scf, arith and math on tensors, literally as the semantics say.
void populateSparseKToLinalgPatterns(mlir::RewritePatternSet &patterns);

} // namespace sparsek

#endif // SPARSEK_CONVERSION_SPARSEKTOLINALG_H
