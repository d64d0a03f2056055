// RUN: sparsek-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{a ring has slots, rows and columns, but 2 sizes are given}}
func.func private @f(!tile.ring<2x64xbf16>)

// -----

// expected-error@+1 {{a ring has 1 to 16 slots, not 17}}
func.func private @f(!tile.ring<17x64x64xbf16>)

// -----

// expected-error@+1 {{a ring has 1 to 16 slots, not 0}}
func.func private @f(!tile.ring<0x64x64xbf16>)

// -----

// expected-error@+1 {{the rows of a slot are a multiple of 8 up to 256, not 264}}
func.func private @f(!tile.ring<2x264x64xbf16>)

// -----

// expected-error@+1 {{the columns of a slot are a multiple of 8 up to 256, not 20}}
func.func private @f(!tile.ring<2x64x20xbf16>)

// -----

// expected-error@+1 {{a ring holds bf16 or f16, not 'f32'}}
func.func private @f(!tile.ring<2x64x64xf32>)

// -----

// expected-error@+1 {{a key list has 1 to 16 slots, not 17}}
func.func private @f(!tile.key_list<slots = 17, keys = 64>)

// -----

// expected-error@+1 {{a key list has 1 to 16 slots, not 0}}
func.func private @f(!tile.key_list<slots = 0, keys = 64>)

// -----

// expected-error@+1 {{a slot lists 64 or 128 keys, not 96}}
func.func private @f(!tile.key_list<slots = 4, keys = 96>)

// -----

// expected-error@+1 {{a fragment holds f32, bf16 or f16, not 'f64'}}
func.func private @f(!tile.frag<64x64xf64>)

// -----

// expected-error@+1 {{a fragment has 64 or 128 rows and some columns}}
func.func private @f(!tile.frag<96x64xf32>)

// -----

// expected-error@+1 {{the columns of a fragment are a multiple of 8 up to 256, not 12}}
func.func private @f(!tile.frag<64x12xf32>)

// -----

// expected-error@+1 {{products are f32, not 'bf16'}}
func.func private @f(!tile.pending<64x64xbf16>)

// -----

// expected-error@+1 {{a fragment has 64 or 128 rows and some columns}}
func.func private @f(!tile.pending<64xf32>)

// -----

// expected-error@+1 {{there is one number for each of 64 or 128 rows}}
func.func private @f(!tile.rows<96xf32>)

// -----

// expected-error@+1 {{rows hold f32 or i32, not 'bf16'}}
func.func private @f(!tile.rows<64xbf16>)

// -----

// expected-error@+1 {{rows must be 64, 128, 192 or 256, but is 320}}
#s = #tile.schedule<rows = 320, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{keys must be 64 or 128, but is 32}}
#s = #tile.schedule<rows = 128, keys = 32, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{list_slots must be 1 to 16, but is 17}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 17, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{key_slots must be 1 to 16, but is 0}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 0, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{value_slots must be 1 to 16, but is 17}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 17, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{query_slots must be 1 to 16, but is -1}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = -1, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{producer_registers must be a multiple of 8 in 24..240, but is 60}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 60, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{consumer_registers must be a multiple of 8 in 24..240, but is 248}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 248, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{producer_registers + 2 * consumer_registers must be at most 504, but is 520}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 40, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{ping_pong needs two consumers or more, but rows / consumer_rows is 1}}
#s = #tile.schedule<rows = 64, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{ping_pong needs two consumers or more, but rows / consumer_rows is 1}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed, consumer_rows = 128>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{skip_edges needs keys = 64, consumer_rows = 64 and two consumers or more, but has keys = 128, consumer_rows = 64 and rows = 128}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed, skip_edges = true>

// -----

// expected-error@+1 {{skip_edges needs keys = 64, consumer_rows = 64 and two consumers or more, but has keys = 64, consumer_rows = 64 and rows = 64}}
#s = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed, skip_edges = true>

// -----

