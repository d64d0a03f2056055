// RUN: sparsek-opt %s --tile-overlap | sparsek-opt | FileCheck %s

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
#sequence = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = false, ping_pong = false, persistent = true, masks = needed, gates = needed>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x128xbf16>
!v = !tile.ring<2x64x96xbf16>
!q = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x96xf32>
!r = !tile.rows<64xf32>
!t = !tile.rows<64xi32>

// CHECK-LABEL: tile.kernel @attention
// CHECK: %[[LIST:.*]] = tile.ring fills(1)
// CHECK: %[[K:.*]] = tile.ring {{.*}} : !tile.ring<2x64x128xbf16>
// CHECK: %[[V:.*]] = tile.ring {{.*}} : !tile.ring<2x64x96xbf16>
// CHECK: %[[Q:.*]] = tile.ring {{.*}} : !tile.ring<2x64x128xbf16>
// CHECK: %[[M0:.*]] = tile.fill 0xFF800000 : !tile.rows
// CHECK: %[[L0:.*]] = tile.fill 0.000000e+00 : !tile.rows
// CHECK: %[[O0:.*]] = tile.fill 0.000000e+00 : !tile.frag
// CHECK: tile.acquire %[[Q]][%[[QP:.*]]] : !tile.ring

// The first part of the first slot; zeros need no decay.
// CHECK-NEXT: tile.acquire %[[LIST]][%p]
// CHECK-NEXT: %[[LAST:.*]] = tile.flag<last> of %[[LIST]][%p]
// CHECK-NEXT: tile.acquire %[[K]][%p]
// CHECK-NEXT: %[[S:.*]] = tile.mma_nt %[[Q]][%[[QP]]], %[[K]][%p] : {{.*}} -> !tile.pending<64x64xf32>
// CHECK-NEXT: %[[S1:.*]] = tile.wait %[[S]] : <64x64xf32>
// CHECK-NEXT: tile.release %[[K]][%p]
// CHECK-NEXT: %[[FLAG:.*]] = tile.flag<masked> of %[[LIST]][%p]
// CHECK-NEXT: %[[X:.*]] = scf.if %[[FLAG]]
// CHECK-NEXT: tile.mask %[[S1]], %[[LIST]][%p]
// CHECK: %[[W:.*]], %[[M1:.*]], %[[L1:.*]], %{{.*}} = tile.online_softmax %[[X]], %[[M0]], %[[L0]]
// CHECK-NEXT: tile.release %[[LIST]][%p]
// CHECK-NEXT: %[[A:.*]] = tile.truncate %[[W]]
// CHECK-NEXT: %[[P1:.*]] = arith.addi %p
// CHECK-NEXT: %[[MORE:.*]] = arith.xori %[[LAST]]

// CHECK-NEXT: %[[R:.*]]:7 = scf.while (%{{.*}} = %[[P1]], %{{.*}} = %[[M1]], %{{.*}} = %[[L1]], %{{.*}} = %[[O0]], %{{.*}} = %p, %{{.*}} = %[[A]], %[[AGAIN:.*]] = %[[MORE]])
// CHECK-NEXT: scf.condition(%[[AGAIN]])
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%[[P:.*]]: i32, %[[M:.*]]: !tile.rows<64xf32>, %[[L:.*]]: !tile.rows<64xf32>, %[[O:.*]]: !tile.frag<64x96xf32>, %[[PV:.*]]: i32, %[[A:.*]]: !tile.frag<64x64xbf16>, %{{.*}}: i1):
// CHECK-NEXT: tile.acquire %[[LIST]][%[[P]]]
// CHECK-NEXT: %[[LAST:.*]] = tile.flag<last> of %[[LIST]][%[[P]]]
// CHECK-NEXT: tile.acquire %[[K]][%[[P]]]
// CHECK-NEXT: tile.acquire %[[V]][%[[PV]]]
// CHECK-NEXT: %[[S:.*]] = tile.mma_nt %[[Q]][%[[QP]]], %[[K]][%[[P]]] : {{.*}} -> !tile.pending<64x64xf32>
// CHECK-NEXT: %[[O1:.*]] = tile.mma_nn %[[A]], %[[V]][%[[PV]]], %[[O]] : {{.*}} -> !tile.pending<64x96xf32>
// CHECK-NEXT: %[[S1:.*]] = tile.wait %[[S]] outstanding(1) : <64x64xf32>
// CHECK-NEXT: tile.release %[[K]][%[[P]]]
// CHECK-NEXT: %[[FLAG:.*]] = tile.flag<masked> of %[[LIST]][%[[P]]]
// CHECK-NEXT: %[[X:.*]] = scf.if %[[FLAG]]
// CHECK-NEXT: tile.mask %[[S1]], %[[LIST]][%[[P]]]
// CHECK: %[[W:.*]], %[[M1:.*]], %[[L1:.*]], %[[DECAY:.*]] = tile.online_softmax %[[X]], %[[M]], %[[L]]
// CHECK-NEXT: tile.release %[[LIST]][%[[P]]]
// CHECK-NEXT: %[[O2:.*]] = tile.wait %[[O1]] : <64x96xf32>
// CHECK-NEXT: tile.release %[[V]][%[[PV]]]
// CHECK-NEXT: %[[A1:.*]] = tile.truncate %[[W]]
// CHECK-NEXT: %[[O3:.*]] = tile.scale_rows %[[O2]], %[[DECAY]]
// CHECK-NEXT: %[[P1:.*]] = arith.addi %[[P]]
// CHECK-NEXT: %[[MORE:.*]] = arith.xori %[[LAST]]
// CHECK-NEXT: scf.yield %[[P1]], %[[M1]], %[[L1]], %[[O3]], %[[P]], %[[A1]], %[[MORE]]

