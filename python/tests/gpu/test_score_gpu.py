# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scores on a GPU against float64, and the whole layer against the CPU."""

from __future__ import annotations

import itertools

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)

import score_reference  # noqa: E402
import sparsek.torch as sparsek_torch  # noqa: E402
from layer_reference import compare_layer, inputs_of_layer, make_layer  # noqa: E402

pytestmark = [pytest.mark.library, pytest.mark.usefixtures("no_gradients")]

TYPES = (torch.bfloat16, torch.float16)
OPTIONS = (
    {},
    {"slope": 1e-3},
    {"slope": -2e-2, "offset": 12345},
    {"norm": "timestep"},
    {"norm": "timestep", "slope": 1e-3},
)


@pytest.fixture
def no_gradients():
    with torch.no_grad():
        yield


def inputs(batch, n, features, heads, dtype=torch.bfloat16, weight_dtype=None, seed=0):
    generator = torch.Generator("cuda").manual_seed(seed)
    x = torch.randn(batch, n, features, generator=generator, device="cuda")
    weight = torch.randn(features, heads, generator=generator, device="cuda") * features**-0.5
    return x.to(dtype), weight.to(weight_dtype or dtype)


def check(x, weight, **options):
    got = sparsek_torch.score(x, weight, **options)
    problem = score_reference.problem(got, score_reference.score(x, weight, **options))
    assert problem is None, problem
    return got


@pytest.mark.parametrize("features", (64, 72, 100, 128, 256, 1000, 1024, 2048, 4096, 5120, 8192))
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_scores(features, dtype):
    lengths = itertools.cycle((1, 63, 129, 1001, 2047))
    for heads, options in itertools.product((1, 2, 3, 8, 16), OPTIONS):
        x, weight = inputs(2, next(lengths), features, heads, dtype)
        check(x, weight, **options)


@pytest.mark.parametrize("heads", (1, 8))
@pytest.mark.parametrize("norm", ("none", "timestep"))
def test_long(heads, norm):
    x, weight = inputs(1, 100_001, 512, heads)
    check(x, weight, norm=norm, slope=1e-4)


@pytest.mark.parametrize("features, heads", ((1, 1), (7, 5), (16, 32), (33, 64)))
def test_odd_sizes(features, heads):
    for norm in ("none", "timestep"):
        check(*inputs(3, 301, features, heads), norm=norm)


@pytest.mark.parametrize("dtype", TYPES[:2], ids=str)
def test_f32_weights(dtype):
    x, weight = inputs(2, 777, 1024, 8, dtype, torch.float32)
    try:
        sparsek_torch.score(x, weight)
    except TypeError as error:
        pytest.skip(f"refused: {error}")
    for options in OPTIONS:
        check(x, weight, **options)


@pytest.mark.parametrize("norm", ("none", "timestep"))
def test_strides(norm):
    x, weight = inputs(2, 501, 256, 8)
    want = check(x, weight, norm=norm)

    def same(strided, weights=weight):
        assert torch.equal(sparsek_torch.score(strided, weights, norm=norm), want)

    wide = torch.full((2, 520, 300), torch.nan, dtype=x.dtype, device="cuda")
    for first in (0, 8, 3):  # Aligned rows, and others.
        part = wide[:, 7:508, first : first + 256]
        part.copy_(x)
        same(part)
        wide.fill_(torch.nan)
    same(x.transpose(0, 1).contiguous().transpose(0, 1))
    same(x.transpose(1, 2).contiguous().transpose(1, 2))
    every = torch.full((2, 1002, 256), torch.nan, dtype=x.dtype, device="cuda")
    every[:, ::2] = x
    same(every[:, ::2])
    same(x, weight.t().contiguous().t())
    assert torch.equal(sparsek_torch.score(x[:1].expand(2, -1, -1), weight, norm=norm)[1], want[0])


