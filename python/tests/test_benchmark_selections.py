# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The benchmark of scores and selection: its inputs, its checks and its tables."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import selection as benchmark  # noqa: E402

import sparsek.torch as sparsek_torch  # noqa: E402
from hopper import replay, rows, selection_report  # noqa: E402
from hopper.selection_report import INTERIOR, SELECT  # noqa: E402

MACHINE = {"device": "NVIDIA H200", "commit": "abc"}
BUDGET = {"topk": 20, "window": 10}


@pytest.mark.parametrize("kind", rows.DISTRIBUTIONS)
def test_scores(kind, monkeypatch):
    monkeypatch.setattr(rows, "ROTATED_BYTES", 3 * 4 * 2 * 777)
    sets = rows.score_sets(kind, 2, 777, "cpu")
    assert len(sets) == 3
    for scores in sets:
        assert scores.shape == (1, 2, 777) and scores.dtype == torch.float32
        assert scores.is_contiguous() and not scores.isnan().any()
    if kind not in ("equal", "one_above"):
        assert not torch.equal(sets[0], sets[1])
    if kind == "rising":
        assert bool((sets[2].diff() >= 0).all())


def test_distributions():
    assert len(rows.DISTRIBUTIONS) >= 13 and set(rows.QUICK) <= set(rows.DISTRIBUTIONS)
    assert len(rows.score_sets("random", 1, 16, "cpu")) == replay.MAX_CALLS


