//===- TensorBuilder.cpp - Tensor code that reads like its formula --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TensorBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace sparsek;

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value TensorBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value TensorBuilder::integer(int64_t value, unsigned width) {
  return arith::ConstantIntOp::create(*this, value, width);
}

Value TensorBuilder::real(double value, Type type) {
  return arith::ConstantOp::create(*this, getFloatAttr(type, value));
}

Value TensorBuilder::infinity(Type type, bool negative) {
  auto floatType = cast<FloatType>(type);
  APFloat value = APFloat::getInf(floatType.getFloatSemantics(), negative);
  return arith::ConstantOp::create(*this, getFloatAttr(type, value));
}

template <typename FloatOp, typename IntOp>
static Value arithmetic(ImplicitLocOpBuilder &builder, Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return FloatOp::create(builder, a, b);
  return IntOp::create(builder, a, b);
}

Value TensorBuilder::add(Value a, Value b) {
  return arithmetic<arith::AddFOp, arith::AddIOp>(*this, a, b);
}

Value TensorBuilder::sub(Value a, Value b) {
  return arithmetic<arith::SubFOp, arith::SubIOp>(*this, a, b);
}

Value TensorBuilder::mul(Value a, Value b) {
  return arithmetic<arith::MulFOp, arith::MulIOp>(*this, a, b);
}

Value TensorBuilder::div(Value a, Value b) {
  return arithmetic<arith::DivFOp, arith::DivSIOp>(*this, a, b);
}

Value TensorBuilder::max(Value a, Value b) {
  return arithmetic<arith::MaximumFOp, arith::MaxSIOp>(*this, a, b);
}

static Value compare(ImplicitLocOpBuilder &builder,
                     arith::CmpFPredicate floatPredicate,
                     arith::CmpIPredicate intPredicate, Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return arith::CmpFOp::create(builder, floatPredicate, a, b);
  return arith::CmpIOp::create(builder, intPredicate, a, b);
}

Value TensorBuilder::equal(Value a, Value b) {
  return compare(*this, arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq, a,
                 b);
}

Value TensorBuilder::less(Value a, Value b) {
  return compare(*this, arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt, a,
                 b);
}

Value TensorBuilder::lessOrEqual(Value a, Value b) {
  return compare(*this, arith::CmpFPredicate::OLE, arith::CmpIPredicate::sle, a,
                 b);
}

Value TensorBuilder::both(Value a, Value b) {
  return arith::AndIOp::create(*this, a, b);
}

Value TensorBuilder::either(Value a, Value b) {
  return arith::OrIOp::create(*this, a, b);
}

Value TensorBuilder::select(Value condition, Value yes, Value no) {
  return arith::SelectOp::create(*this, condition, yes, no);
}

Value TensorBuilder::toFloat(Value value, Type type) {
  unsigned from = value.getType().getIntOrFloatBitWidth();
  unsigned to = type.getIntOrFloatBitWidth();
  if (from == to)
    return value;
  if (from < to)
    return arith::ExtFOp::create(*this, type, value);
  return arith::TruncFOp::create(*this, type, value);
}

Value TensorBuilder::toIndex(Value value) {
  if (value.getType().isIndex())
    return value;
  return arith::IndexCastOp::create(*this, getIndexType(), value);
}

Value TensorBuilder::toI32(Value value) {
  return arith::IndexCastOp::create(*this, getI32Type(), value);
}

