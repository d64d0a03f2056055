//===- SelectionTest.cpp - Launching the selection ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/Selection.h"
#include "TestSupport.h"

#include <limits>

using namespace sparsek::cuda;
using namespace sparsek::cuda::test;

static constexpr uint64_t kWorkspace = 0x100000;
static constexpr size_t kPlenty = size_t(1) << 40;

static std::unique_ptr<Kernel> makeKernel(bool packed = false) {
  KernelSource source = makeSelectionSource(packed);
  return llvm::cantFail(Kernel::create(source.ptx, source.record));
}

static SelectionPlan plan(const Kernel &kernel,
                          const SparsekSelectionArguments &args) {
  return llvm::cantFail(planSelection(kernel.getRecord(), args));
}

namespace {
class SelectionTest : public FakeDriverTest {
protected:
  std::string launch(Kernel &kernel, const SparsekSelectionArguments &args,
                     Device device = 0, Stream stream = nullptr) {
    return getText(
        launchSelection(kernel, args, kWorkspace, kPlenty, device, stream));
  }

  /// Name, grid and parameters of each launch.
  static std::vector<std::string> getLaunches() {
    llvm::SmallVector<llvm::StringRef> lines;
    llvm::StringRef(fakeGetLog()).split(lines, '\n', -1, false);
    std::vector<std::string> launches;
    for (size_t i = 0; i + 1 < lines.size(); ++i)
      if (lines[i].consume_front("cuLaunchKernel ")) {
        auto [name, rest] = lines[i].split(" device 0 grid ");
        launches.push_back(
            (name + " " + rest.split(' ').first + lines[i + 1]).str());
      }
    return launches;
  }
};
} // namespace

TEST_F(SelectionTest, EveryByte) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  SparsekSelectionArguments args = makeSelectionArguments(2, 3, 5000);
  ASSERT_EQ(launch(*kernel, args), "");
  // Chunks of 32 positions: 157 of them and 158 boundaries. Buckets of 64
  // ranks: 79 of them, which a block counts 8 of at a time. Five tiles to sort,
  // five to sum up, rows of 5008 entries.
  uint64_t at = kWorkspace;
  auto next = [&](uint64_t bytes) {
    uint64_t begin = at;
    at += (bytes + 255) / 256 * 256;
    return begin;
  };
  uint64_t narrow = 4 * 6 * 5008, wide = 2 * narrow;
  uint64_t codes[] = {next(narrow), next(narrow)};
  uint64_t order[] = {next(narrow), next(narrow)};
  uint64_t ranks = next(narrow);
  uint64_t bounds = next(4 * 6 * 6 * 158), boundSums = next(8 * 2 * 6 * 158);
  uint64_t tileCounts = next(4 * 6 * 5 * 3), tileSums = next(8 * 6 * 5 * 2);
  // The table, and what is written when it has been read, take turns.
  uint64_t table = at;
  uint64_t bucketCounts = next(4 * 6 * 158 * 79);
  uint64_t bucketSums = next(8 * 6 * 158 * 79);
  uint64_t tableEnd = std::exchange(at, table);
  uint64_t counts[] = {next(narrow), next(narrow), next(narrow)};
  uint64_t sums[] = {next(wide), next(wide)};
  uint64_t thetas = next(narrow);
  at = std::max(at, tableEnd);
  uint64_t interior = next(4 * 6 * 5000);
  std::vector<std::string> expected = {
      "sort_tiles 5,6,1" +
          toHex({0x4000, 15000, 5000, codes[0], order[0]}, 16) +
          toHex({5000, 5008, 3, 6}, 8),
      "merge_lists 20,6,1" +
          toHex({codes[0], order[0], codes[1], order[1]}, 16) + toHex({10}, 8),
      "merge_lists 20,6,1" +
          toHex({codes[1], order[1], codes[0], order[0]}, 16) + toHex({12}, 8),
      "rank_table 10,6,1" +
          toHex({codes[0], order[0], ranks, bucketCounts, bucketSums}, 16) +
          toHex({5, 6, 158, 79, 3}, 8),
      "boundaries_128 40,6,1" + toHex({bounds, boundSums}, 16) +
          toHex({300}, 8),
      "rank_scan 5,6,1" + toHex({counts[0], counts[1], counts[2], sums[0],
                                 sums[1], tileCounts, tileSums},
                                16),
      "thresholds_32 157,6,1" +
          toHex({thetas, 0x5000, 15000, 5000, interior, 15000, 5000}, 16) +
          toHex({100}, 8),
      "expiries 20,6,1" + toHex({codes[0], order[0], 0x6000, 15000, 5000}, 16)};
  EXPECT_EQ(getLaunches(), expected);
  EXPECT_EQ(uint64_t(plan(*kernel, args).workspaceBytes), at - kWorkspace);

  // Interior counts of the caller's own, in any layout.
  args.interior = makeArray(0x9000, SPARSEK_I32, {2, 3, 5000});
  args.interior.strides[0] = 7000;
  args.interior.strides[1] = 20000;
  EXPECT_EQ(uint64_t(plan(*kernel, args).workspaceBytes),
            interior - kWorkspace);
  fakeClearLog();
  ASSERT_EQ(launch(*kernel, args), "");
  EXPECT_TRUE(
      contains(fakeGetLog(),
               toHex({thetas, 0x5000, 15000, 5000, 0x9000, 7000, 20000}, 16)));
}

