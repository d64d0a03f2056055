# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles gathered attention to PTX and runs it in the emulator against the float64 oracle."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np

import emulator
import oracle
from tile_interpreter.kernels import Variant

ELEMENT = {"bf16": ml_dtypes.bfloat16, "f16": np.float16}
# Of the relative error (Frobenius norm) and of one element: the weights and the output are rounded
# once each, so both are a small multiple of the rounding error of the type.
TOLERANCE = {"bf16": (4e-3, 2e-2), "f16": (5e-4, 3e-3)}


@dataclasses.dataclass(frozen=True)
class Compiled:
    """The PTX of all kernels of an op, their launch record, and the seconds it took."""

    ptx: str
    record: Mapping[str, Any]
    seconds: float


def parse_attribute(text: str) -> Any:
    """The first attribute of a printed module's text: dictionaries, lists, strings, numbers."""
    tokens = re.sub(
        r'"(?:[^"\\]|\\.)*"|\b([A-Za-z_]\w*) = | : i\d+\b',
        lambda m: f'"{m[1]}": ' if m[1] else m[0] if m[0][0] == '"' else "",
        text,
    )
    return json.JSONDecoder().raw_decode(tokens)[0]


def parse_string(text: str) -> str:
    """What a printed string attribute holds: backslash and two hexadecimal digits, or itself."""
    return re.sub(
        r"\\(\\|[0-9A-F]{2})",
        lambda m: "\\" if m[1] == "\\" else chr(int(m[1], 16)),
        text,
    )


def compile_source(source: str, options: str) -> Compiled:
    """PTX and record by `sparsek-nvvm-pipeline`. Raises RuntimeError with its messages."""
    tool = shutil.which("sparsek-opt")
    if tool is None:
        raise RuntimeError("sparsek-opt is not in PATH")
    start = time.perf_counter()
    result = subprocess.run(
        [tool, f"--sparsek-nvvm-pipeline={options}"],
        input=source,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    if result.returncode or result.stderr:
        raise RuntimeError(result.stderr)
    record = result.stdout.split("sparsek.launch_record = ", 1)[1]
    ptx = re.search(r'assembly = "((?:[^"\\]|\\.)*)"', record)[1]
    return Compiled(parse_string(ptx).rstrip("\0"), parse_attribute(record), seconds)


@functools.lru_cache(maxsize=64)
def compile_kernels(variant: Variant) -> Compiled:
    """PTX and record of attention. Raises RuntimeError with the compiler's messages."""
    options = f"host=false chip={variant.chip} format=ptx schedule={variant.schedule}"
    return compile_source(variant.source(), options)


@dataclasses.dataclass(frozen=True)
class Problem:
    """What one launch gets. scores: normal, ties, special (NaN and infinities) or equal."""

    batch: int = 1
    rows: int | None = None  # None: as many as keys
    keys: int = 70
    topk: int = 20
    window: int = 30
    cu_seqlens: tuple[int, ...] | None = None
    chunk_log2: int | None = None
    scores: str = "normal"
    scale: float | None = None
    strided: bool = False  # q, k, v with heads inside positions, u with gaps between the heads
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Arrays by the names of the op; `options` are those of `gathered_attention`."""

    arrays: tuple[np.ndarray, ...]  # q, k, v, u, tau, expiry
    options: Mapping[str, Any]


def make_inputs(variant: Variant, problem: Problem) -> Inputs:
    """Random numbers, and the selection that belongs to them."""
    rng = np.random.default_rng(problem.seed)
    dtype = ELEMENT[variant.dtype]
    batch, keys, rows = problem.batch, problem.keys, problem.rows or problem.keys

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(dtype)

    q = normal(batch, variant.query_heads, rows, variant.head_size)
    k = normal(batch, variant.key_heads, keys, variant.head_size)
    v = normal(batch, variant.key_heads, keys, variant.value_size)
    u = rng.standard_normal((batch, variant.score_heads, keys)).astype(np.float32)
    if problem.scores == "ties":
        u = np.round(u * 2) / 2
    elif problem.scores == "equal":
        u[...] = 1.5
    elif problem.scores == "special":
        u[..., ::7], u[..., 3::11], u[..., 5::13] = -np.inf, np.inf, np.nan
    if problem.strided:
        q, k, v = (np.ascontiguousarray(a.swapaxes(1, 2)).swapaxes(1, 2) for a in (q, k, v))
        u = np.concatenate([u, u], axis=2)[..., :keys]
    options: dict[str, Any] = {"topk": problem.topk, "window": problem.window}
    if problem.cu_seqlens is not None:
        options["cu_seqlens"] = np.array(problem.cu_seqlens, np.int32)
    selection = oracle.select(u, **options)
    options["scale"] = problem.scale
    if variant.sink:
        options["sink"] = np.linspace(-1, 1, variant.query_heads).astype(np.float32)
    return Inputs((q, k, v, u, selection.tau, selection.expiry), options)


def launch(
    variant: Variant, problem: Problem, inputs: Inputs, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """`o[B,Hq,M,Dv]` and `lse[B,Hq,M]` of the kernels. options: those of the emulator.

    Raises an EmulatorError for a defect of the program.
    """
    compiled = compile_kernels(variant)
    return emulator.gathered_attention(
        compiled.ptx,
        compiled.record,
        *inputs.arrays,
        **inputs.options,
        chunk_log2=problem.chunk_log2,
        **{"seed": problem.seed} | options,
    )


def check(variant: Variant, problem: Problem, **options: Any) -> None:
    """Runs the kernels and compares with the oracle. options: those of the emulator.

    Raises an EmulatorError for a defect of the program, an AssertionError for wrong numbers.
    """
    inputs = make_inputs(variant, problem)
    o, lse = launch(variant, problem, inputs, **options)
    with np.errstate(invalid="ignore"):  # NaN scores
        expected_o, expected_lse = oracle.attention(
            *inputs.arrays[:4], gate=variant.gate, **inputs.options
        )
    np.testing.assert_allclose(lse, expected_lse, rtol=1e-5, atol=1e-5)
    norm, element = TOLERANCE[variant.dtype]
    o = o.astype(np.float64)
    np.testing.assert_allclose(o, expected_o, rtol=element, atol=element)
    error = np.linalg.norm(o - expected_o) / np.linalg.norm(expected_o)
    assert error < norm, f"relative error {error:.1e}"
