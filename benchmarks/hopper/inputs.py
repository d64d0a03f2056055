# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is timed: geometries, inputs, and how much work they are."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch

from hopper.selection import select

SCORES = ("random", "recency", "clustered")
GATES = ("none", "key_value")
# Inputs smaller than this many bytes in all come in several sets, which take
# turns, so that no call finds its inputs in the L2 cache (60 MB on an H200).
ROTATED_BYTES = 300e6
MAX_SETS = 12
CLUSTER = 64
# Score heads that differ; further ones repeat them.
DISTINCT_HEADS = 8


@dataclass(frozen=True)
class Geometry:
    """One row of the table: N = M, B = 1, D = Dv, bf16."""

    n: int
    topk: int
    window: int
    hq: int
    hkv: int
    d: int

    @property
    def name(self) -> str:
        return f"N {self.n} k {self.topk} w {self.window} heads {self.hq}/{self.hkv} D {self.d}"

    @property
    def dense(self) -> Geometry:
        """The same without k and w, for what does not know them."""
        return Geometry(self.n, 0, 0, self.hq, self.hkv, self.d)

    @property
    def useful_flops(self) -> float:
        """Of the pairs that exist; a window of topk + window keys has as many."""
        reach = min(self.topk + self.window, self.n)
        pairs = reach * (reach + 1) // 2 + (self.n - reach) * reach
        return 4.0 * self.hq * self.d * pairs

    @property
    def dense_flops(self) -> float:
        return 4.0 * self.hq * self.d * (self.n * (self.n + 1) // 2)

    @property
    def key_value_bytes(self) -> int:
        return 2 * self.n * self.d * 2 * self.hkv

    @property
    def input_bytes(self) -> int:
        return 2 * self.n * self.d * self.hq + self.key_value_bytes


def make_scores(kind: str, heads: int, n: int, device: str = "cuda") -> torch.Tensor:
    """`[1,heads,n]` f32 of unit variance: independent ("random"), rising with the
    position ("recency": the best keys are the latest before the window), or alike
    within runs of 64 keys ("clustered")."""
    generator = torch.Generator(device).manual_seed(n)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, device=device)

    if kind == "random":
        return normal(1, heads, n)
    if kind == "recency":
        return normal(1, heads, n).sort(-1).values
    if kind == "clustered":
        runs = normal(1, heads, -(-n // CLUSTER)).repeat_interleave(CLUSTER, -1)[..., :n]
        return math.sqrt(0.9) * runs + math.sqrt(0.1) * normal(1, heads, n)
    raise ValueError(f"scores must be one of {', '.join(SCORES)}, got {kind!r}")


@functools.lru_cache(maxsize=12)
def selection(
    kind: str, heads: int, n: int, topk: int, window: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scores, tau and expiry, each `[1,heads,n]`."""
    distinct = min(heads, DISTINCT_HEADS)
    scores = make_scores(kind, distinct, n)
    tau, expiry = select(scores, topk=topk, window=window)
    return tuple(
        tensor.repeat(1, -(-heads // distinct), 1)[:, :heads].contiguous()
        for tensor in (scores, tau, expiry)
    )


class Tensors:
    """q, k and v, `[1,heads,N,D]` bf16, and the same `[1,N,heads,D]` in memory of
    its own, for peers that are made for that order."""

    def __init__(self, geometry: Geometry) -> None:
        shapes = [(1, heads, geometry.n, geometry.d)
                  for heads in (geometry.hq, geometry.hkv, geometry.hkv)]  # fmt: skip
        count = min(MAX_SETS, max(1, math.ceil(ROTATED_BYTES / geometry.input_bytes)))
        self.sets = [
            [torch.randn(shape, device="cuda", dtype=torch.bfloat16) for shape in shapes]
            for _ in range(count)
        ]
        self._transposed: list[list[torch.Tensor]] | None = None

    @property
    def positions_first(self) -> list[list[torch.Tensor]]:
        if self._transposed is None:
            self._transposed = [
                [tensor.transpose(1, 2).contiguous() for tensor in one] for one in self.sets
            ]
        return self._transposed


def executed_flops(
    geometry: Geometry, expiry: torch.Tensor, positions: int, keys: int, rows: int = 128,
    skipped: int = 0, samples: int = 256,
) -> float:  # fmt: skip
    """An estimate of what the tensor cores do: for a sample of tiles the list of
    keys is counted, padded to whole slots of `keys` and multiplied with all `rows`
    of the tile. `positions` is how many queries of a head are in a tile; of a whole
    tile whose windows are longer than it every row skips `skipped` slots."""
    n, window = geometry.n, min(geometry.window, geometry.n)
    tiles = -(-n // positions)
    stride = max(1, tiles // samples)
    births = torch.arange(n, device=expiry.device) + window
    slots = counted = 0
    for tile in range(stride // 2, tiles, stride):
        first = tile * positions
        last = min(first + positions, n) - 1
        expiries = expiry[0, tile % expiry.shape[1]]
        alive = (births <= last) & (expiries > births.clamp(min=first))
        length = int(alive.sum()) + (last + 1 - max(0, first - window + 1) if window else 0)
        slots += max(1, -(-length // keys))
        if first + positions <= n and positions + 1 < window <= first + 1:
            slots -= skipped
        counted += 1
    group = geometry.hq // geometry.hkv
    lists = tiles * geometry.hkv * -(-group // min(group, rows))
    return 4.0 * geometry.d * rows * keys * slots / counted * lists
