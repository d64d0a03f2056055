// PTX needs no CUDA toolkit, and nothing is said of one that is missing.
// RUN: env CUDA_ROOT=%t.none sparsek-opt %s --sparsek-serialize-kernels 2>&1 | FileCheck %s --implicit-check-not=error
// RUN: env CUDA_ROOT=%t.none PATH=%t.none not sparsek-opt %s --sparsek-serialize-kernels=format=cubin 2>&1 | FileCheck %s --check-prefix=CUBIN
// RUN: sparsek-opt %s --sparsek-serialize-kernels=format=llvm | FileCheck %s --check-prefix=BITCODE
// RUN: not sparsek-opt %s --sparsek-serialize-kernels=format=elf 2>&1 | FileCheck %s --check-prefix=ELF

// The launch record stays with the kernel.
// CHECK: gpu.binary @kernels {sparsek.launch_record = {version = 1 : i64}}
// CHECK-SAME: [#gpu.object<#nvvm.target<chip = "sm_90a">{{.*}}assembly = "{{.*}}.target sm_90a{{.*}}.visible .entry kernel(
// CHECK: gpu.binary @bare [#gpu.object<
// CHECK-NOT: launch_record
// BITCODE: gpu.binary @kernels {sparsek.launch_record = {version = 1 : i64}} [#gpu.object<{{.*}}offload = "BC
// CUBIN: error: Couldn't find the `ptxas` binary
// ELF: error: unknown format 'elf'; accepted are ptx, cubin, fatbin and llvm
gpu.module @kernels [#nvvm.target<chip = "sm_90a">] attributes {sparsek.launch_record = {version = 1}} {
  llvm.func @kernel(%pointer: !llvm.ptr<1>) attributes {gpu.kernel, nvvm.kernel} {
    %one = llvm.mlir.constant(1 : i32) : i32
    llvm.store %one, %pointer : i32, !llvm.ptr<1>
    llvm.return
  }
}
gpu.module @bare [#nvvm.target<chip = "sm_90a">] {
  llvm.func @kernel() attributes {gpu.kernel, nvvm.kernel} {
    llvm.return
  }
}
