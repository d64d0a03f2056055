//===- Passes.h - Passes on the tile dialect --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_TILE_TRANSFORMS_PASSES_H
#define SPARSEK_DIALECT_TILE_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace sparsek {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "sparsek/Dialect/Tile/Transforms/Passes.h.inc"

} // namespace sparsek

#endif // SPARSEK_DIALECT_TILE_TRANSFORMS_PASSES_H
