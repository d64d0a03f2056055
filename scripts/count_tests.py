#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Totals of JUnit files, for scripts/check.sh.

usage: count_tests.py --run NAME FILE COMMAND...   run a command as one test and write its JUnit file
       count_tests.py --total FOLDER NAME...       add up FOLDER/NAME.xml; each must be there and hold a test
"""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def run(name: str, file: Path, command: list[str]) -> int:
    start = time.monotonic()
    status = subprocess.run(command, check=False).returncode
    seconds = time.monotonic() - start
    suite = ElementTree.Element("testsuite", name=name, tests="1")
    case = ElementTree.SubElement(suite, "testcase", classname="check", name=name, time=f"{seconds:.1f}")
    if status != 0:
        ElementTree.SubElement(case, "failure", message=f"exit status {status}: {' '.join(command)}")
    ElementTree.ElementTree(suite).write(file, encoding="utf-8")
    print(f"{'FAIL' if status else 'PASS'}: {name} ({seconds:.1f} s)", flush=True)
    return status


def outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("disabled", "notrun"):
        return "skipped"
    return "passed"


def reason(case: ElementTree.Element) -> str:
    skipped = case.find("skipped")
    text = "" if skipped is None else skipped.get("message") or skipped.text or ""
    # Of a file that pytest skips, the reason stands behind the place.
    if text == "collection skipped" and skipped is not None:
        text = (skipped.text or text).rpartition("'Skipped: ")[2].removesuffix("')")
    return " ".join(text.split()) or "no reason given"


def total(folder: Path, names: list[str]) -> int:
    sums = {"passed": 0, "failed": 0, "skipped": 0}
    for name in names:
        file = folder / f"{name}.xml"
        try:
            cases = list(ElementTree.parse(file).iter("testcase"))
        except (OSError, ElementTree.ParseError) as error:
            print(f"FAIL: {name}: the runner left no result ({error})")
            sums["failed"] += 1
            continue
        counts = {"passed": 0, "failed": 0, "skipped": 0}
        for case in cases:
            kind = outcome(case)
            counts[kind] += 1
            label = f"{case.get('classname', '')} {case.get('name', '')}".strip()
            if kind == "failed":
                print(f"FAIL: {name}: {label}")
            elif kind == "skipped":
                print(f"skipped: {name}: {label}: {reason(case)}")
        if not cases:
            print(f"FAIL: {name}: the runner found no test")
            counts["failed"] += 1
        print(f"{name}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))
        for kind, count in counts.items():
            sums[kind] += count
    print(", ".join(f"{count} {kind}" for kind, count in sums.items()))
    return 1 if sums["failed"] else 0


def main() -> int:
    if len(sys.argv) >= 5 and sys.argv[1] == "--run":
        return run(sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
    if len(sys.argv) >= 4 and sys.argv[1] == "--total":
        return total(Path(sys.argv[2]), sys.argv[3:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
