# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Agents, rings and what they hand over."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from .syntax import Op

if TYPE_CHECKING:
    from .machine import Machine

ROWS = 64  # of a fragment, where the schedule does not say
Step = Generator[Callable[[], bool], None, Any]  # yields what the agent waits for
ELEMENT = {"bf16": ml_dtypes.bfloat16, "f16": np.float16, "f32": np.float32, "i32": np.int32}


class TileError(Exception):
    """The program broke a rule; the message names the agent, the op and its line."""


@dataclasses.dataclass
class RowMap:
    positions: int
    heads: int
    group: int


@dataclasses.dataclass
class KeySlot:
    """One slot of a key list: index, birth, death, score of each key, and flags."""

    keys: np.ndarray
    flags: set[str]


class Ring:
    """A ring of slots with the two barriers of each, counted instead of by parity."""

    def __init__(self, name: str, op: Op) -> None:
        self.name = name
        self.type = op.result_types[0]
        sizes = [int(n) for n in re.findall(r"\d+", self.type)]
        self.slots = sizes[0]
        self.fills, self.drains = op.integer("fills"), op.integer("drains")
        self.full = [0] * self.slots  # arrivals
        self.free = [0] * self.slots
        self.data: list[Any] = [None] * self.slots
        # What was committed with each slot: a list and a position in it.
        self.committed_with: list[tuple[Ring, int] | None] = [None] * self.slots

    def use(self, position: int) -> tuple[int, int]:
        return position % self.slots, position // self.slots

    def is_free(self, position: int) -> bool:
        slot, use = self.use(position)
        return self.free[slot] == use * self.drains

    def is_full(self, position: int) -> bool:
        slot, use = self.use(position)
        return self.full[slot] == (use + 1) * self.fills


@dataclasses.dataclass(eq=False)
class Product:
    """A product that runs on; `compute` reads its slots when it ends."""

    compute: Callable[[], np.ndarray]
    value: np.ndarray | None = None


class Agent:
    """One warp that fills rings, or one warpgroup that computes.

    `group` counts the agents of a role, `groups` of them; each has `warps` warps.
    """

    def __init__(self, machine: Machine, name: str, group: int, groups: int, warps: int) -> None:
        self.machine, self.name, self.warps = machine, name, warps
        self.group, self.groups = group, groups
        self.values = dict(machine.values)
        self.held: set[tuple[Ring, int]] = set()
        self.filling: set[tuple[Ring, int]] = set()
        self.products: list[Product] = []
        self.blocked_at: Op | None = None

    def fail(self, op: Op, message: str) -> TileError:
        return TileError(f"{self.name}, line {op.line}, {op.name}: {message}")

    def read(self, op: Op, ring: Ring, position: int) -> Any:
        """The content of an acquired slot. Raises TileError where it is not held."""
        if (ring, position) not in self.held:
            raise self.fail(op, f"reads {ring.name}[{position}] without having acquired it")
        return ring.data[position % ring.slots]

    def write(self, op: Op, ring: Ring, position: int, data: Any) -> None:
        """Fills a reserved slot. Raises TileError where it is not reserved."""
        if (ring, position) not in self.filling:
            raise self.fail(op, f"writes {ring.name}[{position}] without having reserved it")
        ring.data[position % ring.slots] = data

    def finish(self, op: Op) -> None:
        if self.held or self.filling or self.products:
            slots = [f"{ring.name}[{position}]" for ring, position in self.held | self.filling]
            raise TileError(f"{self.name} ends with {slots} and {len(self.products)} products")
