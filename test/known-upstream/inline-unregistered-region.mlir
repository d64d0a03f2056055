// Crash in MLIR 22.1: the inliner takes a block without a terminator, whose last op is of an unregistered dialect and has a region.
// The stock tool crashes too. Where an update of LLVM makes this test fail, delete it.
// REQUIRES: mlir-opt
// UNSUPPORTED: sanitizers
// RUN: not --crash mlir-opt %s --allow-unregistered-dialect --inline
// RUN: not --crash sparsek-opt %s --allow-unregistered-dialect --inline
// SIGNATURE: \Amlir::Inliner::doInlining\n
func.func @f() {
  "unknown.op"() ({
    ^bb0:
      "unknown.end"() : () -> ()
  }) : () -> ()
}
