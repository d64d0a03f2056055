//===- HostPlan.h - What launches pass, from the shapes ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// What lib/CUDARuntime computes when it launches, as code that computes it: the
// sizes may be known then only. docs/Kernels.md defines the values.

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOIREE_HOSTPLAN_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOIREE_HOSTPLAN_H

#include "HostBuilder.h"

#include "sparsek/CUDARuntime/LaunchRecord.h"
#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include <array>

namespace sparsek {

struct HostPlan {
  /// Scalars as index, i32 or i64; of parts of the workspace where they begin,
  /// in kWorkspaceAlignment bytes.
  std::array<mlir::Value, cuda::kNumArguments> values;
  /// As in cuda::LaunchPlan.
  std::array<mlir::Value, cuda::kNumGridFactors> factors;
  mlir::Value workspaceBytes;
  /// Whether there is anything to compute.
  mlir::Value runs;
  /// The sizes of every result.
  llvm::SmallVector<llvm::SmallVector<mlir::Value, 4>, 3> sizes;
  /// What must hold, and what is said where it does not.
  llvm::SmallVector<std::pair<mlir::Value, std::string>> conditions;

  mlir::Value &operator[](cuda::Argument argument) {
    return values[size_t(argument)];
  }
  mlir::Value &operator[](cuda::GridFactor factor) {
    return factors[size_t(factor)];
  }
};

/// The selection launches kernels more than once, or not.
struct HostSelectionPlan : public HostPlan {
  /// Two buffers each that keys are sorted between.
  std::array<mlir::Value, 2> codes, order;
  /// Whether sorted tiles are merged, and whether the merge of a number is
  /// needed.
  mlir::Value isMerged;
  llvm::SmallVector<mlir::Value> merges;
  /// Shifts of the sort by digits, and whether each is needed.
  llvm::SmallVector<std::pair<int32_t, mlir::Value>> digits;
  /// Whether kernels of a size are launched, by the sizes of the record.
  llvm::SmallVector<mlir::Value> isSize;
};

HostPlan planAttention(HostBuilder &b, const cuda::LaunchRecord &record,
                       GatheredAttentionOp op);
HostSelectionPlan planSelection(HostBuilder &b,
                                const cuda::SelectionRecord &record,
                                TopkMaskOp op);
HostPlan planScore(HostBuilder &b, const cuda::ScoreRecord &record, ScoreOp op);

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOIREE_HOSTPLAN_H
