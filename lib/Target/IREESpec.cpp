//===- IREESpec.cpp - Transform specs for iree-compile --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Target/IREESpec.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace sparsek;

static constexpr StringLiteral kFunctionName = "sparsek_attention";

/// The function to put in the place of attention. Null, with an error, where
/// there is none.
static func::FuncOp findFunction(ModuleOp module) {
  SmallVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic())
      functions.push_back(function);
  if (functions.size() != 1) {
    module.emitError("a transform spec is made of a module with one public "
                     "function, this one has ")
        << functions.size();
    return nullptr;
  }
  func::FuncOp function = functions.front();
  FunctionType type = function.getFunctionType();
  auto is3D = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getRank() == 3;
  };
  bool fits = !function.isExternal() && function.getBody().hasOneBlock() &&
              type.getNumInputs() == 3 && type.getNumResults() == 1 &&
              llvm::all_of(type.getInputs(), is3D) && is3D(type.getResult(0));
  if (!fits) {
    function.emitError("must take q[B,M,D], k[B,N,D] and v[B,N,Dv] and return "
                       "o[B,M,Dv], in one block, as the function of a "
                       "transform spec; its type is ")
        << type;
    return nullptr;
  }
  return function;
}

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
static void makeUtilFunction(func::FuncOp function) {
  OpBuilder b(function);
  OperationState state(function.getLoc(), "util.func");
  state.propertiesAttr = b.getDictionaryAttr(
      {b.getNamedAttr("function_type",
                      TypeAttr::get(function.getFunctionType())),
       b.getNamedAttr("sym_name", b.getStringAttr(kFunctionName)),
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

/// What IREE runs: the matcher asks for the types of the operands.
static void printSequences(FunctionType type, ArrayRef<std::string> executables,
                           raw_ostream &os) {
  os << R"(
  transform.named_sequence @match(%op: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.match.operation_name %op ["iree_linalg_ext.attention"] : !transform.any_op
)";
  for (auto [number, input] : llvm::enumerate(type.getInputs()))
    os << "    %in" << number << " = transform.get_operand %op[" << number
       << "] : (!transform.any_op) -> !transform.any_value\n"
       << "    transform.iree.match.cast_compatible_type %in" << number << " = "
       << input << " : !transform.any_value\n";
  os << R"(    transform.yield %op : !transform.any_op
  }
  transform.named_sequence @replace(%op: !transform.any_op {transform.readonly}) {
    %in = transform.get_operand %op[0, 1, 2] : (!transform.any_op) -> !transform.any_value
    %out = transform.get_result %op[all] : (!transform.any_op) -> !transform.any_value
    %root = transform.util.get_nearest_symbol_table %op : (!transform.any_op) -> !transform.any_op
)";
  for (auto [number, name] : llvm::enumerate(executables))
    os << "    %e" << number << " = transform.util.import_symbol @" << name
       << " into %root if undefined : (!transform.any_op) -> "
          "!transform.any_op\n";
  os << "    %f = transform.util.import_symbol @" << kFunctionName
     << R"( into %root if undefined : (!transform.any_op) -> !transform.any_op
    transform.util.cast_and_call %f(%in) -> %out after %op {
      transform.type_conversion.tensor.cast_shape_dynamic_dims
    } : (!transform.any_op, !transform.any_value, !transform.any_value, !transform.any_op) -> !transform.any_op
    transform.yield
  }
  transform.named_sequence @__transform_main(%module: !transform.any_op) {
    %functions = transform.structured.match ops{["util.func"]} in %module : (!transform.any_op) -> !transform.any_op
    transform.foreach %functions : !transform.any_op {
    ^bb1(%function: !transform.any_op):
      transform.foreach_match in %function @match -> @replace : (!transform.any_op) -> !transform.any_op
    }
    transform.apply_dce to %module : !transform.any_op
    transform.apply_registered_pass "inline" to %module : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
)";
}

LogicalResult sparsek::emitIREESpec(ModuleOp module, raw_ostream &os) {
  OwningOpRef<ModuleOp> spec = module.clone();
  func::FuncOp function = findFunction(*spec);
  if (!function)
    return failure();
  WalkResult left = spec->walk([](Operation *op) {
    return isa_and_present<SparseKDialect>(op->getDialect())
               ? WalkResult(op->emitOpError("is left: run "
                                            "--sparsek-emit-iree before"))
               : WalkResult::advance();
  });
  if (left.wasInterrupted())
    return failure();
  SymbolTable symbols(*spec);
  if (failed(inlineCalls(function, symbols)))
    return failure();
  FunctionType type = function.getFunctionType();
  SmallVector<std::string> executables;
  for (Operation &op : llvm::make_early_inc_range(spec->getOps())) {
    if (auto other = dyn_cast<func::FuncOp>(op); other && other != function)
      other.erase();
    else if (op.getName().getStringRef() == "hal.executable.source")
      if (auto name = op.getAttrOfType<StringAttr>("sym_name"))
        executables.push_back(name.str());
  }
  makeUtilFunction(function);
  (*spec)->setDiscardableAttrs(DictionaryAttr());
  (*spec)->setAttr("transform.with_named_sequence",
                   UnitAttr::get(spec->getContext()));
  std::string text;
  llvm::raw_string_ostream(text) << *spec;
  // The sequences come last in the module.
  StringRef head = StringRef(text).rtrim();
  head.consume_back("}");
  os << head.rtrim() << "\n";
  printSequences(type, executables, os);
  os << "}\n";
  return success();
}
