//===- sparsek-opt.cpp - The optimizer driver ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/InitAllDialects.h"
#include "sparsek/InitAllPasses.h"
#include "sparsek/Support/Version.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/raw_ostream.h"

int main(int argc, char **argv) {
  llvm::setBugReportMsg(sparsek::kBugReportMessage);
  llvm::cl::AddExtraVersionPrinter([](llvm::raw_ostream &os) {
    os << "sparsek " << SPARSEK_VERSION_STRING << " (LLVM "
       << SPARSEK_LLVM_VERSION_STRING << ")\n";
  });
  mlir::DialectRegistry registry;
  sparsek::registerAllDialects(registry);
  sparsek::registerAllPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "sparsek optimizer driver\n", registry));
}
