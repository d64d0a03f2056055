//===- GatheredAttentionTest.cpp - Launching gathered attention -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/GatheredAttention.h"
#include "TestSupport.h"

#include <cmath>
#include <limits>
#include <thread>

using namespace sparsek::cuda;
using namespace sparsek::cuda::test;

static const KernelSpec kSurvivors = {
    "survivors", "chunks x batch_score_heads", 256, 0,
    "expiry:ptr expiry_b:i64 expiry_h:i64 table:ptr counts:ptr keys:i32 "
    "rows:i32 window:i32 chunk_log2:i32 chunks:i32 capacity:i32 "
    "score_heads:i32"};
static const KernelSpec kAttention = {
    "attention", "persistent", 384, 205000,
    "q:ptr k:ptr v:ptr u:ptr tau:ptr expiry:ptr o:ptr lse:ptr table:ptr "
    "counts:ptr q_b:i64 q_h:i64 q_m:i64 k_b:i64 k_h:i64 k_n:i64 v_b:i64 "
    "v_h:i64 v_n:i64 u_b:i64 u_h:i64 tau_b:i64 tau_h:i64 expiry_b:i64 "
    "expiry_h:i64 o_b:i64 o_h:i64 o_m:i64 lse_b:i64 lse_h:i64 batch:i32 "
    "heads_kv:i32 score_heads:i32 rows:i32 keys:i32 window:i32 chunk_log2:i32 "
    "chunks:i32 capacity:i32 tiles:i32 items:i32 together:i32 scale_log2:f32"};
static constexpr uint64_t kWorkspace = 0x10000;
static constexpr size_t kPlenty = 1 << 20;

static std::unique_ptr<Kernel> makeKernel(const KernelSource &source) {
  return llvm::cantFail(Kernel::create(source.ptx, source.record));
}

static std::unique_ptr<Kernel> makeKernel() {
  return makeKernel(makeSource({kSurvivors, kAttention}));
}

namespace {
class GatheredAttentionTest : public FakeDriverTest {
protected:
  std::string launch(Kernel &kernel, const SparsekAttentionArguments &args,
                     Device device = 0, Stream stream = nullptr) {
    return getText(launchGatheredAttention(kernel, args, kWorkspace, kPlenty,
                                           device, stream));
  }
};
} // namespace

TEST_F(GatheredAttentionTest, EveryByte) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  SparsekAttentionArguments args = makeArguments();
  auto *stream = reinterpret_cast<Stream>(uintptr_t(0x77));
  ASSERT_EQ(launch(*kernel, args, 0, stream), "");
  fakeClearLog();
  ASSERT_EQ(launch(*kernel, args, 0, stream), "");
  // N = 3000, M = 1000, topk 300: chunks of 1024 positions, one of them; 16
  // tiles of 64 positions for each of 4 heads. The table has 300 entries.
  uint32_t scale;
  float scaleLog2 = 0.25 / std::log(2.0);
  std::memcpy(&scale, &scaleLog2, 4);
  std::string expected =
      "cuCtxGetCurrent\n"
      "cuCtxPushCurrent_v2 0\n"
      "cuCtxGetCurrent\n"
      "cuLaunchKernel survivors device 0 grid 1,1,1 block 256,1,1 shared 0 "
      "stream 0x77\n" +
      toHex({0x6000, 3000, 3000, kWorkspace, kWorkspace + 1280}, 16) +
      toHex({3000, 1000, 100, 10, 1, 300, 1}, 8) +
      "\ncuLaunchKernel attention device 0 grid 64,1,1 block 384,1,1 shared "
      "205000 stream 0x77\n" +
      toHex({0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000, 0x8000,
             kWorkspace, kWorkspace + 1280},
            16) +
      toHex({512000, 64000,  64,    768000, 192000, 64,   384000,
             96000,  32,     3000,  3000,   3000,   3000, 3000,
             3000,   256000, 32000, 32,     8000,   1000},
            16) +
      toHex({1, 4, 1, 1000, 3000, 100, 10, 1, 300, 16, 64, 4, scale}, 8) +
      "\ncuCtxPopCurrent_v2\n";
  EXPECT_EQ(fakeGetLog(), expected);
}

