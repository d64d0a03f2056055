// RUN: sparsek-opt %s --sparsek-import=mode=dense --verify-diagnostics --split-input-file | FileCheck %s

!q = !torch.vtensor<[1,8,64,32],f32>
!kv = !torch.vtensor<[1,2,64,32],f32>
// CHECK-LABEL: func @gqa
// CHECK-NOT: torch.constant
// CHECK: %[[Q:.*]] = "torch_c.to_builtin_tensor"(%arg0) : (!torch.vtensor<[1,8,64,32],f32>) -> tensor<1x8x64x32xf32>
// CHECK: %[[K:.*]] = "torch_c.to_builtin_tensor"(%arg1)
// CHECK: %[[V:.*]] = "torch_c.to_builtin_tensor"(%arg2)
// CHECK: %[[O:.*]], %{{.*}} = sparsek.causal_attention %[[Q]], %[[K]], %[[V]] : tensor<1x8x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x32xf32>
// CHECK: %[[R:.*]] = "torch_c.from_builtin_tensor"(%[[O]]) : (tensor<1x8x64x32xf32>) -> !torch.vtensor<[1,8,64,32],f32>
// CHECK: return %[[R]]
func.func @gqa(%q: !q, %k: !kv, %v: !kv) -> !q {
  %none = "torch.constant.none"() : () -> !torch.none
  %zero = "torch.constant.float"() <{value = 0.0 : f64}> : () -> !torch.float
  %true = "torch.constant.bool"() <{value = true}> : () -> !torch.bool
  // expected-remark @+1 {{imported as sparsek.causal_attention: B = 1, Hq = 8, Hkv = 2, M = 64, N = 64, D = 32, Dv = 32, scale 0.176777}}
  %o = "torch.aten.scaled_dot_product_attention"(%q, %k, %v, %none, %zero, %true, %none, %true) : (!q, !kv, !kv, !torch.none, !torch.float, !torch.bool, !torch.none, !torch.bool) -> !q
  return %o : !q
}

// -----

!q = !torch.vtensor<[?,8,?,32],bf16>
// CHECK-LABEL: func @dynamic
// CHECK: cf.assert %{{.*}}, "causal attention needs as many queries as keys"
// CHECK: sparsek.causal_attention {{.*}} scale(5.000000e-01) : tensor<?x8x?x32xbf16>
func.func @dynamic(%q: !q, %k: !q, %v: !q) -> !q {
  %none = "torch.constant.none"() : () -> !torch.none
  %zero = "torch.constant.float"() <{value = 0.0 : f64}> : () -> !torch.float
  %true = "torch.constant.bool"() <{value = true}> : () -> !torch.bool
  %scale = "torch.constant.float"() <{value = 0.5 : f64}> : () -> !torch.float
  // expected-remark @+1 {{scale 0.5; equal sizes are asserted}}
  %o = "torch.aten.scaled_dot_product_attention"(%q, %k, %v, %none, %zero, %true, %scale, %true) : (!q, !q, !q, !torch.none, !torch.float, !torch.bool, !torch.float, !torch.bool) -> !q
  return %o : !q
}

// -----

!q = !torch.vtensor<[1,8,64,32],f32>
!kv = !torch.vtensor<[1,2,64,32],f32>
!i = !torch.vtensor<[1,8,64,32],si64>
// CHECK-LABEL: func @left_alone
// CHECK-NOT: torch_c
// CHECK-NOT: sparsek.causal_attention
func.func @left_alone(%q: !q, %kv: !kv, %i: !i, %mask: !torch.vtensor<[64,64],f32>, %p: !torch.float) {
  %none = "torch.constant.none"() : () -> !torch.none
  %zero = "torch.constant.float"() <{value = 0.0 : f64}> : () -> !torch.float
  %half = "torch.constant.float"() <{value = 0.5 : f64}> : () -> !torch.float
  %true = "torch.constant.bool"() <{value = true}> : () -> !torch.bool
  %false = "torch.constant.bool"() <{value = false}> : () -> !torch.bool
  // expected-remark @+1 {{attention is left as it is: not causal}}
  %0 = "torch.aten.scaled_dot_product_attention"(%q, %q, %q, %none, %zero, %false, %none, %false) : (!q, !q, !q, !torch.none, !torch.float, !torch.bool, !torch.none, !torch.bool) -> !q
  // expected-remark @+1 {{attention is left as it is: dropout_p is not 0}}
  %1 = "torch.aten.scaled_dot_product_attention"(%q, %q, %q, %none, %half, %true, %none, %false) : (!q, !q, !q, !torch.none, !torch.float, !torch.bool, !torch.none, !torch.bool) -> !q
  // expected-remark @+1 {{attention is left as it is: dropout_p, is_causal or enable_gqa is not a constant}}
  %2 = "torch.aten.scaled_dot_product_attention"(%q, %q, %q, %none, %p, %true, %none, %false) : (!q, !q, !q, !torch.none, !torch.float, !torch.bool, !torch.none, !torch.bool) -> !q
  // expected-remark @+1 {{attention is left as it is: the scale is not a constant}}
  %3 = "torch.aten.scaled_dot_product_attention"(%q, %q, %q, %none, %zero, %true, %p, %false) : (!q, !q, !q, !torch.none, !torch.float, !torch.bool, !torch.float, !torch.bool) -> !q
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %4 = "torch.aten.scaled_dot_product_attention"(%q, %q, %q, %mask, %zero, %false, %none, %false) : (!q, !q, !q, !torch.vtensor<[64,64],f32>, !torch.float, !torch.bool, !torch.none, !torch.bool) -> !q
  // expected-remark @+1 {{attention is left as it is: a mask and is_causal exclude each other}}
  %5 = "torch.aten.scaled_dot_product_attention"(%q, %q, %q, %mask, %zero, %true, %none, %false) : (!q, !q, !q, !torch.vtensor<[64,64],f32>, !torch.float, !torch.bool, !torch.none, !torch.bool) -> !q
  // expected-remark @+1 {{attention is left as it is: numbers of heads of q and k do not fit}}
  %6 = "torch.aten.scaled_dot_product_attention"(%q, %kv, %kv, %none, %zero, %true, %none, %false) : (!q, !kv, !kv, !torch.none, !torch.float, !torch.bool, !torch.none, !torch.bool) -> !q
  // expected-remark @+1 {{attention is left as it is: query, key, value and result are not tensors of known rank and float type}}
  %7 = "torch.aten.scaled_dot_product_attention"(%i, %i, %i, %none, %zero, %true, %none, %false) : (!i, !i, !i, !torch.none, !torch.float, !torch.bool, !torch.none, !torch.bool) -> !i
  // expected-remark @+1 {{attention is left as it is: takes eight operands and has one result}}
  %8 = "torch.aten.scaled_dot_product_attention"(%q, %q, %q) : (!q, !q, !q) -> !q
  // expected-remark @+1 {{attention is left as it is: it is an op of the torch dialect; carry it to linalg as an op of its own}}
  %9 = "torch.operator"(%q, %q, %q) <{name = "torch.sparsek.attention"}> : (!q, !q, !q) -> !q
  return
}

