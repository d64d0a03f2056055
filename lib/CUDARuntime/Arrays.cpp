//===- Arrays.cpp - Checks of the arguments of launches -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Arrays.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"

#include <algorithm>

using namespace sparsek::cuda;
using llvm::ArrayRef;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static StringRef getName(SparsekDtype dtype) {
  switch (dtype) {
  case SPARSEK_F32:
    return "f32";
  case SPARSEK_F16:
    return "f16";
  case SPARSEK_BF16:
    return "bf16";
  case SPARSEK_F64:
    return "f64";
  case SPARSEK_BOOL:
    return "i1";
  case SPARSEK_I8:
    return "i8";
  case SPARSEK_I16:
    return "i16";
  case SPARSEK_I32:
    return "i32";
  case SPARSEK_I64:
    return "i64";
  }
  return "an unknown type"; // The value comes from a C caller.
}

static int64_t getByteSize(SparsekDtype dtype) {
  if (dtype == SPARSEK_F64 || dtype == SPARSEK_I64)
    return 8;
  return dtype == SPARSEK_F32 || dtype == SPARSEK_I32 ? 4 : 2;
}

static std::string describe(SparsekDtype dtype, ArrayRef<Size> sizes) {
  std::string text = (getName(dtype) + "[").str();
  for (const Size &size : sizes) {
    if (&size != sizes.begin())
      text += ", ";
    if (!size.name.empty())
      text += (size.name + " = ").str();
    text += std::to_string(size.value);
  }
  return text + "]";
}

std::string sparsek::cuda::describe(const SparsekDeviceArray &array) {
  if (array.rank == 0)
    return "none";
  llvm::SmallVector<Size> sizes;
  for (int64_t size : ArrayRef(array.shape, std::clamp(array.rank, 0, 4)))
    sizes.push_back({"", size});
  return describe(array.dtype, sizes);
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

Error sparsek::cuda::checkNumber(StringRef name, int64_t value, int64_t least) {
  if (value >= least && value <= kMaxI32)
    return Error::success();
  return llvm::createStringError(name + " must be from " + Twine(least) +
                                 " to " + Twine(kMaxI32) + ", got " +
                                 Twine(value));
}

Error sparsek::cuda::checkRank(StringRef name, const SparsekDeviceArray &array,
                               int32_t rank) {
  if (array.rank != rank)
    return llvm::createStringError(name + " must have " + Twine(rank) +
                                   " dimensions, got " + describe(array));
  for (int64_t size : ArrayRef(array.shape, rank))
    if (size < 0 || size > kMaxI32)
      return llvm::createStringError("sizes of " + name +
                                     " must be from 0 to 2^31 - 1, got " +
                                     describe(array));
  return Error::success();
}

Error sparsek::cuda::checkShape(StringRef name, const SparsekDeviceArray &array,
                                SparsekDtype dtype, ArrayRef<Size> sizes) {
  bool fits = array.dtype == dtype && array.rank == int32_t(sizes.size());
  for (size_t i = 0; fits && i < sizes.size(); ++i)
    fits = array.shape[i] == sizes[i].value;
  if (fits)
    return Error::success();
  return llvm::createStringError(name + " must be " + ::describe(dtype, sizes) +
                                 ", got " + describe(array));
}

Error sparsek::cuda::checkDocuments(const SparsekDeviceArray &cuSeqlens) {
  if (cuSeqlens.rank == 1 && cuSeqlens.dtype == SPARSEK_I32 &&
      cuSeqlens.shape[0] >= 2 && cuSeqlens.shape[0] <= kMaxI32)
    return Error::success();
  return llvm::createStringError(
      "cu_seqlens must be i32[S + 1] with S >= 1, got " + describe(cuSeqlens));
}

Error sparsek::cuda::checkScoreRows(int64_t batchScoreHeads) {
  constexpr int64_t most = 65535;
  if (batchScoreHeads <= most)
    return Error::success();
  return llvm::createStringError("B * Hs must be at most " + Twine(most) +
                                 ", got " + Twine(batchScoreHeads));
}

//===----------------------------------------------------------------------===//
// Strides and addresses
//===----------------------------------------------------------------------===//

static Error checkLayout(const LayoutCheck &check) {
  auto [name, array, alignment, isOutput] = check;
  int64_t bytes = getByteSize(array.dtype), last = array.rank - 1;
  for (int64_t i = 0; i <= last; ++i)
    if (array.shape[i] == 0)
      return Error::success();
  if (array.shape[last] > 1 && array.strides[last] != 1)
    return llvm::createStringError(
        name + " must be contiguous in its last dimension, got stride " +
        Twine(array.strides[last]));
  for (int64_t i = 0; i < last; ++i) {
    int64_t stride = array.strides[i];
    if (array.shape[i] == 1)
      continue;
    if (stride < 0 || (isOutput && stride == 0))
      return llvm::createStringError(
          "strides of " + name + " must " +
          (isOutput ? "be above 0" : "not be negative") + ", got " +
          Twine(stride) + " in dimension " + Twine(i));
    if (stride > std::numeric_limits<int64_t>::max() / bytes ||
        stride * bytes % alignment != 0)
      return llvm::createStringError(
          "strides of " + name + " must be multiples of " +
          Twine(alignment / bytes) + " elements (" + Twine(alignment) +
          " bytes), got " + Twine(stride) + " in dimension " + Twine(i));
    if (alignment > bytes && i == last - 1 && stride * bytes > kMaxI32)
      return llvm::createStringError("the rows of " + name +
                                     " must be less than 2^31 bytes apart, "
                                     "got a stride of " +
                                     Twine(stride) + " elements");
  }
  if (array.data == 0 || array.data % alignment != 0)
    return llvm::createStringError(
        name + " must be at a device address that is a multiple of " +
        Twine(alignment) + ", got 0x" + Twine::utohexstr(array.data));
  return Error::success();
}

Error sparsek::cuda::checkLayout(ArrayRef<LayoutCheck> checks) {
  for (const LayoutCheck &check : checks)
    if (check.array.rank != 0)
      if (Error error = ::checkLayout(check))
        return error;
  return Error::success();
}
