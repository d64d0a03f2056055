// RUN: sparsek-opt %s --sparsek-decompose-attention | FileCheck %s

// CHECK-LABEL: func @plain
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<1x4x8x64xbf16>, %[[K:[a-z0-9]+]]: tensor<1x2x16x64xbf16>, %[[V:[a-z0-9]+]]: tensor<1x2x16x32xbf16>, %[[U:[a-z0-9]+]]: tensor<1x2x16xf32>
// CHECK-NEXT:    %[[T:.*]], %[[E:.*]] = sparsek.topk_mask %[[U]] topk(3) window(4) : tensor<1x2x16xf32>
// CHECK-NEXT:    %[[O:.*]], %[[L:.*]] = sparsek.gathered_attention %[[Q]], %[[K]], %[[V]], %[[U]], %[[T]], %[[E]] topk(3) window(4) :
// CHECK-NEXT:    return %[[O]], %[[L]]
func.func @plain(%q: tensor<1x4x8x64xbf16>, %k: tensor<1x2x16x64xbf16>, %v: tensor<1x2x16x32xbf16>, %u: tensor<1x2x16xf32>)
    -> (tensor<1x4x8x32xbf16>, tensor<1x4x8xf32>) {
  %o, %l = sparsek.attention %q, %k, %v, %u topk(3) window(4)
      : tensor<1x4x8x64xbf16>, tensor<1x2x16x64xbf16>, tensor<1x2x16x32xbf16>, tensor<1x2x16xf32>
  return %o, %l : tensor<1x4x8x32xbf16>, tensor<1x4x8xf32>
}

// CHECK-LABEL: func @all_options
// CHECK-SAME:    %[[SINK:[a-z0-9]+]]: tensor<4xf32>, %[[CU:[a-z0-9]+]]: tensor<?xi32>
// CHECK:         sparsek.topk_mask %{{.*}} topk(3) window(0) cu_seqlens(%[[CU]]) :
// CHECK:         sparsek.gathered_attention {{.*}} topk(3) window(0) gate<straight_through> scale(2.500000e-01) sink(%[[SINK]]) cu_seqlens(%[[CU]]) :
// CHECK-NOT:     sparsek.attention
func.func @all_options(%q: tensor<?x4x?x64xf32>, %u: tensor<?x1x?xf32>, %sink: tensor<4xf32>, %cu: tensor<?xi32>) -> tensor<?x4x?x64xf32> {
  %o, %l = sparsek.attention %q, %q, %q, %u topk(3) window(0) gate<straight_through> scale(0.25) sink(%sink) cu_seqlens(%cu)
      : tensor<?x4x?x64xf32>, tensor<?x4x?x64xf32>, tensor<?x4x?x64xf32>, tensor<?x1x?xf32>, tensor<4xf32>, tensor<?xi32>
  return %o : tensor<?x4x?x64xf32>
}

// The pass reaches nested regions and leaves the other ops alone.
// CHECK-LABEL: func @nested
// CHECK:         sparsek.causal_attention
// CHECK:         scf.if
// CHECK:           sparsek.topk_mask
// CHECK:           sparsek.gathered_attention
func.func @nested(%c: i1, %q: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>) -> tensor<1x4x16x64xf32> {
  %d:2 = sparsek.causal_attention %q, %q, %q : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>
  %r = scf.if %c -> tensor<1x4x16x64xf32> {
    %o, %l = sparsek.attention %q, %q, %q, %u topk(1) window(1)
        : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>
    scf.yield %o : tensor<1x4x16x64xf32>
  } else {
    scf.yield %d#0 : tensor<1x4x16x64xf32>
  }
  return %r : tensor<1x4x16x64xf32>
}
