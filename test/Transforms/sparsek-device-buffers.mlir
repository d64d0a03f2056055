// RUN: sparsek-opt %s --sparsek-device-buffers --split-input-file --verify-diagnostics | FileCheck %s

memref.global "private" constant @table : memref<2xf32> = dense<[1.0, 2.0]>

// CHECK-LABEL: func.func @buffers(
// CHECK-SAME:    %[[X:[^:]*]]: memref<?xf32>, %[[N:[^:]*]]: index
// CHECK:   %[[TABLE:.*]] = memref.get_global @table
// CHECK:   %[[COPY:.*]] = gpu.alloc  () : memref<2xf32>
// CHECK:   gpu.memcpy  %[[COPY]], %[[TABLE]]
// CHECK:   %[[A:.*]] = gpu.alloc  (%[[N]]) : memref<?xf32>
// CHECK:   gpu.memcpy  %[[A]], %[[X]]
// CHECK:   scf.parallel
// CHECK:     memref.load %[[COPY]]
// CHECK:   gpu.dealloc  %[[A]]
// CHECK:   gpu.dealloc  %[[COPY]]
// CHECK:   return
func.func @buffers(%x: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = memref.alloc(%n) {alignment = 64 : i64} : memref<?xf32>
  memref.copy %x, %a : memref<?xf32> to memref<?xf32>
  %t = memref.get_global @table : memref<2xf32>
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %0 = memref.load %t[%c1] : memref<2xf32>
    memref.store %0, %a[%i] : memref<?xf32>
  }
  memref.dealloc %a : memref<?xf32>
  return
}

// -----

func.func @inside(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    // expected-error@below {{cannot be placed on the device; accepted are allocations outside of parallel loops, of buffers without layout symbols}}
    %a = memref.alloc(%n) : memref<?xf32>
    memref.dealloc %a : memref<?xf32>
  }
  return
}
