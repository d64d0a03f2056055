// What a spec of a model matches and replaces. Through iree-compile it goes in python/tests/test_iree.py.
// RUN: rm -rf %t && split-file %s %t
// RUN: sparsek-run %t/id.mlir --input=normal:2x32xf32 --output=%t/w.npy --quiet
// RUN: sparsek-translate %t/group.mlir --emit=iree-spec --score-weight=%t/w.npy --topk=8 --window=8 --norm=timestep --slope=0.5 --gate=value --target=llvm-cpu --cpu=x86-64 -o %t/spec.mlir 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: FileCheck %s --input-file=%t/spec.mlir
// RUN: sparsek-translate %t/any.mlir --emit=iree-spec --score-weight=%t/w.npy --any-mask --target=llvm-cpu 2>&1 | FileCheck %s --check-prefix=ANY
// RUN: not sparsek-translate %t/any.mlir --emit=iree-spec --score-weight=%t/w.npy --target=llvm-cpu 2>&1 | FileCheck %s --check-prefix=LEFT
// RUN: not sparsek-translate %t/alike.mlir --emit=iree-spec --score-weight=%t/w.npy --target=llvm-cpu 2>&1 | FileCheck %s --check-prefix=ALIKE
// RUN: sparsek-translate %t/told.mlir --emit=iree-spec --score-weight=%t/w.npy --target=llvm-cpu 2>&1 | FileCheck %s --check-prefix=TOLD
// RUN: sparsek-translate %t/constant.mlir --emit=iree-spec --score-weight=%t/w.npy --target=llvm-cpu 2>&1 | FileCheck %s --check-prefix=CONSTANT
// RUN: not sparsek-translate %t/region.mlir --emit=iree-spec --score-weight=%t/w.npy --target=llvm-cpu 2>&1 | FileCheck %s --check-prefix=REGION
// RUN: not sparsek-translate %t/heads.mlir --emit=iree-spec --score-weight=%t/w.npy --target=llvm-cpu 2>&1 | FileCheck %s --check-prefix=HEADS
// RUN: not sparsek-translate %t/group.mlir --emit=iree-spec --score-weight=%t/w.npy --target=cuda 2>&1 | FileCheck %s --check-prefix=CUDA
// RUN: sparsek-translate %t/mixed.mlir --emit=iree-spec --score-weight=%t/w.npy --topk=8 --window=8 --any-mask --target=cuda 2>&1 | FileCheck %s --check-prefix=MIXED
// RUN: sparsek-translate %t/mixed.mlir --emit=iree-spec --score-weight=%t/w.npy --topk=8 --window=8 --any-mask --target=cuda --fallback 2>&1 | FileCheck %s --check-prefix=FALLBACK
// RUN: sparsek-translate %t/names.mlir --emit=iree-spec --score-weight=%t/w.npy --topk=8 --window=8 --any-mask --target=llvm-cpu 2>&1 | FileCheck %s --check-prefix=NAMES
// RUN: sparsek-translate %t/decode.mlir --emit=iree-spec --score-weight=%t/w.npy --topk=8 --window=8 --any-mask --target=llvm-cpu 2>&1 | FileCheck %s --check-prefix=DECODE

