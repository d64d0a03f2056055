# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles the kernels of the GPU tests in several processes, into the cache on
disk and that of the driver.

usage: python python/tests/gpu/warm.py [--chip sm_80] [--workers 8]
"""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gpu_cases import PORTABLE_CHIP, config_of, portable_variants, variants
from sanitize import CASES
from sparsek import _cuda


def compile_and_load(config: _cuda.AttentionConfig) -> tuple[float, float]:
    """Seconds for PTX, and for the driver's part."""
    times = [time.perf_counter()]
    kernel = _cuda.Kernel.compile(config)
    times.append(time.perf_counter())
    kernel.prepare(0)
    times.append(time.perf_counter())
    return times[1] - times[0], times[2] - times[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chip", help="compile for this chip (default: the device's)")
    parser.add_argument("--workers", type=int, default=8)
    options = parser.parse_args()
    chip = options.chip or _cuda.device_chip(0)
    configs = {config_of(variant, chip) for variant in variants()}
    configs |= {config_of(case.variant, chip) for case in CASES}
    configs |= {config_of(variant, PORTABLE_CHIP) for variant in portable_variants()}
    started = time.monotonic()
    spent = []
    failures = 0
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(options.workers, mp_context=context) as pool:
        tasks = {pool.submit(compile_and_load, config): config for config in configs}
        for task in concurrent.futures.as_completed(tasks):
            if task.exception():
                failures += 1
                print(f"FAILED: {tasks[task]}: {str(task.exception())[:500]}", flush=True)
            else:
                spent.append(task.result())
    if spent:
        compiler, driver = (sorted(times) for times in zip(*spent, strict=True))
        print(f"median of {len(spent)} kernels: PTX {compiler[len(spent) // 2]:.2f} s, "
              f"driver {driver[len(spent) // 2]:.2f} s")  # fmt: skip
    print(
        f"{len(spent)} kernels for {chip}, {failures} failed, in {time.monotonic() - started:.0f} s"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
