// RUN: sparsek-opt %s --sparsek-import=mode=dense --verify-diagnostics --split-input-file | FileCheck %s

// The scale is not known.
// CHECK-LABEL: func @scale_argument
// CHECK: "iree_linalg_ext.attention"
func.func @scale_argument(%q: tensor<8x64x32xf32>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x32xf32>, %s: f32, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: the scale is not a constant}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%x: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// Every query sees every key.
// CHECK-LABEL: func @plain
// CHECK: "iree_linalg_ext.attention"
func.func @plain(%q: tensor<8x64x32xf32>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x32xf32>, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %s = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{attention is left as it is: not causal}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%x: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// What the mask hides is not known.
// CHECK-LABEL: func @mask_argument
// CHECK: "iree_linalg_ext.attention"
func.func @mask_argument(%q: tensor<8x64x32xf32>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x32xf32>, %mask: tensor<8x64x64xf32>, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %s = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %mask, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, j)>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%x: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x64xf32>, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// A mask of i8 is none of the known kinds.
// CHECK-LABEL: func @mask_of_integers
// CHECK: "iree_linalg_ext.attention"
func.func @mask_of_integers(%q: tensor<8x64x32xf32>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x32xf32>, %mask: tensor<8x64x64xi8>, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %s = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{attention is left as it is: unknown mask: its element type is neither a float nor i1}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %mask, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, j)>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%x: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x64xi8>, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// f64 is not supported.
// CHECK-LABEL: func @doubles
// CHECK: "iree_linalg_ext.attention"
func.func @doubles(%q: tensor<8x64x32xf64>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x32xf32>, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %s = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{attention is left as it is: element type is not f32, f16 or bf16}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%x: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<8x64x32xf64>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// K has more heads than Q.
// CHECK-LABEL: func @sizes
// CHECK: "iree_linalg_ext.attention"
func.func @sizes(%q: tensor<8x64x32xf32>, %k: tensor<9x64x32xf32>, %v: tensor<8x64x32xf32>, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %s = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{attention is left as it is: sizes of q, k, v, mask and result do not agree}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%x: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<9x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// A map for each operand.
// CHECK-LABEL: func @maps
// CHECK: "iree_linalg_ext.attention"
func.func @maps(%q: tensor<8x64x32xf32>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x32xf32>, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %s = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{attention is left as it is: indexing_maps has not one map for each operand}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>]}> ({
  ^bb0(%x: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// A sum of loops is no projected permutation.
// CHECK-LABEL: func @permuted
// CHECK: "iree_linalg_ext.attention"
func.func @permuted(%q: tensor<8x64x32xf32>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x32xf32>, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %s = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{attention is left as it is: an indexing map is not a projected permutation}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m + 1, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%x: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// The output has no loop of V.
// CHECK-LABEL: func @result_without_values
// CHECK: "iree_linalg_ext.attention"
func.func @result_without_values(%q: tensor<8x64x32xf32>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x32xf32>, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %s = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{attention is left as it is: indexing_maps has other reductions}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, d)>]}> ({
  ^bb0(%x: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// What the attribute means is not known.
// CHECK-LABEL: func @unknown_attribute
// CHECK: "iree_linalg_ext.attention"
func.func @unknown_attribute(%q: tensor<8x64x32xf32>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x32xf32>, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %s = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{attention is left as it is: attribute 'is_special' is unknown; known are indexing_maps}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>], is_special}> ({
  ^bb0(%x: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// The region changes the logits.
// CHECK-LABEL: func @softcap
// CHECK: "iree_linalg_ext.attention"
func.func @softcap(%q: tensor<8x64x32xf32>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x32xf32>, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %s = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{attention is left as it is: other structure: logits are not a scaled product of q and k}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%x: f32):
    %0 = math.tanh %x : f32
    "iree_linalg_ext.yield"(%0) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// The region is not a function of one logit.
// CHECK-LABEL: func @two_logits
// CHECK: "iree_linalg_ext.attention"
func.func @two_logits(%q: tensor<8x64x32xf32>, %k: tensor<8x64x32xf32>, %v: tensor<8x64x32xf32>, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %s = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{attention is left as it is: its region does not map one logit to one}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%x: f32, %y: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>, tensor<8x64x32xf32>, f32, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// Nothing is hidden where there is one key.
// CHECK-LABEL: func @one_key
// CHECK: "iree_linalg_ext.attention"
func.func @one_key(%q: tensor<8x64x32xf32>, %k: tensor<8x1x32xf32>, %v: tensor<8x1x32xf32>, %e: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %s = arith.constant 1.250000e-01 : f32
  // expected-remark @+1 {{attention is left as it is: there is one key only}}
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %s, %e) <{indexing_maps = [affine_map<(h, m, e, d, j) -> (h, m, d)>, affine_map<(h, m, e, d, j) -> (h, j, d)>, affine_map<(h, m, e, d, j) -> (h, j, e)>, affine_map<(h, m, e, d, j) -> ()>, affine_map<(h, m, e, d, j) -> (h, m, e)>]}> ({
  ^bb0(%x: f32):
    "iree_linalg_ext.yield"(%x) : (f32) -> ()
  }) : (tensor<8x64x32xf32>, tensor<8x1x32xf32>, tensor<8x1x32xf32>, f32, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// Too few operands.
// CHECK-LABEL: func @operands
func.func @operands(%q: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  // expected-remark @+1 {{attention is left as it is: takes query, key, value, scale, optionally a mask, and output}}
  %o = "iree_linalg_ext.attention"(%q, %q) : (tensor<8x64x32xf32>, tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  return %o : tensor<8x64x32xf32>
}

// -----

// CHECK-LABEL: func @online
func.func @online(%q: tensor<8x64x32xf32>) {
  // expected-remark @+1 {{attention is left as it is: takes query, key, value, scale, optionally a mask, and three outputs}}
  "iree_linalg_ext.online_attention"(%q) : (tensor<8x64x32xf32>) -> ()
  return
}

// -----

// A sum that goes on.
// CHECK-LABEL: func @sum_of_before
// CHECK: online_attention
func.func @sum_of_before(%q: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %scale = arith.constant 2.500000e-01 : f32
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %low = arith.constant -3.40282347E+38 : f32
  %hidden = arith.constant 0xFF800000 : f32
  %oe = tensor.empty() : tensor<8x64x32xf32>
  %se = tensor.empty() : tensor<8x64xf32>
  %acc = linalg.fill ins(%zero : f32) outs(%oe : tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  %max = linalg.fill ins(%low : f32) outs(%se : tensor<8x64xf32>) -> tensor<8x64xf32>
  %sum = linalg.fill ins(%one : f32) outs(%se : tensor<8x64xf32>) -> tensor<8x64xf32>
  // expected-remark @+1 {{attention is left as it is: it computes a part of the keys: its accumulators do not begin empty}}
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

// -----

// Weights would vanish beside such a maximum.
// CHECK-LABEL: func @high_maximum
// CHECK: online_attention
func.func @high_maximum(%q: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
  %scale = arith.constant 2.500000e-01 : f32
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %low = arith.constant 0.0 : f32
  %hidden = arith.constant 0xFF800000 : f32
  %oe = tensor.empty() : tensor<8x64x32xf32>
  %se = tensor.empty() : tensor<8x64xf32>
  %acc = linalg.fill ins(%zero : f32) outs(%oe : tensor<8x64x32xf32>) -> tensor<8x64x32xf32>
  %max = linalg.fill ins(%low : f32) outs(%se : tensor<8x64xf32>) -> tensor<8x64xf32>
  %sum = linalg.fill ins(%zero : f32) outs(%se : tensor<8x64xf32>) -> tensor<8x64xf32>
  // expected-remark @+1 {{attention is left as it is: it computes a part of the keys: its accumulators do not begin empty}}
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

// -----

// The maximum is no sum.
// CHECK-LABEL: func @other_divisor
// CHECK: online_attention
func.func @other_divisor(%q: tensor<8x64x32xf32>) -> tensor<8x64x32xf32> {
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
  // expected-remark @+1 {{attention is left as it is: it computes a part of the keys: more happens to its results than a division of the first by the third}}
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
  %q1 = linalg.generic {indexing_maps = [affine_map<(h, m, e) -> (h, m)>, affine_map<(h, m, e) -> (h, m, e)>, affine_map<(h, m, e) -> (h, m, e)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%o#1, %o#0 : tensor<8x64xf32>, tensor<8x64x32xf32>) outs(%oe : tensor<8x64x32xf32>) {
  ^bb0(%s: f32, %a: f32, %out: f32):
    %0 = arith.divf %one, %s : f32
    %1 = arith.mulf %0, %a : f32
    linalg.yield %1 : f32
  } -> tensor<8x64x32xf32>
  return %q1 : tensor<8x64x32xf32>
}

// -----

// The logarithm of the sum is computed from it.
// CHECK-LABEL: func @used_maximum
// CHECK: online_attention
func.func @used_maximum(%q: tensor<8x64x32xf32>) -> (tensor<8x64x32xf32>, tensor<8x64xf32>) {
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
  // expected-remark @+1 {{attention is left as it is: it computes a part of the keys: more happens to its results than a division of the first by the third}}
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
  return %q1, %o#1 : tensor<8x64x32xf32>, tensor<8x64xf32>
}
