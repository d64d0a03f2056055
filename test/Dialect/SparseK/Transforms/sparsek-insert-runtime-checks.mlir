// RUN: sparsek-opt %s --sparsek-insert-runtime-checks --canonicalize --cse | FileCheck %s

// The verifier has seen everything.
// CHECK-LABEL: func.func @static
// CHECK-NOT: cf.assert
// CHECK: return
func.func @static(%q: tensor<1x8x64x32xf32>, %k: tensor<1x2x64x32xf32>) -> (tensor<1x8x64x32xf32>, tensor<1x8x64xf32>) {
  %o, %lse = sparsek.causal_attention %q, %k, %k : tensor<1x8x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x32xf32>
  return %o, %lse : tensor<1x8x64x32xf32>, tensor<1x8x64xf32>
}

// CHECK-LABEL: func.func @causal(
// CHECK-SAME: %[[Q:.*]]: tensor<?x8x?x32xf32>, %[[K:.*]]: tensor<?x2x?x32xf32>, %[[V:.*]]: tensor<2x2x?x16xf32>)
// CHECK: %[[B:.*]] = tensor.dim %[[Q]], %c0
// CHECK: %[[SAME:.*]] = arith.cmpi eq, %[[B]], %c2
// CHECK: cf.assert %[[SAME]], "'sparsek.causal_attention' op S1: batch sizes must agree, but v[0] and q[0] differ"
// CHECK: cf.assert %{{.*}}, "'sparsek.causal_attention' op S1: batch sizes must agree, but v[0] and k[0] differ"
// CHECK: %[[N:.*]] = tensor.dim %[[K]], %c2
// CHECK: %[[NV:.*]] = tensor.dim %[[V]], %c2
// CHECK: arith.cmpi eq, %[[N]], %[[NV]]
// CHECK: cf.assert %{{.*}}, "'sparsek.causal_attention' op S1: numbers of keys must agree, but k[2] and v[2] differ"
// CHECK: %[[M:.*]] = tensor.dim %[[Q]], %c2
// CHECK: %[[FITS:.*]] = arith.cmpi sle, %[[M]], %[[N]]
// CHECK: cf.assert %[[FITS]], "'sparsek.causal_attention' op S1: q holds the last M <= N positions, but M is above N"
// CHECK-NOT: cf.assert
// CHECK: sparsek.causal_attention
func.func @causal(%q: tensor<?x8x?x32xf32>, %k: tensor<?x2x?x32xf32>, %v: tensor<2x2x?x16xf32>) -> (tensor<?x8x?x16xf32>, tensor<?x8x?xf32>) {
  %o, %lse = sparsek.causal_attention %q, %k, %v : tensor<?x8x?x32xf32>, tensor<?x2x?x32xf32>, tensor<2x2x?x16xf32>
  return %o, %lse : tensor<?x8x?x16xf32>, tensor<?x8x?xf32>
}

// k and v are one tensor: its sizes agree with themselves.
// CHECK-LABEL: func.func @attention(
// CHECK-NOT: k[2] and v[2]
// CHECK: cf.assert %{{.*}}, "'sparsek.attention' op S1: numbers of keys must agree, but k[2] and scores[2] differ"
// CHECK: sparsek.attention
func.func @attention(%q: tensor<1x8x?x32xf32>, %k: tensor<1x2x?x32xf32>, %u: tensor<1x2x?xf32>) -> tensor<1x8x?x32xf32> {
  %o, %lse = sparsek.attention %q, %k, %k, %u topk(4) window(4) : tensor<1x8x?x32xf32>, tensor<1x2x?x32xf32>, tensor<1x2x?x32xf32>, tensor<1x2x?xf32>
  return %o : tensor<1x8x?x32xf32>
}

// CHECK-LABEL: func.func @gathered(
// CHECK: cf.assert %{{.*}}, "'sparsek.gathered_attention' op S1: numbers of keys must agree, but k[2] and threshold[2] differ"
// CHECK: cf.assert %{{.*}}, "'sparsek.gathered_attention' op S1: numbers of keys must agree, but k[2] and expiry[2] differ"
// CHECK-NOT: cf.assert
// CHECK: return
func.func @gathered(%q: tensor<1x8x64x32xf32>, %k: tensor<1x2x64x32xf32>, %u: tensor<1x2x64xf32>, %tau: tensor<1x2x?xf32>, %e: tensor<1x2x?xi32>) -> tensor<1x8x64x32xf32> {
  %o, %lse = sparsek.gathered_attention %q, %k, %k, %u, %tau, %e topk(4) window(4) : tensor<1x8x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64xf32>, tensor<1x2x?xf32>, tensor<1x2x?xi32>
  return %o : tensor<1x8x64x32xf32>
}

