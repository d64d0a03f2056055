# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A CTA and a grid: shared memory, barriers, the order in which warps run."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .errors import BarrierMisuse, Deadlock, LaunchError, MemoryFault, StepLimit
from .memory import GlobalMemory
from .program import LOCAL_WINDOW, Program
from .ptx import SHARED_BASE
from .races import Knowledge, RaceDetector
from .warp import LANES, Warp

MAX_SHARED = 227 * 1024


@dataclass
class Mbarrier:
    """An mbarrier object. `gathered` is what this phase's arrivals hand on, `passed` the last's."""

    count: int
    pending: int
    owner: int
    number: int
    gathered: Knowledge
    passed: Knowledge
    phase: int = 0
    transactions: int = 0


@dataclass
class NamedBarrier:
    """One of the 16 CTA barriers."""

    arrived: int = 0
    generation: int = 0
    expected: int = 0
    gathered: Knowledge | None = None
    passed: Knowledge | None = None
    votes: list[Any] = field(default_factory=list)
    results: Any = None
    who: list[int] = field(default_factory=list)


class Cta:
    """One CTA of a grid."""

    def __init__(self, grid: Grid, index: tuple[int, int, int], slot: int) -> None:
        self.grid, self.program, self.index, self.sm = grid, grid.program, index, slot
        end = max(self.program.static_end, self.program.dynamic_base + grid.shared_bytes)
        self.shared_end = end
        # A wgmma tile or vector may be read as words: keep a multiple of 16 bytes.
        self.shared = np.full(-(-end // 16) * 16, 0xFF, np.uint8)
        self.views: dict[type, np.ndarray] = {}
        threads = grid.threads
        count = -(-threads // 32)
        self.races = RaceDetector(
            len(self.shared),
            self.program.granule,
            count,
            self.program.statements,
            grid.strict_lanes,
        )
        self.mbarriers: dict[int, Mbarrier] = {}
        self.named: dict[int, NamedBarrier] = {}
        self.tiles: dict[Any, Any] = {}
        self.warps = [Warp(self, i, min(32, threads - 32 * i)) for i in range(count)]

    def special(self, w: Warp, name: str) -> np.ndarray:
        """A special register's lanes as int64."""
        grid = self.grid
        base, _, axis = name[1:].partition(".")
        i = "xyz".index(axis) if axis else 0
        thread = LANES + 32 * w.number
        bx, by, _ = grid.block
        if base == "tid":
            return (thread % bx, thread // bx % by, thread // (bx * by))[i]
        masks = {"eq": 1 << LANES, "lt": (1 << LANES) - 1, "le": (2 << LANES) - 1}
        masks["gt"], masks["ge"] = ~masks["le"] & 0xFFFFFFFF, ~masks["lt"] & 0xFFFFFFFF
        if base.startswith("lanemask_"):
            return masks[base[-2:]]
        values = {
            "ntid": grid.block[i], "ctaid": self.index[i], "nctaid": grid.dims[i],
            "warpid": w.number, "nwarpid": -(-grid.threads // 32), "smid": self.sm,
            "nsmid": grid.sm_count, "gridid": 1, "dynamic_smem_size": grid.shared_bytes,
            "total_smem_size": self.shared_end, "clusterid": self.index[i],
            "nclusterid": grid.dims[i], "cluster_ctaid": 0, "cluster_nctaid": 1,
            "cluster_ctarank": 0, "cluster_nctarank": 1,
        }  # fmt: skip
        if base == "laneid":
            return LANES
        return np.full(32, values[base])

    # ---- memory
    def typed(self, dtype: type) -> np.ndarray:
        """Shared memory as elements of `dtype`."""
        view = self.views.get(dtype)
        if view is None:
            view = self.views[dtype] = self.shared.view(dtype)
        return view

    def check_shared(self, address: np.ndarray, size: int) -> None:
        """Raises unless accesses of `size` bytes are aligned and inside the CTA's memory."""
        if size > 1 and np.count_nonzero(address & (size - 1)):
            bad = int(address[(address & (size - 1)) != 0][0])
            raise MemoryFault(f"access of {size} bytes is misaligned: shared address {bad}")
        room = self.shared_end - SHARED_BASE - size
        inside = (address - SHARED_BASE).view(np.uint64) <= room
        if np.count_nonzero(inside) != len(address):
            bad = int(address[~inside][0])
            raise MemoryFault(
                f"access of {size} bytes out of bounds: shared address {bad}, the CTA has "
                f"[{SHARED_BASE}, {self.shared_end})"
            )

    def mbarrier(self, w: Warp, address: int) -> Mbarrier:
        """The mbarrier at an address; it must be initialised, as far as this warp can know."""
        found = self.mbarriers.get(address)
        if found is None:
            raise BarrierMisuse(f"shared address {address} holds no initialised mbarrier")
        if self.races.knowledge(w).seen[found.owner] < found.number:
            raise BarrierMisuse(
                f"the initialisation of the mbarrier at {address} by warp {found.owner} is not "
                "ordered before this use"
            )
        return found

    def describe(self) -> list[str]:
        """What each warp that has not ended waits for."""
        lines = []
        for w in self.warps:
            if not w.done:
                lines.append(f"{w.where(w.pc)}{self.reason(w)}")
        return lines

    def reason(self, w: Warp) -> str:
        if not w.blocked:
            return ""
        kind, key, *rest = w.blocked
        if kind == "mbarrier":
            b = self.mbarriers[key]
            return (
                f": waits for parity {rest[0]} of the mbarrier at {key}, which is in phase "
                f"{b.phase} and still expects {b.pending} of {b.count} arrivals and "
                f"{b.transactions} bytes"
            )
        n = self.named[key]
        return f": waits at barrier {key} with {n.arrived} of {n.expected} threads (warps {n.who})"


class Grid:
    """A launch. Up to `resident` CTAs run at a time, their warps interleaved at random."""

    def __init__(
        self,
        program: Program,
        memory: GlobalMemory,
        dims: tuple[int, int, int],
        block: tuple[int, int, int],
        shared_bytes: int,
        sm_count: int,
        resident: int,
        seed: int,
        max_steps: int,
        strict_lanes: bool = True,
    ) -> None:
        self.program, self.memory, self.dims, self.block = program, memory, dims, block
        self.threads = block[0] * block[1] * block[2]
        self.shared_bytes, self.sm_count, self.resident = shared_bytes, sm_count, resident
        self.random = random.Random(seed)
        self.max_steps, self.steps = max_steps, 0
        self.waits: list[tuple[Any, ...]] = []  # what each warp waited for in the rounds before
        self.rounds_waited, self.polls = 0, 0
        self.strict_lanes = strict_lanes
        self.constants: dict[Any, np.ndarray] = {}
        limit = program.function.max_threads()
        if not 1 <= self.threads <= min(1024, limit or 1024):
            raise LaunchError(
                f"{program.function.name} cannot run with {self.threads} threads per CTA; "
                f"its limit is {limit or 1024}"
            )
        if program.dynamic_base + shared_bytes > MAX_SHARED + SHARED_BASE:
            raise LaunchError(
                f"{program.function.name} asks for {shared_bytes} bytes of dynamic shared memory "
                f"after {program.dynamic_base - SHARED_BASE} static ones; a CTA has {MAX_SHARED}"
            )

    def constant(self, key: tuple[Any, ...]) -> np.ndarray:
        """The row of a constant, ("const", bits, dtype); warps share it."""
        row = self.constants.get(key)
        if row is None:
            item = np.dtype(key[2]).itemsize
            unsigned = np.bool_ if key[2] is np.bool_ else np.dtype(f"u{item}")
            value = key[1] & ((1 << 8 * item) - 1)
            row = self.constants[key] = np.full(32, value, unsigned).view(key[2])
        return row

    def run(self) -> None:
        """Runs all CTAs to their end."""
        x, y, z = self.dims
        waiting = [(i, j, k) for k in range(z) for j in range(y) for i in range(x)]
        waiting.reverse()
        slots = list(range(self.resident))[::-1]
        running: list[Cta] = []
        with np.errstate(all="ignore"):
            while waiting or running:
                while waiting and slots:
                    running.append(Cta(self, waiting.pop(), slots.pop()))
                self.round(running)
                for cta in [c for c in running if all(w.done for w in c.warps)]:
                    running.remove(cta)
                    slots.append(cta.sm)

    def round(self, running: list[Cta]) -> None:
        """A slice of every warp, in random order."""
        warps = [w for cta in running for w in cta.warps if not w.done]
        self.random.shuffle(warps)
        before = self.steps
        for w in warps:
            self.steps += w.run(self.random.randint(20, 400))
        idle = self.steps == before or self.only_polled(warps)
        if idle and not all(w.done for w in warps):
            report = [line for cta in running for line in cta.describe()]
            raise Deadlock("no warp can go on:\n  " + "\n  ".join(report))
        if self.steps > self.max_steps:
            report = [line for cta in running for line in cta.describe()]
            raise StepLimit(
                f"no end after {self.steps} warp instructions:\n  " + "\n  ".join(report)
            )

    def only_polled(self, warps: list[Warp]) -> bool:
        """Whether all warps have waited for the same thing, blocked or polling, for some rounds."""
        waits = sorted((*w.cta.index, w.number, w.passed, w.blocked or ()) for w in warps)
        if waits != self.waits or not all(w.blocked for w in warps):
            self.waits, self.rounds_waited = waits, 0
            self.polls = sum(w.polled for w in warps)
            return False
        self.rounds_waited += 1
        # In ten rounds a warp that polls does so at least twice.
        return self.rounds_waited >= 10 and sum(w.polled for w in warps) > self.polls


def local_address(address: np.ndarray) -> np.ndarray:
    """Generic address -> byte in a lane's local memory."""
    return address - LOCAL_WINDOW
