//===- TileEnums.td - Enums of the tile dialect ------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_TILE_IR_TILEENUMS
#define SPARSEK_DIALECT_TILE_IR_TILEENUMS

include "mlir/IR/EnumAttr.td"
include "sparsek/Dialect/Tile/IR/TileDialect.td"

class Tile_Enum<string name, string summary, list<I32EnumAttrCase> cases> :
    I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::sparsek::tile";
  let genSpecializedAttr = 0;
}

def Tile_When : Tile_Enum<"When", "in which slots of a key list a step is applied", [
    I32EnumAttrCase<"Never", 0, "never">,
    I32EnumAttrCase<"Needed", 1, "needed">,
    I32EnumAttrCase<"Always", 2, "always">]>;

def Tile_Flag : Tile_Enum<"Flag", "what a slot of a key list says about its keys", [
    I32EnumAttrCase<"Masked", 0, "masked">,
    I32EnumAttrCase<"Gated", 1, "gated">,
    I32EnumAttrCase<"Last", 2, "last">,
    I32EnumAttrCase<"Padded", 3, "padded">]>;

def Tile_FlagAttr : EnumAttr<Tile_Dialect, Tile_Flag, "flag"> {
  let assemblyFormat = "`<` $value `>`";
}

def Tile_Turn : Tile_Enum<"Turn", "what a consumer does with its turn at the tensor cores", [
    I32EnumAttrCase<"Start", 0, "start">,
    I32EnumAttrCase<"Take", 1, "take">,
    I32EnumAttrCase<"Pass", 2, "pass">]>;

def Tile_TurnAttr : EnumAttr<Tile_Dialect, Tile_Turn, "turn"> {
  let assemblyFormat = "`<` $value `>`";
}

#endif // SPARSEK_DIALECT_TILE_IR_TILEENUMS
