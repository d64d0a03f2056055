// RUN: sparsek-opt %s --split-input-file --verify-diagnostics

// What fills rings, hands slots over and reads tables.

tile.kernel @k(%p: i32 {tile.name = "p"}) attributes {threads = 32} {
  %list = tile.ring fills(1) drains(4) : !tile.key_list<slots = 2, keys = 64>
  %k = tile.ring fills(32) drains(4) : !tile.ring<2x64x64xbf16>
  // expected-error@+1 {{needs two rings, one of keys and one of values}}
  tile.skip %k with %list and %k from %p to %p : !tile.ring<2x64x64xbf16>, !tile.key_list<slots = 2, keys = 64>, !tile.ring<2x64x64xbf16>
}

// -----

tile.kernel @k(%p: i32 {tile.name = "p"}) attributes {threads = 32} {
  %list = tile.ring fills(1) drains(4) : !tile.key_list<slots = 2, keys = 128>
  %k = tile.ring fills(32) drains(4) : !tile.ring<2x64x64xbf16>
  %v = tile.ring fills(32) drains(4) : !tile.ring<2x64x64xbf16>
  // expected-error@+1 {{the keys of the list and the rows of the keys must agree, but are 128 and 64}}
  tile.skip %k with %list and %v from %p to %p : !tile.ring<2x64x64xbf16>, !tile.key_list<slots = 2, keys = 128>, !tile.ring<2x64x64xbf16>
}

// -----

