# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Parser of PTX text: modules, functions, variables, statements with their scopes.

Nothing is decoded here: a statement is an opcode and its operands as text, with
the line where it stands and the scope (a pair of braces) that names are looked
up in.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .errors import PtxSyntaxError

TYPE_BYTES = {
    "b8": 1, "u8": 1, "s8": 1,
    "b16": 2, "u16": 2, "s16": 2, "f16": 2, "bf16": 2,
    "b32": 4, "u32": 4, "s32": 4, "f32": 4, "f16x2": 4, "bf16x2": 4,
    "b64": 8, "u64": 8, "s64": 8, "f64": 8,
}  # fmt: skip
# Below this address shared memory belongs to the system, as on a Hopper GPU.
SHARED_BASE = 1024

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
_LINE_DIRECTIVE = re.compile(r"^[ \t]*\.(?:version|address_size|loc|file)\b[^\n;]*", re.M)
_TARGET = re.compile(r"^[ \t]*\.target\s+([^\n;]*)", re.M)
_LABEL = re.compile(r"\s*([$%\w]+)\s*:(?!:)\s*")
_PREDICATE = re.compile(r"@(!?)([%$\w]+)\s+")
_NAME = r"([%$\w]+)"
_VARIABLE = re.compile(
    r"\.(shared|global|const|local)\b(?P<flags>(?:\s*\.\w+(?:\s+\d+)?)*?)\s*\.(?P<type>[bsuf]\d+)\s+"
    + r"(?P<name>[%$\w]+)(?:\[(?P<count>\d*)\])?\s*(?:=\s*(?P<value>.*))?$",
    re.S,
)


@dataclass
class Scope:
    """A pair of braces. Registers map to (width in bytes, number), unique in the function."""

    parent: Scope | None = None
    registers: dict[str, tuple[int, int]] = field(default_factory=dict)
    ranges: list[tuple[str, int, int, int]] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    targets: dict[str, list[str]] = field(default_factory=dict)

    def register(self, name: str) -> tuple[int, int] | None:
        """(width in bytes, 1 byte of width 0 for predicates; number), or None."""
        found = self.registers.get(name)
        if found is not None:
            return found
        for prefix, count, width, first in self.ranges:
            if name.startswith(prefix) and name[len(prefix) :].isdigit():
                number = int(name[len(prefix) :])
                if number < count:
                    found = self.registers[name] = (width, first + number)
                    return found
        return self.parent.register(name) if self.parent else None

    def label(self, name: str) -> int | None:
        """The statement number that the label stands before, or None."""
        if name in self.labels:
            return self.labels[name]
        return self.parent.label(name) if self.parent else None

    def branch_targets(self, name: str) -> list[str] | None:
        """The labels of a .branchtargets list, or None."""
        if name in self.targets:
            return self.targets[name]
        return self.parent.branch_targets(name) if self.parent else None


@dataclass
class Statement:
    """One instruction as text."""

    line: int
    predicate: str | None
    negated: bool
    op: str
    operands: list[str]
    scope: Scope

    def __str__(self) -> str:
        guard = f"@{'!' if self.negated else ''}{self.predicate} " if self.predicate else ""
        text = f"{guard}{self.op} {', '.join(self.operands)}"
        return text if len(text) <= 120 else text[:117] + "..."


@dataclass
class Variable:
    """A variable in a state space; `address` is set when the module is laid out."""

    space: str
    name: str
    size: int
    align: int
    extern: bool
    values: list[int] | None
    element: int
    address: int = 0


@dataclass
class Parameter:
    """A kernel parameter: `type` is a scalar type, or "b8" with a size for an aggregate."""

    name: str
    type: str
    size: int
    align: int
    aggregate: bool


@dataclass
class Function:
    """A .entry or .func with its statements. `widths`: registers per width (0: predicates)."""

    name: str
    entry: bool
    parameters: list[Parameter]
    attributes: str
    statements: list[Statement] = field(default_factory=list)
    variables: dict[str, Variable] = field(default_factory=dict)
    widths: dict[int, int] = field(default_factory=lambda: {0: 0, 2: 0, 4: 0, 8: 0})

    def max_threads(self) -> int | None:
        """The product of .maxntid or .reqntid, or None."""
        found = re.search(r"\.(?:max|req)ntid\s+([\d,\s]+)", self.attributes)
        if not found:
            return None
        product = 1
        for n in found.group(1).split(","):
            product *= int(n)
        return product


