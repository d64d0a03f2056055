// REQUIRES: mlir-opt, dylib
// An uninstrumented process cannot load the sanitizers with a plugin.
// UNSUPPORTED: sanitizers
// The dialect and the passes run in a stock mlir-opt (which reads --pass-pipeline after it has loaded plugins, but no --<pass>)...
// RUN: mlir-opt --load-dialect-plugin=%sparsek_plugin --load-pass-plugin=%sparsek_plugin %s --pass-pipeline='builtin.module(sparsek-decompose-attention)' | FileCheck %s
// ...and the plugin brings no second copy of MLIR.
// RUN: nm -DC --defined-only %sparsek_plugin | FileCheck %s --check-prefix=SYMBOLS

// SYMBOLS-NOT: {{ [TBD] mlir::(Operation|MLIRContext|Pass|PassManager|Block|Region)::}}
// SYMBOLS:     T sparsek::
// SYMBOLS-NOT: {{ [T] mlir::}}

// CHECK: sparsek.topk_mask
// CHECK: sparsek.gathered_attention
func.func @f(%q: tensor<1x4x16x64xf32>, %u: tensor<1x4x16xf32>) -> tensor<1x4x16x64xf32> {
  %o, %l = sparsek.attention %q, %q, %q, %u topk(1) window(1)
      : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>, tensor<1x4x16xf32>
  return %o : tensor<1x4x16x64xf32>
}
