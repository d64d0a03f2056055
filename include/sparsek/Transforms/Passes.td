//===- Passes.td - Passes on no dialect in particular ------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TRANSFORMS_PASSES
#define SPARSEK_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def SparsekDecomposeAggregatesPass : Pass<"sparsek-decompose-aggregates"> {
  let summary = "split linalg ops that stand for several loops, such as linalg.softmax";
  let description = [{
    Ops with linalg's aggregated-op interface have no single loop nest, so
    neither fusion nor the conversion to loops knows them. They are replaced by
    the structured ops that they stand for.

    ```mlir
    %1 = linalg.softmax dimension(1) ins(%x : tensor<4x8xf32>) outs(%0 : tensor<4x8xf32>) -> tensor<4x8xf32>
    // becomes linalg.generic ops: the maximum, exp(x - maximum), the sum and the quotient
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def SparsekExpandCopiesPass : Pass<"sparsek-expand-copies"> {
  let summary = "copies between strided buffers as linalg";
  let description = [{
    The conversion to LLVM turns a `memref.copy` of contiguous buffers into
    memcpy and any other one into a call of a runtime library. This pass makes
    `linalg.generic` ops of the latter: the compiled module then needs no
    library, and the copy is optimised like other loops. Copies of buffers with
    the identity layout and of unranked ones stay.

    ```mlir
    memref.copy %a, %b : memref<4x4xf32, strided<[8, 1]>> to memref<4x4xf32>
    // becomes
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
        ins(%a : memref<4x4xf32, strided<[8, 1]>>) outs(%b : memref<4x4xf32>) { yields its input }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def SparsekLowerRuntimeChecksPass : Pass<"sparsek-lower-runtime-checks", "::mlir::ModuleOp"> {
  let summary = "make failing checks call a function of the host instead of aborting";
  let description = [{
    The conversion to LLVM turns `cf.assert` into a call of `abort`. This pass
    makes it a branch to a call of `sparsek_runtime_check_failed`, which gets
    the message as a zero-terminated string and must not return. The execution
    engine of this project defines that function and hands the message to its
    caller as an error; another host defines its own.

    Regions that hold one block, such as the body of `scf.for`, have no place
    for the branch: convert scf to cf first, or the pass fails.

    ```mlir
    cf.assert %same, "N differs"
    // becomes
      cf.cond_br %same, ^bb2, ^bb1
    ^bb1:
      %message = llvm.mlir.addressof @sparsek_runtime_check_message : !llvm.ptr
      llvm.call @sparsek_runtime_check_failed(%message) : (!llvm.ptr) -> ()
      llvm.unreachable
    ^bb2:
    ```
  }];
  let dependentDialects = ["::mlir::cf::ControlFlowDialect", "::mlir::LLVM::LLVMDialect"];
}

def SparsekProtectArgumentsPass : Pass<"sparsek-protect-arguments", "::mlir::ModuleOp"> {
  let summary = "keep bufferization from writing into the arguments of public functions";
  let description = [{
    One-shot bufferization takes it that a function may overwrite the buffers
    of its tensor arguments. Callers outside the module pass arrays that they
    go on using, so this pass marks the tensor arguments of public functions
    that have a body as read-only. A `bufferization.writable` that is already
    there stays. Run it before `one-shot-bufferize`.

    ```mlir
    func.func @f(%x: tensor<4xf32>, %n: index) -> tensor<4xf32>
    // becomes
    func.func @f(%x: tensor<4xf32> {bufferization.writable = false}, %n: index) -> tensor<4xf32>
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def SparsekVerifyLoweredPass : Pass<"sparsek-verify-lowered", "::mlir::ModuleOp"> {
  let summary = "check that nothing but the LLVM dialect is left";
  let description = [{
    Conversions to LLVM leave ops that they do not know. This pass reports
    those by name, instead of the translation to LLVM IR that would fail on
    them later. It changes nothing.
  }];
}

#endif // SPARSEK_TRANSFORMS_PASSES
