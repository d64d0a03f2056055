#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Runs the GPU tests on the GPU of this machine, with the sparsek that is installed for PYTHON (default: python3), or that PYTHONPATH
# and SPARSEK_LIBRARY name.
# usage: scripts/gpu-tests.sh [--chip sm_80] [--quick] [--sanitizer] [--seconds S] [--results FOLDER] [pytest arguments]
#   --chip       tests kernels for another chip than the device's own; those of PyTorch's operators are left out
#   --quick      a few kernels, a few cases each, and a few launches of selection
#   --sanitizer  instead, a few small launches under compute-sanitizer: memcheck, racecheck, synccheck
#   --seconds    gives up after so many (default: 600)
#   --results    a folder for JUnit files and logs
set -uo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
chip= sanitizer= seconds=600 results=
while [ $# -gt 0 ]; do
  case "$1" in
    --chip) chip=${2:?--chip needs a name}; shift 2 ;;
    --quick) export SPARSEK_GPU_VARIANTS=8 SPARSEK_GPU_CASES=12 SPARSEK_GPU_SELECTIONS=24; shift ;;
    --sanitizer) sanitizer=yes; shift ;;
    --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
    --results) results=${2:?--results needs a folder}; shift 2 ;;
    --help) grep '^# usage' -A5 "$0" | cut -c3-; exit 0 ;;
    *) break ;;
  esac
done
[ -z "$results" ] && results=$(mktemp -d)
mkdir -p "$results"
results=$(cd "$results" && pwd)
if [ -n "$chip" ]; then export SPARSEK_TEST_CHIP=$chip; fi
# What the driver compiles is kept from process to process.
export CUDA_CACHE_MAXSIZE=${CUDA_CACHE_MAXSIZE:-4294967296}

if ! "$python" -c 'import sparsek, sparsek._cuda; print(sparsek.__file__, sparsek._cuda.device_chip(0))'; then
  echo "error: sparsek is not installed for $python, or there is no GPU" >&2
  exit 1
fi

if [ -n "$sanitizer" ]; then
  command -v compute-sanitizer >/dev/null || { echo "error: compute-sanitizer is not installed" >&2; exit 1; }
  status=0 begin=$SECONDS
  for tool in memcheck racecheck synccheck; do
    for part in attention selection; do
      options=()
      if [ $part = selection ]; then
        # It goes through PyTorch, and has no kernels for other chips.
        [ -z "$chip" ] && "$python" -c 'import torch' 2>/dev/null || continue
        options=(--report-api-errors no)
      fi
      echo "== $tool, $part"
      left=$((seconds - SECONDS + begin))
      timeout -k 5 $((left > 1 ? left : 1)) compute-sanitizer --tool "$tool" --error-exitcode 99 ${options[@]+"${options[@]}"} \
        "$python" python/tests/gpu/sanitize.py $part >"$results/$tool-$part.log" 2>&1
      code=$?
      tail -n 25 "$results/$tool-$part.log" | cut -c1-300
      if [ $code -ne 0 ]; then
        echo "FAILED: $tool, $part: exit status $code"
        status=1
      fi
    done
  done
  exit $status
fi

workers=$(($(nproc) / 2 < 8 ? ($(nproc) / 2 > 0 ? $(nproc) / 2 : 1) : 8))
begin=$SECONDS
timeout -k 5 "$seconds" "$python" python/tests/gpu/warm.py --workers "$((workers * 3 / 2))" ${chip:+--chip "$chip"} ||
  echo "some kernels could not be prepared: their tests will say why"
# Where they are installed: several processes, and none of them waits forever.
plugins=()
"$python" -c 'import xdist' 2>/dev/null && plugins+=(-n "$workers" --dist worksteal --max-worker-restart 40)
"$python" -c 'import pytest_timeout' 2>/dev/null && plugins+=(--timeout 90 --timeout-method thread)
tests=(python/tests/gpu)
[ -n "$chip" ] && tests=(python/tests/gpu/test_numeric_gpu.py python/tests/gpu/test_large_gpu.py)
# The package under test is the installed one, not the one beside the tests.
timeout -k 5 "$((seconds - SECONDS + begin))" "$python" -m pytest -o pythonpath=python/tests -q -ra --tb=short -p no:cacheprovider \
  --junit-xml="$results/gpu${chip:+-$chip}.xml" ${plugins[@]+"${plugins[@]}"} "$@" "${tests[@]}" 2>&1 |
  tee "$results/gpu${chip:+-$chip}.log"
exit "${PIPESTATUS[0]}"
