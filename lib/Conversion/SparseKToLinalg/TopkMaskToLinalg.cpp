//===- TopkMaskToLinalg.cpp - sparsek.topk_mask by definition ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Every query and every key looks at all scores: O(N^2) work, no sorting, and
// none of the properties that fast selections use.
//
//===----------------------------------------------------------------------===//

#include "CleanScores.h"
#include "Documents.h"
#include "Patterns.h"
#include "TensorBuilder.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/bit.h"

#include <limits>

using namespace mlir;
using namespace sparsek;

using Values = TensorBuilder::Values;

/// The expiry of a key that is never evicted (C3).
static constexpr int32_t kNever = std::numeric_limits<int32_t>::max();

//===----------------------------------------------------------------------===//
// Ordered keys of doubles
//===----------------------------------------------------------------------===//

// The bits of a double as an integer that orders as the doubles do: bisection
// over these keys meets every double in at most 64 steps.

static int64_t orderedKey(double value) {
  auto bits = llvm::bit_cast<int64_t>(value);
  return bits >= 0 ? bits : bits ^ std::numeric_limits<int64_t>::max();
}

static Value valueOfKey(TensorBuilder &b, Value key) {
  Value zero = b.integer(0, 64);
  Value flipped = arith::XOrIOp::create(
      b, key, b.integer(std::numeric_limits<int64_t>::max(), 64));
  Value bits = b.select(b.less(key, zero), flipped, key);
  return arith::BitcastOp::create(b, b.getF64Type(), bits);
}

/// The middle of two keys, without overflow.
static Value middleKey(TensorBuilder &b, Value low, Value high) {
  Value common = arith::AndIOp::create(b, low, high);
  Value differing = arith::XOrIOp::create(b, low, high);
  Value half = arith::ShRSIOp::create(b, differing, b.integer(1, 64));
  return b.add(common, half);
}

//===----------------------------------------------------------------------===//
// The pattern
//===----------------------------------------------------------------------===//

namespace {
/// The values that the parts of one lowering share.
struct Selection {
  Selection(TensorBuilder &b, TopkMaskOp op)
      : scores(cleanScores(b, op.getScores())),
        documents(b, op.getCuSeqlens(), b.size(op.getScores(), 2)),
        length(b.sizeValue(op.getScores(), 2)),
        window(windowWithin(b, op.getWindow(), length)),
        topk(b.index(op.getTopk())) {}

  Value scores; // [B,Hs,N] without NaN and +inf
  Documents documents;
  Value length, window, topk;
};

struct LowerTopkMask : public OpRewritePattern<TopkMaskOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TopkMaskOp op,
                                PatternRewriter &rewriter) const override {
    TensorBuilder b(op.getLoc(), rewriter);
    Selection selection(b, op);
    SmallVector<OpFoldResult> sizes;
    for (unsigned dim = 0; dim < 3; ++dim)
      sizes.push_back(b.size(op.getScores(), dim));

    Value threshold = thresholds(b, selection, sizes);
    Value expiry = expiries(b, selection, sizes);
    Values results{threshold, expiry};
    if (op.getInterior())
      results.push_back(interiorCounts(b, selection, threshold, sizes));
    rewriter.replaceOp(op, results);
    return success();
  }

