# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Text of small modules, one function each.

Batch and lengths stay dynamic, so one compiled module serves all of them; head
counts, head sizes, element types and attributes are in the text, which makes
the text a complete key for a cache.
"""

from __future__ import annotations

from collections.abc import Sequence


def _tensor(dtype: str, *sizes: int | None) -> str:
    """`tensor<?x4xf32>` of `("f32", None, 4)`."""
    return f"tensor<{''.join('?x' if s is None else f'{s}x' for s in sizes)}{dtype}>"


def _float(value: float) -> str:
    """A literal that is read back as the same f64."""
    return f"{value:.17e}"


def _function(
    name: str,
    arguments: Sequence[tuple[str, str]],
    results: Sequence[str],
    operation: str,
) -> str:
    """One function around one operation that uses its arguments in order."""
    parameters = ", ".join(f"%{argument}: {kind}" for argument, kind in arguments)
    operands = ", ".join(kind for _, kind in arguments)
    returned = ", ".join(f"%r#{i}" for i in range(len(results)))
    return (
        f"func.func @{name}({parameters}) -> ({', '.join(results)}) {{\n"
        f"  %r:{len(results)} = {operation} : {operands}\n"
        f"  return {returned} : {', '.join(results)}\n"
        f"}}\n"
    )


def score(
    *,
    dtype: str,
    weight_dtype: str,
    channels: int,
    heads: int,
    slope: float,
    norm: str,
    offset: bool,
    statistics: bool,
    carry: bool,
) -> str:
    """C1: `x[B,N,C]`, `weight[C,Hs]`, optionally the offset of the first
    position (i64) and the statistics `[B,Hs,3]` of what came before."""
    carried = _tensor("f64", None, heads, 3)
    arguments = [
        ("x", _tensor(dtype, None, None, channels)),
        ("weight", _tensor(weight_dtype, channels, heads)),
    ]
    operation = "sparsek.score %x, %weight"
    if slope != 0.0:
        operation += f" slope({_float(slope)})"
    if norm != "none":
        operation += f" norm<{norm}>"
    if offset:
        arguments.append(("offset", "i64"))
        operation += " offset(%offset)"
    if statistics:
        arguments.append(("statistics", carried))
        operation += " statistics(%statistics)"
    results = [_tensor("f32", None, heads, None)]
    if carry:
        results.append(carried)
        operation += " carry"
    return _function("score", arguments, results, operation)


def select(*, heads: int, topk: int, window: int, interior: bool, packed: bool) -> str:
    """C2-C4: `scores[B,Hs,N]`, optionally `cu_seqlens[S+1]`."""
    batch = 1 if packed else None
    scores = _tensor("f32", batch, heads, None)
    positions = _tensor("i32", batch, heads, None)
    arguments = [("scores", scores)]
    operation = f"sparsek.topk_mask %scores topk({topk}) window({window})"
    results = [scores, positions]
    if interior:
        results.append(positions)
        operation += " interior"
    if packed:
        arguments.append(("cu_seqlens", _tensor("i32", None)))
        operation += " cu_seqlens(%cu_seqlens)"
    return _function("select", arguments, results, operation)


def attention(**options: object) -> str:
    """C2-C6: `q[B,Hq,M,D]`, `k[B,Hkv,N,D]`, `v[B,Hkv,N,Dv]`, `scores[B,Hs,N]`,
    optionally `sink[Hq]` and `cu_seqlens[S+1]`."""
    return _attention("attention", **options)


def gathered_attention(**options: object) -> str:
    """C5, C6: as `attention`, with `tau` and `expiry` `[B,Hs,N]` after the scores."""
    return _attention("gathered_attention", **options)


def _attention(
    name: str,
    *,
    dtype: str,
    query_heads: int,
    kv_heads: int,
    score_heads: int,
    head_size: int,
    value_size: int,
    topk: int,
    window: int,
    gate: str,
    scale: float | None,
    sink: bool,
    packed: bool,
) -> str:
    batch = 1 if packed else None
    arguments = [
        ("q", _tensor(dtype, batch, query_heads, None, head_size)),
        ("k", _tensor(dtype, batch, kv_heads, None, head_size)),
        ("v", _tensor(dtype, batch, kv_heads, None, value_size)),
        ("scores", _tensor("f32", batch, score_heads, None)),
    ]
    if name == "gathered_attention":
        arguments.append(("tau", _tensor("f32", batch, score_heads, None)))
        arguments.append(("expiry", _tensor("i32", batch, score_heads, None)))
    operands = ", ".join(f"%{argument}" for argument, _ in arguments)
    operation = f"sparsek.{name} {operands} topk({topk}) window({window}) gate<{gate}>"
    if scale is not None:
        operation += f" scale({_float(scale)})"
    if sink:
        arguments.append(("sink", _tensor("f32", query_heads)))
        operation += " sink(%sink)"
    if packed:
        arguments.append(("cu_seqlens", _tensor("i32", None)))
        operation += " cu_seqlens(%cu_seqlens)"
    results = [
        _tensor(dtype, batch, query_heads, None, value_size),
        _tensor("f32", batch, query_heads, None),
    ]
    return _function(name, arguments, results, operation)
