# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Element types: what NumPy, the IR and the C API call them."""

from __future__ import annotations

import ml_dtypes
import numpy as np

# In the order of SparsekDtype.
NUMPY = tuple(
    np.dtype(t)
    for t in (
        np.float32,
        np.float16,
        ml_dtypes.bfloat16,
        np.float64,
        np.bool_,
        np.int8,
        np.int16,
        np.int32,
        np.int64,
    )
)
NAMES = ("f32", "f16", "bf16", "f64", "i1", "i8", "i16", "i32", "i64")
CODES = {dtype: code for code, dtype in enumerate(NUMPY)}


def name_of(dtype: np.dtype) -> str:
    """The IR's name of an element type, NumPy's own where the IR has none."""
    return NAMES[CODES[dtype]] if dtype in CODES else str(dtype)
