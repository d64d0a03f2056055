# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The emulator's matrix instructions, asynchronous copies and barriers against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from ml_dtypes import bfloat16

from emulator import MissingProxyFence, launch, program, synchronisations, undetected
from emulator_ptx import module, run

U16, U32, I32, F32 = np.uint16, np.uint32, np.int32, np.float32
DTYPES = {"bf16": bfloat16, "f16": np.float16}


def halves(shape, kind, seed=0):
    """Normal numbers as bf16 or f16."""
    return np.random.default_rng(seed).standard_normal(shape).astype(DTYPES[kind])


# ---- ldmatrix, stmatrix, mma.sync
STAGE = """
  shl.b32 %r1, %r0, 4; mov.b32 %r2, smem; add.s32 %r3, %r2, %r1;
  mul.wide.u32 %d5, %r0, 16; add.s64 %d6, %d0, %d5; add.s64 %d7, %d1, %d5;
  ld.global.v4.b32 {%r10, %r11, %r12, %r13}, [%d6];
"""


@pytest.mark.parametrize("transposed", [False, True])
def test_ldmatrix_and_stmatrix(transposed):
    trans = ".trans" if transposed else ""
    data, out = np.arange(256, dtype=U16), np.zeros((32, 4), U32)
    body = (
        STAGE
        + f"""
      st.shared.v4.b32 [%r3], {{%r10, %r11, %r12, %r13}};
      bar.warp.sync -1;
      ldmatrix.sync.aligned.m8n8.x4{trans}.shared.b16 {{%r20, %r21, %r22, %r23}}, [%r3];
      st.global.v4.b32 [%d7], {{%r20, %r21, %r22, %r23}};
    """
    )
    run(body, data, out, shared=512)
    m = data.reshape(4, 8, 8)
    m = m.transpose(0, 2, 1) if transposed else m
    expected = np.ascontiguousarray(m.reshape(4, 8, 4, 2)).view(U32).reshape(4, 32).T
    np.testing.assert_array_equal(out, expected)
    back = np.zeros(256, U16)
    body = (
        STAGE
        + f"""
      stmatrix.sync.aligned.m8n8.x4{trans}.shared.b16 [%r3], {{%r10, %r11, %r12, %r13}};
      bar.warp.sync -1;
      ld.shared.v4.b32 {{%r20, %r21, %r22, %r23}}, [%r3];
      st.global.v4.b32 [%d7], {{%r20, %r21, %r22, %r23}};
    """
    )
    run(body, np.ascontiguousarray(expected), back, shared=512)
    np.testing.assert_array_equal(back, data)


