//===- HostBuilder.cpp - Arithmetic on sizes, folded ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HostBuilder.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace sparsek;

Value HostBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value HostBuilder::i32(int32_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(value));
}

Value HostBuilder::boolean(bool value) {
  return arith::ConstantOp::create(*this, getBoolAttr(value));
}

Value HostBuilder::add(Operands operands) {
  return createOrFold<arith::AddIOp>(operands.left, operands.right);
}

Value HostBuilder::sub(Operands operands) {
  return createOrFold<arith::SubIOp>(operands.left, operands.right);
}

Value HostBuilder::mul(ArrayRef<Value> factors) {
  Value product = factors.front();
  for (Value factor : factors.drop_front())
    product = createOrFold<arith::MulIOp>(product, factor);
  return product;
}

Value HostBuilder::div(Operands operands) {
  return createOrFold<arith::DivUIOp>(operands.left, operands.right);
}

Value HostBuilder::ceilDiv(Operands operands) {
  Value rest = sub({operands.right, index(1)});
  return div({add({operands.left, rest}), operands.right});
}

Value HostBuilder::alignTo(Value value, int64_t alignment) {
  return mul({ceilDiv({value, index(alignment)}), index(alignment)});
}

Value HostBuilder::min(Operands operands) {
  return createOrFold<arith::MinSIOp>(operands.left, operands.right);
}

Value HostBuilder::max(Operands operands) {
  return createOrFold<arith::MaxSIOp>(operands.left, operands.right);
}

Value HostBuilder::atMost(Operands operands) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::sle, operands.left,
                                     operands.right);
}

Value HostBuilder::both(Operands operands) {
  return createOrFold<arith::AndIOp>(operands.left, operands.right);
}

Value HostBuilder::negate(Value condition) {
  return createOrFold<arith::XOrIOp>(condition, boolean(true));
}

Value HostBuilder::select(Choice choice) {
  return createOrFold<arith::SelectOp>(choice.condition, choice.yes, choice.no);
}

Value HostBuilder::count(ArrayRef<Value> conditions) {
  Value one = index(1), none = index(0), sum = none;
  for (Value condition : conditions)
    sum = add({sum, select({condition, one, none})});
  return sum;
}

Value HostBuilder::dim(Value tensor, int64_t index) {
  return createOrFold<tensor::DimOp>(tensor, index);
}

Value HostBuilder::word(Value value) {
  if (value.getType().isInteger(32))
    return value;
  if (value.getType().isIndex())
    return createOrFold<arith::IndexCastOp>(getI32Type(), value);
  return createOrFold<arith::TruncIOp>(getI32Type(), value);
}

SmallVector<Value, 2> HostBuilder::words(Value value) {
  Type i64 = getI64Type();
  if (value.getType().isIndex())
    value = createOrFold<arith::IndexCastOp>(i64, value);
  Value half = arith::ConstantOp::create(*this, getI64IntegerAttr(32));
  Value low = word(value);
  return {low, word(createOrFold<arith::ShRUIOp>(value, half))};
}

std::optional<int64_t> HostBuilder::getConstant(Value value) {
  APInt constant;
  if (!matchPattern(value, m_ConstantInt(&constant)))
    return std::nullopt;
  return constant.getBitWidth() == 1 ? constant.getZExtValue()
                                     : constant.getSExtValue();
}
