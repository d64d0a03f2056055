//===- ProtectArguments.cpp - Read-only arguments of public functions -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKPROTECTARGUMENTSPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

namespace {
struct ProtectArguments
    : public sparsek::impl::SparsekProtectArgumentsPassBase<ProtectArguments> {
  void runOnOperation() override {
    StringRef writable = bufferization::BufferizationDialect::kWritableAttrName;
    auto no = BoolAttr::get(&getContext(), false);
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function.isPublic() || function.isExternal())
        continue;
      for (BlockArgument argument : function.getArguments()) {
        unsigned index = argument.getArgNumber();
        if (isa<TensorType>(argument.getType()) &&
            !function.getArgAttr(index, writable))
          function.setArgAttr(index, writable, no);
      }
    }
  }
};
} // namespace
