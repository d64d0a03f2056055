# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times the attention forward pass on a Hopper GPU, beside its peers.

usage: python benchmarks/attention.py [--quick] [--budget-seconds S] [--output FOLDER]

The kernels of this project, given tau and expiry, against FlashAttention-4 (with a
window of as many keys, and dense; if `flash_attn.cute` can be imported), cuDNN and
FlashAttention-2 through PyTorch, and FlexAttention with the same mask, all in one
process and in turns. Kernels are checked against float64 before they are timed.
The most telling geometries come first, and what is measured is written after each:
`attention.json`, `attention.md` and plots, in the folder that --output names.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import json
import multiprocessing
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LENGTHS = tuple(1024 << shift for shift in range(1, 8))  # 2K to 128K
BUDGETS = ((1024, 1024), (512, 512), (2048, 512), (1024, 0))
HEADS = ((32, 8), (32, 32), (32, 1), (64, 4))
HEAD_DIMS = (128, 64, 256)

try:
    import torch

    from hopper import ours, peers, report, timing
    from hopper.inputs import GATES, SCORES, Geometry, Tensors
    from hopper.machine import machine
except ImportError as error:
    sys.exit(f"error: this needs PyTorch and sparsek: {error}")


@dataclass(frozen=True)
class Work:
    """A geometry and who is timed on it."""

    geometry: Geometry
    gates: tuple[str, ...] = GATES
    scores: tuple[str, ...] = ("random",)
    dense: bool = False
    flex: bool = False
    portable: bool = False  # also the kernels for sm_80


def plan() -> Iterator[Work]:
    """Everything, the most telling first. A geometry may come again with more."""
    long = 65536
    for heads in ((32, 8), (32, 32), (32, 1)):
        yield Work(Geometry(long, 1024, 1024, *heads, 128), dense=heads == (32, 8))
    for d in (64, 256):
        yield Work(Geometry(long, 1024, 1024, 32, 8, d))
    for n in (4096, 2048, 8192):
        yield Work(Geometry(n, 512, 512, 32, 8, 128), dense=True)
    # All keys are in reach: the early rows of long sequences.
    for heads in HEADS[:3]:
        yield Work(Geometry(2048, 1024, 1024, *heads, 128), dense=True)
    yield Work(Geometry(long, 1024, 1024, 32, 8, 128), scores=SCORES[1:], portable=True)
    yield Work(Geometry(8192, 1024, 1024, 32, 8, 128), dense=True, flex=True)
    # The whole grid.
    for d in HEAD_DIMS:
        for heads in HEADS:
            for topk, window in BUDGETS:
                for n in reversed(LENGTHS):
                    main = (d, heads) == (128, (32, 8))
                    yield Work(
                        Geometry(n, topk, window, *heads, d),
                        scores=SCORES if main else SCORES[:1],
                        dense=True,
                    )


QUICK = 12  # steps of the plan


def chosen_work(options: argparse.Namespace) -> list[Work]:
    """The plan, restricted to what the options name."""
    steps = list(plan())[: QUICK if options.quick else None]
    wanted = []
    for work in steps:
        g = work.geometry
        if options.lengths and g.n not in options.lengths:
            continue
        if options.budgets and (g.topk, g.window) not in options.budgets:
            continue
        if options.heads and (g.hq, g.hkv) not in options.heads:
            continue
        if options.head_dims and g.d not in options.head_dims:
            continue
        gates = tuple(gate for gate in work.gates if gate in options.gates)
        scores = tuple(kind for kind in work.scores if kind in options.scores)
        flex = work.flex and not options.no_flex
        wanted.append(dataclasses.replace(work, gates=gates, scores=scores, flex=flex))
    return wanted


# ---- Measuring ----


