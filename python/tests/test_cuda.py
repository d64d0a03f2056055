# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels for a GPU from Python, with a driver that only writes down calls."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fake_cuda
from sparsek import SparsekError, _cuda, _library

pytestmark = [pytest.mark.library, fake_cuda.needs_fake]

MODULE = """
gpu.binary @kernels {{sparsek.launch_record = {record}}} [
  #gpu.object<#nvvm.target<chip = "sm_90a">, assembly = {ptx}>]
"""


@pytest.fixture(autouse=True)
def driver():
    driver = fake_cuda.driver()
    driver.fakeReset()
    return driver


def arguments(rows: int = 1000, keys: int = 3000) -> _cuda.Arguments:
    """Row-major arrays of 8 query heads and 4 KV heads at made-up addresses."""

    def array(address, dtype, *shape):
        strides = [1]
        for size in reversed(shape[1:]):
            strides.insert(0, strides[0] * size)
        return _cuda.device_array(address, dtype, shape, strides)

    return _cuda.Arguments(
        q=array(0x1000, "bf16", 1, 8, rows, 64),
        k=array(0x2000, "bf16", 1, 4, keys, 64),
        v=array(0x3000, "bf16", 1, 4, keys, 32),
        scores=array(0x4000, "f32", 1, 1, keys),
        tau=array(0x5000, "f32", 1, 1, keys),
        expiry=array(0x6000, "i32", 1, 1, keys),
        o=array(0x7000, "bf16", 1, 8, rows, 32),
        lse=array(0x8000, "f32", 1, 8, rows),
        topk=300,
        window=100,
        scale=0.25,
    )


def kernel() -> _cuda.Kernel:
    return _cuda.Kernel.create(*fake_cuda.source())


