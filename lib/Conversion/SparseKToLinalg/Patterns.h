//===- Patterns.h - The parts of convert-sparsek-to-linalg ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOLINALG_PATTERNS_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOLINALG_PATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace sparsek {

/// sparsek.score (C1).
void populateScoreToLinalgPatterns(mlir::RewritePatternSet &patterns);

/// sparsek.topk_mask (C2-C4).
void populateTopkMaskToLinalgPatterns(mlir::RewritePatternSet &patterns);

/// sparsek.gathered_attention and sparsek.causal_attention (C5, C6).
void populateAttentionToLinalgPatterns(mlir::RewritePatternSet &patterns);

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOLINALG_PATTERNS_H
