# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The emulator's checks fire on broken programs and stay silent on right ones.

Every right program here is a small kernel of several warps; every mutation takes
one synchronisation out of it, or moves it, and must be reported as what it is.
"""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from ml_dtypes import bfloat16

from emulator import (
    BarrierMisuse,
    CopyNotComplete,
    DataRace,
    Deadlock,
    DivergentWarp,
    EmulatorError,
    MemoryFault,
    MissingProxyFence,
    OperandOverwritten,
    RegisterHazard,
    StepLimit,
    UninitialisedRead,
    launch,
)
from emulator_ptx import module, run

I32, U32, F32 = np.int32, np.uint32, np.float32


def mutated(text: str, *changes: tuple[str, str]) -> str:
    """The text with every change made; each must apply."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


PTXAS = shutil.which("ptxas") or shutil.which("/usr/local/cuda/bin/ptxas")


@pytest.mark.skipif(PTXAS is None, reason="needs ptxas")
def test_the_kernels_here_assemble(tmp_path):
    for i, (body, pointers) in enumerate(((EXCHANGE, 1), (RING, 2), (WGMMA, 3))):
        path = tmp_path / f"{i}.ptx"
        path.write_text(module(body, pointers, 16384))
        subprocess.run([PTXAS, "-arch=sm_90a", "-o", tmp_path / "out", path], check=True)


# ---- global memory
ADDRESS = "mul.wide.u32 %d2, %r0, 4; add.s64 %d3, %d0, %d2;"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("st.global.b32 [%d3+4], %r0;", r"store of 4 bytes out of bounds: byte 128 of k_param_0"),
        ("ld.global.b32 %r1, [%d3+-4];", r"load of 4 bytes out of bounds: byte -4 of k_param_0"),
        ("ld.global.v2.b32 {%r1, %r2}, [%d0+124];", "misaligned"),
        ("ld.global.b32 %r1, [%d0+2];", "misaligned"),
        ("ld.global.b64 %d5, [%d0+40000];", "out of bounds"),
        ("mov.b64 %d4, 0; ld.global.b32 %r1, [%d4];", "out of bounds"),
        ("mov.b64 %d4, 64; ld.b32 %r1, [%d4];", "no state space"),
    ],
)
def test_global_memory_is_guarded(body, message):
    with pytest.raises(MemoryFault, match=message) as caught:
        run(ADDRESS + body, np.zeros(32, I32))
    assert "line 14" in str(caught.value) and "warp 0" in str(caught.value)


def test_gaps_of_strided_arrays_and_inputs_are_guarded():
    whole = np.zeros((32, 2), I32)
    with pytest.raises(MemoryFault, match="out of bounds"):
        run(ADDRESS + "st.global.b32 [%d3], %r0;", whole[:, 0])
    text = module(ADDRESS + "st.global.b32 [%d3], %r0;")
    with pytest.raises(MemoryFault, match="read-only"):
        launch(text, "k", 1, 32, [np.zeros(32, I32)], writable=set())


def test_shared_and_local_bounds():
    with pytest.raises(MemoryFault, match="shared address 1152, the CTA has"):
        run("st.shared.b32 [smem+128], %r0;", np.zeros(1), shared=128)
    with pytest.raises(MemoryFault, match="misaligned: shared address 1026"):
        run("st.shared.b32 [smem+2], %r0;", np.zeros(1), shared=128)
    local = ".local .align 8 .b8 depot[16]; mov.b64 %d1, depot; cvta.local.u64 %d2, %d1;"
    run(local + "st.local.b32 [%d1+4], %r0; ld.b32 %r1, [%d2+4];", np.zeros(1))
    with pytest.raises(MemoryFault, match="local byte 16 of 16"):
        run(local + "st.local.b32 [%d1+16], %r0;", np.zeros(1))


