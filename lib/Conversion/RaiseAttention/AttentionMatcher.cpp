//===- AttentionMatcher.cpp - Dense causal attention in linalg ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionMatcher.h"

#include "sparsek/Dialect/TMTensor/IR/TMTensor.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;
using namespace sparsek::raise;
using Mode = ElementEvaluator::Mode;

static constexpr Reason kNoSoftmax = "other structure: softmax not recognised";
static constexpr Reason kNoProduct =
    "other structure: logits are not a scaled product of q and k";
static constexpr Reason kNotCausal = "not causal";
static constexpr Reason kUnknownMask = "unknown mask";
static constexpr Reason kWindow = "already a sliding window";
static constexpr Reason kHeads =
    "other structure: heads of q, k and v do not correspond";
static constexpr Reason kBadScale =
    "other structure: scale is not finite and above 0 in f32";
static constexpr Reason kOtherUses =
    "other structure: attention weights have other uses";
static constexpr Reason kFused =
    "other structure: elementwise ops are fused into the second product";
static constexpr Reason kTooLarge = "other structure: too large to analyse";

//===----------------------------------------------------------------------===//
// Softmax and logits
//===----------------------------------------------------------------------===//

/// The terms of a sum that depend on a symbol, and its constant: softmax over
/// that symbol does not change with the others.
static ExprRef dependentTerms(ExprContext &ctx, ExprRef sum, ExprRef atom) {
  ExprRef result = ctx.floatConst(sum->real);
  for (auto [term, real] : llvm::zip(sum->ops, sum->reals))
    if (ctx.dependsOn(term, atom))
      result = ctx.addf(result, ctx.scalef(ctx.fromFloatAtom(term), real));
  return result;
}

/// The same for logits, of which some may be -inf whatever is added to them.
static ExprRef logitsOver(ExprContext &ctx, ExprRef sum, ExprRef column) {
  ExprRef logits = dependentTerms(ctx, sum, column);
  ExprRef atom = ExprContext::getAtom(logits);
  if (!atom || !atom->is(ExprKind::Select))
    return logits;
  const double hidden = -std::numeric_limits<double>::infinity();
  ExprRef a = atom->ops[1], b = atom->ops[2];
  if (ExprContext::getFloat(b) == hidden)
    return ctx.select(atom->ops[0], dependentTerms(ctx, a, column), b);
  if (ExprContext::getFloat(a) == hidden)
    return ctx.select(atom->ops[0], a, dependentTerms(ctx, b, column));
  return logits;
}

bool AttentionMatcher::matchSoftmax(ExprRef probability, ExprRef column,
                                    ExprRef &logits) {
  ExprRef atom = ExprContext::getAtom(probability);
  if (!atom)
    return false;
  // Rows in which every key is masked may be set to 0.
  ExprRef guard = nullptr;
  if (atom->is(ExprKind::Select)) {
    guard = atom->ops[0];
    ExprRef taken = atom->ops[2];
    if (ExprContext::getFloat(atom->ops[1]) != 0.0) {
      if (ExprContext::getFloat(atom->ops[2]) != 0.0)
        return false;
      guard = ctx.logicalNot(guard);
      taken = atom->ops[1];
    }
    atom = ExprContext::getAtom(taken);
    if (!atom)
      return false;
  }
  if (!atom->is(ExprKind::FloatProd) || atom->ops.size() != 2)
    return false;
  ExprRef numerator = nullptr, denominator = nullptr;
  for (ExprRef factor : atom->ops) {
    if (factor->is(ExprKind::Exp))
      numerator = factor;
    if (factor->is(ExprKind::Recip))
      denominator = ExprContext::getAtom(factor->ops[0]);
  }
  if (!numerator || !denominator || !denominator->is(ExprKind::Reduce) ||
      denominator->getCombiner() != Combiner::Add ||
      ctx.reduceExtent(denominator) != column->ops[0])
    return false;
  ExprRef index = ctx.fromAtom(column);
  if (ctx.openReduce(denominator, index) != ctx.fromFloatAtom(numerator))
    return false;
  logits = logitsOver(ctx, numerator->ops[0], column);
  if (!guard)
    return true;
  // The guard must say: all logits are equal to a value that masks.
  if (!guard->is(ExprKind::Reduce) || guard->getCombiner() != Combiner::And ||
      ctx.reduceExtent(guard) != column->ops[0])
    return false;
  ExprRef test = ctx.openReduce(guard, index);
  if (!test->is(ExprKind::CmpF))
    return false;
  auto predicate = static_cast<arith::CmpFPredicate>(test->num);
  using P = arith::CmpFPredicate;
  ExprRef lhs = test->ops[0], rhs = test->ops[1];
  if (ExprContext::getFloat(lhs)) {
    std::swap(lhs, rhs);
    if (predicate == P::OGE || predicate == P::UGE)
      predicate = P::OLE;
  }
  auto value = ExprContext::getFloat(rhs);
  return value && *value <= -1.0e4 && lhs == logits &&
         (predicate == P::OEQ || predicate == P::UEQ || predicate == P::OLE ||
          predicate == P::ULE);
}

