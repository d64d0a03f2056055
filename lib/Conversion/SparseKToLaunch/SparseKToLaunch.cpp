//===- SparseKToLaunch.cpp - sparsek to launches of kernels ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"
#include "sparsek/Dialect/SparseK/Transforms/Passes.h"
#include "sparsek/Transforms/KernelBinary.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/TypeSwitch.h"

namespace sparsek {
#define GEN_PASS_DEF_CONVERTSPARSEKTOLAUNCHPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

static constexpr StringLiteral kLaunchAttention = "sparsek_launch_attention_";
static constexpr StringLiteral kLaunchSelection = "sparsek_launch_selection";
static constexpr StringLiteral kLaunchScore = "sparsek_launch_score_";
static constexpr StringLiteral kReleaseFunction = "sparsek_release_kernel";

//===----------------------------------------------------------------------===//
// Kernels as data
//===----------------------------------------------------------------------===//

/// A constant with the bytes of `text` and a null.
static LLVM::GlobalOp embedText(OpBuilder &b, Location loc, Twine name,
                                StringRef text, SymbolTable &symbols) {
  std::string terminated = (text + Twine('\0')).str();
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), terminated.size());
  auto global = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true,
                                       LLVM::Linkage::Internal, name.str(),
                                       b.getStringAttr(terminated));
  symbols.insert(global); // Makes the name unique.
  return global;
}

/// Declares `name` as a function of `type`. Null where something else has the
/// name.
template <typename FunctionOp, typename FunctionType>
static FunctionOp declare(ModuleOp module, StringRef name, FunctionType type,
                          SymbolTable &symbols) {
  if (Operation *existing = symbols.lookup(name)) {
    auto function = dyn_cast<FunctionOp>(existing);
    if (function && function.getFunctionType() == type && function.isExternal())
      return function;
    existing->emitError("the name '") << name
                                      << "' is taken by something other than "
                                         "the function of the runtime";
    return nullptr;
  }
  auto b = OpBuilder::atBlockBegin(module.getBody());
  auto function = FunctionOp::create(b, module.getLoc(), name, type);
  symbols.insert(function);
  return function;
}

/// Replaces the binary by data: a SparsekEmbeddedKernel of its name, and a
/// function that releases it when the program ends.
static LogicalResult embed(gpu::BinaryOp binary, SymbolTable &symbols) {
  auto module = cast<ModuleOp>(symbols.getOp());
  MLIRContext *context = binary.getContext();
  Location loc = binary.getLoc();
  llvm::Expected<KernelBinary> parts = getKernelBinary(binary);
  if (!parts)
    return binary.emitError(llvm::toString(parts.takeError()));
  // The image goes with the binary.
  std::string image = parts->image.str(), name = binary.getName().str();
  OpBuilder b(binary);
  LLVM::GlobalOp imageData = embedText(b, loc, name + "_image", image, symbols);
  LLVM::GlobalOp recordData =
      embedText(b, loc, name + "_record", parts->record, symbols);
  symbols.erase(binary);

  Type pointer = LLVM::LLVMPointerType::get(context), size = b.getI64Type();
  auto type = LLVM::LLVMStructType::getLiteral(
      context, {pointer, size, pointer, size, pointer});
  b.setInsertionPointAfter(recordData);
  auto kernel = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/false,
                                       LLVM::Linkage::Internal, name,
                                       /*value=*/Attribute());
  symbols.insert(kernel);
  b.createBlock(&kernel.getInitializerRegion());
  Value value = LLVM::UndefOp::create(b, loc, type);
  auto insert = [&](Value field, int64_t position) {
    value = LLVM::InsertValueOp::create(b, loc, value, field, position);
  };
  insert(LLVM::AddressOfOp::create(b, loc, imageData), 0);
  insert(
      LLVM::ConstantOp::create(b, loc, size, b.getI64IntegerAttr(image.size())),
      1);
  insert(LLVM::AddressOfOp::create(b, loc, recordData), 2);
  insert(LLVM::ConstantOp::create(b, loc, size,
                                  b.getI64IntegerAttr(parts->record.size())),
         3);
  insert(LLVM::ZeroOp::create(b, loc, pointer), 4);
  LLVM::ReturnOp::create(b, loc, value);

  auto none = LLVM::LLVMVoidType::get(context);
  if (!declare<LLVM::LLVMFuncOp>(module, kReleaseFunction,
                                 LLVM::LLVMFunctionType::get(none, {pointer}),
                                 symbols))
    return failure();
  b.setInsertionPointAfter(kernel);
  auto release = LLVM::LLVMFuncOp::create(b, loc, name + "_release",
                                          LLVM::LLVMFunctionType::get(none, {}),
                                          LLVM::Linkage::Internal);
  symbols.insert(release);
  LLVM::GlobalDtorsOp::create(
      b, loc, b.getArrayAttr({FlatSymbolRefAttr::get(release)}),
      b.getI32ArrayAttr({0}), b.getArrayAttr({LLVM::ZeroAttr::get(context)}));
  b.setInsertionPointToStart(release.addEntryBlock(b));
  Value address = LLVM::AddressOfOp::create(b, loc, kernel);
  LLVM::CallOp::create(b, loc, TypeRange(), kReleaseFunction, address);
  LLVM::ReturnOp::create(b, loc, ValueRange());
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// The buffer of a tensor, as one of unknown shape.
static Value getUnrankedBuffer(OpBuilder &b, Location loc, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  return memref::CastOp::create(
      b, loc, UnrankedMemRefType::get(type.getElementType(), {}), buffer);
}

