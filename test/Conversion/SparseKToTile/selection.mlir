// RUN: sparsek-opt %s --convert-sparsek-to-tile --split-input-file --verify-diagnostics | FileCheck %s
// RUN: sparsek-opt %s --convert-sparsek-to-tile=chip=sm_80 --split-input-file | FileCheck %s --check-prefix=PORTABLE
// RUN: sparsek-opt %s --convert-sparsek-to-tile=chip=sm_75 --split-input-file 2>&1 | FileCheck %s --check-prefix=CHIP

// Number of heads, topk, window and the third result are no part of a module:
// one serves the three ops that are not packed.

// PORTABLE: module @topk_mask_0 attributes {sparsek.launch_record = {chip = "sm_80"
// CHIP-COUNT-5: remark: left as it is: there are tile programs for sm_80, sm_86, sm_87, sm_89, sm_90, sm_90a, sm_100, sm_103, sm_120, sm_121, not for sm_75
// CHIP-NOT: tile.kernel

// CHECK-LABEL: func @selections
// CHECK: topk_mask {{.*}} topk(16) window(32) {tile.kernels = @topk_mask_0}
// CHECK: topk_mask {{.*}} topk(1) window(0) interior {tile.kernels = @topk_mask_0}
// CHECK: topk_mask {{.*}} topk(16) window(32) cu_seqlens(%{{.*}}) {tile.kernels = @topk_mask_1}
// CHECK: topk_mask {{.*}} topk(16) window(32) {tile.kernels = @topk_mask_0}
func.func @selections(%u: tensor<?x2x?xf32>, %p: tensor<1x1x?xf32>, %c: tensor<?xi32>, %l: tensor<1x1x1048576xf32>) {
  %t0, %e0 = sparsek.topk_mask %u topk(16) window(32) : tensor<?x2x?xf32>
  %t1, %e1, %n1 = sparsek.topk_mask %p topk(1) window(0) interior : tensor<1x1x?xf32>
  %t2, %e2 = sparsek.topk_mask %p topk(16) window(32) cu_seqlens(%c) : tensor<1x1x?xf32>, tensor<?xi32>
  %t3, %e3 = sparsek.topk_mask %l topk(16) window(32) : tensor<1x1x1048576xf32>
  return
}

