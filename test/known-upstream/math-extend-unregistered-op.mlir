// Crash in MLIR 22.1: math-extend-to-supported-types asks every op for its dialect, and one of an unregistered dialect has none.
// The stock tool crashes too. Where an update of LLVM makes this test fail, delete it.
// REQUIRES: mlir-opt
// UNSUPPORTED: sanitizers
// RUN: not --crash mlir-opt %s --allow-unregistered-dialect --math-extend-to-supported-types
// RUN: not --crash sparsek-opt %s --allow-unregistered-dialect --math-extend-to-supported-types
// SIGNATURE: \Amlir::ConversionTarget::isLegal\n
"unknown.op"() : () -> ()
