# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Floats: arithmetic in f64, f32, f16, bf16 and their packed pairs, and conversions.

Results are correctly rounded, save that fma rounds twice (through f64) and that
the approximations (ex2, lg2, rcp, ...) are better than a GPU's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .program import DTYPES, Decoder, Step, binary, computed, op, unary

F32 = np.float32
U16, U32 = np.uint16, np.uint32
MAGNITUDE, FRACTION, ONE = U32(0x7FFFFFFF), U32(0x007FFFFF), U32(1)


def bf16_to_f32(bits: np.ndarray) -> np.ndarray:
    """bf16 bits (uint16) -> f32."""
    return (bits.astype(U32) << U32(16)).view(F32)


def f32_to_bf16(x: np.ndarray, toward_zero: bool = False) -> np.ndarray:
    """f32 -> bf16 bits, to nearest even or toward zero; NaN becomes 0x7fff."""
    u = np.ascontiguousarray(x, F32).view(U32)
    rounded = u if toward_zero else u + (U32(0x7FFF) + (u >> U32(16) & U32(1)))
    return np.where(np.isnan(x), U16(0x7FFF), (rounded >> U32(16)).astype(U16))


def f32_to_f16(x: np.ndarray, toward_zero: bool = False) -> np.ndarray:
    """f32 or f64 -> f16, to nearest even or toward zero."""
    r = x.astype(np.float16)
    if toward_zero:
        back = r.astype(x.dtype)
        away = np.abs(back) > np.abs(x)
        r = np.where(away, (r.view(U16) - U16(1)).view(np.float16), r)
    return r


def narrowed(x: np.ndarray, toward_zero: bool = False) -> np.ndarray:
    """f64 -> f32."""
    r = x.astype(F32)
    if toward_zero:
        away = np.abs(r.astype(np.float64)) > np.abs(x)
        r = np.where(away, np.nextafter(r, F32(0)), r)
    return r


def flushed(x: np.ndarray) -> np.ndarray:
    """Subnormal f32 become zeros of their sign."""
    if x.dtype != F32:
        return x
    # Minus one, zeros wrap around and are as large as can be.
    small = (x.view(U32) & MAGNITUDE) - ONE < FRACTION
    return np.where(small, np.copysign(F32(0), x), x) if np.count_nonzero(small) else x


def _pairs(x: np.ndarray, dtype: type) -> np.ndarray:
    return x.view(dtype)


# kind -> (function from the row to numbers, element type of the row)
DECODE: dict[str, tuple[Callable[[np.ndarray], np.ndarray], type]] = {
    "f32": (lambda x: x, F32),
    "f64": (lambda x: x, np.float64),
    "f16": (lambda x: x.astype(F32), np.float16),
    "bf16": (bf16_to_f32, U16),
    "f16x2": (lambda x: x.view(np.float16).astype(F32), U32),
    "bf16x2": (lambda x: bf16_to_f32(x.view(U16)), U32),
    "f32x2": (lambda x: x.view(F32), np.uint64),
}
# kind -> function from numbers to the row
ENCODE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "f32": lambda x: x.astype(F32, copy=False),
    "f64": lambda x: x,
    "f16": f32_to_f16,
    "bf16": f32_to_bf16,
    "f16x2": lambda x: f32_to_f16(x).view(U32),
    "bf16x2": lambda x: f32_to_bf16(x).view(U32),
    "f32x2": lambda x: x.astype(F32, copy=False).view(np.uint64),
}


def saturated(x: np.ndarray) -> np.ndarray:
    """Clamped to [0, 1]; NaN becomes +0."""
    return np.where(x > 0, np.minimum(x, x.dtype.type(1)), x.dtype.type(0))


