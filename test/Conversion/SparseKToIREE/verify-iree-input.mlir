// RUN: sparsek-opt %s --verify-iree-input --allow-unregistered-dialect --split-input-file --verify-diagnostics

// What iree-compile takes, also where its dialects are not registered.
module {
  func.func private @runtime.function(%x: f32) -> f32
  func.func @fine(%x: tensor<?x4xf32>, %i: i64, %f: bf16, %c: tensor<4xcomplex<f32>>) -> tensor<?x4xf32> {
    return %x : tensor<?x4xf32>
  }
}

// -----

// In an executable there is code of any kind.
"hal.executable.source"() <{sym_name = "e", sym_visibility = "private"}> ({
  "hal.executable.export"() <{layout = #hal.pipeline.layout<bindings = []>, ordinal = 0 : index, sym_name = "f"}> ({}, {}) : () -> ()
  module {
    func.func @f() {
      %m = memref.alloc() : memref<4xf32>
      return
    }
  }
  "hal.executable.source_end"() : () -> ()
}) : () -> ()
"util.func"() <{function_type = () -> (), sym_name = "g", sym_visibility = "public"}> ({
  "util.return"() : () -> ()
}) : () -> ()

// -----

// expected-error @below {{iree-compile needs a public function with a body, and this module has none}}
module {
  func.func private @f() {
    return
  }
}

// -----

// expected-error @below {{'func.func' op is declared only: iree-compile needs the body of a function, or as its name 'module.function' of another module}}
func.func private @f(%x: f32) -> f32
func.func @g(%x: f32) -> f32 {
  %y = call @f(%x) : (f32) -> f32
  return %y : f32
}

// -----

// expected-error @below {{'func.func' op takes or returns 'tensor<*xf32>', which iree-compile does not pass; accepted are ranked tensors, integers of up to 32 bits or 64, and floats of up to 64}}
func.func @f(%x: tensor<*xf32>) {
  return
}

// -----

// expected-error @below {{'func.func' op takes or returns 'i33'}}
func.func @f(%x: i33) {
  return
}

// -----

// expected-error @below {{'func.func' op takes or returns 'complex<f32>'}}
func.func @f(%x: f32) -> complex<f32> {
  %c = complex.create %x, %x : complex<f32>
  return %c : complex<f32>
}

// -----

// expected-error @below {{'util.func' op takes or returns 'f80'}}
"util.func"() <{function_type = (f80) -> (), sym_name = "g", sym_visibility = "public"}> ({
^bb0(%x: f80):
  "util.return"() : () -> ()
}) : () -> ()

// -----

// expected-error @below {{'util.func' op is no function: it must have a name and a type}}
"util.func"() <{sym_name = "g"}> ({
  "util.return"() : () -> ()
}) : () -> ()

// -----

// expected-error @below {{'func.func' op has a block that ends in no terminator}}
func.func @f(%x: f32) {
  "util.optimization_barrier"(%x) : (f32) -> f32
  "foreign.use"(%x) : (f32) -> ()
}

// -----

func.func @f(%x: vector<4xf32>) -> vector<4xf32> {
  // expected-error @below {{'vector.shuffle' op is none that iree-compile takes here; accepted are the dialects affine, arith,}}
  %y = vector.shuffle %x, %x [0, 1, 2, 4] : vector<4xf32>, vector<4xf32>
  return %y : vector<4xf32>
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{'onnx.Attention' op is none that iree-compile takes here}}
  %y = "onnx.Attention"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{'torch.operator' op is none that iree-compile takes: it knows no custom operators of PyTorch}}
  %y = "torch.operator"(%x) {name = "torch.a.b"} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<8x5x32xf32>) -> tensor<1x8x5x32xf32> {
  // expected-error @below {{'tensor.expand_shape' op must have an output_shape like its result type}}
  %y = tensor.expand_shape %x [[0, 1], [2], [3]] output_shape [1, 8, 64, 32] : tensor<8x5x32xf32> into tensor<1x8x5x32xf32>
  return %y : tensor<1x8x5x32xf32>
}

// -----

#q = affine_map<(b, m, j, d, n) -> (b, m, d)>
#k = affine_map<(b, m, j, d, n) -> (b, j, d)>
#v = affine_map<(b, m, j, d, n) -> (b, j, n)>
#s = affine_map<(b, m, j, d, n) -> ()>
#o = affine_map<(b, m, j, d, n) -> (b, m, n)>
func.func @attention(%q: tensor<2x?x16xf32>, %k: tensor<2x32x16xf32>, %s: f32) -> tensor<2x?x16xf32> {
  %r = "iree_linalg_ext.attention"(%q, %k, %k, %s, %q) <{indexing_maps = [#q, #k, #v, #s, #o]}> ({
  ^bb0(%l: f32):
    %i = "iree_linalg_ext.index"() <{dim = 2 : i64}> : () -> index
    "iree_linalg_ext.yield"(%l) : (f32) -> ()
  }) : (tensor<2x?x16xf32>, tensor<2x32x16xf32>, tensor<2x32x16xf32>, f32, tensor<2x?x16xf32>) -> tensor<2x?x16xf32>
  return %r : tensor<2x?x16xf32>
}

