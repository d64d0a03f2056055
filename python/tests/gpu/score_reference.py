# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""C1 in float64 on any device, with the tolerances of every score."""

from __future__ import annotations

from typing import NamedTuple

import torch

EPSILON = 1e-5  # of C1
# Of a sum of C products in f32, in units of the sum of their magnitudes: tensor
# cores align the terms of 16 products and cut what lies below 2^-23 of the sum so
# far, up to C / 16 times; a sum that is kept in bf16 or f16 is off by more than
# 2^-12 of it.
SUM = 2.0**-19
ROUNDING = 2.0**-22  # of f32: statistics, slope and the sum of both


class Want(NamedTuple):
    """Scores `[B,Hs,N]`, how far they may be off, and the statistics at the end,
    `[B,Hs,3]`: count, mean and sum of squared deviations."""

    scores: torch.Tensor
    allowed: torch.Tensor
    statistics: torch.Tensor


def score(
    x: torch.Tensor,
    weight: torch.Tensor,
    *,
    slope: float = 0.0,
    norm: str = "none",
    offset: int = 0,
) -> Want:
    """Of one chunk that begins a sequence (or has norm "none"), without documents."""
    x, weight = x.double(), weight.double()
    raw = (x @ weight).transpose(1, 2)
    finite = raw.isfinite()
    magnitude = torch.nan_to_num(x, 0.0, 0.0, 0.0).abs() @ weight.abs()
    allowed = SUM * magnitude.transpose(1, 2)
    # Around a score of the same sequence, so that nothing cancels.
    known = torch.where(finite, raw, 0.0)
    centre = known[..., :1]
    count = finite.double().cumsum(2)
    shifted = torch.where(finite, raw - centre, 0.0)
    mean = shifted.cumsum(2) / count.clamp(min=1)
    deviations = (shifted.square().cumsum(2) - count * mean.square()).clamp(min=0)
    scores = raw
    if norm == "timestep":
        deviation = (deviations / count.clamp(min=1) + EPSILON).sqrt()
        scores = (raw - centre - mean) / deviation
        # The score, the mean and the deviation are off by as much as any score so far.
        error = allowed.cummax(2).values
        allowed = error * (2 + torch.nan_to_num(scores, 0.0, 0.0, 0.0).abs()) / deviation
    ramp = slope * (offset + torch.arange(x.shape[1], device=x.device, dtype=torch.float64))
    scores = scores + ramp
    size = torch.nan_to_num(scores, 0.0, 0.0, 0.0).abs() + ramp.abs()
    last = [count[..., -1], centre[..., 0] + mean[..., -1], deviations[..., -1]]
    return Want(scores, allowed + ROUNDING * size + 2.0**-126, torch.stack(last, 2))


def problem(got: torch.Tensor, want: Want) -> str | None:
    if got.dtype != torch.float32 or got.shape != want.scores.shape:
        return f"scores of shape {tuple(got.shape)}, {got.dtype}"
    got = got.double()
    finite = want.scores.isfinite()
    equal = (got == want.scores) | (got.isnan() & want.scores.isnan())
    error = torch.where(finite, (got - want.scores).abs(), torch.where(equal, 0.0, torch.inf))
    bad = ~(error <= want.allowed)
    if not bool(bad.any()):
        return None
    b, h, t = (bad.nonzero()[0]).tolist()
    return (
        f"score [{b},{h},{t}] is {float(got[b, h, t])!r} where {float(want.scores[b, h, t])!r} "
        f"is right within {float(want.allowed[b, h, t]):.2g}, {int(bad.sum())} in all"
    )
