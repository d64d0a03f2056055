# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Instructions by which the lanes of a warp exchange values and meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .errors import DivergentWarp
from .program import DTYPES, Decoder, Step, op, put
from .warp import LANES, bits_of

if TYPE_CHECKING:
    from .warp import Warp


def require_full(w: Warp) -> None:
    """Raises in a divergent warp: for .aligned instructions."""
    if not w.full:
        raise DivergentWarp(
            f"only lanes {w.bits:#010x} of {bits_of(w.alive):#010x} execute a warp-wide instruction"
        )


def check_members(w: Warp, slot: int) -> int:
    """The membermask: its lanes, as far as they live, must be the ones that are here."""
    masks = w.rows[slot][w.mask]
    members = int(masks[0])
    if np.count_nonzero(masks == members) != len(masks):
        raise DivergentWarp("lanes give different member masks")
    if w.bits & ~members:
        raise DivergentWarp(f"lanes {w.bits & ~members:#010x} are not in the mask {members:#010x}")
    missing = members & bits_of(w.alive) & ~w.bits
    if missing:
        raise DivergentWarp(
            f"the mask {members:#010x} names lanes {missing:#010x}, which are elsewhere"
        )
    return members


@op("shfl.sync")
def shuffle(d: Decoder) -> Step:
    """shfl.sync.mode.b32 d[|p], a, b, c, membermask"""
    mode = d.parts[2]
    d.modifiers(["up", "down", "bfly", "idx"])
    name, predicate = d.pair(0)
    dst, inside = d.target(name, np.uint32), d.target(predicate, np.bool_)
    a, b, c, members = (d.source(i, np.uint32) for i in (1, 2, 3, 4))

    def run(w: Warp) -> None:
        check_members(w, members)
        rows = w.rows
        amount = rows[b].astype(np.int64) & 31
        control = rows[c].astype(np.int64)
        segment, clamp = control >> 8 & 31, control & 31
        highest = (LANES & segment) | (clamp & ~segment)
        lowest = LANES & segment
        if mode == "up":
            source = LANES - amount
            valid = source >= highest
        elif mode == "down":
            source = LANES + amount
            valid = source <= highest
        elif mode == "bfly":
            source = LANES ^ amount
            valid = source <= highest
        else:
            source = lowest | (amount & ~segment)
            valid = source <= highest
        source = np.where(valid, source, LANES)
        if not w.full and np.count_nonzero(~w.mask[source] & w.mask):
            raise DivergentWarp("shfl reads a lane that does not take part")
        value = rows[a][source]
        put(w, dst, value)
        put(w, inside, valid)

    return run


@op("vote.sync")
def vote(d: Decoder) -> Step:
    mode = d.parts[2]
    d.modifiers(["all", "any", "uni", "ballot"])
    negated = d.args[1].startswith("!")
    p = d.predicate(d.args[1].lstrip("!").strip())
    members = d.source(2, np.uint32)
    dst = d.target(0, np.uint32 if mode == "ballot" else np.bool_)

    def run(w: Warp) -> None:
        check_members(w, members)
        values = ~w.rows[p] if negated else w.rows[p]
        count = np.count_nonzero(values & w.mask)
        if mode == "ballot":
            put(w, dst, np.uint32(bits_of(values & w.mask)))
        elif mode == "all":
            put(w, dst, np.bool_(count == w.lanes))
        elif mode == "any":
            put(w, dst, np.bool_(count > 0))
        else:
            put(w, dst, np.bool_(count in (0, w.lanes)))

    return run


@op("activemask")
def active_mask(d: Decoder) -> Step:
    dst = d.target(0, np.uint32)
    return lambda w: put(w, dst, np.uint32(w.bits))


@op("match.any.sync", "match.all.sync")
def match(d: Decoder) -> Step:
    t = DTYPES[d.kind]
    every = d.parts[1] == "all"
    name, predicate = d.pair(0)
    dst, p = d.target(name, np.uint32), d.target(predicate, np.bool_)
    a, members = d.source(1, t), d.source(2, np.uint32)

    def run(w: Warp) -> None:
        check_members(w, members)
        values = w.rows[a]
        if every:
            same = len(set(values[w.mask].tolist())) == 1
            put(w, dst, np.uint32(w.bits if same else 0))
            put(w, p, np.bool_(same))
            return
        equal = (values[:, None] == values[None, :]) & w.mask
        put(w, dst, np.array([bits_of(row) for row in equal], np.uint32))

    return run


REDUCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "add": np.add.reduce, "min": np.min, "max": np.max,
    "and": np.bitwise_and.reduce, "or": np.bitwise_or.reduce, "xor": np.bitwise_xor.reduce,
}  # fmt: skip


@op("redux.sync")
def reduce(d: Decoder) -> Step:
    t, f = DTYPES[d.kind], REDUCTIONS[d.parts[2]]
    if d.kind not in ("u32", "s32", "b32"):
        raise d.unsupported()
    d.modifiers(list(REDUCTIONS))
    dst, a, members = d.target(0, t), d.source(1, t), d.source(2, np.uint32)

    def run(w: Warp) -> None:
        check_members(w, members)
        put(w, dst, np.array(f(w.rows[a][w.mask])).astype(t))

    return run


@op("elect.sync")
def elect(d: Decoder) -> Step:
    """The lowest lane of the mask."""
    name, predicate = d.pair(0)
    dst, p, members = (
        d.target(name, np.uint32),
        d.target(predicate, np.bool_),
        d.source(1, np.uint32),
    )

    def run(w: Warp) -> None:
        check_members(w, members)
        leader = w.lane_numbers[0]
        put(w, dst, np.uint32(leader))
        put(w, p, leader == LANES)

    return run


@op("bar.warp.sync")
def sync_warp(d: Decoder) -> Step:
    members = d.source(0, np.uint32)

    def run(w: Warp) -> None:
        check_members(w, members)
        if w.full:
            w.cta.races.sync_warp(w)

    return run
