# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The kernels of this project: each by itself, checked before it is timed."""

from __future__ import annotations

import functools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable

import torch

from hopper.inputs import Geometry, Tensors, executed_flops, selection
from sparsek import _cuda

CHECKED_ROWS = 32
# As in the tests: two roundings to bf16 for o, f32 sums for lse.
O_TOLERANCE, LSE_TOLERANCE = 8e-3, 1e-3
_NAMES = {torch.bfloat16: "bf16", torch.float32: "f32", torch.int32: "i32"}


def _describe(tensor: torch.Tensor) -> _cuda.DeviceArray:
    return _cuda.device_array(
        tensor.data_ptr(), _NAMES[tensor.dtype], tensor.shape, tensor.stride()
    )


def config_of(geometry: Geometry, gate: str, chip: str, **options: str) -> _cuda.AttentionConfig:
    return _cuda.AttentionConfig(
        dtype="bf16",
        head_dim=geometry.d,
        value_dim=geometry.d,
        group=geometry.hq // geometry.hkv,
        gate=gate,
        sink=False,
        packed=False,
        chip=chip,
        **options,
    )


@functools.cache
def kernels(config: _cuda.AttentionConfig) -> dict[str, _cuda.Kernel]:
    """The whole launch, and of the same image the kernel that makes the table and
    the kernel that attends alone."""
    whole = _cuda.attention_kernel(config)
    record = json.loads(whole.record)
    parts = {"table": record["kernels"][:-1], "attention": record["kernels"][-1:]}
    return {"whole": whole} | {
        name: _cuda.Kernel.create(whole.image, json.dumps(record | {"kernels": part}))
        for name, part in parts.items()
    }


class Ours:
    """One kernel on the inputs of a geometry."""

    def __init__(
        self, geometry: Geometry, tensors: Tensors, gate: str, scores: str, chip: str
    ) -> None:
        self.geometry, self.gate = geometry, gate
        self.kernels = kernels(config_of(geometry, gate, chip))
        self.record = json.loads(self.kernels["whole"].record)
        self.selection = selection(scores, geometry.hkv, geometry.n, geometry.topk, geometry.window)
        self.tensors = tensors
        q = tensors.sets[0][0]
        # One set of outputs for each set of inputs: they rotate too.
        self.outputs = [
            (torch.empty_like(q), torch.empty(q.shape[:3], device="cuda")) for _ in tensors.sets
        ]
        self.arguments = []
        for inputs, outputs in zip(tensors.sets, self.outputs, strict=True):
            arrays = dict(zip(("q", "k", "v"), inputs, strict=True))
            arrays |= zip(("scores", "tau", "expiry"), self.selection, strict=True)
            arrays |= zip(("o", "lse"), outputs, strict=True)
            described = {name: _describe(tensor) for name, tensor in arrays.items()}
            self.arguments.append(
                _cuda.Arguments(**described, topk=geometry.topk, window=geometry.window)
            )
        self.workspace_bytes = self.kernels["whole"].workspace_size(self.arguments[0])
        # Torch's allocator aligns to 512 bytes.
        self.workspace = torch.empty(self.workspace_bytes, dtype=torch.uint8, device="cuda")

    def calls(self, part: str) -> list[Callable[[], None]]:
        """Launches of "whole", "table" or "attention", which reads the last table."""
        kernel, device = self.kernels[part], torch.cuda.current_device()

        def launch(arguments: _cuda.Arguments) -> None:
            stream = torch.cuda.current_stream().cuda_stream
            kernel.launch(
                arguments, self.workspace.data_ptr(), self.workspace_bytes, device, stream
            )

        return [functools.partial(launch, arguments) for arguments in self.arguments]

    def problem(self) -> str | None:
        """Launches all of it over NaN and compares some rows with float64."""
        o, lse = self.outputs[0]
        o.fill_(torch.nan)
        lse.fill_(torch.nan)
        self.workspace.fill_(0x7B)
        self.calls("whole")[0]()
        n = self.geometry.n
        generator = torch.Generator("cuda").manual_seed(1)
        rows = torch.randint(0, n, (CHECKED_ROWS,), generator=generator, device="cuda")
        rows[0], rows[1] = n - 1, 0
        if not (bool(o.isfinite().all()) and bool(lse.isfinite().all())):
            return "elements of o or lse are not finite"
        want = self._reference(rows)
        got = o[0][:, rows].double()
        error = float((got - want[0]).norm() / want[0].norm())
        lse_error = float((lse[0][:, rows].double() - want[1]).abs().max())
        if error <= O_TOLERANCE and lse_error <= LSE_TOLERANCE:
            return None
        return f"relative error of o {error:.2e}, of lse {lse_error:.2e}"

    def _reference(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """o and lse of some queries of all heads, f64, from the definitions C5, C6."""
        geometry = self.geometry
        group, window = geometry.hq // geometry.hkv, geometry.window
        q, k, v = (tensor[0] for tensor in self.tensors.sets[0])
        scores, tau, expiry = (tensor[0] for tensor in self.selection)
        age = rows[:, None] - torch.arange(geometry.n, device="cuda")[None, :]
        outputs, sums = [], []
        for head in range(geometry.hkv):
            chosen = (age >= window) & (rows[:, None] < expiry[head][None, :])
            weight = (scores[head][None, :] - tau[head][rows][:, None]).clamp(0, 1).double()
            weight = torch.where(chosen, weight, 1.0)
            queries = q[head * group : (head + 1) * group][:, rows].double()
            logits = queries @ k[head].double().T * geometry.d**-0.5
            if self.gate == "key_value":
                logits = logits * weight
            attended = chosen | ((age >= 0) & (age < window))
            logits = torch.where(attended, logits, -torch.inf)
            total = torch.logsumexp(logits, -1)
            p = torch.exp(logits - total[..., None])
            if self.gate != "none":
                p = p * weight
            outputs.append(p @ v[head].double())
            sums.append(total)
        return torch.cat(outputs), torch.cat(sums)

    @property
    def executed_flops(self) -> float:
        tile = self.record["tile"]
        skipped = tile["rows"] // tile["keys"] - 1 if tile.get("skip_edges") else 0
        return executed_flops(
            self.geometry, self.selection[2], tile["positions"], tile["keys"], tile["rows"], skipped
        )


def compile_times(chip: str) -> dict[str, float]:
    """Milliseconds from nothing to machine code (where ptxas is installed, else to
    PTX), and from the cache on disk."""
    image = "cubin" if shutil.which("ptxas") else "ptx"
    config = config_of(Geometry(2048, 512, 512, 32, 8, 128), "key_value", chip, format=image)
    previous = os.environ.get("SPARSEK_CACHE_DIR")
    times = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SPARSEK_CACHE_DIR"] = folder
        try:
            for name in (f"cold_{image}_ms", "from_disk_ms"):
                started = time.perf_counter()
                _cuda.Kernel.compile(config)
                times[name] = 1e3 * (time.perf_counter() - started)
        finally:
            if previous is None:
                del os.environ["SPARSEK_CACHE_DIR"]
            else:
                os.environ["SPARSEK_CACHE_DIR"] = previous
    return times


def device_chip() -> str:
    """The chip of the current device."""
    return _cuda.device_chip(torch.cuda.current_device())
