#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Builds a self-contained wheel in dist/: MLIR and LLVM are linked in, so it works where no LLVM is installed, with any Python 3.10
# or later. Then installs it into a fresh environment and tries it there.
# usage: scripts/build-wheel.sh [--no-check]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

check=yes
case "${1-}" in
  "") ;;
  --no-check) check=no ;;
  *) grep '^# usage' "$0" | cut -c3- >&2; exit 2 ;;
esac
limit=$((60 * 1024 * 1024)) # bytes of the wheel

say "Build"
environment=build/wheel-environment
[ -x "$environment/bin/pip" ] || python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check wheel
rm -rf build/wheel-unchecked
# The preset's own build folder would be configured otherwise: with tests.
SPARSEK_STATIC=ON "$environment/bin/pip" wheel . --disable-pip-version-check --no-deps --wheel-dir build/wheel-unchecked \
  --config-settings=build-dir=build/wheel-static --config-settings=install.strip=true
wheel=$(echo build/wheel-unchecked/*.whl)

say "Tag"
rm -rf build/wheel-contents
mkdir build/wheel-contents
"$environment/bin/python" -m zipfile --extract "$wheel" build/wheel-contents
binaries=(build/wheel-contents/sparsek/lib/*.so* build/wheel-contents/sparsek/bin/*)
needed=$(for file in "${binaries[@]}"; do readelf --dynamic "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; done | sort -u)
allowed='^(libSparsek\.so|libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|librt\.so\.1|ld-linux-x86-64\.so\.2)$'
if grep -vE "$allowed" <<<"$needed"; then
  echo "error: the wheel needs the libraries above, which not every system has" >&2
  exit 1
fi
glibc=$(for file in "${binaries[@]}"; do objdump --dynamic-syms "$file"; done | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
version=${glibc#GLIBC_}
tagged=$("$environment/bin/wheel" tags --remove --platform-tag "manylinux_${version/./_}_$(uname -m)" "$wheel")
size=$(stat --format=%s "build/wheel-unchecked/$tagged")
if [ "$size" -gt "$limit" ]; then
  echo "error: $tagged has $size bytes, more than $limit" >&2
  exit 1
fi
mkdir -p dist
mv "build/wheel-unchecked/$tagged" dist/

if [ "$check" = yes ]; then
  say "Try it"
  fresh=build/wheel-check
  rm -rf "$fresh"
  python3 -m venv "$fresh"
  "$fresh/bin/pip" install --quiet --disable-pip-version-check "dist/$tagged"
  # From elsewhere, so that this source tree is not what is imported.
  unset PYTHONPATH SPARSEK_LIBRARY LD_LIBRARY_PATH
  "$fresh/bin/sparsek-opt" --version | grep sparsek
  (cd "$fresh" && bin/python "$OLDPWD/scripts/check_wheel.py")
fi
say "dist/$tagged: $size bytes, for glibc $version and later"
