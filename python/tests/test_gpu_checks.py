# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The checks of the GPU tests find what they are for, shown on the CPU with
kernels that are faked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
sys.path.insert(0, str(Path(__file__).parent / "gpu"))

import gpu_cases  # noqa: E402
import gpu_launch  # noqa: E402
from gpu_cases import Case, Variant  # noqa: E402

CASES = [
    Case(Variant("bf16", 16, 24, 3, "key_value", True, False), 2, 2, 1, 40, 25, 5, 7, None,
         "normal", layout, None, 1)
    for layout in gpu_cases.LAYOUTS
]  # fmt: skip


class FakeKernel:
    """Writes the reference's result, then lets `spoil` do something wrong."""

    def __init__(self, case, inputs, spoil=None):
        self.case, self.inputs, self.spoil, self.launches = case, inputs, spoil, 0

    def workspace_size(self, arguments):
        return 4096

    def launch(self, arguments, workspace, size, device, stream):
        assert arguments.topk == self.case.topk and size == 4096
        assert arguments.o.data % 16 == 0 and arguments.tau.data % 4 == 0
        self.launches += 1
        for result, want in zip(self.launcher.results, self.inputs.want(self.case), strict=True):
            result.copy_(want)
        if self.spoil:
            self.spoil(self.launcher.arena, self.launches)


def problems(case, spoil=None):
    inputs = gpu_launch.Inputs.of(case, "cpu")
    kernel = FakeKernel(case, inputs, spoil)
    kernel.launcher = gpu_launch.Launcher(case, inputs, kernel)
    found = kernel.launcher.problems()
    tolerance = gpu_cases.TOLERANCES["bf16"]
    for name, got, want in zip(
        ("o", "lse"), kernel.launcher.results, inputs.want(case), strict=True
    ):
        found.append(gpu_launch.compare(name, got, want, **vars(tolerance), unit=1.0))
    return [problem for problem in found if problem]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.layout)
def test_what_is_right_passes(case):
    assert problems(case) == []


def write(name, offset):
    def spoil(arena, launches):
        arena.memory[arena.places[name][0] + offset] ^= 1

    return spoil


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.layout)
@pytest.mark.parametrize("name, offset", (("o", -1), ("lse", -2), ("workspace", 4096), ("k", 3)))
def test_stray_writes(case, name, offset):
    assert "it wrote outside its outputs and workspace" in problems(case, write(name, offset))


def test_writes_into_gaps():
    padded = next(case for case in CASES if case.layout == "padded")
    # The first byte after the first row of o.
    assert problems(padded, write("o", 24 * 2))


def test_elements_left_unwritten():
    def spoil(arena, launches):
        pattern = gpu_launch.PATTERNS[(launches - 1) % 2]
        arena.view("lse").view(torch.int32)[1, 2, 3] = int.from_bytes(
            bytes([pattern] * 4), "little", signed=True
        )

    found = problems(CASES[0], spoil)
    assert any("lse differ from launch to launch" in problem for problem in found)


def test_wrong_numbers():
    def spoil(arena, launches):
        arena.view("o")[0, 1, 2, 3] += 0.1

    assert any(problem.startswith("o[0, 1, 2, 3]: got") for problem in problems(CASES[0], spoil))


def test_small_errors_everywhere():
    def spoil(arena, launches):
        arena.view("o").mul_(1.03)

    assert any(
        "relative error" in problem or "differ" in problem for problem in problems(CASES[0], spoil)
    )


def test_not_a_number():
    def spoil(arena, launches):
        arena.view("lse")[0, 0, 0] = torch.nan

    assert any("lse[0, 0, 0]: got nan" in problem for problem in problems(CASES[0], spoil))


def test_the_matrix():
    variants = gpu_cases.variants()
    assert len(variants) == len(set(variants)) == 60
    everything = [case for variant in variants for case in gpu_cases.cases_of(variant)]
    assert len({case.name for case in everything}) >= 2000
    assert {variant.group for variant in variants} == set(gpu_cases.GROUPS)
    assert {variant.d for variant in variants} == set(gpu_cases.HEAD_DIMS)
    assert sum(variant.d != variant.dv for variant in variants) >= 15
    features = {
        "fewer queries": lambda case: case.m < case.n,
        "batch": lambda case: case.batch > 1,
        "no window": lambda case: case.window == 0,
        "window of all": lambda case: case.window >= case.n,
        "topk of all": lambda case: case.topk >= case.n,
        "sink": lambda case: case.variant.sink,
        "empty document": lambda case: (
            case.cu_seqlens and len(set(case.cu_seqlens)) < len(case.cu_seqlens)
        ),
        "several chunks": lambda case: case.m > 1024 and case.topk <= 257,
        "G > 128": lambda case: case.variant.group > 128,
    }
    for what, has in features.items():
        assert sum(bool(has(case)) for case in everything) >= 20, what
