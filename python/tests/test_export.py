# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `sparsek.export` does after torch-mlir, on text that torch-mlir once made, and
archives. Needs neither PyTorch nor torch-mlir; `test_export_torch.py` has the rest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import oracle
import sparsek
from docs_examples import shell_examples
from sparsek import export

pytestmark = pytest.mark.library

# sparsek.torch.SparsekAttention(32, 4, 2, topk=5, window=3, score_norm="timestep",
# rope_theta=None, scale=0.5, sink=True), batch and length dynamic.
CARRIED = (Path(__file__).parent / "fixtures" / "carried_layer.mlir").read_text()
SHAPES = {
    "score_weight": (32, 2),
    "sink": (4,),
    "q_proj.weight": (32, 32),
    "k_proj.weight": (16, 32),
    "v_proj.weight": (16, 32),
    "o_proj.weight": (32, 32),
}


def weights(seed=0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        name: (rng.standard_normal(shape) * 32**-0.5).astype(np.float32)
        for name, shape in SHAPES.items()
    }


def states(batch: int, length: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((batch, length, 32), dtype=np.float32)


def expected(tensors: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """The layer in float64."""
    tensors = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    x = x.astype(np.float64)

    def project(name: str, heads: int) -> np.ndarray:
        return (x @ tensors[name].T).reshape(*x.shape[:2], heads, 8).transpose(0, 2, 1, 3)

    u, _ = oracle.score(x, tensors["score_weight"], norm="timestep")
    q, k, v = project("q_proj.weight", 4), project("k_proj.weight", 2), project("v_proj.weight", 2)
    options = {"topk": 5, "window": 3, "scale": 0.5, "sink": tensors["sink"]}
    o, _ = oracle.attention(q, k, v, u.astype(np.float32), **options)
    return o.transpose(0, 2, 1, 3).reshape(x.shape) @ tensors["o_proj.weight"].T


def finish(scope=None) -> str:
    return export._finish(CARRIED, list(SHAPES), ["hidden_states"], scope)


def close(got: np.ndarray, want: np.ndarray) -> None:
    assert np.linalg.norm(got - want) <= 1e-5 * np.linalg.norm(want)


class TestText:
    def test_ops_of_the_dialect(self):
        text = finish()
        ops = re.findall(r"(sparsek\.\w+) %", text)
        assert ops == ["sparsek.score", "sparsek.topk_mask", "sparsek.gathered_attention"]
        assert '"sparsek.' not in text
        sparsek.opt(text, "builtin.module()")  # It parses again.

    def test_names_of_arguments(self):
        executable = sparsek.compile(finish())
        names = [argument.name for argument in executable.signature("main").arguments]
        assert names == [*SHAPES, "hidden_states"]

    @pytest.mark.parametrize("batch, length", ((1, 1), (2, 40), (3, 77)))
    def test_numbers(self, batch, length):
        executable, tensors, x = sparsek.compile(finish()), weights(), states(batch, length)
        (got,) = executable.run(*tensors.values(), x)
        close(got, expected(tensors, x))

    def test_names_that_mlir_has_not(self):
        text = "func.func @main(%arg0: f32, %arg1: f32, %arg2: f32, %arg10: f32) { %x = foo %arg1 }"
        got = export._with_names(text, ["0.weight", "x", "a b/c", "x"])
        assert got == (
            "func.func @main(%_0.weight: f32, %x_: f32, %a_b_c: f32, %arg10: f32) { %x = foo %x_ }"
        )


class TestParameters:
    def test_text(self):
        text = finish("layer")
        assert "func.func @main(%hidden_states: tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {" in text
        assert (
            '    %k_proj.weight = "flow.tensor.constant"() {value = #flow.parameter.named<'
            '"layer"::"k_proj.weight"> : tensor<16x32xf32>} : () -> tensor<16x32xf32>\n'
        ) in text
        assert text.count("#flow.parameter.named") == len(SHAPES)
        again = sparsek.opt(text, "canonicalize", allow_unregistered=True)
        assert again.count("#flow.parameter.named") == len(SHAPES)

    def test_unused_and_odd_names(self):
        text = "func.func @main(%a: tensor<2xf32>, %b: tensor<f32>, %c: tensor<2xf32>) "
        text += "-> tensor<2xf32> { return %c : tensor<2xf32> }"
        text = export._finish(text, ["unused", 'odd "name"\\'], ["x"], "s")
        assert "flow" not in text and "func.func @main(%x: tensor<2xf32>)" in text
        text = "func.func @main(%a: tensor<2xf32>) -> tensor<2xf32> { return %a : tensor<2xf32> }"
        text = export._finish(text, ['odd "näme"\\'], [], "s\n")
        assert r'named<"s\0A"::"odd \22n\C3\A4me\22\5C">' in text and "func.func @main() ->" in text
        sparsek.opt(text, "canonicalize", allow_unregistered=True)

    def test_archive(self, tmp_path):
        runtime = pytest.importorskip("iree.runtime", reason="IREE's runtime is not installed")
        tensors = {
            "a": np.arange(6, dtype=np.float32).reshape(2, 3).T,
            "b.c": np.array(1.5, ml_dtypes.bfloat16),
            "empty": np.zeros((0, 3), np.int64),
            "flags": np.array([True, False]),
        }
        export.write_archive(tmp_path / "some.irpa", tensors)
        index = runtime.ParameterIndex()
        index.load(str(tmp_path / "some.irpa"))
        read = {name: bytes(entry.file_view) for name, entry in index.items() if entry.length}
        assert read == {n: np.ascontiguousarray(t).tobytes() for n, t in tensors.items() if t.size}

    def test_in_iree(self, tmp_path):
        runtime = pytest.importorskip("iree.runtime", reason="IREE's runtime is not installed")
        compiler = pytest.importorskip("iree.compiler", reason="IREE's compiler is not installed")
        tensors, x = weights(), states(2, 40)
        export.write_archive(tmp_path / "layer.irpa", tensors)
        pipeline = "builtin.module(sparsek-emit-iree{llvm-cpu})"
        text = sparsek.opt(finish("layer"), pipeline, allow_unregistered=True)
        program = compiler.compile_str(
            text, target_backends=["llvm-cpu"], extra_args=["--iree-llvmcpu-target-cpu=host"]
        )
        index = runtime.ParameterIndex()
        index.load(str(tmp_path / "layer.irpa"))
        config = runtime.Config("local-sync")
        instance = config.vm_instance
        parameters = runtime.create_io_parameters_module(
            instance, index.create_provider(scope="layer")
        )
        module = runtime.VmModule.copy_buffer(instance, program)
        *_, module = runtime.load_vm_modules(
            parameters, runtime.create_hal_module(instance, config.device), module, config=config
        )
        close(module.main(x).to_host(), expected(tensors, x))

    def test_commands_of_the_page(self, tmp_path):
        """With the layer of this file in the place of the page's, of half as many features."""
        pytest.importorskip("iree.runtime", reason="IREE's runtime is not installed")
        pytest.importorskip("iree.compiler", reason="IREE's compiler is not installed")
        if shutil.which("sparsek-opt") is None:
            pytest.skip("sparsek-opt is not on PATH")
        (commands,) = shell_examples("Exporting.md")
        assert "1x100x64xf32" in commands
        (tmp_path / "layer.mlir").write_text(finish("layer"))
        export.write_archive(tmp_path / "layer.irpa", weights())
        tools = Path(sys.executable).parent
        result = subprocess.run(
            ["bash", "-e", "-c", commands.replace("1x100x64xf32", "1x100x32xf32")],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        assert "1x100x32xf32=" in result.stdout


class TestImport:
    def run(self, tmp_path, code: str, *missing: str) -> subprocess.CompletedProcess[str]:
        for name in missing:
            file = tmp_path / f"{name}.py"
            file.write_text("raise ImportError('not here')\n")
        package = Path(sparsek.__file__).parents[1]
        code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(package)!r}]\n{code}"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    def test_loads_nothing(self, tmp_path):
        code = (
            "import sparsek, sparsek.export\n"
            "print([name for name in sys.modules if name in ('torch', 'torch_mlir', 'iree', "
            "'transformers', 'numpy')])"
        )
        assert self.run(tmp_path, code).stdout == "[]\n"

    def test_without_pytorch(self, tmp_path):
        result = self.run(
            tmp_path, "import sparsek.export\nsparsek.export.to_mlir(None, ())", "torch"
        )
        assert (
            "ImportError: sparsek.export needs PyTorch 2.8 or later (pip install "
            "'sparsek[torch-mlir]'): not here"
        ) in result.stderr

    def test_without_iree(self, tmp_path):
        result = self.run(
            tmp_path, "import sparsek.export\nsparsek.export.write_archive('x.irpa', {})", "iree"
        )
        assert (
            "ImportError: parameter archives need IREE's runtime (pip install 'sparsek[iree]'): "
        ) in result.stderr
