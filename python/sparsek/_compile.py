# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""IR text in, transformed text or callable functions out."""

from __future__ import annotations

import ctypes
import math
import os
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sparsek._library import (
    DYNAMIC,
    Array,
    CompileOptions,
    TextCallback,
    Type,
    last_error,
    library,
)

if TYPE_CHECKING:
    import numpy as np

CPU_PIPELINE = "sparsek-cpu-pipeline"


@dataclass(frozen=True)
class ArrayType:
    """Element type and sizes of an argument or a result; a size is None where
    only the call decides it. Arguments have the name that the text gives them."""

    dtype: np.dtype
    shape: tuple[int | None, ...]
    name: str = ""

    def __str__(self) -> str:
        from sparsek._dtypes import name_of

        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{name_of(self.dtype)}[{sizes}]"

    def accepts(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of these sizes fits."""
        return len(shape) == len(self.shape) and all(
            want in (None, got) for got, want in zip(shape, self.shape, strict=True)
        )


@dataclass(frozen=True)
class Signature:
    """What an entry takes and gives, in order."""

    arguments: tuple[ArrayType, ...]
    results: tuple[ArrayType, ...]


def version() -> str:
    """Versions of the compiler library and of the LLVM in it."""
    return library().sparsekVersion().decode()


def opt(
    source: str | os.PathLike[str],
    pipeline: str,
    *,
    generic: bool = False,
    allow_unregistered: bool = False,
) -> str:
    """Runs a pass pipeline on IR text (or on the file at a path) and returns the
    resulting text, like `sparsek-opt --pass-pipeline='builtin.module(...)'`.

    With `allow_unregistered` operations of unknown dialects are kept. Raises
    SparsekError with the diagnostics when the text or the pipeline is refused.
    """
    module = Module(source, allow_unregistered)
    module.run(pipeline)
    return module.text(generic)


def compile(
    source: str | os.PathLike[str],
    *,
    pipeline: str = CPU_PIPELINE,
    opt_level: int = 3,
    cpu: str | None = None,
    threads: int = 0,
    device: int = 0,
    allow_unregistered: bool = False,
) -> Executable:
    """Compiles IR text (or the file at a path) for this machine.

    Every public function of ranked tensors and scalars can be called in the
    result. `pipeline` has to end in the LLVM dialect; `opt_level` is LLVM's, 0
    to 3; `cpu` is LLVM's name of a processor, by default this one; parallel
    loops run on `threads` threads, by default OMP_NUM_THREADS or all
    processors. The functions of a pipeline for GPUs, such as
    "sparsek-nvvm-pipeline{chip=sm_90a}", run on the GPU `device`: a call copies
    its arguments there and its results back.

    Raises SparsekError with the diagnostics when something is refused, and
    ValueError for numbers of threads or devices that no i32 holds.
    """
    for name, value in (("threads", threads), ("device", device)):
        if value >= 2**31:  # ctypes would cut it off
            raise ValueError(f"{name} must be below 2^31, got {value}")
    processor = cpu.encode() if cpu else None
    options = CompileOptions(pipeline.encode(), processor, opt_level, threads, device)
    return Executable(Module(source, allow_unregistered), options)


class Executable:
    """Compiled functions; made by `sparsek.compile`. May be used from several
    threads at once."""

    def __init__(self, module: Module, options: CompileOptions) -> None:
        lib = library()
        self._handle = lib.sparsekCompile(module.handle, ctypes.byref(options))
        if not self._handle:
            raise last_error()
        weakref.finalize(self, lib.sparsekReleaseEngine, self._handle)
        self._signatures = {}
        for index in range(lib.sparsekNumEntries(self._handle)):
            name = lib.sparsekEntryName(self._handle, index)
            found = lib.sparsekEntrySignature(self._handle, name).contents
            self._signatures[name.decode()] = Signature(
                _types(found.arguments, found.num_arguments),
                _types(found.results, found.num_results),
            )

    @property
    def entries(self) -> tuple[str, ...]:
        """The names of the functions, in the order of the text."""
        return tuple(self._signatures)

    def signature(self, entry: str | None = None) -> Signature:
        """What a function takes and gives. Raises ValueError for an unknown name,
        and for no name where there are several functions."""
        return self._signatures[self._entry(entry)]

    def run(self, *arrays: np.ndarray, entry: str | None = None) -> tuple[np.ndarray, ...]:
        """Calls a function, the only one if `entry` is not given, and returns its
        results as new arrays.

        Raises TypeError for a wrong number of arguments or element type,
        ValueError for a shape that the function does not take, and SparsekError
        when a check in the compiled code, or the GPU, fails.
        """
        import numpy as np

        from sparsek._dtypes import CODES, name_of

        name = self._entry(entry)
        expected = self._signatures[name].arguments
        if len(arrays) != len(expected):
            raise TypeError(
                f"{name} takes {len(expected)} arguments "
                f"({', '.join(map(str, expected))}), got {len(arrays)}"
            )
        descriptors = (Array * len(arrays))()
        kept = []
        for index, (array, want) in enumerate(zip(arrays, expected, strict=True)):
            array = np.asarray(array)
            what = want.name or f"argument {index + 1}"
            if array.dtype != want.dtype:
                raise TypeError(f"{what} of {name} must be {want}, got {name_of(array.dtype)}")
            if not want.accepts(array.shape):
                raise ValueError(f"{what} of {name} must be {want}, got shape {array.shape}")
            array = np.require(array, requirements=("C", "A"))
            shape = (ctypes.c_int64 * array.ndim)(*array.shape)
            kept.append((array, shape))
            descriptors[index] = Array(
                array.ctypes.data, CODES[array.dtype], array.ndim, shape, None
            )
        lib = library()
        results = lib.sparsekCall(self._handle, name.encode(), descriptors, len(arrays))
        if not results:
            raise last_error()
        owner = _Results(results)
        count = len(self._signatures[name].results)
        return tuple(
            _view(lib.sparsekResultArray(results, i).contents, owner) for i in range(count)
        )

    def _entry(self, name: str | None) -> str:
        known = ", ".join(self._signatures)
        if name is None:
            if len(self._signatures) > 1:
                raise ValueError(f"the module has several functions, name one as entry: {known}")
            return next(iter(self._signatures))
        if name not in self._signatures:
            raise ValueError(f"no function named {name!r}, the module has {known}")
        return name


class Module:
    """A parsed module, released with this object."""

    def __init__(self, source: str | os.PathLike[str], allow_unregistered: bool = False) -> None:
        text, filename = _read(source)
        lib = library()
        encoded = text.encode()
        self.handle = lib.sparsekParse(
            encoded, len(encoded), filename.encode(), int(allow_unregistered)
        )
        if not self.handle:
            raise last_error()
        weakref.finalize(self, lib.sparsekReleaseModule, self.handle)

    def run(self, pipeline: str) -> None:
        if library().sparsekRunPipeline(self.handle, pipeline.encode()):
            raise last_error()

    def text(self, generic: bool) -> str:
        pieces = []

        @TextCallback
        def collect(data, length, _):
            pieces.append(ctypes.string_at(data, length))

        library().sparsekPrint(self.handle, int(generic), collect, None)
        return b"".join(pieces).decode()


def _read(source: str | os.PathLike[str]) -> tuple[str, str]:
    """Text and the name for diagnostics. A string is a path if it is one line
    that ends like one, since IR hardly does."""
    if isinstance(source, str) and not ("\n" not in source and source.endswith(".mlir")):
        return source, "<text>"
    return Path(source).read_text(encoding="utf-8"), os.fspath(source)


def _types(types: ctypes._Pointer[Type], count: int) -> tuple[ArrayType, ...]:
    from sparsek._dtypes import NUMPY

    return tuple(
        ArrayType(
            NUMPY[t.dtype],
            tuple(None if size == DYNAMIC else size for size in t.shape[: t.rank]),
            t.name.decode(),
        )
        for t in types[:count]
    )


class _Results:
    """The results of one call, released when no array looks at them any more."""

    def __init__(self, handle: int) -> None:
        weakref.finalize(self, library().sparsekReleaseResults, handle)


def _view(array: Array, owner: _Results) -> np.ndarray:
    """The memory that a descriptor points to as an array that keeps it alive."""
    import numpy as np

    from sparsek._dtypes import NUMPY

    dtype = NUMPY[array.dtype]
    shape = tuple(array.shape[: array.rank])
    if 0 in shape:
        return np.empty(shape, dtype)
    memory = (ctypes.c_char * (math.prod(shape) * dtype.itemsize)).from_address(array.data)
    memory.owner = owner
    return np.ndarray(shape, dtype, memory)
