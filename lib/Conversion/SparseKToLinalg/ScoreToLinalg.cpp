//===- ScoreToLinalg.cpp - sparsek.score by definition ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"
#include "TensorBuilder.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace sparsek;

using Values = TensorBuilder::Values;

/// Added to the variance before the root (C1).
static constexpr double kEpsilon = 1e-5;

namespace {
struct LowerScore : public OpRewritePattern<ScoreOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScoreOp op,
                                PatternRewriter &rewriter) const override {
    TensorBuilder b(op.getLoc(), rewriter);
    Value raw = products(b, op);
    if (op.getNorm() == Norm::None) {
      rewriter.replaceOp(op, addSlope(b, op, raw));
      return success();
    }
    Values normalised = normalise(b, op, raw);
    if (!op.getCarry())
      normalised.pop_back();
    rewriter.replaceOp(op, normalised);
    return success();
  }

private:
  /// x W in f32, summed in the order of the features for every position: a
  /// score depends on nothing but its own row.
  static Value products(TensorBuilder &b, ScoreOp op) {
    OpFoldResult batch = b.size(op.getFeatures(), 0);
    OpFoldResult length = b.size(op.getFeatures(), 1);
    OpFoldResult heads = b.size(op.getWeight(), 1);
    Value zero = b.filled({batch, heads, length}, b.real(0, b.getF32Type()));
    return b
        .generic("bhnc", {{op.getFeatures(), "bnc"}, {op.getWeight(), "ch"}},
                 {{zero, "bhn"}},
                 [](TensorBuilder &b, Values args) {
                   Value x = b.toFloat(args[0], b.getF32Type());
                   Value w = b.toFloat(args[1], b.getF32Type());
                   Value product = b.mul(x, w);
                   return Values{b.add(args[2], product)};
                 })
        .front();
  }

  /// `score + slope * (offset + n)`, in f64, rounded to f32.
  static Value rounded(TensorBuilder &b, ScoreOp op, Value score, Value n) {
    double slope = op.getSlope().convertToDouble();
    if (slope != 0) {
      Value position = n;
      if (Value offset = op.getOffset())
        position = b.add(b.toIndex(offset), n);
      Value factor = b.real(slope, b.getF64Type());
      Value term = b.mul(factor, b.toF64(position));
      score = b.add(score, term);
    }
    return b.toFloat(score, b.getF32Type());
  }

  static Value addSlope(TensorBuilder &b, ScoreOp op, Value raw) {
    if (op.getSlope().isZero())
      return raw;
    return b
        .generic("bhn", {}, {{raw, "bhn"}},
                 [&](TensorBuilder &b, Values args) {
                   Value n = b.iteration(2);
                   Value score = b.toF64(args[0]);
                   return Values{rounded(b, op, score, n)};
                 })
        .front();
  }

  /// The running statistics [B,Hs] before the first position: count, mean and
  /// sum of squared deviations.
  static Values initialStatistics(TensorBuilder &b, ScoreOp op, Value raw) {
    auto type = cast<RankedTensorType>(raw.getType());
    Value statistics = op.getStatistics();
    if (statistics) {
      // Its sizes may be known less, or better, than those of the scores.
      auto known = RankedTensorType::get(
          {type.getDimSize(0), type.getDimSize(1), 3}, b.getF64Type());
      if (statistics.getType() != known)
        statistics = tensor::CastOp::create(b, known, statistics);
    }
    Values state;
    for (int64_t i = 0; i < 3; ++i) {
      if (statistics)
        state.push_back(b.slice(statistics, 2, b.getIndexAttr(i)));
      else
        state.push_back(b.filled({b.size(raw, 0), b.size(raw, 1)},
                                 b.real(0, b.getF64Type())));
    }
    return state;
  }

  /// One step of Welford's recurrence for each batch and head, and the score of
  /// the position with the statistics up to it. Scores that are not finite
  /// enter no statistic.
  static Values step(TensorBuilder &b, ScoreOp op, Value n, Value raw,
                     ArrayRef<Value> state) {
    Value scores = b.empty({b.size(raw, 0), b.size(raw, 1)}, b.getF32Type());
    auto body = [&](TensorBuilder &b, Values args) {
      Value s = b.toF64(args[0]);
      Value count = args[1], mean = args[2], squares = args[3];
      Value magnitude = math::AbsFOp::create(b, s);
      Value infinity = b.infinity(b.getF64Type(), /*negative=*/false);
      Value finite = b.less(magnitude, infinity);

      Value one = b.real(1, b.getF64Type());
      Value newCount = b.add(count, one);
      Value deviation = b.sub(s, mean);
      Value newMean = b.add(mean, b.div(deviation, newCount));
      Value remaining = b.sub(s, newMean);
      Value newSquares = b.add(squares, b.mul(deviation, remaining));
      count = b.select(finite, newCount, count);
      mean = b.select(finite, newMean, mean);
      squares = b.select(finite, newSquares, squares);

      Value variance = b.div(squares, b.max(count, one));
      Value shifted = b.add(variance, b.real(kEpsilon, b.getF64Type()));
      Value deviationOfAll = math::SqrtOp::create(b, shifted);
      Value centred = b.sub(s, mean);
      Value score = b.div(centred, deviationOfAll);
      return Values{count, mean, squares, rounded(b, op, score, n)};
    };
    return b.generic(
        "bh", {{raw, "bh"}},
        {{state[0], "bh"}, {state[1], "bh"}, {state[2], "bh"}, {scores, "bh"}},
        body);
  }

  /// The scores [B,Hs,N] and the statistics [B,Hs,3] after the last position.
  static Values normalise(TensorBuilder &b, ScoreOp op, Value raw) {
    OpFoldResult batch = b.size(raw, 0), heads = b.size(raw, 1);
    Values init = initialStatistics(b, op, raw);
    init.push_back(b.empty({batch, heads, b.size(raw, 2)}, b.getF32Type()));
    Value first = b.index(0), end = b.sizeValue(raw, 2);
    Values state =
        b.loop(first, end, init, [&](TensorBuilder &b, Value n, Values s) {
          Value column = b.slice(raw, 2, n);
          Values next = step(b, op, n, column, ArrayRef(s).take_front(3));
          next[3] = b.withSlice(s[3], 2, n, next[3]);
          return next;
        });
    Value statistics =
        b.empty({batch, heads, b.getIndexAttr(3)}, b.getF64Type());
    for (int64_t i = 0; i < 3; ++i)
      statistics = b.withSlice(statistics, 2, b.getIndexAttr(i), state[i]);
    return {state[3], statistics};
  }
};
} // namespace

void sparsek::populateScoreToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerScore>(patterns.getContext());
}
