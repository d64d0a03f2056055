//===- AttentionRewriter.h - Puts sparsek ops in place ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CONVERSION_RAISEATTENTION_ATTENTIONREWRITER_H
#define SPARSEK_CONVERSION_RAISEATTENTION_ATTENTIONREWRITER_H

#include "AttentionMatcher.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

namespace sparsek::raise {

/// What attention becomes: the options of the passes, checked.
struct Policy {
  bool dense = false;
  int64_t topk = 0, window = 0;
  Gate gate = Gate::KeyValue;
  bool weights = true;
  bool headsOfKV = false;

  /// Reads the options of a pass; an error at `op` where one is not accepted.
  template <typename Pass>
  static std::optional<Policy> read(Pass &pass, mlir::Operation *op) {
    return read(op, pass.getArgument(), pass.mode, pass.topk, pass.window,
                pass.gate, pass.scores, pass.scoreHeads);
  }

private:
  static std::optional<Policy> read(mlir::Operation *op, llvm::StringRef pass,
                                    const std::string &mode, int64_t topk,
                                    int64_t window, const std::string &gate,
                                    const std::string &scores,
                                    const std::string &scoreHeads);
};

/// Whether attention is computed for elements of this type.
bool isElementType(mlir::Type type);

/// Removes an op, and what only it needed.
void eraseWithDeadSlice(mlir::Operation *root);

/// Replaces a matched attention by sparsek ops.
class AttentionRewriter {
public:
  AttentionRewriter(mlir::Operation *module, const Policy &policy)
      : module(module), policy(policy) {}

  /// Scores that the op brings along, instead of an argument.
  mlir::Value scores;
  /// Where the remark goes, and what it begins with.
  mlir::Operation *reported = nullptr;
  llvm::StringRef verb = "raised to";

  /// Empty if the attention was replaced, or why it was not.
  Reason rewrite(Attention &a, ExprContext &ctx, ElementEvaluator &eval);

private:
  mlir::Operation *module;
  const Policy &policy;
};

} // namespace sparsek::raise

#endif // SPARSEK_CONVERSION_RAISEATTENTION_ATTENTIONREWRITER_H
