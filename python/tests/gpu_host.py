# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles for GPUs by definition, interprets the host and runs its kernels in the emulator.

The host is what `sparsek-lower-to-gpu-pipeline` leaves: structured control flow, integers,
descriptors of buffers, and allocations, copies and launches of the gpu dialect. Loads of the host
from memory of the device, uses of freed buffers and buffers that are never freed are errors.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from emulator import launch
from tile_interpreter.syntax import Block, Op, parse

ELEMENTS: dict[str, Any] = {
    "f64": np.float64,
    "f32": np.float32,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "i64": np.int64,
    "index": np.int64,
    "i32": np.int32,
    "i1": np.uint8,
}
_BINARY = re.compile(r'"gpu\.binary"\(\).*?assembly = "(.*?)">\].*?sym_name = "(\w+)".*')
_MEMREF = re.compile(r"memref<(?P<sizes>(?:(?:\d+|\?)x)*)(?P<element>\w+)>")
_DYNAMIC = -(2**63)


class HostError(Exception):
    """The host does what it must not do."""


@dataclasses.dataclass(eq=False)
class Memory:
    """One allocation. `values` is flat; `device` says whose memory it is in."""

    values: np.ndarray
    device: bool
    freed: bool = False

    def __post_init__(self) -> None:
        # One array for all launches, which tell buffers apart by it.
        self.bytes = self.values.view(np.uint8)


@dataclasses.dataclass(eq=False)
class Buffer:
    """A memref descriptor; offset, sizes and strides count elements."""

    memory: Memory
    offset: int
    sizes: list[int]
    strides: list[int]

    def array(self) -> np.ndarray:
        """The elements, as a view. Raises HostError after deallocation."""
        values = self.memory.values
        if self.memory.freed:
            raise HostError("a buffer is used after it was freed")
        steps = [stride * values.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.sizes, steps)


@dataclasses.dataclass
class Compiled:
    """The functions and constants of a module; the PTX of each module of kernels by its name."""

    functions: dict[str, Op]
    constants: dict[str, Op]
    ptx: dict[str, str]


def compile_source(source: str, chip: str) -> Compiled:
    """Lowers tensor code. Raises RuntimeError with the compiler's messages."""
    tool = shutil.which("sparsek-opt")
    if tool is None:
        raise RuntimeError("sparsek-opt is not in PATH")
    passes = [
        "--sparsek-insert-runtime-checks",
        "--sparsek-decompose-attention",
        "--convert-sparsek-to-linalg",
        "--sparsek-bufferization-pipeline",
        f"--sparsek-lower-to-gpu-pipeline=chip={chip}",
        "--mlir-print-op-generic",
        "--mlir-print-local-scope",
    ]
    result = subprocess.run(
        [tool, *passes], input=source, capture_output=True, text=True, check=False
    )
    if result.returncode or result.stderr:
        raise RuntimeError(result.stderr)
    ptx = {}
    for text, name in _BINARY.findall(result.stdout):
        ptx[name] = re.sub(r"\\([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), text)
    host = list(parse(_BINARY.sub("", result.stdout)).walk())
    functions = {op.text("sym_name"): op for op in host if op.name == "func.func"}
    constants = {op.text("sym_name"): op for op in host if op.name == "memref.global"}
    return Compiled(functions, constants, ptx)


def _dense(sizes: Sequence[int]) -> list[int]:
    strides, step = [], 1
    for size in reversed(sizes):
        strides.insert(0, step)
        step *= size
    return strides


def _list(op: Op, name: str) -> list[int]:
    _, _, values = op.attributes[name].strip("<>").partition(":")
    values = values.strip("> ")
    return [int(value) for value in values.split(",")] if values else []


def _compare(predicate: int, a: int, b: int) -> bool:
    """The predicates of arith.cmpi; unsigned ones take 64-bit values."""
    if predicate >= 6:
        a, b, predicate = a & (2**64 - 1), b & (2**64 - 1), predicate - 4
    return [a == b, a != b, a < b, a <= b, a > b, a >= b][predicate]


_INTEGER = {
    "arith.addi": lambda a, b: a + b,
    "arith.subi": lambda a, b: a - b,
    "arith.muli": lambda a, b: a * b,
    "arith.divsi": lambda a, b: abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1),
    "arith.andi": lambda a, b: a & b,
    "arith.ori": lambda a, b: a | b,
    "arith.xori": lambda a, b: a ^ b,
    "arith.minsi": min,
    "arith.maxsi": max,
}


