# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pictures, with matplotlib.

Letters in shapes: B batch, Hs score heads, N positions. C1... name the
constraints in docs/Semantics.md.
"""

from __future__ import annotations

try:
    import matplotlib
except ImportError as error:
    raise ImportError(
        f"sparsek.plot needs matplotlib (pip install 'sparsek[plot]'): {error}"
    ) from error

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.axes_grid1 import make_axes_locatable

from sparsek import _checks, _ops

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes

__all__ = ["selection"]

_WINDOW = "#8fb0d9"
_LINES = "#444444"
_FAINTEST = 0.3
# From a gate just above 0, which must differ from the background, to a gate of 1.
_GATES = LinearSegmentedColormap.from_list(
    "sparsek_gates", matplotlib.colormaps["YlOrRd"](np.linspace(0.2, 1.0, 256))
)


def selection(
    scores: np.ndarray | torch.Tensor,
    topk: int,
    window: int,
    *,
    cu_seqlens: np.ndarray | torch.Tensor | Sequence[int] | None = None,
    head: int = 0,
    batch: int = 0,
    ax: Axes | None = None,
    max_size: int = 400,
    marginals: bool = True,
) -> Axes:
    """Draws which keys every query sees: a row for each query, a column for each
    key, the window in one colour and the selected keys in that of their gate (C2-C5).

    `scores` are `[N]` or `[B,Hs,N]`, of which `batch` and `head` name a row; they are
    taken as f32. `cu_seqlens[S+1]` cuts the positions into documents. With
    `marginals` the scores are drawn above the picture and tau to its right. The
    picture is drawn into `ax`, by default into a new figure, and its axes are
    returned: `images[0]` is the window and `images[1]` the gates, masked arrays.

    Of more than `max_size` positions, one query in every N / max_size is shown, and
    columns of as many keys: with the largest gate of their selected keys, fainter the
    fewer these are, or as window where a key is in it. Memory grows only as N does.

    Raises ImportError where matplotlib is missing, TypeError and ValueError for
    arguments that are not these, and SparsekError if the compiler is missing.
    """
    u, bounds = _row(scores, batch, head, cu_seqlens)
    size = _checks.integer("max_size", max_size, 1)
    tau, expiry = _ops.select(
        u[None, None],
        topk=topk,
        window=window,
        cu_seqlens=None if cu_seqlens is None else bounds.astype(np.int32),
    )
    shown = min(size, u.size)
    in_window, gates, share = _picture(u, tau[0, 0], expiry[0, 0], int(window), bounds, shown)

    if ax is None:
        from matplotlib import pyplot  # which chooses a backend: only where one is needed

        _, ax = pyplot.subplots(figsize=(7.2, 6.4))
    edges = (-0.5, u.size - 0.5, u.size - 0.5, -0.5)
    options = {"extent": edges, "aspect": "auto", "interpolation": "nearest"}
    ax.imshow(in_window, cmap=ListedColormap([_WINDOW]), **options)
    # By the square root: of long sequences next to nothing is selected.
    opacity = np.maximum(np.sqrt(share), _FAINTEST)
    image = ax.imshow(gates, cmap=_GATES, vmin=0.0, vmax=1.0, alpha=opacity, **options)
    for bound in np.unique(bounds[1:-1]):
        for line in (ax.axhline, ax.axvline):
            line(bound - 0.5, color=_LINES, linewidth=0.6, linestyle=":")
    ax.set_xlabel("key")
    ax.set_ylabel("query")
    # Above the diagonal there is nothing to hide.
    ax.legend(
        handles=[Patch(color=_WINDOW, label=f"window of {window}")],
        title=f"topk = {topk}",
        loc="upper right",
    )
    divider = make_axes_locatable(ax)
    if marginals:
        _draw_scores(divider.append_axes("top", "16%", pad=0.08, sharex=ax), u, shown)
        _draw_tau(divider.append_axes("right", "14%", pad=0.08, sharey=ax), tau[0, 0], bounds)
    bar = divider.append_axes("right", "3%", pad=0.12)
    ax.figure.colorbar(image, cax=bar, label="gate of a selected key")
    return ax


def _row(scores: Any, batch: int, head: int, cu_seqlens: Any) -> tuple[np.ndarray, np.ndarray]:
    """One row of the scores, `[N]`, as C8 has them, and the bounds of the documents."""
    array = _to_numpy(scores)
    if array.ndim not in (1, 3):
        raise ValueError(f"scores must be [N] or [B,Hs,N], got shape {array.shape}")
    array = array if array.ndim == 3 else array[None, None]
    for name, index, size in (("batch", batch, array.shape[0]), ("head", head, array.shape[1])):
        if not 0 <= index < size:
            raise ValueError(f"{name} must be from 0 to {size - 1}, got {index}")
    _checks.nonzero(("the number of scores", array.shape[2]))
    if cu_seqlens is None:
        bounds = np.array([0, array.shape[2]])
    else:
        bounds = _ops._cu_seqlens(_to_numpy(cu_seqlens), array.shape[0], array.shape[2])
    u = array[batch, head].astype(np.float32)
    u = np.where(np.isnan(u), -np.inf, np.minimum(u, np.float32(_checks.MAX_F32)))
    return u.astype(np.float32), bounds.astype(np.int64)


def _to_numpy(value: Any) -> np.ndarray:
    """The array, or what is in a tensor on any device. PyTorch is not imported for it."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if value.dtype.is_floating_point:  # NumPy has no bf16
            value = value.float()
        value = value.numpy()
    return np.asarray(value)


