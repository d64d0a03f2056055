#map = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map1 = affine_map<(d0, d1, d2) -> (d0, d1, 0)>
#map2 = affine_map<(d0, d1, d2) -> (d2)>
#map3 = affine_map<(d0, d1) -> (d0, d1)>
#map4 = affine_map<(d0) -> (d0)>
#map5 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map6 = affine_map<(d0, d1, d2, d3) -> (d0, d1, 0, d3)>
module {
  func.func @main(%layers.0.norm.weight: tensor<512xbf16>, %layers.0.attention.score_weight: tensor<512x2xbf16>, %layers.0.attention.q_proj.weight: tensor<512x512xbf16>, %layers.0.attention.k_proj.weight: tensor<128x512xbf16>, %layers.0.attention.v_proj.weight: tensor<128x512xbf16>, %layers.0.attention.o_proj.weight: tensor<512x512xbf16>, %layers.0.mlp_norm.weight: tensor<512xbf16>, %layers.0.gate_proj.weight: tensor<1408x512xbf16>, %layers.0.up_proj.weight: tensor<1408x512xbf16>, %layers.0.down_proj.weight: tensor<512x1408xbf16>, %layers.1.norm.weight: tensor<512xbf16>, %layers.1.attention.score_weight: tensor<512x2xbf16>, %layers.1.attention.q_proj.weight: tensor<512x512xbf16>, %layers.1.attention.k_proj.weight: tensor<128x512xbf16>, %layers.1.attention.v_proj.weight: tensor<128x512xbf16>, %layers.1.attention.o_proj.weight: tensor<512x512xbf16>, %layers.1.mlp_norm.weight: tensor<512xbf16>, %layers.1.gate_proj.weight: tensor<1408x512xbf16>, %layers.1.up_proj.weight: tensor<1408x512xbf16>, %layers.1.down_proj.weight: tensor<512x1408xbf16>, %layers.2.norm.weight: tensor<512xbf16>, %layers.2.attention.score_weight: tensor<512x2xbf16>, %layers.2.attention.q_proj.weight: tensor<512x512xbf16>, %layers.2.attention.k_proj.weight: tensor<128x512xbf16>, %layers.2.attention.v_proj.weight: tensor<128x512xbf16>, %layers.2.attention.o_proj.weight: tensor<512x512xbf16>, %layers.2.mlp_norm.weight: tensor<512xbf16>, %layers.2.gate_proj.weight: tensor<1408x512xbf16>, %layers.2.up_proj.weight: tensor<1408x512xbf16>, %layers.2.down_proj.weight: tensor<512x1408xbf16>, %layers.3.norm.weight: tensor<512xbf16>, %layers.3.attention.score_weight: tensor<512x2xbf16>, %layers.3.attention.q_proj.weight: tensor<512x512xbf16>, %layers.3.attention.k_proj.weight: tensor<128x512xbf16>, %layers.3.attention.v_proj.weight: tensor<128x512xbf16>, %layers.3.attention.o_proj.weight: tensor<512x512xbf16>, %layers.3.mlp_norm.weight: tensor<512xbf16>, %layers.3.gate_proj.weight: tensor<1408x512xbf16>, %layers.3.up_proj.weight: tensor<1408x512xbf16>, %layers.3.down_proj.weight: tensor<512x1408xbf16>, %norm.weight: tensor<512xbf16>, %x: tensor<1x?x512xbf16>) -> tensor<1x?x512xbf16> {
    %c2_i64 = arith.constant 2 : i64
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %cst = arith.constant 0.000000e+00 : f32
    %cst_0 = arith.constant 1.000000e+00 : f32
    %cst_1 = arith.constant 1.000000e-05 : f64
    %cst_2 = arith.constant 5.120000e+02 : f32
    %cst_3 = arith.constant 2.000000e+00 : f32
    %cst_4 = arith.constant -6.400000e+01 : f32
    %cst_5 = arith.constant 1.000000e+04 : f32
    %dim = tensor.dim %x, %c1 : tensor<1x?x512xbf16>
    %0 = arith.index_cast %dim : index to i64
    %1 = tensor.empty(%dim) : tensor<1x?x512xf32>
    %2 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x : tensor<1x?x512xbf16>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %3 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%2 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %4 = tensor.empty(%dim) : tensor<1x?x1xf32>
    %5 = linalg.fill ins(%cst : f32) outs(%4 : tensor<1x?x1xf32>) -> tensor<1x?x1xf32>
    %6 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%3 : tensor<1x?x512xf32>) outs(%5 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.addf %in, %out : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %7 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%6 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.divf %in, %cst_2 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %8 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%7 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.truncf %cst_1 : f64 to f32
      %278 = arith.addf %in, %277 : f32
      linalg.yield %278 : f32
    } -> tensor<1x?x1xf32>
    %9 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%8 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.rsqrt %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %10 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%2, %9 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %11 = tensor.empty(%dim) : tensor<1x?x512xbf16>
    %12 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%10 : tensor<1x?x512xf32>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %13 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.0.norm.weight, %12 : tensor<512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %scores = sparsek.score %13, %layers.0.attention.score_weight : tensor<1x?x512xbf16>, tensor<512x2xbf16>
    %14 = tensor.empty() : tensor<512x512xbf16>
    %transposed = linalg.transpose ins(%layers.0.attention.q_proj.weight : tensor<512x512xbf16>) outs(%14 : tensor<512x512xbf16>) permutation = [1, 0] 
    %collapsed = tensor.collapse_shape %13 [[0, 1], [2]] : tensor<1x?x512xbf16> into tensor<?x512xbf16>
    %15 = tensor.empty(%dim) : tensor<?x512xf32>
    %16 = linalg.fill ins(%cst : f32) outs(%15 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %17 = linalg.matmul ins(%collapsed, %transposed : tensor<?x512xbf16>, tensor<512x512xbf16>) outs(%16 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %18 = tensor.empty(%dim) : tensor<?x512xbf16>
    %19 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%17 : tensor<?x512xf32>) outs(%18 : tensor<?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x512xbf16>
    %expanded = tensor.expand_shape %19 [[0, 1], [2, 3]] output_shape [1, %dim, 8, 64] : tensor<?x512xbf16> into tensor<1x?x8x64xbf16>
    %20 = tensor.empty() : tensor<512x128xbf16>
    %transposed_6 = linalg.transpose ins(%layers.0.attention.k_proj.weight : tensor<128x512xbf16>) outs(%20 : tensor<512x128xbf16>) permutation = [1, 0] 
    %21 = tensor.empty(%dim) : tensor<?x128xf32>
    %22 = linalg.fill ins(%cst : f32) outs(%21 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %23 = linalg.matmul ins(%collapsed, %transposed_6 : tensor<?x512xbf16>, tensor<512x128xbf16>) outs(%22 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %24 = tensor.empty(%dim) : tensor<?x128xbf16>
    %25 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%23 : tensor<?x128xf32>) outs(%24 : tensor<?x128xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x128xbf16>
    %expanded_7 = tensor.expand_shape %25 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xbf16> into tensor<1x?x2x64xbf16>
    %transposed_8 = linalg.transpose ins(%layers.0.attention.v_proj.weight : tensor<128x512xbf16>) outs(%20 : tensor<512x128xbf16>) permutation = [1, 0] 
    %26 = linalg.matmul ins(%collapsed, %transposed_8 : tensor<?x512xbf16>, tensor<512x128xbf16>) outs(%22 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %27 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%26 : tensor<?x128xf32>) outs(%24 : tensor<?x128xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x128xbf16>
    %expanded_9 = tensor.expand_shape %27 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xbf16> into tensor<1x?x2x64xbf16>
    %28 = arith.trunci %0 : i64 to i32
    %29 = arith.index_cast %28 : i32 to index
    %30 = tensor.empty(%29) : tensor<?xi32>
    %31 = linalg.generic {indexing_maps = [#map4], iterator_types = ["parallel"]} outs(%30 : tensor<?xi32>) {
    ^bb0(%out: i32):
      %277 = linalg.index 0 : index
      %278 = arith.index_cast %277 : index to i64
      %279 = arith.trunci %278 : i64 to i32
      linalg.yield %279 : i32
    } -> tensor<?xi32>
    %32 = tensor.empty() : tensor<32xf32>
    %33 = linalg.generic {indexing_maps = [#map4], iterator_types = ["parallel"]} outs(%32 : tensor<32xf32>) {
    ^bb0(%out: f32):
      %277 = linalg.index 0 : index
      %278 = arith.index_cast %277 : index to i64
      %279 = arith.sitofp %278 : i64 to f32
      %280 = arith.mulf %279, %cst_3 : f32
      %281 = arith.addf %280, %cst : f32
      linalg.yield %281 : f32
    } -> tensor<32xf32>
    %34 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel"]} ins(%33 : tensor<32xf32>) outs(%32 : tensor<32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.divf %in, %cst_4 : f32
      linalg.yield %277 : f32
    } -> tensor<32xf32>
    %35 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel"]} ins(%34 : tensor<32xf32>) outs(%32 : tensor<32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.powf %cst_5, %in : f32
      linalg.yield %277 : f32
    } -> tensor<32xf32>
    %expanded_10 = tensor.expand_shape %31 [[0, 1, 2]] output_shape [1, %29, 1] : tensor<?xi32> into tensor<1x?x1xi32>
    %36 = tensor.empty(%29) : tensor<1x?x1xf32>
    %37 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_10 : tensor<1x?x1xi32>) outs(%36 : tensor<1x?x1xf32>) {
    ^bb0(%in: i32, %out: f32):
      %277 = arith.sitofp %in : i32 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %38 = tensor.empty(%29) : tensor<1x?x32xf32>
    %39 = linalg.generic {indexing_maps = [#map1, #map2, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%37, %35 : tensor<1x?x1xf32>, tensor<32xf32>) outs(%38 : tensor<1x?x32xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x32xf32>
    %concat = tensor.concat dim(2) %39, %39 : (tensor<1x?x32xf32>, tensor<1x?x32xf32>) -> tensor<1x?x64xf32>
    %40 = tensor.empty(%29) : tensor<1x?x64xf32>
    %41 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%concat : tensor<1x?x64xf32>) outs(%40 : tensor<1x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.cos %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x64xf32>
    %42 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%concat : tensor<1x?x64xf32>) outs(%40 : tensor<1x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.sin %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x64xf32>
    %43 = tensor.empty(%dim) : tensor<1x?x8x64xf32>
    %44 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded : tensor<1x?x8x64xbf16>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %extracted_slice = tensor.extract_slice %44[0, 0, 0, 0] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %extracted_slice_11 = tensor.extract_slice %44[0, 0, 0, 32] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %45 = tensor.empty(%dim) : tensor<1x?x8x32xf32>
    %46 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_11 : tensor<1x?x8x32xf32>) outs(%45 : tensor<1x?x8x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.negf %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x32xf32>
    %concat_12 = tensor.concat dim(3) %46, %extracted_slice : (tensor<1x?x8x32xf32>, tensor<1x?x8x32xf32>) -> tensor<1x?x8x64xf32>
    %expanded_13 = tensor.expand_shape %41 [[0], [1], [2, 3]] output_shape [1, %29, 1, 64] : tensor<1x?x64xf32> into tensor<1x?x1x64xf32>
    %47 = arith.cmpi eq, %dim, %29 : index
    cf.assert %47, "mismatched size for broadcast"
    %48 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%44, %expanded_13 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %expanded_14 = tensor.expand_shape %42 [[0], [1], [2, 3]] output_shape [1, %29, 1, 64] : tensor<1x?x64xf32> into tensor<1x?x1x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %49 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_12, %expanded_14 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %50 = linalg.generic {indexing_maps = [#map5, #map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%48, %49 : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.addf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %51 = tensor.empty(%dim) : tensor<1x?x8x64xbf16>
    %52 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%50 : tensor<1x?x8x64xf32>) outs(%51 : tensor<1x?x8x64xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x8x64xbf16>
    %53 = tensor.empty(%dim) : tensor<1x?x2x64xf32>
    %54 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_7 : tensor<1x?x2x64xbf16>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    %extracted_slice_15 = tensor.extract_slice %54[0, 0, 0, 0] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %extracted_slice_16 = tensor.extract_slice %54[0, 0, 0, 32] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %55 = tensor.empty(%dim) : tensor<1x?x2x32xf32>
    %56 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_16 : tensor<1x?x2x32xf32>) outs(%55 : tensor<1x?x2x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.negf %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x32xf32>
    %concat_17 = tensor.concat dim(3) %56, %extracted_slice_15 : (tensor<1x?x2x32xf32>, tensor<1x?x2x32xf32>) -> tensor<1x?x2x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %57 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%54, %expanded_13 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %58 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_17, %expanded_14 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    %59 = linalg.generic {indexing_maps = [#map5, #map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%57, %58 : tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.addf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    %60 = tensor.empty(%dim) : tensor<1x?x2x64xbf16>
    %61 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%59 : tensor<1x?x2x64xf32>) outs(%60 : tensor<1x?x2x64xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x2x64xbf16>
    %62 = tensor.empty(%dim) : tensor<1x8x?x64xbf16>
    %transposed_18 = linalg.transpose ins(%52 : tensor<1x?x8x64xbf16>) outs(%62 : tensor<1x8x?x64xbf16>) permutation = [0, 2, 1, 3] 
    %63 = tensor.empty(%dim) : tensor<1x2x?x64xbf16>
    %transposed_19 = linalg.transpose ins(%61 : tensor<1x?x2x64xbf16>) outs(%63 : tensor<1x2x?x64xbf16>) permutation = [0, 2, 1, 3] 
    %transposed_20 = linalg.transpose ins(%expanded_9 : tensor<1x?x2x64xbf16>) outs(%63 : tensor<1x2x?x64xbf16>) permutation = [0, 2, 1, 3] 
    %threshold, %expiry = sparsek.topk_mask %scores topk(256) window(256) : tensor<1x2x?xf32>
    %output, %lse = sparsek.gathered_attention %transposed_18, %transposed_19, %transposed_20, %scores, %threshold, %expiry topk(256) window(256) : tensor<1x8x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?xf32>, tensor<1x2x?xf32>, tensor<1x2x?xi32>
    %dim_21 = tensor.dim %output, %c2 : tensor<1x8x?x64xbf16>
    %64 = tensor.empty(%dim_21) : tensor<1x?x8x64xbf16>
    %transposed_22 = linalg.transpose ins(%output : tensor<1x8x?x64xbf16>) outs(%64 : tensor<1x?x8x64xbf16>) permutation = [0, 2, 1, 3] 
    %transposed_23 = linalg.transpose ins(%layers.0.attention.o_proj.weight : tensor<512x512xbf16>) outs(%14 : tensor<512x512xbf16>) permutation = [1, 0] 
    %collapsed_24 = tensor.collapse_shape %transposed_22 [[0, 1], [2, 3]] : tensor<1x?x8x64xbf16> into tensor<?x512xbf16>
    %65 = tensor.empty(%dim_21) : tensor<?x512xf32>
    %66 = linalg.fill ins(%cst : f32) outs(%65 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %67 = linalg.matmul ins(%collapsed_24, %transposed_23 : tensor<?x512xbf16>, tensor<512x512xbf16>) outs(%66 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %68 = tensor.empty(%dim_21) : tensor<?x512xbf16>
    %69 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%67 : tensor<?x512xf32>) outs(%68 : tensor<?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x512xbf16>
    %expanded_25 = tensor.expand_shape %69 [[0, 1], [2]] output_shape [1, %dim_21, 512] : tensor<?x512xbf16> into tensor<1x?x512xbf16>
    %70 = arith.cmpi eq, %dim, %dim_21 : index
    cf.assert %70, "mismatched size for broadcast"
    %71 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x, %expanded_25 : tensor<1x?x512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.addf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %72 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%71 : tensor<1x?x512xbf16>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %73 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%72 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %74 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%73 : tensor<1x?x512xf32>) outs(%5 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.addf %in, %out : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %75 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%74 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.divf %in, %cst_2 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %76 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%75 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.truncf %cst_1 : f64 to f32
      %278 = arith.addf %in, %277 : f32
      linalg.yield %278 : f32
    } -> tensor<1x?x1xf32>
    %77 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%76 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.rsqrt %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %78 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%72, %77 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %79 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%78 : tensor<1x?x512xf32>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %80 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.0.mlp_norm.weight, %79 : tensor<512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %81 = tensor.empty() : tensor<512x1408xbf16>
    %transposed_26 = linalg.transpose ins(%layers.0.gate_proj.weight : tensor<1408x512xbf16>) outs(%81 : tensor<512x1408xbf16>) permutation = [1, 0] 
    %collapsed_27 = tensor.collapse_shape %80 [[0, 1], [2]] : tensor<1x?x512xbf16> into tensor<?x512xbf16>
    %82 = tensor.empty(%dim) : tensor<?x1408xf32>
    %83 = linalg.fill ins(%cst : f32) outs(%82 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %84 = linalg.matmul ins(%collapsed_27, %transposed_26 : tensor<?x512xbf16>, tensor<512x1408xbf16>) outs(%83 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %85 = tensor.empty(%dim) : tensor<?x1408xbf16>
    %86 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%84 : tensor<?x1408xf32>) outs(%85 : tensor<?x1408xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x1408xbf16>
    %expanded_28 = tensor.expand_shape %86 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xbf16> into tensor<1x?x1408xbf16>
    %87 = tensor.empty(%dim) : tensor<1x?x1408xf32>
    %88 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_28 : tensor<1x?x1408xbf16>) outs(%87 : tensor<1x?x1408xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1408xf32>
    %89 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%88 : tensor<1x?x1408xf32>) outs(%87 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.negf %in : f32
      %278 = math.exp %277 : f32
      %279 = arith.addf %278, %cst_0 : f32
      %280 = arith.divf %cst_0, %279 : f32
      linalg.yield %280 : f32
    } -> tensor<1x?x1408xf32>
    %90 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%88, %89 : tensor<1x?x1408xf32>, tensor<1x?x1408xf32>) outs(%87 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1408xf32>
    %91 = tensor.empty(%dim) : tensor<1x?x1408xbf16>
    %92 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%90 : tensor<1x?x1408xf32>) outs(%91 : tensor<1x?x1408xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x1408xbf16>
    %transposed_29 = linalg.transpose ins(%layers.0.up_proj.weight : tensor<1408x512xbf16>) outs(%81 : tensor<512x1408xbf16>) permutation = [1, 0] 
    %93 = linalg.matmul ins(%collapsed_27, %transposed_29 : tensor<?x512xbf16>, tensor<512x1408xbf16>) outs(%83 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %94 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%93 : tensor<?x1408xf32>) outs(%85 : tensor<?x1408xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x1408xbf16>
    %expanded_30 = tensor.expand_shape %94 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xbf16> into tensor<1x?x1408xbf16>
    %95 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%92, %expanded_30 : tensor<1x?x1408xbf16>, tensor<1x?x1408xbf16>) outs(%91 : tensor<1x?x1408xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x1408xbf16>
    %96 = tensor.empty() : tensor<1408x512xbf16>
    %transposed_31 = linalg.transpose ins(%layers.0.down_proj.weight : tensor<512x1408xbf16>) outs(%96 : tensor<1408x512xbf16>) permutation = [1, 0] 
    %collapsed_32 = tensor.collapse_shape %95 [[0, 1], [2]] : tensor<1x?x1408xbf16> into tensor<?x1408xbf16>
    %97 = linalg.matmul ins(%collapsed_32, %transposed_31 : tensor<?x1408xbf16>, tensor<1408x512xbf16>) outs(%16 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %98 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%97 : tensor<?x512xf32>) outs(%18 : tensor<?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x512xbf16>
    %expanded_33 = tensor.expand_shape %98 [[0, 1], [2]] output_shape [1, %dim, 512] : tensor<?x512xbf16> into tensor<1x?x512xbf16>
    %99 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%71, %expanded_33 : tensor<1x?x512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.addf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %100 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%99 : tensor<1x?x512xbf16>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %101 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%100 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %102 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%101 : tensor<1x?x512xf32>) outs(%5 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.addf %in, %out : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %103 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%102 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.divf %in, %cst_2 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %104 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%103 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.truncf %cst_1 : f64 to f32
      %278 = arith.addf %in, %277 : f32
      linalg.yield %278 : f32
    } -> tensor<1x?x1xf32>
    %105 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%104 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.rsqrt %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %106 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%100, %105 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %107 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%106 : tensor<1x?x512xf32>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %108 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.1.norm.weight, %107 : tensor<512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %scores_34 = sparsek.score %108, %layers.1.attention.score_weight : tensor<1x?x512xbf16>, tensor<512x2xbf16>
    %transposed_35 = linalg.transpose ins(%layers.1.attention.q_proj.weight : tensor<512x512xbf16>) outs(%14 : tensor<512x512xbf16>) permutation = [1, 0] 
    %collapsed_36 = tensor.collapse_shape %108 [[0, 1], [2]] : tensor<1x?x512xbf16> into tensor<?x512xbf16>
    %109 = linalg.matmul ins(%collapsed_36, %transposed_35 : tensor<?x512xbf16>, tensor<512x512xbf16>) outs(%16 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %110 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%109 : tensor<?x512xf32>) outs(%18 : tensor<?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x512xbf16>
    %expanded_37 = tensor.expand_shape %110 [[0, 1], [2, 3]] output_shape [1, %dim, 8, 64] : tensor<?x512xbf16> into tensor<1x?x8x64xbf16>
    %transposed_38 = linalg.transpose ins(%layers.1.attention.k_proj.weight : tensor<128x512xbf16>) outs(%20 : tensor<512x128xbf16>) permutation = [1, 0] 
    %111 = linalg.matmul ins(%collapsed_36, %transposed_38 : tensor<?x512xbf16>, tensor<512x128xbf16>) outs(%22 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %112 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%111 : tensor<?x128xf32>) outs(%24 : tensor<?x128xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x128xbf16>
    %expanded_39 = tensor.expand_shape %112 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xbf16> into tensor<1x?x2x64xbf16>
    %transposed_40 = linalg.transpose ins(%layers.1.attention.v_proj.weight : tensor<128x512xbf16>) outs(%20 : tensor<512x128xbf16>) permutation = [1, 0] 
    %113 = linalg.matmul ins(%collapsed_36, %transposed_40 : tensor<?x512xbf16>, tensor<512x128xbf16>) outs(%22 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %114 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%113 : tensor<?x128xf32>) outs(%24 : tensor<?x128xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x128xbf16>
    %expanded_41 = tensor.expand_shape %114 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xbf16> into tensor<1x?x2x64xbf16>
    %115 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_37 : tensor<1x?x8x64xbf16>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %extracted_slice_42 = tensor.extract_slice %115[0, 0, 0, 0] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %extracted_slice_43 = tensor.extract_slice %115[0, 0, 0, 32] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %116 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_43 : tensor<1x?x8x32xf32>) outs(%45 : tensor<1x?x8x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.negf %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x32xf32>
    %concat_44 = tensor.concat dim(3) %116, %extracted_slice_42 : (tensor<1x?x8x32xf32>, tensor<1x?x8x32xf32>) -> tensor<1x?x8x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %117 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%115, %expanded_13 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %118 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_44, %expanded_14 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %119 = linalg.generic {indexing_maps = [#map5, #map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%117, %118 : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.addf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %120 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%119 : tensor<1x?x8x64xf32>) outs(%51 : tensor<1x?x8x64xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x8x64xbf16>
    %121 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_39 : tensor<1x?x2x64xbf16>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    %extracted_slice_45 = tensor.extract_slice %121[0, 0, 0, 0] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %extracted_slice_46 = tensor.extract_slice %121[0, 0, 0, 32] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %122 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_46 : tensor<1x?x2x32xf32>) outs(%55 : tensor<1x?x2x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.negf %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x32xf32>
    %concat_47 = tensor.concat dim(3) %122, %extracted_slice_45 : (tensor<1x?x2x32xf32>, tensor<1x?x2x32xf32>) -> tensor<1x?x2x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %123 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%121, %expanded_13 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %124 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_47, %expanded_14 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    %125 = linalg.generic {indexing_maps = [#map5, #map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%123, %124 : tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.addf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    %126 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%125 : tensor<1x?x2x64xf32>) outs(%60 : tensor<1x?x2x64xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x2x64xbf16>
    %transposed_48 = linalg.transpose ins(%120 : tensor<1x?x8x64xbf16>) outs(%62 : tensor<1x8x?x64xbf16>) permutation = [0, 2, 1, 3] 
    %transposed_49 = linalg.transpose ins(%126 : tensor<1x?x2x64xbf16>) outs(%63 : tensor<1x2x?x64xbf16>) permutation = [0, 2, 1, 3] 
    %transposed_50 = linalg.transpose ins(%expanded_41 : tensor<1x?x2x64xbf16>) outs(%63 : tensor<1x2x?x64xbf16>) permutation = [0, 2, 1, 3] 
    %threshold_51, %expiry_52 = sparsek.topk_mask %scores_34 topk(256) window(256) : tensor<1x2x?xf32>
    %output_53, %lse_54 = sparsek.gathered_attention %transposed_48, %transposed_49, %transposed_50, %scores_34, %threshold_51, %expiry_52 topk(256) window(256) : tensor<1x8x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?xf32>, tensor<1x2x?xf32>, tensor<1x2x?xi32>
    %dim_55 = tensor.dim %output_53, %c2 : tensor<1x8x?x64xbf16>
    %127 = tensor.empty(%dim_55) : tensor<1x?x8x64xbf16>
    %transposed_56 = linalg.transpose ins(%output_53 : tensor<1x8x?x64xbf16>) outs(%127 : tensor<1x?x8x64xbf16>) permutation = [0, 2, 1, 3] 
    %transposed_57 = linalg.transpose ins(%layers.1.attention.o_proj.weight : tensor<512x512xbf16>) outs(%14 : tensor<512x512xbf16>) permutation = [1, 0] 
    %collapsed_58 = tensor.collapse_shape %transposed_56 [[0, 1], [2, 3]] : tensor<1x?x8x64xbf16> into tensor<?x512xbf16>
    %128 = tensor.empty(%dim_55) : tensor<?x512xf32>
    %129 = linalg.fill ins(%cst : f32) outs(%128 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %130 = linalg.matmul ins(%collapsed_58, %transposed_57 : tensor<?x512xbf16>, tensor<512x512xbf16>) outs(%129 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %131 = tensor.empty(%dim_55) : tensor<?x512xbf16>
    %132 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%130 : tensor<?x512xf32>) outs(%131 : tensor<?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x512xbf16>
    %expanded_59 = tensor.expand_shape %132 [[0, 1], [2]] output_shape [1, %dim_55, 512] : tensor<?x512xbf16> into tensor<1x?x512xbf16>
    %133 = arith.cmpi eq, %dim, %dim_55 : index
    cf.assert %133, "mismatched size for broadcast"
    %134 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%99, %expanded_59 : tensor<1x?x512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.addf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %135 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%134 : tensor<1x?x512xbf16>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %136 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%135 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %137 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%136 : tensor<1x?x512xf32>) outs(%5 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.addf %in, %out : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %138 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%137 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.divf %in, %cst_2 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %139 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%138 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.truncf %cst_1 : f64 to f32
      %278 = arith.addf %in, %277 : f32
      linalg.yield %278 : f32
    } -> tensor<1x?x1xf32>
    %140 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%139 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.rsqrt %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %141 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%135, %140 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %142 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%141 : tensor<1x?x512xf32>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %143 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.1.mlp_norm.weight, %142 : tensor<512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %transposed_60 = linalg.transpose ins(%layers.1.gate_proj.weight : tensor<1408x512xbf16>) outs(%81 : tensor<512x1408xbf16>) permutation = [1, 0] 
    %collapsed_61 = tensor.collapse_shape %143 [[0, 1], [2]] : tensor<1x?x512xbf16> into tensor<?x512xbf16>
    %144 = linalg.matmul ins(%collapsed_61, %transposed_60 : tensor<?x512xbf16>, tensor<512x1408xbf16>) outs(%83 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %145 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%144 : tensor<?x1408xf32>) outs(%85 : tensor<?x1408xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x1408xbf16>
    %expanded_62 = tensor.expand_shape %145 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xbf16> into tensor<1x?x1408xbf16>
    %146 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_62 : tensor<1x?x1408xbf16>) outs(%87 : tensor<1x?x1408xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1408xf32>
    %147 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%146 : tensor<1x?x1408xf32>) outs(%87 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.negf %in : f32
      %278 = math.exp %277 : f32
      %279 = arith.addf %278, %cst_0 : f32
      %280 = arith.divf %cst_0, %279 : f32
      linalg.yield %280 : f32
    } -> tensor<1x?x1408xf32>
    %148 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%146, %147 : tensor<1x?x1408xf32>, tensor<1x?x1408xf32>) outs(%87 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1408xf32>
    %149 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%148 : tensor<1x?x1408xf32>) outs(%91 : tensor<1x?x1408xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x1408xbf16>
    %transposed_63 = linalg.transpose ins(%layers.1.up_proj.weight : tensor<1408x512xbf16>) outs(%81 : tensor<512x1408xbf16>) permutation = [1, 0] 
    %150 = linalg.matmul ins(%collapsed_61, %transposed_63 : tensor<?x512xbf16>, tensor<512x1408xbf16>) outs(%83 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %151 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%150 : tensor<?x1408xf32>) outs(%85 : tensor<?x1408xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x1408xbf16>
    %expanded_64 = tensor.expand_shape %151 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xbf16> into tensor<1x?x1408xbf16>
    %152 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%149, %expanded_64 : tensor<1x?x1408xbf16>, tensor<1x?x1408xbf16>) outs(%91 : tensor<1x?x1408xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x1408xbf16>
    %transposed_65 = linalg.transpose ins(%layers.1.down_proj.weight : tensor<512x1408xbf16>) outs(%96 : tensor<1408x512xbf16>) permutation = [1, 0] 
    %collapsed_66 = tensor.collapse_shape %152 [[0, 1], [2]] : tensor<1x?x1408xbf16> into tensor<?x1408xbf16>
    %153 = linalg.matmul ins(%collapsed_66, %transposed_65 : tensor<?x1408xbf16>, tensor<1408x512xbf16>) outs(%16 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %154 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%153 : tensor<?x512xf32>) outs(%18 : tensor<?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x512xbf16>
    %expanded_67 = tensor.expand_shape %154 [[0, 1], [2]] output_shape [1, %dim, 512] : tensor<?x512xbf16> into tensor<1x?x512xbf16>
    %155 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%134, %expanded_67 : tensor<1x?x512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.addf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %156 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%155 : tensor<1x?x512xbf16>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %157 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%156 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %158 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%157 : tensor<1x?x512xf32>) outs(%5 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.addf %in, %out : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %159 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%158 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.divf %in, %cst_2 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %160 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%159 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.truncf %cst_1 : f64 to f32
      %278 = arith.addf %in, %277 : f32
      linalg.yield %278 : f32
    } -> tensor<1x?x1xf32>
    %161 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%160 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.rsqrt %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %162 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%156, %161 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %163 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%162 : tensor<1x?x512xf32>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %164 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.2.norm.weight, %163 : tensor<512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %scores_68 = sparsek.score %164, %layers.2.attention.score_weight : tensor<1x?x512xbf16>, tensor<512x2xbf16>
    %transposed_69 = linalg.transpose ins(%layers.2.attention.q_proj.weight : tensor<512x512xbf16>) outs(%14 : tensor<512x512xbf16>) permutation = [1, 0] 
    %collapsed_70 = tensor.collapse_shape %164 [[0, 1], [2]] : tensor<1x?x512xbf16> into tensor<?x512xbf16>
    %165 = linalg.matmul ins(%collapsed_70, %transposed_69 : tensor<?x512xbf16>, tensor<512x512xbf16>) outs(%16 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %166 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%165 : tensor<?x512xf32>) outs(%18 : tensor<?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x512xbf16>
    %expanded_71 = tensor.expand_shape %166 [[0, 1], [2, 3]] output_shape [1, %dim, 8, 64] : tensor<?x512xbf16> into tensor<1x?x8x64xbf16>
    %transposed_72 = linalg.transpose ins(%layers.2.attention.k_proj.weight : tensor<128x512xbf16>) outs(%20 : tensor<512x128xbf16>) permutation = [1, 0] 
    %167 = linalg.matmul ins(%collapsed_70, %transposed_72 : tensor<?x512xbf16>, tensor<512x128xbf16>) outs(%22 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %168 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%167 : tensor<?x128xf32>) outs(%24 : tensor<?x128xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x128xbf16>
    %expanded_73 = tensor.expand_shape %168 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xbf16> into tensor<1x?x2x64xbf16>
    %transposed_74 = linalg.transpose ins(%layers.2.attention.v_proj.weight : tensor<128x512xbf16>) outs(%20 : tensor<512x128xbf16>) permutation = [1, 0] 
    %169 = linalg.matmul ins(%collapsed_70, %transposed_74 : tensor<?x512xbf16>, tensor<512x128xbf16>) outs(%22 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %170 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%169 : tensor<?x128xf32>) outs(%24 : tensor<?x128xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x128xbf16>
    %expanded_75 = tensor.expand_shape %170 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xbf16> into tensor<1x?x2x64xbf16>
    %171 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_71 : tensor<1x?x8x64xbf16>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %extracted_slice_76 = tensor.extract_slice %171[0, 0, 0, 0] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %extracted_slice_77 = tensor.extract_slice %171[0, 0, 0, 32] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %172 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_77 : tensor<1x?x8x32xf32>) outs(%45 : tensor<1x?x8x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.negf %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x32xf32>
    %concat_78 = tensor.concat dim(3) %172, %extracted_slice_76 : (tensor<1x?x8x32xf32>, tensor<1x?x8x32xf32>) -> tensor<1x?x8x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %173 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%171, %expanded_13 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %174 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_78, %expanded_14 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %175 = linalg.generic {indexing_maps = [#map5, #map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%173, %174 : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.addf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %176 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%175 : tensor<1x?x8x64xf32>) outs(%51 : tensor<1x?x8x64xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x8x64xbf16>
    %177 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_73 : tensor<1x?x2x64xbf16>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    %extracted_slice_79 = tensor.extract_slice %177[0, 0, 0, 0] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %extracted_slice_80 = tensor.extract_slice %177[0, 0, 0, 32] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %178 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_80 : tensor<1x?x2x32xf32>) outs(%55 : tensor<1x?x2x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.negf %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x32xf32>
    %concat_81 = tensor.concat dim(3) %178, %extracted_slice_79 : (tensor<1x?x2x32xf32>, tensor<1x?x2x32xf32>) -> tensor<1x?x2x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %179 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%177, %expanded_13 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %180 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_81, %expanded_14 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    %181 = linalg.generic {indexing_maps = [#map5, #map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%179, %180 : tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.addf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    %182 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%181 : tensor<1x?x2x64xf32>) outs(%60 : tensor<1x?x2x64xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x2x64xbf16>
    %transposed_82 = linalg.transpose ins(%176 : tensor<1x?x8x64xbf16>) outs(%62 : tensor<1x8x?x64xbf16>) permutation = [0, 2, 1, 3] 
    %transposed_83 = linalg.transpose ins(%182 : tensor<1x?x2x64xbf16>) outs(%63 : tensor<1x2x?x64xbf16>) permutation = [0, 2, 1, 3] 
    %transposed_84 = linalg.transpose ins(%expanded_75 : tensor<1x?x2x64xbf16>) outs(%63 : tensor<1x2x?x64xbf16>) permutation = [0, 2, 1, 3] 
    %threshold_85, %expiry_86 = sparsek.topk_mask %scores_68 topk(256) window(256) : tensor<1x2x?xf32>
    %output_87, %lse_88 = sparsek.gathered_attention %transposed_82, %transposed_83, %transposed_84, %scores_68, %threshold_85, %expiry_86 topk(256) window(256) : tensor<1x8x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?xf32>, tensor<1x2x?xf32>, tensor<1x2x?xi32>
    %dim_89 = tensor.dim %output_87, %c2 : tensor<1x8x?x64xbf16>
    %183 = tensor.empty(%dim_89) : tensor<1x?x8x64xbf16>
    %transposed_90 = linalg.transpose ins(%output_87 : tensor<1x8x?x64xbf16>) outs(%183 : tensor<1x?x8x64xbf16>) permutation = [0, 2, 1, 3] 
    %transposed_91 = linalg.transpose ins(%layers.2.attention.o_proj.weight : tensor<512x512xbf16>) outs(%14 : tensor<512x512xbf16>) permutation = [1, 0] 
    %collapsed_92 = tensor.collapse_shape %transposed_90 [[0, 1], [2, 3]] : tensor<1x?x8x64xbf16> into tensor<?x512xbf16>
    %184 = tensor.empty(%dim_89) : tensor<?x512xf32>
    %185 = linalg.fill ins(%cst : f32) outs(%184 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %186 = linalg.matmul ins(%collapsed_92, %transposed_91 : tensor<?x512xbf16>, tensor<512x512xbf16>) outs(%185 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %187 = tensor.empty(%dim_89) : tensor<?x512xbf16>
    %188 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%186 : tensor<?x512xf32>) outs(%187 : tensor<?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x512xbf16>
    %expanded_93 = tensor.expand_shape %188 [[0, 1], [2]] output_shape [1, %dim_89, 512] : tensor<?x512xbf16> into tensor<1x?x512xbf16>
    %189 = arith.cmpi eq, %dim, %dim_89 : index
    cf.assert %189, "mismatched size for broadcast"
    %190 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%155, %expanded_93 : tensor<1x?x512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.addf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %191 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%190 : tensor<1x?x512xbf16>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %192 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%191 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %193 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%192 : tensor<1x?x512xf32>) outs(%5 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.addf %in, %out : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %194 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%193 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.divf %in, %cst_2 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %195 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%194 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.truncf %cst_1 : f64 to f32
      %278 = arith.addf %in, %277 : f32
      linalg.yield %278 : f32
    } -> tensor<1x?x1xf32>
    %196 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%195 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.rsqrt %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %197 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%191, %196 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %198 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%197 : tensor<1x?x512xf32>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %199 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.2.mlp_norm.weight, %198 : tensor<512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %transposed_94 = linalg.transpose ins(%layers.2.gate_proj.weight : tensor<1408x512xbf16>) outs(%81 : tensor<512x1408xbf16>) permutation = [1, 0] 
    %collapsed_95 = tensor.collapse_shape %199 [[0, 1], [2]] : tensor<1x?x512xbf16> into tensor<?x512xbf16>
    %200 = linalg.matmul ins(%collapsed_95, %transposed_94 : tensor<?x512xbf16>, tensor<512x1408xbf16>) outs(%83 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %201 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%200 : tensor<?x1408xf32>) outs(%85 : tensor<?x1408xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x1408xbf16>
    %expanded_96 = tensor.expand_shape %201 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xbf16> into tensor<1x?x1408xbf16>
    %202 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_96 : tensor<1x?x1408xbf16>) outs(%87 : tensor<1x?x1408xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1408xf32>
    %203 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%202 : tensor<1x?x1408xf32>) outs(%87 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.negf %in : f32
      %278 = math.exp %277 : f32
      %279 = arith.addf %278, %cst_0 : f32
      %280 = arith.divf %cst_0, %279 : f32
      linalg.yield %280 : f32
    } -> tensor<1x?x1408xf32>
    %204 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%202, %203 : tensor<1x?x1408xf32>, tensor<1x?x1408xf32>) outs(%87 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1408xf32>
    %205 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%204 : tensor<1x?x1408xf32>) outs(%91 : tensor<1x?x1408xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x1408xbf16>
    %transposed_97 = linalg.transpose ins(%layers.2.up_proj.weight : tensor<1408x512xbf16>) outs(%81 : tensor<512x1408xbf16>) permutation = [1, 0] 
    %206 = linalg.matmul ins(%collapsed_95, %transposed_97 : tensor<?x512xbf16>, tensor<512x1408xbf16>) outs(%83 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %207 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%206 : tensor<?x1408xf32>) outs(%85 : tensor<?x1408xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x1408xbf16>
    %expanded_98 = tensor.expand_shape %207 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xbf16> into tensor<1x?x1408xbf16>
    %208 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%205, %expanded_98 : tensor<1x?x1408xbf16>, tensor<1x?x1408xbf16>) outs(%91 : tensor<1x?x1408xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x1408xbf16>
    %transposed_99 = linalg.transpose ins(%layers.2.down_proj.weight : tensor<512x1408xbf16>) outs(%96 : tensor<1408x512xbf16>) permutation = [1, 0] 
    %collapsed_100 = tensor.collapse_shape %208 [[0, 1], [2]] : tensor<1x?x1408xbf16> into tensor<?x1408xbf16>
    %209 = linalg.matmul ins(%collapsed_100, %transposed_99 : tensor<?x1408xbf16>, tensor<1408x512xbf16>) outs(%16 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %210 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%209 : tensor<?x512xf32>) outs(%18 : tensor<?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x512xbf16>
    %expanded_101 = tensor.expand_shape %210 [[0, 1], [2]] output_shape [1, %dim, 512] : tensor<?x512xbf16> into tensor<1x?x512xbf16>
    %211 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%190, %expanded_101 : tensor<1x?x512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.addf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %212 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%211 : tensor<1x?x512xbf16>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %213 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%212 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %214 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%213 : tensor<1x?x512xf32>) outs(%5 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.addf %in, %out : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %215 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%214 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.divf %in, %cst_2 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %216 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%215 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.truncf %cst_1 : f64 to f32
      %278 = arith.addf %in, %277 : f32
      linalg.yield %278 : f32
    } -> tensor<1x?x1xf32>
    %217 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%216 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.rsqrt %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %218 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%212, %217 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %219 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%218 : tensor<1x?x512xf32>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %220 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.3.norm.weight, %219 : tensor<512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %scores_102 = sparsek.score %220, %layers.3.attention.score_weight : tensor<1x?x512xbf16>, tensor<512x2xbf16>
    %transposed_103 = linalg.transpose ins(%layers.3.attention.q_proj.weight : tensor<512x512xbf16>) outs(%14 : tensor<512x512xbf16>) permutation = [1, 0] 
    %collapsed_104 = tensor.collapse_shape %220 [[0, 1], [2]] : tensor<1x?x512xbf16> into tensor<?x512xbf16>
    %221 = linalg.matmul ins(%collapsed_104, %transposed_103 : tensor<?x512xbf16>, tensor<512x512xbf16>) outs(%16 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %222 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%221 : tensor<?x512xf32>) outs(%18 : tensor<?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x512xbf16>
    %expanded_105 = tensor.expand_shape %222 [[0, 1], [2, 3]] output_shape [1, %dim, 8, 64] : tensor<?x512xbf16> into tensor<1x?x8x64xbf16>
    %transposed_106 = linalg.transpose ins(%layers.3.attention.k_proj.weight : tensor<128x512xbf16>) outs(%20 : tensor<512x128xbf16>) permutation = [1, 0] 
    %223 = linalg.matmul ins(%collapsed_104, %transposed_106 : tensor<?x512xbf16>, tensor<512x128xbf16>) outs(%22 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %224 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%223 : tensor<?x128xf32>) outs(%24 : tensor<?x128xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x128xbf16>
    %expanded_107 = tensor.expand_shape %224 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xbf16> into tensor<1x?x2x64xbf16>
    %transposed_108 = linalg.transpose ins(%layers.3.attention.v_proj.weight : tensor<128x512xbf16>) outs(%20 : tensor<512x128xbf16>) permutation = [1, 0] 
    %225 = linalg.matmul ins(%collapsed_104, %transposed_108 : tensor<?x512xbf16>, tensor<512x128xbf16>) outs(%22 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %226 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%225 : tensor<?x128xf32>) outs(%24 : tensor<?x128xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x128xbf16>
    %expanded_109 = tensor.expand_shape %226 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xbf16> into tensor<1x?x2x64xbf16>
    %227 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_105 : tensor<1x?x8x64xbf16>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %extracted_slice_110 = tensor.extract_slice %227[0, 0, 0, 0] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %extracted_slice_111 = tensor.extract_slice %227[0, 0, 0, 32] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %228 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_111 : tensor<1x?x8x32xf32>) outs(%45 : tensor<1x?x8x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.negf %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x32xf32>
    %concat_112 = tensor.concat dim(3) %228, %extracted_slice_110 : (tensor<1x?x8x32xf32>, tensor<1x?x8x32xf32>) -> tensor<1x?x8x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %229 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%227, %expanded_13 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %230 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_112, %expanded_14 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %231 = linalg.generic {indexing_maps = [#map5, #map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%229, %230 : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>) outs(%43 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.addf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x8x64xf32>
    %232 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%231 : tensor<1x?x8x64xf32>) outs(%51 : tensor<1x?x8x64xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x8x64xbf16>
    %233 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_107 : tensor<1x?x2x64xbf16>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    %extracted_slice_113 = tensor.extract_slice %233[0, 0, 0, 0] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %extracted_slice_114 = tensor.extract_slice %233[0, 0, 0, 32] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %234 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_114 : tensor<1x?x2x32xf32>) outs(%55 : tensor<1x?x2x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.negf %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x32xf32>
    %concat_115 = tensor.concat dim(3) %234, %extracted_slice_113 : (tensor<1x?x2x32xf32>, tensor<1x?x2x32xf32>) -> tensor<1x?x2x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %235 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%233, %expanded_13 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    cf.assert %47, "mismatched size for broadcast"
    %236 = linalg.generic {indexing_maps = [#map5, #map6, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_115, %expanded_14 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    %237 = linalg.generic {indexing_maps = [#map5, #map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%235, %236 : tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>) outs(%53 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.addf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x2x64xf32>
    %238 = linalg.generic {indexing_maps = [#map5, #map5], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%237 : tensor<1x?x2x64xf32>) outs(%60 : tensor<1x?x2x64xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x2x64xbf16>
    %transposed_116 = linalg.transpose ins(%232 : tensor<1x?x8x64xbf16>) outs(%62 : tensor<1x8x?x64xbf16>) permutation = [0, 2, 1, 3] 
    %transposed_117 = linalg.transpose ins(%238 : tensor<1x?x2x64xbf16>) outs(%63 : tensor<1x2x?x64xbf16>) permutation = [0, 2, 1, 3] 
    %transposed_118 = linalg.transpose ins(%expanded_109 : tensor<1x?x2x64xbf16>) outs(%63 : tensor<1x2x?x64xbf16>) permutation = [0, 2, 1, 3] 
    %threshold_119, %expiry_120 = sparsek.topk_mask %scores_102 topk(256) window(256) : tensor<1x2x?xf32>
    %output_121, %lse_122 = sparsek.gathered_attention %transposed_116, %transposed_117, %transposed_118, %scores_102, %threshold_119, %expiry_120 topk(256) window(256) : tensor<1x8x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?xf32>, tensor<1x2x?xf32>, tensor<1x2x?xi32>
    %dim_123 = tensor.dim %output_121, %c2 : tensor<1x8x?x64xbf16>
    %239 = tensor.empty(%dim_123) : tensor<1x?x8x64xbf16>
    %transposed_124 = linalg.transpose ins(%output_121 : tensor<1x8x?x64xbf16>) outs(%239 : tensor<1x?x8x64xbf16>) permutation = [0, 2, 1, 3] 
    %transposed_125 = linalg.transpose ins(%layers.3.attention.o_proj.weight : tensor<512x512xbf16>) outs(%14 : tensor<512x512xbf16>) permutation = [1, 0] 
    %collapsed_126 = tensor.collapse_shape %transposed_124 [[0, 1], [2, 3]] : tensor<1x?x8x64xbf16> into tensor<?x512xbf16>
    %240 = tensor.empty(%dim_123) : tensor<?x512xf32>
    %241 = linalg.fill ins(%cst : f32) outs(%240 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %242 = linalg.matmul ins(%collapsed_126, %transposed_125 : tensor<?x512xbf16>, tensor<512x512xbf16>) outs(%241 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %243 = tensor.empty(%dim_123) : tensor<?x512xbf16>
    %244 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%242 : tensor<?x512xf32>) outs(%243 : tensor<?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x512xbf16>
    %expanded_127 = tensor.expand_shape %244 [[0, 1], [2]] output_shape [1, %dim_123, 512] : tensor<?x512xbf16> into tensor<1x?x512xbf16>
    %245 = arith.cmpi eq, %dim, %dim_123 : index
    cf.assert %245, "mismatched size for broadcast"
    %246 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%211, %expanded_127 : tensor<1x?x512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.addf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %247 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%246 : tensor<1x?x512xbf16>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %248 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%247 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %249 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%248 : tensor<1x?x512xf32>) outs(%5 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.addf %in, %out : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %250 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%249 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.divf %in, %cst_2 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %251 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%250 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.truncf %cst_1 : f64 to f32
      %278 = arith.addf %in, %277 : f32
      linalg.yield %278 : f32
    } -> tensor<1x?x1xf32>
    %252 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%251 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.rsqrt %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %253 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%247, %252 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %254 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%253 : tensor<1x?x512xf32>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %255 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.3.mlp_norm.weight, %254 : tensor<512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %transposed_128 = linalg.transpose ins(%layers.3.gate_proj.weight : tensor<1408x512xbf16>) outs(%81 : tensor<512x1408xbf16>) permutation = [1, 0] 
    %collapsed_129 = tensor.collapse_shape %255 [[0, 1], [2]] : tensor<1x?x512xbf16> into tensor<?x512xbf16>
    %256 = linalg.matmul ins(%collapsed_129, %transposed_128 : tensor<?x512xbf16>, tensor<512x1408xbf16>) outs(%83 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %257 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%256 : tensor<?x1408xf32>) outs(%85 : tensor<?x1408xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x1408xbf16>
    %expanded_130 = tensor.expand_shape %257 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xbf16> into tensor<1x?x1408xbf16>
    %258 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_130 : tensor<1x?x1408xbf16>) outs(%87 : tensor<1x?x1408xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1408xf32>
    %259 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%258 : tensor<1x?x1408xf32>) outs(%87 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.negf %in : f32
      %278 = math.exp %277 : f32
      %279 = arith.addf %278, %cst_0 : f32
      %280 = arith.divf %cst_0, %279 : f32
      linalg.yield %280 : f32
    } -> tensor<1x?x1408xf32>
    %260 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%258, %259 : tensor<1x?x1408xf32>, tensor<1x?x1408xf32>) outs(%87 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1408xf32>
    %261 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%260 : tensor<1x?x1408xf32>) outs(%91 : tensor<1x?x1408xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x1408xbf16>
    %transposed_131 = linalg.transpose ins(%layers.3.up_proj.weight : tensor<1408x512xbf16>) outs(%81 : tensor<512x1408xbf16>) permutation = [1, 0] 
    %262 = linalg.matmul ins(%collapsed_129, %transposed_131 : tensor<?x512xbf16>, tensor<512x1408xbf16>) outs(%83 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %263 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%262 : tensor<?x1408xf32>) outs(%85 : tensor<?x1408xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x1408xbf16>
    %expanded_132 = tensor.expand_shape %263 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xbf16> into tensor<1x?x1408xbf16>
    %264 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%261, %expanded_132 : tensor<1x?x1408xbf16>, tensor<1x?x1408xbf16>) outs(%91 : tensor<1x?x1408xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x1408xbf16>
    %transposed_133 = linalg.transpose ins(%layers.3.down_proj.weight : tensor<512x1408xbf16>) outs(%96 : tensor<1408x512xbf16>) permutation = [1, 0] 
    %collapsed_134 = tensor.collapse_shape %264 [[0, 1], [2]] : tensor<1x?x1408xbf16> into tensor<?x1408xbf16>
    %265 = linalg.matmul ins(%collapsed_134, %transposed_133 : tensor<?x1408xbf16>, tensor<1408x512xbf16>) outs(%16 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %266 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel", "parallel"]} ins(%265 : tensor<?x512xf32>) outs(%18 : tensor<?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<?x512xbf16>
    %expanded_135 = tensor.expand_shape %266 [[0, 1], [2]] output_shape [1, %dim, 512] : tensor<?x512xbf16> into tensor<1x?x512xbf16>
    %267 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%246, %expanded_135 : tensor<1x?x512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.addf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %268 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%267 : tensor<1x?x512xbf16>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %277 = arith.extf %in : bf16 to f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %269 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%268 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %270 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%269 : tensor<1x?x512xf32>) outs(%5 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.addf %in, %out : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %271 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%270 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.divf %in, %cst_2 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %272 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%271 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = arith.truncf %cst_1 : f64 to f32
      %278 = arith.addf %in, %277 : f32
      linalg.yield %278 : f32
    } -> tensor<1x?x1xf32>
    %273 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%272 : tensor<1x?x1xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %277 = math.rsqrt %in : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x1xf32>
    %274 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%268, %273 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %277 = arith.mulf %in, %in_136 : f32
      linalg.yield %277 : f32
    } -> tensor<1x?x512xf32>
    %275 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%274 : tensor<1x?x512xf32>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %277 = arith.truncf %in : f32 to bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    %276 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%norm.weight, %275 : tensor<512xbf16>, tensor<1x?x512xbf16>) outs(%11 : tensor<1x?x512xbf16>) {
    ^bb0(%in: bf16, %in_136: bf16, %out: bf16):
      %277 = arith.mulf %in, %in_136 : bf16
      linalg.yield %277 : bf16
    } -> tensor<1x?x512xbf16>
    return %276 : tensor<1x?x512xbf16>
  }
}
