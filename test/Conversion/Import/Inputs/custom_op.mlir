// from: torch-mlir 20261001, torch.library.custom_op sparsek::attention carried to linalg
// expect: import, 8 KV heads, scale 0.125, window 128
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#map = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
module {
  func.func @main(%arg0: tensor<1x8x64x32xf32>, %arg1: tensor<1x8x64x32xf32>, %arg2: tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32> {
    %cst = arith.constant 2.000000e+00 : f32
    %cst_0 = arith.constant 1.000000e+00 : f32
    %0 = tensor.empty() : tensor<1x8x64x32xf32>
    %1 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%arg0 : tensor<1x8x64x32xf32>) outs(%0 : tensor<1x8x64x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %4 = arith.mulf %in, %cst : f32
      linalg.yield %4 : f32
    } -> tensor<1x8x64x32xf32>
    %2 = "sparsek.attention"(%1, %arg1, %arg2) {causal = true, mode = "window", scale = 1.250000e-01 : f64, window = 128 : i64} : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
    %3 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%2 : tensor<1x8x64x32xf32>) outs(%0 : tensor<1x8x64x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %4 = arith.addf %in, %cst_0 : f32
      linalg.yield %4 : f32
    } -> tensor<1x8x64x32xf32>
    return %3 : tensor<1x8x64x32xf32>
  }
}
