#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installs the Debian packages that building and testing sparsek needs. Where all are installed it changes nothing and needs no root.
# usage: scripts/install-deps.sh [--clang] [--list]
#   --clang  also the packages of the clang preset
#   --list   print the packages and exit
set -euo pipefail
cd "$(dirname "$0")/.."

llvm=$(cut -d. -f1 cmake/llvm-version.txt)
packages=(
  ca-certificates git binutils g++ cmake ninja-build
  "libmlir-$llvm-dev" "mlir-$llvm-tools" "llvm-$llvm-dev" "llvm-$llvm-tools" "libomp-$llvm-dev"
  zlib1g-dev libzstd-dev libxml2-dev libgtest-dev
  python3 python3-venv
)
list=no
for argument in "$@"; do
  case "$argument" in
    --clang) packages+=("clang-$llvm" "libclang-rt-$llvm-dev") ;;
    --list) list=yes ;;
    *) grep '^# usage' -A2 "$0" | cut -c3- >&2; exit 2 ;;
  esac
done
if [ "$list" = yes ]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi
if ! command -v dpkg-query >/dev/null; then
  echo "error: this script installs Debian packages; elsewhere install LLVM/MLIR $(cat cmake/llvm-version.txt), CMake, Ninja, a C++20" \
       "compiler, GoogleTest and Python 3 yourself." >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "All ${#packages[@]} packages are installed."
  exit 0
fi

root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "error: not root and no sudo; as root run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi
echo "Installing: ${missing[*]}"
"${root[@]}" apt-get update -q
if ! "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"; then
  echo "error: some of these packages could not be installed. On Debian 12, LLVM $llvm comes from bookworm-security, so" \
       "/etc/apt/sources.list needs: deb http://deb.debian.org/debian-security bookworm-security main" >&2
  exit 1
fi
