// RUN: sparsek-opt %s --split-input-file --verify-diagnostics --sparsek-lower-runtime-checks | FileCheck %s

// CHECK-DAG: llvm.func @sparsek_runtime_check_failed(!llvm.ptr) attributes {passthrough = ["noreturn", "nounwind", "cold"]}
// CHECK-DAG: llvm.mlir.global internal constant @[[$N:.*]]("N differs\00")
// CHECK-DAG: llvm.mlir.global internal constant @[[$M:.*]]("M differs\00")

// CHECK-LABEL: func.func @two_messages(
// CHECK-SAME: %[[A:.*]]: i1, %[[B:.*]]: i1
// CHECK:   cf.cond_br %[[A]], ^[[SECOND:.*]], ^[[FAIL:.*]]
// CHECK: ^[[FAIL]]:
// CHECK:   %[[TEXT:.*]] = llvm.mlir.addressof @[[$N]]
// CHECK:   llvm.call @sparsek_runtime_check_failed(%[[TEXT]])
// CHECK:   llvm.unreachable
// CHECK: ^[[SECOND]]:
// CHECK:   cf.cond_br %[[B]], ^[[THIRD:.*]], ^[[FAIL:.*]]
// CHECK: ^[[FAIL]]:
// CHECK:   llvm.mlir.addressof @[[$M]]
// CHECK: ^[[THIRD]]:
// CHECK:   cf.cond_br %[[A]], ^[[END:.*]], ^[[FAIL:.*]]
// CHECK: ^[[FAIL]]:
// CHECK:   llvm.mlir.addressof @[[$N]]
// CHECK: ^[[END]]:
// CHECK:   return
func.func @two_messages(%a: i1, %b: i1) {
  cf.assert %a, "N differs"
  cf.assert %b, "M differs"
  cf.assert %a, "N differs"
  return
}

// -----

// CHECK-LABEL: func.func @nothing_to_do
// CHECK-NOT: sparsek_runtime_check
func.func @nothing_to_do() {
  return
}

// -----

func.func @in_a_loop(%a: i1, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    // expected-error @below {{'cf.assert' op lies in 'scf.for', which holds one block only; run convert-scf-to-cf first}}
    cf.assert %a, "no"
  }
  return
}

// -----

// expected-error @below {{the name 'sparsek_runtime_check_failed' is taken by something other than an llvm.func}}
func.func private @sparsek_runtime_check_failed()
func.func @taken(%a: i1) {
  cf.assert %a, "no"
  return
}
