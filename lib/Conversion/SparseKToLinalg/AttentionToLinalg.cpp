//===- AttentionToLinalg.cpp - Attention by definition ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// One query position at a time, for all batches and heads: each key is visible
// or not, and what is not visible is left out by a select, so that no value of
// its rows can reach the result (C8). The temporaries have B * Hq * N elements.
//
// Letters of the loops: b batch, g KV head, r query head of the group, j key,
// d and e elements of the rows of q and v.
//
//===----------------------------------------------------------------------===//

#include "CleanScores.h"
#include "Documents.h"
#include "Patterns.h"
#include "TensorBuilder.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace sparsek;

using Values = TensorBuilder::Values;

using Operand = TensorBuilder::Operand;

namespace {
/// Which keys a query sees, and their gates.
struct Visible {
  Operand keys;  // i1
  Operand gates; // f32, null where no gate is applied
};

/// What the two attention ops have in common.
class AttentionLowering {
public:
  template <typename OpTy>
  AttentionLowering(TensorBuilder &b, OpTy op)
      : b(b), key(op.getKey()), value(op.getValue()), sink(op.getSink()),
        scale(op.getScaleValue()) {
    query = op.getQuery();
    element = getElementTypeOrSelf(query.getType());
    int64_t queryHeads = dimSize(query, 1), keyHeads = dimSize(key, 1);
    int64_t group = queryHeads / keyHeads;
    query = b.split(query, 1, group);
    if (sink)
      sink = b.split(sink, 0, group);
    length = b.sizeValue(key, 2);
    documents.emplace(b, op.getCuSeqlens(), b.size(key, 2));
  }
  virtual ~AttentionLowering() = default;

  Values lower();

protected:
  /// For the query at position t, whose document starts at `start`.
  virtual Visible visibleKeys(TensorBuilder &b, Value t, Value start) = 0;

  /// Whether the gate multiplies logits, and values.
  virtual bool gatesKeys() const { return false; }
  virtual bool gatesValues() const { return false; }

  static int64_t dimSize(Value tensor, unsigned dim) {
    return cast<RankedTensorType>(tensor.getType()).getDimSize(dim);
  }

  TensorBuilder &b;
  Value key, value;
  Value query;  // [B,Hkv,Hq/Hkv,M,D]
  Value sink;   // [Hkv,Hq/Hkv] or null
  Value length; // N
  std::optional<Documents> documents;

private:
  Value logits(TensorBuilder &b, Value row, const Visible &visible);
  Value maximum(TensorBuilder &b, Value logits, const Visible &visible);
  Value weights(TensorBuilder &b, Value logits, Value top,
                const Visible &visible);
  Value total(TensorBuilder &b, Value weights, Value top);
  Value anyKey(TensorBuilder &b, const Visible &visible);
  Value weightedValues(TensorBuilder &b, Value weights, const Visible &visible);
  Value normalised(TensorBuilder &b, Value sums, Value total, Value any);
  Value logOfSum(TensorBuilder &b, Value top, Value total, Value any);

  /// [B,Hkv,Hq/Hkv] and more dimensions.
  SmallVector<OpFoldResult> perHead(TensorBuilder &b,
                                    ArrayRef<OpFoldResult> more = {}) {
    SmallVector<OpFoldResult> sizes{b.size(query, 0), b.size(query, 1),
                                    b.size(query, 2)};
    llvm::append_range(sizes, more);
    return sizes;
  }

  Type element;
  double scale;
};
} // namespace

/// scale * (q . k) * gate for each key (C6), the product summed in f32.
Value AttentionLowering::logits(TensorBuilder &b, Value row,
                                const Visible &visible) {
  Type f32 = b.getF32Type();
  SmallVector<OpFoldResult> sizes = perHead(b, {b.size(key, 2)});
  Value zero = b.filled(sizes, b.real(0, f32));
  Value products =
      b.generic("bgrjd", {{row, "bgrd"}, {key, "bgjd"}}, {{zero, "bgrj"}},
                [&](TensorBuilder &b, Values args) {
                  Value q = b.toFloat(args[0], f32);
                  Value k = b.toFloat(args[1], f32);
                  Value product = b.mul(q, k);
                  return Values{b.add(args[2], product)};
                })
          .front();
  SmallVector<Operand> inputs{{products, "bgrj"}};
  if (gatesKeys())
    inputs.push_back(visible.gates);
  Value empty = b.empty(sizes, f32);
  return b
      .generic("bgrj", inputs, {{empty, "bgrj"}},
               [&](TensorBuilder &b, Values args) {
                 Value logit = b.mul(args[0], b.real(scale, f32));
                 if (gatesKeys())
                   logit = b.mul(logit, args[1]);
                 return Values{logit};
               })
      .front();
}

