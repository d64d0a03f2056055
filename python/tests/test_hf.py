# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`sparsek.hf`: small models of transformers with random weights, on the CPU."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import oracle
import sparsek

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_OFFLINE"] = "1"

from transformers import (  # noqa: E402
    AutoConfig,
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
)
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb  # noqa: E402

import sparsek.hf  # noqa: E402
import sparsek.torch as sparsek_torch  # noqa: E402
from docs_examples import run_examples  # noqa: E402

pytestmark = pytest.mark.library

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "num_hidden_layers": 2,
    "vocab_size": 64,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
}
BUDGET = {"sparsek_topk": 5, "sparsek_window": 3}
CONFIGS = (LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config)
N = 40

every_model = pytest.mark.parametrize("config_class", CONFIGS, ids=lambda c: c.model_type)


@pytest.fixture(autouse=True)
def registered():
    sparsek.hf.register()
    torch.manual_seed(0)
    with torch.no_grad():
        yield


def config_of(config_class=LlamaConfig, **options) -> PreTrainedConfig:
    if config_class is MistralConfig:  # Its default is a window of 4096.
        options = {"sliding_window": None, **options}
    return config_class(**{**SIZES, **BUDGET, **options})


def make(config_class=LlamaConfig, implementation="sparsek", **options):
    config = config_of(config_class, **options)
    return AutoModelForCausalLM.from_config(config, attn_implementation=implementation).eval()


def tokens(batch=2, length=N, seed=1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, SIZES["vocab_size"], (batch, length), generator=generator)


def attention_layers(model):
    return [layer.self_attn for layer in model.model.layers]


def close(got, want, tolerance=1e-5):
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert np.linalg.norm(got - want) <= tolerance * np.linalg.norm(want)


# ---- The definition in float64 ----


def expected_attention(module, x, position_embeddings) -> np.ndarray:
    """What an attention layer gives for its hidden states x, by the oracle, with its own
    projections in double precision."""
    module, x = copy.deepcopy(module).double(), x.double()
    config = module.config

    def project(linear, norm=None):
        y = linear(x).view(*x.shape[:2], -1, module.head_dim)
        return (y if norm is None else norm(y)).transpose(1, 2)

    q = project(module.q_proj, getattr(module, "q_norm", None))
    k = project(module.k_proj, getattr(module, "k_norm", None))
    v = project(module.v_proj)
    q, k = apply_rotary_pos_emb(q, k, *(t.double() for t in position_embeddings))
    u, _ = oracle.score(
        x.numpy(),
        module.score_proj.weight.T.numpy(),
        slope=config.sparsek_score_slope,
        norm=config.sparsek_score_norm,
    )
    o, _ = oracle.attention(
        *(t.numpy() for t in (q, k, v)),
        u.astype(np.float32),
        topk=config.sparsek_topk,
        window=config.sparsek_window,
        gate=config.sparsek_gate,
        scale=module.scaling,
    )
    o = torch.from_numpy(o).transpose(1, 2).flatten(2)
    return module.o_proj(o).numpy()


