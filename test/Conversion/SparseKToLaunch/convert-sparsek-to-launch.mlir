// RUN: sparsek-opt %s --convert-sparsek-to-launch --split-input-file | FileCheck %s

// CHECK: func.func private @sparsek_launch_attention_bf16(!llvm.ptr, memref<*xbf16>, memref<*xbf16>, memref<*xbf16>, memref<*xf32>, memref<*xf32>, memref<*xi32>,
// CHECK-SAME: memref<*xf32>, memref<*xi32>, memref<*xbf16>, memref<*xf32>, i64, i64, f64) attributes {llvm.emit_c_interface}

// CHECK: llvm.func @sparsek_release_kernel(!llvm.ptr)

// CHECK-LABEL: func.func @f(
// CHECK-SAME: %[[Q:.*]]: tensor<?x4x?x64xbf16>, %[[K:.*]]: tensor<?x1x?x64xbf16>, %[[V:.*]]: tensor<?x1x?x32xbf16>,
// CHECK-DAG: %[[KERNEL:.*]] = llvm.mlir.addressof @kernels : !llvm.ptr
// CHECK-DAG: %[[BUFFER:.*]] = bufferization.to_buffer %[[Q]] read_only : tensor<?x4x?x64xbf16> to memref<?x4x?x64xbf16>
// CHECK-DAG: %[[QM:.*]] = memref.cast %[[BUFFER]] : memref<?x4x?x64xbf16> to memref<*xbf16>
// CHECK-DAG: %[[B:.*]] = tensor.dim %[[Q]], %c0
// CHECK-DAG: %[[M:.*]] = tensor.dim %[[Q]], %c2
// CHECK-DAG: %[[O:.*]] = memref.alloc(%[[B]], %[[M]]) : memref<?x4x?x32xbf16>
// CHECK-DAG: %[[LSE:.*]] = memref.alloc({{.*}}) : memref<?x4x?xf32>
// CHECK-DAG: %[[OM:.*]] = memref.cast %[[O]]
// CHECK-DAG: %[[LSEM:.*]] = memref.cast %[[LSE]]
// CHECK-DAG: %[[TOPK:.*]] = arith.constant 16 : i64
// CHECK-DAG: %[[WINDOW:.*]] = arith.constant 8 : i64
// CHECK-DAG: %[[SCALE:.*]] = arith.constant 1.250000e-01 : f64
// Without a sink and documents other buffers stand in their places.
// CHECK: call @sparsek_launch_attention_bf16(%[[KERNEL]], %[[QM]], %{{.*}}, %{{.*}}, %[[U:.*]], %{{.*}}, %[[E:.*]], %[[U]], %[[E]], %[[OM]], %[[LSEM]], %[[TOPK]], %[[WINDOW]], %[[SCALE]])
// CHECK: %[[RESULT:.*]] = bufferization.to_tensor %[[O]] restrict writable
// CHECK: return %[[RESULT]]

// CHECK-NOT: gpu.binary @kernels
// CHECK: llvm.mlir.global internal constant @kernels_image("PTX\00")
// CHECK: llvm.mlir.global internal constant @kernels_record("{\22dtype\22:\22bf16\22}\00")
// CHECK: llvm.mlir.global internal @kernels() {{.*}} : !llvm.struct<(ptr, i64, ptr, i64, ptr)> {
// CHECK-DAG: llvm.mlir.addressof @kernels_image
// CHECK-DAG: llvm.mlir.constant(3 : i64)
// CHECK-DAG: llvm.mlir.addressof @kernels_record
// CHECK-DAG: llvm.mlir.constant(16 : i64)
// CHECK: llvm.func internal @kernels_release() {
// CHECK-NEXT: %[[A:.*]] = llvm.mlir.addressof @kernels
// CHECK-NEXT: llvm.call @sparsek_release_kernel(%[[A]])
// CHECK: llvm.mlir.global_dtors dtors = [@kernels_release]
// A binary without a record is not ours.
// CHECK: gpu.binary @other

