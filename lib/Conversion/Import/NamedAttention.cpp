//===- NamedAttention.cpp - Attention known by its name -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NamedAttention.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace sparsek::importer;
using namespace sparsek::raise;
using Mode = ElementEvaluator::Mode;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

RankedTensorType sparsek::importer::getTensorType(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return tensor;
  auto opaque = dyn_cast<OpaqueType>(type);
  if (!opaque || opaque.getDialectNamespace() != "torch")
    return nullptr;
  // vtensor<[1,8,?,64],bf16>
  StringRef text = opaque.getTypeData();
  if (!text.consume_front("vtensor<[") || !text.consume_back(">"))
    return nullptr;
  auto [dims, element] = text.split("],");
  SmallVector<int64_t> shape;
  SmallVector<StringRef> sizes;
  if (!dims.empty())
    dims.split(sizes, ',');
  for (StringRef size : sizes) {
    int64_t value = 0;
    if (size == "?")
      value = ShapedType::kDynamic;
    else if (size.getAsInteger(10, value) || value < 0)
      return nullptr;
    shape.push_back(value);
  }
  MLIRContext *context = type.getContext();
  Type elementType = llvm::StringSwitch<Type>(element)
                         .Case("f32", Float32Type::get(context))
                         .Case("f16", Float16Type::get(context))
                         .Case("bf16", BFloat16Type::get(context))
                         .Case("i1", IntegerType::get(context, 1))
                         .Default(nullptr);
  return elementType ? RankedTensorType::get(shape, elementType) : nullptr;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

NamedAttributes::NamedAttributes(Operation *op, StringRef prefix) {
  add(dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute()), prefix);
  add(op->getDiscardableAttrDictionary(), prefix);
}

NamedAttributes::NamedAttributes(DictionaryAttr attributes) {
  add(attributes, "");
}

void NamedAttributes::add(DictionaryAttr dictionary, StringRef prefix) {
  if (!dictionary)
    return;
  for (NamedAttribute attribute : dictionary) {
    StringRef name = attribute.getName();
    name.consume_front(prefix);
    auto [it, inserted] = attributes.try_emplace(name, attribute.getValue());
    if (!inserted && it->second != attribute.getValue() && error.empty())
      error = ("attribute '" + name + "' has two values").str();
  }
}

Attribute NamedAttributes::get(StringRef name) {
  known.insert(name);
  return attributes.lookup(name);
}

void NamedAttributes::setKindError(StringRef name, StringRef kind,
                                   Attribute value) {
  if (!error.empty())
    return;
  llvm::raw_string_ostream os(error);
  os << "attribute '" << name << "' must be " << kind << ", got " << value;
}

double NamedAttributes::getFloat(StringRef name, double fallback) {
  Attribute value = get(name);
  if (auto number = dyn_cast_or_null<FloatAttr>(value))
    return number.getValueAsDouble();
  if (value && !isa<IntegerAttr>(value))
    setKindError(name, "a number", value);
  return static_cast<double>(getInt(name, 0)) + (value ? 0 : fallback);
}

int64_t NamedAttributes::getInt(StringRef name, int64_t fallback) {
  Attribute value = get(name);
  if (!value)
    return fallback;
  auto number = dyn_cast<IntegerAttr>(value);
  if (number && number.getType().isInteger(1))
    return !number.getValue().isZero();
  if (number && number.getValue().getSignificantBits() <= 64)
    return number.getValue().getSExtValue();
  setKindError(name, "an integer", value);
  return fallback;
}

void NamedAttributes::ignore(StringRef name) { attributes.erase(name); }

