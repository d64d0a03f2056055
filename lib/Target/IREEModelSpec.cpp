//===- IREEModelSpec.cpp - A transform spec from a model and weights ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What is matched is a pattern of ops: the attention with the reshapes and
// broadcasts that its operands went through and its constant scale. IREE
// compares such a pattern with a model op by op. The same ops, and those that
// make the mask, are put into a function in which sparsek-import recognises
// what is computed.
//
//===----------------------------------------------------------------------===//

#include "sparsek/Target/IREESpec.h"

#include "IREESpecWriter.h"

#include "sparsek/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace sparsek;

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {
/// An attention of the model and what belongs to it.
struct Candidate {
  explicit Candidate(Operation *op);

  Operation *op;
  /// The ops that are matched, in their order; the last is `op`.
  llvm::SetVector<Operation *> pattern;
  /// What they take from outside.
  llvm::SetVector<Value> inputs;
  /// Further ops that say what the mask is.
  llvm::SetVector<Operation *> mask;
  /// What those take from outside.
  llvm::SetVector<Value> maskInputs;
  /// A module with the function to put in place; null where the op stays.
  OwningOpRef<ModuleOp> function;

private:
  void addOperand(Value value, bool isMask);
  void addScale(Value value);
  void addMask(Value value);
};
} // namespace

static bool usesOutsideValues(Operation *op) {
  bool found = false;
  visitUsedValuesDefinedAbove(op->getRegions(),
                              [&](OpOperand *) { found = true; });
  return found;
}

/// Whether all elements of the result are elements of the first operand.
static bool isView(Operation *op) {
  if (isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp,
          linalg::TransposeOp, linalg::BroadcastOp>(op))
    return true;
  auto generic = dyn_cast<linalg::GenericOp>(op);
  return generic && generic.getNumDpsInputs() == 1 &&
         generic.getNumDpsInits() == 1 &&
         generic.getNumLoops() == generic.getNumParallelLoops() &&
         generic.getBody()->getTerminator()->getOperand(0) ==
             generic.getBody()->getArgument(0);
}

/// Larger constants would be most of the spec.
static constexpr size_t kMostConstantBytes = 1 << 16;

/// Whether a mask may be matched with this op in it.
static bool isMaskStep(Operation *op) {
  DenseElementsAttr elements;
  if (matchPattern(op, m_Constant(&elements)))
    return elements.isSplat() ||
           elements.getRawData().size() <= kMostConstantBytes;
  return isView(op) || isa<linalg::GenericOp>(op);
}

void Candidate::addOperand(Value value, bool isMask) {
  Operation *source = value.getDefiningOp();
  // Regions are compared value by value, and those from outside are never the
  // same.
  if (!source || source->getBlock() != op->getBlock() ||
      source->getNumResults() != 1 || usesOutsideValues(source) ||
      !(isMask ? isMaskStep(source) : isView(source))) {
    inputs.insert(value);
    return;
  }
  pattern.insert(source);
  auto destination = dyn_cast<DestinationStyleOpInterface>(source);
  unsigned followed = destination ? destination.getNumDpsInputs() : 1;
  for (auto [number, operand] : llvm::enumerate(source->getOperands()))
    if (number < followed)
      addOperand(operand, isMask);
    else
      inputs.insert(operand);
}

void Candidate::addScale(Value value) {
  Operation *source = value.getDefiningOp();
  if (!source || source->getBlock() != op->getBlock() ||
      !isa<arith::ArithDialect>(source->getDialect()) ||
      source->getNumResults() != 1) {
    inputs.insert(value);
    return;
  }
  pattern.insert(source);
  for (Value operand : source->getOperands())
    addScale(operand);
}

void Candidate::addMask(Value value) {
  Operation *source = value.getDefiningOp();
  if (pattern.contains(source) || mask.contains(source))
    return;
  if (!source || source->getBlock() != op->getBlock() ||
      !source->isRegistered() || !isMemoryEffectFree(source)) {
    maskInputs.insert(value);
    return;
  }
  mask.insert(source);
  SmallVector<Value> operands(source->getOperands());
  visitUsedValuesDefinedAbove(source->getRegions(), [&](OpOperand *operand) {
    operands.push_back(operand->get());
  });
  for (Value operand : operands)
    if (!inputs.contains(operand))
      addMask(operand);
}

