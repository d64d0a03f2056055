// RUN: sparsek-opt %s --convert-sparsek-to-vector --split-input-file | FileCheck %s

// CHECK-LABEL: func @mask
// CHECK-DAG:     %[[U:.*]] = memref.cast %{{.*}} : memref<?x2x?xf32, strided<[?, ?, ?], offset: ?>> to memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>>
// CHECK-DAG:     %[[TAU:.*]] = memref.alloc(%{{.*}}, %{{.*}}) {alignment = 64 : i64} : memref<?x2x?xf32>
// CHECK-DAG:     %[[EXPIRY:.*]] = memref.alloc(%{{.*}}, %{{.*}}) {alignment = 64 : i64} : memref<?x2x?xi32>
// CHECK:         call @sparsek_topk_mask(%[[U]],
// CHECK:         bufferization.to_tensor %[[TAU]] restrict writable
// CHECK:         bufferization.to_tensor %[[EXPIRY]] restrict writable
func.func @mask(%u: tensor<?x2x?xf32>) -> (tensor<?x2x?xf32>, tensor<?x2x?xi32>) {
  %t, %e = sparsek.topk_mask %u topk(4) window(2) : tensor<?x2x?xf32>
  return %t, %e : tensor<?x2x?xf32>, tensor<?x2x?xi32>
}

// Three heaps: ranks, saturated and interior scores.
// CHECK-LABEL: func private @sparsek_topk_mask
// CHECK-SAME:    index, %{{[a-z0-9]+}}: index) {
// CHECK:         scf.parallel
// CHECK-COUNT-1:   memref.alloc(%{{.*}}) {{.*}} : memref<?xi64>
// CHECK-COUNT-2:   memref.alloc(%{{.*}}) {{.*}} : memref<?xf32>
// CHECK-NOT:       memref.alloc
// CHECK:           scf.for
// CHECK:         return

// -----

// The interior count has two heaps of its own; documents are a loop.
// CHECK-LABEL: func @interior
// CHECK:         call @sparsek_topk_mask_interior_packed(
func.func @interior(%u: tensor<1x1x16xf32>, %cu: tensor<?xi32>) -> tensor<1x1x16xi32> {
  %t, %e, %n = sparsek.topk_mask %u topk(4) window(2) interior cu_seqlens(%cu) : tensor<1x1x16xf32>, tensor<?xi32>
  return %n : tensor<1x1x16xi32>
}
// CHECK-LABEL: func private @sparsek_topk_mask_interior_packed
// CHECK:         scf.parallel
// CHECK-COUNT-4:   memref.alloc(%{{.*}}) {{.*}} : memref<?xf32>
// CHECK:           memref.dim
// CHECK:           scf.for
// CHECK:             memref.load %{{.*}} : memref<?xi32, strided<[?], offset: ?>>
