// The surface of the tool does not drift.

// RUN: sparsek-opt --show-dialects | FileCheck %s --check-prefix=DIALECTS
// DIALECTS: Available Dialects:
// DIALECTS-SAME: arith
// DIALECTS-SAME: linalg
// DIALECTS-SAME: sparsek
// DIALECTS-SAME: vector

// RUN: sparsek-opt --version | FileCheck %s --check-prefix=VERSION
// VERSION: LLVM version 22.1
// VERSION: sparsek {{[0-9]+\.[0-9]+\.[0-9]+}} (LLVM 22.1.{{[0-9]+}})

// The help has groups, and leaves the options of LLVM's code generators to --help-hidden.
// RUN: sparsek-opt --help | FileCheck %s --check-prefix=HELP --implicit-check-not=amdgpu-bypass-slow-div
// HELP: OVERVIEW: sparsek optimizer driver
// HELP: 1. Input and output:
// HELP: --emit-bytecode
// HELP: 2. Passes and pipelines:
// HELP: --sparsek-decompose-attention
// HELP-SAME: split sparsek.attention into topk_mask and gathered_attention
// HELP: --pass-pipeline=
// HELP: 3. Diagnostics and reproducers:
// HELP: --mlir-pass-pipeline-crash-reproducer=
// HELP: 4. Printing and timing:
// HELP: --mlir-print-ir-after-all
// HELP: Remark Options:
// HELP: --remarks-filter=
// RUN: sparsek-opt --help-hidden | FileCheck %s --check-prefix=HIDDEN
// HIDDEN: --amdgpu-bypass-slow-div

// RUN: sparsek-opt --list-passes | FileCheck %s --check-prefix=PASSES
// PASSES: canonicalize
// PASSES: sparsek-decompose-attention

// RUN: not sparsek-opt --no-such-pass %s 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: Unknown command line argument '--no-such-pass'

// RUN: not sparsek-opt --pass-pipeline='builtin.module(no-such-pass)' %s 2>&1 | FileCheck %s --check-prefix=UNKNOWN-PIPELINE
// UNKNOWN-PIPELINE: 'no-such-pass' does not refer to a registered pass or pass pipeline

// RUN: not sparsek-opt %t.no-such-file 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: sparsek-opt: error: cannot open input file '{{.*}}no-such-file': No such file or directory

// RUN: not sparsek-opt %s -o %t.no-such-folder/out.mlir 2>&1 | FileCheck %s --check-prefix=OUTPUT
// OUTPUT: sparsek-opt: error: cannot open output file '{{.*}}out.mlir'

// An empty module is a legal input.
// RUN: sparsek-opt %s | FileCheck %s --check-prefix=EMPTY
// EMPTY: module {
