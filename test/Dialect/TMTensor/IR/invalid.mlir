// RUN: sparsek-opt %s --split-input-file --verify-diagnostics

func.func @two_inputs(%q: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  // expected-error @+1 {{takes query, key, value and optionally a mask, got 2 inputs}}
  %o = tm_tensor.attention ins(%q, %q : tensor<8x64x32xf32>, tensor<8x64x32xf32>) outs(%q : tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

func.func @rank(%q: tensor<64x32xf32>) -> tensor<64x32xf32> {
  // expected-error @+1 {{operands must have one rank of at least 3, got 'tensor<64x32xf32>'}}
  %o = tm_tensor.attention ins(%q, %q, %q : tensor<64x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>) outs(%q : tensor<64x32xf32>) -> tensor<64x32xf32>
  return %o : tensor<64x32xf32>
}

// -----

func.func @mask(%q: tensor<8x64x32xf32>, %m: tensor<8x64x63xf32>) -> tensor<8x64x32xf32> {
  // expected-error @+1 {{mask columns and keys must agree, got 63 and 64}}
  %o = tm_tensor.attention ins(%q, %q, %q, %m : tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x63xf32>) outs(%q : tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

func.func @heads(%q: tensor<8x64x32xf32>, %k: tensor<2x64x32xf32>) -> tensor<8x64x32xf32> {
  // expected-error @+1 {{leading dimensions must agree, got 8 and 2}}
  %o = tm_tensor.attention ins(%q, %k, %k : tensor<8x64x32xf32>, tensor<2x64x32xf32>, tensor<2x64x32xf32>) outs(%q : tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

func.func @no_result(%q: tensor<8x64x32xf32>) {
  // expected-error @+1 {{has one result where its output is a tensor and none otherwise, got 0}}
  tm_tensor.attention ins(%q, %q, %q : tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>) outs(%q : tensor<8x64x32xf32>)
  return
}

// -----

func.func @scale(%q: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  // expected-error @+1 {{attribute 'scale' must be a float}}
  %o = tm_tensor.attention {scale = 1 : i64} ins(%q, %q, %q : tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>) outs(%q : tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}
