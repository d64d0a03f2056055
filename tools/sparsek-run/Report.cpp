//===- Report.cpp - What sparsek-run prints -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Report.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>

using namespace sparsek;
using llvm::ArrayRef;
using llvm::raw_ostream;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Report
//===----------------------------------------------------------------------===//

double Report::getMinimum() const {
  return seconds.empty() ? 0.0 : *llvm::min_element(seconds);
}

double Report::getMedian() const {
  if (seconds.empty())
    return 0.0;
  std::vector<double> sorted = seconds;
  llvm::sort(sorted);
  size_t middle = sorted.size() / 2;
  return sorted.size() % 2 ? sorted[middle]
                           : (sorted[middle - 1] + sorted[middle]) / 2;
}

/// "12.3 MB", in powers of ten.
static void printScaled(raw_ostream &os, double value, StringRef unit) {
  const char *prefixes[] = {"", "k", "M", "G", "T", "P"};
  size_t scale = 0;
  for (; value >= 999.95 && scale + 1 < std::size(prefixes); ++scale)
    value /= 1000.0;
  os << llvm::format(scale == 0 ? "%.0f " : "%.1f ", value) << prefixes[scale]
     << unit;
}

static void printTime(raw_ostream &os, double seconds) {
  if (seconds < 1e-3)
    os << llvm::format("%.1f us", seconds * 1e6);
  else if (seconds < 1.0)
    os << llvm::format("%.2f ms", seconds * 1e3);
  else
    os << llvm::format("%.3f s", seconds);
}

void Report::print(raw_ostream &os) const {
  os << "function  " << signature << "\n";
  os << "compile   ";
  printTime(os, compileSeconds);
  os << "\ntime      ";
  if (seconds.size() > 1) {
    os << "min ";
    printTime(os, getMinimum());
    os << ", median ";
    printTime(os, getMedian());
    os << " of " << seconds.size() << " calls";
  } else {
    printTime(os, getMinimum());
  }
  double median = getMedian();
  os << "\nwork      ";
  printScaled(os, cost.flops, "FLOP");
  os << " in matrix products and attention";
  if (cost.unknownOps)
    os << ", without " << cost.unknownOps << " ops of unknown size";
  if (median > 0.0 && cost.flops > 0.0) {
    os << "; ";
    printScaled(os, cost.flops / median, "FLOP/s");
  }
  os << "\ntraffic   ";
  printScaled(os, ioBytes, "B");
  os << " of arguments and results";
  if (median > 0.0) {
    os << "; ";
    printScaled(os, ioBytes / median, "B/s");
  }
  os << "\n";
  if (peakBytes >= 0) {
    os << "memory    peak ";
    printScaled(os, peakBytes, "B");
    if (callBytes >= 0) {
      os << ", of which the calls took ";
      printScaled(os, callBytes, "B");
    }
    os << "\n";
  }
}

void Report::printJSON(raw_ostream &os) const {
  llvm::json::Object object{
      {"function", signature},
      {"compile_s", compileSeconds},
      {"min_s", getMinimum()},
      {"median_s", getMedian()},
      {"calls", static_cast<int64_t>(seconds.size())},
      {"flop", cost.flops},
      {"unknown_ops", static_cast<int64_t>(cost.unknownOps)},
      {"io_bytes", ioBytes},
      {"call_bytes", callBytes},
      {"peak_bytes", peakBytes}};
  os << llvm::json::Value(std::move(object)) << "\n";
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// A field of /proc/self/status in bytes, or -1.
static int64_t readStatus(StringRef field) {
  auto file = llvm::MemoryBuffer::getFileAsStream("/proc/self/status");
  if (!file)
    return -1;
  StringRef text = (*file)->getBuffer();
  size_t position = text.find((field + ":").str());
  if (position == StringRef::npos)
    return -1;
  text = text.drop_front(position + field.size() + 1).ltrim();
  int64_t kilobytes;
  if (text.consumeInteger(10, kilobytes))
    return -1;
  return kilobytes * 1024;
}

MemoryMeter::MemoryMeter()
    : before(readStatus("VmRSS")), peakBefore(readStatus("VmHWM")) {
  // Linux forgets the peak so far.
  std::error_code error;
  llvm::raw_fd_ostream os("/proc/self/clear_refs", error);
  if (!error) {
    os << "5";
    os.close();
    error = os.error();
    os.clear_error();
  }
  reset = !error;
}

int64_t MemoryMeter::getGrowth() const {
  int64_t now = readStatus("VmHWM");
  return reset && before >= 0 && now >= 0 ? std::max<int64_t>(now - before, 0)
                                          : -1;
}

int64_t MemoryMeter::getPeak() const {
  return std::max(peakBefore, readStatus("VmHWM"));
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

static void printElement(raw_ostream &os, const Tensor &tensor, int64_t index) {
  auto printFloat = [&](double value, const char *format) {
    // printf writes the sign of a NaN.
    if (std::isnan(value))
      os << "nan";
    else
      os << llvm::format(format, value);
  };
  switch (tensor.getType()) {
  case ElementType::I1:
    os << (tensor.getDataAs<uint8_t>()[index] ? "true" : "false");
    return;
  case ElementType::I8:
    os << static_cast<int>(tensor.getDataAs<int8_t>()[index]);
    return;
  case ElementType::I16:
    os << tensor.getDataAs<int16_t>()[index];
    return;
  case ElementType::I32:
    os << tensor.getDataAs<int32_t>()[index];
    return;
  case ElementType::I64:
  case ElementType::Index:
    os << tensor.getDataAs<int64_t>()[index];
    return;
  case ElementType::F16:
    printFloat(halfToFloat(tensor.getDataAs<uint16_t>()[index]), "%.5g");
    return;
  case ElementType::BF16:
    printFloat(bfloat16ToFloat(tensor.getDataAs<uint16_t>()[index]), "%.4g");
    return;
  case ElementType::F32:
    printFloat(tensor.getDataAs<float>()[index], "%.7g");
    return;
  case ElementType::F64:
    printFloat(tensor.getDataAs<double>()[index], "%.15g");
    return;
  }
}

/// Prints the part below one index prefix; `next` is the flat index.
static void printPart(raw_ostream &os, const Tensor &tensor,
                      ArrayRef<int64_t> shape, int64_t limit, int64_t &next) {
  if (shape.empty()) {
    printElement(os, tensor, next++);
    return;
  }
  os << "[";
  for (int64_t i = 0; i < shape.front(); ++i) {
    if (i != 0)
      os << ", ";
    if (next >= limit) {
      os << "...";
      break;
    }
    printPart(os, tensor, shape.drop_front(), limit, next);
  }
  os << "]";
}

void sparsek::printTensor(raw_ostream &os, const Tensor &tensor,
                          int64_t limit) {
  if (tensor.getNumElements() == 0) {
    os << "[]";
    return;
  }
  int64_t next = 0;
  printPart(os, tensor, tensor.getShape(), std::max<int64_t>(limit, 1), next);
}
