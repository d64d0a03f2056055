# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tile programs of gathered attention, interpreted, against the float64 oracle."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Sequence

import numpy as np
import oracle
import pytest
from tile_interpreter.agents import TileError
from tile_interpreter.kernels import PASSES, Variant, compile_kernels, launch, make_inputs
from tile_interpreter.syntax import Block, Op

pytestmark = pytest.mark.skipif(
    shutil.which("sparsek-opt") is None, reason="sparsek-opt is not in PATH"
)


@dataclasses.dataclass
class Sizes:
    """By default a tile of 64 positions has lists of up to 200 keys: several slots."""

    batch: int = 1
    rows: int = 260
    keys: int = 260
    topk: int = 60
    window: int = 80


def check(
    kernels: dict[str, Op],
    variant: Variant,
    sizes: Sizes,
    seed: int = 0,
    cu_seqlens: Sequence[int] | None = None,
    **options: int,
) -> None:
    """Runs the kernels and compares with the oracle. options: those of `launch`."""
    q, k, v, u = make_inputs(variant, sizes.batch, sizes.rows, sizes.keys, seed)
    sink = None
    if variant.sink:
        sink = np.linspace(-1, 1, variant.query_heads).astype(np.float32)
    budget = {"topk": sizes.topk, "window": sizes.window}
    selection = oracle.select(u, **budget, cu_seqlens=cu_seqlens)
    o, lse = launch(
        kernels, q, k, v, u, selection.tau, selection.expiry, **budget,
        scale=variant.head_size**-0.5, sink=sink, cu_seqlens=cu_seqlens, seed=seed, **options,
    )  # fmt: skip
    expected_o, expected_lse = oracle.attention(
        q, k, v, u, **budget, gate=variant.gate, sink=sink, cu_seqlens=cu_seqlens
    )
    np.testing.assert_allclose(lse, expected_lse, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(o.astype(np.float64), expected_o, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("schedule", ["", "overlap=false", "rows=64", "rows=192", "rows=256", "keys=64", "key_slots=5,value_slots=1"])
@pytest.mark.parametrize("gate", ["none", "value", "key_value"])
def test_gates_and_schedules(gate: str, schedule: str) -> None:
    variant = Variant(gate=gate, schedule=schedule)
    passes = [
        name
        for name in PASSES
        if not (name == "--tile-overlap" and schedule == "overlap=false")
    ]
    check(compile_kernels(variant, passes), variant, Sizes())


@pytest.mark.parametrize("schedule", ["", "rows=64", "consumer_rows=64"])
@pytest.mark.parametrize("chip", ["sm_80", "sm_120"])
def test_portable_programs(chip: str, schedule: str) -> None:
    """Other chips have less memory and no overlap, and consumers of 128 rows."""
    variant = Variant(chip=chip, schedule=schedule, sink=True)
    check(compile_kernels(variant), variant, Sizes())


@pytest.mark.parametrize("passes", [PASSES[:0], PASSES[:1], PASSES[:2], PASSES[:3], PASSES])
def test_every_stage(passes: Sequence[str]) -> None:
    """The program means the same after every pass."""
    variant = Variant(sink=True)
    check(compile_kernels(variant, passes), variant, Sizes())


def test_canonical_form() -> None:
    variant = Variant()
    passes = [name for split in PASSES for name in (split, "--canonicalize", "--cse")]
    check(compile_kernels(variant, passes), variant, Sizes())


@pytest.mark.parametrize(
    "variant",
    [
        Variant(dtype="f16", query_heads=3, key_heads=1),
        Variant(query_heads=130, key_heads=1, head_size=8, value_size=8),
        Variant(query_heads=4, key_heads=4, score_heads=4, sink=True),
        Variant(head_size=8, value_size=256, query_heads=5, key_heads=1, gate="value"),
    ],
)
def test_shapes(variant: Variant) -> None:
    check(compile_kernels(variant), variant, Sizes(batch=2, rows=40, keys=190))


@pytest.mark.parametrize(
    "sizes",
    [
        Sizes(rows=1, keys=1),
        Sizes(rows=150, keys=150, topk=200),
        Sizes(window=0),
        Sizes(window=300),
        Sizes(rows=5, keys=300),
        Sizes(topk=3, window=2),
    ],
)
@pytest.mark.parametrize("gate", ["none", "key_value"])
def test_sizes(sizes: Sizes, gate: str) -> None:
    variant = Variant(gate=gate)
    check(compile_kernels(variant), variant, sizes)


def test_packed_documents() -> None:
    variant = Variant(packed=True, sink=True)
    check(
        compile_kernels(variant), variant, Sizes(), cu_seqlens=[0, 40, 40, 41, 230, 260]
    )


# A row is a position: consumers skip slots with edges of the window.
EDGES = Variant(query_heads=2, key_heads=2, score_heads=2)


@pytest.mark.parametrize(
    "schedule",
    [
        "", "rows=128,keys=64", "rows=256", "ping_pong=false",
        "list_slots=3,key_slots=3,value_slots=3", "overlap=false",
        "overlap=false,list_slots=1,key_slots=1,value_slots=1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("beyond", [150, 3, 2, 1, 0])
def test_edges(beyond: int, schedule: str) -> None:
    """Windows so many keys longer than an item: of two on the edges come first."""
    variant = dataclasses.replace(EDGES, schedule=schedule)
    passes = [name for name in PASSES if "overlap=false" not in schedule or "overlap" not in name]
    kernels = compile_kernels(variant, passes)
    assert any(op.name == "tile.skip" for op in kernels["attention"].regions[0].walk())
    positions = int(re.findall(r"\d+", kernels["attention"].attributes["row_map"])[0])
    window = positions + beyond
    check(kernels, variant, Sizes(rows=700, keys=700, topk=1, window=window))
    check(kernels, variant, Sizes(rows=500, keys=900, window=window))


@pytest.mark.parametrize("chip", ["sm_80", "sm_120"])
def test_portable_edges(chip: str) -> None:
    variant = dataclasses.replace(EDGES, chip=chip)
    check(compile_kernels(variant), variant, Sizes(rows=700, keys=700, window=400))


@pytest.mark.parametrize("together", [1, 2, 3, 6])
@pytest.mark.parametrize("blocks", [1, 4, 7])
def test_every_item_has_a_block(blocks: int, together: int) -> None:
    """Six columns, of which so many are worked on at a time, in rounds of so many blocks."""
    variant = Variant(query_heads=6, key_heads=3, schedule="rows=64,keys=64")
    sizes = Sizes(batch=2, rows=150, keys=150, topk=10, window=20)
    check(compile_kernels(variant), variant, sizes, blocks=blocks, together=together)


def test_any_order_of_agents() -> None:
    variant = Variant()
    kernels = compile_kernels(variant)
    for seed in range(10):
        check(kernels, variant, Sizes(), seed=seed)


# --------------------------------------------------------------------------------------------------
# What a broken program gives
# --------------------------------------------------------------------------------------------------

SYNCHRONISATION = ("acquire", "release", "reserve", "commit", "skip", "turn")


def blocks(kernel: Op) -> list[Block]:
    """All blocks of a kernel."""
    nested = [op for op in kernel.regions[0].walk() if op.regions]
    return [*kernel.regions, *(region for op in nested for region in op.regions)]


@pytest.mark.parametrize(
    ("variant", "count", "idle"),
    [
        (Variant(schedule="rows=128,keys=64"), 25, 0),
        (Variant(schedule="rows=192"), 25, 0),
        (Variant(schedule="rows=192,ping_pong=false"), 20, 0),
        # What skips slots after the first one, ahead of the loop, never does: that is an edge that
        # others follow.
        (dataclasses.replace(EDGES, schedule="rows=128,keys=64"), 28, 1),
    ],
    ids=["two-consumers", "three-consumers", "without-turns", "edges"],
)
def test_no_synchronisation_is_superfluous(variant: Variant, count: int, idle: int) -> None:
    """Without any one of them a rule is broken or the block stops."""
    has_edges = variant.query_heads == variant.key_heads
    sizes = Sizes(rows=520, keys=520, window=200) if has_edges else Sizes()
    kernels = compile_kernels(variant)
    names = [f"tile.{name}" for name in SYNCHRONISATION]
    tried, missed = 0, []
    for block in blocks(kernels["attention"]):
        for i, op in enumerate(list(block.ops)):
            if op.name not in names:
                continue
            tried += 1
            block.ops.pop(i)
            try:
                check(kernels, variant, sizes)
                missed.append(op.name)
            except TileError:
                pass
            block.ops.insert(i, op)
    assert (tried, missed) == (count, ["tile.skip"] * idle)


def test_early_use_of_a_product() -> None:
    kernels = compile_kernels(Variant())
    loose = [
        op
        for op in kernels["attention"].regions[0].walk()
        if op.name == "tile.wait" and op.integer("outstanding", 0) == 1
    ]
    assert len(loose) == 1
    loose[0].attributes["outstanding"] = "2 : i64"
    with pytest.raises(TileError, match="tile.wait: takes the result of a product that is still"):
        check(kernels, Variant(), Sizes())


def test_release_before_the_product_ends() -> None:
    kernels = compile_kernels(Variant())
    for block in blocks(kernels["attention"]):
        for i, op in enumerate(block.ops):
            if op.name == "tile.wait" and block.ops[i + 1].name == "tile.release":
                block.ops[i : i + 2] = [block.ops[i + 1], op]
                break
    with pytest.raises(TileError, match="tile.mma_nt: reads .* without having acquired it"):
        check(kernels, Variant(), Sizes())


@pytest.mark.parametrize("name", ["tile.mask", "tile.gate"])
def test_masks_and_gates_matter(name: str) -> None:
    """Without them the numbers are wrong."""
    kernels = compile_kernels(Variant())
    for op in kernels["attention"].regions[0].walk():
        if op.name == "scf.if" and op.regions[0].ops[0].name == name:
            op.regions[0] = op.regions[1]
    with pytest.raises(AssertionError):
        check(kernels, Variant(), Sizes())
