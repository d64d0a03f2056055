//===- sparsek-lsp-server.cpp - Language server for editors ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek-c/Tools.h"
#include "sparsek/InitAllDialects.h"
#include "sparsek/Support/Version.h"

#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "llvm/Support/PrettyStackTrace.h"

extern "C" int sparsekLspServerMain(int argc, char **argv) {
  llvm::setBugReportMsg(sparsek::kBugReportMessage);
  mlir::DialectRegistry registry;
  sparsek::registerAllDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
