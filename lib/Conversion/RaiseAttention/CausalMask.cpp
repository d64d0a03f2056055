//===- CausalMask.cpp - What a mask lets a query see ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionMatcher.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace sparsek::raise;

/// A logit at or below this is as good as -inf: exporters write -1e4, -65504,
/// -1e9, -2.4e38 and -3.4e38.
static constexpr double kMasked = -1.0e4;

/// Masks that do not depend on m - j alone are checked pair by pair up to this
/// many pairs.
static constexpr int64_t kMaxPairs = int64_t(1) << 22;

namespace {
/// factor * dot + constant.
struct Affine {
  double factor;
  double constant;
};

/// Evaluates logits at one query and one key.
class Interpreter {
public:
  Interpreter(ExprRef dot, ExprRef row, ExprRef column)
      : dot(dot), row(row), column(column) {}

  /// Decides comparisons; without it they are computed from `m` and `j`.
  llvm::function_ref<std::optional<bool>(ExprRef)> oracle = nullptr;
  int64_t m = 0, j = 0;

  std::optional<Affine> logit(ExprRef e);
  std::optional<bool> boolean(ExprRef e);
  std::optional<int64_t> integer(ExprRef e);

private:
  std::optional<double> constantElement(ExprRef e);

  ExprRef dot, row, column;
};
} // namespace

std::optional<double> Interpreter::constantElement(ExprRef e) {
  SmallVector<int64_t> indices;
  for (ExprRef op : e->ops) {
    auto index = integer(op);
    if (!index)
      return std::nullopt;
    indices.push_back(*index);
  }
  return readConstantElement(e->getValue(), indices);
}