static Value getInput(OpBuilder &b, Location loc, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Value buffer = bufferization::ToBufferOp::create(
      b, loc, MemRefType::get(type.getShape(), type.getElementType()), tensor,
      /*read_only=*/true);
  return getUnrankedBuffer(b, loc, buffer);
}

/// A new buffer for a result, the sizes of which are those of `like` in `dims`.
static Value getOutput(OpBuilder &b, Location loc, RankedTensorType type,
                       Value like, ArrayRef<int64_t> dims) {
  SmallVector<Value> sizes;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      sizes.push_back(tensor::DimOp::create(b, loc, like, dims[i]));
  return memref::AllocOp::create(
      b, loc, MemRefType::get(type.getShape(), type.getElementType()), sizes);
}

namespace {
/// The call of the runtime that takes the place of one op.
class LaunchBuilder {
public:
  LaunchBuilder(Operation *op, SymbolTable &symbols)
      : op(op), symbols(symbols), b(op), loc(op->getLoc()) {}

  /// Begins with the kernel that the op names. Fails where there is none.
  LogicalResult addKernel();
  /// The buffer of a tensor.
  Value addInput(Value tensor) { return add(getInput(b, loc, tensor)); }
  /// Buffers of the results. Sizes that their types leave open are those of
  /// `like` in `dims`.
  void makeOutputs(Value like, ArrayRef<int64_t> dims = {0, 1, 2});
  Value addOutput(unsigned number) {
    return add(getUnrankedBuffer(b, loc, outputs[number]));
  }
  Value add(Value argument) {
    arguments.push_back(argument);
    return argument;
  }
  void addNumber(int64_t number) {
    add(arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(number)));
  }
  void addNumber(double number) {
    add(arith::ConstantOp::create(b, loc, b.getF64FloatAttr(number)));
  }
  /// Calls `function` and replaces the op.
  LogicalResult finish(StringRef function);

private:
  Operation *op;
  SymbolTable &symbols;
  OpBuilder b;
  Location loc;
  SmallVector<Value> arguments;
  SmallVector<Value> outputs;
};
} // namespace

LogicalResult LaunchBuilder::addKernel() {
  auto kernels = op->getAttrOfType<FlatSymbolRefAttr>(kKernelsAttr);
  auto kernel = symbols.lookup<LLVM::GlobalOp>(kernels.getAttr());
  if (!kernel)
    return op->emitOpError("refers by '")
           << kKernelsAttr << "' to " << kernels
           << ", which is no gpu.binary with a launch record in this module";
  add(LLVM::AddressOfOp::create(b, loc, kernel));
  return success();
}

void LaunchBuilder::makeOutputs(Value like, ArrayRef<int64_t> dims) {
  for (Value result : op->getResults())
    outputs.push_back(getOutput(
        b, loc, cast<RankedTensorType>(result.getType()), like, dims));
}

LogicalResult LaunchBuilder::finish(StringRef name) {
  auto function = declare<func::FuncOp>(
      cast<ModuleOp>(symbols.getOp()), name,
      b.getFunctionType(TypeRange(ValueRange(arguments)), {}), symbols);
  if (!function)
    return failure();
  function.setPrivate();
  // Buffers by pointer, whatever is chosen for the functions of the user.
  function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                    b.getUnitAttr());
  func::CallOp::create(b, loc, function, arguments);
  for (auto [result, output] : llvm::zip_equal(op->getResults(), outputs)) {
    Value tensor = bufferization::ToTensorOp::create(
        b, loc, result.getType(), output, /*restrict=*/true, /*writable=*/true);
    result.replaceAllUsesWith(tensor);
  }
  op->erase();
  return success();
}