class TestForward:
    @every_model
    @pytest.mark.parametrize(
        "options",
        (
            {},
            {"sparsek_gate": "value", "sparsek_score_heads": 1, "sparsek_score_norm": "timestep"},
            {"sparsek_gate": "none", "sparsek_window": 0, "sparsek_score_slope": 0.05},
        ),
        ids=str,
    )
    def test_layers(self, config_class, options):
        model = make(config_class, **options)
        seen = []
        for module in attention_layers(model):
            assert module.score_proj.weight.shape == (options.get("sparsek_score_heads", 2), 32)
            module.register_forward_hook(
                lambda m, _, kwargs, out: seen.append((m, kwargs, out[0])), with_kwargs=True
            )
        model(tokens())
        assert len(seen) == 2
        for module, kwargs, got in seen:
            want = expected_attention(
                module, kwargs["hidden_states"], kwargs["position_embeddings"]
            )
            close(got, want)

    @every_model
    def test_everything_in_reach_is_dense_attention(self, config_class):
        dense = make(config_class, "eager")
        options = {"sparsek_topk": N, "sparsek_gate": "none"}
        model = make(config_class, **options)
        model.load_state_dict(dense.state_dict(), strict=False)
        close(model(tokens()).logits, dense(tokens()).logits)
        # What is out of reach counts.
        model.config.sparsek_topk = 1
        assert not torch.allclose(model(tokens()).logits, dense(tokens()).logits, rtol=1e-2)

    def test_16_bits(self):
        model = make()
        low = copy.deepcopy(model).bfloat16()
        assert low.model.layers[0].self_attn.score_proj.weight.dtype == torch.bfloat16
        got = low(tokens()).logits
        assert got.dtype == torch.bfloat16
        close(got.float(), model(tokens()).logits, 0.1)

    def test_prefix(self):
        model = make()
        whole = model(tokens()).logits
        close(model(tokens()[:, :17]).logits, whole[:, :17])

    def test_layers_with_a_window_of_their_own(self):
        options = {
            "use_sliding_window": True,
            "sliding_window": 6,
            "layer_types": ["full_attention", "sliding_attention"],
            "sparsek_topk": N,
            "sparsek_gate": "none",
        }
        dense, model = make(Qwen3Config, "eager", **options), make(Qwen3Config, **options)
        names = [name for name, _ in model.named_parameters() if "score_proj" in name]
        assert names == ["model.layers.0.self_attn.score_proj.weight"]
        model.load_state_dict(dense.state_dict(), strict=False)
        close(model(tokens()).logits, dense(tokens()).logits)

    def test_compile(self):
        model = make()
        want = model(tokens()).logits
        compiled = torch.compile(model, backend="eager", dynamic=True)
        for length in (N, 23):
            got = compiled(tokens(length=length), use_cache=False).logits
            close(got, model(tokens(length=length)).logits)
        close(model(tokens()).logits, want)

    def test_compile_with_padding(self):
        model, mask = make(), torch.ones(2, N, dtype=torch.long)
        mask[1, 29:] = 0
        compiled = torch.compile(model, backend="eager")
        got = compiled(tokens(), attention_mask=mask, use_cache=False).logits
        close(got, model(tokens(), attention_mask=mask).logits)
        with pytest.raises(RuntimeError, match="needs padding on the right"):
            compiled(tokens(), attention_mask=mask.flip(1), use_cache=False)
        positions = torch.arange(N)[None] % 25
        with pytest.raises(RuntimeError, match="no packed sequences"):
            compiled(tokens(), position_ids=positions, use_cache=False)

    def test_other_implementations_go_on(self):
        model, dense = make(), make(implementation="eager")
        dense.load_state_dict(model.state_dict(), strict=False)
        model.set_attn_implementation("eager")
        close(model(tokens()).logits, dense(tokens()).logits)

    def test_gradients_are_refused(self):
        with torch.enable_grad(), pytest.raises(RuntimeError, match="has no backward pass yet"):
            make()(tokens())


class TestCheckpoints:
    @every_model
    def test_round_trip(self, config_class, tmp_path):
        model = make(config_class, sparsek_gate="value")
        want = model(tokens()).logits
        model.save_pretrained(tmp_path)
        again = AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation="sparsek")
        assert torch.equal(again(tokens()).logits, want)
        assert again.config.sparsek_gate == "value" and again.config.sparsek_topk == 5
        # Without sparsek it is the model that it was.
        dense = AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation="eager")
        assert not any("score_proj" in name for name, _ in dense.named_parameters())

    def test_a_checkpoint_without_scores(self, tmp_path):
        make(implementation="eager").save_pretrained(tmp_path)
        torch.manual_seed(3)
        model, info = AutoModelForCausalLM.from_pretrained(
            tmp_path,
            attn_implementation="sparsek",
            sparsek_topk=7,
            sparsek_score_heads=1,
            output_loading_info=True,
        )
        missing = {f"model.layers.{i}.self_attn.score_proj.weight" for i in range(2)}
        assert set(info["missing_keys"]) == missing
        assert model.config.sparsek_topk == 7
        for module in attention_layers(model):
            assert module.score_proj.weight.shape == (1, 32)
            assert 0.1 < module.score_proj.weight.std() < 0.4  # initializer_range
        assert model(tokens()).logits.isfinite().all()

    def test_types(self, tmp_path):
        make().save_pretrained(tmp_path)
        model = AutoModelForCausalLM.from_pretrained(
            tmp_path, attn_implementation="sparsek", dtype=torch.bfloat16
        )
        assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}

    def test_the_config_names_the_defaults(self, tmp_path):
        config = LlamaConfig(**SIZES)
        AutoModelForCausalLM.from_config(config, attn_implementation="sparsek").save_pretrained(
            tmp_path
        )
        text = (tmp_path / "config.json").read_text()
        assert '"sparsek_topk": 1024' in text and '"sparsek_score_heads": null' in text
        # Configs of other models stay as they are.
        LlamaConfig(**SIZES).save_pretrained(tmp_path)
        assert "sparsek" not in (tmp_path / "config.json").read_text()
        assert AutoConfig.from_pretrained(tmp_path).sparsek_topk == 1024

    def test_prepare(self):
        dense = make(implementation="sdpa", sparsek_topk=N, sparsek_gate="none").bfloat16()
        want = dense(tokens()).logits
        assert sparsek.hf.prepare(dense) is dense
        assert dense.config._attn_implementation == "sparsek"
        weight = dense.model.layers[1].self_attn.score_proj.weight
        assert weight.dtype == torch.bfloat16
        close(dense(tokens()).logits.float(), want.float(), 0.05)
        sparsek.hf.prepare(dense)
        assert dense.model.layers[1].self_attn.score_proj.weight is weight
        assert len(dense.model.layers[1].self_attn._forward_pre_hooks) == 1

    def test_copies(self):
        model = make()
        want = model(tokens()).logits
        assert torch.equal(copy.deepcopy(model)(tokens()).logits, want)
        assert torch.equal(pickle.loads(pickle.dumps(model))(tokens()).logits, want)


