// Crash in MLIR 22.1: the parser of linalg.transpose puts the null attribute of a permutation that does not parse into a dictionary.
// The stock tool crashes too. Where an update of LLVM makes this test fail, delete it.
// REQUIRES: mlir-opt
// UNSUPPORTED: sanitizers
// RUN: not --crash mlir-opt %s
// RUN: not --crash sparsek-opt %s
// SIGNATURE: mlir::NamedAttrList::set[^\n]*\n[^\n]*mlir::linalg::TransposeOp::parse
func.func @f(%a: tensor<1x2xf32>, %b: tensor<2x1xf32>) {
  %0 = linalg.transpose ins(%a : tensor<1x2xf32>) outs(%b : tensor<2x1xf32>) permutation = [1, 0