// The reshape and the broadcast of K, and the scale, are matched; where the mask comes from is not: its ops use values from outside.
// REMARK: group.mlir:27:8: remark: imported as sparsek.attention: B = 1, Hq = 4, Hkv = 2, M = 64, N = 64, D = 32, Dv = 32, scale 0.25
// CHECK: "util.func"() <{function_type = ({{.*}}) -> tensor<4x64x32xf32>, sym_name = "sparsek_attention", sym_visibility = "private"}> ({
// CHECK: func.func @sparsek_score_f32_c32_h2_timestep
// CHECK: arith.constant dense<0.000000e+00> : vector<4xf32>
// CHECK: transform.named_sequence @match(%op: !transform.any_op {transform.readonly}) -> (!transform.any_op, !transform.any_value) {
// CHECK:   %in, %matched = transform.iree.match.cast_compatible_dag_from_root %op {
// CHECK-NEXT: ^bb0(%arg0: tensor<1x4x64x32xf32>, %arg1: tensor<2x64x32xf32>, %arg2: tensor<2x2x64x32xf32>, %arg3: tensor<4x64x64xf32>, %arg4: tensor<4x64x32xf32>):
// CHECK-NEXT:   %0 = "arith.constant"() <{value = 2.500000e-01 : f32}> : () -> f32
// CHECK-NEXT:   %1 = "tensor.collapse_shape"(%arg0)
// CHECK-NEXT:   %2 = "linalg.generic"(%arg1, %arg2)
// CHECK:        %3 = "tensor.collapse_shape"(%2)
// CHECK-NEXT:   %4 = "iree_linalg_ext.attention"(%1, %3, %3, %0, %arg3, %arg4)
// CHECK:      transform.yield %op, %in : !transform.any_op, !transform.any_value
// CHECK: @match -> @replace

// Attention of two kinds; the static form of the first needs nothing of its own.
// ANY: any.mlir:8:8: remark: imported as sparsek.attention: {{.*}} M = ?
// ANY: any.mlir:11:8: remark: imported as sparsek.attention: {{.*}} M = 64
// ANY: any.mlir:14:8: remark: imported as sparsek.attention: {{.*}} scale 0.5
// ANY: sym_name = "sparsek_attention_0"
// ANY: sym_name = "sparsek_attention_1"
// ANY-NOT: sym_name = "sparsek_attention_2"
// ANY: @match_0 -> @replace_0,
// ANY-NEXT: @match_1 -> @replace_1
// LEFT-COUNT-3: remark: attention is left as it is: not causal
// LEFT: any.mlir: error: no attention can be replaced
// LEFT-NEXT: sparsek-translate: error: no transform spec can be made

// ALIKE: alike.mlir:24:8: error: attention that is to stay would be replaced too
// ALIKE-NEXT: alike.mlir:20:8: note: no transform spec can tell it from this one
// TOLD: told.mlir:19:8: remark: imported as sparsek.attention
// TOLD: told.mlir:23:8: remark: attention is left as it is: not causal
// TOLD: cast_compatible_dag_from_root
// TOLD: "linalg.generic"
// TOLD: "arith.cmpi"(%{{.*}}, %{{.*}}) <{predicate = 5 : i64}>
// TOLD: "iree_linalg_ext.attention"
// CONSTANT: ^bb0(%arg0: tensor<2x2x3x32xf32>):
// CONSTANT-DAG: = "arith.constant"() <{value = dense<{{\[\[}}true, false, false], [true, true, false], [true, true, true]]> : tensor<3x3xi1>}>
// CONSTANT-DAG: = "tensor.collapse_shape"(%arg0)
// CONSTANT: "iree_linalg_ext.attention"(%[[Q:[0-9]+]], %[[Q]], %[[Q]], %{{.*}}, %{{.*}}, %[[Q]])
// REGION: region.mlir:10:8: remark: attention is left as it is: its region uses values from outside, which no transform spec can compare
// HEADS: heads.mlir:9:8: remark: attention is left as it is: weights[Hs, D] of 2 x 32 are not for 4 KV heads of size 32
// CUDA: group.mlir:27:8: remark: attention is left as it is: {{.*}} cannot be emitted for CUDA
// CUDA: group.mlir: error: no attention can be replaced

// Without a kernel for one of them the others are replaced nevertheless.
// MIXED: mixed.mlir:11:8: remark: imported
// MIXED: mixed.mlir:14:8: remark: imported
// MIXED: mixed.mlir:17:8: remark: imported
// MIXED: mixed.mlir:14:8: remark: attention is left as it is: {{.*}} cannot be emitted for CUDA
// MIXED: mixed.mlir:17:8: remark: attention is left as it is: {{.*}} cannot be emitted for CUDA
// MIXED: "util.func"() <{function_type = (tensor<2x64x32xf16>
// MIXED-NOT: "util.func"()
// FALLBACK: "util.func"() <{function_type = (tensor<2x64x32xf16>
// FALLBACK: "util.func"() <{function_type = (tensor<2x64x32xf32>

