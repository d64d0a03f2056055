// Attention of 4 query heads over one KV head, D = 64, as a kernel for C programs: see attention.c.
func.func @attend(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x1x?x64xbf16>, %v: tensor<?x1x?x64xbf16>, %u: tensor<?x1x?xf32>,
                  %tau: tensor<?x1x?xf32>, %expiry: tensor<?x1x?xi32>) -> (tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>) {
  %o, %lse = sparsek.gathered_attention %q, %k, %v, %u, %tau, %expiry topk(64) window(64)
      : tensor<?x4x?x64xbf16>, tensor<?x1x?x64xbf16>, tensor<?x1x?x64xbf16>, tensor<?x1x?xf32>, tensor<?x1x?xf32>, tensor<?x1x?xi32>
  return %o, %lse : tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>
}
