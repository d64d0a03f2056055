# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The PTX of gathered attention, run by the emulator, against the float64 oracle.

Cases are small: a tile or a few, each list longer than one slot where it matters. What the lengths
cannot show without a GPU, and all larger sizes, are in `python/tests/gpu`.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import emulator
from compiled_kernels import Problem, Variant, check, compile_kernels, launch, make_inputs
from ptxas import REGISTERS, assemble, find_ptxas, fits

pytestmark = pytest.mark.skipif(
    shutil.which("sparsek-opt") is None, reason="sparsek-opt is not in PATH"
)

GATES = ("none", "value", "key_value", "straight_through")


def named(cases: dict[str, tuple]) -> pytest.MarkDecorator:
    """One test for every entry of name -> (variant, problem)."""
    return pytest.mark.parametrize(("variant", "problem"), cases.values(), ids=cases.keys())


# --------------------------------------------------------------------------------------------------
# What is compiled in
# --------------------------------------------------------------------------------------------------


def shape(
    dtype: str, head_size: int, value_size: int, heads: int, key_heads: int, gate: str, **more: int
) -> Variant:
    return Variant(dtype, head_size, value_size, heads, key_heads, gate=gate, **more)


@named(
    {
        "d8-g1-f16": (shape("f16", 8, 8, 2, 2, "value"), Problem(keys=130)),
        "d64-g3-f16": (shape("f16", 64, 64, 6, 2, "key_value"), Problem(keys=60)),
        "d64-g130": (shape("bf16", 64, 64, 130, 1, "none"), Problem(keys=5, topk=2, window=2)),
        "d72-dv40-g4": (shape("bf16", 72, 40, 4, 1, "key_value"), Problem()),
        "d80-dv128-g1": (shape("bf16", 80, 128, 1, 1, "key_value"), Problem(keys=150)),
        "d96-dv64-g5": (shape("bf16", 96, 64, 10, 2, "none"), Problem(keys=40)),
        "d8-dv256-g7-f16": (shape("f16", 8, 256, 7, 1, "value"), Problem(keys=40)),
        "d128-g4-hs2": (
            shape("bf16", 128, 128, 8, 2, "key_value", score_heads=2),
            Problem(batch=2, rows=20, keys=90),
        ),
        "d128-g12": (shape("bf16", 128, 128, 12, 1, "none"), Problem(keys=25)),
        "d256-g4": (shape("bf16", 256, 256, 4, 1, "key_value"), Problem()),
        "d256-g1": (shape("bf16", 256, 256, 1, 1, "none"), Problem(keys=140)),
    }
)
def test_shapes(variant: Variant, problem: Problem) -> None:
    check(variant, problem)


@named(
    {
        "d8-g1-f16": (shape("f16", 8, 8, 2, 2, "value"), Problem(keys=130)),
        "d64-g3-f16": (shape("f16", 64, 64, 6, 2, "key_value"), Problem(keys=60)),
        "d80-dv128-g1": (shape("bf16", 80, 128, 1, 1, "key_value"), Problem(keys=150)),
        "d72-dv40-g4": (shape("bf16", 72, 40, 4, 1, "none"), Problem()),
        "d96-dv64-g5": (shape("bf16", 96, 64, 10, 2, "none"), Problem(keys=40)),
        "d128-g4-hs2": (
            shape("bf16", 128, 128, 8, 2, "key_value", score_heads=2),
            Problem(batch=2, rows=20, keys=90, strided=True),
        ),
        "d128-g130": (shape("f16", 128, 128, 130, 1, "none"), Problem(keys=5, topk=2, window=2)),
        "d8-dv256-g7-f16": (shape("f16", 8, 256, 7, 1, "value"), Problem(keys=40)),
        "d256-g4": (shape("bf16", 256, 256, 4, 1, "key_value"), Problem()),
        "one-key": (Variant(), Problem(keys=1)),
        "one-row": (Variant(), Problem(rows=1, keys=150)),
        "special-sink": (Variant(sink=True), Problem(scores="special", window=0)),
        "packed-sink": (
            Variant(query_heads=4, key_heads=1, packed=True, sink=True),
            Problem(keys=150, cu_seqlens=(0, 1, 1, 60, 61, 130, 150)),
        ),
        "several-slots": (
            Variant(head_size=64, value_size=64),
            Problem(keys=420, rows=70, topk=150, window=170, chunk_log2=5),
        ),
    }
)
def test_portable_shapes(variant: Variant, problem: Problem) -> None:
    """By products of single warps, for every chip."""
    check(dataclasses.replace(variant, chip="sm_80"), problem)


