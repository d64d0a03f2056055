//===- SparseKOps.td - Ops of the sparsek dialect ----------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_SPARSEK_IR_SPARSEKOPS
#define SPARSEK_DIALECT_SPARSEK_IR_SPARSEKOPS

include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "sparsek/Dialect/SparseK/IR/SparseKDialect.td"
include "sparsek/Dialect/SparseK/IR/SparseKEnums.td"

//===----------------------------------------------------------------------===//
// Operand types
//===----------------------------------------------------------------------===//

def SparseK_Float : AnyTypeOf<[F32, F16, BF16]>;
def SparseK_Feature : 3DTensorOf<[F32, F16, BF16]>;
def SparseK_Weight : 2DTensorOf<[F32, F16, BF16]>;
def SparseK_Heads : 4DTensorOf<[F32, F16, BF16]>;
def SparseK_Scores : 3DTensorOf<[F32]>;
def SparseK_Positions : 3DTensorOf<[I32]>;
def SparseK_Statistics : 3DTensorOf<[F64]>;
def SparseK_Sink : 1DTensorOf<[F32]>;
def SparseK_CuSeqlens : 1DTensorOf<[I32]>;

//===----------------------------------------------------------------------===//
// Base class
//===----------------------------------------------------------------------===//

// No memory effects. Sizes that cannot be compared at compile time are checked
// when the op runs, so only ops with agreeing static sizes may be hoisted.
class SparseK_Op<string mnemonic, list<Trait> traits = []> :
    Op<SparseK_Dialect, mnemonic, !listconcat([
      NoMemoryEffect,
      DeclareOpInterfaceMethods<ConditionallySpeculatable>,
      InferTypeOpAdaptor
    ], traits)> {
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// score
//===----------------------------------------------------------------------===//

def SparseK_ScoreOp : SparseK_Op<"score", [AttrSizedOperandSegments]> {
  let summary = "score every key from its features: u = norm(x W) + slope * position (C1)";
  let description = [{
    `features` is `x[B,N,C]`, normally the hidden states that the attention
    layer receives; `weight` is `W[C,Hs]`, of the same element type or f32. The
    result is `u[B,Hs,N]` in f32.

    `norm<timestep>` replaces a raw score `s` by `(s - mean)/sqrt(var + 1e-5)`
    with mean and population variance over the positions up to its own;
    non-finite scores enter no statistic. `slope` multiplies the absolute
    position; the position of the first row is `offset` (default 0).

    A sequence may be scored in chunks: with `carry` the op also returns the
    running statistics `[B,Hs,3]` (count, mean, sum of squared deviations; f64)
    and the next chunk takes them as `statistics`. The scores are then bit for
    bit those of the whole sequence (kernels for a GPU ask for chunks that begin
    at multiples of 256; others may differ in the last bit). Source: paper
    section 3.2.

    ```mlir
    %u = sparsek.score %x, %w slope(1.0e-6) : tensor<1x4096x512xf32>, tensor<512x2xf32>
    %u1, %s1 = sparsek.score %x1, %w norm<timestep> offset(%c) statistics(%s0) carry
        : tensor<1x?x512xbf16>, tensor<512x2xbf16>, i64, tensor<1x2x3xf64>
    ```
  }];
  let arguments = (ins
    SparseK_Feature:$features,
    SparseK_Weight:$weight,
    Optional<I64>:$offset,
    Optional<SparseK_Statistics>:$statistics,
    DefaultValuedAttr<F64Attr, "0.0">:$slope,
    DefaultValuedAttr<SparseK_NormAttr, "::sparsek::Norm::None">:$norm,
    UnitAttr:$carry);
  let results = (outs SparseK_Scores:$scores, Optional<SparseK_Statistics>:$carried);
  let assemblyFormat = [{
    $features `,` $weight (`slope` `(` $slope^ `)`)? (`norm` `` $norm^)?
    (`offset` `(` $offset^ `)`)? (`statistics` `(` $statistics^ `)`)? (`carry` $carry^)?
    attr-dict `:` type(operands)
  }];
  let hasCanonicalizer = 1;
}

//===----------------------------------------------------------------------===//
// topk_mask
//===----------------------------------------------------------------------===//

def SparseK_TopkMaskOp : SparseK_Op<"topk_mask"> {
  let summary = "threshold of every query and life of every key (C2-C4)";
  let description = [{
    From the scores `u[B,Hs,N]`, two vectors that say everything about the
    selection:

    - `threshold` (tau, f32 `[B,Hs,N]`): the smallest root of
      `sum_{j <= t-window} clamp(u_j - tau, 0, 1) = topk`, `-inf` while the pool
      has at most `topk` keys (C4). It never decreases in t.
    - `expiry` (i32 `[B,Hs,N]`): key j is selected for exactly the queries t
      with `j + window <= t < expiry_j` (C3); 2147483647 where it is never
      evicted.

    With `interior` a third result counts, per query, the pool keys whose gate
    lies strictly between 0 and 1 (the backward pass divides by it, C7).
    `cu_seqlens` (i32 `[S+1]`, batch 1) packs S documents: window, pool and
    positions restart with each.

    ```mlir
    %tau, %expiry = sparsek.topk_mask %u topk(256) window(256) : tensor<1x2x4096xf32>
    ```
  }];
  let arguments = (ins
    SparseK_Scores:$scores,
    Optional<SparseK_CuSeqlens>:$cu_seqlens,
    I64Attr:$topk,
    I64Attr:$window,
    UnitAttr:$interior);
  let results = (outs SparseK_Scores:$threshold, SparseK_Positions:$expiry,
                      Optional<SparseK_Positions>:$interior_count);
  let assemblyFormat = [{
    $scores `topk` `(` $topk `)` `window` `(` $window `)` (`interior` $interior^)?
    (`cu_seqlens` `(` $cu_seqlens^ `)`)? attr-dict `:` type(operands)
  }];
  let hasCanonicalizer = 1;
}

//===----------------------------------------------------------------------===//
// gathered_attention
//===----------------------------------------------------------------------===//

def SparseK_GatheredAttentionOp : SparseK_Op<"gathered_attention", [AttrSizedOperandSegments]> {
  let summary = "attention over the window and the selected keys (C5, C6)";
  let description = [{
    One softmax over the window `t-window < j <= t` and the keys that `expiry`
    keeps alive at t. The gate of a selected key is
    `m = clamp(u_j - tau_t, 0, 1)`; `gate` says whether it multiplies logits
    and values (`key_value`), values only (`value`) or nothing (`none`;
    `straight_through` computes the same and differs in its gradient).
    Results: `output[B,Hq,M,Dv]` in the type of `query`, and the natural
    logarithm `lse[B,Hq,M]` of the softmax denominator in f32. A query without
    any key gets 0 and -inf (C8).

    `threshold` and `expiry` come from `sparsek.topk_mask` with the same
    `topk` and `window`. With M < N the queries are the last M positions.
    `scale` defaults to 1/sqrt(D). `sink[Hq]` holds one logit per head that
    joins the denominator only.

    ```mlir
    %o, %lse = sparsek.gathered_attention %q, %k, %v, %u, %tau, %expiry topk(256) window(256)
        : tensor<1x8x4096x64xf32>, tensor<1x2x4096x64xf32>, tensor<1x2x4096x64xf32>,
          tensor<1x2x4096xf32>, tensor<1x2x4096xf32>, tensor<1x2x4096xi32>
    ```
  }];
  let arguments = (ins
    SparseK_Heads:$query,
    SparseK_Heads:$key,
    SparseK_Heads:$value,
    SparseK_Scores:$scores,
    SparseK_Scores:$threshold,
    SparseK_Positions:$expiry,
    Optional<SparseK_Sink>:$sink,
    Optional<SparseK_CuSeqlens>:$cu_seqlens,
    I64Attr:$topk,
    I64Attr:$window,
    DefaultValuedAttr<SparseK_GateAttr, "::sparsek::Gate::KeyValue">:$gate,
    OptionalAttr<F64Attr>:$scale);
  let results = (outs SparseK_Heads:$output, SparseK_Scores:$lse);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $scores `,` $threshold `,` $expiry
    `topk` `(` $topk `)` `window` `(` $window `)` (`gate` `` $gate^)? (`scale` `(` $scale^ `)`)?
    (`sink` `(` $sink^ `)`)? (`cu_seqlens` `(` $cu_seqlens^ `)`)? attr-dict `:` type(operands)
  }];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// The scale of the logits: the attribute, or 1/sqrt(D). Fails where D is
    /// dynamic and there is no attribute, which the verifier rejects.
    double getScaleValue();
  }];
}

