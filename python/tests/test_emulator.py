# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The emulator's instructions against NumPy, on handwritten PTX."""

from __future__ import annotations

import numpy as np
import pytest
from ml_dtypes import bfloat16

from emulator_ptx import evaluate, integers, same

U8, U16, U32, U64 = np.uint8, np.uint16, np.uint32, np.uint64
I16, I32, I64, F32, F64 = np.int16, np.int32, np.int64, np.float32, np.float64
RNG = np.random.default_rng(1)
NAN, INF, ZERO = np.nan, np.inf, 0.0


def floats(dtype=F32, seed=0, special=True):
    """32 values with zeros, infinities, NaN, subnormals."""
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal(32) * 10.0 ** rng.integers(-3, 4, 32)).astype(dtype)
    if special:
        x[:10] = [NAN, INF, -INF, 0.0, -0.0, 1e-40, -1e-41, 1.0, 65519.0, -0.5]
    return rng.permutation(x)


A32, B32, C32 = integers(I32, 1), integers(I32, 2), integers(I32, 3)
A64, B64, C64 = integers(I64, 1), integers(I64, 2), integers(I64, 3)


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("add.s32 {d}, {0}, {1};", lambda a, b, c: a + b),
        ("sub.u32 {d}, {0}, {1};", lambda a, b, c: a - b),
        ("mul.lo.s32 {d}, {0}, {1};", lambda a, b, c: a * b),
        ("mad.lo.s32 {d}, {0}, {1}, {2};", lambda a, b, c: a * b + c),
        ("mul.hi.s32 {d}, {0}, {1};", lambda a, b, c: (a.astype(I64) * b) >> 32),
        ("min.s32 {d}, {0}, {1};", lambda a, b, c: np.minimum(a, b)),
        ("max.s32 {d}, {0}, -7;", lambda a, b, c: np.maximum(a, -7)),
        ("neg.s32 {d}, {0};", lambda a, b, c: -a),
        ("abs.s32 {d}, {0};", lambda a, b, c: np.abs(a)),
        ("and.b32 {d}, {0}, {1};", lambda a, b, c: a & b),
        ("or.b32 {d}, {0}, 0xff00;", lambda a, b, c: a | 0xFF00),
        ("xor.b32 {d}, {0}, {1};", lambda a, b, c: a ^ b),
        ("not.b32 {d}, {0};", lambda a, b, c: ~a),
        ("shl.b32 {d}, {0}, 5;", lambda a, b, c: a << 5),
        ("shl.b32 {d}, {0}, 32;", lambda a, b, c: a * 0),
        ("shr.s32 {d}, {0}, 40;", lambda a, b, c: a >> 31),
        ("shr.u32 {d}, {0}, 3;", lambda a, b, c: (a.view(U32) >> 3).view(I32)),
        ("lop3.b32 {d}, {0}, {1}, {2}, 0xE8;", lambda a, b, c: (a & b) | (a & c) | (b & c)),
        ("selp.b32 {d}, {0}, {1}, %p1;", lambda a, b, c: np.where(np.arange(32) < 7, a, b)),
        ("slct.s32.s32 {d}, {0}, {1}, {2};", lambda a, b, c: np.where(c >= 0, a, b)),
        ("add.sat.s32 {d}, {0}, {1};",
         lambda a, b, c: np.clip(a.astype(I64) + b, -(2**31), 2**31 - 1)),
        ("sad.s32 {d}, {0}, {1}, 5;", lambda a, b, c: np.maximum(a, b) - np.minimum(a, b) + I32(5)),
        ("cnot.b32 {d}, {0};", lambda a, b, c: (a == 0).astype(I32)),
        ("popc.b32 {d}, {0};", lambda a, b, c: [bin(x).count("1") for x in a.view(U32)]),
        ("clz.b32 {d}, {0};", lambda a, b, c: [32 - int(x).bit_length() for x in a.view(U32)]),
        ("brev.b32 {d}, {0};",
         lambda a, b, c: np.array([int(f"{x:032b}"[::-1], 2) for x in a.view(U32)], U32).view(I32)),
        ("bfe.u32 {d}, {0}, 5, 9;", lambda a, b, c: (a.view(U32) >> 5 & 511).view(I32)),
        ("bfe.s32 {d}, {0}, 5, 9;", lambda a, b, c: a << 18 >> 23),
        ("bfi.b32 {d}, {0}, {1}, 8, 4;", lambda a, b, c: (b & ~0xF00) | (a << 8 & 0xF00)),
        ("shf.l.wrap.b32 {d}, {0}, {1}, 12;",
         lambda a, b, c: (b << 12) | (a.view(U32) >> 20).view(I32)),
        ("shf.r.wrap.b32 {d}, {0}, {1}, 12;",
         lambda a, b, c: (a.view(U32) >> 12).view(I32) | (b << 20)),
        ("shf.l.clamp.b32 {d}, {0}, {1}, 40;", lambda a, b, c: a),
        ("prmt.b32 {d}, {0}, {1}, 0x5410;", lambda a, b, c: (a & 0xFFFF) | (b << 16)),
        ("prmt.b32 {d}, {0}, {1}, 0x00bb;", None),
        ("bfind.s32 {d}, {0};", None),
    ],
)  # fmt: skip
def test_integers_of_32_bits(text, function):
    got = evaluate(text, [A32, B32, C32], I32, "setp.lt.u32 %p1, %r0, 7;")
    if text.startswith("bfind"):
        function = lambda a, b, c: [  # noqa: E731
            (x if x >= 0 else ~x).bit_length() - 1 for x in a.tolist()
        ]
    elif function is None:
        # Selector 0xb: byte 3 of a, its sign in all bits; 0: byte 0 of a.
        low = A32.view(U8).reshape(32, 4)
        sign = np.where(low[:, 3] & 0x80, 0xFF, 0).astype(U32)
        same(got.view(U32), low[:, 0] * U32(0x1010000) | sign | sign << U32(8))
        return
    with np.errstate(over="ignore"):
        same(got, np.asarray(function(A32, B32, C32)).astype(I32))


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("add.s64 {d}, {0}, {1};", lambda a, b, c: a + b),
        ("mul.lo.s64 {d}, {0}, {1};", lambda a, b, c: a * b),
        ("mad.lo.s64 {d}, {0}, {1}, {2};", lambda a, b, c: a * b + c),
        ("mul.hi.s64 {d}, {0}, {1};",
         lambda a, b, c: [int(x) * int(y) >> 64 for x, y in zip(a, b, strict=True)]),
        ("shr.s64 {d}, {0}, 63;", lambda a, b, c: a >> 63),
        ("shl.b64 {d}, {0}, 64;", lambda a, b, c: a * 0),
        ("min.s64 {d}, {0}, {1};", lambda a, b, c: np.minimum(a, b)),
        ("bfe.s64 {d}, {0}, 60, 9;", lambda a, b, c: a >> 60),
        ("popc.b64 %r9, {0}; cvt.u64.u32 {d}, %r9;",
         lambda a, b, c: [bin(x).count("1") for x in a.view(U64)]),
    ],
)  # fmt: skip
def test_integers_of_64_bits(text, function):
    with np.errstate(over="ignore"):
        expected = np.asarray(function(A64, B64, C64)).astype(I64)
    same(evaluate(text, [A64, B64, C64], I64), expected)


