// RUN: not sparsek-opt %s --sparsek-emit-iree 2>&1 | FileCheck %s
// RUN: not sparsek-opt %s --sparsek-emit-iree="cuda llvm-cpu" 2>&1 | FileCheck %s
// RUN: not sparsek-opt %s --sparsek-emit-iree="llvm-cpu fallback" 2>&1 | FileCheck %s --check-prefix=CUDA-ONLY
// RUN: not sparsek-opt %s --sparsek-emit-iree="cuda native-f64" 2>&1 | FileCheck %s --check-prefix=CPU-ONLY
// RUN: sparsek-opt %s --sparsek-emit-iree=cuda | FileCheck %s --check-prefix=SAME
// RUN: sparsek-opt %s --sparsek-emit-iree=llvm-cpu | FileCheck %s --check-prefix=SAME

// CHECK: error: sparsek-emit-iree: name one target, cuda or llvm-cpu
// CUDA-ONLY: error: sparsek-emit-iree: fallback is an option of cuda
// CPU-ONLY: error: sparsek-emit-iree: native-f64 is an option of llvm-cpu
// SAME: func.func @none
func.func @none(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
