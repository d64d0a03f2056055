//===- KernelCache.cpp - Compiled kernels on disk -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/KernelCache.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cstdlib>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <vector>

using namespace sparsek::cuda;
using llvm::ArrayRef;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

//===----------------------------------------------------------------------===//
// Format
//===----------------------------------------------------------------------===//

// magic (8 bytes), sizes of key, record and image (8 bytes each, little
// endian), SHA-256 of the rest (32 bytes), key, record, image.
static constexpr StringRef kMagic = "SPARSEK1";
static constexpr size_t kNumParts = 3;
static constexpr size_t kDigestOffset = 8 + 8 * kNumParts;
static constexpr size_t kHeaderSize = kDigestOffset + 32;

static std::array<uint8_t, 32> hash(StringRef text) {
  return llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
}

static std::string serialize(StringRef key, const CompiledKernel &kernel) {
  std::string content;
  content.reserve(kHeaderSize + key.size() + kernel.record.size() +
                  kernel.image.size());
  content += kMagic;
  for (size_t size : {key.size(), kernel.record.size(), kernel.image.size()}) {
    char bytes[8];
    llvm::support::endian::write64le(bytes, size);
    content.append(bytes, sizeof(bytes));
  }
  std::string rest = (Twine(key) + kernel.record + kernel.image).str();
  std::array<uint8_t, 32> digest = hash(rest);
  content.append(digest.begin(), digest.end());
  return content + rest;
}

