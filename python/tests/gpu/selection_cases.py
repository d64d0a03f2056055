# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The matrix of selections on a GPU: few launches, many rows in each.

Rows of scores know nothing of one another, so every row of a launch is a case of
its own, with its own distribution. A `Group` is a launch. The reference is the
compiled CPU code, which other tests tie to the oracle, and for short rows the
oracle itself.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

import cases
import oracle
import sparsek

Make = Callable[[np.random.Generator, int], np.ndarray]

# Launches to test; all of them by default.
LIMIT = int(os.environ.get("SPARSEK_GPU_SELECTIONS", "10000"))
F32_MAX = float(np.finfo(np.float32).max)
# Of tau: absolute, or in units of the last place, which are more where scores are
# beyond 2^20 and only the range of gates counts.
TAU_ABSOLUTE, TAU_ULPS, TAU_ULPS_OF_LARGE = 1e-5, 1.5, 2.0
LARGE = 2.0**20
ORACLE_ELEMENTS = 10_000  # which are compared with the oracle, at most, of a launch
QUERIES = 256  # whose interiors are counted, at most, of a row


def _near(centre: float) -> Make:
    """A few steps around a number: of 2^-24, or what f32 has there."""
    step = max(2.0**-24, float(np.spacing(np.float32(abs(centre)))))
    return lambda rng, n: centre + step * rng.integers(-4, 5, size=n)


def _around(centre: float) -> Make:
    return lambda rng, n: centre + rng.uniform(-2, 2, size=n)


