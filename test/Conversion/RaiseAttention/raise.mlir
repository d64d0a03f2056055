// RUN: sparsek-opt %s --sparsek-raise-attention="topk=16 window=8 scores=tensor" 2>/dev/null | FileCheck %s
// RUN: sparsek-opt %s --sparsek-raise-attention=mode=dense 2>/dev/null | FileCheck %s --check-prefix=DENSE

#q = affine_map<(b, h, m, j, d) -> (b, h, m, d)>
#k = affine_map<(b, h, m, j, d) -> (b, h floordiv 4, j, d)>
#s = affine_map<(b, h, m, j, d) -> (b, h, m, j)>
#id = affine_map<(b, h, m, j) -> (b, h, m, j)>
#v = affine_map<(b, h, m, e, j) -> (b, h floordiv 4, j, e)>
#p = affine_map<(b, h, m, e, j) -> (b, h, m, j)>
#o = affine_map<(b, h, m, e, j) -> (b, h, m, e)>

// Operands that are in the layout of sparsek.attention are used as they are, and nothing of the dense attention stays.
// CHECK-LABEL: func @fused
// CHECK-SAME: (%[[Q:.*]]: tensor<2x8x64x32xf32>, %[[K:.*]]: tensor<2x2x64x32xf32>, %[[V:.*]]: tensor<2x2x64x16xf32>, %[[U:.*]]: tensor<2x1x64xf32> {sparsek.role = "scores"})
// CHECK-NEXT: %[[O:.*]], %{{.*}} = sparsek.attention %[[Q]], %[[K]], %[[V]], %[[U]] topk(16) window(8) scale(5.000000e-01)
// CHECK-NEXT: return %[[O]]
// DENSE-LABEL: func @fused
// DENSE-NEXT: %[[O:.*]], %{{.*}} = sparsek.causal_attention %{{.*}}, %{{.*}}, %{{.*}} scale(5.000000e-01)
// DENSE-NEXT: return %[[O]]
func.func @fused(%q: tensor<2x8x64x32xf32>, %k: tensor<2x2x64x32xf32>, %v: tensor<2x2x64x16xf32>) -> tensor<2x8x64x16xf32> {
  %zero = arith.constant 0.0 : f32
  %half = arith.constant 0.5 : f32
  %low = arith.constant -1.0e+09 : f32
  %se = tensor.empty() : tensor<2x8x64x64xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%se : tensor<2x8x64x64xf32>) -> tensor<2x8x64x64xf32>
  %s = linalg.generic {indexing_maps = [#k, #q, #s], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
      ins(%k, %q : tensor<2x2x64x32xf32>, tensor<2x8x64x32xf32>) outs(%s0 : tensor<2x8x64x64xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x8x64x64xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s : tensor<2x8x64x64xf32>) outs(%se : tensor<2x8x64x64xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 2 : index
    %j = linalg.index 3 : index
    %hidden = arith.cmpi ugt, %j, %m : index
    %0 = arith.select %hidden, %low, %x : f32
    %1 = arith.mulf %0, %half : f32
    linalg.yield %1 : f32
  } -> tensor<2x8x64x64xf32>
  %p = linalg.softmax dimension(3) ins(%masked : tensor<2x8x64x64xf32>) outs(%se : tensor<2x8x64x64xf32>) -> tensor<2x8x64x64xf32>
  %oe = tensor.empty() : tensor<2x8x64x16xf32>
  %o0 = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x8x64x16xf32>) -> tensor<2x8x64x16xf32>
  %o = linalg.generic {indexing_maps = [#v, #p, #o], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
      ins(%v, %p : tensor<2x2x64x16xf32>, tensor<2x8x64x64xf32>) outs(%o0 : tensor<2x8x64x16xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x8x64x16xf32>
  return %o : tensor<2x8x64x16xf32>
}

// Fewer queries than keys: they are the last positions. Of rank-3 operands the outermost dimension is the heads.
// CHECK-LABEL: func @last_queries
// CHECK-SAME: %{{.*}}: tensor<1x1x64xf32> {sparsek.role = "scores"})
// CHECK: sparsek.attention {{.*}} : tensor<1x4x16x32xf16>, tensor<1x4x64x32xf16>, tensor<1x4x64x32xf16>, tensor<1x1x64xf32>
func.func @last_queries(%q: tensor<4x16x32xf16>, %k: tensor<4x64x32xf16>, %v: tensor<4x64x32xf16>, %init: tensor<4x16x32xf16>) -> tensor<4x16x32xf16> {
  %zero = arith.constant 0.0 : f16
  %low = arith.constant 0xFC00 : f16
  %me = tensor.empty() : tensor<4x16x64xf16>
  %mask = linalg.generic {indexing_maps = [affine_map<(h, m, j) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%me : tensor<4x16x64xf16>) {
  ^bb0(%out: f16):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %c48 = arith.constant 48 : index
    %last = arith.addi %m, %c48 : index
    %sees = arith.cmpi sle, %j, %last : index
    %0 = arith.select %sees, %zero, %low : f16
    linalg.yield %0 : f16
  } -> tensor<4x16x64xf16>
  %o = tm_tensor.attention ins(%q, %k, %v, %mask : tensor<4x16x32xf16>, tensor<4x64x32xf16>, tensor<4x64x32xf16>, tensor<4x16x64xf16>) outs(%init : tensor<4x16x32xf16>) -> tensor<4x16x32xf16>
  return %o : tensor<4x16x32xf16>
}

// Dynamic lengths that nothing shows to be equal: the mask is causal only if they are, which is checked when the program runs.
// CHECK-LABEL: func @dynamic_lengths
// CHECK: %[[M:.*]] = tensor.dim %arg0, %{{.*}} : tensor<1x4x?x32xf32>
// CHECK: %[[N:.*]] = tensor.dim %arg1, %{{.*}} : tensor<1x4x?x32xf32>
// CHECK: %[[EQ:.*]] = arith.cmpi eq, %{{.*}}, %{{.*}} : index
// CHECK: cf.assert %[[EQ]], "causal attention needs as many queries as keys"
// CHECK: sparsek.attention
func.func @dynamic_lengths(%q: tensor<1x4x?x32xf32>, %k: tensor<1x4x?x32xf32>, %v: tensor<1x4x?x32xf32>) -> tensor<1x4x?x32xf32> {
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %c2 = arith.constant 2 : index
  %m = tensor.dim %q, %c2 : tensor<1x4x?x32xf32>
  %n = tensor.dim %k, %c2 : tensor<1x4x?x32xf32>
  %me = tensor.empty(%m, %n) : tensor<1x4x?x?xf32>
  %mask = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} outs(%me : tensor<1x4x?x?xf32>) {
  ^bb0(%out: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %sees = arith.cmpi sge, %i, %j : index
    %0 = arith.select %sees, %zero, %low : f32
    linalg.yield %0 : f32
  } -> tensor<1x4x?x?xf32>
  %init = tensor.empty(%m) : tensor<1x4x?x32xf32>
  %o = tm_tensor.attention ins(%q, %k, %v, %mask : tensor<1x4x?x32xf32>, tensor<1x4x?x32xf32>, tensor<1x4x?x32xf32>, tensor<1x4x?x?xf32>) outs(%init : tensor<1x4x?x32xf32>) -> tensor<1x4x?x32xf32>
  return %o : tensor<1x4x?x32xf32>
}
