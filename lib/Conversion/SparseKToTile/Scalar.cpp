//===- Scalar.cpp - Expressions on scalars of a kernel --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

Scalar Scalar::constant(int64_t number) const {
  TypedAttr attribute =
      isa<FloatType>(getType())
          ? TypedAttr(builder->getFloatAttr(getType(), double(number)))
          : TypedAttr(builder->getIntegerAttr(getType(), number));
  return Scalar(*builder, arith::ConstantOp::create(*builder, attribute));
}

template <typename IntOp, typename FloatOp>
static Scalar makeBinary(Scalar lhs, Scalar rhs) {
  TileBuilder &b = lhs.getBuilder();
  if (isa<FloatType>(lhs.getType()))
    return Scalar(b, FloatOp::create(b, lhs, rhs));
  return Scalar(b, IntOp::create(b, lhs, rhs));
}

template <typename Op> static Scalar makeInteger(Scalar lhs, Scalar rhs) {
  TileBuilder &b = lhs.getBuilder();
  return Scalar(b, Op::create(b, lhs, rhs));
}

static Scalar compare(arith::CmpIPredicate integers,
                      arith::CmpFPredicate floats, Scalar lhs, Scalar rhs) {
  TileBuilder &b = lhs.getBuilder();
  if (isa<FloatType>(lhs.getType()))
    return Scalar(b, arith::CmpFOp::create(b, floats, lhs, rhs));
  return Scalar(b, arith::CmpIOp::create(b, integers, lhs, rhs));
}

Scalar sparsek::operator+(Scalar lhs, Scalar rhs) {
  return makeBinary<arith::AddIOp, arith::AddFOp>(lhs, rhs);
}
Scalar sparsek::operator-(Scalar lhs, Scalar rhs) {
  return makeBinary<arith::SubIOp, arith::SubFOp>(lhs, rhs);
}
Scalar sparsek::operator*(Scalar lhs, Scalar rhs) {
  return makeBinary<arith::MulIOp, arith::MulFOp>(lhs, rhs);
}
Scalar sparsek::operator/(Scalar lhs, Scalar rhs) {
  return makeBinary<arith::DivUIOp, arith::DivFOp>(lhs, rhs);
}
Scalar sparsek::operator%(Scalar lhs, Scalar rhs) {
  return makeInteger<arith::RemUIOp>(lhs, rhs);
}
Scalar sparsek::operator&(Scalar lhs, Scalar rhs) {
  return makeInteger<arith::AndIOp>(lhs, rhs);
}
Scalar sparsek::operator|(Scalar lhs, Scalar rhs) {
  return makeInteger<arith::OrIOp>(lhs, rhs);
}
Scalar sparsek::operator^(Scalar lhs, Scalar rhs) {
  return makeInteger<arith::XOrIOp>(lhs, rhs);
}
Scalar sparsek::operator<<(Scalar lhs, Scalar rhs) {
  return makeInteger<arith::ShLIOp>(lhs, rhs);
}
Scalar sparsek::operator>>(Scalar lhs, Scalar rhs) {
  return makeInteger<arith::ShRUIOp>(lhs, rhs);
}
Scalar sparsek::operator<(Scalar lhs, Scalar rhs) {
  return compare(arith::CmpIPredicate::slt, arith::CmpFPredicate::OLT, lhs,
                 rhs);
}
Scalar sparsek::operator<=(Scalar lhs, Scalar rhs) {
  return compare(arith::CmpIPredicate::sle, arith::CmpFPredicate::OLE, lhs,
                 rhs);
}
Scalar sparsek::operator>(Scalar lhs, Scalar rhs) {
  return compare(arith::CmpIPredicate::sgt, arith::CmpFPredicate::OGT, lhs,
                 rhs);
}
Scalar sparsek::operator>=(Scalar lhs, Scalar rhs) {
  return compare(arith::CmpIPredicate::sge, arith::CmpFPredicate::OGE, lhs,
                 rhs);
}
Scalar sparsek::operator==(Scalar lhs, Scalar rhs) {
  return compare(arith::CmpIPredicate::eq, arith::CmpFPredicate::OEQ, lhs, rhs);
}
Scalar sparsek::operator!=(Scalar lhs, Scalar rhs) {
  return compare(arith::CmpIPredicate::ne, arith::CmpFPredicate::UNE, lhs, rhs);
}
Scalar Scalar::operator~() const { return *this ^ constant(-1); }
Scalar Scalar::operator!() const { return *this ^ constant(1); }

