# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A real Llama-style decoder layer, exported from PyTorch, made sparse, run on
the CPU and checked.

usage: python examples/llama_layer/run.py [--lengths 2048,8192]

The exported text (test/fixtures/llama_layer.mlir) holds RMSNorm, RoPE, grouped
query attention and SwiGLU as linalg on tensors, with a dynamic length. The
steps below raise its attention to the sparsek dialect, compile the layer once
for all lengths, compare it with the dense layer and with a float64 reference,
and print time and peak memory, dense against sparse.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import sparsek

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python" / "tests"))

import oracle  # noqa: E402  (the float64 definition of the semantics)

LAYER = ROOT / "test" / "fixtures" / "llama_layer.mlir"
HIDDEN, HEADS, KV_HEADS, HEAD_DIM, MLP = 512, 8, 2, 64, 1408
TOPK, WINDOW = 256, 256
EPSILON = 1e-5


# --- the layer's arguments ---------------------------------------------------


def weights(rng: np.random.Generator) -> list[np.ndarray]:
    """Arguments 1-9 of the layer (test/fixtures/llama_layer.md)."""

    def linear(rows: int, columns: int) -> np.ndarray:
        return (rng.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)

    def norm() -> np.ndarray:
        return (1 + 0.1 * rng.standard_normal(HIDDEN)).astype(np.float32)

    kv = KV_HEADS * HEAD_DIM
    return [
        norm(), linear(HIDDEN, HIDDEN), linear(kv, HIDDEN), linear(kv, HIDDEN),
        linear(HIDDEN, HIDDEN), norm(), linear(MLP, HIDDEN), linear(MLP, HIDDEN),
        linear(HIDDEN, MLP),
    ]  # fmt: skip


def hidden_states(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_normal((1, n, HIDDEN)).astype(np.float32)


def raised(**policy) -> str:
    """The layer with its attention raised under a policy."""
    options = " ".join(f"{name.replace('_', '-')}={value}" for name, value in policy.items())
    return sparsek.opt(LAYER, f"sparsek-raise-attention{{{options}}}")


# --- the layer in float64 ----------------------------------------------------


def rms_norm(x: np.ndarray, gain: np.ndarray) -> np.ndarray:
    return gain * x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON)