# ---- races between warps, bar.sync
EXCHANGE = """
  shl.b32 %r1, %r0, 2; mov.b32 %r2, smem; add.s32 %r3, %r2, %r1;
  st.shared.b32 [%r3], %r0;
  bar.sync 0;
  xor.b32 %r4, %r1, 252; add.s32 %r5, %r2, %r4;
  ld.shared.b32 %r6, [%r5];
  bar.sync 0;
  st.shared.b32 [%r3], %r6;
  mul.wide.u32 %d2, %r0, 4; add.s64 %d3, %d0, %d2; st.global.b32 [%d3], %r6;
"""


def test_barriers_order_shared_memory():
    for seed in range(4):
        out = np.zeros(64, I32)
        run(EXCHANGE, out, threads=64, shared=256, seed=seed)
        np.testing.assert_array_equal(out, np.arange(64)[::-1])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            ("[%r3], %r0;\n  bar.sync 0;", "[%r3], %r0;"),
            (DataRace, UninitialisedRead),
            "shared address",
        ),
        (("%r6, [%r5];\n  bar.sync 0;", "%r6, [%r5];"), DataRace, "nothing orders"),
        (("st.shared.b32 [%r3], %r0;", ""), UninitialisedRead, "never written"),
        (("[%r3], %r6", "[%r5], %r6"), None, ""),
        (("[%r3], %r6", "[%r2], %r2"), DataRace, "written"),
    ],
)
def test_missing_barriers_are_races(change, error, message, seed):
    text = mutated(EXCHANGE, change)
    if error is None:
        run(text, np.zeros(64, I32), threads=64, shared=256, seed=seed)
        return
    with pytest.raises(error, match=message):
        run(text, np.zeros(64, I32), threads=64, shared=256, seed=seed)


# ---- races between the lanes of a warp
WARP_EXCHANGE = mutated(EXCHANGE, ("bar.sync 0", "bar.warp.sync -1"), ("252", "124"))


def test_lanes_are_ordered_by_warp_barriers():
    run(WARP_EXCHANGE, np.zeros(32, I32), shared=128)
    first = mutated(WARP_EXCHANGE, ("[%r3], %r0;\n  bar.warp.sync -1;", "[%r3], %r0;"))
    second = mutated(WARP_EXCHANGE, ("%r6, [%r5];\n  bar.warp.sync -1;", "%r6, [%r5];"))
    for text in (first, second):
        with pytest.raises(DataRace, match="another lane of the same warp"):
            run(text, np.zeros(32, I32), shared=128)
        run(text, np.zeros(32, I32), shared=128, strict_lanes=False)


def test_lanes_that_store_to_one_address_agree():
    run("st.shared.b32 [smem], 7; st.global.b32 [%d0], 7;", np.zeros(1, I32), shared=4)
    for store in ("st.shared.b32 [smem], %r0;", "st.global.b32 [%d0], %r0;"):
        with pytest.raises(DataRace, match="different values to one address"):
            run(store, np.zeros(1, I32), shared=4)


