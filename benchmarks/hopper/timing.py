# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times calls on a GPU with events: medians, without the host's time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

ROUNDS = 3
MIN_SAMPLES, MAX_SAMPLES = 2, 20  # in a round
ROUND_SECONDS = 0.08  # for one contender
CYCLES_PER_SECOND = 2e9  # of the clock that `_sleep` counts, at most


@dataclass(frozen=True)
class Time:
    """Milliseconds of a call."""

    median: float
    least: float
    most: float
    samples: int


class Contender:
    """Calls that do the same on different inputs; they take turns."""

    def __init__(self, calls: Sequence[Callable[[], object]]) -> None:
        self.calls = calls
        self.next = 0
        self.times: list[float] = []
        self.samples = MIN_SAMPLES
        self.host_seconds = 0.0

    def call(self) -> None:
        self.calls[self.next % len(self.calls)]()
        self.next += 1

    def warm_up(self) -> None:
        """Compiles, and finds out how long the host and the device take."""
        self.call()
        torch.cuda.synchronize()
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        started = time.perf_counter()
        begin.record()
        self.call()
        end.record()
        self.host_seconds = time.perf_counter() - started
        torch.cuda.synchronize()
        seconds = max(begin.elapsed_time(end) / 1e3, 1e-6)
        self.samples = min(MAX_SAMPLES, max(MIN_SAMPLES, int(ROUND_SECONDS / seconds)))

    def round(self) -> None:
        """Enqueues all samples of a round behind a pause that is as long as the host
        needs for that, so that events lie as close as the device allows."""
        events = [
            [torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(self.samples)
        ]
        pause = min(0.05, 1.5 * self.host_seconds * self.samples + 1e-4)
        torch.cuda._sleep(int(pause * CYCLES_PER_SECOND))
        for begin, end in events:
            begin.record()
            self.call()
            end.record()
        torch.cuda.synchronize()
        self.times += [begin.elapsed_time(end) for begin, end in events]


def measure(
    contenders: dict[str, Sequence[Callable[[], object]]],
) -> tuple[dict[str, Time], dict[str, str]]:
    """Times of contenders that take turns, so that a change of the clock meets all
    of them; and what went wrong with those that failed."""
    running: dict[str, Contender] = {}
    errors: dict[str, str] = {}
    for name, calls in contenders.items():
        try:
            contender = Contender(calls)
            contender.warm_up()
            running[name] = contender
        except Exception as error:
            errors[name] = f"{type(error).__name__}: {str(error)[:300]}"
    for _ in range(ROUNDS):
        for contender in running.values():
            contender.round()
    times = {}
    for name, contender in running.items():
        values = contender.times
        times[name] = Time(statistics.median(values), min(values), max(values), len(values))
    return times, errors
