# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""SPARSEK attention on PyTorch tensors.

`score`, `select` and `gathered_attention` are the three steps, `attention` the
last two, and `SparsekAttention` is a layer of a transformer with all of them.
They run on CUDA tensors with the kernels that the compiler generates for the
device, on its current stream, and on CPU tensors with the compiled CPU code. The
steps are registered as operators, `torch.ops.sparsek.score` and so on, and work under
`torch.compile` without graph breaks; with dynamic shapes another length, `topk`
or `window` does not compile again; another `scale` or `slope` does, as any other
Python float (they are constants of a model).

Kernels are compiled at the first use of an element type, head sizes, heads per
KV head, gate, sink or packing (for scores: element types, sizes of the weights,
norm, and statistics taken or returned), and kept on disk (SPARSEK_CACHE_DIR). Neither
PyTorch's compiler nor a CUDA toolkit is needed.

Letters in shapes: B batch, N keys, M queries, C features, D and Dv sizes of a
head, Hq query heads, Hkv KV heads (a divisor of Hq), Hs score heads (1 or Hkv).
C1... name the constraints in docs/Semantics.md.
"""

from __future__ import annotations

try:
    import torch
except ImportError as error:
    raise ImportError(f"sparsek.torch needs PyTorch 2.8 or later: {error}") from error

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import ml_dtypes
import numpy as np

from sparsek import _checks, _cuda, _ops, _torch_documents

if TYPE_CHECKING:
    from sparsek._torch_module import SparsekAttention

__all__ = ["SparsekAttention", "attention", "gathered_attention", "score", "select"]

_DTYPES = {
    torch.bfloat16: "bf16",
    torch.float16: "f16",
    torch.float32: "f32",
    torch.float64: "f64",
    torch.int32: "i32",
}

# Those that one launch computes.
_MOST_SCORE_HEADS = 64


def __getattr__(name: str) -> object:
    # Not imported above: the layer is made of the functions below.
    if name != "SparsekAttention":
        raise AttributeError(f"module 'sparsek.torch' has no attribute {name!r}")
    from sparsek._torch_module import SparsekAttention

    globals()[name] = SparsekAttention
    return SparsekAttention


def score(
    x: torch.Tensor,
    weight: torch.Tensor,
    *,
    slope: float = 0.0,
    norm: str = "none",
    offset: int = 0,
    statistics: torch.Tensor | None = None,
    return_statistics: bool = False,
    cu_seqlens: torch.Tensor | None = None,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Scores every position: `norm(x @ weight) + slope * position` (C1).

    `x[B,N,C]` is bf16 or f16, on the CPU also f32; `weight[C,Hs]` has the same type
    or f32; under autocast both are cast to its type. Returns `[B,Hs,N]` in f32. `norm` is "none"
    or "timestep", which normalises by the running mean and variance. To score in
    chunks, pass the position of the first row as `offset`; with "timestep" also
    `return_statistics=True`, which returns `(scores, statistics)`, and hand
    `statistics[B,Hs,3]` (f64) to the next call. With `cu_seqlens[S+1]` (i32, on the
    device of x; B = 1) positions and statistics restart in every document, and no
    chunk may come before or after.

    With CUDA tensors the work is enqueued on the current stream of their device;
    nothing waits, so it can be captured into a CUDA graph. The weights may have any
    strides; x is copied first where its last dimension is not contiguous or its rows
    do not begin at multiples of 16 bytes (C is not a multiple of 8, for one). Scores
    do not depend on batch, length and chunks that begin at multiples of 256; other
    chunks may change the last bit with "timestep". With f16 features, f32 weights
    must be below 65520 in magnitude. What is in `cu_seqlens` is not checked there.

    Raises TypeError and ValueError for element types, shapes and values that are
    not these, RuntimeError for inputs that require gradients (there is no backward
    pass yet), and SparsekError if the compiler is missing.
    """
    x, weight = _autocast(x, weight)
    scores, carried = torch.ops.sparsek.score(
        x, weight, statistics, cu_seqlens, slope, norm, offset, return_statistics
    )
    return (scores, carried) if return_statistics else scores


