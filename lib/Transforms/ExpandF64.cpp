//===- ExpandF64.cpp - f64 in kernels by integer instructions -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "SoftFloat.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/DialectConversion.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKEXPANDF64PASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

/// f64 or a vector of it.
static bool isF64(Type type) {
  return getElementTypeOrSelf(type).isF64() &&
         (type.isF64() || isa<VectorType>(type));
}

namespace {
/// The bits of f64 as i64.
class BitsConverter : public TypeConverter {
public:
  BitsConverter() {
    addConversion([](Type type) { return type; });
    addConversion([](Float64Type type) -> Type {
      return IntegerType::get(type.getContext(), 64);
    });
    addConversion([](VectorType type) -> std::optional<Type> {
      if (!isF64(type))
        return std::nullopt;
      return type.clone(IntegerType::get(type.getContext(), 64));
    });
    auto bitcast = [](OpBuilder &b, Type type, ValueRange inputs,
                      Location loc) -> Value {
      return arith::BitcastOp::create(b, loc, type, inputs.front());
    };
    addSourceMaterialization(bitcast);
    addTargetMaterialization(bitcast);
  }
};

/// An op whose result is that of a method of SoftFloatBuilder.
template <typename Op, typename Emit>
class Expand : public OpConversionPattern<Op> {
public:
  Expand(const TypeConverter &converter, MLIRContext *context, Emit emit)
      : OpConversionPattern<Op>(converter, context), emit(emit) {}

  LogicalResult
  matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SoftFloatBuilder b(op.getLoc(), rewriter);
    Value result = emit(b, op, adaptor);
    if (!result)
      return rewriter.notifyMatchFailure(op, "of other types");
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  Emit emit;
};
} // namespace

/// Adds a pattern for one op.
template <typename Op, typename Emit>
static void add(RewritePatternSet &patterns, const TypeConverter &converter,
                Emit emit) {
  patterns.add(std::make_unique<Expand<Op, Emit>>(converter,
                                                  patterns.getContext(), emit));
}

static Value expandConstant(SoftFloatBuilder &b, arith::ConstantOp op) {
  auto getBits = [](const APFloat &value) { return value.bitcastToAPInt(); };
  TypedAttr bits;
  if (auto scalar = dyn_cast<FloatAttr>(op.getValue()))
    bits = b.getIntegerAttr(b.getI64Type(), getBits(scalar.getValue()));
  else if (auto vector = dyn_cast<DenseFPElementsAttr>(op.getValue()))
    bits = cast<DenseElementsAttr>(vector.mapValues(b.getI64Type(), getBits));
  return bits ? arith::ConstantOp::create(b, bits).getResult() : Value();
}

/// A signed integer of at most 64 bits as one of 64.
static Value widenInteger(SoftFloatBuilder &b, Value value) {
  unsigned width = getElementTypeOrSelf(value).getIntOrFloatBitWidth();
  if (width > 64)
    return nullptr;
  Type wide = b.getI64Type();
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    wide = vector.clone(wide);
  return width == 64 ? value
                     : arith::ExtSIOp::create(b, wide, value).getResult();
}

/// The bits of a value of type f32, f16 or bf16 as f32.
static Value getBitsOfF32(SoftFloatBuilder &b, Value value) {
  auto like = [&](Type element) -> Type {
    auto vector = dyn_cast<VectorType>(value.getType());
    return vector ? Type(vector.clone(element)) : element;
  };
  Type element = getElementTypeOrSelf(value);
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return nullptr;
  if (!element.isF32())
    value = arith::ExtFOp::create(b, like(b.getF32Type()), value);
  return arith::BitcastOp::create(b, like(b.getI32Type()), value);
}