module attributes {gpu.container_module} {
  func.func @f(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x1x?x64xbf16>, %v: tensor<?x1x?x32xbf16>, %u: tensor<?x1x?xf32>,
               %tau: tensor<?x1x?xf32>, %expiry: tensor<?x1x?xi32>) -> tensor<?x4x?x32xbf16> {
    %o, %lse = sparsek.gathered_attention %q, %k, %v, %u, %tau, %expiry topk(16) window(8) {tile.kernels = @kernels}
        : tensor<?x4x?x64xbf16>, tensor<?x1x?x64xbf16>, tensor<?x1x?x32xbf16>, tensor<?x1x?xf32>, tensor<?x1x?xf32>,
          tensor<?x1x?xi32>
    return %o : tensor<?x4x?x32xbf16>
  }
  gpu.binary @kernels {sparsek.launch_record = {dtype = "bf16"}} [#gpu.object<#nvvm.target, assembly = "PTX\00">]
  gpu.binary @other [#gpu.object<#nvvm.target, assembly = "PTX">]
}

// -----

// Two ops with the same kernels, of which one takes f16, a sink and documents.
// CHECK-LABEL: func.func @sink(
// CHECK: call @sparsek_launch_attention_f16(
// CHECK-NOT: gathered_attention
// CHECK: llvm.mlir.global internal constant @kernels_image
// CHECK-NOT: @kernels_image{{.*}} =
module {
  func.func @sink(%q: tensor<1x4x?x64xf16>, %u: tensor<1x1x?xf32>, %expiry: tensor<1x1x?xi32>, %sink: tensor<4xf32>,
                  %bounds: tensor<?xi32>) -> (tensor<1x4x?x64xf16>, tensor<1x4x?x64xf16>) {
    %o, %lse = sparsek.gathered_attention %q, %q, %q, %u, %u, %expiry topk(16) window(8) scale(2.0)
        sink(%sink) cu_seqlens(%bounds) {tile.kernels = @kernels}
        : tensor<1x4x?x64xf16>, tensor<1x4x?x64xf16>, tensor<1x4x?x64xf16>, tensor<1x1x?xf32>, tensor<1x1x?xf32>,
          tensor<1x1x?xi32>, tensor<4xf32>, tensor<?xi32>
    %p, %lse2 = sparsek.gathered_attention %q, %q, %q, %u, %u, %expiry topk(4) window(8) {tile.kernels = @kernels}
        : tensor<1x4x?x64xf16>, tensor<1x4x?x64xf16>, tensor<1x4x?x64xf16>, tensor<1x1x?xf32>, tensor<1x1x?xf32>,
          tensor<1x1x?xi32>
    return %o, %p : tensor<1x4x?x64xf16>, tensor<1x4x?x64xf16>
  }
  gpu.binary @kernels {sparsek.launch_record = {}} [#gpu.object<#nvvm.target, bin = "\7FELF">]
}

// -----

// The selection: a buffer for each result in the shape of the scores.
// CHECK: func.func private @sparsek_launch_selection(!llvm.ptr, memref<*xf32>, memref<*xf32>, memref<*xi32>, memref<*xi32>, memref<*xi32>, i64, i64, i64)
// CHECK-SAME: attributes {llvm.emit_c_interface}

// CHECK-LABEL: func.func @select(
// CHECK-SAME: %[[SCORES:.*]]: tensor<?x1x?xf32>
// CHECK-DAG: %[[KERNEL:.*]] = llvm.mlir.addressof @kernels : !llvm.ptr
// CHECK-DAG: %[[BUFFER:.*]] = bufferization.to_buffer %[[SCORES]] read_only : tensor<?x1x?xf32> to memref<?x1x?xf32>
// CHECK-DAG: %[[U:.*]] = memref.cast %[[BUFFER]] : memref<?x1x?xf32> to memref<*xf32>
// CHECK-DAG: %[[TAU:.*]] = memref.alloc(%{{.*}}, %{{.*}}) : memref<?x1x?xf32>
// CHECK-DAG: %[[EXPIRY:.*]] = memref.alloc(%{{.*}}, %{{.*}}) : memref<?x1x?xi32>
// CHECK-DAG: %[[T:.*]] = memref.cast %[[TAU]]
// CHECK-DAG: %[[E:.*]] = memref.cast %[[EXPIRY]]
// CHECK-DAG: %[[NO:.*]] = arith.constant 0 : i64
// CHECK-DAG: %[[TOPK:.*]] = arith.constant 16 : i64
// CHECK-DAG: %[[WINDOW:.*]] = arith.constant 8 : i64
// Without documents and interior counts another buffer stands in their places.
// CHECK: call @sparsek_launch_selection(%[[KERNEL]], %[[U]], %[[T]], %[[E]], %[[E]], %[[E]], %[[NO]], %[[TOPK]], %[[WINDOW]])
// CHECK: %[[R0:.*]] = bufferization.to_tensor %[[TAU]] restrict writable
// CHECK: %[[R1:.*]] = bufferization.to_tensor %[[EXPIRY]] restrict writable
// CHECK: return %[[R0]], %[[R1]]

// CHECK-LABEL: func.func @all(
// CHECK-SAME: %{{.*}}: tensor<1x2x64xf32>, %[[BOUNDS:.*]]: tensor<?xi32>
// CHECK: cf.assert %{{.*}}, "'sparsek.topk_mask' op S4: cu_seqlens must end at N"
// CHECK: cf.assert %{{.*}}, "'sparsek.topk_mask' op S4: cu_seqlens must not decrease"
// CHECK: memref.alloc() : memref<1x2x64xf32>
// CHECK: memref.alloc() : memref<1x2x64xi32>
// CHECK: %[[INTERIOR:.*]] = memref.alloc() : memref<1x2x64xi32>
// CHECK-DAG: %[[B:.*]] = bufferization.to_buffer %[[BOUNDS]] read_only
// CHECK-DAG: %[[C:.*]] = memref.cast %[[B]]
// CHECK-DAG: %[[I:.*]] = memref.cast %[[INTERIOR]]
// CHECK-DAG: %[[YES:.*]] = arith.constant 1 : i64
// CHECK: call @sparsek_launch_selection(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[C]], %[[I]], %[[YES]],
// CHECK-NOT: sparsek.topk_mask
module {
  func.func @select(%u: tensor<?x1x?xf32>) -> (tensor<?x1x?xf32>, tensor<?x1x?xi32>) {
    %tau, %expiry = sparsek.topk_mask %u topk(16) window(8) {tile.kernels = @kernels} : tensor<?x1x?xf32>
    return %tau, %expiry : tensor<?x1x?xf32>, tensor<?x1x?xi32>
  }
  func.func @all(%u: tensor<1x2x64xf32>, %bounds: tensor<?xi32>) -> (tensor<1x2x64xf32>, tensor<1x2x64xi32>, tensor<1x2x64xi32>) {
    %r:3 = sparsek.topk_mask %u topk(16) window(8) interior cu_seqlens(%bounds) {tile.kernels = @kernels} : tensor<1x2x64xf32>, tensor<?xi32>
    return %r#0, %r#1, %r#2 : tensor<1x2x64xf32>, tensor<1x2x64xi32>, tensor<1x2x64xi32>
  }
  gpu.binary @kernels {sparsek.launch_record = {op = "topk_mask"}} [#gpu.object<#nvvm.target, assembly = "PTX">]
}

// -----

// Scores: x[B,N,C] gives the sizes of u[B,Hs,N].
// CHECK: func.func private @sparsek_launch_score_bf16(!llvm.ptr, memref<*xbf16>, memref<*xbf16>, memref<*xf32>, i64, f64)
// CHECK-SAME: attributes {llvm.emit_c_interface}

// CHECK-LABEL: func.func @score(
// CHECK-SAME: %[[X:.*]]: tensor<?x?x64xbf16>, %[[W:.*]]: tensor<64x2xbf16>
// CHECK-DAG: %[[KERNEL:.*]] = llvm.mlir.addressof @kernels : !llvm.ptr
// CHECK-DAG: %[[XB:.*]] = bufferization.to_buffer %[[X]] read_only : tensor<?x?x64xbf16> to memref<?x?x64xbf16>
// CHECK-DAG: %[[XM:.*]] = memref.cast %[[XB]]
// CHECK-DAG: %[[WB:.*]] = bufferization.to_buffer %[[W]] read_only : tensor<64x2xbf16> to memref<64x2xbf16>
// CHECK-DAG: %[[WM:.*]] = memref.cast %[[WB]]
// CHECK-DAG: %[[B:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[N:.*]] = tensor.dim %[[X]], %c1
// CHECK-DAG: %[[U:.*]] = memref.alloc(%[[B]], %[[N]]) : memref<?x2x?xf32>
// CHECK-DAG: %[[UM:.*]] = memref.cast %[[U]]
// CHECK-DAG: %[[OFFSET:.*]] = arith.constant 0 : i64
// CHECK-DAG: %[[SLOPE:.*]] = arith.constant 5.000000e-01 : f64
// CHECK: call @sparsek_launch_score_bf16(%[[KERNEL]], %[[XM]], %[[WM]], %[[UM]], %[[OFFSET]], %[[SLOPE]])
// CHECK: %[[R:.*]] = bufferization.to_tensor %[[U]] restrict writable
// CHECK: return %[[R]]
module {
  func.func @score(%x: tensor<?x?x64xbf16>, %w: tensor<64x2xbf16>) -> tensor<?x2x?xf32> {
    %u = sparsek.score %x, %w slope(0.5) {tile.kernels = @kernels} : tensor<?x?x64xbf16>, tensor<64x2xbf16>
    return %u : tensor<?x2x?xf32>
  }
  gpu.binary @kernels {sparsek.launch_record = {op = "score"}} [#gpu.object<#nvvm.target, assembly = "PTX">]
}

// -----

// With statistics taken and returned; where one of them is not, the other stands in its place.
// CHECK-LABEL: func.func @chunks(
// CHECK-SAME: %{{.*}}: tensor<1x?x64xf16>, %{{.*}}: tensor<64x2xf32>, %[[S:.*]]: tensor<1x2x3xf64>, %[[OFFSET:.*]]: i64)
// CHECK: %[[U0:.*]] = memref.alloc(%{{.*}}) : memref<1x2x?xf32>
// CHECK: %[[S0:.*]] = memref.alloc() : memref<1x2x3xf64>
// CHECK: %[[S0M:.*]] = memref.cast %[[S0]]
// CHECK: %[[U0M:.*]] = memref.cast %[[U0]]
// CHECK: %[[S0N:.*]] = memref.cast %[[S0]]
// CHECK: call @sparsek_launch_score_chunk_f16_f32(%{{.*}}, %{{.*}}, %{{.*}}, %[[S0M]], %[[U0M]], %[[S0N]], %{{.*}}, %{{.*}})
// CHECK: %[[S1:.*]] = memref.alloc() : memref<1x2x3xf64>
// CHECK: bufferization.to_buffer %{{.*}} read_only : tensor<1x2x3xf64>
// CHECK: call @sparsek_launch_score_chunk_f16_f32(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[OFFSET]], %{{.*}})
// CHECK: %[[B2:.*]] = bufferization.to_buffer %[[S]] read_only
// CHECK: %[[S2:.*]] = memref.cast %[[B2]]
// CHECK: call @sparsek_launch_score_chunk_f16_f32(%{{.*}}, %{{.*}}, %{{.*}}, %[[S2]], %{{.*}}, %[[S2]], %[[OFFSET]], %{{.*}})
// CHECK-NOT: sparsek.score
!x = tensor<1x?x64xf16>
!w = tensor<64x2xf32>
!s = tensor<1x2x3xf64>
!u = tensor<1x2x?xf32>
module {
  func.func @chunks(%x: !x, %w: !w, %s: !s, %offset: i64) -> (!u, !u, !u, !s) {
    %u0, %s0 = sparsek.score %x, %w norm<timestep> carry {tile.kernels = @first} : !x, !w
    %u1, %s1 = sparsek.score %x, %w norm<timestep> offset(%offset) statistics(%s0) carry {tile.kernels = @next} : !x, !w, i64, !s
    %u2 = sparsek.score %x, %w norm<timestep> offset(%offset) statistics(%s) {tile.kernels = @last} : !x, !w, i64, !s
    return %u0, %u1, %u2, %s1 : !u, !u, !u, !s
  }
  gpu.binary @first {sparsek.launch_record = {op = "score"}} [#gpu.object<#nvvm.target, assembly = "PTX">]
  gpu.binary @next {sparsek.launch_record = {op = "score"}} [#gpu.object<#nvvm.target, assembly = "PTX">]
  gpu.binary @last {sparsek.launch_record = {op = "score"}} [#gpu.object<#nvvm.target, assembly = "PTX">]
}
