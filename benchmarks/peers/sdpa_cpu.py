# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times PyTorch's causal scaled_dot_product_attention on the CPU; prints JSON.

One JSON object: what ran, and for each configuration the median, the fastest
and the slowest of the runs in milliseconds. Needs only torch.
"""
import argparse
import json
import platform
import statistics
import sys
import time

import torch
import torch.nn.functional as F


def cpu_name():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def measure(n, heads, kv_heads, dim, dtype, runs, warmup):
    gen = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, h, n, dim, generator=gen).to(dtype) for h in (heads, kv_heads, kv_heads))
    grouped = {"enable_gqa": True} if kv_heads != heads else {}
    times = []
    with torch.no_grad():
        for _ in range(warmup + runs):
            start = time.perf_counter()
            F.scaled_dot_product_attention(q, k, v, is_causal=True, **grouped)
            times.append(1e3 * (time.perf_counter() - start))
    times = times[warmup:]
    median = statistics.median(times)
    flops = 2 * 2 * heads * dim * n * (n + 1) / 2  # the two products over the triangle
    return {
        "N": n, "Hq": heads, "Hkv": kv_heads, "D": dim, "dtype": str(dtype).removeprefix("torch."),
        "median_ms": round(median, 2), "min_ms": round(min(times), 2), "max_ms": round(max(times), 2),
        "gflops": round(flops / median / 1e6, 1),
    }


def main():
    p = argparse.ArgumentParser(description="Time causal SDPA of PyTorch on the CPU.")
    p.add_argument("--n", type=int, nargs="*", default=[2048, 4096, 8192, 16384])
    p.add_argument("--heads", type=int, default=8)
    p.add_argument("--kv-heads", type=int, nargs="*", default=[8, 2])
    p.add_argument("--dim", type=int, default=128)
    p.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    p.add_argument("--threads", type=int, default=0, help="0: torch's own choice")
    p.add_argument("--runs", type=int, default=9)
    p.add_argument("--warmup", type=int, default=2)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    rows = []
    for kv in a.kv_heads:
        for n in a.n:
            rows.append(measure(n, a.heads, kv, a.dim, getattr(torch, a.dtype), a.runs, a.warmup))
            print(rows[-1], file=sys.stderr)
    print(json.dumps({
        "what": "torch scaled_dot_product_attention, is_causal, B=1, CPU",
        "torch": torch.__version__, "threads": torch.get_num_threads(), "runs": a.runs,
        "cpu": cpu_name(), "isa": torch.backends.cpu.get_cpu_capability(), "results": rows,
    }, indent=1))


if __name__ == "__main__":
    main()
