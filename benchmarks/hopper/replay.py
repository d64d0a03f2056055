# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times calls that are captured into CUDA graphs: what a model that is captured
sees, without the host's part in every launch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from hopper import timing

Calls = Sequence[Callable[[], object]]
# A replay takes about so long, of at most so many calls in a few graphs.
REPLAY_SECONDS, MAX_CALLS, MAX_GRAPHS = 2e-3, 512, 6


@dataclass(frozen=True)
class Measured:
    """Milliseconds of one call, over some samples of `calls` calls each. The method
    is "graph", or "eager" for what cannot be captured, timed call by call."""

    ms: float
    least_ms: float
    most_ms: float
    samples: int
    calls: int
    method: str


@dataclass(frozen=True)
class Replay:
    """What a sample runs, how many calls that is, and how."""

    run: Calls
    calls: int
    method: str


def capture(calls: Calls) -> Replay:
    """Graphs that take turns. Calls that cannot be captured come back as they are."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    with torch.cuda.stream(stream):
        calls[0]()
        begin.record()
        calls[0]()
        end.record()
    stream.synchronize()
    seconds = max(begin.elapsed_time(end) / 1e3, 1e-6)
    groups = split(calls, seconds)
    graphs: list[torch.cuda.CUDAGraph] = []
    try:
        for group in groups:
            graph = torch.cuda.CUDAGraph()
            # They never run at once, and nobody looks at their results.
            with torch.cuda.graph(graph, pool=graphs[0].pool() if graphs else None):
                for call in group:
                    call()
            graphs.append(graph)
    except Exception as error:
        torch.cuda.synchronize()
        print(f"not captured: {type(error).__name__}: {str(error)[:200]}", flush=True)
        return Replay(calls, 1, "eager")
    return Replay([graph.replay for graph in graphs], len(groups[0]), "graph")


def split(calls: Calls, seconds: float) -> list[Calls]:
    """Calls that take so long each for graphs that are equally long, each call in
    one of them; or all calls several times for one graph."""
    chosen = list(calls[:MAX_CALLS])
    wanted = max(1, math.ceil(REPLAY_SECONDS / seconds))
    if len(chosen) <= wanted:
        return [chosen * max(1, min(wanted, MAX_CALLS) // len(chosen))]
    count = min(MAX_GRAPHS, len(chosen) // wanted)
    size = len(chosen) // count
    return [chosen[index * size : (index + 1) * size] for index in range(count)]


def measure(contenders: dict[str, Calls]) -> tuple[dict[str, Measured], dict[str, str]]:
    """Medians for contenders that take turns, and what went wrong with others."""
    replays: dict[str, Replay] = {}
    errors: dict[str, str] = {}
    for name, calls in contenders.items():
        try:
            replays[name] = capture(calls)
        except Exception as error:
            errors[name] = f"{type(error).__name__}: {str(error)[:300]}"
    times, failed = timing.measure({name: replay.run for name, replay in replays.items()})
    measured = {}
    for name, time in times.items():
        replay = replays[name]
        of_one = (value / replay.calls for value in (time.median, time.least, time.most))
        measured[name] = Measured(*of_one, time.samples, replay.calls, replay.method)
    return measured, errors | failed


def workspace_bytes(call: Callable[[], Sequence[torch.Tensor]]) -> int:
    """What a call asks of PyTorch's allocator at most, beyond its results."""
    call()
    torch.cuda.synchronize()
    before = _requested("current")
    torch.cuda.reset_peak_memory_stats()
    results = call()
    peak = _requested("peak")
    return peak - before - sum(result.numel() * result.element_size() for result in results)


def _requested(kind: str) -> int:
    statistics: dict[str, Any] = torch.cuda.memory_stats()
    return statistics[f"requested_bytes.all.{kind}"]
