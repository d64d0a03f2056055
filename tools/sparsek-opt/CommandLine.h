//===- CommandLine.h - Help and reproducer of sparsek-opt -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TOOLS_SPARSEK_OPT_COMMANDLINE_H
#define SPARSEK_TOOLS_SPARSEK_OPT_COMMANDLINE_H

#include "llvm/ADT/ArrayRef.h"

#include <string>

namespace sparsek {

/// Sorts the registered options into groups of `--help` and moves those of
/// LLVM's code generators, which this tool does not run, to `--help-hidden`.
void groupOptions();

/// The command line `arguments` as one line that a shell reads back unchanged.
std::string quoteForShell(llvm::ArrayRef<const char *> arguments);

} // namespace sparsek

#endif // SPARSEK_TOOLS_SPARSEK_OPT_COMMANDLINE_H
