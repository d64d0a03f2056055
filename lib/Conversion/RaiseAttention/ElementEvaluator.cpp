//===- ElementEvaluator.cpp - Tensor elements as expressions --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ElementEvaluator.h"

#include "sparsek/Support/Reassociation.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"
#include <limits>

using namespace mlir;
using namespace sparsek::raise;

/// Long chains of ops are read up to this depth, so that no input can exhaust
/// the stack.
static constexpr unsigned kMaxDepth = 256;
static constexpr unsigned kMaxSliceOps = 4096;

static Sort sortOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (element.isInteger(1))
    return Sort::Bool;
  return isa<IntegerType, IndexType>(element) ? Sort::Int : Sort::Float;
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

static Value stripFloatCasts(Value v) {
  while (Operation *op = v.getDefiningOp()) {
    if (!isa<arith::ExtFOp, arith::TruncFOp>(op))
      break;
    v = op->getOperand(0);
  }
  return v;
}

/// The two factors of a product, which may be distributed over casts.
static void collectFactors(Value v, SmallVectorImpl<Value> &factors,
                           unsigned depth = 0) {
  v = stripFloatCasts(v);
  if (auto mul = v.getDefiningOp<arith::MulFOp>(); mul && depth < 8) {
    collectFactors(mul.getLhs(), factors, depth + 1);
    collectFactors(mul.getRhs(), factors, depth + 1);
    return;
  }
  factors.push_back(v);
}

std::optional<Contraction> sparsek::raise::matchContraction(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || op->getNumResults() != 1 ||
      linalgOp.getNumReductionLoops() == 0)
    return std::nullopt;
  Block *body = linalgOp.getBlock();
  if (!body || body->empty() || body->back().getNumOperands() != 1)
    return std::nullopt;
  auto sum = stripFloatCasts(body->back().getOperand(0))
                 .getDefiningOp<arith::AddFOp>();
  if (!sum)
    return std::nullopt;
  Value acc = linalgOp.getMatchingBlockArgument(linalgOp.getDpsInitOperand(0));
  Value product;
  if (stripFloatCasts(sum.getLhs()) == acc)
    product = sum.getRhs();
  else if (stripFloatCasts(sum.getRhs()) == acc)
    product = sum.getLhs();
  else
    return std::nullopt;
  SmallVector<Value> factors;
  collectFactors(product, factors);
  Contraction result{nullptr, nullptr, true};
  for (Value factor : factors) {
    auto arg = dyn_cast<BlockArgument>(factor);
    if (!arg || arg.getOwner() != body) {
      result.plain = false;
      continue;
    }
    OpOperand *operand = linalgOp.getMatchingOpOperand(arg);
    if (!linalgOp.isDpsInput(operand) ||
        !isa<RankedTensorType>(operand->get().getType()) || result.rhs)
      return std::nullopt;
    (result.lhs ? result.rhs : result.lhs) = operand;
  }
  if (!result.rhs || result.lhs == result.rhs)
    return std::nullopt;
  return result;
}

