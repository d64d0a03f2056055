// from: iree-compile 3.13 --compile-to=input, generic form, SDPA, no mask
// expect: leave: not causal
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"builtin.module"() ({
  "util.func"() <{function_type = (!hal.buffer_view, !hal.buffer_view, !hal.buffer_view, !hal.fence, !hal.fence) -> !hal.buffer_view, inlining_policy = #util.inline.never, sym_name = "main$async"}> ({
  ^bb0(%arg3: !hal.buffer_view, %arg4: !hal.buffer_view, %arg5: !hal.buffer_view, %arg6: !hal.fence, %arg7: !hal.fence):
    %7 = "arith.constant"() <{value = 0.176776692 : f32}> : () -> f32
    %8 = "hal.tensor.import"(%arg3, %arg6) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x8x64x32xf32>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x8x64x32xf32>
    %9 = "hal.tensor.import"(%arg4, %arg6) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x8x64x32xf32>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x8x64x32xf32>
    %10 = "hal.tensor.import"(%arg5, %arg6) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x8x64x32xf32>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x8x64x32xf32>
    %11 = "tensor.collapse_shape"(%8) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x8x64x32xf32>) -> tensor<8x64x32xf32>
    %12 = "tensor.collapse_shape"(%9) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x8x64x32xf32>) -> tensor<8x64x32xf32>
    %13 = "tensor.collapse_shape"(%10) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x8x64x32xf32>) -> tensor<8x64x32xf32>
    %14 = "tensor.empty"() : () -> tensor<8x64x32xf32>
    %15 = "iree_linalg_ext.attention"(%11, %12, %13, %7, %14) <{indexing_maps = [affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d4, d3)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d4, d2)>, affine_map<(d0, d1, d2, d3, d4) -> ()>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2)>]}> ({
    ^bb0(%arg8: f32):
      "iree_linalg_ext.yield"(%arg8) : (f32) -> ()
    }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
    %16 = "tensor.expand_shape"(%15) <{reassociation = [[0, 1], [2], [3]], static_output_shape = array<i64: 1, 8, 64, 32>}> : (tensor<8x64x32xf32>) -> tensor<1x8x64x32xf32>
    %17 = "hal.tensor.barrier"(%16, %arg7) : (tensor<1x8x64x32xf32>, !hal.fence) -> tensor<1x8x64x32xf32>
    %18 = "hal.tensor.export"(%17) <{source_encoding = tensor<1x8x64x32xf32>}> : (tensor<1x8x64x32xf32>) -> !hal.buffer_view
    "util.return"(%18) : (!hal.buffer_view) -> ()
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