# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`sparsek.torch` on a GPU: streams, graphs, torch.compile, several devices, AMP.
That the numbers are right everywhere is for other tests; here a few shapes are
compared with the CPU code."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import sparsek

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
if not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)

import sparsek.torch as sparsek_torch  # noqa: E402

pytestmark = pytest.mark.library

BUDGET = {"topk": 96, "window": 64}
# Of o, relative to its largest element: the rounding of p and o.
TOLERANCE = {torch.bfloat16: 2e-2, torch.float16: 3e-3}


class Inputs:
    """q, k, v, scores and their selection; `arguments` is what the op takes."""

    def __init__(
        self, b=1, hq=8, hkv=2, m=700, n=700, d=128, dv=128, hs=1,
        dtype=torch.bfloat16, device="cuda", seed=0, cu_seqlens=None,
    ):  # fmt: skip
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape):
            return torch.randn(*shape, generator=generator)

        host = [normal(b, hq, m, d), normal(b, hkv, n, d), normal(b, hkv, n, dv)]
        scores = normal(b, hs, n)
        self.host = [*(tensor.to(dtype).float().numpy() for tensor in host), scores.numpy()]
        tau, expiry = sparsek.select(self.host[3], **BUDGET, cu_seqlens=cu_seqlens)
        self.host += [tau, expiry]
        self.cu_seqlens = cu_seqlens
        self.dtype = dtype
        self.arguments = [tensor.to(dtype).to(device) for tensor in host]
        self.arguments += [torch.from_numpy(array).to(device) for array in self.host[3:]]

    def want(self, **options) -> tuple[np.ndarray, np.ndarray]:
        return sparsek.gathered_attention(
            *self.host, **BUDGET, **options, cu_seqlens=self.cu_seqlens, return_lse=True
        )

    def run(self, **options):
        return sparsek_torch.gathered_attention(
            *self.arguments, **BUDGET, **options, return_lse=True
        )

    def check(self, results, **options) -> None:
        for got, want in zip(results, self.want(**options), strict=True):
            got = got.float().cpu().numpy()
            assert got.shape == want.shape
            np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
            finite = np.isfinite(want)
            error = np.abs(got[finite] - want[finite]).max()
            assert error <= TOLERANCE[self.dtype] * np.abs(want[finite]).max()


@pytest.mark.parametrize("dtype", (torch.bfloat16, torch.float16))
@pytest.mark.parametrize("gate", ("key_value", "value", "none", "straight_through"))
def test_result(dtype, gate):
    inputs = Inputs(dtype=dtype, hs=2)
    inputs.check(inputs.run(gate=gate), gate=gate)


def test_sink_and_fewer_queries():
    inputs = Inputs(b=2, hq=6, m=130, d=64, dv=96)
    sink = torch.randn(6)
    inputs.check(inputs.run(sink=sink.cuda(), scale=0.2), sink=sink.numpy(), scale=0.2)


def test_packed_documents():
    bounds = np.array([0, 200, 200, 201, 700], np.int32)
    inputs = Inputs(cu_seqlens=bounds)
    inputs.check(inputs.run(cu_seqlens=torch.from_numpy(bounds).cuda()))


@pytest.mark.parametrize("m, n", ((0, 5), (1, 1), (1, 700), (127, 129), (2500, 2500)))
def test_lengths(m, n):
    inputs = Inputs(m=m, n=n)
    results = inputs.run()
    if m:
        inputs.check(results)
    else:
        assert results[0].shape == (1, 8, 0, 128) and results[1].shape == (1, 8, 0)


def test_strides():
    inputs = Inputs()
    want = inputs.run()
    q, k, v, *rest = inputs.arguments
    # Positions before heads: nothing is copied, and o is laid out like q.
    layouts = [tensor.transpose(1, 2).contiguous().transpose(1, 2) for tensor in (q, k, v)]
    o, lse = sparsek_torch.gathered_attention(*layouts, *rest, **BUDGET, return_lse=True)
    assert o.stride() == layouts[0].stride()
    assert torch.equal(o, want[0]) and torch.equal(lse, want[1])
    # Rows that are not aligned: copied.
    odd = torch.empty(q.numel() + 1, dtype=q.dtype, device="cuda")[1:].view(q.shape)
    odd.copy_(q)
    assert torch.equal(sparsek_torch.gathered_attention(odd, k, v, *rest, **BUDGET), want[0])


def test_selection():
    """As `sparsek.select` computes it, up to the rounding of thresholds."""
    inputs = Inputs(hs=2)
    scores, tau, expiry = inputs.arguments[3:]
    got_tau, got_expiry, _ = torch.ops.sparsek.select(scores, None, *BUDGET.values())
    assert torch.equal(got_expiry, expiry)
    torch.testing.assert_close(got_tau, tau, rtol=1e-5, atol=1e-5)


