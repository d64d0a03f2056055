// RUN: sparsek-opt %s --convert-tile-to-fragments --canonicalize | FileCheck %s

// Numbers, barriers, shared arrays and what lanes tell each other.

// CHECK-LABEL: llvm.func @arrays(
// CHECK-SAME: %[[X:.*]]: !llvm.ptr<1>, %[[N:.*]]: i32)
// CHECK-SAME: nvvm.maxntid = array<i32: 64, 1, 1>
// CHECK-DAG: %[[ALL:.*]] = arith.constant -1 : i32
// CHECK-DAG: %[[FOUR:.*]] = arith.constant 4 : i64
// CHECK-DAG: %[[EIGHT:.*]] = arith.constant 8 : i64
// CHECK: %[[SHARED:.*]] = llvm.mlir.addressof @shared
// CHECK: %[[THREAD:.*]] = nvvm.read.ptx.sreg.tid.x
// CHECK: %[[LANE:.*]] = arith.andi %[[THREAD]], %c31_i32
// Without roles, the number of the warp in its block.
// CHECK: %[[SHIFTED:.*]] = arith.shrui %[[THREAD]], %c5_i32
// CHECK: %[[WARP:.*]] = nvvm.shfl.sync  idx %[[ALL]], %[[SHIFTED]], %c0_i32, %c31_i32
// CHECK: %[[COUNTS:.*]] = llvm.getelementptr %[[SHARED]][16]
// CHECK: %[[SUMS:.*]] = llvm.getelementptr %[[SHARED]][64]
// CHECK: %[[BYTES:.*]] = arith.muli %{{.*}}, %[[FOUR]] : i64
// CHECK-NEXT: %[[AT:.*]] = llvm.getelementptr %[[COUNTS]][%[[BYTES]]]
// CHECK-NEXT: llvm.store %[[LANE]], %[[AT]] : i32, !llvm.ptr<3>
// CHECK-NEXT: nvvm.barrier{{$}}
// CHECK: %[[AT1:.*]] = llvm.getelementptr %[[COUNTS]]
// CHECK-NEXT: %[[OLD:.*]] = llvm.atomicrmw add %[[AT1]], %[[LANE]] syncscope("block") monotonic : !llvm.ptr<3>, i32
// CHECK-NEXT: nvvm.bar.warp.sync %[[ALL]] : i32
// CHECK: %[[BYTES2:.*]] = arith.muli %{{.*}}, %[[EIGHT]] : i64
// CHECK-NEXT: %[[AT2:.*]] = llvm.getelementptr %[[SUMS]][%[[BYTES2]]]
// CHECK-NEXT: llvm.load %[[AT2]] {alignment = 8 : i64} : !llvm.ptr<3> -> i64
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 8 : i64} : i64, !llvm.ptr<3>
// CHECK: %[[AT3:.*]] = llvm.getelementptr %[[X]]
// CHECK-NEXT: llvm.store %[[OLD]], %[[AT3]] : i32, !llvm.ptr<1>
tile.kernel @arrays(%x: memref<?xi32> {tile.name = "x"}, %n: i32 {tile.name = "n"}) attributes {threads = 64 : i64} {
  %counts = tile.array offset(16) : memref<8xi32>
  %sums = tile.array offset(64) : memref<8xi64>
  %lane = tile.lane
  %warp = tile.warp
  %i = arith.index_castui %warp : i32 to index
  memref.store %lane, %counts[%i] : memref<8xi32>
  tile.barrier
  %j = arith.index_castui %n : i32 to index
  %old = memref.atomic_rmw addi %lane, %counts[%j] : (i32, memref<8xi32>) -> i32
  tile.warp_barrier
  %sum = memref.load %sums[%i] : memref<8xi64>
  memref.store %sum, %sums[%j] : memref<8xi64>
  memref.store %old, %x[%j] : memref<?xi32>
}

// Several dimensions, by the strides of the arguments.
// CHECK-LABEL: llvm.func @strides(
// CHECK-SAME: %[[X:.*]]: !llvm.ptr<1>, %[[STRIDE:.*]]: i64, %{{.*}}: i32)
// CHECK: %[[ROW:.*]] = arith.muli %{{.*}}, %[[STRIDE]] : i64
// CHECK: llvm.load %{{.*}} : !llvm.ptr<1> -> f32
tile.kernel @strides(%x: memref<?x?xf32, strided<[?, 1]>> {tile.name = "x", tile.dims = "bn"}, %n: i32 {tile.name = "n"})
    attributes {threads = 32 : i64} {
  %i = arith.index_castui %n : i32 to index
  %c0 = arith.constant 0 : index
  %v = memref.load %x[%i, %c0] : memref<?x?xf32, strided<[?, 1]>>
  memref.store %v, %x[%c0, %i] : memref<?x?xf32, strided<[?, 1]>>
}

