//===- CommandLine.cpp - Help and reproducer of sparsek-opt ---------------===//
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
static cl::OptionCategory printing("4. Printing and timing");

/// The group of an option that MLIR registers, null for all others.
static cl::OptionCategory *groupOf(StringRef name) {
  if (is_contained(
          {"mlir-disable-diagnostic-notes", "mlir-diagnostic-verbosity-level",
           "mlir-generate-reproducer", "mlir-pass-pipeline-crash-reproducer",
           "mlir-pass-pipeline-local-reproducer", "mlir-print-op-on-diagnostic",
           "mlir-print-stacktrace-on-diagnostic", "run-reproducer",
           "verify-diagnostics", "verify-each", "verify-roundtrip",
           "mlir-very-unsafe-disable-verifier-on-parsing"},
          name))
    return &diagnostics;
  if (is_contained({"allow-unregistered-dialect", "emit-bytecode",
                    "emit-bytecode-version", "irdl-file",
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
      is_contained(
          {"log-actions-to", "log-mlir-actions-filter", "profile-actions-to"},
          name))
    return &printing;
  return nullptr;
}

void sparsek::groupOptions() {
  for (auto &[name, option] : cl::getRegisteredOptions()) {
    // The one option without a name has every pass as a value.
    cl::OptionCategory *group =
        option->ArgStr.empty() ? &passes : groupOf(name);
    if (group)
      option->addCategory(*group);
    else if (option->getOptionHiddenFlag() == cl::NotHidden &&
             !is_contained(
                 {"color", "help", "help-hidden", "help-list", "version"},
                 name) &&
             !name.starts_with("remark"))
      option->setHiddenFlag(cl::Hidden);
  }
}

std::string sparsek::quoteForShell(ArrayRef<const char *> arguments) {
  constexpr StringRef safe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
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
