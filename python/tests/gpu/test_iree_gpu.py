# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `sparsek-emit-iree=cuda` makes, on a GPU through IREE's runtime, against our own code for the CPU."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import sparsek
from iree_modules import CASES, Case, can_compile, compile_module

runtime = pytest.importorskip("iree.runtime", reason="iree-base-runtime is not installed")


@functools.cache
def device() -> runtime.HalDevice:
    try:
        return runtime.get_device("cuda")
    except Exception as error:
        pytest.skip(f"IREE finds no GPU: {str(error).splitlines()[0]}")


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = os.environ.get("SPARSEK_IREE_MODULES")
    return Path(folder) if folder else tmp_path_factory.mktemp("modules")


def load(case: Case, modules: Path):
    from sparsek._cuda import device_chip

    target = device()
    chip = device_chip(0)
    path = modules / f"{case.name}-{chip}.vmfb"
    if not path.is_file():
        if not can_compile():
            pytest.skip(f"no {path.name} in SPARSEK_IREE_MODULES, and no iree-compile")
        compile_module(case, path, chip)
    config = runtime.Config(device=target)
    return runtime.load_vm_module(runtime.VmModule.mmap(config.vm_instance, str(path)), config)


def make_inputs(reference: sparsek.Executable, m: int, n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(n)
    arrays = []
    for argument in reference.signature().arguments:
        rows = m if argument.name == "q" else n
        shape = [rows if size is None else size for size in argument.shape]
        array = rng.standard_normal(shape).astype(np.float32)
        if argument.name == "w":
            array /= np.float32(np.sqrt(shape[0]))
        arrays.append(array.astype(argument.dtype))
    return arrays


def error(got: np.ndarray, want: np.ndarray) -> float:
    """||got - want|| / ||want||, of what is finite; the rest must agree."""
    got, want = got.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite])
    return np.linalg.norm(got[finite] - want[finite]) / max(np.linalg.norm(want[finite]), 1e-30)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agrees_with_the_cpu(case: Case, modules: Path) -> None:
    module = load(case, modules)
    reference = sparsek.compile(case.text)
    for m, n in case.lengths:
        arrays = make_inputs(reference, m, n)
        results = module.main(*arrays)
        results = results if isinstance(results, tuple) else (results,)
        for got, want in zip(results, reference.run(*arrays), strict=True):
            # bf16 comes back as bits.
            found = np.asarray(got.to_host()).view(want.dtype)
            exact = np.issubdtype(want.dtype, np.integer)
            assert error(found, want) <= (0 if exact else case.tolerance), (m, n)


def test_cubin_and_ptx_are_the_same_kernels(modules: Path) -> None:
    by_name = {case.name: case for case in CASES}
    text, binary = by_name["bf16"], by_name["bf16_cubin"]
    arrays = make_inputs(sparsek.compile(text.text), 500, 700)
    both = [load(case, modules).main(*arrays) for case in (text, binary)]
    for one, other in zip(*both, strict=True):
        np.testing.assert_array_equal(
            np.asarray(one.to_host()).view(np.uint8), np.asarray(other.to_host()).view(np.uint8)
        )


def test_sizes_that_do_not_fit_are_refused(modules: Path) -> None:
    """By the assertions in the module: nothing is launched."""
    case = CASES[0]
    module = load(case, modules)
    q, k, v, u = make_inputs(sparsek.compile(case.text), 20, 20)
    for arrays in ((q, k[:, :, :10], v, u), (q, k, v, u[:, :, :10]), (q, k[:, :, :5], v[:, :, :5], u[:, :, :5])):  # fmt: skip
        with pytest.raises(Exception, match=r"must agree|M <= N|at most"):
            module.main(*map(np.ascontiguousarray, arrays))
