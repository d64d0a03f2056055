//===- IREESpecWriter.cpp - The text of a transform spec ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "IREESpecWriter.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace sparsek;

/// Puts the bodies of private functions in the place of their calls.
static LogicalResult inlineCalls(func::FuncOp function, SymbolTable &symbols) {
  SmallVector<func::CallOp> calls;
  function.walk([&](func::CallOp call) { calls.push_back(call); });
  while (!calls.empty()) {
    func::CallOp call = calls.pop_back_val();
    auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
    if (!callee || callee.isExternal() || !callee.getBody().hasOneBlock() ||
        callee == function)
      return call.emitOpError("in a transform spec must be of a function with "
                              "one block in this module");
    OpBuilder b(call);
    IRMapping mapping;
    mapping.map(callee.getArguments(), call.getOperands());
    for (Operation &op : callee.front().without_terminator()) {
      Operation *copy = b.clone(op, mapping);
      // Recursion would not end.
      WalkResult nested =
          copy->walk([&](func::CallOp) { return WalkResult::interrupt(); });
      if (nested.wasInterrupted())
        return call.emitOpError("in a transform spec must be of a function "
                                "without calls");
    }
    for (auto [result, returned] : llvm::zip_equal(
             call.getResults(), callee.front().getTerminator()->getOperands()))
      result.replaceAllUsesWith(mapping.lookupOrDefault(returned));
    call.erase();
  }
  return success();
}

/// A util.func, which functions are when IREE runs the spec.
static void makeUtilFunction(func::FuncOp function, StringRef name) {
  OpBuilder b(function);
  OperationState state(function.getLoc(), "util.func");
  state.propertiesAttr = b.getDictionaryAttr(
      {b.getNamedAttr("function_type",
                      TypeAttr::get(function.getFunctionType())),
       b.getNamedAttr("sym_name", b.getStringAttr(name)),
       b.getNamedAttr("sym_visibility", b.getStringAttr("private"))});
  state.addRegion()->takeBody(function.getBody());
  Operation *created = b.create(state);
  Operation *end = created->getRegion(0).front().getTerminator();
  b.setInsertionPoint(end);
  OperationState back(end->getLoc(), "util.return");
  back.addOperands(end->getOperands());
  b.create(back);
  end->erase();
  function.erase();
}

/// The executables that a function dispatches to.
static llvm::SmallSetVector<StringAttr, 4>
findExecutables(func::FuncOp function, SymbolTable &symbols) {
  llvm::SmallSetVector<StringAttr, 4> names;
  function.walk([&](Operation *op) {
    // Of an unregistered op all inherent attributes are properties.
    if (Attribute properties = op->getPropertiesAsAttribute())
      properties.walk([&](SymbolRefAttr symbol) {
        Operation *named = symbols.lookup(symbol.getRootReference());
        if (named && named->getName().getStringRef() == "hal.executable.source")
          names.insert(symbol.getRootReference());
      });
  });
  return names;
}

namespace {
/// Chooses the names of what the spec puts into a model, where a symbol of the
/// same name would be taken for it.
class Names {
public:
  Names(ModuleOp module, ModuleOp model);
  std::string choose(const Twine &wanted);

private:
  std::string ending;
  llvm::StringSet<> taken;
};
} // namespace

Names::Names(ModuleOp module, ModuleOp model) {
  if (!model) {
    std::string text;
    llvm::raw_string_ostream(text) << module;
    ending = "_" + llvm::utohexstr(llvm::xxh3_64bits(text), /*LowerCase=*/true,
                                   /*Width=*/16);
    return;
  }
  // Whatever may be a name: no op of IREE's is registered.
  AttrTypeWalker walker;
  walker.addWalk([&](StringAttr name) { taken.insert(name.getValue()); });
  model.walk([&](Operation *op) {
    walker.walk(op->getDiscardableAttrDictionary());
    if (Attribute properties = op->getPropertiesAsAttribute())
      walker.walk(properties);
  });
}

std::string Names::choose(const Twine &wanted) {
  std::string begin = (wanted + ending).str(), name = begin;
  for (unsigned number = 1; !taken.insert(name).second; ++number)
    name = begin + "_" + std::to_string(number);
  return name;
}

/// Gives the executables other names, and the functions these.
static void
renameExecutables(ModuleOp module, Names &names,
                  MutableArrayRef<llvm::SmallSetVector<StringAttr, 4>> used,
                  ArrayRef<IREEReplacement> replacements) {
  llvm::MapVector<StringAttr, StringAttr> renamed;
  for (Operation &op : module.getOps()) {
    if (op.getName().getStringRef() != "hal.executable.source")
      continue;
    StringAttr old = SymbolTable::getSymbolName(&op);
    auto chosen =
        StringAttr::get(module.getContext(), names.choose(old.getValue()));
    SymbolTable::setSymbolName(&op, chosen);
    renamed[old] = chosen;
  }
  AttrTypeReplacer replacer;
  replacer.addReplacement(
      [&](SymbolRefAttr symbol) -> std::pair<Attribute, WalkResult> {
        StringAttr name = renamed.lookup(symbol.getRootReference());
        if (name)
          symbol = SymbolRefAttr::get(name, symbol.getNestedReferences());
        return {symbol, WalkResult::skip()};
      });
  for (const IREEReplacement &replacement : replacements)
    replacement.function->walk([&](Operation *op) {
      Attribute properties = op->getPropertiesAsAttribute();
      if (!op->isRegistered() && properties)
        (void)op->setPropertiesFromAttribute(replacer.replace(properties),
                                             nullptr);
    });
  for (llvm::SmallSetVector<StringAttr, 4> &executables : used) {
    llvm::SmallSetVector<StringAttr, 4> chosen;
    for (StringAttr old : executables)
      chosen.insert(renamed.lookup(old));
    executables = std::move(chosen);
  }
}

