// RUN: sparsek-opt %s --sparsek-nvvm-pipeline 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARKS --input-file=%t
// RUN: sparsek-opt %s --sparsek-nvvm-pipeline=c-wrappers=false 2>/dev/null | FileCheck %s --check-prefix=BARE

// Ops that no tile program computes take the plain road, beside one that has a
// tile program.
// REMARKS: remark: left as it is: tile programs take bf16 and f16, not f32
// REMARKS: remark: left as it is: tile programs take bf16 and f16, not f32
// REMARKS: remark: left as it is: tile programs take D as a multiple of 8 up to 256, not 20
// REMARKS: remark: left as it is: tile programs select from up to 1048576 keys, not 2000000
// REMARKS-NOT: remark: computed by definition: there are no tile programs for 'sparsek.topk_mask'
// REMARKS-NOT: remark: computed by definition: there are no tile programs for 'sparsek.score'
// REMARKS: remark: computed by definition: there are no tile programs for 'sparsek.causal_attention'

// CHECK: llvm.func @whole(
// CHECK-NOT: gpu.launch_func
// CHECK: llvm.call @sparsek_launch_score_f16(
// CHECK-NOT: gpu.launch_func
// CHECK: llvm.call @sparsek_launch_selection(
// CHECK-NOT: gpu.launch_func
// CHECK: llvm.call @sparsek_launch_attention_f16(
// CHECK-NOT: gpu.launch_func
// CHECK: llvm.func @mixed(
// CHECK: gpu.launch_func {{.*}} @mixed_kernel
// CHECK: llvm.call @sparsek_launch_attention_f16(
// CHECK: gpu.binary @mixed_kernel
// CHECK-SAME: chip = "sm_90a"
// CHECK: llvm.func @f32(
// CHECK-NOT: call @sparsek_launch_attention
// CHECK: llvm.func @head_size(
// CHECK-NOT: call @sparsek_launch_attention
// CHECK: llvm.func @too_many(
// CHECK-NOT: call @sparsek_launch_selection
// CHECK: llvm.func @others(
// CHECK: llvm.call @sparsek_launch_score_bf16(
// CHECK-NOT: call @sparsek_launch_attention
// CHECK-DAG: llvm.mlir.global internal constant @score_{{[01]}}_record("{{.*}}\22op\22:\22score\22
// CHECK-DAG: llvm.mlir.global internal constant @topk_mask_0_image("{{.*}}.entry sort_tiles(
// CHECK-DAG: llvm.mlir.global internal constant @topk_mask_0_record("{{.*}}\22op\22:\22topk_mask\22
// CHECK-DAG: llvm.mlir.global_dtors dtors = [@topk_mask_0_release]
// CHECK-DAG: llvm.mlir.global internal constant @gathered_attention_0_image("{{.*}}.entry attention(
// CHECK-DAG: llvm.mlir.global internal constant @gathered_attention_0_record("{{.*}}\22dtype\22:\22f16\22
// CHECK-DAG: llvm.mlir.global_dtors dtors = [@gathered_attention_0_release]

// The runtime takes buffers by pointer, whatever the functions of the user do.
// BARE-NOT: @_mlir_ciface_mixed
// BARE-DAG: @_mlir_ciface_sparsek_launch_attention_f16(
// BARE-DAG: @_mlir_ciface_sparsek_launch_selection(

!u = tensor<1x1x?xf32>
!e = tensor<1x1x?xi32>
func.func @whole(%q: tensor<1x4x?x64xf16>, %k: tensor<1x1x?x64xf16>, %x: tensor<1x?x16xf16>, %w: tensor<16x1xf16>) -> tensor<1x4x?x64xf16> {
  %u = sparsek.score %x, %w norm<timestep> : tensor<1x?x16xf16>, tensor<16x1xf16>
  %o, %lse = sparsek.attention %q, %k, %k, %u topk(4) window(4) : tensor<1x4x?x64xf16>, tensor<1x1x?x64xf16>, tensor<1x1x?x64xf16>, !u
  return %o : tensor<1x4x?x64xf16>
}
func.func @mixed(%q: tensor<1x4x?x64xf16>, %k: tensor<1x1x?x64xf16>, %x: tensor<1x?x16xf32>, %w: tensor<16x1xf32>) -> tensor<1x4x?x64xf16> {
  %u = sparsek.score %x, %w : tensor<1x?x16xf32>, tensor<16x1xf32>
  %o, %lse = sparsek.attention %q, %k, %k, %u topk(4) window(4) : tensor<1x4x?x64xf16>, tensor<1x1x?x64xf16>, tensor<1x1x?x64xf16>, !u
  return %o : tensor<1x4x?x64xf16>
}
func.func @f32(%q: tensor<1x4x?x64xf32>, %u: !u, %e: !e) -> tensor<1x4x?x64xf32> {
  %o, %lse = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(4) window(4) : tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>, !u, !u, !e
  return %o : tensor<1x4x?x64xf32>
}
func.func @head_size(%q: tensor<1x4x?x20xbf16>, %u: !u, %e: !e) -> tensor<1x4x?x20xbf16> {
  %o, %lse = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(4) window(4) : tensor<1x4x?x20xbf16>, tensor<1x4x?x20xbf16>, tensor<1x4x?x20xbf16>, !u, !u, !e
  return %o : tensor<1x4x?x20xbf16>
}
func.func @too_many(%u: tensor<1x1x2000000xf32>) -> tensor<1x1x2000000xf32> {
  %tau, %expiry = sparsek.topk_mask %u topk(4) window(4) : tensor<1x1x2000000xf32>
  return %tau : tensor<1x1x2000000xf32>
}
func.func @others(%x: tensor<1x?x16xbf16>, %w: tensor<16x1xbf16>, %q: tensor<1x4x?x16xbf16>) -> (!u, tensor<1x4x?x16xbf16>) {
  %u = sparsek.score %x, %w : tensor<1x?x16xbf16>, tensor<16x1xbf16>
  %o, %lse = sparsek.causal_attention %q, %q, %q : tensor<1x4x?x16xbf16>, tensor<1x4x?x16xbf16>, tensor<1x4x?x16xbf16>
  return %u, %o : !u, tensor<1x4x?x16xbf16>
}
