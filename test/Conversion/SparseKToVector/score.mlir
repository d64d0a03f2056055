// RUN: sparsek-opt %s --convert-sparsek-to-vector --split-input-file | FileCheck %s

// CHECK-LABEL: func @plain
// CHECK:         %[[SLOPE:.*]] = arith.constant 5.000000e-01 : f64
// CHECK:         call @sparsek_score_bf16_c20_h2({{.*}}, %[[SLOPE]], %{{.*}})
func.func @plain(%x: tensor<1x?x20xbf16>, %w: tensor<20x2xbf16>) -> tensor<1x2x?xf32> {
  %u = sparsek.score %x, %w slope(0.5) : tensor<1x?x20xbf16>, tensor<20x2xbf16>
  return %u : tensor<1x2x?xf32>
}

// 20 features are one vector of 16 and a tail of 4, each summed in order.
// CHECK-LABEL: func private @sparsek_score_bf16_c20_h2
// CHECK:         scf.parallel
// CHECK-DAG:       vector.reduction <add>, %{{.*}} : vector<16xf32> into f32
// CHECK-DAG:       vector.reduction <add>, %{{.*}} : vector<4xf32> into f32
// CHECK:           arith.truncf %{{.*}} : f64 to f32
// CHECK-NOT:     math.sqrt

// -----

// CHECK-LABEL: func @chunk
// CHECK-SAME:    %[[OFFSET:[a-z0-9]+]]: i64
// CHECK:         %[[POSITION:.*]] = arith.index_cast %[[OFFSET]] : i64 to index
// CHECK:         call @sparsek_score_f32_c16_h1_timestep_continued_carry({{.*}}, %[[POSITION]])
func.func @chunk(%x: tensor<1x8x16xf32>, %w: tensor<16x1xf32>, %offset: i64, %s: tensor<1x1x3xf64>) -> (tensor<1x1x8xf32>, tensor<1x1x3xf64>) {
  %u, %c = sparsek.score %x, %w norm<timestep> offset(%offset) statistics(%s) carry
      : tensor<1x8x16xf32>, tensor<16x1xf32>, i64, tensor<1x1x3xf64>
  return %u, %c : tensor<1x1x8xf32>, tensor<1x1x3xf64>
}
// CHECK-LABEL: func private @sparsek_score_f32_c16_h1_timestep_continued_carry
// CHECK:         scf.parallel
// CHECK:         scf.parallel
// CHECK:           scf.for {{.*}} -> (f64, f64, f64)
// CHECK:             math.sqrt %{{.*}} : f64

// -----

// Weights in f32 beside features of 16 bits.
// CHECK-LABEL: func @wide_weight
// CHECK:         call @sparsek_score_bf16_c16_h2_wf32(
func.func @wide_weight(%x: tensor<1x?x16xbf16>, %w: tensor<16x2xf32>) -> tensor<1x2x?xf32> {
  %u = sparsek.score %x, %w : tensor<1x?x16xbf16>, tensor<16x2xf32>
  return %u : tensor<1x2x?xf32>
}
// CHECK-LABEL: func private @sparsek_score_bf16_c16_h2_wf32
// CHECK-SAME:    memref<?x?x?xbf16, {{[^>]*>>}}, %{{.*}}: memref<?x?xf32,
