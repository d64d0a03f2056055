// Kernels with C functions, as files, and in the module.
// RUN: rm -rf %t && mkdir -p %t
// RUN: sparsek-compile %s --target=sm_90a -o %t/attend.o
// RUN: FileCheck %s --input-file=%t/attend.h --check-prefix=HEADER
// RUN: llvm-nm --defined-only %t/attend.o | FileCheck %s --check-prefix=SYMBOLS
// RUN: sparsek-compile %s --target=sm_80 -o %t/kernels/
// RUN: FileCheck %s --input-file=%t/kernels/gathered_attention_0.ptx --check-prefix=PTX
// RUN: FileCheck %s --input-file=%t/kernels/gathered_attention_0.json --check-prefix=JSON
// RUN: sparsek-compile %s --target=sm_90a -o %t/kernels.mlir
// RUN: FileCheck %s --input-file=%t/kernels.mlir --check-prefix=MLIR

// HEADER: int32_t attend_launch(const SparsekAttentionArguments *arguments, uint64_t workspace,
// SYMBOLS-DAG: T attend_launch
// SYMBOLS-DAG: T attend_workspace
// PTX: .target sm_80
// JSON: "chip":"sm_80"
// MLIR: gpu.binary @gathered_attention_0 {sparsek.launch_record =

func.func @attend(%q: tensor<1x2x?x64xbf16>, %k: tensor<1x1x?x64xbf16>, %v: tensor<1x1x?x64xbf16>, %u: tensor<1x1x?xf32>,
                  %tau: tensor<1x1x?xf32>, %expiry: tensor<1x1x?xi32>) -> tensor<1x2x?x64xbf16> {
  %o, %lse = sparsek.gathered_attention %q, %k, %v, %u, %tau, %expiry topk(4) window(3)
    : tensor<1x2x?x64xbf16>, tensor<1x1x?x64xbf16>, tensor<1x1x?x64xbf16>, tensor<1x1x?xf32>, tensor<1x1x?xf32>, tensor<1x1x?xi32>
  return %o : tensor<1x2x?x64xbf16>
}
