// RUN: sparsek-opt %s --split-input-file --verify-diagnostics --sparsek-emit-iree=cuda

!q = tensor<1x4x64x64xf32>
!k = tensor<1x2x64x64xf32>
!u = tensor<1x2x64xf32>
!e = tensor<1x2x64xi32>
func.func @f32(%q: !q, %k: !k, %u: !u, %e: !e) -> !q {
  // expected-error @below {{cannot be emitted for CUDA: it has no kernels; docs/IREE.md says for which types and sizes there are kernels}}
  // expected-remark @below {{left as it is: tile programs take bf16 and f16, not f32}}
  %o, %l = sparsek.gathered_attention %q, %k, %k, %u, %u, %e topk(8) window(8) : !q, !k, !k, !u, !u, !e
  return %o : !q
}

// -----

func.func @many(%u: tensor<1x1x2000000xf32>) -> tensor<1x1x2000000xf32> {
  // expected-error @below {{cannot be emitted for CUDA: it has no kernels}}
  // expected-remark @below {{left as it is: tile programs select from up to 1048576 keys, not 2000000}}
  %t, %e = sparsek.topk_mask %u topk(8) window(8) : tensor<1x1x2000000xf32>
  return %t : tensor<1x1x2000000xf32>
}

// -----

func.func @rows(%u: tensor<70000x1x4xf32>) -> tensor<70000x1x4xf32> {
  // expected-error @below {{B * Hs must be at most 65535}}
  %t, %e = sparsek.topk_mask %u topk(8) window(8) : tensor<70000x1x4xf32>
  return %t : tensor<70000x1x4xf32>
}

// -----

func.func @statistics(%x: tensor<1x64x16xbf16>, %w: tensor<16x2xbf16>) -> tensor<1x2x64xf32> {
  // expected-error @below {{cannot be emitted for CUDA with statistics: they are f64, which iree-compile makes f32; accepted are scores of whole sequences}}
  %u, %s = sparsek.score %x, %w norm<timestep> carry : tensor<1x64x16xbf16>, tensor<16x2xbf16>
  return %u : tensor<1x2x64xf32>
}

// -----

func.func @dense(%q: tensor<1x4x64x64xf32>, %k: tensor<1x2x64x64xf32>) -> tensor<1x4x64x64xf32> {
  // expected-error @below {{cannot be emitted for CUDA: it has no kernels}}
  %o, %l = sparsek.causal_attention %q, %k, %k : tensor<1x4x64x64xf32>, tensor<1x2x64x64xf32>, tensor<1x2x64x64xf32>
  return %o : tensor<1x4x64x64xf32>
}
