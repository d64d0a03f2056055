// RUN: sparsek-opt %s --sparsek-emit-iree="cuda fallback" --split-input-file --verify-diagnostics | FileCheck %s

// What has no kernels becomes its definition, where that is without f64.

// CHECK-LABEL: func.func @dense(
// CHECK-SAME:    %[[Q:.*]]: tensor<1x4x?x64xf32>, %[[K:.*]]: tensor<1x2x?x64xf32>)
// CHECK:         cf.assert %{{.*}}, "'sparsek.causal_attention' op
// CHECK:         scf.for
// CHECK:           linalg.generic
// CHECK-NOT:     sparsek.
func.func @dense(%q: tensor<1x4x?x64xf32>, %k: tensor<1x2x?x64xf32>) -> tensor<1x4x?x64xf32> {
  // expected-remark @below {{has no kernels: iree-compile compiles its definition, which takes longer}}
  %o, %l = sparsek.causal_attention %q, %k, %k : tensor<1x4x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>
  return %o : tensor<1x4x?x64xf32>
}

// -----

// The rest keeps its kernels.

// CHECK-LABEL: func.func @attention(
// CHECK:         linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<1x64x16xf32>, tensor<16x2xf32>)
// CHECK:         call @sparsek_topk_mask(
// CHECK:         scf.for
func.func @attention(%x: tensor<1x64x16xf32>, %w: tensor<16x2xf32>, %q: tensor<1x4x64x64xf32>, %k: tensor<1x2x64x64xf32>) -> tensor<1x4x64x64xf32> {
  // expected-remark @below {{left as it is: tile programs take bf16 and f16, not f32}}
  // expected-remark @below {{has no kernels: iree-compile compiles its definition}}
  %u = sparsek.score %x, %w : tensor<1x64x16xf32>, tensor<16x2xf32>
  // expected-remark @below {{left as it is: tile programs take bf16 and f16, not f32}}
  // expected-remark @below {{has no kernels: iree-compile compiles its definition}}
  %o, %l = sparsek.attention %q, %k, %k, %u topk(8) window(8) : tensor<1x4x64x64xf32>, tensor<1x2x64x64xf32>, tensor<1x2x64x64xf32>, tensor<1x2x64xf32>
  return %o : tensor<1x4x64x64xf32>
}

// -----

// Positions are added in f64.
func.func @slope(%x: tensor<1x64x16xf32>, %w: tensor<16x2xf32>) -> tensor<1x2x64xf32> {
  // expected-remark @below {{left as it is: tile programs take bf16 and f16, not f32}}
  // expected-error @below {{cannot be emitted for CUDA: it has no kernels; docs/IREE.md says for which types and sizes there are kernels, and what the option fallback takes besides}}
  %u = sparsek.score %x, %w slope(0.5) : tensor<1x64x16xf32>, tensor<16x2xf32>
  return %u : tensor<1x2x64xf32>
}

// -----

func.func @many(%u: tensor<1x1x2000000xf32>) -> tensor<1x1x2000000xf32> {
  // expected-error @below {{cannot be emitted for CUDA: it has no kernels}}
  // expected-remark @below {{left as it is: tile programs select from up to 1048576 keys, not 2000000}}
  %t, %e = sparsek.topk_mask %u topk(8) window(8) : tensor<1x1x2000000xf32>
  return %t : tensor<1x1x2000000xf32>
}