@pytest.mark.parametrize("chip", ["sm_86", "sm_90", "sm_100", "sm_120"])
@pytest.mark.parametrize("size", [128, 256])
def test_portable_chips(chip: str, size: int) -> None:
    """Their shared memory differs, and with it the rings."""
    check(Variant(head_size=size, value_size=size, chip=chip), Problem(keys=150))


@pytest.mark.parametrize("schedule",
    [
        "keys=128,rows=64", "rows=64", "rows=192", "masks=always", "gates=always,rows=128",
        "consumer_rows=128", "rows=256,consumer_rows=128",
    ],
)  # fmt: skip
def test_portable_schedules(schedule: str) -> None:
    """consumer_rows=128: a warp has two tiles of 16 rows instead of one."""
    problem = Problem(rows=70, keys=130, topk=60, window=60, chunk_log2=5)
    check(Variant(schedule=schedule, chip="sm_80"), problem)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("scores", ["normal", "special"])
def test_gates(gate: str, scores: str) -> None:
    """In both the sink is there, with rows that see nothing but it too (special, w = 0)."""
    window = 0 if scores == "special" else 30
    check(Variant(gate=gate, sink=True), Problem(scores=scores, window=window))


@pytest.mark.parametrize("gate", ["none", "key_value"])
@pytest.mark.parametrize(
    "problem",
    [
        Problem(keys=150, cu_seqlens=(0, 1, 1, 60, 61, 130, 150)),
        Problem(keys=120, window=0, cu_seqlens=(0, 0, 50, 50, 120, 120)),
        Problem(keys=160, cu_seqlens=(0, 120, 160), chunk_log2=5),
        Problem(keys=70, topk=64, window=64, cu_seqlens=(0, 33, 70), scores="special"),
    ],
    ids=["tiles-straddle", "no-window", "chunks", "short"],
)
def test_packed(problem: Problem, gate: str) -> None:
    check(Variant(query_heads=4, key_heads=1, gate=gate, packed=True, sink=gate == "none"), problem)


@pytest.mark.parametrize(
    "schedule",
    [
        "keys=64", "rows=64", "rows=128", "rows=256", "overlap=false", "ping_pong=false,rows=128",
        "masks=always", "gates=always", "masks=always,gates=always,overlap=false",
        "query_slots=1", "list_slots=2", "key_slots=4,value_slots=1", "persistent=false",
    ],
)  # fmt: skip
def test_schedules(schedule: str) -> None:
    """Overrides change how, not what."""
    check(Variant(schedule=schedule), Problem(rows=70, keys=130, topk=60, window=60, chunk_log2=5))


@pytest.mark.parametrize(("rows", "size"), [(192, 64), (256, 64)])
def test_more_consumers(rows: int, size: int) -> None:
    check(Variant(head_size=size, value_size=size, schedule=f"rows={rows}"), Problem())


# Whole items whose windows are longer than they are: the edges come first, and are skipped.
WITH_EDGES = Problem(keys=600, topk=60, window=300, chunk_log2=6)


@pytest.mark.parametrize("gate", ["none", "key_value"])
@pytest.mark.parametrize(
    ("size", "schedule"),
    [
        (64, ""), (128, ""), (256, ""), (64, "rows=192,overlap=false"),
        (64, "rows=128,keys=64,ping_pong=false"), (64, "skip_edges=false"),
    ],
)  # fmt: skip
def test_edges(size: int, schedule: str, gate: str) -> None:
    variant = Variant(
        head_size=size, value_size=size, query_heads=1, key_heads=1, gate=gate, schedule=schedule
    )
    check(variant, WITH_EDGES)


