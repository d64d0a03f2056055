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

def SparsekGatherCausalAttentionPass : Pass<"sparsek-gather-causal-attention"> {
  let summary = "dense causal attention in 16 bits as gathered attention with a window of all keys";
  let description = [{
    There are GPU kernels for `sparsek.gathered_attention` only. With a window of
    all keys it is dense, whatever the scores are. Canonicalization undoes this
    where the number of keys is static. Other types than f16 and bf16, for which
    there are no kernels, stay.

    ```mlir
    %o, %lse = sparsek.causal_attention %q, %k, %v : ...
    // becomes
    %u = linalg.fill ins(%zero : f32) outs(%0 : tensor<1x1x128xf32>) -> tensor<1x1x128xf32>
    %e = linalg.fill ins(%never : i32) outs(%1 : tensor<1x1x128xi32>) -> tensor<1x1x128xi32>
    %o, %lse = sparsek.gathered_attention %q, %k, %v, %u, %u, %e topk(1) window(128) gate<none> : ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect", "::sparsek::SparseKDialect"];
}

def SparsekInsertRuntimeChecksPass : Pass<"sparsek-insert-runtime-checks"> {
  let summary = "check at run time what the verifiers cannot see at compile time";
  let description = [{
    Puts `cf.assert` ops in front of every sparsek op: dynamic sizes that must
    agree (S1), no more queries than keys, and the values of `cu_seqlens` (S4).
    Linalg ops and elementwise ops on tensors get checks that the dynamic sizes
    of their operands agree. What is static has been verified and gets no check.
    The lowerings take the checked facts for granted, so this pass comes before
    them; the messages carry the labels of the verifiers. Running it twice
    inserts checks twice. With `sizes-only` there are checks of sizes, and only
    of sparsek ops.

    ```mlir
    %o, %lse = sparsek.causal_attention %q, %k, %v
        : tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>
    // becomes
    %nk = tensor.dim %k, %c2 : tensor<1x2x?x64xf32>
    %nv = tensor.dim %v, %c2 : tensor<1x2x?x64xf32>
    %agree = arith.cmpi eq, %nk, %nv : index
    cf.assert %agree, "'sparsek.causal_attention' op S1: numbers of keys must agree, but k[2] and v[2] differ"
    %m = tensor.dim %q, %c2 : tensor<1x8x?x64xf32>
    %fits = arith.cmpi sle, %m, %nk : index
    cf.assert %fits, "'sparsek.causal_attention' op S1: q holds the last M <= N positions, but M is above N"
    %o, %lse = sparsek.causal_attention ...
    ```
  }];
  let options = [
    Option<"sizesOnly", "sizes-only", "bool", "false", "check the sizes of sparsek ops, and nothing else">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

#endif // SPARSEK_DIALECT_SPARSEK_TRANSFORMS_PASSES