TEST_F(GatheredAttentionTest, PersistentGridAndItems) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  // 2 * 4 heads * 47 tiles of 64 positions are more than 132 blocks.
  ASSERT_EQ(launch(*kernel, makeArguments(2, 4, 3000, 3000, 4)), "");
  EXPECT_TRUE(contains(fakeGetLog(), "attention device 0 grid 132,1,1 "));
  // topk 300 needs chunks of at least 600 positions: 1024, so three of them.
  EXPECT_TRUE(contains(fakeGetLog(), "survivors device 0 grid 3,8,1 "));

  kernel = makeKernel(makeSource({{"attention", "items", 384, 0, "q:ptr"}}));
  ASSERT_EQ(launch(*kernel, makeArguments(2, 4, 3000, 3000, 4)), "");
  EXPECT_TRUE(contains(fakeGetLog(), "attention device 0 grid 376,1,1 "));
}

TEST_F(GatheredAttentionTest, ColumnsTogether) {
  std::unique_ptr<Kernel> kernel = makeKernel(
      makeSource({{"attention", "persistent", 384, 0, "together:i32"}}));
  auto takes = [&](const SparsekAttentionArguments &args, uint64_t together) {
    fakeClearLog();
    EXPECT_EQ(launch(*kernel, args), "");
    return contains(fakeGetLog(), toHex({together}, 8) + "\n");
  };
  // 400 rows of K and V take 76,800 bytes: 109 heads, in five parts of 512.
  EXPECT_TRUE(takes(makeArguments(128, 4, 3000, 3000), 103));
  EXPECT_TRUE(takes(makeArguments(27, 4, 3000, 3000), 108));
  // Few tiles: rather all heads than blocks without work.
  EXPECT_TRUE(takes(makeArguments(128, 4, 64, 3000), 512));
  // A head alone may be too much.
  SparsekAttentionArguments args = makeArguments(1, 4, 1 << 20, 1 << 20);
  args.topk = 1 << 19;
  EXPECT_TRUE(takes(args, 1));

  // Two head blocks share the keys of a head: twice as many columns.
  KernelSource source =
      makeSource({{"attention", "persistent", 384, 0, "together:i32"}});
  llvm::StringRef both = R"("head_block": 2)", one = R"("head_block": 1)";
  source.record.replace(source.record.find(both), both.size(), one);
  kernel = makeKernel(source);
  EXPECT_TRUE(takes(makeArguments(128, 4, 3000, 3000), 205));
}

TEST_F(GatheredAttentionTest, PackedDocuments) {
  KernelSource source =
      makeSource({{"documents", "key_blocks", 256, 0,
                   "cu_seqlens:ptr sequences:i32 keys:i32 documents:ptr"},
                  {"attention", "persistent", 384, 0,
                   "sink:ptr counts:ptr documents:ptr"}},
                 /*sink=*/true, /*packed=*/true);
  std::unique_ptr<Kernel> kernel = makeKernel(source);
  SparsekAttentionArguments args = makeArguments(1, 4, 3000, 3000);
  args.sink = makeArray(0x9000, SPARSEK_F32, {8});
  args.cuSeqlens = makeArray(0xa000, SPARSEK_I32, {6});
  ASSERT_EQ(launch(*kernel, args), "");
  // The table is not used and takes no place.
  EXPECT_TRUE(contains(fakeGetLog(), "documents device 0 grid 12,1,1 block "
                                     "256,1,1"));
  EXPECT_TRUE(contains(fakeGetLog(), toHex({0xa000}, 16) + toHex({5, 3000}, 8) +
                                         toHex({kWorkspace + 256}, 16) + "\n"));
  EXPECT_TRUE(contains(
      fakeGetLog(), toHex({0x9000, kWorkspace, kWorkspace + 256}, 16) + "\n"));
  args.cuSeqlens.shape[0] = 1;
  EXPECT_EQ(launch(*kernel, args),
            "cu_seqlens must be i32[S + 1] with S >= 1, got i32[1]");
  args = makeArguments();
  args.sink = makeArray(0x9000, SPARSEK_F32, {8});
  args.cuSeqlens = makeArray(0xa000, SPARSEK_I32, {6});
  EXPECT_TRUE(contains(launch(*kernel, args),
                       "packed documents need B = 1 and M = N, got B = 1, M = "
                       "1000 and N = 3000"));
}

