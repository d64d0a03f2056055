// RUN: sparsek-opt %s --convert-fragments-to-nvvm | FileCheck %s

// 16 columns of depth a step; the fifth step is in the second panel. The
// accumulator is overwritten by the first step.
// CHECK-LABEL: func.func @ss
// CHECK: llvm.inline_asm has_side_effects asm_dialect = att
// CHECK-SAME: wgmma.fence.sync.aligned;
// CHECK-SAME: add.s32 tda, $4, 0; mov.b64 da, {tda, 1073741888};
// CHECK-SAME: add.s32 tdb, $5, 0; mov.b64 db, {tdb, 1073741888};
// CHECK-SAME: wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {$0, $1, $2, $3}, da, db, 0, 1, 1, 0, 0;
// CHECK-SAME: add.s32 tda, $4, 2;
// CHECK-SAME: {$0, $1, $2, $3}, da, db, 1, 1, 1, 0, 0;
// CHECK-SAME: add.s32 tda, $4, 1024;
// CHECK-SAME: add.s32 tdb, $5, 64;
// CHECK-SAME: wgmma.commit_group.sync.aligned;
// CHECK-SAME: "=f,=f,=f,=f,r,r" %{{.*}}, %{{.*}} : (i32, i32)
func.func @ss(%q: i32, %k: i32) -> vector<4xf32> {
  %0 = frag.wgmma_ss %q, %k depth(80) type(bf16) panels(16384, 1024) : vector<4xf32>
  return %0 : vector<4xf32>
}

// 16 rows of 128 bytes a step, four registers of the left operand.
// CHECK-LABEL: func.func @rs
// CHECK: vector.to_elements
// CHECK: wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {$0, $1, $2, $3}, {$8, $9, $10, $11}, db, 1, 1, 1, 1;
// CHECK-SAME: add.s32 tdb, $16, 128;
// CHECK-SAME: {$0, $1, $2, $3}, {$12, $13, $14, $15}, db, 1, 1, 1, 1;
// CHECK-SAME: "=f,=f,=f,=f,0,1,2,3,r,r,r,r,r,r,r,r,r"
func.func @rs(%o: vector<4xf32>, %p: vector<8xi32>, %v: i32) -> vector<4xf32> {
  %0 = frag.wgmma_rs %o, %p, %v type(f16) : vector<4xf32>, vector<8xi32>
  return %0 : vector<4xf32>
}

// The accumulator is operand and result.
// CHECK-LABEL: func.func @wait
// CHECK: %[[E:.*]]:4 = vector.to_elements
// CHECK: llvm.inline_asm has_side_effects asm_dialect = att "wgmma.wait_group.sync.aligned 1;", "=f,=f,=f,=f,0,1,2,3" %[[E]]#0, %[[E]]#1, %[[E]]#2, %[[E]]#3
// CHECK: vector.from_elements
func.func @wait(%o: vector<4xf32>) -> vector<4xf32> {
  %0 = frag.wgmma_wait %o outstanding(1) : vector<4xf32>
  return %0 : vector<4xf32>
}

// No side effects: unused addresses go away.
// CHECK-LABEL: func.func @address
// CHECK: llvm.inline_asm asm_dialect = att "mad.wide.u32 $0, $1, $2, $3;", "=l,r,r,l"
func.func @address(%base: !llvm.ptr<1>, %i: i32, %stride: i32) -> !llvm.ptr<1> {
  %0 = frag.row_address %base, %i, %stride : !llvm.ptr<1>
  return %0 : !llvm.ptr<1>
}

// CHECK-LABEL: func.func @arrive
// CHECK: llvm.inline_asm has_side_effects asm_dialect = att "{ .reg .pred p; setp.ne.b32 p, $1, 0; @p mbarrier.arrive.shared::cta.b64 _, [$0]; }"
func.func @arrive(%barrier: !llvm.ptr<3>, %leader: i1) {
  frag.arrive %barrier if %leader : !llvm.ptr<3>
  return
}