private:
  //===--------------------------------------------------------------------===//
  // C4
  //===--------------------------------------------------------------------===//

  /// How many keys of the pool [first, end) count in full at `tau`, and the sum
  /// of the gates of those that count in part.
  static Values gateSum(TensorBuilder &b, const Selection &selection,
                        Value batch, Value head, Value first, Value end,
                        Value tau) {
    Value none = b.index(0);
    Value zero = b.real(0, b.getF64Type());
    return b.loop(
        first, end, {none, zero}, [&](TensorBuilder &b, Value j, Values state) {
          Value score = b.toF64(b.at(selection.scores, {batch, head, j}));
          Value gate = b.sub(score, tau);
          Value one = b.real(1, b.getF64Type());
          Value full = b.lessOrEqual(one, gate);
          Value part = b.less(gate, one);
          part = b.both(part, b.less(zero, gate));
          Value increment = b.index(1);
          Value fullCount = b.add(state[0], increment);
          Value partSum = b.add(state[1], gate);
          return Values{b.select(full, fullCount, state[0]),
                        b.select(part, partSum, state[1])};
        });
  }

  /// The smallest double at which the gates of the pool sum up to at most topk.
  /// The pool has more than topk scores above -inf.
  static Value smallestRoot(TensorBuilder &b, const Selection &selection,
                            Value batch, Value head, Value first, Value end) {
    // Below all f32 values by more than 1 every gate is 1; at the largest value
    // every gate is 0.
    constexpr double largest = std::numeric_limits<float>::max();
    Value low = b.integer(orderedKey(-2 * largest), 64);
    Value high = b.integer(orderedKey(largest), 64);
    Value start = b.index(0), steps = b.index(64);
    Values bracket = b.loop(
        start, steps, {low, high}, [&](TensorBuilder &b, Value, Values state) {
          Value middle = middleKey(b, state[0], state[1]);
          Value tau = valueOfKey(b, middle);
          Values sum = gateSum(b, selection, batch, head, first, end, tau);
          // full + part <= topk, without rounding the sum of the two.
          Value rest = b.toF64(b.sub(selection.topk, sum[0]));
          Value reached = b.lessOrEqual(sum[1], rest);
          return Values{b.select(reached, state[0], middle),
                        b.select(reached, middle, state[1])};
        });
    return valueOfKey(b, bracket[1]);
  }

  /// tau of each query in f32; the largest one so far, so that rounding never
  /// makes it decrease within a document.
  static Value thresholds(TensorBuilder &b, const Selection &selection,
                          ArrayRef<OpFoldResult> sizes) {
    Value empty = b.empty(sizes, b.getF32Type());
    auto root = [&](TensorBuilder &b, Values) {
      Value batch = b.iteration(0), head = b.iteration(1), t = b.iteration(2);
      Value first = selection.documents.startOf(b, t);
      Value one = b.index(1);
      Value end = b.add(b.sub(t, selection.window), one);
      Value none = b.index(0);
      Value lowest = b.infinity(b.getF32Type());
      Value candidates =
          b.loop(first, end, none,
                 [&](TensorBuilder &b, Value j, Values state) {
                   Value score = b.at(selection.scores, {batch, head, j});
                   Value counts = b.less(lowest, score);
                   Value next = b.add(state[0], one);
                   return Values{b.select(counts, next, state[0])};
                 })
              .front();
      Value enough = b.less(selection.topk, candidates);
      auto choice = scf::IfOp::create(
          b, enough,
          [&](OpBuilder &builder, Location loc) {
            TensorBuilder b(loc, builder);
            Value tau = smallestRoot(b, selection, batch, head, first, end);
            scf::YieldOp::create(b, b.toFloat(tau, b.getF32Type()));
          },
          [&](OpBuilder &builder, Location loc) {
            scf::YieldOp::create(builder, loc, lowest);
          });
      return Values{choice.getResult(0)};
    };
    Value roots = b.generic("bht", {}, {{empty, "bht"}}, root).front();

    Value lowest = b.filled(sizes, b.infinity(b.getF32Type()));
    return b
        .generic("bhti", {{roots, "bhi"}}, {{lowest, "bht"}},
                 [&](TensorBuilder &b, Values args) {
                   Value t = b.iteration(2), i = b.iteration(3);
                   Value first = selection.documents.startOf(b, t);
                   Value before = b.lessOrEqual(i, t);
                   before = b.both(before, b.lessOrEqual(first, i));
                   Value larger = b.max(args[0], args[1]);
                   return Values{b.select(before, larger, args[1])};
                 })
        .front();
  }

  //===--------------------------------------------------------------------===//
  // C3
  //===--------------------------------------------------------------------===//

  /// window + max(i_k, j), with i_k the k-th position of a key ranked above j.
  static Value expiries(TensorBuilder &b, const Selection &selection,
                        ArrayRef<OpFoldResult> sizes) {
    Value empty = b.empty(sizes, b.getI32Type());
    auto expiry = [&](TensorBuilder &b, Values args) {
      Value batch = b.iteration(0), head = b.iteration(1), j = b.iteration(2);
      Value score = args[0];
      Value first = selection.documents.startOf(b, j);
      Value none = b.index(0), one = b.index(1);
      Values ranked =
          b.loop(none, selection.length, {none, none},
                 [&](TensorBuilder &b, Value i, Values state) {
                   Value other = b.at(selection.scores, {batch, head, i});
                   Value higher = b.less(score, other);
                   Value earlier = b.less(i, j);
                   earlier = b.both(b.equal(score, other), earlier);
                   Value above = b.either(higher, earlier);
                   above =
                       selection.documents.andInDocument(b, above, i, first);
                   Value next = b.add(state[0], one);
                   Value count = b.select(above, next, state[0]);
                   Value isLast = b.both(above, b.equal(count, selection.topk));
                   return Values{count, b.select(isLast, i, state[1])};
                 });
      Value evicted = b.lessOrEqual(selection.topk, ranked[0]);
      Value birth = b.sub(b.add(j, selection.window), first);
      Value last = b.sub(b.max(ranked[1], j), first);
      Value eviction = b.toI32(b.add(last, selection.window));
      Value never = b.integer(kNever, 32);
      Value death = b.select(evicted, eviction, never);
      Value lowest = b.infinity(b.getF32Type());
      Value selectable = b.less(lowest, score);
      return Values{b.select(selectable, death, b.toI32(birth))};
    };
    return b
        .generic("bhj", {{selection.scores, "bhj"}}, {{empty, "bhj"}}, expiry)
        .front();
  }

  //===--------------------------------------------------------------------===//
  // C7
  //===--------------------------------------------------------------------===//

  /// The number of keys of each pool with a gate strictly between 0 and 1.
  static Value interiorCounts(TensorBuilder &b, const Selection &selection,
                              Value threshold, ArrayRef<OpFoldResult> sizes) {
    Value none = b.filled(sizes, b.integer(0, 32));
    auto count = [&](TensorBuilder &b, Values args) {
      Value t = b.iteration(2), j = b.iteration(3);
      Value first = selection.documents.startOf(b, t);
      Value born = b.add(j, selection.window);
      Value inPool = b.lessOrEqual(born, t);
      inPool = b.both(inPool, b.lessOrEqual(first, j));
      Value difference = b.sub(args[0], args[1]);
      Value zero = b.real(0, b.getF32Type()), one = b.real(1, b.getF32Type());
      Value inside = b.less(zero, difference);
      inside = b.both(inside, b.less(difference, one));
      inside = b.both(inPool, inside);
      Value next = b.add(args[2], b.integer(1, 32));
      return Values{b.select(inside, next, args[2])};
    };
    return b
        .generic("bhtj", {{selection.scores, "bhj"}, {threshold, "bht"}},
                 {{none, "bht"}}, count)
        .front();
  }
};
} // namespace

void sparsek::populateTopkMaskToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerTopkMask>(patterns.getContext());
}