def _bursts(rng: np.random.Generator, n: int) -> np.ndarray:
    """Low, with runs of 1 to 200 scores that are much better."""
    u = rng.normal(size=n) - 4
    for begin in rng.integers(0, n, size=1 + n // 700):
        end = begin + int(rng.integers(1, 200))
        u[begin:end] = 4 * rng.random() + 0.3 * rng.normal(size=u[begin:end].size)
    return u


def _all_but_one(value: float) -> Make:
    def make(rng: np.random.Generator, n: int) -> np.ndarray:
        u = np.full(n, 0.5)
        u[rng.integers(n)] = value
        return u

    return make


def _mixture(*values: float) -> Make:
    return lambda rng, n: rng.choice(values, size=n)


# In the order of their rows.
DISTRIBUTIONS: dict[str, Make] = cases.SCORES | {
    "ascending": lambda rng, n: np.linspace(-1.5, 1.5, n),
    "descending": lambda rng, n: np.linspace(1.5, -1.5, n),
    "steps_up": lambda rng, n: np.arange(n) / 4,
    "steps_down": lambda rng, n: -np.arange(n) / 4,
    "constant": lambda rng, n: np.full(n, 1.5),
    "two_far": _mixture(-3.0, 2.0),
    "two_halves": lambda rng, n: np.where(np.arange(n) < n // 2, 1.0, 1.25),
    "bursts": _bursts,
    "saw": lambda rng, n: (np.arange(n) % 97) / 48.5,
    "long_saw": lambda rng, n: 3 * np.modf(3.3 * np.arange(n) / n)[0],
    "integers": lambda rng, n: rng.integers(-5, 6, size=n),
    "wide_integers": lambda rng, n: rng.integers(-2000, 2000, size=n),
    "near_0": _near(0.0),
    "near_1": _near(1.0),
    "near_minus_2": _near(-2.0),
    "near_2^20": _near(2.0**20),
    "near_minus_2^21": _near(-(2.0**21)),
    "near_2^23": _near(2.0**23),
    "near_minus_2^24": _near(-(2.0**24)),
    "near_2^25": _near(2.0**25),
    "around_2^20": _around(2.0**20 - 3),
    "around_minus_2^22": _around(-(2.0**22)),
    "around_2^24": _around(2.0**24),
    "denormal_steps": lambda rng, n: 2.0**-149 * rng.integers(-3, 4, size=n),
    "zeros": _mixture(0.0, -0.0),
    "zeros_and_ones": _mixture(0.0, -0.0, 1.0, -1.0),
    "infinities": _mixture(np.inf, -np.inf),
    "one_above": _all_but_one(0.75),
    "one_far_above": _all_but_one(1e4),
    "one_below": _all_but_one(0.25),
    "one_nan": _all_but_one(np.nan),
    "heavy_tails": lambda rng, n: np.exp(3 * rng.normal(size=n)),
}
SHORT_ROWS = (*DISTRIBUTIONS, *("normal", "narrow", "ties", "bursts") * 3)[:56]
LONG_ROWS = ("normal", "narrow", "ties", "equal", "sorted", "reversed", "some_of_all", "steps_down",
             "saw", "long_saw", "bursts", "near_1", "near_2^23", "around_2^20", "one_above",
             "heavy_tails")  # fmt: skip


@dataclass(frozen=True)
class Group:
    """A launch, and the distributions of its rows."""

    n: int
    topk: int
    window: int
    heads: int
    rows: tuple[str, ...]
    cu_seqlens: tuple[int, ...] | None
    seed: int

    @property
    def name(self) -> str:
        count = "" if self.cu_seqlens is None else f"-docs{len(self.cu_seqlens) - 1}"
        return f"n{self.n}-k{self.topk}-w{self.window}-h{self.heads}{count}-s{self.seed}"

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.rows) // self.heads, self.heads, self.n

    @property
    def options(self) -> dict[str, int]:
        return {"topk": self.topk, "window": self.window}

    def scores(self) -> np.ndarray:
        """`[B,Hs,N]` f32, the same for every call."""
        u = [
            DISTRIBUTIONS[name](np.random.default_rng([self.seed, index]), self.n)
            for index, name in enumerate(self.rows)
        ]
        with np.errstate(over="ignore"):
            return np.stack(u).astype(np.float32).reshape(self.shape)

    def bounds(self, device: str) -> torch.Tensor | None:
        if self.cu_seqlens is None:
            return None
        return torch.tensor(self.cu_seqlens, dtype=torch.int32, device=device)

    def starts(self) -> np.ndarray:
        """`[N]`: where the document of each position begins."""
        starts = np.zeros(self.n, np.int64)
        for begin, end in oracle.documents(self.n, self.cu_seqlens):
            starts[begin:end] = begin
        return starts


# Around tiles of threads, of sorting, and of the tables, and where another way of
# sorting or another size of the kernels takes over.
LENGTHS = (1, 2, 3, 7, 31, 33, 64, 100, 127, 128, 129, 255, 257, 500, 777, 1000, 1023, 1024, 1025,
           1500, 2047, 2049, 3001, 4095, 4096, 4097)  # fmt: skip
LONG_LENGTHS = (5000, 8191, 8192, 8193, 16383, 16384, 16385, 20001, 32769)
VERY_LONG = (65536, 65537, 131071, 131072, 131073)
TOPKS = (1, 2, 3, 8, 31, 64, 100, 128, 257, 512, 1000, 1024, 2048, 4095, 4096)


def _budget(rng: np.random.Generator, n: int) -> tuple[int, int]:
    """k up to N and beyond, w of every kind."""
    fitting = [topk for topk in TOPKS if topk < n] or [1]
    topk = int(rng.choice(fitting)) if rng.random() < 0.8 else int(rng.choice([n, n + 3, 4096]))
    window = int(
        rng.choice([0, 1, 5, 33, topk, n, n + 9], p=[0.25, 0.2, 0.15, 0.15, 0.15, 0.05, 0.05])
    )
    return min(topk, 4096), window


def _documents(rng: np.random.Generator, n: int, kind: str) -> tuple[int, ...]:
    """Bounds, with empty documents and documents of one token among them."""
    if kind == "one":
        return (0, 0, n, n)
    if kind == "tiles":  # Some at multiples of 128 and 4096, some beside them.
        cuts = np.concatenate(
            [np.arange(0, n, 128)[:: int(rng.integers(1, 9))], np.arange(0, n, 4096)]
        )
        cuts = cuts + rng.integers(-1, 2, size=cuts.size)
    elif kind == "many":
        cuts = rng.integers(0, n + 1, size=n // 3)
    else:
        cuts = rng.integers(0, n + 1, size=6)
    cuts = np.clip(cuts, 0, n).tolist()
    if cuts:
        cuts += [cuts[0], min(cuts[-1] + 1, n)]
    return (0, *sorted(int(cut) for cut in cuts), n)


@functools.cache
def groups() -> tuple[Group, ...]:
    """All launches, the same everywhere. A limit takes some of every kind."""
    rng = np.random.default_rng(20240701)
    chosen: list[Group] = []

    def add(n: int, rows: tuple[str, ...], topk: int, window: int, heads: int = 1,
            cu_seqlens: tuple[int, ...] | None = None) -> None:  # fmt: skip
        chosen.append(Group(n, topk, window, heads, rows, cu_seqlens, len(chosen)))

    for n in LENGTHS:
        for _ in range(3):
            add(n, SHORT_ROWS, *_budget(rng, n), heads=int(rng.choice([1, 2, 8])))
    for n in LONG_LENGTHS:
        for _ in range(2):
            add(n, SHORT_ROWS[:50], *_budget(rng, n), heads=int(rng.choice([1, 2])))
    # Exactly as many keys as fit, and one more.
    for n, topk, window in ((300, 299, 1), (300, 300, 0), (4097, 4096, 1), (4097, 4096, 0),
                            (1000, 999, 0), (8193, 4096, 4096), (4096, 1024, 1024)):  # fmt: skip
        add(n, SHORT_ROWS, topk, window)
    for n, topk, window in zip(
        VERY_LONG, (1024, 1, 64, 4096, 1000), (1024, 0, 5, 33, 1), strict=True
    ):
        add(n, LONG_ROWS, topk, window)
    add(2**20, LONG_ROWS[:4], 1024, 1024)
    add(2**20, ("steps_down", "saw", "bursts", "some_of_all"), 64, 1)
    for n in (1, 2, 129, 1000, 1025, 3000, 4097, 9000, 16385, 40000):
        for kind in ("few", "many", "tiles", "one"):
            rows = SHORT_ROWS[:50] if n < 16000 else LONG_ROWS
            topk, window = _budget(rng, min(n, 700) if kind in ("many", "tiles") else n)
            if kind == "many":
                topk, window = int(rng.choice([1, 2, 5])), int(rng.choice([0, 1, 3]))
            add(n, rows, topk, window, len(rows), _documents(rng, n, kind))
    add(131073, LONG_ROWS[:8], 512, 33, 8, _documents(rng, 131073, "few"))
    if len(chosen) > LIMIT:
        chosen = [chosen[index * len(chosen) // LIMIT] for index in range(LIMIT)]
    return tuple(chosen)


def case_count() -> int:
    return sum(len(group.rows) for group in groups())


# ---- Checking ----


def reference(group: Group, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """tau and expiry from the CPU code. As many heads as possible are batch
    entries, so that fewer kernels are compiled."""
    shape = u.shape if group.cu_seqlens is not None else (-1, 1, group.n)
    tau, expiry = sparsek.select(u.reshape(shape), **group.options, cu_seqlens=group.cu_seqlens)
    return tau.reshape(u.shape), expiry.reshape(u.shape)


def ulp(value: np.ndarray) -> np.ndarray:
    """The unit in the last place of f32, as f64."""
    _, exponent = np.frexp(np.maximum(np.abs(value.astype(np.float64)), 2.0**-126))
    return np.ldexp(1.0, exponent - 24)


def _first(group: Group, bad: np.ndarray) -> str:
    """Where, and how many."""
    b, h, t = (int(index[0]) for index in np.nonzero(bad))
    return f"{group.rows[b * group.heads + h]}[{t}], {int(bad.sum())} in all"


def tau_problem(group: Group, got: np.ndarray, want: np.ndarray) -> str | None:
    """`want` may be f64."""
    if got.shape != want.shape:
        return f"tau has the shape {got.shape}"
    none = np.isneginf(want)
    bad = (np.isneginf(got) != none) | np.isnan(got) | np.isposinf(got)
    error = np.where(bad | none, 0.0, got.astype(np.float64)) - np.where(bad | none, 0.0, want)
    size = np.where(none, 0.0, np.abs(want))
    ulps = np.where(size > LARGE, TAU_ULPS_OF_LARGE, TAU_ULPS)
    bad |= np.abs(error) > np.maximum(TAU_ABSOLUTE, ulps * ulp(size))
    if not bad.any():
        return None
    where = tuple(index[0] for index in np.nonzero(bad))
    return f"tau of {_first(group, bad)}: {got[where]!r} where {want[where]!r} is right"


def expiry_problem(group: Group, got: np.ndarray, want: np.ndarray) -> str | None:
    if got.shape != want.shape:
        return f"expiry has the shape {got.shape}"
    bad = got != want
    if not bad.any():
        return None
    where = tuple(index[0] for index in np.nonzero(bad))
    return f"expiry of {_first(group, bad)}: {got[where]} where {want[where]} is right"


def falling_problem(group: Group, tau: np.ndarray) -> str | None:
    starts = group.starts()
    bad = (tau[..., 1:] < tau[..., :-1]) & (starts[1:] == starts[:-1])
    return f"tau falls after {_first(group, bad)}" if bad.any() else None


def _some_queries(group: Group) -> np.ndarray:
    n = group.n
    count = max(16, min(QUERIES, (1 << 25) // n))
    if n <= count:
        return np.arange(n)
    rng = np.random.default_rng(group.seed)
    edges = [0, n - 1, group.window, group.window + group.topk, group.window + group.topk - 1]
    edges += list(group.cu_seqlens or ())[:20]
    edges = [edge for edge in edges if edge < n]
    return np.unique(np.concatenate([edges, rng.integers(0, n, size=count)]).astype(np.int64))


def interior_problem(
    group: Group, u: torch.Tensor, tau: torch.Tensor, n_int: torch.Tensor
) -> str | None:
    """n_int against the scores and the tau that came with it. A difference that is
    subnormal may count as 0 (C5)."""
    if n_int.shape != u.shape:
        return f"n_int has the shape {tuple(n_int.shape)}"
    device, starts = u.device, torch.from_numpy(group.starts()).to(u.device)
    queries = torch.from_numpy(_some_queries(group)).to(device)
    position = torch.arange(group.n, device=device)
    in_pool = position[None, :] <= queries[:, None] - min(group.window, group.n)
    if group.cu_seqlens is not None:
        in_pool &= starts[None, :] == starts[queries][:, None]
    cleaned = torch.where(u.isnan(), -torch.inf, u.clamp(max=F32_MAX)).flatten(0, 1)
    most, least = [], []
    for scores, thresholds in zip(cleaned, tau.flatten(0, 1), strict=True):
        gates = scores[None, :] - thresholds[queries][:, None]
        inside = in_pool & (gates > 0) & (gates < 1)
        most.append(inside.sum(1))
        least.append((inside & (gates >= 2.0**-126)).sum(1))
    got = n_int.flatten(0, 1)[:, queries]
    bad = (got > torch.stack(most)) | (got < torch.stack(least))
    if not bool(bad.any()):
        return None
    row, column = bad.nonzero()[0].tolist()
    return (
        f"n_int of {group.rows[row]}[{int(queries[column])}]: {int(got[row, column])} where "
        f"{int(most[row][column])} is right, {int(bad.sum())} in all"
    )


def problems(
    group: Group,
    u: np.ndarray,
    results: Sequence[torch.Tensor],
    want: tuple[np.ndarray, np.ndarray] | None = None,
) -> list[str]:
    """What is wrong with (tau, expiry, n_int)."""
    want = reference(group, u) if want is None else want
    tau, expiry = (result.cpu().numpy() for result in results[:2])
    if tau.dtype != np.float32 or expiry.dtype != np.int32 or results[2].dtype != torch.int32:
        return [f"element types {tau.dtype}, {expiry.dtype}, {results[2].dtype}"]
    found = [
        tau_problem(group, tau, want[0]),
        expiry_problem(group, expiry, want[1]),
        falling_problem(group, tau),
        interior_problem(group, torch.from_numpy(u).to(results[0].device), results[0], results[2]),
    ]
    return [problem for problem in found if problem]


def oracle_problems(group: Group, u: np.ndarray, results: Sequence[torch.Tensor]) -> list[str]:
    """The same for the first rows of a short group, against the oracle."""
    count = min(len(group.rows), ORACLE_ELEMENTS // group.n**2 + 4)
    tau, expiry = (result.cpu().numpy().reshape(-1, 1, group.n)[:count] for result in results[:2])
    flat = Group(
        group.n, group.topk, group.window, 1, group.rows[:count], group.cu_seqlens, group.seed
    )
    shown = u.reshape(-1, 1, group.n)[:count]
    want = oracle.select(shown, **group.options, cu_seqlens=group.cu_seqlens)
    found = tau_problem(flat, tau, want.exact), expiry_problem(flat, expiry, want.expiry)
    return [f"oracle: {problem}" for problem in found if problem]
