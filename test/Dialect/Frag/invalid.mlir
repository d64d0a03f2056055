// RUN: sparsek-opt %s -split-input-file -verify-diagnostics

func.func @depth(%q: i32, %k: i32) -> vector<64xf32> {
  // expected-error @+1 {{depth must be a multiple of 16 up to 256, but is 24}}
  %0 = frag.wgmma_ss %q, %k depth(24) type(bf16) panels(16384, 8192) : vector<64xf32>
  return %0 : vector<64xf32>
}

// -----

func.func @panels(%q: i32, %k: i32) -> vector<64xf32> {
  // expected-error @+1 {{panels must be a multiple of 1024 bytes apart}}
  %0 = frag.wgmma_ss %q, %k depth(16) type(bf16) panels(1000, 8192) : vector<64xf32>
  return %0 : vector<64xf32>
}

// -----

func.func @columns(%q: i32, %k: i32) -> vector<3xf32> {
  // expected-error @+1 {{the accumulator has 6 columns; a product has a multiple of 8 up to 256}}
  %0 = frag.wgmma_ss %q, %k depth(16) type(bf16) panels(1024, 8192) : vector<3xf32>
  return %0 : vector<3xf32>
}

// -----

func.func @type(%q: i32, %k: i32) -> vector<4xf32> {
  // expected-error @+1 {{attribute 'type' failed to satisfy constraint: bf16 or f16}}
  %0 = frag.wgmma_ss %q, %k depth(16) type(f32) panels(1024, 8192) : vector<4xf32>
  return %0 : vector<4xf32>
}

// -----

func.func @words(%o: vector<4xf32>, %p: vector<3xi32>, %v: i32) -> vector<4xf32> {
  // expected-error @+1 {{the left operand must have a multiple of 4 registers up to 64, but has 3}}
  %0 = frag.wgmma_rs %o, %p, %v type(f16) : vector<4xf32>, vector<3xi32>
  return %0 : vector<4xf32>
}

// -----

func.func @outstanding(%o: vector<4xf32>) -> vector<4xf32> {
  // expected-error @+1 {{outstanding must be 0 to 7, but is 8}}
  %0 = frag.wgmma_wait %o outstanding(8) : vector<4xf32>
  return %0 : vector<4xf32>
}

// -----

func.func @tiles(%q: i32, %k: i32) -> vector<64xf32> {
  // expected-error @+1 {{tiles must be 1 or 2, but is 3}}
  %0 = frag.mma_ss %q, %k depth(16) type(bf16) panels(8192, 8192) tiles(3) : vector<64xf32>
  return %0 : vector<64xf32>
}

// -----

func.func @uneven(%q: i32, %k: i32) -> vector<5xf32> {
  // expected-error @+1 {{the accumulator has 5 elements, which are not the same for each of 2 tiles}}
  %0 = frag.mma_ss %q, %k depth(16) type(bf16) panels(8192, 8192) tiles(2) : vector<5xf32>
  return %0 : vector<5xf32>
}

// -----

func.func @tile_columns(%o: vector<12xf32>, %p: vector<8xi32>, %v: i32) -> vector<12xf32> {
  // expected-error @+1 {{the accumulator has 12 columns; a product has a multiple of 8 up to 256}}
  %0 = frag.mma_rs %o, %p, %v type(f16) panel(8192) tiles(2) : vector<12xf32>, vector<8xi32>
  return %0 : vector<12xf32>
}

// -----

func.func @warp_depth(%q: i32, %k: i32) -> vector<4xf32> {
  // expected-error @+1 {{depth must be a multiple of 16 up to 256, but is 0}}
  %0 = frag.mma_ss %q, %k depth(0) type(bf16) panels(8192, 8192) tiles(1) : vector<4xf32>
  return %0 : vector<4xf32>
}

// -----

func.func @warp_panel(%o: vector<4xf32>, %p: vector<4xi32>, %v: i32) -> vector<4xf32> {
  // expected-error @+1 {{panels must be a multiple of 1024 bytes apart}}
  %0 = frag.mma_rs %o, %p, %v type(f16) panel(100) tiles(1) : vector<4xf32>, vector<4xi32>
  return %0 : vector<4xf32>
}

// -----

func.func @warp_words(%o: vector<8xf32>, %p: vector<4xi32>, %v: i32) -> vector<8xf32> {
  // expected-error @+1 {{the left operand must have a multiple of 8 registers up to 128, but has 4}}
  %0 = frag.mma_rs %o, %p, %v type(f16) panel(1024) tiles(2) : vector<8xf32>, vector<4xi32>
  return %0 : vector<8xf32>
}

// -----

func.func @global_barrier(%barrier: !llvm.ptr<1>, %leader: i1) {
  // expected-error @+1 {{operand #0 must be LLVM pointer in address space 3}}
  "frag.arrive"(%barrier, %leader) : (!llvm.ptr<1>, i1) -> ()
  return
}
