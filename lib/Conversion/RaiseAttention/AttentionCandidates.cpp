//===- AttentionCandidates.cpp - Where to look for attention --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionMatcher.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace sparsek::raise;

/// A power of a constant is an exponential, too.
static bool isExp(Operation *op) {
  if (isa<math::ExpOp, math::Exp2Op, linalg::SoftmaxOp>(op))
    return true;
  auto power = dyn_cast<math::PowFOp>(op);
  return power && matchPattern(power.getLhs(), m_Constant());
}

static bool containsExp(Operation *op) {
  return op
      ->walk([](Operation *nested) {
        return isExp(nested) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// The ops of this block that a value depends on, up to contractions.
static void sliceToContractions(Value value, Block *block,
                                llvm::SetVector<Operation *> &slice,
                                bool &contraction) {
  SmallVector<Value> worklist = {value};
  while (!worklist.empty() && slice.size() < 1024) {
    Operation *op = worklist.pop_back_val().getDefiningOp();
    if (!op || op->getBlock() != block)
      continue;
    if (matchContraction(op)) {
      contraction = true;
      continue;
    }
    if (slice.insert(op))
      forEachUsedValue(op, [&](Value used) { worklist.push_back(used); });
  }
}

/// Whether exponentials of a contraction are summed on the way to this value.
static bool comesFromSoftmax(Value value, Block *block) {
  llvm::SetVector<Operation *> slice;
  bool reached = false;
  sliceToContractions(value, block, slice, reached);
  if (!reached || llvm::none_of(slice, containsExp))
    return false;
  for (Operation *op : slice) {
    if (isa<linalg::SoftmaxOp>(op))
      return true;
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    if (!linalgOp || linalgOp.getNumReductionLoops() == 0)
      continue;
    if (containsExp(op))
      return true;
    llvm::SetVector<Operation *> summed;
    bool unused = false;
    for (Value input : linalgOp.getDpsInputs())
      sliceToContractions(input, block, summed, unused);
    if (llvm::any_of(summed, containsExp))
      return true;
  }
  return false;
}

/// The contraction behind reshapes, transposes and casts.
static Operation *contractionBehindViews(Value value, Block *block) {
  for (int step = 0; step < 16; ++step) {
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != block)
      return nullptr;
    if (matchContraction(op))
      return op;
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    if (linalgOp) {
      Block *body = linalgOp.getBlock();
      if (linalgOp.getNumDpsInputs() != 1 || !body ||
          !llvm::all_of(*body, [](Operation &nested) {
            return isa<arith::ExtFOp, arith::TruncFOp, linalg::YieldOp>(nested);
          }))
        return nullptr;
    } else if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
                    tensor::CastOp, tensor::ReshapeOp>(op)) {
      return nullptr;
    }
    value = op->getOperand(0);
  }
  return nullptr;
}

/// The second contraction that an op divides by the sum of a softmax.
Operation *sparsek::raise::findDividedContraction(Operation *root) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(root);
  if (!linalgOp || linalgOp.getNumReductionLoops() != 0 ||
      root->getNumResults() != 1 || linalgOp.getNumDpsInputs() < 2 ||
      !linalgOp.getBlock() ||
      llvm::none_of(*linalgOp.getBlock(), [](Operation &op) {
        return isa<arith::DivFOp, arith::MulFOp>(op);
      }))
    return nullptr;
  Block *block = root->getBlock();
  for (Value input : linalgOp.getDpsInputs()) {
    Operation *contraction = contractionBehindViews(input, block);
    if (contraction && llvm::any_of(linalgOp.getDpsInputs(), [&](Value other) {
          return other != input && comesFromSoftmax(other, block);
        }))
      return contraction;
  }
  return nullptr;
}

/// Whether an op sums products of more than two tensors, such as a contraction
/// into which elementwise ops were fused.
static bool isFusedProduct(Operation *root) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(root);
  if (!linalgOp || root->getNumResults() != 1 ||
      linalgOp.getNumReductionLoops() != 1 || linalgOp.getNumDpsInputs() < 3 ||
      !linalgOp.getBlock())
    return false;
  auto sum =
      linalgOp.getBlock()->back().getOperand(0).getDefiningOp<arith::AddFOp>();
  return sum && (sum.getLhs().getDefiningOp<arith::MulFOp>() ||
                 sum.getRhs().getDefiningOp<arith::MulFOp>());
}

bool sparsek::raise::looksLikeAttention(Operation *root) {
  Block *block = root->getBlock();
  if (auto contraction = matchContraction(root))
    return comesFromSoftmax(contraction->lhs->get(), block) ||
           comesFromSoftmax(contraction->rhs->get(), block);
  if (isFusedProduct(root))
    return llvm::any_of(
        cast<linalg::LinalgOp>(root).getDpsInputs(),
        [&](Value input) { return comesFromSoftmax(input, block); });
  return findDividedContraction(root);
}

/// Whether the exponentials of the softmax serve this attention only.
bool sparsek::raise::hasOtherUses(const Attention &a) {
  Block *block = a.root->getBlock();
  llvm::SetVector<Operation *> slice;
  bool unused = false;
  for (Value value : a.weights)
    sliceToContractions(value, block, slice, unused);
  SmallVector<Operation *> ordered(slice.begin(), slice.end());
  llvm::append_range(ordered, a.consumers);
  llvm::sort(ordered,
             [](Operation *x, Operation *y) { return y->isBeforeInBlock(x); });
  llvm::SmallPtrSet<Operation *, 32> inner = {a.root};
  for (Operation *op : ordered) {
    bool serves = llvm::all_of(op->getUsers(), [&](Operation *user) {
      Operation *ancestor = block->findAncestorOpInBlock(*user);
      return ancestor && inner.contains(ancestor);
    });
    if (serves)
      inner.insert(op);
    else if (op != a.root && containsExp(op))
      return true;
  }
  return false;
}
