#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# From a bare Debian 12 to a real transformer layer, compiled, run and checked: installs the packages, builds, and runs
# examples/llama_layer. It may be run again; what is done is not done twice.
# usage: scripts/quickstart.sh [argument of examples/llama_layer/run.py]...
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

say "Packages"
scripts/install-deps.sh
say "Build"
configure_preset ci
build_preset ci Sparsek sparsek-opt sparsek-run
say "Python environment"
make_venv build/venv
say "A Llama decoder layer, dense and sparse"
export PYTHONPATH=$PWD/python SPARSEK_LIBRARY=$PWD/build/ci/lib/libSparsek.so PATH=$PWD/build/ci/bin:$PATH
build/venv/bin/python examples/llama_layer/run.py "$@"
say "Done. All tests: scripts/check.sh"