TEST_F(GatheredAttentionTest, WorkspaceAndLimits) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  auto plan = [&](const SparsekAttentionArguments &args) {
    return llvm::cantFail(planGatheredAttention(kernel->getRecord(), args));
  };
  // 3 chunks of 1024, 8 score heads, 300 entries; 24 counts.
  SparsekAttentionArguments args = makeArguments(2, 4, 3000, 3000, 4);
  EXPECT_EQ(plan(args).workspaceBytes, 3 * 8 * 300 * 4 + 256 - 128 + 256);
  // More keys are asked for than there are.
  args.topk = std::numeric_limits<int32_t>::max();
  args.window = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(plan(args).workspaceBytes, 8 * 3000 * 4 + 256);
  // Under 1% of K and V of 8 heads of 64 at N = 64K.
  args = makeArguments(1, 8, 65536, 65536, 8);
  args.topk = 1024;
  EXPECT_LT(plan(args).workspaceBytes, 8 * 65536 * (64 + 64) * 2 / 100);
  // Lengths near the limit of positions.
  args = makeArguments(1, 1, 1, (int64_t(1) << 31) - 101);
  EXPECT_GT(plan(args).workspaceBytes, 0);
  args.window = 200;
  EXPECT_TRUE(contains(launch(*kernel, args), "N + window must be below 2^31"));
  EXPECT_TRUE(contains(launch(*kernel, makeArguments(70000, 1, 1, 1)),
                       "B * Hs must be at most 65535, got 70000"));
  EXPECT_TRUE(contains(launch(*kernel, makeArguments(60000, 60000, 1, 1)),
                       "too much work"));
}

TEST_F(GatheredAttentionTest, NothingToDo) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  for (SparsekAttentionArguments args :
       {makeArguments(0), makeArguments(1, 4, 0, 10),
        makeArguments(1, 4, 0, 0)}) {
    fakeClearLog();
    args.q.data = args.o.data = 0;
    EXPECT_EQ(launch(*kernel, args), "");
    EXPECT_STREQ(fakeGetLog(), "");
  }
}

