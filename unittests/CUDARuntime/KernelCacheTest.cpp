//===- KernelCacheTest.cpp - Compiled kernels on disk ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/KernelCache.h"
#include "TestSupport.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <unistd.h>

using namespace sparsek::cuda;
using namespace sparsek::cuda::test;
namespace fs = llvm::sys::fs;

namespace {
class KernelCacheTest : public ::testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(fs::createUniqueDirectory("sparsek-cache", folder));
  }
  void TearDown() override { fs::remove_directories(folder); }

  KernelCache getCache() const { return KernelCache(folder.str().str()); }
  std::string read(const std::string &path) const {
    return llvm::cantFail(
               llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(path)))
        ->getBuffer()
        .str();
  }
  void write(const std::string &path, llvm::StringRef content) const {
    std::error_code error;
    llvm::raw_fd_ostream stream(path, error);
    ASSERT_FALSE(error);
    stream << content;
  }

  llvm::SmallString<128> folder;
};
} // namespace

/// With every byte value, zero included.
static std::string makeBytes(size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i)
    bytes += char(i * 7 + i / 256);
  return bytes;
}

TEST_F(KernelCacheTest, ComesBack) {
  KernelCache cache = getCache();
  EXPECT_EQ(cache.load("key"), std::nullopt);
  CompiledKernel kernel{makeBytes(5000), "{\"a\": 1}"};
  ASSERT_EQ(getText(cache.store("key", kernel)), "");
  std::optional<CompiledKernel> loaded = cache.load("key");
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->image, kernel.image);
  EXPECT_EQ(loaded->record, kernel.record);
  EXPECT_FALSE(cache.load("other key").has_value());
  // A later store replaces it.
  ASSERT_EQ(getText(cache.store("key", {"new", ""})), "");
  EXPECT_EQ(cache.load("key")->image, "new");
}

TEST_F(KernelCacheTest, DamagedFilesCountAsAbsent) {
  KernelCache cache = getCache();
  ASSERT_EQ(getText(cache.store("key", {makeBytes(300), "record"})), "");
  std::string path = cache.getPath("key"), content = read(path);
  for (size_t size = 0; size < content.size(); ++size) {
    write(path, llvm::StringRef(content).take_front(size));
    EXPECT_FALSE(cache.load("key").has_value()) << size;
  }
  for (size_t at = 0; at < content.size(); ++at) {
    std::string changed = content;
    changed[at] ^= 1;
    write(path, changed);
    EXPECT_FALSE(cache.load("key").has_value()) << at;
  }
  write(path, content + "x");
  EXPECT_FALSE(cache.load("key").has_value());
  write(path, content);
  EXPECT_TRUE(cache.load("key").has_value());
}

TEST_F(KernelCacheTest, AFileOfAnotherKeyIsRefused) {
  KernelCache cache = getCache();
  ASSERT_EQ(getText(cache.store("key", {"image", "record"})), "");
  ASSERT_FALSE(fs::copy_file(cache.getPath("key"), cache.getPath("other")));
  EXPECT_FALSE(cache.load("other").has_value());
}

TEST_F(KernelCacheTest, FoldersThatCannotBeMade) {
  std::string file = (folder + "/file").str();
  write(file, "");
  KernelCache cache(file);
  std::string message = getText(cache.store("key", {"image", "record"}));
  EXPECT_TRUE(contains(message, "cannot write the cached kernel " + file));
  EXPECT_FALSE(cache.load("key").has_value());
}

TEST_F(KernelCacheTest, NothingIsLeftBehind) {
  KernelCache cache = getCache();
  ASSERT_EQ(getText(cache.store("key", {"image", "record"})), "");
  // A folder in the place of the file: the rename fails.
  ASSERT_FALSE(fs::create_directories(cache.getPath("other") + "/x"));
  EXPECT_NE(getText(cache.store("other", {"image", "record"})), "");
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end;
       it != end && !error; it.increment(error))
    EXPECT_FALSE(llvm::StringRef(it->path()).ends_with(".tmp")) << it->path();
}

TEST_F(KernelCacheTest, ReadersSeeAllOrNothing) {
  KernelCache cache = getCache();
  const CompiledKernel kernels[] = {{std::string(100000, 'a'), "a"},
                                    {std::string(200000, 'b'), "b"}};
  std::atomic<bool> stop = false;
  std::atomic<int> found = 0;
  std::vector<std::thread> threads;
  for (const CompiledKernel &kernel : kernels)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i)
        EXPECT_EQ(getText(cache.store("key", kernel)), "");
    });
  std::thread reader([&] {
    while (!stop)
      if (std::optional<CompiledKernel> kernel = cache.load("key")) {
        ++found;
        const CompiledKernel &want = kernels[kernel->record == "b"];
        EXPECT_TRUE(kernel->image == want.image);
      } else {
        EXPECT_EQ(found, 0); // Once there, it stays.
      }
  });
  for (std::thread &thread : threads)
    thread.join();
  stop = true;
  reader.join();
  EXPECT_TRUE(cache.load("key").has_value());
}

//===----------------------------------------------------------------------===//
// The limit
//===----------------------------------------------------------------------===//

