#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gives what sparsek-opt makes of mutated IR texts to the tool that it is for: where sparsek-opt had nothing to say, that tool must take it.

usage: utils/fuzz/accepted.py --build build/ci --count 400 --seed 1 --only 'Conversion/(Import|RaiseAttention|SparseKToIREE)' \\
           --passes '--sparsek-import=scores=tensor --sparsek-raise-attention --sparsek-emit-iree=llvm-cpu' \\
           --then 'iree-compile {} --iree-hal-target-device=local --iree-hal-local-target-device-backends=llvm-cpu -o /dev/null'

Mutants are those of fuzz.py. What comes with a remark that something is left or needs a flag is counted apart and not given on. The exit status is 1 where anything is refused, for a crash or a hang of sparsek-opt, and where nothing was taken.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import fuzz

RESERVATION = re.compile(r"warning: |remark: .*(left as it is|compile with)")


def first_error(messages: str) -> str:
    found = re.search(r"error: (.*)", messages)
    return found.group(1)[:120] if found else " < ".join(fuzz.signature(messages)[:3]) or "no message"


def try_mutant(fuzzer: fuzz.Fuzzer, number: int) -> tuple[str, str]:
    """What came of a mutant, and why."""
    options = fuzzer.options
    status, output, messages = fuzzer.tool.run(fuzzer.mutant(number), fuzzer.fixed, options.timeout)
    if status is None:
        return "hang", ""
    if fuzz.crashed(status):
        return "crash", first_error(messages)
    if status:
        return "error of sparsek-opt", ""
    if RESERVATION.search(messages):
        return "reservation of sparsek-opt", ""
    with tempfile.NamedTemporaryFile("w", suffix=".mlir", encoding="utf-8") as file:
        file.write(output)
        file.flush()
        command = [file.name if word == "{}" else word for word in shlex.split(options.then)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=options.timeout, check=False)
        except subprocess.TimeoutExpired:
            return "refused", "no end"
    return ("taken", "") if done.returncode == 0 else ("refused", first_error(done.stderr))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(fuzz.ROOT / "build" / "ci"), help="build folder")
    parser.add_argument("--count", type=int, default=400, help="number of mutants")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=120, help="seconds for one mutant in one tool")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--passes", required=True, help="passes of sparsek-opt")
    parser.add_argument("--then", required=True, help="the command that takes the result, {} for its file")
    parser.add_argument("--only", default="", metavar="REGEX", help="files of the corpus")
    fuzzer = fuzz.Fuzzer(options := parser.parse_args())
    counts: collections.Counter[str] = collections.Counter()
    reasons: dict[str, list[int]] = {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        outcomes = pool.map(lambda number: try_mutant(fuzzer, number), range(options.count))
        for number, (outcome, reason) in enumerate(outcomes):
            counts[outcome] += 1
            if outcome in ("refused", "crash", "hang"):
                reasons.setdefault(f"{outcome}: {reason}", []).append(number)
    for reason, numbers in reasons.items():
        shown = Path(f"accepted-{options.seed}-{numbers[0]}.mlir")
        shown.write_text(fuzzer.mutant(numbers[0]), encoding="utf-8")
        print(f"{reason}: {len(numbers)} mutants, {shown}")
    print(f"{options.count} mutants, seed {options.seed}: " + ", ".join(f"{count} {what}" for what, count in counts.most_common()))
    return 1 if reasons or not counts["taken"] else 0


if __name__ == "__main__":
    sys.exit(main())