@pytest.mark.parametrize(
    "count, seconds, graphs, size",
    ((1, 0.1, 1, 1), (1, 1e-4, 1, 20), (12, 1e-4, 1, 12), (6, 1e-4, 1, 18), (12, 1e-3, 6, 2),
     (600, 1e-5, 2, 256), (72, 4e-4, 6, 12), (3, 1.0, 3, 1)),
)  # fmt: skip
def test_calls_of_graphs(count, seconds, graphs, size):
    calls = [lambda index=index: index for index in range(count)]
    groups = replay.split(calls, seconds)
    assert [len(group) for group in groups] == [size] * graphs
    told = [call() for group in groups for call in group]
    if graphs > 1:  # Each once.
        assert told == list(range(graphs * size)) and graphs * size <= min(count, 512)
    else:
        assert told == list(range(count)) * (size // count)


@pytest.mark.library
@pytest.mark.parametrize("kind", ("random", "some_infinite", "equal", "around_1000"))
def test_wrong_selections_are_found(kind):
    scores = rows.score_sets(kind, 2, 300, "cpu")[0]
    tau, expiry = sparsek_torch.select(scores, **BUDGET)
    assert rows.selection_problem(scores, (tau, expiry), **BUDGET) is None
    late = expiry.clone()
    late[0, 1, 50] += 1
    assert rows.selection_problem(scores, (tau, late), **BUDGET) == "1 expiries differ"
    high = tau.clone()
    high[0, 1, 299] = high[0, 1, 299] * (1 + 1e-6) + 2e-5
    assert "1 thresholds differ" in rows.selection_problem(scores, (high, expiry), **BUDGET)
    none = tau.clone()
    none[0, 0, 299] = -torch.inf
    assert rows.selection_problem(scores, (none, expiry), **BUDGET) == "tau is -inf elsewhere"


@pytest.mark.library
@pytest.mark.parametrize("norm", ("none", "timestep"))
def test_wrong_scores_are_found(norm):
    x, weight = torch.randn(1, 500, 64), torch.randn(64, 2) / 8
    scores = sparsek_torch.score(x, weight, norm=norm)
    assert rows.score_problem(x, weight, scores, norm, prefix=300) is None
    assert "off by" in rows.score_problem(x, weight, scores + 2e-3, norm, prefix=300)
    scores[0, 1, 400] = torch.nan
    assert "not finite" in rows.score_problem(x, weight, scores, norm, prefix=300)


def cells(text: str, *words: str) -> list[str]:
    """Of the first line of a table with all the words."""
    line = next(
        line for line in text.splitlines() if line[0:1] == "|" and all(w in line for w in words)
    )
    return [cell.strip() for cell in line.strip("|").split("|")]


def figures(ms: float, **more: object) -> dict[str, object]:
    return {"ms": ms, "least_ms": ms, "most_ms": ms, "samples": 60, "calls": 4, "method": "graph",
            **more}  # fmt: skip


def selection_rows() -> list[dict[str, object]]:
    base = {"part": "selection", "rows": 8, "n": 65536, "topk": 1024, "window": 1024}
    less, more = ({"workspace_bytes": 8 * 65536 * size} for size in (60, 64))
    return [
        {**base, "kind": "random", "what": SELECT, **figures(0.1, **less)},
        {**base, "kind": "random", "what": INTERIOR, **figures(0.12, **more)},
        {**base, "kind": "equal", "what": SELECT, **figures(0.09, **less)},
        {**base, "kind": "equal", "what": INTERIOR, **figures(0.15, **more)},
        {**base, "kind": "saw", "what": INTERIOR, "error": "3 expiries differ"},
        {**base, "kind": "random", "what": "torch.topk", **figures(0.16)},
        {**base, "kind": "random", "what": "torch.sort", **figures(0.15) | {"method": "eager"}},
    ]


def end_to_end_rows() -> list[dict[str, object]]:
    base = {"part": "end-to-end", "n": 65536, "topk": 1024, "window": 1024, "hq": 32, "hkv": 8,
            "d": 128, "features": 4096}  # fmt: skip
    times = {"whole key_value": 5.0, "whole none": 4.5, "score": 0.2, "select": 0.1,
             "attention key_value": 4.7, "cudnn_dense": 60.0, "fa4_window": 4.0}  # fmt: skip
    return [{**base, "what": what, **figures(ms)} for what, ms in times.items()]


def test_tables():
    score = {"part": "score", "n": 65536, "features": 4096, "heads": 8, "what": "none"}
    shares = {"gbytes_per_second": 4000.0, "share_of_copy": 0.9, "share_of_copy_reads": 1.8}
    crash = {"part": "step", "what": "score C 8192 Hs 8", "error": "out of memory"}
    result = {
        "machine": MACHINE,
        "rows": [
            *selection_rows(),
            {**score, **figures(0.134, **shares)},
            *end_to_end_rows(),
            crash,
        ],
        "skipped": ["one", "two"],
    }
    text = selection_report.markdown(result)
    assert cells(text, "8 x 65536", "1024, 1024") == [
        "8 x 65536", "1024, 1024", "0.1000", "0.1200", "0.1600", "0.1500", "1.25",
        "0.1200 (random)", "0.1500 (equal)", "1.25", "64.0",
    ]  # fmt: skip
    assert cells(text, "| equal") == ["equal", "0.0900 / 0.1500"]
    assert cells(text, "| 65536 | 4096 |")[2:] == ["8", "none", "0.1340", "4000", "1.80", "0.90"]
    assert cells(text, "key_value")[2:] == [
        "key_value", "5.0000", "0.2000", "0.1000", "4.7000", "60.000", "-", "4.000", "12.00", "-",
        "0.80",
    ]  # fmt: skip
    assert cells(text, "| none | 4.5")[6] == "-"
    assert "kind saw what tau, expiry, n_int: 3 expiries differ" in text
    assert "- part step what score C 8192 Hs 8: out of memory" in text
    assert "Timed call by call:" in text and "what torch.sort" in text
    assert "Time was up before: one, two." in text and "device: NVIDIA H200" in text


@pytest.mark.parametrize("rows_of", (selection_rows, end_to_end_rows, list))
def test_tables_of_parts(rows_of):
    text = selection_report.markdown({"machine": MACHINE, "rows": rows_of(), "skipped": []})
    assert text.startswith("# Scores") and "Time was up" not in text


def test_tables_of_failures():
    failed = [
        {name: value for name, value in row.items() if name not in ("ms", "workspace_bytes")}
        | {"error": "no"}
        for row in (*selection_rows(), *end_to_end_rows())
    ]
    text = selection_report.markdown({"machine": MACHINE, "rows": failed, "skipped": []})
    assert text.count(": no\n") == len(failed)


def test_names_of_files():
    assert benchmark.gpu_name("NVIDIA H200") == "h200"
    assert benchmark.gpu_name("NVIDIA H100 80GB HBM3") == "h100-80gb-hbm3"


def test_parts(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["selection.py"])
    names = [step.name for step in benchmark.steps(benchmark.parse())]
    lengths = {(n, k) for n, k in benchmark.LENGTHS}
    assert {(n, 1024) for n in (4096, 8192, 16384, 32768, 65536, 131072)} <= lengths
    assert {(n, 512) for n in (2048, 4096, 8192, 16384)} <= lengths
    assert len(names) == len(benchmark.SHAPES) + len(benchmark.SCORE_SHAPES) + len(lengths)
    monkeypatch.setattr(sys, "argv", ["selection.py", "--quick", "--parts", "score"])
    assert [step.name for step in benchmark.steps(benchmark.parse())] == ["score C 4096 Hs 8"]
