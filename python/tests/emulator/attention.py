# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gathered attention from its launch record: sizes, strides, workspace as the runtime has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .record import run

STRIDES = {"q": "bhm", "k": "bhn", "v": "bhn", "o": "bhm"}
STRIDES |= {"u": "bh", "tau": "bh", "expiry": "bh", "lse": "bh"}
WORKSPACE = ("table", "counts", "documents")
POISON = 0x7FFFFFFF


def arguments(
    record: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    *,
    topk: int,
    window: int,
    scale: float | None = None,
    chunk_log2: int | None = None,
    together: int | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, int | float]]:
    """The arrays with a poisoned workspace added, and every scalar.

    arrays: q[B,Hq,M,D], k[B,Hkv,N,D], v[B,Hkv,N,Dv], u, tau, expiry [B,Hs,N],
    o[B,Hq,M,Dv], lse[B,Hq,M] and, where the record has them, sink[Hq] and
    cu_seqlens[S+1]. chunk_log2: None for the runtime's choice; small values
    give several chunks on small inputs. together: how many columns are worked on
    at a time (None: all).
    """
    batch, _, rows, depth = arrays["q"].shape
    heads_kv, keys = arrays["k"].shape[1:3]
    score_heads = arrays["expiry"].shape[1]
    topk, window = min(topk, keys), min(window, keys)
    if chunk_log2 is None:
        chunk_log2 = max(9, (2 * topk - 1).bit_length())
    chunks, capacity = -(-rows >> chunk_log2), -(-topk // 4) * 4
    tile = record["tile"]
    tiles = -(-rows // tile["positions"])
    columns = batch * heads_kv * -(-record["group"] // tile["head_block"])
    scalars: dict[str, int | float] = {
        "batch": batch, "heads_kv": heads_kv, "score_heads": score_heads,
        "rows": rows, "keys": keys, "window": window,
        "chunk_log2": chunk_log2, "chunks": chunks, "capacity": capacity, "tiles": tiles,
        "items": columns * tiles, "together": together or columns,
        "scale_log2": (1 / math.sqrt(depth) if scale is None else scale) * math.log2(math.e),
    }  # fmt: skip
    if "cu_seqlens" in arrays:
        scalars["sequences"] = len(arrays["cu_seqlens"]) - 1
    for name, axes in STRIDES.items():
        for axis, stride in zip(axes, arrays[name].strides, strict=False):
            scalars[f"{name}_{axis}"] = stride // arrays[name].itemsize
    workspace = {
        "table": np.full((batch * score_heads, chunks, capacity), POISON, np.int32),
        "counts": np.full((batch * score_heads, chunks), POISON, np.int32),
        "documents": np.full(2 * keys, POISON, np.int32),
    }
    return {**workspace, **arrays}, scalars


def gathered_attention(
    ptx: str,
    record: Mapping[str, Any],
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    u: np.ndarray,
    tau: np.ndarray,
    expiry: np.ndarray,
    *,
    topk: int,
    window: int,
    scale: float | None = None,
    sink: np.ndarray | None = None,
    cu_seqlens: np.ndarray | None = None,
    chunk_log2: int | None = None,
    together: int | None = None,
    **options: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """`o[B,Hq,M,Dv]` and `lse[B,Hq,M]` of a compiled kernel; outputs start as NaN.

    The last dimension of an array must be contiguous, as for the runtime; u, tau
    and expiry: f32, f32, i32 [B,Hs,N]. options: those of `run`. Every kernel may
    store to its outputs only. Raises the EmulatorError of the first defect.
    """
    arrays = {"q": q, "k": k, "v": v, "u": u, "tau": tau, "expiry": expiry}
    arrays["o"] = np.full((*q.shape[:3], v.shape[3]), np.nan, q.dtype)
    arrays["lse"] = np.full(q.shape[:3], np.nan, np.float32)
    if sink is not None:
        arrays["sink"] = sink
    if cu_seqlens is not None:
        arrays["cu_seqlens"] = cu_seqlens
    everything, scalars = arguments(
        record, arrays, topk=topk, window=window, scale=scale, chunk_log2=chunk_log2,
        together=together,
    )  # fmt: skip
    writable = {}
    for kernel in record["kernels"]:
        names = {a["name"] for a in kernel["arguments"]}
        writable[kernel["name"]] = {"o", "lse"} if "o" in names else names & set(WORKSPACE)
    run(ptx, record, everything, scalars, writable=writable, **options)
    return arrays["o"], arrays["lse"]
