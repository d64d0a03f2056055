# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`sparsek.torch.SparsekAttention`: against float64, and against a dense Llama block."""

from __future__ import annotations

import copy
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import oracle
import sparsek

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import sparsek.torch as sparsek_torch  # noqa: E402
from sparsek.torch import SparsekAttention  # noqa: E402

pytestmark = pytest.mark.library

SIZES = {"hidden_size": 32, "num_heads": 4, "num_kv_heads": 2}
BUDGET = {"topk": 5, "window": 3}
BOUNDS = (0, 15, 15, 16, 40)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def layer(seed=0, **options) -> SparsekAttention:
    torch.manual_seed(seed)
    made = SparsekAttention(**{**SIZES, **BUDGET, **options})
    if made.sink is not None:
        made.sink.copy_(torch.randn(made.num_heads))
    return made


def states(b=1, n=40, dtype=torch.float32, seed=1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(b, n, SIZES["hidden_size"], generator=generator).to(dtype)


def bounds_of(*bounds: int) -> torch.Tensor:
    return torch.tensor(bounds, dtype=torch.int32)


# ---- The definition in float64 ----


def project(linear: torch.nn.Linear, x: np.ndarray, heads: int) -> np.ndarray:
    """`[B,H,N,D]`."""
    y = x @ linear.weight.double().numpy().T
    if linear.bias is not None:
        y = y + linear.bias.double().numpy()
    return y.reshape(*y.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def rotated(x: np.ndarray, positions: np.ndarray, theta: float) -> np.ndarray:
    """Element i of the first half of a head and element i of the second half are one
    complex number, which position p turns by `p * theta^(-2i/D)`."""
    half = x.shape[-1] // 2
    angles = positions[:, None] * theta ** (-np.arange(half) / half)
    turned = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angles)
    return np.concatenate([turned.real, turned.imag], axis=-1)


def expected(module: SparsekAttention, x: torch.Tensor, cu_seqlens=None) -> np.ndarray:
    """The output in float64, for the scores that the layer has."""
    u = sparsek_torch.score(
        x,
        module.score_weight,
        slope=module.score_slope,
        norm=module.score_norm,
        cu_seqlens=None if cu_seqlens is None else bounds_of(*cu_seqlens),
    ).numpy()
    x = x.double().numpy()
    want, _ = oracle.score(
        x,
        module.score_weight.double().numpy(),
        slope=module.score_slope,
        norm=module.score_norm,
        cu_seqlens=cu_seqlens,
    )
    np.testing.assert_allclose(u, want, rtol=1e-4, atol=1e-4)
    q = project(module.q_proj, x, module.num_heads)
    k = project(module.k_proj, x, module.num_kv_heads)
    v = project(module.v_proj, x, module.num_kv_heads)
    if module.rope_theta is not None:
        documents = list(oracle.documents(x.shape[1], cu_seqlens))
        positions = np.concatenate([np.arange(end - begin) for begin, end in documents])
        q, k = (rotated(y, positions, module.rope_theta) for y in (q, k))
    o, _ = oracle.attention(
        *(q, k, v, u),
        topk=module.topk,
        window=module.window,
        gate=module.gate,
        scale=module.scale,
        sink=None if module.sink is None else module.sink.float().numpy(),
        cu_seqlens=cu_seqlens,
    )
    o = o.transpose(0, 2, 1, 3).reshape(*x.shape[:2], -1)
    o = o @ module.o_proj.weight.double().numpy().T
    return o if module.o_proj.bias is None else o + module.o_proj.bias.double().numpy()


VARIANTS = (
    {},
    {"num_kv_heads": None},
    {"num_kv_heads": 1, "gate": "value"},
    {"score_heads": 1, "gate": "none", "window": 0},
    {"gate": "straight_through", "topk": 1},
    {"score_norm": "timestep", "score_slope": 0.125},
    {"rope_theta": None, "sink": True},
    {"head_dim": 6, "rope_theta": 500000.0, "scale": 0.5},
    {"attention_bias": True, "output_bias": True},
)


class TestResult:
    @pytest.mark.parametrize("options", VARIANTS)
    def test_float64(self, options):
        module, x = layer(**options), states(b=2)
        o = module(x)
        assert o.shape == x.shape and o.dtype == x.dtype
        np.testing.assert_allclose(o.numpy(), expected(module, x), rtol=1e-4, atol=2e-5)

    @pytest.mark.parametrize("options", VARIANTS)
    def test_float64_of_packed_documents(self, options):
        module, x = layer(**options), states()
        o = module(x, cu_seqlens=bounds_of(*BOUNDS))
        want = expected(module, x, BOUNDS)
        np.testing.assert_allclose(o.numpy(), want, rtol=1e-4, atol=2e-5)

    @pytest.mark.parametrize("options", VARIANTS)
    def test_packed_documents_are_separate_ones(self, options):
        module, x = layer(**options), states()
        o = module(x, cu_seqlens=bounds_of(*BOUNDS))
        for begin, end in ((0, 15), (15, 16), (16, 40)):
            torch.testing.assert_close(o[:, begin:end], module(x[:, begin:end]))

    @pytest.mark.parametrize("dtype", (torch.bfloat16, torch.float16))
    def test_low_precision(self, dtype):
        module, x = layer(gate="none", sink=True, dtype=dtype), states(dtype=dtype)
        o = module(x)
        assert o.dtype == dtype
        np.testing.assert_allclose(o.float().numpy(), expected(module, x), rtol=0.05, atol=0.02)

    @pytest.mark.parametrize("norm", ("none", "timestep"))
    def test_scoring_weights_in_f32(self, norm):
        module, x = layer(score_norm=norm, dtype=torch.bfloat16), states(dtype=torch.bfloat16)
        weight = torch.randn(module.score_weight.shape)
        module.score_weight = torch.nn.Parameter(weight)
        o = module(x)
        assert o.dtype == torch.bfloat16 and module.score_weight.dtype == torch.float32
        np.testing.assert_allclose(o.float().numpy(), expected(module, x), rtol=0.05, atol=0.02)

    def test_empty(self):
        assert layer()(states(n=0)).shape == (1, 0, 32)
        assert layer()(states(b=0)).shape == (0, 40, 32)

    def test_autocast(self):
        module, x = layer(sink=True), states()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            o = module(x)
        assert o.dtype == torch.bfloat16
        sinks = module.sink.clone()
        low = module.bfloat16()
        low.sink = torch.nn.Parameter(sinks)  # Autocast does not touch what is no matrix.
        torch.testing.assert_close(o, low(x.bfloat16()))


# ---- A dense Llama block, as in transformers ----


class LlamaAttention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = torch.nn.Linear(32, 32, bias=False)
        self.k_proj = torch.nn.Linear(32, 16, bias=False)
        self.v_proj = torch.nn.Linear(32, 16, bias=False)
        self.o_proj = torch.nn.Linear(32, 32, bias=False)

    def forward(self, hidden_states, position_embeddings, attention_mask=None, **_):
        split = (*hidden_states.shape[:2], -1, 8)
        q, k, v = (
            linear(hidden_states).view(split).transpose(1, 2)
            for linear in (self.q_proj, self.k_proj, self.v_proj)
        )
        cos, sin = (tensor[:, None] for tensor in position_embeddings)
        q, k = (x * cos + self.rotate_half(x) * sin for x in (q, k))
        k, v = (x.repeat_interleave(2, dim=1) for x in (k, v))
        o = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(o.transpose(1, 2).reshape(*hidden_states.shape[:2], -1)), None

    @staticmethod
    def rotate_half(x):
        return torch.cat((-x[..., 4:], x[..., :4]), dim=-1)


def llama_embeddings(positions, dim=8, theta=10000.0):
    """`[B,N,D]` cosines and sines of `positions[B,N]`."""
    inverse = 1.0 / (theta ** (torch.arange(0, dim, 2, dtype=torch.int64).float() / dim))
    angles = positions[:, :, None].float() * inverse
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


class TestInPlaceOfLlama:
    def test_names(self):
        linears = ("q_proj", "k_proj", "v_proj", "o_proj")
        weights = {f"{name}.weight" for name in linears}
        assert set(layer().state_dict()) == {*weights, "score_weight"}
        biased = layer(attention_bias=True, output_bias=True, sink=True)
        biases = {f"{name}.bias" for name in linears}
        assert set(biased.state_dict()) == {*weights, *biases, "score_weight", "sink"}
        assert layer(attention_bias=True).o_proj.bias is None

    @pytest.mark.parametrize("window", (0, 3, 100))
    def test_all_keys_selected_is_dense(self, window):
        dense, module = LlamaAttention(), layer(topk=40, window=window)
        loaded = module.load_state_dict(dense.state_dict(), strict=False)
        assert loaded.missing_keys == ["score_weight"] and loaded.unexpected_keys == []
        x = states(b=2)
        embeddings = llama_embeddings(torch.arange(40)[None])
        want, _ = dense(x, embeddings)
        torch.testing.assert_close(module(x), want)
        torch.testing.assert_close(module(x, embeddings), want)
        module.topk = 5
        assert window == 100 or not torch.allclose(module(x), want)

    def test_as_a_decoder_layer_calls_it(self):
        x = states(b=2)
        positions = torch.arange(40)[None]
        module = layer(return_tuple=True)
        output, weights = module(
            hidden_states=x,
            attention_mask=None,
            position_ids=positions,
            past_key_values=None,
            use_cache=False,
            output_attentions=False,
            cache_position=positions[0],
            position_embeddings=llama_embeddings(positions),
        )
        assert weights is None
        module.return_tuple = False
        torch.testing.assert_close(output, module(x))

    def test_positions(self):
        module, x = layer(), states(b=2)
        want = module(x)
        for shape in ((40,), (1, 40), (2, 40)):
            positions = torch.arange(40).expand(shape)
            torch.testing.assert_close(module(x, position_ids=positions), want)
        # Differences of positions are all that counts.
        positions = torch.arange(100, 140)
        torch.testing.assert_close(module(x, position_ids=positions), want)
        torch.testing.assert_close(module(x, llama_embeddings(positions[None])), want)
        shifted = torch.stack((positions, 3 * positions))
        got = module(x, position_ids=shifted)
        torch.testing.assert_close(got[0], want[0])
        assert not torch.allclose(got[1], want[1])
        torch.testing.assert_close(module(x, llama_embeddings(shifted)), got)

    def test_no_rotary_embedding(self):
        module, x = layer(rope_theta=None), states()
        positions = torch.zeros(40, dtype=torch.int64)
        torch.testing.assert_close(module(x), layer()(x, position_ids=positions))


class TestModule:
    def test_initial_scores(self):
        torch.manual_seed(0)
        module = SparsekAttention(1024, 8, topk=5, window=3)
        u = sparsek_torch.score(torch.randn(1, 100, 1024), module.score_weight)
        assert 0.9 < u.std() < 1.1

    def test_copies(self):
        module, x = layer(sink=True), states()
        want = module(x)
        assert torch.equal(copy.deepcopy(module)(x), want)
        file = io.BytesIO()
        torch.save(module, file)
        file.seek(0)
        assert torch.equal(torch.load(file, weights_only=False)(x), want)

    def test_unpickled_before_anything_is_imported(self, tmp_path):
        torch.save(layer(), tmp_path / "layer.pt")
        package = Path(sparsek.__file__).parents[1]
        code = (
            f"import sys; sys.path.insert(0, {str(package)!r}); import torch\n"
            f"print(torch.load({str(tmp_path / 'layer.pt')!r}, weights_only=False))"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert result.stdout.startswith("SparsekAttention("), result.stderr

    def test_device_and_dtype(self):
        module = layer(device="meta", dtype=torch.bfloat16)
        for parameter in module.parameters():
            assert parameter.is_meta and parameter.dtype == torch.bfloat16
        o = module(states(b=3, dtype=torch.bfloat16).to("meta"))
        assert o.shape == (3, 40, 32) and o.is_meta

    def test_repr(self):
        assert (
            "hidden_size=32, num_heads=4, num_kv_heads=2, head_dim=8, score_heads=2, topk=5, "
            "window=3, gate=value, score_norm=none, score_slope=0.0, rope_theta=None, "
            "scale=None, sink=False"
        ) in repr(layer(gate="value", rope_theta=None))


class TestCompile:
    @pytest.fixture(autouse=True)
    def fresh(self):
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()

    @staticmethod
    def graphs() -> int:
        return torch._dynamo.utils.counters["stats"]["unique_graphs"]

    @pytest.mark.parametrize("options", VARIANTS[5:8])
    def test_one_graph_for_all_lengths(self, options):
        module = layer(**options)
        compiled = torch.compile(module, fullgraph=True, dynamic=True, backend="aot_eager")
        for n in (40, 77, 131):
            x = states(b=2, n=n)
            torch.testing.assert_close(compiled(x), module(x))
        assert self.graphs() == 1

    def test_packed_documents(self):
        module, x = layer(score_norm="timestep"), states()
        compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
        bounds = bounds_of(*BOUNDS)
        torch.testing.assert_close(compiled(x, cu_seqlens=bounds), module(x, cu_seqlens=bounds))

    def test_position_embeddings_and_autocast(self):
        module, x = layer(), states()
        embeddings = llama_embeddings(torch.arange(40)[None])
        compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            got, want = compiled(x, embeddings), module(x, embeddings)
        assert got.dtype == torch.bfloat16
        torch.testing.assert_close(got, want)


class TestRefusals:
    @pytest.mark.parametrize(
        "change, kind, message",
        (
            ({"hidden_size": 0}, ValueError, "hidden_size must be from 1"),
            ({"num_heads": 2.0}, TypeError, "num_heads must be an integer, got 2.0"),
            ({"num_heads": 5, "num_kv_heads": 5}, ValueError, "must divide hidden_size = 32"),
            ({"num_kv_heads": 3}, ValueError, "num_kv_heads must divide num_heads = 4, got 3"),
            ({"score_heads": 4}, ValueError, "score_heads must be 1 or num_kv_heads = 2, got 4"),
            ({"head_dim": 0}, ValueError, "head_dim must be from 1"),
            ({"head_dim": 5}, ValueError, "needs an even head_dim, got 5"),
            ({"topk": 0}, ValueError, "topk must be from 1"),
            ({"window": -1}, ValueError, "window must be from 0"),
            ({"gate": "all"}, ValueError, "gate must be one of key_value, value, none"),
            ({"score_norm": "layer"}, ValueError, "score_norm must be one of none, timestep"),
            ({"score_slope": float("nan")}, ValueError, "score_slope must be finite"),
            ({"scale": 0.0}, ValueError, "scale must be above 0"),
            ({"rope_theta": 0.0}, ValueError, "rope_theta must be above 0"),
        ),
    )
    def test_options(self, change, kind, message):
        with pytest.raises(kind, match=message):
            SparsekAttention(**{**SIZES, **BUDGET, **change})

    @pytest.mark.parametrize(
        "arguments, kind, message",
        (
            ({"attention_mask": torch.ones(1)}, TypeError, "honour attention_mask: attention is"),
            ({"past_key_values": object()}, TypeError, "honour past_key_values: there is no cache"),
            ({"cache": object()}, TypeError, "honour cache: there is no cache"),
            ({"use_cache": True}, TypeError, "honour use_cache: there is no cache"),
            ({"output_attentions": True}, TypeError, "honour output_attentions: the weights of"),
            (
                {"cu_seq_lens_q": torch.zeros(2)},
                TypeError,
                "honour cu_seq_lens_q; its arguments are hidden_states, position_embeddings, "
                "position_ids and cu_seqlens",
            ),
            (
                {"position_ids": torch.arange(39)},
                ValueError,
                r"position_ids .*\(1, 40\) or \(1, 40",
            ),
            (
                {"position_embeddings": (torch.ones(1, 40, 4),) * 2},
                ValueError,
                r"cos of position_embeddings must have the shape \(1, 40, 8\)",
            ),
            ({"cu_seqlens": torch.tensor([0, 40])}, TypeError, "cu_seqlens must be i32"),
            ({"cu_seqlens": bounds_of(0, 39)}, ValueError, "must rise from 0 to N = 40"),
            ({"cu_seqlens": bounds_of(41, 42)}, ValueError, "must rise from 0 to N = 40"),
            ({"hidden_states": states()[0]}, ValueError, "hidden_states must have 3 dimensions"),
            ({"hidden_states": states()[..., 1:]}, ValueError, r"hidden_states\[2\] = 31"),
        ),
    )
    def test_arguments(self, arguments, kind, message):
        with pytest.raises(kind, match=message):
            layer()(**{"hidden_states": states(), **arguments})

    def test_documents_in_a_batch(self):
        with pytest.raises(ValueError, match="into a batch of 1, got B = 2"):
            layer()(states(b=2), cu_seqlens=bounds_of(0, 40))

    def test_embeddings_without_rotation(self):
        with pytest.raises(ValueError, match="layer without a rotary embedding"):
            layer(rope_theta=None)(states(), llama_embeddings(torch.arange(40)[None]))

    def test_gradients(self):
        module = layer()
        with torch.enable_grad(), pytest.raises(RuntimeError, match="no backward pass yet"):
            module(states())
        module.requires_grad_(False)
        with torch.enable_grad():
            assert not module(states()).requires_grad
