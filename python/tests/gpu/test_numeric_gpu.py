# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels on a GPU against the float64 reference, over the matrix of `gpu_cases.py`.

SPARSEK_TEST_CHIP (sm_90a, sm_80) asks for kernels for another chip than the
device's own; SPARSEK_GPU_VARIANTS and SPARSEK_GPU_CASES for fewer or more.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)

import sparsek.torch as sparsek_torch  # noqa: E402
from gpu_cases import (  # noqa: E402
    LSE,
    PORTABLE_CHIP,
    TOLERANCES,
    Case,
    Variant,
    cases_of,
    config_of,
    portable_variants,
    variants,
)
from gpu_launch import Inputs, Launcher, compare  # noqa: E402
from sparsek import _cuda  # noqa: E402

pytestmark = pytest.mark.library

CHIP = os.environ.get("SPARSEK_TEST_CHIP") or _cuda.device_chip(0)
SHOWN = 6  # failing cases of a variant


def check(case: Case, inputs: Inputs, results: tuple[torch.Tensor, torch.Tensor]) -> list[str]:
    tolerance = TOLERANCES[case.variant.dtype]
    unit = float(inputs.v.abs().max())
    want = inputs.want(case)
    found = (
        compare("o", results[0], want[0], rtol=tolerance.rtol, atol=tolerance.atol,
                norm=tolerance.norm, unit=unit),
        compare("lse", results[1], want[1], rtol=0.0, atol=LSE, norm=LSE, unit=1.0),
    )  # fmt: skip
    return [problem for problem in found if problem]


def check_numbers(variant: Variant, chip: str, cases: Sequence[Case]) -> None:
    """Right, the same bits every time, everything written and nothing else."""
    kernel = _cuda.attention_kernel(config_of(variant, chip))
    failures = []
    for case in cases:
        inputs = Inputs.of(case)
        launcher = Launcher(case, inputs, kernel)
        problems = launcher.problems()
        problems += check(case, inputs, launcher.results)
        if problems:
            failures.append(f"{case.name}\n    " + "\n    ".join(problems))
    shown = "\n".join(failures[:SHOWN])
    assert not failures, f"{len(failures)} of {len(cases)} cases:\n{shown}"


@pytest.mark.parametrize("variant", variants(), ids=lambda variant: variant.name)
def test_numbers(variant: Variant) -> None:
    check_numbers(variant, CHIP, cases_of(variant))


@pytest.mark.skipif(CHIP == PORTABLE_CHIP, reason="all tests are in the portable form")
@pytest.mark.parametrize("variant", portable_variants(), ids=lambda variant: variant.name)
def test_portable_numbers(variant: Variant) -> None:
    """The form for every chip, whatever the device."""
    check_numbers(variant, PORTABLE_CHIP, cases_of(variant)[::3])


@pytest.mark.skipif("SPARSEK_TEST_CHIP" in os.environ, reason="it compiles for the device")
@pytest.mark.parametrize("variant", variants(), ids=lambda variant: variant.name)
def test_operator(variant: Variant) -> None:
    """`sparsek.torch.gathered_attention` gives the same bits as the launches above."""
    kernel = _cuda.attention_kernel(config_of(variant, CHIP))
    for case in cases_of(variant)[::8]:
        inputs = Inputs.of(case)
        launcher = Launcher(case, inputs, kernel)
        launcher.launch()
        got = sparsek_torch.gathered_attention(
            inputs.q, inputs.k, inputs.v, inputs.scores, inputs.tau, inputs.expiry,
            topk=case.topk, window=case.window, gate=variant.gate, scale=case.scale,
            sink=inputs.sink, cu_seqlens=inputs.cu_seqlens, return_lse=True,
        )  # fmt: skip
        for a, b in zip(got, launcher.results, strict=True):
            assert torch.equal(a, b), case.name
