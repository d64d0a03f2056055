# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PyTorch models as MLIR.

`to_mlir` gives the text of one function on tensors: linalg ops, with ops of the
`sparsek` dialect in the places of the operators of `sparsek.torch`. `sparsek-opt`,
`sparsek-run` and `sparsek.compile` take it as it is. Weights are arguments of
the function, or lie in a parameter archive of IREE.

Importing this module loads neither PyTorch nor torch-mlir. `to_mlir` needs both
(`pip install 'sparsek[torch-mlir]'`), archives need IREE's runtime
(`pip install 'sparsek[iree]'`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sparsek import _checks

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["to_mlir", "weights_of", "write_archive"]

_WEIGHTS = ("arguments", "archive")


def to_mlir(
    model: torch.nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    dynamic: Mapping[str, Any] | Sequence[Any] | None = None,
    weights: str = "arguments",
    archive: str | os.PathLike[str] | None = None,
    scope: str = "model",
    name: str = "main",
) -> str:
    """The text of a module with the function `name`, which computes what
    `model(*args, **kwargs)` does.

    The sizes of the tensors in `args` and `kwargs` are static, except for those in
    `dynamic`: a dictionary from names of parameters of `model.forward` to
    `{dimension: name}`, or a sequence of such for `args`. Dimensions with one name
    have one size. `{"x": {1: "N"}}` makes the second dimension of x dynamic;
    instead of a name there may be a `torch.export.Dim`. Where an argument is a
    tuple, list or dictionary of tensors, so is its entry. What is no tensor is a
    constant of the function.

    `weights` is "arguments" or "archive". With "arguments" the function takes the
    tensors of `sparsek.export.weights_of(model)` first, in that order, and then the
    tensors of `args` and `kwargs`; its arguments have the names of both. With
    "archive" it takes the latter only: the weights are written to the file `archive`
    (.irpa), and the function reads them by `flow.tensor.constant` ops of
    `#flow.parameter.named<scope::name>`, which IREE resolves; `sparsek-opt` takes
    that text with `--allow-unregistered-dialect`, `sparsek.compile` cannot run it.
    No weight is ever in the text, only small constants of the model's code are.

    The results are the tensors of the model's output in the order in which PyTorch
    flattens it. The operators of `sparsek.torch` become `sparsek.score`,
    `sparsek.topk_mask` and `sparsek.gathered_attention`; `topk`, `window`, `gate`,
    `scale`, `slope` and `norm` must be constants. Nothing is run: the model may lie on
    any device, for weights as arguments on "meta" too. The model's checks of what is in
    tensors are left out, and what `torch.export` proved about sizes is not checked again.

    Raises ImportError without PyTorch or torch-mlir, and for an archive without
    IREE's runtime, naming the pip command. Raises TypeError for `args` that are no sequence.
    Raises ValueError for arguments that are not these, for a model that draws random
    numbers (Dropout outside of `model.eval()`), changes its buffers or has a constant
    above 64 KiB, and for an operator of `sparsek.torch` that has no op; what `torch.export.export`
    raises for a model that it cannot trace, or sizes that cannot be dynamic; and
    SparsekError where torch-mlir makes ops that this compiler does not know.
    """
    _import_torch()
    _checks.one_of("weights", weights, _WEIGHTS)
    if (archive is not None) != (weights == "archive"):
        raise ValueError('weights="archive" and a path as archive belong together')
    if not re.fullmatch(r"[A-Za-z_][\w$.]*", name, re.ASCII):
        raise ValueError(f"name must be a name of a function in MLIR, got {name!r}")
    if not isinstance(args, Sequence):
        raise TypeError(
            f"args must be a sequence of example inputs, (x,) for one, got {type(args).__name__}"
        )
    if weights == "archive":
        _import_iree()
    text, inputs = _carry(model, tuple(args), dict(kwargs or {}), dynamic, name)
    tensors = weights_of(model)
    if weights == "arguments":
        return _finish(text, list(tensors), inputs)
    text = _finish(text, list(tensors), inputs, scope)
    write_archive(archive, tensors)
    return text


def weights_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The parameters and then the buffers of a model, by name.

    In the order of the arguments of the function that `to_mlir` gives. A tensor
    that is there under several names (tied weights) has the first of them.
    """
    named = (*model.named_parameters(), *model.named_buffers())
    return {name: tensor.detach() for name, tensor in named}


def write_archive(
    path: str | os.PathLike[str], tensors: Mapping[str, torch.Tensor | np.ndarray]
) -> None:
    """Writes a parameter archive of IREE (.irpa) with tensors or arrays by name.

    Their bytes lie there in row-major order. Raises ImportError without IREE's
    runtime, naming the pip command.
    """
    import numpy as np

    runtime = _import_iree()
    index = runtime.ParameterIndex()
    for name, tensor in tensors.items():
        if hasattr(tensor, "cpu"):
            from sparsek.torch import _to_numpy

            tensor = _to_numpy(tensor.cpu().contiguous())
        array = np.ascontiguousarray(tensor)
        index.add_buffer(name, array.reshape(-1).view(np.uint8))
    index.create_archive_file(os.fspath(path))


def _import_torch() -> None:
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "sparsek.export needs PyTorch 2.8 or later (pip install 'sparsek[torch-mlir]'): "
            f"{error}"
        ) from error


def _import_iree() -> Any:
    try:
        import iree.runtime
    except ImportError as error:
        raise ImportError(
            f"parameter archives need IREE's runtime (pip install 'sparsek[iree]'): {error}"
        ) from error
    return iree.runtime


def _carry(
    model: torch.nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    dynamic: Mapping[str, Any] | Sequence[Any] | None,
    name: str,
) -> tuple[str, list[str]]:
    """torch-mlir's text of the function, whose arguments are `weights_of(model)` and the
    inputs, and the names of the inputs."""
    from sparsek import _torch_mlir, _torch_program

    program = _torch_program.export(model, args, kwargs, dynamic)
    program = _torch_mlir.decompose(program)
    _torch_program.check_deterministic(program, model)
    inputs = _torch_program.lift(program, model, list(weights_of(model)))
    return _torch_mlir.linalg(program.graph, name), inputs


# ---- Text ----


def _finish(
    text: str, weights: Sequence[str], inputs: Sequence[str], scope: str | None = None
) -> str:
    """The text of `to_mlir` from what torch-mlir made: in the syntax of the dialect, and
    with the names of weights and inputs; with a scope the weights are IREE's parameters."""
    from sparsek._compile import opt

    text = opt(text, "builtin.module(canonicalize,cse)")
    if scope is not None:
        return _with_parameters(text, weights, inputs, scope)
    return _with_names(text, [*weights, *inputs])


_HEADER = re.compile(r"^  func\.func @[^\s(]+\(([^)]*)\).*\{$", re.MULTILINE)
_ARGUMENT = re.compile(r"%arg(\d+)\b")


def _with_names(text: str, names: Sequence[str]) -> str:
    """The text of one function with these names of its arguments."""
    taken = set(re.findall(r"%([\w$.-]+)", text))
    renamed = []
    for name in names:
        name = re.sub(r"[^\w$.-]", "_", name, flags=re.ASCII)
        name = f"_{name}" if name[:1].isdigit() else name
        while name in taken:
            name += "_"
        taken.add(name)
        renamed.append(name)

    def replace(match: re.Match[str]) -> str:
        index = int(match[1])
        return f"%{renamed[index]}" if index < len(renamed) else match[0]

    return _ARGUMENT.sub(replace, text)


def _with_parameters(
    text: str, parameters: Sequence[str], inputs: Sequence[str], scope: str
) -> str:
    """The text of one function whose first arguments are parameters of IREE instead."""
    header = _HEADER.search(text)
    arguments = header[1].split(", %") if header[1] else []
    types = [argument.split(": ", 1)[1] for argument in arguments]
    body = text[header.end() :]
    used = {int(index) for index in _ARGUMENT.findall(body)}
    loads = "".join(
        f'\n    %arg{index} = "flow.tensor.constant"() {{value = #flow.parameter.named<'
        f"{_quoted(scope)}::{_quoted(name)}> : {kind}}} : () -> {kind}"
        for index, (name, kind) in enumerate(zip(parameters, types, strict=False))
        if index in used
    )
    kept = ", ".join(
        f"%arg{index}: {kind}" for index, kind in enumerate(types) if index >= len(parameters)
    )
    line = header[0].replace(f"({header[1]})", f"({kept})", 1)
    text = text[: header.start()] + line + loads + body
    return _with_names(text, [*parameters, *inputs])


def _quoted(name: str) -> str:
    """A string of MLIR: bytes that are not printable ASCII are written in hexadecimal."""
    plain = (chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:02X}" for b in name.encode())
    return '"' + "".join(plain) + '"'
