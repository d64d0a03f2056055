# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Barriers of a CTA, mbarriers, fences, and what is only timing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .cta import Mbarrier, NamedBarrier
from .errors import BarrierMisuse
from .ops_memory import addresses, resolve, space_of
from .ops_warp import require_full
from .program import BLOCKED, YIELD, Decoder, Step, op, put
from .races import Knowledge

if TYPE_CHECKING:
    from .cta import Cta
    from .warp import Warp


# ---- barriers 0 to 15
def _uniform(w: Warp, slot: int, what: str) -> int:
    values = w.rows[slot][w.mask]
    if np.count_nonzero(values == values[0]) != len(values):
        raise BarrierMisuse(f"lanes of a warp give different {what}")
    return int(values[0])


def _named(w: Warp, number: int, count: int | None) -> NamedBarrier:
    threads = -(-w.cta.grid.threads // 32) * 32
    expected = threads if count is None else count
    if not 0 <= number < 16:
        raise BarrierMisuse(f"there is no barrier {number}")
    if expected % 32 or not 0 < expected <= threads:
        raise BarrierMisuse(f"barrier {number} for {expected} threads in a CTA of {threads}")
    bar = w.cta.named.setdefault(number, NamedBarrier())
    if bar.arrived and bar.expected != expected:
        raise BarrierMisuse(
            f"barrier {number} is used for {bar.expected} and for {expected} threads at once"
        )
    bar.expected = expected
    return bar


def _arrive_named(w: Warp, number: int, bar: NamedBarrier) -> None:
    known = w.cta.races.release(w)
    if bar.gathered is None:
        bar.gathered = known
    else:
        bar.gathered.join(known)
    if w.number in bar.who:
        raise BarrierMisuse(f"warp {w.number} arrives twice at barrier {number}")
    bar.arrived += 32
    bar.who.append(w.number)
    if bar.arrived == bar.expected:
        bar.arrived = 0
        bar.generation += 1
        bar.passed, bar.gathered = bar.gathered, None
        bar.results, bar.votes, bar.who = bar.votes, [], []


def _operands(d: Decoder, first: int) -> tuple[int, int | None]:
    number = d.source(first, np.uint32)
    count = d.source(first + 1, np.uint32) if len(d.args) > first + 1 else None
    return number, count


@op("bar.sync", "barrier.sync", "bar.cta.sync", "barrier.cta.sync")
def barrier_sync(d: Decoder) -> Step:
    d.modifiers(["aligned"])
    number, count = _operands(d, 0)

    def run(w: Warp) -> int | None:
        require_full(w)
        if w.waiting is None:
            n = _uniform(w, number, "barriers")
            bar = _named(w, n, None if count is None else _uniform(w, count, "thread counts"))
            w.waiting = (bar, bar.generation, n)
            _arrive_named(w, n, bar)
        bar, generation, n = w.waiting
        if bar.generation == generation:
            w.blocked = ("barrier", n)
            return BLOCKED
        w.waiting = w.blocked = None
        assert bar.passed is not None
        w.cta.races.acquire(w, bar.passed)
        w.cta.races.sync_warp(w)
        return None

    return run


@op("bar.arrive", "barrier.arrive", "bar.cta.arrive", "barrier.cta.arrive")
def barrier_arrive(d: Decoder) -> Step:
    d.modifiers(["aligned"])
    number, count = _operands(d, 0)

    def run(w: Warp) -> int:
        require_full(w)
        n = _uniform(w, number, "barriers")
        bar = _named(w, n, None if count is None else _uniform(w, count, "thread counts"))
        _arrive_named(w, n, bar)
        return YIELD

    return run


@op("bar.red", "barrier.red", "bar.cta.red", "barrier.cta.red")
def barrier_reduce(d: Decoder) -> Step:
    d.modifiers(["aligned", "and", "or", "popc", "pred"])
    how = next(p for p in d.parts if p in ("and", "or", "popc"))
    dst = d.target(0, np.uint32 if how == "popc" else np.bool_)
    number = d.source(1, np.uint32)
    count = d.source(2, np.uint32) if len(d.args) > 3 else None
    negated = d.args[-1].startswith("!")
    p = d.predicate(d.args[-1].lstrip("!").strip())

    def run(w: Warp) -> int | None:
        require_full(w)
        if w.waiting is None:
            n = _uniform(w, number, "barriers")
            bar = _named(w, n, None if count is None else _uniform(w, count, "thread counts"))
            values = (~w.rows[p] if negated else w.rows[p])[w.mask]
            bar.votes.append((np.count_nonzero(values), len(values)))
            w.waiting = (bar, bar.generation, n)
            _arrive_named(w, n, bar)
        bar, generation, n = w.waiting
        if bar.generation == generation:
            w.blocked = ("barrier", n)
            return BLOCKED
        w.waiting = w.blocked = None
        yes, all_ = (sum(v[i] for v in bar.results) for i in (0, 1))
        result = {"and": yes == all_, "or": yes > 0, "popc": yes}[how]
        put(w, dst, np.array(result))
        assert bar.passed is not None
        w.cta.races.acquire(w, bar.passed)
        w.cta.races.sync_warp(w)
        return None

    return run


# ---- mbarriers
def shared_addresses(w: Warp, base: int, offset: int, generic: bool) -> np.ndarray:
    """Addresses of the active lanes in shared memory."""
    a = addresses(w, base, offset)
    if generic:
        space, a = resolve(a)
        if space != "shared":
            raise BarrierMisuse("the address does not lie in shared memory")
    return a


def complete(cta: Cta, b: Mbarrier) -> None:
    """Ends the phase if nothing is missing."""
    if b.pending == 0 and b.transactions == 0:
        b.phase += 1
        b.pending = b.count
        b.passed, b.gathered = b.gathered, cta.races.nothing()


def arrive(w: Warp, address: int, known: Knowledge, count: int = 1, transactions: int = 0) -> int:
    """`count` arrivals; returns the phase before them."""
    b = w.cta.mbarrier(w, address)
    phase = b.phase
    b.gathered.join(known)
    b.pending -= count
    b.transactions += transactions
    if b.pending < 0:
        raise BarrierMisuse(
            f"more arrivals at the mbarrier at {address} than the {b.count} of its phase {b.phase}"
        )
    complete(w.cta, b)
    return phase


@op("mbarrier.init")
def mbarrier_init(d: Decoder) -> Step:
    generic = space_of(d) == "generic"
    d.modifiers(["shared", "shared::cta"])
    base, offset = d.address(0)
    count, pc = d.source(1, np.uint32), d.pc

    def run(w: Warp) -> None:
        races = w.cta.races
        address = shared_addresses(w, base, offset, generic)
        w.cta.check_shared(address, 8)
        for at, n in zip(address.tolist(), w.rows[count][w.mask].tolist(), strict=True):
            if at in w.cta.mbarriers:
                raise BarrierMisuse(f"the mbarrier at {at} is initialised twice")
            if not 1 <= n < 1 << 20:
                raise BarrierMisuse(f"an mbarrier for {n} arrivals")
            one = np.array([at])
            g = races.granules(one, 8)
            races.check_write(w, g, pc)
            number = races.next(pc)
            races.mark_barrier(g)
            races.clocks[w.number].lanes |= w.bits
            w.cta.mbarriers[at] = Mbarrier(n, n, w.number, number, races.nothing(), races.nothing())

    return run


@op("mbarrier.inval")
def mbarrier_invalidate(d: Decoder) -> Step:
    generic = space_of(d) == "generic"
    d.modifiers(["shared", "shared::cta"])
    base, offset = d.address(0)

    def run(w: Warp) -> None:
        for at in shared_addresses(w, base, offset, generic).tolist():
            w.cta.mbarrier(w, at)
            del w.cta.mbarriers[at]
            w.cta.races.unmark_barrier(w.cta.races.granules(np.array([at]), 8))

    return run


SEMANTICS = ["release", "relaxed", "acquire", "cta", "cluster", "shared", "shared::cta"]


@op("mbarrier.arrive", "mbarrier.arrive.expect_tx", "mbarrier.arrive.noComplete",
    "mbarrier.expect_tx", "mbarrier.complete_tx")  # fmt: skip
def mbarrier_arrive(d: Decoder) -> Step:
    d.modifiers([*SEMANTICS, "expect_tx", "noComplete"])
    generic = space_of(d) == "generic"
    arrives = d.parts[1] == "arrive"
    expects = "expect_tx" in d.parts
    returns = arrives and not d.args[0].startswith("[")
    base, offset = d.address(1 if returns else 0)
    rest = d.args[2 if returns else 1 :]
    dst = d.target(0, np.uint64) if returns else None
    amount = d.source(rest[0], np.uint32) if rest else None
    released = "relaxed" not in d.parts

    def run(w: Warp) -> int:
        races = w.cta.races
        address = shared_addresses(w, base, offset, generic)
        known = races.release(w) if released else races.nothing()
        n = w.rows[amount][w.mask].tolist() if amount is not None else [1] * w.lanes
        phases = np.zeros(32, np.uint64)
        for lane, at, value in zip(w.lane_numbers, address.tolist(), n, strict=True):
            if not arrives:
                b = w.cta.mbarrier(w, at)
                b.transactions += value if expects else -value
                complete(w.cta, b)
            elif expects:
                phases[lane] = arrive(w, at, known, 1, value)
            else:
                phases[lane] = arrive(w, at, known, value)
        if dst is not None:
            put(w, dst, phases)
        return YIELD

    return run


@op("mbarrier.try_wait", "mbarrier.test_wait")
def mbarrier_wait(d: Decoder) -> Step:
    """A failing try_wait suspends the warp until the phase ends; test_wait does not."""
    d.modifiers([*SEMANTICS, "parity"])
    generic = space_of(d) == "generic"
    by_parity, patient = "parity" in d.parts, d.parts[1] == "try_wait"
    dst = d.target(0, np.bool_)
    base, offset = d.address(1)
    which = d.source(2, np.uint32 if by_parity else np.uint64)
    acquires = "relaxed" not in d.parts

    def run(w: Warp) -> int | None:
        address = shared_addresses(w, base, offset, generic)
        asked = w.rows[which][w.mask]
        if np.count_nonzero(address == address[0]) == len(address) and np.count_nonzero(
            asked == asked[0]
        ) == len(asked):
            b = w.cta.mbarrier(w, int(address[0]))
            n = int(asked[0])
            passed = b.phase & 1 != n & 1 if by_parity else b.phase != n
            if passed:
                w.blocked, w.passed = None, w.passed + 1
                if acquires:
                    w.cta.races.acquire(w, b.passed)
            else:
                w.blocked = ("mbarrier", int(address[0]), n)
                if patient:
                    return BLOCKED
                w.polled += 1
            put(w, dst, np.bool_(passed))
            return None
        results = np.zeros(32, np.bool_)
        for lane, at, n in zip(w.lane_numbers, address.tolist(), asked.tolist(), strict=True):
            b = w.cta.mbarrier(w, at)
            results[lane] = b.phase & 1 != n & 1 if by_parity else b.phase != n
            if results[lane] and acquires:
                saved = w.narrow(np.arange(32) == lane)
                w.cta.races.acquire(w, b.passed)
                w.restore(saved)
        if patient and not results.any():
            w.blocked = ("mbarrier", int(address[0]), int(asked[0]))
            return BLOCKED
        w.blocked = None
        put(w, dst, results)
        return None

    return run


# ---- fences and timing
@op("fence.proxy")
def fence_proxy(d: Decoder) -> Step:
    d.modifiers(["async", "alias", "async::generic", "shared::cta", "shared::cluster", "shared",
                 "global", "acquire", "release", "sync_restrict"])  # fmt: skip
    covers = "async" in d.parts and "global" not in d.parts
    if "async" not in d.parts and "alias" not in d.parts:
        raise d.unsupported()
    return (lambda w: w.cta.races.proxy_fence(w)) if covers else (lambda w: None)


@op("fence", "membar", "fence.mbarrier_init")
def fence(d: Decoder) -> Step:
    """Orders what the emulator executes in order anyway."""
    d.modifiers(["sc", "acq_rel", "acquire", "release", "cta", "cluster", "gpu", "gl", "sys"])
    return lambda w: None


@op("setmaxnreg")
def set_registers(d: Decoder) -> Step:
    d.modifiers(["inc", "dec", "sync", "aligned"])
    count = int(d.args[0])
    if count % 8 or not 24 <= count <= 256:
        raise d.unsupported("needs a multiple of 8 from 24 to 256")
    return lambda w: require_full(w)


@op("nanosleep", "griddepcontrol", "pmevent")
def no_effect(d: Decoder) -> Step:
    """Timing."""
    return lambda w: YIELD