static llvm::SetVector<Operation *>
sortOps(const llvm::SetVector<Operation *> &ops) {
  SmallVector<Operation *> sorted(ops.getArrayRef());
  llvm::sort(sorted,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  return llvm::SetVector<Operation *>(sorted.begin(), sorted.end());
}

Candidate::Candidate(Operation *op) : op(op) {
  unsigned count = op->getNumOperands();
  // The importer says what is wrong with others.
  bool hasMask = count == 6;
  for (unsigned i : llvm::seq(std::min(count, 3u)))
    addOperand(op->getOperand(i), /*isMask=*/false);
  if (count > 3)
    addScale(op->getOperand(3));
  llvm::SetVector<Value> before = inputs;
  if (hasMask)
    addOperand(op->getOperand(4), /*isMask=*/true);
  SmallVector<Value> masks;
  for (Value input : inputs)
    if (!before.contains(input))
      masks.push_back(input);
  // Results come from outside in any case.
  for (unsigned i = hasMask ? 5 : 4; i < count; ++i)
    inputs.insert(op->getOperand(i));
  for (Value input : masks)
    addMask(input);
  pattern.insert(op);
  // What an operand was followed through is inside wherever it is used.
  inputs.remove_if(
      [&](Value input) { return pattern.contains(input.getDefiningOp()); });
  pattern = sortOps(pattern);
  mask = sortOps(mask);
}

/// Whether IREE finds a value of this type where the pattern has that one.
static bool isCastable(Type type, Type pattern) {
  auto from = dyn_cast<RankedTensorType>(type);
  auto to = dyn_cast<RankedTensorType>(pattern);
  if (!from || !to)
    return type == pattern;
  return from.getRank() == to.getRank() &&
         from.getElementType() == to.getElementType() &&
         from.getEncoding() == to.getEncoding() &&
         llvm::all_of(llvm::zip(from.getShape(), to.getShape()), [](auto pair) {
           auto [from, to] = pair;
           return ShapedType::isDynamic(to) || from == to;
         });
}

/// Whether IREE finds the pattern of `candidate` at `root`.
static bool matches(const Candidate &candidate, Operation *root) {
  llvm::SmallDenseMap<Value, Value> bound;
  auto match = [&](auto &match, Operation *pattern, Operation *op) -> bool {
    if (op->getName() != pattern->getName() ||
        op->getNumOperands() != pattern->getNumOperands() ||
        op->getNumResults() != pattern->getNumResults() ||
        op->getNumRegions() != pattern->getNumRegions() ||
        op->getDiscardableAttrDictionary() !=
            pattern->getDiscardableAttrDictionary() ||
        op->getPropertiesAsAttribute() != pattern->getPropertiesAsAttribute())
      return false;
    for (auto [mine, its] :
         llvm::zip(op->getResultTypes(), pattern->getResultTypes()))
      if (!isCastable(mine, its))
        return false;
    for (auto [mine, its] : llvm::zip(op->getRegions(), pattern->getRegions()))
      if (!OperationEquivalence::isRegionEquivalentTo(
              &mine, &its, OperationEquivalence::IgnoreLocations))
        return false;
    for (auto [mine, its] :
         llvm::zip(op->getOperands(), pattern->getOperands())) {
      auto [entry, isNew] = bound.try_emplace(its, mine);
      if (!isNew) {
        if (entry->second != mine)
          return false;
        continue;
      }
      if (candidate.inputs.contains(its)) {
        if (!isCastable(mine.getType(), its.getType()))
          return false;
        continue;
      }
      Operation *source = mine.getDefiningOp();
      if (!source || !match(match, its.getDefiningOp(), source))
        return false;
    }
    return true;
  };
  return match(match, candidate.op, root);
}

/// The matcher of a pattern, as IREE reads it.
static std::string printMatcher(const Candidate &candidate) {
  Location loc = candidate.op->getLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder b(module->getBodyRegion());
  ValueRange inputs = candidate.inputs.getArrayRef();
  auto function = func::FuncOp::create(
      b, loc, "pattern", b.getFunctionType(inputs.getTypes(), {}));
  b.setInsertionPointToStart(function.addEntryBlock());
  IRMapping mapping;
  mapping.map(inputs, function.getArguments());
  for (Operation *op : candidate.pattern)
    b.clone(*op, mapping);

  std::string text;
  llvm::raw_string_ostream os(text);
  os << "    %in, %matched = "
        "transform.iree.match.cast_compatible_dag_from_root "
        "%op {\n    ^bb0(";
  AsmState state(function,
                 OpPrintingFlags().printGenericOpForm().useLocalScope());
  llvm::interleaveComma(function.getArguments(), os, [&](BlockArgument value) {
    value.printAsOperand(os, state);
    os << ": " << value.getType();
  });
  os << "):\n";
  for (Operation &op : function.front()) {
    os << "      ";
    op.print(os, state);
    os << "\n";
  }
  os << "    } : (!transform.any_op) -> (!transform.any_value, "
        "!transform.any_value)\n";
  return text;
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// A loop that the map of one operand has and that of another has not.
static std::optional<unsigned> findLoop(AffineMap with, AffineMap without,
                                        AffineMap also) {
  std::optional<unsigned> found;
  for (unsigned loop : llvm::seq(with.getNumDims())) {
    if (!with.isFunctionOfDim(loop) || without.isFunctionOfDim(loop) ||
        !also.isFunctionOfDim(loop))
      continue;
    if (found)
      return std::nullopt;
    found = loop;
  }
  return found;
}

/// Makes attention causal whatever its mask. Why not, where that is not clear.
static std::string makeCausal(Operation *op) {
  auto properties =
      dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute());
  auto maps =
      properties ? properties.getAs<ArrayAttr>("indexing_maps") : ArrayAttr();
  unsigned count = op->getNumOperands();
  Block *body = op->getNumRegions() == 1 && op->getRegion(0).hasOneBlock()
                    ? &op->getRegion(0).front()
                    : nullptr;
  if (!maps || maps.size() != count || (count != 5 && count != 6) ||
      !llvm::all_of(maps, llvm::IsaPred<AffineMapAttr>) || !body ||
      body->getNumArguments() != 1 || body->back().getNumOperands() != 1)
    return "other operands, attributes or regions than those of attention";
  Value logit = body->getArgument(0);
  if (body->back().getOperand(0) != logit || !isa<FloatType>(logit.getType()))
    return "its region changes the logits";
  auto mapAt = [&](unsigned i) {
    return cast<AffineMapAttr>(maps[i]).getValue();
  };
  std::optional<unsigned> row = findLoop(mapAt(0), mapAt(1), mapAt(count - 1));
  std::optional<unsigned> column = findLoop(mapAt(1), mapAt(0), mapAt(2));
  OpBuilder outer(op);
  auto findSize = [&](unsigned i, std::optional<unsigned> loop) -> Value {
    if (!loop)
      return {};
    auto dim = mapAt(i).getResultPosition(outer.getAffineDimExpr(*loop));
    if (!dim || !isa<RankedTensorType>(op->getOperand(i).getType()))
      return {};
    return outer.createOrFold<tensor::DimOp>(op->getLoc(), op->getOperand(i),
                                             *dim);
  };
  Value queries = findSize(0, row), keys = findSize(1, column);
  if (!queries || !keys)
    return "which loops are over queries and keys is not clear";
  if (count == 6) {
    SmallVector<Attribute> kept(maps.getValue());
    kept.erase(kept.begin() + 4);
    SmallVector<NamedAttribute> entries;
    for (NamedAttribute entry : properties)
      if (entry.getName() == "indexing_maps")
        entries.emplace_back(entry.getName(),
                             ArrayAttr::get(op->getContext(), kept));
      else if (entry.getName() != "operandSegmentSizes")
        entries.push_back(entry);
    op->eraseOperand(4);
    // The dictionary is all that there is of an unregistered op.
    if (failed(op->setPropertiesFromAttribute(
            DictionaryAttr::get(op->getContext(), entries), nullptr)))
      return "its attributes cannot be changed";
  }
  OpBuilder b(&body->back());
  Location loc = op->getLoc();
  auto index = [&](unsigned loop) {
    OperationState state(loc, "iree_linalg_ext.index");
    state.propertiesAttr =
        b.getDictionaryAttr(b.getNamedAttr("dim", b.getI64IntegerAttr(loop)));
    state.addTypes(b.getIndexType());
    return b.create(state)->getResult(0);
  };
  auto type = cast<FloatType>(logit.getType());
  Value low = arith::ConstantOp::create(
      b, loc,
      b.getFloatAttr(
          type, APFloat::getInf(type.getFloatSemantics(), /*Negative=*/true)));
  // The queries are the last positions.
  Value rowIndex = index(*row), columnIndex = index(*column);
  Value before = arith::SubIOp::create(outer, loc, keys, queries);
  Value position = arith::AddIOp::create(b, loc, rowIndex, before);
  Value sees = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge,
                                     position, columnIndex);
  body->back().setOperand(
      0, arith::SelectOp::create(b, loc, sees, logit, low).getResult());
  return "";
}