@pytest.mark.parametrize("dtype", TYPES[:2], ids=str)
@pytest.mark.parametrize("features", (64, 1000, 4096))
@pytest.mark.parametrize("slope", (0.0, 1e-3))
def test_a_score_depends_on_its_token_alone(dtype, features, slope):
    """Bit for bit: not on N, the batch or the chunk."""
    n = 1500
    x, weight = inputs(3, n, features, 8, dtype)
    whole = sparsek_torch.score(x, weight, slope=slope)
    for batch in range(3):
        alone = sparsek_torch.score(x[batch : batch + 1], weight, slope=slope)
        assert torch.equal(alone[0], whole[batch])
    for length in (1, 2, 63, 64, 65, 127, 129, 1000):
        assert torch.equal(
            sparsek_torch.score(x[:, :length], weight, slope=slope), whole[..., :length]
        )
    for cuts in ((0, 1, 2, 3, 700, n), (0, 127, 255, 1111, n), (0, 64, 128, 1024, n)):
        chunks = [
            sparsek_torch.score(x[:, begin:end], weight, slope=slope, offset=begin)
            for begin, end in itertools.pairwise(cuts)
        ]
        assert torch.equal(torch.cat(chunks, 2), whole)
    assert torch.equal(sparsek_torch.score(x, weight, slope=slope), whole)


