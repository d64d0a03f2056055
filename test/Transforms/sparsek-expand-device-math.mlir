// RUN: sparsek-opt %s --sparsek-expand-device-math --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @known(
// CHECK-NOT:   math.exp
// CHECK-NOT:   math.log
// CHECK:       llvm.call_intrinsic "llvm.fma.f32"
// CHECK-NOT:   math.
// CHECK:       return
func.func @known(%x: f32, %h: f16) -> (f32, f32, f32, f16) {
  %0 = math.exp %x : f32
  %1 = math.log %x : f32
  %2 = math.tanh %x : f32
  %3 = math.erf %h : f16
  return %0, %1, %2, %3 : f32, f32, f32, f16
}

// CHECK-LABEL: func.func @native(
// CHECK:       llvm.call_intrinsic "llvm.sqrt.f64"
// CHECK:       llvm.call_intrinsic "llvm.fabs.f64"
func.func @native(%x: f64) -> (f64, f64) {
  %0 = math.sqrt %x : f64
  %1 = math.absf %x : f64
  return %0, %1 : f64, f64
}

// -----

func.func @wide(%x: f64) -> f64 {
  // expected-error@below {{of this type has no expansion for the device; accepted are operands of f32, f16 and bf16, and functions that MLIR approximates by polynomials}}
  %0 = math.exp %x : f64
  return %0 : f64
}