@pytest.mark.parametrize("size", [64, 128])
def test_portable_edges(size: int) -> None:
    variant = Variant(
        head_size=size, value_size=size, query_heads=1, key_heads=1, chip="sm_80"
    )
    check(variant, WITH_EDGES)


@pytest.mark.parametrize("together", [1, 2, 4])
def test_columns_together(together: int) -> None:
    variant = Variant(query_heads=4, key_heads=2)
    problem = Problem(batch=2, rows=140, keys=140)
    check(variant, problem, together=together, sm_count=3)


def test_three_consumers_with_narrow_queries() -> None:
    check(Variant(head_size=16, value_size=96, schedule="rows=192"), Problem())


# --------------------------------------------------------------------------------------------------
# What is an argument
# --------------------------------------------------------------------------------------------------


BOTH = ("none", "key_value")
ARGUMENTS = {
    "one-key": (BOTH, 4, Problem(keys=1)),
    "one-row": (BOTH, 4, Problem(rows=1, keys=150)),
    "few-rows": (("key_value",), 4, Problem(rows=33, keys=150, batch=2)),
    "all-selected": (BOTH, 4, Problem(topk=200)),
    "no-window": (BOTH, 4, Problem(window=0)),
    "window-of-all": (("none",), 4, Problem(window=100)),
    "smallest-budget": (("key_value",), 4, Problem(topk=1, window=1)),
    "ties": (BOTH, 4, Problem(scores="ties")),
    "equal": (("key_value",), 4, Problem(scores="equal", window=5)),
    "special": (BOTH, 4, Problem(scores="special")),
    "special-no-window": (("none",), 4, Problem(scores="special", window=0)),
    "several-slots": (BOTH, 2, Problem(keys=420, rows=70, topk=150, window=170, chunk_log2=5)),
    "chunks": (("none",), 2, Problem(keys=330, topk=40, window=20, chunk_log2=4)),
    "chunk-not-at-a-tile": (
        ("key_value",),
        3,
        Problem(keys=200, rows=130, topk=40, window=20, chunk_log2=5),
    ),
    "scale": (("key_value",), 4, Problem(scale=2.5)),
    "strided": (("key_value",), 4, Problem(batch=2, keys=45, strided=True)),
}


@pytest.mark.parametrize(
    ("name", "gate"), [(name, gate) for name, (gates, _, _) in ARGUMENTS.items() for gate in gates]
)
def test_arguments(name: str, gate: str) -> None:
    _, query_heads, problem = ARGUMENTS[name]
    check(Variant(query_heads=query_heads, key_heads=1, gate=gate), problem)


def test_any_order_of_warps_gives_the_same_bits() -> None:
    variant = Variant(schedule="keys=64")
    problem = Problem(keys=130, topk=60, window=60)
    inputs = make_inputs(variant, problem)
    first, second = (
        tuple(a.tobytes() for a in launch(variant, problem, inputs, seed=seed, sm_count=1 + seed))
        for seed in range(2)
    )
    assert first == second


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["random", "negative", "forever"])
def test_any_expiry_is_safe(kind: str, packed: bool) -> None:
    """Whatever `expiry` says, the kernels stay inside their buffers, end, and write every row."""
    variant = Variant(packed=packed)
    cu_seqlens = (0, 60, 130) if packed else None
    problem = Problem(keys=130, topk=30, window=40, chunk_log2=5, cu_seqlens=cu_seqlens)
    inputs = make_inputs(variant, problem)
    rng = np.random.default_rng(1)
    limits = np.iinfo(np.int32)
    low, high = {
        "random": (limits.min, limits.max),
        "negative": (limits.min, -1),
        "forever": (limits.max - 1, limits.max),
    }[kind]
    expiry = rng.integers(low, high, inputs.arrays[5].shape, np.int32, endpoint=True)
    changed = dataclasses.replace(inputs, arrays=(*inputs.arrays[:5], expiry))
    o, lse = launch(variant, problem, changed)
    # The window is not empty, so every row has a finite denominator.
    assert np.isfinite(lse).all() and np.isfinite(o.astype(np.float32)).all()


