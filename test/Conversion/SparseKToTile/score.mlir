// RUN: sparsek-opt %s --convert-sparsek-to-tile --split-input-file --verify-diagnostics | FileCheck %s
// RUN: sparsek-opt %s --convert-sparsek-to-tile --tile-allocate --convert-tile-to-fragments --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=FRAG

// W in one part; 16 warps share 16 rows, each with 256 features in two panels.
// CHECK-LABEL: module @score_0
// CHECK-SAME: dtype = "bf16", features = 4096 : i64, kernels = [{blocks_per_sm = 1 : i64, grid = "persistent", name = "score"}]
// CHECK-SAME: norm = "none", op = "score", rows_per_item = 16 : i64, score_heads = 8 : i64
// CHECK-SAME: weight_dtype = "bf16"
// CHECK: tile.kernel @score(%[[X:.*]]: memref<?x?x4096xbf16
// CHECK-SAME: tile.dims = "bnc", tile.name = "x"
// CHECK-SAME: tile.dims = "chi", tile.name = "weight"
// CHECK-SAME: i64 {tile.name = "offset"}, %{{.*}}: f64 {tile.name = "slope"}
// CHECK: %[[W:.*]] = tile.array : memref<4096xvector<4xi32>>
// CHECK: %[[FIRST:.*]] = tile.load_panel %[[X]]
// CHECK-NOT: masked
// CHECK: memref.store %{{.*}}, %[[W]]
// CHECK: tile.barrier
// CHECK: scf.for {{.*}} iter_args(%[[PANEL:.*]] = %[[FIRST]]) -> (vector<32xi32>)
// The next panel is under way before each product.
// CHECK: %[[SECOND:.*]] = tile.load_panel
// CHECK: tile.mma_panel %[[PANEL]], %[[W]][{{.*}}], %{{.*}} bf16 :
// CHECK: tile.load_panel
// CHECK: tile.mma_panel %[[SECOND]]
// CHECK: tile.barrier
// CHECK: tile.barrier
// CHECK: arith.truncf {{.*}} : f64 to f32
// CHECK: sparsek.score {{.*}}tile.kernels = @score_0
// FRAG: nvvm.mma.sync {{.*}} {{.*}}m = 16{{.*}} : (i32, i32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
func.func @wide(%x: tensor<?x?x4096xbf16>, %w: tensor<4096x8xbf16>) -> tensor<?x8x?xf32> {
  %u = sparsek.score %x, %w slope(1.0e-6) : tensor<?x?x4096xbf16>, tensor<4096x8xbf16>
  return %u : tensor<?x8x?xf32>
}

// -----

// Three parts of f32 weights, a feature group that is not whole, statistics.
// CHECK-LABEL: module @score_0
// CHECK-SAME: carry = true
// CHECK-SAME: {grid = "statistic_blocks x batch_score_heads", name = "score_statistics"}, {grid = "batch_score_heads", name = "score_scan"}, {grid = "statistic_blocks x batch_score_heads", name = "score_normalise"}
// CHECK-SAME: norm = "timestep"
// CHECK-SAME: rows_per_item = 256 : i64
// CHECK-SAME: statistics = true
// CHECK-SAME: weight_dtype = "f32"
// CHECK: tile.kernel @score(
// CHECK-NOT: tile.name = "slope"
// CHECK: tile.load_panel {{.*}} masked : memref<?x?x72xf16
// CHECK: tile.mma_panel {{.*}} f16 parts(3) :
// CHECK: tile.kernel @score_statistics(
// CHECK: tile.warp_scan {{.*}} : f64
// CHECK: tile.kernel @score_scan({{.*}}tile.name = "statistics"{{.*}}tile.name = "carried"
// CHECK: math.fma
// CHECK: tile.kernel @score_normalise({{.*}}tile.name = "slope"
// CHECK: math.sqrt
func.func @timestep(%x: tensor<?x?x72xf16>, %w: tensor<72x3xf32>, %o: i64, %s: tensor<?x3x3xf64>) -> tensor<?x3x3xf64> {
  %u, %c = sparsek.score %x, %w norm<timestep> offset(%o) statistics(%s) carry
      : tensor<?x?x72xf16>, tensor<72x3xf32>, i64, tensor<?x3x3xf64>
  return %c : tensor<?x3x3xf64>
}

// -----

// Where W does not fit, the sums so far are in u.
// CHECK-LABEL: module @score_0
// CHECK: tile.kernel @score({{.*}}, %[[U:.*]]: memref<?x?x?xf32
// CHECK: %[[SEGMENTS:.*]] = arith.constant 2 : i32
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[SEGMENTS]]
// CHECK: tile.mma_panel
// CHECK: memref.load %[[U]][
// CHECK: memref.store %{{.*}}, %[[U]][
func.func @segments(%x: tensor<?x?x8192xbf16>, %w: tensor<8192x8xf32>) -> tensor<?x8x?xf32> {
  %u = sparsek.score %x, %w : tensor<?x?x8192xbf16>, tensor<8192x8xf32>
  return %u : tensor<?x8x?xf32>
}

// -----

// Equal scores share their kernels, whatever the slope.
// CHECK: module @score_0
// CHECK-NOT: module @score_1
func.func @shared(%x: tensor<?x?x64xbf16>, %w: tensor<64x2xbf16>) -> (tensor<?x2x?xf32>, tensor<?x2x?xf32>) {
  %u = sparsek.score %x, %w : tensor<?x?x64xbf16>, tensor<64x2xbf16>
  %v = sparsek.score %x, %w slope(1.0) : tensor<?x?x64xbf16>, tensor<64x2xbf16>
  return %u, %v : tensor<?x2x?xf32>, tensor<?x2x?xf32>
}

// -----

// CHECK-LABEL: func.func @left_alone
// CHECK-NOT: tile.kernels
func.func @left_alone(%x: tensor<?x?x64xf32>, %w: tensor<64x2xf32>, %y: tensor<?x?x60xbf16>, %v: tensor<60x2xbf16>,
                      %z: tensor<?x?x64xbf16>, %t: tensor<64x65xbf16>)
    -> (tensor<?x2x?xf32>, tensor<?x2x?xf32>, tensor<?x65x?xf32>) {
  // expected-remark@+1 {{left as it is: tile programs take bf16 and f16, not f32}}
  %0 = sparsek.score %x, %w : tensor<?x?x64xf32>, tensor<64x2xf32>
  // expected-remark@+1 {{left as it is: tile programs take C as a multiple of 8, not 60}}
  %1 = sparsek.score %y, %v : tensor<?x?x60xbf16>, tensor<60x2xbf16>
  // expected-remark@+1 {{left as it is: tile programs take up to 64 score heads, not 65}}
  %2 = sparsek.score %z, %t : tensor<?x?x64xbf16>, tensor<64x65xbf16>
  return %0, %1, %2 : tensor<?x2x?xf32>, tensor<?x2x?xf32>, tensor<?x65x?xf32>
}
