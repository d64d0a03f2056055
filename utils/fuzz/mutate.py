# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Mutations of MLIR text: on characters, on tokens, on lines, and ones that know enough of the structure to stay parseable."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

TOKEN = re.compile(
    r'"(?:[^"\\\n]|\\.)*"|[%@^!#][\w.$-]+(?:#\d+)?|0x[0-9A-Fa-f]+|\d+\.\d*(?:[eE][+-]?\d+)?|\d+|[A-Za-z_][\w.$]*|->|==|::|\S'
)
SHAPE = re.compile(r"(?<=[<x])(\d+|\?)(?=x)")
ELEMENT = re.compile(r"(?<=[x<])(f16|bf16|f32|f64|i1|i8|i32|i64|index)(?=[>,])")
INTEGER = re.compile(r"(?<![\w.%#@^x<])-?\d+(?![\w.x])")
FLOAT = re.compile(r"(?<![\w.])-?\d+\.\d+(?:[eE][+-]?\d+)?")
VALUE = re.compile(r"%[\w.$-]+")
OP_LINE = re.compile(r'^\s*(?:%[^=]*=\s*)?"?[a-z_]+\.[\w.]+')

SKIPPED = re.compile(r"\{$|yield|return|func\.func|\.br\b|cond_br")

DIMS = ("0", "1", "2", "3", "5", "16", "17", "64", "128", "255", "4096", "65537", "2147483648", "?")
INTEGERS = ("0", "1", "-1", "2", "7", "255", "2147483647", "4294967296", "9223372036854775807", "-9223372036854775808")
FLOATS = ("0.0", "-0.0", "1.0", "-1.0", "1.0e-45", "3.4e38", "1.0e308", "0x7FC00000", "0xFF800000", "0x7FF0000000000000")
ELEMENTS = ("f16", "bf16", "f32", "f64", "i1", "i8", "i32", "i64", "index", "f8E5M2")
WORDS = (
    "key_value", "value", "none", "straight_through", "timestep", "carry", "interior", "topk", "window", "gate", "scale", "sink",
    "cu_seqlens", "offset", "statistics", "slope", "norm", "parallel", "reduction", "tensor", "memref", "vector", "dense", "return",
    "(", ")", "{", "}", "<", ">", "[", "]", ",", ":", "->", "=", "?", "*", "x", "-", "#map", "@main", "^bb0", "loc", '"', "//", "%0",
)  # fmt: skip
SIMILAR = (
    ("arith.addf", "arith.mulf", "arith.subf", "arith.divf", "arith.maximumf", "arith.minimumf", "arith.maxnumf"),
    ("math.exp", "math.exp2", "math.log", "math.sqrt", "math.rsqrt", "math.tanh"),
    ("slt", "sle", "sgt", "sge", "eq", "ne", "ult", "uge", "ogt", "olt"),
    ("parallel", "reduction", "window"),
    ("key_value", "value", "none", "straight_through"),
    ("sparsek.attention", "sparsek.causal_attention", "sparsek.gathered_attention", "sparsek.topk_mask", "sparsek.score"),
    ("d0", "d1", "d2", "d3"),
)  # fmt: skip


def _pick(rng: random.Random, text: str, pattern: re.Pattern) -> re.Match | None:
    found = list(pattern.finditer(text))
    return rng.choice(found) if found else None


def _splice(text: str, match: re.Match, replacement: str) -> str:
    return text[: match.start()] + replacement + text[match.end() :]


# --- that keep the text consistent -------------------------------------------


def all_equal_dims(rng: random.Random, text: str, _: Sequence[str]) -> str:
    match = _pick(rng, text, SHAPE)
    if not match:
        return text
    new = rng.choice(DIMS)
    return SHAPE.sub(lambda m: new if m.group() == match.group() else m.group(), text)


def all_equal_elements(rng: random.Random, text: str, _: Sequence[str]) -> str:
    match = _pick(rng, text, ELEMENT)
    if not match:
        return text
    new = rng.choice(("f16", "bf16", "f32", "f64") if "f" in match.group() else ("i32", "i64", "index"))
    return ELEMENT.sub(lambda m: new if m.group() == match.group() else m.group(), text)


def integer(rng: random.Random, text: str, _: Sequence[str]) -> str:
    match = _pick(rng, text, INTEGER)
    return _splice(text, match, rng.choice(INTEGERS)) if match else text


def floating(rng: random.Random, text: str, _: Sequence[str]) -> str:
    match = _pick(rng, text, FLOAT)
    return _splice(text, match, rng.choice(FLOATS)) if match else text


def similar_word(rng: random.Random, text: str, _: Sequence[str]) -> str:
    groups = [group for group in SIMILAR if any(word in text for word in group)]
    if not groups:
        return text
    group = rng.choice(groups)
    pattern = re.compile(r"(?<![\w.])(?:" + "|".join(map(re.escape, group)) + r")(?![\w.])")
    match = _pick(rng, text, pattern)
    return _splice(text, match, rng.choice(group)) if match else text


