# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times calls on a GPU with events: medians, without the host's time."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

MIN_SAMPLES, MAX_SAMPLES = 6, 60
SECONDS = 0.24  # for one contender
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
        self.events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
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
        self.samples = min(MAX_SAMPLES, max(MIN_SAMPLES, int(SECONDS / seconds)))

    def takes(self, turn: int, turns: int) -> bool:
        """Whether one of its samples is in this turn: they are spread evenly."""
        return (turn + 1) * self.samples // turns > turn * self.samples // turns

    def sample(self) -> None:
        """Enqueues a call between two events."""
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        self.call()
        end.record()
        self.events.append((begin, end))

    def times(self) -> list[float]:
        return [begin.elapsed_time(end) for begin, end in self.events]


def take_turn(contenders: Sequence[Contender]) -> None:
    """A sample of each, enqueued behind a pause that is as long as the host needs
    for that, so that events lie as close as the device allows."""
    pause = min(0.05, 1.5 * sum(contender.host_seconds for contender in contenders) + 1e-4)
    torch.cuda._sleep(int(pause * CYCLES_PER_SECOND))
    for contender in contenders:
        contender.sample()
    torch.cuda.synchronize()


def measure(
    contenders: dict[str, Sequence[Callable[[], object]]],
) -> tuple[dict[str, Time], dict[str, str]]:
    """Times of contenders that take turns, call by call in changing order, so that a
    change of the clock, and what a heavy call leaves behind, meets all of them alike;
    and what went wrong with those that failed. A single contender begins each call
    on a device that has just been idle."""
    running: dict[str, Contender] = {}
    errors: dict[str, str] = {}
    for name, calls in contenders.items():
        try:
            contender = Contender(calls)
            contender.warm_up()
            running[name] = contender
        except Exception as error:
            errors[name] = f"{type(error).__name__}: {str(error)[:300]}"
    everyone = list(running.values())
    turns = max((contender.samples for contender in everyone), default=0)
    order = random.Random(0)
    for turn in range(turns):
        order.shuffle(everyone)
        take_turn([contender for contender in everyone if contender.takes(turn, turns)])
    times = {}
    for name, contender in running.items():
        values = contender.times()
        times[name] = Time(statistics.median(values), min(values), max(values), len(values))
    return times, errors
