// RUN: sparsek-opt %s | FileCheck %s
// RUN: sparsek-opt %s --mlir-print-op-generic | sparsek-opt | FileCheck %s
// RUN: sparsek-opt %s --mlir-print-op-generic | FileCheck %s --check-prefix=GENERIC

// CHECK-LABEL: func @attention
// CHECK: tm_tensor.attention ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x16xf32>) outs(%{{.*}} : tensor<8x64x16xf32>) -> tensor<8x64x16xf32>
// GENERIC: "tm_tensor.attention"(%{{.*}}) <{operandSegmentSizes = array<i32: 3, 1>}>
func.func @attention(%q: tensor<8x64x32xf32>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x16xf32>,
                     %init: tensor<8x64x16xf32>) -> tensor<8x64x16xf32> {
  %o = tm_tensor.attention ins(%q, %k, %v : tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x16xf32>) outs(%init : tensor<8x64x16xf32>) -> tensor<8x64x16xf32>
  return %o : tensor<8x64x16xf32>
}

// CHECK-LABEL: func @attention_mask_scale
// CHECK: tm_tensor.attention {scale = 1.250000e-01 : f64} ins(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<2x8x?x32xbf16>, tensor<2x8x?x32xbf16>, tensor<2x8x?x32xbf16>, tensor<2x8x?x?xi1>) outs(%{{.*}} : tensor<2x8x?x32xbf16>) -> tensor<2x8x?x32xbf16>
// GENERIC: "tm_tensor.attention"(%{{.*}}) <{operandSegmentSizes = array<i32: 4, 1>, scale = 1.250000e-01 : f64}>
func.func @attention_mask_scale(%q: tensor<2x8x?x32xbf16>, %mask: tensor<2x8x?x?xi1>) -> tensor<2x8x?x32xbf16> {
  %o = tm_tensor.attention {scale = 0.125} ins(%q, %q, %q, %mask : tensor<2x8x?x32xbf16>, tensor<2x8x?x32xbf16>, tensor<2x8x?x32xbf16>, tensor<2x8x?x?xi1>) outs(%q : tensor<2x8x?x32xbf16>) -> tensor<2x8x?x32xbf16>
  return %o : tensor<2x8x?x32xbf16>
}

// Ops with a body keep the generic form.
// CHECK-LABEL: func @scan
// CHECK: "tm_tensor.scan"
// CHECK: tm_tensor.yield %{{.*}} : i64
func.func @scan(%in: tensor<1x64xi64>, %out: tensor<1x64xi64>, %acc: tensor<1xi64>) -> tensor<1x64xi64> {
  %0:2 = "tm_tensor.scan"(%in, %out, %acc) <{dimension = 1 : i64, inclusive = true, operandSegmentSizes = array<i32: 1, 2>}> ({
  ^bb0(%a: i64, %b: i64):
    %s = arith.addi %a, %b : i64
    "tm_tensor.yield"(%s) : (i64) -> ()
  }) : (tensor<1x64xi64>, tensor<1x64xi64>, tensor<1xi64>) -> (tensor<1x64xi64>, tensor<1xi64>)
  return %0#0 : tensor<1x64xi64>
}

// CHECK-LABEL: func @sort
// CHECK: "tm_tensor.sort"
func.func @sort(%keys: tensor<64xf32>, %values: tensor<64xi64>) -> tensor<64xi64> {
  %0:2 = "tm_tensor.sort"(%keys, %values) <{dimension = 0 : i64, operandSegmentSizes = array<i32: 0, 2>}> ({
  ^bb0(%a: f32, %b: f32, %c: i64, %d: i64):
    %less = arith.cmpf ole, %a, %b : f32
    tm_tensor.yield %less : i1
  }) : (tensor<64xf32>, tensor<64xi64>) -> (tensor<64xf32>, tensor<64xi64>)
  return %0#1 : tensor<64xi64>
}