void sparsek::raise::forEachUsedValue(Operation *op,
                                      llvm::function_ref<void(Value)> visit) {
  op->walk([&](Operation *nested) {
    for (Value operand : nested->getOperands())
      visit(operand);
  });
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

ExprRef ElementEvaluator::canonical(ExprRef size) {
  for (int round = 0; round < 8; ++round) {
    ExprRef next = ctx.substitute(size, equalSizes);
    if (next == size)
      break;
    size = next;
  }
  return size;
}

/// A size as an expression. Sizes are known to be non-negative, other values
/// are not: a size that is any other value is called the size of a tensor.
ExprRef ElementEvaluator::sizeOr(OpFoldResult size, Value tensor,
                                 int64_t index) {
  if (auto constant = getConstantIntValue(size))
    return ctx.intConst(*constant);
  ExprRef value = scalar(cast<Value>(size));
  // Tensors that have one value as a size have the same size.
  for (ExprRef op : value->ops)
    if (!op->is(ExprKind::Dim) && !op->is(ExprKind::IntProd))
      return sizeNames.try_emplace(value, ctx.dim(tensor, index)).first->second;
  return value;
}

ExprRef ElementEvaluator::rawDimOf(Value tensor, int64_t index) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(index))
    return ctx.intConst(type.getDimSize(index));
  ExprRef self = ctx.dim(tensor, index);
  Operation *op = tensor.getDefiningOp();
  if (!op || op->getBlock() != block || depth > kMaxDepth)
    return self;
  ++depth;
  ExprRef result = self;
  if (auto empty = dyn_cast<tensor::EmptyOp>(op)) {
    result = sizeOr(empty.getMixedSizes()[index], tensor, index);
  } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    result = sizeOr(expand.getMixedOutputShape()[index], tensor, index);
  } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    result = ctx.intConst(1);
    SmallVector<SmallVector<int64_t>> groups = getReassociation(collapse);
    for (int64_t d : groups[index])
      result = ctx.mul(result, dimOf(collapse.getSrc(), d));
  } else if (auto castOp = dyn_cast<tensor::CastOp>(op)) {
    if (isa<RankedTensorType>(castOp.getSource().getType()))
      result = dimOf(castOp.getSource(), index);
  } else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    if (slice.getSourceType().getRank() == type.getRank())
      result = sizeOr(slice.getMixedSizes()[index], tensor, index);
  } else if (auto reshape = dyn_cast<tensor::ReshapeOp>(op)) {
    auto from = reshape.getShape().getDefiningOp<tensor::FromElementsOp>();
    if (from)
      result = sizeOr(from.getElements()[index], tensor, index);
  } else if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    auto d = static_cast<int64_t>(concat.getDim());
    result = ctx.intConst(0);
    for (Value part :
         index == d ? concat.getInputs() : concat.getInputs().take_front())
      result = ctx.add(result, dimOf(part, index));
  } else if (op->getName().getStringRef() == "hal.tensor.import") {
    // Of IREE: what is imported, then the dynamic sizes of the result.
    unsigned number =
        type.getNumDynamicDims() -
        llvm::count(type.getShape().drop_front(index), ShapedType::kDynamic) +
        1;
    if (number < op->getNumOperands() &&
        op->getOperand(number).getType().isIndex())
      result = sizeOr(op->getOperand(number), tensor, index);
  } else if (auto dps = dyn_cast<DestinationStyleOpInterface>(op)) {
    result = dimOf(dps.getTiedOpOperand(cast<OpResult>(tensor))->get(), index);
  }
  --depth;
  return result;
}

ExprRef ElementEvaluator::dimOf(Value tensor, int64_t index) {
  return canonical(rawDimOf(tensor, index));
}

SmallVector<ExprRef> ElementEvaluator::shapeOf(Value tensor) {
  SmallVector<ExprRef> shape;
  for (int64_t i :
       llvm::seq(cast<RankedTensorType>(tensor.getType()).getRank()))
    shape.push_back(dimOf(tensor, i));
  return shape;
}

void ElementEvaluator::unifySizes(ExprRef a, ExprRef b) {
  a = canonical(a);
  b = canonical(b);
  if (a == b)
    return;
  // c * x == c * y gives x == y.
  if (a->ops.size() == 1 && b->ops.size() == 1 && a->num == 0 && b->num == 0 &&
      a->coeffs[0] == b->coeffs[0] && a->coeffs[0] != 1)
    return unifySizes(ctx.fromAtom(a->ops[0]), ctx.fromAtom(b->ops[0]));
  ExprRef x = ExprContext::getAtom(a), y = ExprContext::getAtom(b);
  // The older name stays.
  if (x && x->is(ExprKind::Dim) && !ctx.dependsOn(b, x) &&
      !(y && y->is(ExprKind::Dim) && y->id > x->id))
    equalSizes[x] = b;
  else if (y && y->is(ExprKind::Dim) && !ctx.dependsOn(a, y))
    equalSizes[y] = a;
}

void ElementEvaluator::reset() {
  elementMemo.clear();
  scalarMemo.clear();
}

