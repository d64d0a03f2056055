// RUN: sparsek-opt %s --sparsek-protect-arguments | FileCheck %s

// CHECK-LABEL: func.func @public(
// CHECK-SAME: %{{.*}}: tensor<4xf32> {bufferization.writable = false},
// CHECK-SAME: %{{.*}}: index,
// CHECK-SAME: %{{.*}}: tensor<4xf32> {bufferization.writable = true})
func.func @public(%x: tensor<4xf32>, %n: index, %out: tensor<4xf32> {bufferization.writable = true}) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// CHECK-LABEL: func.func private @private(
// CHECK-NOT: writable
// CHECK: return
func.func private @private(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// CHECK: func.func private @declared(tensor<4xf32>)
func.func private @declared(tensor<4xf32>)
