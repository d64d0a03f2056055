# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The oracle against brute force and against properties that follow from C1-C9."""

from __future__ import annotations

import itertools
import time
from fractions import Fraction

import numpy as np
import pytest

import oracle

KINDS = ("normal", "narrow", "ties", "equal", "two", "sorted", "reversed", "mixed")


def make_scores(kind: str, n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    u = rng.normal(size=n)
    if kind == "narrow":
        u = 0.05 * u
    elif kind == "ties":
        u = rng.integers(-2, 3, size=n) / 2
    elif kind == "equal":
        u = np.full(n, 0.25)
    elif kind == "two":
        u = rng.integers(0, 2, size=n) * 0.75
    elif kind == "sorted":
        u = np.sort(u)
    elif kind == "reversed":
        u = np.sort(u)[::-1]
    elif kind == "mixed":
        special = np.array([np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-41])
        u = np.where(rng.random(n) < 0.4, rng.choice(special, size=n), u)
    return u.astype(np.float32)


def make_qkv(rng, b, hq, hkv, m, n, d, dv):
    return (
        rng.normal(size=(b, hq, m, d)),
        rng.normal(size=(b, hkv, n, d)),
        rng.normal(size=(b, hkv, n, dv)),
    )


def dense(q, k, v, mask, scale):
    """Masked softmax attention of one head in the plainest form."""
    logits = np.where(mask, scale * q @ k.T, -np.inf)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True) @ v


def exact_threshold(values, k):
    """C4 in rational arithmetic: the sum is evaluated at every knot."""
    finite = [Fraction(float(x)) for x in values if np.isfinite(x)]
    if len(finite) <= k:
        return None

    def total(x):
        return sum(min(max(u - x, Fraction(0)), Fraction(1)) for u in finite)

    knots = sorted(set(finite) | {u - 1 for u in finite})
    if total(knots[0]) < k:
        raise AssertionError("the sum starts at the number of finite scores")
    # The first knot where the sum is k or less ends the piece with the root.
    after = next(x for x in knots if total(x) <= k)
    before = max((x for x in knots if x < after), default=after)
    high, low = total(before), total(after)
    if low == k:
        return after if high > k else before
    return before + (after - before) * (high - k) / (high - low)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("topk", [1, 2, 3, 7, 20])
def test_members_are_the_sorted_prefix(kind, topk):
    u = make_scores(kind, 17)
    for window in (0, 1, 4, 17):
        chosen = oracle.members(u, topk, window)
        for t in range(17):
            pool = [j for j in range(17) if j <= t - window]
            ranked = sorted(
                (j for j in pool if not np.isnan(u[j]) and u[j] != -np.inf),
                key=lambda j: (-min(float(u[j]), oracle.F32_MAX), j),
            )
            assert set(np.flatnonzero(chosen[t])) == set(ranked[:topk])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("topk", [1, 3, 8, 33])
@pytest.mark.parametrize("window", [0, 1, 5, 33, 40])
def test_expiry_is_membership(kind, topk, window):
    u = make_scores(kind, 33, seed=topk)
    chosen = oracle.members(u, topk, window)
    expiry = oracle.expiries(u, topk, window)
    j = np.arange(33)
    birth = j + window
    assert (birth <= expiry).all()
    t = np.arange(33)[:, None]
    assert np.array_equal(chosen, (birth <= t) & (t < expiry))
    assert chosen.sum(axis=1).max() <= topk


