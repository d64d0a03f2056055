// Kernels are converted to the end; the control flow of the functions beside them is not touched.
// RUN: sparsek-opt %s --sparsek-nvvm-pipeline="host=false format=nvvm" | FileCheck %s
// RUN: sparsek-opt %s --sparsek-emit-iree=cuda | FileCheck %s --check-prefix=IREE

// CHECK: func.func @f
// CHECK: cf.assert %{{.*}}, "as many"
// CHECK: cf.cond_br
// CHECK: gpu.module @topk_mask_0
// CHECK-NOT: cf.
// CHECK: llvm.cond_br

// IREE: func.func @f
// IREE: cf.assert %{{.*}}, "as many"
// IREE: cf.cond_br
// IREE-NOT: llvm.
func.func @f(%u: tensor<1x2x?xf32>, %n: index) -> tensor<1x2x?xf32> {
  %c2 = arith.constant 2 : index
  %d = tensor.dim %u, %c2 : tensor<1x2x?xf32>
  %same = arith.cmpi eq, %d, %n : index
  cf.assert %same, "as many"
  %some = arith.cmpi ugt, %n, %c2 : index
  cf.cond_br %some, ^select, ^end
^select:
  %t, %e = sparsek.topk_mask %u topk(4) window(4) : tensor<1x2x?xf32>
  return %t : tensor<1x2x?xf32>
^end:
  return %u : tensor<1x2x?xf32>
}