// CHECK-LABEL: llvm.func @words(
// CHECK-SAME: %{{.*}}: !llvm.ptr<1>, %[[N:.*]]: i32)
// CHECK: %[[LANE:.*]] = arith.andi %{{.*}}, %c31_i32
// CHECK: %[[CONDITION:.*]] = arith.cmpi slt, %[[LANE]], %[[N]]
// CHECK: %[[BITS:.*]] = nvvm.vote.sync  ballot %c-1_i32, %[[CONDITION]] -> i32
// CHECK-NEXT: %[[OTHER:.*]] = nvvm.shfl.sync  idx %c-1_i32, %[[BITS]], %[[N]], %c31_i32 : i32 -> i32
// A scan in five steps.
// CHECK-NEXT: %[[BELOW:.*]] = nvvm.shfl.sync  up %c-1_i32, %[[OTHER]], %c1_i32, %c0_i32 : i32 -> i32
// CHECK-NEXT: %[[FIRST:.*]] = arith.cmpi slt, %[[LANE]], %c1_i32
// CHECK-NEXT: %[[SUM:.*]] = arith.addi %[[OTHER]], %[[BELOW]] : i32
// CHECK-NEXT: %[[STEP:.*]] = arith.select %[[FIRST]], %[[OTHER]], %[[SUM]] : i32
// CHECK-NEXT: nvvm.shfl.sync  up %c-1_i32, %[[STEP]], %c2_i32, %c0_i32
// CHECK: nvvm.shfl.sync  up %c-1_i32, %{{.*}}, %c4_i32, %c0_i32
// CHECK: nvvm.shfl.sync  up %c-1_i32, %{{.*}}, %c8_i32, %c0_i32
// CHECK: nvvm.shfl.sync  up %c-1_i32, %{{.*}}, %c16_i32, %c0_i32
// CHECK: %[[SCAN:.*]] = arith.select
// A sum in one.
// CHECK-NEXT: nvvm.redux.sync  add %[[SCAN]], %c-1_i32 : i32 -> i32
// CHECK-NOT: nvvm.
// CHECK: llvm.return
tile.kernel @words(%x: memref<?xi32> {tile.name = "x"}, %n: i32 {tile.name = "n"}) attributes {threads = 32 : i64} {
  %lane = tile.lane
  %i = arith.index_castui %lane : i32 to index
  %c = arith.cmpi slt, %lane, %n : i32
  %bits = tile.ballot %c
  %other = tile.broadcast %bits from %n : i32
  %scan = tile.warp_scan %other : i32
  %sum = tile.warp_sum %scan : i32
  memref.store %sum, %x[%i] : memref<?xi32>
}