static std::optional<CompiledKernel> deserialize(StringRef content,
                                                 StringRef key) {
  if (content.size() < kHeaderSize || !content.starts_with(kMagic))
    return std::nullopt;
  uint64_t sizes[kNumParts], left = content.size() - kHeaderSize;
  for (size_t i = 0; i < kNumParts; ++i) {
    sizes[i] = llvm::support::endian::read64le(content.data() + 8 + 8 * i);
    if (sizes[i] > left)
      return std::nullopt;
    left -= sizes[i];
  }
  StringRef rest = content.drop_front(kHeaderSize);
  std::array<uint8_t, 32> digest = hash(rest);
  if (left != 0 || rest.take_front(sizes[0]) != key ||
      content.slice(kDigestOffset, kHeaderSize) !=
          llvm::toStringRef(ArrayRef<uint8_t>(digest)))
    return std::nullopt;
  return CompiledKernel{rest.substr(sizes[0] + sizes[1]).str(),
                        rest.substr(sizes[0], sizes[1]).str()};
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// The limit that the user has set; what is no number counts as not set.
static uint64_t getLimitFromEnvironment() {
  const char *text = std::getenv("SPARSEK_CACHE_SIZE");
  uint64_t size;
  if (!text || StringRef(text).getAsInteger(10, size) ||
      size > UINT64_MAX >> 20)
    return KernelCache::kDefaultLimit;
  return size << 20;
}

std::optional<KernelCache> KernelCache::getDefault() {
  uint64_t limit = getLimitFromEnvironment();
  if (const char *named = std::getenv("SPARSEK_CACHE_DIR")) {
    if (!*named)
      return std::nullopt;
    return KernelCache(named, limit);
  }
  llvm::SmallString<128> folder;
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
    folder = cache;
  else if (const char *home = std::getenv("HOME"); home && *home)
    path::append(folder, home, ".cache");
  else
    return std::nullopt;
  path::append(folder, "sparsek");
  return KernelCache(folder.str().str(), limit);
}

std::string KernelCache::getPath(StringRef key) const {
  std::array<uint8_t, 32> digest = hash(key);
  llvm::SmallString<128> file(folder);
  path::append(file, "kernels",
               llvm::toHex(ArrayRef<uint8_t>(digest), /*LowerCase=*/true) +
                   ".kernel");
  return file.str().str();
}

std::optional<CompiledKernel> KernelCache::load(StringRef key) const {
  std::string file = getPath(key);
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return std::nullopt;
  std::optional<CompiledKernel> kernel =
      deserialize((*buffer)->getBuffer(), key);
  // Used now. Fails where the folder is read-only, and then nobody prunes it.
  if (kernel)
    utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
  return kernel;
}

/// Other processes may store, find and delete at the same time: a file that is
/// gone is as good as deleted here, and one that was found since it was looked
/// at is compiled again.
void KernelCache::prune(StringRef kept) const {
  struct Entry {
    std::string path;
    fs::file_status status;
  };
  std::vector<Entry> entries;
  uint64_t total = 0;
  auto abandoned = std::chrono::system_clock::now() - std::chrono::hours(1);
  std::error_code error;
  for (fs::directory_iterator it(path::parent_path(kept), error), end;
       it != end && !error; it.increment(error)) {
    fs::file_status status;
    if (fs::status(it->path(), status) ||
        status.type() != fs::file_type::regular_file)
      continue;
    StringRef extension = path::extension(it->path());
    // What a process left that ended while it wrote.
    if (extension == ".tmp" && status.getLastModificationTime() < abandoned)
      fs::remove(it->path());
    if (extension != ".kernel")
      continue;
    total += status.getSize();
    if (it->path() != kept)
      entries.push_back({it->path(), status});
  }
  llvm::sort(entries, [](const Entry &a, const Entry &b) {
    return a.status.getLastModificationTime() <
           b.status.getLastModificationTime();
  });
  for (const Entry &entry : entries) {
    if (total <= limit)
      return;
    fs::remove(entry.path);
    total -= entry.status.getSize();
  }
}

Error KernelCache::store(StringRef key, const CompiledKernel &kernel) const {
  std::string target = getPath(key);
  auto fail = [&](std::error_code error) {
    return llvm::createStringError("cannot write the cached kernel " +
                                   Twine(target) + ": " + error.message());
  };
  if (std::error_code error = fs::create_directories(path::parent_path(target)))
    return fail(error);
  int descriptor;
  llvm::SmallString<128> temporary;
  if (std::error_code error = fs::createUniqueFile(target + ".%%%%%%%%%%%%.tmp",
                                                   descriptor, temporary))
    return fail(error);
  llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
  stream << serialize(key, kernel);
  stream.close();
  std::error_code error = stream.error();
  stream.clear_error();
  if (!error)
    error = fs::rename(temporary, target);
  if (error) {
    fs::remove(temporary);
    return fail(error);
  }
  prune(target);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Build id
//===----------------------------------------------------------------------===//

namespace {
struct BuildIdSearch {
  uintptr_t address;
  std::string result;
};
} // namespace

/// Looks for the build id of the loaded file that holds an address.
static int findBuildId(dl_phdr_info *info, size_t, void *data) {
  auto &search = *static_cast<BuildIdSearch *>(data);
  ArrayRef headers(info->dlpi_phdr, info->dlpi_phnum);
  bool holds = llvm::any_of(headers, [&](const ElfW(Phdr) & header) {
    uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    return header.p_type == PT_LOAD && search.address >= begin &&
           search.address < begin + header.p_memsz;
  });
  if (!holds)
    return 0;
  for (const ElfW(Phdr) &header : headers) {
    if (header.p_type != PT_NOTE)
      continue;
    const char *note =
        reinterpret_cast<const char *>(info->dlpi_addr + header.p_vaddr);
    const char *end = note + header.p_memsz;
    while (note + sizeof(ElfW(Nhdr)) <= end) {
      auto *head = reinterpret_cast<const ElfW(Nhdr) *>(note);
      const char *name = note + sizeof(*head);
      const char *content = name + llvm::alignTo(head->n_namesz, 4);
      if (head->n_type == NT_GNU_BUILD_ID &&
          StringRef(name, head->n_namesz) == StringRef("GNU", 4))
        search.result =
            llvm::toHex(StringRef(content, head->n_descsz), /*LowerCase=*/true);
      note = content + llvm::alignTo(head->n_descsz, 4);
    }
  }
  return 1;
}

StringRef sparsek::cuda::getBuildId() {
  static const std::string *id = [] {
    BuildIdSearch search{reinterpret_cast<uintptr_t>(&getBuildId), {}};
    dl_iterate_phdr(findBuildId, &search);
    return new std::string(std::move(search.result));
  }();
  return *id;
}
