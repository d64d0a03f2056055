# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Who may touch shared memory when: a happens-before check by vector clocks.

Every access to shared memory has a number, counted over the CTA. An access
belongs to an *agent*: a warp itself, its cp.async copies, its wgmma reads, its
bulk copies. A warp knows, per agent, the number up to which that agent's
accesses happened before now; barriers hand this knowledge on. An access races
with an earlier one that conflicts and that the warp does not know of. The
verdict does not depend on the order in which the emulator ran the warps.

Besides what happened before, a warp knows what a proxy fence has made visible
to the asynchronous proxy; wgmma and bulk stores may read only that.

Within a warp, lanes are ordered by bar.warp.sync and barriers only: an access
by one lane to what another lane wrote needs one of them in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import (
    BarrierMisuse,
    CopyNotComplete,
    DataRace,
    EmulatorError,
    MissingProxyFence,
    OperandOverwritten,
    UninitialisedRead,
)

if TYPE_CHECKING:
    from .ptx import Statement
    from .warp import Warp

FOREVER = np.int64(1 << 62)
# In place of a lane: an atomic access, which does not race with another one.
ATOMIC = -9
ALL_LANES = -2


class Knowledge:
    """What happened before (`seen`) and what of it passed a proxy fence (`fenced`), per agent."""

    __slots__ = ("fenced", "seen")

    def __init__(self, seen: np.ndarray, fenced: np.ndarray) -> None:
        self.seen, self.fenced = seen, fenced

    def copy(self) -> Knowledge:
        """An independent copy."""
        return Knowledge(self.seen.copy(), self.fenced.copy())

    def join(self, other: Knowledge) -> None:
        """Adds what `other` knows."""
        np.maximum(self.seen, other.seen, out=self.seen)
        np.maximum(self.fenced, other.fenced, out=self.fenced)


class Clock:
    """The knowledge of one warp.

    `synced`: own accesses up to this number are known to all its lanes. `lanes`:
    lanes with accesses after it. `parts`: knowledge that only some lanes have.
    """

    __slots__ = ("known", "lanes", "parts", "synced", "wrote")

    def __init__(self, known: Knowledge) -> None:
        self.known = known
        self.synced, self.lanes, self.wrote = 0, 0, 0
        self.parts: dict[int, Knowledge] = {}