# ---- producer and consumer: a ring of two slots filled by cp.async, mbarriers, wgmma-free
# mbarriers: full at 0, 8; empty at 16, 24; slots of 128 bytes at 64, 192.
RING = """
  .reg .pred %q<8>;
  mov.b32 %r1, smem; shr.u32 %r2, %r0, 5; and.b32 %r3, %r0, 31; shl.b32 %r4, %r3, 2;
  setp.ne.b32 %p1, %r0, 0; @%p1 bra READY;
  mbarrier.init.shared.b64 [smem], 32; mbarrier.init.shared.b64 [smem+8], 32;
  mbarrier.init.shared.b64 [smem+16], 1; mbarrier.init.shared.b64 [smem+24], 1;
READY:
  bar.sync 0;
  mov.b32 %r5, 0;
  setp.ne.b32 %p2, %r2, 0; @%p2 bra CONSUMER;
PRODUCER:
  and.b32 %r6, %r5, 1; shr.u32 %r7, %r5, 1; and.b32 %r8, %r7, 1; xor.b32 %r9, %r8, 1;
  shl.b32 %r10, %r6, 3; add.s32 %r11, %r1, %r10;
  { W: mbarrier.try_wait.parity.shared.b64 %q1, [%r11+16], %r9; @%q1 bra D; bra W; D: }
  shl.b32 %r12, %r6, 7; add.s32 %r13, %r1, %r12; add.s32 %r14, %r13, %r4;
  shl.b32 %r15, %r5, 7; add.s32 %r16, %r15, %r4; cvt.u64.u32 %d2, %r16; add.s64 %d3, %d0, %d2;
  cp.async.ca.shared.global [%r14+64], [%d3], 4;
  cp.async.mbarrier.arrive.noinc.shared.b64 [%r11];
  add.s32 %r5, %r5, 1; setp.lt.u32 %p3, %r5, 6; @%p3 bra PRODUCER;
  bra.uni END;
CONSUMER:
  and.b32 %r6, %r5, 1; shr.u32 %r7, %r5, 1; and.b32 %r8, %r7, 1;
  shl.b32 %r10, %r6, 3; add.s32 %r11, %r1, %r10;
  { W: mbarrier.try_wait.parity.shared.b64 %q1, [%r11], %r8; @%q1 bra D; bra W; D: }
  shl.b32 %r12, %r6, 7; add.s32 %r13, %r1, %r12; xor.b32 %r17, %r4, 124; add.s32 %r14, %r13, %r17;
  ld.shared.b32 %r18, [%r14+64];
  bar.warp.sync -1;
  setp.ne.b32 %p4, %r3, 0; @%p4 bra NEXT;
  mbarrier.arrive.shared.b64 _, [%r11+16];
NEXT:
  shl.b32 %r15, %r5, 7; add.s32 %r16, %r15, %r4; cvt.u64.u32 %d2, %r16; add.s64 %d3, %d1, %d2;
  st.global.b32 [%d3], %r18;
  add.s32 %r5, %r5, 1; setp.lt.u32 %p3, %r5, 6; @%p3 bra CONSUMER;
END:
"""


def ring(text: str, seed: int = 0, **options) -> np.ndarray:
    """Runs two warps over six slots; returns what the consumer stored, reversed back."""
    data, out = np.arange(192, dtype=I32), np.zeros(192, I32)
    run(text, data, out, threads=64, shared=512, seed=seed, **options)
    return out.reshape(6, 32)[:, ::-1].ravel()


@pytest.mark.parametrize("seed", range(4))
def test_a_ring_works(seed):
    np.testing.assert_array_equal(ring(RING, seed), np.arange(192))


WAIT_FULL = "{ W: mbarrier.try_wait.parity.shared.b64 %q1, [%r11], %r8; @%q1 bra D; bra W; D: }"
WAIT_EMPTY = "{ W: mbarrier.try_wait.parity.shared.b64 %q1, [%r11+16], %r9; @%q1 bra D; bra W; D: }"
FULL = "cp.async.mbarrier.arrive.noinc.shared.b64 [%r11];"
EMPTY = "mbarrier.arrive.shared.b64 _, [%r11+16];"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ([(WAIT_FULL, "")], (CopyNotComplete, UninitialisedRead), "shared address"),
        ([(WAIT_EMPTY, "")], (DataRace, BarrierMisuse), ""),
        ([(FULL, "mbarrier.arrive.shared.b64 _, [%r11];")], CopyNotComplete, "not waited for"),
        ([(FULL, "")], Deadlock, r"waits for parity 0 of the mbarrier at 1024.*32 of 32 arrivals"),
        ([(EMPTY, "")], Deadlock, r"waits for parity 0 of the mbarrier at 1040.*1 of 1 arrivals"),
        ([("bar.warp.sync -1;", "")], DataRace, "nothing orders"),
        ([("and.b32 %r8, %r7, 1;\n", "mov.b32 %r8, 0;\n")], (DataRace, Deadlock), ""),
        ([(EMPTY, EMPTY.replace("];", "], 2;"))], BarrierMisuse, "more arrivals"),
        ([(EMPTY, EMPTY + EMPTY)], (DataRace, Deadlock), ""),
        ([("READY:\n  bar.sync 0;", "READY:")], BarrierMisuse, "initiali"),
        ([(EMPTY, ""), ("bar.warp.sync -1;", ""),
          ("ld.shared.b32 %r18", "@!%p4 " + EMPTY + "ld.shared.b32 %r18"),
          ("and.b32 %r3, %r0, 31;", "and.b32 %r3, %r0, 31; setp.ne.b32 %p4, %r3, 0;")],
         (DataRace, CopyNotComplete), ""),
        ([("[%r14+64], [%d3], 4", "[%r14+60], [%d3], 4")], (BarrierMisuse, UninitialisedRead,
                                                            DataRace), ""),
    ],
)  # fmt: skip
def test_mutations_of_the_ring(changes, error, message):
    for seed in range(3):
        with pytest.raises(error, match=f"(?s){message}"):
            ring(mutated(RING, *changes), seed)