/// Scores u[B,Hkv,N] of the keys k[B,Hkv,N,D].
static Value createScores(OpBuilder &b, Location loc, Value keys,
                          const IREEModelSpecOptions &options) {
  auto type = cast<RankedTensorType>(keys.getType());
  int64_t heads = type.getDimSize(1), keyCount = type.getDimSize(2),
          size = type.getDimSize(3), batch = type.getDimSize(0);
  int64_t rows = options.weights.getType().getDimSize(0);
  int64_t merged = ShapedType::isDynamic(batch) ? batch : batch * heads;
  Type f32 = b.getF32Type();
  // The features of every head are a sequence of their own.
  Value features = tensor::CollapseShapeOp::create(
      b, loc,
      RankedTensorType::get({merged, keyCount, size}, type.getElementType()),
      keys, SmallVector<ReassociationIndices>{{0, 1}, {2}, {3}});
  // W^T: weights come by columns.
  SmallVector<APFloat> values(options.weights.getValues<APFloat>());
  SmallVector<APFloat> transposed;
  for (int64_t i : llvm::seq(size))
    for (int64_t row : llvm::seq(rows))
      transposed.push_back(values[row * size + i]);
  Value weights = arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(RankedTensorType::get({size, rows}, f32),
                             transposed));
  Value all = ScoreOp::create(b, loc, features, weights, Value(), Value(),
                              b.getF64FloatAttr(options.slope),
                              NormAttr::get(b.getContext(), options.norm),
                              /*carry=*/UnitAttr())
                  .getScores();
  auto sizes = [&](Value of, ArrayRef<unsigned> dims) {
    SmallVector<OpFoldResult> sizes;
    for (unsigned dim : dims)
      sizes.push_back(tensor::getMixedSize(b, loc, of, dim));
    return sizes;
  };
  SmallVector<OpFoldResult> keySizes = sizes(keys, {0, 1, 2});
  auto scoreType = RankedTensorType::get({batch, heads, keyCount}, f32);
  if (rows == 1) {
    Value one = tensor::CollapseShapeOp::create(
        b, loc, RankedTensorType::get({merged, keyCount}, f32), all,
        SmallVector<ReassociationIndices>{{0, 1}, {2}});
    return tensor::ExpandShapeOp::create(
        b, loc, scoreType, one, SmallVector<ReassociationIndices>{{0, 1}, {2}},
        keySizes);
  }
  // Of the scores of a head by the weights of all its own are taken.
  Value split = tensor::ExpandShapeOp::create(
      b, loc, RankedTensorType::get({batch, heads, rows, keyCount}, f32), all,
      SmallVector<ReassociationIndices>{{0, 1}, {2}, {3}},
      {keySizes[0], keySizes[1], b.getIndexAttr(rows), keySizes[2]});
  Value empty = tensor::EmptyOp::create(b, loc, keySizes, f32);
  MLIRContext *context = b.getContext();
  AffineExpr dims[3];
  bindDimsList(context, MutableArrayRef<AffineExpr>(dims));
  auto own =
      AffineMap::get(3, 0, {dims[0], dims[1], dims[1], dims[2]}, context);
  SmallVector<utils::IteratorType> iterators(3, utils::IteratorType::parallel);
  Value scores =
      linalg::GenericOp::create(
          b, loc, empty.getType(), split, empty,
          ArrayRef<AffineMap>{own, b.getMultiDimIdentityMap(3)}, iterators,
          [](OpBuilder &b, Location loc, ValueRange values) {
            linalg::YieldOp::create(b, loc, values.front());
          })
          .getResult(0);
  if (scores.getType() == scoreType)
    return scores;
  return tensor::CastOp::create(b, loc, scoreType, scores);
}

