// from: iree-compile 3.13 --compile-to=input, generic form, SDPA, is_causal, fewer queries than keys
// expect: leave: unknown mask
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"builtin.module"() ({
  "util.func"() <{function_type = (!hal.buffer_view, !hal.buffer_view, !hal.buffer_view, !hal.fence, !hal.fence) -> !hal.buffer_view, inlining_policy = #util.inline.never, sym_name = "main$async"}> ({
  ^bb0(%arg3: !hal.buffer_view, %arg4: !hal.buffer_view, %arg5: !hal.buffer_view, %arg6: !hal.fence, %arg7: !hal.fence):
    %7 = "arith.constant"() <{value = 0.000000e+00 : f32}> : () -> f32
    %8 = "arith.constant"() <{value = 0xFF800000 : f32}> : () -> f32
    %9 = "arith.constant"() <{value = 0.176776692 : f32}> : () -> f32
    %10 = "hal.tensor.import"(%arg3, %arg6) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x8x16x32xf32>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x8x16x32xf32>
    %11 = "hal.tensor.import"(%arg4, %arg6) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x8x64x32xf32>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x8x64x32xf32>
    %12 = "hal.tensor.import"(%arg5, %arg6) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x8x64x32xf32>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x8x64x32xf32>
    %13 = "tensor.empty"() : () -> tensor<1x8x16x64xf32>
    %14 = "linalg.fill"(%7, %13) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg10: f32, %arg11: f32):
      "linalg.yield"(%arg10) : (f32) -> ()
    }) : (f32, tensor<1x8x16x64xf32>) -> tensor<1x8x16x64xf32>
    %15 = "linalg.generic"(%14) <{indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 0, 1>}> ({
    ^bb0(%arg9: f32):
      %25 = "linalg.index"() <{dim = 2 : i64}> : () -> index
      %26 = "linalg.index"() <{dim = 3 : i64}> : () -> index
      %27 = "arith.cmpi"(%25, %26) <{predicate = 5 : i64}> : (index, index) -> i1
      %28 = "arith.select"(%27, %7, %8) : (i1, f32, f32) -> f32
      "linalg.yield"(%28) : (f32) -> ()
    }) : (tensor<1x8x16x64xf32>) -> tensor<1x8x16x64xf32>
    %16 = "tensor.collapse_shape"(%10) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x8x16x32xf32>) -> tensor<8x16x32xf32>
    %17 = "tensor.collapse_shape"(%11) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x8x64x32xf32>) -> tensor<8x64x32xf32>
    %18 = "tensor.collapse_shape"(%12) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x8x64x32xf32>) -> tensor<8x64x32xf32>
    %19 = "tensor.collapse_shape"(%15) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x8x16x64xf32>) -> tensor<8x16x64xf32>
    %20 = "tensor.empty"() : () -> tensor<8x16x32xf32>
    %21 = "iree_linalg_ext.attention"(%16, %17, %18, %9, %19, %20) <{indexing_maps = [affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d4, d3)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d4, d2)>, affine_map<(d0, d1, d2, d3, d4) -> ()>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d4)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2)>]}> ({
    ^bb0(%arg8: f32):
      "iree_linalg_ext.yield"(%arg8) : (f32) -> ()
    }) : (tensor<8x16x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x16x64xf32>, tensor<8x16x32xf32>) -> tensor<8x16x32xf32>
    %22 = "tensor.expand_shape"(%21) <{reassociation = [[0, 1], [2], [3]], static_output_shape = array<i64: 1, 8, 16, 32>}> : (tensor<8x16x32xf32>) -> tensor<1x8x16x32xf32>
    %23 = "hal.tensor.barrier"(%22, %arg7) : (tensor<1x8x16x32xf32>, !hal.fence) -> tensor<1x8x16x32xf32>
    %24 = "hal.tensor.export"(%23) <{source_encoding = tensor<1x8x16x32xf32>}> : (tensor<1x8x16x32xf32>) -> !hal.buffer_view
    "util.return"(%24) : (!hal.buffer_view) -> ()
  }) {iree.abi.model = "coarse-fences", iree.abi.stub} : () -> ()
  "util.func"() <{function_type = (!hal.buffer_view, !hal.buffer_view, !hal.buffer_view) -> !hal.buffer_view, sym_name = "main"}> ({
  ^bb0(%arg0: !hal.buffer_view, %arg1: !hal.buffer_view, %arg2: !hal.buffer_view):
    %0 = "util.null"() : () -> !hal.fence
    %1 = "arith.constant"() <{value = -1 : i32}> : () -> i32
    %2 = "arith.constant"() <{value = 0 : index}> : () -> index
    %3 = "hal.devices.get"(%2) : (index) -> !hal.device
    %4 = "hal.fence.create"(%3) <{flags = 0 : i64}> : (!hal.device) -> !hal.fence
    %5 = "util.call"(%arg0, %arg1, %arg2, %0, %4) <{callee = @main$async}> : (!hal.buffer_view, !hal.buffer_view, !hal.buffer_view, !hal.fence, !hal.fence) -> !hal.buffer_view
    %6 = "hal.fence.await"(%1, %4) <{flags = 0 : i64}> : (i32, !hal.fence) -> i32
    "util.return"(%5) : (!hal.buffer_view) -> ()
  }) {iree.abi.stub} : () -> ()
}) : () -> ()