//===- IntegerExpr.cpp - Integer values of scalar expressions -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Index arithmetic in normal form, a constant plus multiples of products of
// atoms, and what the ranges of symbols and sizes say about it.
//
//===----------------------------------------------------------------------===//

#include "ScalarExpr.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;
using namespace sparsek::raise;

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

int64_t ExprContext::addChecked(int64_t a, int64_t b) {
  int64_t result;
  overflowed |= llvm::AddOverflow(a, b, result);
  return result;
}

int64_t ExprContext::mulChecked(int64_t a, int64_t b) {
  int64_t result;
  overflowed |= llvm::MulOverflow(a, b, result);
  return result;
}

ExprRef ExprContext::makeLin(int64_t constant, IntTerms &terms) {
  llvm::sort(terms, [](const auto &a, const auto &b) {
    return a.first->id < b.first->id;
  });
  SmallVector<ExprRef> ops;
  SmallVector<int64_t> coeffs;
  for (auto [atom, coeff] : terms) {
    if (!ops.empty() && ops.back() == atom)
      coeffs.back() = addChecked(coeffs.back(), coeff);
    else {
      ops.push_back(atom);
      coeffs.push_back(coeff);
    }
    if (coeffs.back() == 0) {
      ops.pop_back();
      coeffs.pop_back();
    }
  }
  return make(ExprKind::IntLin, Sort::Int, ops, constant, 0, nullptr, coeffs);
}

ExprRef ExprContext::intConst(int64_t value) {
  return make(ExprKind::IntLin, Sort::Int, {}, value);
}

ExprRef ExprContext::fromAtom(ExprRef atom) {
  return make(ExprKind::IntLin, Sort::Int, atom, 0, 0, nullptr, {1});
}

ExprRef ExprContext::symbol(ExprRef extent) {
  if (getInt(extent) == 1)
    return intConst(0);
  return fromAtom(make(ExprKind::Sym, Sort::Int, extent, nextSymbol++));
}

ExprRef ExprContext::dim(Value tensor, int64_t index) {
  return fromAtom(make(ExprKind::Dim, Sort::Int, {}, index, 0,
                       tensor.getAsOpaquePointer()));
}

ExprRef ExprContext::add(ExprRef a, ExprRef b) {
  IntTerms terms;
  for (ExprRef e : {a, b})
    for (auto [atom, coeff] : llvm::zip(e->ops, e->coeffs))
      terms.push_back({atom, coeff});
  return makeLin(addChecked(a->num, b->num), terms);
}

ExprRef ExprContext::scale(ExprRef a, int64_t factor) {
  IntTerms terms;
  for (auto [atom, coeff] : llvm::zip(a->ops, a->coeffs))
    terms.push_back({atom, mulChecked(coeff, factor)});
  return makeLin(mulChecked(a->num, factor), terms);
}

ExprRef ExprContext::sub(ExprRef a, ExprRef b) { return add(a, scale(b, -1)); }

/// The factors of an integer atom that may be a product.
static ArrayRef<ExprRef> factorsOf(const ExprRef &atom) {
  if (atom->is(ExprKind::IntProd))
    return atom->ops;
  return ArrayRef<ExprRef>(atom);
}

ExprRef ExprContext::monomial(ArrayRef<ExprRef> factors) {
  if (factors.size() == 1)
    return factors[0];
  SmallVector<ExprRef> sorted(factors);
  llvm::sort(sorted, [](ExprRef a, ExprRef b) { return a->id < b->id; });
  return make(ExprKind::IntProd, Sort::Int, sorted);
}

ExprRef ExprContext::mul(ExprRef a, ExprRef b) {
  if (auto c = getInt(a))
    return scale(b, *c);
  if (auto c = getInt(b))
    return scale(a, *c);
  if (a->ops.size() * b->ops.size() > kMaxTerms) {
    overflowed = true;
    return intConst(0);
  }
  ExprRef result = add(scale(a, b->num), scale(b, a->num));
  IntTerms terms;
  for (auto [x, cx] : llvm::zip(a->ops, a->coeffs))
    for (auto [y, cy] : llvm::zip(b->ops, b->coeffs)) {
      SmallVector<ExprRef> factors(factorsOf(x));
      llvm::append_range(factors, factorsOf(y));
      terms.push_back({monomial(factors), mulChecked(cx, cy)});
    }
  // The constants were multiplied twice above.
  return add(result,
             makeLin(mulChecked(mulChecked(a->num, b->num), -1), terms));
}