void ElementEvaluator::learnSizes(Operation *root) {
  llvm::SetVector<Operation *> slice;
  slice.insert(root);
  for (size_t i = 0; i < slice.size() && slice.size() < kMaxSliceOps; ++i)
    forEachUsedValue(slice[i], [&](Value value) {
      if (Operation *def = value.getDefiningOp())
        if (def->getBlock() == block)
          slice.insert(def);
    });
  for (Operation *op : slice) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    if (!linalgOp || !linalgOp.hasPureTensorSemantics())
      continue;
    SmallVector<ExprRef> extents(linalgOp.getNumLoops(), nullptr);
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<RankedTensorType>(operand.get().getType()))
        continue;
      AffineMap map = linalgOp.getMatchingIndexingMap(&operand);
      for (auto [i, expr] : llvm::enumerate(map.getResults())) {
        auto dim = dyn_cast<AffineDimExpr>(expr);
        if (!dim)
          continue;
        ExprRef size = dimOf(operand.get(), i);
        ExprRef &known = extents[dim.getPosition()];
        if (known)
          unifySizes(known, size);
        else
          known = size;
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

ExprRef ElementEvaluator::element(Value tensor, ArrayRef<ExprRef> indices,
                                  Mode mode) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<ExprRef> idx(indices);
  for (auto [i, index] : llvm::enumerate(idx))
    if (type.getDimSize(i) == 1)
      index = ctx.intConst(0);
  ExprRef self = ctx.elem(tensor, idx, sortOf(type));
  if (depth > kMaxDepth || ctx.exhausted())
    return self;
  auto key = std::make_pair(self, static_cast<int>(mode));
  if (auto it = elementMemo.find(key); it != elementMemo.end())
    return it->second;
  ++depth;
  ExprRef result = readElement(tensor, idx, mode);
  --depth;
  if (!result)
    result = self;
  elementMemo[key] = result;
  return result;
}

ExprRef ElementEvaluator::readElement(Value tensor, ArrayRef<ExprRef> indices,
                                      Mode mode) {
  if (ExprRef value = bound.lookup(tensor))
    return value;
  Operation *op = tensor.getDefiningOp();
  if (!op)
    return nullptr;
  DenseElementsAttr dense;
  if (matchPattern(tensor, m_Constant(&dense)))
    return readConstant(dense, indices);
  if (op->getBlock() != block)
    return nullptr;
  if (auto castOp = dyn_cast<tensor::CastOp>(op)) {
    if (!isa<RankedTensorType>(castOp.getSource().getType()))
      return nullptr;
    return element(castOp.getSource(), indices, mode);
  }
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    SmallVector<ExprRef> shape = shapeOf(tensor), source;
    for (auto &group : getReassociation(expand)) {
      ExprRef index = ctx.intConst(0);
      for (int64_t d : group)
        index = ctx.add(ctx.mul(index, shape[d]), indices[d]);
      source.push_back(index);
    }
    return element(expand.getSrc(), source, mode);
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    SmallVector<ExprRef> shape = shapeOf(collapse.getSrc());
    SmallVector<ExprRef> source(shape.size(), ctx.intConst(0));
    for (auto [i, group] : llvm::enumerate(getReassociation(collapse))) {
      ExprRef index = indices[i];
      // Unit dimensions take no part: the first of the others gets the rest.
      SmallVector<int64_t> dims;
      for (int64_t d : group)
        if (ExprContext::getInt(shape[d]) != 1)
          dims.push_back(d);
      for (int64_t d :
           llvm::reverse(ArrayRef(dims).drop_front(dims.empty() ? 0 : 1))) {
        source[d] = ctx.mod(index, shape[d]);
        index = ctx.floorDiv(index, shape[d]);
      }
      if (!dims.empty())
        source[dims.front()] = index;
    }
    return element(collapse.getSrc(), source, mode);
  }
  if (auto reshape = dyn_cast<tensor::ReshapeOp>(op)) {
    if (!isa<RankedTensorType>(reshape.getSource().getType()))
      return nullptr;
    return readReshape(reshape.getSource(), shapeOf(reshape.getSource()),
                       shapeOf(tensor), indices, mode);
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    SmallVector<ExprRef> source;
    unsigned next = 0;
    for (int64_t d : llvm::seq(slice.getSourceType().getRank())) {
      auto offset = getConstantIntValue(slice.getMixedOffsets()[d]);
      auto stride = getConstantIntValue(slice.getMixedStrides()[d]);
      if (!offset || stride != 1)
        return nullptr;
      ExprRef index = dropped.test(d) ? ctx.intConst(0) : indices[next++];
      source.push_back(ctx.add(index, ctx.intConst(*offset)));
    }
    return element(slice.getSource(), source, mode);
  }
  // Masks are put together of parts. What is only moved ends at the whole.
  if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    if (mode != Mode::Full)
      return nullptr;
    const int64_t d = concat.getDim();
    SmallVector<ExprRef> at(indices);
    ExprRef result = nullptr;
    for (Value part : concat.getInputs()) {
      ExprRef value = element(part, at, mode);
      result = result ? ctx.select(ctx.ge0(at[d]), value, result) : value;
      at[d] = ctx.sub(at[d], dimOf(part, d));
    }
    return result;
  }
  if (auto softmax = dyn_cast<linalg::SoftmaxOp>(op))
    return mode == Mode::Full ? readSoftmax(softmax, indices, mode) : nullptr;
  if (isa<linalg::LinalgOp>(op))
    return readLinalg(cast<OpResult>(tensor), indices, mode);
  if (auto splat = dyn_cast<tensor::SplatOp>(op))
    return evaluate(splat.getInput(), nullptr);
  if (auto from = dyn_cast<tensor::FromElementsOp>(op)) {
    if (from.getElements().size() == 1)
      return evaluate(from.getElements().front(), nullptr);
    return nullptr;
  }
  if (auto generate = dyn_cast<tensor::GenerateOp>(op)) {
    Env env;
    env.body = &generate.getBody().front();
    env.mode = mode;
    env.narrowing = mode == Mode::Full || mode == Mode::Once;
    for (auto [arg, index] :
         llvm::zip(generate.getBody().getArguments(), indices))
      env.values[arg] = index;
    return evaluate(generate.getBody().front().back().getOperand(0), &env);
  }
  // Scalar ops applied to tensors element by element.
  if (OpTrait::hasElementwiseMappableTraits(op) && op->getNumResults() == 1) {
    SmallVector<ExprRef> operands;
    for (Value operand : op->getOperands()) {
      if (isa<RankedTensorType>(operand.getType()))
        operands.push_back(
            element(operand, indices, mode == Mode::Once ? Mode::View : mode));
      else if (ExprRef value = evaluate(operand, nullptr))
        operands.push_back(value);
      else
        return nullptr;
    }
    return onlyMoved(
        apply(op, operands, tensor.getType(),
              /*narrowing=*/mode == Mode::Full || mode == Mode::Once),
        mode);
  }
  return nullptr;
}

