//===- Passes.td - Conversions to and from the sparsek dialect ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CONVERSION_PASSES
#define SPARSEK_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// SparseKToLinalg
//===----------------------------------------------------------------------===//

def ConvertSparseKToLinalgPass : Pass<"convert-sparsek-to-linalg"> {
  let summary = "sparsek ops to linalg on tensors, by definition";
  let description = [{
    The reference lowering: every op becomes the formulas of its definition, in
    linalg, tensor, scf, arith and math ops on tensors, which any compiler of
    linalg can take. It is what other lowerings are compared with, so it uses no
    property that has to be proved: no sorting, no intervals, O(N^2) work.

    - `sparsek.score`: products in f32, in the order of the features for every
      row; `norm<timestep>` as Welford's recurrence in f64, position by position.
    - `sparsek.topk_mask`: each threshold by bisection down to neighbouring f64
      values, each expiry by counting the keys ranked above.
    - `sparsek.gathered_attention`, `sparsek.causal_attention`: one query
      position at a time; per key a flag (visible or not) and a gate, softmax in
      f32. Temporaries have B * Hq * N elements.

    `sparsek.attention` must be split before (`--sparsek-decompose-attention`),
    and dynamic sizes are taken to agree (`--sparsek-insert-runtime-checks`).

    ```mlir
    %u = sparsek.score %x, %w : tensor<1x64x16xf32>, tensor<16x2xf32>
    // becomes, with maps (b, h, n, c) -> (b, n, c), (c, h) and (b, h, n)
    %zero = linalg.fill ins(%c0 : f32) outs(%empty : tensor<1x2x64xf32>) -> tensor<1x2x64xf32>
    %u = linalg.generic {indexing_maps = [#x, #w, #u],
        iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
        ins(%x, %w : tensor<1x64x16xf32>, tensor<16x2xf32>) outs(%zero : tensor<1x2x64xf32>) {
      ^bb0(%xe: f32, %we: f32, %sum: f32):
        %p = arith.mulf %xe, %we : f32
        %s = arith.addf %sum, %p : f32
        linalg.yield %s : f32
    } -> tensor<1x2x64xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

//===----------------------------------------------------------------------===//
// SparseKToLaunch
//===----------------------------------------------------------------------===//

def ConvertSparseKToLaunchPass : Pass<"convert-sparsek-to-launch", "::mlir::ModuleOp"> {
  let summary = "attention, selection and scores with kernels to launches of them";
  let description = [{
    Every `sparsek.gathered_attention`, `sparsek.topk_mask` and `sparsek.score`
    whose attribute `tile.kernels` names a `gpu.binary` with a launch record
    becomes a call of the runtime on buffers, which all lie in the memory of the
    device. Image and record of the binary become data of the module, and the
    binary goes: `gpu.launch_func` could not launch it, since grids, workspace
    and arguments follow from the record. In front of ops on packed documents
    stay the checks of `sparsek-insert-runtime-checks`: the runtime does not look
    at them.

    Other ops of the dialect stay, for `convert-sparsek-to-linalg`; those that
    have no tile program on any chip are named by a remark
    (`convert-sparsek-to-tile` has told why one of those three has none).

    The runtime's functions are in lib/CUDARuntime/HostFunctions.cpp.

    ```mlir
    %o, %lse = sparsek.gathered_attention %q, ... topk(64) window(32) {tile.kernels = @kernels} : ...
    gpu.binary @kernels {sparsek.launch_record = {...}} [...]
    // becomes
    %0 = bufferization.to_buffer %q read_only : tensor<?x4x?x64xbf16> to memref<?x4x?x64xbf16>
    %1 = memref.cast %0 : memref<?x4x?x64xbf16> to memref<*xbf16>
    ...
    %o_buffer = memref.alloc(%b, %m) : memref<?x4x?x64xbf16>
    %kernel = llvm.mlir.addressof @kernels : !llvm.ptr
    call @sparsek_launch_attention_bf16(%kernel, %1, ..., %c64, %c32, %scale)
        : (!llvm.ptr, memref<*xbf16>, ..., i64, i64, f64) -> ()
    %o = bufferization.to_tensor %o_buffer restrict writable : memref<?x4x?x64xbf16> to tensor<?x4x?x64xbf16>
    // and
    llvm.mlir.global internal @kernels() : !llvm.struct<(ptr, i64, ptr, i64, ptr)> { image, size, record, size, null }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
                           "::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

//===----------------------------------------------------------------------===//
// SparseKToVector
//===----------------------------------------------------------------------===//

def ConvertSparseKToVectorPass : Pass<"convert-sparsek-to-vector", "::mlir::ModuleOp"> {
  let summary = "sparsek ops to calls of vector kernels for a CPU";
  let description = [{
    Replaces `score`, `topk_mask`, `gathered_attention` and `causal_attention`
    by calls of private functions, made once per configuration: element type,
    head sizes, group size, gate and optional operands are compiled in and in
    the name, lengths, `topk`, `window`, `scale` and strides are arguments. The
    functions use scf, memref, vector, arith and math only.

    - Attention: a tile is a few consecutive positions times the query heads of
      one KV head, one row per vector lane. It attends to one list of keys, its
      window and the keys alive by `expiry`, in blocks that are copied to
      scratch, with register-tiled products and an online softmax. Work is
      linear in N and memory O(N).
    - Selection: one pass over the keys with three heaps, O(N log N) (C3, C4).
    - Scores: dot products in one order of summation (C1).

    Pre-conditions: `sparsek.attention` has been decomposed
    (`--sparsek-decompose-attention`; a remaining one is an error), and dynamic
    sizes and the values of `cu_seqlens` agree, which
    `--sparsek-insert-runtime-checks` checks. The results are new buffers;
    operands are read through buffers whose innermost dimension, in features,
    queries, keys and values, is contiguous.

    ```mlir
    %o, %lse = sparsek.causal_attention %q, %k, %v
        : tensor<1x8x?x64xf32>, tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>
    // becomes
    %0 = bufferization.to_buffer %q read_only
        : tensor<1x8x?x64xf32> to memref<1x8x?x64xf32, strided<[?, ?, ?, 1], offset: ?>>
    %1 = memref.cast %0 : ... to memref<?x?x?x?xf32, strided<[?, ?, ?, 1], offset: ?>>
    ...
    %o_buffer = memref.alloc(%m) {alignment = 64 : i64} : memref<1x8x?x64xf32>
    ...
    call @sparsek_causal_attention_f32_d64x64_g4(%1, ..., %scale) : ...
    %o = bufferization.to_tensor %o_buffer restrict writable
        : memref<1x8x?x64xf32> to tensor<1x8x?x64xf32>
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
    "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
  let options = [
    Option<"vectorLanes", "vector-lanes", "int64_t", /*default=*/"16",
           "f32 lanes of a vector: 16 for AVX-512, 8 for AVX2">,
    Option<"panelVectors", "panel-vectors", "int64_t", /*default=*/"2",
           "Vectors of query rows in a register tile">,
    Option<"microRows", "micro-rows", "int64_t", /*default=*/"8",
           "Keys, or value columns, in a register tile">,
    Option<"keyBlock", "key-block", "int64_t", /*default=*/"64",
           "Keys attended to at a time; a multiple of micro-rows">,
    Option<"tileRows", "tile-rows", "int64_t", /*default=*/"128",
           "Query rows (positions times grouped heads) of a tile">,
    Option<"parallel", "parallel", "bool", /*default=*/"true",
           "Emit scf.parallel over heads and runs of tiles">];
}

//===----------------------------------------------------------------------===//
// SparseKToTile
//===----------------------------------------------------------------------===//

def ConvertSparseKToTilePass : Pass<"convert-sparsek-to-tile", "::mlir::ModuleOp"> {
  let summary = "gathered attention, selection and scores to tile programs for a GPU";
  let description = [{
    Makes the GPU kernels of every `sparsek.gathered_attention`,
    `sparsek.topk_mask` and `sparsek.score` as `tile.kernel`s, in a module of
    their own beside the function, and refers to that module by the attribute
    `tile.kernels` of the op. The op stays: calling the kernels is up to the pass
    that makes the host side. Those of `gathered_attention` are

    - `survivors` lists, for every few hundred positions, the keys that are
      selected there; `documents` (with `cu_seqlens`) the end of every
      position's document.
    - `attention` computes the output: a block walks over work items of 64 to
      256 rows (positions times the query heads of one key-value head). One
      warp lists the keys of the item, two copy their rows, each a half of
      every slot, one copies the queries, and a warpgroup for every 64 rows
      (128 where warps multiply by themselves) computes, one slot of keys after
      the other.

    Element type, D, Dv, group size, gate, sink, packing and schedule are
    compiled in: ops that agree on them share a module. Lengths, strides,
    window, number of selected keys and scale are arguments. The module carries
    the launch record, `sparsek.launch_record`, so far without the arguments,
    threads and shared memory of the kernels.

    `sparsek.topk_mask` has one module for packed documents and one without:
    kernels that sort, sum up along ranks and solve C3 and C4 (docs/Selection.md).
    An op with more than 2^20 keys is left alone.

    `sparsek.score` is treated alike: `score` multiplies the features, which it
    reads once, with weights in shared memory, in several parts where they do not
    fit there; for `norm<timestep>`
    `score_statistics`, `score_scan` and `score_normalise` follow. Element types,
    C, the number of heads, norm, statistics and carry are compiled in, offset
    and slope are arguments.

    The schedule follows from the types; `schedule` overrides single fields of
    `#tile.schedule`, and `remarks` tells the reasons. What cannot work is an
    error that names what is accepted.

    Pre-condition: `sparsek.attention` has been decomposed
    (`--sparsek-decompose-attention`). Ops that no tile program fits (f32, D or
    Dv above 256 or not a multiple of 8, C not a multiple of 8, more than 64
    score heads, other chips) are left alone with a remark.

    ```mlir
    %o, %lse = sparsek.gathered_attention %q, %k, %v, %u, %tau, %expiry topk(1024) window(1024) : ...
    // becomes
    %o, %lse = sparsek.gathered_attention %q, %k, %v, %u, %tau, %expiry topk(1024) window(1024)
        {tile.kernels = @gathered_attention_0} : ...
    // and
    module @gathered_attention_0 attributes {sparsek.launch_record = {chip = "sm_90a", dtype = "bf16", ...}} {
      tile.kernel @survivors(%expiry: memref<?x?x?xi32, strided<[?, ?, 1]>> {...}, ...) attributes {threads = 256} {
        ...
      }
      tile.kernel @attention(%q: memref<?x?x?x128xbf16, strided<[?, ?, ?, 1]>> {...}, ...)
          attributes {schedule = #tile.schedule<rows = 128, keys = 128, ...>, row_map = ...} {
        %list_ring = tile.ring fills(1) drains(10) : !tile.key_list<slots = 4, keys = 128>
        %k_ring = tile.ring fills(66) drains(8) : !tile.ring<2x128x128xbf16>
        ...
        tile.role "gather" warps(2) registers(72) { ... }
        ...
        tile.role "attend" warps(8) registers(216) {
          scf.for %item = %id to %items step %count ... {
            ...
            scf.while (%p = ..., %maximum = ..., %shift = ..., %sum = ..., %output = ...) : ... {
              tile.acquire %k_ring[%p] with %list_ring[%p] : ...
              %s = tile.mma_nt %q_ring[%query], %k_ring[%p] : ...
              ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect", "::sparsek::tile::TileDialect"];
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_90a\"", "the GPU: sm_ and a number, as in sm_90a">,
    Option<"schedule", "schedule", "std::string", "\"\"",
           "fields of #tile.schedule to set, as in keys=64,ping_pong=false">,
    Option<"remarks", "remarks", "bool", "false",
           "say for every op which schedule was chosen, and why">];
}

//===----------------------------------------------------------------------===//
// Import
//===----------------------------------------------------------------------===//

/// What attention becomes, for the passes that find it.
defvar PolicyOptions = [
  Option<"mode", "mode", "std::string", "\"sparse\"",
         "sparse: sparsek.attention; dense: sparsek.causal_attention">,
  Option<"topk", "topk", "int64_t", "256",
         "selected keys per query, at least 1 (C3)">,
  Option<"window", "window", "int64_t", "256",
         "size of the sliding window, at least 0 (C2)">,
  Option<"gate", "gate", "std::string", "\"key_value\"",
         "key_value, value, none or straight_through (C5)">,
  Option<"scores", "scores", "std::string", "\"weights\"",
         "what each attention adds to the function's arguments: scoring weights (weights) or the scores (tensor)">,
  Option<"scoreHeads", "score-heads", "std::string", "\"1\"",
         "score heads: 1, or one per KV head (kv)">];

def SparsekImportPass : Pass<"sparsek-import", "::mlir::ModuleOp"> {
  let summary = "replace attention ops of other projects by sparsek ops";
  let description = [{
    Replaces ops that are causal attention by their name. Nothing of the
    projects that they come from is linked: their ops are unregistered ops, in
    the generic text that these projects print. All other ops stay as they are.

    | op | accepted |
    |---|---|
    | `iree_linalg_ext.attention` | projected permutations as `indexing_maps`; a constant scale; a mask and a region that together are causal, or a causal window |
    | `iree_linalg_ext.online_attention` | the same, with accumulators that begin empty and results to which nothing happens but a division of the first by the third |
    | `onnx.Attention`, also as `torch.operator` | `is_causal`, or a mask or windows that are causal; rank 4, or rank 3 with `q_num_heads` and `kv_num_heads`; past keys and values with as many new keys as queries; no `softcap` or `nonpad_kv_seqlen`; the fourth result not used |
    | `torch.aten.scaled_dot_product_attention` | eight operands, `dropout_p` 0, constant scale; `is_causal`, or a mask that is causal |
    | `sparsek.*` that the dialect does not have (see below) | `q[B,Hq,M,D]`, `k[B,Hkv,N,D]`, `v[B,Hkv,N,Dv]` and optionally scores `u[B,Hs,N]`; one result, or two of which the second is `lse` |
    | `sparsek.flex_attention` | the same without scores; `mask_mod_fn` and `score_mod_fn` name functions of tensors of rank 0 |

    Element types are f32, f16 and bf16, numbers of heads and head sizes static.
    Attributes are read from both positions, `<{...}>` and `{...}`. Masks are
    recognised as by `--sparsek-raise-attention`; masks given by functions are
    evaluated from their bodies. The number of queries and that of keys must
    agree where the mask begins at the first query, and that of new keys behind
    past ones; where they are dynamic, `cf.assert` checks it.

    An op `sparsek.*` with another name than the dialect's, or `attention` and
    `causal_attention` with other operands, is causal if its name says so or it
    has `causal = true`. The attributes `scale`, `topk`, `window`, `gate` and
    `mode` (`causal`, `window` or `sparse`) override the options. Drivers must
    not verify such a module before the pass does: sparsek-opt begins with this
    pass without verifying.

    What causal attention becomes is said by the options, as for
    `--sparsek-raise-attention`, which see for their pre-conditions. A causal
    window stays what it is in both modes: `sparsek.attention` with that window
    and without any score, so that it selects nothing.

    Tensors of torch-mlir's types are cast by `torch_c.to_builtin_tensor` and
    `torch_c.from_builtin_tensor`, whose lowering is torch-mlir's.

    Every replacement is reported by a remark. Ops that are not causal, or not
    as above, are left with a remark that gives the reason; of ops `sparsek.*`,
    which nothing else could lower, it is an error.

    ```mlir
    %o = "onnx.Attention"(%q, %k, %v, %none, %none, %none) {is_causal = 1 : si64}
        : (tensor<1x8x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x32xf32>, none, none, none)
        -> tensor<1x8x64x32xf32>
    // becomes, with mode=dense
    %o, %lse = sparsek.causal_attention %q, %k, %v
        : tensor<1x8x64x32xf32>, tensor<1x2x64x32xf32>, tensor<1x2x64x32xf32>
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
    "::sparsek::SparseKDialect"];
  let options = PolicyOptions;
}

//===----------------------------------------------------------------------===//
// RaiseAttention
//===----------------------------------------------------------------------===//

def SparsekRaiseAttentionPass
    : Pass<"sparsek-raise-attention", "::mlir::ModuleOp"> {
  let summary = "replace dense causal attention by sparsek ops";
  let description = [{
    Recognises dense causal attention in linalg on tensors, and
    `tm_tensor.attention` with a causal mask, and replaces it by
    `sparsek.attention` with the given policy (`mode=sparse`) or by
    `sparsek.causal_attention` (`mode=dense`, for comparisons).

    The match does not depend on the order or the names of ops: for every
    contraction whose operand comes from a softmax, the element of that operand
    is written as a scalar expression of the elements of other tensors, through
    linalg ops, reshapes, slices, casts and index arithmetic. It must be
    `exp(A_j) / sum_r exp(A_r)` with `A = scale * q.k` where `j <= m + (N - M)`
    and -inf (or a value of at most -1e4) elsewhere. Sizes may be dynamic. From
    the indices follow batch, query heads, KV heads (repeated heads are read
    unrepeated) and the layouts; operands in other layouts are reshaped or
    transposed. Of a rank-3 operand without further structure the outermost
    dimension is taken for heads, with a batch of 1.

    Pre-condition of `mode=sparse`: the function around the op is not used by
    any symbol, since it gets new arguments, one per attention in program order:
    with `scores=weights` the scoring weights `W[C,Hs]` for the hidden states,
    which are the input of the projection that makes the values; with
    `scores=tensor` the scores `u[B,Hs,N]`. The arguments carry the attribute
    `sparsek.role` ("score_weight" or "scores").

    Every replacement is reported by a remark. Attention that is left as it is
    gets a remark with the reason; nothing is replaced on a guess. Where the
    numbers of queries and keys are dynamic and nothing shows that they are
    equal although the mask needs it, `cf.assert` checks it.

    Before (abbreviated):
    ```mlir
    func.func @f(%q: tensor<1x8x64x32xf32>, %k: tensor<1x2x64x32xf32>, %v: tensor<1x2x64x32xf32>)
        -> tensor<1x8x64x32xf32> {
      ...               // repeats k and v
      %s = linalg.batch_matmul ins(%q3, %kT3 : ...) outs(...)
      ...               // scale, mask, softmax
      %o = linalg.batch_matmul ins(%p, %v3 : ...) outs(...)
      ...
    }
    ```
    After `--sparsek-raise-attention="topk=16 window=16 scores=tensor"`:
    ```mlir
    func.func @f(%q: tensor<1x8x64x32xf32>, %k: tensor<1x2x64x32xf32>, %v: tensor<1x2x64x32xf32>,
                 %u: tensor<1x1x64xf32> {sparsek.role = "scores"}) -> tensor<1x8x64x32xf32> {
      %o, %lse = sparsek.attention %q, %k, %v, %u topk(16) window(16) : ...
      return %o : tensor<1x8x64x32xf32>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
    "::sparsek::SparseKDialect", "::sparsek::tm_tensor::TMTensorDialect"];
  let options = PolicyOptions;
}

//===----------------------------------------------------------------------===//
// SparseKToIREE
//===----------------------------------------------------------------------===//

def ConvertNVVMToIREEPass : Pass<"convert-nvvm-to-iree", "::mlir::ModuleOp"> {
  let summary = "kernels to entry points that IREE can launch";
  let description = [{
    IREE's CUDA driver passes pointers and then constants of 32 bits. Every
    kernel of a gpu.module with a launch record gets parameters of these kinds,
    from which it makes its own, and a gpu.module of its own, since IREE loads
    an image for every kernel. Parts of the workspace become one pointer and
    offsets in 256 bytes; 64 bits are two words; the last word says whether
    there is anything to do.

    ```mlir
    gpu.module @topk_mask_0 attributes {sparsek.launch_record = {...}} {
      llvm.func @merge_lists(%codes_from: !llvm.ptr<1>, ..., %list_log2: i32, ...) attributes {nvvm.kernel} {...}
      ...
    // becomes
    gpu.module @topk_mask_0_merge_lists attributes {sparsek.iree_entry_point = {kernels = @topk_mask_0, name = "merge_lists", record = {...}}} {
      llvm.func @merge_lists(%workspace: !llvm.ptr<1>, %codes_from: i32, ..., %list_log2: i32, ..., %runs: i32) attributes {nvvm.kernel} {...}
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ConvertSparseKToIREEPass : Pass<"convert-sparsek-to-iree", "::mlir::ModuleOp"> {
  let summary = "sparsek ops to private functions that dispatch their kernels in IREE";
  let description = [{
    Every op with kernels (`tile.kernels`) becomes the call of a private
    function with one `hal.dispatch.extern` for each kernel, which holds the
    PTX or machine code. Ops that agree in attributes and types share a
    function. Ops must be in a func.func (`convert-util-to-func`).

    Grids, constants and the workspace follow from the sizes: known ones are
    constants, others are computed by the host. Where a size decides which
    kernels are launched, all are, and those without work end at once. Sizes
    that must agree are asserted; what is in the tensors is not looked at.

    The ops of IREE are unregistered and print in their generic form, which
    iree-compile reads. Ops without kernels, and gpu.binary ops that do not fit
    their launch record, are errors. With `fallback`, attention and plain scores
    without kernels are left to `convert-sparsek-to-linalg`, with a remark.

    ```mlir
    %tau, %expiry = sparsek.topk_mask %u topk(64) window(64) {tile.kernels = @topk_mask_0} : tensor<1x2x?xf32>
    // becomes
    %tau, %expiry = call @sparsek_topk_mask(%u) : (tensor<1x2x?xf32>) -> (tensor<1x2x?xf32>, tensor<1x2x?xi32>)
    ```
  }];
  let options = [Option<"fallback", "fallback", "bool", /*default=*/"false",
                        "Leave what has no kernels, and in linalg no f64">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ConvertVectorToIREEPass : Pass<"convert-vector-to-iree", "::mlir::ModuleOp"> {
  let summary = "kernels for the host to executables of IREE";
  let description = [{
    Every kernel of `convert-sparsek-to-vector{parallel=true}` becomes a
    `hal.executable.source` with the kernel's code, and its calls become
    dispatches of it. IREE compiles it for the CPU that iree-compile is asked
    for. Up to 64 workgroups share the work items; scratch memory is one more
    result of the dispatch.

    iree-compile makes f64 f32 by default. What computes in f64 (without
    `sparsek-expand-f64` before), or takes tensors of f64, is made such that
    iree-compile reports an error then: it needs
    `--iree-input-demote-f64-to-f32=false`.

    ```mlir
    call @sparsek_topk_mask(%buffer, ...) : (memref<?x?x?xf32, strided<[?, ?, ?], offset: ?>>, ...) -> ()
    // becomes, in the generic form
    %tau, %expiry, %scratch = flow.dispatch @sparsek_topk_mask::@sparsek_topk_mask[%workgroups](%constants, ..., %u)
        : (i32, ..., tensor<1x2x?xf32>{%n}) -> (tensor<1x2x?xf32>{%n}, tensor<1x2x?xi32>{%n}, tensor<?xi8>{%bytes})
    ```
  }];
  let options = [Option<"keepsF64", "keeps-f64", "bool", /*default=*/"false",
                        "No remarks about tensors of f64: iree-compile gets that flag">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ConvertUtilToFuncPass : Pass<"convert-util-to-func", "::mlir::ModuleOp"> {
  let summary = "functions of IREE that hold sparsek ops to func.func";
  let description = [{
    Passes on functions see no `util.func`, which is not registered, and a
    `func.call` in it cannot be verified. `convert-func-to-util` makes it again;
    its properties are kept in `sparsek.util_func`.

    ```mlir
    "util.func"() <{function_type = (!u) -> !u, inlining_policy = #util.inline.never, sym_name = "f"}> ({
    // becomes
    func.func @f(%u: !u) -> !u attributes {sparsek.util_func = {inlining_policy = #util.inline.never}} {
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def ConvertFuncToUtilPass : Pass<"convert-func-to-util", "::mlir::ModuleOp"> {
  let summary = "functions that convert-util-to-func has made back to util.func";
  let description = [{
    The functions with `sparsek.util_func` and all that they call, with
    `util.call` for `func.call` and `util.return` for `func.return`.

    ```mlir
    func.func private @g(%u: !u) -> !u {
    func.func @f(%u: !u) -> !u attributes {sparsek.util_func = {}} {
      %0 = call @g(%u) : (!u) -> !u
    // becomes
    "util.func"() <{function_type = (!u) -> !u, sym_name = "g", sym_visibility = "private"}> ({
    "util.func"() <{function_type = (!u) -> !u, sym_name = "f"}> ({
      %0 = "util.call"(%u) <{callee = @g}> : (!u) -> !u
    ```
  }];
}

def VerifyIREEInputPass : Pass<"verify-iree-input", "::mlir::ModuleOp"> {
  let summary = "report what iree-compile would not take";
  let description = [{
    Looks at all that is not in an executable, where other passes leave what they
    do not know. Errors, at the op: dialects that iree-compile takes as code
    for devices only or does not know, custom operators of PyTorch, public
    functions whose types its runtime does not pass, functions without a body
    that are of no other module of the runtime, and modules without a public
    function. iree-compile would stop at them as well, later and without the
    location, and some crash it. Of its own dialects, which are not registered
    here, attention that is left is verified: maps, sizes and region.

    ```mlir
    func.func @main(%x: tensor<*xf32>) {
    // error: 'func.func' op takes or returns 'tensor<*xf32>', which iree-compile does not pass; accepted are ...
    ```
  }];
}

//===----------------------------------------------------------------------===//
// TileToFragments
//===----------------------------------------------------------------------===//

def ConvertTileToFragmentsPass : Pass<"convert-tile-to-fragments", "::mlir::ModuleOp"> {
  let summary = "tile kernels to programs of one thread";
  let description = [{
    Every module that holds `tile.kernel`s becomes a `gpu.module` of functions
    in the LLVM dialect whose bodies are scf, arith, math and vector ops,
    synchronisation and copies in nvvm, and `frag` ops for the products of the
    tensor cores:

    | tile | becomes |
    |---|---|
    | `!tile.frag<64xNxf32>`, `!tile.pending` | `vector<N/2 x f32>`: what one of 128 threads holds |
    | `!tile.frag<64xNxbf16>` | `vector<N/4 x i32>`, two elements each |
    | `!tile.rows<64xT>` | `vector<2xT>` |
    | rings | offsets in shared memory, two mbarriers a slot; on sm_90a one proxy fence for slots that are acquired one after the other |
    | roles | branches on the number of the warp, on sm_90a registers set by `nvvm.setmaxregister` |
    | `tile.raise_maximum` | a vote of the warp, and a branch that is taken where a maximum rises by more than 2^8; `tile.scale_rows` by its decay takes the same branch |
    | `tile.turn` | named barriers, one for each warpgroup of the role that computes |
    | memref arguments | a pointer and strides (see `tile.kernel`) |

    Rings need their places (`tile-allocate`). One role computes: products,
    positions, turns and stores are in it, and it has whole warpgroups; copies of
    queries and lists are in roles of one warp. The attribute
    `sparsek.launch_record` of the module goes to the gpu.module and gains, for
    every kernel, threads, bytes of shared memory and the list of arguments.

    ```mlir
    %s = tile.mma_nt %q[%n], %k[%p] : !tile.ring<2x128x128xbf16>, !tile.ring<2x128x128xbf16> -> !tile.frag<64x128xf32>
    // becomes, with the descriptors of the two slots
    %0 = frag.wgmma_ss %qd, %kd depth(128) type(bf16) panels(16384, 16384) : vector<64xf32>
    %s = frag.wgmma_wait %0 outstanding(0) : vector<64xf32>
    // or, where products are not the warpgroup's, with the addresses of the slots
    %s = frag.mma_ss %qa, %ka depth(128) type(bf16) panels(16384, 16384) tiles(1) : vector<64xf32>
    ```

    Products of warpgroups, and registers that differ between the roles, are
    sm_90a's: for other chips a kernel must be scheduled without `overlap`, and
    its roles share the registers equally.
  }];
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_90a\"", "the GPU: sm_ and a number, as in sm_90a">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect", "::sparsek::frag::FragDialect"];
}

//===----------------------------------------------------------------------===//
// FragmentsToNVVM
//===----------------------------------------------------------------------===//

def ConvertFragmentsToNVVMPass : Pass<"convert-fragments-to-nvvm"> {
  let summary = "frag ops to nvvm ops and inline PTX";
  let description = [{
    A product of a warp becomes `nvvm.ldmatrix` and `nvvm.mma.sync` of 16 x 8 x
    16; the loads of a step come before the products of the one before.

    A product of a warpgroup becomes one block of PTX: the fence, one
    instruction for every 16 columns of depth, the commit. Matrix descriptors are put together inside it
    from their low word, which costs fewer registers than 64-bit arithmetic
    around it. The wait has its accumulator as operand and result, so that no
    compiler moves a use above it.

    ```mlir
    %1 = frag.wgmma_wait %0 outstanding(0) : vector<4xf32>
    // becomes, between vector.to_elements and vector.from_elements
    %3 = llvm.inline_asm has_side_effects asm_dialect = att "wgmma.wait_group.sync.aligned 0;",
        "=f,=f,=f,=f,0,1,2,3" %2#0, %2#1, %2#2, %2#3 : (f32, f32, f32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // SPARSEK_CONVERSION_PASSES