def fused(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """a * b + c; for f32 and below the product is exact."""
    if a.dtype == np.float64:
        return a * b + c
    return (np.multiply(a, b, dtype=np.float64) + c).astype(F32)


def minimum_maximum(name: str, nan: bool, magnitude: bool) -> Callable[..., np.ndarray]:
    """min and max: a NaN operand loses unless .NaN; -0 is below +0."""
    f = (
        (np.minimum if name == "min" else np.maximum)
        if nan
        else (np.fmin if name == "min" else np.fmax)
    )

    def zero_aware(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if magnitude:
            sign = np.signbit(a) ^ np.signbit(b)
            r = f(np.abs(a), np.abs(b))
            return np.where(sign, -r, r)
        r = f(a, b)
        if np.count_nonzero(r) != r.size:
            zeros = (a == 0) & (b == 0)
            negative = (
                np.signbit(a) | np.signbit(b) if name == "min" else (np.signbit(a) & np.signbit(b))
            )
            r = np.where(zeros, np.where(negative, -np.zeros_like(r), np.zeros_like(r)), r)
        return r

    return zero_aware


FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "fma": fused, "mad": fused, "neg": np.negative, "abs": np.abs,
    "ex2": np.exp2, "lg2": np.log2, "rcp": np.reciprocal, "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x), "sin": np.sin, "cos": np.cos, "tanh": np.tanh,
}  # fmt: skip
FLOAT_MODIFIERS = ["rn", "ftz", "sat", "approx", "full", "NaN", "xorsign", "abs", "relu"]


def decode_float(d: Decoder) -> Step:
    """Arithmetic on floats. Only rounding to nearest is implemented."""
    name, kind = d.parts[0], d.kind
    mods = d.modifiers(FLOAT_MODIFIERS)
    decode, t = DECODE[kind]
    encode = ENCODE[kind]
    if name in ("min", "max"):
        f = minimum_maximum(name, "NaN" in mods, "xorsign" in mods)
    else:
        f = FUNCTIONS[name]
    dst, sources = d.target(0, t), [d.source(i, t) for i in range(1, len(d.args))]
    plain = not mods & {"ftz", "sat", "relu"} and kind in ("f32", "f64")
    if plain and isinstance(f, np.ufunc):
        return unary(f, dst, *sources) if len(sources) == 1 else binary(f, dst, *sources)
    flush, clamp, positive = "ftz" in mods and kind in ("f32", "f32x2"), "sat" in mods, "relu" in mods

    if kind == "f32" and not positive:

        def single(*rows: np.ndarray) -> np.ndarray:
            r = flushed(f(*map(flushed, rows))) if flush else f(*rows)
            return saturated(r) if clamp else r

        return computed(single, dst, *sources)

    def value(*rows: np.ndarray) -> np.ndarray:
        x = [decode(r) for r in rows]
        r = flushed(f(*map(flushed, x))) if flush else f(*x)
        if clamp:
            r = saturated(r)
        if positive:
            r = np.where(np.isnan(r), r, np.maximum(r, 0))
        return encode(r)

    return computed(value, dst, *sources)


@op("ex2", "lg2", "rcp", "sqrt", "rsqrt", "sin", "cos", "tanh")
def function(d: Decoder) -> Step:
    return decode_float(d)


@op("copysign")
def copy_sign(d: Decoder) -> Step:
    """copysign d, a, b: the sign of a, the magnitude of b."""
    t = DTYPES[d.kind]
    return computed(lambda a, b: np.copysign(b, a), d.target(0, t), d.source(1, t), d.source(2, t))


@op("testp")
def test_property(d: Decoder) -> Step:
    t, what = DTYPES[d.kind], d.parts[1]
    tiny = np.finfo(t).tiny
    tests = {
        "finite": np.isfinite, "infinite": np.isinf, "notanumber": np.isnan,
        "number": lambda x: ~np.isnan(x),
        "normal": lambda x: np.isfinite(x) & (np.abs(x) >= tiny),
        "subnormal": lambda x: (x != 0) & (np.abs(x) < tiny),
    }  # fmt: skip
    return computed(tests[what], d.target(0, np.bool_), d.source(1, t))


# ---- cvt
ROUND_TO_INTEGER = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}
INTEGER_KINDS = {"u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"}


def resized(d: Decoder, operand: int, kind: str, target: bool) -> tuple[int, type]:
    """The slot of an operand of cvt, whose register may be wider than its type."""
    text = d.args[operand]
    register = d.own_width(text)
    t = DTYPES[kind]
    if register is None or np.dtype(register).itemsize == np.dtype(t).itemsize:
        return (d.target(text, t) if target else d.source(text, t)), t
    return (d.target(text, register) if target else d.source(text, register)), register


