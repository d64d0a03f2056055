//===- CommandLine.h - What the tools' command lines share ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_SUPPORT_COMMANDLINE_H
#define SPARSEK_SUPPORT_COMMANDLINE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace sparsek {

/// Frees names that LLVM's libraries have registered for options of their own,
/// before a tool makes its options of these names.
void freeOptionNames(llvm::ArrayRef<llvm::StringRef> names);

/// Lets `--version` print the versions of this project and of its LLVM.
void addVersionPrinter();

} // namespace sparsek

#endif // SPARSEK_SUPPORT_COMMANDLINE_H
