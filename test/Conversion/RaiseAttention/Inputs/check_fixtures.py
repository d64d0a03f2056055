# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Raises every fixture and compares the remarks with the expectation in its second line.

usage: check_fixtures.py sparsek-opt [name=value options of the pass] -- fixture...
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# No softmax at all: nothing that a remark could be about.
SILENT = {"leave_linear.mlir"}


def check(opt, options, path):
    with open(path) as file:
        expectation = next(line for line in file if line.startswith("// expect: "))[len("// expect: "):].strip()
    command = [opt, "--allow-unregistered-dialect", "--sparsek-raise-attention=" + " ".join(options), path, "-o", os.devnull]
    run = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    remarks = re.findall(r"remark: (.*)", run.stderr)
    if run.returncode:
        return "exit status %d: %s" % (run.returncode, run.stderr[-500:])
    raised = [m.groups() for r in remarks if (m := re.match(r"raised to .* Hkv = (\d+), .* scale ([^;]*)", r))]
    left = [r.split(": ", 1)[1] for r in remarks if r.startswith("attention is left as it is: ")]
    if match := re.match(r"raise(?: twice)?, ([\d and]+) KV heads, scale (\S+)$", expectation):
        wanted = [(heads, match.group(2)) for heads in match.group(1).split(" and ")]
        good = raised == wanted and not left
    elif expectation.startswith("leave: "):
        reason = expectation[len("leave: "):]
        silent = os.path.basename(path) in SILENT and not remarks
        good = not raised and (silent or bool(left) and all(r.startswith(reason) for r in left))
    else:
        return "unknown expectation: " + expectation
    return None if good else "expected '%s', got %s" % (expectation, remarks)


def main():
    split = sys.argv.index("--")
    opt, options, paths = sys.argv[1], sys.argv[2:split], sys.argv[split + 1:]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = list(pool.map(lambda path: check(opt, options, path), paths))
    failures = [(path, result) for path, result in zip(paths, results) if result]
    for path, result in failures:
        print("%s: %s" % (os.path.basename(path), result))
    print("%d fixtures, %d failures" % (len(paths), len(failures)))
    return 1 if failures or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
