//===- CommandLine.cpp - What the tools' command lines share --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Support/CommandLine.h"

#include "sparsek/Support/Version.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

sparsek::LibraryOptionsAside::LibraryOptionsAside() {
  for (auto &[name, option] : llvm::cl::getRegisteredOptions())
    options.insert(option);
  for (llvm::cl::Option *option : options)
    option->removeArgument();
}

sparsek::LibraryOptionsAside::~LibraryOptionsAside() {
  auto &taken = llvm::cl::getRegisteredOptions();
  for (llvm::cl::Option *option : options) {
    llvm::SmallVector<llvm::StringRef> names;
    option->getExtraOptionNames(names);
    names.push_back(option->ArgStr);
    if (llvm::none_of(names,
                      [&](llvm::StringRef name) { return taken.count(name); }))
      option->addArgument();
  }
}

void sparsek::addVersionPrinter() {
  llvm::cl::AddExtraVersionPrinter([](llvm::raw_ostream &os) {
    os << "sparsek " << SPARSEK_VERSION_STRING << " (LLVM "
       << SPARSEK_LLVM_VERSION_STRING << ")\n";
  });
}