def select(
    scores: torch.Tensor,
    *,
    topk: int,
    window: int,
    cu_seqlens: torch.Tensor | None = None,
    return_interior: bool = False,
) -> tuple[torch.Tensor, ...]:
    """The selection that the scores imply (C2-C4): `(tau, expiry)`.

    `scores[B,Hs,N]` is f32. `tau` (f32, `[B,Hs,N]`) is the threshold of every
    query; key j is selected for exactly the queries t with
    `j + window <= t < expiry[j]` (`expiry` is i32, `[B,Hs,N]`). With
    `cu_seqlens[S+1]` (i32, on the device of the scores; B = 1) the positions are
    cut into documents, and both count from the start of each. With
    `return_interior` also `n_int` (i32, `[B,Hs,N]`), the number of keys with a gate
    strictly between 0 and 1 (C7). None of them has a gradient.

    With CUDA tensors, of up to 2^20 keys, the work is enqueued as that of `score`;
    what is in `cu_seqlens` is not checked there.

    Raises TypeError, ValueError and SparsekError as `score` does.
    """
    results = torch.ops.sparsek.select(scores.detach(), cu_seqlens, topk, window, return_interior)
    return results if return_interior else results[:2]


def attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    scores: torch.Tensor,
    *,
    topk: int,
    window: int,
    gate: str = "key_value",
    scale: float | None = None,
    sink: torch.Tensor | None = None,
    cu_seqlens: torch.Tensor | None = None,
    return_lse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Causal attention over a window and the best keys before it (C2-C6).

    `scores[B,Hs,N]` is f32; the rest is as for `gathered_attention`. With CUDA
    tensors the selection is enqueued before attention on the same stream, for up
    to 2^20 keys; this too can be captured into a CUDA graph.
    """
    tau, expiry = select(scores, topk=topk, window=window, cu_seqlens=cu_seqlens)
    return gathered_attention(
        q,
        k,
        v,
        scores,
        tau,
        expiry,
        topk=topk,
        window=window,
        gate=gate,
        scale=scale,
        sink=sink,
        cu_seqlens=cu_seqlens,
        return_lse=return_lse,
    )


def gathered_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    scores: torch.Tensor,
    tau: torch.Tensor,
    expiry: torch.Tensor,
    *,
    topk: int,
    window: int,
    gate: str = "key_value",
    scale: float | None = None,
    sink: torch.Tensor | None = None,
    cu_seqlens: torch.Tensor | None = None,
    return_lse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Attention over a window and the keys that a selection keeps (C5, C6).

    `q[B,Hq,M,D]`, `k[B,Hkv,N,D]` and `v[B,Hkv,N,Dv]` are bf16 or f16, on the CPU
    also f32, all the same; under autocast they are cast to its type. With M < N,
    q holds the last M positions. `scores[B,Hs,N]` (f32), `tau[B,Hs,N]` (f32) and
    `expiry[B,Hs,N]` (i32) are as `sparsek.select` gives them for the same `topk`,
    `window` and `cu_seqlens`. `gate` is "key_value", "value", "none" or
    "straight_through"; `scale` is 1/sqrt(D) by default; `sink[Hq]` (f32) is one
    more logit in the denominator. `cu_seqlens[S+1]` (i32, on the device of q;
    B = 1, M = N) cuts the positions into documents. Returns `o[B,Hq,M,Dv]` in the
    type of q, its heads and positions in the order in which q has them in memory,
    and with `return_lse` also the natural logarithm of the softmax denominators,
    f32 `[B,Hq,M]`.

    With CUDA tensors the work is enqueued on the current stream of their device;
    nothing waits and nothing is copied, so it can be captured into a CUDA graph.
    Only an array that is not contiguous in its last dimension, or a q, k or v
    whose rows do not begin at multiples of 16 bytes, is copied first. What is in
    `expiry` and `cu_seqlens` is not checked there.

    Raises TypeError and ValueError for element types, shapes and values that are
    not these, RuntimeError for inputs that require gradients (there is no backward
    pass yet), and SparsekError when a kernel cannot be compiled or launched.
    """
    q, k, v = _autocast(q, k, v)
    o, lse = torch.ops.sparsek.gathered_attention(
        q, k, v, scores, tau, expiry, sink, cu_seqlens, topk, window, gate, scale
    )
    return (o, lse) if return_lse else o


