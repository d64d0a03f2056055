# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`sparsek.plot`: what is in the pictures."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import oracle
import sparsek

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

import sparsek.plot  # noqa: E402

pytestmark = pytest.mark.library

BUDGET = {"topk": 4, "window": 3}


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def scores(n=40, heads=None, seed=0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=n if heads is None else (2, heads, n)).astype(np.float32)


def expected(u, topk, window, cu_seqlens=None) -> tuple[np.ndarray, np.ndarray]:
    """`[n,n]` each: the window, and the gates of selected keys, NaN for others."""
    n = u.size
    in_window, gates = np.zeros((n, n), bool), np.full((n, n), np.nan)
    tau = oracle.select(u[None, None], topk=topk, window=window, cu_seqlens=cu_seqlens).tau[0, 0]
    for begin, end in oracle.documents(n, cu_seqlens):
        rows = slice(begin, end)
        t, j = np.mgrid[: end - begin, : end - begin]
        in_window[rows, rows] = (t - window < j) & (j <= t)
        chosen = oracle.members(u[rows], topk, window)
        gates[rows, rows] = np.where(chosen, oracle.gates(u[None, rows], tau[rows, None]), np.nan)
    return in_window, gates


def drawn(ax) -> tuple[np.ndarray, np.ndarray]:
    """The same of a picture."""
    window, gates = (image.get_array() for image in ax.images)
    return ~np.ma.getmaskarray(window), gates.astype(float).filled(np.nan)


def check(ax, u, topk, window, cu_seqlens=None) -> None:
    for got, want in zip(drawn(ax), expected(u, topk, window, cu_seqlens), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)
    selected = ~np.isnan(drawn(ax)[1])
    assert (ax.images[1].get_alpha()[selected] == 1).all()


class TestPairs:
    @pytest.mark.parametrize("topk", (1, 4, 50))
    @pytest.mark.parametrize("window", (0, 3, 50))
    def test_every_pair(self, topk, window):
        u = scores()
        check(sparsek.plot.selection(u, topk, window), u, topk, window)

    def test_ties_and_special_scores(self):
        u = np.round(scores())
        u[[3, 9, 20]] = np.nan, -np.inf, np.inf
        check(sparsek.plot.selection(u, **BUDGET), u, **BUDGET)
        nothing = np.full(12, -np.inf, np.float32)
        check(sparsek.plot.selection(nothing, **BUDGET), nothing, **BUDGET)

    @pytest.mark.parametrize("kind", (list, np.array))
    def test_packed_documents(self, kind):
        u, bounds = scores(), [0, 15, 15, 16, 40]
        ax = sparsek.plot.selection(u, **BUDGET, cu_seqlens=kind(bounds))
        check(ax, u, **BUDGET, cu_seqlens=bounds)

    def test_one_row_of_a_batch(self):
        u = scores(heads=3)
        ax = sparsek.plot.selection(u, **BUDGET, batch=1, head=2)
        check(ax, u[1, 2], **BUDGET)
        check(sparsek.plot.selection(u.astype(np.float64), **BUDGET), u[0, 0], **BUDGET)

    @pytest.mark.parametrize("dtype", ("float32", "bfloat16"))
    def test_tensors(self, dtype):
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        u = torch.from_numpy(scores(heads=1)).to(getattr(torch, dtype)).requires_grad_()
        u = u[1:]
        bounds = torch.tensor([0, 11, 40], dtype=torch.int32)
        ax = sparsek.plot.selection(u, **BUDGET, cu_seqlens=bounds)
        check(ax, u[0, 0].detach().float().numpy(), **BUDGET, cu_seqlens=bounds.tolist())


