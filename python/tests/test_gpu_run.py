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


def attention_source(dtype: str, size: int, op: str = "attention", sink: bool = False) -> str:
    heads, single = f"tensor<1x4x?x{size}x{dtype}>", f"tensor<1x2x?x{size}x{dtype}>"
    types = [heads, single, single, "tensor<1x1x?xf32>"]
    names = ["%q", "%k", "%v", "%u"]
    if op == "gathered_attention":
        types += ["tensor<1x1x?xf32>", "tensor<1x1x?xi32>"]
        names += ["%tau", "%expiry"]
    more = ""
    operands = ", ".join(names)
    if sink:
        types.append("tensor<4xf32>")
        names.append("%sink")
        more = " sink(%sink)"
    arguments = ", ".join(f"{name}: {type}" for name, type in zip(names, types, strict=True))
    results = f"{heads}, tensor<1x4x?xf32>"
    return (
        f"func.func @f({arguments}) -> ({results}) {{\n"
        f"  %r:2 = sparsek.{op} {operands} topk(3) window(2) scale(0.25){more} : "
        f"{', '.join(types)}\n  return %r#0, %r#1 : {results}\n}}\n"
    )


def attend(dtype: str, size: int, chip: str, *, sink: bool = False) -> list[str]:
    """Compares attention with the oracle; returns the kernels that ran."""
    rows, keys = 5, 9
    q = normal(3, 1, 4, rows, size, dtype=dtype)
    k, v = (normal(seed, 1, 2, keys, size, dtype=dtype) for seed in (4, 5))
    u = normal(6, 1, 1, keys)
    logits = np.linspace(-1, 1, 4).astype(np.float32) if sink else None
    call = compiled(attention_source(dtype, size, sink=sink), f"chip={chip}")
    with fake_cuda.emulated() as launched:
        o, lse = call.run(q, k, v, u, *([logits] if sink else []))
    expected_o, expected_lse = oracle.attention(
        q, k, v, u, topk=3, window=2, gate="key_value", scale=0.25, sink=logits
    )
    close(o, expected_o, dtype)
    close(lse, expected_lse, "f32" if dtype == "f32" else dtype)
    return launched


@pytest.mark.parametrize("dtype", ["bf16", "f16"])
@pytest.mark.parametrize("sink", [False, True])
def test_tile_program_beside_plain_kernels(dtype: str, sink: bool) -> None:
    """The selection by definition, attention by its tile program: one function."""
    launched = attend(dtype, 16, "sm_90a", sink=sink)
    assert launched[-2:] == ["survivors", "attention"]
    assert set(launched[:-2]) == {"f_kernel"}


@pytest.mark.parametrize(
    "dtype, size, chip", [("f32", 16, "sm_90a"), ("bf16", 12, "sm_90a"), ("bf16", 16, "sm_75")]
)
def test_where_no_tile_program_fits(dtype: str, size: int, chip: str) -> None:
    assert set(attend(dtype, size, chip)) == {"f_kernel"}


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
    source = attention_source("f32", 16)
    arrays = [normal(i, 1, h, 4, 16) for i, h in enumerate((4, 2, 2))]
    driver.fakeFail(call.encode(), code)
    with pytest.raises(SparsekError, match=message):
        compiled(source).run(*arrays, normal(3, 1, 1, 4))


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
