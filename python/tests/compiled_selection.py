# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles the selection to PTX and runs it in the emulator against the float64 oracle."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

import oracle
from cases import SCORES
from compiled_kernels import Compiled, compile_source
from emulator import selection


@functools.lru_cache(maxsize=8)
def compile_selection(packed: bool = False, chip: str = "sm_90a") -> Compiled:
    """The selection's kernels, for any number of heads.

    Raises RuntimeError with the compiler's messages.
    """
    scores, positions = (f"tensor<{1 if packed else '?'}x1x?x{t}>" for t in ("f32", "i32"))
    extra, types, parameter = "", scores, ""
    if packed:
        extra, parameter = " cu_seqlens(%c)", ", %c: tensor<?xi32>"
        types = f"{scores}, tensor<?xi32>"
    return compile_source(
        f"func.func @f(%u: {scores}{parameter}) -> ({scores}, {positions}, {positions}) {{\n"
        f"  %t, %e, %n = sparsek.topk_mask %u topk(1) window(1) interior{extra} : {types}\n"
        f"  return %t, %e, %n : {scores}, {positions}, {positions}\n}}\n",
        f"host=false chip={chip} format=ptx",
    )


@dataclasses.dataclass(frozen=True)
class Problem:
    """What one selection gets. scores: a name in `cases.SCORES`.

    size: the number of the kernels' size. merge: whether tiles are merged, or the whole row is
    sorted by digits. These and the sizes of the table may be None: as the number of keys says.
    """

    keys: int = 140
    topk: int = 20
    window: int = 30
    batch: int = 1
    heads: int = 1
    cu_seqlens: tuple[int, ...] | None = None
    scores: str = "normal"
    strided: bool = False  # u with gaps between the heads
    size: int | None = None
    merge: bool | None = None
    bucket_log2: int | None = None
    table_log2: int | None = None
    seed: int = 0

    def make_scores(self) -> np.ndarray:
        """`u[B,Hs,N]`."""
        rng = np.random.default_rng(self.seed)
        make = SCORES[self.scores]
        u = np.stack([make(rng, self.keys) for _ in range(self.batch * self.heads)])
        u = u.reshape(self.batch, self.heads, self.keys).astype(np.float32)
        if self.strided:
            # NaN in between: a score read from there counts as none.
            u = np.pad(u, ((0, 1), (0, 2), (0, 5)), constant_values=np.nan)
            u = u[: self.batch, : self.heads, : self.keys]
        return u

    def options(self) -> dict[str, Any]:
        """For `emulator.selection.prepare` and `select`."""
        cu_seqlens = self.cu_seqlens
        names = ("topk", "window", "size", "merge", "bucket_log2", "table_log2")
        options = {name: getattr(self, name) for name in names}
        options["cu_seqlens"] = None if cu_seqlens is None else np.array(cu_seqlens, np.int32)
        return options


def run(
    problem: Problem, u: np.ndarray, chip: str = "sm_90a", **options: Any
) -> tuple[np.ndarray, ...]:
    """`tau`, `expiry` and `n_int` of the kernels. options: those of the emulator.

    Raises an EmulatorError for a defect of the program.
    """
    compiled = compile_selection(problem.cu_seqlens is not None, chip)
    options = {"seed": problem.seed} | options
    return selection.select(compiled.ptx, compiled.record, u, **problem.options(), **options)


def count_interior(
    u: np.ndarray, tau: np.ndarray, window: int, cu_seqlens: tuple[int, ...] | None
) -> np.ndarray:
    """|I_t| of C7 from the stored scores and thresholds."""
    counts = np.zeros(u.shape, np.int32)
    for b, h in np.ndindex(u.shape[:2]):
        for start, end in oracle.documents(u.shape[2], cu_seqlens):
            rows = np.s_[b, h, start:end]
            inside = oracle.interior(oracle.clean(u[rows]), tau[rows], window)
            counts[rows] = inside.sum(axis=1)
    return counts


def check(problem: Problem, u: np.ndarray | None = None, **options: Any) -> None:
    """Runs the kernels and compares with the oracle. u: scores instead of the problem's own.
    options: chip, and those of the emulator.

    Raises an EmulatorError for a defect of the program, an AssertionError for wrong numbers.
    """
    u = problem.make_scores() if u is None else u
    tau, expiry, n_int = run(problem, u, **options)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = oracle.select(
            u, topk=problem.topk, window=problem.window, cu_seqlens=problem.cu_seqlens
        )
        counts = count_interior(u, tau, problem.window, problem.cu_seqlens)
    np.testing.assert_array_equal(expiry, expected.expiry)
    finite = np.isfinite(expected.exact)
    np.testing.assert_array_equal(np.isneginf(tau), ~finite)
    exact = expected.exact[finite]
    # Toward zero, where the largest f32 has a neighbour.
    nearest = np.abs(exact).astype(np.float32)
    step = (nearest - np.nextafter(nearest, np.float32(0))).astype(np.float64)
    error = np.abs(tau[finite].astype(np.float64) - exact)
    assert (error <= np.maximum(1e-5, 1.5 * step)).all(), error.max()
    for start, end in oracle.documents(problem.keys, problem.cu_seqlens):
        rows = tau[..., start:end]
        assert (rows[..., 1:] >= rows[..., :-1]).all()
    np.testing.assert_array_equal(n_int, counts)
