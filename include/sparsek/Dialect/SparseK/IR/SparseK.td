//===- SparseK.td - The sparsek dialect --------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The one entry for tablegen and for the generated documentation.

#ifndef SPARSEK_DIALECT_SPARSEK_IR_SPARSEK
#define SPARSEK_DIALECT_SPARSEK_IR_SPARSEK

include "sparsek/Dialect/SparseK/IR/SparseKDialect.td"
include "sparsek/Dialect/SparseK/IR/SparseKEnums.td"
include "sparsek/Dialect/SparseK/IR/SparseKOps.td"

#endif // SPARSEK_DIALECT_SPARSEK_IR_SPARSEK
