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
