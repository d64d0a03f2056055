//===- KernelBuilder.cpp - Short names for building kernels -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace sparsek;

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

/// `type`, or the vector of it in the shape of `like`.
static Type sameShape(Type like, Type type) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(type);
  return type;
}

//===----------------------------------------------------------------------===//
// Constants and arithmetic
//===----------------------------------------------------------------------===//

Value KernelBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value KernelBuilder::i32(int32_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(value));
}

Value KernelBuilder::f32(double value) { return constant(getF32Type(), value); }

Value KernelBuilder::f64(double value) { return constant(getF64Type(), value); }

Value KernelBuilder::boolean(bool value) {
  return arith::ConstantOp::create(*this, getBoolAttr(value));
}

Value KernelBuilder::constant(Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr attr;
  if (isa<FloatType>(element))
    attr = getFloatAttr(element, value);
  else
    attr = getIntegerAttr(element, static_cast<int64_t>(value));
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, Attribute(attr));
  return arith::ConstantOp::create(*this, attr);
}

Value KernelBuilder::add(Operands operands) {
  auto [lhs, rhs] = operands;
  if (isFloat(lhs))
    return arith::AddFOp::create(*this, lhs, rhs);
  return arith::AddIOp::create(*this, lhs, rhs);
}

Value KernelBuilder::sub(Operands operands) {
  auto [lhs, rhs] = operands;
  if (isFloat(lhs))
    return arith::SubFOp::create(*this, lhs, rhs);
  return arith::SubIOp::create(*this, lhs, rhs);
}

Value KernelBuilder::mul(Operands operands) {
  auto [lhs, rhs] = operands;
  if (isFloat(lhs))
    return arith::MulFOp::create(*this, lhs, rhs);
  return arith::MulIOp::create(*this, lhs, rhs);
}

Value KernelBuilder::div(Operands operands) {
  auto [lhs, rhs] = operands;
  if (isFloat(lhs))
    return arith::DivFOp::create(*this, lhs, rhs);
  return arith::DivUIOp::create(*this, lhs, rhs);
}

Value KernelBuilder::rem(Operands operands) {
  return arith::RemUIOp::create(*this, operands.lhs, operands.rhs);
}

Value KernelBuilder::ceilDiv(Operands operands) {
  return arith::CeilDivUIOp::create(*this, operands.lhs, operands.rhs);
}

Value KernelBuilder::min(Operands operands) {
  auto [lhs, rhs] = operands;
  if (isFloat(lhs))
    return select({lt({rhs, lhs}), rhs, lhs});
  return arith::MinSIOp::create(*this, lhs, rhs);
}

Value KernelBuilder::max(Operands operands) {
  auto [lhs, rhs] = operands;
  if (isFloat(lhs))
    return select({lt({lhs, rhs}), rhs, lhs});
  return arith::MaxSIOp::create(*this, lhs, rhs);
}

Value KernelBuilder::select(Choice choice) {
  return arith::SelectOp::create(*this, choice.condition, choice.yes,
                                 choice.no);
}

Value KernelBuilder::both(Operands operands) {
  return arith::AndIOp::create(*this, operands.lhs, operands.rhs);
}

Value KernelBuilder::either(Operands operands) {
  return arith::OrIOp::create(*this, operands.lhs, operands.rhs);
}

Value KernelBuilder::lt(Operands operands) {
  auto [lhs, rhs] = operands;
  if (isFloat(lhs))
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, lhs, rhs);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, lhs, rhs);
}

Value KernelBuilder::le(Operands operands) {
  auto [lhs, rhs] = operands;
  if (isFloat(lhs))
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::OLE, lhs, rhs);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::sle, lhs, rhs);
}

Value KernelBuilder::eq(Operands operands) {
  auto [lhs, rhs] = operands;
  if (isFloat(lhs))
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::OEQ, lhs, rhs);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, lhs, rhs);
}

Value KernelBuilder::toIndex(Value value) {
  return arith::IndexCastOp::create(*this, getIndexType(), value);
}

Value KernelBuilder::toI32(Value value) {
  return arith::IndexCastOp::create(*this, getI32Type(), value);
}

Value KernelBuilder::toF32(Value value) {
  Type type = sameShape(value.getType(), getF32Type());
  if (value.getType() == type)
    return value;
  return arith::ExtFOp::create(*this, type, value);
}