class Benchmark:
    """Rows of figures; one for each geometry and contender."""

    def __init__(self, chip: str) -> None:
        self.chip = chip
        self.rows: list[dict[str, Any]] = []
        self.done: set[tuple[Geometry, str]] = set()

    def _row(self, geometry: Geometry, who: str, family: str, **figures: Any) -> None:
        self.rows.append({**dataclasses.asdict(geometry), "who": who, "family": family, **figures})

    def fail(self, geometry: Geometry, error: Exception) -> None:
        self._row(geometry, "all", "sparsek", error=f"{type(error).__name__}: {str(error)[:300]}")

    def run(self, work: Work) -> None:
        geometry = work.geometry
        tensors = Tensors(geometry)
        contenders, kernels = self._ours(work, tensors)
        contenders |= self._peers(work, tensors)
        # What has been timed already is not timed again.
        contenders = {
            name: calls
            for name, calls in contenders.items()
            if (timed_geometry(geometry, name), name) not in self.done
        }
        times, errors = timing.measure(contenders)
        for name, error in errors.items():
            family = "peer" if name in peers.NAMES else "sparsek"
            self._row(geometry, name, family, error=error)
            self.done.add((timed_geometry(geometry, name), name))
        for name, figures in times.items():
            if "/" in name:  # A part of a launch, told with its whole below.
                continue
            base = {"ms": figures.median, "least_ms": figures.least, "most_ms": figures.most,
                    "samples": figures.samples}  # fmt: skip
            base["useful_tflops"] = geometry.useful_flops / figures.median / 1e9
            if name in kernels:
                one = kernels[name]
                whole, table = times.get(f"{name}/whole"), times.get(f"{name}/table")
                self._row(
                    geometry, name, "sparsek", **base,
                    executed_tflops=one.executed_flops / figures.median / 1e9,
                    table_ms=table.median if table else None,
                    whole_ms=whole.median if whole else None,
                    workspace_bytes=one.workspace_bytes,
                    workspace_share=one.workspace_bytes / geometry.key_value_bytes,
                )  # fmt: skip
            else:
                flops = geometry.dense_flops if name in peers.DENSE else geometry.useful_flops
                self._row(geometry, name, "peer", **base, own_tflops=flops / figures.median / 1e9)
            self.done.add((timed_geometry(geometry, name), name))

    def _ours(self, work: Work, tensors: Tensors) -> tuple[dict[str, Any], dict[str, ours.Ours]]:
        contenders: dict[str, Any] = {}
        kernels = {}
        chips = [self.chip] + ["sm_80"] * (work.portable and self.chip != "sm_80")
        for chip in chips:
            for gate in work.gates:
                for scores in work.scores if chip == self.chip else ("random",):
                    name = f"{gate} {scores}" + (" sm_80" if chip != self.chip else "")
                    if (work.geometry, name) in self.done:
                        continue
                    try:
                        one = ours.Ours(work.geometry, tensors, gate, scores, chip)
                        problem = one.problem()
                    except Exception as error:
                        problem = f"{type(error).__name__}: {str(error)[:300]}"
                    if problem:
                        self._row(work.geometry, name, "sparsek", error=problem)
                        continue
                    kernels[name] = one
                    # All of it first: it leaves the table that the kernel alone reads.
                    contenders[f"{name}/whole"] = one.calls("whole")
                    contenders[f"{name}/table"] = one.calls("table")
                    contenders[name] = one.calls("attention")
        return contenders, kernels

    def _peers(self, work: Work, tensors: Tensors) -> dict[str, Any]:
        contenders: dict[str, Any] = peers.window_peers(work.geometry, tensors)
        if work.dense:
            contenders |= peers.dense_peers(work.geometry, tensors)
        if work.flex:
            try:
                contenders |= peers.flex_peers(work.geometry, tensors)
            except Exception as error:
                self._row(
                    work.geometry, "flex", "peer", error=f"{type(error).__name__}: {error}"[:300]
                )
        return contenders


def timed_geometry(geometry: Geometry, who: str) -> Geometry:
    """Dense attention has neither k nor w."""
    return geometry.dense if who in peers.DENSE else geometry


# ---- Compiling before ----


def _warm_ours(arguments: tuple[Geometry, str, str]) -> None:
    ours.kernels(ours.config_of(*arguments))["whole"].prepare(0)


def _warm_fa4(geometry: Geometry, windowed: bool) -> None:
    tensors = Tensors(geometry)
    calls = (peers.window_peers if windowed else peers.dense_peers)(geometry, tensors)
    next(iter(calls.values()))[0]()
    torch.cuda.synchronize()


def prepare(wanted: list[Work], chip: str, workers: int) -> None:
    """Compiles the kernels of this project and of FlashAttention-4 in several
    processes, into the caches on disk."""
    # Each of what is compiled in once, at the first length that it is timed with.
    first = {}
    for work in wanted:
        first.setdefault((work.geometry.hq, work.geometry.hkv, work.geometry.d), work)
    mine = {work.geometry: work for work in first.values()}
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        tasks = {}
        for geometry in mine:
            if peers.fa4() is not None:
                for windowed in (True, False):
                    kind = "window" if windowed else "dense"
                    tasks[pool.submit(_warm_fa4, geometry, windowed)] = (
                        f"FA4 {kind} {geometry.name}"
                    )
        for geometry, work in mine.items():
            for gate in work.gates:
                task = pool.submit(_warm_ours, (geometry, gate, chip))
                tasks[task] = f"{gate} {geometry.name}"
        for task in concurrent.futures.as_completed(tasks):
            if task.exception():
                print(f"could not prepare {tasks[task]}: {str(task.exception())[:200]}", flush=True)


