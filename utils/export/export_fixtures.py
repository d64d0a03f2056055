# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes test/fixtures: attention as PyTorch and torch-mlir really spell it.

  export_fixtures.py                     write every fixture
  export_fixtures.py --only 'sdpa_*'     write the ones that match
  export_fixtures.py --list              names and expectations
  export_fixtures.py --verify            do the expectations hold? (in PyTorch)
  export_fixtures.py --check NAME        run the PyTorch module on seeded random
                                         inputs; save inputs and outputs as .npy

Each fixture is a PyTorch module, the shapes of its arguments and what a pass
that recognises causal attention has to do with it. Weights are arguments of
the exported function, after the activations.
"""
import argparse
import fnmatch
import json
import math
import pathlib
import re
import subprocess
import sys

import torch
import torch.nn.functional as F
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = {}
DTYPES = {
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "i1": torch.bool,
}
NOT_CAUSAL = "leave: not causal"
UNKNOWN_MASK = "leave: unknown mask"
WINDOW = "leave: already a sliding window"
OTHER = "leave: other structure"


def raised(kv_heads, scale):
    return f"raise, {kv_heads} KV heads, scale {scale:g}"


class Arg:
    """An argument: 'B x 4 x N x 16 x f32', letters being named sizes."""

    def __init__(self, name, shape, init=None):
        *dims, dtype = shape.split("x")
        self.name = name
        self.dims = [d.strip() for d in dims]
        self.dtype = DTYPES[dtype.strip()]
        self.init = init

    def shape(self, sizes):
        return [int(d) if d.isdigit() else sizes[d] for d in self.dims]

    def make(self, sizes, gen):
        shape = self.shape(sizes)
        if self.dtype is torch.bool:
            return torch.rand(shape, generator=gen) < 0.7
        value = torch.randn(shape, generator=gen)
        if self.init:
            value = self.init(value)
        return value.to(self.dtype)


class Fixture:
    def __init__(self, name, module, args, sizes, dynamic, origin, expect, keep):
        self.name, self.args, self.sizes = name, args, sizes
        self.dynamic, self.origin, self.expect, self.keep = dynamic, origin, expect, keep
        self._module = module

    def module(self):
        return self._module().eval()

    def example(self, sizes=None, seed=0):
        gen = torch.Generator().manual_seed(seed)
        sizes = {**self.sizes, **(sizes or {})}
        return tuple(a.make(sizes, gen) for a in self.args)

    def dynamic_shapes(self):
        if not self.dynamic:
            return None
        symbol = {s: torch.export.Dim(s, min=2, max=1 << 17) for s in self.dynamic}
        per_arg = tuple({i: symbol[d] for i, d in enumerate(a.dims) if d in symbol} or None for a in self.args)
        return (per_arg,)  # forward takes *args

    def export(self):
        from torch_mlir import fx
        from torch_mlir.extras.fx_decomp_util import get_decomposition_table

        kw = {}
        if self.keep:
            # SDPA has to leave PyTorch's decompositions and torch-mlir's own.
            table = dict(get_decomposition_table())
            table.pop(torch.ops.aten.scaled_dot_product_attention.default, None)
            kw["decomposition_table"] = table
            kw["backend_legal_ops"] = ["aten.scaled_dot_product_attention"]
        shapes = self.dynamic_shapes()
        if shapes:
            kw["dynamic_shapes"] = shapes
        with torch.no_grad():
            return fx.export_and_import(
                self.module(), *self.example(), output_type="linalg-on-tensors", func_name="main", **kw)

    def header(self):
        how = "linalg-on-tensors with SDPA kept" if self.keep else "linalg-on-tensors"
        return (f"// from: torch-mlir 20261001, {how}, {self.origin}\n// expect: {self.expect}\n"
                "// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n")


def add(name, module, args, origin, expect, sizes=None, dynamic=(), keep=False):
    assert name not in FIXTURES, name
    FIXTURES[name] = Fixture(name, module, args, sizes or {}, tuple(dynamic), origin, expect, keep)


# --- attention alone --------------------------------------------------------

SIZES = {"B": 2, "M": 8, "N": 24}


class Fn(nn.Module):
    """A function of tensors as a module; keywords become buffers."""

    def __init__(self, fn, **buffers):
        super().__init__()
        self.fn, self.names = fn, list(buffers)
        for n, b in buffers.items():
            self.register_buffer(n, b)

    def forward(self, *args):
        return self.fn(*args, *(getattr(self, n) for n in self.names))


def attn(name, fn, origin, expect, hq=4, hkv=4, q=None, k=None, v=None, dt="f32", extra=(), buffers=None,
         view=None, **kw):
    """One fixture of q, k, v (and `extra` arguments).

    view: for --verify, from the arguments to heads-first q, k, v and back.
    """
    args = [
        Arg("q", q or f"1x{hq}xNx16x{dt}"),
        Arg("k", k or f"1x{hkv}xNx16x{dt}"),
        Arg("v", v or k or f"1x{hkv}xNx16x{dt}"),
        *extra,
    ]
    make = lambda: Fn(fn, **(buffers() if buffers else {}))
    add(name, make, args, origin, expect, sizes=SIZES, **kw)
    FIXTURES[name].view = view or (lambda q, k, v: (q, k, v), lambda o: o)


BNHD = (lambda *t: [x.transpose(1, 2) for x in t], lambda o: o.transpose(1, 2))


def sdpa(**opts):
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **opts)


def positions(q, k):
    """Row and column numbers of the scores, as a column and a row."""
    return torch.arange(q.shape[-2])[:, None], torch.arange(k.shape[-2])[None, :]


def lower(q, k):
    i, j = positions(q, k)
    return j <= i


def qk(q, k):
    return q @ k.transpose(-1, -2)


def softmax_v(s, v):
    return torch.softmax(s, dim=-1) @ v


def keep_if(s, keep, value=-math.inf):
    return s.masked_fill(~keep, value)


def by_hand(mask, scale=0.25):
    """softmax(mask(q k^T * scale)) v; mask takes the scores, q and k."""
    return lambda q, k, v, *rest: softmax_v(mask(qk(q, k) * scale, q, k, *rest), v)


def sdpa_fixtures():
    R4, R2, R1 = raised(4, 0.25), raised(2, 0.25), raised(1, 0.25)
    causal = sdpa(is_causal=True)
    grouped = sdpa(is_causal=True, enable_gqa=True)
    attn("sdpa_causal", causal, "SDPA is_causal", R4)
    attn("sdpa_causal_rank3", causal, "SDPA is_causal, rank 3", R4, q="4xNx16xf32", k="4xNx16xf32")
    attn("sdpa_causal_scale", sdpa(is_causal=True, scale=0.3), "SDPA is_causal, scale=0.3", raised(4, 0.3))
    attn("sdpa_noncausal", sdpa(), "SDPA without a mask", NOT_CAUSAL)
    attn("sdpa_gqa", grouped, "SDPA is_causal, enable_gqa, 2 KV heads", R2, hkv=2)
    attn("sdpa_mqa", grouped, "SDPA is_causal, enable_gqa, 1 KV head", R1, hkv=1)
    attn("sdpa_value_dim", causal, "SDPA is_causal, values of another width (8)", R4, v="1x4xNx8xf32")
    attn("sdpa_batch2", causal, "SDPA is_causal, B=2", R4, q="2x4xNx16xf32", k="2x4xNx16xf32")
    attn("sdpa_gqa_batch2", grouped, "SDPA is_causal, enable_gqa, 2 KV heads, B=2", R2,
         q="2x4xNx16xf32", k="2x2xNx16xf32")
    attn("sdpa_f16", causal, "SDPA is_causal, f16", R4, dt="f16")
    attn("sdpa_bf16", causal, "SDPA is_causal, bf16", R4, dt="bf16")
    attn("sdpa_dropout0", sdpa(is_causal=True, dropout_p=0.0), "SDPA is_causal, dropout_p=0", R4)
    attn("sdpa_dyn_n", causal, "SDPA is_causal, dynamic N", R4, dynamic="N")
    attn("sdpa_gqa_dyn_n", grouped, "SDPA is_causal, enable_gqa, 2 KV heads, dynamic N", R2, hkv=2, dynamic="N")
    attn("sdpa_dyn_bn", causal, "SDPA is_causal, dynamic batch and N", R4,
         q="Bx4xNx16xf32", k="Bx4xNx16xf32", dynamic="BN")
    attn("sdpa_gqa_dyn_bn", grouped, "SDPA is_causal, enable_gqa, 2 KV heads, dynamic batch and N", R2,
         q="Bx4xNx16xf32", k="Bx2xNx16xf32", dynamic="BN")

    def bnhd(q, k, v):
        o = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True)
        return o.transpose(1, 2)

    attn("sdpa_bnhd", bnhd, "SDPA is_causal, arguments and result B x N x H x D", R4,
         q="1xNx4x16xf32", k="1xNx4x16xf32", view=BNHD)

    def masked(make):
        return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=make(q, k))

    attn("sdpa_tril_bool", masked(lambda q, k: torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()),
         "SDPA, attn_mask a boolean tril made inside", R4)
    attn("sdpa_float_triu", masked(lambda q, k: torch.full((q.shape[-2], k.shape[-2]), -math.inf).triu(1)),
         "SDPA, attn_mask full(-inf).triu(1) made inside", R4)
    mask_arg = lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m)
    attn("sdpa_bool_mask_arg", mask_arg, "SDPA, a boolean mask argument", UNKNOWN_MASK,
         extra=[Arg("mask", "1x1xNxNxi1")])
    attn("sdpa_float_mask_arg", mask_arg, "SDPA, an additive mask argument", UNKNOWN_MASK,
         extra=[Arg("mask", "1x1xNxNxf32")])

    def causal_and_padding(q, k, v, keys):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=lower(q, k) & keys[:, None, None, :])

    attn("sdpa_causal_and_padding", causal_and_padding, "SDPA, causal and a key padding argument", UNKNOWN_MASK,
         extra=[Arg("keys", "1xNxi1")])
    attn("sdpa_window", masked(lambda q, k: window(q, k, 8)), "SDPA, causal window of 8 as a boolean mask", WINDOW)
    attn("sdpa_cross", sdpa(), "SDPA, cross attention, M=8 N=24, no mask", NOT_CAUSAL, q="1x4xMx16xf32")
    attn("sdpa_prefix", masked(lambda q, k: offset_lower(q, k)),
         "SDPA, M=8 queries at the last of N=24 positions, boolean mask made inside", R4, q="1x4xMx16xf32")
    attn("sdpa_topleft", causal, "SDPA is_causal with M=8 N=24: PyTorch aligns the triangle at the top left",
         UNKNOWN_MASK, q="1x4xMx16xf32")


def window(q, k, w):
    i, j = positions(q, k)
    return (j <= i) & (i - j < w)


def offset_lower(q, k):
    i, j = positions(q, k)
    return j <= i + (k.shape[-2] - q.shape[-2])


def manual_fixtures():
    R4, R2 = raised(4, 0.25), raised(2, 0.25)
    hide = lambda s, q, k: keep_if(s, lower(q, k))

    # Where the scale stands.
    attn("scale_after_qk", by_hand(hide), "by hand, scores * 0.25", R4)
    attn("scale_div", lambda q, k, v: softmax_v(hide(qk(q, k) / math.sqrt(16), q, k), v),
         "by hand, scores / sqrt(D)", R4)
    attn("scale_on_q", lambda q, k, v: softmax_v(hide(qk(q * 0.25, k), q, k), v), "by hand, q * 0.25", R4)
    attn("scale_on_k", lambda q, k, v: softmax_v(hide(qk(q, k * 0.25), q, k), v), "by hand, k * 0.25", R4)
    attn("scale_on_q_and_k", lambda q, k, v: softmax_v(hide(qk(q * 0.5, k * 0.5), q, k), v),
         "by hand, q * 0.5 and k * 0.5", R4)
    attn("scale_none", lambda q, k, v: softmax_v(hide(qk(q, k), q, k), v), "by hand, no scale", raised(4, 1))
    attn("scale_after_mask", lambda q, k, v: softmax_v(hide(qk(q, k), q, k) * 0.25, v),
         "by hand, masked with -inf, then * 0.25", R4)

    # How a causal mask is spelled.
    attn("mask_triu_inf",
         by_hand(lambda s, q, k: s.masked_fill(torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).triu(1), -math.inf)),
         "by hand, masked_fill(ones.triu(1), -inf)", R4)
    attn("mask_finfo_min", by_hand(lambda s, q, k: keep_if(s, lower(q, k), torch.finfo(s.dtype).min)),
         "by hand, masked_fill(finfo.min)", R4)
    attn("mask_fill_1e9", by_hand(lambda s, q, k: keep_if(s, lower(q, k), -1e9)), "by hand, masked_fill(-1e9)", R4)
    attn("mask_add_1e9", by_hand(lambda s, q, k: s + (1.0 - lower(q, k).float()) * -1e9),
         "by hand, + (1 - mask) * -1e9", R4)
    attn("mask_tril_where",
         by_hand(lambda s, q, k: torch.where(torch.tril(torch.ones(q.shape[-2], k.shape[-2])) == 0,
                                             torch.finfo(s.dtype).min, s)),
         "by hand, where(tril(ones) == 0, finfo.min, scores)", R4)
    attn("mask_where_scalar", by_hand(lambda s, q, k: torch.where(lower(q, k), s, -math.inf)),
         "by hand, where(j <= i, scores, -inf)", R4)
    attn("mask_greater", by_hand(lambda s, q, k: torch.where(positions(q, k)[1] > positions(q, k)[0], -math.inf, s)),
         "by hand, where(j > i, -inf, scores)", R4)
    attn("mask_add_triu", by_hand(lambda s, q, k: s + torch.full((q.shape[-2], k.shape[-2]), -math.inf).triu(1)),
         "by hand, + full(-inf).triu(1)", R4)
    n = SIZES["N"]
    attn("mask_add_buffer", by_hand(lambda s, q, k, m: s + m), "by hand, + a buffer full(-inf).triu(1)", R4,
         buffers=lambda: {"causal": torch.full((n, n), -math.inf).triu(1)})
    attn("mask_bool_buffer", by_hand(lambda s, q, k, m: s.masked_fill(~m[:, :, : q.shape[-2], : k.shape[-2]], -math.inf)),
         "by hand, a larger boolean buffer, sliced, masked_fill(-inf)", R4,
         buffers=lambda: {"bias": torch.ones(1, 1, 32, 32, dtype=torch.bool).tril()})
    attn("mask_dyn_n", by_hand(hide), "by hand, masked_fill(j > i, -inf), dynamic N", R4, dynamic="N")
    attn("mask_dyn_bn", by_hand(hide), "by hand, masked_fill(j > i, -inf), dynamic batch and N", R4,
         q="Bx4xNx16xf32", k="Bx4xNx16xf32", dynamic="BN")
    attn("mask_prefix", by_hand(lambda s, q, k: keep_if(s, offset_lower(q, k))),
         "by hand, M=8 queries at the last of N=24 positions", R4, q="1x4xMx16xf32")
    attn("mask_prefix_buffer", by_hand(lambda s, q, k, m: s + m[-q.shape[-2]:, :]),
         "by hand, M=8 queries at the last of N=24 positions, rows of a buffer full(-inf).triu(1)", R4,
         q="1x4xMx16xf32", buffers=lambda: {"causal": torch.full((n, n), -math.inf).triu(1)})

    # Layouts and head groups.
    def heads_last(q, k, v):
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        return softmax_v(hide(qk(q, k) * 0.25, q, k), v).transpose(1, 2)

    attn("layout_bnhd", heads_last, "by hand, arguments and result B x N x H x D", R4,
         q="1xNx4x16xf32", k="1xNx4x16xf32", view=BNHD)

    def packed_rows(q, k, v):
        q, k, v = (t.unflatten(-1, (4, 16)).transpose(1, 2) for t in (q, k, v))
        return softmax_v(hide(qk(q, k) * 0.25, q, k), v).transpose(1, 2).flatten(2)

    attn("layout_bnc", packed_rows, "by hand, arguments and result B x N x (H D)", R4,
         q="1xNx64xf32", k="1xNx64xf32",
         view=(lambda *t: [x.unflatten(-1, (4, 16)).transpose(1, 2) for x in t], lambda o: o.transpose(1, 2).flatten(2)))
    attn("layout_k_transposed", lambda q, k, v: softmax_v(hide((q @ k) * 0.25, q, q), v),
         "by hand, K given as B x H x D x N", R4, k="1x4x16xNxf32", v="1x4xNx16xf32",
         view=(lambda q, k, v: (q, k.transpose(-1, -2), v), lambda o: o))

    def repeated(rep):
        return lambda q, k, v: softmax_v(hide(qk(q, rep(k)) * 0.25, q, k), rep(v))

    def expand(x):
        b, h, m, d = x.shape
        return x[:, :, None].expand(b, h, 2, m, d).reshape(b, h * 2, m, d)

    attn("gqa_repeat_interleave", repeated(lambda x: x.repeat_interleave(2, dim=1)),
         "by hand, K and V repeat_interleave(2), 2 KV heads", R2, hkv=2)
    attn("gqa_expand_reshape", repeated(expand), "by hand, K and V expand + reshape, 2 KV heads", R2, hkv=2)
    attn("gqa_expand_reshape_dyn_n", repeated(expand),
         "by hand, K and V expand + reshape, 2 KV heads, dynamic N", R2, hkv=2, dynamic="N")
    def regroup(x):
        return x.unflatten(1, (2, 2)).transpose(1, 2).flatten(1, 2)

    attn("gqa_tiled", repeated(lambda x: x.repeat(1, 2, 1, 1)),
         "by hand, K and V tiled: head h reads KV head h mod 2, so the groups are not contiguous", R2, hkv=2,
         view=(lambda q, k, v: (regroup(q), k, v), regroup))

    def einsum_gqa(q, k, v):
        q5 = q.unflatten(1, (2, 2))
        s = torch.einsum("bhgmd,bhnd->bhgmn", q5, k) * 0.25
        p = torch.softmax(keep_if(s, lower(q, k)), dim=-1)
        return torch.einsum("bhgmn,bhnd->bhgmd", p, v).flatten(1, 2)

    attn("einsum_gqa", einsum_gqa, "by einsum, bhgmd,bhnd->bhgmn, 2 KV heads", R2, hkv=2)
    attn("einsum_gqa_batch2", einsum_gqa, "by einsum, bhgmd,bhnd->bhgmn, 2 KV heads, B=2", R2,
         q="2x4xNx16xf32", k="2x2xNx16xf32")

    def einsum_bnhd(q, k, v):
        s = torch.einsum("bmhd,bnhd->bhmn", q, k) * 0.25
        i = torch.arange(q.shape[1])
        p = torch.softmax(keep_if(s, i[None, :] <= i[:, None]), dim=-1)
        return torch.einsum("bhmn,bnhd->bmhd", p, v)

    attn("einsum_bnhd", einsum_bnhd, "by einsum, bmhd,bnhd->bhmn", R4, q="1xNx4x16xf32", k="1xNx4x16xf32", view=BNHD)

    # Types.
    def half(q, k, v):
        s = keep_if(qk(q, k) * 0.25, lower(q, k))
        return torch.softmax(s, dim=-1, dtype=torch.float32).to(q.dtype) @ v

    attn("half_f16", half, "by hand, f16, softmax in f32 and cast back", R4, dt="f16")
    attn("half_bf16", half, "by hand, bf16, softmax in f32 and cast back", R4, dt="bf16")
    attn("half_bf16_softmax", by_hand(hide), "by hand, bf16 throughout", R4, dt="bf16")
    attn("half_f16_finfo_min", by_hand(lambda s, q, k: keep_if(s, lower(q, k), torch.finfo(s.dtype).min)),
         "by hand, f16, masked_fill(finfo(f16).min)", R4, dt="f16")

    # Around the softmax.
    def stable(q, k, v):
        s = hide(qk(q, k) * 0.25, q, k)
        e = torch.exp(s - s.amax(dim=-1, keepdim=True))
        return (e / e.sum(dim=-1, keepdim=True)) @ v

    attn("softmax_by_hand", stable, "by hand, exp(s - amax) / sum", R4)

    def late_division(q, k, v):
        s = hide(qk(q, k) * 0.25, q, k)
        e = torch.exp(s - s.amax(dim=-1, keepdim=True))
        return (e @ v) / e.sum(dim=-1, keepdim=True)

    attn("softmax_late_division", late_division, "by hand, (exp(s - amax) v) / sum", R4)
    attn("dropout0", lambda q, k, v: F.dropout(torch.softmax(hide(qk(q, k) * 0.25, q, k), -1), 0.0, True) @ v,
         "by hand, dropout(0.0) on the probabilities", R4)
    attn("dropout_eval", lambda q, k, v: F.dropout(torch.softmax(hide(qk(q, k) * 0.25, q, k), -1), 0.1, False) @ v,
         "by hand, dropout in eval mode", R4)

    attn("same_k_and_v", lambda q, k, v: softmax_v(hide(qk(q, k) * 0.25, q, k), k),
         "by hand, K is V too, the third argument has no use", R4, view=(lambda q, k, v: (q, k, k), lambda o: o))

    # To be left alone.
    def alibi(s, q, k):
        i, j = positions(q, k)
        slopes = 2.0 ** -torch.arange(1, 5).float()
        return keep_if(s + slopes[:, None, None] * (j - i).float(), lower(q, k))

    attn("leave_alibi", by_hand(alibi), "by hand, causal with an ALiBi bias", UNKNOWN_MASK)
    attn("leave_bias_arg", by_hand(lambda s, q, k, b: keep_if(s + b, lower(q, k))),
         "by hand, causal with a learned bias argument", UNKNOWN_MASK, extra=[Arg("bias", "4xNxNxf32")])
    attn("leave_window", by_hand(lambda s, q, k: keep_if(s, window(q, k, 8))), "by hand, causal window of 8", WINDOW)
    attn("leave_noncausal", by_hand(lambda s, q, k: s), "by hand, no mask", NOT_CAUSAL)
    attn("leave_strictly_lower", by_hand(lambda s, q, k: keep_if(s, positions(q, k)[1] < positions(q, k)[0], -1e9)),
         "by hand, j < i: off by one", UNKNOWN_MASK)
    attn("leave_one_ahead", by_hand(lambda s, q, k: keep_if(s, positions(q, k)[1] <= positions(q, k)[0] + 1)),
         "by hand, j <= i + 1: off by one", UNKNOWN_MASK)
    attn("leave_upper", by_hand(lambda s, q, k: keep_if(s, positions(q, k)[1] >= positions(q, k)[0])),
         "by hand, j >= i: the wrong triangle", UNKNOWN_MASK)
    attn("leave_prefix_lm", by_hand(lambda s, q, k: keep_if(s, lower(q, k) | (positions(q, k)[1] < 8))),
         "by hand, causal but for a visible prefix of 8", UNKNOWN_MASK)
    attn("leave_blocks", by_hand(lambda s, q, k: keep_if(s, (positions(q, k)[1] // 8) <= (positions(q, k)[0] // 8))),
         "by hand, causal by blocks of 8", UNKNOWN_MASK)
    attn("leave_weak_mask", by_hand(lambda s, q, k: keep_if(s, lower(q, k), -10.0)),
         "by hand, masked_fill(-10): hidden keys keep weight", UNKNOWN_MASK)
    attn("leave_buffer_off_by_one", by_hand(lambda s, q, k, m: s + m), "by hand, + a buffer full(-inf).triu(2)",
         UNKNOWN_MASK, buffers=lambda: {"causal": torch.full((n, n), -math.inf).triu(2)})
    attn("leave_buffer_one_hole", by_hand(lambda s, q, k, m: s + m),
         "by hand, + a buffer full(-inf).triu(1) with one more hidden key", UNKNOWN_MASK,
         buffers=lambda: {"causal": torch.full((n, n), -math.inf).triu(1).index_put(
             (torch.tensor(9), torch.tensor(3)), torch.tensor(-math.inf))})
    attn("leave_softcap", by_hand(lambda s, q, k: keep_if(50.0 * torch.tanh(s / 50.0), lower(q, k))),
         "by hand, causal, scores capped by tanh", OTHER)
    attn("leave_cross", by_hand(lambda s, q, k: s), "by hand, cross attention, M=8 N=24", NOT_CAUSAL,
         q="1x4xMx16xf32")
    attn("leave_wrong_axis", lambda q, k, v: torch.softmax(hide(qk(q, k) * 0.25, q, k), dim=-2) @ v,
         "by hand, softmax over the queries", OTHER)

    def weights_too(q, k, v):
        p = torch.softmax(hide(qk(q, k) * 0.25, q, k), dim=-1)
        return p @ v, p

    attn("leave_weights_returned", weights_too, "by hand, the probabilities are a result too", OTHER)
    attn("leave_weights_scaled", lambda q, k, v, g: (torch.softmax(hide(qk(q, k) * 0.25, q, k), -1) * g) @ v,
         "by hand, the probabilities times an argument", OTHER, extra=[Arg("gate", "1x4xNxNxf32")])
    attn("leave_scale_arg", lambda q, k, v, s: softmax_v(hide(qk(q, k) * s[:, None, None], q, k), v),
         "by hand, a scale per head that is an argument", OTHER, extra=[Arg("s", "4xf32")])

    def sink(q, k, v, s):
        logits = hide(qk(q, k) * 0.25, q, k)
        column = s[None, :, None, None].expand(1, 4, q.shape[-2], 1)
        return torch.softmax(torch.cat([logits, column], dim=-1), dim=-1)[..., :-1] @ v

    attn("leave_sink", sink, "by hand, causal with a sink logit per head", OTHER, extra=[Arg("s", "4xf32")])
    attn("leave_scale_negative", lambda q, k, v: softmax_v(hide(qk(q, k) * -0.25, q, k), v),
         "by hand, a negative scale", OTHER)
    attn("leave_linear", lambda q, k, v: (qk(q, k) * 0.25 * lower(q, k)) @ v, "linear attention, no softmax", OTHER)


def kept_fixtures():
    R4, R2 = raised(4, 0.25), raised(2, 0.25)
    grouped = sdpa(is_causal=True, enable_gqa=True)
    K = dict(keep=True)
    attn("kept_causal", sdpa(is_causal=True), "SDPA is_causal", R4, **K)
    attn("kept_causal_scale", sdpa(is_causal=True, scale=0.3), "SDPA is_causal, scale=0.3", raised(4, 0.3), **K)
    attn("kept_gqa", grouped, "SDPA is_causal, enable_gqa, 2 KV heads", R2, hkv=2, **K)
    attn("kept_gqa_dyn_bn", grouped, "SDPA is_causal, enable_gqa, 2 KV heads, dynamic batch and N", R2,
         q="Bx4xNx16xf32", k="Bx2xNx16xf32", dynamic="BN", **K)
    attn("kept_causal_dyn_n", sdpa(is_causal=True), "SDPA is_causal, dynamic N", R4, dynamic="N", **K)
    attn("kept_bf16", sdpa(is_causal=True), "SDPA is_causal, bf16", R4, dt="bf16", **K)
    attn("kept_noncausal", sdpa(), "SDPA without a mask", NOT_CAUSAL, **K)
    attn("kept_float_mask_arg", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m),
         "SDPA, an additive mask argument", UNKNOWN_MASK, extra=[Arg("mask", "1x1xNxNxf32")], **K)
    attn("kept_window",
         lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=window(q, k, 8)[None, None]),
         "SDPA, causal window of 8 as a boolean mask", WINDOW, **K)
    attn("kept_tril_bool",
         lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=lower(q, k)[None, None]),
         "SDPA, a boolean mask j <= i made inside", R4, **K)


# --- models -----------------------------------------------------------------


class LlamaLayer(nn.Module):
    """A decoder layer of the Llama family; forward(x, *weights)."""

    hidden, heads, kv_heads, head_dim, inner = 512, 8, 2, 64, 1408
    theta, eps = 10000.0, 1e-5

    @classmethod
    def weights(cls):
        d, q, kv, f = cls.hidden, cls.heads * cls.head_dim, cls.kv_heads * cls.head_dim, cls.inner
        return [
            ("input_norm", (d,), "RMSNorm before attention"),
            ("q_proj", (q, d), "8 query heads of 64"),
            ("k_proj", (kv, d), "2 key heads of 64"),
            ("v_proj", (kv, d), "2 value heads of 64"),
            ("o_proj", (d, q), "attention output"),
            ("post_norm", (d,), "RMSNorm before the MLP"),
            ("gate_proj", (f, d), "SwiGLU gate"),
            ("up_proj", (f, d), "SwiGLU up"),
            ("down_proj", (d, f), "SwiGLU down"),
        ]

    def __init__(self):
        super().__init__()
        exponent = torch.arange(0, self.head_dim, 2).float() / self.head_dim
        self.register_buffer("inv_freq", self.theta ** -exponent)

    def norm(self, x, w):
        return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + self.eps) * w

    def rotate(self, x, cos, sin):
        a, b = x.chunk(2, dim=-1)
        return x * cos + torch.cat([-b, a], dim=-1) * sin

    def attention(self, x, wq, wk, wv, wo):
        split = lambda t, h: t.unflatten(-1, (h, self.head_dim)).transpose(1, 2)
        q = split(F.linear(x, wq), self.heads)
        k = split(F.linear(x, wk), self.kv_heads)
        v = split(F.linear(x, wv), self.kv_heads)
        angle = torch.outer(torch.arange(x.shape[1]).float(), self.inv_freq)
        angle = torch.cat([angle, angle], dim=-1)
        cos, sin = angle.cos(), angle.sin()
        q, k = self.rotate(q, cos, sin), self.rotate(k, cos, sin)
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return F.linear(o.transpose(1, 2).flatten(2), wo)

    def forward(self, *args):
        x, n1, wq, wk, wv, wo, n2, gate, up, down = args
        x = x + self.attention(self.norm(x, n1), wq, wk, wv, wo)
        y = self.norm(x, n2)
        return x + F.linear(F.silu(F.linear(y, gate)) * F.linear(y, up), down)


class Gpt2Block(nn.Module):
    """A block of GPT-2: LayerNorm, one QKV product, causal SDPA, GELU."""

    width, heads = 256, 8

    @classmethod
    def weights(cls):
        d = cls.width
        return [
            ("ln_1.weight", (d,), ""), ("ln_1.bias", (d,), ""),
            ("c_attn.weight", (d, 3 * d), ""), ("c_attn.bias", (3 * d,), ""),
            ("c_proj.weight", (d, d), ""), ("c_proj.bias", (d,), ""),
            ("ln_2.weight", (d,), ""), ("ln_2.bias", (d,), ""),
            ("c_fc.weight", (d, 4 * d), ""), ("c_fc.bias", (4 * d,), ""),
            ("mlp_proj.weight", (4 * d, d), ""), ("mlp_proj.bias", (d,), ""),
        ]

    def attend(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    def forward(self, *args):
        x, g1, b1, wa, ba, wp, bp, g2, b2, wf, bf, wm, bm = args
        d = self.width
        qkv = F.layer_norm(x, (d,), g1, b1) @ wa + ba
        q, k, v = (t.unflatten(-1, (self.heads, d // self.heads)).transpose(1, 2) for t in qkv.split(d, dim=-1))
        x = x + self.attend(q, k, v).transpose(1, 2).flatten(2) @ wp + bp
        y = F.layer_norm(x, (d,), g2, b2) @ wf + bf
        # GELU written out, as GPT-2 has it: torch-mlir expands PyTorch's own with
        # 0.797724 where sqrt(2/pi) = 0.797885 belongs.
        y = 0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))
        return x + y @ wm + bm


class Gpt2BlockEager(Gpt2Block):
    """The same with the attention that GPT-2 itself spells out."""

    def attend(self, q, k, v):
        s = qk(q, k) / math.sqrt(q.shape[-1])
        s = torch.where(lower(q, k), s, torch.finfo(s.dtype).min)
        return softmax_v(s, v)


class TwoLayers(nn.Module):
    """Two attentions, one after the other, of 4 and then 2 KV heads."""

    @classmethod
    def weights(cls):
        w = []
        for i, kv in enumerate((64, 32)):
            w += [(f"{i}.q", (64, 64), ""), (f"{i}.k", (kv, 64), ""), (f"{i}.v", (kv, 64), ""), (f"{i}.o", (64, 64), "")]
        return w

    def forward(self, *args):
        x, w = args[0], args[1:]
        for wq, wk, wv, wo in (w[:4], w[4:]):
            q, k, v = (F.linear(x, m).unflatten(-1, (-1, 16)).transpose(1, 2) for m in (wq, wk, wv))
            o = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            x = x + F.linear(o.transpose(1, 2).flatten(2), wo)
        return x


def model(name, cls, x, origin, expect, sizes, **kw):
    def weight(name, shape):
        gain = len(shape) == 1 and not name.endswith("bias")
        width = shape[0] if name.endswith(".weight") else shape[-1]
        init = (lambda t: 1 + 0.1 * t) if gain else (lambda t: 0.02 * t) if len(shape) == 1 else (lambda t: t / width**0.5)
        return Arg(name, "x".join(map(str, shape)) + "xf32", init)

    args = [Arg("x", x)] + [weight(n, s) for n, s, _ in cls.weights()]
    add(name, cls, args, origin, expect, sizes=sizes, **kw)


def model_fixtures():
    llama = "a Llama decoder layer (hidden 512, 8 heads of 64, 2 KV heads, MLP 1408), weights as arguments"
    model("llama_layer", LlamaLayer, "1xNx512xf32", llama + ", dynamic N", raised(2, 0.125), {"N": 256}, dynamic="N")
    model("llama_layer_kept", LlamaLayer, "1xNx512xf32", llama + ", dynamic N", raised(2, 0.125), {"N": 256},
          dynamic="N", keep=True)
    model("llama_layer_n256", LlamaLayer, "1xNx512xf32", llama + ", N=256", raised(2, 0.125), {"N": 256})
    gpt2 = "a GPT-2 block (width 256, 8 heads), weights as arguments"
    scale = 1 / math.sqrt(32)
    model("gpt2_block", Gpt2Block, "1xNx256xf32", gpt2 + ", dynamic N", raised(8, scale), {"N": 64}, dynamic="N")
    model("gpt2_block_kept", Gpt2Block, "1xNx256xf32", gpt2 + ", N=64", raised(8, scale), {"N": 64}, keep=True)
    model("gpt2_block_n64", Gpt2Block, "1xNx256xf32", gpt2 + ", N=64", raised(8, scale), {"N": 64})
    model("gpt2_block_eager_n64", Gpt2BlockEager, "1xNx256xf32", gpt2 + ", attention by hand, N=64", raised(8, scale),
          {"N": 64})
    model("two_layers", TwoLayers, "1xNx64xf32", "two attentions in a row, of 4 and of 2 KV heads, N=24",
          "raise twice, 4 and 2 KV heads, scale 0.25", {"N": 24})


# --- commands ---------------------------------------------------------------


def write(fixture, out, mlir_opt):
    """Writes one fixture and returns its size in bytes."""
    m = fixture.export()
    files = {out / f"{fixture.name}.mlir": str(m)}
    if fixture.keep:
        # tm_tensor's own syntax needs its dialect; the generic form does not.
        files[out / f"{fixture.name}.generic.mlir"] = m.operation.get_asm(print_generic_op_form=True)
    size = 0
    for path, text in files.items():
        path.write_text(fixture.header() + text.rstrip() + "\n")
        size += path.stat().st_size
    if mlir_opt:
        path = list(files)[-1]
        r = subprocess.run([mlir_opt, "--allow-unregistered-dialect", str(path), "-o", "/dev/null"],
                           capture_output=True, text=True)
        if r.returncode:
            raise RuntimeError(f"{path.name} does not parse: {r.stderr[:400]}")
    return size


def write_llama_notes(out):
    c = LlamaLayer
    rows = [("x", (1, "N", c.hidden), "hidden states, N dynamic")] + c.weights()
    table = "\n".join(
        f"| {i} | `{n}` | `{'x'.join('?' if d == 'N' else str(d) for d in s)}xf32` | {what} |"
        for i, (n, s, what) in enumerate(rows))
    (out / "llama_layer.md").write_text(f"""\