bool AttentionMatcher::toAccess(ExprRef element, Access &access) {
  if (!element->is(ExprKind::Elem) || element->sort != Sort::Float)
    return false;
  access.tensor = element->getValue();
  access.indices.assign(element->ops.begin(), element->ops.end());
  return true;
}

/// Finds the one product of q and k in the logits.
bool AttentionMatcher::matchDot(Attention &a, ExprRef logits, ExprRef &dot,
                                double &factor) {
  SmallVector<ExprRef> candidates;
  auto isSum = [](ExprRef e) {
    return e->is(ExprKind::Reduce) && e->sort == Sort::Float &&
           e->getCombiner() == Combiner::Add;
  };
  ExprContext::walk(
      logits,
      [&](ExprRef e) {
        if (isSum(e) && ctx.dependsOn(e, a.column))
          candidates.push_back(e);
      },
      [&](ExprRef e) { return !e->is(ExprKind::Reduce); });
  if (candidates.size() != 1)
    return false;
  dot = candidates.front();
  ExprRef body = dot;
  factor = 1;
  while (isSum(body)) {
    ExprRef index = ctx.symbol(ctx.reduceExtent(body));
    body = ctx.openReduce(body, index);
    a.headDim.push_back(ExprContext::getAtom(index));
    if (body->real != 0 || body->ops.size() != 1)
      return false;
    factor *= body->reals[0];
    body = body->ops[0];
  }
  if (!body->is(ExprKind::FloatProd) || body->ops.size() != 2)
    return false;
  ExprRef q = body->ops[0], k = body->ops[1];
  if (ctx.dependsOn(q, a.column))
    std::swap(q, k);
  return !ctx.dependsOn(q, a.column) && ctx.dependsOn(k, a.column) &&
         toAccess(q, a.query) && toAccess(k, a.key);
}

//===----------------------------------------------------------------------===//
// Roots
//===----------------------------------------------------------------------===//

