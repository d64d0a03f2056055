# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The C API for GPUs (`include/sparsek-c/CUDA.h`) through ctypes.

Knows addresses, shapes and strides, and no array library. Letters in shapes are
those of `sparsek.attention`.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import struct
import threading
import warnings
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sparsek import _compile
from sparsek._errors import SparsekError
from sparsek._library import last_error, library

WORKSPACE_ALIGNMENT = 256
# In the order of SparsekDtype.
DTYPES = {name: code for code, name in enumerate(("f32", "f16", "bf16", "f64"))} | {"i32": 7}


class Config(ctypes.Structure):
    _fields_ = (
        ("dtype", ctypes.c_int),
        ("head_dim", ctypes.c_int32),
        ("value_dim", ctypes.c_int32),
        ("group", ctypes.c_int32),
        ("gate", ctypes.c_char_p),
        ("sink", ctypes.c_int32),
        ("packed", ctypes.c_int32),
        ("chip", ctypes.c_char_p),
        ("format", ctypes.c_char_p),
        ("options", ctypes.c_char_p),
    )


class RawSelectionConfig(ctypes.Structure):
    _fields_ = (
        ("packed", ctypes.c_int32),
        ("chip", ctypes.c_char_p),
        ("format", ctypes.c_char_p),
        ("options", ctypes.c_char_p),
    )


class RawScoreConfig(ctypes.Structure):
    _fields_ = (
        ("dtype", ctypes.c_int),
        ("weight_dtype", ctypes.c_int),
        ("features", ctypes.c_int32),
        ("score_heads", ctypes.c_int32),
        ("norm", ctypes.c_char_p),
        ("statistics", ctypes.c_int32),
        ("carry", ctypes.c_int32),
        ("chip", ctypes.c_char_p),
        ("format", ctypes.c_char_p),
        ("options", ctypes.c_char_p),
    )


class DeviceArray(ctypes.Structure):
    """An array in device memory; zeros stand for one that is not given."""

    _fields_ = (
        ("data", ctypes.c_uint64),
        ("dtype", ctypes.c_int),
        ("rank", ctypes.c_int32),
        ("shape", ctypes.c_int64 * 4),
        ("strides", ctypes.c_int64 * 4),
    )


ARRAYS = ("q", "k", "v", "scores", "tau", "expiry", "sink", "cu_seqlens", "o", "lse")


class Arguments(ctypes.Structure):
    _fields_ = (
        *((name, DeviceArray) for name in ARRAYS),
        ("topk", ctypes.c_int64),
        ("window", ctypes.c_int64),
        ("scale", ctypes.c_double),
    )


SELECTION_ARRAYS = ("scores", "cu_seqlens", "tau", "expiry", "interior")


class SelectionArguments(ctypes.Structure):
    _fields_ = (
        *((name, DeviceArray) for name in SELECTION_ARRAYS),
        ("topk", ctypes.c_int64),
        ("window", ctypes.c_int64),
    )


SCORE_ARRAYS = ("x", "weight", "statistics", "scores", "carried")


class ScoreArguments(ctypes.Structure):
    _fields_ = (
        *((name, DeviceArray) for name in SCORE_ARRAYS),
        ("offset", ctypes.c_int64),
        ("slope", ctypes.c_double),
    )


def device_array(
    address: int, dtype: str, shape: Sequence[int], strides: Sequence[int]
) -> DeviceArray:
    """Describes an array of up to 4 dimensions; strides count elements."""
    return DeviceArray(address, DTYPES[dtype], len(shape), tuple(shape), tuple(strides))


# The same, made from numbers in one step: ctypes takes ten times as long.
_PACKED = struct.Struct("Qii4q4q" * len(ARRAYS) + "qqd")
_PACKED_SELECTION = struct.Struct("Qii4q4q" * len(SELECTION_ARRAYS) + "qq")
_PACKED_SCORE = struct.Struct("Qii4q4q" * len(SCORE_ARRAYS) + "qd")
_PADDING = tuple((0,) * (4 - rank) for rank in range(5))
NO_ARRAY = (0,) * 11


def describe_array(
    address: int, dtype: str, shape: Sequence[int], strides: Sequence[int]
) -> tuple[int, ...]:
    """The fields of `device_array`."""
    rank = len(shape)
    padding = _PADDING[rank]
    return address, DTYPES[dtype], rank, *shape, *padding, *strides, *padding


def pack_arguments(
    arrays: Iterable[tuple[int, ...]], topk: int, window: int, scale: float
) -> Arguments:
    """`Arguments` from described arrays, in the order of ARRAYS."""
    fields = itertools.chain.from_iterable(arrays)
    return Arguments.from_buffer_copy(_PACKED.pack(*fields, topk, window, scale))


