# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Launching: a kernel with explicit arguments, or all kernels of a launch record."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import floats, flow, ops_barrier, ops_copy, ops_integer, ops_matrix, ops_memory, ops_warp
from .cta import Grid
from .errors import LaunchError
from .memory import GlobalMemory
from .mutate import watched, without
from .program import FIRST_GLOBAL, GLOBAL_WINDOW, Program
from .ptx import Module, Parameter, parse

DECODING = (flow, floats, ops_barrier, ops_copy, ops_integer, ops_matrix, ops_memory, ops_warp)
MAX_STEPS = 50_000_000


@functools.lru_cache(maxsize=16)
def load(text: str) -> Module:
    """A parsed module; the last ones are kept."""
    return parse(text)


@functools.lru_cache(maxsize=32)
def program(text: str, kernel: str) -> Program:
    """A decoded kernel; the last ones are kept."""
    module = load(text)
    if kernel not in module.entries:
        raise LaunchError(f"the module has no kernel {kernel}, only {', '.join(module.entries)}")
    return Program(module, module.entries[kernel])


def _scalar_bytes(p: Parameter, value: Any) -> bytes:
    """A scalar argument as the kernel reads it."""
    if isinstance(value, bytes):
        raw = value
    elif isinstance(value, float | np.floating) or p.type in ("f32", "f64"):
        raw = np.array(value, np.float64 if p.size == 8 else np.float32).tobytes()
    else:
        raw = (int(value) & ((1 << 8 * p.size) - 1)).to_bytes(p.size, "little")
    if len(raw) != p.size:
        raise LaunchError(f"{p.name} has {p.size} bytes, not {len(raw)}")
    return raw


def launch(
    ptx: str,
    kernel: str,
    grid: int | Sequence[int],
    block: int | Sequence[int],
    arguments: Sequence[Any],
    *,
    shared_bytes: int = 0,
    names: Sequence[str] | None = None,
    writable: set[str] | None = None,
    sm_count: int = 2,
    resident: int | None = None,
    seed: int = 0,
    max_steps: int = MAX_STEPS,
    offsets: Mapping[str, int] | None = None,
    strict_lanes: bool = True,
    omit: int | None = None,
    executed: set[int] | None = None,
) -> int:
    """Runs one kernel; arrays among the arguments are modified in place.

    An argument is an array (the kernel gets the address of its first element),
    a number, or bytes (an aggregate). `names`: of the arguments, for messages
    and for `writable`, the set of buffers that may be stored to (None: all).
    `resident` CTAs run at a time (None: `sm_count`). `offsets`: bytes past a
    multiple of 256 at which a buffer shall begin. `strict_lanes`: only
    bar.warp.sync and barriers order the accesses of a warp's lanes, as the
    instruction set says; otherwise a warp acts as one thread. `omit`: a
    synchronising statement to leave out (mutate.py); `executed`: gets the numbers
    of those that ran. Returns the number of warp
    instructions executed; raises an EmulatorError for every defect found.
    """
    code = program(ptx, kernel)
    if omit is not None:
        code = without(code, omit)
    if executed is not None:
        code = watched(code, executed)
    parameters = code.function.parameters
    if len(arguments) != len(parameters):
        raise LaunchError(f"{kernel} takes {len(parameters)} arguments, not {len(arguments)}")
    names = list(names or [p.name for p in parameters])
    memory = GlobalMemory()
    area = np.zeros(max(code.parameter_bytes, 1), np.uint8)
    memory.place("the parameters", area, at=FIRST_GLOBAL)
    for v in code.module.variables.values():
        if v.space in ("global", "const"):
            values = np.zeros(v.size, np.uint8)
            if v.values is not None:
                raw = b"".join(x.to_bytes(v.element, "little", signed=x < 0) for x in v.values)
                values[: len(raw)] = np.frombuffer(raw, np.uint8)
            memory.place(v.name, values, at=v.address - GLOBAL_WINDOW)
    memory.end = max(memory.end, code.first_buffer)
    placed: dict[int, int] = {}
    for p, name, value in zip(parameters, names, arguments, strict=True):
        at = code.parameters[p.name] - GLOBAL_WINDOW - FIRST_GLOBAL
        if isinstance(value, np.ndarray):
            if p.size != 8:
                raise LaunchError(f"{name} ({p.name}) is no pointer but has {p.size} bytes")
            if id(value) not in placed:
                placed[id(value)] = memory.place(name, value, (offsets or {}).get(name, 0))
            value = placed[id(value)]
        area[at : at + p.size] = np.frombuffer(_scalar_bytes(p, value), np.uint8)
    if writable is not None:
        writable = writable | {
            v.name for v in code.module.variables.values() if v.space == "global"
        }
    memory.fill(writable)

    def three(x: int | Sequence[int]) -> tuple[int, int, int]:
        dims = [int(x)] if isinstance(x, int | np.integer) else [int(n) for n in x]
        a, b, c = (*dims, 1, 1, 1)[:3]
        return a, b, c

    run = Grid(code, memory, three(grid), three(block), shared_bytes, sm_count,
               resident or sm_count, seed, max_steps, strict_lanes)  # fmt: skip
    run.run()
    memory.collect()
    return run.steps
