//===- Arrays.h - Checks of the arguments of launches -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Errors name the argument and what is accepted.

#ifndef SPARSEK_LIB_CUDARUNTIME_ARRAYS_H
#define SPARSEK_LIB_CUDARUNTIME_ARRAYS_H

#include "sparsek-c/CUDA.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <limits>
#include <string>

namespace sparsek::cuda {

constexpr int64_t kMaxI32 = std::numeric_limits<int32_t>::max();

/// One size that an array must have, and what it is called.
struct Size {
  llvm::StringRef name;
  int64_t value;
};

/// Element type and shape, or "none".
std::string describe(const SparsekDeviceArray &array);

/// A number from `least` to 2^31 - 1.
llvm::Error checkNumber(llvm::StringRef name, int64_t value, int64_t least);

/// The number of dimensions, and sizes from 0 to 2^31 - 1.
llvm::Error checkRank(llvm::StringRef name, const SparsekDeviceArray &array,
                      int32_t rank);

/// Element type and shape.
llvm::Error checkShape(llvm::StringRef name, const SparsekDeviceArray &array,
                       SparsekDtype dtype, llvm::ArrayRef<Size> sizes);

/// Element type and shape of bounds of documents.
llvm::Error checkDocuments(const SparsekDeviceArray &cuSeqlens);

/// B * Hs must fit the second dimension of a grid.
llvm::Error checkScoreRows(int64_t batchScoreHeads);

struct LayoutCheck {
  llvm::StringRef name;
  const SparsekDeviceArray &array;
  /// Rows (the next to last dimension) begin at multiples of so many bytes.
  int64_t alignment;
  bool isOutput;
};

/// Strides and addresses of the arrays that are given.
llvm::Error checkLayout(llvm::ArrayRef<LayoutCheck> checks);

} // namespace sparsek::cuda

#endif // SPARSEK_LIB_CUDARUNTIME_ARRAYS_H
