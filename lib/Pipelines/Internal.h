//===- Internal.h - What several pipelines share ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_PIPELINES_INTERNAL_H
#define SPARSEK_LIB_PIPELINES_INTERNAL_H

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace sparsek {

/// Arithmetic that a code generator would turn into calls to support routines
/// that not every runtime has.
void addFloatLegalization(mlir::OpPassManager &pm);

} // namespace sparsek

#endif // SPARSEK_LIB_PIPELINES_INTERNAL_H
