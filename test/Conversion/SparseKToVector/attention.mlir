// RUN: sparsek-opt %s --convert-sparsek-to-vector --split-input-file | FileCheck %s
// RUN: sparsek-opt %s --convert-sparsek-to-vector="vector-lanes=8 micro-rows=4 key-block=32 tile-rows=64 parallel=false" --split-input-file \
// RUN:   | FileCheck %s --check-prefix=AVX2

// Buffers with a contiguous innermost dimension, new results, one call; lengths
// and budgets are arguments.
// CHECK-LABEL: func @gathered
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: tensor<1x4x?x16xf32>
// CHECK-DAG:     %[[QB:.*]] = bufferization.to_buffer %[[Q]] read_only : tensor<1x4x?x16xf32> to memref<1x4x?x16xf32, strided<[?, ?, ?, 1], offset: ?>>
// CHECK-DAG:     %[[QC:.*]] = memref.cast %[[QB]] : memref<1x4x?x16xf32, strided<[?, ?, ?, 1], offset: ?>> to memref<?x?x?x?xf32, strided<[?, ?, ?, 1], offset: ?>>
// CHECK-DAG:     %[[O:.*]] = memref.alloc(%{{.*}}) {alignment = 64 : i64} : memref<1x4x?x8xf32>
// CHECK-DAG:     %[[L:.*]] = memref.alloc(%{{.*}}) {alignment = 64 : i64} : memref<1x4x?xf32>
// CHECK-DAG:     %[[SCALE:.*]] = arith.constant 2.500000e-01 : f32
// CHECK-DAG:     %[[TOPK:.*]] = arith.constant 256 : index
// CHECK-DAG:     %[[WINDOW:.*]] = arith.constant 128 : index
// CHECK:         call @sparsek_gathered_attention_f32_d16x8_g2_gate_key_value(%[[QC]], {{.*}}, %[[SCALE]], %[[TOPK]], %[[WINDOW]])
// CHECK:         %[[OT:.*]] = bufferization.to_tensor %[[O]] restrict writable : memref<1x4x?x8xf32> to tensor<1x4x?x8xf32>
// CHECK:         %[[LT:.*]] = bufferization.to_tensor %[[L]] restrict writable
// CHECK:         return %[[OT]], %[[LT]]
func.func @gathered(%q: tensor<1x4x?x16xf32>, %k: tensor<1x2x?x16xf32>, %v: tensor<1x2x?x8xf32>, %u: tensor<1x2x?xf32>, %t: tensor<1x2x?xf32>, %e: tensor<1x2x?xi32>)
    -> (tensor<1x4x?x8xf32>, tensor<1x4x?xf32>) {
  %o, %l = sparsek.gathered_attention %q, %k, %v, %u, %t, %e topk(256) window(128)
      : tensor<1x4x?x16xf32>, tensor<1x2x?x16xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?xf32>, tensor<1x2x?xf32>, tensor<1x2x?xi32>
  return %o, %l : tensor<1x4x?x8xf32>, tensor<1x4x?xf32>
}

// 128 rows are 4 panels of 2 x 16; 64 rows 4 panels of 2 x 8.
// CHECK-LABEL: func private @sparsek_gathered_attention_f32_d16x8_g2_gate_key_value
// CHECK:         scf.parallel
// CHECK:           memref.alloc() {alignment = 64 : i64, bufferization.manual_deallocation} : memref<4x16x32xf32>
// CHECK:           memref.alloc() {alignment = 64 : i64, bufferization.manual_deallocation} : memref<4x8x32xf32>
// CHECK:           memref.alloc() {alignment = 64 : i64, bufferization.manual_deallocation} : memref<64x16xf32>
// CHECK:           memref.alloc() {alignment = 64 : i64, bufferization.manual_deallocation} : memref<1x64x8xf32>
// CHECK:           scf.while
// CHECK:             vector.fma {{.*}} : vector<16xf32>
// CHECK:           memref.dealloc {{.*}} {bufferization.manual_deallocation}
// CHECK:         return
// AVX2-LABEL:  func private @sparsek_gathered_attention_f32_d16x8_g2_gate_key_value
// AVX2-NOT:      scf.parallel
// AVX2:          memref.alloc() {alignment = 64 : i64, bufferization.manual_deallocation} : memref<4x16x16xf32>
// AVX2:          memref.alloc() {alignment = 64 : i64, bufferization.manual_deallocation} : memref<4x8x16xf32>
// AVX2:          memref.alloc() {alignment = 64 : i64, bufferization.manual_deallocation} : memref<32x16xf32>
// AVX2:          memref.alloc() {alignment = 64 : i64, bufferization.manual_deallocation} : memref<2x32x4xf32>
// AVX2-NOT:      scf.parallel
// AVX2:          vector.fma {{.*}} : vector<8xf32>

// -----

