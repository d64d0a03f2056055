# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `sparsek-emit-iree=cuda` makes: its kernels in the emulator, and iree-compile reads it."""

from __future__ import annotations

import shutil

import ml_dtypes
import numpy as np
import pytest

import oracle
from iree_host import AssertionFailed, Host, emit

pytestmark = pytest.mark.skipif(
    shutil.which("sparsek-opt") is None, reason="sparsek-opt is not in PATH"
)


def selection(heads: int, keys: int | None, **options: object) -> str:
    n = "?" if keys is None else keys
    u = f"tensor<1x{heads}x{n}xf32>"
    interior, topk, window = options.get("interior", ""), options["topk"], options["window"]
    e = f"tensor<1x{heads}x{n}xi32>"
    counts = (", %n", f", {e}") if interior else ("", "")
    results = "%tau, %e" + counts[0]
    return f"""
func.func @f(%u: {u}) -> ({u}, {e}{counts[1]}) {{
  {results} = sparsek.topk_mask %u topk({topk}) window({window}) {interior} : {u}
  return {results} : {u}, {e}{counts[1]}
}}"""


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("keys", [1, 70, 1500])
def test_selection(static: bool, keys: int) -> None:
    host = Host(
        emit(selection(2, keys if static else None, topk=16, window=8, interior="interior")),
        "sparsek_topk_mask",
    )
    u = np.random.default_rng(keys).standard_normal((1, 2, keys)).astype(np.float32)
    tau, expiry, interior = host.run(u)
    expected = oracle.select(u, topk=16, window=8)
    np.testing.assert_allclose(tau, expected.tau, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(expiry, expected.expiry)
    np.testing.assert_array_equal(interior, expected.n_int)
    worked = [name for name, has_work in host.launched if has_work]
    merges = ["merge_lists"] if keys > 1024 else []
    assert worked == [
        "sort_tiles", *merges, "rank_table", "boundaries_128", "rank_scan", "thresholds_32",
        "expiries",
    ]  # fmt: skip
    # What is known is decided at compile time.
    assert (len(host.launched) == len(worked)) == static


def test_packed_selection() -> None:
    u, e, cu = "tensor<1x1x?xf32>", "tensor<1x1x?xi32>", "tensor<?xi32>"
    source = f"""
func.func @f(%u: {u}, %cu: {cu}) -> ({u}, {e}) {{
  %tau, %e = sparsek.topk_mask %u topk(8) window(4) cu_seqlens(%cu) : {u}, {cu}
  return %tau, %e : {u}, {e}
}}"""
    host = Host(emit(source), "sparsek_topk_mask")
    scores = np.random.default_rng(0).standard_normal((1, 1, 90)).astype(np.float32)
    documents = np.array([0, 40, 40, 90], np.int32)
    tau, expiry = host.run(scores, documents)
    expected = oracle.select(scores, topk=8, window=4, cu_seqlens=documents)
    np.testing.assert_allclose(tau, expected.tau, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(expiry, expected.expiry)


def test_selection_of_digits() -> None:
    keys = 16385 + 40  # longer than what is merged
    host = Host(emit(selection(1, keys, topk=16, window=8)), "sparsek_topk_mask")
    names = [line for line in host.lines if "hal.dispatch.extern" in line]
    assert sum("scatter_" in line for line in names) == 4
    assert not any("sort_tiles" in line for line in names)


def test_too_many_keys() -> None:
    with pytest.raises(RuntimeError, match="no kernels"):
        emit(selection(1, 2_000_000, topk=16, window=8))
    host = Host(emit(selection(1, None, topk=16, window=8)), "sparsek_topk_mask")
    with pytest.raises(AssertionFailed, match="at most N = 1048576 keys"):
        host.run(
            np.lib.stride_tricks.as_strided(np.zeros(1, np.float32), (1, 1, 1 << 21), (0, 0, 0))
        )


@pytest.mark.parametrize("chip", ["sm_80", "sm_90a"])
@pytest.mark.parametrize("static", [True, False])
def test_attention(static: bool, chip: str) -> None:
    keys, rows = 150, 40
    n, m = (keys, rows) if static else ("?", "?")
    q, k = f"tensor<1x4x{m}x64xbf16>", f"tensor<1x2x{n}x64xbf16>"
    u, e, lse = f"tensor<1x2x{n}xf32>", f"tensor<1x2x{n}xi32>", f"tensor<1x4x{m}xf32>"
    source = f"""
func.func @f(%q: {q}, %k: {k}, %v: {k}, %u: {u}, %t: {u}, %e: {e}) -> ({q}, {lse}) {{
  %o, %lse = sparsek.gathered_attention %q, %k, %v, %u, %t, %e topk(20) window(30)
      : {q}, {k}, {k}, {u}, {u}, {e}
  return %o, %lse : {q}, {lse}
}}"""
    host = Host(emit(source, f"cuda chip={chip}"), "sparsek_gathered_attention")
    rng = np.random.default_rng(0)
    q, k, v = (
        rng.standard_normal(shape).astype(ml_dtypes.bfloat16)
        for shape in ((1, 4, rows, 64), (1, 2, keys, 64), (1, 2, keys, 64))
    )
    u = rng.standard_normal((1, 2, keys)).astype(np.float32)
    chosen = oracle.select(u, topk=20, window=30)
    o, lse = host.run(q, k, v, u, chosen.tau, chosen.expiry)
    expected, expected_lse = oracle.attention(q, k, v, u, topk=20, window=30)
    np.testing.assert_allclose(lse, expected_lse, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(o.astype(np.float64), expected, rtol=2e-2, atol=2e-2)
    assert host.launched == [("survivors", True), ("attention", True)]


def test_attention_of_no_queries() -> None:
    q, k, u = "tensor<1x2x?x64xf16>", "tensor<1x2x?x64xf16>", "tensor<1x1x?xf32>"
    e, lse = "tensor<1x1x?xi32>", "tensor<1x2x?xf32>"
    source = f"""
func.func @f(%q: {q}, %k: {k}, %u: {u}, %e: {e}) -> ({q}, {lse}) {{
  %o, %lse = sparsek.gathered_attention %q, %k, %k, %u, %u, %e topk(4) window(4)
      : {q}, {k}, {k}, {u}, {u}, {e}
  return %o, %lse : {q}, {lse}
}}"""
    host = Host(emit(source), "sparsek_gathered_attention")
    none, keys = np.zeros((1, 2, 0, 64), np.float16), np.zeros((1, 2, 9, 64), np.float16)
    u, e = np.zeros((1, 1, 9), np.float32), np.zeros((1, 1, 9), np.int32)
    host.run(none, keys, keys, u, u, e)
    assert host.launched == [("survivors", False), ("attention", False)]
    with pytest.raises(AssertionFailed, match="M <= N"):
        host.run(np.zeros((1, 2, 10, 64), np.float16), keys, keys, u, u, e)


@pytest.mark.parametrize("norm", ["", "norm<timestep>"])
def test_score(norm: str) -> None:
    x, w, u = "tensor<1x?x64xf16>", "tensor<64x2xf16>", "tensor<1x2x?xf32>"
    source = f"""
func.func @f(%x: {x}, %w: {w}) -> {u} {{
  %u = sparsek.score %x, %w slope(1.0e-3) {norm} : {x}, {w}
  return %u : {u}
}}"""
    host = Host(emit(source), "sparsek_score")
    rng = np.random.default_rng(1)
    x = rng.standard_normal((1, 300, 64)).astype(np.float16)
    w = rng.standard_normal((64, 2)).astype(np.float16)
    (u,) = host.run(x, w)
    expected, _ = oracle.score(x, w, slope=1e-3, norm="timestep" if norm else "none")
    np.testing.assert_allclose(u, expected, rtol=1e-4, atol=1e-3)


def test_compiles(tmp_path) -> None:
    compiler = pytest.importorskip("iree.compiler", reason="iree-base-compiler is not installed")
    module = compiler.compile_str(
        emit(selection(2, None, topk=16, window=8)),
        extra_args=["--iree-hal-target-device=cuda", "--iree-cuda-target=sm_80"],
    )
    # The entry points with their images, as PTX.
    for name in (b"expiries", b"rank_scan", b".target sm_90a"):
        assert name in module
