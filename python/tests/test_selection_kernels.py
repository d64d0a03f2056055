# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The PTX of the selection, run by the emulator, against the float64 oracle.

All sizes of the kernels and both ways to sort run on short rows, which tests ask for; one or two
rows are so long that several tiles of every kernel take part. All larger ones are in
`python/tests/gpu`.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import emulator
from cases import SCORES
from compiled_selection import Problem, check, compile_selection, run
from emulator import selection
from emulator.record import launch_kernel
from ptxas import assemble, find_ptxas, fits

pytestmark = pytest.mark.skipif(
    shutil.which("sparsek-opt") is None, reason="sparsek-opt is not in PATH"
)

PACKED = (0, 0, 1, 60, 60, 128, 130, 140)  # empty ones, one of one token, one across chunks
WAYS = [(0, True), (0, False), (1, True), (1, False), (2, True), (2, False)]


def named(problems: dict[str, Problem]) -> pytest.MarkDecorator:
    """One test for every entry."""
    return pytest.mark.parametrize("problem", problems.values(), ids=problems.keys())


# --------------------------------------------------------------------------------------------------
# Scores
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True], ids=["whole", "packed"])
@pytest.mark.parametrize(("number", "scores"), list(enumerate(SCORES)), ids=list(SCORES))
def test_scores(number: int, scores: str, packed: bool) -> None:
    """Over all scores every way comes up several times, packed and not."""
    size, merge = WAYS[(number + 3 * packed + number // 6) % 6]
    cu_seqlens = PACKED if packed else None
    check(Problem(scores=scores, cu_seqlens=cu_seqlens, size=size, merge=merge, window=9))


@pytest.mark.parametrize("merge", [True, False], ids=["merge", "digits"])
@pytest.mark.parametrize("scores", ["ties", "wide", "some_of_all"])
def test_single_best(scores: str, merge: bool) -> None:
    check(Problem(keys=257, topk=1, window=0, scores=scores, merge=merge))


# --------------------------------------------------------------------------------------------------
# Lengths
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "keys"),
    [
        *((0, n) for n in (1, 2, 31, 32, 33, 65, 257)),
        *((1, n) for n in (1, 2, 127, 128, 129, 257)),
        *((2, n) for n in (1, 2, 129, 512, 513)),
    ],
)
def test_lengths(size: int, keys: int) -> None:
    check(Problem(keys=keys, window=5, size=size, merge=keys % 2 == 0))


@named(
    {
        "merge": Problem(
            keys=4300,
            topk=300,
            window=200,
            cu_seqlens=(0, 300, 1020, 1030, 4300),
            scores="ties",
            size=1,
            merge=True,
        ),
        "digits": Problem(keys=4300, topk=700, window=2100, size=2, merge=False),
        "packed-digits": Problem(
            keys=4300,
            topk=90,
            window=20,
            cu_seqlens=(0, 40, 4097, 4300),
            scores="wide",
            merge=False,
        ),
    }
)
def test_several_tiles(problem: Problem) -> None:
    """Of all kernels: two passes merge the five tiles, digits take two, the scan five."""
    check(problem)


@pytest.mark.parametrize(
    ("bucket_log2", "table_log2"), [(5, 0), (5, 1), (6, 2), (7, 3), (8, 0), (9, 1)]
)
def test_tables(bucket_log2: int, table_log2: int) -> None:
    """As long rows have them: large buckets, of which several warps share one."""
    cu_seqlens = (0, 90, 300) if bucket_log2 % 2 else None
    problem = Problem(keys=300, scores="wide", cu_seqlens=cu_seqlens, window=9)
    check(dataclasses.replace(problem, bucket_log2=bucket_log2, table_log2=table_log2))


# --------------------------------------------------------------------------------------------------
# Budgets, heads, documents
# --------------------------------------------------------------------------------------------------


