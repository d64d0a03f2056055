# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Markdown tables of what `benchmarks/selection.py` measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hopper.report import cell, table

Row = dict[str, Any]
SELECT, INTERIOR = "tau, expiry", "tau, expiry, n_int"


def _where(row: Row) -> tuple[int, ...]:
    return tuple(row[name] for name in ("rows", "n", "topk", "window"))


def _groups(rows: Iterable[Row]) -> dict[tuple[int, ...], list[Row]]:
    groups: dict[tuple[int, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(_where(row), []).append(row)
    return groups


def _ms(rows: Iterable[Row], **wanted: object) -> float | None:
    for row in rows:
        if "ms" in row and all(row.get(name) == value for name, value in wanted.items()):
            return row["ms"]
    return None


def _ratio(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a / b


def selection_lines(rows: list[Row]) -> list[str]:
    """A line for each shape and budget, and one for each distribution."""
    lines = []
    for where, group in _groups(rows).items():
        count, n, topk, window = where
        timed = {
            what: {row["kind"]: row["ms"] for row in group if row["what"] == what and "ms" in row}
            for what in (SELECT, INTERIOR)
        }
        kinds = timed[INTERIOR] or timed[SELECT]
        fastest, slowest = (
            (function(kinds, key=kinds.get) if kinds else None) for function in (min, max)
        )
        random = timed[INTERIOR].get("random")
        sort = _ms(group, what="torch.sort")
        spaces = [row["workspace_bytes"] for row in group if "workspace_bytes" in row]
        lines.append([
            f"{count} x {n}", f"{topk}, {window}", cell(timed[SELECT].get("random"), 4),
            cell(random, 4), cell(_ms(group, what="torch.topk"), 4), cell(sort, 4),
            cell(_ratio(sort, random), 2),
            f"{kinds[fastest]:.4f} ({fastest})" if kinds else "-",
            f"{kinds[slowest]:.4f} ({slowest})" if kinds else "-",
            cell(kinds[slowest] / kinds[fastest] if kinds else None, 2),
            cell(max(spaces) / (count * n) if spaces else None, 1),
        ])  # fmt: skip
    columns = ("rows x N", "k, w", SELECT, f"{INTERIOR} (random)", "torch.topk", "torch.sort",
               "sort / ours", "fastest", "slowest", "ratio", "workspace bytes per key")  # fmt: skip
    return table(columns, lines)


def distribution_lines(rows: list[Row]) -> list[str]:
    groups = _groups(row for row in rows if row["what"] in (SELECT, INTERIOR))
    names = [f"{count} x {n}, k {topk}" for count, n, topk, _ in groups]
    kinds = dict.fromkeys(row["kind"] for row in rows if row["what"] == INTERIOR)
    return table(
        ("scores", *names),
        (
            [
                kind,
                *(
                    f"{cell(_ms(group, what=SELECT, kind=kind), 4)} / "
                    f"{cell(_ms(group, what=INTERIOR, kind=kind), 4)}"
                    for group in groups.values()
                ),
            ]
            for kind in kinds
        ),
    )


def score_lines(rows: list[Row]) -> list[str]:
    columns = ("N", "C", "Hs", "what", "ms", "GB/s read", "of the copy's reads", "of the copy's "
               "reads and writes")  # fmt: skip
    return table(
        columns,
        (
            [str(row["n"]), str(row["features"]), str(row["heads"]), row["what"],
             cell(row["ms"], 4), cell(row["gbytes_per_second"]),
             cell(row["share_of_copy_reads"], 2), cell(row["share_of_copy"], 2)]
            for row in rows if "ms" in row
        ),
    )  # fmt: skip


def end_to_end_lines(rows: list[Row]) -> list[str]:
    groups: dict[tuple[int, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["n"], row["topk"], row["window"]), []).append(row)
    lines = []
    for (n, topk, window), group in groups.items():
        cudnn, dense, reach = (_ms(group, what=f"{name}") for name in
                               ("cudnn_dense", "fa4_dense", "fa4_window"))  # fmt: skip
        parts = [cell(_ms(group, what=name), 4) for name in ("score", "select")]
        for gate in ("key_value", "none"):
            whole = _ms(group, what=f"whole {gate}")
            if whole is None:
                continue
            lines.append([
                str(n), f"{topk}, {window}", gate, cell(whole, 4), *parts,
                cell(_ms(group, what=f"attention {gate}"), 4), cell(cudnn, 3), cell(dense, 3),
                cell(reach, 3), cell(_ratio(cudnn, whole), 2), cell(_ratio(dense, whole), 2),
                cell(_ratio(reach, whole), 2),
            ])  # fmt: skip
    columns = ("N", "k, w", "gate", "all ms", "score", "select", "attention", "cuDNN dense",
               "FA4 dense", "FA4 window", "x cuDNN dense", "x FA4 dense",
               "x FA4 window")  # fmt: skip
    return table(columns, lines)


def _name(row: Row) -> str:
    told = ("part", "rows", "n", "features", "heads", "topk", "window", "kind", "what")
    return " ".join(f"{name} {row[name]}" for name in told if name in row)


def markdown(result: dict[str, Any]) -> str:
    """The tables, with the machine above and the failures below."""
    parts = {
        name: [row for row in result["rows"] if row["part"] == name]
        for name in ("selection", "score", "end-to-end")
    }
    lines = ["# Scores and selection on a GPU", ""]
    lines += [f"{name}: {value}  " for name, value in result["machine"].items()]
    lines += ["", "Medians, in milliseconds, of replays of CUDA graphs with many calls each; "
              "inputs that would stay in the L2 cache rotate.", ""]  # fmt: skip
    if parts["selection"]:
        timed = parts["selection"]
        lines += ["## Selection", "", "Of rows of N scores: with and without `n_int`, beside "
                  "`torch.topk` (the same k) and `torch.sort` of the same rows. The fastest and "
                  "the slowest distribution of scores are with `n_int`; the workspace is what "
                  "PyTorch's allocator hands out during the call, beyond the results.",
                  ""]  # fmt: skip
        lines += selection_lines(timed)
        lines += ["", f"`{SELECT}` / `{INTERIOR}` by distribution:", ""]
        lines += [*distribution_lines(timed), ""]
    if parts["score"]:
        lines += ["## Score", "", "x[1,N,C] in bf16, read once. A copy reads half of what its rate "
                  "counts; `matmul` is `x @ weight` in PyTorch, rounded to bf16.", ""]  # fmt: skip
        lines += [*score_lines(parts["score"]), ""]
    if parts["end-to-end"]:
        lines += ["## From x to o", "", "Score, selection and attention in one graph, and each by "
                  "itself, of 32/8 heads, D = 128, C = 4096, bf16; `x` are ratios to others' "
                  "attention alone.", ""]  # fmt: skip
        lines += [*end_to_end_lines(parts["end-to-end"]), ""]
    failed = [row for row in result["rows"] if "error" in row]
    if failed:
        lines += ["## Failed", "", *(f"- {_name(row)}: {row['error']}" for row in failed), ""]
    eager = [row for row in result["rows"] if row.get("method") == "eager"]
    if eager:
        lines += ["## Not captured", "", "Timed call by call:", ""]
        lines += [*(f"- {_name(row)}" for row in eager), ""]
    if result["skipped"]:
        lines += [f"Time was up before: {', '.join(result['skipped'])}.", ""]
    return "\n".join(lines).rstrip("\n") + "\n"