TEST_F(SelectionTest, SizesAndSorts) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  auto launches = [&](int64_t keys) {
    fakeClearLog();
    EXPECT_EQ(launch(*kernel, makeSelectionArguments(1, 1, keys)), "");
    std::vector<std::string> names;
    for (const std::string &text : getLaunches())
      names.push_back(llvm::StringRef(text).split(' ').first.str());
    return names;
  };
  auto names = [](std::vector<std::string> sort, const char *boundaries,
                  const char *thresholds) {
    for (const char *name :
         {"rank_table", boundaries, "rank_scan", thresholds, "expiries"})
      sort.push_back(name);
    return sort;
  };
  for (auto [keys, merges] : {std::pair(1, 0),
                              {1024, 0},
                              {1025, 1},
                              {4 * 1024, 1},
                              {4 * 1024 + 1, 2},
                              {8 * 1024, 2},
                              {8 * 1024 + 1, 2},
                              {16 * 1024, 2}}) {
    std::vector<std::string> sort = {"sort_tiles"};
    sort.insert(sort.end(), merges, "merge_lists");
    bool isShort = keys <= 8192;
    EXPECT_EQ(launches(keys),
              names(sort, isShort ? "boundaries_128" : "boundaries_256",
                    isShort ? "thresholds_32" : "thresholds_128"))
        << keys;
  }
  std::vector<std::string> digits = {"count_scores", "scatter_scores"};
  for (int i = 0; i < 3; ++i)
    digits.insert(digits.end(), {"count_digits", "scatter_digits"});
  for (int64_t keys : {16 * 1024 + 1, 1 << 17})
    EXPECT_EQ(launches(keys), names(digits, "boundaries_256", "thresholds_128"))
        << keys;
  for (int64_t keys : {(1 << 17) + 1, 1 << 20})
    EXPECT_EQ(launches(keys),
              names(digits, "boundaries_1024", "thresholds_512"))
        << keys;
  // Each pass takes what the one before has made, by the next digit.
  fakeClearLog();
  SparsekSelectionArguments args = makeSelectionArguments(1, 1, 1 << 20);
  ASSERT_EQ(launch(*kernel, args), "");
  SelectionPlan made = plan(*kernel, args);
  uint64_t codes[] = {kWorkspace + made.codes[0], kWorkspace + made.codes[1]};
  uint64_t order[] = {kWorkspace + made.order[0], kWorkspace + made.order[1]};
  std::vector<std::string> texts = getLaunches();
  for (uint64_t i = 1; i < 4; ++i) {
    std::string from = toHex({codes[1 - i % 2], order[1 - i % 2]}, 16);
    EXPECT_TRUE(contains(texts[2 * i], "count_digits 256,1,1" + from));
    EXPECT_TRUE(contains(texts[2 * i + 1],
                         from + toHex({codes[i % 2], order[i % 2]}, 16)));
    EXPECT_TRUE(contains(texts[2 * i + 1], toHex({8 * i}, 8)));
  }
  EXPECT_TRUE(contains(texts[8], toHex({codes[1], order[1]}, 16)));
}

TEST_F(SelectionTest, Dependents) {
  // All of the same seven kernels, with and without a wait of their own.
  for (bool waits : {false, true}) {
    KernelSource source = makeSelectionSource();
    std::string grid = "\"grid\":";
    if (waits)
      for (size_t at = 0; (at = source.record.find(grid, at)) != grid.npos;
           at += grid.size() + 15)
        source.record.insert(at, "\"waits\": true, ");
    auto kernel = llvm::cantFail(Kernel::create(source.ptx, source.record));
    int before = fakeCountDependents();
    fakeClearLog();
    ASSERT_EQ(launch(*kernel, makeSelectionArguments(1, 1, 2000)), "");
    EXPECT_EQ(getLaunches().size(), 7u);
    // The first one does not overtake what the stream did before.
    EXPECT_EQ(fakeCountDependents() - before, waits ? 6 : 0);
  }
}

