//===- TestSupport.h - Kernels and arguments for the tests ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_UNITTESTS_CUDARUNTIME_TESTSUPPORT_H
#define SPARSEK_UNITTESTS_CUDARUNTIME_TESTSUPPORT_H

#include "FakeCUDA.h"
#include "sparsek-c/CUDA.h"
#include "sparsek/CUDARuntime/LaunchRecord.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <initializer_list>
#include <vector>

#include "gtest/gtest.h"

namespace sparsek::cuda::test {

/// The record and the PTX declarations of kernels.
struct KernelSource {
  std::string record;
  std::string ptx;
};

struct KernelSpec {
  const char *name;
  const char *grid;
  int threads;
  int sharedBytes;
  /// "name:type", separated by spaces.
  const char *arguments;
};

/// Kernels with a record that begins with `fields`.
inline KernelSource makeKernels(llvm::ArrayRef<KernelSpec> kernels,
                                const std::string &fields) {
  KernelSource source;
  source.record = fields + R"(, "kernels": [)";
  source.ptx = ".version 8.0\n.target sm_90a\n";
  bool firstKernel = true;
  for (const KernelSpec &kernel : kernels) {
    source.record += firstKernel ? "" : ", ";
    firstKernel = false;
    source.record += std::string(R"({"name": ")") + kernel.name +
                     R"(", "threads": )" + std::to_string(kernel.threads) +
                     R"(, "shared_bytes": )" +
                     std::to_string(kernel.sharedBytes) + R"(, "grid": ")" +
                     kernel.grid + R"(", "blocks_per_sm": 1, "arguments": [)";
    source.ptx += std::string(".visible .entry ") + kernel.name + "(";
    llvm::SmallVector<llvm::StringRef> arguments;
    llvm::StringRef(kernel.arguments).split(arguments, ' ', -1, false);
    bool first = true;
    for (llvm::StringRef argument : arguments) {
      auto [name, type] = argument.split(':');
      source.record += first ? "" : ", ";
      source.record +=
          (R"({"name": ")" + name + R"(", "type": ")" + type + R"("})").str();
      bool wide = type == "ptr" || type == "i64" || type == "f64";
      source.ptx += std::string(first ? "" : ", ") + ".param ." +
                    (wide ? "u64 " : "b32 ") + name.str();
      first = false;
    }
    source.record += "]}";
    source.ptx += ") { ret; }\n";
  }
  source.record += "]}";
  return source;
}

/// A compiled attention with bf16, D = 64, Dv = 32, two query heads per KV head
/// and tiles of 64 positions.
inline KernelSource makeSource(std::initializer_list<KernelSpec> kernels,
                               bool sink = false, bool packed = false,
                               const char *gate = "key_value",
                               const char *chip = "sm_90a") {
  auto flag = [](bool value) { return value ? "true" : "false"; };
  return makeKernels(
      kernels, std::string(R"({"version": 1, "op": "gathered_attention",)") +
                   R"( "chip": ")" + chip + R"(", "dtype": "bf16",)" +
                   R"( "head_dim": 64, "value_dim": 32, "group": 2,)" +
                   R"( "gate": ")" + gate + R"(", "sink": )" + flag(sink) +
                   R"(, "packed": )" + flag(packed) +
                   R"(, "tile": {"rows": 128, "positions": 64,)" +
                   R"( "head_block": 2, "keys": 128})");
}

