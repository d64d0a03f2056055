# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Python package: what it accepts, what it refuses, and how it says so."""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import oracle
import sparsek
from sparsek import _library

PACKAGE = Path(sparsek.__file__).parent
FIXTURES = Path(__file__).resolve().parents[2] / "test" / "fixtures"
BUDGET = {"topk": 2, "window": 1}
F32, F16, BF16 = np.float32, np.float16, ml_dtypes.bfloat16

MODULE = """
func.func @add(%a: tensor<?x3xf32>, %s: f32) -> (tensor<?x3xf32>, i32) {
  %c0 = arith.constant 0 : index
  %seven = arith.constant 7 : i32
  %d = tensor.dim %a, %c0 : tensor<?x3xf32>
  %e = tensor.empty(%d) : tensor<?x3xf32>
  %f = linalg.fill ins(%s : f32) outs(%e : tensor<?x3xf32>) -> tensor<?x3xf32>
  %r = linalg.add ins(%a, %f : tensor<?x3xf32>, tensor<?x3xf32>)
                  outs(%e : tensor<?x3xf32>) -> tensor<?x3xf32>
  return %r, %seven : tensor<?x3xf32>, i32
}
func.func @same(%a: tensor<2xbf16>) -> (tensor<2xbf16>, tensor<2xbf16>) {
  return %a, %a : tensor<2xbf16>, tensor<2xbf16>
}
func.func @count(%n: index, %flag: i1) -> index {
  %c1 = arith.constant 1 : index
  %r = arith.addi %n, %c1 : index
  %s = arith.select %flag, %r, %n : index
  return %s : index
}
func.func private @hidden(%a: tensor<2xf32>) {
  return
}
"""


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Runs the interpreter with this package and nothing of the environment that
    matters to it."""
    kept = {k: v for k, v in os.environ.items() if k != _library.ENVIRONMENT}
    kept["PYTHONPATH"] = os.pathsep.join([str(PACKAGE.parent), sysconfig.get_path("purelib")])
    return subprocess.run(
        [sys.executable, *arguments], env={**kept, **environment}, capture_output=True, text=True
    )


def qkv(b=1, hq=4, hkv=2, m=5, n=5, d=8, dv=8, hs=1, dtype=F32):
    rng = np.random.default_rng(0)
    return (
        rng.normal(size=(b, hq, m, d)).astype(dtype),
        rng.normal(size=(b, hkv, n, d)).astype(dtype),
        rng.normal(size=(b, hkv, n, dv)).astype(dtype),
        rng.normal(size=(b, hs, n)).astype(F32),
    )


class TestImport:
    def test_bare_import_is_light(self):
        code = (
            "import sparsek, sys; print(sorted({'numpy', 'ml_dtypes', 'ctypes'} & {*sys.modules}))"
        )
        assert python("-c", code).stdout.strip() == "[]"

    def test_names(self):
        assert set(sparsek.__all__) <= set(dir(sparsek))
        for name in sparsek.__all__:
            assert getattr(sparsek, name).__doc__
        with pytest.raises(AttributeError, match="no attribute 'flash'"):
            sparsek.flash  # noqa: B018

    def test_tools_that_are_not_here(self):
        if (PACKAGE / "bin").exists():
            pytest.skip("the tools are here")
        done = python("-c", "from sparsek import _tools; _tools.sparsek_opt()")
        assert done.returncode == 1 and "build the project with CMake" in done.stderr

    @pytest.mark.skipif((PACKAGE / "lib").exists(), reason="the library is here")
    def test_missing_library(self):
        done = python("-c", "import sparsek; sparsek.version()", SPARSEK_LIBRARY="/nowhere/lib.so")
        assert "SparsekError: cannot find the compiler library" in done.stderr
        assert "SPARSEK_LIBRARY=/nowhere/lib.so" in done.stderr
        assert "build the project with CMake and set SPARSEK_LIBRARY" in done.stderr

    @pytest.mark.skipif((PACKAGE / "lib").exists(), reason="the library is here")
    def test_wrong_library(self, tmp_path):
        wrong = tmp_path / "libWrong.so"
        wrong.write_bytes(b"not a library")
        done = python("-c", "import sparsek; sparsek.version()", SPARSEK_LIBRARY=str(wrong))
        assert f"SparsekError: cannot load {wrong}" in done.stderr


@pytest.mark.library
class TestOpt:
    def test_version(self):
        assert sparsek.version().endswith(")") and "LLVM 22." in sparsek.version()

    def test_runs_the_pipeline(self):
        text = """func.func @f() -> i32 {
          %a = arith.constant 2 : i32
          %b = arith.addi %a, %a : i32
          return %b : i32
        }"""
        assert "arith.constant 4" in sparsek.opt(text, "canonicalize")
        assert '"func.return"' in sparsek.opt(text, "canonicalize", generic=True)

    def test_from_a_file(self, tmp_path):
        path = tmp_path / "a.mlir"
        path.write_text("func.func @from_a_file() { return }")
        assert "@from_a_file" in sparsek.opt(path, "cse")
        assert "@from_a_file" in sparsek.opt(str(path), "cse")
        path.write_text("func.func @f() { return 1 }")
        with pytest.raises(sparsek.SparsekError, match=r"a\.mlir:1:24: error: expected"):
            sparsek.opt(path, "cse")

    def test_errors_have_locations(self):
        with pytest.raises(sparsek.SparsekError, match=r"<text>:2:7: error: "):
            sparsek.opt("func.func @f() {\n %x = foo\n}", "cse")
        with pytest.raises(sparsek.SparsekError, match="in the pipeline 'nope'"):
            sparsek.opt("module {}", "nope")

    def test_verifier(self):
        text = """func.func @f(%u: tensor<1x1x4xf32>) {
          %a, %b = sparsek.topk_mask %u topk(0) window(1) : tensor<1x1x4xf32>
          return
        }"""
        with pytest.raises(sparsek.SparsekError, match=r"<text>:2:\d+: .*topk must be at least 1"):
            sparsek.opt(text, "cse")

    def test_unregistered_dialects(self):
        text = '"x.y"() : () -> ()'
        with pytest.raises(sparsek.SparsekError, match="unregistered dialect"):
            sparsek.opt(text, "cse")
        assert '"x.y"' in sparsek.opt(text, "cse", allow_unregistered=True)


@pytest.fixture(scope="module")
def executable():
    return sparsek.compile(MODULE)


@pytest.mark.library
class TestCompile:
    def test_signature(self, executable):
        assert executable.entries == ("add", "same", "count")
        found = executable.signature("add")
        assert list(map(str, found.arguments)) == ["f32[?, 3]", "f32[]"]
        assert list(map(str, found.results)) == ["f32[?, 3]", "i32[]"]
        assert [a.name for a in found.arguments] == ["a", "s"]
        with pytest.raises(ValueError, match="name one as entry: add, same, count"):
            executable.signature()

    @pytest.mark.parametrize("n", [0, 1, 6])
    def test_run(self, executable, n):
        a = np.arange(3 * n, dtype=F32).reshape(n, 3)
        r, seven = executable.run(a, F32(1.5), entry="add")
        assert np.array_equal(r, a + 1.5) and seven == 7
        assert r.dtype == F32 and seven.dtype == np.int32

    def test_results_are_fresh(self, executable):
        a = np.array([1, 2], BF16)
        first, second = executable.run(a, entry="same")
        first[0], a[1] = 5, 7
        assert np.array_equal(second, np.array([1, 2], BF16))

    def test_scalars(self, executable):
        assert executable.run(np.int64(41), np.bool_(True), entry="count") == (42,)
        assert executable.run(np.int64(41), np.bool_(False), entry="count") == (41,)

    def test_any_strides(self, executable):
        a = np.arange(12, dtype=F32).reshape(3, 4).T[::2]
        assert np.array_equal(executable.run(a, F32(0), entry="add")[0], a)

    def test_refusals(self, executable):
        a = np.zeros((2, 3), F32)
        with pytest.raises(ValueError, match="no function named 'sub', the module has add, same"):
            executable.run(a, entry="sub")
        with pytest.raises(TypeError, match=r"takes 2 arguments \(f32\[\?, 3\], f32\[\]\), got 1"):
            executable.run(a, entry="add")
        with pytest.raises(TypeError, match=r"a of add must be f32\[\?, 3\], got f64"):
            executable.run(a.astype(np.float64), F32(0), entry="add")
        with pytest.raises(ValueError, match=r"must be f32\[\?, 3\], got shape \(3, 2\)"):
            executable.run(a.T, F32(0), entry="add")
        with pytest.raises(ValueError, match=r"must be f32\[\?, 3\], got shape \(6,\)"):
            executable.run(a.ravel(), F32(0), entry="add")

    def test_threads(self, executable):
        def call(n):
            a = np.full((n, 3), n, F32)
            return np.array_equal(executable.run(a, F32(n), entry="add")[0], a + n)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            assert all(pool.map(call, range(200)))

    def test_nothing_to_call(self):
        with pytest.raises(sparsek.SparsekError, match="ranked tensors and scalars of"):
            sparsek.compile("func.func @f(%a: tensor<*xf32>) { return }")

    def test_out_of_memory(self):
        text = """func.func @f(%n: index) -> tensor<?xf32> {
          %zero = arith.constant 0.0 : f32
          %empty = tensor.empty(%n) : tensor<?xf32>
          %0 = linalg.fill ins(%zero : f32) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
          return %0 : tensor<?xf32>
        }"""
        with pytest.raises(sparsek.SparsekError, match="'f': out of memory"):
            sparsek.compile(text).run(np.array(1 << 44))

    def test_pipeline_that_does_not_lower(self):
        with pytest.raises(sparsek.SparsekError, match="cannot be converted to LLVM IR"):
            sparsek.compile("func.func @f() { return }", pipeline="cse")

    def test_options(self):
        with pytest.raises(sparsek.SparsekError, match="optLevel must be 0, 1, 2 or 3, got 4"):
            sparsek.compile(MODULE, opt_level=4)
        with pytest.raises(sparsek.SparsekError, match="threads must not be negative, got -1"):
            sparsek.compile(MODULE, threads=-1)
        with pytest.raises(ValueError, match="threads must be below 2"):
            sparsek.compile(MODULE, threads=2**40)
        a = np.ones((1, 3), F32)
        for level in range(4):
            compiled = sparsek.compile(MODULE, opt_level=level)
            assert (compiled.run(a, F32(1), entry="add")[0] == 2).all()


@pytest.mark.library
class TestScore:
    def test_chunks_are_bit_for_bit_the_whole(self):
        rng = np.random.default_rng(1)
        x, w = rng.normal(size=(2, 50, 7)).astype(F32), rng.normal(size=(7, 3)).astype(F32)
        options = {"slope": 1e-3, "norm": "timestep"}
        whole = sparsek.score(x, w, **options)
        first, carried = sparsek.score(x[:, :20], w, carry=True, **options)
        second = sparsek.score(x[:, 20:], w, offset=20, statistics=carried, **options)
        assert np.array_equal(np.concatenate([first, second], axis=2), whole)
        assert np.array_equal(sparsek.score(x[1:, :33], w, **options), whole[1:, :, :33])

    @pytest.mark.parametrize("options", ({}, {"slope": 0.5}, {"norm": "timestep"}))
    def test_documents(self, options):
        rng = np.random.default_rng(2)
        x, w = rng.normal(size=(1, 30, 7)).astype(F32), rng.normal(size=(7, 2)).astype(F32)
        bounds = [0, 11, 11, 12, 30]
        u = sparsek.score(x, w, cu_seqlens=bounds, **options)
        want, _ = oracle.score(x, w, cu_seqlens=bounds, **options)
        np.testing.assert_allclose(u, want, rtol=1e-5, atol=1e-5)
        for begin, end in ((0, 11), (11, 12), (12, 30)):
            alone = sparsek.score(x[:, begin:end], w, **options)
            assert np.array_equal(u[:, :, begin:end], alone)

    def test_refusals(self):
        x, w = np.zeros((1, 4, 3), F32), np.zeros((3, 2), F32)
        refuse(
            TypeError, "x must be f32 or f16 or bf16, got f64", sparsek.score, x.astype(float), w
        )
        refuse(TypeError, "weight must be f32 or have the", sparsek.score, x, w.astype(F16))
        refuse(ValueError, r"x must have 3 dimensions, got shape \(4, 3\)", sparsek.score, x[0], w)
        refuse(ValueError, r"x\[2\] = 3 and weight\[0\] = 2", sparsek.score, x, w[:2])
        refuse(ValueError, "norm must be one of none, timestep", sparsek.score, x, w, norm="layer")
        refuse(ValueError, "slope must be finite", sparsek.score, x, w, slope=np.inf)
        refuse(TypeError, "slope must be a number", sparsek.score, x, w, slope="steep")
        refuse(ValueError, "offset must be from 0", sparsek.score, x, w, offset=-1)
        refuse(ValueError, 'need norm="timestep"', sparsek.score, x, w, carry=True)
        packed = {"cu_seqlens": [0, 4], "norm": "timestep"}
        refuse(ValueError, "are for chunks of one seq", sparsek.score, x, w, **packed, carry=True)
        refuse(ValueError, "are for chunks of one seq", sparsek.score, x, w, **packed, offset=1)
        refuse(ValueError, "must rise from 0 to N = 4", sparsek.score, x, w, cu_seqlens=[0, 3])
        refuse(
            ValueError,
            r"statistics must be \[B,Hs,3\] = \(1, 2, 3\)",
            sparsek.score,
            x,
            w,
            norm="timestep",
            statistics=np.zeros((2, 2, 3)),
        )


def refuse(kind, message, function, *arguments, **options):
    with pytest.raises(kind, match=message):
        function(*arguments, **options)


@pytest.mark.library
class TestSelect:
    def test_result(self):
        u = np.array([[[3.0, 1.0, 2.0, 0.0, 2.5]]], F32)
        tau, expiry = sparsek.select(u, topk=2, window=0)
        assert expiry.tolist() == [[[oracle.NEVER, 2, 4, 3, oracle.NEVER]]]
        assert np.isneginf(tau[0, 0, :2]).all() and np.isfinite(tau[0, 0, 2:]).all()

    def test_interior(self):
        u = np.random.default_rng(0).normal(size=(1, 2, 40)).astype(F32)
        options = {"topk": 4, "window": 3, "cu_seqlens": [0, 13, 40]}
        tau, expiry, n_int = sparsek.select(u, **options, return_interior=True)
        want = oracle.select(u, **options)
        assert n_int.dtype == np.int32 and np.array_equal(n_int, want.n_int)
        again = sparsek.select(u, **options)
        assert len(again) == 2
        assert np.array_equal(again[0], tau) and np.array_equal(again[1], expiry)

    def test_one_executable_serves_all_lengths(self):
        from sparsek import _ops

        sparsek.select(np.zeros((1, 1, 3), F32), topk=7, window=9)
        before = _ops._executable.cache_info().misses
        sparsek.select(np.zeros((3, 1, 11), F32), topk=7, window=9)
        assert _ops._executable.cache_info().misses == before

    def test_refusals(self):
        u = np.zeros((1, 2, 4), F32)
        good = {"topk": 1, "window": 0}
        refuse(TypeError, "scores must be f32, got bf16", sparsek.select, u.astype(BF16), **good)
        for kind, message, change in (
            (ValueError, "topk must be from 1 to 2147483647, got 0", {"topk": 0}),
            (TypeError, "topk must be an integer, got 1.5", {"topk": 1.5}),
            (TypeError, "window must be an integer, got True", {"window": True}),
            (ValueError, "window must be from 0 to 2147483647, got -1", {"window": -1}),
        ):
            refuse(kind, message, sparsek.select, u, **{**good, **change})

    @pytest.mark.parametrize(
        ("bounds", "kind", "message"),
        [
            ([0, 5], ValueError, r"must rise from 0 to N = 4 .*got \[0, 5\]"),
            ([1, 4], ValueError, "must rise from 0"),
            ([0, 3, 2, 4], ValueError, "without falling"),
            ([0], ValueError, r"\[S\+1\] with S >= 1"),
            ([[0, 4]], ValueError, r"\[S\+1\] with S >= 1"),
            ([0.0, 4.0], TypeError, "cu_seqlens must be integers, got f64"),
            ([], ValueError, r"cu_seqlens must be \[S\+1\] with S >= 1"),
        ],
    )
    def test_documents(self, bounds, kind, message):
        u = np.zeros((1, 2, 4), F32)
        refuse(kind, message, sparsek.select, u, topk=1, window=0, cu_seqlens=bounds)

    def test_documents_need_a_batch_of_one(self):
        u = np.zeros((2, 2, 4), F32)
        options = {"topk": 1, "window": 0, "cu_seqlens": [0, 4]}
        refuse(ValueError, "batch of 1, got B = 2", sparsek.select, u, **options)


@pytest.mark.library
class TestAttention:
    @pytest.mark.parametrize("dtype", [F32, F16, BF16])
    def test_result(self, dtype):
        arrays = qkv(m=3, dtype=dtype)
        o = sparsek.attention(*arrays, **BUDGET)
        assert o.shape == (1, 4, 3, 8) and o.dtype == dtype
        again, lse = sparsek.attention(*arrays, return_lse=True, **BUDGET)
        assert np.array_equal(o, again)
        assert lse.shape == (1, 4, 3) and lse.dtype == F32

    def test_chunks_are_the_whole(self):
        q, k, v, u = qkv(m=40, n=40)
        whole = sparsek.attention(q, k, v, u, topk=4, window=3)
        for start, end in ((0, 1), (1, 17), (17, 40), (39, 40)):
            part = sparsek.attention(
                q[:, :, start:end], k[:, :, :end], v[:, :, :end], u[:, :, :end], topk=4, window=3
            )
            assert np.allclose(part, whole[:, :, start:end], atol=1e-6)

    def test_arguments_are_not_written(self):
        arrays = qkv()
        copies = [a.copy() for a in arrays]
        for a in arrays:
            a.flags.writeable = False
        sparsek.attention(*arrays, **BUDGET)
        assert all(map(np.array_equal, arrays, copies))

    @pytest.mark.parametrize(
        ("change", "kind", "message"),
        [
            ({"dtype": np.float64}, TypeError, "q must be f32 or f16 or bf16, got f64"),
            ({"hq": 3}, ValueError, r"must divide .*q\[1\] = 3 and k\[1\] = 2"),
            ({"hs": 3}, ValueError, r"scores\[1\] must be 1 or k\[1\] = 2, got 3"),
            ({"m": 6}, ValueError, r"M <= N positions, got q\[2\] = 6 and k\[2\] = 5"),
            ({"dv": 0}, ValueError, r"v\[3\] must be at least 1"),
        ],
    )
    def test_shapes(self, change, kind, message):
        refuse(kind, message, sparsek.attention, *qkv(**change), **BUDGET)

    def test_arrays_that_disagree(self):
        q, k, v, u = qkv()
        refuse(TypeError, "one element type", sparsek.attention, q, k.astype(F16), v, u, **BUDGET)
        refuse(TypeError, "scores must be f32", sparsek.attention, q, k, v, u.astype(F16), **BUDGET)
        refuse(ValueError, "head sizes", sparsek.attention, q, k[..., :4], v, u, **BUDGET)
        refuse(ValueError, "of KV heads", sparsek.attention, q, k, v[:, :1], u, **BUDGET)
        refuse(ValueError, "of keys", sparsek.attention, q, k, v[:, :, :4], u, **BUDGET)
        refuse(ValueError, "of keys", sparsek.attention, q, k, v, u[:, :, :4], **BUDGET)
        refuse(ValueError, "batch sizes", sparsek.attention, q, k, v, np.repeat(u, 2, 0), **BUDGET)

    def test_options(self):
        a = qkv()
        refuse(
            ValueError, "gate must be one of key_value", sparsek.attention, *a, gate="k", **BUDGET
        )
        refuse(ValueError, "scale must be above 0", sparsek.attention, *a, scale=0, **BUDGET)
        refuse(ValueError, "scale must be finite", sparsek.attention, *a, scale=np.nan, **BUDGET)
        refuse(ValueError, "finite in f32", sparsek.attention, *a, scale=1e39, **BUDGET)
        sink = np.zeros(3, F32)
        refuse(ValueError, r"sink\[0\] = 3", sparsek.attention, *a, sink=sink, **BUDGET)
        refuse(TypeError, "sink must be f32", sparsek.attention, *a, sink=np.zeros(4), **BUDGET)
        q, k, v, u = a
        refuse(
            ValueError,
            "packed documents need M = N",
            sparsek.attention,
            q[:, :, :2],
            k,
            v,
            u,
            cu_seqlens=[0, 5],
            **BUDGET,
        )


@pytest.mark.library
class TestGatheredAttention:
    def test_the_two_steps_are_the_whole(self):
        q, k, v, u = qkv(m=30, n=40, hs=2)
        options = {"gate": "value", "scale": 0.4, "sink": np.ones(4, F32), "return_lse": True}
        whole = sparsek.attention(q, k, v, u, **BUDGET, **options)
        selection = sparsek.select(u, **BUDGET)
        steps = sparsek.gathered_attention(q, k, v, u, *selection, **BUDGET, **options)
        assert all(map(np.array_equal, whole, steps))

    def test_the_selection_counts(self):
        q, k, v, u = qkv(m=40, n=40)
        tau, expiry = sparsek.select(u, **BUDGET)
        window = sparsek.attention(q, k, v, np.full_like(u, -np.inf), **BUDGET)
        nothing = np.zeros_like(expiry)
        assert np.allclose(
            sparsek.gathered_attention(q, k, v, u, tau, nothing, **BUDGET), window, atol=1e-6
        )

    def test_refusals(self):
        q, k, v, u = qkv(hs=2)
        tau, expiry = sparsek.select(u, **BUDGET)
        for change, kind, message in (
            ({"tau": tau.astype(np.float64)}, TypeError, "tau must be f32, got f64"),
            ({"expiry": expiry.astype(np.int64)}, TypeError, "expiry must be i32, got i64"),
            ({"tau": tau[:, :1]}, ValueError, r"scores\[1\] = 2 and tau\[1\] = 1"),
            ({"expiry": expiry[0]}, ValueError, "expiry must have 3 dimensions"),
            ({"k": k[0]}, ValueError, "k must have 4 dimensions"),
        ):
            given = {"q": q, "k": k, "v": v, "scores": u, "tau": tau, "expiry": expiry}
            refuse(kind, message, sparsek.gathered_attention, **{**given, **change}, **BUDGET)


@pytest.mark.library
@pytest.mark.parametrize("pipeline", ["{}", "builtin.module({})", " builtin.module( {} ) "])
def test_opt_runs_on_the_module_itself(pipeline: str) -> None:
    """With and without its anchor a pass sees the same module."""
    source = """
    func.func @f(%q: tensor<1x2x8x4xf32>, %u: tensor<1x1x8xf32>) -> tensor<1x2x8x4xf32> {
      %o, %lse = sparsek.attention %q, %q, %q, %u topk(2) window(2)
        : tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>, tensor<1x2x8x4xf32>, tensor<1x1x8xf32>
      return %o : tensor<1x2x8x4xf32>
    }
    """
    text = sparsek.opt(source, pipeline.format("sparsek-decompose-attention"))
    assert "sparsek.gathered_attention" in text and "sparsek.attention" not in text


@pytest.mark.library
def test_opt_raises_exported_attention() -> None:
    """Passes that go through MLIR's op interfaces work in the shared library."""
    text = sparsek.opt(FIXTURES / "sdpa_causal.mlir", "sparsek-raise-attention{mode=dense}")
    assert "sparsek.causal_attention" in text and "math.exp" not in text
