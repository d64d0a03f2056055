# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Decoding: every statement of a kernel becomes a closure over a warp, once.

A register, constant or special register seen as one element type is a *slot*: an
index into `warp.rows`, which holds a view of 32 lanes. Closures therefore
run NumPy functions on `rows[i]` without looking anything up.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import EmulatorError, PtxSyntaxError, UnsupportedInstruction
from .ptx import SHARED_BASE, Function, Module, Statement

if TYPE_CHECKING:
    from .warp import Warp

# A closure returns None (go on), a statement number (go there) or one of these.
BLOCKED, YIELD, EXIT = -1, -2, -3
Step = Callable[["Warp"], "int | None"]

DTYPES: dict[str, type] = {
    "b8": np.uint8, "u8": np.uint8, "s8": np.int8,
    "b16": np.uint16, "u16": np.uint16, "s16": np.int16, "f16": np.float16, "bf16": np.uint16,
    "b32": np.uint32, "u32": np.uint32, "s32": np.int32, "f32": np.float32,
    "f16x2": np.uint32, "bf16x2": np.uint32, "f32x2": np.uint64,
    "b64": np.uint64, "u64": np.uint64, "s64": np.int64, "f64": np.float64,
    "pred": np.bool_,
}  # fmt: skip

# Where the address spaces lie in the generic one.
GLOBAL_WINDOW = 0x7000_0000_0000
SHARED_WINDOW = 0x7F00_0000_0000
LOCAL_WINDOW = 0x7E00_0000_0000
FIRST_GLOBAL = 4096  # the parameters lie here, module variables after them
PARAMETER_ROOM = 36864

SPECIAL = re.compile(
    r"%(tid|ntid|ctaid|nctaid|clusterid|nclusterid|cluster_ctaid|cluster_nctaid)\.[xyz]$"
    r"|%(laneid|warpid|nwarpid|smid|nsmid|gridid|clock|clock64|globaltimer|globaltimer_lo"
    r"|lanemask_(?:eq|le|lt|ge|gt)|dynamic_smem_size|total_smem_size|cluster_ctarank"
    r"|cluster_nctarank)$"
)
_FLOAT_BITS = re.compile(r"0[fF]([0-9a-fA-F]{8})$|0[dD]([0-9a-fA-F]{16})$")
_INTEGER = re.compile(r"(-?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9]\d*)U?$")
_ADDRESS = re.compile(r"\[\s*([%$\w]+)\s*(?:\+\s*(-?\w+)|-\s*(\w+))?\s*\]$")

DECODERS: dict[str, Callable[[Decoder], Step]] = {}


def op(*names: str) -> Callable[[Callable[[Decoder], Step]], Callable[[Decoder], Step]]:
    """Registers a decoder for opcodes that start with one of the names; the longest name wins."""

    def register(function: Callable[[Decoder], Step]) -> Callable[[Decoder], Step]:
        for name in names:
            DECODERS[name] = function
        return function

    return register


def integer(text: str) -> int | None:
    """The value of a PTX integer literal, or None."""
    found = _INTEGER.match(text)
    if not found:
        return None
    digits = found.group(2)
    value = int(digits, 8 if re.match(r"0[0-7]+$", digits) else 0)
    return -value if found.group(1) else value


def constant_bits(text: str, dtype: type) -> int | None:
    """The literal as the bits of an element of `dtype`, or None if it is no literal."""
    width = np.dtype(dtype).itemsize
    bits = _FLOAT_BITS.match(text)
    if bits:
        if bits.group(1):
            raw, value = (
                int(bits.group(1), 16),
                struct.unpack("<f", bytes.fromhex(bits.group(1))[::-1])[0],
            )
            return raw if width == 4 else struct.unpack("<Q", struct.pack("<d", value))[0]
        raw = int(bits.group(2), 16)
        if width == 8:
            return raw
        value = struct.unpack("<d", struct.pack("<Q", raw))[0]
        return struct.unpack("<I", np.float32(value).tobytes())[0]
    if text == "WARP_SZ":
        return 32
    value = integer(text)
    if value is None:
        if not re.match(r"-?\d+\.\d*(?:[eE][-+]?\d+)?$", text):
            return None
        return int.from_bytes(np.asarray(float(text), dtype).tobytes(), "little")
    if np.dtype(dtype).kind == "f" and width > 2:
        return int.from_bytes(np.asarray(value, dtype).tobytes(), "little")
    return value & ((1 << 8 * width) - 1)


