// from: iree-compile 3.13 --compile-to=input, generic form, the same with dynamic batch and length
// expect: import, 2 KV heads, scale 0.176777
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"builtin.module"() ({
  "util.func"() <{function_type = (!hal.buffer_view, !hal.buffer_view, !hal.buffer_view, !hal.fence, !hal.fence) -> !hal.buffer_view, inlining_policy = #util.inline.never, sym_name = "main$async"}> ({
  ^bb0(%arg3: !hal.buffer_view, %arg4: !hal.buffer_view, %arg5: !hal.buffer_view, %arg6: !hal.fence, %arg7: !hal.fence):
    %7 = "arith.constant"() <{value = 0.176776692 : f32}> : () -> f32
    %8 = "arith.constant"() <{value = 8 : index}> : () -> index
    %9 = "arith.constant"() <{value = 0xFF800000 : f32}> : () -> f32
    %10 = "arith.constant"() <{value = 0.000000e+00 : f32}> : () -> f32
    %11 = "arith.constant"() <{value = 2 : index}> : () -> index
    %12 = "arith.constant"() <{value = 0 : index}> : () -> index
    %13 = "hal.buffer_view.dim"(%arg3) <{index = 0 : index}> : (!hal.buffer_view) -> index
    %14 = "hal.buffer_view.dim"(%arg3) <{index = 2 : index}> : (!hal.buffer_view) -> index
    %15 = "hal.tensor.import"(%arg3, %13, %14, %arg6) <{operandSegmentSizes = array<i32: 1, 2, 1, 0>, target_encoding = tensor<?x8x?x32xf32>}> : (!hal.buffer_view, index, index, !hal.fence) -> tensor<?x8x?x32xf32>
    %16 = "hal.buffer_view.dim"(%arg4) <{index = 0 : index}> : (!hal.buffer_view) -> index
    %17 = "hal.buffer_view.dim"(%arg4) <{index = 2 : index}> : (!hal.buffer_view) -> index
    %18 = "hal.tensor.import"(%arg4, %16, %17, %arg6) <{operandSegmentSizes = array<i32: 1, 2, 1, 0>, target_encoding = tensor<?x2x?x32xf32>}> : (!hal.buffer_view, index, index, !hal.fence) -> tensor<?x2x?x32xf32>
    %19 = "hal.buffer_view.dim"(%arg5) <{index = 0 : index}> : (!hal.buffer_view) -> index
    %20 = "hal.buffer_view.dim"(%arg5) <{index = 2 : index}> : (!hal.buffer_view) -> index
    %21 = "hal.tensor.import"(%arg5, %19, %20, %arg6) <{operandSegmentSizes = array<i32: 1, 2, 1, 0>, target_encoding = tensor<?x2x?x32xf32>}> : (!hal.buffer_view, index, index, !hal.fence) -> tensor<?x2x?x32xf32>
    %22 = "tensor.dim"(%15, %12) : (tensor<?x8x?x32xf32>, index) -> index
    %23 = "tensor.dim"(%15, %11) : (tensor<?x8x?x32xf32>, index) -> index
    %24 = "tensor.dim"(%18, %11) : (tensor<?x2x?x32xf32>, index) -> index
    %25 = "tensor.empty"(%22, %23, %24) : (index, index, index) -> tensor<?x8x?x?xf32>
    %26 = "linalg.fill"(%10, %25) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg14: f32, %arg15: f32):
      "linalg.yield"(%arg14) : (f32) -> ()
    }) : (f32, tensor<?x8x?x?xf32>) -> tensor<?x8x?x?xf32>
    %27 = "linalg.generic"(%26) <{indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 0, 1>}> ({
    ^bb0(%arg13: f32):
      %54 = "linalg.index"() <{dim = 2 : i64}> : () -> index
      %55 = "linalg.index"() <{dim = 3 : i64}> : () -> index
      %56 = "arith.cmpi"(%54, %55) <{predicate = 5 : i64}> : (index, index) -> i1
      %57 = "arith.select"(%56, %10, %9) : (i1, f32, f32) -> f32
      "linalg.yield"(%57) : (f32) -> ()
    }) : (tensor<?x8x?x?xf32>) -> tensor<?x8x?x?xf32>
    %28 = "tensor.dim"(%18, %12) : (tensor<?x2x?x32xf32>, index) -> index
    %29 = "tensor.expand_shape"(%18, %28, %24) <{reassociation = [[0], [1], [2, 3], [4]], static_output_shape = array<i64: -9223372036854775808, 2, 1, -9223372036854775808, 32>}> : (tensor<?x2x?x32xf32>, index, index) -> tensor<?x2x1x?x32xf32>
    %30 = "tensor.empty"(%28, %24) : (index, index) -> tensor<?x2x4x?x32xf32>
    %31 = "tensor.collapse_shape"(%29) <{reassociation = [[0], [1, 2], [3], [4]]}> : (tensor<?x2x1x?x32xf32>) -> tensor<?x2x?x32xf32>
    %32 = "linalg.generic"(%31, %30) <{indexing_maps = [affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3, d4)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3, d4)>], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg11: f32, %arg12: f32):
      "linalg.yield"(%arg11) : (f32) -> ()
    }) : (tensor<?x2x?x32xf32>, tensor<?x2x4x?x32xf32>) -> tensor<?x2x4x?x32xf32>
    %33 = "tensor.collapse_shape"(%32) <{reassociation = [[0], [1, 2], [3], [4]]}> : (tensor<?x2x4x?x32xf32>) -> tensor<?x8x?x32xf32>
    %34 = "tensor.dim"(%21, %12) : (tensor<?x2x?x32xf32>, index) -> index
    %35 = "tensor.dim"(%21, %11) : (tensor<?x2x?x32xf32>, index) -> index
    %36 = "tensor.expand_shape"(%21, %34, %35) <{reassociation = [[0], [1], [2, 3], [4]], static_output_shape = array<i64: -9223372036854775808, 2, 1, -9223372036854775808, 32>}> : (tensor<?x2x?x32xf32>, index, index) -> tensor<?x2x1x?x32xf32>
    %37 = "tensor.empty"(%34, %35) : (index, index) -> tensor<?x2x4x?x32xf32>
    %38 = "tensor.collapse_shape"(%36) <{reassociation = [[0], [1, 2], [3], [4]]}> : (tensor<?x2x1x?x32xf32>) -> tensor<?x2x?x32xf32>
    %39 = "linalg.generic"(%38, %37) <{indexing_maps = [affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3, d4)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3, d4)>], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg9: f32, %arg10: f32):
      "linalg.yield"(%arg9) : (f32) -> ()
    }) : (tensor<?x2x?x32xf32>, tensor<?x2x4x?x32xf32>) -> tensor<?x2x4x?x32xf32>
    %40 = "tensor.collapse_shape"(%39) <{reassociation = [[0], [1, 2], [3], [4]]}> : (tensor<?x2x4x?x32xf32>) -> tensor<?x8x?x32xf32>
    %41 = "tensor.collapse_shape"(%15) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<?x8x?x32xf32>) -> tensor<?x?x32xf32>
    %42 = "tensor.collapse_shape"(%33) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<?x8x?x32xf32>) -> tensor<?x?x32xf32>
    %43 = "tensor.collapse_shape"(%40) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<?x8x?x32xf32>) -> tensor<?x?x32xf32>
    %44 = "tensor.collapse_shape"(%27) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<?x8x?x?xf32>) -> tensor<?x?x?xf32>
    %45 = "affine.apply"(%22) <{map = affine_map<()[s0] -> (s0 * 8)>}> : (index) -> index
    %46 = "tensor.empty"(%45, %23) : (index, index) -> tensor<?x?x32xf32>
    %47 = "iree_linalg_ext.attention"(%41, %42, %43, %7, %44, %46) <{indexing_maps = [affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d4, d3)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d4, d2)>, affine_map<(d0, d1, d2, d3, d4) -> ()>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d4)>, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2)>]}> ({
    ^bb0(%arg8: f32):
      "iree_linalg_ext.yield"(%arg8) : (f32) -> ()
    }) : (tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, f32, tensor<?x?x?xf32>, tensor<?x?x32xf32>) -> tensor<?x?x32xf32>
    %48 = "arith.divsi"(%45, %8) : (index, index) -> index
    %49 = "tensor.expand_shape"(%47, %48, %23) <{reassociation = [[0, 1], [2], [3]], static_output_shape = array<i64: -9223372036854775808, 8, -9223372036854775808, 32>}> : (tensor<?x?x32xf32>, index, index) -> tensor<?x8x?x32xf32>
    %50 = "hal.tensor.barrier"(%49, %arg7) : (tensor<?x8x?x32xf32>, !hal.fence) -> tensor<?x8x?x32xf32>
    %51 = "tensor.dim"(%50, %12) : (tensor<?x8x?x32xf32>, index) -> index
    %52 = "tensor.dim"(%50, %11) : (tensor<?x8x?x32xf32>, index) -> index
    %53 = "hal.tensor.export"(%50, %51, %52) <{source_encoding = tensor<?x8x?x32xf32>}> : (tensor<?x8x?x32xf32>, index, index) -> !hal.buffer_view
    "util.return"(%53) : (!hal.buffer_view) -> ()
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