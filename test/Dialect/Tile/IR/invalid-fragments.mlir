// RUN: sparsek-opt %s --split-input-file --verify-diagnostics

// Work items, rows and fragments.

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {threads = 32} {
  // expected-error@+1 {{needs a tile.kernel around it with a row_map}}
  %0:4 = tile.item %p of %p x %p x %p together(%p)
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!r = !tile.rows<64xf32>

tile.kernel @k(%u: !f {tile.name = "u", tile.dims = "bhn"}, %p: i32 {tile.name = "p"})
    attributes {threads = 32} {
  %r = tile.fill 0.0 : !r
  // expected-error@+1 {{needs a tile.kernel around it with a row_map}}
  tile.store_rows %r, %u[%p, %p, %p, %p] limit %p : !r, !f
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
!s = !tile.frag<64x64xf32>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"})
    attributes {threads = 32} {
  %s = tile.fill 0.0 : !s
  // expected-error@+1 {{needs a tile.kernel around it with a row_map}}
  tile.store_tile %s, %q[%p, %p, %p, %p] limit %p : !s, !q
}

// -----

!i = memref<?x?x?xi32, strided<[?, ?, 1]>>
!r = !tile.rows<64xf32>
!t = !tile.rows<64xi32>

tile.kernel @k(%e: !i {tile.name = "e", tile.dims = "bhn"},
               %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %t = tile.positions %p plus %p : !t
  // expected-error@+1 {{source must be a memref of rank 3 of f32 with a contiguous last dimension, but is 'memref<?x?x?xi32, strided<[?, ?, 1]>>'}}
  %0 = tile.load_rows %e[%p, %p] at %t limit %p : !i, !t -> !r
}

// -----

!k = !tile.ring<2x64x64xbf16>
!s = !tile.frag<64x64xf32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %k = tile.ring fills(32) drains(4) : !k
  %h = tile.ring fills(32) drains(4) : !tile.ring<2x64x64xf16>
  // expected-error@+1 {{both slots must have one element type}}
  %0 = tile.mma_nt %h[%p], %k[%p] : !tile.ring<2x64x64xf16>, !k -> !s
}

// -----

!k = !tile.ring<2x64x64xbf16>
!s = !tile.frag<64x64xf32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %k = tile.ring fills(32) drains(4) : !k
  %wide = tile.ring fills(32) drains(4) : !tile.ring<2x128x128xbf16>
  // expected-error@+1 {{the columns of both slots must agree, but are 128 and 64}}
  %0 = tile.mma_nt %wide[%p], %k[%p] : !tile.ring<2x128x128xbf16>, !k -> !s
}

// -----

!k = !tile.ring<2x64x64xbf16>
!s = !tile.frag<64x64xf32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %k = tile.ring fills(32) drains(4) : !k
  %odd = tile.ring fills(32) drains(4) : !tile.ring<2x72x64xbf16>
  // expected-error@+1 {{the rows of the left slot must be a multiple of 64, but are 72}}
  %0 = tile.mma_nt %odd[%p], %k[%p] : !tile.ring<2x72x64xbf16>, !k -> !s
}

// -----

!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %k = tile.ring fills(32) drains(4) : !k
  // expected-error@+1 {{result columns and rows of the right slot must agree, but are 128 and 64}}
  %0 = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !tile.pending<64x128xf32>
}

// -----

!s = !tile.frag<64x64xf32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %h = tile.ring fills(32) drains(4) : !tile.ring<2x64x64xf16>
  %s = tile.fill 0.0 : !s
  %b = tile.truncate %s : !s -> !tile.frag<64x64xbf16>
  // expected-error@+1 {{the left operand must be a fragment of the ring's type 'f16', but is '!tile.frag<64x64xbf16>'}}
  %0 = tile.mma_nn %b, %h[%p], %s : !tile.frag<64x64xbf16>, !tile.ring<2x64x64xf16>, !s -> !s
}

// -----

