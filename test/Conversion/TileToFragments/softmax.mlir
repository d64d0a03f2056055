// RUN: sparsek-opt %s --convert-tile-to-fragments --canonicalize | FileCheck %s

!list = !tile.key_list<slots = 4, keys = 64>
!frag = !tile.frag<64x64xf32>
!rows = !tile.rows<64xf32>
!out = memref<?x?x?x64xf16, strided<[?, ?, ?, 1]>>
!vector = memref<?x?x?xf32, strided<[?, ?, 1]>>

// CHECK-LABEL: llvm.func @softmax(
// CHECK-SAME: %[[O:[^:]*]]: !llvm.ptr<1>, %[[LSE:[^:]*]]: !llvm.ptr<1>, %[[TAU:[^:]*]]: !llvm.ptr<1>, %[[SINK:[^:]*]]: !llvm.ptr<1>
// CHECK-SAME: %[[SCALE:[^:]*]]: f32)
// CHECK-DAG: %[[INF:.*]] = arith.constant 0xFF800000 : f32
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32

// Positions: rows r and r + 8 of the thread, three heads each.
// CHECK: %[[ROW:.*]] = arith.addi %{{.*}}, %{{.*}}
// CHECK: arith.divui %[[R:.*]], %c3_i32
// CHECK: %[[R8:.*]] = arith.addi %[[R]], %c8_i32
// CHECK-NEXT: arith.divui %[[R8]], %c3_i32
// CHECK: %[[T:.*]] = vector.from_elements %[[T0:.*]], %[[T1:.*]] : vector<2xi32>

// Thresholds, 0 where the position is not below the limit.
// CHECK: %[[INSIDE:.*]] = arith.cmpi slt, %[[T0]],
// CHECK-NEXT: arith.select %[[INSIDE]], %[[T0]], %c0_i32
// CHECK: %[[LOADED:.*]] = llvm.load %{{.*}} : !llvm.ptr<1> -> f32
// CHECK-NEXT: %[[TAU0:.*]] = arith.select %[[INSIDE]], %[[LOADED]], %[[ZERO]]

// Gates: the scores, 768 bytes into the slot, minus the threshold, saturated,
// which takes NaN to 0; loaded anew for every use.
// CHECK: llvm.getelementptr %{{.*}}[768]
// CHECK: %[[MINUS0:.*]] = arith.negf %[[TAU0]]
// CHECK: llvm.load volatile {{.*}} : !llvm.ptr<3> -> vector<4xf32>
// CHECK: llvm.call_intrinsic "llvm.nvvm.add.rn.ftz.sat.f"(%{{.*}}, %[[MINUS0]])

// Masks: (t - birth) <u length.
// CHECK: llvm.getelementptr %{{.*}}[256]
// CHECK: llvm.load {{.*}} : !llvm.ptr<3> -> vector<4xi32>
// CHECK: %[[POSITIONS:.*]] = vector.shuffle %[[T]], %[[T]] [0, 0, 1, 1,
// CHECK: %[[AGE:.*]] = arith.subi %[[POSITIONS]],
// CHECK: %[[SEEN:.*]] = arith.cmpi ult, %[[AGE]], %{{.*}} : vector<32xi32>
// CHECK: %[[MASKED:.*]] = arith.select %[[SEEN]],

