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
#include "mlir/IR/DialectResourceBlobManager.h"
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

/// The name of an op, or that of the op of another project that it carries.
static StringRef carriedName(Operation *op) {
  StringRef name = op->getName().getStringRef();
  if (name == "torch.operator")
    if (auto carried = op->getAttrOfType<StringAttr>("name"))
      return carried.getValue();
  return name;
}

/// Keys or values of a cache, [B, H, N, D]: those of `past`, if any, and then
/// those of an op, whose heads may be packed.
static Value joinCache(OpBuilder &builder, Location loc, Value past,
                       Value fresh, RankedTensorType whole) {
  auto type = cast<RankedTensorType>(fresh.getType());
  auto sizeOf = [&](int64_t i) -> OpFoldResult {
    if (type.isDynamicDim(i))
      return tensor::DimOp::create(builder, loc, fresh, i).getResult();
    return builder.getIndexAttr(type.getDimSize(i));
  };
  if (type.getRank() == 3) {
    const int64_t heads = whole.getDimSize(1), size = whole.getDimSize(3);
    OpFoldResult b = sizeOf(0), n = sizeOf(1);
    OpFoldResult h = builder.getIndexAttr(heads),
                 d = builder.getIndexAttr(size);
    auto expanded = RankedTensorType::get(
        {type.getDimSize(0), type.getDimSize(1), heads, size},
        type.getElementType());
    fresh = tensor::ExpandShapeOp::create(
        builder, loc, expanded, fresh,
        ArrayRef<ReassociationIndices>{{0}, {1}, {2, 3}},
        ArrayRef<OpFoldResult>{b, n, h, d});
    Value init = tensor::EmptyOp::create(builder, loc,
                                         ArrayRef<OpFoldResult>{b, h, n, d},
                                         type.getElementType());
    fresh = linalg::TransposeOp::create(builder, loc, fresh, init,
                                        ArrayRef<int64_t>{0, 2, 1, 3})
                ->getResult(0);
  }
  if (past)
    return tensor::ConcatOp::create(builder, loc, whole, /*dim=*/2,
                                    ValueRange{past, fresh});
  return fresh;
}

/// The elements of a constant of torch-mlir's or of ONNX, or null.
static ElementsAttr getForeignConstant(Value value) {
  Operation *source = value ? value.getDefiningOp() : nullptr;
  if (!source || source->getNumOperands() != 0)
    return nullptr;
  StringRef name = source->getName().getStringRef();
  if (name == "torch.vtensor.literal" || name == "onnx.Constant")
    return source->getAttrOfType<ElementsAttr>("value");
  if (carriedName(source) == "onnx.Constant")
    return source->getAttrOfType<ElementsAttr>("torch.onnx.value");
  return nullptr;
}

/// The bytes of a boolean constant of torch-mlir's, which are converted to i1.
static TypedAttr getBooleanBytes(const NamedOperand &mask) {
  Operation *source = mask.value.getDefiningOp();
  RankedTensorType type = mask.type;
  if (!source || !type.getElementType().isInteger(1) ||
      source->getNumOperands() == 0)
    return nullptr;
  StringRef name = source->getName().getStringRef();
  if (name != "torch.prims.convert_element_type" &&
      name != "torch.aten.to.dtype")
    return nullptr;
  ElementsAttr bytes = getForeignConstant(source->getOperand(0));
  if (!bytes || !bytes.getElementType().isInteger(8) ||
      bytes.getShapedType().getShape() != type.getShape())
    return nullptr;
  // The ops of arith have no types with a sign.
  Type byte = IntegerType::get(type.getContext(), 8);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(bytes))
    return DenseResourceElementsAttr::get(type.clone(byte),
                                          resource.getRawHandle());
  if (auto dense = dyn_cast<DenseElementsAttr>(bytes))
    return dense.bitcast(byte);
  return nullptr;
}

/// A mask that is constant in another dialect, as one that can be read; or
/// null.
static Value buildConstantMask(OpBuilder &builder, Location loc,
                               const NamedOperand &mask) {
  if (ElementsAttr elements = getForeignConstant(mask.value))
    return elements.getShapedType() == mask.type
               ? arith::ConstantOp::create(builder, loc,
                                           cast<TypedAttr>(elements))
               : Value();
  TypedAttr bytes = getBooleanBytes(mask);
  if (!bytes)
    return Value();
  Value zero = arith::ConstantOp::create(builder, loc,
                                         builder.getZeroAttr(bytes.getType()));
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne,
                               arith::ConstantOp::create(builder, loc, bytes),
                               zero);
}

namespace {
/// An op of other tensors or with more results than attention has, and in place
/// of it one with builtin tensors and one result. Casts of torch-mlir's are
/// between the two.
class Boundary : private OpBuilder::Listener {
public:
  explicit Boundary(Operation *op) : op(op), builder(op) {
    builder.setListener(this);
  }

  Value toBuiltin(Value value, RankedTensorType type) {
    if (!value || value.getType() == type)
      return value;
    return cast("torch_c.to_builtin_tensor", value, type);
  }

