# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The selection that the GPU benchmark makes its inputs with, against the oracle."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import cases
import oracle

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from hopper.selection import select  # noqa: E402

KINDS = ("normal", "narrow", "wide", "ties", "equal", "two", "sorted", "reversed")
BUDGETS = ((1, 1, 0), (2, 1, 0), (64, 5, 0), (64, 5, 9), (65, 16, 3), (129, 64, 33), (30, 40, 4),
           (200, 16, 300))  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n, topk, window", BUDGETS)
def test_selection(kind, n, topk, window):
    rng = np.random.default_rng(0)
    u = np.stack([cases.SCORES[kind](rng, n) for _ in range(4)]).astype(np.float32)
    u = u.reshape(2, 2, n)
    want = oracle.select(u, topk=topk, window=window)
    tau, expiry = select(torch.from_numpy(u), topk=topk, window=window)
    assert tau.dtype == torch.float32 and expiry.dtype == torch.int32
    assert np.array_equal(expiry.numpy(), want.expiry)
    cases.check_close("tau", tau.numpy(), want.exact, cases.TAU)


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        select(torch.tensor([[[0.0, float("inf")]]]), topk=1, window=0)
