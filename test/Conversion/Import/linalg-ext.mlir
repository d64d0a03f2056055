// RUN: sparsek-opt %s --sparsek-import=mode=dense --verify-diagnostics --split-input-file | FileCheck %s

// The form that IREE's input phase prints for a causal SDPA.
// CHECK-LABEL: func @causal
// CHECK-NOT: iree_linalg_ext
// CHECK: %[[Q:.*]] = tensor.expand_shape %arg0 {{\[\[}}0, 1], [2], [3]] {{.*}} : tensor<8x64x32xf32> into tensor<1x8x64x32xf32>
// CHECK: %[[O:.*]], %{{.*}} = sparsek.causal_attention %[[Q]], %{{.*}}, %{{.*}} scale(1.250000e-01)
// CHECK: tensor.collapse_shape %[[O]]
func.func @causal(%q: tensor<8x64x32xf32>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %scale = arith.constant 1.250000e-01 : f32
  %me = tensor.empty() : tensor<8x64x64xf32>
  %mask = linalg.generic {indexing_maps = [affine_map<(h, m, j) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%me : tensor<8x64x64xf32>) {
  ^bb0(%out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %sees = arith.cmpi sge, %m, %j : index
    %0 = arith.select %sees, %zero, %low : f32
    linalg.yield %0 : f32
  } -> tensor<8x64x64xf32>
  %e = tensor.empty() : tensor<8x64x32xf32>
  // expected-remark @+1 {{imported as sparsek.causal_attention: B = 1, Hq = 8, Hkv = 8, M = 64, N = 64, D = 32, Dv = 32, scale 0.125}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %scale, %mask, %e) <{indexing_maps = [
      affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>,
      affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, j)>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%s: f32):
    "iree_linalg_ext.yield"(%s) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x64xf32>, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// Loops and dimensions in any order, a group of heads that K and V do not
// have, a mask of two dimensions, a boolean one, f16, a region that scales.
// CHECK-LABEL: func @any_order
// CHECK: sparsek.causal_attention %{{.*}}, %{{.*}}, %{{.*}} scale(5.000000e-01) : tensor<2x12x64x32xf16>, tensor<2x3x64x32xf16>, tensor<2x3x64x48xf16>
func.func @any_order(%q: tensor<2x64x3x4x32xf16>, %k: tensor<2x3x32x64xf16>, %v: tensor<3x2x48x64xf16>) -> tensor<2x64x3x4x48xf16> {
  %scale = arith.constant 2.500000e-01 : f16
  %me = tensor.empty() : tensor<64x64xi1>
  %mask = linalg.generic {indexing_maps = [affine_map<(j, m) -> (j, m)>], iterator_types = ["parallel", "parallel"]} outs(%me : tensor<64x64xi1>) {
  ^bb0(%out: i1):
    %j = linalg.index 0 : index
    %m = linalg.index 1 : index
    %sees = arith.cmpi ule, %j, %m : index
    linalg.yield %sees : i1
  } -> tensor<64x64xi1>
  %e = tensor.empty() : tensor<2x64x3x4x48xf16>
  // expected-remark @+1 {{B = 2, Hq = 12, Hkv = 3, M = 64, N = 64, D = 32, Dv = 48, scale 0.5}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %scale, %mask, %e) <{indexing_maps = [
      affine_map<(j, d, e, g, h, m, b) -> (b, m, h, g, d)>, affine_map<(j, d, e, g, h, m, b) -> (b, h, d, j)>, affine_map<(j, d, e, g, h, m, b) -> (h, b, e, j)>,
      affine_map<(j, d, e, g, h, m, b) -> ()>, affine_map<(j, d, e, g, h, m, b) -> (j, m)>, affine_map<(j, d, e, g, h, m, b) -> (b, m, h, g, e)>]}> ({
  ^bb0(%s: f32):
    %two = arith.constant 2.0 : f32
    %0 = arith.mulf %s, %two : f32
    "iree_linalg_ext.yield"(%0) : (f32) -> ()
  }) {lowering_config = #foreign<config>} : (tensor<2x64x3x4x32xf16>, tensor<2x3x32x64xf16>, tensor<3x2x48x64xf16>, f16, tensor<64x64xi1>, tensor<2x64x3x4x48xf16>) -> tensor<2x64x3x4x48xf16>
  return %o : tensor<2x64x3x4x48xf16>
}

// -----