bool AttentionMatcher::matchLinalg(Attention &a, Reason &reason,
                                   ExprRef &logits) {
  auto op = cast<linalg::LinalgOp>(a.root);
  auto contraction = matchContraction(op);
  reason = kNoSoftmax;
  if (!contraction || !contraction->plain || !op.hasPureTensorSemantics())
    return false;
  SmallVector<ExprRef> loops = eval.loopExtents(op);
  for (auto [loop, iterator] : llvm::zip(loops, op.getIteratorTypesArray())) {
    if (!loop)
      return false;
    loop = ctx.symbol(loop);
    ExprRef atom = ExprContext::getAtom(loop);
    if (iterator != utils::IteratorType::reduction || !atom)
      continue;
    if (a.column)
      return false;
    a.column = atom;
  }
  if (!a.column)
    return false;
  SmallVector<ExprRef> resultIndices;
  OpOperand *init = op.getDpsInitOperand(0);
  if (!eval.operandIndices(op, init, loops, resultIndices))
    return false;
  ExprRef start = eval.element(init->get(), resultIndices, Mode::Full);
  if (ExprContext::getFloat(start) != 0.0)
    return false;
  a.result = {op->getResult(0), resultIndices};
  for (auto [p, v] : {std::pair{contraction->lhs, contraction->rhs},
                      std::pair{contraction->rhs, contraction->lhs}}) {
    SmallVector<ExprRef> pIndices, vIndices;
    if (!eval.operandIndices(op, p, loops, pIndices) ||
        !eval.operandIndices(op, v, loops, vIndices))
      return false;
    if (!matchSoftmax(eval.element(p->get(), pIndices, Mode::Full), a.column,
                      logits))
      continue;
    a.weights = {p->get()};
    ExprRef value = eval.element(v->get(), vIndices, Mode::View);
    ExprRef atom = ExprContext::getAtom(value);
    return atom && toAccess(atom, a.value);
  }
  return false;
}

/// The second contraction first, the division by the sum last.
bool AttentionMatcher::matchLateDivision(Attention &a, Reason &reason,
                                         ExprRef &logits) {
  reason = kFused;
  Operation *contraction = findDividedContraction(a.root);
  if (!contraction)
    return false;
  reason = kNoSoftmax;
  Value result = a.root->getResult(0);
  SmallVector<ExprRef> indices;
  for (ExprRef size : eval.shapeOf(result))
    indices.push_back(ctx.symbol(size));
  ExprRef quotient =
      ExprContext::getAtom(eval.element(result, indices, Mode::Full));
  if (!quotient || !quotient->is(ExprKind::FloatProd) ||
      quotient->ops.size() != 2)
    return false;
  ExprRef sum = quotient->ops[0], divisor = quotient->ops[1];
  if (sum->is(ExprKind::Recip))
    std::swap(sum, divisor);
  if (!sum->is(ExprKind::Reduce) || sum->getCombiner() != Combiner::Add ||
      !divisor->is(ExprKind::Recip))
    return false;
  ExprRef column = ctx.symbol(ctx.reduceExtent(sum));
  a.column = ExprContext::getAtom(column);
  ExprRef product = ExprContext::getAtom(ctx.openReduce(sum, column));
  if (!product || !product->is(ExprKind::FloatProd) || product->ops.size() != 2)
    return false;
  a.result = {result, indices};
  a.consumers = {contraction};
  for (int swapped : {0, 1}) {
    Access weight;
    if (!toAccess(product->ops[swapped], weight) ||
        !toAccess(product->ops[1 - swapped], a.value))
      return false;
    ExprRef numerator = eval.element(weight.tensor, weight.indices, Mode::Full);
    ExprRef probability = ctx.mulf(numerator, ctx.fromFloatAtom(divisor));
    if (!matchSoftmax(probability, a.column, logits))
      continue;
    a.weights = {contraction->getOperand(0), contraction->getOperand(1),
                 result};
    return true;
  }
  return false;
}

