// RUN: sparsek-opt %s --convert-tile-to-fragments --canonicalize | FileCheck %s

// Functions, arguments, roles, rings, turns and flags.

!list = !tile.key_list<slots = 4, keys = 64>
!ring = !tile.ring<3x64x64xbf16>

// The record gains what is known now; pointers come first, then strides (none
// of the last dimension), integers and floats.
// CHECK: gpu.module @kernels attributes {sparsek.launch_record = {kernels = [{arguments = [
// CHECK-SAME: {name = "q", type = "ptr"}, {name = "counts", type = "ptr"}, {name = "e", type = "ptr"},
// CHECK-SAME: {name = "q_b", type = "i64"}, {name = "q_h", type = "i64"}, {name = "q_m", type = "i64"}, {name = "e_b", type = "i64"},
// CHECK-SAME: {name = "n", type = "i32"}, {name = "scale", type = "f32"}],
// CHECK-SAME: grid = "persistent", name = "frame", shared_bytes = 28848 : i64, threads = 384 : i64},
// CHECK-SAME: {arguments = [{name = "y", type = "ptr"}, {name = "items", type = "i32"}], name = "three", shared_bytes = 0 : i64, threads = 512 : i64},
// CHECK-SAME: {arguments = [{name = "x", type = "ptr"}], name = "plain", shared_bytes = 0 : i64, threads = 96 : i64}], version = 1 : i64}}
// CHECK-NEXT: llvm.mlir.global external @shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

// CHECK-LABEL: llvm.func @frame(
// CHECK-SAME: %{{.*}}: !llvm.ptr<1>, %[[COUNTS:.*]]: !llvm.ptr<1>, %[[E:.*]]: !llvm.ptr<1>, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %[[STRIDE:.*]]: i64, %[[N:.*]]: i32, %{{.*}}: f32)
// CHECK-SAME: nvvm.kernel, nvvm.maxntid = array<i32: 384, 1, 1>, nvvm.minctasm = 1 : i32
// CHECK: %[[SHARED:.*]] = llvm.mlir.addressof @shared
// CHECK: %[[THREAD:.*]] = nvvm.read.ptx.sreg.tid.x
// CHECK: %[[LANE:.*]] = arith.andi %[[THREAD]], %c31_i32
// CHECK: %[[W:.*]] = arith.shrui %[[THREAD]], %c5_i32
// CHECK: %[[WARP:.*]] = nvvm.shfl.sync  idx %c-1_i32, %[[W]], %c0_i32, %c31_i32

// One thread sets the barriers up: full and free for each of 4 + 3 slots.
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[THREAD]], %c0_i32
// CHECK-NEXT: scf.if %[[FIRST]] {
// CHECK-NEXT: %[[FULL:.*]] = llvm.getelementptr %[[SHARED]][28736]
// CHECK-NEXT: nvvm.mbarrier.init %[[FULL]], %c1_i32
// CHECK-NEXT: %[[FREE:.*]] = llvm.getelementptr %[[SHARED]][28744]
// CHECK-NEXT: nvvm.mbarrier.init %[[FREE]], %c9_i32
// CHECK: %[[KEYS:.*]] = llvm.getelementptr %[[SHARED]][28800]
// CHECK-NEXT: nvvm.mbarrier.init %[[KEYS]], %c66_i32
// CHECK: %[[LAST:.*]] = llvm.getelementptr %[[SHARED]][28840]
// CHECK-NEXT: nvvm.mbarrier.init %[[LAST]], %c8_i32
// CHECK-NEXT: nvvm.fence.mbarrier.init
// CHECK-NEXT: }
// CHECK-NEXT: nvvm.barrier

// Warpgroups part first, each with its registers, then warps.
// CHECK-NEXT: %[[PRODUCER:.*]] = arith.cmpi slt, %[[WARP]], %c4_i32
// CHECK-NEXT: scf.if %[[PRODUCER]] {
// CHECK-NEXT: nvvm.setmaxregister  decrease 56
// CHECK-NEXT: %[[LISTER:.*]] = arith.cmpi slt, %[[WARP]], %c1_i32
// CHECK-NEXT: scf.if %[[LISTER]] {

