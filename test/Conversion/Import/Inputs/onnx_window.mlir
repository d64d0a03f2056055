// from: iree-import-onnx 3.13, generic form, Attention of opset 25, left_window_size, past keys and values
// expect: import, 2 KV heads, scale 0.25, window 6
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"builtin.module"() ({
  "func.func"() <{function_type = (!torch.vtensor<[1,8,4,16],f32>, !torch.vtensor<[1,2,4,16],f32>, !torch.vtensor<[1,2,4,16],f32>, !torch.vtensor<[1,2,20,16],f32>, !torch.vtensor<[1,2,20,16],f32>) -> !torch.vtensor<[1,8,4,16],f32>, sym_name = "g"}> ({
  ^bb0(%arg0: !torch.vtensor<[1,8,4,16],f32>, %arg1: !torch.vtensor<[1,2,4,16],f32>, %arg2: !torch.vtensor<[1,2,4,16],f32>, %arg3: !torch.vtensor<[1,2,20,16],f32>, %arg4: !torch.vtensor<[1,2,20,16],f32>):
    %0 = "torch.constant.none"() : () -> !torch.none
    %1 = "torch.operator"(%arg0, %arg1, %arg2, %0, %arg3, %arg4) <{name = "onnx.Attention"}> {torch.onnx.is_causal = 1 : si64, torch.onnx.left_window_size = 5 : si64} : (!torch.vtensor<[1,8,4,16],f32>, !torch.vtensor<[1,2,4,16],f32>, !torch.vtensor<[1,2,4,16],f32>, !torch.none, !torch.vtensor<[1,2,20,16],f32>, !torch.vtensor<[1,2,20,16],f32>) -> !torch.vtensor<[1,8,4,16],f32>
    "func.return"(%1) : (!torch.vtensor<[1,8,4,16],f32>) -> ()
  }) {torch.onnx_meta.ir_version = 10 : si64, torch.onnx_meta.opset_version = 25 : si64, torch.onnx_meta.producer_name = "", torch.onnx_meta.producer_version = ""} : () -> ()
}) : () -> ()

