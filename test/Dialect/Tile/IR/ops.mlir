// RUN: sparsek-opt %s | sparsek-opt | FileCheck %s
// RUN: sparsek-opt %s --mlir-print-op-generic | sparsek-opt | FileCheck %s
// RUN: sparsek-opt %s --emit-bytecode | sparsek-opt | FileCheck %s

#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = always>
!q = memref<?x?x?x128xbf16, strided<[?, ?, ?, 1]>>
!f = memref<?x?x?xf32, strided<[?, ?, 1]>>
!i = memref<?x?x?xi32, strided<[?, ?, 1]>>
!v = memref<?xi32>
!list = !tile.key_list<slots = 4, keys = 128>
!ring = !tile.ring<2x128x128xbf16>
!keys = !tile.ring<3x128x128xbf16>
!values = !tile.ring<2x128x64xbf16>
!rf = !tile.rows<64xf32>
!ri = !tile.rows<64xi32>
!frag = !tile.frag<64x128xf32>
!half = !tile.frag<64x128xbf16>
!pending = !tile.pending<64x128xf32>

// Arguments print with their names.
// CHECK-LABEL: tile.kernel @attention(
// CHECK-SAME: %q: memref<?x?x?x128xbf16, strided<[?, ?, ?, 1]>> {tile.dims = "bhmd", tile.name = "q"}, %k: {{[^%]*}}, %u: {{[^%]*}}, %expiry: {{[^%]*}},
// CHECK-SAME: %table: {{[^%]*}}, %sink: {{[^%]*}}, %n: i32 {{[^%]*}}, %row: i64 {{[^%]*}}, %scale_log2: f32 {tile.name = "scale_log2"})
// CHECK-SAME: row_map = #tile.row_map<positions = 32, heads = 4, group = 4>
// CHECK-SAME: schedule = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = always>
tile.kernel @attention(%q: !q {tile.name = "q", tile.dims = "bhmd"}, %keys: !q {tile.name = "k", tile.dims = "bhnd"}, %u: !f {tile.name = "u", tile.dims = "bhn"},
                       %e: !i {tile.name = "expiry", tile.dims = "bhn"}, %table: !v {tile.name = "table"},
                       %sink: memref<?xf32> {tile.name = "sink"}, %n: i32 {tile.name = "n"}, %l: i64 {tile.name = "row"},
                       %scale: f32 {tile.name = "scale_log2"})
    attributes {schedule = #s, row_map = #tile.row_map<positions = 32, heads = 4, group = 4>} {
  // So do rings, with the name of the argument that is copied into them.
  // CHECK-NEXT: %list_ring = tile.ring fills(1) drains(10) : !tile.key_list<slots = 4, keys = 128>
  %list = tile.ring fills(1) drains(10) : !list
  // CHECK-NEXT: %k_ring = tile.ring fills(66) drains(8) offset(0) barriers(65536) : !tile.ring<3x128x128xbf16>
  %k = tile.ring fills(66) drains(8) offset(0) barriers(65536) : !keys
  // CHECK-NEXT: %q_ring = tile.ring fills(32) drains(8) : !tile.ring<2x128x128xbf16>
  %qs = tile.ring fills(32) drains(8) : !ring
  // CHECK-NEXT: %[[V:.*]] = tile.ring fills(64) drains(8) : !tile.ring<2x128x64xbf16>
  %v = tile.ring fills(64) drains(8) : !values
  // CHECK-NEXT: %{{.*}} = tile.ring fills(32) drains(8) : !tile.ring<16x8x8xf16>
  %unused = tile.ring fills(32) drains(8) : !tile.ring<16x8x8xf16>
  // CHECK-NEXT: %id, %count = tile.block
  %id, %count = tile.block
  // CHECK-NEXT: %[[ROUNDS:.*]] = tile.rounds of %n
  %rounds = tile.rounds of %n
  // CHECK-NEXT: %batch, %head, %head_block, %row_1 = tile.item %[[ROUNDS]] of %n x %n x %count together(%id)
  %b, %h, %hb, %r = tile.item %rounds of %n x %n x %count together(%id)

  // CHECK: tile.role "list" warps(1) registers(56) {
  tile.role "list" warps(1) registers(56) {
    // CHECK-NEXT: tile.list_keys %list_ring[%n] positions(%n to %n) window(%n) chunk(%n) from %expiry, %u, %u[%batch, %head] and %table[%row, %n] scratch(1024)
    %0 = tile.list_keys %list[%n] positions(%n to %n) window(%n) chunk(%n) from %e, %u, %u[%b, %h] and %table[%l, %n]
        scratch(1024) : !list, !i, !f, !f, !v
    // CHECK-NEXT: tile.list_keys %list_ring[%n] positions(%n to %n) window(%n) chunk(%n) from %expiry, %u, %u[%batch, %head] and %table[%row, %n] documents(%table) gated :
    %1 = tile.list_keys %list[%n] positions(%n to %n) window(%n) chunk(%n) from %e, %u, %u[%b, %h] and %table[%l, %n]
        documents(%table) gated : !list, !i, !f, !f, !v, !v
  }
  // CHECK: tile.role "gather" warps(2) registers(56) {
  tile.role "gather" warps(2) registers(56) {
    // CHECK-NEXT: %[[WARP:.*]] = tile.warp
    %warp = tile.warp
    // CHECK-NEXT: tile.acquire %list_ring[%n] : !tile.key_list<slots = 4, keys = 128>
    tile.acquire %list[%n] : !list
    // CHECK-NEXT: tile.reserve %k_ring[%n] : !tile.ring<3x128x128xbf16>
    tile.reserve %k[%n] : !keys
    // CHECK-NEXT: tile.gather %k[%batch, %head] rows %list_ring[%n] into %k_ring[%n] share %[[WARP]] of 2 : memref<{{.*}}>, <slots = 4, keys = 128>, <3x128x128xbf16>
    tile.gather %keys[%b, %h] rows %list[%n] into %k[%n] share %warp of 2 : !q, !list, !keys
    // CHECK-NEXT: tile.commit %k_ring[%n] with %list_ring[%id] : !tile.ring<3x128x128xbf16>, !tile.key_list<slots = 4, keys = 128>
    tile.commit %k[%n] with %list[%id] : !keys, !list
  }
  // CHECK: tile.role "queries" warps(1) registers(56) {
  tile.role "queries" warps(1) registers(56) {
    // CHECK-NEXT: tile.gather %k[%batch, %head] rows %list_ring[%n] into %k_ring[%n] : memref<{{.*}}>, <slots = 4, keys = 128>, <3x128x128xbf16>
    tile.gather %keys[%b, %h] rows %list[%n] into %k[%n] : !q, !list, !keys
    // CHECK-NEXT: tile.load_tile %q[%batch, %head, %head_block, %row_1] limit %n into %q_ring[%n] : memref<{{.*}}>, <2x128x128xbf16>
    tile.load_tile %q[%b, %h, %hb, %r] limit %n into %qs[%n] : !q, !ring
    // CHECK-NEXT: tile.commit %q_ring[%n] : !tile.ring<2x128x128xbf16>
    tile.commit %qs[%n] : !ring
  }
  // CHECK: tile.role "attend" warps(8) registers(224) {
  tile.role "attend" warps(8) registers(224) {
    // CHECK-NEXT: tile.turn<start>
    tile.turn<start>
    // CHECK-NEXT: %[[NUMBER:.*]] = tile.warpgroup
    %number = tile.warpgroup
    // CHECK-NEXT: tile.skip %k_ring with %list_ring and %[[V]] from %n to %[[NUMBER]] : <3x128x128xbf16>, <slots = 4, keys = 128>, <2x128x64xbf16>
    tile.skip %k with %list and %v from %n to %number : !keys, !list, !values
    // CHECK-NEXT: %[[T:.*]] = tile.positions %row_1 plus %n : <64xi32>
    %t = tile.positions %r plus %n : !ri
    // CHECK-NEXT: %[[TAU:.*]] = tile.load_rows %u[%batch, %head] at %[[T]] limit %n : memref<{{.*}}>, <64xi32> -> <64xf32>
    %tau = tile.load_rows %u[%b, %h] at %t limit %n : !f, !ri -> !rf
    // CHECK-NEXT: %[[ZERO:.*]] = tile.fill 0.000000e+00 : !tile.rows<64xf32>
    %zero = tile.fill 0.0 : !rf
    // CHECK-NEXT: tile.acquire %list_ring[%n] : !tile.key_list<slots = 4, keys = 128>
    tile.acquire %list[%n] : !list
    // CHECK-NEXT: tile.acquire %k_ring[%n] with %list_ring[%id] : !tile.ring<3x128x128xbf16>, !tile.key_list<slots = 4, keys = 128>
    tile.acquire %k[%n] with %list[%id] : !keys, !list
    // CHECK-NEXT: tile.flag<masked> of %list_ring[%n] : <slots = 4, keys = 128>
    %masked = tile.flag<masked> of %list[%n] : !list
    // CHECK-NEXT: tile.turn<take>
    tile.turn<take>
    // CHECK-NEXT: %[[P:.*]] = tile.mma_nt %q_ring[%n], %k_ring[%n] : <2x128x128xbf16>, <3x128x128xbf16> -> !tile.pending<64x128xf32>
    %p = tile.mma_nt %qs[%n], %k[%n] : !ring, !keys -> !pending
    // CHECK-NEXT: tile.turn<pass>
    tile.turn<pass>
    // CHECK-NEXT: %[[S:.*]] = tile.wait %[[P]] outstanding(1) : <64x128xf32> -> <64x128xf32>
    %s = tile.wait %p outstanding(1) : !pending -> !frag
    // CHECK-NEXT: %[[G:.*]] = tile.gate %[[S]], %list_ring[%n], %[[TAU]] : <64x128xf32>, <slots = 4, keys = 128>, <64xf32>
    %g = tile.gate %s, %list[%n], %tau : !frag, !list, !rf
    // CHECK-NEXT: %[[X:.*]] = tile.mask %[[G]], %list_ring[%n], %[[T]] : <64x128xf32>, <slots = 4, keys = 128>, <64xi32>
    %x = tile.mask %g, %list[%n], %t : !frag, !list, !ri
    // CHECK-NEXT: tile.release %list_ring[%n] : !tile.key_list<slots = 4, keys = 128>
    tile.release %list[%n] : !list
    // CHECK-NEXT: %new_maximum, %new_shift, %new_sum, %decay = tile.raise_maximum %[[X]], %[[ZERO]], %[[TAU]], %[[ZERO]] scale %scale_log2 : <64x128xf32>, <64xf32>
    %m0, %h0, %l0, %d0 = tile.raise_maximum %x, %zero, %tau, %zero scale %scale : !frag, !rf
    // CHECK-NEXT: %[[M1:.*]], %[[H1:.*]], %[[L1:.*]], %[[DECAY:.*]] = tile.raise_maximum %[[X]], %new_maximum, %new_shift, %new_sum scale %scale_log2 : <64x128xf32>, <64xf32>
    %m1, %h2, %l1, %d1 = tile.raise_maximum %x, %m0, %h0, %l0 scale %scale : !frag, !rf
    // CHECK-NEXT: %[[D:.*]] = tile.scale_rows %[[X]], %[[DECAY]] : <64x128xf32>, <64xf32>
    %d = tile.scale_rows %x, %d1 : !frag, !rf
    // CHECK-NEXT: %weights, %[[L2:.*]] = tile.exponentials %[[X]], %[[H1]], %[[L1]] scale %scale_log2 : <64x128xf32>, <64xf32>
    %w, %l2 = tile.exponentials %x, %h2, %l1 scale %scale : !frag, !rf
    // CHECK-NEXT: %[[R:.*]] = tile.scale_rows %[[X]], %[[TAU]] : <64x128xf32>, <64xf32>
    %r1 = tile.scale_rows %x, %tau : !frag, !rf
    // CHECK-NEXT: %[[H:.*]] = tile.truncate %weights : <64x128xf32> -> <64x128xbf16>
    %a = tile.truncate %w : !frag -> !half
    // CHECK-NEXT: %[[O:.*]] = tile.mma_nn %[[H]], %k_ring[%n], %[[D]] : <64x128xbf16>, <3x128x128xbf16>, <64x128xf32> -> !tile.frag<64x128xf32>
    %o = tile.mma_nn %a, %k[%n], %d : !half, !keys, !frag -> !frag
    // CHECK-NEXT: %factor, %lse = tile.normalise %[[M1]], %[[L2]] scale %scale_log2 : <64xf32>
    %factor, %lse = tile.normalise %m1, %l2 scale %scale : !rf
    // CHECK-NEXT: tile.normalise %[[M1]], %[[L2]] scale %scale_log2 sink %sink[%head, %head_block] : <64xf32>, memref<?xf32>
    %factor1, %lse1 = tile.normalise %m1, %l2 scale %scale sink %sink[%h, %hb] : !rf, memref<?xf32>
    // CHECK-NEXT: tile.store_tile %[[O]], %q[%batch, %head, %head_block, %row_1] limit %n : <64x128xf32>, memref<{{.*}}>
    tile.store_tile %o, %q[%b, %h, %hb, %r] limit %n : !frag, !q
    // CHECK-NEXT: tile.store_rows %lse, %u[%batch, %head, %head_block, %row_1] limit %n : <64xf32>, memref<{{.*}}>
    tile.store_rows %lse, %u[%b, %h, %hb, %r] limit %n : !rf, !f
  }
}

