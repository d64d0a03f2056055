// RUN: sparsek-opt %s --convert-sparsek-to-linalg --canonicalize --split-input-file | FileCheck %s

// One query position at a time; query heads as groups of their KV head.
// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d4)>
// CHECK-DAG: #[[$KEY:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3, d4)>
// CHECK-DAG: #[[$LOGIT:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3)>
// CHECK-LABEL: func.func @causal(
// CHECK-SAME: %[[Q:.*]]: tensor<1x8x4x32xbf16>, %[[K:.*]]: tensor<1x2x64x32xbf16>, %[[V:.*]]: tensor<1x2x64x16xbf16>)
// CHECK: %[[GROUPS:.*]] = tensor.expand_shape %[[Q]] {{\[\[}}0], [1, 2], [3], [4]] output_shape [1, 2, 4, 4, 32]
// CHECK: %[[LOOP:.*]]:2 = scf.for %[[M:.*]] = %c0 to %c4
// CHECK: %[[T:.*]] = arith.addi %[[M]], %c60
// CHECK: %[[VISIBLE:.*]] = linalg.generic
// CHECK-SAME: outs(%{{.*}} : tensor<64xi1>)
// CHECK: arith.cmpi sle, %{{.*}}, %[[T]]
// CHECK: %[[QROW:.*]] = tensor.extract_slice %[[GROUPS]][0, 0, 0, %[[M]], 0]
// CHECK: linalg.generic
// CHECK-SAME: indexing_maps = [#[[$ROW]], #[[$KEY]], #[[$LOGIT]]]
// CHECK-SAME: ins(%[[QROW]], %[[K]] :
// CHECK-COUNT-2: arith.extf %{{.*}} : bf16 to f32
// The default scale, 1/sqrt(32).
// CHECK: linalg.generic
// CHECK: arith.mulf %{{.*}}, %{{.*}} : f32
// CHECK: linalg.generic
// CHECK: arith.maximumf
// CHECK: linalg.generic
// CHECK: math.exp
// Values of invisible keys are selected away, not multiplied by 0.
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[V]], %[[VISIBLE]] :
// CHECK: %[[SUM:.*]] = arith.addf
// CHECK-NEXT: arith.select %{{.*}}, %[[SUM]], %{{.*}} : f32
// CHECK: arith.divf
// CHECK: arith.truncf %{{.*}} : f32 to bf16
// CHECK: math.log
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 0, %[[M]], 0]
// CHECK: %[[O:.*]] = tensor.collapse_shape %[[LOOP]]#0 {{\[\[}}0], [1, 2], [3], [4]]
// CHECK: %[[LSE:.*]] = tensor.collapse_shape %[[LOOP]]#1 {{\[\[}}0], [1, 2], [3]]
// CHECK: return %[[O]], %[[LSE]]
func.func @causal(%q: tensor<1x8x4x32xbf16>, %k: tensor<1x2x64x32xbf16>, %v: tensor<1x2x64x16xbf16>) -> (tensor<1x8x4x16xbf16>, tensor<1x8x4xf32>) {
  %o, %lse = sparsek.causal_attention %q, %k, %v : tensor<1x8x4x32xbf16>, tensor<1x2x64x32xbf16>, tensor<1x2x64x16xbf16>
  return %o, %lse : tensor<1x8x4x16xbf16>, tensor<1x8x4xf32>
}

// -----

