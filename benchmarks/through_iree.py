# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times one attention on a GPU through IREE's runtime beside the kernel itself.

usage: python benchmarks/through_iree.py [--module FILE.vmfb] [--lengths N ...] [--default-allocator]
                                         [--output FILE.json]

k = w = 1024, 32/8 heads, D = 128, bf16, given the selection; both on the same inputs, whose results
are compared first. The kernel is launched by `sparsek.torch`, many times in a row, and timed with
events. Single calls, by PyTorch and through IREE, are timed by the clock of the host, from the call
to the end of its work on the device. IREE allocates results from its caching allocator
(cuda_async_allocations=false), or with --default-allocator as its CUDA device does by itself.
Without --module, `sparsek-compile` makes it (it needs `iree-compile`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

try:
    import iree.runtime
    import ml_dtypes
    import numpy as np
    import torch

    import sparsek.torch as sparsek_torch
    from hopper import ours, replay
    from hopper.machine import machine
except ImportError as error:
    sys.exit(f"error: this needs PyTorch, sparsek and IREE's runtime: {error}")

BUDGET, HEADS, KV_HEADS, SIZE = 1024, 32, 8, 128
BLOCKS, WARM_UP, REPEATS = 5, 10, 50
QUERIES, KEYS = (f"tensor<1x{heads}x?x{SIZE}xbf16>" for heads in (HEADS, KV_HEADS))
SCORES, LIVES = (f"tensor<1x{KV_HEADS}x?x{kind}>" for kind in ("f32", "i32"))
SOURCE = f"""
func.func @attend(%q: {QUERIES}, %k: {KEYS}, %v: {KEYS}, %u: {SCORES}, %tau: {SCORES},
                  %expiry: {LIVES}) -> {QUERIES} {{
  %o, %lse = sparsek.gathered_attention %q, %k, %v, %u, %tau, %expiry topk({BUDGET}) window({BUDGET})
    : {QUERIES}, {KEYS}, {KEYS}, {SCORES}, {SCORES}, {LIVES}
  return %o : {QUERIES}
}}
"""


def build(folder: Path) -> Path:
    source, module = folder / "attend.mlir", folder / "attend.vmfb"
    source.write_text(SOURCE)
    command = ["sparsek-compile", source, "--target=iree-cuda", "-o", module]
    subprocess.run(command, check=True)
    return module


def to_array(tensor: torch.Tensor) -> np.ndarray:
    if tensor.dtype == torch.bfloat16:
        return tensor.cpu().view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.cpu().numpy()


def open_device(caching: bool) -> iree.runtime.HalDevice:
    if caching:
        iree.runtime.flags.parse_flags("--cuda_async_allocations=false")
    driver = iree.runtime.get_driver("cuda")
    return driver.create_default_device(allocators=["caching"] if caching else [])


def time_calls(call: Callable[[], object]) -> list[float]:
    """Milliseconds of single calls, by the clock of the host."""
    taken = []
    for _ in range(WARM_UP + REPEATS):
        begin = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begin) * 1e3)
    return taken[WARM_UP:]


def measure(path: Path, device: iree.runtime.HalDevice, n: int) -> dict[str, float]:
    """Milliseconds, and the largest difference of the two results."""
    make = torch.Generator("cuda").manual_seed(n)

    def normal(heads: int) -> torch.Tensor:
        shape = (1, heads, n, SIZE)
        return torch.randn(shape, generator=make, device="cuda", dtype=torch.bfloat16)

    q, k, v = normal(HEADS), normal(KV_HEADS), normal(KV_HEADS)
    u = torch.randn((1, KV_HEADS, n), generator=make, device="cuda")
    options = {"topk": BUDGET, "window": BUDGET}
    tau, expiry = sparsek_torch.select(u, **options)

    def launch() -> torch.Tensor:
        return sparsek_torch.gathered_attention(q, k, v, u, tau, expiry, **options)

    want = launch()
    config = iree.runtime.Config(device=device)
    mapped = iree.runtime.VmModule.mmap(config.vm_instance, str(path))
    module = iree.runtime.load_vm_module(mapped, config)
    given = [
        iree.runtime.asdevicearray(device, to_array(tensor))
        for tensor in (q, k, v, u, tau, expiry)
    ]
    got = module.attend(*given).to_host()
    difference = np.abs(got.astype(np.float32) - want.float().cpu().numpy()).max()
    # Blocks in turns: IREE has a context of its own, and a switch takes time.
    alone, called, taken = [], [], []
    for _ in range(BLOCKS):
        times, errors = replay.measure({"kernel": [launch]})
        if errors:
            raise RuntimeError(errors["kernel"])
        alone.append(times["kernel"].ms)
        called += time_calls(lambda: (launch(), torch.cuda.synchronize()))
        taken += time_calls(lambda: module.attend(*given))
    kernel, call, through = map(statistics.median, (alone, called, taken))
    return {
        "n": n, "kernel_ms": kernel, "call_ms": call, "iree_ms": through,
        "least_iree_ms": min(taken), "ratio": through / kernel,
        "difference": float(difference),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", type=Path, help="what sparsek-compile has made before")
    parser.add_argument("--lengths", type=int, nargs="+", default=[4096, 32768, 65536])
    parser.add_argument("--default-allocator", action="store_true")
    parser.add_argument("--output", type=Path, help="also write the figures there, as JSON")
    options = parser.parse_args()
    allocator = "default" if options.default_allocator else "caching"
    result = {"machine": machine(ours.device_chip()), "allocator": allocator, "rows": []}
    print("| N | kernel ms | PyTorch ms | IREE ms | IREE / kernel | largest difference |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = options.module or build(Path(folder))
        device = open_device(caching=not options.default_allocator)
        for n in options.lengths:
            row = measure(path, device, n)
            result["rows"].append(row)
            print(
                f"| {n} | {row['kernel_ms']:.3f} | {row['call_ms']:.3f} | {row['iree_ms']:.3f} | "
                f"{row['ratio']:.3f} | {row['difference']:.1e} |",
                flush=True,
            )
    if options.output:
        options.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