def pack_selection(arrays: Iterable[tuple[int, ...]], topk: int, window: int) -> SelectionArguments:
    """`SelectionArguments` from described arrays, in the order of
    SELECTION_ARRAYS."""
    fields = itertools.chain.from_iterable(arrays)
    return SelectionArguments.from_buffer_copy(_PACKED_SELECTION.pack(*fields, topk, window))


def pack_score(arrays: Iterable[tuple[int, ...]], offset: int, slope: float) -> ScoreArguments:
    """`ScoreArguments` from described arrays, in the order of SCORE_ARRAYS."""
    fields = itertools.chain.from_iterable(arrays)
    return ScoreArguments.from_buffer_copy(_PACKED_SCORE.pack(*fields, offset, slope))


_HANDLE = ctypes.c_void_p
# For each kind of arguments the functions that plan and launch.
_FUNCTIONS = {
    Arguments: ("sparsekAttentionWorkspace", "sparsekLaunchAttention"),
    SelectionArguments: ("sparsekSelectionWorkspace", "sparsekLaunchSelection"),
    ScoreArguments: ("sparsekScoreWorkspace", "sparsekLaunchScore"),
}
_PROTOTYPES = {
    "sparsekAttentionKernel": (_HANDLE, (ctypes.POINTER(Config),)),
    "sparsekSelectionKernel": (_HANDLE, (ctypes.POINTER(RawSelectionConfig),)),
    "sparsekScoreKernel": (_HANDLE, (ctypes.POINTER(RawScoreConfig),)),
    "sparsekKernelFromModule": (_HANDLE, (_HANDLE,)),
    "sparsekCreateKernel": (
        _HANDLE,
        (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t),
    ),
    "sparsekKernelImage": (_HANDLE, (_HANDLE, ctypes.POINTER(ctypes.c_size_t))),
    "sparsekKernelRecord": (_HANDLE, (_HANDLE, ctypes.POINTER(ctypes.c_size_t))),
    "sparsekKernelCacheProblem": (ctypes.c_char_p, (_HANDLE,)),
    "sparsekReleaseKernel": (None, (_HANDLE,)),
    "sparsekDeviceChip": (ctypes.c_char_p, (ctypes.c_int32,)),
    "sparsekPrepareKernel": (ctypes.c_int32, (_HANDLE, ctypes.c_int32)),
}


for _arguments, (_workspace, _launch) in _FUNCTIONS.items():
    _PROTOTYPES[_workspace] = (
        ctypes.c_int32,
        (_HANDLE, ctypes.POINTER(_arguments), ctypes.POINTER(ctypes.c_size_t)),
    )
    _PROTOTYPES[_launch] = (
        ctypes.c_int32,
        (
            _HANDLE,
            ctypes.POINTER(_arguments),
            ctypes.c_uint64,
            ctypes.c_size_t,
            ctypes.c_int32,
            ctypes.c_void_p,
        ),
    )


@functools.cache
def _library() -> ctypes.CDLL:
    loaded = library()
    try:
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError as error:
        raise SparsekError(
            f"the compiler library is older than this package: {error}. Install both from the "
            f"same source"
        ) from error
    return loaded


@dataclass(frozen=True)
class AttentionConfig:
    """What is compiled into a kernel: element type of q, k, v and o ("bf16" or
    "f16"), sizes of a head, query heads per KV head, gate, which optional
    arguments there are, chip ("sm_90a", "sm_80", ...), and image format ("ptx" or
    "cubin"). `options` are further options of sparsek-nvvm-pipeline."""

    dtype: str
    head_dim: int
    value_dim: int
    group: int
    gate: str
    sink: bool
    packed: bool
    chip: str
    format: str = "ptx"
    options: str = ""

    def compile(self) -> int | None:
        """A handle, or None with the error in the library."""
        raw = Config(
            DTYPES[self.dtype],
            self.head_dim,
            self.value_dim,
            self.group,
            self.gate.encode(),
            self.sink,
            self.packed,
            self.chip.encode(),
            self.format.encode(),
            self.options.encode(),
        )
        return _library().sparsekAttentionKernel(ctypes.byref(raw))


@dataclass(frozen=True)
class SelectionConfig:
    """The same for the selection, whose sizes are all arguments."""

    packed: bool
    chip: str
    format: str = "ptx"
    options: str = ""

    def compile(self) -> int | None:
        raw = RawSelectionConfig(
            self.packed, self.chip.encode(), self.format.encode(), self.options.encode()
        )
        return _library().sparsekSelectionKernel(ctypes.byref(raw))


