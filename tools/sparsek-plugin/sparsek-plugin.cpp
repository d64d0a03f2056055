//===- sparsek-plugin.cpp - sparsek for a stock mlir-opt ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// mlir-opt --load-dialect-plugin=SparsekPlugin.so
// --load-pass-plugin=SparsekPlugin.so ...
//
//===----------------------------------------------------------------------===//

#include "sparsek/InitAllDialects.h"
#include "sparsek/InitAllPasses.h"
#include "sparsek/Support/Version.h"

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

extern "C" LLVM_ATTRIBUTE_WEAK mlir::DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "Sparsek", SPARSEK_VERSION_STRING,
          [](mlir::DialectRegistry *registry) {
            sparsek::registerSparsekDialects(*registry);
          }};
}

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "Sparsek", SPARSEK_VERSION_STRING,
          [] { sparsek::registerSparsekPasses(); }};
}