class Program:
    """A decoded kernel."""

    def __init__(self, module: Module, function: Function) -> None:
        self.module, self.function = module, function
        self.statements = function.statements
        self.slots: dict[tuple[Any, ...], int] = {}
        self.groups: list[tuple[int, type]] = []
        self.places: list[tuple[int, int]] = []
        self.others: list[tuple[Any, ...]] = []
        self.reads: list[frozenset[int]] = []
        self.writes: list[frozenset[int]] = []
        self.granule = 2  # log2 of the bytes that the race detector tells apart
        self.symbols: dict[str, tuple[str, int]] = {}
        self.static_end = self.lay_out()
        self.parameters: dict[str, int] = {}  # addresses
        offset = 0
        for p in function.parameters:
            offset = -(-offset // p.align) * p.align
            self.parameters[p.name] = GLOBAL_WINDOW + FIRST_GLOBAL + offset
            offset += p.size
        self.parameter_bytes = offset
        self.local_bytes = 0
        for v in function.variables.values():
            if v.space == "local":
                self.local_bytes = -(-self.local_bytes // v.align) * v.align
                self.symbols[v.name] = ("local", self.local_bytes)
                self.local_bytes += v.size
        self.steps: list[Step] = []
        self.wgmma_registers: set[int] = set()
        decoders = []
        for pc, statement in enumerate(self.statements):
            decoder = Decoder(self, statement, pc)
            self.steps.append(decoder.decode())
            decoders.append(decoder)
            self.reads.append(frozenset(decoder.read))
            self.writes.append(frozenset(decoder.written))
        for pc, decoder in enumerate(decoders):
            if decoder.written & self.wgmma_registers and not decoder.is_wgmma:
                self.steps[pc] = noting_writes(
                    self.steps[pc], tuple(decoder.written & self.wgmma_registers)
                )
        from .flow import reconvergence_points  # decoding fills `successors`

        self.reconverge = reconvergence_points(self)

    def lay_out(self) -> int:
        """Gives shared and global variables their addresses; returns where static shared ends."""
        at = SHARED_BASE
        dynamic = []
        for v in (*self.module.variables.values(), *self.function.variables.values()):
            if v.space == "shared" and not v.extern:
                at = -(-at // v.align) * v.align
                self.symbols[v.name] = ("shared", at)
                at += v.size
            elif v.space == "shared":
                dynamic.append(v)
        for v in dynamic:
            at = -(-at // v.align) * v.align
        for v in dynamic:
            self.symbols[v.name] = ("shared", at)
        self.dynamic_base = at
        where = FIRST_GLOBAL + PARAMETER_ROOM
        for v in self.module.variables.values():
            if v.space in ("global", "const"):
                where = -(-where // max(v.align, 16)) * max(v.align, 16)
                v.address = GLOBAL_WINDOW + where
                self.symbols[v.name] = ("global", v.address)
                where += v.size + 256
        self.first_buffer = -(-where // 256) * 256 + 4096
        return at

    def layout(self) -> tuple[list[tuple[int, type]], list[tuple[int, int]]]:
        """How a warp makes its rows: (width, dtype) of groups of registers, and of every slot its
        group and its number there. The last group, not named, is `others`."""
        if len(self.places) != len(self.slots):
            groups: dict[tuple[int, type], int] = {}
            for key in self.slots:
                if key[0] == "reg":
                    groups.setdefault((key[1], key[3]), len(groups))
            self.others = [key for key in self.slots if key[0] != "reg"]
            rest = iter(range(len(self.others)))
            self.groups = list(groups)
            self.places = [
                (groups[key[1], key[3]], key[2]) if key[0] == "reg" else (len(groups), next(rest))
                for key in self.slots
            ]
        return self.groups, self.places

    def slot(self, *key: object) -> int:
        """The number of a slot: ("reg", width, number, dtype), ("const", bits, dtype), ..."""
        return self.slots.setdefault(key, len(self.slots))


def noting_writes(step: Step, registers: tuple[int, ...]) -> Step:
    """`step`, remembering that these operands of wgmma were written since the last wgmma.fence."""

    def run(w: Warp) -> int | None:
        for r in registers:
            w.unfenced[r] = w.fences
        return step(w)

    return run


def register_id(width: int, number: int) -> int:
    """One integer for a register, over all widths."""
    return number * 16 + width


class Decoder:
    """One statement being decoded. Keeps which registers it reads and writes."""

    def __init__(self, program: Program, statement: Statement, pc: int) -> None:
        self.program, self.statement, self.pc = program, statement, pc
        self.parts = statement.op.split(".")
        self.args = statement.operands
        self.read: set[int] = set()
        self.written: set[int] = set()
        self.is_wgmma = statement.op.startswith("wgmma.mma_async")
        self.consumes_predicate = False

    def decode(self) -> Step:
        """The closure. UnsupportedInstruction names opcode and line."""
        name = self.statement.op
        while name not in DECODERS:
            if "." not in name:
                raise self.unsupported()
            name = name.rpartition(".")[0]
        self.name = name
        try:
            step = DECODERS[name](self)
        except EmulatorError:
            raise
        except (IndexError, KeyError, ValueError) as error:
            raise self.unsupported(f"cannot be decoded ({error!r})") from error
        if self.statement.predicate and not self.consumes_predicate:
            step = predicated(step, self.guard(), self.statement.negated)
        return step

    def unsupported(self, why: str = "is not implemented") -> UnsupportedInstruction:
        """The error to raise for a form that the emulator lacks."""
        return UnsupportedInstruction(f"line {self.statement.line}: `{self.statement}` {why}")

    def modifiers(self, allowed: Iterable[str]) -> set[str]:
        """The parts of the opcode after the decoder's name; all must be allowed."""
        found = self.parts[self.name.count(".") + 1 :]
        allowed = set(allowed)
        for part in found:
            if part not in allowed and part not in DTYPES:
                raise self.unsupported(f"has an unknown modifier .{part}")
        return set(found)

    @property
    def kind(self) -> str:
        """The last type in the opcode."""
        for part in reversed(self.parts):
            if part in DTYPES:
                return part
        raise self.unsupported("has no type")

    def guard(self) -> int:
        """The slot of the statement's predicate."""
        assert self.statement.predicate is not None
        return self.predicate(self.statement.predicate)

    def names(self, i: int) -> list[str]:
        """The names in {a, b, ...}, or the operand alone."""
        text = self.args[i]
        if text.startswith("{"):
            return [x.strip() for x in text[1:-1].split(",")]
        return [text]

    def register(self, name: str) -> tuple[int, int]:
        """(width, number) of a register."""
        found = self.statement.scope.register(name)
        if found is None:
            raise PtxSyntaxError(f"line {self.statement.line}: no register or constant '{name}'")
        return found

    def source(self, operand: int | str, dtype: type) -> int:
        """The slot of a source operand (its number or its name) seen as `dtype`."""
        text = self.args[operand] if isinstance(operand, int) else operand
        found = self.statement.scope.register(text)
        if found is not None:
            width, number = found
            if (width or 1) != np.dtype(dtype).itemsize:
                raise self.unsupported(f"reads {text} of {8 * width} bits as {np.dtype(dtype)}")
            self.read.add(register_id(width, number))
            return self.program.slot("reg", width, number, dtype)
        if SPECIAL.match(text):
            return self.program.slot("special", text, dtype)
        bits = constant_bits(text, dtype)
        if bits is None:
            bits = self.symbol(text)
        return self.program.slot("const", bits, dtype)

    def symbol(self, text: str) -> int:
        """The address that `name` or `name+offset` stands for."""
        name, _, offset = text.partition("+")
        name = name.strip()
        if name in self.program.parameters:
            return self.program.parameters[name] + (integer(offset.strip()) or 0)
        if name not in self.program.symbols:
            raise PtxSyntaxError(f"line {self.statement.line}: no register or constant '{text}'")
        return self.program.symbols[name][1] + (integer(offset.strip()) or 0)

    def own_width(self, operand: int | str) -> type | None:
        """The unsigned type as wide as the register, or None if the operand is no register."""
        text = self.args[operand] if isinstance(operand, int) else operand
        found = self.statement.scope.register(text)
        if found is None:
            return None
        return {0: np.bool_, 2: np.uint16, 4: np.uint32, 8: np.uint64}[found[0]]

    def target(self, operand: int | str, dtype: type) -> int:
        """The slot of a destination seen as `dtype`; "_" is a place to throw things."""
        text = self.args[operand] if isinstance(operand, int) else operand
        if text == "_":
            return self.program.slot("sink", dtype)
        width, number = self.register(text)
        if (width or 1) != np.dtype(dtype).itemsize:
            raise self.unsupported(f"writes {text} of {8 * width} bits as {np.dtype(dtype)}")
        self.written.add(register_id(width, number))
        return self.program.slot("reg", width, number, dtype)

    def predicate(self, text: str) -> int:
        """The slot of a predicate source."""
        if self.statement.scope.register(text) is None and integer(text) is not None:
            return self.program.slot("const", int(bool(integer(text))), np.bool_)
        return self.source(text, np.bool_)

    def pair(self, i: int) -> tuple[str, str]:
        """`d|p` as two names; "_" for the one that is absent."""
        first, bar, second = self.args[i].partition("|")
        return first.strip(), second.strip() if bar else "_"

    def address(self, operand: int | str) -> tuple[int, int]:
        """(slot of the base as u64 or u32, offset) of an operand in brackets."""
        text = self.args[operand] if isinstance(operand, int) else operand
        found = _ADDRESS.match(text)
        if not found:
            raise self.unsupported(f"has an address '{text}' that is not base + offset")
        offset = integer(found.group(2) or "0") or 0
        if found.group(3):
            offset = -(integer(found.group(3)) or 0)
        base = found.group(1)
        return self.source(base, self.own_width(base) or np.uint64), offset


def predicated(step: Step, guard: int, negated: bool) -> Step:
    """`step` on the lanes where the predicate holds."""

    def run(w: Warp) -> int | None:
        p = w.rows[guard]
        lanes = (w.mask & ~p) if negated else (w.mask & p)
        count = np.count_nonzero(lanes)
        if count == 0:
            return None
        if count == w.lanes:
            return step(w)
        saved = w.narrow(lanes)
        try:
            return step(w)
        finally:
            w.restore(saved)

    return run


def put(w: Warp, slot: int, value: np.ndarray) -> None:
    """Writes the active lanes of a row."""
    if w.full:
        w.rows[slot][...] = value
    else:
        np.copyto(w.rows[slot], value, where=w.mask, casting="unsafe")


def unary(f: Callable[..., object], d: int, a: int) -> Step:
    """The closure of a NumPy function of one row."""

    def run(w: Warp) -> None:
        rows = w.rows
        if w.full:
            f(rows[a], rows[d])
        else:
            f(rows[a], rows[d], where=w.mask)

    return run


def binary(f: Callable[..., object], d: int, a: int, b: int) -> Step:
    """The closure of a NumPy function of two rows."""

    def run(w: Warp) -> None:
        rows = w.rows
        if w.full:
            f(rows[a], rows[b], out=rows[d])
        else:
            f(rows[a], rows[b], out=rows[d], where=w.mask)

    return run


def computed(f: Callable[..., np.ndarray], d: int, *sources: int) -> Step:
    """The closure of a function that makes a new array from rows."""

    def run(w: Warp) -> None:
        rows = w.rows
        put(w, d, f(*[rows[s] for s in sources]))

    return run