//===----------------------------------------------------------------------===//
// attention
//===----------------------------------------------------------------------===//

def SparseK_AttentionOp : SparseK_Op<"attention", [AttrSizedOperandSegments]> {
  let summary = "SPARSEK attention: selection and gathered attention in one op (C2-C6)";
  let description = [{
    What `sparsek.topk_mask` followed by `sparsek.gathered_attention` computes.
    This is the op that importers make; `--sparsek-decompose-attention` splits
    it.

    ```mlir
    %o, %lse = sparsek.attention %q, %k, %v, %u topk(1024) window(512) gate<value>
        : tensor<1x8x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?xf32>
    ```
  }];
  let arguments = (ins
    SparseK_Heads:$query,
    SparseK_Heads:$key,
    SparseK_Heads:$value,
    SparseK_Scores:$scores,
    Optional<SparseK_Sink>:$sink,
    Optional<SparseK_CuSeqlens>:$cu_seqlens,
    I64Attr:$topk,
    I64Attr:$window,
    DefaultValuedAttr<SparseK_GateAttr, "::sparsek::Gate::KeyValue">:$gate,
    OptionalAttr<F64Attr>:$scale);
  let results = (outs SparseK_Heads:$output, SparseK_Scores:$lse);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $scores
    `topk` `(` $topk `)` `window` `(` $window `)` (`gate` `` $gate^)? (`scale` `(` $scale^ `)`)?
    (`sink` `(` $sink^ `)`)? (`cu_seqlens` `(` $cu_seqlens^ `)`)? attr-dict `:` type(operands)
  }];
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// The scale of the logits: the attribute, or 1/sqrt(D).
    double getScaleValue();
  }];
}

