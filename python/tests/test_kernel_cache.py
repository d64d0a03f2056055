# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention compiled for a GPU, and the cache that keeps it on disk."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from sparsek import SparsekError, _cuda, _library

pytestmark = pytest.mark.library

CONFIG = _cuda.AttentionConfig("bf16", 64, 64, 2, "none", False, False, "sm_90a")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SPARSEK_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"dtype": "f16", "head_dim": 128, "value_dim": 96, "group": 5},
        {"gate": "key_value", "sink": True, "packed": True},
    ],
)
def test_kernel(change):
    config = dataclasses.replace(CONFIG, **change)
    kernel = _cuda.Kernel.compile(config)
    record = json.loads(kernel.record)
    for name in ("dtype", "head_dim", "value_dim", "group", "gate", "sink", "packed", "chip"):
        assert record[name] == getattr(config, name), name
    text = kernel.image.decode()
    assert ".target sm_90a" in text
    for entry in record["kernels"]:
        assert f".visible .entry {entry['name']}(" in text


def test_kept_and_found(folder):
    start = time.perf_counter()
    first = _cuda.Kernel.compile(CONFIG)
    cold = time.perf_counter() - start
    kept = entries(folder)
    assert len(kept) == 1 and kept[0].suffix == ".kernel"
    before = kept[0].stat()
    start = time.perf_counter()
    again = _cuda.Kernel.compile(CONFIG)
    warm = time.perf_counter() - start
    assert (again.image, again.record) == (first.image, first.record)
    assert warm < cold / 3
    after = kept[0].stat()
    assert after.st_ino == before.st_ino  # Not stored again,
    assert after.st_mtime_ns > before.st_mtime_ns  # but used.
    # Something else is not found there.
    other = _cuda.Kernel.compile(dataclasses.replace(CONFIG, head_dim=128))
    assert other.image != first.image
    assert len(entries(folder)) == 2


@pytest.mark.parametrize("damage", ("empty", "cut", "flipped", "a folder"))
def test_damaged_entries_are_replaced(folder, damage):
    first = _cuda.Kernel.compile(CONFIG)
    (path,) = entries(folder)
    content = path.read_bytes()
    middle = len(content) // 2
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(content[:middle])
    elif damage == "flipped":
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    else:
        path.unlink()
        path.mkdir()
        (path / "x").touch()
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        again = _cuda.Kernel.compile(CONFIG)
    assert again.image == first.image
    if damage != "a folder":
        assert path.read_bytes() == content


def test_folders_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPARSEK_CACHE_DIR", str(tmp_path / "file" / "cache"))
    _cuda._warn_about_cache.cache_clear()
    with pytest.warns(RuntimeWarning, match="compiled kernels are not kept: cannot write") as seen:
        for _ in range(3):
            assert _cuda.Kernel.compile(CONFIG).image
    assert len(seen) == 1


def test_without_a_cache(folder, monkeypatch):
    monkeypatch.setenv("SPARSEK_CACHE_DIR", "")
    assert _cuda.Kernel.compile(CONFIG).image
    assert entries(folder.parent) == []


def test_failures_are_not_kept(folder):
    for change, message in (
        ({"chip": "sm_1"}, "found 0(.|\n)*left as it is: .*sm_1"),
        ({"head_dim": 20}, "found 0(.|\n)*left as it is: .*20"),
        ({"gate": "all"}, "Gate to be one of: key_value, value, none, straight_through"),
        ({"format": "elf"}, "elf"),
        ({"options": "nothing=1"}, "nothing"),
    ):
        with pytest.raises(SparsekError, match=message):
            _cuda.Kernel.compile(dataclasses.replace(CONFIG, **change))
    assert entries(folder) == []


def test_many_processes_at_once(folder):
    code = (
        "import sys, hashlib\n"
        "from sparsek import _cuda\n"
        "sys.stdin.readline()\n"
        "config = _cuda.AttentionConfig('bf16', 64, 64, 2, 'none', False, False, 'sm_90a')\n"
        "for _ in range(20):\n"
        "    kernel = _cuda.Kernel.compile(config)\n"
        "    print(hashlib.sha256(kernel.image + kernel.record.encode()).hexdigest())\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(_cuda.__file__).parents[1]),
        "SPARSEK_LIBRARY": str(_library.find_library()),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in processes:  # All have started.
        process.stdin.write("\n")
        process.stdin.flush()
    results = [process.communicate() for process in processes]
    assert all(process.returncode == 0 for process in processes), results
    hashes = {line for out, _ in results for line in out.split()}
    assert len(hashes) == 1
    assert len(entries(folder)) == 1


def test_entries_are_for_all_who_may_read(folder):
    _cuda.Kernel.compile(CONFIG)
    mask = os.umask(0)
    os.umask(mask)
    (path,) = entries(folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
