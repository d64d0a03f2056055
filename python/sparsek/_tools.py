# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Console scripts: the native tools that the wheel ships."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn


def _exec(name: str) -> NoReturn:
    """Becomes the tool, so that signals and the exit status are its own."""
    path = Path(__file__).parent / "bin" / name
    if not path.is_file():
        sys.exit(
            f"{name}: {path} does not exist. This is a source tree or a wheel without tools: "
            f"build the project with CMake and run <build>/bin/{name}"
        )
    os.execv(path, [name, *sys.argv[1:]])


def sparsek_compile() -> NoReturn:
    """Runs sparsek-compile with the arguments of this process."""
    _exec("sparsek-compile")


def sparsek_opt() -> NoReturn:
    """Runs sparsek-opt with the arguments of this process."""
    _exec("sparsek-opt")


def sparsek_run() -> NoReturn:
    """Runs sparsek-run with the arguments of this process."""
    _exec("sparsek-run")


def sparsek_translate() -> NoReturn:
    """Runs sparsek-translate with the arguments of this process."""
    _exec("sparsek-translate")
