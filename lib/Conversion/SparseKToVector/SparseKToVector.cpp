//===- SparseKToVector.cpp - sparsek to vector kernels ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "KernelBuilder.h"
#include "Kernels.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

namespace sparsek {
#define GEN_PASS_DEF_CONVERTSPARSEKTOVECTORPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

namespace {

/// Replaces ops by calls of kernels, which it creates once each.
class Lowering {
public:
  Lowering(Operation *symbolTable, const KernelShape &shape)
      : symbols(symbolTable), shape(shape) {}

  void lower(GatheredAttentionOp op);
  void lower(CausalAttentionOp op);
  void lower(TopkMaskOp op);
  void lower(ScoreOp op);

private:
  /// The function of `kernel`, at the end of the symbol table.
  template <typename Kernel>
  func::FuncOp getFunction(Location loc, const Kernel &kernel,
                           ArrayRef<Type> types);
  template <typename OpTy>
  void lowerAttention(OpTy op, const AttentionKernel &kernel, Value scores,
                      Value threshold, Value expiry, int64_t topk,
                      int64_t window);

  SymbolTable symbols;
  const KernelShape &shape;
  llvm::StringMap<func::FuncOp> functions;
};

/// Emits what surrounds one call: buffers and results.
class CallBuilder {
public:
  explicit CallBuilder(Operation *op)
      : op(op), b(op->getLoc(), op->getContext()) {
    b.setInsertionPoint(op);
  }

  /// The buffer of a tensor operand, and one more argument of the call.
  Value input(Value tensor, bool unitInner = false) {
    auto type = cast<RankedTensorType>(tensor.getType());
    MemRefType strided =
        getStridedType(type.getElementType(), type.getRank(), unitInner);
    Value buffer = bufferization::ToBufferOp::create(
        b,
        MemRefType::get(type.getShape(), type.getElementType(),
                        strided.getLayout()),
        tensor, /*read_only=*/true);
    arguments.push_back(memref::CastOp::create(b, strided, buffer));
    return buffer;
  }

  /// A new buffer for a result of `type`, and one more argument of the call.
  /// `sizes` are the values of all dimensions.
  void output(Type type, ValueRange sizes, bool unitInner = false) {
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<Value> dynamic;
    for (auto [i, size] : llvm::enumerate(sizes))
      if (tensor.isDynamicDim(i))
        dynamic.push_back(size);
    Value buffer = memref::AllocOp::create(
        b, MemRefType::get(tensor.getShape(), tensor.getElementType()), dynamic,
        b.getI64IntegerAttr(64));
    arguments.push_back(memref::CastOp::create(
        b, getStridedType(tensor.getElementType(), tensor.getRank(), unitInner),
        buffer));
    outputs.push_back({type, buffer});
  }

  void argument(Value value) { arguments.push_back(value); }

  void finish(func::FuncOp function) {
    func::CallOp::create(b, function, arguments);
    SmallVector<Value> results;
    for (auto [type, buffer] : outputs)
      results.push_back(bufferization::ToTensorOp::create(
          b, type, buffer, /*restrict=*/true, /*writable=*/true));
    op->replaceAllUsesWith(results);
    op->erase();
  }