bool AttentionMatcher::matchTMTensor(Attention &a, Reason &reason,
                                     ExprRef &logits) {
  auto op = cast<tm_tensor::AttentionOp>(a.root);
  reason = kNoProduct;
  SmallVector<ExprRef> q = eval.shapeOf(op.getQuery());
  SmallVector<ExprRef> k = eval.shapeOf(op.getKey());
  SmallVector<ExprRef> v = eval.shapeOf(op.getValue());
  unsigned batch = q.size() - 2;
  eval.unifySizes(k[batch], v[batch]);
  eval.unifySizes(q[batch + 1], k[batch + 1]);
  for (unsigned i : llvm::seq(batch)) {
    eval.unifySizes(q[i], k[i]);
    eval.unifySizes(q[i], v[i]);
    eval.unifySizes(q[i], eval.dimOf(op->getResult(0), i));
  }
  SmallVector<ExprRef> out = eval.shapeOf(op->getResult(0));
  eval.unifySizes(out[batch], q[batch]);
  eval.unifySizes(out[batch + 1], v[batch + 1]);
  if (op.getMask()) {
    SmallVector<ExprRef> mask = eval.shapeOf(op.getMask());
    eval.unifySizes(mask[batch], q[batch]);
    eval.unifySizes(mask[batch + 1], k[batch]);
  }
  SmallVector<ExprRef> outer;
  for (unsigned i : llvm::seq(batch))
    outer.push_back(ctx.symbol(eval.dimOf(op.getQuery(), i)));
  ExprRef row = ctx.symbol(eval.dimOf(op.getQuery(), batch));
  ExprRef column = ctx.symbol(eval.dimOf(op.getKey(), batch));
  ExprRef d = ctx.symbol(eval.dimOf(op.getQuery(), batch + 1));
  ExprRef e = ctx.symbol(eval.dimOf(op.getValue(), batch + 1));
  a.column = ExprContext::getAtom(column);
  if (!a.column)
    return false;
  auto at = [&](ExprRef x, ExprRef y) {
    SmallVector<ExprRef> indices(outer);
    indices.push_back(x);
    indices.push_back(y);
    return indices;
  };
  auto headDim = ExprContext::getInt(eval.dimOf(op.getQuery(), batch + 1));
  double scale = 0;
  if (FloatAttr attr = op.getScaleAttr())
    scale = attr.getValueAsDouble();
  else if (headDim && *headDim > 0)
    scale = 1 / std::sqrt(static_cast<double>(*headDim));
  ExprRef dot =
      ctx.mulf(eval.element(op.getQuery(), at(row, d), Mode::Scaled),
               eval.element(op.getKey(), at(column, d), Mode::Scaled));
  logits = ctx.scalef(ctx.reduce(Combiner::Add, d, dot), scale);
  if (op.getMask()) {
    // A boolean mask says what is visible.
    ExprRef mask = eval.element(op.getMask(), at(row, column), Mode::Full);
    if (mask->sort == Sort::Bool)
      mask =
          ctx.select(mask, ctx.floatConst(0),
                     ctx.floatConst(-std::numeric_limits<double>::infinity()));
    if (mask->sort != Sort::Float) {
      reason = kUnknownMask;
      return false;
    }
    logits = dependentTerms(ctx, ctx.addf(logits, mask), a.column);
  }
  a.result = {op->getResult(0), at(row, e)};
  ExprRef value = ExprContext::getAtom(
      eval.element(op.getValue(), at(column, e), Mode::View));
  return value && toAccess(value, a.value);
}

//===----------------------------------------------------------------------===//
// Hidden states
//===----------------------------------------------------------------------===//

