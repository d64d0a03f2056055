//===- VectorToIREE.cpp - Vector kernels to executables of IREE -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A kernel of convert-sparsek-to-vector computes work items in parallel loops,
// mostly one. Each loop becomes an entry point of an executable, whose
// workgroups share the items. What the kernel does beside its loops, such as
// packing weights into scratch memory, every workgroup does for itself.
//
//   constants   the sizes of all buffers, a word each; the scalars; bytes of
//               scratch of a workgroup; an f64 of the kernel's (below)
//   bindings    the inputs; then the outputs, and the scratch of all workgroups
//
// iree-compile makes f64 f32 unless it is told not to. A kernel that computes
// in f64 (without sparsek-expand-f64) would be wrong then, so that one of its
// constants comes as two words: they make no f32, which iree-compile says.
//
// How many items there are, and how much scratch, is computed by the caller
// with copies of the ops that compute it in the kernel.
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "GenericOps.h"
#include "HostBuilder.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"

namespace sparsek {
#define GEN_PASS_DEF_CONVERTVECTORTOIREEPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

/// Workgroups of a dispatch, at most: each has scratch of its own.
static constexpr int64_t kMaxWorkgroups = 64;
/// Of parts of the scratch.
static constexpr int64_t kScratchAlignment = 64;

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// The loops of a kernel over its work items.
static SmallVector<scf::ParallelOp> getLoops(func::FuncOp kernel) {
  return llvm::to_vector(kernel.getOps<scf::ParallelOp>());
}

/// What is allocated by a work item of `loop`, or beside the loops.
static SmallVector<memref::AllocOp> getScratch(scf::ParallelOp loop) {
  auto beside = loop->getBlock()->getOps<memref::AllocOp>();
  SmallVector<memref::AllocOp> scratch(beside.begin(), beside.end());
  llvm::append_range(scratch, loop.getBody()->getOps<memref::AllocOp>());
  return scratch;
}

/// Whether nothing that `op` does is seen outside of a workgroup.
static bool isLocal(Operation *op) {
  WalkResult result = op->walk([](Operation *nested) {
    Value written;
    if (auto store = dyn_cast<memref::StoreOp>(nested))
      written = store.getMemRef();
    else if (auto store = dyn_cast<vector::StoreOp>(nested))
      written = store.getBase();
    else if (isa<memref::AllocOp, memref::DeallocOp, memref::LoadOp,
                 vector::LoadOp>(nested) ||
             nested->hasTrait<OpTrait::HasRecursiveMemoryEffects>() ||
             isMemoryEffectFree(nested))
      return WalkResult::advance();
    bool isScratch = written && written.getDefiningOp<memref::AllocOp>();
    return isScratch ? WalkResult::advance() : WalkResult::interrupt();
  });
  return !result.wasInterrupted();
}

/// Fails, with an error, where a function is none.
static LogicalResult checkKernel(func::FuncOp function) {
  auto emitError = [&](const Twine &text) {
    return function.emitError("is no kernel of convert-sparsek-to-vector: ")
           << text;
  };
  if (function.isExternal() || !function.isPrivate() ||
      function.getNumResults() != 0 || !function.getBody().hasOneBlock())
    return emitError("it must be private, with one block and no results");
  for (Type type : function.getArgumentTypes())
    if (!isa<MemRefType>(type) && !type.isIndex() && !type.isInteger(64) &&
        !type.isF32() && !type.isF64())
      return emitError("it must take buffers, and scalars of type index, i64, "
                       "f32 or f64");
  SmallVector<scf::ParallelOp> loops = getLoops(function);
  if (loops.empty())
    return emitError("there must be an scf.parallel over its work items");
  for (scf::ParallelOp loop : loops)
    if (loop.getNumLoops() != 1 || loop.getNumResults() != 0 ||
        getConstantIntValue(loop.getLowerBound()[0]) != 0 ||
        getConstantIntValue(loop.getStep()[0]) != 1)
      return emitError("an scf.parallel over work items must begin at 0, in "
                       "steps of 1, and have no results");
  for (Operation &op : function.front().without_terminator())
    if (!isa<scf::ParallelOp>(op) && !isLocal(&op))
      return emitError("beside its scf.parallel it may write scratch only");
  return success();
}

/// Bytes of one allocation, aligned. `sizes` are its dynamic sizes.
static Value getBytes(HostBuilder &b, memref::AllocOp alloc, ValueRange sizes) {
  MemRefType type = alloc.getType();
  Value bytes = b.index(llvm::divideCeil(type.getElementTypeBitWidth(), 8));
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      bytes = b.mul({bytes, b.index(size)});
  for (Value size : sizes)
    bytes = b.mul({bytes, size});
  return b.alignTo(bytes, kScratchAlignment);
}

//===----------------------------------------------------------------------===//
// Executables
//===----------------------------------------------------------------------===//

namespace {
/// Emits one entry point of an executable.
class EntryBuilder {
public:
  EntryBuilder(func::FuncOp function, Attribute layout)
      : function(function), b(function.getLoc(), function), layout(layout) {}

