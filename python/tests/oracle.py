# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Float64 oracle for SPARSEK attention, written from the definitions C1-C9.

It exists to be believed, not to be fast: every function follows the text of one
definition, nothing is shared with the compiler, and no property that the
compiler exploits (monotone thresholds, expiry intervals, brackets) is used
except where it is the definition itself. `test_oracle.py` ties it to brute
force.

Shapes: `q[B,Hq,M,D]`, `k[B,Hkv,N,D]`, `v[B,Hkv,N,Dv]`, scores `u[B,Hs,N]`.
Hkv divides Hq, Hs is 1 or Hkv. Query head h reads KV head `h*Hkv//Hq`, KV head
g reads score head `g*Hs//Hkv`. `cu_seqlens[S+1]` (B = 1) cuts the N positions
into documents; everything restarts in each of them. Positions are 0-based, and
`tau`, `expiry` and `n_int` count positions from the start of the document.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

GATES = ("key_value", "value", "none", "straight_through")
NORMS = ("none", "timestep")
NEVER = np.iinfo(np.int32).max
F32_MAX = float(np.finfo(np.float32).max)


class Stats(NamedTuple):
    """Running statistics of C1 over the positions seen so far, each `[B,Hs]`."""

    count: np.ndarray
    mean: np.ndarray
    m2: np.ndarray  # sum of squared deviations from the mean


class Selection(NamedTuple):
    """What C3 and C4 give for every position, each `[B,Hs,N]`."""

    exact: np.ndarray  # f64, tau before any rounding
    tau: np.ndarray  # f32, nondecreasing within a document
    expiry: np.ndarray  # i32
    n_int: np.ndarray  # i32, size of the interior I_t of C7


def documents(n: int, cu_seqlens: Sequence[int] | None) -> Iterator[tuple[int, int]]:
    """The half-open row ranges of the documents; one document when not packed."""
    if cu_seqlens is None:
        yield 0, n
        return
    bounds = [int(b) for b in cu_seqlens]
    if bounds[0] != 0 or bounds[-1] != n or any(a > b for a, b in itertools.pairwise(bounds)):
        raise ValueError(f"cu_seqlens must rise from 0 to {n}, got {bounds}")
    yield from itertools.pairwise(bounds)


def score(
    x: np.ndarray,
    weight: np.ndarray,
    *,
    slope: float = 0.0,
    norm: str = "none",
    offset: int = 0,
    stats: Stats | None = None,
    cu_seqlens: Sequence[int] | None = None,
) -> tuple[np.ndarray, Stats]:
    """C1: `u = norm(x W) + slope * position` of `x[B,N,C]`, `weight[C,Hs]`.

    Returns `u[B,Hs,N]` in f64 and the statistics to carry into the next chunk
    (those of the last document when packed).
    Raises ValueError for an unknown norm.
    """
    if norm not in NORMS:
        raise ValueError(f"norm must be one of {NORMS}, got {norm!r}")
    with np.errstate(invalid="ignore", over="ignore"):
        raw = np.einsum("bnc,ch->bhn", x.astype(np.float64), weight.astype(np.float64))
    # A score that f32 cannot hold is infinite there, and so it is here.
    raw = np.where(np.abs(raw) > F32_MAX, np.copysign(np.inf, raw), raw)
    batch, heads, n = raw.shape
    out = np.empty_like(raw)
    for index, (start, end) in enumerate(documents(n, cu_seqlens)):
        if index > 0 or stats is None:
            zero = np.zeros((batch, heads))
            stats = Stats(zero, zero, zero)
        first = offset if index == 0 else 0
        for row in range(start, end):
            s = raw[:, :, row]
            if norm == "timestep":
                stats = _observe(stats, s)
                var = stats.m2 / np.maximum(stats.count, 1)
                s = (s - stats.mean) / np.sqrt(var + 1e-5)
            out[:, :, row] = s + slope * (first + row - start)
    return out, stats


def _observe(stats: Stats, s: np.ndarray) -> Stats:
    """One step of Welford's recurrence; non-finite values enter nothing."""
    finite = np.isfinite(s)
    count = stats.count + finite
    delta = np.where(finite, s, stats.mean) - stats.mean
    mean = stats.mean + delta / np.maximum(count, 1)
    m2 = stats.m2 + delta * (np.where(finite, s, mean) - mean)
    return Stats(count, mean, m2)


def clean(u: np.ndarray) -> np.ndarray:
    """C8 for scores: NaN counts as -inf, +inf as the largest finite f32."""
    u = np.asarray(u, dtype=np.float64)
    return np.where(np.isnan(u), -np.inf, np.minimum(u, F32_MAX))


