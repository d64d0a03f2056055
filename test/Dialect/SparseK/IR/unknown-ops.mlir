// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Custom ops that an exporter carries under the dialect's name pass through where unregistered ops may.
// RUN: sparsek-opt %s --allow-unregistered-dialect | FileCheck %s
// RUN: not sparsek-opt %s 2>&1 | FileCheck %s --check-prefix=STRICT
// RUN: not sparsek-opt %s --allow-unregistered-dialect --sparsek-cpu-pipeline 2>&1 | FileCheck %s --check-prefix=LOWERED
// RUN: not sparsek-opt %s --allow-unregistered-dialect --sparsek-reference-pipeline 2>&1 | FileCheck %s --check-prefix=LOWERED
// RUN: not sparsek-opt %s --allow-unregistered-dialect --sparsek-nvvm-pipeline 2>&1 | FileCheck %s --check-prefix=LOWERED
// RUN: not sparsek-opt %s --allow-unregistered-dialect --sparsek-emit-iree=cuda 2>&1 | FileCheck %s --check-prefix=LOWERED

// CHECK: "sparsek.attn_causal"(%{{.*}}) {scale = 5.000000e-01 : f64}
// STRICT: unregistered operation 'sparsek.attn_causal' found in dialect ('sparsek')
// LOWERED: unknown-ops.mlir:[[# @LINE + 2]]:8: error: 'sparsek.attn_causal' op is none of the dialect: --sparsek-import, as the first pass, reads the ops of exporters
func.func @carried(%q: tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32> {
  %o = "sparsek.attn_causal"(%q) {scale = 5.0e-01 : f64} : (tensor<1x2x8x4xf32>) -> tensor<1x2x8x4xf32>
  return %o : tensor<1x2x8x4xf32>
}