  Operation *op;
  KernelBuilder b;

private:
  SmallVector<Value> arguments;
  SmallVector<std::pair<Type, Value>> outputs;
};

} // namespace

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

template <typename Kernel>
func::FuncOp Lowering::getFunction(Location loc, const Kernel &kernel,
                                   ArrayRef<Type> types) {
  std::string name = kernel.name();
  func::FuncOp &function = functions[name];
  if (function)
    return function;
  function = func::FuncOp::create(
      loc, name, FunctionType::get(loc.getContext(), types, {}));
  function.setPrivate();
  // Renames the function where another symbol has its name.
  symbols.insert(function);
  kernel.buildBody(function, shape);
  auto builder = OpBuilder::atBlockEnd(&function.getBody().back());
  func::ReturnOp::create(builder, loc);
  return function;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

template <typename OpTy>
void Lowering::lowerAttention(OpTy op, const AttentionKernel &kernel,
                              Value scores, Value threshold, Value expiry,
                              int64_t topk, int64_t window) {
  CallBuilder call(op);
  KernelBuilder &b = call.b;
  Value query = call.input(op.getQuery(), /*unitInner=*/true);
  call.input(op.getKey(), /*unitInner=*/true);
  Value value = call.input(op.getValue(), /*unitInner=*/true);
  if (scores)
    for (Value operand : {scores, threshold, expiry})
      call.input(operand);
  if (Value sink = op.getSink())
    call.input(sink);
  if (Value cuSeqlens = op.getCuSeqlens())
    call.input(cuSeqlens);

  SmallVector<Value> sizes{b.dim(query, 0), b.dim(query, 1), b.dim(query, 2),
                           b.dim(value, 3)};
  call.output(op.getOutput().getType(), sizes, /*unitInner=*/true);
  call.output(op.getLse().getType(), ArrayRef(sizes).take_front(3));
  call.argument(b.f32(op.getScaleValue()));
  if (scores) {
    call.argument(b.index(topk));
    call.argument(b.index(window));
  }
  call.finish(getFunction(op.getLoc(), kernel, kernel.argumentTypes()));
}

template <typename OpTy>
static AttentionKernel describe(OpTy op, std::optional<Gate> gate) {
  auto query = cast<RankedTensorType>(op.getQuery().getType());
  auto key = cast<RankedTensorType>(op.getKey().getType());
  auto value = cast<RankedTensorType>(op.getValue().getType());
  AttentionKernel kernel;
  kernel.element = query.getElementType();
  kernel.headSize = query.getDimSize(3);
  kernel.valueSize = value.getDimSize(3);
  kernel.group = query.getDimSize(1) / key.getDimSize(1);
  kernel.gate = gate;
  kernel.sink = static_cast<bool>(op.getSink());
  kernel.packed = static_cast<bool>(op.getCuSeqlens());
  return kernel;
}

void Lowering::lower(GatheredAttentionOp op) {
  // The forward value of `straight_through` is that of `none`.
  Gate gate = op.getGate() == Gate::StraightThrough ? Gate::None : op.getGate();
  lowerAttention(op, describe(op, gate), op.getScores(), op.getThreshold(),
                 op.getExpiry(), op.getTopk(), op.getWindow());
}

void Lowering::lower(CausalAttentionOp op) {
  lowerAttention(op, describe(op, std::nullopt), Value(), Value(), Value(), 0,
                 0);
}

//===----------------------------------------------------------------------===//
// Selection and scores
//===----------------------------------------------------------------------===//

void Lowering::lower(TopkMaskOp op) {
  SelectionKernel kernel{static_cast<bool>(op.getInteriorCount()),
                         static_cast<bool>(op.getCuSeqlens())};
  CallBuilder call(op);
  KernelBuilder &b = call.b;
  Value scores = call.input(op.getScores());
  SmallVector<Value> sizes;
  for (int64_t i = 0; i < 3; ++i)
    sizes.push_back(b.dim(scores, i));
  if (Value cuSeqlens = op.getCuSeqlens())
    call.input(cuSeqlens);
  for (Value result : op->getResults())
    call.output(result.getType(), sizes);
  call.argument(b.index(op.getTopk()));
  call.argument(b.index(op.getWindow()));
  call.finish(
      getFunction(op.getLoc(), kernel, kernel.argumentTypes(op.getContext())));
}

void Lowering::lower(ScoreOp op) {
  auto weightType = cast<RankedTensorType>(op.getWeight().getType());
  ScoreKernel kernel{getElementTypeOrSelf(op.getFeatures().getType()),
                     weightType.getElementType(),
                     weightType.getDimSize(0),
                     weightType.getDimSize(1),
                     op.getNorm(),
                     static_cast<bool>(op.getStatistics()),
                     op.getCarry()};
  CallBuilder call(op);
  KernelBuilder &b = call.b;
  Value features = call.input(op.getFeatures(), /*unitInner=*/true);
  Value weight = call.input(op.getWeight());
  Value batch = b.dim(features, 0), heads = b.dim(weight, 1);
  if (Value statistics = op.getStatistics())
    call.input(statistics);
  call.output(op.getScores().getType(), {batch, heads, b.dim(features, 1)});
  if (op.getCarried())
    call.output(op.getCarried().getType(), {batch, heads, b.index(3)});
  call.argument(b.f64(op.getSlope().convertToDouble()));
  call.argument(op.getOffset() ? b.toIndex(op.getOffset()) : b.index(0));
  call.finish(getFunction(op.getLoc(), kernel, kernel.argumentTypes()));
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct ConvertSparseKToVector
    : public sparsek::impl::ConvertSparseKToVectorPassBase<
          ConvertSparseKToVector> {
  using ConvertSparseKToVectorPassBase::ConvertSparseKToVectorPassBase;

  LogicalResult checkOptions();
  void runOnOperation() override;
};
} // namespace

LogicalResult ConvertSparseKToVector::checkOptions() {
  auto checkRange = [&](StringRef name, int64_t value,
                        int64_t most) -> LogicalResult {
    if (value >= 1 && value <= most)
      return success();
    return getOperation().emitError()
           << getArgument() << ": " << name << " must be from 1 to " << most
           << ", got " << value;
  };
  if (failed(checkRange("vector-lanes", vectorLanes, 64)) ||
      failed(checkRange("panel-vectors", panelVectors, 16)) ||
      failed(checkRange("micro-rows", microRows, 64)) ||
      failed(checkRange("key-block", keyBlock, 4096)) ||
      failed(checkRange("tile-rows", tileRows, 65536)))
    return failure();
  if (keyBlock % microRows != 0)
    return getOperation().emitError()
           << getArgument() << ": key-block must be a multiple of micro-rows, "
           << "got " << keyBlock.getValue() << " and " << microRows.getValue();
  return success();
}

void ConvertSparseKToVector::runOnOperation() {
  if (failed(checkOptions()))
    return signalPassFailure();
  KernelShape shape{vectorLanes, panelVectors, microRows,
                    keyBlock,    tileRows,     parallel};
  // A call finds its kernel in the nearest symbol table.
  llvm::MapVector<Operation *, std::unique_ptr<Lowering>> lowerings;
  WalkResult result = getOperation().walk([&](Operation *op) {
    if (!isa_and_present<SparseKDialect>(op->getDialect()))
      return WalkResult::advance();
    // Looks through ops that are not registered, such as functions of IREE.
    Operation *table = op->getParentWithTrait<OpTrait::SymbolTable>();
    std::unique_ptr<Lowering> &lowering = lowerings[table];
    if (!lowering)
      lowering = std::make_unique<Lowering>(table, shape);
    return TypeSwitch<Operation *, WalkResult>(op)
        .Case<GatheredAttentionOp, CausalAttentionOp, TopkMaskOp, ScoreOp>(
            [&](auto op) {
              lowering->lower(op);
              return WalkResult::advance();
            })
        .Default([](Operation *op) -> WalkResult {
          if (!op->isRegistered())
            return emitUnknownOpError(op);
          return op->emitOpError("has no vector kernel: run "
                                 "--sparsek-decompose-attention first");
        });
  });
  if (result.wasInterrupted())
    signalPassFailure();
}