def test_wide_products_and_division():
    wide = A32.astype(I64) * B32
    same(evaluate("mul.wide.s32 {d}, {0}, {1};", [A32, B32], I64), wide)
    with np.errstate(over="ignore"):
        same(evaluate("mad.wide.s32 {d}, {0}, {1}, {2};", [A32, B32, A64], I64), wide + A64)
    unsigned = A32.view(U32).astype(U64) * B32.view(U32)
    same(evaluate("mul.wide.u32 {d}, {0}, {1};", [A32, B32], U64), unsigned)
    divisor = np.where(B32 == 0, 3, B32 >> 20)
    divisor[(divisor == 0) | (divisor == -1)] = -5
    quotient = np.trunc(A32.astype(F64) / divisor).astype(I32)
    same(evaluate("div.s32 {d}, {0}, {1};", [A32, divisor], I32), quotient)
    same(evaluate("rem.s32 {d}, {0}, {1};", [A32, divisor], I32), A32 - quotient * divisor)
    same(evaluate("div.u32 {d}, {0}, 7;", [A32], U32), A32.view(U32) // 7)
    same(evaluate("rem.u64 {d}, {0}, 1000;", [A64], U64), A64.view(U64) % 1000)


COMPARISONS = {
    "eq": np.equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "ne": lambda a, b: (a < b) | (a > b), "num": lambda a, b: ~(np.isnan(a) | np.isnan(b)),
    "equ": lambda a, b: ~((a < b) | (a > b)), "ltu": lambda a, b: ~(a >= b),
    "neu": np.not_equal, "geu": lambda a, b: ~(a < b),
    "nan": lambda a, b: np.isnan(a) | np.isnan(b),
}  # fmt: skip


@pytest.mark.parametrize("name", list(COMPARISONS))
def test_comparisons_of_floats(name):
    a, b = floats(seed=1), floats(seed=2)
    b[::3] = a[::3]
    text = f"setp.{name}.f32 %p1, {{0}}, {{1}}; selp.b32 {{d}}, 1, 0, %p1;"
    same(evaluate(text, [a, b], U32), COMPARISONS[name](a, b))


def test_comparisons_of_integers_and_their_combination():
    text = "setp.lo.u32 %p1, {0}, {1}; selp.b32 {d}, 1, 0, %p1;"
    same(evaluate(text, [A32, B32], U32), A32.view(U32) < B32.view(U32))
    text = "setp.lt.and.s32 %p1|%p2, {0}, {1}, !%p3; selp.b32 %r9, 2, 0, %p2;"
    text += "selp.b32 %r10, 1, 0, %p1; or.b32 {d}, %r9, %r10;"
    third = np.arange(32) < 9
    got = evaluate(text, [A32, B32], U32, "setp.lt.u32 %p3, %r0, 9;")
    same(got, ((A32 < B32) & ~third) + 2 * ((A32 >= B32) & ~third))
    text = "setp.eq.s32 %p1, {0}, {0}; not.pred %p2, %p1; xor.pred %p3, %p1, %p2;"
    same(evaluate(text + "selp.b32 {d}, 1, 0, %p3;", [A32], U32), np.ones(32))


def flushed(x):
    return np.where(np.abs(x) < np.finfo(F32).tiny, np.copysign(F32(0), x), x).astype(F32)


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("add.rn.f32 {d}, {0}, {1};", lambda a, b, c: a + b),
        ("sub.f32 {d}, {0}, {1};", lambda a, b, c: a - b),
        ("mul.rn.f32 {d}, {0}, 0f3F000000;", lambda a, b, c: a * F32(0.5)),
        ("fma.rn.f32 {d}, {0}, {1}, {2};",
         lambda a, b, c: (a.astype(F64) * b + c).astype(F32)),
        ("add.rn.ftz.f32 {d}, {0}, {1};", lambda a, b, c: flushed(flushed(a) + flushed(b))),
        ("add.rn.sat.ftz.f32 {d}, {0}, {1};",
         lambda a, b, c: np.nan_to_num(np.clip(a + b, 0, 1), nan=0.0)),
        ("div.rn.f32 {d}, {0}, {1};", lambda a, b, c: a / b),
        ("sqrt.rn.f32 {d}, {0};", lambda a, b, c: np.sqrt(a)),
        ("neg.f32 {d}, {0};", lambda a, b, c: -a),
        ("abs.f32 {d}, {0};", lambda a, b, c: np.abs(a)),
        ("max.f32 {d}, {0}, {1};", lambda a, b, c: np.fmax(a, b)),
        ("min.f32 {d}, {0}, {1};", lambda a, b, c: np.fmin(a, b)),
        ("max.NaN.f32 {d}, {0}, {1};", lambda a, b, c: np.maximum(a, b)),
        ("copysign.f32 {d}, {0}, {1};", lambda a, b, c: np.copysign(b, a)),
        ("cvt.rni.f32.f32 {d}, {0};", lambda a, b, c: np.rint(a)),
        ("cvt.rzi.f32.f32 {d}, {0};", lambda a, b, c: np.trunc(a)),
        ("cvt.sat.f32.f32 {d}, {0};", lambda a, b, c: np.nan_to_num(np.clip(a, 0, 1), nan=0.0)),
    ],
)  # fmt: skip
def test_floats_of_32_bits(text, function):
    a, b, c = floats(seed=1), floats(seed=2), floats(seed=3)
    with np.errstate(all="ignore"):
        same(evaluate(text, [a, b, c], F32), np.asarray(function(a, b, c), F32))


