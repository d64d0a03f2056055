# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Running a compiled operation from its launch record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import LaunchError
from .launch import MAX_STEPS, launch

INTEGER_LIMITS = {"i32": (-(1 << 31), (1 << 32) - 1), "i64": (-(1 << 63), (1 << 64) - 1)}


def grid_of(
    kernel: Mapping[str, Any], scalars: Mapping[str, int | float], sm_count: int
) -> list[int]:
    """The CTAs along x and y.

    "persistent": as many as fit, at most one per item; else factors with " x "
    in between, each a scalar's name, `batch_score_heads` or `key_blocks`.
    """
    if kernel["grid"] == "persistent":
        return [min(sm_count * int(kernel["blocks_per_sm"]), int(scalars["items"]))]
    dims = []
    for name in kernel["grid"].split(" x "):
        if name == "batch_score_heads":
            dims.append(int(scalars["batch"]) * int(scalars["score_heads"]))
        elif name == "key_blocks":
            dims.append(-(-int(scalars["keys"]) // int(kernel["threads"])))
        elif name in scalars:
            dims.append(int(scalars[name]))
        else:
            raise LaunchError(f"the grid names '{name}', which is no scalar")
    return dims


def value_of(
    argument: Mapping[str, str],
    arrays: Mapping[str, np.ndarray],
    scalars: Mapping[str, int | float],
) -> Any:
    """What to pass for an argument of the record."""
    name, kind = argument["name"], argument["type"]
    if kind == "ptr":
        if name not in arrays:
            raise LaunchError(f"no array for the argument {name}")
        return arrays[name]
    if name not in scalars:
        raise LaunchError(f"no scalar for the argument {name}")
    value = scalars[name]
    if kind in ("f32", "f64"):
        return (np.float32 if kind == "f32" else np.float64)(value).tobytes()
    low, high = INTEGER_LIMITS[kind]
    if not low <= int(value) <= high:
        raise LaunchError(f"{name} = {value} does not fit {kind}")
    return int(value)


def run(
    ptx: str,
    record: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    scalars: Mapping[str, int | float],
    sm_count: int = 2,
    *,
    writable: Mapping[str, set[str]] | None = None,
    seed: int = 0,
    strict_lanes: bool = True,
    max_steps: int = MAX_STEPS,
    omit: Mapping[str, int] | None = None,
    executed: Mapping[str, set[int]] | None = None,
) -> None:
    """Runs the kernels of a launch record, in its order, on NumPy arrays (modified in place).

    ptx: the module. record: as the compiler writes it, parsed. arrays: every
    pointer argument by name, workspace too; the kernels get the address of the
    first element. scalars: every other argument by name, and whatever the grids
    name. writable: kernel -> the arrays it may store to (not named: all).
    omit: kernel -> number of a synchronising statement to leave out, a key of
    `synchronisations(program(ptx, kernel))`. executed: kernel -> a set, to which
    those statements are added that ran.
    Raises the EmulatorError of the first defect found; the arrays are then as
    the last complete kernel left them.
    """
    for kernel in record["kernels"]:
        name = kernel["name"]
        launch_kernel(
            ptx,
            kernel,
            arrays,
            scalars,
            sm_count,
            writable=(writable or {}).get(name),
            seed=seed,
            strict_lanes=strict_lanes,
            max_steps=max_steps,
            omit=(omit or {}).get(name),
            executed=(executed or {}).get(name),
        )


def launch_kernel(
    ptx: str,
    kernel: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    scalars: Mapping[str, int | float],
    sm_count: int = 2,
    **options: Any,
) -> None:
    """Runs one kernel of a launch record. options: those of `launch`."""
    grid = grid_of(kernel, scalars, sm_count)
    if not all(grid):
        return
    persistent = kernel["grid"] == "persistent"
    launch(
        ptx,
        kernel["name"],
        grid,
        int(kernel["threads"]),
        [value_of(a, arrays, scalars) for a in kernel["arguments"]],
        names=[a["name"] for a in kernel["arguments"]],
        shared_bytes=int(kernel.get("shared_bytes", 0)),
        sm_count=sm_count,
        resident=grid[0] if persistent else sm_count,
        **options,
    )
