# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The kernels of sparsek.score, compiled to PTX and run in the emulator, against the oracle."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emulator
import oracle
from compiled_scores import ScoreVariant, compile_score, make_inputs
from emulator.record import launch_kernel
from emulator.score import score
from ptxas import assemble, find_ptxas, fits

pytestmark = pytest.mark.skipif(
    shutil.which("sparsek-opt") is None, reason="sparsek-opt is not in PATH"
)

Stats = oracle.Stats


def run(variant: ScoreVariant, x: np.ndarray, w: np.ndarray, **options: Any) -> Any:
    compiled = compile_score(variant)
    return score(compiled.ptx, compiled.record, x, w, **options)


def bound(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """What a raw score may be off by: 1e-6 of the sum of the absolute products."""
    x, w = np.abs(x.astype(np.float64)), np.abs(w.astype(np.float64))
    return 1e-6 * np.einsum("bnc,ch->bhn", x, w)


def check_raw(variant: ScoreVariant, x: np.ndarray, w: np.ndarray, **options: Any) -> np.ndarray:
    u, _ = run(variant, x, w, **options)
    expected, _ = oracle.score(
        x, w, slope=options.get("slope", 0.0), offset=options.get("offset", 0)
    )
    error = np.abs(u - expected)
    rounding = 2.0**-24 * np.abs(expected)
    assert np.all(error <= bound(x, w) + rounding), (error / (bound(x, w) + rounding)).max()
    return u


@pytest.mark.parametrize("weight", [None, "f32"])
@pytest.mark.parametrize("dtype", ["bf16", "f16"])
@pytest.mark.parametrize(
    ("features", "heads", "rows"),
    [(8, 1, 300), (64, 3, 37), (72, 16, 270), (512, 8, 70), (512, 2, 1), (1000, 5, 33)],
)
def test_product(features: int, heads: int, rows: int, dtype: str, weight: str | None) -> None:
    variant = ScoreVariant(dtype, weight, features, heads)
    x, w = make_inputs(variant, 2, rows)
    check_raw(variant, x, w, slope=1e-3, offset=(1 << 40) + 5)


def test_many_heads() -> None:
    variant = ScoreVariant("bf16", "f32", 200, 61)
    check_raw(variant, *make_inputs(variant, 1, 40))


def test_segments() -> None:
    """W in pieces, as it does not fit into shared memory."""
    variant = ScoreVariant("bf16", "f32", 1544, 24)
    check_raw(variant, *make_inputs(variant, 2, 40), slope=0.25)


def test_strides() -> None:
    """x with rows and batches apart, W of a linear layer, u in a larger array."""
    variant = ScoreVariant(features=72, heads=3)
    x, w = make_inputs(variant, 2, 37)
    expected = check_raw(variant, x, w)
    wide = np.full((37, 2, 80), np.nan, x.dtype)
    wide[..., :72] = x.swapaxes(0, 1)
    out = np.full((2, 3, 50), -1, np.float32)
    turned = np.ascontiguousarray(w.T).T
    run(variant, wide[..., :72].swapaxes(0, 1), turned, out=out[..., :37])
    np.testing.assert_array_equal(out[..., :37], expected)
    assert np.all(out[..., 37:] == -1)


@pytest.mark.parametrize("weight", [None, "f32"])
@pytest.mark.parametrize("dtype", ["bf16", "f16"])
def test_special_values(dtype: str, weight: str | None) -> None:
    """An infinity or a NaN is one row's alone, and infinities keep their sign."""
    variant = ScoreVariant(dtype, weight, features=72, heads=2)
    x, w = make_inputs(variant, 1, 20)
    w[0], w[40] = 1, -0.5
    x[0, 3, 0], x[0, 5, 0], x[0, 7, 40] = np.inf, -np.inf, np.inf
    x[0, 9, 10] = np.nan
    x[0, 11, 0] = x[0, 11, 40] = np.inf
    u, _ = run(variant, x, w)
    with np.errstate(invalid="ignore"):
        expected, _ = oracle.score(x, w)
    np.testing.assert_allclose(u, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("features", [72, 512])
def test_place_does_not_matter(features: int) -> None:
    """The same bits in any chunk, row and batch, on any number of SMs."""
    variant = ScoreVariant("bf16", "f32", features, 3)
    x, w = make_inputs(variant, 2, 75)
    whole, _ = run(variant, x, w, slope=1e-4, sm_count=3)
    for start, end in [(0, 1), (1, 34), (34, 75)]:
        part, _ = run(variant, x[1:, start:end], w, slope=1e-4, offset=start)
        np.testing.assert_array_equal(part[0], whole[1, :, start:end])


def state(stats: Any) -> np.ndarray:
    return np.stack([stats.count, stats.mean, stats.m2], axis=-1)


def check_timestep(u: np.ndarray, raw: np.ndarray, **options: Any) -> Any:
    """Against the oracle's normalisation of the same raw scores."""
    features = raw.swapaxes(1, 2)
    batch, heads = raw.shape[:2]
    expected = np.empty(raw.shape)
    counts = []
    for b in range(batch):
        for h in range(heads):
            given = options.get("statistics")
            stats = None
            if given is not None:
                stats = Stats(*(given[b : b + 1, h : h + 1, i] for i in range(3)))
            one, after = oracle.score(
                features[b : b + 1, :, h : h + 1], np.ones((1, 1)), norm="timestep",
                slope=options.get("slope", 0.0), offset=options.get("offset", 0), stats=stats,
            )  # fmt: skip
            expected[b, h] = one[0, 0]
            counts.append(state(after)[0, 0])
    np.testing.assert_allclose(u, expected, rtol=3e-7, atol=1e-12)
    return np.array(counts).reshape(batch, heads, 3)


@pytest.mark.parametrize("rows", [1, 300, 530])
@pytest.mark.parametrize("offset", [0, 700])
def test_timestep(rows: int, offset: int) -> None:
    """norm<timestep>, from nothing and from statistics, with scores that are no numbers."""
    plain = ScoreVariant(features=8, heads=2)
    x, w = make_inputs(plain, 2, rows, seed=rows)
    x = (x.astype(np.float32) + 3).astype(x.dtype)
    if rows > 1:
        x[0, :2, 0], x[1, 270, 0] = np.nan, np.inf
    raw, _ = run(plain, x, w)
    variant = ScoreVariant(features=8, heads=2, norm="timestep", carry=True, statistics=offset > 0)
    options: dict[str, Any] = {"slope": 1e-3, "offset": offset}
    if offset:
        given = np.array([offset, 2.5, 1e3 * offset])
        options["statistics"] = np.broadcast_to(given, (2, 2, 3)).copy()
    u, carried = run(variant, x, w, **options)
    expected = check_timestep(u, raw, **options)
    np.testing.assert_allclose(carried, expected, rtol=1e-12, atol=1e-12)


def test_timestep_of_outliers() -> None:
    """Huge scores take nothing from the accuracy of those before them."""
    plain = ScoreVariant("bf16", features=8, heads=1)
    x, w = make_inputs(plain, 1, 600)
    w[...] = 1
    x[0, 100], x[0, 400] = 1e9, -1e12
    raw, _ = run(plain, x, w)
    variant = ScoreVariant("bf16", features=8, heads=1, norm="timestep")
    u, _ = run(variant, x, w)
    check_timestep(u, raw)


@pytest.mark.parametrize("cuts", [(256, 512), (512,), (100, 300)])
def test_chunks(cuts: tuple[int, ...]) -> None:
    """Chunks from multiples of 256 on are the whole, bit for bit; others up to a rounding."""
    kind = {"features": 8, "heads": 2, "norm": "timestep", "carry": True}
    first, later = ScoreVariant(**kind), ScoreVariant(**kind, statistics=True)
    x, w = make_inputs(first, 1, 600)
    whole, whole_state = run(first, x, w, slope=0.5)
    parts, carried = [], None
    bounds = (0, *cuts, 600)
    for start, end in itertools.pairwise(bounds):
        given = {"statistics": carried} if start else {}
        u, carried = run(
            later if start else first, x[:, start:end], w, slope=0.5, offset=start, **given
        )
        parts.append(u)
    chunked = np.concatenate(parts, axis=2)
    if all(cut % 256 == 0 for cut in cuts):
        np.testing.assert_array_equal(chunked, whole)
        np.testing.assert_array_equal(carried, whole_state)
    else:
        np.testing.assert_allclose(chunked, whole, rtol=1.2e-7)
        np.testing.assert_allclose(carried, whole_state, rtol=1e-12)


def test_nothing() -> None:
    """No rows: statistics pass through."""
    given = np.arange(6.0).reshape(1, 2, 3)
    x, w = make_inputs(SCANNED, 1, 0)
    u, carried = run(SCANNED, x, w, statistics=given, offset=5)
    assert u.shape == (1, 2, 0)
    np.testing.assert_array_equal(carried, given)


def scan(variant: ScoreVariant, blocks: np.ndarray, given: np.ndarray, **options: Any) -> Any:
    """`score_scan` alone: the states before blocks [rows,blocks,3], and what it carries."""
    compiled = compile_score(variant)
    kernel = next(k for k in compiled.record["kernels"] if k["name"] == "score_scan")
    rows, count, _ = blocks.shape
    arrays = {
        "block_statistics": blocks, "states": np.full_like(blocks, np.nan),
        "statistics": given, "carried": np.full_like(given, np.nan),
    }  # fmt: skip
    scalars = {"statistic_blocks": count, "score_heads": rows, "batch": 1}
    for name in ("statistics", "carried"):
        scalars |= {f"{name}_b": 3 * rows, f"{name}_h": 3}
    launch_kernel(compiled.ptx, kernel, arrays, scalars, **options)
    return arrays["states"], arrays["carried"]


SCANNED = ScoreVariant(features=8, heads=2, norm="timestep", statistics=True, carry=True)


def check_scan(**options: Any) -> None:
    """More blocks than one step takes, some empty, against the recurrence one by one."""
    rng = np.random.default_rng(0)
    blocks = np.stack([rng.integers(0, 257, (2, 600)), *rng.random((2, 2, 600))], axis=-1)
    blocks[:, 3:9] = 0
    blocks[1, 0, 1] = 1e6
    given = np.array([[[0, 0, 0], [3, 1.5, 2]]], np.float64)
    states, carried = scan(SCANNED, blocks, given, **options)
    for row in range(2):
        count, mean, squares = given[0, row]
        for number, (more, its_mean, its_squares) in enumerate(blocks[row]):
            np.testing.assert_allclose(states[row, number], (count, mean, squares), rtol=1e-12)
            if more:
                share = more / (count + more)
                squares += its_squares + (its_mean - mean) ** 2 * count * share
                mean += (its_mean - mean) * share
                count += more
        np.testing.assert_allclose(carried[0, row], (count, mean, squares), rtol=1e-12)


def test_scan() -> None:
    check_scan()


def test_no_synchronisation_is_idle() -> None:
    """Without any one of them, the emulator finds a race or the scores are wrong."""
    variant = ScoreVariant("bf16", "f32", 1544, 24)
    x, w = make_inputs(variant, 2, 40)
    compiled = compile_score(variant)

    def product(statement: int) -> None:
        check_raw(variant, x, w, sm_count=1, omit={"score": statement})

    assert not emulator.undetected(emulator.program(compiled.ptx, "score"), product)

    short, short_w = make_inputs(SCANNED, 1, 300)
    short[0, :40] = np.nan  # Another warp has the first number.
    given = np.zeros((1, 2, 3))
    compiled = compile_score(SCANNED)
    for kernel in ("score_statistics", "score_normalise"):

        def whole(statement: int, kernel: str = kernel) -> None:
            run(SCANNED, short, short_w, statistics=given, omit={kernel: statement})

        assert not emulator.undetected(emulator.program(compiled.ptx, kernel), whole), kernel
    code = emulator.program(compiled.ptx, "score_scan")
    assert not emulator.undetected(code, lambda statement: check_scan(omit=statement))


def test_record() -> None:
    """What a launcher reads."""
    variant = ScoreVariant("f16", "f32", 512, 8, norm="timestep", statistics=True, carry=True)
    record = compile_score(variant).record
    kernels = record["kernels"]
    assert {k: record[k] for k in ("op", "dtype", "weight_dtype", "features", "score_heads")} == {
        "op": "score", "dtype": "f16", "weight_dtype": "f32", "features": 512, "score_heads": 8,
    }  # fmt: skip
    assert (record["norm"], record["statistics"], record["carry"]) == ("timestep", True, True)
    assert [(k["name"], k["grid"]) for k in kernels] == [
        ("score", "persistent"),
        ("score_statistics", "statistic_blocks x batch_score_heads"),
        ("score_scan", "batch_score_heads"),
        ("score_normalise", "statistic_blocks x batch_score_heads"),
    ]
    assert {"name": "slope", "type": "f64"} in kernels[3]["arguments"]


@pytest.mark.skipif(find_ptxas() is None, reason="ptxas is neither on PATH nor in CUDA_HOME")
@pytest.mark.parametrize(
    ("dtype", "weight", "features", "heads"),
    [
        ("bf16", None, 4096, 8),
        ("bf16", "f32", 4096, 8),
        ("f16", "f32", 4104, 3),
        ("bf16", None, 4096, 64),
        ("f16", "f32", 4096, 64),
        ("bf16", None, 8, 1),
    ],
)
def test_resources(
    dtype: str, weight: str | None, features: int, heads: int, tmp_path: Path
) -> None:
    """No spills, and the launch fits."""
    compiled = compile_score(ScoreVariant(dtype, weight, features, heads, norm="timestep"))
    report, resources = assemble(compiled.ptx, "sm_90a", tmp_path)
    for kernel in compiled.record["kernels"]:
        used = resources[kernel["name"]]
        assert used.spilled_bytes == 0, report
        assert fits(kernel, used, "sm_90a")
