//===- Passes.td - Passes on the sparsek dialect -----------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_SPARSEK_TRANSFORMS_PASSES
#define SPARSEK_DIALECT_SPARSEK_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def SparsekDecomposeAttentionPass : Pass<"sparsek-decompose-attention"> {
  let summary = "split sparsek.attention into topk_mask and gathered_attention";
  let description = [{
    Replaces every `sparsek.attention` by the two steps that it stands for.
    The result is equal bit for bit: both ops get the attributes and the
    optional operands of the composite.
  }];
  let dependentDialects = ["::sparsek::SparseKDialect"];
}

#endif // SPARSEK_DIALECT_SPARSEK_TRANSFORMS_PASSES
