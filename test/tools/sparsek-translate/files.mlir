// RUN: rm -rf %t
// RUN: sparsek-translate %s --emit=files -o %t/out/kernels
// RUN: FileCheck %s --input-file=%t/out/kernels/text.ptx --check-prefix=PTX --match-full-lines
// RUN: FileCheck %s --input-file=%t/out/kernels/text.json --check-prefix=JSON --match-full-lines
// RUN: FileCheck %s --input-file=%t/out/kernels/code.cubin --check-prefix=CUBIN
// RUN: test -f %t/out/kernels/fat.fatbin
// RUN: not test -e %t/out/kernels/other.ptx
// RUN: sparsek-translate %s --emit=object -o %t/k.o
// RUN: llvm-nm --defined-only %t/k.o | FileCheck %s --check-prefix=SYMBOLS

// PTX: // the text
// JSON: {"flag":true,"list":[1,"two"],"version":1}
// CUBIN: ELF

// SYMBOLS-DAG: T text_launch
// SYMBOLS-DAG: T text_workspace
// SYMBOLS-DAG: T code_launch
// SYMBOLS-DAG: T fat_release

module attributes {gpu.container_module} {
  // The null that translations to LLVM IR add is no part of the text.
  gpu.binary @text {sparsek.launch_record = {version = 1 : i64, flag = true, list = [1 : i64, "two"]}} [#gpu.object<#nvvm.target, assembly = "// the text\0A\00">]
  gpu.binary @code {sparsek.launch_record = {}} [#gpu.object<#nvvm.target, bin = "\7FELF">]
  gpu.binary @fat {sparsek.launch_record = {}} [#gpu.object<#nvvm.target, fatbin = "FAT">]
  gpu.binary @other [#gpu.object<#nvvm.target, assembly = "not ours">]
}
