# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`sparsek.torch` without a GPU: on CPU tensors, under torch.compile, and what it
hands to the driver."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import fake_cuda
import oracle
import sparsek
from sparsek import _cuda

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import sparsek.torch as sparsek_torch  # noqa: E402
from sparsek import _torch_documents  # noqa: E402

pytestmark = pytest.mark.library

BUDGET = {"topk": 5, "window": 3}


def tensors(b=1, hq=4, hkv=2, m=40, n=40, d=16, dv=8, hs=1, dtype=torch.float32, seed=0):
    """q, k, v and scores."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    return (
        normal(b, hq, m, d).to(dtype),
        normal(b, hkv, n, d).to(dtype),
        normal(b, hkv, n, dv).to(dtype),
        normal(b, hs, n),
    )


def select(scores, topk=5, window=3, cu_seqlens=None):
    return sparsek_torch.select(scores, topk=topk, window=window, cu_seqlens=cu_seqlens)


def numpy_of(tensor: torch.Tensor) -> np.ndarray:
    return tensor.float().numpy()


class TestImport:
    def test_without_pytorch(self, tmp_path):
        (tmp_path / "torch.py").write_text("raise ImportError('not here')\n")
        package = Path(sparsek.__file__).parents[1]
        code = (
            f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(package)!r}]\n"
            "import sparsek, sparsek.torch"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "ImportError: sparsek.torch needs PyTorch 2.8 or later: not here" in result.stderr

    def test_the_package_alone_does_not_load_it(self):
        package = Path(sparsek.__file__).parents[1]
        code = (
            f"import sys; sys.path.insert(0, {str(package)!r})\n"
            "import sparsek; sparsek.attention; print('torch' in sys.modules)"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert result.stdout == "False\n"


class TestCPU:
    @pytest.mark.parametrize("dtype", (torch.float32, torch.float16, torch.bfloat16))
    def test_result(self, dtype):
        q, k, v, u = tensors(dtype=dtype)
        sink = torch.randn(4)
        o, lse = sparsek_torch.attention(
            q, k, v, u, **BUDGET, gate="value", scale=0.3, sink=sink, return_lse=True
        )
        want, want_lse = sparsek.attention(
            *map(sparsek_torch._to_numpy, (q, k, v, u)),
            **BUDGET,
            gate="value",
            scale=0.3,
            sink=sink.numpy(),
            return_lse=True,
        )
        assert o.dtype == dtype and lse.dtype == torch.float32
        np.testing.assert_array_equal(numpy_of(o), want.astype(np.float32))
        np.testing.assert_array_equal(lse.numpy(), want_lse)

    def test_a_selection_that_is_there(self):
        q, k, v, u = tensors(hs=2)
        whole = sparsek_torch.attention(q, k, v, u, **BUDGET)
        tau, expiry = select(u)
        assert torch.equal(
            sparsek_torch.gathered_attention(q, k, v, u, tau, expiry, **BUDGET), whole
        )
        # It is what counts, not the scores: here nothing but the window is left.
        nothing = torch.zeros_like(expiry)
        window = sparsek_torch.attention(q, k, v, torch.full_like(u, -torch.inf), **BUDGET)
        got = sparsek_torch.gathered_attention(q, k, v, u, tau, nothing, **BUDGET)
        torch.testing.assert_close(got, window)
        assert not torch.allclose(got, whole)

    def test_packed_documents(self):
        q, k, v, u = tensors()
        bounds = torch.tensor([0, 15, 15, 16, 40], dtype=torch.int32)
        o = sparsek_torch.attention(q, k, v, u, **BUDGET, cu_seqlens=bounds)
        for begin, end in ((0, 15), (15, 16), (16, 40)):
            alone = [t[:, :, begin:end].contiguous() for t in (q, k, v, u)]
            torch.testing.assert_close(
                o[:, :, begin:end], sparsek_torch.attention(*alone, **BUDGET)
            )

    def test_fewer_queries_and_any_strides(self):
        q, k, v, u = tensors(m=7)
        want = sparsek_torch.attention(q, k, v, u, **BUDGET)
        # Positions before heads in memory: the result is so as well.
        q = q.transpose(1, 2).contiguous().transpose(1, 2)
        k = k.transpose(2, 3).contiguous().transpose(2, 3)
        got = sparsek_torch.attention(q, k, v, u, **BUDGET)
        assert torch.equal(got, want)
        assert got.transpose(1, 2).is_contiguous() and want.is_contiguous()

    def test_autocast(self):
        q, k, v, u = tensors()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            got = sparsek_torch.attention(q, k, v, u, **BUDGET)
        low = [tensor.bfloat16() for tensor in (q, k, v)]
        assert got.dtype == torch.bfloat16
        assert torch.equal(got, sparsek_torch.attention(*low, u, **BUDGET))
        with (
            torch.autocast("cpu", dtype=torch.bfloat16),
            pytest.raises(TypeError, match="scores must be f32, got bf16"),
        ):
            sparsek_torch.attention(q, k, v, u.bfloat16(), **BUDGET)


SCORING = (
    {},
    {"slope": 0.25},
    {"norm": "timestep", "slope": 0.25},
)


def features(b=2, n=40, c=12, hs=2, dtype=torch.float32):
    """x and weight of `score`."""
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(b, n, c, generator=generator), torch.randn(c, hs, generator=generator)
    return x.to(dtype), weight.to(dtype)


class TestScore:
    @pytest.mark.parametrize("dtype", (torch.float32, torch.float16, torch.bfloat16))
    @pytest.mark.parametrize("options", SCORING)
    def test_result(self, options, dtype):
        x, weight = features(dtype=dtype)
        u = sparsek_torch.score(x, weight, **options)
        want = sparsek.score(*map(sparsek_torch._to_numpy, (x, weight)), **options)
        assert u.dtype == torch.float32 and u.shape == (2, 2, 40)
        np.testing.assert_array_equal(u.numpy(), want)

    def test_chunks(self):
        x, weight = features()
        options = {"norm": "timestep", "slope": 0.25}
        whole = sparsek_torch.score(x, weight, **options)
        first, carried = sparsek_torch.score(x[:, :15], weight, **options, return_statistics=True)
        assert carried.dtype == torch.float64 and carried.shape == (2, 2, 3)
        second = sparsek_torch.score(x[:, 15:], weight, **options, offset=15, statistics=carried)
        assert torch.equal(torch.cat((first, second), dim=2), whole)

    @pytest.mark.parametrize("options", SCORING)
    def test_packed_documents(self, options):
        x, weight = features(b=1)
        bounds = torch.tensor([0, 15, 15, 16, 40], dtype=torch.int32)
        u = sparsek_torch.score(x, weight, **options, cu_seqlens=bounds)
        for begin, end in ((0, 15), (15, 16), (16, 40)):
            alone = sparsek_torch.score(x[:, begin:end], weight, **options)
            assert torch.equal(u[:, :, begin:end], alone)

    def test_autocast(self):
        x, weight = features()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            u = sparsek_torch.score(x, weight)
        assert torch.equal(u, sparsek_torch.score(x.bfloat16(), weight.bfloat16()))

    @pytest.mark.parametrize(
        "change, kind, message",
        (
            ({"x": lambda t: t[0]}, ValueError, "x must have 3 dimensions"),
            ({"x": lambda t: t.double()}, TypeError, "x must be f32 or f16 or bf16, got f64"),
            (
                {"weight": lambda t: t.half()},
                TypeError,
                "weight must be f32 or have the element type of x, got x f32 and weight f16",
            ),
            ({"weight": lambda t: t[:, :0]}, ValueError, r"weight\[1\] must be at least 1"),
            ({"weight": lambda t: t[1:]}, ValueError, r"x\[2\] = 12 and weight\[0\] = 11"),
            ({"weight": lambda t: t.to("meta")}, ValueError, "x on cpu and weight on meta"),
            ({"norm": "layer"}, ValueError, "norm must be one of none, timestep"),
            ({"slope": float("inf")}, ValueError, "slope must be finite"),
            ({"offset": -1}, ValueError, "offset must be from 0"),
            ({"return_statistics": True}, ValueError, 'need norm="timestep"'),
            (
                {"norm": "timestep", "statistics": torch.zeros(2, 2, 3)},
                TypeError,
                "statistics must be f64, got f32",
            ),
            (
                {"norm": "timestep", "statistics": torch.zeros(1, 2, 3, dtype=torch.float64)},
                ValueError,
                r"statistics must be \[B,Hs,3\] = \(2, 2, 3\), got \(1, 2, 3\)",
            ),
            ({"cu_seqlens": torch.tensor([0, 40])}, TypeError, "cu_seqlens must be i32, got int64"),
            (
                {"cu_seqlens": torch.tensor([0, 40], dtype=torch.int32)},
                ValueError,
                "a batch of 1, got B = 2",
            ),
        ),
    )
    def test_refusals(self, change, kind, message):
        x, weight = features()
        options = dict(change)
        x, weight = options.pop("x", torch.clone)(x), options.pop("weight", torch.clone)(weight)
        with pytest.raises(kind, match=message):
            sparsek_torch.score(x, weight, **options)

    @pytest.mark.parametrize("dtype", (torch.float16, torch.bfloat16))
    def test_weights_of_f32(self, dtype):
        x, weight = features(dtype=dtype)[0], features()[1]
        u = sparsek_torch.score(x, weight, norm="timestep")
        want, _ = oracle.score(x.double().numpy(), weight.double().numpy(), norm="timestep")
        np.testing.assert_allclose(u.numpy(), want, rtol=1e-5, atol=1e-5)

    def test_what_cuda_tensors_take(self, monkeypatch):
        monkeypatch.setattr(_cuda, "device_chip", lambda _: "sm_90a")
        monkeypatch.setattr(torch.cuda, "current_stream", lambda _: SimpleNamespace(cuda_stream=7))
        taken = {}
        monkeypatch.setattr(
            sparsek_torch, "_launch_score", lambda *tensors, **place: taken.update(place)
        )
        sparsek_torch._score_cuda(*features(), None, None, 0.0, "none", 0, False)
        assert taken == {"chip": "sm_90a", "device": None, "stream": 7}

    @pytest.mark.parametrize("options", ({"slope": -0.1}, {"norm": "timestep", "slope": 1e-3}))
    def test_documents_on_any_device(self, options):
        """What follows the kernel, from raw scores of all documents."""
        raw = torch.randn(1, 3, 1000, generator=torch.Generator().manual_seed(1))
        raw[0, 0, 300:600] *= 1e6  # A neighbour must not be felt.
        raw[0, 1, ::7], raw[0, 2, 500:530] = torch.inf, torch.nan
        bounds = [0, 0, 1, 300, 600, 600, 1000]
        got = _torch_documents.score_documents(
            raw, torch.tensor(bounds, dtype=torch.int32), **{"norm": "none", **options}
        )
        for head in range(3):
            for begin, end in itertools.pairwise(bounds):
                part = raw[:, head, begin:end].numpy()
                with np.errstate(invalid="ignore"):
                    want, _ = oracle.score(part[..., None], np.ones((1, 1)), **options)
                np.testing.assert_allclose(
                    got[0, head, begin:end], want[0, 0].astype(np.float32), rtol=2e-7, atol=1e-12
                )
                alone = _torch_documents.score_documents(
                    raw[:, head : head + 1, begin:end],
                    torch.tensor([0, end - begin], dtype=torch.int32),
                    **{"norm": "none", **options},
                )
                torch.testing.assert_close(
                    got[:, head, begin:end], alone[:, 0], rtol=0, atol=0, equal_nan=True
                )

    def test_gradients(self):
        x, weight = features()
        message = "sparsek.torch.score has no backward pass yet, and an input requires gradients"
        with pytest.raises(RuntimeError, match=message):
            sparsek_torch.score(x, weight.requires_grad_())
        with torch.no_grad():
            assert not sparsek_torch.score(x, weight).requires_grad


class TestSelect:
    @pytest.mark.parametrize("packed", (False, True))
    def test_result(self, packed):
        u = tensors(hs=2)[3]
        bounds = torch.tensor([0, 10, 40], dtype=torch.int32) if packed else None
        got = sparsek_torch.select(u, **BUDGET, cu_seqlens=bounds, return_interior=True)
        want = sparsek.select(
            u.numpy(),
            **BUDGET,
            cu_seqlens=bounds.numpy() if packed else None,
            return_interior=True,
        )
        assert [t.dtype for t in got] == [torch.float32, torch.int32, torch.int32]
        for tensor, array in zip(got, want, strict=True):
            np.testing.assert_array_equal(tensor.numpy(), array)
        assert len(sparsek_torch.select(u, **BUDGET, cu_seqlens=bounds)) == 2

    @pytest.mark.parametrize("interior", (False, True))
    def test_what_cuda_tensors_take(self, monkeypatch, interior):
        monkeypatch.setattr(_cuda, "device_chip", lambda _: "sm_90a")
        monkeypatch.setattr(torch.cuda, "current_stream", lambda _: SimpleNamespace(cuda_stream=7))
        taken = []
        monkeypatch.setattr(
            sparsek_torch, "_launch_selection", lambda *given, **place: taken.append((given, place))
        )
        u = tensors()[3]
        sparsek_torch._select_cuda(u, None, 5, 3, interior)
        place = {"chip": "sm_90a", "device": None, "stream": 7}
        assert taken == [((u, None, 5, 3, interior), place)]

    def test_it_has_no_gradient(self):
        u = tensors()[3].requires_grad_()
        assert not any(t.requires_grad for t in sparsek_torch.select(u, **BUDGET))

    def test_scores_of_attention_by_name(self):
        q, k, v, u = tensors()
        got = sparsek_torch.attention(q, k, v, scores=u, **BUDGET)
        assert torch.equal(got, sparsek_torch.attention(q, k, v, u, **BUDGET))


REFUSALS = (
    ({"q": lambda t: t[0]}, ValueError, "q must have 4 dimensions"),
    ({"q": lambda t: t[..., :8]}, ValueError, "head sizes must agree"),
    ({"q": lambda t: t[:, :3]}, ValueError, "must divide the number of query heads"),
    ({"q": lambda t: t.repeat(1, 1, 2, 1)}, ValueError, "q holds the last M <= N positions"),
    ({"q": lambda t: t.double()}, TypeError, "q must be f32 or f16 or bf16, got f64"),
    (
        {"k": lambda t: t.half()},
        TypeError,
        "q, k and v must have one element type, got q f32, k f16, v f32",
    ),
    ({"v": lambda t: t[:, :, 1:]}, ValueError, "numbers of keys must agree"),
    ({"v": lambda t: t.to("meta")}, ValueError, "on one device, got q on cpu and v on meta"),
    ({"scores": lambda t: t.double()}, TypeError, "scores must be f32, got f64"),
    ({"scores": lambda t: t.repeat(1, 3, 1)}, ValueError, r"scores\[1\] must be 1 or k\[1\] = 2"),
    ({"tau": lambda t: t[..., 1:]}, ValueError, "shapes of scores, tau and expiry must agree"),
    ({"expiry": lambda t: t.long()}, TypeError, "expiry must be i32, got int64"),
    ({"sink": torch.zeros(3)}, ValueError, "numbers of query heads must agree"),
    ({"cu_seqlens": torch.zeros(1, dtype=torch.int32)}, ValueError, r"must be \[S\+1\] with S"),
    ({"cu_seqlens": torch.zeros(2)}, TypeError, "cu_seqlens must be i32, got f32"),
    ({"gate": "all"}, ValueError, "gate must be one of key_value, value, none, straight_through"),
    ({"topk": 0}, ValueError, "topk must be from 1 to 2147483647, got 0"),
    ({"window": -1}, ValueError, "window must be from 0"),
    ({"scale": -1.0}, ValueError, "scale must be above 0"),
    ({"scale": float("nan")}, ValueError, "scale must be finite"),
)


def changed(change: dict) -> tuple[list, dict]:
    """Arguments of gathered_attention with one of them changed."""
    q, k, v, u = tensors()
    named = dict(zip(("q", "k", "v", "scores"), (q, k, v, u), strict=True))
    named["tau"], named["expiry"] = select(u)
    options = dict(BUDGET)
    for name, value in change.items():
        if name in named:
            named[name] = value(named[name])
        else:
            options[name] = value
    return list(named.values()), options


class TestRefusals:
    @pytest.mark.parametrize("change, kind, message", REFUSALS)
    def test_arguments(self, change, kind, message):
        arguments, options = changed(change)
        with pytest.raises(kind, match=message):
            sparsek_torch.gathered_attention(*arguments, **options)

    @pytest.mark.parametrize("name", ("q", "k", "v", "scores"))
    def test_gradients(self, name):
        arguments, options = changed({name: lambda t: t.clone().requires_grad_()})
        with pytest.raises(RuntimeError, match="has no backward pass yet"):
            sparsek_torch.gathered_attention(*arguments, **options)
        with pytest.raises(RuntimeError, match="has no backward pass yet"):
            sparsek_torch.attention(*arguments[:4], **options)
        with torch.no_grad():
            o = sparsek_torch.attention(*arguments[:4], **options)
        assert not o.requires_grad

    def test_select(self):
        _, _, _, u = tensors()
        with pytest.raises(TypeError, match="scores must be f32, got bf16"):
            select(u.bfloat16())
        with pytest.raises(ValueError, match="scores must have 3 dimensions"):
            select(u[0])
        with pytest.raises(ValueError, match="packs documents into a batch of 1"):
            select(u.repeat(2, 1, 1), cu_seqlens=torch.zeros(2, dtype=torch.int32))


class TestCompile:
    """Graphs, guards and fake tensors; the code of the operators is the same."""

    @pytest.fixture(autouse=True)
    def fresh(self):
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()

    @staticmethod
    def graphs() -> int:
        return torch._dynamo.utils.counters["stats"]["unique_graphs"]

    def test_one_graph_for_all_lengths(self):
        @torch.compile(fullgraph=True, dynamic=True, backend="aot_eager")
        def model(q, k, v, u, topk, window):
            o = sparsek_torch.attention(q * 2, k, v, u, topk=topk, window=window)
            return o.transpose(1, 2).flatten(2)

        for seed, (n, topk, window) in enumerate(((40, 5, 3), (77, 6, 3), (131, 9, 20))):
            q, k, v, u = tensors(m=n - 10, n=n, seed=seed)
            want = sparsek_torch.attention(q * 2, k, v, u, topk=topk, window=window)
            got = model(q, k, v, u, topk, window)
            assert torch.equal(got, want.transpose(1, 2).flatten(2))
        assert self.graphs() == 1

    def test_from_features_to_output_in_one_graph(self):
        @torch.compile(fullgraph=True, dynamic=True, backend="aot_eager")
        def model(q, k, v, x, weight):
            u, _ = sparsek_torch.score(x, weight, norm="timestep", return_statistics=True)
            tau, expiry, n_int = sparsek_torch.select(u, **BUDGET, return_interior=True)
            o = sparsek_torch.gathered_attention(q, k, v, u, tau, expiry, **BUDGET)
            return o, n_int + 1

        for n in (40, 77):
            q, k, v, _ = tensors(m=n, n=n)
            x, weight = features(b=1, n=n)
            u = sparsek_torch.score(x, weight, norm="timestep")
            o, n_int = model(q, k, v, x, weight)
            assert torch.equal(o, sparsek_torch.attention(q, k, v, u, **BUDGET))
            want = sparsek_torch.select(u, **BUDGET, return_interior=True)[2]
            assert torch.equal(n_int, want + 1)
        assert self.graphs() == 1

    def test_lengths_become_dynamic_by_themselves(self):
        compiled = torch.compile(sparsek_torch.attention, fullgraph=True, backend="aot_eager")
        for n in (40, 50, 60, 70):
            compiled(*tensors(m=n, n=n), **BUDGET)
        assert self.graphs() == 2  # The first length, then all.

    def test_autocast(self):
        @torch.compile(fullgraph=True, backend="aot_eager")
        def model(*arguments):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return sparsek_torch.attention(*arguments, **BUDGET)

        assert model(*tensors()).dtype == torch.bfloat16

    def test_gradients(self):
        compiled = torch.compile(sparsek_torch.attention, fullgraph=True, backend="aot_eager")
        q, k, v, u = tensors()
        with pytest.raises(Exception, match="has no backward pass yet"):
            compiled(q.requires_grad_(), k, v, u, **BUDGET)
        with torch.no_grad():
            compiled(q, k, v, u, **BUDGET)

    @pytest.mark.parametrize("change, kind, message", REFUSALS[:3])
    def test_refusals(self, change, kind, message):
        compiled = torch.compile(
            sparsek_torch.gathered_attention, fullgraph=True, backend="aot_eager"
        )
        arguments, options = changed(change)
        with pytest.raises(Exception, match=message):
            compiled(*arguments, **options)

    def test_fake_results_are_like_real_ones(self):
        x, weight = features(b=1)
        for options in ((0.5, "none", 3, False), (0.5, "timestep", 3, True)):
            carried = torch.rand(1, 2, 3, dtype=torch.float64) if options[3] else None
            arguments = (x, weight, carried, None, *options)
            torch.library.opcheck(torch.ops.sparsek.score.default, arguments)
        for transposed in (False, True):
            for packed in (False, True):
                q, k, v, u = tensors(hs=2, dtype=torch.bfloat16)
                if transposed:
                    q = q.transpose(1, 2).contiguous().transpose(1, 2)
                bounds = torch.tensor([0, 10, 40], dtype=torch.int32) if packed else None
                sink = torch.randn(4) if packed else None
                tau, expiry = select(u, cu_seqlens=bounds)
                for interior in (False, True):
                    arguments = (u, bounds, 5, 3, interior)
                    torch.library.opcheck(torch.ops.sparsek.select.default, arguments)
                torch.library.opcheck(
                    torch.ops.sparsek.gathered_attention.default,
                    (q, k, v, u, tau, expiry, sink, bounds, 5, 3, "value", 0.5),
                )

    def test_meta_tensors(self):
        q, k, v, u = (tensor.to("meta") for tensor in tensors(b=2, m=7))
        o, lse = sparsek_torch.attention(q, k, v, u, **BUDGET, return_lse=True)
        assert o.shape == (2, 4, 7, 8) and lse.shape == (2, 4, 7)
        assert o.is_meta and lse.dtype == torch.float32


@fake_cuda.needs_fake
class TestLaunchScore:
    """The same as `TestLaunch` for scores."""

    @pytest.fixture(autouse=True)
    def driver(self):
        fake_cuda.driver().fakeReset()

    @staticmethod
    def launch(x, weight, statistics=None, cu_seqlens=None, **options):
        """The results, and for every launch its kernel and what it gets, by name."""
        given = {"slope": 0.0, "norm": "none", "offset": 0, "return_statistics": False, **options}
        configs = []

        def make(config):
            configs.append(config)
            return score_kernel(config)

        score_kernel, _cuda.score_kernel = _cuda.score_kernel, make
        try:
            results = sparsek_torch._launch_score(
                x, weight, statistics, cu_seqlens, *given.values(),
                chip="sm_90a", device=1, stream=0x99,
            )  # fmt: skip
        finally:
            _cuda.score_kernel = score_kernel
        record = json.loads(score_kernel(configs[-1]).record) if configs else {"kernels": []}
        return results, configs, fake_cuda.launches(record)

    @pytest.mark.parametrize("weight_dtype", (torch.bfloat16, torch.float32))
    def test_zero_copy(self, weight_dtype):
        x, _ = features(c=32, dtype=torch.bfloat16)
        weight = torch.randn(2, 32).to(weight_dtype).T  # of a linear layer
        (u, carried), configs, (call,) = self.launch(x, weight, slope=0.5)
        assert (u.dtype, u.shape, carried.shape) == (torch.float32, (2, 2, 40), (0,))
        name = "f32" if weight_dtype == torch.float32 else "bf16"
        assert configs == [_cuda.ScoreConfig("bf16", name, 32, 2, "none", False, False, "sm_90a")]
        got = call.values
        for name, tensor in (("x", x), ("weight", weight), ("u", u)):
            assert got[name] == tensor.data_ptr(), name
        assert (got["x_b"], got["x_n"], got["weight_c"], got["weight_h"]) == (1280, 32, 1, 32)
        assert (got["rows"], got["slope"]) == (40, 0x3FE0000000000000)
        assert any(
            "cuLaunchKernel score device 1" in line and line.endswith("0x99")
            for line in fake_cuda.log()
        )

    def test_chunks(self):
        x, weight = features(c=32, dtype=torch.float16)
        before = torch.zeros(2, 2, 6, dtype=torch.float64)[..., ::2]  # not contiguous
        (_, carried), (config,), calls = self.launch(
            x, weight, before, norm="timestep", offset=40, return_statistics=True
        )
        assert (config.statistics, config.carry) == (True, True)
        assert (carried.dtype, carried.shape) == (torch.float64, (2, 2, 3))
        names = ["score", "score_statistics", "score_scan", "score_normalise"]
        assert [call.name for call in calls] == names
        scan = calls[2].values
        assert scan["carried"] == carried.data_ptr() and scan["statistics"] != before.data_ptr()
        assert (scan["statistics_b"], scan["statistics_h"]) == (6, 3)
        assert calls[1].values["offset"] == 40

    def test_features_that_are_no_multiple_of_8(self):
        x, weight = features(c=12, dtype=torch.bfloat16)
        _, (config,), (call,) = self.launch(x, weight)
        assert config.features == 16
        assert call.values["x"] != x.data_ptr() and call.values["x_n"] == 16

    def test_many_heads(self):
        x, weight = features(c=8, hs=100, dtype=torch.bfloat16)
        (u, _), configs, calls = self.launch(x, weight)
        assert [config.score_heads for config in configs] == [64, 36]
        first, second = (call.values for call in calls)
        assert first["u"] == u.data_ptr() and second["u"] == u[:, 64].data_ptr()
        assert second["weight"] == weight[:, 64].data_ptr()
        assert first["u_b"] == second["u_b"] == 100 * 40

    def test_documents(self, monkeypatch):
        x, weight = features(b=1, c=16, dtype=torch.bfloat16)
        bounds = torch.tensor([0, 15, 40], dtype=torch.int32)
        asked = []
        monkeypatch.setattr(
            _torch_documents, "score_documents", lambda raw, *rest: asked.append(rest) or raw
        )
        for options in ({}, {"slope": 0.5}, {"norm": "timestep"}):
            _, (config,), (call,) = self.launch(x, weight, cu_seqlens=bounds, **options)
            assert (config.norm, call.values["slope"]) == ("none", 0)
            fake_cuda.driver().fakeClearLog()
        assert asked == [(bounds, 0.5, "none"), (bounds, 0.0, "timestep")]
        with pytest.raises(ValueError, match="are for chunks of one sequence"):
            self.launch(x, weight, cu_seqlens=bounds, offset=1)

    def test_refusals(self):
        x, weight = features(c=16)
        with pytest.raises(TypeError, match="x must be bf16 or f16 on a GPU, got f32"):
            self.launch(x, weight)
        with pytest.raises(ValueError, match="offset must be from 0"):
            self.launch(x.half(), weight, offset=-1)
        with pytest.raises(ValueError, match="slope must be finite"):
            self.launch(x.half(), weight, slope=float("nan"))

    def test_empty(self):
        for shape in ({"b": 0}, {"n": 0}):
            (u, _), _, calls = self.launch(*features(c=16, dtype=torch.bfloat16, **shape))
            assert u.numel() == 0 and not calls


@fake_cuda.needs_fake
class TestLaunch:
    """What the CUDA implementation hands over, on CPU tensors and the fake driver."""

    @pytest.fixture(autouse=True)
    def driver(self, monkeypatch):
        driver = fake_cuda.driver()
        driver.fakeReset()
        self.kernels = {}

        def make(config):
            self.kernels[config] = _cuda.Kernel.create(*fake_cuda.source(**vars(config)))
            return self.kernels[config]

        monkeypatch.setattr(_cuda, "attention_kernel", make)
        return driver

    @staticmethod
    def launch(q, k, v, u, *, sink=None, cu_seqlens=None, gate="key_value", scale=None, **budget):
        tau, expiry = select(u, cu_seqlens=cu_seqlens)
        given = sparsek_torch._Tensors(q, k, v, u, tau, expiry, sink, cu_seqlens)
        parameters = sparsek_torch._Parameters(**{**BUDGET, **budget}, gate=gate, scale=scale)
        results = sparsek_torch._launch(given, parameters, chip="sm_90a", device=1, stream=0x99)
        call, values = fake_cuda.log()[-3:-1]
        assert call.startswith("cuLaunchKernel attention device 1") and call.endswith("0x99")
        return (
            given,
            results,
            fake_cuda.parameters(values, sink is not None, cu_seqlens is not None),
        )

    def test_zero_copy(self):
        q, k, v, u = tensors(hs=2, dtype=torch.bfloat16)
        given, (o, lse), got = self.launch(q, k, v, u)
        for name, tensor in (
            *(("q", q), ("k", k), ("v", v), ("u", u), ("tau", given.tau)),
            *(("expiry", given.expiry), ("o", o), ("lse", lse)),
        ):
            assert got[name] == tensor.data_ptr(), name
            dims = {4: "bhm" if name in "qo" else "bhn", 3: "bh"}[tensor.dim()]
            for axis, dim in enumerate(dims):
                assert got[f"{name}_{dim}"] == tensor.stride(axis), (name, dim)
        assert (o.shape, o.dtype) == ((1, 4, 40, 8), torch.bfloat16)
        assert (got["score_heads"], got["rows"], got["keys"]) == (2, 40, 40)

    def test_config(self):
        q, k, v, u = tensors(dtype=torch.float16, hq=6)
        self.launch(q, k, v, u, gate="straight_through", sink=torch.zeros(6))
        assert [*self.kernels] == [
            _cuda.AttentionConfig(
                dtype="f16", head_dim=16, value_dim=8, group=3, gate="none", sink=True,
                packed=False, chip="sm_90a",
            )
        ]  # fmt: skip

    def test_packed(self):
        q, k, v, u = tensors(dtype=torch.bfloat16)
        bounds, sink = torch.tensor([0, 10, 40], dtype=torch.int32), torch.zeros(4)
        _, _, got = self.launch(q, k, v, u, cu_seqlens=bounds, sink=sink)
        assert (got["cu_seqlens"], got["sink"]) == (bounds.data_ptr(), sink.data_ptr())

    def test_strides_that_serve_are_kept(self):
        q, k, v, u = tensors(hq=4, hkv=1, dtype=torch.bfloat16)
        q = q.transpose(1, 2).contiguous().transpose(1, 2)
        k = k.expand(1, 2, 40, 16)
        v = v.expand(1, 2, 40, 8)
        _, (o, _), got = self.launch(q, k, v, u)
        assert (got["q"], got["k"], got["v"]) == (q.data_ptr(), k.data_ptr(), v.data_ptr())
        assert (got["q_h"], got["q_m"], got["k_h"], got["v_h"]) == (16, 64, 0, 0)
        assert (got["o_h"], got["o_m"]) == (o.stride(1), o.stride(2)) == (8, 32)

    def test_others_are_copied(self):
        q, k, v, u = tensors(dtype=torch.bfloat16)
        k = k.transpose(2, 3).contiguous().transpose(2, 3)  # rows not contiguous
        v = torch.zeros(1, 2, 40, 9, dtype=torch.bfloat16)[..., :8]  # nor aligned
        buffer = torch.zeros(q.numel() + 1, dtype=torch.bfloat16)
        q = buffer[1:].view(q.shape)  # contiguous, at an odd address
        u = u.repeat_interleave(2, 2)[..., ::2]
        _, _, got = self.launch(q, k, v, u)
        for name, tensor in (("q", q), ("k", k), ("v", v), ("u", u)):
            assert got[name] != tensor.data_ptr(), name
            assert got[name] % 16 == 0, name
        assert (got["k_n"], got["v_n"], got["q_m"]) == (16, 8, 16)

    def test_refusals(self):
        for change, message in (
            ({"dtype": torch.float32}, "q, k and v must be bf16 or f16 on a GPU, got f32"),
            ({"d": 12, "dtype": torch.bfloat16}, r"multiples of 8 on a GPU, got q\[3\] = 12"),
            ({"dv": 20, "dtype": torch.bfloat16}, r"multiples of 8 on a GPU, got v\[3\] = 20"),
        ):
            with pytest.raises((TypeError, ValueError), match=message):
                self.launch(*tensors(**change))
        with pytest.raises(ValueError, match="topk must be from 1"):
            self.launch(*tensors(dtype=torch.bfloat16), topk=0)

    def test_empty(self):
        q, k, v, u = tensors(m=0, dtype=torch.bfloat16)
        tau, expiry = select(u)
        given = sparsek_torch._Tensors(q, k, v, u, tau, expiry, None, None)
        parameters = sparsek_torch._Parameters(**BUDGET, gate="none", scale=None)
        o, lse = sparsek_torch._launch(given, parameters, chip="sm_90a", device=0, stream=0)
        assert o.shape == (1, 4, 0, 8) and lse.shape == (1, 4, 0)
        assert not any("cuLaunchKernel" in line for line in fake_cuda.log())


@fake_cuda.needs_fake
class TestSelectionLaunch:
    """The same for the selection."""

    @pytest.fixture(autouse=True)
    def driver(self):
        driver = fake_cuda.driver()
        driver.fakeReset()
        return driver

    @staticmethod
    def launch(scores, cu_seqlens=None, topk=5, window=3, interior=False):
        return sparsek_torch._launch_selection(
            scores, cu_seqlens, topk, window, interior, chip="sm_90a", device=1, stream=0x99
        )

    @staticmethod
    def calls() -> list[str]:
        return [line for line in fake_cuda.log() if line.startswith("cuLaunchKernel")]

    def test_launches(self):
        scores = torch.zeros(2, 40, 3).transpose(1, 2)  # copied: keys are not contiguous
        tau, expiry, n_int = self.launch(scores)
        assert n_int.shape == (0,)
        assert (tau.shape, tau.dtype) == ((2, 3, 40), torch.float32)
        assert (expiry.shape, expiry.dtype) == ((2, 3, 40), torch.int32)
        assert [call.split()[1] for call in self.calls()] == [
            *("sort_tiles", "rank_table", "boundaries_128", "rank_scan", "thresholds_32"),
            "expiries",
        ]
        assert all("device 1" in call and call.endswith("0x99") for call in self.calls())
        log = "\n".join(fake_cuda.log())
        assert f"{tau.data_ptr():016x}" in log and f"{expiry.data_ptr():016x}" in log
        assert f"{scores.data_ptr():016x}" not in log

    def test_interior(self):
        n_int = self.launch(torch.zeros(2, 3, 40), interior=True)[2]
        assert (n_int.shape, n_int.dtype) == ((2, 3, 40), torch.int32)
        assert f"{n_int.data_ptr():016x}" in "\n".join(fake_cuda.log())

    def test_zero_copy_and_packed(self):
        scores, bounds = torch.zeros(1, 2, 40), torch.tensor([0, 10, 40], dtype=torch.int32)
        self.launch(scores, bounds)
        assert self.calls()[0].split()[1] == "documents"
        log = "\n".join(fake_cuda.log())
        assert f"{scores.data_ptr():016x}" in log and f"{bounds.data_ptr():016x}" in log

    def test_nothing_to_do(self):
        tau = self.launch(torch.zeros(0, 2, 40))[0]
        assert tau.shape == (0, 2, 40) and not self.calls()

    def test_refusals(self):
        with pytest.raises(TypeError, match="scores must be f32, got f64"):
            self.launch(torch.zeros(1, 1, 40).double())
        with pytest.raises(ValueError, match="topk must be from 1"):
            self.launch(torch.zeros(1, 1, 40), topk=0)
        with pytest.raises(sparsek.SparsekError, match="at most N = 1048576 keys"):
            self.launch(torch.zeros(1, 1, (1 << 20) + 1))


class TestKernels:
    def test_compiled_once_for_all_threads(self, monkeypatch):
        config = _cuda.AttentionConfig("bf16", 8, 8, 1, "none", False, False, "sm_90a", "test")
        made = []

        def compile(asked):
            made.append(asked)
            return object()

        monkeypatch.setattr(_cuda.Kernel, "compile", compile)
        monkeypatch.setattr(_cuda, "_kernels", {})
        got = []
        threads = [
            threading.Thread(target=lambda: got.append(_cuda.attention_kernel(config)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [config] and len(got) == 8 and len(set(map(id, got))) == 1
