# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles gathered attention to tile programs and launches them on arrays."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from collections.abc import Sequence

import numpy as np

from .agents import ELEMENT
from .machine import Machine
from .syntax import Op, parse

PASSES = ("--tile-split-slots", "--tile-overlap", "--tile-ping-pong", "--tile-allocate")


@dataclasses.dataclass(frozen=True)
class Variant:
    """What is compiled in."""

    dtype: str = "bf16"
    head_size: int = 16
    value_size: int = 16
    query_heads: int = 4
    key_heads: int = 2
    score_heads: int = 1
    gate: str = "key_value"
    sink: bool = False
    packed: bool = False
    schedule: str = ""
    chip: str = "sm_90a"

    def source(self) -> str:
        """A function with one op of this variant."""

        def tensor(heads: int, *sizes: int | str) -> str:
            return "x".join(["tensor<?", str(heads), "?", *map(str, sizes)]) + ">"

        query = tensor(self.query_heads, self.head_size, self.dtype)
        key = tensor(self.key_heads, self.head_size, self.dtype)
        value = tensor(self.key_heads, self.value_size, self.dtype)
        scores = tensor(self.score_heads, "f32")
        types = [query, key, value, scores, scores, tensor(self.score_heads, "i32")]
        extra = ""
        if self.sink:
            extra += f" sink(%a{len(types)})"
            types.append(f"tensor<{self.query_heads}xf32>")
        if self.packed:
            extra += f" cu_seqlens(%a{len(types)})"
            types.append("tensor<?xi32>")
            types[:6] = [type.replace("<?", "<1", 1) for type in types[:6]]
        arguments = ", ".join(f"%a{i}: {type}" for i, type in enumerate(types))
        return (
            f"func.func @f({arguments}) {{\n"
            "  %o, %l = sparsek.gathered_attention %a0, %a1, %a2, %a3, %a4, %a5 topk(1) window(1) "
            f"gate<{self.gate}>{extra} : {', '.join(types)}\n  return\n}}\n"
        )


def compile_kernels(variant: Variant, passes: Sequence[str] = PASSES) -> dict[str, Op]:
    """The kernels of a variant by their names. Raises RuntimeError with the compiler's messages."""
    tool = shutil.which("sparsek-opt")
    if tool is None:
        raise RuntimeError("sparsek-opt is not in PATH")
    result = subprocess.run(
        [
            tool,
            f"--convert-sparsek-to-tile=chip={variant.chip} schedule={variant.schedule}",
            *passes,
            "--mlir-print-op-generic",
            "--mlir-print-local-scope",
        ],
        input=variant.source(),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode or result.stderr:
        raise RuntimeError(result.stderr)
    kernels = [op for op in parse(result.stdout).walk() if op.name == "tile.kernel"]
    return {kernel.text("sym_name"): kernel for kernel in kernels}


def launch(
    kernels: dict[str, Op],
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    u: np.ndarray,
    tau: np.ndarray,
    expiry: np.ndarray,
    *,
    topk: int,
    window: int,
    scale: float,
    sink: np.ndarray | None = None,
    cu_seqlens: Sequence[int] | None = None,
    chunk_log2: int = 5,
    blocks: int = 3,
    together: int | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """`o[B,Hq,M,Dv]` and `lse[B,Hq,M]`; what no block has written is NaN.

    Arrays are as for the op. Chunks of the table have `2**chunk_log2` positions; `blocks` share
    the work items, of `together` columns at a time (None: all). Raises TileError where a kernel
    breaks a rule.
    """
    batch, query_heads, rows = q.shape[:3]
    key_heads, keys = k.shape[1:3]
    score_heads = u.shape[1]
    window = min(window, keys)
    row_map = kernels["attention"].attributes["row_map"]
    positions, heads, group = map(int, re.findall(r"\d+", row_map))
    tiles = -(-rows // positions)
    columns = batch * key_heads * -(-group // heads)
    chunks = -(-rows // 2**chunk_log2)
    capacity = -(-min(topk, keys) // 4) * 4
    o = np.full((batch, query_heads, rows, v.shape[3]), np.nan, dtype=q.dtype)
    lse = np.full((batch, query_heads, rows), np.nan, dtype=np.float32)
    arguments = {
        "q": q, "k": k, "v": v, "u": u, "tau": tau, "expiry": expiry, "sink": sink,
        "o": o, "lse": lse,
        "table": np.full(batch * score_heads * chunks * capacity, -1, np.int32),
        "counts": np.full(batch * score_heads * chunks, -1, np.int32),
        "batch": batch, "heads_kv": key_heads, "score_heads": score_heads, "rows": rows,
        "keys": keys, "window": window,
        "chunk_log2": chunk_log2, "chunks": chunks, "capacity": capacity,
        "tiles": tiles, "items": columns * tiles, "together": together or columns,
        "scale_log2": np.float32(scale * np.log2(np.e)),
    }  # fmt: skip
    if cu_seqlens is not None:
        arguments["cu_seqlens"] = np.array(cu_seqlens, np.int32)
        arguments["sequences"] = len(cu_seqlens) - 1
        arguments["documents"] = np.full(2 * keys, -1, np.int32)
        kernel = kernels["documents"]
        threads = kernel.integer("threads")
        for block in range(-(-keys // threads)):
            for thread in range(threads):
                Machine(kernel, arguments, block, 1, thread, seed).run()
    for block in range(chunks * batch * score_heads):
        Machine(kernels["survivors"], arguments, block, 1, 0, seed).run()
    for block in range(blocks):
        Machine(kernels["attention"], arguments, block, blocks, 0, seed + block).run()
    return o, lse


def make_inputs(
    variant: Variant, batch: int, rows: int, keys: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Random q, k, v and u of a variant."""
    rng = np.random.default_rng(seed)
    dtype = ELEMENT[variant.dtype]

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(dtype)

    return (
        normal(batch, variant.query_heads, rows, variant.head_size),
        normal(batch, variant.key_heads, keys, variant.head_size),
        normal(batch, variant.key_heads, keys, variant.value_size),
        rng.standard_normal((batch, variant.score_heads, keys)).astype(np.float32),
    )
