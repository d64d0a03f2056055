// from: iree-import-onnx 3.13, generic form, Attention of opset 23, rank 4
// expect: import, 8 KV heads, scale 0.176777
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"builtin.module"() ({
  "func.func"() <{function_type = (!torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[1,8,64,32],f32>) -> !torch.vtensor<[1,8,64,32],f32>, sym_name = "g"}> ({
  ^bb0(%arg0: !torch.vtensor<[1,8,64,32],f32>, %arg1: !torch.vtensor<[1,8,64,32],f32>, %arg2: !torch.vtensor<[1,8,64,32],f32>):
    %0 = "torch.constant.none"() : () -> !torch.none
    %1 = "torch.operator"(%arg0, %arg1, %arg2) <{name = "onnx.Attention"}> {torch.onnx.is_causal = 1 : si64} : (!torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[1,8,64,32],f32>, !torch.vtensor<[1,8,64,32],f32>) -> !torch.vtensor<[1,8,64,32],f32>
    "func.return"(%1) : (!torch.vtensor<[1,8,64,32],f32>) -> ()
  }) {torch.onnx_meta.ir_version = 10 : si64, torch.onnx_meta.opset_version = 23 : si64, torch.onnx_meta.producer_name = "", torch.onnx_meta.producer_version = ""} : () -> ()
}) : () -> ()

