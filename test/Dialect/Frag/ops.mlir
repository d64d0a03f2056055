// RUN: sparsek-opt %s | sparsek-opt | FileCheck %s

// CHECK-LABEL: func.func @products
func.func @products(%q: i32, %k: i32, %v: i32, %o: vector<64xf32>, %p: vector<32xi32>) -> (vector<64xf32>, vector<64xf32>) {
  // CHECK: frag.wgmma_ss %{{.*}}, %{{.*}} depth(128) type(bf16) panels(16384, 8192) : vector<64xf32>
  %0 = frag.wgmma_ss %q, %k depth(128) type(bf16) panels(16384, 8192) : vector<64xf32>
  // CHECK: frag.wgmma_rs %{{.*}}, %{{.*}}, %{{.*}} type(f16) : vector<64xf32>, vector<32xi32>
  %1 = frag.wgmma_rs %o, %p, %v type(f16) : vector<64xf32>, vector<32xi32>
  // CHECK: frag.wgmma_wait %{{.*}} outstanding(1) : vector<64xf32>
  %2 = frag.wgmma_wait %0 outstanding(1) : vector<64xf32>
  %3 = frag.wgmma_wait %1 outstanding(0) : vector<64xf32>
  return %2, %3 : vector<64xf32>, vector<64xf32>
}

// CHECK-LABEL: func.func @warp_products
func.func @warp_products(%q: i32, %k: i32, %v: i32, %o: vector<128xf32>, %p: vector<32xi32>) -> (vector<64xf32>, vector<128xf32>) {
  // CHECK: frag.mma_ss %{{.*}}, %{{.*}} depth(128) type(bf16) panels(16384, 8192) tiles(2) : vector<64xf32>
  %0 = frag.mma_ss %q, %k depth(128) type(bf16) panels(16384, 8192) tiles(2) : vector<64xf32>
  // CHECK: frag.mma_rs %{{.*}}, %{{.*}}, %{{.*}} type(f16) panel(8192) tiles(2) : vector<128xf32>, vector<32xi32>
  %1 = frag.mma_rs %o, %p, %v type(f16) panel(8192) tiles(2) : vector<128xf32>, vector<32xi32>
  return %0, %1 : vector<64xf32>, vector<128xf32>
}

// CHECK-LABEL: func.func @address
func.func @address(%base: !llvm.ptr<1>, %i: i32, %stride: i32) -> !llvm.ptr<1> {
  // CHECK: frag.row_address %{{.*}}, %{{.*}}, %{{.*}} : <1>
  %0 = frag.row_address %base, %i, %stride : !llvm.ptr<1>
  return %0 : !llvm.ptr<1>
}

// CHECK-LABEL: func.func @barrier
func.func @barrier(%barrier: !llvm.ptr<3>, %leader: i1) {
  // CHECK: frag.arrive %{{.*}} if %{{.*}} : <3>
  frag.arrive %barrier if %leader : !llvm.ptr<3>
  return
}