@pytest.mark.parametrize("kind", list(DTYPES))
@pytest.mark.parametrize("depth", [8, 16])
def test_mma(kind, depth):
    a, b = halves((16, depth), kind, 1), halves((depth, 8), kind, 2)
    c = np.random.default_rng(3).standard_normal((16, 8)).astype(F32)
    t = np.arange(32)
    row, column = t // 4, t % 4 * 2
    pairs = [(row + dr, column + dc) for dc in range(0, depth, 8) for dr in (0, 8)]
    words = np.stack([np.stack([a[r, k], a[r, k + 1]], 1).view(U32)[:, 0] for r, k in pairs], 1)
    a_words = np.zeros((32, 4), U32)
    a_words[:, : depth // 4] = words
    b_words = np.zeros((32, 2), U32)
    for i in range(depth // 8):
        k = column + 8 * i
        b_words[:, i] = np.stack([b[k, row], b[k + 1, row]], 1).view(U32)[:, 0]
    c_words = np.stack(
        [c[row, column], c[row, column + 1], c[row + 8, column], c[row + 8, column + 1]], 1
    )
    out = np.zeros((32, 4), F32)
    a_names = ", ".join(f"%r{10 + i}" for i in range(depth // 4))
    b_names = ", ".join(f"%r{20 + i}" for i in range(depth // 8))
    body = f"""
      mul.wide.u32 %d5, %r0, 16; mul.wide.u32 %d6, %r0, 8;
      add.s64 %d10, %d0, %d5; add.s64 %d11, %d1, %d6; add.s64 %d12, %d2, %d5;
      add.s64 %d13, %d3, %d5;
      ld.global.v4.b32 {{%r10, %r11, %r12, %r13}}, [%d10]; ld.global.v2.b32 {{%r20, %r21}}, [%d11];
      ld.global.v4.b32 {{%r30, %r31, %r32, %r33}}, [%d12];
      mma.sync.aligned.m16n8k{depth}.row.col.f32.{kind}.{kind}.f32
        {{%r40, %r41, %r42, %r43}}, {{{a_names}}}, {{{b_names}}}, {{%r30, %r31, %r32, %r33}};
      st.global.v4.b32 [%d13], {{%r40, %r41, %r42, %r43}};
    """
    run(body, a_words, b_words, np.ascontiguousarray(c_words), out)
    expected = a.astype(F32) @ b.astype(F32) + c
    got = np.zeros((16, 8), F32)
    for i, (dr, dc) in enumerate(((0, 0), (0, 1), (8, 0), (8, 1))):
        got[row + dr, column + dc] = out[:, i]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


# ---- wgmma: every layout, written down here as lists of nested (extent, stride)
def place(matrix, mn_major, swizzle):
    """The bytes of rows x 16 elements in a layout, and leading and stride offsets in bytes.

    The layout is the canonical one of the instruction set: atoms of 8 rows (K-major)
    or of `swizzle` bytes (MN-major) and 8 k; here the atoms follow each other.
    """
    rows, depth = matrix.shape
    words = np.zeros(max(depth, swizzle // 2) * max(rows, swizzle // 2), U16)
    raw = matrix.view(U16)
    if not swizzle:
        # Blocks of 8 x 8; leading: from one to the next along k, stride: along rows.
        leading, stride = rows * 16, 128
        for r in range(rows):
            for k in range(depth):
                inner = (k % 8 * 8 + r % 8) if mn_major else (r % 8 * 8 + k % 8)
                words[(k // 8 * leading + r // 8 * stride) // 2 + inner] = raw[r, k]
        return words, leading, stride
    span = swizzle // 2
    for r in range(rows):
        for k in range(depth):
            if mn_major:
                leading, stride = swizzle * 16, swizzle * 8
                line = r // span * 16 + k
                at = line * swizzle + r % span * 2
            else:
                leading, stride = 16, swizzle * 8
                at = r * swizzle + k * 2
            at ^= (at >> 7 & (swizzle // 16 - 1)) << 4
            words[at // 2] = raw[r, k]
    return words, leading, stride


LAYOUT_TYPE = {0: 0, 128: 1, 64: 2, 32: 3}


def descriptor(place_of, leading, stride, swizzle):
    """Instructions that leave the descriptor of smem + place_of in %d20 (two words)."""
    high = stride >> 4 | LAYOUT_TYPE[swizzle] << 30
    return f"""
      add.s32 %r60, %r2, {place_of}; shr.u32 %r61, %r60, 4;
      or.b32 %r62, %r61, {(leading >> 4) << 16};
      mov.b64 %d20, {{%r62, {high}}};
    """


def multiply(n, kind, swizzle, a_mn, b_mn, from_registers=False, scales=(1, 1), scale_d=0):
    """A (64 x 16) times B (n x 16) transposed, in the emulator; returns it and NumPy's."""
    a, b = halves((64, 16), kind, 4), halves((n, 16), kind, 5)
    a_words, a_leading, a_stride = place(a, a_mn, swizzle)
    b_words, b_leading, b_stride = place(b, b_mn, swizzle)
    image = np.zeros(32768, U16)
    image[: len(a_words)], image[8192 : 8192 + len(b_words)] = a_words, b_words
    names = [f"%r{100 + i}" for i in range(n // 2)]
    out = np.zeros((128, n // 2), F32)
    body = """
      mov.b32 %r2, smem; shl.b32 %r3, %r0, 4; mov.b32 %r4, 0;
    COPY:
      add.s32 %r5, %r3, %r4; add.s32 %r6, %r2, %r5; cvt.u64.u32 %d5, %r5; add.s64 %d6, %d0, %d5;
      ld.global.v4.b32 {%r10, %r11, %r12, %r13}, [%d6];
      st.shared.v4.b32 [%r6], {%r10, %r11, %r12, %r13};
      add.s32 %r4, %r4, 2048; setp.lt.u32 %p1, %r4, 65536; @%p1 bra COPY;
      fence.proxy.async; bar.sync 0;
    """
    body += descriptor(0, a_leading, a_stride, swizzle) + "mov.b64 %d21, %d20;"
    body += descriptor(16384, b_leading, b_stride, swizzle)
    first, flags = "%d21", f", {int(a_mn)}, {int(b_mn)}"
    if from_registers:
        body += """
          mul.wide.u32 %d5, %r0, 16; add.s64 %d6, %d2, %d5;
          ld.global.v4.b32 {%r20, %r21, %r22, %r23}, [%d6];
        """
        first, flags = "{%r20, %r21, %r22, %r23}", f", {int(b_mn)}"
    body += "".join(f"mov.b32 {x}, 0f3F800000;" for x in names)
    body += f"""
      wgmma.fence.sync.aligned;
      setp.ne.b32 %p2, {scale_d}, 0;
      wgmma.mma_async.sync.aligned.m64n{n}k16.f32.{kind}.{kind}
        {{{", ".join(names)}}}, {first}, %d20, %p2, {scales[0]}, {scales[1]}{flags};
      wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;
      mul.wide.u32 %d5, %r0, {2 * n}; add.s64 %d6, %d1, %d5;
    """
    body += "".join(f"st.global.b32 [%d6+{4 * i}], {x};" for i, x in enumerate(names))
    t = np.arange(128)
    row, column = t // 32 * 16 + t % 32 // 4, t % 4 * 2
    registers = np.stack(
        [np.stack([a[row + dr, column + dc], a[row + dr, column + dc + 1]], 1).view(U32)[:, 0]
         for dc in (0, 8) for dr in (0, 8)], 1)  # fmt: skip
    run(body, image, out, np.ascontiguousarray(registers), threads=128, shared=65536)
    got = np.zeros((64, n), F32)
    for i in range(n // 2):
        got[row + i % 4 // 2 * 8, i // 4 * 8 + column + i % 2] = out[:, i]
    expected = scales[0] * scales[1] * (a.astype(F32) @ b.astype(F32).T) + (1 if scale_d else 0)
    return got, expected


@pytest.mark.parametrize("swizzle", [0, 32, 64, 128])
@pytest.mark.parametrize("b_mn", [False, True])
@pytest.mark.parametrize("a_mn", [False, True])
def test_wgmma_layouts(swizzle, a_mn, b_mn):
    got, expected = multiply(64, "bf16", swizzle, a_mn, b_mn)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [8, 24, 128, 256])
@pytest.mark.parametrize("kind", list(DTYPES))
def test_wgmma_shapes_and_types(n, kind):
    got, expected = multiply(n, kind, 32, False, False, from_registers=True, scale_d=1)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_wgmma_signs():
    for scales in ((-1, 1), (1, -1), (-1, -1)):
        got, expected = multiply(16, "f16", 128, False, False, scales=scales)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


# ---- copies
@pytest.mark.parametrize(
    ("copy", "expected"),
    [
        ("cp.async.ca.shared.global [%r3], [%d6], 4;", lambda x: [x[0], 9, 9, 9]),
        ("cp.async.ca.shared.global [%r3], [%d6], 8;", lambda x: [x[0], x[1], 9, 9]),
        ("cp.async.cg.shared.global.L2::128B [%r3], [%d6], 16;", lambda x: x),
        ("cp.async.cg.shared.global [%r3], [%d6], 16, 0;", lambda x: [0, 0, 0, 0]),
        ("cp.async.cg.shared.global [%r3], [%d6], 16, 8;", lambda x: [x[0], x[1], 0, 0]),
        ("cp.async.ca.shared.global [%r3], [%d6], 4, %p1;", lambda x: [0, 9, 9, 9]),
        ("createpolicy.fractional.L2::evict_last.b64 %d9, 0f3F800000;"
         "cp.async.cg.shared.global.L2::cache_hint [%r3], [%d6], 16, 8, %d9;",
         lambda x: [x[0], x[1], 0, 0]),
    ],
)  # fmt: skip
def test_sizes_of_copies(copy, expected):
    data, out = np.arange(100, 228, dtype=I32), np.zeros((32, 4), I32)
    body = (
        STAGE
        + f"""
      setp.ge.u32 %p1, %r0, 0; mov.b32 %r9, 9;
      st.shared.v4.b32 [%r3], {{%r9, %r9, %r9, %r9}};
      {copy}
      cp.async.commit_group; cp.async.wait_group 0;
      ld.shared.v4.b32 {{%r20, %r21, %r22, %r23}}, [%r3];
      st.global.v4.b32 [%d7], {{%r20, %r21, %r22, %r23}};
    """
    )
    run(body, data, out, shared=512)
    np.testing.assert_array_equal(out, [expected(x) for x in data.reshape(32, 4)])


BULK = """
  mov.b32 %r2, smem; setp.ne.b32 %p1, %r0, 0; @%p1 bra READY;
  mbarrier.init.shared.b64 [smem], 1;
READY:
  bar.sync 0;
  @%p1 bra WAIT;
  mbarrier.arrive.expect_tx.shared.b64 _, [smem], 256;
  cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [smem+16], [%d0], 256, [smem];
WAIT:
  { .reg .pred P; L: mbarrier.try_wait.parity.shared.b64 P, [smem], 0; @P bra D; bra L; D: }
  shl.b32 %r3, %r0, 2; add.s32 %r4, %r2, %r3; ld.shared.b32 %r5, [%r4+16];
  shl.b32 %r6, %r5, 1;
  st.shared.b32 [%r4+512], %r6;
  fence.proxy.async.shared::cta;
  bar.sync 0;
  @%p1 bra END;
  cp.async.bulk.global.shared::cta.bulk_group [%d1], [smem+512], 256;
  cp.async.bulk.commit_group; cp.async.bulk.wait_group.read 0;
END:
"""


def test_bulk_copies():
    data, out = np.arange(64, dtype=I32), np.zeros(64, I32)
    run(BULK, data, out, threads=64, shared=1024)
    np.testing.assert_array_equal(out, 2 * data)
    text = BULK.replace("fence.proxy.async.shared::cta;", "")
    with pytest.raises(MissingProxyFence):
        run(text, data, out, threads=64, shared=1024)


def test_every_omitted_synchronisation_is_caught():
    text = module(BULK, 2, 1024)
    kernel = program(text, "k")
    executed = set()
    arrays = [np.arange(64, dtype=I32), np.zeros(64, I32)]
    launch(text, "k", 1, 64, arrays, executed=executed)
    assert executed == set(synchronisations(kernel))
    missed = undetected(kernel, lambda pc: launch(text, "k", 1, 64, arrays, omit=pc))
    # The last wait lets the CTA exit, and its memory go, no earlier than the store is done.
    assert [m.split("`")[1] for m in missed] == ["cp.async.bulk.wait_group.read 0"]


# ---- barriers
def test_reductions_at_barriers_and_named_barriers():
    body = """
      setp.lt.u32 %p1, %r0, 40;
      bar.red.popc.u32 %r1, 0, %p1; bar.red.and.pred %p2, 0, %p1; bar.red.or.pred %p3, 0, !%p1;
      selp.b32 %r2, 100, 0, %p2; selp.b32 %r3, 1000, 0, %p3;
      add.s32 %r4, %r1, %r2; add.s32 %r5, %r4, %r3;
      shr.u32 %r6, %r0, 5; setp.eq.s32 %p4, %r6, 0; shl.b32 %r7, %r0, 2; mov.b32 %r8, smem;
      and.b32 %r9, %r7, 124; add.s32 %r10, %r8, %r9;
      @%p4 bra FIRST;
      barrier.cta.sync.aligned 3, 64; ld.shared.b32 %r11, [%r10]; add.s32 %r5, %r5, %r11; bra JOIN;
    FIRST: st.shared.b32 [%r10], 5000; barrier.cta.arrive.aligned 3, 64;
    JOIN: mul.wide.u32 %d2, %r0, 4; add.s64 %d3, %d0, %d2; st.global.b32 [%d3], %r5;
    """
    out = np.zeros(64, I32)
    run(body, out, threads=64, shared=128)
    np.testing.assert_array_equal(out, 1040 + np.where(np.arange(64) < 32, 0, 5000))


def test_mbarrier_tokens_and_shared_atomics():
    body = """
      mov.b32 %r2, smem; setp.ne.b32 %p1, %r0, 0; @%p1 bra READY;
      mbarrier.init.shared::cta.b64 [smem], 64; st.shared.b32 [smem+8], 0;
    READY:
      bar.sync 0;
      atom.shared.add.u32 %r3, [smem+8], 3;
      mbarrier.arrive.release.cta.shared::cta.b64 %d5, [smem];
      { .reg .pred P; L: mbarrier.test_wait.shared::cta.b64 P, [smem], %d5; @P bra D; bra L; D: }
      ld.shared.b32 %r4, [smem+8];
      mul.wide.u32 %d2, %r0, 4; add.s64 %d3, %d0, %d2; st.global.b32 [%d3], %r4;
    """
    out = np.zeros(64, I32)
    for seed in range(3):
        run(body, out, threads=64, shared=64, seed=seed)
        np.testing.assert_array_equal(out, np.full(64, 192))


def test_generic_addresses():
    body = """
      mov.b64 %d5, smem; cvta.shared.u64 %d6, %d5; mul.wide.u32 %d7, %r0, 4; add.s64 %d8, %d6, %d7;
      st.b32 [%d8], %r0; ld.b32 %r1, [%d8]; cvta.to.shared.u64 %d9, %d8; ld.shared.b32 %r2, [%d9];
      isspacep.shared %p1, %d8; isspacep.global %p2, %d8; selp.b32 %r3, 1000, 0, %p1;
      selp.b32 %r4, 5000, 0, %p2; add.s32 %r5, %r1, %r2; add.s32 %r6, %r5, %r3;
      add.s32 %r7, %r6, %r4;
      cvta.to.global.u64 %d10, %d0; add.s64 %d11, %d10, %d7; st.b32 [%d11], %r7;
    """
    out = np.zeros(32, I32)
    run(body, out, shared=128)
    np.testing.assert_array_equal(out, 2 * np.arange(32) + 1000)
