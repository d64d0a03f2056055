// RUN: sparsek-run %s --entry=add --input iota:2x3xf32 --input fill:2x3xf32:value=0.5 --print | FileCheck %s --check-prefix=ADD
// RUN: sparsek-run %s --entry=add --input y=iota:2x3xf32 --rest=zeros:2x3xf32 --print --quiet | FileCheck %s --check-prefix=NAMED
// RUN: sparsek-run %s --entry=add --pipeline=reference --input iota:2x3xf32 --rest=zeros:2x3xf32 --print --quiet | FileCheck %s --check-prefix=NAMED
// RUN: sparsek-run %s --entry=add --rest=iota:0x3xf32 --print --quiet | FileCheck %s --check-prefix=EMPTY
// RUN: sparsek-run %s --entry=scalars --input fill:f32:value=2.5 --input fill:i64:value=-3 --print --quiet | FileCheck %s --check-prefix=SCALARS
// RUN: sparsek-run %s --entry=same --input iota:3xi32 --print --quiet | FileCheck %s --check-prefix=SAME
// RUN: sparsek-run %s --entry=scale --rest=iota --print --quiet | FileCheck %s --check-prefix=BF16
// RUN: sparsek-run %s --entry=flip --rest=iota:2xi1 --print --quiet | FileCheck %s --check-prefix=BOOL

// Random numbers are the same everywhere, and differ between seeds.
// RUN: sparsek-run %s --entry=add --input random:1x3xf32:seed=7 --rest=zeros:1x3xf32 --print --quiet | FileCheck %s --check-prefix=RANDOM
// RUN: sparsek-run %s --entry=add --input normal:1x3xf32:seed=7,mean=10,std=0.5 --rest=zeros:1x3xf32 --print --quiet | FileCheck %s --check-prefix=NORMAL

// Files: what one run writes another reads.
// RUN: sparsek-run %s --entry=add --input iota:2x3xf32 --rest=fill:2x3xf32 --output %t.npy --quiet
// RUN: sparsek-run %s --entry=add --input %t.npy --input %t.npy --print --quiet | FileCheck %s --check-prefix=FILE
// RUN: sparsek-run %s --entry=scale --rest=iota --output %t.bf16.npy --quiet
// RUN: sparsek-run %s --entry=scale --input %t.bf16.npy --print --quiet | FileCheck %s --check-prefix=FILE16

// RUN: sparsek-run %s --entry=product --input normal:64x32xf32 --rest=normal --repeat=3 --threads=1 | FileCheck %s --check-prefix=REPORT
// RUN: sparsek-run %s --entry=product --input normal:64x32xf32 --rest=normal --json | FileCheck %s --check-prefix=JSON
// RUN: sparsek-run %s --entry=attention --rest=normal | FileCheck %s --check-prefix=SPARSE

// ADD: result 1: tensor<2x3xf32> = {{\[\[}}0.5, 1.5, 2.5], [3.5, 4.5, 5.5]]
// ADD: function  add(%x: tensor<?x3xf32>, %y: tensor<?x3xf32>) -> tensor<?x3xf32>
// ADD: compile
// ADD: time
// ADD: traffic   72 B of arguments and results
// NAMED: result 1: tensor<2x3xf32> = {{\[\[}}0, 1, 2], [3, 4, 5]]
// EMPTY: result 1: tensor<0x3xf32> = []
// RANDOM: result 1: tensor<1x3xf32> = {{\[\[}}0.3898298, 0.01678829, 0.9007607]]
// NORMAL: result 1: tensor<1x3xf32> = {{\[\[}}10.49424, 9.067872, 10.00196]]
// FILE: result 1: tensor<2x3xf32> = {{\[\[}}2, 4, 6], [8, 10, 12]]
func.func @add(%x: tensor<?x3xf32>, %y: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %0 = arith.addf %x, %y : tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}