class TestLong:
    """More positions than the picture has rows and columns."""

    def test_aggregates(self):
        u, size, bounds = scores(101), 20, [0, 30, 101]
        ax = sparsek.plot.selection(u, 12, 7, cu_seqlens=bounds, max_size=size)
        in_window, gates = expected(u, 12, 7, bounds)
        got_window, got_gates = drawn(ax)
        assert got_window.shape == got_gates.shape == (size, size)
        opacity = ax.images[1].get_alpha()
        columns = [[j for j in range(101) if j * size // 101 == c] for c in range(size)]
        for row, column in itertools.product(range(size), range(size)):
            t = (2 * row + 1) * 101 // (2 * size)
            assert t * size // 101 == row
            window = in_window[t, columns[column]].any()
            assert got_window[row, column] == window
            selected = gates[t, columns[column]]
            selected = selected[~np.isnan(selected)]
            if window or not selected.size:
                assert np.isnan(got_gates[row, column])
            else:
                np.testing.assert_allclose(got_gates[row, column], selected.max(), atol=1e-6)
                share = selected.size / len(columns[column])
                np.testing.assert_allclose(opacity[row, column], max(share**0.5, 0.3))

    def test_memory_is_linear(self):
        u = scores(65536)
        sparsek.plot.selection(u[:1000], 64, 64)  # What is loaded and compiled once.
        tracemalloc.start()
        try:
            ax = sparsek.plot.selection(u, 64, 64)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 32 * 2**20
        assert ax.images[1].get_array().shape == (400, 400)


class TestAxes:
    def test_axes_count_positions(self):
        ax = sparsek.plot.selection(scores(101), **BUDGET, max_size=20)
        assert ax.get_xlim() == (-0.5, 100.5) and ax.get_ylim() == (100.5, -0.5)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("key", "query")
        assert ax.images[1].get_clim() == (0.0, 1.0)

    def test_given_axes(self):
        _, (left, right) = plt.subplots(1, 2)
        assert sparsek.plot.selection(scores(), **BUDGET, ax=right) is right
        assert len(right.images) == 2 and not left.images

    def test_marginals(self):
        u, bounds = scores(), [0, 15, 40]
        ax = sparsek.plot.selection(u, **BUDGET, cu_seqlens=bounds)
        _, above, beside, _ = ax.figure.axes
        np.testing.assert_array_equal(above.lines[0].get_ydata(), u)
        tau, _ = sparsek.select(u[None, None], **BUDGET, cu_seqlens=bounds)
        for line, (begin, end) in zip(beside.lines, itertools.pairwise(bounds), strict=True):
            want = np.where(np.isfinite(tau[0, 0]), tau[0, 0], np.nan)[begin:end]
            np.testing.assert_array_equal(line.get_xdata(), want)
            np.testing.assert_array_equal(line.get_ydata(), np.arange(begin, end))
        ax = sparsek.plot.selection(u, **BUDGET, marginals=False)
        assert len(ax.figure.axes) == 2  # The picture and the bar of its colours.

    def test_scores_of_long_sequences_are_ranges(self):
        u = scores(101)
        u[:7] = -np.inf
        ax = sparsek.plot.selection(u, **BUDGET, max_size=20)
        (area,) = ax.figure.axes[1].collections
        heights = area.get_paths()[0].vertices[:, 1]
        finite = u[7:]
        assert heights.max() == finite.max() and heights.min() == finite.min()

    def test_it_can_be_drawn(self, tmp_path):
        for n in (1, 2, 300, 2000):
            ax = sparsek.plot.selection(scores(n), 24, 32, cu_seqlens=[0, 1, n])
            ax.figure.savefig(tmp_path / "selection.png")
        assert (tmp_path / "selection.png").read_bytes().startswith(b"\x89PNG")


class TestRefusals:
    @pytest.mark.parametrize(
        "u, options, kind, message",
        (
            (scores()[None], {}, ValueError, r"must be \[N\] or \[B,Hs,N\], got shape \(1, 40\)"),
            (scores(0), {}, ValueError, "the number of scores must be at least 1"),
            (scores(heads=3), {"head": 3}, ValueError, "head must be from 0 to 2, got 3"),
            (scores(heads=3), {"batch": -1}, ValueError, "batch must be from 0 to 1, got -1"),
            (scores(), {"topk": 0}, ValueError, "topk must be from 1"),
            (scores(), {"window": 1.5}, TypeError, "window must be an integer"),
            (scores(), {"max_size": 0}, ValueError, "max_size must be from 1"),
            (scores(), {"cu_seqlens": [0, 39]}, ValueError, "must rise from 0 to N = 40"),
            (scores(heads=1), {"cu_seqlens": [0, 40]}, ValueError, "a batch of 1, got B = 2"),
        ),
    )
    def test_arguments(self, u, options, kind, message):
        with pytest.raises(kind, match=message):
            sparsek.plot.selection(u, **{**BUDGET, **options})
        assert not plt.get_fignums()


class TestImport:
    @staticmethod
    def run(code: str, *paths: Path) -> subprocess.CompletedProcess:
        found = [*map(str, paths), str(Path(sparsek.__file__).parents[1])]
        code = f"import sys; sys.path[:0] = {found!r}\n{code}"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    def test_without_matplotlib(self, tmp_path):
        (tmp_path / "matplotlib.py").write_text("raise ImportError('not here')\n")
        result = self.run("import sparsek, sparsek.plot", tmp_path)
        message = (
            "ImportError: sparsek.plot needs matplotlib (pip install 'sparsek[plot]'): not here"
        )
        assert message in result.stderr

    def test_the_package_alone_does_not_load_it(self):
        result = self.run("import sparsek; sparsek.select; print('matplotlib' in sys.modules)")
        assert result.stdout == "False\n", result.stderr

    def test_neither_pytorch_nor_pyplot_is_loaded(self):
        code = "import sparsek.plot; print({'torch', 'matplotlib.pyplot'} & {*sys.modules})"
        result = self.run(code)
        assert result.stdout == "set()\n", result.stderr
