# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The exception of the package."""


class SparsekError(Exception):
    """The compiler refused something, or its library cannot be used.

    The text holds the compiler's diagnostics with their locations.
    """
