// RUN: sparsek-opt %s --sparsek-import=mode=dense --verify-diagnostics --split-input-file | FileCheck %s

// CHECK-LABEL: func @not_causal
// CHECK: "onnx.Attention"
func.func @not_causal(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: not causal}}
  %y = "onnx.Attention"(%q, %q, %q) {scale = 0.5 : f32} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func @softcap
// CHECK: "onnx.Attention"
func.func @softcap(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: softcap changes the logits}}
  %y = "onnx.Attention"(%q, %q, %q) {is_causal = 1 : si64, softcap = 30.0 : f32} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func @precision
// CHECK: "onnx.Attention"
func.func @precision(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: softmax_precision is wider than f32}}
  %y = "onnx.Attention"(%q, %q, %q) {is_causal = 1 : si64, softmax_precision = 11 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func @nonpad
// CHECK: "onnx.Attention"
func.func @nonpad(%q: tensor<1x8x64x32xf32>, %l: tensor<1xi64>) -> tensor<1x8x64x32xf32> {
  %n = "onnx.NoValue"() {value} : () -> none
  // expected-remark @+1 {{attention is left as it is: nonpad_kv_seqlen is not supported}}
  %y = "onnx.Attention"(%q, %q, %q, %n, %n, %n, %l) {is_causal = 1 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, none, none, none, tensor<1xi64>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func @logits
// CHECK: "onnx.Attention"
func.func @logits(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: the fourth result, qk_matmul_output, is used}}
  %y, %a, %b, %c = "onnx.Attention"(%q, %q, %q) {is_causal = 1 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> (tensor<1x8x64x32xf32>, none, none, tensor<1x8x64x64xf32>)
  "foreign.use"(%c) : (tensor<1x8x64x64xf32>) -> ()
  return %y : tensor<1x8x64x32xf32>
}

// -----

// Three new keys and four queries: their positions differ.
// CHECK-LABEL: func @cache_cross
// CHECK-NEXT: "onnx.NoValue"
// CHECK-NEXT: "onnx.Attention"
// CHECK-NEXT: return
func.func @cache_cross(%q: tensor<1x8x4x32xf32>, %k: tensor<1x8x3x32xf32>, %p: tensor<1x8x61x32xf32>) -> tensor<1x8x4x32xf32> {
  %none = "onnx.NoValue"() {value} : () -> none
  // expected-remark @+1 {{attention is left as it is: other numbers of queries and new keys}}
  %y = "onnx.Attention"(%q, %k, %k, %none, %p, %p) {is_causal = 1 : si64} : (tensor<1x8x4x32xf32>, tensor<1x8x3x32xf32>, tensor<1x8x3x32xf32>, none, tensor<1x8x61x32xf32>, tensor<1x8x61x32xf32>) -> tensor<1x8x4x32xf32>
  return %y : tensor<1x8x4x32xf32>
}

// -----

// What was built before the mask was read is gone again.
// CHECK-LABEL: func @cache_plain
// CHECK-NEXT: "torch.constant.none"
// CHECK-NEXT: "torch.operator"
// CHECK-NEXT: return
!q = !torch.vtensor<[?,?,256],f32>
!k = !torch.vtensor<[?,?,64],f32>
!c = !torch.vtensor<[?,2,?,32],f32>
func.func @cache_plain(%q: !q, %k: !k, %v: !k, %pk: !c, %pv: !c) -> !q {
  %none = "torch.constant.none"() : () -> !torch.none
  // expected-remark @+1 {{attention is left as it is: not causal}}
  %y = "torch.operator"(%q, %k, %v, %none, %pk, %pv) <{name = "onnx.Attention"}> {torch.onnx.kv_num_heads = 2 : si64, torch.onnx.q_num_heads = 8 : si64} : (!q, !k, !k, !torch.none, !c, !c) -> !q
  return %y : !q
}

// -----

// CHECK-LABEL: func @half_a_cache
// CHECK: "onnx.Attention"
func.func @half_a_cache(%q: tensor<1x8x4x32xf32>, %p: tensor<1x8x60x32xf32>) -> tensor<1x8x4x32xf32> {
  %none = "onnx.NoValue"() {value} : () -> none
  // expected-remark @+1 {{attention is left as it is: past_key and past_value are not given together}}
  %y = "onnx.Attention"(%q, %q, %q, %none, %p) {is_causal = 1 : si64} : (tensor<1x8x4x32xf32>, tensor<1x8x4x32xf32>, tensor<1x8x4x32xf32>, none, tensor<1x8x60x32xf32>) -> tensor<1x8x4x32xf32>
  return %y : tensor<1x8x4x32xf32>
}

// -----

// CHECK-LABEL: func @cache_of_rank_3
// CHECK: "onnx.Attention"
func.func @cache_of_rank_3(%q: tensor<1x8x4x32xf32>, %p: tensor<1x60x256xf32>) -> tensor<1x8x4x32xf32> {
  %none = "onnx.NoValue"() {value} : () -> none
  // expected-remark @+1 {{attention is left as it is: past_key and past_value are not tensors of rank 4 like K and V}}
  %y = "onnx.Attention"(%q, %q, %q, %none, %p, %p) {is_causal = 1 : si64} : (tensor<1x8x4x32xf32>, tensor<1x8x4x32xf32>, tensor<1x8x4x32xf32>, none, tensor<1x60x256xf32>, tensor<1x60x256xf32>) -> tensor<1x8x4x32xf32>
  return %y : tensor<1x8x4x32xf32>
}

// -----

// CHECK-LABEL: func @other_cache
// CHECK: "onnx.Attention"
func.func @other_cache(%q: tensor<1x8x4x32xf32>, %p: tensor<1x4x60x32xf32>) -> tensor<1x8x4x32xf32> {
  %none = "onnx.NoValue"() {value} : () -> none
  // expected-remark @+1 {{attention is left as it is: past_key or past_value has other sizes than K or V}}
  %y = "onnx.Attention"(%q, %q, %q, %none, %p, %p) {is_causal = 1 : si64} : (tensor<1x8x4x32xf32>, tensor<1x8x4x32xf32>, tensor<1x8x4x32xf32>, none, tensor<1x4x60x32xf32>, tensor<1x4x60x32xf32>) -> tensor<1x8x4x32xf32>
  return %y : tensor<1x8x4x32xf32>
}

// -----

// A window to both sides.
// CHECK-LABEL: func @window
// CHECK: "onnx.Attention"
func.func @window(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %y = "onnx.Attention"(%q, %q, %q) {left_window_size = 4 : si64, right_window_size = 1 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// From version 24 a mask of one key hides all others.
// CHECK-LABEL: func @short_mask
// CHECK: "onnx.Attention"
func.func @short_mask(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  %mask = arith.constant dense<0.0> : tensor<64x1xf32>
  // expected-remark @+1 {{attention is left as it is: unknown mask: it is broadcast to all keys or hides all but one, by the version of the op}}
  %y = "onnx.Attention"(%q, %q, %q, %mask) {is_causal = 1 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<64x1xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func @scale
// CHECK: "onnx.Attention"
func.func @scale(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: other structure: scale is not finite and above 0 in f32}}
  %y = "onnx.Attention"(%q, %q, %q) {is_causal = 1 : si64, scale = -1.0 : f32} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func @unknown
// CHECK: "onnx.Attention"
func.func @unknown(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: attribute 'dropout' is unknown; known are is_causal, kv_num_heads, left_window_size, q_num_heads, qk_matmul_output_mode, right_window_size, scale, softcap, softmax_precision}}
  %y = "onnx.Attention"(%q, %q, %q) {dropout = 0.1 : f32, is_causal = 1 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func @kind
// CHECK: "onnx.Attention"
func.func @kind(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: attribute 'is_causal' must be an integer}}
  %y = "onnx.Attention"(%q, %q, %q) {is_causal = "yes"} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func @packed
// CHECK: "onnx.Attention"
func.func @packed(%q: tensor<1x64x32xf32>) -> tensor<1x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: operands of rank 3 need q_num_heads and kv_num_heads}}
  %y = "onnx.Attention"(%q, %q, %q) {is_causal = 1 : si64} : (tensor<1x64x32xf32>, tensor<1x64x32xf32>, tensor<1x64x32xf32>) -> tensor<1x64x32xf32>
  return %y : tensor<1x64x32xf32>
}

// -----

// CHECK-LABEL: func @rank
// CHECK: "onnx.Attention"
func.func @rank(%q: tensor<64x32xf32>) -> tensor<64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: rank of Q, K and V is neither 3 nor 4}}
  %y = "onnx.Attention"(%q, %q, %q) {is_causal = 1 : si64} : (tensor<64x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>) -> tensor<64x32xf32>
  return %y : tensor<64x32xf32>
}

