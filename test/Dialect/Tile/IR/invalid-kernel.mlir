// RUN: sparsek-opt %s --split-input-file --verify-diagnostics

// Kernels, their arguments, roles, rings and arrays.

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

// expected-error@+1 {{argument 'a' must be a memref, i32, i64, f32 or f64, but is 'f16'}}
tile.kernel @k(%a: f16 {tile.name = "a"}) attributes {threads = 32} {
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

func.func @f() {
  // expected-error@+1 {{expects parent op 'tile.kernel'}}
  %r = tile.ring fills(32) drains(8) : !tile.ring<2x64x64xbf16>
  return
}

// -----

func.func @f() {
  // expected-error@+1 {{expects parent op 'tile.kernel'}}
  %a = tile.array : memref<8xi32>
  return
}

// -----

tile.kernel @k() attributes {threads = 32} {
  %c = arith.constant true
  scf.if %c {
    // expected-error@+1 {{expects parent op 'tile.kernel'}}
    %a = tile.array : memref<8xi32>
  }
}

// -----

tile.kernel @k() attributes {threads = 32} {
  // expected-error@+1 {{must be statically shaped memref of 32-bit signless integer or 64-bit signless integer or 32-bit float or 64-bit float or}}
  %a = tile.array : memref<?xi32>
}

// -----

tile.kernel @k() attributes {threads = 32} {
  // expected-error@+1 {{must be statically shaped memref of 32-bit signless integer or 64-bit signless integer or 32-bit float or 64-bit float or}}
  %a = tile.array : memref<8xi16>
}

// -----

tile.kernel @k() attributes {threads = 32} {
  // expected-error@+1 {{must be a memref of rank 1 without layout and memory space, but is 'memref<2x8xi32>'}}
  %a = tile.array : memref<2x8xi32>
}

// -----

tile.kernel @k() attributes {threads = 32} {
  // expected-error@+1 {{must be a memref of rank 1 without layout and memory space, but is 'memref<8xi32, strided<[2]>>'}}
  %a = tile.array : memref<8xi32, strided<[2]>>
}

// -----

tile.kernel @k() attributes {threads = 32} {
  // expected-error@+1 {{must be a memref of rank 1 without layout and memory space, but is 'memref<8xi32, 3>'}}
  %a = tile.array : memref<8xi32, 3>
}

// -----

tile.kernel @k() attributes {threads = 32} {
  %f = arith.constant 0.0 : f32
  // expected-error@+1 {{must be 32-bit signless integer or 64-bit signless integer or 64-bit float, but got 'f32'}}
  %s = tile.warp_scan %f : f32
}

// -----

tile.kernel @k(%n: i32 {tile.name = "n"}) attributes {threads = 32} {
  %f = arith.constant 0.0 : f64
  // expected-error@+1 {{must be 32-bit signless integer or 64-bit signless integer or 32-bit float, but got 'f64'}}
  %s = tile.broadcast %f from %n : f64
}

// -----

tile.kernel @k() attributes {threads = 32} {
  %h = arith.constant 0 : i16
  // expected-error@+1 {{must be 32-bit signless integer or 64-bit signless integer or 32-bit float or 64-bit float, but got 'i16'}}
  %s = tile.warp_sum %h : i16
}