// The online softmax. The largest logit of this thread; the old maximum (-inf)
// stays while no weight of the warp would exceed 2^8.
// CHECK: %[[LARGEST:.*]] = arith.maxnumf %{{.*}}, %{{.*}} : vector<2xf32>
// CHECK-NEXT: %[[RISE:.*]] = arith.subf %[[LARGEST]], %[[OLD:.*]] : vector<2xf32>
// CHECK-NEXT: %[[SCALED:.*]] = arith.mulf %[[RISE]], %[[SCALES:.*]] : vector<2xf32>
// CHECK-NEXT: %[[RISES:.*]] = arith.cmpf ogt, %[[SCALED]], %{{.*}} : vector<2xf32>
// CHECK-NEXT: %[[EACH:.*]]:2 = vector.to_elements %[[RISES]]
// CHECK-NEXT: %[[EITHER:.*]] = arith.ori %[[EACH]]#0, %[[EACH]]#1
// CHECK-NEXT: %[[VOTES:.*]] = nvvm.vote.sync  ballot %c-1_i32, %[[EITHER]]
// CHECK-NEXT: %[[ANY:.*]] = arith.cmpi ne, %[[VOTES]], %c0_i32
// CHECK-NEXT: %[[RAISED:.*]]:3 = scf.if %[[ANY]] -> (vector<2xf32>, vector<2xf32>, vector<2xf32>) {
// Only then the maximum over four threads.
// CHECK: nvvm.shfl.sync  bfly %c-1_i32, %{{.*}}, %c1_i32, %c31_i32 : f32 -> f32
// CHECK: arith.maxnumf
// CHECK: nvvm.shfl.sync  bfly %c-1_i32, %{{.*}}, %c2_i32, %c31_i32 : f32 -> f32
// CHECK: %[[WHOLE:.*]] = arith.maxnumf
// CHECK-NEXT: %[[RISE:.*]] = arith.subf %[[WHOLE]], %[[OLD]]
// CHECK-NEXT: %[[SCALED:.*]] = arith.mulf %[[RISE]], %[[SCALES]]
// CHECK-NEXT: %[[RISES:.*]] = arith.cmpf ogt, %[[SCALED]], %{{.*}} : vector<2xf32>
// CHECK-NEXT: %[[MAXIMUM:.*]] = arith.select %[[RISES]], %[[WHOLE]], %[[OLD]]
// A row that sees nothing yet: 0 in place of -inf.
// CHECK-NEXT: %[[NOTHING:.*]] = arith.cmpf oeq, %[[MAXIMUM]],
// CHECK-NEXT: %[[FINITE:.*]] = arith.select %[[NOTHING]], %{{.*}}, %[[MAXIMUM]]
// CHECK-NEXT: %[[SCALED:.*]] = arith.mulf %[[FINITE]], %[[SCALES]]
// CHECK-NEXT: %[[SHIFT:.*]] = arith.negf %[[SCALED]]
// CHECK: scf.yield %[[MAXIMUM]], %[[SHIFT]], %{{.*}}
// CHECK-NEXT: } else {
// CHECK-NEXT: scf.yield %[[OLD]],
// CHECK-NEXT: }
// CHECK-NOT: nvvm.shfl
// 2^(scale x + shift), and what this thread has of their sum.
// CHECK: %[[SHIFTS:.*]] = vector.shuffle %[[RAISED]]#1, %[[RAISED]]#1 [0, 0, 1, 1,
// CHECK: %[[EXPONENTS:.*]] = math.fma %[[MASKED]], %{{.*}}, %[[SHIFTS]] : vector<32xf32>
// CHECK-NEXT: %[[WEIGHTS:.*]] = math.exp2 %[[EXPONENTS]] fastmath<afn> : vector<32xf32>
// CHECK: %[[SUMS:.*]] = arith.addf %{{.*}}, %{{.*}} : vector<2xf32>
// CHECK-NEXT: arith.addf %[[RAISED]]#2, %[[SUMS]] : vector<2xf32>