tile.kernel @k(%p: i32 {tile.name = "p"}) attributes {threads = 32} {
  %list = tile.ring fills(1) drains(4) : !tile.key_list<slots = 2, keys = 64>
  %k = tile.ring fills(32) drains(4) : !tile.ring<2x64x64xbf16>
  %v = tile.ring fills(32) drains(4) : !tile.ring<2x128x64xbf16>
  // expected-error@+1 {{the keys of the list and the rows of the values must agree, but are 64 and 128}}
  tile.skip %k with %list and %v from %p to %p : !tile.ring<2x64x64xbf16>, !tile.key_list<slots = 2, keys = 64>, !tile.ring<2x128x64xbf16>
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"})
    attributes {threads = 32} {
  %k = tile.ring fills(32) drains(4) : !k
  // expected-error@+1 {{needs a tile.kernel around it with a row_map}}
  tile.load_tile %q[%p, %p, %p, %p] limit %p into %k[%p] : !q, !k
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!i = memref<?x?x?xi32, strided<[?, ?, 1]>>
!w = memref<?xi32>
!list = !tile.key_list<slots = 4, keys = 64>

tile.kernel @k(%u: !f {tile.name = "u", tile.dims = "bhn"}, %e: !i {tile.name = "e", tile.dims = "bhn"},
               %w: !w {tile.name = "w"}, %p: i32 {tile.name = "p"}, %l: i64 {tile.name = "l"})
    attributes {threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  // expected-error@+1 {{needs a tile.kernel around it with a row_map}}
  %0 = tile.list_keys %list[%p] positions(%p to %p) window(%p) chunk(%p) from %e, %u, %u[%p, %p] and %w[%l, %p] : !list, !i, !f, !f, !w
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %small = tile.ring fills(32) drains(4) : !tile.ring<2x32x64xbf16>
  // expected-error@+1 {{the row map has 64 rows; the slot has 32}}
  tile.load_tile %q[%p, %p, %p, %p] limit %p into %small[%p] : !q, !tile.ring<2x32x64xbf16>
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%u: !f {tile.name = "u", tile.dims = "bhn"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(32) drains(4) : !k
  // expected-error@+1 {{source must be a memref of rank 4 of bf16 or f16 with a contiguous last dimension, but is 'memref<?x?x?xf32, strided<[?, ?, 1]>>'}}
  tile.gather %u[%p, %p] rows %list[%p] into %k[%p] : !f, !list, !k
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  %h = tile.ring fills(32) drains(4) : !tile.ring<2x64x64xf16>
  // expected-error@+1 {{source and ring must have one element type, but have 'bf16' and 'f16'}}
  tile.gather %q[%p, %p] rows %list[%p] into %h[%p] : !q, !list, !tile.ring<2x64x64xf16>
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %wide = tile.ring fills(32) drains(4) : !tile.ring<2x128x128xbf16>
  // expected-error@+1 {{the last dimension of the source must be the ring's columns, 128, but is 'memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>'}}
  tile.load_tile %q[%p, %p, %p, %p] limit %p into %wide[%p] : !q, !tile.ring<2x128x128xbf16>
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  %wide = tile.ring fills(32) drains(4) : !tile.ring<2x128x128xbf16>
  // expected-error@+1 {{the keys of the list and the rows of the slot must agree, but are 64 and 128}}
  tile.gather %q[%p, %p] rows %list[%p] into %wide[%p] : !q, !list, !tile.ring<2x128x128xbf16>
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!w = memref<?xi32>
!list = !tile.key_list<slots = 4, keys = 64>

tile.kernel @k(%u: !f {tile.name = "u", tile.dims = "bhn"}, %w: !w {tile.name = "w"}, %p: i32 {tile.name = "p"}, %l: i64 {tile.name = "l"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  // expected-error@+1 {{expiry must be a memref of rank 3 of i32}}
  %0 = tile.list_keys %list[%p] positions(%p to %p) window(%p) chunk(%p) from %u, %u, %u[%p, %p] and %w[%l, %p] : !list, !f, !f, !f, !w
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!i = memref<?x?x?xi32, strided<[?, ?, 1]>>
!w = memref<?xi32>
!list = !tile.key_list<slots = 4, keys = 64>

tile.kernel @k(%u: !f {tile.name = "u", tile.dims = "bhn"}, %e: !i {tile.name = "e", tile.dims = "bhn"},
               %w: !w {tile.name = "w"}, %p: i32 {tile.name = "p"}, %l: i64 {tile.name = "l"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  // expected-error@+1 {{scores must be a memref of rank 3 of f32}}
  %0 = tile.list_keys %list[%p] positions(%p to %p) window(%p) chunk(%p) from %e, %e, %u[%p, %p] and %w[%l, %p] : !list, !i, !i, !f, !w
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!i = memref<?x?x?xi32, strided<[?, ?, 1]>>
!w = memref<?xi32>
!list = !tile.key_list<slots = 4, keys = 64>

tile.kernel @k(%u: !f {tile.name = "u", tile.dims = "bhn"}, %e: !i {tile.name = "e", tile.dims = "bhn"},
               %w: !w {tile.name = "w"}, %p: i32 {tile.name = "p"}, %l: i64 {tile.name = "l"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  // expected-error@+1 {{threshold must be a memref of rank 3 of f32}}
  %0 = tile.list_keys %list[%p] positions(%p to %p) window(%p) chunk(%p) from %e, %u, %e[%p, %p] and %w[%l, %p] : !list, !i, !f, !i, !w
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!i = memref<?x?x?xi32, strided<[?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>

tile.kernel @k(%u: !f {tile.name = "u", tile.dims = "bhn"}, %e: !i {tile.name = "e", tile.dims = "bhn"},
               %p: i32 {tile.name = "p"}, %l: i64 {tile.name = "l"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  // expected-error@+1 {{table must be a memref of rank 1 of i32}}
  %0 = tile.list_keys %list[%p] positions(%p to %p) window(%p) chunk(%p) from %e, %u, %u[%p, %p] and %e[%l, %p] : !list, !i, !f, !f, !i
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!i = memref<?x?x?xi32, strided<[?, ?, 1]>>
!w = memref<?xi32>
!list = !tile.key_list<slots = 4, keys = 64>

tile.kernel @k(%u: !f {tile.name = "u", tile.dims = "bhn"}, %e: !i {tile.name = "e", tile.dims = "bhn"},
               %w: !w {tile.name = "w"}, %p: i32 {tile.name = "p"}, %l: i64 {tile.name = "l"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  // expected-error@+1 {{documents must be a memref of rank 1 of i32}}
  %0 = tile.list_keys %list[%p] positions(%p to %p) window(%p) chunk(%p) from %e, %u, %u[%p, %p] and %w[%l, %p] documents(%e) : !list, !i, !f, !f, !w, !i
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!i = memref<?x?x?xi32, strided<[?, ?, 1]>>
!w = memref<?xi32>
!list = !tile.key_list<slots = 4, keys = 64>

tile.kernel @k(%u: !f {tile.name = "u", tile.dims = "bhn"}, %e: !i {tile.name = "e", tile.dims = "bhn"},
               %w: !w {tile.name = "w"}, %p: i32 {tile.name = "p"}, %l: i64 {tile.name = "l"})
    attributes {row_map = #tile.row_map<positions = 128, heads = 1, group = 1>, threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  %x = arith.constant true
  // expected-error@+1 {{cannot list edges first where there are documents}}
  %0 = tile.list_keys %list[%p] positions(%p to %p) window(%p) chunk(%p) from %e, %u, %u[%p, %p] and %w[%l, %p] documents(%w) edges(%x) : !list, !i, !f, !f, !w, !w
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!i = memref<?x?x?xi32, strided<[?, ?, 1]>>
!w = memref<?xi32>
!list = !tile.key_list<slots = 4, keys = 128>

tile.kernel @k(%u: !f {tile.name = "u", tile.dims = "bhn"}, %e: !i {tile.name = "e", tile.dims = "bhn"},
               %w: !w {tile.name = "w"}, %p: i32 {tile.name = "p"}, %l: i64 {tile.name = "l"})
    attributes {row_map = #tile.row_map<positions = 192, heads = 1, group = 1>, threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  %x = arith.constant true
  // expected-error@+1 {{needs edges of whole slots of 128 keys, one for each row, but the row map is #tile.row_map<positions = 192, heads = 1, group = 1>}}
  %0 = tile.list_keys %list[%p] positions(%p to %p) window(%p) chunk(%p) from %e, %u, %u[%p, %p] and %w[%l, %p] edges(%x) : !list, !i, !f, !f, !w
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!w = memref<?xi32>

tile.kernel @k(%u: !f {tile.name = "u", tile.dims = "bhn"}, %w: !w {tile.name = "w"}, %p: i32 {tile.name = "p"}, %l: i64 {tile.name = "l"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  // expected-error@+1 {{expiry must be a memref of rank 3 of i32}}
  %0 = tile.collect_survivors %u[%p, %p] at %p window(%p) into %w[%l, %p] : !f, !w
}

// -----

!i = memref<?x?x?xi32, strided<[?, ?, 1]>>

tile.kernel @k(%e: !i {tile.name = "e", tile.dims = "bhn"},
               %p: i32 {tile.name = "p"}, %l: i64 {tile.name = "l"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  // expected-error@+1 {{table must be a memref of rank 1 of i32}}
  %0 = tile.collect_survivors %e[%p, %p] at %p window(%p) into %e[%l, %p] : !i, !i
}

// -----

!i = memref<?x?x?xi32, strided<[?, ?, 1]>>
!w = memref<?xi32>

tile.kernel @k(%e: !i {tile.name = "e", tile.dims = "bhn"},
               %w: !w {tile.name = "w"}, %p: i32 {tile.name = "p"}, %l: i64 {tile.name = "l"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  // expected-error@+1 {{documents must be a memref of rank 1 of i32}}
  %0 = tile.collect_survivors %e[%p, %p] at %p window(%p) into %w[%l, %p] documents(%e) : !i, !w, !i
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  tile.role "gather" warps(2) {
    %w = tile.warp
    // expected-error@+1 {{has 4 shares, one for each warp of its role, which has 2}}
    tile.gather %q[%p, %p] rows %list[%p] into %k[%p] share %w of 4 : !q, !list, !k
  }
  tile.role "rest" warps(2) {}
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  tile.role "gather" warps(2) {
    %w = tile.warp
    // expected-error@+1 {{has 1 shares, one for each warp of its role, which has 2}}
    tile.gather %q[%p, %p] rows %list[%p] into %k[%p] : !q, !list, !k
  }
  tile.role "rest" warps(2) {}
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  tile.role "gather" warps(1) {
    %w = tile.warp
    // expected-error@+1 {{has 2 shares, one for each warp of its role, which has 1}}
    tile.gather %q[%p, %p] rows %list[%p] into %k[%p] share %w of 2 : !q, !list, !k
  }
  tile.role "rest" warps(3) {}
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  tile.role "gather" warps(3) {
    %w = tile.warp
    // expected-error@+1 {{shares must be 1, 2 or 4, but is 3}}
    tile.gather %q[%p, %p] rows %list[%p] into %k[%p] share %w of 3 : !q, !list, !k
  }
  tile.role "rest" warps(1) {}
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  tile.role "gather" warps(1) {
    %w = tile.warp
    // expected-error@+1 {{shares must be 1, 2 or 4, but is 0}}
    tile.gather %q[%p, %p] rows %list[%p] into %k[%p] share %w of 0 : !q, !list, !k
  }
  tile.role "rest" warps(3) {}
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  tile.role "gather" warps(1) {
    %w = tile.warp
    // expected-error@+1 {{needs the share that this warp copies where there are several, and only there}}
    tile.gather %q[%p, %p] rows %list[%p] into %k[%p] share %w of 1 : !q, !list, !k
  }
  tile.role "rest" warps(3) {}
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  tile.role "gather" warps(2) {
    %w = tile.warp
    // expected-error@+1 {{needs the share that this warp copies where there are several, and only there}}
    "tile.gather"(%q, %p, %p, %list, %p, %k, %p) <{shares = 2 : i64}> : (!q, i32, i32, !list, i32, !k, i32) -> ()
  }
  tile.role "rest" warps(2) {}
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  %l = tile.ring fills(2) drains(4) : !list
  tile.role "gather" warps(4) {
    // expected-error@+1 {{can take a slot of a list with one of a !tile.ring, not of '!tile.key_list<slots = 4, keys = 64>'}}
    tile.commit %l[%p] with %list[%p] : !list, !list
  }
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  %l = tile.ring fills(2) drains(4) : !list
  tile.role "gather" warps(4) {
    // expected-error@+1 {{needs both or neither of a list and a position in it}}
    "tile.commit"(%k, %p, %list) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> : (!k, i32, !list) -> ()
  }
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  %l = tile.ring fills(2) drains(4) : !list
  tile.role "gather" warps(4) {
    // expected-error@+1 {{needs both or neither of a list and a position in it}}
    "tile.commit"(%k, %p, %p) <{operandSegmentSizes = array<i32: 1, 1, 0, 1>}> : (!k, i32, i32) -> ()
  }
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  %l = tile.ring fills(2) drains(4) : !list
  tile.role "gather" warps(4) {
    // expected-error@+1 {{operand #2 must be }}
    "tile.commit"(%k, %p, %k, %p) <{operandSegmentSizes = array<i32: 1, 1, 1, 1>}> : (!k, i32, !k, i32) -> ()
  }
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  %l = tile.ring fills(2) drains(4) : !list
  tile.role "gather" warps(4) {
    // expected-error@+1 {{can take a slot of a list with one of a !tile.ring, not of '!tile.key_list<slots = 4, keys = 64>'}}
    tile.acquire %l[%p] with %list[%p] : !list, !list
  }
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  %l = tile.ring fills(2) drains(4) : !list
  tile.role "gather" warps(4) {
    // expected-error@+1 {{needs both or neither of a list and a position in it}}
    "tile.acquire"(%k, %p, %list) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> : (!k, i32, !list) -> ()
  }
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  %l = tile.ring fills(2) drains(4) : !list
  tile.role "gather" warps(4) {
    // expected-error@+1 {{needs both or neither of a list and a position in it}}
    "tile.acquire"(%k, %p, %p) <{operandSegmentSizes = array<i32: 1, 1, 0, 1>}> : (!k, i32, i32) -> ()
  }
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!list = !tile.key_list<slots = 4, keys = 64>
!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"}) {
  %list = tile.ring fills(1) drains(4) : !list
  %k = tile.ring fills(64) drains(4) : !k
  %l = tile.ring fills(2) drains(4) : !list
  tile.role "gather" warps(4) {
    // expected-error@+1 {{operand #2 must be }}
    "tile.acquire"(%k, %p, %k, %p) <{operandSegmentSizes = array<i32: 1, 1, 1, 1>}> : (!k, i32, !k, i32) -> ()
  }
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 2, heads = 4, group = 4>, threads = 32} {
  %q8 = tile.ring fills(32) drains(4) : !tile.ring<2x8x64xbf16>
  // expected-error@+1 {{the rows of the slot must be a multiple of 64, but are 8}}
  tile.load_tile %q[%p, %p, %p, %p] limit %p into %q8[%p] : !q, !tile.ring<2x8x64xbf16>
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %q72 = tile.ring fills(32) drains(4) : !tile.ring<2x72x64xbf16>
  // expected-error@+1 {{the rows of the slot must be a multiple of 64, but are 72}}
  tile.load_tile %q[%p, %p, %p, %p] limit %p into %q72[%p] : !q, !tile.ring<2x72x64xbf16>
}

// -----

tile.kernel @k(%cu: memref<?xi64> {tile.name = "cu_seqlens"}, %p: i32 {tile.name = "p"}) attributes {threads = 32} {
  // expected-error@+1 {{cu_seqlens must be a memref of rank 1 of i32 with a contiguous last dimension, but is 'memref<?xi64>'}}
  %0:2 = tile.document %p in %cu[%p] : memref<?xi64>
}
