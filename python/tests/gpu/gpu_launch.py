# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Launches kernels in a memory where every stray access shows.

All arrays of a call lie in one block of device memory that is otherwise full of a
pattern: between arrays, between the rows of padded ones, in the outputs and in
the workspace. After the launch everything but outputs and workspace has to be
what it was, and no output may still be the pattern.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

import cases
import gpu_reference
from gpu_cases import Case
from sparsek import _cuda

DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16}
NAMES = {torch.bfloat16: "bf16", torch.float16: "f16", torch.float32: "f32", torch.int32: "i32"}
GUARD = 512  # bytes on both sides of every array
# Bytes whose repetitions are NaN in bf16, f16 and f32, and -1 in i32; then ones
# that are huge numbers, and indices far outside.
PATTERNS = (0xFF, 0x7B)


@dataclass
class Inputs:
    """Contiguous arrays on the device, and the selection."""

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    scores: torch.Tensor
    tau: torch.Tensor
    expiry: torch.Tensor
    sink: torch.Tensor | None
    cu_seqlens: torch.Tensor | None

    @classmethod
    def of(cls, case: Case, device: str = "cuda") -> Inputs:
        variant = case.variant
        generator = torch.Generator(device).manual_seed(case.seed)

        def normal(*shape: int) -> torch.Tensor:
            return torch.randn(shape, generator=generator, device=device)

        rng = np.random.default_rng(case.seed)
        make = cases.SCORES[case.scores]
        u = np.stack([make(rng, case.n) for _ in range(case.batch * case.hs)])
        u = u.astype(np.float32).reshape(case.batch, case.hs, case.n)
        scores = torch.from_numpy(u).to(device)
        tau, expiry = gpu_reference.select(
            scores, topk=case.topk, window=case.window, cu_seqlens=case.cu_seqlens
        )
        hq, dtype = case.hkv * variant.group, DTYPES[variant.dtype]
        return cls(
            q=normal(case.batch, hq, case.m, variant.d).to(dtype),
            k=normal(case.batch, case.hkv, case.n, variant.d).to(dtype),
            v=normal(case.batch, case.hkv, case.n, variant.dv).to(dtype),
            scores=scores,
            tau=tau,
            expiry=expiry,
            sink=normal(hq) if variant.sink else None,
            cu_seqlens=None
            if case.cu_seqlens is None
            else torch.tensor(case.cu_seqlens, dtype=torch.int32, device=device),
        )

    def want(self, case: Case) -> tuple[torch.Tensor, torch.Tensor]:
        return gpu_reference.attention(
            self.q, self.k, self.v, self.scores, self.tau, self.expiry, window=case.window,
            gate=case.variant.gate, scale=case.scale, sink=self.sink, cu_seqlens=case.cu_seqlens,
        )  # fmt: skip


def _strides(shape: tuple[int, ...], layout: str) -> tuple[int, ...]:
    """In elements. `padded` has a gap after every row, head and batch entry."""
    gap = 8 if layout == "padded" else 0
    order = list(range(len(shape) - 1))
    if layout == "positions first" and len(shape) == 4:
        order = [0, 2, 1]
    strides, step = [0] * len(shape), shape[-1] + gap
    strides[-1] = 1
    for axis in reversed(order):
        strides[axis] = step
        step = step * shape[axis] + gap
    return tuple(strides)


