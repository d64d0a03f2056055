// RUN: sparsek-opt %s --tile-allocate=limit=8000 --verify-diagnostics

// 4004 bytes, 12 up to the next multiple of 16, and 3992.
// expected-error@+1 {{needs 8008 bytes of shared memory; a block has 8000}}
tile.kernel @arrays() attributes {threads = 256} {
  // expected-note@+1 {{'memref<1001xi32>' takes 4004 bytes}}
  %counts = tile.array : memref<1001xi32>
  // expected-note@+1 {{'memref<499xi64>' takes 3992 bytes}}
  %sums = tile.array : memref<499xi64>
}
