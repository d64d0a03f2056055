// RUN: sparsek-opt %s --sparsek-raise-attention=mode=dense --verify-diagnostics --split-input-file | FileCheck %s

// Masks and biases computed from positions: what wraps around, is rounded or
// stays close to the visible logits is no causal mask.

#id = affine_map<(h, m, j) -> (h, m, j)>
// A bias linear in the distance.
// CHECK-LABEL: func @alibi
// CHECK: linalg.softmax
func.func @alibi(%q: tensor<2x130x8xf32>, %k: tensor<2x130x8xf32>, %v: tensor<2x130x8xf32>) -> tensor<2x130x8xf32> {
  %zero = arith.constant 0.0 : f32
  %slope = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<2x130x130xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %dot = linalg.generic {indexing_maps = [affine_map<(h, m, j, d) -> (h, m, d)>, affine_map<(h, m, j, d) -> (h, j, d)>, affine_map<(h, m, j, d) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x130x8xf32>, tensor<2x130x8xf32>) outs(%init : tensor<2x130x130xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x130x130xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%dot : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %m32 = arith.index_cast %m : index to i32
    %j32 = arith.index_cast %j : index to i32
    %d = arith.subi %j32, %m32 : i32
    %f = arith.sitofp %d : i32 to f32
    %b = arith.mulf %f, %slope : f32
    %s = arith.addf %x, %b : f32
    %sees = arith.cmpi sge, %m, %j : index
    %y = arith.select %sees, %s, %low : f32
    linalg.yield %y : f32
  } -> tensor<2x130x130xf32>
  %p = linalg.softmax dimension(2) ins(%masked : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %oe = tensor.empty() : tensor<2x130x8xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x130x130xf32>, tensor<2x130x8xf32>) outs(%oi : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  return %o : tensor<2x130x8xf32>
}

// -----

#id = affine_map<(h, m, j) -> (h, m, j)>
// A scale that depends on the key.
// CHECK-LABEL: func @scaled_by_position
// CHECK: linalg.softmax
func.func @scaled_by_position(%q: tensor<2x130x8xf32>, %k: tensor<2x130x8xf32>, %v: tensor<2x130x8xf32>) -> tensor<2x130x8xf32> {
  %zero = arith.constant 0.0 : f32
  %slope = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<2x130x130xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %dot = linalg.generic {indexing_maps = [affine_map<(h, m, j, d) -> (h, m, d)>, affine_map<(h, m, j, d) -> (h, j, d)>, affine_map<(h, m, j, d) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x130x8xf32>, tensor<2x130x8xf32>) outs(%init : tensor<2x130x130xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x130x130xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%dot : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %j32 = arith.index_cast %j : index to i32
    %f = arith.sitofp %j32 : i32 to f32
    %b = arith.addf %f, %slope : f32
    %s = arith.mulf %x, %b : f32
    %sees = arith.cmpi sge, %m, %j : index
    %y = arith.select %sees, %s, %low : f32
    linalg.yield %y : f32
  } -> tensor<2x130x130xf32>
  %p = linalg.softmax dimension(2) ins(%masked : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %oe = tensor.empty() : tensor<2x130x8xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x130x130xf32>, tensor<2x130x8xf32>) outs(%oi : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  return %o : tensor<2x130x8xf32>
}

// -----

#id = affine_map<(h, m, j) -> (h, m, j)>
// A window that compares positions as floats.
// CHECK-LABEL: func @window_in_floats
// CHECK: linalg.softmax
func.func @window_in_floats(%q: tensor<2x130x8xf32>, %k: tensor<2x130x8xf32>, %v: tensor<2x130x8xf32>) -> tensor<2x130x8xf32> {
  %zero = arith.constant 0.0 : f32
  %slope = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<2x130x130xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %dot = linalg.generic {indexing_maps = [affine_map<(h, m, j, d) -> (h, m, d)>, affine_map<(h, m, j, d) -> (h, j, d)>, affine_map<(h, m, j, d) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x130x8xf32>, tensor<2x130x8xf32>) outs(%init : tensor<2x130x130xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x130x130xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%dot : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %d = arith.subi %m, %j : index
    %d32 = arith.index_cast %d : index to i32
    %f = arith.sitofp %d32 : i32 to f32
    %near = arith.cmpf olt, %f, %slope : f32
    %s = arith.select %near, %x, %low : f32
    %sees = arith.cmpi sge, %m, %j : index
    %y = arith.select %sees, %s, %low : f32
    linalg.yield %y : f32
  } -> tensor<2x130x130xf32>
  %p = linalg.softmax dimension(2) ins(%masked : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %oe = tensor.empty() : tensor<2x130x8xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x130x130xf32>, tensor<2x130x8xf32>) outs(%oi : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  return %o : tensor<2x130x8xf32>
}

// -----

#id = affine_map<(h, m, j) -> (h, m, j)>
// Positions above 127 are negative in i8.
// CHECK-LABEL: func @wraps_in_i8
// CHECK: linalg.softmax
func.func @wraps_in_i8(%q: tensor<2x130x8xf32>, %k: tensor<2x130x8xf32>, %v: tensor<2x130x8xf32>) -> tensor<2x130x8xf32> {
  %zero = arith.constant 0.0 : f32
  %slope = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<2x130x130xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %dot = linalg.generic {indexing_maps = [affine_map<(h, m, j, d) -> (h, m, d)>, affine_map<(h, m, j, d) -> (h, j, d)>, affine_map<(h, m, j, d) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x130x8xf32>, tensor<2x130x8xf32>) outs(%init : tensor<2x130x130xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x130x130xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%dot : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %m8 = arith.index_cast %m : index to i8
    %j8 = arith.index_cast %j : index to i8
    %s = arith.mulf %x, %slope : f32
    %sees = arith.cmpi sge, %m8, %j8 : i8
    %y = arith.select %sees, %s, %low : f32
    linalg.yield %y : f32
  } -> tensor<2x130x130xf32>
  %p = linalg.softmax dimension(2) ins(%masked : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %oe = tensor.empty() : tensor<2x130x8xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  // expected-remark @+1 {{attention is left as it is: other structure: logits are not a scaled product of q and k}}
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x130x130xf32>, tensor<2x130x8xf32>) outs(%oi : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  return %o : tensor<2x130x8xf32>
}

// -----

#id = affine_map<(h, m, j) -> (h, m, j)>
// The distance is cut to eight bits.
// CHECK-LABEL: func @difference_wraps
// CHECK: linalg.softmax
func.func @difference_wraps(%q: tensor<2x130x8xf32>, %k: tensor<2x130x8xf32>, %v: tensor<2x130x8xf32>) -> tensor<2x130x8xf32> {
  %zero = arith.constant 0.0 : f32
  %slope = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<2x130x130xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %dot = linalg.generic {indexing_maps = [affine_map<(h, m, j, d) -> (h, m, d)>, affine_map<(h, m, j, d) -> (h, j, d)>, affine_map<(h, m, j, d) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x130x8xf32>, tensor<2x130x8xf32>) outs(%init : tensor<2x130x130xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x130x130xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%dot : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %d = arith.subi %m, %j : index
    %d8 = arith.index_cast %d : index to i8
    %zero8 = arith.constant 0 : i8
    %s = arith.mulf %x, %slope : f32
    %sees = arith.cmpi sge, %d8, %zero8 : i8
    %y = arith.select %sees, %s, %low : f32
    linalg.yield %y : f32
  } -> tensor<2x130x130xf32>
  %p = linalg.softmax dimension(2) ins(%masked : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %oe = tensor.empty() : tensor<2x130x8xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  // expected-remark @+1 {{attention is left as it is: other structure: logits are not a scaled product of q and k}}
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x130x130xf32>, tensor<2x130x8xf32>) outs(%oi : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  return %o : tensor<2x130x8xf32>
}

// -----

#id = affine_map<(h, m, j) -> (h, m, j)>
// The products of positions wrap around.
// CHECK-LABEL: func @product_wraps
// CHECK: linalg.softmax
func.func @product_wraps(%q: tensor<2x130x8xf32>, %k: tensor<2x130x8xf32>, %v: tensor<2x130x8xf32>) -> tensor<2x130x8xf32> {
  %zero = arith.constant 0.0 : f32
  %slope = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<2x130x130xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %dot = linalg.generic {indexing_maps = [affine_map<(h, m, j, d) -> (h, m, d)>, affine_map<(h, m, j, d) -> (h, j, d)>, affine_map<(h, m, j, d) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x130x8xf32>, tensor<2x130x8xf32>) outs(%init : tensor<2x130x130xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x130x130xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%dot : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %m32 = arith.index_cast %m : index to i32
    %j32 = arith.index_cast %j : index to i32
    %big = arith.constant 134217728 : i32
    %mb = arith.muli %m32, %big : i32
    %jb = arith.muli %j32, %big : i32
    %s = arith.mulf %x, %slope : f32
    %sees = arith.cmpi sge, %mb, %jb : i32
    %y = arith.select %sees, %s, %low : f32
    linalg.yield %y : f32
  } -> tensor<2x130x130xf32>
  %p = linalg.softmax dimension(2) ins(%masked : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %oe = tensor.empty() : tensor<2x130x8xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x130x130xf32>, tensor<2x130x8xf32>) outs(%oi : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  return %o : tensor<2x130x8xf32>
}

// -----

#id = affine_map<(h, m, j) -> (h, m, j)>
// CHECK-LABEL: func @sum_wraps
// CHECK: linalg.softmax
func.func @sum_wraps(%q: tensor<2x130x8xf32>, %k: tensor<2x130x8xf32>, %v: tensor<2x130x8xf32>) -> tensor<2x130x8xf32> {
  %zero = arith.constant 0.0 : f32
  %slope = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<2x130x130xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %dot = linalg.generic {indexing_maps = [affine_map<(h, m, j, d) -> (h, m, d)>, affine_map<(h, m, j, d) -> (h, j, d)>, affine_map<(h, m, j, d) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x130x8xf32>, tensor<2x130x8xf32>) outs(%init : tensor<2x130x130xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x130x130xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%dot : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %m32 = arith.index_cast %m : index to i32
    %j32 = arith.index_cast %j : index to i32
    %big = arith.constant 2147483600 : i32
    %mb = arith.addi %m32, %big : i32
    %jb = arith.addi %j32, %big : i32
    %s = arith.mulf %x, %slope : f32
    %sees = arith.cmpi sge, %mb, %jb : i32
    %y = arith.select %sees, %s, %low : f32
    linalg.yield %y : f32
  } -> tensor<2x130x130xf32>
  %p = linalg.softmax dimension(2) ins(%masked : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %oe = tensor.empty() : tensor<2x130x8xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x130x130xf32>, tensor<2x130x8xf32>) outs(%oi : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  return %o : tensor<2x130x8xf32>
}

// -----

#id = affine_map<(h, m, j) -> (h, m, j)>
// Zero extension makes negative distances positive: every key is visible.
// CHECK-LABEL: func @zero_extended
// CHECK: linalg.softmax
func.func @zero_extended(%q: tensor<2x130x8xf32>, %k: tensor<2x130x8xf32>, %v: tensor<2x130x8xf32>) -> tensor<2x130x8xf32> {
  %zero = arith.constant 0.0 : f32
  %slope = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<2x130x130xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %dot = linalg.generic {indexing_maps = [affine_map<(h, m, j, d) -> (h, m, d)>, affine_map<(h, m, j, d) -> (h, j, d)>, affine_map<(h, m, j, d) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x130x8xf32>, tensor<2x130x8xf32>) outs(%init : tensor<2x130x130xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x130x130xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%dot : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %m32 = arith.index_cast %m : index to i32
    %j32 = arith.index_cast %j : index to i32
    %d = arith.subi %m32, %j32 : i32
    %wide = arith.extui %d : i32 to i64
    %zero64 = arith.constant 0 : i64
    %s = arith.mulf %x, %slope : f32
    %sees = arith.cmpi sge, %wide, %zero64 : i64
    %y = arith.select %sees, %s, %low : f32
    linalg.yield %y : f32
  } -> tensor<2x130x130xf32>
  %p = linalg.softmax dimension(2) ins(%masked : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %oe = tensor.empty() : tensor<2x130x8xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  // expected-remark @+1 {{attention is left as it is: other structure: logits are not a scaled product of q and k}}
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x130x130xf32>, tensor<2x130x8xf32>) outs(%oi : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  return %o : tensor<2x130x8xf32>
}

// -----

#id = affine_map<(h, m, j) -> (h, m, j)>
// The hidden logits are one below the visible ones.
// CHECK-LABEL: func @little_contrast
// CHECK: linalg.softmax
func.func @little_contrast(%q: tensor<2x130x8xf32>, %k: tensor<2x130x8xf32>, %v: tensor<2x130x8xf32>) -> tensor<2x130x8xf32> {
  %zero = arith.constant 0.0 : f32
  %slope = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<2x130x130xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %dot = linalg.generic {indexing_maps = [affine_map<(h, m, j, d) -> (h, m, d)>, affine_map<(h, m, j, d) -> (h, j, d)>, affine_map<(h, m, j, d) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x130x8xf32>, tensor<2x130x8xf32>) outs(%init : tensor<2x130x130xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x130x130xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%dot : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %hides = arith.constant -1.0e4 : f32
    %shows = arith.constant -9999.0 : f32
    %past = arith.cmpi sge, %m, %j : index
    %b = arith.select %past, %shows, %hides : f32
    %s = arith.addf %x, %b : f32
    %sees = arith.constant true
    %y = arith.select %sees, %s, %low : f32
    linalg.yield %y : f32
  } -> tensor<2x130x130xf32>
  %p = linalg.softmax dimension(2) ins(%masked : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %oe = tensor.empty() : tensor<2x130x8xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x130x130xf32>, tensor<2x130x8xf32>) outs(%oi : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  return %o : tensor<2x130x8xf32>
}

// -----

#id = affine_map<(h, m, j) -> (h, m, j)>
// The floor cuts visible logits.
// CHECK-LABEL: func @high_floor
// CHECK: linalg.softmax
func.func @high_floor(%q: tensor<2x130x8xf32>, %k: tensor<2x130x8xf32>, %v: tensor<2x130x8xf32>) -> tensor<2x130x8xf32> {
  %zero = arith.constant 0.0 : f32
  %slope = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<2x130x130xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %dot = linalg.generic {indexing_maps = [affine_map<(h, m, j, d) -> (h, m, d)>, affine_map<(h, m, j, d) -> (h, j, d)>, affine_map<(h, m, j, d) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x130x8xf32>, tensor<2x130x8xf32>) outs(%init : tensor<2x130x130xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x130x130xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%dot : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %floor = arith.constant -1.0e4 : f32
    %shift = arith.constant -9999.0 : f32
    %b = arith.addf %x, %shift : f32
    %s = arith.maximumf %b, %floor : f32
    %sees = arith.cmpi sge, %m, %j : index
    %y = arith.select %sees, %s, %low : f32
    linalg.yield %y : f32
  } -> tensor<2x130x130xf32>
  %p = linalg.softmax dimension(2) ins(%masked : tensor<2x130x130xf32>) outs(%empty : tensor<2x130x130xf32>) -> tensor<2x130x130xf32>
  %oe = tensor.empty() : tensor<2x130x8xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  // expected-remark @+1 {{attention is left as it is: unknown mask}}
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x130x130xf32>, tensor<2x130x8xf32>) outs(%oi : tensor<2x130x8xf32>) -> tensor<2x130x8xf32>
  return %o : tensor<2x130x8xf32>
}

// -----

#id = affine_map<(h, m, j) -> (h, m, j)>
// These positions fit into i8.
// CHECK-LABEL: func @exact_in_i8
// CHECK: sparsek.causal_attention
func.func @exact_in_i8(%q: tensor<2x64x8xf32>, %k: tensor<2x64x8xf32>, %v: tensor<2x64x8xf32>) -> tensor<2x64x8xf32> {
  %zero = arith.constant 0.0 : f32
  %slope = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %empty = tensor.empty() : tensor<2x64x64xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x64x64xf32>) -> tensor<2x64x64xf32>
  %dot = linalg.generic {indexing_maps = [affine_map<(h, m, j, d) -> (h, m, d)>, affine_map<(h, m, j, d) -> (h, j, d)>, affine_map<(h, m, j, d) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x64x8xf32>, tensor<2x64x8xf32>) outs(%init : tensor<2x64x64xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x64x64xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%dot : tensor<2x64x64xf32>) outs(%empty : tensor<2x64x64xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %m8 = arith.index_cast %m : index to i8
    %j8 = arith.index_cast %j : index to i8
    %s = arith.mulf %x, %slope : f32
    %sees = arith.cmpi sge, %m8, %j8 : i8
    %y = arith.select %sees, %s, %low : f32
    linalg.yield %y : f32
  } -> tensor<2x64x64xf32>
  %p = linalg.softmax dimension(2) ins(%masked : tensor<2x64x64xf32>) outs(%empty : tensor<2x64x64xf32>) -> tensor<2x64x64xf32>
  %oe = tensor.empty() : tensor<2x64x8xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x64x8xf32>) -> tensor<2x64x8xf32>
  // expected-remark @+1 {{raised to sparsek.causal_attention}}
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x64x64xf32>, tensor<2x64x8xf32>) outs(%oi : tensor<2x64x8xf32>) -> tensor<2x64x8xf32>
  return %o : tensor<2x64x8xf32>
}

// -----

#id = affine_map<(h, m, j) -> (h, m, j)>
// CHECK-LABEL: func @sum_in_i32
// CHECK: sparsek.causal_attention
func.func @sum_in_i32(%q: tensor<2x?x8xf32>, %k: tensor<2x?x8xf32>, %v: tensor<2x?x8xf32>) -> tensor<2x?x8xf32> {
  %zero = arith.constant 0.0 : f32
  %slope = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %c1 = arith.constant 1 : index
  %n = tensor.dim %q, %c1 : tensor<2x?x8xf32>
  %empty = tensor.empty(%n, %n) : tensor<2x?x?xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x?x?xf32>) -> tensor<2x?x?xf32>
  %dot = linalg.generic {indexing_maps = [affine_map<(h, m, j, d) -> (h, m, d)>, affine_map<(h, m, j, d) -> (h, j, d)>, affine_map<(h, m, j, d) -> (h, m, j)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %k : tensor<2x?x8xf32>, tensor<2x?x8xf32>) outs(%init : tensor<2x?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %acc, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<2x?x?xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]} ins(%dot : tensor<2x?x?xf32>) outs(%empty : tensor<2x?x?xf32>) {
  ^bb0(%x: f32, %out: f32):
    %m = linalg.index 1 : index
    %j = linalg.index 2 : index
    %one = arith.constant 1 : i32
    %m32 = arith.index_cast %m : index to i32
    %j32 = arith.index_cast %j : index to i32
    %next = arith.addi %m32, %one : i32
    %s = arith.mulf %x, %slope : f32
    %sees = arith.cmpi sgt, %next, %j32 : i32
    %y = arith.select %sees, %s, %low : f32
    linalg.yield %y : f32
  } -> tensor<2x?x?xf32>
  %p = linalg.softmax dimension(2) ins(%masked : tensor<2x?x?xf32>) outs(%empty : tensor<2x?x?xf32>) -> tensor<2x?x?xf32>
  %oe = tensor.empty(%n) : tensor<2x?x8xf32>
  %oi = linalg.fill ins(%zero : f32) outs(%oe : tensor<2x?x8xf32>) -> tensor<2x?x8xf32>
  // expected-remark @+1 {{raised to sparsek.causal_attention}}
  %o = linalg.batch_matmul ins(%p, %v : tensor<2x?x?xf32>, tensor<2x?x8xf32>) outs(%oi : tensor<2x?x8xf32>) -> tensor<2x?x8xf32>
  return %o : tensor<2x?x8xf32>
}
