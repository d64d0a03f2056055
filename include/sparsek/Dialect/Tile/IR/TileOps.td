//===- TileOps.td - Ops of the tile dialect ----------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_TILE_IR_TILEOPS
#define SPARSEK_DIALECT_TILE_IR_TILEOPS

include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "sparsek/Dialect/Tile/IR/TileAttributes.td"
include "sparsek/Dialect/Tile/IR/TileTypes.td"

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<Tile_Dialect, mnemonic, traits>;

def Tile_F32Frag : Type<CPred<"::llvm::isa<::sparsek::tile::FragType>($_self) && "
    "::llvm::cast<::sparsek::tile::FragType>($_self).getElementType().isF32()">,
    "f32 fragment", "::sparsek::tile::FragType">;
def Tile_F32Rows : Type<CPred<"::llvm::isa<::sparsek::tile::RowsType>($_self) && "
    "::llvm::cast<::sparsek::tile::RowsType>($_self).getElementType().isF32()">,
    "f32 rows", "::sparsek::tile::RowsType">;
def Tile_Words : VectorOfLengthAndType<[4], [I32]>;
def Tile_I32Rows : Type<CPred<"::llvm::isa<::sparsek::tile::RowsType>($_self) && "
    "::llvm::cast<::sparsek::tile::RowsType>($_self).getElementType().isInteger(32)">,
    "i32 rows", "::sparsek::tile::RowsType">;

//===----------------------------------------------------------------------===//
// Structure
//===----------------------------------------------------------------------===//

def Tile_KernelOp : Tile_Op<"kernel", [
    FunctionOpInterface, IsolatedFromAbove, SingleBlock, NoTerminator,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "one GPU kernel";
  let description = [{
    The body makes rings and splits into roles; ops outside roles are run by
    every thread. Arguments are memrefs with a contiguous last dimension and
    scalars. Every argument has a `tile.name`, which is its name in the launch
    record; a memref of rank over 1 also has `tile.dims`, one letter for each
    dimension, and becomes a pointer and one stride for each dimension but the
    last: `q` with dims `bhmd` becomes `q`, `q_b`, `q_h`, `q_m`.

    `threads` is the size of a block without roles; with roles it follows from
    their warps. `shared_bytes` is set by `tile-allocate`.
  }];
  let arguments = (ins
    SymbolNameAttr:$sym_name,
    TypeAttrOf<FunctionType>:$function_type,
    OptionalAttr<DictArrayAttr>:$arg_attrs,
    OptionalAttr<DictArrayAttr>:$res_attrs,
    OptionalAttr<Tile_ScheduleAttr>:$schedule,
    OptionalAttr<Tile_RowMapAttr>:$row_map,
    OptionalAttr<I64Attr>:$threads,
    OptionalAttr<I64Attr>:$shared_bytes);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The launch record, on the module of the kernels.
    static constexpr ::llvm::StringLiteral kRecordAttr = "sparsek.launch_record";
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// Threads of a block.
    int64_t getBlockThreads();
  }];
}

def Tile_RingOp : Tile_Op<"ring", [
    HasParent<"KernelOp">, MemoryEffects<[MemAlloc]>,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "a ring of shared-memory slots between roles";
  let description = [{
    1 to 16 slots. Every slot has two barriers. *full* completes after `fills`
    arrivals (`tile.commit`), *free* after `drains` arrivals (`tile.release`);
    commit arrives once per lane where the slot is filled by asynchronous copies
    and once per warp where it is filled by ordinary stores, and once more per
    warp where a slot of a list is handed over with it; release arrives once per
    warp.

    `tile-allocate` sets `offset`, the byte offset of the slots, and `barriers`,
    that of the barriers (per slot: full, free; 8 bytes each). A ring prints
    with the name of the argument that is copied into it.

    ```mlir
    %k = tile.ring fills(32) drains(8) : !tile.ring<2x128x128xbf16>
    ```
  }];
  let arguments = (ins I64Attr:$fills, I64Attr:$drains, OptionalAttr<I64Attr>:$offset, OptionalAttr<I64Attr>:$barriers);
  let results = (outs Tile_AnyRing:$ring);
  let assemblyFormat = [{
    `fills` `(` $fills `)` `drains` `(` $drains `)` (`offset` `(` $offset^ `)`)? (`barriers` `(` $barriers^ `)`)?
    attr-dict `:` type($ring)
  }];
  let hasVerifier = 1;
}

