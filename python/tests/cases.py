# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The numeric test matrix: deterministic cases and the tolerances they meet.

A `Config` holds what one compiled kernel fixes, a `Case` adds what may change
from call to call; every config has several cases, so few kernels serve many of
them. Both are chosen from random candidates so that pairs of feature values are
covered early; the seed makes the list the same everywhere.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import ml_dtypes
import numpy as np

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
DTYPES = {"f32": np.dtype(np.float32), "f16": np.dtype(np.float16), "bf16": BFLOAT16}
GATES = ("key_value", "value", "none", "straight_through")
HEAD_DIMS = (8, 16, 64, 80, 96, 128, 256)
LENGTHS = (1, 2, 3, 7, 16, 31, 33, 64, 65, 100, 127, 130, 257)
GROUPS = (1, 2, 3, 5, 6, 7, 12)
TOPKS = (1, 2, 3, 5, 8, 16, 32, 64, 300)
WINDOWS = (0, 1, 2, 5, 16, 33, 64, 300)

CONFIGS = 220
CASES_PER_CONFIG = 10
# Multiply-adds of one dense head product, so that the matrix stays quick even
# for a lowering that computes every pair.
MAX_WORK = 6_000_000


def _special(*values: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Normal scores, a third of them replaced by the given values."""

    def make(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.where(rng.random(n) < 1 / 3, rng.choice(values, size=n), rng.normal(size=n))

    return make


SCORES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "narrow": lambda rng, n: 0.02 * rng.normal(size=n),
    "wide": lambda rng, n: 10 * rng.normal(size=n),
    "shifted": lambda rng, n: 1000 + rng.normal(size=n),
    "ties": lambda rng, n: rng.integers(-3, 4, size=n) / 2,
    "equal": lambda rng, n: np.full(n, rng.normal()),
    "two": lambda rng, n: rng.integers(0, 2, size=n) * 0.75,
    "sorted": lambda rng, n: np.sort(rng.normal(size=n)),
    "reversed": lambda rng, n: np.sort(rng.normal(size=n))[::-1],
    "huge": lambda rng, n: 1e30 * rng.normal(size=n),
    "some_huge": _special(1e30, -1e30, 3e38),
    "denormal": lambda rng, n: 1e-41 * rng.normal(size=n),
    "some_inf": _special(np.inf),
    "some_minus_inf": _special(-np.inf),
    "some_nan": _special(np.nan),
    "some_of_all": _special(np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-41, 0.0, -0.0),
    "all_minus_inf": lambda rng, n: np.full(n, -np.inf),
    "all_nan": lambda rng, n: np.full(n, np.nan),
}


@dataclass(frozen=True)
class Config:
    """What is compiled in: head counts, head sizes, element type, budget, options."""

    hkv: int
    group: int
    shared_scores: bool
    d: int
    dv: int
    dtype: str
    gate: str
    topk: int
    window: int
    sink: bool
    packed: bool
    scale: float | None

    @property
    def hq(self) -> int:
        return self.hkv * self.group

    @property
    def hs(self) -> int:
        return 1 if self.shared_scores else self.hkv


@dataclass(frozen=True)
class Inputs:
    """The arrays of one case; see the shapes in `oracle.py`."""

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    u: np.ndarray
    sink: np.ndarray | None
    cu_seqlens: np.ndarray | None


@dataclass(frozen=True)
class Case:
    """One call of the kernel of `config`."""

    config: Config
    batch: int
    n: int
    m: int
    scores: str
    cu_seqlens: tuple[int, ...] | None
    seed: int

    @property
    def name(self) -> str:
        c = self.config
        parts = [
            f"{c.dtype}-h{c.hq}x{c.hkv}x{c.hs}-d{c.d}x{c.dv}-{c.gate}-k{c.topk}-w{c.window}",
            *(["sink"] if c.sink else []),
            *(["packed"] if c.packed else []),
            f"b{self.batch}-n{self.n}-m{self.m}-{self.scores}-s{self.seed}",
        ]
        return "-".join(parts)

    def inputs(self) -> Inputs:
        """Fresh arrays, the same for every call."""
        c = self.config
        rng = np.random.default_rng([self.seed, 1])
        dtype = DTYPES[c.dtype]

        def normal(*shape: int) -> np.ndarray:
            return rng.normal(size=shape).astype(np.float32).astype(dtype)

        make = SCORES[self.scores]
        u = np.stack([make(rng, self.n) for _ in range(self.batch * c.hs)])
        return Inputs(
            q=normal(self.batch, c.hq, self.m, c.d),
            k=normal(self.batch, c.hkv, self.n, c.d),
            v=normal(self.batch, c.hkv, self.n, c.dv),
            u=u.reshape(self.batch, c.hs, self.n).astype(np.float32),
            sink=rng.normal(size=c.hq).astype(np.float32) if c.sink else None,
            cu_seqlens=None if self.cu_seqlens is None else np.array(self.cu_seqlens, np.int32),
        )


@dataclass(frozen=True)
class ScoreCase:
    """One call of the scoring op: `x[B,N,C]`, `weight[C,Hs]`."""

    batch: int
    n: int
    channels: int
    heads: int
    dtype: str
    slope: float
    norm: str
    special: bool
    seed: int

    @property
    def name(self) -> str:
        special = "-special" if self.special else ""
        return (
            f"{self.dtype}-b{self.batch}-n{self.n}-c{self.channels}-h{self.heads}"
            f"-slope{self.slope:g}-{self.norm}{special}-s{self.seed}"
        )

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, 2])
        dtype = DTYPES[self.dtype]
        x = rng.normal(size=(self.batch, self.n, self.channels)).astype(np.float32)
        if self.special:
            rows = rng.random((self.batch, self.n)) < 0.2
            x[rows, 0] = rng.choice([np.inf, -np.inf, np.nan], size=rows.sum())
        weight = rng.normal(size=(self.channels, self.heads)) / np.sqrt(self.channels)
        return x.astype(dtype), weight.astype(np.float32).astype(dtype)


def _random_config(rng: np.random.Generator) -> Config:
    hkv = int(rng.choice([1, 2, 3, 4], p=[0.35, 0.35, 0.15, 0.15]))
    d = int(rng.choice(HEAD_DIMS, p=[0.3, 0.25, 0.15, 0.1, 0.08, 0.08, 0.04]))
    dv = d if rng.random() < 0.6 else int(rng.choice([8, 16, 24, 64, 96]))
    return Config(
        hkv=hkv,
        group=int(rng.choice(GROUPS, p=[0.25, 0.2, 0.15, 0.1, 0.1, 0.1, 0.1])),
        shared_scores=bool(rng.random() < 0.4),
        d=d,
        dv=dv,
        dtype=str(rng.choice(list(DTYPES))),
        gate=str(rng.choice(GATES, p=[0.4, 0.25, 0.2, 0.15])),
        topk=int(rng.choice(TOPKS)),
        window=int(rng.choice(WINDOWS)),
        sink=bool(rng.random() < 0.35),
        packed=bool(rng.random() < 0.35),
        scale=None if rng.random() < 0.7 else float(rng.choice([0.05, 0.5, 1.0])),
    )


def _random_documents(rng: np.random.Generator, n: int) -> tuple[int, ...]:
    """Cuts of N rows: often with an empty and with a one-token document."""
    cuts = list(rng.integers(0, n + 1, size=int(rng.integers(0, 5))))
    if cuts and rng.random() < 0.5:
        cuts.append(cuts[0])
    if cuts and rng.random() < 0.5:
        cuts.append(min(cuts[0] + 1, n))
    return (0, *(int(c) for c in sorted(cuts)), n)


def _random_case(rng: np.random.Generator, config: Config) -> Case:
    while True:
        batch = 1 if config.packed or rng.random() < 0.75 else 2
        n = int(rng.choice(LENGTHS))
        m = n if config.packed or rng.random() < 0.55 else int(rng.integers(1, n + 1))
        if batch * config.hq * m * n * (config.d + config.dv) <= MAX_WORK:
            break
    return Case(
        config=config,
        batch=batch,
        n=n,
        m=m,
        scores=str(rng.choice(list(SCORES))),
        cu_seqlens=_random_documents(rng, n) if config.packed else None,
        seed=int(rng.integers(1 << 31)),
    )


def config_features(config: Config) -> tuple[tuple[str, object], ...]:
    return (
        ("hkv", config.hkv),
        ("group", config.group),
        ("shared_scores", config.shared_scores),
        ("d", config.d),
        ("dv=d", config.dv == config.d),
        ("dtype", config.dtype),
        ("gate", config.gate),
        ("topk", config.topk),
        ("window", config.window),
        ("sink", config.sink),
        ("packed", config.packed),
    )


def case_features(case: Case) -> tuple[tuple[str, object], ...]:
    return (
        *config_features(case.config),
        ("batch", case.batch),
        ("n", case.n),
        ("m<n", case.m < case.n),
        ("scores", case.scores),
    )


_T = TypeVar("_T")
_Pair = tuple[tuple[str, object], tuple[str, object]]


def pairs(features: tuple[tuple[str, object], ...]) -> set[_Pair]:
    return set(itertools.combinations(features, 2))


def _best_new(candidates: list[_T], features: Callable[[_T], tuple], seen: set[_Pair]) -> _T:
    """The candidate with the most unseen pairs; marks them seen."""
    best = max(candidates, key=lambda c: len(pairs(features(c)) - seen))
    seen |= pairs(features(best))
    return best


@functools.cache
def attention_cases() -> tuple[Case, ...]:
    """All attention cases, those of one config next to each other."""
    rng = np.random.default_rng(20240623)
    seen_configs: set[_Pair] = set()
    seen_cases: set[_Pair] = set()
    cases = []
    for _ in range(CONFIGS):
        configs = [_random_config(rng) for _ in range(12)]
        config = _best_new(configs, config_features, seen_configs)
        for _ in range(CASES_PER_CONFIG):
            candidates = [_random_case(rng, config) for _ in range(4)]
            cases.append(_best_new(candidates, case_features, seen_cases))
    return tuple(cases)


@functools.cache
def score_cases() -> tuple[ScoreCase, ...]:
    """All scoring cases: every combination of the options, sizes at random."""
    rng = np.random.default_rng(20240624)
    options = itertools.product(DTYPES, ("none", "timestep"), (0.0, 1e-3), (False, True))
    cases = []
    for (dtype, norm, slope, special), channels in itertools.product(options, (1, 16, 67)):
        heads = int(rng.choice([1, 2, 3, 4]))
        for n in rng.choice(LENGTHS, size=3, replace=False):
            cases.append(
                ScoreCase(
                    batch=int(rng.integers(1, 3)),
                    n=int(n),
                    channels=channels,
                    heads=heads,
                    dtype=dtype,
                    slope=slope,
                    norm=norm,
                    special=special,
                    seed=int(rng.integers(1 << 31)),
                )
            )
    return tuple(cases)


@dataclass(frozen=True)
class Tolerance:
    """`norm` bounds ||got - want|| / ||want||; elementwise, |got - want| may reach
    `rtol * |want| + atol * unit`, with `unit` the size of the terms summed."""

    norm: float
    rtol: float
    atol: float


# f32: sums of up to 300 products and an exponential whose argument carries the
# error of the logit, a few units of 2^-24 each.
# f16, bf16: sums are f32, so the last rounding dominates: 2^-11 and 2^-8 are
# one unit in the last place. The second such rounding that the norm and atol
# leave room for is that of the probabilities before the product with V.
TOLERANCES = {
    "f32": Tolerance(norm=4e-6, rtol=1e-5, atol=4e-6),
    "f16": Tolerance(norm=2**-10, rtol=2**-10, atol=2**-11),
    "bf16": Tolerance(norm=2**-7, rtol=2**-7, atol=2**-8),
}
# Statistics are f32 whatever the inputs are, which are exact in f64. The unit is
# that of the terms of a logit (lse_unit).
LSE = Tolerance(norm=2e-6, rtol=2e-6, atol=1e-6)
# One rounding of an accurate sum: half a unit in the last place of tau. Near
# zero the unit is that of the scores around it, within 1 of tau.
TAU = Tolerance(norm=np.inf, rtol=2**-23, atol=2**-23)


def lse_unit(q: np.ndarray, k: np.ndarray, scale: float | None) -> float:
    """The largest sum of the magnitudes of a logit's terms, at least 4: an f32
    sum of D products errs in proportion to it, whatever cancels."""
    scale = q.shape[3] ** -0.5 if scale is None else scale
    q, k = (np.abs(a.astype(np.float64)) for a in (q, k))
    k = np.repeat(k, q.shape[1] // k.shape[1], axis=1)
    return max(4.0, scale * float((q @ k.swapaxes(2, 3)).max(initial=0.0)))


def check_close(
    what: str,
    got: np.ndarray,
    want: np.ndarray,
    tolerance: Tolerance,
    unit: float = 1.0,
) -> None:
    """Raises AssertionError with the worst element when `got` is not `want`.

    Infinities and NaNs have to agree exactly.
    """
    got = np.asarray(got).astype(np.float64)
    want = np.asarray(want, dtype=np.float64)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    if not want.size:
        return
    finite = np.isfinite(want)
    # Subtract only where both are finite; elsewhere they are equal or not.
    both = finite & np.isfinite(got)
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    error = np.where(same, 0.0, np.inf)
    error[both] = np.abs(got[both] - want[both])
    allowed = tolerance.atol * unit + tolerance.rtol * np.where(finite, np.abs(want), 0.0)
    if (error > allowed).any():
        worst = np.unravel_index(np.argmax(error - allowed), error.shape)
        raise AssertionError(
            f"{what}{list(map(int, worst))}: got {got[worst]!r}, expected {want[worst]!r} "
            f"within {allowed[worst]:.3g}; {int((error > allowed).sum())} of {want.size} differ"
        )
    # The norm is a bound for the whole, so it takes part of the unit for the
    # cases that have nothing but cancelled sums in them.
    scale = np.linalg.norm(want[both]) + 0.1 * unit * np.sqrt(both.sum())
    if scale > 0:
        relative = np.linalg.norm(error[both]) / scale
        assert relative <= tolerance.norm, (
            f"{what}: relative error {relative:.3g}, allowed {tolerance.norm:.3g}"
        )