!k = !tile.ring<2x64x64xbf16>
!s = !tile.frag<64x64xf32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %k = tile.ring fills(32) drains(4) : !k
  %s = tile.fill 0.0 : !s
  // expected-error@+1 {{the left operand must be a fragment of the ring's type 'bf16', but is '!tile.frag<64x64xf32>'}}
  %0 = tile.mma_nn %s, %k[%p], %s : !s, !k, !s -> !s
}

// -----

!s = !tile.frag<64x64xf32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %wide = tile.ring fills(32) drains(4) : !tile.ring<2x128x128xbf16>
  %s = tile.fill 0.0 : !s
  %s128 = tile.fill 0.0 : !tile.frag<64x128xf32>
  %b = tile.truncate %s : !s -> !tile.frag<64x64xbf16>
  // expected-error@+1 {{columns of the left operand and rows of the slot must agree, but are 64 and 128}}
  %0 = tile.mma_nn %b, %wide[%p], %s128 : !tile.frag<64x64xbf16>, !tile.ring<2x128x128xbf16>, !tile.frag<64x128xf32> -> !tile.frag<64x128xf32>
}

// -----

!k = !tile.ring<2x64x64xbf16>
!s = !tile.frag<64x64xf32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %k = tile.ring fills(32) drains(4) : !k
  %s = tile.fill 0.0 : !s
  %s128 = tile.fill 0.0 : !tile.frag<64x128xf32>
  %b = tile.truncate %s : !s -> !tile.frag<64x64xbf16>
  // expected-error@+1 {{accumulator and result must have one shape}}
  %0 = tile.mma_nn %b, %k[%p], %s128 : !tile.frag<64x64xbf16>, !k, !tile.frag<64x128xf32> -> !s
}

// -----

!k = !tile.ring<2x64x64xbf16>
!s = !tile.frag<64x64xf32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %k = tile.ring fills(32) drains(4) : !k
  %s = tile.fill 0.0 : !s
  %s128 = tile.fill 0.0 : !tile.frag<64x128xf32>
  %b = tile.truncate %s : !s -> !tile.frag<64x64xbf16>
  // expected-error@+1 {{result columns and columns of the slot must agree, but are 128 and 64}}
  %0 = tile.mma_nn %b, %k[%p], %s128 : !tile.frag<64x64xbf16>, !k, !tile.frag<64x128xf32> -> !tile.frag<64x128xf32>
}

// -----

!k = !tile.ring<2x64x64xbf16>
!s = !tile.frag<64x64xf32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %k = tile.ring fills(32) drains(4) : !k
  %pending = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !tile.pending<64x64xf32>
  // expected-error@+1 {{outstanding must be 0 to 7, but is 8}}
  %0 = tile.wait %pending outstanding(8) : !tile.pending<64x64xf32> -> !s
}

// -----

!k = !tile.ring<2x64x64xbf16>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %k = tile.ring fills(32) drains(4) : !k
  %pending = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !tile.pending<64x64xf32>
  // expected-error@+1 {{product and result must have one shape}}
  %0 = tile.wait %pending : !tile.pending<64x64xf32> -> !tile.frag<64x128xf32>
}

// -----

!list = !tile.key_list<slots = 4, keys = 64>
!r = !tile.rows<64xf32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  %r = tile.fill 0.0 : !r
  %s128 = tile.fill 0.0 : !tile.frag<64x128xf32>
  // expected-error@+1 {{fragment columns and listed keys must agree, but are 128 and 64}}
  %0 = tile.gate %s128, %list[%p], %r : !tile.frag<64x128xf32>, !list, !r
}

// -----

!list = !tile.key_list<slots = 4, keys = 64>
!t = !tile.rows<64xi32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %list = tile.ring fills(1) drains(4) : !list
  %t = tile.positions %p plus %p : !t
  %s128 = tile.fill 0.0 : !tile.frag<64x128xf32>
  // expected-error@+1 {{fragment columns and listed keys must agree, but are 128 and 64}}
  %0 = tile.mask %s128, %list[%p], %t : !tile.frag<64x128xf32>, !list, !t
}

// -----

!s = !tile.frag<64x64xf32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %s = tile.fill 0.0 : !s
  // expected-error@+1 {{the result must be bf16 or f16, but is 'f32'}}
  %0 = tile.truncate %s : !s -> !s
}