def test_zeros_of_min_and_max():
    a, b = np.array([0.0, -0.0] * 16, F32), np.array([-0.0, -0.0, 0.0, 0.0] * 8, F32)
    assert not np.signbit(evaluate("max.f32 {d}, {0}, {1};", [a, b], F32)[[0, 2, 3]]).any()
    assert np.signbit(evaluate("min.f32 {d}, {0}, {1};", [a, b], F32)[[0, 1, 3]]).all()


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("ex2.approx.ftz", np.exp2), ("lg2.approx.ftz", np.log2),
        ("rcp.approx.ftz", lambda x: 1 / x),
        ("rcp.rn", lambda x: 1 / x), ("sqrt.approx.ftz", np.sqrt), ("tanh.approx", np.tanh),
        ("rsqrt.approx.ftz", lambda x: 1 / np.sqrt(x)), ("sin.approx", np.sin),
    ],
)  # fmt: skip
def test_approximations(name, function):
    x = np.abs(floats(seed=4, special=False)) % 50 + F32(0.01)
    got = evaluate(f"{name}.f32 {{d}}, {{0}};", [x], F32)
    np.testing.assert_allclose(got, function(x), rtol=1e-5)


def test_limits_of_approximations():
    x = np.array([-INF, INF, NAN, 0.0] * 8, F32)
    same(evaluate("ex2.approx.ftz.f32 {d}, {0};", [x], F32)[:4], [0, INF, NAN, 1])
    same(evaluate("lg2.approx.ftz.f32 {d}, {0};", [x], F32)[1:4], [INF, NAN, -INF])
    same(evaluate("div.full.f32 {d}, {0}, {1};", [x, x], F32), np.full(32, NAN, F32))


