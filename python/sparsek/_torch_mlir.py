# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From PyTorch's exported programs to linalg text, by torch-mlir.

torch-mlir has another LLVM than this project and does not know the `sparsek` dialect:
its pipelines carry the operators as unregistered ops on builtin tensors, in the generic
form that the dialect parses. Its check of the result, which refuses unknown ops, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

try:
    from torch_mlir import ir
    from torch_mlir.dialects import torch as torch_dialect
    from torch_mlir.extras.fx_decomp_util import get_decomposition_table
    from torch_mlir.extras.fx_importer import FxImporter
    from torch_mlir.passmanager import PassManager
except ImportError as error:
    raise ImportError(
        f"sparsek.export.to_mlir needs torch-mlir (pip install 'sparsek[torch-mlir]'): {error}"
    ) from error

# The two ops are legal, since torch-mlir would make the views of them that they replace
# (`sparsek._torch_program`).
_TO_TORCH = (
    "builtin.module(func.func(torch-match-quantized-custom-ops),"
    "torchdynamo-export-to-torch-backend-pipeline{"
    "backend-legal-ops=aten.flatten.using_ints,aten.unflatten.int extra-library=})"
)
_TO_LINALG = "builtin.module(torch-backend-to-linalg-on-tensors-backend-pipeline)"
_CHECK = ",torch-verify-linalg-on-tensors-backend-contract"

_PREFIX = "torch.sparsek."
_SIGNLESS = re.compile(r"^[su]i(\d+)$")


