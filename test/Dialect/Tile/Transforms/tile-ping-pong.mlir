// RUN: sparsek-opt %s --tile-ping-pong --split-input-file --verify-diagnostics | FileCheck %s
// RUN: sparsek-opt %s --tile-ping-pong --tile-ping-pong --split-input-file 2>/dev/null | FileCheck %s

#turns = #tile.schedule<rows = 128, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!q = !tile.ring<2x128x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!ps = !tile.pending<64x64xf32>
!po = !tile.pending<64x128xf32>

// A turn for what is issued together; none for the product that ends an item.
// CHECK-LABEL: tile.kernel @attention
// CHECK: tile.role "keys"
// CHECK-NOT: tile.turn
// CHECK: tile.role "attend"
// CHECK-NEXT: tile.turn<start>
// CHECK-NOT: tile.turn
// CHECK: tile.turn<take>
// CHECK-NEXT: tile.mma_nt
// CHECK-NEXT: tile.turn<pass>
// CHECK-NEXT: tile.wait
// CHECK: scf.for
// CHECK-NEXT: tile.turn<take>
// CHECK-NEXT: tile.mma_nt
// CHECK-NEXT: tile.acquire
// CHECK-NEXT: tile.mma_nn
// CHECK-NEXT: tile.turn<pass>
// CHECK-NEXT: tile.wait
// CHECK-NOT: tile.turn
tile.kernel @attention(%p: i32 {tile.name = "p"}) attributes {schedule = #turns} {
  %k = tile.ring fills(32) drains(8) : !k
  %v = tile.ring fills(32) drains(8) : !k
  %q = tile.ring fills(32) drains(8) : !q
  tile.role "keys" warps(4) {
    tile.reserve %k[%p] : !k
  }
  tile.role "attend" warps(8) {
    %o = tile.fill 0.0 : !o
    %0 = tile.mma_nt %q[%p], %k[%p] : !q, !k -> !ps
    %s0 = tile.wait %0 : !ps -> !s
    %a = tile.truncate %s0 : !s -> !a
    scf.for %i = %p to %p step %p : i32 {
      %1 = tile.mma_nt %q[%p], %k[%p] : !q, !k -> !ps
      tile.acquire %v[%p] : !k
      %2 = tile.mma_nn %a, %v[%p], %o : !a, !k, !o -> !po
      %s1 = tile.wait %1 outstanding(1) : !ps -> !s
      %o1 = tile.wait %2 : !po -> !o
    }
    %3 = tile.mma_nn %a, %v[%p], %o : !a, !k, !o -> !po
    %o2 = tile.wait %3 : !po -> !o
  }
}

// -----

#turns = #tile.schedule<rows = 128, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed>
#no_turns = #tile.schedule<rows = 128, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!q = !tile.ring<2x128x128xbf16>

// CHECK-LABEL: tile.kernel @sequence
// CHECK-NOT: tile.turn
// expected-remark@+1 {{left as it is: no role of several warpgroups has asynchronous products (see tile-overlap)}}
tile.kernel @sequence(%p: i32 {tile.name = "p"}) attributes {schedule = #turns} {
  %k = tile.ring fills(32) drains(8) : !k
  %q = tile.ring fills(32) drains(8) : !q
  tile.role "attend" warps(8) {
    %0 = tile.mma_nt %q[%p], %k[%p] : !q, !k -> !tile.frag<64x64xf32>
  }
}

// A role of one warpgroup has nobody to take turns with.
// CHECK-LABEL: tile.kernel @alone
// CHECK-NOT: tile.turn
// expected-remark@+1 {{left as it is: no role of several warpgroups has asynchronous products (see tile-overlap)}}
tile.kernel @alone(%p: i32 {tile.name = "p"}) attributes {schedule = #turns} {
  %k = tile.ring fills(32) drains(8) : !k
  %q = tile.ring fills(32) drains(8) : !q
  tile.role "attend" warps(4) {
    %0 = tile.mma_nt %q[%p], %k[%p] : !q, !k -> !tile.pending<64x64xf32>
  }
}

// CHECK-LABEL: tile.kernel @off
// CHECK-NOT: tile.turn
tile.kernel @off(%p: i32 {tile.name = "p"}) attributes {schedule = #no_turns} {
  %k = tile.ring fills(32) drains(8) : !k
  %q = tile.ring fills(32) drains(8) : !q
  tile.role "attend" warps(8) {
    %0 = tile.mma_nt %q[%p], %k[%p] : !q, !k -> !tile.pending<64x64xf32>
  }
}

// -----

#three = #tile.schedule<rows = 192, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 144, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<3x64x128xbf16>
!q = !tile.ring<1x192x128xbf16>

// Three warpgroups take turns as two do.
// CHECK-LABEL: tile.kernel @three
// CHECK: tile.role "attend"
// CHECK-NEXT: tile.turn<start>
// CHECK-NEXT: tile.turn<take>
// CHECK-NEXT: tile.mma_nt
// CHECK-NEXT: tile.turn<pass>
tile.kernel @three(%p: i32 {tile.name = "p"}) attributes {schedule = #three} {
  %k = tile.ring fills(32) drains(12) : !k
  %q = tile.ring fills(32) drains(12) : !q
  tile.role "attend" warps(12) {
    %0 = tile.mma_nt %q[%p], %k[%p] : !q, !k -> !tile.pending<64x64xf32>
  }
}