/// The sizes of a tensor by the op that makes it, empty where that is not
/// known.
static SmallVector<OpFoldResult> getSizes(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return {};
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    return empty.getMixedSizes();
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return expand.getMixedOutputShape();
  if (isa<DestinationStyleOpInterface>(op))
    return getSizes(cast<DestinationStyleOpInterface>(op)
                        .getTiedOpOperand(cast<OpResult>(value))
                        ->get());
  // Its dynamic sizes come after the buffer view.
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (op->getName().getStringRef() == "hal.tensor.import" && type &&
      op->getNumOperands() > type.getNumDynamicDims())
    return getMixedValues(type.getShape(),
                          op->getOperands().slice(1, type.getNumDynamicDims()),
                          value.getContext());
  return {};
}

/// Takes sizes from the tensors that have them: only so is it known that they
/// are the same, and the mask may have sizes that the pattern has not.
static void mapSizes(const Candidate &candidate, OpBuilder &b,
                     IRMapping &mapping) {
  llvm::DenseSet<Value> mapped;
  for (Value input : candidate.inputs)
    for (auto [dim, size] : llvm::enumerate(getSizes(input)))
      if (auto value = dyn_cast<Value>(size);
          value && mapped.insert(value).second)
        mapping.map(value, tensor::DimOp::create(b, input.getLoc(),
                                                 mapping.lookup(input), dim)
                               .getResult());
}

