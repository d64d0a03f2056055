// RUN: sparsek-opt %s --sparsek-fuse-linalg --canonicalize | FileCheck %s

#mn = affine_map<(m, n) -> (m, n)>
#m0 = affine_map<(m, n) -> (m, 0)>

// CHECK-DAG: #[[$MK:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[$NK:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>

// CHECK-LABEL: func.func @transposed_weight(
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>, %[[W:.*]]: tensor<8x4xf32>
// CHECK-NOT: linalg.transpose
// CHECK: linalg.generic {indexing_maps = [#[[$MK]], #[[$NK]],
// CHECK-SAME: ins(%[[X]], %[[W]] :
func.func @transposed_weight(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %y: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %t = linalg.transpose ins(%w : tensor<8x4xf32>) outs(%e : tensor<4x8xf32>) permutation = [1, 0]
  %0 = linalg.matmul ins(%x, %t : tensor<?x4xf32>, tensor<4x8xf32>) outs(%y : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// A permutation that is not its own inverse: the input is [k, b, n].
// CHECK-LABEL: func.func @cycle(
// CHECK-NOT: linalg.transpose
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[KBN:.*]], #{{.*}}],
func.func @cycle(%x: tensor<2x3x4xf32>, %w: tensor<4x2x5xf32>, %y: tensor<2x3x5xf32>) -> tensor<2x3x5xf32> {
  %e = tensor.empty() : tensor<2x5x4xf32>
  %t = linalg.transpose ins(%w : tensor<4x2x5xf32>) outs(%e : tensor<2x5x4xf32>) permutation = [1, 2, 0]
  %e1 = tensor.empty() : tensor<2x4x5xf32>
  %u = linalg.transpose ins(%t : tensor<2x5x4xf32>) outs(%e1 : tensor<2x4x5xf32>) permutation = [0, 2, 1]
  %0 = linalg.batch_matmul ins(%x, %u : tensor<2x3x4xf32>, tensor<2x4x5xf32>) outs(%y : tensor<2x3x5xf32>) -> tensor<2x3x5xf32>
  return %0 : tensor<2x3x5xf32>
}

// CHECK-LABEL: func.func @chain(
// CHECK: linalg.generic
// CHECK:   math.exp
// CHECK:   arith.addf
// CHECK-NOT: linalg.generic
func.func @chain(%x: tensor<?x8xf32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = linalg.generic {indexing_maps = [#mn, #mn], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %2 = math.exp %a : f32
    linalg.yield %2 : f32
  } -> tensor<?x8xf32>
  %1 = linalg.generic {indexing_maps = [#mn, #mn], iterator_types = ["parallel", "parallel"]}
      ins(%0 : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %2 = arith.addf %a, %a : f32
    linalg.yield %2 : f32
  } -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// One root per row, not one per element.
// CHECK-LABEL: func.func @costly_broadcast(
// CHECK: linalg.generic
// CHECK:   math.rsqrt
// CHECK: linalg.generic
// CHECK:   arith.mulf
func.func @costly_broadcast(%x: tensor<4x8xf32>, %s: tensor<4x1xf32>) -> tensor<4x8xf32> {
  %e1 = tensor.empty() : tensor<4x1xf32>
  %e8 = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.generic {indexing_maps = [#mn, #mn], iterator_types = ["parallel", "parallel"]}
      ins(%s : tensor<4x1xf32>) outs(%e1 : tensor<4x1xf32>) {
  ^bb0(%a: f32, %b: f32):
    %2 = math.rsqrt %a : f32
    linalg.yield %2 : f32
  } -> tensor<4x1xf32>
  %1 = linalg.generic {indexing_maps = [#mn, #m0, #mn], iterator_types = ["parallel", "parallel"]}
      ins(%x, %0 : tensor<4x8xf32>, tensor<4x1xf32>) outs(%e8 : tensor<4x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %2 = arith.mulf %a, %b : f32
    linalg.yield %2 : f32
  } -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}
