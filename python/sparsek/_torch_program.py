# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs of torch.export, made ready for an importer that knows no state."""

from __future__ import annotations

import inspect
import math
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
    given = inspect.signature(model.forward).bind(*args, **kwargs).arguments
    names = list(given)
    if not isinstance(dynamic, Mapping):
        if len(dynamic) > len(args):
            raise ValueError(f"dynamic has {len(dynamic)} entries for {len(args)} arguments")
        dynamic = dict(zip(names, dynamic, strict=False))
    unknown = sorted(str(name) for name in set(dynamic) - set(names))
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

    def entry_of(name: str, argument: Any) -> Any:
        if name in dynamic:
            if isinstance(argument, torch.Tensor) and isinstance(dynamic[name], Mapping):
                _check_dimensions(name, argument.ndim, dynamic[name])
            return convert(dynamic[name])
        return torch.utils._pytree.tree_map(lambda _: None, argument)

    return {name: entry_of(name, argument) for name, argument in given.items()}


def _check_dimensions(name: str, rank: int, entry: Mapping[Any, Any]) -> None:
    for key in entry:
        if not isinstance(key, int) or not 0 <= key < rank:
            raise ValueError(
                f"dynamic names dimension {key!r} of {name}, whose dimensions are 0 to {rank - 1}"
            )


def check_deterministic(program: torch.export.ExportedProgram, model: torch.nn.Module) -> None:
    """Raises ValueError for random numbers: the text has no state to draw them from."""
    for node in program.graph.nodes:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()) and node.users:
            hint = "call model.eval() first" if model.training else "leave it out"
            raise ValueError(f"the model draws random numbers with {node.target}: {hint}")


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
    for node in list(graph.nodes):
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
    """Replaces a view of a dynamic shape by merges of dimensions, splits into static ones and
    new dimensions of size 1.

    torch-mlir computes the sizes of other views at run time, and takes a view that
    merges two dynamic sizes for one that drops the second.
    """
    graph, source = node.graph, node.args[0]
    old, new = source.meta["val"].shape, node.meta["val"].shape
    ones = [axis for axis, size in enumerate(new) if isinstance(size, int) and size == 1]
    squeezed = [size for axis, size in enumerate(new) if axis not in ones]
    if not squeezed or not _dynamic((*old, *new)):
        return
    groups = _groups(list(old), squeezed)

    def insert(target: Any, *args: Any) -> None:
        nonlocal source
        with graph.inserting_before(node):
            made = graph.call_function(target, (source, *args))
        made.meta = {**node.meta, "val": target(source.meta["val"], *args)}
        made.meta.pop("tensor_meta", None)  # That of the view.
        source = made

    for axis, (before, _) in enumerate(groups):
        if len(before) > 1:
            insert(torch.ops.aten.flatten.using_ints, axis, axis + len(before) - 1)
    if any(len(after) > 1 and _dynamic(after) for _, after in groups):
        if _dynamic(source.meta["val"].shape) > 1:
            raise ValueError(
                f"torch-mlir cannot lower a view of {tuple(old)} as {tuple(new)}: of several "
                "dynamic sizes, one is split into dynamic ones"
            )
        node.args = (source, *node.args[1:])
        return
    axis = 0
    for _, after in groups:
        if len(after) > 1:
            insert(torch.ops.aten.unflatten.int, axis, list(after))
        axis += len(after)
    for axis in ones:
        insert(torch.ops.aten.unsqueeze.default, axis)
    node.replace_all_uses_with(source)
    graph.erase_node(node)


def _dynamic(sizes: Sequence[int | torch.SymInt]) -> int:
    return sum(isinstance(size, torch.SymInt) for size in sizes)


def _groups(old: list[Any], new: list[Any]) -> list[tuple[list[Any], list[Any]]]:
    """The shapes of a view in the smallest pieces that have as many elements each."""
    for count in range(2, len(old) + len(new)):
        for before in range(max(1, count - len(new)), min(len(old), count - 1) + 1):
            after = count - before
            rest = old[before:], new[after:]
            same = math.prod(old[:before]) == math.prod(new[:after])
            if all(rest) and statically_known_true(same):
                return [(old[:before], new[:after]), *_groups(*rest)]
    return [(old, new)]
