# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Modules of `test_iree_gpu.py`, compiled for IREE's CUDA device.

usage: python python/tests/gpu/iree_modules.py FOLDER [--chip sm_90a]

iree-compile needs no GPU, so that they can be made elsewhere: the tests take them from the folder that
SPARSEK_IREE_MODULES names, and compile what is not there.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple


class Case(NamedTuple):
    """A function of one sparsek op, its options for `sparsek-emit-iree`, and sizes to run it with. Integers must be equal."""

    name: str
    text: str
    options: str
    lengths: tuple[tuple[int, int], ...]  # (M, N)
    tolerance: float


def attention(element: str, depth: int, rest: str, batch: int = 1, heads: str = "8x2") -> str:
    query_heads, kv_heads = heads.split("x")
    q = f"tensor<{batch}x{query_heads}x?x{depth}x{element}>"
    k = f"tensor<{batch}x{kv_heads}x?x{depth}x{element}>"
    u = f"tensor<{batch}x{kv_heads}x?xf32>"
    lse = f"tensor<{batch}x{query_heads}x?xf32>"
    return f"""
func.func @main(%q: {q}, %k: {k}, %v: {k}, %u: {u}) -> ({q}, {lse}) {{
  %o, %lse = sparsek.attention %q, %k, %v, %u {rest} : {q}, {k}, {k}, {u}
  return %o, %lse : {q}, {lse}
}}
"""


SELECTION = """
!u = tensor<2x3x?xf32>
!e = tensor<2x3x?xi32>
func.func @main(%u: !u) -> (!u, !e) {
  %tau, %expiry = sparsek.topk_mask %u topk(64) window(32) : !u
  return %tau, %expiry : !u, !e
}
"""


def dense(element: str) -> str:
    q, k = f"tensor<2x4x?x64x{element}>", f"tensor<2x2x?x64x{element}>"
    return f"""
func.func @main(%q: {q}, %k: {k}, %v: {k}) -> ({q}, tensor<2x4x?xf32>) {{
  %o, %lse = sparsek.causal_attention %q, %k, %v : {q}, {k}, {k}
  return %o, %lse : {q}, tensor<2x4x?xf32>
}}
"""


def score(element: str, rest: str) -> str:
    return f"""
!x = tensor<2x?x512x{element}>
!w = tensor<512x4x{element}>
func.func @main(%x: !x, %w: !w) -> tensor<2x4x?xf32> {{
  %u = sparsek.score %x, %w {rest} : !x, !w
  return %u : tensor<2x4x?xf32>
}}
"""


LENGTHS = ((1000, 1000), (1, 1), (70, 300), (2049, 2049))
SQUARE = ((1, 1), (300, 300), (9001, 9001))
CASES = (
    Case("bf16", attention("bf16", 128, "topk(64) window(96)"), "cuda", LENGTHS, 1e-2),
    Case("bf16_cubin", attention("bf16", 128, "topk(64) window(96)"), "cuda format=cubin", LENGTHS, 1e-2),
    Case("f16_batch", attention("f16", 64, "topk(64) window(64) gate<none>", 2), "cuda", LENGTHS, 2e-3),
    Case("f16_80", attention("f16", 80, "topk(100) window(0)", 1, "4x4"), "cuda", LENGTHS, 2e-3),
    Case("f32", attention("f32", 64, "topk(64) window(64)"), "cuda fallback", LENGTHS[:3], 2e-5),
    Case("dense", dense("bf16"), "cuda", LENGTHS, 1e-2),
    Case("dense_f32", dense("f32"), "cuda fallback", LENGTHS[:3], 2e-5),
    Case("selection", SELECTION, "cuda", SQUARE, 1e-6),
    Case("score", score("bf16", ""), "cuda", SQUARE, 1e-5),
    Case("score_normed", score("f16", "slope(1.0e-3) norm<timestep>"), "cuda", SQUARE, 1e-4),
    Case("score_f32", score("f32", ""), "cuda fallback", SQUARE, 1e-5),
)  # fmt: skip


def compile_module(case: Case, path: Path, chip: str) -> None:
    """Writes the module of IREE. Raises RuntimeError with the messages of the tool that fails."""
    with tempfile.TemporaryDirectory() as folder:
        source, emitted = Path(folder, "source.mlir"), Path(folder, "emitted.mlir")
        source.write_text(case.text)
        commands = [
            ["sparsek-opt", source, f"--sparsek-emit-iree={case.options} chip={chip}", "-o", emitted],
            ["iree-compile", emitted, "--iree-hal-target-device=cuda", "--iree-cuda-target=sm_80", "-o", path],
        ]  # fmt: skip
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{command[0]}: {done.stderr[:2000]}")


def can_compile() -> bool:
    return all(map(shutil.which, ("sparsek-opt", "iree-compile")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chip", default="sm_90a")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        path = options.folder / f"{case.name}-{options.chip}.vmfb"
        compile_module(case, path, options.chip)
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
