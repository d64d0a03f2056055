# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ruff: noqa: E501  (lines of IR)
"""Imported and raised attention computes what the op that it replaces is defined
to compute, in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import oracle
import sparsek

ROOT = Path(__file__).resolve().parents[2]
F32 = np.float32

pytestmark = pytest.mark.library


def transform(text: str, *passes: str) -> str:
    return sparsek.opt(text, ",".join([*passes, "symbol-dce"]), allow_unregistered=True)


def attend(q, k, v, scale, window=None):
    """q[B,Hq,M,D], k[B,Hkv,N,D], v[B,Hkv,N,Dv]; queries are the last positions."""
    q, k, v = (np.asarray(x, np.float64) for x in (q, k, v))
    group = q.shape[1] // k.shape[1]
    k, v = (np.repeat(x, group, axis=1) for x in (k, v))
    logits = scale * q @ k.swapaxes(-1, -2)
    m, n = logits.shape[-2:]
    distance = np.arange(m)[:, None] + (n - m) - np.arange(n)
    visible = (distance >= 0) & (distance < (window or n))
    logits = np.where(visible, logits, -np.inf)
    p = np.exp(logits - logits.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True) @ v


def arrays(*shapes):
    rng = np.random.default_rng(7)
    return [rng.standard_normal(shape).astype(F32) for shape in shapes]


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


LINALG_EXT = """
func.func @main(%q: tensor<2x24x3x4x16xf32>, %k: tensor<2x3x16x24xf32>, %v: tensor<2x3x8x24xf32>) -> tensor<2x24x3x4x8xf32> {
  %scale = arith.constant 2.500000e-01 : f32
  %e = tensor.empty() : tensor<2x24x3x4x8xf32>
  %o = "iree_linalg_ext.attention"(%q, %k, %v, %scale, %e) <{indexing_maps = [
      affine_map<(j, d, e, g, h, m, b) -> (b, m, h, g, d)>, affine_map<(j, d, e, g, h, m, b) -> (b, h, d, j)>,
      affine_map<(j, d, e, g, h, m, b) -> (b, h, e, j)>, affine_map<(j, d, e, g, h, m, b) -> ()>,
      affine_map<(j, d, e, g, h, m, b) -> (b, m, h, g, e)>]}> ({
  ^bb0(%s: f32):
    %low = arith.constant 0xFF800000 : f32
    %m = "iree_linalg_ext.index"() <{dim = 5 : i64}> : () -> index
    %j = "iree_linalg_ext.index"() <{dim = 0 : i64}> : () -> index
    %sees = arith.cmpi sge, %m, %j : index
    %0 = arith.select %sees, %s, %low : f32
    "iree_linalg_ext.yield"(%0) : (f32) -> ()
  }) : (tensor<2x24x3x4x16xf32>, tensor<2x3x16x24xf32>, tensor<2x3x8x24xf32>, f32, tensor<2x24x3x4x8xf32>) -> tensor<2x24x3x4x8xf32>
  return %o : tensor<2x24x3x4x8xf32>
}
"""  # fmt: skip

ONNX = """
func.func @main(%q: tensor<2x?x64xf32>, %k: tensor<2x?x32xf32>, %v: tensor<2x?x16xf32>) -> tensor<2x?x32xf32> {
  %o = "onnx.Attention"(%q, %k, %v) {is_causal = 1 : si64, q_num_heads = 4 : si64, kv_num_heads = 2 : si64}
      : (tensor<2x?x64xf32>, tensor<2x?x32xf32>, tensor<2x?x16xf32>) -> tensor<2x?x32xf32>
  return %o : tensor<2x?x32xf32>
}
"""

ONNX_CACHE = """
func.func @main(%q: tensor<?x?x64xf32>, %k: tensor<?x?x32xf32>, %v: tensor<?x?x16xf32>, %pk: tensor<?x2x?x16xf32>, %pv: tensor<?x2x?x8xf32>)
    -> (tensor<?x?x32xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x8xf32>) {
  %none = "onnx.NoValue"() {value} : () -> none
  %o:3 = "onnx.Attention"(%q, %k, %v, %none, %pk, %pv) {is_causal = 1 : si64, q_num_heads = 4 : si64, kv_num_heads = 2 : si64 WINDOW}
      : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x16xf32>, none, tensor<?x2x?x16xf32>, tensor<?x2x?x8xf32>)
      -> (tensor<?x?x32xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x8xf32>)
  return %o#0, %o#1, %o#2 : tensor<?x?x32xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x8xf32>
}
"""  # fmt: skip

FLEX = """
func.func private @mask(%b: tensor<i32>, %h: tensor<i32>, %q: tensor<i32>, %k: tensor<i32>) -> tensor<i1> {
  %w = arith.constant dense<5> : tensor<i32>
  %past = arith.cmpi sge, %q, %k : tensor<i32>
  %distance = arith.subi %q, %k : tensor<i32>
  %near = arith.cmpi slt, %distance, %w : tensor<i32>
  %0 = arith.andi %past, %near : tensor<i1>
  return %0 : tensor<i1>
}
func.func @main(%q: tensor<?x4x?x16xf32>, %k: tensor<?x2x?x16xf32>, %v: tensor<?x2x?x16xf32>) -> tensor<?x4x?x16xf32> {
  %o = "sparsek.flex_attention"(%q, %k, %v) {mask_mod_fn = @mask, scale = 0.5 : f64}
      : (tensor<?x4x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>) -> tensor<?x4x?x16xf32>
  return %o : tensor<?x4x?x16xf32>
}
"""

CUSTOM = """
func.func @main(%q: tensor<1x4x?x16xf32>, %k: tensor<1x2x24x16xf32>, %v: tensor<1x2x24x16xf32>) -> tensor<1x4x?x16xf32> {
  %o = "sparsek.attn_causal"(%q, %k, %v) {ATTRIBUTES}
      : (tensor<1x4x?x16xf32>, tensor<1x2x24x16xf32>, tensor<1x2x24x16xf32>) -> tensor<1x4x?x16xf32>
  return %o : tensor<1x4x?x16xf32>
}
"""


def test_linalg_ext():
    q, k, v = arrays((2, 24, 3, 4, 16), (2, 3, 16, 24), (2, 3, 8, 24))
    (found,) = sparsek.compile(transform(LINALG_EXT, "sparsek-import{mode=dense}")).run(q, k, v)
    heads = q.transpose(0, 2, 3, 1, 4).reshape(2, 12, 24, 16)
    expected = attend(heads, k.swapaxes(-1, -2), v.swapaxes(-1, -2), 0.25)
    close(found, expected.reshape(2, 3, 4, 24, 8).transpose(0, 3, 1, 2, 4))


@pytest.mark.parametrize("n", [1, 9])
def test_onnx_packed(n):
    q, k, v = arrays((2, n, 64), (2, n, 32), (2, n, 16))
    (found,) = sparsek.compile(transform(ONNX, "sparsek-import{mode=dense}")).run(q, k, v)

    def heads(x, count):
        return x.reshape(2, n, count, -1).swapaxes(1, 2)

    expected = attend(heads(q, 4), heads(k, 2), heads(v, 2), 0.25)
    close(found, expected.swapaxes(1, 2).reshape(2, n, 32))


@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize(("m", "past"), [(5, 7), (1, 9), (6, 0)])
def test_onnx_cache(m, past, window):
    q, k, v, pk, pv = arrays((2, m, 64), (2, m, 32), (2, m, 16), (2, 2, past, 16), (2, 2, past, 8))
    attribute = "" if window is None else f", left_window_size = {window - 1} : si64"
    text = ONNX_CACHE.replace("WINDOW", attribute)
    executable = sparsek.compile(transform(text, "sparsek-import{mode=dense}"))
    found, keys, values = executable.run(q, k, v, pk, pv)

    def heads(x, count):
        return x.reshape(2, m, count, -1).swapaxes(1, 2)

    np.testing.assert_array_equal(keys, np.concatenate((pk, heads(k, 2)), axis=2))
    np.testing.assert_array_equal(values, np.concatenate((pv, heads(v, 2)), axis=2))
    expected = attend(heads(q, 4), keys, values, 0.25, window)
    close(found, expected.swapaxes(1, 2).reshape(2, m, 32))
    with pytest.raises(sparsek.SparsekError, match="sizes of the operands of attention must agree"):
        executable.run(q, *(np.concatenate((x, x), axis=1) for x in (k, v)), pk, pv)


@pytest.mark.parametrize("n", [3, 24])
def test_flex_window(n):
    q, k, v = arrays((2, 4, n, 16), (2, 2, n, 16), (2, 2, n, 16))
    (found,) = sparsek.compile(transform(FLEX, "sparsek-import")).run(q, k, v)
    close(found, attend(q, k, v, 0.5, window=5))


@pytest.mark.parametrize("m", [1, 5, 24])
@pytest.mark.parametrize("window", [None, 1, 7, 100])
def test_custom_op(m, window):
    q, k, v = arrays((1, 4, m, 16), (1, 2, 24, 16), (1, 2, 24, 16))
    text = CUSTOM.replace("ATTRIBUTES", f"window = {window}" if window else "")
    (found,) = sparsek.compile(transform(text, "sparsek-import{mode=dense}")).run(q, k, v)
    close(found, attend(q, k, v, 0.25, window))


def jax(name: str) -> str:
    text = (ROOT / "test" / "fixtures" / f"{name}.mlir").read_text(encoding="utf-8")
    return text.replace('"util.func"', '"func.func"').replace('"util.return"', '"func.return"')


@pytest.mark.parametrize("name, b, n, heads, kv, d", [
    ("form_jax_causal", 1, 64, 8, 8, 32),
    ("form_jax_gqa_batch2", 2, 64, 8, 2, 32),
    ("form_jax_mqa_batch3", 3, 24, 4, 1, 16),
    ("form_jax_einsum", 2, 64, 8, 8, 32),
])  # fmt: skip
def test_jax(name, b, n, heads, kv, d):
    q, k, v = arrays((b, n, heads, d), (b, n, kv, d), (b, n, kv, d))
    raised = transform(jax(name), "sparsek-raise-attention{mode=dense}")
    assert "sparsek.causal_attention" in raised and "math.exp" not in raised
    (found,) = sparsek.compile(raised).run(q, k, v)
    expected = attend(*(x.swapaxes(1, 2) for x in (q, k, v)), d**-0.5).swapaxes(1, 2)
    close(found, expected)
    # And so does the text as JAX wrote it.
    close(sparsek.compile(jax(name)).run(q, k, v)[0], expected)


def test_scores_of_the_op():
    text = CUSTOM.replace("attn_causal", "attention").replace(
        "(%q, %k, %v) {", "(%q, %k, %v, %u) {"
    )
    text = text.replace(
        "%v: tensor<1x2x24x16xf32>)", "%v: tensor<1x2x24x16xf32>, %u: tensor<1x1x24xf32>)"
    )
    text = text.replace(
        "tensor<1x2x24x16xf32>) ->", "tensor<1x2x24x16xf32>, tensor<1x1x24xf32>) ->"
    )
    text = text.replace("ATTRIBUTES", "topk = 4 : i64, window = 3 : i64")
    q, k, v, u = arrays((1, 4, 24, 16), (1, 2, 24, 16), (1, 2, 24, 16), (1, 1, 24))
    (found,) = sparsek.compile(transform(text, "sparsek-import")).run(q, k, v, u)
    close(found, oracle.attention(q, k, v, u, topk=4, window=3)[0])


def test_invalid_modules_are_still_refused():
    text = """func.func @main(%u: tensor<1x1x4xf32>) {
      %a, %b = sparsek.topk_mask %u topk(0) window(1) : tensor<1x1x4xf32>
      return
    }"""
    for pipeline in ("sparsek-import", "builtin.module(sparsek-import)", "cse"):
        with pytest.raises(sparsek.SparsekError, match=r"<text>:2:\d+: .*topk must be at least 1"):
            sparsek.opt(text, pipeline, allow_unregistered=True)
    with pytest.raises(sparsek.SparsekError, match="topk must be at least 1"):
        sparsek.compile(text, allow_unregistered=True)


def test_errors_of_the_import():
    text = CUSTOM.replace("ATTRIBUTES", "dropout_p = 0.5")
    with pytest.raises(sparsek.SparsekError, match=r"<text>:3:\d+: .*dropout must be 0"):
        sparsek.opt(text, "sparsek-import", allow_unregistered=True)
