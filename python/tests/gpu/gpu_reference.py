# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Selection and attention in float64 on a GPU: `oracle.py` with every query at once.

Written from the same definitions with dense `[N,N]` masks, so it is for N up to a
few thousand. `test_gpu_reference.py` ties it to the oracle. Shapes are those of
`oracle.py`; all tensors are on one device.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

NEVER = 2**31 - 1
F32_MAX = torch.finfo(torch.float32).max
# Halvings of an interval of length 1: far below the rounding of tau to f32.
HALVINGS = 36


def clean(u: torch.Tensor) -> torch.Tensor:
    """C8 for scores: NaN counts as -inf, +inf as the largest finite f32."""
    return torch.where(u.isnan(), -torch.inf, u.clamp(max=F32_MAX))


def document_starts(n: int, cu_seqlens: Sequence[int] | None, device: torch.device) -> torch.Tensor:
    """`[N]`: the first position of the document of each position."""
    starts = torch.zeros(n, dtype=torch.int64, device=device)
    for begin, end in zip(cu_seqlens or (), (cu_seqlens or ())[1:], strict=False):
        starts[begin:end] = begin
    return starts


def select(
    u: torch.Tensor, *, topk: int, window: int, cu_seqlens: Sequence[int] | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """C2-C4 of `u[B,Hs,N]`: `tau` (f32) and `expiry` (i32)."""
    batch, heads, n = u.shape
    window = min(window, n)
    values = clean(u).double().reshape(batch * heads, n)
    starts = document_starts(n, cu_seqlens, u.device)
    index = torch.arange(n, device=u.device)
    local = index - starts
    same = starts[:, None] == starts[None, :]
    finite = values > -torch.inf

    expiry = torch.empty((batch * heads, n), dtype=torch.int32, device=u.device)
    tau = torch.empty((batch * heads, n), dtype=torch.float32, device=u.device)
    pool = same & (local[None, :] <= local[:, None] - window)
    for head in range(batch * heads):
        v, valid = values[head], finite[head]
        # above[j, i]: key i is ranked above key j.
        above = (v > v[:, None]) | ((v == v[:, None]) & (index < index[:, None]))
        counts = (above & same & valid).int().cumsum(1)
        reached = counts >= topk
        kth = reached.int().argmax(1) - starts
        out = torch.where(reached.any(1), window + torch.maximum(kth, local), NEVER)
        expiry[head] = torch.where(valid, out, local + window).int()
        tau[head] = _thresholds(torch.where(pool & valid, v, -torch.inf), topk).float()
    for start in starts.unique().tolist():
        rows = starts == start
        tau[:, rows] = tau[:, rows].cummax(1).values
    return tau.view(batch, heads, n), expiry.view(batch, heads, n)


def _thresholds(pool: torch.Tensor, topk: int) -> torch.Tensor:
    """C4 for the pools `[T,N]`, f64, -inf where a key is not in the pool."""
    none = torch.full((pool.shape[0],), -torch.inf, dtype=torch.float64, device=pool.device)
    if topk >= pool.shape[1]:
        return none
    ranked = pool.sort(1, descending=True).values
    pivot, best = ranked[:, topk], ranked[:, topk - 1]
    # Cut where the clamp hides them, so that a huge score cannot spoil the sum.
    distance = torch.nan_to_num(pool - pivot[:, None], nan=-1.0).clamp(-1, 1)
    low, high = torch.full_like(pivot, -1.0), torch.zeros_like(pivot)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        # The smallest root: at a sum of topk it is here or further left.
        right = (distance - middle[:, None]).clamp(0, 1).sum(1) > topk
        low, high = torch.where(right, middle, low), torch.where(right, high, middle)
    root = torch.where(best - pivot >= 1, pivot, pivot + high)
    return torch.where(pivot > -torch.inf, root, none)


def attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    u: torch.Tensor,
    tau: torch.Tensor,
    expiry: torch.Tensor,
    *,
    window: int,
    gate: str,
    scale: float | None = None,
    sink: torch.Tensor | None = None,
    cu_seqlens: Sequence[int] | None = None,
    rows: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """C5, C6, C8 from a selection: `o[B,Hq,M,Dv]` and `lse[B,Hq,M]`, f64. With
    `rows[R]` only these rows of q, and R in the place of M."""
    batch, q_heads, m, depth = q.shape
    kv_heads, n = k.shape[1:3]
    score_heads, group = u.shape[1], q_heads // kv_heads
    window = min(window, n)
    scale = depth**-0.5 if scale is None else scale
    rows = torch.arange(m, device=q.device) if rows is None else rows
    count = rows.numel()
    t = n - m + rows
    starts = document_starts(n, cu_seqlens, q.device)
    local = torch.arange(n, device=q.device) - starts
    same = starts[t][:, None] == starts[None, :]
    age = local[t][:, None] - local[None, :]
    in_window = same & (age >= 0) & (age < window)
    o = torch.empty((batch, q_heads, count, v.shape[3]), dtype=torch.float64, device=q.device)
    lse = torch.empty((batch, q_heads, count), dtype=torch.float64, device=q.device)
    for b in range(batch):
        for g in range(kv_heads):
            s = g * score_heads // kv_heads
            heads = slice(g * group, (g + 1) * group)
            chosen = same & (age >= window) & (local[t][:, None] < expiry[b, s][None, :])
            difference = clean(u[b, s])[None, :] - tau[b, s][t][:, None]  # One f32 subtraction.
            weight = torch.where(chosen, difference.clamp(0, 1), 1.0).double()
            attended = chosen | in_window
            logits = scale * (q[b, heads][:, rows].double() @ k[b, g].double().T)
            if gate == "key_value":
                logits = logits * weight
            logits = torch.where(attended, logits, -torch.inf)
            if sink is not None:
                extra = sink[heads].double()[:, None, None].expand(group, count, 1)
                total = torch.logsumexp(torch.cat([logits, extra], 2), 2)
            else:
                total = torch.logsumexp(logits, 2)
            total = torch.where(attended.any(1), total, -torch.inf)
            p = torch.where(attended, torch.exp(logits - total[..., None]), 0.0)
            if gate in ("key_value", "value"):
                p = p * weight
            o[b, heads], lse[b, heads] = p @ v[b, g].double(), total
    return o, lse
