// RUN: sparsek-opt %s --convert-sparsek-to-iree --allow-unregistered-dialect --verify-diagnostics

"util.func"() <{function_type = (tensor<1x2x8xf32>) -> (), sym_name = "f"}> ({
^bb0(%u: tensor<1x2x8xf32>):
  // expected-error @below {{'sparsek.topk_mask' op must be in a func.func: run convert-util-to-func before}}
  %t, %e = sparsek.topk_mask %u topk(2) window(2) : tensor<1x2x8xf32>
  "util.return"() : () -> ()
}) : () -> ()
