//===- SparseKToIREE.cpp - sparsek to dispatches of IREE ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "EntryPoint.h"
#include "GenericOps.h"
#include "HostPlan.h"

#include "sparsek/CUDARuntime/Selection.h"
#include "sparsek/Dialect/SparseK/Transforms/Passes.h"
#include "sparsek/Support/GPUTarget.h"
#include "sparsek/Transforms/KernelBinary.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

namespace sparsek {
#define GEN_PASS_DEF_CONVERTSPARSEKTOIREEPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;
using cuda::Argument;
using cuda::ArgumentType;
using cuda::GridFactor;

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

namespace {
/// The kernels that an op names.
struct Kernels {
  cuda::LaunchRecord record;
  /// By their names.
  llvm::StringMap<gpu::BinaryOp> binaries;
};

/// The kernels of a module.
class KernelTable {
public:
  /// Reads all entry points. Fails where one is malformed.
  LogicalResult read(ModuleOp module);
  const Kernels *lookup(StringRef name) const {
    auto found = kernels.find(name);
    return found == kernels.end() ? nullptr : &found->second;
  }
  void erase() {
    for (auto &entry : kernels)
      for (auto &binary : entry.second.binaries)
        binary.second.erase();
    kernels.clear();
  }

private:
  LogicalResult read(gpu::BinaryOp binary, DictionaryAttr entryPoint);

  llvm::StringMap<Kernels> kernels;
};
} // namespace

LogicalResult KernelTable::read(ModuleOp module) {
  for (auto binary : module.getOps<gpu::BinaryOp>())
    if (Attribute attribute = binary->getAttr(kEntryPointAttr))
      if (failed(read(binary, dyn_cast<DictionaryAttr>(attribute))))
        return failure();
  for (auto &entry : kernels)
    for (const cuda::KernelRecord &kernel : entry.second.record.kernels)
      if (!entry.second.binaries.contains(kernel.name))
        return entry.second.binaries.begin()->second.emitError(
                   "there is no gpu.binary for the entry point '")
               << kernel.name << "' of the launch record";
  return success();
}

LogicalResult KernelTable::read(gpu::BinaryOp binary,
                                DictionaryAttr entryPoint) {
  auto get = [&](StringRef name) {
    return entryPoint ? entryPoint.get(name) : Attribute();
  };
  auto symbol = dyn_cast_or_null<FlatSymbolRefAttr>(get("kernels"));
  auto name = dyn_cast_or_null<StringAttr>(get("name"));
  auto attribute = dyn_cast_or_null<DictionaryAttr>(get("record"));
  if (!symbol || !name || !attribute)
    return binary.emitError("'")
           << kEntryPointAttr
           << "' must be a dictionary with a symbol 'kernels', a string 'name' "
              "and a dictionary 'record'";
  llvm::Expected<gpu::ObjectAttr> object = getObject(binary);
  if (!object)
    return binary.emitError(llvm::toString(object.takeError()));
  llvm::Expected<cuda::LaunchRecord> record =
      cuda::LaunchRecord::parse(getRecordText(attribute));
  if (!record)
    return binary.emitError(llvm::toString(record.takeError()));
  if (!GPUTarget::get(record->chip))
    return binary.emitError("the launch record is of '")
           << record->chip << "'; there are kernels for "
           << GPUTarget::getAccepted();
  Kernels &entry = kernels[symbol.getValue()];
  entry.record = std::move(*record);
  if (!entry.binaries.try_emplace(name.getValue(), binary).second)
    return binary.emitError("there are two entry points '")
           << name.getValue() << "' of " << symbol;
  return success();
}

//===----------------------------------------------------------------------===//
// Dispatches
//===----------------------------------------------------------------------===//

namespace {
/// Emits the dispatches that take the place of one op.
class Dispatcher {
public:
  Dispatcher(Operation *op, HostBuilder &b, const Kernels &kernels,
             HostPlan &plan)
      : op(op), b(b), kernels(kernels), plan(plan) {}

