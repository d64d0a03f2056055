# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A whole model through every door: PyTorch, our CPU code, IREE on the CPU and on a GPU.

usage: python examples/whole_model/run.py [--dtype f32|bf16] [--doors NAME,...] [--lengths N,...]
                                          [--export] [--keep FOLDER]

The model (model.py) has been exported once, for all lengths, to model_f32.mlir and model_bf16.mlir;
`--export` makes these texts anew (pip install 'sparsek[torch-mlir]'). Every door computes the same
hidden states with the same weights, and is compared with PyTorch in f32 by the relative error of
the whole output (Frobenius). Doors for which something is not installed say so.

  eager       PyTorch with sparsek.torch, on a GPU where there is one
  cpu         sparsek.compile
  iree-cpu    sparsek-compile --target=iree-cpu, run by iree.runtime
  iree-cuda   sparsek-compile --target=iree-cuda, run by iree.runtime (needs a GPU; f32, which
              has kernels for the selection only, with --fallback)

Where two scores are closer than 1e-5, rounding may select the other key: positions that differ for
that reason are counted and left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np

import sparsek
from model import HIDDEN, TOPK, WINDOW, make_model, make_weights

HERE = Path(__file__).resolve().parent
DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16}
TOLERANCE = {"f32": 1e-4, "bf16": 2e-2}
# Scores that are closer may change places.
CLOSE = 1e-5
REPEATS = 5

Run = Callable[[np.ndarray], np.ndarray]


class NotHere(Exception):
    """Something that a door needs is not installed."""


@dataclasses.dataclass
class Model:
    """What all doors share: the text, and its arguments before the hidden states."""

    dtype: str
    weights: list[np.ndarray]
    folder: Path

    @property
    def text(self) -> Path:
        return HERE / f"model_{self.dtype}.mlir"


# --- Doors -------------------------------------------------------------------


