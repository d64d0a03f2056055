// RUN: sparsek-opt %s --convert-tile-to-fragments --canonicalize --split-input-file | FileCheck %s

!list = !tile.key_list<slots = 4, keys = 64>
!ring = !tile.ring<2x64x128xbf16>
!values = !tile.ring<1x64x72xbf16>
!queries = !tile.ring<1x64x128xbf16>
!global = memref<?x?x?x128xbf16, strided<[?, ?, ?, 1]>>
!global72 = memref<?x?x?x72xbf16, strided<[?, ?, ?, 1]>>

// Copies: 16 bytes a lane, 16 lanes to a row of 256 bytes.
// CHECK-LABEL: llvm.func @copies(
// CHECK-SAME: %[[Q:[^:]*]]: !llvm.ptr<1>, %[[K:[^:]*]]: !llvm.ptr<1>, %[[V:[^:]*]]: !llvm.ptr<1>
// CHECK: nvvm.barrier

// The gather. Chunks of the second panel are 8192 bytes on, the second half of
// the warp copies the second half of the 64 rows; a row of global memory is one
// 32-bit product from the base.
// CHECK: %[[GROUP:.*]] = arith.shrui %[[LANE:.*]], %c4_i32
// CHECK-NEXT: %[[CHUNK:.*]] = arith.andi %[[LANE]], %c15_i32
// CHECK-NEXT: %[[PANEL:.*]] = arith.shrui %[[CHUNK]], %c3_i32
// CHECK-NEXT: arith.muli %[[PANEL]], %c8192_i32
// CHECK-NEXT: arith.muli %[[GROUP]], %c4096_i32
// CHECK: %[[ROWS:.*]] = llvm.getelementptr %{{.*}} : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, i8
// CHECK: %[[STRIDE:.*]] = arith.trunci %{{.*}} : i64 to i32
// The slot's flag `padded` chooses between two loops.
// CHECK: %[[WORD:.*]] = nvvm.shfl.sync  idx
// CHECK: arith.andi %[[WORD]], %c8_i32
// CHECK: scf.if
// CHECK: scf.for %{{.*}} = %c0_i32 to %c2_i32
// CHECK: arith.xori %{{.*}}, %c16_i32
// CHECK: llvm.load {{.*}} : !llvm.ptr<3> -> vector<4xi32>
// CHECK: %[[EXISTS:.*]] = arith.cmpi sge, %[[INDEX:.*]], %c0_i32
// CHECK-NEXT: %[[SIZE:.*]] = arith.select %[[EXISTS]], %c16_i32, %c0_i32
// CHECK-NEXT: %[[KEY:.*]] = arith.maxsi %[[INDEX]], %c0_i32
// CHECK-NEXT: %[[FROM:.*]] = frag.row_address %{{.*}}, %[[KEY]], %[[STRIDE]] : <1>
// CHECK-NEXT: nvvm.cp.async.shared.global %{{.*}}, %[[FROM]], 16, cache =  cg, %[[SIZE]]
// CHECK: } else {
// CHECK: %[[FROM:.*]] = frag.row_address
// CHECK-NEXT: nvvm.cp.async.shared.global %{{.*}}, %[[FROM]], 16, cache =  cg : !llvm.ptr<3>, !llvm.ptr<1>

// 72 columns: ten chunks for the products, of which nine exist.
// CHECK: } else {
// CHECK: arith.andi %{{.*}}, %c15_i32
// CHECK: %[[ACTIVE:.*]] = arith.cmpi slt, %[[CHUNK:.*]], %c10_i32
// CHECK-NEXT: %[[NINE:.*]] = arith.cmpi slt, %[[CHUNK]], %c9_i32
// CHECK-NEXT: arith.select %[[NINE]], %c16_i32, %c0_i32
// CHECK: scf.if %[[ACTIVE]]

