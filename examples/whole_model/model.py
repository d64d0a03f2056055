# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small Llama-style model in PyTorch whose attention is SPARSEK.

Four decoder layers with RMSNorm, rotary embedding, grouped query attention and SwiGLU, over
hidden states (no embedding, no vocabulary). Weights come from a seed by NumPy, so that what runs
without PyTorch has the same ones.
"""

from __future__ import annotations

import numpy as np

LAYERS, HIDDEN, HEADS, KV_HEADS, MLP = 4, 512, 8, 2, 1408
TOPK, WINDOW = 256, 256
EPSILON = 1e-5


def shapes() -> dict[str, tuple[int, ...]]:
    """The weights in the order of `model.named_parameters()`."""
    kv = HIDDEN // HEADS * KV_HEADS
    layer = {
        "norm.weight": (HIDDEN,),
        "attention.score_weight": (HIDDEN, KV_HEADS),
        "attention.q_proj.weight": (HIDDEN, HIDDEN),
        "attention.k_proj.weight": (kv, HIDDEN),
        "attention.v_proj.weight": (kv, HIDDEN),
        "attention.o_proj.weight": (HIDDEN, HIDDEN),
        "mlp_norm.weight": (HIDDEN,),
        "gate_proj.weight": (MLP, HIDDEN),
        "up_proj.weight": (MLP, HIDDEN),
        "down_proj.weight": (HIDDEN, MLP),
    }
    return {
        **{f"layers.{i}.{name}": shape for i in range(LAYERS) for name, shape in layer.items()},
        "norm.weight": (HIDDEN,),
    }


def make_weights(seed: int = 0) -> dict[str, np.ndarray]:
    """f32, such that every layer keeps the scale of its input."""
    rng = np.random.default_rng(seed)
    made = {}
    for name, shape in shapes().items():
        if len(shape) == 1:
            weight = 1 + 0.1 * rng.standard_normal(shape)
        else:
            features = shape[0] if name.endswith("score_weight") else shape[1]
            weight = rng.standard_normal(shape) / np.sqrt(features)
        made[name] = weight.astype(np.float32)
    return made


def make_model(dtype: str = "f32", seed: int = 0):
    """The model with the weights of a seed, in "f32" or "bf16"."""
    import torch
    from torch import nn

    import sparsek.torch

    class RMSNorm(nn.Module):
        """In f32 whatever the type of its input, as Llama's."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(HIDDEN))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            wide = x.float()
            wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + EPSILON)
            return self.weight * wide.to(x.dtype)

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = RMSNorm()
            self.attention = sparsek.torch.SparsekAttention(
                HIDDEN, HEADS, KV_HEADS, topk=TOPK, window=WINDOW
            )
            self.mlp_norm = RMSNorm()
            self.gate_proj = nn.Linear(HIDDEN, MLP, bias=False)
            self.up_proj = nn.Linear(HIDDEN, MLP, bias=False)
            self.down_proj = nn.Linear(MLP, HIDDEN, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x + self.attention(self.norm(x))
            y = self.mlp_norm(x)
            gated = nn.functional.silu(self.gate_proj(y)) * self.up_proj(y)
            return x + self.down_proj(gated)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
            self.norm = RMSNorm()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.layers:
                x = layer(x)
            return self.norm(x)

    model = Model().eval()
    weights = {name: torch.from_numpy(array) for name, array in make_weights(seed).items()}
    model.load_state_dict(weights)
    return model.to({"f32": torch.float32, "bf16": torch.bfloat16}[dtype])
