//===- CommandLine.h - What the tools' command lines share ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_SUPPORT_COMMANDLINE_H
#define SPARSEK_SUPPORT_COMMANDLINE_H

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/CommandLine.h"

namespace sparsek {

/// Takes the options that LLVM's libraries have registered away during its
/// life. Those come back whose names are still free then.
class LibraryOptionsAside {
public:
  LibraryOptionsAside();
  ~LibraryOptionsAside();
  LibraryOptionsAside(const LibraryOptionsAside &) = delete;
  LibraryOptionsAside &operator=(const LibraryOptionsAside &) = delete;

private:
  llvm::SetVector<llvm::cl::Option *> options;
};

/// Makes the options of a tool, a struct of `cl::opt`s. They may have names
/// that options of LLVM's libraries have, which then are gone.
template <typename Options> Options makeOptions() {
  LibraryOptionsAside aside;
  return Options();
}

/// Lets `--version` print the versions of this project and of its LLVM.
void addVersionPrinter();

} // namespace sparsek

#endif // SPARSEK_SUPPORT_COMMANDLINE_H
