// RUN: sparsek-opt %s --sparsek-parallelize-linalg --cse | FileCheck %s
// RUN: sparsek-opt %s --sparsek-parallelize-linalg=min-work=8 | FileCheck %s --check-prefix=SMALL

#id3 = affine_map<(b, n, c) -> (b, n, c)>
#row = affine_map<(b, n, c) -> (b, n)>
#id1 = affine_map<(n) -> (n)>

// The batch of 1 and the last loop stay whole.
// CHECK-LABEL: func.func @rows(
// CHECK:   scf.parallel (%[[I:[^,]*]]) =
// CHECK:     memref.subview %{{.*}}[0, %[[I]], 0] [1, 1, 512] [1, 1, 1]
// CHECK:     linalg.generic
func.func @rows(%a: memref<1x?x512xf32>, %o: memref<1x?x512xf32>) {
  linalg.generic {indexing_maps = [#id3, #id3], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%a : memref<1x?x512xf32>) outs(%o : memref<1x?x512xf32>) {
  ^bb0(%x: f32, %y: f32):
    %0 = arith.addf %x, %x : f32
    linalg.yield %0 : f32
  }
  return
}

// CHECK-LABEL: func.func @reduction(
// CHECK:   scf.parallel (%{{[^,]*}}, %{{[^,]*}}) =
// CHECK:     linalg.generic
func.func @reduction(%a: memref<?x?x512xf32>, %o: memref<?x?xf32>) {
  linalg.generic {indexing_maps = [#id3, #row], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a : memref<?x?x512xf32>) outs(%o : memref<?x?xf32>) {
  ^bb0(%x: f32, %y: f32):
    %0 = arith.addf %x, %y : f32
    linalg.yield %0 : f32
  }
  return
}

// CHECK-LABEL: func.func @vector(
// CHECK-DAG: %[[STEP:.*]] = arith.constant 16384 : index
// CHECK:   scf.parallel {{.*}} step (%[[STEP]])
func.func @vector(%o: memref<?xf32>) {
  %c = arith.constant 1.0 : f32
  linalg.fill ins(%c : f32) outs(%o : memref<?xf32>)
  return
}

// CHECK-LABEL: func.func @small(
// CHECK-NOT: scf.parallel
// SMALL-LABEL: func.func @small(
// SMALL: scf.parallel
func.func @small(%o: memref<64x16xf32>) {
  %c = arith.constant 1.0 : f32
  linalg.fill ins(%c : f32) outs(%o : memref<64x16xf32>)
  return
}

// CHECK-LABEL: func.func @sum_of_all(
// CHECK-NOT: scf.parallel
func.func @sum_of_all(%a: memref<?xf32>, %o: memref<f32>) {
  linalg.generic {indexing_maps = [#id1, affine_map<(n) -> ()>], iterator_types = ["reduction"]}
      ins(%a : memref<?xf32>) outs(%o : memref<f32>) {
  ^bb0(%x: f32, %y: f32):
    %0 = arith.addf %x, %y : f32
    linalg.yield %0 : f32
  }
  return
}

// CHECK-LABEL: func.func @nested(
// CHECK: scf.parallel
// CHECK-NOT: scf.parallel
func.func @nested(%o: memref<8x?x?xf32>) {
  %c = arith.constant 1.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.parallel (%i) = (%c0) to (%c8) step (%c1) {
    linalg.fill ins(%c : f32) outs(%o : memref<8x?x?xf32>)
  }
  return
}
