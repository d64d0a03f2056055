// RUN: sparsek-opt %s --sparsek-import="scores=tensor topk=4 window=8" --verify-diagnostics --split-input-file | FileCheck %s

// As onnx-mlir prints it: absent operands are values without data.
// CHECK-LABEL: func @onnx_mlir
// CHECK-SAME: %[[U:[a-z0-9]+]]: tensor<2x1x64xf32> {sparsek.role = "scores"})
// CHECK-NOT: onnx
// CHECK: %[[O:.*]], %{{.*}} = sparsek.attention %arg0, %arg1, %arg2, %[[U]] topk(4) window(8) scale(2.500000e-01) : tensor<2x8x64x32xf32>, tensor<2x2x64x32xf32>, tensor<2x2x64x48xf32>
// CHECK: return %[[O]]
func.func @onnx_mlir(%q: tensor<2x8x64x32xf32>, %k: tensor<2x2x64x32xf32>, %v: tensor<2x2x64x48xf32>) -> tensor<2x8x64x48xf32> {
  %none = "onnx.NoValue"() {value} : () -> none
  // expected-remark @+1 {{imported as sparsek.attention: B = 2, Hq = 8, Hkv = 2, M = 64, N = 64, D = 32, Dv = 48, scale 0.25}}
  %y, %pk, %pv, %qk = "onnx.Attention"(%q, %k, %v, %none, %none, %none) {is_causal = 1 : si64, onnx_node_name = "a", qk_matmul_output_mode = 0 : si64, scale = 2.500000e-01 : f32, softcap = 0.0 : f32} : (tensor<2x8x64x32xf32>, tensor<2x2x64x32xf32>, tensor<2x2x64x48xf32>, none, none, none) -> (tensor<2x8x64x48xf32>, none, none, none)
  return %y : tensor<2x8x64x48xf32>
}

// -----

// As torch-mlir and IREE print it, with packed heads; attributes in both
// positions.
// CHECK-LABEL: func @torch_operator
// CHECK: %[[Q:.*]] = "torch_c.to_builtin_tensor"(%arg0) : (!torch.vtensor<[2,64,256],f16>) -> tensor<2x64x256xf16>
// CHECK-NOT: torch.operator
// CHECK: sparsek.attention {{.*}} : tensor<2x8x64x32xf16>, tensor<2x2x64x32xf16>, tensor<2x2x64x32xf16>, tensor<2x1x64xf32>
// CHECK: %[[C:.*]] = tensor.collapse_shape {{.*}} into tensor<2x64x256xf16>
// CHECK: %[[O:.*]] = "torch_c.from_builtin_tensor"(%[[C]]) : (tensor<2x64x256xf16>) -> !torch.vtensor<[2,64,256],f16>
// CHECK: return %[[O]]
func.func @torch_operator(%q: !torch.vtensor<[2,64,256],f16>, %k: !torch.vtensor<[2,64,64],f16>, %v: !torch.vtensor<[2,64,64],f16>) -> !torch.vtensor<[2,64,256],f16> {
  // expected-remark @+1 {{imported as sparsek.attention: B = 2, Hq = 8, Hkv = 2, M = 64, N = 64, D = 32, Dv = 32, scale 0.176777}}
  %y = "torch.operator"(%q, %k, %v) <{name = "onnx.Attention"}> {torch.onnx.is_causal = 1 : si64, torch.onnx.kv_num_heads = 2 : si64, torch.onnx.q_num_heads = 8 : si64} : (!torch.vtensor<[2,64,256],f16>, !torch.vtensor<[2,64,64],f16>, !torch.vtensor<[2,64,64],f16>) -> !torch.vtensor<[2,64,256],f16>
  return %y : !torch.vtensor<[2,64,256],f16>
}

// -----

// A causal mask instead of the attribute.
// CHECK-LABEL: func @mask
// CHECK: sparsek.attention
func.func @mask(%q: tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32> {
  %mask = arith.constant dense<[[true, false, false], [true, true, false], [true, true, true]]> : tensor<3x3xi1>
  // expected-remark @+1 {{imported as sparsek.attention}}
  %y = "onnx.Attention"(%q, %q, %q, %mask) : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<3x3xi1>) -> tensor<1x2x3x4xf32>
  return %y : tensor<1x2x3x4xf32>
}

