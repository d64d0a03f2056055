#map = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map1 = affine_map<(d0, d1, d2) -> (d0, d1, 0)>
#map2 = affine_map<(d0, d1, d2) -> (d2)>
#map3 = affine_map<(d0) -> (d0)>
#map4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map5 = affine_map<(d0, d1, d2, d3) -> (d0, d1, 0, d3)>
module {
  func.func @main(%layers.0.norm.weight: tensor<512xf32>, %layers.0.attention.score_weight: tensor<512x2xf32>, %layers.0.attention.q_proj.weight: tensor<512x512xf32>, %layers.0.attention.k_proj.weight: tensor<128x512xf32>, %layers.0.attention.v_proj.weight: tensor<128x512xf32>, %layers.0.attention.o_proj.weight: tensor<512x512xf32>, %layers.0.mlp_norm.weight: tensor<512xf32>, %layers.0.gate_proj.weight: tensor<1408x512xf32>, %layers.0.up_proj.weight: tensor<1408x512xf32>, %layers.0.down_proj.weight: tensor<512x1408xf32>, %layers.1.norm.weight: tensor<512xf32>, %layers.1.attention.score_weight: tensor<512x2xf32>, %layers.1.attention.q_proj.weight: tensor<512x512xf32>, %layers.1.attention.k_proj.weight: tensor<128x512xf32>, %layers.1.attention.v_proj.weight: tensor<128x512xf32>, %layers.1.attention.o_proj.weight: tensor<512x512xf32>, %layers.1.mlp_norm.weight: tensor<512xf32>, %layers.1.gate_proj.weight: tensor<1408x512xf32>, %layers.1.up_proj.weight: tensor<1408x512xf32>, %layers.1.down_proj.weight: tensor<512x1408xf32>, %layers.2.norm.weight: tensor<512xf32>, %layers.2.attention.score_weight: tensor<512x2xf32>, %layers.2.attention.q_proj.weight: tensor<512x512xf32>, %layers.2.attention.k_proj.weight: tensor<128x512xf32>, %layers.2.attention.v_proj.weight: tensor<128x512xf32>, %layers.2.attention.o_proj.weight: tensor<512x512xf32>, %layers.2.mlp_norm.weight: tensor<512xf32>, %layers.2.gate_proj.weight: tensor<1408x512xf32>, %layers.2.up_proj.weight: tensor<1408x512xf32>, %layers.2.down_proj.weight: tensor<512x1408xf32>, %layers.3.norm.weight: tensor<512xf32>, %layers.3.attention.score_weight: tensor<512x2xf32>, %layers.3.attention.q_proj.weight: tensor<512x512xf32>, %layers.3.attention.k_proj.weight: tensor<128x512xf32>, %layers.3.attention.v_proj.weight: tensor<128x512xf32>, %layers.3.attention.o_proj.weight: tensor<512x512xf32>, %layers.3.mlp_norm.weight: tensor<512xf32>, %layers.3.gate_proj.weight: tensor<1408x512xf32>, %layers.3.up_proj.weight: tensor<1408x512xf32>, %layers.3.down_proj.weight: tensor<512x1408xf32>, %norm.weight: tensor<512xf32>, %x: tensor<1x?x512xf32>) -> tensor<1x?x512xf32> {
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
    %dim = tensor.dim %x, %c1 : tensor<1x?x512xf32>
    %0 = arith.index_cast %dim : index to i64
    %1 = tensor.empty(%dim) : tensor<1x?x512xf32>
    %2 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %3 = tensor.empty(%dim) : tensor<1x?x1xf32>
    %4 = linalg.fill ins(%cst : f32) outs(%3 : tensor<1x?x1xf32>) -> tensor<1x?x1xf32>
    %5 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%2 : tensor<1x?x512xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.addf %in, %out : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %6 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%5 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.divf %in, %cst_2 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %7 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%6 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.truncf %cst_1 : f64 to f32
      %197 = arith.addf %in, %196 : f32
      linalg.yield %197 : f32
    } -> tensor<1x?x1xf32>
    %8 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%7 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.rsqrt %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %9 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x, %8 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %10 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.0.norm.weight, %9 : tensor<512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %scores = sparsek.score %10, %layers.0.attention.score_weight : tensor<1x?x512xf32>, tensor<512x2xf32>
    %11 = tensor.empty() : tensor<512x512xf32>
    %transposed = linalg.transpose ins(%layers.0.attention.q_proj.weight : tensor<512x512xf32>) outs(%11 : tensor<512x512xf32>) permutation = [1, 0] 
    %collapsed = tensor.collapse_shape %10 [[0, 1], [2]] : tensor<1x?x512xf32> into tensor<?x512xf32>
    %12 = tensor.empty(%dim) : tensor<?x512xf32>
    %13 = linalg.fill ins(%cst : f32) outs(%12 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %14 = linalg.matmul ins(%collapsed, %transposed : tensor<?x512xf32>, tensor<512x512xf32>) outs(%13 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %expanded = tensor.expand_shape %14 [[0, 1], [2, 3]] output_shape [1, %dim, 8, 64] : tensor<?x512xf32> into tensor<1x?x8x64xf32>
    %15 = tensor.empty() : tensor<512x128xf32>
    %transposed_6 = linalg.transpose ins(%layers.0.attention.k_proj.weight : tensor<128x512xf32>) outs(%15 : tensor<512x128xf32>) permutation = [1, 0] 
    %16 = tensor.empty(%dim) : tensor<?x128xf32>
    %17 = linalg.fill ins(%cst : f32) outs(%16 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %18 = linalg.matmul ins(%collapsed, %transposed_6 : tensor<?x512xf32>, tensor<512x128xf32>) outs(%17 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_7 = tensor.expand_shape %18 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %transposed_8 = linalg.transpose ins(%layers.0.attention.v_proj.weight : tensor<128x512xf32>) outs(%15 : tensor<512x128xf32>) permutation = [1, 0] 
    %19 = linalg.matmul ins(%collapsed, %transposed_8 : tensor<?x512xf32>, tensor<512x128xf32>) outs(%17 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_9 = tensor.expand_shape %19 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %20 = arith.trunci %0 : i64 to i32
    %21 = arith.index_cast %20 : i32 to index
    %22 = tensor.empty(%21) : tensor<?xi32>
    %23 = linalg.generic {indexing_maps = [#map3], iterator_types = ["parallel"]} outs(%22 : tensor<?xi32>) {
    ^bb0(%out: i32):
      %196 = linalg.index 0 : index
      %197 = arith.index_cast %196 : index to i64
      %198 = arith.trunci %197 : i64 to i32
      linalg.yield %198 : i32
    } -> tensor<?xi32>
    %24 = tensor.empty() : tensor<32xf32>
    %25 = linalg.generic {indexing_maps = [#map3], iterator_types = ["parallel"]} outs(%24 : tensor<32xf32>) {
    ^bb0(%out: f32):
      %196 = linalg.index 0 : index
      %197 = arith.index_cast %196 : index to i64
      %198 = arith.sitofp %197 : i64 to f32
      %199 = arith.mulf %198, %cst_3 : f32
      %200 = arith.addf %199, %cst : f32
      linalg.yield %200 : f32
    } -> tensor<32xf32>
    %26 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel"]} ins(%25 : tensor<32xf32>) outs(%24 : tensor<32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.divf %in, %cst_4 : f32
      linalg.yield %196 : f32
    } -> tensor<32xf32>
    %27 = linalg.generic {indexing_maps = [#map3, #map3], iterator_types = ["parallel"]} ins(%26 : tensor<32xf32>) outs(%24 : tensor<32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.powf %cst_5, %in : f32
      linalg.yield %196 : f32
    } -> tensor<32xf32>
    %expanded_10 = tensor.expand_shape %23 [[0, 1, 2]] output_shape [1, %21, 1] : tensor<?xi32> into tensor<1x?x1xi32>
    %28 = tensor.empty(%21) : tensor<1x?x1xf32>
    %29 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_10 : tensor<1x?x1xi32>) outs(%28 : tensor<1x?x1xf32>) {
    ^bb0(%in: i32, %out: f32):
      %196 = arith.sitofp %in : i32 to f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %30 = tensor.empty(%21) : tensor<1x?x32xf32>
    %31 = linalg.generic {indexing_maps = [#map1, #map2, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%29, %27 : tensor<1x?x1xf32>, tensor<32xf32>) outs(%30 : tensor<1x?x32xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x32xf32>
    %concat = tensor.concat dim(2) %31, %31 : (tensor<1x?x32xf32>, tensor<1x?x32xf32>) -> tensor<1x?x64xf32>
    %32 = tensor.empty(%21) : tensor<1x?x64xf32>
    %33 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%concat : tensor<1x?x64xf32>) outs(%32 : tensor<1x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.cos %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x64xf32>
    %34 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%concat : tensor<1x?x64xf32>) outs(%32 : tensor<1x?x64xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.sin %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x64xf32>
    %extracted_slice = tensor.extract_slice %expanded[0, 0, 0, 0] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %extracted_slice_11 = tensor.extract_slice %expanded[0, 0, 0, 32] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %35 = tensor.empty(%dim) : tensor<1x?x8x32xf32>
    %36 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_11 : tensor<1x?x8x32xf32>) outs(%35 : tensor<1x?x8x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.negf %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x32xf32>
    %concat_12 = tensor.concat dim(3) %36, %extracted_slice : (tensor<1x?x8x32xf32>, tensor<1x?x8x32xf32>) -> tensor<1x?x8x64xf32>
    %expanded_13 = tensor.expand_shape %33 [[0], [1], [2, 3]] output_shape [1, %21, 1, 64] : tensor<1x?x64xf32> into tensor<1x?x1x64xf32>
    %37 = arith.cmpi eq, %dim, %21 : index
    cf.assert %37, "mismatched size for broadcast"
    %38 = tensor.empty(%dim) : tensor<1x?x8x64xf32>
    %39 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded, %expanded_13 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%38 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x64xf32>
    %expanded_14 = tensor.expand_shape %34 [[0], [1], [2, 3]] output_shape [1, %21, 1, 64] : tensor<1x?x64xf32> into tensor<1x?x1x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %40 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_12, %expanded_14 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%38 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x64xf32>
    %41 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%39, %40 : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>) outs(%38 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x64xf32>
    %extracted_slice_15 = tensor.extract_slice %expanded_7[0, 0, 0, 0] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %extracted_slice_16 = tensor.extract_slice %expanded_7[0, 0, 0, 32] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %42 = tensor.empty(%dim) : tensor<1x?x2x32xf32>
    %43 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_16 : tensor<1x?x2x32xf32>) outs(%42 : tensor<1x?x2x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.negf %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x32xf32>
    %concat_17 = tensor.concat dim(3) %43, %extracted_slice_15 : (tensor<1x?x2x32xf32>, tensor<1x?x2x32xf32>) -> tensor<1x?x2x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %44 = tensor.empty(%dim) : tensor<1x?x2x64xf32>
    %45 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_7, %expanded_13 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%44 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %46 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_17, %expanded_14 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%44 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x64xf32>
    %47 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%45, %46 : tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>) outs(%44 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x64xf32>
    %48 = tensor.empty(%dim) : tensor<1x8x?x64xf32>
    %transposed_18 = linalg.transpose ins(%41 : tensor<1x?x8x64xf32>) outs(%48 : tensor<1x8x?x64xf32>) permutation = [0, 2, 1, 3] 
    %49 = tensor.empty(%dim) : tensor<1x2x?x64xf32>
    %transposed_19 = linalg.transpose ins(%47 : tensor<1x?x2x64xf32>) outs(%49 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_20 = linalg.transpose ins(%expanded_9 : tensor<1x?x2x64xf32>) outs(%49 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %threshold, %expiry = sparsek.topk_mask %scores topk(256) window(256) : tensor<1x2x?xf32>
    %output, %lse = sparsek.gathered_attention %transposed_18, %transposed_19, %transposed_20, %scores, %threshold, %expiry topk(256) window(256) : tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?xf32>, tensor<1x2x?xf32>, tensor<1x2x?xi32>
    %dim_21 = tensor.dim %output, %c2 : tensor<1x8x?x64xf32>
    %50 = tensor.empty(%dim_21) : tensor<1x?x8x64xf32>
    %transposed_22 = linalg.transpose ins(%output : tensor<1x8x?x64xf32>) outs(%50 : tensor<1x?x8x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_23 = linalg.transpose ins(%layers.0.attention.o_proj.weight : tensor<512x512xf32>) outs(%11 : tensor<512x512xf32>) permutation = [1, 0] 
    %collapsed_24 = tensor.collapse_shape %transposed_22 [[0, 1], [2, 3]] : tensor<1x?x8x64xf32> into tensor<?x512xf32>
    %51 = tensor.empty(%dim_21) : tensor<?x512xf32>
    %52 = linalg.fill ins(%cst : f32) outs(%51 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %53 = linalg.matmul ins(%collapsed_24, %transposed_23 : tensor<?x512xf32>, tensor<512x512xf32>) outs(%52 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %expanded_25 = tensor.expand_shape %53 [[0, 1], [2]] output_shape [1, %dim_21, 512] : tensor<?x512xf32> into tensor<1x?x512xf32>
    %54 = arith.cmpi eq, %dim, %dim_21 : index
    cf.assert %54, "mismatched size for broadcast"
    %55 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x, %expanded_25 : tensor<1x?x512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %56 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%55 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %57 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%56 : tensor<1x?x512xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.addf %in, %out : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %58 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%57 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.divf %in, %cst_2 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %59 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%58 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.truncf %cst_1 : f64 to f32
      %197 = arith.addf %in, %196 : f32
      linalg.yield %197 : f32
    } -> tensor<1x?x1xf32>
    %60 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%59 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.rsqrt %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %61 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%55, %60 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %62 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.0.mlp_norm.weight, %61 : tensor<512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %63 = tensor.empty() : tensor<512x1408xf32>
    %transposed_26 = linalg.transpose ins(%layers.0.gate_proj.weight : tensor<1408x512xf32>) outs(%63 : tensor<512x1408xf32>) permutation = [1, 0] 
    %collapsed_27 = tensor.collapse_shape %62 [[0, 1], [2]] : tensor<1x?x512xf32> into tensor<?x512xf32>
    %64 = tensor.empty(%dim) : tensor<?x1408xf32>
    %65 = linalg.fill ins(%cst : f32) outs(%64 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %66 = linalg.matmul ins(%collapsed_27, %transposed_26 : tensor<?x512xf32>, tensor<512x1408xf32>) outs(%65 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %expanded_28 = tensor.expand_shape %66 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xf32> into tensor<1x?x1408xf32>
    %67 = tensor.empty(%dim) : tensor<1x?x1408xf32>
    %68 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_28 : tensor<1x?x1408xf32>) outs(%67 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.negf %in : f32
      %197 = math.exp %196 : f32
      %198 = arith.addf %197, %cst_0 : f32
      %199 = arith.divf %cst_0, %198 : f32
      linalg.yield %199 : f32
    } -> tensor<1x?x1408xf32>
    %69 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_28, %68 : tensor<1x?x1408xf32>, tensor<1x?x1408xf32>) outs(%67 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1408xf32>
    %transposed_29 = linalg.transpose ins(%layers.0.up_proj.weight : tensor<1408x512xf32>) outs(%63 : tensor<512x1408xf32>) permutation = [1, 0] 
    %70 = linalg.matmul ins(%collapsed_27, %transposed_29 : tensor<?x512xf32>, tensor<512x1408xf32>) outs(%65 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %expanded_30 = tensor.expand_shape %70 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xf32> into tensor<1x?x1408xf32>
    %71 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%69, %expanded_30 : tensor<1x?x1408xf32>, tensor<1x?x1408xf32>) outs(%67 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1408xf32>
    %72 = tensor.empty() : tensor<1408x512xf32>
    %transposed_31 = linalg.transpose ins(%layers.0.down_proj.weight : tensor<512x1408xf32>) outs(%72 : tensor<1408x512xf32>) permutation = [1, 0] 
    %collapsed_32 = tensor.collapse_shape %71 [[0, 1], [2]] : tensor<1x?x1408xf32> into tensor<?x1408xf32>
    %73 = linalg.matmul ins(%collapsed_32, %transposed_31 : tensor<?x1408xf32>, tensor<1408x512xf32>) outs(%13 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %expanded_33 = tensor.expand_shape %73 [[0, 1], [2]] output_shape [1, %dim, 512] : tensor<?x512xf32> into tensor<1x?x512xf32>
    %74 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%55, %expanded_33 : tensor<1x?x512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %75 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%74 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %76 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%75 : tensor<1x?x512xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.addf %in, %out : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %77 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%76 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.divf %in, %cst_2 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %78 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%77 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.truncf %cst_1 : f64 to f32
      %197 = arith.addf %in, %196 : f32
      linalg.yield %197 : f32
    } -> tensor<1x?x1xf32>
    %79 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%78 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.rsqrt %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %80 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%74, %79 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %81 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.1.norm.weight, %80 : tensor<512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %scores_34 = sparsek.score %81, %layers.1.attention.score_weight : tensor<1x?x512xf32>, tensor<512x2xf32>
    %transposed_35 = linalg.transpose ins(%layers.1.attention.q_proj.weight : tensor<512x512xf32>) outs(%11 : tensor<512x512xf32>) permutation = [1, 0] 
    %collapsed_36 = tensor.collapse_shape %81 [[0, 1], [2]] : tensor<1x?x512xf32> into tensor<?x512xf32>
    %82 = linalg.matmul ins(%collapsed_36, %transposed_35 : tensor<?x512xf32>, tensor<512x512xf32>) outs(%13 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %expanded_37 = tensor.expand_shape %82 [[0, 1], [2, 3]] output_shape [1, %dim, 8, 64] : tensor<?x512xf32> into tensor<1x?x8x64xf32>
    %transposed_38 = linalg.transpose ins(%layers.1.attention.k_proj.weight : tensor<128x512xf32>) outs(%15 : tensor<512x128xf32>) permutation = [1, 0] 
    %83 = linalg.matmul ins(%collapsed_36, %transposed_38 : tensor<?x512xf32>, tensor<512x128xf32>) outs(%17 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_39 = tensor.expand_shape %83 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %transposed_40 = linalg.transpose ins(%layers.1.attention.v_proj.weight : tensor<128x512xf32>) outs(%15 : tensor<512x128xf32>) permutation = [1, 0] 
    %84 = linalg.matmul ins(%collapsed_36, %transposed_40 : tensor<?x512xf32>, tensor<512x128xf32>) outs(%17 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_41 = tensor.expand_shape %84 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %extracted_slice_42 = tensor.extract_slice %expanded_37[0, 0, 0, 0] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %extracted_slice_43 = tensor.extract_slice %expanded_37[0, 0, 0, 32] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %85 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_43 : tensor<1x?x8x32xf32>) outs(%35 : tensor<1x?x8x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.negf %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x32xf32>
    %concat_44 = tensor.concat dim(3) %85, %extracted_slice_42 : (tensor<1x?x8x32xf32>, tensor<1x?x8x32xf32>) -> tensor<1x?x8x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %86 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_37, %expanded_13 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%38 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %87 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_44, %expanded_14 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%38 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x64xf32>
    %88 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%86, %87 : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>) outs(%38 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x64xf32>
    %extracted_slice_45 = tensor.extract_slice %expanded_39[0, 0, 0, 0] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %extracted_slice_46 = tensor.extract_slice %expanded_39[0, 0, 0, 32] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %89 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_46 : tensor<1x?x2x32xf32>) outs(%42 : tensor<1x?x2x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.negf %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x32xf32>
    %concat_47 = tensor.concat dim(3) %89, %extracted_slice_45 : (tensor<1x?x2x32xf32>, tensor<1x?x2x32xf32>) -> tensor<1x?x2x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %90 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_39, %expanded_13 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%44 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %91 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_47, %expanded_14 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%44 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x64xf32>
    %92 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%90, %91 : tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>) outs(%44 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x64xf32>
    %transposed_48 = linalg.transpose ins(%88 : tensor<1x?x8x64xf32>) outs(%48 : tensor<1x8x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_49 = linalg.transpose ins(%92 : tensor<1x?x2x64xf32>) outs(%49 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_50 = linalg.transpose ins(%expanded_41 : tensor<1x?x2x64xf32>) outs(%49 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %threshold_51, %expiry_52 = sparsek.topk_mask %scores_34 topk(256) window(256) : tensor<1x2x?xf32>
    %output_53, %lse_54 = sparsek.gathered_attention %transposed_48, %transposed_49, %transposed_50, %scores_34, %threshold_51, %expiry_52 topk(256) window(256) : tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?xf32>, tensor<1x2x?xf32>, tensor<1x2x?xi32>
    %dim_55 = tensor.dim %output_53, %c2 : tensor<1x8x?x64xf32>
    %93 = tensor.empty(%dim_55) : tensor<1x?x8x64xf32>
    %transposed_56 = linalg.transpose ins(%output_53 : tensor<1x8x?x64xf32>) outs(%93 : tensor<1x?x8x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_57 = linalg.transpose ins(%layers.1.attention.o_proj.weight : tensor<512x512xf32>) outs(%11 : tensor<512x512xf32>) permutation = [1, 0] 
    %collapsed_58 = tensor.collapse_shape %transposed_56 [[0, 1], [2, 3]] : tensor<1x?x8x64xf32> into tensor<?x512xf32>
    %94 = tensor.empty(%dim_55) : tensor<?x512xf32>
    %95 = linalg.fill ins(%cst : f32) outs(%94 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %96 = linalg.matmul ins(%collapsed_58, %transposed_57 : tensor<?x512xf32>, tensor<512x512xf32>) outs(%95 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %expanded_59 = tensor.expand_shape %96 [[0, 1], [2]] output_shape [1, %dim_55, 512] : tensor<?x512xf32> into tensor<1x?x512xf32>
    %97 = arith.cmpi eq, %dim, %dim_55 : index
    cf.assert %97, "mismatched size for broadcast"
    %98 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%74, %expanded_59 : tensor<1x?x512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %99 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%98 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %100 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%99 : tensor<1x?x512xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.addf %in, %out : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %101 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%100 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.divf %in, %cst_2 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %102 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%101 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.truncf %cst_1 : f64 to f32
      %197 = arith.addf %in, %196 : f32
      linalg.yield %197 : f32
    } -> tensor<1x?x1xf32>
    %103 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%102 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.rsqrt %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %104 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%98, %103 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %105 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.1.mlp_norm.weight, %104 : tensor<512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %transposed_60 = linalg.transpose ins(%layers.1.gate_proj.weight : tensor<1408x512xf32>) outs(%63 : tensor<512x1408xf32>) permutation = [1, 0] 
    %collapsed_61 = tensor.collapse_shape %105 [[0, 1], [2]] : tensor<1x?x512xf32> into tensor<?x512xf32>
    %106 = linalg.matmul ins(%collapsed_61, %transposed_60 : tensor<?x512xf32>, tensor<512x1408xf32>) outs(%65 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %expanded_62 = tensor.expand_shape %106 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xf32> into tensor<1x?x1408xf32>
    %107 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_62 : tensor<1x?x1408xf32>) outs(%67 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.negf %in : f32
      %197 = math.exp %196 : f32
      %198 = arith.addf %197, %cst_0 : f32
      %199 = arith.divf %cst_0, %198 : f32
      linalg.yield %199 : f32
    } -> tensor<1x?x1408xf32>
    %108 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_62, %107 : tensor<1x?x1408xf32>, tensor<1x?x1408xf32>) outs(%67 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1408xf32>
    %transposed_63 = linalg.transpose ins(%layers.1.up_proj.weight : tensor<1408x512xf32>) outs(%63 : tensor<512x1408xf32>) permutation = [1, 0] 
    %109 = linalg.matmul ins(%collapsed_61, %transposed_63 : tensor<?x512xf32>, tensor<512x1408xf32>) outs(%65 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %expanded_64 = tensor.expand_shape %109 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xf32> into tensor<1x?x1408xf32>
    %110 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%108, %expanded_64 : tensor<1x?x1408xf32>, tensor<1x?x1408xf32>) outs(%67 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1408xf32>
    %transposed_65 = linalg.transpose ins(%layers.1.down_proj.weight : tensor<512x1408xf32>) outs(%72 : tensor<1408x512xf32>) permutation = [1, 0] 
    %collapsed_66 = tensor.collapse_shape %110 [[0, 1], [2]] : tensor<1x?x1408xf32> into tensor<?x1408xf32>
    %111 = linalg.matmul ins(%collapsed_66, %transposed_65 : tensor<?x1408xf32>, tensor<1408x512xf32>) outs(%13 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %expanded_67 = tensor.expand_shape %111 [[0, 1], [2]] output_shape [1, %dim, 512] : tensor<?x512xf32> into tensor<1x?x512xf32>
    %112 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%98, %expanded_67 : tensor<1x?x512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %113 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%112 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %114 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%113 : tensor<1x?x512xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.addf %in, %out : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %115 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%114 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.divf %in, %cst_2 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %116 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%115 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.truncf %cst_1 : f64 to f32
      %197 = arith.addf %in, %196 : f32
      linalg.yield %197 : f32
    } -> tensor<1x?x1xf32>
    %117 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%116 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.rsqrt %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %118 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%112, %117 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %119 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.2.norm.weight, %118 : tensor<512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %scores_68 = sparsek.score %119, %layers.2.attention.score_weight : tensor<1x?x512xf32>, tensor<512x2xf32>
    %transposed_69 = linalg.transpose ins(%layers.2.attention.q_proj.weight : tensor<512x512xf32>) outs(%11 : tensor<512x512xf32>) permutation = [1, 0] 
    %collapsed_70 = tensor.collapse_shape %119 [[0, 1], [2]] : tensor<1x?x512xf32> into tensor<?x512xf32>
    %120 = linalg.matmul ins(%collapsed_70, %transposed_69 : tensor<?x512xf32>, tensor<512x512xf32>) outs(%13 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %expanded_71 = tensor.expand_shape %120 [[0, 1], [2, 3]] output_shape [1, %dim, 8, 64] : tensor<?x512xf32> into tensor<1x?x8x64xf32>
    %transposed_72 = linalg.transpose ins(%layers.2.attention.k_proj.weight : tensor<128x512xf32>) outs(%15 : tensor<512x128xf32>) permutation = [1, 0] 
    %121 = linalg.matmul ins(%collapsed_70, %transposed_72 : tensor<?x512xf32>, tensor<512x128xf32>) outs(%17 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_73 = tensor.expand_shape %121 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %transposed_74 = linalg.transpose ins(%layers.2.attention.v_proj.weight : tensor<128x512xf32>) outs(%15 : tensor<512x128xf32>) permutation = [1, 0] 
    %122 = linalg.matmul ins(%collapsed_70, %transposed_74 : tensor<?x512xf32>, tensor<512x128xf32>) outs(%17 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_75 = tensor.expand_shape %122 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %extracted_slice_76 = tensor.extract_slice %expanded_71[0, 0, 0, 0] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %extracted_slice_77 = tensor.extract_slice %expanded_71[0, 0, 0, 32] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %123 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_77 : tensor<1x?x8x32xf32>) outs(%35 : tensor<1x?x8x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.negf %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x32xf32>
    %concat_78 = tensor.concat dim(3) %123, %extracted_slice_76 : (tensor<1x?x8x32xf32>, tensor<1x?x8x32xf32>) -> tensor<1x?x8x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %124 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_71, %expanded_13 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%38 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %125 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_78, %expanded_14 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%38 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x64xf32>
    %126 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%124, %125 : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>) outs(%38 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x64xf32>
    %extracted_slice_79 = tensor.extract_slice %expanded_73[0, 0, 0, 0] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %extracted_slice_80 = tensor.extract_slice %expanded_73[0, 0, 0, 32] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %127 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_80 : tensor<1x?x2x32xf32>) outs(%42 : tensor<1x?x2x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.negf %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x32xf32>
    %concat_81 = tensor.concat dim(3) %127, %extracted_slice_79 : (tensor<1x?x2x32xf32>, tensor<1x?x2x32xf32>) -> tensor<1x?x2x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %128 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_73, %expanded_13 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%44 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %129 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_81, %expanded_14 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%44 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x64xf32>
    %130 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%128, %129 : tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>) outs(%44 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x64xf32>
    %transposed_82 = linalg.transpose ins(%126 : tensor<1x?x8x64xf32>) outs(%48 : tensor<1x8x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_83 = linalg.transpose ins(%130 : tensor<1x?x2x64xf32>) outs(%49 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_84 = linalg.transpose ins(%expanded_75 : tensor<1x?x2x64xf32>) outs(%49 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %threshold_85, %expiry_86 = sparsek.topk_mask %scores_68 topk(256) window(256) : tensor<1x2x?xf32>
    %output_87, %lse_88 = sparsek.gathered_attention %transposed_82, %transposed_83, %transposed_84, %scores_68, %threshold_85, %expiry_86 topk(256) window(256) : tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?xf32>, tensor<1x2x?xf32>, tensor<1x2x?xi32>
    %dim_89 = tensor.dim %output_87, %c2 : tensor<1x8x?x64xf32>
    %131 = tensor.empty(%dim_89) : tensor<1x?x8x64xf32>
    %transposed_90 = linalg.transpose ins(%output_87 : tensor<1x8x?x64xf32>) outs(%131 : tensor<1x?x8x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_91 = linalg.transpose ins(%layers.2.attention.o_proj.weight : tensor<512x512xf32>) outs(%11 : tensor<512x512xf32>) permutation = [1, 0] 
    %collapsed_92 = tensor.collapse_shape %transposed_90 [[0, 1], [2, 3]] : tensor<1x?x8x64xf32> into tensor<?x512xf32>
    %132 = tensor.empty(%dim_89) : tensor<?x512xf32>
    %133 = linalg.fill ins(%cst : f32) outs(%132 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %134 = linalg.matmul ins(%collapsed_92, %transposed_91 : tensor<?x512xf32>, tensor<512x512xf32>) outs(%133 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %expanded_93 = tensor.expand_shape %134 [[0, 1], [2]] output_shape [1, %dim_89, 512] : tensor<?x512xf32> into tensor<1x?x512xf32>
    %135 = arith.cmpi eq, %dim, %dim_89 : index
    cf.assert %135, "mismatched size for broadcast"
    %136 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%112, %expanded_93 : tensor<1x?x512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %137 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%136 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %138 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%137 : tensor<1x?x512xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.addf %in, %out : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %139 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%138 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.divf %in, %cst_2 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %140 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%139 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.truncf %cst_1 : f64 to f32
      %197 = arith.addf %in, %196 : f32
      linalg.yield %197 : f32
    } -> tensor<1x?x1xf32>
    %141 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%140 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.rsqrt %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %142 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%136, %141 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %143 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.2.mlp_norm.weight, %142 : tensor<512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %transposed_94 = linalg.transpose ins(%layers.2.gate_proj.weight : tensor<1408x512xf32>) outs(%63 : tensor<512x1408xf32>) permutation = [1, 0] 
    %collapsed_95 = tensor.collapse_shape %143 [[0, 1], [2]] : tensor<1x?x512xf32> into tensor<?x512xf32>
    %144 = linalg.matmul ins(%collapsed_95, %transposed_94 : tensor<?x512xf32>, tensor<512x1408xf32>) outs(%65 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %expanded_96 = tensor.expand_shape %144 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xf32> into tensor<1x?x1408xf32>
    %145 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_96 : tensor<1x?x1408xf32>) outs(%67 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.negf %in : f32
      %197 = math.exp %196 : f32
      %198 = arith.addf %197, %cst_0 : f32
      %199 = arith.divf %cst_0, %198 : f32
      linalg.yield %199 : f32
    } -> tensor<1x?x1408xf32>
    %146 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_96, %145 : tensor<1x?x1408xf32>, tensor<1x?x1408xf32>) outs(%67 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1408xf32>
    %transposed_97 = linalg.transpose ins(%layers.2.up_proj.weight : tensor<1408x512xf32>) outs(%63 : tensor<512x1408xf32>) permutation = [1, 0] 
    %147 = linalg.matmul ins(%collapsed_95, %transposed_97 : tensor<?x512xf32>, tensor<512x1408xf32>) outs(%65 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %expanded_98 = tensor.expand_shape %147 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xf32> into tensor<1x?x1408xf32>
    %148 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%146, %expanded_98 : tensor<1x?x1408xf32>, tensor<1x?x1408xf32>) outs(%67 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1408xf32>
    %transposed_99 = linalg.transpose ins(%layers.2.down_proj.weight : tensor<512x1408xf32>) outs(%72 : tensor<1408x512xf32>) permutation = [1, 0] 
    %collapsed_100 = tensor.collapse_shape %148 [[0, 1], [2]] : tensor<1x?x1408xf32> into tensor<?x1408xf32>
    %149 = linalg.matmul ins(%collapsed_100, %transposed_99 : tensor<?x1408xf32>, tensor<1408x512xf32>) outs(%13 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %expanded_101 = tensor.expand_shape %149 [[0, 1], [2]] output_shape [1, %dim, 512] : tensor<?x512xf32> into tensor<1x?x512xf32>
    %150 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%136, %expanded_101 : tensor<1x?x512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %151 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%150 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %152 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%151 : tensor<1x?x512xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.addf %in, %out : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %153 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%152 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.divf %in, %cst_2 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %154 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%153 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.truncf %cst_1 : f64 to f32
      %197 = arith.addf %in, %196 : f32
      linalg.yield %197 : f32
    } -> tensor<1x?x1xf32>
    %155 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%154 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.rsqrt %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %156 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%150, %155 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %157 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.3.norm.weight, %156 : tensor<512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %scores_102 = sparsek.score %157, %layers.3.attention.score_weight : tensor<1x?x512xf32>, tensor<512x2xf32>
    %transposed_103 = linalg.transpose ins(%layers.3.attention.q_proj.weight : tensor<512x512xf32>) outs(%11 : tensor<512x512xf32>) permutation = [1, 0] 
    %collapsed_104 = tensor.collapse_shape %157 [[0, 1], [2]] : tensor<1x?x512xf32> into tensor<?x512xf32>
    %158 = linalg.matmul ins(%collapsed_104, %transposed_103 : tensor<?x512xf32>, tensor<512x512xf32>) outs(%13 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %expanded_105 = tensor.expand_shape %158 [[0, 1], [2, 3]] output_shape [1, %dim, 8, 64] : tensor<?x512xf32> into tensor<1x?x8x64xf32>
    %transposed_106 = linalg.transpose ins(%layers.3.attention.k_proj.weight : tensor<128x512xf32>) outs(%15 : tensor<512x128xf32>) permutation = [1, 0] 
    %159 = linalg.matmul ins(%collapsed_104, %transposed_106 : tensor<?x512xf32>, tensor<512x128xf32>) outs(%17 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_107 = tensor.expand_shape %159 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %transposed_108 = linalg.transpose ins(%layers.3.attention.v_proj.weight : tensor<128x512xf32>) outs(%15 : tensor<512x128xf32>) permutation = [1, 0] 
    %160 = linalg.matmul ins(%collapsed_104, %transposed_108 : tensor<?x512xf32>, tensor<512x128xf32>) outs(%17 : tensor<?x128xf32>) -> tensor<?x128xf32>
    %expanded_109 = tensor.expand_shape %160 [[0, 1], [2, 3]] output_shape [1, %dim, 2, 64] : tensor<?x128xf32> into tensor<1x?x2x64xf32>
    %extracted_slice_110 = tensor.extract_slice %expanded_105[0, 0, 0, 0] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %extracted_slice_111 = tensor.extract_slice %expanded_105[0, 0, 0, 32] [1, %dim, 8, 32] [1, 1, 1, 1] : tensor<1x?x8x64xf32> to tensor<1x?x8x32xf32>
    %161 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_111 : tensor<1x?x8x32xf32>) outs(%35 : tensor<1x?x8x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.negf %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x32xf32>
    %concat_112 = tensor.concat dim(3) %161, %extracted_slice_110 : (tensor<1x?x8x32xf32>, tensor<1x?x8x32xf32>) -> tensor<1x?x8x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %162 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_105, %expanded_13 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%38 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %163 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_112, %expanded_14 : tensor<1x?x8x64xf32>, tensor<1x?x1x64xf32>) outs(%38 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x64xf32>
    %164 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%162, %163 : tensor<1x?x8x64xf32>, tensor<1x?x8x64xf32>) outs(%38 : tensor<1x?x8x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x8x64xf32>
    %extracted_slice_113 = tensor.extract_slice %expanded_107[0, 0, 0, 0] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %extracted_slice_114 = tensor.extract_slice %expanded_107[0, 0, 0, 32] [1, %dim, 2, 32] [1, 1, 1, 1] : tensor<1x?x2x64xf32> to tensor<1x?x2x32xf32>
    %165 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%extracted_slice_114 : tensor<1x?x2x32xf32>) outs(%42 : tensor<1x?x2x32xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.negf %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x32xf32>
    %concat_115 = tensor.concat dim(3) %165, %extracted_slice_113 : (tensor<1x?x2x32xf32>, tensor<1x?x2x32xf32>) -> tensor<1x?x2x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %166 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%expanded_107, %expanded_13 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%44 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x64xf32>
    cf.assert %37, "mismatched size for broadcast"
    %167 = linalg.generic {indexing_maps = [#map4, #map5, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%concat_115, %expanded_14 : tensor<1x?x2x64xf32>, tensor<1x?x1x64xf32>) outs(%44 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x64xf32>
    %168 = linalg.generic {indexing_maps = [#map4, #map4, #map4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%166, %167 : tensor<1x?x2x64xf32>, tensor<1x?x2x64xf32>) outs(%44 : tensor<1x?x2x64xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x2x64xf32>
    %transposed_116 = linalg.transpose ins(%164 : tensor<1x?x8x64xf32>) outs(%48 : tensor<1x8x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_117 = linalg.transpose ins(%168 : tensor<1x?x2x64xf32>) outs(%49 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_118 = linalg.transpose ins(%expanded_109 : tensor<1x?x2x64xf32>) outs(%49 : tensor<1x2x?x64xf32>) permutation = [0, 2, 1, 3] 
    %threshold_119, %expiry_120 = sparsek.topk_mask %scores_102 topk(256) window(256) : tensor<1x2x?xf32>
    %output_121, %lse_122 = sparsek.gathered_attention %transposed_116, %transposed_117, %transposed_118, %scores_102, %threshold_119, %expiry_120 topk(256) window(256) : tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?xf32>, tensor<1x2x?xf32>, tensor<1x2x?xi32>
    %dim_123 = tensor.dim %output_121, %c2 : tensor<1x8x?x64xf32>
    %169 = tensor.empty(%dim_123) : tensor<1x?x8x64xf32>
    %transposed_124 = linalg.transpose ins(%output_121 : tensor<1x8x?x64xf32>) outs(%169 : tensor<1x?x8x64xf32>) permutation = [0, 2, 1, 3] 
    %transposed_125 = linalg.transpose ins(%layers.3.attention.o_proj.weight : tensor<512x512xf32>) outs(%11 : tensor<512x512xf32>) permutation = [1, 0] 
    %collapsed_126 = tensor.collapse_shape %transposed_124 [[0, 1], [2, 3]] : tensor<1x?x8x64xf32> into tensor<?x512xf32>
    %170 = tensor.empty(%dim_123) : tensor<?x512xf32>
    %171 = linalg.fill ins(%cst : f32) outs(%170 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %172 = linalg.matmul ins(%collapsed_126, %transposed_125 : tensor<?x512xf32>, tensor<512x512xf32>) outs(%171 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %expanded_127 = tensor.expand_shape %172 [[0, 1], [2]] output_shape [1, %dim_123, 512] : tensor<?x512xf32> into tensor<1x?x512xf32>
    %173 = arith.cmpi eq, %dim, %dim_123 : index
    cf.assert %173, "mismatched size for broadcast"
    %174 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%150, %expanded_127 : tensor<1x?x512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %175 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%174 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %176 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%175 : tensor<1x?x512xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.addf %in, %out : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %177 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%176 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.divf %in, %cst_2 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %178 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%177 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.truncf %cst_1 : f64 to f32
      %197 = arith.addf %in, %196 : f32
      linalg.yield %197 : f32
    } -> tensor<1x?x1xf32>
    %179 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%178 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.rsqrt %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %180 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%174, %179 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %181 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%layers.3.mlp_norm.weight, %180 : tensor<512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %transposed_128 = linalg.transpose ins(%layers.3.gate_proj.weight : tensor<1408x512xf32>) outs(%63 : tensor<512x1408xf32>) permutation = [1, 0] 
    %collapsed_129 = tensor.collapse_shape %181 [[0, 1], [2]] : tensor<1x?x512xf32> into tensor<?x512xf32>
    %182 = linalg.matmul ins(%collapsed_129, %transposed_128 : tensor<?x512xf32>, tensor<512x1408xf32>) outs(%65 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %expanded_130 = tensor.expand_shape %182 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xf32> into tensor<1x?x1408xf32>
    %183 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_130 : tensor<1x?x1408xf32>) outs(%67 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.negf %in : f32
      %197 = math.exp %196 : f32
      %198 = arith.addf %197, %cst_0 : f32
      %199 = arith.divf %cst_0, %198 : f32
      linalg.yield %199 : f32
    } -> tensor<1x?x1408xf32>
    %184 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%expanded_130, %183 : tensor<1x?x1408xf32>, tensor<1x?x1408xf32>) outs(%67 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1408xf32>
    %transposed_131 = linalg.transpose ins(%layers.3.up_proj.weight : tensor<1408x512xf32>) outs(%63 : tensor<512x1408xf32>) permutation = [1, 0] 
    %185 = linalg.matmul ins(%collapsed_129, %transposed_131 : tensor<?x512xf32>, tensor<512x1408xf32>) outs(%65 : tensor<?x1408xf32>) -> tensor<?x1408xf32>
    %expanded_132 = tensor.expand_shape %185 [[0, 1], [2]] output_shape [1, %dim, 1408] : tensor<?x1408xf32> into tensor<1x?x1408xf32>
    %186 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%184, %expanded_132 : tensor<1x?x1408xf32>, tensor<1x?x1408xf32>) outs(%67 : tensor<1x?x1408xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1408xf32>
    %transposed_133 = linalg.transpose ins(%layers.3.down_proj.weight : tensor<512x1408xf32>) outs(%72 : tensor<1408x512xf32>) permutation = [1, 0] 
    %collapsed_134 = tensor.collapse_shape %186 [[0, 1], [2]] : tensor<1x?x1408xf32> into tensor<?x1408xf32>
    %187 = linalg.matmul ins(%collapsed_134, %transposed_133 : tensor<?x1408xf32>, tensor<1408x512xf32>) outs(%13 : tensor<?x512xf32>) -> tensor<?x512xf32>
    %expanded_135 = tensor.expand_shape %187 [[0, 1], [2]] output_shape [1, %dim, 512] : tensor<?x512xf32> into tensor<1x?x512xf32>
    %188 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%174, %expanded_135 : tensor<1x?x512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.addf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %189 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%188 : tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %190 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel", "reduction"]} ins(%189 : tensor<1x?x512xf32>) outs(%4 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.addf %in, %out : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %191 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%190 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.divf %in, %cst_2 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %192 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%191 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = arith.truncf %cst_1 : f64 to f32
      %197 = arith.addf %in, %196 : f32
      linalg.yield %197 : f32
    } -> tensor<1x?x1xf32>
    %193 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%192 : tensor<1x?x1xf32>) outs(%3 : tensor<1x?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %196 = math.rsqrt %in : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x1xf32>
    %194 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%188, %193 : tensor<1x?x512xf32>, tensor<1x?x1xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    %195 = linalg.generic {indexing_maps = [#map2, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]} ins(%norm.weight, %194 : tensor<512xf32>, tensor<1x?x512xf32>) outs(%1 : tensor<1x?x512xf32>) {
    ^bb0(%in: f32, %in_136: f32, %out: f32):
      %196 = arith.mulf %in, %in_136 : f32
      linalg.yield %196 : f32
    } -> tensor<1x?x512xf32>
    return %195 : tensor<1x?x512xf32>
  }
}
