# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tests that need the compiler library are skipped, visibly, without it."""

from __future__ import annotations

import pytest

from sparsek._errors import SparsekError
from sparsek._library import find_library


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "library: needs the compiler library")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    try:
        find_library()
    except SparsekError as error:
        skip = pytest.mark.skip(reason=str(error))
        for item in items:
            if "library" in item.keywords:
                item.add_marker(skip)