/// Runs passes that need a module around a function.
static LogicalResult runPasses(ModuleOp module,
                               function_ref<void(OpPassManager &)> add) {
  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  add(passes);
  return passes.run(module);
}

/// Makes the function to put in place, with the inputs of the pattern as
/// arguments, or says at the op why it stays. Fails where nothing can be said
/// about any op.
static LogicalResult makeFunction(Candidate &candidate,
                                  const IREEModelSpecOptions &options) {
  Operation *op = candidate.op;
  auto leave = [&](const Twine &reason) {
    emitRemark(op->getLoc()) << "attention is left as it is: " << reason;
    return success();
  };
  if (op->getNumResults() != 1)
    return leave("has other than one result");
  if (usesOutsideValues(op))
    return leave("its region uses values from outside, which no transform spec "
                 "can compare");
  OwningOpRef<ModuleOp> module = ModuleOp::create(op->getLoc());
  OpBuilder b(module->getBodyRegion());
  ValueRange inputs = candidate.inputs.getArrayRef();
  auto function = func::FuncOp::create(
      b, op->getLoc(), "attention",
      b.getFunctionType(inputs.getTypes(), op->getResultTypes()));
  b.setInsertionPointToStart(function.addEntryBlock());
  IRMapping mapping;
  mapping.map(inputs, function.getArguments());
  mapSizes(candidate, b, mapping);
  for (Value input : candidate.maskInputs)
    if (!mapping.contains(input))
      mapping.map(
          input, function.front().addArgument(input.getType(), input.getLoc()));
  function.setFunctionType(b.getFunctionType(
      function.front().getArgumentTypes(), op->getResultTypes()));
  llvm::SetVector<Operation *> cloned = candidate.mask;
  cloned.insert_range(candidate.pattern);
  for (Operation *each : sortOps(cloned))
    b.clone(*each, mapping);
  Operation *root = mapping.lookup(op->getResult(0)).getDefiningOp();
  func::ReturnOp::create(b, op->getLoc(), root->getResults());
  if (options.anyMask)
    if (std::string reason = makeCausal(root); !reason.empty())
      return leave(reason);

  SparsekImportPassOptions import;
  import.topk = options.topk;
  import.window = options.window;
  import.gate = stringifyGate(options.gate).str();
  import.scores = "tensor";
  import.scoreHeads = "kv";
  if (failed(runPasses(*module, [&](OpPassManager &passes) {
        passes.addPass(createSparsekImportPass(import));
      })))
    return failure();
  AttentionOp attention;
  function.walk([&](AttentionOp found) { attention = found; });
  if (!attention)
    return success(); // The importer has said why.
  BlockArgument scores = function.getArguments().back();
  if (attention.getScores() != scores)
    return leave("a sliding window has no scores");
  auto keys = cast<RankedTensorType>(attention.getKey().getType());
  auto weights = cast<RankedTensorType>(options.weights.getType());
  int64_t rows = weights.getDimSize(0);
  if (weights.getDimSize(1) != keys.getDimSize(3) ||
      (rows != 1 && rows != keys.getDimSize(1)))
    return leave("weights[Hs, D] of " + Twine(rows) + " x " +
                 Twine(weights.getDimSize(1)) + " are not for " +
                 Twine(keys.getDimSize(1)) + " KV heads of size " +
                 Twine(keys.getDimSize(3)));
  b.setInsertionPoint(attention);
  scores.replaceAllUsesWith(
      createScores(b, op->getLoc(), attention.getKey(), options));
  if (failed(runPasses(*module, [](OpPassManager &passes) {
        passes.addPass(createCanonicalizerPass());
        passes.addPass(createCSEPass());
      })))
    return failure();
  // What only the mask and the scores came from; the pattern does not have it.
  llvm::BitVector dropped(function.getNumArguments());
  dropped.set(candidate.inputs.size(), dropped.size());
  for (BlockArgument argument :
       function.getArguments().drop_front(candidate.inputs.size()))
    if (!argument.use_empty())
      return leave("sizes of the mask are not those of query and key");
  if (failed(function.eraseArguments(dropped)))
    return failure();
  candidate.function = std::move(module);
  return success();
}

