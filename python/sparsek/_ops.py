# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The three steps of SPARSEK attention on NumPy arrays.

Letters in shapes: B batch, N keys, M queries, C features, D and Dv sizes of a
head, Hq query heads, Hkv KV heads (a divisor of Hq), Hs score heads (1 or Hkv).
C1... name the constraints in docs/Semantics.md.
"""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Sequence

import numpy as np

from sparsek import _build_ir
from sparsek._compile import Executable, compile
from sparsek._dtypes import CODES, name_of

FLOATS = ("f32", "f16", "bf16")
GATES = ("key_value", "value", "none", "straight_through")
NORMS = ("none", "timestep")
MAX_POSITIONS = 2**31 - 1  # expiry holds positions as i32


@functools.lru_cache(maxsize=512)
def _executable(text: str) -> Executable:
    return compile(text)


def score(
    x: np.ndarray,
    weight: np.ndarray,
    *,
    slope: float = 0.0,
    norm: str = "none",
    offset: int = 0,
    statistics: np.ndarray | None = None,
    carry: bool = False,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Scores every position: `norm(x @ weight) + slope * position` (C1).

    `x[B,N,C]` and `weight[C,Hs]` are f32, f16 or bf16, both the same. Returns
    `[B,Hs,N]` in f32. `norm` is "none" or "timestep", which normalises by the
    running mean and variance. To score in chunks, pass the position of the
    first row as `offset`; with "timestep" also `carry=True`, which returns
    `(scores, statistics)`, and hand `statistics[B,Hs,3]` (f64) to the next call.

    Raises TypeError for element types, ValueError for shapes and values that
    are not these, and SparsekError if the compiler is missing.
    """
    x, weight = _floats("x", x, 3), _floats("weight", weight, 2)
    _same_dtype(("x", x), ("weight", weight))
    _equal("feature sizes", ("x[2]", x.shape[2]), ("weight[0]", weight.shape[0]))
    _nonzero(("weight[0]", weight.shape[0]), ("weight[1]", weight.shape[1]))
    _one_of("norm", norm, NORMS)
    slope = _number("slope", slope)
    offset = _integer("offset", offset, 0)
    if norm == "none" and (statistics is not None or carry):
        raise ValueError('statistics and carry need norm="timestep": no other norm has any')
    arguments = [x, weight]
    if offset:
        arguments.append(np.array(offset, np.int64))
    if statistics is not None:
        statistics = _array("statistics", statistics, ("f64",), 3)
        want = (x.shape[0], weight.shape[1], 3)
        if statistics.shape != want:
            raise ValueError(f"statistics must be [B,Hs,3] = {want}, got {statistics.shape}")
        arguments.append(statistics)
    text = _build_ir.score(
        dtype=name_of(x.dtype),
        channels=weight.shape[0],
        heads=weight.shape[1],
        slope=slope,
        norm=norm,
        offset=bool(offset),
        statistics=statistics is not None,
        carry=carry,
    )
    results = _executable(text).run(*arguments)
    return results if carry else results[0]