// CHECK: module @topk_mask_0 attributes {sparsek.launch_record = {chip = "sm_90a",
// CHECK-SAME: kernels = [{grid = "sort_tiles x batch_score_heads", name = "sort_tiles"},
// CHECK-SAME: {grid = "key_blocks x batch_score_heads", name = "merge_lists"},
// CHECK-SAME: {grid = "radix_tiles x batch_score_heads", name = "count_scores"}, {grid = "radix_tiles x batch_score_heads", name = "scatter_scores"},
// CHECK-SAME: {grid = "radix_tiles x batch_score_heads", name = "count_digits"}, {grid = "radix_tiles x batch_score_heads", name = "scatter_digits"},
// CHECK-SAME: {grid = "table_blocks x batch_score_heads", name = "rank_table"},
// CHECK-SAME: {grid = "boundary_blocks x batch_score_heads", name = "boundaries_128"}, {grid = "boundary_blocks x batch_score_heads", name = "boundaries_256"}, {grid = "boundary_blocks x batch_score_heads", name = "boundaries_1024"},
// CHECK-SAME: {grid = "scan_tiles x batch_score_heads", name = "rank_scan"},
// CHECK-SAME: {grid = "chunks x batch_score_heads", name = "thresholds_32"}, {grid = "chunks x batch_score_heads", name = "thresholds_128"}, {grid = "chunks x batch_score_heads", name = "thresholds_512"},
// CHECK-SAME: {grid = "key_blocks x batch_score_heads", name = "expiries"}],
// CHECK-SAME: max_merged_keys = 16384 : i64, op = "topk_mask", packed = false, radix_tile_log2 = 12 : i64, scan_tile_log2 = 10 : i64,
// CHECK-SAME: sizes = [{boundaries = "boundaries_128", buckets = 128 : i64, chunk = 32 : i64, max_keys = 8192 : i64, thresholds = "thresholds_32"},
// CHECK-SAME: {boundaries = "boundaries_256", buckets = 256 : i64, chunk = 128 : i64, max_keys = 131072 : i64, thresholds = "thresholds_128"},
// CHECK-SAME: {boundaries = "boundaries_1024", buckets = 1024 : i64, chunk = 512 : i64, max_keys = 1048576 : i64, thresholds = "thresholds_512"}],
// CHECK-SAME: sort_tile_log2 = 10 : i64, table_words = 8196 : i64, version = 1 : i64}}
// CHECK-NOT: module
// CHECK-NOT: documents
// CHECK: tile.kernel @sort_tiles(%u: memref<?x?x?xf32, strided<[?, ?, 1]>> {tile.dims = "bhn", tile.name = "u"}, %codes_to: memref<?xi32> {{[^%]*}}, %order_to: memref<?xi32> {{[^%]*}},
// CHECK-SAME: %keys: i32 {{[^%]*}}, %row_stride: i32 {{[^%]*}}, %score_heads: i32 {{[^%]*}}, %score_rows: i32 {tile.name = "score_rows"}) attributes {threads = 256 : i64} {
// CHECK: tile.array : memref<1024xi32>
// CHECK: tile.kernel @merge_lists(%codes_from: {{.*}} attributes {threads = 256 : i64} {
// CHECK: tile.kernel @count_scores(%u: {{.*}} attributes {threads = 512 : i64} {
// CHECK: tile.kernel @scatter_scores(%u: {{.*}} attributes {threads = 512 : i64} {
// CHECK: tile.kernel @count_digits(%codes_from: {{.*}} attributes {threads = 512 : i64} {
// CHECK: tile.kernel @scatter_digits(%codes_from: {{.*}} attributes {threads = 512 : i64} {
// CHECK: tile.kernel @rank_table(%codes: {{.*}} attributes {threads = 256 : i64} {
// CHECK: tile.array : memref<8196xi32>
// CHECK: tile.kernel @boundaries_128(%codes: {{.*}} attributes {threads = 256 : i64} {
// CHECK: tile.kernel @boundaries_256(%codes: {{.*}} attributes {threads = 256 : i64} {
// CHECK: tile.kernel @boundaries_1024(%codes: {{.*}} attributes {threads = 256 : i64} {
// CHECK: tile.kernel @rank_scan(%codes: {{.*}} attributes {threads = 256 : i64} {
// CHECK: tile.kernel @thresholds_32(%u: {{.*}} attributes {threads = 32 : i64} {
// CHECK: tile.kernel @thresholds_128(%u: {{.*}} %tau: memref<?x?x?xf32, strided<[?, ?, 1]>> {{[^%]*}}, %interior: memref<?x?x?xi32, strided<[?, ?, 1]>> {{.*}} attributes {threads = 128 : i64} {
// CHECK: tile.kernel @thresholds_512(%u: {{.*}} attributes {threads = 512 : i64} {
// CHECK: tile.kernel @expiries(%codes: {{.*}} attributes {threads = 256 : i64} {

// CHECK: module @topk_mask_1 attributes {sparsek.launch_record = {chip = "sm_90a",
// CHECK-SAME: kernels = [{grid = "key_blocks", name = "documents"}, {grid = "sort_tiles x batch_score_heads", name = "sort_tiles"},
// CHECK-SAME: packed = true
// CHECK: tile.kernel @documents(%cu_seqlens: memref<?xi32> {{[^%]*}}, %sequences: i32 {{[^%]*}}, %keys: i32 {{[^%]*}}, %documents: memref<?xi32> {tile.name = "documents"})
// CHECK: tile.kernel @sort_tiles(%u: {{[^%]*}}, %codes_to: {{[^%]*}}, %order_to: {{[^%]*}}, %documents: memref<?xi32>
// CHECK-NOT: module

// -----

// In a symbol table of its own, a module of its own.
// CHECK-LABEL: module @inner
// CHECK: func @f
// CHECK: topk_mask {{.*}} {tile.kernels = @topk_mask_0}
// CHECK: module @topk_mask_0 attributes
module @inner {
  func.func @f(%u: tensor<1x1x8xf32>) {
    %t, %e = sparsek.topk_mask %u topk(2) window(2) : tensor<1x1x8xf32>
    return
  }
}

// -----

// CHECK-LABEL: func @too_long
// CHECK-NOT: tile.kernel
func.func @too_long(%u: tensor<1x1x1048577xf32>) {
  // expected-remark@+1 {{left as it is: tile programs select from up to 1048576 keys, not 1048577}}
  %t, %e = sparsek.topk_mask %u topk(16) window(16) : tensor<1x1x1048577xf32>
  return
}
