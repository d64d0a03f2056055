# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Agents, rings and turns of one block."""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Callable, Generator
from typing import Any

import ml_dtypes
import numpy as np

from .syntax import Block, Op

ROWS = 64  # of a fragment
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
    """One warp that fills rings, or one warpgroup that computes."""

    def __init__(self, machine: Machine, name: str, group: int, warps: int) -> None:
        self.machine, self.name, self.group, self.warps = machine, name, group, warps
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


Step = Generator[Callable[[], bool], None, None]


class Machine:
    """One block of a kernel: `run` executes it.

    `arguments` are arrays and scalars by `tile.name`. `seed` picks one of the orders in which the
    agents may run.
    """

    def __init__(
        self, kernel: Op, arguments: dict[str, Any], block: int, blocks: int, thread: int, seed: int
    ) -> None:
        body = kernel.regions[0]
        names = re.findall(r'tile.name = "(\w+)"', kernel.attributes["arg_attrs"])
        missing = [name for name in names if name not in arguments]
        if missing or len(names) != len(body.arguments):
            raise ValueError(f"the kernel takes {names}; not given: {missing}")
        self.kernel = kernel
        self.values: dict[str, Any] = dict(
            zip(body.arguments, (arguments[name] for name in names), strict=True)
        )
        self.block, self.blocks, self.thread = block, blocks, thread
        self.random = random.Random(seed)
        row_map = re.findall(r"\d+", kernel.attributes.get("row_map", ""))
        self.row_map = RowMap(*map(int, row_map)) if row_map else None
        self.turns = [0, 0]  # arrivals at the barrier of each consumer
        self.started: set[int] = set()

    def run(self) -> None:
        """Raises TileError for a broken rule or a deadlock."""
        from .ops import execute

        common = Agent(self, self.kernel.text("sym_name"), 0, 1)
        common.values = self.values
        roles: list[Op] = []
        for op in self.kernel.regions[0].ops:
            if op.name == "tile.role":
                roles.append(op)
            elif op.name == "tile.ring":
                self.values[op.results[0]] = Ring(op.results[0], op)
            else:
                for _ in execute(common, op):
                    raise common.fail(op, "waits outside a role")
        agents = []
        for role in roles:
            warps = role.integer("warps")
            for group in range(max(1, warps // 4)):
                agent = Agent(self, f"{role.text('role')} {group}", group, min(warps, 4))
                agents.append((agent, self.run_block(agent, role.regions[0])))
        self.schedule(agents)

    def run_block(self, agent: Agent, body: Block) -> Step:
        from .ops import execute

        for op in body.ops:
            yield from execute(agent, op)
        agent.finish(self.kernel)

    def schedule(self, agents: list[tuple[Agent, Step]]) -> None:
        """Lets agents go on in random order until all have ended."""
        waiting: dict[int, Callable[[], bool]] = {}
        running = dict(enumerate(agents))
        while running:
            ready = [i for i in running if i not in waiting or waiting[i]()]
            if not ready:
                where = [
                    f"{agent.name} at line {agent.blocked_at.line} ({agent.blocked_at.name})"
                    for agent, _ in running.values()
                    if agent.blocked_at
                ]
                raise TileError(f"deadlock: {'; '.join(where)}")
            i = self.random.choice(ready)
            waiting.pop(i, None)
            try:
                waiting[i] = next(running[i][1])
            except StopIteration:
                del running[i]
