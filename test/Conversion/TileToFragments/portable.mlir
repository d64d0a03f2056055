// RUN: sparsek-opt %s --convert-tile-to-fragments=chip=sm_80 --canonicalize | FileCheck %s --check-prefixes=CHECK,POLL
// RUN: sparsek-opt %s --convert-tile-to-fragments=chip=sm_120 --canonicalize | FileCheck %s --check-prefixes=CHECK,TRY

// What differs from sm_90a: no fences for the asynchronous proxy, no registers
// moved between the roles, and products of one warp.

!keys = !tile.ring<2x64x128xbf16>
!values = !tile.ring<1x64x72xbf16>
!queries = !tile.ring<1x128x128xbf16>

// CHECK-LABEL: llvm.func @products(
// CHECK: %[[BASE:.*]] = llvm.ptrtoint %{{.*}} : !llvm.ptr<3> to i32
// CHECK: %[[WARP:.*]] = nvvm.shfl.sync  idx
// CHECK-NOT: nvvm.fence
// CHECK: nvvm.barrier
// CHECK-NOT: nvvm.setmaxregister

// POLL: scf.while
// POLL: %[[DONE:.*]] = nvvm.mbarrier.test.wait %[[BARRIER:.*]], %[[PARITY:.*]] : !llvm.ptr<3>, i32 -> i1
// POLL: %[[MORE:.*]] = arith.xori %[[DONE]], %true
// POLL: scf.condition(%[[MORE]])
// POLL: nvvm.nanosleep %c32_i32
// TRY: nvvm.mbarrier.try_wait.parity
// CHECK-NOT: nvvm.fence

// The warp's 16 rows of the queries.
// CHECK: %[[QUERIES:.*]] = arith.addi %[[BASE]], %c49152_i32
// CHECK: %[[ROWS:.*]] = arith.muli %{{.*}}, %c128_i32
// CHECK: %[[LHS:.*]] = arith.addi %[[QUERIES]], %[[ROWS]]
// CHECK: %[[BYTES:.*]] = arith.muli %{{.*}}, %c16384_i32
// CHECK: %[[RHS:.*]] = arith.addi %[[BASE]], %[[BYTES]]
// CHECK: %[[S:.*]] = frag.mma_ss %[[LHS]], %[[RHS]] depth(128) type(bf16) panels(16384, 8192) tiles(1) : vector<32xf32>
// CHECK: %[[A:.*]] = vector.bitcast %{{.*}} : vector<32xbf16> to vector<16xi32>
// CHECK: %[[VALUES:.*]] = arith.addi %[[BASE]], %c32768_i32
// CHECK: frag.mma_rs %{{.*}}, %[[A]], %[[VALUES]] type(bf16) panel(8192) tiles(1) : vector<36xf32>, vector<16xi32>
tile.kernel @products(%o: memref<?x?x?x72xbf16, strided<[?, ?, ?, 1]>> {tile.name = "o", tile.dims = "bhmd"}, %p: i32 {tile.name = "p"})
    attributes {row_map = #tile.row_map<positions = 128, heads = 1, group = 1>, shared_bytes = 81984 : i64} {
  %keys = tile.ring fills(32) drains(4) offset(0) barriers(81920) : !keys
  %values = tile.ring fills(32) drains(4) offset(32768) barriers(81952) : !values
  %queries = tile.ring fills(32) drains(4) offset(49152) barriers(81968) : !queries
  tile.role "attend" warps(8) registers(168) {
    tile.acquire %keys[%p] : !keys
    %zero = tile.fill 0.0 : !tile.frag<64x72xf32>
    %s = tile.mma_nt %queries[%p], %keys[%p] : !queries, !keys -> !tile.frag<64x64xf32>
    %a = tile.truncate %s : !tile.frag<64x64xf32> -> !tile.frag<64x64xbf16>
    %r = tile.mma_nn %a, %values[%p], %zero : !tile.frag<64x64xbf16>, !values, !tile.frag<64x72xf32> -> !tile.frag<64x72xf32>
    tile.store_tile %r, %o[%p, %p, %p, %p] limit %p : !tile.frag<64x72xf32>, memref<?x?x?x72xbf16, strided<[?, ?, ?, 1]>>
  }
}

