# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Global memory of a launch: buffers with guard bytes around them in one address range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import LaunchError, MemoryFault
from .program import GLOBAL_WINDOW

GUARD = 4096
POISON = 0xFF
NO_ACCESS, READ_ONLY, READ_WRITE = 0, 1, 3  # bit 0: may be read, bit 1: written


@dataclass
class Buffer:
    """An array of the caller in the range: element (0, ..., 0) lies at `address`."""

    name: str
    address: int
    low: int
    high: int
    array: np.ndarray | None


class GlobalMemory:
    """Bytes, and for every byte whether it may be touched."""

    def __init__(self) -> None:
        self.end = 0
        self.buffers: list[Buffer] = []
        self.bytes = np.zeros(0, np.uint8)
        self.access = np.zeros(0, np.uint8)
        self.views: dict[type, np.ndarray] = {}

    def place(self, name: str, array: np.ndarray, offset: int = 0, at: int | None = None) -> int:
        """Reserves room for an array (any strides); returns the address of its first element.

        `offset`: bytes past a multiple of 256 at which the lowest byte shall lie.
        """
        low = high = 0
        for n, stride in zip(array.shape, array.strides, strict=True):
            low += min(0, (n - 1) * stride)
            high += max(0, (n - 1) * stride)
        span = high - low + array.itemsize if array.size else 0
        start = at if at is not None else -(-(self.end + GUARD) // 256) * 256 + offset
        if start < self.end:
            raise LaunchError(f"{name} overlaps the buffer before it")
        self.end = start + span
        address = GLOBAL_WINDOW + start - low
        self.buffers.append(Buffer(name, address, start, self.end, array))
        return address

    def fill(self, writable: set[str] | None = None) -> None:
        """Allocates the range and copies the arrays in. `writable`: None for all buffers."""
        size = -(-(self.end + GUARD) // 16) * 16
        self.bytes = np.full(size, POISON, np.uint8)
        self.access = np.zeros(size, np.uint8)
        for b in self.buffers:
            kind = READ_WRITE if writable is None or b.name in writable else READ_ONLY
            if b.array is not None and b.array.size:
                self.window(b, self.bytes)[...] = b.array
                self.element_bytes(b, self.access)[...] = kind
        self.views = {}

    def window(self, b: Buffer, memory: np.ndarray) -> np.ndarray:
        """The buffer's elements in `memory`, with the array's own strides."""
        assert b.array is not None
        offset = b.address - GLOBAL_WINDOW
        return np.ndarray(b.array.shape, b.array.dtype, memory.data, offset, b.array.strides)

    def element_bytes(self, b: Buffer, memory: np.ndarray) -> np.ndarray:
        """The same as bytes: one more dimension."""
        assert b.array is not None
        offset = b.address - GLOBAL_WINDOW
        shape, strides = (*b.array.shape, b.array.itemsize), (*b.array.strides, 1)
        return np.ndarray(shape, np.uint8, memory.data, offset, strides)

    def collect(self) -> None:
        """Copies the buffers back into the arrays and checks that nothing else changed."""
        touched = np.flatnonzero((self.access == NO_ACCESS) & (self.bytes != POISON))
        if len(touched):
            raise MemoryFault(f"guard byte at {touched[0]:#x} was overwritten")
        for b in self.buffers:
            if b.array is not None and b.array.size and b.array.flags.writeable:
                b.array[...] = self.window(b, self.bytes)

    def typed(self, dtype: type) -> np.ndarray:
        """The whole range as elements of `dtype`."""
        view = self.views.get(dtype)
        if view is None:
            view = self.views[dtype] = self.bytes.view(dtype)
        return view

    def offsets(self, address: np.ndarray, size: int, store: bool = False) -> np.ndarray:
        """Positions in `bytes` of accesses of `size` bytes, checked."""
        at = address - GLOBAL_WINDOW
        if size > 1 and np.count_nonzero(at & (size - 1)):
            bad = at[(at & (size - 1)) != 0][0]
            raise MemoryFault(
                f"access of {size} bytes is misaligned: {self.describe(int(bad), size)}"
            )
        inside = at.view(np.uint64) <= len(self.bytes) - size  # below 0 is far above
        if np.count_nonzero(inside) != len(at):
            raise MemoryFault(
                f"access of {size} bytes out of bounds: {self.describe(int(at[~inside][0]), size)}"
            )
        first, last = self.access.take(at), self.access.take(at + (size - 1))
        good = first & last & 2 if store else first & last
        if np.count_nonzero(good) != len(at):
            self.judge(at, size, first, last, store)
        return at

    def judge(
        self, at: np.ndarray, size: int, first: np.ndarray, last: np.ndarray, store: bool
    ) -> None:
        """Raises unless the bytes are only read-only and only read."""
        bad = (first == NO_ACCESS) | (last == NO_ACCESS)
        if np.count_nonzero(bad):
            where = self.describe(int(at[bad][0]), size)
            raise MemoryFault(
                f"{'store' if store else 'load'} of {size} bytes out of bounds: {where}"
            )
        if store:
            where = self.describe(int(at[first == READ_ONLY][0]), size)
            raise MemoryFault(f"store of {size} bytes to a read-only buffer: {where}")

    def describe(self, at: int, size: int) -> str:
        """Where an access lies relative to the nearest buffer."""
        if not self.buffers:
            return f"address {at + GLOBAL_WINDOW:#x}"
        near = min(self.buffers, key=lambda b: max(b.low - at, at + size - b.high, 0))
        if max(near.low - at, at - near.high) > 1 << 40:
            return f"address {at + GLOBAL_WINDOW:#x} lies in no buffer"
        length = near.high - near.low
        return f"byte {at - near.low} of {near.name}, which has {length} bytes"
