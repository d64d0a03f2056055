//===- CommandLine.cpp - Help and reproducer of sparsek-opt ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CommandLine.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/CommandLine.h"

using namespace llvm;

// LLVM's command line library keeps references to categories until exit.
static cl::OptionCategory inputOutput("1. Input and output");
static cl::OptionCategory passes("2. Passes and pipelines");
static cl::OptionCategory diagnostics("3. Diagnostics and reproducers");
static cl::OptionCategory remarks(
    "4. Remarks",
    "What passes did, or why they did not: regular expressions select the "
    "category, which is the name of the pass.");
static cl::OptionCategory printing("5. Printing and timing");

/// The group of an option that MLIR registers, null for all others.
static cl::OptionCategory *groupOf(StringRef name) {
  if (name.starts_with("remark"))
    return &remarks;
  if (is_contained({"mlir-disable-diagnostic-notes",
                    "mlir-diagnostic-verbosity-level",
                    "mlir-generate-reproducer",
                    "mlir-pass-pipeline-crash-reproducer",
                    "mlir-pass-pipeline-local-reproducer",
                    "mlir-print-op-on-diagnostic",
                    "mlir-print-stacktrace-on-diagnostic", "run-reproducer",
                    "verify-diagnostics", "verify-each", "verify-roundtrip",
                    "mlir-very-unsafe-disable-verifier-on-parsing"},
                   name))
    return &diagnostics;
  if (is_contained({"allow-unregistered-dialect", "emit-bytecode",
                    "emit-bytecode-version", "irdl-file", "mlir-output-format",
                    "elide-resource-data-from-bytecode", "no-implicit-module",
                    "o", "output-split-marker", "show-dialects",
                    "split-input-file"},
                   name))
    return &inputOutput;
  if (is_contained({"dump-pass-pipeline", "list-passes", "load-dialect-plugin",
                    "load-pass-plugin", "pass-pipeline"},
                   name))
    return &passes;
  if (name.starts_with("mlir-") ||
      is_contained({"log-actions-to", "log-mlir-actions-filter",
                    "profile-actions-to"},
                   name))
    return &printing;
  return nullptr;
}

void sparsek::groupOptions() {
  for (auto &entry : cl::getRegisteredOptions()) {
    cl::Option *option = entry.getValue();
    if (cl::OptionCategory *group = groupOf(entry.getKey())) {
      option->addCategory(*group);
      continue;
    }
    bool generic = is_contained(option->Categories, &cl::getGeneralCategory())
                       ? option->isPositional()
                       : is_contained({"help", "help-hidden", "help-list",
                                       "help-list-hidden", "version", "color"},
                                      entry.getKey());
    if (!generic && option->getOptionHiddenFlag() == cl::NotHidden)
      option->setHiddenFlag(cl::Hidden);
  }
}

std::string sparsek::quoteForShell(ArrayRef<const char *> arguments) {
  constexpr StringRef safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
                             "YZ0123456789_-+=:,./@%";
  std::string line;
  for (StringRef argument : arguments) {
    if (!line.empty())
      line += ' ';
    if (!argument.empty() &&
        argument.find_first_not_of(safe) == StringRef::npos) {
      line += argument;
      continue;
    }
    line += '\'';
    for (char c : argument)
      line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}
