// RUN: sparsek-opt %s --convert-tile-to-fragments=chip=sm_80 --verify-diagnostics
// RUN: not sparsek-opt %s --convert-tile-to-fragments=chip=sm_75 2>&1 | FileCheck %s

// CHECK: error: convert-tile-to-fragments: chip must be one of sm_80, sm_86, sm_87, sm_89, sm_90, sm_90a, sm_100, sm_103, sm_120, sm_121, but is 'sm_75'

!ring = !tile.ring<2x64x64xbf16>

tile.kernel @overlapped(%p: i32 {tile.name = "p"}) {
  %a = tile.ring fills(32) drains(8) offset(0) barriers(32768) : !ring
  tile.role "attend" warps(4) {
    // expected-error@+1 {{runs on while the program continues, which sm_80 cannot; schedule the kernel with overlap = false}}
    %s = tile.mma_nt %a[%p], %a[%p] : !ring, !ring -> !tile.pending<64x64xf32>
  }
}
