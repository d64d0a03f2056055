//===- Import.cpp - Attention ops of other projects to sparsek ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "NamedAttention.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/MapVector.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKIMPORTPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;
using namespace sparsek::importer;
using namespace sparsek::raise;

namespace {
/// An op in the namespace of the dialect that the dialect does not have.
struct ForeignOp {
  StringRef name;
  DictionaryAttr attributes;
};

struct Import : public sparsek::impl::SparsekImportPassBase<Import> {
  using SparsekImportPassBase::SparsekImportPassBase;
  friend struct sparsek::raise::Policy;

  void runOnOperation() override;

private:
  LogicalResult replaceForeignOps();
  /// Empty if the op was replaced, or why it was not.
  std::string replace(Operation *op, const ReadAttention &read,
                      const Policy &policy);

  /// Foreign ops, by the casts that stand for them.
  llvm::DenseMap<Operation *, ForeignOp> foreign;
};
} // namespace

//===----------------------------------------------------------------------===//
// Ops in the namespace of the dialect
//===----------------------------------------------------------------------===//

/// Exporters write names that the dialect does not have, and names that it has
/// with other operands.
static bool isForeign(Operation *op) {
  if (op->getName().getDialectNamespace() !=
      SparseKDialect::getDialectNamespace())
    return false;
  if (!op->isRegistered())
    return true;
  if (!isa<AttentionOp, CausalAttentionOp>(op))
    return false;
  auto segments = dyn_cast_or_null<DenseI32ArrayAttr>(
      op->getInherentAttr(AttentionOp::getOperandSegmentSizeAttr())
          .value_or(Attribute()));
  int64_t sum = 0;
  if (segments)
    for (int32_t size : segments.asArrayRef())
      sum += size;
  return op->getNumResults() != 2 ||
         sum != static_cast<int64_t>(op->getNumOperands());
}