class Host:
    """Runs the functions of a module. `launches` names the modules of kernels in their order."""

    def __init__(self, compiled: Compiled, seed: int = 0) -> None:
        self.compiled = compiled
        self.values: dict[str, Any] = {}
        self.allocated: list[Memory] = []
        self.launches: list[str] = []
        self.seed = seed

    def call(self, name: str, *arguments: np.ndarray | int) -> list[np.ndarray]:
        """Arrays are copied to the device. Raises HostError and EmulatorError for defects."""
        body = self.compiled.functions[name].regions[0]
        self.allocated = []
        given = []
        for argument in arguments:
            if isinstance(argument, np.ndarray):
                memory = Memory(argument.flatten(), device=True)
                sizes = list(argument.shape)
                given.append(Buffer(memory, 0, sizes, _dense(sizes)))
            else:
                given.append(argument)
        results = self.block(body, given)
        kept = {id(result.memory) for result in results}
        if any(not memory.freed and id(memory) not in kept for memory in self.allocated):
            raise HostError("a buffer is never freed")
        for argument, buffer in zip(arguments, given, strict=True):
            if isinstance(argument, np.ndarray):
                changed = buffer.array().tobytes() != argument.tobytes()
                if changed:
                    raise HostError("an argument was written to")
        return [result.array().copy() for result in results]

    def block(self, block: Block, arguments: Sequence[Any]) -> list[Any]:
        """Returns the operands of the terminator."""
        self.values.update(zip(block.arguments, arguments, strict=True))
        for op in block.ops:
            operands = [self.values[name] for name in op.operands]
            if op.name in ("scf.yield", "func.return"):
                return operands
            results = self.run(op, operands)
            self.values.update(zip(op.results, results, strict=True))
        return []

    def run(self, op: Op, x: list[Any]) -> list[Any]:
        """The results of one op. Raises HostError for an op that is not known."""
        if op.name in _INTEGER:
            return [_INTEGER[op.name](*x)]
        method = getattr(self, "_" + op.name.replace(".", "_"), None)
        if method is None:
            raise HostError(f"line {op.line}: the host has no {op.name}")
        return method(op, x)

    # ----------------------------------------------------------------------------------------------
    # Scalars and control flow
    # ----------------------------------------------------------------------------------------------

    def _arith_constant(self, op: Op, x: list[Any]) -> list[Any]:
        value = op.attributes["value"].split(" : ")[0]
        if value in ("true", "false"):
            return [value == "true"]
        return [float(value) if "." in value else int(value, 0)]

    def _arith_cmpi(self, op: Op, x: list[Any]) -> list[Any]:
        return [_compare(op.integer("predicate"), int(x[0]), int(x[1]))]

    def _arith_select(self, op: Op, x: list[Any]) -> list[Any]:
        return [x[1] if x[0] else x[2]]

    def _arith_index_cast(self, op: Op, x: list[Any]) -> list[Any]:
        return [int(x[0])]

    def _scf_for(self, op: Op, x: list[Any]) -> list[Any]:
        state = x[3:]
        for i in range(x[0], x[1], x[2]):
            state = self.block(op.regions[0], [i, *state])
        return state

    def _scf_if(self, op: Op, x: list[Any]) -> list[Any]:
        return self.block(op.regions[0 if x[0] else 1], [])

    def _cf_assert(self, op: Op, x: list[Any]) -> list[Any]:
        if not x[0]:
            raise HostError(op.text("msg"))
        return []

    # ----------------------------------------------------------------------------------------------
    # Buffers
    # ----------------------------------------------------------------------------------------------

    def _allocate(self, type: str, dynamic: list[int], device: bool) -> Buffer:
        match = _MEMREF.fullmatch(type)
        if match is None:
            raise HostError(f"the host allocates {type}")
        element, rest = match["element"], iter(dynamic)
        sizes = [next(rest) if x == "?" else int(x) for x in match["sizes"].split("x")[:-1]]
        values = np.empty(int(np.prod(sizes)), ELEMENTS[element])
        # What nobody wrote is NaN, or out of range.
        memory = Memory(values, device)
        memory.bytes[:] = 0xFF
        if device:
            self.allocated.append(memory)
        return Buffer(memory, 0, sizes, _dense(sizes))

    def _memref_alloca(self, op: Op, x: list[Any]) -> list[Any]:
        return [self._allocate(op.result_types[0], x, device=False)]

    def _memref_get_global(self, op: Op, x: list[Any]) -> list[Any]:
        constant = self.compiled.constants[op.attributes["name"].removeprefix("@")]
        buffer = self._allocate(op.result_types[0], [], device=False)
        values = constant.attributes["initial_value"].removeprefix("dense<").partition(">")[0]
        buffer.array()[...] = np.array(json.loads(values))
        return [buffer]

    def _memref_load(self, op: Op, x: list[Any]) -> list[Any]:
        if x[0].memory.device:
            raise HostError(f"line {op.line}: the host reads memory of the device")
        return [x[0].array()[tuple(x[1:])].item()]

    def _memref_dim(self, op: Op, x: list[Any]) -> list[Any]:
        return [x[0].sizes[x[1]]]

    def _memref_cast(self, op: Op, x: list[Any]) -> list[Any]:
        return [x[0]]

    def _memref_extract_strided_metadata(self, op: Op, x: list[Any]) -> list[Any]:
        base = Buffer(x[0].memory, 0, [], [])
        return [base, x[0].offset, *x[0].sizes, *x[0].strides]

    def _memref_reinterpret_cast(self, op: Op, x: list[Any]) -> list[Any]:
        rest = iter(x[1:])
        offsets, sizes, strides = (
            [next(rest) if value == _DYNAMIC else value for value in _list(op, name)]
            for name in ("static_offsets", "static_sizes", "static_strides")
        )
        return [Buffer(x[0].memory, offsets[0], sizes, strides)]

    # ----------------------------------------------------------------------------------------------
    # The device
    # ----------------------------------------------------------------------------------------------

    def _gpu_wait(self, op: Op, x: list[Any]) -> list[Any]:
        return [None] * len(op.results)

    def _gpu_alloc(self, op: Op, x: list[Any]) -> list[Any]:
        sizes = [value for value in x if value is not None]
        return [self._allocate(op.result_types[0], sizes, device=True), None]

    def _gpu_dealloc(self, op: Op, x: list[Any]) -> list[Any]:
        x[-1].array()
        x[-1].memory.freed = True
        return [None]

    def _gpu_memcpy(self, op: Op, x: list[Any]) -> list[Any]:
        x[-2].array()[...] = x[-1].array()
        return [None]

    def _gpu_launch_func(self, op: Op, x: list[Any]) -> list[Any]:
        module, name = op.attributes["kernel"].removeprefix("@").split("::@")
        x = [value for value in x if value is not None]
        if min(x[:6]) < 1:
            raise HostError(f"the launch of {module} has no threads")
        arguments: list[Any] = []
        for value in x[6:]:
            if isinstance(value, Buffer):
                value.array()
                if not value.memory.device:
                    raise HostError(f"{module} gets memory of the host")
                data = value.memory.bytes
                arguments += [data, data, value.offset, *value.sizes, *value.strides]
            else:
                arguments.append(value)
        self.launches.append(module)
        launch(
            self.compiled.ptx[module], name, x[:3], x[3:6], arguments,
            strict_lanes=False, seed=self.seed,
        )  # fmt: skip
        return [None]
