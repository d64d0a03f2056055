//===- SessionTest.cpp - What compiled host code finds on a GPU -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/Session.h"

#include "TestSupport.h"

#include <csetjmp>
#include <cstring>
#include <string>

using namespace sparsek::cuda;
using namespace sparsek::cuda::test;

namespace {

jmp_buf target;
std::string reason;

[[noreturn]] void leave(const char *message) {
  reason = message;
  longjmp(target, 1);
}

template <typename F> F *find(llvm::StringRef name) {
  for (const HostFunction &function : getHostFunctions())
    if (function.name == name)
      return reinterpret_cast<F *>(function.address);
  ADD_FAILURE() << "there is no " << name.str();
  return nullptr;
}

uint64_t getAddress(const void *pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

class SessionTest : public FakeDriverTest {
protected:
  std::unique_ptr<Session> open(int device = 0) {
    auto session = Session::open(device, leave);
    EXPECT_EQ(getText(session.takeError()), "");
    return std::move(*session);
  }
};

TEST_F(SessionTest, IsCurrentWhileItLives) {
  EXPECT_EQ(Session::getCurrent(), nullptr);
  {
    std::unique_ptr<Session> outer = open(0);
    EXPECT_EQ(Session::getCurrent(), outer.get());
    EXPECT_EQ(fakeGetCurrent(), fakePrimaryContext(0));
    {
      std::unique_ptr<Session> inner = open(1);
      EXPECT_EQ(Session::getCurrent(), inner.get());
      EXPECT_EQ(fakeGetCurrent(), fakePrimaryContext(1));
    }
    EXPECT_EQ(Session::getCurrent(), outer.get());
    EXPECT_EQ(fakeGetCurrent(), fakePrimaryContext(0));
  }
  EXPECT_EQ(Session::getCurrent(), nullptr);
  EXPECT_EQ(fakeGetCurrent(), nullptr);
}

TEST_F(SessionTest, FreesWhatIsLeft) {
  std::unique_ptr<Session> session = open();
  llvm::Expected<uint64_t> first = session->allocate(100);
  llvm::Expected<uint64_t> second = session->allocate(0);
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second);
  EXPECT_EQ(fakeCountAllocations(), 2);
  EXPECT_EQ(getText(session->release(*first)), "");
  EXPECT_TRUE(contains(getText(session->release(*first)),
                       "is not allocated on the device"));
  EXPECT_EQ(getText(session->release(0)), "");
  EXPECT_EQ(fakeCountAllocations(), 1);
  session.reset();
  EXPECT_EQ(fakeCountAllocations(), 0);
}

TEST_F(SessionTest, ReusesTheWorkspace) {
  std::unique_ptr<Session> session = open();
  llvm::Expected<uint64_t> large = session->getWorkspace(1000);
  llvm::Expected<uint64_t> small = session->getWorkspace(10);
  llvm::Expected<uint64_t> larger = session->getWorkspace(1001);
  ASSERT_TRUE(large && small && larger);
  EXPECT_EQ(*large, *small);
  // The first may be in use by what was launched.
  EXPECT_NE(*large, *larger);
  EXPECT_EQ(fakeCountAllocations(), 2);
}

TEST_F(SessionTest, CopiesInTheOrderOfTheStream) {
  std::unique_ptr<Session> session = open();
  const char text[] = "from the host";
  char back[sizeof(text)] = {};
  llvm::Expected<uint64_t> address = session->allocate(sizeof(text));
  ASSERT_TRUE(bool(address));
  EXPECT_EQ(getText(session->copy(*address, getAddress(text), sizeof(text))),
            "");
  EXPECT_EQ(getText(session->copy(getAddress(back), *address, sizeof(text))),
            "");
  EXPECT_EQ(getText(session->copy(0, 0, 0)), "");
  EXPECT_EQ(getText(session->synchronize()), "");
  EXPECT_STREQ(back, text);
}

TEST_F(SessionTest, NamesWhatFailed) {
  std::unique_ptr<Session> session = open();
  fakeFail("cuMemAlloc_v2", 2);
  EXPECT_EQ(getText(session->allocate(77)),
            "cuMemAlloc of 77 bytes failed with CUDA_ERROR_OUT_OF_MEMORY (text "
            "of the code)");
  session.reset();
  fakeFail("cuStreamCreate", 1);
  EXPECT_TRUE(contains(getText(Session::open(0, leave)),
                       "cuStreamCreate failed with CUDA_ERROR_INVALID_VALUE"));
  EXPECT_EQ(Session::getCurrent(), nullptr);
  EXPECT_TRUE(contains(getText(Session::open(5, leave)),
                       "there is no CUDA device 5, the driver shows 2"));
}

//===----------------------------------------------------------------------===//
// What compiled code calls
//===----------------------------------------------------------------------===//

TEST_F(SessionTest, CompiledCodeHasOneStream) {
  std::unique_ptr<Session> session = open();
  auto *create = find<Stream()>("mgpuStreamCreate");
  EXPECT_EQ(create(), session->getStream());
  EXPECT_EQ(create(), session->getStream());
  fakeClearLog();
  find<void(Stream)>("mgpuStreamDestroy")(session->getStream());
  EXPECT_STREQ(fakeGetLog(), "");
  find<void(Stream)>("mgpuStreamSynchronize")(session->getStream());
  EXPECT_STREQ(fakeGetLog(), "cuStreamSynchronize\n");
}

TEST_F(SessionTest, CompiledCodeAllocates) {
  std::unique_ptr<Session> session = open();
  Stream stream = session->getStream();
  void *memory =
      find<void *(uint64_t, Stream, bool)>("mgpuMemAlloc")(8, stream, false);
  double value = 2.5, back = 0;
  auto *copy = find<void(void *, void *, size_t, Stream)>("mgpuMemcpy");
  copy(memory, &value, 8, stream);
  copy(&back, memory, 8, stream);
  EXPECT_EQ(back, 2.5);
  EXPECT_EQ(fakeCountAllocations(), 1);
  find<void(void *, Stream)>("mgpuMemFree")(memory, stream);
  EXPECT_EQ(fakeCountAllocations(), 0);
}

/// PTX of one kernel with a 64-bit and a 32-bit parameter.
const char kText[] =
    ".visible .entry f(.param .u64 a, .param .b32 b) { ret; }\n";

TEST_F(SessionTest, ModulesAreLoadedWhenNeeded) {
  auto *registerText = find<void *(const void *, int)>("mgpuModuleLoadJIT");
  auto *getFunction =
      find<Function(void *, const char *)>("mgpuModuleGetFunction");
  void *module = registerText(kText, 2);
  EXPECT_STREQ(fakeGetLog(), "");
  {
    std::unique_ptr<Session> session = open(0);
    Function function = getFunction(module, "f");
    uint64_t a = 0x1234;
    uint32_t b = 7;
    void *parameters[] = {&a, &b};
    find<void(Function, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t,
              int32_t, Stream, void **, void **, size_t)>("mgpuLaunchKernel")(
        function, 5, 1, 1, 128, 1, 1, 0, session->getStream(), parameters,
        nullptr, 2);
    EXPECT_TRUE(contains(fakeGetLog(), "cuLaunchKernel f device 0 grid 5,1,1 "
                                       "block 128,1,1 shared 0"));
    EXPECT_TRUE(contains(fakeGetLog(), " 0000000000001234 00000007\n"));
    fakeClearLog();
    getFunction(module, "f");
    EXPECT_FALSE(contains(fakeGetLog(), "cuModuleLoadDataEx"));
  }
  {
    std::unique_ptr<Session> session = open(1);
    getFunction(module, "f");
    EXPECT_TRUE(contains(fakeGetLog(), "cuModuleLoadDataEx"));
  }
  fakeClearLog();
  find<void(void *)>("mgpuModuleUnload")(module);
  EXPECT_EQ(llvm::StringRef(fakeGetLog()).count("cuModuleUnload"), 2u);
}

TEST_F(SessionTest, FailuresLeaveCompiledCode) {
  std::unique_ptr<Session> session = open();
  auto *allocate = find<void *(uint64_t, Stream, bool)>("mgpuMemAlloc");
  fakeFail("cuMemAlloc_v2", 2);
  if (setjmp(target) == 0) {
    allocate(8, session->getStream(), false);
    FAIL();
  }
  EXPECT_TRUE(contains(reason, "cuMemAlloc of 8 bytes failed"));
}

TEST_F(SessionTest, MissingKernelsLeaveCompiledCode) {
  std::unique_ptr<Session> session = open();
  void *module = find<void *(const void *, int)>("mgpuModuleLoadJIT")(kText, 2);
  auto *getFunction =
      find<Function(void *, const char *)>("mgpuModuleGetFunction");
  if (setjmp(target) == 0) {
    getFunction(module, "g");
    FAIL();
  }
  EXPECT_TRUE(contains(
      reason, "cuModuleGetFunction for 'g' failed with CUDA_ERROR_NOT_FOUND"));
  find<void(void *)>("mgpuModuleUnload")(module);
}

/// A buffer as compiled code passes it, of [1, 2, N].
struct Buffer {
  int64_t rank = 3;
  int64_t *words = descriptor;
  int64_t descriptor[9];