static void populatePatterns(RewritePatternSet &patterns,
                             const TypeConverter &converter) {
  using B = SoftFloatBuilder;
  add<arith::ConstantOp>(patterns, converter, [](B &b, auto op, auto) {
    return expandConstant(b, op);
  });
  add<arith::AddFOp>(patterns, converter, [](B &b, auto, auto operands) {
    return b.add(operands.getLhs(), operands.getRhs());
  });
  add<arith::SubFOp>(patterns, converter, [](B &b, auto, auto operands) {
    return b.sub(operands.getLhs(), operands.getRhs());
  });
  add<arith::MulFOp>(patterns, converter, [](B &b, auto, auto operands) {
    return b.mul(operands.getLhs(), operands.getRhs());
  });
  add<arith::DivFOp>(patterns, converter, [](B &b, auto, auto operands) {
    return b.div(operands.getLhs(), operands.getRhs());
  });
  add<arith::NegFOp>(patterns, converter, [](B &b, auto, auto operands) {
    return b.negate(operands.getOperand());
  });
  add<math::AbsFOp>(patterns, converter, [](B &b, auto, auto operands) {
    return b.abs(operands.getOperand());
  });
  add<math::SqrtOp>(patterns, converter, [](B &b, auto, auto operands) {
    return b.sqrt(operands.getOperand());
  });
  add<arith::CmpFOp>(patterns, converter, [](B &b, auto op, auto operands) {
    return b.compare(op.getPredicate(), operands.getLhs(), operands.getRhs());
  });
  add<arith::SelectOp>(
      patterns, converter, [](B &b, auto, auto operands) -> Value {
        return arith::SelectOp::create(b, operands.getCondition(),
                                       operands.getTrueValue(),
                                       operands.getFalseValue());
      });
  add<arith::BitcastOp>(
      patterns, converter, [](B &, auto, auto operands) -> Value {
        return operands.getIn(); // i64 and f64 are the same here
      });
  add<arith::SIToFPOp>(patterns, converter,
                       [](B &b, auto, auto operands) -> Value {
                         Value integer = widenInteger(b, operands.getIn());
                         return integer ? b.fromInteger(integer) : Value();
                       });
  add<arith::ExtFOp>(patterns, converter,
                     [](B &b, auto, auto operands) -> Value {
                       Value bits = getBitsOfF32(b, operands.getIn());
                       return bits ? b.fromF32(bits) : Value();
                     });
  // To f16 it would be rounded twice.
  add<arith::TruncFOp>(patterns, converter,
                       [](B &b, auto op, auto operands) -> Value {
                         if (!getElementTypeOrSelf(op.getType()).isF32())
                           return nullptr;
                         return arith::BitcastOp::create(
                             b, op.getType(), b.toF32(operands.getIn()));
                       });
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct ExpandF64 : public sparsek::impl::SparsekExpandF64PassBase<ExpandF64> {
  void runOnOperation() override;
};
} // namespace

void ExpandF64::runOnOperation() {
  func::FuncOp function = getOperation();
  if (function.isExternal() ||
      llvm::none_of(function.getArgumentTypes(), llvm::IsaPred<BaseMemRefType>))
    return;
  BitsConverter converter;
  RewritePatternSet patterns(&getContext());
  populatePatterns(patterns, converter);
  ConversionTarget target(getContext());
  auto hasNoF64 = [](Operation *op) {
    return llvm::none_of(op->getOperandTypes(), isF64) &&
           llvm::none_of(op->getResultTypes(), isF64);
  };
  // Types that others see stay: of the function, of calls, of elements.
  target.addLegalOp<func::FuncOp, func::ReturnOp, func::CallOp>();
  target.markUnknownOpDynamicallyLegal(
      [&](Operation *op) -> std::optional<bool> {
        if (hasNoF64(op) ||
            llvm::any_of(op->getOperandTypes(), llvm::IsaPred<BaseMemRefType>))
          return true;
        return std::nullopt;
      });
  scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                       target);
  ConversionConfig config;
  DenseSet<Operation *> unlegalized;
  config.unlegalizedOps = &unlegalized;
  if (failed(applyPartialConversion(function, target, std::move(patterns),
                                    config)))
    return signalPassFailure();
  WalkResult result = function.walk([&](Operation *op) {
    if (!unlegalized.contains(op) || hasNoF64(op))
      return WalkResult::advance();
    op->emitOpError("on f64 cannot be computed by integers; accepted are "
                    "sums, differences, products, quotients, square roots, "
                    "absolute values, comparisons, conversions from integers "
                    "and from and to f32, and scf");
    return WalkResult::interrupt();
  });
  if (result.wasInterrupted())
    signalPassFailure();
}