static LogicalResult launch(GatheredAttentionOp op, SymbolTable &symbols) {
  // Of the documents, which the runtime does not look at.
  if (op.getCuSeqlens())
    insertRuntimeChecks(op);
  LaunchBuilder call(op, symbols);
  if (failed(call.addKernel()))
    return failure();
  for (Value tensor : {op.getQuery(), op.getKey(), op.getValue()})
    call.addInput(tensor);
  Value scores = call.addInput(op.getScores());
  call.addInput(op.getThreshold());
  Value expiry = call.addInput(op.getExpiry());
  call.makeOutputs(op.getQuery());
  // The runtime looks at these only where they are compiled in.
  if (op.getSink())
    call.addInput(op.getSink());
  else
    call.add(scores);
  if (op.getCuSeqlens())
    call.addInput(op.getCuSeqlens());
  else
    call.add(expiry);
  call.addOutput(0);
  call.addOutput(1);
  call.addNumber(int64_t(op.getTopk()));
  call.addNumber(int64_t(op.getWindow()));
  call.addNumber(op.getScaleValue());
  Type element = getElementTypeOrSelf(op.getQuery().getType());
  return call.finish(
      (kLaunchAttention + Twine(element.isF16() ? "f16" : "bf16")).str());
}

static LogicalResult launch(TopkMaskOp op, SymbolTable &symbols) {
  // Of the documents, which the runtime does not look at.
  insertRuntimeChecks(op);
  LaunchBuilder call(op, symbols);
  if (failed(call.addKernel()))
    return failure();
  call.addInput(op.getScores());
  call.makeOutputs(op.getScores());
  call.addOutput(0);
  Value expiry = call.addOutput(1);
  // Without documents and interior counts the runtime looks at no such buffers.
  if (op.getCuSeqlens())
    call.addInput(op.getCuSeqlens());
  else
    call.add(expiry);
  if (op.getInteriorCount())
    call.addOutput(2);
  else
    call.add(expiry);
  call.addNumber(int64_t(op.getInteriorCount() ? 1 : 0));
  call.addNumber(int64_t(op.getTopk()));
  call.addNumber(int64_t(op.getWindow()));
  return call.finish(kLaunchSelection);
}

static LogicalResult launch(ScoreOp op, SymbolTable &symbols) {
  LaunchBuilder call(op, symbols);
  if (failed(call.addKernel()))
    return failure();
  call.addInput(op.getFeatures());
  call.addInput(op.getWeight());
  // [B,Hs,N], and [B,Hs,3] carried, of x[B,N,C]: types have the other sizes.
  call.makeOutputs(op.getFeatures(), {0, -1, 1});
  // Where only one of the two states is there it stands for the other too,
  // which the runtime does not look at.
  bool chunk = op.getStatistics() || op.getCarry();
  Value statistics;
  if (op.getStatistics())
    statistics = call.addInput(op.getStatistics());
  else if (chunk)
    call.addOutput(1);
  call.addOutput(0);
  if (op.getCarry())
    call.addOutput(1);
  else if (chunk)
    call.add(statistics);
  if (op.getOffset())
    call.add(op.getOffset());
  else
    call.addNumber(int64_t(0));
  call.addNumber(op.getSlope().convertToDouble());
  Type element = getElementTypeOrSelf(op.getFeatures().getType());
  std::string name = (kLaunchScore + Twine(chunk ? "chunk_" : "") +
                      (element.isF16() ? "f16" : "bf16"))
                         .str();
  if (getElementTypeOrSelf(op.getWeight().getType()).isF32())
    name += "_f32";
  return call.finish(name);
}

namespace {
struct ConvertSparseKToLaunch
    : public sparsek::impl::ConvertSparseKToLaunchPassBase<
          ConvertSparseKToLaunch> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (gpu::BinaryOp binary : findKernelBinaries(getOperation()))
      if (binary->getParentOp() == getOperation() &&
          failed(embed(binary, symbols)))
        return signalPassFailure();
    SmallVector<Operation *> launched;
    getOperation().walk([&](Operation *op) {
      if (!isa_and_nonnull<SparseKDialect>(op->getDialect()))
        return;
      bool hasPrograms = isa<GatheredAttentionOp, ScoreOp, TopkMaskOp>(op);
      if (hasPrograms && op->hasAttr(kKernelsAttr))
        launched.push_back(op);
      else if (!hasPrograms)
        op->emitRemark("computed by definition: there are no tile programs "
                       "for '")
            << op->getName() << "'";
    });
    for (Operation *op : launched) {
      LogicalResult done =
          TypeSwitch<Operation *, LogicalResult>(op)
              .Case<GatheredAttentionOp, ScoreOp, TopkMaskOp>(
                  [&](auto known) { return launch(known, symbols); });
      if (failed(done))
        return signalPassFailure();
    }
  }
};
} // namespace