TEST_F(SelectionTest, DigitsOfDocuments) {
  std::unique_ptr<Kernel> kernel = makeKernel(/*packed=*/true);
  auto passes = [&](int64_t keys) {
    SparsekSelectionArguments args = makeSelectionArguments(1, 1, keys);
    args.cuSeqlens = makeArray(0xa000, SPARSEK_I32, {6});
    return plan(*kernel, args).shifts.size();
  };
  // The number of the first key of a document has the bits of N - 1.
  EXPECT_EQ(passes(16 * 1024), 0u);
  EXPECT_EQ(passes(1 << 16), 6u);
  EXPECT_EQ(passes((1 << 16) + 1), 7u);
}

TEST_F(SelectionTest, PackedDocuments) {
  std::unique_ptr<Kernel> kernel = makeKernel(/*packed=*/true);
  SparsekSelectionArguments args = makeSelectionArguments(1, 2, 3000);
  args.cuSeqlens = makeArray(0xa000, SPARSEK_I32, {6});
  ASSERT_EQ(launch(*kernel, args), "");
  EXPECT_TRUE(contains(getLaunches()[0], "documents 12,1,1 000000000000a000"));
  EXPECT_TRUE(contains(getLaunches()[0], toHex({5, 3000}, 8)));
  args.cuSeqlens = SparsekDeviceArray{};
  EXPECT_EQ(launch(*kernel, args),
            "cu_seqlens must be i32[S + 1] with S >= 1, got none");
  args = makeSelectionArguments(2, 2, 3000);
  args.cuSeqlens = makeArray(0xa000, SPARSEK_I32, {6});
  EXPECT_EQ(launch(*kernel, args), "packed documents need B = 1, got B = 2");
}

TEST_F(SelectionTest, Workspace) {
  std::unique_ptr<Kernel> kernels[] = {makeKernel(), makeKernel(true)};
  auto check = [&](int64_t heads, int64_t keys) {
    for (const std::unique_ptr<Kernel> &kernel : kernels) {
      SparsekSelectionArguments args = makeSelectionArguments(1, heads, keys);
      if (kernel == kernels[1])
        args.cuSeqlens = makeArray(0xa000, SPARSEK_I32, {6});
      int64_t bytes = plan(*kernel, args).workspaceBytes;
      // Of each key and score head, and a little for each head and the call.
      EXPECT_LE(bytes, heads * (84 * keys + 1024) + 8192)
          << heads << " heads, " << keys << " keys";
      EXPECT_EQ(bytes % kWorkspaceAlignment, 0);
    }
  };
  for (int64_t keys = 1; keys <= 1 << 20; keys += 1 + keys / 97)
    for (int64_t heads : {1, 8, 100})
      check(heads, keys);
  for (int64_t log2 = 0; log2 <= 20; ++log2)
    for (int64_t more : {-1, 0, 1})
      if (int64_t keys = (int64_t(1) << log2) + more; keys <= 1 << 20)
        check(1, keys);
}

TEST_F(SelectionTest, BudgetsAreCut) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  SparsekSelectionArguments args = makeSelectionArguments(1, 1, 10);
  args.topk = args.window = std::numeric_limits<int32_t>::max();
  ASSERT_EQ(launch(*kernel, args), "");
  EXPECT_TRUE(contains(fakeGetLog(), toHex({10}, 8) + "\n"));
  EXPECT_FALSE(contains(fakeGetLog(), "7fffffff"));
}

TEST_F(SelectionTest, NothingToDo) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  for (SparsekSelectionArguments args :
       {makeSelectionArguments(0, 1, 10), makeSelectionArguments(1, 0, 10),
        makeSelectionArguments(1, 1, 0)}) {
    args.scores.data = args.tau.data = 0;
    EXPECT_EQ(launch(*kernel, args), "");
    EXPECT_STREQ(fakeGetLog(), "");
  }
}

