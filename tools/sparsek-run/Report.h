//===- Report.h - What sparsek-run prints -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TOOLS_SPARSEK_RUN_REPORT_H
#define SPARSEK_TOOLS_SPARSEK_RUN_REPORT_H

#include "sparsek/ExecutionEngine/Cost.h"
#include "sparsek/ExecutionEngine/Tensor.h"

#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

namespace sparsek {

/// What a run took.
struct Report {
  std::string signature;
  double compileSeconds = 0.0;
  /// One entry per timed call.
  std::vector<double> seconds;
  Cost cost;
  /// Of the arguments and results.
  int64_t ioBytes = 0;
  /// Resident memory: the most that the calls added to what was there, and the
  /// peak of the process. Negative where the system does not say.
  int64_t callBytes = -1;
  int64_t peakBytes = -1;

  double getMinimum() const;
  double getMedian() const;
  void print(llvm::raw_ostream &os) const;
  void printJSON(llvm::raw_ostream &os) const;
};

/// Watches the resident memory of the process from its construction on.
class MemoryMeter {
public:
  MemoryMeter();
  int64_t getGrowth() const;
  int64_t getPeak() const;

private:
  bool reset;
  int64_t before;
  int64_t peakBefore;
};

/// Prints nested lists; of more than `limit` elements the first ones.
void printTensor(llvm::raw_ostream &os, const Tensor &tensor, int64_t limit);

} // namespace sparsek

#endif // SPARSEK_TOOLS_SPARSEK_RUN_REPORT_H
