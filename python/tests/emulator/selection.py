# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The selection from its launch record: sizes, workspace and launches as the runtime has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .record import launch_kernel

POISON = 0x7FFFFFFF
MERGED = 4  # lists that become one
# Names of arrays that no kernel stores to.
READ_ONLY = {"u", "cu_seqlens", "codes", "order", "codes_from", "order_from"}


class Plan(NamedTuple):
    """What the launches of a selection share, and the names of the kernels that come in sizes."""

    scalars: dict[str, int]
    workspace: dict[str, np.ndarray]
    boundaries: str
    thresholds: str
    merges: int
    shifts: list[int]  # of the passes over all tiles, instead of merges


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def plan(
    record: Mapping[str, Any],
    shape: tuple[int, int, int],
    *,
    topk: int,
    window: int,
    sequences: int | None = None,
    size: int | None = None,
    merge: bool | None = None,
    bucket_log2: int | None = None,
    table_log2: int | None = None,
) -> Plan:
    """Scalars and a poisoned workspace for scores of a shape [B,Hs,N].

    size: the number of the size of the kernels to take (None: the first that holds N keys).
    merge: whether rows are merged from sorted tiles (None: as their length says).
    bucket_log2: ranks of a bucket (None: the fewest that do). table_log2: buckets that one block of
    the table counts (None: the most that fit).
    """
    batch, heads, keys = shape
    rows = batch * heads
    sizes = record["sizes"]
    chosen = sizes[size] if size is not None else next(s for s in sizes if keys <= s["max_keys"])
    chunk = chosen["chunk"]
    boundaries = ceil_div(keys, chunk) + 1
    if bucket_log2 is None:
        bucket_log2 = 5
        while keys > chosen["buckets"] << bucket_log2:
            bucket_log2 += 1
    buckets = ceil_div(keys, 1 << bucket_log2)
    if table_log2 is None:
        table_log2 = 0
        while table_log2 < 3 and boundaries << (table_log2 + 3) <= record["table_words"]:
            table_log2 += 1
    stride = ceil_div(keys + 1, 8) * 8
    tiles = (keys >> record["scan_tile_log2"]) + 1
    sort_tiles = ceil_div(keys, 1 << record["sort_tile_log2"])
    radix_tiles = ceil_div(keys, 1 << record["radix_tile_log2"])
    merges, shifts = 0, []
    if keys <= record["max_merged_keys"] if merge is None else merge:
        while sort_tiles > MERGED**merges:
            merges += 1
    else:
        shifts = [0, 8, 16, 24]
        if record["packed"]:
            shifts += range(32, 32 + max((keys - 1).bit_length(), 1), 8)
    scalars = {
        "batch": batch, "score_heads": heads, "score_rows": rows, "keys": keys,
        "row_stride": stride, "chunk_log2": chunk.bit_length() - 1, "bucket_log2": bucket_log2,
        "boundaries": boundaries, "buckets": buckets, "table_log2": table_log2,
        "chunks": boundaries - 1, "topk": min(topk, keys), "window": min(window, keys),
        "sort_tiles": sort_tiles, "radix_tiles": radix_tiles,
        "table_blocks": ceil_div(buckets, 1 << table_log2),
        "boundary_blocks": ceil_div(boundaries, 8), "scan_tiles": tiles,
    }  # fmt: skip
    if sequences is not None:
        scalars["sequences"] = sequences

    def words(*size: int) -> np.ndarray:
        return np.full(size, POISON, np.int32)

    def wide(*size: int) -> np.ndarray:
        return np.full(size, POISON << 32 | POISON, np.int64)

    workspace = {
        **{name: words(2, rows, stride) for name in ("codes", "order")},
        **{name: words(rows, stride) for name in ("ranks", "thetas")},
        **{name: words(rows, stride) for name in ("theta_counts", "counts0", "counts1")},
        **{name: wide(rows, stride) for name in ("sums0", "sums1")},
        "digit_counts": words(rows, radix_tiles if shifts else 0, 256),
        "bucket_counts": words(rows, buckets, boundaries),
        "bucket_sums": wide(rows, buckets, boundaries),
        "bounds": words(6, rows, boundaries),
        "bound_sums": wide(2, rows, boundaries),
        "tile_counts": words(rows, tiles, 3),
        "tile_sums": wide(rows, tiles, 2),
        "documents": words(2 * keys),
    }
    return Plan(scalars, workspace, chosen["boundaries"], chosen["thresholds"], merges, shifts)


