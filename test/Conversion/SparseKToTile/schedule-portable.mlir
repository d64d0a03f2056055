// RUN: sparsek-opt %s --convert-sparsek-to-tile="chip=sm_80 remarks=true" 2>&1 | FileCheck %s --check-prefix=A100
// RUN: sparsek-opt %s --convert-sparsek-to-tile=chip=sm_86 | FileCheck %s --check-prefix=SMALL
// RUN: sparsek-opt %s --convert-sparsek-to-tile=chip=sm_90 | FileCheck %s --check-prefix=LARGE
// RUN: sed s/128xbf16/256xbf16/g %s | sparsek-opt --convert-sparsek-to-tile=chip=sm_120 | FileCheck %s --check-prefix=WIDE
// RUN: sed s/128xbf16/64xbf16/g %s | sparsek-opt --convert-sparsek-to-tile=chip=sm_80 | FileCheck %s --check-prefix=NARROW
// RUN: sparsek-opt %s --convert-sparsek-to-tile="chip=sm_80 schedule=consumer_rows=128" | FileCheck %s --check-prefix=DOUBLE
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="chip=sm_90 schedule=rows=256" 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="chip=sm_80 schedule=rows=0" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="chip=sm_80 schedule=overlap=true" 2>&1 | FileCheck %s --check-prefix=OVERLAP
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="chip=sm_80 schedule=rows=128,consumer_registers=160" 2>&1 | FileCheck %s --check-prefix=REGISTERS
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="chip=sm_80 schedule=rows=192,consumer_rows=64" 2>&1 | FileCheck %s --check-prefix=FEW
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="chip=sm_86 schedule=key_slots=4" 2>&1 | FileCheck %s --check-prefix=BYTES

// No overlap, equal registers, and slots that the chip has room for.
// A100: remark: scheduled as #tile.schedule<rows = 128, keys = 64, list_slots = 8, key_slots = 4, value_slots = 2, query_slots = 1, producer_registers = 168, consumer_registers = 168, overlap = false, ping_pong = false, {{.*}} gates = needed, skip_edges = true>
// A100: note: rows = 128, consumer_rows = 64: 128 output columns fit into the 168 registers that every thread has
// A100: note: list_slots = 8, key_slots = 4, value_slots = 2, query_slots = 1: what fits into 166912 bytes
// A100: chip = "sm_80"
// A100: tile.role "attend" warps(8) registers(168)
// A100: tile.mma_nt {{.*}} -> !tile.frag<64x64xf32>

// SMALL: chip = "sm_86"
// SMALL: schedule = #tile.schedule<rows = 128, keys = 64, list_slots = 4, key_slots = 2, value_slots = 1, query_slots = 1,
// LARGE: chip = "sm_90"
// LARGE: schedule = #tile.schedule<rows = 128, keys = 64, list_slots = 8, key_slots = 4, value_slots = 2, query_slots = 2,
// WIDE: chip = "sm_120"
// Two consumers of 64 rows have 168 registers, too few for 256 output columns.
// WIDE: schedule = #tile.schedule<rows = 64, keys = 64, list_slots = 1, key_slots = 1, value_slots = 1, query_slots = 1, producer_registers = 240, consumer_registers = 240,
// NARROW: schedule = #tile.schedule<rows = 192, keys = 64, {{.*}} producer_registers = 128, consumer_registers = 128, {{.*}} gates = needed, skip_edges = true>
// NARROW: tile.role "attend" warps(12) registers(128)

// Warps of 32 rows, with every register there is; many rows have no other.
// DOUBLE: schedule = #tile.schedule<rows = 128, {{.*}} producer_registers = 240, consumer_registers = 240, {{.*}} consumer_rows = 128>
// DOUBLE: tile.role "attend" warps(4) registers(240)
// DOUBLE: tile.mma_nt {{.*}} -> !tile.frag<128x64xf32>
// MANY: error: 'sparsek.gathered_attention' op schedule: keys = 64 with 128 value columns needs about 232 registers in a consumer thread, which has 168

// NONE: error: 'sparsek.gathered_attention' op schedule: rows must be 64, 128, 192 or 256, but is 0
// OVERLAP: error: 'sparsek.gathered_attention' op schedule: overlap must be false for sm_80, whose products do not run on beside the program
// REGISTERS: error: 'sparsek.gathered_attention' op schedule: producer_registers and consumer_registers must be 168 with rows = 128: on sm_80 all threads have the same
// FEW: error: 'sparsek.gathered_attention' op schedule: keys = 64 with 128 value columns needs about 136 registers in a consumer thread, which has 128; accepted: fewer keys
// BYTES: error: 'sparsek.gathered_attention' op schedule: needs {{[0-9]+}} bytes of shared memory ({{.*}}); a block has 101376; accepted: smaller

!q = tensor<1x4x?x128xbf16>
!u = tensor<1x1x?xf32>
!e = tensor<1x1x?xi32>
func.func @f(%q: !q, %u: !u, %e: !e) {
  %o, %l = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(16) window(16) : !q, !q, !q, !u, !u, !e
  return
}
