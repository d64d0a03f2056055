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
// CHECK: %[[H0:.*]] = tile.fill 0.000000e+00 : !tile.rows
// CHECK: %[[L0:.*]] = tile.fill 0.000000e+00 : !tile.rows
// CHECK: %[[O0:.*]] = tile.fill 0.000000e+00 : !tile.frag
// CHECK: tile.acquire %[[Q]][%[[QP:.*]]] : !tile.ring

// The first part of the first slot; zeros need no decay.
// CHECK-NEXT: tile.acquire %[[K]][%p] with %[[LIST]][%p] :
// CHECK-NEXT: %[[S:.*]] = tile.mma_nt %[[Q]][%[[QP]]], %[[K]][%p] : {{.*}} -> !tile.pending<64x64xf32>
// CHECK-NEXT: %[[S1:.*]] = tile.wait %[[S]] : <64x64xf32>
// CHECK-NEXT: tile.release %[[K]][%p]
// CHECK-NEXT: %[[FLAG:.*]] = tile.flag<masked> of %[[LIST]][%p]
// CHECK-NEXT: %[[X:.*]] = scf.if %[[FLAG]]
// CHECK-NEXT: tile.mask %[[S1]], %[[LIST]][%p]
// CHECK-NEXT: scf.yield
// CHECK-NEXT: } else {
// CHECK-NEXT: scf.yield %[[S1]]
// CHECK-NEXT: }
// CHECK-NEXT: %[[M1:.*]], %[[H1:.*]], %[[L1:.*]], %{{.*}} = tile.raise_maximum %[[X]], %[[M0]], %[[H0]], %[[L0]] scale %scale : <64x64xf32>, <64xf32>
// CHECK-NEXT: %[[W:.*]], %[[L2:.*]] = tile.exponentials %[[X]], %[[H1]], %[[L1]] scale %scale
// CHECK-NEXT: %[[LAST:.*]] = tile.flag<last> of %[[LIST]][%p]
// CHECK-NEXT: tile.release %[[LIST]][%p]
// CHECK-NEXT: %[[A:.*]] = tile.truncate %[[W]]
// CHECK-NEXT: %[[P1:.*]] = arith.addi %p
// CHECK-NEXT: %[[MORE:.*]] = arith.xori %[[LAST]]

