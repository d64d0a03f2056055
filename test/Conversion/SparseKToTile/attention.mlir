// RUN: sparsek-opt %s --convert-sparsek-to-tile=schedule=rows=128 | sparsek-opt | FileCheck %s

// The kernels of one op, role by role.

// CHECK-LABEL: func.func @grouped
// CHECK: sparsek.gathered_attention {{.*}} {tile.kernels = @gathered_attention_0}
func.func @grouped(%q: tensor<1x8x?x128xbf16>, %k: tensor<1x2x?x128xbf16>, %v: tensor<1x2x?x128xbf16>,
                   %u: tensor<1x2x?xf32>, %tau: tensor<1x2x?xf32>, %e: tensor<1x2x?xi32>) -> tensor<1x8x?x128xbf16> {
  %o, %l = sparsek.gathered_attention %q, %k, %v, %u, %tau, %e topk(16) window(16)
      : tensor<1x8x?x128xbf16>, tensor<1x2x?x128xbf16>, tensor<1x2x?x128xbf16>, tensor<1x2x?xf32>, tensor<1x2x?xf32>,
        tensor<1x2x?xi32>
  return %o : tensor<1x8x?x128xbf16>
}

// CHECK: module @gathered_attention_0 attributes {sparsek.launch_record = {chip = "sm_90a", dtype = "bf16",
// CHECK-SAME: gate = "key_value", group = 4 : i64, head_dim = 128 : i64,
// CHECK-SAME: kernels = [{grid = "chunks x batch_score_heads", name = "survivors"}, {blocks_per_sm = 1 : i64, grid = "persistent", name = "attention"}],
// CHECK-SAME: op = "gathered_attention", packed = false, sink = false,
// CHECK-SAME: tile = {head_block = 4 : i64, keys = 128 : i64, positions = 32 : i64, rows = 128 : i64},
// CHECK-SAME: value_dim = 128 : i64, version = 1 : i64}}

// CHECK: tile.kernel @survivors(%expiry: memref<?x?x?xi32, strided<[?, ?, 1]>> {tile.dims = "bhn", tile.name = "expiry"},
// CHECK-SAME: %table: memref<?xi32> {{[^%]*}}, %counts: memref<?xi32> {{[^%]*}}, %keys: i32 {{[^%]*}}, %rows: i32 {{[^%]*}},
// CHECK-SAME: %window: i32 {{[^%]*}}, %chunk_log2: i32 {{[^%]*}}, %chunks: i32 {{[^%]*}}, %capacity: i32 {{[^%]*}},
// CHECK-SAME: %score_heads: i32 {tile.name = "score_heads"}) attributes {threads = 256 : i64} {
// CHECK: %[[BLOCK:.*]], %{{.*}} = tile.block
// CHECK: %[[CHUNK:.*]] = arith.remui %[[BLOCK]], %chunks
// CHECK: %[[HEAD_ROW:.*]] = arith.divui %[[BLOCK]], %chunks
// CHECK: %[[BATCH:.*]] = arith.divui %[[HEAD_ROW]], %score_heads
// CHECK: %[[HEAD:.*]] = arith.remui %[[HEAD_ROW]], %score_heads
// CHECK: %[[START:.*]] = arith.shli %[[CHUNK]], %chunk_log2
// CHECK: %[[OFFSET:.*]] = arith.subi %keys, %rows
// CHECK: %[[POSITION:.*]] = arith.addi %[[OFFSET]], %[[START]]
// CHECK: %[[ROW:.*]] = arith.muli %{{.*}}, %{{.*}} : i64
// CHECK: %[[COUNT:.*]] = tile.collect_survivors %expiry[%[[BATCH]], %[[HEAD]]] at %[[POSITION]] window(%window) into %table[%[[ROW]], %capacity]
// CHECK: memref.store %[[COUNT]], %counts

