//===- Frag.td - The frag dialect --------------------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_FRAG_IR_FRAG
#define SPARSEK_DIALECT_FRAG_IR_FRAG

include "mlir/Dialect/LLVMIR/LLVMOpBase.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===----------------------------------------------------------------------===//
// Dialect
//===----------------------------------------------------------------------===//

def Frag_Dialect : Dialect {
  let name = "frag";
  let summary = "tensor-core products on the registers of one thread";
  let description = [{
    Below the tile dialect a kernel is what one thread does: fragments are
    vectors of its registers, and arith, math, vector, scf and nvvm ops compute
    with them. This dialect adds what NVVM lacks: products of whole matrices
    whose accumulators, and left operand, are vectors, by a warpgroup together
    (`wgmma`) or by each of its warps (`mma`), and the wait for the former.

    Accumulator element `4n + 2r + c` is row `16 * warp + lane / 4 + 8r` and
    column `8n + 2 * (lane mod 4) + c`. A 16-bit left operand has the same
    order, two elements to an i32.

    `wgmma` takes an operand in shared memory by the low word of its matrix
    descriptor: bits 0-13 hold the address / 16, bits 16-29 the bytes / 16
    between panels of 64 columns where the operand is read across rows. The high
    word is constant: 1024 bytes between groups of eight rows, 128-byte swizzle.
    `mma` takes the i32 address in shared memory of an operand in the same form,
    at a multiple of 1024.
  }];
  let cppNamespace = "::sparsek::frag";
}

class Frag_Op<string mnemonic, list<Trait> traits = []> : Op<Frag_Dialect, mnemonic, traits>;

def Frag_F32Vector : VectorOfRankAndType<[1], [F32]>;
def Frag_I32Vector : VectorOfRankAndType<[1], [I32]>;
def Frag_Half : TypeAttrBase<"::mlir::FloatType", "bf16 or f16"> {
  let predicate = And<[TypeAttrBase<"::mlir::FloatType", "float">.predicate,
    Or<[CPred<"::llvm::cast<::mlir::TypeAttr>($_self).getValue().isBF16()">,
        CPred<"::llvm::cast<::mlir::TypeAttr>($_self).getValue().isF16()">]>]>;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

def Frag_WgmmaSSOp : Frag_Op<"wgmma_ss", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "product of two matrices in shared memory";
  let description = [{
    `result = A * B^T`: A is 64 x `depth`, B is columns x `depth`, both with
    their depth contiguous in panels of 64 elements, `lhs_panel` and `rhs_panel`
    bytes apart. Starts one group of products; the result must not be used
    before `frag.wgmma_wait`.

    ```mlir
    %s = frag.wgmma_ss %q, %k depth(128) type(bf16) panels(16384, 16384) : vector<64xf32>
    ```
  }];
  let arguments = (ins I32:$lhs, I32:$rhs, I64Attr:$depth, Frag_Half:$type, I64Attr:$lhs_panel, I64Attr:$rhs_panel);
  let results = (outs Frag_F32Vector:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `depth` `(` $depth `)` `type` `(` $type `)` `panels` `(` $lhs_panel `,` $rhs_panel `)` attr-dict
    `:` type($result)
  }];
  let hasVerifier = 1;
}

def Frag_WgmmaRSOp : Frag_Op<"wgmma_rs", [MemoryEffects<[MemRead, MemWrite]>, AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "product of a fragment and a matrix in shared memory, added up";
  let description = [{
    `result = accumulator + A * B`: A is a 16-bit fragment of 64 rows, B has a
    row for each of its columns, stored with rows contiguous. Starts one group
    of products; the result must not be used before `frag.wgmma_wait`.

    ```mlir
    %o1 = frag.wgmma_rs %o, %p, %v type(bf16) : vector<64xf32>, vector<32xi32>
    ```
  }];
  let arguments = (ins Frag_F32Vector:$accumulator, Frag_I32Vector:$lhs, I32:$rhs, Frag_Half:$type);
  let results = (outs Frag_F32Vector:$result);
  let assemblyFormat = [{
    $accumulator `,` $lhs `,` $rhs `type` `(` $type `)` attr-dict `:` type($accumulator) `,` type($lhs)
  }];
  let hasVerifier = 1;
}