/// Looks back from the values, past views and biases, to the projection that
/// makes them; its input is the operand that depends on the position.
void AttentionMatcher::findHidden(Attention &a) {
  Access at = a.value;
  for (int step = 0; step < 8; ++step) {
    Operation *op = at.tensor.getDefiningOp();
    if (!op)
      return;
    if (auto contraction = matchContraction(op)) {
      auto linalgOp = cast<linalg::LinalgOp>(op);
      SmallVector<ExprRef> loops = eval.loopExtents(linalgOp);
      if (llvm::is_contained(loops, nullptr))
        return;
      OpOperand *init = linalgOp.getDpsInitOperand(0);
      AffineMap map = linalgOp.getMatchingIndexingMap(init);
      SmallVector<bool> fixed(loops.size(), false);
      for (auto [i, expr] : llvm::enumerate(map.getResults()))
        if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
          loops[dim.getPosition()] = at.indices[i];
          fixed[dim.getPosition()] = true;
        }
      for (auto [i, loop] : llvm::enumerate(loops))
        if (!fixed[i]) {
          loop = ctx.symbol(loop);
          if (ExprRef atom = ExprContext::getAtom(loop))
            a.feature.push_back(atom);
        }
      Access data;
      for (OpOperand *operand : {contraction->lhs, contraction->rhs}) {
        SmallVector<ExprRef> indices;
        if (!eval.operandIndices(linalgOp, operand, loops, indices))
          return;
        ExprRef element = ExprContext::getAtom(
            eval.element(operand->get(), indices, Mode::View));
        if (!element || !ctx.dependsOn(element, a.column))
          continue;
        if (data.tensor || !toAccess(element, data))
          return;
      }
      if (data.tensor)
        a.hidden = data;
      return;
    }
    // Values plus terms that do not depend on the position.
    ExprRef sum = eval.element(at.tensor, at.indices, Mode::Once);
    ExprRef next = nullptr;
    for (ExprRef term : sum->ops) {
      if (!ctx.dependsOn(term, a.column))
        continue;
      if (next)
        return;
      next = term;
    }
    Access source;
    if (!next || !toAccess(next, source) || source.tensor == at.tensor)
      return;
    at = source;
  }
}

//===----------------------------------------------------------------------===//
// Digits
//===----------------------------------------------------------------------===//

/// A symbol and a divisor such that splitting the symbol there simplifies a
/// division in `e`.
static bool findSplit(ExprContext &ctx, ExprRef e, ExprRef &symbol,
                      ExprRef &divisor) {
  bool found = false;
  ExprContext::walk(e, [&](ExprRef x) {
    if (found || (!x->is(ExprKind::FloorDiv) && !x->is(ExprKind::Mod)))
      return;
    ExprRef numerator = x->ops[0], by = x->ops[1];
    for (auto [atom, coeff] : llvm::zip(numerator->ops, numerator->coeffs)) {
      if (!atom->is(ExprKind::Sym) || coeff <= 0)
        continue;
      // coeff * s: split s at by / coeff.
      ExprRef at = ctx.floorDiv(by, ctx.intConst(coeff));
      if (ctx.scale(at, coeff) != by || ExprContext::getInt(at) == 1)
        continue;
      ExprRef extent = atom->ops[0];
      ExprRef high = ctx.floorDiv(extent, at);
      if (ctx.mul(high, at) != extent || high == ctx.intConst(1))
        continue;
      symbol = atom;
      divisor = at;
      found = true;
      return;
    }
  });
  return found;
}

void AttentionMatcher::splitDigits(Attention &a, ExprRef &logits) {
  SmallVector<Access *> accesses = {&a.query, &a.key, &a.value, &a.result};
  if (a.hidden)
    accesses.push_back(&*a.hidden);
  for (int round = 0; round < 32; ++round) {
    ExprRef symbol = nullptr, divisor = nullptr;
    bool found = false;
    for (Access *access : accesses)
      for (ExprRef index : access->indices)
        found = found || findSplit(ctx, index, symbol, divisor);
    if (!found)
      return;
    ExprRef high = ctx.symbol(ctx.floorDiv(symbol->ops[0], divisor));
    ExprRef low = ctx.symbol(divisor);
    SymbolMap map;
    map[symbol] = ctx.add(ctx.mul(high, divisor), low);
    logits = ctx.substitute(logits, map);
    for (Access *access : accesses)
      for (ExprRef &index : access->indices)
        index = ctx.substitute(index, map);
    for (auto *list : {&a.headDim, &a.feature, &a.knownBatch}) {
      auto it = llvm::find(*list, symbol);
      if (it == list->end())
        continue;
      it = list->erase(it);
      for (ExprRef digit : {high, low})
        if (ExprRef atom = ExprContext::getAtom(digit))
          it = std::next(list->insert(it, atom));
    }
    if (a.column == symbol)
      a.column = nullptr;
  }
}

