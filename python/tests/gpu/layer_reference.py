# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`SparsekAttention` against the same layer on the CPU in f32."""

from __future__ import annotations

import itertools
from typing import Any

import torch

import sparsek.torch as sparsek_torch
from sparsek.torch import SparsekAttention

SIZES = {"hidden_size": 512, "num_heads": 8, "num_kv_heads": 2, "topk": 64, "window": 48}
# ||got - want|| / ||want||: three roundings to bf16 in a row, of 2^-9 each on average.
TOLERANCE = 2e-2
# Scores are the same but for the order of their sums, and few selections flip.
FLIPPED = 0.1


def make_layer(dtype: torch.dtype, device: str, **options: Any) -> SparsekAttention:
    torch.manual_seed(7)
    layer = SparsekAttention(**SIZES, **options).to(dtype)
    if layer.sink is not None:
        torch.nn.init.normal_(layer.sink)
    return layer.to(device).requires_grad_(False)


def inputs_of_layer(
    dtype: torch.dtype, device: str, *, packed: bool = False, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor | None]:
    generator = torch.Generator().manual_seed(seed)
    batch, n = (1, 1501) if packed else (2, 901)
    x = torch.randn(batch, n, SIZES["hidden_size"], generator=generator).to(dtype).to(device)
    if not packed:
        return x, None
    return x, torch.tensor([0, 0, 300, 301, n], dtype=torch.int32, device=device)


def _selection(
    layer: SparsekAttention, x: torch.Tensor, bounds: torch.Tensor | None
) -> torch.Tensor:
    scores = sparsek_torch.score(
        x, layer.score_weight, norm=layer.score_norm, slope=layer.score_slope, cu_seqlens=bounds
    )
    _, expiry = sparsek_torch.select(
        scores, topk=layer.topk, window=layer.window, cu_seqlens=bounds
    )
    return expiry.cpu().long()


def flipped(some: torch.Tensor, other: torch.Tensor, bounds: torch.Tensor | None) -> torch.Tensor:
    """`[B,N]`: queries that see another key with one selection than with the
    other. A key whose expiries differ is seen by those between them with one only."""
    batch, _, n = some.shape
    cuts = [0, n] if bounds is None else bounds.tolist()
    result = torch.zeros(batch, n, dtype=torch.bool)
    for b, head, key in (some != other).nonzero().tolist():
        begin, end = next(pair for pair in itertools.pairwise(cuts) if pair[0] <= key < pair[1])
        first, last = sorted((int(some[b, head, key]), int(other[b, head, key])))
        result[b, begin + first : min(begin + last, end)] = True
    return result


def compare_layer(
    layer: SparsekAttention,
    x: torch.Tensor,
    bounds: torch.Tensor | None,
    got: torch.Tensor | None = None,
) -> str | None:
    """What is wrong with the layer's output for x."""
    got = layer(x, cu_seqlens=bounds) if got is None else got
    options = {
        name: getattr(layer, name)
        for name in ("gate", "score_norm", "score_slope", "score_heads", "head_dim", "rope_theta")
    }
    exact = SparsekAttention(**SIZES, **options, sink=layer.sink is not None)
    exact.load_state_dict({name: t.float().cpu() for name, t in layer.state_dict().items()})
    exact.requires_grad_(False)
    on_host = None if bounds is None else bounds.cpu()
    values = x.float().cpu()
    want = exact(values, cu_seqlens=on_host)
    if got.shape != want.shape or got.dtype != x.dtype:
        return f"an output of shape {tuple(got.shape)}, {got.dtype}"
    got = got.float().cpu()
    if not bool(got.isfinite().all()):
        return "the output has elements that are not finite"
    skip = flipped(_selection(layer, x, bounds), _selection(exact, values, on_host), on_host)
    if float(skip.float().mean()) > FLIPPED:
        return f"the selections of {int(skip.sum())} of {skip.numel()} positions differ"
    got, want = got[~skip].double(), want[~skip].double()
    error = float((got - want).norm() / want.norm())
    return None if error <= TOLERANCE else f"relative error {error:.3g}"