def _picture(
    u: np.ndarray,
    tau: np.ndarray,
    expiry: np.ndarray,
    window: int,
    bounds: np.ndarray,
    size: int,
) -> tuple[np.ma.MaskedArray, np.ma.MaskedArray, np.ndarray]:
    """For `size` queries and `size` columns of keys: where the window is, the largest
    gate of the selected keys elsewhere, and how much of a column they are."""
    n = u.size
    in_window, gates = (
        np.ma.array(np.zeros((size, size), np.float32), mask=True) for _ in range(2)
    )
    share = np.zeros((size, size))
    column = np.arange(n) * size // n
    widths = np.bincount(column)
    for row in range(size):
        t = (2 * row + 1) * n // (2 * size)
        start = bounds[np.searchsorted(bounds, t, side="right") - 1]
        pool = slice(start, max(start, t - window + 1))
        alive = start + np.flatnonzero(t - start < expiry[pool])  # Born they are, in the pool.
        with np.errstate(over="ignore"):
            gate = np.clip(u[alive] - tau[t], 0.0, 1.0)
        largest = np.full(size, -1.0, np.float32)
        np.maximum.at(largest, column[alive], gate)
        gates[row, largest >= 0] = largest[largest >= 0]
        share[row] = np.bincount(column[alive], minlength=size) / widths
        if pool.stop <= t:
            seen = slice(column[pool.stop], column[t] + 1)
            in_window[row, seen] = 1.0
            gates[row, seen] = np.ma.masked
    return in_window, gates, share


def _draw_scores(ax: Axes, u: np.ndarray, size: int) -> None:
    """Scores, as the range of each column where that holds many keys."""
    # Infinite scores (+inf became the largest number, C8) would flatten all others.
    finite = np.where(np.abs(u) < _checks.MAX_F32, u, np.nan)
    if size == u.size:
        ax.plot(finite, linestyle="none", marker=".", markersize=2, color=_LINES)
    else:
        edges = np.arange(size) * u.size // size
        low = np.fmin.reduceat(finite, edges)
        high = np.fmax.reduceat(finite, edges)
        ax.fill_between(edges, low, high, color=_LINES, linewidth=0)
    ax.set_ylabel("score")
    ax.tick_params(labelbottom=False)


def _draw_tau(ax: Axes, tau: np.ndarray, bounds: np.ndarray) -> None:
    """The threshold of every query, from the first that has one on."""
    for begin, end in itertools.pairwise(bounds):
        ax.plot(
            np.where(np.isfinite(tau[begin:end]), tau[begin:end], np.nan),
            np.arange(begin, end),
            color=_LINES,
            linewidth=1,
        )
    ax.set_xlabel("tau")
    ax.xaxis.set_major_locator(MaxNLocator(2, steps=(1, 2, 5, 10), min_n_ticks=1))
    ax.tick_params(labelleft=False)