def test_selection_in_a_graph():
    inputs, other = Inputs(), Inputs(seed=1)
    static = [tensor.clone() for tensor in inputs.arguments[:4]]
    sparsek_torch.attention(*static, **BUDGET)  # Compiles.
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        o = sparsek_torch.attention(*static, **BUDGET)
    for given in (inputs, other):
        for tensor, source in zip(static, given.arguments, strict=False):
            tensor.copy_(source)
        graph.replay()
        assert torch.equal(o, sparsek_torch.attention(*given.arguments[:4], **BUDGET))


@pytest.mark.parametrize("dtype", (torch.bfloat16, torch.float16))
@pytest.mark.parametrize("weight_dtype", (None, torch.float32))
@pytest.mark.parametrize("heads", (1, 8, 65))
def test_scores_of_cuda_tensors(dtype, weight_dtype, heads):
    x = torch.randn(2, 700, 100).to(dtype)  # 100 features become 104.
    weight = (torch.randn(100, heads) / 10).to(weight_dtype or dtype)
    options = {"norm": "timestep", "slope": 1e-3}
    u = sparsek_torch.score(x.cuda(), weight.cuda(), **options)
    want = sparsek_torch.score(x, weight, **options)
    torch.testing.assert_close(u.cpu(), want, rtol=1e-4, atol=1e-4)
    # Chunks that begin at multiples of 256 give the same bit for bit.
    chunks, statistics = [], None
    for begin in (0, 256, 512):
        some, statistics = sparsek_torch.score(
            x[:, begin : begin + 256].cuda(), weight.cuda(), **options, offset=begin,
            statistics=statistics, return_statistics=True,
        )  # fmt: skip
        chunks.append(some)
    assert torch.equal(torch.cat(chunks, dim=2), u)


def test_scores_in_a_graph():
    x, weight = torch.randn(1, 300, 64).bfloat16().cuda(), torch.randn(64, 2).cuda()
    bounds = torch.tensor([0, 100, 300], dtype=torch.int32).cuda()
    options = {"norm": "timestep", "slope": 1e-3}

    def model():
        return (
            sparsek_torch.score(x, weight, **options),
            sparsek_torch.score(x, weight, **options, cu_seqlens=bounds),
        )

    model()  # Compiles.
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = model()
    x.copy_(torch.randn(1, 300, 64))
    bounds[1] = 77
    graph.replay()
    for got, want in zip(results, model(), strict=True):
        assert torch.equal(got, want)


def test_scores_and_selection_of_cuda_tensors():
    x, weight = torch.randn(1, 300, 64).bfloat16(), torch.randn(64, 2)
    bounds = torch.tensor([0, 100, 300], dtype=torch.int32)
    options = {"norm": "timestep", "slope": 1e-3}
    u = sparsek_torch.score(x.cuda(), weight.cuda(), **options, cu_seqlens=bounds.cuda())
    assert u.is_cuda
    want = sparsek_torch.score(x, weight, **options, cu_seqlens=bounds)
    torch.testing.assert_close(u.cpu(), want, rtol=1e-5, atol=1e-5)
    selected = sparsek_torch.select(u, **BUDGET, cu_seqlens=bounds.cuda(), return_interior=True)
    want = sparsek_torch.select(u.cpu(), **BUDGET, cu_seqlens=bounds, return_interior=True)
    assert all(
        got.is_cuda and got.dtype == one.dtype for got, one in zip(selected, want, strict=True)
    )
    # Thresholds are rounded otherwise, within 1e-5, and interiors are counted from them:
    # test_selection_gpu.py has the rest.
    torch.testing.assert_close(selected[0].cpu(), want[0], rtol=0, atol=1e-5)
    assert torch.equal(selected[1].cpu(), want[1])


def test_every_element_is_written_and_nothing_else_is_read():
    """The allocator hands out memory full of NaN, and so is what lies around."""
    inputs = Inputs(m=650)
    want = inputs.run()
    for fill in (torch.nan, 1e30):
        # Blocks of many sizes, which the results and the workspace then get.
        poison = [
            torch.full((1 << size,), fill, device="cuda") for size in range(8, 25) for _ in range(3)
        ]
        torch.cuda.synchronize()
        del poison
        got = inputs.run()
        assert torch.equal(got[0], want[0]) and torch.equal(got[1], want[1])
    # Rows outside the arrays.
    padded = []
    for tensor in inputs.arguments[:3]:
        shape = list(tensor.shape)
        shape[2] += 64
        buffer = torch.full(shape, torch.nan, dtype=tensor.dtype, device="cuda")
        buffer[:, :, 32:-32] = tensor
        padded.append(buffer[:, :, 32:-32])
    got = sparsek_torch.gathered_attention(
        *padded, *inputs.arguments[3:], **BUDGET, return_lse=True
    )
    assert torch.equal(got[0], want[0]) and torch.equal(got[1], want[1])


