# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks of arguments that need neither NumPy nor PyTorch.

Sizes may be anything that compares like an integer, such as the symbolic sizes
of `torch.compile`.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence

FLOATS = ("f32", "f16", "bf16")
# Element types and rank of every array of attention.
ATTENTION_ARRAYS = {
    **dict.fromkeys(("q", "k", "v"), (FLOATS, 4)),
    **dict.fromkeys(("scores", "tau"), (("f32",), 3)),
    "expiry": (("i32",), 3),
    "sink": (("f32",), 1),
    "cu_seqlens": (("i32",), 1),
}
GATES = ("key_value", "value", "none", "straight_through")
MAX_POSITIONS = 2**31 - 1  # expiry holds positions as i32
MAX_F32 = (2 - 2**-23) * 2.0**127


def equal(what: str, *sizes: tuple[str, int]) -> None:
    """Raises ValueError unless all sizes, each with its name, are the same."""
    first = sizes[0][1]
    for _, size in sizes[1:]:
        if size != first:
            got = " and ".join(f"{name} = {size}" for name, size in sizes)
            raise ValueError(f"{what} must agree, got {got}")


def nonzero(*sizes: tuple[str, int]) -> None:
    """Raises ValueError for a size of 0."""
    for name, size in sizes:
        if size == 0:
            raise ValueError(f"{name} must be at least 1, got 0")


def dtype(name: str, got: str, accepted: Sequence[str]) -> None:
    """Raises TypeError unless the element type is among the accepted ones."""
    if got not in accepted:
        raise TypeError(f"{name} must be {' or '.join(accepted)}, got {got}")


def same_dtype(*dtypes: tuple[str, str]) -> None:
    """Raises TypeError unless all element types, each with its array's name, are the same."""
    if len({got for _, got in dtypes}) > 1:
        *names, last = (name for name, _ in dtypes)
        got = ", ".join(f"{name} {got}" for name, got in dtypes)
        raise TypeError(f"{', '.join(names)} and {last} must have one element type, got {got}")


def weight_dtype(x: str, weight: str) -> None:
    """Raises TypeError unless scoring weights have the element type of x or f32."""
    if weight not in (x, "f32"):
        raise TypeError(
            f"weight must be f32 or have the element type of x, got x {x} and weight {weight}"
        )


def rank(name: str, shape: Sequence[int], want: int) -> None:
    """Raises ValueError for another number of dimensions."""
    if len(shape) != want:
        raise ValueError(f"{name} must have {want} dimensions, got shape {tuple(shape)}")


def one_of(name: str, value: str, accepted: Sequence[str]) -> None:
    """Raises ValueError unless the value is among the accepted ones."""
    if value not in accepted:
        raise ValueError(f"{name} must be one of {', '.join(accepted)}, got {value!r}")


def integer(name: str, value: int, least: int) -> int:
    """The value as an int from `least` to the largest position. Raises TypeError
    for what is no integer (a bool is none) and ValueError outside the range."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if not least <= value <= MAX_POSITIONS:
        raise ValueError(f"{name} must be from {least} to {MAX_POSITIONS}, got {value}")
    return int(value)


def number(name: str, value: float) -> float:
    """The value as a finite float. Raises TypeError or ValueError."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return float(value)


def scale(value: float | None) -> float | None:
    """A scale of the logits, None for the default. Raises TypeError or ValueError."""
    if value is None:
        return None
    value = number("scale", value)
    if value <= 0:
        raise ValueError(f"scale must be above 0, got {value}")
    if value > MAX_F32:
        raise ValueError(f"scale must be finite in f32, got {value}")
    return value


def attention_shapes(
    q: Sequence[int],
    k: Sequence[int],
    v: Sequence[int],
    scores: Sequence[int],
    *,
    tau: Sequence[int] | None = None,
    expiry: Sequence[int] | None = None,
    sink: Sequence[int] | None = None,
    cu_seqlens: Sequence[int] | None = None,
) -> None:
    """Raises ValueError unless the shapes go together: `q[B,Hq,M,D]`,
    `k[B,Hkv,N,D]`, `v[B,Hkv,N,Dv]`, `scores`, `tau` and `expiry` `[B,Hs,N]`,
    `sink[Hq]`, `cu_seqlens[S+1]`."""
    shapes = {"q": q, "k": k, "v": v, "scores": scores, "tau": tau, "expiry": expiry, "sink": sink}
    for name, shape in shapes.items():
        if shape is not None:
            rank(name, shape, ATTENTION_ARRAYS[name][1])
    batch, query_heads, queries, head_size = q
    kv_heads, keys, value_size = k[1], k[2], v[3]
    score_heads = scores[1]
    for name, shape in (("k", k), ("v", v), ("scores", scores)):
        equal("batch sizes", ("q[0]", batch), (f"{name}[0]", shape[0]))
    equal("head sizes", ("q[3]", head_size), ("k[3]", k[3]))
    equal("numbers of KV heads", ("k[1]", kv_heads), ("v[1]", v[1]))
    equal("numbers of keys", ("k[2]", keys), ("v[2]", v[2]))
    equal("numbers of keys", ("k[2]", keys), ("scores[2]", scores[2]))
    nonzero(("q[1]", query_heads), ("k[1]", kv_heads), ("q[3]", head_size), ("v[3]", value_size))
    if query_heads % kv_heads != 0:
        raise ValueError(
            f"the number of KV heads must divide the number of query heads, "
            f"got q[1] = {query_heads} and k[1] = {kv_heads}"
        )
    if score_heads != 1 and score_heads != kv_heads:
        raise ValueError(f"scores[1] must be 1 or k[1] = {kv_heads}, got {score_heads}")
    if queries > keys:
        raise ValueError(
            f"q holds the last M <= N positions, got q[2] = {queries} and k[2] = {keys}"
        )
    for name, shape in (("tau", tau), ("expiry", expiry)):
        if shape is not None:
            for axis in range(3):
                sizes = (f"scores[{axis}]", scores[axis]), (f"{name}[{axis}]", shape[axis])
                equal("shapes of scores, tau and expiry", *sizes)
    if sink is not None:
        equal("numbers of query heads", ("q[1]", query_heads), ("sink[0]", sink[0]))
    if cu_seqlens is not None:
        packing(cu_seqlens, batch)
        if queries != keys:
            raise ValueError(f"packed documents need M = N, got q[2] = {queries} and k[2] = {keys}")


def packing(cu_seqlens: Sequence[int], batch: int) -> None:
    """Raises ValueError unless bounds of this shape can cut up a batch."""
    if len(cu_seqlens) != 1 or cu_seqlens[0] < 2:
        raise ValueError(f"cu_seqlens must be [S+1] with S >= 1, got shape {tuple(cu_seqlens)}")
    if batch != 1:
        raise ValueError(f"cu_seqlens packs documents into a batch of 1, got B = {batch}")