Value TensorBuilder::toF64(Value value) {
  if (value.getType().isIndex())
    value = arith::IndexCastOp::create(*this, getI64Type(), value);
  if (isa<IntegerType>(value.getType()))
    return arith::SIToFPOp::create(*this, getF64Type(), value);
  return toFloat(value, getF64Type());
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

OpFoldResult TensorBuilder::size(Value tensor, unsigned dim) {
  return tensor::getMixedSize(*this, getLoc(), tensor, dim);
}

Value TensorBuilder::sizeValue(Value tensor, unsigned dim) {
  return getValueOrCreateConstantIndexOp(*this, getLoc(), size(tensor, dim));
}

Value TensorBuilder::empty(ArrayRef<OpFoldResult> sizes, Type element) {
  return tensor::EmptyOp::create(*this, sizes, element);
}

Value TensorBuilder::filled(ArrayRef<OpFoldResult> sizes, Value element) {
  Value tensor = empty(sizes, element.getType());
  return linalg::FillOp::create(*this, element, tensor).getResult(0);
}

Value TensorBuilder::at(Value tensor, ValueRange indices) {
  return tensor::ExtractOp::create(*this, tensor, indices);
}

namespace {
/// Offsets, sizes and strides of the slice at `position` in `dim`.
struct SliceParameters {
  SliceParameters(TensorBuilder &b, Value tensor, unsigned dim,
                  OpFoldResult position) {
    int64_t rank = cast<RankedTensorType>(tensor.getType()).getRank();
    offsets.assign(rank, b.getIndexAttr(0));
    strides.assign(rank, b.getIndexAttr(1));
    sizes = tensor::getMixedSizes(b, b.getLoc(), tensor);
    offsets[dim] = position;
    sizes[dim] = b.getIndexAttr(1);
  }
  SmallVector<OpFoldResult> offsets, sizes, strides;
};
} // namespace

Value TensorBuilder::slice(Value tensor, unsigned dim, OpFoldResult position) {
  SliceParameters slice(*this, tensor, dim, position);
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.erase(shape.begin() + dim);
  return tensor::ExtractSliceOp::create(
      *this, RankedTensorType::get(shape, type.getElementType()), tensor,
      slice.offsets, slice.sizes, slice.strides);
}

Value TensorBuilder::withSlice(Value tensor, unsigned dim,
                               OpFoldResult position, Value value) {
  SliceParameters slice(*this, tensor, dim, position);
  return tensor::InsertSliceOp::create(*this, value, tensor, slice.offsets,
                                       slice.sizes, slice.strides);
}

/// Groups for a reshape between `rank` dimensions and one more, where `dim`
/// stands for two.
static SmallVector<ReassociationIndices> groupsWithPair(unsigned rank,
                                                        unsigned dim) {
  SmallVector<ReassociationIndices> groups;
  for (unsigned i = 0, next = 0; i < rank; ++i) {
    groups.push_back({next++});
    if (i == dim)
      groups.back().push_back(next++);
  }
  return groups;
}

Value TensorBuilder::split(Value tensor, unsigned dim, int64_t inner) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] /= inner;
  shape.insert(shape.begin() + dim + 1, inner);
  return tensor::ExpandShapeOp::create(
      *this, RankedTensorType::get(shape, type.getElementType()), tensor,
      groupsWithPair(type.getRank(), dim));
}

Value TensorBuilder::merge(Value tensor, unsigned dim) {
  unsigned rank = cast<RankedTensorType>(tensor.getType()).getRank();
  return tensor::CollapseShapeOp::create(*this, tensor,
                                         groupsWithPair(rank - 1, dim));
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

SmallVector<Value> TensorBuilder::generic(StringRef loops,
                                          ArrayRef<Operand> inputs,
                                          ArrayRef<Operand> results,
                                          GenericBody body) {
  SmallVector<AffineMap> maps;
  Values inputTensors, resultTensors;
  auto addMap = [&](const Operand &operand) {
    SmallVector<AffineExpr> exprs;
    for (char letter : operand.dims)
      exprs.push_back(letter == '0' ? getAffineConstantExpr(0)
                                    : getAffineDimExpr(loops.find(letter)));
    maps.push_back(
        AffineMap::get(loops.size(), /*symbolCount=*/0, exprs, getContext()));
  };
  for (const Operand &input : inputs) {
    addMap(input);
    inputTensors.push_back(input.tensor);
  }
  for (const Operand &result : results) {
    addMap(result);
    resultTensors.push_back(result.tensor);
  }
  auto iterators = llvm::map_to_vector(loops, [&](char letter) {
    return results.front().dims.contains(letter)
               ? utils::IteratorType::parallel
               : utils::IteratorType::reduction;
  });
  auto op = linalg::GenericOp::create(
      *this, ValueRange(resultTensors).getTypes(), inputTensors, resultTensors,
      maps, iterators, [&](OpBuilder &builder, Location loc, ValueRange args) {
        TensorBuilder nested(loc, builder);
        linalg::YieldOp::create(nested, body(nested, Values(args)));
      });
  return Values(op.getResults());
}

SmallVector<Value> TensorBuilder::loop(Value lower, Value upper,
                                       ValueRange init, LoopBody body) {
  Value step = index(1);
  auto op = scf::ForOp::create(
      *this, lower, upper, step, init,
      [&](OpBuilder &builder, Location loc, Value i, ValueRange state) {
        TensorBuilder nested(loc, builder);
        scf::YieldOp::create(nested, body(nested, i, Values(state)));
      });
  return Values(op.getResults());
}

Value TensorBuilder::iteration(unsigned loop) {
  return linalg::IndexOp::create(*this, loop);
}
