# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The emulator's control flow, memory, launches and refusals, on handwritten PTX."""

from __future__ import annotations

import numpy as np
import pytest

from emulator import LaunchError, PtxSyntaxError, UnsupportedInstruction, launch
from emulator import run as run_record
from emulator_ptx import integers, module, run, same

U8, I16, I32, F32 = np.uint8, np.int16, np.int32, np.float32


def test_divergent_loops_and_nested_branches():
    body = """
      mov.b32 %r1, 0; mov.b32 %r2, 0;
    LOOP:
      setp.ge.u32 %p1, %r1, %r0; @%p1 bra DONE;
      and.b32 %r3, %r1, 1; setp.eq.s32 %p2, %r3, 0; @%p2 bra EVEN;
      add.s32 %r2, %r2, 100; bra.uni NEXT;
    EVEN: add.s32 %r2, %r2, 1;
    NEXT: add.s32 %r1, %r1, 1; bra LOOP;
    DONE:
      mul.wide.u32 %d2, %r0, 4; add.s64 %d3, %d0, %d2; st.global.b32 [%d3], %r2;
      setp.gt.u32 %p3, %r0, 15; @%p3 ret;
      st.global.b32 [%d3+128], %r0;
    """
    out = np.full(64, -1, I32)
    run(body, out)
    n = np.arange(32)
    same(out[:32], (n + 1) // 2 + n // 2 * 100)
    same(out[32:], np.where(n < 16, n, -1))


def test_branch_tables():
    body = """
      and.b32 %r1, %r0, 3;
      TABLE: .branchtargets A, B, C, A;
      brx.idx %r1, TABLE;
    A: mov.b32 %r2, 10; bra JOIN;
    B: mov.b32 %r2, 20; bra JOIN;
    C: mov.b32 %r2, 30;
    JOIN: mul.wide.u32 %d2, %r0, 4; add.s64 %d3, %d0, %d2; st.global.b32 [%d3], %r2;
    """
    out = np.zeros(32, I32)
    run(body, out)
    same(out, np.array([10, 20, 30, 10])[np.arange(32) % 4])


def test_scopes_of_inline_assembly():
    body = """
      { .reg .b32 t; mov.b32 t, 7; L: add.s32 %r1, t, %r0; }
      { .reg .b32 t; mov.b32 t, 9; bra L; mov.b32 t, 1; L: add.s32 %r2, t, %r1; }
      mul.wide.u32 %d2, %r0, 4; add.s64 %d3, %d0, %d2; st.global.b32 [%d3], %r2;
    """
    out = np.zeros(32, I32)
    run(body, out)
    same(out, np.arange(32) + 16)


def test_vectors_bytes_and_strided_arrays():
    body = """
      mul.wide.u32 %d2, %r0, 16; add.s64 %d3, %d0, %d2;
      ld.global.nc.L1::no_allocate.v4.b32 {%r1, %r2, %r3, %r4}, [%d3];
      mul.wide.u32 %d4, %r0, 32; add.s64 %d5, %d1, %d4;
      st.global.v2.b32 [%d5], {%r4, %r1}; st.global.v2.b32 [%d5+8], {%r2, %r3};
      ld.global.u8 %r6, [%d3+1]; ld.global.s8 %h1, [%d3+2]; cvt.s32.s16 %r7, %h1;
      st.global.b8 [%d5+16], %r6; cvt.u16.u32 %h2, %r7; st.global.b16 [%d5+18], %h2;
    """
    a = integers(I32, 4).repeat(4).reshape(32, 4) + np.arange(4, dtype=I32)
    whole = np.zeros((32, 16), I16)
    run(body, a, whole)
    same(whole.view(I32)[:, :4], a[:, [3, 0, 1, 2]])
    same(whole.view(U8)[:, 16], a.view(U8).reshape(32, 16)[:, 1])
    same(whole[:, 9], a.view(np.int8).reshape(32, 16)[:, 2])
    base = np.full((32, 2), -1, I32)
    body = "mul.wide.u32 %d2, %r0, 8; add.s64 %d3, %d0, %d2; st.global.b32 [%d3], %r0;"
    run(body, base[:, 0])
    same(base, np.stack([np.arange(32), np.full(32, -1)], 1))
    body = "mul.wide.u32 %d2, %r0, 4; sub.s64 %d3, %d0, %d2; st.global.b32 [%d3], %r0;"
    column = np.zeros(32, I32)
    run(body, column[::-1])
    same(column, np.arange(32)[::-1])


def test_atomics():
    body = """
      .reg .f32 %x;
      and.b32 %r1, %r0, 3; mul.wide.u32 %d2, %r1, 4; add.s64 %d3, %d0, %d2;
      atom.global.add.u32 %r2, [%d3], 2;
      red.global.max.s32 [%d0+16], %r0;
      atom.global.cas.b32 %r3, [%d0+20], 0, 77;
      atom.global.exch.b32 %r4, [%d0+24], %r0;
      mov.b32 %x, 0f3F800000; red.relaxed.gpu.global.add.f32 [%d0+28], %x;
      atom.global.inc.u32 %r5, [%d0+32], 2;
      mul.wide.u32 %d4, %r0, 4; add.s64 %d5, %d1, %d4; st.global.b32 [%d5], %r2;
    """
    out, old = np.zeros(9, I32), np.zeros(32, I32)
    run(body, out, old)
    same(out[[0, 1, 2, 3, 4, 5, 6, 8]], [16, 16, 16, 16, 31, 77, 31, 32 % 3])
    assert out.view(F32)[7] == 32
    same(old, np.arange(32) // 4 * 2)


def test_grids_aggregates_and_module_variables():
    text = module(
        """
      mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ctaid.y; mov.u32 %r3, %nctaid.x;
      mad.lo.s32 %r4, %r2, %r3, %r1; mov.u32 %r5, %ntid.x; mad.lo.s32 %r6, %r4, %r5, %r0;
      mov.b64 %d5, table; cvta.global.u64 %d6, %d5; and.b32 %r7, %r0, 1;
      mul.wide.u32 %d7, %r7, 4; add.s64 %d8, %d6, %d7; ld.b32 %r8, [%d8];
      add.s32 %r9, %r8, %r6; mul.wide.u32 %d2, %r6, 4; add.s64 %d3, %d0, %d2;
      st.global.b32 [%d3], %r9;
    """,
        extra=".global .align 4 .b32 table[2] = {1000, 2000};",
    )
    out = np.zeros(6 * 40, I32)
    launch(text, "k", (3, 2), 40, [out])
    thread = np.tile(np.arange(40), 6)
    same(out, np.arange(240) + np.where(thread % 2, 2000, 1000))
    text = text.replace("k_param_0\n", "k_param_0,\n .param .align 8 .b8 pair[16]\n")
    text = text.replace(
        "  ret;", "  ld.param.b32 %r10, [pair+12]; st.global.b32 [%d0], %r10;\n  ret;"
    )
    launch(text, "k", 1, 32, [out, np.array([1, 2, 3, 4], I32).tobytes()])
    assert out[0] == 4


def test_launch_records():
    text = (
        module("""
      ld.param.b32 %r1, [n]; ld.param.f32 %r2, [x];
      mov.u32 %r3, %ctaid.x; mov.u32 %r5, %nctaid.x;
    ITEM:
      setp.ge.s32 %p1, %r3, %r1; @%p1 bra DONE;
      mul.wide.u32 %d2, %r3, 4; add.s64 %d3, %d0, %d2;
      setp.ne.b32 %p2, %r0, 0; @%p2 bra NEXT;
      st.global.f32 [%d3], %r2;
    NEXT: add.s32 %r3, %r3, %r5; bra ITEM;
    DONE:
    """)
        .replace("k_param_0\n", "out,\n .param .u32 n,\n .param .f32 x\n")
        .replace("k_param_0", "out")
    )
    kernel = {
        "name": "k", "threads": 64, "shared_bytes": 0, "grid": "persistent", "blocks_per_sm": 1,
        "arguments": [{"name": "o", "type": "ptr"}, {"name": "items", "type": "i32"},
                      {"name": "x", "type": "f32"}],
    }  # fmt: skip
    out = np.zeros(7, F32)
    run_record(text, {"kernels": [kernel]}, {"o": out}, {"items": 7, "x": 1.5}, sm_count=3)
    same(out, np.full(7, 1.5, F32))
    with pytest.raises(LaunchError, match="no scalar for the argument x"):
        run_record(text, {"kernels": [kernel]}, {"o": out}, {"items": 7})
    kernel |= {"grid": "key_blocks x batch_score_heads"}
    sizes = {"items": 7, "x": 2, "keys": 130, "batch": 2, "score_heads": 1}
    run_record(text, {"kernels": [kernel]}, {"o": out}, sizes)
    same(out, np.full(7, 2, F32))
    kernel |= {"grid": "items x planes"}
    with pytest.raises(LaunchError, match="'planes', which is no scalar"):
        run_record(text, {"kernels": [kernel]}, {"o": out}, sizes)


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        ("frobnicate.b32 %r1, %r2;", UnsupportedInstruction, r"line 14: `frobnicate.b32 %r1, %r2`"),
        ("add.rz.f32 %r1, %r2, %r3;", UnsupportedInstruction, r"unknown modifier .rz"),
        ("add.s32 %r1, %q2, 1;", PtxSyntaxError, "no register or constant '%q2'"),
        ("bra NOWHERE;", PtxSyntaxError, "no label 'NOWHERE'"),
        ("cp.async.bulk.tensor.2d.shared::cta.global [%d0], [%d1];", UnsupportedInstruction,
         "tensor"),
        ("wgmma.mma_async.sync.aligned.m64n12k16.f32.bf16.bf16 {%r1}, %d1, %d2, 1, 1, 1, 0, 0;",
         UnsupportedInstruction, "wgmma"),
        ("cvt.rn.satfinite.e4m3x2.f32 %h1, %r1, %r2;", UnsupportedInstruction, "e4m3x2"),
    ],
)  # fmt: skip
def test_what_is_not_implemented_is_named(body, error, message):
    with pytest.raises(error, match=message):
        run(body, np.zeros(1, I32))


