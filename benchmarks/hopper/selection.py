# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Selection (C3, C4) in plain PyTorch, fast enough to make inputs for timings.

Both vectors come from one wavelet matrix of the ranks of the scores: for every
prefix of the positions at once it answers "which is the k-th best rank?" and
"how many scores are above x, and what is their sum?" in log2(N) steps, each a
gather. `expiry` is exact. `tau` solves C4 in float64, so it is the exact one up
to its rounding to f32; that holds for scores of ordinary size (a sum over a
score of 1e30 knows nothing of its neighbours).
"""

from __future__ import annotations

import torch

NEVER = 2**31 - 1
# Newton steps that stay inside a bracket; those that leave it are bisections.
MAX_STEPS = 60
PRECISION = 1e-9


class WaveletMatrix:
    """Ranks `[H,N]`, a permutation of 0..N-1 per head (0 is the best score), and
    values `[H,N]` to sum. Queries are over prefixes: the first `count` positions.
    """

    def __init__(self, ranks: torch.Tensor, values: torch.Tensor) -> None:
        heads, self.n = ranks.shape
        self.bits = self.n.bit_length()  # Enough for N itself, a bound.
        zeros = ranks.new_zeros((heads, 1), dtype=torch.int64)
        self.ones: list[torch.Tensor] = []  # per level [H,N+1]: ones before a place
        self.sums: list[torch.Tensor] = []  # the same for values of the zeros
        self.split: list[torch.Tensor] = []  # [H,1]: how many zeros a level has
        values = values.double()
        for level in reversed(range(self.bits)):
            bit = (ranks >> level) & 1
            ones = torch.cat([zeros, bit.cumsum(1)], 1)
            below = torch.where(bit == 0, values, 0.0)
            self.ones.append(ones)
            self.sums.append(torch.cat([zeros.double(), below.cumsum(1)], 1))
            self.split.append(self.n - ones[:, -1:])
            order = torch.argsort(bit, dim=1, stable=True)
            ranks, values = ranks.gather(1, order), values.gather(1, order)

    def _ones_before(
        self, level: int, low: torch.Tensor, high: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.ones[level].gather(1, low), self.ones[level].gather(1, high)

    def kth(self, count: torch.Tensor, k: int) -> torch.Tensor:
        """The k-th smallest rank (k >= 1) among the first `count[H,Q]` positions;
        N where there are fewer than k."""
        low, high = torch.zeros_like(count), count.clone()
        left = torch.full_like(count, k - 1)
        result = torch.zeros_like(count)
        for level in range(self.bits):
            first, last = self._ones_before(level, low, high)
            zeros = (high - low) - (last - first)
            up = left >= zeros
            left = torch.where(up, left - zeros, left)
            low = torch.where(up, self.split[level] + first, low - first)
            high = torch.where(up, self.split[level] + last, high - last)
            result = result * 2 + up
        return torch.where(count >= k, result, self.n)

    def below(self, count: torch.Tensor, bound: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Number and sum of the values of ranks less than `bound[H,Q]` (0..N) among
        the first `count[H,Q]` positions."""
        low, high = torch.zeros_like(count), count.clone()
        number = torch.zeros_like(count)
        total = torch.zeros(count.shape, dtype=torch.float64, device=count.device)
        for level in range(self.bits):
            first, last = self._ones_before(level, low, high)
            up = (bound >> (self.bits - 1 - level)) & 1 == 1
            zeros = (high - low) - (last - first)
            sums = self.sums[level]
            number += torch.where(up, zeros, 0)
            total += torch.where(up, sums.gather(1, high) - sums.gather(1, low), 0.0)
            low = torch.where(up, self.split[level] + first, low - first)
            high = torch.where(up, self.split[level] + last, high - last)
        return number, total


def select(scores: torch.Tensor, *, topk: int, window: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`tau` (f32) and `expiry` (i32) of finite scores `u[B,Hs,N]`, on their device.

    Raises ValueError for scores that are not finite.
    """
    if not torch.isfinite(scores).all():
        raise ValueError("these scores must be finite")
    batch, heads, n = scores.shape
    u = scores.reshape(batch * heads, n).double()
    window = min(window, n)
    # Best first; on equal scores the lower index.
    order = torch.argsort(u, dim=1, descending=True, stable=True)
    positions = torch.arange(n, device=u.device).expand_as(order)
    ranks = torch.empty_like(order).scatter_(1, order, positions)
    ranked = u.gather(1, order)
    # Sums are of distances to the mean, which keeps them small.
    center = u.mean(1, keepdim=True)
    matrix = WaveletMatrix(ranks, u - center)
    tau = _thresholds(matrix, ranked - center, positions + 1, topk) + center
    tau = torch.where(positions + 1 > topk, tau, -torch.inf)
    # Rounding keeps the order, but what is rounded carries errors of its own.
    tau = torch.cummax(tau.float(), 1).values
    shifted = torch.full_like(tau, -torch.inf)
    shifted[:, window:] = tau[:, : n - window]
    expiry = _expiries(matrix, ranks, positions, topk, window)
    return shifted.view(batch, heads, n), expiry.view(batch, heads, n)


def _expiries(
    matrix: WaveletMatrix, ranks: torch.Tensor, positions: torch.Tensor, topk: int, window: int
) -> torch.Tensor:
    # The k-th best rank of the prefix that ends at each position never rises. A
    # key is out from the first position where it is a better rank than its own.
    n = matrix.n
    theta = matrix.kth(positions + 1, topk)
    out = torch.searchsorted(-theta, -ranks, right=True)
    expiry = window + torch.maximum(out, positions)
    return torch.where(out < n, expiry, NEVER).int()


def _thresholds(
    matrix: WaveletMatrix, ranked: torch.Tensor, count: torch.Tensor, topk: int
) -> torch.Tensor:
    """C4 in float64 for every prefix; anything where it has at most topk scores.
    `ranked[H,N]` are the values by rank."""
    n = matrix.n
    if n <= topk:
        return torch.zeros(count.shape, dtype=torch.float64, device=count.device)
    ascending = ranked.flip(1).contiguous()

    def value(rank: torch.Tensor) -> torch.Tensor:
        return ranked.gather(1, rank.clamp(max=n - 1))

    def above(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Number and sum of the scores above x."""
        bound = n - torch.searchsorted(ascending, x, right=True)
        return matrix.below(count, bound)

    best, next_best = value(matrix.kth(count, topk)), value(matrix.kth(count, topk + 1))
    low, high = torch.minimum(best - 1, next_best), next_best
    gap = best - next_best >= 1  # The smallest of many roots.
    x = 0.5 * (low + high)
    for _ in range(MAX_STEPS):
        number, total = above(x)
        full, full_total = above(x + 1)
        interior = number - full
        excess = (total - full_total) - x * interior + full - topk
        low = torch.where(excess >= 0, x, low)
        high = torch.where(excess <= 0, x, high)
        newton = x + excess / interior.clamp(min=1)
        inside = (interior > 0) & (newton >= low) & (newton <= high)
        following = torch.where(inside, newton, 0.5 * (low + high))
        step = torch.where(gap | (count <= topk), 0.0, following - x).abs().max()
        x = following
        if step < PRECISION:
            break
    return torch.where(gap, next_best, x)
