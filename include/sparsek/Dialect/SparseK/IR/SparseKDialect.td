//===- SparseKDialect.td - Dialect definition --------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_SPARSEK_IR_SPARSEKDIALECT
#define SPARSEK_DIALECT_SPARSEK_IR_SPARSEKDIALECT

include "mlir/IR/OpBase.td"

def SparseK_Dialect : Dialect {
  let name = "sparsek";
  let summary = "SPARSEK attention on tensors";
  let description = [{
    SPARSEK attention (Lou, Jia, Zheng, Tu 2024, arXiv 2406.16747) lets every
    query attend to a sliding window and to a constant number of keys before
    it, chosen by a learned score per key. The ops follow the steps of the
    method:

    | op | step | constraints |
    |---|---|---|
    | `sparsek.score` | hidden states to one score per key | C1 |
    | `sparsek.topk_mask` | scores to the threshold of each query and the life of each key | C2-C4 |
    | `sparsek.gathered_attention` | softmax attention over window and selected keys | C5, C6 |
    | `sparsek.attention` | the two steps above as one op | C2-C6 |
    | `sparsek.causal_attention` | dense causal attention: what `window >= N` means | C6 |

    Sizes: `q[B,Hq,M,D]`, `k[B,Hkv,N,D]`, `v[B,Hkv,N,Dv]`, scores `u[B,Hs,N]`.
    The labels (S1, C1...) are those of docs/Semantics.md, and diagnostics
    carry them.
  }];
  let cppNamespace = "::sparsek";
  let useDefaultAttributePrinterParser = 1;
}

#endif // SPARSEK_DIALECT_SPARSEK_IR_SPARSEKDIALECT
