# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference of the GPU tests against the oracle, on the CPU."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import cases
import oracle

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
sys.path.insert(0, str(Path(__file__).parent / "gpu"))

import gpu_reference  # noqa: E402

CASES = [case for case in cases.attention_cases() if case.n <= 65][::29]
# Both are f64; they add up in other orders.
EXACT = cases.Tolerance(norm=1e-12, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reference(case):
    c, inputs = case.config, case.inputs()
    budget = {"topk": c.topk, "window": c.window, "cu_seqlens": inputs.cu_seqlens}
    bounds = None if inputs.cu_seqlens is None else inputs.cu_seqlens.tolist()
    want = oracle.select(inputs.u, **budget)
    u = torch.from_numpy(inputs.u)
    tau, expiry = gpu_reference.select(u, topk=c.topk, window=c.window, cu_seqlens=bounds)
    assert np.array_equal(expiry.numpy(), want.expiry)
    cases.check_close("tau", tau.numpy(), want.exact, cases.TAU)
    o, lse = oracle.attention(
        inputs.q, inputs.k, inputs.v, inputs.u, gate=c.gate, scale=c.scale, sink=inputs.sink,
        tau=tau.numpy(), **budget,
    )  # fmt: skip
    q, k, v = (torch.from_numpy(a.astype(np.float32)) for a in (inputs.q, inputs.k, inputs.v))
    options = {
        "window": c.window,
        "gate": c.gate,
        "scale": c.scale,
        "sink": None if inputs.sink is None else torch.from_numpy(inputs.sink),
        "cu_seqlens": bounds,
    }
    got = gpu_reference.attention(q, k, v, u, tau, expiry, **options)
    cases.check_close("o", got[0].numpy(), o, EXACT)
    cases.check_close("lse", got[1].numpy(), lse, EXACT)
    some = torch.arange(0, case.m, 3)
    part = gpu_reference.attention(q, k, v, u, tau, expiry, **options, rows=some)
    for a, b in zip(part, got, strict=True):
        torch.testing.assert_close(a, b[:, :, some])
