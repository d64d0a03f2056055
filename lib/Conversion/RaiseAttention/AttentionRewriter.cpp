//===- AttentionRewriter.cpp - Puts sparsek ops in place ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionRewriter.h"

#include "AttentionBuilder.h"
#include "FunctionArguments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Format.h"
#include <cmath>

using namespace mlir;
using namespace sparsek;
using namespace sparsek::raise;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

std::optional<Policy> Policy::read(Operation *op, StringRef pass,
                                   const std::string &mode, int64_t topk,
                                   int64_t window, const std::string &gate,
                                   const std::string &scores,
                                   const std::string &scoreHeads) {
  Policy policy;
  auto fail = [&](const Twine &message) {
    op->emitError() << pass << ": " << message;
    return std::nullopt;
  };
  if (mode == "dense")
    policy.dense = true;
  else if (mode != "sparse")
    return fail("mode must be sparse or dense, got '" + mode + "'");
  policy.topk = topk;
  policy.window = window;
  if (topk < 1)
    return fail("C3: topk must be at least 1, got " + Twine(topk));
  if (window < 0)
    return fail("C2: window must be at least 0, got " + Twine(window));
  auto parsed = symbolizeGate(gate);
  if (!parsed)
    return fail(
        "gate must be key_value, value, none or straight_through, got '" +
        gate + "'");
  policy.gate = *parsed;
  policy.weights = scores == "weights";
  if (!policy.weights && scores != "tensor")
    return fail("scores must be weights or tensor, got '" + scores + "'");
  policy.headsOfKV = scoreHeads == "kv";
  if (!policy.headsOfKV && scoreHeads != "1")
    return fail("score-heads must be 1 or kv, got '" + scoreHeads + "'");
  return policy;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

bool sparsek::raise::isElementType(Type type) {
  return type.isF32() || type.isF16() || type.isBF16();
}

static Type elementOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

void sparsek::raise::eraseWithDeadSlice(Operation *root) {
  llvm::SetVector<Operation *> slice;
  slice.insert(root);
  while (!slice.empty()) {
    Operation *op = slice.pop_back_val();
    if (op != root && !isOpTriviallyDead(op))
      continue;
    SmallVector<Operation *> sources;
    forEachUsedValue(op, [&](Value value) {
      Operation *def = value.getDefiningOp();
      if (def && !op->isAncestor(def))
        sources.push_back(def);
    });
    op->erase();
    slice.insert(sources.begin(), sources.end());
  }
}

Reason AttentionRewriter::rewrite(Attention &a, ExprContext &ctx,
                                  ElementEvaluator &eval) {
  OpBuilder builder(a.root);
  Location loc = a.root->getLoc();
  AttentionBuilder layouts(builder, loc, ctx, eval);

  // Everything is checked before anything is built.
  DigitGroup row;
  if (a.row)
    row.push_back(a.row);
  DigitGroup heads = a.kvHead;
  llvm::append_range(heads, a.group);
  DigitGroups qGroups = {a.batch, heads, row, a.headDim};
  DigitGroups kGroups = {a.batch, a.kvHead, {a.column}, a.headDim};
  DigitGroups vGroups = {a.batch, a.kvHead, {a.column}, a.valueDim};
  DigitGroups oGroups = {a.batch, heads, row, a.valueDim};
  auto qLayout = layouts.getLayout(a.query), kLayout = layouts.getLayout(a.key);
  auto vLayout = layouts.getLayout(a.value);
  auto oLayout = layouts.getLayout(a.result);
  if (!qLayout || !kLayout || !vLayout || !oLayout ||
      !layouts.covers(*qLayout, qGroups) ||
      !layouts.covers(*kLayout, kGroups) ||
      !layouts.covers(*vLayout, vGroups) || !layouts.covers(*oLayout, oGroups))
    return "other structure: layout of q, k, v or the result";
  const int64_t b = layouts.staticExtentOf(a.batch);
  const int64_t hq = layouts.staticExtentOf(heads);
  const int64_t hkv = layouts.staticExtentOf(a.kvHead);
  const int64_t m = layouts.staticExtentOf(row);
  const int64_t n = layouts.staticExtentOf({a.column});
  const int64_t d = layouts.staticExtentOf(a.headDim);
  const int64_t dv = layouts.staticExtentOf(a.valueDim);
  if (llvm::any_of(ArrayRef{hq, hkv, d, dv}, ShapedType::isDynamic))
    return "number of heads or head size is dynamic";
  if (m != ShapedType::kDynamic && n != ShapedType::kDynamic && m > n)
    return "more queries than keys";
  for (const Access *access : {&a.query, &a.key, &a.value})
    if (!isElementType(elementOf(access->tensor)))
      return "element type is not f32, f16 or bf16";
  if (!isa<FloatType>(elementOf(a.result.tensor)))
    return "element type is not f32, f16 or bf16";

  if (a.root->getNumResults() == 2 && !a.root->getResult(1).use_empty() &&
      a.root->getResult(1).getType() !=
          RankedTensorType::get({b, hq, m}, builder.getF32Type()))
    return "the second result is not f32[B, Hq, M]";

  std::optional<Layout> xLayout;
  DigitGroups xGroups = {a.batch, {a.column}, a.feature};
  Function function = Function::around(a.root);
  int64_t features = 0;
  // A window is what it is in either mode, and selects nothing.
  const bool takesArgument = !policy.dense && !a.window && !scores;
  if (scores && !policy.dense) {
    auto type = dyn_cast<RankedTensorType>(scores.getType());
    auto fits = [&](int64_t x, int64_t y) {
      return x == y || ShapedType::isDynamic(x) || ShapedType::isDynamic(y);
    };
    if (!type || type.getRank() != 3 || !type.getElementType().isF32() ||
        !fits(type.getDimSize(0), b) || !fits(type.getDimSize(2), n) ||
        (type.getDimSize(1) != 1 && type.getDimSize(1) != hkv))
      return "scores are not f32[B, 1 or Hkv, N]";
  }
  if (takesArgument) {
    if (!function)
      return "no function to add the scores' argument to";
    if (!function.canChange(module))
      return "the function is used by others, so that its arguments cannot "
             "change";
    if (policy.weights) {
      if (a.hidden)
        xLayout = layouts.getLayout(*a.hidden);
      if (!xLayout || !layouts.covers(*xLayout, xGroups) ||
          !isElementType(elementOf(a.hidden->tensor)))
        return "no hidden states found behind v";
      features = layouts.staticExtentOf(a.feature);
      if (ShapedType::isDynamic(features))
        return "the size of the hidden states is dynamic";
    }
  }

  // The scores' argument.
  const int64_t scoreHeads = policy.headsOfKV ? hkv : 1;
  Value argument;
  if (takesArgument) {
    RankedTensorType type;
    if (policy.weights)
      type = RankedTensorType::get({features, scoreHeads},
                                   elementOf(a.hidden->tensor));
    else
      type = RankedTensorType::get({b, scoreHeads, n}, builder.getF32Type());
    argument = function.addArgument(
        type, policy.weights ? "score_weight" : "scores", loc, module);
    if (!argument)
      return "the function does not take another argument";
  }

  auto assertEqual = [&](ExprRef x, ExprRef y, StringRef message) {
    Value a = layouts.size(x);
    Value b = layouts.size(y);
    Value equal =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, a, b);
    cf::AssertOp::create(builder, loc, equal, message);
  };
  for (auto [x, y] : a.equalSizes)
    assertEqual(x, y, "sizes of the operands of attention must agree");
  if (a.needsEqualLengths)
    assertEqual(a.row->ops[0], a.column->ops[0],
                "causal attention needs as many queries as keys");
  Value q = layouts.arrange(a.query.tensor, *qLayout, qGroups);
  Value k = layouts.arrange(a.key.tensor, *kLayout, kGroups);
  Value v = layouts.arrange(a.value.tensor, *vLayout, vGroups);
  if (elementOf(q) != elementOf(k) || elementOf(q) != elementOf(v)) {
    q = layouts.convert(q, builder.getF32Type());
    k = layouts.convert(k, builder.getF32Type());
    v = layouts.convert(v, builder.getF32Type());
  }
  FloatAttr scale;
  // The default up to the rounding of a few double operations.
  if (std::abs(a.scale * std::sqrt(static_cast<double>(d)) - 1) > 1e-12)
    scale = builder.getF64FloatAttr(a.scale);
  Value output, lse;
  StringRef name;
  if (a.window) {
    // No key has a score, so that there is nothing to select.
    SmallVector<Value> sizes;
    for (ExprRef extent : {layouts.extentOf(a.batch), a.column->ops[0]})
      if (!ExprContext::getInt(extent))
        sizes.push_back(layouts.size(extent));
    Value none = arith::ConstantOp::create(
        builder, loc,
        builder.getF32FloatAttr(-std::numeric_limits<float>::infinity()));
    Value u = tensor::EmptyOp::create(builder, loc, ArrayRef<int64_t>{b, 1, n},
                                      builder.getF32Type(), sizes);
    u = linalg::FillOp::create(builder, loc, none, u).getResult(0);
    auto op = AttentionOp::create(
        builder, loc, q, k, v, u, Value(), Value(),
        builder.getI64IntegerAttr(1), builder.getI64IntegerAttr(*a.window),
        GateAttr::get(builder.getContext(), Gate::None), scale);
    output = op.getOutput();
    lse = op.getLse();
    name = op.getOperationName();
  } else if (policy.dense) {
    auto op = CausalAttentionOp::create(builder, loc, q, k, v, Value(), Value(),
                                        scale);
    output = op.getOutput();
    lse = op.getLse();
    name = op.getOperationName();
  } else {
    Value u = scores ? scores : argument;
    if (takesArgument && policy.weights) {
      Value x = layouts.arrange(a.hidden->tensor, *xLayout, xGroups);
      u = ScoreOp::create(builder, loc, x, argument, Value(), Value(),
                          builder.getF64FloatAttr(0),
                          NormAttr::get(builder.getContext(), Norm::None),
                          UnitAttr())
              .getScores();
    }
    auto op = AttentionOp::create(
        builder, loc, q, k, v, u, Value(), Value(),
        builder.getI64IntegerAttr(policy.topk),
        builder.getI64IntegerAttr(policy.window),
        GateAttr::get(builder.getContext(), policy.gate), scale);
    output = op.getOutput();
    lse = op.getLse();
    name = op.getOperationName();
  }
  auto resultType = cast<RankedTensorType>(a.root->getResult(0).getType());
  Value result = layouts.restore(output, oGroups, *oLayout, resultType);

  std::string text;
  llvm::raw_string_ostream os(text);
  auto print = [&](StringRef what, int64_t size) {
    os << (what == "B" ? " " : ", ") << what << " = ";
    if (ShapedType::isDynamic(size))
      os << '?';
    else
      os << size;
  };
  os << verb << ' ' << name << ':';
  print("B", b);
  print("Hq", hq);
  print("Hkv", hkv);
  print("M", m);
  print("N", n);
  print("D", d);
  print("Dv", dv);
  os << ", scale " << llvm::format("%.6g", a.scale);
  if (a.window)
    os << ", window " << *a.window;
  if (a.needsEqualLengths || !a.equalSizes.empty())
    os << "; equal sizes are asserted";
  (reported ? reported : a.root)->emitRemark(text);

  a.root->getResult(0).replaceAllUsesWith(result);
  if (a.root->getNumResults() == 2)
    a.root->getResult(1).replaceAllUsesWith(lse);
  eraseWithDeadSlice(a.root);
  return "";
}
