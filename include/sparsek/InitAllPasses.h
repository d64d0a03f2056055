//===- InitAllPasses.h - Every pass that the tools know ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_INITALLPASSES_H
#define SPARSEK_INITALLPASSES_H

#include "sparsek/Conversion/Passes.h"
#include "sparsek/Dialect/SparseK/Transforms/Passes.h"
#include "sparsek/Dialect/Tile/Transforms/Passes.h"
#include "sparsek/Pipelines/Pipelines.h"
#include "sparsek/Transforms/Passes.h"

#include "mlir/InitAllPasses.h"

namespace sparsek {

/// The passes and pipelines of this project.
inline void registerSparsekPasses() {
  registerSparsekConversionPasses();
  registerSparsekSparseKTransformsPasses();
  registerSparsekTileTransformsPasses();
  registerSparsekTransformsPasses();
  registerPipelines();
}

/// The passes and pipelines of this project and of MLIR.
inline void registerAllPasses() {
  mlir::registerAllPasses();
  registerSparsekPasses();
}

} // namespace sparsek

#endif // SPARSEK_INITALLPASSES_H
