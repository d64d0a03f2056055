//===- TensorTest.cpp - Arrays that enter and leave compiled code ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/ExecutionEngine/Tensor.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

using namespace sparsek;

TEST(Tensor, SizesThatCannotBe) {
  EXPECT_EQ(getNumElements({}), 1);
  EXPECT_EQ(getNumElements({2, 0, 3}), 0);
  EXPECT_EQ(getNumElements({2, -1}), std::nullopt);
  int64_t large = int64_t(1) << 40;
  EXPECT_EQ(getNumElements({large, large}), std::nullopt);
  EXPECT_EQ(getNumElements({large, large, 0}), 0);
  EXPECT_FALSE(!!llvm::expectedToOptional(
      Tensor::create(ElementType::F32, {large, large})));
}

TEST(Tensor, CreatedFullOfZeros) {
  llvm::Expected<Tensor> tensor = Tensor::create(ElementType::I16, {2, 3});
  ASSERT_TRUE(!!tensor);
  EXPECT_EQ(tensor->getTypeString(), "tensor<2x3xi16>");
  EXPECT_EQ(tensor->getNumBytes(), 12);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(tensor->getDataAs<int16_t>()[i], 0);
}

TEST(Tensor, ElementTypeNames) {
  for (ElementType type :
       {ElementType::I1, ElementType::I8, ElementType::I16, ElementType::I32,
        ElementType::I64, ElementType::Index, ElementType::F16,
        ElementType::BF16, ElementType::F32, ElementType::F64})
    EXPECT_EQ(parseElementType(getName(type)), type);
  EXPECT_EQ(parseElementType("f31"), std::nullopt);
}

TEST(NarrowFloats, EveryHalfSurvives) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float value = halfToFloat(bits);
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(value))));
    else
      EXPECT_EQ(floatToHalf(value), bits);
  }
}

TEST(NarrowFloats, HalfRoundsToNearestEven) {
  EXPECT_EQ(floatToHalf(1.0f), 0x3c00);
  // Half of the last place, above an even and above an odd mantissa.
  EXPECT_EQ(floatToHalf(1.0f + 0x1p-11f), 0x3c00);
  EXPECT_EQ(floatToHalf(1.0f + 0x3p-11f), 0x3c02);
  EXPECT_EQ(floatToHalf(std::nextafter(1.0f + 0x1p-11f, 2.0f)), 0x3c01);
  EXPECT_EQ(floatToHalf(65504.0f), 0x7bff);
  EXPECT_EQ(floatToHalf(65519.0f), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(floatToHalf(-1e10f), 0xfc00);
  EXPECT_EQ(floatToHalf(0x1p-24f), 0x0001);
  EXPECT_EQ(floatToHalf(0x1p-25f), 0x0000);
  EXPECT_EQ(floatToHalf(0x3p-25f), 0x0002);
}

TEST(NarrowFloats, BfloatRoundsToNearestEven) {
  EXPECT_EQ(floatToBfloat16(1.0f), 0x3f80);
  EXPECT_EQ(floatToBfloat16(1.0f + 0x1p-8f), 0x3f80);
  EXPECT_EQ(floatToBfloat16(1.0f + 0x3p-8f), 0x3f82);
  EXPECT_EQ(floatToBfloat16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(floatToBfloat16(-std::numeric_limits<float>::infinity()), 0xff80);
  EXPECT_TRUE(std::isnan(bfloat16ToFloat(
      floatToBfloat16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_EQ(bfloat16ToFloat(0x4049), 3.140625f);
}
