// RUN: sparsek-opt %s --sparsek-emit-iree=cuda | sparsek-translate --emit=iree-spec | FileCheck %s
// RUN: sparsek-opt %s --sparsek-emit-iree=llvm-cpu | sparsek-translate --emit=iree-spec | FileCheck %s --check-prefix=CPU
// RUN: not sparsek-translate %s --emit=iree-spec 2>&1 | FileCheck %s --check-prefix=LEFT
// RUN: not sparsek-translate %s --emit=iree-spec --name=f 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: sparsek-opt %s --sparsek-emit-iree=cuda | sed 's/@attention(%arg0: tensor<2x?x64xf16>/@attention(%arg0: tensor<2x?x64xf16>, %more: f32/' | not sparsek-translate --emit=iree-spec 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: echo 'module {}' | not sparsek-translate --emit=iree-spec 2>&1 | FileCheck %s --check-prefix=NONE

// CHECK:       module attributes {transform.with_named_sequence} {
// CHECK-NOT:     func.func
// CHECK:         "util.func"() <{function_type = (tensor<2x?x64xf16>, tensor<2x?x64xf16>, tensor<2x?x64xf16>) -> tensor<2x?x64xf16>, sym_name = "[[FUNCTION:sparsek_attention_[0-9a-f]{16}]]", sym_visibility = "private"}> ({
// CHECK-NOT:       call
// CHECK:           export_name = "survivors"
// CHECK:           export_name = "attention"
// CHECK:           "util.return"
// CHECK:         transform.named_sequence @match_form_0(
// CHECK:           transform.match.operation_name %op ["iree_linalg_ext.attention"]
// CHECK:           transform.iree.match.attention %op, query_type = f16, key_type = f16, value_type = f16, output_type = f16, indexing_maps = [affine_map<(b, m, n, k1, k2) -> (b, m, k1)>, affine_map<(b, m, n, k1, k2) -> (b, k2, k1)>, affine_map<(b, m, n, k1, k2) -> (b, k2, n)>, affine_map<(b, m, n, k1, k2) -> ()>, affine_map<(b, m, n, k1, k2) -> (b, m, n)>]
// CHECK:           transform.iree.match.cast_compatible_type %in0 = tensor<2x?x64xf16> : !transform.any_value
// CHECK:         transform.named_sequence @match_form_1(
// CHECK:           affine_map<(b, m, n, k1, k2) -> (b, m, k2)>
// CHECK:         transform.named_sequence @replace(
// CHECK:           transform.util.import_symbol @[[FUNCTION]] into %root if undefined
// CHECK:           transform.util.cast_and_call %f(%in) -> %out after %op {
// CHECK:         transform.named_sequence @__transform_main(
// CHECK:           @match_form_0 -> @replace,
// CHECK-NEXT:      @match_form_1 -> @replace

// No model has these names but by a module of the same contents.
// CPU:         "util.func"() <{{.*}} sym_name = "sparsek_attention_[[HASH:[0-9a-f]{16}]]"
// CPU:         entry_points = [@sparsek_topk_mask_[[HASH]]::@sparsek_topk_mask]
// CPU:         "hal.executable.source"() <{sym_name = "sparsek_topk_mask_[[HASH]]"
// CPU:         "hal.executable.export"() <{{.*}} sym_name = "sparsek_topk_mask"
// CPU:         transform.util.import_symbol @sparsek_topk_mask_[[HASH]] into %root if undefined

// LEFT: error: 'sparsek.attention' op is left: run --sparsek-emit-iree before
// LEFT: no transform spec can be made
// NAME: --name is for objects and headers
// TYPE: error: must take q[B,M,D], k[B,N,D] and v[B,N,Dv] and return o[B,M,Dv], in one block, as the function of a transform spec; its type is
// NONE: error: a transform spec is made of a module with one public function, this one has 0

!q = tensor<2x?x64xf16>
!h = tensor<1x2x?x64xf16>
!u = tensor<1x2x?xf32>
func.func @attention(%q: !q, %k: !q, %v: !q) -> !q {
  %c1 = arith.constant 1 : index
  %n = tensor.dim %k, %c1 : !q
  %u = tensor.empty(%n) : !u
  %qh = tensor.expand_shape %q [[0, 1], [2], [3]] output_shape [1, 2, %n, 64] : !q into !h
  %kh = tensor.expand_shape %k [[0, 1], [2], [3]] output_shape [1, 2, %n, 64] : !q into !h
  %vh = tensor.expand_shape %v [[0, 1], [2], [3]] output_shape [1, 2, %n, 64] : !q into !h
  %oh, %lse = sparsek.attention %qh, %kh, %vh, %u topk(32) window(32) : !h, !h, !h, !u
  %o = tensor.collapse_shape %oh [[0, 1], [2], [3]] : !h into !q
  return %o : !q
}
