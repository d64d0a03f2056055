# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the commands on a page and compares what they print with the page.

usage: check_page.py folder-of-sparsek-opt page [--update]

A command is the first line of a code block, "$ sparsek-opt ..."; it may go on after a backslash.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
BLOCK = re.compile(r"^```\n\$ (sparsek-opt (?:[^\n]*\\\n)*[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main():
    folder, page, *update = sys.argv[1:]
    environment = {**os.environ, "PATH": folder + os.pathsep + os.environ["PATH"]}
    text = Path(page).read_text(encoding="utf-8")
    failures = count = 0
    for match in BLOCK.finditer(text):
        count += 1
        command = match.group(1)
        run = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True)  # fmt: skip
        printed = run.stdout.rstrip("\n") + "\n"
        if printed == match.group(2):
            continue
        if update:
            whole = match.group(0)
            text = text.replace(whole, whole[: whole.index(command) + len(command) + 1] + printed + "```")
        else:
            failures += 1
            print("$ %s\n%s" % (command, printed))
    if update:
        Path(page).write_text(text, encoding="utf-8")
    print("%d commands, %d failures" % (count, failures))
    return 1 if failures or not count else 0


if __name__ == "__main__":
    sys.exit(main())
