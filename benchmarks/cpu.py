# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""CPU figures: SPARSEK attention against dense attention, and how time and
memory grow with the length.

usage: python benchmarks/cpu.py [--output benchmarks/results/cpu-<name>.json]

Everything is timed in one process on the same threads; the peers alternate, so
that a slow phase of the machine hits all of them. PyTorch's
scaled_dot_product_attention (causal) is included if torch is installed. Writes
JSON and prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

# Two OpenMP runtimes are in this process (PyTorch's and the compiled code's):
# idle threads of one must not spin while the other works.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np  # noqa: E402

import sparsek  # noqa: E402

HEADS, KV_HEADS, HEAD_DIM, TOPK, WINDOW = 8, 2, 128, 256, 256

ATTENTION = f"""
func.func @sparse(%q: tensor<1x{HEADS}x?x{HEAD_DIM}xf32>, %k: tensor<1x{KV_HEADS}x?x{HEAD_DIM}xf32>,
                  %v: tensor<1x{KV_HEADS}x?x{HEAD_DIM}xf32>, %u: tensor<1x{KV_HEADS}x?xf32>)
    -> tensor<1x{HEADS}x?x{HEAD_DIM}xf32> {{
  %o, %lse = sparsek.attention %q, %k, %v, %u topk({TOPK}) window({WINDOW})
    : tensor<1x{HEADS}x?x{HEAD_DIM}xf32>, tensor<1x{KV_HEADS}x?x{HEAD_DIM}xf32>,
      tensor<1x{KV_HEADS}x?x{HEAD_DIM}xf32>, tensor<1x{KV_HEADS}x?xf32>
  return %o : tensor<1x{HEADS}x?x{HEAD_DIM}xf32>
}}
func.func @dense(%q: tensor<1x{HEADS}x?x{HEAD_DIM}xf32>, %k: tensor<1x{KV_HEADS}x?x{HEAD_DIM}xf32>,
                 %v: tensor<1x{KV_HEADS}x?x{HEAD_DIM}xf32>) -> tensor<1x{HEADS}x?x{HEAD_DIM}xf32> {{
  %o, %lse = sparsek.causal_attention %q, %k, %v
    : tensor<1x{HEADS}x?x{HEAD_DIM}xf32>, tensor<1x{KV_HEADS}x?x{HEAD_DIM}xf32>,
      tensor<1x{KV_HEADS}x?x{HEAD_DIM}xf32>
  return %o : tensor<1x{HEADS}x?x{HEAD_DIM}xf32>
}}
func.func @select(%u: tensor<1x{KV_HEADS}x?xf32>) -> (tensor<1x{KV_HEADS}x?xf32>, tensor<1x{KV_HEADS}x?xi32>) {{
  %tau, %expiry = sparsek.topk_mask %u topk({TOPK}) window({WINDOW}) : tensor<1x{KV_HEADS}x?xf32>
  return %tau, %expiry : tensor<1x{KV_HEADS}x?xf32>, tensor<1x{KV_HEADS}x?xi32>
}}
"""


def inputs(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(n)
    shapes = [(1, HEADS, n, HEAD_DIM), (1, KV_HEADS, n, HEAD_DIM), (1, KV_HEADS, n, HEAD_DIM), (1, KV_HEADS, n)]
    return [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]


def medians(peers: dict, repeats: int) -> dict[str, float]:
    """Median time of each callable in ms, taken in turns after one warm-up."""
    for call in peers.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(repeats):
        for name, call in peers.items():
            start = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: float(np.median(values)) for name, values in times.items()}


def torch_sdpa(q: np.ndarray, k: np.ndarray, v: np.ndarray):
    """PyTorch's causal attention on the same arrays, or None without torch."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(os.cpu_count() or 1)
    tensors = [torch.from_numpy(a) for a in (q, k, v)]

    def call():
        with torch.no_grad():
            return torch.nn.functional.scaled_dot_product_attention(*tensors, is_causal=True, enable_gqa=True)

    return call


def peak_memory(n: int) -> float:
    """Peak memory above the arguments of one sparse call, in MB, in a fresh process."""
    command = [sys.executable, __file__, "--peak-memory", str(n)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def status_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))


def measure_peak(n: int) -> float:
    run = sparsek.compile(ATTENTION).run
    arrays = inputs(n)
    before = status_mb("VmRSS")
    run(*arrays, entry="sparse")
    return status_mb("VmHWM") - before


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def commit() -> str:
    described = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    return described.stdout.strip() or "unknown"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="also write the figures there, as JSON")
    parser.add_argument("--repeats", type=int, default=9, help="timed calls of each peer (default: %(default)s)")
    parser.add_argument("--peak-memory", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_memory:
        print(measure_peak(options.peak_memory))
        return 0

    compiled = sparsek.compile(ATTENTION)
    rows = []
    for n in (4096, 8192, 16384, 32768, 65536):
        q, k, v, u = inputs(n)
        peers = {
            "sparse_ms": lambda: compiled.run(q, k, v, u, entry="sparse"),
            "select_ms": lambda: compiled.run(u, entry="select"),
        }
        if n <= 8192:
            peers["dense_ms"] = lambda: compiled.run(q, k, v, entry="dense")
            sdpa = torch_sdpa(q, k, v)
            if sdpa:
                peers["torch_sdpa_ms"] = sdpa
        row = {"n": n, **medians(peers, options.repeats), "peak_mb": peak_memory(n)}
        pairs = sum(min(t + 1, TOPK + WINDOW) for t in range(n))
        row["useful_gflops"] = 4 * HEADS * HEAD_DIM * pairs / row["sparse_ms"] / 1e6
        rows.append(row)
        print(f"N = {n}: {row}", file=sys.stderr)

    logs = np.log([[row["n"], row["sparse_ms"], row["peak_mb"]] for row in rows])
    result = {
        "what": f"f32, B = 1, Hq = {HEADS}, Hkv = {KV_HEADS}, D = {HEAD_DIM}, topk = {TOPK}, window = {WINDOW}; "
        f"medians of {options.repeats}; sparse = selection and attention",
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "sparsek": sparsek.version(),
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d"),
        "rows": rows,
        "time_slope": float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0]),
        "memory_slope": float(np.polyfit(logs[:, 0], logs[:, 2], 1)[0]),
    }
    columns = ["n", "sparse_ms", "select_ms", "dense_ms", "torch_sdpa_ms", "useful_gflops", "peak_mb"]
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(f"{row[c]:.1f}" if c in row and c != "n" else str(row.get(c, "")) for c in columns) + " |")
    print(f"\nlog-log slope over N: time {result['time_slope']:.3f}, peak memory {result['memory_slope']:.3f}")
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
