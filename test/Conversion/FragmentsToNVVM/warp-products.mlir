// RUN: sparsek-opt %s --convert-fragments-to-nvvm --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @ss
// CHECK-SAME: (%[[Q:.*]]: i32, %[[K:.*]]: i32)
// Lanes 0-15 give the rows of the left operand, lanes from 16 on again, eight
// columns on; a chunk is exchanged by the row.
// CHECK: %[[LANE:.*]] = nvvm.read.ptx.sreg.laneid
// CHECK: %[[ROW:.*]] = arith.andi %[[LANE]], %c7_i32
// CHECK: %[[L3:.*]] = arith.shrui %[[LANE]], %c3_i32
// CHECK: %[[LOWER:.*]] = arith.andi %[[L3]], %c1_i32
// CHECK: %[[L4:.*]] = arith.shrui %[[LANE]], %c4_i32
// CHECK: %[[RIGHT:.*]] = arith.andi %[[L4]], %c1_i32
// CHECK: %[[R:.*]] = arith.muli %[[ROW]], %c128_i32
// CHECK: %[[L:.*]] = arith.muli %[[LOWER]], %c1024_i32
// CHECK: %[[ROWS:.*]] = arith.addi %[[R]], %[[L]]
// CHECK: %[[CHUNK:.*]] = arith.xori %[[RIGHT]], %[[ROW]]
// CHECK: %[[BYTES:.*]] = arith.shli %[[CHUNK]], %c4_i32
// CHECK: %[[OFFSET:.*]] = arith.addi %[[ROWS]], %[[BYTES]]
// CHECK: %[[FIRST:.*]] = arith.addi %[[Q]], %[[OFFSET]]
// CHECK: %[[A0:.*]] = llvm.inttoptr %[[FIRST]] : i32 to !llvm.ptr<3>
// CHECK: %[[NEXT:.*]] = arith.xori %[[FIRST]], %c32_i32
// CHECK: %[[A1:.*]] = llvm.inttoptr %[[NEXT]]
// Of the right operand the lanes from 16 on give the lower rows.
// CHECK: %[[L4:.*]] = arith.shrui %{{.*}}, %c4_i32
// CHECK: %[[LOWER:.*]] = arith.andi %[[L4]], %c1_i32
// CHECK: arith.muli %[[LOWER]], %c1024_i32
// CHECK: %[[B0:.*]] = llvm.inttoptr

// The loads of a step before the products of the one before; of 24 columns the
// last step has a half.
// CHECK: %[[A:.*]] = nvvm.ldmatrix %[[A0]] {eltType = #nvvm.ld_st_matrix_elt_type<b16>, layout = #nvvm.mma_layout<row>, num = 4 : i32
// CHECK: %[[B:.*]] = nvvm.ldmatrix %[[B0]] {{.*}}layout = #nvvm.mma_layout<row>, num = 4 : i32
// CHECK: %[[DOWN:.*]] = llvm.getelementptr %[[B0]][2048]
// CHECK: nvvm.ldmatrix %[[DOWN]]
// CHECK-NOT: nvvm.ldmatrix
// CHECK: %[[S:.*]] = nvvm.mma.sync A[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] B[%{{.*}}, %{{.*}}] C[%[[Z:.*]], %[[Z]], %[[Z]], %[[Z]]]
// CHECK-SAME: layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<bf16>
// CHECK-SAME: shape = #nvvm.shape<m = 16, n = 8, k = 16>
// CHECK: nvvm.mma.sync {{.*}} C[%[[Z]], %[[Z]], %[[Z]], %[[Z]]]
// CHECK: nvvm.ldmatrix %[[A1]]
// CHECK: nvvm.ldmatrix
// CHECK-NOT: nvvm.ldmatrix
// CHECK: nvvm.mma.sync {{.*}} C[%[[Z]], %[[Z]], %[[Z]], %[[Z]]]
// CHECK: nvvm.ldmatrix
// CHECK-NOT: nvvm.ldmatrix
// CHECK: nvvm.mma.sync
// CHECK: nvvm.mma.sync
// CHECK: nvvm.ldmatrix
// The fifth step of 16 columns is in the second panel.
// CHECK: llvm.getelementptr %[[A0]][16384]
// CHECK: llvm.getelementptr %[[B0]][4096]
// CHECK: vector.from_elements
func.func @ss(%q: i32, %k: i32) -> vector<12xf32> {
  %0 = frag.mma_ss %q, %k depth(80) type(bf16) panels(16384, 4096) tiles(1) : vector<12xf32>
  return %0 : vector<12xf32>
}

// Two tiles share each load; the right operand is transposed as it is loaded.
// CHECK-LABEL: func.func @rs
// CHECK: %[[O:.*]]:8 = vector.to_elements
// CHECK: %[[P:.*]]:16 = vector.to_elements
// CHECK: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<col>, num = 4 : i32
// CHECK: llvm.getelementptr %{{.*}}[2048]
// CHECK: nvvm.ldmatrix
// CHECK: llvm.bitcast %[[P]]#0 : i32 to vector<2xf16>
// CHECK: nvvm.mma.sync {{.*}} C[%[[O]]#0, %[[O]]#1, %[[O]]#2, %[[O]]#3]
// CHECK-SAME: (vector<2xf16>, vector<2xf16>, f32)
// CHECK: llvm.bitcast %[[P]]#8 : i32 to vector<2xf16>
// CHECK: nvvm.mma.sync {{.*}} C[%[[O]]#4, %[[O]]#5, %[[O]]#6, %[[O]]#7]
// CHECK-NOT: nvvm.ldmatrix
// CHECK: llvm.bitcast %[[P]]#4
// CHECK: llvm.bitcast %[[P]]#12
// CHECK: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
func.func @rs(%o: vector<8xf32>, %p: vector<16xi32>, %v: i32) -> vector<8xf32> {
  %0 = frag.mma_rs %o, %p, %v type(f16) panel(4096) tiles(2) : vector<8xf32>, vector<16xi32>
  return %0 : vector<8xf32>
}
