//===- ScoreTest.cpp - Launching scores -----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/Score.h"
#include "TestSupport.h"

#include <limits>

using namespace sparsek::cuda;
using namespace sparsek::cuda::test;

static constexpr uint64_t kWorkspace = 0x100000;
static constexpr size_t kPlenty = size_t(1) << 40;
static constexpr uint64_t kHalf = 0x3fe0000000000000; // 0.5 in f64

static std::unique_ptr<Kernel> makeKernel(bool timestep = false,
                                          bool statistics = false,
                                          bool carry = false,
                                          const char *weightDtype = "bf16") {
  KernelSource source =
      makeScoreSource(timestep, statistics, carry, weightDtype);
  return llvm::cantFail(Kernel::create(source.ptx, source.record));
}

static std::string launch(Kernel &kernel, const SparsekScoreArguments &args,
                          Device device = 0, Stream stream = nullptr) {
  return getText(
      launchScore(kernel, args, kWorkspace, kPlenty, device, stream));
}

static LaunchPlan plan(const Kernel &kernel,
                       const SparsekScoreArguments &args) {
  return llvm::cantFail(planScore(kernel.getRecord(), args));
}

/// Memory of this process, which is that of the fake devices.
static SparsekDeviceArray makeStates(double *memory, int64_t batch,
                                     int64_t batchStride, int64_t headStride) {
  SparsekDeviceArray array = makeArray(reinterpret_cast<uintptr_t>(memory),
                                       SPARSEK_F64, {batch, 3, 3});
  array.strides[0] = batchStride;
  array.strides[1] = headStride;
  return array;
}

namespace {
class ScoreTest : public FakeDriverTest {};
} // namespace

TEST_F(ScoreTest, WithoutNorm) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  SparsekScoreArguments args = makeScoreArguments(2, 1000);
  // Weights of a linear layer, features within larger rows.
  args.weight.strides[0] = 1;
  args.weight.strides[1] = 64;
  args.x.strides[0] = 200000;
  args.x.strides[1] = 128;
  EXPECT_EQ(plan(*kernel, args).workspaceBytes, 0);
  ASSERT_EQ(getText(launchScore(*kernel, args, 0, 0, 0, nullptr)), "");
  // 32 tiles of 32 rows for each batch: fewer than there are multiprocessors.
  EXPECT_TRUE(
      contains(fakeGetLog(), "cuLaunchKernel score device 0 grid 64,1,1"));
  EXPECT_TRUE(contains(fakeGetLog(), toHex({0x1000, 200000, 128, 0x2000, 1, 64,
                                            0x3000, 3000, 1000, 1000, kHalf},
                                           16) +
                                         toHex({1000, 32, 64}, 8)));
  fakeClearLog();
  ASSERT_EQ(launch(*kernel, makeScoreArguments(1, 1 << 20)), "");
  EXPECT_TRUE(contains(fakeGetLog(), "grid 132,1,1"));
}

TEST_F(ScoreTest, Timestep) {
  std::unique_ptr<Kernel> kernel = makeKernel(true, true, true);
  SparsekScoreArguments args = makeScoreArguments(2, 300);
  args.statistics = makeArray(0x8000, SPARSEK_F64, {2, 3, 3});
  args.carried = makeArray(0x9000, SPARSEK_F64, {2, 3, 3});
  args.carried.strides[0] = 100;
  args.carried.strides[1] = 10;
  // Positions 1000 to 1299 are in the blocks from 768, 1024 and 1280.
  uint64_t states = kWorkspace + 512;
  EXPECT_EQ(plan(*kernel, args).workspaceBytes, 1024);
  ASSERT_EQ(launch(*kernel, args), "");
  const std::string expected[] = {
      "cuLaunchKernel score device 0 grid 20,1,1",
      "cuLaunchKernel score_statistics device 0 grid 3,6,1",
      toHex({0x3000, kWorkspace, 1000}, 16) + toHex({3}, 8),
      "cuLaunchKernel score_scan device 0 grid 6,1,1",
      toHex({kWorkspace, states, 0x8000, 9, 3, 0x9000, 100, 10}, 16) +
          toHex({3}, 8),
      "cuLaunchKernel score_normalise device 0 grid 3,6,1",
      toHex({states, 0x3000, 1000, kHalf}, 16) + toHex({300}, 8)};
  llvm::StringRef rest = fakeGetLog();
  for (const std::string &text : expected) {
    ASSERT_TRUE(contains(rest, text));
    rest = rest.drop_front(rest.find(text) + text.size());
  }
}