def launches(plan: Plan, record: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The kernels in their order, each with the arguments that only this launch has."""
    codes, order = plan.workspace["codes"], plan.workspace["order"]
    if record["packed"]:
        yield "documents", {}
    last = 0
    if plan.shifts:
        last = 1
        for shift in plan.shifts:
            last = 1 - last
            own = {
                "codes_from": codes[1 - last], "order_from": order[1 - last],
                "codes_to": codes[last], "order_to": order[last], "shift": shift,
            }  # fmt: skip
            what = "digits" if shift else "scores"
            yield f"count_{what}", own
            yield f"scatter_{what}", own
    else:
        yield "sort_tiles", {"codes_to": codes[0], "order_to": order[0]}
        for number in range(plan.merges):
            last = 1 - last
            yield (
                "merge_lists",
                {
                    "codes_from": codes[1 - last], "order_from": order[1 - last],
                    "codes_to": codes[last], "order_to": order[last],
                    "list_log2": record["sort_tile_log2"] + 2 * number,
                },
            )  # fmt: skip
    ordered = {"codes": codes[last], "order": order[last]}
    for name in ("rank_table", plan.boundaries, "rank_scan", plan.thresholds, "expiries"):
        yield name, ordered


class Launch(NamedTuple):
    """One kernel of a record and what it gets; arrays are shared by all launches."""

    kernel: Mapping[str, Any]
    arrays: dict[str, np.ndarray]
    scalars: dict[str, int]


def prepare(
    record: Mapping[str, Any],
    u: np.ndarray,
    *,
    topk: int,
    window: int,
    cu_seqlens: np.ndarray | None = None,
    **sizes: int | None,
) -> tuple[dict[str, np.ndarray], list[Launch]]:
    """The poisoned outputs `tau`, `expiry` and `interior` [B,Hs,N], and the launches to fill them.

    The last dimension of u is contiguous, the others may have any strides. sizes: see `plan`.
    """
    sequences = None if cu_seqlens is None else len(cu_seqlens) - 1
    made = plan(record, u.shape, topk=topk, window=window, sequences=sequences, **sizes)
    outputs = {
        "tau": np.full(u.shape, np.nan, np.float32),
        "expiry": np.full(u.shape, POISON - 1, np.int32),
        "interior": np.full(u.shape, POISON, np.int32),
    }
    arrays = {"u": u, **outputs, **made.workspace}
    if cu_seqlens is not None:
        arrays["cu_seqlens"] = cu_seqlens
    scalars = dict(made.scalars)
    for name in ("u", *outputs):
        for axis, stride in zip("bh", arrays[name].strides, strict=False):
            scalars[f"{name}_{axis}"] = stride // arrays[name].itemsize
    kernels = {kernel["name"]: kernel for kernel in record["kernels"]}
    steps = []
    for name, own in launches(made, record):
        values = {k: v for k, v in own.items() if not isinstance(v, np.ndarray)}
        pointers = {k: v for k, v in own.items() if isinstance(v, np.ndarray)}
        steps.append(Launch(kernels[name], {**arrays, **pointers}, {**scalars, **values}))
    return outputs, steps


def select(
    ptx: str,
    record: Mapping[str, Any],
    u: np.ndarray,
    *,
    topk: int,
    window: int,
    cu_seqlens: np.ndarray | None = None,
    size: int | None = None,
    merge: bool | None = None,
    bucket_log2: int | None = None,
    table_log2: int | None = None,
    **options: Any,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`tau`, `expiry` and `n_int` [B,Hs,N] of the compiled kernels.

    size to table_log2: see `plan`. options: those of `record.launch_kernel`.
    Raises the EmulatorError of the first defect.
    """
    outputs, steps = prepare(
        record, u, topk=topk, window=window, cu_seqlens=cu_seqlens,
        size=size, merge=merge, bucket_log2=bucket_log2, table_log2=table_log2,
    )  # fmt: skip
    for step in steps:
        launch_kernel(ptx, *step, writable=set(step.arrays) - READ_ONLY, **options)
    return outputs["tau"], outputs["expiry"], outputs["interior"]