class Arena:
    """One block of memory with arrays in it. `writable` is what a launch may write."""

    def __init__(self, device: str = "cuda") -> None:
        self.device = device
        self.places: dict[str, tuple[int, torch.dtype, tuple[int, ...], tuple[int, ...]]] = {}
        self.end = GUARD
        self.writable: list[str] = []

    def add(
        self, name: str, dtype: torch.dtype, shape: tuple[int, ...], *, layout: str = "contiguous",
        alignment: int = 16, writable: bool = False,
    ) -> None:  # fmt: skip
        strides = _strides(shape, layout)
        # Aligned as asked, and not better by chance.
        offset = -(-self.end // (2 * alignment)) * 2 * alignment
        if alignment < 256:
            offset += alignment
        extent = 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        self.places[name] = (offset, dtype, shape, strides)
        self.end = offset + extent * dtype.itemsize + GUARD
        if writable:
            self.writable.append(name)

    def allocate(self) -> None:
        size = -(-self.end // 256) * 256
        self.memory = torch.full((size,), PATTERNS[0], dtype=torch.uint8, device=self.device)

    def view(self, name: str, memory: torch.Tensor | None = None) -> torch.Tensor:
        memory = self.memory if memory is None else memory
        offset, dtype, shape, strides = self.places[name]
        tail = memory[
            offset : offset + (memory.numel() - offset) // dtype.itemsize * dtype.itemsize
        ]
        return tail.view(dtype).as_strided(shape, strides)

    def describe(self, name: str) -> _cuda.DeviceArray:
        if name not in self.places:
            return _cuda.DeviceArray()
        offset, dtype, shape, strides = self.places[name]
        return _cuda.device_array(self.memory.data_ptr() + offset, NAMES[dtype], shape, strides)

    def poison(self, pattern: int) -> None:
        """Fills what a launch may write."""
        for name in self.writable:
            view = self.view(name)
            view.copy_(torch.full((view.element_size(),), pattern, dtype=torch.uint8,
                                  device=self.device).view(view.dtype).expand_as(view))  # fmt: skip

    def changed(self, before: torch.Tensor) -> bool:
        """Whether anything but what is writable differs from a copy of before."""
        after = self.memory.clone()
        for name in self.writable:
            self.view(name, after).copy_(self.view(name, before))
        return not torch.equal(after, before)


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.view(torch.int16 if tensor.element_size() == 2 else torch.int32)


class Launcher:
    """One case in an arena, ready to be launched."""

    def __init__(self, case: Case, inputs: Inputs, kernel: _cuda.Kernel) -> None:
        self.case, self.kernel = case, kernel
        arena = self.arena = Arena(inputs.q.device.type)
        given = {name: tensor for name, tensor in vars(inputs).items() if tensor is not None}
        for name, tensor in given.items():
            rows = name in ("q", "k", "v")
            padded = case.layout == "padded" and name not in ("sink", "cu_seqlens")
            layout = case.layout if rows or padded else "contiguous"
            arena.add(name, tensor.dtype, tuple(tensor.shape), layout=layout,
                      alignment=16 if rows else 4)  # fmt: skip
        shape = (*inputs.q.shape[:3], inputs.v.shape[3])
        arena.add("o", inputs.q.dtype, shape, layout=case.layout, writable=True)
        layout = "padded" if case.layout == "padded" else "contiguous"
        arena.add("lse", torch.float32, shape[:3], layout=layout, alignment=4, writable=True)
        # The size of the workspace does not depend on addresses.
        arena.memory = torch.empty(0, dtype=torch.uint8, device=arena.device)
        self.workspace = kernel.workspace_size(self._arguments())
        arena.add("workspace", torch.uint8, (self.workspace,), alignment=256, writable=True)
        arena.allocate()
        for name, tensor in given.items():
            arena.view(name).copy_(tensor)

    def _arguments(self) -> _cuda.Arguments:
        arrays = (self.arena.describe(name) for name in _cuda.ARRAYS)
        return _cuda.Arguments(*arrays, self.case.topk, self.case.window, self.case.scale or 0.0)

    def launch(self) -> None:
        """Enqueues on the current stream."""
        arena = self.arena
        address = arena.memory.data_ptr() + arena.places["workspace"][0]
        stream = torch.cuda.current_stream().cuda_stream if arena.memory.is_cuda else 0
        device = arena.memory.device.index or 0
        self.kernel.launch(self._arguments(), address, self.workspace, device, stream)

    @property
    def results(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.arena.view("o"), self.arena.view("lse")

    def problems(self) -> list[str]:
        """Launches once over each pattern; what is wrong with either, or with their
        not being the same, bit for bit."""
        found, results = [], []
        for pattern in PATTERNS:
            self.arena.poison(pattern)
            before = self.arena.memory.clone()
            self.launch()
            if self.arena.changed(before):
                found.append("it wrote outside its outputs and workspace")
            results.append([_bits(result.clone()) for result in self.results])
        for name, first, second in zip(("o", "lse"), *results, strict=True):
            different = int((first != second).sum())
            if different:
                found.append(f"{different} elements of {name} differ from launch to launch")
        return found


def compare(
    name: str, got: torch.Tensor, want: torch.Tensor, *, rtol: float, atol: float, norm: float,
    unit: float,
) -> str | None:  # fmt: skip
    """What is wrong, or None; see `Tolerance`. Infinities must agree, NaN is wrong."""
    got = got.double()
    if got.shape != want.shape:
        return f"{name}: shape {tuple(got.shape)}, expected {tuple(want.shape)}"
    if not want.numel():
        return None
    same = got == want
    error = torch.where(same, 0.0, torch.nan_to_num((got - want).abs(), nan=torch.inf))
    size = torch.where(want.isfinite(), want.abs(), 0.0)
    allowed = atol * unit + rtol * size
    worst = int((error - allowed).argmax())
    index = tuple(int(i) for i in np.unravel_index(worst, tuple(want.shape)))
    at = f"{name}{list(index)}: got {got[index].item():.6g}, expected {want[index].item():.6g}"
    wrong = int((error > allowed).sum())
    if wrong:
        return f"{at} within {allowed[index].item():.3g}; {wrong} of {want.numel()} differ"
    relative = (error.norm() / (size.norm() + 0.1 * unit * want.numel() ** 0.5)).item()
    if not relative <= norm:
        return f"{name}: relative error {relative:.3g}, allowed {norm:.3g}; worst {at}"
    return None