/// Exporters fold 0, 1, 2, ... to a constant: such an element is its index.
ExprRef ElementEvaluator::readPositions(DenseElementsAttr attr,
                                        ArrayRef<ExprRef> indices) {
  auto type = dyn_cast<IntegerType>(attr.getElementType());
  if (!type || type.getWidth() == 1 || type.getWidth() > 64 ||
      attr.getType().getRank() != 1)
    return nullptr;
  for (auto [i, value] : llvm::enumerate(attr.getValues<APInt>()))
    if (value != i)
      return nullptr;
  return indices[0];
}

ExprRef ElementEvaluator::readConstant(DenseElementsAttr attr,
                                       ArrayRef<ExprRef> indices) {
  auto toExpr = [&](Attribute value) -> ExprRef {
    if (auto f = dyn_cast<FloatAttr>(value))
      return ctx.floatConst(f.getValueAsDouble());
    auto i = dyn_cast<IntegerAttr>(value);
    if (!i)
      return nullptr;
    if (i.getType().isInteger(1))
      return ctx.boolConst(!i.getValue().isZero());
    if (i.getValue().getSignificantBits() > 64)
      return nullptr;
    return ctx.intConst(i.getValue().getSExtValue());
  };
  if (attr.isSplat())
    return toExpr(attr.getSplatValue<Attribute>());
  if (ExprRef value = readPositions(attr, indices))
    return value;
  SmallVector<uint64_t> at;
  for (auto [index, size] : llvm::zip(indices, attr.getType().getShape())) {
    auto constant = ExprContext::getInt(index);
    if (!constant || *constant < 0 || *constant >= size)
      return nullptr;
    at.push_back(*constant);
  }
  return toExpr(attr.getValues<Attribute>()[at]);
}

ExprRef ElementEvaluator::readSoftmax(linalg::SoftmaxOp op,
                                      ArrayRef<ExprRef> indices, Mode mode) {
  unsigned d = op.getDimension();
  if (!isa<RankedTensorType>(op.getInput().getType()))
    return nullptr;
  ExprRef numerator = ctx.exp(element(op.getInput(), indices, mode));
  SmallVector<ExprRef> at(indices);
  at[d] = ctx.symbol(dimOf(op.getInput(), d));
  ExprRef sum = ctx.reduce(Combiner::Add, at[d],
                           ctx.exp(element(op.getInput(), at, mode)));
  return ctx.mulf(numerator, ctx.recip(sum));
}

