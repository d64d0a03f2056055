// RUN: sparsek-opt %s --split-input-file --verify-diagnostics

!x = memref<?x?x72xbf16, strided<[?, ?, 1]>>
tile.kernel @panel_size(%x: !x {tile.name = "x", tile.dims = "bnc"}, %i: i32 {tile.name = "i"}) attributes {threads = 32} {
  // expected-error@+1 {{panel must have eight words for each 32 columns, but is 'vector<12xi32>'}}
  %p = tile.load_panel %x[%i, %i, %i] limit %i : !x -> vector<12xi32>
}

// -----

!x = memref<?x?x72xf32, strided<[?, ?, 1]>>
tile.kernel @source_type(%x: !x {tile.name = "x", tile.dims = "bnc"}, %i: i32 {tile.name = "i"}) attributes {threads = 32} {
  // expected-error@+1 {{source must be a memref of rank 3 of bf16 or f16 with a contiguous last dimension}}
  %p = tile.load_panel %x[%i, %i, %i] limit %i : !x -> vector<8xi32>
}

// -----

!x = memref<?x?x?xbf16, strided<[?, ?, 1]>>
tile.kernel @columns(%x: !x {tile.name = "x", tile.dims = "bnc"}, %i: i32 {tile.name = "i"}) attributes {threads = 32} {
  // expected-error@+1 {{source must have a static number of columns that is a multiple of 8}}
  %p = tile.load_panel %x[%i, %i, %i] limit %i : !x -> vector<8xi32>
}

// -----

!x = memref<?x?x72xbf16, strided<[?, ?, 1]>>
tile.kernel @rhs_type(%x: !x {tile.name = "x", tile.dims = "bnc"}, %i: i32 {tile.name = "i"}) attributes {threads = 32} {
  %w = tile.array : memref<96xi32>
  %none = arith.constant dense<0.0> : vector<4xf32>
  %p = tile.load_panel %x[%i, %i, %i] limit %i : !x -> vector<8xi32>
  // expected-error@+1 {{right operand must be a memref of rank 1 of vectors of four i32}}
  %s = tile.mma_panel %p, %w[%i], %none bf16 : vector<8xi32>, memref<96xi32>, vector<4xf32>
}

// -----

!x = memref<?x?x72xbf16, strided<[?, ?, 1]>>
tile.kernel @element(%x: !x {tile.name = "x", tile.dims = "bnc"}, %i: i32 {tile.name = "i"}) attributes {threads = 32} {
  %w = tile.array : memref<96xvector<4xi32>>
  %none = arith.constant dense<0.0> : vector<4xf32>
  %p = tile.load_panel %x[%i, %i, %i] limit %i : !x -> vector<8xi32>
  // expected-error@+1 {{multiplies bf16 and f16, not 'f32'}}
  %s = tile.mma_panel %p, %w[%i], %none f32 : vector<8xi32>, memref<96xvector<4xi32>>, vector<4xf32>
}

// -----

!x = memref<?x?x72xbf16, strided<[?, ?, 1]>>
tile.kernel @parts(%x: !x {tile.name = "x", tile.dims = "bnc"}, %i: i32 {tile.name = "i"}) attributes {threads = 32} {
  %w = tile.array : memref<96xvector<4xi32>>
  %none = arith.constant dense<0.0> : vector<4xf32>
  %p = tile.load_panel %x[%i, %i, %i] limit %i : !x -> vector<8xi32>
  // expected-error@+1 {{right operand must have 1 to 3 parts, not 4}}
  %s = tile.mma_panel %p, %w[%i], %none bf16 parts(4) : vector<8xi32>, memref<96xvector<4xi32>>, vector<4xf32>
}

// -----

!x = memref<?x?x72xbf16, strided<[?, ?, 1]>>
tile.kernel @accumulator(%x: !x {tile.name = "x", tile.dims = "bnc"}, %i: i32 {tile.name = "i"}) attributes {threads = 32} {
  %w = tile.array : memref<96xvector<4xi32>>
  %none = arith.constant dense<0.0> : vector<6xf32>
  %p = tile.load_panel %x[%i, %i, %i] limit %i : !x -> vector<8xi32>
  // expected-error@+1 {{accumulator must have four elements for each eight columns, but is 'vector<6xf32>'}}
  %s = tile.mma_panel %p, %w[%i], %none bf16 : vector<8xi32>, memref<96xvector<4xi32>>, vector<6xf32>
}
