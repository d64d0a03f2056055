// RUN: sparsek-opt %s --split-input-file --verify-diagnostics

func.func @topk(%u: tensor<1x2x8xf32>) {
  // expected-error @+1 {{C3: topk must be at least 1, got 0}}
  %0:2 = sparsek.topk_mask %u topk(0) window(1) : tensor<1x2x8xf32>
  return
}

// -----

func.func @negative_topk(%u: tensor<1x2x8xf32>) {
  // expected-error @+1 {{C3: topk must be at least 1, got -9223372036854775808}}
  %0:2 = sparsek.topk_mask %u topk(-9223372036854775808) window(1) : tensor<1x2x8xf32>
  return
}

// -----

func.func @topk_type(%u: tensor<1x2x8xf32>) {
  // expected-error @+1 {{attribute 'topk' failed to satisfy constraint: 64-bit signless integer attribute}}
  %0:2 = "sparsek.topk_mask"(%u) <{topk = 1 : i32, window = 1 : i64}> : (tensor<1x2x8xf32>) -> (tensor<1x2x8xf32>, tensor<1x2x8xi32>)
  return
}

// -----

func.func @missing_window(%u: tensor<1x2x8xf32>) {
  // expected-error @+1 {{requires attribute 'window'}}
  %0:2 = "sparsek.topk_mask"(%u) <{topk = 1 : i64}> : (tensor<1x2x8xf32>) -> (tensor<1x2x8xf32>, tensor<1x2x8xi32>)
  return
}

// -----

func.func @window(%u: tensor<1x2x8xf32>) {
  // expected-error @+1 {{C2: window must be at least 0, got -1}}
  %0:2 = sparsek.topk_mask %u topk(1) window(-1) : tensor<1x2x8xf32>
  return
}

// -----

func.func @dynamic_heads(%u: tensor<1x?x8xf32>) {
  // expected-error @+1 {{S2: the number of score heads must be static, got a dynamic scores[1]}}
  %0:2 = sparsek.topk_mask %u topk(1) window(1) : tensor<1x?x8xf32>
  return
}

// -----

func.func @no_heads(%u: tensor<1x0x8xf32>) {
  // expected-error @+1 {{S2: the number of score heads must be at least 1, got scores[1] = 0}}
  %0:2 = sparsek.topk_mask %u topk(1) window(1) : tensor<1x0x8xf32>
  return
}

// -----

func.func @unranked(%u: tensor<*xf32>) {
  // expected-error @+1 {{S1: scores must be a ranked tensor, got 'tensor<*xf32>'}}
  %0:2 = sparsek.topk_mask %u topk(1) window(1) : tensor<*xf32>
  return
}

// -----

func.func @memref(%u: memref<1x2x8xf32>) {
  // expected-error @+1 {{S1: scores must be a ranked tensor, got 'memref<1x2x8xf32>'}}
  %0:2 = sparsek.topk_mask %u topk(1) window(1) : memref<1x2x8xf32>
  return
}

// -----

func.func @rank(%u: tensor<2x8xf32>) {
  // expected-error @+1 {{operand #0 must be 3D tensor of 32-bit float values, but got 'tensor<2x8xf32>'}}
  %0:2 = sparsek.topk_mask %u topk(1) window(1) : tensor<2x8xf32>
  return
}

// -----

func.func @element_type(%u: tensor<1x2x8xbf16>) {
  // expected-error @+1 {{operand #0 must be 3D tensor of 32-bit float values, but got 'tensor<1x2x8xbf16>'}}
  %0:2 = sparsek.topk_mask %u topk(1) window(1) : tensor<1x2x8xbf16>
  return
}

// -----

func.func @packed_batch(%u: tensor<2x2x8xf32>, %cu: tensor<3xi32>) {
  // expected-error @+1 {{S4: cu_seqlens packs documents into a batch of 1, got scores[0] = 2}}
  %0:2 = sparsek.topk_mask %u topk(1) window(1) cu_seqlens(%cu) : tensor<2x2x8xf32>, tensor<3xi32>
  return
}

// -----

func.func @packed_length(%u: tensor<1x2x8xf32>, %cu: tensor<1xi32>) {
  // expected-error @+1 {{S4: cu_seqlens must have S+1 >= 2 elements, got 1}}
  %0:2 = sparsek.topk_mask %u topk(1) window(1) cu_seqlens(%cu) : tensor<1x2x8xf32>, tensor<1xi32>
  return
}

// -----

func.func @packed_type(%u: tensor<1x2x8xf32>, %cu: tensor<3xi64>) {
  // expected-error @+1 {{operand #1 must be 1D tensor of 32-bit signless integer values, but got 'tensor<3xi64>'}}
  %0:2 = sparsek.topk_mask %u topk(1) window(1) cu_seqlens(%cu) : tensor<1x2x8xf32>, tensor<3xi64>
  return
}

// -----

func.func @operand_count(%u: tensor<1x2x8xf32>) {
  // expected-error @+1 {{number of operands and types do not match: got 1 operands and 2 types}}
  %0:2 = sparsek.topk_mask %u topk(1) window(1) : tensor<1x2x8xf32>, tensor<3xi32>
  return
}

// -----

func.func @missing_third_result(%u: tensor<1x2x8xf32>) {
  // expected-error @+1 {{operation defines 2 results but was provided 3 to bind}}
  %0:3 = sparsek.topk_mask %u topk(1) window(1) : tensor<1x2x8xf32>
  return
}
