// UNSUPPORTED: roundtrip
// (Some ops are not valid before the pass, and bytecode has no place for them.)
// RUN: sparsek-opt %s --sparsek-import=scores=tensor --verify-diagnostics --split-input-file

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn' cannot be imported: not causal: say causal = true where it is}}
  %o = "sparsek.attn"(%q, %k, %v) {causal = false} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn' cannot be imported: not causal: say causal = true where it is}}
  %o = "sparsek.attn"(%q, %k, %v) {} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: attribute 'dropuot' is unknown; known are causal, dropout, dropout_p, enable_gqa, gate, is_causal, mode, scale, topk, window}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {dropuot = 0.1} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: dropout must be 0}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {dropout_p = 0.1} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: scale must be a finite number above 0}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {scale = -1.0} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: attribute 'scale' must be a number, got "one"}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {scale = "one"} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: C3: topk must be at least 1}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {topk = 0} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: attribute 'topk' must be an integer, got "four"}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {topk = "four"} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: C2: window must be at least 0}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {topk = 2, window = -1} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: mode = "window" needs window >= 1}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {window = 0} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: gate must be key_value, value, none or straight_through}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {gate = "keys"} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: mode must be causal, window or sparse}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {mode = "block"} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: mode = "window" needs window >= 1}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {mode = "window"} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: mode = "causal" takes no window, topk or scores}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {mode = "causal", window = 4} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: mode = "window" selects nothing: no topk and no scores}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {mode = "window", topk = 4, window = 4} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: takes query, key, value and optionally scores}}
  %o = "sparsek.attn_causal"(%q, %k) {} : (!q, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attention' cannot be imported: takes query, key, value and optionally scores}}
  %o = "sparsek.attention"(%q, %k, %v, %v, %v) {} : (!q, !kv, !kv, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attention' cannot be imported: scores are not f32[B, 1 or Hkv, N]}}
  %o = "sparsek.attention"(%q, %k, %v, %u) {topk = 4 : i64} : (!q, !kv, !kv, tensor<1x3x64xf32>) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: element type is not f32, f16 or bf16}}
  %o = "sparsek.attn_causal"(%d, %k, %v) {} : (tensor<1x8x64x32xf64>, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: numbers of heads of q and k do not fit}}
  %o = "sparsek.attn_causal"(%k, %q, %q) {} : (!kv, !q, !q) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv, %u: tensor<1x3x64xf32>, %d: tensor<1x8x64x32xf64>) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: query, key, value and result must be tensors q[B,Hq,M,D], k[B,Hkv,N,D], v[B,Hkv,N,Dv] and o[B,Hq,M,Dv]}}
  %o = "sparsek.attn_causal"(%u, %u, %u) {} : (tensor<1x3x64xf32>, tensor<1x3x64xf32>, tensor<1x3x64xf32>) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
func.func @no_result(%q: !q) {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: it must have results, and no regions or successors}}
  "sparsek.attn_causal"(%q, %q, %q) : (!q, !q, !q) -> ()
  return
}

// -----

// What is not attention is as invalid as it is elsewhere.
func.func @verified(%u: tensor<1x1x64xf32>) {
  // expected-error @+1 {{C3: topk must be at least 1}}
  %0:2 = "sparsek.topk_mask"(%u) {topk = 0 : i64, window = 0 : i64} : (tensor<1x1x64xf32>) -> (tensor<1x1x64xf32>, tensor<1x1x64xi32>)
  return
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @names(%q: !q, %k: !kv, %v: !kv) -> (!q, !q, !q) {
  // expected-error @+1 {{'sparsek.noncausal' cannot be imported: not causal: say causal = true where it is}}
  %o = "sparsek.noncausal"(%q, %k, %v) : (!q, !kv, !kv) -> !q
  // expected-error @+1 {{'sparsek.non_causal_attention' cannot be imported: not causal: say causal = true where it is}}
  %p = "sparsek.non_causal_attention"(%q, %k, %v) : (!q, !kv, !kv) -> !q
  // expected-error @+1 {{'sparsek.acausal' cannot be imported: not causal: say causal = true where it is}}
  %r = "sparsek.acausal"(%q, %k, %v) : (!q, !kv, !kv) -> !q
  return %o, %p, %r : !q, !q, !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: attribute 'topk' must be an integer, got 4.000000e+00 : f64}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {topk = 4.0} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: attribute 'window' must be an integer, got "wide"}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {window = "wide"} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
func.func @f(%q: !q, %k: !kv, %v: !kv) -> !q {
  // expected-error @+1 {{'sparsek.attn_causal' cannot be imported: attribute 'dropout' must be a number, got "no"}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {dropout = "no"} : (!q, !kv, !kv) -> !q
  return %o : !q
}
