//===- AttentionMatcher.h - Dense causal attention in linalg ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Decides whether a contraction is the second one of dense causal attention and
// recovers its operands.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CONVERSION_RAISEATTENTION_ATTENTIONMATCHER_H
#define SPARSEK_CONVERSION_RAISEATTENTION_ATTENTIONMATCHER_H

#include "ElementEvaluator.h"

namespace sparsek::raise {

/// The element of a tensor at indices that are linear in the digits below.
struct Access {
  mlir::Value tensor;
  llvm::SmallVector<ExprRef> indices;
};

/// Attention in terms of digits: symbols into which the loops are split so that
/// every index of every operand is a mixed-radix number of digits. All lists
/// are outermost first.
struct Attention {
  mlir::Operation *root = nullptr;
  Access query, key, value, result;
  /// The input of the projection that makes the values, if there is one.
  std::optional<Access> hidden;

  llvm::SmallVector<ExprRef> batch, kvHead, group, headDim, valueDim, feature;
  /// The symbols that index the batch, where the op says so.
  llvm::SmallVector<ExprRef> knownBatch;
  bool batchIsKnown = false;
  /// No row where there is one query.
  ExprRef row = nullptr, column = nullptr;
  double scale = 0;
  /// The op says that it is causal and that its one query is the last position.
  bool lastQuery = false;
  /// Only the nearest keys are visible, this many; only readers of ops by name
  /// find it.
  std::optional<int64_t> window;
  /// The values that end the softmax, and the ops that may use what it
  /// computes.
  llvm::SmallVector<mlir::Value> weights;
  llvm::SmallVector<mlir::Operation *> consumers;
  /// The numbers of queries and keys are dynamic and may differ: the mask is
  /// that of self-attention only if they are equal.
  bool needsEqualLengths = false;
  /// Sizes that the match took to be equal.
  ExprContext::Assumptions equalSizes;
};

/// Why something that looks like attention is left alone.
using Reason = llvm::StringRef;

class AttentionMatcher {
public:
  AttentionMatcher(ExprContext &ctx, mlir::Block *block)
      : ctx(ctx), eval(ctx, block) {}

  /// Finds operands and logits of an op that is attention by its name; on
  /// failure it says why.
  using Reader =
      llvm::function_ref<bool(Attention &a, Reason &reason, ExprRef &logits)>;

  /// `root` is a contraction or a tm_tensor.attention, or what `reader` reads.
  /// On failure `reason` says why; it is empty where the op has nothing to do
  /// with attention.
  std::optional<Attention> match(mlir::Operation *root, Reason &reason,
                                 Reader reader = nullptr);

  /// The tensor element that an expression is; false if it is anything else.
  static bool toAccess(ExprRef element, Access &access);

  ElementEvaluator &getEvaluator() { return eval; }

private:
  std::optional<Attention> matchOnce(mlir::Operation *root, Reason &reason,
                                     Reader reader);
  bool matchLinalg(Attention &a, Reason &reason, ExprRef &logits);
  bool matchLateDivision(Attention &a, Reason &reason, ExprRef &logits);
  bool matchTMTensor(Attention &a, Reason &reason, ExprRef &logits);
  bool matchSoftmax(ExprRef probability, ExprRef column, ExprRef &logits);
  bool matchDot(Attention &a, ExprRef logits, ExprRef &dot, double &factor);
  void findHidden(Attention &a);
  void splitDigits(Attention &a, ExprRef &logits);
  bool classify(Attention &a, Reason &reason);

  ExprContext &ctx;
  ElementEvaluator eval;
};

/// What the mask of the logits says about queries and keys.
struct MaskResult {
  enum Kind { Causal, NotCausal, Window, Unknown, NotAProduct } kind;
  /// The factor of the dot product in the logits of the visible keys.
  double factor = 0;
  bool needsEqualLengths = false;
  /// The number of visible keys of a Window.
  int64_t window = 0;
  ExprRef row = nullptr;
};

/// Evaluates `logits` at every distance of query and key. `dot` is the atom of
/// the product of q and k; `column` is the symbol of the key.
MaskResult analyzeMask(ExprContext &ctx, ExprRef logits, ExprRef dot,
                       ExprRef column, llvm::ArrayRef<ExprRef> rowCandidates);

/// Whether the softmax of a first contraction feeds this contraction, or this
/// op divides the second contraction by the sum of a softmax.
bool looksLikeAttention(mlir::Operation *root);

/// The second contraction that an op divides by the sum of a softmax, or null.
mlir::Operation *findDividedContraction(mlir::Operation *root);

/// Whether the softmax of a match is used by anything else.
bool hasOtherUses(const Attention &attention);

} // namespace sparsek::raise

#endif // SPARSEK_CONVERSION_RAISEATTENTION_ATTENTIONMATCHER_H
