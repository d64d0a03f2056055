//===- TMTensorDialect.cpp - A mirror of torch-mlir's tm_tensor -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/TMTensor/IR/TMTensor.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace sparsek::tm_tensor;

#include "sparsek/Dialect/TMTensor/IR/TMTensorDialect.cpp.inc"

#define GET_OP_CLASSES
#include "sparsek/Dialect/TMTensor/IR/TMTensorOps.cpp.inc"

void TMTensorDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "sparsek/Dialect/TMTensor/IR/TMTensorOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// attention
//===----------------------------------------------------------------------===//

/// `keyword ( %a, %b : type, type )`
static ParseResult parseOperandGroup(OpAsmParser &parser, StringRef keyword,
                                     OperationState &result, int32_t &count) {
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Type> types;
  llvm::SMLoc loc;
  if (parser.parseKeyword(keyword) || parser.parseLParen())
    return failure();
  loc = parser.getCurrentLocation();
  if (parser.parseOperandList(operands) || parser.parseColonTypeList(types) ||
      parser.parseRParen())
    return failure();
  count = static_cast<int32_t>(operands.size());
  return parser.resolveOperands(operands, types, loc, result.operands);
}

ParseResult AttentionOp::parse(OpAsmParser &parser, OperationState &result) {
  int32_t inputs = 0, outputs = 0;
  if (parser.parseOptionalAttrDict(result.attributes) ||
      parseOperandGroup(parser, "ins", result, inputs) ||
      parseOperandGroup(parser, "outs", result, outputs))
    return failure();
  auto emitError = [&]() { return parser.emitError(parser.getNameLoc()); };
  if (Attribute scale = result.attributes.get(getScaleAttrName(result.name))) {
    auto value = dyn_cast<FloatAttr>(scale);
    if (!value)
      return emitError()
             << "'tm_tensor.attention' op attribute 'scale' must be "
                "a float";
    result.getOrAddProperties<Properties>().scale = value;
    result.attributes.erase(getScaleAttrName(result.name));
  }
  result.getOrAddProperties<Properties>().operandSegmentSizes = {inputs,
                                                                 outputs};
  SmallVector<Type> types;
  if (succeeded(parser.parseOptionalArrow())) {
    Type type;
    if (parser.parseType(type))
      return failure();
    types.push_back(type);
  }
  result.addTypes(types);
  return success();
}

void AttentionOp::print(OpAsmPrinter &printer) {
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {getOperandSegmentSizesAttrName()});
  auto group = [&](StringRef keyword, ValueRange values) {
    printer << ' ' << keyword << '(' << values << " : " << values.getTypes()
            << ')';
  };
  group("ins", getInputs());
  group("outs", getOutputs());
  if (getNumResults() == 1)
    printer << " -> " << getResultTypes().front();
}

LogicalResult AttentionOp::verify() {
  size_t inputs = getInputs().size();
  if (inputs != 3 && inputs != 4)
    return emitOpError("takes query, key, value and optionally a mask, got ")
           << inputs << " inputs";
  if (getOutputs().size() != 1)
    return emitOpError("writes one output, got ") << getOutputs().size();
  auto output = dyn_cast<ShapedType>(getOutputs().front().getType());
  if (isa<RankedTensorType>(output) ? getNumResults() != 1
                                    : getNumResults() != 0)
    return emitOpError("has one result where its output is a tensor and none "
                       "otherwise, got ")
           << getNumResults();
  if (getNumResults() == 1 && getResultTypes().front() != output)
    return emitOpError("must have the type of its output ")
           << output << " as result type, got " << getResultTypes().front();
  SmallVector<ShapedType> types;
  for (Value value : getInputs())
    types.push_back(cast<ShapedType>(value.getType()));
  types.push_back(output);
  for (ShapedType type : types)
    if (!type.hasRank() || type.getRank() < 3 ||
        type.getRank() != types[0].getRank())
      return emitOpError("operands must have one rank of at least 3, got ")
             << type;
  int64_t rank = types[0].getRank();
  auto agree = [&](StringRef what, ShapedType a, int64_t i, ShapedType b,
                   int64_t j) -> LogicalResult {
    int64_t x = a.getDimSize(i), y = b.getDimSize(j);
    if (ShapedType::isDynamic(x) || ShapedType::isDynamic(y) || x == y)
      return success();
    return emitOpError() << what << " must agree, got " << x << " and " << y;
  };
  ShapedType query = types[0], key = types[1], value = types[2];
  if (failed(agree("head sizes of query and key", query, rank - 1, key,
                   rank - 1)) ||
      failed(agree("numbers of keys and values", key, rank - 2, value,
                   rank - 2)) ||
      failed(
          agree("value size and output", value, rank - 1, output, rank - 1)) ||
      failed(agree("numbers of queries and outputs", query, rank - 2, output,
                   rank - 2)))
    return failure();
  if (inputs == 4 && (failed(agree("mask rows and queries", types[3], rank - 2,
                                   query, rank - 2)) ||
                      failed(agree("mask columns and keys", types[3], rank - 1,
                                   key, rank - 2))))
    return failure();
  for (ShapedType type : ArrayRef(types).drop_front())
    for (int64_t d : llvm::seq(rank - 2))
      if (failed(agree("leading dimensions", query, d, type, d)))
        return failure();
  return success();
}
