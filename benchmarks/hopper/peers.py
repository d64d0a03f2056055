# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Other attention kernels, and the ceilings of the machine."""

from __future__ import annotations

import functools
import importlib.metadata
import os
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from hopper.inputs import Geometry, Tensors, selection

Calls = Sequence[Callable[[], object]]
FLEX_MAX_LENGTH = 16384
DENSE = ("fa4_dense", "cudnn_dense", "fa2_dense")
NAMES = (*DENSE, "fa4_window", "flex")


@functools.cache
def fa4() -> Callable | None:
    """FlashAttention-4, with its kernels kept on disk, or None if it does not work."""
    os.environ.setdefault("FLASH_ATTENTION_CUTE_DSL_CACHE_ENABLED", "1")
    try:
        from flash_attn.cute import flash_attn_func
    except Exception as error:  # Not installed, or not with these versions of the rest.
        print(f"without FlashAttention-4: {type(error).__name__}: {error}", flush=True)
        return None
    return flash_attn_func


def _fa4_calls(tensors: Tensors, reach: int | None) -> Calls:
    attend = fa4()
    options = {} if reach is None else {"window_size": (reach - 1, 0)}
    return [
        functools.partial(attend, q, k, v, causal=True, **options)
        for q, k, v in tensors.positions_first
    ]


def _sdpa_calls(geometry: Geometry, tensors: Tensors, backend: SDPBackend) -> Calls:
    def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        with sdpa_kernel(backend):
            return F.scaled_dot_product_attention(
                q, k, v, is_causal=True, enable_gqa=geometry.hq != geometry.hkv
            )

    return [functools.partial(attend, *one) for one in tensors.sets]


def window_peers(geometry: Geometry, tensors: Tensors) -> dict[str, Calls]:
    """A sliding window of topk + window keys: as many pairs."""
    if fa4() is None:
        return {}
    return {"fa4_window": _fa4_calls(tensors, geometry.topk + geometry.window)}


def dense_peers(geometry: Geometry, tensors: Tensors) -> dict[str, Calls]:
    """Causal attention over everything."""
    peers = {} if fa4() is None else {"fa4_dense": _fa4_calls(tensors, None)}
    peers["cudnn_dense"] = _sdpa_calls(geometry, tensors, SDPBackend.CUDNN_ATTENTION)
    peers["fa2_dense"] = _sdpa_calls(geometry, tensors, SDPBackend.FLASH_ATTENTION)
    return peers


def flex_peers(geometry: Geometry, tensors: Tensors) -> dict[str, Calls]:
    """FlexAttention with the same mask and no gates. Its block mask is made before;
    it holds a value for every pair while it is made, so long inputs do not fit."""
    if geometry.n > FLEX_MAX_LENGTH:
        return {}
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    _, _, expiry = selection("random", geometry.hkv, geometry.n, geometry.topk, geometry.window)
    group, window, n = geometry.hq // geometry.hkv, geometry.window, geometry.n

    def visible(b, h, query, key):
        chosen = (query - key >= window) & (query < expiry[0, h // group, key])
        return (query >= key) & ((query - key < window) | chosen)

    mask = create_block_mask(visible, 1, geometry.hq, n, n, device="cuda")
    compiled = torch.compile(flex_attention, dynamic=False)
    options = {"block_mask": mask, "enable_gqa": geometry.hq != geometry.hkv}
    return {"flex": [functools.partial(compiled, *one, **options) for one in tensors.sets]}


def ceilings() -> dict[str, Calls]:
    """A copy of 2 GiB and a matrix product of side 8192."""
    source = torch.empty(2**31, dtype=torch.uint8, device="cuda").random_()
    target = torch.empty_like(source)
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    return {"copy": [lambda: target.copy_(source)], "matmul": [lambda: a @ b]}


def ceiling_figures(milliseconds: dict[str, float]) -> dict[str, float]:
    figures = {}
    if "copy" in milliseconds:
        figures["copy_gbytes_per_second"] = 2 * 2**31 / milliseconds["copy"] / 1e6
    if "matmul" in milliseconds:
        figures["matmul_tflops"] = 2 * 8192**3 / milliseconds["matmul"] / 1e9
    return figures


def versions() -> dict[str, str]:
    """Of everything that is timed."""
    found = {"torch": torch.__version__, "cudnn": str(torch.backends.cudnn.version())}
    for name in ("flash-attn-4", "nvidia-cutlass-dsl", "triton"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
