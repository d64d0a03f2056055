# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""SPARSEK attention: compile it, run it on NumPy arrays.

`score`, `select` and `attention` compute the three steps of the operator
(`gathered_attention` is the third with a selection that is there already);
`compile` and `opt` take any IR text that `sparsek-opt` takes. Importing this
package loads neither NumPy nor the compiler: both come with the first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparsek._compile import Executable, compile, opt, version
    from sparsek._errors import SparsekError
    from sparsek._ops import attention, gathered_attention, score, select

_HOMES = {
    "Executable": "sparsek._compile",
    "SparsekError": "sparsek._errors",
    "attention": "sparsek._ops",
    "compile": "sparsek._compile",
    "gathered_attention": "sparsek._ops",
    "opt": "sparsek._compile",
    "score": "sparsek._ops",
    "select": "sparsek._ops",
    "version": "sparsek._compile",
}

__all__ = [
    "Executable",
    "SparsekError",
    "attention",
    "compile",
    "gathered_attention",
    "opt",
    "score",
    "select",
    "version",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'sparsek' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
