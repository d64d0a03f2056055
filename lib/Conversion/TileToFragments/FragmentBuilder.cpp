//===- FragmentBuilder.cpp - Short names for thread programs --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FragmentBuilder.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace sparsek;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Value FragmentBuilder::i1(bool value) {
  return arith::ConstantOp::create(*this, getBoolAttr(value));
}
Value FragmentBuilder::i32(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(value));
}
Value FragmentBuilder::i64(int64_t value) {
  return arith::ConstantOp::create(*this, getI64IntegerAttr(value));
}
Value FragmentBuilder::f32(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(value));
}

Value FragmentBuilder::constantLike(Value like, double value) {
  Type element = getElementTypeOrSelf(like);
  TypedAttr attr =
      isa<FloatType>(element)
          ? TypedAttr(FloatAttr::get(element, value))
          : TypedAttr(IntegerAttr::get(element, static_cast<int64_t>(value)));
  if (auto vector = dyn_cast<VectorType>(like.getType()))
    attr = DenseElementsAttr::get(vector, attr);
  return arith::ConstantOp::create(*this, attr);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value));
}

#define SPARSEK_ARITHMETIC(name, FloatOp, IntOp)                               \
  Value FragmentBuilder::name(Operands o) {                                    \
    if (isFloat(o.lhs))                                                        \
      return FloatOp::create(*this, o.lhs, o.rhs);                             \
    return IntOp::create(*this, o.lhs, o.rhs);                                 \
  }
SPARSEK_ARITHMETIC(add, arith::AddFOp, arith::AddIOp)
SPARSEK_ARITHMETIC(sub, arith::SubFOp, arith::SubIOp)
SPARSEK_ARITHMETIC(mul, arith::MulFOp, arith::MulIOp)
#undef SPARSEK_ARITHMETIC

#define SPARSEK_ARITHMETIC(name, IntOp)                                        \
  Value FragmentBuilder::name(Operands o) {                                    \
    return IntOp::create(*this, o.lhs, o.rhs);                                 \
  }
SPARSEK_ARITHMETIC(div, arith::DivUIOp)
SPARSEK_ARITHMETIC(rem, arith::RemUIOp)
SPARSEK_ARITHMETIC(bitAnd, arith::AndIOp)
SPARSEK_ARITHMETIC(bitOr, arith::OrIOp)
SPARSEK_ARITHMETIC(bitXor, arith::XOrIOp)
SPARSEK_ARITHMETIC(shl, arith::ShLIOp)
SPARSEK_ARITHMETIC(shr, arith::ShRUIOp)
SPARSEK_ARITHMETIC(smin, arith::MinSIOp)
SPARSEK_ARITHMETIC(smax, arith::MaxSIOp)
SPARSEK_ARITHMETIC(fmax, arith::MaxNumFOp)
SPARSEK_ARITHMETIC(fmin, arith::MinNumFOp)
#undef SPARSEK_ARITHMETIC

Value FragmentBuilder::neg(Value value) {
  return arith::NegFOp::create(*this, value);
}
Value FragmentBuilder::fma(Value a, Value b, Value c) {
  return math::FmaOp::create(*this, a, b, c);
}
Value FragmentBuilder::cmp(arith::CmpIPredicate predicate, Operands o) {
  return arith::CmpIOp::create(*this, predicate, o.lhs, o.rhs);
}
Value FragmentBuilder::cmp(arith::CmpFPredicate predicate, Operands o) {
  return arith::CmpFOp::create(*this, predicate, o.lhs, o.rhs);
}
Value FragmentBuilder::eq(Operands o) {
  return cmp(arith::CmpIPredicate::eq, o);
}
Value FragmentBuilder::slt(Operands o) {
  return cmp(arith::CmpIPredicate::slt, o);
}
Value FragmentBuilder::select(Choice c) {
  return arith::SelectOp::create(*this, c.condition, c.yes, c.no);
}
Value FragmentBuilder::zext(Value value) {
  return arith::ExtUIOp::create(*this, getI64Type(), value);
}
Value FragmentBuilder::sext(Value value) {
  return arith::ExtSIOp::create(*this, getI64Type(), value);
}

Value FragmentBuilder::exp2(Value value) {
  // With afn and the function's denormal mode LLVM selects ex2.approx.ftz.
  return math::Exp2Op::create(*this, value, arith::FastMathFlags::afn);
}

static Value callIntrinsic(FragmentBuilder &b, StringRef name, Type type,
                           ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(name), operands)
      .getResult(0);
}

