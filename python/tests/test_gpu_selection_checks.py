# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The checks of selection and scoring on a GPU accept what the CPU computes, and
find what they are for."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
sys.path.insert(0, str(Path(__file__).parent / "gpu"))

import layer_reference  # noqa: E402
import score_reference  # noqa: E402
import selection_cases  # noqa: E402
import sparsek.torch as sparsek_torch  # noqa: E402
from selection_cases import Group  # noqa: E402

pytestmark = pytest.mark.library

GROUPS = (
    Group(129, 8, 5, 2, selection_cases.SHORT_ROWS, None, 1),
    Group(300, 200, 1, 1, selection_cases.SHORT_ROWS, None, 2),
    Group(700, 31, 0, 16, selection_cases.LONG_ROWS, (0, 0, 1, 129, 129, 700), 3),
)


def select(group: Group, u: np.ndarray):
    return sparsek_torch.select(
        torch.from_numpy(u), **group.options, cu_seqlens=group.bounds("cpu"), return_interior=True
    )


def test_groups():
    groups = selection_cases.groups()
    assert selection_cases.case_count() >= 5000
    assert set(itertools.chain(*(group.rows for group in groups))) == set(
        selection_cases.DISTRIBUTIONS
    )
    for group in groups:
        assert len(group.rows) % group.heads == 0
        assert group.cu_seqlens is None or len(group.rows) == group.heads
        starts = group.starts()
        assert (starts <= np.arange(group.n)).all()
    windows = {(g.window > 5, g.window >= g.n, g.window == g.topk) for g in groups}
    assert len(windows) >= 5 and any(g.topk >= g.n > 1 for g in groups)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_what_is_right_passes(group):
    u = group.scores()
    results = select(group, u)
    assert selection_cases.problems(group, u, results) == []
    if group.n < 200:
        assert selection_cases.oracle_problems(group, u, results) == []


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_what_is_wrong_is_found(group):
    u = group.scores()
    row = group.rows.index("narrow")
    place = (row // group.heads, row % group.heads)
    # The last query has a threshold in all of the groups.
    for index, change, words in (
        (0, lambda tau: tau + 3e-5, "tau of narrow"),
        (0, lambda tau: tau - 3e-5, "tau of narrow"),
        (0, lambda tau: tau * 0 - torch.inf, "tau of narrow"),
        (0, lambda tau: tau * torch.nan, "tau of narrow"),
        (0, lambda tau: tau - 1, "tau falls after narrow"),
        (1, lambda expiry: expiry - 1, "expiry of narrow"),
        (2, lambda n_int: n_int + 1, "n_int of narrow"),
        (2, lambda n_int: n_int - 1, "n_int of narrow"),
    ):
        results = [result.clone() for result in select(group, u)]
        results[index][place][-1] = change(results[index][place][-1])
        found = selection_cases.problems(group, u, results)
        assert any(words in problem for problem in found), (words, found)
    assert "element types" in selection_cases.problems(group, u, [r.double() for r in results])[0]


def test_units_in_the_last_place():
    values = np.array([0.0, 1.0, 1.5, 2.0, -(2.0**24), 3.4e38, 1e-42])
    got = selection_cases.ulp(values)
    assert got.tolist() == [2.0**-149, 2.0**-23, 2.0**-23, 2.0**-22, 2.0, 2.0**104, 2.0**-149]


OPTIONS = (
    {},
    {"slope": 1e-2, "offset": 77},
    {"norm": "timestep"},
    {"norm": "timestep", "slope": 0.1},
)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("special", (False, True))
@pytest.mark.parametrize("dtype", (torch.bfloat16, torch.float32), ids=str)
def test_scores(options, special, dtype):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 301, 200, generator=generator).to(dtype)
    weight = torch.randn(200, 3, generator=generator).to(dtype) / 14
    if special:
        x[:, ::7, 3], x[:, 5::11, 4], x[:, 6::13, 5] = torch.inf, torch.nan, -torch.inf
    want = score_reference.score(x, weight, **options)
    got = sparsek_torch.score(x, weight, **options)
    assert score_reference.problem(got, want) is None
    wrong = got.clone()
    wrong[1, 2, 299] += 4e-3
    assert "score [1,2,299] is" in score_reference.problem(wrong, want)
    rounded = got.bfloat16().float()
    assert "in all" in score_reference.problem(rounded, want)
    if options.get("norm") == "timestep" and not options.get("offset"):
        _, statistics = sparsek_torch.score(x, weight, **options, return_statistics=True)
        torch.testing.assert_close(statistics, want.statistics, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("packed", (False, True))
def test_layer(packed):
    with torch.no_grad():
        options = {"score_norm": "timestep", "sink": True} if packed else {}
        layer = layer_reference.make_layer(torch.bfloat16, "cpu", **options)
        x, bounds = layer_reference.inputs_of_layer(torch.bfloat16, "cpu", packed=packed)
        assert layer_reference.compare_layer(layer, x, bounds) is None
        wrong = layer(x, cu_seqlens=bounds)
        wrong[:, 100:200] *= 1.2
        assert "relative error" in layer_reference.compare_layer(layer, x, bounds, wrong)


def test_flipped_selections():
    some = torch.tensor([[[5, 9, 2**31 - 1, 4]]])
    other = torch.tensor([[[5, 7, 8, 4]]])
    n = torch.zeros(1, 1, 6, dtype=torch.int64)
    some, other = (torch.cat([one, n], 2) for one in (some, other))
    assert layer_reference.flipped(some, other, None)[0].nonzero().flatten().tolist() == [7, 8, 9]
