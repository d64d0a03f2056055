//===- VectorToIREE.cpp - Vector kernels to executables of IREE -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A kernel of convert-sparsek-to-vector computes work items in a parallel loop.
// Here it becomes an executable whose workgroups share the items:
//
//   constants   the sizes of all buffers, a word each; the scalars; bytes of
//               scratch of a workgroup
//   bindings    the inputs; then the outputs, and the scratch of all workgroups
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

namespace {
/// What a kernel consists of.
struct Kernel {
  func::FuncOp function;
  scf::ParallelOp items;
  SmallVector<memref::AllocOp> scratch;

  /// Fails, with an error, where a function is none.
  static FailureOr<Kernel> get(func::FuncOp function);
};
} // namespace

FailureOr<Kernel> Kernel::get(func::FuncOp function) {
  Kernel kernel{function, nullptr, {}};
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
  for (Operation &op : function.front().without_terminator()) {
    if (auto loop = dyn_cast<scf::ParallelOp>(op); loop && !kernel.items) {
      kernel.items = loop;
      continue;
    }
    if (!isMemoryEffectFree(&op))
      return emitError("there must be one scf.parallel, and beside it only "
                       "what has no effects");
  }
  scf::ParallelOp items = kernel.items;
  if (!items || items.getNumLoops() != 1 || items.getNumResults() != 0 ||
      getConstantIntValue(items.getLowerBound()[0]) != 0 ||
      getConstantIntValue(items.getStep()[0]) != 1)
    return emitError("there must be one scf.parallel over the work items, from "
                     "0 in steps of 1, without results");
  for (auto alloc : items.getBody()->getOps<memref::AllocOp>())
    kernel.scratch.push_back(alloc);
  return kernel;
}