def select(
    scores: np.ndarray,
    *,
    topk: int,
    window: int,
    cu_seqlens: np.ndarray | Sequence[int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The selection that the scores imply (C2-C4): `(tau, expiry)`.

    `scores[B,Hs,N]` is f32. `tau` (f32, `[B,Hs,N]`) is the threshold of every
    query; key j is selected for exactly the queries t with
    `j + window <= t < expiry[j]` (`expiry` is i32, `[B,Hs,N]`). With
    `cu_seqlens[S+1]` and B = 1 the positions are cut into documents, and both
    count from the start of each.

    Raises TypeError, ValueError and SparsekError as `score` does.
    """
    scores = _array("scores", scores, ("f32",), 3)
    _nonzero(("scores[1]", scores.shape[1]))
    topk, window = _integer("topk", topk, 1), _integer("window", window, 0)
    arguments = [scores]
    if cu_seqlens is not None:
        arguments.append(_cu_seqlens(cu_seqlens, scores.shape[0], scores.shape[2]))
    text = _build_ir.select(
        heads=scores.shape[1],
        topk=topk,
        window=window,
        interior=False,
        packed=cu_seqlens is not None,
    )
    tau, expiry = _executable(text).run(*arguments)
    return tau, expiry


def attention(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    scores: np.ndarray,
    *,
    topk: int,
    window: int,
    gate: str = "key_value",
    scale: float | None = None,
    sink: np.ndarray | None = None,
    cu_seqlens: np.ndarray | Sequence[int] | None = None,
    return_lse: bool = False,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Causal attention over a window and the best keys before it (C2-C6).

    `q[B,Hq,M,D]`, `k[B,Hkv,N,D]` and `v[B,Hkv,N,Dv]` are f32, f16 or bf16, all
    the same; `scores[B,Hs,N]` is f32. With M < N, q holds the last M positions.
    `gate` is "key_value", "value", "none" or "straight_through"; `scale` is
    1/sqrt(D) by default; `sink[Hq]` (f32) is one more logit in the denominator.
    With `cu_seqlens[S+1]`, B = 1 and M = N the positions are cut into documents.
    Returns `o[B,Hq,M,Dv]` in the type of q, and with `return_lse` also the
    logarithm of the softmax denominators, f32 `[B,Hq,M]`.

    Raises TypeError, ValueError and SparsekError as `score` does.
    """
    q, k, v = _floats("q", q, 4), _floats("k", k, 4), _floats("v", v, 4)
    scores = _array("scores", scores, ("f32",), 3)
    _same_dtype(("q", q), ("k", k), ("v", v))
    batch, query_heads, queries, head_size = q.shape
    kv_heads, keys, value_size = k.shape[1], k.shape[2], v.shape[3]
    score_heads = scores.shape[1]
    for name, array in (("k", k), ("v", v), ("scores", scores)):
        _equal("batch sizes", ("q[0]", batch), (f"{name}[0]", array.shape[0]))
    _equal("head sizes", ("q[3]", head_size), ("k[3]", k.shape[3]))
    _equal("numbers of KV heads", ("k[1]", kv_heads), ("v[1]", v.shape[1]))
    _equal("numbers of keys", ("k[2]", keys), ("v[2]", v.shape[2]))
    _equal("numbers of keys", ("k[2]", keys), ("scores[2]", scores.shape[2]))
    _nonzero(("q[1]", query_heads), ("k[1]", kv_heads), ("q[3]", head_size), ("v[3]", value_size))
    if query_heads % kv_heads:
        raise ValueError(
            f"the number of KV heads must divide the number of query heads, "
            f"got q[1] = {query_heads} and k[1] = {kv_heads}"
        )
    if score_heads not in (1, kv_heads):
        raise ValueError(f"scores[1] must be 1 or k[1] = {kv_heads}, got {score_heads}")
    if queries > keys:
        raise ValueError(
            f"q holds the last M <= N positions, got q[2] = {queries} and k[2] = {keys}"
        )
    topk, window = _integer("topk", topk, 1), _integer("window", window, 0)
    _one_of("gate", gate, GATES)
    if scale is not None:
        scale = _number("scale", scale)
        if scale <= 0:
            raise ValueError(f"scale must be above 0, got {scale}")
        if scale > float(np.finfo(np.float32).max):
            raise ValueError(f"scale must be finite in f32, got {scale}")
    arguments = [q, k, v, scores]
    if sink is not None:
        sink = _array("sink", sink, ("f32",), 1)
        _equal("numbers of query heads", ("q[1]", query_heads), ("sink[0]", sink.shape[0]))
        arguments.append(sink)
    if cu_seqlens is not None:
        if queries != keys:
            raise ValueError(f"packed documents need M = N, got q[2] = {queries} and k[2] = {keys}")
        arguments.append(_cu_seqlens(cu_seqlens, batch, keys))
    text = _build_ir.attention(
        dtype=name_of(q.dtype),
        query_heads=query_heads,
        kv_heads=kv_heads,
        score_heads=score_heads,
        head_size=head_size,
        value_size=value_size,
        topk=topk,
        window=window,
        gate=gate,
        scale=scale,
        sink=sink is not None,
        packed=cu_seqlens is not None,
    )
    o, lse = _executable(text).run(*arguments)
    return (o, lse) if return_lse else o


def _array(name: str, value: np.ndarray, dtypes: Sequence[str], rank: int) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype not in CODES or name_of(array.dtype) not in dtypes:
        raise TypeError(f"{name} must be {' or '.join(dtypes)}, got {name_of(array.dtype)}")
    if array.ndim != rank:
        raise ValueError(f"{name} must have {rank} dimensions, got shape {array.shape}")
    return array


def _floats(name: str, value: np.ndarray, rank: int) -> np.ndarray:
    return _array(name, value, FLOATS, rank)


def _same_dtype(*arrays: tuple[str, np.ndarray]) -> None:
    if len({array.dtype for _, array in arrays}) > 1:
        names = " and ".join(name for name, _ in arrays)
        got = ", ".join(f"{name} {name_of(array.dtype)}" for name, array in arrays)
        raise TypeError(f"{names} must have one element type, got {got}")


def _equal(what: str, *sizes: tuple[str, int]) -> None:
    if len({size for _, size in sizes}) > 1:
        got = " and ".join(f"{name} = {size}" for name, size in sizes)
        raise ValueError(f"{what} must agree, got {got}")


def _nonzero(*sizes: tuple[str, int]) -> None:
    for name, size in sizes:
        if size == 0:
            raise ValueError(f"{name} must be at least 1, got 0")


def _one_of(name: str, value: str, accepted: Sequence[str]) -> None:
    if value not in accepted:
        raise ValueError(f"{name} must be one of {', '.join(accepted)}, got {value!r}")


def _integer(name: str, value: int, least: int) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if not least <= value <= MAX_POSITIONS:
        raise ValueError(f"{name} must be from {least} to {MAX_POSITIONS}, got {value}")
    return int(value)


def _number(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return float(value)


def _cu_seqlens(value: np.ndarray | Sequence[int], batch: int, n: int) -> np.ndarray:
    """The bounds of the documents as i32, checked in full: code that trusts them
    indexes memory with them."""
    array = np.asarray(value)
    if array.ndim != 1 or array.size < 2:
        raise ValueError(f"cu_seqlens must be [S+1] with S >= 1, got shape {array.shape}")
    if array.dtype.kind not in "iu":
        raise TypeError(f"cu_seqlens must be integers, got {name_of(array.dtype)}")
    if batch != 1:
        raise ValueError(f"cu_seqlens packs documents into a batch of 1, got B = {batch}")
    bounds = array.astype(np.int64)
    if bounds[0] != 0 or bounds[-1] != n or (np.diff(bounds) < 0).any():
        raise ValueError(
            f"cu_seqlens must rise from 0 to N = {n} without falling, got {array.tolist()}"
        )
    return bounds.astype(np.int32)