# ---- Options ----


def pair(text: str) -> tuple[int, int]:
    first, _, second = text.replace("/", ",").partition(",")
    return int(first), int(second)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"only the first {QUICK} steps")
    parser.add_argument(
        "--budget-seconds",
        type=float,
        default=3000,
        help="start nothing new after that (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("benchmarks/results/gpu"),
        help="folder (default: %(default)s)",
    )
    parser.add_argument("--lengths", type=int, nargs="+", help="only these N")
    parser.add_argument("--budgets", type=pair, nargs="+", help="only these k,w")
    parser.add_argument("--heads", type=pair, nargs="+", help="only these Hq/Hkv")
    parser.add_argument("--head-dims", type=int, nargs="+", help="only these D")
    parser.add_argument("--gates", nargs="+", choices=GATES, default=GATES)
    parser.add_argument("--scores", nargs="+", choices=SCORES, default=SCORES)
    parser.add_argument("--no-flex", action="store_true", help="FlexAttention compiles for long")
    parser.add_argument("--chip", help="time kernels for this chip (default: the device's)")
    parser.add_argument(
        "--prepare", action="store_true", help="only compile everything, in parallel"
    )
    parser.add_argument(
        "--workers", type=int, default=8, help="processes of --prepare (default: %(default)s)"
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="only launch the first step's kernels once each, for a profiler",
    )
    return parser.parse_args()


def once(work: Work, chip: str) -> None:
    tensors = Tensors(work.geometry)
    for gate in work.gates:
        for scores in work.scores:
            ours.Ours(work.geometry, tensors, gate, scores, chip).calls("whole")[0]()
            torch.cuda.synchronize()


def main() -> int:
    options = parse()
    if not torch.cuda.is_available():
        print("error: there is no GPU", file=sys.stderr)
        return 1
    started = time.monotonic()
    chip = options.chip or ours.device_chip()
    wanted = chosen_work(options)
    if not wanted:
        print("error: the options leave nothing to measure", file=sys.stderr)
        return 2
    if options.prepare:
        prepare(wanted, chip, options.workers)
        print(f"prepared in {time.monotonic() - started:.0f} s", flush=True)
        return 0
    if options.once:
        once(wanted[0], chip)
        return 0

    result: dict[str, Any] = {"machine": machine(chip), "rows": [], "skipped": []}
    times, _ = timing.measure(peers.ceilings())
    result["machine"] |= peers.ceiling_figures({name: one.median for name, one in times.items()})
    try:
        result["machine"] |= ours.compile_times(chip)
    except Exception as error:
        result["machine"]["compile"] = str(error)[:300]
    torch.cuda.empty_cache()
    options.output.mkdir(parents=True, exist_ok=True)
    benchmark = Benchmark(chip)
    for index, work in enumerate(wanted):
        if time.monotonic() - started > options.budget_seconds:
            result["skipped"] = [work.geometry.name for work in wanted[index:]]
            break
        before, begun = len(benchmark.rows), time.monotonic()
        try:
            with torch.no_grad():
                benchmark.run(work)
        except Exception as error:
            benchmark.fail(work.geometry, error)
            if not isinstance(error, torch.OutOfMemoryError):
                traceback.print_exc()
                result["skipped"] = [work.geometry.name for work in wanted[index + 1 :]]
                break  # The device may be unusable now.
        torch.cuda.empty_cache()
        for row in benchmark.rows[before:]:
            figures = (f"{row['ms']:.3f} ms, {row['useful_tflops']:.0f} useful TFLOP/s"
                       if "ms" in row else row["error"])  # fmt: skip
            print(f"{work.geometry.name}: {row['who']}: {figures}", flush=True)
        print(f"  ({time.monotonic() - begun:.1f} s)", flush=True)
        result["rows"] = benchmark.rows
        (options.output / "attention.json").write_text(json.dumps(result, indent=1) + "\n")
    result["seconds"] = time.monotonic() - started
    (options.output / "attention.json").write_text(json.dumps(result, indent=1) + "\n")
    text = report.markdown(result)
    (options.output / "attention.md").write_text(text)
    report.plot(result, options.output)
    print(text)
    failed = [row for row in result["rows"] if row["family"] == "sparsek" and "error" in row]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
