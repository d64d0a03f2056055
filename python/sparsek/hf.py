# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""SPARSEK attention in models of transformers.

    import sparsek.hf
    sparsek.hf.register()
    model = AutoModelForCausalLM.from_pretrained(path, attn_implementation="sparsek")

After `register()` the attention layers of decoder models that take their attention
from transformers' AttentionInterface (Llama, Mistral, Qwen2, Qwen3 and the like) can
be computed by `sparsek.torch`: q, k and v are the model's own, the scores of the keys
come from the hidden states that the attention layer receives, by a new projection
`score_proj` in each layer. Its weights are saved and loaded with the model; where a
checkpoint has none, they are drawn as those of the model's other projections.

The config of the model says how, and is saved with it:

| field | default | meaning |
|---|---|---|
| `sparsek_topk` | 1024 | keys selected before the window (C3) |
| `sparsek_window` | 1024 | keys of the window (C2) |
| `sparsek_gate` | "key_value" | "key_value", "value", "none" or "straight_through" (C5) |
| `sparsek_score_heads` | None | 1, or the number of KV heads, which None means |
| `sparsek_score_norm` | "none" | "none" or "timestep" (C1) |
| `sparsek_score_slope` | 0.0 | slope of the scores in the position (C1) |

`from_pretrained` takes them by these names too. Layers with a sliding window of their
own (Qwen, where `use_sliding_window` is set) keep it and get no scores; a model in
which every layer has one is refused.

