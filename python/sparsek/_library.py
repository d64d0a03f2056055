# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The C API (`include/sparsek-c/Sparsek.h`) through ctypes.

One shared library serves every version of Python. It is looked for in this
package, then at the path in SPARSEK_LIBRARY.
"""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

from sparsek._errors import SparsekError

API_VERSION = 2
LIBRARY_NAME = "libSparsek.so"
ENVIRONMENT = "SPARSEK_LIBRARY"
DYNAMIC = -1


class Type(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("dtype", ctypes.c_int),
        ("rank", ctypes.c_int32),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
    )


class Signature(ctypes.Structure):
    _fields_ = (
        ("num_arguments", ctypes.c_size_t),
        ("arguments", ctypes.POINTER(Type)),
        ("num_results", ctypes.c_size_t),
        ("results", ctypes.POINTER(Type)),
    )


class Array(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("dtype", ctypes.c_int),
        ("rank", ctypes.c_int32),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
    )


class CompileOptions(ctypes.Structure):
    _fields_ = (
        ("pipeline", ctypes.c_char_p),
        ("cpu", ctypes.c_char_p),
        ("opt_level", ctypes.c_int32),
        ("threads", ctypes.c_int32),
        ("device", ctypes.c_int32),
    )


TextCallback = ctypes.CFUNCTYPE(
    None, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t, ctypes.c_void_p
)

# Handles are void pointers: ctypes would turn a plain result into an int of the
# wrong width.
_HANDLE = ctypes.c_void_p
_PROTOTYPES = {
    "sparsekVersion": (ctypes.c_char_p, ()),
    "sparsekApiVersion": (ctypes.c_int32, ()),
    "sparsekLastError": (ctypes.c_char_p, ()),
    "sparsekParse": (
        _HANDLE,
        (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_int32),
    ),
    "sparsekRunPipeline": (ctypes.c_int32, (_HANDLE, ctypes.c_char_p)),
    "sparsekPrint": (None, (_HANDLE, ctypes.c_int32, TextCallback, ctypes.c_void_p)),
    "sparsekReleaseModule": (None, (_HANDLE,)),
    "sparsekCompile": (_HANDLE, (_HANDLE, ctypes.POINTER(CompileOptions))),
    "sparsekNumEntries": (ctypes.c_size_t, (_HANDLE,)),
    "sparsekEntryName": (ctypes.c_char_p, (_HANDLE, ctypes.c_size_t)),
    "sparsekEntrySignature": (ctypes.POINTER(Signature), (_HANDLE, ctypes.c_char_p)),
    "sparsekCall": (
        _HANDLE,
        (_HANDLE, ctypes.c_char_p, ctypes.POINTER(Array), ctypes.c_size_t),
    ),
    "sparsekResultArray": (ctypes.POINTER(Array), (_HANDLE, ctypes.c_size_t)),
    "sparsekReleaseResults": (None, (_HANDLE,)),
    "sparsekReleaseEngine": (None, (_HANDLE,)),
}


def find_library() -> Path:
    """The path of the library. Raises SparsekError with what to do if there is none."""
    packaged = Path(__file__).parent / "lib" / LIBRARY_NAME
    if packaged.is_file():
        return packaged
    named = os.environ.get(ENVIRONMENT)
    if named and Path(named).is_file():
        return Path(named)
    tried = f"{packaged} does not exist"
    tried += f", nor does {ENVIRONMENT}={named}" if named else f" and {ENVIRONMENT} is not set"
    raise SparsekError(
        f"cannot find the compiler library: {tried}. Install the wheel, or build the project "
        f"with CMake and set {ENVIRONMENT} to <build>/lib/{LIBRARY_NAME}"
    )


@functools.cache
def library() -> ctypes.CDLL:
    """The loaded library with its prototypes set.

    Raises SparsekError when it is missing, cannot be loaded, or has another
    version of the API.
    """
    path = find_library()
    try:
        loaded = ctypes.CDLL(str(path))
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise SparsekError(
            f"cannot load {path}: {error}. It may need the LLVM libraries of the machine it was "
            f"built on, or belong to another version of this package"
        ) from error
    if loaded.sparsekApiVersion() != API_VERSION:
        raise SparsekError(
            f"{path} has version {loaded.sparsekApiVersion()} of the C API, this package needs "
            f"{API_VERSION}: install both from the same source"
        )
    return loaded


def last_error() -> SparsekError:
    """The last failure of this thread, as an exception to raise."""
    return SparsekError(library().sparsekLastError().decode(errors="replace"))
