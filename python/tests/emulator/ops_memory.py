# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loads, stores and atomics in all state spaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataRace, MemoryFault, UnsupportedInstruction
from .program import (
    DTYPES,
    GLOBAL_WINDOW,
    LOCAL_WINDOW,
    SHARED_WINDOW,
    Decoder,
    Step,
    computed,
    op,
    put,
)

if TYPE_CHECKING:
    from .warp import Warp

SPACES = {"global", "shared", "shared::cta", "local", "param", "const", "generic"}
ORDERS = ["weak", "volatile", "relaxed", "acquire", "release", "acq_rel", "cta", "cluster", "gpu",
          "sys"]  # fmt: skip
HINTS = ["ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc", "L1::no_allocate", "L2::cache_hint"]
HINTS += [f"L{n}::evict_{how}" for n in (1, 2) for how in ("first", "last", "normal", "unchanged")]
HINTS += [f"L2::{n}B" for n in (64, 128, 256)]
VECTORS = {"v2": 2, "v4": 4, "v8": 8}


def space_of(d: Decoder) -> str:
    """The state space in the opcode; "generic" if there is none."""
    for part in d.parts[1:]:
        if part in SPACES:
            return part.split("::")[0]
        if part.startswith(("shared::", "param::")):
            if part == "param::entry":
                return "param"
            raise d.unsupported(f"uses the space .{part}")
    return "generic"


def addresses(w: Warp, base: int, offset: int) -> np.ndarray:
    """The addresses of the active lanes as int64."""
    a = w.rows[base].astype(np.int64)
    if offset:
        a += offset
    return a if w.lanes == 32 else a[w.mask]


def resolve(address: np.ndarray) -> tuple[str, np.ndarray]:
    """The space that generic addresses lie in, all in the same, and the addresses there."""
    window = address >> 40
    first = int(window[0])
    if np.count_nonzero(window == first) != len(window):
        raise UnsupportedInstruction("lanes of one generic access lie in different state spaces")
    if first == SHARED_WINDOW >> 40:
        return "shared", address - SHARED_WINDOW
    if first == LOCAL_WINDOW >> 40:
        return "local", address - LOCAL_WINDOW
    if first == GLOBAL_WINDOW >> 40:
        return "global", address
    raise MemoryFault(f"generic address {int(address[0]):#x} lies in no state space")


def note_width(d: Decoder, space: str, size: int) -> None:
    """The race detector must tell apart what the narrowest access to shared memory touches."""
    if space in ("shared", "generic"):
        d.program.granule = min(d.program.granule, size.bit_length() - 1)


