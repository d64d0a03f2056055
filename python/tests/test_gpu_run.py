# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions compiled by sparsek-nvvm-pipeline and called: the compiled host with a driver that runs
kernels in the PTX emulator."""

from __future__ import annotations

import functools

import ml_dtypes
import numpy as np
import pytest

import fake_cuda
import oracle
import sparsek
from sparsek import SparsekError

pytestmark = fake_cuda.needs_fake

DTYPES = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}
SELECTION = [
    "sort_tiles",
    "rank_table",
    "boundaries_128",
    "rank_scan",
    "thresholds_32",
    "expiries",
]
TOLERANCE = {"f32": 2e-6, "f16": 2e-3, "bf16": 1e-2}


@pytest.fixture(autouse=True)
def driver():
    fake_cuda.driver().fakeReset()
    yield fake_cuda.driver()
    assert fake_cuda.driver().fakeCountAllocations() == 0


@functools.cache
def compiled(source: str, options: str = "") -> sparsek.Executable:
    return sparsek.compile(source, pipeline=f"sparsek-nvvm-pipeline{{{options}}}")


def normal(seed: int, *shape: int, dtype: str = "f32") -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(DTYPES[dtype])


def close(got: np.ndarray, expected: np.ndarray, dtype: str) -> None:
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(got.astype(np.float64), expected, rtol=tolerance, atol=tolerance)


def attention_source(
    dtype: str,
    size: int,
    op: str = "attention",
    sink: bool = False,
    packed: bool = False,
    budget: tuple[int, int] = (3, 2),
) -> str:
    heads, single = f"tensor<1x4x?x{size}x{dtype}>", f"tensor<1x2x?x{size}x{dtype}>"
    types = [heads, single, single, "tensor<1x1x?xf32>"]
    names = ["%q", "%k", "%v", "%u"]
    if op == "gathered_attention":
        types += ["tensor<1x1x?xf32>", "tensor<1x1x?xi32>"]
        names += ["%tau", "%expiry"]
    more = ""
    operands = ", ".join(names)
    for given, name, keyword, type in (
        (sink, "%sink", "sink", "tensor<4xf32>"),
        (packed, "%bounds", "cu_seqlens", "tensor<?xi32>"),
    ):
        if given:
            types.append(type)
            names.append(name)
            more += f" {keyword}({name})"
    arguments = ", ".join(f"{name}: {type}" for name, type in zip(names, types, strict=True))
    results = f"{heads}, tensor<1x4x?xf32>"
    return (
        f"func.func @f({arguments}) -> ({results}) {{\n"
        f"  %r:2 = sparsek.{op} {operands} topk({budget[0]}) window({budget[1]}) "
        f"scale(0.25){more} : "
        f"{', '.join(types)}\n  return %r#0, %r#1 : {results}\n}}\n"
    )


def attend(
    dtype: str,
    size: int,
    chip: str,
    *,
    sink: bool = False,
    rows: int = 5,
    keys: int = 9,
    bounds: np.ndarray | None = None,
    budget: tuple[int, int] = (3, 2),
) -> list[str]:
    """Compares attention with the oracle; returns the kernels that ran."""
    q = normal(3, 1, 4, rows, size, dtype=dtype)
    k, v = (normal(seed, 1, 2, keys, size, dtype=dtype) for seed in (4, 5))
    u = normal(6, 1, 1, keys)
    logits = np.linspace(-1, 1, 4).astype(np.float32) if sink else None
    source = attention_source(dtype, size, sink=sink, packed=bounds is not None, budget=budget)
    more = [array for array in (logits, bounds) if array is not None]
    with fake_cuda.emulated() as launched:
        o, lse = compiled(source, f"chip={chip}").run(q, k, v, u, *more)
    expected_o, expected_lse = oracle.attention(
        q, k, v, u, topk=budget[0], window=budget[1], gate="key_value", scale=0.25, sink=logits,
        cu_seqlens=bounds,
    )  # fmt: skip
    close(o, expected_o, dtype)
    close(lse, expected_lse, "f32" if dtype == "f32" else dtype)
    return launched


@pytest.mark.parametrize("dtype", ["bf16", "f16"])
@pytest.mark.parametrize("sink", [False, True])
def test_tile_programs(dtype: str, sink: bool) -> None:
    """Selection and attention, with no other kernel around them."""
    assert attend(dtype, 16, "sm_90a", sink=sink) == [*SELECTION, "survivors", "attention"]


def test_tile_programs_of_some_chunks() -> None:
    """Boundaries, and keys that come and go."""
    launched = attend("bf16", 16, "sm_90a", rows=150, keys=150, budget=(20, 30))
    assert launched == [*SELECTION, "survivors", "attention"]


def test_tile_programs_of_documents() -> None:
    bounds = np.array([0, 60, 60, 61, 150], np.int32)
    launched = attend("bf16", 16, "sm_90a", rows=150, keys=150, bounds=bounds, budget=(8, 10))
    tiles = [name for name in launched if name != "f_kernel"]  # The rest checks the bounds.
    assert tiles == ["documents", *SELECTION, "documents", "survivors", "attention"]


def test_documents_are_checked() -> None:
    source = attention_source("bf16", 16, packed=True)
    arrays = [normal(i, 1, h, 9, 16, dtype="bf16") for i, h in enumerate((4, 2, 2))]
    arrays += [normal(3, 1, 1, 9), np.array([0, 6, 4, 9], np.int32)]
    with (
        pytest.raises(SparsekError, match="'sparsek.topk_mask' op S4: cu_seqlens must not decr"),
        fake_cuda.emulated(),
    ):
        compiled(source).run(*arrays)


@pytest.mark.parametrize("dtype, size", [("f32", 16), ("bf16", 12)])
def test_tile_programs_beside_plain_kernels(dtype: str, size: int) -> None:
    """Attention by definition: one function."""
    launched = attend(dtype, size, "sm_90a")
    assert launched[: len(SELECTION)] == SELECTION
    assert set(launched[len(SELECTION) :]) == {"f_kernel"}


def test_where_no_tile_program_fits() -> None:
    assert set(attend("bf16", 16, "sm_75")) == {"f_kernel"}


def test_interior_counts() -> None:
    source = """
    func.func @f(%u: tensor<2x2x?xf32>)
        -> (tensor<2x2x?xf32>, tensor<2x2x?xi32>, tensor<2x2x?xi32>) {
      %r:3 = sparsek.topk_mask %u topk(7) window(5) interior : tensor<2x2x?xf32>
      return %r#0, %r#1, %r#2 : tensor<2x2x?xf32>, tensor<2x2x?xi32>, tensor<2x2x?xi32>
    }
    """
    u = normal(1, 2, 2, 140)
    with fake_cuda.emulated() as launched:
        tau, expiry, interior = compiled(source).run(u)
    assert launched == SELECTION
    want = oracle.select(u, topk=7, window=5)
    np.testing.assert_array_equal(expiry, want.expiry)
    np.testing.assert_allclose(tau, want.exact, rtol=1e-6, atol=1e-6)
    for at in np.ndindex(2, 2):
        counted = oracle.interior(u[at], tau[at], window=5).sum(axis=1)
        np.testing.assert_array_equal(interior[at], counted)


SCORE = ["score", "score_statistics", "score_scan", "score_normalise"]


@pytest.mark.parametrize("dtype", ["bf16", "f16"])
@pytest.mark.parametrize("weight", [None, "f32"])
def test_scores_and_attention(dtype: str, weight: str | None) -> None:
    """A whole layer but its projections, with no other kernel around them."""
    heads, single = f"tensor<1x4x?x16x{dtype}>", f"tensor<1x2x?x16x{dtype}>"
    x_type, w_type = f"tensor<1x?x24x{dtype}>", f"tensor<24x2x{weight or dtype}>"
    source = f"""
    func.func @f(%x: {x_type}, %w: {w_type}, %q: {heads}, %k: {single}, %v: {single})
        -> (tensor<1x2x?xf32>, {heads}) {{
      %u = sparsek.score %x, %w slope(0.125) norm<timestep> : {x_type}, {w_type}
      %o, %lse = sparsek.attention %q, %k, %v, %u topk(3) window(2) scale(0.25)
          : {heads}, {single}, {single}, tensor<1x2x?xf32>
      return %u, %o : tensor<1x2x?xf32>, {heads}
    }}
    """
    x, w = normal(0, 1, 40, 24, dtype=dtype), normal(1, 24, 2, dtype=weight or dtype)
    q = normal(2, 1, 4, 40, 16, dtype=dtype)
    k, v = (normal(seed, 1, 2, 40, 16, dtype=dtype) for seed in (3, 4))
    with fake_cuda.emulated() as launched:
        u, o = compiled(source).run(x, w, q, k, v)
    assert launched == [*SCORE, *SELECTION, "survivors", "attention"]
    want, _ = oracle.score(x, w, norm="timestep", slope=0.125)
    np.testing.assert_allclose(u, want, rtol=1e-4, atol=1e-4)
    expected, _ = oracle.attention(
        q, k, v, u, topk=3, window=2, gate="key_value", scale=0.25
    )  # fmt: skip
    close(o, expected, dtype)


def test_scores_in_chunks() -> None:
    """Statistics go from launch to launch; a chunk may be empty."""
    x_type, state, u_type = "tensor<2x?x16xbf16>", "tensor<2x3x3xf64>", "tensor<2x3x?xf32>"
    source = f"""
    func.func @f(%x0: {x_type}, %x1: {x_type}, %w: tensor<16x3xbf16>, %n: i64)
        -> ({u_type}, {u_type}, {state}) {{
      %u0, %s0 = sparsek.score %x0, %w norm<timestep> carry : {x_type}, tensor<16x3xbf16>
      %u1, %s1 = sparsek.score %x1, %w norm<timestep> offset(%n) statistics(%s0) carry
          : {x_type}, tensor<16x3xbf16>, i64, {state}
      return %u0, %u1, %s1 : {u_type}, {u_type}, {state}
    }}
    """
    x, w = normal(0, 2, 300, 16, dtype="bf16"), normal(1, 16, 3, dtype="bf16")

    def run(n: int) -> tuple[np.ndarray, np.ndarray]:
        with fake_cuda.emulated() as launched:
            u0, u1, state = compiled(source).run(x[:, :n], x[:, n:], w, np.array(n))
        assert launched == SCORE * ((n > 0) + (n < 300))
        return np.concatenate([u0, u1], axis=2), state

    (whole, state), (cut, carried), (late, other) = run(300), run(256), run(0)
    np.testing.assert_array_equal(cut, whole)
    np.testing.assert_array_equal(carried, state)
    np.testing.assert_array_equal(late, whole)
    np.testing.assert_array_equal(other, state)
    want, _ = oracle.score(x, w, norm="timestep")
    np.testing.assert_allclose(whole, want, rtol=1e-4, atol=1e-4)


def test_selections_of_too_many_keys_are_errors() -> None:
    source = """
    func.func @f(%u: tensor<1x1x?xf32>) -> tensor<1x1x?xf32> {
      %tau, %expiry = sparsek.topk_mask %u topk(7) window(5) : tensor<1x1x?xf32>
      return %tau : tensor<1x1x?xf32>
    }
    """
    with pytest.raises(SparsekError, match="in 'f': this kernel selects from at most N = 1048576"):
        compiled(source).run(np.zeros((1, 1, (1 << 20) + 1), np.float32))


def test_results_that_are_arguments_and_constants() -> None:
    source = """
    func.func @f(%x: tensor<?x2xf32>, %n: i64)
        -> (tensor<?x2xf32>, tensor<3xf32>, i64, tensor<0xf32>) {
      %c = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
      %e = arith.constant dense<[]> : tensor<0xf32>
      return %x, %c, %n, %e : tensor<?x2xf32>, tensor<3xf32>, i64, tensor<0xf32>
    }
    """
    x = normal(0, 5, 2)
    same, constant, number, empty = compiled(source).run(x, np.array(7))
    np.testing.assert_array_equal(same, x)
    np.testing.assert_array_equal(constant, [1, 2, 3])
    assert number == 7
    assert empty.shape == (0,)


def test_checks_of_the_launch_are_errors() -> None:
    """Sizes that the types leave open."""
    source = attention_source("bf16", 16, "gathered_attention")
    q = normal(0, 1, 4, 5, 16, dtype="bf16")
    k, v = (normal(seed, 1, 2, 9, 16, dtype="bf16") for seed in (1, 2))
    u, expiry = normal(3, 1, 1, 9), np.zeros((1, 1, 8), np.int32)
    with pytest.raises(SparsekError, match=r"in 'f': expiry must be i32\[B = 1, Hs = 1, N = 9\]"):
        compiled(source).run(q, k, v, u, u, expiry)


@pytest.mark.parametrize(
    "call, code, message",
    [
        ("cuMemAlloc_v2", 2, "cuMemAlloc of .* bytes failed with CUDA_ERROR_OUT_OF_MEMORY"),
        ("cuModuleLoadDataEx", 218, "cuModuleLoadDataEx failed with CUDA_ERROR_INVALID_PTX"),
        ("cuLaunchKernel", 1, "in 'f': cuLaunchKernel failed with CUDA_ERROR_INVALID_VALUE"),
        ("cuStreamSynchronize", 1, "cuStreamSynchronize failed with CUDA_ERROR_INVALID_VALUE"),
    ],
)
def test_errors_of_the_driver(driver, call: str, code: int, message: str) -> None:
    """They end the call, which leaves nothing allocated (the fixture looks)."""
    source = attention_source("f32", 16, "gathered_attention")
    arrays = [normal(i, 1, h, 4, 16) for i, h in enumerate((4, 2, 2))]
    arrays += [normal(3, 1, 1, 4), normal(3, 1, 1, 4), np.zeros((1, 1, 4), np.int32)]
    driver.fakeFail(call.encode(), code)
    with pytest.raises(SparsekError, match=message):
        compiled(source).run(*arrays)


def test_devices(driver) -> None:
    source = "func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> { return %x : tensor<2xf32> }"
    sparsek.compile(source, pipeline="sparsek-nvvm-pipeline", device=1).run(np.zeros(2, np.float32))
    assert "cuCtxPushCurrent_v2 1" in fake_cuda.log()
    with pytest.raises(SparsekError, match="there is no CUDA device 2, the driver shows 2"):
        sparsek.compile(source, pipeline="sparsek-nvvm-pipeline", device=2).run(
            np.zeros(2, np.float32)
        )
    with pytest.raises(SparsekError, match="device must not be negative, got -1"):
        sparsek.compile(source, device=-1)
