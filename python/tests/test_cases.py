# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The matrix is what it says: large, the same every time, and covering."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import cases


def test_there_are_enough_cases():
    assert len(cases.attention_cases()) >= 2000
    names = [c.name for c in cases.attention_cases()] + [c.name for c in cases.score_cases()]
    assert len(set(names)) == len(names)


def test_the_list_is_deterministic():
    first = cases.attention_cases()
    cases.attention_cases.cache_clear()
    assert cases.attention_cases() == first
    a, b = first[17].inputs(), first[17].inputs()
    assert np.array_equal(a.u, b.u, equal_nan=True) and np.array_equal(a.q, b.q)


def test_pairs_are_covered():
    seen = set().union(*(cases.pairs(cases.case_features(c)) for c in cases.attention_cases()))
    values: dict[str, set] = {}
    for name, value in itertools.chain.from_iterable(seen):
        values.setdefault(name, set()).add(value)
    # Large heads meet only short inputs (MAX_WORK); packing means batch 1, M = N.
    sizes = {"d", "hkv", "group", "n", "batch", "dv=d", "shared_scores"}
    missing = [
        ((a, x), (b, y))
        for a, b in itertools.combinations(values, 2)
        if not {a, b} <= sizes
        for x, y in itertools.product(values[a], values[b])
        if not {((a, x), (b, y)), ((b, y), (a, x))} & seen
        and {(a, x), (b, y)} != {("packed", True), ("batch", 2)}
        and {(a, x), (b, y)} != {("packed", True), ("m<n", True)}
        and {(a, x), (b, y)} != {("n", 1), ("m<n", True)}
    ]
    assert not missing


def test_documents_include_the_degenerate_ones():
    packed = [c for c in cases.attention_cases() if c.cu_seqlens]
    lengths = [np.diff(c.cu_seqlens) for c in packed]
    assert sum((x == 0).any() for x in lengths) > 50
    assert sum((x == 1).any() for x in lengths) > 50
    assert all(x.sum() == c.n and (x >= 0).all() for x, c in zip(lengths, packed, strict=True))


def test_tolerance_reports_the_worst_element():
    want = np.array([1.0, 2.0, -np.inf, np.nan])
    tolerance = cases.TOLERANCES["f32"]
    cases.check_close("x", want, want, tolerance)
    with pytest.raises(AssertionError, match=r"x\[1\]: got .*2\.5.* 1 of 4 differ"):
        cases.check_close("x", np.array([1.0, 2.5, -np.inf, np.nan]), want, tolerance)
    with pytest.raises(AssertionError, match=r"x\[2\]"):
        cases.check_close("x", np.array([1.0, 2.0, -1e30, np.nan]), want, tolerance)
    with pytest.raises(AssertionError, match="shape"):
        cases.check_close("x", want[:2], want, tolerance)