// A region that masks by positions, and a window.
// CHECK-LABEL: func @region_window
// CHECK: linalg.fill ins(%{{.*}} : f32) outs(%{{.*}} : tensor<1x1x64xf32>)
// CHECK: sparsek.attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} topk(1) window(5) gate<none>
func.func @region_window(%q: tensor<1x8x64x32xbf16>, %k: tensor<1x8x64x32xbf16>, %e: tensor<1x8x64x32xbf16>) -> tensor<1x8x64x32xbf16> {
  %scale = arith.constant 1.250000e-01 : bf16
  // expected-remark @+1 {{imported as sparsek.attention: B = 1, Hq = 8, Hkv = 8, M = 64, N = 64, D = 32, Dv = 32, scale 0.125, window 5}}
  %o = "iree_linalg_ext.attention"(%q, %k, %k, %scale, %e) <{indexing_maps = [
      affine_map<(b, h, m, j, d, e) -> (b, h, m, d)>, affine_map<(b, h, m, j, d, e) -> (b, h, j, d)>, affine_map<(b, h, m, j, d, e) -> (b, h, j, e)>,
      affine_map<(b, h, m, j, d, e) -> ()>, affine_map<(b, h, m, j, d, e) -> (b, h, m, e)>]}> ({
  ^bb0(%s: f32):
    %low = arith.constant 0xFF800000 : f32
    %c5 = arith.constant 5 : index
    %m = "iree_linalg_ext.index"() <{dim = 2 : i64}> : () -> index
    %j = "iree_linalg_ext.index"() <{dim = 3 : i64}> : () -> index
    %past = arith.cmpi sge, %m, %j : index
    %distance = arith.subi %m, %j : index
    %near = arith.cmpi slt, %distance, %c5 : index
    %sees = arith.andi %past, %near : i1
    %0 = arith.select %sees, %s, %low : f32
    "iree_linalg_ext.yield"(%0) : (f32) -> ()
  }) : (tensor<1x8x64x32xbf16>, tensor<1x8x64x32xbf16>, tensor<1x8x64x32xbf16>, bf16, tensor<1x8x64x32xbf16>) -> tensor<1x8x64x32xbf16>
  return %o : tensor<1x8x64x32xbf16>
}

// -----

// Dynamic sizes: as many queries as keys are asserted.
// CHECK-LABEL: func @dynamic
// CHECK: cf.assert %{{.*}}, "causal attention needs as many queries as keys"
// CHECK: sparsek.causal_attention {{.*}} : tensor<1x8x?x32xf32>, tensor<1x8x?x32xf32>, tensor<1x8x?x32xf32>
func.func @dynamic(%q: tensor<8x?x32xf32>, %k: tensor<8x?x32xf32>, %v: tensor<8x?x32xf32>, %e: tensor<8x?x32xf32>) -> tensor<8x?x32xf32> {
  %scale = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{M = ?, N = ?, D = 32, Dv = 32, scale 0.125; equal sizes are asserted}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %scale, %e) <{indexing_maps = [
      affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>,
      affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%s: f32):
    %low = arith.constant -3.4e+38 : f32
    %m = "iree_linalg_ext.index"() <{dim = 1 : i64}> : () -> index
    %j = "iree_linalg_ext.index"() <{dim = 4 : i64}> : () -> index
    %sees = arith.cmpi sge, %m, %j : index
    %0 = arith.select %sees, %s, %low : f32
    "iree_linalg_ext.yield"(%0) : (f32) -> ()
  }) : (tensor<8x?x32xf32>, tensor<8x?x32xf32>, tensor<8x?x32xf32>, f32, tensor<8x?x32xf32>) -> tensor<8x?x32xf32>
  return %o : tensor<8x?x32xf32>
}

// -----

// All keys at once, divided by the sum of the weights, is attention.
// CHECK-LABEL: func @online
// CHECK-NOT: online_attention
// CHECK: sparsek.causal_attention {{.*}} scale(2.500000e-01)
// CHECK-NOT: arith.divf
func.func @online(%q: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %scale = arith.constant 2.500000e-01 : f32
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %low = arith.constant -3.40282347E+38 : f32
  %hidden = arith.constant 0xFF800000 : f32
  %oe = tensor.empty() : tensor<8x64x32xf32>
  %se = tensor.empty() : tensor<8x64xf32>
  %acc = linalg.fill ins(%zero : f32) outs(%oe : tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  %max = linalg.fill ins(%low : f32) outs(%se : tensor<8x64xf32>) -> tensor<8x64xf32>
  %sum = linalg.fill ins(%zero : f32) outs(%se : tensor<8x64xf32>) -> tensor<8x64xf32>
  // expected-remark @+1 {{imported as sparsek.causal_attention: B = 1, Hq = 8, Hkv = 8, M = 64, N = 64, D = 32, Dv = 32, scale 0.25}}
  %o:3 = "iree_linalg_ext.online_attention"(%q, %q, %q, %scale, %acc, %max, %sum) <{indexing_maps = [
      affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>,
      affine_map<(h, m, e, d, j) -> (h, m, e)>, affine_map<(h, m, e, d, j) -> (h, m)>, affine_map<(h, m, e, d, j) -> (h, m)>]}> ({
  ^bb0(%s: f32):
    %m = "iree_linalg_ext.index"() <{dim = 1 : i64}> : () -> index
    %j = "iree_linalg_ext.index"() <{dim = 4 : i64}> : () -> index
    %sees = arith.cmpi sge, %m, %j : index
    %0 = arith.select %sees, %s, %hidden : f32
    "iree_linalg_ext.yield"(%0) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x32xf32>, tensor<8x64xf32>, tensor<8x64xf32>) -> (tensor<8x64x32xf32>, tensor<8x64xf32>, tensor<8x64xf32>)
  %q1 = linalg.generic {indexing_maps = [affine_map<(h, m, e) -> (h, m)>, affine_map<(h, m, e) -> (h, m, e)>, affine_map<(h, m, e) -> (h, m, e)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%o#2, %o#0 : tensor<8x64xf32>, tensor<8x64x32xf32>) outs(%oe : tensor<8x64x32xf32>) {
  ^bb0(%s: f32, %a: f32, %out: f32):
    %0 = arith.divf %one, %s : f32
    %1 = arith.mulf %0, %a : f32
    linalg.yield %1 : f32
  } -> tensor<8x64x32xf32>
  return %q1 : tensor<8x64x32xf32>
}
