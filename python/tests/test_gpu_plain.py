# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every op as kernels for any GPU: the host interpreted, its kernels in the PTX emulator."""

from __future__ import annotations

import functools
import shutil

import ml_dtypes
import numpy as np
import pytest

import oracle
from gpu_host import Compiled, Host, HostError, compile_source

pytestmark = pytest.mark.skipif(
    shutil.which("sparsek-opt") is None, reason="sparsek-opt is not in PATH"
)

DTYPES = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}
TOLERANCE = {"f32": 2e-6, "f16": 2e-3, "bf16": 1e-2}
CHIPS = ("sm_80", "sm_90")


@functools.cache
def function(chip: str, types: str, results: str, op: str) -> Compiled:
    """`op` applied to %0, %1, ... of the given types."""
    names = [f"%a{i}: {type}" for i, type in enumerate(types.split("; "))]
    values = [f"%r{i}" for i in range(len(results.split("; ")))]
    kept = ", ".join(results.split("; "))
    return compile_source(
        f"func.func @f({', '.join(names)}) -> ({kept}) {{\n"
        f"  {', '.join(values)} = {op}\n  return {', '.join(values)} : {kept}\n}}\n",
        chip,
    )


def normal(seed: int, *shape: int, dtype: str = "f32") -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(DTYPES[dtype])


def close(got: np.ndarray, expected: np.ndarray, dtype: str) -> None:
    tolerance = TOLERANCE[dtype]
    got = got.astype(np.float64).reshape(expected.shape)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


# --------------------------------------------------------------------------------------------------
# Scores and selection
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_score(chip: str, dtype: str) -> None:
    x, w = normal(0, 2, 7, 16, dtype=dtype), normal(1, 16, 2, dtype=dtype)
    types = f"tensor<?x?x16x{dtype}>; tensor<16x2x{dtype}>"
    signature = types.replace(";", ",")
    compiled = function(
        chip, types, "tensor<?x2x?xf32>", f"sparsek.score %a0, %a1 slope(0.5) : {signature}"
    )
    (u,) = Host(compiled).call("f", x, w)
    expected, _ = oracle.score(x, w, slope=0.5)
    close(u, expected, "f32")