// The values of cu_seqlens are checked whatever the sizes are.
// CHECK-LABEL: func.func @packed(
// CHECK-SAME: %{{.*}}: tensor<?x2x64xf32>, %[[CU:.*]]: tensor<?xi32>)
// CHECK: cf.assert %{{.*}}, "'sparsek.topk_mask' op S4: cu_seqlens packs documents into a batch of 1"
// CHECK: %[[COUNT:.*]] = tensor.dim %[[CU]]
// CHECK: arith.cmpi sge, %[[COUNT]], %c2
// CHECK: cf.assert %{{.*}}, "'sparsek.topk_mask' op S4: cu_seqlens must have S+1 >= 2 elements"
// CHECK: tensor.extract %[[CU]][%c0]
// CHECK: cf.assert %{{.*}}, "'sparsek.topk_mask' op S4: cu_seqlens must start at 0"
// CHECK: tensor.extract %[[CU]]
// CHECK: arith.cmpi eq, %{{.*}}, %c64
// CHECK: cf.assert %{{.*}}, "'sparsek.topk_mask' op S4: cu_seqlens must end at N"
// CHECK: %[[RISES:.*]] = scf.for
// CHECK: arith.cmpi sle
// CHECK: cf.assert %[[RISES]], "'sparsek.topk_mask' op S4: cu_seqlens must not decrease"
func.func @packed(%u: tensor<?x2x64xf32>, %cu: tensor<?xi32>) -> tensor<?x2x64xf32> {
  %tau, %expiry = sparsek.topk_mask %u topk(4) window(4) cu_seqlens(%cu) : tensor<?x2x64xf32>, tensor<?xi32>
  return %tau : tensor<?x2x64xf32>
}

// CHECK-LABEL: func.func @packed_attention(
// CHECK: cf.assert %{{.*}}, "'sparsek.causal_attention' op S4: packed documents need M = N"
// CHECK-NOT: S1: q holds
func.func @packed_attention(%q: tensor<1x8x?x32xf32>, %k: tensor<1x2x64x32xf32>, %cu: tensor<3xi32>) -> tensor<1x8x?x32xf32> {
  %o, %lse = sparsek.causal_attention %q, %k, %k cu_seqlens(%cu) : tensor<1x8x?x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x32xf32>, tensor<3xi32>
  return %o : tensor<1x8x?x32xf32>
}

// CHECK-LABEL: func.func @score(
// CHECK: cf.assert %{{.*}}, "'sparsek.score' op S1: batch sizes must agree, but x[0] and statistics[0] differ"
// CHECK: cf.assert %{{.*}}, "'sparsek.score' op S1: numbers of score heads must agree, but W[1] and statistics[1] differ"
// CHECK-NOT: cf.assert
// CHECK: return
func.func @score(%x: tensor<1x?x16xf32>, %w: tensor<16x2xf32>, %s: tensor<?x?x3xf64>) -> tensor<1x2x?xf32> {
  %u = sparsek.score %x, %w norm<timestep> statistics(%s) : tensor<1x?x16xf32>, tensor<16x2xf32>, tensor<?x?x3xf64>
  return %u : tensor<1x2x?xf32>
}

// CHECK-LABEL: func.func @linalg(
// CHECK-SAME: %[[A:.*]]: tensor<?x8xf32>, %[[B:.*]]: tensor<8x?xf32>, %[[C:.*]]: tensor<?x?xf32>
// CHECK: cf.assert %{{.*}}, "'linalg.matmul' op sizes must agree, but operand 0[0] and operand 2[0] differ"
// CHECK: cf.assert %{{.*}}, "'linalg.matmul' op sizes must agree, but operand 1[1] and operand 2[1] differ"
// CHECK-NOT: cf.assert
// CHECK: %[[PRODUCT:.*]] = linalg.matmul
// The product has the sizes of %C: the check does not use the product itself.
// CHECK-NOT: tensor.dim %[[PRODUCT]]
// CHECK: cf.assert %{{.*}}, "'linalg.add' op sizes must agree, but operand 0[0] and operand 1[0] differ"
func.func @linalg(%a: tensor<?x8xf32>, %b: tensor<8x?xf32>, %c: tensor<?x?xf32>, %d: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<?x8xf32>, tensor<8x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  %1 = linalg.add ins(%0, %d : tensor<?x?xf32>, tensor<?x?xf32>) outs(%d : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @elementwise(
// CHECK: cf.assert %{{.*}}, "'arith.addf' op sizes must agree, but operand 0[0] and operand 1[0] differ"
// CHECK-NEXT: arith.addf
// CHECK-NOT: cf.assert
// CHECK: return
func.func @elementwise(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>, %s: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>) {
  %0 = arith.addf %a, %b : tensor<?x4xf32>
  %1 = arith.mulf %s, %s : tensor<4xf32>
  return %0, %1 : tensor<?x4xf32>, tensor<4xf32>
}