Scalar sparsek::select(Scalar condition, Scalar yes, Scalar no) {
  TileBuilder &b = condition.getBuilder();
  return Scalar(b, arith::SelectOp::create(b, condition, yes, no));
}
Scalar sparsek::smaller(Scalar lhs, Scalar rhs) {
  return makeBinary<arith::MinSIOp, arith::MinNumFOp>(lhs, rhs);
}
Scalar sparsek::larger(Scalar lhs, Scalar rhs) {
  return makeBinary<arith::MaxSIOp, arith::MaxNumFOp>(lhs, rhs);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

Scalar Scalar::toI32() const {
  Type i32 = builder->getI32Type();
  if (getType().getIntOrFloatBitWidth() < 32)
    return Scalar(*builder, arith::ExtUIOp::create(*builder, i32, value));
  return Scalar(*builder, arith::TruncIOp::create(*builder, i32, value));
}
Scalar Scalar::toI64() const {
  return Scalar(*builder,
                arith::ExtUIOp::create(*builder, builder->getI64Type(), value));
}
Scalar Scalar::signedToI64() const {
  return Scalar(*builder,
                arith::ExtSIOp::create(*builder, builder->getI64Type(), value));
}
Scalar Scalar::toF32() const {
  if (isa<FloatType>(getType()))
    return Scalar(*builder, arith::TruncFOp::create(
                                *builder, builder->getF32Type(), value));
  return Scalar(*builder, arith::SIToFPOp::create(
                              *builder, builder->getF32Type(), value));
}
Scalar Scalar::toF64() const {
  Type f64 = builder->getF64Type();
  if (isa<FloatType>(getType()))
    return Scalar(*builder, arith::ExtFOp::create(*builder, f64, value));
  return Scalar(*builder, arith::SIToFPOp::create(*builder, f64, value));
}
Scalar Scalar::truncatedToI64() const {
  return Scalar(*builder, arith::FPToSIOp::create(
                              *builder, builder->getI64Type(), value));
}
Scalar Scalar::bitsToF32() const {
  return Scalar(*builder, arith::BitcastOp::create(
                              *builder, builder->getF32Type(), value));
}
Scalar Scalar::bitsToI32() const {
  return Scalar(*builder, arith::BitcastOp::create(
                              *builder, builder->getI32Type(), value));
}
Scalar Scalar::shiftRightSigned(int64_t amount) const {
  return Scalar(*builder,
                arith::ShRSIOp::create(*builder, value, constant(amount)));
}
Scalar Scalar::countBits() const {
  return Scalar(*builder, math::CtPopOp::create(*builder, value));
}
Scalar Scalar::countLeadingZeros() const {
  return Scalar(*builder, math::CountLeadingZerosOp::create(*builder, value));
}
Scalar Scalar::squareRoot() const {
  return Scalar(*builder, math::SqrtOp::create(*builder, value));
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Value Elements::getPlace(Scalar index) const {
  TileBuilder &b = index.getBuilder();
  Scalar place = index;
  if (start) {
    bool isWide = start.getType().isInteger(64);
    if (isWide && index.getType().isInteger(32))
      place = index.toI64();
    place = start + place;
  }
  return arith::IndexCastUIOp::create(b, b.getIndexType(), place);
}

Scalar Elements::operator[](Scalar index) const {
  TileBuilder &b = index.getBuilder();
  Value place = getPlace(index);
  return Scalar(b, memref::LoadOp::create(b, memref, place));
}

void Elements::set(Scalar index, Scalar value) const {
  TileBuilder &b = index.getBuilder();
  Value place = getPlace(index);
  memref::StoreOp::create(b, value, memref, place);
}

void Elements::add(Scalar index, Scalar value) const {
  TileBuilder &b = index.getBuilder();
  Value place = getPlace(index);
  memref::AtomicRMWOp::create(b, arith::AtomicRMWKind::addi, value, memref,
                              place);
}

Elements Elements::from(Scalar index) const {
  if (!static_cast<bool>(start))
    return Elements(index, memref);
  if (start.getType().isInteger(64) && index.getType().isInteger(32))
    return Elements(start + index.toI64(), memref);
  return Elements(start + index, memref);
}

//===----------------------------------------------------------------------===//
// ScalarBuilder
//===----------------------------------------------------------------------===//

SmallVector<Value> ScalarBuilder::toIndices(ArrayRef<Scalar> numbers) {
  SmallVector<Value> indices;
  for (Scalar number : numbers)
    indices.push_back(
        arith::IndexCastUIOp::create(*this, getIndexType(), number));
  return indices;
}

Scalar ScalarBuilder::load(StringRef name, ArrayRef<Scalar> indices) {
  return Scalar(*this,
                memref::LoadOp::create(*this, arg(name), toIndices(indices)));
}

void ScalarBuilder::store(Scalar value, StringRef name,
                          ArrayRef<Scalar> indices) {
  memref::StoreOp::create(*this, value, arg(name), toIndices(indices));
}

Scalar ScalarBuilder::wide(int64_t value) {
  return Scalar(*this,
                arith::ConstantOp::create(*this, getI64IntegerAttr(value)));
}
Scalar ScalarBuilder::flag(bool value) {
  return Scalar(*this, arith::ConstantOp::create(*this, getBoolAttr(value)));
}
Elements ScalarBuilder::array(int64_t size, Type type) {
  auto op =
      ArrayOp::create(*this, MemRefType::get({size}, type), IntegerAttr());
  return Elements(Scalar(), op);
}

Scalar ScalarBuilder::block() {
  return Scalar(*this, BlockOp::create(*this).getId());
}
Scalar ScalarBuilder::thread() {
  return Scalar(*this, ThreadOp::create(*this));
}
Scalar ScalarBuilder::lane() { return Scalar(*this, LaneOp::create(*this)); }
Scalar ScalarBuilder::warp() { return Scalar(*this, WarpOp::create(*this)); }
void ScalarBuilder::barrier() { BarrierOp::create(*this); }
void ScalarBuilder::warpBarrier() { WarpBarrierOp::create(*this); }
Scalar ScalarBuilder::ballot(Scalar condition) {
  return Scalar(*this, BallotOp::create(*this, getI32Type(), condition));
}
Scalar ScalarBuilder::broadcast(Scalar value, Scalar lane) {
  return Scalar(*this,
                BroadcastOp::create(*this, value.getType(), value, lane));
}
Scalar ScalarBuilder::warpScan(Scalar value) {
  return Scalar(*this, WarpScanOp::create(*this, value.getType(), value));
}
Scalar ScalarBuilder::warpSum(Scalar value) {
  return Scalar(*this, WarpSumOp::create(*this, value.getType(), value));
}

Scalars ScalarBuilder::wrap(ValueRange values) {
  Scalars result;
  for (Value value : values)
    result.push_back(Scalar(*this, value));
  return result;
}

static SmallVector<Value> unwrap(const Scalars &scalars) {
  return SmallVector<Value>(scalars.begin(), scalars.end());
}

Scalars ScalarBuilder::ifElse(Scalar condition, function_ref<Scalars()> yes,
                              function_ref<Scalars()> no) {
  // The types of the results are known when the first branch is built.
  auto first = scf::IfOp::create(*this, TypeRange(), condition,
                                 /*addThenBlock=*/true, /*addElseBlock=*/true);
  SmallVector<Type> types;
  {
    InsertionGuard guard(*this);
    setInsertionPointToStart(first.thenBlock());
    SmallVector<Value> results = unwrap(yes());
    for (Value value : results)
      types.push_back(value.getType());
    scf::YieldOp::create(*this, results);
    setInsertionPointToStart(first.elseBlock());
    scf::YieldOp::create(*this, unwrap(no()));
  }
  auto op = scf::IfOp::create(*this, types, condition, /*addThenBlock=*/false,
                              /*addElseBlock=*/false);
  op.getThenRegion().takeBody(first.getThenRegion());
  op.getElseRegion().takeBody(first.getElseRegion());
  first.erase();
  return wrap(op.getResults());
}

Scalars ScalarBuilder::loop(Scalar first, Scalar end, Scalar step,
                            Scalars state,
                            function_ref<Scalars(Scalar, Scalars)> body) {
  return wrap(forEach(
      first, end, step, unwrap(state), [&](Value number, ValueRange current) {
        return unwrap(body(Scalar(*this, number), wrap(current)));
      }));
}

void ScalarBuilder::loop(Scalar first, Scalar end, Scalar step,
                         function_ref<void(Scalar)> body) {
  loop(first, end, step, Scalars(), [&](Scalar number, Scalars) {
    body(number);
    return Scalars();
  });
}

Scalars
ScalarBuilder::whileLoop(Scalars state,
                         function_ref<Scalar(const Scalars &)> condition,
                         function_ref<Scalars(const Scalars &)> body) {
  SmallVector<Value> inits = unwrap(state);
  TypeRange types{ValueRange(inits)};
  auto op = scf::WhileOp::create(*this, types, inits);
  SmallVector<Location> locs(inits.size(), getLoc());
  InsertionGuard guard(*this);
  Block *before = createBlock(&op.getBefore(), {}, types, locs);
  Scalar goOn = condition(wrap(before->getArguments()));
  scf::ConditionOp::create(*this, goOn, before->getArguments());
  Block *after = createBlock(&op.getAfter(), {}, types, locs);
  scf::YieldOp::create(*this, unwrap(body(wrap(after->getArguments()))));
  return wrap(op.getResults());
}

Scalar ScalarBuilder::partition(Scalar low, Scalar high,
                                function_ref<Scalar(Scalar)> holds) {
  return partition({low}, {high},
                   [&](unsigned, Scalar at) { return holds(at); })[0];
}

Scalars ScalarBuilder::partition(ArrayRef<Scalar> lows, ArrayRef<Scalar> highs,
                                 function_ref<Scalar(unsigned, Scalar)> holds) {
  // Steps of powers of two, from the largest within the longest range on.
  Scalar zero = number(0), length = zero;
  for (auto [low, high] : llvm::zip_equal(lows, highs))
    length = larger(length, high - low);
  Scalar largest = number(int32_t(1u << 31)) >> length.countLeadingZeros();
  Scalars state(lows);
  state.push_back(sparsek::select(length > 0, largest, zero));
  state = whileLoop(
      state, [](const Scalars &v) { return v.back() > 0; },
      [&](const Scalars &v) {
        Scalar step = v.back();
        Scalars next;
        for (auto [which, high] : llvm::enumerate(highs)) {
          Scalar end = v[which] + step;
          Scalar at = larger(smaller(end, high) - 1, zero);
          Scalar passed = (end <= high) & holds(which, at);
          next.push_back(sparsek::select(passed, end, v[which]));
        }
        next.push_back(step >> 1);
        return next;
      });
  state.pop_back();
  return state;
}

Scalars
ScalarBuilder::warpPartition(unsigned count, Scalar low, Scalar high,
                             function_ref<Scalar(unsigned, Scalar)> holds) {
  // Each lane asks at the end of a part; parts that hold are behind. Then the
  // next part is cut in 32.
  auto cut = [](Scalar length) { return (length + 31) >> 5; };
  Scalar zero = number(0), next = lane() + 1;
  Scalars state(count, low);
  state.push_back(cut(larger(high - low, zero)));
  state = whileLoop(
      state, [](const Scalars &v) { return v.back() > 0; },
      [&](const Scalars &v) {
        Scalar part = v.back();
        Scalars found;
        for (unsigned which = 0; which < count; ++which) {
          Scalar at = v[which] + next * part - 1;
          Scalar inside = at < high;
          Scalar passed =
              inside & holds(which, sparsek::select(inside, at, low));
          found.push_back(v[which] + ballot(passed).countBits() * part);
        }
        found.push_back(sparsek::select(part == 1, zero, cut(part)));
        return found;
      });
  state.pop_back();
  return state;
}
