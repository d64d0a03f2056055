# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The bookkeeping of the GPU benchmark: FLOPs, and its tables."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from hopper import report  # noqa: E402
from hopper.inputs import SCORES, Geometry, executed_flops, make_scores  # noqa: E402
from hopper.selection import select  # noqa: E402


@pytest.mark.parametrize("n, topk, window", ((10, 3, 4), (10, 20, 5), (7, 3, 4), (9, 4, 0)))
def test_useful_flops(n, topk, window):
    geometry = Geometry(n, topk, window, 6, 2, 16)
    pairs = sum(min(t + 1, topk + window) for t in range(n))
    assert geometry.useful_flops == 4 * 6 * 16 * pairs
    assert geometry.dense_flops == 4 * 6 * 16 * sum(range(1, n + 1))


@pytest.mark.parametrize("topk, window", ((20, 30), (20, 0), (500, 7)))
def test_executed_flops(topk, window):
    """Against lists that are made pair by pair."""
    geometry, positions, keys = Geometry(300, topk, window, 8, 2, 16), 32, 16
    _, expiry = select(make_scores("random", 2, 300, "cpu"), topk=topk, window=window)
    slots = 0
    t = torch.arange(300)
    birth = t + window
    for head in range(2):
        chosen = (birth[None, :] <= t[:, None]) & (t[:, None] < expiry[0, head][None, :])
        recent = (t[None, :] <= t[:, None]) & (t[None, :] > t[:, None] - window)
        for first in range(0, 300, positions):
            rows = slice(first, first + positions)
            # A key is listed once for its life in the window and once for that after.
            length = int(chosen[rows].any(0).sum() + recent[rows].any(0).sum())
            slots += max(1, -(-length // keys))
    got = executed_flops(geometry, expiry, positions, keys, samples=10**6)
    # Every tile is sampled, of one of the heads.
    assert got == pytest.approx(4 * 16 * 128 * keys * slots, rel=0.06)


def test_scores():
    for kind in SCORES:
        scores = make_scores(kind, 2, 4096, "cpu")
        assert scores.shape == (1, 2, 4096) and abs(float(scores.std()) - 1) < 0.2
    assert bool((make_scores("recency", 1, 99, "cpu").diff() >= 0).all())
    with pytest.raises(ValueError, match="random, recency, clustered"):
        make_scores("no", 1, 1, "cpu")


def test_tables():
    geometry = Geometry(65536, 1024, 1024, 32, 8, 128)
    base = dataclasses.asdict(geometry)
    # Dense attention was timed with another k and w.
    dense = dataclasses.asdict(dataclasses.replace(geometry, topk=512))
    ours = {"executed_tflops": 520.0, "table_ms": 0.02, "whole_ms": 4.02, "workspace_share": 0.004}

    def row(where, who, family, ms, tflops, **more):
        figures = {"ms": ms, "useful_tflops": tflops, "own_tflops": tflops}
        return {**where, "who": who, "family": family, **figures, **more}

    rows = [
        row(base, "none random", "sparsek", 4.0, 500.0, **ours),
        row(base, "fa4_window", "peer", 3.0, 550.0),
        row(dense, "cudnn_dense", "peer", 60.0, 590.0),
        row(dense, "fa4_dense", "peer", 50.0, 650.0),
        {**base, "who": "flex", "family": "peer", "error": "out of memory"},
    ]
    text = report.markdown({"machine": {"device": "H200"}, "rows": rows, "skipped": ["a", "b"]})
    line = next(line for line in text.splitlines() if "none random" in line)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[5:] == ["4.000", "500", "520", "0.75", "0.020", "4.020", "0.40", "550",
                         "50.000 (fa4_dense)", "12.44"]  # fmt: skip
    assert "flex: out of memory" in text and "before 2 more" in text