TEST_F(SelectionTest, RefusedArguments) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  using Args = SparsekSelectionArguments;
  const std::pair<void (*)(Args &), const char *> cases[] = {
      {[](Args &a) { a.scores.rank = 0; },
       "scores must have 3 dimensions, got none"},
      {[](Args &a) { a.scores.rank = 2; },
       "scores must have 3 dimensions, got f32[2, 3]"},
      {[](Args &a) { a.scores.shape[1] = -1; },
       "sizes of scores must be from 0 to 2^31 - 1, got f32[2, -1, 5000]"},
      {[](Args &a) { a.scores.dtype = SPARSEK_BF16; },
       "scores must be f32[B = 2, Hs = 3, N = 5000], got bf16[2, 3, 5000]"},
      {[](Args &a) { a.tau.rank = 0; },
       "tau must be f32[B = 2, Hs = 3, N = 5000], got none"},
      {[](Args &a) { a.expiry.dtype = SPARSEK_I64; }, "expiry must be i32["},
      {[](Args &a) {
         a.interior = makeArray(0x900, SPARSEK_F32, {2, 3, 5000});
       },
       "interior must be i32[B = 2, Hs = 3, N = 5000], got f32["},
      {[](Args &a) { a.cuSeqlens = makeArray(0x900, SPARSEK_I32, {2}); },
       "this kernel is compiled without cu_seqlens, got i32[2]"},
      {[](Args &a) { a = makeSelectionArguments(1, 1, (1 << 20) + 1); },
       "this kernel selects from at most N = 1048576 keys, got 1048577"},
      {[](Args &a) { a = makeSelectionArguments(70000, 1, 1); },
       "B * Hs must be at most 65535, got 70000"},
      {[](Args &a) { a.topk = 0; }, "topk must be from 1 to 2147483647, got 0"},
      {[](Args &a) { a.window = -1; }, "window must be from 0 to"},
      {[](Args &a) { a.scores.strides[2] = 2; },
       "scores must be contiguous in its last dimension, got stride 2"},
      {[](Args &a) { a.scores.strides[1] = -5000; },
       "strides of scores must not be negative"},
      {[](Args &a) { a.tau.strides[0] = 0; },
       "strides of tau must be above 0, got 0 in dimension 0"},
      {[](Args &a) { a.expiry.data = 0; },
       "expiry must be at a device address that is a multiple of 4, got 0x0"},
      {[](Args &a) { a.scores.data += 2; }, "scores must be at a device"}};
  for (auto [change, message] : cases) {
    SparsekSelectionArguments args = makeSelectionArguments(2, 3, 5000);
    change(args);
    EXPECT_TRUE(contains(launch(*kernel, args), message));
  }
  SparsekSelectionArguments args = makeSelectionArguments(1, 1, 1);
  EXPECT_TRUE(contains(
      getText(launchSelection(*kernel, args, kWorkspace, 100, 0, nullptr)),
      "bytes for these arguments, got 100"));
  EXPECT_TRUE(contains(
      getText(launchSelection(*kernel, args, 0x80, kPlenty, 0, nullptr)),
      "the workspace must be at a device address that is a multiple of 256"));
  EXPECT_FALSE(contains(fakeGetLog(), "cuLaunchKernel"));
}

TEST_F(SelectionTest, OtherOperations) {
  KernelSource source = makeSource({{"attention", "items", 384, 0, "q:ptr"}});
  auto kernel = llvm::cantFail(Kernel::create(source.ptx, source.record));
  SparsekSelectionArguments args = makeSelectionArguments(1, 1, 10);
  EXPECT_EQ(getText(planSelection(kernel->getRecord(), args)),
            "this kernel computes 'gathered_attention', not 'topk_mask'");
  EXPECT_EQ(launch(*kernel, args),
            "this kernel computes 'gathered_attention', not 'topk_mask'");
}

TEST_F(SelectionTest, EveryLaunchThatFails) {
  std::unique_ptr<Kernel> kernel = makeKernel(true);
  SparsekSelectionArguments args = makeSelectionArguments(1, 1, 5000);
  args.cuSeqlens = makeArray(0xa000, SPARSEK_I32, {6});
  fakeFail("cuLaunchKernel", 1);
  EXPECT_TRUE(contains(launch(*kernel, args),
                       "cuLaunchKernel for 'documents' failed with"));
  EXPECT_EQ(fakeGetCurrent(), nullptr); // Popped also on failure.
}

TEST_F(SelectionTest, WhileAStreamIsCaptured) {
  std::unique_ptr<Kernel> kernel = makeKernel();
  fakeSetCapturing(1);
  EXPECT_EQ(launch(*kernel, makeSelectionArguments(1, 1, 5000), 1), "");
  EXPECT_FALSE(contains(fakeGetLog(), "cuStreamSynchronize"));
  EXPECT_FALSE(contains(fakeGetLog(), "cuMemAlloc"));
}
