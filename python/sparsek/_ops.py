# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The three steps of SPARSEK attention on NumPy arrays.

Letters in shapes: B batch, N keys, M queries, C features, D and Dv sizes of a
head, Hq query heads, Hkv KV heads (a divisor of Hq), Hs score heads (1 or Hkv).
C1... name the constraints in docs/Semantics.md.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from sparsek import _build_ir, _checks
from sparsek._compile import Executable, compile
from sparsek._dtypes import name_of

NORMS = ("none", "timestep")
NO_CHUNKS = (
    "offset, statistics and carry are for chunks of one sequence: with cu_seqlens there are none"
)


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
    cu_seqlens: np.ndarray | Sequence[int] | None = None,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Scores every position: `norm(x @ weight) + slope * position` (C1).

    `x[B,N,C]` is f32, f16 or bf16, `weight[C,Hs]` the same or f32. Returns
    `[B,Hs,N]` in f32. `norm` is "none" or "timestep", which normalises by the
    running mean and variance. To score in chunks, pass the position of the
    first row as `offset`; with "timestep" also `carry=True`, which returns
    `(scores, statistics)`, and hand `statistics[B,Hs,3]` (f64) to the next call.
    With `cu_seqlens[S+1]` and B = 1 the positions are cut into documents: positions
    and statistics restart in each, and no chunk may come before or after.

    Raises TypeError for element types, ValueError for shapes and values that
    are not these, and SparsekError if the compiler is missing.
    """
    x, weight = _floats("x", x, 3), _floats("weight", weight, 2)
    _checks.weight_dtype(name_of(x.dtype), name_of(weight.dtype))
    _checks.equal("feature sizes", ("x[2]", x.shape[2]), ("weight[0]", weight.shape[0]))
    _checks.nonzero(("weight[0]", weight.shape[0]), ("weight[1]", weight.shape[1]))
    _checks.one_of("norm", norm, NORMS)
    slope = _checks.number("slope", slope)
    offset = _checks.integer("offset", offset, 0)
    if norm == "none" and (statistics is not None or carry):
        raise ValueError('statistics and carry need norm="timestep": no other norm has any')
    if cu_seqlens is not None:
        if offset or statistics is not None or carry:
            raise ValueError(NO_CHUNKS)
        bounds = _cu_seqlens(cu_seqlens, x.shape[0], x.shape[1])
        if slope or norm != "none":  # Otherwise no score depends on where its document begins.
            return _score_documents(x, weight, bounds, slope=slope, norm=norm)
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
        weight_dtype=name_of(weight.dtype),
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


def _score_documents(
    x: np.ndarray, weight: np.ndarray, bounds: np.ndarray, *, slope: float, norm: str
) -> np.ndarray:
    """`score` of each document by itself."""
    u = np.empty((1, weight.shape[1], x.shape[1]), np.float32)
    for begin, end in itertools.pairwise(bounds):
        u[:, :, begin:end] = score(x[:, begin:end], weight, slope=slope, norm=norm)
    return u


def select(
    scores: np.ndarray,
    *,
    topk: int,
    window: int,
    cu_seqlens: np.ndarray | Sequence[int] | None = None,
    return_interior: bool = False,
) -> tuple[np.ndarray, ...]:
    """The selection that the scores imply (C2-C4): `(tau, expiry)`.

    `scores[B,Hs,N]` is f32. `tau` (f32, `[B,Hs,N]`) is the threshold of every
    query; key j is selected for exactly the queries t with
    `j + window <= t < expiry[j]` (`expiry` is i32, `[B,Hs,N]`). With
    `cu_seqlens[S+1]` and B = 1 the positions are cut into documents, and both
    count from the start of each. With `return_interior` also `n_int` (i32,
    `[B,Hs,N]`), the number of keys with a gate strictly between 0 and 1, which
    the gradient divides by (C7).

    Raises TypeError, ValueError and SparsekError as `score` does.
    """
    scores = _array("scores", scores, ("f32",), 3)
    _checks.nonzero(("scores[1]", scores.shape[1]))
    topk, window = _checks.integer("topk", topk, 1), _checks.integer("window", window, 0)
    arguments = [scores]
    if cu_seqlens is not None:
        arguments.append(_cu_seqlens(cu_seqlens, scores.shape[0], scores.shape[2]))
    text = _build_ir.select(
        heads=scores.shape[1],
        topk=topk,
        window=window,
        interior=return_interior,
        packed=cu_seqlens is not None,
    )
    return tuple(_executable(text).run(*arguments))


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
    return _attend(
        _build_ir.attention,
        [q, k, v, scores],
        topk=topk,
        window=window,
        gate=gate,
        scale=scale,
        sink=sink,
        cu_seqlens=cu_seqlens,
        return_lse=return_lse,
    )


def gathered_attention(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    scores: np.ndarray,
    tau: np.ndarray,
    expiry: np.ndarray,
    *,
    topk: int,
    window: int,
    gate: str = "key_value",
    scale: float | None = None,
    sink: np.ndarray | None = None,
    cu_seqlens: np.ndarray | Sequence[int] | None = None,
    return_lse: bool = False,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """The second half of `attention` (C5, C6): `tau` (f32) and `expiry` (i32),
    both `[B,Hs,N]`, come from `select` with the same `topk`, `window` and
    `cu_seqlens`. Everything else is as for `attention`."""
    return _attend(
        _build_ir.gathered_attention,
        [q, k, v, scores, tau, expiry],
        topk=topk,
        window=window,
        gate=gate,
        scale=scale,
        sink=sink,
        cu_seqlens=cu_seqlens,
        return_lse=return_lse,
    )


def _attend(
    build: Callable[..., str],
    arrays: list[np.ndarray],
    *,
    topk: int,
    window: int,
    gate: str,
    scale: float | None,
    sink: np.ndarray | None,
    cu_seqlens: np.ndarray | Sequence[int] | None,
    return_lse: bool,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Checks the arguments of either attention, and compiles and calls it. The
    arrays are the first of `_checks.ATTENTION_ARRAYS`."""
    accepted = list(_checks.ATTENTION_ARRAYS.items())
    arguments = [
        _array(name, array, *wanted)
        for (name, wanted), array in zip(accepted, arrays, strict=False)
    ]
    q, k, v, scores, *selection = arguments
    _same_dtype(("q", q), ("k", k), ("v", v))
    if sink is not None:
        sink = _array("sink", sink, *_checks.ATTENTION_ARRAYS["sink"])
        arguments.append(sink)
    if cu_seqlens is not None:
        cu_seqlens = np.asarray(cu_seqlens)
    names = ("tau", "expiry")[: len(selection)]
    _checks.attention_shapes(
        q.shape,
        k.shape,
        v.shape,
        scores.shape,
        sink=None if sink is None else sink.shape,
        cu_seqlens=None if cu_seqlens is None else cu_seqlens.shape,
        **dict(zip(names, (array.shape for array in selection), strict=True)),
    )
    if cu_seqlens is not None:
        arguments.append(_cu_seqlens(cu_seqlens, q.shape[0], k.shape[2]))
    _checks.one_of("gate", gate, _checks.GATES)
    text = build(
        dtype=name_of(q.dtype),
        query_heads=q.shape[1],
        kv_heads=k.shape[1],
        score_heads=scores.shape[1],
        head_size=q.shape[3],
        value_size=v.shape[3],
        topk=_checks.integer("topk", topk, 1),
        window=_checks.integer("window", window, 0),
        gate=gate,
        scale=_checks.scale(scale),
        sink=sink is not None,
        packed=cu_seqlens is not None,
    )
    o, lse = _executable(text).run(*arguments)
    return (o, lse) if return_lse else o


