//===- Documents.h - Documents packed into one batch ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOLINALG_DOCUMENTS_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOLINALG_DOCUMENTS_H

#include "TensorBuilder.h"

namespace sparsek {

/// Where the document of each of N positions starts. Without `cu_seqlens` all
/// positions are one document.
class Documents {
public:
  Documents(TensorBuilder &b, mlir::Value cuSeqlens, mlir::OpFoldResult length);

  /// The first position of the document that holds `position`.
  mlir::Value startOf(TensorBuilder &b, mlir::Value position) const;

  /// `condition`, where `position` is in the document that starts at `start`.
  mlir::Value andInDocument(TensorBuilder &b, mlir::Value condition,
                            mlir::Value position, mlir::Value start) const;

private:
  mlir::Value starts; // i32[N], null for one document
};

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOLINALG_DOCUMENTS_H
