// RUN: sparsek-opt %s --tile-allocate --convert-tile-to-fragments | FileCheck %s

!x = memref<?x?x72xf16, strided<[?, ?, 1]>>

// Two rows of a lane, 16 bytes of each for a group of 32 columns; the second
// group may lie past the end.
// CHECK-LABEL: llvm.func @panels
// CHECK-COUNT-2: arith.minsi
// CHECK: %[[INSIDE:.*]] = arith.cmpi slt, %{{.*}}, %{{.*}} : i32
// CHECK: scf.if %[[INSIDE]] -> (vector<4xi32>, vector<4xi32>)
// CHECK-COUNT-2: llvm.load %{{.*}} : !llvm.ptr<1> -> vector<4xi32>
// CHECK: scf.if
// CHECK-COUNT-2: llvm.load %{{.*}} : !llvm.ptr<1> -> vector<4xi32>

// Two products of each group, the second part first; it is scaled by 2^-11.
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> vector<4xi32>
// CHECK-COUNT-2: nvvm.mma.sync
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> vector<4xi32>
// CHECK-COUNT-2: nvvm.mma.sync
// CHECK: arith.constant 4.8828125E-4 : f32
// CHECK: arith.mulf %{{.*}}, %{{.*}} : f32
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> vector<4xi32>
// CHECK-COUNT-2: nvvm.mma.sync
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> vector<4xi32>
// CHECK-COUNT-2: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
// CHECK: arith.cmpf ole
// CHECK-NOT: arith.mulf
tile.kernel @panels(%x: !x {tile.name = "x", tile.dims = "bnc"}, %y: memref<?xf32> {tile.name = "y"},
                    %i: i32 {tile.name = "i"}, %n: i32 {tile.name = "n"}) attributes {threads = 32} {
  %w = tile.array : memref<128xvector<4xi32>>
  %none = arith.constant dense<0.0> : vector<4xf32>
  %panel = tile.load_panel %x[%i, %i, %i] limit %n masked : !x -> vector<16xi32>
  %sum = tile.mma_panel %panel, %w[%i], %none f16 parts(2) : vector<16xi32>, memref<128xvector<4xi32>>, vector<4xf32>
  %first = vector.extract %sum[0] : f32 from vector<4xf32>
  %at = arith.index_cast %i : i32 to index
  memref.store %first, %y[%at] : memref<?xf32>
}
