//===- SparseKOpsTest.cpp - The ops from C++ ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace sparsek;

namespace {

class SparseKOps : public ::testing::Test {
protected:
  SparseKOps() : builder(&context) {
    context.loadDialect<SparseKDialect>();
    module = ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToEnd(module->getBody());
  }

  RankedTensorType tensor(ArrayRef<int64_t> shape, Type element) {
    return RankedTensorType::get(shape, element);
  }
  Value value(ArrayRef<int64_t> shape, Type element) {
    return UnrealizedConversionCastOp::create(builder, builder.getUnknownLoc(),
                                              TypeRange{tensor(shape, element)},
                                              ValueRange{})
        .getResult(0);
  }

  MLIRContext context;
  OpBuilder builder;
  OwningOpRef<ModuleOp> module;
};

constexpr int64_t dynamic = ShapedType::kDynamic;

TEST_F(SparseKOps, ScaleDefaultsToInverseRootOfHeadSize) {
  Value q = value({1, 4, 16, 64}, builder.getF32Type());
  auto op = CausalAttentionOp::create(builder, builder.getUnknownLoc(), q, q, q,
                                      /*sink=*/Value(), /*cu_seqlens=*/Value(),
                                      /*scale=*/FloatAttr());
  EXPECT_DOUBLE_EQ(op.getScaleValue(), 0.125);
  op.setScaleAttr(builder.getF64FloatAttr(0.5));
  EXPECT_DOUBLE_EQ(op.getScaleValue(), 0.5);
  EXPECT_TRUE(succeeded(verify(*module)));
}

TEST_F(SparseKOps, BuildersInferTypesAndDefaults) {
  Type bf16 = builder.getBF16Type(), f32 = builder.getF32Type();
  Value q = value({1, 4, dynamic, 64}, bf16);
  Value v = value({1, 2, 16, 32}, bf16);
  Value k = value({1, 2, 16, 64}, bf16);
  Value u = value({1, 1, 16}, f32);
  auto op = AttentionOp::create(builder, builder.getUnknownLoc(), q, k, v, u,
                                Value(), Value(), builder.getI64IntegerAttr(3),
                                builder.getI64IntegerAttr(4), GateAttr(),
                                FloatAttr());
  EXPECT_EQ(op.getOutput().getType(), tensor({1, 4, dynamic, 32}, bf16));
  EXPECT_EQ(op.getLse().getType(), tensor({1, 4, dynamic}, f32));
  EXPECT_EQ(op.getGate(), Gate::KeyValue);
  EXPECT_EQ(op.getTopk(), 3u);
  EXPECT_TRUE(succeeded(verify(*module)));
}

TEST_F(SparseKOps, OptionalResultsFollowTheAttributes) {
  Value u = value({1, 2, 16}, builder.getF32Type());
  auto create = [&](bool interior) {
    return TopkMaskOp::create(builder, builder.getUnknownLoc(), u, Value(),
                              builder.getI64IntegerAttr(1),
                              builder.getI64IntegerAttr(0),
                              interior ? builder.getUnitAttr() : UnitAttr());
  };
  EXPECT_EQ(create(false)->getNumResults(), 2u);
  EXPECT_FALSE(create(false).getInteriorCount());
  EXPECT_EQ(create(true)->getNumResults(), 3u);
  EXPECT_TRUE(create(true).getInteriorCount());
}

TEST_F(SparseKOps, SpeculationNeedsComparedSizes) {
  Type f32 = builder.getF32Type();
  Value q = value({1, 4, 16, 64}, f32);
  Value unknown = value({1, 4, dynamic, 64}, f32);
  auto create = [&](Value keys) {
    return CausalAttentionOp::create(builder, builder.getUnknownLoc(), q, keys,
                                     keys, Value(), Value(), FloatAttr());
  };
  EXPECT_EQ(create(q).getSpeculatability(), Speculation::Speculatable);
  EXPECT_EQ(create(unknown).getSpeculatability(), Speculation::NotSpeculatable);
}

TEST_F(SparseKOps, DiagnosticsCarryTheConstraint) {
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  Value u = value({1, 2, 16}, builder.getF32Type());
  TopkMaskOp::create(builder, builder.getUnknownLoc(), u, Value(),
                     builder.getI64IntegerAttr(0), builder.getI64IntegerAttr(0),
                     UnitAttr());
  EXPECT_TRUE(failed(verify(*module)));
  EXPECT_EQ(message,
            "'sparsek.topk_mask' op C3: topk must be at least 1, got 0");
}

TEST_F(SparseKOps, EnumsAreSpelledAsInTheAssembly) {
  EXPECT_EQ(symbolizeGate("straight_through"), Gate::StraightThrough);
  EXPECT_EQ(stringifyGate(Gate::KeyValue), "key_value");
  EXPECT_EQ(symbolizeNorm("timestep"), Norm::Timestep);
  EXPECT_FALSE(symbolizeGate("KeyValue"));
}

} // namespace