ExprRef ExprContext::boolToInt(ExprRef a) {
  if (auto value = getBool(a))
    return intConst(*value);
  return fromAtom(make(ExprKind::BoolToInt, Sort::Int, a));
}

ExprRef ExprContext::limitOf(ExprRef atom) {
  switch (atom->kind) {
  case ExprKind::Sym:
  case ExprKind::Bound:
    return atom->ops[0];
  case ExprKind::Mod:
    return atom->ops[1];
  case ExprKind::BoolToInt:
    return intConst(2);
  case ExprKind::FloorDiv: {
    // (x floordiv c) < limit(x) ceildiv c, for constants.
    auto divisor = getInt(atom->ops[1]);
    ExprRef highest;
    if (!divisor || *divisor <= 0 ||
        !lowerBound(scale(atom->ops[0], -1), highest))
      return nullptr;
    auto value = getInt(highest);
    if (!value || *value > 0 || *value == std::numeric_limits<int64_t>::min())
      return nullptr;
    return intConst(-*value / *divisor + 1);
  }
  default:
    return nullptr;
  }
}

/// A value below or equal to `a` in terms of sizes only.
bool ExprContext::lowerBound(ExprRef a, ExprRef &bound) {
  // Every round replaces the symbols of one factor; sizes remain.
  for (int round = 0; round < 16; ++round) {
    bool changed = false;
    ExprRef next = intConst(a->num);
    for (auto [atom, coeff] : llvm::zip(a->ops, a->coeffs)) {
      SmallVector<ExprRef> factors(factorsOf(atom));
      auto it = llvm::find_if(factors,
                              [](ExprRef f) { return !f->is(ExprKind::Dim); });
      if (it == factors.end()) {
        next = add(next, scale(fromAtom(atom), coeff));
        continue;
      }
      changed = true;
      ExprRef factor = *it;
      factors.erase(it);
      bool nonNegative =
          factor->is(ExprKind::Sym) || factor->is(ExprKind::Bound) ||
          factor->is(ExprKind::Mod) || factor->is(ExprKind::BoolToInt) ||
          (factor->is(ExprKind::FloorDiv) &&
           isNonNegative(factor->ops[0], /*nonEmpty=*/true));
      if (!nonNegative)
        return false;
      for (ExprRef other : factors)
        if (!other->is(ExprKind::Dim) && !other->is(ExprKind::Sym) &&
            !other->is(ExprKind::Bound) && !other->is(ExprKind::Mod))
          return false;
      if (coeff > 0)
        continue;
      ExprRef limit = limitOf(factor);
      if (!limit)
        return false;
      ExprRef highest = scale(sub(limit, intConst(1)), coeff);
      for (ExprRef other : factors)
        highest = mul(highest, fromAtom(other));
      next = add(next, highest);
    }
    a = next;
    if (!changed) {
      bound = a;
      return true;
    }
  }
  return false;
}

bool ExprContext::isNonNegative(ExprRef a, bool nonEmpty) {
  ExprRef bound;
  if (!lowerBound(a, bound))
    return false;
  int64_t least = bound->num;
  for (int64_t coeff : bound->coeffs) {
    if (coeff < 0)
      return false;
    if (nonEmpty)
      least = addChecked(least, coeff);
  }
  return least >= 0;
}

bool ExprContext::isBetween(ExprRef a, ExprRef lowest, ExprRef limit) {
  return isNonNegative(sub(a, lowest), /*nonEmpty=*/true) &&
         isNonNegative(sub(sub(limit, intConst(1)), a), /*nonEmpty=*/true);
}

