// RUN: sparsek-opt %s --sparsek-import=mode=dense --verify-diagnostics --split-input-file | FileCheck %s

!q = tensor<2x8x64x32xf32>
!kv = tensor<2x2x64x32xf32>
#none = affine_map<() -> ()>
func.func private @score(%s: tensor<f32>, %b: tensor<i32>, %h: tensor<i32>, %q: tensor<i32>, %k: tensor<i32>) -> tensor<f32> {
  return %s : tensor<f32>
}
func.func private @causal(%b: tensor<i32>, %h: tensor<i32>, %q: tensor<i32>, %k: tensor<i32>) -> tensor<i1> {
  %e = tensor.empty() : tensor<i1>
  %0 = linalg.generic {indexing_maps = [#none, #none, #none], iterator_types = []} ins(%k, %q : tensor<i32>, tensor<i32>) outs(%e : tensor<i1>) {
  ^bb0(%x: i32, %y: i32, %out: i1):
    %1 = arith.cmpi sgt, %x, %y : i32
    %true = arith.constant true
    %2 = arith.xori %1, %true : i1
    linalg.yield %2 : i1
  } -> tensor<i1>
  return %0 : tensor<i1>
}
// Position by position, without linalg; the window is that of 16 keys.
func.func private @window(%b: tensor<i32>, %h: tensor<i32>, %q: tensor<i32>, %k: tensor<i32>) -> tensor<i1> {
  %c16 = arith.constant dense<16> : tensor<i32>
  %past = arith.cmpi sge, %q, %k : tensor<i32>
  %distance = arith.subi %q, %k : tensor<i32>
  %near = arith.cmpi slt, %distance, %c16 : tensor<i32>
  %0 = arith.andi %past, %near : tensor<i1>
  return %0 : tensor<i1>
}
// CHECK-LABEL: func @imported
// CHECK: sparsek.causal_attention %arg0, %arg1, %arg2 : tensor<2x8x64x32xf32>, tensor<2x2x64x32xf32>, tensor<2x2x64x32xf32>
// CHECK: sparsek.attention %{{.*}}, %arg1, %arg2, %{{.*}} topk(1) window(16) gate<none> scale(5.000000e-01)
func.func @imported(%q: !q, %k: !kv, %v: !kv) -> !q {
  // expected-remark @+1 {{imported as sparsek.causal_attention: B = 2, Hq = 8, Hkv = 2, M = 64, N = 64, D = 32, Dv = 32, scale 0.176777}}
  %0 = "sparsek.flex_attention"(%q, %k, %v) {mask_mod_fn = @causal, score_mod_fn = @score} : (!q, !kv, !kv) -> !q
  // expected-remark @+1 {{imported as sparsek.attention: B = 2, Hq = 8, Hkv = 2, M = 64, N = 64, D = 32, Dv = 32, scale 0.5, window 16}}
  %1 = "sparsek.flex_attention"(%0, %k, %v) <{mask_mod_fn = @window, scale = 0.5 : f64}> : (!q, !kv, !kv) -> !q
  return %1 : !q
}

// -----

!q = tensor<1x8x64x32xf32>
func.func private @all(%b: tensor<i32>, %h: tensor<i32>, %q: tensor<i32>, %k: tensor<i32>) -> tensor<i1> {
  %0 = arith.constant dense<true> : tensor<i1>
  return %0 : tensor<i1>
}
func.func private @of_heads(%b: tensor<i32>, %h: tensor<i32>, %q: tensor<i32>, %k: tensor<i32>) -> tensor<i1> {
  %0 = arith.addi %q, %h : tensor<i32>
  %1 = arith.cmpi sge, %0, %k : tensor<i32>
  return %1 : tensor<i1>
}
func.func private @alibi(%s: tensor<f32>, %b: tensor<i32>, %h: tensor<i32>, %q: tensor<i32>, %k: tensor<i32>) -> tensor<f32> {
  %0 = arith.sitofp %k : tensor<i32> to tensor<f32>
  %1 = arith.addf %s, %0 : tensor<f32>
  return %1 : tensor<f32>
}
func.func private @future(%b: tensor<i32>, %h: tensor<i32>, %q: tensor<i32>, %k: tensor<i32>) -> tensor<i1> {
  %0 = arith.cmpi sle, %q, %k : tensor<i32>
  return %0 : tensor<i1>
}
func.func private @three(%b: tensor<i32>, %h: tensor<i32>, %q: tensor<i32>) -> tensor<i1>
func.func private @two(%q: tensor<i32>, %k: tensor<i32>) -> tensor<i1> {
  %0 = arith.cmpi sle, %q, %k : tensor<i32>
  return %0 : tensor<i1>
}
func.func @refused(%q: !q) {
  // expected-error @+1 {{cannot be imported: unknown mask}}
  %0 = "sparsek.flex_attention"(%q, %q, %q) {mask_mod_fn = @of_heads} : (!q, !q, !q) -> !q
  // expected-error @+1 {{cannot be imported: unknown mask}}
  %1 = "sparsek.flex_attention"(%q, %q, %q) {mask_mod_fn = @future} : (!q, !q, !q) -> !q
  // expected-error @+1 {{cannot be imported: unknown mask}}
  %2 = "sparsek.flex_attention"(%q, %q, %q) {score_mod_fn = @alibi} : (!q, !q, !q) -> !q
  // expected-error @+1 {{cannot be imported: mask_mod_fn names no function with one block}}
  %3 = "sparsek.flex_attention"(%q, %q, %q) {mask_mod_fn = @three} : (!q, !q, !q) -> !q
  // expected-error @+1 {{cannot be imported: mask_mod_fn names no function with one block}}
  %4 = "sparsek.flex_attention"(%q, %q, %q) {mask_mod_fn = @absent} : (!q, !q, !q) -> !q
  // expected-error @+1 {{cannot be imported: mask_mod_fn must be a symbol}}
  %5 = "sparsek.flex_attention"(%q, %q, %q) {mask_mod_fn = "causal"} : (!q, !q, !q) -> !q
  // expected-error @+1 {{cannot be imported: mask_mod_fn does not take and return tensors of rank 0 as mask_mod(b, h, q_idx, kv_idx) -> i1}}
  %6 = "sparsek.flex_attention"(%q, %q, %q) {mask_mod_fn = @two} : (!q, !q, !q) -> !q
  // expected-error @+1 {{cannot be imported: attribute 'kernel_options' is unknown; known are enable_gqa, mask_mod_fn, scale, score_mod_fn}}
  %7 = "sparsek.flex_attention"(%q, %q, %q) {kernel_options = {}} : (!q, !q, !q) -> !q
  // expected-error @+1 {{cannot be imported: takes query, key and value}}
  %8 = "sparsek.flex_attention"(%q, %q, %q, %q) : (!q, !q, !q, !q) -> !q
  return
}
func.func @not_causal(%q: !q) -> !q {
  // expected-error @+1 {{'sparsek.flex_attention' cannot be imported: not causal}}
  %0 = "sparsek.flex_attention"(%q, %q, %q) {mask_mod_fn = @all} : (!q, !q, !q) -> !q
  // expected-error @+1 {{'sparsek.flex_attention' cannot be imported: not causal}}
  %1 = "sparsek.flex_attention"(%0, %q, %q) : (!q, !q, !q) -> !q
  return %1 : !q
}