@dataclass
class Module:
    """A parsed module: target, functions, module variables."""

    target: str
    functions: dict[str, Function]
    variables: dict[str, Variable]

    @property
    def entries(self) -> dict[str, Function]:
        """The kernels by name."""
        return {name: f for name, f in self.functions.items() if f.entry}


def split_operands(text: str) -> list[str]:
    """Splits at commas outside of braces, brackets and parentheses."""
    out, depth, start = [], 0, 0
    if "{" not in text and "[" not in text and "(" not in text:
        return [x.strip() for x in text.split(",")] if text.strip() else []
    for i, ch in enumerate(text):
        if ch in "{[(":
            depth += 1
        elif ch in "}])":
            depth -= 1
        elif ch == "," and depth == 0:
            out.append(text[start:i].strip())
            start = i + 1
    last = text[start:].strip()
    return [*out, last] if last else out


def _blank(match: re.Match[str]) -> str:
    """The comment without its text; lines stay where they are."""
    return "\n" * match.group().count("\n") or " "


def _pieces(text: str) -> Iterator[tuple[int, str, str]]:
    """(position, text, terminator) with the terminator one of ; { } at statement level."""
    pending, start, depth = "", 0, 0
    for found in re.finditer(r"[;{}]|[^;{}]+", text):
        piece = found.group()
        if piece not in (";", "{", "}"):
            if not pending.strip():
                start, pending = found.start() + len(piece) - len(piece.lstrip()), ""
            pending += piece
            continue
        if piece == "{" and (depth or _in_statement(pending)):
            depth += 1
            pending += piece
        elif piece == "}" and depth:
            depth -= 1
            pending += piece
        elif piece == ";" and depth:
            raise PtxSyntaxError(f"line {text.count(chr(10), 0, start) + 1}: unclosed brace")
        else:
            yield start if pending.strip() else found.start(), pending.strip(), piece
            pending = ""


def _in_statement(pending: str) -> bool:
    """Does a brace after this text belong to operands (rather than open a scope or a body)?"""
    text = pending.strip()
    while found := _LABEL.match(text):
        text = text[found.end() :]
    if not text:
        return False
    return not re.search(r"\.(entry|func)\b", text)


