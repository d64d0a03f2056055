//===- UtilFunctions.cpp - util.func as func.func and back ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// After `iree-compile --compile-to=input` functions are util.func, which is not
// registered here: no pass on functions sees it, and a call in it cannot be
// verified. Those with sparsek ops are func.func for the time of the pipeline.
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "GenericOps.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

namespace sparsek {
#define GEN_PASS_DEF_CONVERTUTILTOFUNCPASS
#define GEN_PASS_DEF_CONVERTFUNCTOUTILPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

static constexpr StringLiteral kTypeName = "function_type";

static bool holdsSparseK(Operation *op) {
  WalkResult result = op->walk([](Operation *nested) {
    return isa_and_present<SparseKDialect>(nested->getDialect())
               ? WalkResult::interrupt()
               : WalkResult::advance();
  });
  return result.wasInterrupted();
}

/// Replaces the terminator of every block that is `from`.
static void replaceReturns(Region &body, StringRef from,
                           function_ref<void(OpBuilder &, Operation *)> build) {
  for (Block &block : body) {
    if (block.empty() || block.back().getName().getStringRef() != from)
      continue;
    Operation *end = &block.back();
    OpBuilder b(end);
    build(b, end);
    end->erase();
  }
}

//===----------------------------------------------------------------------===//
// util.func to func.func
//===----------------------------------------------------------------------===//

static LogicalResult convertToFunc(Operation *op) {
  StringRef symbol = SymbolTable::getSymbolAttrName(),
            visible = SymbolTable::getVisibilityAttrName();
  auto name = dyn_cast_or_null<StringAttr>(iree::getAttribute(op, symbol));
  auto attribute =
      dyn_cast_or_null<TypeAttr>(iree::getAttribute(op, kTypeName));
  auto visibility =
      dyn_cast_or_null<StringAttr>(iree::getAttribute(op, visible));
  auto type =
      dyn_cast_or_null<FunctionType>(attribute ? attribute.getValue() : Type());
  bool isFunction = name && type && op->getNumRegions() == 1 &&
                    op->getNumResults() == 0 && op->getNumOperands() == 0 &&
                    !op->getRegion(0).empty();
  if (!isFunction ||
      TypeRange(op->getRegion(0).getArgumentTypes()) != type.getInputs())
    return op->emitOpError("is no function: it must have a name, a type and "
                           "arguments that it says");
  OpBuilder b(op);
  auto function = func::FuncOp::create(b, op->getLoc(), name, type);
  NamedAttrList properties, others(op->getDiscardableAttrDictionary());
  if (auto given =
          dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute()))
    properties.append(given.getValue());
  for (NamedAttrList *list : {&properties, &others})
    for (StringRef known : {symbol, visible, StringRef(kTypeName)})
      list->erase(known);
  function->setDiscardableAttrs(others.getDictionary(op->getContext()));
  function->setAttr(iree::kUtilAttr,
                    properties.getDictionary(op->getContext()));
  if (visibility)
    function.setSymVisibilityAttr(visibility);
  function.getBody().takeBody(op->getRegion(0));
  replaceReturns(function.getBody(), "util.return",
                 [](OpBuilder &b, Operation *end) {
                   func::ReturnOp::create(b, end->getLoc(), end->getOperands());
                 });
  op->erase();
  return success();
}

namespace {
struct ConvertUtilToFunc
    : public sparsek::impl::ConvertUtilToFuncPassBase<ConvertUtilToFunc> {
  void runOnOperation() override {
    SmallVector<Operation *> functions;
    getOperation().walk([&](Operation *op) {
      if (op->getName().getStringRef() == "util.func" && holdsSparseK(op))
        functions.push_back(op);
    });
    for (Operation *function : functions)
      if (failed(convertToFunc(function)))
        return signalPassFailure();
    // Elsewhere nothing can be called.
    WalkResult result = getOperation().walk([&](Operation *op) {
      if (!isa_and_present<SparseKDialect>(op->getDialect()))
        return WalkResult::advance();
      auto function = op->getParentOfType<func::FuncOp>();
      if (function && function->getParentOp() == getOperation())
        return WalkResult::advance();
      op->emitOpError("must be in a func.func or util.func of the outermost "
                      "module to be emitted for IREE");
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// func.func to util.func
//===----------------------------------------------------------------------===//

/// The functions that were util.func, and what they call.
static SetVector<Operation *> collectFunctions(ModuleOp module) {
  SetVector<Operation *> functions;
  module.walk([&](func::FuncOp function) {
    if (function->hasAttr(iree::kUtilAttr))
      functions.insert(function);
  });
  for (size_t i = 0; i < functions.size(); ++i)
    functions[i]->walk([&](func::CallOp call) {
      Operation *callee =
          SymbolTable::lookupNearestSymbolFrom(call, call.getCalleeAttr());
      if (isa_and_present<func::FuncOp>(callee))
        functions.insert(callee);
    });
  return functions;
}

static void convertToUtil(func::FuncOp function) {
  OpBuilder b(function);
  NamedAttrList properties;
  if (auto kept = function->getAttrOfType<DictionaryAttr>(iree::kUtilAttr))
    properties.append(kept.getValue());
  properties.set(SymbolTable::getSymbolAttrName(), function.getSymNameAttr());
  properties.set(kTypeName, TypeAttr::get(function.getFunctionType()));
  if (StringAttr visibility = function.getSymVisibilityAttr())
    properties.set(SymbolTable::getVisibilityAttrName(), visibility);
  Operation *op = iree::createOp(b, function.getLoc(), "util.func", {}, {},
                                 properties.getAttrs(), /*numRegions=*/1);
  function->removeAttr(iree::kUtilAttr);
  op->setDiscardableAttrs(function->getDiscardableAttrDictionary());
  op->getRegion(0).takeBody(function.getBody());
  replaceReturns(op->getRegion(0), func::ReturnOp::getOperationName(),
                 [](OpBuilder &b, Operation *end) {
                   iree::createOp(b, end->getLoc(), "util.return", {},
                                  end->getOperands());
                 });
  op->walk([](func::CallOp call) {
    OpBuilder b(call);
    Operation *other = iree::createOp(
        b, call.getLoc(), "util.call", call.getResultTypes(),
        call.getOperands(), {b.getNamedAttr("callee", call.getCalleeAttr())});
    call.replaceAllUsesWith(other->getResults());
    call.erase();
  });
  function.erase();
}

namespace {
struct ConvertFuncToUtil
    : public sparsek::impl::ConvertFuncToUtilPassBase<ConvertFuncToUtil> {
  LogicalResult initialize(MLIRContext *context) override {
    // For the ops of IREE.
    context->allowUnregisteredDialects();
    return success();
  }
  void runOnOperation() override {
    for (Operation *function : collectFunctions(getOperation()))
      convertToUtil(cast<func::FuncOp>(function));
  }
};
} // namespace
