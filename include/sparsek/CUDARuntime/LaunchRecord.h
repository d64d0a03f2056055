//===- LaunchRecord.h - How to launch a compiled kernel ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A compiled attention travels with a record in JSON, which the compiler writes
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
// Kernels are launched in their order. Each takes the arguments that it names,
// in that order.

#ifndef SPARSEK_CUDARUNTIME_LAUNCHRECORD_H
#define SPARSEK_CUDARUNTIME_LAUNCHRECORD_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace sparsek::cuda {

enum class ArgumentType { Pointer, I32, I64, F32 };

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
  X(Documents, "documents", Pointer)                                                \
  X(Table, "table", Pointer)                                                   \
  X(Counts, "counts", Pointer)                                                 \
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
  X(OB, "o_b", I64)                                                            \
  X(OH, "o_h", I64)                                                            \
  X(OM, "o_m", I64)                                                            \
  X(LseB, "lse_b", I64)                                                        \
  X(LseH, "lse_h", I64)                                                        \
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
  X(ScaleLog2, "scale_log2", F32)

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

enum class Grid {
  /// "persistent": as many blocks as run at once, at most one per item.
  Persistent,
  /// "items": one block per item.
  Items,
  /// "chunks x batch_score_heads".
  Chunks,
  /// "key_blocks": one thread per key.
  KeyBlocks,
};

struct KernelRecord {
  std::string name;
  int64_t threads = 0;
  int64_t sharedBytes = 0;
  Grid grid = Grid::Persistent;
  int64_t blocksPerSM = 1;
  llvm::SmallVector<Argument> arguments;
};

struct LaunchRecord {
  std::string chip;
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
  std::vector<KernelRecord> kernels;

  /// Reads and checks a record. The error names the field.
  static llvm::Expected<LaunchRecord> parse(llvm::StringRef json);

  /// Whether a kernel takes `argument`.
  bool uses(Argument argument) const;
};

} // namespace sparsek::cuda

#endif // SPARSEK_CUDARUNTIME_LAUNCHRECORD_H