std::optional<int64_t> Interpreter::integer(ExprRef e) {
  switch (e->kind) {
  case ExprKind::IntLin: {
    int64_t sum = e->num;
    for (auto [atom, coeff] : llvm::zip(e->ops, e->coeffs)) {
      auto value = integer(atom);
      int64_t term;
      if (!value || llvm::MulOverflow(*value, coeff, term) ||
          llvm::AddOverflow(sum, term, sum))
        return std::nullopt;
    }
    return sum;
  }
  case ExprKind::Sym:
    if (e == row)
      return m;
    if (e == column)
      return j;
    return std::nullopt;
  case ExprKind::FloorDiv:
  case ExprKind::Mod: {
    auto a = integer(e->ops[0]), b = integer(e->ops[1]);
    if (!a || !b || *b <= 0)
      return std::nullopt;
    int64_t quotient = llvm::divideFloorSigned(*a, *b);
    return e->is(ExprKind::FloorDiv) ? quotient : *a - quotient * *b;
  }
  case ExprKind::BoolToInt: {
    auto value = boolean(e->ops[0]);
    if (!value)
      return std::nullopt;
    return *value;
  }
  case ExprKind::Select: {
    auto cond = boolean(e->ops[0]);
    if (!cond)
      return std::nullopt;
    return integer(e->ops[*cond ? 1 : 2]);
  }
  case ExprKind::Elem:
    if (auto value = constantElement(e))
      return static_cast<int64_t>(*value);
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

std::optional<bool> Interpreter::boolean(ExprRef e) {
  auto both = [&](auto combine) -> std::optional<bool> {
    auto a = boolean(e->ops[0]), b = boolean(e->ops[1]);
    if (!a || !b)
      return std::nullopt;
    return combine(*a, *b);
  };
  switch (e->kind) {
  case ExprKind::BoolConst:
    return e->num != 0;
  case ExprKind::Ge0:
  case ExprKind::Eq0: {
    if (oracle)
      return oracle(e);
    auto value = integer(e->ops[0]);
    if (!value)
      return std::nullopt;
    return e->is(ExprKind::Ge0) ? *value >= 0 : *value == 0;
  }
  case ExprKind::Not:
    if (auto a = boolean(e->ops[0]))
      return !*a;
    return std::nullopt;
  case ExprKind::And:
    return both([](bool a, bool b) { return a && b; });
  case ExprKind::Or:
    return both([](bool a, bool b) { return a || b; });
  case ExprKind::Xor:
    return both([](bool a, bool b) { return a != b; });
  case ExprKind::Elem:
    if (auto value = constantElement(e))
      return *value != 0;
    return std::nullopt;
  case ExprKind::CmpF: {
    auto a = logit(e->ops[0]), b = logit(e->ops[1]);
    if (!a || !b || a->factor != 0 || b->factor != 0)
      return std::nullopt;
    return arith::applyCmpPredicate(static_cast<arith::CmpFPredicate>(e->num),
                                    APFloat(a->constant), APFloat(b->constant));
  }
  default:
    return std::nullopt;
  }
}

std::optional<Affine> Interpreter::logit(ExprRef e) {
  if (e == dot)
    return Affine{1, 0};
  switch (e->kind) {
  case ExprKind::FloatLin: {
    Affine sum{0, e->real};
    for (auto [atom, real] : llvm::zip(e->ops, e->reals)) {
      auto term = logit(atom);
      if (!term)
        return std::nullopt;
      sum.factor += real * term->factor;
      sum.constant += real * term->constant;
    }
    return sum;
  }
  case ExprKind::FloatProd: {
    Affine product{0, 1};
    for (ExprRef op : e->ops) {
      auto factor = logit(op);
      if (!factor || (factor->factor != 0 && product.factor != 0))
        return std::nullopt;
      product = {factor->factor * product.constant +
                     product.factor * factor->constant,
                 product.constant * factor->constant};
    }
    return product;
  }
  case ExprKind::Select: {
    auto cond = boolean(e->ops[0]);
    if (!cond)
      return std::nullopt;
    return logit(e->ops[*cond ? 1 : 2]);
  }
  case ExprKind::Max: {
    auto a = logit(e->ops[0]), b = logit(e->ops[1]);
    if (!a || !b)
      return std::nullopt;
    if (a->factor == 0 && b->factor == 0)
      return Affine{0, std::max(a->constant, b->constant)};
    if (a->factor == 0)
      std::swap(a, b);
    if (b->factor != 0 || b->constant > kMasked)
      return std::nullopt;
    // A floor far below a visible logit does not change it, and a hidden one
    // stays hidden.
    if (a->constant <= kMasked)
      return Affine{a->factor, std::max(a->constant, b->constant)};
    if (b->constant - a->constant <=
        kMasked * std::max(1.0, std::abs(a->factor)))
      return a;
    return std::nullopt;
  }
  case ExprKind::IntToFloat:
    if (auto value = integer(e->ops[0]))
      return Affine{0, static_cast<double>(*value)};
    return std::nullopt;
  case ExprKind::Recip: {
    auto value = logit(e->ops[0]);
    if (!value || value->factor != 0)
      return std::nullopt;
    return Affine{0, 1 / value->constant};
  }
  case ExprKind::Elem:
    if (auto value = constantElement(e))
      return Affine{0, *value};
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

namespace {
/// Collects what is visible at which distance t = m - j + (N - M).
class Visibility {
public:
  /// False if the factor of the product is not the same everywhere.
  bool record(std::optional<Affine> logit, int64_t t) {
    if (!logit || std::isnan(logit->constant) || std::isnan(logit->factor)) {
      biased = true;
      return true;
    }
    if (logit->constant <= kMasked) {
      hides = true;
      highestHidden = std::max(highestHidden, logit->constant);
      if (t >= 0)
        nearestHidden = std::min(nearestHidden, t);
      return true;
    }
    if (!std::isfinite(logit->constant) || !std::isfinite(logit->factor) ||
        logit->factor == 0) {
      biased = true;
      return true;
    }
    if (seen && factor != logit->factor)
      return false;
    biased |= seen && constant != logit->constant;
    seen = true;
    factor = logit->factor;
    constant = logit->constant;
    if (t < 0)
      future = true;
    else
      farthestSeen = std::max(farthestSeen, t);
    return true;
  }

  MaskResult::Kind getKind() const {
    if (!seen || biased)
      return MaskResult::Unknown;
    // What hides must be far below what is visible, and not only below 0.
    if (hides && highestHidden - constant > kMasked * std::max(1.0, factor))
      return MaskResult::Unknown;
    if (!hides)
      return MaskResult::NotCausal;
    if (future)
      return MaskResult::Unknown;
    if (nearestHidden == std::numeric_limits<int64_t>::max())
      return MaskResult::Causal;
    return nearestHidden == farthestSeen + 1 && nearestHidden > 0
               ? MaskResult::Window
               : MaskResult::Unknown;
  }

  double getFactor() const { return factor; }
  int64_t getWindow() const { return farthestSeen + 1; }

private:
  bool seen = false, hides = false, future = false;
  /// Something but the product and a mask is in the logits.
  bool biased = false;
  double factor = 0, constant = 0;
  /// The highest logit, beside the product, that counts as hidden.
  double highestHidden = -std::numeric_limits<double>::infinity();
  int64_t farthestSeen = -1;
  int64_t nearestHidden = std::numeric_limits<int64_t>::max();
};
} // namespace

static int64_t coefficientOf(ExprRef value, ExprRef atom) {
  for (auto [op, coeff] : llvm::zip(value->ops, value->coeffs))
    if (op == atom)
      return coeff;
  return 0;
}

MaskResult sparsek::raise::analyzeMask(ExprContext &ctx, ExprRef logits,
                                       ExprRef dot, ExprRef column,
                                       ArrayRef<ExprRef> rowCandidates) {
  MaskResult result{MaskResult::Unknown};
  // Leaves of the logits beside the product: comparisons and constants are a
  // mask that can be read, other elements are one that cannot.
  SmallVector<ExprRef> comparisons, constants;
  bool opaque = false, nonlinear = false;
  // A term without the product is a mask or a bias, and so is a factor that
  // depends on the key; anything else happens to the product.
  auto unreadable = [&](ExprRef e, bool term) {
    bool mask = e->sort != Sort::Float || term ||
                (!ctx.dependsOn(e, dot) && ctx.dependsOn(e, column));
    (mask ? opaque : nonlinear) = true;
  };
  llvm::DenseSet<std::pair<ExprRef, unsigned>> seen;
  auto collect = [&](auto &self, ExprRef e, bool term) -> void {
    if (e == dot || !seen.insert({e, unsigned(term)}).second)
      return;
    switch (e->kind) {
    case ExprKind::Ge0:
    case ExprKind::Eq0:
      comparisons.push_back(e);
      return;
    case ExprKind::Elem: {
      Operation *op = e->getValue().getDefiningOp();
      if (op && op->hasTrait<OpTrait::ConstantLike>())
        constants.push_back(e);
      else
        unreadable(e, term);
      return;
    }
    case ExprKind::Unknown:
    case ExprKind::Reduce:
    case ExprKind::Exp:
    case ExprKind::Call:
      unreadable(e, term);
      return;
    case ExprKind::IntToFloat: {
      // A position in float arithmetic is a bias (ALiBi) or a mask with
      // rounding: only comparisons and constants are evaluated below.
      bool position = false;
      ExprContext::walk(
          e, [&](ExprRef x) { position |= x->is(ExprKind::Sym); },
          [](ExprRef x) {
            return !x->is(ExprKind::Ge0) && !x->is(ExprKind::Eq0) &&
                   !x->is(ExprKind::Elem);
          });
      if (position) {
        unreadable(e, term);
        return;
      }
      [[fallthrough]];
    }
    default:
      for (ExprRef op : e->ops)
        self(self, op,
             e->is(ExprKind::FloatLin) ? !ctx.dependsOn(op, dot) : term);
    }
  };
  collect(collect, logits, /*term=*/false);
  // What comparisons compare may itself be read from a tensor.
  for (ExprRef comparison : comparisons)
    ExprContext::walk(comparison, [&](ExprRef e) {
      if (e->is(ExprKind::Unknown))
        opaque = true;
      if (!e->is(ExprKind::Elem))
        return;
      Operation *op = e->getValue().getDefiningOp();
      if (op && op->hasTrait<OpTrait::ConstantLike>())
        constants.push_back(e);
      else
        opaque = true;
    });
  if (opaque)
    return result;
  if (nonlinear) {
    result.kind = MaskResult::NotAProduct;
    return result;
  }

  // The row is the one symbol beside the column that the mask depends on.
  for (ExprRef candidate : rowCandidates) {
    bool used =
        llvm::any_of(llvm::concat<ExprRef>(comparisons, constants),
                     [&](ExprRef e) { return ctx.dependsOn(e, candidate); });
    if (used && result.row)
      return result;
    if (used)
      result.row = candidate;
  }

  ExprRef n = column->ops[0];
  ExprRef m = result.row ? result.row->ops[0] : ctx.intConst(1);
  ExprRef offset = ctx.sub(n, m);
  auto staticM = ExprContext::getInt(m), staticN = ExprContext::getInt(n);
  auto staticOffset = ExprContext::getInt(offset);
  Interpreter interpreter(dot, result.row, column);
  Visibility visibility;

  // Comparisons of m - j alone: a comparison a * t + c changes once, so a few
  // distances around each change decide for all lengths.
  SmallVector<std::pair<ExprRef, std::pair<int64_t, int64_t>>> linear;
  bool selfDistance = false, lastDistance = false, byDistance = true;
  for (ExprRef comparison : comparisons) {
    ExprRef lhs = comparison->ops[0];
    int64_t a = result.row ? coefficientOf(lhs, result.row) : 0;
    if (!result.row || coefficientOf(lhs, column) != -a) {
      byDistance = false;
      break;
    }
    ExprRef rest = ctx.sub(
        lhs,
        ctx.scale(ctx.sub(ctx.fromAtom(result.row), ctx.fromAtom(column)), a));
    ExprRef restFromLast = ctx.sub(rest, ctx.scale(offset, a));
    if (auto c = ExprContext::getInt(restFromLast)) {
      linear.push_back({comparison, {a, *c}});
      lastDistance = true;
    } else if (auto c = ExprContext::getInt(rest)) {
      linear.push_back({comparison, {a, *c}});
      selfDistance = true;
    } else {
      byDistance = false;
      break;
    }
  }
  byDistance &= constants.empty();
  if (byDistance) {
    // Unequal dynamic lengths: a mask of m - j alone is causal for equal ones.
    if (selfDistance && lastDistance)
      return result;
    result.needsEqualLengths = selfDistance;
    int64_t lowest = -(int64_t(1) << 40), highest = int64_t(1) << 40;
    if (staticM && staticN) {
      lowest = 1 - *staticM;
      highest = *staticN - 1;
    }
    SmallVector<int64_t> points = {lowest, highest, -1, 0, 1};
    for (auto &[comparison, form] : linear) {
      auto [a, c] = form;
      if (a == 0 || c == std::numeric_limits<int64_t>::min())
        continue;
      int64_t change = llvm::divideFloorSigned(-c, a);
      if (change < -(int64_t(1) << 41) || change > (int64_t(1) << 41))
        continue;
      for (int64_t d : {-1, 0, 1, 2})
        points.push_back(change + d);
    }
    llvm::sort(points);
    for (int64_t t : points) {
      if (t < lowest || t > highest)
        continue;
      auto decide = [&](ExprRef e) -> std::optional<bool> {
        for (auto &[comparison, form] : linear)
          if (comparison == e) {
            int64_t product, value;
            if (llvm::MulOverflow(form.first, t, product) ||
                llvm::AddOverflow(product, form.second, value))
              return std::nullopt;
            return e->is(ExprKind::Ge0) ? value >= 0 : value == 0;
          }
        return std::nullopt;
      };
      interpreter.oracle = decide;
      if (!visibility.record(interpreter.logit(logits), t)) {
        result.kind = MaskResult::NotAProduct;
        return result;
      }
    }
  } else {
    if (!staticM || !staticN || !staticOffset || *staticM <= 0 ||
        *staticN <= 0 || *staticN > kMaxPairs / *staticM)
      return result;
    for (interpreter.m = 0; interpreter.m < *staticM; ++interpreter.m)
      for (interpreter.j = 0; interpreter.j < *staticN; ++interpreter.j)
        if (!visibility.record(interpreter.logit(logits),
                               interpreter.m - interpreter.j + *staticOffset)) {
          result.kind = MaskResult::NotAProduct;
          return result;
        }
  }
  result.kind = visibility.getKind();
  result.factor = visibility.getFactor();
  result.window = visibility.getWindow();
  // Without a row symbol there is one query, which sees everything: that says
  // nothing about causality.
  if (result.kind == MaskResult::Causal && !result.row)
    result.kind = MaskResult::NotCausal;
  return result;
}
