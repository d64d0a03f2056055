// RUN: not sparsek-run %s --entry=f --rest=zeros --repeat=0 2>&1 | FileCheck %s --check-prefix=REPEAT
// REPEAT: error: --repeat must be at least 1, got 0
// RUN: not sparsek-run %s --rest=zeros 2>&1 | FileCheck %s --check-prefix=SEVERAL
// RUN: not sparsek-run %s --entry=g --rest=zeros 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not sparsek-run %s --entry=complex --rest=zeros 2>&1 | FileCheck %s --check-prefix=COMPLEX
// RUN: not sparsek-run %s --entry=f --input zeros:1x2xf32 2>&1 | FileCheck %s --check-prefix=FEW
// RUN: not sparsek-run %s --entry=f --input zeros:1x2xf32 --input zeros --input zeros 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not sparsek-run %s --entry=f --input x=zeros:1x2xf32 --input x=zeros --rest=zeros 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not sparsek-run %s --entry=f --input zeros:1x3xf32 --rest=zeros 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not sparsek-run %s --entry=f --input zeros:2xf32 --rest=zeros 2>&1 | FileCheck %s --check-prefix=RANK
// RUN: not sparsek-run %s --entry=f --input zeros:1x2xf64 --rest=zeros 2>&1 | FileCheck %s --check-prefix=ELEMENT
// RUN: not sparsek-run %s --entry=f --rest=zeros 2>&1 | FileCheck %s --check-prefix=STAR
// RUN: not sparsek-run %s --entry=f --input zeros:1x2xf31 --rest=zeros 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: not sparsek-run %s --entry=f --input zeros:1x2xf32:sed=1 --rest=zeros 2>&1 | FileCheck %s --check-prefix=OPTION
// RUN: not sparsek-run %s --entry=f --input zeros:99999999999x99999999999xf32 --rest=zeros 2>&1 | FileCheck %s --check-prefix=HUGE
// RUN: not sparsek-run %s --entry=f --input %t.none.npy --rest=zeros 2>&1 | FileCheck %s --check-prefix=NOFILE
// RUN: not sparsek-run %s --entry=f --input %s --rest=zeros 2>&1 | FileCheck %s --check-prefix=NOTNPY
// RUN: not sparsek-run %s --entry=f --input zeros:1x2xf32 --rest=zeros --output %t.a.npy --output %t.b.npy 2>&1 | FileCheck %s --check-prefix=OUTPUTS
// RUN: not sparsek-run %s --entry=f --input zeros:1x2xf32 --rest=zeros --output %t.none/o.npy 2>&1 | FileCheck %s --check-prefix=WRITE
// RUN: not sparsek-run %s --entry=f --pipeline=no-such-pass --rest=zeros 2>&1 | FileCheck %s --check-prefix=PIPELINE
// RUN: not sparsek-run %s --entry=f --pipeline=canonicalize --rest=zeros 2>&1 | FileCheck %s --check-prefix=UNFINISHED
// RUN: not sparsek-run %t.none.mlir 2>&1 | FileCheck %s --check-prefix=NOMODULE
// RUN: echo 'func.func @f(%%x: tensor<2xf32>) { return %%y : f32 }' | not sparsek-run 2>&1 | FileCheck %s --check-prefix=SYNTAX
// RUN: echo 'func.func private @f()' | not sparsek-run 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not sparsek-run %s --entry=checked --rest=zeros:4xf32 2>&1 | FileCheck %s --check-prefix=FAILED
// RUN: sparsek-run %s --entry=checked --rest=zeros:3xf32 --print --quiet | FileCheck %s --check-prefix=CHECKED

// SEVERAL: error: the module has several functions, name one; available:
// SEVERAL-NEXT: f(%x: tensor<?x2xf32>, %s: f32) -> tensor<?x2xf32>
// SEVERAL-NEXT: checked(%x: tensor<?xf32>) -> tensor<?xf32>
// MISSING: error: there is no public function 'g'; available:
// MISSING-NEXT: f(%x: tensor<?x2xf32>, %s: f32)
// COMPLEX: error: 'complex' cannot be called: argument 1 has type tensor<2xcomplex<f32>>; accepted are ranked tensors and scalars of i1, i8, i16, i32, i64, index, f16, bf16, f32, f64
// FEW: error: no --input for argument 2 of f(%x: tensor<?x2xf32>, %s: f32) -> tensor<?x2xf32> (--rest=INPUT gives all others)
// MANY: error: --input='zeros' is one too many for f(
// TWICE: error: argument 'x' is given twice
// SIZE: error: argument 1 ('x') of 'f': expected tensor<?x2xf32>, got tensor<1x3xf32> (dimension 1 must be 2)
// RANK: error: argument 1 ('x') of 'f': expected tensor<?x2xf32>, got tensor<2xf32> (the ranks differ)
// ELEMENT: error: argument 1 ('x') of 'f': expected tensor<?x2xf32>, got tensor<1x2xf64> (the element types differ)
// STAR: error: in 'zeros': '*' needs a static shape, but the argument is tensor<?x2xf32>; give the sizes, as in 2x3xf32
// TYPE: error: in 'zeros:1x2xf31': '1x2xf31' is not a type like 2x3xf32; element types are i1, i8, i16, i32, i64, index, f16, bf16, f32, f64
// OPTION: unknown option 'sed'; accepted are seed, value, low, high, mean, std
// HUGE: error: impossible size: tensor<99999999999x99999999999xf32>
// NOFILE: error: cannot read '{{.*}}.none.npy': {{[Nn]}}o such file or directory
// NOTNPY: error: '{{.*}}errors.mlir': not a .npy file
// OUTPUTS: error: there are 2 --output options for f(
// WRITE: error: cannot write '{{.*}}o.npy': {{[Nn]}}o such file or directory
// PIPELINE: error: in the pipeline 'no-such-pass': {{.*}}'no-such-pass' does not refer to a registered pass or pass pipeline
// UNFINISHED: errors.mlir:[[# @LINE + 6]]:1: error: cannot be converted to LLVM IR
// NOMODULE: error: cannot read '{{.*}}.none.mlir': {{[Nn]}}o such file or directory
// SYNTAX: error: <stdin>:1:{{[0-9]+}}: error: use of undeclared SSA value name
// NOTHING: error: the module has no public func.func that can be called
// FAILED: error: in 'checked': x must have 3 elements
// CHECKED: result 1: tensor<3xf32> = [0, 0, 0]
func.func @f(%x: tensor<?x2xf32>, %s: f32) -> tensor<?x2xf32> {
  return %x : tensor<?x2xf32>
}

func.func @complex(%x: tensor<2xcomplex<f32>>) {
  return
}

func.func @checked(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %same = arith.cmpi eq, %n, %c3 : index
  cf.assert %same, "x must have 3 elements"
  return %x : tensor<?xf32>
}