  /// Checks what launches need; at compile time what is known then.
  LogicalResult check();
  void addInput(Argument argument, Value tensor) {
    if (tensor)
      arrays[size_t(argument)] = tensor;
  }
  /// An array that kernels write: result `number` of the op, or what would be.
  void addOutput(Argument argument, unsigned number, Type type);
  /// Launches a kernel of the record where `needed`. A record that asks for
  /// what there is not shows in the result of `finish`.
  void launch(size_t index, Value needed);
  void launchAll() {
    for (size_t index = 0; index < kernels.record.kernels.size(); ++index)
      launch(index, plan.runs);
  }
  LogicalResult finish(ArrayRef<Argument> results);

private:
  /// Whether there is all that a kernel takes.
  LogicalResult checkArguments(const cuda::KernelRecord &kernel);
  Value countBlocks(const cuda::KernelRecord &kernel, GridFactor factor);
  SmallVector<NamedAttribute> getProperties(const cuda::KernelRecord &kernel,
                                            unsigned numWords,
                                            ArrayRef<bool> isWritten,
                                            ArrayRef<int32_t> segments);
  Value makeTensor(RankedTensorType type, ArrayRef<Value> sizes);

  Operation *op;
  HostBuilder &b;
  const Kernels &kernels;
  HostPlan &plan;
  std::array<Value, cuda::kNumArguments> arrays;
  std::array<bool, cuda::kNumArguments> isOutput = {};
  Value workspace;
  LogicalResult result = success();
};
} // namespace

LogicalResult Dispatcher::check() {
  for (const auto &[condition, text] : plan.conditions) {
    std::optional<int64_t> known = HostBuilder::getConstant(condition);
    if (known && *known == 0)
      return op->emitOpError(text);
    if (!known)
      cf::AssertOp::create(
          b, condition,
          ("'" + op->getName().getStringRef() + "' op " + text).str());
  }
  return success();
}

Value Dispatcher::makeTensor(RankedTensorType type, ArrayRef<Value> sizes) {
  SmallVector<Value> dynamic;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      dynamic.push_back(sizes[i]);
  return tensor::EmptyOp::create(b, type, dynamic);
}

void Dispatcher::addOutput(Argument argument, unsigned number, Type type) {
  arrays[size_t(argument)] =
      makeTensor(cast<RankedTensorType>(type), plan.sizes[number]);
  isOutput[size_t(argument)] = true;
}

LogicalResult Dispatcher::checkArguments(const cuda::KernelRecord &kernel) {
  auto emitError = [&](StringRef verb, StringRef name) {
    return op->emitOpError("kernel '")
           << kernel.name << "' " << verb << " '" << name << "', which '"
           << kernels.record.getOp() << "' does not have here";
  };
  for (GridFactor factor : kernel.grid)
    if (!plan[factor])
      return emitError("has a grid of", cuda::getName(factor));
  for (Argument argument : kernel.arguments)
    if (!plan[argument] && !arrays[size_t(argument)])
      return emitError("takes", cuda::getName(argument));
  return success();
}

/// How many blocks a factor stands for.
Value Dispatcher::countBlocks(const cuda::KernelRecord &kernel,
                              GridFactor factor) {
  constexpr int64_t warpSize = 32;
  Value count = plan[factor];
  switch (factor) {
  case GridFactor::Persistent: {
    // A guess is good enough: with more or less blocks the work is the same.
    int64_t multiprocessors =
        GPUTarget::get(kernels.record.chip)->multiprocessors;
    return b.min({b.index(multiprocessors * kernel.blocksPerSM), count});
  }
  case GridFactor::KeyBlocks:
    return b.ceilDiv({count, b.index(kernel.threads)});
  case GridFactor::BoundaryBlocks:
    return b.ceilDiv(
        {count, b.index(std::max<int64_t>(kernel.threads / warpSize, 1))});
  default:
    return count;
  }
}

SmallVector<NamedAttribute>
Dispatcher::getProperties(const cuda::KernelRecord &kernel, unsigned numWords,
                          ArrayRef<bool> isWritten,
                          ArrayRef<int32_t> segments) {
  MLIRContext *context = b.getContext();
  gpu::BinaryOp binary = kernels.binaries.lookup(kernel.name);
  gpu::ObjectAttr object = llvm::cantFail(getObject(binary));
  bool isText = object.getFormat() == gpu::CompilationTarget::Assembly;
  std::string path = (binary.getName() + (isText ? ".ptx" : ".cubin")).str();

  Attribute layout = iree::getLayout(context, numWords, isWritten);
  Attribute target = iree::getHALAttr(
      context,
      "executable.target<\"cuda\", \"cuda-nvptx-fb\", {target_arch = " +
          iree::quote(kernels.record.chip) + "}>");
  Attribute data = iree::getHALAttr(
      context, "executable.object<{path = " + iree::quote(path) +
                   ", data = " + iree::quote(getImage(object)) + "}>");
  // Every array that is written is one that was given, changed.
  SmallVector<Attribute> tied;
  for (auto [position, written] : llvm::enumerate(isWritten))
    if (written)
      tied.push_back(b.getIndexAttr(numWords + position));
  Attribute one = b.getIndexAttr(1);
  SmallVector<NamedAttribute> properties{
      b.getNamedAttr("export_name", b.getStringAttr(kernel.name)),
      b.getNamedAttr("layout", layout),
      b.getNamedAttr("operandSegmentSizes", b.getDenseI32ArrayAttr(segments)),
      b.getNamedAttr("target_objects",
                     b.getArrayAttr({b.getArrayAttr({data})})),
      b.getNamedAttr("target_ordinals", b.getArrayAttr({b.getIndexAttr(0)})),
      b.getNamedAttr("targets", b.getArrayAttr({target})),
      b.getNamedAttr("tied_operands", b.getArrayAttr(tied)),
      b.getNamedAttr(
          "workgroup_size",
          b.getArrayAttr({b.getIndexAttr(kernel.threads), one, one}))};
  if (kernel.sharedBytes)
    properties.push_back(b.getNamedAttr("workgroup_local_memory",
                                        b.getIndexAttr(kernel.sharedBytes)));
  return properties;
}

void Dispatcher::launch(size_t index, Value needed) {
  if (HostBuilder::getConstant(needed) == 0)
    return;
  const cuda::KernelRecord &kernel = kernels.record.kernels[index];
  if (succeeded(result))
    result = checkArguments(kernel);
  if (failed(result))
    return;
  EntryPoint entryPoint(kernel.arguments);
  Value one = b.index(1), none = b.index(0);
  // No grid is empty: a kernel with nothing to do is told so.
  SmallVector<Value> operands;
  for (size_t axis = 0; axis < 2; ++axis) {
    Value blocks = one;
    if (axis < kernel.grid.size())
      blocks = countBlocks(kernel, kernel.grid[axis]);
    operands.push_back(b.select({needed, blocks, one}));
  }

  for (Argument part : entryPoint.parts)
    operands.push_back(b.word(plan[part]));
  for (Argument scalar : entryPoint.scalars) {
    if (getNumWords(scalar) == 1)
      operands.push_back(b.word(plan[scalar]));
    else
      llvm::append_range(operands, b.words(plan[scalar]));
  }
  operands.push_back(b.word(b.select({needed, one, none})));
  unsigned numWords = entryPoint.getNumWords();

  SmallVector<bool> isWritten;
  SmallVector<Value *> written;
  SmallVector<Value> argumentSizes, resultSizes;
  auto addTensor = [&](Value &tensor, bool isOutput) {
    operands.push_back(tensor);
    isWritten.push_back(isOutput);
    if (isOutput)
      written.push_back(&tensor);
    auto type = cast<RankedTensorType>(tensor.getType());
    for (int64_t i = 0; i < type.getRank(); ++i) {
      if (!type.isDynamicDim(i))
        continue;
      // The workspace has the one size that is computed here.
      Value size =
          &tensor == &workspace ? plan.workspaceBytes : b.dim(tensor, i);
      argumentSizes.push_back(size);
      if (isOutput)
        resultSizes.push_back(size);
    }
  };
  for (Argument array : entryPoint.arrays)
    addTensor(arrays[size_t(array)], isOutput[size_t(array)]);
  if (entryPoint.hasWorkspace()) {
    if (!workspace) {
      std::optional<int64_t> bytes =
          HostBuilder::getConstant(plan.workspaceBytes);
      auto type = RankedTensorType::get(bytes.value_or(ShapedType::kDynamic),
                                        b.getI8Type());
      workspace = makeTensor(type, plan.workspaceBytes);
    }
    addTensor(workspace, true);
  }

  const int32_t segments[] = {
      2, int32_t(numWords + entryPoint.getNumPointers()),
      int32_t(argumentSizes.size()), int32_t(resultSizes.size())};
  llvm::append_range(operands, argumentSizes);
  llvm::append_range(operands, resultSizes);
  SmallVector<Type> types;
  for (Value *tensor : written)
    types.push_back(tensor->getType());
  // The grid is computed out here.
  Operation *dispatch = iree::createOp(
      b, b.getLoc(), "hal.dispatch.extern", types, operands,
      getProperties(kernel, numWords, isWritten, segments), /*numRegions=*/2);
  iree::buildWorkgroupCount(b, dispatch->getRegion(0), 2);
  for (auto [tensor, result] : llvm::zip_equal(written, dispatch->getResults()))
    *tensor = result;
}

LogicalResult Dispatcher::finish(ArrayRef<Argument> results) {
  if (failed(result))
    return failure();
  for (auto [value, argument] : llvm::zip_equal(op->getResults(), results))
    value.replaceAllUsesWith(arrays[size_t(argument)]);
  op->erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// What is compiled into the kernels of an op.
template <typename Op> struct RecordOf;
template <> struct RecordOf<GatheredAttentionOp> {
  using Type = cuda::AttentionRecord;
};
template <> struct RecordOf<TopkMaskOp> {
  using Type = cuda::SelectionRecord;
};
template <> struct RecordOf<ScoreOp> {
  using Type = cuda::ScoreRecord;
};

static LogicalResult emit(GatheredAttentionOp op, const Kernels &kernels) {
  HostBuilder b(op.getLoc(), op);
  HostPlan plan = planAttention(b, kernels.record, op);
  Dispatcher dispatcher(op, b, kernels, plan);
  if (failed(dispatcher.check()))
    return failure();
  dispatcher.addInput(Argument::Q, op.getQuery());
  dispatcher.addInput(Argument::K, op.getKey());
  dispatcher.addInput(Argument::V, op.getValue());
  dispatcher.addInput(Argument::U, op.getScores());
  dispatcher.addInput(Argument::Tau, op.getThreshold());
  dispatcher.addInput(Argument::Expiry, op.getExpiry());
  dispatcher.addInput(Argument::Sink, op.getSink());
  dispatcher.addInput(Argument::CuSeqlens, op.getCuSeqlens());
  dispatcher.addOutput(Argument::O, 0, op.getOutput().getType());
  dispatcher.addOutput(Argument::Lse, 1, op.getLse().getType());
  dispatcher.launchAll();
  return dispatcher.finish({Argument::O, Argument::Lse});
}

static LogicalResult emit(TopkMaskOp op, const Kernels &kernels) {
  const auto &record =
      std::get<cuda::SelectionRecord>(kernels.record.operation);
  HostBuilder b(op.getLoc(), op);
  HostSelectionPlan plan = planSelection(b, record, op);
  Dispatcher dispatcher(op, b, kernels, plan);
  if (failed(dispatcher.check()))
    return failure();
  Type counts = op.getExpiry().getType();
  dispatcher.addInput(Argument::U, op.getScores());
  dispatcher.addInput(Argument::CuSeqlens, op.getCuSeqlens());
  dispatcher.addOutput(Argument::Tau, 0, op.getThreshold().getType());
  dispatcher.addOutput(Argument::Expiry, 1, counts);
  // Computed in any case.
  dispatcher.addOutput(Argument::Interior, 2, counts);

  auto launch = [&](size_t kernel, Value needed) {
    dispatcher.launch(kernel, b.both({plan.runs, needed}));
  };
  Value always = plan.runs;
  if (record.packed)
    launch(record.documents, always);
  // Keys go from one pair of buffers to the other and back: `sorted` is the one
  // that was written last.
  auto from = [&](Value sorted) {
    plan[Argument::CodesFrom] =
        b.select({sorted, plan.codes[1], plan.codes[0]});
    plan[Argument::OrderFrom] =
        b.select({sorted, plan.order[1], plan.order[0]});
    Value next = b.negate(sorted);
    plan[Argument::CodesTo] = b.select({next, plan.codes[1], plan.codes[0]});
    plan[Argument::OrderTo] = b.select({next, plan.order[1], plan.order[0]});
    return next;
  };
  Value sorted = b.boolean(true);
  for (auto [shift, needed] : plan.digits) {
    Value next = from(sorted);
    plan[Argument::Shift] = b.index(shift);
    launch(record.count[shift != 0], needed);
    launch(record.scatter[shift != 0], needed);
    sorted = b.select({needed, next, sorted});
  }
  Value next = from(sorted);
  launch(record.sortTiles, plan.isMerged);
  sorted = b.select({plan.isMerged, next, sorted});
  for (auto [number, needed] : llvm::enumerate(plan.merges)) {
    next = from(sorted);
    plan[Argument::ListLog2] =
        b.index(record.sortTileLog2 + cuda::kMergedLog2 * number);
    launch(record.mergeLists, needed);
    sorted = b.select({needed, next, sorted});
  }
  plan[Argument::Codes] = b.select({sorted, plan.codes[1], plan.codes[0]});
  plan[Argument::Order] = b.select({sorted, plan.order[1], plan.order[0]});
  launch(record.rankTable, always);
  for (auto [size, isSize] : llvm::zip_equal(record.sizes, plan.isSize))
    launch(size.boundaries, isSize);
  launch(record.rankScan, always);
  for (auto [size, isSize] : llvm::zip_equal(record.sizes, plan.isSize))
    launch(size.thresholds, isSize);
  launch(record.expiries, always);
  SmallVector<Argument> results{Argument::Tau, Argument::Expiry};
  if (op.getInteriorCount())
    results.push_back(Argument::Interior);
  return dispatcher.finish(results);
}

static LogicalResult emit(ScoreOp op, const Kernels &kernels) {
  if (op.getStatistics() || op.getCarry())
    return op.emitOpError(
        "cannot be emitted for CUDA with statistics: they are "
        "f64, which iree-compile makes f32; accepted are "
        "scores of whole sequences");
  HostBuilder b(op.getLoc(), op);
  HostPlan plan =
      planScore(b, std::get<cuda::ScoreRecord>(kernels.record.operation), op);
  Dispatcher dispatcher(op, b, kernels, plan);
  if (failed(dispatcher.check()))
    return failure();
  dispatcher.addInput(Argument::Features, op.getFeatures());
  dispatcher.addInput(Argument::Weight, op.getWeight());
  dispatcher.addOutput(Argument::U, 0, op.getScores().getType());
  dispatcher.launchAll();
  return dispatcher.finish({Argument::U});
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Whether convert-sparsek-to-linalg makes nothing in f64 of an op: what
/// iree-compile would make f32.
static bool isLinalgWithoutF64(Operation *op) {
  if (auto score = dyn_cast<ScoreOp>(op))
    return score.getNorm() == Norm::None && score.getSlope().isZero() &&
           !score.getCarry() && !score.getStatistics();
  return isa<GatheredAttentionOp, CausalAttentionOp>(op);
}

namespace {
struct ConvertSparseKToIREE
    : public sparsek::impl::ConvertSparseKToIREEPassBase<ConvertSparseKToIREE> {
  using ConvertSparseKToIREEPassBase::ConvertSparseKToIREEPassBase;
  LogicalResult initialize(MLIRContext *context) override {
    // For the ops, types and attributes of IREE.
    context->allowUnregisteredDialects();
    return success();
  }
  void runOnOperation() override;

private:
  LogicalResult convert(Operation *op, const KernelTable &table);
  /// Whether `op` stays for convert-sparsek-to-linalg.
  bool isLeft(Operation *op) {
    return fallback && !op->hasAttr(kKernelsAttr) && isLinalgWithoutF64(op);
  }
  /// A private function with a copy of `op`, or one that is there already.
  func::FuncOp outline(Operation *op, SymbolTable &symbols);

  /// By name, attributes and types of the op, and the kind of its function.
  DenseMap<Attribute, func::FuncOp> functions;
};
} // namespace

func::FuncOp ConvertSparseKToIREE::outline(Operation *op,
                                           SymbolTable &symbols) {
  OpBuilder b(op);
  auto type = b.getFunctionType(op->getOperandTypes(), op->getResultTypes());
  // A util.func calls none that a func.func calls.
  bool isUtil = op->getParentOfType<func::FuncOp>()->hasAttr(iree::kUtilAttr);
  Attribute key =
      b.getArrayAttr({op->getName().getIdentifier(), op->getAttrDictionary(),
                      TypeAttr::get(type), b.getBoolAttr(isUtil)});
  func::FuncOp &function = functions[key];
  if (!function) {
    std::string name = "sparsek_" + op->getName().stripDialect().str();
    function = func::FuncOp::create(op->getLoc(), name, type);
    function.setPrivate();
    symbols.insert(function);
    Block *body = function.addEntryBlock();
    b.setInsertionPointToEnd(body);
    IRMapping mapping;
    mapping.map(op->getOperands(), body->getArguments());
    Operation *copy = b.clone(*op, mapping);
    func::ReturnOp::create(b, op->getLoc(), copy->getResults());
  }
  b.setInsertionPoint(op);
  auto call =
      func::CallOp::create(b, op->getLoc(), function, op->getOperands());
  op->replaceAllUsesWith(call.getResults());
  op->erase();
  return function;
}

LogicalResult ConvertSparseKToIREE::convert(Operation *op,
                                            const KernelTable &table) {
  if (!op->isRegistered())
    return emitUnknownOpError(op);
  auto name = op->getAttrOfType<FlatSymbolRefAttr>(kKernelsAttr);
  if (!name)
    return op->emitOpError(
        "cannot be emitted for CUDA: it has no kernels; "
        "docs/IREE.md says for which types and sizes there "
        "are kernels, and what the option fallback takes besides");
  const Kernels *kernels = table.lookup(name.getValue());
  if (!kernels)
    return op->emitOpError("refers by '")
           << kKernelsAttr << "' to " << name
           << ", of which there are no entry points in this module";
  insertRuntimeChecks(op, /*readsTensors=*/false);
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<GatheredAttentionOp, TopkMaskOp, ScoreOp>([&](auto known) {
        using Record = typename RecordOf<decltype(known)>::Type;
        if (!std::holds_alternative<Record>(kernels->record.operation))
          return LogicalResult(known.emitOpError("refers to kernels of '")
                               << kernels->record.getOp() << "'");
        return emit(known, *kernels);
      })
      .Default([](Operation *other) {
        return other->emitOpError("has no kernels");
      });
}

void ConvertSparseKToIREE::runOnOperation() {
  functions.clear();
  KernelTable table;
  SymbolTable symbols(getOperation());
  if (failed(table.read(getOperation())))
    return signalPassFailure();
  SmallVector<Operation *> ops;
  getOperation().walk([&](Operation *op) {
    if (!isa_and_present<SparseKDialect>(op->getDialect()))
      return;
    if (!isLeft(op)) {
      ops.push_back(op);
      return;
    }
    insertRuntimeChecks(op, /*readsTensors=*/false);
    op->emitRemark(
        "has no kernels: iree-compile compiles its definition, which "
        "takes longer");
  });
  llvm::SetVector<Operation *> emitted;
  for (Operation *op : ops) {
    if (!op->getParentOfType<func::FuncOp>()) {
      op->emitOpError(
          "must be in a func.func: run convert-util-to-func before");
      return signalPassFailure();
    }
    emitted.insert(&outline(op, symbols).front().front());
  }
  for (Operation *op : emitted)
    if (failed(convert(op, table)))
      return signalPassFailure();
  table.erase();
}