/// Candidates that have functions, without those that others stand for.
static SmallVector<Candidate *> selectCandidates(std::vector<Candidate> &all) {
  // IREE takes the first pattern that matches: the largest say most.
  SmallVector<Candidate *> ordered, kept;
  for (Candidate &candidate : all)
    if (candidate.function)
      ordered.push_back(&candidate);
  llvm::stable_sort(ordered, [](Candidate *a, Candidate *b) {
    return a->pattern.size() > b->pattern.size();
  });
  for (Candidate *candidate : ordered)
    if (llvm::none_of(kept, [&](Candidate *other) {
          return matches(*other, candidate->op);
        }))
      kept.push_back(candidate);
  return kept;
}

static std::string getFunctionName(size_t number) {
  return ("attention_" + Twine(number)).str();
}

/// A module with the functions of candidates as the passes leave them, or null.
/// What is reported is put into `diagnostics`.
static OwningOpRef<ModuleOp> runEmission(ArrayRef<Candidate *> candidates,
                                         const IREEModelSpecOptions &options,
                                         std::vector<Diagnostic> &diagnostics) {
  Location loc = candidates.front()->function->getLoc();
  OwningOpRef<ModuleOp> spec = ModuleOp::create(loc);
  for (auto [number, candidate] : llvm::enumerate(candidates)) {
    func::FuncOp function =
        (*candidate->function->getOps<func::FuncOp>().begin()).clone();
    function.setName(getFunctionName(number));
    spec->push_back(function);
  }
  ScopedDiagnosticHandler handler(loc.getContext(), [&](Diagnostic &each) {
    diagnostics.push_back(std::move(each));
    return success();
  });
  if (failed(runPasses(*spec, options.emit)))
    return nullptr;
  return spec;
}

