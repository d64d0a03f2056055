# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What each op does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from .agents import ELEMENT, Agent, KeySlot, Product, Ring, Step
from .syntax import Block, Op

def _type(text: str) -> tuple[list[int], Any]:
    """Shape and element type of `!tile.frag<64x128xf32>`."""
    *sizes, element = re.search(r"<([^>]*)>", text)[1].split("x")
    return [int(size) for size in sizes], ELEMENT[element]


def _signed(value: int) -> int:
    return (int(value) + 2**31) % 2**32 - 2**31


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "arith.addi": lambda a, b: _signed(a + b),
    "arith.subi": lambda a, b: _signed(a - b),
    "arith.divui": lambda a, b: a // b,
    "arith.remui": lambda a, b: a % b,
    "arith.minsi": min,
    "arith.maxsi": max,
    "arith.shli": lambda a, b: _signed(a << b),
    "arith.shrui": lambda a, b: a >> b,
    "arith.andi": lambda a, b: a & b,
    "arith.xori": lambda a, b: a ^ b,
}
_PREDICATES: dict[int, Callable[[int, int], bool]] = {
    0: lambda a, b: a == b,
    2: lambda a, b: a < b,
}


def _run(agent: Agent, block: Block, arguments: list[Any]) -> Step:
    """Runs a region; returns the operands of its terminator."""
    agent.values.update(zip(block.arguments, arguments, strict=True))
    for op in block.ops:
        if op.name in ("scf.yield", "scf.condition"):
            return [agent.values[name] for name in op.operands]
        yield from execute(agent, op)
    return []


def _wait(agent: Agent, op: Op, ready: Callable[[], bool]) -> Step:
    agent.blocked_at = op
    yield ready
    agent.blocked_at = None


def execute(agent: Agent, op: Op) -> Step:
    """Runs one op; yields what it waits for. Raises TileError for a broken rule."""
    operands = [agent.values[name] for name in op.operands]
    results: list[Any]
    if op.name in _CONTROL:
        results = yield from _CONTROL[op.name](agent, op, operands)
    elif op.name in _ARITHMETIC:
        results = [_ARITHMETIC[op.name](*operands)]
    elif op.name in _OPS:
        results = _OPS[op.name](agent, op, *operands)
    else:
        raise agent.fail(op, "is not known to the interpreter")
    agent.values.update(zip(op.results, results or [], strict=True))


# --------------------------------------------------------------------------------------------------
# Control flow, rings and turns
# --------------------------------------------------------------------------------------------------


def _for(agent: Agent, op: Op, operands: list[Any]) -> Step:
    first, end, step, *state = operands
    for number in range(first, end, step):
        state = yield from _run(agent, op.regions[0], [number, *state])
    return state


def _while(agent: Agent, op: Op, state: list[Any]) -> Step:
    while True:
        more, *state = yield from _run(agent, op.regions[0], state)
        if not more:
            return state
        state = yield from _run(agent, op.regions[1], state)


def _if(agent: Agent, op: Op, operands: list[Any]) -> Step:
    return (yield from _run(agent, op.regions[0 if operands[0] else 1], []))


def _reserve(agent: Agent, op: Op, operands: list[Any]) -> Step:
    ring, position = operands
    yield from _wait(agent, op, lambda: ring.is_free(position))
    agent.filling.add((ring, position))
    return []


def _fill(agent: Agent, op: Op, ring: Ring, position: int, arrivals: int) -> None:
    if (ring, position) not in agent.filling:
        raise agent.fail(op, f"hands over {ring.name}[{position}] without having reserved it")
    agent.filling.remove((ring, position))
    ring.full[position % ring.slots] += arrivals


def _acquire(agent: Agent, op: Op, operands: list[Any]) -> Step:
    ring, position, *with_list = operands
    slots = [(ring, position)]
    if with_list:
        slots.append(tuple(with_list))
    for slot in slots:
        if slot in agent.held:
            raise agent.fail(op, f"acquires {slot[0].name}[{slot[1]}] twice")
    yield from _wait(agent, op, lambda: ring.is_full(position))
    if with_list and ring.committed_with[position % ring.slots] != slots[1]:
        raise agent.fail(op, f"{ring.name}[{position}] was not committed with that slot")
    agent.held.update(slots)
    return []


