# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scores of many distributions for timing selection, the check of what is timed,
and x for timing scores."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

import sparsek
from hopper.inputs import CLUSTER, ROTATED_BYTES
from hopper.replay import MAX_CALLS

Make = Callable[[torch.Generator, int, int], torch.Tensor]
TAU_TOLERANCE, TAU_ULPS = 1e-5, 1.5


def _normal(generator: torch.Generator, rows: int, n: int) -> torch.Tensor:
    return torch.randn(rows, n, generator=generator, device=generator.device)


def _uniform(generator: torch.Generator, rows: int, n: int) -> torch.Tensor:
    return torch.rand(rows, n, generator=generator, device=generator.device)


def _integers(least: int, most: int) -> Make:
    def make(generator: torch.Generator, rows: int, n: int) -> torch.Tensor:
        size = (rows, n)
        return torch.randint(
            least, most + 1, size, generator=generator, device=generator.device
        ).float()

    return make


def _clustered(generator: torch.Generator, rows: int, n: int) -> torch.Tensor:
    runs = _normal(generator, rows, -(-n // CLUSTER)).repeat_interleave(CLUSTER, 1)[:, :n]
    return math.sqrt(0.9) * runs + math.sqrt(0.1) * _normal(generator, rows, n)


def _bursts(generator: torch.Generator, rows: int, n: int) -> torch.Tensor:
    """One run of 64 in 16 is 4 higher."""
    high = _uniform(generator, rows, -(-n // CLUSTER)) < 1 / 16
    return _normal(generator, rows, n) + 4.0 * high.repeat_interleave(CLUSTER, 1)[:, :n]


def _saw(generator: torch.Generator, rows: int, n: int) -> torch.Tensor:
    position = torch.arange(n, device=generator.device) % 4096
    return 3 * position / 4096 + 1e-3 * _normal(generator, rows, n)


def _one_above(generator: torch.Generator, rows: int, n: int) -> torch.Tensor:
    scores = torch.full((rows, n), 0.5, device=generator.device)
    scores[:, n // 3] = 0.75
    return scores


def _some(value: float) -> Make:
    def make(generator: torch.Generator, rows: int, n: int) -> torch.Tensor:
        chosen = _uniform(generator, rows, n) < 1 / 3
        return torch.where(chosen, value, _normal(generator, rows, n))

    return make


DISTRIBUTIONS: dict[str, Make] = {
    "random": _normal,
    "narrow": lambda *of: 0.02 * _normal(*of),
    "wide": lambda *of: 10 * _normal(*of),
    "rising": lambda *of: _normal(*of).sort(1).values,
    "falling": lambda *of: _normal(*of).sort(1, descending=True).values,
    "clustered": _clustered,
    "bursts": _bursts,
    "saw": _saw,
    "halves": lambda *of: _integers(-3, 3)(*of) / 2,
    "integers": _integers(-2000, 2000),
    "two": lambda *of: 0.75 * _integers(0, 1)(*of),
    "equal": lambda generator, rows, n: torch.full((rows, n), 0.5, device=generator.device),
    "one_above": _one_above,
    "around_1000": lambda *of: 1000 + _normal(*of),
    "heavy_tails": lambda *of: (2 * _normal(*of)).exp(),
    "some_infinite": _some(math.inf),
    "some_masked": _some(-math.inf),
}
QUICK = ("random", "rising", "halves", "equal", "bursts")


def score_sets(kind: str, rows: int, n: int, device: str = "cuda") -> list[torch.Tensor]:
    """Different scores `[1,rows,n]`, too many for the L2 cache together."""
    count = min(MAX_CALLS, max(1, math.ceil(ROTATED_BYTES / (4 * rows * n))))
    generator = torch.Generator(device).manual_seed(n)
    scores = DISTRIBUTIONS[kind](generator, count * rows, n).float()
    return list(scores.view(count, 1, rows, n).unbind())


def selection_problem(
    scores: torch.Tensor, results: tuple[torch.Tensor, ...], *, topk: int, window: int
) -> str | None:
    """What is wrong with (tau, expiry, ...), against the CPU code."""
    tau, expiry = (
        torch.from_numpy(array)
        for array in sparsek.select(scores.cpu().numpy(), topk=topk, window=window)
    )
    differ = int((results[1].cpu() != expiry).sum())
    if differ:
        return f"{differ} expiries differ"
    got = results[0].cpu()
    none = tau.isneginf()
    if not torch.equal(got.isneginf(), none):
        return "tau is -inf elsewhere"
    error = torch.where(none, 0.0, got.double() - tau.double()).abs()
    size = torch.where(none, 0.0, tau).abs().double()
    bad = ~(error <= torch.clamp(TAU_ULPS * 2.0**-23 * size, min=TAU_TOLERANCE))
    return f"{int(bad.sum())} thresholds differ, by {float(error.max()):.2g}" if bad.any() else None


def score_problem(
    x: torch.Tensor, weight: torch.Tensor, got: torch.Tensor, norm: str, prefix: int = 2048
) -> str | None:
    """What is wrong with the first scores, against float64."""
    raw = (x[:, :prefix].double() @ weight.double()).transpose(1, 2)
    if norm == "timestep":
        count = torch.arange(1, raw.shape[2] + 1, device=raw.device)
        mean = raw.cumsum(2) / count
        variance = (raw.square().cumsum(2) / count - mean.square()).clamp(min=0)
        raw = (raw - mean) / (variance + 1e-5).sqrt()
    # The first tokens have next to no variance.
    error = float((got[..., 16:prefix].double() - raw[..., 16:]).abs().max())
    if got[..., prefix:].isfinite().all() and error <= 1e-3:
        return None
    return f"scores are off by {error:.2g}, or not finite"
