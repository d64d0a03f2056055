// RUN: sparsek-opt %s --sparsek-nvvm-pipeline="host=false format=nvvm" | sparsek-opt --convert-nvvm-to-iree | FileCheck %s
// RUN: sparsek-opt %s --sparsek-emit-iree="cuda" | FileCheck %s --check-prefix=PTX

// A module for each kernel. Arrays and the workspace come first; then where its
// parts begin, scalars in words, and whether there is anything to do.

// CHECK:       gpu.module @gathered_attention_0_survivors
// CHECK-SAME:    sparsek.iree_entry_point = {kernels = @gathered_attention_0, name = "survivors", record = {
// CHECK:         llvm.func @survivors(%[[EXPIRY:.*]]: !llvm.ptr<1>, %[[WORKSPACE:[a-z0-9]+]]: !llvm.ptr<1>, %[[TABLE:[a-z0-9]+]]: i32, %[[COUNTS:[a-z0-9]+]]: i32, %[[LOW:[a-z0-9]+]]: i32, %[[HIGH:[a-z0-9]+]]: i32,
// CHECK-SAME:      %[[RUNS:[a-z0-9]+]]: i32) attributes {
// CHECK-SAME:      nvvm.kernel
// CHECK:           %[[UNIT:.*]] = llvm.mlir.constant(256 : i64) : i64
// CHECK:           %[[WIDE:.*]] = llvm.zext %[[TABLE]] : i32 to i64
// CHECK:           %[[OFFSET:.*]] = llvm.mul %[[WIDE]], %[[UNIT]] : i64
// CHECK:           llvm.getelementptr %[[WORKSPACE]][%[[OFFSET]]] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, i8
// CHECK:           %[[HALF:.*]] = llvm.mlir.constant(32 : i64) : i64
// CHECK:           %[[WIDE_HIGH:.*]] = llvm.zext %[[HIGH]] : i32 to i64
// CHECK:           %[[SHIFTED:.*]] = llvm.shl %[[WIDE_HIGH]], %[[HALF]] : i64
// CHECK:           %[[WIDE_LOW:.*]] = llvm.zext %[[LOW]] : i32 to i64
// CHECK:           llvm.or %[[WIDE_LOW]], %[[SHIFTED]] : i64
// CHECK:           %[[ZERO:.*]] = llvm.mlir.constant(0 : i32) : i32
// CHECK:           %[[ANY:.*]] = llvm.icmp "ne" %[[RUNS]], %[[ZERO]] : i32
// CHECK:           llvm.cond_br %[[ANY]], ^[[BODY:.*]], ^[[EXIT:.*]]
// CHECK:         ^[[BODY]]:
// CHECK:         ^[[EXIT]]:
// CHECK-NEXT:      llvm.return

// CHECK:       gpu.module @gathered_attention_0_attention
// CHECK-NOT:     llvm.func @survivors
// CHECK:         llvm.func @attention(
// CHECK:           llvm.bitcast %{{.*}} : i32 to f32

// PTX: .visible .entry survivors(
// PTX-SAME: .param .u64 .ptr .global .align 1 survivors_param_0,\0A\09.param .u64 .ptr .global .align 1 survivors_param_1,\0A\09.param .u32 survivors_param_2
func.func @f(%q: tensor<1x4x?x64xbf16>, %k: tensor<1x2x?x64xbf16>, %u: tensor<1x2x?xf32>, %e: tensor<1x2x?xi32>) -> tensor<1x4x?x64xbf16> {
  %o, %lse = sparsek.gathered_attention %q, %k, %k, %u, %u, %e topk(8) window(8)
      : tensor<1x4x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?x64xbf16>, tensor<1x2x?xf32>, tensor<1x2x?xf32>, tensor<1x2x?xi32>
  return %o : tensor<1x4x?x64xbf16>
}
