# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A kernel that fails leaves its process without a usable device. In a worker of
pytest-xdist the process then ends, so that the next tests get a new one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

# References are computed by compiled CPU code: several workers share the cores, and none waits for
# work by spinning. Before OpenMP is loaded.
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // _WORKERS)))
os.environ.setdefault("KMP_BLOCKTIME", "0")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    yield
    if call.excinfo is None or "PYTEST_XDIST_WORKER" not in os.environ:
        return
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return
    try:
        torch.cuda.synchronize()
    except Exception as error:
        message = " ".join(str(call.excinfo.value).split())[:500]
        print(f"\nDEVICE LOST in {item.nodeid}: {message} ({error})"[:900], file=sys.__stderr__)
        sys.__stderr__.flush()
        os._exit(17)