def test_bit_for_bit_the_same():
    inputs = Inputs(n=3000, m=3000)
    first = inputs.run()
    for _ in range(20):
        assert all(torch.equal(a, b) for a, b in zip(first, inputs.run(), strict=True))


def test_order_on_a_stream():
    """Work on another stream sees what was enqueued before it there."""
    inputs, other = Inputs(), Inputs(seed=1)
    want = other.run()
    inputs.run()  # Compiled and loaded, so that nothing below takes long.
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(200_000_000)
        for old, new in zip(inputs.arguments, other.arguments, strict=True):
            old.copy_(new)
        got = inputs.run()
    stream.synchronize()
    assert torch.equal(got[0], want[0]) and torch.equal(got[1], want[1])


def test_it_does_not_wait():
    inputs = Inputs()
    inputs.run()
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(400_000_000)
        inputs.run()
        assert not stream.query()  # Still asleep.
    stream.synchronize()


def test_two_streams_and_two_threads():
    inputs = [Inputs(seed=seed, n=3000, m=3000) for seed in range(2)]
    want = [one.run() for one in inputs]
    torch.cuda.synchronize()
    failures = []

    def work(index):
        with torch.cuda.stream(torch.cuda.Stream()):
            for _ in range(30):
                got = inputs[index].run()
                torch.cuda.current_stream().synchronize()
                if not all(torch.equal(a, b) for a, b in zip(got, want[index], strict=True)):
                    failures.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# A size of its own each, so that the first launch ever is captured too.
@pytest.mark.parametrize("warm, d", ((True, 128), (False, 80)))
def test_graph(warm, d):
    inputs, other = Inputs(d=d), Inputs(d=d, seed=1)
    if warm:
        inputs.run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = inputs.run()
    for _ in range(2):
        graph.replay()
    inputs.check(results)
    for old, new in zip(inputs.arguments, other.arguments, strict=True):
        old.copy_(new)
    for result in results:
        result.fill_(torch.nan)
    graph.replay()
    other.check(results)


def test_torch_compile():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()

    @torch.compile(fullgraph=True, dynamic=True)
    def model(q, k, v, scores, tau, expiry):
        o = sparsek_torch.gathered_attention(q * 2, k, v, scores, tau, expiry, **BUDGET)
        return o.transpose(1, 2).flatten(2) + 1

    for n in (300, 450, 700):
        inputs = Inputs(m=n, n=n)
        q, *rest = inputs.arguments
        want = sparsek_torch.gathered_attention(q * 2, *rest, **BUDGET)
        torch.testing.assert_close(model(*inputs.arguments), want.transpose(1, 2).flatten(2) + 1)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


def test_torch_compile_with_graphs():
    torch._dynamo.reset()
    compiled = torch.compile(
        lambda *arguments: sparsek_torch.gathered_attention(*arguments, **BUDGET) * 2,
        fullgraph=True,
        mode="reduce-overhead",
    )
    inputs = Inputs()
    want = inputs.run()[0] * 2
    for _ in range(5):
        assert torch.equal(compiled(*inputs.arguments), want)


def test_autocast():
    inputs = Inputs(dtype=torch.float16)
    full = [tensor.float() for tensor in inputs.arguments[:3]]
    with torch.autocast("cuda", dtype=torch.float16):
        results = sparsek_torch.gathered_attention(
            *full, *inputs.arguments[3:], **BUDGET, return_lse=True
        )
    assert results[0].dtype == torch.float16
    inputs.check(results)


def test_gradients_are_refused():
    inputs = Inputs()
    inputs.arguments[0].requires_grad_()
    with pytest.raises(RuntimeError, match="has no backward pass yet"):
        inputs.run()
    with torch.no_grad():
        inputs.check(inputs.run())


def test_refusals():
    inputs = Inputs()
    q, k, v, *rest = inputs.arguments
    for change, kind, message in (
        ((q.float(), k.float(), v.float()), TypeError, "bf16 or f16 on a GPU, got f32"),
        ((q[..., :12], k[..., :12], v), ValueError, "multiples of 8 on a GPU"),
        ((q, k.cpu(), v), ValueError, "on one device, got q on cuda:0 and k on cpu"),
    ):
        with pytest.raises(kind, match=message):
            sparsek_torch.gathered_attention(*change, *rest, **BUDGET)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_devices():
    inputs = [Inputs(device=f"cuda:{index}", seed=index) for index in range(2)]
    with torch.cuda.device(0):
        results = [one.run() for one in (*inputs, *inputs)]
        assert torch.cuda.current_device() == 0
    for one, got in zip((*inputs, *inputs), results, strict=True):
        assert got[0].device == one.arguments[0].device
        one.check(got)
