# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A JAX function, through StableHLO: its attention raised, made sparse, run and checked.

usage: python examples/jax_attention/run.py [--export]

`jax.nn.dot_product_attention(q, k, v, is_causal=True)`, 8 query heads and 2 KV heads, N = 2048, has
been exported to StableHLO, and by `iree-compile --compile-to=input` to the linalg of attention.mlir;
`--export` does both anew (it needs jax and iree-base-compiler). Three programs are made of it and
compared with float64: as JAX wrote it, with its attention raised (dense), and with SPARSEK attention
in its place.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import sparsek

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "python" / "tests"))

import oracle  # noqa: E402  (the float64 definition of the semantics)

TEXT = HERE / "attention.mlir"
N, HEADS, KV_HEADS, SIZE = 2048, 8, 2, 64
TOPK = WINDOW = 256
TOLERANCE, REPEATS = 1e-5, 5


def export() -> None:
    """Writes attention.mlir."""
    import jax

    def attention(q, k, v):
        return jax.nn.dot_product_attention(q, k, v, is_causal=True)

    def array(heads: int):
        return jax.ShapeDtypeStruct((1, N, heads, SIZE), np.float32)

    given = array(HEADS), array(KV_HEADS), array(KV_HEADS)
    stablehlo = jax.jit(attention).lower(*given).as_text()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "attention.mlir"
        path.write_text(stablehlo)
        command = [
            Path(sys.executable).with_name("iree-compile"), path, "--iree-input-type=stablehlo",
            "--compile-to=input", "--mlir-print-op-generic",
        ]  # fmt: skip
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # Its functions are of IREE's util dialect, and have the same form as those of func.
    text = text.replace('"util.func"', '"func.func"').replace('"util.return"', '"func.return"')
    TEXT.write_text(sparsek.opt(text, "canonicalize", allow_unregistered=True))
    print(f"{TEXT.name}: {TEXT.stat().st_size / 1e3:.1f} kB")


def dense(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Causal attention in float64: everything is in the window."""
    scores = np.zeros((1, 1, N), np.float32)
    return oracle.attention(q, k, v, scores, topk=1, window=N, gate="none")[0]


def relative_error(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--export", action="store_true", help="only export the function anew")
    if parser.parse_args().export:
        export()
        return 0
    rng = np.random.default_rng(0)
    q, k, v = (
        rng.standard_normal((1, N, heads, SIZE)).astype(np.float32)
        for heads in (HEADS, KV_HEADS, KV_HEADS)
    )
    u = rng.standard_normal((1, 1, N)).astype(np.float32)
    heads_first = [array.swapaxes(1, 2) for array in (q, k, v)]
    wide = [array.astype(np.float64) for array in heads_first]
    full = dense(*wide)
    sparse, _ = oracle.attention(*wide, u, topk=TOPK, window=WINDOW, gate="key_value")
    policy = f"topk={TOPK} window={WINDOW} scores=tensor"
    programs = {
        "as JAX wrote it": (None, [q, k, v], full),
        "raised, dense": ("mode=dense", [q, k, v], full),
        "raised, sparse": (policy, [q, k, v, u], sparse),
    }
    print("| program | relative error | ms |\n|---|---|---|")
    good = True
    for name, (options, arguments, want) in programs.items():
        text: str | Path = TEXT
        if options:
            text = sparsek.opt(TEXT, f"sparsek-raise-attention{{{options}}}")
            assert "sparsek." in text, "no attention was found"
        executable = sparsek.compile(text)
        (got,) = executable.run(*arguments)
        error = relative_error(got.swapaxes(1, 2).astype(np.float64), want)
        good &= error <= TOLERANCE
        times = []
        for _ in range(REPEATS):
            begin = time.perf_counter()
            executable.run(*arguments)
            times.append((time.perf_counter() - begin) * 1e3)
        print(f"| {name} | {error:.1e} | {statistics.median(times):.1f} |", flush=True)
    print("all agree with float64" if good else "some do not agree")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
