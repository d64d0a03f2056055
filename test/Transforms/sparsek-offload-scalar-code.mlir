// RUN: sparsek-opt %s --sparsek-offload-scalar-code --split-input-file --verify-diagnostics | FileCheck %s

// One run: what depends on no load stays in front of it.
// CHECK-LABEL: func.func @run(
// CHECK-SAME:    %[[M:[^:]*]]: memref<?xi32>, %[[I:[^:]*]]: index
// CHECK:   %[[COPY:.*]] = memref.alloca() : memref<1xindex>
// CHECK:   %[[NEXT:.*]] = arith.addi %[[I]]
// CHECK:   %[[RESULT:.*]] = gpu.alloc  () : memref<1xindex>
// CHECK:   scf.parallel
// CHECK:     %[[A:.*]] = memref.load %[[M]][%[[I]]]
// CHECK:     %[[B:.*]] = memref.load %[[M]][%[[NEXT]]]
// CHECK:     %[[S:.*]] = arith.addi %[[A]], %[[B]]
// CHECK:     memref.store %[[S]], %[[M]][%[[I]]]
// CHECK:     %[[CAST:.*]] = arith.index_cast %[[S]]
// CHECK:     memref.store %[[CAST]], %[[RESULT]]
// CHECK:   gpu.memcpy  %[[COPY]], %[[RESULT]]
// CHECK:   gpu.dealloc  %[[RESULT]]
// CHECK:   %[[READ:.*]] = memref.load %[[COPY]]
// CHECK:   return %[[READ]]
func.func @run(%m: memref<?xi32>, %i: index) -> index {
  %c1 = arith.constant 1 : index
  %a = memref.load %m[%i] : memref<?xi32>
  %next = arith.addi %i, %c1 : index
  %b = memref.load %m[%next] : memref<?xi32>
  %s = arith.addi %a, %b : i32
  memref.store %s, %m[%i] : memref<?xi32>
  %r = arith.index_cast %s : i32 to index
  return %r : index
}

// A loop that launches stays on the host, its load does not. The host's copy is
// made once.
// CHECK-LABEL: func.func @loop(
// CHECK:   memref.alloca() : memref<1xf32>
// CHECK:   scf.for
// CHECK:     gpu.alloc  ()
// CHECK:     scf.parallel
// CHECK:       memref.load
// CHECK:     %[[X:.*]] = memref.load
// CHECK:     scf.parallel
// CHECK:       memref.store %[[X]]
func.func @loop(%m: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %x = memref.load %m[%i] : memref<?xf32>
    scf.parallel (%j) = (%c0) to (%n) step (%c1) {
      memref.store %x, %m[%j] : memref<?xf32>
    }
  }
  return
}

// A loop of loads moves whole; the check stays.
// CHECK-LABEL: func.func @whole(
// CHECK:   scf.parallel
// CHECK:     scf.for
// CHECK:       memref.load
// CHECK:   %[[ALL:.*]] = memref.load
// CHECK:   cf.assert %[[ALL]], "no"
func.func @whole(%m: memref<?xi1>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %yes = arith.constant true
  %all = scf.for %i = %c0 to %n step %c1 iter_args(%s = %yes) -> i1 {
    %x = memref.load %m[%i] : memref<?xi1>
    %0 = arith.andi %s, %x : i1
    scf.yield %0 : i1
  }
  cf.assert %all, "no"
  return
}

// -----

func.func @atomic(%m: memref<4xf32>, %x: f32, %i: index) {
  // expected-error@below {{is not supported outside of a parallel loop, where the host executes it}}
  %0 = memref.atomic_rmw addf %x, %m[%i] : (f32, memref<4xf32>) -> f32
  return
}
