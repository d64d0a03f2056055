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

// CHECK-LABEL: func @past
// CHECK: "onnx.Attention"
func.func @past(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  %n = "onnx.NoValue"() {value} : () -> none
  // expected-remark @+1 {{attention is left as it is: past_key is not supported}}
  %y = "onnx.Attention"(%q, %q, %q, %n, %q, %q) {is_causal = 1 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, none, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
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

// CHECK-LABEL: func @present
// CHECK: "onnx.Attention"
func.func @present(%q: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: results beside the first are used}}
  %y, %a, %b, %c = "onnx.Attention"(%q, %q, %q) {is_causal = 1 : si64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, none)
  "foreign.use"(%a) : (tensor<1x8x64x32xf32>) -> ()
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
  // expected-remark @+1 {{attention is left as it is: attribute 'dropout' is unknown; known are is_causal, kv_num_heads, q_num_heads, qk_matmul_output_mode, scale, softcap, softmax_precision}}
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