// Rows of one position each: the edges of the window can come first, and
// consumers skip them.
// CHECK-LABEL: tile.kernel @edges(
// CHECK-SAME: schedule = #tile.schedule<rows = 128, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = never, skip_edges = true>
tile.kernel @edges(%u: !f {tile.name = "u", tile.dims = "bhn"}, %e: !i {tile.name = "expiry", tile.dims = "bhn"}, %table: !v {tile.name = "table"},
                   %n: i32 {tile.name = "n"}, %l: i64 {tile.name = "l"})
    attributes {row_map = #tile.row_map<positions = 128, heads = 1, group = 1>, schedule = #tile.schedule<rows = 128, keys = 64, list_slots = 4,
      key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true,
      persistent = true, masks = needed, gates = never, skip_edges = true>} {
  %first = arith.constant true
  %list = tile.ring fills(1) drains(10) : !tile.key_list<slots = 4, keys = 64>
  tile.role "list" warps(4) {
    // CHECK: tile.list_keys %{{.*}} and %table[%l, %n] edges(%true) : <slots = 4, keys = 64>
    %0 = tile.list_keys %list[%n] positions(%n to %n) window(%n) chunk(%n) from %e, %u, %u[%n, %n] and %table[%l, %n] edges(%first)
        : !tile.key_list<slots = 4, keys = 64>, !i, !f, !f, !v
  }
}