def _commit(agent: Agent, op: Op, ring: Ring, position: int, *with_list: Any) -> None:
    if with_list:
        agent.read(op, *with_list)
    ring.committed_with[position % ring.slots] = tuple(with_list) or None
    _fill(agent, op, ring, position, 33 if with_list else 32)


def _release(agent: Agent, op: Op, ring: Ring, position: int) -> None:
    agent.read(op, ring, position)
    agent.held.remove((ring, position))
    slot, use = ring.use(position)
    ring.free[slot] += agent.warps
    if ring.free[slot] > (use + 1) * ring.drains:
        raise agent.fail(op, f"{ring.name}[{position}] is released more often than drains says")
    if ring.free[slot] == (use + 1) * ring.drains:
        ring.data[slot] = None


def _skip(agent: Agent, op: Op, operands: list[Any]) -> Step:
    keys, listed, values, begin, end = operands
    for position in range(begin, end):
        yield from _acquire(agent, op, [keys, position, listed, position])
        _release(agent, op, keys, position)
        _release(agent, op, listed, position)
        yield from _acquire(agent, op, [values, position])
        _release(agent, op, values, position)
    return []


def _turn(agent: Agent, op: Op, operands: list[Any]) -> Step:
    turns, group, groups = agent.machine.turns, agent.group, agent.groups
    what = re.search(r"turn<(\w+)>", op.attributes["turn"])[1]
    if what == "start":
        if group == groups - 1:
            turns[0] = turns.get(0, 0) + 1
    elif what == "take":
        yield from _wait(agent, op, lambda: turns.get(group) == 1)
        turns[group] = 0
    else:
        following = (group + 1) % groups
        turns[following] = turns.get(following, 0) + 1
        if turns[following] > 1:
            raise agent.fail(op, "passes the turn twice")
    return []


# --------------------------------------------------------------------------------------------------
# Scalars and work
# --------------------------------------------------------------------------------------------------


def _constant(agent: Agent, op: Op) -> list[Any]:
    text = op.attributes["value"].split(" ")[0]
    return [text == "true" if text in ("true", "false") else int(text)]


def _compare(agent: Agent, op: Op, lhs: int, rhs: int) -> list[Any]:
    return [_PREDICATES[op.integer("predicate")](lhs, rhs)]


def _multiply(agent: Agent, op: Op, lhs: int, rhs: int) -> list[Any]:
    return [lhs * rhs if op.result_types[0] == "i64" else _signed(lhs * rhs)]


def _number(agent: Agent, round: int) -> int:
    """Of this block's item in a round; every other round goes backwards."""
    block, blocks = agent.machine.block, agent.machine.blocks
    return round * blocks + (blocks - 1 - block if round % 2 else block)


def _rounds(agent: Agent, op: Op, items: int) -> list[int]:
    round = 0
    while _number(agent, round) < items:
        round += 1
    return [round]


