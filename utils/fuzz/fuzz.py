#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs mutated IR texts through sparsek-opt: none may crash it or hang it.

usage: utils/fuzz/fuzz.py --build build/ci --count 10000 --seed 1

The corpus is every piece of test/**/*.mlir. Mutant number i depends on the corpus, the seed and i alone; `--show i` prints it and
the passes that it gets. Many mutants run in one process (--split-input-file); where that process crashes or does not end, they run
one by one, and what crashes is reduced and saved. Crashes inside MLIR or LLVM that are kept in test/known-upstream are counted
apart. With `--passes` every mutant gets these passes, and what the first of them takes counts as parsed: texts that only
`--sparsek-import` reads need that. `--only` selects the files of the corpus. The exit status is 1 for any other crash, for a hang, and where too few mutants parse or reach a pass of this project.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import os
import random
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

from mutate import mutate

ROOT = Path(__file__).resolve().parents[2]
SPLIT = re.compile(r"^// -----.*$", re.MULTILINE)
OUTPUT_MARKER = "// ==fuzz=="
MAX_PIECE = 30_000
MEMORY_LIMIT = 16 << 30
# Options worth trying; passes that refuse nearly everything, so that nothing comes after them.
OPTIONS: dict[str, list[str]] = {}
REFUSING = {"sparsek-verify-lowered"}
LEAST_PARSED, LEAST_REACHED = 0.30, 0.10


def load_corpus(only: str) -> list[str]:
    pieces = set()
    for file in sorted((ROOT / "test").rglob("*.mlir")):
        if "known-upstream" in file.parts or not re.search(only, file.as_posix()):
            continue
        for piece in SPLIT.split(file.read_text(encoding="utf-8")):
            piece = re.sub(r"[ \t]*//.*", "", piece).strip()
            piece = re.sub(r"\n\s*\n+", "\n", piece)
            if piece and len(piece) <= MAX_PIECE:
                pieces.add(piece)
    return sorted(pieces)


@dataclasses.dataclass
class Tool:
    path: str
    timeout: float
    sanitized: bool

    def run(self, text: str, arguments: list[str], timeout: float) -> tuple[int | None, str, str]:
        """Exit status (None: it did not end), output and messages."""

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if not self.sanitized:  # the sanitizers reserve terabytes of addresses
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))

        command = [self.path, "-", "--allow-unregistered-dialect", "--mlir-disable-threading", *arguments]
        try:
            done = subprocess.run(command, input=text.encode("utf-8", "surrogatepass"), capture_output=True, timeout=timeout,
                                  preexec_fn=limit, check=False)  # fmt: skip
        except subprocess.TimeoutExpired:
            return None, "", ""
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def crashed(status: int | None) -> bool:
    # sparsek-opt fails with 1; signals and the sanitizers' aborts are negative or above 128.
    return status is not None and (status < 0 or status > 1)


def signature(messages: str) -> list[str]:
    """The innermost functions of the stack trace, or the fatal error."""
    frames = re.findall(r"^\s*#\d+ 0x[0-9a-f]+ (?:in )?(.+?)(?: \(?/|\(/|$)", messages, re.MULTILINE)
    frames = [re.sub(r"\(.*", "", frame) for frame in frames]
    skip = ("llvm::sys::", "SignalHandler", "PrintStackTrace", "__restore_rt", "/lib/", "pthread_kill")
    frames = [frame.strip() for frame in frames if frame and not any(word in frame for word in skip)]
    frames = [frame for frame in frames if frame not in ("raise", "abort", "gsignal")]
    fatal = re.findall(r"^(?:LLVM ERROR: .*|.*runtime error: .*|SUMMARY: .*)$", messages, re.MULTILINE)
    return fatal[:1] + frames[:8]


def project_passes(tool: Tool) -> tuple[list[str], list[str]]:
    """The passes and the pipelines of this project."""
    listed = subprocess.run([tool.path, "--help"], capture_output=True, text=True, check=True).stdout
    names = sorted(set(re.findall(r"^ {6}--([\w-]*sparsek[\w-]*)", listed, re.MULTILINE)))
    pipelines = [name for name in names if name.endswith("-pipeline")]
    return [name for name in names if name not in pipelines], pipelines