def test_conversions_between_integers():
    same(evaluate("cvt.s64.s32 {d}, {0};", [A32], I64), A32)
    same(evaluate("cvt.u64.u32 {d}, {0};", [A32], U64), A32.view(U32))
    same(evaluate("cvt.u32.u64 {d}, {0};", [A64], U32), A64.astype(U32))
    same(evaluate("cvt.s32.s8 {d}, {0};", [A32], I32), A32.astype(np.int8))
    same(evaluate("cvt.u16.u32 {d}, {0};", [A32], U16), A32.astype(U16))
    same(evaluate("cvt.sat.s16.s32 {d}, {0};", [A32], I16), np.clip(A32, -(2**15), 2**15 - 1))
    same(evaluate("cvt.sat.u32.s64 {d}, {0};", [A64], U32), np.clip(A64, 0, 2**32 - 1))


def test_conversions_with_floats():
    x = floats(seed=5)
    limited = np.clip(np.nan_to_num(x.astype(F64), nan=0.0), -(2.0**31), 2.0**31 - 1)
    same(evaluate("cvt.rzi.s32.f32 {d}, {0};", [x], I32), np.trunc(limited).astype(I32))
    same(evaluate("cvt.rni.s32.f32 {d}, {0};", [x], I32), np.rint(limited).astype(I32))
    positive = np.clip(np.nan_to_num(x.astype(F64), nan=0.0), 0, 2.0**32 - 1)
    same(evaluate("cvt.rzi.u32.f32 {d}, {0};", [x], U32), np.trunc(positive).astype(U32))
    same(evaluate("cvt.rn.f32.s32 {d}, {0};", [A32], F32), A32.astype(F32))
    same(evaluate("cvt.rn.f32.u32 {d}, {0};", [A32], F32), A32.view(U32).astype(F32))
    same(evaluate("cvt.rn.f64.s64 {d}, {0};", [A64], F64), A64.astype(F64))
    same(evaluate("cvt.f64.f32 {d}, {0};", [x], F64), x.astype(F64))
    same(
        evaluate("cvt.rn.f32.f64 {d}, {0};", [x.astype(F64) / 3], F32),
        (x.astype(F64) / 3).astype(F32),
    )