def threshold(pool: np.ndarray, topk: int) -> float:
    """C4 for one pool of clean scores: the smallest root tau of
    `sum clamp(pool - tau, 0, 1) = topk`; -inf when at most topk are finite."""
    ranked = np.sort(pool[pool > -np.inf])[::-1]
    if ranked.size <= topk:
        return -np.inf
    # At tau = pivot only the best topk count, each at most 1: the root is not
    # above it. At pivot - 1 at least topk + 1 count in full: it is not below.
    pivot = ranked[topk]
    if ranked[topk - 1] - pivot >= 1:
        return float(pivot)
    # Distances to the pivot, cut where the clamp hides them anyway, so that one
    # huge score cannot spoil the sum.
    d = np.minimum(ranked - pivot, 1.0)
    d = d[d > -1.0]

    def total(x: float) -> float:
        return float(np.clip(d - x, 0.0, 1.0).sum())

    # The sum is linear between consecutive knots: find the piece, then solve it.
    knots = np.unique(np.concatenate([d[d <= 0], d[d >= 0] - 1.0, [-1.0, 0.0]]))
    low, high = 0, knots.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if total(knots[middle]) >= topk:
            low = middle
        else:
            high = middle
    inside = 0.5 * (knots[low] + knots[high])
    interior = d[(d > inside) & (d < inside + 1.0)]
    saturated = int((d >= inside + 1.0).sum())
    return float(pivot + (interior.sum() + saturated - topk) / interior.size)


def gates(u: np.ndarray, tau: np.ndarray | float) -> np.ndarray:
    """C5: `clamp(u - tau, 0, 1)` from the stored f32 values, broadcast."""
    u32 = clean(u).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        difference = u32 - np.asarray(tau, dtype=np.float32)
    # -inf - -inf is NaN; such a key is never selected and enters no sum.
    return np.where(np.isneginf(u32), 0.0, np.clip(difference, 0.0, 1.0)).astype(np.float64)


def expiries(u: np.ndarray, topk: int, window: int) -> np.ndarray:
    """C3 for the scores `u[n]` of one document: `expiry[n]`, i32."""
    v = clean(u)
    n = v.size
    position = np.arange(n)
    finite = v > -np.inf
    # above[j, i]: key i is ranked above key j, wherever it stands.
    above = (v > v[:, None]) | ((v == v[:, None]) & (position < position[:, None]))
    counts = np.cumsum(above & finite, axis=1)
    reached = counts >= topk
    kth = np.argmax(reached, axis=1) if n else position
    result = np.where(reached.any(axis=1), window + np.maximum(kth, position), NEVER)
    return np.where(finite, result, position + window).astype(np.int32)


def members(u: np.ndarray, topk: int, window: int) -> np.ndarray:
    """C2, C3 for one document `u[n]`: `[n,n]`, true where key j is in S_t."""
    v = clean(u)
    n = v.size
    selected = np.zeros((n, n), dtype=bool)
    for t in range(n):
        pool = v[: max(t - window + 1, 0)]
        best = np.argsort(-pool, kind="stable")[:topk]
        selected[t, best[pool[best] > -np.inf]] = True
    return selected


def interior(u: np.ndarray, tau: np.ndarray, window: int) -> np.ndarray:
    """C7 for one document: `[n,n]`, true where key j is in I_t, from the stored
    `u[n]` and `tau[n]` (f32)."""
    n = u.size
    gate = gates(u[None, :], tau[:, None])
    in_pool = np.arange(n)[None, :] <= np.arange(n)[:, None] - window
    return in_pool & (gate > 0) & (gate < 1)


def select(
    u: np.ndarray,
    *,
    topk: int,
    window: int,
    cu_seqlens: Sequence[int] | None = None,
) -> Selection:
    """C2-C4 of `u[B,Hs,N]`. A window above N counts as N.

    Raises ValueError for topk < 1, window < 0 or a malformed cu_seqlens.
    """
    _check_budget(topk, window)
    batch, heads, n = u.shape
    window = min(window, n)
    exact = np.full(u.shape, -np.inf)
    tau = np.full(u.shape, -np.inf, dtype=np.float32)
    expiry = np.zeros(u.shape, dtype=np.int32)
    n_int = np.zeros(u.shape, dtype=np.int32)
    for b in range(batch):
        for h in range(heads):
            for start, end in documents(n, cu_seqlens):
                rows = slice(start, end)
                scores = clean(u[b, h, rows])
                for t in range(window, end - start):
                    exact[b, h, start + t] = threshold(scores[: t - window + 1], topk)
                rounded = exact[b, h, rows].astype(np.float32)
                tau[b, h, rows] = np.maximum.accumulate(rounded)
                expiry[b, h, rows] = expiries(scores, topk, window)
                n_int[b, h, rows] = interior(scores, tau[b, h, rows], window).sum(axis=1)
    return Selection(exact, tau, expiry, n_int)


