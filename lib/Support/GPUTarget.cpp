//===- GPUTarget.cpp - What kernels need to know about a GPU --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Support/GPUTarget.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace llvm;
using namespace sparsek;

namespace {
struct Entry {
  int number;         // compute capability times ten
  StringLiteral best; // what runs on it: its own instructions included
  int sharedKilobytes;
  int multiprocessors;
  int ptxVersion; // the first that has it, 8.0 or later
};
} // namespace

/// Hopper's number, whose warpgroup instructions no other chip has.
static constexpr int kHopper = 90;

/// Ascending. Shared memory: "Technical Specifications per Compute Capability"
/// of the CUDA C++ Programming Guide.
static constexpr Entry kEntries[] = {
    {80, "sm_80", 163, 108, 80},   {86, "sm_86", 99, 84, 80},
    {87, "sm_87", 163, 16, 80},    {89, "sm_89", 99, 142, 80},
    {90, "sm_90a", 227, 132, 80},  {100, "sm_100", 227, 148, 86},
    {103, "sm_103", 227, 148, 88}, {120, "sm_120", 99, 188, 87},
    {121, "sm_121", 99, 48, 88}};

std::optional<GPUTarget> GPUTarget::get(StringRef chip) {
  StringRef rest = chip;
  int number = 0;
  if (!rest.consume_front("sm_") || rest.consumeInteger(10, number))
    return std::nullopt;
  const Entry *entry = find_if(
      kEntries, [&](const Entry &entry) { return entry.number == number; });
  // `a` came with Hopper, `f` with its successor.
  if (entry == std::end(kEntries) ||
      !(rest.empty() || (rest == "a" && number >= kHopper) ||
        (rest == "f" && number > kHopper)))
    return std::nullopt;
  int version = entry->ptxVersion;
  if (rest == "a")
    version = std::max(version, 86);
  if (rest == "f")
    version = std::max(version, 88);
  return GPUTarget{chip.str(),
                   int64_t{entry->sharedKilobytes} * 1024,
                   entry->multiprocessors,
                   /*warpgroups=*/number == kHopper && rest == "a",
                   /*suspendsWaits=*/number >= kHopper,
                   /*dependentLaunches=*/number >= kHopper,
                   version};
}

std::string GPUTarget::getAccepted() {
  std::string text;
  raw_string_ostream os(text);
  interleaveComma(kEntries, os, [&](const Entry &entry) {
    os << "sm_" << entry.number;
    if (entry.number == kHopper)
      os << ", sm_" << entry.number << "a";
  });
  return text;
}

StringRef GPUTarget::choose(int major, int minor) {
  if (major < 8)
    return "";
  // Later chips run the PTX of earlier ones; the same major number promises the
  // most alike.
  const Entry *chosen = &kEntries[0];
  for (const Entry &entry : kEntries)
    if (entry.number / 10 == major && entry.number % 10 <= minor)
      chosen = &entry;
  return chosen->best;
}
