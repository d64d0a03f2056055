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
  EXPECT_EQ(record->getOp(), "gathered_attention");
  const auto &attention = std::get<AttentionRecord>(record->operation);
  EXPECT_EQ(attention.dtype, "bf16");
  EXPECT_EQ(attention.gate, "value");
  EXPECT_EQ(attention.headDim, 64);
  EXPECT_EQ(attention.valueDim, 32);
  EXPECT_EQ(attention.group, 2);
  EXPECT_TRUE(attention.sink && attention.packed);
  EXPECT_EQ(attention.tilePositions, 64);
  EXPECT_EQ(attention.tileHeads, 2);
  ASSERT_EQ(record->kernels.size(), 3u);
  using Grid = llvm::SmallVector<GridFactor, 2>;
  EXPECT_EQ(record->kernels[0].grid,
            (Grid{GridFactor::Chunks, GridFactor::BatchScoreHeads}));
  EXPECT_EQ(record->kernels[1].grid, Grid{GridFactor::KeyBlocks});
  const KernelRecord &kernel = record->kernels[2];
  EXPECT_EQ(kernel.name, "attention");
  EXPECT_EQ(kernel.grid, Grid{GridFactor::Persistent});
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
       "launch record.op: expected one of gathered_attention, topk_mask, "
       "score; "
       "got 'scan'"},
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
       "launch record.kernels[0].grid: expected one factor, or two with ' x ' "
       "between, of persistent, items, batch_score_heads, chunks, key_blocks, "
       "sort_tiles, radix_tiles, table_blocks, boundary_blocks, scan_tiles, "
       "statistic_blocks; got 'one per item'"},
      {replace("persistent", "items x items x items"),
       "launch record.kernels[0].grid: expected one factor, or two"},
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

TEST(LaunchRecord, Selection) {
  llvm::Expected<LaunchRecord> record =
      LaunchRecord::parse(makeSelectionSource(/*packed=*/true).record);
  ASSERT_EQ(getText(record.takeError()), "");
  EXPECT_EQ(record->getOp(), "topk_mask");
  const auto &selection = std::get<SelectionRecord>(record->operation);
  EXPECT_TRUE(selection.packed);
  EXPECT_EQ(selection.maxMergedKeys, 16384);
  EXPECT_EQ(selection.sortTileLog2, 10);
  EXPECT_EQ(selection.radixTileLog2, 12);
  EXPECT_EQ(selection.scanTileLog2, 10);
  EXPECT_EQ(selection.tableWords, 8196);
  ASSERT_EQ(selection.sizes.size(), 3u);
  EXPECT_EQ(selection.sizes[2].maxKeys, 1 << 20);
  EXPECT_EQ(selection.sizes[2].chunk, 512);
  EXPECT_EQ(selection.sizes[2].buckets, 1024);
  const std::pair<size_t, const char *> places[] = {
      {selection.documents, "documents"},
      {selection.sortTiles, "sort_tiles"},
      {selection.mergeLists, "merge_lists"},
      {selection.count[0], "count_scores"},
      {selection.count[1], "count_digits"},
      {selection.scatter[0], "scatter_scores"},
      {selection.scatter[1], "scatter_digits"},
      {selection.rankTable, "rank_table"},
      {selection.sizes[0].boundaries, "boundaries_128"},
      {selection.sizes[1].boundaries, "boundaries_256"},
      {selection.sizes[2].boundaries, "boundaries_1024"},
      {selection.rankScan, "rank_scan"},
      {selection.sizes[0].thresholds, "thresholds_32"},
      {selection.sizes[1].thresholds, "thresholds_128"},
      {selection.sizes[2].thresholds, "thresholds_512"},
      {selection.expiries, "expiries"}};
  for (auto [place, name] : places)
    EXPECT_EQ(record->kernels[place].name, name);
}