def Frag_WgmmaWaitOp : Frag_Op<"wgmma_wait", [MemoryEffects<[MemRead, MemWrite]>, AllTypesMatch<["value", "result"]>]> {
  let summary = "wait for a product";
  let description = [{
    Waits until at most `outstanding` groups of products are running and gives
    the accumulator a new name, so that no use of it can move above the wait.
  }];
  let arguments = (ins Frag_F32Vector:$value, I64Attr:$outstanding);
  let results = (outs Frag_F32Vector:$result);
  let assemblyFormat = "$value `outstanding` `(` $outstanding `)` attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def Frag_MmaSSOp : Frag_Op<"mma_ss", [MemoryEffects<[MemRead]>]> {
  let summary = "product of a warp, of two matrices in shared memory";
  let description = [{
    `result = A * B^T`: A is the warp's `tiles` of 16 rows, 64 rows apart, with
    `depth` columns; B is columns x `depth`; both with their depth contiguous in
    panels of 64 elements, `lhs_panel` and `rhs_panel` bytes apart. The result
    has the accumulators of the tiles one after another. The panels are read up
    to the next multiple of 16 rows or columns.

    ```mlir
    %s = frag.mma_ss %q, %k depth(128) type(bf16) panels(16384, 8192) tiles(1) : vector<32xf32>
    ```
  }];
  let arguments = (ins I32:$lhs, I32:$rhs, I64Attr:$depth, Frag_Half:$type, I64Attr:$lhs_panel, I64Attr:$rhs_panel,
                       I64Attr:$tiles);
  let results = (outs Frag_F32Vector:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `depth` `(` $depth `)` `type` `(` $type `)` `panels` `(` $lhs_panel `,` $rhs_panel `)`
    `tiles` `(` $tiles `)` attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

def Frag_MmaRSOp : Frag_Op<"mma_rs", [MemoryEffects<[MemRead]>, AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "product of a warp, of a fragment and a matrix in shared memory, added up";
  let description = [{
    `result = accumulator + A * B`: A is a 16-bit fragment of the warp's `tiles`
    of 16 rows; B has a row for each of its columns, stored with rows contiguous
    in panels of 64 columns, `panel` bytes apart.

    ```mlir
    %o1 = frag.mma_rs %o, %p, %v type(bf16) panel(8192) tiles(1) : vector<64xf32>, vector<16xi32>
    ```
  }];
  let arguments = (ins Frag_F32Vector:$accumulator, Frag_I32Vector:$lhs, I32:$rhs, Frag_Half:$type, I64Attr:$panel,
                       I64Attr:$tiles);
  let results = (outs Frag_F32Vector:$result);
  let assemblyFormat = [{
    $accumulator `,` $lhs `,` $rhs `type` `(` $type `)` `panel` `(` $panel `)` `tiles` `(` $tiles `)` attr-dict
    `:` type($accumulator) `,` type($lhs)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

def Frag_ArriveOp : Frag_Op<"arrive", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "arrive at an mbarrier where a condition holds";
  let description = [{
    One predicated instruction. With `nvvm.mbarrier.arrive` in a branch LLVM may
    let both sides of the branch enter the next loop; ptxas then takes what the
    loop counts for different in every lane, and moves the descriptors of every
    product from vector to uniform registers.
  }];
  let arguments = (ins LLVM_PointerInAddressSpace<3>:$barrier, I1:$condition);
  let assemblyFormat = "$barrier `if` $condition attr-dict `:` type($barrier)";
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

def Frag_RowAddressOp : Frag_Op<"row_address", [Pure, AllTypesMatch<["base", "result"]>]> {
  let summary = "address of a row";
  let description = [{
    `base + index * stride` with unsigned 32-bit `index` and `stride` (bytes):
    one instruction. As separate extensions and products LLVM hoists the
    extensions and multiplies 64-bit numbers, four instructions.
  }];
  let arguments = (ins LLVM_PointerInAddressSpace<1>:$base, I32:$index, I32:$stride);
  let results = (outs LLVM_PointerInAddressSpace<1>:$result);
  let assemblyFormat = "$base `,` $index `,` $stride attr-dict `:` type($base)";
}

#endif // SPARSEK_DIALECT_FRAG_IR_FRAG