def _array(name: str, value: np.ndarray, dtypes: Sequence[str], rank: int) -> np.ndarray:
    array = np.asarray(value)
    _checks.dtype(name, name_of(array.dtype), dtypes)
    _checks.rank(name, array.shape, rank)
    return array


def _floats(name: str, value: np.ndarray, rank: int) -> np.ndarray:
    return _array(name, value, _checks.FLOATS, rank)


def _same_dtype(*arrays: tuple[str, np.ndarray]) -> None:
    _checks.same_dtype(*((name, name_of(array.dtype)) for name, array in arrays))


def _cu_seqlens(value: np.ndarray | Sequence[int], batch: int, n: int) -> np.ndarray:
    """The bounds of the documents as i32, checked in full: code that trusts them
    indexes memory with them."""
    array = np.asarray(value)
    _checks.packing(array.shape, batch)
    if array.dtype.kind not in "iu":
        raise TypeError(f"cu_seqlens must be integers, got {name_of(array.dtype)}")
    bounds = array.astype(np.int64)
    if bounds[0] != 0 or bounds[-1] != n or (np.diff(bounds) < 0).any():
        raise ValueError(
            f"cu_seqlens must rise from 0 to N = {n} without falling, got {array.tolist()}"
        )
    return bounds.astype(np.int32)
