# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Packed documents on any device, without waiting for it: bounds stay where they are."""

from __future__ import annotations

import torch

VARIANCE_FLOOR = 1e-5  # C1


def positions(length: int, cu_seqlens: torch.Tensor | None, device: torch.device) -> torch.Tensor:
    """`[N]` i32: positions within the sequence, or within each document."""
    rows = torch.arange(length, dtype=torch.int32, device=device)
    if cu_seqlens is None:
        return rows
    documents = torch.searchsorted(cu_seqlens, rows, right=True) - 1
    return rows - cu_seqlens[documents]


def score_documents(
    raw: torch.Tensor, cu_seqlens: torch.Tensor, slope: float, norm: str
) -> torch.Tensor:
    """Scores (f32, `[1,Hs,N]`) from raw ones of all documents (C1), in f64 and rounded once."""
    place = positions(raw.shape[2], cu_seqlens[:-1].contiguous(), raw.device)
    scores = raw.double()
    if norm == "timestep":
        mean, variance = _statistics(raw, place)
        scores = (scores - mean) / torch.sqrt(variance + VARIANCE_FLOOR)
    return (scores + slope * place.double()).float()


def _statistics(raw: torch.Tensor, place: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and population variance (f64) of the finite raw scores of a document up to each
    position.

    A position holds the count, mean and sum of squared deviations of the last 1, 2, 4, ...
    positions, as far as its document reaches. No sum depends on another document.
    """
    finite = raw.isfinite()
    count, mean = finite.double(), torch.where(finite, raw, 0).double()
    squares = torch.zeros_like(mean)
    step = 1
    while step < raw.shape[2]:
        before, here = (..., slice(None, -step)), (..., slice(step, None))
        inside = place[step:] >= step
        n = count[before] + count[here]
        share = count[here] / n.clamp(min=1)
        apart = mean[here] - mean[before]
        added = squares[before] + apart * apart * (count[before] * share)
        # Neither mean counts where its count is 0; it is 0 then.
        merged = torch.where(count[before] > 0, mean[before] + apart * share, mean[here])
        count = torch.cat((count[..., :step], torch.where(inside, n, count[here])), -1)
        mean = torch.cat((mean[..., :step], torch.where(inside, merged, mean[here])), -1)
        squares = torch.cat(
            (
                squares[..., :step],
                torch.where(inside, squares[here] + added, squares[here]),
            ),
            -1,
        )
        step *= 2
    return mean, squares / count.clamp(min=1)