def Tile_RoleOp : Tile_Op<"role", [HasParent<"KernelOp">, SingleBlock, NoTerminator, NoRegionArguments,
                                   RecursiveMemoryEffects]> {
  let summary = "what some warps of the block do";
  let description = [{
    Roles take the warps of the block in order. A role that computes has whole
    warpgroups of four warps, each with fragments of its own. `registers` is the
    register budget of a thread; the warps of a warpgroup must agree on it.

    ```mlir
    tile.role "gather" warps(2) registers(56) { ... }
    ```
  }];
  let arguments = (ins StrAttr:$role, I64Attr:$warps, OptionalAttr<I64Attr>:$registers);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$role `warps` `(` $warps `)` (`registers` `(` $registers^ `)`)? attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def Tile_BlockOp : Tile_Op<"block", [Pure]> {
  let summary = "number of this block, and how many there are";
  let description = "Blocks of a grid with several dimensions are counted x fastest, then y.";
  let results = (outs I32:$id, I32:$count);
  let assemblyFormat = "attr-dict";
}

def Tile_ThreadOp : Tile_Op<"thread", [Pure]> {
  let summary = "number of this thread in its block";
  let results = (outs I32:$id);
  let assemblyFormat = "attr-dict";
}

def Tile_WarpOp : Tile_Op<"warp", [Pure]> {
  let summary = "number of this warp in its role";
  let description = "In its block where it has no role. The same for every lane.";
  let results = (outs I32:$id);
  let assemblyFormat = "attr-dict";
}

def Tile_WarpgroupOp : Tile_Op<"warpgroup", [Pure]> {
  let summary = "number of this warpgroup in its role, which computes";
  let results = (outs I32:$id);
  let assemblyFormat = "attr-dict";
}

def Tile_RoundsOp : Tile_Op<"rounds", [Pure]> {
  let summary = "how many work items this block has";
  let description = [{
    A block has one item in each round. Block i of n has number `r * n + i` in
    round r, where r is odd `r * n + n - 1 - i`, and none where that is not below
    `items`. Items get shorter with their number: who has a long one in a round
    has a short one in the next.
  }];
  let arguments = (ins I32:$items);
  let results = (outs I32:$rounds);
  let assemblyFormat = "`of` $items attr-dict";
}

def Tile_ItemOp : Tile_Op<"item", [Pure]> {
  let summary = "coordinates of this block's work item in a round";
  let description = [{
    An item is a tile of a column, and a column is a head block of a key-value
    head of a batch, `(b * heads + h) * head_blocks + head_block`. `together`
    columns are worked on at a time, so that their keys stay in the L2 cache:
    their items come before those of the next columns. Among these the column
    counts fastest and the tile slowest, the last tile first, as late tiles have
    the longest lists. `tile.rounds` says which number a block has in a round.
    `row` is the first query row of the tile, `tile * positions`.
  }];
  let arguments = (ins I32:$round, I32:$batches, I32:$heads, I32:$tiles, I32:$together);
  let results = (outs I32:$batch, I32:$head, I32:$head_block, I32:$row);
  let assemblyFormat = "$round `of` $batches `x` $heads `x` $tiles `together` `(` $together `)` attr-dict";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

// For kernels whose threads each have numbers of their own: they share arrays,
// and the lanes of a warp see each other's values. All lanes of a warp must take
// part in an op across lanes, and all threads of the block in a barrier.

def Tile_LaneOp : Tile_Op<"lane", [Pure]> {
  let summary = "number of this thread in its warp";
  let results = (outs I32:$id);
  let assemblyFormat = "attr-dict";
}

def Tile_ArrayOp : Tile_Op<"array", [HasParent<"KernelOp">, MemoryEffects<[MemAlloc]>]> {
  let summary = "an array in shared memory, one for the block";
  let description = [{
    Elements of 4, 8 or 16 bytes, undefined at first. `tile-allocate` sets
    `offset`, its byte offset. Elements are read and written by `memref.load`,
    `memref.store` and `memref.atomic_rmw addi`.

    ```mlir
    %counts = tile.array : memref<256xi32>
    ```
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$offset);
  let results = (outs StaticShapeMemRefOf<[I32, I64, F32, F64, Tile_Words]>:$array);
  let assemblyFormat = "(`offset` `(` $offset^ `)`)? attr-dict `:` type($array)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getBytes();
  }];
}

def Tile_BarrierOp : Tile_Op<"barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "wait for all threads of the block";
  let description = "What they have written before is seen by all after it.";
  let assemblyFormat = "attr-dict";
}