# --------------------------------------------------------------------------------------------------
# What a broken program gives
# --------------------------------------------------------------------------------------------------

# Between them the problems execute every synchronisation, reuse every slot and fill every ring.
MUTATED = Variant(
    head_size=8, value_size=8, query_heads=2, key_heads=1, schedule="rows=128,keys=64"
)
PORTABLE = dataclasses.replace(MUTATED, chip="sm_80")  # products of single warps
PROBLEMS = (
    Problem(keys=200, topk=60, window=60),
    Problem(rows=200, keys=500, topk=150, window=150, chunk_log2=5),
    # Logits of hundreds: maxima rise in the middle of an item.
    Problem(keys=200, topk=60, window=60, scale=40.0),
)
# What may go unnoticed: instruction -> how many, and why they change nothing.
HARMLESS = {
    # Four slots are released right after wgmma.wait_group, at which the lanes have met and before
    # which the product, not the lanes, has read the slot, and that of the queries after the loop
    # of such products. And the first iteration of listing the rest of the window, which LLVM peels,
    # may publish a slot that was filled by the survivors: the barrier after these has ordered it.
    # One more orders nothing: it keeps ptxas from predicating the branch that scales the output.
    "bar.warp.sync": 7,
    # The values of the slot before: the warps that have copied the keys of this slot copied them
    # earlier, and an arrival of copies waits for all copies before it.
    "mbarrier.try_wait": 1,
    # Of two products that are issued together: the registers of the second one's accumulator were
    # last written before the first one's fence.
    "wgmma.fence": 1,
}
HARMLESS_PORTABLE = {
    # The release of keys after their product, in which the lanes meet; and the last release of an
    # item, of its queries, which comes right after one of values. And the one of the branch that
    # scales the output.
    "bar.warp.sync": 3,
    # Four slots of keys, two of values: where the values of slot n - 1 may be copied, those of
    # n - 3 have been used, and the keys of n - 4 long before.
    "mbarrier.test_wait.parity.shared.b64": 1,
}
GROUPS = ("bar.warp", "bar.", "mbarrier.try_wait", "mbarrier.arrive", "cp.async", "fence", "wgmma")


@pytest.mark.parametrize("variant", [MUTATED, PORTABLE], ids=["sm_90a", "sm_80"])
def test_all_synchronisations_are_executed(variant: Variant) -> None:
    executed: dict[str, set[int]] = {"survivors": set(), "attention": set()}
    for problem in PROBLEMS:
        check(variant, problem, sm_count=1, executed=executed)
    for kernel, numbers in executed.items():
        code = emulator.synchronisations(emulator.program(compile_kernels(variant).ptx, kernel))
        assert not [text for number, text in code.items() if number not in numbers]


def opcode(text: str) -> str:
    """Of a statement as `synchronisations` describes it: line N `[@predicate] opcode operands`."""
    words = text.split("`")[1].split()
    return words[1] if words[0].startswith("@") else words[0]


@pytest.mark.parametrize("group", GROUPS)
def test_no_synchronisation_is_superfluous(group: str) -> None:
    """Without any one of them some check of the emulator, or the numbers, show it."""
    code = emulator.program(compile_kernels(MUTATED).ptx, "attention")

    def attempt(number: int) -> None:
        name = opcode(emulator.synchronisations(code)[number])
        if next(g for g in GROUPS if name.startswith(g)) != group:
            raise AssertionError("left to another group")
        for problem in PROBLEMS:
            check(MUTATED, problem, sm_count=1, omit={"attention": number})

    missed = emulator.undetected(code, attempt)
    names = [opcode(text) for text in missed]
    counts = {name: sum(n.startswith(name) for n in names) for name in HARMLESS}
    expected = {
        name: count if name.startswith(group) and group != "bar." else 0
        for name, count in HARMLESS.items()
    }
    assert counts == expected and len(missed) == sum(expected.values()), missed


