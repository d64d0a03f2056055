//===- ExecutableTest.cpp - Compile a module and call it ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/ExecutionEngine/Executable.h"
#include "sparsek/ExecutionEngine/Cost.h"
#include "sparsek/InitAllDialects.h"
#include "sparsek/InitAllPasses.h"

#include "mlir/IR/MLIRContext.h"

#include <thread>

#include "gtest/gtest.h"

using namespace mlir;
using namespace sparsek;

namespace {
class ExecutableTest : public ::testing::Test {
protected:
  static void SetUpTestSuite() { sparsek::registerAllPasses(); }

  ExecutableTest() : context(makeRegistry()) {}

  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    sparsek::registerAllDialects(registry);
    return registry;
  }

  std::unique_ptr<Executable> compile(StringRef text,
                                      CompileOptions options = {}) {
    auto executable =
        Executable::compile(context, text, "test.mlir", std::move(options));
    if (executable)
      return std::move(*executable);
    error = llvm::toString(executable.takeError());
    return nullptr;
  }

  /// The message of a call, empty where it succeeds.
  std::string call(const Executable &executable, StringRef entry,
                   ArrayRef<TensorRef> inputs) {
    llvm::Error result = executable.call(entry, inputs, outputs);
    return result ? llvm::toString(std::move(result)) : "";
  }

  MLIRContext context;
  std::string error;
  std::vector<Tensor> outputs;
};
} // namespace

static const char *kAdd = R"(
  func.func @add(%x: tensor<?x2xf32>, %y: tensor<?x2xf32>) -> tensor<?x2xf32> {
    %0 = arith.addf %x, %y : tensor<?x2xf32>
    return %0 : tensor<?x2xf32>
  })";

TEST_F(ExecutableTest, AddsWithEveryPipeline) {
  for (const char *pipeline :
       {"sparsek-cpu-pipeline", "sparsek-reference-pipeline",
        "builtin.module(sparsek-reference-pipeline)"}) {
    CompileOptions options;
    options.pipeline = pipeline;
    std::unique_ptr<Executable> executable = compile(kAdd, options);
    ASSERT_TRUE(executable) << error;
    float x[] = {1, 2, 3, 4}, y[] = {10, 20, 30, 40};
    int64_t shape[] = {2, 2};
    ASSERT_EQ(
        call(*executable, "add",
             {{ElementType::F32, shape, x}, {ElementType::F32, shape, y}}),
        "");
    ASSERT_EQ(outputs.size(), 1u);
    EXPECT_EQ(outputs[0].getTypeString(), "tensor<2x2xf32>");
    for (int i = 0; i < 4; ++i)
      EXPECT_EQ(outputs[0].getDataAs<float>()[i], 11.0f * (i + 1));
    EXPECT_EQ(x[0], 1.0f);
  }
}

TEST_F(ExecutableTest, SignatureComesFromTheTensors) {
  std::unique_ptr<Executable> executable = compile(R"(
    func.func @f(%q: tensor<1x?xbf16>, %n: i64, %flag: i1) -> (tensor<f64>, index) {
      %0 = arith.constant dense<0.0> : tensor<f64>
      %1 = arith.constant 7 : index
      return %0, %1 : tensor<f64>, index
    }
    func.func private @hidden(%x: f32) { return })");
  ASSERT_TRUE(executable) << error;
  ASSERT_EQ(executable->getSignatures().size(), 1u);
  llvm::Expected<const Signature *> signature = executable->getSignature("");
  ASSERT_TRUE(!!signature);
  EXPECT_EQ((*signature)->getString(),
            "f(%q: tensor<1x?xbf16>, %n: i64, %flag: i1) -> (tensor<f64>, "
            "index)");
  uint16_t q[] = {0, 0};
  int64_t n = 1, shape[] = {1, 2};
  uint8_t flag = 1;
  ASSERT_EQ(call(*executable, "f",
                 {{ElementType::BF16, shape, q},
                  {ElementType::I64, {}, &n},
                  {ElementType::I1, {}, &flag}}),
            "");
  EXPECT_EQ(outputs[0].getTypeString(), "tensor<f64>");
  EXPECT_EQ(outputs[1].getTypeString(), "tensor<index>");
  EXPECT_EQ(*outputs[1].getDataAs<int64_t>(), 7);
}

