//===- FunctionArguments.cpp - New arguments of functions -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FunctionArguments.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace sparsek::raise;

Function Function::around(Operation *op) {
  Function result;
  for (Operation *parent = op->getParentOp(); parent;
       parent = parent->getParentOp()) {
    auto type = parent->getAttrOfType<TypeAttr>("function_type");
    auto function = dyn_cast<FunctionOpInterface>(parent);
    bool known = function && isa<FunctionType>(function.getFunctionType());
    bool unknown =
        !parent->isRegistered() && type && isa<FunctionType>(type.getValue()) &&
        parent->getNumRegions() == 1 && !parent->getRegion(0).empty();
    if (known || unknown) {
      result.op = parent;
      break;
    }
    // An argument would not be visible inside.
    if (parent->hasTrait<OpTrait::IsIsolatedFromAbove>())
      break;
  }
  return result;
}

SmallVector<Operation *> Function::findUsers(Operation *module) const {
  SmallVector<Operation *> users;
  auto name = op->getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName());
  if (!name)
    return users;
  module->walk([&](Operation *user) {
    bool used = false;
    auto note = [&](SymbolRefAttr ref) {
      used |= ref.getLeafReference() == name || ref.getRootReference() == name;
    };
    user->getAttrDictionary().walk(note);
    // The dictionary of an op that is not registered lacks its properties.
    if (Attribute properties =
            user->isRegistered() ? nullptr : user->getPropertiesAsAttribute())
      properties.walk(note);
    if (used)
      users.push_back(user);
  });
  return users;
}

//===----------------------------------------------------------------------===//
// Exports of IREE
//===----------------------------------------------------------------------===//

static bool isHalType(Type type, StringRef name) {
  auto opaque = dyn_cast<OpaqueType>(type);
  return opaque && opaque.getDialectNamespace() == "hal" &&
         opaque.getTypeData() == name;
}

bool Function::isExport() const {
  return !op->isRegistered() && op->hasAttr("iree.abi.stub") &&
         llvm::all_of(op->getRegion(0).front().getArgumentTypes(),
                      [](Type type) {
                        return isHalType(type, "buffer_view") ||
                               isHalType(type, "fence");
                      });
}

unsigned Function::countFences() const {
  unsigned count = 0;
  for (Type type : llvm::reverse(op->getRegion(0).front().getArgumentTypes())) {
    if (!isHalType(type, "fence"))
      break;
    ++count;
  }
  return count;
}

bool Function::canChange(Operation *module) const {
  SmallVector<Operation *> users = findUsers(module);
  if (users.empty())
    return true;
  if (!isExport())
    return false;
  unsigned arguments = op->getRegion(0).front().getNumArguments();
  return llvm::all_of(users, [&](Operation *user) {
    Function caller = around(user);
    return user->getName().getStringRef() == "util.call" &&
           user->getNumOperands() == arguments && caller && caller.op != op &&
           caller.isExport() && caller.findUsers(module).empty();
  });
}

//===----------------------------------------------------------------------===//
// Insertion
//===----------------------------------------------------------------------===//

/// Into a function of an unknown dialect.
Value Function::insertUnknown(unsigned index, Type type, Location loc) {
  MLIRContext *context = op->getContext();
  auto old = cast<FunctionType>(
      op->getAttrOfType<TypeAttr>("function_type").getValue());
  Block &entry = op->getRegion(0).front();
  if (old.getNumInputs() != entry.getNumArguments())
    return nullptr;
  SmallVector<Type> inputs(old.getInputs());
  inputs.insert(inputs.begin() + index, type);
  op->setAttr("function_type", TypeAttr::get(FunctionType::get(
                                   context, inputs, old.getResults())));
  if (auto attrs = op->getAttrOfType<ArrayAttr>("arg_attrs");
      attrs && attrs.size() == old.getNumInputs()) {
    SmallVector<Attribute> all(attrs.begin(), attrs.end());
    all.insert(all.begin() + index, DictionaryAttr::get(context));
    op->setAttr("arg_attrs", ArrayAttr::get(context, all));
  }
  return entry.insertArgument(index, type, loc);
}

Value Function::addBufferView(RankedTensorType type, Location loc,
                              Operation *module) {
  SmallVector<Operation *> calls = findUsers(module);
  Block &entry = op->getRegion(0).front();
  MLIRContext *context = op->getContext();
  auto viewType =
      OpaqueType::get(StringAttr::get(context, "hal"), "buffer_view");
  unsigned fences = countFences();
  unsigned index = entry.getNumArguments() - fences;
  Value view = insertUnknown(index, viewType, loc);
  if (!view)
    return nullptr;
  for (Operation *call : calls) {
    Function caller = around(call);
    unsigned last = caller.op->getRegion(0).front().getNumArguments() -
                    caller.countFences();
    Value argument = caller.insertUnknown(last, viewType, loc);
    if (!argument)
      return nullptr;
    call->insertOperands(index, argument);
  }

  OpBuilder builder = OpBuilder::atBlockBegin(&entry);
  OperationState state(loc, "hal.tensor.import");
  state.addOperands(view);
  int32_t dynamic = 0;
  for (int64_t i : llvm::seq(type.getRank())) {
    if (!type.isDynamicDim(i))
      continue;
    OperationState dim(loc, "hal.buffer_view.dim");
    dim.addOperands(view);
    dim.addTypes(builder.getIndexType());
    dim.propertiesAttr = builder.getDictionaryAttr(
        builder.getNamedAttr("index", builder.getIndexAttr(i)));
    state.addOperands(builder.create(dim)->getResult(0));
    ++dynamic;
  }
  if (fences != 0)
    state.addOperands(entry.getArgument(index + 1));
  state.addTypes(type);
  state.propertiesAttr = builder.getDictionaryAttr(
      {builder.getNamedAttr(
           "operandSegmentSizes",
           builder.getDenseI32ArrayAttr({1, dynamic, fences != 0 ? 1 : 0, 0})),
       builder.getNamedAttr("target_encoding", TypeAttr::get(type))});
  return builder.create(state)->getResult(0);
}

Value Function::addArgument(RankedTensorType type, StringRef role, Location loc,
                            Operation *module) {
  MLIRContext *context = op->getContext();
  if (auto function = dyn_cast<FunctionOpInterface>(op)) {
    auto attrs = DictionaryAttr::get(
        context, NamedAttribute(StringAttr::get(context, "sparsek.role"),
                                StringAttr::get(context, role)));
    unsigned index = function.getNumArguments();
    if (failed(function.insertArgument(index, type, attrs, loc)))
      return nullptr;
    return function.getArgument(index);
  }
  if (isExport())
    return addBufferView(type, loc, module);
  return insertUnknown(op->getRegion(0).front().getNumArguments(), type, loc);
}