TEST(LaunchRecord, ErrorsOfASelection) {
  std::string good = makeSelectionSource().record;
  const std::tuple<const char *, const char *, const char *> cases[] = {
      {"\"packed\": false, ", "",
       "launch record.packed: expected true or false"},
      {"\"sort_tile_log2\": 10", "\"sort_tile_log2\": 0",
       "launch record.sort_tile_log2: expected an integer from 1 to 30, got 0"},
      {"\"scan_tile_log2\": 10", "\"scan_tile_log2\": 31",
       "launch record.scan_tile_log2: expected an integer from 1 to 30"},
      {"\"table_words\": 8196", "\"table_words\": 8195",
       "launch record.sizes[2].chunk: needs a table of 8196 words, the record "
       "has table_words = 8195"},
      {"\"sizes\": [", "\"sizes\": [], \"others\": [",
       "launch record.sizes: expected at least one size"},
      {"\"max_keys\": 1048576", "\"max_keys\": 131072",
       "launch record.sizes[2].max_keys: expected an integer from 131073"},
      {"\"chunk\": 128", "\"chunk\": 130",
       "launch record.sizes[1].chunk: expected a power of two, got 130"},
      {"\"buckets\": 256", "\"buckets\": 0",
       "launch record.sizes[1].buckets: expected an integer from 1"},
      {"\"thresholds\": \"thresholds_512\"", "\"thresholds\": \"none\"",
       "launch record.sizes[2].thresholds: there is no kernel 'none'"},
      {"\"name\": \"merge_lists\"", "\"name\": \"merge\"",
       "launch record.kernels: there is no kernel 'merge_lists'"},
      {"\"packed\": false", "\"packed\": true",
       "launch record.kernels: there is no kernel 'documents'"},
      {"\"name\": \"u\"", "\"name\": \"cu_seqlens\"",
       "a kernel takes 'cu_seqlens', but the record says that there is none"}};
  for (auto [from, to, message] : cases) {
    std::string text = good;
    size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, llvm::StringRef(from).size(), to);
    EXPECT_TRUE(contains(getText(LaunchRecord::parse(text)), message));
  }
}

TEST(LaunchRecord, Score) {
  llvm::Expected<LaunchRecord> record = LaunchRecord::parse(
      makeScoreSource(/*timestep=*/true, /*statistics=*/true, /*carry=*/true,
                      "f32")
          .record);
  ASSERT_EQ(getText(record.takeError()), "");
  EXPECT_EQ(record->getOp(), "score");
  const auto &score = std::get<ScoreRecord>(record->operation);
  EXPECT_EQ(score.dtype, "bf16");
  EXPECT_EQ(score.weightDtype, "f32");
  EXPECT_EQ(score.features, 64);
  EXPECT_EQ(score.scoreHeads, 3);
  EXPECT_TRUE(score.timestep && score.statistics && score.carry);
  EXPECT_EQ(score.rowsPerItem, 32);
  EXPECT_EQ(score.statisticPositions, 256);
  EXPECT_EQ(getType(Argument::Slope), ArgumentType::F64);
}

TEST(LaunchRecord, ErrorsOfScores) {
  std::string good = makeScoreSource(true, true, true).record;
  const std::tuple<const char *, const char *, const char *> cases[] = {
      {"\"dtype\": \"bf16\"", "\"dtype\": \"f32\"",
       "launch record.dtype: expected one of bf16, f16; got 'f32'"},
      {"\"weight_dtype\": \"bf16\"", "\"weight_dtype\": \"f16\"",
       "launch record.weight_dtype: expected one of bf16, f32; got 'f16'"},
      {"\"features\": 64", "\"features\": 0",
       "launch record.features: expected an integer from 1"},
      {"\"norm\": \"timestep\"", "\"norm\": \"batch\"",
       "launch record.norm: expected one of none, timestep; got 'batch'"},
      {"\"norm\": \"timestep\"", "\"norm\": \"none\"",
       "launch record.norm: only 'timestep' has statistics to take or to"},
      {"\"statistic_positions\": 256", "\"statistic_positions\": 100",
       "launch record.statistic_positions: expected a power of two, got 100"},
      {"\"rows_per_item\": 32", "\"rows_per_item\": -1",
       "launch record.rows_per_item: expected an integer from 1"},
      {"\"statistics\": true", "\"statistics\": false",
       "a kernel takes 'statistics', but the record says that there is none"},
      {"\"carry\": true", "\"carry\": false",
       "a kernel takes 'carried', but the record says that there is none"},
      {"\"type\": \"f64\"", "\"type\": \"f32\"",
       "argument 'slope' is of type f64, got 'f32'"}};
  for (auto [from, to, message] : cases) {
    std::string text = good;
    size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, llvm::StringRef(from).size(), to);
    EXPECT_TRUE(contains(getText(LaunchRecord::parse(text)), message));
  }
}

TEST(LaunchRecord, EveryPrefixIsRefused) {
  for (const std::string &text :
       {makeSource({kAttention}).record, makeSelectionSource().record,
        makeScoreSource(true).record})
    for (size_t size = 0; size < text.size(); ++size)
      EXPECT_NE(getText(LaunchRecord::parse(text.substr(0, size))), "");
}