def test_polling_can_deadlock_too():
    """A loop around test_wait executes instructions for ever."""
    polling = RING.replace("try_wait", "test_wait")
    np.testing.assert_array_equal(ring(polling), np.arange(192))
    with pytest.raises(Deadlock, match="waits for parity 0 of the mbarrier at 1040"):
        ring(mutated(polling, (EMPTY, "")))


def test_the_deadlock_report_names_line_and_barrier():
    with pytest.raises(Deadlock) as caught:
        ring(mutated(RING, (EMPTY, "")))
    text = str(caught.value)
    assert "warp 0, line 30 `mbarrier.try_wait.parity.shared.b64" in text
    assert "waits for parity 0 of the mbarrier at 1040" in text


# ---- wgmma: one warpgroup, A and B K-major with 128-byte swizzle, M 64, N 16, K 64
D_REGISTERS = ", ".join(f"%r{100 + i}" for i in range(8))
DESCRIPTOR_HIGH = 1 << 30 | 64  # 128-byte swizzle, 8 rows every 1024 bytes
WGMMA = f"""
  .reg .b32 %x<4>;
  mov.b32 %r1, smem; shr.u32 %r2, %r0, 3; and.b32 %r3, %r0, 7;
  and.b32 %r4, %r2, 7; xor.b32 %r5, %r3, %r4; shl.b32 %r6, %r2, 7; shl.b32 %r7, %r5, 4;
  add.s32 %r8, %r6, %r7; add.s32 %r9, %r1, %r8;
  shl.b32 %r10, %r0, 4; cvt.u64.u32 %d4, %r10; add.s64 %d5, %d0, %d4; add.s64 %d6, %d1, %d4;
  cp.async.cg.shared.global [%r9], [%d5], 16;
  cp.async.cg.shared.global [%r9+2048], [%d5+2048], 16;
  cp.async.cg.shared.global [%r9+4096], [%d5+4096], 16;
  cp.async.cg.shared.global [%r9+6144], [%d5+6144], 16;
  cp.async.cg.shared.global [%r9+8192], [%d6], 16;
  cp.async.commit_group;
  cp.async.wait_group 0;
  fence.proxy.async.shared::cta;
  bar.sync 0;
  shr.u32 %r11, %r1, 4; add.s32 %r12, %r11, 512;
  wgmma.fence.sync.aligned;
  mov.b64 %d7, {{%r11, {DESCRIPTOR_HIGH}}}; mov.b64 %d8, {{%r12, {DESCRIPTOR_HIGH}}};
  wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {{{D_REGISTERS}}}, %d7, %d8, 0, 1, 1, 0, 0;
  add.s64 %d7, %d7, 2; add.s64 %d8, %d8, 2;
  wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {{{D_REGISTERS}}}, %d7, %d8, 1, 1, 1, 0, 0;
  add.s64 %d7, %d7, 2; add.s64 %d8, %d8, 2;
  wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {{{D_REGISTERS}}}, %d7, %d8, 1, 1, 1, 0, 0;
  add.s64 %d7, %d7, 2; add.s64 %d8, %d8, 2;
  wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {{{D_REGISTERS}}}, %d7, %d8, 1, 1, 1, 0, 0;
  wgmma.commit_group.sync.aligned;
  wgmma.wait_group.sync.aligned 0;
  bar.sync 0;
  st.shared.b32 [%r9], %r0;
  shr.u32 %r20, %r0, 5; and.b32 %r21, %r0, 31; shr.u32 %r22, %r21, 2; and.b32 %r23, %r0, 3;
  shl.b32 %r24, %r20, 4; add.s32 %r25, %r24, %r22; shl.b32 %r26, %r25, 6; shl.b32 %r27, %r23, 3;
  add.s32 %r28, %r26, %r27; cvt.u64.u32 %d9, %r28; add.s64 %d10, %d2, %d9;
  st.global.v2.b32 [%d10], {{%r100, %r101}}; st.global.v2.b32 [%d10+512], {{%r102, %r103}};
  st.global.v2.b32 [%d10+32], {{%r104, %r105}}; st.global.v2.b32 [%d10+544], {{%r106, %r107}};
"""


