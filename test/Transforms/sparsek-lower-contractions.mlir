// RUN: sparsek-opt %s --sparsek-lower-contractions | FileCheck %s
// RUN: sparsek-opt %s --sparsek-lower-contractions="vector-lanes=8 tile-rows=6 parallel=false" | FileCheck %s --check-prefix=AVX2
// RUN: not sparsek-opt %s --sparsek-lower-contractions=tile-rows=0 2>&1 | FileCheck %s --check-prefix=NO-ROWS
// RUN: not sparsek-opt %s --sparsek-lower-contractions=vector-lanes=3 2>&1 | FileCheck %s --check-prefix=ODD-LANES

// NO-ROWS: option 'tile-rows' of 'sparsek-lower-contractions' must be at least 1, not 0
// ODD-LANES: option 'vector-lanes' of 'sparsek-lower-contractions' must be even, not 3

// CHECK-LABEL: func.func @matmul(
// CHECK-SAME: %[[A:.*]]: memref<?x512xf32>, %[[B:.*]]: memref<512x256xf32>, %[[C:.*]]: memref<?x256xf32>
// CHECK:   %[[PANELS:.*]] = memref.alloc({{.*}}) {alignment = 64 : i64} : memref<?x?x32xf32>
// CHECK:   scf.parallel
// CHECK:     vector.transfer_read %[[B]]
// CHECK:     vector.store {{.*}}, %[[PANELS]]
// CHECK:   scf.parallel
// CHECK:     %[[ROWS:.*]] = memref.alloc({{.*}}) {alignment = 64 : i64} : memref<?x?x12xf32>
// CHECK:     memref.load %[[A]]
// CHECK:     memref.store {{.*}}, %[[ROWS]]
// CHECK:     %{{.*}}:24 = scf.for
// CHECK:       vector.load %[[PANELS]]{{.*}} vector<16xf32>
// CHECK:       memref.load %[[ROWS]]
// CHECK:       vector.broadcast
// CHECK-COUNT-24: vector.fma
// CHECK-COUNT-24: vector.store
// CHECK:     scf.for
// CHECK:       vector.transfer_read %[[C]]
// CHECK:       arith.addf
// CHECK:       vector.transfer_write {{.*}}, %[[C]]
// CHECK:     memref.dealloc
// CHECK:     memref.dealloc %[[ROWS]]
// CHECK:   memref.dealloc %[[PANELS]]
// CHECK-NOT: linalg

// AVX2-LABEL: func.func @matmul(
// AVX2-NOT: scf.parallel
// AVX2:     %{{.*}}:12 = scf.for
// AVX2-COUNT-12: vector.fma {{.*}} : vector<8xf32>
func.func @matmul(%a: memref<?x512xf32>, %b: memref<512x256xf32>, %c: memref<?x256xf32>) {
  linalg.matmul ins(%a, %b : memref<?x512xf32>, memref<512x256xf32>) outs(%c : memref<?x256xf32>)
  return
}

// A transposed operand is packed element by element, bf16 is widened, and the
// sum is narrowed once.
// CHECK-LABEL: func.func @transposed_bf16(
// CHECK-SAME: %[[A:.*]]: memref<?x64xbf16>, %[[B:.*]]: memref<40x64xbf16>
// CHECK:   memref.load %[[B]]
// CHECK-NEXT: arith.extf {{.*}} : bf16 to f32
// CHECK:   memref.load %[[A]]
// CHECK-NEXT: arith.extf {{.*}} : bf16 to f32
// CHECK:   arith.truncf {{.*}} : vector<16xf32> to vector<16xbf16>
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
func.func @transposed_bf16(%a: memref<?x64xbf16>, %b: memref<40x64xbf16>, %c: memref<?x40xbf16>) {
  linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<?x64xbf16>, memref<40x64xbf16>) outs(%c : memref<?x40xbf16>) {
  ^bb0(%x: bf16, %y: bf16, %z: bf16):
    %0 = arith.mulf %x, %y : bf16
    %1 = arith.addf %z, %0 : bf16
    linalg.yield %1 : bf16
  }
  return
}

// Doubles take twice the space.
// CHECK-LABEL: func.func @batch_f64(
// CHECK:   memref.alloc({{.*}}) {alignment = 64 : i64} : memref<?x?x?x16xf64>
// CHECK:   vector.fma {{.*}} : vector<8xf64>
func.func @batch_f64(%a: memref<4x8x16xf64>, %b: memref<4x16x24xf64>, %c: memref<4x8x24xf64>) {
  linalg.batch_matmul ins(%a, %b : memref<4x8x16xf64>, memref<4x16x24xf64>) outs(%c : memref<4x8x24xf64>)
  return
}

// CHECK-LABEL: func.func @integers(
// CHECK: linalg.matmul
func.func @integers(%a: memref<4x8xi32>, %b: memref<8x4xi32>, %c: memref<4x4xi32>) {
  linalg.matmul ins(%a, %b : memref<4x8xi32>, memref<8x4xi32>) outs(%c : memref<4x4xi32>)
  return
}

// CHECK-LABEL: func.func @no_column(
// CHECK: linalg.matvec
func.func @no_column(%a: memref<4x8xf32>, %b: memref<8xf32>, %c: memref<4xf32>) {
  linalg.matvec ins(%a, %b : memref<4x8xf32>, memref<8xf32>) outs(%c : memref<4xf32>)
  return
}

// Narrowing before the product is not what packing does.
// CHECK-LABEL: func.func @narrowed(
// CHECK: linalg.generic
#kn = affine_map<(m, n, k) -> (k, n)>
func.func @narrowed(%a: memref<4x8xf32>, %b: memref<8x4xf32>, %c: memref<4x4xbf16>) {
  linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<4x8xf32>, memref<8x4xf32>) outs(%c : memref<4x4xbf16>) {
  ^bb0(%x: f32, %y: f32, %z: bf16):
    %0 = arith.truncf %x : f32 to bf16
    %1 = arith.truncf %y : f32 to bf16
    %2 = arith.mulf %0, %1 : bf16
    %3 = arith.addf %z, %2 : bf16
    linalg.yield %3 : bf16
  }
  return
}

// CHECK-LABEL: func.func @result_not_contiguous(
// CHECK: linalg.matmul
func.func @result_not_contiguous(%a: memref<4x8xf32>, %b: memref<8x4xf32>, %c: memref<4x4xf32, strided<[8, 2]>>) {
  linalg.matmul ins(%a, %b : memref<4x8xf32>, memref<8x4xf32>) outs(%c : memref<4x4xf32, strided<[8, 2]>>)
  return
}