// reserve waits for the opposite parity.
// CHECK: %[[SLOT:.*]] = arith.andi %[[N]], %c3_i32
// CHECK: %[[USE:.*]] = arith.divui %[[N]], %c4_i32
// CHECK: %[[PARITY:.*]] = arith.andi %[[USE]], %c1_i32
// CHECK: %[[OPPOSITE:.*]] = arith.xori %[[PARITY]], %c1_i32
// CHECK: %[[BYTES:.*]] = arith.shli %[[SLOT]], %c4_i32
// CHECK: %[[BARRIERS:.*]] = llvm.getelementptr %[[SHARED]][%[[BYTES]]]
// CHECK: %[[FULL:.*]] = llvm.getelementptr %[[BARRIERS]][28736]
// CHECK: %[[FREE:.*]] = llvm.getelementptr %[[FULL]][8]
// CHECK: nvvm.mbarrier.try_wait.parity %[[FREE]], %[[OPPOSITE]], %c10000000_i32
// commit of a list: one arrival of the warp.
// CHECK: %[[FULL:.*]] = llvm.getelementptr %{{.*}}[28736]
// CHECK-NEXT: nvvm.bar.warp.sync %c-1_i32
// CHECK-NEXT: %[[ONE:.*]] = arith.cmpi eq, %[[LANE]], %c0_i32
// CHECK-NEXT: frag.arrive %[[FULL]] if %[[ONE]] : <3>
// memref.store.
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[COUNTS]][%{{.*}}] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, i8
// CHECK-NEXT: llvm.store %{{.*}}, %[[AT]] : i32

// CHECK: } else {
// CHECK-NEXT: %[[COPIER:.*]] = arith.cmpi slt, %[[WARP]], %c3_i32
// CHECK-NEXT: scf.if %[[COPIER]] {
// Warps count from the first one of the role.
// CHECK-NEXT: %[[IN_ROLE:.*]] = arith.subi %[[WARP]], %c1_i32
// acquire of a list: nothing to fence.
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK-NOT: nvvm.fence.proxy
// reserve of one of three slots.
// CHECK: %[[SLOT:.*]] = arith.remui %[[N]], %c3_i32
// CHECK-NEXT: %[[USE:.*]] = arith.divui %[[N]], %c3_i32
// CHECK-NEXT: %[[PARITY:.*]] = arith.andi %[[USE]], %c1_i32
// CHECK-NEXT: %[[OPPOSITE:.*]] = arith.xori %[[PARITY]], %c1_i32
// CHECK-NEXT: %[[BYTES:.*]] = arith.shli %[[SLOT]], %c4_i32
// CHECK-NEXT: %[[BARRIERS:.*]] = llvm.getelementptr %[[SHARED]][%[[BYTES]]]
// CHECK-NEXT: %[[FULL:.*]] = llvm.getelementptr %[[BARRIERS]][28800]
// CHECK-NEXT: %[[FREE:.*]] = llvm.getelementptr %[[FULL]][8]
// CHECK-NEXT: nvvm.mbarrier.try_wait.parity %[[FREE]], %[[OPPOSITE]], %c10000000_i32
// commit of copies: every lane, when they land; with a slot of the list one lane
// once more, since the arrivals of copies release nothing but the copies.
// CHECK-NEXT: %[[SLOT:.*]] = arith.remui %[[N]], %c3_i32
// CHECK-NEXT: %[[BYTES:.*]] = arith.shli %[[SLOT]], %c4_i32
// CHECK-NEXT: %[[BARRIERS:.*]] = llvm.getelementptr %[[SHARED]][%[[BYTES]]]
// CHECK-NEXT: %[[FULL:.*]] = llvm.getelementptr %[[BARRIERS]][28800]
// CHECK-NEXT: nvvm.cp.async.mbarrier.arrive %[[FULL]] {noinc = true}
// CHECK-NEXT: %[[ONE:.*]] = arith.cmpi eq, %[[LANE]], %c0_i32
// CHECK-NEXT: frag.arrive %[[FULL]] if %[[ONE]] : <3>
// Without one, the lanes alone.
// CHECK-NEXT: arith.remui
// CHECK: nvvm.cp.async.mbarrier.arrive %{{.*}} {noinc = true}
// release of a list.
// CHECK-NEXT: arith.andi %[[N]], %c3_i32
// CHECK: %[[FULL:.*]] = llvm.getelementptr %{{.*}}[28736]
// CHECK-NEXT: %[[FREE:.*]] = llvm.getelementptr %[[FULL]][8]
// CHECK-NEXT: nvvm.bar.warp.sync %c-1_i32
// CHECK-NEXT: %[[ONE:.*]] = arith.cmpi eq, %[[LANE]], %c0_i32
// CHECK-NEXT: frag.arrive %[[FREE]] if %[[ONE]] : <3>
// CHECK-NEXT: arith.extui %[[IN_ROLE]]

