// RUN: sparsek-opt %s --split-input-file --verify-diagnostics

// Types and attributes.

// expected-error@+1 {{a ring has slots, rows and columns, but 2 sizes are given}}
func.func private @f(!tile.ring<2x64xbf16>)

// -----

// expected-error@+1 {{a ring has 1 to 16 slots, not 17}}
func.func private @f(!tile.ring<17x64x64xbf16>)

// -----

// expected-error@+1 {{a ring has 1 to 16 slots, not 0}}
func.func private @f(!tile.ring<0x64x64xbf16>)

// -----

// expected-error@+1 {{the rows of a slot are a multiple of 8 up to 256, not 264}}
func.func private @f(!tile.ring<2x264x64xbf16>)

// -----

// expected-error@+1 {{the columns of a slot are a multiple of 8 up to 256, not 20}}
func.func private @f(!tile.ring<2x64x20xbf16>)

// -----

// expected-error@+1 {{a ring holds bf16 or f16, not 'f32'}}
func.func private @f(!tile.ring<2x64x64xf32>)

// -----

// expected-error@+1 {{a key list has 1 to 16 slots, not 17}}
func.func private @f(!tile.key_list<slots = 17, keys = 64>)

// -----

// expected-error@+1 {{a key list has 1 to 16 slots, not 0}}
func.func private @f(!tile.key_list<slots = 0, keys = 64>)

// -----

// expected-error@+1 {{a slot lists 64 or 128 keys, not 96}}
func.func private @f(!tile.key_list<slots = 4, keys = 96>)

// -----

// expected-error@+1 {{a fragment holds f32, bf16 or f16, not 'f64'}}
func.func private @f(!tile.frag<64x64xf64>)

// -----

// expected-error@+1 {{a fragment has 64 or 128 rows and some columns}}
func.func private @f(!tile.frag<96x64xf32>)

// -----

// expected-error@+1 {{the columns of a fragment are a multiple of 8 up to 256, not 12}}
func.func private @f(!tile.frag<64x12xf32>)

// -----

// expected-error@+1 {{products are f32, not 'bf16'}}
func.func private @f(!tile.pending<64x64xbf16>)

// -----

// expected-error@+1 {{a fragment has 64 or 128 rows and some columns}}
func.func private @f(!tile.pending<64xf32>)

// -----

// expected-error@+1 {{there is one number for each of 64 or 128 rows}}
func.func private @f(!tile.rows<96xf32>)

// -----

// expected-error@+1 {{rows hold f32 or i32, not 'bf16'}}
func.func private @f(!tile.rows<64xbf16>)

// -----

// expected-error@+1 {{rows must be 64, 128, 192 or 256, but is 320}}
#s = #tile.schedule<rows = 320, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{keys must be 64 or 128, but is 32}}
#s = #tile.schedule<rows = 128, keys = 32, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{list_slots must be 1 to 16, but is 17}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 17, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{key_slots must be 1 to 16, but is 0}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 0, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{value_slots must be 1 to 16, but is 17}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 17, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{query_slots must be 1 to 16, but is -1}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = -1, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{producer_registers must be a multiple of 8 in 24..240, but is 60}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 60, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{consumer_registers must be a multiple of 8 in 24..240, but is 248}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 248, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{producer_registers + 2 * consumer_registers must be at most 504, but is 520}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 40, consumer_registers = 240, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{ping_pong needs two consumers or more, but rows / consumer_rows is 1}}
#s = #tile.schedule<rows = 64, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{ping_pong needs two consumers or more, but rows / consumer_rows is 1}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed, consumer_rows = 128>
func.func private @f() attributes {s = #s}

// -----

// expected-error@+1 {{skip_edges needs keys = 64, consumer_rows = 64 and two consumers or more, but has keys = 128, consumer_rows = 64 and rows = 128}}
#s = #tile.schedule<rows = 128, keys = 128, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed, skip_edges = true>

// -----

// expected-error@+1 {{skip_edges needs keys = 64, consumer_rows = 64 and two consumers or more, but has keys = 64, consumer_rows = 64 and rows = 64}}
#s = #tile.schedule<rows = 64, keys = 64, list_slots = 4, key_slots = 2, value_slots = 2, query_slots = 2, producer_registers = 56, consumer_registers = 224, overlap = true, ping_pong = false, persistent = true, masks = needed, gates = needed, skip_edges = true>

// -----

// expected-error@+1 {{skip_edges needs list_slots, key_slots and value_slots of at least 3, one for each consumer, but has 4, 2 and 3}}
#s = #tile.schedule<rows = 192, keys = 64, list_slots = 4, key_slots = 2, value_slots = 3, query_slots = 2, producer_registers = 56, consumer_registers = 152, overlap = true, ping_pong = true, persistent = true, masks = needed, gates = needed, skip_edges = true>

// -----

// expected-error@+1 {{needs positions >= 1 and 1 <= heads <= group, but has positions = 32, heads = 4, group = 2}}
#m = #tile.row_map<positions = 32, heads = 4, group = 2>
func.func private @f() attributes {m = #m}

// -----

// expected-error@+1 {{positions * heads must be at most 256, but positions = 65 and heads = 4}}
#m = #tile.row_map<positions = 65, heads = 4, group = 4>
func.func private @f() attributes {m = #m}
