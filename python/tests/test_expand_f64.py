# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`sparsek-expand-f64`: integer instructions give the bits of those for f64."""

from __future__ import annotations

import numpy as np
import pytest

import sparsek

pytestmark = pytest.mark.library

# Buffers of bits go in and out, so that no instruction for f64 is left.
TEXT = """
#id = affine_map<(i) -> (i)>
func.func @f(%a: tensor<?xi64>, %b: tensor<?xi64>, %o: tensor<?xi64>) -> tensor<?xi64> {{
  %r = linalg.generic {{indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}}
      ins(%a, %b : tensor<?xi64>, tensor<?xi64>) outs(%o : tensor<?xi64>) {{
  ^bb0(%n: i64, %m: i64, %z: i64):
    %x = arith.bitcast %n : i64 to f64
    %y = arith.bitcast %m : i64 to f64
{body}
    linalg.yield %s : i64
  }} -> tensor<?xi64>
  return %r : tensor<?xi64>
}}
"""
EXPAND = (
    "sparsek-bufferization-pipeline,func.func(convert-linalg-to-loops,"
    "sparsek-expand-f64,canonicalize)"
)
NAN = 0x7FF8000000000000


def to_bits(result: str) -> str:
    return f"    {result}\n    %s = arith.bitcast %r : f64 to i64"


BINARY = {
    name: (to_bits(f"%r = arith.{name} %x, %y : f64"), function)
    for name, function in (
        ("addf", np.add),
        ("subf", np.subtract),
        ("mulf", np.multiply),
        ("divf", np.divide),
    )
}
UNARY = {
    "sqrt": (to_bits("%r = math.sqrt %x : f64"), np.sqrt),
    "abs": (to_bits("%r = math.absf %x : f64"), np.abs),
    "neg": (to_bits("%r = arith.negf %x : f64"), np.negative),
    "constant": (
        "    %c = arith.constant 0x8000000000000001 : f64\n"
        + to_bits("%r = arith.subf %c, %x : f64"),
        lambda x: -5e-324 - x,
    ),
}
ORDERED = {
    "oeq": np.equal,
    "olt": np.less,
    "ole": np.less_equal,
    "ogt": np.greater,
    "oge": np.greater_equal,
}
INVERSE = {"une": "oeq", "uge": "olt", "ugt": "ole", "ule": "ogt", "ult": "oge"}


def special_f64() -> np.ndarray:
    """Zeros, the largest and smallest numbers, powers of two with neighbours."""
    powers = np.ldexp(1.0, np.arange(-1074, 1024, 23))
    edges = np.array([0, 5e-324, 2.0**-1022, 1, 1.5, 3, 1e308, np.inf, np.nan])
    edges = np.append(edges, np.finfo(np.float64).max)
    values = np.concatenate([edges, np.nextafter(powers, np.inf), powers])
    return np.concatenate([values, -values])


