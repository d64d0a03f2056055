# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Through iree-compile and its runtime on this CPU, against our own compiler."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import sparsek
from iree_host import emit

compiler = pytest.importorskip("iree.compiler", reason="iree-base-compiler is not installed")
runtime = pytest.importorskip("iree.runtime", reason="iree-base-runtime is not installed")

pytestmark = pytest.mark.skipif(
    shutil.which("sparsek-opt") is None, reason="sparsek-opt is not in PATH"
)

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "iree"
CUDA = ["--iree-hal-target-device=cuda", "--iree-cuda-target=sm_80"]
CPU = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"]
KEEP_F64 = "--iree-input-demote-f64-to-f32=false"
LAYER = """
!x = tensor<1x?x32xf32>
!w = tensor<32x2xf32>
!q = tensor<1x4x?x32x{element}>
!k = tensor<1x2x?x32x{element}>
func.func @layer(%x: !x, %w: !w, %q: !q, %k: !k, %v: !k) -> (!q, tensor<1x4x?xf32>) {{
  %u = sparsek.score %x, %w slope(1.0e-4) {norm} : !x, !w
  %o, %lse = sparsek.attention %q, %k, %v, %u topk(16) window(24) {gate}
      : !q, !k, !k, tensor<1x2x?xf32>
  return %o, %lse : !q, tensor<1x4x?xf32>
}}
"""


def load(text: str, function: str, *flags: str):
    """The function, compiled for this CPU."""
    code = compiler.compile_str(text, extra_args=[*CPU, *flags])
    config = runtime.Config("local-task")
    module = runtime.VmModule.copy_buffer(config.vm_instance, code)
    return runtime.load_vm_module(module, config)[function]


def inputs(element: type) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = [(1, 90, 32), (32, 2), (1, 4, 90, 32), (1, 2, 90, 32), (1, 2, 90, 32)]
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    return arrays[:2] + [a.astype(element) for a in arrays[2:]]


@pytest.mark.parametrize("cpu", ["host", "generic"])
@pytest.mark.parametrize(
    ("element", "norm", "gate"),
    [("f32", "", ""), ("f32", "norm<timestep>", "gate<value>"), ("f16", "", "gate<none>")],
)
def test_layer(cpu: str, element: str, norm: str, gate: str) -> None:
    source = LAYER.format(element=element, norm=norm, gate=gate)
    arrays = inputs(np.float16 if element == "f16" else np.float32)
    expected = sparsek.compile(source).run(*arrays)
    layer = load(emit(source, "llvm-cpu"), "layer", f"--iree-llvmcpu-target-cpu={cpu}")
    tolerance = 2e-3 if element == "f16" else 2e-5
    for got, wanted in zip(layer(*arrays), expected, strict=True):
        np.testing.assert_allclose(got.to_host(), wanted, rtol=tolerance, atol=tolerance)


SELECTION = """
func.func @select(%u: tensor<1x2x?xf32>) -> (tensor<1x2x?xf32>, tensor<1x2x?xi32>) {
  %t, %e = sparsek.topk_mask %u topk(16) window(24) : tensor<1x2x?xf32>
  return %t, %e : tensor<1x2x?xf32>, tensor<1x2x?xi32>
}
"""
STATISTICS = """
!x = tensor<1x?x32xf32>
!s = tensor<1x2x3xf64>
func.func @score(%x: !x, %w: tensor<32x2xf32>, %n: i64, %s: !s) -> (tensor<1x2x?xf32>, !s) {
  %u, %c = sparsek.score %x, %w norm<timestep> offset(%n) statistics(%s) carry
      : !x, tensor<32x2xf32>, i64, !s
  return %u, %c : tensor<1x2x?xf32>, !s
}
"""