  /// A mask that is constant can be read.
  void useMask(NamedOperand &mask) {
    if (Value constant = buildConstantMask(builder, op->getLoc(), mask))
      mask.value = constant;
    else
      mask.value = toBuiltin(mask.value, mask.type);
  }

  /// The whole of a cache, which the results of the op become.
  void useCache(NamedAttention &named) {
    KeyValueCache &cache = *named.cache;
    for (auto [past, fresh, whole, number] :
         {std::tuple{&cache.pastKey, &cache.key, &named.key, cache.keyResult},
          std::tuple{&cache.pastValue, &cache.value, &named.value,
                     cache.valueResult}}) {
      past->value = toBuiltin(past->value, past->type);
      fresh->value = toBuiltin(fresh->value, fresh->type);
      whole->value = joinCache(builder, op->getLoc(), past->value, fresh->value,
                               whole->type);
      whole->type = mlir::cast<RankedTensorType>(whole->value.getType());
      if (number < op->getNumResults() && !op->getResult(number).use_empty())
        outer.push_back(
            {op->getResult(number), fromBuiltin(whole->value, number)});
    }
  }

  Operation *standIn(ValueRange operands, RankedTensorType result) {
    auto inner = UnrealizedConversionCastOp::create(builder, op->getLoc(),
                                                    result, operands);
    outer.push_back({op->getResult(0), fromBuiltin(inner.getResult(0), 0)});
    return inner;
  }

  /// The stand-in was replaced, and what only it needed is gone: the op and the
  /// casts that no one uses follow.
  void finish() {
    for (auto [result, value] : outer)
      result.replaceAllUsesWith(value);
    op->erase();
    for (Operation *holder : holders) {
      holder->replaceAllUsesWith(holder->getOperands());
      holder->erase();
    }
    for (Operation *cast : llvm::reverse(casts))
      if (cast->use_empty())
        cast->erase();
  }

  void undo() {
    for (Operation *made : llvm::reverse(built))
      made->erase();
  }

private:
  void notifyOperationInserted(Operation *made,
                               OpBuilder::InsertPoint) override {
    // What is in regions goes with its parent.
    if (made->getBlock() == op->getBlock())
      built.push_back(made);
  }

  Value cast(StringRef name, Value value, Type type) {
    OperationState state(op->getLoc(), name);
    state.addOperands(value);
    state.addTypes(type);
    casts.push_back(builder.create(state));
    return casts.back()->getResult(0);
  }

  /// A value in the place of a result of the op.
  Value fromBuiltin(Value value, unsigned number) {
    Type type = op->getResult(number).getType();
    RankedTensorType builtin = getTensorType(type);
    if (value.getType() != builtin)
      value = tensor::CastOp::create(builder, op->getLoc(), builtin, value);
    if (type != builtin)
      return cast("torch_c.from_builtin_tensor", value, type);
    // Follows where the value is replaced.
    holders.push_back(
        UnrealizedConversionCastOp::create(builder, op->getLoc(), type, value));
    return holders.back()->getResult(0);
  }

  Operation *op;
  OpBuilder builder;
  SmallVector<Operation *> built, casts, holders;
  /// What the results of the op become.
  SmallVector<std::pair<Value, Value>> outer;
};
} // namespace

/// Removes constants of other dialects that only the replaced op used.
static void eraseUnusedConstants(ArrayRef<Operation *> sources) {
  llvm::SmallSetVector<Operation *, 8> unique(sources.begin(), sources.end());
  for (Operation *op : unique) {
    StringRef name = op->getName().getStringRef();
    if (op->use_empty() &&
        (name.starts_with("torch.constant.") || name == "onnx.NoValue" ||
         name == "torch.vtensor.literal" || carriedName(op) == "onnx.Constant"))
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
  Operation *root = named.root ? named.root : op;
  std::optional<Boundary> boundary;
  if (named.cache || getForeignConstant(named.mask.value) ||
      (!named.root && op->getResult(0).getType() != named.result.type)) {
    boundary.emplace(op);
    if (named.cache)
      boundary->useCache(named);
    if (named.mask)
      boundary->useMask(named.mask);
    SmallVector<Value> operands;
    for (NamedOperand *operand :
         {&named.query, &named.key, &named.value, &named.mask}) {
      operand->value = boundary->toBuiltin(operand->value, operand->type);
      if (*operand)
        operands.push_back(operand->value);
    }
    root = boundary->standIn(operands, named.result.type);
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
  if (boundary)
    boundary->finish();
  // The op was a part of what was replaced.
  if (named.root)
    eraseWithDeadSlice(op);
  eraseUnusedConstants(sources);
  return "";
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
    if (name == "iree_linalg_ext.attention" ||
        name == "iree_linalg_ext.online_attention")
      ops[op] = readLinalgExt;
    else if (name == "torch.aten.scaled_dot_product_attention")
      ops[op] = readTorchSDPA;
    else if (carried == "onnx.Attention")
      ops[op] = [prefix = name == carried ? "" : "torch.onnx."](Operation *op) {
        return readOnnx(op, prefix);
      };
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
