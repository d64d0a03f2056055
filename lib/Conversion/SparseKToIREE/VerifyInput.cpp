//===- VerifyInput.cpp - What iree-compile would not take -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "GenericOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace sparsek {
#define GEN_PASS_DEF_VERIFYIREEINPUTPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

/// Dialects of what iree-compile 3.13 takes outside of executables. Others that
/// it knows, such as vector, memref and llvm, are for the code in them.
static constexpr StringLiteral kDialects[] = {"affine",
                                              "arith",
                                              "builtin",
                                              "cf",
                                              "check",
                                              "chlo",
                                              "complex",
                                              "flow",
                                              "func",
                                              "hal",
                                              "io_parameters",
                                              "iree_encoding",
                                              "iree_linalg_ext",
                                              "iree_tensor_ext",
                                              "linalg",
                                              "math",
                                              "ml_program",
                                              "quant",
                                              "scf",
                                              "shape",
                                              "stablehlo",
                                              "stream",
                                              "tensor",
                                              "tm_tensor",
                                              "torch",
                                              "torch_c",
                                              "tosa",
                                              "transform",
                                              "ub",
                                              "util",
                                              "vhlo",
                                              "vm"};

static bool isFunction(Operation *op) {
  StringRef name = op->getName().getStringRef();
  return name == "func.func" || name == "util.func";
}

/// Whether what an op holds is compiled for a device: any code may be there.
static bool isExecutable(Operation *op) {
  StringRef name = op->getName().getStringRef();
  return name.starts_with("hal.executable") ||
         name.starts_with("flow.executable") ||
         name.starts_with("stream.executable") ||
         name == "hal.dispatch.extern" || name == "flow.dispatch.workgroups" ||
         name == "flow.dispatch.region" || name == "hal.device.memoize";
}

/// Whether a value can be passed to and from IREE's runtime.
static bool isPassed(Type type) {
  if (isa<UnrankedTensorType, ComplexType>(type))
    return false;
  if (isa<IntegerType>(type)) {
    unsigned width = type.getIntOrFloatBitWidth();
    return width <= 32 || width == 64;
  }
  if (isa<FloatType>(type))
    return type.getIntOrFloatBitWidth() <= 64;
  return true;
}

static bool isExternal(Operation *function) {
  return function->getNumRegions() != 1 || function->getRegion(0).empty();
}

static bool isPublic(Operation *function) {
  auto visibility = dyn_cast_or_null<StringAttr>(
      iree::getAttribute(function, SymbolTable::getVisibilityAttrName()));
  return !visibility || visibility.getValue() == "public";
}

/// func.func and, unregistered, util.func.
static LogicalResult verifyFunction(Operation *function) {
  auto name = dyn_cast_or_null<StringAttr>(
      iree::getAttribute(function, SymbolTable::getSymbolAttrName()));
  auto attribute =
      dyn_cast_or_null<TypeAttr>(iree::getAttribute(function, "function_type"));
  auto type =
      dyn_cast_or_null<FunctionType>(attribute ? attribute.getValue() : Type());
  if (!name || !type)
    return function->emitOpError(
        "is no function: it must have a name and a type");
  if (isExternal(function)) {
    // Those of other modules in the runtime are named after them.
    if (name.getValue().contains('.'))
      return success();
    return function->emitOpError(
        "is declared only: iree-compile needs the body "
        "of a function, or as its name "
        "'module.function' of another module");
  }
  // An unregistered op could be a terminator, for the verifier.
  for (Block &block : function->getRegion(0)) {
    Operation *last = block.empty() ? nullptr : &block.back();
    if (!last || (!last->hasTrait<OpTrait::IsTerminator>() &&
                  last->getName().getStringRef() != "util.return" &&
                  last->getName().getStringRef() != "util.unreachable"))
      return function->emitOpError("has a block that ends in no terminator");
  }
  if (!isPublic(function))
    return success();
  for (auto types : {type.getInputs(), type.getResults()})
    for (Type passed : types)
      if (!isPassed(passed))
        return function->emitOpError("takes or returns ")
               << passed
               << ", which iree-compile does not pass; accepted are ranked "
                  "tensors, integers of up to 32 bits or 64, and floats of up "
                  "to 64";
  return success();
}

