//===- ScoreCodes.cpp - Scores as ordered integers ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ScoreCodes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace sparsek;

/// The bits of 2^24, from which on f32 has no two numbers less than 2 apart.
/// There a step of f32 counts as 2 quanta of 1, so that any f32 has its quanta.
static constexpr int64_t kLargeBits = 0x4b800000;
static constexpr int64_t kLargeQuanta = int64_t(1) << 48;
static constexpr int64_t kLargeStepLog2 = 25;

static Scalar flipNegative(Scalar bits) {
  return bits ^ (bits.shiftRightSigned(31) & 0x7fffffff);
}

Scalar sparsek::codeOf(Scalar score) {
  Scalar bits = score.bitsToI32();
  Scalar magnitude = bits & 0x7fffffff;
  Scalar zero = bits.constant(0);
  // -0 is 0, +inf the largest finite number.
  Scalar number = select(magnitude == 0, zero, bits);
  number = select(number == 0x7f800000, bits.constant(0x7f7fffff), number);
  Scalar code = ~flipNegative(number);
  return select(magnitude > 0x7f800000, bits.constant(kInvalid), code);
}

Scalar sparsek::scoreOf(Scalar code) { return flipNegative(~code).bitsToF32(); }

Scalar sparsek::quantaOf(Scalar score) {
  Scalar bits = score.bitsToI32();
  Scalar magnitude = bits & 0x7fffffff;
  Scalar small = (score * score.constant(kOne)).truncatedToI64();
  Scalar steps = (magnitude - kLargeBits).signedToI64();
  Scalar large = (steps << kLargeStepLog2) + kLargeQuanta;
  large = select(bits < 0, 0 - large, large);
  return select(magnitude < kLargeBits, small, large);
}

Scalar sparsek::quantaOfCode(Scalar code) { return quantaOf(scoreOf(code)); }

Scalar sparsek::roundToCode(Scalar quanta, Scalar up) {
  TileBuilder &b = quanta.getBuilder();
  Value scale = arith::ConstantOp::create(b, b.getF32FloatAttr(1.0 / kOne));
  Scalar small = quanta.toF32() * Scalar(b, scale);
  Scalar magnitude = select(quanta < 0, 0 - quanta, quanta);
  Scalar steps = ((magnitude - kLargeQuanta) >> kLargeStepLog2).toI32();
  Scalar bits = steps + kLargeBits;
  bits = select(quanta < 0, bits | int64_t(0x80000000), bits);
  Scalar isSmall = magnitude <= kLargeQuanta;
  Scalar code = ~flipNegative(select(isSmall, small.bitsToI32(), bits));
  Scalar rounded = quantaOfCode(code);
  Scalar below = (up & (rounded < quanta)).toI32();
  Scalar above = ((!up) & (rounded > quanta)).toI32();
  return code - below + above;
}

Scalar sparsek::roundToCode(Scalar quanta, bool up) {
  TileBuilder &b = quanta.getBuilder();
  Value flag = arith::ConstantOp::create(b, b.getBoolAttr(up));
  return roundToCode(quanta, Scalar(b, flag));
}

Scalar sparsek::isSaturated(Scalar code, Scalar threshold) {
  return scoreOf(code) - threshold >= 1;
}
