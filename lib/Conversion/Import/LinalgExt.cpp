//===- LinalgExt.cpp - Reads iree_linalg_ext.attention --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NamedAttention.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace sparsek::importer;
using namespace sparsek::raise;

/// Dimensions of an operand by its indexing map: each a loop, or a constant 0
/// where the size is 1.
static bool readMap(AffineMap map, NamedOperand &operand,
                    llvm::SmallBitVector &loops) {
  if (map.getNumSymbols() != 0 ||
      map.getNumResults() != operand.type.getRank() ||
      map.getNumDims() != loops.size())
    return false;
  for (auto [expr, size] :
       llvm::zip(map.getResults(), operand.type.getShape())) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    auto constant = dyn_cast<AffineConstantExpr>(expr);
    if (constant && constant.getValue() == 0 && size == 1) {
      operand.dims.emplace_back();
      continue;
    }
    if (!dim || loops.test(dim.getPosition()))
      return false;
    loops.set(dim.getPosition());
    operand.dims.push_back({dim.getPosition()});
  }
  return true;
}

/// An online attention whose accumulators begin empty and whose result is
/// divided by its sum is all of the softmax: the quotient is the attention.
static std::string useDivision(Operation *op, AffineMap sumMap,
                               NamedAttention &a) {
  constexpr StringRef reason =
      "it computes a part of the keys: more happens to its results than a "
      "division of the first by the third";
  ExprContext ctx;
  ElementEvaluator eval(ctx, op->getBlock());
  auto initial = [&](unsigned result) -> std::optional<double> {
    Value init = op->getOperand(op->getNumOperands() - 3 + result);
    if (!isa<RankedTensorType>(init.getType()))
      return std::nullopt;
    SmallVector<ExprRef> at;
    for (ExprRef size : eval.shapeOf(init))
      at.push_back(ctx.symbol(size));
    return ExprContext::getFloat(
        eval.element(init, at, ElementEvaluator::Mode::Full));
  };
  auto maximum = initial(1);
  if (initial(0) != 0.0 || initial(2) != 0.0 || !maximum || *maximum > -1e30)
    return "it computes a part of the keys: its accumulators do not begin "
           "empty";
  Value sum = op->getResult(2);
  if (!op->getResult(0).hasOneUse() || !op->getResult(1).use_empty() ||
      !sum.hasOneUse() || !isa<RankedTensorType>(sum.getType()))
    return reason.str();
  Operation *user = *op->getResult(0).user_begin();
  if (*sum.user_begin() != user || user->getBlock() != op->getBlock() ||
      !isa<linalg::LinalgOp>(user) || user->getNumResults() != 1)
    return reason.str();
  Value quotient = user->getResult(0);
  SmallVector<ExprRef> at;
  for (ExprRef size : eval.shapeOf(quotient))
    at.push_back(ctx.symbol(size));
  if (at.size() != a.result.dims.size())
    return reason.str();
  // The index of each loop of the result, then that of the sum.
  SmallVector<ExprRef> loops(sumMap.getNumDims(), ctx.intConst(0)), sumAt;
  for (auto [dim, index] : llvm::zip(a.result.dims, at))
    for (unsigned loop : dim)
      loops[loop] = index;
  for (AffineExpr expr : sumMap.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    sumAt.push_back(dim ? loops[dim.getPosition()] : ctx.intConst(0));
  }
  using Mode = ElementEvaluator::Mode;
  ExprRef expected = ctx.mulf(eval.element(op->getResult(0), at, Mode::Full),
                              ctx.recip(eval.element(sum, sumAt, Mode::Full)));
  if (eval.element(quotient, at, Mode::Full) != expected)
    return reason.str();
  a.root = user;
  a.result.type = cast<RankedTensorType>(quotient.getType());
  return "";
}

