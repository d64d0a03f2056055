# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integers, bits, predicates, moves."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from .errors import EmulatorError
from .floats import DECODE, decode_float, flushed
from .program import DTYPES, SPECIAL, Decoder, Step, binary, computed, op, put, unary

WIDER = {"u16": np.uint32, "s16": np.int32, "u32": np.uint64, "s32": np.int64}
INTEGERS = {"u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "b16", "b32", "b64"}
UNSIGNED = {8: np.uint8, 16: np.uint16, 32: np.uint32, 64: np.uint64}


def high_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The upper half of a product of integers of 32 or 64 bits."""
    width = a.dtype.itemsize * 8
    if width < 64:
        wide = np.int64 if a.dtype.kind == "i" else np.uint64
        return (a.astype(wide) * b.astype(wide) >> width).astype(a.dtype)
    product = [(int(x) * int(y)) >> 64 for x, y in zip(a, b, strict=True)]
    return np.array(product, a.dtype)


@op("add", "sub", "mul", "mad", "min", "max", "neg", "abs", "div", "rem", "fma")
def arithmetic(d: Decoder) -> Step:
    """Integer forms here, float forms in `floats`."""
    kind = d.kind
    if kind not in INTEGERS:
        return decode_float(d)
    name, t = d.parts[0], DTYPES[kind]
    mods = d.modifiers(["lo", "hi", "wide", "sat", "cc", "relu"])
    if "relu" in mods and not (name in ("min", "max") and kind == "s32"):
        raise d.unsupported()
    if "cc" in mods or ("sat" in mods and not (name in ("add", "sub") and kind == "s32")):
        raise d.unsupported()
    if "wide" in mods:
        return wide(d, name, kind)
    dst, sources = d.target(0, t), [d.source(i, t) for i in range(1, len(d.args))]
    if name in ("neg", "abs"):
        return unary(np.negative if name == "neg" else np.abs, dst, sources[0])
    if name in ("div", "rem"):
        return divide(d, name, dst, *sources)
    if "hi" in mods:
        if name == "mul":
            return computed(high_product, dst, *sources)
        return computed(lambda a, b, c: high_product(a, b) + c, dst, *sources)
    if name == "mad":
        return computed(lambda a, b, c: a * b + c, dst, *sources)
    if "sat" in mods:
        f = np.add if name == "add" else np.subtract
        low, high = np.iinfo(np.int32).min, np.iinfo(np.int32).max
        return computed(
            lambda a, b: np.clip(f(a, b, dtype=np.int64), low, high).astype(np.int32), dst, *sources
        )
    functions = {"add": np.add, "sub": np.subtract, "mul": np.multiply}
    functions |= {"min": np.minimum, "max": np.maximum}
    if "relu" in mods:
        f = functions[name]
        return computed(lambda a, b: np.maximum(f(a, b), np.int32(0)), dst, *sources)
    return binary(functions[name], dst, *sources)


def wide(d: Decoder, name: str, kind: str) -> Step:
    """mul.wide and mad.wide: the product has twice the bits."""
    narrow, w = DTYPES[kind], WIDER[kind]
    dst, a, b = d.target(0, w), d.source(1, narrow), d.source(2, narrow)
    if name == "mul":
        return computed(lambda x, y: np.multiply(x, y, dtype=w), dst, a, b)
    return computed(lambda x, y, z: np.multiply(x, y, dtype=w) + z, dst, a, b, d.source(3, w))


def divide(d: Decoder, name: str, dst: int, a: int, b: int) -> Step:
    """div and rem round toward zero; a zero divisor in an active lane is an error."""

    def run(w):
        x, y = w.rows[a], w.rows[b]
        zero = y == 0
        if np.count_nonzero(zero):
            if np.count_nonzero(zero & w.mask):
                raise EmulatorError("integer division by zero")
            y = np.where(zero, y.dtype.type(1), y)
        remainder = np.fmod(x, y)
        put(w, dst, remainder if name == "rem" else (x - remainder) // y)

    return run


@op("mul24", "mad24")
def multiply24(d: Decoder) -> Step:
    t = DTYPES[d.kind]
    if "lo" not in d.modifiers(["lo"]):
        raise d.unsupported()

    def low24(x: np.ndarray) -> np.ndarray:
        return (x << t(8)) >> t(8)

    sources = [d.source(i, t) for i in range(1, len(d.args))]
    return computed(lambda a, b, c=0: (low24(a) * low24(b) + c).astype(t), d.target(0, t), *sources)


@op("sad")
def sum_of_differences(d: Decoder) -> Step:
    t = DTYPES[d.kind]
    sources = [d.source(i, t) for i in (1, 2, 3)]
    return computed(
        lambda a, b, c: np.maximum(a, b) - np.minimum(a, b) + c, d.target(0, t), *sources
    )


@op("and", "or", "xor")
def bitwise(d: Decoder) -> Step:
    t = DTYPES[d.kind]
    d.modifiers([])
    f = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}[d.parts[0]]
    if t is np.bool_:
        return binary(f, d.target(0, t), d.predicate(d.args[1]), d.predicate(d.args[2]))
    return binary(f, d.target(0, t), d.source(1, t), d.source(2, t))


@op("not")
def invert(d: Decoder) -> Step:
    t = DTYPES[d.kind]
    return unary(np.invert, d.target(0, t), d.source(1, t))


@op("cnot")
def logical_not(d: Decoder) -> Step:
    t = DTYPES[d.kind]
    return computed(lambda a: (a == 0).astype(t), d.target(0, t), d.source(1, t))


@op("shl", "shr")
def shift(d: Decoder) -> Step:
    """Amounts above the width act as the width."""
    t = DTYPES[d.kind]
    d.modifiers([])
    left, width = d.parts[0] == "shl", np.dtype(t).itemsize * 8
    signed = np.dtype(t).kind == "i"
    dst, a, b = d.target(0, t), d.source(1, t), d.source(2, np.uint32)

    def shifted(x: np.ndarray, n: np.ndarray) -> np.ndarray:
        amount = np.minimum(n, width - 1).astype(t)
        if signed:
            return x >> amount
        r = x << amount if left else x >> amount
        return np.where(n < width, r, t(0))

    return computed(shifted, dst, a, b)


@op("shf.l", "shf.r")
def funnel_shift(d: Decoder) -> Step:
    clamp = "clamp" in d.modifiers(["wrap", "clamp"])
    left = d.parts[1] == "l"

    def shifted(low: np.ndarray, high: np.ndarray, n: np.ndarray) -> np.ndarray:
        amount = (np.minimum(n, 32) if clamp else n & 31).astype(np.uint64)
        both = high.astype(np.uint64) << np.uint64(32) | low
        if left:
            # Of the upper word; shifting by 32 gives the lower one.
            return (both << amount >> np.uint64(32)).astype(np.uint32)
        return (both >> amount).astype(np.uint32)

    sources = [d.source(i, np.uint32) for i in (1, 2, 3)]
    return computed(shifted, d.target(0, np.uint32), *sources)


@op("bfe")
def extract(d: Decoder) -> Step:
    t, bits = DTYPES[d.kind], np.dtype(DTYPES[d.kind]).itemsize * 8
    signed = np.dtype(t).kind == "i"

    def extracted(a: np.ndarray, position: np.ndarray, length: np.ndarray) -> np.ndarray:
        out = []
        for x, p, n in zip(a.tolist(), position.tolist(), length.tolist(), strict=True):
            p, n = p & 0xFF, n & 0xFF
            field = (x & ((1 << bits) - 1)) >> p & ((1 << n) - 1)
            if signed and n and (x >> min(p + n - 1, bits - 1)) & 1:
                field |= -1 << min(n, max(bits - p, 0))
            out.append(field & ((1 << bits) - 1))
        return np.array(out, UNSIGNED[bits]).view(t)

    def unsigned(a: np.ndarray, position: np.ndarray, length: np.ndarray) -> np.ndarray:
        p, n = position & 0xFF, length & 0xFF
        keep = np.where(n < bits, (t(1) << np.minimum(n, bits - 1).astype(t)) - t(1), ~t(0))
        return np.where(p < bits, a >> np.minimum(p, bits - 1).astype(t), t(0)) & keep

    sources = [d.source(1, t), d.source(2, np.uint32), d.source(3, np.uint32)]
    return computed(extracted if signed else unsigned, d.target(0, t), *sources)


@op("bfi")
def insert(d: Decoder) -> Step:
    t, bits = DTYPES[d.kind], np.dtype(DTYPES[d.kind]).itemsize * 8

    def inserted(a: np.ndarray, b: np.ndarray, c: np.ndarray, n: np.ndarray) -> np.ndarray:
        position, length = c & 0xFF, n & 0xFF
        one = t(1)
        field = np.where(
            length < bits, (one << np.minimum(length, bits - 1).astype(t)) - one, ~t(0)
        )
        at = np.minimum(position, bits - 1).astype(t)
        keep = np.where(position < bits, field << at, t(0))
        return (b & ~keep) | (a << at & keep)

    sources = [d.source(1, t), d.source(2, t), d.source(3, np.uint32), d.source(4, np.uint32)]
    return computed(inserted, d.target(0, t), *sources)


@op("bfind")
def find_bit(d: Decoder) -> Step:
    t, bits = DTYPES[d.kind], np.dtype(DTYPES[d.kind]).itemsize * 8
    amount = "shiftamt" in d.modifiers(["shiftamt"])

    def found(a: np.ndarray) -> np.ndarray:
        out = []
        for x in a.tolist():
            n = (x if x >= 0 else ~x).bit_length() - 1
            out.append(n & 0xFFFFFFFF if n < 0 or not amount else bits - 1 - n)
        return np.array(out, np.uint32)

    return computed(found, d.target(0, np.uint32), d.source(1, t))


@op("popc")
def count_bits(d: Decoder) -> Step:
    t = DTYPES[d.kind]
    return computed(
        lambda a: np.unpackbits(a.view(np.uint8).reshape(32, -1), axis=1).sum(1),
        d.target(0, np.uint32),
        d.source(1, t),
    )


@op("clz")
def leading_zeros(d: Decoder) -> Step:
    t, bits = DTYPES[d.kind], np.dtype(DTYPES[d.kind]).itemsize * 8
    return computed(
        lambda a: np.array([bits - x.bit_length() for x in a.tolist()], np.uint32),
        d.target(0, np.uint32),
        d.source(1, t),
    )


@op("brev")
def reverse_bits(d: Decoder) -> Step:
    t, bits = DTYPES[d.kind], np.dtype(DTYPES[d.kind]).itemsize * 8
    return computed(
        lambda a: np.array([int(f"{x:0{bits}b}"[::-1], 2) for x in a.tolist()], t),
        d.target(0, t),
        d.source(1, t),
    )


@op("prmt")
def permute_bytes(d: Decoder) -> Step:
    mode = d.parts[2] if len(d.parts) > 2 else ""
    d.modifiers(["f4e", "b4e", "rc8", "ecl", "ecr", "rc16"])
    patterns: dict[str, Callable[[int], list[int]]] = {
        "f4e": lambda s: [s, s + 1, s + 2, s + 3],
        "b4e": lambda s: [s, (s - 1) & 7, (s - 2) & 7, (s - 3) & 7],
        "rc8": lambda s: [s] * 4,
        "ecl": lambda s: [max(s, i) for i in range(4)],
        "ecr": lambda s: [min(s, i) for i in range(4)],
        "rc16": lambda s: [0, 1, 0, 1] if s % 2 == 0 else [2, 3, 2, 3],
    }

    def permuted(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        if mode == "" and np.count_nonzero(c == c[0]) == 32:
            selectors = [int(c[0]) >> 4 * i & 15 for i in range(4)]
            sources = np.stack([a, b], 1).view(np.uint8)
            picked = sources[:, [s & 7 for s in selectors]]
            for i, s in enumerate(selectors):
                if s & 8:
                    picked[:, i] = (picked[:, i].view(np.int8) >> 7).view(np.uint8)
            return np.ascontiguousarray(picked).view(np.uint32)[:, 0]
        out = []
        for x, y, s in zip(a.tolist(), b.tolist(), c.tolist(), strict=True):
            both, value = y << 32 | x, 0
            chosen = patterns[mode](s & 3) if mode else [s >> 4 * i & 15 for i in range(4)]
            for i, k in enumerate(chosen):
                byte = both >> 8 * (k & 7) & 0xFF
                if k & 8 and not mode:
                    byte = 0xFF if byte & 0x80 else 0
                value |= byte << 8 * i
            out.append(value)
        return np.array(out, np.uint32)

    sources = [d.source(i, np.uint32) for i in (1, 2, 3)]
    return computed(permuted, d.target(0, np.uint32), *sources)


@op("lop3")
def lookup3(d: Decoder) -> Step:
    table = int(d.args[4], 0)
    d.modifiers([])

    def looked_up(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        r = np.zeros_like(a)
        for i, (x, y, z) in enumerate(itertools.product((~a, a), (~b, b), (~c, c))):
            if table >> i & 1:
                r |= x & y & z
        return r

    sources = [d.source(i, np.uint32) for i in (1, 2, 3)]
    return computed(looked_up, d.target(0, np.uint32), *sources)


COMPARE = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal,
    "lo": np.less, "ls": np.less_equal, "hi": np.greater, "hs": np.greater_equal,
}  # fmt: skip


def comparison(d: Decoder, name: str) -> tuple[Callable[..., np.ndarray], int, int]:
    """The function of a comparison and the slots of its operands, which it takes as rows."""
    kind = d.kind
    if kind in INTEGERS:
        t = DTYPES[kind]
        return COMPARE[name], d.source(1, t), d.source(2, t)
    decode, t = DECODE[kind]
    flush = "ftz" in d.parts

    def prepared(x: np.ndarray) -> np.ndarray:
        x = decode(x)
        return flushed(x) if flush else x

    a, b = d.source(1, t), d.source(2, t)
    if name in COMPARE and name != "ne":
        f = COMPARE[name]
        if kind == "f32" and not flush:
            return f, a, b
        return (lambda x, y: f(prepared(x), prepared(y))), a, b
    if name == "num":
        return (lambda x, y: ~(np.isnan(prepared(x)) | np.isnan(prepared(y)))), a, b
    if name == "nan":
        return (lambda x, y: np.isnan(prepared(x)) | np.isnan(prepared(y))), a, b
    if name == "ne":  # false when unordered; NumPy's is true
        return (lambda x, y: (prepared(x) < prepared(y)) | (prepared(x) > prepared(y))), a, b
    # equ, neu, ltu, leu, gtu, geu: true when unordered.
    opposite = {"equ": "ne", "neu": "eq", "ltu": "ge", "leu": "gt", "gtu": "le", "geu": "lt"}[name]
    if opposite == "ne":
        return (lambda x, y: ~((prepared(x) < prepared(y)) | (prepared(x) > prepared(y)))), a, b
    g = COMPARE[opposite]
    return (lambda x, y: ~g(prepared(x), prepared(y))), a, b


@op("setp")
def set_predicate(d: Decoder) -> Step:
    """setp.cmp[.bool][.ftz].type p[|q], a, b[, [!]c]"""
    p, q = d.pair(0)
    f, a, b = comparison(d, d.parts[1])
    combine = next((x for x in d.parts if x in ("and", "or", "xor")), None)
    d.modifiers([d.parts[1], "and", "or", "xor", "ftz"])
    dst = d.target(p, np.bool_)
    if combine is None and q == "_":
        if isinstance(f, np.ufunc):
            return binary(f, dst, a, b)
        return computed(f, dst, a, b)
    other = d.target(q, np.bool_)
    negated = combine is not None and d.args[3].startswith("!")
    c = d.predicate(d.args[3].lstrip("!").strip()) if combine else None
    g = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}.get(combine or "")

    def run(w):
        rows = w.rows
        r = f(rows[a], rows[b])
        second = ~r
        if g is not None:
            with_ = ~rows[c] if negated else rows[c]
            r, second = g(r, with_), g(second, with_)
        put(w, dst, r)
        put(w, other, second)

    return run


@op("set")
def set_value(d: Decoder) -> Step:
    """set.cmp[.ftz].dtype.stype d, a, b"""
    f, a, b = comparison(d, d.parts[1])
    kinds = [p for p in d.parts if p in DTYPES]
    d.modifiers([d.parts[1], "ftz"])
    t = DTYPES[kinds[0]]
    one = t(1.0) if kinds[0] == "f32" else ~t(0)
    return computed(lambda x, y: np.where(f(x, y), one, t(0)), d.target(0, t), a, b)


@op("selp")
def select(d: Decoder) -> Step:
    t = DTYPES[d.kind]
    dst, a, b, p = d.target(0, t), d.source(1, t), d.source(2, t), d.predicate(d.args[3])

    def run(w):
        rows = w.rows
        put(w, dst, np.where(rows[p], rows[a], rows[b]))

    return run


@op("slct")
def select_by_sign(d: Decoder) -> Step:
    kinds = [p for p in d.parts if p in DTYPES]
    t, s = DTYPES[kinds[0]], DTYPES[kinds[1]]
    sources = [d.source(1, t), d.source(2, t), d.source(3, s)]
    return computed(lambda a, b, c: np.where(c >= 0, a, b), d.target(0, t), *sources)


@op("mov")
def move(d: Decoder) -> Step:
    kind = d.kind
    t = DTYPES[kind]
    d.modifiers([])
    if d.args[1].startswith("{"):
        names = d.names(1)
        part = UNSIGNED[np.dtype(t).itemsize * 8 // len(names)]
        dst, sources = d.target(0, t), [d.source(n, part) for n in names]

        def pack(w):
            rows = w.rows
            packed = np.stack([rows[s] for s in sources], 1)
            put(w, dst, packed.view(t)[:, 0])

        return pack
    if d.args[0].startswith("{"):
        names = d.names(0)
        part = UNSIGNED[np.dtype(t).itemsize * 8 // len(names)]
        source = d.source(1, t)
        targets = [d.target(n, part) for n in names]

        def unpack(w):
            parts = w.rows[source].view(part).reshape(32, -1)
            for i, target in enumerate(targets):
                put(w, target, parts[:, i])

        return unpack
    text = d.args[1]
    if SPECIAL.match(text) and text.startswith(("%clock", "%globaltimer")):
        dst = d.target(0, t)
        return lambda w: put(w, dst, t((w.cta.grid.steps + w.steps) & 0x7FFFFFFF))
    dst, a = d.target(0, t), d.predicate(text) if kind == "pred" else d.source(1, t)

    def run(w):
        if w.full:
            w.rows[dst][...] = w.rows[a]
        else:
            np.copyto(w.rows[dst], w.rows[a], where=w.mask)

    return run