def duplicate_op(rng: random.Random, text: str, _: Sequence[str]) -> str:
    """Repeats an op under new result names; its users stay with the first."""
    lines = text.split("\n")
    ops = [i for i, line in enumerate(lines) if OP_LINE.match(line) and not SKIPPED.search(line)]
    if not ops:
        return text
    i = rng.choice(ops)
    results = lines[i].split("=")[0] if re.match(r"\s*%[^=]*=", lines[i]) else ""
    copy = lines[i]
    for name in VALUE.findall(results):
        copy = copy.replace(name, f"{name}_copy{rng.randrange(1000)}", 1)
    lines.insert(i + 1, copy)
    return "\n".join(lines)


def value_of_line(rng: random.Random, text: str, _: Sequence[str]) -> str:
    """Uses another operand of the same op: often one of the same type."""
    lines = text.split("\n")
    ops = [i for i, line in enumerate(lines) if OP_LINE.match(line) and len(set(VALUE.findall(line.partition("=")[2]))) > 1]
    if not ops:
        return text
    i = rng.choice(ops)
    results, equals, rest = lines[i].partition("=")
    match = _pick(rng, rest, VALUE)
    if not match:
        return text
    lines[i] = results + equals + _splice(rest, match, rng.choice(VALUE.findall(rest)))
    return "\n".join(lines)


def swap_operands(rng: random.Random, text: str, _: Sequence[str]) -> str:
    match = _pick(rng, text, re.compile(r"(%[\w.$-]+), (%[\w.$-]+)"))
    return _splice(text, match, f"{match.group(2)}, {match.group(1)}") if match else text


def two_modules(rng: random.Random, text: str, corpus: Sequence[str]) -> str:
    """A second piece behind the first, with its functions renamed."""
    other = re.sub(r"@(\w+)", rf"@\1_{rng.randrange(1000)}", rng.choice(corpus))
    return text + "\n" + re.sub(r"(?<!\w)#(\w+)", r"#\1_second", other)


# --- that do not -------------------------------------------------------------


def one_dim(rng: random.Random, text: str, _: Sequence[str]) -> str:
    match = _pick(rng, text, SHAPE)
    return _splice(text, match, rng.choice(DIMS)) if match else text


def one_element(rng: random.Random, text: str, _: Sequence[str]) -> str:
    match = _pick(rng, text, ELEMENT)
    return _splice(text, match, rng.choice(ELEMENTS)) if match else text


def line(rng: random.Random, text: str, _: Sequence[str]) -> str:
    lines = text.split("\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    action = rng.randrange(3)
    if action == 0:
        del lines[i]
    elif action == 1:
        lines.insert(i, lines[j])
    else:
        lines[i], lines[j] = lines[j], lines[i]
    return "\n".join(lines)


def token(rng: random.Random, text: str, corpus: Sequence[str]) -> str:
    match = _pick(rng, text, TOKEN)
    if not match:
        return text
    action = rng.randrange(4)
    if action == 0:
        return _splice(text, match, "")
    if action == 1:
        return _splice(text, match, match.group() + " " + match.group())
    if action == 2:
        return _splice(text, match, rng.choice(WORDS))
    other = _pick(rng, rng.choice(corpus), TOKEN)
    return _splice(text, match, other.group()) if other else text


def character(rng: random.Random, text: str, _: Sequence[str]) -> str:
    if not text:
        return text
    i = rng.randrange(len(text))
    new = rng.choice(("", chr(rng.randrange(32, 127)), text[i] * 2, "\x00", "é", "\U0001f600"))
    return text[:i] + new + text[i + 1 :]


def truncate(rng: random.Random, text: str, _: Sequence[str]) -> str:
    return text[: rng.randrange(len(text) + 1)]


def splice(rng: random.Random, text: str, corpus: Sequence[str]) -> str:
    other = rng.choice(corpus)
    return text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other) + 1) :]


Mutation = Callable[[random.Random, str, Sequence[str]], str]
GENTLE: tuple[Mutation, ...] = (
    all_equal_dims, all_equal_dims, all_equal_elements, integer, integer, floating, similar_word, similar_word, duplicate_op,
    value_of_line, swap_operands, two_modules,
)  # fmt: skip
ROUGH: tuple[Mutation, ...] = (one_dim, one_element, line, line, token, token, character, truncate, splice)


def mutate(rng: random.Random, text: str, corpus: Sequence[str]) -> str:
    """One to three mutations, gentle ones more often."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        mutation = rng.choice(GENTLE if rng.random() < 0.85 else ROUGH)
        text = mutation(rng, text, corpus)
    return text
