# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels with one synchronisation left out: they prove that the checks can fail."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .errors import EmulatorError, LaunchError
from .program import Decoder, Program, Step, put

if TYPE_CHECKING:
    from .warp import Warp

# Opcodes whose removal can only take ordering away.
SYNCHRONISING = (
    "bar.", "barrier.", "mbarrier.arrive", "mbarrier.try_wait", "mbarrier.test_wait",
    "cp.async.mbarrier.arrive", "cp.async.wait_", "cp.async.bulk.wait_", "fence.proxy.async",
    "wgmma.fence", "wgmma.wait_group",
)  # fmt: skip


def synchronisations(code: Program) -> dict[int, str]:
    """The statements of a kernel that synchronise: number -> line and text."""
    return {
        pc: f"line {s.line} `{s}`"
        for pc, s in enumerate(code.statements)
        if s.op.startswith(SYNCHRONISING)
    }


def undetected(code: Program, attempt: Callable[[int], object]) -> list[str]:
    """The synchronisations whose omission goes unnoticed.

    attempt: runs the kernel without the statement it is given (`omit`) and raises
    an EmulatorError or an AssertionError if that shows.
    """
    missed = []
    for pc, text in synchronisations(code).items():
        try:
            attempt(pc)
        except (EmulatorError, AssertionError):
            continue
        missed.append(text)
    return missed


def without(code: Program, statement: int) -> Program:
    """The kernel without one of its `synchronisations`: a wait succeeds, the rest does nothing."""
    if statement not in synchronisations(code):
        raise LaunchError(f"statement {statement} of {code.function.name} does not synchronise")
    changed = copy.copy(code)
    changed.steps = list(code.steps)
    changed.steps[statement] = _nothing(code, statement)
    return changed


def watched(code: Program, executed: set[int]) -> Program:
    """The kernel, noting in `executed` which of its `synchronisations` it comes to."""
    changed = copy.copy(code)
    changed.steps = list(code.steps)
    for pc in synchronisations(code):
        changed.steps[pc] = _noted(code.steps[pc], pc, executed)
    return changed


def _noted(step: Step, pc: int, executed: set[int]) -> Step:
    def run(w: Warp) -> int | None:
        executed.add(pc)
        return step(w)

    return run


def _nothing(code: Program, statement: int) -> Step:
    s = code.statements[statement]
    if ".try_wait" not in s.op and ".test_wait" not in s.op:
        return lambda w: None
    target = Decoder(code, s, statement).target(0, np.bool_)

    def passed(w: Warp) -> None:
        put(w, target, np.bool_(True))

    return passed
