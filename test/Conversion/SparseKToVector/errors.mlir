// RUN: sparsek-opt %s --convert-sparsek-to-vector --split-input-file --verify-diagnostics

func.func @composite(%q: tensor<1x2x8x16xf32>, %u: tensor<1x2x8xf32>) -> tensor<1x2x8x16xf32> {
  // expected-error@+1 {{'sparsek.attention' op has no vector kernel: run --sparsek-decompose-attention first}}
  %o, %l = sparsek.attention %q, %q, %q, %u topk(3) window(4)
      : tensor<1x2x8x16xf32>, tensor<1x2x8x16xf32>, tensor<1x2x8x16xf32>, tensor<1x2x8xf32>
  return %o : tensor<1x2x8x16xf32>
}
