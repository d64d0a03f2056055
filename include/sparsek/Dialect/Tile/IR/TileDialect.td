//===- TileDialect.td - Dialect definition -----------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_TILE_IR_TILEDIALECT
#define SPARSEK_DIALECT_TILE_IR_TILEDIALECT

include "mlir/IR/OpBase.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let summary = "GPU kernels as programs on tiles";
  let description = [{
    One `tile.kernel` is one GPU kernel on about a page. Its blocks own *rings*
    of shared-memory slots; *roles*, each a few warps, run at the same time and
    meet only there: one role reserves a slot, fills and commits it, another
    acquires, uses and releases it. Everything else is a value: a fragment
    (`!tile.frag`) is a matrix spread over the registers of four warps, and
    `!tile.rows` holds one number for each row of it.

    Ring positions are plain `i32` counters, which each role carries through
    its loops: position p is slot `p mod slots`, in its `p / slots`-th use.

    The speed decisions are in `#tile.schedule` and in the passes that act on
    it (`tile-split-slots`, `tile-overlap`, `tile-ping-pong`, `tile-allocate`);
    `convert-tile-to-fragments` turns the result into vectors and NVVM ops.
    docs/Kernels.md shows every stage of one kernel.
  }];
  let cppNamespace = "::sparsek::tile";
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
}

#endif // SPARSEK_DIALECT_TILE_IR_TILEDIALECT
