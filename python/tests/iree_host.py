# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs what `sparsek-emit-iree=cuda` makes of one op: sizes by arithmetic, kernels in the emulator.

IREE passes a pointer for every binding and then the constants of 32 bits; bindings are tensors in
the order of the operands. That is what is done here with the text of the private function.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from compiled_kernels import parse_string
from emulator import launch

TYPES = {
    "bf16": ml_dtypes.bfloat16, "f16": np.float16, "f32": np.float32,
    "i32": np.int32, "i8": np.uint8,
}  # fmt: skip
VALUE = r"%[\w$.-]+(?:#\d+)?"
STATEMENT = re.compile(rf"\s*(?:({VALUE})(?::\d+)? = )?(.*)")
WORD = 1 << 32

ARITHMETIC: dict[str, Callable[..., int]] = {
    "arith.addi": lambda a, b: a + b,
    "arith.subi": lambda a, b: a - b,
    "arith.muli": lambda a, b: a * b,
    "arith.divui": lambda a, b: a // b,
    "arith.remui": lambda a, b: a % b,
    "arith.minsi": min,
    "arith.maxsi": max,
    "arith.andi": lambda a, b: a & b,
    "arith.xori": lambda a, b: a ^ b,
    "arith.shrui": lambda a, b: (a % (1 << 64)) >> b,
    "arith.select": lambda c, a, b: a if c else b,
}
COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "sle": lambda a, b: a <= b,
    "sge": lambda a, b: a >= b,
    "sgt": lambda a, b: a > b,
    "slt": lambda a, b: a < b,
    "eq": lambda a, b: a == b,
}


def emit(source: str, options: str = "cuda") -> str:
    """The text of sparsek-opt. Raises RuntimeError with its messages."""
    result = subprocess.run(
        [shutil.which("sparsek-opt"), f"--sparsek-emit-iree={options}"],
        input=source,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(result.stderr)
    return result.stdout


class AssertionFailed(Exception):
    """A cf.assert that does not hold."""


class Host:
    """One private function of the text and its values."""

    def __init__(self, text: str, name: str) -> None:
        start = re.search(rf"  func\.func private @{name}\((.*?)\) -> .*{{\n", text)
        end = text.index("\n  }\n", start.end())
        self.lines = text[start.end() : end].splitlines()
        self.arguments = re.findall(r"(%\w+):", start[1])
        self.values: dict[str, Any] = {}
        self.launched: list[tuple[str, bool]] = []  # kernels, and whether they had work

    def run(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """The results for these arguments."""
        self.values = dict(zip(self.arguments, arrays, strict=True))
        for line in self.lines:
            result, rest = STATEMENT.fullmatch(line).groups()
            name = rest.split(" ", 1)[0].split("(", 1)[0].strip('"')
            if name == "return":
                return tuple(self.values[v] for v in re.findall(VALUE, rest.split(":")[0]))
            if name in ("hal.return", "^bb0", "}") or rest.startswith((")", "}", "^")):
                continue
            self.execute(name, result, rest)
        raise AssertionError("no return")

    def operands(self, rest: str) -> list[Any]:
        return [self.values[v] for v in re.findall(VALUE, rest)]

    def execute(self, name: str, result: str | None, rest: str) -> None:
        if name == "arith.constant":
            value = rest.split(" ")[1]
            self.values[result] = int(value) if value not in ("true", "false") else value == "true"
        elif name == "arith.cmpi":
            predicate = rest.split(" ")[1].rstrip(",")
            self.values[result] = int(COMPARISONS[predicate](*self.operands(rest)))
        elif name in ARITHMETIC:
            self.values[result] = ARITHMETIC[name](*self.operands(rest))
        elif name in ("arith.index_cast", "arith.extui"):
            self.values[result] = self.operands(rest)[0]
        elif name == "arith.trunci":
            self.values[result] = self.operands(rest)[0] % WORD
        elif name == "tensor.dim":
            array, axis = self.operands(rest)
            self.values[result] = array.shape[axis]
        elif name == "tensor.empty":
            shape, element = re.search(r"tensor<((?:[\d?]+x)*)(\w+)>$", rest).groups()
            sizes = iter(self.operands(rest.split(":")[0]))
            dims = [next(sizes) if d == "?" else int(d) for d in shape.split("x")[:-1]]
            array = np.zeros(dims, TYPES[element])
            array.view(np.uint8)[...] = 0x7F  # nothing may depend on it
            self.values[result] = array
        elif name == "cf.assert":
            if not self.operands(rest.split(",")[0])[0]:
                raise AssertionFailed(rest)
        elif name == "hal.dispatch.extern":
            self.dispatch(result, rest)
        else:
            raise AssertionError(f"unknown op: {rest[:80]}")

    def dispatch(self, result: str, rest: str) -> None:
        head, properties = rest.split(" <{", 1)
        values = self.operands(head)

        def find(pattern: str) -> str:
            return re.search(pattern, properties)[1]

        kernel = find(r'export_name = "(\w+)"')
        constants = int(find(r"constants = (\d+)"))
        bindings = find(r"bindings = \[(.*?)\]>").split("#hal.pipeline.binding")[1:]
        workload, arguments, *_ = map(int, find(r"array<i32: ([\d, ]+)>").split(","))
        data = find(r'data = "((?:[^"\\]|\\.)*)"')
        tied = [int(t) for t in re.findall(r"(\d+) : index", find(r"tied_operands = \[(.*?)\]"))]
        threads = int(find(r"workgroup_size = \[(\d+)"))
        local = re.search(r"workgroup_local_memory = (\d+)", properties)
        grid = values[:workload]
        passed = values[workload : workload + arguments]
        words, tensors = passed[:constants], passed[constants:]
        assert len(tensors) == len(bindings)
        assert all(isinstance(w, int) for w in words)
        written = {i for i, b in enumerate(bindings) if "ReadOnly" not in b}
        assert tied == [constants + i for i in sorted(written)]
        assert all(0 < blocks < 1 << 31 for blocks in grid) and grid[1] < 1 << 16
        names = [f"binding {i}" for i in range(len(tensors))]
        names += [f"word {i}" for i in range(constants)]
        self.launched.append((kernel, bool(words[-1])))
        launch(
            parse_string(data), kernel, grid, threads, [*tensors, *words],
            shared_bytes=int(local[1]) if local else 0,
            names=names, writable={names[i] for i in written}, sm_count=132, resident=2,
        )  # fmt: skip
        outputs = [tensors[i] for i in sorted(written)]
        for number, output in enumerate(outputs):
            self.values[f"{result}#{number}"] = output
        self.values[result] = outputs[0]