@named(
    {
        "smallest": Problem(topk=1, window=1),
        "all": Problem(topk=140, window=3),
        "all-but-one": Problem(topk=139, window=0),
        "more-than-all": Problem(topk=1000, window=7),
        "no-window": Problem(window=0, scores="ties", size=1),
        "window-of-all": Problem(window=140),
        "window-of-more": Problem(window=1 << 20, cu_seqlens=PACKED),
        "window-of-all-but-one": Problem(window=139, topk=1),
    }
)
def test_budgets(problem: Problem) -> None:
    check(problem)


@named(
    {
        "contiguous": Problem(keys=70, batch=2, heads=3, window=6, size=2),
        "gaps": Problem(keys=140, batch=2, heads=2, window=6, strided=True, scores="some_nan"),
        "packed": Problem(
            keys=131, heads=3, window=6, strided=True, cu_seqlens=(0, 1, 129, 131), merge=False
        ),
    }
)
def test_heads(problem: Problem) -> None:
    check(problem)


@named(
    {
        "chunks": Problem(keys=300, cu_seqlens=(0, 120, 300), topk=30, window=10),
        "chunks-ties": Problem(keys=300, cu_seqlens=(0, 120, 300), topk=30, scores="ties"),
        "at-chunks": Problem(keys=300, cu_seqlens=(0, 128, 256, 300), topk=10, window=0),
        "tokens": Problem(keys=70, cu_seqlens=tuple(range(71)), topk=1, window=0),
        "empty": Problem(keys=130, cu_seqlens=(0, 0, 0, 130, 130), topk=5, window=4),
        "larger-chunks": Problem(
            keys=530, cu_seqlens=(0, 5, 505, 530), topk=10, window=4, size=2, merge=False
        ),
    }
)
def test_documents(problem: Problem) -> None:
    check(problem)


@pytest.mark.parametrize(
    ("keys", "bounds", "merge"),
    [
        (150, (0, 250), True),
        (150, (50, 150), False),
        (150, (0, 75), True),
        (150, (-5, 150), False),
        (150, (0, 140, 20, 150), False),
        (150, (2**31 - 1, -(2**31), 7), True),
        (1200, (0, 300, 100, 1100, 40, 1200), False),
    ],
)
def test_documents_that_are_none(keys: int, bounds: tuple[int, ...], merge: bool) -> None:
    """Results are not defined, but nothing outside of the arrays is touched, and it ends. (Merges
    of such lists may put two keys into one place, which the emulator calls a race.)"""
    problem = Problem(keys=keys, topk=3, window=2, cu_seqlens=bounds, merge=merge, scores="ties")
    u = problem.make_scores()
    tau, expiry, n_int = run(problem, u, max_steps=20_000_000)
    assert tau.shape == expiry.shape == n_int.shape == u.shape


def test_documents_do_not_see_each_other() -> None:
    """A packed row gives the bits that its documents give alone."""
    cuts = (0, 70, 75, 200)
    problem = Problem(keys=200, cu_seqlens=cuts, topk=8, window=4)
    u = problem.make_scores()
    together = run(problem, u)
    for start, end in itertools.pairwise(cuts):
        alone = run(Problem(keys=end - start, topk=8, window=4), u[..., start:end].copy())
        for a, b in zip(together, alone, strict=True):
            assert a[..., start:end].tobytes() == b.tobytes()


def test_any_order_of_warps_gives_the_same_bits() -> None:
    problem = Problem(keys=200, topk=40)
    u = problem.make_scores()
    ways = [{"seed": 0}, {"seed": 1, "sm_count": 3}]
    results = [run(problem, u, **options) for options in ways]
    # Nor does the way rows are sorted, or how they are cut into chunks.
    for size, merge in ((1, True), (0, False), (2, True)):
        results.append(run(dataclasses.replace(problem, size=size, merge=merge), u))
    assert len({tuple(a.tobytes() for a in result) for result in results}) == 1


@pytest.mark.parametrize("last", [0.023159655, -0.023159655, 0.0, 2.0])
def test_flat_at_the_end_of_a_chunk(last: float) -> None:
    """The two best keys are far above the third, whose score has no whole quanta; the boundary
    behind it has the same threshold, and the one before has none."""
    u = np.full((1, 1, 140), -np.inf, np.float32)
    u[0, 0, 124:128] = [last, np.inf, -np.inf, last + 1.3787811]
    u[0, 0, 128:131] = [last - 0.5, last, last - 1]
    check(Problem(keys=140, topk=2, window=0), u)