// 64 bits go by halves, f32 as it is.
// CHECK-LABEL: llvm.func @wide(
// CHECK: %[[V:.*]] = llvm.load %{{.*}} {alignment = 8 : i64} : !llvm.ptr<1> -> i64
// CHECK-NEXT: %[[LOW:.*]] = arith.trunci %[[V]] : i64 to i32
// CHECK-NEXT: %[[LOW1:.*]] = nvvm.shfl.sync  idx %c-1_i32, %[[LOW]], %{{.*}}, %c31_i32 : i32 -> i32
// CHECK-NEXT: %[[TOP:.*]] = arith.shrui %[[V]], %c32_i64
// CHECK-NEXT: %[[HIGH:.*]] = arith.trunci %[[TOP]] : i64 to i32
// CHECK-NEXT: %[[HIGH1:.*]] = nvvm.shfl.sync  idx %c-1_i32, %[[HIGH]], %{{.*}}, %c31_i32 : i32 -> i32
// CHECK-NEXT: %[[LOW2:.*]] = arith.extui %[[LOW1]] : i32 to i64
// CHECK-NEXT: %[[HIGH2:.*]] = arith.extui %[[HIGH1]] : i32 to i64
// CHECK-NEXT: %[[TOP2:.*]] = arith.shli %[[HIGH2]], %c32_i64
// CHECK-NEXT: arith.ori %[[LOW2]], %[[TOP2]] : i64
// CHECK-COUNT-10: nvvm.shfl.sync  up
// The sum by three parts, of which 32 add up in a word.
// CHECK: %[[SCAN:.*]] = arith.select
// CHECK-NEXT: %[[PART0:.*]] = arith.trunci %[[SCAN]] : i64 to i32
// CHECK-NEXT: %[[BITS0:.*]] = arith.andi %[[PART0]], %c134217727_i32
// CHECK-NEXT: %[[SUM0:.*]] = nvvm.redux.sync  add %[[BITS0]], %c-1_i32 : i32 -> i32
// CHECK-NEXT: arith.extui %[[SUM0]] : i32 to i64
// CHECK: arith.shrui %[[SCAN]], %c27_i64
// CHECK: nvvm.redux.sync  add
// CHECK: arith.shli %{{.*}}, %c27_i64
// CHECK: arith.shrui %[[SCAN]], %c54_i64
// CHECK: nvvm.redux.sync  add
// CHECK: arith.shli %{{.*}}, %c54_i64
// CHECK: %[[F:.*]] = arith.uitofp %{{.*}} : i64 to f32
// CHECK-NEXT: %[[G:.*]] = nvvm.shfl.sync  idx %c-1_i32, %[[F]], %{{.*}}, %c31_i32 : f32 -> f32
// From the most distant lanes to neighbours.
// CHECK-NEXT: %[[G1:.*]] = nvvm.shfl.sync  bfly %c-1_i32, %[[G]], %c16_i32, %c31_i32 : f32 -> f32
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[G]], %[[G1]] : f32
// CHECK-NEXT: nvvm.shfl.sync  bfly %c-1_i32, %[[S]], %c8_i32
// CHECK: nvvm.shfl.sync  bfly %c-1_i32, %{{.*}}, %c1_i32
// CHECK-NEXT: arith.addf
// CHECK-NEXT: %[[D:.*]] = arith.extf %{{.*}} : f32 to f64
// CHECK-NEXT: arith.bitcast %[[D]] : f64 to i64
// CHECK-COUNT-10: nvvm.shfl.sync  bfly %c-1_i32, {{.*}} : i32 -> i32
// CHECK-NOT: nvvm.
// CHECK: llvm.return
tile.kernel @wide(%x: memref<?xi64> {tile.name = "x"}, %y: memref<?xf32> {tile.name = "y"}, %n: i32 {tile.name = "n"})
    attributes {threads = 32 : i64} {
  %i = arith.index_castui %n : i32 to index
  %v = memref.load %x[%i] : memref<?xi64>
  %other = tile.broadcast %v from %n : i64
  %scan = tile.warp_scan %other : i64
  %sum = tile.warp_sum %scan : i64
  %f = arith.uitofp %sum : i64 to f32
  %g = tile.broadcast %f from %n : f32
  %h = tile.warp_sum %g : f32
  %d = arith.extf %h : f32 to f64
  %e = tile.warp_sum %d : f64
  %r = arith.truncf %e : f64 to f32
  memref.store %r, %y[%i] : memref<?xf32>
}

// What is the same for all iterations of a loop is computed before it.
// CHECK-LABEL: llvm.func @parts(
// CHECK-SAME: %[[X:.*]]: !llvm.ptr<1>, %[[START:.*]]: i64, %[[I:.*]]: i32)
// CHECK: %[[WIDE:.*]] = arith.extui %[[I]] : i32 to i64
// CHECK-DAG: %[[BYTES:.*]] = arith.muli %[[START]], %c4_i64
// CHECK-DAG: %[[BASE:.*]] = llvm.getelementptr %[[X]][%[[BYTES]]]
// CHECK-DAG: %[[MORE:.*]] = arith.muli %[[WIDE]], %c4_i64
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[BASE]][%[[MORE]]]
// CHECK-NEXT: llvm.load %[[AT]] : !llvm.ptr<1> -> i32
tile.kernel @parts(%x: memref<?xi32> {tile.name = "x"}, %start: i64 {tile.name = "start"}, %i: i32 {tile.name = "i"})
    attributes {threads = 32 : i64} {
  %wide = arith.extui %i : i32 to i64
  %place = arith.addi %start, %wide : i64
  %j = arith.index_castui %place : i64 to index
  %v = memref.load %x[%j] : memref<?xi32>
  %c0 = arith.constant 0 : index
  memref.store %v, %x[%c0] : memref<?xi32>
}

// In a role, from its first warp on.
// CHECK-LABEL: llvm.func @role(
// CHECK: %[[WARP:.*]] = nvvm.shfl.sync  idx
// CHECK: %[[OWN:.*]] = arith.subi %[[WARP]], %c2_i32
// CHECK: llvm.store %[[OWN]]
tile.kernel @role(%x: memref<?xi32> {tile.name = "x"}) {
  tile.role "idle" warps(2) {}
  tile.role "work" warps(2) {
    %warp = tile.warp
    %i = arith.index_castui %warp : i32 to index
    memref.store %warp, %x[%i] : memref<?xi32>
  }
}
