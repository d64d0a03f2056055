// RUN: sparsek-opt %s --canonicalize --split-input-file | FileCheck %s

// C6: a window that covers all keys leaves no pool.
// CHECK-LABEL: func @full_window
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<1x4x8x64xf32>, %[[K:[a-z0-9]+]]: tensor<1x2x16x64xf32>, %[[V:[a-z0-9]+]]: tensor<1x2x16x32xf32>
// CHECK-NEXT:    %[[O:.*]], %[[L:.*]] = sparsek.causal_attention %[[Q]], %[[K]], %[[V]] :
// CHECK-NEXT:    return %[[O]], %[[L]]
func.func @full_window(%q: tensor<1x4x8x64xf32>, %k: tensor<1x2x16x64xf32>, %v: tensor<1x2x16x32xf32>, %u: tensor<1x2x16xf32>)
    -> (tensor<1x4x8x32xf32>, tensor<1x4x8xf32>) {
  %o, %l = sparsek.attention %q, %k, %v, %u topk(1) window(16)
      : tensor<1x4x8x64xf32>, tensor<1x2x16x64xf32>, tensor<1x2x16x32xf32>, tensor<1x2x16xf32>
  return %o, %l : tensor<1x4x8x32xf32>, tensor<1x4x8xf32>
}

// -----

// Scale, sink and packing survive; the selection, now dead, goes.
// CHECK-LABEL: func @full_window_gathered
// CHECK-SAME:    %[[SINK:[a-z0-9]+]]: tensor<4xf32>, %[[CU:[a-z0-9]+]]: tensor<3xi32>
// CHECK-NOT:     topk_mask
// CHECK:         sparsek.causal_attention {{.*}} scale(5.000000e-01) sink(%[[SINK]]) cu_seqlens(%[[CU]]) :
// CHECK-NOT:     gathered_attention
func.func @full_window_gathered(%q: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>, %sink: tensor<4xf32>, %cu: tensor<3xi32>)
    -> tensor<1x4x16x64xf32> {
  %tau, %e = sparsek.topk_mask %u topk(3) window(1000) cu_seqlens(%cu) : tensor<1x4x16xf32>, tensor<3xi32>
  %o, %l = sparsek.gathered_attention %q, %q, %q, %u, %tau, %e topk(3) window(1000) scale(0.5) sink(%sink) cu_seqlens(%cu)
      : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>,
        tensor<1x4x16xi32>, tensor<4xf32>, tensor<3xi32>
  return %o : tensor<1x4x16x64xf32>
}

// -----

// One key less than all: there is a pool.
// CHECK-LABEL: func @window_leaves_pool
// CHECK:         sparsek.attention
func.func @window_leaves_pool(%q: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>) -> tensor<1x4x16x64xf32> {
  %o, %l = sparsek.attention %q, %q, %q, %u topk(1) window(15)
      : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>
  return %o : tensor<1x4x16x64xf32>
}

// -----

// C8: a key scored -inf is never selected, so topk >= N is not dense.
// CHECK-LABEL: func @large_topk
// CHECK:         sparsek.attention
func.func @large_topk(%q: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>) -> tensor<1x4x16x64xf32> {
  %o, %l = sparsek.attention %q, %q, %q, %u topk(1000) window(0)
      : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>
  return %o : tensor<1x4x16x64xf32>
}

// -----

// Nothing is known about N.
// CHECK-LABEL: func @dynamic_length
// CHECK:         sparsek.attention
func.func @dynamic_length(%q: tensor<1x4x?x64xf32>, %u: tensor<1x4x?xf32>) -> tensor<1x4x?x64xf32> {
  %o, %l = sparsek.attention %q, %q, %q, %u topk(1) window(9223372036854775807)
      : tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?xf32>
  return %o : tensor<1x4x?x64xf32>
}

// -----

