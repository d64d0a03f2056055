//===- Reassociation.h - Dimension groups of a reshape ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_SUPPORT_REASSOCIATION_H
#define SPARSEK_SUPPORT_REASSOCIATION_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/SmallVector.h"

namespace sparsek {

/// The groups of tensor.expand_shape or tensor.collapse_shape. MLIR's verifier
/// looks at 32 bits of every index in the attribute, so the attribute itself
/// may hold numbers that are no dimensions.
template <typename ReshapeOp>
llvm::SmallVector<llvm::SmallVector<int64_t>> getReassociation(ReshapeOp op) {
  llvm::SmallVector<llvm::SmallVector<int64_t>> groups;
  for (mlir::AffineMap map : op.getReassociationMaps()) {
    groups.emplace_back();
    for (mlir::AffineExpr expr : map.getResults())
      groups.back().push_back(
          llvm::cast<mlir::AffineDimExpr>(expr).getPosition());
  }
  return groups;
}

} // namespace sparsek

#endif // SPARSEK_SUPPORT_REASSOCIATION_H
