#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Runs the Python tests that scripts/check.sh skips, since they need PyTorch, transformers and torch-mlir. Uses the library of build/ci.
# usage: scripts/torch-tests.sh [pytest arguments]
#   PYTHON  an interpreter that has the packages; without it they are installed into build/torch-venv, which takes several GB
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --help ]; then
  grep '^# usage' -A1 "$0" | cut -c3-
  exit 0
fi
if [ -z "${PYTHON:-}" ]; then
  venv=$PWD/build/torch-venv PYTHON=$PWD/build/torch-venv/bin/python
  if [ ! -e "$venv/installed" ]; then
    python3 -m venv --clear "$venv"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check -r scripts/requirements.txt 'torch>=2.8' 'transformers>=5' torch-mlir
    touch "$venv/installed"
  fi
fi
export PYTHONPATH=$PWD/python SPARSEK_LIBRARY=$PWD/build/ci/lib/libSparsek.so PATH=$PWD/build/ci/bin:$PATH
if [ $# -eq 0 ]; then
  mapfile -t files < <(grep -l 'importorskip("torch"' python/tests/*.py)
  set -- -n "$(nproc)" "${files[@]}" python/tests/test_export.py
fi
exec "$PYTHON" -m pytest -q -ra "$@"
