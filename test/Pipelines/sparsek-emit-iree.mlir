// RUN: not sparsek-opt %s --sparsek-emit-iree 2>&1 | FileCheck %s
// RUN: not sparsek-opt %s --sparsek-emit-iree="cuda llvm-cpu" 2>&1 | FileCheck %s
// RUN: sparsek-opt %s --sparsek-emit-iree=cuda | FileCheck %s --check-prefix=SAME
// RUN: sparsek-opt %s --sparsek-emit-iree=llvm-cpu | FileCheck %s --check-prefix=SAME

// CHECK: error: sparsek-emit-iree: name one target, cuda or llvm-cpu
// SAME: func.func @none
func.func @none(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
