//===- InsertRuntimeChecks.cpp - Checks of what the verifier cannot see ---===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/SparseK/Transforms/Passes.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/TypeSwitch.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKINSERTRUNTIMECHECKSPASS
#include "sparsek/Dialect/SparseK/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

namespace {
/// One dimension of one operand.
struct Dim {
  std::string name;
  Value tensor;
  int64_t index;

  bool isStatic() const {
    return !cast<RankedTensorType>(tensor.getType()).isDynamicDim(index);
  }
  std::string str() const {
    return (Twine(name) + "[" + Twine(index) + "]").str();
  }
};

/// Inserts checks in front of one op.
class Checker {
public:
  Checker(Operation *op, bool readsTensors)
      : op(op), readsTensors(readsTensors), b(op->getLoc(), op) {}

  void check(ScoreOp op) {
    if (Value statistics = op.getStatistics()) {
      equal("S1: batch sizes",
            {{"x", op.getFeatures(), 0}, {"statistics", statistics, 0}});
      equal("S1: numbers of score heads",
            {{"W", op.getWeight(), 1}, {"statistics", statistics, 1}});
    }
  }

  void check(TopkMaskOp op) {
    documents(op.getCuSeqlens(), {"scores", op.getScores(), 0},
              {"scores", op.getScores(), 2});
  }

  template <typename OpTy> void checkAttention(OpTy op) {
    SmallVector<std::pair<StringRef, Value>> perKey;
    if constexpr (!std::is_same_v<OpTy, CausalAttentionOp>)
      perKey.push_back({"scores", op.getScores()});
    if constexpr (std::is_same_v<OpTy, GatheredAttentionOp>) {
      perKey.push_back({"threshold", op.getThreshold()});
      perKey.push_back({"expiry", op.getExpiry()});
    }
    Value query = op.getQuery(), key = op.getKey(), value = op.getValue();
    SmallVector<Dim> batches{{"q", query, 0}, {"k", key, 0}, {"v", value, 0}};
    SmallVector<Dim> lengths{{"k", key, 2}, {"v", value, 2}};
    for (auto [name, tensor] : perKey) {
      batches.push_back({name.str(), tensor, 0});
      lengths.push_back({name.str(), tensor, 2});
    }
    equal("S1: batch sizes", batches);
    equal("S1: numbers of keys", lengths);

    Dim queries{"q", query, 2}, keys{"k", key, 2};
    if (op.getCuSeqlens()) {
      if (!queries.isStatic() || !keys.isStatic())
        assertThat(compare(arith::CmpIPredicate::eq, {dim(queries), dim(keys)}),
                   "S4: packed documents need M = N");
      documents(op.getCuSeqlens(), {"q", query, 0}, keys);
    } else if (!queries.isStatic() || !keys.isStatic()) {
      assertThat(compare(arith::CmpIPredicate::sle, {dim(queries), dim(keys)}),
                 "S1: q holds the last M <= N positions, but M is above N");
    }
  }

  /// Operands that a loop runs over in step have one size.
  void check(linalg::LinalgOp op) {
    SmallVector<SmallVector<Dim>> loops(op.getNumLoops());
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<RankedTensorType>(operand.get().getType()))
        continue;
      AffineMap map = op.getMatchingIndexingMap(&operand);
      for (auto [index, expr] : llvm::enumerate(map.getResults()))
        if (auto loop = dyn_cast<AffineDimExpr>(expr))
          loops[loop.getPosition()].push_back(
              {("operand " + Twine(operand.getOperandNumber())).str(),
               withSizeOf(operand.get()), static_cast<int64_t>(index)});
    }
    for (ArrayRef<Dim> dims : loops)
      if (!dims.empty())
        equal("sizes", dims);
  }

  /// Elementwise ops on tensors, such as arith.addf, take one shape.
  void checkElementwise() {
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    for (int64_t i = 0, rank = type ? type.getRank() : 0; i < rank; ++i) {
      SmallVector<Dim> dims;
      for (auto [number, operand] : llvm::enumerate(op->getOperands()))
        if (isa<RankedTensorType>(operand.getType()))
          dims.push_back(
              {("operand " + Twine(number)).str(), withSizeOf(operand), i});
      if (!dims.empty())
        equal("sizes", dims);
    }
  }

