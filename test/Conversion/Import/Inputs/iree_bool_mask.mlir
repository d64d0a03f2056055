// from: iree-compile 3.13 --compile-to=input, generic form, SDPA, boolean mask
// expect: leave: unknown mask
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"builtin.module"() ({
  "util.func"() <{function_type = (!hal.buffer_view, !hal.buffer_view, !hal.buffer_view, !hal.buffer_view, !hal.fence, !hal.fence) -> !hal.buffer_view, inlining_policy = #util.inline.never, sym_name = "main$async"}> ({
  ^bb0(%arg4: !hal.buffer_view, %arg5: !hal.buffer_view, %arg6: !hal.buffer_view, %arg7: !hal.buffer_view, %arg8: !hal.fence, %arg9: !hal.fence):
    %7 = "arith.constant"() <{value = 0.176776692 : f32}> : () -> f32
    %8 = "hal.tensor.import"(%arg4, %arg8) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x8x64x32xf32>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x8x64x32xf32>
    %9 = "hal.tensor.import"(%arg5, %arg8) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x8x64x32xf32>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x8x64x32xf32>
    %10 = "hal.tensor.import"(%arg6, %arg8) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x8x64x32xf32>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x8x64x32xf32>
    %11 = "hal.tensor.import"(%arg7, %arg8) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x1x64x64xi1>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x1x64x64xi1>
    %12 = "tensor.empty"() : () -> tensor<1x8x64x64xi1>
    %13 = "linalg.generic"(%11, %12) <{indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, 0, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg11: i1, %arg12: i1):
      "linalg.yield"(%arg11) : (i1) -> ()
    }) : (tensor<1x1x64x64xi1>, tensor<1x8x64x64xi1>) -> tensor<1x8x64x64xi1>
    %14 = "tensor.collapse_shape"(%8) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x8x64x32xf32>) -> tensor<8x64x32xf32>
    %15 = "tensor.collapse_shape"(%9) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x8x64x32xf32>) -> tensor<8x64x32xf32>
    %16 = "tensor.collapse_shape"(%10) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x8x64x32xf32>) -> tensor<8x64x32xf32>
    %17 = "tensor.collapse_shape"(%13) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x8x64x64xi1>) -> tensor<8x64x64xi1>
    %18 = "tensor.empty"() : () -> tensor<8x64x32xf32>
    %19 = "iree_linalg_ext.attention"(%14, %15, %16, %7, %17, %18) <{indexing_maps = [affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d4, d3)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d4, d2)>, affine_map<(d0, d1, d2, d3, d4) -> ()>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d4)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2)>]}> ({
    ^bb0(%arg10: f32):
      "iree_linalg_ext.yield"(%arg10) : (f32) -> ()
    }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x64xi1>, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
    %20 = "tensor.expand_shape"(%19) <{reassociation = [[0, 1], [2], [3]], static_output_shape = array<i64: 1, 8, 64, 32>}> : (tensor<8x64x32xf32>) -> tensor<1x8x64x32xf32>
    %21 = "hal.tensor.barrier"(%20, %arg9) : (tensor<1x8x64x32xf32>, !hal.fence) -> tensor<1x8x64x32xf32>
    %22 = "hal.tensor.export"(%21) <{source_encoding = tensor<1x8x64x32xf32>}> : (tensor<1x8x64x32xf32>) -> !hal.buffer_view
    "util.return"(%22) : (!hal.buffer_view) -> ()
  }) {iree.abi.model = "coarse-fences", iree.abi.stub} : () -> ()
  "util.func"() <{function_type = (!hal.buffer_view, !hal.buffer_view, !hal.buffer_view, !hal.buffer_view) -> !hal.buffer_view, sym_name = "main"}> ({
  ^bb0(%arg0: !hal.buffer_view, %arg1: !hal.buffer_view, %arg2: !hal.buffer_view, %arg3: !hal.buffer_view):
    %0 = "util.null"() : () -> !hal.fence
    %1 = "arith.constant"() <{value = -1 : i32}> : () -> i32
    %2 = "arith.constant"() <{value = 0 : index}> : () -> index
    %3 = "hal.devices.get"(%2) : (index) -> !hal.device
    %4 = "hal.fence.create"(%3) <{flags = 0 : i64}> : (!hal.device) -> !hal.fence
    %5 = "util.call"(%arg0, %arg1, %arg2, %arg3, %0, %4) <{callee = @main$async}> : (!hal.buffer_view, !hal.buffer_view, !hal.buffer_view, !hal.buffer_view, !hal.fence, !hal.fence) -> !hal.buffer_view
    %6 = "hal.fence.await"(%1, %4) <{flags = 0 : i64}> : (i32, !hal.fence) -> i32
    "util.return"(%5) : (!hal.buffer_view) -> ()
  }) {iree.abi.stub} : () -> ()
}) : () -> ()