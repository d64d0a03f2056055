//===- TileAttributes.td - Attributes of the tile dialect --*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_TILE_IR_TILEATTRIBUTES
#define SPARSEK_DIALECT_TILE_IR_TILEATTRIBUTES

include "mlir/IR/AttrTypeBase.td"
include "sparsek/Dialect/Tile/IR/TileEnums.td"

class Tile_Attr<string name, string attrMnemonic> : AttrDef<Tile_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Tile_ScheduleAttr : Tile_Attr<"Schedule", "schedule"> {
  let summary = "how a kernel uses its block: every speed decision";
  let description = [{
    | field | meaning | accepted |
    |---|---|---|
    | `rows` | query rows of a work item | 64, 128, 192, 256 |
    | `keys` | keys of a slot | 64, 128 |
    | `list_slots`, `key_slots`, `value_slots`, `query_slots` | slots of the rings | 1 to 16 |
    | `producer_registers`, `consumer_registers` | registers of a thread after the roles have split | multiples of 8 in 24..240 |
    | `overlap` | products of the next slot run under the softmax of this one | |
    | `ping_pong` | the consumer warpgroups take turns at the tensor cores | two consumers or more |
    | `persistent` | one block per multiprocessor walks over the work items | |
    | `masks`, `gates` | slots that are masked, gated | `never`, `needed`, `always` |
    | `consumer_rows` | query rows of a consumer warpgroup; 64 where not given | 64, 128 |
    | `skip_edges` | consumers skip slots with the edges of the window that they do not see; `false` where not given | `keys` and `consumer_rows` 64, two consumers or more; with `overlap` as many slots of list, keys and values |

    ```mlir
    #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2,
                   query_slots = 2, producer_registers = 56, consumer_registers = 224,
                   overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed>
    ```
  }];
  let parameters = (ins
    "int64_t":$rows, "int64_t":$keys,
    "int64_t":$list_slots, "int64_t":$key_slots, "int64_t":$value_slots, "int64_t":$query_slots,
    "int64_t":$producer_registers, "int64_t":$consumer_registers,
    "bool":$overlap, "bool":$ping_pong, "bool":$persistent,
    EnumParameter<Tile_When>:$masks, EnumParameter<Tile_When>:$gates,
    DefaultValuedParameter<"int64_t", "64">:$consumer_rows,
    DefaultValuedParameter<"bool", "false">:$skip_edges);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Warpgroups that compute.
    int64_t getConsumers() const { return getRows() / getConsumerRows(); }
  }];
}

def Tile_RowMapAttr : Tile_Attr<"RowMap", "row_map"> {
  let summary = "which query head and position a row of a tile is";
  let description = [{
    Row r of a work item is query position `r / heads` of the item and query
    head `r mod heads` of its head block; rows from `positions * heads` on are
    idle. `group` query heads share a key-value head; where `heads < group`, the
    group takes several head blocks.
  }];
  let parameters = (ins "int64_t":$positions, "int64_t":$heads, "int64_t":$group);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getHeadBlocks() const { return (getGroup() + getHeads() - 1) / getHeads(); }
  }];
}

#endif // SPARSEK_DIALECT_TILE_IR_TILEATTRIBUTES
