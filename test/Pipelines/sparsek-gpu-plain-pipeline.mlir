// RUN: sparsek-opt %s --sparsek-gpu-plain-pipeline | FileCheck %s
// RUN: sparsek-opt %s --sparsek-gpu-plain-pipeline="chip=sm_90 c-wrappers=false" | FileCheck %s --check-prefix=HOPPER
// RUN: sparsek-opt %s --sparsek-gpu-plain-pipeline --dump-pass-pipeline -o /dev/null 2>&1 | FileCheck %s --check-prefix=PASSES
// RUN: not sparsek-opt %s --sparsek-gpu-plain-pipeline=format=elf 2>&1 | FileCheck %s --check-prefix=FORMAT

// FORMAT: unknown format 'elf'; accepted are ptx, cubin, fatbin and llvm

// The host allocates, launches and frees; nothing is left to be linked to a
// kernel.
// CHECK-NOT: memref.
// CHECK: llvm.func @attention(
// CHECK: llvm.call @sparsek_runtime_check_failed
// CHECK: llvm.call @mgpuMemAlloc
// CHECK: gpu.launch_func <%{{.*}} : !llvm.ptr> @attention_kernel_{{[0-9]+}}::@attention_kernel
// CHECK: llvm.call @mgpuMemFree
// CHECK: llvm.func @_mlir_ciface_attention(
// CHECK: gpu.binary @attention_kernel
// CHECK-SAME: .target sm_80
// CHECK-NOT: .extern
// HOPPER-NOT: _mlir_ciface
// HOPPER: gpu.binary @attention_kernel
// HOPPER-SAME: .target sm_90{{\\}}
func.func @attention(%q: tensor<1x4x?x8xbf16>, %k: tensor<1x2x?x8xbf16>, %v: tensor<1x2x?x8xbf16>, %x: tensor<1x?x16xbf16>, %w: tensor<16x1xbf16>) -> tensor<1x4x?x8xbf16> {
  %u = sparsek.score %x, %w norm<timestep> : tensor<1x?x16xbf16>, tensor<16x1xbf16>
  %o, %lse = sparsek.attention %q, %k, %v, %u topk(4) window(4) : tensor<1x4x?x8xbf16>, tensor<1x2x?x8xbf16>, tensor<1x2x?x8xbf16>, tensor<1x1x?xf32>
  return %o : tensor<1x4x?x8xbf16>
}

// PASSES: builtin.module(
// PASSES-NEXT: sparsek-insert-runtime-checks{sizes-only=false},
// PASSES-NEXT: sparsek-decompose-attention,
// PASSES-NEXT: convert-sparsek-to-linalg,
// PASSES: convert-bufferization-to-memref,
// PASSES-NEXT: sparsek-expand-copies,
// PASSES-NEXT: func.func(
// PASSES-NEXT:   linalg-generalize-named-ops,
// PASSES-NEXT:   sparsek-reductions-innermost,
// PASSES-NEXT:   convert-linalg-to-parallel-loops,
// PASSES-NEXT:   scf-forall-to-parallel
// PASSES-NEXT: ),
// PASSES-NEXT: memref-expand,
// PASSES: sparsek-flatten-parallel-loops,
// PASSES-NEXT: func.func(
// PASSES-NEXT:   sparsek-offload-scalar-code,
// PASSES-NEXT:   sparsek-device-buffers,
// PASSES-NEXT:   scf-parallel-loop-tiling{no-min-max-bounds=true parallel-loop-tile-sizes={{[{]?}}128{{[}]?}}},
// PASSES-NEXT:   gpu-map-parallel-loops
// PASSES-NEXT:   convert-parallel-loops-to-gpu
// PASSES-NEXT: ),
// PASSES: gpu-launch-sink-index-computations,
// PASSES-NEXT: gpu-kernel-outlining
// PASSES: gpu-async-region
// PASSES: gpu.module(
// PASSES: sparsek-expand-device-math,
// PASSES: convert-gpu-to-nvvm
// PASSES: nvvm-attach-target{{.*}}chip=sm_80
// PASSES-NEXT: sparsek-serialize-kernels{{.*}}format=ptx
// PASSES-NEXT: convert-scf-to-cf
// PASSES-NEXT: sparsek-lower-runtime-checks,
// PASSES: gpu-to-llvm
// PASSES: sparsek-verify-lowered
