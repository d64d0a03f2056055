# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The commands that the pages show print what the pages show.

A command is a line of a code block that begins with `$ `, and those after it that a backslash joins
to it; what follows, up to the next command, is its standard output and standard error. A line `...`
stands for any number of lines. What takes long says so, on lines that are left out.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
# The README shows times, which are others every time.
PAGES = sorted((ROOT / "docs").glob("*.md"))
# What commands read, by paths from the root of the repository.
READ = ("examples", "test")
PROGRESS = re.compile(r"^sparsek-compile: .* \(\d+ s\)\n", re.MULTILINE)


class Command(NamedTuple):
    text: str
    output: str


def blocks(page: str) -> Iterator[list[Command]]:
    """The commands of every code block that has some."""
    for match in re.finditer(r"^```\w*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        parts = re.split(r"^\$ ", match[1], flags=re.MULTILINE)
        if len(parts) == 1:
            continue
        assert not parts[0].strip(), "a block of commands begins with a command"
        commands = []
        for part in parts[1:]:
            lines = part.splitlines()
            count = next(i for i, line in enumerate(lines, 1) if not line.endswith("\\"))
            commands.append(Command("\n".join(lines[:count]), "\n".join(lines[count:])))
        yield commands


def pattern(output: str) -> str:
    lines = [re.escape(line.rstrip()) for line in output.strip().splitlines()]
    return "\n".join("(?:.*\n)*?.*" if line == re.escape("...") else line for line in lines)


CASES = [
    pytest.param(commands, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, commands in enumerate(blocks(page.read_text()))
]


@pytest.mark.skipif(shutil.which("sparsek-opt") is None, reason="sparsek-opt is not in PATH")
@pytest.mark.parametrize("commands", CASES)
def test_commands(commands: list[Command], tmp_path: Path) -> None:
    for name in READ:
        (tmp_path / name).symlink_to(ROOT / name)
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command.text],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        printed = PROGRESS.sub("", done.stdout)
        got = "\n".join(line.rstrip() for line in printed.strip().splitlines())
        assert re.fullmatch(pattern(command.output), got), got