// -----

// Boolean constants come as bytes.
!q = !torch.vtensor<[1,2,3,4],f32>
// CHECK-LABEL: func @constant_masks
// CHECK-NOT: torch.aten.scaled_dot_product_attention
// CHECK: sparsek.causal_attention
// CHECK: sparsek.causal_attention
// CHECK: sparsek.causal_attention
// CHECK: torch.aten.scaled_dot_product_attention
func.func @constant_masks(%q: !q) -> (!q, !q, !q, !q) {
  %none = "torch.constant.none"() : () -> !torch.none
  %zero = "torch.constant.float"() <{value = 0.0 : f64}> : () -> !torch.float
  %false = "torch.constant.bool"() <{value = false}> : () -> !torch.bool
  %bool = "torch.constant.int"() <{value = 11 : i64}> : () -> !torch.int
  %floats = "torch.vtensor.literal"() <{value = dense<[[0.0, 0xFF800000, 0xFF800000], [0.0, 0.0, 0xFF800000], [0.0, 0.0, 0.0]]> : tensor<3x3xf32>}> : () -> !torch.vtensor<[3,3],f32>
  %bytes = "torch.vtensor.literal"() <{value = dense<[[1, 0, 0], [1, 1, 0], [1, 1, 1]]> : tensor<3x3xui8>}> : () -> !torch.vtensor<[3,3],ui8>
  %hole = "torch.vtensor.literal"() <{value = dense<[[1, 0, 0], [0, 1, 0], [1, 1, 1]]> : tensor<3x3xui8>}> : () -> !torch.vtensor<[3,3],ui8>
  %mask0 = "torch.prims.convert_element_type"(%bytes, %bool) : (!torch.vtensor<[3,3],ui8>, !torch.int) -> !torch.vtensor<[3,3],i1>
  %mask1 = "torch.aten.to.dtype"(%bytes, %bool, %false, %false, %none) : (!torch.vtensor<[3,3],ui8>, !torch.int, !torch.bool, !torch.bool, !torch.none) -> !torch.vtensor<[3,3],i1>
  %mask2 = "torch.prims.convert_element_type"(%hole, %bool) : (!torch.vtensor<[3,3],ui8>, !torch.int) -> !torch.vtensor<[3,3],i1>
  // expected-remark @+1 {{imported as sparsek.causal_attention}}
  %0 = "torch.aten.scaled_dot_product_attention"(%q, %q, %q, %floats, %zero, %false, %none, %false) : (!q, !q, !q, !torch.vtensor<[3,3],f32>, !torch.float, !torch.bool, !torch.none, !torch.bool) -> !q
  // expected-remark @+1 {{imported as sparsek.causal_attention}}
  %1 = "torch.aten.scaled_dot_product_attention"(%q, %q, %q, %mask0, %zero, %false, %none, %false) : (!q, !q, !q, !torch.vtensor<[3,3],i1>, !torch.float, !torch.bool, !torch.none, !torch.bool) -> !q
  // expected-remark @+1 {{imported as sparsek.causal_attention}}
  %2 = "torch.aten.scaled_dot_product_attention"(%q, %q, %q, %mask1, %zero, %false, %none, %false) : (!q, !q, !q, !torch.vtensor<[3,3],i1>, !torch.float, !torch.bool, !torch.none, !torch.bool) -> !q
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %3 = "torch.aten.scaled_dot_product_attention"(%q, %q, %q, %mask2, %zero, %false, %none, %false) : (!q, !q, !q, !torch.vtensor<[3,3],i1>, !torch.float, !torch.bool, !torch.none, !torch.bool) -> !q
  return %0, %1, %2, %3 : !q, !q, !q, !q
}
