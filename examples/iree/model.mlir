#q = affine_map<(b, m, n, k1, k2) -> (b, m, k1)>
#k = affine_map<(b, m, n, k1, k2) -> (b, k2, k1)>
#v = affine_map<(b, m, n, k1, k2) -> (b, k2, n)>
#s = affine_map<(b, m, n, k1, k2) -> ()>
#o = affine_map<(b, m, n, k1, k2) -> (b, m, n)>
func.func @main(%q: tensor<2x256x64xf16>, %k: tensor<2x256x64xf16>, %v: tensor<2x256x64xf16>) -> tensor<2x256x64xf16> {
  %scale = arith.constant 0.125 : f16
  %e = tensor.empty() : tensor<2x256x64xf16>
  %r = iree_linalg_ext.attention <{indexing_maps = [#q, #k, #v, #s, #o]}>
     ins(%q, %k, %v, %scale : tensor<2x256x64xf16>, tensor<2x256x64xf16>, tensor<2x256x64xf16>, f16)
     outs(%e : tensor<2x256x64xf16>) {
    ^bb0(%sc: f32):
      iree_linalg_ext.yield %sc : f32
  } -> tensor<2x256x64xf16>
  %r2 = iree_linalg_ext.attention <{indexing_maps = [#q, #k, #v, #s, #o]}>
     ins(%r, %k, %v, %scale : tensor<2x256x64xf16>, tensor<2x256x64xf16>, tensor<2x256x64xf16>, f16)
     outs(%e : tensor<2x256x64xf16>) {
    ^bb0(%sc: f32):
      iree_linalg_ext.yield %sc : f32
  } -> tensor<2x256x64xf16>
  return %r2 : tensor<2x256x64xf16>
}
