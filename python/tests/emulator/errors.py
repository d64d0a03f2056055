# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the emulator reports. Each kind of defect has its own class, so a test can ask for one."""

from __future__ import annotations


class EmulatorError(RuntimeError):
    """A defect of the program, with the place in the PTX where it showed."""


class PtxSyntaxError(EmulatorError):
    """The text is not PTX as this parser knows it."""


class UnsupportedInstruction(EmulatorError):
    """An instruction, or a form of one, that the emulator does not implement."""


class LaunchError(EmulatorError):
    """The launch record, the arrays or the scalars do not fit the kernel."""


class MemoryFault(EmulatorError):
    """An access out of bounds, misaligned, or a write to a read-only buffer."""


class UninitialisedRead(EmulatorError):
    """Shared memory was read before anything was written there."""


class DataRace(EmulatorError):
    """Two accesses to shared memory, one a write, that nothing orders."""


class CopyNotComplete(DataRace):
    """The target of an asynchronous copy was touched before its completion was waited for."""


class OperandOverwritten(DataRace):
    """Shared memory was overwritten while a wgmma or a bulk store may still read it."""


class MissingProxyFence(EmulatorError):
    """wgmma reads what ordinary stores or cp.async wrote, with no fence.proxy.async in between."""


class RegisterHazard(EmulatorError):
    """Registers of a wgmma in flight were touched, or wgmma.fence is missing before it."""


class DivergentWarp(EmulatorError):
    """A warp-wide instruction was executed by some lanes only."""


class BarrierMisuse(EmulatorError):
    """An mbarrier or named barrier used in a way that the instruction set leaves undefined."""


class Deadlock(EmulatorError):
    """No warp can go on; says who waits for what."""


class StepLimit(EmulatorError):
    """The launch did not end within the allowed number of instructions."""