TEST_F(ExecutableTest, ArgumentsAreChecked) {
  std::unique_ptr<Executable> executable = compile(kAdd);
  ASSERT_TRUE(executable) << error;
  float data[6] = {};
  int64_t good[] = {1, 2}, wide[] = {1, 3}, line[] = {2}, negative[] = {-1, 2};
  TensorRef x{ElementType::F32, good, data};
  EXPECT_EQ(call(*executable, "add", {x}),
            "'add' takes 2 arguments, got 1; its signature is add(%x: "
            "tensor<?x2xf32>, %y: tensor<?x2xf32>) -> tensor<?x2xf32>");
  EXPECT_EQ(call(*executable, "add", {x, {ElementType::F32, wide, data}}),
            "argument 2 ('y') of 'add': expected tensor<?x2xf32>, got "
            "tensor<1x3xf32> (dimension 1 must be 2)");
  EXPECT_EQ(call(*executable, "add", {{ElementType::F32, line, data}, x}),
            "argument 1 ('x') of 'add': expected tensor<?x2xf32>, got "
            "tensor<2xf32> (the ranks differ)");
  EXPECT_EQ(call(*executable, "add", {{ElementType::I32, good, data}, x}),
            "argument 1 ('x') of 'add': expected tensor<?x2xf32>, got "
            "tensor<1x2xi32> (the element types differ)");
  EXPECT_EQ(call(*executable, "add", {{ElementType::F32, negative, data}, x}),
            "argument 1 ('x') of 'add': expected tensor<?x2xf32>, got "
            "tensor<-1x2xf32> (a size is negative or too large)");
  EXPECT_EQ(call(*executable, "add", {{ElementType::F32, good, nullptr}, x}),
            "argument 1 ('x') of 'add': expected tensor<?x2xf32>, got "
            "tensor<1x2xf32> (there is no data)");
  EXPECT_EQ(call(*executable, "sub", {}),
            "there is no public function 'sub'; available:\n  add(%x: "
            "tensor<?x2xf32>, %y: tensor<?x2xf32>) -> tensor<?x2xf32>");
}

TEST_F(ExecutableTest, ResultsShareNoMemory) {
  std::unique_ptr<Executable> executable = compile(R"(
    func.func @f(%x: tensor<3xi32>) -> (tensor<3xi32>, tensor<3xi32>, tensor<2xi32>, tensor<2xi32>) {
      %c = arith.constant dense<[4, 5]> : tensor<2xi32>
      %s = tensor.extract_slice %x[1] [2] [1] : tensor<3xi32> to tensor<2xi32>
      return %x, %x, %c, %s : tensor<3xi32>, tensor<3xi32>, tensor<2xi32>, tensor<2xi32>
    })");
  ASSERT_TRUE(executable) << error;
  int32_t x[] = {1, 2, 3};
  int64_t shape[] = {3};
  for (int repeat = 0; repeat < 3; ++repeat) {
    ASSERT_EQ(call(*executable, "f", {{ElementType::I32, shape, x}}), "");
    ASSERT_EQ(outputs.size(), 4u);
    // Writing to one changes no other, and no later call.
    outputs[0].getDataAs<int32_t>()[0] = 99;
    outputs[2].getDataAs<int32_t>()[0] = 99;
    EXPECT_EQ(x[0], 1);
    EXPECT_EQ(outputs[1].getDataAs<int32_t>()[0], 1);
    EXPECT_EQ(outputs[2].getDataAs<int32_t>()[1], 5);
    EXPECT_EQ(outputs[3].getDataAs<int32_t>()[0], 2);
  }
}

TEST_F(ExecutableTest, InputsAreNotWritten) {
  std::unique_ptr<Executable> executable = compile(R"(
    func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
      %c0 = arith.constant 0 : index
      %v = arith.constant 9.0 : f32
      %0 = tensor.insert %v into %x[%c0] : tensor<2xf32>
      return %0 : tensor<2xf32>
    })");
  ASSERT_TRUE(executable) << error;
  float x[] = {1, 2};
  int64_t shape[] = {2};
  ASSERT_EQ(call(*executable, "f", {{ElementType::F32, shape, x}}), "");
  EXPECT_EQ(x[0], 1.0f);
  EXPECT_EQ(outputs[0].getDataAs<float>()[0], 9.0f);
}

static const char *kChecked = R"(
  func.func @f(%i: index) -> index {
    %c3 = arith.constant 3 : index
    %ok = arith.cmpi ult, %i, %c3 : index
    cf.assert %ok, "i must be below 3"
    return %i : index
  })";

TEST_F(ExecutableTest, FailedChecksAreErrors) {
  std::unique_ptr<Executable> executable = compile(kChecked);
  ASSERT_TRUE(executable) << error;
  auto callMany = [&](bool &good) {
    good = true;
    for (int64_t i = 0; i < 100; ++i) {
      int64_t value = i % 5;
      std::vector<Tensor> results;
      llvm::Error failure =
          executable->call("f", {{ElementType::Index, {}, &value}}, results);
      bool failed = !!failure;
      good &= failed == (value >= 3);
      if (failed)
        good &=
            llvm::toString(std::move(failure)) == "in 'f': i must be below 3";
      else
        good &= *results[0].getDataAs<int64_t>() == value;
    }
  };
  // Every thread returns to its own caller.
  bool good[3] = {};
  std::thread first([&] { callMany(good[0]); });
  std::thread second([&] { callMany(good[1]); });
  callMany(good[2]);
  first.join();
  second.join();
  EXPECT_TRUE(good[0] && good[1] && good[2]);
}