def Tile_WaitPreviousOp : Tile_Op<"wait_previous", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "wait for the kernels that were launched before this one";
  let description = [{
    Launched as a programmatic dependent, a kernel begins before they have ended,
    and must not read what they write or write what they read before this op.
    Launched as usual, and on chips that cannot do it (before sm_90), it has
    nothing to wait for.
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_WarpBarrierOp : Tile_Op<"warp_barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "wait for all lanes of the warp";
  let description = "What they have written before is seen by all of them after it.";
  let assemblyFormat = "attr-dict";
}

// Not speculatable: what an op across lanes gives depends on who takes part.
class Tile_WarpValueOp<string mnemonic, list<Trait> traits = []> : Tile_Op<mnemonic, !listconcat([
    MemoryEffects<[MemRead, MemWrite]>], traits)>;

def Tile_BallotOp : Tile_WarpValueOp<"ballot"> {
  let summary = "one bit from every lane";
  let description = "Bit l is the condition of lane l.";
  let arguments = (ins I1:$condition);
  let results = (outs I32:$result);
  let assemblyFormat = "$condition attr-dict";
}

def Tile_BroadcastOp : Tile_WarpValueOp<"broadcast", [AllTypesMatch<["input", "result"]>]> {
  let summary = "the value of one lane";
  let description = "Each lane names the lane whose value it gets.";
  let arguments = (ins AnyTypeOf<[I32, I64, F32]>:$input, I32:$lane);
  let results = (outs AnyTypeOf<[I32, I64, F32]>:$result);
  let assemblyFormat = "$input `from` $lane attr-dict `:` type($input)";
}

def Tile_WarpScanOp : Tile_WarpValueOp<"warp_scan", [AllTypesMatch<["input", "result"]>]> {
  let summary = "sum over the lanes up to this one";
  let description = [{
    Integers modulo 2^32 or 2^64; f64 in the order of distances 1, 2, 4, 8, 16,
    so that a sum depends on no later lane.
  }];
  let arguments = (ins AnyTypeOf<[I32, I64, F64]>:$input);
  let results = (outs AnyTypeOf<[I32, I64, F64]>:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Tile_WarpSumOp : Tile_WarpValueOp<"warp_sum", [AllTypesMatch<["input", "result"]>]> {
  let summary = "sum over the lanes of the warp";
  let description = [{
    Integers modulo 2^32 or 2^64; f32 and f64 in the order of a butterfly from
    the most distant lanes to neighbours, the same in every lane.
  }];
  let arguments = (ins AnyTypeOf<[I32, I64, F32, F64]>:$input);
  let results = (outs AnyTypeOf<[I32, I64, F32, F64]>:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

// Products of single warps, of a tall matrix that is read once with a narrow one
// that stays in shared memory. A *panel* is 16 rows of the tall one, in the
// registers of a warp. Loads of a panel run on while the program continues.

def Tile_LoadPanelOp : Tile_Op<"load_panel", [MemoryEffects<[MemRead]>]> {
  let summary = "16 rows of a 16-bit matrix in global memory, into the registers of a warp";
  let description = [{
    The columns `column` to `column + 32 * groups - 1` of the rows `row` to
    `row + 15` of `source[batch]`, a multiple of 8 of static size. Rows that are
    not below `limit` are as row `limit - 1`. Columns past the last one are 0
    with `masked`; without it there are none.

    Of each group of 32 columns lane l holds the columns `8 * (l mod 4)` to
    `8 * (l mod 4) + 7` of the row `l / 4` (four words) and of the row
    `l / 4 + 8` (four more): one load of 16 bytes each. Rows must begin at
    multiples of 16 bytes.

    ```mlir
    %panel = tile.load_panel %x[%batch, %row, %column] limit %rows masked : memref<?x?x72xbf16, ...> -> vector<32xi32>
    ```
  }];
  let arguments = (ins AnyMemRef:$source, I32:$batch, I32:$row, I32:$column, I32:$limit, UnitAttr:$masked);
  let results = (outs VectorOfRankAndType<[1], [I32]>:$panel);
  let assemblyFormat = [{
    $source `[` $batch `,` $row `,` $column `]` `limit` $limit (`masked` $masked^)? attr-dict
    `:` type($source) `->` type($panel)
  }];
  let hasVerifier = 1;
}

def Tile_MmaPanelOp : Tile_Op<"mma_panel", [MemoryEffects<[MemRead]>, AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "product of a panel with a matrix in shared memory, added to an accumulator";
  let description = [{
    The right operand has a multiple of 8 columns, and is a sum of `parts`
    matrices of the 16-bit `element`: of the parts themselves where that is bf16,
    of part p times 2^(-11 p) where it is f16, so that small parts keep their
    bits. It is stored as

        rhs[((group * parts + part) * columns / 8 + column / 8) * 32 + lane]

    which is 16 bytes: the rows `32 * group + 8 * (lane mod 4)` on, eight of
    them, of the column `8 * (column / 8) + lane / 4`. The product starts with
    the rows of `group`. Every lane reads 16 bytes that no other one does.

    The accumulator has, for every eight columns, four elements of a lane: the
    columns `2 * (l mod 4)` and the next of the row `l / 4`, then of `l / 4 + 8`.
    The panel is summed up by itself first and then added, in an order that
    depends on nothing but the types. Parts after the first, where their sum is
    no finite number, count as 0: an infinity is that of the first part.

    ```mlir
    %next = tile.mma_panel %panel, %w[%group], %sum bf16 parts(3)
        : vector<32xi32>, memref<768xvector<4xi32>>, vector<4xf32>
    ```
  }];
  let arguments = (ins VectorOfRankAndType<[1], [I32]>:$panel, AnyMemRef:$rhs, I32:$group,
                       VectorOfRankAndType<[1], [F32]>:$accumulator, TypeAttr:$element,
                       DefaultValuedAttr<I64Attr, "1">:$parts);
  let results = (outs VectorOfRankAndType<[1], [F32]>:$result);
  let assemblyFormat = [{
    $panel `,` $rhs `[` $group `]` `,` $accumulator $element (`parts` `(` $parts^ `)`)? attr-dict
    `:` type($panel) `,` type($rhs) `,` type($accumulator)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

class Tile_SlotOp<string mnemonic, string what> : Tile_Op<mnemonic, [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = what;
  let arguments = (ins Tile_AnyRing:$ring, I32:$position);
  let assemblyFormat = "$ring `[` $position `]` attr-dict `:` type($ring)";
}

def Tile_ReserveOp : Tile_SlotOp<"reserve", "wait until the slot is free"> {
  let description = "Done by the role that fills the ring, before it writes into the slot.";
}

class Tile_SlotWithOp<string mnemonic, string what> : Tile_Op<mnemonic, [
    AttrSizedOperandSegments, MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = what;
  let arguments = (ins Tile_AnyRing:$ring, I32:$position, Optional<Tile_KeyListType>:$list, Optional<I32>:$list_position);
  let assemblyFormat = [{
    $ring `[` $position `]` (`with` $list^ `[` $list_position `]`)? attr-dict `:` type($ring) (`,` type($list)^)?
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$ring, "::mlir::Value":$position), [{
    build($_builder, $_state, ring, position, ::mlir::Value(), ::mlir::Value());
  }]>];
  let hasVerifier = 1;
}

def Tile_CommitOp : Tile_SlotWithOp<"commit", "hand the filled slot over"> {
  let description = [{
    Takes effect when the copies that this thread has started have landed. With
    `with`, the acquired slot of a list is handed over too: this takes one more
    arrival per warp, and spares every reader one more wait.
  }];
}
def Tile_AcquireOp : Tile_SlotWithOp<"acquire", "wait until the slot is filled"> {
  let description = [{
    Done by every role that reads the slot. With `with`, the slot of the list
    that was committed with this one is acquired too; each is released by itself.
  }];
}
def Tile_ReleaseOp : Tile_SlotOp<"release", "give the slot back"> {
  let description = "Done by every role that has acquired the slot, after its last read.";
}

def Tile_SkipOp : Tile_Op<"skip", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "give slots back unread";
  let description = [{
    Acquires and releases, one after the other, the slots at the positions
    `begin <= position < end` of a ring of keys, with those of the list that were
    committed with them, and of a ring of values: for keys that no row of this
    warpgroup sees. All slots have as many keys.
  }];
  let arguments = (ins Tile_RingType:$keys, Tile_KeyListType:$list, Tile_RingType:$values, I32:$begin, I32:$end);
  let assemblyFormat = [{
    $keys `with` $list `and` $values `from` $begin `to` $end attr-dict `:` type($keys) `,` type($list) `,` type($values)
  }];
  let hasVerifier = 1;
}

def Tile_TurnOp : Tile_Op<"turn", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "take or pass the turn at the tensor cores";
  let description = [{
    Consumer warpgroups, two or more, issue their products in turn, so that the
    softmax of each runs under the products of the others. `start` gives the
    first turn to the first warpgroup; the last one passes to it again.
  }];
  let arguments = (ins Tile_TurnAttr:$turn);
  let assemblyFormat = "`` $turn attr-dict";
}

//===----------------------------------------------------------------------===//
// Global memory to rings
//===----------------------------------------------------------------------===//

def Tile_LoadTileOp : Tile_Op<"load_tile", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "copy the query rows of a work item into a slot";
  let description = [{
    Rows by the kernel's row map, from `source[batch, query head, row, :]`; idle
    rows, and rows from `limit` on, become zero. Asynchronous: `tile.commit`
    follows.
  }];
  let arguments = (ins AnyMemRef:$source, I32:$batch, I32:$head, I32:$head_block, I32:$row, I32:$limit,
                       Tile_RingType:$ring, I32:$position);
  let assemblyFormat = [{
    $source `[` $batch `,` $head `,` $head_block `,` $row `]` `limit` $limit `into` $ring `[` $position `]` attr-dict
    `:` type($source) `,` type($ring)
  }];
  let hasVerifier = 1;
}

def Tile_GatherOp : Tile_Op<"gather", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "copy the listed rows into a slot";
  let description = [{
    Every row of the slot is `source[batch, head, index, :]` with the index of
    its list entry; where that is negative the row becomes zero and nothing is
    read. With `share` the warp copies one of `shares` contiguous blocks of
    rows, and the other warps of its role the rest. Asynchronous: `tile.commit`
    follows.
  }];
  let arguments = (ins AnyMemRef:$source, I32:$batch, I32:$head, Tile_KeyListType:$list, I32:$list_position,
                       Tile_RingType:$ring, I32:$position, Optional<I32>:$share,
                       DefaultValuedAttr<I64Attr, "1">:$shares);
  let assemblyFormat = [{
    $source `[` $batch `,` $head `]` `rows` $list `[` $list_position `]` `into` $ring `[` $position `]`
    (`share` $share^ `of` $shares)? attr-dict
    `:` type($source) `,` type($list) `,` type($ring)
  }];
  let hasVerifier = 1;
}

def Tile_ListKeysOp : Tile_Op<"list_keys", [AttrSizedOperandSegments, MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "list the keys that a work item attends to";
  let description = [{
    Pushes the slots that list every key some query position t in
    `first <= t <= last` attends to: the keys of the window with the life
    `[j, j + window)`, and every survivor j with its life `[j + window, expiry_j)`
    (C2, C3). Candidates for survivors are the `count` keys of the table from
    `table_row` on (those alive at position `chunk`) and every key born in
    `(chunk, last]`. Keys that all positions see come first, so that few slots
    are `masked`; a slot is `gated` where a key may have a gate below 1 at
    `last`. The `last` slot is padded with keys of index -1 and an empty life;
    there is always one. Scores and thresholds are read with `gated` only.

    `documents` packs several: elements 2t and 2t + 1 are the first position of
    the document of position t and the one after its last. Windows and lives do
    not cross documents, and expiries count from the document's start. Where a
    document ends inside the item, every slot is masked and, with `gated`,
    every slot with a survivor is gated.

    With `edges` set at run time, the list begins with the edges of the window in
    slots of their own, all masked: as many keys from `first - window + 1` on as
    the item has positions, then those of the positions `first` to `last`. So
    of the consumers of 64 positions each the n-th sees none of the first n of
    these slots of 64 keys, nor any behind the n-th of the second half. The item
    must be whole, and its window longer than the item and inside the sequence.
    Who skips edges needs a window of two keys more than the item has positions:
    then the last slot of the list is none of them.

    Returns the position after the last slot.

    `scratch` is the byte offset of `getScratchBytes()` bytes of shared memory
    in which the role keeps keys for later slots; `tile-allocate` sets it.
  }];
  let arguments = (ins Tile_KeyListType:$list, I32:$position, I32:$first, I32:$last, I32:$window, I32:$chunk,
                       AnyMemRef:$expiry, AnyMemRef:$scores, AnyMemRef:$threshold, I32:$batch, I32:$score_head,
                       AnyMemRef:$table, I64:$table_row, I32:$count,
                       Optional<AnyMemRef>:$documents, Optional<I1>:$edges, UnitAttr:$gated,
                       OptionalAttr<I64Attr>:$scratch);
  let results = (outs I32:$next);
  let assemblyFormat = [{
    $list `[` $position `]` `positions` `(` $first `to` $last `)` `window` `(` $window `)` `chunk` `(` $chunk `)`
    `from` $expiry `,` $scores `,` $threshold `[` $batch `,` $score_head `]`
    `and` $table `[` $table_row `,` $count `]` (`documents` `(` $documents^ `)`)? (`edges` `(` $edges^ `)`)?
    (`gated` $gated^)?
    (`scratch` `(` $scratch^ `)`)? attr-dict
    `:` type($list) `,` type($expiry) `,` type($scores) `,` type($threshold) `,` type($table) (`,` type($documents)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Bytes of shared memory for the keys that are put aside.
    int64_t getScratchBytes();
  }];
}

def Tile_FlagsOp : Tile_Op<"flags", [MemoryEffects<[MemRead]>]> {
  let summary = "all flags of an acquired slot of a key list";
  let description = "Bit n is the flag with the number n. The same for every lane.";
  let arguments = (ins Tile_KeyListType:$list, I32:$position);
  let results = (outs I32:$result);
  let assemblyFormat = "$list `[` $position `]` attr-dict `:` type($list)";
}

def Tile_FlagOp : Tile_Op<"flag", [MemoryEffects<[MemRead]>]> {
  let summary = "a flag of an acquired slot of a key list";
  let arguments = (ins Tile_FlagAttr:$flag, Tile_KeyListType:$list, I32:$position);
  let results = (outs I1:$result);
  let assemblyFormat = "`` $flag `of` $list `[` $position `]` attr-dict `:` type($list)";
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

def Tile_PositionsOp : Tile_Op<"positions", [Pure]> {
  let summary = "query row of every row of the fragment";
  let description = "`row` plus the position of the row map, plus `offset`.";
  let arguments = (ins I32:$row, I32:$offset);
  let results = (outs Tile_I32Rows:$result);
  let assemblyFormat = "$row `plus` $offset attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tile_LoadRowsOp : Tile_Op<"load_rows", [MemoryEffects<[MemRead]>]> {
  let summary = "one element of a vector for every row";
  let description = "`source[batch, head, positions]`, and 0 where the position is not below `limit`.";
  let arguments = (ins AnyMemRef:$source, I32:$batch, I32:$head, Tile_I32Rows:$positions, I32:$limit);
  let results = (outs Tile_F32Rows:$result);
  let assemblyFormat = [{
    $source `[` $batch `,` $head `]` `at` $positions `limit` $limit attr-dict `:` type($source) `,` type($positions)
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_FillOp : Tile_Op<"fill", [Pure]> {
  let summary = "one number everywhere";
  let arguments = (ins F32Attr:$value);
  let results = (outs AnyTypeOf<[Tile_F32Frag, Tile_F32Rows]>:$result);
  let assemblyFormat = "$value attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// Fragments
//===----------------------------------------------------------------------===//

def Tile_MmaNTOp : Tile_Op<"mma_nt", [MemoryEffects<[MemRead]>]> {
  let summary = "product of one slot with the transpose of another";
  let description = [{
    `result = lhs[lhs_position] * rhs[rhs_position]^T`, the rows of this
    warpgroup. With the result type `!tile.pending` the product runs on while
    the program continues.
  }];
  let arguments = (ins Tile_RingType:$lhs, I32:$lhs_position, Tile_RingType:$rhs, I32:$rhs_position);
  let results = (outs Tile_Product:$result);
  let assemblyFormat = [{
    $lhs `[` $lhs_position `]` `,` $rhs `[` $rhs_position `]` attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_MmaNNOp : Tile_Op<"mma_nn", [MemoryEffects<[MemRead]>]> {
  let summary = "product of a fragment with a slot, added to an accumulator";
  let description = "`result = accumulator + lhs * rhs[rhs_position]`; `lhs` is a 16-bit fragment.";
  let arguments = (ins Tile_FragType:$lhs, Tile_RingType:$rhs, I32:$rhs_position, Tile_F32Frag:$accumulator);
  let results = (outs Tile_Product:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `[` $rhs_position `]` `,` $accumulator attr-dict
    `:` type($lhs) `,` type($rhs) `,` type($accumulator) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_WaitOp : Tile_Op<"wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "the result of a pending product";
  let description = "Waits until at most `outstanding` later products are still running.";
  let arguments = (ins Tile_PendingType:$product, DefaultValuedAttr<I64Attr, "0">:$outstanding);
  let results = (outs Tile_F32Frag:$result);
  let assemblyFormat = "$product (`outstanding` `(` $outstanding^ `)`)? attr-dict `:` type($product) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_GateOp : Tile_Op<"gate", [MemoryEffects<[MemRead]>, AllTypesMatch<["input", "result"]>]> {
  let summary = "multiply every column by the gate of its key";
  let description = [{
    `result[r, c] = input[r, c] * clamp(score[c] - threshold[r], 0, 1)` with the
    scores of the list's slot; NaN counts as 0 (C5). The gates are recomputed at
    every use: kept, they would not fit into the registers beside the fragments.
  }];
  let arguments = (ins Tile_F32Frag:$input, Tile_KeyListType:$list, I32:$position, Tile_F32Rows:$threshold);
  let results = (outs Tile_F32Frag:$result);
  let assemblyFormat = [{
    $input `,` $list `[` $position `]` `,` $threshold attr-dict `:` type($input) `,` type($list) `,` type($threshold)
  }];
  let hasVerifier = 1;
}

def Tile_MaskOp : Tile_Op<"mask", [MemoryEffects<[MemRead]>, AllTypesMatch<["input", "result"]>]> {
  let summary = "-inf in every column whose key the row does not see";
  let description = "Row r sees column c where `birth[c] <= positions[r] < death[c]`.";
  let arguments = (ins Tile_F32Frag:$input, Tile_KeyListType:$list, I32:$position, Tile_I32Rows:$positions);
  let results = (outs Tile_F32Frag:$result);
  let assemblyFormat = [{
    $input `,` $list `[` $position `]` `,` $positions attr-dict `:` type($input) `,` type($list) `,` type($positions)
  }];
  let hasVerifier = 1;
}

def Tile_RaiseMaximumOp : Tile_Op<"raise_maximum", [
    Pure, AllTypesMatch<["maximum", "shift", "sum", "new_maximum", "new_shift", "new_sum", "decay"]>]> {
  let summary = "take one more slot into the maximum of the online softmax";
  let description = [{
    ```
    new_maximum = max(maximum, row maxima of logits)
    new_shift   = -scale * new_maximum
    decay       = 2^(scale * maximum + new_shift)
    new_sum     = decay * sum
    ```
    A row may keep its old maximum, with a decay of 1, while no weight exceeds
    2^8: the quotient of accumulator and sum is the same. Nearly always every
    row of a warp does, and the warp then does nothing but find that out.
    `tile.scale_rows` by the decay belongs to the accumulator.

    `scale` includes log2(e). A row without a visible key so far has the maximum
    -inf, the shift 0 and a decay of 0 or 1. `sum` is the part of this thread:
    the four threads of a row are added up by `tile.normalise`.
  }];
  let arguments = (ins Tile_F32Frag:$logits, Tile_F32Rows:$maximum, Tile_F32Rows:$shift, Tile_F32Rows:$sum, F32:$scale);
  let results = (outs Tile_F32Rows:$new_maximum, Tile_F32Rows:$new_shift, Tile_F32Rows:$new_sum, Tile_F32Rows:$decay);
  let assemblyFormat = "$logits `,` $maximum `,` $shift `,` $sum `scale` $scale attr-dict `:` type($logits) `,` type($maximum)";
}

def Tile_ExponentialsOp : Tile_Op<"exponentials", [Pure, AllTypesMatch<["logits", "weights"]>,
    AllTypesMatch<["shift", "sum", "new_sum"]>]> {
  let summary = "the weights of one slot of the online softmax";
  let description = [{
    ```
    weights = 2^(scale * logits + shift)
    new_sum = sum + row sums of weights
    ```
    with the shift and the sum of `tile.raise_maximum`.
  }];
  let arguments = (ins Tile_F32Frag:$logits, Tile_F32Rows:$shift, Tile_F32Rows:$sum, F32:$scale);
  let results = (outs Tile_F32Frag:$weights, Tile_F32Rows:$new_sum);
  let assemblyFormat = "$logits `,` $shift `,` $sum `scale` $scale attr-dict `:` type($logits) `,` type($shift)";
}

def Tile_ScaleRowsOp : Tile_Op<"scale_rows", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "multiply every row by its number";
  let arguments = (ins Tile_F32Frag:$input, Tile_F32Rows:$factor);
  let results = (outs Tile_F32Frag:$result);
  let assemblyFormat = "$input `,` $factor attr-dict `:` type($input) `,` type($factor)";
}

def Tile_TruncateOp : Tile_Op<"truncate", [Pure]> {
  let summary = "round a fragment to a 16-bit type";
  let arguments = (ins Tile_F32Frag:$input);
  let results = (outs Tile_FragType:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_NormaliseOp : Tile_Op<"normalise", [MemoryEffects<[MemRead]>, AttrSizedOperandSegments,
    AllTypesMatch<["maximum", "sum", "factor", "lse"]>]> {
  let summary = "what turns weighted sums into means, and the logarithm of the denominator";
  let description = [{
    `factor = 1 / d` and `lse = ln(d) + maximum * scale * ln 2` for the
    denominator `d = sum over the row [+ 2^(log2(e) * sink - scale * maximum)]`;
    a row without a visible key has factor 0 and lse -inf, with a sink too (C6, C8).
    `sink` is indexed by query head, by the row map.
  }];
  let arguments = (ins Tile_F32Rows:$maximum, Tile_F32Rows:$sum, F32:$scale,
                       Optional<AnyMemRef>:$sink, Optional<I32>:$head, Optional<I32>:$head_block);
  let results = (outs Tile_F32Rows:$factor, Tile_F32Rows:$lse);
  let assemblyFormat = [{
    $maximum `,` $sum `scale` $scale (`sink` $sink^ `[` $head `,` $head_block `]`)? attr-dict
    `:` type($maximum) (`,` type($sink)^)?
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Fragments to global memory
//===----------------------------------------------------------------------===//

def Tile_StoreTileOp : Tile_Op<"store_tile", [MemoryEffects<[MemWrite]>]> {
  let summary = "store the rows of a work item";
  let description = "To `target[batch, query head, row, :]` by the row map, rounded to its type; idle rows and rows from `limit` on are not stored.";
  let arguments = (ins Tile_F32Frag:$value, AnyMemRef:$target, I32:$batch, I32:$head, I32:$head_block, I32:$row,
                       I32:$limit);
  let assemblyFormat = [{
    $value `,` $target `[` $batch `,` $head `,` $head_block `,` $row `]` `limit` $limit attr-dict
    `:` type($value) `,` type($target)
  }];
  let hasVerifier = 1;
}

def Tile_StoreRowsOp : Tile_Op<"store_rows", [MemoryEffects<[MemWrite]>]> {
  let summary = "store one number for every row of a work item";
  let description = "To `target[batch, query head, row]`, as `tile.store_tile`.";
  let arguments = (ins Tile_F32Rows:$value, AnyMemRef:$target, I32:$batch, I32:$head, I32:$head_block, I32:$row,
                       I32:$limit);
  let assemblyFormat = [{
    $value `,` $target `[` $batch `,` $head `,` $head_block `,` $row `]` `limit` $limit attr-dict
    `:` type($value) `,` type($target)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Selection tables
//===----------------------------------------------------------------------===//

def Tile_CollectSurvivorsOp : Tile_Op<"collect_survivors", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "list the keys that are selected at one position";
  let description = [{
    By all threads of the block: the indices j, ascending, with
    `j + window <= position < expiry_j`, at most `capacity` of them, to
    `table[table_row...]`; returns their number. With `documents` (see
    `tile.list_keys`) only keys of the position's document.
  }];
  let arguments = (ins AnyMemRef:$expiry, I32:$batch, I32:$score_head, I32:$position, I32:$window,
                       AnyMemRef:$table, I64:$table_row, I32:$capacity, Optional<AnyMemRef>:$documents);
  let results = (outs I32:$count);
  let assemblyFormat = [{
    $expiry `[` $batch `,` $score_head `]` `at` $position `window` `(` $window `)`
    `into` $table `[` $table_row `,` $capacity `]` (`documents` `(` $documents^ `)`)? attr-dict
    `:` type($expiry) `,` type($table) (`,` type($documents)^)?
  }];
  let extraClassDeclaration = [{
    /// Bytes of shared memory: two counts for each warp.
    static int64_t getScratchBytes(int64_t threads) { return threads / 32 * 8; }
  }];
  let hasVerifier = 1;
}

def Tile_DocumentOp : Tile_Op<"document", [MemoryEffects<[MemRead]>]> {
  let summary = "the packed document of a position";
  let description = "By binary search in `cu_seqlens`: `start <= position < end`.";
  let arguments = (ins AnyMemRef:$cu_seqlens, I32:$sequences, I32:$position);
  let results = (outs I32:$start, I32:$end);
  let assemblyFormat = "$position `in` $cu_seqlens `[` $sequences `]` attr-dict `:` type($cu_seqlens)";
  let hasVerifier = 1;
}

#endif // SPARSEK_DIALECT_TILE_IR_TILEOPS
