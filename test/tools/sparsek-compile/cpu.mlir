// A library and an object file, called from C by the header that is made with each.
// RUN: rm -rf %t && mkdir -p %t
// RUN: sparsek-compile %s -o %t/model.so
// RUN: FileCheck %s --input-file=%t/model.h --check-prefix=HEADER
// RUN: llvm-nm -D --defined-only %t/model.so | FileCheck %s --check-prefix=SYMBOLS
// RUN: %cc %S/Inputs/call.c -I%t %t/model.so -Wl,-rpath,%t -o %t/call
// RUN: %t/call | FileCheck %s --check-prefix=CALL
// RUN: not --crash %t/call fewer 2>&1 | FileCheck %s --check-prefix=FAILS

// RUN: sparsek-compile %s --cpu=x86-64 --opt-level=1 --name=other -o %t/object.o
// RUN: FileCheck %s --input-file=%t/object.h --check-prefix=OTHER
// RUN: llvm-nm --defined-only %t/object.o | FileCheck %s --check-prefix=SYMBOLS

// RUN: sparsek-compile %s -o %t/model.ll
// RUN: FileCheck %s --input-file=%t/model.ll --check-prefix=LLVM
// RUN: sparsek-compile %s -o %t/model.mlir
// RUN: FileCheck %s --input-file=%t/model.mlir --check-prefix=MLIR
// RUN: sparsek-opt %t/model.mlir -o /dev/null

// HEADER: #ifndef SPARSEK_MODEL_H
// HEADER: #ifndef SPARSEK_F32_4D
// HEADER: typedef struct {
// HEADER-NEXT: float *allocated, *aligned;
// HEADER-NEXT: int64_t offset, sizes[4], strides[4];
// HEADER-NEXT: } sparsek_f32_4d;
// HEADER: /* attend(%q: tensor<1x2x?x16xf32>, {{.*}} %s: f32) -> (tensor<1x2x?x16xf32>, f32)
// HEADER: typedef struct {
// HEADER-NEXT: sparsek_f32_4d result0;
// HEADER-NEXT: float result1;
// HEADER-NEXT: } attend_results;
// HEADER-NEXT: void _mlir_ciface_attend(attend_results *result, sparsek_f32_4d *argument0, sparsek_f32_4d *argument1, sparsek_f32_4d *argument2, sparsek_f32_3d *argument3, float argument4);
// HEADER: float _mlir_ciface_twice(float argument0);
// HEADER-NOT: hidden

// SYMBOLS-DAG: T _mlir_ciface_attend
// SYMBOLS-DAG: T _mlir_ciface_twice
// SYMBOLS-DAG: W sparsek_runtime_check_failed
// SYMBOLS-NOT: hidden

// CALL: sizes 2 40, from 3.0000 to 3.0000, scalar 4.0
// CALL-NEXT: once more 3.0

// FAILS: sparsek: 'sparsek.gathered_attention' op S1: q holds the last M <= N positions, but M is above N

// OTHER: #ifndef SPARSEK_OTHER_H

// LLVM: define {{.*}}void @_mlir_ciface_attend(
// MLIR: llvm.func @_mlir_ciface_attend(

func.func @attend(%q: tensor<1x2x?x16xf32>, %k: tensor<1x1x?x16xf32>, %v: tensor<1x1x?x16xf32>, %u: tensor<1x1x?xf32>, %s: f32)
    -> (tensor<1x2x?x16xf32>, f32) {
  %o, %lse = sparsek.attention %q, %k, %v, %u topk(4) window(3) gate<none>
    : tensor<1x2x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?x16xf32>, tensor<1x1x?xf32>
  %t = call @hidden(%s) : (f32) -> f32
  return %o, %t : tensor<1x2x?x16xf32>, f32
}

func.func @twice(%s: f32) -> f32 {
  %t = call @hidden(%s) : (f32) -> f32
  return %t : f32
}

func.func private @hidden(%s: f32) -> f32 {
  %t = arith.addf %s, %s : f32
  return %t : f32
}
