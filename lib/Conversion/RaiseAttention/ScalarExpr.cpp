//===- ScalarExpr.cpp - Hash-consed scalar expressions --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ScalarExpr.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace sparsek::raise;

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

template <typename T>
static ArrayRef<T> copyTo(llvm::BumpPtrAllocator &allocator,
                          ArrayRef<T> values) {
  T *data = allocator.Allocate<T>(values.size());
  llvm::uninitialized_copy(values, data);
  return ArrayRef<T>(data, values.size());
}

ExprRef ExprContext::make(ExprKind kind, Sort sort, ArrayRef<ExprRef> ops,
                          int64_t num, double real, const void *ptr,
                          ArrayRef<int64_t> coeffs, ArrayRef<double> reals) {
  SmallVector<uint64_t, 16> key = {
      static_cast<uint64_t>(kind) << 8 | static_cast<uint64_t>(sort),
      static_cast<uint64_t>(num), llvm::bit_cast<uint64_t>(real),
      reinterpret_cast<uintptr_t>(ptr), ops.size()};
  for (ExprRef op : ops)
    key.push_back(op->id);
  for (int64_t c : coeffs)
    key.push_back(static_cast<uint64_t>(c));
  for (double r : reals)
    key.push_back(llvm::bit_cast<uint64_t>(r));
  auto it = nodes.find(key);
  if (it != nodes.end())
    return it->second;
  unsigned height = 0;
  for (ExprRef op : ops)
    height = std::max(height, op->height);
  if (kind == ExprKind::Reduce)
    ++height;
  auto *node =
      new (allocator.Allocate<Expr>()) Expr{kind,
                                            sort,
                                            nextId++,
                                            height,
                                            num,
                                            real,
                                            ptr,
                                            copyTo<ExprRef>(allocator, ops),
                                            copyTo<int64_t>(allocator, coeffs),
                                            copyTo<double>(allocator, reals)};
  nodes.insert({copyTo<uint64_t>(allocator, key), node});
  return node;
}

std::optional<int64_t> ExprContext::getInt(ExprRef e) {
  if (e->is(ExprKind::IntLin) && e->ops.empty())
    return e->num;
  return std::nullopt;
}

std::optional<double> ExprContext::getFloat(ExprRef e) {
  if (e->is(ExprKind::FloatLin) && e->ops.empty())
    return e->real;
  return std::nullopt;
}

std::optional<bool> ExprContext::getBool(ExprRef e) {
  if (e->is(ExprKind::BoolConst))
    return e->num != 0;
  return std::nullopt;
}

ExprRef ExprContext::getAtom(ExprRef e) {
  if (e->is(ExprKind::IntLin) && e->num == 0 && e->ops.size() == 1 &&
      e->coeffs[0] == 1)
    return e->ops[0];
  if (e->is(ExprKind::FloatLin) && e->real == 0 && e->ops.size() == 1 &&
      e->reals[0] == 1)
    return e->ops[0];
  return nullptr;
}

void ExprContext::walk(ExprRef root, llvm::function_ref<void(ExprRef)> visit,
                       llvm::function_ref<bool(ExprRef)> enter) {
  llvm::DenseSet<ExprRef> seen;
  SmallVector<std::pair<ExprRef, size_t>> stack;
  auto push = [&](ExprRef e) {
    if (seen.insert(e).second)
      stack.push_back({e, 0});
  };
  push(root);
  while (!stack.empty()) {
    auto &[e, next] = stack.back();
    bool skip = enter && !enter(e);
    if (!skip && next < e->ops.size()) {
      push(e->ops[next++]);
      continue;
    }
    ExprRef done = e;
    stack.pop_back();
    visit(done);
  }
}

bool ExprContext::dependsOn(ExprRef e, ExprRef atom) {
  bool found = false;
  walk(
      e, [&](ExprRef x) { found |= x == atom; },
      [&](ExprRef) { return !found; });
  return found;
}

//===----------------------------------------------------------------------===//
// Booleans
//===----------------------------------------------------------------------===//

ExprRef ExprContext::boolConst(bool value) {
  return make(ExprKind::BoolConst, Sort::Bool, {}, value);
}

ExprRef ExprContext::ge0(ExprRef a) {
  if (isNonNegative(a, /*nonEmpty=*/false))
    return boolConst(true);
  ExprRef negated = sub(intConst(-1), a);
  if (isNonNegative(negated, /*nonEmpty=*/false))
    return boolConst(false);
  return make(ExprKind::Ge0, Sort::Bool, a);
}

