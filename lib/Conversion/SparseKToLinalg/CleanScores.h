//===- CleanScores.h - Scores and windows as the definitions mean them ----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOLINALG_CLEANSCORES_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOLINALG_CLEANSCORES_H

#include "TensorBuilder.h"

namespace sparsek {

/// NaN counts as -inf, +inf as the largest finite value (C8).
mlir::Value cleanScores(TensorBuilder &b, mlir::Value scores);

/// A window above N counts as N.
mlir::Value windowWithin(TensorBuilder &b, int64_t window, mlir::Value length);

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOLINALG_CLEANSCORES_H