// CHECK: tile.kernel @attention(%q: memref<?x?x?x128xbf16, strided<[?, ?, ?, 1]>> {tile.dims = "bhmd", tile.name = "q"},
// CHECK-SAME: %k: {{[^%]*}}, %v: {{[^%]*}}, %u: {{[^%]*}}, %tau: {{[^%]*}}, %expiry: {{[^%]*}}, %o: {{[^%]*}}, %lse: {{[^%]*}},
// CHECK-SAME: %table: {{[^%]*}}, %counts: {{[^%]*}}, %batch: {{[^%]*}}, %heads_kv: {{[^%]*}}, %score_heads: {{[^%]*}}, %rows: {{[^%]*}},
// CHECK-SAME: %keys: {{[^%]*}}, %window: {{[^%]*}}, %chunk_log2: {{[^%]*}}, %chunks: {{[^%]*}}, %capacity: {{[^%]*}}, %tiles: {{[^%]*}},
// CHECK-SAME: %items: {{[^%]*}}, %together: {{[^%]*}}, %scale_log2: f32 {tile.name = "scale_log2"})
// CHECK-SAME: row_map = #tile.row_map<positions = 32, heads = 4, group = 4>, schedule = #tile.schedule<rows = 128, keys = 128
// CHECK-NEXT: %[[LIST:.*]] = tile.ring fills(1) drains(10) : !tile.key_list<slots = 4, keys = 128>
// Keys are committed with their list, by two warps: 2 * 33 arrivals.
// CHECK-NEXT: %[[K:.*]] = tile.ring fills(66) drains(8) : !tile.ring<2x128x128xbf16>
// CHECK-NEXT: %[[V:.*]] = tile.ring fills(64) drains(8) : !tile.ring<2x128x128xbf16>
// CHECK-NEXT: %[[Q:.*]] = tile.ring fills(32) drains(8) : !tile.ring<2x128x128xbf16>
// CHECK-NEXT: %[[ROUNDS:.*]] = tile.rounds of %items
// CHECK-NEXT: %[[OFFSET:.*]] = arith.subi %keys, %rows

// CHECK: tile.role "list" warps(1) registers(72)
// CHECK-NEXT: scf.for %[[N:.*]] = %{{.*}} to %[[ROUNDS]] step %{{.*}} iter_args(%[[P:.*]] = %{{.*}}) -> (i32)
// CHECK-NEXT: %[[B:.*]], %[[H:.*]], %{{.*}}, %[[ROW:.*]] = tile.item %[[N]] of %batch x %heads_kv x %tiles together(%together)
// CHECK: %[[SCALED:.*]] = arith.muli %[[H]], %score_heads
// CHECK-NEXT: %[[SCORE_HEAD:.*]] = arith.divui %[[SCALED]], %heads_kv
// CHECK-NEXT: %[[FIRST:.*]] = arith.addi %[[ROW]], %[[OFFSET]]
// CHECK: %[[END:.*]] = arith.minsi %{{.*}}, %rows
// CHECK-NEXT: %[[NEXT:.*]] = arith.addi %[[END]], %[[OFFSET]]
// CHECK-NEXT: %[[LAST:.*]] = arith.subi %[[NEXT]],
// CHECK-NEXT: %[[CHUNK:.*]] = arith.shrui %[[ROW]], %chunk_log2
// CHECK-NEXT: %[[START:.*]] = arith.shli %[[CHUNK]], %chunk_log2
// CHECK-NEXT: %[[CHUNK_START:.*]] = arith.addi %[[START]], %[[OFFSET]]
// CHECK: %[[TABLE_ROW:.*]] = arith.muli %{{.*}} : i64
// CHECK: %[[COUNT:.*]] = memref.load %counts
// CHECK-NEXT: %[[SLOTS:.*]] = tile.list_keys %[[LIST]][%[[P]]] positions(%[[FIRST]] to %[[LAST]]) window(%window) chunk(%[[CHUNK_START]])
// CHECK-SAME: from %expiry, %u, %tau[%[[B]], %[[SCORE_HEAD]]] and %table[%[[TABLE_ROW]], %[[COUNT]]]
// CHECK-NEXT: scf.yield %[[SLOTS]]

// Each of two warps copies a half of every slot.
// CHECK: tile.role "gather" warps(2) registers(72)
// CHECK-NEXT: %[[WARP:.*]] = tile.warp
// CHECK-NEXT: scf.for
// CHECK-NEXT: %[[B:.*]], %[[H:.*]], %{{.*}}, %{{.*}} = tile.item
// CHECK: scf.while (%[[P:.*]] = %{{.*}}) : (i32) -> i32
// CHECK-NEXT: tile.acquire %[[LIST]][%[[P]]] :
// CHECK-NEXT: tile.reserve %[[K]][%[[P]]]
// CHECK-NEXT: tile.gather %k[%[[B]], %[[H]]] rows %[[LIST]][%[[P]]] into %[[K]][%[[P]]] share %[[WARP]] of 2
// CHECK-NEXT: tile.commit %[[K]][%[[P]]] with %[[LIST]][%[[P]]] :
// CHECK-NEXT: tile.reserve %[[V]][%[[P]]]
// CHECK-NEXT: tile.gather %v[%[[B]], %[[H]]] rows %[[LIST]][%[[P]]] into %[[V]][%[[P]]] share %[[WARP]] of 2
// CHECK-NEXT: tile.commit %[[V]][%[[P]]] :
// CHECK-NEXT: %[[LAST:.*]] = tile.flag<last> of %[[LIST]][%[[P]]]
// CHECK-NEXT: tile.release %[[LIST]][%[[P]]]
// CHECK-NEXT: %[[NEXT:.*]] = arith.addi %[[P]],
// CHECK: %[[MORE:.*]] = arith.xori %[[LAST]],
// CHECK-NEXT: scf.condition(%[[MORE]]) %[[NEXT]]