@pytest.mark.parametrize("half", ["bf16", "f16"])
def test_conversions_with_halves(half):
    dtype = bfloat16 if half == "bf16" else np.float16
    x, y = floats(seed=6), floats(seed=7)
    with np.errstate(over="ignore"):
        expected = x.astype(dtype)
        pair = np.stack([y.astype(dtype), expected], 1)
    got = evaluate(f"cvt.rn.{half}.f32 {{d}}, {{0}};", [x], U16).view(dtype)
    same(got.astype(F32), expected.astype(F32))
    same(evaluate(f"cvt.f32.{half} {{d}}, {{0}};", [expected.view(U16)], F32), expected.astype(F32))
    got = evaluate(f"cvt.rn.{half}x2.f32 {{d}}, {{0}}, {{1}};", [x, y], U32)
    same(got.view(dtype).reshape(32, 2).astype(F32), pair.astype(F32))
    truncated = evaluate(f"cvt.rz.{half}.f32 {{d}}, {{0}};", [x], U16).view(dtype).astype(F32)
    finite = np.isfinite(x) & (np.abs(x) < 60000)
    assert (np.abs(truncated[finite]) <= np.abs(x[finite])).all()
    positive = evaluate(f"cvt.rn.relu.{half}x2.f32 {{d}}, {{0}}, {{1}};", [x, y], U32)
    assert not (positive.view(dtype).astype(F32) < 0).any()


@pytest.mark.parametrize("half", ["bf16", "f16"])
def test_arithmetic_of_halves(half):
    dtype = bfloat16 if half == "bf16" else np.float16
    x, y = (floats(seed=s, special=False).astype(dtype) for s in (8, 9))
    bits = [x.view(U16), y.view(U16)]
    for name, f in (("add", np.add), ("mul", np.multiply), ("max", np.fmax)):
        rounding = "" if name == "max" else ".rn"
        got = evaluate(f"{name}{rounding}.{half} {{d}}, {{0}}, {{1}};", bits, U16).view(dtype)
        with np.errstate(over="ignore"):
            expected = f(x.astype(F32), y.astype(F32)).astype(dtype)
        same(got.astype(F32), expected.astype(F32))
    pairs = [np.stack([v, v], 1).view(U32)[:, 0] for v in bits]
    got = evaluate(f"fma.rn.{half}x2 {{d}}, {{0}}, {{1}}, {{1}};", pairs, U32).view(dtype)
    with np.errstate(over="ignore"):
        expected = (x.astype(F64) * y.astype(F64) + y.astype(F64)).astype(F32).astype(dtype)
    same(got.reshape(32, 2)[:, 1].astype(F32), expected.astype(F32))


def test_arithmetic_of_pairs():
    x, y, z = (floats(seed=s, special=False) for s in (8, 9, 10))
    words = [np.stack([v, v[::-1]], 1).copy().view(U64)[:, 0] for v in (x, y, z)]
    got = evaluate("fma.rn.ftz.f32x2 {d}, {0}, {1}, {2};", words, U64).view(F32).reshape(32, 2)
    single = evaluate("fma.rn.ftz.f32 {d}, {0}, {1}, {2};", [x, y, z], F32)
    same(got[:, 0], single)
    same(got[:, 1], single[::-1])