// What the model has is not taken for what the spec brings.
// NAMES: sym_name = "sparsek_attention_1", sym_visibility = "private"
// NAMES: entry_points = [@sparsek_topk_mask_1::@sparsek_topk_mask]
// NAMES: "hal.executable.source"() <{sym_name = "sparsek_topk_mask_1"
// NAMES: import_symbol @sparsek_topk_mask_1 into
// NAMES: import_symbol @sparsek_attention_1 into

// The last positions may be all that there are queries of.
// DECODE: decode.mlir:8:8: remark: imported as sparsek.attention: {{.*}} M = 4, N = 64
// DECODE: decode.mlir:11:8: remark: imported as sparsek.attention: {{.*}} M = ?, N = ?
// DECODE: sym_name = "sparsek_attention_0"

//--- mixed.mlir
!t = tensor<2x64x32xf16>
!s = tensor<2x64x32xf32>
#maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>,
         affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]
func.func @main(%q: !t, %s: !s) -> (!t, !s, !s) {
  %scale = arith.constant 0.25 : f16
  %single = arith.constant 0.25 : f32



  %0 = "iree_linalg_ext.attention"(%q, %q, %q, %scale, %q) <{indexing_maps = #maps}> ({
  ^bb0(%x: f32): "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (!t, !t, !t, f16, !t) -> !t
  %1 = "iree_linalg_ext.attention"(%s, %s, %s, %single, %s) <{indexing_maps = #maps}> ({
  ^bb0(%x: f32): "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (!s, !s, !s, f32, !s) -> !s
  %2 = "iree_linalg_ext.attention"(%1, %s, %s, %single, %s) <{indexing_maps = #maps}> ({
  ^bb0(%x: f32): "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (!s, !s, !s, f32, !s) -> !s
  return %0, %1, %2 : !t, !s, !s
}
//--- names.mlir
!t = tensor<2x64x32xf32>
#maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>,
         affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]
func.func private @sparsek_attention(%q: !t) -> !t {
  return %q : !t
}
func.func private @sparsek_topk_mask()
func.func @main(%q: !t) -> !t {
  %scale = arith.constant 0.25 : f32
  %0 = "iree_linalg_ext.attention"(%q, %q, %q, %scale, %q) <{indexing_maps = #maps}> ({
  ^bb0(%x: f32): "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (!t, !t, !t, f32, !t) -> !t
  %1 = call @sparsek_attention(%0) : (!t) -> !t
  return %1 : !t
}
//--- decode.mlir
!q = tensor<2x4x32xf32>
!t = tensor<2x64x32xf32>
!d = tensor<2x?x32xf32>
#maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>,
         affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]
func.func @main(%q: !q, %t: !t, %d: !d, %k: !d) -> (!q, !d) {
  %scale = arith.constant 0.25 : f32
  %0 = "iree_linalg_ext.attention"(%q, %t, %t, %scale, %q) <{indexing_maps = #maps}> ({
  ^bb0(%x: f32): "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (!q, !t, !t, f32, !q) -> !q
  %1 = "iree_linalg_ext.attention"(%d, %k, %k, %scale, %d) <{indexing_maps = #maps}> ({
  ^bb0(%x: f32): "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (!d, !d, !d, f32, !d) -> !d
  return %0, %1 : !q, !d
}
//--- id.mlir
func.func @w(%x: tensor<2x32xf32>) -> tensor<2x32xf32> {
  return %x : tensor<2x32xf32>
}
//--- group.mlir
!q = tensor<1x4x64x32xf32>
!k = tensor<2x64x32xf32>
!g = tensor<2x2x64x32xf32>
!t = tensor<4x64x32xf32>
!m = tensor<4x64x64xf32>
#copy = affine_map<(h, g, n, d) -> (h, n, d)>
#all = affine_map<(h, g, n, d) -> (h, g, n, d)>
func.func @main(%q: !q, %k: !k) -> !t {
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %scale = arith.constant 0.25 : f32
  %me = tensor.empty() : !m
  %mask = linalg.generic {indexing_maps = [affine_map<(h, m, j) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%me : !m) {
  ^bb0(%out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %sees = arith.cmpi sge, %m, %j : index
    %0 = arith.select %sees, %zero, %low : f32
    linalg.yield %0 : f32
  } -> !m
  %qc = tensor.collapse_shape %q [[0, 1], [2], [3]] : !q into !t
  %ge = tensor.empty() : !g
  %kg = linalg.generic {indexing_maps = [#copy, #all], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%k : !k) outs(%ge : !g) {
  ^bb0(%in: f32, %out: f32): linalg.yield %in : f32 } -> !g
  %kc = tensor.collapse_shape %kg [[0, 1], [2], [3]] : !g into !t
  %e = tensor.empty() : !t
  %o = "iree_linalg_ext.attention"(%qc, %kc, %kc, %scale, %mask, %e) <{indexing_maps = [
      affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>,
      affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, j)>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%s: f32): "iree_linalg_ext.yield"(%s) : (f32) -> () }) : (!t, !t, !t, f32, !m, !t) -> !t
  return %o : !t
}
//--- any.mlir
!d = tensor<2x?x32xf32>
!t = tensor<2x64x32xf32>
#maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>,
         affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]
func.func @main(%q: !d, %t: !t) -> (!d, !t, !t) {
  %scale = arith.constant 0.25 : f32
  %other = arith.constant 0.5 : f32
  %0 = "iree_linalg_ext.attention"(%q, %q, %q, %scale, %q) <{indexing_maps = #maps}> ({
  ^bb0(%s: f32): "iree_linalg_ext.yield"(%s) : (f32) -> ()
  }) : (!d, !d, !d, f32, !d) -> !d
  %1 = "iree_linalg_ext.attention"(%t, %t, %t, %scale, %t) <{indexing_maps = #maps}> ({
  ^bb0(%s: f32): "iree_linalg_ext.yield"(%s) : (f32) -> ()
  }) : (!t, !t, !t, f32, !t) -> !t
  %2 = "iree_linalg_ext.attention"(%t, %t, %t, %other, %t) <{indexing_maps = #maps}> ({
  ^bb0(%s: f32): "iree_linalg_ext.yield"(%s) : (f32) -> ()
  }) : (!t, !t, !t, f32, !t) -> !t
  return %0, %1, %2 : !d, !t, !t
}
//--- alike.mlir
!t = tensor<2x64x32xf32>
!m = tensor<2x64x64xf32>
#maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>,
         affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, j)>, affine_map<(h, m, e, d, j) -> (h, m, e)>]
