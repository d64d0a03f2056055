//===- consumer.cpp - A program of another project ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Parses a function with a sparsek op, runs a pass on it and prints it.

#include "sparsek/Dialect/SparseK/IR/SparseK.h"
#include "sparsek/Dialect/SparseK/Transforms/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

static constexpr const char *input = R"mlir(
  %q, %u = "builtin.unrealized_conversion_cast"()
      : () -> (tensor<1x4x16x64xf32>, tensor<1x4x16xf32>)
  %o, %lse = sparsek.attention %q, %q, %q, %u topk(4) window(4)
      : tensor<1x4x16x64xf32>, tensor<1x4x16x64xf32>,
        tensor<1x4x16x64xf32>, tensor<1x4x16xf32>
)mlir";

int main() {
  mlir::MLIRContext context;
  context.loadDialect<sparsek::SparseKDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(input, &context);
  mlir::PassManager passManager(&context);
  passManager.addPass(sparsek::createSparsekDecomposeAttentionPass());
  if (!module || mlir::failed(passManager.run(*module)))
    return 1;
  module->print(llvm::outs());
  return 0;
}
