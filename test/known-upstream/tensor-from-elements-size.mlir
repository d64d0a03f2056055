// Crash in MLIR 22.1: the parser of tensor.from_elements makes one type per element of the result before it looks at the operands.
// The stock tool crashes too. Where an update of LLVM makes this test fail, delete it.
// REQUIRES: mlir-opt
// UNSUPPORTED: sanitizers
// RUN: not --crash mlir-opt %s
// RUN: not --crash sparsek-opt %s
// SIGNATURE: (bad_alloc|grow_pod|SmallVector)[\s\S]*mlir::tensor::FromElementsOp::parse
func.func @f(%a: i64) {
  %0 = tensor.from_elements %a : tensor<1000000000000xi64>
  return
}