std::string NamedAttributes::takeError() {
  if (!error.empty())
    return error;
  SmallVector<StringRef> unknown;
  for (StringRef name : attributes.keys())
    if (!known.contains(name) && !name.contains('.'))
      unknown.push_back(name);
  if (unknown.empty())
    return "";
  llvm::sort(unknown);
  SmallVector<StringRef> accepted;
  for (StringRef name : known.keys())
    accepted.push_back(name);
  llvm::sort(accepted);
  return "attribute '" + unknown.front().str() + "' is unknown; known are " +
         llvm::join(accepted, ", ");
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

NamedOperand NamedOperand::get(Operation *op, unsigned index) {
  Value value = op->getOperand(index);
  return {value, dyn_cast<RankedTensorType>(value.getType()), {}};
}

NamedOperand NamedOperand::getTorch(Operation *op, unsigned index) {
  Value value = op->getOperand(index);
  return {value, getTensorType(value.getType()), {}};
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

std::string NamedAttention::checkSizes() {
  for (const NamedOperand *operand : {&query, &key, &value, &result})
    if (!isElementType(operand->type.getElementType()))
      return "element type is not f32, f16 or bf16";
  if (mask) {
    Type element = mask.type.getElementType();
    if (!isElementType(element) && !element.isInteger(1))
      return "unknown mask: its element type is neither a float nor i1";
  }
  for (int round : {0, 1})
    for (const NamedOperand *operand : {&query, &key, &value, &mask, &result})
      for (auto [size, dim] : llvm::zip(operand->type ? operand->type.getShape()
                                                      : ArrayRef<int64_t>(),
                                        operand->dims)) {
        if (round == 0 && dim.size() == 1 && !ShapedType::isDynamic(size) &&
            ShapedType::isDynamic(loops[dim[0]]))
          loops[dim[0]] = size;
        int64_t product = 1;
        bool dynamic = ShapedType::isDynamic(size);
        for (unsigned loop : dim) {
          dynamic |= ShapedType::isDynamic(loops[loop]);
          if (!dynamic && llvm::MulOverflow(product, loops[loop], product))
            return "sizes are too large";
        }
        if (dim.size() > 1 && dynamic)
          return "number of heads or head size is dynamic";
        if (!dynamic && product != size)
          return "sizes of q, k, v, mask and result do not agree";
      }
  for (int64_t size : loops)
    if (size == 0)
      return "a size is 0";
  return "";
}

std::string NamedAttention::useHeads(bool groups) {
  int64_t rank = query.type.getRank();
  for (const NamedOperand *operand : {&key, &value, &result})
    if (operand->type.getRank() != rank)
      return "ranks of q, k, v and result differ";
  if (rank < 3)
    return "rank of q, k and v is below 3";
  int64_t heads = query.type.getDimSize(rank - 3);
  int64_t keyHeads = key.type.getDimSize(rank - 3);
  int64_t group = 1;
  if (heads != keyHeads) {
    if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(keyHeads))
      return "number of heads or head size is dynamic";
    if (!groups || keyHeads <= 0 || heads % keyHeads != 0)
      return "numbers of heads of q and k do not fit";
    group = heads / keyHeads;
  }
  unsigned outer = rank - 3;
  loops.assign(outer + 6, ShapedType::kDynamic);
  unsigned kv = outer, inGroup = outer + 1, d = outer + 4, e = outer + 5;
  row = outer + 2;
  column = outer + 3;
  loops[kv] = keyHeads;
  loops[inGroup] = group;
  inner = {d};
  if (rank > 3)
    batch = llvm::to_vector(llvm::seq(outer));
  DimLoops queryHeads = {kv};
  if (group != 1)
    queryHeads.push_back(inGroup);
  auto dims = [&](DimLoops heads, unsigned position, unsigned last) {
    SmallVector<DimLoops> result;
    for (unsigned i : llvm::seq(outer))
      result.push_back({i});
    result.push_back(std::move(heads));
    result.push_back({position});
    result.push_back({last});
    return result;
  };
  query.dims = dims(queryHeads, row, d);
  key.dims = dims({kv}, column, d);
  value.dims = dims({kv}, column, e);
  result.dims = dims(queryHeads, row, e);
  logitDims = dims(queryHeads, row, column);
  return "";
}

std::string NamedAttention::usePacked(int64_t queryHeads, int64_t keyHeads) {
  for (const NamedOperand *operand : {&query, &key, &value, &result})
    if (operand->type.getRank() != 3)
      return "ranks of q, k, v and result differ";
  if (queryHeads <= 0 || keyHeads <= 0 || queryHeads % keyHeads != 0)
    return "numbers of heads of q and k do not fit";
  enum { Batch, KV, Group, Row, Column, D, E, Count };
  row = Row;
  column = Column;
  inner = {D};
  batch = SmallVector<unsigned>{Batch};
  loops.assign(Count, ShapedType::kDynamic);
  loops[KV] = keyHeads;
  loops[Group] = queryHeads / keyHeads;
  for (auto [loop, type, heads] :
       {std::tuple{unsigned(D), key.type, keyHeads},
        std::tuple{unsigned(E), value.type, keyHeads}}) {
    int64_t size = type.getDimSize(2);
    if (ShapedType::isDynamic(size))
      return "number of heads or head size is dynamic";
    if (size % heads != 0)
      return "the last dimension is not a multiple of the number of heads";
    loops[loop] = size / heads;
  }
  query.dims = {{Batch}, {Row}, {KV, Group, D}};
  key.dims = {{Batch}, {Column}, {KV, D}};
  value.dims = {{Batch}, {Column}, {KV, E}};
  result.dims = {{Batch}, {Row}, {KV, Group, E}};
  logitDims = {{Batch}, {KV, Group}, {Row}, {Column}};
  return "";
}

std::string NamedAttention::useMask(NamedOperand operand) {
  size_t rank = operand.type.getRank();
  if (rank > logitDims.size())
    return "unknown mask: its rank is too large";
  for (auto [size, dim] :
       llvm::zip(operand.type.getShape(), ArrayRef(logitDims).take_back(rank)))
    operand.dims.push_back(size == 1 ? DimLoops() : dim);
  mask = std::move(operand);
  return "";
}

std::string NamedAttention::useCache(KeyValueCache operands) {
  const std::pair<NamedOperand *, NamedOperand *> parts[] = {
      {&key, &operands.pastKey}, {&value, &operands.pastValue}};
  for (auto [whole, past] : parts) {
    // [B, N, Hkv * D] or [B, Hkv, N, D], of which the heads are known.
    const bool packed = whole->dims.size() == 3;
    const unsigned headLoop = whole->dims[packed ? 2 : 1].front();
    const unsigned lastLoop = whole->dims.back().back();
    RankedTensorType type = whole->type;
    SmallVector<int64_t> shape(type.getShape());
    if (packed)
      shape = {shape[0], loops[headLoop], shape[1], loops[lastLoop]};
    if (*past) {
      if (past->type.getRank() != 4 ||
          past->type.getElementType() != type.getElementType())
        return "past_key and past_value are not tensors of rank 4 like K and V";
      int64_t before = past->type.getDimSize(2);
      for (int64_t i : {0, 1, 3}) {
        int64_t size = past->type.getDimSize(i);
        if (ShapedType::isDynamic(shape[i]))
          shape[i] = size;
        else if (!ShapedType::isDynamic(size) && size != shape[i])
          return "past_key or past_value has other sizes than K or V";
      }
      if (ShapedType::isDynamic(shape[2]) || ShapedType::isDynamic(before))
        shape[2] = ShapedType::kDynamic;
      else if (llvm::AddOverflow(shape[2], before, shape[2]))
        return "sizes are too large";
    }
    whole->type = RankedTensorType::get(shape, type.getElementType());
    whole->dims = {whole->dims[0], {headLoop}, {column}, {lastLoop}};
  }
  cache = std::move(operands);
  return "";
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

/// Hides what a query does not see by its position.
bool NamedAttention::readPositions(ExprContext &ctx, ElementEvaluator &eval,
                                   ArrayRef<ExprRef> symbols,
                                   ArrayRef<ExprRef> sizes, Attention &a,
                                   Reason &reason, ExprRef &logits) const {
  auto m = ExprContext::getInt(sizes[row]);
  ExprRef offset = ctx.intConst(0);
  if (lastPositions) {
    offset = ctx.sub(sizes[column], sizes[row]);
  } else if (cache && cache->pastKey) {
    offset = eval.dimOf(cache->pastKey.value, 2);
    // The queries are the last positions if they are as many as the new keys.
    ExprRef added = ctx.sub(sizes[column], offset);
    auto n = ExprContext::getInt(added);
    reason = "other numbers of queries and new keys";
    if (m && n && *m != *n)
      return false;
    if (added != sizes[row])
      ctx.assumeEqual(added, sizes[row]);
  } else {
    auto n = ExprContext::getInt(sizes[column]);
    reason = "other numbers of queries and keys: the first query sees one key";
    if (m && n && *m != *n)
      return false;
  }
  a.lastQuery = causal && m == 1 && (lastPositions || cache);
  ExprRef distance = ctx.add(ctx.sub(symbols[row], symbols[column]), offset);
  ExprRef hidden = ctx.floatConst(-std::numeric_limits<double>::infinity());
  if (causal)
    logits = ctx.select(ctx.ge0(distance), logits, hidden);
  if (after)
    logits = ctx.select(ctx.ge0(ctx.add(distance, ctx.intConst(*after))),
                        logits, hidden);
  if (before)
    logits = ctx.select(ctx.ge0(ctx.sub(ctx.intConst(*before), distance)),
                        logits, hidden);
  return true;
}

bool NamedAttention::read(Operation *root, ExprContext &ctx,
                          ElementEvaluator &eval, Attention &a, Reason &reason,
                          ExprRef &logits) const {
  NamedOperand output = result;
  output.value = root->getResult(0);
  if (cache && cache->pastKey) {
    // The parts are as long as each other.
    const int64_t position = cache->key.type.getRank() == 3 ? 1 : 2;
    eval.unifySizes(eval.dimOf(cache->pastKey.value, 2),
                    eval.dimOf(cache->pastValue.value, 2));
    eval.unifySizes(eval.dimOf(cache->key.value, position),
                    eval.dimOf(cache->value.value, position));
  }
  SmallVector<ExprRef> sizes;
  for (int64_t loop : loops)
    sizes.push_back(ShapedType::isDynamic(loop) ? nullptr : ctx.intConst(loop));
  SmallVector<std::pair<Value, unsigned>> source(loops.size());
  const NamedOperand *const operands[] = {&query, &key, &value, &mask, &output};
  for (const NamedOperand *operand : operands)
    for (auto [i, dim] : llvm::enumerate(operand->dims)) {
      if (dim.size() != 1)
        continue;
      ExprRef size = eval.dimOf(operand->value, i);
      if (sizes[dim[0]]) {
        eval.unifySizes(sizes[dim[0]], size);
        continue;
      }
      sizes[dim[0]] = size;
      source[dim[0]] = {operand->value, static_cast<unsigned>(i)};
    }
  SmallVector<ExprRef> symbols;
  for (auto [size, from] : llvm::zip(sizes, source)) {
    // Sizes may have become equal to others.
    if (from.first)
      size = eval.dimOf(from.first, from.second);
    symbols.push_back(ctx.symbol(size ? size : ctx.intConst(1)));
  }
  auto at = [&](const NamedOperand &operand) {
    SmallVector<ExprRef> indices;
    for (const DimLoops &dim : operand.dims) {
      ExprRef index = ctx.intConst(0);
      for (unsigned loop : dim)
        index = ctx.add(ctx.scale(index, dim.size() == 1 ? 1 : loops[loop]),
                        symbols[loop]);
      indices.push_back(index);
    }
    return indices;
  };
  a.batchIsKnown = batch.has_value();
  for (unsigned loop : batch.value_or(SmallVector<unsigned>()))
    if (ExprRef atom = ExprContext::getAtom(symbols[loop]))
      a.knownBatch.push_back(atom);
  a.column = ExprContext::getAtom(symbols[column]);
  reason = "there is one key only";
  if (!a.column)
    return false;

  double factor = 1;
  if (scaleOperand) {
    auto constant = ExprContext::getFloat(eval.scalar(scaleOperand));
    reason = "the scale is not a constant";
    if (!constant)
      return false;
    factor = *constant;
  } else if (scale) {
    factor = *scale;
  } else {
    double d = 1;
    for (unsigned loop : inner)
      d *= static_cast<double>(loops[loop]);
    reason = "number of heads or head size is dynamic";
    if (!(d > 0))
      return false;
    factor = 1 / std::sqrt(d);
  }
  ExprRef dot = ctx.mulf(eval.element(query.value, at(query), Mode::View),
                         eval.element(key.value, at(key), Mode::View));
  for (unsigned loop : llvm::reverse(inner))
    dot = ctx.reduce(Combiner::Add, symbols[loop], dot);
  logits = ctx.scalef(dot, factor);
  if (modify)
    logits = modify(ctx, eval, symbols, logits);
  reason = "other structure: what happens to the logits cannot be read";
  if (!logits)
    return false;
  ExprRef hidden = ctx.floatConst(-std::numeric_limits<double>::infinity());
  if (mask) {
    // A boolean mask says what is visible.
    ExprRef element = eval.element(mask.value, at(mask), Mode::Full);
    if (element->sort == Sort::Bool)
      logits = ctx.select(element, logits, hidden);
    else
      logits = ctx.addf(logits, element);
  }
  if ((causal || before || after) &&
      !readPositions(ctx, eval, symbols, sizes, a, reason, logits))
    return false;
  a.result = {output.value, at(output)};
  ExprRef element =
      ExprContext::getAtom(eval.element(value.value, at(value), Mode::View));
  reason = "other structure: the values cannot be read";
  return element && AttentionMatcher::toAccess(element, a.value);
}
