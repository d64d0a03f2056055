//===- ScalarOps.cpp - arith and math ops on expressions ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ElementEvaluator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace sparsek::raise;

static ExprRef compare(ExprContext &ctx, arith::CmpIPredicate predicate,
                       ExprRef a, ExprRef b) {
  using P = arith::CmpIPredicate;
  auto atLeast = [&](ExprRef x, ExprRef y) { return ctx.ge0(ctx.sub(x, y)); };
  auto above = [&](ExprRef x, ExprRef y) {
    return ctx.ge0(ctx.sub(ctx.sub(x, y), ctx.intConst(1)));
  };
  // Unsigned comparisons agree with signed ones on values >= 0 only.
  switch (predicate) {
  case P::ult:
  case P::ule:
  case P::ugt:
  case P::uge:
    if (!ctx.isNonNegative(a, false) || !ctx.isNonNegative(b, false))
      return nullptr;
    break;
  default:
    break;
  }
  switch (predicate) {
  case P::eq:
    return ctx.eq0(ctx.sub(a, b));
  case P::ne:
    return ctx.logicalNot(ctx.eq0(ctx.sub(a, b)));
  case P::sge:
  case P::uge:
    return atLeast(a, b);
  case P::sle:
  case P::ule:
    return atLeast(b, a);
  case P::sgt:
  case P::ugt:
    return above(a, b);
  case P::slt:
  case P::ult:
    return above(b, a);
  }
  return nullptr;
}

/// The bits of an integer or index type.
static unsigned widthOf(Type type) {
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}

/// Expressions are mathematical integers: null where the type may wrap around.
static ExprRef applyInt(ExprContext &ctx, Operation *op, ArrayRef<ExprRef> v,
                        unsigned width) {
  auto exact = [&](ExprRef e) -> ExprRef {
    return ctx.fitsSigned(e, width) ? e : nullptr;
  };
  auto divide = [&](bool quotient) -> ExprRef {
    // Rounding is the same for numerators >= 0 and divisors > 0.
    if (!ctx.isNonNegative(v[0], false) ||
        !ctx.isNonNegative(ctx.sub(v[1], ctx.intConst(1)), true))
      return nullptr;
    return quotient ? ctx.floorDiv(v[0], v[1]) : ctx.mod(v[0], v[1]);
  };
  return llvm::TypeSwitch<Operation *, ExprRef>(op)
      .Case<arith::AddIOp>([&](auto) { return exact(ctx.add(v[0], v[1])); })
      .Case<arith::SubIOp>([&](auto) { return exact(ctx.sub(v[0], v[1])); })
      .Case<arith::MulIOp>([&](auto) { return exact(ctx.mul(v[0], v[1])); })
      .Case<arith::DivSIOp, arith::FloorDivSIOp, arith::DivUIOp>(
          [&](auto) { return divide(/*quotient=*/true); })
      .Case<arith::RemSIOp, arith::RemUIOp>(
          [&](auto) { return divide(/*quotient=*/false); })
      .Case<arith::MaxSIOp>([&](auto) {
        return ctx.select(ctx.ge0(ctx.sub(v[0], v[1])), v[0], v[1]);
      })
      .Case<arith::MinSIOp>([&](auto) {
        return ctx.select(ctx.ge0(ctx.sub(v[0], v[1])), v[1], v[0]);
      })
      .Case<arith::CmpIOp>([&](auto cmp) {
        return compare(ctx, cmp.getPredicate(), v[0], v[1]);
      })
      .Default([](Operation *) { return nullptr; });
}

static ExprRef applyBool(ExprContext &ctx, Operation *op, ArrayRef<ExprRef> v) {
  return llvm::TypeSwitch<Operation *, ExprRef>(op)
      .Case<arith::AndIOp, arith::MulIOp>(
          [&](auto) { return ctx.logicalAnd(v[0], v[1]); })
      .Case<arith::OrIOp>([&](auto) { return ctx.logicalOr(v[0], v[1]); })
      .Case<arith::XOrIOp, arith::AddIOp>(
          [&](auto) { return ctx.logicalXor(v[0], v[1]); })
      .Case<arith::CmpIOp>([&](arith::CmpIOp cmp) -> ExprRef {
        ExprRef differ = ctx.logicalXor(v[0], v[1]);
        if (cmp.getPredicate() == arith::CmpIPredicate::ne)
          return differ;
        if (cmp.getPredicate() == arith::CmpIPredicate::eq)
          return ctx.logicalNot(differ);
        return nullptr;
      })
      .Default([](Operation *) { return nullptr; });
}