/// Pairs the dimensions of both shapes from the left into groups of one size.
ExprRef ElementEvaluator::readReshape(Value source,
                                      ArrayRef<ExprRef> sourceShape,
                                      ArrayRef<ExprRef> resultShape,
                                      ArrayRef<ExprRef> indices, Mode mode) {
  SmallVector<unsigned> from, to;
  for (auto [i, size] : llvm::enumerate(sourceShape))
    if (ExprContext::getInt(size) != 1)
      from.push_back(i);
  for (auto [i, size] : llvm::enumerate(resultShape))
    if (ExprContext::getInt(size) != 1)
      to.push_back(i);
  SmallVector<ExprRef> at(sourceShape.size(), ctx.intConst(0));
  size_t f = 0, t = 0;
  while (f < from.size() && t < to.size()) {
    size_t f0 = f;
    ExprRef fromSize = sourceShape[from[f++]], toSize = resultShape[to[t]];
    ExprRef index = indices[to[t++]];
    while (fromSize != toSize) {
      auto a = ExprContext::getInt(fromSize), b = ExprContext::getInt(toSize);
      bool growFrom = a && b ? *a < *b : f < from.size() && (t == to.size());
      if (!(a && b) && f < from.size() && t < to.size()) {
        // Symbolic: take the side that divides the other.
        ExprRef q = ctx.floorDiv(toSize, fromSize);
        growFrom = ctx.mul(q, fromSize) == toSize;
      }
      if (growFrom) {
        if (f == from.size())
          return nullptr;
        fromSize = ctx.mul(fromSize, sourceShape[from[f++]]);
      } else {
        if (t == to.size())
          return nullptr;
        index = ctx.add(ctx.mul(index, resultShape[to[t]]), indices[to[t]]);
        toSize = ctx.mul(toSize, resultShape[to[t++]]);
      }
    }
    for (size_t i = f - 1; i > f0; --i) {
      at[from[i]] = ctx.mod(index, sourceShape[from[i]]);
      index = ctx.floorDiv(index, sourceShape[from[i]]);
    }
    at[from[f0]] = index;
  }
  if (f != from.size() || t != to.size())
    return nullptr;
  return element(source, at, mode);
}

//===----------------------------------------------------------------------===//
// linalg ops
//===----------------------------------------------------------------------===//

/// In the modes that follow data movement only, a value must be one element,
/// perhaps times a constant.
ExprRef ElementEvaluator::onlyMoved(ExprRef value, Mode mode) {
  if (!value || mode == Mode::Full || mode == Mode::Once ||
      value->sort != Sort::Float || ExprContext::getFloat(value))
    return value;
  if (value->real != 0 || value->ops.size() != 1 ||
      !value->ops[0]->is(ExprKind::Elem))
    return nullptr;
  if (mode == Mode::View && value->reals[0] != 1)
    return nullptr;
  return value;
}

ExprRef ElementEvaluator::affine(AffineExpr expr, ArrayRef<ExprRef> dims,
                                 ArrayRef<ExprRef> symbols) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbol.getPosition() < symbols.size() ? symbols[symbol.getPosition()]
                                                 : nullptr;
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return ctx.intConst(constant.getValue());
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return nullptr;
  ExprRef a = affine(binary.getLHS(), dims, symbols);
  ExprRef b = affine(binary.getRHS(), dims, symbols);
  if (!a || !b)
    return nullptr;
  auto divisor = ExprContext::getInt(b);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return ctx.add(a, b);
  case AffineExprKind::Mul:
    return ctx.mul(a, b);
  case AffineExprKind::FloorDiv:
    return divisor && *divisor > 0 ? ctx.floorDiv(a, b) : nullptr;
  case AffineExprKind::Mod:
    return divisor && *divisor > 0 ? ctx.mod(a, b) : nullptr;
  default:
    return nullptr;
  }
}