  /// Makes the function, which has the arguments of the kernel, one without,
  /// of which every workgroup has its share of loop `number`.
  void build(size_t number);

private:
  Value loadWord();
  /// A scalar of a type that kernels take.
  Value loadScalar(Type type);
  Value getInterface(StringRef name);
  Value bind(unsigned number, MemRefType type, ValueRange sizes);
  void placeScratch(ArrayRef<memref::AllocOp> allocs, Value scratch,
                    Value begin);

  func::FuncOp function;
  HostBuilder b;
  Attribute layout;
  unsigned nextWord = 0;
};
} // namespace

static unsigned getNumWords(Type type) {
  if (auto memref = dyn_cast<MemRefType>(type))
    return memref.getRank();
  return type.isF32() ? 1 : 2;
}

/// A constant of type f64, null where a kernel does without.
static arith::ConstantOp findWideConstant(func::FuncOp kernel) {
  arith::ConstantOp found;
  kernel.walk([&](arith::ConstantOp constant) {
    if (!constant.getType().isF64())
      return WalkResult::advance();
    found = constant;
    return WalkResult::interrupt();
  });
  return found;
}

static bool isBufferOfF64(Type type) {
  auto buffer = dyn_cast<MemRefType>(type);
  return buffer && buffer.getElementType().isF64();
}

/// With those of the scratch, an index, and of a constant.
static unsigned getNumWords(func::FuncOp function) {
  unsigned words = findWideConstant(function) ? 4 : 2;
  for (Type type : function.getArgumentTypes())
    words += getNumWords(type);
  return words;
}

Value EntryBuilder::loadWord() {
  Operation *load = iree::createOp(
      b, b.getLoc(), "hal.interface.constant.load", b.getI32Type(), {},
      {b.getNamedAttr("layout", layout),
       b.getNamedAttr("ordinal", b.getIndexAttr(nextWord++))});
  return load->getResult(0);
}

Value EntryBuilder::loadScalar(Type type) {
  if (type.isF32())
    return arith::BitcastOp::create(b, type, loadWord());
  Type i64 = b.getI64Type();
  Value low = arith::ExtUIOp::create(b, i64, loadWord());
  Value high = arith::ExtUIOp::create(b, i64, loadWord());
  Value half = arith::ConstantOp::create(b, b.getI64IntegerAttr(32));
  Value value =
      arith::OrIOp::create(b, low, arith::ShLIOp::create(b, high, half));
  if (type.isF64())
    return arith::BitcastOp::create(b, type, value);
  if (type.isIndex())
    return arith::IndexCastOp::create(b, type, value);
  return value;
}

Value EntryBuilder::getInterface(StringRef name) {
  Operation *op = iree::createOp(
      b, b.getLoc(), ("hal.interface.workgroup." + name).str(),
      b.getIndexType(), {}, {b.getNamedAttr("dimension", b.getIndexAttr(0))});
  return op->getResult(0);
}

Value EntryBuilder::bind(unsigned number, MemRefType type, ValueRange sizes) {
  SmallVector<Value> operands{b.index(0)};
  llvm::append_range(operands, sizes);
  Operation *subspan = iree::createOp(
      b, b.getLoc(), "hal.interface.binding.subspan", type, operands,
      {b.getNamedAttr("alignment", b.getIndexAttr(kScratchAlignment)),
       b.getNamedAttr("binding", b.getIndexAttr(number)),
       b.getNamedAttr("layout", layout),
       b.getNamedAttr("operandSegmentSizes",
                      b.getDenseI32ArrayAttr({1, int32_t(sizes.size())}))});
  return subspan->getResult(0);
}

/// Puts what is allocated into `scratch`, from `begin` on.
void EntryBuilder::placeScratch(ArrayRef<memref::AllocOp> allocs, Value scratch,
                                Value begin) {
  for (memref::AllocOp alloc : allocs) {
    b.setInsertionPoint(alloc);
    Value bytes = getBytes(b, alloc, alloc.getDynamicSizes());
    Value view = memref::ViewOp::create(b, alloc.getType(), scratch, begin,
                                        alloc.getDynamicSizes());
    begin = b.add({begin, bytes});
    for (Operation *user : llvm::make_early_inc_range(alloc->getUsers()))
      if (isa<memref::DeallocOp>(user))
        user->erase();
    alloc.replaceAllUsesWith(view);
    alloc.erase();
  }
}

void EntryBuilder::build(size_t number) {
  arith::ConstantOp wide = findWideConstant(function);
  SmallVector<scf::ParallelOp> loops = getLoops(function);
  scf::ParallelOp items = loops[number];
  Block &body = function.front();
  b.setInsertionPointToStart(&body);
  unsigned numBuffers = 0;
  for (BlockArgument argument : body.getArguments()) {
    auto type = dyn_cast<MemRefType>(argument.getType());
    if (!type) {
      argument.replaceAllUsesWith(loadScalar(argument.getType()));
      continue;
    }
    SmallVector<Value> sizes;
    for (int64_t i = 0; i < type.getRank(); ++i)
      sizes.push_back(
          b.createOrFold<arith::IndexCastUIOp>(b.getIndexType(), loadWord()));
    SmallVector<int64_t> dynamic(type.getRank(), ShapedType::kDynamic);
    Value buffer = bind(numBuffers++,
                        MemRefType::get(dynamic, type.getElementType()), sizes);
    argument.replaceAllUsesWith(memref::CastOp::create(b, type, buffer));
  }
  Value scratchSize = loadScalar(b.getIndexType());
  if (wide)
    wide.replaceAllUsesWith(loadScalar(wide.getType()));
  Value workgroup = getInterface("id"), workgroups = getInterface("count");
  Value scratch =
      bind(numBuffers, MemRefType::get(ShapedType::kDynamic, b.getI8Type()),
           b.mul({scratchSize, workgroups}));
  Value begin = b.mul({workgroup, scratchSize});
  body.eraseArguments(0, body.getNumArguments());
  function.setType(b.getFunctionType({}, {}));
  for (scf::ParallelOp loop : loops)
    if (loop != items)
      loop.erase();

  placeScratch(getScratch(items), scratch, begin);
  b.setInsertionPoint(items);
  auto loop =
      scf::ForOp::create(b, workgroup, items.getUpperBound()[0], workgroups);
  items.getBody()->getTerminator()->erase();
  items.getInductionVars()[0].replaceAllUsesWith(loop.getInductionVar());
  loop.getBody()->getOperations().splice(loop.getBody()->begin(),
                                         items.getBody()->getOperations());
  items.erase();
}

/// The names of the entry points, one for each loop.
static std::string getEntryName(func::FuncOp kernel, size_t number) {
  std::string name = kernel.getName().str();
  return number == 0 ? name : name + "_" + std::to_string(number);
}

/// Puts an executable in the place of a kernel.
static void buildExecutable(func::FuncOp kernel) {
  OpBuilder b(kernel);
  Location loc = kernel.getLoc();
  auto getSymbol = [&](StringRef name) {
    return b.getNamedAttr("sym_name", b.getStringAttr(name));
  };
  auto getVisibility = [&](StringRef name) {
    return b.getNamedAttr("sym_visibility", b.getStringAttr(name));
  };
  size_t buffers =
      llvm::count_if(kernel.getArgumentTypes(), llvm::IsaPred<MemRefType>);
  Attribute layout = iree::getLayout(b.getContext(), getNumWords(kernel),
                                     SmallVector<bool>(buffers + 1, true));
  Operation *executable =
      iree::createOp(b, loc, "hal.executable.source", {}, {},
                     {getSymbol(kernel.getName()), getVisibility("private")},
                     /*numRegions=*/1);
  b.createBlock(&executable->getRegion(0));
  size_t numLoops = getLoops(kernel).size();
  for (size_t number = 0; number < numLoops; ++number) {
    Operation *entry = iree::createOp(
        b, loc, "hal.executable.export", {}, {},
        {b.getNamedAttr("layout", layout),
         b.getNamedAttr("ordinal", b.getIndexAttr(number)),
         getSymbol(getEntryName(kernel, number)), getVisibility("public")},
        /*numRegions=*/2);
    iree::buildWorkgroupCount(b, entry->getRegion(0), 1);
  }
  auto module = ModuleOp::create(b, loc);
  iree::createOp(b, loc, "hal.executable.source_end", {}, {});
  for (size_t number = 0; number < numLoops; ++number) {
    func::FuncOp function = kernel.clone();
    function.setName(getEntryName(kernel, number));
    function.setPublic();
    module.push_back(function);
    EntryBuilder(function, layout).build(number);
  }
  kernel.erase();
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

namespace {
/// Replaces one call of a kernel by dispatches, one for each loop.
class CallConverter {
public:
  CallConverter(func::CallOp call, func::FuncOp kernel)
      : call(call), kernel(kernel), b(call.getLoc(), call) {}

  LogicalResult convert();

private:
  /// The value at the call of one that a kernel computes before its loop, or
  /// before it allocates. Null where there is none.
  Value evaluate(Value value);

  func::CallOp call;
  func::FuncOp kernel;
  HostBuilder b;
  /// From values in the kernel to those here.
  IRMapping known;
  /// The tensors that arguments of the kernel are the buffers of.
  DenseMap<Value, SmallVector<Value, 4>> sizes;
};

/// A tensor that a call writes.
struct Output {
  memref::AllocOp alloc;
  bufferization::ToTensorOp tensor;
};
} // namespace

Value CallConverter::evaluate(Value value) {
  if (Value found = known.lookupOrNull(value))
    return found;
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() != 0 || !isMemoryEffectFree(op))
    return nullptr;
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    auto found = sizes.find(dim.getSource());
    std::optional<int64_t> index = dim.getConstantIndex();
    if (found == sizes.end() || !index || *index < 0 ||
        *index >= int64_t(found->second.size()))
      return nullptr;
    known.map(value, found->second[*index]);
    return known.lookup(value);
  }
  for (Value operand : op->getOperands())
    if (!evaluate(operand))
      return nullptr;
  b.clone(*op, known);
  return known.lookup(value);
}

