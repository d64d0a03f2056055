# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A few small launches for compute-sanitizer.

usage: compute-sanitizer --tool memcheck python python/tests/gpu/sanitize.py [attention|selection]

Every array is an allocation of exactly its size, so memcheck sees any access
outside. Attention (the default) goes through libcuda alone and is compared with
the oracle; SPARSEK_TEST_CHIP asks for kernels for another chip than the device's
own. Selection and scores go through PyTorch, whose allocator is told to keep
nothing, and are compared with the CPU code and with float64; PyTorch asks the
driver things that fail, so compute-sanitizer needs `--report-api-errors no`.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ml_dtypes
import numpy as np

import cases
import oracle
from gpu_cases import LSE, TOLERANCES, Case, Variant, config_of
from sparsek import _cuda

NUMPY_TYPES = {"bf16": np.dtype(ml_dtypes.bfloat16), "f16": np.dtype(np.float16)}


def _case(variant: Variant, n: int, m: int, topk: int, window: int, **changes: object) -> Case:
    case = Case(variant, 1, 2, 2, n, m, topk, window, None, "normal", "contiguous", None, n)
    return dataclasses.replace(case, **changes)


CASES = (
    _case(Variant("bf16", 128, 128, 4, "key_value", False, False), 200, 200, 40, 30),
    _case(Variant("bf16", 128, 128, 4, "none", False, False), 150, 70, 20, 0, batch=2, hs=1),
    _case(Variant("bf16", 128, 128, 1, "key_value", False, False), 300, 300, 64, 40, scores="ties"),
    _case(Variant("bf16", 64, 64, 1, "none", False, False), 600, 600, 64, 300),
    _case(Variant("f16", 40, 24, 5, "value", True, False), 130, 130, 30, 33),
    _case(Variant("bf16", 128, 128, 4, "key_value", True, True), 160, 160, 20, 16,
          cu_seqlens=(0, 0, 1, 90, 90, 160)),
    _case(Variant("bf16", 256, 256, 4, "key_value", False, False), 140, 100, 50, 20, hkv=1, hs=1),
    _case(Variant("f16", 64, 96, 130, "none", False, False), 40, 40, 10, 5, hkv=1, hs=1),
)  # fmt: skip


class Device:
    """The primary context of device 0."""

    def __init__(self) -> None:
        self.driver = ctypes.CDLL(os.environ.get("SPARSEK_LIBCUDA", "libcuda.so.1"))
        self.call("cuInit", 0)
        context = ctypes.c_void_p()
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
        self.call("cuCtxSetCurrent", context)

    def call(self, name: str, *arguments: object) -> None:
        result = getattr(self.driver, name)(*arguments)
        if result:
            text = ctypes.c_char_p()
            self.driver.cuGetErrorString(result, ctypes.byref(text))
            raise RuntimeError(f"{name}: {(text.value or b'?').decode()} ({result})")

    def allocate(self, size: int) -> int:
        address = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(max(size, 1)))
        return address.value

    def upload(self, array: np.ndarray) -> int:
        address = self.allocate(array.nbytes)
        self.call("cuMemcpyHtoD_v2", ctypes.c_uint64(address), ctypes.c_void_p(array.ctypes.data),
                  ctypes.c_size_t(array.nbytes))  # fmt: skip
        return address

    def download(self, address: int, array: np.ndarray) -> None:
        self.call("cuMemcpyDtoH_v2", ctypes.c_void_p(array.ctypes.data), ctypes.c_uint64(address),
                  ctypes.c_size_t(array.nbytes))  # fmt: skip


def inputs_of(case: Case) -> dict[str, np.ndarray]:
    """The arrays by the names of the launcher."""
    rng, variant = np.random.default_rng(case.seed), case.variant
    hq, dtype = case.hkv * variant.group, NUMPY_TYPES[variant.dtype]

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    make = cases.SCORES[case.scores]
    u = np.stack([make(rng, case.n) for _ in range(case.batch * case.hs)]).astype(np.float32)
    u = u.reshape(case.batch, case.hs, case.n)
    selected = oracle.select(u, topk=case.topk, window=case.window, cu_seqlens=case.cu_seqlens)
    arrays = {
        "q": normal(case.batch, hq, case.m, variant.d).astype(dtype),
        "k": normal(case.batch, case.hkv, case.n, variant.d).astype(dtype),
        "v": normal(case.batch, case.hkv, case.n, variant.dv).astype(dtype),
        "scores": u,
        "tau": selected.tau,
        "expiry": selected.expiry,
    }
    if variant.sink:
        arrays["sink"] = normal(hq)
    if case.cu_seqlens is not None:
        arrays["cu_seqlens"] = np.array(case.cu_seqlens, np.int32)
    return arrays