TEST_F(GatheredAttentionTest, RefusedArguments) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  using Args = SparsekAttentionArguments;
  const std::pair<void (*)(Args &), const char *> cases[] = {
      {[](Args &a) { a.q.rank = 0; }, "q must have 4 dimensions, got none"},
      {[](Args &a) { a.k.rank = 3; }, "k must have 4 dimensions, got bf16[1"},
      {[](Args &a) { a.q.rank = 99; }, "q must have 4 dimensions, got bf16["},
      {[](Args &a) { a.q.shape[0] = -1; },
       "sizes of q must be from 0 to 2^31 - 1, got bf16[-1, 8, 1000, 64]"},
      {[](Args &a) { a.q.dtype = SPARSEK_F16; },
       "q must be bf16[B = 1, Hq = 8, M = 1000, D = 64], got f16[1, 8, 1000, "
       "64]"},
      {[](Args &a) { a.q.dtype = SparsekDtype(77); }, "got an unknown type["},
      {[](Args &a) { a.k.shape[3] = 72; }, "k must be bf16[B = 1, Hkv = 4, "},
      {[](Args &a) { a.k.shape[0] = 2; }, "k must be bf16[B = 1, "},
      {[](Args &a) { a.k.shape[1] = a.v.shape[1] = 8; },
       "this kernel is compiled for 2 query heads per KV head, got Hq = 8 and "
       "Hkv = 8"},
      {[](Args &a) { a.k.shape[1] = a.q.shape[1] = 0; }, "Hkv = 0"},
      {[](Args &a) { a.q.shape[2] = 3001; },
       "q holds the last M <= N positions, got M = 3001 and N = 3000"},
      {[](Args &a) { a.expiry.shape[1] = 2; },
       "the score heads must be 1 or Hkv = 4, got 2"},
      {[](Args &a) { a.v.shape[2] = 2999; }, "v must be bf16[B = 1, Hkv = 4, "},
      {[](Args &a) { a.expiry.dtype = SPARSEK_I64; }, "expiry must be i32["},
      {[](Args &a) { a.scores.rank = 0; },
       "scores must be f32[B = 1, Hs = 1, N = 3000], got none"},
      {[](Args &a) { a.tau.shape[2] = 10; }, "tau must be f32["},
      {[](Args &a) { a.o.shape[3] = 64; }, "o must be bf16["},
      {[](Args &a) { a.lse.rank = 2; }, "lse must be f32["},
      {[](Args &a) { a.sink = makeArray(0x9000, SPARSEK_F32, {8}); },
       "this kernel is compiled without sink, got f32[8]"},
      {[](Args &a) { a.cuSeqlens = makeArray(0x9000, SPARSEK_I32, {2}); },
       "this kernel is compiled without cu_seqlens, got i32[2]"},
      {[](Args &a) { a.topk = 0; }, "topk must be from 1 to 2147483647, got 0"},
      {[](Args &a) { a.topk = int64_t(1) << 31; }, "topk must be from 1"},
      {[](Args &a) { a.window = -1; }, "window must be from 0 to"},
      {[](Args &a) { a.scale = -1; }, "scale must be above 0"},
      {[](Args &a) { a.scale = std::nan(""); }, "scale must be above 0"},
      {[](Args &a) { a.scale = 1e300; }, "scale must be above 0 and finite"},
      {[](Args &a) { a.q.strides[3] = 2; },
       "q must be contiguous in its last dimension, got stride 2"},
      {[](Args &a) { a.expiry.strides[2] = 0; }, "expiry must be contiguous"},
      {[](Args &a) { a.k.strides[2] = 68; },
       "strides of k must be multiples of 8 elements (16 bytes), got 68 in "
       "dimension 2"},
      {[](Args &a) { a.v.strides[1] = -32; },
       "strides of v must not be negative, got -32 in dimension 1"},
      {[](Args &a) { a.o.strides[1] = 0; }, "strides of o must be above 0"},
      {[](Args &a) { a.k.strides[2] = int64_t(1) << 30; },
       "the rows of k must be less than 2^31 bytes apart"},
      {[](Args &a) { a.k.strides[2] = int64_t(1) << 62; }, "strides of k must"},
      {[](Args &a) { a.q.data += 8; },
       "q must be at a device address that is a multiple of 16, got 0x1008"},
      {[](Args &a) { a.tau.data += 2; }, "tau must be at a device address"},
      {[](Args &a) { a.lse.data = 0; }, "lse must be at a device address"},
  };
  for (auto [change, message] : cases) {
    SparsekAttentionArguments args = makeArguments();
    change(args);
    EXPECT_TRUE(contains(launch(*kernel, args), message));
  }
  EXPECT_EQ(getText(launchGatheredAttention(*kernel, makeArguments(),
                                            kWorkspace, 1535, 0, nullptr)),
            "the workspace must have 1536 bytes for these arguments, got 1535");
  EXPECT_TRUE(
      contains(getText(launchGatheredAttention(*kernel, makeArguments(), 0x80,
                                               kPlenty, 0, nullptr)),
               "the workspace must be at a device address that is a "
               "multiple of 256, got 0x80"));
  EXPECT_FALSE(contains(fakeGetLog(), "cuLaunchKernel"));
}