// The tile: row r is position r / 5 and head r mod 5 of its head block; rows
// from 60 on, and heads from 7 on in the last block, are idle.
// CHECK: scf.for %[[I:.*]] = %c0_i32 to %c8_i32
// Four rows of 128 bytes a step; the swizzle of the second four differs in a bit.
// CHECK-NEXT: %[[ODD:.*]] = arith.andi %[[I]], %c1_i32
// CHECK-NEXT: %[[HALF:.*]] = arith.shli %[[ODD]], %c6_i32
// CHECK-NEXT: %[[BYTES:.*]] = arith.shli %[[I]], %c9_i32
// CHECK-NEXT: %[[TO:.*]] = llvm.getelementptr %{{.*}}[%[[BYTES]]]
// CHECK-NEXT: %[[FIRST:.*]] = arith.muli %{{.*}}, %c32_i32
// CHECK-NEXT: %[[STEP:.*]] = arith.shli %[[I]], %c2_i32
// CHECK-NEXT: %[[R:.*]] = arith.addi %[[FIRST]], %[[STEP]]
// CHECK-NEXT: %[[POSITION:.*]] = arith.divui %[[R]], %c5_i32
// CHECK: arith.remui %[[R]], %c5_i32
// CHECK: %[[IN_LIMIT:.*]] = arith.cmpi slt
// CHECK-NEXT: %[[IN_TILE:.*]] = arith.cmpi slt, %[[R]], %c60_i32
// CHECK-NEXT: %[[BOTH:.*]] = arith.andi %[[IN_LIMIT]], %[[IN_TILE]]
// CHECK-NEXT: %[[IN_GROUP:.*]] = arith.cmpi slt, %{{.*}}, %c7_i32
// CHECK-NEXT: %[[LIVE:.*]] = arith.andi %[[BOTH]], %[[IN_GROUP]]
// CHECK: %[[SIZE:.*]] = arith.select %[[LIVE]], %c16_i32, %c0_i32
// CHECK-NEXT: %[[IN_ROW:.*]] = arith.xori %[[CHUNK:.*]], %[[HALF]]
// CHECK-NEXT: %[[TARGET:.*]] = llvm.getelementptr %[[TO]][%[[IN_ROW]]]
// CHECK-NEXT: %[[FROM:.*]] = llvm.getelementptr
// CHECK-NEXT: nvvm.cp.async.shared.global %[[TARGET]], %[[FROM]], 16, cache =  cg, %[[SIZE]]
// CHECK: %[[R1:.*]] = arith.addi %[[R]], %c1_i32
// CHECK: %[[SWIZZLED:.*]] = arith.xori %[[CHUNK]], %c16_i32
// CHECK-NEXT: %[[IN_ROW:.*]] = arith.xori %[[SWIZZLED]], %[[HALF]]
// CHECK-NEXT: %[[START:.*]] = llvm.getelementptr %[[TO]][%[[IN_ROW]]]
// CHECK-NEXT: llvm.getelementptr %[[START]][128]
// CHECK: nvvm.cp.async.shared.global
// CHECK: nvvm.cp.async.shared.global
// CHECK: arith.addi %[[R]], %c3_i32
// CHECK: nvvm.cp.async.shared.global
// CHECK-NOT: nvvm.cp.async.shared.global
// CHECK: llvm.return
tile.kernel @copies(%q: !global {tile.name = "q", tile.dims = "bhmd"}, %k: !global {tile.name = "k", tile.dims = "bhnd"},
                    %v: !global72 {tile.name = "v", tile.dims = "bhnd"}, %b: i32 {tile.name = "b"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 12, heads = 5, group = 7>, shared_bytes = 69856 : i64} {
  %list = tile.ring fills(1) drains(9) offset(65536) barriers(69728) : !list
  %keys = tile.ring fills(32) drains(4) offset(0) barriers(69792) : !ring
  %values = tile.ring fills(32) drains(4) offset(32768) barriers(69824) : !values
  %queries = tile.ring fills(32) drains(4) offset(49152) barriers(69840) : !queries
  tile.role "keys" warps(1) {
    tile.gather %k[%b, %b] rows %list[%p] into %keys[%p] : !global, !list, !ring
  }
  tile.role "values" warps(1) {
    tile.gather %v[%b, %b] rows %list[%p] into %values[%p] : !global72, !list, !values
  }
  tile.role "queries" warps(1) {
    tile.load_tile %q[%b, %b, %b, %b] limit %p into %queries[%p] : !global, !queries
  }
  tile.role "idle" warps(1) {}
}

// -----

!list = !tile.key_list<slots = 4, keys = 64>
!keys = !tile.ring<3x64x128xbf16>
!values = !tile.ring<3x64x64xbf16>
!global = memref<?x?x?x128xbf16, strided<[?, ?, ?, 1]>>
!global64 = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>

// Two warps share a slot: half-warp g of warp w copies the 16 rows from
// 16 (2 w + g) on, of which 16 indices follow each other in the list.
// CHECK-LABEL: llvm.func @shares(
// CHECK: %[[LANE:.*]] = arith.andi %{{.*}}, %c31_i32
// CHECK: %[[WARP:.*]] = nvvm.shfl.sync  idx
// CHECK: nvvm.barrier
// CHECK: %[[SHARE:.*]] = arith.subi %[[WARP]], %c1_i32
// CHECK-NEXT: %[[IN_WARP:.*]] = arith.shrui %[[LANE]], %c4_i32
// CHECK-NEXT: %[[BEFORE:.*]] = arith.muli %[[SHARE]], %c2_i32
// CHECK-NEXT: %[[GROUP:.*]] = arith.addi %[[IN_WARP]], %[[BEFORE]]
// CHECK: arith.muli %[[GROUP]], %c2048_i32
// CHECK: %[[AT:.*]] = arith.muli %[[GROUP]], %c64_i32
// CHECK-NEXT: %[[INDICES:.*]] = llvm.getelementptr %{{.*}}[%[[AT]]]
// CHECK-NEXT: arith.remui %{{.*}}, %c3_i32
// CHECK: scf.if
// CHECK-NOT: scf.for
// CHECK: %[[L0:.*]] = llvm.load %[[INDICES]] : !llvm.ptr<3> -> vector<4xi32>
// CHECK-COUNT-4: nvvm.cp.async.shared.global
// CHECK: %[[Q1:.*]] = llvm.getelementptr %[[INDICES]][16]
// CHECK-NEXT: llvm.load %[[Q1]] : !llvm.ptr<3> -> vector<4xi32>
// CHECK-COUNT-12: nvvm.cp.async.shared.global
// CHECK-NOT: nvvm.cp.async
// CHECK: } else {
// CHECK-COUNT-16: nvvm.cp.async.shared.global
// CHECK-NOT: nvvm.cp.async

// Rows of 128 bytes take 8 lanes: quarter-warps copy 8 rows each, which are
// every other pair of 16 indices.
// CHECK: %[[IN_WARP:.*]] = arith.shrui %[[LANE]], %c3_i32
// CHECK-NEXT: %[[BEFORE:.*]] = arith.muli %[[SHARE]], %c4_i32
// CHECK-NEXT: %[[GROUP:.*]] = arith.addi %[[IN_WARP]], %[[BEFORE]]
// CHECK: arith.muli %[[GROUP]], %c1024_i32
// CHECK: %[[ODD:.*]] = arith.andi %[[GROUP]], %c1_i32
// CHECK-NEXT: %[[PAIR:.*]] = arith.shli %[[ODD]], %c3_i32
// CHECK-NEXT: %[[BOTH:.*]] = arith.shrui %[[GROUP]], %c1_i32
// CHECK-NEXT: %[[SIXTEEN:.*]] = arith.shli %[[BOTH]], %c6_i32
// CHECK-NEXT: %[[AT:.*]] = arith.addi %[[SIXTEEN]], %[[PAIR]]
// CHECK-NEXT: %[[INDICES:.*]] = llvm.getelementptr %{{.*}}[%[[AT]]]
// CHECK-NEXT: arith.remui %{{.*}}, %c3_i32
// CHECK: scf.if
// CHECK: llvm.load %[[INDICES]] : !llvm.ptr<3> -> vector<2xi32>
// CHECK-COUNT-2: nvvm.cp.async.shared.global
// CHECK: %[[Q1:.*]] = llvm.getelementptr %[[INDICES]][16]
// CHECK-NEXT: llvm.load %[[Q1]] : !llvm.ptr<3> -> vector<2xi32>
// CHECK-COUNT-6: nvvm.cp.async.shared.global
// CHECK-NOT: nvvm.cp.async
// CHECK: } else {
// CHECK-COUNT-8: nvvm.cp.async.shared.global
// CHECK-NOT: nvvm.cp.async
// CHECK: llvm.return
tile.kernel @shares(%k: !global {tile.name = "k", tile.dims = "bhnd"}, %v: !global64 {tile.name = "v", tile.dims = "bhnd"},
                    %b: i32 {tile.name = "b"}, %p: i32 {tile.name = "p"}) attributes {shared_bytes = 78048 : i64} {
  %list = tile.ring fills(1) drains(2) offset(73728) barriers(77888) : !list
  %keys = tile.ring fills(64) drains(4) offset(0) barriers(77952) : !keys
  %values = tile.ring fills(64) drains(4) offset(49152) barriers(78000) : !values
  tile.role "list" warps(1) {}
  tile.role "gather" warps(2) {
    %warp = tile.warp
    tile.gather %k[%b, %b] rows %list[%p] into %keys[%p] share %warp of 2 : !global, !list, !keys
    tile.gather %v[%b, %b] rows %list[%p] into %values[%p] share %warp of 2 : !global64, !list, !values
  }
  tile.role "idle" warps(1) {}
}

// -----

!list = !tile.key_list<slots = 4, keys = 64>
!values = !tile.ring<3x64x64xbf16>
!global64 = memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>

// Of four warps each copies 16 rows of 128 bytes, 8 by each half: half of the
// lanes have nothing to copy.
// CHECK-LABEL: llvm.func @four_shares(
// CHECK: nvvm.barrier
// CHECK: %[[IN_WARP:.*]] = arith.shrui %[[LANE:.*]], %c4_i32
// CHECK-NEXT: %[[BEFORE:.*]] = arith.muli %{{.*}}, %c2_i32
// CHECK-NEXT: %[[GROUP:.*]] = arith.addi %[[IN_WARP]], %[[BEFORE]]
// CHECK-NEXT: %[[CHUNK:.*]] = arith.andi %[[LANE]], %c15_i32
// CHECK-NEXT: %[[ACTIVE:.*]] = arith.cmpi slt, %[[CHUNK]], %c8_i32
// CHECK: arith.muli %[[GROUP]], %c1024_i32
// CHECK: scf.if %[[ACTIVE]]
// CHECK-NEXT: scf.if
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> vector<2xi32>
// CHECK-COUNT-8: nvvm.cp.async.shared.global
// CHECK-NOT: nvvm.cp.async
// CHECK: } else {
// CHECK-COUNT-8: nvvm.cp.async.shared.global
// CHECK-NOT: nvvm.cp.async
// CHECK: llvm.return
tile.kernel @four_shares(%v: !global64 {tile.name = "v", tile.dims = "bhnd"}, %b: i32 {tile.name = "b"}, %p: i32 {tile.name = "p"})
    attributes {shared_bytes = 28848 : i64} {
  %list = tile.ring fills(1) drains(4) offset(24576) barriers(28736) : !list
  %values = tile.ring fills(128) drains(4) offset(0) barriers(28800) : !values
  tile.role "gather" warps(4) {
    %warp = tile.warp
    tile.gather %v[%b, %b] rows %list[%p] into %values[%p] share %warp of 4 : !global64, !list, !values
  }
}

// -----

!keys = !tile.ring<2x64x128xbf16>
!values = !tile.ring<1x64x72xbf16>
!queries = !tile.ring<1x128x128xbf16>

// Products. The left operand starts at this warpgroup's 64 rows.
// CHECK-LABEL: llvm.func @products(
// CHECK: %[[BASE:.*]] = llvm.ptrtoint %{{.*}} : !llvm.ptr<3> to i32
// CHECK: %[[LANE:.*]] = arith.andi %{{.*}}, %c31_i32
// CHECK: nvvm.barrier
// CHECK: %[[ROWS:.*]] = arith.muli %{{.*}}, %c8192_i32
// CHECK: %[[QUERIES:.*]] = arith.addi %[[BASE]], %c49152_i32
// CHECK: arith.addi %[[QUERIES]], %[[ROWS]]
// CHECK: %[[LHS:.*]] = arith.ori %{{.*}}, %c65536_i32
// CHECK: %[[SLOT:.*]] = arith.muli %{{.*}}, %c1024_i32
// CHECK-NEXT: %[[RHS:.*]] = arith.addi %{{.*}}, %[[SLOT]]
// CHECK-NEXT: %[[S:.*]] = frag.wgmma_ss %[[LHS]], %[[RHS]] depth(128) type(bf16) panels(16384, 8192) : vector<32xf32>
// CHECK-NEXT: %[[DONE:.*]] = frag.wgmma_wait %[[S]] outstanding(1)
// CHECK-NEXT: %[[HALF:.*]] = arith.truncf %[[DONE]] : vector<32xf32> to vector<32xbf16>
// CHECK-NEXT: %[[A:.*]] = vector.bitcast %[[HALF]] : vector<32xbf16> to vector<16xi32>
// 8192 bytes between the panels of the values: 512 << 16.
// CHECK: %[[RHS:.*]] = arith.ori %{{.*}}, %c33554432_i32
// CHECK-NEXT: %[[O:.*]] = frag.wgmma_rs %{{.*}}, %[[A]], %[[RHS]] type(bf16) : vector<36xf32>, vector<16xi32>
// CHECK-NEXT: %[[DONE:.*]] = frag.wgmma_wait %[[O]] outstanding(0)

// The store: lanes exchange halves in pairs, so that each has 8 bytes of a row;
// what is left of 72 columns is stored in 4 bytes each.
// CHECK-NEXT: %[[HALF:.*]] = arith.truncf %[[DONE]] : vector<36xf32> to vector<36xbf16>
// CHECK-NEXT: %[[WORDS:.*]] = vector.bitcast %[[HALF]] : vector<36xbf16> to vector<18xi32>
// CHECK-NEXT: %[[E:.*]]:18 = vector.to_elements %[[WORDS]]
// CHECK: %[[LIVE:.*]] = arith.andi %{{.*}} : i1
// CHECK: %[[GIVEN:.*]] = arith.select %[[ODD:.*]], %[[E]]#0, %[[E]]#2
// CHECK-NEXT: %[[TAKEN:.*]] = nvvm.shfl.sync  bfly %c-1_i32, %[[GIVEN]], %c1_i32, %c31_i32
// CHECK-NEXT: %[[LEFT:.*]] = arith.select %[[ODD]], %[[TAKEN]], %[[E]]#0
// CHECK-NEXT: %[[RIGHT:.*]] = arith.select %[[ODD]], %[[E]]#2, %[[TAKEN]]
// CHECK-NEXT: %[[PAIR:.*]] = vector.from_elements %[[LEFT]], %[[RIGHT]]
// CHECK: scf.if %[[LIVE]] {
// CHECK: llvm.store %[[PAIR]], %{{.*}} : vector<2xi32>, !llvm.ptr<1>
// CHECK: llvm.store %[[E]]#16, %{{.*}} : i32, !llvm.ptr<1>
// CHECK: }
tile.kernel @products(%o: memref<?x?x?x72xbf16, strided<[?, ?, ?, 1]>> {tile.name = "o", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 128, heads = 1, group = 1>, shared_bytes = 81984 : i64} {
  %keys = tile.ring fills(32) drains(4) offset(0) barriers(81920) : !keys
  %values = tile.ring fills(32) drains(4) offset(32768) barriers(81952) : !values
  %queries = tile.ring fills(32) drains(4) offset(49152) barriers(81968) : !queries
  tile.role "attend" warps(8) {
    %zero = tile.fill 0.0 : !tile.frag<64x72xf32>
    %s = tile.mma_nt %queries[%p], %keys[%p] : !queries, !keys -> !tile.pending<64x64xf32>
    %s1 = tile.wait %s outstanding(1) : !tile.pending<64x64xf32> -> !tile.frag<64x64xf32>
    %a = tile.truncate %s1 : !tile.frag<64x64xf32> -> !tile.frag<64x64xbf16>
    %r = tile.mma_nn %a, %values[%p], %zero : !tile.frag<64x64xbf16>, !values, !tile.frag<64x72xf32> -> !tile.frag<64x72xf32>
    tile.store_tile %r, %o[%p, %p, %p, %p] limit %p : !tile.frag<64x72xf32>, memref<?x?x?x72xbf16, strided<[?, ?, ?, 1]>>
  }
}