def test_moves():
    same(evaluate("mov.b64 {d}, {{{0}, {1}}};", [A32, B32], U64),
         A32.view(U32).astype(U64) | B32.view(U32).astype(U64) << U64(32))  # fmt: skip
    same(evaluate("mov.b64 {{%r9, {d}}}, {0};", [A64], U32), (A64.view(U64) >> U64(32)).astype(U32))
    same(evaluate("mov.b32 {{%h1, {d}}}, {0};", [A32], U16), (A32.view(U32) >> U32(16)).astype(U16))
    same(evaluate("mov.f32 {d}, 0fBFC00000;", [A32], F32), np.full(32, -1.5, F32))
    same(evaluate("mov.u32 {d}, %laneid;", [A32], U32), np.arange(32))
    same(evaluate("mov.u32 {d}, %lanemask_lt;", [A32], U32), (1 << np.arange(32)) - 1)
    same(evaluate("@%p1 mov.b32 {d}, 5;", [A32], I32, "setp.lt.u32 %p1, %r0, 3;", True),
         np.where(np.arange(32) < 3, 5, A32))  # fmt: skip
    same(evaluate("@!%p1 mov.b32 {d}, 5;", [A32], I32, "setp.lt.u32 %p1, %r0, 3;", True),
         np.where(np.arange(32) < 3, A32, 5))  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "b", "c", "source"),
    [
        ("bfly", 5, 31, np.arange(32) ^ 5),
        ("idx", 3, 31, np.full(32, 3)),
        ("idx", 3, (24 << 8) | 31, np.arange(32) // 8 * 8 + 3),
        ("up", 2, 0, np.maximum(np.arange(32) - 2, np.where(np.arange(32) < 2, np.arange(32), 0))),
        ("down", 4, 31, np.where(np.arange(32) + 4 < 32, np.arange(32) + 4, np.arange(32))),
    ],
)
def test_shuffles(mode, b, c, source):
    text = f"shfl.sync.{mode}.b32 {{d}}|%p1, {{0}}, {b}, {c}, -1;"
    same(evaluate(text, [A32], I32), A32[source])
    moved = evaluate(text + "selp.b32 {d}, 1, 0, %p1;", [A32], I32)
    same(moved, np.array(mode in ("bfly", "idx")) | (source != np.arange(32)))


def test_votes_matches_and_reductions():
    few = (np.arange(32) * 7 % 5).astype(U32)
    same(evaluate("vote.sync.ballot.b32 {d}, %p1, -1;", [few], U32, "setp.lt.u32 %p1, %r0, 9;"),
         np.full(32, 511))  # fmt: skip
    for mode, value in (("any", 1), ("all", 0), ("uni", 0)):
        text = f"vote.sync.{mode}.pred %p2, %p1, -1; selp.b32 {{d}}, 1, 0, %p2;"
        same(evaluate(text, [few], U32, "setp.lt.u32 %p1, %r0, 9;"), np.full(32, value))
    expected = [sum(1 << j for j in range(32) if few[j] == few[i]) for i in range(32)]
    same(evaluate("match.any.sync.b32 {d}, {0}, -1;", [few], U32), expected)
    same(evaluate("redux.sync.max.s32 {d}, {0}, -1;", [A32], I32), np.full(32, A32.max()))
    same(evaluate("redux.sync.add.u32 {d}, {0}, -1;", [few], U32), np.full(32, few.sum()))
    same(
        evaluate("elect.sync %r9|%p1, -1; selp.b32 {d}, 1, 0, %p1;", [few], U32), np.arange(32) == 0
    )
    same(evaluate("activemask.b32 {d};", [few], U32), np.full(32, 0xFFFFFFFF))
