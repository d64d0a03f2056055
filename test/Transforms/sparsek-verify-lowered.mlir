// RUN: sparsek-opt %s --sparsek-verify-lowered --split-input-file --verify-diagnostics

llvm.func @lowered(%x: f32) -> f32 {
  %0 = llvm.fadd %x, %x : f32
  llvm.return %0 : f32
}

// -----

llvm.func @left(%x: f32) -> f32 {
  // expected-error @below {{'arith.addf' op has no lowering to LLVM in this pipeline}}
  %0 = arith.addf %x, %x : f32
  llvm.return %0 : f32
}
