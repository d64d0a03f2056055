// from: iree-import-onnx 3.13, generic form, Attention of opset 23, rank 3, dynamic sizes, past and present keys and values
// expect: import, 2 KV heads, scale 0.25
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"builtin.module"() ({
  "func.func"() <{function_type = (!torch.vtensor<[?,?,128],f32>, !torch.vtensor<[?,?,32],f32>, !torch.vtensor<[?,?,32],f32>, !torch.vtensor<[?,2,?,16],f32>, !torch.vtensor<[?,2,?,16],f32>) -> (!torch.vtensor<[?,?,128],f32>, !torch.vtensor<[?,2,?,16],f32>, !torch.vtensor<[?,2,?,16],f32>), sym_name = "g"}> ({
  ^bb0(%arg0: !torch.vtensor<[?,?,128],f32>, %arg1: !torch.vtensor<[?,?,32],f32>, %arg2: !torch.vtensor<[?,?,32],f32>, %arg3: !torch.vtensor<[?,2,?,16],f32>, %arg4: !torch.vtensor<[?,2,?,16],f32>):
    %0 = "torch.constant.none"() : () -> !torch.none
    %1:3 = "torch.operator"(%arg0, %arg1, %arg2, %0, %arg3, %arg4) <{name = "onnx.Attention"}> {torch.onnx.is_causal = 1 : si64, torch.onnx.kv_num_heads = 2 : si64, torch.onnx.q_num_heads = 8 : si64} : (!torch.vtensor<[?,?,128],f32>, !torch.vtensor<[?,?,32],f32>, !torch.vtensor<[?,?,32],f32>, !torch.none, !torch.vtensor<[?,2,?,16],f32>, !torch.vtensor<[?,2,?,16],f32>) -> (!torch.vtensor<[?,?,128],f32>, !torch.vtensor<[?,2,?,16],f32>, !torch.vtensor<[?,2,?,16],f32>)
    "func.return"(%1#0, %1#1, %1#2) : (!torch.vtensor<[?,?,128],f32>, !torch.vtensor<[?,2,?,16],f32>, !torch.vtensor<[?,2,?,16],f32>) -> ()
  }) {torch.onnx_meta.ir_version = 10 : si64, torch.onnx_meta.opset_version = 23 : si64, torch.onnx_meta.producer_name = "", torch.onnx_meta.producer_version = ""} : () -> ()
}) : () -> ()