namespace {
class KernelCacheLimitTest : public KernelCacheTest {
protected:
  /// Says when the kernel of a key was last used.
  void setAge(const KernelCache &cache, llvm::StringRef key, int hours) const {
    setAge(cache.getPath(key), hours);
  }
  void setAge(const std::string &path, int hours) const {
    int descriptor;
    ASSERT_FALSE(fs::openFileForReadWrite(path, descriptor, fs::CD_OpenExisting,
                                          fs::OF_None));
    EXPECT_FALSE(fs::setLastAccessAndModificationTime(
        descriptor,
        std::chrono::system_clock::now() - std::chrono::hours(hours)));
    close(descriptor);
  }

  const CompiledKernel kernel{std::string(1000, 'k'), "record"};
};
} // namespace

TEST_F(KernelCacheLimitTest, TheLongestUnusedGo) {
  // Three files fit, four do not.
  KernelCache cache(folder.str().str(), 3500);
  for (auto [key, age] : {std::pair("a", 3), {"b", 5}, {"c", 4}}) {
    ASSERT_EQ(getText(cache.store(key, kernel)), "");
    setAge(cache, key, age);
  }
  EXPECT_TRUE(cache.load("b").has_value()); // Is now the last used.
  ASSERT_EQ(getText(cache.store("d", kernel)), "");
  EXPECT_FALSE(cache.load("c").has_value());
  for (const char *key : {"a", "b", "d"})
    EXPECT_TRUE(cache.load(key).has_value()) << key;
}

TEST_F(KernelCacheLimitTest, WhatIsStoredStays) {
  KernelCache cache(folder.str().str(), 10);
  ASSERT_EQ(getText(cache.store("a", kernel)), "");
  EXPECT_TRUE(cache.load("a").has_value());
  ASSERT_EQ(getText(cache.store("b", kernel)), "");
  EXPECT_FALSE(cache.load("a").has_value());
  EXPECT_TRUE(cache.load("b").has_value());
}

TEST_F(KernelCacheLimitTest, AbandonedFilesGoAndOthersStay) {
  KernelCache cache = getCache();
  ASSERT_EQ(getText(cache.store("a", kernel)), "");
  std::string path = cache.getPath("a");
  std::string stale = path + ".stale.tmp", fresh = path + ".fresh.tmp";
  std::string foreign = path + ".txt";
  for (const std::string &file : {stale, fresh, foreign})
    write(file, "half of a kernel");
  setAge(stale, 2);
  setAge(foreign, 2);
  ASSERT_EQ(getText(cache.store("b", kernel)), "");
  EXPECT_FALSE(fs::exists(stale));
  EXPECT_TRUE(fs::exists(fresh));
  EXPECT_TRUE(fs::exists(foreign));
}

TEST_F(KernelCacheLimitTest, ManyWriters) {
  KernelCache cache(folder.str().str(), 20000);
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 4; ++writer)
    threads.emplace_back([&, writer] {
      for (int i = 0; i < 50; ++i) {
        std::string key = std::to_string(writer) + "/" + std::to_string(i);
        EXPECT_EQ(getText(cache.store(key, kernel)), "");
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  ASSERT_EQ(getText(cache.store("last", kernel)), "");
  uint64_t total = 0, size;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end;
       it != end && !error; it.increment(error))
    if (llvm::StringRef(it->path()).ends_with(".kernel") &&
        !fs::file_size(it->path(), size))
      total += size;
  EXPECT_LE(total, 20000u);
  EXPECT_GT(total, 10000u);
}

TEST_F(KernelCacheLimitTest, FromTheEnvironment) {
  auto limit = [](const char *text) {
    text ? setenv("SPARSEK_CACHE_SIZE", text, 1)
         : unsetenv("SPARSEK_CACHE_SIZE");
    setenv("SPARSEK_CACHE_DIR", "/a", 1);
    return KernelCache::getDefault()->getLimit();
  };
  EXPECT_EQ(limit("3"), 3u << 20);
  EXPECT_EQ(limit("0"), 0u);
  for (const char *text : {"", "much", "-1", "99999999999999999999"})
    EXPECT_EQ(limit(text), KernelCache::kDefaultLimit) << text;
  EXPECT_EQ(limit(nullptr), KernelCache::kDefaultLimit);
}

TEST(KernelCacheFolder, FromTheEnvironment) {
  auto folder = [](const char *named, const char *xdg, const char *home) {
    auto set = [](const char *name, const char *value) {
      value ? setenv(name, value, 1) : unsetenv(name);
    };
    set("SPARSEK_CACHE_DIR", named);
    set("XDG_CACHE_HOME", xdg);
    set("HOME", home);
    std::optional<KernelCache> cache = KernelCache::getDefault();
    return cache ? cache->getFolder().str() : "none";
  };
  EXPECT_EQ(folder("/a", "/b", "/c"), "/a");
  EXPECT_EQ(folder(nullptr, "/b", "/c"), "/b/sparsek");
  EXPECT_EQ(folder(nullptr, "", "/c"), "/c/.cache/sparsek");
  EXPECT_EQ(folder(nullptr, nullptr, nullptr), "none");
  EXPECT_EQ(folder("", "/b", "/c"), "none");
}

TEST(BuildId, IsThere) {
  EXPECT_GE(getBuildId().size(), 16u);
  EXPECT_EQ(getBuildId().find_first_not_of("0123456789abcdef"),
            llvm::StringRef::npos);
}