// -----

!s = !tile.frag<64x64xf32>

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %s = tile.fill 0.0 : !s
  // expected-error@+1 {{input and result must have one shape}}
  %0 = tile.truncate %s : !s -> !tile.frag<64x128xbf16>
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!s = !tile.frag<64x64xf32>

tile.kernel @k(%u: !f {tile.name = "u", tile.dims = "bhn"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %s = tile.fill 0.0 : !s
  // expected-error@+1 {{target must be a memref of rank 4 of bf16 or f16}}
  tile.store_tile %s, %u[%p, %p, %p, %p] limit %p : !s, !f
}

// -----

!q = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>

tile.kernel @k(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %s128 = tile.fill 0.0 : !tile.frag<64x128xf32>
  // expected-error@+1 {{fragment columns and the target's last dimension must agree, but are 128 and 64}}
  tile.store_tile %s128, %q[%p, %p, %p, %p] limit %p : !tile.frag<64x128xf32>, !q
}

// -----

!i = memref<?x?x?xi32, strided<[?, ?, 1]>>
!r = !tile.rows<64xf32>

tile.kernel @k(%e: !i {tile.name = "e", tile.dims = "bhn"},
               %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 32} {
  %r = tile.fill 0.0 : !r
  // expected-error@+1 {{target must be a memref of rank 3 of f32}}
  tile.store_rows %r, %e[%p, %p, %p, %p] limit %p : !r, !i
}

// -----

!s = !tile.frag<64x64xf32>
!r = !tile.rows<64xf32>

tile.kernel @k(%scale: f32 {tile.name = "scale"}) attributes {threads = 128} {
  %s = tile.fill 0.0 : !s
  %r = tile.fill 0.0 : !r
  // expected-error@+1 {{operand #0 must be f32 fragment}}
  %0:2 = "tile.exponentials"(%r, %r, %r, %scale) : (!r, !r, !r, f32) -> (!r, !r)
}

// -----

!s = !tile.frag<64x64xf32>
!r = !tile.rows<64xf32>

tile.kernel @k(%scale: f32 {tile.name = "scale"}) attributes {threads = 128} {
  %s = tile.fill 0.0 : !s
  %r = tile.fill 0.0 : !r
  // expected-error@+1 {{failed to verify that all of {logits, weights} have same type}}
  %0:2 = "tile.exponentials"(%s, %r, %r, %scale) : (!s, !r, !r, f32) -> (!tile.frag<64x128xf32>, !r)
}

// -----

tile.kernel @k(%p: i32 {tile.name = "p"}) attributes {threads = 128} {
  // expected-error@+1 {{needs a tile.kernel around it with a row_map}}
  %t = tile.positions %p plus %p : !tile.rows<64xi32>
}

// -----

!r = !tile.rows<64xf32>

tile.kernel @k(%sink: memref<?xf32> {tile.name = "sink"}, %p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"})
    attributes {threads = 128} {
  %r = tile.fill 0.0 : !r
  // expected-error@+1 {{needs a tile.kernel around it with a row_map}}
  %0:2 = tile.normalise %r, %r scale %scale sink %sink[%p, %p] : !r, memref<?xf32>
}

// -----

!r = !tile.rows<64xf32>

tile.kernel @k(%sink: memref<?xf16> {tile.name = "sink"}, %p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 128} {
  %r = tile.fill 0.0 : !r
  // expected-error@+1 {{sink must be a memref of rank 1 of f32 with a contiguous last dimension, but is 'memref<?xf16>'}}
  %0:2 = tile.normalise %r, %r scale %scale sink %sink[%p, %p] : !r, memref<?xf16>
}

// -----

!r = !tile.rows<64xf32>

tile.kernel @k(%sink: memref<?xf32> {tile.name = "sink"}, %p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, threads = 128} {
  %r = tile.fill 0.0 : !r
  // expected-error@+1 {{needs all or none of sink, head and head block}}
  %0:2 = "tile.normalise"(%r, %r, %scale, %sink, %p) <{operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0>}> : (!r, !r, f32, memref<?xf32>, i32) -> (!r, !r)
}
