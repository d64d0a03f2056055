# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes python/tests/fixtures/carried_layer.mlir: what torch-mlir makes of a layer of sparsek.torch.

It is the text that `sparsek.export.to_mlir` gets from torch-mlir and finishes, so that this
can be tested without torch-mlir. Needs PyTorch, torch-mlir, the package and its library."""

from __future__ import annotations

import pathlib

import torch
from sparsek import export
from sparsek.torch import SparsekAttention

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "python" / "tests" / "fixtures" / "carried_layer.mlir"
HEADER = """\
// From torch-mlir 20261001, by utils/export/export_carried.py.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""


def layer() -> SparsekAttention:
    """4 heads of 8, 2 KV heads, a sink, a norm of the scores, no rotary embedding."""
    torch.manual_seed(0)
    return SparsekAttention(
        32, 4, 2, topk=5, window=3, score_norm="timestep", rope_theta=None, scale=0.5, sink=True
    )


def text() -> str:
    """With batch and length dynamic."""
    example, dynamic = (torch.randn(2, 40, 32),), ({0: "B", 1: "N"},)
    carried, _ = export._carry(layer(), example, {}, dynamic, "main")
    return HEADER + carried


if __name__ == "__main__":
    FIXTURE.write_text(text())
