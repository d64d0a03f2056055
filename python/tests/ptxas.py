# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What ptxas makes of PTX: registers, spills, and whether a launch fits the chip."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

REGISTERS = 65536  # of a multiprocessor
# That a block may use.
SHARED_BYTES = {
    chip: size * 1024
    for chip, size in {"sm_90a": 227, "sm_80": 163, "sm_86": 99, "sm_120": 99}.items()
}


class Resources(NamedTuple):
    """Of one thread of a kernel. spilled_bytes: the most of stack, spill stores and loads."""

    registers: int
    spilled_bytes: int


def find_ptxas() -> str | None:
    """On PATH or in the toolkit that the environment names, as `sparsek-serialize-kernels` does."""
    for name in ("CUDA_ROOT", "CUDA_HOME", "CUDA_PATH"):
        if name in os.environ:
            path = Path(os.environ[name]) / "bin" / "ptxas"
            if path.is_file():
                return str(path)
    return shutil.which("ptxas")


def assemble(ptx: str, chip: str, folder: Path) -> tuple[str, dict[str, Resources]]:
    """The messages of ptxas and the resources of every kernel.

    Raises AssertionError with the messages where it fails.
    """
    (folder / "kernel.ptx").write_text(ptx)
    result = subprocess.run(
        [find_ptxas(), "-v", f"-arch={chip}", "-o", "kernel.cubin", "kernel.ptx"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    report = result.stdout + result.stderr
    assert result.returncode == 0, report
    resources = {}
    for name, stack, stores, loads, registers in re.findall(
        r"Function properties for (\w+)\n\s*(\d+) bytes stack frame, "
        r"(\d+) bytes spill stores, (\d+) bytes spill loads\n.*?Used (\d+) registers",
        report,
    ):
        resources[name] = Resources(int(registers), max(map(int, (stack, stores, loads))))
    return report, resources


def fits(kernel: Mapping[str, Any], used: Resources, chip: str) -> bool:
    """Whether one block of a kernel of a launch record finds its registers and shared memory."""
    # Registers are given to warps in steps of 8 for each thread.
    registers = -(-used.registers // 8) * 8 * int(kernel["threads"])
    return registers <= REGISTERS and int(kernel["shared_bytes"]) <= SHARED_BYTES[chip]
