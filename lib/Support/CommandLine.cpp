//===- CommandLine.cpp - What the tools' command lines share --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Support/CommandLine.h"

#include "sparsek/Support/Version.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

void sparsek::freeOptionNames(llvm::ArrayRef<llvm::StringRef> names) {
  auto &registered = llvm::cl::getRegisteredOptions();
  for (llvm::StringRef name : names)
    if (llvm::cl::Option *option = registered.lookup(name))
      option->removeArgument();
}

void sparsek::addVersionPrinter() {
  llvm::cl::AddExtraVersionPrinter([](llvm::raw_ostream &os) {
    os << "sparsek " << SPARSEK_VERSION_STRING << " (LLVM "
       << SPARSEK_LLVM_VERSION_STRING << ")\n";
  });
}