// -----

// A causal mask, and another that hides one more key.
// CHECK-LABEL: func @hole
// CHECK: "onnx.Attention"
func.func @hole(%q: tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32> {
  %mask = arith.constant dense<[[true, true, true], [true, true, true], [true, false, true]]> : tensor<3x3xi1>
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %y = "onnx.Attention"(%q, %q, %q, %mask) {is_causal = 1 : si64} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<3x3xi1>) -> tensor<1x2x3x4xf32>
  return %y : tensor<1x2x3x4xf32>
}

// -----

// The queries follow the keys of the cache; what is used of it is the whole.
// CHECK-LABEL: func @cache
// CHECK: %[[K:.*]] = tensor.concat dim(2) %arg3, %arg1 : (tensor<1x2x60x32xf32>, tensor<1x2x4x32xf32>) -> tensor<1x2x64x32xf32>
// CHECK: %[[V:.*]] = tensor.concat dim(2) %arg4, %arg2 : (tensor<1x2x60x48xf32>, tensor<1x2x4x48xf32>) -> tensor<1x2x64x48xf32>
// CHECK-NOT: onnx
// CHECK: %[[O:.*]], %{{.*}} = sparsek.attention %arg0, %[[K]], %[[V]], %arg5 {{.*}} : tensor<1x8x4x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x48xf32>, tensor<1x1x64xf32>
// CHECK: return %[[O]], %[[V]]
func.func @cache(%q: tensor<1x8x4x32xf32>, %k: tensor<1x2x4x32xf32>, %v: tensor<1x2x4x48xf32>, %pk: tensor<1x2x60x32xf32>, %pv: tensor<1x2x60x48xf32>) -> (tensor<1x8x4x48xf32>, tensor<1x2x64x48xf32>) {
  %none = "onnx.NoValue"() {value} : () -> none
  // expected-remark @+1 {{imported as sparsek.attention: B = 1, Hq = 8, Hkv = 2, M = 4, N = 64, D = 32, Dv = 48, scale 0.176777}}
  %y, %a, %b, %c = "onnx.Attention"(%q, %k, %v, %none, %pk, %pv) {is_causal = 1 : si64} : (tensor<1x8x4x32xf32>, tensor<1x2x4x32xf32>, tensor<1x2x4x48xf32>, none, tensor<1x2x60x32xf32>, tensor<1x2x60x48xf32>) -> (tensor<1x8x4x48xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x48xf32>, none)
  return %y, %b : tensor<1x8x4x48xf32>, tensor<1x2x64x48xf32>
}

// -----

// Dynamic lengths: as many new keys as queries are asserted. Packed heads.
// CHECK-LABEL: func @dynamic_cache
// CHECK: %[[E:.*]] = tensor.expand_shape {{.*}} : tensor<?x?x64xf32> into tensor<?x?x2x32xf32>
// CHECK: %[[K:.*]] = linalg.transpose ins(%[[E]] : tensor<?x?x2x32xf32>) {{.*}} permutation = [0, 2, 1, 3]
// CHECK: %[[WHOLE:.*]] = tensor.concat dim(2) %{{.*}}, %[[K]] : (tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>) -> tensor<?x2x?x32xf32>
// CHECK: %[[PRESENT:.*]] = "torch_c.from_builtin_tensor"(%[[WHOLE]])
// CHECK: cf.assert %{{.*}}, "sizes of the operands of attention must agree"
// CHECK: sparsek.attention %{{.*}}, %[[WHOLE]], %{{.*}} : tensor<?x8x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x1x?xf32>
// CHECK: return %{{.*}}, %[[PRESENT]]
!q = !torch.vtensor<[?,?,256],f32>
!k = !torch.vtensor<[?,?,64],f32>
!c = !torch.vtensor<[?,2,?,32],f32>
func.func @dynamic_cache(%q: !q, %k: !k, %v: !k, %pk: !c, %pv: !c) -> (!q, !c) {
  %none = "torch.constant.none"() : () -> !torch.none
  // expected-remark @+1 {{imported as sparsek.attention: B = ?, Hq = 8, Hkv = 2, M = ?, N = ?, D = 32, Dv = 32, scale 0.176777; equal sizes are asserted}}
  %y:3 = "torch.operator"(%q, %k, %v, %none, %pk, %pv) <{name = "onnx.Attention"}> {torch.onnx.is_causal = 1 : si64, torch.onnx.kv_num_heads = 2 : si64, torch.onnx.q_num_heads = 8 : si64} : (!q, !k, !k, !torch.none, !c, !c) -> (!q, !c, !c)
  return %y#0, %y#1 : !q, !c
}

