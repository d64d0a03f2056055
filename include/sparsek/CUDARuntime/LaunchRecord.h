//===- LaunchRecord.h - How to launch a compiled kernel ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A compiled operation travels with a record in JSON, which the compiler writes
// and this library reads:
//
//   {"version": 1, "op": "gathered_attention", "chip": "sm_90a",
//    "dtype": "bf16", "head_dim": 128, "value_dim": 128, "group": 4,
//    "gate": "key_value", "sink": false, "packed": false,
//    "tile": {"rows": 128, "positions": 32, "head_block": 4, "keys": 128},
//    "kernels": [
//      {"name": "survivors", "threads": 256, "shared_bytes": 0,
//       "grid": "chunks x batch_score_heads",
//       "arguments": [{"name": "expiry", "type": "ptr"}, ...]},
//      {"name": "attention", "threads": 384, "shared_bytes": 205000,
//       "grid": "persistent", "blocks_per_sm": 1, "arguments": [...]}]}
//
// Each kernel takes the arguments that it names, in that order. Those of
// gathered attention and of scores ("score") are launched in their order; for
// the selection ("topk_mask") see Selection.h. A grid has one or two factors,
// for x and y.

#ifndef SPARSEK_CUDARUNTIME_LAUNCHRECORD_H
#define SPARSEK_CUDARUNTIME_LAUNCHRECORD_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace sparsek::cuda {

enum class ArgumentType { Pointer, I32, I64, F32, F64 };

/// Every value that a kernel may name: enumerator, name in the record, type.
/// Strides count elements.
#define SPARSEK_KERNEL_ARGUMENTS(X)                                            \
  X(Q, "q", Pointer)                                                           \
  X(K, "k", Pointer)                                                           \
  X(V, "v", Pointer)                                                           \
  X(U, "u", Pointer)                                                           \
  X(Tau, "tau", Pointer)                                                       \
  X(Expiry, "expiry", Pointer)                                                 \
  X(Sink, "sink", Pointer)                                                     \
  X(O, "o", Pointer)                                                           \
  X(Lse, "lse", Pointer)                                                       \
  X(CuSeqlens, "cu_seqlens", Pointer)                                          \
  X(Documents, "documents", Pointer)                                           \
  X(Table, "table", Pointer)                                                   \
  X(Counts, "counts", Pointer)                                                 \
  X(Interior, "interior", Pointer)                                             \
  X(Codes, "codes", Pointer)                                                   \
  X(CodesFrom, "codes_from", Pointer)                                          \
  X(CodesTo, "codes_to", Pointer)                                              \
  X(Order, "order", Pointer)                                                   \
  X(OrderFrom, "order_from", Pointer)                                          \
  X(OrderTo, "order_to", Pointer)                                              \
  X(Ranks, "ranks", Pointer)                                                   \
  X(Thetas, "thetas", Pointer)                                                 \
  X(ThetaCounts, "theta_counts", Pointer)                                      \
  X(Counts0, "counts0", Pointer)                                               \
  X(Counts1, "counts1", Pointer)                                               \
  X(Sums0, "sums0", Pointer)                                                   \
  X(Sums1, "sums1", Pointer)                                                   \
  X(DigitCounts, "digit_counts", Pointer)                                      \
  X(BucketCounts, "bucket_counts", Pointer)                                    \
  X(BucketSums, "bucket_sums", Pointer)                                        \
  X(Bounds, "bounds", Pointer)                                                 \
  X(BoundSums, "bound_sums", Pointer)                                          \
  X(TileCounts, "tile_counts", Pointer)                                        \
  X(TileSums, "tile_sums", Pointer)                                            \
  X(Features, "x", Pointer)                                                    \
  X(Weight, "weight", Pointer)                                                 \
  X(Statistics, "statistics", Pointer)                                         \
  X(Carried, "carried", Pointer)                                               \
  X(BlockStatistics, "block_statistics", Pointer)                              \
  X(States, "states", Pointer)                                                 \
  X(QB, "q_b", I64)                                                            \
  X(QH, "q_h", I64)                                                            \
  X(QM, "q_m", I64)                                                            \
  X(KB, "k_b", I64)                                                            \
  X(KH, "k_h", I64)                                                            \
  X(KN, "k_n", I64)                                                            \
  X(VB, "v_b", I64)                                                            \
  X(VH, "v_h", I64)                                                            \
  X(VN, "v_n", I64)                                                            \
  X(UB, "u_b", I64)                                                            \
  X(UH, "u_h", I64)                                                            \
  X(TauB, "tau_b", I64)                                                        \
  X(TauH, "tau_h", I64)                                                        \
  X(ExpiryB, "expiry_b", I64)                                                  \
  X(ExpiryH, "expiry_h", I64)                                                  \
  X(InteriorB, "interior_b", I64)                                              \
  X(InteriorH, "interior_h", I64)                                              \
  X(OB, "o_b", I64)                                                            \
  X(OH, "o_h", I64)                                                            \
  X(OM, "o_m", I64)                                                            \
  X(LseB, "lse_b", I64)                                                        \
  X(LseH, "lse_h", I64)                                                        \
  X(XB, "x_b", I64)                                                            \
  X(XN, "x_n", I64)                                                            \
  X(WeightC, "weight_c", I64)                                                  \
  X(WeightH, "weight_h", I64)                                                  \
  X(StatisticsB, "statistics_b", I64)                                          \
  X(StatisticsH, "statistics_h", I64)                                          \
  X(CarriedB, "carried_b", I64)                                                \
  X(CarriedH, "carried_h", I64)                                                \
  X(Offset, "offset", I64)                                                     \
  X(Batch, "batch", I32)                                                       \
  X(HeadsKV, "heads_kv", I32)                                                  \
  X(ScoreHeads, "score_heads", I32)                                            \
  X(Rows, "rows", I32)                                                         \
  X(Keys, "keys", I32)                                                         \
  X(Window, "window", I32)                                                     \
  X(ChunkLog2, "chunk_log2", I32)                                              \
  X(Chunks, "chunks", I32)                                                     \
  X(Capacity, "capacity", I32)                                                 \
  X(Tiles, "tiles", I32)                                                       \
  X(Items, "items", I32)                                                       \
  X(Together, "together", I32)                                                 \
  X(Sequences, "sequences", I32)                                               \
  X(ScoreRows, "score_rows", I32)                                              \
  X(RowStride, "row_stride", I32)                                              \
  X(Topk, "topk", I32)                                                         \
  X(ListLog2, "list_log2", I32)                                                \
  X(Shift, "shift", I32)                                                       \
  X(BucketLog2, "bucket_log2", I32)                                            \
  X(Boundaries, "boundaries", I32)                                             \
  X(Buckets, "buckets", I32)                                                   \
  X(TableLog2, "table_log2", I32)                                              \
  X(RowTiles, "row_tiles", I32)                                                \
  X(StatisticBlocks, "statistic_blocks", I32)                                  \
  X(ScaleLog2, "scale_log2", F32)                                              \
  X(Slope, "slope", F64)

