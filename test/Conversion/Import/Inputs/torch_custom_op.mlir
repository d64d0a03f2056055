// from: torch-mlir 20261001, raw, torch.library.custom_op sparsek::attention
// expect: leave: it is an op of the torch dialect; carry it to linalg as an op of its own
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"builtin.module"() ({
  "func.func"() <{function_type = (!torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[1,8,64,32],f32>) -> !torch.vtensor<[1,8,64,32],f32>, sym_name = "main"}> ({
  ^bb0(%arg0: !torch.vtensor<[1,8,64,32],f32>, %arg1: !torch.vtensor<[1,8,64,32],f32>, %arg2: !torch.vtensor<[1,8,64,32],f32>):
    %0 = "torch.constant.float"() <{value = 2.000000e+00 : f64}> : () -> !torch.float
    %1 = "torch.aten.mul.Scalar"(%arg0, %0) : (!torch.vtensor<[1,8,64,32],f32>, !torch.float) -> !torch.vtensor<[1,8,64,32],f32>
    %2 = "torch.constant.int"() <{value = 128 : i64}> : () -> !torch.int
    %3 = "torch.constant.float"() <{value = 1.250000e-01 : f64}> : () -> !torch.float
    %4 = "torch.constant.bool"() <{value = true}> : () -> !torch.bool
    %5 = "torch.constant.str"() <{value = "window"}> : () -> !torch.str
    %6 = "torch.operator"(%1, %arg1, %arg2, %2, %3, %4, %5) <{name = "torch.sparsek.attention"}> : (!torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[1,8,64,32],f32>, !torch.int, !torch.float, !torch.bool, !torch.str) -> !torch.vtensor<[1,8,64,32],f32>
    %7 = "torch.constant.float"() <{value = 1.000000e+00 : f64}> : () -> !torch.float
    %8 = "torch.constant.int"() <{value = 1 : i64}> : () -> !torch.int
    %9 = "torch.aten.add.Scalar"(%6, %7, %8) : (!torch.vtensor<[1,8,64,32],f32>, !torch.float, !torch.int) -> !torch.vtensor<[1,8,64,32],f32>
    "func.return"(%9) : (!torch.vtensor<[1,8,64,32],f32>) -> ()
  }) : () -> ()
}) : () -> ()
