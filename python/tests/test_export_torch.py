# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`sparsek.export.to_mlir`: models of PyTorch, compiled for the CPU, against PyTorch."""

from __future__ import annotations

import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import sparsek

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("torch_mlir", reason="torch-mlir is not installed")

import sparsek.torch as sparsek_torch  # noqa: E402
from docs_examples import run_examples  # noqa: E402
from sparsek import export  # noqa: E402
from sparsek.torch import SparsekAttention  # noqa: E402

pytestmark = pytest.mark.library

ROOT = Path(__file__).resolve().parents[2]
BUDGET = {"topk": 5, "window": 3}


@pytest.fixture(autouse=True)
def no_gradients():
    torch.manual_seed(0)
    with torch.no_grad():
        yield


class Function(torch.nn.Module):
    """A model without weights."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


def numpy_of(tensor: torch.Tensor) -> np.ndarray:
    return sparsek_torch._to_numpy(tensor.contiguous())


def flatten(value) -> list[torch.Tensor]:
    leaves = torch.utils._pytree.tree_leaves(value)
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


def run(text, model, args, kwargs=None):
    arguments = [*export.weights_of(model).values(), *flatten((args, kwargs or {}))]
    return sparsek.compile(text).run(*map(numpy_of, arguments))


def check(text, model, args, kwargs=None, tolerance=1e-5):
    """The text computes what the model does."""
    results = run(text, model, args, kwargs)
    wanted = flatten(model(*args, **(kwargs or {})))
    assert len(results) == len(wanted)
    for got, want in zip(results, wanted, strict=True):
        assert got.shape == tuple(want.shape)
        got, want = got.astype(np.float64), want.double().numpy()
        finite = np.isfinite(want)
        np.testing.assert_array_equal(got[~finite], want[~finite])
        difference = np.linalg.norm(got[finite] - want[finite])
        assert difference <= tolerance * np.linalg.norm(want[finite])


def layer(**options) -> SparsekAttention:
    return SparsekAttention(32, 4, 2, **{**BUDGET, **options})


class TestLayer:
    @pytest.mark.parametrize(
        "options",
        (
            {},
            {"gate": "value", "sink": True, "score_heads": 1, "scale": 0.3},
            {"gate": "none", "window": 0, "attention_bias": True, "output_bias": True},
            {"gate": "straight_through", "score_norm": "timestep", "score_slope": 0.125},
        ),
        ids=str,
    )
    def test_static(self, options):
        model, x = layer(**options), torch.randn(2, 40, 32)
        text = export.to_mlir(model, (x,))
        assert text.count("sparsek.gathered_attention") == 1
        assert f"topk(5) window({options.get('window', 3)})" in text
        check(text, model, (x,))

    @pytest.mark.parametrize("sizes", ({1: "N"}, {0: "B"}, {0: "B", 1: "N"}), ids=str)
    def test_dynamic(self, sizes):
        model = layer(score_norm="timestep")
        text = export.to_mlir(model, (torch.randn(2, 40, 32),), dynamic={"hidden_states": sizes})
        batch, length = ("?" if 0 in sizes else 2), ("?" if 1 in sizes else 40)
        assert f"%hidden_states: tensor<{batch}x{length}x32xf32>" in text
        for batch, length in ((2, 40), (3 if 0 in sizes else 2, 77 if 1 in sizes else 40)):
            check(text, model, (torch.randn(batch, length, 32),))

    def test_names_and_order(self):
        model = layer(sink=True)
        signature = sparsek.compile(export.to_mlir(model, (torch.randn(1, 8, 32),))).signature()
        names = [argument.name for argument in signature.arguments]
        assert names == [*export.weights_of(model), "hidden_states"]
        assert names[:2] == ["score_weight", "sink"]

    @pytest.mark.parametrize("dtype", (torch.bfloat16, torch.float16), ids=str)
    def test_16_bits(self, dtype):
        model, x = layer().to(dtype), torch.randn(1, 40, 32).to(dtype)
        text = export.to_mlir(model, (x,))
        assert f"tensor<1x40x32x{'bf16' if dtype is torch.bfloat16 else 'f16'}>" in text
        check(text, model, (x,), tolerance=2e-2)

    def test_gpu_pipeline(self):
        model = SparsekAttention(256, 4, 2, topk=64, window=64).bfloat16()
        x = torch.randn(1, 300, 256, dtype=torch.bfloat16)
        text = export.to_mlir(model, (x,), dynamic={"hidden_states": {1: "N"}})
        assert "cf.assert" not in text
        assert "gpu.binary" in sparsek.opt(text, "sparsek-nvvm-pipeline{chip=sm_90a}")

    def test_meta(self):
        # Nothing is computed, and weights are not looked at.
        with torch.device("meta"):
            model = layer()
            text = export.to_mlir(model, (torch.randn(1, 8, 32),))
        assert text == export.to_mlir(layer(), (torch.randn(1, 8, 32),))

    def test_archive(self, tmp_path):
        runtime = pytest.importorskip("iree.runtime", reason="IREE's runtime is not installed")
        model, path = layer().bfloat16(), tmp_path / "layer.irpa"
        x = torch.randn(1, 8, 32, dtype=torch.bfloat16)
        text = export.to_mlir(model, (x,), weights="archive", archive=path, scope="layer")
        assert "func.func @main(%hidden_states: tensor<1x8x32xbf16>) ->" in text
        index = runtime.ParameterIndex()
        index.load(str(path))
        read = dict(index.items())
        assert read.keys() == export.weights_of(model).keys()
        for name, tensor in export.weights_of(model).items():
            assert f'#flow.parameter.named<"layer"::"{name}">' in text
            values = np.frombuffer(bytes(read[name].file_view), ml_dtypes.bfloat16)
            np.testing.assert_array_equal(values, numpy_of(tensor).reshape(-1))

    def test_fixture(self):
        """The text that test_export.py begins with is what torch-mlir makes."""
        sys.path.insert(0, str(ROOT / "utils" / "export"))
        try:
            import export_carried
        finally:
            sys.path.pop(0)
        assert export_carried.text() == export_carried.FIXTURE.read_text()


class TestOperators:
    def test_scores_in_chunks(self):
        options = {"norm": "timestep", "slope": 0.1, "return_statistics": True}

        def forward(x, weight):
            first, carried = sparsek_torch.score(x[:, :16], weight, **options)
            second, carried = sparsek_torch.score(
                x[:, 16:], weight, offset=16, statistics=carried, **options
            )
            return {"scores": torch.cat((first, second), -1), "statistics": carried}

        args = torch.randn(2, 40, 8), torch.randn(8, 2)
        text = export.to_mlir(Function(forward), args)
        assert text.count("carry") == 2 and text.count("offset(") == 1
        check(text, Function(forward), args)

    @pytest.mark.parametrize("interior", (False, True))
    @pytest.mark.parametrize("packed", (False, True))
    def test_selection(self, interior, packed):
        bounds = torch.tensor([0, 15, 15, 40], dtype=torch.int32) if packed else None

        def forward(scores, bounds):
            return sparsek_torch.select(
                scores, **BUDGET, cu_seqlens=bounds, return_interior=interior
            )

        args = torch.randn(1, 2, 40), bounds
        text = export.to_mlir(Function(forward), args)
        assert ("interior" in text, "cu_seqlens(" in text) == (interior, packed)
        results = run(text, Function(forward), args)
        for got, want in zip(results, forward(*args), strict=True):
            np.testing.assert_array_equal(got, want.numpy())

    def test_attention_on_documents(self):
        def forward(q, k, v, scores, x, weight, bounds):
            scores = scores + sparsek_torch.score(x, weight, cu_seqlens=bounds)
            return sparsek_torch.attention(
                q, k, v, scores, **BUDGET, cu_seqlens=bounds, return_lse=True
            )

        n = 40
        args = (
            *(torch.randn(1, 4, n, 16), torch.randn(1, 2, n, 16), torch.randn(1, 2, n, 8)),
            *(torch.randn(1, 1, n), torch.randn(1, n, 4), torch.randn(4, 1)),
            torch.tensor([0, 15, 15, 16, n], dtype=torch.int32),
        )
        names = ("q", "k", "v", "scores")
        dynamic = {name: {2: "N"} for name in names} | {"x": {1: "N"}, "bounds": {0: "S"}}
        text = export.to_mlir(Function(forward), args, dynamic=dynamic)
        assert text.count("cu_seqlens(%bounds)") == 2
        check(text, Function(forward), args)

    def test_fewer_queries(self):
        def forward(q, k, v, scores):
            return sparsek_torch.attention(q, k, v, scores, **BUDGET)

        def inputs(m, n):
            return (
                torch.randn(1, 4, m, 16),
                torch.randn(1, 2, n, 16),
                torch.randn(1, 2, n, 8),
                torch.randn(1, 2, n),
            )

        dynamic = ({2: "M"}, {2: "N"}, {2: "N"}, {2: "N"})
        text = export.to_mlir(Function(forward), inputs(7, 40), dynamic=dynamic)
        for m, n in ((7, 40), (1, 33), (33, 33)):
            args = inputs(m, n)
            check(text, Function(forward), args)


class Odd(torch.nn.Module):
    """Tied, unused and constant tensors, and views that merge and split dynamic sizes."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(8, 8)
        self.second = torch.nn.Linear(8, 8)
        self.second.weight = self.first.weight
        self.unused = torch.nn.Parameter(torch.zeros(3))
        self.register_buffer("kept", torch.randn(8))
        self.register_buffer("lost", torch.randn(8), persistent=False)

    def forward(self, x, others=(), times=1, flag=None):
        y = self.second(self.first(x)) * self.kept + self.lost
        y = y + torch.tensor([0.5, 1.0, 2.0, 4.0]).repeat(2) * times
        for other in others:
            y = y + other
        y = y.reshape(-1, 2, 4).transpose(1, 2).reshape(x.shape[0], x.shape[1], 8)
        return {"y": y, "none": None, "three": 3, "flat": y.flatten()}