//===----------------------------------------------------------------------===//
// causal_attention
//===----------------------------------------------------------------------===//

def SparseK_CausalAttentionOp : SparseK_Op<"causal_attention", [AttrSizedOperandSegments]> {
  let summary = "dense causal attention (C6 with a window of N)";
  let description = [{
    Every query attends to all keys up to its own position. The other ops
    become this one when their window covers the sequence, and it is the dense
    path that sparse results are compared with.

    ```mlir
    %o, %lse = sparsek.causal_attention %q, %k, %v
        : tensor<1x8x128x64xf32>, tensor<1x2x128x64xf32>, tensor<1x2x128x64xf32>
    ```
  }];
  let arguments = (ins
    SparseK_Heads:$query,
    SparseK_Heads:$key,
    SparseK_Heads:$value,
    Optional<SparseK_Sink>:$sink,
    Optional<SparseK_CuSeqlens>:$cu_seqlens,
    OptionalAttr<F64Attr>:$scale);
  let results = (outs SparseK_Heads:$output, SparseK_Scores:$lse);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`scale` `(` $scale^ `)`)?
    (`sink` `(` $sink^ `)`)? (`cu_seqlens` `(` $cu_seqlens^ `)`)? attr-dict `:` type(operands)
  }];
  let extraClassDeclaration = [{
    /// The scale of the logits: the attribute, or 1/sqrt(D).
    double getScaleValue();
  }];
}

#endif // SPARSEK_DIALECT_SPARSEK_IR_SPARSEKOPS
