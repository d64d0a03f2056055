// Crash in MLIR 22.1: the parser of linalg.generic names the iterator type that it refuses in its error, and reads it from a null attribute.
// The stock tool crashes too. Where an update of LLVM makes this test fail, delete it.
// REQUIRES: mlir-opt
// UNSUPPORTED: sanitizers
// RUN: not --crash mlir-opt %s
// RUN: not --crash sparsek-opt %s
// SIGNATURE: mlir::Diagnostic::operator<<[^\n]*\n[^\n]*mlir::linalg::GenericOp::parse
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = [none]} ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
