// from: iree-import-onnx 3.13, generic form, Attention of opset 23, softcap
// expect: leave: softcap changes the logits
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"builtin.module"() ({
  "func.func"() <{function_type = (!torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[64,64],i1>) -> !torch.vtensor<[1,8,64,32],f32>, sym_name = "g"}> ({
  ^bb0(%arg0: !torch.vtensor<[1,8,64,32],f32>, %arg1: !torch.vtensor<[1,8,64,32],f32>, %arg2: !torch.vtensor<[1,8,64,32],f32>, %arg3: !torch.vtensor<[64,64],i1>):
    %0 = "torch.constant.none"() : () -> !torch.none
    %1 = "torch.operator"(%arg0, %arg1, %arg2, %arg3) <{name = "onnx.Attention"}> {torch.onnx.is_causal = 1 : si64, torch.onnx.qk_matmul_output_mode = 1 : si64, torch.onnx.softcap = 3.000000e+01 : f32} : (!torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[64,64],i1>) -> !torch.vtensor<[1,8,64,32],f32>
    "func.return"(%1) : (!torch.vtensor<[1,8,64,32],f32>) -> ()
  }) {torch.onnx_meta.ir_version = 10 : si64, torch.onnx_meta.opset_version = 23 : si64, torch.onnx_meta.producer_name = "", torch.onnx_meta.producer_version = ""} : () -> ()
}) : () -> ()