ExprRef ExprContext::eq0(ExprRef a) {
  if (auto value = getInt(a))
    return boolConst(*value == 0);
  if (isNonNegative(sub(a, intConst(1)), false) ||
      isNonNegative(sub(intConst(-1), a), false))
    return boolConst(false);
  // One sign only, so that a == 0 and -a == 0 are the same node.
  if (a->coeffs[0] < 0)
    a = scale(a, -1);
  return make(ExprKind::Eq0, Sort::Bool, a);
}

ExprRef ExprContext::logicalNot(ExprRef a) {
  if (auto value = getBool(a))
    return boolConst(!*value);
  if (a->is(ExprKind::Not))
    return a->ops[0];
  if (a->is(ExprKind::Ge0))
    return ge0(sub(intConst(-1), a->ops[0]));
  return make(ExprKind::Not, Sort::Bool, a);
}

ExprRef ExprContext::logicalAnd(ExprRef a, ExprRef b) {
  if (auto value = getBool(a))
    return *value ? b : a;
  if (auto value = getBool(b))
    return *value ? a : b;
  if (a == b)
    return a;
  if (a->id > b->id)
    std::swap(a, b);
  return make(ExprKind::And, Sort::Bool, {a, b});
}

ExprRef ExprContext::logicalOr(ExprRef a, ExprRef b) {
  if (auto value = getBool(a))
    return *value ? a : b;
  if (auto value = getBool(b))
    return *value ? b : a;
  if (a == b)
    return a;
  if (a->id > b->id)
    std::swap(a, b);
  return make(ExprKind::Or, Sort::Bool, {a, b});
}