ReadAttention sparsek::importer::readLinalgExt(Operation *op) {
  NamedAttributes attributes(op);
  auto maps = dyn_cast_or_null<ArrayAttr>(attributes.get("indexing_maps"));
  // How IREE is to compile it says nothing about what it computes.
  for (StringRef hint : {"lowering_config", "decomposition_config"})
    attributes.ignore(hint);
  // Older texts count operands by kind.
  attributes.ignore("operandSegmentSizes");
  if (std::string error = attributes.takeError(); !error.empty())
    return error;
  const bool online =
      op->getName().getStringRef() == "iree_linalg_ext.online_attention";
  // The outputs: of the online op also the maximum and the sum.
  const unsigned results = online ? 3 : 1;
  unsigned operands = op->getNumOperands();
  if (operands != 4 + results && operands != 5 + results)
    return online ? "takes query, key, value, scale, optionally a mask, and "
                    "three outputs"
                  : "takes query, key, value, scale, optionally a mask, and "
                    "output";
  if (op->getNumResults() != results)
    return online ? "has other than three results"
                  : "has other than one result";
  if (!maps || maps.size() != operands ||
      !llvm::all_of(maps, llvm::IsaPred<AffineMapAttr>))
    return "indexing_maps has not one map for each operand";

  NamedAttention a;
  unsigned count = cast<AffineMapAttr>(maps[0]).getValue().getNumDims();
  if (count > 64)
    return "indexing_maps has too many loops";
  a.loops.assign(count, ShapedType::kDynamic);
  a.query = NamedOperand::get(op, 0);
  a.key = NamedOperand::get(op, 1);
  a.value = NamedOperand::get(op, 2);
  a.scaleOperand = op->getOperand(3);
  const unsigned output = operands - results;
  const bool masked = output == 5;
  a.result = NamedOperand::get(op, output);
  llvm::SmallBitVector inQuery(count), inKey(count), inValue(count),
      inMask(count), inResult(count);
  auto mapAt = [&](unsigned i) {
    return cast<AffineMapAttr>(maps[i]).getValue();
  };
  if (!a.query || !a.key || !a.value || !a.result ||
      op->getResult(0).getType() != a.result.type)
    return "query, key, value and output are not ranked tensors, or the result "
           "is not like the output";
  if (!isa<FloatType>(a.scaleOperand.getType()) ||
      mapAt(3).getNumResults() != 0)
    return "the scale is not a float";
  bool read = readMap(mapAt(0), a.query, inQuery) &&
              readMap(mapAt(1), a.key, inKey) &&
              readMap(mapAt(2), a.value, inValue) &&
              readMap(mapAt(output), a.result, inResult);
  if (masked) {
    a.mask = NamedOperand::get(op, 4);
    if (!a.mask)
      return "the mask is not a ranked tensor";
    read = read && readMap(mapAt(4), a.mask, inMask);
  }
  if (!read)
    return "an indexing map is not a projected permutation";
  if (std::string reason = a.checkSizes(); !reason.empty())
    return reason;

  // Of four dimensions and more the outermost is the batch.
  if (a.key.type.getRank() >= 4 && a.query.dims[0].size() == 1 &&
      inKey.test(a.query.dims[0][0]))
    a.batch = SmallVector<unsigned>{a.query.dims[0][0]};

  // Loops over keys are in K and V, those of the product in Q and K.
  std::optional<unsigned> column;
  for (unsigned loop : llvm::seq(count)) {
    if (inResult.test(loop))
      continue;
    if (a.loops[loop] == 1)
      continue;
    if (inQuery.test(loop) && inKey.test(loop) && !inValue.test(loop)) {
      a.inner.push_back(loop);
      continue;
    }
    if (inQuery.test(loop) || !inKey.test(loop) || !inValue.test(loop) ||
        column)
      return "indexing_maps has other reductions than one over keys and those "
             "of the product of query and key";
    column = loop;
  }
  if (!column)
    return "there is one key only";
  a.column = *column;

  if (online) {
    if (std::string reason = useDivision(op, mapAt(operands - 1), a);
        !reason.empty())
      return reason;
    if (std::string reason = a.checkSizes(); !reason.empty())
      return reason;
  }

  if (op->getNumRegions() > 1)
    return "has more than one region";
  if (op->getNumRegions() == 1 && !op->getRegion(0).empty()) {
    Region &region = op->getRegion(0);
    Block &body = region.front();
    if (!region.hasOneBlock() || body.getNumArguments() != 1 || body.empty() ||
        body.back().getNumOperands() != 1 ||
        body.back().getName().getStringRef() != "iree_linalg_ext.yield" ||
        !isa<FloatType>(body.getArgument(0).getType()))
      return "its region does not map one logit to one";
    a.modify = [&body](ExprContext &ctx, ElementEvaluator &,
                       ArrayRef<ExprRef> loops, ExprRef logit) -> ExprRef {
      ElementEvaluator eval(ctx, &body);
      eval.bind(body.getArgument(0), logit);
      for (Operation &nested : body) {
        if (nested.getName().getStringRef() != "iree_linalg_ext.index" ||
            nested.getNumResults() != 1)
          continue;
        auto dim = nested.getAttrOfType<IntegerAttr>("dim");
        if (!dim || !dim.getValue().ult(loops.size()))
          return nullptr;
        eval.bind(nested.getResult(0), loops[dim.getInt()]);
      }
      ExprRef result = eval.scalar(body.back().getOperand(0));
      return result->sort == Sort::Float ? result : nullptr;
    };
  }
  return a;
}
