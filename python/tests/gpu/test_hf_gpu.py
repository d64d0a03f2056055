# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of transformers with attention by sparsek on a GPU, against the CPU in f32."""

from __future__ import annotations

import copy
import os

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")
if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

from transformers import (  # noqa: E402
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

import sparsek.hf  # noqa: E402

pytestmark = [pytest.mark.library, pytest.mark.usefixtures("no_gradients")]

DEVICE = "cuda"
N = 901
# ||got - want|| / ||want|| of a position: some roundings to 16 bits, of 2^-9 each in bf16.
TOLERANCE = 4e-2
# Hidden states are the same: scores differ in the order of sums only, and few selections flip.
FLIPPED = 0.1

every_model = pytest.mark.parametrize(
    "config_class",
    (LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config),
    ids=lambda config_class: config_class.model_type,
)


@pytest.fixture
def no_gradients():
    sparsek.hf.register()
    torch.manual_seed(0)
    with torch.no_grad():
        yield


def make(config_class=LlamaConfig, dtype=torch.bfloat16, implementation="sparsek", **options):
    config = config_class(
        hidden_size=512,
        intermediate_size=1024,
        num_attention_heads=8,
        num_key_value_heads=2,
        head_dim=64,
        num_hidden_layers=2,
        vocab_size=256,
        initializer_range=0.04,
        **{"sliding_window": None, "sparsek_topk": 64, "sparsek_window": 48, **options},
    )
    model = AutoModelForCausalLM.from_config(
        config, attn_implementation=implementation, dtype=dtype
    )
    return model.to(DEVICE).eval()


def tokens(batch=2, length=N) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (batch, length), generator=generator).to(DEVICE)


def differing(got: torch.Tensor, want: torch.Tensor) -> float:
    """The share of positions whose vectors differ by more than the tolerance."""
    got, want = got.double().cpu(), want.double().cpu()
    assert got.isfinite().all()
    far = (got - want).norm(dim=-1) > TOLERANCE * want.norm(dim=-1)
    return far.double().mean().item()


@every_model
@pytest.mark.parametrize("gate", ("key_value", "value", "none"))
@pytest.mark.parametrize("dtype", (torch.bfloat16, torch.float16), ids=str)
def test_layers(config_class, gate, dtype):
    """Each attention layer against itself on the CPU in f32, for the same hidden states."""
    model = make(config_class, dtype, sparsek_gate=gate)
    seen = []
    for layer in model.model.layers:
        layer.self_attn.register_forward_hook(
            lambda module, _, kwargs, out: seen.append((module, kwargs, out[0])), with_kwargs=True
        )
    model(tokens(), use_cache=False)
    assert len(seen) == 2
    for module, kwargs, got in seen:
        module._forward_hooks.clear()
        exact = copy.deepcopy(module).cpu().float()
        want, _ = exact(
            kwargs["hidden_states"].cpu().float(),
            position_embeddings=tuple(t.cpu().float() for t in kwargs["position_embeddings"]),
            attention_mask=None,
        )
        assert differing(got, want) < FLIPPED


@every_model
def test_everything_in_reach_is_dense_attention(config_class):
    dense = make(config_class, implementation="sdpa")
    model = make(config_class, sparsek_topk=N, sparsek_gate="none")
    model.load_state_dict(dense.state_dict(), strict=False)
    assert differing(model(tokens()).logits, dense(tokens()).logits) < 0.01


def test_padding():
    model, mask = make(), torch.ones(2, N, dtype=torch.long, device=DEVICE)
    mask[1, 500:] = 0
    logits = model(tokens(), attention_mask=mask).logits
    assert logits.isfinite().all()
    whole = model(tokens()).logits
    assert differing(logits[0], whole[0]) == 0
    assert differing(logits[1, :500], whole[1, :500]) == 0
    with pytest.raises(ValueError, match="needs padding on the right"):
        model(tokens(), attention_mask=mask.flip(1))


def test_generation_without_a_cache():
    model, ids = make(), tokens(1, 12)
    options = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None}
    assert model.generate(ids, use_cache=False, **options).shape == (1, 17)
    with pytest.raises(NotImplementedError, match="no cache for decoding yet"):
        model.generate(ids, **options)


def test_compile():
    model = make()
    compiled = torch.compile(model, dynamic=True)
    for length in (N, 300):
        got = compiled(tokens(length=length), use_cache=False).logits
        assert differing(got, model(tokens(length=length)).logits) < FLIPPED


def test_checkpoint(tmp_path):
    model = make()
    model.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(
        tmp_path, attn_implementation="sparsek", dtype=torch.bfloat16
    ).to(DEVICE)
    assert torch.equal(again(tokens()).logits, model(tokens()).logits)


def test_autocast():
    model = make(dtype=torch.float32)
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        logits = model(tokens()).logits
    assert logits.isfinite().all()
