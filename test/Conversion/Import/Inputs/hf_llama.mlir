// from: transformers 5.23 Llama, AttentionInterface + custom op, carried to linalg
// expect: import, 2 KV heads, scale 0.176777
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#map = affine_map<(d0) -> (d0)>
#map1 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map2 = affine_map<(d0, d1, d2) -> (d0, d1, 0)>
#map3 = affine_map<(d0, d1, d2) -> (d2)>
#map4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map5 = affine_map<(d0, d1, d2, d3) -> (d0, 0, d2, d3)>
module {
  func.func @main(%arg0: tensor<128x256xf32>, %arg1: tensor<256x256xf32>, %arg2: tensor<64x256xf32>, %arg3: tensor<64x256xf32>, %arg4: tensor<256x256xf32>, %arg5: tensor<512x256xf32>, %arg6: tensor<512x256xf32>, %arg7: tensor<256x512xf32>, %arg8: tensor<256xf32>, %arg9: tensor<256xf32>, %arg10: tensor<256xf32>, %arg11: tensor<1x64x256xf32>) -> tensor<1x64x256xf32> {
    %c2_i64 = arith.constant 2 : i64
    %cst = arith.constant 0.000000e+00 : f32
    %cst_0 = arith.constant 1.000000e+00 : f32
    %cst_1 = arith.constant 9.9999999999999995E-7 : f64
    %cst_2 = arith.constant dense_resource<torch_tensor_16_torch.float32> : tensor<16xf32>
    %cst_3 = arith.constant 2.560000e+02 : f32
    %0 = tensor.empty() : tensor<64xi64>
    %1 = linalg.generic {indexing_maps = [#map], iterator_types = ["parallel"]} outs(%0 : tensor<64xi64>) {
    ^bb0(%out: i64):
      %69 = linalg.index 0 : index
      %70 = arith.index_cast %69 : index to i64
      linalg.yield %70 : i64
    } -> tensor<64xi64>
    %expanded = tensor.expand_shape %1 [[0, 1, 2]] output_shape [1, 64, 1] : tensor<64xi64> into tensor<1x64x1xi64>
    %2 = tensor.empty() : tensor<1x64x1xf32>
    %3 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded : tensor<1x64x1xi64>) outs(%2 : tensor<1x64x1xf32>) {
    ^bb0(%in: i64, %out: f32):
      %69 = arith.sitofp %in : i64 to f32
      linalg.yield %69 : f32
    } -> tensor<1x64x1xf32>
    %4 = tensor.empty() : tensor<1x64x16xf32>
    %5 = linalg.generic {indexing_maps = [#map2, #map3, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%3, %cst_2 : tensor<1x64x1xf32>, tensor<16xf32>) outs(%4 : tensor<1x64x16xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x16xf32>
    %concat = tensor.concat dim(2) %5, %5 : (tensor<1x64x16xf32>, tensor<1x64x16xf32>) -> tensor<1x64x32xf32>
    %6 = tensor.empty() : tensor<1x64x32xf32>
    %7 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%concat : tensor<1x64x32xf32>) outs(%6 : tensor<1x64x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = math.cos %in : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x32xf32>
    %8 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%concat : tensor<1x64x32xf32>) outs(%6 : tensor<1x64x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = math.sin %in : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x32xf32>
    %9 = tensor.empty() : tensor<1x64x256xf32>
    %10 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg11 : tensor<1x64x256xf32>) outs(%9 : tensor<1x64x256xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %69 : f32
    } -> tensor<1x64x256xf32>
    %11 = linalg.fill ins(%cst : f32) outs(%2 : tensor<1x64x1xf32>) -> tensor<1x64x1xf32>
    %12 = linalg.generic {indexing_maps = [#map1, #map2], iterator_types = ["parallel", "parallel", "reduction"]} ins(%10 : tensor<1x64x256xf32>) outs(%11 : tensor<1x64x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = arith.addf %in, %out : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x1xf32>
    %13 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%12 : tensor<1x64x1xf32>) outs(%2 : tensor<1x64x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = arith.divf %in, %cst_3 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x1xf32>
    %14 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%13 : tensor<1x64x1xf32>) outs(%2 : tensor<1x64x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = arith.truncf %cst_1 : f64 to f32
      %70 = arith.addf %in, %69 : f32
      linalg.yield %70 : f32
    } -> tensor<1x64x1xf32>
    %15 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%14 : tensor<1x64x1xf32>) outs(%2 : tensor<1x64x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = math.rsqrt %in : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x1xf32>
    %16 = linalg.generic {indexing_maps = [#map1, #map2, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg11, %15 : tensor<1x64x256xf32>, tensor<1x64x1xf32>) outs(%9 : tensor<1x64x256xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x256xf32>
    %17 = linalg.generic {indexing_maps = [#map3, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg8, %16 : tensor<256xf32>, tensor<1x64x256xf32>) outs(%9 : tensor<1x64x256xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x256xf32>
    %18 = tensor.empty() : tensor<256x256xf32>
    %transposed = linalg.transpose ins(%arg1 : tensor<256x256xf32>) outs(%18 : tensor<256x256xf32>) permutation = [1, 0] 
    %collapsed = tensor.collapse_shape %17 [[0, 1], [2]] : tensor<1x64x256xf32> into tensor<64x256xf32>
    %19 = tensor.empty() : tensor<64x256xf32>
    %20 = linalg.fill ins(%cst : f32) outs(%19 : tensor<64x256xf32>) -> tensor<64x256xf32>
    %21 = linalg.matmul ins(%collapsed, %transposed : tensor<64x256xf32>, tensor<256x256xf32>) outs(%20 : tensor<64x256xf32>) -> tensor<64x256xf32>
    %expanded_4 = tensor.expand_shape %21 [[0, 1], [2, 3]] output_shape [1, 64, 8, 32] : tensor<64x256xf32> into tensor<1x64x8x32xf32>
    %22 = tensor.empty() : tensor<1x8x64x32xf32>
    %transposed_5 = linalg.transpose ins(%expanded_4 : tensor<1x64x8x32xf32>) outs(%22 : tensor<1x8x64x32xf32>) permutation = [0, 2, 1, 3] 
    %23 = tensor.empty() : tensor<256x64xf32>
    %transposed_6 = linalg.transpose ins(%arg2 : tensor<64x256xf32>) outs(%23 : tensor<256x64xf32>) permutation = [1, 0] 
    %24 = tensor.empty() : tensor<64x64xf32>
    %25 = linalg.fill ins(%cst : f32) outs(%24 : tensor<64x64xf32>) -> tensor<64x64xf32>
    %26 = linalg.matmul ins(%collapsed, %transposed_6 : tensor<64x256xf32>, tensor<256x64xf32>) outs(%25 : tensor<64x64xf32>) -> tensor<64x64xf32>
    %expanded_7 = tensor.expand_shape %26 [[0, 1], [2, 3]] output_shape [1, 64, 2, 32] : tensor<64x64xf32> into tensor<1x64x2x32xf32>
    %27 = tensor.empty() : tensor<1x2x64x32xf32>
    %transposed_8 = linalg.transpose ins(%expanded_7 : tensor<1x64x2x32xf32>) outs(%27 : tensor<1x2x64x32xf32>) permutation = [0, 2, 1, 3] 
    %transposed_9 = linalg.transpose ins(%arg3 : tensor<64x256xf32>) outs(%23 : tensor<256x64xf32>) permutation = [1, 0] 
    %28 = linalg.matmul ins(%collapsed, %transposed_9 : tensor<64x256xf32>, tensor<256x64xf32>) outs(%25 : tensor<64x64xf32>) -> tensor<64x64xf32>
    %expanded_10 = tensor.expand_shape %28 [[0, 1], [2, 3]] output_shape [1, 64, 2, 32] : tensor<64x64xf32> into tensor<1x64x2x32xf32>
    %transposed_11 = linalg.transpose ins(%expanded_10 : tensor<1x64x2x32xf32>) outs(%27 : tensor<1x2x64x32xf32>) permutation = [0, 2, 1, 3] 
    %expanded_12 = tensor.expand_shape %7 [[0], [1, 2], [3]] output_shape [1, 1, 64, 32] : tensor<1x64x32xf32> into tensor<1x1x64x32xf32>
    %expanded_13 = tensor.expand_shape %8 [[0], [1, 2], [3]] output_shape [1, 1, 64, 32] : tensor<1x64x32xf32> into tensor<1x1x64x32xf32>
    %29 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_5, %expanded_12 : tensor<1x8x64x32xf32>, tensor<1x1x64x32xf32>) outs(%22 : tensor<1x8x64x32xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x8x64x32xf32>
    %extracted_slice = tensor.extract_slice %transposed_5[0, 0, 0, 0] [1, 8, 64, 16] [1, 1, 1, 1] : tensor<1x8x64x32xf32> to tensor<1x8x64x16xf32>
    %extracted_slice_14 = tensor.extract_slice %transposed_5[0, 0, 0, 16] [1, 8, 64, 16] [1, 1, 1, 1] : tensor<1x8x64x32xf32> to tensor<1x8x64x16xf32>
    %30 = tensor.empty() : tensor<1x8x64x16xf32>
    %31 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_14 : tensor<1x8x64x16xf32>) outs(%30 : tensor<1x8x64x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = arith.negf %in : f32
      linalg.yield %69 : f32
    } -> tensor<1x8x64x16xf32>
    %concat_15 = tensor.concat dim(3) %31, %extracted_slice : (tensor<1x8x64x16xf32>, tensor<1x8x64x16xf32>) -> tensor<1x8x64x32xf32>
    %32 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_15, %expanded_13 : tensor<1x8x64x32xf32>, tensor<1x1x64x32xf32>) outs(%22 : tensor<1x8x64x32xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x8x64x32xf32>
    %33 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%29, %32 : tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) outs(%22 : tensor<1x8x64x32xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.addf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x8x64x32xf32>
    %34 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%transposed_8, %expanded_12 : tensor<1x2x64x32xf32>, tensor<1x1x64x32xf32>) outs(%27 : tensor<1x2x64x32xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x2x64x32xf32>
    %extracted_slice_16 = tensor.extract_slice %transposed_8[0, 0, 0, 0] [1, 2, 64, 16] [1, 1, 1, 1] : tensor<1x2x64x32xf32> to tensor<1x2x64x16xf32>
    %extracted_slice_17 = tensor.extract_slice %transposed_8[0, 0, 0, 16] [1, 2, 64, 16] [1, 1, 1, 1] : tensor<1x2x64x32xf32> to tensor<1x2x64x16xf32>
    %35 = tensor.empty() : tensor<1x2x64x16xf32>
    %36 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_17 : tensor<1x2x64x16xf32>) outs(%35 : tensor<1x2x64x16xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = arith.negf %in : f32
      linalg.yield %69 : f32
    } -> tensor<1x2x64x16xf32>
    %concat_18 = tensor.concat dim(3) %36, %extracted_slice_16 : (tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32>) -> tensor<1x2x64x32xf32>
    %37 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_18, %expanded_13 : tensor<1x2x64x32xf32>, tensor<1x1x64x32xf32>) outs(%27 : tensor<1x2x64x32xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x2x64x32xf32>
    %38 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%34, %37 : tensor<1x2x64x32xf32>, tensor<1x2x64x32xf32>) outs(%27 : tensor<1x2x64x32xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.addf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x2x64x32xf32>
    %39 = "sparsek.attn_causal"(%33, %38, %transposed_11) {causal = true, scale = 0.17677669529663689 : f64} : (tensor<1x8x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x32xf32>) -> tensor<1x8x64x32xf32>
    %40 = tensor.empty() : tensor<1x64x8x32xf32>
    %transposed_19 = linalg.transpose ins(%39 : tensor<1x8x64x32xf32>) outs(%40 : tensor<1x64x8x32xf32>) permutation = [0, 2, 1, 3] 
    %transposed_20 = linalg.transpose ins(%arg4 : tensor<256x256xf32>) outs(%18 : tensor<256x256xf32>) permutation = [1, 0] 
    %collapsed_21 = tensor.collapse_shape %transposed_19 [[0, 1], [2, 3]] : tensor<1x64x8x32xf32> into tensor<64x256xf32>
    %41 = linalg.matmul ins(%collapsed_21, %transposed_20 : tensor<64x256xf32>, tensor<256x256xf32>) outs(%20 : tensor<64x256xf32>) -> tensor<64x256xf32>
    %expanded_22 = tensor.expand_shape %41 [[0, 1], [2]] output_shape [1, 64, 256] : tensor<64x256xf32> into tensor<1x64x256xf32>
    %42 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg11, %expanded_22 : tensor<1x64x256xf32>, tensor<1x64x256xf32>) outs(%9 : tensor<1x64x256xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.addf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x256xf32>
    %43 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%42 : tensor<1x64x256xf32>) outs(%9 : tensor<1x64x256xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %69 : f32
    } -> tensor<1x64x256xf32>
    %44 = linalg.generic {indexing_maps = [#map1, #map2], iterator_types = ["parallel", "parallel", "reduction"]} ins(%43 : tensor<1x64x256xf32>) outs(%11 : tensor<1x64x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = arith.addf %in, %out : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x1xf32>
    %45 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%44 : tensor<1x64x1xf32>) outs(%2 : tensor<1x64x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = arith.divf %in, %cst_3 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x1xf32>
    %46 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%45 : tensor<1x64x1xf32>) outs(%2 : tensor<1x64x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = arith.truncf %cst_1 : f64 to f32
      %70 = arith.addf %in, %69 : f32
      linalg.yield %70 : f32
    } -> tensor<1x64x1xf32>
    %47 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%46 : tensor<1x64x1xf32>) outs(%2 : tensor<1x64x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = math.rsqrt %in : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x1xf32>
    %48 = linalg.generic {indexing_maps = [#map1, #map2, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%42, %47 : tensor<1x64x256xf32>, tensor<1x64x1xf32>) outs(%9 : tensor<1x64x256xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x256xf32>
    %49 = linalg.generic {indexing_maps = [#map3, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg9, %48 : tensor<256xf32>, tensor<1x64x256xf32>) outs(%9 : tensor<1x64x256xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x256xf32>
    %50 = tensor.empty() : tensor<256x512xf32>
    %transposed_23 = linalg.transpose ins(%arg5 : tensor<512x256xf32>) outs(%50 : tensor<256x512xf32>) permutation = [1, 0] 
    %collapsed_24 = tensor.collapse_shape %49 [[0, 1], [2]] : tensor<1x64x256xf32> into tensor<64x256xf32>
    %51 = tensor.empty() : tensor<64x512xf32>
    %52 = linalg.fill ins(%cst : f32) outs(%51 : tensor<64x512xf32>) -> tensor<64x512xf32>
    %53 = linalg.matmul ins(%collapsed_24, %transposed_23 : tensor<64x256xf32>, tensor<256x512xf32>) outs(%52 : tensor<64x512xf32>) -> tensor<64x512xf32>
    %expanded_25 = tensor.expand_shape %53 [[0, 1], [2]] output_shape [1, 64, 512] : tensor<64x512xf32> into tensor<1x64x512xf32>
    %54 = tensor.empty() : tensor<1x64x512xf32>
    %55 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_25 : tensor<1x64x512xf32>) outs(%54 : tensor<1x64x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = arith.negf %in : f32
      %70 = math.exp %69 : f32
      %71 = arith.addf %70, %cst_0 : f32
      %72 = arith.divf %cst_0, %71 : f32
      linalg.yield %72 : f32
    } -> tensor<1x64x512xf32>
    %56 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_25, %55 : tensor<1x64x512xf32>, tensor<1x64x512xf32>) outs(%54 : tensor<1x64x512xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x512xf32>
    %transposed_26 = linalg.transpose ins(%arg6 : tensor<512x256xf32>) outs(%50 : tensor<256x512xf32>) permutation = [1, 0] 
    %57 = linalg.matmul ins(%collapsed_24, %transposed_26 : tensor<64x256xf32>, tensor<256x512xf32>) outs(%52 : tensor<64x512xf32>) -> tensor<64x512xf32>
    %expanded_27 = tensor.expand_shape %57 [[0, 1], [2]] output_shape [1, 64, 512] : tensor<64x512xf32> into tensor<1x64x512xf32>
    %58 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%56, %expanded_27 : tensor<1x64x512xf32>, tensor<1x64x512xf32>) outs(%54 : tensor<1x64x512xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x512xf32>
    %59 = tensor.empty() : tensor<512x256xf32>
    %transposed_28 = linalg.transpose ins(%arg7 : tensor<256x512xf32>) outs(%59 : tensor<512x256xf32>) permutation = [1, 0] 
    %collapsed_29 = tensor.collapse_shape %58 [[0, 1], [2]] : tensor<1x64x512xf32> into tensor<64x512xf32>
    %60 = linalg.matmul ins(%collapsed_29, %transposed_28 : tensor<64x512xf32>, tensor<512x256xf32>) outs(%20 : tensor<64x256xf32>) -> tensor<64x256xf32>
    %expanded_30 = tensor.expand_shape %60 [[0, 1], [2]] output_shape [1, 64, 256] : tensor<64x256xf32> into tensor<1x64x256xf32>
    %61 = linalg.generic {indexing_maps = [#map1, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%42, %expanded_30 : tensor<1x64x256xf32>, tensor<1x64x256xf32>) outs(%9 : tensor<1x64x256xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.addf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x256xf32>
    %62 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%61 : tensor<1x64x256xf32>) outs(%9 : tensor<1x64x256xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %69 : f32
    } -> tensor<1x64x256xf32>
    %63 = linalg.generic {indexing_maps = [#map1, #map2], iterator_types = ["parallel", "parallel", "reduction"]} ins(%62 : tensor<1x64x256xf32>) outs(%11 : tensor<1x64x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = arith.addf %in, %out : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x1xf32>
    %64 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%63 : tensor<1x64x1xf32>) outs(%2 : tensor<1x64x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = arith.divf %in, %cst_3 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x1xf32>
    %65 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%64 : tensor<1x64x1xf32>) outs(%2 : tensor<1x64x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = arith.truncf %cst_1 : f64 to f32
      %70 = arith.addf %in, %69 : f32
      linalg.yield %70 : f32
    } -> tensor<1x64x1xf32>
    %66 = linalg.generic {indexing_maps = [#map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%65 : tensor<1x64x1xf32>) outs(%2 : tensor<1x64x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %69 = math.rsqrt %in : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x1xf32>
    %67 = linalg.generic {indexing_maps = [#map1, #map2, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%61, %66 : tensor<1x64x256xf32>, tensor<1x64x1xf32>) outs(%9 : tensor<1x64x256xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x256xf32>
    %68 = linalg.generic {indexing_maps = [#map3, #map1, #map1], iterator_types = ["parallel", "parallel", "parallel"]} ins(%arg10, %67 : tensor<256xf32>, tensor<1x64x256xf32>) outs(%9 : tensor<1x64x256xf32>) {
    ^bb0(%in: f32, %in_31: f32, %out: f32):
      %69 = arith.mulf %in, %in_31 : f32
      linalg.yield %69 : f32
    } -> tensor<1x64x256xf32>
    return %68 : tensor<1x64x256xf32>
  }
}

{-#
  dialect_resources: {
    builtin: {
      torch_tensor_16_torch.float32: "0x040000000000803F9AF50F3F9BE8A13E8718363ECDCCCC3DC255663DE386013D39AD913C0AD7233C9C44B83B383E4F3B2815E93A6F12833A166A133A60CBA53953773A39"
    }
  }
#-}
