// RUN: sparsek-opt %s | sparsek-opt | FileCheck %s

// Arguments print with their names.
// CHECK-LABEL: tile.kernel @attention
// CHECK-SAME: (%q: {{.*}}, %k: {{.*}}, %tau: {{.*}}, %keys: i32 {{.*}}, %scale_log2: f32
// CHECK-NEXT: %ring = tile.ring
// CHECK-NEXT: %keys_ring = tile.ring
// CHECK: tile.thread
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed>
!kv = memref<?x?x?x128xbf16, strided<[?, ?, ?, 1]>>
!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!i = memref<?x?x?xi32, strided<[?, ?, 1]>>
tile.kernel @attention(%q: !kv {tile.name = "q", tile.dims = "bhmd"}, %k: !kv {tile.name = "k", tile.dims = "bhnd"}, %tau: !f {tile.name = "tau", tile.dims = "bhn"}, %n: i32 {tile.name = "keys"}, %sc: f32 {tile.name = "scale_log2"})
    attributes {schedule = #s, row_map = #tile.row_map<positions = 32, heads = 4, group = 4>} {
  %list = tile.ring fills(1) drains(10) : !tile.key_list<slots = 4, keys = 128>
  %ks = tile.ring fills(32) drains(8) : !tile.ring<2x128x128xbf16>
  %qs = tile.ring fills(32) drains(8) : !tile.ring<2x128x128xbf16>
  %id, %count = tile.block
  %c0 = arith.constant 0 : i32
  %b, %h, %hb, %m = tile.item %id of %n x %n x %n
  tile.role "keys" warps(4) registers(56) {
     tile.reserve %ks[%c0] : !tile.ring<2x128x128xbf16>
     tile.gather %k[%b, %h] rows %list[%c0] into %ks[%c0] : !kv, !tile.key_list<slots = 4, keys = 128>, !tile.ring<2x128x128xbf16>
     tile.commit %ks[%c0] : !tile.ring<2x128x128xbf16>
  }
  tile.role "attend" warps(8) registers(224) {
     %t = tile.positions %m plus %c0 : !tile.rows<64xi32>
     %tt = tile.load_rows %tau[%b, %h] at %t limit %n : !f, !tile.rows<64xi32> -> !tile.rows<64xf32>
     %thread = tile.thread
    %s = tile.mma_nt %qs[%c0], %ks[%c0] : !tile.ring<2x128x128xbf16>, !tile.ring<2x128x128xbf16> -> !tile.frag<64x128xf32>
     %g = tile.gate %s, %list[%c0], %tt : !tile.frag<64x128xf32>, !tile.key_list<slots = 4, keys = 128>, !tile.rows<64xf32>
     %fl = tile.flag<masked> of %list[%c0] : !tile.key_list<slots = 4, keys = 128>
     %p = tile.truncate %g : !tile.frag<64x128xf32> -> !tile.frag<64x128xbf16>
     tile.turn<start>
  }
}
