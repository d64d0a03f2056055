//===- RaiseAttention.cpp - Dense causal attention to sparsek -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "AttentionRewriter.h"

#include "sparsek/Dialect/TMTensor/IR/TMTensor.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKRAISEATTENTIONPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;
using namespace sparsek::raise;

namespace {
struct RaiseAttention
    : public sparsek::impl::SparsekRaiseAttentionPassBase<RaiseAttention> {
  using SparsekRaiseAttentionPassBase::SparsekRaiseAttentionPassBase;
  friend struct sparsek::raise::Policy;

  void runOnOperation() override;
};
} // namespace

static void visit(Operation *root, AttentionRewriter &rewriter) {
  ExprContext ctx;
  AttentionMatcher matcher(ctx, root->getBlock());
  Reason reason;
  std::optional<Attention> attention = matcher.match(root, reason);
  if (attention)
    reason = rewriter.rewrite(*attention, ctx, matcher.getEvaluator());
  if (!reason.empty())
    root->emitRemark("attention is left as it is: ") << reason;
}

void RaiseAttention::runOnOperation() {
  std::optional<Policy> policy = Policy::read(*this, getOperation());
  if (!policy)
    return signalPassFailure();
  SmallVector<Operation *> roots;
  getOperation()->walk<WalkOrder::PreOrder>([&](Operation *op) {
    auto attention = dyn_cast<tm_tensor::AttentionOp>(op);
    if ((attention && attention.hasTensorSemantics()) || looksLikeAttention(op))
      roots.push_back(op);
  });
  AttentionRewriter rewriter(getOperation(), *policy);
  for (Operation *root : roots)
    visit(root, rewriter);
}