Value KernelBuilder::fromF32(Value value, Type element) {
  Type type = sameShape(value.getType(), element);
  if (value.getType() == type)
    return value;
  return arith::TruncFOp::create(*this, type, value);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

MemRefType sparsek::getStridedType(Type element, int64_t rank, bool unitInner) {
  SmallVector<int64_t> strides(rank, ShapedType::kDynamic);
  if (unitInner)
    strides.back() = 1;
  auto layout = StridedLayoutAttr::get(element.getContext(),
                                       ShapedType::kDynamic, strides);
  return MemRefType::get(SmallVector<int64_t>(rank, ShapedType::kDynamic),
                         element, layout);
}

Value KernelBuilder::dim(Value memref, int64_t index) {
  return memref::DimOp::create(*this, memref, index);
}

Value KernelBuilder::load(Value memref, ValueRange indices) {
  return memref::LoadOp::create(*this, memref, indices);
}

void KernelBuilder::store(const Store &store) {
  memref::StoreOp::create(*this, store.value, store.memref, store.indices);
}

Value KernelBuilder::loadVector(Value memref, ValueRange indices,
                                int64_t lanes) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  return vector::LoadOp::create(*this, VectorType::get(lanes, element), memref,
                                indices);
}

void KernelBuilder::storeVector(const Store &store) {
  vector::StoreOp::create(*this, store.value, store.memref, store.indices);
}

Value KernelBuilder::splat(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(
      *this, VectorType::get(lanes, scalar.getType()), scalar);
}

Value KernelBuilder::scratch(Type element, ArrayRef<int64_t> shape,
                             ValueRange dynamicSizes) {
  auto alloc = memref::AllocOp::create(*this, MemRefType::get(shape, element),
                                       dynamicSizes, getI64IntegerAttr(64));
  alloc->setAttr(bufferization::BufferizationDialect::kManualDeallocation,
                 getUnitAttr());
  scratchMemory.push_back(alloc);
  return alloc;
}

void KernelBuilder::withScratch(function_ref<void()> body) {
  size_t outer = scratchMemory.size();
  body();
  while (scratchMemory.size() > outer) {
    auto dealloc =
        memref::DeallocOp::create(*this, scratchMemory.pop_back_val());
    dealloc->setAttr(bufferization::BufferizationDialect::kManualDeallocation,
                     getUnitAttr());
  }
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

void KernelBuilder::loop(Range range, function_ref<void(Value)> body) {
  auto op = scf::ForOp::create(*this, range.begin, range.end, range.step);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.getBody());
  body(op.getInductionVar());
}

KernelBuilder::Values
KernelBuilder::loop(Range range, ValueRange inits,
                    function_ref<Values(Value, ValueRange)> body) {
  auto op =
      scf::ForOp::create(*this, range.begin, range.end, range.step, inits);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.getBody());
  scf::YieldOp::create(*this,
                       body(op.getInductionVar(), op.getRegionIterArgs()));
  return Values(op.getResults());
}

void KernelBuilder::parallelLoop(Value end, bool parallel,
                                 function_ref<void(Value)> body) {
  Value begin = index(0), step = index(1);
  if (!parallel)
    return loop({begin, end, step}, body);
  auto op = scf::ParallelOp::create(*this, ValueRange{begin}, ValueRange{end},
                                    ValueRange{step});
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.getBody());
  body(op.getInductionVars().front());
}

void KernelBuilder::ifThen(Value condition, function_ref<void()> body) {
  auto op = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  body();
}

KernelBuilder::Values KernelBuilder::ifElse(Value condition, TypeRange types,
                                            function_ref<Values()> yes,
                                            function_ref<Values()> no) {
  auto op = scf::IfOp::create(*this, types, condition,
                              /*addThenBlock=*/true, /*addElseBlock=*/true);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  scf::YieldOp::create(*this, yes());
  setInsertionPointToStart(op.elseBlock());
  scf::YieldOp::create(*this, no());
  return Values(op.getResults());
}

KernelBuilder::Values
KernelBuilder::whileLoop(ValueRange inits,
                         function_ref<Value(ValueRange)> condition,
                         function_ref<Values(ValueRange)> body) {
  auto op = scf::WhileOp::create(
      *this, inits.getTypes(), inits,
      [&](OpBuilder &builder, Location, ValueRange args) {
        InsertionGuard guard(*this);
        setInsertionPointToEnd(builder.getInsertionBlock());
        scf::ConditionOp::create(*this, condition(args), args);
      },
      [&](OpBuilder &builder, Location, ValueRange args) {
        InsertionGuard guard(*this);
        setInsertionPointToEnd(builder.getInsertionBlock());
        scf::YieldOp::create(*this, body(args));
      });
  return Values(op.getResults());
}