Batches may be padded on the right. There is no cache for decoding yet and no backward
pass: run the model under `torch.no_grad()`, and generate with `use_cache=False`.
"""

from __future__ import annotations

import inspect
from typing import Any

from sparsek import _checks, _ops

try:
    import torch
    from torch import nn
    from torch.nn.modules.module import register_module_module_registration_hook
    from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedConfig
    from transformers.utils.import_utils import is_tracing
except ImportError as error:
    raise ImportError(
        "sparsek.hf needs PyTorch and transformers 5 (pip install 'sparsek[transformers]'): "
        f"{error}"
    ) from error

from sparsek.torch import attention, score

__all__ = ["NAME", "prepare", "register"]

NAME = "sparsek"
"""The `attn_implementation`."""

_DEFAULTS = {
    "sparsek_topk": 1024,
    "sparsek_window": 1024,
    "sparsek_gate": "key_value",
    "sparsek_score_heads": None,
    "sparsek_score_norm": "none",
    "sparsek_score_slope": 0.0,
}

# Arguments that transformers hands to attention functions and that change what is computed.
_REFUSALS = {
    "softcap": "logits cannot be capped",
    "position_bias": "logits have no bias",
    "s_aux": "sinks of the model are not supported",
    "head_mask": "heads cannot be masked",
    "output_attentions": "the weights of attention are never in memory",
    "cu_seq_lens_q": "packed sequences are not supported; pad them on the right",
}

_NO_DECODING = (
    "attention by sparsek has no cache for decoding yet: the whole sequence must be given at "
    "once, without a cache that holds keys (generate with use_cache=False)"
)

_ONE_SEQUENCE = (
    "attention by sparsek is causal over one sequence per row: it takes no packed sequences "
    "(position_ids that restart) and no masks but that of padding"
)

_PADDING = (
    "attention by sparsek needs padding on the right, behind the tokens of each row, and the "
    "attention_mask has a token behind padding (tokenizer.padding_side = 'right')"
)

_hook: Any = None


def register() -> None:
    """Makes `attn_implementation="sparsek"` known to transformers.

    Models that are made or loaded with it afterwards have `score_proj` in their
    attention layers. A model that is there already needs `prepare`. Calling this
    again changes nothing.
    """
    global _hook
    if _hook is not None:
        return
    AttentionInterface.register(NAME, _attention)
    AttentionMaskInterface.register(NAME, _mask)
    # As defaults of every config, so that from_pretrained takes them as its arguments.
    for name, value in _DEFAULTS.items():
        setattr(PreTrainedConfig, name, value)
    # Called for every module that another one gets as a child: the projections are there
    # before a checkpoint is loaded.
    _hook = register_module_module_registration_hook(_equip_child)


def prepare(model: nn.Module) -> nn.Module:
    """Switches a model that is there already to attention by sparsek, and returns it.

    Adds `score_proj` to its attention layers, with newly drawn weights on the device
    and in the type of the layer. Registers first.

    Raises ValueError for a model without an attention layer that can be switched, or
    with values in its config that are none, and what `set_attn_implementation` of the
    model raises.
    """
    register()
    layers = [module for module in model.modules() if _is_attention(module)]
    if not layers:
        raise ValueError(
            f"{type(model).__name__} has no attention layer that takes its attention from "
            "transformers' AttentionInterface"
        )
    for module in layers:
        _equip(module)
    model.set_attn_implementation(NAME)
    return model


# ---- Layers ----


def _is_attention(module: nn.Module) -> bool:
    return (
        isinstance(getattr(module, "config", None), PreTrainedConfig)
        and hasattr(module, "layer_idx")
        and hasattr(module, "num_key_value_groups")
    )


def _equip_child(_: nn.Module, name: str, module: nn.Module) -> None:
    if module is not None and _is_attention(module) and module.config._attn_implementation == NAME:
        _equip(module)


def _equip(module: nn.Module) -> None:
    """Adds the projection of the scores, and the hook that computes them."""
    config = module.config
    heads = _check(config)
    kind = _layer_type(module)
    if kind not in ("full_attention", "sliding_attention"):
        raise ValueError(f"a layer of the type {kind!r} cannot be computed by sparsek")
    if hasattr(module, "score_proj") or kind == "sliding_attention":
        return
    parameters = inspect.signature(module.forward).parameters.values()
    if not getattr(module, "is_causal", False) or all(
        parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters
    ):
        raise ValueError(
            f"{type(module).__name__} cannot be computed by sparsek: only causal self-attention "
            "that passes other arguments on to its attention function can"
        )
    # While a model is made, the type and device are those of the context, as for the others.
    like = next(module.parameters())
    module.score_proj = nn.Linear(
        config.hidden_size, heads, bias=False, device=like.device, dtype=like.dtype
    )
    with torch.no_grad():
        module.score_proj.weight.normal_(std=getattr(config, "initializer_range", None) or 0.02)
    module.register_forward_pre_hook(_add_scores, with_kwargs=True)


def _check(config: PreTrainedConfig) -> int:
    """The number of score heads. Raises for values of the config that are none."""
    _checks.integer("sparsek_topk", config.sparsek_topk, 1)
    _checks.integer("sparsek_window", config.sparsek_window, 0)
    _checks.one_of("sparsek_gate", config.sparsek_gate, _checks.GATES)
    _checks.one_of("sparsek_score_norm", config.sparsek_score_norm, _ops.NORMS)
    _checks.number("sparsek_score_slope", config.sparsek_score_slope)
    # In the config from now on, so that it is saved with what it stands for.
    for name in _DEFAULTS:
        setattr(config, name, getattr(config, name))
    layers = getattr(config, "layer_types", None)
    sliding = getattr(config, "sliding_window", None)
    if sliding is not None and (not layers or set(layers) == {"sliding_attention"}):
        raise ValueError(
            f"every layer of the model has a sliding window of {sliding} keys, which leaves "
            "nothing to select: to put attention by sparsek in its place, load the model with "
            "sliding_window=None"
        )
    kv_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    heads = kv_heads if config.sparsek_score_heads is None else config.sparsek_score_heads
    heads = _checks.integer("sparsek_score_heads", heads, 1)
    if heads not in (1, kv_heads):
        raise ValueError(
            f"sparsek_score_heads must be 1, or the number of KV heads ({kv_heads}), got {heads}"
        )
    return heads


def _layer_type(module: nn.Module) -> str:
    layers = getattr(module.config, "layer_types", None)
    return layers[module.layer_idx] if layers else "full_attention"


def _add_scores(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Gives the scores to the layer, which passes them on to `_attention`: that is where
    the hidden states are."""
    config = module.config
    if config._attn_implementation != NAME:
        return None
    scores = score(
        args[0] if args else kwargs["hidden_states"],
        module.score_proj.weight.t(),
        slope=config.sparsek_score_slope,
        norm=config.sparsek_score_norm,
    )
    return args, {**kwargs, "sparsek_scores": scores}


