// RUN: sparsek-opt %s --split-input-file --verify-diagnostics

func.func @rank(%x: tensor<8x4xf32>, %w: tensor<4x2xf32>) {
  // expected-error @+1 {{S1: features must be a tensor of rank 3 and weight one of rank 2, got 'tensor<8x4xf32>' and 'tensor<4x2xf32>'}}
  %0 = sparsek.score %x, %w : tensor<8x4xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @unranked(%x: tensor<1x8x4xf32>, %w: tensor<*xf32>) {
  // expected-error @+1 {{S1: features must be a tensor of rank 3 and weight one of rank 2}}
  %0 = sparsek.score %x, %w : tensor<1x8x4xf32>, tensor<*xf32>
  return
}

// -----

func.func @element_type(%x: tensor<1x8x4xf64>, %w: tensor<4x2xf64>) {
  // expected-error @+1 {{operand #0 must be 3D tensor of 32-bit float or 16-bit float or bfloat16 type values, but got 'tensor<1x8x4xf64>'}}
  %0 = sparsek.score %x, %w : tensor<1x8x4xf64>, tensor<4x2xf64>
  return
}

// -----

func.func @two_element_types(%x: tensor<1x8x4xf32>, %w: tensor<4x2xbf16>) {
  // expected-error @+1 {{S3: weight must be f32 or have the element type of the features, got 'f32' and 'bf16'}}
  %0 = sparsek.score %x, %w : tensor<1x8x4xf32>, tensor<4x2xbf16>
  return
}

// -----

func.func @feature_size(%x: tensor<1x8x4xf32>, %w: tensor<5x2xf32>) {
  // expected-error @+1 {{S1: feature sizes must agree, got x[2] = 4 and W[0] = 5}}
  %0 = sparsek.score %x, %w : tensor<1x8x4xf32>, tensor<5x2xf32>
  return
}

// -----

func.func @dynamic_features(%x: tensor<1x8x?xf32>, %w: tensor<4x2xf32>) {
  // expected-error @+1 {{S2: the feature size C must be static, got a dynamic x[2]}}
  %0 = sparsek.score %x, %w : tensor<1x8x?xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @dynamic_weight(%x: tensor<1x8x4xf32>, %w: tensor<?x2xf32>) {
  // expected-error @+1 {{S2: the feature size C must be static, got a dynamic W[0]}}
  %0 = sparsek.score %x, %w : tensor<1x8x4xf32>, tensor<?x2xf32>
  return
}

// -----

func.func @no_features(%x: tensor<1x8x0xf32>, %w: tensor<0x2xf32>) {
  // expected-error @+1 {{S2: the feature size C must be at least 1, got x[2] = 0}}
  %0 = sparsek.score %x, %w : tensor<1x8x0xf32>, tensor<0x2xf32>
  return
}

// -----

func.func @dynamic_heads(%x: tensor<1x8x4xf32>, %w: tensor<4x?xf32>) {
  // expected-error @+1 {{S2: the number of score heads must be static, got a dynamic W[1]}}
  %0 = sparsek.score %x, %w : tensor<1x8x4xf32>, tensor<4x?xf32>
  return
}

// -----

func.func @no_heads(%x: tensor<1x8x4xf32>, %w: tensor<4x0xf32>) {
  // expected-error @+1 {{S2: the number of score heads must be at least 1, got W[1] = 0}}
  %0 = sparsek.score %x, %w : tensor<1x8x4xf32>, tensor<4x0xf32>
  return
}

// -----

func.func @infinite_slope(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>) {
  // expected-error @+1 {{C1: slope must be finite, got}}
  %0 = sparsek.score %x, %w slope(0x7FF0000000000000) : tensor<1x8x4xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @slope_type(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>) {
  // expected-error @+1 {{attribute 'slope' failed to satisfy constraint: 64-bit float attribute}}
  %0 = "sparsek.score"(%x, %w) <{slope = 1.0 : f32, operandSegmentSizes = array<i32: 1, 1, 0, 0>}> : (tensor<1x8x4xf32>, tensor<4x2xf32>) -> tensor<1x2x8xf32>
  return
}

// -----

func.func @unknown_norm(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>) {
  // expected-error @+2 {{expected ::sparsek::Norm to be one of: none, timestep}}
  // expected-error @+1 {{failed to parse}}
  %0 = sparsek.score %x, %w norm<layer> : tensor<1x8x4xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @carry_without_norm(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>) {
  // expected-error @+1 {{C1: only norm<timestep> has statistics to take or to carry}}
  %0:2 = sparsek.score %x, %w carry : tensor<1x8x4xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @statistics_without_norm(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>, %s: tensor<1x2x3xf64>) {
  // expected-error @+1 {{C1: only norm<timestep> has statistics to take or to carry}}
  %0 = sparsek.score %x, %w statistics(%s) : tensor<1x8x4xf32>, tensor<4x2xf32>, tensor<1x2x3xf64>
  return
}

// -----

func.func @statistics_batch(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>, %s: tensor<2x2x3xf64>) {
  // expected-error @+1 {{S1: batch sizes must agree, got x[0] = 1 and statistics[0] = 2}}
  %0 = sparsek.score %x, %w norm<timestep> statistics(%s) : tensor<1x8x4xf32>, tensor<4x2xf32>, tensor<2x2x3xf64>
  return
}

// -----

func.func @statistics_heads(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>, %s: tensor<1x1x3xf64>) {
  // expected-error @+1 {{S1: numbers of score heads must agree, got W[1] = 2 and statistics[1] = 1}}
  %0 = sparsek.score %x, %w norm<timestep> statistics(%s) : tensor<1x8x4xf32>, tensor<4x2xf32>, tensor<1x1x3xf64>
  return
}

// -----

func.func @statistics_count(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>, %s: tensor<1x2x2xf64>) {
  // expected-error @+1 {{C1: statistics must be [B,Hs,3] (count, mean, sum of squared deviations), got 'tensor<1x2x2xf64>'}}
  %0 = sparsek.score %x, %w norm<timestep> statistics(%s) : tensor<1x8x4xf32>, tensor<4x2xf32>, tensor<1x2x2xf64>
  return
}

// -----

func.func @statistics_type(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>, %s: tensor<1x2x3xf32>) {
  // expected-error @+1 {{operand #2 must be 3D tensor of 64-bit float values, but got 'tensor<1x2x3xf32>'}}
  %0 = sparsek.score %x, %w norm<timestep> statistics(%s) : tensor<1x8x4xf32>, tensor<4x2xf32>, tensor<1x2x3xf32>
  return
}

// -----

func.func @offset_type(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>, %c: index) {
  // expected-error @+1 {{operand #2 must be 64-bit signless integer, but got 'index'}}
  %0 = sparsek.score %x, %w offset(%c) : tensor<1x8x4xf32>, tensor<4x2xf32>, index
  return
}

// -----

func.func @result_type(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<1x2x8xf32>' are incompatible with return type(s) of operation 'tensor<1x2x9xf32>'}}
  %0 = "sparsek.score"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0>}> : (tensor<1x8x4xf32>, tensor<4x2xf32>) -> tensor<1x2x9xf32>
  return
}

// -----

func.func @missing_result(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{are incompatible with return type(s) of operation}}
  %0 = "sparsek.score"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0>, carry, norm = #sparsek.norm<timestep>}> : (tensor<1x8x4xf32>, tensor<4x2xf32>) -> tensor<1x2x8xf32>
  return
}
