//===- Tile.h - The tile dialect --------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_TILE_IR_TILE_H
#define SPARSEK_DIALECT_TILE_IR_TILE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "sparsek/Dialect/Tile/IR/TileDialect.h.inc"
#include "sparsek/Dialect/Tile/IR/TileEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "sparsek/Dialect/Tile/IR/TileAttributes.h.inc"

#define GET_TYPEDEF_CLASSES
#include "sparsek/Dialect/Tile/IR/TileTypes.h.inc"

#define GET_OP_CLASSES
#include "sparsek/Dialect/Tile/IR/TileOps.h.inc"

namespace sparsek::tile {

/// Names of the argument attributes of a kernel.
inline constexpr llvm::StringLiteral kNameAttr = "tile.name";
inline constexpr llvm::StringLiteral kDimsAttr = "tile.dims";

/// Bytes of shared memory that a block may use on Hopper.
inline constexpr uint64_t kSharedBytes = 227 * 1024;

/// Registers of a thread that a block of so many warpgroups can share out among
/// them: what each is given at launch, a multiple of 8, times their number. A
/// role that asks for more would wait for them forever.
int64_t getRegisterPool(int64_t warpgroups);

/// Keys that `tile.list_keys` puts aside for an item of that many positions: no
/// more than that are born in them, and no more die. And their bytes: index,
/// expiry and score.
int64_t getScratchKeys(int64_t positions);
int64_t getScratchBytes(int64_t positions);

} // namespace sparsek::tile

#endif // SPARSEK_DIALECT_TILE_IR_TILE_H
