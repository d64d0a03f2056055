# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Selection on a GPU: the matrix of `selection_cases.py`, and streams, graphs,
torch.compile and strides."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)

import cases  # noqa: E402
import selection_cases  # noqa: E402
import sparsek.torch as sparsek_torch  # noqa: E402
from selection_cases import Group  # noqa: E402

pytestmark = pytest.mark.library

GROUPS = selection_cases.groups()
BUDGET = {"topk": 96, "window": 64}


def select(group: Group, scores: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return sparsek_torch.select(
        scores, **group.options, cu_seqlens=group.bounds("cuda"), return_interior=True
    )


def same(some, others) -> bool:
    """Bit for bit."""
    return all(
        torch.equal(a.view(torch.int32), b.view(torch.int32))
        for a, b in zip(some, others, strict=True)
    )


def leave_behind(byte: int, elements: int) -> None:
    """Fills free memory of the allocator, from which results and workspaces come."""
    sizes = [4 * elements] * 4 + [1 << shift for shift in range(10, 24)] + [128 * elements]
    blocks = [torch.full((size,), byte, dtype=torch.uint8, device="cuda") for size in sizes]
    del blocks


def check(group: Group, u: np.ndarray, results) -> None:
    found = selection_cases.problems(group, u, results)
    assert not found, "; ".join(found)


def test_there_are_enough_cases():
    assert selection_cases.LIMIT < 10000 or selection_cases.case_count() >= 5000


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_selection(group):
    u = group.scores()
    scores = torch.from_numpy(u).cuda()
    results = select(group, scores)
    check(group, u, results)
    if group.n <= 129:
        found = selection_cases.oracle_problems(group, u, results)
        assert not found, "; ".join(found)
    # Whatever lay in memory before, and on another stream.
    for byte in (0xFF, 0x7B):
        leave_behind(byte, u.size)
        assert same(select(group, scores), results), f"not the same over bytes {byte:#x}"
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        again = [select(group, scores) for _ in range(2)]
    stream.synchronize()
    assert same(again[0], results) and same(again[1], results), "not the same on a stream"
    assert torch.equal(scores.cpu().view(torch.int32), torch.from_numpy(u).view(torch.int32))
    # Without n_int the rest is the same.
    fewer = sparsek_torch.select(scores, **group.options, cu_seqlens=group.bounds("cuda"))
    assert same(fewer, results[:2]), "not the same without n_int"


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator).cuda()


def check_normal(scores: torch.Tensor, results, cu_seqlens=None, budget=BUDGET) -> None:
    batch, heads, n = scores.shape
    group = Group(n, *budget.values(), heads, ("normal",) * (batch * heads), cu_seqlens, 0)
    check(group, scores.cpu().numpy(), results)


def run(scores: torch.Tensor, **options) -> tuple[torch.Tensor, ...]:
    return sparsek_torch.select(scores, **BUDGET, return_interior=True, **options)


@pytest.mark.parametrize("n", (1, 1000, 20000))
def test_strides(n):
    base = normal(2, 3, n)
    want = run(base)
    check_normal(base, want)
    wide = torch.full((3, 2, n + 13), torch.nan, device="cuda")
    wide[:, :, 5 : n + 5] = base.transpose(0, 1)
    assert same(run(wide[:, :, 5 : n + 5].transpose(0, 1)), want)
    assert same(run(base.permute(2, 0, 1).contiguous().permute(1, 2, 0)), want)
    every = torch.full((2, 3, 2 * n), torch.nan, device="cuda")
    every[:, :, ::2] = base
    assert same(run(every[:, :, ::2]), want)
    assert same(run(base[:1, :1].expand(2, 3, n)), [t[:1, :1].expand(2, 3, n) for t in want])
    assert all(result.is_contiguous() for result in want)


@pytest.mark.parametrize("shape", ((0, 2, 100), (2, 2, 0), (1, 1, 0)))
def test_nothing_to_select(shape):
    results = run(torch.empty(shape, device="cuda"))
    torch.cuda.synchronize()
    assert all(tuple(result.shape) == shape for result in results)
    bounds = torch.tensor([0, 0, 0], dtype=torch.int32, device="cuda")
    results = run(torch.empty(1, 2, 0, device="cuda"), cu_seqlens=bounds)
    torch.cuda.synchronize()
    assert all(tuple(result.shape) == (1, 2, 0) for result in results)


def test_large_budgets():
    """A window above N counts as N, whatever it is; so does k."""
    most = 2**31 - 1
    scores = normal(1, 2, 500)
    for topk, window in ((most, 3), (7, most), (most, most)):
        results = sparsek_torch.select(scores, topk=topk, window=window, return_interior=True)
        check_normal(scores, results, budget={"topk": min(topk, 500), "window": min(window, 500)})