private:
  /// A tensor of the sizes of `value` that is not computed: a use of the result
  /// itself would keep it from being fused away.
  static Value withSizeOf(Value value) {
    while (auto computed = value.getDefiningOp<DestinationStyleOpInterface>()) {
      Value init = computed.getTiedOpOperand(cast<OpResult>(value))->get();
      if (init.getType() != value.getType())
        break;
      value = init;
    }
    return value;
  }

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  Value dim(const Dim &dim) {
    return b.createOrFold<tensor::DimOp>(dim.tensor, dim.index);
  }
  /// Braced initialisation builds `left` before `right` with every compiler.
  struct Operands {
    Value left, right;
  };
  Value compare(arith::CmpIPredicate predicate, Operands operands) {
    return arith::CmpIOp::create(b, predicate, operands.left, operands.right);
  }
  void assertThat(Value condition, const Twine &message) {
    std::string text =
        ("'" + op->getName().getStringRef() + "' op " + message).str();
    cf::AssertOp::create(b, condition, text);
  }

  /// The sizes in `dims` agree. The verifier has compared those that are known.
  void equal(StringRef what, ArrayRef<Dim> dims) {
    const Dim *reference =
        llvm::find_if(dims, [](const Dim &dim) { return dim.isStatic(); });
    if (reference == dims.end())
      reference = dims.begin();
    for (const Dim &other : dims) {
      bool same =
          other.tensor == reference->tensor && other.index == reference->index;
      if (same || (other.isStatic() && reference->isStatic()))
        continue;
      assertThat(
          compare(arith::CmpIPredicate::eq, {dim(*reference), dim(other)}),
          what + " must agree, but " + reference->str() + " and " +
              other.str() + " differ");
    }
  }

  void size(const Dim &checked, int64_t expected, const Twine &message) {
    if (!checked.isStatic())
      assertThat(
          compare(arith::CmpIPredicate::eq, {dim(checked), index(expected)}),
          message);
  }

  /// cu_seqlens packs documents of `length` positions into a batch of 1.
  void documents(Value cuSeqlens, const Dim &batch, const Dim &length) {
    if (!cuSeqlens)
      return;
    size(batch, 1, "S4: cu_seqlens packs documents into a batch of 1");
    Dim bounds{"cu_seqlens", cuSeqlens, 0};
    if (!bounds.isStatic())
      assertThat(compare(arith::CmpIPredicate::sge, {dim(bounds), index(2)}),
                 "S4: cu_seqlens must have S+1 >= 2 elements");

    if (!readsTensors)
      return;
    Value count = arith::SubIOp::create(b, dim(bounds), index(1));
    auto at = [&](Value position) -> Value {
      Value bound = tensor::ExtractOp::create(b, cuSeqlens, position);
      return arith::IndexCastOp::create(b, b.getIndexType(), bound);
    };
    assertThat(compare(arith::CmpIPredicate::eq, {at(index(0)), index(0)}),
               "S4: cu_seqlens must start at 0");
    assertThat(compare(arith::CmpIPredicate::eq, {at(count), dim(length)}),
               "S4: cu_seqlens must end at N");
    Value yes = arith::ConstantIntOp::create(b, /*value=*/1, /*width=*/1);
    auto loop = scf::ForOp::create(b, index(0), count, index(1), yes);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value i = loop.getInductionVar();
      Value next = arith::AddIOp::create(b, i, index(1));
      Value rises = compare(arith::CmpIPredicate::sle, {at(i), at(next)});
      Value all = arith::AndIOp::create(b, loop.getRegionIterArg(0), rises);
      scf::YieldOp::create(b, all);
    }
    assertThat(loop.getResult(0), "S4: cu_seqlens must not decrease");
  }

  Operation *op;
  bool readsTensors;
  ImplicitLocOpBuilder b;
};

struct InsertRuntimeChecks
    : public sparsek::impl::SparsekInsertRuntimeChecksPassBase<
          InsertRuntimeChecks> {
  using SparsekInsertRuntimeChecksPassBase::SparsekInsertRuntimeChecksPassBase;

  void runOnOperation() override {
    getOperation()->walk([&](Operation *op) {
      if (!sizesOnly || isa_and_present<SparseKDialect>(op->getDialect()))
        insertRuntimeChecks(op, /*readsTensors=*/!sizesOnly);
    });
  }
};
} // namespace

void sparsek::insertRuntimeChecks(Operation *op, bool readsTensors) {
  Checker checker(op, readsTensors);
  llvm::TypeSwitch<Operation *>(op)
      .Case<ScoreOp, TopkMaskOp>([&](auto op) { checker.check(op); })
      .Case<GatheredAttentionOp, AttentionOp, CausalAttentionOp>(
          [&](auto op) { checker.checkAttention(op); })
      .Case<linalg::LinalgOp>([&](linalg::LinalgOp op) {
        if (op.hasPureTensorSemantics())
          checker.check(op);
      })
      .Default([&](Operation *op) {
        if (OpTrait::hasElementwiseMappableTraits(op) &&
            op->getNumResults() == 1)
          checker.checkElementwise();
      });
}
