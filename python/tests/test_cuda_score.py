# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Launches of scores, with a driver that only writes down calls, against the contract that the
emulator follows (`emulator.score`)."""

from __future__ import annotations

import functools
import json
import struct
from typing import Any

import numpy as np
import pytest

import fake_cuda
from emulator import record as records
from emulator import score
from sparsek import SparsekError, _cuda

pytestmark = [pytest.mark.library, fake_cuda.needs_fake]

ADDRESSES = {"x": 0x1000, "weight": 0x2000, "u": 0x3000, "statistics": 0x4000, "carried": 0x5000}
WORKSPACE = 1 << 40
FEATURES = 72


@pytest.fixture(autouse=True)
def driver():
    driver = fake_cuda.driver()
    driver.fakeReset()
    return driver


@functools.cache
def kernel(
    heads: int = 3,
    norm: str = "none",
    statistics: bool = False,
    carry: bool = False,
    dtype: str = "bf16",
    weight_dtype: str | None = None,
) -> _cuda.Kernel:
    config = _cuda.ScoreConfig(
        dtype, weight_dtype or dtype, FEATURES, heads, norm, statistics, carry, "sm_90a"
    )
    return _cuda.score_kernel(config)


def arguments(
    record: dict[str, Any], batch: int, rows: int, *, offset: int = 0, slope: float = 0.0
) -> tuple[_cuda.ScoreArguments, dict[str, list[int]]]:
    """Arrays at made-up addresses, each in a layout of its own; their strides."""
    heads = record["score_heads"]
    shapes = {
        "x": [batch, rows, FEATURES],
        "weight": [FEATURES, heads],
        "u": [batch, heads, rows],
        "statistics": [batch, heads, 3],
        "carried": [batch, heads, 3],
    }
    strides = {
        "x": [(FEATURES + 8) * rows + 80, FEATURES + 8, 1],
        "weight": [1, FEATURES],
        "u": [heads * (rows + 3) + 1, rows + 3, 1],
        "statistics": [heads * 3 + 2, 3, 1],
        "carried": [heads * 4, 4, 1],
    }
    dtypes = {"x": record["dtype"], "weight": record["weight_dtype"], "u": "f32"}
    given = _cuda.ScoreArguments(offset=offset, slope=slope)
    for name, shape in shapes.items():
        if record.get({"carried": "carry"}.get(name, name), True):
            array = _cuda.device_array(
                ADDRESSES[name], dtypes.get(name, "f64"), shape, strides[name]
            )
            setattr(given, "scores" if name == "u" else name, array)
    return given, strides


def check(made: _cuda.Kernel, batch: int, rows: int, *, offset: int = 0, slope: float = 0.0):
    """Compares order, grids and every argument with the plan in Python."""
    record = json.loads(made.record)
    given, strides = arguments(record, batch, rows, offset=offset, slope=slope)
    size = made.workspace_size(given)
    fake_cuda.driver().fakeClearLog()
    made.launch(given, WORKSPACE, size, 0, 0)

    scalars, workspace = score.plan(record, batch, rows, slope=slope, offset=offset)
    letters = {"x": "bn", "weight": "ch", "u": "bh", "statistics": "bh", "carried": "bh"}
    for name, axes in letters.items():
        for axis, stride in zip(axes, strides[name], strict=False):
            scalars[f"{name}_{axis}"] = stride
    parts: dict[str, int] = {}
    got = fake_cuda.launches(record)
    assert [launch.name for launch in got] == [entry["name"] for entry in record["kernels"]]
    for launch, entry in zip(got, record["kernels"], strict=True):
        grid = records.grid_of(entry, scalars, sm_count=132)
        assert launch.grid == [*grid, 1, 1][:3], launch.name
        assert (launch.threads, launch.shared_bytes) == (entry["threads"], entry["shared_bytes"])
        for argument, value in launch.values.items():
            if argument == "slope":
                assert value == struct.unpack("Q", struct.pack("d", slope))[0]
            elif argument in workspace:
                assert parts.setdefault(argument, value) == value
            else:
                assert value == {**scalars, **ADDRESSES}[argument], (launch.name, argument)
    assert parts.keys() == workspace.keys()
    end = WORKSPACE
    for name, address in sorted(parts.items(), key=lambda part: part[1]):
        assert address >= end and address % _cuda.WORKSPACE_ALIGNMENT == 0, name
        end = address + workspace[name].nbytes
    assert end <= WORKSPACE + size


@pytest.mark.parametrize("batch, rows", [(1, 1), (2, 31), (3, 257), (1, 65536), (5, 10000)])
@pytest.mark.parametrize("norm", ["none", "timestep"])
def test_launches(norm: str, batch: int, rows: int) -> None:
    check(kernel(norm=norm), batch, rows, slope=-0.375, offset=3)


@pytest.mark.parametrize("offset", [0, 1, 255, 256, 1000, (1 << 40) + 17])
@pytest.mark.parametrize("statistics", [False, True])
@pytest.mark.parametrize("carry", [False, True])
def test_chunks(statistics: bool, carry: bool, offset: int) -> None:
    check(kernel(2, "timestep", statistics, carry), 2, 300, offset=offset, slope=1e-6)


def test_weights_of_f32() -> None:
    check(kernel(2, dtype="f16", weight_dtype="f32"), 2, 100)


def test_no_rows() -> None:
    made = kernel(2, "timestep", True, True)
    given, _ = arguments(json.loads(made.record), 2, 0)
    before, after = np.arange(12.0).reshape(2, 2, 3), np.full((2, 2, 3), np.nan)
    for name, array in (("statistics", before), ("carried", after)):
        described = _cuda.device_array(array.ctypes.data, "f64", array.shape, (6, 3, 1))
        setattr(given, name, described)
    made.launch(given, WORKSPACE, made.workspace_size(given), 0, 0)
    np.testing.assert_array_equal(after, before)
    assert not any(line.startswith("cuLaunchKernel") for line in fake_cuda.log())


def test_errors_name_the_argument() -> None:
    made = kernel()
    given, _ = arguments(json.loads(made.record), 1, 100)
    given.scores.shape[2] = 99
    message = r"scores must be f32\[B = 1, Hs = 3, N = 100\], got f32\[1, 3, 99\]"
    with pytest.raises(SparsekError, match=message):
        made.workspace_size(given)
    given, _ = arguments(json.loads(made.record), 1, 100, offset=-1)
    with pytest.raises(SparsekError, match="offset must be 0 or more"):
        made.launch(given, WORKSPACE, 1 << 40, 0, 0)


def test_kernels_of_other_operations() -> None:
    with pytest.raises(SparsekError, match="this kernel computes 'score', not 'topk_mask'"):
        kernel().workspace_size(_cuda.SelectionArguments())
    attention = _cuda.Kernel.create(*fake_cuda.source())
    with pytest.raises(SparsekError, match="computes 'gathered_attention', not 'score'"):
        attention.workspace_size(_cuda.ScoreArguments())


def test_packed_arguments_are_the_same() -> None:
    arrays = [
        (0x1000 * i, "f32" if i % 2 else "f64", [i + 2] * (i % 4 + 1), [i] * (i % 4 + 1))
        for i in range(len(_cuda.SCORE_ARRAYS))
    ]
    plain = _cuda.ScoreArguments(*(_cuda.device_array(*array) for array in arrays), 5, 0.1)
    packed = _cuda.pack_score((_cuda.describe_array(*array) for array in arrays), 5, 0.1)
    assert bytes(packed) == bytes(plain)


def test_unknown_configurations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARSEK_CACHE_DIR", "")
    good = {"dtype": "bf16", "weight_dtype": "bf16", "features": 64, "score_heads": 2,
            "norm": "timestep", "statistics": False, "carry": True, "chip": "sm_90a"}  # fmt: skip
    for change, message in (
        ({"dtype": "f32"}, "compiled for features of bf16 or f16 and weights of the same type"),
        ({"weight_dtype": "i32"}, "compiled for features of bf16 or f16 and weights of the same"),
        ({"weight_dtype": "f16"}, "S3: weight must be f32 or have the element type of the feat"),
        ({"features": 0}, "the feature size must be at least 1, got 0"),
        ({"features": 12}, "left as it is: tile programs take C as a multiple of 8, not 12"),
        ({"score_heads": 65}, "left as it is: tile programs take up to 64 score heads, not 65"),
        ({"norm": ">"}, "norm must be a word, got '>'"),
        ({"norm": "none"}, "C1: only norm<timestep> has statistics"),
        ({"chip": ""}, "chip must be a word, got ''"),
    ):
        with pytest.raises(SparsekError, match=message):
            _cuda.Kernel.compile(_cuda.ScoreConfig(**{**good, **change}))


def test_kept_and_found(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARSEK_CACHE_DIR", str(tmp_path))
    config = _cuda.ScoreConfig("f16", "f32", 64, 2, "timestep", False, True, "sm_80")
    first, again = _cuda.Kernel.compile(config), _cuda.Kernel.compile(config)
    assert (again.image, again.record) == (first.image, first.record)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    record = json.loads(first.record)
    assert (record["op"], record["chip"], record["carry"]) == ("score", "sm_80", True)
