# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Through iree-compile and its runtime on this CPU, against our own compiler."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oracle
import sparsek
from iree_host import emit
from ptxas import find_ptxas

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
    results = [array.to_host() for array in layer(*arrays)]
    for got, wanted in zip(results, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)
    if cpu == "host":  # lse has a logarithm, which is IREE's
        np.testing.assert_array_equal(results[0], expected[0])


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


def imported(name: str, target: str, mode: str) -> str:
    """Text of IREE's own phase input, whose functions are util.func, imported and emitted."""
    result = subprocess.run(
        [
            "sparsek-opt", IMPORTS / name, "--allow-unregistered-dialect",
            f"--sparsek-import={mode}", f"--sparsek-emit-iree={target}",
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "func.func" not in result.stdout.split("hal.executable.source")[0]
    return result.stdout


def test_functions_of_iree() -> None:
    model = load(imported("iree_gqa.mlir", "llvm-cpu", "mode=dense"), "main")
    rng = np.random.default_rng(3)
    shapes = [(1, heads, 64, 32) for heads in (8, 2, 2)]
    q, k, v = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    u = np.zeros((1, 1, 64), np.float32)
    # A window of all keys is dense attention.
    expected, _ = oracle.attention(q, k, v, u, topk=1, window=64)
    np.testing.assert_allclose(model(q, k, v).to_host(), expected, rtol=1e-5, atol=1e-5)


def test_functions_of_iree_for_cuda() -> None:
    text = imported("iree_gqa.mlir", "cuda fallback", "mode=dense")
    assert b".entry" in compiler.compile_str(text, extra_args=CUDA)


FORMS = ROOT / "test" / "fixtures"
IMPORTS = ROOT / "test" / "Conversion" / "Import" / "Inputs"


def lower(text: str, phase: str, *flags: str) -> str:
    """What iree-compile has after a phase, in the generic form."""
    args = [*CPU, f"--compile-to={phase}", "--mlir-print-op-generic", *flags]
    return compiler.compile_str(text, extra_args=args).decode()


def model_spec(
    model: str, weights: np.ndarray, tmp_path: Path, *options: str, target: str = "llvm-cpu"
) -> subprocess.CompletedProcess:
    """Makes the spec of a model: tmp_path / "spec.mlir"."""
    np.save(tmp_path / "w.npy", weights)
    return subprocess.run(
        [
            "sparsek-translate", "--emit=iree-spec", f"--score-weight={tmp_path / 'w.npy'}",
            f"--target={target}", "-o", tmp_path / "spec.mlir", *options,
        ],
        input=lower(model, "abi"), capture_output=True, text=True, check=False,
    )  # fmt: skip


def weights_of(rows: int, size: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((rows, size)).astype(np.float32)


def expected_attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, w: np.ndarray, scale: float, **options: Any
) -> np.ndarray:
    """Sparse attention by the definition, with the scores of its keys."""
    norm, slope = options.pop("norm", "none"), options.pop("slope", 0.0)
    rows = np.broadcast_to(w, (k.shape[1], w.shape[1]))
    scores = [
        oracle.score(k[:, head], rows[head][:, None], norm=norm, slope=slope)[0]
        for head in range(k.shape[1])
    ]
    u = np.concatenate(scores, axis=1).astype(np.float32)
    return oracle.attention(q, k, v, u, scale=scale, **options)[0]


@pytest.mark.parametrize(
    ("file", "shape", "kv_heads", "rows", "options"),
    [
        (FORMS / "form_tm_tensor_causal.mlir", (1, 8, 64, 32), 8, 8, {}),
        (FORMS / "form_tm_tensor_causal.mlir", (1, 8, 64, 32), 8, 1, {"gate": "value"}),
        (FORMS / "form_tm_tensor_causal_dyn.mlir", (1, 8, 57, 32), 8, 8, {"norm": "timestep"}),
        (FORMS / "form_tm_tensor_causal_dyn.mlir", (1, 8, 33, 32), 8, 1, {"slope": 1e-3}),
        (FORMS / "form_tm_tensor_gqa_causal.generic.mlir", (1, 8, 64, 32), 2, 2, {}),
        (IMPORTS / "iree_gqa_dyn.mlir", (2, 8, 40, 32), 2, 2, {}),
        (IMPORTS / "iree_scale.mlir", (1, 8, 64, 32), 8, 8, {"gate": "none"}),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else None,
)
def test_model_spec(
    file: Path, shape: tuple, kv_heads: int, rows: int, options: dict, tmp_path: Path
) -> None:
    model, w = file.read_text(), weights_of(rows, shape[3])
    made = model_spec(
        model, w, tmp_path, "--topk=8", "--window=8", *(f"--{n}={v}" for n, v in options.items())
    )
    assert made.returncode == 0, made.stderr
    assert f"Hkv = {kv_heads}" in made.stderr
    flag = f"--iree-preprocessing-transform-spec-filename={tmp_path / 'spec.mlir'}"
    assert "iree_linalg_ext.attention" not in lower(model, "preprocessing", flag)
    rng = np.random.default_rng(0)
    keys = (shape[0], kv_heads, *shape[2:])
    q, k, v = (rng.standard_normal(s).astype(np.float32) for s in (shape, keys, keys))
    scale = float(re.search(r"scale ([\d.]+)", made.stderr)[1])
    expected = expected_attention(q, k, v, w, scale, topk=8, window=8, **options)
    result = load(model, "main", flag)(q, k, v).to_host()
    np.testing.assert_allclose(result, expected, rtol=2e-4, atol=2e-5)


def test_machine_code() -> None:
    """iree-compile takes cubins as it takes PTX."""
    if find_ptxas() is None:
        pytest.skip("there is no ptxas")
    text = emit((EXAMPLE / "attention.mlir").read_text(), "cuda format=cubin")
    code = compiler.compile_str(text, extra_args=CUDA)
    kernels = set(re.findall(r'export_name = "(\w+)"', text))
    assert code.count(b"\x7fELF") >= len(kernels) > 5
    assert b".entry attention(" not in code


# Operands of four dimensions, and five where the query heads of a KV head are a dimension.
FOUR = """
#q = affine_map<(b, h, m, n, k1, k2) -> (b, h, m, k1)>
#k = affine_map<(b, h, m, n, k1, k2) -> (b, h, k2, k1)>
#v = affine_map<(b, h, m, n, k1, k2) -> (b, h, k2, n)>
#s = affine_map<(b, h, m, n, k1, k2) -> ()>
#m = affine_map<(b, h, m, n, k1, k2) -> (m, k2)>
#o = affine_map<(b, h, m, n, k1, k2) -> (b, h, m, n)>
!q = tensor<?x3x?x32xf32>
!k = tensor<?x3x?x32xf32>
!v = tensor<?x3x?x32xf32>
"""
FIVE = """
#q = affine_map<(b, h, g, m, n, k1, k2) -> (b, m, h, g, k1)>
#k = affine_map<(b, h, g, m, n, k1, k2) -> (b, h, k1, k2)>
#v = affine_map<(b, h, g, m, n, k1, k2) -> (b, h, k2, n)>
#s = affine_map<(b, h, g, m, n, k1, k2) -> ()>
#m = affine_map<(b, h, g, m, n, k1, k2) -> (m, k2)>
#o = affine_map<(b, h, g, m, n, k1, k2) -> (b, m, h, g, n)>
!q = tensor<2x?x3x2x32xf32>
!k = tensor<2x3x32x?xf32>
!v = tensor<2x3x?x32xf32>
"""
CAUSAL = """
func.func @main(%q: !q, %k: !k, %v: !v, %e: !q) -> !q {{
  %c2 = arith.constant 2 : index
  %row = arith.constant {row} : index
  %m = tensor.dim %q, %row : !q
  %n = tensor.dim %v, %c2 : !v
  %scale = arith.constant 0.25 : f32
  %me = tensor.empty(%m, %n) : tensor<?x?xi1>
  %mask = linalg.generic {{indexing_maps = [affine_map<(m, n) -> (m, n)>],
      iterator_types = ["parallel", "parallel"]}} outs(%me : tensor<?x?xi1>) {{
  ^bb0(%out: i1):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %sees = arith.cmpi sge, %i, %j : index
    linalg.yield %sees : i1
  }} -> tensor<?x?xi1>
  %r = iree_linalg_ext.attention <{{indexing_maps = [#q, #k, #v, #s, #m, #o]}}>
     ins(%q, %k, %v, %scale, %mask : !q, !k, !v, f32, tensor<?x?xi1>) outs(%e : !q) {{
    ^bb0(%logit: f32):
      iree_linalg_ext.yield %logit : f32
  }} -> !q
  return %r : !q
}}
"""


@pytest.mark.parametrize("dimensions", [4, 5])
def test_model_spec_of_more_dimensions(dimensions: int, tmp_path: Path) -> None:
    five = dimensions == 5
    model = FIVE + CAUSAL.format(row=1) if five else FOUR + CAUSAL.format(row=2)
    w = weights_of(3, 32)
    made = model_spec(model, w, tmp_path, "--topk=8", "--window=8")
    assert made.returncode == 0, made.stderr
    rng = np.random.default_rng(0)
    shapes = [(2, 3 * (1 + five), 48, 32), (2, 3, 48, 32), (2, 3, 48, 32)]
    q, k, v = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    expected = expected_attention(q, k, v, w, 0.25, topk=8, window=8)
    if five:
        q = q.reshape(2, 3, 2, 48, 32).transpose(0, 3, 1, 2, 4)
        expected = expected.reshape(2, 3, 2, 48, 32).transpose(0, 3, 1, 2, 4)
        k = k.transpose(0, 1, 3, 2)
    q, k = np.ascontiguousarray(q), np.ascontiguousarray(k)
    flag = f"--iree-preprocessing-transform-spec-filename={tmp_path / 'spec.mlir'}"
    result = load(model, "main", flag)(q, k, v, np.zeros_like(q)).to_host()
    np.testing.assert_allclose(result, expected, rtol=2e-4, atol=2e-5)


def test_model_spec_in_a_layer(tmp_path: Path) -> None:
    """With a window of all keys the layer computes what it did before."""
    model = (FORMS / "form_tm_tensor_llama_layer.mlir").read_text()
    made = model_spec(model, weights_of(2, 32), tmp_path, "--topk=1", "--window=64")
    assert made.returncode == 0, made.stderr
    signature = re.search(r"func\.func @main\((.*?)\) ->", model)[1]
    rng = np.random.default_rng(0)
    arrays = [
        rng.standard_normal([int(d) for d in shape.split("x")]).astype(np.float32) * 0.1
        for shape in re.findall(r"tensor<([\dx]+)xf32>", signature)
    ]
    flag = f"--iree-preprocessing-transform-spec-filename={tmp_path / 'spec.mlir'}"
    assert "iree_linalg_ext.attention" not in lower(model, "preprocessing", flag)
    expected = load(model, "main")(*arrays).to_host()
    np.testing.assert_allclose(
        load(model, "main", flag)(*arrays).to_host(), expected, rtol=1e-3, atol=1e-4
    )


def test_model_spec_without_mask(tmp_path: Path) -> None:
    """Attention that is not causal is replaced where the user says so, all of it."""
    model, w = (EXAMPLE / "model.mlir").read_text(), weights_of(2, 64)
    made = model_spec(model, w, tmp_path)
    assert made.returncode == 1
    assert made.stderr.count("remark: attention is left as it is: not causal") == 2
    assert "error: no attention can be replaced" in made.stderr
    made = model_spec(model, w, tmp_path, "--topk=32", "--window=32", "--any-mask")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "spec.mlir").read_text().count("named_sequence @match") == 1
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((2, 256, 64)).astype(np.float16) for _ in range(3))
    first = q
    for _ in range(2):
        arrays = (a[None].astype(np.float32) for a in (first, k, v))
        result = expected_attention(*arrays, w, 0.125, topk=32, window=32)
        first = result[0].astype(np.float16)
    flag = f"--iree-preprocessing-transform-spec-filename={tmp_path / 'spec.mlir'}"
    np.testing.assert_allclose(
        load(model, "main", flag)(q, k, v).to_host(), first, rtol=5e-3, atol=5e-3
    )


def test_model_spec_matches_only_its_model(tmp_path: Path) -> None:
    """Another scale, or a mask that is an argument of another type, is no match."""
    model = (FORMS / "form_tm_tensor_causal.mlir").read_text()
    assert model_spec(model, weights_of(8, 32), tmp_path).returncode == 0
    flag = f"--iree-preprocessing-transform-spec-filename={tmp_path / 'spec.mlir'}"
    for other in ("iree_scale.mlir", "iree_plain.mlir", "iree_gqa.mlir", "iree_bf16.mlir"):
        assert "iree_linalg_ext.attention" in lower(
            (IMPORTS / other).read_text(), "preprocessing", flag
        )


def test_model_spec_takes_static_forms(tmp_path: Path) -> None:
    """The spec of a dynamic model, used on the same model with its sizes known."""
    model = (FORMS / "form_tm_tensor_causal_dyn.mlir").read_text()
    assert model_spec(model, weights_of(8, 32), tmp_path).returncode == 0
    flag = f"--iree-preprocessing-transform-spec-filename={tmp_path / 'spec.mlir'}"
    static = (FORMS / "form_tm_tensor_causal.mlir").read_text()
    text = lower(static, "preprocessing", flag)
    assert "iree_linalg_ext.attention" not in text
    assert "hal.executable" in text
    assert "linalg.index" not in text, "the mask is still made"


def test_model_spec_for_cuda(tmp_path: Path) -> None:
    model = (EXAMPLE / "model.mlir").read_text()
    options = ("--any-mask", "--topk=32", "--window=32")
    made = model_spec(model, weights_of(2, 64), tmp_path, *options, target="cuda")
    assert made.returncode == 0, made.stderr
    flag = f"--iree-preprocessing-transform-spec-filename={tmp_path / 'spec.mlir'}"
    code = compiler.compile_str(model, extra_args=[*CUDA, flag])
    for name in (b"survivors", b".entry score(", b".entry attention("):
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
    assert len(shown) == 3
    for name, block in shown:
        text, at = (tmp_path / name).read_text(), 0
        for line in block.splitlines():
            for piece in line.strip().split("..."):
                found = text.find(piece.strip(), at)
                assert found >= 0, f"{name} has no '{piece.strip()}' there"
                at = found + len(piece.strip())
