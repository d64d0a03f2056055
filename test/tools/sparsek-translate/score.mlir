// The functions for scores take their arguments, and are all in the runtime.
// RUN: sparsek-opt %s --sparsek-nvvm-pipeline=host=false -o %t.mlir
// RUN: sparsek-translate %t.mlir --emit=header --name=rate | FileCheck %s
// RUN: sparsek-translate %t.mlir --emit=object --name=rate -o %t.o
// RUN: %cc -shared %t.o -L%sparsek_lib_dir -lSparsekRuntime -Wl,-z,defs %link_flags -o %t.so

// CHECK: /* As sparsekScoreWorkspace and sparsekLaunchScore: nonzero and sparsekLastError() on failure. */
// CHECK-NEXT: int32_t rate_workspace(const SparsekScoreArguments *arguments, size_t *size);
// CHECK-NEXT: int32_t rate_launch(const SparsekScoreArguments *arguments, uint64_t workspace,
// CHECK: int32_t rate_prepare(int32_t device);
// CHECK: void rate_release(void);

func.func @score(%x: tensor<?x?x64xbf16>, %w: tensor<64x2xf32>) -> tensor<?x2x?xf32> {
  %u = sparsek.score %x, %w norm<timestep> : tensor<?x?x64xbf16>, tensor<64x2xf32>
  return %u : tensor<?x2x?xf32>
}
