!q = tensor<2x?x64xf16>
!h = tensor<1x2x?x64xf16>
!u = tensor<1x2x?xf32>
#own = affine_map<(h, n) -> (h, h, n)>
#all = affine_map<(h, n) -> (h, n)>
// Scores are products of keys with weights, one row for each head.
func.func @attention(%q: !q, %k: !q, %v: !q) -> !q {
  %w = arith.constant dense<0.125> : tensor<64x2xf16>
  %c1 = arith.constant 1 : index
  %m = tensor.dim %q, %c1 : !q
  %n = tensor.dim %k, %c1 : !q
  // Every head by the weights of all, of which its own are taken.
  %all = sparsek.score %k, %w : !q, tensor<64x2xf16>
  %empty = tensor.empty(%n) : tensor<2x?xf32>
  %s = linalg.generic {indexing_maps = [#own, #all], iterator_types = ["parallel", "parallel"]}
      ins(%all : tensor<2x2x?xf32>) outs(%empty : tensor<2x?xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<2x?xf32>
  %u = tensor.expand_shape %s [[0, 1], [2]] output_shape [1, 2, %n] : tensor<2x?xf32> into !u
  %qh = tensor.expand_shape %q [[0, 1], [2], [3]] output_shape [1, 2, %m, 64] : !q into !h
  %kh = tensor.expand_shape %k [[0, 1], [2], [3]] output_shape [1, 2, %n, 64] : !q into !h
  %vh = tensor.expand_shape %v [[0, 1], [2], [3]] output_shape [1, 2, %n, 64] : !q into !h
  %oh, %lse = sparsek.attention %qh, %kh, %vh, %u topk(32) window(32) : !h, !h, !h, !u
  %o = tensor.collapse_shape %oh [[0, 1], [2], [3]] : !h into !q
  return %o : !q
}
