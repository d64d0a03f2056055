# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Handwritten PTX for the emulator's tests: modules around a body, single instructions."""

from __future__ import annotations

import numpy as np

from emulator import launch

HEAD = ".version 8.6\n.target sm_90a\n.address_size 64\n"
REGISTERS = """
  .reg .pred %p<32>; .reg .b16 %h<64>; .reg .b32 %r<512>; .reg .b64 %d<64>;
"""
WIDTHS = {1: "h", 2: "h", 4: "r", 8: "d"}


def module(body: str, pointers: int = 1, shared: int = 0, extra: str = "", threads: int = 1024):
    """A module with the kernel `k(p0, p1, ...)`. %d0, %d1, ... hold the pointers, %r0 the thread.

    `shared`: bytes of the static array `smem`; `extra`: at module level.
    """
    params = ",\n".join(
        f"  .param .u64 .ptr .global .align 16 k_param_{i}" for i in range(pointers)
    )
    loads = "".join(f"  ld.param.b64 %d{i}, [k_param_{i}];\n" for i in range(pointers))
    array = f"  .shared .align 1024 .b8 smem[{shared}];\n" if shared else ""
    return (
        f"{HEAD}{extra}\n.visible .entry k(\n{params}\n)\n.maxntid {threads}, 1, 1\n{{\n"
        f"{REGISTERS}{array}{loads}  mov.u32 %r0, %tid.x;\n{body}\n  ret;\n}}\n"
    )


def run(body: str, *arrays: np.ndarray, threads: int = 32, shared: int = 0, **options):
    """Runs the body on one CTA."""
    text = module(body, len(arrays), shared)
    launch(text, "k", 1, threads, list(arrays), **options)


def evaluate(
    instruction: str,
    operands: list[np.ndarray],
    out: type,
    prepare: str = "",
    read_back: bool = False,
) -> np.ndarray:
    """The result of an instruction on 32 lanes.

    `instruction` names its destination {d} and its operands {0}, {1}, ...;
    predicates made in `prepare` are %p1 and up. `read_back`: the destination
    starts as the array `operands[-1]`.
    """
    result = np.zeros(32, out)
    body, names = "", []
    for i, x in enumerate(operands):
        size = x.dtype.itemsize
        name = f"%{WIDTHS[size]}{20 + i}"
        body += f"  mul.wide.u32 %d30, %r0, {size}; add.s64 %d31, %d{i}, %d30;\n"
        body += f"  ld.global.b{8 * size} {name}, [%d31];\n"
        names.append(name)
    size = result.dtype.itemsize
    destination = f"%{WIDTHS[size]}50"
    if read_back:
        body += f"  mov.b{8 * size} {destination}, {names[-1]};\n"
    body += f"  {prepare}\n  {instruction.format(*names, d=destination)}\n"
    body += f"  mul.wide.u32 %d30, %r0, {size}; add.s64 %d31, %d{len(operands)}, %d30;\n"
    body += f"  st.global.b{8 * size} [%d31], {destination};\n"
    run(body, *operands, result)
    return result


def integers(dtype: type, seed: int = 0) -> np.ndarray:
    """32 values with the corners of the type."""
    info = np.iinfo(dtype)
    rng = np.random.default_rng(seed)
    x = rng.integers(info.min, info.max, 32, dtype=dtype, endpoint=True)
    x[:6] = [info.min, info.max, 0, 1, info.max - 1, info.min + 1]
    return rng.permutation(x)


def same(got: np.ndarray, expected: object) -> None:
    """Equal, NaN to NaN."""
    np.testing.assert_array_equal(got, np.asarray(expected))