/// How many loops come before those that only rows of Q and K, or of V, have.
static unsigned countLogitLoops(ArrayAttr maps) {
  auto has = [&](unsigned operand, unsigned loop) {
    return operand < maps.size() &&
           cast<AffineMapAttr>(maps[operand]).getValue().isFunctionOfDim(loop);
  };
  constexpr unsigned query = 0, key = 1, value = 2;
  unsigned numLoops = cast<AffineMapAttr>(maps[0]).getValue().getNumDims();
  for (unsigned loop = 0; loop < numLoops; ++loop) {
    bool isInner = has(query, loop) && has(key, loop) && !has(value, loop);
    bool isColumn = has(value, loop) && !has(query, loop) && !has(key, loop);
    if (isInner || isColumn)
      return loop;
  }
  return numLoops;
}

/// iree_linalg_ext.attention and online_attention, which stay where they are
/// not raised.
static LogicalResult verifyAttention(Operation *op) {
  auto maps =
      dyn_cast_or_null<ArrayAttr>(iree::getAttribute(op, "indexing_maps"));
  if (!maps || maps.size() != op->getNumOperands() ||
      !llvm::all_of(maps, llvm::IsaPred<AffineMapAttr>))
    return op->emitOpError("must have an indexing map for each operand");
  unsigned numLoops =
      maps.empty() ? 0 : cast<AffineMapAttr>(maps[0]).getValue().getNumDims();
  SmallVector<int64_t> loops(numLoops, ShapedType::kDynamic);
  for (auto [number, operand, attribute] :
       llvm::enumerate(op->getOperandTypes(), maps)) {
    AffineMap map = cast<AffineMapAttr>(attribute).getValue();
    ArrayRef<int64_t> shape;
    if (auto shaped = dyn_cast<ShapedType>(operand); shaped && shaped.hasRank())
      shape = shaped.getShape();
    if (map.getNumDims() != numLoops || map.getNumResults() != shape.size() ||
        !map.isProjectedPermutation(/*allowZeroInResults=*/true))
      return op->emitOpError("must map its ")
             << numLoops << " loops to dimensions, each to one at most, and "
             << attribute << " of operand #" << number << " of type " << operand
             << " does not";
    for (auto [expr, size] : llvm::zip_equal(map.getResults(), shape)) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim || ShapedType::isDynamic(size))
        continue;
      int64_t &known = loops[dim.getPosition()];
      if (!ShapedType::isDynamic(known) && known != size)
        return op->emitOpError("has a loop of ")
               << known << " iterations for which operand #" << number
               << " has size " << size;
      known = size;
    }
  }
  if (op->getNumRegions() != 1 || !op->getRegion(0).hasOneBlock() ||
      op->getRegion(0).getNumArguments() != 1 ||
      !isa<FloatType>(op->getRegion(0).getArgument(0).getType()))
    return op->emitOpError("must have a region with one block that takes a "
                           "logit");
  // iree-compile 3.13 takes the number of a loop for that of a loop over
  // logits, those of the batch, of queries and of keys.
  unsigned numLogitLoops = countLogitLoops(maps);
  WalkResult result = op->getRegion(0).walk([&](Operation *nested) {
    StringRef name = nested->getName().getStringRef();
    if (name != "iree_linalg_ext.index" && name != "linalg.index")
      return WalkResult::advance();
    auto dim = dyn_cast_or_null<IntegerAttr>(iree::getAttribute(nested, "dim"));
    if (dim && dim.getValue().ult(numLogitLoops))
      return WalkResult::advance();
    nested->emitOpError("must have a dim below ")
        << numLogitLoops
        << ": iree-compile numbers the loops over logits, which must come "
           "first";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

/// Newer versions of MLIR ask for more than the one that verified the op here.
static LogicalResult verifyExpandShape(tensor::ExpandShapeOp op) {
  for (auto [size, inType] :
       llvm::zip_equal(op.getStaticOutputShape(), op.getType().getShape()))
    if (!ShapedType::isDynamic(size) && !ShapedType::isDynamic(inType) &&
        size != inType)
      return op.emitOpError("must have an output_shape like its result type");
  return success();
}

/// Groups of operands of an op that is not registered.
static LogicalResult verifySegments(Operation *op) {
  if (op->isRegistered())
    return success();
  auto segments = dyn_cast_or_null<DenseI32ArrayAttr>(
      iree::getAttribute(op, "operandSegmentSizes"));
  if (!segments)
    return success();
  int64_t sum = 0;
  for (int32_t size : segments.asArrayRef())
    sum = size < 0 ? -1 : sum < 0 ? sum : sum + size;
  if (sum == int64_t(op->getNumOperands()))
    return success();
  return op->emitOpError("has ")
         << op->getNumOperands()
         << " operands, and operandSegmentSizes that do not add up to it";
}

static LogicalResult verifyOp(Operation *op) {
  if (!llvm::is_contained(kDialects, op->getName().getDialectNamespace()))
    return op->emitOpError("is none that iree-compile takes here; accepted are "
                           "the dialects ")
           << llvm::join(std::begin(kDialects), std::end(kDialects), ", ");
  StringRef name = op->getName().getStringRef();
  if (name == "torch.operator")
    return op->emitOpError("is none that iree-compile takes: it knows no "
                           "custom operators of PyTorch");
  if (name.starts_with("torch.constant.") && name != "torch.constant.none" &&
      !iree::getAttribute(op, "value"))
    return op->emitOpError("must have an attribute 'value'");
  if (isa<UnrealizedConversionCastOp, scf::ForallOp, func::CallIndirectOp,
          func::ConstantOp, tensor::SplatOp, tensor::GenerateOp,
          tensor::GatherOp, tensor::ScatterOp>(op))
    return op->emitOpError("is none that iree-compile takes");
  if (isa<ModuleOp>(op) && op->getParentOp())
    return op->emitOpError("in a module is none that iree-compile takes");
  if (failed(verifySegments(op)))
    return failure();
  if (name == "iree_linalg_ext.attention" ||
      name == "iree_linalg_ext.online_attention")
    return verifyAttention(op);
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return verifyExpandShape(expand);
  return isFunction(op) ? verifyFunction(op) : success();
}

namespace {
/// Finds a function that calls itself, by way of others or not: iree-compile
/// would not end.
class CallGraph {
public:
  explicit CallGraph(ModuleOp module) {
    for (Operation &op : module.getOps())
      if (auto name = dyn_cast_or_null<StringAttr>(
              iree::getAttribute(&op, SymbolTable::getSymbolAttrName())))
        functions[name] = &op;
  }

  /// Null where there is none.
  Operation *findRecursion() {
    for (auto [name, function] : functions)
      if (visit(function))
        return function;
    return nullptr;
  }

private:
  /// Whether `function` leads back to one that is being visited.
  bool visit(Operation *function) {
    auto [state, isNew] = states.try_emplace(function, State::Open);
    if (!isNew)
      return state->second == State::Open;
    WalkResult result = function->walk([&](Operation *op) {
      StringRef name = op->getName().getStringRef();
      if (name != "func.call" && name != "util.call")
        return WalkResult::advance();
      auto callee =
          dyn_cast_or_null<FlatSymbolRefAttr>(iree::getAttribute(op, "callee"));
      Operation *called = callee ? functions.lookup(callee.getAttr()) : nullptr;
      return called && visit(called) ? WalkResult::interrupt()
                                     : WalkResult::advance();
    });
    states[function] = State::Done;
    return result.wasInterrupted();
  }

  enum class State { Open, Done };
  llvm::MapVector<StringAttr, Operation *> functions;
  llvm::DenseMap<Operation *, State> states;
};

struct VerifyIREEInput
    : public sparsek::impl::VerifyIREEInputPassBase<VerifyIREEInput> {
  void runOnOperation() override {
    bool hasEntry = false;
    WalkResult result =
        getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
          if (isExecutable(op))
            return WalkResult::skip();
          if (failed(verifyOp(op)))
            return WalkResult::interrupt();
          hasEntry |= isFunction(op) && isPublic(op) && !isExternal(op);
          return WalkResult::advance();
        });
    if (result.wasInterrupted())
      return signalPassFailure();
    if (Operation *function = CallGraph(getOperation()).findRecursion()) {
      function->emitOpError("leads to a call of itself, for which iree-compile "
                            "has no end");
      return signalPassFailure();
    }
    if (!hasEntry) {
      getOperation().emitError("iree-compile needs a public function with a "
                               "body, and this module has none");
      signalPassFailure();
    }
  }
};
} // namespace