def decompose(program: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    """The program in the operators that torch-mlir knows."""
    return program.run_decompositions(get_decomposition_table())


def linalg(graph: torch.fx.Graph, entry: str) -> str:
    """Text of a function of linalg ops on tensors, for a graph without state."""
    context = ir.Context()
    context.allow_unregistered_dialects = True
    torch_dialect.register_dialect(context)
    importer = FxImporter(context=context)
    function = importer.import_stateless_graph(graph, func_name=entry)
    module = importer.module
    with context, ir.Location.unknown():
        # What torch.export has proved: no dynamic size is broadcast.
        function.attributes["torch.assume_strict_symbolic_shapes"] = ir.UnitAttr.get()
        # A pass that depends on torch_c loads it; ops made before would be unregistered.
        PassManager.parse("builtin.module(torch-func-backend-type-conversion)").run(
            ir.Module.create().operation
        )
        for op in list(_operators(module.operation)):
            _Carrier(op).replace()
        PassManager.parse(_TO_TORCH).run(module.operation)
        passes = str(PassManager.parse(_TO_LINALG))
        if _CHECK not in passes:
            raise RuntimeError(f"this version of torch-mlir has other passes: {passes}")
        PassManager.parse(passes.replace(_CHECK, "")).run(module.operation)
    return str(module)


def _operators(op: ir.Operation) -> Iterator[ir.Operation]:
    for region in op.regions:
        for block in region.blocks:
            for child in block.operations:
                child = child.operation
                if child.name == "torch.operator" and _name(child).startswith(_PREFIX):
                    yield child
                yield from _operators(child)


def _name(op: ir.Operation) -> str:
    return ir.StringAttr(op.attributes["name"]).value


def _builtin(type_: ir.Type) -> ir.Type:
    """`tensor<1x?x64xbf16>` of `!torch.vtensor<[1,?,64],bf16>`."""
    sizes, element = re.fullmatch(r"!torch\.vtensor<\[(.*)\],(\w+)>", str(type_)).groups()
    sizes = "".join(f"{size}x" for size in sizes.split(",") if size)
    signless = _SIGNLESS.sub(r"i\1", element)
    return ir.Type.parse(f"tensor<{sizes}{signless}>")


def _create(name: str, results: Sequence[ir.Type], operands: Sequence[ir.Value], **attributes: Any):
    return ir.Operation.create(
        name, results=list(results), operands=list(operands), attributes=attributes
    )


class _Carrier:
    """Replaces one operator of sparsek.torch by the op of the dialect."""

    def __init__(self, op: ir.Operation) -> None:
        self.op = op
        self.name = _name(op).removeprefix(_PREFIX).removesuffix(".default")

    def replace(self) -> None:
        translate: Callable[..., None] | None = {
            "score": self._score,
            "select": self._select,
            "gathered_attention": self._gathered_attention,
        }.get(self.name)
        if translate is None:
            raise ValueError(f"torch.ops.sparsek.{self.name} cannot be exported")
        with self.op.location, ir.InsertionPoint(self.op):
            translate(*self.op.operands)
        self.op.erase()

    # One method for each operator, with its arguments in order.

    def _score(self, x, weight, statistics, cu_seqlens, slope, norm, offset, carry) -> None:
        slope, norm = self._constant("slope", slope), self._constant("norm", norm)
        carry = self._constant("return_statistics", carry)
        # Without a norm and a slope no score depends on where its document begins.
        if not self._absent(cu_seqlens) and (slope != 0 or norm != "none"):
            raise ValueError(
                "scores of packed documents with a norm or a slope cannot be exported: "
                "sparsek.score has no cu_seqlens"
            )
        operands = [[x], [weight], self._offset(offset), self._optional(statistics)]
        attributes = {"slope": ir.FloatAttr.get_f64(slope), "norm": _enum("norm", norm)}
        if carry:
            attributes["carry"] = ir.UnitAttr.get()
        self._emit("sparsek.score", operands, attributes, 2 if carry else 1)

    def _select(self, scores, cu_seqlens, topk, window, interior) -> None:
        attributes = self._budget(topk, window)
        interior = self._constant("return_interior", interior)
        if interior:
            attributes["interior"] = ir.UnitAttr.get()
        operands = [[scores], self._optional(cu_seqlens)]
        self._emit("sparsek.topk_mask", operands, attributes, 3 if interior else 2, segments=False)

    def _gathered_attention(
        self, q, k, v, scores, tau, expiry, sink, cu_seqlens, topk, window, gate, scale
    ) -> None:
        attributes = self._budget(topk, window)
        attributes["gate"] = _enum("gate", self._constant("gate", gate))
        if not self._absent(scale):
            attributes["scale"] = ir.FloatAttr.get_f64(self._constant("scale", scale))
        tensors = [[tensor] for tensor in (q, k, v, scores, tau, expiry)]
        operands = [*tensors, self._optional(sink), self._optional(cu_seqlens)]
        self._emit("sparsek.gathered_attention", operands, attributes, 2)

    def _budget(self, topk: ir.Value, window: ir.Value) -> dict[str, ir.Attribute]:
        i64 = ir.IntegerType.get_signless(64)
        return {
            name: ir.IntegerAttr.get(i64, self._constant(name, value))
            for name, value in (("topk", topk), ("window", window))
        }

    def _offset(self, offset: ir.Value) -> list[ir.Value]:
        if self._is_constant(offset) and self._constant("offset", offset) == 0:
            return []
        i64 = ir.IntegerType.get_signless(64)
        return [_create("torch_c.to_i64", [i64], [offset]).result]

    def _emit(
        self,
        name: str,
        operands: list[list[ir.Value]],
        attributes: dict[str, ir.Attribute],
        results: int,
        segments: bool = True,
    ) -> None:
        if segments:
            counts = [len(group) for group in operands]
            attributes["operandSegmentSizes"] = ir.DenseI32ArrayAttr.get(counts)
        flat = [
            _create("torch_c.to_builtin_tensor", [_builtin(value.type)], [value]).result
            if str(value.type).startswith("!torch.vtensor")
            else value
            for group in operands
            for value in group
        ]
        old = list(self.op.results)
        types = [_builtin(value.type) for value in old[:results]]
        new = _create(name, types, flat, **attributes)
        for before, after in zip(old, new.results, strict=False):
            back = _create("torch_c.from_builtin_tensor", [before.type], [after]).result
            before.replace_all_uses_with(back)
        for before in old[results:]:
            # The empty tensor of a result that was not asked for.
            if list(before.uses):
                raise ValueError(
                    f"the program uses a result of torch.ops.sparsek.{self.name} that it did "
                    "not ask for"
                )

    # ---- Values ----

    @staticmethod
    def _absent(value: ir.Value) -> bool:
        return str(value.type) == "!torch.none"

    def _optional(self, value: ir.Value) -> list[ir.Value]:
        return [] if self._absent(value) else [value]

    @staticmethod
    def _is_constant(value: ir.Value) -> bool:
        owner = value.owner
        return isinstance(owner, (ir.Operation, ir.OpView)) and owner.name.startswith(
            "torch.constant."
        )

    def _constant(self, what: str, value: ir.Value) -> Any:
        if not self._is_constant(value):
            raise ValueError(
                f"{what} of torch.ops.sparsek.{self.name} must be a constant of the exported "
                "program, here it is computed"
            )
        return value.owner.attributes["value"].value


def _enum(name: str, value: str) -> ir.Attribute:
    return ir.Attribute.parse(f"#sparsek.{name}<{value}>")
