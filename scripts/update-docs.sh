#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Regenerates docs/generated from the .td files and the IR in docs/Kernels.md.
# usage: scripts/update-docs.sh [build folder]      (default: build/ci; --check after it compares instead of copying)
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/ci}
cmake --build "$build" --target sparsek-doc sparsek-opt
if [ "${2:-}" = --check ]; then
  diff -ru docs/generated "$build/docs/generated" || {
    echo "error: docs/generated is out of date; run scripts/update-docs.sh" >&2
    exit 1
  }
  scripts/kernel_page.py "$build/bin/sparsek-opt" --check
  exit 0
fi
mkdir -p docs/generated
rm -f docs/generated/*.md
cp "$build"/docs/generated/*.md docs/generated/
scripts/kernel_page.py "$build/bin/sparsek-opt"