// The second part of the last slot.
// CHECK: tile.release %[[Q]][%[[QP]]]
// CHECK-NEXT: tile.acquire %[[V]][%[[R]]#4]
// CHECK-NEXT: %[[O:.*]] = tile.mma_nn %[[R]]#5, %[[V]][%[[R]]#4], %[[R]]#3 : {{.*}} -> !tile.pending<64x96xf32>
// CHECK-NEXT: %[[O1:.*]] = tile.wait %[[O]] : <64x96xf32>
// CHECK-NEXT: tile.release %[[V]][%[[R]]#4]
// CHECK-NEXT: tile.scale_rows %[[O1]], %[[R]]#1
tile.kernel @attention(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !v
  %q = tile.ring fills(32) drains(4) : !q
  %qp = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %t = tile.positions %p plus %p : !t
    %m0 = tile.fill 0xFF800000 : !r
    %l0 = tile.fill 0.0 : !r
    %o0 = tile.fill 0.0 : !o
    tile.acquire %q[%qp] : !q
    %r:4 = scf.while (%i = %p, %m = %m0, %l = %l0, %o = %o0) : (i32, !r, !r, !o) -> (i32, !r, !r, !o) {
      tile.acquire %list[%i] : !list
      %last = tile.flag<last> of %list[%i] : !list
      tile.acquire %k[%i] : !k
      %s = tile.mma_nt %q[%qp], %k[%i] : !q, !k -> !s
      tile.release %k[%i] : !k
      %masked = tile.flag<masked> of %list[%i] : !list
      %x = scf.if %masked -> !s {
        %y = tile.mask %s, %list[%i], %t : !s, !list, !t
        scf.yield %y : !s
      } else {
        scf.yield %s : !s
      }
      %w, %m1, %l1, %decay = tile.online_softmax %x, %m, %l scale %scale : !s, !r
      tile.release %list[%i] : !list
      %a = tile.truncate %w : !s -> !a
      %decayed = tile.scale_rows %o, %decay : !o, !r
      tile.acquire %v[%i] : !v
      %o1 = tile.mma_nn %a, %v[%i], %decayed : !a, !v, !o -> !o
      tile.release %v[%i] : !v
      %next = arith.addi %i, %one : i32
      %more = arith.xori %last, %true : i1
      scf.condition(%more) %next, %m1, %l1, %o1 : i32, !r, !r, !o
    } do {
    ^bb0(%i: i32, %m: !r, %l: !r, %o: !o):
      scf.yield %i, %m, %l, %o : i32, !r, !r, !o
    }
    tile.release %q[%qp] : !q
    %out = tile.scale_rows %r#3, %r#1 : !o, !r
  }
}

// An accumulator that does not start at zero is decayed in the first slot.
// CHECK-LABEL: tile.kernel @continued
// CHECK: %[[O0:.*]] = tile.fill 1.0
// CHECK: tile.online_softmax
// CHECK-NEXT: tile.truncate
// CHECK-NEXT: %[[O1:.*]] = tile.scale_rows %[[O0]]
// CHECK-NEXT: scf.while ({{.*}} = %[[O1]],
tile.kernel @continued(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !v
  %q = tile.ring fills(32) drains(4) : !q
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %l0 = tile.fill 0.0 : !r
    %o0 = tile.fill 1.0 : !o
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %q[%p], %k[%p] : !q, !k -> !s
      %w, %m1, %l1, %decay = tile.online_softmax %s, %l0, %l0 scale %scale : !s, !r
      %a = tile.truncate %w : !s -> !a
      %decayed = tile.scale_rows %o, %decay : !o, !r
      tile.acquire %v[%p] : !v
      %o1 = tile.mma_nn %a, %v[%p], %decayed : !a, !v, !o -> !o
      tile.release %v[%p] : !v
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// CHECK-LABEL: tile.kernel @sequence
// CHECK-NOT: tile.pending
// CHECK: tile.mma_nt {{.*}} -> !tile.frag
tile.kernel @sequence(%p: i32 {tile.name = "p"}) attributes {schedule = #sequence} {
  %k = tile.ring fills(32) drains(4) : !k
  %q = tile.ring fills(32) drains(4) : !q
  %true = arith.constant true
  tile.role "attend" warps(4) {
    scf.while : () -> () {
      %s = tile.mma_nt %q[%p], %k[%p] : !q, !k -> !s
      scf.condition(%true)
    } do {
      scf.yield
    }
  }
}
