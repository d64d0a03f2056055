// RUN: sparsek-opt %s --sparsek-expand-f64 --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// Values of loops and branches are bits; elements of buffers, arguments and
// operands of calls keep their type.

// CHECK-LABEL: func.func @kernel(
// CHECK-SAME:    %[[X:.*]]: memref<?xf32>, %[[S:.*]]: memref<?xf64>, %[[A:.*]]: f64, %[[N:.*]]: index)
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0 : i64
// CHECK-DAG:     %[[BITS:.*]] = arith.bitcast %[[A]] : f64 to i64
// CHECK:         %[[SUM:.*]] = scf.for {{.*}} iter_args(%[[STATE:.*]] = %[[ZERO]]) -> (i64) {
// CHECK:           %[[E:.*]] = memref.load %[[X]]
// CHECK:           arith.bitcast %[[E]] : f32 to i32
// CHECK-NOT:       f64
// CHECK:           %[[LESS:.*]] = arith.andi %{{.*}}, %{{.*}} : i1
// CHECK:           scf.if %[[LESS]] -> (i64) {
// CHECK-NOT:         f64
// CHECK:             math.ctlz
// CHECK:             scf.yield %{{.*}} : i64
// CHECK:         %[[R:.*]] = arith.bitcast %[[SUM]] : i64 to f64
// CHECK:         memref.store %[[R]], %[[S]]
// CHECK:         call @other(%[[R]]) : (f64) -> ()
func.func private @other(f64)
func.func @kernel(%x: memref<?xf32>, %s: memref<?xf64>, %a: f64, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f64
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%state = %zero) -> (f64) {
    %e = memref.load %x[%i] : memref<?xf32>
    %w = arith.extf %e : f32 to f64
    %less = arith.cmpf olt, %w, %a : f64
    %next = scf.if %less -> (f64) {
      %more = arith.addf %state, %w : f64
      scf.yield %more : f64
    } else {
      scf.yield %state : f64
    }
    scf.yield %next : f64
  }
  memref.store %sum, %s[%c0] : memref<?xf64>
  func.call @other(%sum) : (f64) -> ()
  return
}

// -----

// Without buffers a function is none of our kernels.

// CHECK-LABEL: func.func @tensors(
// CHECK:         arith.addf %{{.*}}, %{{.*}} : f64
func.func @tensors(%x: f64, %t: tensor<4xf64>) -> f64 {
  %y = arith.addf %x, %x : f64
  return %y : f64
}

// -----

func.func @power(%x: memref<4xf64>, %i: index) {
  %a = memref.load %x[%i] : memref<4xf64>
  // expected-error @below {{'math.exp' op on f64 cannot be computed by integers; accepted are sums, differences, products, quotients, square roots, absolute values, comparisons, conversions from integers and from and to f32, and scf}}
  %b = math.exp %a : f64
  memref.store %b, %x[%i] : memref<4xf64>
  return
}

// -----

func.func @short(%x: memref<4xf64>, %y: memref<4xf16>, %i: index) {
  %a = memref.load %x[%i] : memref<4xf64>
  // expected-error @below {{'arith.truncf' op on f64 cannot be computed by integers}}
  %b = arith.truncf %a : f64 to f16
  memref.store %b, %y[%i] : memref<4xf16>
  return
}

// -----

func.func @remainder(%x: memref<4xf64>, %i: index) {
  %a = memref.load %x[%i] : memref<4xf64>
  %c = arith.constant 2.0 : f64
  // expected-error @below {{'arith.remf' op on f64 cannot be computed by integers}}
  %b = arith.remf %a, %c : f64
  memref.store %b, %x[%i] : memref<4xf64>
  return
}