// -----

// CHECK-LABEL: func @unranked
// CHECK: "onnx.Attention"
func.func @unranked(%q: tensor<*xf32>) -> tensor<*xf32> {
  // expected-remark @+1 {{attention is left as it is: Q, K, V and Y are not ranked tensors of floats}}
  %y = "onnx.Attention"(%q, %q, %q) {is_causal = 1 : si64} : (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// CHECK-LABEL: func @operands
// CHECK: "onnx.Attention"
func.func @operands(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: takes Q, K, V and up to four optional operands}}
  %y = "onnx.Attention"(%q) {is_causal = 1 : si64} : (tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func @heads
// CHECK: "onnx.Attention"
func.func @heads(%q: tensor<1x8x64x32xf32>, %k: tensor<1x3x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: numbers of heads of q and k do not fit}}
  %y = "onnx.Attention"(%q, %k, %k) {is_causal = 1 : si64} : (tensor<1x8x64x32xf32>, tensor<1x3x64x32xf32>, tensor<1x3x64x32xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func @lengths
// CHECK: "onnx.Attention"
func.func @lengths(%q: tensor<1x8x64x32xf32>, %k: tensor<1x8x96x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: other numbers of queries and keys: the first query sees one key}}
  %y = "onnx.Attention"(%q, %k, %k) {is_causal = 1 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x96x32xf32>, tensor<1x8x96x32xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func @dynamic_heads
// CHECK: "onnx.Attention"
func.func @dynamic_heads(%q: tensor<1x?x64x32xf32>) -> tensor<1x?x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: number of heads or head size is dynamic}}
  %y = "onnx.Attention"(%q, %q, %q) {is_causal = 1 : si64} : (tensor<1x?x64x32xf32>, tensor<1x?x64x32xf32>, tensor<1x?x64x32xf32>) -> tensor<1x?x64x32xf32>
  return %y : tensor<1x?x64x32xf32>
}

// -----

// CHECK-LABEL: func @mask
// CHECK: "onnx.Attention"
func.func @mask(%q: tensor<1x8x64x32xf32>, %m: tensor<64x64xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %y = "onnx.Attention"(%q, %q, %q, %m) {is_causal = 1 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<64x64xf32>) -> tensor<1x8x64x32xf32>
  return %y : tensor<1x8x64x32xf32>
}
