# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Matrix instructions: ldmatrix, stmatrix, mma.sync, wgmma."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import RegisterHazard, UnsupportedInstruction
from .floats import bf16_to_f32
from .ops_memory import addresses, resolve, space_of
from .ops_warp import require_full
from .program import YIELD, Decoder, Step, op, put, register_id
from .warp import LANES

if TYPE_CHECKING:
    from .warp import Warp

F32, U16, U32 = np.float32, np.uint16, np.uint32
# Fragments: lane t holds row t/4 (and + 8), columns 2*(t%4) and the next one.
ROW, COLUMN = LANES // 4, LANES % 4 * 2


# ---- ldmatrix, stmatrix
def _shared_rows(w: Warp, base: int, offset: int, generic: bool, count: int) -> np.ndarray:
    """Addresses of 8 * count rows of 16 bytes, given by the first lanes."""
    address = addresses(w, base, offset)
    if generic:
        space, address = resolve(address)
        if space != "shared":
            raise UnsupportedInstruction("matrix rows outside of shared memory")
    address = address[: 8 * count]
    w.cta.check_shared(address, 16)
    return address


def _matrix_operands(d: Decoder, names: list[str]) -> tuple[int, bool, bool]:
    d.modifiers(["sync", "aligned", "m8n8", "x1", "x2", "x4", "trans", "shared", "shared::cta"])
    count = next(int(p[1]) for p in d.parts if p in ("x1", "x2", "x4"))
    if len(names) != count or "m8n8" not in d.parts or d.kind != "b16":
        raise d.unsupported()
    d.program.granule = min(d.program.granule, 2)
    return count, "trans" in d.parts, space_of(d) == "generic"


@op("ldmatrix")
def load_matrix(d: Decoder) -> Step:
    names = d.names(0)
    count, transposed, generic = _matrix_operands(d, names)
    targets = [d.target(n, U32) for n in names]
    base, offset = d.address(1)
    pc = d.pc

    def run(w: Warp) -> None:
        require_full(w)
        address = _shared_rows(w, base, offset, generic, count)
        with_lanes(w, address, pc, True)
        data = w.cta.typed(np.uint64)
        words = np.stack([data.take(address >> 3), data.take((address >> 3) + 1)], 1)
        for k, target in enumerate(targets):
            m = words[8 * k : 8 * k + 8].view(U16)
            m = m.T if transposed else m
            put(w, target, m[ROW, COLUMN].astype(U32) | m[ROW, COLUMN + 1].astype(U32) << U32(16))

    return run


@op("stmatrix")
def store_matrix(d: Decoder) -> Step:
    names = d.names(1)
    count, transposed, generic = _matrix_operands(d, names)
    base, offset = d.address(0)
    sources, pc = [d.source(n, U32) for n in names], d.pc

    def run(w: Warp) -> None:
        require_full(w)
        address = _shared_rows(w, base, offset, generic, count)
        with_lanes(w, address, pc, False)
        data = w.cta.typed(U16)
        for k, source in enumerate(sources):
            m = np.empty((8, 8), U16)
            word = w.rows[source]
            m[ROW, COLUMN], m[ROW, COLUMN + 1] = word & U32(0xFFFF), word >> U32(16)
            m = m.T if transposed else m
            data[(address[8 * k : 8 * k + 8] >> 1)[:, None] + np.arange(8)] = m

    return run


def with_lanes(w: Warp, address: np.ndarray, pc: int, read: bool) -> None:
    """Reports rows of 16 bytes, accessed by the whole warp, to the race detector."""
    saved = w.narrow(np.arange(32) < len(address)) if len(address) < 32 else None
    full = w.full
    w.full = True
    (w.cta.races.read if read else w.cta.races.write)(w, address, 16, pc)
    w.full = full
    if saved is not None:
        w.restore(saved)


# ---- mma.sync
def _halves(words: np.ndarray, kind: str) -> np.ndarray:
    """uint32 words -> f32, the low half first; one more dimension of 2."""
    halves = np.ascontiguousarray(words)[..., None].view(U16)
    return bf16_to_f32(halves) if kind == "bf16" else halves.view(np.float16).astype(F32)


def a_fragment(words: list[np.ndarray], kind: str) -> np.ndarray:
    """16 x 16 (16 x 8 for two words) from the registers of A."""
    m = np.empty((16, 4 * len(words)), F32)
    values = _halves(np.stack(words), kind)
    for i in range(len(words)):
        row, column = ROW + i % 2 * 8, COLUMN + i // 2 * 8
        m[row, column], m[row, column + 1] = values[i, :, 0], values[i, :, 1]
    return m


