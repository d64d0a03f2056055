//===- KernelCache.h - Compiled kernels on disk -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CUDARUNTIME_KERNELCACHE_H
#define SPARSEK_CUDARUNTIME_KERNELCACHE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>

namespace sparsek::cuda {

/// What the compiler makes: PTX or a cubin, and the launch record.
struct CompiledKernel {
  std::string image;
  std::string record;
};

/// One file per kernel, named by the hash of its key. A file holds its key and
/// a checksum, and is renamed into its place when it is complete: readers in
/// other processes see all of it or nothing, and a damaged file counts as
/// absent. Contents are never changed; any file may be deleted at any time. A
/// file's time of modification is when its kernel was last stored or found:
/// where all files take more than the limit, a store deletes those longest
/// unused.
class KernelCache {
public:
  static constexpr uint64_t kDefaultLimit = uint64_t(256) << 20;

  /// A cache in a folder, which the first store makes, of at most `limit`
  /// bytes.
  explicit KernelCache(std::string folder, uint64_t limit = kDefaultLimit)
      : folder(std::move(folder)), limit(limit) {}

  /// The cache of this user: SPARSEK_CACHE_DIR, $XDG_CACHE_HOME/sparsek or
  /// ~/.cache/sparsek, of at most SPARSEK_CACHE_SIZE MiB. Nothing where
  /// SPARSEK_CACHE_DIR is empty or there is no home.
  static std::optional<KernelCache> getDefault();

  llvm::StringRef getFolder() const { return folder; }
  uint64_t getLimit() const { return limit; }

  /// The file of a key, there or not.
  std::string getPath(llvm::StringRef key) const;

  /// The kernel of a key, or nothing.
  std::optional<CompiledKernel> load(llvm::StringRef key) const;

  /// Puts a kernel there, which stays even if it is larger than the limit. The
  /// error names the file.
  llvm::Error store(llvm::StringRef key, const CompiledKernel &kernel) const;

private:
  void prune(llvm::StringRef kept) const;

  std::string folder;
  uint64_t limit;
};

/// Identifies the code of this library (the build id that the linker gives the
/// file it is in): part of every key, so that another compiler finds none of
/// this one's kernels. Empty where the linker gave none.
llvm::StringRef getBuildId();

} // namespace sparsek::cuda

#endif // SPARSEK_CUDARUNTIME_KERNELCACHE_H