/// exp(a - log(b)) is exp(a) / b: softmax by way of a logarithm.
static ExprRef applyExp(ExprContext &ctx, MLIRContext *context, ExprRef e) {
  const void *log = OperationName(math::LogOp::getOperationName(), context)
                        .getAsOpaquePointer();
  ExprRef sum = ctx.floatConst(e->real), divisor = nullptr;
  for (auto [atom, real] : llvm::zip(e->ops, e->reals)) {
    if (!divisor && real == -1 && atom->is(ExprKind::Call) && atom->ptr == log)
      divisor = atom->ops[0];
    else
      sum = ctx.addf(sum, ctx.scalef(ctx.fromFloatAtom(atom), real));
  }
  ExprRef result = ctx.exp(sum);
  return divisor ? ctx.mulf(result, ctx.recip(divisor)) : result;
}

/// The logarithm of a constant, or of a choice of two, such as a mask.
static ExprRef applyLog(ExprContext &ctx, ExprRef e) {
  if (auto c = ExprContext::getFloat(e))
    return *c >= 0 ? ctx.floatConst(std::log(*c)) : nullptr;
  ExprRef atom = ExprContext::getAtom(e);
  if (!atom || !atom->is(ExprKind::Select) ||
      !ExprContext::getFloat(atom->ops[1]) ||
      !ExprContext::getFloat(atom->ops[2]))
    return nullptr;
  ExprRef a = applyLog(ctx, atom->ops[1]), b = applyLog(ctx, atom->ops[2]);
  return a && b ? ctx.select(atom->ops[0], a, b) : nullptr;
}

/// Whether a value is a sum of exponentials, or one: at least 0.
static bool isSumOfExp(ExprRef e) {
  ExprRef atom = ExprContext::getAtom(e);
  while (atom && atom->is(ExprKind::Reduce) &&
         atom->getCombiner() == Combiner::Add)
    atom = ExprContext::getAtom(atom->ops[0]);
  return atom && atom->is(ExprKind::Exp);
}

/// "a > b ? a : b" is a maximum.
static bool isMaximum(ArrayRef<ExprRef> v) {
  using P = arith::CmpFPredicate;
  if (!v[0]->is(ExprKind::CmpF))
    return false;
  ExprRef a = v[1], b = v[2];
  switch (static_cast<P>(v[0]->num)) {
  case P::OGT:
  case P::OGE:
  case P::UGT:
  case P::UGE:
    break;
  case P::OLT:
  case P::OLE:
  case P::ULT:
  case P::ULE:
    std::swap(a, b);
    break;
  default:
    return false;
  }
  return v[0]->ops[0] == a && v[0]->ops[1] == b;
}

/// "c ? exp(a) : 0" is exp(c ? a : -inf): a mask on the exponentials. Null for
/// other choices.
static ExprRef maskExp(ExprContext &ctx, ExprRef cond, ExprRef a, ExprRef b) {
  if (ExprContext::getFloat(a) == 0.0) {
    std::swap(a, b);
    cond = ctx.logicalNot(cond);
  }
  ExprRef atom = a->sort == Sort::Float ? ExprContext::getAtom(a) : nullptr;
  if (!atom || !atom->is(ExprKind::Exp) || ExprContext::getFloat(b) != 0.0)
    return nullptr;
  ExprRef hidden = ctx.floatConst(-std::numeric_limits<double>::infinity());
  return ctx.exp(ctx.select(cond, atom->ops[0], hidden));
}

/// A product, or a mask on the exponentials as a factor of 0 or 1.
static ExprRef applyMul(ExprContext &ctx, ExprRef a, ExprRef b) {
  for (auto [value, factor] : {std::pair{a, b}, std::pair{b, a}}) {
    ExprRef atom = ExprContext::getAtom(factor);
    if (!atom || !atom->is(ExprKind::Select))
      continue;
    ExprRef x = atom->ops[1], y = atom->ops[2];
    ExprRef masked = nullptr;
    if (ExprContext::getFloat(x) == 1.0 && ExprContext::getFloat(y) == 0.0)
      masked = maskExp(ctx, atom->ops[0], value, y);
    else if (ExprContext::getFloat(x) == 0.0 && ExprContext::getFloat(y) == 1.0)
      masked = maskExp(ctx, atom->ops[0], x, value);
    if (masked)
      return masked;
  }
  return ctx.mulf(a, b);
}