/// Bytes of one allocation, aligned. `sizes` are its dynamic sizes.
static Value getBytes(HostBuilder &b, memref::AllocOp alloc, ValueRange sizes) {
  MemRefType type = alloc.getType();
  Value bytes =
      b.index(llvm::divideCeil(type.getElementTypeBitWidth(), 8));
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
/// Emits the executable of one kernel.
class ExecutableBuilder {
public:
  explicit ExecutableBuilder(Kernel &kernel)
      : kernel(kernel), b(kernel.function.getLoc(), kernel.function) {}

  void build();

private:
  Value loadWord();
  /// A scalar of a type that kernels take.
  Value loadScalar(Type type);
  Value getInterface(StringRef name, unsigned dimension);
  Value bind(unsigned number, MemRefType type, ValueRange sizes);
  void placeScratch(Value scratch, Value begin);

  Kernel &kernel;
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

/// With those of the scratch, an index.
static unsigned getNumWords(func::FuncOp function) {
  unsigned words = 2;
  for (Type type : function.getArgumentTypes())
    words += getNumWords(type);
  return words;
}

Value ExecutableBuilder::loadWord() {
  Operation *load = iree::createOp(
      b, b.getLoc(), "hal.interface.constant.load", b.getI32Type(), {},
      {b.getNamedAttr("layout", layout),
       b.getNamedAttr("ordinal", b.getIndexAttr(nextWord++))});
  return load->getResult(0);
}

Value ExecutableBuilder::loadScalar(Type type) {
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

Value ExecutableBuilder::getInterface(StringRef name, unsigned dimension) {
  Operation *op = iree::createOp(
      b, b.getLoc(), ("hal.interface.workgroup." + name).str(),
      b.getIndexType(), {},
      {b.getNamedAttr("dimension", b.getIndexAttr(dimension))});
  return op->getResult(0);
}

Value ExecutableBuilder::bind(unsigned number, MemRefType type,
                              ValueRange sizes) {
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
void ExecutableBuilder::placeScratch(Value scratch, Value begin) {
  for (memref::AllocOp alloc : kernel.scratch) {
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

void ExecutableBuilder::build() {
  func::FuncOp function = kernel.function;
  StringAttr name = function.getSymNameAttr();
  auto symbol = b.getNamedAttr("sym_name", name);
  auto isPrivate = b.getNamedAttr("sym_visibility", b.getStringAttr("private"));
  auto isPublic = b.getNamedAttr("sym_visibility", b.getStringAttr("public"));
  unsigned buffers = llvm::count_if(function.getArgumentTypes(),
                                    llvm::IsaPred<MemRefType>);
  // Which buffers are outputs shows at the calls only.
  layout = iree::getLayout(b.getContext(), getNumWords(function),
                           SmallVector<bool>(buffers + 1, true));
  Operation *executable =
      iree::createOp(b, b.getLoc(), "hal.executable.source", {}, {},
                     {symbol, isPrivate}, /*numRegions=*/1);
  b.createBlock(&executable->getRegion(0));
  Operation *entry = iree::createOp(
      b, b.getLoc(), "hal.executable.export", {}, {},
      {b.getNamedAttr("layout", layout),
       b.getNamedAttr("ordinal", b.getIndexAttr(0)), symbol, isPublic},
      /*numRegions=*/2);
  iree::buildWorkgroupCount(b, entry->getRegion(0), 1);
  auto module = ModuleOp::create(b, b.getLoc());
  iree::createOp(b, b.getLoc(), "hal.executable.source_end", {}, {});

  // The function moves there, without arguments.
  function->remove();
  module.push_back(function);
  function.setPublic();
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
      sizes.push_back(b.createOrFold<arith::IndexCastUIOp>(b.getIndexType(),
                                                           loadWord()));
    SmallVector<int64_t> dynamic(type.getRank(), ShapedType::kDynamic);
    Value buffer =
        bind(numBuffers++, MemRefType::get(dynamic, type.getElementType()),
             sizes);
    argument.replaceAllUsesWith(memref::CastOp::create(b, type, buffer));
  }
  Value scratchSize = loadScalar(b.getIndexType());
  Value workgroup = getInterface("id", 0), workgroups = getInterface("count", 0);
  Value scratch = bind(
      numBuffers, MemRefType::get(ShapedType::kDynamic, b.getI8Type()),
      b.mul({scratchSize, workgroups}));
  Value begin = b.mul({workgroup, scratchSize});
  body.eraseArguments(0, body.getNumArguments());
  function.setType(b.getFunctionType({}, {}));

  placeScratch(scratch, begin);
  scf::ParallelOp items = kernel.items;
  b.setInsertionPoint(items);
  auto loop = scf::ForOp::create(b, workgroup, items.getUpperBound()[0],
                                 workgroups);
  items.getBody()->getTerminator()->erase();
  items.getInductionVars()[0].replaceAllUsesWith(loop.getInductionVar());
  loop.getBody()->getOperations().splice(
      loop.getBody()->begin(), items.getBody()->getOperations());
  items.erase();
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

namespace {
/// Replaces one call of a kernel by a dispatch.
class CallConverter {
public:
  CallConverter(func::CallOp call, Kernel &kernel)
      : call(call), kernel(kernel), b(call.getLoc(), call) {}

  LogicalResult convert();

private:
  /// The value at the call of one that a kernel computes before its loop, or
  /// before it allocates. Null where there is none.
  Value evaluate(Value value);

  func::CallOp call;
  Kernel &kernel;
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
       llvm::zip_equal(call.getOperands(), kernel.function.getArguments())) {
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

  Value items = evaluate(kernel.items.getUpperBound()[0]);
  Value scratch = b.index(0);
  for (memref::AllocOp alloc : kernel.scratch) {
    SmallVector<Value> dynamic;
    for (Value size : alloc.getDynamicSizes())
      dynamic.push_back(evaluate(size));
    if (!items || llvm::is_contained(dynamic, Value()))
      return emitError("its work items, and the sizes of its scratch, must "
                       "follow from the sizes of its buffers");
    scratch = b.add({scratch, getBytes(b, alloc, dynamic)});
  }
  Value one = b.index(1);
  Value workgroups =
      b.max({b.min({items, b.index(kMaxWorkgroups)}), one});
  llvm::append_range(words, b.words(scratch));
  Value allScratch = b.mul({scratch, workgroups});
  std::optional<int64_t> bytes = HostBuilder::getConstant(allScratch);
  if (!bytes)
    resultSizes.push_back(allScratch);

  SmallVector<Type> types;
  for (Output &output : outputs)
    types.push_back(output.tensor.getType());
  types.push_back(RankedTensorType::get(bytes.value_or(ShapedType::kDynamic),
                                        b.getI8Type()));
  SmallVector<Value> operands{workgroups};
  for (ArrayRef<Value> part :
       {ArrayRef(words), ArrayRef(tensors), ArrayRef(argumentSizes),
        ArrayRef(resultSizes)})
    llvm::append_range(operands, part);
  auto name = kernel.function.getSymNameAttr();
  auto entry = SymbolRefAttr::get(name, {FlatSymbolRefAttr::get(name)});
  const int32_t segments[] = {1, int32_t(words.size() + tensors.size()),
                              int32_t(argumentSizes.size()),
                              int32_t(resultSizes.size())};
  SmallVector<Attribute> untied(types.size(), b.getIndexAttr(-1));
  Operation *dispatch = iree::createOp(
      b, b.getLoc(), "flow.dispatch", types, operands,
      {b.getNamedAttr("entry_points", b.getArrayAttr({entry})),
       b.getNamedAttr("operandSegmentSizes", b.getDenseI32ArrayAttr(segments)),
       b.getNamedAttr("tied_operands", b.getArrayAttr(untied))});

  SmallVector<Operation *> casts;
  for (Value operand : call.getOperands())
    if (auto cast = operand.getDefiningOp<memref::CastOp>())
      casts.push_back(cast);
  call.erase();
  for (auto [output, result] : llvm::zip(outputs, dispatch->getResults())) {
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
        dim.replaceAllUsesWith(
            tensor::DimOp::create(b, dim.getLoc(), buffer.getTensor(),
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
      FailureOr<Kernel> kernel = Kernel::get(function);
      if (failed(kernel))
        return signalPassFailure();
      for (func::CallOp call : users)
        if (failed(CallConverter(call, *kernel).convert()))
          return signalPassFailure();
      ExecutableBuilder(*kernel).build();
    }
  }
};
} // namespace