@pytest.mark.parametrize("packed", [False, True], ids=["whole", "packed"])
def test_portable(packed: bool) -> None:
    cu_seqlens = PACKED if packed else None
    problem = Problem(cu_seqlens=cu_seqlens, size=int(packed), merge=packed, scores="ties")
    check(problem, chip="sm_80")


# --------------------------------------------------------------------------------------------------
# What a broken program gives
# --------------------------------------------------------------------------------------------------


def without(problem: Problem, kernel: str) -> Callable[[int], None]:
    """Runs a kernel of the selection without a statement, on what the kernels before it give.

    The result raises an EmulatorError, or an AssertionError where an array differs.
    """
    compiled = compile_selection(problem.cu_seqlens is not None)
    u = problem.make_scores()
    _, steps = selection.prepare(compiled.record, u, **problem.options())
    number = [step.kernel["name"] for step in steps].index(kernel)
    for step in steps[:number]:
        launch_kernel(compiled.ptx, *step)
    step = steps[number]
    # Some arrays have two names.
    arrays = list({id(array): array for array in step.arrays.values()}.values())
    before = [array.copy() for array in arrays]
    launch_kernel(compiled.ptx, *step)
    expected = [array.tobytes() for array in arrays]

    def attempt(statement: int) -> None:
        for seed in range(3):
            for array, old in zip(arrays, before, strict=True):
                array[...] = old
            launch_kernel(compiled.ptx, *step, omit=statement, seed=seed)
            assert [array.tobytes() for array in arrays] == expected

    return attempt


@pytest.mark.parametrize(
    ("kernel", "problem"),
    {
        "sort_tiles": Problem(keys=200, scores="ties"),
        "count_scores": Problem(keys=200, merge=False),
        "count_digits": Problem(keys=200, merge=False),
        "scatter_scores": Problem(keys=520, scores="ties", merge=False),
        "scatter_digits": Problem(keys=520, scores="ties", merge=False),
        # Else each warp reads what it has counted itself.
        "rank_table": Problem(keys=200, bucket_log2=6, table_log2=0),
        "boundaries_128": Problem(keys=200),
        "rank_scan": Problem(keys=600),
        "thresholds_32": Problem(keys=200),
        "thresholds_128": Problem(keys=200, size=1),
    }.items(),
)
def test_no_synchronisation_is_superfluous(kernel: str, problem: Problem) -> None:
    """Without any one of them some check of the emulator, or the numbers, show it."""
    code = emulator.program(compile_selection().ptx, kernel)
    assert emulator.synchronisations(code)
    missed = emulator.undetected(code, without(problem, kernel))
    assert not missed


