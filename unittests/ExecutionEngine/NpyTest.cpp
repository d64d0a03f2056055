//===- NpyTest.cpp - NumPy's .npy files -----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/ExecutionEngine/Npy.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstring>

#include "gtest/gtest.h"

using namespace sparsek;

/// A file of version 1 or 2 with this header and data.
static std::string makeFile(std::string header, std::string data,
                            char version = 1) {
  std::string file("\x93NUMPY", 6);
  file += version;
  file += '\0';
  file += static_cast<char>(header.size() & 0xff);
  file += static_cast<char>(header.size() >> 8);
  if (version != 1)
    file += std::string(2, '\0');
  return file + header + data;
}

static std::string
getError(llvm::StringRef file,
         std::optional<ElementType> voidType = ElementType::BF16) {
  llvm::Expected<Tensor> tensor = parseNpy(file, "x.npy", voidType);
  return tensor ? "" : llvm::toString(tensor.takeError());
}

static const std::string kHeader =
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";

TEST(Npy, ReadsEveryVersion) {
  std::string data("\0\0\x80\x3f\0\0\0\x40", 8);
  for (char version : {1, 2, 3}) {
    llvm::Expected<Tensor> tensor =
        parseNpy(makeFile(kHeader, data, version), "x.npy");
    ASSERT_TRUE(!!tensor);
    EXPECT_EQ(tensor->getTypeString(), "tensor<2xf32>");
    EXPECT_EQ(tensor->getDataAs<float>()[0], 1.0f);
    EXPECT_EQ(tensor->getDataAs<float>()[1], 2.0f);
  }
}

TEST(Npy, ReadsHeadersOfOtherWriters) {
  for (const char *header :
       {"{\"shape\":(1,1),\"fortran_order\":False,\"descr\":\"|i1\"}",
        "{'descr': 'i1', 'fortran_order': False, 'shape': (1L, 1L,)}",
        "  { 'fortran_order' : False , 'shape' : ( 1 , 1 ) , 'descr' : '>i1' "
        "}"}) {
    llvm::Expected<Tensor> tensor = parseNpy(makeFile(header, "\x05"), "x.npy");
    ASSERT_TRUE(!!tensor) << header;
    EXPECT_EQ(tensor->getTypeString(), "tensor<1x1xi8>");
    EXPECT_EQ(tensor->getDataAs<int8_t>()[0], 5);
  }
}

TEST(Npy, TwoByteRecordsAreWhatTheCallerSays) {
  std::string file = makeFile(
      "{'descr': '<V2', 'fortran_order': False, 'shape': (), }", "\x49\x40");
  llvm::Expected<Tensor> tensor = parseNpy(file, "x.npy");
  ASSERT_TRUE(!!tensor);
  EXPECT_EQ(tensor->getTypeString(), "tensor<bf16>");
  EXPECT_NE(getError(file, std::nullopt).find("'<V2' is not supported"),
            std::string::npos);
}

TEST(Npy, RefusesWhatIsWrong) {
  auto refused = [](const std::string &file, const char *reason) {
    std::string error = getError(file);
    EXPECT_NE(error.find(reason), std::string::npos) << error;
    EXPECT_NE(error.find("'x.npy'"), std::string::npos) << error;
  };
  std::string good = makeFile(kHeader, std::string(8, '\0'));
  EXPECT_EQ(getError(good), "");
  refused("", "not a .npy file");
  refused("PK\x03\x04", "not a .npy file");
  refused(makeFile(kHeader, "", 9), "version 9 is unknown");
  refused(good.substr(0, 8), "truncated .npy header");
  refused(good.substr(0, 20), "truncated .npy header");
  refused(good.substr(0, good.size() - 1),
          "truncated: tensor<2xf32> takes 8 bytes, the file has 7");
  refused(good + "x", "data after the end");
  refused(makeFile("{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}",
                   std::string(8, '\0')),
          "element type '>f4' is not supported");
  refused(makeFile("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}",
                   std::string(8, '\0')),
          "element type '<c8' is not supported");
  refused(makeFile("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2)}",
                   std::string(8, '\0')),
          "Fortran order");
  refused(makeFile("{'descr': '<f4', 'fortran_order': False, 'shape': "
                   "(4000000000, 4000000000)}",
                   ""),
          "impossible size");
  for (const char *header :
       {"", "{", "{'descr': '<f4'}", "[]", "{'descr': [('a', '<f4')]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(99999999999999999999,)}"})
    refused(makeFile(header, std::string(8, '\0')), "the .npy header is not");
}

/// No prefix and no single changed byte makes the reader fail in another way.
TEST(Npy, SurvivesDamage) {
  std::string good = makeFile(kHeader, std::string(8, '\0'));
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(getError(good.substr(0, size)), "");
  for (size_t i = 0; i < good.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = good;
      damaged[i] ^= 1 << bit;
      (void)getError(damaged);
    }
}

TEST(Npy, ReadsWhatItWrites) {
  llvm::SmallString<128> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("sparsek", "npy", path));
  for (ElementType type : {ElementType::I1, ElementType::I64, ElementType::F16,
                           ElementType::BF16, ElementType::F64})
    for (llvm::SmallVector<int64_t> shape :
         {llvm::SmallVector<int64_t>{}, {3}, {2, 0}, {2, 3, 1}}) {
      llvm::Expected<Tensor> tensor = Tensor::create(type, shape);
      ASSERT_TRUE(!!tensor);
      std::memset(tensor->getData(), 1, tensor->getNumBytes());
      ASSERT_FALSE(!!writeNpy(path, tensor->ref()));
      llvm::Expected<Tensor> read = readNpy(path);
      ASSERT_TRUE(!!read);
      EXPECT_EQ(read->getTypeString(), tensor->getTypeString());
      EXPECT_EQ(std::memcmp(read->getData(), tensor->getData(),
                            tensor->getNumBytes()),
                0);
      auto file = llvm::MemoryBuffer::getFile(path);
      ASSERT_TRUE(!!file);
      // The data is aligned, as NumPy has it.
      EXPECT_EQ(((*file)->getBufferSize() - tensor->getNumBytes()) % 64, 0u);
    }
  llvm::sys::fs::remove(path);
}

TEST(Npy, SaysWhatCannotBeOpened) {
  llvm::Expected<Tensor> tensor = readNpy("/nonexistent/x.npy");
  ASSERT_FALSE(!!tensor);
  EXPECT_NE(llvm::toString(tensor.takeError()).find("/nonexistent/x.npy"),
            std::string::npos);
  float value = 1.0f;
  llvm::Error error =
      writeNpy("/nonexistent/x.npy", {ElementType::F32, {}, &value});
  ASSERT_TRUE(!!error);
  EXPECT_NE(llvm::toString(std::move(error)).find("/nonexistent/x.npy"),
            std::string::npos);
}
