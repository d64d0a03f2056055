# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scores from their launch record: sizes, workspace and launches as the runtime has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .record import run

STATE = 3  # count, mean, sum of squared deviations


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def plan(
    record: Mapping[str, Any], batch: int, rows: int, *, slope: float, offset: int
) -> tuple[dict[str, int | float], dict[str, np.ndarray]]:
    """Scalars and a poisoned workspace for features of a shape [batch,rows,C]."""
    heads = record["score_heads"]
    tiles = ceil_div(rows, record["rows_per_item"])
    positions = record["statistic_positions"]
    blocks = ceil_div(offset % positions + rows, positions)
    scalars: dict[str, int | float] = {
        "batch": batch, "score_heads": heads, "rows": rows, "row_tiles": tiles,
        "items": batch * tiles, "statistic_blocks": blocks, "slope": slope, "offset": offset,
    }  # fmt: skip
    workspace = {
        name: np.full((batch * heads, blocks, STATE), np.nan, np.float64)
        for name in ("block_statistics", "states")
        if record["norm"] == "timestep"
    }
    return scalars, workspace


def score(
    ptx: str,
    record: Mapping[str, Any],
    x: np.ndarray,
    weight: np.ndarray,
    *,
    slope: float = 0.0,
    offset: int = 0,
    statistics: np.ndarray | None = None,
    out: np.ndarray | None = None,
    sm_count: int = 2,
    **options: Any,
) -> tuple[np.ndarray, np.ndarray | None]:
    """`u[B,Hs,N]` and `carried[B,Hs,3]` of the compiled kernels; outputs start poisoned.

    out: the array for u, of any strides but the last. options: those of
    `record.run`. Raises the EmulatorError of the first defect.
    """
    batch, rows, _ = x.shape
    heads = weight.shape[1]
    scalars, workspace = plan(record, batch, rows, slope=slope, offset=offset)
    u = np.full((batch, heads, rows), 1e30, np.float32) if out is None else out
    arrays = {"x": x, "weight": weight, "u": u, **workspace}
    carried = None
    if record["statistics"]:
        assert statistics is not None
        arrays["statistics"] = statistics
    if record["carry"]:
        carried = arrays["carried"] = np.full((batch, heads, STATE), np.nan, np.float64)
    dims = {"x": "bn", "weight": "ch", "u": "bh", "statistics": "bh", "carried": "bh"}
    for name, letters in dims.items():
        if name in arrays:
            for axis, stride in zip(letters, arrays[name].strides, strict=False):
                scalars[f"{name}_{axis}"] = stride // arrays[name].itemsize
    if rows > 0:
        run(ptx, record, arrays, scalars, sm_count, **options)
    elif carried is not None:
        carried[...] = 0 if statistics is None else statistics
    return u, carried