TEST_F(ScoreTest, BlocksOfPositions) {
  std::unique_ptr<Kernel> kernel = makeKernel(true);
  auto blocks = [&](int64_t offset, int64_t rows) {
    SparsekScoreArguments args = makeScoreArguments(1, rows);
    args.offset = offset;
    return plan(*kernel, args).getFactor(GridFactor::StatisticBlocks);
  };
  EXPECT_EQ(blocks(0, 256), 1);
  EXPECT_EQ(blocks(0, 257), 2);
  EXPECT_EQ(blocks(255, 1), 1);
  EXPECT_EQ(blocks(255, 2), 2);
  EXPECT_EQ(blocks(int64_t(1) << 40, 256), 1);
  EXPECT_EQ(blocks((int64_t(1) << 40) + 255, 258), 3);
}

TEST_F(ScoreTest, NoRows) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  for (SparsekScoreArguments args :
       {makeScoreArguments(0, 10), makeScoreArguments(2, 0)}) {
    args.x.data = args.scores.data = 0;
    EXPECT_EQ(launch(*kernel, args), "");
    EXPECT_STREQ(fakeGetLog(), "");
  }
  // What is carried over no rows is what came.
  double before[2][3][4], after[2][3][3];
  for (int i = 0; i < 24; ++i)
    (&before[0][0][0])[i] = i;
  std::unique_ptr<Kernel> chunk = makeKernel(true, true, true);
  std::unique_ptr<Kernel> first = makeKernel(true, false, true);
  SparsekScoreArguments args = makeScoreArguments(2, 0);
  args.carried = makeStates(&after[0][0][0], 2, 9, 3);
  args.statistics = makeStates(&before[0][0][0], 2, 12, 4);
  ASSERT_EQ(launch(*chunk, args), "");
  for (int b = 0; b < 2; ++b)
    for (int h = 0; h < 3; ++h)
      for (int i = 0; i < 3; ++i)
        EXPECT_EQ(after[b][h][i], before[b][h][i]);
  args.statistics = SparsekDeviceArray{};
  ASSERT_EQ(launch(*first, args), "");
  for (int i = 0; i < 18; ++i)
    EXPECT_EQ((&after[0][0][0])[i], 0);
  EXPECT_FALSE(contains(fakeGetLog(), "cuLaunchKernel"));
  for (const char *call : {"cuMemcpyAsync", "cuMemsetD8Async"}) {
    fakeReset();
    fakeFail(call, 1);
    if (call == std::string("cuMemcpyAsync"))
      args.statistics = makeStates(&before[0][0][0], 2, 12, 4);
    else
      args.statistics = SparsekDeviceArray{};
    Kernel &kernel = args.statistics.rank ? *chunk : *first;
    EXPECT_TRUE(contains(launch(kernel, args), std::string(call) + " failed"));
  }
}

