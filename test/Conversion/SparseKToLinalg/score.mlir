// RUN: sparsek-opt %s --convert-sparsek-to-linalg --canonicalize --split-input-file | FileCheck %s

// CHECK-DAG: #[[$X:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d2, d3)>
// CHECK-DAG: #[[$W:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d1)>
// CHECK-DAG: #[[$U:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>

// CHECK-LABEL: func.func @raw(
// CHECK-SAME: %[[XS:[a-z0-9]*]]: tensor<1x64x16xf32>, %[[WS:[a-z0-9]*]]: tensor<16x2xf32>)
// CHECK: %[[ZERO:.*]] = linalg.fill
// CHECK: %[[RAW:.*]] = linalg.generic
// CHECK-SAME: indexing_maps = [#[[$X]], #[[$W]], #[[$U]]]
// CHECK-SAME: iterator_types = ["parallel", "parallel", "parallel", "reduction"]
// CHECK-SAME: ins(%[[XS]], %[[WS]] : tensor<1x64x16xf32>, tensor<16x2xf32>) outs(%[[ZERO]] : tensor<1x2x64xf32>)
// CHECK: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[SUM:.*]]: f32):
// CHECK-NEXT: %[[P:.*]] = arith.mulf %[[A]], %[[B]] : f32
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[SUM]], %[[P]] : f32
// CHECK-NEXT: linalg.yield %[[S]]
// CHECK-NOT: linalg.generic
// CHECK: return %[[RAW]]
func.func @raw(%x: tensor<1x64x16xf32>, %w: tensor<16x2xf32>) -> tensor<1x2x64xf32> {
  %u = sparsek.score %x, %w : tensor<1x64x16xf32>, tensor<16x2xf32>
  return %u : tensor<1x2x64xf32>
}

// -----

// The position term is added in f64 and rounded once.
// CHECK-LABEL: func.func @slope(
// CHECK-SAME: %[[OFFSET:[a-z0-9]*]]: i64)
// CHECK: arith.extf %{{.*}} : bf16 to f32
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel", "parallel"]
// CHECK: linalg.index 2
// CHECK: %[[S:.*]] = arith.extf %{{.*}} : f32 to f64
// CHECK: %[[T:.*]] = arith.mulf
// CHECK: %[[U:.*]] = arith.addf %[[S]], %[[T]] : f64
// CHECK: arith.truncf %[[U]] : f64 to f32
func.func @slope(%x: tensor<?x?x16xbf16>, %w: tensor<16x2xbf16>, %offset: i64) -> tensor<?x2x?xf32> {
  %u = sparsek.score %x, %w slope(0.5) offset(%offset) : tensor<?x?x16xbf16>, tensor<16x2xbf16>, i64
  return %u : tensor<?x2x?xf32>
}

// -----

// A scan over the positions, all batches and heads at once; statistics enter
// and leave it.
// CHECK-LABEL: func.func @timestep(
// CHECK-SAME: %[[CARRIED:[a-z0-9]*]]: tensor<1x2x3xf64>)
// CHECK: %[[COUNT:.*]] = tensor.extract_slice %[[CARRIED]][0, 0, 0] [1, 2, 1]
// CHECK: %[[MEAN:.*]] = tensor.extract_slice %[[CARRIED]][0, 0, 1] [1, 2, 1]
// CHECK: %[[SQUARES:.*]] = tensor.extract_slice %[[CARRIED]][0, 0, 2] [1, 2, 1]
// CHECK: %[[SCAN:.*]]:4 = scf.for %[[N:.*]] = %c0 to %c64
// CHECK-SAME: iter_args(%{{.*}} = %[[COUNT]], %{{.*}} = %[[MEAN]], %{{.*}} = %[[SQUARES]], %{{.*}} = %{{.*}})
// CHECK: tensor.extract_slice %{{.*}}[0, 0, %[[N]]]
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel"]
// CHECK: math.absf
// CHECK: arith.cmpf olt
// CHECK-COUNT-3: arith.select
// CHECK: math.sqrt
// CHECK: arith.truncf
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, %[[N]]]
// CHECK: tensor.insert_slice %[[SCAN]]#0 into %{{.*}}[0, 0, 0]
// CHECK: tensor.insert_slice %[[SCAN]]#1 into %{{.*}}[0, 0, 1]
// CHECK: %[[STATISTICS:.*]] = tensor.insert_slice %[[SCAN]]#2 into %{{.*}}[0, 0, 2]
// CHECK: return %[[SCAN]]#3, %[[STATISTICS]]
func.func @timestep(%x: tensor<1x64x16xf32>, %w: tensor<16x2xf32>, %s: tensor<1x2x3xf64>) -> (tensor<1x2x64xf32>, tensor<1x2x3xf64>) {
  %u, %c = sparsek.score %x, %w norm<timestep> statistics(%s) carry : tensor<1x64x16xf32>, tensor<16x2xf32>, tensor<1x2x3xf64>
  return %u, %c : tensor<1x2x64xf32>, tensor<1x2x3xf64>
}

// -----

// CHECK-LABEL: func.func @timestep_alone(
// CHECK-NOT: tensor.extract_slice %arg
// CHECK: scf.for
// CHECK-NOT: sparsek.score
func.func @timestep_alone(%x: tensor<1x?x16xf32>, %w: tensor<16x2xf32>) -> tensor<1x2x?xf32> {
  %u = sparsek.score %x, %w norm<timestep> : tensor<1x?x16xf32>, tensor<16x2xf32>
  return %u : tensor<1x2x?xf32>
}

// -----

// The sizes of the statistics may be known less well than those of the scores.
// CHECK-LABEL: func.func @cast(
// CHECK: tensor.cast %{{.*}} : tensor<?x?x3xf64> to tensor<1x2x3xf64>
func.func @cast(%x: tensor<1x8x16xf32>, %w: tensor<16x2xf32>, %s: tensor<?x?x3xf64>) -> tensor<1x2x8xf32> {
  %u = sparsek.score %x, %w norm<timestep> statistics(%s) : tensor<1x8x16xf32>, tensor<16x2xf32>, tensor<?x?x3xf64>
  return %u : tensor<1x2x8xf32>
}