func.func @main(%q: !t, %bias: !m) -> (!t, !t) {
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %scale = arith.constant 0.25 : f32
  %me = tensor.empty() : !m
  %mask = linalg.generic {indexing_maps = [affine_map<(h, m, j) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%me : !m) {
  ^bb0(%out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %sees = arith.cmpi sge, %m, %j : index
    %0 = arith.select %sees, %zero, %low : f32
    linalg.yield %0 : f32
  } -> !m
  // One has a causal mask, the other one that is not known.

  %0 = "iree_linalg_ext.attention"(%q, %q, %q, %scale, %mask, %q) <{indexing_maps = #maps}> ({
  ^bb0(%s: f32): "iree_linalg_ext.yield"(%s) : (f32) -> ()
  }) : (!t, !t, !t, f32, !m, !t) -> !t

  %1 = "iree_linalg_ext.attention"(%q, %q, %q, %scale, %bias, %q) <{indexing_maps = #maps}> ({
  ^bb0(%s: f32): "iree_linalg_ext.yield"(%s) : (f32) -> ()
  }) : (!t, !t, !t, f32, !m, !t) -> !t
  return %0, %1 : !t, !t
}
//--- told.mlir
!t = tensor<2x64x32xf32>
!m = tensor<2x64x64xi1>
#maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>,
         affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, j)>, affine_map<(h, m, e, d, j) -> (h, m, e)>]
