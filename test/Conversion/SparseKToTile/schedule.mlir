// RUN: sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=64,list_slots=2,overlap=false,persistent=false,masks=always,gates=always" | FileCheck %s --check-prefix=SET
// RUN: sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=192" | FileCheck %s --check-prefix=WIDE
// RUN: sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=256" | FileCheck %s --check-prefix=WIDEST
// RUN: sparsek-opt %s --convert-sparsek-to-tile="remarks=true schedule=rows=128,keys=64" 2>&1 >/dev/null | FileCheck %s --check-prefix=WHY
// RUN: sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=128,overlap=false" | FileCheck %s --check-prefix=ALONE
// RUN: sparsek-opt %s --convert-sparsek-to-tile="schedule=list_slots=5,key_slots=3,value_slots=16" | FileCheck %s --check-prefix=THREE
// RUN: sparsek-opt %s --convert-sparsek-to-tile="remarks=true" 2>&1 >/dev/null | FileCheck %s --check-prefix=CHOICE
// RUN: sed 's/window(16) :/window(16) gate<none> :/' %s | sparsek-opt --convert-sparsek-to-tile="remarks=true" 2>&1 >/dev/null | FileCheck %s --check-prefix=PLAIN
// RUN: sed 's/window(16) :/window(16) gate<none> :/; s/x64xbf16>$/x128xbf16>/' %s | sparsek-opt --convert-sparsek-to-tile="remarks=true" 2>&1 >/dev/null | FileCheck %s --check-prefix=D128
// RUN: sed 's/window(16) :/window(16) gate<none> :/; s/x64xbf16>$/x256xbf16>/' %s | sparsek-opt --convert-sparsek-to-tile="remarks=true" 2>&1 >/dev/null | FileCheck %s --check-prefix=D256

// One consumer takes all the registers and no turns; the grid has a block for
// each item.
// SET: {grid = "items", name = "attention"}
// SET: tile.kernel @attention
// SET-SAME: schedule = #tile.schedule<rows = 64, keys = 128, list_slots = 2, key_slots = 2, value_slots = 2, query_slots = 2,
// SET-SAME: producer_registers = 56, consumer_registers = 240, overlap = false, ping_pong = false, persistent = false, masks = always, gates = always>
// SET: tile.ring fills(1) drains(6) : !tile.key_list<slots = 2, keys = 128>
// SET: tile.ring fills(66) drains(4) : !tile.ring<2x128x64xbf16>
// SET: tile.ring fills(64) drains(4) : !tile.ring<2x128x64xbf16>
// SET: tile.ring fills(32) drains(4) : !tile.ring<2x64x64xbf16>
// SET: tile.role "attend" warps(4) registers(240)

// More consumers take turns as well, and empty the rings faster.
// WIDE: schedule = #tile.schedule<rows = 192, keys = 64, list_slots = 16, key_slots = 4, value_slots = 4, query_slots = 2,
// WIDE-SAME: producer_registers = 56, consumer_registers = 152, overlap = true, ping_pong = true
// WIDE: tile.role "attend" warps(12) registers(152)

// WIDEST: schedule = #tile.schedule<rows = 256, keys = 64, {{.*}} producer_registers = 32, consumer_registers = 112, overlap = true, ping_pong = true
// WIDEST: tile.role "attend" warps(16) registers(112)

// WHY: remark: scheduled as #tile.schedule<rows = 128, keys = 64, list_slots = 4,
// WHY-NOT: keys = 128
// WHY: note: producer_registers = 72, consumer_registers = 216: listing gated keys takes more, and consumers compute gates twice instead of keeping them
// WHY: note: rows = 128: set by the user
// WHY: note: keys = 64: set by the user
// WHY: note: 72928 bytes of shared memory (queries 32768, keys 16384, values 16384, list and barriers 7392)

// Turns are for products that run on.
// ALONE: schedule = #tile.schedule<rows = 128, {{.*}} overlap = false, ping_pong = false

// Rings of any size.
// THREE: tile.ring fills(1) drains(14) : !tile.key_list<slots = 5, keys = 64>
// THREE: tile.ring {{.*}} : !tile.ring<3x64x64xbf16>
// THREE: tile.ring {{.*}} : !tile.ring<16x64x64xbf16>

// As many consumers as output and gates leave registers for.
// CHOICE: remark: scheduled as #tile.schedule<rows = 192, keys = 64,
// CHOICE: note: rows = 192: 3 consumers can hold 64 output columns and gates{{$}}
// PLAIN: remark: scheduled as #tile.schedule<rows = 256, keys = 64, list_slots = 16, key_slots = 4, value_slots = 4,
// PLAIN: note: rows = 256: 4 consumers can hold 64 output columns{{$}}
// D128: remark: scheduled as #tile.schedule<rows = 192, keys = 64, list_slots = 16, key_slots = 3, value_slots = 3, query_slots = 2, {{.*}} ping_pong = true,
// D128: note: rows = 192: 3 consumers can hold 128 output columns{{$}}
// D256: remark: scheduled as #tile.schedule<rows = 128, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = {{[12]}}, {{.*}} ping_pong = true,
// D256: note: rows = 128: 2 consumers can hold 256 output columns{{$}}

!q = tensor<1x4x?x64xbf16>
!u = tensor<1x1x?xf32>
!e = tensor<1x1x?xi32>
func.func @f(%q: !q, %u: !u, %e: !e) {
  %o, %l = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(16) window(16) : !q, !q, !q, !u, !u, !e
  return
}
