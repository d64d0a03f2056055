// RUN: sparsek-opt %s --sparsek-reference-pipeline | FileCheck %s
// RUN: sparsek-opt %s --sparsek-reference-pipeline=c-wrappers=false | FileCheck %s --check-prefix=BARE
// RUN: sparsek-opt %s --sparsek-reference-pipeline --dump-pass-pipeline -o /dev/null 2>&1 | FileCheck %s --check-prefix=PASSES

// The argument is not overwritten: the result is a new buffer.
// CHECK-NOT: memref.
// CHECK: llvm.func @f(
// CHECK: llvm.call @sparsek_runtime_check_failed
// CHECK: llvm.call @malloc
// CHECK: llvm.func @_mlir_ciface_f(
// BARE-NOT: _mlir_ciface_f
func.func @f(%x: tensor<?xf32>, %i: index) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %inside = arith.cmpi ult, %i, %n : index
  cf.assert %inside, "the index is outside of the tensor"
  %0 = tensor.insert %one into %x[%i] : tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK: llvm.func @attention(
// CHECK-NOT: sparsek.
// CHECK: llvm.intr.exp
func.func @attention(%q: tensor<1x4x?x8xbf16>, %k: tensor<1x2x?x8xbf16>, %v: tensor<1x2x?x8xbf16>, %x: tensor<1x?x16xbf16>, %w: tensor<16x1xbf16>) -> tensor<1x4x?x8xbf16> {
  %u = sparsek.score %x, %w norm<timestep> : tensor<1x?x16xbf16>, tensor<16x1xbf16>
  %o, %lse = sparsek.attention %q, %k, %v, %u topk(4) window(4) : tensor<1x4x?x8xbf16>, tensor<1x2x?x8xbf16>, tensor<1x2x?x8xbf16>, tensor<1x1x?xf32>
  return %o : tensor<1x4x?x8xbf16>
}

// PASSES: builtin.module(
// PASSES-NEXT: sparsek-insert-runtime-checks{sizes-only=false},
// PASSES-NEXT: sparsek-decompose-attention,
// PASSES-NEXT: convert-sparsek-to-linalg,
// PASSES-NEXT: func.func(
// PASSES-NEXT:   convert-elementwise-to-linalg
// PASSES-NEXT: ),
// PASSES-NEXT: sparsek-decompose-aggregates,
// PASSES-NEXT: sparsek-protect-arguments,
// PASSES-NEXT: eliminate-empty-tensors,
// PASSES-NEXT: empty-tensor-to-alloc-tensor,
// PASSES-NEXT: one-shot-bufferize{{.*}}bufferize-function-boundaries=true{{.*}}function-boundary-type-conversion=identity-layout-map
// PASSES-NEXT: canonicalize
// PASSES-NEXT: cse,
// PASSES-NEXT: expand-realloc
// PASSES-NEXT: canonicalize
// PASSES-NEXT: ownership-based-buffer-deallocation
// PASSES-NEXT: canonicalize
// PASSES-NEXT: buffer-deallocation-simplification,
// PASSES-NEXT: bufferization-lower-deallocations,
// PASSES-NEXT: cse,
// PASSES-NEXT: canonicalize
// PASSES-NEXT: convert-bufferization-to-memref,
// PASSES-NEXT: sparsek-expand-copies,
// PASSES-NEXT: func.func(
// PASSES-NEXT:   convert-linalg-to-loops
// PASSES-NEXT: ),
// PASSES-NEXT: func.func(
// PASSES-NEXT:   convert-vector-to-scf
// PASSES-NEXT: ),
// PASSES-NEXT: expand-strided-metadata,
// PASSES-NEXT: lower-affine,
// PASSES-NEXT: math-extend-to-supported-types{extra-types={f16} target-type=f32},
// PASSES-NEXT: arith-emulate-unsupported-floats{source-types={bf16} target-type=f32},
// PASSES-NEXT: arith-expand{include-bf16=true
// PASSES-NEXT: math-expand-ops{ops={fpowi}},
// PASSES-NEXT: canonicalize
// PASSES-NEXT: cse,
// PASSES-NEXT: convert-scf-to-cf
// PASSES-NEXT: sparsek-lower-runtime-checks,
// PASSES-NEXT: func.func(
// PASSES-NEXT:   llvm-request-c-wrappers
// PASSES-NEXT: ),
// PASSES-NEXT: convert-vector-to-llvm
// PASSES-NEXT: convert-complex-to-llvm
// PASSES-NEXT: convert-math-to-llvm
// PASSES-NEXT: convert-math-to-libm,
// PASSES-NEXT: convert-index-to-llvm
// PASSES-NEXT: convert-arith-to-llvm
// PASSES-NEXT: finalize-memref-to-llvm
// PASSES-NEXT: convert-func-to-llvm
// PASSES-NEXT: convert-cf-to-llvm
// PASSES-NEXT: convert-ub-to-llvm
// PASSES-NEXT: reconcile-unrealized-casts,
// PASSES-NEXT: canonicalize
// PASSES-NEXT: cse,
// PASSES-NEXT: sparsek-verify-lowered