// Fragments of 128 rows: warp w of the warpgroup has the rows from 16w on of each
// 64, and a thread four of them.
// CHECK-LABEL: llvm.func @two_tiles(
// CHECK: %[[GROUP:.*]] = arith.shrui %{{.*}}, %c2_i32
// CHECK: %[[ROWS:.*]] = arith.muli %[[GROUP]], %c128_i32
// CHECK: %[[IN_GROUP:.*]] = arith.andi %{{.*}}, %c3_i32
// CHECK: %[[SIXTEEN:.*]] = arith.shli %[[IN_GROUP]], %c4_i32
// CHECK: %[[FIRST:.*]] = arith.addi %[[ROWS]], %[[SIXTEEN]]
// CHECK: frag.mma_ss {{.*}} depth(128) type(bf16) panels(16384, 8192) tiles(2) : vector<64xf32>
// CHECK: arith.addi %[[ROW:.*]], %c8_i32
// CHECK: arith.addi %[[ROW]], %c64_i32
// CHECK: arith.addi %[[ROW]], %c72_i32
// CHECK: vector.from_elements {{.*}} : vector<4xf32>
// The maxima of each tile's rows.
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [0, 1, 2, {{.*}}, 31] : vector<64xf32>, vector<64xf32>
// CHECK: vector.shuffle %{{.*}}, %{{.*}} [32, 33, 34, {{.*}}, 63] : vector<64xf32>, vector<64xf32>
// CHECK: frag.mma_rs {{.*}} type(bf16) panel(8192) tiles(2) : vector<72xf32>, vector<32xi32>
tile.kernel @two_tiles(%o: memref<?x?x?x72xbf16, strided<[?, ?, ?, 1]>> {tile.name = "o", tile.dims = "bhmd"},
                       %lse: memref<?x?x?xf32, strided<[?, ?, 1]>> {tile.name = "lse", tile.dims = "bhm"},
                       %p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"})
    attributes {row_map = #tile.row_map<positions = 128, heads = 1, group = 1>, shared_bytes = 87264 : i64} {
  %keys = tile.ring fills(32) drains(4) offset(0) barriers(81920) : !keys
  %values = tile.ring fills(32) drains(4) offset(32768) barriers(81952) : !values
  %queries = tile.ring fills(32) drains(4) offset(49152) barriers(81968) : !queries
  tile.role "attend" warps(4) {
    %zero = tile.fill 0.0 : !tile.frag<128x72xf32>
    %none = tile.fill 0.0 : !tile.rows<128xf32>
    %s = tile.mma_nt %queries[%p], %keys[%p] : !queries, !keys -> !tile.frag<128x64xf32>
    %t = tile.positions %p plus %p : !tile.rows<128xi32>
    %m = tile.load_rows %lse[%p, %p] at %t limit %p : memref<?x?x?xf32, strided<[?, ?, 1]>>, !tile.rows<128xi32> -> !tile.rows<128xf32>
    %m1, %h1, %l1, %d1 = tile.raise_maximum %s, %m, %none, %none scale %scale : !tile.frag<128x64xf32>, !tile.rows<128xf32>
    %w, %l2 = tile.exponentials %s, %h1, %l1 scale %scale : !tile.frag<128x64xf32>, !tile.rows<128xf32>
    %a = tile.truncate %w : !tile.frag<128x64xf32> -> !tile.frag<128x64xbf16>
    %r = tile.mma_nn %a, %values[%p], %zero : !tile.frag<128x64xbf16>, !values, !tile.frag<128x72xf32> -> !tile.frag<128x72xf32>
    tile.store_tile %r, %o[%p, %p, %p, %p] limit %p : !tile.frag<128x72xf32>, memref<?x?x?x72xbf16, strided<[?, ?, ?, 1]>>
    tile.store_rows %l2, %lse[%p, %p, %p, %p] limit %p : !tile.rows<128xf32>, memref<?x?x?xf32, strided<[?, ?, 1]>>
  }
}