  Buffer(int64_t address, int64_t keys)
      : descriptor{0, address, 0, 1, 2, keys, 2 * keys, keys, 1} {}
  Buffer(const Buffer &) = delete;
};

TEST_F(SessionTest, CompiledCodeSelects) {
  std::unique_ptr<Session> session = open();
  KernelSource source = makeSelectionSource();
  SparsekEmbeddedKernel kernel = {source.ptx.c_str(), source.ptx.size(),
                                  source.record.c_str(), source.record.size(),
                                  nullptr};
  auto *select =
      find<void(SparsekEmbeddedKernel *, Buffer *, Buffer *, Buffer *, Buffer *,
                Buffer *, int64_t, int64_t, int64_t)>(
          "_mlir_ciface_sparsek_launch_selection");
  Buffer scores(0x4000, 100), tau(0x5000, 100), expiry(0x6000, 100);
  Buffer interior(0x9000, 100);
  select(&kernel, &scores, &tau, &expiry, &expiry, &interior, 1, 8, 4);
  EXPECT_TRUE(contains(fakeGetLog(), toHex({0x4000, 200, 100}, 16)));
  EXPECT_TRUE(
      contains(fakeGetLog(), toHex({0x5000, 200, 100, 0x9000, 200, 100}, 16)));
  EXPECT_TRUE(contains(fakeGetLog(), toHex({0x6000, 200, 100}, 16)));
  fakeClearLog();
  select(&kernel, &scores, &tau, &expiry, &expiry, &expiry, 0, 8, 4);
  EXPECT_EQ(llvm::StringRef(fakeGetLog()).count("cuLaunchKernel"), 6u);
  EXPECT_FALSE(contains(fakeGetLog(), toHex({0x9000}, 16)));
  EXPECT_EQ(fakeCountAllocations(), 2); // The second workspace is larger.

  if (setjmp(target) == 0) {
    select(&kernel, &scores, &tau, &expiry, &expiry, &expiry, 0, 0, 4);
    FAIL();
  }
  EXPECT_EQ(reason, "topk must be from 1 to 2147483647, got 0");
  find<void(SparsekEmbeddedKernel *)>("sparsek_release_kernel")(&kernel);
}

} // namespace