/// The largest logit of a visible key, or the sink.
Value AttentionLowering::maximum(TensorBuilder &b, Value logits,
                                 const Visible &visible) {
  Type f32 = b.getF32Type();
  Value init = b.filled(perHead(b), b.infinity(f32));
  if (sink)
    init = b.generic("bgr", {{sink, "gr"}}, {{init, "bgr"}},
                     [](TensorBuilder &, Values args) {
                       args.pop_back();
                       return args;
                     })
               .front();
  return b
      .generic("bgrj", {{logits, "bgrj"}, visible.keys}, {{init, "bgr"}},
               [](TensorBuilder &b, Values args) {
                 Value larger = b.max(args[2], args[0]);
                 return Values{b.select(args[1], larger, args[2])};
               })
      .front();
}

/// exp(logit - maximum) for visible keys, 0 for others.
Value AttentionLowering::weights(TensorBuilder &b, Value logits, Value top,
                                 const Visible &visible) {
  Type f32 = b.getF32Type();
  Value empty = b.empty(perHead(b, {b.size(key, 2)}), f32);
  return b
      .generic("bgrj", {{logits, "bgrj"}, {top, "bgr"}, visible.keys},
               {{empty, "bgrj"}},
               [&](TensorBuilder &b, Values args) {
                 Value shifted = b.sub(args[0], args[1]);
                 Value weight = math::ExpOp::create(b, shifted);
                 Value none = b.real(0, f32);
                 return Values{b.select(args[2], weight, none)};
               })
      .front();
}

/// The softmax denominator, to which the sink belongs.
Value AttentionLowering::total(TensorBuilder &b, Value weights, Value top) {
  Value init = b.filled(perHead(b), b.real(0, b.getF32Type()));
  if (sink)
    init = b.generic("bgr", {{sink, "gr"}, {top, "bgr"}}, {{init, "bgr"}},
                     [](TensorBuilder &b, Values args) {
                       Value shifted = b.sub(args[0], args[1]);
                       return Values{math::ExpOp::create(b, shifted)};
                     })
               .front();
  return b
      .generic("bgrj", {{weights, "bgrj"}}, {{init, "bgr"}},
               [](TensorBuilder &b, Values args) {
                 return Values{b.add(args[1], args[0])};
               })
      .front();
}

/// Whether the query sees any key.
Value AttentionLowering::anyKey(TensorBuilder &b, const Visible &visible) {
  Value no = b.filled(perHead(b), b.integer(0, 1));
  return b
      .generic("bgrj", {visible.keys}, {{no, "bgr"}},
               [](TensorBuilder &b, Values args) {
                 return Values{b.either(args[1], args[0])};
               })
      .front();
}

/// The sum of weight * gate * v over the visible keys, in f32.
Value AttentionLowering::weightedValues(TensorBuilder &b, Value weights,
                                        const Visible &visible) {
  Type f32 = b.getF32Type();
  Value zero = b.filled(perHead(b, {b.size(value, 3)}), b.real(0, f32));
  SmallVector<Operand> inputs{{weights, "bgrj"}, {value, "bgje"}, visible.keys};
  if (gatesValues())
    inputs.push_back(visible.gates);
  return b
      .generic("bgrje", inputs, {{zero, "bgre"}},
               [&](TensorBuilder &b, Values args) {
                 Value weight = args[0], sum = args.back();
                 if (gatesValues())
                   weight = b.mul(weight, args[3]);
                 Value v = b.toFloat(args[1], f32);
                 Value term = b.mul(weight, v);
                 Value next = b.add(sum, term);
                 return Values{b.select(args[2], next, sum)};
               })
      .front();
}

/// The row of the output: 0 for a query without keys (C8).
Value AttentionLowering::normalised(TensorBuilder &b, Value sums, Value total,
                                    Value any) {
  Value empty = b.empty(perHead(b, {b.size(value, 3)}), element);
  return b
      .generic("bgre", {{sums, "bgre"}, {total, "bgr"}, {any, "bgr"}},
               {{empty, "bgre"}},
               [&](TensorBuilder &b, Values args) {
                 Value mean = b.div(args[0], args[1]);
                 Value none = b.real(0, b.getF32Type());
                 Value output = b.select(args[2], mean, none);
                 return Values{b.toFloat(output, element)};
               })
      .front();
}

/// The natural logarithm of the denominator: -inf for a query without keys.
Value AttentionLowering::logOfSum(TensorBuilder &b, Value top, Value total,
                                  Value any) {
  Type f32 = b.getF32Type();
  Value empty = b.empty(perHead(b), f32);
  return b
      .generic("bgr", {{top, "bgr"}, {total, "bgr"}, {any, "bgr"}},
               {{empty, "bgr"}},
               [&](TensorBuilder &b, Values args) {
                 Value log = math::LogOp::create(b, args[1]);
                 Value lse = b.add(args[0], log);
                 Value none = b.infinity(f32);
                 return Values{b.select(args[2], lse, none)};
               })
      .front();
}

