// RUN: not sparsek-opt %s --convert-sparsek-to-vector=vector-lanes=0 2>&1 | FileCheck %s --check-prefix=LANES
// RUN: not sparsek-opt %s --convert-sparsek-to-vector=tile-rows=-1 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not sparsek-opt %s --convert-sparsek-to-vector="key-block=20 micro-rows=8" 2>&1 | FileCheck %s --check-prefix=BLOCK

// LANES: error: convert-sparsek-to-vector: vector-lanes must be from 1 to 64, got 0
// ROWS: error: convert-sparsek-to-vector: tile-rows must be from 1 to 65536, got -1
// BLOCK: error: convert-sparsek-to-vector: key-block must be a multiple of micro-rows, got 20 and 8
module {}
