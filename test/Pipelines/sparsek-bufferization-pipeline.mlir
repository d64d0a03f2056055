// RUN: sparsek-opt %s --sparsek-bufferization-pipeline | FileCheck %s

// Callers own results: an argument or a slice of it is returned as a copy.
// CHECK-LABEL: func.func @slice(
// CHECK-SAME: %[[X:.*]]: memref<4x6xf32>) -> memref<2x3xf32>
// CHECK: %[[NEW:.*]] = memref.alloc() {{.*}} : memref<2x3xf32>
// CHECK: memref.copy %{{.*}}, %[[NEW]]
// CHECK: return %[[NEW]]
func.func @slice(%x: tensor<4x6xf32>) -> tensor<2x3xf32> {
  %0 = tensor.extract_slice %x[1, 2] [2, 3] [1, 1] : tensor<4x6xf32> to tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// Temporaries are freed.
// CHECK-LABEL: func.func @softmax(
// CHECK: memref.dealloc
// CHECK: return
func.func @softmax(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %0 = tensor.empty() : tensor<2x4xf32>
  %1 = linalg.softmax dimension(1) ins(%x : tensor<2x4xf32>) outs(%0 : tensor<2x4xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}
