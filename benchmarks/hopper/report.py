# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Markdown tables and plots of what `benchmarks/attention.py` measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hopper.inputs import Geometry
from hopper.peers import DENSE

Row = dict[str, Any]


def geometry_of(row: Row) -> Geometry:
    return Geometry(*(row[field] for field in ("n", "topk", "window", "hq", "hkv", "d")))


def cell(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def table(columns: Iterable[str], lines: Iterable[Iterable[str]]) -> list[str]:
    columns = list(columns)
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return head + ["| " + " | ".join(line) + " |" for line in lines]


def _by_geometry(rows: list[Row]) -> dict[Geometry, dict[str, Row]]:
    groups: dict[Geometry, dict[str, Row]] = {}
    for row in rows:
        groups.setdefault(geometry_of(row), {})[row["who"]] = row
    return groups


def _ms(row: Row | None) -> float | None:
    return None if row is None or "ms" not in row else row["ms"]


def _fastest_dense(rows: list[Row]) -> dict[Geometry, tuple[float, str]]:
    """By `Geometry.dense`: milliseconds and name."""
    fastest: dict[Geometry, tuple[float, str]] = {}
    for row in rows:
        if row["who"] in DENSE and "ms" in row:
            key = geometry_of(row).dense
            fastest[key] = min(fastest.get(key, (math.inf, "")), (row["ms"], row["who"]))
    return fastest


def markdown(result: dict[str, Any]) -> str:
    """The tables, with the machine above and the failures below."""
    groups, dense_times = _by_geometry(result["rows"]), _fastest_dense(result["rows"])
    machine = result["machine"]
    lines = ["# Attention forward on a GPU", ""]
    lines += [f"{name}: {value}  " for name, value in machine.items()]
    lines += ["", "bf16, B = 1, M = N. Times are medians. TFLOP/s are *useful* ones, "
              "`4 Hq D sum_t min(t + 1, k + w)`, unless they are called executed; `x` is the "
              "ratio of useful TFLOP/s to FlashAttention-4 with a window of k + w keys. "
              "`attention` is the attention kernel alone, given its table; `table` the kernel "
              "that makes that; the speed-up is that of both. The workspace is told in percent "
              "of K and V.", ""]  # fmt: skip
    columns = ["N", "k, w", "heads", "D", "kernel", "attention ms", "TFLOP/s", "executed", "x",
               "table ms", "both ms", "workspace %", "FA4 window TFLOP/s", "fastest dense ms",
               "speed-up"]  # fmt: skip
    shown = []
    for geometry, group in groups.items():
        window, dense = group.get("fa4_window"), dense_times.get(geometry.dense)
        where = [str(geometry.n), f"{geometry.topk}, {geometry.window}",
                 f"{geometry.hq}/{geometry.hkv}", str(geometry.d)]  # fmt: skip
        ours = [row for row in group.values() if row["family"] == "sparsek" and "ms" in row]
        for row in ours:
            peer = _ms(window)
            shown.append([
                *where, row["who"], cell(row["ms"], 3), cell(row["useful_tflops"]),
                cell(row["executed_tflops"]), cell(peer and peer / row["ms"], 2),
                cell(row["table_ms"], 3), cell(row["whole_ms"], 3),
                cell(100 * row["workspace_share"], 2),
                cell(window and window.get("useful_tflops")),
                f"{dense[0]:.3f} ({dense[1]})" if dense else "-",
                cell(dense and dense[0] / (row["whole_ms"] or row["ms"]), 2),
            ])  # fmt: skip
    lines += table(columns, shown)
    lines += ["", "## Peers", ""]
    peers = [row for row in result["rows"] if row["family"] == "peer" and "ms" in row]
    lines += table(
        ("N", "k, w", "heads", "D", "peer", "ms", "its own TFLOP/s"),
        ([str(row["n"]), f"{row['topk']}, {row['window']}", f"{row['hq']}/{row['hkv']}",
          str(row["d"]), row["who"], cell(row["ms"], 3), cell(row["own_tflops"])]
         for row in peers),
    )  # fmt: skip
    failed = [row for row in result["rows"] if "error" in row]
    if failed:
        lines += ["", "## Failed", ""]
        lines += [f"- {geometry_of(row).name}, {row['who']}: {row['error']}" for row in failed]
    if result["skipped"]:
        lines += ["", f"Time was up before {len(result['skipped'])} more geometries."]
    return "\n".join(lines) + "\n"


def plot(result: dict[str, Any], folder: Path) -> list[Path]:
    """One picture per budget and D, of the heads 32/8: useful TFLOP/s and the
    speed-up over the fastest dense kernel by N. Nothing without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return []
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    groups, dense_times = _by_geometry(result["rows"]), _fastest_dense(result["rows"])
    written = []
    for topk, window, d in sorted({(g.topk, g.window, g.d) for g in groups}):
        chosen = sorted(
            (g for g in groups if (g.topk, g.window, g.d, g.hq, g.hkv) == (topk, window, d, 32, 8)),
            key=lambda g: g.n,
        )
        if len(chosen) < 3:
            continue
        figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
        names = dict.fromkeys(name for g in chosen for name in groups[g])
        for name in names:
            points = [(g.n, groups[g][name]) for g in chosen if "ms" in groups[g].get(name, {})]
            if name not in DENSE:
                left.plot([n for n, _ in points], [row["useful_tflops"] for _, row in points],
                          marker="o", label=name)  # fmt: skip
            ratios = [
                (g.n, dense_times[g.dense][0] / groups[g][name]["ms"])
                for g in chosen
                if "ms" in groups[g].get(name, {}) and g.dense in dense_times
            ]
            if ratios and name not in DENSE:
                right.plot(*zip(*ratios, strict=True), marker="o", label=name)
        left.set(xlabel="N", ylabel="useful TFLOP/s", xscale="log")
        right.set(xlabel="N", ylabel="times the fastest dense kernel", xscale="log", yscale="log")
        left.legend(fontsize=7)
        figure.suptitle(f"k = {topk}, w = {window}, D = {d}, heads 32/8")
        figure.tight_layout()
        path = folder / f"attention-k{topk}-w{window}-d{d}.png"
        figure.savefig(path, dpi=120)
        plt.close(figure)
        written.append(path)
    return written
