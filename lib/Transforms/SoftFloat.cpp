//===- SoftFloat.cpp - f64 arithmetic by integer instructions -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SoftFloat.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace sparsek;
using arith::CmpIPredicate;

static constexpr uint64_t kSign = uint64_t(1) << 63;
static constexpr uint64_t kMagnitude = kSign - 1;
static constexpr unsigned kMantissaBits = 52;
static constexpr uint64_t kImplicitBit = uint64_t(1) << kMantissaBits;
static constexpr int64_t kBias = 1023;
static constexpr uint64_t kInfinity = uint64_t(0x7FF) << kMantissaBits;
static constexpr uint64_t kNaN = kInfinity | kImplicitBit >> 1;
/// The first bit of a significand in Parts.
static constexpr unsigned kFirstBit = 62;
/// Bits after the mantissa that rounding looks at; the last is sticky.
static constexpr unsigned kGuardBits = 3;

static constexpr unsigned kMantissaBitsF32 = 23;
static constexpr unsigned kExponentBitsF32 = 8;
static constexpr int64_t kBiasF32 = 127;

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Value SoftFloatBuilder::constant(Type type, uint64_t value) {
  TypedAttr attribute = getIntegerAttr(
      getElementTypeOrSelf(type),
      APInt(getElementTypeOrSelf(type).getIntOrFloatBitWidth(), value));
  if (auto shaped = dyn_cast<ShapedType>(type))
    attribute = DenseElementsAttr::get(shaped, attribute);
  return arith::ConstantOp::create(*this, attribute);
}

Value SoftFloatBuilder::bitAnd(Value value, uint64_t mask) {
  return createOrFold<arith::AndIOp>(value, constant(value, mask));
}

Value SoftFloatBuilder::shiftLeft(Value value, uint64_t count) {
  return createOrFold<arith::ShLIOp>(value, constant(value, count));
}

Value SoftFloatBuilder::shiftRight(Value value, uint64_t count) {
  return createOrFold<arith::ShRUIOp>(value, constant(value, count));
}

Value SoftFloatBuilder::shiftRightSticky(Value value, Value count) {
  count = createOrFold<arith::MinUIOp>(count, constant(count, 63));
  Value kept = createOrFold<arith::ShRUIOp>(value, count);
  Value back = createOrFold<arith::ShLIOp>(kept, count);
  Value lost = createOrFold<arith::CmpIOp>(CmpIPredicate::ne, back, value);
  return createOrFold<arith::OrIOp>(kept, widen(lost, value));
}

Value SoftFloatBuilder::offset(Value value, int64_t by) {
  return createOrFold<arith::AddIOp>(value, constant(value, by));
}

Value SoftFloatBuilder::is(CmpIPredicate predicate, Value lhs, uint64_t rhs) {
  return createOrFold<arith::CmpIOp>(predicate, lhs, constant(lhs, rhs));
}

Value SoftFloatBuilder::either(Value lhs, Value rhs) {
  return createOrFold<arith::OrIOp>(lhs, rhs);
}

Value SoftFloatBuilder::both(Value lhs, Value rhs) {
  return createOrFold<arith::AndIOp>(lhs, rhs);
}

Value SoftFloatBuilder::select(Value condition, Value yes, Value no) {
  return createOrFold<arith::SelectOp>(condition, yes, no);
}

Value SoftFloatBuilder::widen(Value condition, Value like) {
  return createOrFold<arith::ExtUIOp>(like.getType(), condition);
}

//===----------------------------------------------------------------------===//
// Parts of numbers
//===----------------------------------------------------------------------===//

SoftFloatBuilder::Parts SoftFloatBuilder::normalize(Value exponent,
                                                    Value significand) {
  // Bit 63 is moved back by one, others forth.
  Value zeros = math::CountLeadingZerosOp::create(*this, significand);
  Value isLong = is(CmpIPredicate::eq, zeros, 0);
  Value back = either(shiftRight(significand, 1), bitAnd(significand, 1));
  // Of a zero any shift below 64 does.
  Value count = createOrFold<arith::SubIOp>(
      createOrFold<arith::MaxUIOp>(zeros, constant(zeros, 1)),
      constant(zeros, 1));
  Value forth = createOrFold<arith::ShLIOp>(significand, count);
  exponent = createOrFold<arith::SubIOp>(exponent, offset(zeros, /*by=*/-1));
  return {exponent, select(isLong, back, forth)};
}