def test_timing_and_ordering_have_no_effect():
    body = """
      setmaxnreg.dec.sync.aligned.u32 56; setmaxnreg.inc.sync.aligned.u32 224;
      griddepcontrol.launch_dependents; griddepcontrol.wait; nanosleep.u32 100;
      membar.gl; fence.acq_rel.gpu; fence.mbarrier_init.release.cluster; fence.proxy.alias;
      prefetch.global.L2 [%d0];
      mov.u64 %d5, %globaltimer; mov.u64 %d6, %globaltimer; mov.u32 %r1, %clock;
      setp.le.u64 %p1, %d5, %d6; mov.u32 %r2, %smid; mov.u32 %r3, %nsmid;
      setp.lt.and.u32 %p2, %r2, %r3, %p1; selp.b32 %r4, %r3, 0, %p2;
      st.shared.b32 [smem], %r4; bar.warp.sync -1; ld.volatile.shared.b32 %r5, [smem];
      @%p2 st.volatile.global.b32 [%d0], %r5;
    """
    out = np.zeros(1, I32)
    run(body, out, shared=4, sm_count=5)
    assert out[0] == 5


def test_a_counter_finds_the_last_block():
    text = module("""
      mov.u32 %r1, %ctaid.x; mov.u32 %r2, %nctaid.x; add.s32 %r3, %r2, -1;
      mul.wide.u32 %d2, %r1, 4; add.s64 %d3, %d0, %d2; st.global.b32 [%d3], %r1;
      fence.acq_rel.gpu;
      atom.acq_rel.gpu.global.add.u32 %r4, [%d1], 1;
      setp.ne.b32 %p1, %r4, %r3; @%p1 ret;
      mov.b32 %r5, 0; mov.b32 %r6, 0;
    SUM: mul.wide.u32 %d4, %r5, 4; add.s64 %d5, %d0, %d4; ld.global.b32 %r7, [%d5];
      add.s32 %r6, %r6, %r7; add.s32 %r5, %r5, 1; setp.lt.u32 %p2, %r5, %r2; @%p2 bra SUM;
      st.global.b32 [%d1+4], %r6;
    """, 2)  # fmt: skip
    for seed in range(3):
        parts, out = np.full(9, -1, I32), np.zeros(2, I32)
        launch(text, "k", 9, 1, [parts, out], sm_count=4, seed=seed)
        assert out.tolist() == [9, 36]