// CHECK-NEXT: %[[R:.*]]:8 = scf.while (%{{.*}} = %[[P1]], %{{.*}} = %[[M1]], %{{.*}} = %[[H1]], %{{.*}} = %[[L2]], %{{.*}} = %[[O0]], %{{.*}} = %p, %{{.*}} = %[[A]], %[[AGAIN:.*]] = %[[MORE]])
// CHECK-NEXT: scf.condition(%[[AGAIN]])
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%[[P:.*]]: i32, %[[M:.*]]: !tile.rows<64xf32>, %[[H:.*]]: !tile.rows<64xf32>, %[[L:.*]]: !tile.rows<64xf32>, %[[O:.*]]: !tile.frag<64x96xf32>, %[[PV:.*]]: i32, %[[A:.*]]: !tile.frag<64x64xbf16>, %{{.*}}: i1):
// CHECK-NEXT: tile.acquire %[[K]][%[[P]]] with %[[LIST]][%[[P]]] :
// CHECK-NEXT: tile.acquire %[[V]][%[[PV]]] :
// CHECK-NEXT: %[[S:.*]] = tile.mma_nt %[[Q]][%[[QP]]], %[[K]][%[[P]]] : {{.*}} -> !tile.pending<64x64xf32>
// CHECK-NEXT: %[[O1:.*]] = tile.mma_nn %[[A]], %[[V]][%[[PV]]], %[[O]] : {{.*}} -> !tile.pending<64x96xf32>
// CHECK-NEXT: %[[S1:.*]] = tile.wait %[[S]] outstanding(1) : <64x64xf32>
// CHECK-NEXT: tile.release %[[K]][%[[P]]]
// CHECK-NEXT: %[[FLAG:.*]] = tile.flag<masked> of %[[LIST]][%[[P]]]
// CHECK-NEXT: %[[X:.*]] = scf.if %[[FLAG]]
// CHECK-NEXT: tile.mask %[[S1]], %[[LIST]][%[[P]]]
// CHECK-NEXT: scf.yield
// CHECK-NEXT: } else {
// CHECK-NEXT: scf.yield %[[S1]]
// CHECK-NEXT: }
// The running product is waited for straight after the maxima, before the
// exponentials, and decayed after these.
// CHECK-NEXT: %[[M1:.*]], %[[H1:.*]], %[[L1:.*]], %[[D:.*]] = tile.raise_maximum %[[X]], %[[M]], %[[H]], %[[L]] scale %scale : <64x64xf32>, <64xf32>
// CHECK-NEXT: %[[O2:.*]] = tile.wait %[[O1]] : <64x96xf32>
// CHECK-NEXT: tile.release %[[V]][%[[PV]]]
// CHECK-NEXT: %[[W:.*]], %[[L2:.*]] = tile.exponentials %[[X]], %[[H1]], %[[L1]] scale %scale
// CHECK-NEXT: %[[LAST:.*]] = tile.flag<last> of %[[LIST]][%[[P]]]
// CHECK-NEXT: tile.release %[[LIST]][%[[P]]]
// CHECK-NEXT: %[[A1:.*]] = tile.truncate %[[W]]
// CHECK-NEXT: %[[O3:.*]] = tile.scale_rows %[[O2]], %[[D]]
// CHECK-NEXT: %[[P1:.*]] = arith.addi %[[P]]
// CHECK-NEXT: %[[MORE:.*]] = arith.xori %[[LAST]]
// CHECK-NEXT: scf.yield %[[P1]], %[[M1]], %[[H1]], %[[L2]], %[[O3]], %[[P]], %[[A1]], %[[MORE]]

// The second part of the last slot: nothing to decay.
// CHECK: tile.release %[[Q]][%[[QP]]]
// CHECK-NEXT: tile.acquire %[[V]][%[[R]]#5]
// CHECK-NEXT: %[[O:.*]] = tile.mma_nn %[[R]]#6, %[[V]][%[[R]]#5], %[[R]]#4 : {{.*}} -> !tile.pending<64x96xf32>
// CHECK-NEXT: %[[O1:.*]] = tile.wait %[[O]] : <64x96xf32>
// CHECK-NEXT: tile.release %[[V]][%[[R]]#5]
// CHECK-NEXT: tile.scale_rows %[[O1]], %[[R]]#1
tile.kernel @attention(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, schedule = #overlap} {
  %list = tile.ring fills(1) drains(5) : !list
  %k = tile.ring fills(33) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !v
  %q = tile.ring fills(32) drains(4) : !q
  %qp = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %t = tile.positions %p plus %p : !t
    %m0 = tile.fill 0xFF800000 : !r
    %h0 = tile.fill 0.0 : !r
    %l0 = tile.fill 0.0 : !r
    %o0 = tile.fill 0.0 : !o
    tile.acquire %q[%qp] : !q
    %r:5 = scf.while (%i = %p, %m = %m0, %h = %h0, %l = %l0, %o = %o0) : (i32, !r, !r, !r, !o) -> (i32, !r, !r, !r, !o) {
      tile.acquire %k[%i] with %list[%i] : !k, !list
      %s = tile.mma_nt %q[%qp], %k[%i] : !q, !k -> !s
      tile.release %k[%i] : !k
      %masked = tile.flag<masked> of %list[%i] : !list
      %x = scf.if %masked -> !s {
        %y = tile.mask %s, %list[%i], %t : !s, !list, !t
        scf.yield %y : !s
      } else {
        scf.yield %s : !s
      }
      %m1, %h1, %l1, %rise = tile.raise_maximum %x, %m, %h, %l scale %scale : !s, !r
      %w, %l2 = tile.exponentials %x, %h1, %l1 scale %scale : !s, !r
      %last = tile.flag<last> of %list[%i] : !list
      tile.release %list[%i] : !list
      %a = tile.truncate %w : !s -> !a
      %decayed = tile.scale_rows %o, %rise : !o, !r
      tile.acquire %v[%i] : !v
      %o1 = tile.mma_nn %a, %v[%i], %decayed : !a, !v, !o -> !o
      tile.release %v[%i] : !v
      %next = arith.addi %i, %one : i32
      %more = arith.xori %last, %true : i1
      scf.condition(%more) %next, %m1, %h1, %l2, %o1 : i32, !r, !r, !r, !o
    } do {
    ^bb0(%i: i32, %m: !r, %h: !r, %l: !r, %o: !o):
      scf.yield %i, %m, %h, %l, %o : i32, !r, !r, !r, !o
    }
    tile.release %q[%qp] : !q
    %out = tile.scale_rows %r#4, %r#1 : !o, !r
  }
}