def b_fragment(words: list[np.ndarray], kind: str) -> np.ndarray:
    """16 x 8 (8 x 8 for one word) from the registers of B."""
    m = np.empty((8 * len(words), 8), F32)
    values = _halves(np.stack(words), kind)
    for i in range(len(words)):
        m[COLUMN + 8 * i, ROW], m[COLUMN + 8 * i + 1, ROW] = values[i, :, 0], values[i, :, 1]
    return m


def accumulator(rows: list[np.ndarray]) -> np.ndarray:
    """16 x N from N/2 f32 registers."""
    values = np.stack(rows).reshape(-1, 2, 2, 8, 4)  # column block, row half, column, row, pair
    return np.ascontiguousarray(values.transpose(1, 3, 0, 4, 2)).reshape(16, -1)


def scatter(rows: list[np.ndarray], m: np.ndarray) -> None:
    """Writes 16 x N to the registers of an accumulator."""
    blocks = m.reshape(2, 8, -1, 4, 2).transpose(2, 0, 4, 1, 3).reshape(len(rows), 32)
    for row, values in zip(rows, blocks.astype(F32, copy=False), strict=True):
        row[...] = values


@op("mma.sync.aligned")
def mma(d: Decoder) -> Step:
    shape, kinds = d.parts[3], d.parts[6:]
    if shape not in ("m16n8k16", "m16n8k8") or d.parts[4:6] != ["row", "col"]:
        raise d.unsupported()
    if kinds[0] != "f32" or kinds[3] != "f32" or kinds[1] != kinds[2]:
        raise d.unsupported()
    kind = kinds[1]
    if kind not in ("f16", "bf16"):
        raise d.unsupported()
    targets = [d.target(n, F32) for n in d.names(0)]
    a, b = ([d.source(n, U32) for n in d.names(i)] for i in (1, 2))
    c = [d.source(n, F32) for n in d.names(3)]

    def run(w: Warp) -> None:
        require_full(w)
        rows = w.rows
        product = a_fragment([rows[x] for x in a], kind) @ b_fragment([rows[x] for x in b], kind)
        scatter([rows[t] for t in targets], product + accumulator([rows[x] for x in c]))

    return run


# ---- wgmma
class Tile:
    """The place of an operand in shared memory: `index` of its elements, `granules` it covers."""

    __slots__ = ("granules", "index")

    def __init__(self, index: np.ndarray, granules: np.ndarray) -> None:
        self.index, self.granules = index, granules


SWIZZLE_BITS = {0: 0, 1: 3, 2: 2, 3: 1}  # layout type -> address bits that are exchanged


def operand_tile(w: Warp, descriptor: int, rows: int, first_row: int, mn_major: bool) -> Tile:
    """`rows` x 16 elements (row: along M or N), from row `first_row` on."""
    key = (descriptor, rows, first_row, mn_major)
    tile = w.cta.tiles.get(key)
    if tile is not None:
        return tile
    start = (descriptor & 0x3FFF) << 4
    leading = (descriptor >> 16 & 0x3FFF) << 4
    stride = (descriptor >> 32 & 0x3FFF) << 4
    if descriptor >> 49 & 7:
        raise UnsupportedInstruction("a wgmma descriptor with a base offset")
    bits = SWIZZLE_BITS[descriptor >> 62]
    width = 16 << bits  # bytes of a row of the layout's atom
    r, k = first_row + np.arange(rows)[:, None], np.arange(16)[None, :]
    if not mn_major:
        if bits:
            at = r // 8 * stride + r % 8 * width + k * 2
        else:
            at = r // 8 * stride + r % 8 * 16 + k // 8 * leading + k % 8 * 2
    elif bits:
        per_row = width // 2
        at = r // per_row * leading + k // 8 * stride + k % 8 * width + r % per_row * 2
    else:
        at = r // 8 * stride + k // 8 * leading + k % 8 * 16 + r % 8 * 2
    at = at + start
    at = at ^ ((at >> 7 & ((1 << bits) - 1)) << 4)
    w.cta.check_shared(at.ravel(), 2)
    tile = Tile(at >> 1, np.unique(at.ravel() >> w.cta.races.granule))
    w.cta.tiles[key] = tile
    return tile