def _autocast(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    device = tensors[0].device.type
    # The devices that the operators accept all have autocast; asking torch about it
    # would break the graph of torch.compile.
    if device not in ("cpu", "cuda") or not torch.is_autocast_enabled(device):
        return tensors
    dtype = torch.get_autocast_dtype(device)
    return tuple(tensor.to(dtype) for tensor in tensors)


# ---- Operators ----

# An optional result that is not asked for has the shape [0].
torch.library.define(
    "sparsek::score",
    "(Tensor x, Tensor weight, Tensor? statistics, Tensor? cu_seqlens, float slope, str norm, "
    "SymInt offset, bool return_statistics) -> (Tensor scores, Tensor statistics)",
    tags=torch.Tag.pt2_compliant_tag,
)
torch.library.define(
    "sparsek::select",
    "(Tensor scores, Tensor? cu_seqlens, SymInt topk, SymInt window, "
    "bool return_interior=False) -> (Tensor tau, Tensor expiry, Tensor n_int)",
    tags=torch.Tag.pt2_compliant_tag,
)
torch.library.define(
    "sparsek::gathered_attention",
    "(Tensor q, Tensor k, Tensor v, Tensor scores, Tensor tau, Tensor expiry, Tensor? sink, "
    "Tensor? cu_seqlens, SymInt topk, SymInt window, str gate, float? scale) "
    "-> (Tensor o, Tensor lse)",
    tags=(torch.Tag.pt2_compliant_tag, torch.Tag.needs_fixed_stride_order),
)


class _Tensors(NamedTuple):
    """The tensors of gathered attention, in the order of the operator."""

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    scores: torch.Tensor
    tau: torch.Tensor
    expiry: torch.Tensor
    sink: torch.Tensor | None
    cu_seqlens: torch.Tensor | None


class _Parameters(NamedTuple):
    """The other arguments."""

    topk: int
    window: int
    gate: str
    scale: float | None


def _parse(arguments: tuple[Any, ...]) -> tuple[_Tensors, _Parameters]:
    """Checks the arguments of the operator, as far as that needs no data."""
    count = len(_Tensors._fields)
    tensors, parameters = _Tensors(*arguments[:count]), _Parameters(*arguments[count:])
    _check_tensors(tensors)
    _checks.one_of("gate", parameters.gate, _checks.GATES)
    return tensors, parameters


@torch.library.register_fake("sparsek::score")
def _score_fake(
    x: torch.Tensor,
    weight: torch.Tensor,
    statistics: torch.Tensor | None,
    cu_seqlens: torch.Tensor | None,
    slope: float,
    norm: str,
    offset: int,
    return_statistics: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    _check_score(x, weight, statistics, cu_seqlens, norm, return_statistics)
    batch, heads = x.shape[0], weight.shape[1]
    carried = (batch, heads, 3) if return_statistics else (0,)
    return (
        x.new_empty((batch, heads, x.shape[1]), dtype=torch.float32),
        x.new_empty(carried, dtype=torch.float64),
    )


def _score_cpu(
    x: torch.Tensor,
    weight: torch.Tensor,
    statistics: torch.Tensor | None,
    cu_seqlens: torch.Tensor | None,
    slope: float,
    norm: str,
    offset: int,
    return_statistics: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    _check_score(x, weight, statistics, cu_seqlens, norm, return_statistics)
    results = _ops.score(
        _to_numpy(x),
        _to_numpy(weight),
        slope=slope,
        norm=norm,
        offset=offset,
        statistics=None if statistics is None else _to_numpy(statistics),
        carry=return_statistics,
        cu_seqlens=None if cu_seqlens is None else _to_numpy(cu_seqlens),
    )
    if return_statistics:
        scores, carried = map(_from_numpy, results)
        return scores, carried
    return _from_numpy(results), torch.empty(0, dtype=torch.float64)


def _placement(device: torch.device) -> dict[str, Any]:
    """Where a launch goes: the chip, the device and PyTorch's current stream there."""
    return {
        "chip": _cuda.device_chip(device.index),
        "device": device.index,
        "stream": torch.cuda.current_stream(device).cuda_stream,
    }


def _score_cuda(
    x: torch.Tensor,
    weight: torch.Tensor,
    statistics: torch.Tensor | None,
    cu_seqlens: torch.Tensor | None,
    slope: float,
    norm: str,
    offset: int,
    return_statistics: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    return _launch_score(
        x,
        weight,
        statistics,
        cu_seqlens,
        slope,
        norm,
        offset,
        return_statistics,
        **_placement(x.device),
    )


def _launch_score(
    x: torch.Tensor,
    weight: torch.Tensor,
    statistics: torch.Tensor | None,
    cu_seqlens: torch.Tensor | None,
    slope: float,
    norm: str,
    offset: int,
    return_statistics: bool,
    *,
    chip: str,
    device: int,
    stream: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `_launch` below."""
    scores, carried = _score_fake(
        x, weight, statistics, cu_seqlens, slope, norm, offset, return_statistics
    )
    if x.dtype not in (torch.bfloat16, torch.float16):
        raise TypeError(f"x must be bf16 or f16 on a GPU, got {_name(x)}")
    slope = _checks.number("slope", slope)
    offset = _checks.integer("offset", offset, 0)
    documents = False
    if cu_seqlens is not None:
        if offset or statistics is not None or return_statistics:
            raise ValueError(_ops.NO_CHUNKS)
        # Otherwise no score depends on where its document begins.
        documents = slope != 0 or norm != "none"
    kernel_norm, kernel_slope = ("none", 0.0) if documents else (norm, slope)
    lacking = -x.shape[2] % 8
    if lacking:  # Features and weights of 0 change no sum.
        x = torch.nn.functional.pad(x, (0, lacking))
        weight = torch.nn.functional.pad(weight, (0, 0, 0, lacking))
    x, statistics = _with_rows(x, 16), _with_rows(statistics, 8)
    heads = weight.shape[1]
    for first in range(0, heads, _MOST_SCORE_HEADS):
        count = min(_MOST_SCORE_HEADS, heads - first)
        by_head = (weight, statistics, scores, carried if return_statistics else None)
        if count < heads:
            by_head = (
                None if tensor is None else tensor.narrow(1, first, count) for tensor in by_head
            )
        config = _cuda.ScoreConfig(
            dtype=_DTYPES[x.dtype],
            weight_dtype=_DTYPES[weight.dtype],
            features=x.shape[2],
            score_heads=count,
            norm=kernel_norm,
            statistics=statistics is not None,
            carry=return_statistics,
            chip=chip,
        )
        arguments = _cuda.pack_score(map(_describe, (x, *by_head)), offset, kernel_slope)
        _launch_kernel(_cuda.score_kernel(config), arguments, x.device, device, stream)
    if documents:
        scores = _torch_documents.score_documents(scores, cu_seqlens, slope, norm)
    return scores, carried


@torch.library.register_fake("sparsek::select")
def _select_fake(
    scores: torch.Tensor,
    cu_seqlens: torch.Tensor | None,
    topk: int,
    window: int,
    return_interior: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    _check_scores(scores, cu_seqlens)
    return (
        scores.new_empty(scores.shape),
        scores.new_empty(scores.shape, dtype=torch.int32),
        scores.new_empty(scores.shape if return_interior else (0,), dtype=torch.int32),
    )


def _select_cpu(
    scores: torch.Tensor,
    cu_seqlens: torch.Tensor | None,
    topk: int,
    window: int,
    return_interior: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    _check_scores(scores, cu_seqlens)
    tau, expiry, *n_int = _ops.select(
        _to_numpy(scores),
        topk=topk,
        window=window,
        cu_seqlens=None if cu_seqlens is None else _to_numpy(cu_seqlens),
        return_interior=return_interior,
    )
    n_int = n_int[0] if return_interior else np.empty(0, np.int32)
    return _from_numpy(tau), _from_numpy(expiry), _from_numpy(n_int)


def _select_cuda(
    scores: torch.Tensor,
    cu_seqlens: torch.Tensor | None,
    topk: int,
    window: int,
    return_interior: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return _launch_selection(
        scores,
        cu_seqlens,
        topk,
        window,
        return_interior,
        **_placement(scores.device),
    )


def _launch_selection(
    scores: torch.Tensor,
    cu_seqlens: torch.Tensor | None,
    topk: int,
    window: int,
    return_interior: bool = False,
    *,
    chip: str,
    device: int,
    stream: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """As `_launch` below."""
    results = _select_fake(scores, cu_seqlens, topk, window, return_interior)
    topk = _checks.integer("topk", topk, 1)
    window = _checks.integer("window", window, 0)
    scores, cu_seqlens = _with_rows(scores, 4), _with_rows(cu_seqlens, 4)
    written = results if return_interior else (*results[:2], None)
    arguments = _cuda.pack_selection(map(_describe, (scores, cu_seqlens, *written)), topk, window)
    packed = cu_seqlens is not None
    kernel = _cuda.selection_kernel(_cuda.SelectionConfig(packed=packed, chip=chip))
    _launch_kernel(kernel, arguments, scores.device, device, stream)
    return results


# Not as decorators, which leave nothing in the place of the function.
torch.library.impl("sparsek::score", "cpu", _score_cpu)
torch.library.impl("sparsek::score", "cuda", _score_cuda)
torch.library.impl("sparsek::select", "cpu", _select_cpu)
torch.library.impl("sparsek::select", "cuda", _select_cuda)


@torch.library.register_fake("sparsek::gathered_attention")
def _attention_fake(*arguments: Any) -> tuple[torch.Tensor, torch.Tensor]:
    tensors, _ = _parse(arguments)
    return _empty_results(tensors)


@torch.library.impl("sparsek::gathered_attention", "cpu")
def _attention_cpu(*arguments: Any) -> tuple[torch.Tensor, torch.Tensor]:
    tensors, parameters = _parse(arguments)
    arrays = {
        name: None if tensor is None else _to_numpy(tensor)
        for name, tensor in tensors._asdict().items()
    }
    computed = _ops.gathered_attention(**arrays, **parameters._asdict(), return_lse=True)
    results = _empty_results(tensors)
    for result, array in zip(results, computed, strict=True):
        result.copy_(_from_numpy(array))
    return results


@torch.library.impl("sparsek::gathered_attention", "cuda")
def _attention_cuda(*arguments: Any) -> tuple[torch.Tensor, torch.Tensor]:
    tensors, parameters = _parse(arguments)
    return _launch(
        tensors,
        parameters,
        **_placement(tensors.q.device),
    )


def _launch(
    tensors: _Tensors, parameters: _Parameters, *, chip: str, device: int, stream: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Launches on a device and a stream by their numbers. The results and the
    workspace come from PyTorch's allocator, which gives memory away again in the
    order of the stream."""
    _check_kernel(tensors)
    topk = _checks.integer("topk", parameters.topk, 1)
    window = _checks.integer("window", parameters.window, 0)
    scale = _checks.scale(parameters.scale)
    o, lse = _empty_results(tensors)
    q, k, v = (_with_rows(tensor, 16) for tensor in tensors[:3])
    others = [_with_rows(tensor, 4) for tensor in tensors[3:]]
    arguments = _cuda.pack_arguments(
        map(_describe, (q, k, v, *others, o, lse)), topk, window, scale or 0.0
    )
    gate = parameters.gate
    kernel = _cuda.attention_kernel(
        _cuda.AttentionConfig(
            dtype=_DTYPES[q.dtype],
            head_dim=q.shape[3],
            value_dim=v.shape[3],
            group=q.shape[1] // k.shape[1],
            gate="none" if gate == "straight_through" else gate,  # They differ in gradients.
            sink=tensors.sink is not None,
            packed=tensors.cu_seqlens is not None,
            chip=chip,
        )
    )
    _launch_kernel(kernel, arguments, q.device, device, stream)
    return o, lse


def _launch_kernel(
    kernel: _cuda.Kernel,
    arguments: _cuda.AnyArguments,
    place: torch.device,
    device: int,
    stream: int,
) -> None:
    """Launches with a workspace at a place."""
    size = kernel.workspace_size(arguments)
    # Allocators of PyTorch align to at least this much on GPUs, but promise nothing.
    alignment = _cuda.WORKSPACE_ALIGNMENT
    workspace = torch.empty(size + alignment - 1, dtype=torch.uint8, device=place)
    address = -(-workspace.data_ptr() // alignment) * alignment
    kernel.launch(arguments, address, size, device, stream)


def _refuse_gradients(what: str) -> Callable[..., None]:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError(
            f"{what} has no backward pass yet, and an input requires gradients: call it under "
            "torch.no_grad(), or detach the inputs"
        )

    return refuse


# Reached where an input requires gradients, in torch.compile too.
for _operator, _what in (
    ("score", "sparsek.torch.score"),
    ("gathered_attention", "sparsek attention"),
):
    torch.library.register_autograd(
        f"sparsek::{_operator}", _refuse_gradients(_what), setup_context=_refuse_gradients(_what)
    )


# ---- Tensors ----


def _name(tensor: torch.Tensor) -> str:
    return _DTYPES.get(tensor.dtype, str(tensor.dtype).removeprefix("torch."))


def _check_array(name: str, tensor: torch.Tensor) -> None:
    dtypes, rank = _checks.ATTENTION_ARRAYS[name]
    _checks.dtype(name, _name(tensor), dtypes)
    _checks.rank(name, tensor.shape, rank)


def _check_devices(**tensors: torch.Tensor | None) -> None:
    first = next(iter(tensors))
    device = tensors[first].device
    for name, tensor in tensors.items():
        if tensor is not None and tensor.device != device:
            raise ValueError(
                f"all tensors must be on one device, got {first} on {device} and {name} on "
                f"{tensor.device}"
            )


def _check_score(
    x: torch.Tensor,
    weight: torch.Tensor,
    statistics: torch.Tensor | None,
    cu_seqlens: torch.Tensor | None,
    norm: str,
    return_statistics: bool,
) -> None:
    _check_devices(x=x, weight=weight, statistics=statistics, cu_seqlens=cu_seqlens)
    for name, tensor, rank in (("x", x, 3), ("weight", weight, 2)):
        _checks.dtype(name, _name(tensor), _checks.FLOATS)
        _checks.rank(name, tensor.shape, rank)
    _checks.weight_dtype(_name(x), _name(weight))
    _checks.equal("feature sizes", ("x[2]", x.shape[2]), ("weight[0]", weight.shape[0]))
    _checks.nonzero(("weight[0]", weight.shape[0]), ("weight[1]", weight.shape[1]))
    _checks.one_of("norm", norm, _ops.NORMS)
    if norm == "none" and (statistics is not None or return_statistics):
        raise ValueError(
            'statistics and return_statistics need norm="timestep": no other norm has any'
        )
    if statistics is not None:
        _checks.dtype("statistics", _name(statistics), ("f64",))
        want = (x.shape[0], weight.shape[1], 3)
        if tuple(statistics.shape) != want:
            raise ValueError(f"statistics must be [B,Hs,3] = {want}, got {tuple(statistics.shape)}")
    if cu_seqlens is not None:
        _check_array("cu_seqlens", cu_seqlens)
        _checks.packing(cu_seqlens.shape, x.shape[0])


def _check_scores(scores: torch.Tensor, cu_seqlens: torch.Tensor | None) -> None:
    _check_devices(scores=scores, cu_seqlens=cu_seqlens)
    _check_array("scores", scores)
    _checks.nonzero(("scores[1]", scores.shape[1]))
    if cu_seqlens is not None:
        _check_array("cu_seqlens", cu_seqlens)
        _checks.packing(cu_seqlens.shape, scores.shape[0])


def _check_tensors(tensors: _Tensors) -> None:
    named = {name: tensor for name, tensor in tensors._asdict().items() if tensor is not None}
    _check_devices(**named)
    for name, tensor in named.items():
        _check_array(name, tensor)
    _checks.same_dtype(*((name, _name(named[name])) for name in ("q", "k", "v")))
    _checks.attention_shapes(**{name: tensor.shape for name, tensor in named.items()})


def _check_kernel(tensors: _Tensors) -> None:
    """What only kernels for a GPU ask for."""
    if tensors.q.dtype not in (torch.bfloat16, torch.float16):
        raise TypeError(f"q, k and v must be bf16 or f16 on a GPU, got {_name(tensors.q)}")
    for name, tensor in (("q", tensors.q), ("v", tensors.v)):
        if tensor.shape[3] % 8:
            raise ValueError(
                f"head sizes must be multiples of 8 on a GPU, got {name}[3] = {tensor.shape[3]}"
            )


def _empty_results(tensors: _Tensors) -> tuple[torch.Tensor, torch.Tensor]:
    """o and lse, with heads and positions of o in q's order."""
    q, value_size = tensors.q, tensors.v.shape[3]
    batch, heads, queries, _ = q.shape
    if q.stride(1) < q.stride(2):
        o = q.new_empty((batch, queries, heads, value_size)).transpose(1, 2)
    else:
        o = q.new_empty((batch, heads, queries, value_size))
    return o, q.new_empty((batch, heads, queries), dtype=torch.float32)


def _with_rows(tensor: torch.Tensor | None, alignment: int) -> torch.Tensor | None:
    """The tensor, or a copy of it if its rows are not contiguous or do not begin
    at multiples of so many bytes."""
    if tensor is None or _has_rows(tensor, alignment):
        return tensor
    return tensor.clone(memory_format=torch.contiguous_format)


def _has_rows(tensor: torch.Tensor, alignment: int) -> bool:
    shape, strides, size = tensor.shape, tensor.stride(), tensor.element_size()
    if tensor.data_ptr() % alignment or (strides[-1] != 1 and shape[-1] > 1):
        return False
    for axis in range(len(shape) - 1):
        if strides[axis] * size % alignment and shape[axis] > 1:
            return False
    return True


def _describe(tensor: torch.Tensor | None) -> tuple[int, ...]:
    if tensor is None:
        return _cuda.NO_ARRAY
    return _cuda.describe_array(
        tensor.data_ptr(), _DTYPES[tensor.dtype], tensor.shape, tensor.stride()
    )


def _to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """A view of a CPU tensor."""
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:  # which NumPy has from ml_dtypes only
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def _from_numpy(array: np.ndarray) -> torch.Tensor:
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)
