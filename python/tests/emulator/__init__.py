# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A PTX emulator on NumPy, with checks, for the kernels that LLVM's NVPTX back end emits.

`gathered_attention` runs attention from its launch record, `run` any operation,
`launch` one kernel; the last two modify arrays in place. All raise an
`EmulatorError` for the first defect:

- global memory: accesses out of bounds (guard bytes around every buffer, gaps of
  strided arrays too), misaligned, or stores to what is not `writable`;
- shared memory: the same, reads of what was never written, and data races by
  vector clocks over mbarriers, CTA barriers and bar.warp.sync, which include
  copies not waited for, operands of a wgmma overwritten while it may read, and
  a missing fence.proxy.async;
- registers of a wgmma in flight, a missing wgmma.fence, warp-wide instructions
  in divergent warps, misuse of barriers, deadlocks.

How it works: ptx.py parses; program.py decodes a statement into a closure over
a warp (ops_*.py, floats.py, flow.py) that works on all lanes with NumPy; warp.py
keeps the lanes and the paths of a warp; cta.py interleaves warps at random
(seeded); races.py checks shared memory; memory.py holds global memory.

Not modelled: time, caches, weak memory order beyond happens-before, races in
global memory, register limits, clusters, tensor maps, texture.
Unknown instructions and forms are an UnsupportedInstruction with their line.
"""

from .attention import gathered_attention
from .errors import (
    BarrierMisuse,
    CopyNotComplete,
    DataRace,
    Deadlock,
    DivergentWarp,
    EmulatorError,
    LaunchError,
    MemoryFault,
    MissingProxyFence,
    OperandOverwritten,
    PtxSyntaxError,
    RegisterHazard,
    StepLimit,
    UninitialisedRead,
    UnsupportedInstruction,
)
from .launch import launch, program
from .mutate import synchronisations, undetected
from .record import run

__all__ = [
    "BarrierMisuse",
    "CopyNotComplete",
    "DataRace",
    "Deadlock",
    "DivergentWarp",
    "EmulatorError",
    "LaunchError",
    "MemoryFault",
    "MissingProxyFence",
    "OperandOverwritten",
    "PtxSyntaxError",
    "RegisterHazard",
    "StepLimit",
    "UninitialisedRead",
    "UnsupportedInstruction",
    "gathered_attention",
    "launch",
    "program",
    "run",
    "synchronisations",
    "undetected",
]