enum class Argument : uint8_t {
#define SPARSEK_ARGUMENT_ENUMERATOR(id, name, type) id,
  SPARSEK_KERNEL_ARGUMENTS(SPARSEK_ARGUMENT_ENUMERATOR)
#undef SPARSEK_ARGUMENT_ENUMERATOR
};
#define SPARSEK_ARGUMENT_COUNT(id, name, type) +1
constexpr size_t kNumArguments =
    0 SPARSEK_KERNEL_ARGUMENTS(SPARSEK_ARGUMENT_COUNT);
#undef SPARSEK_ARGUMENT_COUNT

llvm::StringRef getName(Argument argument);
ArgumentType getType(Argument argument);

/// What the blocks of a grid are counted by: enumerator, name in the record.
#define SPARSEK_GRID_FACTORS(X)                                                \
  /* As many blocks as run at once, at most one per item. */                   \
  X(Persistent, "persistent")                                                  \
  X(Items, "items")                                                            \
  X(BatchScoreHeads, "batch_score_heads")                                      \
  X(Chunks, "chunks")                                                          \
  /* One thread per key. */                                                    \
  X(KeyBlocks, "key_blocks")                                                   \
  X(SortTiles, "sort_tiles")                                                   \
  X(RadixTiles, "radix_tiles")                                                 \
  X(TableBlocks, "table_blocks")                                               \
  /* One warp per boundary. */                                                 \
  X(BoundaryBlocks, "boundary_blocks")                                         \
  X(ScanTiles, "scan_tiles")                                                   \
  X(StatisticBlocks, "statistic_blocks")