@pytest.mark.parametrize("dtype", TYPES[:2], ids=str)
def test_chunks_with_statistics(dtype):
    n, options = 3001, {"norm": "timestep", "slope": 1e-3}
    x, weight = inputs(2, n, 512, 8, dtype)
    want = score_reference.score(x, weight, **options)
    for cuts in (
        (0, n),
        (0, 1, 2, 130, 2048, n),
        (0, 1000, 1000, n),
        (*range(0, n, 500), n),
    ):
        statistics, chunks = None, []
        for begin, end in itertools.pairwise(cuts):
            chunk, statistics = sparsek_torch.score(
                x[:, begin:end], weight, **options, offset=begin, statistics=statistics,
                return_statistics=True,
            )  # fmt: skip
            chunks.append(chunk)
        problem = score_reference.problem(torch.cat(chunks, 2), want)
        assert problem is None, f"{cuts}: {problem}"
        assert statistics.dtype == torch.float64 and statistics.is_cuda
        assert torch.equal(statistics[..., 0], want.statistics[..., 0])
        torch.testing.assert_close(statistics, want.statistics, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm", ("none", "timestep"))
def test_documents(norm):
    bounds = (0, 0, 1, 128, 500, 500, 2000)
    x, weight = inputs(1, 2000, 256, 8)
    got = sparsek_torch.score(
        x, weight, norm=norm, slope=1e-2,
        cu_seqlens=torch.tensor(bounds, dtype=torch.int32, device="cuda"),
    )  # fmt: skip
    for begin, end in itertools.pairwise(bounds):
        if begin < end:
            want = score_reference.score(x[:, begin:end], weight, norm=norm, slope=1e-2)
            problem = score_reference.problem(got[..., begin:end], want)
            assert problem is None, f"document {begin}:{end}: {problem}"


@pytest.mark.parametrize("norm", ("none", "timestep"))
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_what_is_not_finite(norm, dtype):
    x, weight = inputs(2, 600, 256, 8, dtype)
    weight = torch.where(weight == 0, 1.0, weight)
    for step, value in ((7, torch.inf), (11, -torch.inf), (13, torch.nan)):
        x[:, step - 1 :: step, step] = value
    check(x, weight, norm=norm)
    x[:, 0, 0] = torch.nan  # From the first on.
    check(x, weight, norm=norm)


def test_scores_of_one_value():
    """The deviation is 0, but for the constant beside it."""
    x, weight = inputs(1, 1, 128, 2)
    check(x.expand(1, 700, 128), weight, norm="timestep")


@pytest.mark.parametrize("shape", ((0, 5, 64), (2, 0, 64)))
def test_nothing_to_score(shape):
    weight = torch.randn(64, 2, device="cuda").bfloat16()
    for norm in ("none", "timestep"):
        u = sparsek_torch.score(torch.empty(shape, device="cuda").bfloat16(), weight, norm=norm)
        torch.cuda.synchronize()
        assert tuple(u.shape) == (shape[0], 2, shape[1])


@pytest.mark.parametrize("norm", ("none", "timestep"))
def test_streams_and_graphs(norm):
    x, weight = inputs(2, 1001, 512, 8)
    other, _ = inputs(2, 1001, 512, 8, seed=1)
    want, later = (sparsek_torch.score(each, weight, norm=norm) for each in (x, other))
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            torch.cuda._sleep(400_000_000)
            got = sparsek_torch.score(x, weight, norm=norm)
            asleep = not stream.query()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    stream.synchronize()
    assert asleep and torch.equal(got, want)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        got = sparsek_torch.score(x, weight, norm=norm)
    graph.replay()
    assert torch.equal(got, want)
    got.fill_(torch.nan)
    x.copy_(other)
    graph.replay()
    assert torch.equal(got, later)


def test_torch_compile():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()

    @torch.compile(fullgraph=True, dynamic=True)
    def model(x, weight):
        return sparsek_torch.score(x * 2, weight, norm="timestep", slope=1e-3) + 1

    for n in (300, 451):
        x, weight = inputs(2, n, 128, 2)
        want = sparsek_torch.score(x * 2, weight, norm="timestep", slope=1e-3) + 1
        assert torch.equal(model(x, weight), want)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


# ---- The layer ----


@pytest.mark.parametrize("dtype", TYPES[:2], ids=str)
@pytest.mark.parametrize("gate", ("key_value", "none"))
@pytest.mark.parametrize(
    "options", ({}, {"score_norm": "timestep"}, {"score_heads": 1, "sink": True})
)
def test_layer(dtype, gate, options):
    layer = make_layer(dtype, "cuda", gate=gate, **options)
    problem = compare_layer(layer, *inputs_of_layer(dtype, "cuda"))
    assert problem is None, problem


def test_layer_of_documents():
    layer = make_layer(torch.bfloat16, "cuda", score_norm="timestep", score_slope=1e-3)
    problem = compare_layer(layer, *inputs_of_layer(torch.bfloat16, "cuda", packed=True))
    assert problem is None, problem


@pytest.mark.parametrize("packed", (False, True))
def test_layer_in_a_graph(packed):
    layer = make_layer(torch.bfloat16, "cuda")
    x, bounds = inputs_of_layer(torch.bfloat16, "cuda", packed=packed)
    other, _ = inputs_of_layer(torch.bfloat16, "cuda", packed=packed, seed=5)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # cuBLAS makes its workspace outside of the graph.
        for _ in range(2):
            layer(x, cu_seqlens=bounds)
    stream.synchronize()
    want, later = (layer(each, cu_seqlens=bounds) for each in (x, other))
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        got = layer(x, cu_seqlens=bounds)
    graph.replay()
    torch.testing.assert_close(got, want)
    x.copy_(other)
    got.fill_(torch.nan)
    graph.replay()
    torch.testing.assert_close(got, later)
    problem = compare_layer(layer, x, bounds, got)
    assert problem is None, problem


def test_layer_does_not_wait():
    layer = make_layer(torch.bfloat16, "cuda")
    x, _ = inputs_of_layer(torch.bfloat16, "cuda")
    want = layer(x)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        got = layer(x)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.testing.assert_close(got, want)


def test_layer_under_torch_compile():
    torch._dynamo.reset()
    layer = make_layer(torch.bfloat16, "cuda")
    x, bounds = inputs_of_layer(torch.bfloat16, "cuda")
    got = torch.compile(layer, fullgraph=True)(x)
    problem = compare_layer(layer, x, bounds, got)
    assert problem is None, problem


def test_other_types_are_refused() -> None:
    x, weight = torch.randn(1, 10, 64, device="cuda"), torch.randn(64, 2, device="cuda")
    with pytest.raises(TypeError, match="x must be bf16 or f16 on a GPU, got f32"):
        sparsek_torch.score(x, weight)
