# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The matrix of the GPU tests: few kernels, many calls of each.

A `Variant` is what one kernel fixes, and a compilation; a `Case` is one call.
Both are random with a fixed seed, chosen so that pairs of features are covered
early, as in `cases.py`, whose scores they use.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

import numpy as np

import cases
from sparsek import _cuda

VARIANTS = int(os.environ.get("SPARSEK_GPU_VARIANTS", "60"))
PORTABLE_CHIP = "sm_80"  # whose kernels run on all later devices
CASES_PER_VARIANT = int(os.environ.get("SPARSEK_GPU_CASES", "36"))

HEAD_DIMS = (8, 16, 24, 40, 64, 72, 80, 96, 104, 128, 136, 160, 192, 200, 256)
GROUPS = (1, 2, 3, 4, 5, 6, 7, 8, 12, 32, 130)
GATES = ("key_value", "value", "none")
# Around the sizes of tiles (128 rows), slots of keys (64, 128) and chunks (512).
LENGTHS = (1, 2, 3, 7, 31, 33, 64, 65, 127, 128, 129, 255, 257, 384, 511, 513, 640,
           1025, 1025, 1500, 1500, 2049, 2049, 2500)  # fmt: skip
TOPKS = (1, 2, 3, 5, 8, 31, 32, 64, 100, 128, 200, 257, 513, 4000)
WINDOWS = (0, 1, 2, 5, 16, 33, 64, 127, 128, 129, 200, 300, 513, 5000)
LAYOUTS = ("contiguous", "positions first", "padded")
# Elements of a matrix of logits, which the reference holds in f64.
MAX_LOGITS = 1 << 24


@dataclass(frozen=True)
class Variant:
    """What is compiled in."""

    dtype: str
    d: int
    dv: int
    group: int
    gate: str
    sink: bool
    packed: bool

    @property
    def name(self) -> str:
        extra = "-sink" * self.sink + "-packed" * self.packed
        return f"{self.dtype}-d{self.d}x{self.dv}-g{self.group}-{self.gate}{extra}"


@dataclass(frozen=True)
class Case:
    """One call. `cu_seqlens` is None unless packed."""

    variant: Variant
    batch: int
    hkv: int
    hs: int
    n: int
    m: int
    topk: int
    window: int
    scale: float | None
    scores: str
    layout: str
    cu_seqlens: tuple[int, ...] | None
    seed: int

    @property
    def name(self) -> str:
        return (
            f"{self.variant.name}: b{self.batch} hkv{self.hkv} hs{self.hs} n{self.n} m{self.m} "
            f"k{self.topk} w{self.window} scale{self.scale} {self.scores} {self.layout} "
            f"{self.cu_seqlens or ''} seed {self.seed}"
        )


def config_of(variant: Variant, chip: str) -> _cuda.AttentionConfig:
    """What to ask the compiler for."""
    return _cuda.AttentionConfig(
        dtype=variant.dtype,
        head_dim=variant.d,
        value_dim=variant.dv,
        group=variant.group,
        gate=variant.gate,
        sink=variant.sink,
        packed=variant.packed,
        chip=chip,
    )


# The shapes that are timed come first.
_FIXED = (
    Variant("bf16", 128, 128, 4, "key_value", False, False),
    Variant("bf16", 128, 128, 4, "none", False, False),
    Variant("bf16", 128, 128, 1, "key_value", False, False),
    Variant("bf16", 128, 128, 32, "none", False, False),
    Variant("bf16", 64, 64, 4, "key_value", False, False),
    Variant("bf16", 256, 256, 4, "key_value", False, False),
    Variant("f16", 128, 128, 4, "value", True, False),
    Variant("bf16", 128, 128, 4, "key_value", True, True),
)


def _random_variant(rng: np.random.Generator) -> Variant:
    d = int(rng.choice(HEAD_DIMS))
    return Variant(
        dtype=str(rng.choice(["bf16", "f16"], p=[0.6, 0.4])),
        d=d,
        dv=d if rng.random() < 0.5 else int(rng.choice(HEAD_DIMS)),
        group=int(rng.choice(GROUPS)),
        gate=str(rng.choice(GATES, p=[0.5, 0.2, 0.3])),
        sink=bool(rng.random() < 0.35),
        packed=bool(rng.random() < 0.35),
    )


def _variant_features(variant: Variant) -> tuple[tuple[str, object], ...]:
    fields = vars(variant) | {"dv": variant.dv if variant.dv != variant.d else "d"}
    return tuple(fields.items())


