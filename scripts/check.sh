#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installs what is needed, builds, and runs every test. The last line is "N passed, N failed, N skipped"; the exit status is 0 only
# where every runner ran and nothing failed.
# usage: scripts/check.sh [--preset ci|clang|asan|dev|release]
#   With asan only the lit and unit tests run: Python would have to load the sanitizer's runtime first.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

# In braces, so that bash has read all of it before it runs: the file may change meanwhile.
{
preset=ci
while [ $# -gt 0 ]; do
  case "$1" in
    --preset) preset=${2:?--preset needs a name}; shift 2 ;;
    *) grep '^# usage' -A1 "$0" | cut -c3- >&2; exit 2 ;;
  esac
done
build=$PWD/build/$preset
venv=$PWD/build/venv
results=$build/results
python=$venv/bin/python

stop() { echo "error: $*" >&2; echo "0 passed, 1 failed, 0 skipped"; exit 1; }

say "Packages"
if [ "$preset" = clang ]; then
  scripts/install-deps.sh --clang || stop "the packages could not be installed"
else
  scripts/install-deps.sh || stop "the packages could not be installed"
fi
say "Python environment"
make_venv "$venv" || stop "the Python environment could not be made"
say "Build"
configure_preset "$preset" "-DPython3_EXECUTABLE=$python" || stop "CMake failed"
build_preset "$preset" || stop "the build failed"
rm -rf "$results"
mkdir -p "$results"
export PYTHONPATH=$PWD/python SPARSEK_LIBRARY=$build/lib/libSparsek.so PATH=$build/bin:$PATH

# Each runner writes a JUnit file; check <name> <command>... is one test and writes one too.
check() {
  local name=$1
  shift
  say "$name"
  "$python" scripts/count_tests.py --run "$name" "$results/$name.xml" "$@"
}

say "lit"
LIT_OPTS="--xunit-xml-output=$results/lit.xml" cmake --build "$build" --target check-sparsek
say "Unit tests"
(cd "$build" && ctest --output-on-failure --parallel "$(nproc)" --output-junit "$results/unit.xml")
expected=(lit unit)
if [ "$preset" != asan ]; then
  say "Python and numeric tests"
  "$python" -m pytest -q -ra -n "$(nproc)" --junit-xml="$results/python.xml"
  expected+=(python)
fi
check roundtrip env SPARSEK_ROUNDTRIP=1 cmake --build "$build" --target check-sparsek
check fuzz "$python" utils/fuzz/fuzz.py --build "$build" --count 400 --seed 1
check fuzz-import "$python" utils/fuzz/fuzz.py --build "$build" --count 2000 --seed 1 --only "Conversion/(Import|RaiseAttention)" \
  --passes "--sparsek-import=scores=tensor --sparsek-raise-attention=mode=dense --convert-sparsek-to-linalg"
check fuzz-iree "$python" utils/fuzz/accepted.py --build "$build" --count 600 --seed 1 \
  --only "Conversion/(Import|RaiseAttention|SparseKToIREE/convert)|SparseK/IR" \
  --passes "--sparsek-import=scores=tensor --sparsek-raise-attention --sparsek-emit-iree=llvm-cpu" \
  --then "$venv/bin/iree-compile {} --iree-hal-target-device=local --iree-hal-local-target-device-backends=llvm-cpu -o /dev/null"
check generated-docs scripts/update-docs.sh "$build" --check
check missing-dependencies ninja -C "$build" -t missingdeps
expected+=(roundtrip fuzz fuzz-import fuzz-iree generated-docs missing-dependencies)

say "Totals"
"$python" scripts/count_tests.py --total "$results" "${expected[@]}"
exit
}
