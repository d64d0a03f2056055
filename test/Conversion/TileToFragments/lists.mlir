// RUN: sparsek-opt %s --convert-tile-to-fragments --canonicalize --split-input-file | FileCheck %s

!list = !tile.key_list<slots = 4, keys = 64>
!e = memref<?x?x?xi32, strided<[?, ?, 1]>>
!f = memref<?x?x?xf32, strided<[?, ?, 1]>>

// One warp lists the keys; the slots' words are 1024 bytes in.
// CHECK-LABEL: llvm.func @list(
// CHECK: %[[SHARED:.*]] = llvm.mlir.addressof @shared
// CHECK: nvvm.barrier
// Thresholds rise: that of the last position decides what is gated.
// CHECK: %[[TAU:.*]] = llvm.load %{{.*}} : !llvm.ptr<1> -> f32
// CHECK-NEXT: %[[MINUS_TAU:.*]] = arith.negf %[[TAU]]
// The first slot is reserved.
// CHECK: nvvm.mbarrier.try_wait.parity

// 1. The window that all positions see: unlimited lives, the score of a gate of 1.
// CHECK: scf.while
// CHECK: %[[FULL:.*]] = arith.cmpi eq, %{{.*}}, %c64_i32
// CHECK: scf.if %[[FULL]] -> (i32) {
// CHECK: nvvm.vote.sync  ballot
// CHECK: llvm.store %{{.*}}, %{{.*}} : i32, !llvm.ptr<3>
// CHECK: nvvm.bar.warp.sync
// CHECK-NEXT: %[[LEADER:.*]] = arith.cmpi eq, %{{.*}}, %c0_i32
// CHECK-NEXT: frag.arrive %{{.*}} if %[[LEADER]] : <3>
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: llvm.store %{{.*}}, %{{.*}} : i32, !llvm.ptr<3>
// CHECK: llvm.store %[[ALWAYS:.*]], %{{.*}} : vector<2xi32>, !llvm.ptr<3>
// CHECK: llvm.store %[[ONE:.*]], %{{.*}} : f32, !llvm.ptr<3>

// 2. Survivors: candidates of the table, then the keys born since; the loads of
// the next step come first.
// CHECK: scf.while
// CHECK: llvm.load %{{.*}} : !llvm.ptr<1> -> i32
// CHECK: llvm.load %{{.*}} : !llvm.ptr<1> -> f32
// CHECK: arith.maxsi
// CHECK: arith.minnumf
// CHECK: %[[VOTES:.*]] = nvvm.vote.sync  ballot
// CHECK-NEXT: arith.andi %[[VOTES]],
// CHECK-NEXT: math.ctpop
// CHECK: llvm.store %[[ALWAYS]], %{{.*}} : vector<2xi32>, !llvm.ptr<3>
// Those that only some positions see are put aside, in scratch.
// CHECK: llvm.getelementptr %[[SHARED]][4160]
// CHECK: }
// CHECK: nvvm.bar.warp.sync

// 3. The rest of the window, then what was put aside, with lives.
// CHECK: scf.while
// CHECK: llvm.store %{{.*}}, %{{.*}} : vector<2xi32>, !llvm.ptr<3>
// CHECK: llvm.store %[[ONE]], %{{.*}} : f32, !llvm.ptr<3>
// CHECK: scf.while
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> vector<2xi32>
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> f32

// 4. Padding: key -1 and an empty life; masked, last and padded (13), or last (4).
// CHECK: llvm.store %c-1_i32, %{{.*}} : i32, !llvm.ptr<3>
// CHECK: arith.select %{{.*}}, %c13_i32, %c4_i32
// CHECK: nvvm.bar.warp.sync
// CHECK: frag.arrive
// CHECK: %[[NEXT:.*]] = arith.addi %{{.*}}, %c1_i32
// CHECK: llvm.store %[[NEXT]], %{{.*}} : i32, !llvm.ptr<1>
tile.kernel @list(%e: !e {tile.name = "expiry", tile.dims = "bhn"}, %u: !f {tile.name = "u", tile.dims = "bhn"},
                  %tau: !f {tile.name = "tau", tile.dims = "bhn"}, %table: memref<?xi32> {tile.name = "table"},
                  %p: i32 {tile.name = "p"}, %first: i32 {tile.name = "first"}, %last: i32 {tile.name = "last"},
                  %window: i32 {tile.name = "window"}, %chunk: i32 {tile.name = "chunk"}, %count: i32 {tile.name = "count"},
                  %r: i64 {tile.name = "r"}, %next: memref<?xi32> {tile.name = "next"})
    attributes {row_map = #tile.row_map<positions = 16, heads = 4, group = 4>, shared_bytes = 5312 : i64} {
  %list = tile.ring fills(1) drains(6) offset(0) barriers(5248) : !list
  tile.role "list" warps(1) {
    %n = tile.list_keys %list[%p] positions(%first to %last) window(%window) chunk(%chunk)
        from %e, %u, %tau[%p, %p] and %table[%r, %count] gated scratch(4160) : !list, !e, !f, !f, memref<?xi32>
    %c0 = arith.constant 0 : index
    memref.store %n, %next[%c0] : memref<?xi32>
  }
  tile.role "idle" warps(3) {}
}