Values AttentionLowering::lower() {
  OpFoldResult rows = b.size(query, 3);
  Value output = b.empty(perHead(b, {rows, b.size(value, 3)}), element);
  Value lse = b.empty(perHead(b, {rows}), b.getF32Type());
  Value first = b.index(0), end = b.sizeValue(query, 3);
  // q holds the last M of the N positions.
  Value offset = b.sub(length, end);
  Values results = b.loop(
      first, end, {output, lse}, [&](TensorBuilder &b, Value m, Values state) {
        Value t = b.add(m, offset);
        Value start = documents->startOf(b, t);
        Visible visible = visibleKeys(b, t, start);
        Value row = b.slice(query, 3, m);
        Value rowLogits = logits(b, row, visible);
        Value top = maximum(b, rowLogits, visible);
        Value rowWeights = weights(b, rowLogits, top, visible);
        Value sum = total(b, rowWeights, top);
        Value any = anyKey(b, visible);
        Value values = weightedValues(b, rowWeights, visible);
        Value outputRow = normalised(b, values, sum, any);
        Value lseRow = logOfSum(b, top, sum, any);
        Value nextOutput = b.withSlice(state[0], 3, m, outputRow);
        Value nextLse = b.withSlice(state[1], 3, m, lseRow);
        return Values{nextOutput, nextLse};
      });
  Value mergedOutput = b.merge(results[0], 1);
  Value mergedLse = b.merge(results[1], 1);
  return {mergedOutput, mergedLse};
}

//===----------------------------------------------------------------------===//
// Dense causal attention
//===----------------------------------------------------------------------===//

namespace {
class CausalLowering : public AttentionLowering {
public:
  CausalLowering(TensorBuilder &b, CausalAttentionOp op)
      : AttentionLowering(b, op) {}

private:
  /// The keys of the document up to t, for all batches and heads.
  Visible visibleKeys(TensorBuilder &b, Value t, Value start) override {
    Value empty = b.empty({b.size(key, 2)}, b.getI1Type());
    Value keys =
        b.generic("j", {}, {{empty, "j"}}, [&](TensorBuilder &b, Values) {
           Value j = b.iteration(0);
           Value before = b.lessOrEqual(j, t);
           return Values{documents->andInDocument(b, before, j, start)};
         }).front();
    return {{keys, "j"}, {}};
  }
};

//===----------------------------------------------------------------------===//
// SPARSEK attention
//===----------------------------------------------------------------------===//

class GatheredLowering : public AttentionLowering {
public:
  GatheredLowering(TensorBuilder &b, GatheredAttentionOp op)
      : AttentionLowering(b, op), gate(op.getGate()),
        scores(cleanScores(b, op.getScores())), threshold(op.getThreshold()),
        expiry(op.getExpiry()), window(windowWithin(b, op.getWindow(), length)),
        dims(dimSize(scores, 1) == 1 ? "b0j" : "bgj") {}

private:
  bool gatesKeys() const override { return gate == Gate::KeyValue; }
  bool gatesValues() const override {
    return gate == Gate::KeyValue || gate == Gate::Value;
  }

  /// clamp(u - tau, 0, 1) by one f32 subtraction; NaN gives 0 (C5).
  static Value clampedGate(TensorBuilder &b, Value score, Value tau) {
    Value difference = b.sub(score, tau);
    Value zero = b.real(0, b.getF32Type()), one = b.real(1, b.getF32Type());
    Value positive = b.less(zero, difference);
    difference = b.select(positive, difference, zero);
    Value full = b.less(one, difference);
    return b.select(full, one, difference);
  }

  /// Window and selected keys, and 1 or their gate, for each score head.
  Visible visibleKeys(TensorBuilder &b, Value t, Value start) override {
    SmallVector<OpFoldResult> sizes{b.size(scores, 0), b.size(scores, 1),
                                    b.size(scores, 2)};
    Value none = b.empty(sizes, b.getI1Type());
    Value ungated = b.empty(sizes, b.getF32Type());
    Value tau = b.slice(threshold, 2, t);
    Value local = b.toI32(b.sub(t, start));
    auto body = [&](TensorBuilder &b, Values args) {
      Value score = args[0], expiry = args[1], tau = args[2];
      Value j = b.iteration(2);
      Value birth = b.add(j, window);
      Value born = b.lessOrEqual(birth, t);
      Value alive = b.less(local, expiry);
      Value selected = b.both(born, alive);
      Value before = b.lessOrEqual(j, t);
      Value inWindow = b.both(before, b.less(t, birth));
      Value seen = b.either(inWindow, selected);
      seen = documents->andInDocument(b, seen, j, start);
      Value one = b.real(1, b.getF32Type());
      Value gate = b.select(selected, clampedGate(b, score, tau), one);
      return Values{seen, gate};
    };
    Values results =
        b.generic("bhj", {{scores, "bhj"}, {expiry, "bhj"}, {tau, "bh"}},
                  {{none, "bhj"}, {ungated, "bhj"}}, body);
    return {{results[0], dims}, {results[1], dims}};
  }

  Gate gate;
  Value scores, threshold, expiry;
  Value window;
  StringRef dims;
};

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

template <typename OpTy, typename LoweringTy>
struct LowerAttention : public OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    TensorBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, LoweringTy(b, op).lower());
    return success();
  }
};
} // namespace

void sparsek::populateAttentionToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerAttention<CausalAttentionOp, CausalLowering>,
               LowerAttention<GatheredAttentionOp, GatheredLowering>>(
      patterns.getContext());
}
