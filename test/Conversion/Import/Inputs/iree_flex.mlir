// from: iree-compile 3.13 --compile-to=input, generic form, flex_attention
// expect: import, 8 KV heads, scale 0.125
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"builtin.module"() ({
  "util.func"() <{function_type = (!hal.buffer_view, !hal.buffer_view, !hal.buffer_view, !hal.fence, !hal.fence) -> !hal.buffer_view, inlining_policy = #util.inline.never, sym_name = "main$async"}> ({
  ^bb0(%arg3: !hal.buffer_view, %arg4: !hal.buffer_view, %arg5: !hal.buffer_view, %arg6: !hal.fence, %arg7: !hal.fence):
    %7 = "arith.constant"() <{value = 1.250000e-01 : f32}> : () -> f32
    %8 = "arith.constant"() <{value = 0.000000e+00 : f32}> : () -> f32
    %9 = "arith.constant"() <{value = -3.40282347E+38 : f32}> : () -> f32
    %10 = "arith.constant"() <{value = 0xFF800000 : f32}> : () -> f32
    %11 = "arith.constant"() <{value = 1.000000e+00 : f32}> : () -> f32
    %12 = "hal.tensor.import"(%arg3, %arg6) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x8x64x32xf32>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x8x64x32xf32>
    %13 = "hal.tensor.import"(%arg4, %arg6) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x8x64x32xf32>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x8x64x32xf32>
    %14 = "hal.tensor.import"(%arg5, %arg6) <{operandSegmentSizes = array<i32: 1, 0, 1, 0>, target_encoding = tensor<1x8x64x32xf32>}> : (!hal.buffer_view, !hal.fence) -> tensor<1x8x64x32xf32>
    %15 = "tensor.empty"() : () -> tensor<1x8x64x32xf32>
    %16 = "tensor.empty"() : () -> tensor<1x8x64xf32>
    %17 = "linalg.fill"(%8, %15) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg19: f32, %arg20: f32):
      "linalg.yield"(%arg19) : (f32) -> ()
    }) : (f32, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
    %18 = "linalg.fill"(%9, %16) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg17: f32, %arg18: f32):
      "linalg.yield"(%arg17) : (f32) -> ()
    }) : (f32, tensor<1x8x64xf32>) -> tensor<1x8x64xf32>
    %19 = "linalg.fill"(%8, %16) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg15: f32, %arg16: f32):
      "linalg.yield"(%arg15) : (f32) -> ()
    }) : (f32, tensor<1x8x64xf32>) -> tensor<1x8x64xf32>
    %20:3 = "iree_linalg_ext.online_attention"(%12, %13, %14, %7, %17, %18, %19) <{decomposition_config = {}, indexing_maps = [affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d4)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d3, d4)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d3, d5)>, affine_map<(d0, d1, d2, d3, d4, d5) -> ()>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d5)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2)>, affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2)>]}> ({
    ^bb0(%arg11: f32):
      %26 = "iree_linalg_ext.index"() <{dim = 2 : i64}> : () -> index
      %27 = "arith.index_cast"(%26) : (index) -> i32
      %28 = "tensor.from_elements"(%27) : (i32) -> tensor<i32>
      %29 = "iree_linalg_ext.index"() <{dim = 3 : i64}> : () -> index
      %30 = "arith.index_cast"(%29) : (index) -> i32
      %31 = "tensor.from_elements"(%30) : (i32) -> tensor<i32>
      %32 = "tensor.empty"() : () -> tensor<i1>
      %33 = "linalg.generic"(%28, %31, %32) <{indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>, affine_map<() -> ()>], iterator_types = [], operandSegmentSizes = array<i32: 2, 1>}> ({
      ^bb0(%arg12: i32, %arg13: i32, %arg14: i1):
        %36 = "arith.cmpi"(%arg12, %arg13) <{predicate = 5 : i64}> : (i32, i32) -> i1
        "linalg.yield"(%36) : (i1) -> ()
      }) : (tensor<i32>, tensor<i32>, tensor<i1>) -> tensor<i1>
      %34 = "tensor.extract"(%33) : (tensor<i1>) -> i1
      %35 = "arith.select"(%34, %arg11, %10) : (i1, f32, f32) -> f32
      "iree_linalg_ext.yield"(%35) : (f32) -> ()
    }) : (tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>, f32, tensor<1x8x64x32xf32>, tensor<1x8x64xf32>, tensor<1x8x64xf32>) -> (tensor<1x8x64x32xf32>, tensor<1x8x64xf32>, tensor<1x8x64xf32>)
    %21 = "linalg.generic"(%20#2, %20#0, %15) <{indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 2, 1>}> ({
    ^bb0(%arg8: f32, %arg9: f32, %arg10: f32):
      %24 = "arith.divf"(%11, %arg8) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      %25 = "arith.mulf"(%24, %arg9) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      "linalg.yield"(%25) : (f32) -> ()
    }) : (tensor<1x8x64xf32>, tensor<1x8x64x32xf32>, tensor<1x8x64x32xf32>) -> tensor<1x8x64x32xf32>
    %22 = "hal.tensor.barrier"(%21, %arg7) : (tensor<1x8x64x32xf32>, !hal.fence) -> tensor<1x8x64x32xf32>
    %23 = "hal.tensor.export"(%22) <{source_encoding = tensor<1x8x64x32xf32>}> : (tensor<1x8x64x32xf32>) -> !hal.buffer_view
    "util.return"(%23) : (!hal.buffer_view) -> ()
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