@functools.cache
def variants() -> tuple[Variant, ...]:
    """Every pair of values of two features in as few kernels as chance allows."""
    rng = np.random.default_rng(20240625)
    chosen = list(_FIXED[:VARIANTS])
    seen = set().union(*(cases.pairs(_variant_features(variant)) for variant in chosen))
    while len(chosen) < VARIANTS:
        candidates = [_random_variant(rng) for _ in range(40)]
        best = max(candidates, key=lambda one: len(cases.pairs(_variant_features(one)) - seen))
        seen |= cases.pairs(_variant_features(best))
        chosen.append(best)
    return tuple(chosen)


def portable_variants() -> tuple[Variant, ...]:
    """Those that are run in the form for every chip, too: what is timed, and as many more."""
    return variants()[: 2 * len(_FIXED)]


def _random_documents(rng: np.random.Generator, n: int) -> tuple[int, ...]:
    """Cuts of N positions, some at tile boundaries; often an empty document and one
    of one token."""
    cuts = [int(cut) for cut in rng.integers(0, n + 1, size=int(rng.integers(0, 6)))]
    if rng.random() < 0.3:
        cuts.append(min(128, n))
    if cuts and rng.random() < 0.6:
        cuts.append(cuts[0])
    if cuts and rng.random() < 0.6:
        cuts.append(min(cuts[0] + 1, n))
    return (0, *sorted(cuts), n)


def _random_case(rng: np.random.Generator, variant: Variant) -> Case:
    while True:
        batch = 1 if variant.packed or rng.random() < 0.7 else int(rng.integers(2, 4))
        hkv = int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2]))
        n = int(rng.choice(LENGTHS))
        m = n if variant.packed or rng.random() < 0.6 else int(rng.integers(1, n + 1))
        if batch * hkv * variant.group * m * n <= MAX_LOGITS:
            break
    return Case(
        variant=variant,
        batch=batch,
        hkv=hkv,
        hs=1 if rng.random() < 0.4 else hkv,
        n=n,
        m=m,
        topk=int(rng.choice(TOPKS)),
        window=int(rng.choice(WINDOWS)),
        scale=None if rng.random() < 0.7 else float(rng.choice([0.02, 0.3])),
        scores=str(rng.choice(list(cases.SCORES))),
        layout=str(rng.choice(LAYOUTS)),
        cu_seqlens=_random_documents(rng, n) if variant.packed else None,
        seed=int(rng.integers(1 << 31)),
    )


def _case_features(case: Case) -> tuple[tuple[str, object], ...]:
    names = ("batch", "hkv", "hs", "n", "topk", "window", "scores", "layout")
    return (("m<n", case.m < case.n), *((name, getattr(case, name)) for name in names))


@functools.cache
def cases_of(variant: Variant) -> tuple[Case, ...]:
    """The calls of one kernel, the same everywhere."""
    rng = np.random.default_rng([20240626, variants().index(variant)])
    chosen: list[Case] = []
    seen: set = set()
    for _ in range(CASES_PER_VARIANT):
        candidates = [_random_case(rng, variant) for _ in range(4)]
        best = max(candidates, key=lambda one: len(cases.pairs(_case_features(one)) - seen))
        seen |= cases.pairs(_case_features(best))
        chosen.append(best)
    return tuple(chosen)


@dataclass(frozen=True)
class Tolerance:
    """Elementwise |got - want| <= rtol |want| + atol max|v|; for a whole array
    ||got - want|| <= norm (||want|| + a tenth of max|v| per element)."""

    norm: float
    rtol: float
    atol: float


# The kernel rounds twice to the element type, each time by at most half a unit in
# the last place, 2^-8 of the number for bf16 and 2^-11 for f16: the probabilities
# before the product with V (gates are multiplied in before), whose weighted sum
# may be off by that much of max|v|; and the result, by that much of itself, for
# which twice is allowed. All else is f32. Over a whole array most of it averages
# out: a third of the bound is seen, and a little over two are allowed.
TOLERANCES = {
    "bf16": Tolerance(norm=8e-3, rtol=2**-7, atol=2**-8),
    "f16": Tolerance(norm=1e-3, rtol=2**-10, atol=2**-11),
}
# The logarithm of a sum of f32 terms, relative errors of about 2^-22 each from
# ex2.approx, whose arguments carry the error of an f32 sum over D.
LSE = 1e-3
