// RUN: sparsek-opt %s | FileCheck %s
// RUN: sparsek-opt %s | sparsek-opt | FileCheck %s
// RUN: sparsek-opt --mlir-print-op-generic %s | sparsek-opt | FileCheck %s
// RUN: sparsek-opt --emit-bytecode %s | sparsek-opt | FileCheck %s

// CHECK-LABEL: func @score
func.func @score(%x: tensor<1x4096x512xf32>, %w: tensor<512x2xf32>) -> tensor<1x2x4096xf32> {
  // CHECK: sparsek.score %{{.*}}, %{{.*}} : tensor<1x4096x512xf32>, tensor<512x2xf32>
  %0 = sparsek.score %x, %w : tensor<1x4096x512xf32>, tensor<512x2xf32>
  return %0 : tensor<1x2x4096xf32>
}

// CHECK-LABEL: func @score_slope
func.func @score_slope(%x: tensor<2x?x64xf16>, %w: tensor<64x1xf16>) -> tensor<2x1x?xf32> {
  // CHECK: sparsek.score %{{.*}}, %{{.*}} slope(0.001953125) norm<timestep> : tensor<2x?x64xf16>, tensor<64x1xf16>
  %0 = sparsek.score %x, %w slope(0.001953125) norm<timestep> : tensor<2x?x64xf16>, tensor<64x1xf16>
  return %0 : tensor<2x1x?xf32>
}

// CHECK-LABEL: func @score_chunk
func.func @score_chunk(%x: tensor<1x?x512xbf16>, %w: tensor<512x2xbf16>, %c: i64, %s0: tensor<1x2x3xf64>)
    -> (tensor<1x2x?xf32>, tensor<1x2x3xf64>) {
  // CHECK: %{{.*}}, %{{.*}} = sparsek.score %{{.*}}, %{{.*}} norm<timestep> offset(%{{.*}}) statistics(%{{.*}}) carry : tensor<1x?x512xbf16>, tensor<512x2xbf16>, i64, tensor<1x2x3xf64>
  %u, %s1 = sparsek.score %x, %w norm<timestep> offset(%c) statistics(%s0) carry
      : tensor<1x?x512xbf16>, tensor<512x2xbf16>, i64, tensor<1x2x3xf64>
  return %u, %s1 : tensor<1x2x?xf32>, tensor<1x2x3xf64>
}

// CHECK-LABEL: func @topk_mask
func.func @topk_mask(%u: tensor<1x2x4096xf32>) -> (tensor<1x2x4096xf32>, tensor<1x2x4096xi32>) {
  // CHECK: %{{.*}}, %{{.*}} = sparsek.topk_mask %{{.*}} topk(256) window(0) : tensor<1x2x4096xf32>
  %tau, %expiry = sparsek.topk_mask %u topk(256) window(0) : tensor<1x2x4096xf32>
  return %tau, %expiry : tensor<1x2x4096xf32>, tensor<1x2x4096xi32>
}

// CHECK-LABEL: func @topk_mask_packed
func.func @topk_mask_packed(%u: tensor<1x2x?xf32>, %cu: tensor<?xi32>)
    -> (tensor<1x2x?xf32>, tensor<1x2x?xi32>, tensor<1x2x?xi32>) {
  // CHECK: %{{.*}}, %{{.*}}, %{{.*}} = sparsek.topk_mask %{{.*}} topk(1) window(16) interior cu_seqlens(%{{.*}}) : tensor<1x2x?xf32>, tensor<?xi32>
  %tau, %expiry, %count = sparsek.topk_mask %u topk(1) window(16) interior cu_seqlens(%cu) : tensor<1x2x?xf32>, tensor<?xi32>
  return %tau, %expiry, %count : tensor<1x2x?xf32>, tensor<1x2x?xi32>, tensor<1x2x?xi32>
}

// CHECK-LABEL: func @gathered_attention
func.func @gathered_attention(%q: tensor<1x8x4096x64xf32>, %k: tensor<1x2x4096x64xf32>, %v: tensor<1x2x4096x32xf32>,
    %u: tensor<1x2x4096xf32>, %tau: tensor<1x2x4096xf32>, %expiry: tensor<1x2x4096xi32>)
    -> (tensor<1x8x4096x32xf32>, tensor<1x8x4096xf32>) {
  // CHECK: sparsek.gathered_attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} topk(256) window(256) : tensor<1x8x4096x64xf32>,
  %o, %lse = sparsek.gathered_attention %q, %k, %v, %u, %tau, %expiry topk(256) window(256)
      : tensor<1x8x4096x64xf32>, tensor<1x2x4096x64xf32>, tensor<1x2x4096x32xf32>,
        tensor<1x2x4096xf32>, tensor<1x2x4096xf32>, tensor<1x2x4096xi32>
  return %o, %lse : tensor<1x8x4096x32xf32>, tensor<1x8x4096xf32>
}