class RaceDetector:
    """The shadow of a CTA's shared memory. `granule`: log2 of the bytes told apart."""

    def __init__(
        self, size: int, granule: int, warps: int, statements: list[Statement], strict_lanes: bool
    ) -> None:
        self.granule, self.warps, self.statements = granule, warps, statements
        self.strict = strict_lanes
        count = (size >> granule) + 1
        # Agents: warps, their wgmma reads, their bulk reads; their copies, their bulk writes.
        self.wgmma, self.bulk_read, self.copy, self.bulk_write = (warps * k for k in (1, 2, 3, 4))
        self.nobody, self.barrier = 5 * warps, 5 * warps + 1
        self.last = np.empty((count, 3), np.int32)  # number, agent, lane of the last write
        self.last[:] = (0, self.nobody, 0)
        self.reads = np.zeros((count, 3 * warps), np.int32)  # number of the last read per agent
        self.reader = np.zeros(count, np.int8)  # a lane of the last read
        self.number = 0
        self.places = [0]  # statement of each access
        self.clocks = []
        for w in range(warps):
            seen = np.zeros(5 * warps + 2, np.int64)
            fenced = np.zeros(5 * warps + 2, np.int64)
            seen[w] = FOREVER
            fenced[self.bulk_write : self.nobody] = FOREVER
            seen[self.nobody :] = fenced[self.nobody :] = -1
            self.clocks.append(Clock(Knowledge(seen, fenced)))
        self.spans: dict[int, np.ndarray] = {}

    # ---- numbering
    def next(self, pc: int) -> int:
        """The number of a new access."""
        self.number += 1
        self.places.append(pc)
        return self.number

    def granules(self, address: np.ndarray, size: int) -> np.ndarray:
        """The granules of accesses of `size` bytes at each address, lane-major."""
        first = address >> self.granule
        count = size >> self.granule
        if count <= 1:
            return first
        span = self.spans.get(count)
        if span is None:
            span = self.spans[count] = np.arange(count)
        return (first[:, None] + span).ravel()

    def knowledge(self, w: Warp) -> Knowledge:
        """What the active lanes know."""
        clock = self.clocks[w.number]
        if not clock.parts:
            return clock.known
        known = clock.known
        for bits, part in clock.parts.items():
            if w.bits & ~bits == 0:
                known = known.copy()
                known.join(part)
        return known

    # ---- accesses
    def read(self, w: Warp, address: np.ndarray, size: int, pc: int, atomic: bool = False) -> None:
        """An ordinary read by the active lanes (`address`: theirs only)."""
        g = self.granules(address, size)
        seq = self.next(pc)
        clock = self.clocks[w.number]
        last = self.last.take(g, 0)
        known = self.knowledge(w)
        bad = last[:, 0] > known.seen.take(last[:, 1])
        if atomic:
            bad &= last[:, 2] != ATOMIC
        if np.count_nonzero(bad):
            self.report(w, g[bad][0], last[bad][0], "read", pc)
        lane = self.lanes_of(w, g)
        if self.strict and clock.wrote > clock.synced:
            self.check_lanes(w, g, last, lane, "read", pc)
        if not atomic:  # an atomic read races with no atomic write, and others are seen there
            self.reads[g, w.number] = seq
            self.reader[g] = lane
        clock.lanes |= w.bits

    def write(self, w: Warp, address: np.ndarray, size: int, pc: int, atomic: bool = False) -> None:
        """An ordinary write by the active lanes."""
        g = self.granules(address, size)
        seq = self.next(pc)
        clock = self.clocks[w.number]
        lane = self.lanes_of(w, g)
        last = self.check_write(w, g, pc, atomic)
        if self.strict and (clock.lanes & ~w.bits or clock.lanes & (clock.lanes - 1)):
            if clock.wrote > clock.synced and not atomic:
                self.check_lanes(w, g, last, lane, "write", pc)
            unsynced = (self.reads[g, w.number] > clock.synced) & (self.reader[g] != lane)
            if np.count_nonzero(unsynced) and not atomic:
                place = self.places[self.reads[g[unsynced][0], w.number]]
                self.fail_lanes(w, g[unsynced][0], f"read at {self.at(place)} by", "write", pc)
        self.last[g, 0], self.last[g, 1] = seq, w.number
        self.last[g, 2] = ATOMIC if atomic else lane
        clock.lanes |= w.bits
        clock.wrote = seq

    def check_write(self, w: Warp, g: np.ndarray, pc: int, atomic: bool = False) -> np.ndarray:
        """Is everything that touched these granules known? Returns their last writes."""
        last = self.last.take(g, 0)
        seen = self.knowledge(w).seen
        bad = last[:, 0] > seen.take(last[:, 1])
        bad &= last[:, 1] != self.nobody
        if atomic:
            bad &= last[:, 2] != ATOMIC
        if np.count_nonzero(bad):
            self.report(w, g[bad][0], last[bad][0], "write", pc)
        reads = self.reads.take(g, 0)
        bad2 = reads > seen[: 3 * self.warps]
        if np.count_nonzero(bad2):
            i, agent = np.argwhere(bad2)[0]
            self.report_read(w, g[i], int(agent), int(reads[i, agent]), pc)
        return last

    def lanes_of(self, w: Warp, g: np.ndarray) -> np.ndarray:
        """The active lane that each of the granules belongs to; they are lane-major."""
        return w.lane_numbers if len(g) == w.lanes else np.repeat(w.lane_numbers, len(g) // w.lanes)

    def async_write(
        self, w: Warp, g: np.ndarray, agent: int, pc: int, lane: np.ndarray | None = None
    ) -> int:
        """A write by the warp's copies (`agent`: self.copy or self.bulk_write); its number.

        `lane`: the lane that issues it, if not all active ones do so alike.
        """
        last = self.check_write(w, g, pc)
        clock = self.clocks[w.number]
        if self.strict and clock.wrote > clock.synced:
            lane = self.lanes_of(w, g) if lane is None else lane
            self.check_lanes(w, g, last, lane, "asynchronous write", pc)
        seq = self.next(pc)
        self.last[g, 0], self.last[g, 1], self.last[g, 2] = seq, agent + w.number, ALL_LANES
        return seq

    def async_read(self, w: Warp, g: np.ndarray, agent: int, pc: int) -> int:
        """A read through the asynchronous proxy (self.wgmma or self.bulk_read); its number."""
        seq = self.next(pc)
        last = self.last.take(g, 0)
        known = self.knowledge(w)
        bad = last[:, 0] > known.seen.take(last[:, 1])
        if np.count_nonzero(bad):
            self.report(w, g[bad][0], last[bad][0], "read", pc)
        unfenced = last[:, 0] > known.fenced.take(last[:, 1])
        if np.count_nonzero(unfenced):
            number, agent_of_write, _ = last[unfenced][0]
            raise MissingProxyFence(
                f"the asynchronous proxy reads shared address {self.address(g[unfenced][0])}, "
                f"written {self.by(agent_of_write)} at {self.at(self.places[number])}, without a "
                "fence.proxy.async by the writer before it signals or by the reader after it waits"
            )
        self.reads[g, agent + w.number] = seq
        return seq

    # ---- knowledge
    def completed(self, w: Warp, agent: int, number: int) -> None:
        """The warp has waited for its own asynchronous accesses up to `number`."""
        seen = self.clocks[w.number].known.seen
        seen[agent + w.number] = max(seen[agent + w.number], number)

    def proxy_fence(self, w: Warp) -> None:
        """fence.proxy.async: what the warp knows becomes visible to the asynchronous proxy."""
        clock = self.clocks[w.number]
        known = self.knowledge(w).seen.copy()
        known[w.number] = self.own(w, clock)
        np.maximum(clock.known.fenced, known, out=clock.known.fenced)
        for part in clock.parts.values():
            np.maximum(part.fenced, known, out=part.fenced)

    def own(self, w: Warp, clock: Clock) -> int:
        """Up to which of the warp's own accesses the active lanes can speak for."""
        if w.full or not self.strict or not clock.lanes & ~w.bits:
            return self.number
        return clock.synced

    def release(self, w: Warp) -> Knowledge:
        """What an arrival by the active lanes hands on."""
        known = self.knowledge(w).copy()
        known.seen[w.number] = self.own(w, self.clocks[w.number])
        return known

    def release_copies(self, w: Warp, number: int) -> Knowledge:
        """What the completion of copies up to `number` hands on: the copies, nothing else."""
        nothing = self.nothing()
        nothing.seen[self.copy + w.number] = number
        return nothing

    def nothing(self) -> Knowledge:
        """No knowledge."""
        zero = np.zeros(5 * self.warps + 2, np.int64)
        zero[self.nobody :] = -1
        return Knowledge(zero, zero.copy())

    def acquire(self, w: Warp, other: Knowledge) -> None:
        """The active lanes learn what was released."""
        clock = self.clocks[w.number]
        if w.full or not self.strict:
            clock.known.join(other)
            clock.synced = max(clock.synced, int(other.seen[w.number]))
            return
        part = clock.parts.get(w.bits)
        if part is None:
            part = clock.parts[w.bits] = self.knowledge(w).copy()
        part.join(other)

    def sync_warp(self, w: Warp) -> None:
        """All lanes of the warp learn what any of them knows."""
        clock = self.clocks[w.number]
        for part in clock.parts.values():
            clock.known.join(part)
        clock.parts.clear()
        clock.synced, clock.lanes = self.number, 0

    def mark_barrier(self, g: np.ndarray) -> None:
        """These granules hold an mbarrier now."""
        self.last[g] = (0, self.barrier, 0)
        self.reads[g] = 0

    def unmark_barrier(self, g: np.ndarray) -> None:
        """They are ordinary memory again, not initialised."""
        self.last[g] = (0, self.nobody, 0)

    # ---- reports
    def at(self, pc: int) -> str:
        """A statement's line and text."""
        s = self.statements[pc]
        return f"line {s.line} `{s}`"

    def by(self, agent: int) -> str:
        """The name of an agent."""
        kind, warp = divmod(int(agent), self.warps)
        names = ("", "a wgmma of ", "a bulk store of ", "a cp.async of ", "a bulk copy of ")
        return f"by {names[kind]}warp {warp}"

    def address(self, granule: int) -> int:
        """The shared address of a granule."""
        return int(granule) << self.granule

    def report(self, w: Warp, granule: int, last: np.ndarray, what: str, pc: int) -> None:
        """Raises for a conflict with an earlier write."""
        number, agent = int(last[0]), int(last[1])
        where = f"shared address {self.address(granule)}"
        if agent == self.nobody:
            raise UninitialisedRead(f"{where} is read and was never written")
        if agent == self.barrier:
            raise BarrierMisuse(f"{what} of {where}, which holds an mbarrier")
        earlier = f"written {self.by(agent)} at {self.at(self.places[number])}"
        if agent >= self.copy:
            raise CopyNotComplete(
                f"{what} of {where}, {earlier}, whose completion was not waited for"
            )
        raise DataRace(f"{what} of {where}, {earlier}; nothing orders the two")

    def report_read(self, w: Warp, granule: int, agent: int, number: int, pc: int) -> None:
        """Raises for a write after a read that is not known to be over."""
        where = f"write to shared address {self.address(granule)}"
        earlier = f"read {self.by(agent)} at {self.at(self.places[number])}"
        if agent >= self.warps:
            raise OperandOverwritten(f"{where}, {earlier}, which may still be reading")
        raise DataRace(f"{where}, {earlier}; nothing orders the two")

    def check_lanes(
        self, w: Warp, g: np.ndarray, last: np.ndarray, lane: np.ndarray, what: str, pc: int
    ) -> None:
        """Raises if another lane of this warp wrote here since the last warp barrier."""
        clock = self.clocks[w.number]
        bad = (last[:, 1] == w.number) & (last[:, 0] > clock.synced) & (last[:, 2] != lane)
        bad &= last[:, 2] != ATOMIC
        if np.count_nonzero(bad):
            number = last[bad][0, 0]
            self.fail_lanes(w, g[bad][0], f"written at {self.at(self.places[number])} by", what, pc)

    def fail_lanes(self, w: Warp, granule: int, earlier: str, what: str, pc: int) -> EmulatorError:
        raise DataRace(
            f"{what} of shared address {self.address(granule)}, {earlier} another lane of the same "
            "warp with no bar.warp.sync in between"
        )