TEST_F(ScoreTest, RefusedArguments) {
  std::unique_ptr<Kernel> kernel = makeKernel(true, true, true);
  using Args = SparsekScoreArguments;
  const std::pair<void (*)(Args &), const char *> cases[] = {
      {[](Args &a) { a.x.rank = 2; },
       "x must have 3 dimensions, got bf16[2, 300]"},
      {[](Args &a) { a.x.dtype = SPARSEK_F16; },
       "x must be bf16[B = 2, N = 300, C = 64], got f16[2, 300, 64]"},
      {[](Args &a) { a.weight.dtype = SPARSEK_F32; },
       "weight must be bf16[C = 64, Hs = 3], got f32[64, 3]"},
      {[](Args &a) { a.weight.shape[1] = 4; }, "weight must be bf16[C = 64"},
      {[](Args &a) { a.scores.shape[2] = 299; },
       "scores must be f32[B = 2, Hs = 3, N = 300], got f32[2, 3, 299]"},
      {[](Args &a) { a.statistics = SparsekDeviceArray{}; },
       "statistics must be f64[B = 2, Hs = 3, 3], got none"},
      {[](Args &a) { a.carried.dtype = SPARSEK_F32; },
       "carried must be f64[B = 2, Hs = 3, 3], got f32[2, 3, 3]"},
      {[](Args &a) { a.offset = -1; }, "offset must be 0 or more"},
      {[](Args &a) { a.offset = std::numeric_limits<int64_t>::max(); },
       "offset + N below 2^63"},
      {[](Args &a) { a.slope = std::numeric_limits<double>::infinity(); },
       "slope must be finite, got inf"},
      {[](Args &a) { a.x.strides[2] = 2; },
       "x must be contiguous in its last dimension, got stride 2"},
      {[](Args &a) { a.x.strides[1] = 68; },
       "strides of x must be multiples of 8 elements (16 bytes), got 68"},
      {[](Args &a) { a.x.data += 8; },
       "x must be at a device address that is a multiple of 16"},
      {[](Args &a) { a.weight.data += 1; },
       "weight must be at a device address that is a multiple of 2"},
      {[](Args &a) { a.scores.strides[0] = 0; },
       "strides of scores must be above 0"},
      {[](Args &a) { a.statistics.data += 4; },
       "statistics must be at a device address that is a multiple of 8"},
      {[](Args &a) {
         a.x.shape[0] = a.scores.shape[0] = a.statistics.shape[0] =
             a.carried.shape[0] = 30000;
       },
       "B * Hs must be at most 65535, got 90000"}};
  for (auto [change, message] : cases) {
    Args args = makeScoreArguments(2, 300);
    args.statistics = makeArray(0x8000, SPARSEK_F64, {2, 3, 3});
    args.carried = makeArray(0x9000, SPARSEK_F64, {2, 3, 3});
    change(args);
    EXPECT_TRUE(contains(launch(*kernel, args), message));
  }
  std::unique_ptr<Kernel> plain = makeKernel();
  Args args = makeScoreArguments(1, 1);
  args.carried = makeArray(0x9000, SPARSEK_F64, {1, 3, 3});
  EXPECT_EQ(launch(*plain, args),
            "this kernel is compiled without carried, got f64[1, 3, 3]");
  args = makeScoreArguments(int64_t(1) << 30, 33);
  EXPECT_TRUE(
      contains(launch(*plain, args),
               "B * ceil(N / 32) must be at most 2^30, got 2147483648"));
  EXPECT_TRUE(
      contains(getText(launchScore(*makeKernel(true), makeScoreArguments(1, 1),
                                   kWorkspace, 100, 0, nullptr)),
               "bytes for these arguments, got 100"));
  EXPECT_FALSE(contains(fakeGetLog(), "cuLaunchKernel"));
}

TEST_F(ScoreTest, WeightsOfF32) {
  std::unique_ptr<Kernel> kernel = makeKernel(false, false, false, "f32");
  SparsekScoreArguments args = makeScoreArguments(2, 300);
  EXPECT_EQ(launch(*kernel, args),
            "weight must be f32[C = 64, Hs = 3], got bf16[64, 3]");
  args.weight.dtype = SPARSEK_F32;
  EXPECT_EQ(launch(*kernel, args), "");
}

TEST_F(ScoreTest, OtherOperations) {
  KernelSource source = makeSelectionSource();
  auto kernel = llvm::cantFail(Kernel::create(source.ptx, source.record));
  SparsekScoreArguments args = makeScoreArguments(1, 10);
  EXPECT_EQ(launch(*kernel, args),
            "this kernel computes 'topk_mask', not 'score'");
}

TEST_F(ScoreTest, WhileAStreamIsCaptured) {
  std::unique_ptr<Kernel> kernel = makeKernel(true);
  fakeSetCapturing(1);
  EXPECT_EQ(launch(*kernel, makeScoreArguments(1, 5000), 1), "");
  EXPECT_FALSE(contains(fakeGetLog(), "cuStreamSynchronize"));
  EXPECT_FALSE(contains(fakeGetLog(), "cuMemAlloc"));
}