class TestPadding:
    @every_model
    def test_right(self, config_class):
        model = make(config_class)
        mask = torch.ones(3, N, dtype=torch.long)
        mask[1, 29:], mask[2, 1:] = 0, 0
        logits = model(tokens(3), attention_mask=mask).logits
        assert logits.isfinite().all()
        for row, length in enumerate((N, 29, 1)):
            alone = model(tokens(3)[row : row + 1, :length]).logits
            close(logits[row, :length], alone[0])

    def test_padded_tokens_change_nothing(self):
        model, mask = make(), torch.ones(2, N, dtype=torch.long)
        mask[:, 30:] = 0
        some, other = tokens(seed=1), tokens(seed=2)
        other[:, :30] = some[:, :30]
        some, other = (model(t, attention_mask=mask).logits for t in (some, other))
        assert torch.equal(some[:, :30], other[:, :30])

    def test_no_padding(self):
        model = make()
        mask = torch.ones(2, N, dtype=torch.long)
        assert torch.equal(model(tokens(), attention_mask=mask).logits, model(tokens()).logits)


class TestGeneration:
    def test_without_a_cache(self):
        model, ids = make(), tokens(1, 12)
        got = model.generate(
            ids, max_new_tokens=5, do_sample=False, use_cache=False, eos_token_id=None
        )
        for _ in range(5):
            ids = torch.cat((ids, model(ids).logits[:, -1:].argmax(-1)), 1)
        assert torch.equal(got, ids)

    def test_with_a_cache(self):
        model = make()
        # The first step holds the whole sequence, and its cache comes back.
        assert model(tokens(), use_cache=True).cache is not None
        with pytest.raises(NotImplementedError, match=r"no cache for .*use_cache=False"):
            model.generate(tokens(1, 12), max_new_tokens=5, do_sample=False)
        with pytest.raises(NotImplementedError, match="no cache for decoding yet"):
            model.generate(tokens(1, 12), max_new_tokens=5, cache_implementation="static")


class TestRefusals:
    def refuse(self, match, error=ValueError, model=None, **inputs):
        with pytest.raises(error, match=match):
            (model or make())(tokens(), **inputs)

    def test_padding_on_the_left(self):
        mask = torch.ones(2, N, dtype=torch.long)
        mask[1, :4] = 0
        self.refuse("needs padding on the right", attention_mask=mask)
        mask[1, :4], mask[0, 7] = 1, 0
        self.refuse("has a token behind padding", attention_mask=mask)

    def test_masks(self):
        self.refuse(
            r"takes no mask of its own \(got one of shape \(2, 1, 40, 40\)\)",
            attention_mask=torch.zeros(2, 1, N, N),
        )

    @pytest.mark.parametrize("use_cache", (True, False))
    def test_packed(self, use_cache):
        positions = torch.arange(N)[None] % 25
        self.refuse("no packed sequences", position_ids=positions, use_cache=use_cache)
        # Positions of one sequence may begin anywhere.
        make()(tokens(), position_ids=torch.arange(5, 5 + N)[None], use_cache=use_cache)

    def test_packed_as_for_flash_attention(self):
        bounds = torch.tensor([0, 25, N], dtype=torch.int32)
        self.refuse(
            "cannot honour cu_seq_lens_q: packed sequences are not supported",
            cu_seq_lens_q=bounds,
            cu_seq_lens_k=bounds,
        )

    def test_weights_of_attention(self):
        self.refuse("cannot honour output_attentions", output_attentions=True)

    def test_dropout(self):
        model = make(attention_dropout=0.1)
        model(tokens())
        self.refuse("has no dropout, got 0.1", model=model.train())

    def test_windows_in_every_layer(self):
        with pytest.raises(ValueError, match=r"every layer .* window of 4096 keys.*=None"):
            make(MistralConfig, sliding_window=4096)

    def test_other_kinds_of_layers(self):
        with pytest.raises(ValueError, match="type 'chunked_attention' cannot be computed"):
            make(Qwen3Config, layer_types=["full_attention", "chunked_attention"])

    def test_attention_in_both_directions(self):
        self.refuse("is causal over one sequence per row", model=make(is_causal=False))

    def test_values_of_the_config(self):
        with pytest.raises(ValueError, match="sparsek_topk must be from 1 to"):
            make(sparsek_topk=0)
        with pytest.raises(ValueError, match="sparsek_gate must be"):
            make(sparsek_gate="both")
        with pytest.raises(ValueError, match=r"sparsek_score_heads must be 1, or .* \(2\), got 4"):
            make(sparsek_score_heads=4)

    def test_a_model_that_was_not_prepared(self):
        model = make(implementation="eager")
        model.set_attn_implementation("sparsek")
        self.refuse(r"layer 0 .* has no score_proj.*sparsek.hf.prepare", RuntimeError, model)

    def test_no_model_of_the_interface(self):
        with pytest.raises(ValueError, match="Linear has no attention layer"):
            sparsek.hf.prepare(torch.nn.Linear(2, 2))


