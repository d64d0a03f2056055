# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled code against the oracle, over the whole matrix of `cases.py`."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import oracle
import sparsek
from cases import (
    LSE,
    TAU,
    TOLERANCES,
    Case,
    ScoreCase,
    Tolerance,
    attention_cases,
    check_close,
    lse_unit,
    score_cases,
)
from sparsek import _ops

pytestmark = pytest.mark.library


def by_name(case: Case | ScoreCase) -> str:
    return case.name


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the plain functions compile by the reference lowering."""
    monkeypatch.setattr(_ops, "_executable", _compiled_by_reference)


@functools.lru_cache(maxsize=512)
def _compiled_by_reference(text: str) -> sparsek.Executable:
    return sparsek.compile(text, pipeline="sparsek-reference-pipeline")


# The reference lowering is quadratic in N, and slow to compile and to run.
SMALL = [case for case in attention_cases()[::61] if case.n <= 65]


@pytest.mark.parametrize("case", SMALL, ids=by_name)
def test_attention_by_reference(case: Case, reference: None) -> None:
    check_attention(case)


@pytest.mark.parametrize("case", attention_cases(), ids=by_name)
def test_attention(case: Case) -> None:
    check_attention(case)


def check_attention(case: Case) -> None:
    """Selection and attention of one case."""
    c, inputs = case.config, case.inputs()
    budget = {"topk": c.topk, "window": c.window, "cu_seqlens": inputs.cu_seqlens}
    tau, expiry = sparsek.select(inputs.u, **budget)
    check_selection(case, tau, expiry, oracle.select(inputs.u, **budget))

    options = {"gate": c.gate, "scale": c.scale, "sink": inputs.sink, **budget}
    o, lse = sparsek.attention(inputs.q, inputs.k, inputs.v, inputs.u, return_lse=True, **options)
    assert o.dtype == inputs.q.dtype and lse.dtype == np.float32
    # C5 defines the gates by the stored threshold, which was checked above.
    want, want_lse = oracle.attention(inputs.q, inputs.k, inputs.v, inputs.u, tau=tau, **options)
    unit = float(np.abs(inputs.v.astype(np.float32)).max(initial=0))
    check_close("o", o, want, TOLERANCES[c.dtype], unit)
    check_close("lse", lse, want_lse, LSE, lse_unit(inputs.q, inputs.k, options.get("scale")))


def check_selection(
    case: Case, tau: np.ndarray, expiry: np.ndarray, want: oracle.Selection
) -> None:
    assert tau.dtype == np.float32 and expiry.dtype == np.int32
    check_close("tau", tau, want.exact, TAU)
    assert np.array_equal(expiry, want.expiry), "expiry differs"
    for start, end in oracle.documents(case.n, case.cu_seqlens):
        rows = tau[:, :, start:end]
        assert (rows[:, :, 1:] >= rows[:, :, :-1]).all(), "tau decreases"


@pytest.mark.parametrize("case", score_cases()[::25], ids=by_name)
def test_score_by_reference(case: ScoreCase, reference: None) -> None:
    check_score(case)


@pytest.mark.parametrize("case", score_cases(), ids=by_name)
def test_score(case: ScoreCase) -> None:
    check_score(case)


def check_score(case: ScoreCase) -> None:
    x, weight = case.inputs()
    u = sparsek.score(x, weight, slope=case.slope, norm=case.norm)
    want, _ = oracle.score(x, weight, slope=case.slope, norm=case.norm)
    assert u.dtype == np.float32
    finite = np.isfinite(want)
    assert np.array_equal(finite, np.isfinite(u))
    # Which of the three a non-finite row gives is only fixed without the
    # statistics: a NaN and both infinities are no score to normalise.
    if case.norm == "none":
        assert np.array_equal(want[~finite], u[~finite], equal_nan=True)
    # One f32 sum over C terms of unit variance in all. The first rows of a
    # normalised sequence divide by sqrt(1e-5): 300 times the rounding.
    error = 3e-6 if case.norm == "none" else 3e-4
    tolerance = Tolerance(norm=np.inf, rtol=1e-5, atol=error)
    check_close("u", u[finite], want[finite], tolerance)