def pairs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Operands, as bits: any, near ones, special ones with each other."""
    rng = np.random.default_rng(seed)
    count = 200_000
    any_bits = rng.integers(0, 2**64, (2, count), np.uint64)
    near = rng.standard_normal((2, count)) * 2.0 ** rng.integers(-60, 60, (2, count))
    near[1, ::3] = near[0, ::3] * (1 + rng.integers(-4, 5, count)[::3] * 2.0**-52)
    # Few bits are set: exact ties.
    short = rng.integers(-64, 64, (2, count)) * 2.0 ** rng.integers(-55, 55, (2, count))
    tiny = rng.integers(0, 2**54, (2, count), np.uint64)
    special = special_f64()
    grid = np.stack(np.meshgrid(special, special)).reshape(2, -1)
    both = np.concatenate(
        [any_bits, near.view(np.uint64), short.view(np.uint64), tiny,
         grid.view(np.uint64)], axis=1,
    )  # fmt: skip
    return both[0].view(np.int64), both[1].view(np.int64)


def run(body: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    source = TEXT.format(body=body)
    assert "f64" in source and "f64" not in sparsek.opt(source, EXPAND)
    compiled = sparsek.compile(source, pipeline=f"{EXPAND},sparsek-lower-to-llvm-pipeline")
    return compiled.run(a, b, np.zeros_like(a))[0]


def check(got: np.ndarray, expected: np.ndarray) -> None:
    bits = expected.view(np.int64).copy()
    bits[np.isnan(expected)] = NAN
    wrong = np.flatnonzero(got != bits)
    assert wrong.size == 0, (
        f"{wrong.size} of {got.size}, the first at {wrong[0]}: "
        f"{got[wrong[0]]:#x} instead of {bits[wrong[0]]:#x}"
    )


@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    body, function = BINARY[name]
    a, b = pairs(1)
    with np.errstate(all="ignore"):
        expected = function(a.view(np.float64), b.view(np.float64))
    check(run(body, a, b), expected)


@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str) -> None:
    body, function = UNARY[name]
    a, _ = pairs(2)
    if name in ("abs", "neg"):  # of bits, those of NaN included
        a = a[~np.isnan(a.view(np.float64))]
    with np.errstate(all="ignore"):
        expected = function(a.view(np.float64))
    check(run(body, a, a), expected)


@pytest.mark.parametrize("name", [*ORDERED, *INVERSE, "one", "ueq", "ord", "uno"])
def test_comparison(name: str) -> None:
    a, b = pairs(3)
    x, y = a.view(np.float64), b.view(np.float64)
    unordered = np.isnan(x) | np.isnan(y)
    if name in ORDERED:
        expected = ORDERED[name](x, y)
    elif name in INVERSE:
        expected = ~ORDERED[INVERSE[name]](x, y)
    else:
        expected = {
            "one": ~unordered & (x != y),
            "ueq": unordered | (x == y),
            "ord": ~unordered,
            "uno": unordered,
        }[name]
    body = f"    %c = arith.cmpf {name}, %x, %y : f64\n    %s = arith.extui %c : i1 to i64"
    np.testing.assert_array_equal(run(body, a, b), expected.astype(np.int64))


def test_select() -> None:
    a, b = pairs(4)
    body = "    %c = arith.cmpf olt, %x, %y : f64\n" + to_bits(
        "%r = arith.select %c, %x, %y : f64"
    )
    expected = np.where(a.view(np.float64) < b.view(np.float64), a, b)
    np.testing.assert_array_equal(run(body, a, b), expected)


@pytest.mark.parametrize("bits", [64, 32])
def test_from_integer(bits: int) -> None:
    a, _ = pairs(5)
    short = [0, 1, -1, 2**53, 2**53 + 1, 2**53 + 3, 2**63 - 1, -(2**63), 2**62 + 256]
    a = np.concatenate([np.array(short), a, a >> 20, a >> 40])
    body = f"    %i = arith.trunci %n : i64 to i{bits}\n" if bits < 64 else ""
    source = "%i" if bits < 64 else "%n"
    body += to_bits(f"%r = arith.sitofp {source} : i{bits} to f64")
    integers = a if bits == 64 else a.astype(np.int32)
    check(run(body, a, a), integers.astype(np.float64))


def test_from_f32() -> None:
    rng = np.random.default_rng(6)
    a = rng.integers(0, 2**32, 500_000, np.uint64)
    tiny = rng.integers(0, 2**24, 500_000, np.uint64)
    edges = [0, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000]
    a = np.concatenate([a, tiny, np.array(edges, np.uint64)])
    a = np.concatenate([a, a ^ np.uint64(2**31)]).view(np.int64)
    body = (
        "    %t = arith.trunci %n : i64 to i32\n    %f = arith.bitcast %t : i32 to f32\n"
        + to_bits("%r = arith.extf %f : f32 to f64")
    )
    with np.errstate(all="ignore"):
        expected = a.astype(np.uint32).view(np.float32).astype(np.float64)
    check(run(body, a, a), expected)


def test_to_f32() -> None:
    rng = np.random.default_rng(7)
    a, _ = pairs(7)
    # Numbers of f32 and what lies between two of them.
    singles = rng.integers(0, 2**32, 500_000, np.uint64).astype(np.uint32)
    with np.errstate(all="ignore"):
        wide = singles.view(np.float32).astype(np.float64)
        halves = wide * (1 + 2.0 ** -rng.integers(22, 28, wide.size).astype(np.float64))
        values = np.concatenate([a.view(np.float64), wide, halves])
        values = np.concatenate([values, np.nextafter(halves, 0)])
        expected = values.astype(np.float32)
    body = """    %f = arith.truncf %x : f64 to f32
    %t = arith.bitcast %f : f32 to i32
    %s = arith.extui %t : i32 to i64"""
    a = values.view(np.int64)
    bits = expected.view(np.uint32).astype(np.int64)
    bits[np.isnan(expected)] = 0x7FC00000
    np.testing.assert_array_equal(run(body, a, a), bits)


VECTORS = """
func.func @f(%a: memref<4xf64>, %o: memref<4xf64>) {
  %c0 = arith.constant 0 : index
  %x = vector.load %a[%c0] : memref<4xf64>, vector<4xf64>
  %c = arith.constant dense<[1.0, -2.0, 0.5, 3.0]> : vector<4xf64>
  %s = arith.addf %x, %c : vector<4xf64>
  %r = math.sqrt %s : vector<4xf64>
  vector.store %r, %o[%c0] : memref<4xf64>, vector<4xf64>
  return
}
"""


def test_vectors_keep_the_types_of_buffers() -> None:
    text = sparsek.opt(VECTORS, "func.func(sparsek-expand-f64)")
    kept = [line for line in text.splitlines() if "f64" in line]
    assert all("memref<4xf64>" in line or "bitcast" in line for line in kept)
    assert len(kept) == 5  # the function, an access and a bitcast each way