@op("wgmma.mma_async.sync.aligned")
def wgmma(d: Decoder) -> Step:
    found = re.match(r"m64n(\d+)k16$", d.parts[4])
    kinds = d.parts[5:]
    if not found or kinds not in (["f32", "bf16", "bf16"], ["f32", "f16", "f16"]):
        raise d.unsupported()
    n, kind = int(found.group(1)), kinds[1]
    accumulators = d.names(0)
    if n % 8 or not 8 <= n <= 256 or len(accumulators) != n // 2:
        raise d.unsupported()
    targets = [d.target(x, F32) for x in accumulators]
    [d.source(x, F32) for x in accumulators]
    d_registers = frozenset(register_id(*d.register(x)) for x in accumulators)
    from_registers = d.args[1].startswith("{")
    a_registers: frozenset[int] = frozenset()
    a: Any
    if from_registers:
        a = [d.source(x, U32) for x in d.names(1)]
        a_registers = frozenset(register_id(*d.register(x)) for x in d.names(1))
        if len(a) != 4:
            raise d.unsupported()
    else:
        a = d.source(1, np.uint64)
    b, scale_d = d.source(2, np.uint64), d.predicate(d.args[3])
    immediates = [int(x) for x in d.args[4:]]
    if len(immediates) != (3 if from_registers else 4) or not set(immediates[:2]) <= {1, -1}:
        raise d.unsupported()
    sign = immediates[0] * immediates[1]
    a_mn, b_mn = (False if from_registers else bool(immediates[2])), bool(immediates[-1])
    d.program.wgmma_registers |= d_registers | a_registers
    d.program.granule = min(d.program.granule, 2)
    pc, shape = d.pc, (n, kind)

    def element(w: Warp, tile: Tile) -> np.ndarray:
        raw = w.cta.typed(U16).take(tile.index)
        return bf16_to_f32(raw) if kind == "bf16" else raw.view(np.float16).astype(F32)

    def uniform(w: Warp, slot: int) -> int:
        values = w.rows[slot]
        if np.count_nonzero(values == values[0]) != 32:
            raise UnsupportedInstruction("lanes give different wgmma descriptors")
        return int(values[0])

    def run(w: Warp) -> None:
        require_full(w)
        check_order(w)
        rows, races = w.rows, w.cta.races
        if from_registers:
            left = a_fragment([rows[x] for x in a], kind)
        else:
            tile = operand_tile(w, uniform(w, a), 16, w.number % 4 * 16, a_mn)
            races.async_read(w, tile.granules, races.wgmma, pc)
            left = element(w, tile)
        tile = operand_tile(w, uniform(w, b), n, 0, b_mn)
        number = races.async_read(w, tile.granules, races.wgmma, pc)
        product = left @ element(w, tile).T
        if sign < 0:
            product = -product
        out = [rows[t] for t in targets]
        if rows[scale_d][0]:
            product = product + accumulator(out)
        scatter(out, product)
        w.wgmmas.append((number, d_registers, a_registers, shape))
        w.inflight |= d_registers
        w.operands |= a_registers

    def check_order(w: Warp) -> None:
        """wgmma.fence after every write of a register; accumulators in flight only of one shape."""
        for r in d_registers | a_registers:
            if w.unfenced.get(r) == w.fences:
                raise RegisterHazard(
                    "a register of this wgmma was written after the last wgmma.fence"
                )
        if not w.fences:
            raise RegisterHazard("no wgmma.fence before the first wgmma")
        if not w.inflight.isdisjoint(a_registers) or not w.operands.isdisjoint(d_registers):
            raise RegisterHazard("a register of this wgmma belongs to one in flight")
        if w.inflight.isdisjoint(d_registers):
            return
        for group in (*w.wgmma_groups, w.wgmmas):
            for _, registers, _, other in group:
                if not registers.isdisjoint(d_registers) and (
                    registers != d_registers or other != shape
                ):
                    raise RegisterHazard(
                        "accumulators overlap with those of a wgmma in flight of another shape"
                    )

    return run


@op("wgmma.fence.sync.aligned")
def wgmma_fence(d: Decoder) -> Step:
    def run(w: Warp) -> None:
        require_full(w)
        w.fences += 1
        w.unfenced.clear()

    return run


@op("wgmma.commit_group.sync.aligned")
def wgmma_commit(d: Decoder) -> Step:
    def run(w: Warp) -> int:
        require_full(w)
        w.wgmma_groups.append(w.wgmmas)
        w.wgmmas = []
        return YIELD

    return run


@op("wgmma.wait_group.sync.aligned")
def wgmma_wait(d: Decoder) -> Step:
    left = int(d.args[0])

    def run(w: Warp) -> None:
        require_full(w)
        number = 0
        while len(w.wgmma_groups) > left:
            for entry in w.wgmma_groups.pop(0):
                number = entry[0]
        if number:
            w.cta.races.completed(w, w.cta.races.wgmma, number)
        w.inflight.clear()
        w.operands.clear()
        for group in (*w.wgmma_groups, w.wgmmas):
            for _, d_registers, a_registers, _ in group:
                w.inflight |= d_registers
                w.operands |= a_registers

    return run
