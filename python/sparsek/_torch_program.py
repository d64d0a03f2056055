# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs of torch.export, made ready for an importer that knows no state."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx.experimental.symbolic_shapes import statically_known_true

# Of a constant in the text, where a byte takes two characters.
_MOST_CONSTANT_BYTES = 1 << 16

_VIEWS = {torch.ops.aten.view.default, torch.ops.aten._unsafe_view.default}


def export(
    model: torch.nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    dynamic: Mapping[str, Any] | Sequence[Any] | None,
) -> torch.export.ExportedProgram:
    """The arguments are those of `sparsek.export.to_mlir`."""
    shapes = _dynamic_shapes(model, args, kwargs, dynamic)
    with torch.no_grad():  # The operators of sparsek.torch have no backward pass.
        return torch.export.export(model, args, kwargs, dynamic_shapes=shapes, strict=False)


def _dynamic_shapes(
    model: torch.nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    dynamic: Mapping[str, Any] | Sequence[Any] | None,
) -> dict[str, Any] | None:
    """The `dynamic_shapes` of torch.export: an entry for every argument."""
    if not dynamic:
        return None
    names = list(inspect.signature(model.forward).bind(*args, **kwargs).arguments)
    if not isinstance(dynamic, Mapping):
        if len(dynamic) > len(args):
            raise ValueError(f"dynamic has {len(dynamic)} entries for {len(args)} arguments")
        dynamic = dict(zip(names, dynamic, strict=False))
    unknown = sorted(set(dynamic) - set(names))
    if unknown:
        raise ValueError(
            f"dynamic names {', '.join(unknown)}, the arguments given are {', '.join(names)}"
        )
    dims = {}

    def convert(entry: Any) -> Any:
        if isinstance(entry, str):
            return dims.setdefault(entry, torch.export.Dim(entry))
        if isinstance(entry, Mapping):
            return {key: convert(value) for key, value in entry.items()}
        if isinstance(entry, (tuple, list)):
            return type(entry)(map(convert, entry))
        return entry

    return {name: convert(dynamic.get(name)) for name in names}


def lift(
    program: torch.export.ExportedProgram, model: torch.nn.Module, weights: Sequence[str]
) -> list[str]:
    """Changes the graph of a program to one without state, whose placeholders are the
    weights, in this order, and then the tensors among the inputs, whose names it returns.
    Its results are tensors only. Constants become literals."""
    signature, graph = program.graph_signature, program.graph
    _keep_tensors(program)
    named = [
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    ]
    first = {}
    same = {name: first.setdefault(id(tensor), name) for name, tensor in named}
    placeholders = {node.name: node for node in graph.nodes if node.op == "placeholder"}
    lifted, inputs = {}, []
    for spec in signature.input_specs:
        node = placeholders[spec.arg.name]
        if spec.kind in (InputKind.PARAMETER, InputKind.BUFFER):
            kept = lifted.setdefault(same[spec.target], node)
            if kept is not node:
                node.replace_all_uses_with(kept)
                graph.erase_node(node)
        elif spec.kind is InputKind.CONSTANT_TENSOR:
            constant = program.constants[spec.target]
            if constant.nbytes > _MOST_CONSTANT_BYTES:
                raise ValueError(
                    f"the model's code makes a constant of {constant.nbytes} bytes, too large for "
                    f"text (the limit is {_MOST_CONSTANT_BYTES}): register it as a buffer"
                )
            node.replace_all_uses_with(constant)
            graph.erase_node(node)
        elif spec.kind is not InputKind.USER_INPUT:
            raise ValueError(f"the model has an input that is no tensor: {spec}")
        elif isinstance(node.meta.get("val"), torch.Tensor):
            inputs.append(node)
        elif node.users:
            raise ValueError(
                f"the input {node.name} is a number that is not constant: only sizes of tensors "
                "may be dynamic"
            )
        else:
            graph.erase_node(node)
    body = next(node for node in graph.nodes if node.op != "placeholder")
    for node in (*(lifted[name] for name in weights), *inputs):
        body.prepend(node)
    for node in graph.nodes:
        if node.target in _VIEWS:
            _simplify_view(node)
    return [node.name for node in inputs]


def _keep_tensors(program: torch.export.ExportedProgram) -> None:
    """Drops what is no tensor from the output."""
    for spec in program.graph_signature.output_specs:
        if spec.kind is not OutputKind.USER_OUTPUT:
            raise ValueError(
                f"the model changes {spec.target!r}: only models without effects can be exported"
            )
    (output,) = (node for node in program.graph.nodes if node.op == "output")
    output.args = (
        tuple(
            value
            for value in output.args[0]
            if isinstance(value, torch.fx.Node) and isinstance(value.meta.get("val"), torch.Tensor)
        ),
    )


def _simplify_view(node: torch.fx.Node) -> None:
    """Makes a view of a dynamic shape that merges or splits one dimension say so.

    torch-mlir computes the sizes of other views at run time, and takes a view that
    merges two dynamic sizes for one that drops the second.
    """
    source = node.args[0]
    old, new = source.meta["val"].shape, node.meta["val"].shape
    if not any(isinstance(size, torch.SymInt) for size in (*old, *new)):
        return
    same = [statically_known_true(a == b) for a, b in zip(old, new, strict=False)]
    first = same.index(False) if False in same else len(same)
    same = [
        statically_known_true(a == b)
        for a, b in zip(reversed(old[first:]), reversed(new[first:]), strict=False)
    ]
    last = same.index(False) if False in same else len(same)
    merged, made = old[first : len(old) - last], new[first : len(new) - last]
    if len(made) == 1 and len(merged) > 1:
        node.target = torch.ops.aten.flatten.using_ints
        node.args = (source, first, first + len(merged) - 1)
    elif len(merged) == 1 and len(made) > 1 and all(isinstance(size, int) for size in made):
        node.target = torch.ops.aten.unflatten.int
        node.args = (source, first, list(made))
    elif sum(isinstance(size, torch.SymInt) for size in merged) > 1:
        raise ValueError(
            f"torch-mlir cannot lower a view of {tuple(old)} as {tuple(new)}, with several dynamic "
            "sizes rearranged"
        )