TEST_F(GatheredAttentionTest, OtherOperations) {
  std::unique_ptr<Kernel> kernel = makeKernel(makeSelectionSource());
  EXPECT_EQ(launch(*kernel, makeArguments()),
            "this kernel computes 'topk_mask', not 'gathered_attention'");
  kernel = makeKernel(
      makeSource({{"attention", "items", 384, 0, "q:ptr codes:ptr"}}));
  EXPECT_EQ(launch(*kernel, makeArguments()),
            "kernel 'attention' takes 'codes', which 'gathered_attention' does "
            "not have");
  kernel =
      makeKernel(makeSource({{"attention", "sort_tiles", 384, 0, "q:ptr"}}));
  EXPECT_EQ(launch(*kernel, makeArguments()),
            "kernel 'attention' has a grid of 'sort_tiles', which "
            "'gathered_attention' does not have");
}

TEST_F(GatheredAttentionTest, WhatIsAccepted) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  // Positions before heads, as a projection leaves them.
  SparsekAttentionArguments args = makeArguments();
  args.q.strides[1] = 64;
  args.q.strides[2] = 8 * 64;
  // Keys shared by all heads, and strides of dimensions of one element.
  args.k.strides[1] = 0;
  args.k.strides[0] = -7;
  EXPECT_EQ(launch(*kernel, args), "");
  // Without gates scores and thresholds are not read.
  kernel =
      makeKernel(makeSource({kSurvivors, kAttention}, false, false, "none"));
  args.scores = args.tau = SparsekDeviceArray{};
  EXPECT_EQ(launch(*kernel, args), "");
  // The default of the scale.
  args.scale = 0;
  fakeClearLog();
  EXPECT_EQ(launch(*kernel, args), "");
  float scaleLog2 = 0.125 / std::log(2.0);
  uint32_t bits;
  std::memcpy(&bits, &scaleLog2, 4);
  EXPECT_TRUE(contains(fakeGetLog(), toHex({bits}, 8) + "\ncuCtxPop"));
}

TEST_F(GatheredAttentionTest, EveryCallThatFails) {
  // In the order of the calls; each with a kernel that is not loaded yet.
  for (const char *call :
       {"cuCtxGetCurrent", "cuCtxPushCurrent_v2", "cuCtxGetDevice",
        "cuDeviceGetCount", "cuDeviceGetName", "cuDeviceGetAttribute",
        "cuModuleLoadDataEx", "cuModuleGetFunction", "cuFuncSetAttribute",
        "cuLaunchKernel"}) {
    std::unique_ptr<Kernel> kernel = makeKernel();
    fakeReset();
    fakeFail(call, 1);
    std::string name = llvm::StringRef(call).split('_').first.str();
    EXPECT_TRUE(contains(launch(*kernel, makeArguments()), name));
    EXPECT_EQ(fakeGetCurrent(), nullptr) << call; // Popped also on failure.
    // A failure to load is not kept.
    fakeFail("", 0);
    EXPECT_EQ(launch(*kernel, makeArguments()), "") << call;
  }
  EXPECT_TRUE(contains(
      getText(launchGatheredAttention(*makeKernel(), makeArguments(),
                                      kWorkspace, kPlenty, 7, nullptr)),
      "there is no CUDA device 7, the driver shows 2"));
}