# --------------------------------------------------------------------------------------------------
# The record
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True], ids=["whole", "packed"])
def test_record(packed: bool) -> None:
    compiled = compile_selection(packed)
    record = compiled.record
    assert {name: record[name] for name in ("version", "op", "chip", "packed")} == {
        "version": 1, "op": "topk_mask", "chip": "sm_90a", "packed": packed
    }  # fmt: skip
    small, middle, large = record["sizes"]
    assert small == {
        "max_keys": 1 << 13, "chunk": 32, "buckets": 128,
        "boundaries": "boundaries_128", "thresholds": "thresholds_32",
    }  # fmt: skip
    assert middle == {
        "max_keys": 1 << 17, "chunk": 128, "buckets": 256,
        "boundaries": "boundaries_256", "thresholds": "thresholds_128",
    }  # fmt: skip
    assert large == {
        "max_keys": 1 << 20, "chunk": 512, "buckets": 1024,
        "boundaries": "boundaries_1024", "thresholds": "thresholds_512",
    }  # fmt: skip
    for size in record["sizes"]:
        # A block of the table holds one bucket of all boundaries.
        assert 4 * (size["max_keys"] // size["chunk"] + 1) <= record["table_words"]
    kernels = {kernel["name"]: kernel for kernel in record["kernels"]}
    assert list(kernels) == [
        *(["documents"] if packed else []), "sort_tiles", "merge_lists", "count_scores",
        "scatter_scores", "count_digits", "scatter_digits", "rank_table", "boundaries_128",
        "boundaries_256", "boundaries_1024", "rank_scan", "thresholds_32", "thresholds_128",
        "thresholds_512", "expiries",
    ]  # fmt: skip
    assert set(re.findall(r"\.entry (\w+)", compiled.ptx)) == set(kernels)
    for size in record["sizes"]:
        assert kernels[size["thresholds"]]["threads"] == size["chunk"]
    for kernel in kernels.values():
        assert kernel["grid"] == "key_blocks" or kernel["grid"].endswith(" x batch_score_heads")
        names = [argument["name"] for argument in kernel["arguments"]]
        assert len(set(names)) == len(names)


def test_everything_that_a_launch_needs_is_planned() -> None:
    """Every argument of every launch, whichever kernels a row takes."""
    for packed, (size, merge) in itertools.product((False, True), WAYS):
        cu_seqlens = (0, 3000) if packed else None
        problem = Problem(keys=3000, size=size, merge=merge, cu_seqlens=cu_seqlens)
        record = compile_selection(packed).record
        _, steps = selection.prepare(record, problem.make_scores(), **problem.options())
        for step in steps:
            for argument in step.kernel["arguments"]:
                known = step.arrays if argument["type"] == "ptr" else step.scalars
                assert argument["name"] in known


@pytest.mark.parametrize("packed", [False, True], ids=["whole", "packed"])
def test_workspace(packed: bool) -> None:
    """At most 84 bytes for each key and score head, and a constant."""
    record = compile_selection(packed).record
    rng = np.random.default_rng(0)
    lengths = {n for log2 in range(1, 14) for n in (2**log2 - 1, 2**log2, 2**log2 + 1)}
    lengths |= set(map(int, 2 ** rng.uniform(13, 19, 9))) | {1, 1 << 17, (1 << 17) + 1, 1 << 20}
    for keys in sorted(lengths):
        made = selection.plan(
            record, (1, 1, keys), topk=5, window=3, sequences=1 if packed else None
        )
        sizes = {name: array.nbytes for name, array in made.workspace.items()}
        # Where the table has been, what is written later takes its place.
        table = sum(map(sizes.pop, ("bucket_counts", "bucket_sums")))
        later = sum(
            map(sizes.pop, ("theta_counts", "counts0", "counts1", "sums0", "sums1", "thetas"))
        )
        assert sum(sizes.values()) + max(table, later) + 4 * keys <= 84 * keys + 2048, keys


# --------------------------------------------------------------------------------------------------
# What ptxas makes of it
# --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(find_ptxas() is None, reason="ptxas is neither on PATH nor in CUDA_HOME")
@pytest.mark.parametrize("chip", ["sm_90a", "sm_80"])
@pytest.mark.parametrize("packed", [False, True], ids=["whole", "packed"])
def test_resources(packed: bool, chip: str, tmp_path: Path) -> None:
    """The launches fit, without spills but for a few words."""
    compiled = compile_selection(packed, chip)
    report, resources = assemble(compiled.ptx, chip, tmp_path)
    assert "warning" not in report, report
    for kernel in compiled.record["kernels"]:
        used = resources[kernel["name"]]
        # ptxas takes 64 registers where two blocks then fit a multiprocessor.
        assert used.spilled_bytes <= (40 if used.registers in (64, 72) else 0), report
        assert fits(kernel, used, chip)


def test_compiling_is_fast(capsys: pytest.CaptureFixture[str]) -> None:
    """From tensors to PTX in a fresh process; the bound allows for a busy machine."""
    compile_selection.cache_clear()
    seconds = min(compile_selection(packed).seconds for packed in (False, True))
    with capsys.disabled():
        print(f"\ncold compile, selection, to PTX: {seconds:.2f} s")
    assert seconds < 10
