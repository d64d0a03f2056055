# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Launches of the selection, with a driver that only writes down calls, against the contract that
the emulator follows (`emulator.selection`)."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import fake_cuda
from emulator import record as records
from emulator import selection
from sparsek import SparsekError, _cuda

pytestmark = [pytest.mark.library, fake_cuda.needs_fake]

ADDRESSES = {"u": 0x1000, "tau": 0x2000, "expiry": 0x3000, "interior": 0x4000, "cu_seqlens": 0x5000}
WORKSPACE = 1 << 40


@pytest.fixture(autouse=True)
def driver():
    driver = fake_cuda.driver()
    driver.fakeReset()
    return driver


@functools.cache
def kernel(packed: bool = False) -> _cuda.Kernel:
    return _cuda.selection_kernel(_cuda.SelectionConfig(packed=packed, chip="sm_90a"))


def arguments(
    shape: Sequence[int], topk: int, window: int, *, sequences: int | None, interior: bool
) -> tuple[_cuda.SelectionArguments, dict[str, list[int]]]:
    """Arrays at made-up addresses, each in a layout of its own; their strides."""
    strides = {
        name: [shape[1] * (shape[2] + pad) + 16, shape[2] + pad, 1]
        for pad, name in enumerate(("u", "tau", "expiry", "interior"))
    }

    def array(name, dtype):
        return _cuda.device_array(ADDRESSES[name], dtype, shape, strides[name])

    given = _cuda.SelectionArguments(
        scores=array("u", "f32"),
        tau=array("tau", "f32"),
        expiry=array("expiry", "i32"),
        topk=topk,
        window=window,
    )
    if sequences is not None:
        given.cu_seqlens = _cuda.device_array(ADDRESSES["cu_seqlens"], "i32", [sequences + 1], [1])
    if interior:
        given.interior = array("interior", "i32")
    else:
        strides["interior"] = [shape[1] * shape[2], shape[2], 1]
    return given, strides


def check(
    shape: tuple[int, int, int],
    topk: int,
    window: int,
    *,
    sequences: int | None = None,
    interior: bool = False,
) -> None:
    """Compares order, grids and every argument with the plan in Python."""
    made = kernel(sequences is not None)
    record = json.loads(made.record)
    kernels = {entry["name"]: entry for entry in record["kernels"]}
    given, strides = arguments(shape, topk, window, sequences=sequences, interior=interior)
    size = made.workspace_size(given)
    made.launch(given, WORKSPACE, size, 0, 0)

    plan = selection.plan(record, shape, topk=topk, window=window, sequences=sequences)
    scalars = dict(plan.scalars)
    for name, values in strides.items():
        for axis, stride in zip("bh", values, strict=False):
            scalars[f"{name}_{axis}"] = stride
    pointers: dict[str, Any] = {**ADDRESSES, **plan.workspace}
    if not interior:
        pointers["interior"] = np.empty(shape, np.int32)
    # Where the parts of the workspace are, and which launches have them, by the array's address.
    parts: dict[int, tuple[int, int]] = {}
    users: dict[int, list[int]] = {}
    expected = list(selection.launches(plan, record))
    got = fake_cuda.launches(record)
    assert [launch.name for launch in got] == [name for name, _ in expected]
    for number, (launch, (name, own)) in enumerate(zip(got, expected, strict=True)):
        entry = kernels[name]
        grid = records.grid_of(entry, scalars, sm_count=132)
        assert launch.grid == [*grid, 1, 1][:3], name
        assert (launch.threads, launch.shared_bytes) == (entry["threads"], entry["shared_bytes"])
        values = {**scalars, **pointers, **own}
        for argument, value in launch.values.items():
            want = values[argument]
            if not isinstance(want, np.ndarray):
                assert value == want, (name, argument)
                continue
            place = parts.setdefault(want.ctypes.data, (value, want.nbytes))
            assert place == (value, want.nbytes), (name, argument)
            users.setdefault(want.ctypes.data, []).append(number)
    for begin, length in parts.values():
        assert begin % _cuda.WORKSPACE_ALIGNMENT == 0
        assert begin >= WORKSPACE and begin + length <= WORKSPACE + size
    for one, other in itertools.combinations(parts, 2):
        (first, length), (second, _) = sorted((parts[one], parts[other]))
        # Two may have the same place, one after the other.
        apart = max(users[one]) < min(users[other]) or max(users[other]) < min(users[one])
        assert first + length <= second or apart