static void printMatcher(StringRef name, StringRef body, raw_ostream &os) {
  os << "\n  transform.named_sequence @" << name
     << R"((%op: !transform.any_op {transform.readonly}) -> (!transform.any_op, !transform.any_value) {
    transform.match.operation_name %op ["iree_linalg_ext.attention"] : !transform.any_op
)" << body
     << "    transform.yield %op, %in : !transform.any_op, "
        "!transform.any_value\n  }";
}

static void printReplacer(StringRef name, StringRef function,
                          ArrayRef<StringAttr> executables, raw_ostream &os) {
  os << "\n  transform.named_sequence @" << name
     << R"((%op: !transform.any_op {transform.readonly}, %in: !transform.any_value {transform.readonly}) {
    %out = transform.get_result %op[all] : (!transform.any_op) -> !transform.any_value
    %root = transform.util.get_nearest_symbol_table %op : (!transform.any_op) -> !transform.any_op
)";
  for (auto [number, executable] : llvm::enumerate(executables))
    os << "    %e" << number << " = transform.util.import_symbol @"
       << executable.getValue()
       << " into %root if undefined : (!transform.any_op) -> "
          "!transform.any_op\n";
  os << "    %f = transform.util.import_symbol @" << function
     << R"( into %root if undefined : (!transform.any_op) -> !transform.any_op
    transform.util.cast_and_call %f(%in) -> %out after %op {
      transform.type_conversion.tensor.cast_shape_dynamic_dims
    } : (!transform.any_op, !transform.any_value, !transform.any_value, !transform.any_op) -> !transform.any_op
    transform.yield
  })";
}

static void printMain(ArrayRef<std::string> pairs, raw_ostream &os) {
  os << R"(
  transform.named_sequence @__transform_main(%module: !transform.any_op) {
    %functions = transform.structured.match ops{["util.func"]} in %module : (!transform.any_op) -> !transform.any_op
    transform.foreach %functions : !transform.any_op {
    ^bb1(%function: !transform.any_op):
      transform.foreach_match in %function
        )";
  llvm::interleave(pairs, os, ",\n        ");
  os << R"(
        : (!transform.any_op) -> !transform.any_op
    }
    transform.apply_dce to %module : !transform.any_op
    transform.apply_registered_pass "inline" to %module : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
)";
}

LogicalResult sparsek::writeIREESpec(ModuleOp module,
                                     ArrayRef<IREEReplacement> replacements,
                                     ModuleOp model, raw_ostream &os) {
  WalkResult left = module.walk([](Operation *op) {
    return isa_and_present<SparseKDialect>(op->getDialect())
               ? WalkResult(op->emitOpError("is left: run "
                                            "--sparsek-emit-iree before"))
               : WalkResult::advance();
  });
  if (left.wasInterrupted())
    return failure();
  Names names(module, model);
  SymbolTable symbols(module);
  SmallVector<llvm::SmallSetVector<StringAttr, 4>> executables;
  for (const IREEReplacement &replacement : replacements) {
    if (failed(inlineCalls(replacement.function, symbols)))
      return failure();
    executables.push_back(findExecutables(replacement.function, symbols));
  }
  renameExecutables(module, names, executables, replacements);

  std::string sequences;
  llvm::raw_string_ostream sequenceStream(sequences);
  SmallVector<std::string> pairs, functions;
  for (auto [number, replacement] : llvm::enumerate(replacements)) {
    // Only where there are several they are numbered.
    std::string suffix =
        replacements.size() == 1 ? "" : ("_" + Twine(number)).str();
    functions.push_back(names.choose("sparsek_attention" + suffix));
    std::string replace = "replace" + suffix;
    for (auto [form, body] : llvm::enumerate(replacement.matchers)) {
      std::string match = "match" + suffix;
      if (replacement.matchers.size() > 1)
        match += ("_form_" + Twine(form)).str();
      printMatcher(match, body, sequenceStream);
      pairs.push_back("@" + match + " -> @" + replace);
    }
    printReplacer(replace, functions.back(), executables[number].getArrayRef(),
                  sequenceStream);
  }
  for (auto other : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
    if (llvm::none_of(replacements, [&](const IREEReplacement &replacement) {
          return replacement.function == other;
        }))
      other.erase();
  for (auto [name, replacement] : llvm::zip_equal(functions, replacements))
    makeUtilFunction(replacement.function, name);
  module->setDiscardableAttrs(DictionaryAttr());
  module->setAttr("transform.with_named_sequence",
                  UnitAttr::get(module.getContext()));
  std::string text;
  llvm::raw_string_ostream(text) << module;
  // The sequences come last in the module.
  StringRef head = StringRef(text).rtrim();
  head.consume_back("}");
  os << head.rtrim() << sequences;
  printMain(pairs, os);
  return success();
}
