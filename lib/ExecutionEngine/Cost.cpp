//===- Cost.cpp - How much a function computes ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/ExecutionEngine/Cost.h"

#include "sparsek/Dialect/SparseK/IR/SparseK.h"
#include "sparsek/Support/Reassociation.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "llvm/ADT/TypeSwitch.h"

#include <optional>

using namespace mlir;
using namespace sparsek;

namespace {
/// Finds sizes that are known once the shapes of the arguments are.
class SizeFinder {
public:
  SizeFinder(func::FuncOp function, ArrayRef<TensorRef> arguments)
      : function(function), arguments(arguments) {}

  std::optional<int64_t> getSize(Value tensor, int64_t dim) {
    auto type = dyn_cast<RankedTensorType>(tensor.getType());
    if (!type || dim < 0 || dim >= type.getRank())
      return std::nullopt;
    if (!type.isDynamicDim(dim))
      return type.getDimSize(dim);
    auto [it, inserted] = sizes.try_emplace({tensor, dim}, std::nullopt);
    if (!inserted)
      return it->second;
    std::optional<int64_t> size = findSize(tensor, dim);
    sizes[{tensor, dim}] = size;
    return size;
  }

private:
  std::optional<int64_t> findSize(Value tensor, int64_t dim);
  std::optional<int64_t> findIndex(Value value);
  std::optional<int64_t> findFold(OpFoldResult value) {
    if (std::optional<int64_t> constant = getConstantIntValue(value))
      return constant;
    if (auto dynamic = dyn_cast<Value>(value))
      return findIndex(dynamic);
    return std::nullopt;
  }

  func::FuncOp function;
  ArrayRef<TensorRef> arguments;
  llvm::DenseMap<std::pair<Value, int64_t>, std::optional<int64_t>> sizes;
};
} // namespace

std::optional<int64_t> SizeFinder::findSize(Value tensor, int64_t dim) {
  if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    if (argument.getOwner() != &function.getBody().front() ||
        argument.getArgNumber() >= arguments.size())
      return std::nullopt;
    return arguments[argument.getArgNumber()].shape[dim];
  }
  auto result = cast<OpResult>(tensor);
  Operation *op = result.getOwner();
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
    return getSize(destination.getTiedOpOperand(result)->get(), dim);
  return llvm::TypeSwitch<Operation *, std::optional<int64_t>>(op)
      .Case([&](tensor::CastOp cast) { return getSize(cast.getSource(), dim); })
      .Case([&](tensor::EmptyOp empty) {
        return findFold(empty.getMixedSizes()[dim]);
      })
      .Case([&](tensor::ExpandShapeOp expand) {
        return findFold(expand.getMixedOutputShape()[dim]);
      })
      .Case([&](tensor::ReshapeOp reshape) -> std::optional<int64_t> {
        auto shape = reshape.getShape().getDefiningOp<tensor::FromElementsOp>();
        return shape ? findIndex(shape.getElements()[dim]) : std::nullopt;
      })
      .Case([&](tensor::CollapseShapeOp collapse) -> std::optional<int64_t> {
        int64_t product = 1;
        SmallVector<SmallVector<int64_t>> groups = getReassociation(collapse);
        for (int64_t source : groups[dim]) {
          std::optional<int64_t> size = getSize(collapse.getSrc(), source);
          if (!size)
            return std::nullopt;
          product *= *size;
        }
        return product;
      })
      .Case([&](tensor::ConcatOp concat) -> std::optional<int64_t> {
        int64_t sum = 0;
        for (Value input : concat.getInputs()) {
          std::optional<int64_t> size = getSize(input, dim);
          if (!size || static_cast<int64_t>(concat.getDim()) != dim)
            return size;
          sum += *size;
        }
        return sum;
      })
      .Case([&](tensor::ExtractSliceOp slice) -> std::optional<int64_t> {
        // Dropped dimensions shift the others.
        llvm::SmallBitVector dropped = slice.getDroppedDims();
        for (auto [index, size] : llvm::enumerate(slice.getMixedSizes()))
          if (!dropped.test(index) && dim-- == 0)
            return findFold(size);
        return std::nullopt;
      })
      .Case([&](GatheredAttentionOp attention) {
        return dim == 3 ? getSize(attention.getValue(), 3)
                        : getSize(attention.getQuery(), dim);
      })
      .Case([&](AttentionOp attention) {
        return dim == 3 ? getSize(attention.getValue(), 3)
                        : getSize(attention.getQuery(), dim);
      })
      .Case([&](CausalAttentionOp attention) {
        return dim == 3 ? getSize(attention.getValue(), 3)
                        : getSize(attention.getQuery(), dim);
      })
      .Case([&](TopkMaskOp mask) { return getSize(mask.getScores(), dim); })
      .Case([&](ScoreOp score) {
        return dim == 2 ? getSize(score.getFeatures(), 1)
                        : getSize(score.getFeatures(), 0);
      })
      .Default(std::nullopt);
}