def run(device: Device, case: Case, chip: str) -> None:
    """Raises AssertionError for a wrong result."""
    arrays, variant = inputs_of(case), case.variant
    o = np.full((*arrays["q"].shape[:3], variant.dv), np.nan, arrays["q"].dtype)
    outputs = {"o": o, "lse": np.full(o.shape[:3], np.nan, np.float32)}
    names = {NUMPY_TYPES[variant.dtype]: variant.dtype, np.dtype(np.float32): "f32",
             np.dtype(np.int32): "i32"}  # fmt: skip
    addresses = {name: device.upload(array) for name, array in (arrays | outputs).items()}
    described = {
        name: _cuda.device_array(
            addresses[name], names[array.dtype], array.shape,
            [stride // array.itemsize for stride in array.strides],
        )
        for name, array in (arrays | outputs).items()
    }  # fmt: skip
    arguments = _cuda.Arguments(
        **described, topk=case.topk, window=case.window, scale=case.scale or 0.0
    )
    kernel = _cuda.attention_kernel(config_of(variant, chip))
    size = kernel.workspace_size(arguments)
    workspace = device.allocate(size)
    kernel.launch(arguments, workspace, size, 0, 0)
    device.call("cuCtxSynchronize")
    for name, array in outputs.items():
        device.download(addresses[name], array)
    for address in (*addresses.values(), workspace):
        device.call("cuMemFree_v2", ctypes.c_uint64(address))
    u = arrays.pop("scores")
    arrays.pop("expiry")
    q, k, v = (arrays.pop(name).astype(np.float64) for name in ("q", "k", "v"))
    want = oracle.attention(
        q, k, v, u, topk=case.topk, window=case.window, gate=variant.gate, scale=case.scale,
        **arrays,
    )  # fmt: skip
    tolerance = cases.Tolerance(**vars(TOLERANCES[variant.dtype]))
    cases.check_close("o", outputs["o"], want[0], tolerance, float(np.abs(v).max()))
    cases.check_close("lse", outputs["lse"], want[1], cases.Tolerance(LSE, 0.0, LSE))


def attention() -> int:
    """How many cases failed."""
    device = Device()
    chip = os.environ.get("SPARSEK_TEST_CHIP") or _cuda.device_chip(0)
    failed = 0
    for case in CASES:
        try:
            run(device, case, chip)
            print(f"ok: {case.name}", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"FAILED: {case.name}: {error}", flush=True)
    return failed


def selection() -> int:
    """How many selections and scores failed."""
    # Before torch is imported; results are looked at on the host, where no kernel
    # of PyTorch's needs to be watched.
    os.environ["PYTORCH_NO_CUDA_MEMORY_CACHING"] = "1"
    import torch

    import score_reference
    import selection_cases
    import sparsek.torch as sparsek_torch
    from selection_cases import Group

    failed = 0

    def tell(name: str, problems: list[str]) -> None:
        nonlocal failed
        failed += bool(problems)
        print(f"FAILED: {name}: {problems}" if problems else f"ok: {name}", flush=True)

    mixed = ("normal", "ties", "some_of_all", "reversed")
    for group in (
        Group(1, 1, 0, 1, mixed[:2], None, 1),
        Group(130, 8, 5, 2, mixed, None, 2),
        Group(1500, 64, 0, 2, mixed, None, 3),
        Group(4097, 1024, 33, 2, mixed[:2], None, 4),
        Group(16390, 100, 1000, 1, mixed[:1], None, 5),
        Group(2000, 16, 3, 2, mixed[:2], (0, 0, 1, 128, 900, 900, 2000), 6),
        Group(16500, 16, 3, 1, mixed[1:2], (0, 4095, 4097, 16500), 7),
    ):
        u = group.scores()
        results = sparsek_torch.select(
            torch.from_numpy(u).cuda(),
            **group.options,
            cu_seqlens=group.bounds("cuda"),
            return_interior=True,
        )
        tell(group.name, selection_cases.problems(group, u, [one.cpu() for one in results]))

    generator = torch.Generator().manual_seed(1)
    for n, features, heads, dtype, norm in (
        (1, 64, 1, torch.bfloat16, "none"),
        (131, 72, 2, torch.bfloat16, "none"),
        (700, 256, 8, torch.float16, "timestep"),
        (333, 1000, 3, torch.bfloat16, "timestep"),
    ):
        x = torch.randn(2, n, features, generator=generator).to(dtype)
        weight = torch.randn(features, heads, generator=generator).to(dtype)
        want = score_reference.score(x, weight, norm=norm)
        got = sparsek_torch.score(x.cuda(), weight.cuda(), norm=norm).cpu()
        problem = score_reference.problem(got, want)
        tell(f"score n{n} c{features} h{heads} {norm}", [problem] if problem else [])
    # Documents and carried statistics.
    bounds = torch.tensor([0, 0, 1, 200, 333], dtype=torch.int32)
    x, weight = (tensor.bfloat16() for tensor in (x[:1, :333], weight))
    want = sparsek_torch.score(x, weight, norm="timestep", slope=0.1, cu_seqlens=bounds)
    got = sparsek_torch.score(
        x.cuda(), weight.cuda(), norm="timestep", slope=0.1, cu_seqlens=bounds.cuda()
    )
    # The weights are large, and so are the scores' errors.
    error = float((got.cpu() - want).abs().max())
    tell("score of documents", [] if error <= 1e-2 else [f"off by {error}"])
    _, statistics = sparsek_torch.score(
        x.cuda(), weight.cuda(), norm="timestep", return_statistics=True
    )
    count = statistics.cpu()[..., 0]
    tell("statistics", [] if bool((count == x.shape[1]).all()) else [f"counts {count.tolist()}"])
    return failed


def main(arguments: list[str]) -> int:
    parts = {"attention": attention, "selection": selection}
    if len(arguments) > 1 or not set(arguments) <= set(parts):
        print(f"usage: sanitize.py [{'|'.join(parts)}]", file=sys.stderr)
        return 2
    return 1 if parts[arguments[0] if arguments else "attention"]() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