/// Such ops are not valid IR: casts take their places before anything looks at
/// the module.
LogicalResult Import::replaceForeignOps() {
  SmallVector<Operation *> ops;
  getOperation()->walk([&](Operation *op) {
    if (isForeign(op))
      ops.push_back(op);
  });
  LogicalResult result = success();
  for (Operation *op : ops) {
    if (op->getNumResults() == 0 || op->getNumRegions() != 0 ||
        op->getNumSuccessors() != 0) {
      result = mlir::emitError(op->getLoc())
               << "'" << op->getName()
               << "' cannot be imported: it must have results, and no regions "
                  "or successors";
      continue;
    }
    SmallVector<NamedAttribute> attributes(op->getDiscardableAttrs());
    if (auto properties =
            dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute()))
      for (NamedAttribute attribute : properties)
        if (!op->getDiscardableAttr(attribute.getName()))
          attributes.push_back(attribute);
    OpBuilder builder(op);
    auto standIn = UnrealizedConversionCastOp::create(
        builder, op->getLoc(), op->getResultTypes(), op->getOperands());
    foreign[standIn] = {op->getName().stripDialect(),
                        builder.getDictionaryAttr(attributes)};
    op->replaceAllUsesWith(standIn);
    op->erase();
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Replacement
//===----------------------------------------------------------------------===//

namespace {
/// An op with tensors of torch-mlir, between casts of torch-mlir's and in place
/// of it one with builtin tensors.
class TorchBoundary {
public:
  explicit TorchBoundary(Operation *op) : op(op), builder(op) {}

  Value toBuiltin(Value value, RankedTensorType type) {
    if (value.getType() == type)
      return value;
    return cast("torch_c.to_builtin_tensor", value, type);
  }

  Operation *standIn(ValueRange operands, RankedTensorType result) {
    auto inner = UnrealizedConversionCastOp::create(builder, op->getLoc(),
                                                    result, operands);
    casts.push_back(inner);
    outer = cast("torch_c.from_builtin_tensor", inner.getResult(0),
                 op->getResult(0).getType());
    return inner;
  }

  /// The stand-in was replaced: the op follows.
  void finish() {
    op->getResult(0).replaceAllUsesWith(outer);
    // The inner casts that no one uses went with the stand-in or go now.
    for (Operation *cast : casts)
      if (cast->use_empty() && cast != outer.getDefiningOp())
        cast->erase();
    op->erase();
  }

  void undo() {
    for (Operation *cast : llvm::reverse(casts))
      cast->erase();
  }

  void forget(Operation *standIn) { llvm::erase(casts, standIn); }

private:
  Value cast(StringRef name, Value value, Type type) {
    OperationState state(op->getLoc(), name);
    state.addOperands(value);
    state.addTypes(type);
    casts.push_back(builder.create(state));
    return casts.back()->getResult(0);
  }

  Operation *op;
  OpBuilder builder;
  SmallVector<Operation *> casts;
  Value outer;
};
} // namespace

/// Removes constants of other dialects that only the replaced op used.
static void eraseUnusedConstants(ArrayRef<Operation *> sources) {
  llvm::SmallSetVector<Operation *, 8> unique(sources.begin(), sources.end());
  for (Operation *op : unique) {
    StringRef name = op->getName().getStringRef();
    if (op->use_empty() &&
        (name.starts_with("torch.constant.") || name == "onnx.NoValue"))
      op->erase();
  }
}

std::string Import::replace(Operation *op, const ReadAttention &read,
                            const Policy &policy) {
  if (!read.value)
    return read.reason;
  NamedAttention named = *read.value;
  Policy own = policy;
  own.topk = named.topk.value_or(own.topk);
  own.gate = named.gate.value_or(own.gate);
  if (named.window && !named.windowOnly)
    own.window = *named.window;
  // What an op says about its selection it means, whatever the mode.
  if (!named.windowOnly && (named.topk || named.gate || named.scores))
    own.dense = false;

  SmallVector<Operation *> sources;
  for (Value operand : op->getOperands())
    if (Operation *source = operand.getDefiningOp())
      if (!source->isRegistered())
        sources.push_back(source);
  Operation *root = op;
  std::optional<TorchBoundary> boundary;
  if (op->getResult(0).getType() != named.result.type) {
    boundary.emplace(op);
    for (NamedOperand *operand :
         {&named.query, &named.key, &named.value, &named.mask})
      if (*operand)
        operand->value = boundary->toBuiltin(operand->value, operand->type);
    root = boundary->standIn(
        {named.query.value, named.key.value, named.value.value},
        named.result.type);
  }

  ExprContext ctx;
  AttentionMatcher matcher(ctx, root->getBlock());
  ElementEvaluator &eval = matcher.getEvaluator();
  Reason reason;
  std::optional<Attention> attention = matcher.match(
      root, reason, [&](Attention &a, Reason &reason, ExprRef &logits) {
        return named.read(root, ctx, eval, a, reason, logits);
      });
  if (attention) {
    if (named.windowOnly)
      attention->window = named.window;
    AttentionRewriter rewriter(getOperation(), own);
    rewriter.scores = named.scores;
    rewriter.reported = op;
    rewriter.verb = "imported as";
    reason = rewriter.rewrite(*attention, ctx, eval);
  }
  if (!reason.empty()) {
    if (boundary)
      boundary->undo();
    return reason.str();
  }
  if (boundary) {
    boundary->forget(root);
    boundary->finish();
  }
  eraseUnusedConstants(sources);
  return "";
}

/// The name of an op, or that of the op of another project that it carries.
static StringRef carriedName(Operation *op) {
  StringRef name = op->getName().getStringRef();
  if (name == "torch.operator")
    if (auto carried = op->getAttrOfType<StringAttr>("name"))
      return carried.getValue();
  return name;
}

void Import::runOnOperation() {
  std::optional<Policy> policy = Policy::read(*this, getOperation());
  if (!policy || failed(replaceForeignOps()) || failed(verify(getOperation())))
    return signalPassFailure();

  using Reader = std::function<ReadAttention(Operation *)>;
  llvm::MapVector<Operation *, Reader> ops;
  auto leave = [](StringRef reason) {
    return [reason](Operation *) { return ReadAttention(reason.str()); };
  };
  getOperation()->walk([&](Operation *op) {
    if (auto it = foreign.find(op); it != foreign.end()) {
      ForeignOp entry = it->second;
      ops[op] = [entry](Operation *op) {
        return readSparseK(op, entry.name, entry.attributes);
      };
      return;
    }
    if (op->isRegistered())
      return;
    StringRef name = op->getName().getStringRef(), carried = carriedName(op);
    if (name == "iree_linalg_ext.attention")
      ops[op] = readLinalgExt;
    else if (name == "torch.aten.scaled_dot_product_attention")
      ops[op] = readTorchSDPA;
    else if (carried == "onnx.Attention")
      ops[op] = [prefix = name == carried ? "" : "torch.onnx."](Operation *op) {
        return readOnnx(op, prefix);
      };
    else if (name == "iree_linalg_ext.online_attention")
      ops[op] = leave("it computes a part of the keys");
    else if (name == "torch.hop_flex_attention" ||
             carried.starts_with("torch.sparsek."))
      ops[op] = leave("it is an op of the torch dialect; carry it to linalg as "
                      "an op of its own");
  });
  bool failed = false;
  for (auto &[op, reader] : ops) {
    std::string reason = replace(op, reader(op), *policy);
    if (reason.empty())
      continue;
    if (auto it = foreign.find(op); it != foreign.end()) {
      mlir::emitError(op->getLoc()) << "'sparsek." << it->second.name
                                    << "' cannot be imported: " << reason;
      failed = true;
    } else {
      op->emitRemark("attention is left as it is: ") << reason;
    }
  }
  foreign.clear();
  if (failed)
    signalPassFailure();
}
