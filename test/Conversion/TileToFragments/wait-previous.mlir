// RUN: sparsek-opt %s --convert-tile-to-fragments | FileCheck %s
// RUN: sparsek-opt %s --convert-tile-to-fragments=chip=sm_80 | FileCheck %s --check-prefix=SM80

// A kernel that is launched as a programmatic dependent waits by itself, which its record says; before sm_90
// there are none. It does not let the next one begin early.

// CHECK: gpu.module @kernels
// CHECK-SAME: name = "dependent"{{.*}}waits = true
// CHECK: llvm.func @dependent(
// CHECK-NOT: launch_dependents
// CHECK: nvvm.griddepcontrol wait
// CHECK-NOT: launch_dependents
// SM80: gpu.module @kernels
// SM80-NOT: waits
// SM80: llvm.func @dependent(
// SM80-NOT: griddepcontrol
tile.kernel @dependent(%x: memref<?xi32> {tile.name = "x"}) attributes {threads = 32 : i64} {
  tile.wait_previous
  %thread = tile.thread
  %c0 = arith.constant 0 : index
  memref.store %thread, %x[%c0] : memref<?xi32>
}