class TestModels:
    def test_odd(self):
        model, args = Odd(), (torch.randn(3, 5, 8),)
        kwargs = {"others": (torch.randn(8), torch.randn(1)), "times": 3}
        text = export.to_mlir(model, args, kwargs, dynamic={"x": {0: "B", 1: "N"}}, name="odd")
        assert "@odd(" in text
        assert list(export.weights_of(model)) == [
            *("unused", "first.weight", "first.bias", "second.bias", "kept", "lost")
        ]
        check(text, model, args, kwargs)
        check(text, model, (torch.randn(2, 9, 8),), kwargs)

    @pytest.mark.parametrize(
        "function",
        (
            lambda x: x.reshape(x.shape[1], x.shape[0], 4, 2),
            lambda x: x.reshape(-1, 2, 2, 2),
            lambda x: x.reshape(x.shape[0], -1),
            lambda x: x.reshape(x.shape[0], x.shape[1], 2, 4),
            lambda x: x.reshape(1, x.shape[0], x.shape[1], 1, 8),
            lambda x: x.reshape(-1),
            lambda x: x.transpose(1, 2).reshape(x.shape[0], 2, 4, x.shape[1]),
        ),
    )
    def test_views(self, function):
        model = Function(function)
        text = export.to_mlir(model, (torch.randn(3, 5, 8),), dynamic={"x": {0: "B", 1: "N"}})
        check(text, model, (torch.randn(2, 7, 8),))

    def test_names_of_dimensions(self):
        model = Function(lambda x, y: x + y)
        args = torch.randn(4, 3), torch.randn(4, 3)
        size = torch.export.Dim("rows")
        text = export.to_mlir(model, args, dynamic=({0: size}, {0: size}))
        assert text.count("tensor<?x3xf32>") >= 3
        with pytest.raises(ValueError, match="dynamic names z, the arguments given are x, y"):
            export.to_mlir(model, args, dynamic={"z": {0: "N"}})
        with pytest.raises(ValueError, match="dynamic has 3 entries for 2 arguments"):
            export.to_mlir(model, args, dynamic=({}, {}, {}))
        with pytest.raises(ValueError, match="dynamic names 9, the arguments given are x, y"):
            export.to_mlir(model, args, dynamic={9: "N"})
        for dimension in (2, -1, "0"):
            message = f"dynamic names dimension {dimension!r} of x, whose dimensions are 0 to 1"
            with pytest.raises(ValueError, match=message):
                export.to_mlir(model, args, dynamic={"x": {dimension: "N"}})

    def test_dense_attention_as_well(self):
        def forward(q, k, v):
            return torch.nn.functional.scaled_dot_product_attention(
                q, k, v, is_causal=True, enable_gqa=True
            )

        args = torch.randn(1, 4, 24, 16), torch.randn(1, 2, 24, 16), torch.randn(1, 2, 24, 16)
        text = export.to_mlir(Function(forward), args)
        check(text, Function(forward), args)
        assert "sparsek.causal_attention" in sparsek.opt(
            text, "sparsek-raise-attention{mode=dense}"
        )


