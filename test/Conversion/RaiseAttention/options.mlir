// RUN: not sparsek-opt %s --sparsek-raise-attention=topk=0 2>&1 | FileCheck %s --check-prefix=TOPK
// RUN: not sparsek-opt %s --sparsek-raise-attention=window=-1 2>&1 | FileCheck %s --check-prefix=WINDOW
// RUN: not sparsek-opt %s --sparsek-raise-attention=gate=both 2>&1 | FileCheck %s --check-prefix=GATE
// RUN: not sparsek-opt %s --sparsek-raise-attention=scores=none 2>&1 | FileCheck %s --check-prefix=SCORES
// RUN: not sparsek-opt %s --sparsek-raise-attention=score-heads=2 2>&1 | FileCheck %s --check-prefix=HEADS
// RUN: not sparsek-opt %s --sparsek-raise-attention=mode=fast 2>&1 | FileCheck %s --check-prefix=MODE

// TOPK: error: sparsek-raise-attention: C3: topk must be at least 1, got 0
// WINDOW: error: sparsek-raise-attention: C2: window must be at least 0, got -1
// GATE: error: sparsek-raise-attention: gate must be key_value, value, none or straight_through, got 'both'
// SCORES: error: sparsek-raise-attention: scores must be weights or tensor, got 'none'
// HEADS: error: sparsek-raise-attention: score-heads must be 1 or kv, got '2'
// MODE: error: sparsek-raise-attention: mode must be sparse or dense, got 'fast'
module {}
