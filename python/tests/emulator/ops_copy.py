# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Asynchronous copies: cp.async, cp.async.bulk (1-D), st.async.

The bytes move when the instruction is issued; what makes them asynchronous is
that nobody knows of their completion (races.py) until it was waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import MemoryFault
from .ops_barrier import arrive, complete, shared_addresses
from .ops_memory import addresses, space_of
from .program import DTYPES, YIELD, Decoder, Step, op

if TYPE_CHECKING:
    from .warp import Warp

WORDS = {4: np.uint32, 8: np.uint64, 16: np.uint64}


@op("cp.async.ca", "cp.async.cg")
def copy(d: Decoder) -> Step:
    """cp.async.cx.shared.global [dst], [src], size[, src-size | ignore-src]"""
    d.modifiers(
        ["shared", "shared::cta", "global", "L2::cache_hint", "L2::64B", "L2::128B", "L2::256B"]
    )
    if "L2::cache_hint" in d.parts:
        d.args = d.args[:-1]
    size = int(d.args[2])
    if size not in WORDS or (d.parts[2] == "cg" and size != 16):
        raise d.unsupported("copies 4, 8 or 16 bytes (.cg: 16)")
    to, to_offset = d.address(0)
    source, source_offset = d.address(1)
    valid = ignored = None
    if len(d.args) > 3:
        text = d.args[3].lstrip("!").strip()
        if d.own_width(text) is np.bool_:
            ignored = d.predicate(text)
        else:
            valid = d.source(3, np.uint32)
    d.program.granule = min(d.program.granule, 2)
    pc, t, words = d.pc, WORDS[size], max(1, size // 8)

    def run(w: Warp) -> None:
        cta, memory = w.cta, w.cta.grid.memory
        dst = addresses(w, to, to_offset)
        src = addresses(w, source, source_offset)
        cta.check_shared(dst, size)
        if np.count_nonzero(src & (size - 1)):
            raise MemoryFault(f"cp.async of {size} bytes from a misaligned address")
        races = cta.races
        number = races.async_write(w, races.granules(dst, size), races.copy, pc)
        w.copies.append((number, w.bits))
        out, at = cta.typed(t), dst >> (np.dtype(t).itemsize.bit_length() - 1)
        lengths = None
        if valid is not None:
            lengths = w.rows[valid][w.mask]
            if lengths.max() > size:
                raise MemoryFault(f"cp.async of {size} bytes reads {lengths.max()}")
        elif ignored is not None:
            lengths = np.where(w.rows[ignored][w.mask], 0, size)
        if lengths is None or np.count_nonzero(lengths == size) == len(lengths):
            item = np.dtype(t).itemsize
            first = memory.offsets(src, size) >> (item.bit_length() - 1)
            view = memory.typed(t)
            for k in range(words):
                out[at + k] = view.take(first + k)
            return
        data = np.zeros((len(dst), size), np.uint8)
        for i, n in enumerate(lengths.tolist()):
            if n:
                first = memory.offsets(src[i] + np.arange(n), 1)
                data[i, :n] = memory.bytes[first]
        for k in range(words):
            out[at + k] = np.ascontiguousarray(data).view(t)[:, k]

    return run


def _landed(w: Warp, copies: list[tuple[int, int]]) -> int:
    """The number up to which copies are complete for the active lanes."""
    number = 0
    for n, bits in copies:
        if bits & ~w.bits:
            break
        number = n
    return number


@op("cp.async.commit_group")
def commit(d: Decoder) -> Step:
    def run(w: Warp) -> None:
        w.copy_groups.append(w.copies)
        w.copies = []

    return run


@op("cp.async.wait_group", "cp.async.wait_all")
def wait(d: Decoder) -> Step:
    everything = d.parts[2] == "wait_all"
    left = 0 if everything else int(d.args[0])

    def run(w: Warp) -> None:
        if everything:
            w.copy_groups.append(w.copies)
            w.copies = []
        while len(w.copy_groups) > left:
            number = _landed(w, w.copy_groups.pop(0))
            if number:
                w.cta.races.completed(w, w.cta.races.copy, number)

    return run


@op("cp.async.mbarrier.arrive")
def copy_arrive(d: Decoder) -> Step:
    """An arrival once the lane's copies so far are complete; without .noinc it also adds one."""
    d.modifiers(["noinc", "shared", "shared::cta"])
    generic = space_of(d) == "generic"
    noinc = "noinc" in d.parts
    base, offset = d.address(0)

    def run(w: Warp) -> int:
        races = w.cta.races
        everything = [c for group in w.copy_groups for c in group] + w.copies
        number = max(
            _landed(w, everything), int(races.clocks[w.number].known.seen[races.copy + w.number])
        )
        known = races.release_copies(w, number)
        for at in shared_addresses(w, base, offset, generic).tolist():
            if not noinc:
                w.cta.mbarrier(w, at).pending += 1
            arrive(w, at, known)
        return YIELD

    return run


# ---- bulk copies
@op("cp.async.bulk")
def bulk(d: Decoder) -> Step:
    """1-D copies: global to shared (mbarrier) and shared to global (bulk group)."""
    spaces = [p.split("::")[0] for p in d.parts if p.startswith(("shared", "global"))]
    d.modifiers(["shared::cta", "shared::cluster", "global", "mbarrier::complete_tx::bytes",
                 "bulk_group", "L2::cache_hint"])  # fmt: skip
    to, to_offset = d.address(0)
    source, source_offset = d.address(1)
    size, pc = d.source(2, np.uint32), d.pc
    inward = spaces[:2] == ["shared", "global"]
    if not inward and spaces[:2] != ["global", "shared"]:
        raise d.unsupported()
    bar, bar_offset = d.address(3) if inward else (0, 0)

    def run(w: Warp) -> int:
        cta, memory, races = w.cta, w.cta.grid.memory, w.cta.races
        lengths = w.rows[size][w.mask].tolist()
        dst, src = addresses(w, to, to_offset), addresses(w, source, source_offset)
        bars = addresses(w, bar, bar_offset) if inward else dst
        for i, (a, b, n, at) in enumerate(zip(dst, src, lengths, bars.tolist(), strict=True)):
            if n % 16 or n == 0 or a % 16 or b % 16:
                raise MemoryFault("cp.async.bulk needs addresses and a size in multiples of 16")
            shared, outside = (a, b) if inward else (b, a)
            steps = np.arange(0, n, 16)
            cta.check_shared(shared + steps, 16)
            here = memory.offsets(outside + steps, 16, not inward)[0]
            g = races.granules(shared + steps, 16)
            if inward:
                number = races.async_write(w, g, races.bulk_write, pc, w.lane_numbers[i : i + 1])
                cta.shared[shared : shared + n] = memory.bytes[here : here + n]
                m = cta.mbarrier(w, at)
                m.transactions -= n
                known = races.nothing()
                known.seen[races.bulk_write + w.number] = number
                m.gathered.join(known)
                complete(cta, m)
            else:
                w.stores.append(races.async_read(w, g, races.bulk_read, pc))
                memory.bytes[here : here + n] = cta.shared[shared : shared + n]
        return YIELD

    return run


@op("cp.async.bulk.commit_group")
def bulk_commit(d: Decoder) -> Step:
    def run(w: Warp) -> None:
        w.store_groups.append(w.stores)
        w.stores = []

    return run


@op("cp.async.bulk.wait_group")
def bulk_wait(d: Decoder) -> Step:
    d.modifiers(["read"])
    left = int(d.args[0])

    def run(w: Warp) -> None:
        while len(w.store_groups) > left:
            numbers = w.store_groups.pop(0)
            if numbers:
                w.cta.races.completed(w, w.cta.races.bulk_read, numbers[-1])

    return run


@op("st.async")
def store_async(d: Decoder) -> Step:
    """st.async.shared::cluster.mbarrier::complete_tx::bytes.type [dst], value, [mbarrier]"""
    d.modifiers(["weak", "shared::cluster", "mbarrier::complete_tx::bytes", "v2", "v4"])
    t, names = DTYPES[d.kind], d.names(1)
    to, to_offset = d.address(0)
    bar, bar_offset = d.address(2)
    sources, pc = [d.source(n, t) for n in names], d.pc
    item = np.dtype(t).itemsize

    def run(w: Warp) -> int:
        cta, races = w.cta, w.cta.races
        dst, bars = addresses(w, to, to_offset), addresses(w, bar, bar_offset)
        cta.check_shared(dst, item * len(sources))
        number = races.async_write(
            w, races.granules(dst, item * len(sources)), races.bulk_write, pc
        )
        for k, s in enumerate(sources):
            cta.typed(t)[(dst >> (item.bit_length() - 1)) + k] = w.rows[s][w.mask]
        for at in bars.tolist():
            m = cta.mbarrier(w, at)
            m.transactions -= item * len(sources)
            known = races.nothing()
            known.seen[races.bulk_write + w.number] = number
            m.gathered.join(known)
            complete(cta, m)
        return YIELD

    return run