SmallVector<ExprRef> ElementEvaluator::loopExtents(linalg::LinalgOp op) {
  SmallVector<ExprRef> extents(op.getNumLoops(), nullptr);
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType()))
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [i, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim)
        continue;
      ExprRef size = dimOf(operand.get(), i);
      ExprRef &known = extents[dim.getPosition()];
      if (!known || ExprContext::getInt(size))
        known = size;
    }
  }
  return extents;
}

bool ElementEvaluator::operandIndices(linalg::LinalgOp op, OpOperand *operand,
                                      ArrayRef<ExprRef> loops,
                                      SmallVectorImpl<ExprRef> &indices) {
  for (AffineExpr expr : op.getMatchingIndexingMap(operand).getResults()) {
    indices.push_back(affine(expr, loops));
    if (!indices.back())
      return false;
  }
  return true;
}

ExprRef ElementEvaluator::readLinalg(OpResult result, ArrayRef<ExprRef> indices,
                                     Mode mode) {
  auto op = cast<linalg::LinalgOp>(result.getOwner());
  if (!op.hasPureTensorSemantics())
    return nullptr;
  if (mode != Mode::Full && op.getNumReductionLoops() != 0)
    return nullptr;
  SmallVector<ExprRef> extents = loopExtents(op);
  if (llvm::is_contained(extents, nullptr))
    return nullptr;
  Env env;
  env.op = op;
  env.mode = mode == Mode::Once ? Mode::View : mode;
  env.narrowing = mode == Mode::Full || mode == Mode::Once;
  if (mode == Mode::Full && matchContraction(op))
    env.mode = Mode::Scaled;
  env.loops.resize(op.getNumLoops(), nullptr);
  OpOperand *init = op.getDpsInitOperand(result.getResultNumber());
  for (auto [i, expr] :
       llvm::enumerate(op.getMatchingIndexingMap(init).getResults())) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      env.loops[dim.getPosition()] = indices[i];
    else if (!isa<AffineConstantExpr>(expr))
      return nullptr;
  }
  SmallVector<ExprRef> reductions;
  auto iterators = op.getIteratorTypesArray();
  for (auto [i, loop] : llvm::enumerate(env.loops)) {
    if (loop)
      continue;
    // A size of 1 needs no loop, whatever its kind.
    if (iterators[i] != utils::IteratorType::reduction &&
        ExprContext::getInt(extents[i]) != 1)
      return nullptr;
    loop = ctx.symbol(extents[i]);
    if (iterators[i] == utils::IteratorType::reduction)
      reductions.push_back(loop);
  }
  Block *body = op.getBlock();
  if (!body || body->empty())
    return nullptr;
  if (op.getNumReductionLoops() != 0)
    return readReduction(result, env, reductions, indices);
  return onlyMoved(
      evaluate(body->back().getOperand(result.getResultNumber()), &env), mode);
}

