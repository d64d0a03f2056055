# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Imports every file and compares the remarks with the expectation in its second line, and what is left alone with mlir-opt's
own round trip.

usage: check_imports.py sparsek-opt mlir-opt [name=value options of the pass] -- file...

Files whose expectation is none of an import have nothing to import. mlir-opt does not know tm_tensor's own syntax: files that it
refuses are skipped.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def check(opt, mlir_opt, options, path):
    """What is wrong, and whether the file came through unchanged."""
    with open(path) as file:
        expectation = next(line for line in file if line.startswith("// expect: "))[len("// expect: "):].strip()
    done = run(opt, "--sparsek-import=" + " ".join(options), "--mlir-print-op-generic", path)
    if done.returncode:
        return "exit status %d: %s" % (done.returncode, done.stderr[-500:]), False
    remarks = re.findall(r"remark: (.*)", done.stderr)
    if match := re.match(r"import, (\d+) KV heads, scale (\S+?)(, window \d+)?$", expectation):
        heads, scale, window = match.groups()
        wanted = r"imported as .* Hkv = %s, .* scale %s%s(; equal sizes are asserted)?$" % (heads, re.escape(scale), window or "")
        good = len(remarks) == 1 and re.match(wanted, remarks[0])
        return (None if good else "expected '%s', got %s" % (expectation, remarks)), False
    if expectation.startswith("leave: ") and "/Import/" in path:
        if remarks != ["attention is left as it is: " + expectation[len("leave: "):]]:
            return "expected '%s', got %s" % (expectation, remarks), False
    elif remarks:
        return "expected no remark, got %s" % remarks, False
    same = run(mlir_opt, "--allow-unregistered-dialect", "--mlir-print-op-generic", path)
    if same.returncode:
        return None, False
    return (None if same.stdout == done.stdout else "is not what mlir-opt prints"), True


def main():
    split = sys.argv.index("--")
    opt, mlir_opt, *options = sys.argv[1:split]
    paths = sys.argv[split + 1:]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = list(pool.map(lambda path: check(opt, mlir_opt, options, path), paths))
    failures = 0
    for path, (problem, _) in zip(paths, results):
        if problem:
            failures += 1
            print("%s: %s" % (os.path.basename(path), problem))
    print("%d files, %d unchanged, %d failures" % (len(paths), sum(same for _, same in results), failures))
    return 1 if failures or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