def product(text: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The kernel's product and NumPy's."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((n, 64)).astype(bfloat16) for n in (64, 16))
    out = np.zeros((64, 16), F32)
    run(text, a, b, out, threads=128, shared=10496, seed=seed)
    return out, a.astype(F32) @ b.astype(F32).T


def test_wgmma_multiplies():
    got, expected = product(WGMMA)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


FENCE = "fence.proxy.async.shared::cta;\n"
BARRIER = "bar.sync 0;\n  shr.u32 %r11"


def test_the_reader_may_fence_too():
    text = mutated(WGMMA, (FENCE, ""), (BARRIER, "bar.sync 0; fence.proxy.async; shr.u32 %r11"))
    got, expected = product(text)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


LAST = f"{{{D_REGISTERS}}}, %d7, %d8, 1, 1, 1, 0, 0;\n  wgmma.commit_group.sync.aligned;"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ([(FENCE, "")], MissingProxyFence, "written by a cp.async"),
        ([(FENCE, "fence.proxy.async.global;\n")], MissingProxyFence, "fence.proxy.async"),
        ([("cp.async.wait_group 0;\n  " + FENCE, FENCE + "cp.async.wait_group 0;")],
         MissingProxyFence, "cp.async"),
        ([("cp.async.wait_group 0;", "")], CopyNotComplete, "cp.async"),
        ([("cp.async.wait_group 0;", "cp.async.wait_group 1;")], CopyNotComplete, "cp.async"),
        ([(BARRIER, "shr.u32 %r11")], (CopyNotComplete, UninitialisedRead), ""),
        ([("wgmma.wait_group.sync.aligned 0;\n", "")], (OperandOverwritten, RegisterHazard), ""),
        ([("wgmma.wait_group.sync.aligned 0;\n", "wgmma.wait_group.sync.aligned 1;\n"),
          ("st.shared.b32 [%r9], %r0;\n", "")], RegisterHazard, "reads an accumulator"),
        ([("wgmma.wait_group.sync.aligned 0;\n  bar.sync 0;", "bar.sync 0;")],
         OperandOverwritten, "wgmma"),
        ([("wgmma.wait_group.sync.aligned 0;\n  bar.sync 0;", "wgmma.wait_group.sync.aligned 0;")],
         (OperandOverwritten, DataRace), "wgmma"),
        ([("wgmma.fence.sync.aligned;", "")], RegisterHazard, "no wgmma.fence"),
        ([("wgmma.fence.sync.aligned;", "wgmma.fence.sync.aligned; mov.b32 %r100, 0;")],
         RegisterHazard, "after the last wgmma.fence"),
        ([(LAST, LAST.replace("wgmma.commit", "mov.b32 %r103, 0; wgmma.commit"))],
         RegisterHazard, "writes an accumulator"),
        ([("wgmma.wait_group.sync.aligned 0;", "ret;")], RegisterHazard, "exits"),
        ([("wgmma.fence.sync.aligned;", "setp.ne.b32 %p1, %r0, 0; @%p1 wgmma.fence.sync.aligned;")],
         DivergentWarp, "lanes 0xfffffffe of 0xffffffff"),
        ([("[%r9+8192], [%d6]", "[%r9+8208], [%d6]")], (UninitialisedRead, CopyNotComplete), ""),
    ],
)  # fmt: skip
def test_mutations_of_the_product(changes, error, message):
    for seed in range(2):
        with pytest.raises(error, match=message or None):
            product(mutated(WGMMA, *changes), seed)