def choose_passes(rng: random.Random, passes: list[str], pipelines: list[str]) -> list[str]:
    """A pass of this project first, so that what parses reaches one; then perhaps a pipeline or other passes."""

    def spelled(name: str) -> str:
        options = OPTIONS.get(name)
        return f"--{name}={rng.choice(options)}" if options and rng.random() < 0.7 else f"--{name}"

    chosen = [spelled(rng.choice([name for name in passes if name not in REFUSING]))]
    if rng.random() < 0.3:
        chosen.append(spelled(rng.choice(pipelines)))
    for _ in range(rng.choice((0, 0, 1, 2))):
        chosen.append(rng.choice([spelled(name) for name in passes] + ["--canonicalize", "--cse", "--inline"]))
    return chosen


@dataclasses.dataclass
class Result:
    parsed: int = 0
    reached: int = 0
    passed: int = 0
    crashes: list[tuple[int, list[str]]] = dataclasses.field(default_factory=list)
    hangs: list[int] = dataclasses.field(default_factory=list)


class Fuzzer:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.corpus = load_corpus(options.only)
        self.fixed = options.passes.split()
        self.reading = self.fixed[:1]
        cache = Path(options.build, "CMakeCache.txt").read_text(encoding="utf-8")
        sanitized = re.search(r"^SPARSEK_SANITIZE:\w+=\S+", cache, re.MULTILINE) is not None
        self.tool = Tool(str(Path(options.build, "bin", "sparsek-opt")), options.timeout, sanitized)
        self.passes, self.pipelines = project_passes(self.tool)
        self.known = load_known_crashes()
        self.valid = self.load_valid()

    def load_valid(self) -> list[str]:
        """The pieces that parse, as they are and as printed: there every op is one line."""
        valid: list[str] = []
        for piece in self.corpus:
            status, output, _ = self.tool.run(piece, [], self.tool.timeout)
            if status == 0:
                valid += [piece, output, output]
            elif self.reading and self.tool.run(piece, self.reading, self.tool.timeout)[0] == 0:
                valid += [piece] * 3
        return valid

    def mutant(self, index: int) -> str:
        rng = random.Random(f"{self.options.seed}:{index}")
        # Tests of diagnostics do not parse to begin with.
        base = rng.choice(self.valid if rng.random() < 0.9 else self.corpus)
        return mutate(rng, base, self.valid)

    def arguments(self, batch: int) -> list[str]:
        return self.fixed or choose_passes(random.Random(f"{self.options.seed}:passes:{batch}"), self.passes, self.pipelines)

    def survivors(self, numbers: list[int], arguments: list[str], result: Result) -> list[int]:
        """The mutants for which sparsek-opt succeeds; crashes and hangs go to `result`."""
        if not numbers:
            return []
        split = [*arguments, "--split-input-file", f"--output-split-marker={OUTPUT_MARKER}"]
        text = "\n// -----\n".join(self.mutant(number) for number in numbers)
        status, output, _ = self.tool.run(text, split, self.tool.timeout + 2 * len(numbers))
        chunks = output.split(OUTPUT_MARKER)
        if status in (0, 1) and len(chunks) == len(numbers):
            return [number for number, chunk in zip(numbers, chunks, strict=True) if chunk.strip()]
        alive = []
        for number in numbers:
            status, output, messages = self.tool.run(self.mutant(number), arguments, self.tool.timeout)
            if status is None:
                result.hangs.append(number)
            elif crashed(status):
                result.crashes.append((number, signature(messages)))
            elif output.strip():
                alive.append(number)
        return alive

    def run_batch(self, batch: int) -> Result:
        size = self.options.batch
        numbers = list(range(batch * size, min((batch + 1) * size, self.options.count)))
        result = Result()
        parsed = self.survivors(numbers, self.reading, result)
        result.parsed = len(parsed)
        passed = self.survivors(parsed, self.arguments(batch), result)
        result.reached, result.passed = len(parsed), len(passed)
        return result

    def is_known(self, frames: list[str]) -> str | None:
        for name, pattern in self.known:
            if re.search(pattern, "\n".join(frames)):
                return name
        return None

    def save(self, number: int, kind: str) -> Path:
        """Reduces a crashing mutant line by line and writes it."""
        arguments = self.arguments(number // self.options.batch)
        text = self.mutant(number)

        def fails(candidate: str) -> list[str] | None:
            for passes in (self.reading, arguments):
                status, _, messages = self.tool.run(candidate, passes, self.tool.timeout)
                if crashed(status):
                    return signature(messages)
            return None

        if kind == "crash" and (wanted := fails(text)) is not None:
            lines, deadline = text.split("\n"), time.monotonic() + 60
            step = max(1, len(lines) // 2)
            while step and time.monotonic() < deadline:
                i = 0
                while i < len(lines) and time.monotonic() < deadline:
                    candidate = lines[:i] + lines[i + step :]
                    if (fails("\n".join(candidate)) or [])[:2] == wanted[:2]:
                        lines = candidate
                    else:
                        i += step
                step //= 2
            text = "\n".join(lines)
        folder = Path(self.options.out)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{kind}-{self.options.seed}-{number}.mlir"
        file.write_text(f"// sparsek-opt --allow-unregistered-dialect {' '.join(arguments)}\n{text}\n", encoding="utf-8")
        return file


def load_known_crashes() -> list[tuple[str, str]]:
    """Name and stack pattern of every test in test/known-upstream (its line `// SIGNATURE: <regular expression>`)."""
    known = []
    for file in sorted((ROOT / "test" / "known-upstream").glob("*.mlir")):
        known += [(file.name, pattern) for pattern in re.findall(r"^// SIGNATURE: (.+)$", file.read_text(), re.MULTILINE)]
    return known


def report(fuzzer: Fuzzer, total: Result, seconds: float) -> int:
    options = fuzzer.options
    failed = False
    by_signature: dict[str, list[int]] = {}
    known_counts: dict[str, int] = {}
    for number, frames in total.crashes:
        name = fuzzer.is_known(frames)
        if name:
            known_counts[name] = known_counts.get(name, 0) + 1
        else:
            by_signature.setdefault(" < ".join(frames[:4]) or "no stack trace", []).append(number)
    for name, count in sorted(known_counts.items()):
        print(f"known upstream crash (test/known-upstream/{name}): {count} mutants")
    for frames, numbers in by_signature.items():
        failed = True
        print(f"CRASH: {frames}: {len(numbers)} mutants, {fuzzer.save(numbers[0], 'crash')}")
    for number in total.hangs:
        failed = True
        print(f"HANG: mutant {number}, no end after {options.timeout:.0f} s: {fuzzer.save(number, 'hang')}")
    count = options.count
    print(f"{count} mutants of {len(fuzzer.corpus)} pieces ({len(fuzzer.valid) // 3} valid), seed {options.seed}, {len(fuzzer.passes)} passes and {len(fuzzer.pipelines)} pipelines, {seconds:.0f} s: "
          f"{total.parsed} parsed ({total.parsed / count:.0%}), {total.reached} reached a sparsek pass "
          f"({total.reached / count:.0%}), {total.passed} came through, {len(total.crashes)} crashes "
          f"({sum(known_counts.values())} known upstream), {len(total.hangs)} hangs")  # fmt: skip
    if total.parsed < LEAST_PARSED * count or total.reached < LEAST_REACHED * count:
        print(f"error: at least {LEAST_PARSED:.0%} must parse and {LEAST_REACHED:.0%} reach a sparsek pass")
        failed = True
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build" / "ci"), help="build folder")
    parser.add_argument("--count", type=int, default=10_000, help="number of mutants")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=20, help="mutants per process")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for one mutant")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--passes", default="", help="passes that every mutant gets, instead of random ones")
    parser.add_argument("--only", default="", metavar="REGEX", help="files of the corpus")
    parser.add_argument("--out", default="fuzz-out", help="folder of the reduced crashes")
    parser.add_argument("--show", type=int, metavar="I", help="print mutant I and its passes, and run nothing")
    fuzzer = Fuzzer(options := parser.parse_args())
    if options.show is not None:
        print("// " + " ".join(fuzzer.arguments(options.show // options.batch)))
        print(fuzzer.mutant(options.show))
        return 0
    start = time.monotonic()
    total = Result()
    batches = range(-(-options.count // options.batch))
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for result in pool.map(fuzzer.run_batch, batches):
            for field in dataclasses.fields(Result):
                setattr(total, field.name, getattr(total, field.name) + getattr(result, field.name))
    return report(fuzzer, total, time.monotonic() - start)


if __name__ == "__main__":
    sys.exit(main())
