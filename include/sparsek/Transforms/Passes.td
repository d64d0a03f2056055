//===- Passes.td - Passes on no dialect in particular ---------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TRANSFORMS_PASSES
#define SPARSEK_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

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

#endif // SPARSEK_TRANSFORMS_PASSES
