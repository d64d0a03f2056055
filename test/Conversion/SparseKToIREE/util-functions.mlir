// RUN: sparsek-opt %s --convert-util-to-func --allow-unregistered-dialect --split-input-file --verify-diagnostics | FileCheck %s
// RUN: sparsek-opt %s --convert-util-to-func --convert-func-to-util --allow-unregistered-dialect --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=BACK

// CHECK-LABEL: func.func private @f(
// CHECK-SAME:    %[[U:.*]]: tensor<1x2x8xf32>) -> tensor<1x2x8xf32> attributes {iree.stub, sparsek.util_func = {inlining_policy = #util.inline.never}} {
// CHECK:         cf.br
// CHECK:         return
// What has no sparsek ops stays.
// CHECK:       "util.func"() <{function_type = () -> (), sym_name = "g"}>

// BACK-LABEL: "util.func"() <{function_type = (tensor<1x2x8xf32>) -> tensor<1x2x8xf32>, inlining_policy = #util.inline.never, sym_name = "f", sym_visibility = "private"}> ({
// BACK:         "util.return"(%{{.*}}) : (tensor<1x2x8xf32>) -> ()
// BACK:       }) {iree.stub} : () -> ()
// BACK-NOT:   func.func
"util.func"() <{function_type = (tensor<1x2x8xf32>) -> tensor<1x2x8xf32>, inlining_policy = #util.inline.never, sym_name = "f", sym_visibility = "private"}> ({
^bb0(%u: tensor<1x2x8xf32>):
  %t, %e = sparsek.topk_mask %u topk(2) window(2) : tensor<1x2x8xf32>
  cf.br ^bb1
^bb1:
  "util.return"(%t) : (tensor<1x2x8xf32>) -> ()
}) {iree.stub} : () -> ()
"util.func"() <{function_type = () -> (), sym_name = "g"}> ({
  "util.return"() : () -> ()
}) : () -> ()

// -----

// What a function calls goes with it; others do not.

// BACK-LABEL: "util.func"() <{function_type = (tensor<1x2x8xf32>) -> tensor<1x2x8xf32>, sym_name = "inner", sym_visibility = "private"}>
// BACK-LABEL: "util.func"() <{function_type = (tensor<1x2x8xf32>) -> tensor<1x2x8xf32>, sym_name = "outer"}>
// BACK:         %[[R:.*]] = "util.call"(%{{.*}}) <{callee = @inner}> : (tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
// BACK:         "util.return"(%[[R]])
// BACK:       func.func @other
func.func private @inner(%u: tensor<1x2x8xf32>) -> tensor<1x2x8xf32> {
  return %u : tensor<1x2x8xf32>
}
func.func @outer(%u: tensor<1x2x8xf32>) -> tensor<1x2x8xf32> attributes {sparsek.util_func = {}} {
  %r = call @inner(%u) : (tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  return %r : tensor<1x2x8xf32>
}
func.func @other() {
  return
}

// -----

// expected-error @below {{'util.func' op is no function: it must have a name, a type and arguments that it says}}
"util.func"() <{function_type = (tensor<1x2x9xf32>) -> tensor<1x2x8xf32>, sym_name = "f"}> ({
^bb0(%u: tensor<1x2x8xf32>):
  %t, %e = sparsek.topk_mask %u topk(2) window(2) : tensor<1x2x8xf32>
  "util.return"(%t) : (tensor<1x2x8xf32>) -> ()
}) : () -> ()

// -----

// expected-error @below {{'util.func' op is no function}}
"util.func"() ({
^bb0(%u: tensor<1x2x8xf32>):
  %t, %e = sparsek.topk_mask %u topk(2) window(2) : tensor<1x2x8xf32>
  "util.return"(%t) : (tensor<1x2x8xf32>) -> ()
}) : () -> ()

// -----

"util.initializer"() ({
  %u = arith.constant dense<0.0> : tensor<1x2x8xf32>
  // expected-error @below {{'sparsek.topk_mask' op must be in a func.func or util.func of the outermost module to be emitted for IREE}}
  %t, %e = sparsek.topk_mask %u topk(2) window(2) : tensor<1x2x8xf32>
  "util.return"() : () -> ()
}) : () -> ()