// CHECK: nvvm.setmaxregister  increase 224
// The turn starts at the first consumer: the last one gives it.
// CHECK-NEXT: %[[IN_ROLE:.*]] = arith.subi %[[WARP]], %c4_i32
// CHECK-NEXT: %[[CONSUMER:.*]] = arith.shrui %[[IN_ROLE]], %c2_i32
// CHECK-NEXT: %[[IS_LAST:.*]] = arith.cmpi eq, %[[CONSUMER]], %c1_i32
// CHECK-NEXT: scf.if %[[IS_LAST]] {
// CHECK-NEXT: nvvm.barrier.arrive id = %c1_i32 number_of_threads = %c256_i32
// The item: blocks take the numbers of a round forwards, of an odd one backwards.
// CHECK: %[[ID:.*]] = nvvm.read.ptx.sreg.ctaid.x
// CHECK-NEXT: %[[COUNT:.*]] = nvvm.read.ptx.sreg.nctaid.x
// CHECK-NEXT: %[[BASE:.*]] = arith.muli %[[ROUND:.*]], %[[COUNT]]
// CHECK-NEXT: %[[LOW:.*]] = arith.andi %[[ROUND]], %c1_i32
// CHECK-NEXT: %[[ODD:.*]] = arith.cmpi eq, %[[LOW]], %c1_i32
// CHECK-NEXT: %[[END:.*]] = arith.subi %[[COUNT]], %c1_i32
// CHECK-NEXT: %[[BACK:.*]] = arith.subi %[[END]], %[[ID]]
// CHECK-NEXT: %[[PLACE:.*]] = arith.select %[[ODD]], %[[BACK]], %[[ID]]
// CHECK-NEXT: %[[NUMBER:.*]] = arith.addi %[[BASE]], %[[PLACE]]
// %n columns at a time, of %n * %n with 1 head block; the last ones may be fewer.
// CHECK-NEXT: %[[COLUMNS:.*]] = arith.muli %[[N]], %[[N]]
// CHECK-NEXT: %[[SIZE:.*]] = arith.muli %[[N]], %[[N]]
// CHECK-NEXT: %[[PART:.*]] = arith.divui %[[NUMBER]], %[[SIZE]]
// CHECK-NEXT: %[[BEFORE:.*]] = arith.muli %[[PART]], %[[SIZE]]
// CHECK-NEXT: %[[IN_PART:.*]] = arith.subi %[[NUMBER]], %[[BEFORE]]
// CHECK-NEXT: %[[FIRST:.*]] = arith.muli %[[PART]], %[[N]]
// CHECK-NEXT: %[[LEFT:.*]] = arith.subi %[[COLUMNS]], %[[FIRST]]
// CHECK-NEXT: %[[WIDTH:.*]] = arith.minsi %[[N]], %[[LEFT]]
// CHECK-NEXT: %[[RANK:.*]] = arith.divui %[[IN_PART]], %[[WIDTH]]
// CHECK-NEXT: %[[ROWS:.*]] = arith.muli %[[RANK]], %[[WIDTH]]
// CHECK-NEXT: %[[IN_RANK:.*]] = arith.subi %[[IN_PART]], %[[ROWS]]
// 32 positions a tile, the last tile first.
// CHECK-NEXT: %[[TOP:.*]] = arith.subi %[[N]], %c1_i32
// CHECK-NEXT: %[[TILE:.*]] = arith.subi %[[TOP]], %[[RANK]]
// CHECK-NEXT: %[[COLUMN:.*]] = arith.addi %[[FIRST]], %[[IN_RANK]]
// CHECK-NEXT: %[[BATCH:.*]] = arith.divui %[[COLUMN]], %[[N]]
// CHECK: %[[ROW:.*]] = arith.muli %[[TILE]], %c32_i32
// acquire of one of three slots; with a slot of the list there is no other
// wait. Matrices are read by the asynchronous proxy: one fence for two slots.
// CHECK: %[[SLOT:.*]] = arith.remui %[[N]], %c3_i32
// CHECK-NEXT: %[[USE:.*]] = arith.divui %[[N]], %c3_i32
// CHECK-NEXT: %[[PARITY:.*]] = arith.andi %[[USE]], %c1_i32
// CHECK-NEXT: %[[BYTES:.*]] = arith.shli %[[SLOT]], %c4_i32
// CHECK-NEXT: %[[BARRIERS:.*]] = llvm.getelementptr %[[SHARED]][%[[BYTES]]]
// CHECK-NEXT: %[[FULL:.*]] = llvm.getelementptr %[[BARRIERS]][28800]
// CHECK-NEXT: nvvm.mbarrier.try_wait.parity %[[FULL]], %[[PARITY]], %c10000000_i32
// CHECK-NOT: nvvm.fence
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK-NEXT: nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
// Flags are read once, where the slots are acquired: offset 1024 of 1040 bytes.
// CHECK-NEXT: %[[NUMBER:.*]] = arith.andi %[[N]], %c3_i32
// CHECK-NEXT: %[[SLOT:.*]] = arith.muli %[[NUMBER]], %c1040_i32
// CHECK-NEXT: %[[BASE:.*]] = llvm.getelementptr %[[SHARED]][%[[SLOT]]]
// CHECK-NEXT: %[[LIST:.*]] = llvm.getelementptr %[[BASE]][24576]
// CHECK: %[[WORD_AT:.*]] = llvm.getelementptr %[[LIST]][1024]
// CHECK-NEXT: %[[LOADED:.*]] = llvm.load %[[WORD_AT]]
// CHECK-NEXT: %[[WORD:.*]] = nvvm.shfl.sync  idx %c-1_i32, %[[LOADED]], %c0_i32
// take waits at the own barrier, pass arrives at that of the next one.
// CHECK: %[[OWN:.*]] = arith.addi %{{.*}}, %c1_i32
// CHECK-NEXT: nvvm.barrier id = %[[OWN]] number_of_threads = %c256_i32
// CHECK-NEXT: %[[IN_ROLE:.*]] = arith.subi %[[WARP]], %c4_i32
// CHECK-NEXT: %[[CONSUMER:.*]] = arith.shrui %[[IN_ROLE]], %c2_i32
// CHECK-NEXT: %[[IS_LAST:.*]] = arith.cmpi eq, %[[CONSUMER]], %c1_i32
// CHECK-NEXT: %[[NEXT:.*]] = arith.addi %[[CONSUMER]], %c2_i32
// CHECK-NEXT: %[[OTHER:.*]] = arith.select %[[IS_LAST]], %c1_i32, %[[NEXT]]
// CHECK-NEXT: nvvm.barrier.arrive id = %[[OTHER]] number_of_threads = %c256_i32
// A slot that is acquired by itself has a fence of its own.
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK-NEXT: nvvm.fence.proxy
// CHECK-NEXT: arith.andi %[[WORD]], %c4_i32
// CHECK: arith.andi %[[WORD]], %c1_i32
// CHECK-NOT: nvvm.shfl.sync
// A load, and a store by strides.
// CHECK: %[[FROM:.*]] = llvm.getelementptr %[[COUNTS]][%{{.*}}]
// CHECK-NEXT: %[[VALUE:.*]] = llvm.load %[[FROM]] : !llvm.ptr<1> -> i32
// CHECK: arith.muli %{{.*}}, %[[STRIDE]] : i64
// CHECK: %[[TO:.*]] = llvm.getelementptr %[[E]][%{{.*}}]
// CHECK-NEXT: llvm.store %[[VALUE]], %[[TO]] : i32
// CHECK: llvm.return

