// RUN: sparsek-opt %s --sparsek-flatten-parallel-loops --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @two(
// CHECK-SAME:    %[[N:[^:]*]]: index
// CHECK:   %[[SOME:.*]] = arith.cmpi slt, %{{.*}}, %[[N]] : index
// CHECK:   scf.if %[[SOME]] {
// CHECK:     scf.parallel (%[[K:[^)]*]]) =
// CHECK-NOT: scf.parallel
// CHECK:       scf.for
// CHECK:         memref.store
func.func @two(%n: index, %m: memref<4x?x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %x = arith.constant 1.0 : f32
  scf.parallel (%i, %j) = (%c0, %c0) to (%c4, %n) step (%c1, %c1) {
    scf.parallel (%k) = (%c0) to (%n) step (%c1) {
      memref.store %x, %m[%i, %j, %k] : memref<4x?x?xf32>
    }
  }
  return
}

// Known to have iterations.
// CHECK-LABEL: func.func @static(
// CHECK-NOT:   scf.if
// CHECK:       scf.parallel (%{{[^,)]*}}) =
func.func @static(%m: memref<4x2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %x = arith.constant 1.0 : f32
  scf.parallel (%i, %j) = (%c0, %c0) to (%c4, %c2) step (%c1, %c1) {
    memref.store %x, %m[%i, %j] : memref<4x2xf32>
  }
  return
}

// -----

func.func @sum(%n: index, %m: memref<?xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  // expected-error@below {{with a reduction across its iterations is not supported; accepted are loops without results}}
  %sum = scf.parallel (%i) = (%c0) to (%n) step (%c1) init (%zero) -> f32 {
    %x = memref.load %m[%i] : memref<?xf32>
    scf.reduce(%x : f32) {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      scf.reduce.return %s : f32
    }
  }
  return %sum : f32
}