@pytest.mark.parametrize("n", (700, 20000))
@pytest.mark.parametrize("packed", (False, True))
def test_it_does_not_wait(n, packed):
    scores = normal(1, 4, n)
    options = {}
    if packed:
        options["cu_seqlens"] = torch.tensor([0, 100, 100, n], dtype=torch.int32, device="cuda")
    want = run(scores, **options)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            torch.cuda._sleep(400_000_000)
            results = run(scores, **options)
            asleep = not stream.query()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    stream.synchronize()
    assert asleep
    assert same(results, want)


def test_order_on_a_stream():
    scores, other = normal(2, 4, 5000), normal(2, 4, 5000, seed=1)
    want = run(other)
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(200_000_000)
        scores.copy_(other)
        results = run(scores)
        scores.fill_(torch.nan)
    stream.synchronize()
    assert same(results, want)


def test_two_streams_at_once():
    inputs = [normal(1, 4, n, seed=n) for n in (9000, 20000, 1000)]
    want = [run(scores) for scores in inputs]
    torch.cuda.synchronize()
    streams = [torch.cuda.Stream() for _ in inputs]
    results = [[] for _ in inputs]
    for _ in range(20):
        for stream, scores, kept in zip(streams, inputs, results, strict=True):
            with torch.cuda.stream(stream):
                kept.append(run(scores))
    torch.cuda.synchronize()
    for kept, expected in zip(results, want, strict=True):
        assert all(same(one, expected) for one in kept)


# Lengths with other ways of sorting.
@pytest.mark.parametrize("n", (700, 4097, 20000, 140000))
@pytest.mark.parametrize("packed", (False, True))
def test_graph(n, packed):
    scores, bounds, options = normal(1, 2, n), None, {}
    if packed:
        bounds = (0, 100, 100, 101, n // 2, n)
        options["cu_seqlens"] = torch.tensor(bounds, dtype=torch.int32, device="cuda")
    run(scores, **options)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = run(scores, **options)
    rng = np.random.default_rng(n)
    for kind in ("normal", "some_of_all", "equal", "reversed", "narrow"):
        u = np.stack([cases.SCORES[kind](rng, n) for _ in range(2)]).astype(np.float32)[None]
        scores.copy_(torch.from_numpy(u))
        for result in results:
            result.fill_(-7)
        graph.replay()
        check_normal(scores, results, bounds)
    if packed:  # The bounds may change as well.
        options["cu_seqlens"].copy_(torch.tensor([0, 0, 7, n - 1, n - 1, n], dtype=torch.int32))
        graph.replay()
        check_normal(scores, results, (0, 0, 7, n - 1, n - 1, n))


def test_torch_compile():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()

    @torch.compile(fullgraph=True, dynamic=True)
    def model(scores):
        tau, expiry, n_int = sparsek_torch.select(scores * 2, **BUDGET, return_interior=True)
        return tau + 1, expiry, n_int + 1

    for n in (300, 450, 5000):
        scores = normal(2, 2, n)
        tau, expiry, n_int = run(scores * 2)
        assert same(model(scores), (tau + 1, expiry, n_int + 1))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


def test_torch_compile_with_graphs():
    torch._dynamo.reset()
    compiled = torch.compile(
        lambda scores: [result + 0 for result in run(scores * 2)],
        fullgraph=True,
        mode="reduce-overhead",
    )
    for seed in range(5):
        scores = normal(2, 2, 900, seed=seed)
        assert same(compiled(scores), run(scores * 2))


@pytest.mark.parametrize("packed", (False, True))
def test_attention_is_select_and_gathered_attention(packed):
    q, k, v = (normal(1, heads, 900, 64, seed=heads).bfloat16() for heads in (8, 2, 2))
    scores, options = normal(1, 2, 900), {}
    if packed:
        options["cu_seqlens"] = torch.tensor([0, 33, 33, 900], dtype=torch.int32, device="cuda")
    tau, expiry = sparsek_torch.select(scores, **BUDGET, **options)
    want = sparsek_torch.gathered_attention(q, k, v, scores, tau, expiry, **BUDGET, **options)
    assert torch.equal(sparsek_torch.attention(q, k, v, scores, **BUDGET, **options), want)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        got = sparsek_torch.attention(q, k, v, scores, **BUDGET, **options)
    got.fill_(torch.nan)
    graph.replay()
    assert torch.equal(got, want)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_devices():
    scores = normal(2, 2, 3000)
    want = run(scores)
    other = run(scores.to("cuda:1"))
    assert all(result.device.index == 1 for result in other)
    assert same([result.to("cuda:0") for result in other], want)
