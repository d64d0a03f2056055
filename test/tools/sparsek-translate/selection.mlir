// The functions for a selection take its arguments, and are all in the runtime.
// RUN: sparsek-opt %s --sparsek-nvvm-pipeline=host=false -o %t.mlir
// RUN: sparsek-translate %t.mlir --emit=header --name=choose | FileCheck %s
// RUN: sparsek-translate %t.mlir --emit=object --name=choose -o %t.o
// RUN: %cc -shared %t.o -L%sparsek_lib_dir -lSparsekRuntime -Wl,-z,defs %link_flags -o %t.so

// CHECK: /* As sparsekSelectionWorkspace and sparsekLaunchSelection: nonzero and sparsekLastError() on failure. */
// CHECK-NEXT: int32_t choose_workspace(const SparsekSelectionArguments *arguments, size_t *size);
// CHECK-NEXT: int32_t choose_launch(const SparsekSelectionArguments *arguments, uint64_t workspace,
// CHECK: int32_t choose_prepare(int32_t device);
// CHECK: void choose_release(void);

func.func @select(%u: tensor<?x1x?xf32>) -> (tensor<?x1x?xf32>, tensor<?x1x?xi32>) {
  %tau, %expiry = sparsek.topk_mask %u topk(64) window(32) : tensor<?x1x?xf32>
  return %tau, %expiry : tensor<?x1x?xf32>, tensor<?x1x?xi32>
}