def test_normalised_score() -> None:
    x, w = normal(0, 2, 9, 16), normal(1, 16, 2)
    types = "tensor<?x?x16xf32>; tensor<16x2xf32>"
    op = f"sparsek.score %a0, %a1 norm<timestep> carry : {types.replace(';', ',')}"
    compiled = function("sm_80", types, "tensor<?x2x?xf32>; tensor<?x2x3xf64>", op)
    u, statistics = Host(compiled).call("f", x, w)
    expected, last = oracle.score(x, w, norm="timestep")
    np.testing.assert_allclose(u, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(statistics, np.stack(last, axis=2), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("packed", [False, True])
def test_topk_mask(chip: str, packed: bool) -> None:
    u = normal(2, 1, 2, 21)
    u[0, 0, 3], u[0, 1, 4], u[0, 1, 9] = np.nan, np.inf, u[0, 1, 8]
    types, extra = "tensor<1x2x?xf32>", ""
    arguments, bounds = [u], None
    if packed:
        types, extra = "tensor<1x2x?xf32>; tensor<?xi32>", " cu_seqlens(%a1)"
        bounds = [0, 6, 6, 7, 21]
        arguments.append(np.array(bounds, np.int32))
    op = f"sparsek.topk_mask %a0 topk(3) window(2) interior{extra} : {types.replace(';', ',')}"
    results = "tensor<1x2x?xf32>; tensor<1x2x?xi32>; tensor<1x2x?xi32>"
    compiled = function(chip, types, results, op)
    tau, expiry, interior = Host(compiled).call("f", *arguments)
    expected = oracle.select(u, topk=3, window=2, cu_seqlens=bounds)
    np.testing.assert_array_equal(tau, expected.tau)
    np.testing.assert_array_equal(expiry, expected.expiry)
    np.testing.assert_array_equal(interior, expected.n_int)


# --------------------------------------------------------------------------------------------------
# Attention
# --------------------------------------------------------------------------------------------------


def attend(
    chip: str,
    dtype: str,
    *,
    batch: int = 1,
    query_heads: int = 4,
    key_heads: int = 2,
    rows: int = 3,
    keys: int = 9,
    gate: str | None = None,
    sink: bool = False,
    bounds: list[int] | None = None,
) -> None:
    """Compares attention with the oracle; dense causal attention without a gate."""
    q = normal(3, batch, query_heads, rows, 8, dtype=dtype)
    k = normal(4, batch, key_heads, keys, 8, dtype=dtype)
    v = normal(5, batch, key_heads, keys, 5, dtype=dtype)
    u = normal(6, batch, 1, keys)
    budget = {"topk": 3, "window": 2 if gate else keys}
    b = batch if bounds else "?"
    types = [f"tensor<{b}x{query_heads}x?x8x{dtype}>"]
    types += [f"tensor<{b}x{key_heads}x?x{d}x{dtype}>" for d in (8, 5)]
    arguments = [q, k, v]
    op = "sparsek.causal_attention %a0, %a1, %a2"
    if gate:
        selection = oracle.select(u, **budget, cu_seqlens=bounds)
        types += [f"tensor<{b}x1x?x{element}>" for element in ("f32", "f32", "i32")]
        arguments += [u, selection.tau, selection.expiry]
        op = "sparsek.gathered_attention %a0, %a1, %a2, %a3, %a4, %a5 topk(3) window(2)"
        op += f" gate<{gate}>"
    logits = None
    if sink:
        logits = np.linspace(-1, 1, query_heads).astype(np.float32)
        op += f" sink(%a{len(types)})"
        types.append(f"tensor<{query_heads}xf32>")
        arguments.append(logits)
    if bounds:
        op += f" cu_seqlens(%a{len(types)})"
        types.append("tensor<?xi32>")
        arguments.append(np.array(bounds, np.int32))
    results = f"tensor<{b}x{query_heads}x?x5x{dtype}>; tensor<{b}x{query_heads}x?xf32>"
    compiled = function(chip, "; ".join(types), results, f"{op} : {', '.join(types)}")
    o, lse = Host(compiled).call("f", *arguments)
    expected_o, expected_lse = oracle.attention(
        q, k, v, u, **budget, gate=gate or "none", sink=logits, cu_seqlens=bounds
    )
    close(o, expected_o, dtype)
    close(lse, expected_lse, "f32")


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gate", [None, "key_value"])
def test_attention(chip: str, dtype: str, gate: str | None) -> None:
    attend(chip, dtype, gate=gate)


@pytest.mark.parametrize("gate", ["none", "value"])
def test_gates(gate: str) -> None:
    attend("sm_80", "f32", gate=gate, query_heads=3, key_heads=1)


@pytest.mark.parametrize("gate", [None, "key_value"])
def test_sink_and_batch(gate: str | None) -> None:
    attend("sm_80", "f32", gate=gate, batch=2, sink=True, rows=2, query_heads=2, key_heads=2)


@pytest.mark.parametrize("gate", [None, "key_value"])
def test_packed_documents(gate: str | None) -> None:
    """The host asks the device where a document starts."""
    attend("sm_80", "bf16", gate=gate, rows=6, keys=6, bounds=[0, 2, 2, 6])


def test_more_work_than_one_block() -> None:
    attend("sm_80", "f32", rows=1, keys=70, query_heads=4)


# --------------------------------------------------------------------------------------------------
# The host
# --------------------------------------------------------------------------------------------------


def test_runtime_checks_read_the_device() -> None:
    with pytest.raises(HostError, match="S4: cu_seqlens must not decrease"):
        attend("sm_80", "bf16", rows=6, keys=6, bounds=[0, 4, 2, 6])


def test_nothing_is_launched_for_nothing() -> None:
    source = """
    func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> {
      %y = arith.addf %x, %x : tensor<?xf32>
      return %y : tensor<?xf32>
    }
    """
    compiled = compile_source(source, "sm_80")
    host = Host(compiled)
    assert host.call("f", np.zeros(0, np.float32))[0].shape == (0,)
    assert not host.launches
    x = normal(0, 300)
    np.testing.assert_array_equal(host.call("f", x)[0], x + x)
    assert len(host.launches) == 1


def test_constants_and_scalars_reach_the_device() -> None:
    source = """
    func.func @f(%x: tensor<4xf32>, %i: index) -> tensor<4xf32> {
      %table = arith.constant dense<[1.0, 2.0, 4.0, 8.0]> : tensor<4xf32>
      %at = tensor.extract %table[%i] : tensor<4xf32>
      %sum = arith.addf %x, %table : tensor<4xf32>
      %y = tensor.insert %at into %sum[%i] : tensor<4xf32>
      return %y : tensor<4xf32>
    }
    """
    x = normal(1, 4)
    (y,) = Host(compile_source(source, "sm_80")).call("f", x, 2)
    expected = x + np.array([1, 2, 4, 8], np.float32)
    expected[2] = 4
    np.testing.assert_array_equal(y, expected)


def test_shapes_in_buffers() -> None:
    """The host reads the sizes of a reshape from the device."""
    source = """
    func.func @f(%x: tensor<?x4xf32>) -> tensor<?x2x2xf32> {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %n = tensor.dim %x, %c0 : tensor<?x4xf32>
      %sizes = tensor.from_elements %n, %c2, %c2 : tensor<3xindex>
      %y = tensor.reshape %x(%sizes) : (tensor<?x4xf32>, tensor<3xindex>) -> tensor<?x2x2xf32>
      %z = arith.addf %y, %y : tensor<?x2x2xf32>
      return %z : tensor<?x2x2xf32>
    }
    """
    x = normal(2, 3, 4)
    (z,) = Host(compile_source(source, "sm_80")).call("f", x)
    np.testing.assert_array_equal(z, (x + x).reshape(3, 2, 2))


def test_every_kernel_matters() -> None:
    """Without the stores of any one kernel the result is wrong."""
    x, w = normal(0, 2, 7, 16), normal(1, 16, 2)
    types = "tensor<?x?x16xf32>; tensor<16x2xf32>"
    op = f"sparsek.score %a0, %a1 slope(0.5) norm<timestep> : {types.replace(';', ',')}"
    compiled = function("sm_80", types, "tensor<?x2x?xf32>", op)
    expected, _ = oracle.score(x, w, norm="timestep", slope=0.5)
    host = Host(compiled)
    np.testing.assert_allclose(host.call("f", x, w)[0], expected, rtol=1e-4, atol=1e-5)
    assert set(host.launches) == set(compiled.ptx)
    for module, text in compiled.ptx.items():
        silent = "\n".join(x for x in text.splitlines() if "st.global" not in x)
        assert silent != text
        ptx = {**compiled.ptx, module: silent}
        broken = Host(Compiled(compiled.functions, compiled.constants, ptx))
        with pytest.raises(AssertionError):
            u = broken.call("f", x, w)[0]
            np.testing.assert_allclose(u, expected, rtol=1e-4, atol=1e-5)
