# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""sparsek-compile as a process: signals, standard streams, what it leaves behind."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

TOOL = shutil.which("sparsek-compile")
pytestmark = pytest.mark.skipif(TOOL is None, reason="sparsek-compile is not in PATH")

MODULE = """
func.func @f(%x: tensor<1x?x64xf32>, %w: tensor<64x1xf32>) -> tensor<1x1x?xf32> {
  %u = sparsek.score %x, %w : tensor<1x?x64xf32>, tensor<64x1xf32>
  return %u : tensor<1x1x?xf32>
}
"""
# Stands for iree-compile: a program that starts another one, and does not end.
SLOW = """#!/bin/sh
[ "$1" = --version ] && { echo "IREE compiler version 3.13.0 @ 0"; exit; }
sleep 60 &
echo $$ $! > "$0.pids.new" && mv "$0.pids.new" "$0.pids"
wait
"""


def wait_for(condition, seconds: float = 20):
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return result

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def runs(pid: int) -> bool:
    """Whether it runs; what has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    path = tmp_path / "iree-compile"
    path.write_text(SLOW)
    path.chmod(0o755)
    (tmp_path / "temporary").mkdir()
    return path


def heed_signals() -> None:
    """Under nohup, and in the background of a shell, some are ignored, which is inherited."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def start(slow: Path, *arguments: str, **options) -> subprocess.Popen:
    folder = slow.parent
    target = ["--target=iree-cpu", f"--iree-compile={slow}", "-o", folder / "out.vmfb"]
    process = subprocess.Popen(
        [TOOL, "-", *target, *arguments],
        stdin=subprocess.PIPE, env={**os.environ, "TMPDIR": str(folder / "temporary")},
        preexec_fn=heed_signals, **options,
    )  # fmt: skip
    process.stdin.write(MODULE.encode())
    process.stdin.close()
    return process


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_leaves_nothing(number: signal.Signals, slow: Path) -> None:
    process = start(slow, stderr=subprocess.DEVNULL)
    pids = slow.with_suffix(".pids")
    wait_for(pids.exists)
    assert list((slow.parent / "temporary").iterdir())
    process.send_signal(number)
    assert process.wait(20) == -number
    for pid in map(int, pids.read_text().split()):
        wait_for(lambda pid=pid: not runs(pid))
    assert not list((slow.parent / "temporary").iterdir())
    assert not (slow.parent / "out.vmfb").exists()


def test_a_program_that_crashes(slow: Path) -> None:
    slow.write_text(SLOW.replace("sleep 60 &", "echo some words >&2; kill -SEGV $$"))
    process = start(slow, stderr=subprocess.PIPE)
    message = process.stderr.read().decode()
    process.wait(20)
    assert process.returncode == 1
    assert "error: iree-compile was ended by a signal: Segmentation fault" in message
    assert "some words" in message
    assert not list((slow.parent / "temporary").iterdir())


@pytest.mark.parametrize("quiet", [True, False])
def test_warnings_are_passed_on(quiet: bool, slow: Path) -> None:
    slow.write_text(SLOW.split("sleep")[0] + "echo a warning >&2\n")
    process = start(slow, *["--quiet"][:quiet], stderr=subprocess.PIPE)
    assert (b"a warning" in process.stderr.read()) != quiet
    assert process.wait(20) == 0


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_for_terminals(terminal: bool, slow: Path) -> None:
    reader, writer = pty.openpty() if terminal else os.pipe()
    process = start(slow, stderr=writer)
    os.close(writer)
    wait_for(slow.with_suffix(".pids").exists)
    time.sleep(2.5)
    process.terminate()
    process.wait(20)
    text = b""
    try:
        while piece := os.read(reader, 4096):
            text += piece
    except OSError:  # the end of a terminal
        pass
    os.close(reader)
    assert (b"sparsek-compile: running iree-compile (2 s)" in text) == terminal


@pytest.mark.parametrize(("cpu", "lanes"), [("x86-64", 4), ("x86-64-v3", 8), ("x86-64-v4", 16)])
def test_vectors_are_those_of_the_processor(cpu: str, lanes: int, tmp_path: Path) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the names are of x86 processors")
    for target, name, vector in (
        ("cpu", "out.ll", "<{} x float>"),
        ("iree-cpu", "out.mlir", "vector<{}xf32>"),
    ):
        subprocess.run(
            [TOOL, "-", f"--target={target}", f"--cpu={cpu}", "-o", tmp_path / name],
            input=MODULE, text=True, check=True,
        )  # fmt: skip
        text = (tmp_path / name).read_text()
        counts = {n: text.count(vector.format(n)) for n in (4, 8, 16)}
        assert max(counts, key=counts.get) == lanes, counts


def test_vectors_of_a_pipeline_by_its_name(tmp_path: Path) -> None:
    """What sparsek-run and Python run knows the processor, too."""
    if os.uname().machine != "x86_64":
        pytest.skip("the names are of x86 processors")
    subprocess.run(
        [
            shutil.which("sparsek-run"), "-", "--quiet", "--cpu=x86-64",
            f"--dump-llvm={tmp_path / 'out.ll'}", "--input=normal:1x40x64xf32", "--rest=normal:*",
        ],
        input=MODULE, text=True, check=True,
    )  # fmt: skip
    text = (tmp_path / "out.ll").read_text()
    counts = {n: text.count(f"<{n} x float>") for n in (4, 8, 16)}
    assert max(counts, key=counts.get) == 4, counts