def test_wrong_layouts_give_wrong_products():
    for change in (
        ("xor.b32 %r5, %r3, %r4", "mov.b32 %r5, %r3"),
        ("0, 1, 1, 0, 0", "0, 1, 1, 0, 1"),
    ):
        try:
            got, expected = product(mutated(WGMMA, change))
        except EmulatorError:
            continue
        assert np.abs(got - expected).max() > 1


# ---- barriers and divergence
@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        ("setp.lt.u32 %p1, %r0, 7; @%p1 bra A; bra B; A: bar.sync 0; B:", DivergentWarp,
         "lanes 0x0000007f"),
        ("setp.lt.u32 %p1, %r0, 7; @%p1 bra A; bra B; A: shfl.sync.idx.b32 %r1, %r0, 0, 31, -1; B:",
         DivergentWarp, "names lanes 0xffffff80, which are elsewhere"),
        ("setp.lt.u32 %p1, %r0, 7; @%p1 bra A; bra B; A: bar.warp.sync 0x3; B:", DivergentWarp,
         "0x3"),
        ("setp.lt.u32 %p1, %r0, 32; @%p1 bra A; bar.sync 0; A:", Deadlock,
         "at barrier 0 with 32 of 64 threads"),
        ("bar.sync 1, 33;", BarrierMisuse, "33 threads"),
        ("bar.arrive 1, 128;", BarrierMisuse, "CTA of 64"),
        ("bar.sync 16;", BarrierMisuse, "no barrier 16"),
        ("shr.u32 %r1, %r0, 5; shl.b32 %r2, %r1, 5; add.s32 %r3, %r2, 32; bar.sync 1, %r3;",
         (BarrierMisuse, Deadlock), ""),
        ("mbarrier.try_wait.parity.shared.b64 %p1, [smem], 0;", BarrierMisuse, "no initialised"),
        ("mbarrier.init.shared.b64 [smem], 0;", BarrierMisuse, "0 arrivals"),
        ("bra L; L: bra L;", StepLimit, "no end after"),
        ("trap;", EmulatorError, "trap"),
        ("div.u32 %r1, %r0, %r0;", EmulatorError, "division by zero"),
    ],
)  # fmt: skip
def test_misuse_is_reported(body, error, message):
    with pytest.raises(error, match=message or None):
        run(body, np.zeros(1), threads=64, shared=64, max_steps=20000)


def test_mbarriers_are_not_data():
    init = "setp.ne.b32 %p1, %r0, 0; @%p1 bra A; mbarrier.init.shared.b64 [smem], 1; A: bar.sync 0;"
    run(init + "@!%p1 mbarrier.arrive.shared.b64 _, [smem];", np.zeros(1), threads=64, shared=64)
    with pytest.raises(BarrierMisuse, match="holds an mbarrier"):
        run(init + "ld.shared.b32 %r1, [smem+4];", np.zeros(1), threads=64, shared=64)
    with pytest.raises(BarrierMisuse, match="holds an mbarrier"):
        run(init + "st.shared.b32 [smem], %r0;", np.zeros(1), threads=64, shared=64)
    with pytest.raises(BarrierMisuse, match="initialised twice"):
        run(init + "@!%p1 mbarrier.init.shared.b64 [smem], 1;", np.zeros(1), threads=64, shared=64)
