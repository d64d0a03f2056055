// RUN: sparsek-opt %s --sparsek-raise-attention --verify-diagnostics --split-input-file | FileCheck %s

// The values are an argument: there are no hidden states to score.
// CHECK-LABEL: func @no_hidden
// CHECK: tm_tensor.attention
func.func @no_hidden(%q: tensor<4x64x32xf32>, %init: tensor<4x64x32xf32>) -> tensor<4x64x32xf32> {
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %me = tensor.empty() : tensor<4x64x64xf32>
  %mask = linalg.generic {indexing_maps = [affine_map<(h, m, j) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%me : tensor<4x64x64xf32>) {
  ^bb0(%out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %sees = arith.cmpi sle, %j, %m : index
    %0 = arith.select %sees, %zero, %low : f32
    linalg.yield %0 : f32
  } -> tensor<4x64x64xf32>
  // expected-remark @+1 {{attention is left as it is: no hidden states found behind v}}
  %o = tm_tensor.attention ins(%q, %q, %q, %mask : tensor<4x64x32xf32>, tensor<4x64x32xf32>, tensor<4x64x32xf32>, tensor<4x64x64xf32>) outs(%init : tensor<4x64x32xf32>) -> tensor<4x64x32xf32>
  return %o : tensor<4x64x32xf32>
}

// -----

// A function that is called keeps its arguments.
// CHECK-LABEL: func @called
// CHECK: tm_tensor.attention
func.func @called(%q: tensor<4x64x32xf32>, %init: tensor<4x64x32xf32>) -> tensor<4x64x32xf32> {
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %me = tensor.empty() : tensor<4x64x64xf32>
  %mask = linalg.generic {indexing_maps = [affine_map<(h, m, j) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%me : tensor<4x64x64xf32>) {
  ^bb0(%out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %sees = arith.cmpi sle, %j, %m : index
    %0 = arith.select %sees, %zero, %low : f32
    linalg.yield %0 : f32
  } -> tensor<4x64x64xf32>
  // expected-remark @+1 {{attention is left as it is: the function is used by others, so that its arguments cannot change}}
  %o = tm_tensor.attention ins(%q, %q, %q, %mask : tensor<4x64x32xf32>, tensor<4x64x32xf32>, tensor<4x64x32xf32>, tensor<4x64x64xf32>) outs(%init : tensor<4x64x32xf32>) -> tensor<4x64x32xf32>
  return %o : tensor<4x64x32xf32>
}

func.func @caller(%q: tensor<4x64x32xf32>) -> tensor<4x64x32xf32> {
  %o = call @called(%q, %q) : (tensor<4x64x32xf32>, tensor<4x64x32xf32>) -> tensor<4x64x32xf32>
  return %o : tensor<4x64x32xf32>
}

// -----

// CHECK-LABEL: func @head_size
// CHECK: tm_tensor.attention
func.func @head_size(%q: tensor<4x64x?xf32>, %init: tensor<4x64x?xf32>) -> tensor<4x64x?xf32> {
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %me = tensor.empty() : tensor<4x64x64xf32>
  %mask = linalg.generic {indexing_maps = [affine_map<(h, m, j) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%me : tensor<4x64x64xf32>) {
  ^bb0(%out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %sees = arith.cmpi sle, %j, %m : index
    %0 = arith.select %sees, %zero, %low : f32
    linalg.yield %0 : f32
  } -> tensor<4x64x64xf32>
  // expected-remark @+1 {{attention is left as it is: number of heads or head size is dynamic}}
  %o = tm_tensor.attention {scale = 0.125} ins(%q, %q, %q, %mask : tensor<4x64x?xf32>, tensor<4x64x?xf32>, tensor<4x64x?xf32>, tensor<4x64x64xf32>) outs(%init : tensor<4x64x?xf32>) -> tensor<4x64x?xf32>
  return %o : tensor<4x64x?xf32>
}
