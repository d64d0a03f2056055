# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Offsets beyond 2^31 elements, long sequences, and expiries that are nonsense."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)

import gpu_reference  # noqa: E402
from gpu_cases import LSE, TOLERANCES, Case, Variant, config_of  # noqa: E402
from gpu_launch import NAMES, Inputs, Launcher, compare  # noqa: E402
from sparsek import _cuda  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))
from hopper.selection import select  # noqa: E402

pytestmark = pytest.mark.library

CHIP = os.environ.get("SPARSEK_TEST_CHIP") or _cuda.device_chip(0)
FAR = 2**31 + 64
CASE = Case(
    Variant("bf16", 128, 128, 1, "key_value", False, False), 2, 2, 2, 700, 700, 96, 64, None,
    "normal", "contiguous", None, 5,
)  # fmt: skip
GIB = 2**30


def need_memory(size: int) -> None:
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    if free < size:
        pytest.skip(f"needs {size // GIB} GiB of free device memory, there are {free // GIB}")


def launch(arrays: dict[str, torch.Tensor], case: Case) -> None:
    described = {
        name: _cuda.device_array(t.data_ptr(), NAMES[t.dtype], t.shape, t.stride())
        for name, t in arrays.items()
    }
    arguments = _cuda.Arguments(**described, topk=case.topk, window=case.window)
    kernel = _cuda.attention_kernel(config_of(case.variant, CHIP))
    size = kernel.workspace_size(arguments)
    workspace = torch.empty(size, dtype=torch.uint8, device="cuda")
    stream = torch.cuda.current_stream().cuda_stream
    kernel.launch(arguments, workspace.data_ptr(), size, 0, stream)


def check(got, want, unit: float) -> None:
    tolerance = vars(TOLERANCES["bf16"])
    assert compare("o", got[0], want[0], **tolerance, unit=unit) is None
    assert compare("lse", got[1], want[1], rtol=0.0, atol=LSE, norm=LSE, unit=1.0) is None


@pytest.mark.parametrize("axis", (0, 1), ids=("batch", "heads"))
def test_far_apart(axis: int) -> None:
    """Two batch entries, or heads, more than 2^31 elements from each other."""
    need_memory(70 * GIB)
    inputs = Inputs.of(CASE)

    def far(like: torch.Tensor) -> torch.Tensor:
        strides = list(like.contiguous().stride())
        if axis == 1:
            strides[0] = strides[1]
        strides[axis] = FAR
        extent = 1 + sum((n - 1) * s for n, s in zip(like.shape, strides, strict=True))
        return torch.empty(extent, dtype=like.dtype, device="cuda").as_strided(like.shape, strides)

    arrays = {}
    for name in ("q", "k", "v", "scores", "tau", "expiry"):
        tensor = getattr(inputs, name)
        arrays[name] = far(tensor).copy_(tensor)
    arrays["o"] = far(inputs.q).fill_(torch.nan)
    arrays["lse"] = far(inputs.q[..., 0].float()).fill_(torch.nan)
    launch(arrays, CASE)
    check((arrays["o"], arrays["lse"]), inputs.want(CASE), float(inputs.v.abs().max()))


def test_long() -> None:
    """256K positions, arrays of more than 2^31 elements; some rows are checked."""
    need_memory(40 * GIB)
    n, heads, d = 1 << 18, 66, 128
    generator = torch.Generator("cuda").manual_seed(7)
    q, k, v = (
        torch.randn(1, heads, n, d, generator=generator, device="cuda", dtype=torch.bfloat16)
        for _ in range(3)
    )
    assert q.numel() > 2**31
    scores = torch.randn(1, 1, n, generator=generator, device="cuda")
    case = dataclasses.replace(CASE, topk=512, window=512)
    tau, expiry = select(scores, topk=case.topk, window=case.window)
    o = torch.full_like(q, torch.nan)
    lse = torch.full(q.shape[:3], torch.nan, device="cuda")
    launch({"q": q, "k": k, "v": v, "scores": scores, "tau": tau, "expiry": expiry,
            "o": o, "lse": lse}, case)  # fmt: skip
    assert bool(o.isfinite().all()) and bool(lse.isfinite().all())
    rows = torch.randint(0, n, (40,), generator=generator, device="cuda")
    rows[:4] = torch.tensor([0, 511, n - 128, n - 1])
    for some in (slice(0, 1), slice(33, 34), slice(heads - 1, heads)):
        want = gpu_reference.attention(
            q[:, some], k[:, some], v[:, some], scores, tau, expiry,
            window=case.window, gate="key_value", rows=rows,
        )  # fmt: skip
        check(
            (o[:, some][:, :, rows], lse[:, some][:, :, rows]), want, float(v[:, some].abs().max())
        )


@pytest.mark.parametrize("kind", ("random", "always", "never", "negative"))
@pytest.mark.parametrize("group", (1, 4))
def test_expiries_that_are_nonsense(kind: str, group: int) -> None:
    """Results are nonsense then, but nothing else is written, and it ends."""
    variant = dataclasses.replace(CASE.variant, group=group)
    case = dataclasses.replace(CASE, variant=variant, n=2500, m=2500, topk=32)
    inputs = Inputs.of(case)
    shape = inputs.expiry.shape
    inputs.expiry = {
        "random": lambda: torch.randint(-(2**31), 2**31 - 1, shape, device="cuda"),
        "always": lambda: torch.full(shape, 2**31 - 1, device="cuda"),
        "never": lambda: torch.zeros(shape, device="cuda"),
        "negative": lambda: torch.full(shape, -(2**31), device="cuda"),
    }[kind]().int()
    launcher = Launcher(case, inputs, _cuda.attention_kernel(config_of(variant, CHIP)))
    assert "it wrote outside its outputs and workspace" not in launcher.problems()
    torch.cuda.synchronize()