// Window and selected keys, and the gate, for each score head; here one for
// both KV heads.
// CHECK-DAG: #[[$SHARED:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, 0, d3)>
// CHECK-LABEL: func.func @key_value(
// CHECK: %[[GATES:.*]]:2 = linalg.generic
// CHECK-SAME: outs(%{{.*}}, %{{.*}} : tensor<1x1x64xi1>, tensor<1x1x64xf32>)
// CHECK: arith.subf %{{.*}}, %{{.*}} : f32
// CHECK: linalg.generic
// CHECK: linalg.generic
// CHECK-SAME: #[[$SHARED]]
// CHECK-SAME: ins(%{{.*}}, %[[GATES]]#1 :
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}}, %[[GATES]]#0, %[[GATES]]#1 :
// CHECK-SAME: outs(%{{.*}} : tensor<1x2x4x32xf32>)
func.func @key_value(%q: tensor<1x8x64x32xf32>, %k: tensor<1x2x64x32xf32>, %u: tensor<1x1x64xf32>, %tau: tensor<1x1x64xf32>, %e: tensor<1x1x64xi32>) -> tensor<1x8x64x32xf32> {
  %o, %lse = sparsek.gathered_attention %q, %k, %k, %u, %tau, %e topk(8) window(8) : tensor<1x8x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x1x64xf32>, tensor<1x1x64xf32>, tensor<1x1x64xi32>
  return %o : tensor<1x8x64x32xf32>
}

// -----

// CHECK-LABEL: func.func @value(
// CHECK: %[[GATES:.*]]:2 = linalg.generic
// CHECK: scf.yield
// CHECK-NOT: sparsek.
func.func @value(%q: tensor<?x8x?x32xf32>, %k: tensor<?x2x?x32xf32>, %u: tensor<?x2x?xf32>, %tau: tensor<?x2x?xf32>, %e: tensor<?x2x?xi32>) -> tensor<?x8x?x32xf32> {
  %o, %lse = sparsek.gathered_attention %q, %k, %k, %u, %tau, %e topk(8) window(8) gate<value> : tensor<?x8x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?xf32>, tensor<?x2x?xf32>, tensor<?x2x?xi32>
  return %o : tensor<?x8x?x32xf32>
}

// -----

// Without a gate nothing but the flags is left of the selection.
// CHECK-LABEL: func.func @none(
// CHECK-SAME: %[[TAU:[a-z0-9]*]]: tensor<1x2x64xf32>, %{{[a-z0-9]*}}: tensor<1x2x64xi32>, %[[SINK:.*]]: tensor<8xf32>)
// CHECK: %[[SINKS:.*]] = tensor.expand_shape %[[SINK]] {{\[\[}}0, 1]] output_shape [2, 4]
// The sink joins the maximum and the denominator.
// CHECK: linalg.generic {{.*}} ins(%[[SINKS]] : tensor<2x4xf32>)
// CHECK: arith.maximumf
// CHECK: linalg.generic {{.*}} ins(%[[SINKS]], %{{.*}} : tensor<2x4xf32>, tensor<1x2x4xf32>)
// CHECK: math.exp
func.func @none(%q: tensor<1x8x64x32xf32>, %k: tensor<1x2x64x32xf32>, %u: tensor<1x2x64xf32>, %tau: tensor<1x2x64xf32>, %e: tensor<1x2x64xi32>, %sink: tensor<8xf32>) -> tensor<1x8x64x32xf32> {
  %o, %lse = sparsek.gathered_attention %q, %k, %k, %u, %tau, %e topk(8) window(8) gate<none> sink(%sink) : tensor<1x8x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64xf32>, tensor<1x2x64xf32>, tensor<1x2x64xi32>, tensor<8xf32>
  return %o : tensor<1x8x64x32xf32>
}

// -----

// Keys of other documents are invisible.
// CHECK-LABEL: func.func @packed(
// CHECK: %[[STARTS:.*]] = linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "reduction"]
// CHECK: scf.for
// CHECK: %[[START:.*]] = tensor.extract %[[STARTS]]
// CHECK: linalg.generic
// CHECK: tensor.extract %[[STARTS]]
// CHECK: arith.cmpi eq
// CHECK: arith.andi
func.func @packed(%q: tensor<1x8x?x32xf16>, %k: tensor<1x2x?x32xf16>, %cu: tensor<?xi32>) -> tensor<1x8x?x32xf16> {
  %o, %lse = sparsek.causal_attention %q, %k, %k cu_seqlens(%cu) : tensor<1x8x?x32xf16>, tensor<1x2x?x32xf16>, tensor<1x2x?x32xf16>, tensor<?xi32>
  return %o : tensor<1x8x?x32xf16>
}