ExprRef ElementEvaluator::readReduction(OpResult result, Env &env,
                                        ArrayRef<ExprRef> reductions,
                                        ArrayRef<ExprRef> indices) {
  linalg::LinalgOp op = env.op;
  unsigned number = result.getResultNumber();
  OpOperand *init = op.getDpsInitOperand(number);
  Value acc = op.getMatchingBlockArgument(init);
  Value yielded = stripFloatCasts(op.getBlock()->back().getOperand(number));
  Operation *combine = yielded.getDefiningOp();
  if (!combine || combine->getBlock() != op.getBlock() ||
      combine->getNumOperands() != 2)
    return nullptr;
  Value other;
  if (stripFloatCasts(combine->getOperand(0)) == acc)
    other = combine->getOperand(1);
  else if (stripFloatCasts(combine->getOperand(1)) == acc)
    other = combine->getOperand(0);
  else
    return nullptr;
  // The accumulators have no value here, so that nothing else may use them.
  for (OpOperand &operand : op.getDpsInitsMutable())
    env.values[op.getMatchingBlockArgument(&operand)] = nullptr;
  ExprRef term = evaluate(other, &env);
  ExprRef first = element(init->get(), indices, Mode::Full);
  if (!term)
    return nullptr;
  auto over = [&](Combiner combiner) {
    ExprRef value = term;
    for (ExprRef symbol : llvm::reverse(reductions))
      value = ctx.reduce(combiner, symbol, value);
    return value;
  };
  if (isa<arith::AddFOp>(combine))
    return ctx.addf(first, over(Combiner::Add));
  if (isa<arith::MaximumFOp, arith::MaxNumFOp>(combine))
    return ctx.maxf(first, over(Combiner::Max));
  if (isa<arith::AddIOp>(combine) && term->sort == Sort::Int)
    return ctx.add(first, over(Combiner::Add));
  if (isa<arith::AndIOp>(combine) && term->sort == Sort::Bool)
    return ctx.logicalAnd(first, over(Combiner::And));
  if (isa<arith::OrIOp>(combine) && term->sort == Sort::Bool)
    return ctx.logicalOr(first, over(Combiner::Or));
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

ExprRef ElementEvaluator::scalar(Value value) {
  if (ExprRef result = evaluate(value, nullptr))
    return result;
  return ctx.unknown(value, sortOf(value.getType()));
}

ExprRef ElementEvaluator::evaluate(Value value, Env *env) {
  if (ExprRef known = bound.lookup(value))
    return known;
  if (env) {
    if (auto it = env->values.find(value); it != env->values.end())
      return it->second;
    auto arg = dyn_cast<BlockArgument>(value);
    if (arg && env->op && arg.getOwner() == env->op.getBlock()) {
      OpOperand *operand = env->op.getMatchingOpOperand(arg);
      ExprRef result = nullptr;
      if (isa<RankedTensorType>(operand->get().getType())) {
        SmallVector<ExprRef> indices;
        if (operandIndices(env->op, operand, env->loops, indices))
          result = element(operand->get(), indices, env->mode);
      } else {
        result = evaluate(operand->get(), nullptr);
      }
      env->values[value] = result;
      return result;
    }
  }
  Operation *op = value.getDefiningOp();
  bool inBody = op && env && op->getBlock() != block &&
                op->getBlock() == (env->op ? env->op.getBlock() : env->body);
  if (!inBody) {
    if (auto it = scalarMemo.find(value); it != scalarMemo.end())
      return it->second;
  }
  if (depth > kMaxDepth || ctx.exhausted())
    return nullptr;
  ++depth;
  ExprRef result = op ? evaluateOp(op, value, inBody ? env : nullptr) : nullptr;
  --depth;
  if (inBody) {
    env->values[value] = result;
    return result;
  }
  if (!result && value.getType().isIntOrIndexOrFloat())
    result = ctx.unknown(value, sortOf(value.getType()));
  scalarMemo[value] = result;
  return result;
}

ExprRef ElementEvaluator::evaluateOp(Operation *op, Value result, Env *env) {
  Attribute constant;
  if (matchPattern(op, m_Constant(&constant))) {
    if (auto f = dyn_cast<FloatAttr>(constant))
      return ctx.floatConst(f.getValueAsDouble());
    auto i = dyn_cast<IntegerAttr>(constant);
    if (!i || i.getValue().getSignificantBits() > 64)
      return nullptr;
    if (i.getType().isInteger(1))
      return ctx.boolConst(!i.getValue().isZero());
    return ctx.intConst(i.getValue().getSExtValue());
  }
  if (auto index = dyn_cast<linalg::IndexOp>(op))
    return env && env->op ? env->loops[index.getDim()] : nullptr;
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    auto type = dyn_cast<RankedTensorType>(dim.getSource().getType());
    auto index = dim.getConstantIndex();
    if (!type || !index || *index < 0 || *index >= type.getRank())
      return nullptr;
    return dimOf(dim.getSource(), *index);
  }
  if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    SmallVector<ExprRef> indices;
    for (Value index : extract.getIndices()) {
      indices.push_back(evaluate(index, env));
      if (!indices.back())
        return nullptr;
    }
    return element(extract.getTensor(), indices, env ? env->mode : Mode::Full);
  }
  if (op->getNumResults() != 1 || op->getNumRegions() != 0 ||
      !result.getType().isIntOrIndexOrFloat())
    return nullptr;
  SmallVector<ExprRef> operands;
  for (Value operand : op->getOperands()) {
    if (!operand.getType().isIntOrIndexOrFloat())
      return nullptr;
    operands.push_back(evaluate(operand, env));
    if (!operands.back())
      return nullptr;
  }
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op)) {
    AffineMap map = apply.getAffineMap();
    return affine(map.getResult(0),
                  ArrayRef(operands).take_front(map.getNumDims()),
                  ArrayRef(operands).drop_front(map.getNumDims()));
  }
  return apply(op, operands, result.getType(), !env || env->narrowing);
}
