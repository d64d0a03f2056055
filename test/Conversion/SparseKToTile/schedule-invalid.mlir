// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=key=64" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=keys=64,keys=64" 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=keys=many" 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=keys" 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=overlap=1" 2>&1 | FileCheck %s --check-prefix=SWITCH
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=masks=some" 2>&1 | FileCheck %s --check-prefix=WHEN
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=keys=96" 2>&1 | FileCheck %s --check-prefix=KEYS
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=100" 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=key_slots=17" 2>&1 | FileCheck %s --check-prefix=SLOTS
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=consumer_registers=100" 2>&1 | FileCheck %s --check-prefix=STEP
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=128,consumer_registers=240" 2>&1 | FileCheck %s --check-prefix=SUM
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=64,ping_pong=true" 2>&1 | FileCheck %s --check-prefix=TURNS
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=128,overlap=false,ping_pong=true" 2>&1 | FileCheck %s --check-prefix=ALONE
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=128,consumer_registers=128" 2>&1 | FileCheck %s --check-prefix=FEW
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=128,key_slots=8" 2>&1 | FileCheck %s --check-prefix=BYTES
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=masks=never" 2>&1 | FileCheck %s --check-prefix=MASKS
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=gates=never" 2>&1 | FileCheck %s --check-prefix=GATES
// RUN: sed s/gate.value./gate\<none\>/ %s | not sparsek-opt --convert-sparsek-to-tile="schedule=gates=always" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=128,consumer_rows=128,ping_pong=false" 2>&1 | FileCheck %s --check-prefix=TILES
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=192,consumer_rows=128" 2>&1 | FileCheck %s --check-prefix=DIVIDE
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="schedule=rows=192,value_slots=2,skip_edges=true" 2>&1 | FileCheck %s --check-prefix=EDGES
// RUN: not sparsek-opt %s --convert-sparsek-to-tile="chip=hopper" 2>&1 | FileCheck %s --check-prefix=CHIP

// NAME: error: convert-sparsek-to-tile: schedule has no field 'key'; accepted: rows, keys, list_slots, key_slots, value_slots, query_slots, producer_registers, consumer_registers, consumer_rows, overlap, ping_pong, persistent, skip_edges, masks, gates
// TWICE: error: convert-sparsek-to-tile: schedule sets 'keys' twice
// NUMBER: error: 'sparsek.gathered_attention' op schedule: keys must be a number, but is 'many'
// EMPTY: error: 'sparsek.gathered_attention' op schedule: keys must be a number, but is ''
// SWITCH: error: 'sparsek.gathered_attention' op schedule: overlap must be true or false, but is '1'
// WHEN: error: 'sparsek.gathered_attention' op schedule: masks must be never, needed or always, but is 'some'
// KEYS: error: 'sparsek.gathered_attention' op schedule: keys must be 64 or 128, but is 96
// ROWS: error: 'sparsek.gathered_attention' op schedule: rows must be 64, 128, 192 or 256, but is 100
// SLOTS: error: 'sparsek.gathered_attention' op schedule: key_slots must be 1 to 16, but is 17
// STEP: error: 'sparsek.gathered_attention' op schedule: consumer_registers must be a multiple of 8 in 24..240, but is 100
// SUM: error: 'sparsek.gathered_attention' op schedule: producer_registers + 2 * consumer_registers must be at most 504, but is 552
// TURNS: error: 'sparsek.gathered_attention' op schedule: ping_pong needs two consumers or more, but rows / consumer_rows is 1
// ALONE: error: 'sparsek.gathered_attention' op schedule: ping_pong needs overlap = true
// FEW: error: 'sparsek.gathered_attention' op schedule: keys = 128 with 128 value columns needs about 184 registers in a consumer thread, which has 128; accepted: fewer keys, or more consumer_registers
// BYTES: error: 'sparsek.gathered_attention' op schedule: needs {{[0-9]+}} bytes of shared memory (queries 32768, keys 262144, values 65536, list and barriers {{[0-9]+}}); a block has 232448; accepted: smaller rows, keys, list_slots, key_slots, value_slots or query_slots
// MASKS: error: 'sparsek.gathered_attention' op schedule: masks must be needed or always, but is never
// GATES: error: 'sparsek.gathered_attention' op schedule: gates must be needed or always with gate value, but is never
// NONE: error: 'sparsek.gathered_attention' op schedule: gates must be never without a gate, but is always
// TILES: error: 'sparsek.gathered_attention' op schedule: consumer_rows must be 64 for sm_90a, but is 128
// DIVIDE: error: 'sparsek.gathered_attention' op schedule: consumer_rows must be 64 or 128 and divide rows = 192, but is 128
// EDGES: error: 'sparsek.gathered_attention' op schedule: skip_edges needs list_slots, key_slots and value_slots of at least 3, one for each consumer, but has 16, 3 and 2
// CHIP: error: convert-sparsek-to-tile: chip must be sm_ and a number, as in sm_90a, but is 'hopper'

!q = tensor<1x4x?x128xbf16>
!u = tensor<1x1x?xf32>
!e = tensor<1x1x?xi32>
func.func @f(%q: !q, %u: !u, %e: !e) {
  %o, %l = sparsek.gathered_attention %q, %q, %q, %u, %u, %e topk(16) window(16) gate<value> : !q, !q, !q, !u, !u, !e
  return
}
