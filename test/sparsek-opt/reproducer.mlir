// A failing pass says in one line how to get a reproducer, and that line works.
// RUN: rm -rf %t && mkdir %t && cd %t
// RUN: not sparsek-opt %s --allow-unregistered-dialect '--pass-pipeline=builtin.module(canonicalize, one-shot-bufferize)' 2>&1 | FileCheck %s
// CHECK: error: op was not bufferized
// CHECK: sparsek-opt: pass 'one-shot-bufferize' failed; to get a file that reproduces this: {{.*}}sparsek-opt {{.*}} '--pass-pipeline=builtin.module(canonicalize, one-shot-bufferize)' --mlir-pass-pipeline-crash-reproducer=reproducer.mlir

// RUN: not sparsek-opt %s --allow-unregistered-dialect '--pass-pipeline=builtin.module(canonicalize, one-shot-bufferize)' --mlir-pass-pipeline-crash-reproducer=reproducer.mlir 2>&1 | FileCheck %s --check-prefix=WRITTEN --implicit-check-not="to get a file"
// WRITTEN: reproducer generated at `reproducer.mlir`
// RUN: not sparsek-opt --run-reproducer reproducer.mlir --allow-unregistered-dialect 2>&1 | FileCheck %s --check-prefix=AGAIN
// AGAIN: error: op was not bufferized

// An input that does not parse has no pass to blame.
// RUN: not sparsek-opt %s --canonicalize 2>&1 | FileCheck %s --check-prefix=PARSE --implicit-check-not="to get a file"
// PARSE: error: operation being parsed with an unregistered dialect

// Nor is there anything to reproduce where the diagnostics are expected ones.
// RUN: sparsek-opt %s --allow-unregistered-dialect --one-shot-bufferize --verify-diagnostics 2>&1 | FileCheck %s --check-prefix=EXPECTED --allow-empty
// EXPECTED-NOT: to get a file

func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{op was not bufferized}}
  %0 = "test.x"(%a) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