// Three consumers: the last one is number 2.
// CHECK-LABEL: llvm.func @three(
// CHECK: %[[CONSUMER:.*]] = arith.shrui %{{.*}}, %c2_i32
// CHECK-NEXT: %[[IS_LAST:.*]] = arith.cmpi eq, %[[CONSUMER]], %c2_i32
// CHECK-NEXT: scf.if %[[IS_LAST]] {
// CHECK-NEXT: nvvm.barrier.arrive id = %c1_i32 number_of_threads = %c256_i32
// CHECK: %[[CONSUMER:.*]] = arith.shrui %{{.*}}, %c2_i32
// CHECK-NEXT: %[[IS_LAST:.*]] = arith.cmpi eq, %[[CONSUMER]], %c2_i32
// CHECK-NEXT: %[[NEXT:.*]] = arith.addi %[[CONSUMER]], %c2_i32
// CHECK-NEXT: %[[OTHER:.*]] = arith.select %[[IS_LAST]], %c1_i32, %[[NEXT]]
// CHECK-NEXT: nvvm.barrier.arrive id = %[[OTHER]] number_of_threads = %c256_i32

// Rounds: those in which every block has an item, and one more where this block's place in the last one does.
// CHECK: %[[WHOLE:.*]] = arith.divui %[[ITEMS:.*]], %[[COUNT:.*]] :
// CHECK-NEXT: %[[DONE:.*]] = arith.muli %[[WHOLE]], %[[COUNT]]
// CHECK-NEXT: %[[REST:.*]] = arith.subi %[[ITEMS]], %[[DONE]]
// CHECK-NEXT: %[[MORE:.*]] = arith.addi %[[WHOLE]], %c1_i32
// CHECK: %[[PLACE:.*]] = arith.select
// CHECK-NEXT: %[[HAS:.*]] = arith.cmpi slt, %[[PLACE]], %[[REST]]
// CHECK-NEXT: arith.select %[[HAS]], %[[MORE]], %[[WHOLE]]

