// RUN: sparsek-opt %s --tile-split-slots | FileCheck %s
// RUN: sparsek-opt %s --tile-split-slots --tile-split-slots | FileCheck %s

!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>
!s = !tile.frag<64x64xf32>
!t = !tile.rows<64xi32>
!tau = !tile.rows<64xf32>

#needed = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
#always = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = always, gates = never>

// The flag of the gates is read once for the slot, and again for the next one.
// CHECK-LABEL: tile.kernel @needed
// CHECK: %[[LIST:.*]] = tile.ring
// CHECK: %[[TAU:.*]] = tile.fill 5.0
// CHECK: %[[S:.*]] = tile.fill 0.0
// CHECK: tile.acquire %[[LIST]][%[[P:.*]]]
// CHECK-NEXT: %[[GATED:.*]] = tile.flag<gated> of %[[LIST]][%[[P]]]
// CHECK-NEXT: %[[S1:.*]] = scf.if %[[GATED]] -> (!tile.frag<64x64xf32>) {
// CHECK-NEXT: %[[G:.*]] = tile.gate %[[S]], %[[LIST]][%[[P]]], %[[TAU]]
// CHECK-NEXT: scf.yield %[[G]]
// CHECK-NEXT: } else {
// CHECK-NEXT: scf.yield %[[S]]
// CHECK-NEXT: }
// CHECK-NEXT: %[[MASKED:.*]] = tile.flag<masked> of %[[LIST]][%[[P]]]
// CHECK-NEXT: %[[S2:.*]] = scf.if %[[MASKED]] -> (!tile.frag<64x64xf32>) {
// CHECK-NEXT: %[[M:.*]] = tile.mask %[[S1]], %[[LIST]][%[[P]]]
// CHECK-NEXT: scf.yield %[[M]]
// CHECK-NEXT: } else {
// CHECK-NEXT: scf.yield %[[S1]]
// CHECK-NEXT: }
// CHECK-NEXT: %[[S3:.*]] = scf.if %[[GATED]]
// CHECK-NEXT: tile.gate %[[S2]]
// CHECK: tile.release
// CHECK-NEXT: tile.acquire %[[LIST]][%[[P]]]
// CHECK-NEXT: %[[GATED2:.*]] = tile.flag<gated> of %[[LIST]][%[[P]]]
// CHECK-NEXT: scf.if %[[GATED2]]
// CHECK-NEXT: tile.gate %[[S3]]
// A slot of the list that is acquired with one of keys is another one, too.
// CHECK: tile.release
// CHECK-NEXT: tile.acquire %[[K:.*]][%[[P]]] with %[[LIST]][%[[P]]]
// CHECK-NEXT: %[[GATED3:.*]] = tile.flag<gated> of %[[LIST]][%[[P]]]
// CHECK-NEXT: scf.if %[[GATED3]]
// CHECK: tile.truncate
tile.kernel @needed(%p: i32 {tile.name = "p"}) attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, schedule = #needed} {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(33) drains(4) : !k
  tile.role "attend" warps(4) {
    %t = tile.positions %p plus %p : !t
    %tau = tile.fill 5.0 : !tau
    %s = tile.fill 0.0 : !s
    tile.acquire %list[%p] : !list
    %0 = tile.gate %s, %list[%p], %tau : !s, !list, !tau
    %1 = tile.mask %0, %list[%p], %t : !s, !list, !t
    %2 = tile.gate %1, %list[%p], %tau : !s, !list, !tau
    tile.release %list[%p] : !list
    tile.acquire %list[%p] : !list
    %3 = tile.gate %2, %list[%p], %tau : !s, !list, !tau
    tile.release %list[%p] : !list
    tile.acquire %k[%p] with %list[%p] : !k, !list
    %4 = tile.gate %3, %list[%p], %tau : !s, !list, !tau
    %5 = tile.truncate %4 : !s -> !tile.frag<64x64xbf16>
  }
}

// CHECK-LABEL: tile.kernel @always
// CHECK: %[[S:.*]] = tile.fill 0.0
// CHECK-NOT: tile.gate
// CHECK-NOT: scf.if
// CHECK: tile.mask %[[S]]
tile.kernel @always(%p: i32 {tile.name = "p"}) attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, schedule = #always} {
  %list = tile.ring fills(1) drains(4) : !list
  tile.role "attend" warps(4) {
    %t = tile.positions %p plus %p : !t
    %tau = tile.fill 5.0 : !tau
    %s = tile.fill 0.0 : !s
    %0 = tile.gate %s, %list[%p], %tau : !s, !list, !tau
    %1 = tile.mask %0, %list[%p], %t : !s, !list, !t
    %4 = tile.truncate %1 : !s -> !tile.frag<64x64xbf16>
  }
}

// CHECK-LABEL: tile.kernel @unscheduled
// CHECK-NOT: scf.if
// CHECK: tile.mask
tile.kernel @unscheduled(%p: i32 {tile.name = "p"}) attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>} {
  %list = tile.ring fills(1) drains(4) : !list
  tile.role "attend" warps(4) {
    %t = tile.positions %p plus %p : !t
    %s = tile.fill 0.0 : !s
    %1 = tile.mask %s, %list[%p], %t : !s, !list, !t
  }
}
