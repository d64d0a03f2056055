//===- EmbeddedKernelTest.cpp - Kernels in the data of a program ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/EmbeddedKernel.h"

#include "TestSupport.h"

#include <thread>
#include <vector>

using namespace sparsek::cuda;
using namespace sparsek::cuda::test;

namespace {

class EmbeddedKernelTest : public FakeDriverTest {
protected:
  KernelSource source = makeSource(
      {{"survivors", "chunks x batch_score_heads", 256, 0, "expiry:ptr"}});
  SparsekEmbeddedKernel kernel = {source.ptx.c_str(), source.ptx.size(),
                                  source.record.c_str(), source.record.size(),
                                  nullptr};
};

TEST_F(EmbeddedKernelTest, IsMadeOnce) {
  std::vector<Kernel *> made(8);
  std::vector<std::thread> threads;
  for (Kernel *&slot : made)
    threads.emplace_back([&] {
      llvm::Expected<Kernel *> kernel = getKernel(this->kernel);
      slot = kernel ? *kernel : nullptr;
      llvm::consumeError(kernel.takeError());
    });
  for (std::thread &thread : threads)
    thread.join();
  ASSERT_NE(made.front(), nullptr);
  for (Kernel *other : made)
    EXPECT_EQ(other, made.front());
  EXPECT_EQ(made.front()->getImage(), source.ptx);
  releaseKernel(kernel);
  EXPECT_EQ(kernel.kernel, nullptr);
  releaseKernel(kernel);
}

TEST_F(EmbeddedKernelTest, DamagedRecordsAreErrors) {
  kernel.recordSize -= 3;
  EXPECT_NE(getText(getKernel(kernel)), "");
  EXPECT_EQ(kernel.kernel, nullptr);
}

} // namespace
