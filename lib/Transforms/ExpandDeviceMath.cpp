//===- ExpandDeviceMath.cpp - Math functions as arithmetic ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/TypeSwitch.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKEXPANDDEVICEMATHPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

/// The LLVM intrinsic of a function that every chip has an instruction for,
/// without the suffix of the type; empty for others. Upstream's conversion to
/// NVVM would call a library for these as well.
static StringRef getIntrinsic(Operation *op) {
  return TypeSwitch<Operation *, StringRef>(op)
      .Case([](math::AbsFOp) { return "llvm.fabs"; })
      .Case([](math::CeilOp) { return "llvm.ceil"; })
      .Case([](math::CopySignOp) { return "llvm.copysign"; })
      .Case([](math::FloorOp) { return "llvm.floor"; })
      .Case([](math::FmaOp) { return "llvm.fma"; })
      .Case([](math::RoundEvenOp) { return "llvm.roundeven"; })
      .Case([](math::SqrtOp) { return "llvm.sqrt"; })
      .Case([](math::TruncOp) { return "llvm.trunc"; })
      .Default(StringRef());
}

namespace {
struct ExpandDeviceMath
    : public sparsek::impl::SparsekExpandDeviceMathPassBase<ExpandDeviceMath> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns,
                                                [](StringRef) { return true; });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    SmallVector<Operation *> functions;
    getOperation()->walk([&](Operation *op) {
      if (isa_and_nonnull<math::MathDialect>(op->getDialect()) ||
          isa<arith::RemFOp>(op))
        functions.push_back(op);
    });
    for (Operation *op : functions)
      if (failed(callIntrinsic(op)))
        return signalPassFailure();
  }

private:
  static LogicalResult callIntrinsic(Operation *op) {
    // Its conversion calls no library.
    if (isa<math::CountLeadingZerosOp, math::CountTrailingZerosOp,
            math::CtPopOp>(op))
      return success();
    StringRef name = getIntrinsic(op);
    auto type = dyn_cast<FloatType>(op->getResult(0).getType());
    if (name.empty() || !type || type.getWidth() < 16)
      return op->emitOpError(
          "of this type has no expansion for the device; accepted are operands "
          "of f32, f16 and bf16, and functions that MLIR approximates by "
          "polynomials");
    std::string suffix =
        type.isBF16() ? "bf16" : ("f" + Twine(type.getWidth())).str();
    OpBuilder b(op);
    auto call = LLVM::CallIntrinsicOp::create(
        b, op->getLoc(), type, b.getStringAttr(name + "." + suffix),
        op->getOperands());
    op->replaceAllUsesWith(call->getResults());
    op->erase();
    return success();
  }
};
} // namespace
