//===- Passes.td - Passes on the tile dialect --------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_TILE_TRANSFORMS_PASSES
#define SPARSEK_DIALECT_TILE_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def TileSplitSlotsPass : Pass<"tile-split-slots"> {
  let summary = "mask and gate only the slots that need it";
  let description = [{
    Acts on the fields `masks` and `gates` of a kernel's schedule. With `needed`,
    `tile.mask` and `tile.gate` run only where the flag of the slot asks for it;
    with `always` they stay, with `never` they go. Kernels without a schedule
    stay as they are.

    ```mlir
    %x = tile.mask %s, %list[%p], %t : ...
    // becomes
    %masked = tile.flag<masked> of %list[%p] : ...
    %x = scf.if %masked -> (!tile.frag<64x128xf32>) {
      %0 = tile.mask %s, %list[%p], %t : ...
      scf.yield %0 : !tile.frag<64x128xf32>
    } else {
      scf.yield %s : !tile.frag<64x128xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::sparsek::tile::TileDialect"];
}

def TileOverlapPass : Pass<"tile-overlap"> {
  let summary = "run the products of the next slot under the softmax of this one";
  let description = [{
    Acts on kernels whose schedule has `overlap`. Takes apart the loop over the
    slots of a work item: the first part, from the acquired slot of keys to the
    rounded weights, runs one slot ahead of the second, the product of weights
    and values. Both products become asynchronous, and the one of the next
    slot's keys is issued first, so that the tensor cores work while the softmax
    is computed.

    The loop is an `scf.while` that runs at least once: all ops are in its first
    region, its second only passes values on. On the top level of the first
    region there are one `tile.mma_nt`, whose result leads to a `tile.truncate`,
    and one `tile.mma_nn` of that with a carried accumulator, scaled by the decay
    of a `tile.raise_maximum` between the products; the slot of values is
    acquired by itself, without one of a list. Other slots of that ring may only
    be given back unread (`tile.skip`), which stays in the first part:

    ```mlir
    %r:5 = scf.while (%p = %p0, %m = %m0, %h = %h0, %l = %l0, %o = %zero) : ... {
      tile.acquire %k[%p] with %list[%p] : ...
      %s = tile.mma_nt %q[%qp], %k[%p] : ...
      tile.release %k[%p] : ...
      %m1, %h1, %l1, %d = tile.raise_maximum %s, %m, %h, %l scale %scale : ...
      %w, %l2 = tile.exponentials %s, %h1, %l1 scale %scale : ...
      %last = tile.flag<last> of %list[%p] : ...
      tile.release %list[%p] : ...
      %a = tile.truncate %w : ...
      %o1 = tile.scale_rows %o, %d : ...
      tile.acquire %v[%p] : ...
      %o2 = tile.mma_nn %a, %v[%p], %o1 : ...
      tile.release %v[%p] : ...
      %p1 = arith.addi %p, %one : i32
      %more = arith.xori %last, %true : i1
      scf.condition(%more) %p1, %m1, %h1, %l2, %o2 : ...
    } do { ... }
    tile.release %q[%qp] : ...
    // becomes, with the first part of the first slot in front of it,
    %r:8 = scf.while (%p = %p1, %m = %m1, %h = %h1, %l = %l1, %o = %zero, %pv = %p0, %a = %a0, %more = %more0) : ... {
      scf.condition(%more) %p, %m, %h, %l, %o, %pv, %a, %more : ...
    } do {
    ^bb0(...):
      tile.acquire %k[%p] with %list[%p] : ...
      tile.acquire %v[%pv] : ...
      %s = tile.mma_nt %q[%qp], %k[%p] : ... -> !tile.pending<64x128xf32>
      %o1 = tile.mma_nn %a, %v[%pv], %o : ... -> !tile.pending<64x128xf32>
      %s1 = tile.wait %s outstanding(1) : ...
      tile.release %k[%p] : ...
      %m2, %h2, %l2, %d = tile.raise_maximum %s1, %m, %h, %l scale %scale : ...
      %o2 = tile.wait %o1 : ...
      tile.release %v[%pv] : ...
      %w, %l3 = tile.exponentials %s1, %h2, %l2 scale %scale : ...
      %last = tile.flag<last> of %list[%p] : ...
      tile.release %list[%p] : ...
      %a1 = tile.truncate %w : ...
      %o3 = tile.scale_rows %o2, %d : ...
      ...
      scf.yield %p2, %m2, %h2, %l3, %o3, %p, %a1, %more1 : ...
    }
    tile.release %q[%qp] : ...
    tile.acquire %v[%r#5] : ...       // the second part of the last slot
    %o4 = tile.mma_nn %r#6, %v[%r#5], %r#4 : ...
    tile.release %v[%r#5] : ...
    ```

    The product of weights and values is waited for straight after
    `tile.raise_maximum`: the masks and the search for maxima are under both
    products. There is nothing to scale in the first slot where the accumulator
    starts as zeros. The slot of the left operand is released before the last
    product of weights and values. Loops with products of another form are left
    alone with a remark that says what was not recognised.
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::sparsek::tile::TileDialect"];
}

def TilePingPongPass : Pass<"tile-ping-pong"> {
  let summary = "let consumer warpgroups take turns at the tensor cores";
  let description = [{
    Acts on kernels whose schedule has `ping_pong`: the warpgroups of a role of
    two or more issue their asynchronous products in turn, so that the softmax of
    each runs under the products of the others. `tile.turn<take>` comes before the
    first of several products that are issued together and `tile.turn<pass>`
    after the last; a product of keys is always among them, since the one that
    ends a work item gains nothing from a turn. Comes after `tile-overlap`; a
    kernel without such products is left alone with a remark.

    ```mlir
    %s = tile.mma_nt %q[%qp], %k[%p] : ... -> !tile.pending<64x128xf32>
    %o1 = tile.mma_nn %a, %v[%pv], %o : ... -> !tile.pending<64x128xf32>
    %s1 = tile.wait %s outstanding(1) : ...
    // becomes
    tile.turn<take>
    %s = tile.mma_nt %q[%qp], %k[%p] : ... -> !tile.pending<64x128xf32>
    %o1 = tile.mma_nn %a, %v[%pv], %o : ... -> !tile.pending<64x128xf32>
    tile.turn<pass>
    %s1 = tile.wait %s outstanding(1) : ...
    // and the role starts with
    tile.turn<start>
    ```
  }];
  let dependentDialects = ["::sparsek::tile::TileDialect"];
}

def TileAllocatePass : Pass<"tile-allocate"> {
  let summary = "place rings, barriers and scratch in shared memory";
  let description = [{
    Sets the byte offsets of every `tile.ring` and of the scratch of
    `tile.list_keys`, and `shared_bytes` of every `tile.kernel`. Slots of
    matrices come first, each at a multiple of 1024 bytes, where the swizzle of
    the tensor cores repeats; then key lists and scratch at multiples of 16, and
    the barriers at multiples of 8. A kernel that needs more than `limit` bytes
    is an error that names what takes them.

    ```mlir
    %k = tile.ring fills(32) drains(8) : !tile.ring<2x128x128xbf16>
    // becomes
    %k = tile.ring fills(32) drains(8) offset(65536) barriers(205952) : !tile.ring<2x128x128xbf16>
    ```
  }];
  let dependentDialects = ["::sparsek::tile::TileDialect"];
  let options = [
    Option<"limit", "limit", "int64_t", "232448", "bytes of shared memory that a block may use">];
}

#endif // SPARSEK_DIALECT_TILE_TRANSFORMS_PASSES