// SCALARS: result 1: tensor<i64> = -6
// SCALARS: result 2: tensor<f32> = 7.5
// SCALARS: result 3: tensor<2xf32> = [2.5, 2.5]
func.func @scalars(%x: f32, %i: i64) -> (i64, f32, tensor<2xf32>) {
  %three = arith.constant 3.0 : f32
  %0 = arith.addi %i, %i : i64
  %1 = arith.mulf %x, %three : f32
  %2 = tensor.splat %x : tensor<2xf32>
  return %0, %1, %2 : i64, f32, tensor<2xf32>
}

// An argument comes back as a copy, twice; a constant is copied too.
// SAME: result 1: tensor<3xi32> = [0, 1, 2]
// SAME: result 2: tensor<3xi32> = [0, 1, 2]
// SAME: result 3: tensor<2xi32> = [4, 5]
func.func @same(%x: tensor<3xi32>) -> (tensor<3xi32>, tensor<3xi32>, tensor<2xi32>) {
  %c = arith.constant dense<[4, 5]> : tensor<2xi32>
  return %x, %x, %c : tensor<3xi32>, tensor<3xi32>, tensor<2xi32>
}

// BF16: result 1: tensor<4xbf16> = [0, 1.5, 3, 4.5]
// FILE16: result 1: tensor<4xbf16> = [0, 2.25, 4.5, 6.75]
func.func @scale(%x: tensor<4xbf16>) -> tensor<4xbf16> {
  %c = arith.constant dense<1.5> : tensor<4xbf16>
  %0 = arith.mulf %x, %c : tensor<4xbf16>
  return %0 : tensor<4xbf16>
}

// BOOL: result 1: tensor<2xi1> = [true, false]
func.func @flip(%x: tensor<2xi1>) -> tensor<2xi1> {
  %c = arith.constant dense<true> : tensor<2xi1>
  %0 = arith.xori %x, %c : tensor<2xi1>
  return %0 : tensor<2xi1>
}

// REPORT: function  product(
// REPORT: time      min {{.*}}, median {{.*}} of 3 calls
// REPORT: work      65.5 kFLOP in matrix products and attention;
// REPORT: traffic   14.3 kB of arguments and results
// REPORT: memory    peak
// JSON: {"call_bytes":{{[-0-9]+}},"calls":1,"compile_s":{{.*}},"flop":65536,{{.*}}"io_bytes":14336,{{.*}}}
func.func @product(%x: tensor<?x32xf32>, %w: tensor<16x32xf32>) -> tensor<?x16xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x32xf32>
  %e = tensor.empty() : tensor<32x16xf32>
  %t = linalg.transpose ins(%w : tensor<16x32xf32>) outs(%e : tensor<32x16xf32>) permutation = [1, 0]
  %0 = tensor.empty(%n) : tensor<?x16xf32>
  %1 = linalg.fill ins(%zero : f32) outs(%0 : tensor<?x16xf32>) -> tensor<?x16xf32>
  %2 = linalg.matmul ins(%x, %t : tensor<?x32xf32>, tensor<32x16xf32>) outs(%1 : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %2 : tensor<?x16xf32>
}

// 4 * 2 heads * 8 * sum of min(t + 1, 12) over 16 queries, which is 78 + 4 * 12.
// SPARSE: work      8.1 kFLOP in matrix products and attention
func.func @attention(%q: tensor<1x2x16x8xf32>, %k: tensor<1x1x16x8xf32>, %v: tensor<1x1x16x8xf32>,
                     %u: tensor<1x1x16xf32>) -> tensor<1x2x16x8xf32> {
  %o, %lse = sparsek.attention %q, %k, %v, %u topk(8) window(4)
      : tensor<1x2x16x8xf32>, tensor<1x1x16x8xf32>, tensor<1x1x16x8xf32>, tensor<1x1x16xf32>
  return %o : tensor<1x2x16x8xf32>
}