// -----

// One new query sees everything, as the last position does.
// CHECK-LABEL: func @decode
// CHECK: sparsek.attention
func.func @decode(%q: tensor<1x8x1x32xf32>, %k: tensor<1x2x1x32xf32>, %p: tensor<1x2x63x32xf32>) -> tensor<1x8x1x32xf32> {
  %none = "onnx.NoValue"() {value} : () -> none
  // expected-remark @+1 {{imported as sparsek.attention: B = 1, Hq = 8, Hkv = 2, M = 1, N = 64}}
  %y = "onnx.Attention"(%q, %k, %k, %none, %p, %p) {is_causal = 1 : si64} : (tensor<1x8x1x32xf32>, tensor<1x2x1x32xf32>, tensor<1x2x1x32xf32>, none, tensor<1x2x63x32xf32>, tensor<1x2x63x32xf32>) -> tensor<1x8x1x32xf32>
  return %y : tensor<1x8x1x32xf32>
}

// -----

// A cache that begins here.
// CHECK-LABEL: func @present
// CHECK: sparsek.attention
// CHECK: return %{{.*}}, %arg0
func.func @present(%q: tensor<1x8x64x32xf32>) -> (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) {
  // expected-remark @+1 {{imported as sparsek.attention}}
  %y, %a, %b, %c = "onnx.Attention"(%q, %q, %q) {is_causal = 1 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, none)
  return %y, %a : tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>
}

// -----

// Windows of version 25: four positions before the query's own, and no later.
// CHECK-LABEL: func @window
// CHECK: sparsek.attention {{.*}} topk(1) window(5) gate<none>
func.func @window(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{imported as sparsek.attention: B = 1, Hq = 8, Hkv = 8, M = 64, N = 64, D = 32, Dv = 32, scale 0.176777, window 5}}
  %y = "onnx.Attention"(%q, %q, %q) {left_window_size = 4 : si64, right_window_size = 0 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func @no_window
// CHECK: sparsek.attention {{.*}} topk(4) window(8)
func.func @no_window(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{imported as sparsek.attention}}
  %y = "onnx.Attention"(%q, %q, %q) {is_causal = 1 : si64, left_window_size = -1 : si64, right_window_size = 7 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// Constants of other dialects are masks that can be read.
// CHECK-LABEL: func @constant_masks
// CHECK-NOT: onnx
// CHECK: sparsek.attention
// CHECK: sparsek.attention
// CHECK-NOT: dense
func.func @constant_masks(%q: tensor<1x2x3x4xf32>, %t: !torch.vtensor<[1,2,3,4],f32>) -> (tensor<1x2x3x4xf32>, !torch.vtensor<[1,2,3,4],f32>) {
  %mask = "onnx.Constant"() {value = dense<[[true, false, false], [true, true, false], [true, true, true]]> : tensor<3x3xi1>} : () -> tensor<3x3xi1>
  // expected-remark @+1 {{imported as sparsek.attention}}
  %y = "onnx.Attention"(%q, %q, %q, %mask) : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<3x3xi1>) -> tensor<1x2x3x4xf32>
  %carried = "torch.operator"() <{name = "onnx.Constant"}> {torch.onnx.value = dense<[[true, false, false], [true, true, false], [true, true, true]]> : tensor<3x3xi1>} : () -> !torch.vtensor<[3,3],i1>
  // expected-remark @+1 {{imported as sparsek.attention}}
  %z = "torch.operator"(%t, %t, %t, %carried) <{name = "onnx.Attention"}> : (!torch.vtensor<[1,2,3,4],f32>, !torch.vtensor<[1,2,3,4],f32>, !torch.vtensor<[1,2,3,4],f32>, !torch.vtensor<[3,3],i1>) -> !torch.vtensor<[1,2,3,4],f32>
  return %y, %z : tensor<1x2x3x4xf32>, !torch.vtensor<[1,2,3,4],f32>
}
