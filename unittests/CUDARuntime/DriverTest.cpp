//===- DriverTest.cpp - Devices, contexts and errors of the driver --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/Driver.h"
#include "TestSupport.h"

using namespace sparsek::cuda;
using namespace sparsek::cuda::test;

namespace {
class DriverTest : public FakeDriverTest {
protected:
  void SetUp() override {
    FakeDriverTest::SetUp();
    driver = llvm::cantFail(Driver::get());
  }
  const Driver *driver = nullptr;
};
} // namespace

TEST_F(DriverTest, ErrorsHaveNameAndText) {
  EXPECT_EQ(getText(driver->check(0, "cuCall")), "");
  EXPECT_EQ(getText(driver->check(500, "cuCall")),
            "cuCall failed with CUDA_ERROR_NOT_FOUND (text of the code)");
  EXPECT_EQ(getText(driver->check(12345, "cuCall")),
            "cuCall failed with code 12345");
}

TEST_F(DriverTest, Properties) {
  llvm::Expected<DeviceProperties> device = getDeviceProperties(*driver, 1);
  ASSERT_TRUE(!!device);
  EXPECT_EQ(device->name, "Fake 1");
  EXPECT_EQ(device->major, 9);
  EXPECT_EQ(device->multiprocessors, 132);
  EXPECT_EQ(device->maxSharedBytes, 232448);
  EXPECT_EQ(getText(getDeviceProperties(*driver, 2)),
            "there is no CUDA device 2, the driver shows 2");
  EXPECT_NE(getText(getDeviceProperties(*driver, -1)), "");
  for (const char *call :
       {"cuDeviceGetCount", "cuDeviceGetName", "cuDeviceGetAttribute"}) {
    fakeFail(call, 1);
    EXPECT_EQ(getText(getDeviceProperties(*driver, 0)),
              std::string(call) +
                  " failed with CUDA_ERROR_INVALID_VALUE (text of the code)");
  }
}

static DeviceProperties makeDevice(int major, int minor) {
  return {"Fake", major, minor, 132, 232448};
}

TEST(Chips, Chosen) {
  EXPECT_EQ(llvm::cantFail(chooseChip(makeDevice(9, 0))), "sm_90a");
  EXPECT_EQ(llvm::cantFail(chooseChip(makeDevice(8, 0))), "sm_80");
  EXPECT_EQ(llvm::cantFail(chooseChip(makeDevice(8, 9))), "sm_89");
  EXPECT_EQ(llvm::cantFail(chooseChip(makeDevice(8, 8))), "sm_87");
  EXPECT_EQ(llvm::cantFail(chooseChip(makeDevice(12, 1))), "sm_121");
  // Not in the table: what runs everywhere.
  EXPECT_EQ(llvm::cantFail(chooseChip(makeDevice(30, 0))), "sm_80");
  EXPECT_EQ(getText(chooseChip(makeDevice(7, 5))),
            "kernels need compute capability 8.0 or later, the device (Fake) "
            "has compute capability 7.5");
}

TEST(Chips, WhatRunsWhere) {
  auto runs = [](llvm::StringRef chip, bool isPTX, int major, int minor) {
    return getText(checkChip(chip, isPTX, makeDevice(major, minor))).empty();
  };
  for (bool isPTX : {false, true}) {
    EXPECT_TRUE(runs("sm_90a", isPTX, 9, 0));
    EXPECT_FALSE(runs("sm_90a", isPTX, 10, 0));
    EXPECT_FALSE(runs("sm_90a", isPTX, 8, 9));
    EXPECT_TRUE(runs("sm_80", isPTX, 8, 6));
    EXPECT_FALSE(runs("sm_86", isPTX, 8, 0));
    EXPECT_TRUE(runs("sm_100f", isPTX, 10, 3));
    EXPECT_FALSE(runs("sm_100f", isPTX, 12, 0));
  }
  EXPECT_TRUE(runs("sm_80", /*isPTX=*/true, 12, 0));
  EXPECT_FALSE(runs("sm_80", /*isPTX=*/false, 9, 0));
  EXPECT_EQ(getText(checkChip("sm_90a", true, makeDevice(8, 0))),
            "this kernel is compiled for sm_90a, which needs compute "
            "capability 9.0; the device (Fake) has compute capability 8.0");
  EXPECT_TRUE(contains(getText(checkChip("sm_80", false, makeDevice(9, 0))),
                       "8.0 or a later one of the same generation;"));
  for (const char *chip : {"", "sm_", "gfx90a", "sm_9", "sm_a"})
    EXPECT_TRUE(contains(getText(checkChip(chip, true, makeDevice(9, 0))),
                         "is no chip"));
}

TEST_F(DriverTest, ContextsAreRestored) {
  void *before = fakeOtherContext(0);
  auto *wanted = static_cast<Context>(fakePrimaryContext(1));
  fakeSetCurrent(before);
  {
    llvm::Expected<ContextGuard> guard = ContextGuard::enter(*driver, wanted);
    ASSERT_TRUE(!!guard);
    EXPECT_EQ(fakeGetCurrent(), wanted);
    fakeClearLog();
    ASSERT_TRUE(!!ContextGuard::enter(*driver, wanted));
    EXPECT_STREQ(fakeGetLog(), "cuCtxGetCurrent\n"); // Nothing to do.
  }
  EXPECT_EQ(fakeGetCurrent(), before);
  fakeFail("cuCtxPushCurrent_v2", 201);
  EXPECT_TRUE(contains(getText(ContextGuard::enter(*driver, wanted)),
                       "cuCtxPushCurrent failed with "
                       "CUDA_ERROR_INVALID_CONTEXT"));
}