bool ExprContext::fitsSigned(ExprRef a, unsigned width) {
  constexpr int64_t kLargestSize = int64_t(1) << 28;
  if (auto value = getInt(a))
    return llvm::isIntN(std::min(width, 64u), *value);
  // What cannot be bounded is trusted in 64 bits only, near 0.
  constexpr int64_t kNear = int64_t(1) << 31;
  auto isNear = [&](int64_t x) { return x > -kNear && x < kNear; };
  const bool near = isNear(a->num) && llvm::all_of(a->coeffs, isNear);
  if (width >= 64 && near)
    return true;
  if (!near)
    return false;
  // a >= -2^(width - 1) and -1 - a >= -2^(width - 1).
  for (ExprRef side : {a, sub(intConst(-1), a)}) {
    ExprRef bound;
    if (!lowerBound(side, bound))
      return false;
    int64_t least = bound->num;
    for (int64_t coeff : bound->coeffs) {
      int64_t term;
      if (coeff < 0 && (llvm::MulOverflow(coeff, kLargestSize, term) ||
                        llvm::AddOverflow(least, term, least)))
        return false;
    }
    if (least < 0 && !llvm::isIntN(width, least))
      return false;
  }
  return true;
}

bool ExprContext::splitMultiples(ExprRef a, ExprRef b, ExprRef &quotient,
                                 ExprRef &rest) {
  IntTerms multiples, others;
  if (auto divisor = getInt(b)) {
    if (*divisor <= 0)
      return false;
    for (auto [atom, coeff] : llvm::zip(a->ops, a->coeffs)) {
      if (coeff % *divisor == 0)
        multiples.push_back({atom, coeff / *divisor});
      else
        others.push_back({atom, coeff});
    }
    int64_t whole = llvm::divideFloorSigned(a->num, *divisor);
    quotient = makeLin(whole, multiples);
    rest = makeLin(a->num - whole * *divisor, others);
    return true;
  }
  // A symbolic divisor must be one term.
  if (b->num != 0 || b->ops.size() != 1 || b->coeffs[0] <= 0)
    return false;
  int64_t constant = 0;
  for (auto [atom, coeff] : llvm::zip(a->ops, a->coeffs)) {
    SmallVector<ExprRef> factors(factorsOf(atom));
    bool divides = coeff % b->coeffs[0] == 0;
    for (ExprRef f : factorsOf(b->ops[0])) {
      auto it = llvm::find(factors, f);
      if (it == factors.end())
        divides = false;
      else
        factors.erase(it);
    }
    if (!divides)
      others.push_back({atom, coeff});
    else if (factors.empty())
      constant += coeff / b->coeffs[0];
    else
      multiples.push_back({monomial(factors), coeff / b->coeffs[0]});
  }
  quotient = makeLin(constant, multiples);
  rest = makeLin(a->num, others);
  return true;
}

ExprRef ExprContext::floorDiv(ExprRef a, ExprRef b) {
  if (getInt(b) == 1)
    return a;
  ExprRef quotient, rest;
  if (!splitMultiples(a, b, quotient, rest))
    return fromAtom(make(ExprKind::FloorDiv, Sort::Int, {a, b}));
  if (getInt(rest) == 0 || isBetween(rest, intConst(0), b))
    return quotient;
  // (x floordiv c) floordiv d = x floordiv (c * d)
  ExprRef atom = getAtom(rest);
  if (atom && atom->is(ExprKind::FloorDiv))
    return add(quotient, floorDiv(atom->ops[0], mul(atom->ops[1], b)));
  return add(quotient,
             fromAtom(make(ExprKind::FloorDiv, Sort::Int, {rest, b})));
}

ExprRef ExprContext::mod(ExprRef a, ExprRef b) {
  if (getInt(b) == 1)
    return intConst(0);
  ExprRef quotient, rest;
  if (!splitMultiples(a, b, quotient, rest))
    return fromAtom(make(ExprKind::Mod, Sort::Int, {a, b}));
  if (getInt(rest) == 0 || isBetween(rest, intConst(0), b))
    return rest;
  // (x mod c) mod d = x mod d where d divides c
  ExprRef atom = getAtom(rest);
  if (atom && atom->is(ExprKind::Mod)) {
    ExprRef times, remainder;
    if (splitMultiples(atom->ops[1], b, times, remainder) &&
        getInt(remainder) == 0)
      return mod(atom->ops[0], b);
  }
  return fromAtom(make(ExprKind::Mod, Sort::Int, {rest, b}));
}