// -----

!e = memref<?x?x?xi32, strided<[?, ?, 1]>>

// Two counts for each of 8 warps are the shared memory of the block.
// CHECK: name = "survivors", shared_bytes = 64 : i64, threads = 256 : i64
// CHECK-LABEL: llvm.func @survivors(
// CHECK: scf.while
// CHECK: nvvm.vote.sync  ballot
// CHECK: nvvm.barrier
// CHECK: %[[FITS:.*]] = arith.cmpi slt
// CHECK: llvm.store %{{.*}}, %{{.*}} : i32, !llvm.ptr<1>
// CHECK: arith.minsi
// CHECK: llvm.return
tile.kernel @survivors(%e: !e {tile.name = "expiry", tile.dims = "bhn"}, %table: memref<?xi32> {tile.name = "table"},
                       %counts: memref<?xi32> {tile.name = "counts"}, %b: i32 {tile.name = "b"}, %at: i32 {tile.name = "at"},
                       %window: i32 {tile.name = "window"}, %capacity: i32 {tile.name = "capacity"}, %row: i64 {tile.name = "row"})
    attributes {threads = 256 : i64} {
  %n = tile.collect_survivors %e[%b, %b] at %at window(%window) into %table[%row, %capacity] : !e, memref<?xi32>
  %c0 = arith.constant 0 : index
  memref.store %n, %counts[%c0] : memref<?xi32>
}

// -----

// Binary search: start is in cu[low], end in cu[low + 1].
// CHECK-LABEL: llvm.func @documents(
// CHECK-SAME: %[[CU:[^:]*]]: !llvm.ptr<1>, %[[ENDS:[^:]*]]: !llvm.ptr<1>, %[[SEQUENCES:[^:]*]]: i32)
// CHECK: %[[T:.*]] = nvvm.read.ptx.sreg.tid.x
// CHECK: %[[RANGE:.*]]:2 = scf.while (%{{.*}} = %c0_i32, %{{.*}} = %[[SEQUENCES]])
// CHECK: %[[MIDDLE:.*]] = arith.shrui %{{.*}}, %c1_i32
// CHECK: %[[BOUND:.*]] = llvm.load
// CHECK-NEXT: %[[UP:.*]] = arith.cmpi sle, %[[BOUND]], %[[T]]
// CHECK-NEXT: arith.select %[[UP]], %[[MIDDLE]],
// CHECK-NEXT: arith.select %[[UP]], %{{.*}}, %[[MIDDLE]]
// CHECK: arith.extui %[[RANGE]]#0
// CHECK: llvm.load
// CHECK: arith.addi %[[RANGE]]#0, %c1_i32
// CHECK: %[[END:.*]] = llvm.load
// CHECK: llvm.store %[[END]], %{{.*}} : i32, !llvm.ptr<1>
tile.kernel @documents(%cu: memref<?xi32> {tile.name = "cu_seqlens"}, %s: i32 {tile.name = "sequences"},
                       %ends: memref<?xi32> {tile.name = "ends"}) attributes {threads = 256 : i64} {
  %t = tile.thread
  %start, %end = tile.document %t in %cu[%s] : memref<?xi32>
  %at = arith.index_castui %start : i32 to index
  memref.store %end, %ends[%at] : memref<?xi32>
}

// -----