def test_expiry_names_the_evicting_query():
    # Keys 1 and 3 are the first two that outrank key 0: query 3 + 2 evicts it.
    # Key 2 is outranked twice before it stands: it is never in. Only key 4 ever
    # outranks key 1, and only keys 1 and 4 outrank key 3.
    u = np.array([0.0, 2.0, -1.0, 1.0, 5.0], dtype=np.float32)
    expected = [5, oracle.NEVER, 4, 6, oracle.NEVER]
    assert oracle.expiries(u, 2, 2).tolist() == expected


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "mixed"])
@pytest.mark.parametrize("topk", [1, 2, 5])
def test_threshold_against_rationals(kind, topk):
    u = make_scores(kind, 12, seed=3)
    for size in range(1, 13):
        expected = exact_threshold(u[:size], topk)
        found = oracle.threshold(oracle.clean(u[:size]), topk)
        if expected is None:
            assert found == -np.inf
        else:
            assert found == pytest.approx(float(expected), abs=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("topk", [1, 4, 16])
def test_threshold_is_the_smallest_root(kind, topk):
    u = oracle.clean(make_scores(kind, 64, seed=5))
    for size in (1, topk, topk + 1, 40, 64):
        pool = u[:size]
        finite = pool[pool > -np.inf]
        tau = oracle.threshold(pool, topk)
        if finite.size <= topk:
            assert tau == -np.inf
            continue

        if abs(tau) < 2**20:
            assert np.clip(finite - tau, 0, 1).sum() == pytest.approx(topk, abs=1e-12)
            assert np.clip(finite - (tau - 1e-6), 0, 1).sum() > topk
        # F6: the two order statistics that bracket it.
        ranked = np.sort(finite)[::-1]
        assert min(ranked[topk - 1] - 1, ranked[topk]) <= tau <= ranked[topk]


def test_a_huge_score_leaves_the_others_accurate():
    u = make_scores("normal", 50, seed=8).astype(np.float64)
    plain = oracle.threshold(np.append(u, u.max() + 1.0), 6)
    for huge in (1e6, 1e30, oracle.F32_MAX):
        assert oracle.threshold(np.append(u, huge), 6) == pytest.approx(plain, abs=1e-15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window", [0, 3])
def test_selection_never_goes_back(kind, window):
    u = make_scores(kind, 90, seed=2)
    found = oracle.select(u[None, None], topk=9, window=window)
    exact, tau = found.exact[0, 0], found.tau[0, 0]
    assert (exact[1:] >= exact[:-1] - 1e-12).all()
    assert (tau[1:] >= tau[:-1]).all()
    # Rounded once: half a unit in the last place, or the running maximum.
    live = np.isfinite(exact) & (np.abs(exact) < 2**20)
    assert (np.abs(tau[live] - exact[live]) <= np.spacing(np.abs(tau[live]))).all()
    inside = oracle.interior(u, tau, window)
    assert np.array_equal(found.n_int[0, 0], inside.sum(axis=1))
    # F1: one interval for each key.
    for j in range(90):
        assert np.count_nonzero(np.diff(np.r_[0, inside[:, j].astype(int), 0])) <= 2


def test_thresholds_of_few_keys():
    u = np.array([0.5, -np.inf, np.nan, 0.25, 0.125], dtype=np.float32)
    found = oracle.select(u[None, None], topk=2, window=0)
    assert np.isneginf(found.tau[0, 0, :4]).all() and np.isfinite(found.tau[0, 0, 4])
    assert found.n_int[0, 0].tolist() == [0, 0, 0, 0, 3]
    # Scores that are never selected expire when they are born.
    assert found.expiry[0, 0, 1:3].tolist() == [1, 2]


def test_equal_scores_share_the_budget():
    u = np.full((1, 1, 10), 3.0, dtype=np.float32)
    found = oracle.select(u, topk=2, window=0)
    expected = [-np.inf if t < 2 else 3 - 2 / (t + 1) for t in range(10)]
    assert np.allclose(found.exact[0, 0], expected, atol=1e-15)
    # Ties go to the lower index, so the first two are never evicted.
    assert found.expiry[0, 0].tolist() == [oracle.NEVER] * 2 + list(range(2, 10))


def test_special_scores():
    u = np.array([np.nan, np.inf, -np.inf, 1.0], dtype=np.float32)
    assert oracle.clean(u).tolist() == [-np.inf, oracle.F32_MAX, -np.inf, 1.0]
    assert oracle.gates(u, -np.inf).tolist() == [0, 1, 0, 1]
    assert oracle.gates(np.float32(1.0), 0.25) == 0.75
    big = oracle.select(np.array([[[1e30, 1e30, 1e30, 0]]], dtype=np.float32), topk=1, window=0)
    gate = oracle.gates(np.float32(1e30), big.tau[0, 0])
    assert ((gate >= 0) & (gate <= 1)).all()


@pytest.mark.parametrize("norm", oracle.NORMS)
@pytest.mark.parametrize("special", [False, True])
def test_score_by_hand(norm, special):
    rng = np.random.default_rng(4)
    x, w = rng.normal(size=(2, 23, 5)), rng.normal(size=(5, 3))
    if special:
        x[0, 0] = np.inf
        x[1, 7] = np.nan
        x[0, 9] = -np.inf
    u, _ = oracle.score(x, w, slope=1e-3, norm=norm)
    for b, h, t in itertools.product(range(2), range(3), range(23)):
        with np.errstate(invalid="ignore"):
            s = x[b, : t + 1] @ w[:, h]
        value = s[t]
        if norm == "timestep":
            seen = s[np.isfinite(s)]
            mean, var = (seen.mean(), seen.var()) if seen.size else (0.0, 0.0)
            value = (value - mean) / np.sqrt(var + 1e-5)
        assert np.allclose(u[b, h, t], value + 1e-3 * t, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("norm", oracle.NORMS)
def test_score_in_chunks(norm):
    rng = np.random.default_rng(6)
    x, w = rng.normal(size=(1, 40, 4)), rng.normal(size=(4, 2))
    whole, last = oracle.score(x, w, slope=0.01, norm=norm)
    stats, parts = None, []
    for start, end in ((0, 1), (1, 17), (17, 17), (17, 40)):
        part, stats = oracle.score(
            x[:, start:end], w, slope=0.01, norm=norm, offset=start, stats=stats
        )
        parts.append(part)
    assert np.array_equal(np.concatenate(parts, axis=2), whole)
    assert all(np.array_equal(a, b) for a, b in zip(stats, last, strict=True))


@pytest.mark.parametrize("norm", oracle.NORMS)
def test_score_of_packed_documents(norm):
    rng = np.random.default_rng(7)
    x, w = rng.normal(size=(1, 20, 4)), rng.normal(size=(4, 2))
    packed, _ = oracle.score(x, w, slope=0.1, norm=norm, cu_seqlens=[0, 7, 7, 8, 20])
    for start, end in ((0, 7), (7, 8), (8, 20)):
        alone, _ = oracle.score(x[:, start:end], w, slope=0.1, norm=norm)
        assert np.array_equal(packed[:, :, start:end], alone)


@pytest.mark.parametrize("gate", oracle.GATES)
@pytest.mark.parametrize("window", [19, 100])
def test_full_window_is_dense_causal(gate, window):
    rng = np.random.default_rng(9)
    q, k, v = make_qkv(rng, 1, 4, 2, 19, 19, 8, 5)
    u = rng.normal(size=(1, 2, 19)).astype(np.float32)
    o, _ = oracle.attention(q, k, v, u, topk=1, window=window, gate=gate)
    for h in range(4):
        expected = dense(q[0, h], k[0, h // 2], v[0, h // 2], np.tri(19, dtype=bool), 8**-0.5)
        assert np.allclose(o[0, h], expected, atol=1e-13)


@pytest.mark.parametrize("gate", oracle.GATES)
def test_a_budget_above_the_length_is_dense_causal(gate):
    rng = np.random.default_rng(10)
    q, k, v = make_qkv(rng, 1, 1, 1, 21, 21, 4, 4)
    u = rng.normal(size=(1, 1, 21)).astype(np.float32)
    o, _ = oracle.attention(q, k, v, u, topk=21, window=0, gate=gate)
    assert np.allclose(o[0, 0], dense(q[0, 0], k[0, 0], v[0, 0], np.tri(21, dtype=bool), 0.5))


@pytest.mark.parametrize("gate", oracle.GATES)
def test_attention_pair_by_pair(gate):
    rng = np.random.default_rng(11)
    n, m, topk, window, scale = 14, 9, 3, 2, 0.7
    q, k, v = make_qkv(rng, 2, 6, 2, m, n, 3, 4)
    u = rng.normal(size=(2, 2, n)).astype(np.float32)
    sink = rng.normal(size=6)
    tau = oracle.select(u, topk=topk, window=window).tau
    o, lse = oracle.attention(
        q, k, v, u, topk=topk, window=window, gate=gate, scale=scale, sink=sink
    )
    for b, h, i in itertools.product(range(2), range(6), range(m)):
        t, g = n - m + i, h // 3
        order = sorted(range(max(t - window + 1, 0)), key=lambda j: (-u[b, g, j], j))
        total, value = np.exp(sink[h]), np.zeros(4)
        for j in order[:topk] + list(range(max(t - window + 1, 0), t + 1)):
            m_tj = 1.0
            if j <= t - window:
                m_tj = float(np.clip(u[b, g, j] - tau[b, g, t], 0, 1))
            logit = scale * (q[b, h, i] @ k[b, g, j])
            weight = np.exp(logit * (m_tj if gate == "key_value" else 1))
            total += weight
            value += weight * (m_tj if gate in ("key_value", "value") else 1) * v[b, g, j]
        assert np.allclose(o[b, h, i], value / total, atol=1e-13)
        assert np.isclose(lse[b, h, i], np.log(total), atol=1e-13)


def test_sink_is_one_more_logit():
    rng = np.random.default_rng(12)
    q, k, v = make_qkv(rng, 1, 2, 1, 11, 11, 4, 4)
    u = rng.normal(size=(1, 1, 11)).astype(np.float32)
    sink = np.array([0.3, -np.inf])
    o, lse = oracle.attention(q, k, v, u, topk=2, window=3)
    with_sink, lse_sink = oracle.attention(q, k, v, u, topk=2, window=3, sink=sink)
    assert np.allclose(lse_sink[:, 0], np.logaddexp(lse[:, 0], 0.3))
    assert np.allclose(with_sink[:, 0], o[:, 0] * np.exp(lse[:, 0] - lse_sink[:, 0])[..., None])
    assert np.allclose(with_sink[:, 1], o[:, 1]) and np.allclose(lse_sink[:, 1], lse[:, 1])


@pytest.mark.parametrize("sink", [None, np.array([1.0])])
def test_queries_without_keys(sink):
    rng = np.random.default_rng(13)
    q, k, v = make_qkv(rng, 1, 1, 1, 6, 6, 4, 4)
    u = np.array([[[np.nan, -np.inf, -np.inf, 1.0, 2.0, np.nan]]], dtype=np.float32)
    o, lse = oracle.attention(q, k, v, u, topk=2, window=0, sink=sink)
    assert (o[0, 0, :3] == 0).all() and np.isneginf(lse[0, 0, :3]).all()
    assert np.isfinite(lse[0, 0, 3:]).all() and (o[0, 0, 3:] != 0).any()


@pytest.mark.parametrize("hs", [1, 3])
def test_packed_documents_are_separate(hs):
    rng = np.random.default_rng(14)
    cu = [0, 0, 9, 10, 10, 24, 24]
    q, k, v = make_qkv(rng, 1, 6, 3, 24, 24, 4, 5)
    u = rng.normal(size=(1, hs, 24)).astype(np.float32)
    budget = {"topk": 3, "window": 2}
    o, lse = oracle.attention(q, k, v, u, cu_seqlens=cu, **budget)
    found = oracle.select(u, cu_seqlens=cu, **budget)
    tail, _ = oracle.attention(q[:, :, 15:], k, v, u, cu_seqlens=cu, **budget)
    assert np.allclose(tail, o[:, :, 15:])
    for start, end in ((0, 9), (9, 10), (10, 24)):
        rows = slice(start, end)
        alone, lse_alone = oracle.attention(
            q[:, :, rows], k[:, :, rows], v[:, :, rows], u[:, :, rows], **budget
        )
        assert np.allclose(o[:, :, rows], alone) and np.allclose(lse[:, :, rows], lse_alone)
        if end - start >= budget["window"]:
            alone = oracle.select(u[:, :, rows], **budget)
            for whole, part in zip(found, alone, strict=True):
                assert np.array_equal(whole[:, :, rows], part)


def test_chunked_prefill_and_decoding_agree():
    rng = np.random.default_rng(15)
    q, k, v = make_qkv(rng, 1, 2, 1, 30, 30, 4, 4)
    u = rng.normal(size=(1, 1, 30)).astype(np.float32)
    whole, _ = oracle.attention(q, k, v, u, topk=4, window=3)
    start = 0
    for end in (1, 8, 20, *range(21, 31)):
        part, _ = oracle.attention(
            q[:, :, start:end], k[:, :, :end], v[:, :, :end], u[:, :, :end], topk=4, window=3
        )
        assert np.allclose(part, whole[:, :, start:end], atol=1e-13)
        start = end


def test_bad_arguments():
    u = np.zeros((1, 1, 4), dtype=np.float32)
    x = np.zeros((1, 2, 4, 4))
    with pytest.raises(ValueError, match="topk must be at least 1"):
        oracle.select(u, topk=0, window=0)
    with pytest.raises(ValueError, match="window must not be negative"):
        oracle.select(u, topk=1, window=-1)
    with pytest.raises(ValueError, match="cu_seqlens must rise from 0 to 4"):
        oracle.select(u, topk=1, window=0, cu_seqlens=[0, 5])
    with pytest.raises(ValueError, match="gate must be one of"):
        oracle.attention(x, x, x, u, topk=1, window=0, gate="both")
    with pytest.raises(ValueError, match="head counts do not divide"):
        oracle.attention(x, x, x, np.zeros((1, 3, 4)), topk=1, window=0)
    with pytest.raises(ValueError, match="norm must be one of"):
        oracle.score(x[0], x[0, 0], norm="layer")


def test_speed():
    rng = np.random.default_rng(16)
    q, k, v = make_qkv(rng, 1, 2, 1, 600, 600, 64, 64)
    u = rng.normal(size=(1, 1, 600)).astype(np.float32)
    begin = time.perf_counter()
    oracle.attention(q, k, v, u, topk=64, window=32)
    # Well above the 0.1 s it is meant to take, so that a busy machine passes.
    assert time.perf_counter() - begin < 2.0