class _Parser:
    def __init__(self, text: str) -> None:
        text = _COMMENT.sub(_blank, text)
        target = _TARGET.search(text)
        text = _TARGET.sub("", _LINE_DIRECTIVE.sub("", text))
        self.newlines = [m.start() for m in re.finditer("\n", text)]
        self.module = Module(target.group(1).strip() if target else "", {}, {})
        self.function: Function | None = None
        self.scope: Scope | None = None
        for position, piece, end in _pieces(text):
            self.line = bisect.bisect_left(self.newlines, position) + 1
            if self.function is None:
                self.top_level(piece, end)
            else:
                self.in_body(piece, end)
        if self.function is not None:
            raise PtxSyntaxError(f"the body of {self.function.name} does not end")

    def top_level(self, piece: str, end: str) -> None:
        if not piece and end == ";":
            return
        head = re.search(r"\.(entry|func)\b", piece)
        if head and end in "{;":
            function = self.parse_head(piece, head)
            if end == "{":
                self.module.functions[function.name] = self.function = function
                self.scope = Scope()
            return
        if end != ";":
            raise PtxSyntaxError(f"line {self.line}: unexpected '{end}' after '{piece[:60]}'")
        variable = self.parse_variable(piece)
        self.module.variables[variable.name] = variable

    def parse_head(self, piece: str, head: re.Match[str]) -> Function:
        rest = piece[head.end() :].strip()
        if head.group(1) == "func" and rest.startswith("("):
            rest = rest[rest.index(")") + 1 :].strip()
        found = re.match(_NAME + r"\s*(?:\((.*?)\))?\s*(.*)$", rest, re.S)
        if not found:
            raise PtxSyntaxError(f"line {self.line}: cannot read '{rest[:60]}'")
        parameters = [self.parse_parameter(p) for p in split_operands(found.group(2) or "")]
        return Function(found.group(1), head.group(1) == "entry", parameters, found.group(3))

    def parse_parameter(self, text: str) -> Parameter:
        found = re.match(
            r"\.(?:param|reg)\b(.*?)\.([bsuf]\d+)\b.*?\s" + _NAME + r"(?:\[(\d+)\])?$", text, re.S
        )
        if not found:
            raise PtxSyntaxError(f"line {self.line}: cannot read the parameter '{text}'")
        before, kind, name, count = found.groups()
        width = TYPE_BYTES[kind]
        align = re.search(r"\.align\s+(\d+)", before)
        return Parameter(
            name,
            kind,
            width * int(count or 1),
            int(align.group(1)) if align else width,
            bool(count),
        )

    def parse_variable(self, piece: str) -> Variable:
        found = _VARIABLE.search(piece)
        if not found:
            raise PtxSyntaxError(f"line {self.line}: cannot read '{piece[:80]}'")
        width = TYPE_BYTES[found["type"]]
        align = re.search(r"\.align\s+(\d+)", found["flags"])
        values = None
        if found["value"]:
            values = [int(v, 0) for v in split_operands(found["value"].strip().strip("{}"))]
        return Variable(
            found.group(1),
            found["name"],
            width * int(found["count"] or (0 if "[" in piece else 1)),
            int(align.group(1)) if align else width,
            ".extern" in piece,
            values,
            width,
        )

    def in_body(self, piece: str, end: str) -> None:
        function, scope = self.function, self.scope
        assert function is not None and scope is not None
        while found := _LABEL.match(piece):
            if found.group(1) in scope.labels:
                raise PtxSyntaxError(f"line {self.line}: label {found.group(1)} given twice")
            rest = piece[found.end() :]
            if rest.startswith(".branchtargets"):
                scope.targets[found.group(1)] = split_operands(rest[len(".branchtargets") :])
                return
            scope.labels[found.group(1)] = len(function.statements)
            piece = rest
        if piece and end != ";":
            raise PtxSyntaxError(f"line {self.line}: no ';' after '{piece[:60]}'")
        if end == "{":
            self.scope = Scope(scope)
        elif end == "}":
            self.scope = scope.parent
            if self.scope is None:
                self.function = None
        elif piece:
            self.statement(piece, function, scope)

    def statement(self, piece: str, function: Function, scope: Scope) -> None:
        if piece.startswith(".reg"):
            return self.registers(piece, function, scope)
        if piece.startswith(".pragma"):
            return
        if piece.startswith("."):
            variable = self.parse_variable(piece)
            function.variables[variable.name] = variable
            return
        predicate = _PREDICATE.match(piece)
        if predicate:
            piece = piece[predicate.end() :]
        op, _, rest = piece.replace("\t", " ").replace("\n", " ").strip().partition(" ")
        function.statements.append(
            Statement(
                self.line,
                predicate.group(2) if predicate else None,
                bool(predicate and predicate.group(1)),
                op,
                split_operands(rest.strip()),
                scope,
            )
        )

    def registers(self, piece: str, function: Function, scope: Scope) -> None:
        found = re.match(r"\.reg\s*\.(\w+)\s+(.*)$", piece, re.S)
        if not found or (found.group(1) != "pred" and found.group(1) not in TYPE_BYTES):
            raise PtxSyntaxError(f"line {self.line}: cannot read '{piece}'")
        width = 0 if found.group(1) == "pred" else max(2, TYPE_BYTES[found.group(1)])
        for name in split_operands(found.group(2)):
            several = re.match(_NAME + r"<(\d+)>$", name)
            count = int(several.group(2)) if several else 1
            first = function.widths[width]
            function.widths[width] += count
            if several:
                scope.ranges.append((several.group(1), count, width, first))
            else:
                scope.registers[name] = (width, first)


def parse(text: str) -> Module:
    """Parses a module. PtxSyntaxError names the line that could not be read."""
    return _Parser(text).module
