# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times scores, selection, and both with attention on a Hopper GPU.

usage: python benchmarks/selection.py [--quick] [--parts PART ...] [--budget-seconds S]
                                      [--output FOLDER]

`selection` times `sparsek.torch.select` for many distributions of scores beside
torch.topk and torch.sort, `score` times `sparsek.torch.score` beside a copy, and
`end-to-end` times everything from x to o beside cuDNN's and FlashAttention-4's
attention (the latter where `flash_attn.cute` can be imported). Everything is
replayed from CUDA graphs on random data, and compared with the CPU code before.
What is measured is written after each step: `selection-<gpu>.json`, and at the end
`selection-<gpu>.md` beside it, in the folder that --output names.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import gc
import json
import math
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

try:
    import torch

    import sparsek.torch as sparsek_torch
    from hopper import ours, peers, replay, rows, selection_report, timing
    from hopper.inputs import GATES, MAX_SETS, ROTATED_BYTES, Geometry, Tensors
    from hopper.machine import machine
    from hopper.selection_report import INTERIOR, SELECT
except ImportError as error:
    sys.exit(f"error: this needs PyTorch and sparsek: {error}")

PARTS = ("selection", "score", "end-to-end")
# Rows, N, k, w.
SHAPES = (
    (8, 65536, 1024, 1024),
    (1, 1048576, 1024, 1024),
    (8, 4096, 1024, 1024),
    (8, 16384, 1024, 1024),
    (1, 65536, 1024, 1024),
    (8, 131072, 1024, 1024),
    (8, 65536, 64, 1024),
    (8, 65536, 4096, 1024),
)
SCORE_LENGTH = 65536
SCORE_SHAPES = ((4096, 8), (4096, 1), (8192, 8))  # C and Hs
FEATURES = 4096
HEADS = (32, 8, 128)  # Hq, Hkv, D
LENGTHS = (
    (65536, 1024),
    *((n, 512) for n in (4096, 2048, 8192, 16384)),
    *((n, 1024) for n in (131072, 32768, 16384, 8192, 4096)),
)
QUICK_SHAPES, QUICK_LENGTHS = SHAPES[:3], LENGTHS[:2]
QUICK_SECONDS = 40.0
OTHERS = ("torch.topk", "torch.sort", "matmul", *peers.NAMES)


@dataclasses.dataclass(frozen=True)
class Step:
    """Something to time; it yields rows of figures."""

    name: str
    run: Callable[[], Iterator[dict[str, Any]]]


def timed(
    base: dict[str, Any], contenders: dict[str, replay.Calls], key: str = "what"
) -> Iterator[dict[str, Any]]:
    """A row for each contender."""
    times, errors = replay.measure(contenders)
    for name in contenders:
        figures = {"error": errors[name]} if name in errors else dataclasses.asdict(times[name])
        yield {**base, key: name, **figures}