class Counter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x * self.calls


class Dropping(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.dropout = torch.nn.Dropout(0.1)

    def forward(self, x):
        return self.dropout(x)


class TestRefusals:
    def refuse(self, error, match, function, *args, **options):
        model = function if isinstance(function, torch.nn.Module) else Function(function)
        with pytest.raises(error, match=match):
            export.to_mlir(model, args, **options)

    def test_random_numbers(self):
        x = torch.randn(2)
        match = r"draws random numbers .*: call model.eval\(\) first"
        self.refuse(ValueError, match, Dropping(), x)
        self.refuse(
            ValueError,
            "draws random numbers with aten.rand_like.default: leave it out",
            Function(lambda x: x + torch.rand_like(x)).eval(),
            x,
        )
        model = Dropping().eval()
        check(export.to_mlir(model, (x,)), model, (x,))

    def test_args_are_a_sequence(self):
        for args, name in ((torch.randn(2), "Tensor"), ({"x": torch.randn(2)}, "dict")):
            with pytest.raises(TypeError, match=f"a sequence of example inputs.*, got {name}"):
                export.to_mlir(Function(torch.relu), args)

    def test_arguments(self):
        x = torch.randn(2)
        self.refuse(ValueError, "weights must be", torch.relu, x, weights="inline")
        together = 'weights="archive" and a path as archive belong together'
        self.refuse(ValueError, together, torch.relu, x, weights="archive")
        self.refuse(ValueError, together, torch.relu, x, archive="x.irpa")
        self.refuse(ValueError, "name of a function in MLIR, got 'a b'", torch.relu, x, name="a b")

    def test_effects(self):
        self.refuse(ValueError, "the model changes 'calls'", Counter(), torch.randn(2))

    def test_large_constants(self):
        table = torch.randn(200, 100)
        self.refuse(
            ValueError, "constant of 80000 bytes, too large", lambda x: x + table, table.clone()
        )

    def test_views_that_torch_mlir_gets_wrong(self):
        half = torch.export.Dim("half")
        self.refuse(
            ValueError,
            "torch-mlir cannot lower a view of",
            lambda x, y: x.reshape(x.shape[0], y.shape[0], -1) + y.shape[0],
            *(torch.randn(3, 10), torch.randn(5)),
            dynamic={"x": {0: "B", 1: 2 * half}, "y": {0: half}},
        )

    def test_documents_with_a_slope(self):
        bounds = torch.tensor([0, 4, 10], dtype=torch.int32)
        self.refuse(
            ValueError,
            "scores of packed documents with a norm or a slope cannot be exported",
            lambda x, weight, bounds: sparsek_torch.score(x, weight, slope=0.5, cu_seqlens=bounds),
            *(torch.randn(1, 10, 4), torch.randn(4, 1), bounds),
        )

    def test_a_budget_that_is_no_constant(self):
        self.refuse(
            ValueError,
            "topk of torch.ops.sparsek.select must be a constant of the exported program",
            lambda scores: sparsek_torch.select(scores, topk=scores.shape[2] // 4, window=3),
            torch.randn(1, 1, 40),
            dynamic={"scores": {2: "N"}},
        )

    def test_ops_that_the_compiler_does_not_know(self):
        with pytest.raises(sparsek.SparsekError, match="tm_tensor"):
            export.to_mlir(Function(lambda x: x.cumsum(0)), (torch.randn(5),))


def test_page(tmp_path, monkeypatch):
    pytest.importorskip("iree.runtime", reason="IREE's runtime is not installed")
    monkeypatch.chdir(tmp_path)
    assert run_examples("Exporting.md") == 3
