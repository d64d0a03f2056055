//===- TileTypes.td - Types of the tile dialect ------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_TILE_IR_TILETYPES
#define SPARSEK_DIALECT_TILE_IR_TILETYPES

include "mlir/IR/AttrTypeBase.td"
include "sparsek/Dialect/Tile/IR/TileDialect.td"

class Tile_Type<string name, string typeMnemonic> : TypeDef<Tile_Dialect, name> {
  let mnemonic = typeMnemonic;
  let genVerifyDecl = 1;
}

// Printed as <AxBxT>.
class Tile_ShapedType<string name, string typeMnemonic> : Tile_Type<name, typeMnemonic> {
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$element_type);
  let assemblyFormat = "`<` custom<Shape>($shape, $element_type) `>`";
}

def Tile_RingType : Tile_ShapedType<"Ring", "ring"> {
  let summary = "slots of shared memory that hold one matrix each";
  let description = [{
    `!tile.ring<2x128x64xbf16>` is two slots of 128 rows with 64 columns of
    bf16 or f16. A slot lies in shared memory as panels of 64 columns; in a
    panel a row takes 128 bytes, and 16-byte chunk c of row r is stored at chunk
    `c xor (r mod 8)`: the 128-byte swizzle of the tensor cores. Columns are
    rounded up to whole panels.
  }];
  let extraClassDeclaration = [{
    int64_t getSlots() const { return getShape()[0]; }
    int64_t getRows() const { return getShape()[1]; }
    int64_t getColumns() const { return getShape()[2]; }
    /// Panels of 64 columns and the bytes of one.
    int64_t getPanels() const { return (getColumns() + 63) / 64; }
    int64_t getPanelBytes() const { return getRows() * 128; }
    int64_t getSlotBytes() const { return getPanels() * getPanelBytes(); }
  }];
}

def Tile_KeyListType : Tile_Type<"KeyList", "key_list"> {
  let summary = "slots of shared memory that list the keys of a work item";
  let description = [{
    Every slot lists `keys` keys: index (i32), life (two i32: birth and length;
    the query positions `birth <= t < birth + length` see the key, where an
    unsigned length of 2^32 - 1 never ends), score (f32; `+inf` for keys of the
    window, whose gate is 1), and one word with a bit for each `tile.flag`.

    Entry `16a + 4q + 2b + i` is row `16a + 8b + 2q + i` of the matrices that
    are gathered by the list: a thread then reads what it needs for its columns
    of an accumulator in 16-byte loads.
  }];
  let parameters = (ins "int64_t":$slots, "int64_t":$keys);
  let assemblyFormat = "`<` struct(params) `>`";
  let extraClassDeclaration = [{
    /// Byte offsets in a slot, and its size.
    int64_t getIndexOffset() const { return 0; }
    int64_t getLifeOffset() const { return getKeys() * 4; }
    int64_t getScoreOffset() const { return getKeys() * 12; }
    int64_t getFlagOffset() const { return getKeys() * 16; }
    int64_t getSlotBytes() const { return getKeys() * 16 + 16; }
  }];
}

def Tile_FragType : Tile_ShapedType<"Frag", "frag"> {
  let summary = "a matrix in the registers of a warpgroup";
  let description = [{
    `!tile.frag<64x128xf32>`: 64 rows, one warpgroup. Element `4n + 2r + c` of a
    thread is row `16 * warp + lane / 4 + 8r`, column `8n + 2 * (lane mod 4) + c`:
    the accumulator layout of the tensor cores, which is also their layout of
    a 16-bit left operand. 128 rows are two such fragments, one after the other.
  }];
  let extraClassDeclaration = [{
    int64_t getRows() const { return getShape()[0]; }
    int64_t getColumns() const { return getShape()[1]; }
  }];
}

def Tile_PendingType : Tile_ShapedType<"Pending", "pending"> {
  let summary = "a fragment that the tensor cores are still writing";
  let description = [{
    The result of an asynchronous product. Only `tile.wait` makes it a fragment.
  }];
  let extraClassDeclaration = [{
    int64_t getRows() const { return getShape()[0]; }
    int64_t getColumns() const { return getShape()[1]; }
  }];
}

def Tile_RowsType : Tile_ShapedType<"Rows", "rows"> {
  let summary = "one number for each row of a fragment";
  let description = [{
    `!tile.rows<64xf32>`: a thread holds the numbers of its two rows (of 128 rows,
    four), and the four threads that share a row hold the same one.
  }];
  let extraClassDeclaration = [{
    int64_t getRows() const { return getShape()[0]; }
  }];
}

def Tile_AnyRing : AnyTypeOf<[Tile_RingType, Tile_KeyListType]>;
def Tile_Product : AnyTypeOf<[Tile_FragType, Tile_PendingType]>;

#endif // SPARSEK_DIALECT_TILE_IR_TILETYPES