def attribute(value: object) -> str:
    """A JSON value as an attribute."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {attribute(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(attribute, value)) + "]"
    return quote(value) if isinstance(value, str) else json.dumps(value)


def quote(text: str) -> str:
    """A string attribute."""
    return (
        '"'
        + "".join(c if c.isprintable() and c not in '"\\' else f"\\{ord(c):02X}" for c in text)
        + '"'
    )


class TestKernel:
    def test_parts(self):
        image, record = fake_cuda.source()
        made = kernel()
        assert made.image == image
        assert made.record == record

    def test_from_ir(self):
        image, record = fake_cuda.source()
        text = MODULE.format(record=attribute(json.loads(record)), ptx=quote(image.decode()))
        made = _cuda.Kernel.from_ir(text, "canonicalize")
        assert made.image == image
        assert json.loads(made.record) == json.loads(record)

    @pytest.mark.parametrize(
        "text, message",
        [
            (
                "",
                "expected one gpu.binary with a dictionary 'sparsek.launch_record', found 0",
            ),
            (MODULE.format(record="{}", ptx='"x"'), "launch record.version: expected an integer"),
            (MODULE.format(record="{version = unit}", ptx='"x"'), "launch record.version"),
            (MODULE.format(record="1", ptx='"x"'), "found 0"),
            (
                MODULE.format(record="{}", ptx='"x"').replace(
                    "]", ', #gpu.object<#nvvm.target, bin = "y">]'
                ),
                "expected one object in the gpu.binary, found 2",
            ),
            (
                MODULE.format(record="{}", ptx='"x"').replace("assembly =", "offload ="),
                "must be PTX, a cubin or a fatbin",
            ),
        ],
    )
    def test_modules_without_a_kernel(self, text, message):
        with pytest.raises(SparsekError, match=message):
            _cuda.Kernel.from_ir(text, "canonicalize")

    def test_broken_records(self):
        with pytest.raises(SparsekError, match=r"launch record\.version: expected an integer"):
            _cuda.Kernel.create(b"ptx", "{}")

    def test_unknown_configurations(self, monkeypatch):
        monkeypatch.setenv("SPARSEK_CACHE_DIR", "")
        good = _cuda.AttentionConfig("bf16", 64, 64, 1, "none", False, False, "sm_90a")
        for change, message in (
            ({"dtype": "f32"}, "compiled for bf16 or f16"),
            ({"group": 0}, "the group must be at least 1, got 0"),
            ({"head_dim": -8}, "the head size must be at least 1, got -8"),
            ({"gate": "no, none"}, "gate must be a word, got 'no, none'"),
            ({"chip": ""}, "chip must be a word, got ''"),
            ({"format": "ptx}"}, "format must be a word, got 'ptx}'"),
        ):
            with pytest.raises(SparsekError, match=message):
                _cuda.Kernel.compile(dataclasses.replace(good, **change))


class TestArguments:
    def test_packed_is_the_same(self):
        arrays = [
            (0x1000 * i, "bf16" if i % 2 else "i32", [i + 2] * (i % 4 + 1), [i] * (i % 4 + 1))
            for i in range(len(_cuda.ARRAYS))
        ]
        plain = _cuda.Arguments(*(_cuda.device_array(*array) for array in arrays), 5, 6, 0.75)
        packed = _cuda.pack_arguments((_cuda.describe_array(*a) for a in arrays), 5, 6, 0.75)
        assert bytes(packed) == bytes(plain)
        nothing = [_cuda.NO_ARRAY] * len(_cuda.ARRAYS)
        assert bytes(_cuda.pack_arguments(nothing, 0, 0, 0.0)) == bytes(_cuda.Arguments())


class TestLaunch:
    def test_parameters(self):
        made, given = kernel(), arguments()
        size = made.workspace_size(given)
        assert size == 1200 + 80 + 256  # 300 entries, padded; one count, padded
        made.launch(given, 0x10000, size, 1, 0x55)
        call, values = fake_cuda.log()[-3:-1]
        assert call == (
            "cuLaunchKernel attention device 1 grid 64,1,1 block 384,1,1 shared 205000 stream 0x55"
        )
        got = fake_cuda.parameters(values)
        assert [got[name] for name in fake_cuda.POINTERS] == [
            *range(0x1000, 0x9000, 0x1000),
            *(0x10000, 0x10000 + 1280),
        ]
        assert (got["q_h"], got["k_n"], got["o_m"], got["lse_h"]) == (64000, 64, 32, 1000)
        assert (got["rows"], got["keys"], got["window"], got["items"]) == (1000, 3000, 100, 64)

    def test_errors_name_the_argument(self):
        given = arguments()
        given.q.data += 2
        with pytest.raises(SparsekError, match="q must be at a device address that is a multiple"):
            kernel().launch(given, 0x10000, 1 << 20, 0, 0)
        given = arguments()
        given.k.shape[2] = 7
        with pytest.raises(SparsekError, match="q holds the last M <= N positions"):
            kernel().workspace_size(given)

    def test_the_driver_fails(self, driver):
        driver.fakeFail(b"cuLaunchKernel", 1)
        with pytest.raises(
            SparsekError,
            match=r"cuLaunchKernel for 'attention' failed with CUDA_ERROR_INVALID_VALUE \(text",
        ):
            kernel().launch(arguments(), 0x10000, 1 << 20, 0, 0)

    def test_nothing_but_launches(self):
        made, given = kernel(), arguments()
        made.prepare(0)
        fake_cuda.driver().fakeClearLog()
        made.launch(given, 0x10000, 1 << 20, 0, 0)
        assert [line.split()[0] for line in fake_cuda.log() if line.startswith("cu")] == [
            "cuCtxGetCurrent",
            "cuCtxPushCurrent_v2",
            "cuCtxGetCurrent",
            "cuLaunchKernel",
            "cuCtxPopCurrent_v2",
        ]

    def test_released_kernels_are_unloaded(self):
        made = kernel()
        made.prepare(0)
        assert not any("cuModuleUnload" in line for line in fake_cuda.log())
        del made
        assert "cuModuleUnload" in fake_cuda.log()


class TestDevices:
    def test_chips(self, driver):
        assert _cuda.device_chip.__wrapped__(0) == "sm_90a"
        driver.fakeSetDevices(1, 8, 6, 100000)
        assert _cuda.device_chip.__wrapped__(0) == "sm_86"
        with pytest.raises(SparsekError, match="there is no CUDA device 1, the driver shows 1"):
            _cuda.device_chip.__wrapped__(1)
        driver.fakeSetDevices(1, 7, 0, 98304)
        with pytest.raises(SparsekError, match=r"need compute capability 8\.0 or later"):
            _cuda.device_chip.__wrapped__(0)

    @pytest.mark.parametrize(
        "library, message",
        [
            ("/nowhere/libcuda.so", "no NVIDIA driver: cannot load /nowhere/libcuda.so"),
            ("libm.so.6", "the NVIDIA driver libm.so.6 has no cuInit: it is too old"),
        ],
    )
    def test_no_driver(self, library, message):
        code = (
            "import os, sys\n"
            "from sparsek import _cuda\n"
            "for i in range(2):\n"
            "    try: _cuda.device_chip(0)\n"
            "    except Exception as error: print(type(error).__name__, error)\n"
            "os.environ['SPARSEK_LIBCUDA'] = sys.argv[1]\n"
            "print(_cuda.device_chip(0))\n"
        )
        environment = {
            **os.environ,
            "SPARSEK_LIBCUDA": library,
            "SPARSEK_LIBRARY": str(_library.find_library()),
            "PYTHONPATH": str(Path(_cuda.__file__).parents[1]),
        }
        lines = subprocess.run(
            [sys.executable, "-c", code, fake_cuda.path()],
            env=environment,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        assert len(lines) == 3  # The same each time, and gone with its cause.
        assert all(line.startswith(f"SparsekError {message}") for line in lines[:2]), lines
        assert lines[2] == "sm_90a"