/// The symbols of an access in the order of its layout, outermost first.
static SmallVector<ExprRef> symbolsOf(const Access &access) {
  SmallVector<ExprRef> symbols;
  for (ExprRef index : access.indices) {
    SmallVector<std::pair<int64_t, ExprRef>> terms;
    for (auto [atom, coeff] : llvm::zip(index->ops, index->coeffs)) {
      // With symbolic strides the products come first.
      bool product = atom->is(ExprKind::IntProd);
      for (ExprRef f : product ? atom->ops : ArrayRef<ExprRef>(atom))
        if (f->is(ExprKind::Sym)) {
          std::pair<int64_t, ExprRef> term{
              product ? std::numeric_limits<int64_t>::max() : coeff, f};
          auto larger = [](auto &x, auto &y) { return x.first > y.first; };
          terms.insert(llvm::upper_bound(terms, term, larger), term);
        }
    }
    for (auto &[coeff, symbol] : terms)
      if (!llvm::is_contained(symbols, symbol))
        symbols.push_back(symbol);
  }
  return symbols;
}

/// Whether a symbol indexes the batch in this operand: it shares a dimension
/// with the position, or it is the outermost dimension of at least four.
static bool indexesBatch(ExprContext &ctx, const Access &access, ExprRef symbol,
                         ExprRef position) {
  for (auto [i, index] : llvm::enumerate(access.indices)) {
    if (!ctx.dependsOn(index, symbol))
      continue;
    if (position && ctx.dependsOn(index, position))
      return true;
    if (i == 0 && access.indices.size() >= 4)
      return true;
  }
  return false;
}