Value FragmentBuilder::log2(Value value) {
  return callIntrinsic(*this, "llvm.nvvm.lg2.approx.ftz.f", getF32Type(),
                       value);
}
Value FragmentBuilder::reciprocal(Value value) {
  return callIntrinsic(*this, "llvm.nvvm.rcp.approx.ftz.f", getF32Type(),
                       value);
}
Value FragmentBuilder::addSaturated(Operands o) {
  return callIntrinsic(*this, "llvm.nvvm.add.rn.ftz.sat.f", getF32Type(),
                       {o.lhs, o.rhs});
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

FragmentBuilder::Values FragmentBuilder::elements(Value vector) {
  auto op = vector::ToElementsOp::create(*this, vector);
  return Values(op.getResults());
}

Value FragmentBuilder::vector(ValueRange elements) {
  auto type = VectorType::get(elements.size(), elements.front().getType());
  return vector::FromElementsOp::create(*this, type, elements);
}

Value FragmentBuilder::splat(Value scalar, int64_t count) {
  return vector::BroadcastOp::create(
      *this, VectorType::get(count, scalar.getType()), scalar);
}

Value FragmentBuilder::pick(Value vector, ArrayRef<int64_t> numbers) {
  return vector::ShuffleOp::create(*this, vector, vector, numbers);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value FragmentBuilder::offset(Value pointer, Value bytes) {
  return LLVM::GEPOp::create(*this, pointer.getType(), getI8Type(), pointer,
                             bytes);
}
Value FragmentBuilder::offset(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  return LLVM::GEPOp::create(*this, pointer.getType(), getI8Type(), pointer,
                             LLVM::GEPArg(static_cast<int32_t>(bytes)));
}

/// In bytes. LLVM's own is half of it for 64 bits as long as it knows nothing
/// of the target; 0 leaves it to LLVM.
static unsigned getAlignment(Type type) {
  return type.isIntOrFloat() && type.getIntOrFloatBitWidth() == 64 ? 8 : 0;
}

Value FragmentBuilder::load(Value pointer, Type type, bool isVolatile) {
  return LLVM::LoadOp::create(*this, type, pointer, getAlignment(type),
                              isVolatile);
}
void FragmentBuilder::store(Value value, Value pointer) {
  LLVM::StoreOp::create(*this, value, pointer, getAlignment(value.getType()));
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

Value FragmentBuilder::shuffle(NVVM::ShflKind kind, Value value, Value lane) {
  Value everyone = i32(-1);
  Value clamp = i32(kind == NVVM::ShflKind::up ? 0 : 31);
  return NVVM::ShflOp::create(*this, value.getType(), everyone, value, lane,
                              clamp, kind, UnitAttr());
}
Value FragmentBuilder::butterfly(Value value, int64_t distance) {
  return shuffle(NVVM::ShflKind::bfly, value, i32(distance));
}
Value FragmentBuilder::ballot(Value predicate) {
  return NVVM::VoteSyncOp::create(*this, getI32Type(), i32(-1), predicate,
                                  NVVM::VoteSyncKind::ballot);
}
void FragmentBuilder::syncWarp() { NVVM::SyncWarpOp::create(*this, i32(-1)); }

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

void FragmentBuilder::ifThen(Value condition, function_ref<void()> body) {
  auto op = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  body();
}

FragmentBuilder::Values FragmentBuilder::ifElse(Value condition,
                                                TypeRange types,
                                                function_ref<Values()> yes,
                                                function_ref<Values()> no) {
  auto op = scf::IfOp::create(*this, types, condition, /*addThenBlock=*/true,
                              /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  scf::YieldOp::create(*this, yes());
  setInsertionPointToStart(op.elseBlock());
  scf::YieldOp::create(*this, no());
  return Values(op.getResults());
}

FragmentBuilder::Values
FragmentBuilder::loop(Range range, ValueRange inits,
                      function_ref<Values(Value, ValueRange)> body) {
  auto op =
      scf::ForOp::create(*this, range.begin, range.end, range.step, inits);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.getBody());
  Values next = body(op.getInductionVar(), op.getRegionIterArgs());
  // Without results the loop has its terminator already.
  if (!inits.empty())
    scf::YieldOp::create(*this, next);
  return Values(op.getResults());
}

FragmentBuilder::Values
FragmentBuilder::whileLoop(ValueRange inits,
                           function_ref<Value(ValueRange)> condition,
                           function_ref<Values(ValueRange)> body) {
  TypeRange types(inits);
  auto op = scf::WhileOp::create(*this, types, inits);
  SmallVector<Location> locs(inits.size(), getLoc());
  OpBuilder::InsertionGuard guard(*this);
  Block *before = createBlock(&op.getBefore(), {}, types, locs);
  Value goOn = condition(before->getArguments());
  scf::ConditionOp::create(*this, goOn, before->getArguments());
  Block *after = createBlock(&op.getAfter(), {}, types, locs);
  scf::YieldOp::create(*this, body(after->getArguments()));
  return Values(op.getResults());
}
