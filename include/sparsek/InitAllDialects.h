//===- InitAllDialects.h - Every dialect that the tools know ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_INITALLDIALECTS_H
#define SPARSEK_INITALLDIALECTS_H

#include "sparsek/Dialect/Frag/IR/Frag.h"
#include "sparsek/Dialect/SparseK/IR/SparseK.h"
#include "sparsek/Dialect/Tile/IR/Tile.h"
#include "sparsek/Dialect/TMTensor/IR/TMTensor.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"

namespace sparsek {

/// The dialects of this project.
inline void registerSparsekDialects(mlir::DialectRegistry &registry) {
  registry.insert<SparseKDialect, frag::FragDialect, tile::TileDialect,
                  tm_tensor::TMTensorDialect>();
}

/// The dialects of this project and of MLIR, with all interface models and
/// translations that the pipelines use.
inline void registerAllDialects(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllToLLVMIRTranslations(registry);
  registerSparsekDialects(registry);
}

} // namespace sparsek

#endif // SPARSEK_INITALLDIALECTS_H