@pytest.mark.parametrize("options", ["llvm-cpu", "llvm-cpu native-f64"])
def test_selection(options: str) -> None:
    """The bits of our own compiler. IREE flushes subnormal numbers, we do not."""
    rng = np.random.default_rng(1)
    scores = rng.standard_normal((1, 2, 300)) * 10.0 ** rng.integers(-37, 38, (1, 2, 300))
    scores[0, 0, 100:200] = np.round(rng.standard_normal(100))
    scores[0, 1, ::7] = [np.inf, -np.inf, np.nan] * 14 + [0.0]
    scores = scores.astype(np.float32)
    flags = [KEEP_F64] if "native" in options else []
    select = load(emit(SELECTION, options), "select", *flags)
    for got, wanted in zip(select(scores), sparsek.compile(SELECTION).run(scores), strict=True):
        np.testing.assert_array_equal(got.to_host(), wanted)


def test_chunks() -> None:
    """Statistics are tensors of f64, which iree-compile must leave alone."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((1, 90, 32)).astype(np.float32)
    w = rng.standard_normal((32, 2)).astype(np.float32)
    s = np.abs(rng.standard_normal((1, 2, 3))) + [50, 0, 40]
    text = emit(STATISTICS, "llvm-cpu")
    score = load(text, "score", KEEP_F64, "--iree-llvmcpu-target-cpu=host")
    expected = sparsek.compile(STATISTICS).run(x, w, np.array(50), s)
    for got, wanted in zip(score(x, w, 50, s), expected, strict=True):
        np.testing.assert_array_equal(got.to_host(), wanted)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (SELECTION, "llvm-cpu native-f64", "cast incompatible"),
        (STATISTICS, "llvm-cpu", "result type matches element type"),
    ],
)
def test_f64_is_not_lost_silently(source: str, options: str, message: str) -> None:
    """iree-compile makes f64 f32 by default: then it must refuse these kernels."""
    with pytest.raises(compiler.CompilerToolError, match=message):
        load(emit(source, options), "select")


def spec(target: str, tmp_path: Path) -> Path:
    path = tmp_path / "spec.mlir"
    subprocess.run(
        ["sparsek-translate", "--emit=iree-spec", "-o", path],
        input=emit((EXAMPLE / "attention.mlir").read_text(), target),
        text=True,
        check=True,
    )
    return path


def test_spec(tmp_path: Path) -> None:
    flag = f"--iree-preprocessing-transform-spec-filename={spec('llvm-cpu', tmp_path)}"
    model = load((EXAMPLE / "model.mlir").read_text(), "main", flag)
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((2, 256, 64)).astype(np.float16) for _ in range(3))
    attention = sparsek.compile(EXAMPLE / "attention.mlir")
    (first,) = attention.run(q, k, v)
    (expected,) = attention.run(first, k, v)
    np.testing.assert_allclose(model(q, k, v).to_host(), expected, rtol=2e-3, atol=2e-3)


def test_spec_for_cuda(tmp_path: Path) -> None:
    flag = f"--iree-preprocessing-transform-spec-filename={spec('cuda', tmp_path)}"
    code = compiler.compile_str((EXAMPLE / "model.mlir").read_text(), extra_args=[*CUDA, flag])
    for name in (b"survivors", b"expiries", b".entry attention("):
        assert name in code


def test_page(tmp_path: Path) -> None:
    """The commands of docs/IREE.md work, and what it shows is in what they write."""
    page = (ROOT / "docs" / "IREE.md").read_text()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    commands = "".join(re.findall(r"```sh\n(.*?)```", page, re.S))
    scripts = sysconfig.get_path("scripts"), str(Path(compiler.__file__).parents[5] / "bin")
    path = ":".join([*scripts, str(Path(shutil.which("sparsek-opt")).parent), "/usr/bin", "/bin"])
    subprocess.run(
        ["bash", "-euc", commands], cwd=tmp_path, env={"PATH": path}, check=True, timeout=300
    )
    shown = re.findall(r"<!-- output: (\S+) -->\n```mlir\n(.*?)```", page, re.S)
    assert len(shown) == 2
    for name, block in shown:
        text, at = (tmp_path / name).read_text(), 0
        for line in block.splitlines():
            for piece in line.strip().split("..."):
                found = text.find(piece.strip(), at)
                assert found >= 0, f"{name} has no '{piece.strip()}' there"
                at = found + len(piece.strip())
