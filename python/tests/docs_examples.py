# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the pages in docs/ show is what happens."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def run_examples(page: str) -> int:
    """Runs the Python code of a page that is followed by its output, in one namespace and in
    this directory, and compares what is printed. Returns how many there are."""
    text = (DOCS / page).read_text(encoding="utf-8")
    pairs = re.findall(r"```python\n((?:(?!```).)*)```\n\n```\n(.*?)```\n", text, re.DOTALL)
    names: dict[str, object] = {}
    for code, want in pairs:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page, "exec"), names)
        assert printed.getvalue() == want
    return len(pairs)


def shell_examples(page: str) -> list[str]:
    """The shell commands of a page."""
    return re.findall(r"```sh\n(.*?)```\n", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
