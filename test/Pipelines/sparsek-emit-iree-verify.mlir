// RUN: not sparsek-opt %s --allow-unregistered-dialect --sparsek-emit-iree=llvm-cpu 2>&1 | FileCheck %s
// RUN: sparsek-opt %s --allow-unregistered-dialect --sparsek-emit-iree="llvm-cpu verify=false" | FileCheck %s --check-prefix=KEPT

// CHECK: error: 'foreign.use' op is none that iree-compile takes here
// KEPT: "foreign.use"
func.func @f(%x: tensor<4xf32>) {
  "foreign.use"(%x) : (tensor<4xf32>) -> ()
  return
}