def local_bytes(w: Warp, address: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (lane, byte) of accesses to local memory."""
    inside = (address >= 0) & (address + size <= w.local.shape[1])
    if np.count_nonzero(inside) != len(address):
        raise MemoryFault(
            f"access of {size} bytes out of bounds: local byte {int(address[~inside][0])} "
            f"of {w.local.shape[1]}"
        )
    return w.lane_numbers[:, None], address[:, None] + np.arange(size)


def fetch(
    w: Warp, space: str, address: np.ndarray, t: type, count: int, pc: int, atomic: bool = False
) -> list[np.ndarray]:
    """`count` arrays with the active lanes' elements."""
    if space == "generic":
        space, address = resolve(address)
    item = np.dtype(t).itemsize
    if space == "global":
        memory = w.cta.grid.memory
        at = memory.offsets(address, item * count)
        view = memory.typed(t)
    elif space == "shared":
        w.cta.check_shared(address, item * count)
        w.cta.races.read(w, address, item * count, pc, atomic)
        at, view = address, w.cta.typed(t)
    else:
        data = np.ascontiguousarray(w.local[local_bytes(w, address, item * count)]).view(t)
        return [data[:, k] for k in range(count)]
    at = at >> (item.bit_length() - 1)
    return [view.take(at + k if k else at) for k in range(count)]


def deposit(
    w: Warp,
    space: str,
    address: np.ndarray,
    values: list[np.ndarray],
    pc: int,
    atomic: bool = False,
) -> None:
    """Stores the active lanes' elements (unsigned); lanes with one address must agree."""
    if space == "generic":
        space, address = resolve(address)
    item, count = values[0].dtype.itemsize, len(values)
    if space == "global":
        memory = w.cta.grid.memory
        at = memory.offsets(address, item * count, True)
        view = memory.typed(values[0].dtype.type)
    elif space == "shared":
        w.cta.check_shared(address, item * count)
        w.cta.races.write(w, address, item * count, pc, atomic)
        at, view = address, w.cta.typed(values[0].dtype.type)
    else:
        data = np.stack(values, 1).view(np.uint8)
        w.local[local_bytes(w, address, item * count)] = data
        return
    at = at >> (item.bit_length() - 1)
    for k, v in enumerate(values):
        where = at + k if k else at
        view[where] = v
        if np.count_nonzero(view.take(where) == v) != len(where):
            raise DataRace("lanes of one store write different values to one address")


def vector(d: Decoder, names: list[str]) -> int:
    """The number of elements; it must match the opcode."""
    count = next((VECTORS[p] for p in d.parts if p in VECTORS), 1)
    if len(names) != count:
        raise d.unsupported(f"has {len(names)} elements")
    return count


@op("ld", "ldu")
def load(d: Decoder) -> Step:
    space = space_of(d)
    d.modifiers([*SPACES, "param::entry", *ORDERS, *HINTS, *VECTORS])
    kind, names = d.kind, d.names(0)
    t = DTYPES[kind]
    count = vector(d, names)
    if space in ("param", "const"):
        space = "global"
    atomic = bool({"relaxed", "acquire"} & set(d.parts))
    note_width(d, space, np.dtype(t).itemsize)
    targets, widen = [], None
    for name in names:
        register = d.own_width(name) if name != "_" else None
        if register is not None and np.dtype(register).itemsize != np.dtype(t).itemsize:
            wide = np.dtype(register)
            signed = np.dtype(t).kind == "i"
            widen = np.dtype(f"{'i' if signed else 'u'}{wide.itemsize}")
            targets.append(d.target(name, widen.type))
        else:
            targets.append(d.target(name, t))
    base, offset = d.address(1)
    pc = d.pc

    def run(w: Warp) -> None:
        data = fetch(w, space, addresses(w, base, offset), t, count, pc, atomic)
        rows = w.rows
        for target, x in zip(targets, data, strict=True):
            if w.lanes == 32:
                rows[target][...] = x
            else:
                rows[target][w.mask] = x

    return run


@op("st")
def store(d: Decoder) -> Step:
    space = space_of(d)
    d.modifiers([*SPACES, *ORDERS, *HINTS, *VECTORS])
    kind, names = d.kind, d.names(1)
    t = DTYPES[kind]
    vector(d, names)
    if space in ("param", "const"):
        raise d.unsupported(f"stores to .{space}")
    atomic = bool({"relaxed", "release"} & set(d.parts))
    note_width(d, space, np.dtype(t).itemsize)
    unsigned = np.dtype(f"u{np.dtype(t).itemsize}")
    sources = []
    for name in names:
        register = d.own_width(name)
        narrow = register is not None and np.dtype(register).itemsize != unsigned.itemsize
        sources.append((d.source(name, register if narrow else unsigned.type), narrow))
    base, offset = d.address(0)
    pc = d.pc

    def run(w: Warp) -> None:
        values = []
        for source, narrow in sources:
            x = w.rows[source]
            if w.lanes != 32:
                x = x[w.mask]
            values.append(x.astype(unsigned) if narrow else x)
        deposit(w, space, addresses(w, base, offset), values, pc, atomic)

    return run


@op("createpolicy")
def create_policy(d: Decoder) -> Step:
    """A cache policy, which nothing here looks at."""
    target = d.target(0, np.uint64)
    return lambda w: put(w, target, np.uint64(0))


@op("prefetch", "prefetchu", "applypriority", "discard")
def prefetch(d: Decoder) -> Step:
    """A hint; nothing to do."""
    return lambda w: None


@op("isspacep")
def is_space(d: Decoder) -> Step:
    windows = {"shared": SHARED_WINDOW, "local": LOCAL_WINDOW, "global": GLOBAL_WINDOW}
    space = space_of(d)
    wanted = np.uint64(windows[space] >> 40)
    return computed(
        lambda a: a >> np.uint64(40) == wanted, d.target(0, np.bool_), d.source(1, np.uint64)
    )


ATOMIC_OPERATIONS: dict[str, Callable[..., object]] = {
    "add": lambda old, b: old + b,
    "min": lambda old, b: min(old, b),
    "max": lambda old, b: max(old, b),
    "and": lambda old, b: old & b,
    "or": lambda old, b: old | b,
    "xor": lambda old, b: old ^ b,
    "exch": lambda old, b: b,
    "cas": lambda old, b, c: c if old == b else old,
    "inc": lambda old, b: type(old)(0) if old >= b else old + type(old)(1),
    "dec": lambda old, b: b if old == 0 or old > b else old - type(old)(1),
}


@op("atom", "red")
def atomic(d: Decoder) -> Step:
    """One lane after the other, in lane order."""
    space, kind = space_of(d), d.kind
    if kind in ("f16", "bf16", "f16x2", "bf16x2") or any(v in d.parts for v in VECTORS):
        raise d.unsupported()
    name = next(p for p in d.parts[1:] if p in ATOMIC_OPERATIONS)
    d.modifiers([*SPACES, *ORDERS, *ATOMIC_OPERATIONS, "noftz"])
    f, t = ATOMIC_OPERATIONS[name], DTYPES[kind]
    returns = d.parts[0] == "atom"
    first = 1 if returns else 0
    dst = d.target(0, t) if returns else None
    base, offset = d.address(first)
    sources = [d.source(i, t) for i in range(first + 1, len(d.args))]
    note_width(d, space, np.dtype(t).itemsize)
    pc = d.pc

    def run(w: Warp) -> None:
        address = addresses(w, base, offset)
        for i, lane in enumerate(w.lane_numbers):
            at = address[i : i + 1]
            saved = w.narrow(np.arange(32) == lane)
            try:
                old = fetch(w, space, at, t, 1, pc, True)[0]
                new = f(old[0], *[w.rows[s][lane] for s in sources])
                bits = np.array([new], t).view(f"u{np.dtype(t).itemsize}")
                deposit(w, space, at, [bits], pc, True)
            finally:
                w.restore(saved)
            if dst is not None:
                w.rows[dst][lane] = old[0]

    return run