def _item(
    agent: Agent, op: Op, round: int, batches: int, heads: int, tiles: int, together: int
) -> list[int]:
    row_map = agent.machine.row_map
    blocks = -(-row_map.group // row_map.heads)
    columns = batches * heads * blocks
    number = _number(agent, round)
    for first in range(0, columns, together):
        width = min(together, columns - first)
        if number < width * tiles:
            break
        number -= width * tiles
    reverse, column = divmod(number, width)
    batch, inner = divmod(first + column, heads * blocks)
    return [batch, inner // blocks, inner % blocks, (tiles - 1 - reverse) * row_map.positions]


def _rows(agent: Agent, count: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position and head in the item of the rows of this agent, and which are not idle."""
    row_map = agent.machine.row_map
    size = agent.machine.fragment_rows
    rows = np.arange(count or size) + size * agent.group
    return rows // row_map.heads, rows % row_map.heads, rows < row_map.positions * row_map.heads


def _places(
    agent: Agent, head: int, head_block: int, row: int, limit: int, count: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Query head, query row and validity of the rows of this agent."""
    row_map = agent.machine.row_map
    position, local, valid = _rows(agent, count)
    local = head_block * row_map.heads + local
    valid = valid & (local < row_map.group) & (row + position < limit)
    return head * row_map.group + local, row + position, valid


def _document(agent: Agent, op: Op, cu_seqlens: Any, sequences: int, position: int) -> list[int]:
    number = int(np.searchsorted(cu_seqlens[: sequences + 1], position, side="right")) - 1
    return [int(cu_seqlens[number]), int(cu_seqlens[number + 1])]


def _collect(
    agent: Agent, op: Op, expiry: Any, batch: int, head: int, position: int, window: int,
    table: Any, row: int, capacity: int, documents: Any = None,
) -> list[int]:  # fmt: skip
    death = expiry[batch, head].astype(np.int64)
    if documents is not None:
        start, end = documents.reshape(-1, 2).T
        death = np.minimum(death + start, end)
    keys = np.arange(len(death))
    alive = keys[(keys + window <= position) & (position < death)][:capacity]
    table[row : row + len(alive)] = alive
    return [len(alive)]


# --------------------------------------------------------------------------------------------------
# Filling rings
# --------------------------------------------------------------------------------------------------


def _documents(op: Op, operands: list[Any]) -> Any:
    """The spans of the documents, where the op has them; its last two operands are optional."""
    *_, has_documents, _ = op.attributes["operandSegmentSizes"].split(",")
    return operands[12].reshape(-1, 2) if int(has_documents) else None


def _list_entries(agent: Agent, op: Op, operands: list[Any]) -> list[tuple[int, int, int, float]]:
    """(index, birth, death, score) of the keys: edges, those that all positions see, others."""
    (first, last, window, chunk, expiry, scores, _, batch, head, table, row, count) = operands[:12]
    documents = _documents(op, operands)

    def document(position: int) -> tuple[int, int]:
        return (0, 2**31) if documents is None else tuple(map(int, documents[position]))

    entries = []
    for key in range(max(document(first)[0], first - window + 1), last + 1):
        entries.append((key, key, min(key + window, document(key)[1]), np.inf))
    born = range(max(0, chunk - window + 1), last - window + 1)
    for key in [*(int(key) for key in table[row : row + count]), *born]:
        start, end = document(key)
        end = min(start + int(expiry[batch, head, key]), end)
        if end > max(first, key + window):
            score = min(float(scores[batch, head, key]), float(np.finfo(np.float32).max))
            entries.append((key, key + window, end, score))
    edges: set[int] = set()
    if op.attributes["operandSegmentSizes"].endswith("1>") and operands[-1]:
        edges.update(range(first, last + 1))
        edges.update(key - window + 1 for key in range(first, last + 1))

    def rank(entry: tuple[int, int, int, float]) -> int:
        index, birth, death, _ = entry
        if index in edges and birth == index:
            return 0
        return 1 if birth <= first and death > last else 2

    return sorted(entries, key=rank)


def _list_keys(agent: Agent, op: Op, operands: list[Any]) -> Step:
    ring, position, *rest = operands
    first, last, threshold = rest[0], rest[1], rest[6]
    entries = _list_entries(agent, op, rest)
    size = int(re.findall(r"\d+", ring.type)[1])
    # Thresholds never decrease in a document: that of the last position is the largest.
    tau = threshold[rest[7], rest[8], last]
    documents = _documents(op, rest)
    crossing = documents is not None and documents[first, 1] <= last
    for begin in range(0, max(len(entries), 1), size):
        keys = np.full((size, 4), [-1, 0, 0, 0], dtype=np.float64)
        part = entries[begin : begin + size]
        keys[: len(part)] = np.reshape(part, (-1, 4))
        flags = set()
        if any(not (birth <= first and death > last) for _, birth, death, _ in part):
            flags.add("masked")
        if crossing or any(not np.float32(score) - tau >= 1 for *_, score in part):
            flags.add("gated")
        if begin + size >= len(entries):
            flags.add("last")
        if len(part) < size:
            flags.add("masked")
        yield from _reserve(agent, op, [ring, position])
        agent.write(op, ring, position, KeySlot(keys, flags))
        _fill(agent, op, ring, position, 1)
        position += 1
    return [position]


def _gather(
    agent: Agent, op: Op, source: Any, batch: int, head: int, keys: Ring, at: int, ring: Ring,
    position: int, share: int = 0,
) -> None:  # fmt: skip
    index = agent.read(op, keys, at).keys[:, 0].astype(np.int64)
    data = ring.data[position % ring.slots]
    if data is None:
        data = np.full((len(index), source.shape[3]), np.nan, np.float32)
    count = len(index) // op.integer("shares", 1)
    for row in range(count * share, count * (share + 1)):
        data[row] = source[batch, head, index[row]] if index[row] >= 0 else 0
    agent.write(op, ring, position, data)


def _load_tile(
    agent: Agent, op: Op, source: Any, batch: int, head: int, head_block: int, row: int,
    limit: int, ring: Ring, position: int,
) -> None:  # fmt: skip
    count = int(re.findall(r"\d+", ring.type)[1])
    heads, rows, valid = _places(agent, head, head_block, row, limit, count)
    data = np.zeros((count, source.shape[3]), np.float32)
    data[valid] = source[batch, heads[valid], rows[valid]]
    agent.write(op, ring, position, data)


# --------------------------------------------------------------------------------------------------
# Fragments
# --------------------------------------------------------------------------------------------------


def _flag(agent: Agent, op: Op, ring: Ring, position: int) -> list[bool]:
    name = re.search(r"flag<(\w+)>", op.attributes["flag"])[1]
    return [name in agent.read(op, ring, position).flags]


def _positions(agent: Agent, op: Op, row: int, offset: int) -> list[Any]:
    return [_rows(agent)[0] + row + offset]


def _load_rows(
    agent: Agent, op: Op, source: Any, batch: int, head: int, at: Any, limit: int
) -> list[Any]:
    line = source[batch, head]
    return [np.where(at < limit, line[np.minimum(at, limit - 1)], np.float32(0))]


def _fill_value(agent: Agent, op: Op) -> list[Any]:
    shape, element = _type(op.result_types[0])
    text = op.attributes["value"].split(" ")[0]
    bits = np.uint32(int(text, 16)).view(np.float32) if text.startswith("0x") else float(text)
    return [np.full(shape, bits, element)]


def _product(agent: Agent, op: Op, compute: Callable[[], np.ndarray]) -> list[Any]:
    product = Product(compute)
    if op.result_types[0].startswith("!tile.frag"):
        return [compute()]
    agent.products.append(product)
    return [product]


def _mma_nt(agent: Agent, op: Op, lhs: Ring, at: int, rhs: Ring, position: int) -> list[Any]:
    size = agent.machine.fragment_rows
    rows = slice(size * agent.group, size * (agent.group + 1))
    return _product(
        agent,
        op,
        lambda: agent.read(op, lhs, at)[rows] @ agent.read(op, rhs, position).T,
    )


def _mma_nn(agent: Agent, op: Op, lhs: Any, rhs: Ring, position: int, sums: Any) -> list[Any]:
    if isinstance(sums, Product):
        raise agent.fail(op, "adds to a product that has not been waited for")
    return _product(
        agent, op, lambda: sums + lhs.astype(np.float32) @ agent.read(op, rhs, position)
    )


def _wait_product(agent: Agent, op: Op, product: Product) -> list[Any]:
    running = op.integer("outstanding", 0)
    while len(agent.products) > running:
        done = agent.products.pop(0)
        done.value = done.compute()
    if product in agent.products:
        raise agent.fail(op, "takes the result of a product that is still running")
    return [product.value]


def _gate(agent: Agent, op: Op, value: Any, ring: Ring, position: int, tau: Any) -> list[Any]:
    scores = agent.read(op, ring, position).keys[:, 3].astype(np.float32)
    gates = np.clip(np.nan_to_num(scores[None] - tau[:, None], nan=0, posinf=1, neginf=0), 0, 1)
    return [value * gates]


def _mask(agent: Agent, op: Op, value: Any, ring: Ring, position: int, at: Any) -> list[Any]:
    _, birth, death, _ = agent.read(op, ring, position).keys.T
    seen = (birth[None] <= at[:, None]) & (at[:, None] < death[None])
    return [np.where(seen, value, -np.inf)]


def _raise_maximum(
    agent: Agent, op: Op, x: Any, top: Any, shift: Any, total: Any, scale: float
) -> list[Any]:  # fmt: skip
    higher = np.maximum(top, np.fmax.reduce(x, axis=1))
    shift = -scale * np.where(np.isneginf(higher), 0, higher)
    decay = np.exp2(scale * top + shift)
    return [higher, shift, decay * total, decay]


def _exponentials(agent: Agent, op: Op, x: Any, shift: Any, total: Any, scale: float) -> list[Any]:
    weights = np.exp2(scale * x + shift[:, None])
    return [weights, total + weights.sum(axis=1)]


def _truncate(agent: Agent, op: Op, value: Any) -> list[Any]:
    return [value.astype(_type(op.result_types[0])[1])]


def _normalise(
    agent: Agent, op: Op, top: Any, total: Any, scale: float, sink: Any = None, head: int = 0,
    head_block: int = 0,
) -> list[Any]:  # fmt: skip
    empty = np.isneginf(top)
    safe = np.where(empty, 0, top)
    if sink is not None:
        heads, _, valid = _places(agent, head, head_block, 0, 2**31)
        logits = np.where(valid, sink[np.minimum(heads, len(sink) - 1)], 0)
        total = total + np.exp2(np.log2(np.e) * logits - scale * safe)
    with np.errstate(divide="ignore"):
        lse = np.log(total) + safe * scale * np.log(2)
    return [np.where(empty, 0, 1 / np.where(empty, 1, total)), np.where(empty, -np.inf, lse)]


def _store(
    agent: Agent, op: Op, value: Any, target: Any, batch: int, head: int, head_block: int, row: int,
    limit: int,
) -> None:  # fmt: skip
    heads, rows, valid = _places(agent, head, head_block, row, limit)
    target[batch, heads[valid], rows[valid]] = value[valid]


def _store_element(agent: Agent, op: Op, value: int, target: Any, index: int) -> None:
    target[index] = value


_CONTROL: dict[str, Callable[[Agent, Op, list[Any]], Step]] = {
    "scf.for": _for,
    "scf.while": _while,
    "scf.if": _if,
    "tile.reserve": _reserve,
    "tile.acquire": _acquire,
    "tile.skip": _skip,
    "tile.turn": _turn,
    "tile.list_keys": _list_keys,
}
_OPS: dict[str, Callable[..., list[Any] | None]] = {
    "arith.constant": _constant,
    "arith.cmpi": _compare,
    "arith.muli": _multiply,
    "arith.extui": lambda agent, op, value: [value],
    "arith.index_castui": lambda agent, op, value: [value],
    "arith.select": lambda agent, op, condition, yes, no: [yes if condition else no],
    "memref.load": lambda agent, op, source, index: [int(source[index])],
    "memref.store": _store_element,
    "tile.block": lambda agent, op: [agent.machine.block, agent.machine.blocks],
    "tile.thread": lambda agent, op: [agent.machine.thread],
    "tile.warp": lambda agent, op: [agent.group],
    "tile.warpgroup": lambda agent, op: [agent.group],
    "tile.rounds": _rounds,
    "tile.item": _item,
    "tile.document": _document,
    "tile.collect_survivors": _collect,
    "tile.commit": _commit,
    "tile.release": _release,
    "tile.gather": _gather,
    "tile.load_tile": _load_tile,
    "tile.flag": _flag,
    "tile.positions": _positions,
    "tile.load_rows": _load_rows,
    "tile.fill": _fill_value,
    "tile.mma_nt": _mma_nt,
    "tile.mma_nn": _mma_nn,
    "tile.wait": _wait_product,
    "tile.gate": _gate,
    "tile.mask": _mask,
    "tile.raise_maximum": _raise_maximum,
    "tile.exponentials": _exponentials,
    "tile.scale_rows": lambda agent, op, value, factor: [value * factor[:, None]],
    "tile.truncate": _truncate,
    "tile.normalise": _normalise,
    "tile.store_tile": _store,
    "tile.store_rows": _store,
}
