//===- Tile.td - The tile dialect --------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The one entry for tablegen and for the generated documentation.

#ifndef SPARSEK_DIALECT_TILE_IR_TILE
#define SPARSEK_DIALECT_TILE_IR_TILE

include "sparsek/Dialect/Tile/IR/TileDialect.td"
include "sparsek/Dialect/Tile/IR/TileEnums.td"
include "sparsek/Dialect/Tile/IR/TileAttributes.td"
include "sparsek/Dialect/Tile/IR/TileTypes.td"
include "sparsek/Dialect/Tile/IR/TileOps.td"

#endif // SPARSEK_DIALECT_TILE_IR_TILE