enum class GridFactor : uint8_t {
#define SPARSEK_GRID_ENUMERATOR(id, name) id,
  SPARSEK_GRID_FACTORS(SPARSEK_GRID_ENUMERATOR)
#undef SPARSEK_GRID_ENUMERATOR
};
#define SPARSEK_GRID_COUNT(id, name) +1
constexpr size_t kNumGridFactors = 0 SPARSEK_GRID_FACTORS(SPARSEK_GRID_COUNT);
#undef SPARSEK_GRID_COUNT

llvm::StringRef getName(GridFactor factor);

struct KernelRecord {
  std::string name;
  int64_t threads = 0;
  int64_t sharedBytes = 0;
  /// One or two.
  llvm::SmallVector<GridFactor, 2> grid;
  int64_t blocksPerSM = 1;
  llvm::SmallVector<Argument> arguments;
  /// Waits for the kernels before it by itself: it may be launched before they
  /// have ended, as their programmatic dependent.
  bool waits = false;
};

/// What is compiled into gathered attention.
struct AttentionRecord {
  static constexpr llvm::StringLiteral kOp = "gathered_attention";

  std::string dtype;
  std::string gate;
  int64_t headDim = 0;
  int64_t valueDim = 0;
  /// Query heads per KV head.
  int64_t group = 0;
  bool sink = false;
  bool packed = false;
  /// A work item covers this many query positions of this many heads.
  int64_t tilePositions = 0;
  int64_t tileHeads = 0;
};

/// What is compiled into the selection. Kernels go by their place in the
/// record.
struct SelectionRecord {
  static constexpr llvm::StringLiteral kOp = "topk_mask";

  /// Kernels that are compiled for up to so many keys.
  struct Size {
    int64_t maxKeys = 0;
    /// Positions from one boundary to the next, a power of two.
    int64_t chunk = 0;
    /// Most buckets of ranks.
    int64_t buckets = 0;
    size_t boundaries = 0;
    size_t thresholds = 0;
  };

  bool packed = false;
  /// Rows up to so many keys are merged from sorted tiles, longer ones sorted
  /// digit by digit.
  int64_t maxMergedKeys = 0;
  /// Positions that one block sorts, in the one case and the other.
  int64_t sortTileLog2 = 0;
  int64_t radixTileLog2 = 0;
  /// Ranks that one block sums up.
  int64_t scanTileLog2 = 0;
  /// Words of shared memory that a block counts in, four for each boundary and
  /// bucket.
  int64_t tableWords = 0;
  /// By `maxKeys`, at least one.
  std::vector<Size> sizes;
  /// With packed documents.
  size_t documents = 0;
  size_t sortTiles = 0;
  size_t mergeLists = 0;
  /// Of the first pass, then of the others.
  std::array<size_t, 2> count = {};
  std::array<size_t, 2> scatter = {};
  size_t rankTable = 0;
  size_t rankScan = 0;
  size_t expiries = 0;
};

/// What is compiled into scores.
struct ScoreRecord {
  static constexpr llvm::StringLiteral kOp = "score";

  std::string dtype;
  std::string weightDtype;
  int64_t features = 0;
  int64_t scoreHeads = 0;
  /// Whether scores are normalised by those before them, and statistics of
  /// those are taken and returned.
  bool timestep = false;
  bool statistics = false;
  bool carry = false;
  /// Rows of a work item.
  int64_t rowsPerItem = 0;
  /// Positions that get statistics of their own, a power of two.
  int64_t statisticPositions = 0;
};

struct LaunchRecord {
  std::string chip;
  std::vector<KernelRecord> kernels;
  /// What only kernels of this operation have.
  std::variant<AttentionRecord, SelectionRecord, ScoreRecord> operation;

  /// Reads and checks a record. The error names the field.
  static llvm::Expected<LaunchRecord> parse(llvm::StringRef json);

  /// Whether a kernel takes `argument`.
  bool uses(Argument argument) const;

  /// The name of the operation.
  llvm::StringRef getOp() const;

  /// The record of one operation. The error says which one the kernels
  /// compute.
  template <typename T> llvm::Expected<const T *> getAs() const {
    if (const T *record = std::get_if<T>(&operation))
      return record;
    return llvm::createStringError("this kernel computes '" +
                                   llvm::Twine(getOp()) + "', not '" + T::kOp +
                                   "'");
  }
};

} // namespace sparsek::cuda

#endif // SPARSEK_CUDARUNTIME_LAUNCHRECORD_H