// expected-error@+1 {{skip_edges needs list_slots, key_slots and value_slots of at least 3, one for each consumer, but has 4, 2 and 3}}
#s = #tile.schedule<rows = 192, keys = 64, list_slots = 4, key_slots = 2, value_slots = 3, query_slots = 2, producer_registers = 56, consumer_registers = 152, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed, skip_edges = true>

// -----

// expected-error@+1 {{needs positions >= 1 and 1 <= heads <= group, but has positions = 32, heads = 4, group = 2}}
#m = #tile.row_map<positions = 32, heads = 4, group = 2>
func.func private @f() attributes {m = #m}

// -----

// expected-error@+1 {{positions * heads must be at most 256, but positions = 65 and heads = 4}}
#m = #tile.row_map<positions = 65, heads = 4, group = 4>
func.func private @f() attributes {m = #m}

// -----

// expected-error@+1 {{argument 0 needs a 'tile.name'}}
tile.kernel @k(%a: i32) attributes {threads = 32} {
  %id, %count = tile.block
}

// -----

// expected-error@+1 {{argument 0 needs a 'tile.name'}}
tile.kernel @k(%a: i32 {tile.name = ""}) attributes {threads = 32} {
  %id, %count = tile.block
}

// -----

// expected-error@+1 {{argument 'a' must be a memref, i32, i64 or f32, but is 'f64'}}
tile.kernel @k(%a: f64 {tile.name = "a"}) attributes {threads = 32} {
  %id, %count = tile.block
}

// -----

// expected-error@+1 {{argument 'a' must be a memref with a contiguous last dimension and no offset, but is 'memref<?x?xf32, strided<[?, 2]>>'}}
tile.kernel @k(%a: memref<?x?xf32, strided<[?, 2]>> {tile.name = "a", tile.dims = "bh"}) attributes {threads = 32} {
  %id, %count = tile.block
}

// -----

// expected-error@+1 {{argument 'a' must be a memref with a contiguous last dimension and no offset, but is 'memref<?x?xf32, strided<[?, 1], offset: ?>>'}}
tile.kernel @k(%a: memref<?x?xf32, strided<[?, 1], offset: ?>> {tile.name = "a", tile.dims = "bh"}) attributes {threads = 32} {
  %id, %count = tile.block
}

// -----

// expected-error@+1 {{argument 'a' must be a memref with a contiguous last dimension and no offset, but is 'memref<f32>'}}
tile.kernel @k(%a: memref<f32> {tile.name = "a"}) attributes {threads = 32} {
  %id, %count = tile.block
}

// -----

!f = memref<?x?x?xf32, strided<[?, ?, 1]>>

// expected-error@+1 {{argument 'a' needs a 'tile.dims' with one letter for each of its 3 dimensions}}
tile.kernel @k(%a: !f {tile.name = "a", tile.dims = "bh"}) attributes {threads = 32} {
  %id, %count = tile.block
}

// -----

// expected-error@+1 {{has two arguments named 'a'}}
tile.kernel @k(%a: i32 {tile.name = "a"}, %b: i32 {tile.name = "a"}) attributes {threads = 32} {
  %id, %count = tile.block
}

// -----

// expected-error@+1 {{threads must be a multiple of 32 up to 1024, but is 48}}
tile.kernel @k() attributes {threads = 48} {
  %id, %count = tile.block
}

// -----

// expected-error@+1 {{threads must be a multiple of 32 up to 1024, but is 2048}}
tile.kernel @k() attributes {threads = 2048} {
  %id, %count = tile.block
}

// -----

// expected-error@+1 {{needs 300000 bytes of shared memory; a block has 232448}}
tile.kernel @k() attributes {threads = 32, shared_bytes = 300000} {
  %id, %count = tile.block
}

// -----

// expected-error@+1 {{without roles needs 'threads'}}
tile.kernel @k() attributes {shared_bytes = 0} {
  %id, %count = tile.block
}

// -----

// expected-error@+1 {{has both roles and 'threads'}}
tile.kernel @k() attributes {threads = 32} {
  tile.role "a" warps(4) {}
}

// -----

// expected-error@+1 {{the roles must fill whole warpgroups of four warps, up to 32 warps; they have 6}}
tile.kernel @k() attributes {shared_bytes = 0} {
  tile.role "a" warps(6) {}
}

// -----

// expected-error@+1 {{the roles must fill whole warpgroups of four warps, up to 32 warps; they have 36}}
tile.kernel @k() attributes {shared_bytes = 0} {
  tile.role "a" warps(32) {}
  tile.role "b" warps(4) {}
}

// -----

// expected-error@+1 {{the roles ask for 528 registers, added over their warpgroups; a block of 3 has 504}}
tile.kernel @k() attributes {shared_bytes = 0} {
  tile.role "a" warps(4) registers(48) {}
  tile.role "b" warps(8) registers(240) {}
}

// -----

// expected-error@+1 {{has no results: a kernel writes into memrefs}}
tile.kernel @k() -> i32 attributes {threads = 32} {
  %id, %count = tile.block
}

// -----

// expected-error@+1 {{region #0 ('body') failed to verify constraint: region with 1 blocks}}
"tile.kernel"() <{sym_name = "k", function_type = () -> (), threads = 32 : i64}> ({}) : () -> ()

// -----

tile.kernel @k() {
  tile.role "a" warps(1) registers(56) {}
  // expected-error@+1 {{shares a warpgroup with a role that has another register budget}}
  tile.role "b" warps(3) registers(64) {}
}

// -----

tile.kernel @k() {
  // expected-error@+1 {{warps must be 1 to 32, but is 0}}
  tile.role "a" warps(0) {}
  tile.role "rest" warps(4) {}
}

// -----

tile.kernel @k() {
  // expected-error@+1 {{registers must be a multiple of 8 in 24..240, but is 20}}
  tile.role "a" warps(4) registers(20) {}
  tile.role "rest" warps(4) {}
}

// -----

tile.kernel @k() {
  // expected-error@+1 {{fills and drains must be 1 to 1024}}
  %r = tile.ring fills(0) drains(8) : !tile.ring<2x64x64xbf16>
  tile.role "rest" warps(4) {}
}

// -----

tile.kernel @k() {
  // expected-error@+1 {{fills and drains must be 1 to 1024}}
  %r = tile.ring fills(32) drains(2000) : !tile.ring<2x64x64xbf16>
  tile.role "rest" warps(4) {}
}

// -----

tile.kernel @k() {
  // expected-error@+1 {{lies at byte 300000 of shared memory; a block has 232448}}
  %r = tile.ring fills(32) drains(8) offset(300000) : !tile.ring<2x64x64xbf16>
  tile.role "rest" warps(4) {}
}

// -----

tile.kernel @k() {
  // expected-error@+1 {{lies at byte 300000 of shared memory; a block has 232448}}
  %r = tile.ring fills(32) drains(8) offset(0) barriers(300000) : !tile.ring<2x64x64xbf16>
  tile.role "rest" warps(4) {}
}

// -----

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

func.func @f() {
  // expected-error@+1 {{expects parent op 'tile.kernel'}}
  %r = tile.ring fills(32) drains(8) : !tile.ring<2x64x64xbf16>
  return
}

// -----

tile.kernel @k(%p: i32 {tile.name = "p"})
    attributes {threads = 32} {
  // expected-error@+1 {{needs a tile.kernel around it with a row_map}}
  %0:4 = tile.item %p of %p x %p x %p together(%p)
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

// -----

tile.kernel @k(%cu: memref<?xi64> {tile.name = "cu_seqlens"}, %p: i32 {tile.name = "p"}) attributes {threads = 32} {
  // expected-error@+1 {{cu_seqlens must be a memref of rank 1 of i32 with a contiguous last dimension, but is 'memref<?xi64>'}}
  %0:2 = tile.document %p in %cu[%p] : memref<?xi64>
}
