// RUN: sparsek-opt %s --convert-sparsek-to-tile=schedule=rows=128 --split-input-file | FileCheck %s

// Gate, sink, packing, group and sizes are compiled in.

!q = tensor<1x6x?x96xf16>
!kv = tensor<1x2x?x96xf16>
!u = tensor<1x1x?xf32>

// straight_through computes what none does: no thresholds, no gates.
// CHECK-LABEL: module @gathered_attention_0
// CHECK-SAME: dtype = "f16", gate = "none", group = 3 : i64, head_dim = 96 : i64
// CHECK-SAME: tile = {head_block = 3 : i64, keys = 128 : i64, positions = 42 : i64, rows = 128 : i64}
// CHECK: tile.kernel @attention
// CHECK-SAME: row_map = #tile.row_map<positions = 42, heads = 3, group = 3>
// CHECK-SAME: producer_registers = 56, consumer_registers = 224,
// CHECK-SAME: gates = never>
// CHECK: tile.role "attend"
// CHECK-NOT: tile.load_rows
// CHECK-NOT: tile.gate
// CHECK: tile.store_tile
func.func @ungated(%q: !q, %k: !kv, %v: !kv, %u: !u, %tau: !u, %e: tensor<1x1x?xi32>) -> !q {
  %o, %l = sparsek.gathered_attention %q, %k, %v, %u, %tau, %e topk(16) window(16) gate<straight_through>
      : !q, !kv, !kv, !u, !u, tensor<1x1x?xi32>
  return %o : !q
}

// -----

!q = tensor<1x4x?x64xbf16>
!kv = tensor<1x4x?x64xbf16>
!u = tensor<1x1x?xf32>

// Values alone are gated: after the softmax.
// CHECK-LABEL: module @gathered_attention_0
// CHECK: tile.role "attend"
// CHECK: tile.mma_nt
// CHECK-NEXT: tile.release
// CHECK-NEXT: tile.mask
// CHECK-NEXT: tile.raise_maximum
// CHECK-NEXT: %[[W:.*]], %{{.*}} = tile.exponentials
// CHECK-NEXT: tile.gate %[[W]]
func.func @values(%q: !q, %k: !kv, %v: !kv, %u: !u, %tau: !u, %e: tensor<1x1x?xi32>) -> !q {
  %o, %l = sparsek.gathered_attention %q, %k, %v, %u, %tau, %e topk(16) window(16) gate<value>
      : !q, !kv, !kv, !u, !u, tensor<1x1x?xi32>
  return %o : !q
}

// -----

!q = tensor<1x130x?x64xbf16>
!k = tensor<1x1x?x64xbf16>
!v = tensor<1x1x?x256xbf16>
!u = tensor<1x1x?xf32>

// More query heads in a group than rows in a tile: two head blocks. Wide values
// leave room for 64 keys in a slot.
// CHECK-LABEL: module @gathered_attention_0
// CHECK-SAME: head_dim = 64 : i64
// CHECK-SAME: tile = {head_block = 128 : i64, keys = 64 : i64, positions = 1 : i64, rows = 128 : i64}, value_dim = 256 : i64
// CHECK: tile.kernel @attention
// CHECK-SAME: %v: memref<?x?x?x256xbf16, strided<[?, ?, ?, 1]>>
// CHECK-SAME: row_map = #tile.row_map<positions = 1, heads = 128, group = 130>
// CHECK: tile.ring fills(1) drains(10) : !tile.key_list<slots = 4, keys = 64>
// CHECK: tile.ring fills(66) drains(8) : !tile.ring<2x64x64xbf16>
// CHECK: tile.ring fills(64) drains(8) : !tile.ring<2x64x256xbf16>
// CHECK: tile.ring fills(32) drains(8) : !tile.ring<2x128x64xbf16>
// CHECK: tile.mma_nn {{.*}} -> !tile.frag<64x256xf32>
func.func @wide(%q: !q, %k: !k, %v: !v, %u: !u, %tau: !u, %e: tensor<1x1x?xi32>) -> tensor<1x130x?x256xbf16> {
  %o, %l = sparsek.gathered_attention %q, %k, %v, %u, %tau, %e topk(16) window(16)
      : !q, !k, !v, !u, !u, tensor<1x1x?xi32>
  return %o : tensor<1x130x?x256xbf16>
}

// -----

!q = tensor<1x4x?x64xbf16>
!kv = tensor<1x4x?x64xbf16>
!u = tensor<1x1x?xf32>