SoftFloatBuilder::Parts SoftFloatBuilder::split(Value magnitude) {
  Value exponent = shiftRight(magnitude, kMantissaBits);
  Value isNormal = is(CmpIPredicate::ne, exponent, 0);
  Value mantissa = bitAnd(magnitude, kImplicitBit - 1);
  Value significand =
      either(mantissa, shiftLeft(widen(isNormal, magnitude), kMantissaBits));
  return {createOrFold<arith::MaxUIOp>(exponent, constant(exponent, 1)),
          significand};
}

SoftFloatBuilder::Parts SoftFloatBuilder::unpack(Value magnitude) {
  auto [exponent, significand] = split(magnitude);
  return normalize(offset(exponent, kFirstBit - kMantissaBits), significand);
}

Value SoftFloatBuilder::pack(Parts parts, unsigned mantissaBits,
                             unsigned exponentBits) {
  // Below the smallest normal number the significand has leading zeros and
  // the exponent is that of the smallest.
  Value exponent = parts.exponent;
  Value one = constant(exponent, 1), zero = constant(exponent, 0);
  Value missing = createOrFold<arith::MaxSIOp>(
      createOrFold<arith::SubIOp>(one, exponent), zero);
  Value significand =
      shiftRightSticky(parts.significand,
                       offset(missing, kFirstBit - mantissaBits - kGuardBits));
  uint64_t largest = (uint64_t(1) << exponentBits) - 1;
  exponent = createOrFold<arith::MaxSIOp>(exponent, one);
  exponent =
      createOrFold<arith::MinSIOp>(exponent, constant(exponent, largest));

  Value isOdd = bitAnd(shiftRight(significand, kGuardBits), 1);
  significand = createOrFold<arith::AddIOp>(significand, isOdd);
  significand = shiftRight(offset(significand, 3), kGuardBits);
  // The bit that is implicit counts as one of the exponent. So does one that
  // rounding carries.
  Value bits = createOrFold<arith::AddIOp>(
      shiftLeft(offset(exponent, -1), mantissaBits), significand);
  return createOrFold<arith::MinUIOp>(bits,
                                      constant(bits, largest << mantissaBits));
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value SoftFloatBuilder::negate(Value value) {
  return createOrFold<arith::XOrIOp>(value, constant(value, kSign));
}

Value SoftFloatBuilder::abs(Value value) { return bitAnd(value, kMagnitude); }

Value SoftFloatBuilder::add(Value lhs, Value rhs) {
  Value isLess =
      createOrFold<arith::CmpIOp>(CmpIPredicate::ult, abs(lhs), abs(rhs));
  Value large = select(isLess, rhs, lhs), small = select(isLess, lhs, rhs);
  Value magnitude = abs(large), other = abs(small);
  Value difference = createOrFold<arith::XOrIOp>(large, small);
  Value isDifference = is(CmpIPredicate::slt, difference, 0);

  // Not normalised, so that bits of one weight meet: there is room for a carry
  // before them and for nine more bits after.
  constexpr unsigned room = 64 - 2 - kMantissaBits - 1;
  auto align = [&](Value bits) -> Parts {
    auto [exponent, significand] = split(bits);
    return {exponent, shiftLeft(significand, room)};
  };
  Parts x = align(magnitude), y = align(other);
  Value distance = createOrFold<arith::SubIOp>(x.exponent, y.exponent);
  Value addend = shiftRightSticky(y.significand, distance);
  Value sum = createOrFold<arith::AddIOp>(x.significand, addend);
  Value rest = createOrFold<arith::SubIOp>(x.significand, addend);
  sum = select(isDifference, rest, sum);
  Value result = packF64(
      normalize(offset(x.exponent, kFirstBit - kMantissaBits - room), sum));
  Value sign = bitAnd(large, kSign);
  result = either(result, sign);

  // Zero is negative only where both are.
  Value isZero = is(CmpIPredicate::eq, sum, 0);
  Value zero = select(isDifference, constant(sign, 0), sign);
  result = select(isZero, zero, result);
  Value isInfinite = is(CmpIPredicate::uge, magnitude, kInfinity);
  result = select(isInfinite, large, result);
  Value isNaN =
      either(is(CmpIPredicate::ugt, magnitude, kInfinity),
             both(is(CmpIPredicate::eq, other, kInfinity), isDifference));
  return select(isNaN, constant(result, kNaN), result);
}

Value SoftFloatBuilder::finish(Value result, Value lhs, Value rhs, Value isZero,
                               Value isInfinite, Value sign) {
  Value isNaN = either(either(is(CmpIPredicate::ugt, lhs, kInfinity),
                              is(CmpIPredicate::ugt, rhs, kInfinity)),
                       both(isZero, isInfinite));
  result = select(isZero, constant(result, 0), result);
  result = select(isInfinite, constant(result, kInfinity), result);
  return select(isNaN, constant(result, kNaN), either(result, sign));
}

Value SoftFloatBuilder::mul(Value lhs, Value rhs) {
  Value sign = bitAnd(createOrFold<arith::XOrIOp>(lhs, rhs), kSign);
  lhs = abs(lhs);
  rhs = abs(rhs);
  Parts x = unpack(lhs), y = unpack(rhs);
  // Bit 62 times bit 62 is bit 60 of the high half.
  auto product =
      arith::MulUIExtendedOp::create(*this, x.significand, y.significand);
  Value isInexact = is(CmpIPredicate::ne, product.getLow(), 0);
  Value significand =
      either(product.getHigh(), widen(isInexact, product.getHigh()));
  Value exponent = createOrFold<arith::AddIOp>(x.exponent, y.exponent);
  exponent = offset(exponent, 2 - kBias);
  // The low bits that a shift brings in are those after a sticky one.
  Value result = packF64(normalize(exponent, significand));

  Value isZero =
      either(is(CmpIPredicate::eq, lhs, 0), is(CmpIPredicate::eq, rhs, 0));
  Value isInfinite = either(is(CmpIPredicate::eq, lhs, kInfinity),
                            is(CmpIPredicate::eq, rhs, kInfinity));
  return finish(result, lhs, rhs, isZero, isInfinite, sign);
}

Value SoftFloatBuilder::div(Value lhs, Value rhs) {
  Value sign = bitAnd(createOrFold<arith::XOrIOp>(lhs, rhs), kSign);
  lhs = abs(lhs);
  rhs = abs(rhs);
  Parts x = unpack(lhs), y = unpack(rhs);
  // The quotient lies in [1, 2) when the dividend is not the smaller one. Of
  // 53 bits each, so that a remainder has room for 11 more.
  constexpr unsigned unused = kFirstBit - kMantissaBits, step = 11;
  Value dividend = shiftRight(x.significand, unused);
  Value divisor = shiftRight(y.significand, unused);
  Value isLess =
      createOrFold<arith::CmpIOp>(CmpIPredicate::ult, dividend, divisor);
  Value less = widen(isLess, dividend);
  dividend = createOrFold<arith::ShLIOp>(dividend, less);
  Value exponent = createOrFold<arith::SubIOp>(x.exponent, y.exponent);
  exponent = createOrFold<arith::SubIOp>(offset(exponent, kBias), less);
  // Instructions must not divide by the zero of an unused result.
  divisor = createOrFold<arith::MaxUIOp>(divisor, constant(divisor, 1));

  Value quotient = constant(dividend, 1);
  Value rest = createOrFold<arith::SubIOp>(dividend, divisor);
  unsigned bits = 0;
  for (; bits < kMantissaBits + kGuardBits; bits += step) {
    rest = shiftLeft(rest, step);
    Value digit = createOrFold<arith::DivUIOp>(rest, divisor);
    rest = createOrFold<arith::SubIOp>(
        rest, createOrFold<arith::MulIOp>(digit, divisor));
    quotient = either(shiftLeft(quotient, step), digit);
  }
  Value isInexact = is(CmpIPredicate::ne, rest, 0);
  quotient =
      either(shiftLeft(quotient, kFirstBit - bits), widen(isInexact, quotient));
  Value result = packF64({exponent, quotient});

  Value isZero = either(is(CmpIPredicate::eq, lhs, 0),
                        is(CmpIPredicate::eq, rhs, kInfinity));
  Value isInfinite = either(is(CmpIPredicate::eq, lhs, kInfinity),
                            is(CmpIPredicate::eq, rhs, 0));
  return finish(result, lhs, rhs, isZero, isInfinite, sign);
}

Value SoftFloatBuilder::sqrt(Value value) {
  Parts x = unpack(abs(value));
  // An even power of two, and what is left in [1, 4).
  Value power = offset(x.exponent, -kBias);
  Value isOdd = bitAnd(power, 1);
  Value rest = createOrFold<arith::ShLIOp>(
      shiftRight(x.significand, kFirstBit - kMantissaBits), isOdd);
  Value half = createOrFold<arith::ShRSIOp>(power, constant(power, 1));

  // One bit after the other: from the square of the root so far to that with
  // the next bit are 2 * root * bit + bit * bit. `rest` is doubled where the
  // bit would be halved.
  constexpr unsigned rootBits = kMantissaBits + 2;
  Value begin = arith::ConstantIndexOp::create(*this, 0);
  Value end = arith::ConstantIndexOp::create(*this, rootBits);
  Value step = arith::ConstantIndexOp::create(*this, 1);
  Value zero = constant(value, 0);
  Value bit = constant(value, uint64_t(1) << (rootBits - 1));
  auto loop = scf::ForOp::create(
      *this, begin, end, step, ValueRange{zero, shiftLeft(rest, 1), bit},
      [&](OpBuilder &nested, Location loc, Value, ValueRange state) {
        SoftFloatBuilder b(loc, nested);
        Value root = state[0], rest = state[1], bit = state[2];
        Value more = b.createOrFold<arith::AddIOp>(b.shiftLeft(root, 1), bit);
        Value fits =
            b.createOrFold<arith::CmpIOp>(CmpIPredicate::ule, more, rest);
        Value left = b.createOrFold<arith::SubIOp>(rest, more);
        rest = b.shiftLeft(b.select(fits, left, rest), 1);
        root = b.select(fits, b.either(root, bit), root);
        scf::YieldOp::create(b, ValueRange{root, rest, b.shiftRight(bit, 1)});
      });
  Value root = loop.getResult(0);
  Value isInexact = is(CmpIPredicate::ne, loop.getResult(1), 0);
  Value significand =
      either(shiftLeft(root, kFirstBit + 1 - rootBits), widen(isInexact, root));
  Value result = packF64({offset(half, kBias), significand});

  Value isItself = either(is(CmpIPredicate::eq, abs(value), 0),
                          is(CmpIPredicate::eq, value, kInfinity));
  Value isNaN = is(CmpIPredicate::ugt, value, kInfinity);
  result = select(isNaN, constant(result, kNaN), result);
  return select(isItself, value, result);
}

Value SoftFloatBuilder::compare(arith::CmpFPredicate predicate, Value lhs,
                                Value rhs) {
  using P = arith::CmpFPredicate;
  // Integers in the order of the numbers; both zeros are 0.
  auto getKey = [&](Value value) -> Value {
    Value magnitude = abs(value);
    Value negative = createOrFold<arith::SubIOp>(constant(value, 0), magnitude);
    return select(is(CmpIPredicate::slt, value, 0), negative, magnitude);
  };
  auto isNaN = [&](Value value) {
    return is(CmpIPredicate::ugt, abs(value), kInfinity);
  };
  Type type = is(CmpIPredicate::eq, lhs, 0).getType();
  Value unordered = either(isNaN(lhs), isNaN(rhs));
  Value ordered =
      createOrFold<arith::XOrIOp>(unordered, constant(type, /*value=*/1));
  auto order = [&](CmpIPredicate integers) -> Value {
    return createOrFold<arith::CmpIOp>(integers, getKey(lhs), getKey(rhs));
  };
  switch (predicate) {
  case P::AlwaysFalse:
    return constant(type, 0);
  case P::AlwaysTrue:
    return constant(type, 1);
  case P::ORD:
    return ordered;
  case P::UNO:
    return unordered;
  case P::OEQ:
    return both(ordered, order(CmpIPredicate::eq));
  case P::ONE:
    return both(ordered, order(CmpIPredicate::ne));
  case P::OLT:
    return both(ordered, order(CmpIPredicate::slt));
  case P::OLE:
    return both(ordered, order(CmpIPredicate::sle));
  case P::OGT:
    return both(ordered, order(CmpIPredicate::sgt));
  case P::OGE:
    return both(ordered, order(CmpIPredicate::sge));
  case P::UEQ:
    return either(unordered, order(CmpIPredicate::eq));
  case P::UNE:
    return either(unordered, order(CmpIPredicate::ne));
  case P::ULT:
    return either(unordered, order(CmpIPredicate::slt));
  case P::ULE:
    return either(unordered, order(CmpIPredicate::sle));
  case P::UGT:
    return either(unordered, order(CmpIPredicate::sgt));
  case P::UGE:
    return either(unordered, order(CmpIPredicate::sge));
  }
  llvm_unreachable("unknown predicate");
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

Value SoftFloatBuilder::fromInteger(Value value) {
  Value isNegative = is(CmpIPredicate::slt, value, 0);
  Value negated = createOrFold<arith::SubIOp>(constant(value, 0), value);
  Value magnitude = select(isNegative, negated, value);
  Value exponent = constant(value, kBias + kFirstBit);
  Value result = packF64(normalize(exponent, magnitude));
  result = either(result, bitAnd(value, kSign));
  return select(is(CmpIPredicate::eq, value, 0), constant(value, 0), result);
}

Value SoftFloatBuilder::fromF32(Value value) {
  Type type = getI64Type();
  if (auto shaped = dyn_cast<ShapedType>(value.getType()))
    type = shaped.clone(type);
  Value bits = createOrFold<arith::ExtUIOp>(type, value);
  constexpr uint64_t signF32 = uint64_t(1) << 31;
  constexpr uint64_t infinityF32 = uint64_t(0xFF) << kMantissaBitsF32;
  Value sign = shiftLeft(bitAnd(bits, signF32), 32);
  Value magnitude = bitAnd(bits, signF32 - 1);

  constexpr unsigned longer = kMantissaBits - kMantissaBitsF32;
  Value moved = shiftLeft(magnitude, longer);
  Value normal = offset(moved, (kBias - kBiasF32) << kMantissaBits);
  Value infinite = either(moved, constant(moved, kInfinity));
  // A subnormal number is a small integer times 2^-149, in f64 a normal one.
  constexpr int64_t power = kBiasF32 - 1 + kMantissaBitsF32;
  Parts parts = normalize(constant(bits, kBias + kFirstBit - power), magnitude);
  Value subnormal = packF64(parts);
  Value isZero = is(CmpIPredicate::eq, magnitude, 0);
  subnormal = select(isZero, constant(bits, 0), subnormal);

  Value isSubnormal =
      is(CmpIPredicate::ult, magnitude, uint64_t(1) << kMantissaBitsF32);
  Value result = select(isSubnormal, subnormal, normal);
  result =
      select(is(CmpIPredicate::uge, magnitude, infinityF32), infinite, result);
  result = either(result, sign);
  Value isNaN = is(CmpIPredicate::ugt, magnitude, infinityF32);
  return select(isNaN, constant(result, kNaN), result);
}

Value SoftFloatBuilder::toF32(Value value) {
  Value magnitude = abs(value);
  Parts parts = unpack(magnitude);
  parts.exponent = offset(parts.exponent, kBiasF32 - kBias);
  Value result = pack(parts, kMantissaBitsF32, kExponentBitsF32);
  result =
      select(is(CmpIPredicate::eq, magnitude, 0), constant(result, 0), result);
  constexpr uint64_t nanF32 = uint64_t(0x1FF) << (kMantissaBitsF32 - 1);
  result = either(result, bitAnd(shiftRight(value, 32), uint64_t(1) << 31));
  result = select(is(CmpIPredicate::ugt, magnitude, kInfinity),
                  constant(result, nanF32), result);
  Type type = getI32Type();
  if (auto shaped = dyn_cast<ShapedType>(value.getType()))
    type = shaped.clone(type);
  return createOrFold<arith::TruncIOp>(type, result);
}