def rope(heads: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Rotates `heads[n, h, d]`, the two halves of a head being the pairs."""
    half = HEAD_DIM // 2
    angle = positions[:, None] * 10000.0 ** (-np.arange(half) / half)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    first, second = heads[..., :half], heads[..., half:]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], -1)


def reference_rows(x, args, scores, rows) -> np.ndarray:
    """Rows `rows` of the layer's output, with C3-C6 evaluated by definition.

    Queries are taken one by one, so the memory stays linear in N.
    """
    x = x[0].astype(np.float64)
    pre, wq, wk, wv, wo, post, w_gate, w_up, w_down = (a.astype(np.float64) for a in args)
    n = x.shape[0]
    normed = rms_norm(x, pre)
    k = rope((normed @ wk.T).reshape(n, KV_HEADS, HEAD_DIM), np.arange(n))
    v = (normed @ wv.T).reshape(n, KV_HEADS, HEAD_DIM)
    q = rope((normed[rows] @ wq.T).reshape(len(rows), HEADS, HEAD_DIM), np.asarray(rows))

    attended = np.empty((len(rows), HEADS, HEAD_DIM))
    for i, t in enumerate(rows):
        for g in range(KV_HEADS):
            u = oracle.clean(scores[0, g])
            pool = u[: max(t - WINDOW + 1, 0)]
            chosen = np.argsort(-pool, kind="stable")[:TOPK]
            chosen = chosen[pool[chosen] > -np.inf]
            gate = oracle.gates(u[chosen], np.float32(oracle.threshold(pool, TOPK)))
            keys = np.concatenate([chosen, np.arange(pool.size, t + 1)])
            gate = np.concatenate([gate, np.ones(t + 1 - pool.size)])
            for h in range(g * HEADS // KV_HEADS, (g + 1) * HEADS // KV_HEADS):
                logits = gate * (k[keys, g] @ q[i, h]) / np.sqrt(HEAD_DIM)
                p = np.exp(logits - logits.max())
                attended[i, h] = (p / p.sum() * gate) @ v[keys, g]

    residual = x[rows] + attended.reshape(len(rows), -1) @ wo.T
    normed = rms_norm(residual, post)
    gate = normed @ w_gate.T
    return residual + (gate / (1 + np.exp(-gate)) * (normed @ w_up.T)) @ w_down.T


def same_selection(scores: np.ndarray, rows: list[int]) -> bool:
    """Whether the compiled `expiry` selects exactly the keys that C3 names."""
    _, expiry = sparsek.select(scores, topk=TOPK, window=WINDOW)
    position = np.arange(scores.shape[2])
    for t in rows:
        for g in range(scores.shape[1]):
            pool = oracle.clean(scores[0, g, : max(t - WINDOW + 1, 0)])
            wanted = np.sort(np.argsort(-pool, kind="stable")[:TOPK])
            alive = position[(position + WINDOW <= t) & (t < expiry[0, g])]
            if not np.array_equal(wanted, alive):
                return False
    return True


def relative_error(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


# --- time and memory, each in a fresh process --------------------------------


def process_memory(field: str) -> float:
    """A field of /proc/self/status in MB: VmRSS (now) or VmHWM (peak)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status has no {field}")


def measure(mode: str, n: int) -> dict[str, float]:
    """Median time (ms) and peak memory above the arguments (MB) of one layer."""
    rng = np.random.default_rng(n)
    args = [hidden_states(rng, n), *weights(rng)]
    if mode == "sparse":
        layer = raised(topk=TOPK, window=WINDOW, scores="weights", score_heads="kv")
        args.append((rng.standard_normal((HIDDEN, KV_HEADS)) / np.sqrt(HIDDEN)).astype(np.float32))
    else:
        layer = raised(mode="dense")
    run = sparsek.compile(layer).run
    before = process_memory("VmRSS")
    run(*args)
    peak = process_memory("VmHWM") - before
    times = []
    for _ in range(5):
        start = time.perf_counter()
        run(*args)
        times.append(time.perf_counter() - start)
    return {"ms": 1e3 * float(np.median(times)), "mb": max(peak, 0.0)}


def measured(mode: str, n: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", mode, "--lengths", str(n)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


# --- the main job ------------------------------------------------------------


def check(name: str, error: float, limit: float) -> bool:
    verdict = "ok" if error <= limit else "FAILED"
    print(f"  {name:<58} {error:8.1e}  (limit {limit:.0e})  {verdict}")
    return error <= limit


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", default="2048,8192", help="sequence lengths (default: %(default)s)")
    parser.add_argument("--measure", choices=("dense", "sparse"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    lengths = [int(text) for text in options.lengths.split(",")]
    if options.measure:
        print(json.dumps(measure(options.measure, lengths[0])))
        return 0

    print(f"Raising the attention of {os.path.relpath(LAYER)} (topk = {TOPK}, window = {WINDOW}):")
    sparse_text = raised(topk=TOPK, window=WINDOW, scores="tensor", score_heads="kv")
    print("".join(f"  {line.strip()}\n" for line in sparse_text.splitlines() if "= sparsek." in line), end="")

    start = time.perf_counter()
    sparse = sparsek.compile(sparse_text)
    dense = sparsek.compile(raised(mode="dense"))
    everything = sparsek.compile(
        raised(topk=max(lengths), window=WINDOW, scores="tensor", score_heads="kv")
    )
    original = sparsek.compile(LAYER)
    print(f"Compiled four variants, each for every length, in {time.perf_counter() - start:.1f} s.\n")

    ok = True
    for n in lengths:
        print(f"N = {n}: relative error (Frobenius norm)")
        rng = np.random.default_rng(n)
        x, args = hidden_states(rng, n), weights(rng)
        scores = rng.standard_normal((1, KV_HEADS, n)).astype(np.float32)
        (dense_out,) = dense.run(x, *args)
        if n <= 2048:  # its N x N intermediates are in memory
            (original_out,) = original.run(x, *args)
            ok &= check("dense layer, raised, against the layer as exported", relative_error(dense_out, original_out), 1e-5)
        (all_out,) = everything.run(x, *args, scores)
        ok &= check("sparse layer with topk >= N against the dense layer", relative_error(all_out, dense_out), 1e-5)
        (sparse_out,) = sparse.run(x, *args, scores)
        rows = sorted({0, WINDOW, n - 1, *rng.integers(0, n, 61).tolist()})
        want = reference_rows(x, args, scores, rows)
        ok &= check(f"sparse layer against float64, {len(rows)} rows", relative_error(sparse_out[0, rows], want), 1e-5)
        same = same_selection(scores, rows)
        ok &= same
        print(f"  {'keys selected for these rows, against the definition':<58} {'equal' if same else 'DIFFERENT'}")

    print(f"\nOne layer, {os.cpu_count()} cores, median of 5; peak memory above the arguments:")
    print("  N      dense ms   sparse ms   faster   dense MB   sparse MB")
    for n in lengths:
        d, s = measured("dense", n), measured("sparse", n)
        print(f"  {n:<6} {d['ms']:8.1f} {s['ms']:11.1f} {d['ms'] / s['ms']:7.2f}x {d['mb']:10.1f} {s['mb']:11.1f}")
    print("\nAll checks passed." if ok else "\nA check FAILED.")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