def attention(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    u: np.ndarray,
    *,
    topk: int,
    window: int,
    gate: str = "key_value",
    scale: float | None = None,
    sink: np.ndarray | None = None,
    cu_seqlens: Sequence[int] | None = None,
    tau: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """C2-C6, C8: `o[B,Hq,M,Dv]` and `lse[B,Hq,M]`, both f64.

    M may be less than N: q then holds the last M positions. `sink[Hq]` is an
    extra logit in the denominator. `tau[B,Hs,N]`, when given, replaces the
    threshold computed here: C5 defines the gates by the stored one, which for
    huge scores may legitimately differ by a rounding that flips a gate.
    Raises ValueError for an unknown gate, a bad budget or head counts that do
    not divide.
    """
    _check_budget(topk, window)
    if gate not in GATES:
        raise ValueError(f"gate must be one of {GATES}, got {gate!r}")
    batch, q_heads, m, depth = q.shape
    kv_heads, n = k.shape[1:3]
    score_heads = u.shape[1]
    if q_heads % kv_heads or score_heads not in (1, kv_heads):
        raise ValueError(f"head counts do not divide: {q_heads}, {kv_heads}, {score_heads}")
    window = min(window, n)
    scale = depth**-0.5 if scale is None else scale
    if tau is None:
        tau = select(u, topk=topk, window=window, cu_seqlens=cu_seqlens).tau
    q, k, v = (a.astype(np.float64) for a in (q, k, v))
    o = np.zeros((batch, q_heads, m, v.shape[3]))
    lse = np.full((batch, q_heads, m), -np.inf)
    for b in range(batch):
        for s in range(score_heads):
            attended, gate_all = _attended(u[b, s], tau[b, s], topk, window, cu_seqlens)
            attended, gate_all = attended[n - m :], gate_all[n - m :]
            key_gate = gate_all if gate == "key_value" else 1.0
            value_gate = gate_all if gate in ("key_value", "value") else 1.0
            for h in range(q_heads):
                g = h * kv_heads // q_heads
                if g * score_heads // kv_heads != s:
                    continue
                logits = scale * (q[b, h] @ k[b, g].T) * key_gate
                logits = np.where(attended, logits, -np.inf)
                extra = -np.inf if sink is None else float(sink[h])
                p, lse[b, h] = _softmax(logits, extra)
                o[b, h] = (p * value_gate) @ v[b, g]
    return o, lse


def _attended(
    u: np.ndarray,
    tau: np.ndarray,
    topk: int,
    window: int,
    cu_seqlens: Sequence[int] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """For one score head, `[N,N]` each: which keys a query sees, and their gates."""
    n = u.size
    attended = np.zeros((n, n), dtype=bool)
    gate = np.ones((n, n))
    for start, end in documents(n, cu_seqlens):
        rows = slice(start, end)
        chosen = members(u[rows], topk, window)
        t, j = np.mgrid[: end - start, : end - start]
        attended[rows, rows] = chosen | ((t - window < j) & (j <= t))
        gate[rows, rows] = np.where(chosen, gates(u[None, rows], tau[rows, None]), 1.0)
    return attended, gate


def _softmax(logits: np.ndarray, extra: float) -> tuple[np.ndarray, np.ndarray]:
    """Softmax of the rows of `logits[M,N]` with one more logit `extra`, and the
    log of the denominator. A row without keys gives zeros and -inf (C8)."""
    empty = np.isneginf(logits).all(axis=1)
    top = np.maximum(logits.max(axis=1, initial=-np.inf), extra)
    top = np.where(empty, 0.0, top)
    weights = np.exp(logits - top[:, None])
    with np.errstate(divide="ignore"):
        total = weights.sum(axis=1) + np.exp(extra - top)
        lse = np.where(empty, -np.inf, top + np.log(total))
    return np.where(empty[:, None], 0.0, weights / np.where(empty, 1.0, total)[:, None]), lse


def _check_budget(topk: int, window: int) -> None:
    if topk < 1:
        raise ValueError(f"topk must be at least 1, got {topk}")
    if window < 0:
        raise ValueError(f"window must not be negative, got {window}")
