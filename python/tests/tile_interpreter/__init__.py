# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs tile programs (`tile.kernel`) op by op in NumPy: a second oracle above PTX.

Every warp of a role that fills rings and every warpgroup that computes is an agent; agents run in
any order and meet at the rings alone. Besides wrong numbers this finds deadlocks, slots that are
read or written without being held, products that are not waited for, and turns out of order.

- `syntax`: the generic form of MLIR, as `sparsek-opt --mlir-print-op-generic` prints it.
- `agents`: rings, and the warps that meet at them.
- `ops`: what each op does.
- `machine`: one block: its agents, in any order.
- `kernels`: launching the kernels of a compiled attention on arrays.
"""