ExprRef ExprContext::logicalXor(ExprRef a, ExprRef b) {
  if (auto value = getBool(a))
    return *value ? logicalNot(b) : b;
  if (auto value = getBool(b))
    return *value ? logicalNot(a) : a;
  if (a == b)
    return boolConst(false);
  if (a->id > b->id)
    std::swap(a, b);
  return make(ExprKind::Xor, Sort::Bool, {a, b});
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

ExprRef ExprContext::makeFloatLin(double constant, FloatTerms &terms) {
  llvm::sort(terms, [](const auto &a, const auto &b) {
    return a.first->id < b.first->id;
  });
  SmallVector<ExprRef> ops;
  SmallVector<double> reals;
  for (auto [atom, real] : terms) {
    if (!ops.empty() && ops.back() == atom)
      reals.back() += real;
    else {
      ops.push_back(atom);
      reals.push_back(real);
    }
    if (reals.back() == 0) {
      ops.pop_back();
      reals.pop_back();
    }
  }
  // -0.0 and 0.0 are one constant here.
  if (constant == 0)
    constant = 0;
  return make(ExprKind::FloatLin, Sort::Float, ops, 0, constant, nullptr, {},
              reals);
}

ExprRef ExprContext::floatConst(double value) {
  FloatTerms none;
  return makeFloatLin(value, none);
}

ExprRef ExprContext::fromFloatAtom(ExprRef atom) {
  FloatTerms terms = {{atom, 1.0}};
  return makeFloatLin(0, terms);
}

ExprRef ExprContext::addf(ExprRef a, ExprRef b) {
  FloatTerms terms;
  for (ExprRef e : {a, b})
    for (auto [atom, real] : llvm::zip(e->ops, e->reals))
      terms.push_back({atom, real});
  return makeFloatLin(a->real + b->real, terms);
}

ExprRef ExprContext::scalef(ExprRef a, double factor) {
  FloatTerms terms;
  for (auto [atom, real] : llvm::zip(a->ops, a->reals))
    terms.push_back({atom, real * factor});
  return makeFloatLin(a->real * factor, terms);
}

ExprRef ExprContext::mulf(ExprRef a, ExprRef b) {
  if (auto c = getFloat(a))
    return scalef(b, *c);
  if (auto c = getFloat(b))
    return scalef(a, *c);
  double factor = 1;
  SmallVector<ExprRef> factors;
  for (ExprRef e : {a, b}) {
    if (e->ops.size() != 1 || e->real != 0) {
      factors.push_back(e);
      continue;
    }
    factor *= e->reals[0];
    if (e->ops[0]->is(ExprKind::FloatProd))
      llvm::append_range(factors, e->ops[0]->ops);
    else
      factors.push_back(e->ops[0]);
  }
  llvm::sort(factors, [](ExprRef x, ExprRef y) { return x->id < y->id; });
  FloatTerms terms = {
      {make(ExprKind::FloatProd, Sort::Float, factors), factor}};
  return makeFloatLin(0, terms);
}

ExprRef ExprContext::recip(ExprRef a) {
  if (auto c = getFloat(a))
    return floatConst(1 / *c);
  if (a->ops.size() == 1 && a->real == 0) {
    double factor = 1 / a->reals[0];
    ExprRef atom = a->ops[0];
    if (atom->is(ExprKind::Recip))
      return scalef(atom->ops[0], factor);
    if (atom->is(ExprKind::FloatProd)) {
      ExprRef result = floatConst(factor);
      for (ExprRef f : atom->ops)
        result = mulf(result,
                      recip(f->is(ExprKind::FloatLin) ? f : fromFloatAtom(f)));
      return result;
    }
    return scalef(
        fromFloatAtom(make(ExprKind::Recip, Sort::Float, fromFloatAtom(atom))),
        factor);
  }
  return fromFloatAtom(make(ExprKind::Recip, Sort::Float, a));
}

ExprRef ExprContext::exp(ExprRef a) {
  if (auto c = getFloat(a))
    return floatConst(std::exp(*c));
  return fromFloatAtom(make(ExprKind::Exp, Sort::Float, a));
}

ExprRef ExprContext::maxf(ExprRef a, ExprRef b) {
  auto ca = getFloat(a), cb = getFloat(b);
  if (ca && cb)
    return floatConst(std::max(*ca, *cb));
  const double lowest = -std::numeric_limits<double>::infinity();
  if (ca == lowest || a == b)
    return b;
  if (cb == lowest)
    return a;
  if (a->id > b->id)
    std::swap(a, b);
  return fromFloatAtom(make(ExprKind::Max, Sort::Float, {a, b}));
}

ExprRef ExprContext::intToFloat(ExprRef a) {
  if (auto c = getInt(a))
    return floatConst(static_cast<double>(*c));
  ExprRef atom = getAtom(a);
  if (atom && atom->is(ExprKind::BoolToInt))
    return select(atom->ops[0], floatConst(1), floatConst(0));
  return fromFloatAtom(make(ExprKind::IntToFloat, Sort::Float, a));
}

//===----------------------------------------------------------------------===//
// Any sort
//===----------------------------------------------------------------------===//

/// Wraps a node of any sort into the normal form of its values.
static ExprRef wrap(ExprContext &ctx, ExprRef atom) {
  switch (atom->sort) {
  case Sort::Int:
    return ctx.fromAtom(atom);
  case Sort::Float:
    return ctx.fromFloatAtom(atom);
  case Sort::Bool:
    return atom;
  }
  return atom;
}

ExprRef ExprContext::elem(Value tensor, ArrayRef<ExprRef> indices, Sort sort) {
  return wrap(*this, make(ExprKind::Elem, sort, indices, 0, 0,
                          tensor.getAsOpaquePointer()));
}

ExprRef ExprContext::unknown(Value scalar, Sort sort) {
  return wrap(*this, make(ExprKind::Unknown, sort, {}, 0, 0,
                          scalar.getAsOpaquePointer()));
}

ExprRef ExprContext::cmpf(int64_t predicate, ExprRef a, ExprRef b) {
  return make(ExprKind::CmpF, Sort::Bool, {a, b}, predicate);
}

ExprRef ExprContext::call(const void *name, ArrayRef<ExprRef> operands,
                          Sort sort) {
  return wrap(*this, make(ExprKind::Call, sort, operands, 0, 0, name));
}

ExprRef ExprContext::select(ExprRef cond, ExprRef a, ExprRef b) {
  if (auto value = getBool(cond))
    return *value ? a : b;
  if (a == b)
    return a;
  if (cond->is(ExprKind::Not))
    return select(cond->ops[0], b, a);
  if (a->sort == Sort::Bool)
    return logicalOr(logicalAnd(cond, a), logicalAnd(logicalNot(cond), b));
  // "size == 1 ? 0 : i" is i for every 0 <= i < size.
  ExprRef index = getAtom(b);
  if (a->sort == Sort::Int && cond->is(ExprKind::Eq0) && getInt(a) == 0 &&
      index && (index->is(ExprKind::Sym) || index->is(ExprKind::Bound))) {
    ExprRef extent = sub(index->ops[0], intConst(1));
    if (cond->ops[0] == extent || cond->ops[0] == scale(extent, -1))
      return b;
    ExprRef size = add(cond->ops[0], intConst(1));
    ExprRef atom = getAtom(size);
    if (atom && atom->is(ExprKind::Dim)) {
      assumptions.push_back({size, index->ops[0]});
      return b;
    }
  }
  return wrap(*this, make(ExprKind::Select, a->sort, {cond, a, b}));
}

ExprRef ExprContext::reduce(Combiner combiner, ExprRef symbol, ExprRef body) {
  ExprRef atom = getAtom(symbol);
  // A loop of one iteration combines nothing.
  if (!atom)
    return body;
  ExprRef bound = make(ExprKind::Bound, Sort::Int, atom->ops[0],
                       static_cast<int64_t>(body->height) + 1);
  SymbolMap map;
  map[atom] = fromAtom(bound);
  ExprRef closed = substitute(body, map);
  return wrap(*this, make(ExprKind::Reduce, body->sort, {closed, bound},
                          static_cast<int64_t>(combiner)));
}

ExprRef ExprContext::openReduce(ExprRef reduce, ExprRef index) {
  SymbolMap map;
  map[reduce->ops[1]] = index;
  return substitute(reduce->ops[0], map);
}

ExprRef ExprContext::reduceExtent(ExprRef reduce) {
  return reduce->ops[1]->ops[0];
}

ExprRef ExprContext::substitute(ExprRef e, const SymbolMap &map) {
  llvm::DenseMap<ExprRef, ExprRef> memo;
  return substituteImpl(e, map, memo);
}

ExprRef ExprContext::substituteImpl(ExprRef e, const SymbolMap &map,
                                    llvm::DenseMap<ExprRef, ExprRef> &memo) {
  if (auto it = memo.find(e); it != memo.end())
    return it->second;
  auto sub1 = [&](ExprRef x) { return substituteImpl(x, map, memo); };
  // Atoms come back as values: the sums below add them up.
  ExprRef result = nullptr;
  switch (e->kind) {
  case ExprKind::Sym:
  case ExprKind::Bound:
  case ExprKind::Dim: {
    auto it = map.find(e);
    result = it == map.end() ? fromAtom(e) : it->second;
    break;
  }
  case ExprKind::FloorDiv:
    result = floorDiv(sub1(e->ops[0]), sub1(e->ops[1]));
    break;
  case ExprKind::Mod:
    result = mod(sub1(e->ops[0]), sub1(e->ops[1]));
    break;
  case ExprKind::IntProd:
    result = intConst(1);
    for (ExprRef f : e->ops)
      result = mul(result, sub1(f));
    break;
  case ExprKind::BoolToInt:
    result = boolToInt(sub1(e->ops[0]));
    break;
  case ExprKind::IntLin:
    result = intConst(e->num);
    for (auto [atom, coeff] : llvm::zip(e->ops, e->coeffs))
      result = add(result, scale(sub1(atom), coeff));
    break;
  case ExprKind::FloatLin:
    result = floatConst(e->real);
    for (auto [atom, real] : llvm::zip(e->ops, e->reals))
      result = addf(result, scalef(sub1(atom), real));
    break;
  case ExprKind::FloatProd:
    result = floatConst(1);
    for (ExprRef f : e->ops)
      result = mulf(result, sub1(f));
    break;
  case ExprKind::Recip:
    result = recip(sub1(e->ops[0]));
    break;
  case ExprKind::Exp:
    result = exp(sub1(e->ops[0]));
    break;
  case ExprKind::Max:
    result = maxf(sub1(e->ops[0]), sub1(e->ops[1]));
    break;
  case ExprKind::IntToFloat:
    result = intToFloat(sub1(e->ops[0]));
    break;
  case ExprKind::Select:
    result = select(sub1(e->ops[0]), sub1(e->ops[1]), sub1(e->ops[2]));
    break;
  case ExprKind::Ge0:
    result = ge0(sub1(e->ops[0]));
    break;
  case ExprKind::Eq0:
    result = eq0(sub1(e->ops[0]));
    break;
  case ExprKind::Not:
    result = logicalNot(sub1(e->ops[0]));
    break;
  case ExprKind::And:
    result = logicalAnd(sub1(e->ops[0]), sub1(e->ops[1]));
    break;
  case ExprKind::Or:
    result = logicalOr(sub1(e->ops[0]), sub1(e->ops[1]));
    break;
  case ExprKind::Xor:
    result = logicalXor(sub1(e->ops[0]), sub1(e->ops[1]));
    break;
  case ExprKind::BoolConst:
    result = e;
    break;
  case ExprKind::Reduce:
    // The bound symbol stays: no replacement names it, since every Reduce is
    // opened with symbols of its own.
    result = wrap(*this, make(ExprKind::Reduce, e->sort,
                              {sub1(e->ops[0]), e->ops[1]}, e->num));
    break;
  case ExprKind::CmpF:
    result = cmpf(e->num, sub1(e->ops[0]), sub1(e->ops[1]));
    break;
  case ExprKind::Elem:
  case ExprKind::Unknown:
  case ExprKind::Call: {
    SmallVector<ExprRef> ops;
    for (ExprRef op : e->ops)
      ops.push_back(sub1(op));
    result = wrap(*this, make(e->kind, e->sort, ops, e->num, 0, e->ptr));
    break;
  }
  }
  memo[e] = result;
  return result;
}