// CHECK: tile.role "queries" warps(1) registers(72)
// CHECK: tile.reserve %[[Q]][%[[P:.*]]]
// CHECK-NEXT: tile.load_tile %q[%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}] limit %rows into %[[Q]][%[[P]]]
// CHECK-NEXT: tile.commit %[[Q]][%[[P]]]

// CHECK: tile.role "attend" warps(8) registers(216)
// CHECK: scf.for {{.*}} iter_args(%[[FIRST:.*]] = %{{.*}}, %[[QP:.*]] = %{{.*}}) -> (i32, i32)
// CHECK: %[[T:.*]] = tile.positions %{{.*}} plus %[[OFFSET]]
// CHECK: %[[TAU:.*]] = tile.load_rows %tau[%{{.*}}, %{{.*}}] at %[[T]] limit %keys
// CHECK: %[[MAX0:.*]] = tile.fill 0xFF800000 : !tile.rows<64xf32>
// CHECK: %[[ZERO:.*]] = tile.fill 0.000000e+00 : !tile.rows<64xf32>
// CHECK: %[[OUT0:.*]] = tile.fill 0.000000e+00 : !tile.frag<64x128xf32>
// CHECK: tile.acquire %[[Q]][%[[QP]]]
// CHECK: %[[RESULT:.*]]:5 = scf.while (%[[P:.*]] = %[[FIRST]], %[[MAX:.*]] = %[[MAX0]], %[[SHIFT:.*]] = %[[ZERO]], %[[SUM:.*]] = %[[ZERO]], %[[OUT:.*]] = %[[OUT0]])
// CHECK-NEXT: tile.acquire %[[K]][%[[P]]] with %[[LIST]][%[[P]]] :
// CHECK-NEXT: %[[S:.*]] = tile.mma_nt %[[Q]][%[[QP]]], %[[K]][%[[P]]]
// CHECK-NEXT: tile.release %[[K]][%[[P]]]
// CHECK-NEXT: %[[GATED:.*]] = tile.gate %[[S]], %[[LIST]][%[[P]]], %[[TAU]]
// CHECK-NEXT: %[[MASKED:.*]] = tile.mask %[[GATED]], %[[LIST]][%[[P]]], %[[T]]
// CHECK-NEXT: %[[MAX1:.*]], %[[SHIFT1:.*]], %[[SUM1:.*]], %[[DECAY:.*]] = tile.raise_maximum %[[MASKED]], %[[MAX]], %[[SHIFT]], %[[SUM]] scale %scale_log2 :
// CHECK-NEXT: %[[W:.*]], %[[SUM2:.*]] = tile.exponentials %[[MASKED]], %[[SHIFT1]], %[[SUM1]] scale %scale_log2
// CHECK-NEXT: %[[GW:.*]] = tile.gate %[[W]], %[[LIST]][%[[P]]], %[[TAU]]
// CHECK-NEXT: %[[LAST:.*]] = tile.flag<last> of %[[LIST]][%[[P]]]
// CHECK-NEXT: tile.release %[[LIST]][%[[P]]]
// CHECK-NEXT: %[[TW:.*]] = tile.truncate %[[GW]]
// CHECK-NEXT: tile.acquire %[[V]][%[[P]]] :
// CHECK-NEXT: %[[DECAYED:.*]] = tile.scale_rows %[[OUT]], %[[DECAY]]
// CHECK-NEXT: %[[OUT1:.*]] = tile.mma_nn %[[TW]], %[[V]][%[[P]]], %[[DECAYED]]
// CHECK-NEXT: tile.release %[[V]][%[[P]]]
// CHECK-NEXT: %[[P1:.*]] = arith.addi %[[P]],
// CHECK: %[[MORE:.*]] = arith.xori %[[LAST]],
// CHECK-NEXT: scf.condition(%[[MORE]]) %[[P1]], %[[MAX1]], %[[SHIFT1]], %[[SUM2]], %[[OUT1]]
// CHECK: tile.release %[[Q]][%[[QP]]]
// CHECK-NEXT: %[[FACTOR:.*]], %[[LSE:.*]] = tile.normalise %[[RESULT]]#1, %[[RESULT]]#3 scale %scale_log2
// CHECK-NEXT: %[[MEAN:.*]] = tile.scale_rows %[[RESULT]]#4, %[[FACTOR]]
// CHECK-NEXT: tile.store_tile %[[MEAN]], %o[
// CHECK-NEXT: tile.store_rows %[[LSE]], %lse[