#all = affine_map<(h, m, j) -> (h, m, j)>
// Masks that use no value from outside are matched with the op.
func.func @main(%q: !t) -> (!t, !t) {
  %scale = arith.constant 0.25 : f32
  %me = tensor.empty() : !m
  %causal = linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]} outs(%me : !m) {
  ^bb0(%out: i1):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %sees = arith.cmpi sge, %m, %j : index
    linalg.yield %sees : i1
  } -> !m
  %all = arith.constant dense<true> : !m

  %0 = "iree_linalg_ext.attention"(%q, %q, %q, %scale, %causal, %q) <{indexing_maps = #maps}> ({
  ^bb0(%s: f32): "iree_linalg_ext.yield"(%s) : (f32) -> ()
  }) : (!t, !t, !t, f32, !m, !t) -> !t

  %1 = "iree_linalg_ext.attention"(%q, %q, %q, %scale, %all, %q) <{indexing_maps = #maps}> ({
  ^bb0(%s: f32): "iree_linalg_ext.yield"(%s) : (f32) -> ()
  }) : (!t, !t, !t, f32, !m, !t) -> !t
  return %0, %1 : !t, !t
}
//--- constant.mlir
// A constant mask, and an output that begins as the query.
!t = tensor<4x3x32xf32>
!m = tensor<3x3xi1>
#maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>,
         affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (m, j)>, affine_map<(h, m, e, d, j) -> (h, m, e)>]
func.func @main(%x: tensor<2x2x3x32xf32>) -> !t {
  %scale = arith.constant 0.25 : f32
  %mask = arith.constant dense<[[true, false, false], [true, true, false], [true, true, true]]> : !m
  %q = tensor.collapse_shape %x [[0, 1], [2], [3]] : tensor<2x2x3x32xf32> into !t
  %0 = "iree_linalg_ext.attention"(%q, %q, %q, %scale, %mask, %q) <{indexing_maps = #maps}> ({
  ^bb0(%s: f32): "iree_linalg_ext.yield"(%s) : (f32) -> ()
  }) : (!t, !t, !t, f32, !m, !t) -> !t
  return %0 : !t
}
//--- region.mlir
!t = tensor<2x64x32xf32>
#maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>,
         affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]
func.func @main(%q: !t) -> !t {
  %low = arith.constant 0xFF800000 : f32
  %scale = arith.constant 0.25 : f32
  // The constant is from outside.


  %0 = "iree_linalg_ext.attention"(%q, %q, %q, %scale, %q) <{indexing_maps = #maps}> ({
  ^bb0(%s: f32):
    %m = "iree_linalg_ext.index"() <{dim = 1 : i64}> : () -> index
    %j = "iree_linalg_ext.index"() <{dim = 4 : i64}> : () -> index
    %sees = arith.cmpi sge, %m, %j : index
    %1 = arith.select %sees, %s, %low : f32
    "iree_linalg_ext.yield"(%1) : (f32) -> ()
  }) : (!t, !t, !t, f32, !t) -> !t
  return %0 : !t
}
//--- heads.mlir
!t = tensor<4x64x32xf32>
#maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>,
         affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]
func.func @main(%q: !t) -> !t {
  %scale = arith.constant 0.25 : f32
  // Causal by its region.


  %0 = "iree_linalg_ext.attention"(%q, %q, %q, %scale, %q) <{indexing_maps = #maps}> ({
  ^bb0(%s: f32):
    %low = arith.constant 0xFF800000 : f32
    %m = "iree_linalg_ext.index"() <{dim = 1 : i64}> : () -> index
    %j = "iree_linalg_ext.index"() <{dim = 4 : i64}> : () -> index
    %sees = arith.cmpi sge, %m, %j : index
    %1 = arith.select %sees, %s, %low : f32
    "iree_linalg_ext.yield"(%1) : (f32) -> ()
  }) : (!t, !t, !t, f32, !t) -> !t
  return %0 : !t
}
