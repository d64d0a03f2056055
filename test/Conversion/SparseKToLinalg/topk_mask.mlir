// RUN: sparsek-opt %s --convert-sparsek-to-linalg --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @topk_mask(
// CHECK-SAME: %[[U:.*]]: tensor<1x2x64xf32>)

// NaN as -inf, +inf as the largest finite value (C8).
// CHECK: %[[CLEAN:.*]] = linalg.generic
// CHECK-SAME: ins(%[[U]] : tensor<1x2x64xf32>)
// CHECK: arith.cmpf oeq
// CHECK: 0xFF800000
// CHECK: 3.40282347E+38
// CHECK: linalg.yield

// The roots (C4): at most topk candidates give -inf, others a bisection.
// CHECK: %[[ROOTS:.*]] = linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel", "parallel"]
// CHECK: scf.for
// CHECK: tensor.extract %[[CLEAN]]
// CHECK: scf.if
// CHECK: scf.for
// CHECK: arith.bitcast %{{.*}} : i64 to f64
// CHECK: scf.for
// CHECK: arith.subf %{{.*}}, %{{.*}} : f64
// CHECK: arith.truncf %{{.*}} : f64 to f32
// CHECK: } else {
// CHECK: linalg.yield

// The running maximum.
// CHECK: %[[TAU:.*]] = linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel", "parallel", "reduction"]
// CHECK-SAME: ins(%[[ROOTS]] : tensor<1x2x64xf32>)
// CHECK: arith.maximumf
// CHECK: linalg.yield

// The expiries (C3).
// CHECK: %[[EXPIRY:.*]] = linalg.generic
// CHECK-SAME: outs(%{{.*}} : tensor<1x2x64xi32>)
// CHECK: scf.for
// CHECK: arith.cmpf olt
// CHECK: arith.cmpi slt
// CHECK: arith.cmpf oeq
// CHECK: arith.constant 2147483647 : i32
// CHECK: linalg.yield
// CHECK: return %[[TAU]], %[[EXPIRY]]
func.func @topk_mask(%u: tensor<1x2x64xf32>) -> (tensor<1x2x64xf32>, tensor<1x2x64xi32>) {
  %tau, %expiry = sparsek.topk_mask %u topk(8) window(16) : tensor<1x2x64xf32>
  return %tau, %expiry : tensor<1x2x64xf32>, tensor<1x2x64xi32>
}

// -----

// A count over the pool from the stored threshold (C7).
// CHECK-LABEL: func.func @interior(
// CHECK: arith.maximumf
// CHECK: %[[COUNT:.*]] = linalg.generic {{.*}}"reduction"{{.*}} outs(%{{.*}} : tensor<?x2x?xi32>)
// CHECK: arith.subf %{{.*}}, %{{.*}} : f32
// CHECK: return %[[COUNT]]
func.func @interior(%u: tensor<?x2x?xf32>) -> tensor<?x2x?xi32> {
  %tau, %expiry, %count = sparsek.topk_mask %u topk(8) window(0) interior : tensor<?x2x?xf32>
  return %count : tensor<?x2x?xi32>
}

// -----

// Documents: the start of each position's document, by definition.
// CHECK-DAG: #[[$BOUND:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[$POSITION:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-LABEL: func.func @packed(
// CHECK-SAME: %[[CU:[a-z0-9]*]]: tensor<3xi32>)
// CHECK: %[[STARTS:.*]] = linalg.generic {indexing_maps = [#[[$BOUND]], #[[$POSITION]]], iterator_types = ["parallel", "reduction"]} ins(%[[CU]] : tensor<3xi32>)
// CHECK: tensor.extract %[[STARTS]]
func.func @packed(%u: tensor<1x2x?xf32>, %cu: tensor<3xi32>) -> tensor<1x2x?xf32> {
  %tau, %expiry = sparsek.topk_mask %u topk(8) window(4) cu_seqlens(%cu) : tensor<1x2x?xf32>, tensor<3xi32>
  return %tau : tensor<1x2x?xf32>
}
