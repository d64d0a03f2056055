// RUN: sparsek-opt %s --tile-overlap --split-input-file --verify-diagnostics | FileCheck %s

// Loops of another form stay as they are.
// CHECK-NOT: -> !tile.pending<64x128xf32>

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @two_products(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected one tile.mma_nt and one tile.mma_nn at the top level of the first region}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %s2 = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      %a = tile.truncate %s : !s -> !a
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @no_values(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected one tile.mma_nt and one tile.mma_nn at the top level of the first region}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %o1 = tile.scale_rows %o, %decay : !o, !r
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @pending(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: the products are asynchronous already}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s0 = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !tile.pending<64x64xf32>
      %s = tile.wait %s0 : !tile.pending<64x64xf32> -> !s
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      %a = tile.truncate %s : !s -> !a
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @no_weights(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected a tile.truncate between the products as the left operand of tile.mma_nn}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %a = tile.truncate %a0 : !s -> !a
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @no_decay(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected the accumulator of tile.mma_nn to be carried by the loop and to be scaled by the decay of a tile.raise_maximum between the products}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %a = tile.truncate %s : !s -> !a
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %o : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @accumulator_read_twice(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected the accumulator of tile.mma_nn to be carried by the loop and to be scaled by the decay of a tile.raise_maximum between the products}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      %a = tile.truncate %s : !s -> !a
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      %e = tile.scale_rows %o, %decay : !o, !r
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @output_read_twice(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected the accumulator of tile.mma_nn to be carried by the loop and to be scaled by the decay of a tile.raise_maximum between the products}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      %a = tile.truncate %s : !s -> !a
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      %e = tile.scale_rows %o1, %decay : !o, !r
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @no_acquire(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected the right operand of tile.mma_nn to be acquired, without a list, read and released once, and else only skipped}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      %a = tile.truncate %s : !s -> !a
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @released_elsewhere(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected the right operand of tile.mma_nn to be acquired, without a list, read and released once, and else only skipped}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      %a = tile.truncate %s : !s -> !a
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      %q = arith.addi %p, %p : i32
      tile.release %v[%q] : !k
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @released_in_branch(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected the right operand of tile.mma_nn to be acquired, without a list, read and released once, and else only skipped}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      %a = tile.truncate %s : !s -> !a
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      scf.if %true {
        tile.release %v[%p] : !k
      }
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @work_in_second_region(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected the second region to pass on what the first yields}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      %a = tile.truncate %s : !s -> !a
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      %e = tile.scale_rows %o, %decay : !o, !r
      scf.yield %e : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @raised_after_weights(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected the accumulator of tile.mma_nn to be carried by the loop and to be scaled by the decay of a tile.raise_maximum between the products}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %a = tile.truncate %s : !s -> !a
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @raised_before_scores(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected the accumulator of tile.mma_nn to be carried by the loop and to be scaled by the decay of a tile.raise_maximum between the products}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %m1, %h1, %l1, %rise = tile.raise_maximum %a0, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %a = tile.truncate %s : !s -> !a
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @decayed_by_scale_rows(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected the accumulator of tile.mma_nn to be carried by the loop and to be scaled by the decay of a tile.raise_maximum between the products}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %d = tile.scale_rows %o, %decay : !o, !r
      %a = tile.truncate %s : !s -> !a
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @decayed_read_twice(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected the accumulator of tile.mma_nn to be carried by the loop and to be scaled by the decay of a tile.raise_maximum between the products}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      %a = tile.truncate %s : !s -> !a
      tile.acquire %v[%p] : !k
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      %e = tile.scale_rows %d, %decay : !o, !r
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}

// -----

#overlap = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
!k = !tile.ring<2x64x128xbf16>
!s = !tile.frag<64x64xf32>
!a = !tile.frag<64x64xbf16>
!o = !tile.frag<64x128xf32>
!r = !tile.rows<64xf32>

tile.kernel @acquired_with_list(%p: i32 {tile.name = "p"}, %scale: f32 {tile.name = "scale"}) attributes {schedule = #overlap} {
  %k = tile.ring fills(32) drains(4) : !k
  %v = tile.ring fills(32) drains(4) : !k
  %list = tile.ring fills(1) drains(5) : !tile.key_list<slots = 4, keys = 64>
  %true = arith.constant true
  tile.role "attend" warps(4) {
    %decay = tile.fill 1.0 : !r
    %o0 = tile.fill 0.0 : !o
    %a0 = tile.fill 0.0 : !s
    // expected-remark@+1 {{not overlapped: expected the right operand of tile.mma_nn to be acquired, without a list, read and released once, and else only skipped}}
    %r = scf.while (%o = %o0) : (!o) -> !o {
      %s = tile.mma_nt %k[%p], %k[%p] : !k, !k -> !s
      %m1, %h1, %l1, %rise = tile.raise_maximum %s, %decay, %decay, %decay scale %scale : !s, !r
      %d = tile.scale_rows %o, %rise : !o, !r
      %a = tile.truncate %s : !s -> !a
      tile.acquire %v[%p] with %list[%p] : !k, !tile.key_list<slots = 4, keys = 64>
      %o1 = tile.mma_nn %a, %v[%p], %d : !a, !k, !o -> !o
      tile.release %v[%p] : !k
      scf.condition(%true) %o1 : !o
    } do {
    ^bb0(%o: !o):
      scf.yield %o : !o
    }
  }
}