// CHECK-LABEL: tile.kernel @tables(
// CHECK-SAME: attributes {shared_bytes = 256 : i64, threads = 256 : i64}
tile.kernel @tables(%e: !i {tile.name = "expiry", tile.dims = "bhn"}, %v: !v {tile.name = "v"}, %n: i32 {tile.name = "n"},
                    %l: i64 {tile.name = "l"}) attributes {threads = 256, shared_bytes = 256} {
  // CHECK-NEXT: tile.thread
  %thread = tile.thread
  // CHECK-NEXT: %start, %end = tile.document %n in %v[%n] : memref<?xi32>
  %start, %end = tile.document %n in %v[%n] : !v
  // CHECK-NEXT: tile.collect_survivors %expiry[%n, %n] at %n window(%n) into %v[%l, %n] : memref<?x?x?xi32, strided<[?, ?, 1]>>, memref<?xi32>
  %count = tile.collect_survivors %e[%n, %n] at %n window(%n) into %v[%l, %n] : !i, !v
}

// Threads with numbers of their own.
// CHECK-LABEL: tile.kernel @threads(
tile.kernel @threads(%n: i32 {tile.name = "n"}) attributes {threads = 64 : i64} {
  // CHECK-NEXT: %[[COUNTS:.*]] = tile.array : memref<8xi32>
  %counts = tile.array : memref<8xi32>
  // CHECK-NEXT: tile.array offset(32) : memref<16xi64>
  %sums = tile.array offset(32) : memref<16xi64>
  // CHECK-NEXT: tile.array : memref<1xf32>
  %one = tile.array : memref<1xf32>
  // CHECK-NEXT: %[[LANE:.*]] = tile.lane
  %lane = tile.lane
  // CHECK-NEXT: %[[WARP:.*]] = tile.warp
  %warp = tile.warp
  %at = arith.index_castui %warp : i32 to index
  // CHECK: memref.store %[[LANE]], %[[COUNTS]]
  memref.store %lane, %counts[%at] : memref<8xi32>
  // CHECK-NEXT: tile.barrier
  tile.barrier
  // CHECK-NEXT: memref.atomic_rmw addi %[[LANE]], %[[COUNTS]]
  %old = memref.atomic_rmw addi %lane, %counts[%at] : (i32, memref<8xi32>) -> i32
  // CHECK-NEXT: tile.warp_barrier
  tile.warp_barrier
  %first = arith.cmpi eq, %lane, %n : i32
  // CHECK: %[[BITS:.*]] = tile.ballot %{{.*}}
  %bits = tile.ballot %first
  // CHECK-NEXT: %[[WORD:.*]] = tile.broadcast %[[BITS]] from %[[WARP]] : i32
  %word = tile.broadcast %bits from %warp : i32
  %wide = arith.extui %word : i32 to i64
  // CHECK: tile.broadcast %[[WIDE:.*]] from %n : i64
  %other = tile.broadcast %wide from %n : i64
  // CHECK-NEXT: tile.warp_scan %[[WORD]] : i32
  %scan = tile.warp_scan %word : i32
  // CHECK-NEXT: tile.warp_scan %[[WIDE]] : i64
  %wide_scan = tile.warp_scan %wide : i64
  // CHECK-NEXT: tile.warp_sum %[[WORD]] : i32
  %sum = tile.warp_sum %word : i32
  // CHECK-NEXT: tile.warp_sum %[[WIDE]] : i64
  %wide_sum = tile.warp_sum %wide : i64
  %f = arith.uitofp %word : i32 to f32
  // CHECK: tile.broadcast %[[F:.*]] from %n : f32
  %g = tile.broadcast %f from %n : f32
  // CHECK-NEXT: tile.warp_sum %[[F]] : f32
  %f_sum = tile.warp_sum %f : f32
  %d = arith.extf %f : f32 to f64
  // CHECK: tile.warp_sum %{{.*}} : f64
  %d_sum = tile.warp_sum %d : f64
}