// One kernel for all lengths and budgets; another one for each combination of
// what is compiled in. straight_through computes what none computes.
// CHECK-LABEL: func @kernels
// CHECK:         call @[[NONE:sparsek_gathered_attention_bf16_d16x16_g1_gate_none]](
// CHECK:         call @[[NONE]](
// CHECK:         call @[[NONE]](
// CHECK:         call @[[VALUE:sparsek_gathered_attention_bf16_d16x16_g1_gate_value]](
// CHECK:         call @[[PACKED:sparsek_gathered_attention_bf16_d16x16_g1_gate_none_sink_packed]](
func.func @kernels(%a: tensor<1x2x32x16xbf16>, %b: tensor<1x2x?x16xbf16>, %ua: tensor<1x1x32xf32>, %ub: tensor<1x1x?xf32>, %ea: tensor<1x1x32xi32>,
                   %eb: tensor<1x1x?xi32>, %sink: tensor<2xf32>, %cu: tensor<3xi32>) -> tensor<1x2x32xf32> {
  %0, %1 = sparsek.gathered_attention %a, %a, %a, %ua, %ua, %ea topk(4) window(8) gate<none>
      : tensor<1x2x32x16xbf16>, tensor<1x2x32x16xbf16>, tensor<1x2x32x16xbf16>, tensor<1x1x32xf32>, tensor<1x1x32xf32>, tensor<1x1x32xi32>
  %2, %3 = sparsek.gathered_attention %b, %b, %b, %ub, %ub, %eb topk(5) window(0) gate<none> scale(2.0)
      : tensor<1x2x?x16xbf16>, tensor<1x2x?x16xbf16>, tensor<1x2x?x16xbf16>, tensor<1x1x?xf32>, tensor<1x1x?xf32>, tensor<1x1x?xi32>
  %4, %5 = sparsek.gathered_attention %b, %b, %b, %ub, %ub, %eb topk(5) window(0) gate<straight_through>
      : tensor<1x2x?x16xbf16>, tensor<1x2x?x16xbf16>, tensor<1x2x?x16xbf16>, tensor<1x1x?xf32>, tensor<1x1x?xf32>, tensor<1x1x?xi32>
  %6, %7 = sparsek.gathered_attention %b, %b, %b, %ub, %ub, %eb topk(5) window(0) gate<value>
      : tensor<1x2x?x16xbf16>, tensor<1x2x?x16xbf16>, tensor<1x2x?x16xbf16>, tensor<1x1x?xf32>, tensor<1x1x?xf32>, tensor<1x1x?xi32>
  %8, %9 = sparsek.gathered_attention %a, %a, %a, %ua, %ua, %ea topk(4) window(8) gate<none> sink(%sink) cu_seqlens(%cu)
      : tensor<1x2x32x16xbf16>, tensor<1x2x32x16xbf16>, tensor<1x2x32x16xbf16>, tensor<1x1x32xf32>, tensor<1x1x32xf32>, tensor<1x1x32xi32>, tensor<2xf32>, tensor<3xi32>
  return %9 : tensor<1x2x32xf32>
}
// CHECK:         func private @[[NONE]](
// CHECK-NOT:     func private @[[NONE]](
// CHECK:         func private @[[VALUE]](
// CHECK:         func private @[[PACKED]](

// -----

// The dense kernel has no list, no gate and no budgets.
// CHECK-LABEL: func @dense
// CHECK:         call @sparsek_causal_attention_f16_d24x24_g3(
func.func @dense(%q: tensor<2x3x8x24xf16>, %k: tensor<2x1x16x24xf16>) -> tensor<2x3x8x24xf16> {
  %o, %l = sparsek.causal_attention %q, %k, %k : tensor<2x3x8x24xf16>, tensor<2x1x16x24xf16>, tensor<2x1x16x24xf16>
  return %o : tensor<2x3x8x24xf16>
}
// CHECK-LABEL: func private @sparsek_causal_attention_f16_d24x24_g3
// CHECK-SAME:    (%{{[a-z0-9]+}}: memref<?x?x?x?xf16, strided<[?, ?, ?, 1], offset: ?>>, %{{[a-z0-9]+}}: memref<?x?x?x?xf16, strided<[?, ?, ?, 1], offset: ?>>, %{{[a-z0-9]+}}: memref<?x?x?x?xf16, strided<[?, ?, ?, 1], offset: ?>>, %{{[a-z0-9]+}}: memref<?x?x?x?xf16, strided<[?, ?, ?, 1], offset: ?>>, %{{[a-z0-9]+}}: memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>>, %{{[a-z0-9]+}}: f32) {
// CHECK-NOT:     memref<?xi32>
// CHECK:         arith.extf {{.*}} : vector<16xf16> to vector<16xf32>
// CHECK:         arith.truncf {{.*}} : f32 to f16

// -----

// A kernel goes where the call can see it, and gives way to another symbol of
// its name.
// CHECK-LABEL: module @inner
// CHECK:         func @sparsek_causal_attention_f32_d8x8_g1()
// CHECK:         call @[[KERNEL:sparsek_causal_attention_f32_d8x8_g1_[0-9]+]](
// CHECK:         func private @[[KERNEL]](
module {
  module @inner {
    func.func @sparsek_causal_attention_f32_d8x8_g1() { return }
    func.func @f(%q: tensor<1x1x8x8xf32>) -> tensor<1x1x8x8xf32> {
      %o, %l = sparsek.causal_attention %q, %q, %q : tensor<1x1x8x8xf32>, tensor<1x1x8x8xf32>, tensor<1x1x8x8xf32>
      return %o : tensor<1x1x8x8xf32>
    }
  }
}