// Edges of the window come first, in masked slots; of the keys that all
// positions see they have two.
// CHECK-LABEL: llvm.func @edges(
// CHECK: %[[EDGES:.*]] = arith.cmpi sgt, %[[FIRST:.*]], %[[WINDOW:.*]] : i32
// CHECK: %[[LESS:.*]] = arith.addi %[[COUNT:.*]], %c-2_i32
// CHECK-NEXT: %[[MIDDLE:.*]] = arith.select %[[EDGES]], %[[LESS]], %[[COUNT]]
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: %[[SIZE:.*]] = arith.select %[[EDGES]], %c128_i32, %c0_i32
// CHECK-NEXT: %[[BEFORE:.*]] = arith.subi %[[FIRST]], %[[WINDOW]]
// CHECK-NEXT: %[[OLD:.*]] = arith.addi %[[BEFORE]], %c1_i32
// CHECK-NEXT: %[[SHIFT:.*]] = arith.subi %[[FIRST]], %[[SIZE]]
// CHECK-NEXT: %[[BOTH:.*]] = arith.addi %[[SIZE]], %[[SIZE]]
// CHECK-NEXT: scf.while
// CHECK-NEXT: %[[MORE:.*]] = arith.cmpi slt, %{{.*}}, %[[BOTH]]
// CHECK-NEXT: scf.condition(%[[MORE]])
// CHECK: %[[IS_OLD:.*]] = arith.cmpi slt, %[[NUMBER:.*]], %[[SIZE]]
// CHECK-NEXT: %[[AT_OLD:.*]] = arith.addi %[[OLD]], %[[NUMBER]]
// CHECK-NEXT: %[[AT_RECENT:.*]] = arith.addi %[[SHIFT]], %[[NUMBER]]
// CHECK-NEXT: arith.select %[[IS_OLD]], %[[AT_OLD]], %[[AT_RECENT]]
// CHECK: scf.while
// CHECK-NEXT: arith.cmpi slt, %{{.*}}, %[[MIDDLE]]

// Slots that are skipped, by the number of the consumer: keys with their list,
// then values, are waited for by every lane and released.
// CHECK: %[[IN_ROLE:.*]] = arith.subi %{{.*}}, %c4_i32
// CHECK-NEXT: %[[CONSUMER:.*]] = arith.shrui %[[IN_ROLE]], %c2_i32
// CHECK-NEXT: %[[BEGIN:.*]] = arith.addi %[[FIRST]], %[[CONSUMER]]
// CHECK-NEXT: scf.for %[[SLOT:.*]] = %[[BEGIN]] to %{{.*}} step %c1_i32
// CHECK: %[[NUMBER:.*]] = arith.remui %[[SLOT]], %c3_i32
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.bar.warp.sync
// CHECK-NEXT: arith.cmpi eq
// CHECK-NEXT: frag.arrive
// CHECK: arith.andi %[[SLOT]], %c3_i32
// CHECK: frag.arrive
// CHECK-NOT: arrive
// CHECK: arith.andi %[[SLOT]], %c1_i32
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.bar.warp.sync
// CHECK-NEXT: arith.cmpi eq
// CHECK-NEXT: frag.arrive
// CHECK-NOT: arrive
// CHECK: }
!list = !tile.key_list<slots = 4, keys = 64>
module @kernels attributes {sparsek.launch_record = {version = 1, kernels = [{name = "edges", grid = "persistent"}]}} {
  tile.kernel @edges(%u: memref<?x?x?xf32, strided<[?, ?, 1]>> {tile.name = "u", tile.dims = "bhn"},
                     %e: memref<?x?x?xi32, strided<[?, ?, 1]>> {tile.name = "expiry", tile.dims = "bhn"},
                     %table: memref<?xi32> {tile.name = "table"}, %n: i32 {tile.name = "n"}, %first: i32 {tile.name = "first"},
                     %last: i32 {tile.name = "last"}, %w: i32 {tile.name = "window"}, %l: i64 {tile.name = "l"})
      attributes {row_map = #tile.row_map<positions = 128, heads = 1, group = 1>, shared_bytes = 28880 : i64} {
    %list = tile.ring fills(1) drains(8) offset(24576) barriers(28736) : !list
    %k = tile.ring fills(66) drains(8) offset(0) barriers(28800) : !tile.ring<3x64x64xbf16>
    %v = tile.ring fills(64) drains(8) offset(0) barriers(28848) : !tile.ring<2x64x64xbf16>
    tile.role "list" warps(1) {
      %edges = arith.cmpi sgt, %first, %w : i32
      %0 = tile.list_keys %list[%n] positions(%first to %last) window(%w) chunk(%n) from %e, %u, %u[%n, %n] and %table[%l, %n]
          edges(%edges) scratch(1024) : !list, memref<?x?x?xi32, strided<[?, ?, 1]>>, memref<?x?x?xf32, strided<[?, ?, 1]>>, memref<?x?x?xf32, strided<[?, ?, 1]>>, memref<?xi32>
    }
    tile.role "idle" warps(3) {}
    tile.role "attend" warps(8) {
      %number = tile.warpgroup
      %begin = arith.addi %first, %number : i32
      tile.skip %k with %list and %v from %begin to %last : !tile.ring<3x64x64xbf16>, !list, !tile.ring<2x64x64xbf16>
    }
  }
}
