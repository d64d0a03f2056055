// RUN: sparsek-opt %s --tile-allocate | FileCheck %s
// RUN: sparsek-opt %s --tile-allocate --tile-allocate | FileCheck %s
// RUN: not sparsek-opt %s --tile-allocate=limit=47000 2>&1 | FileCheck %s --check-prefix=FULL

!e = memref<?x?x?xi32, strided<[?, ?, 1]>>
!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>

// Matrices first, then lists, scratch and barriers, each in order: 2 x 8192,
// 1 x 16384 (96 columns take two panels) and 4 x 1040 bytes.
// CHECK-LABEL: tile.kernel @attention
// CHECK-SAME: shared_bytes = 37424 : i64
// CHECK: %[[LIST:.*]] = tile.ring fills(1) drains(6) offset(32768) barriers(37312) : !tile.key_list<slots = 4, keys = 64>
// CHECK-NEXT: tile.ring fills(32) drains(4) offset(0) barriers(37376) : !tile.ring<2x64x64xbf16>
// CHECK-NEXT: tile.ring fills(32) drains(4) offset(16384) barriers(37408) : !tile.ring<1x64x96xbf16>
// CHECK: tile.list_keys %[[LIST]]{{.*}} scratch(36928)

// FULL-NOT: error
// FULL: error: 'tile.kernel' op needs 73920 bytes of shared memory; a block has 47000
// FULL: note: '!tile.key_list<slots = 4, keys = 128>' takes 8256 bytes
// FULL: note: '!tile.ring<4x128x64xf16>' takes 65536 bytes
tile.kernel @attention(%e: !e {tile.name = "expiry", tile.dims = "bhn"}, %u: !f {tile.name = "u", tile.dims = "bhn"},
                       %table: memref<?xi32> {tile.name = "table"}, %p: i32 {tile.name = "p"}, %r: i64 {tile.name = "r"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>} {
  %list = tile.ring fills(1) drains(6) : !list
  %k = tile.ring fills(32) drains(4) : !tile.ring<2x64x64xbf16>
  %q = tile.ring fills(32) drains(4) : !tile.ring<1x64x96xbf16>
  tile.role "list" warps(4) {
    %n = tile.list_keys %list[%p] positions(%p to %p) window(%p) chunk(%p) from %e, %u, %u[%p, %p] and %table[%r, %p]
        : !list, !e, !f, !f, memref<?xi32>
  }
}

// CHECK-LABEL: tile.kernel @lists
// CHECK-SAME: shared_bytes = 73920 : i64
tile.kernel @lists() {
  %list = tile.ring fills(1) drains(6) : !tile.key_list<slots = 4, keys = 128>
  %k = tile.ring fills(32) drains(4) : !tile.ring<4x128x64xf16>
  tile.role "list" warps(4) {}
}

// Arrays come after lists, each at a multiple of 16 bytes.
// CHECK-LABEL: tile.kernel @arrays
// CHECK-SAME: shared_bytes = 80 : i64
// CHECK: tile.array offset(0) : memref<3xi32>
// CHECK-NEXT: tile.array offset(16) : memref<5xi64>
// CHECK-NEXT: tile.array offset(64) : memref<4xf32>
tile.kernel @arrays() attributes {threads = 256} {
  %counts = tile.array : memref<3xi32>
  %sums = tile.array : memref<5xi64>
  %scores = tile.array : memref<4xf32>
}

// CHECK-LABEL: tile.kernel @list_and_array
// CHECK-SAME: shared_bytes = 4304 : i64
// CHECK: tile.array offset(4160) : memref<20xi32>
// CHECK-NEXT: tile.ring fills(1) drains(1) offset(0) barriers(4240) : !tile.key_list<slots = 4, keys = 64>
tile.kernel @list_and_array() {
  %counts = tile.array : memref<20xi32>
  %list = tile.ring fills(1) drains(1) : !list
  tile.role "list" warps(4) {}
}

// CHECK-LABEL: tile.kernel @none
// CHECK-SAME: shared_bytes = 0 : i64
tile.kernel @none() attributes {threads = 256} {
  %id, %count = tile.block
}