// An accumulator that does not start at zero is decayed in the first slot.
// CHECK-LABEL: tile.kernel @continued
// CHECK: %[[L0:.*]] = tile.fill 0.0
// CHECK: %[[O0:.*]] = tile.fill 1.0
// CHECK: %{{.*}}, %[[H:.*]], %[[L:.*]], %[[D:.*]] = tile.raise_maximum %{{.*}}, %[[L0]], %[[L0]], %[[L0]] scale %scale
// CHECK-NEXT: %[[O1:.*]] = tile.scale_rows %[[O0]], %[[D]]
// CHECK-NEXT: tile.exponentials %{{.*}}, %[[H]], %[[L]]
// CHECK-NEXT: tile.truncate
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
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %l0, %l0, %l0 scale %scale : !s, !r
      %decayed = tile.scale_rows %o, %rise : !o, !r
      %w, %l2 = tile.exponentials %s, %h1, %l1 scale %scale : !s, !r
      %a = tile.truncate %w : !s -> !a
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

// Slots of values that are skipped belong to the first part.
// CHECK-LABEL: tile.kernel @skipping
// CHECK: %[[LIST:.*]] = tile.ring {{.*}} : !tile.key_list
// CHECK-NEXT: %[[K:.*]] = tile.ring
// CHECK-NEXT: %[[V:.*]] = tile.ring
// CHECK: tile.truncate
// CHECK-NEXT: tile.skip %[[K]] with %[[LIST]] and %[[V]] from %p to %n
// CHECK-NEXT: scf.while
// CHECK: tile.acquire %[[V]][%p]
// CHECK: tile.mma_nn
// CHECK: tile.release %[[V]][%p]
// CHECK: tile.skip %[[K]] with %[[LIST]] and %[[V]] from %p to %n
// CHECK: scf.yield
// CHECK-NOT: tile.skip
tile.kernel @skipping(%p: i32 {tile.name = "p"}, %n: i32 {tile.name = "n"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !v
  %q = tile.ring fills(32) drains(4) : !q
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %l0 = tile.fill 0.0 : !r
    %o0 = tile.fill 0.0 : !o
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %q[%p], %k[%p] : !q, !k -> !s
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %l0, %l0, %l0 scale %scale : !s, !r
      %decayed = tile.scale_rows %o, %rise : !o, !r
      %w, %l2 = tile.exponentials %s, %h1, %l1 scale %scale : !s, !r
      %a = tile.truncate %w : !s -> !a
      tile.acquire %v[%p] : !v
      %o1 = tile.mma_nn %a, %v[%p], %decayed : !a, !v, !o -> !o
      tile.release %v[%p] : !v
      tile.skip %k with %list and %v from %p to %n : !k, !list, !v
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