class TestExport:
    @every_model
    def test_numbers(self, config_class):
        pytest.importorskip("torch_mlir", reason="torch-mlir is not installed")
        from sparsek import export

        model = make(config_class)
        text = export.to_mlir(
            model, (tokens(),), {"use_cache": False}, dynamic={"input_ids": {0: "B", 1: "N"}}
        )
        assert text.count("sparsek.score %") == text.count("sparsek.gathered_attention %") == 2
        executable = sparsek.compile(text)
        weights = [tensor.numpy() for tensor in export.weights_of(model).values()]
        for batch, length in ((2, N), (1, 23)):
            ids = tokens(batch, length)
            (got,) = executable.run(*weights, ids.numpy())
            close(got, model(ids).logits)

    def test_padding(self):
        pytest.importorskip("torch_mlir", reason="torch-mlir is not installed")
        from sparsek import export

        # The embedding is the output projection: one argument.
        model = make(tie_word_embeddings=True)
        mask = torch.ones(2, N, dtype=torch.long)
        mask[1, 29:] = 0
        sizes = {0: "B", 1: "N"}
        text = export.to_mlir(
            model,
            (tokens(),),
            {"attention_mask": mask, "use_cache": False},
            dynamic={"input_ids": sizes, "attention_mask": sizes},
        )
        assert "lm_head" not in text
        executable = sparsek.compile(text)
        weights = [tensor.numpy() for tensor in export.weights_of(model).values()]
        for ids, real in ((tokens(), mask), (tokens(1, 31), mask[1:, :31])):
            (got,) = executable.run(*weights, ids.numpy(), real.numpy())
            close(got, model(ids, real).logits)


class TestImport:
    def run(self, code: str, *paths: object) -> subprocess.CompletedProcess[str]:
        package = Path(sparsek.__file__).parents[1]
        code = f"import sys; sys.path[:0] = {[*map(str, paths), str(package)]!r}\n{code}"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    def test_nothing_else_loads_transformers(self):
        code = (
            "import sparsek, sparsek.torch, sparsek.export\n"
            "sparsek.torch.SparsekAttention\n"
            "print('transformers' in sys.modules)"
        )
        assert self.run(code).stdout == "False\n"

    def test_without_transformers(self, tmp_path):
        (tmp_path / "transformers.py").write_text("raise ImportError('not here')\n")
        result = self.run("import sparsek.hf", tmp_path)
        assert (
            "ImportError: sparsek.hf needs PyTorch and transformers 5 (pip install "
            "'sparsek[transformers]'): not here"
        ) in result.stderr

    def test_importing_alone_registers_nothing(self):
        code = (
            "import sparsek.hf, transformers\n"
            "print('sparsek' in transformers.AttentionInterface().valid_keys())\n"
            "sparsek.hf.register(); sparsek.hf.register()\n"
            "print('sparsek' in transformers.AttentionInterface().valid_keys())"
        )
        assert self.run(code).stdout == "False\nTrue\n"


def test_scores_are_those_of_sparsek_torch():
    """The layer by hand, from the steps of sparsek.torch."""
    model = make()
    module = model.model.layers[0].self_attn
    x = torch.randn(2, N, 32)
    embeddings = model.model.rotary_emb(x, torch.arange(N)[None])
    got, _ = module(x, position_embeddings=embeddings, attention_mask=None)
    scores = sparsek_torch.score(x, module.score_proj.weight.T)
    q, k, v = (
        linear(x).view(2, N, -1, 8).transpose(1, 2)
        for linear in (module.q_proj, module.k_proj, module.v_proj)
    )
    q, k = apply_rotary_pos_emb(q, k, *embeddings)
    o = sparsek_torch.attention(q, k, v, scores, topk=5, window=3)
    torch.testing.assert_close(got, module.o_proj(o.transpose(1, 2).flatten(2)))


def test_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_examples("Transformers.md") == 2
