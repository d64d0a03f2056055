// RUN: sparsek-opt %s --sparsek-gather-causal-attention | FileCheck %s

// CHECK-LABEL: func.func @known(
// CHECK-SAME:    %[[Q:.*]]: tensor<2x8x64x64xbf16>, %[[K:.*]]: tensor<2x2x128x64xbf16>, %[[S:.*]]: tensor<8xf32>)
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK:         %[[U:.*]] = linalg.fill ins(%[[ZERO]] : f32) outs(%{{.*}} : tensor<2x1x128xf32>)
// CHECK:         %[[E:.*]] = linalg.fill ins(%{{.*}} : i32) outs(%{{.*}} : tensor<2x1x128xi32>)
// CHECK:         sparsek.gathered_attention %[[Q]], %[[K]], %[[K]], %[[U]], %[[U]], %[[E]] topk(1) window(128) gate<none> scale(5.000000e-01) sink(%[[S]])
func.func @known(%q: tensor<2x8x64x64xbf16>, %k: tensor<2x2x128x64xbf16>, %s: tensor<8xf32>) -> tensor<2x8x64x64xbf16> {
  %o, %l = sparsek.causal_attention %q, %k, %k scale(0.5) sink(%s) : tensor<2x8x64x64xbf16>, tensor<2x2x128x64xbf16>, tensor<2x2x128x64xbf16>, tensor<8xf32>
  return %o : tensor<2x8x64x64xbf16>
}

// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME:    %[[Q:.*]]: tensor<?x8x?x64xf16>, %[[K:.*]]: tensor<?x2x?x64xf16>)
// CHECK-DAG:     %[[B:.*]] = tensor.dim %[[K]], %c0
// CHECK-DAG:     %[[N:.*]] = tensor.dim %[[K]], %c2
// CHECK:         tensor.empty(%[[B]], %[[N]]) : tensor<?x1x?xf32>
// CHECK:         sparsek.gathered_attention {{.*}} topk(1) window(2147483647) gate<none>
func.func @dynamic(%q: tensor<?x8x?x64xf16>, %k: tensor<?x2x?x64xf16>) -> tensor<?x8x?x64xf16> {
  %o, %l = sparsek.causal_attention %q, %k, %k : tensor<?x8x?x64xf16>, tensor<?x2x?x64xf16>, tensor<?x2x?x64xf16>
  return %o : tensor<?x8x?x64xf16>
}

// CHECK-LABEL: func.func @f32(
// CHECK:         sparsek.causal_attention
func.func @f32(%q: tensor<1x8x4x64xf32>) -> tensor<1x8x4x64xf32> {
  %o, %l = sparsek.causal_attention %q, %q, %q : tensor<1x8x4x64xf32>, tensor<1x8x4x64xf32>, tensor<1x8x4x64xf32>
  return %o : tensor<1x8x4x64xf32>
}
