# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where and what is measured."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import torch

from hopper import peers


def machine(chip: str) -> dict[str, str]:
    query = (
        "nvidia-smi",
        "--query-gpu=driver_version,power.limit,clocks.max.sm",
        "--format=csv,noheader",
    )
    try:
        driver = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        driver = "unknown"
    return {
        "device": torch.cuda.get_device_name(),
        "driver, power limit, clock": driver.splitlines()[0],
        "chip": chip,
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit(),
        **peers.versions(),
    }


def commit() -> str:
    """SPARSEK_COMMIT, for an installed package of another commit, or that of this source tree."""
    if given := os.environ.get("SPARSEK_COMMIT"):
        return given
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        described = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()
