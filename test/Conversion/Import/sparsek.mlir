// UNSUPPORTED: roundtrip
// (Some ops are not valid before the pass, and bytecode has no place for them.)
// RUN: sparsek-opt %s --sparsek-import="scores=tensor topk=4 window=8" --verify-diagnostics --split-input-file | FileCheck %s
// RUN: sparsek-opt %s --pass-pipeline="builtin.module(sparsek-import{mode=dense scores=tensor})" --split-input-file 2>/dev/null | FileCheck %s --check-prefix=DENSE

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
// A name that the dialect does not have; attributes as exporters write them.
// CHECK-LABEL: func @causal
// CHECK: sparsek.attention %arg0, %arg1, %arg2, %arg3 topk(4) window(8) scale(2.500000e-01)
// DENSE-LABEL: func @causal
// DENSE: sparsek.causal_attention %arg0, %arg1, %arg2 scale(2.500000e-01)
func.func @causal(%q: !q, %k: !kv, %v: !kv) -> !q {
  // expected-remark @+1 {{imported as sparsek.attention: B = 1, Hq = 8, Hkv = 2, M = 64, N = 64, D = 32, Dv = 32, scale 0.25}}
  %o = "sparsek.attn_causal"(%q, %k, %v) {causal = true, scale = 0.25 : f64} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
// Attributes in the other position, and in both.
// CHECK-LABEL: func @properties
// CHECK: sparsek.attention %arg0, %arg1, %arg2, %arg3 topk(4) window(8) scale(2.500000e-01)
// CHECK: sparsek.attention %{{.*}}, %arg1, %arg2, %arg4 topk(16) window(32) gate<value> scale(2.500000e-01)
func.func @properties(%q: !q, %k: !kv, %v: !kv) -> !q {
  // expected-remark @+1 {{imported as sparsek.attention}}
  %0 = "sparsek.attn"(%q, %k, %v) <{is_causal = true, scale = 0.25 : f32}> : (!q, !kv, !kv) -> !q
  // expected-remark @+1 {{imported as sparsek.attention}}
  %1 = "sparsek.attn"(%0, %k, %v) <{causal = true, topk = 16 : i64}> {dropout_p = 0.0, foreign.note = "kept out", gate = "value", scale = 0.25 : f32, window = 32 : i32} : (!q, !kv, !kv) -> !q
  return %1 : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
// The name of the dialect's op, with other operands. A window is a window in
// either mode.
// CHECK-LABEL: func @window
// CHECK: %[[LOW:.*]] = arith.constant 0xFF800000 : f32
// CHECK: %[[U:.*]] = linalg.fill ins(%[[LOW]] : f32) outs(%{{.*}} : tensor<1x1x64xf32>)
// CHECK: sparsek.attention %arg0, %arg1, %arg2, %[[U]] topk(1) window(16) gate<none> scale(1.250000e-01)
// DENSE-LABEL: func @window
// DENSE: sparsek.attention {{.*}} topk(1) window(16) gate<none>
func.func @window(%q: !q, %k: !kv, %v: !kv) -> !q {
  // expected-remark @+1 {{scale 0.125, window 16}}
  %o = "sparsek.attention"(%q, %k, %v) {causal = true, mode = "window", scale = 0.125 : f64, window = 16 : i64} : (!q, !kv, !kv) -> !q
  return %o : !q
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
!u = tensor<1x2x64xf32>
// Scores among the operands, and the second result.
// CHECK-LABEL: func @scores
// CHECK-SAME: %arg3: tensor<1x2x64xf32>) ->
// CHECK: %[[O:.*]], %[[LSE:.*]] = sparsek.attention %arg0, %arg1, %arg2, %arg3 topk(3) window(5)
// CHECK: return %[[O]], %[[LSE]]
// DENSE-LABEL: func @scores
// DENSE: sparsek.attention %arg0, %arg1, %arg2, %arg3 topk(3) window(5)
func.func @scores(%q: !q, %k: !kv, %v: !kv, %u: !u) -> (!q, tensor<1x8x64xf32>) {
  // expected-remark @+1 {{imported as sparsek.attention}}
  %o, %lse = "sparsek.attention"(%q, %k, %v, %u) {topk = 3 : i64, window = 5 : i64} : (!q, !kv, !kv, !u) -> (!q, tensor<1x8x64xf32>)
  return %o, %lse : !q, tensor<1x8x64xf32>
}

// -----

// Fewer queries than keys are the last positions; one is the last.
// CHECK-LABEL: func @last
// CHECK: sparsek.attention {{.*}} : tensor<?x8x16x32xf32>, tensor<?x8x64x32xf32>, tensor<?x8x64x32xf32>, tensor<?x1x64xf32>
// CHECK: sparsek.attention {{.*}} : tensor<?x8x1x32xf32>, tensor<?x8x64x32xf32>, tensor<?x8x64x32xf32>, tensor<?x1x64xf32>
func.func @last(%q: tensor<?x8x16x32xf32>, %q1: tensor<?x8x1x32xf32>, %k: tensor<?x8x64x32xf32>) -> (tensor<?x8x16x32xf32>, tensor<?x8x1x32xf32>) {
  // expected-remark @+1 {{imported as sparsek.attention: B = ?, Hq = 8, Hkv = 8, M = 16, N = 64}}
  %0 = "sparsek.attn_causal"(%q, %k, %k) : (tensor<?x8x16x32xf32>, tensor<?x8x64x32xf32>, tensor<?x8x64x32xf32>) -> tensor<?x8x16x32xf32>
  // expected-remark @+1 {{imported as sparsek.attention: B = ?, Hq = 8, Hkv = 8, M = 1, N = 64}}
  %1 = "sparsek.attn_causal"(%q1, %k, %k) : (tensor<?x8x1x32xf32>, tensor<?x8x64x32xf32>, tensor<?x8x64x32xf32>) -> tensor<?x8x1x32xf32>
  return %0, %1 : tensor<?x8x16x32xf32>, tensor<?x8x1x32xf32>
}

// -----

!q = tensor<1x8x64x32xf32>
!kv = tensor<1x2x64x32xf32>
!u = tensor<1x2x64xf32>
// The dialect's own op is not touched, and neither is anything else.
// CHECK-LABEL: func @own
// CHECK: sparsek.attention %arg0, %arg1, %arg2, %arg3 topk(3) window(5)
// CHECK: "foreign.op"(%{{.*}}) <{a = #foreign.b}> {c} : (tensor<1x8x64x32xf32>) -> !foreign.type
// DENSE-LABEL: func @own
// DENSE: sparsek.attention %arg0
func.func @own(%q: !q, %k: !kv, %v: !kv, %u: !u) -> !foreign.type {
  %o, %lse = sparsek.attention %q, %k, %v, %u topk(3) window(5) : !q, !kv, !kv, !u
  %0 = "foreign.op"(%o) <{a = #foreign<b>}> {c} : (!q) -> !foreign.type
  return %0 : !foreign.type
}
