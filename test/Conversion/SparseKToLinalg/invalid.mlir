// RUN: sparsek-opt %s --convert-sparsek-to-linalg --verify-diagnostics

func.func @composite(%q: tensor<1x8x64x32xf32>, %k: tensor<1x2x64x32xf32>, %u: tensor<1x2x64xf32>) -> tensor<1x8x64x32xf32> {
  // expected-error @below {{'sparsek.attention' op is not lowered as a whole: run --sparsek-decompose-attention first}}
  %o, %lse = sparsek.attention %q, %k, %k, %u topk(8) window(8) : tensor<1x8x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64xf32>
  return %o : tensor<1x8x64x32xf32>
}