/// The kernels of a compiled selection, each with a few arguments.
inline std::vector<KernelSpec> getSelectionKernels(bool packed = false) {
  std::vector<KernelSpec> kernels = {
      {"sort_tiles", "sort_tiles x batch_score_heads", 512, 100,
       "u:ptr u_b:i64 u_h:i64 codes_to:ptr order_to:ptr keys:i32 "
       "row_stride:i32 score_heads:i32 score_rows:i32"},
      {"merge_lists", "key_blocks x batch_score_heads", 256, 0,
       "codes_from:ptr order_from:ptr codes_to:ptr order_to:ptr "
       "list_log2:i32"},
      {"count_scores", "radix_tiles x batch_score_heads", 512, 0,
       "u:ptr digit_counts:ptr shift:i32"},
      {"scatter_scores", "radix_tiles x batch_score_heads", 512, 0,
       "u:ptr codes_to:ptr order_to:ptr digit_counts:ptr shift:i32"},
      {"count_digits", "radix_tiles x batch_score_heads", 512, 0,
       "codes_from:ptr order_from:ptr digit_counts:ptr shift:i32"},
      {"scatter_digits", "radix_tiles x batch_score_heads", 512, 0,
       "codes_from:ptr order_from:ptr codes_to:ptr order_to:ptr "
       "digit_counts:ptr shift:i32"},
      {"rank_table", "table_blocks x batch_score_heads", 256, 0,
       "codes:ptr order:ptr ranks:ptr bucket_counts:ptr bucket_sums:ptr "
       "chunk_log2:i32 bucket_log2:i32 boundaries:i32 buckets:i32 "
       "table_log2:i32"},
      {"boundaries_128", "boundary_blocks x batch_score_heads", 128, 0,
       "bounds:ptr bound_sums:ptr topk:i32"},
      {"boundaries_256", "boundary_blocks x batch_score_heads", 128, 0,
       "bounds:ptr bound_sums:ptr topk:i32"},
      {"boundaries_1024", "boundary_blocks x batch_score_heads", 128, 0,
       "bounds:ptr bound_sums:ptr topk:i32"},
      {"rank_scan", "scan_tiles x batch_score_heads", 256, 0,
       "theta_counts:ptr counts0:ptr counts1:ptr sums0:ptr sums1:ptr "
       "tile_counts:ptr tile_sums:ptr"},
      {"thresholds_128", "chunks x batch_score_heads", 128, 0, "tau:ptr"},
      {"thresholds_32", "chunks x batch_score_heads", 32, 0,
       "thetas:ptr tau:ptr tau_b:i64 tau_h:i64 interior:ptr interior_b:i64 "
       "interior_h:i64 window:i32"},
      {"thresholds_512", "chunks x batch_score_heads", 512, 0, "tau:ptr"},
      {"expiries", "key_blocks x batch_score_heads", 256, 0,
       "codes:ptr order:ptr expiry:ptr expiry_b:i64 expiry_h:i64"}};
  if (packed)
    kernels.insert(kernels.begin(),
                   {"documents", "key_blocks", 256, 0,
                    "cu_seqlens:ptr sequences:i32 keys:i32 documents:ptr"});
  return kernels;
}

/// A compiled selection, with the sizes that the compiler has.
inline KernelSource makeSelectionSource(llvm::ArrayRef<KernelSpec> kernels,
                                        bool packed = false) {
  return makeKernels(
      kernels,
      std::string(R"({"version": 1, "op": "topk_mask", "chip": "sm_90a",)") +
          R"( "packed": )" + (packed ? "true" : "false") +
          R"(, "max_merged_keys": 16384, "sort_tile_log2": 10,)" +
          R"( "radix_tile_log2": 12, "scan_tile_log2": 10,)" +
          R"( "table_words": 8196, "sizes": [{"max_keys": 8192,)" +
          R"( "chunk": 32, "buckets": 128, "boundaries": "boundaries_128",)" +
          R"( "thresholds": "thresholds_32"}, {"max_keys": 131072,)" +
          R"( "chunk": 128, "buckets": 256, "boundaries": "boundaries_256",)" +
          R"( "thresholds": "thresholds_128"}, {"max_keys": 1048576,)" +
          R"( "chunk": 512, "buckets": 1024,)" +
          R"( "boundaries": "boundaries_1024",)" +
          R"( "thresholds": "thresholds_512"}])");
}
inline KernelSource makeSelectionSource(bool packed = false) {
  return makeSelectionSource(getSelectionKernels(packed), packed);
}

/// Compiled scores of bf16 features, C = 64, three heads and items of 32 rows,
/// with norm<timestep> or without.
inline KernelSource makeScoreSource(bool timestep = false,
                                    bool statistics = false, bool carry = false,
                                    const char *weightDtype = "bf16") {
  std::vector<KernelSpec> kernels = {
      {"score", "persistent", 512, 100,
       timestep ? "x:ptr x_b:i64 x_n:i64 weight:ptr weight_c:i64 weight_h:i64 "
                  "u:ptr u_b:i64 u_h:i64 rows:i32 row_tiles:i32 items:i32"
                : "x:ptr x_b:i64 x_n:i64 weight:ptr weight_c:i64 weight_h:i64 "
                  "u:ptr u_b:i64 u_h:i64 offset:i64 slope:f64 rows:i32 "
                  "row_tiles:i32 items:i32"}};
  if (timestep) {
    kernels.push_back(
        {"score_statistics", "statistic_blocks x batch_score_heads", 256, 0,
         "u:ptr block_statistics:ptr offset:i64 statistic_blocks:i32"});
    kernels.push_back(
        {"score_scan", "batch_score_heads", 256, 0,
         statistics && carry
             ? "block_statistics:ptr states:ptr statistics:ptr "
               "statistics_b:i64 statistics_h:i64 carried:ptr carried_b:i64 "
               "carried_h:i64 score_heads:i32"
         : statistics
             ? "block_statistics:ptr states:ptr statistics:ptr score_heads:i32"
         : carry ? "block_statistics:ptr states:ptr carried:ptr score_heads:i32"
                 : "block_statistics:ptr states:ptr score_heads:i32"});
    kernels.push_back({"score_normalise",
                       "statistic_blocks x batch_score_heads", 256, 0,
                       "states:ptr u:ptr offset:i64 slope:f64 rows:i32"});
  }
  auto flag = [](bool value) { return value ? "true" : "false"; };
  return makeKernels(
      kernels, std::string(R"({"version": 1, "op": "score",)") +
                   R"( "chip": "sm_90a", "dtype": "bf16",)" +
                   R"( "weight_dtype": ")" + weightDtype +
                   R"(", "features": 64, "score_heads": 3, "norm": ")" +
                   (timestep ? "timestep" : "none") + R"(", "statistics": )" +
                   flag(statistics) + R"(, "carry": )" + flag(carry) +
                   R"(, "rows_per_item": 32, "statistic_positions": 256)");
}

