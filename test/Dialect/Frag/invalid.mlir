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