LogicalResult CallConverter::convert() {
  auto emitError = [&](const Twine &text) {
    return call.emitOpError("of a kernel: ") << text;
  };
  SmallVector<Value> words, tensors, argumentSizes, resultSizes;
  SmallVector<Output> outputs;
  for (auto [operand, argument] :
       llvm::zip_equal(call.getOperands(), kernel.getArguments())) {
    if (!isa<MemRefType>(operand.getType())) {
      known.map(argument, operand);
      Value value = operand;
      if (value.getType().isF32())
        words.push_back(
            b.createOrFold<arith::BitcastOp>(b.getI32Type(), value));
      else if (value.getType().isF64())
        llvm::append_range(words, b.words(b.createOrFold<arith::BitcastOp>(
                                      b.getI64Type(), value)));
      else
        llvm::append_range(words, b.words(value));
      continue;
    }
    Value buffer = operand;
    if (auto cast = buffer.getDefiningOp<memref::CastOp>())
      buffer = cast.getSource();
    SmallVector<Value, 4> &shape = sizes[argument];
    if (auto input = buffer.getDefiningOp<bufferization::ToBufferOp>()) {
      Value tensor = input.getTensor();
      tensors.push_back(tensor);
      auto type = cast<RankedTensorType>(tensor.getType());
      for (int64_t i = 0; i < type.getRank(); ++i) {
        shape.push_back(b.dim(tensor, i));
        if (type.isDynamicDim(i))
          argumentSizes.push_back(shape.back());
      }
    } else if (auto alloc = buffer.getDefiningOp<memref::AllocOp>()) {
      bufferization::ToTensorOp tensor;
      for (Operation *user : alloc->getUsers())
        if (auto found = dyn_cast<bufferization::ToTensorOp>(user))
          tensor = found;
      if (!tensor)
        return emitError("an output is no tensor afterwards");
      auto dynamic = alloc.getDynamicSizes().begin();
      for (int64_t size : alloc.getType().getShape()) {
        bool isDynamic = ShapedType::isDynamic(size);
        shape.push_back(isDynamic ? *dynamic++ : b.index(size));
        if (isDynamic)
          resultSizes.push_back(shape.back());
      }
      outputs.push_back({alloc, tensor});
    } else {
      return emitError("buffers must be those of tensors");
    }
    for (Value size : shape)
      words.push_back(b.word(size));
  }

  // What the first dispatch writes the next ones read and change.
  SmallVector<Value> written;
  for (auto [number, loop] : llvm::enumerate(getLoops(kernel))) {
    Value items = evaluate(loop.getUpperBound()[0]);
    Value scratch = b.index(0);
    for (memref::AllocOp alloc : getScratch(loop)) {
      SmallVector<Value> dynamic;
      for (Value size : alloc.getDynamicSizes())
        dynamic.push_back(evaluate(size));
      if (!items || llvm::is_contained(dynamic, Value()))
        return emitError("its work items, and the sizes of its scratch, must "
                         "follow from the sizes of its buffers");
      scratch = b.add({scratch, getBytes(b, alloc, dynamic)});
    }
    Value workgroups =
        b.max({b.min({items, b.index(kMaxWorkgroups)}), b.index(1)});
    SmallVector<Value> arguments = words;
    llvm::append_range(arguments, b.words(scratch));
    if (arith::ConstantOp wide = findWideConstant(kernel)) {
      APFloat value = cast<FloatAttr>(wide.getValue()).getValue();
      llvm::append_range(
          arguments,
          b.words(arith::ConstantOp::create(
              b, b.getI64IntegerAttr(value.bitcastToAPInt().getSExtValue()))));
    }
    llvm::append_range(arguments, tensors);
    SmallVector<Attribute> tied(outputs.size(), b.getIndexAttr(-1));
    for (auto [place, tensor] : llvm::enumerate(written)) {
      tied[place] = b.getIndexAttr(arguments.size());
      arguments.push_back(tensor);
    }
    tied.push_back(b.getIndexAttr(-1));

    SmallVector<Value> operands{workgroups};
    llvm::append_range(operands, arguments);
    SmallVector<Value> inputSizes = argumentSizes, sizes = resultSizes;
    if (!written.empty())
      llvm::append_range(inputSizes, resultSizes);
    Value allScratch = b.mul({scratch, workgroups});
    std::optional<int64_t> bytes = HostBuilder::getConstant(allScratch);
    if (!bytes)
      sizes.push_back(allScratch);
    llvm::append_range(operands, inputSizes);
    llvm::append_range(operands, sizes);

    SmallVector<Type> types;
    for (Output &output : outputs)
      types.push_back(output.tensor.getType());
    types.push_back(RankedTensorType::get(bytes.value_or(ShapedType::kDynamic),
                                          b.getI8Type()));
    auto entry = SymbolRefAttr::get(
        kernel.getSymNameAttr(),
        {FlatSymbolRefAttr::get(b.getContext(), getEntryName(kernel, number))});
    const int32_t segments[] = {1, int32_t(arguments.size()),
                                int32_t(inputSizes.size()),
                                int32_t(sizes.size())};
    Operation *dispatch =
        iree::createOp(b, b.getLoc(), "flow.dispatch", types, operands,
                       {b.getNamedAttr("entry_points", b.getArrayAttr({entry})),
                        b.getNamedAttr("operandSegmentSizes",
                                       b.getDenseI32ArrayAttr(segments)),
                        b.getNamedAttr("tied_operands", b.getArrayAttr(tied))});
    written.assign(dispatch->result_begin(), std::prev(dispatch->result_end()));
  }

  SmallVector<Operation *> casts;
  for (Value operand : call.getOperands())
    if (auto cast = operand.getDefiningOp<memref::CastOp>())
      casts.push_back(cast);
  call.erase();
  for (auto [output, result] : llvm::zip_equal(outputs, written)) {
    output.tensor.replaceAllUsesWith(result);
    output.tensor.erase();
  }
  // What made buffers of tensors has no more uses.
  for (Operation *cast : casts) {
    Operation *buffer = cast->getOperand(0).getDefiningOp();
    if (cast->use_empty())
      cast->erase();
    if (buffer->use_empty())
      buffer->erase();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct ConvertVectorToIREE
    : public sparsek::impl::ConvertVectorToIREEPassBase<ConvertVectorToIREE> {
  using ConvertVectorToIREEPassBase::ConvertVectorToIREEPassBase;
  LogicalResult initialize(MLIRContext *context) override {
    // For the ops, types and attributes of IREE.
    context->allowUnregisteredDialects();
    return success();
  }

  void runOnOperation() override {
    // Sizes of buffers that are tensors before.
    getOperation().walk([](memref::DimOp dim) {
      if (auto buffer =
              dim.getSource().getDefiningOp<bufferization::ToBufferOp>()) {
        OpBuilder b(dim);
        dim.replaceAllUsesWith(tensor::DimOp::create(b, dim.getLoc(),
                                                     buffer.getTensor(),
                                                     dim.getIndex())
                                   .getResult());
        dim.erase();
      }
    });
    SymbolTable symbols(getOperation());
    // Calls that give buffers to functions, by the function.
    llvm::MapVector<func::FuncOp, SmallVector<func::CallOp>> calls;
    getOperation().walk([&](func::CallOp call) {
      auto function = symbols.lookup<func::FuncOp>(call.getCallee());
      if (function && call.getNumResults() == 0 &&
          llvm::any_of(call.getOperandTypes(), llvm::IsaPred<MemRefType>))
        calls[function].push_back(call);
    });
    for (auto &[function, users] : calls) {
      if (failed(checkKernel(function)))
        return signalPassFailure();
      // They are the caller's. iree-compile reports that their loads differ.
      if (!keepsF64 && llvm::any_of(function.getArgumentTypes(), isBufferOfF64))
        users.front().emitRemark("has tensors of f64: compile with "
                                 "--iree-input-demote-f64-to-f32=false");
      for (func::CallOp call : users)
        if (failed(CallConverter(call, function).convert()))
          return signalPassFailure();
      buildExecutable(function);
    }
  }
};
} // namespace
