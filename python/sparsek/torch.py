# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""SPARSEK attention on PyTorch tensors.

`attention` takes scores, `gathered_attention` a selection that is there already.
Both run on CUDA tensors with the kernels that the compiler generates for the
device, and on CPU tensors with the compiled CPU code. They are registered as the
operators `torch.ops.sparsek.select` and `torch.ops.sparsek.gathered_attention`,
and work under `torch.compile` without graph breaks; with dynamic shapes another
length, `topk` or `window` does not compile again; another `scale` does, as any
other Python float (a scale is a constant of a model).

Kernels are compiled at the first use of an element type, head sizes, heads per
KV head, gate, sink or packing, and kept on disk (SPARSEK_CACHE_DIR). Neither
PyTorch's compiler nor a CUDA toolkit is needed.

Letters in shapes: B batch, N keys, M queries, D and Dv sizes of a head, Hq query
heads, Hkv KV heads (a divisor of Hq), Hs score heads (1 or Hkv). C1... name the
constraints in docs/Semantics.md.
"""

from __future__ import annotations

try:
    import torch
except ImportError as error:
    raise ImportError(f"sparsek.torch needs PyTorch 2.8 or later: {error}") from error

from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from sparsek import _checks, _cuda, _ops

__all__ = ["attention", "gathered_attention"]

_DTYPES = {
    torch.bfloat16: "bf16",
    torch.float16: "f16",
    torch.float32: "f32",
    torch.int32: "i32",
}


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

    `scores[B,Hs,N]` is f32; the rest is as for `gathered_attention`. The
    selection is computed on the host: with CUDA tensors this call waits for the
    device and cannot be captured into a CUDA graph. `gathered_attention` can.
    """
    tau, expiry = torch.ops.sparsek.select(scores.detach(), cu_seqlens, topk, window)
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

torch.library.define(
    "sparsek::select",
    "(Tensor scores, Tensor? cu_seqlens, SymInt topk, SymInt window) "
    "-> (Tensor tau, Tensor expiry)",
    tags=(torch.Tag.pt2_compliant_tag, torch.Tag.cudagraph_unsafe),
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


@torch.library.register_fake("sparsek::select")
def _select_fake(
    scores: torch.Tensor, cu_seqlens: torch.Tensor | None, topk: int, window: int
) -> tuple[torch.Tensor, torch.Tensor]:
    _check_scores(scores, cu_seqlens)
    tau = scores.new_empty(scores.shape)
    return tau, scores.new_empty(scores.shape, dtype=torch.int32)


@torch.library.impl("sparsek::select", ("cpu", "cuda"))
def _select(
    scores: torch.Tensor, cu_seqlens: torch.Tensor | None, topk: int, window: int
) -> tuple[torch.Tensor, torch.Tensor]:
    _check_scores(scores, cu_seqlens)
    if scores.is_cuda and torch.cuda.is_current_stream_capturing():
        raise RuntimeError(
            "the selection is computed on the host, which cannot be captured into a CUDA graph: "
            "select outside and capture sparsek.torch.gathered_attention"
        )
    tau, expiry = _ops.select(
        _to_numpy(scores.cpu()),
        topk=topk,
        window=window,
        cu_seqlens=None if cu_seqlens is None else _to_numpy(cu_seqlens.cpu()),
    )
    return _from_numpy(tau).to(scores.device), _from_numpy(expiry).to(scores.device)


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
    device = tensors.q.device
    return _launch(
        tensors,
        parameters,
        chip=_cuda.device_chip(device.index),
        device=device.index,
        stream=torch.cuda.current_stream(device).cuda_stream,
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
    size = kernel.workspace_size(arguments)
    # Allocators of PyTorch align to at least this much on GPUs, but promise nothing.
    alignment = _cuda.WORKSPACE_ALIGNMENT
    workspace = torch.empty(size + alignment - 1, dtype=torch.uint8, device=q.device)
    address = -(-workspace.data_ptr() // alignment) * alignment
    kernel.launch(arguments, address, size, device, stream)
    return o, lse


def _refuse_gradients(*_: Any, **__: Any) -> None:
    raise RuntimeError(
        "sparsek attention has no backward pass yet, and an input requires gradients: call it "
        "under torch.no_grad(), or detach the inputs"
    )


# Reached where an input requires gradients, in torch.compile too.
torch.library.register_autograd(
    "sparsek::gathered_attention", _refuse_gradients, setup_context=_refuse_gradients
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
