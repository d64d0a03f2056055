# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The driver that only writes down calls (unittests/CUDARuntime/FakeCUDA.h),
and kernels for it."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest

from emulator import launch
from sparsek._errors import SparsekError
from sparsek._library import find_library

POINTERS = ("q", "k", "v", "u", "tau", "expiry", "o", "lse", "table", "counts")
STRIDES = (
    *("q_b", "q_h", "q_m", "k_b", "k_h", "k_n", "v_b", "v_h", "v_n", "u_b", "u_h"),
    *("tau_b", "tau_h", "expiry_b", "expiry_h", "o_b", "o_h", "o_m", "lse_b", "lse_h"),
)
INTEGERS = ("batch", "heads_kv", "score_heads", "rows", "keys", "window", "items")


def path() -> str:
    """The fake, which is built beside the library under test."""
    return str(find_library().with_name("libFakeCUDA.so"))


def available() -> bool:
    try:
        return os.path.isfile(path())
    except SparsekError:
        return False


needs_fake = pytest.mark.skipif(
    not available(), reason="the fake CUDA driver is not built: SPARSEK_BUILD_TESTS=OFF"
)


@functools.cache
def driver() -> ctypes.CDLL:
    """The fake, also in the place of libcuda in this process."""
    os.environ["SPARSEK_LIBCUDA"] = path()
    library = ctypes.CDLL(path())
    library.fakeGetLog.restype = ctypes.c_char_p
    library.fakeFail.argtypes = (ctypes.c_char_p, ctypes.c_int)
    return library


_HOOK = ctypes.CFUNCTYPE(
    None,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.POINTER(ctypes.c_uint),
    ctypes.POINTER(ctypes.c_uint),
    ctypes.c_uint,
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_int),
    ctypes.POINTER(ctypes.c_void_p),
)


def _arguments(parameters: list[bytes]) -> list[bytes | np.ndarray]:
    """Parameters: those that point into an allocation are arrays up to the next
    one's or to its end, as kernels get no arrays that overlap."""
    ends: dict[int, int] = {}
    for raw in parameters:
        value = int.from_bytes(raw, "little")
        begin, length = ctypes.c_ulonglong(), ctypes.c_ulonglong()
        if len(raw) == 8 and driver().fakeFindAllocation(
            ctypes.c_ulonglong(value), ctypes.byref(begin), ctypes.byref(length)
        ):
            ends[value] = begin.value + length.value
    starts = sorted(ends)
    for start, following in itertools.pairwise(starts):
        ends[start] = min(ends[start], following)
    arrays = {
        start: np.ctypeslib.as_array((ctypes.c_uint8 * (ends[start] - start)).from_address(start))
        for start in starts
    }
    return [arrays.get(int.from_bytes(raw, "little"), raw) for raw in parameters]


@contextlib.contextmanager
def emulated() -> Iterator[list[str]]:
    """Kernels that are launched run in the PTX emulator. Gives their names; an
    error in one is raised at the end."""
    launched: list[str] = []
    errors: list[BaseException] = []

    def run(name, text, grid, block, shared_bytes, count, sizes, parameters) -> None:
        launched.append(name.decode())
        try:
            arguments = _arguments(
                [ctypes.string_at(parameters[i], sizes[i]) for i in range(count)]
            )
            launch(
                text.decode(),
                name.decode(),
                grid[:3],
                block[:3],
                arguments,
                shared_bytes=shared_bytes,
                sm_count=132,
                resident=2,
            )
        except BaseException as error:  # Nothing may leave a callback.
            errors.append(error)

    hook = _HOOK(run)
    driver().fakeSetLaunchHook(hook)
    try:
        yield launched
    finally:
        driver().fakeSetLaunchHook(None)
    if errors:
        raise errors[0]


def log() -> list[str]:
    """The calls so far."""
    return driver().fakeGetLog().decode().splitlines()


class Launch(NamedTuple):
    name: str
    grid: list[int]
    threads: int
    shared_bytes: int
    values: dict[str, int]


def launches(record: Mapping[str, Any]) -> list[Launch]:
    """Those of the kernels of a record in the log."""
    kernels = {kernel["name"]: kernel for kernel in record["kernels"]}
    found = []
    for line, values in itertools.pairwise(log()):
        words = line.split()
        if words[0] != "cuLaunchKernel":
            continue
        grid, block, shared = (words[words.index(key) + 1] for key in ("grid", "block", "shared"))
        names = [argument["name"] for argument in kernels[words[1]]["arguments"]]
        numbers = (int(value, 16) for value in values.split())
        found.append(
            Launch(
                words[1],
                [int(size) for size in grid.split(",")],
                int(block.split(",")[0]),
                int(shared),
                dict(zip(names, numbers, strict=True)),
            )
        )
    return found


def source(
    dtype: str = "bf16",
    head_dim: int = 64,
    value_dim: int = 32,
    group: int = 2,
    gate: str = "key_value",
    sink: bool = False,
    packed: bool = False,
    chip: str = "sm_90a",
    **_: object,
) -> tuple[bytes, str]:
    """PTX and record of a kernel that takes everything."""
    pointers = POINTERS + ("sink",) * sink + ("cu_seqlens",) * packed
    arguments = [
        *({"name": name, "type": "ptr"} for name in pointers),
        *({"name": name, "type": "i64"} for name in STRIDES),
        *({"name": name, "type": "i32"} for name in INTEGERS),
        {"name": "scale_log2", "type": "f32"},
    ]
    kernel = {
        **{"name": "attention", "threads": 384, "shared_bytes": 205000},
        **{"grid": "persistent", "blocks_per_sm": 1, "arguments": arguments},
    }
    record = {
        **{"version": 1, "op": "gathered_attention", "chip": chip, "dtype": dtype},
        **{"head_dim": head_dim, "value_dim": value_dim, "group": group, "gate": gate},
        **{"sink": sink, "packed": packed, "kernels": [kernel]},
        "tile": {"rows": 128, "positions": 64, "head_block": group, "keys": 128},
    }
    widths = {"ptr": "u64", "i64": "u64", "i32": "u32", "f32": "f32"}
    parameters = ", ".join(f".param .{widths[a['type']]} {a['name']}" for a in arguments)
    ptx = f".version 8.0\n.target {chip}\n.visible .entry attention({parameters}) {{ ret; }}\n"
    return ptx.encode(), json.dumps(record)


def parameters(line: str, sink: bool = False, packed: bool = False) -> dict[str, int]:
    """The parameters of a launch of the kernel above, by name."""
    names = (
        *POINTERS,
        *("sink",) * sink,
        *("cu_seqlens",) * packed,
        *STRIDES,
        *INTEGERS,
        "scale_log2",
    )
    return dict(zip(names, (int(value, 16) for value in line.split()), strict=True))
