//===- VerifyInput.cpp - What iree-compile would not take -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
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
  auto visibility =
      function->getAttrOfType<StringAttr>(SymbolTable::getVisibilityAttrName());
  return !visibility || visibility.getValue() == "public";
}

/// func.func and, unregistered, util.func.
static LogicalResult verifyFunction(Operation *function) {
  auto name =
      function->getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName());
  auto attribute = function->getAttrOfType<TypeAttr>("function_type");
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
    StringRef last = block.empty() ? "" : block.back().getName().getStringRef();
    if (!last.starts_with("cf.") && !last.starts_with("util.") &&
        last != "func.return")
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

/// An attribute of an unregistered op, in either position.
static Attribute getAttribute(Operation *op, StringRef name) {
  if (Attribute attribute = op->getDiscardableAttr(name))
    return attribute;
  auto properties =
      dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute());
  return properties ? properties.get(name) : Attribute();
}

/// iree_linalg_ext.attention and online_attention, which stay where they are
/// not raised.
static LogicalResult verifyAttention(Operation *op) {
  auto maps = dyn_cast_or_null<ArrayAttr>(getAttribute(op, "indexing_maps"));
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
  WalkResult result = op->getRegion(0).walk([&](Operation *nested) {
    if (nested->getName().getStringRef() != "iree_linalg_ext.index")
      return WalkResult::advance();
    auto dim = dyn_cast_or_null<IntegerAttr>(getAttribute(nested, "dim"));
    if (dim && dim.getValue().ult(numLoops))
      return WalkResult::advance();
    nested->emitOpError("must have a dim below ") << numLoops;
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

static LogicalResult verifyOp(Operation *op) {
  if (!llvm::is_contained(kDialects, op->getName().getDialectNamespace()))
    return op->emitOpError("is none that iree-compile takes here; accepted are "
                           "the dialects ")
           << llvm::join(std::begin(kDialects), std::end(kDialects), ", ");
  StringRef name = op->getName().getStringRef();
  if (name == "torch.operator")
    return op->emitOpError("is none that iree-compile takes: it knows no "
                           "custom operators of PyTorch");
  if (name == "iree_linalg_ext.attention" ||
      name == "iree_linalg_ext.online_attention")
    return verifyAttention(op);
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return verifyExpandShape(expand);
  return isFunction(op) ? verifyFunction(op) : success();
}

namespace {
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
    if (!hasEntry) {
      getOperation().emitError("iree-compile needs a public function with a "
                               "body, and this module has none");
      signalPassFailure();
    }
  }
};
} // namespace