@op("cvt")
def convert(d: Decoder) -> Step:
    kinds = [p for p in d.parts[1:] if p in DTYPES]
    mods = d.modifiers(["rn", "rz", "rni", "rzi", "rmi", "rpi", "ftz", "sat", "satfinite", "relu"])
    if len(kinds) != 2:
        raise d.unsupported()
    to, from_ = kinds
    if to in ("bf16x2", "f16x2"):
        return pack_halves(d, to, from_, mods)
    dst, dst_type = resized(d, 0, to, True)
    src, src_type = resized(d, 1, from_, False)
    from_integer, to_integer = from_ in INTEGER_KINDS, to in INTEGER_KINDS
    t_from, t_to = DTYPES[from_], DTYPES[to]

    def read(row: np.ndarray) -> np.ndarray:
        if src_type is t_from:
            return row
        return row.astype(np.dtype(f"u{np.dtype(t_from).itemsize}")).view(t_from)

    def write(x: np.ndarray) -> np.ndarray:
        if dst_type is t_to:
            return x
        # A narrow result fills the wider register with its sign or zeros.
        wide = np.dtype(dst_type)
        return x.astype(np.dtype(f"i{wide.itemsize}") if x.dtype.kind == "i" else wide).view(wide)

    if from_integer and to_integer:
        sat = "sat" in mods
        info = np.iinfo(t_to)

        def integers(row: np.ndarray) -> np.ndarray:
            x = read(row)
            if sat:
                x = np.array([min(max(v, info.min), info.max) for v in x.tolist()], t_to)
            return write(x.astype(t_to))

        return computed(integers, dst, src)
    if from_integer:
        if to not in ("f32", "f64", "f16", "bf16") or "rn" not in mods:
            raise d.unsupported()
        encode = ENCODE[to]
        if to == "f32":
            return computed(lambda row: read(row).astype(F32), dst, src)
        return computed(lambda row: encode(read(row).astype(np.float64)), dst, src)
    return float_conversion(d, to, from_, mods, dst, src, write if to_integer else None)


def float_conversion(
    d: Decoder,
    to: str,
    from_: str,
    mods: set[str],
    dst: int,
    src: int,
    write: Callable[[np.ndarray], np.ndarray] | None,
) -> Step:
    """cvt from a float; `write` is given for integer results."""
    decode, _ = DECODE[from_]
    flush = "ftz" in mods
    rounding = next((ROUND_TO_INTEGER[m] for m in mods if m in ROUND_TO_INTEGER), None)
    if write is not None:
        if rounding is None:
            raise d.unsupported("needs .rni, .rzi, .rmi or .rpi")
        t = DTYPES[to]
        low, high = int(np.iinfo(t).min), int(np.iinfo(t).max)

        def integers(row: np.ndarray) -> np.ndarray:
            x = decode(row)
            x = rounding(flushed(x) if flush else x).astype(np.float64)
            values = [
                0 if v != v else low if v <= low else high if v >= high else int(v)
                for v in x.tolist()
            ]
            return write(np.array(values, t))

        return computed(integers, dst, src)
    truncate, clamp, positive = "rz" in mods, "sat" in mods, "relu" in mods

    def floats(row: np.ndarray) -> np.ndarray:
        x = decode(row)
        if flush:
            x = flushed(x)
        if rounding is not None:
            x = rounding(x)
        if positive:
            x = np.where(np.isnan(x), x, np.maximum(x, 0))
        if clamp:
            x = saturated(x)
        if to == "f64":
            return x.astype(np.float64)
        if to == "f32":
            r = narrowed(x, truncate) if x.dtype == np.float64 else x
            return flushed(r) if flush else r
        if to == "f16":
            return f32_to_f16(x, truncate)
        return f32_to_bf16(x.astype(F32), truncate)

    return computed(floats, dst, src)


def pack_halves(d: Decoder, to: str, from_: str, mods: set[str]) -> Step:
    """cvt.rn.bf16x2.f32 d, a, b: a in the upper half."""
    if from_ != "f32" or len(d.args) != 3 or mods & {"ftz", "sat", "satfinite"}:
        raise d.unsupported()
    truncate, positive = "rz" in mods, "relu" in mods

    def half(x: np.ndarray) -> np.ndarray:
        if positive:
            x = np.where(np.isnan(x), x, np.maximum(x, F32(0)))
        if to == "bf16x2":
            return f32_to_bf16(x, truncate)
        r = f32_to_f16(x, truncate)
        return np.where(np.isnan(r), U16(0x7FFF), r.view(U16))

    def packed(high: np.ndarray, low: np.ndarray) -> np.ndarray:
        both = np.empty((32, 2), F32)
        both[:, 0], both[:, 1] = low, high
        return half(both).view(U32)[:, 0]

    return computed(packed, d.target(0, U32), d.source(1, F32), d.source(2, F32))


@op("cvta")
def convert_address(d: Decoder) -> Step:
    """cvta[.to].space: generic <-> shared or local; global, const and param are generic here."""
    from .program import LOCAL_WINDOW, SHARED_WINDOW

    space = next(p.split("::")[0] for p in d.parts[1:] if p not in ("to",))
    t = DTYPES[d.kind]
    window = {"shared": SHARED_WINDOW, "local": LOCAL_WINDOW, "global": 0, "const": 0, "param": 0}
    base = np.uint64(window[space])
    dst, src = d.target(0, t), d.source(1, t)
    f = np.subtract if "to" in d.parts else np.add
    return computed(lambda a: f(a, base), dst, src)