// CHECK-LABEL: func @gathered_attention_all
func.func @gathered_attention_all(%q: tensor<1x8x?x64xbf16>, %k: tensor<1x2x?x64xbf16>, %v: tensor<1x2x?x64xbf16>,
    %u: tensor<1x1x?xf32>, %tau: tensor<1x1x?xf32>, %expiry: tensor<1x1x?xi32>, %sink: tensor<8xf32>, %cu: tensor<5xi32>)
    -> (tensor<1x8x?x64xbf16>, tensor<1x8x?xf32>) {
  // CHECK: sparsek.gathered_attention {{.*}} topk(7) window(9) gate<straight_through> scale(5.000000e-01) sink(%{{.*}}) cu_seqlens(%{{.*}}) : tensor<1x8x?x64xbf16>, {{.*}}, tensor<8xf32>, tensor<5xi32>
  %o, %lse = sparsek.gathered_attention %q, %k, %v, %u, %tau, %expiry topk(7) window(9) gate<straight_through>
      scale(0.5) sink(%sink) cu_seqlens(%cu)
      : tensor<1x8x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?x64xbf16>,
        tensor<1x1x?xf32>, tensor<1x1x?xf32>, tensor<1x1x?xi32>, tensor<8xf32>, tensor<5xi32>
  return %o, %lse : tensor<1x8x?x64xbf16>, tensor<1x8x?xf32>
}

// Fewer queries than keys, Dv != D, multi-query attention.
// CHECK-LABEL: func @attention
func.func @attention(%q: tensor<2x6x16x64xf16>, %k: tensor<2x1x128x64xf16>, %v: tensor<2x1x128x80xf16>, %u: tensor<2x1x128xf32>)
    -> (tensor<2x6x16x80xf16>, tensor<2x6x16xf32>) {
  // CHECK: sparsek.attention {{.*}} topk(8) window(4) gate<value> : tensor<2x6x16x64xf16>, tensor<2x1x128x64xf16>, tensor<2x1x128x80xf16>, tensor<2x1x128xf32>
  %o, %lse = sparsek.attention %q, %k, %v, %u topk(8) window(4) gate<value>
      : tensor<2x6x16x64xf16>, tensor<2x1x128x64xf16>, tensor<2x1x128x80xf16>, tensor<2x1x128xf32>
  return %o, %lse : tensor<2x6x16x80xf16>, tensor<2x6x16xf32>
}

// CHECK-LABEL: func @attention_all
func.func @attention_all(%q: tensor<?x4x?x64xf32>, %k: tensor<?x4x?x64xf32>, %v: tensor<?x4x?x64xf32>, %u: tensor<?x4x?xf32>,
    %sink: tensor<4xf32>, %cu: tensor<?xi32>) -> tensor<?x4x?x64xf32> {
  // CHECK: sparsek.attention {{.*}} topk(8) window(4) gate<none> scale(1.250000e-01) sink(%{{.*}}) cu_seqlens(%{{.*}}) : {{.*}}, tensor<4xf32>, tensor<?xi32>
  %o, %lse = sparsek.attention %q, %k, %v, %u topk(8) window(4) gate<none> scale(0.125) sink(%sink) cu_seqlens(%cu)
      : tensor<?x4x?x64xf32>, tensor<?x4x?x64xf32>, tensor<?x4x?x64xf32>, tensor<?x4x?xf32>, tensor<4xf32>, tensor<?xi32>
  return %o : tensor<?x4x?x64xf32>
}

// CHECK-LABEL: func @causal_attention
func.func @causal_attention(%q: tensor<1x8x128x64xf32>, %k: tensor<1x2x128x64xf32>, %v: tensor<1x2x128x64xf32>,
    %sink: tensor<8xf32>, %cu: tensor<3xi32>) -> (tensor<1x8x128x64xf32>, tensor<1x8x128x64xf32>) {
  // CHECK: sparsek.causal_attention %{{.*}}, %{{.*}}, %{{.*}} : tensor<1x8x128x64xf32>, tensor<1x2x128x64xf32>, tensor<1x2x128x64xf32>
  %0, %lse0 = sparsek.causal_attention %q, %k, %v
      : tensor<1x8x128x64xf32>, tensor<1x2x128x64xf32>, tensor<1x2x128x64xf32>
  // CHECK: sparsek.causal_attention {{.*}} scale(2.500000e-01) sink(%{{.*}}) cu_seqlens(%{{.*}}) : {{.*}}, tensor<8xf32>, tensor<3xi32>
  %1, %lse1 = sparsek.causal_attention %q, %k, %v scale(0.25) sink(%sink) cu_seqlens(%cu)
      : tensor<1x8x128x64xf32>, tensor<1x2x128x64xf32>, tensor<1x2x128x64xf32>, tensor<8xf32>, tensor<3xi32>
  return %0, %1 : tensor<1x8x128x64xf32>, tensor<1x8x128x64xf32>
}

// Attributes that the assembly does not name stay; defaults are not printed.
// CHECK-LABEL: func @attributes
func.func @attributes(%u: tensor<1x2x8xf32>, %x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>) {
  // CHECK: sparsek.topk_mask %{{.*}} topk(1) window(1) {tag = "a"} : tensor<1x2x8xf32>
  %0:2 = sparsek.topk_mask %u topk(1) window(1) {tag = "a"} : tensor<1x2x8xf32>
  // CHECK: sparsek.score %{{.*}}, %{{.*}} : tensor<1x8x4xf32>, tensor<4x2xf32>
  %1 = sparsek.score %x, %w slope(0.0) norm<none> : tensor<1x8x4xf32>, tensor<4x2xf32>
  return
}