@dataclass(frozen=True)
class ScoreConfig:
    """The same for scores: element types of x ("bf16" or "f16") and the weights (the
    same, or "f32"), sizes of the weights, norm, and whether statistics are taken and
    returned."""

    dtype: str
    weight_dtype: str
    features: int
    score_heads: int
    norm: str
    statistics: bool
    carry: bool
    chip: str
    format: str = "ptx"
    options: str = ""

    def compile(self) -> int | None:
        raw = RawScoreConfig(
            DTYPES[self.dtype],
            DTYPES[self.weight_dtype],
            self.features,
            self.score_heads,
            self.norm.encode(),
            self.statistics,
            self.carry,
            self.chip.encode(),
            self.format.encode(),
            self.options.encode(),
        )
        return _library().sparsekScoreKernel(ctypes.byref(raw))


AnyArguments = Arguments | SelectionArguments | ScoreArguments
AnyConfig = AttentionConfig | SelectionConfig | ScoreConfig


class Kernel:
    """A compiled kernel, with the functions that launch it. Thread-safe."""

    def __init__(self, handle: int | None) -> None:
        if not handle:
            raise last_error()
        self.handle = handle
        lib = _library()
        weakref.finalize(self, lib.sparsekReleaseKernel, handle)
        self._functions = {
            arguments: tuple(getattr(lib, name) for name in names)
            for arguments, names in _FUNCTIONS.items()
        }

    @classmethod
    def compile(cls, config: AnyConfig) -> Kernel:
        """From the cache on disk, or compiled now. Warns, once in a process, when
        the cache cannot be written."""
        lib = _library()
        kernel = cls(config.compile())
        problem = lib.sparsekKernelCacheProblem(kernel.handle).decode(errors="replace")
        if problem:
            _warn_about_cache(problem)
        return kernel

    @classmethod
    def create(cls, image: bytes, record: str) -> Kernel:
        """From PTX or a cubin and its launch record in JSON."""
        encoded = record.encode()
        return cls(_library().sparsekCreateKernel(image, len(image), encoded, len(encoded)))

    @classmethod
    def from_ir(cls, source: str | os.PathLike[str], pipeline: str) -> Kernel:
        """From IR text (or the file at a path) that a pipeline lowers to one
        `gpu.binary` with a launch record."""
        module = _compile.Module(source)
        module.run(pipeline)
        return cls(_library().sparsekKernelFromModule(module.handle))

    @property
    def image(self) -> bytes:
        """PTX or a cubin."""
        return self._text(_library().sparsekKernelImage)

    @property
    def record(self) -> str:
        """The launch record in JSON."""
        return self._text(_library().sparsekKernelRecord).decode()

    def prepare(self, device: int) -> None:
        """Loads the kernel on a device, as the first launch there would."""
        if _library().sparsekPrepareKernel(self.handle, device):
            raise last_error()

    def workspace_size(self, arguments: AnyArguments) -> int:
        """The bytes of workspace that a launch needs."""
        size = ctypes.c_size_t()
        workspace, _ = self._functions[type(arguments)]
        if workspace(self.handle, arguments, size):
            raise last_error()
        return size.value

    def launch(
        self,
        arguments: AnyArguments,
        workspace: int,
        size: int,
        device: int,
        stream: int,
    ) -> None:
        """Launches on a stream of the primary context of a device. Raises
        SparsekError that names the argument when one is not accepted, or when the
        kernel is one for other arguments."""
        _, launch = self._functions[type(arguments)]
        if launch(self.handle, arguments, workspace, size, device, stream):
            raise last_error()

    def _text(self, function: ctypes._CFuncPtr) -> bytes:
        size = ctypes.c_size_t()
        return ctypes.string_at(function(self.handle, ctypes.byref(size)), size.value)


_kernels: dict[AnyConfig, Kernel] = {}
_lock = threading.Lock()


def attention_kernel(config: AttentionConfig) -> Kernel:
    """The kernel of a configuration, compiled and loaded once in a process."""
    return _compiled(config)


def selection_kernel(config: SelectionConfig) -> Kernel:
    """The same for the selection."""
    return _compiled(config)


def score_kernel(config: ScoreConfig) -> Kernel:
    """The same for scores."""
    return _compiled(config)


def _compiled(config: AnyConfig) -> Kernel:
    kernel = _kernels.get(config)
    if kernel is None:
        with _lock:
            kernel = _kernels.get(config)
            if kernel is None:
                kernel = _kernels[config] = Kernel.compile(config)
    return kernel


@functools.cache
def device_chip(device: int) -> str:
    """The chip to compile for to run on a device."""
    chip = _library().sparsekDeviceChip(device)
    if chip is None:
        raise last_error()
    return chip.decode()


@functools.cache
def _warn_about_cache(problem: str) -> None:
    warnings.warn(
        f"compiled kernels are not kept: {problem}. SPARSEK_CACHE_DIR names another folder; "
        f"set to nothing it turns the cache off",
        RuntimeWarning,
        stacklevel=2,
    )