// No roles: no barriers, no bound on the blocks of a multiprocessor.
// CHECK-LABEL: llvm.func @plain(
// CHECK-NOT: minctasm
// CHECK-SAME: nvvm.maxntid = array<i32: 96, 1, 1>}
// CHECK-NOT: mbarrier
// CHECK: %[[THREAD:.*]] = nvvm.read.ptx.sreg.tid.x
// CHECK: llvm.store %[[THREAD]], %{{.*}} : i32, !llvm.ptr<1>
module @kernels attributes {sparsek.launch_record = {version = 1, kernels = [{name = "frame", grid = "persistent"}]}} {
  tile.kernel @frame(%q: memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> {tile.name = "q", tile.dims = "bhmd"},
                     %counts: memref<?xi32> {tile.name = "counts"}, %n: i32 {tile.name = "n"},
                     %scale: f32 {tile.name = "scale"}, %e: memref<?x?xi32, strided<[?, 1]>> {tile.name = "e", tile.dims = "bn"})
      attributes {row_map = #tile.row_map<positions = 32, heads = 4, group = 4>, shared_bytes = 28848 : i64} {
    %list = tile.ring fills(1) drains(9) offset(24576) barriers(28736) : !list
    %k = tile.ring fills(66) drains(8) offset(0) barriers(28800) : !ring
    %id, %count = tile.block
    tile.role "list" warps(1) registers(56) {
      tile.reserve %list[%n] : !list
      tile.commit %list[%n] : !list
      %at = arith.index_castui %id : i32 to index
      memref.store %count, %counts[%at] : memref<?xi32>
    }
    tile.role "gather" warps(2) registers(56) {
      %warp = tile.warp
      tile.acquire %list[%n] : !list
      tile.reserve %k[%n] : !ring
      tile.commit %k[%n] with %list[%n] : !ring, !list
      tile.commit %k[%n] : !ring
      tile.release %list[%n] : !list
      %wide = arith.extui %warp : i32 to i64
      %at = arith.index_cast %wide : i64 to index
      memref.store %n, %counts[%at] : memref<?xi32>
    }
    tile.role "idle" warps(1) registers(56) {}
    tile.role "attend" warps(8) registers(224) {
      tile.turn<start>
      %batch, %head, %block, %row = tile.item %id of %n x %n x %n together(%n)
      tile.acquire %k[%n] with %list[%n] : !ring, !list
      tile.acquire %k[%id] : !ring
      tile.turn<take>
      tile.turn<pass>
      tile.acquire %k[%count] : !ring
      %last = tile.flag<last> of %list[%n] : !list
      %masked = tile.flag<masked> of %list[%n] : !list
      %t = tile.thread
      scf.if %last {
        tile.release %k[%n] : !ring
      }
      scf.if %masked {
        %at = arith.index_castui %row : i32 to index
        %value = memref.load %counts[%at] : memref<?xi32>
        %b = arith.index_castui %batch : i32 to index
        memref.store %value, %e[%b, %at] : memref<?x?xi32, strided<[?, 1]>>
      }
    }
  }
  tile.kernel @three(%items: i32 {tile.name = "items"}, %y: memref<?xi32> {tile.name = "y"}) {
    tile.role "idle" warps(4) {}
    tile.role "attend" warps(12) {
      tile.turn<start>
      tile.turn<pass>
      %rounds = tile.rounds of %items
      %at = arith.index_castui %rounds : i32 to index
      memref.store %rounds, %y[%at] : memref<?xi32>
    }
  }
  tile.kernel @plain(%x: memref<?xi32> {tile.name = "x"}) attributes {threads = 96 : i64} {
    %t = tile.thread
    %at = arith.index_castui %t : i32 to index
    memref.store %t, %x[%at] : memref<?xi32>
  }
}