// CHECK-LABEL: func @empty
// CHECK:         sparsek.causal_attention
func.func @empty(%q: tensor<1x4x0x64xf32>, %u: tensor<1x4x0xf32>) -> tensor<1x4x0x64xf32> {
  %o, %l = sparsek.attention %q, %q, %q, %u topk(1) window(0)
      : tensor<1x4x0x64xf32>, tensor<1x4x0x64xf32>, tensor<1x4x0x64xf32>, tensor<1x4x0xf32>
  return %o : tensor<1x4x0x64xf32>
}

// -----

// CHECK-LABEL: func @unused_interior
// CHECK-SAME:    %[[U:.*]]: tensor<1x4x16xf32>, %[[CU:.*]]: tensor<3xi32>
// CHECK-NEXT:    %[[T:.*]], %[[E:.*]] = sparsek.topk_mask %[[U]] topk(2) window(3) cu_seqlens(%[[CU]]) :
// CHECK-NEXT:    return %[[T]], %[[E]]
func.func @unused_interior(%u: tensor<1x4x16xf32>, %cu: tensor<3xi32>) -> (tensor<1x4x16xf32>, tensor<1x4x16xi32>) {
  %t, %e, %n = sparsek.topk_mask %u topk(2) window(3) interior cu_seqlens(%cu) : tensor<1x4x16xf32>, tensor<3xi32>
  return %t, %e : tensor<1x4x16xf32>, tensor<1x4x16xi32>
}

// -----

// CHECK-LABEL: func @used_interior
// CHECK:         sparsek.topk_mask {{.*}} interior
func.func @used_interior(%u: tensor<1x4x16xf32>) -> tensor<1x4x16xi32> {
  %t, %e, %n = sparsek.topk_mask %u topk(2) window(3) interior : tensor<1x4x16xf32>
  return %n : tensor<1x4x16xi32>
}

// -----

// CHECK-LABEL: func @unused_statistics
// CHECK-SAME:    %[[X:.*]]: tensor<1x8x4xf32>, %[[W:.*]]: tensor<4x2xf32>, %[[C:.*]]: i64, %[[S:.*]]: tensor<1x2x3xf64>
// CHECK-NEXT:    %[[U:.*]] = sparsek.score %[[X]], %[[W]] slope(1.000000e+00) norm<timestep> offset(%[[C]]) statistics(%[[S]]) :
// CHECK-NEXT:    return %[[U]]
func.func @unused_statistics(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>, %c: i64, %s: tensor<1x2x3xf64>) -> tensor<1x2x8xf32> {
  %u, %n = sparsek.score %x, %w slope(1.0) norm<timestep> offset(%c) statistics(%s) carry
      : tensor<1x8x4xf32>, tensor<4x2xf32>, i64, tensor<1x2x3xf64>
  return %u : tensor<1x2x8xf32>
}

// -----

// CHECK-LABEL: func @used_statistics
// CHECK:         sparsek.score {{.*}} carry
func.func @used_statistics(%x: tensor<1x8x4xf32>, %w: tensor<4x2xf32>) -> tensor<1x2x3xf64> {
  %u, %n = sparsek.score %x, %w norm<timestep> carry : tensor<1x8x4xf32>, tensor<4x2xf32>
  return %n : tensor<1x2x3xf64>
}

// -----

// No op has an effect: unused ones go.
// CHECK-LABEL: func @dead
// CHECK-NEXT:    return
func.func @dead(%x: tensor<1x16x4xf32>, %w: tensor<4x4xf32>, %q: tensor<1x4x16x64xf32>) {
  %u = sparsek.score %x, %w : tensor<1x16x4xf32>, tensor<4x4xf32>
  %t, %e = sparsek.topk_mask %u topk(2) window(3) : tensor<1x4x16xf32>
  %0:2 = sparsek.gathered_attention %q, %q, %q, %u, %t, %e topk(2) window(3)
      : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xi32>
  %1:2 = sparsek.attention %q, %q, %q, %u topk(2) window(3)
      : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>
  %2:2 = sparsek.causal_attention %q, %q, %q : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>
  return
}
