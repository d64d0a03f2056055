//===- TileBuilder.cpp - Short names for building tile kernels ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TileBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

//===----------------------------------------------------------------------===//
// Kernels and their arguments
//===----------------------------------------------------------------------===//

TileBuilder::Argument TileBuilder::memref(StringRef name, StringRef dims,
                                          Type element, int64_t columns) {
  SmallVector<int64_t> shape(dims.size(), ShapedType::kDynamic);
  shape.back() = columns;
  SmallVector<int64_t> strides(dims.size(), ShapedType::kDynamic);
  strides.back() = 1;
  auto layout = StridedLayoutAttr::get(getContext(), /*offset=*/0, strides);
  return {name, MemRefType::get(shape, element, layout), dims};
}

TileBuilder::Argument TileBuilder::vector(StringRef name, Type element) {
  return {name, MemRefType::get({ShapedType::kDynamic}, element)};
}

KernelOp TileBuilder::startKernel(StringRef name,
                                  ArrayRef<Argument> kernelArguments,
                                  ScheduleAttr schedule, RowMapAttr rowMap,
                                  std::optional<int64_t> threads) {
  SmallVector<Type> types;
  SmallVector<Attribute> attributes;
  for (const Argument &argument : kernelArguments) {
    types.push_back(argument.type);
    SmallVector<NamedAttribute> named{
        getNamedAttr(kNameAttr, getStringAttr(argument.name))};
    if (!argument.dims.empty())
      named.push_back(getNamedAttr(kDimsAttr, getStringAttr(argument.dims)));
    attributes.push_back(getDictionaryAttr(named));
  }
  auto kernel = KernelOp::create(
      *this, getStringAttr(name), TypeAttr::get(getFunctionType(types, {})),
      getArrayAttr(attributes), ArrayAttr(), schedule, rowMap,
      threads ? getI64IntegerAttr(*threads) : IntegerAttr(), IntegerAttr());
  Block &body = kernel.getBody().emplaceBlock();
  arguments.clear();
  for (const Argument &argument : kernelArguments)
    arguments[argument.name] = body.addArgument(argument.type, getLoc());
  setInsertionPointToEnd(&body);
  return kernel;
}

void TileBuilder::role(StringRef name, int64_t warps, int64_t registers,
                       function_ref<void()> body) {
  auto role = RoleOp::create(*this, name, warps, getI64IntegerAttr(registers));
  InsertionGuard guard(*this);
  setInsertionPointToEnd(&role.getBody().emplaceBlock());
  body();
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

TileBuilder::Values
TileBuilder::forEach(Value first, Value end, Value step, ValueRange state,
                     function_ref<Values(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(
      *this, first, end, step, state,
      [&](OpBuilder &, Location, Value number, ValueRange current) {
        OpBuilder::InsertionGuard guard(*this);
        setInsertionPointToEnd(number.getParentBlock());
        scf::YieldOp::create(*this, body(number, current));
      });
  return Values(loop.getResults());
}

TileBuilder::Values
TileBuilder::doWhile(ValueRange state,
                     function_ref<Value(ValueRange, Values &)> body) {
  auto loop = scf::WhileOp::create(
      *this, state.getTypes(), state,
      [&](OpBuilder &builder, Location, ValueRange current) {
        OpBuilder::InsertionGuard guard(*this);
        setInsertionPointToEnd(builder.getInsertionBlock());
        Values next;
        Value more = body(current, next);
        scf::ConditionOp::create(*this, more, next);
      },
      [](OpBuilder &builder, Location loc, ValueRange next) {
        scf::YieldOp::create(builder, loc, next);
      });
  return Values(loop.getResults());
}

void TileBuilder::ifThen(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  body();
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value TileBuilder::i32(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(value));
}

Value TileBuilder::add(Value lhs, Value rhs) {
  return arith::AddIOp::create(*this, lhs, rhs);
}

Value TileBuilder::sub(Value lhs, Value rhs) {
  return arith::SubIOp::create(*this, lhs, rhs);
}

Value TileBuilder::mul(Value lhs, Value rhs) {
  return arith::MulIOp::create(*this, lhs, rhs);
}

Value TileBuilder::div(Value lhs, Value rhs) {
  return arith::DivUIOp::create(*this, lhs, rhs);
}

Value TileBuilder::rem(Value lhs, Value rhs) {
  return arith::RemUIOp::create(*this, lhs, rhs);
}

Value TileBuilder::min(Value lhs, Value rhs) {
  return arith::MinSIOp::create(*this, lhs, rhs);
}

Value TileBuilder::max(Value lhs, Value rhs) {
  return arith::MaxSIOp::create(*this, lhs, rhs);
}

Value TileBuilder::shiftLeft(Value lhs, Value rhs) {
  return arith::ShLIOp::create(*this, lhs, rhs);
}

Value TileBuilder::shiftRight(Value lhs, Value rhs) {
  return arith::ShRUIOp::create(*this, lhs, rhs);
}

Value TileBuilder::less(Value lhs, Value rhs) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, lhs, rhs);
}

Value TileBuilder::equal(Value lhs, Value rhs) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, lhs, rhs);
}

Value TileBuilder::negate(Value condition) {
  Value yes = arith::ConstantOp::create(*this, getBoolAttr(true));
  return arith::XOrIOp::create(*this, condition, yes);
}

Value TileBuilder::both(Value lhs, Value rhs) {
  return arith::AndIOp::create(*this, lhs, rhs);
}

Value TileBuilder::select(Value condition, Value yes, Value no) {
  return arith::SelectOp::create(*this, condition, yes, no);
}

Value TileBuilder::toI64(Value value) {
  return arith::ExtUIOp::create(*this, getI64Type(), value);
}

Value TileBuilder::load(Value vector, Value position) {
  Value index = arith::IndexCastUIOp::create(*this, getIndexType(), position);
  return memref::LoadOp::create(*this, vector, index);
}

void TileBuilder::store(Value value, Value vector, Value position) {
  Value index = arith::IndexCastUIOp::create(*this, getIndexType(), position);
  memref::StoreOp::create(*this, value, vector, index);
}
