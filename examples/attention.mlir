// Scores from hidden states, then SPARSEK attention: 256 selected keys and a window of 256.
func.func @main(%x: tensor<1x?x512xf32>, %w: tensor<512x2xf32>, %q: tensor<1x8x?x64xf32>,
                %k: tensor<1x2x?x64xf32>, %v: tensor<1x2x?x64xf32>) -> tensor<1x8x?x64xf32> {
  %u = sparsek.score %x, %w : tensor<1x?x512xf32>, tensor<512x2xf32>
  %o, %lse = sparsek.attention %q, %k, %v, %u topk(256) window(256)
    : tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?xf32>
  return %o : tensor<1x8x?x64xf32>
}
