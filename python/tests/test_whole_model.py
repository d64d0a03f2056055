# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The model of examples/whole_model, from its committed text, against a float64 reference; and the
function of examples/jax_attention, which compares itself."""

from __future__ import annotations

import functools
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import oracle
import sparsek

FOLDER = Path(__file__).parents[2] / "examples" / "whole_model"
spec = importlib.util.spec_from_file_location("whole_model", FOLDER / "model.py")
whole_model = importlib.util.module_from_spec(spec)
spec.loader.exec_module(whole_model)

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16}
TOLERANCE = {"f32": 1e-5, "bf16": 2e-2}
# Longer than window and budget together: keys are left out.
LENGTH = 700


def rms_norm(x: np.ndarray, gain: np.ndarray) -> np.ndarray:
    return gain * x / np.sqrt((x * x).mean(-1, keepdims=True) + whole_model.EPSILON)


def split_heads(x: np.ndarray, rotate: bool) -> np.ndarray:
    """`[1,h,N,d]` of `[N,h*d]`; rotated, the two halves of a head being the pairs."""
    size = whole_model.HIDDEN // whole_model.HEADS
    heads = x.reshape(len(x), -1, size).transpose(1, 0, 2)
    if rotate:
        half = size // 2
        angle = np.arange(len(x))[:, None] * 10000.0 ** (-np.arange(half) / half)
        cos, sin = np.cos(angle), np.sin(angle)
        a, b = heads[..., :half], heads[..., half:]
        heads = np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)
    return heads[None]


@functools.cache
def reference(n: int) -> np.ndarray:
    """The model in float64."""
    weights = {name: array.astype(np.float64) for name, array in whole_model.make_weights().items()}
    x = make_input(n)[0].astype(np.float64)
    for i in range(whole_model.LAYERS):

        def weight(name: str, i: int = i) -> np.ndarray:
            return weights[f"layers.{i}.{name}"]

        y = rms_norm(x, weight("norm.weight"))
        q, k, v = (
            split_heads(y @ weight(f"attention.{name}_proj.weight").T, name != "v")
            for name in "qkv"
        )
        u = (y @ weight("attention.score_weight")).T[None]
        o, _ = oracle.attention(
            q, k, v, u, topk=whole_model.TOPK, window=whole_model.WINDOW, gate="key_value",
            scale=q.shape[-1] ** -0.5,
        )  # fmt: skip
        x = x + o[0].transpose(1, 0, 2).reshape(n, -1) @ weight("attention.o_proj.weight").T
        y = rms_norm(x, weight("mlp_norm.weight"))
        gate = y @ weight("gate_proj.weight").T
        hidden = gate / (1 + np.exp(-gate)) * (y @ weight("up_proj.weight").T)
        x = x + hidden @ weight("down_proj.weight").T
    return rms_norm(x, weights["norm.weight"])[None]


def make_input(n: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((1, n, whole_model.HIDDEN)).astype(np.float32)


def arguments(dtype: str, n: int) -> list[np.ndarray]:
    arrays = [*whole_model.make_weights().values(), make_input(n)]
    return [array.astype(DTYPES[dtype]) for array in arrays]


def check(got: np.ndarray, dtype: str, n: int) -> None:
    want = reference(n)
    error = np.linalg.norm(got.astype(np.float64) - want) / np.linalg.norm(want)
    assert error <= TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
def test_cpu(dtype: str) -> None:
    """Once compiled, for several lengths."""
    executable = sparsek.compile(FOLDER / f"model_{dtype}.mlir")
    signature = executable.signature()
    names = [argument.name for argument in signature.arguments]
    assert names == [*whole_model.shapes(), "x"]
    for n in (LENGTH, 1, 130):
        check(executable.run(*arguments(dtype, n))[0], dtype, n)


@pytest.mark.parametrize("dtype", DTYPES)
def test_iree_cpu(dtype: str, tmp_path: Path) -> None:
    runtime = pytest.importorskip("iree.runtime", reason="IREE's runtime is not installed")
    pytest.importorskip("iree.compiler", reason="IREE's compiler is not installed")
    if shutil.which("sparsek-compile") is None:
        pytest.skip("sparsek-compile is not in PATH")
    compiler = Path(sys.executable).with_name("iree-compile")
    path = tmp_path / "model.vmfb"
    subprocess.run(
        ["sparsek-compile", FOLDER / f"model_{dtype}.mlir", "--target=iree-cpu", "-o", path,
         f"--iree-compile={compiler}"],
        check=True,
    )  # fmt: skip
    config = runtime.Config("local-task")
    module = runtime.load_vm_module(runtime.VmModule.mmap(config.vm_instance, str(path)), config)
    for n in (LENGTH, 1, 130):
        check(module.main(*arguments(dtype, n)).to_host(), dtype, n)


def test_jax_attention() -> None:
    script = FOLDER.parent / "jax_attention" / "run.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all agree with float64" in done.stdout
