# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The layer of `sparsek.torch`."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from sparsek import _checks, _ops, _torch_documents
from sparsek.torch import attention, score

# Arguments that other attention blocks take, and what holds here.
_REFUSALS = {
    "attention_mask": "attention is causal, and documents are told apart by cu_seqlens",
    "cache": "there is no cache for decoding yet",
    "past_key_value": "there is no cache for decoding yet",
    "past_key_values": "there is no cache for decoding yet",
    "use_cache": "there is no cache for decoding yet",
    "output_attentions": "the weights of attention are never in memory",
}


class SparsekAttention(nn.Module):
    """Causal self-attention over a window and the best keys before it (C1-C6).

    A layer in the place of a Llama attention block: projections, rotary embedding,
    scores of the layer's input, selection, attention, output projection. The
    projections have the names of Llama's (`q_proj`, `k_proj`, `v_proj`, `o_proj`),
    so its checkpoints load with `load_state_dict(..., strict=False)`; what they
    lack is `score_weight[hidden_size, score_heads]`, and with `sink=True`
    `sink[num_heads]`. `score_weight` may be kept in f32 in a layer of 16 bits.

    `num_kv_heads` (num_heads by default) divides `num_heads`, `score_heads` is 1 or
    `num_kv_heads` (the default), `head_dim` is hidden_size / num_heads by default.
    `topk`, `window`, `gate` and `scale` are those of `sparsek.torch.attention`,
    `score_norm` and `score_slope` the norm and slope of `sparsek.torch.score`.
    `rope_theta` is the base of the rotary embedding, None for a layer without one.
    `return_tuple` makes the output `(output, None)`, which the decoder layers of
    transformers take apart.

    It works under `torch.compile` and autocast, on CPU and CUDA tensors. There is
    no backward pass yet: call it under `torch.no_grad()`.

    Raises TypeError and ValueError for values that are not these.
    """

    sink: nn.Parameter | None

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        num_kv_heads: int | None = None,
        *,
        topk: int,
        window: int,
        head_dim: int | None = None,
        score_heads: int | None = None,
        gate: str = "key_value",
        score_norm: str = "none",
        score_slope: float = 0.0,
        rope_theta: float | None = 10000.0,
        attention_bias: bool = False,
        output_bias: bool = False,
        scale: float | None = None,
        sink: bool = False,
        return_tuple: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.hidden_size = _checks.integer("hidden_size", hidden_size, 1)
        self.num_heads = _checks.integer("num_heads", num_heads, 1)
        num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        self.num_kv_heads = _checks.integer("num_kv_heads", num_kv_heads, 1)
        score_heads = num_kv_heads if score_heads is None else score_heads
        self.score_heads = _checks.integer("score_heads", score_heads, 1)
        if num_heads % num_kv_heads:
            raise ValueError(
                f"num_kv_heads must divide num_heads = {num_heads}, got {num_kv_heads}"
            )
        if score_heads not in (1, num_kv_heads):
            raise ValueError(
                f"score_heads must be 1 or num_kv_heads = {num_kv_heads}, got {score_heads}"
            )
        if head_dim is None:
            if hidden_size % num_heads:
                raise ValueError(
                    f"num_heads must divide hidden_size = {hidden_size} where head_dim is not "
                    f"given, got {num_heads}"
                )
            head_dim = hidden_size // num_heads
        self.head_dim = _checks.integer("head_dim", head_dim, 1)
        self.topk = _checks.integer("topk", topk, 1)
        self.window = _checks.integer("window", window, 0)
        _checks.one_of("gate", gate, _checks.GATES)
        _checks.one_of("score_norm", score_norm, _ops.NORMS)
        self.gate, self.score_norm = gate, score_norm
        self.score_slope = _checks.number("score_slope", score_slope)
        self.scale = _checks.scale(scale)
        self.return_tuple = return_tuple
        self.rope_theta = None
        if rope_theta is not None:
            self.rope_theta = _checks.number("rope_theta", rope_theta)
            if self.rope_theta <= 0:
                raise ValueError(f"rope_theta must be above 0, got {rope_theta}")
            if self.head_dim % 2:
                raise ValueError(f"a rotary embedding needs an even head_dim, got {head_dim}")

        made = {"device": device, "dtype": dtype}
        query_size, kv_size = num_heads * head_dim, num_kv_heads * head_dim
        self.q_proj = nn.Linear(hidden_size, query_size, bias=attention_bias, **made)
        self.k_proj = nn.Linear(hidden_size, kv_size, bias=attention_bias, **made)
        self.v_proj = nn.Linear(hidden_size, kv_size, bias=attention_bias, **made)
        self.o_proj = nn.Linear(query_size, hidden_size, bias=output_bias, **made)
        self.score_weight = nn.Parameter(torch.empty(hidden_size, score_heads, **made))
        self.sink = nn.Parameter(torch.empty(num_heads, **made)) if sink else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new scoring weights, and sets the sinks to 0. Scores of features of
        unit variance have unit variance, the width of a gate's ramp."""
        nn.init.normal_(self.score_weight, std=self.hidden_size**-0.5)
        if self.sink is not None:
            nn.init.zeros_(self.sink)

    def forward(
        self,
        hidden_states: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor] | None = None,
        *,
        position_ids: torch.Tensor | None = None,
        cu_seqlens: torch.Tensor | None = None,
        **others: Any,
    ) -> torch.Tensor | tuple[torch.Tensor, None]:
        """The output `[B,N,C]` of the layer for `hidden_states[B,N,C]`.

        `cu_seqlens[S+1]` (i32, B = 1) cuts the positions into documents.
        `position_ids` (`[N]`, `[1,N]` or `[B,N]`) are the positions that the rotary
        embedding sees, by default those within the sequence or the document; windows
        and selection count rows. `position_embeddings` are its cosines and sines, both
        `[1,N,head_dim]` or `[B,N,head_dim]`, in the place of positions and rope_theta.

        Other arguments of attention blocks are accepted where they ask for nothing
        (None or False; `cache_position`, which says where in a cache rows go).

        Raises TypeError for other arguments, ValueError for shapes that are not
        these, and what `sparsek.torch.score` and `attention` raise.
        """
        _refuse(others)
        _checks.rank("hidden_states", hidden_states.shape, 3)
        batch, length, features = hidden_states.shape
        sizes = ("hidden_states[2]", features), ("hidden_size", self.hidden_size)
        _checks.equal("feature sizes", *sizes)
        if cu_seqlens is not None:
            _checks.packing(cu_seqlens.shape, batch)
        scores = score(
            hidden_states,
            self.score_weight,
            slope=self.score_slope,
            norm=self.score_norm,
            cu_seqlens=cu_seqlens,
        )
        kv_heads = (batch, length, self.num_kv_heads, self.head_dim)
        q = self.q_proj(hidden_states).view(batch, length, self.num_heads, self.head_dim)
        k = self.k_proj(hidden_states).view(kv_heads)
        v = self.v_proj(hidden_states).view(kv_heads)
        rotation = self._rotation(hidden_states, position_embeddings, position_ids, cu_seqlens)
        if rotation is not None:
            q, k = _rotate(q, *rotation), _rotate(k, *rotation)
        o = attention(
            q.transpose(1, 2),
            k.transpose(1, 2),
            v.transpose(1, 2),
            scores=scores,
            topk=self.topk,
            window=self.window,
            gate=self.gate,
            scale=self.scale,
            sink=None if self.sink is None else self.sink.float(),
            cu_seqlens=cu_seqlens,
        )
        # In memory o has positions before heads, as q has: this is a view.
        output = self.o_proj(o.transpose(1, 2).flatten(2))
        return (output, None) if self.return_tuple else output

    def _rotation(
        self,
        hidden_states: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor] | None,
        position_ids: torch.Tensor | None,
        cu_seqlens: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Cosines and sines, `[B or 1,N,head_dim]` in f32."""
        batch, length, _ = hidden_states.shape
        if self.rope_theta is None:
            if position_embeddings is not None:
                raise ValueError(
                    "position_embeddings were given to a layer without a rotary embedding "
                    "(rope_theta=None)"
                )
            return None
        if position_embeddings is not None:
            cos, sin = position_embeddings
            for name, tensor in (("cos", cos), ("sin", sin)):
                name = f"{name} of position_embeddings"
                _check_rows(name, tensor.shape, batch, length, self.head_dim)
            return cos.float(), sin.float()
        if position_ids is None:
            position_ids = _torch_documents.positions(length, cu_seqlens, hidden_states.device)
        if position_ids.dim() == 1:
            position_ids = position_ids[None]
        _check_rows("position_ids", position_ids.shape, batch, length)
        # Computed anew, in f32: a buffer would be cast with the module.
        exponents = torch.arange(
            0, self.head_dim, 2, dtype=torch.float32, device=hidden_states.device
        )
        frequencies = self.rope_theta ** (exponents / -self.head_dim)
        angles = position_ids[:, :, None].float() * frequencies
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos(), angles.sin()

    def extra_repr(self) -> str:
        names = (
            *("hidden_size", "num_heads", "num_kv_heads", "head_dim", "score_heads"),
            *("topk", "window", "gate", "score_norm", "score_slope", "rope_theta", "scale"),
        )
        values = [f"{name}={getattr(self, name)}" for name in names]
        return ", ".join([*values, f"sink={self.sink is not None}"])


def _refuse(others: dict[str, Any]) -> None:
    for name, value in others.items():
        if value is None or value is False or name == "cache_position":
            continue
        reason = f": {_REFUSALS[name]}" if name in _REFUSALS else ""
        raise TypeError(
            f"SparsekAttention cannot honour {name}{reason}; its arguments are hidden_states, "
            "position_embeddings, position_ids and cu_seqlens"
        )


def _check_rows(name: str, shape: torch.Size, batch: int, *sizes: int) -> None:
    """Raises ValueError for another shape than `[1, *sizes]` or `[batch, *sizes]`."""
    if len(shape) != len(sizes) + 1 or shape[0] not in (1, batch) or tuple(shape[1:]) != sizes:
        raise ValueError(
            f"{name} must have the shape {(1, *sizes)} or {(batch, *sizes)}, got {tuple(shape)}"
        )


def _rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotates `x[B,N,H,D]`, the first half of each head with the second, in f32."""
    first, second = x.float().chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return (x.float() * cos[:, :, None] + turned * sin[:, :, None]).to(x.dtype)
