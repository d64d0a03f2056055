// Crash in MLIR 22.1: the verifier of tensor.concat takes a negative dimension as an index into the sizes of the result.
// The stock tool crashes too. Where an update of LLVM makes this test fail, delete it.
// REQUIRES: mlir-opt
// UNSUPPORTED: sanitizers
// RUN: not --crash mlir-opt %s
// RUN: not --crash sparsek-opt %s
// SIGNATURE: mlir::tensor::ConcatOp::verify
func.func @f(%a: tensor<1x64x16xf32>) {
  %0 = tensor.concat dim(-1) %a, %a : (tensor<1x64x16xf32>, tensor<1x64x16xf32>) -> tensor<1x64x32xf32>
  return
}