// CHECK-LABEL: module @gathered_attention_0
// CHECK-SAME: kernels = [{grid = "key_blocks", name = "documents"}, {grid = "chunks x batch_score_heads", name = "survivors"},
// CHECK-SAME: packed = true, sink = true
// CHECK: tile.kernel @documents(%cu_seqlens: memref<?xi32> {{[^%]*}}, %sequences: i32 {{[^%]*}}, %keys: i32 {{[^%]*}}, %documents: memref<?xi32> {{.*}}{threads = 256
// CHECK: %[[THREAD:.*]] = tile.thread
// CHECK: %[[POSITION:.*]] = arith.addi %{{.*}}, %[[THREAD]]
// CHECK: %[[INSIDE:.*]] = arith.cmpi slt, %[[POSITION]], %keys
// CHECK: scf.if %[[INSIDE]]
// CHECK: %[[START:.*]], %[[END:.*]] = tile.document %[[POSITION]] in %cu_seqlens[%sequences]
// CHECK: arith.minsi %[[START]], %[[POSITION]] : i32
// CHECK: %[[FIRST:.*]] = arith.maxsi
// CHECK: arith.minsi %[[END]], %keys : i32
// CHECK: %[[PAST:.*]] = arith.maxsi
// CHECK: memref.store %[[FIRST]], %documents
// CHECK: memref.store %[[PAST]], %documents
// CHECK: tile.kernel @survivors(%expiry: {{[^%]*}}, %documents: {{[^%]*}}, %table:
// CHECK: tile.collect_survivors {{.*}} documents(%documents)
// CHECK: tile.kernel @attention(
// CHECK-SAME: %expiry: {{[^%]*}}, %sink: memref<?xf32> {{[^%]*}}, %o: {{[^%]*}}, %lse: {{[^%]*}}, %documents: {{[^%]*}}, %table:
// CHECK: tile.list_keys {{.*}} documents(%documents)
// CHECK: tile.normalise {{.*}} sink %sink[%{{.*}}, %{{.*}}]
func.func @packed(%q: !q, %k: !kv, %v: !kv, %u: !u, %tau: !u, %e: tensor<1x1x?xi32>, %sink: tensor<4xf32>,
                  %cu: tensor<?xi32>) -> !q {
  %o, %l = sparsek.gathered_attention %q, %k, %v, %u, %tau, %e topk(16) window(16) sink(%sink) cu_seqlens(%cu)
      : !q, !kv, !kv, !u, !u, tensor<1x1x?xi32>, tensor<4xf32>, tensor<?xi32>
  return %o : !q
}

// -----

!q = tensor<1x4x?x64xbf16>
!u = tensor<1x1x?xf32>
!e = tensor<1x1x?xi32>

// Budget, window, scale and lengths are arguments: the first two ops share
// their kernels. The name of another symbol is not taken.
// CHECK-LABEL: func.func private @gathered_attention_1
func.func private @gathered_attention_1()
// CHECK-LABEL: func.func @shared
// CHECK: tile.kernels = @gathered_attention_0
// CHECK: tile.kernels = @gathered_attention_0
// CHECK: tile.kernels = @[[OTHER:gathered_attention_1_[0-9]+]]
// CHECK: module @gathered_attention_0
// CHECK: module @[[OTHER]]
// CHECK-NOT: module
func.func @shared(%q: !q, %k: !q, %u: !u, %tau: !u, %e: !e, %r: tensor<2x4x8x64xbf16>, %ru: tensor<2x4x8xf32>,
                  %re: tensor<2x4x8xi32>) {
  %o0, %l0 = sparsek.gathered_attention %q, %k, %k, %u, %tau, %e topk(16) window(16) : !q, !q, !q, !u, !u, !e
  %o1, %l1 = sparsek.gathered_attention %r, %r, %r, %ru, %ru, %re topk(3) window(0) scale(0.5)
      : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8xf32>, tensor<2x4x8xf32>,
        tensor<2x4x8xi32>
  %o2, %l2 = sparsek.gathered_attention %q, %k, %k, %u, %tau, %e topk(16) window(16) gate<none>
      : !q, !q, !q, !u, !u, !e
  return
}

// -----

!q = tensor<1x4x?x64xbf16>
!u = tensor<1x1x?xf32>
!e = tensor<1x1x?xi32>

// An op finds its kernels in the nearest symbol table; one that has kernels
// keeps them.
// CHECK-LABEL: module @inner
// CHECK: tile.kernels = @other
// CHECK: tile.kernels = @gathered_attention_0
// CHECK: module @gathered_attention_0
// CHECK-NOT: module
module @inner {
  func.func @f(%q: !q, %k: !q, %u: !u, %tau: !u, %e: !e) {
    %o0, %l0 = sparsek.gathered_attention %q, %k, %k, %u, %tau, %e topk(16) window(16) {tile.kernels = @other}
        : !q, !q, !q, !u, !u, !e
    %o1, %l1 = sparsek.gathered_attention %q, %k, %k, %u, %tau, %e topk(16) window(16) : !q, !q, !q, !u, !u, !e
    return
  }
}