func.func @maps(%q: tensor<2x?x16xf32>, %k: tensor<2x32x16xf32>, %s: f32) {
  // expected-error @below {{'iree_linalg_ext.attention' op must have an indexing map for each operand}}
  %r = "iree_linalg_ext.attention"(%q, %k, %k, %s, %q) <{indexing_maps = [#q, #k, #v, #s]}> ({
  ^bb0(%l: f32):
    "iree_linalg_ext.yield"(%l) : (f32) -> ()
  }) : (tensor<2x?x16xf32>, tensor<2x32x16xf32>, tensor<2x32x16xf32>, f32, tensor<2x?x16xf32>) -> tensor<2x?x16xf32>
  return
}

// -----

#q = affine_map<(b, m, n, d, j) -> (b, m, d + 1)>
func.func @permutation(%q: tensor<2x?x16xf32>) {
  // expected-error @below {{'iree_linalg_ext.attention' op must map its 5 loops to dimensions, each to one at most, and affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3 + 1)> of operand #0 of type 'tensor<2x?x16xf32>' does not}}
  %r = "iree_linalg_ext.attention"(%q) {indexing_maps = [#q]} : (tensor<2x?x16xf32>) -> tensor<2x?x16xf32>
  return
}

// -----

#q = affine_map<(b, m, n, d, j) -> (b, m, d)>
#k = affine_map<(b, m, n, d, j) -> (b, j, d)>
func.func @sizes(%q: tensor<2x?x16xf32>, %k: tensor<2x32x17xf32>) {
  // expected-error @below {{'iree_linalg_ext.online_attention' op has a loop of 16 iterations for which operand #1 has size 17}}
  %r = "iree_linalg_ext.online_attention"(%q, %k) {indexing_maps = [#q, #k]} : (tensor<2x?x16xf32>, tensor<2x32x17xf32>) -> tensor<2x?x16xf32>
  return
}

// -----

#q = affine_map<(b, m, n, d, j) -> (b, m, d)>
func.func @region(%q: tensor<2x?x16xf32>) {
  // expected-error @below {{'iree_linalg_ext.attention' op must have a region with one block that takes a logit}}
  %r = "iree_linalg_ext.attention"(%q) {indexing_maps = [#q]} : (tensor<2x?x16xf32>) -> tensor<2x?x16xf32>
  return
}

// -----

#q = affine_map<(b, m, n, d, j) -> (b, m, d)>
#k = affine_map<(b, m, n, d, j) -> (b, j, d)>
#v = affine_map<(b, m, n, d, j) -> (b, j, n)>
func.func @index(%q: tensor<2x?x16xf32>, %k: tensor<2x32x16xf32>) {
  %r = "iree_linalg_ext.attention"(%q, %k, %k) <{indexing_maps = [#q, #k, #v]}> ({
  ^bb0(%l: f32):
    // expected-error @below {{'iree_linalg_ext.index' op must have a dim below 2: iree-compile numbers the loops over logits, which must come first}}
    %i = "iree_linalg_ext.index"() <{dim = 4 : i64}> : () -> index
    "iree_linalg_ext.yield"(%l) : (f32) -> ()
  }) : (tensor<2x?x16xf32>, tensor<2x32x16xf32>, tensor<2x32x16xf32>) -> tensor<2x?x16xf32>
  return
}

// -----

module {
  // expected-error @below {{'builtin.module' op in a module is none that iree-compile takes}}
  module @inner {
    func.func @f() {
      return
    }
  }
}

// -----

// expected-error @below {{'func.func' op leads to a call of itself, for which iree-compile has no end}}
func.func @f(%x: f32) -> f32 {
  %y = call @g(%x) : (f32) -> f32
  return %y : f32
}
func.func private @g(%x: f32) -> f32 {
  %y = call @f(%x) : (f32) -> f32
  return %y : f32
}

// -----

// Twice is not again and again.
func.func @twice(%x: f32) -> f32 {
  %y = call @once(%x) : (f32) -> f32
  %z = call @once(%y) : (f32) -> f32
  return %z : f32
}
func.func private @once(%x: f32) -> f32 {
  return %x : f32
}

// -----

func.func @f(%x: tensor<4xf32>) -> tensor<4xf64> {
  // expected-error @below {{'builtin.unrealized_conversion_cast' op is none that iree-compile takes}}
  %y = builtin.unrealized_conversion_cast %x : tensor<4xf32> to tensor<4xf64>
  return %y : tensor<4xf64>
}

// -----

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{'func.constant' op is none that iree-compile takes}}
  %f = constant @f : (tensor<4xf32>) -> tensor<4xf32>
  return %x : tensor<4xf32>
}

// -----

func.func @f(%x: !hal.buffer_view) {
  // expected-error @below {{'hal.tensor.import' op has 1 operands, and operandSegmentSizes that do not add up to it}}
  %y = "hal.tensor.import"(%x) <{operandSegmentSizes = array<i32: 1, 2147483647, 1, 0>}> : (!hal.buffer_view) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: i1) {
  cf.cond_br %x, ^bb1, ^bb2
^bb1:
  return
^bb2:
  ub.unreachable
}

// -----

func.func @f(%x: f32) -> tensor<4xf32> {
  // expected-error @below {{'tensor.splat' op is none that iree-compile takes}}
  %y = tensor.splat %x : tensor<4xf32>
  return %y : tensor<4xf32>
}