static ExprRef applyFloat(ExprContext &ctx, Operation *op,
                          ArrayRef<ExprRef> v) {
  auto constant = [&](auto fn) -> ExprRef {
    if (auto c = ExprContext::getFloat(v[0]))
      return ctx.floatConst(fn(*c));
    return nullptr;
  };
  auto power = [&](ExprRef base, ExprRef exponent) -> ExprRef {
    auto c = ExprContext::getFloat(base);
    if (!c || !(*c > 0) || !std::isfinite(*c))
      return nullptr;
    return applyExp(ctx, op->getContext(), ctx.scalef(exponent, std::log(*c)));
  };
  return llvm::TypeSwitch<Operation *, ExprRef>(op)
      .Case<arith::AddFOp>([&](auto) { return ctx.addf(v[0], v[1]); })
      .Case<arith::SubFOp>(
          [&](auto) { return ctx.addf(v[0], ctx.scalef(v[1], -1)); })
      .Case<arith::MulFOp>([&](auto) { return applyMul(ctx, v[0], v[1]); })
      .Case<arith::DivFOp>(
          [&](auto) { return ctx.mulf(v[0], ctx.recip(v[1])); })
      .Case<arith::NegFOp>([&](auto) { return ctx.scalef(v[0], -1); })
      .Case<arith::MaximumFOp, arith::MaxNumFOp>(
          [&](auto) { return ctx.maxf(v[0], v[1]); })
      .Case<math::ExpOp>(
          [&](auto) { return applyExp(ctx, op->getContext(), v[0]); })
      .Case<math::Exp2Op>([&](auto) { return power(ctx.floatConst(2), v[0]); })
      .Case<math::PowFOp>([&](auto) { return power(v[0], v[1]); })
      .Case<math::AbsFOp>(
          [&](auto) { return isSumOfExp(v[0]) ? v[0] : nullptr; })
      .Case<math::LogOp>([&](auto) { return applyLog(ctx, v[0]); })
      .Case<math::SqrtOp>(
          [&](auto) { return constant([](double x) { return std::sqrt(x); }); })
      .Case<math::RsqrtOp>([&](auto) {
        return constant([](double x) { return 1 / std::sqrt(x); });
      })
      .Default([](Operation *) { return nullptr; });
}

ExprRef ElementEvaluator::apply(Operation *op, ArrayRef<ExprRef> v,
                                Type resultType, bool narrowing) {
  Type element = getElementTypeOrSelf(resultType);
  Sort sort = element.isInteger(1)      ? Sort::Bool
              : isa<FloatType>(element) ? Sort::Float
                                        : Sort::Int;
  if (isa<arith::SelectOp>(op) && v[0]->sort == Sort::Bool) {
    if (isMaximum(v))
      return ctx.maxf(v[1], v[2]);
    ExprRef masked =
        sort == Sort::Float ? maskExp(ctx, v[0], v[1], v[2]) : nullptr;
    return masked ? masked : ctx.select(v[0], v[1], v[2]);
  }
  // Casts: the matched structure does not depend on the precision in which it
  // is computed. Values that are only moved keep the type they were rounded to.
  if (isa<arith::ExtFOp>(op))
    return v[0];
  if (isa<arith::TruncFOp>(op))
    return narrowing || ExprContext::getFloat(v[0]) ? v[0] : nullptr;
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp,
          arith::ExtUIOp, arith::TruncIOp>(op)) {
    if (v[0]->sort == Sort::Int && sort == Sort::Int) {
      // Zero extension changes negative values, narrowing those that do not
      // fit.
      if (isa<arith::ExtUIOp, arith::IndexCastUIOp>(op) &&
          !ctx.isNonNegative(v[0], /*nonEmpty=*/false))
        return nullptr;
      unsigned from = widthOf(getElementTypeOrSelf(op->getOperand(0)));
      if (widthOf(element) < from && !ctx.fitsSigned(v[0], widthOf(element)))
        return nullptr;
      return v[0];
    }
    if (v[0]->sort == Sort::Bool && sort == Sort::Bool)
      return v[0];
    if (v[0]->sort == Sort::Bool && isa<arith::ExtUIOp>(op))
      return ctx.boolToInt(v[0]);
    ExprRef atom =
        v[0]->sort == Sort::Int ? ExprContext::getAtom(v[0]) : nullptr;
    if (sort == Sort::Bool && atom && atom->is(ExprKind::BoolToInt))
      return atom->ops[0];
    return nullptr;
  }
  if (isa<arith::SIToFPOp, arith::UIToFPOp>(op)) {
    if (v[0]->sort == Sort::Int &&
        (isa<arith::SIToFPOp>(op) || ctx.isNonNegative(v[0], false)))
      return ctx.intToFloat(v[0]);
    if (v[0]->sort == Sort::Bool && isa<arith::UIToFPOp>(op))
      return ctx.intToFloat(ctx.boolToInt(v[0]));
    return nullptr;
  }
  ExprRef result = nullptr;
  if (llvm::all_of(v, [](ExprRef e) { return e->sort == Sort::Int; }))
    result =
        applyInt(ctx, op, v, element.isIntOrIndex() ? widthOf(element) : 64);
  else if (llvm::all_of(v, [](ExprRef e) { return e->sort == Sort::Bool; }))
    result = applyBool(ctx, op, v);
  else if (llvm::all_of(v, [](ExprRef e) { return e->sort == Sort::Float; }))
    result = applyFloat(ctx, op, v);
  if (result)
    return result;
  if (auto cmp = dyn_cast<arith::CmpFOp>(op))
    return ctx.cmpf(static_cast<int64_t>(cmp.getPredicate()), v[0], v[1]);
  // Any other op without side effects and attributes is a function of its
  // operands.
  if (!isa<arith::ArithDialect, math::MathDialect>(op->getDialect()) ||
      isa<arith::CmpIOp>(op))
    return nullptr;
  return ctx.call(op->getName().getAsOpaquePointer(), v, sort);
}
