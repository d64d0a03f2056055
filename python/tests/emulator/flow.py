# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Control flow: branches, exits, and where divergent lanes meet again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import EmulatorError, PtxSyntaxError
from .program import BLOCKED, EXIT, YIELD, Decoder, Program, Step, op

if TYPE_CHECKING:
    from .warp import Warp

__all__ = ["BLOCKED", "EXIT", "YIELD", "reconvergence_points"]


def _label(d: Decoder, name: str) -> int:
    target = d.statement.scope.label(name)
    if target is None:
        raise PtxSyntaxError(f"line {d.statement.line}: no label '{name}'")
    return target


def _successors(program: Program, pc: int) -> list[int]:
    statement = program.statements[pc]
    name = statement.op.split(".")[0]
    following = [pc + 1] if statement.predicate else []
    if name == "bra":
        return [statement.scope.label(statement.operands[0]), *following]  # type: ignore[list-item]
    if name == "brx":
        labels = statement.scope.branch_targets(statement.operands[1]) or []
        return [statement.scope.label(x) for x in labels] + following  # type: ignore[misc]
    if name in ("ret", "exit", "trap"):
        return [len(program.statements), *following]
    return [pc + 1]


def reconvergence_points(program: Program) -> dict[int, int]:
    """Statement of a branch -> first statement of its immediate post-dominator."""
    n = len(program.statements)
    leaders, ends = {0, n}, []
    nexts_of = {}
    for pc in range(n):
        nexts = _successors(program, pc)
        if nexts != [pc + 1]:
            nexts_of[pc] = nexts
            leaders.update(nexts)
            leaders.add(pc + 1)
    starts = sorted(leaders)
    block = {pc: k for k, pc in enumerate(starts)}
    ends = [s - 1 for s in starts[1:]]
    count = len(starts)
    nexts = [[block[t] for t in nexts_of.get(e, [e + 1])] for e in ends] + [[]]
    everything = (1 << count) - 1
    post = [everything] * count
    post[count - 1] = 1 << (count - 1)
    changed = True
    while changed:
        changed = False
        for k in range(count - 2, -1, -1):
            new = everything
            for t in nexts[k]:
                new &= post[t]
            new |= 1 << k
            if new != post[k]:
                post[k], changed = new, True
    joins = {}
    for k, end in enumerate(ends):
        if end in nexts_of and len(nexts[k]) > 1:
            others = post[k] & ~(1 << k)
            # The nearest post-dominator is post-dominated by all the others.
            nearest = max(
                (t for t in range(count) if others >> t & 1), key=lambda t: post[t].bit_count()
            )
            joins[end] = starts[nearest]
    return joins


@op("bra")
def branch(d: Decoder) -> Step:
    d.modifiers(["uni"])
    target, pc = _label(d, d.args[0]), d.pc
    if not d.statement.predicate:
        return lambda w: target
    d.consumes_predicate = True
    guard, negated, program = d.guard(), d.statement.negated, d.program

    def run(w: Warp) -> int | None:
        p = w.rows[guard]
        taken = w.mask & ~p if negated else w.mask & p
        count = np.count_nonzero(taken)
        if count == 0:
            return None
        if count == w.lanes:
            return target
        return w.diverge(taken, target, pc + 1, program.reconverge[pc])

    return run


@op("brx.idx")
def branch_indexed(d: Decoder) -> Step:
    labels = d.statement.scope.branch_targets(d.args[1])
    if labels is None:
        raise PtxSyntaxError(f"line {d.statement.line}: no .branchtargets '{d.args[1]}'")
    targets = [_label(d, x) for x in labels]
    index, pc, program = d.source(0, np.uint32), d.pc, d.program

    def run(w: Warp) -> int:
        chosen = np.unique(w.rows[index][w.mask])
        if chosen[-1] >= len(targets):
            raise EmulatorError(f"index {chosen[-1]} into {len(targets)} branch targets")
        if len(chosen) == 1:
            return targets[chosen[0]]
        groups = [(w.mask & (w.rows[index] == v), targets[v]) for v in chosen]
        return w.split(groups, program.reconverge[pc])

    return run


@op("ret", "exit")
def leave(d: Decoder) -> Step:
    d.modifiers(["uni"])
    if not d.statement.predicate:
        return lambda w: w.leave(w.mask)
    d.consumes_predicate = True
    guard, negated = d.guard(), d.statement.negated

    def run(w: Warp) -> int | None:
        p = w.rows[guard]
        return w.leave(w.mask & ~p if negated else w.mask & p)

    return run


@op("trap", "brkpt")
def trap(d: Decoder) -> Step:
    def run(w: Warp) -> None:
        raise EmulatorError("a trap was executed")

    return run