// Normalising: the sum over four threads, the sink of the row's head, and a row
// without a key.
// CHECK: nvvm.shfl.sync  bfly %c-1_i32, %{{.*}}, %c1_i32, %c31_i32 : f32 -> f32
// CHECK: nvvm.shfl.sync  bfly %c-1_i32, %{{.*}}, %c2_i32, %c31_i32 : f32 -> f32
// CHECK: arith.remui %{{.*}}, %c3_i32
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[SINK]][
// CHECK-NEXT: %[[LOGIT:.*]] = llvm.load %[[AT]] : !llvm.ptr<1> -> f32
// CHECK: math.fma %[[LOGIT]],
// CHECK-NEXT: %[[TERM:.*]] = math.exp2
// CHECK-NEXT: %[[DENOMINATOR:.*]] = arith.addf %{{.*}}, %[[TERM]]
// CHECK-NEXT: %[[EMPTY:.*]] = arith.cmpf oeq, %{{.*}}, %[[INF]]
// CHECK-NEXT: %[[INVERSE:.*]] = llvm.call_intrinsic "llvm.nvvm.rcp.approx.ftz.f"(%[[DENOMINATOR]])
// CHECK-NEXT: llvm.call_intrinsic "llvm.nvvm.lg2.approx.ftz.f"(%[[DENOMINATOR]])
// CHECK: arith.select %[[EMPTY]], %[[ZERO]], %[[INVERSE]]
// CHECK-NEXT: arith.select %[[EMPTY]], %[[INF]],

// Rounding and the stores.
// CHECK: arith.mulf %[[WEIGHTS]], %{{.*}} : vector<32xf32>
// CHECK-NEXT: arith.truncf %{{.*}} : vector<32xf32> to vector<32xf16>
// CHECK: llvm.store %{{.*}}, %{{.*}} : vector<2xi32>, !llvm.ptr<1>
// One thread of four stores the logarithm of a row.
// CHECK: arith.cmpi eq, %{{.*}}, %c0_i32
// CHECK: llvm.getelementptr %[[LSE]][
// CHECK: llvm.store %{{.*}}, %{{.*}} : f32, !llvm.ptr<1>
tile.kernel @softmax(%o: !out {tile.name = "o", tile.dims = "bhmd"}, %lse: !vector {tile.name = "lse", tile.dims = "bhm"},
                     %tau: !vector {tile.name = "tau", tile.dims = "bhn"}, %sink: memref<?xf32> {tile.name = "sink"},
                     %p: i32 {tile.name = "p"}, %n: i32 {tile.name = "n"}, %scale: f32 {tile.name = "scale"})
    attributes {row_map = #tile.row_map<positions = 21, heads = 3, group = 3>, shared_bytes = 4224 : i64} {
  %list = tile.ring fills(1) drains(4) offset(0) barriers(4160) : !list
  tile.role "attend" warps(4) {
    %t = tile.positions %p plus %n : !tile.rows<64xi32>
    %threshold = tile.load_rows %tau[%p, %p] at %t limit %n : !vector, !tile.rows<64xi32> -> !rows
    %m = tile.fill 0xFF800000 : !rows
    %l = tile.fill 0.0 : !rows
    %s = tile.fill 1.0 : !frag
    %gated = tile.gate %s, %list[%p], %threshold : !frag, !list, !rows
    %masked = tile.mask %gated, %list[%p], %t : !frag, !list, !tile.rows<64xi32>
    %m1, %h1, %l1, %d1 = tile.raise_maximum %masked, %m, %l, %l scale %scale : !frag, !rows
    %w, %l2 = tile.exponentials %masked, %h1, %l1 scale %scale : !frag, !rows
    %factor, %log = tile.normalise %m1, %l2 scale %scale sink %sink[%p, %n] : !rows, memref<?xf32>
    %r = tile.scale_rows %w, %factor : !frag, !rows
    tile.store_tile %r, %o[%p, %p, %n, %p] limit %n : !frag, !out
    tile.store_rows %log, %lse[%p, %p, %n, %p] limit %n : !rows, !vector
  }
}

!ring = !tile.ring<3x64x64xbf16>
!pending = !tile.pending<64x64xf32>

// Only a warp whose maxima rise works out decays, and scales by them: in two
// branches with one condition, outside of which the product is waited for.
// CHECK-LABEL: llvm.func @rescale(
// CHECK: %[[M:.*]] = vector.from_elements %{{.*}} : vector<2xf32>
// CHECK: %[[H:.*]] = vector.from_elements %{{.*}} : vector<2xf32>
// CHECK: %[[L:.*]] = vector.from_elements %{{.*}} : vector<2xf32>
// CHECK: %[[RUNNING:.*]] = frag.wgmma_ss
// CHECK: %[[VOTES:.*]] = nvvm.vote.sync ballot
// CHECK-NEXT: %[[ANY:.*]] = arith.cmpi ne, %[[VOTES]], %c0_i32
// CHECK-NEXT: %[[R:.*]]:4 = scf.if %[[ANY]] -> (vector<2xf32>, vector<2xf32>, vector<2xf32>, vector<2xf32>) {
// CHECK: %[[MAXIMUM:.*]] = arith.select %{{.*}}, %{{.*}}, %[[M]] : vector<2xi1>, vector<2xf32>
// CHECK: %[[SHIFT:.*]] = arith.negf
// A decay of exactly 1 where the shift stays, of at most 1 elsewhere.
// CHECK-NEXT: %[[CHANGE:.*]] = arith.subf %[[SHIFT]], %[[H]]
// CHECK-NEXT: %[[FALL:.*]] = arith.minnumf %[[CHANGE]], %{{.*}} : vector<2xf32>
// CHECK-NEXT: %[[DECAY:.*]] = math.exp2 %[[FALL]] fastmath<afn> : vector<2xf32>
// CHECK-NEXT: %[[SUM:.*]] = arith.mulf %[[L]], %[[DECAY]]
// CHECK-NEXT: scf.yield %[[MAXIMUM]], %[[SHIFT]], %[[SUM]], %[[DECAY]]
// CHECK-NEXT: } else {
// CHECK-NEXT: scf.yield %[[M]], %[[H]], %[[L]], %[[ONE:.*]] : vector<2xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %[[O:.*]] = frag.wgmma_wait %[[RUNNING]] outstanding(0)
// CHECK-NEXT: %[[D:.*]] = scf.if %[[ANY]] -> (vector<32xf32>) {
// CHECK-NEXT: nvvm.bar.warp.sync
// CHECK-NEXT: %[[DECAYS:.*]] = vector.shuffle %[[R]]#3, %[[R]]#3 [0, 0, 1, 1,
// CHECK-NEXT: %[[DECAYED:.*]] = arith.mulf %[[O]], %[[DECAYS]] : vector<32xf32>
// CHECK-NEXT: scf.yield %[[DECAYED]]
// CHECK-NEXT: } else {
// CHECK-NEXT: scf.yield %[[O]]
// CHECK: %[[E:.*]] = math.fma %[[D]],
// CHECK-NEXT: math.exp2 %[[E]]
tile.kernel @rescale(%e: !vector {tile.name = "e", tile.dims = "bhn"}, %o: !out {tile.name = "o", tile.dims = "bhmd"},
                     %p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"})
    attributes {row_map = #tile.row_map<positions = 64, heads = 1, group = 1>, shared_bytes = 24624 : i64} {
  %k = tile.ring fills(32) drains(4) offset(0) barriers(24576) : !ring
  tile.role "attend" warps(4) {
    %t = tile.positions %p plus %p : !tile.rows<64xi32>
    %m = tile.load_rows %e[%p, %p] at %t limit %p : !vector, !tile.rows<64xi32> -> !rows
    %h = tile.load_rows %e[%p, %p] at %t limit %p : !vector, !tile.rows<64xi32> -> !rows
    %l = tile.load_rows %e[%p, %p] at %t limit %p : !vector, !tile.rows<64xi32> -> !rows
    %x = tile.fill 2.0 : !frag
    %o0 = tile.mma_nt %k[%p], %k[%p] : !ring, !ring -> !pending
    %m2, %h2, %l2, %decay = tile.raise_maximum %x, %m, %h, %l scale %scale : !frag, !rows
    %o2 = tile.wait %o0 : !pending -> !frag
    %o3 = tile.scale_rows %o2, %decay : !frag, !rows
    %w, %l3 = tile.exponentials %o3, %h2, %l2 scale %scale : !frag, !rows
    %r = tile.scale_rows %w, %l3 : !frag, !rows
    tile.store_tile %r, %o[%p, %p, %p, %p] limit %p : !frag, !out
    tile.store_rows %m2, %e[%p, %p, %p, %p] limit %p : !rows, !vector
  }
}
