// RUN: sparsek-opt %s --convert-tile-to-fragments --split-input-file --verify-diagnostics

tile.kernel @no_place(%n: i32 {tile.name = "n"}) {
  // expected-error@+1 {{has no place in shared memory; run --tile-allocate first}}
  %k = tile.ring fills(32) drains(8) : !tile.ring<2x64x64xbf16>
  tile.role "attend" warps(8) {
    tile.acquire %k[%n] : !tile.ring<2x64x64xbf16>
  }
}

// -----

tile.kernel @array_without_place(%x: memref<?xi32> {tile.name = "x"}) attributes {threads = 32 : i64} {
  // expected-error@+1 {{has no place in shared memory; run --tile-allocate first}}
  %a = tile.array : memref<8xi32>
  %c0 = arith.constant 0 : index
  %v = memref.load %a[%c0] : memref<8xi32>
  memref.store %v, %x[%c0] : memref<?xi32>
}

// -----

tile.kernel @no_scratch(%e: memref<?x?x?xi32, strided<[?, ?, 1]>> {tile.name = "e", tile.dims = "bhn"},
                        %u: memref<?x?x?xf32, strided<[?, ?, 1]>> {tile.name = "u", tile.dims = "bhn"},
                        %table: memref<?xi32> {tile.name = "table"}, %p: i32 {tile.name = "p"}, %r: i64 {tile.name = "r"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>} {
  %list = tile.ring fills(1) drains(6) offset(0) barriers(4160) : !tile.key_list<slots = 4, keys = 64>
  tile.role "list" warps(1) {
    // expected-error@+1 {{has no scratch memory; run --tile-allocate first}}
    %n = tile.list_keys %list[%p] positions(%p to %p) window(%p) chunk(%p) from %e, %u, %u[%p, %p] and %table[%r, %p]
        : !tile.key_list<slots = 4, keys = 64>, memref<?x?x?xi32, strided<[?, ?, 1]>>, memref<?x?x?xf32, strided<[?, ?, 1]>>,
          memref<?x?x?xf32, strided<[?, ?, 1]>>, memref<?xi32>
  }
  tile.role "idle" warps(3) {}
}

// -----

tile.kernel @chosen_memory(%i: i32 {tile.name = "i"}, %x: memref<?xi32> {tile.name = "x"}, %y: memref<?xi32> {tile.name = "y"})
    attributes {threads = 32 : i64} {
  %at = arith.index_castui %i : i32 to index
  %c = arith.cmpi eq, %i, %i : i32
  %m = arith.select %c, %x, %y : memref<?xi32>
  // expected-error@+1 {{takes a memref that is neither a kernel argument nor a tile.array}}
  memref.store %i, %m[%at] : memref<?xi32>
}

// -----

tile.kernel @chosen_ring(%n: i32 {tile.name = "n"}) {
  %a = tile.ring fills(32) drains(8) offset(0) barriers(32768) : !tile.ring<2x64x64xbf16>
  %b = tile.ring fills(32) drains(8) offset(16384) barriers(32800) : !tile.ring<2x64x64xbf16>
  tile.role "attend" warps(8) {
    %c = arith.cmpi eq, %n, %n : i32
    %k = arith.select %c, %a, %b : !tile.ring<2x64x64xbf16>
    // expected-error@+1 {{takes a ring that is not the result of a tile.ring}}
    tile.acquire %k[%n] : !tile.ring<2x64x64xbf16>
  }
}

// -----

!list = !tile.key_list<slots = 4, keys = 64>
!global = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>

tile.kernel @copied_by_all(%k: !global {tile.name = "k", tile.dims = "bhnd"}, %p: i32 {tile.name = "p"}) attributes {threads = 32 : i64} {
  %list = tile.ring fills(1) drains(8) offset(16384) barriers(20544) : !list
  %keys = tile.ring fills(32) drains(8) offset(0) barriers(20608) : !tile.ring<2x64x64xbf16>
  // expected-error@+1 {{must be in a role}}
  tile.gather %k[%p, %p] rows %list[%p] into %keys[%p] : !global, !list, !tile.ring<2x64x64xbf16>
}

// -----

tile.kernel @warp_beside_roles() {
  // expected-error@+1 {{must be in a role}}
  %w = tile.warp
  tile.role "idle" warps(4) {}
}

// -----

!global = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>

tile.kernel @two_loaders(%q: !global {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>} {
  %queries = tile.ring fills(32) drains(8) offset(0) barriers(20608) : !tile.ring<2x64x64xbf16>
  tile.role "queries" warps(2) {
    // expected-error@+1 {{must be in a role of one warp}}
    tile.load_tile %q[%p, %p, %p, %p] limit %p into %queries[%p] : !global, !tile.ring<2x64x64xbf16>
  }
  tile.role "idle" warps(2) {}
}

// -----

tile.kernel @turns_of_one() {
  tile.role "attend" warps(4) {
    // expected-error@+1 {{must be in a role of two warpgroups or more}}
    tile.turn<start>
  }
}

// -----

tile.kernel @turns_of_none() attributes {threads = 256 : i64} {
  // expected-error@+1 {{must be in a role of whole warpgroups}}
  tile.turn<take>
}

// -----

tile.kernel @number_of_no_warpgroup(%x: memref<?xi32> {tile.name = "x"}) {
  tile.role "list" warps(1) {
    // expected-error@+1 {{must be in a role of whole warpgroups}}
    %number = tile.warpgroup
    %at = arith.index_castui %number : i32 to index
    memref.store %number, %x[%at] : memref<?xi32>
  }
  tile.role "idle" warps(3) {}
}

// -----

tile.kernel @skip_by_a_warp(%p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(1) offset(0) barriers(40000) : !tile.key_list<slots = 2, keys = 64>
  %k = tile.ring fills(32) drains(1) offset(0) barriers(32768) : !tile.ring<2x64x64xbf16>
  %v = tile.ring fills(32) drains(1) offset(0) barriers(33000) : !tile.ring<2x64x64xbf16>
  tile.role "list" warps(1) {
    // expected-error@+1 {{must be in a role of whole warpgroups}}
    tile.skip %k with %list and %v from %p to %p : !tile.ring<2x64x64xbf16>, !tile.key_list<slots = 2, keys = 64>, !tile.ring<2x64x64xbf16>
  }
  tile.role "idle" warps(3) {}
}

// -----

tile.kernel @two_that_compute(%p: i32 {tile.name = "p"}) {
  %a = tile.ring fills(32) drains(8) offset(0) barriers(24576) : !tile.ring<3x64x64xbf16>
  tile.role "first" warps(4) {
    %s = tile.mma_nt %a[%p], %a[%p] : !tile.ring<3x64x64xbf16>, !tile.ring<3x64x64xbf16> -> !tile.frag<64x64xf32>
  }
  tile.role "second" warps(4) {
    // expected-error@+1 {{must be in the role 'first': one role of a kernel computes}}
    %s = tile.mma_nt %a[%p], %a[%p] : !tile.ring<3x64x64xbf16>, !tile.ring<3x64x64xbf16> -> !tile.frag<64x64xf32>
  }
}

// -----

tile.kernel @product_of_a_warp(%p: i32 {tile.name = "p"}) {
  %a = tile.ring fills(32) drains(8) offset(0) barriers(32768) : !tile.ring<2x64x64xbf16>
  tile.role "attend" warps(1) {
    // expected-error@+1 {{must be in a role of whole warpgroups}}
    %s = tile.mma_nt %a[%p], %a[%p] : !tile.ring<2x64x64xbf16>, !tile.ring<2x64x64xbf16> -> !tile.frag<64x64xf32>
  }
  tile.role "idle" warps(3) {}
}

// -----

tile.kernel @product_of_128_rows(%p: i32 {tile.name = "p"}) {
  %a = tile.ring fills(32) drains(8) offset(0) barriers(32768) : !tile.ring<2x128x64xbf16>
  tile.role "attend" warps(4) {
    // expected-error@+1 {{has 128 rows; products of a warpgroup have 64}}
    %s = tile.mma_nt %a[%p], %a[%p] : !tile.ring<2x128x64xbf16>, !tile.ring<2x128x64xbf16> -> !tile.frag<128x128xf32>
  }
}

// -----

// Warpgroups of the tensor cores start at every fourth warp.
tile.kernel @crooked(%p: i32 {tile.name = "p"}) attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>} {
  tile.role "idle" warps(2) {}
  tile.role "attend" warps(4) {
    // expected-error@+1 {{must be in a role of whole warpgroups}}
    %t = tile.positions %p plus %p : !tile.rows<64xi32>
  }
  tile.role "rest" warps(2) {}
}
