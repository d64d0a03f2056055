// RUN: sparsek-opt %s --mlir-print-op-generic | FileCheck %s

// CHECK-LABEL: sym_name = "score"
func.func @score(%x: tensor<?x?x4xbf16>, %w: tensor<4x2xbf16>) {
  // CHECK: "sparsek.score"{{.*}} -> tensor<?x2x?xf32>
  %0 = sparsek.score %x, %w : tensor<?x?x4xbf16>, tensor<4x2xbf16>
  // CHECK: "sparsek.score"{{.*}} -> (tensor<?x2x?xf32>, tensor<?x2x3xf64>)
  %1:2 = sparsek.score %x, %w norm<timestep> carry : tensor<?x?x4xbf16>, tensor<4x2xbf16>
  return
}

// CHECK-LABEL: sym_name = "topk_mask"
func.func @topk_mask(%u: tensor<?x2x16xf32>) {
  // CHECK: "sparsek.topk_mask"{{.*}} -> (tensor<?x2x16xf32>, tensor<?x2x16xi32>)
  %0:2 = sparsek.topk_mask %u topk(1) window(1) : tensor<?x2x16xf32>
  // CHECK: "sparsek.topk_mask"{{.*}} -> (tensor<?x2x16xf32>, tensor<?x2x16xi32>, tensor<?x2x16xi32>)
  %1:3 = sparsek.topk_mask %u topk(1) window(1) interior : tensor<?x2x16xf32>
  return
}

// The output has the batch, heads and length of q, the width of v and the element type of q; lse is f32.
// CHECK-LABEL: sym_name = "attention"
func.func @attention(%q: tensor<?x4x?x64xf16>, %k: tensor<2x2x16x64xf16>, %v: tensor<2x2x16x32xf16>, %u: tensor<2x1x16xf32>,
                     %e: tensor<2x1x16xi32>) {
  // CHECK: "sparsek.attention"{{.*}} -> (tensor<?x4x?x32xf16>, tensor<?x4x?xf32>)
  %0:2 = sparsek.attention %q, %k, %v, %u topk(1) window(1)
      : tensor<?x4x?x64xf16>, tensor<2x2x16x64xf16>, tensor<2x2x16x32xf16>, tensor<2x1x16xf32>
  // CHECK: "sparsek.gathered_attention"{{.*}} -> (tensor<?x4x?x32xf16>, tensor<?x4x?xf32>)
  %1:2 = sparsek.gathered_attention %q, %k, %v, %u, %u, %e topk(1) window(1)
      : tensor<?x4x?x64xf16>, tensor<2x2x16x64xf16>, tensor<2x2x16x32xf16>, tensor<2x1x16xf32>, tensor<2x1x16xf32>, tensor<2x1x16xi32>
  // CHECK: "sparsek.causal_attention"{{.*}} -> (tensor<?x4x?x32xf16>, tensor<?x4x?xf32>)
  %2:2 = sparsek.causal_attention %q, %k, %v : tensor<?x4x?x64xf16>, tensor<2x2x16x64xf16>, tensor<2x2x16x32xf16>
  return
}

// Attributes are properties.
// CHECK-LABEL: sym_name = "attributes"
func.func @attributes(%u: tensor<1x1x4xf32>) {
  // CHECK: "sparsek.topk_mask"{{.*}}<{topk = 3 : i64, window = 4 : i64}>
  %0:2 = sparsek.topk_mask %u topk(3) window(4) : tensor<1x1x4xf32>
  return
}
