# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tries an installed wheel: attention on the CPU, a kernel for a GPU, and that no LLVM of the
system is used."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

import sparsek
from sparsek import _cuda


def main() -> None:
    package = Path(sparsek.__file__).parent
    if not package.is_relative_to(sys.prefix):
        sys.exit(f"error: {package} is not the installed package")
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(1, heads, 64, 16)).astype(np.float32) for heads in (4, 2, 2))
    scores = rng.normal(size=(1, 2, 64)).astype(np.float32)
    # A window over everything is dense causal attention.
    o = sparsek.attention(q, k, v, scores, topk=1, window=64)
    logits = np.einsum("bhmd,bhnd->bhmn", q, k.repeat(2, axis=1)) / 4
    logits[..., np.triu(np.ones((64, 64), bool), 1)] = -np.inf
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    want = weights / weights.sum(-1, keepdims=True) @ v.repeat(2, axis=1)
    if not np.allclose(o, want, atol=1e-5):
        sys.exit(f"error: attention is off by {abs(o - want).max()}")
    os.environ["SPARSEK_CACHE_DIR"] = ""  # Compiled here, not found.
    config = _cuda.AttentionConfig("bf16", 128, 128, 4, "key_value", False, False, "sm_90a")
    if b".target sm_90a" not in _cuda.Kernel.compile(config).image:
        sys.exit("error: no PTX was made")
    mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines()}
    foreign = [
        path
        for path in mapped
        if any(part in path for part in ("libLLVM", "libMLIR", "libomp"))
        and str(package) not in path
    ]
    if foreign:
        sys.exit(f"error: libraries of the system are in use: {', '.join(foreign)}")
    print(f"{sparsek.version()}: attention ran, a kernel was made")


if __name__ == "__main__":
    main()
