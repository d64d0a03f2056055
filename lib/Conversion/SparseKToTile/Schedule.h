//===- Schedule.h - Choice of a kernel's schedule ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The only place with heuristics: everything below acts on #tile.schedule.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SCHEDULE_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SCHEDULE_H

#include "sparsek/Dialect/SparseK/IR/SparseK.h"
#include "sparsek/Dialect/Tile/IR/Tile.h"
#include "sparsek/Support/GPUTarget.h"

namespace sparsek {

using EmitDiagnostic = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// What a schedule of gathered attention depends on.
struct ScheduleRequest {
  mlir::Type element;
  int64_t headSize;
  int64_t valueSize;
  int64_t group; // query heads of a key-value head
  Gate gate;
  bool packed;
  GPUTarget target;
};

/// Fields of #tile.schedule that the user has set.
using ScheduleOverrides =
    llvm::SmallVector<std::pair<llvm::StringRef, llvm::StringRef>>;

/// Splits "keys=64,ping_pong=false"; the result refers to `text`. Checks the
/// names, not the values.
mlir::FailureOr<ScheduleOverrides>
parseScheduleOverrides(llvm::StringRef text, EmitDiagnostic emitError);

/// The schedule for the target. Overrides that cannot work are errors;
/// `reasons` gets one sentence for each decision.
mlir::FailureOr<tile::ScheduleAttr>
selectSchedule(const ScheduleRequest &request,
               const ScheduleOverrides &overrides, EmitDiagnostic emitError,
               llvm::SmallVectorImpl<std::string> &reasons);

/// The rows of a work item: as many positions of as many query heads of one
/// group as there is room for.
tile::RowMapAttr selectRowMap(mlir::MLIRContext *context, int64_t rows,
                              int64_t group);

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOTILE_SCHEDULE_H