// CHECK-LABEL: tile.kernel @panels(
// CHECK-SAME: %slope: f64 {tile.name = "slope"}
tile.kernel @panels(%x: memref<?x?x72xbf16, strided<[?, ?, 1]>> {tile.name = "x", tile.dims = "bnc"}, %n: i32 {tile.name = "n"},
                    %slope: f64 {tile.name = "slope"}) attributes {threads = 32} {
  // CHECK-NEXT: %{{.*}} = tile.array : memref<288xvector<4xi32>>
  %w = tile.array : memref<288xvector<4xi32>>
  // CHECK-NEXT: tile.array : memref<8xf64>
  %f64 = tile.array : memref<8xf64>
  %none = arith.constant dense<0.0> : vector<4xf32>
  // CHECK: %[[P:.*]] = tile.load_panel %x[%n, %n, %n] limit %n masked : memref<?x?x72xbf16, strided<[?, ?, 1]>> -> vector<24xi32>
  %p = tile.load_panel %x[%n, %n, %n] limit %n masked : memref<?x?x72xbf16, strided<[?, ?, 1]>> -> vector<24xi32>
  // CHECK-NEXT: %[[S:.*]] = tile.mma_panel %[[P]], %{{.*}}[%n], %{{.*}} bf16 parts(3) : vector<24xi32>, memref<288xvector<4xi32>>, vector<4xf32>
  %s = tile.mma_panel %p, %w[%n], %none bf16 parts(3) : vector<24xi32>, memref<288xvector<4xi32>>, vector<4xf32>
  // CHECK-NEXT: tile.mma_panel %[[P]], %{{.*}}[%n], %[[S]] bf16 : vector<24xi32>
  %t = tile.mma_panel %p, %w[%n], %s bf16 : vector<24xi32>, memref<288xvector<4xi32>>, vector<4xf32>
  // CHECK-NEXT: tile.warp_scan %slope : f64
  %u = tile.warp_scan %slope : f64
}
