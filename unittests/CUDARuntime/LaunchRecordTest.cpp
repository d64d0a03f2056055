//===- LaunchRecordTest.cpp - Reading launch records ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

using namespace sparsek::cuda;
using namespace sparsek::cuda::test;

static const KernelSpec kAttention = {"attention", "persistent", 384, 205000,
                                      "q:ptr q_b:i64 rows:i32 scale_log2:f32"};

/// The record above with one piece of text replaced.
static std::string replace(llvm::StringRef from, llvm::StringRef to) {
  std::string text = makeSource({kAttention}).record;
  size_t at = text.find(from.str());
  EXPECT_NE(at, std::string::npos) << from.str();
  return text.replace(at, from.size(), to.str());
}

TEST(LaunchRecord, EveryField) {
  KernelSource source = makeSource(
      {{"survivors", "chunks x batch_score_heads", 256, 0, "expiry:ptr"},
       {"documents", "key_blocks", 128, 0, "cu_seqlens:ptr documents:ptr"},
       kAttention},
      /*sink=*/true, /*packed=*/true, "value", "sm_80");
  llvm::Expected<LaunchRecord> record = LaunchRecord::parse(source.record);
  ASSERT_EQ(getText(record.takeError()), "");
  EXPECT_EQ(record->chip, "sm_80");
  EXPECT_EQ(record->dtype, "bf16");
  EXPECT_EQ(record->gate, "value");
  EXPECT_EQ(record->headDim, 64);
  EXPECT_EQ(record->valueDim, 32);
  EXPECT_EQ(record->group, 2);
  EXPECT_TRUE(record->sink && record->packed);
  EXPECT_EQ(record->tilePositions, 64);
  EXPECT_EQ(record->tileHeads, 2);
  ASSERT_EQ(record->kernels.size(), 3u);
  EXPECT_EQ(record->kernels[0].grid, Grid::Chunks);
  EXPECT_EQ(record->kernels[1].grid, Grid::KeyBlocks);
  const KernelRecord &kernel = record->kernels[2];
  EXPECT_EQ(kernel.name, "attention");
  EXPECT_EQ(kernel.grid, Grid::Persistent);
  EXPECT_EQ(kernel.threads, 384);
  EXPECT_EQ(kernel.sharedBytes, 205000);
  EXPECT_EQ(kernel.blocksPerSM, 1);
  EXPECT_EQ(kernel.arguments,
            (llvm::SmallVector<Argument>{Argument::Q, Argument::QB,
                                         Argument::Rows, Argument::ScaleLog2}));
  EXPECT_TRUE(record->uses(Argument::Documents));
  EXPECT_FALSE(record->uses(Argument::Table));
}

TEST(LaunchRecord, ErrorsNameTheField) {
  const std::pair<std::string, const char *> cases[] = {
      {"{", "the launch record is no JSON"},
      {"[]", "launch record: expected an object"},
      {replace("\"version\": 1", "\"version\": 2"),
       "launch record.version: expected an integer from 1 to 1, got 2"},
      {replace("gathered_attention", "scan"),
       "launch record.op: expected one of gathered_attention; got 'scan'"},
      {replace("bf16", "f8"),
       "launch record.dtype: expected one of bf16, f16, f32; got 'f8'"},
      {replace("\"group\": 2", "\"group\": 0"),
       "launch record.group: expected an integer from 1 to 2147483647, got 0"},
      {replace("\"group\": 2, ", ""),
       "launch record.group: expected an integer"},
      {replace("\"sink\": false", "\"sink\": 0"),
       "launch record.sink: expected true or false"},
      {replace("\"chip\": \"sm_90a\"", "\"chip\": 90"),
       "launch record.chip: expected a string"},
      {replace("\"tile\": {", "\"tiles\": {"),
       "launch record.tile: expected an object"},
      {replace("\"positions\": 64", "\"positions\": 0"),
       "launch record.tile.positions: expected an integer from 1"},
      {replace("\"kernels\": [", "\"kernels\": [], \"others\": ["),
       "launch record.kernels: expected at least one kernel"},
      {replace("\"threads\": 384", "\"threads\": 1025"),
       "launch record.kernels[0].threads: expected an integer from 1 to 1024, "
       "got 1025"},
      {replace("persistent", "one per item"),
       "launch record.kernels[0].grid: expected one of persistent, items, "
       "chunks x batch_score_heads, key_blocks; got 'one per item'"},
      {replace("\"blocks_per_sm\": 1, ", ""),
       "launch record.kernels[0].blocks_per_sm: expected an integer"},
      {replace("\"q_b\"", "\"q_x\""),
       "launch record.kernels[0].arguments[1].name: unknown argument 'q_x', "
       "known are q, k, v, u,"},
      {replace("\"q_b\"", "\"q\""),
       "launch record.kernels[0].arguments[1].type: argument 'q' is of type "
       "ptr, got 'i64'"},
      {replace("{\"name\": \"q_b\", \"type\": \"i64\"}",
               "{\"name\": \"q\", \"type\": \"ptr\"}"),
       "launch record.kernels[0].arguments[1].name: 'q' is named twice"},
      {replace("\"name\": \"rows\", \"type\": \"i32\"",
               "\"name\": \"sink\", \"type\": \"ptr\""),
       "a kernel takes 'sink', but the record says that there is none"}};
  for (const auto &[text, message] : cases)
    EXPECT_TRUE(contains(getText(LaunchRecord::parse(text)), message));
}

TEST(LaunchRecord, EveryPrefixIsRefused) {
  std::string text = makeSource({kAttention}).record;
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_NE(getText(LaunchRecord::parse(text.substr(0, size))), "");
}
