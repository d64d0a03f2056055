// RUN: sparsek-opt %s --sparsek-cpu-pipeline="vector-lanes=16" | FileCheck %s
// RUN: sparsek-opt %s --sparsek-cpu-pipeline="vector-lanes=8 parallel=false" | FileCheck %s --check-prefix=SEQUENTIAL
// RUN: sparsek-opt %s --sparsek-cpu-pipeline | FileCheck %s --check-prefix=HOST
// RUN: sparsek-opt %s --canonicalize --sparsek-decompose-attention --convert-sparsek-to-vector --sparsek-bufferization-pipeline \
// RUN:   | FileCheck %s --check-prefix=BUFFERS

// CHECK-NOT:   builtin.unrealized_conversion_cast
// CHECK-LABEL: llvm.func @f(
// CHECK:         llvm.call @sparsek_topk_mask(
// CHECK:         llvm.call @sparsek_gathered_attention_f32_d16x16_g2_gate_key_value(
// CHECK-LABEL: llvm.func @sparsek_gathered_attention_f32_d16x16_g2_gate_key_value(
// CHECK:         omp.wsloop
// CHECK:         llvm.intr.fmuladd({{.*}}) : (vector<16xf32>, vector<16xf32>, vector<16xf32>) -> vector<16xf32>

// SEQUENTIAL-NOT: omp
// SEQUENTIAL:     llvm.intr.fmuladd({{.*}}) : (vector<8xf32>, vector<8xf32>, vector<8xf32>) -> vector<8xf32>

// HOST:        llvm.intr.fmuladd

// No operand is copied, and what the selection leaves is freed.
// BUFFERS-LABEL: func @f
// BUFFERS-NOT:     memref.copy
// BUFFERS:         %[[TAU:.*]] = memref.alloc() {{.*}} : memref<1x2x64xf32>
// BUFFERS:         %[[EXPIRY:.*]] = memref.alloc() {{.*}} : memref<1x2x64xi32>
// BUFFERS:         call @sparsek_topk_mask
// BUFFERS:         call @sparsek_gathered_attention
// BUFFERS-DAG:     memref.dealloc %[[TAU]]
// BUFFERS-DAG:     memref.dealloc %[[EXPIRY]]
// BUFFERS-NOT:     memref.copy
// BUFFERS:         return
func.func @f(%q: tensor<1x4x64x16xf32>, %k: tensor<1x2x64x16xf32>, %v: tensor<1x2x64x16xf32>, %u: tensor<1x2x64xf32>) -> tensor<1x4x64x16xf32> {
  %o, %l = sparsek.attention %q, %k, %v, %u topk(16) window(8)
      : tensor<1x4x64x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64xf32>
  return %o : tensor<1x4x64x16xf32>
}
