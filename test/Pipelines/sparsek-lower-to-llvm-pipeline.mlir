// RUN: sparsek-opt %s --sparsek-lower-to-llvm-pipeline | FileCheck %s --check-prefixes=CHECK,SEQUENTIAL
// RUN: sparsek-opt %s --sparsek-lower-to-llvm-pipeline=parallel=true | FileCheck %s --check-prefixes=CHECK,PARALLEL

// CHECK-LABEL: llvm.func @loop
// SEQUENTIAL-NOT: omp.parallel
// PARALLEL: omp.parallel
// PARALLEL: omp.wsloop
func.func @loop(%x: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f32
  scf.parallel (%i) = (%c0) to (%c64) step (%c1) {
    memref.store %zero, %x[%i] : memref<64xf32>
    scf.reduce
  }
  return
}

// bf16 needs neither hardware nor support routines: it is shifted and rounded
// by integer instructions.
// CHECK-LABEL: llvm.func @bf16
// CHECK-NOT: llvm.fpext
// CHECK: llvm.shl
// CHECK: llvm.intr.exp({{.*}}) : (f32) -> f32
// CHECK-NOT: llvm.fptrunc
// CHECK: llvm.return
func.func @bf16(%x: bf16, %y: bf16) -> bf16 {
  %0 = math.exp %x : bf16
  %1 = arith.addf %0, %y : bf16
  return %1 : bf16
}

// A strided copy needs no runtime library.
// CHECK-LABEL: llvm.func @copy
// CHECK-NOT: @memrefCopy
// CHECK: llvm.load
// CHECK: llvm.store
func.func @copy(%x: memref<4x4xf32, strided<[8, 1]>>, %y: memref<4x4xf32>) {
  memref.copy %x, %y : memref<4x4xf32, strided<[8, 1]>> to memref<4x4xf32>
  return
}