def explain(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"


# ---- Selection ----


def run_selection(
    count: int, n: int, topk: int, window: int, kinds: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    base = {"part": "selection", "rows": count, "n": n, "topk": topk, "window": window}
    budget = {"topk": topk, "window": window}
    peer_sets = None
    for kind in kinds:
        sets = rows.score_sets(kind, count, n)
        peer_sets = peer_sets or sets
        contenders: dict[str, replay.Calls] = {}
        spaces = {}
        for what in (SELECT, INTERIOR):
            select = functools.partial(
                sparsek_torch.select, **budget, return_interior=what == INTERIOR
            )
            calls = [functools.partial(select, scores) for scores in sets]
            try:
                problem = rows.selection_problem(sets[0], calls[0](), **budget)
                spaces[what] = replay.workspace_bytes(calls[0])
            except Exception as error:
                problem = explain(error)
            if problem:
                yield {**base, "kind": kind, "what": what, "error": problem}
            else:
                contenders[what] = calls
        for row in timed({**base, "kind": kind}, contenders):
            yield {**row, "workspace_bytes": spaces[row["what"]]}
    contenders = {
        "torch.topk": [functools.partial(torch.topk, scores, min(topk, n)) for scores in peer_sets],
        "torch.sort": [functools.partial(torch.sort, scores) for scores in peer_sets],
    }
    yield from timed({**base, "kind": "random"}, contenders)


# ---- Score ----


def copy_rate() -> float:
    """Bytes that a copy reads and writes in a second."""
    source = torch.empty(2**31, dtype=torch.uint8, device="cuda").random_()
    target = torch.empty_like(source)
    times, _ = timing.measure({"copy": [lambda: target.copy_(source)]})
    return 2 * source.numel() / times["copy"].median * 1e3


def run_score(n: int, features: int, heads: int, copy: float) -> Iterator[dict[str, Any]]:
    base = {"part": "score", "n": n, "features": features, "heads": heads}
    x = torch.randn(1, n, features, device="cuda", dtype=torch.bfloat16)
    weight = torch.randn(features, heads, device="cuda", dtype=torch.bfloat16) * features**-0.5
    contenders: dict[str, replay.Calls] = {"matmul": [lambda: x @ weight]}
    for norm in ("none", "timestep"):
        call = functools.partial(sparsek_torch.score, x, weight, norm=norm)
        try:
            problem = rows.score_problem(x, weight, call(), norm)
        except Exception as error:
            problem = explain(error)
        if problem:
            yield {**base, "what": norm, "error": problem}
        else:
            contenders[norm] = [call]
    for row in timed(base, contenders):
        if "ms" in row:
            rate = x.numel() * x.element_size() / row["ms"] * 1e3
            row |= {"gbytes_per_second": rate / 1e9, "share_of_copy": rate / copy,
                    "share_of_copy_reads": 2 * rate / copy}  # fmt: skip
        yield row


# ---- From x to o ----


def run_end_to_end(n: int, budget: int, gates: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    geometry = Geometry(n, budget, budget, *HEADS)
    options = {"topk": budget, "window": budget}
    base = {"part": "end-to-end", **dataclasses.asdict(geometry), "features": FEATURES}
    tensors = Tensors(geometry)
    x_count = min(MAX_SETS, max(1, math.ceil(ROTATED_BYTES / (2 * n * FEATURES))))
    xs = [torch.randn(1, n, FEATURES, device="cuda", dtype=torch.bfloat16) for _ in range(x_count)]
    sets = [(xs[index % x_count], *one) for index, one in enumerate(tensors.sets)]
    weight = torch.randn(FEATURES, geometry.hkv, device="cuda", dtype=torch.bfloat16)
    weight *= FEATURES**-0.5

    def score(x: torch.Tensor) -> torch.Tensor:
        return sparsek_torch.score(x, weight)

    def whole(gate: str, x: torch.Tensor, *qkv: torch.Tensor) -> torch.Tensor:
        return sparsek_torch.attention(*qkv, score(x), **options, gate=gate)

    scores = [score(x) for x in xs]
    selections = [sparsek_torch.select(u, **options) for u in scores]
    problem = rows.selection_problem(scores[0], selections[0], **options)
    if problem is None:
        problem = rows.score_problem(xs[0], weight, scores[0], "none")
    if problem:
        yield {**base, "what": "whole", "error": problem}
        return
    contenders: dict[str, replay.Calls] = {}
    for gate in gates:
        contenders[f"whole {gate}"] = [functools.partial(whole, gate, *one) for one in sets]
    contenders["score"] = [functools.partial(score, x) for x in xs]
    contenders["select"] = [functools.partial(sparsek_torch.select, u, **options) for u in scores]
    for gate in gates:
        attend = functools.partial(sparsek_torch.gathered_attention, **options, gate=gate)
        contenders[f"attention {gate}"] = [
            functools.partial(attend, *qkv, scores[index % x_count], *selections[index % x_count])
            for index, (_, *qkv) in enumerate(sets)
        ]
    for name, calls in (
        peers.dense_peers(geometry, tensors) | peers.window_peers(geometry, tensors)
    ).items():
        if name != "fa2_dense":
            contenders[name] = calls
    yield from timed(base, contenders)


# ---- All of it ----


def steps(options: argparse.Namespace) -> Iterator[Step]:
    quick = options.quick
    if "selection" in options.parts:
        kinds = rows.QUICK if quick else tuple(rows.DISTRIBUTIONS)
        for count, n, topk, window in QUICK_SHAPES if quick else SHAPES:
            run = functools.partial(run_selection, count, n, topk, window, kinds)
            yield Step(f"selection {count} x {n} k {topk}", run)
    if "score" in options.parts:
        copy = functools.cache(copy_rate)
        for features, heads in SCORE_SHAPES[:1] if quick else SCORE_SHAPES:
            yield Step(
                f"score C {features} Hs {heads}",
                lambda features=features, heads=heads: run_score(
                    SCORE_LENGTH, features, heads, copy()
                ),
            )
    if "end-to-end" in options.parts:
        for n, budget in QUICK_LENGTHS if quick else LENGTHS:
            gates = GATES[::-1][:1] if quick else GATES[::-1]
            run = functools.partial(run_end_to_end, n, budget, gates)
            yield Step(f"end to end N {n} k = w = {budget}", run)


def gpu_name(device: str) -> str:
    """ "NVIDIA H200" is "h200" in the names of files."""
    return re.sub(r"[^a-z0-9]+", "-", device.lower().removeprefix("nvidia")).strip("-")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="some of it, in less than a minute")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument(
        "--budget-seconds",
        type=float,
        help=f"start nothing new after that (default: 1500, quick: {QUICK_SECONDS:.0f})",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(__file__).parent / "results",
        help="folder (default: %(default)s)",
    )
    return parser.parse_args()


def show(row: dict[str, Any]) -> str:
    figures = f"{row['ms']:.4f} ms ({row['method']})" if "ms" in row else row["error"]
    return f"  {row.get('kind', '')} {row['what']}: {figures}"


def main() -> int:
    options = parse()
    if not torch.cuda.is_available():
        print("error: there is no GPU", file=sys.stderr)
        return 1
    started = time.monotonic()
    budget = options.budget_seconds or (QUICK_SECONDS if options.quick else 1500.0)
    where = machine(ours.device_chip())
    stem = f"selection-{gpu_name(where['device'])}" + "-quick" * options.quick
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / f"{stem}.json"
    result: dict[str, Any] = {"machine": where, "rows": [], "skipped": []}
    wanted = list(steps(options))
    # Every capture collects garbage: not among what will never be any.
    gc.collect()
    gc.freeze()
    for index, step in enumerate(wanted):
        begun = time.monotonic()
        if begun - started > budget:
            result["skipped"] = [step.name for step in wanted[index:]]
            break
        print(step.name, flush=True)
        lost = False
        try:
            with torch.no_grad():
                for row in step.run():
                    result["rows"].append(row)
                    print(show(row), flush=True)
        except Exception as error:
            traceback.print_exc()
            result["rows"].append({"part": "step", "what": step.name, "error": explain(error)})
            lost = not usable()
        print(f"  ({time.monotonic() - begun:.1f} s)", flush=True)
        path.write_text(json.dumps(result, indent=1) + "\n")
        if lost:
            result["skipped"] = [step.name for step in wanted[index + 1 :]]
            break
        torch.cuda.empty_cache()
    result["seconds"] = time.monotonic() - started
    path.write_text(json.dumps(result, indent=1) + "\n")
    text = selection_report.markdown(result)
    path.with_suffix(".md").write_text(text)
    print(text)
    failed = [row for row in result["rows"] if "error" in row and row["what"] not in OTHERS]
    return 1 if failed else 0


def usable() -> bool:
    """Whether the device still works."""
    try:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
    except Exception:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
