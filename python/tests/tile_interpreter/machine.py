# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs one block of a kernel."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

from .agents import ROWS, Agent, Ring, RowMap, Step, TileError
from .ops import execute
from .syntax import Block, Op


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
        consumer_rows = re.search(r"consumer_rows = (\d+)", kernel.attributes.get("schedule", ""))
        self.fragment_rows = int(consumer_rows[1]) if consumer_rows else ROWS
        self.turns: dict[int, int] = {}  # arrivals at the barrier of each consumer

    def run(self) -> None:
        """Raises TileError for a broken rule or a deadlock."""
        common = Agent(self, self.kernel.text("sym_name"), 0, 1, 1)
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
            together = 4 if warps % 4 == 0 else 1
            for group in range(warps // together):
                name = f"{role.text('role')} {group}"
                agent = Agent(self, name, group, warps // together, together)
                agents.append((agent, self.run_block(agent, role.regions[0])))
        self.schedule(agents)

    def run_block(self, agent: Agent, body: Block) -> Step:
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