/// Makes `spec` of the functions of `kept`. Candidates of which the passes can
/// make nothing lose theirs; remarks say why.
static LogicalResult emitFunctions(ModuleOp model,
                                   std::vector<Candidate> &candidates,
                                   const IREEModelSpecOptions &options,
                                   OwningOpRef<ModuleOp> &spec,
                                   SmallVector<Candidate *> &kept) {
  DiagnosticEngine &engine = model.getContext()->getDiagEngine();
  llvm::DenseSet<Candidate *> tried;
  while (true) {
    kept = selectCandidates(candidates);
    if (kept.empty())
      return model.emitError("no attention can be replaced");
    std::vector<Diagnostic> diagnostics;
    spec = runEmission(kept, options, diagnostics);
    bool isLess = false;
    for (Candidate *candidate : kept) {
      if (spec || !tried.insert(candidate).second)
        continue;
      std::vector<Diagnostic> reasons;
      if (runEmission(candidate, options, reasons))
        continue;
      isLess = true;
      auto error = llvm::find_if(reasons, [](Diagnostic &each) {
        return each.getSeverity() == DiagnosticSeverity::Error;
      });
      std::string reason =
          error == reasons.end() ? "it cannot be emitted" : error->str();
      // Of the same op in many layers, each would fail alike.
      for (Candidate &other : candidates)
        if (other.function && matches(*candidate, other.op) &&
            matches(other, candidate->op)) {
          emitRemark(other.op->getLoc())
              << "attention is left as it is: " << reason;
          other.function = nullptr;
        }
    }
    if (isLess)
      continue;
    for (Diagnostic &diagnostic : diagnostics)
      engine.emit(std::move(diagnostic));
    return success(bool(spec));
  }
}

LogicalResult sparsek::emitIREEModelSpec(ModuleOp model,
                                         const IREEModelSpecOptions &options,
                                         raw_ostream &os) {
  model.getContext()
      ->loadDialect<arith::ArithDialect, func::FuncDialect,
                    linalg::LinalgDialect, tensor::TensorDialect,
                    SparseKDialect>();
  std::vector<Candidate> candidates;
  model.walk([&](Operation *op) {
    if (op->getName().getStringRef() == "iree_linalg_ext.attention")
      candidates.emplace_back(op);
  });
  if (candidates.empty())
    return model.emitError(
        "the model has no iree_linalg_ext.attention; it is wanted as "
        "iree-compile --compile-to=abi --mlir-print-op-generic prints it");
  for (Candidate &candidate : candidates)
    if (failed(makeFunction(candidate, options)))
      return failure();
  OwningOpRef<ModuleOp> spec;
  SmallVector<Candidate *> kept;
  if (failed(emitFunctions(model, candidates, options, spec, kept)))
    return failure();
  for (Candidate &candidate : candidates)
    for (Candidate *other : kept)
      if (!candidate.function && matches(*other, candidate.op)) {
        InFlightDiagnostic diagnostic =
            emitError(candidate.op->getLoc())
            << "attention that is to stay would be replaced too";
        diagnostic.attachNote(other->op->getLoc())
            << "no transform spec can tell it from this one";
        return diagnostic;
      }

  std::vector<IREEReplacement> replacements;
  for (auto [number, candidate] : llvm::enumerate(kept))
    replacements.push_back(
        {spec->lookupSymbol<func::FuncOp>(getFunctionName(number)),
         {printMatcher(*candidate)}});
  return writeIREESpec(*spec, replacements, model, os);
}
