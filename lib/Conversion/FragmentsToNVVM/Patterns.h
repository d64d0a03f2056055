//===- Patterns.h - Lowerings of frag ops -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_FRAGMENTSTONVVM_PATTERNS_H
#define SPARSEK_LIB_CONVERSION_FRAGMENTSTONVVM_PATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace sparsek {

/// `frag.mma_ss` and `frag.mma_rs` to nvvm.ldmatrix and nvvm.mma.sync.
void populateWarpProductPatterns(mlir::RewritePatternSet &patterns);

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_FRAGMENTSTONVVM_PATTERNS_H