TEST_F(GatheredAttentionTest, KernelsThatCannotBeLoaded) {
  KernelSource source = makeSource({kSurvivors, kAttention});
  source.ptx += "syntax error";
  EXPECT_EQ(launch(*makeKernel(source), makeArguments()),
            "cuModuleLoadDataEx failed with CUDA_ERROR_INVALID_PTX (text of "
            "the code):\nptxas: line 3; syntax error");
  source = makeSource({kSurvivors, kAttention});
  source.ptx = makeSource({kSurvivors}).ptx;
  fakeClearLog();
  EXPECT_EQ(launch(*makeKernel(source), makeArguments()),
            "cuModuleGetFunction for 'attention' failed with "
            "CUDA_ERROR_NOT_FOUND (text of the code)");
  EXPECT_TRUE(contains(fakeGetLog(), "cuModuleUnload")); // Not leaked.
  fakeSetDevices(2, 8, 0, 166912);
  EXPECT_TRUE(contains(launch(*makeKernel(), makeArguments()),
                       "compiled for sm_90a, which needs compute capability "
                       "9.0; the device (Fake 0) has compute capability 8.0"));
  source = makeSource({kAttention}, false, false, "none", "sm_80");
  EXPECT_EQ(launch(*makeKernel(source), makeArguments()),
            "kernel 'attention' needs 205000 bytes of shared memory for a "
            "block, the device (Fake 0) has 166912");
  EXPECT_EQ(getText(Kernel::create("", source.record)),
            "the kernel image is empty");
}

TEST_F(GatheredAttentionTest, LoadedOncePerContext) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  auto countLoads = [] {
    return llvm::StringRef(fakeGetLog()).count("cuModuleLoadDataEx");
  };
  SparsekAttentionArguments args = makeArguments();
  EXPECT_EQ(launch(*kernel, args, 0), "");
  EXPECT_EQ(launch(*kernel, args, 1), "");
  EXPECT_EQ(launch(*kernel, args, 0), "");
  EXPECT_EQ(countLoads(), 2u);
  // From the stream's own context, which is not the primary one.
  auto *stream = static_cast<Stream>(fakeStream(1));
  fakeSetCurrent(fakePrimaryContext(0));
  EXPECT_EQ(launch(*kernel, args, -1, stream), "");
  EXPECT_EQ(launch(*kernel, args, -1, stream), "");
  EXPECT_EQ(countLoads(), 3u);
  EXPECT_TRUE(contains(fakeGetLog(), "attention device 1 "));
  EXPECT_EQ(fakeGetCurrent(), fakePrimaryContext(0));
  // The default stream belongs to the current context.
  EXPECT_EQ(launch(*kernel, args, -1, nullptr), "");
  EXPECT_EQ(countLoads(), 3u);
  fakeSetCurrent(nullptr);
  EXPECT_TRUE(contains(launch(*kernel, args, -1, nullptr),
                       "no CUDA context is current in this thread"));
  // Contexts that others own may be gone by now: only two are unloaded.
  fakeClearLog();
  kernel.reset();
  EXPECT_EQ(llvm::StringRef(fakeGetLog()).count("cuModuleUnload"), 2u);
}

TEST_F(GatheredAttentionTest, Threads) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      for (int j = 0; j < 50; ++j)
        EXPECT_EQ(launch(*kernel, makeArguments(), (i + j) % 2), "");
    });
  for (std::thread &thread : threads)
    thread.join();
  llvm::StringRef log = fakeGetLog();
  EXPECT_EQ(log.count("cuModuleLoadDataEx"), 2u);
  EXPECT_EQ(log.count("cuLaunchKernel"), 8u * 50 * 2);
}

TEST_F(GatheredAttentionTest, WhileAStreamIsCaptured) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  fakeSetCapturing(1);
  // Even the first launch, which loads the kernel.
  EXPECT_EQ(launch(*kernel, makeArguments()), "");
  // The thread's mode is global again.
  llvm::StringRef log = fakeGetLog();
  EXPECT_TRUE(contains(log, "cuThreadExchangeStreamCaptureMode 2\n"));
  EXPECT_TRUE(contains(log, "cuThreadExchangeStreamCaptureMode 0\n"));
  fakeClearLog();
  EXPECT_EQ(launch(*kernel, makeArguments()), "");
  EXPECT_FALSE(contains(fakeGetLog(), "cuModule"));
}
