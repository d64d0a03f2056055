// from: flex_attention with an outside BlockMask, GQA, carried to linalg; mask_mod is a function
// expect: import, 2 KV heads, scale 0.176777, window 16
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#map = affine_map<() -> ()>
#map1 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
module {
  func.func private @sdpa_score0(%arg0: tensor<f32>, %arg1: tensor<i32>, %arg2: tensor<i32>, %arg3: tensor<i32>, %arg4: tensor<i32>) -> tensor<f32> {
    return %arg0 : tensor<f32>
  }
  func.func private @sdpa_mask0(%arg0: tensor<i32>, %arg1: tensor<i32>, %arg2: tensor<i32>, %arg3: tensor<i32>) -> tensor<i1> {
    %c16_i64 = arith.constant 16 : i64
    %0 = tensor.empty() : tensor<i1>
    %1 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = []} ins(%arg2, %arg3 : tensor<i32>, tensor<i32>) outs(%0 : tensor<i1>) {
    ^bb0(%in: i32, %in_0: i32, %out: i1):
      %6 = arith.cmpi sge, %in, %in_0 : i32
      linalg.yield %6 : i1
    } -> tensor<i1>
    %2 = tensor.empty() : tensor<i32>
    %3 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = []} ins(%arg2, %arg3 : tensor<i32>, tensor<i32>) outs(%2 : tensor<i32>) {
    ^bb0(%in: i32, %in_0: i32, %out: i32):
      %6 = arith.subi %in, %in_0 : i32
      linalg.yield %6 : i32
    } -> tensor<i32>
    %4 = linalg.generic {indexing_maps = [#map, #map], iterator_types = []} ins(%3 : tensor<i32>) outs(%0 : tensor<i1>) {
    ^bb0(%in: i32, %out: i1):
      %6 = arith.extsi %in : i32 to i64
      %7 = arith.cmpi slt, %6, %c16_i64 : i64
      linalg.yield %7 : i1
    } -> tensor<i1>
    %5 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = []} ins(%1, %4 : tensor<i1>, tensor<i1>) outs(%0 : tensor<i1>) {
    ^bb0(%in: i1, %in_0: i1, %out: i1):
      %6 = arith.andi %in, %in_0 : i1
      linalg.yield %6 : i1
    } -> tensor<i1>
    return %5 : tensor<i1>
  }
  func.func @main(%arg0: tensor<1x8x64x32xf32>, %arg1: tensor<1x2x64x32xf32>, %arg2: tensor<1x2x64x32xf32>) -> tensor<1x8x64x32xf32> {
    %cst = arith.constant 2.000000e+00 : f32
    %cst_0 = arith.constant 1.000000e+00 : f32
    %0 = tensor.empty() : tensor<1x8x64x32xf32>
    %1 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%arg0 : tensor<1x8x64x32xf32>) outs(%0 : tensor<1x8x64x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %4 = arith.mulf %in, %cst : f32
      linalg.yield %4 : f32
    } -> tensor<1x8x64x32xf32>
    %2 = "sparsek.flex_attention"(%1, %arg1, %arg2) {mask_mod_fn = @sdpa_mask0, scale = 0.17677669529663687 : f64, score_mod_fn = @sdpa_score0} : (tensor<1x8x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x32xf32>) -> tensor<1x8x64x32xf32>
    %3 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%2 : tensor<1x8x64x32xf32>) outs(%0 : tensor<1x8x64x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %4 = arith.addf %in, %cst_0 : f32
      linalg.yield %4 : f32
    } -> tensor<1x8x64x32xf32>
    return %3 : tensor<1x8x64x32xf32>
  }
}
