# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles sparsek.score to PTX, and makes what its kernels get."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from compiled_kernels import ELEMENT, Compiled, compile_source

MLIR_FLOATS = {**ELEMENT, "f32": np.float32}


@dataclasses.dataclass(frozen=True)
class ScoreVariant:
    """What is compiled in."""

    dtype: str = "bf16"
    weight: str | None = None  # None: as dtype
    features: int = 64
    heads: int = 2
    norm: str = "none"
    statistics: bool = False
    carry: bool = False
    chip: str = "sm_90a"

    def source(self) -> str:
        """A module with one function around the op."""
        x = f"tensor<?x?x{self.features}x{self.dtype}>"
        w = f"tensor<{self.features}x{self.heads}x{self.weight or self.dtype}>"
        u = f"tensor<?x{self.heads}x?xf32>"
        state = f"tensor<?x{self.heads}x3xf64>"
        results, outputs = ("%u, %c", f"{u}, {state}") if self.carry else ("%u", u)
        taken = " statistics(%s)" if self.statistics else ""
        taken_type = f", {state}" if self.statistics else ""
        return f"""
func.func @main(%x: {x}, %w: {w}, %o: i64, %s: {state}) -> ({outputs}) {{
  {results} = sparsek.score %x, %w slope(0.5) norm<{self.norm}> offset(%o){taken}
      {"carry" if self.carry else ""} : {x}, {w}, i64{taken_type}
  return {results} : {outputs}
}}
"""


@functools.lru_cache(maxsize=64)
def compile_score(variant: ScoreVariant) -> Compiled:
    """PTX and record by `sparsek-nvvm-pipeline`. Raises RuntimeError with its messages."""
    return compile_source(variant.source(), f"host=false chip={variant.chip} format=ptx")


def make_inputs(variant: ScoreVariant, batch: int, rows: int, seed: int = 0) -> Any:
    """`x[B,N,C]` and `W[C,Hs]`, whose products have a variance of 1."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, rows, variant.features))
    w = rng.standard_normal((variant.features, variant.heads)) / np.sqrt(variant.features)
    return (
        x.astype(MLIR_FLOATS[variant.dtype]),
        w.astype(MLIR_FLOATS[variant.weight or variant.dtype]),
    )
