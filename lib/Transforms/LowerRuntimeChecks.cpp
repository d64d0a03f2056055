//===- LowerRuntimeChecks.cpp - cf.assert as a call of the host -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKLOWERRUNTIMECHECKSPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

static constexpr StringLiteral kHandler("sparsek_runtime_check_failed");

namespace {
struct LowerRuntimeChecks
    : public sparsek::impl::SparsekLowerRuntimeChecksPassBase<
          LowerRuntimeChecks> {
  void runOnOperation() override {
    SmallVector<cf::AssertOp> checks;
    getOperation().walk([&](cf::AssertOp op) { checks.push_back(op); });
    if (checks.empty())
      return;
    SymbolTable symbols(getOperation());
    if (failed(declareHandler(symbols)))
      return signalPassFailure();
    for (cf::AssertOp check : checks)
      if (failed(lower(check, symbols)))
        return signalPassFailure();
  }

private:
  /// Declares `void sparsek_runtime_check_failed(ptr)`, which never returns.
  LogicalResult declareHandler(SymbolTable &symbols) {
    ModuleOp module = getOperation();
    if (Operation *existing = symbols.lookup(kHandler)) {
      if (isa<LLVM::LLVMFuncOp>(existing))
        return success();
      return existing->emitError("the name '")
             << kHandler << "' is taken by something other than an llvm.func";
    }
    MLIRContext *context = &getContext();
    OpBuilder builder(module.getBodyRegion());
    auto handler = LLVM::LLVMFuncOp::create(
        builder, module.getLoc(), kHandler,
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                    {LLVM::LLVMPointerType::get(context)}));
    handler.setPassthroughAttr(
        builder.getStrArrayAttr({"noreturn", "nounwind", "cold"}));
    symbols.insert(handler);
    return success();
  }

  /// The address of a constant with the text of `check`, made at `builder`.
  Value getMessage(cf::AssertOp check, OpBuilder &builder,
                   SymbolTable &symbols) {
    StringAttr text = builder.getStringAttr(check.getMsg());
    LLVM::GlobalOp &global = messages[text];
    if (!global) {
      OpBuilder atTop(getOperation().getBodyRegion());
      std::string terminated = (text.getValue() + Twine('\0')).str();
      auto type =
          LLVM::LLVMArrayType::get(builder.getI8Type(), terminated.size());
      global = LLVM::GlobalOp::create(
          atTop, check.getLoc(), type, /*isConstant=*/true,
          LLVM::Linkage::Internal, "sparsek_runtime_check_message",
          builder.getStringAttr(terminated));
      // Makes the name unique.
      symbols.insert(global);
    }
    return LLVM::AddressOfOp::create(builder, check.getLoc(), global);
  }

  LogicalResult lower(cf::AssertOp check, SymbolTable &symbols) {
    Operation *parent = check->getParentOp();
    if (parent->hasTrait<OpTrait::SingleBlock>())
      return check.emitOpError("lies in '")
             << parent->getName()
             << "', which holds one block only; run convert-scf-to-cf first";
    Block *block = check->getBlock();
    Block *after = block->splitBlock(check->getNextNode());
    OpBuilder builder(check);
    Block *failed = builder.createBlock(after);
    LLVM::CallOp::create(builder, check.getLoc(), TypeRange(), kHandler,
                         getMessage(check, builder, symbols));
    LLVM::UnreachableOp::create(builder, check.getLoc());
    builder.setInsertionPointToEnd(block);
    cf::CondBranchOp::create(builder, check.getLoc(), check.getArg(), after,
                             failed);
    check.erase();
    return success();
  }

  DenseMap<StringAttr, LLVM::GlobalOp> messages;
};
} // namespace
