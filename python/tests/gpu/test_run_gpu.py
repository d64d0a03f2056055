# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole functions on a GPU: compiled by sparsek-nvvm-pipeline and called with NumPy arrays, by
sparsek-run with files, and a kernel linked into a C program."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import oracle
import sparsek
from sparsek import SparsekError, _cuda, _library

pytestmark = pytest.mark.library

try:
    CHIP = os.environ.get("SPARSEK_TEST_CHIP") or _cuda.device_chip(0)
except SparsekError as error:
    pytest.skip(f"no GPU: {error}", allow_module_level=True)

ROOT = Path(__file__).parents[3]
DTYPES = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}
TOLERANCE = {"f32": 1e-5, "f16": 4e-3, "bf16": 2e-2}
HEADS, KV_HEADS = 4, 2


def normal(seed: int, *shape: int, dtype: str = "f32") -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(DTYPES[dtype])


def close(got: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    np.testing.assert_allclose(
        got.astype(np.float64), np.asarray(expected, np.float64), rtol=tolerance, atol=tolerance
    )


def attention_source(dtype: str, size: int, topk: int, window: int, packed: bool = False) -> str:
    q, k = (f"tensor<1x{heads}x?x{size}x{dtype}>" for heads in (HEADS, KV_HEADS))
    types, names, more = [q, k, k, "tensor<1x1x?xf32>"], ["%q", "%k", "%v", "%u"], ""
    if packed:
        types, names = [*types, "tensor<?xi32>"], [*names, "%bounds"]
        more = " cu_seqlens(%bounds)"
    arguments = ", ".join(f"{name}: {type}" for name, type in zip(names, types, strict=True))
    results = f"{q}, tensor<1x{HEADS}x?xf32>"
    return (
        f"func.func @f({arguments}) -> ({results}) {{\n"
        f"  %r:2 = sparsek.attention %q, %k, %v, %u topk({topk}) window({window}){more} : "
        f"{', '.join(types)}\n  return %r#0, %r#1 : {results}\n}}\n"
    )


def inputs(dtype: str, size: int, rows: int, keys: int) -> list[np.ndarray]:
    return [
        normal(0, 1, HEADS, rows, size, dtype=dtype),
        normal(1, 1, KV_HEADS, keys, size, dtype=dtype),
        normal(2, 1, KV_HEADS, keys, size, dtype=dtype),
        normal(3, 1, 1, keys),
    ]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "dtype, size",
    [("bf16", 64), ("f16", 128), ("bf16", 20), ("f32", 64), ("f16", 264)],
    ids=["tile", "tile-f16", "plain-size", "plain-f32", "plain-large"],
)
def test_attention(dtype: str, size: int, packed: bool) -> None:
    """The selection by tile programs; attention too where one fits."""
    keys = 150
    rows, bounds = (keys, [0, 0, 70, 71, keys]) if packed else (90, None)
    arrays = inputs(dtype, size, rows, keys)
    pipeline = f"sparsek-nvvm-pipeline{{chip={CHIP}}}"
    call = sparsek.compile(attention_source(dtype, size, 16, 20, packed), pipeline=pipeline)
    given = [*arrays, np.array(bounds, np.int32)] if packed else arrays
    expected = oracle.attention(*arrays, topk=16, window=20, gate="key_value", cu_seqlens=bounds)
    for _ in range(2):
        o, lse = call.run(*given)
        close(o, expected[0], TOLERANCE[dtype])
        close(lse, expected[1], TOLERANCE[dtype])


def test_score() -> None:
    x, w = normal(4, 2, 200, 48, dtype="bf16"), normal(5, 48, 2, dtype="bf16")
    source = """
    func.func @f(%x: tensor<?x?x48xbf16>, %w: tensor<48x2xbf16>) -> tensor<?x2x?xf32> {
      %u = sparsek.score %x, %w slope(0.5) norm<timestep>
          : tensor<?x?x48xbf16>, tensor<48x2xbf16>
      return %u : tensor<?x2x?xf32>
    }
    """
    (u,) = sparsek.compile(source, pipeline=f"sparsek-nvvm-pipeline{{chip={CHIP}}}").run(x, w)
    expected, _ = oracle.score(x, w, norm="timestep", slope=0.5)
    close(u, expected, 1e-3)


def test_errors_end_the_call_alone() -> None:
    """A check that fails on the host leaves the device usable."""
    source = attention_source("f32", 8, 4, 4, packed=True)
    call = sparsek.compile(source, pipeline=f"sparsek-nvvm-pipeline{{chip={CHIP}}}")
    arrays = inputs("f32", 8, 10, 10)
    for _ in range(3):
        with pytest.raises(SparsekError, match="cu_seqlens must not decrease"):
            call.run(*arrays, np.array([0, 6, 4, 10], np.int32))
    call.run(*arrays, np.array([0, 4, 6, 10], np.int32))


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not in PATH")
    return path


def test_sparsek_run(tmp_path: Path) -> None:
    arrays = inputs("f16", 64, 90, 150)
    (tmp_path / "f.mlir").write_text(attention_source("f16", 64, 16, 20))
    command = [tool("sparsek-run"), "f.mlir", "--pipeline=nvvm", "--repeat=3", "--output=o.npy"]
    for index, array in enumerate(arrays):
        np.save(tmp_path / f"{index}.npy", array)
        command.append(f"--input={index}.npy")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "median" in done.stdout
    expected, _ = oracle.attention(*arrays, topk=16, window=20, gate="key_value")
    close(np.load(tmp_path / "o.npy"), expected, TOLERANCE["f16"])


def test_c_program(tmp_path: Path) -> None:
    """examples/gpu/attention.c prints that its output is 1."""
    libraries = _library.find_library().parent
    if not (libraries / "libSparsekRuntime.so").is_file() or shutil.which("cc") is None:
        pytest.skip("there is no libSparsekRuntime.so beside the library, or no C compiler")
    example = ROOT / "examples" / "gpu"
    options = f"--sparsek-nvvm-pipeline=host=false chip={CHIP}"
    commands = [
        [tool("sparsek-opt"), str(example / "attention.mlir"), options, "-o", "kernels.mlir"],
        *(
            [tool("sparsek-translate"), "kernels.mlir", f"--emit={form}", "--name=attend"]
            + ["-o", f"attend.{suffix}"]
            for form, suffix in (("object", "o"), ("header", "h"))
        ),
        ["cc", str(example / "attention.c"), "attend.o", "-I.", f"-I{ROOT / 'include'}"]
        + [f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-lSparsekRuntime", "-l:libcuda.so.1"]
        + ["-o", "attention"],
        ["./attention"],
    ]
    for command in commands:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    assert "o[0] is 1, as it must be" in done.stdout
