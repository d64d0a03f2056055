# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A warp: registers, lanes, the stack of divergent paths, and its instruction loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import EmulatorError, RegisterHazard
from .program import BLOCKED, EXIT, Program

if TYPE_CHECKING:
    from .cta import Cta

LANES = np.arange(32)
BIT = (1 << LANES.astype(np.uint64)).astype(np.uint32)
NEVER = -10


def bits_of(mask: np.ndarray) -> int:
    """Lanes as bits of an integer."""
    return int(BIT[mask].sum(dtype=np.uint64))


class Warp:
    """The state of one warp.

    `mask`, `bits`, `lanes`, `lane_numbers`: the active lanes as booleans, as
    bits, their count, their numbers. `full`: all lanes that have not exited are
    active. `join`: the statement at which this path ends; `stack`: the paths
    that wait for it, as (pc, mask, join).
    """

    __slots__ = (
        "alive", "bits", "blocked", "copies", "copy_groups", "cta", "done", "fences", "full",
        "inflight", "join", "lane_numbers", "lanes", "local", "mask", "number", "operands",
        "passed", "pc", "polled", "program", "rows", "stack", "steps", "store_groups", "stores", "unfenced",
        "waiting", "wgmma_groups", "wgmmas",
    )  # fmt: skip

    def __init__(self, cta: Cta, number: int, threads: int) -> None:
        self.cta, self.number, self.program = cta, number, cta.program
        self.alive = threads > LANES
        self.pc, self.join, self.stack = 0, NEVER, []  # type: ignore[var-annotated]
        self.done = False
        self.waiting: Any = None  # what a barrier instruction remembers while it blocks
        self.blocked: Any = None  # what this warp waits for, for the deadlock report
        self.polled = self.passed = 0  # tests of an mbarrier that failed, that succeeded
        self.steps = 0
        # Asynchronous work: numbers of accesses not yet committed, and committed groups.
        self.copies: list[tuple[int, int]] = []
        self.copy_groups: list[list[tuple[int, int]]] = []
        self.wgmmas: list[Any] = []
        self.wgmma_groups: list[list[Any]] = []
        self.stores: list[int] = []
        self.store_groups: list[list[int]] = []
        self.inflight: set[int] = set()  # registers that a wgmma in flight will write
        self.operands: set[int] = set()  # registers that a wgmma in flight reads
        self.fences, self.unfenced = 0, {}  # type: ignore[var-annotated]
        self.local = np.full((32, cta.program.local_bytes), 0xFF, np.uint8)
        self.rows = self.make_rows(cta.program)
        self.activate(self.alive)

    def make_rows(self, program: Program) -> list[np.ndarray]:
        """A view for every slot. Registers start as all ones: NaN, and no valid address."""
        banks = {
            width: np.full((count, 32), -1, np.dtype(f"i{width}"))
            for width, count in program.function.widths.items()
            if width
        }
        banks[0] = np.zeros((program.function.widths[0], 32), np.bool_)
        groups, layout = program.layout()
        views = [list(banks[width].view(dtype)) for width, dtype in groups]
        others = []
        for key in program.others:
            if key[0] == "const":
                others.append(self.cta.grid.constant(key))
            elif key[0] == "special":
                others.append(self.cta.special(self, key[1]).astype(key[2]))
            else:
                others.append(np.zeros(32, key[1]))
        views.append(others)
        return [views[group][number] for group, number in layout]

    # ---- lanes
    def activate(self, mask: np.ndarray) -> None:
        """Makes these lanes the active ones."""
        self.mask = mask
        self.bits = bits_of(mask)
        self.lane_numbers = LANES[mask]
        self.lanes = len(self.lane_numbers)
        self.full = self.lanes == np.count_nonzero(self.alive)

    def narrow(self, mask: np.ndarray) -> tuple[Any, ...]:
        """Activates fewer lanes for one instruction; `restore` takes what this returns."""
        saved = (self.mask, self.bits, self.lane_numbers, self.lanes, self.full)
        self.activate(mask)
        return saved

    def restore(self, saved: tuple[Any, ...]) -> None:
        """Undoes `narrow`."""
        self.mask, self.bits, self.lane_numbers, self.lanes, self.full = saved

    def diverge(self, taken: np.ndarray, target: int, following: int, join: int) -> int:
        """A branch that some lanes take; returns where to go on."""
        return self.split([(self.mask & ~taken, following), (taken, target)], join)

    def split(self, paths: list[tuple[np.ndarray, int]], join: int) -> int:
        """Runs the paths one after the other, the last first, and then all from `join`."""
        self.stack.append((join, self.mask, self.join))
        for mask, pc in paths[:-1]:
            self.stack.append((pc, mask, join))
        self.join = join
        self.activate(paths[-1][0])
        return paths[-1][1]

    def resume(self) -> int:
        """The path has come to its join: takes the next one from the stack; returns its pc."""
        while self.stack:
            pc, mask, self.join = self.stack.pop()
            mask = mask & self.alive
            if np.count_nonzero(mask):
                self.activate(mask)
                return pc
        return self.finish()

    def leave(self, lanes: np.ndarray) -> int | None:
        """These of the active lanes exit; returns where to go on, None: with the next statement."""
        self.alive = self.alive & ~lanes
        rest = self.mask & ~lanes
        if np.count_nonzero(rest):
            self.activate(rest)
            return None
        return self.resume()

    def finish(self) -> int:
        """The last lane has exited."""
        if self.inflight or self.operands:
            raise RegisterHazard("the warp exits with a wgmma in flight")
        self.done = True
        return EXIT

    # ---- the loop
    def run(self, budget: int) -> int:
        """Up to `budget` instructions; returns how many were executed before the warp blocked."""
        program = self.program
        steps, reads, writes = program.steps, program.reads, program.writes
        end = len(steps)
        pc, executed = self.pc, 0
        try:
            while executed < budget:
                if pc == self.join:
                    pc = self.resume()
                    if pc == EXIT:
                        break
                    continue
                if pc == end:
                    pc = self.leave(self.mask)
                    if pc == EXIT:
                        break
                    continue
                if self.inflight or self.operands:
                    self.check_registers(reads[pc], writes[pc], pc)
                following = steps[pc](self)
                if following is None:
                    pc += 1
                elif following >= 0:
                    pc = following
                elif following == BLOCKED:
                    break
                elif following == EXIT:
                    executed += 1
                    break
                else:  # YIELD: a signal; let others run where a wrong signal would show
                    pc += 1
                    if self.cta.grid.random.random() < 0.5:
                        executed += 1
                        break
                executed += 1
        except EmulatorError as error:
            raise type(error)(f"{self.where(pc)}: {error}") from error
        except (AssertionError, IndexError, KeyError, ValueError, OverflowError) as error:
            raise EmulatorError(f"{self.where(pc)}: {error!r}") from error
        finally:
            self.pc = pc
        self.steps += executed
        return executed

    def check_registers(self, read: frozenset[int], written: frozenset[int], pc: int) -> None:
        """Raises if the statement touches registers of a wgmma in flight."""
        op = self.program.statements[pc].op
        if op.startswith("wgmma.mma_async"):
            return
        if not self.inflight.isdisjoint(read):
            raise RegisterHazard("reads an accumulator of a wgmma that was not waited for")
        if not self.inflight.isdisjoint(written):
            raise RegisterHazard("writes an accumulator of a wgmma that was not waited for")
        if not self.operands.isdisjoint(written):
            raise RegisterHazard("writes an operand of a wgmma that was not waited for")

    def where(self, pc: int) -> str:
        """Kernel, CTA, warp, line and text."""
        s = self.program.statements[pc] if 0 <= pc < len(self.program.statements) else None
        place = f"line {s.line} `{s}`" if s else "end of the kernel"
        x, y, z = self.cta.index
        return f"{self.program.function.name} CTA ({x},{y},{z}) warp {self.number}, {place}"