<!-- SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception -->
# llama_layer

`@main` of `llama_layer.mlir`, `llama_layer_kept.mlir` and `llama_layer_n256.mlir`
(there N is 256) takes these arguments in this order and returns one tensor of the shape of `x`.
Matrices are `out x in`, as in `torch.nn.Linear`: `y = x W^T`. There are no biases.

| # | name | shape | what |
|---|---|---|---|
{table}

RoPE: theta {c.theta:g}, positions 0..N-1, the two halves of a head form the pairs;
`inv_freq` ({c.head_dim // 2} numbers) is a constant in the file. RMSNorm epsilon {c.eps:g}.
Query head h reads KV head h // {c.heads // c.kv_heads}; scale 1/8.
""")


def check(fixture, out, sizes, seed):
    """Saves the inputs and the outputs of the PyTorch module."""
    import numpy as np

    def save(name, t):
        bits = t.dtype is torch.bfloat16  # NumPy has no bf16: its bits as int16
        np.save(out / f"{name}.npy", (t.contiguous().view(torch.int16) if bits else t).numpy())
        return {"name": name, "shape": list(t.shape), "dtype": str(t.dtype).removeprefix("torch.")}

    out.mkdir(parents=True, exist_ok=True)
    inputs = fixture.example(sizes, seed)
    with torch.no_grad():
        result = fixture.module()(*inputs)
    result = result if isinstance(result, tuple) else (result,)
    summary = {
        "fixture": fixture.name,
        "expect": fixture.expect,
        "seed": seed,
        "inputs": [save(f"in{i}_{a.name}", t) for i, (a, t) in enumerate(zip(fixture.args, inputs))],
        "outputs": [save(f"out{i}", t) for i, t in enumerate(result)],
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(json.dumps(summary))


def verify(fixture):
    """Whether the module agrees with plain causal attention exactly when it is to be raised."""
    args = fixture.example()
    to_heads_first, back = fixture.view
    q, k, v = to_heads_first(*(t.double() for t in args[:3]))
    found = re.match(r"raise, (\d+) KV heads, scale (\S+)", fixture.expect)
    scale = float(found[2]) if found else 0.25
    heads_right = not found or int(found[1]) == k.shape[-3]
    group = q.shape[-3] // k.shape[-3]
    k, v = k.repeat_interleave(group, -3), v.repeat_interleave(group, -3)
    hidden = ~offset_lower(q, k)
    want = back(softmax_v((qk(q, k) * scale).masked_fill(hidden, -math.inf), v))
    got = fixture.module()(*args)
    tolerance = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 4e-2}[args[0].dtype]
    same = isinstance(got, torch.Tensor) and torch.allclose(got.double(), want, atol=tolerance, rtol=0)
    return heads_right and same == bool(found)


def main():
    p = argparse.ArgumentParser(description="Export the attention fixtures with torch-mlir.")
    p.add_argument("--out", type=pathlib.Path, help="folder to write to (test/fixtures; for --check: ./check-NAME)")
    p.add_argument("--only", nargs="*", default=["*"], metavar="PATTERN")
    p.add_argument("--list", action="store_true")
    p.add_argument("--verify", action="store_true", help="compare the attention fixtures with plain causal attention")
    p.add_argument("--check", metavar="NAME")
    p.add_argument("--size", nargs="*", default=[], metavar="N=128", help="with --check: other sizes of dynamic letters")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--mlir-opt", default=None, help="parse each written file with this mlir-opt")
    a = p.parse_args()
    for define in (sdpa_fixtures, manual_fixtures, kept_fixtures, model_fixtures):
        define()
    if a.check:
        if a.check not in FIXTURES:
            p.error(f"no fixture {a.check}; --list names them")
        f = FIXTURES[a.check]
        sizes = {k: int(v) for k, v in (s.split("=") for s in a.size)}
        if set(sizes) - set(f.dynamic):
            p.error(f"dynamic sizes of {f.name}: {', '.join(f.dynamic) or 'none'}")
        return check(f, a.out or pathlib.Path(f"check-{f.name}"), sizes, a.seed)
    chosen = [f for f in FIXTURES.values() if any(fnmatch.fnmatch(f.name, g) for g in a.only)]
    if a.list:
        for f in chosen:
            print(f"{f.name:28} {f.expect:34} {f.origin}")
        return 0
    if a.verify:
        chosen = [f for f in chosen if hasattr(f, "view")]
        wrong = [f.name for f in chosen if not verify(f)]
        print(f"{len(chosen) - len(wrong)} of {len(chosen)} expectations hold" + "".join(f"\nwrong: {n}" for n in wrong))
        return 1 if wrong else 0
    out = a.out or ROOT / "test" / "fixtures"
    out.mkdir(parents=True, exist_ok=True)
    total, failed = 0, []
    for f in chosen:
        try:
            size = write(f, out, a.mlir_opt)
        except Exception as e:
            failed.append(f.name)
            print(f"{f.name}: FAILED: {str(e).strip()[:600]}", file=sys.stderr)
            continue
        total += size
        print(f"{f.name}: {size} bytes")
    if any(f.name == "llama_layer" for f in chosen):
        write_llama_notes(out)
    print(f"{len(chosen) - len(failed)} fixtures, {total} bytes" + (f"; failed: {' '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