bool AttentionMatcher::classify(Attention &a, Reason &reason) {
  reason = kHeads;
  SmallVector<ExprRef> q = symbolsOf(a.query), k = symbolsOf(a.key);
  SmallVector<ExprRef> v = symbolsOf(a.value), r = symbolsOf(a.result);
  auto in = [](ArrayRef<ExprRef> list, ExprRef s) {
    return llvm::is_contained(list, s);
  };
  for (ExprRef s : a.headDim)
    if (!in(q, s) || !in(k, s) || in(v, s) || in(r, s))
      return false;
  if (in(q, a.column) || !in(k, a.column) || !in(v, a.column) ||
      in(r, a.column) ||
      (a.row &&
       (!in(q, a.row) || in(k, a.row) || in(v, a.row) || !in(r, a.row))))
    return false;
  auto isSpecial = [&](ExprRef s) {
    return s == a.row || s == a.column || in(a.headDim, s);
  };
  for (ExprRef s : r) {
    if (isSpecial(s))
      continue;
    bool inQ = in(q, s), inK = in(k, s), inV = in(v, s);
    bool known = (inQ && inK == inV) || (!inQ && !inK && inV);
    if (!known)
      return false;
  }
  // Heads that K and V share with Q are in the order of K, the rest of Q's in
  // that of Q: then K and V need no copy.
  SmallVector<ExprRef> shared;
  for (ExprRef s : k) {
    if (isSpecial(s))
      continue;
    if (!in(r, s) || !in(q, s))
      return false;
    shared.push_back(s);
  }
  for (ExprRef s : q) {
    if (isSpecial(s) || in(shared, s))
      continue;
    if (!in(r, s))
      return false;
    a.group.push_back(s);
  }
  for (ExprRef s : v) {
    if (isSpecial(s) || in(shared, s))
      continue;
    if (!in(r, s))
      return false;
    a.valueDim.push_back(s);
  }
  // The hidden states have a batch but no heads; without them the layout of the
  // operands says what is batch.
  SmallVector<ExprRef> x;
  if (a.hidden) {
    x = symbolsOf(*a.hidden);
    for (ExprRef s : x)
      if (s != a.column && !in(a.feature, s) && !in(shared, s)) {
        a.hidden.reset();
        break;
      }
  }
  for (ExprRef s : shared) {
    bool batch = a.batchIsKnown ? in(a.knownBatch, s)
                 : a.hidden     ? in(x, s)
                                : indexesBatch(ctx, a.query, s, a.row) ||
                                      indexesBatch(ctx, a.key, s, a.column) ||
                                      indexesBatch(ctx, a.value, s, a.column);
    (batch ? a.batch : a.kvHead).push_back(s);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

std::optional<Attention>
AttentionMatcher::match(Operation *root, Reason &reason, Reader reader) {
  ExprContext::Assumptions all;
  eval.learnSizes(root);
  for (int attempt = 0;; ++attempt) {
    std::optional<Attention> a = matchOnce(root, reason, reader);
    ExprContext::Assumptions fresh = ctx.takeAssumptions();
    if (fresh.empty() || attempt == 8) {
      if (!fresh.empty()) {
        reason = kTooLarge;
        return std::nullopt;
      }
      if (a)
        a->equalSizes = all;
      return a;
    }
    // Sizes that are taken to be equal, and checked when the program runs, may
    // show more.
    for (auto [x, y] : fresh) {
      eval.unifySizes(x, y);
      all.push_back({x, y});
    }
    eval.reset();
  }
}

std::optional<Attention>
AttentionMatcher::matchOnce(Operation *root, Reason &reason, Reader reader) {
  Attention a;
  a.root = root;
  ExprRef logits = nullptr;
  bool matched;
  if (reader)
    matched = reader(a, reason, logits);
  else if (isa<tm_tensor::AttentionOp>(root))
    matched = matchTMTensor(a, reason, logits);
  else if (matchContraction(root))
    matched = matchLinalg(a, reason, logits);
  else
    matched = matchLateDivision(a, reason, logits);
  if (!matched)
    return std::nullopt;
  reason = kNoProduct;
  ExprRef dot = nullptr;
  double factor = 1;
  {
    // The access functions must be known before the loops are split.
    Attention probe = a;
    if (!matchDot(probe, logits, dot, factor))
      return std::nullopt;
    a = probe;
  }
  findHidden(a);
  splitDigits(a, logits);
  if (!a.column) {
    reason = kHeads;
    return std::nullopt;
  }
  // Splitting rewrote the product, too.
  Attention again;
  again.column = a.column;
  if (!matchDot(again, logits, dot, factor))
    return std::nullopt;
  SmallVector<ExprRef> rows;
  for (ExprRef s : symbolsOf(a.result))
    if (s != a.column)
      rows.push_back(s);
  MaskResult mask = analyzeMask(ctx, logits, dot, a.column, rows);
  if (ctx.exhausted()) {
    reason = kTooLarge;
    return std::nullopt;
  }
  switch (mask.kind) {
  case MaskResult::Causal:
    break;
  case MaskResult::NotCausal:
    if (a.lastQuery)
      break;
    reason = kNotCausal;
    return std::nullopt;
  case MaskResult::Window:
    if (reader) {
      a.window = mask.window;
      break;
    }
    reason = kWindow;
    return std::nullopt;
  case MaskResult::Unknown:
    reason = kUnknownMask;
    return std::nullopt;
  case MaskResult::NotAProduct:
    reason = kNoProduct;
    return std::nullopt;
  }
  a.row = mask.row;
  a.needsEqualLengths =
      mask.needsEqualLengths && a.row && a.row->ops[0] != a.column->ops[0];
  a.scale = mask.factor * factor;
  float scale = static_cast<float>(a.scale);
  if (!std::isfinite(scale) || scale <= 0) {
    reason = kBadScale;
    return std::nullopt;
  }
  if (!classify(a, reason))
    return std::nullopt;
  if (hasOtherUses(a)) {
    reason = kOtherUses;
    return std::nullopt;
  }
  return a;
}