std::optional<int64_t> SizeFinder::findIndex(Value value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return constant;
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  SmallVector<Attribute> operands;
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    return index ? getSize(dim.getSource(), *index) : std::nullopt;
  }
  // Arithmetic on sizes folds once its operands are constants.
  if (!isa<affine::AffineApplyOp>(op) &&
      op->getDialect()->getNamespace() != "arith")
    return std::nullopt;
  for (Value operand : op->getOperands()) {
    std::optional<int64_t> size = findIndex(operand);
    if (!size || !operand.getType().isIntOrIndex())
      return std::nullopt;
    operands.push_back(IntegerAttr::get(operand.getType(), *size));
  }
  SmallVector<OpFoldResult> results;
  if (failed(op->fold(operands, results)) || results.size() != 1)
    return std::nullopt;
  // A constant, or one of the operands.
  return findFold(results.front());
}

/// The sum of min(first + i + 1, limit) over `count` queries i, of which the
/// first one is at position `first`.
static double countPairs(int64_t first, int64_t count, int64_t limit) {
  // Queries before position `limit - 1` see all keys up to their own.
  int64_t growing = std::clamp<int64_t>(limit - first, 0, count);
  double grow = static_cast<double>(growing);
  return grow * (static_cast<double>(first) + (grow + 1.0) / 2.0) +
         static_cast<double>(count - growing) * static_cast<double>(limit);
}

template <typename OpTy>
static std::optional<double> getAttentionFlops(OpTy op, SizeFinder &sizes,
                                               std::optional<int64_t> limit) {
  std::optional<int64_t> batch = sizes.getSize(op.getQuery(), 0),
                         heads = sizes.getSize(op.getQuery(), 1),
                         queries = sizes.getSize(op.getQuery(), 2),
                         depth = sizes.getSize(op.getQuery(), 3),
                         keys = sizes.getSize(op.getKey(), 2),
                         valueDepth = sizes.getSize(op.getValue(), 3);
  if (!batch || !heads || !queries || !depth || !keys || !valueDepth)
    return std::nullopt;
  double pairs = countPairs(*keys - *queries, *queries, limit.value_or(*keys));
  return 2.0 * pairs * *batch * *heads * (*depth + *valueDepth);
}

/// topk + window, at most the largest integer.
static int64_t getLimit(int64_t topk, int64_t window) {
  int64_t limit;
  if (llvm::AddOverflow(topk, window, limit))
    return std::numeric_limits<int64_t>::max();
  return limit;
}

static std::optional<double> getScoreFlops(ScoreOp op, SizeFinder &sizes) {
  double flops = 2.0;
  for (auto [value, dim] : {std::pair<Value, int64_t>(op.getFeatures(), 0),
                            {op.getFeatures(), 1},
                            {op.getFeatures(), 2},
                            {op.getWeight(), 1}}) {
    std::optional<int64_t> size = sizes.getSize(value, dim);
    if (!size)
      return std::nullopt;
    flops *= *size;
  }
  return flops;
}

/// 2 * product of the loop sizes, each from the first operand that tells it.
static std::optional<double> getContractionFlops(linalg::LinalgOp op,
                                                 SizeFinder &sizes) {
  SmallVector<std::optional<int64_t>> loops(op.getNumLoops());
  for (OpOperand &operand : op->getOpOperands())
    for (auto [index, expr] :
         llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        if (std::optional<int64_t> &size = loops[dim.getPosition()]; !size)
          size = sizes.getSize(operand.get(), index);
  double flops = 2.0;
  for (std::optional<int64_t> size : loops) {
    if (!size)
      return std::nullopt;
    flops *= *size;
  }
  return flops;
}

Cost sparsek::estimateCost(ModuleOp module, StringRef entry,
                           ArrayRef<TensorRef> arguments) {
  Cost cost;
  auto function = module.lookupSymbol<func::FuncOp>(entry);
  if (!function || function.isExternal())
    return cost;
  SizeFinder sizes(function, arguments);
  auto count = [&](std::optional<double> flops) {
    if (flops)
      cost.flops += *flops;
    else
      ++cost.unknownOps;
  };
  function.walk([&](Operation *op) {
    llvm::TypeSwitch<Operation *>(op)
        .Case([&](GatheredAttentionOp attention) {
          count(getAttentionFlops(
              attention, sizes,
              getLimit(attention.getTopk(), attention.getWindow())));
        })
        .Case([&](AttentionOp attention) {
          count(getAttentionFlops(
              attention, sizes,
              getLimit(attention.getTopk(), attention.getWindow())));
        })
        .Case([&](CausalAttentionOp attention) {
          count(getAttentionFlops(attention, sizes, std::nullopt));
        })
        .Case([&](ScoreOp score) { count(getScoreFlops(score, sizes)); })
        .Case([&](linalg::LinalgOp linalgOp) {
          if (linalg::isaContractionOpInterface(linalgOp))
            count(getContractionFlops(linalgOp, sizes));
        });
  });
  return cost;
}
