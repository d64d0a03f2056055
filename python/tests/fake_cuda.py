# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The driver that only writes down calls (unittests/CUDARuntime/FakeCUDA.h),
and kernels for it."""

from __future__ import annotations

import ctypes
import functools
import json
import os

import pytest

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


def log() -> list[str]:
    """The calls so far."""
    return driver().fakeGetLog().decode().splitlines()


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