/// A row-major array.
inline SparsekDeviceArray makeArray(uint64_t address, SparsekDtype dtype,
                                    std::initializer_list<int64_t> shape) {
  SparsekDeviceArray array = {};
  array.data = address;
  array.dtype = dtype;
  array.rank = int32_t(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    array.shape[i] = shape.begin()[i];
    array.strides[i] = stride;
    stride *= array.shape[i];
  }
  return array;
}

/// Arguments that the kernel above accepts.
inline SparsekAttentionArguments
makeArguments(int64_t batch = 1, int64_t headsKV = 4, int64_t rows = 1000,
              int64_t keys = 3000, int64_t scoreHeads = 1) {
  SparsekAttentionArguments args = {};
  args.q = makeArray(0x1000, SPARSEK_BF16, {batch, 2 * headsKV, rows, 64});
  args.k = makeArray(0x2000, SPARSEK_BF16, {batch, headsKV, keys, 64});
  args.v = makeArray(0x3000, SPARSEK_BF16, {batch, headsKV, keys, 32});
  args.scores = makeArray(0x4000, SPARSEK_F32, {batch, scoreHeads, keys});
  args.tau = makeArray(0x5000, SPARSEK_F32, {batch, scoreHeads, keys});
  args.expiry = makeArray(0x6000, SPARSEK_I32, {batch, scoreHeads, keys});
  args.o = makeArray(0x7000, SPARSEK_BF16, {batch, 2 * headsKV, rows, 32});
  args.lse = makeArray(0x8000, SPARSEK_F32, {batch, 2 * headsKV, rows});
  args.topk = 300;
  args.window = 100;
  args.scale = 0.25;
  return args;
}

/// Arguments that the selection above accepts, without interior counts.
inline SparsekSelectionArguments
makeSelectionArguments(int64_t batch, int64_t scoreHeads, int64_t keys) {
  SparsekSelectionArguments args = {};
  args.scores = makeArray(0x4000, SPARSEK_F32, {batch, scoreHeads, keys});
  args.tau = makeArray(0x5000, SPARSEK_F32, {batch, scoreHeads, keys});
  args.expiry = makeArray(0x6000, SPARSEK_I32, {batch, scoreHeads, keys});
  args.topk = 300;
  args.window = 100;
  return args;
}

/// Arguments that the scores above accept, without statistics.
inline SparsekScoreArguments makeScoreArguments(int64_t batch, int64_t rows) {
  SparsekScoreArguments args = {};
  args.x = makeArray(0x1000, SPARSEK_BF16, {batch, rows, 64});
  args.weight = makeArray(0x2000, SPARSEK_BF16, {64, 3});
  args.scores = makeArray(0x3000, SPARSEK_F32, {batch, 3, rows});
  args.offset = 1000;
  args.slope = 0.5;
  return args;
}

/// Values as the fake driver writes parameters.
inline std::string toHex(std::initializer_list<uint64_t> values, int digits) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (uint64_t value : values)
    stream << ' ' << llvm::format_hex_no_prefix(value, digits);
  return text;
}

/// The text of an error; empty for success.
inline std::string getText(llvm::Error error) {
  return llvm::toString(std::move(error));
}
template <typename T> std::string getText(llvm::Expected<T> result) {
  return result ? std::string() : llvm::toString(result.takeError());
}

inline ::testing::AssertionResult contains(llvm::StringRef text,
                                           llvm::StringRef part) {
  if (text.contains(part))
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << part.str() << "' is not in:\n"
                                       << text.str();
}

/// A test with the fake driver, in its first state.
class FakeDriverTest : public ::testing::Test {
protected:
  void SetUp() override {
    setenv("SPARSEK_LIBCUDA", FAKE_CUDA_PATH, /*replace=*/1);
    fakeReset();
  }
};

} // namespace sparsek::cuda::test

#endif // SPARSEK_UNITTESTS_CUDARUNTIME_TESTSUPPORT_H