@pytest.mark.parametrize(
    "shape",
    [
        *((1, 1, n) for n in (1, 31, 33, 127, 128, 129, 4095, 4096, 4097, 16384, 16385)),
        *((2, 3, n) for n in (1, 150, 2047, 2048, 5000, 8192, 8193)),
        *((1, 1, n) for n in (65537, 131072, 131073, 262145, 300000, 1 << 20)),
    ],
)
def test_launches(shape):
    check(shape, topk=100, window=17)


@pytest.mark.parametrize("n", (1, 150, 5000))
@pytest.mark.parametrize("interior", (False, True))
@pytest.mark.parametrize("sequences", (None, 1, 7))
def test_optional_arguments(n, interior, sequences):
    check((1, 2, n), topk=1000, window=0, sequences=sequences, interior=interior)


def test_errors_name_the_argument():
    given, _ = arguments((1, 1, 100), 8, 4, sequences=None, interior=False)
    given.tau.shape[2] = 99
    with pytest.raises(SparsekError, match=r"tau must be f32\[B = 1, Hs = 1, N = 100\], got f32"):
        kernel().workspace_size(given)
    given, _ = arguments((1, 1, (1 << 20) + 1), 8, 4, sequences=None, interior=False)
    with pytest.raises(SparsekError, match="selects from at most N = 1048576 keys, got 1048577"):
        kernel().launch(given, WORKSPACE, 1 << 40, 0, 0)


def test_kernels_of_other_operations():
    attention = _cuda.Kernel.create(*fake_cuda.source())
    given, _ = arguments((1, 1, 100), 8, 4, sequences=None, interior=False)
    message = "this kernel computes 'gathered_attention', not 'topk_mask'"
    with pytest.raises(SparsekError, match=message):
        attention.workspace_size(given)
    with pytest.raises(SparsekError, match=message):
        attention.launch(given, WORKSPACE, 1 << 40, 0, 0)
    message = "this kernel computes 'topk_mask', not 'gathered_attention'"
    with pytest.raises(SparsekError, match=message):
        kernel().workspace_size(_cuda.Arguments())


def test_nothing_but_launches():
    given, _ = arguments((1, 1, 5000), 8, 4, sequences=None, interior=False)
    kernel().prepare(0)
    fake_cuda.driver().fakeClearLog()
    kernel().launch(given, WORKSPACE, 1 << 40, 0, 0)
    calls = [line.split()[0] for line in fake_cuda.log() if line.startswith("cu")]
    assert calls == [
        *("cuCtxGetCurrent", "cuCtxPushCurrent_v2", "cuCtxGetCurrent"),
        *["cuLaunchKernel"] * 8,
        "cuCtxPopCurrent_v2",
    ]


def test_packed_arguments_are_the_same():
    arrays = [
        (0x1000 * i, "f32" if i % 2 else "i32", [i + 2] * (i % 4 + 1), [i] * (i % 4 + 1))
        for i in range(len(_cuda.SELECTION_ARRAYS))
    ]
    plain = _cuda.SelectionArguments(*(_cuda.device_array(*array) for array in arrays), 5, 6)
    packed = _cuda.pack_selection((_cuda.describe_array(*array) for array in arrays), 5, 6)
    assert bytes(packed) == bytes(plain)


def test_unknown_configurations(monkeypatch):
    monkeypatch.setenv("SPARSEK_CACHE_DIR", "")
    for change, message in (
        ({"chip": ""}, "chip must be a word, got ''"),
        ({"format": "ptx}"}, "format must be a word, got 'ptx}'"),
        ({"chip": "sm_1"}, "found 0(.|\n)*left as it is: .*sm_1"),
    ):
        config = _cuda.SelectionConfig(**{"packed": False, "chip": "sm_90a", **change})
        with pytest.raises(SparsekError, match=message):
            _cuda.Kernel.compile(config)


def test_kept_and_found(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEK_CACHE_DIR", str(tmp_path))
    config = _cuda.SelectionConfig(packed=True, chip="sm_80")
    first, again = _cuda.Kernel.compile(config), _cuda.Kernel.compile(config)
    assert (again.image, again.record) == (first.image, first.record)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    record = json.loads(first.record)
    assert (record["op"], record["chip"], record["packed"]) == ("topk_mask", "sm_80", True)