TEST_F(ExecutableTest, NarrowFloatsConvert) {
  CompileOptions options;
  // Without the instructions for it, LLVM calls the functions of the engine.
  options.cpu = "x86-64";
  std::unique_ptr<Executable> executable = compile(R"(
    func.func @f(%x: f64, %h: f16) -> (f16, bf16, f32) {
      %0 = arith.truncf %x : f64 to f16
      %1 = arith.truncf %x : f64 to bf16
      %2 = arith.extf %h : f16 to f32
      return %0, %1, %2 : f16, bf16, f32
    })",
                                                   options);
  ASSERT_TRUE(executable) << error;
  // Rounding to f32 first would hit the middle between two halves.
  double x = 1.0 + 0x1p-11 + 0x1p-40;
  uint16_t half = floatToHalf(-0.75f);
  ASSERT_EQ(call(*executable, "f",
                 {{ElementType::F64, {}, &x}, {ElementType::F16, {}, &half}}),
            "");
  EXPECT_EQ(*outputs[0].getDataAs<uint16_t>(), 0x3c01);
  EXPECT_EQ(*outputs[1].getDataAs<uint16_t>(), 0x3f80);
  EXPECT_EQ(*outputs[2].getDataAs<float>(), -0.75f);
}

TEST_F(ExecutableTest, ErrorsSayWhere) {
  EXPECT_FALSE(compile("func.func @f() {\n  %0 = foo.bar\n}"));
  EXPECT_NE(error.find("test.mlir:2:8: error: "), std::string::npos) << error;

  EXPECT_FALSE(compile("func.func @f(%x: tensor<2xcomplex<f32>>) { return }"));
  EXPECT_NE(error.find("argument 1 has type tensor<2xcomplex<f32>>"),
            std::string::npos)
      << error;

  CompileOptions options;
  options.pipeline = "no-such-pass";
  EXPECT_FALSE(compile(kAdd, options));
  EXPECT_NE(error.find("'no-such-pass' does not refer to a registered pass"),
            std::string::npos)
      << error;

  options.pipeline = "canonicalize";
  EXPECT_FALSE(compile(kAdd, options));
  EXPECT_NE(error.find("test.mlir:2:3: error: "), std::string::npos) << error;

  EXPECT_FALSE(compile(R"(
    func.func private @elsewhere(f32)
    func.func @f(%x: f32) { func.call @elsewhere(%x) : (f32) -> () return })"));
  EXPECT_NE(error.find("elsewhere"), std::string::npos) << error;
}

TEST_F(ExecutableTest, CostOfAttentionAndProducts) {
  llvm::Expected<OwningOpRef<ModuleOp>> module = parseModule(context, R"(
    func.func @f(%q: tensor<1x4x?x8xf32>, %k: tensor<1x2x?x8xf32>, %v: tensor<1x2x?x8xf32>,
                 %u: tensor<1x2x?xf32>, %a: tensor<?x3xf32>, %b: tensor<3x5xf32>, %c: tensor<?x5xf32>) {
      %0, %1 = sparsek.attention %q, %k, %v, %u topk(3) window(2)
          : tensor<1x4x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?xf32>
      %2 = linalg.matmul ins(%a, %b : tensor<?x3xf32>, tensor<3x5xf32>) outs(%c : tensor<?x5xf32>) -> tensor<?x5xf32>
      return
    })",
                                                             "test.mlir");
  ASSERT_TRUE(!!module) << llvm::toString(module.takeError());
  auto cost = [&](int64_t queries, int64_t keys) {
    int64_t q[] = {1, 4, queries, 8}, k[] = {1, 2, keys, 8}, u[] = {1, 2, keys},
            a[] = {7, 3}, b[] = {3, 5}, c[] = {7, 5};
    Cost result = estimateCost(module->get(), "f",
                               {{ElementType::F32, q},
                                {ElementType::F32, k},
                                {ElementType::F32, k},
                                {ElementType::F32, u},
                                {ElementType::F32, a},
                                {ElementType::F32, b},
                                {ElementType::F32, c}});
    EXPECT_EQ(result.unknownOps, 0u);
    return result.flops - 2 * 7 * 3 * 5;
  };
  // 1 + 2 + 3 + 4 + 5 + 5 pairs.
  EXPECT_EQ(cost(6, 6), 4.0 * 4 * 8 * 20);
  // Positions 4 and 5.
  EXPECT_EQ(cost(2, 6), 4.0 * 4 * 8 * 10);
  EXPECT_EQ(cost(0, 6), 0.0);
  EXPECT_EQ(estimateCost(module->get(), "g", {}).flops, 0.0);
}