def test_no_portable_synchronisation_is_superfluous() -> None:
    code = emulator.program(compile_kernels(PORTABLE).ptx, "attention")

    def attempt(number: int) -> None:
        for problem in PROBLEMS:
            check(PORTABLE, problem, sm_count=1, omit={"attention": number})

    missed = emulator.undetected(code, attempt)
    names = [opcode(text) for text in missed]
    assert {name: names.count(name) for name in set(names)} == HARMLESS_PORTABLE, missed


def test_no_synchronisation_of_edges_is_superfluous() -> None:
    """What runs only where edges come first: publishing their slots, and skipping them."""
    variant = dataclasses.replace(MUTATED, key_heads=2)
    with_edges, without = Problem(keys=400, topk=60, window=200), Problem(keys=200)
    code = emulator.program(compile_kernels(variant).ptx, "attention")
    executed: dict[int, set[int]] = {}
    for problem in (with_edges, without):
        executed[problem.keys] = set()
        check(variant, problem, sm_count=1, executed={"attention": executed[problem.keys]})
    own = executed[with_edges.keys] - executed[without.keys]

    def attempt(number: int) -> None:
        if number not in own:
            raise AssertionError("left to the tests above")
        for seed in range(8):
            check(variant, with_edges, sm_count=1, omit={"attention": number}, seed=seed)

    missed = emulator.undetected(code, attempt)
    # At both places that skip: waits for keys, as whose turn it was has released what was in the
    # slot before (they matter without turns); and twice that the lanes meet, which they do here.
    assert sorted(map(opcode, missed)) == [
        *["bar.warp.sync"] * 4, *["mbarrier.try_wait.parity.shared.b64"] * 2
    ], missed  # fmt: skip
    assert len(own) > 10


def test_the_other_kernel_needs_its_barrier() -> None:
    code = emulator.program(compile_kernels(MUTATED).ptx, "survivors")

    def attempt(number: int) -> None:
        check(MUTATED, PROBLEMS[1], sm_count=1, omit={"survivors": number})

    assert emulator.synchronisations(code) and not emulator.undetected(code, attempt)


# --------------------------------------------------------------------------------------------------
# What ptxas makes of it
# --------------------------------------------------------------------------------------------------

@pytest.mark.skipif(find_ptxas() is None, reason="ptxas is neither on PATH nor in CUDA_HOME")
@pytest.mark.parametrize("chip", ["sm_90a", "sm_80", "sm_86", "sm_120"])
@pytest.mark.parametrize("gate", ["none", "key_value"])
@pytest.mark.parametrize("group", [1, 4])
@pytest.mark.parametrize("size", [64, 128, 256])
def test_resources(size: int, group: int, gate: str, chip: str, tmp_path: Path) -> None:
    """No spills for Hopper, no products put in sequence, the launch fits."""
    variant = Variant(
        head_size=size, value_size=size, query_heads=8, key_heads=8 // group, gate=gate, chip=chip
    )
    compiled = compile_kernels(variant)
    report, resources = assemble(compiled.ptx, chip, tmp_path)
    # C7508 to C7519 tell that the products of a function are put in sequence, and why.
    assert not re.search(r"C75\d\d|serializ|warning", report), report
    for kernel in compiled.record["kernels"]:
        used = resources[kernel["name"]]
        # The warps of the portable form, whose registers do not move to the consumers, spill a
        # few, and more where LLVM keeps numbers in pairs for packed arithmetic.
        limit = {"sm_90a": 0, "sm_120": 288}.get(chip, 128)
        assert used.spilled_bytes <= limit, report
        assert fits(kernel, used, chip)
        if kernel["name"] == "attention" and chip == "sm_90a":
            # All of them, for setmaxnreg to share out.
            assert used.registers == REGISTERS // kernel["threads"] // 8 * 8


def test_compiling_is_fast(capsys: pytest.CaptureFixture[str]) -> None:
    """From tensors to PTX in a fresh process; the bound allows for a busy machine."""
    compile_kernels.cache_clear()
    variants = [Variant(head_size=128, value_size=128, gate=gate) for gate in ("none", "key_value")]
    seconds = min(compile_kernels(variant).seconds for variant in variants)
    with capsys.disabled():
        print(f"\ncold compile, D = 128, to PTX: {seconds:.2f} s")
    assert seconds < 5