# ---- Functions of the interfaces ----


def _attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    is_causal: bool | None = None,
    sparsek_scores: torch.Tensor | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """`query[B,Hq,N,D]`, `key[B,Hkv,N,D]`, `value[B,Hkv,N,Dv]`, and of `attention_mask`
    what `_mask` made; returns `[B,N,Hq,Dv]`."""
    for name, reason in _REFUSALS.items():
        if others.get(name) is not None and others[name] is not False:
            raise ValueError(f"attention by sparsek cannot honour {name}: {reason}")
    if dropout:
        raise ValueError(f"attention by sparsek has no dropout, got {dropout}")
    if is_causal is False:
        raise ValueError("attention by sparsek is causal, and is_causal=False was given")
    if query.shape[2] != key.shape[2]:
        raise NotImplementedError(_NO_DECODING)
    positions = others.get("position_ids")
    if attention_mask is None and module.layer_idx == 0 and getattr(positions, "ndim", 0) == 2:
        # With padding, positions behind the tokens may be anything.
        _require((_steps(positions) > 0).all(), _ONE_SEQUENCE)
    config = module.config
    budget = {
        "topk": config.sparsek_topk,
        "window": config.sparsek_window,
        "gate": config.sparsek_gate,
    }
    if sliding_window is not None:
        # The layer's own window and nothing before it.
        budget = {"topk": 1, "window": sliding_window, "gate": "none"}
        sparsek_scores = query.new_full(
            (query.shape[0], 1, query.shape[2]), -torch.inf, dtype=torch.float32
        )
    elif sparsek_scores is None:
        raise RuntimeError(
            f"layer {module.layer_idx} of the model has no score_proj: make or load the model with "
            'attn_implementation="sparsek" after sparsek.hf.register(), or call '
            "sparsek.hf.prepare(model)"
        )
    if attention_mask is not None:
        if attention_mask.dim() != 2:
            raise ValueError(
                "attention by sparsek takes no mask of its own "
                f"(got one of shape {tuple(attention_mask.shape)}), only the attention_mask [B,N] "
                "of a batch that is padded on the right"
            )
        sparsek_scores = sparsek_scores.masked_fill(~attention_mask[:, None, :], -torch.inf)
    o = attention(query, key, value, sparsek_scores, **budget, scale=scaling)
    return o.transpose(1, 2), None


def _mask(
    *,
    q_length: int,
    kv_length: int,
    q_offset: int | torch.Tensor,
    attention_mask: torch.Tensor | None,
    allow_is_causal_skip: bool = False,
    use_vmap: bool = False,
    **others: Any,
) -> torch.Tensor | None:
    """The real tokens `[B,N]` of a batch that is padded on the right, None for one without
    padding. Causality and windows are the attention function's."""
    if isinstance(q_offset, torch.Tensor) or q_offset != 0 or q_length != kv_length:
        raise NotImplementedError(_NO_DECODING)
    tracing = is_tracing(attention_mask)
    # transformers forbids to skip the mask where it is not the causal one; while it is
    # traced it does not look whether sequences are packed, and forbids always. The first
    # layer looks.
    bidirectional = "allow_is_bidirectional_skip" in others
    if bidirectional or (not allow_is_causal_skip and (use_vmap or not tracing)):
        raise ValueError(_ONE_SEQUENCE)
    if attention_mask is None:
        return None
    _require((_steps(attention_mask.int(), 0) <= 0).all(), _PADDING)
    return None if not tracing and attention_mask.all() else attention_mask


def _steps(rows: torch.Tensor, first: int = 1) -> torch.Tensor:
    """The differences `[B,N]` of neighbours in `rows[B,N]`, and first in front. Of this form,
    which has no length N - 1, programs with a dynamic N can be exported."""
    return torch.diff(rows, prepend=rows[:, :1] - first, dim=-1)


def _require(condition: torch.Tensor, message: str) -> None:
    """Raises ValueError; while the model is traced, the program will raise RuntimeError."""
    if is_tracing(condition):
        torch._assert_async(condition, message)
    elif not condition:
        raise ValueError(message)
