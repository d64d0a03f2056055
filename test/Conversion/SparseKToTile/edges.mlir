// RUN: sparsek-opt %s --split-input-file --convert-sparsek-to-tile="remarks=true" 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=WHY --input-file=%t.remarks
// RUN: sparsek-opt %s --split-input-file --convert-sparsek-to-tile="schedule=skip_edges=false" | FileCheck %s --check-prefix=OFF
// RUN: sparsek-opt %s --split-input-file --convert-sparsek-to-tile="remarks=true schedule=key_slots=2" 2>&1 >/dev/null | FileCheck %s --check-prefix=FEW
// RUN: not sparsek-opt %s --split-input-file --convert-sparsek-to-tile="schedule=skip_edges=true" 2>&1 | FileCheck %s --check-prefix=ERROR

// Rows of one position each: a consumer sees a part of the edges of the window and skips the rest.

// WHY: remark: scheduled as #tile.schedule<rows = 192, {{.*}}, skip_edges = true>
// WHY: note: skip_edges = true: a row is a position, so of 3 consumers each sees a part of the window's edges
// FEW: note: skip_edges = false: a row is a position, so of 3 consumers each sees a part of the window's edges; but a ring has fewer slots than that
// OFF-NOT: skip_edges
// OFF-NOT: tile.skip

// CHECK: tile = {head_block = 1 : i64, keys = 64 : i64, positions = 192 : i64, rows = 192 : i64, skip_edges = true}
// CHECK: row_map = #tile.row_map<positions = 192, heads = 1, group = 1>, schedule = #tile.schedule<{{.*}}, skip_edges = true>
// CHECK: %[[LIST:.*]] = tile.ring {{.*}} : !tile.key_list
// CHECK: %[[K:.*]] = tile.ring
// CHECK: %[[V:.*]] = tile.ring
// CHECK: %[[OFFSET:.*]] = arith.subi %keys, %rows

// The list begins with them where the item is whole, and its windows are longer than it and do not reach over the begin.
// CHECK: tile.role "list"
// CHECK: memref.load %counts
// CHECK: %[[END:.*]] = arith.addi %row, %c192_i32
// CHECK: %[[CUT:.*]] = arith.cmpi slt, %rows, %[[END]]
// CHECK: %[[WHOLE:.*]] = arith.xori %[[CUT]], %true
// CHECK: %[[LONG:.*]] = arith.cmpi slt, %c193_i32{{.*}}, %window
// CHECK: %[[FIRST:.*]] = arith.addi %row, %[[OFFSET]]
// CHECK: %[[BEFORE:.*]] = arith.subi %[[FIRST]], %window
// CHECK: %[[INSIDE:.*]] = arith.cmpi slt, %c-2_i32{{.*}}, %[[BEFORE]]
// CHECK: %[[BOTH:.*]] = arith.andi %[[WHOLE]], %[[LONG]]
// CHECK: %[[EDGES:.*]] = arith.andi %[[BOTH]], %[[INSIDE]]
// CHECK: tile.list_keys %[[LIST]]{{.*}} edges(%[[EDGES]])

// CHECK: tile.role "attend"
// CHECK: iter_args(%[[BEGIN:.*]] = %{{.*}}, %{{.*}} = %{{.*}}) -> (i32, i32)
// CHECK: %[[NUMBER:.*]] = tile.warpgroup
// CHECK-NEXT: %[[SKIPPED:.*]] = arith.select %{{.*}}, %[[NUMBER]], %{{.*}}
// CHECK-NEXT: %[[START:.*]] = arith.addi %[[BEGIN]], %[[SKIPPED]]
// CHECK-NEXT: tile.skip %[[K]] with %[[LIST]] and %[[V]] from %[[BEGIN]] to %[[START]]
// CHECK: %[[OWN:.*]] = arith.addi %[[BEGIN]], %[[NUMBER]]
// CHECK: %[[DIAGONAL:.*]] = arith.addi %[[OWN]], %c3_i32
// CHECK: %[[LAST:.*]] = arith.select %{{.*}}, %[[DIAGONAL]], %c-1_i32
// CHECK: %[[REST:.*]] = arith.subi %c2_i32{{.*}}, %[[NUMBER]]
// CHECK: scf.while (%[[P:.*]] = %[[START]],
// CHECK: tile.mma_nn
// CHECK: %[[NEXT:.*]] = arith.addi %[[P]], %{{.*}}
// CHECK-NEXT: %[[IS_LAST:.*]] = arith.cmpi eq, %[[P]], %[[LAST]]
// CHECK-NEXT: %[[MORE:.*]] = arith.select %[[IS_LAST]], %[[REST]], %{{.*}}
// CHECK-NEXT: %[[AFTER:.*]] = arith.addi %[[NEXT]], %[[MORE]]
// CHECK-NEXT: scf.if %[[IS_LAST]] {
// CHECK-NEXT: tile.skip %[[K]] with %[[LIST]] and %[[V]] from %[[NEXT]] to %[[AFTER]]
// CHECK-NEXT: }
// CHECK: scf.condition(%{{.*}}) %[[AFTER]],

!q = tensor<1x2x?x128xbf16>
!u = tensor<1x2x?xf32>
!e = tensor<1x2x?xi32>
func.func @one_head_each(%q: !q, %u: !u, %e: !e) {
  %o, %l = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(16) window(16) : !q, !q, !q, !u, !u, !e
  return
}

// -----

// A consumer has all the positions of two heads: all see nearly the same.
// CHECK-LABEL: func.func @groups
// CHECK-NOT: skip
// CHECK: row_map = #tile.row_map<positions = 96, heads = 2, group = 2>
// CHECK-NOT: skip
// WHY-NOT: skip_edges
// ERROR: error: 'sparsek.gathered_attention' op schedule: skip_edges needs one query head for each key-value head, and no packed documents

!q = tensor<1x4x?x128xbf16>
!k = tensor<1x2x?x128xbf16>
!u = tensor<1x2x?xf32>
!e = tensor<1x2x?xi32>
func.func @groups(%q: !q, %k: !k, %u: !u, %e: !e) {
  %o, %l = sparsek.gathered_attention %q, %k, %k, %u, %u, %e topk(16) window(16) : !q, !k, !k, !u, !u, !e
  return
}

// -----

// Documents end anywhere.
// CHECK: packed = true
// CHECK-NOT: skip
// ERROR: error: 'sparsek.gathered_attention' op schedule: skip_edges needs one query head for each key-value head, and no packed documents

!q = tensor<1x2x?x128xbf16>
!u = tensor<1x2x?xf32>
!e = tensor<1x2x?xi32>
func.func @documents(%q: !q, %u: !u, %e: !e, %c: tensor<?xi32>) {
  %o, %l = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(16) window(16) cu_seqlens(%c) : !q, !q, !q, !u, !u, !e, tensor<?xi32>
  return
}
