# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads the generic form of MLIR: one op a line, `--mlir-print-local-scope`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

_OP = re.compile(
    r'^(?:(?P<results>%[\w:]+) = )?"(?P<name>[\w.]+)"\((?P<operands>[^)]*)\)(?P<rest>.*)$'
)
_BLOCK = re.compile(r"^\^\w+(?:\((?P<arguments>.*)\))?:$")
_FIELD = re.compile(r"(\w+) = (#[\w.]+<[^>]*>|\[.*?\]|array<[^>]*>|\"[^\"]*\"|[^,<>]+(?:<[^>]*>)?)")


@dataclasses.dataclass(eq=False)
class Op:
    """One op. Values are named by their text, `%3` or `%3#1`."""

    name: str
    results: list[str]
    operands: list[str]
    attributes: dict[str, str]
    result_types: list[str]
    regions: list[Block] = dataclasses.field(default_factory=list)
    line: int = 0

    def integer(self, name: str, default: int | None = None) -> int:
        """An integer attribute. Raises KeyError where it is missing and has no default."""
        if default is not None and name not in self.attributes:
            return default
        return int(self.attributes[name].split(" ")[0])

    def text(self, name: str) -> str:
        """A string attribute. Raises KeyError where it is missing."""
        return self.attributes[name].strip('"')


@dataclasses.dataclass(eq=False)
class Block:
    arguments: list[str]
    ops: list[Op]

    def walk(self) -> Iterator[Op]:
        """All ops, outer ones first."""
        for op in self.ops:
            yield op
            for region in op.regions:
                yield from region.walk()


def _results(text: str | None) -> list[str]:
    if text is None:
        return []
    name, _, count = text.partition(":")
    return [f"{name}#{i}" for i in range(int(count))] if count else [name]


def _split(text: str) -> list[str]:
    """Splits at the commas outside brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        if c in "<([{":
            depth += 1
        elif c in ")]}" or (c == ">" and text[i - 1] != "-"):
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    last = text[start:].strip()
    return [*parts, last] if last else parts


def _result_types(signature: str) -> list[str]:
    arrow = signature.rfind(" -> ")
    text = signature[arrow + 4 :].strip() if arrow >= 0 else ""
    return _split(text[1:-1]) if text.startswith("(") else [text]


class _Parser:
    def __init__(self, text: str) -> None:
        self.lines = [line.strip() for line in text.splitlines()]
        self.at = 0

    def block(self) -> Block:
        """The lines of one region, up to the one that closes it."""
        block = Block([], [])
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.startswith("}"):
                return block
            self.at += 1
            if match := _BLOCK.match(line):
                arguments = _split(match["arguments"] or "")
                block.arguments = [argument.split(":")[0].strip() for argument in arguments]
            elif match := _OP.match(line):
                block.ops.append(self.op(match))
            elif line:
                raise ValueError(f"line {self.at}: expected an op: {line}")
        return block

    def op(self, match: re.Match[str]) -> Op:
        rest = match["rest"]
        properties = re.match(r" <\{(.*?)\}>(?= |$)", rest)
        attributes = dict(_FIELD.findall(properties[1])) if properties else {}
        op = Op(
            match["name"],
            _results(match["results"]),
            _split(match["operands"]),
            attributes,
            [],
            line=self.at,
        )
        while rest.endswith("({") or rest == "}, {":
            op.regions.append(self.block())
            rest = self.lines[self.at]
            self.at += 1
        op.result_types = _result_types(rest)
        return op


def parse(text: str) -> Block:
    """The ops at the top. Raises ValueError for what is not in the generic form."""
    return _Parser(text).block()
