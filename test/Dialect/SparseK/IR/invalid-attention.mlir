// RUN: sparsek-opt %s --split-input-file --verify-diagnostics

// The checks that all attention ops share are tested on one of them each.

func.func @rank(%q: tensor<8x16x64xf32>, %k: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{S1: query and value must be tensors of rank 4, got 'tensor<8x16x64xf32>' and 'tensor<1x2x16x64xf32>'}}
  %0:2 = sparsek.causal_attention %q, %k, %k : tensor<8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @key_rank(%q: tensor<1x8x16x64xf32>, %k: tensor<2x16x64xf32>, %v: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{operand #1 must be 4D tensor of 32-bit float or 16-bit float or bfloat16 type values, but got 'tensor<2x16x64xf32>'}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x64xf32>, tensor<2x16x64xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @unranked(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>, %v: tensor<*xf32>) {
  // expected-error @+1 {{S1: query and value must be tensors of rank 4}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<*xf32>
  return
}

// -----

func.func @element_type(%q: tensor<1x8x16x64xf64>, %k: tensor<1x2x16x64xf64>) {
  // expected-error @+1 {{operand #0 must be 4D tensor of 32-bit float or 16-bit float or bfloat16 type values}}
  %0:2 = sparsek.causal_attention %q, %k, %k : tensor<1x8x16x64xf64>, tensor<1x2x16x64xf64>, tensor<1x2x16x64xf64>
  return
}

// -----

func.func @key_element_type(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf16>, %v: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{S3: q, k and v must have one element type, got 'f32' for q and 'f16' for k}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf16>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @value_element_type(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>, %v: tensor<1x2x16x64xbf16>) {
  // expected-error @+1 {{S3: q, k and v must have one element type, got 'f32' for q and 'bf16' for v}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xbf16>
  return
}

// -----

func.func @batch(%q: tensor<1x8x16x64xf32>, %k: tensor<?x2x16x64xf32>, %v: tensor<2x2x16x64xf32>) {
  // expected-error @+1 {{S1: batch sizes must agree, got q[0] = 1 and v[0] = 2}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x64xf32>, tensor<?x2x16x64xf32>, tensor<2x2x16x64xf32>
  return
}

// -----

func.func @length(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>, %v: tensor<1x2x17x64xf32>) {
  // expected-error @+1 {{S1: numbers of keys must agree, got k[2] = 16 and v[2] = 17}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x17x64xf32>
  return
}

// -----

func.func @head_size(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x32xf32>, %v: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{S1: head sizes must agree, got q[3] = 64 and k[3] = 32}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x64xf32>, tensor<1x2x16x32xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @kv_heads(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>, %v: tensor<1x4x16x64xf32>) {
  // expected-error @+1 {{S1: numbers of KV heads must agree, got k[1] = 2 and v[1] = 4}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x4x16x64xf32>
  return
}

// -----

func.func @dynamic_head_size(%q: tensor<1x8x16x?xf32>, %k: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{S2: the head size D must be static, got a dynamic q[3]}}
  %0:2 = sparsek.causal_attention %q, %k, %k : tensor<1x8x16x?xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @dynamic_key_head_size(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x?xf32>, %v: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{S2: the head size D must be static, got a dynamic k[3]}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x64xf32>, tensor<1x2x16x?xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @no_head_size(%q: tensor<1x8x16x0xf32>, %k: tensor<1x2x16x0xf32>, %v: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{S2: the head size D must be at least 1, got q[3] = 0}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x0xf32>, tensor<1x2x16x0xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @dynamic_value_size(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>, %v: tensor<1x2x16x?xf32>) {
  // expected-error @+1 {{S2: the value size Dv must be static, got a dynamic v[3]}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x?xf32>
  return
}

// -----

func.func @dynamic_query_heads(%q: tensor<1x?x16x64xf32>, %k: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{S2: the number of query heads must be static, got a dynamic q[1]}}
  %0:2 = sparsek.causal_attention %q, %k, %k : tensor<1x?x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @dynamic_kv_heads(%q: tensor<1x8x16x64xf32>, %k: tensor<1x?x16x64xf32>, %v: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{S2: the number of KV heads must be static, got a dynamic k[1]}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x64xf32>, tensor<1x?x16x64xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @dynamic_value_heads(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>, %v: tensor<1x?x16x64xf32>) {
  // expected-error @+1 {{S2: the number of KV heads must be static, got a dynamic v[1]}}
  %0:2 = sparsek.causal_attention %q, %k, %v : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x?x16x64xf32>
  return
}

// -----

func.func @no_kv_heads(%q: tensor<1x8x16x64xf32>, %k: tensor<1x0x16x64xf32>) {
  // expected-error @+1 {{S2: the number of KV heads must be at least 1, got k[1] = 0}}
  %0:2 = sparsek.causal_attention %q, %k, %k : tensor<1x8x16x64xf32>, tensor<1x0x16x64xf32>, tensor<1x0x16x64xf32>
  return
}

// -----

func.func @group(%q: tensor<1x8x16x64xf32>, %k: tensor<1x3x16x64xf32>) {
  // expected-error @+1 {{S2: the number of KV heads must divide the number of query heads, got Hq = 8 and Hkv = 3}}
  %0:2 = sparsek.causal_attention %q, %k, %k : tensor<1x8x16x64xf32>, tensor<1x3x16x64xf32>, tensor<1x3x16x64xf32>
  return
}

// -----

func.func @more_queries_than_keys(%q: tensor<1x8x17x64xf32>, %k: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{S1: q holds the last M <= N positions, got M = 17 and N = 16}}
  %0:2 = sparsek.causal_attention %q, %k, %k : tensor<1x8x17x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @packed_queries(%q: tensor<1x8x15x64xf32>, %k: tensor<1x2x16x64xf32>, %cu: tensor<3xi32>) {
  // expected-error @+1 {{S4: packed documents need M = N, got M = 15 and N = 16}}
  %0:2 = sparsek.causal_attention %q, %k, %k cu_seqlens(%cu) : tensor<1x8x15x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>, tensor<3xi32>
  return
}

// -----

func.func @packed_batch(%q: tensor<2x8x16x64xf32>, %k: tensor<2x2x16x64xf32>, %cu: tensor<3xi32>) {
  // expected-error @+1 {{S4: cu_seqlens packs documents into a batch of 1, got q[0] = 2}}
  %0:2 = sparsek.causal_attention %q, %k, %k cu_seqlens(%cu) : tensor<2x8x16x64xf32>, tensor<2x2x16x64xf32>, tensor<2x2x16x64xf32>, tensor<3xi32>
  return
}

// -----

func.func @packed_key_batch(%q: tensor<?x8x16x64xf32>, %k: tensor<2x2x16x64xf32>, %cu: tensor<3xi32>) {
  // expected-error @+1 {{S4: cu_seqlens packs documents into a batch of 1, got k[0] = 2}}
  %0:2 = sparsek.causal_attention %q, %k, %k cu_seqlens(%cu) : tensor<?x8x16x64xf32>, tensor<2x2x16x64xf32>, tensor<2x2x16x64xf32>, tensor<3xi32>
  return
}

// -----

func.func @packed_length(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>, %cu: tensor<1xi32>) {
  // expected-error @+1 {{S4: cu_seqlens must have S+1 >= 2 elements, got 1}}
  %0:2 = sparsek.causal_attention %q, %k, %k cu_seqlens(%cu) : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1xi32>
  return
}

// -----

func.func @dynamic_sink(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>, %sink: tensor<?xf32>) {
  // expected-error @+1 {{S2: the size of sink must be static, got a dynamic sink[0]}}
  %0:2 = sparsek.causal_attention %q, %k, %k sink(%sink) : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>, tensor<?xf32>
  return
}

// -----

func.func @sink_size(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>, %sink: tensor<2xf32>) {
  // expected-error @+1 {{S2: sink must have one logit per query head, got 2 for Hq = 8}}
  %0:2 = sparsek.causal_attention %q, %k, %k sink(%sink) : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>, tensor<2xf32>
  return
}

// -----

func.func @zero_scale(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{C6: scale must be finite and above 0 in f32, got 0}}
  %0:2 = sparsek.causal_attention %q, %k, %k scale(0.0) : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @negative_scale(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{C6: scale must be finite and above 0 in f32, got -1}}
  %0:2 = sparsek.causal_attention %q, %k, %k scale(-1.0) : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @scale_overflows_f32(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{C6: scale must be finite and above 0 in f32, got 1}}
  %0:2 = sparsek.causal_attention %q, %k, %k scale(1.0e300) : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @nan_scale(%q: tensor<1x8x16x64xf32>, %k: tensor<1x2x16x64xf32>) {
  // expected-error @+1 {{C6: scale must be finite and above 0 in f32, got}}
  %0:2 = sparsek.causal_attention %q, %k, %k scale(0x7FF8000000000000) : tensor<1x8x16x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x64xf32>
  return
}

// -----

func.func @score_heads(%q: tensor<1x8x16x64xf32>, %k: tensor<1x4x16x64xf32>, %u: tensor<1x2x16xf32>) {
  // expected-error @+1 {{S2: the number of score heads must be 1 or Hkv = 4, got scores[1] = 2}}
  %0:2 = sparsek.attention %q, %k, %k, %u topk(1) window(1) : tensor<1x8x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x2x16xf32>
  return
}

// -----

func.func @dynamic_score_heads(%q: tensor<1x8x16x64xf32>, %k: tensor<1x4x16x64xf32>, %u: tensor<1x?x16xf32>) {
  // expected-error @+1 {{S2: the number of score heads must be static, got a dynamic scores[1]}}
  %0:2 = sparsek.attention %q, %k, %k, %u topk(1) window(1) : tensor<1x8x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x?x16xf32>
  return
}

// -----

func.func @score_length(%q: tensor<1x8x16x64xf32>, %k: tensor<1x4x16x64xf32>, %u: tensor<1x4x17xf32>) {
  // expected-error @+1 {{S1: numbers of keys must agree, got v[2] = 16 and scores[2] = 17}}
  %0:2 = sparsek.attention %q, %k, %k, %u topk(1) window(1) : tensor<1x8x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x17xf32>
  return
}

// -----

func.func @score_type(%q: tensor<1x8x16x64xbf16>, %k: tensor<1x4x16x64xbf16>, %u: tensor<1x4x16xbf16>) {
  // expected-error @+1 {{operand #3 must be 3D tensor of 32-bit float values, but got 'tensor<1x4x16xbf16>'}}
  %0:2 = sparsek.attention %q, %k, %k, %u topk(1) window(1) : tensor<1x8x16x64xbf16>, tensor<1x4x16x64xbf16>, tensor<1x4x16x64xbf16>, tensor<1x4x16xbf16>
  return
}

// -----

func.func @topk(%q: tensor<1x8x16x64xf32>, %k: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>) {
  // expected-error @+1 {{C3: topk must be at least 1, got 0}}
  %0:2 = sparsek.attention %q, %k, %k, %u topk(0) window(1) : tensor<1x8x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>
  return
}

// -----

func.func @window(%q: tensor<1x8x16x64xf32>, %k: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>) {
  // expected-error @+1 {{C2: window must be at least 0, got -5}}
  %0:2 = sparsek.attention %q, %k, %k, %u topk(1) window(-5) : tensor<1x8x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>
  return
}

// -----

func.func @unknown_gate(%q: tensor<1x8x16x64xf32>, %k: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>) {
  // expected-error @+2 {{expected ::sparsek::Gate to be one of: key_value, value, none, straight_through}}
  // expected-error @+1 {{failed to parse}}
  %0:2 = sparsek.attention %q, %k, %k, %u topk(1) window(1) gate<soft> : tensor<1x8x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>
  return
}

// -----

func.func @gathered_topk(%q: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>, %e: tensor<1x4x16xi32>) {
  // expected-error @+1 {{C3: topk must be at least 1, got -1}}
  %0:2 = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(-1) window(1)
      : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xi32>
  return
}

// -----

func.func @threshold_heads(%q: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>, %tau: tensor<1x1x16xf32>, %e: tensor<1x4x16xi32>) {
  // expected-error @+1 {{S2: scores, threshold and expiry must have the same number of heads, got threshold[1] = 1}}
  %0:2 = sparsek.gathered_attention %q, %q, %q, %u, %tau, %e topk(1) window(1)
      : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>, tensor<1x1x16xf32>, tensor<1x4x16xi32>
  return
}

// -----

func.func @expiry_heads(%q: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>, %e: tensor<1x1x16xi32>) {
  // expected-error @+1 {{S2: scores, threshold and expiry must have the same number of heads, got expiry[1] = 1}}
  %0:2 = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(1) window(1)
      : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x1x16xi32>
  return
}

// -----

func.func @expiry_type(%q: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>) {
  // expected-error @+1 {{operand #5 must be 3D tensor of 32-bit signless integer values, but got 'tensor<1x4x16xf32>'}}
  %0:2 = sparsek.gathered_attention %q, %q, %q, %u, %u, %u topk(1) window(1)
      : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>
  return
}

// -----

func.func @expiry_batch(%q: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>, %e: tensor<2x4x16xi32>) {
  // expected-error @+1 {{S1: batch sizes must agree, got threshold[0] = 1 and expiry[0] = 2}}
  %0:2 = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(1) window(1)
      : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<2x4x16xi32>
  return
}

// -----

func.func @output_type(%q: tensor<1x4x16x64xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{are incompatible with return type(s) of operation}}
  %0:2 = "sparsek.causal_attention"(%q, %q, %q) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}>
      : (tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>) -> (tensor<1x4x16x64xf16>, tensor<1x4x16xf32>)
  return
}

// -----

func.func @segments(%q: tensor<1x4x16x64xf32>) {
  // expected-error @+1 {{operand count (3) does not match with the total size (4) specified in attribute 'operandSegmentSizes'}}
  %0:2 = "sparsek.causal_attention"(%q, %q, %q) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 0>}>
      : (tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>) -> (tensor<1x4x16x64xf32>, tensor<1x4x16xf32>)
  return
}

// -----

func.func @truncated(%q: tensor<1x4x16x64xf32>) {
  // expected-error @+1 {{expected SSA operand}}
  %0:2 = sparsek.causal_attention %q, %q,