def open_eager(model: Model) -> Run:
    try:
        import torch
    except ImportError as error:
        raise NotHere("PyTorch is not installed") from error
    device = "cuda" if torch.cuda.is_available() and model.dtype != "f32" else "cpu"
    module = make_model(model.dtype).to(device)

    def run(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            tensor = torch.from_numpy(x.astype(np.float32)).to(device, module.norm.weight.dtype)
            return module(tensor).float().cpu().numpy()

    return run


def open_cpu(model: Model) -> Run:
    executable = sparsek.compile(model.text)
    return lambda x: executable.run(*model.weights, x)[0]


def open_iree(model: Model, target: str, driver: str) -> Run:
    try:
        import iree.runtime as runtime
    except ImportError as error:
        raise NotHere("pip install 'sparsek[iree]'") from error
    compiler = Path(sys.executable).with_name("iree-compile")
    options = [f"--iree-compile={compiler}"] if compiler.is_file() else []
    if target == "iree-cuda" and model.dtype == "f32":
        options.append("--fallback")
    try:
        device = runtime.get_device(driver)
    except Exception as error:
        raise NotHere(f"no device for {driver}: {str(error).splitlines()[0]}") from error
    path = model.folder / f"{target}-{model.dtype}.vmfb"
    if not path.is_file():
        tool = shutil.which("sparsek-compile")
        if tool is None:
            raise NotHere("sparsek-compile is not in PATH")
        command = [tool, str(model.text), f"--target={target}", "-o", str(path), *options]
        subprocess.run(command, check=True)
    config = runtime.Config(device=device)
    module = runtime.load_vm_module(runtime.VmModule.mmap(config.vm_instance, str(path)), config)
    weights = [runtime.asdevicearray(device, array) for array in model.weights]
    return lambda x: np.asarray(module.main(*weights, x).to_host())


DOORS: dict[str, Callable[[Model], Run]] = {
    "eager": open_eager,
    "cpu": open_cpu,
    "iree-cpu": lambda model: open_iree(model, "iree-cpu", "local-task"),
    "iree-cuda": lambda model: open_iree(model, "iree-cuda", "cuda"),
}


# --- Comparing ---------------------------------------------------------------


def reference(x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """PyTorch in f32, and the scores of every layer."""
    import torch

    import sparsek.torch

    scores = []

    def keep(layer, arguments, _) -> None:
        scores.append(sparsek.torch.score(arguments[0], layer.score_weight).numpy())

    module = make_model("f32")
    for layer in module.layers:
        layer.attention.register_forward_hook(keep)
    with torch.no_grad():
        return module(torch.from_numpy(x)).numpy(), scores


def has_close_scores(scores: list[np.ndarray], position: int) -> bool:
    """Whether the last key that a query selects and the first that it does not are close."""
    for layer in scores:
        for head in layer[0]:
            pool = np.sort(head[: max(position - WINDOW + 1, 0)])[::-1]
            if len(pool) > TOPK and pool[TOPK - 1] - pool[TOPK] < CLOSE:
                return True
    return False


def compare(
    got: np.ndarray, want: np.ndarray, scores: list[np.ndarray], tolerance: float
) -> tuple[float, int]:
    """The relative error, and how many positions are left out of those above it."""
    difference = np.linalg.norm(got - want, axis=-1)[0]
    size = np.linalg.norm(want, axis=-1)[0]
    left_out = [
        position
        for position in np.flatnonzero(difference > tolerance * size)
        if has_close_scores(scores, position)
    ]
    kept = np.setdiff1d(np.arange(len(size)), left_out)
    return np.linalg.norm(difference[kept]) / np.linalg.norm(size[kept]), len(left_out)


def median_ms(run: Run, x: np.ndarray) -> float:
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        run(x)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e3


# --- All of it ---------------------------------------------------------------


def export(dtype: str) -> None:
    """Writes the text of the model, for any length."""
    import torch

    from sparsek.export import to_mlir

    module = make_model(dtype)
    x = torch.zeros(1, 2 * TOPK, HIDDEN, dtype=module.norm.weight.dtype)
    with torch.no_grad():
        text = to_mlir(module, (x,), dynamic={"x": {1: "N"}})
    path = HERE / f"model_{dtype}.mlir"
    path.write_text(text)
    print(f"{path.name}: {len(text) / 1e3:.0f} kB")


def measure(model: Model, doors: list[str], lengths: list[int]) -> bool:
    """Prints a row for every door and length. Whether all that ran agree."""
    try:
        import torch  # noqa: F401
    except ImportError:
        sys.exit("error: what all doors are compared with needs PyTorch (pip install torch)")
    good = True
    inputs = {}
    for n in lengths:
        x = np.random.default_rng(n).standard_normal((1, n, HIDDEN)).astype(np.float32)
        inputs[n] = (x, *reference(x))
    tolerance = TOLERANCE[model.dtype]
    for name in doors:
        begin = time.perf_counter()
        try:
            run = DOORS[name](model)
        except NotHere as reason:
            print(f"| {model.dtype} | {name} | not run: {reason} | | | |", flush=True)
            continue
        opened = time.perf_counter() - begin
        for n, (x, want, scores) in inputs.items():
            given = x.astype(DTYPES[model.dtype])
            got = np.asarray(run(given)).astype(np.float64)
            error, left_out = compare(got, want, scores, tolerance)
            good &= error <= tolerance and left_out < 0.01 * n
            print(
                f"| {model.dtype} | {name} | {n} | {error:.1e} | {left_out} | "
                f"{median_ms(run, given):.1f} | {opened:.1f} |",
                flush=True,
            )
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", choices=DTYPES, help="one of the two models (default: both)")
    parser.add_argument("--doors", default=",".join(DOORS), help="default: %(default)s")
    parser.add_argument("--lengths", default="4096,1000,300", help="default: %(default)s")
    parser.add_argument("--export", action="store_true", help="only export the model anew")
    parser.add_argument("--keep", type=Path, help="a folder for what is compiled, and is used again")
    options = parser.parse_args()
    dtypes = [options.dtype] if options.dtype else list(DTYPES)
    doors = options.doors.split(",")
    unknown = set(doors) - set(DOORS)
    if unknown:
        parser.error(f"--doors are {', '.join(DOORS)}, got {', '.join(sorted(unknown))}")
    if options.export:
        for dtype in dtypes:
            export(dtype)
        return 0
    lengths = [int(n) for n in options.lengths.split(",")]
    print("| model | door | N | relative error | left out | ms | made in s |")
    print("|---|---|---|---|---|---|---|")
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for dtype in dtypes:
            weights = [array.astype(DTYPES[dtype]) for array in make_weights().values()]
            model = Model(dtype, weights, options.keep or Path(folder))
            good &= measure(model, doors, lengths)
    print("all that ran agree" if good else "some do not agree")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
